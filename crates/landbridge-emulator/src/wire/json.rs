//! AWS JSON 1.1: a JSON object in, a JSON object out, times as seconds since the epoch.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::refusal::Refusal;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// Reads a request's body; an empty one is an empty object.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_slice(body) {
        Ok(input @ Value::Object(_)) => Ok(input),
        Ok(_) => Err(Refusal::serialization("Start of structure or map found where not expected")),
        Err(error) => Err(Refusal::serialization(error.to_string())),
    }
}

pub(crate) fn answered(output: &Value, request_id: &str) -> Response<Bytes> {
    let body = if output.is_null() { Bytes::from_static(b"{}") } else { Bytes::from(output.to_string()) };
    response(StatusCode::OK, body, request_id)
}

/// An error: its code in `__type`, its message and modelled members beside it.
pub(crate) fn refused(refusal: &Refusal, request_id: &str) -> Response<Bytes> {
    let mut body = refusal.extra.clone();
    body.insert("__type".to_owned(), Value::from(refusal.code.as_ref()));
    if !refusal.message.is_empty() {
        body.insert("message".to_owned(), Value::from(refusal.message.as_str()));
    }
    let status = StatusCode::from_u16(refusal.http_status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = response(status, Bytes::from(Value::Object(body).to_string()), request_id);
    let query = refusal.query_code.and_then(|code| HeaderValue::from_str(&format!("{code};Sender")).ok());
    if let Some(query) = query {
        response.headers_mut().insert("x-amzn-query-error", query);
    }
    response
}

fn response(status: StatusCode, body: Bytes, request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, CONTENT_TYPE);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// A time as the JSON protocols write it: seconds since the epoch, to the millisecond.
pub(crate) fn epoch(at: Timestamp) -> Value {
    Value::from(at.as_millisecond() as f64 / 1000.0)
}
