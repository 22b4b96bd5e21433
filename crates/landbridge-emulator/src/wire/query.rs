//! The AWS query protocol: a form in, XML out.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// A form understood: `Action`, `Version`, and its other members as a tree.
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) version: String,
    pub(crate) input: Value,
}

/// Reads a form-encoded body.
pub(crate) fn parse(_body: &[u8]) -> Result<Form, Refusal> {
    Ok(Form { action: String::new(), version: String::new(), input: Value::Object(Map::new()) })
}

/// `<ActionResponse><ActionResult>...` for a result.
pub(crate) fn answered(_action: &str, _version: &str, _output: &Value, _request_id: &str) -> Response<Bytes> {
    Response::new(Bytes::new())
}

/// `<ErrorResponse>` for a refusal.
pub(crate) fn refused(_version: &str, _refusal: &Refusal, _request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
