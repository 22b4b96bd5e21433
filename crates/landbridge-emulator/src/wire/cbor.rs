//! Smithy RPC v2 CBOR: a CBOR map in, a CBOR map out, times as CBOR's own. botocore prefers it for Cloud Map.
//! Source: "Smithy RPC v2 CBOR protocol" (smithy.io).

use bytes::Bytes;
use ciborium::Value as Cbor;
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::{Map, Number, Value};

use crate::refusal::Refusal;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/cbor");
const PROTOCOL: HeaderValue = HeaderValue::from_static("rpc-v2-cbor");
/// The header by which both sides name the protocol.
const PROTOCOL_HEADER: &str = "smithy-protocol";
/// CBOR's tag for seconds since the epoch (RFC 8949, 3.4.2).
const EPOCH: u64 = 1;

/// Service and operation of `/service/SERVICE/operation/OPERATION`, if the request is one of this protocol.
pub(crate) fn named(request: &Request<Bytes>) -> Option<(&str, &str)> {
    if request.headers().get(PROTOCOL_HEADER)? != PROTOCOL {
        return None;
    }
    request.uri().path().strip_prefix("/service/")?.split_once("/operation/")
}

/// Reads a request's body; an empty one is an empty object.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let read: Cbor = ciborium::from_reader(body).map_err(|error| Refusal::serialization(error.to_string()))?;
    match to_json(read)? {
        input @ Value::Object(_) => Ok(input),
        _ => Err(Refusal::serialization("Start of structure or map found where not expected")),
    }
}

fn to_json(value: Cbor) -> Result<Value, Refusal> {
    let wrong = |what: &str| Refusal::serialization(format!("{what} is nothing that this service takes"));
    Ok(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(flag) => Value::Bool(flag),
        Cbor::Text(text) => Value::String(text),
        Cbor::Integer(number) => {
            Value::Number(Number::from_i128(number.into()).ok_or_else(|| wrong("a number that long"))?)
        }
        Cbor::Float(number) => Value::from(number),
        Cbor::Tag(EPOCH, number) => to_json(*number)?,
        Cbor::Array(items) => Value::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?),
        Cbor::Map(members) => {
            let member = |(name, value): (Cbor, Cbor)| match name {
                Cbor::Text(name) => Ok((name, to_json(value)?)),
                _ => Err(wrong("a map whose keys are not text")),
            };
            Value::Object(members.into_iter().map(member).collect::<Result<_, _>>()?)
        }
        _ => return Err(wrong("a value of that type")),
    })
}

pub(crate) fn answered(output: &Value, request_id: &str) -> Response<Bytes> {
    let members = if output.is_null() { &Value::Object(Map::new()) } else { output };
    response(StatusCode::OK, &of_json("", members), request_id)
}

/// An error: its code in `__type`, its message and modelled members beside it.
pub(crate) fn refused(refusal: &Refusal, request_id: &str) -> Response<Bytes> {
    let mut body = refusal.extra.clone();
    body.insert("__type".to_owned(), Value::from(refusal.code.as_ref()));
    body.insert("message".to_owned(), Value::from(refusal.message.as_str()));
    let status = StatusCode::from_u16(refusal.http_status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = response(status, &of_json("", &Value::Object(body)), request_id);
    let query = refusal.query_code.and_then(|code| HeaderValue::from_str(&format!("{code};Sender")).ok());
    if let Some(query) = query {
        response.headers_mut().insert("x-amzn-query-error", query);
    }
    response
}

/// JSON has no times: the members that are some are known by their names.
fn is_time(name: &str) -> bool {
    ["Date", "Time", "Timestamp", "Timestamps", "UpdatedAt"].iter().any(|end| name.ends_with(end))
}

fn of_json(name: &str, value: &Value) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(*flag),
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Number(number) => {
            let plain = number.as_i64().map_or_else(|| Cbor::Float(number.as_f64().unwrap_or(0.0)), Cbor::from);
            if is_time(name) { Cbor::Tag(EPOCH, Box::new(plain)) } else { plain }
        }
        Value::Array(items) => Cbor::Array(items.iter().map(|item| of_json(name, item)).collect()),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| (Cbor::Text(name.clone()), of_json(name, value));
            Cbor::Map(members.iter().filter(|(_, value)| !value.is_null()).map(member).collect())
        }
    }
}

fn response(status: StatusCode, body: &Cbor, request_id: &str) -> Response<Bytes> {
    let mut written = Vec::new();
    // Writing into memory cannot fail.
    let _ = ciborium::into_writer(body, &mut written);
    let mut response = Response::new(Bytes::from(written));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, CONTENT_TYPE);
    headers.insert(PROTOCOL_HEADER, PROTOCOL);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_times_are_cbor_s_own() {
        let output = json!({"Namespaces": [{"Id": "ns-1", "CreateDate": 5.5, "Properties": {"Ttl": 60, "On": true}}]});
        let response = answered(&output, "id");
        assert_eq!(parse(response.body()).unwrap(), output);
        let written: Cbor = ciborium::from_reader(&response.body()[..]).unwrap();
        let namespace = &written.as_map().unwrap()[0].1.as_array().unwrap()[0];
        let date = namespace.as_map().unwrap().iter().find(|(name, _)| name.as_text() == Some("CreateDate")).unwrap();
        assert_eq!(date.1, Cbor::Tag(EPOCH, Box::new(Cbor::Float(5.5))));
    }

    #[test]
    fn a_body_that_is_no_cbor_map_is_refused() {
        for body in [&b"\xff"[..], b"\x01", b"\x81\x01", b"\xa1\x01\x02", b"{}"] {
            assert_eq!(parse(body).unwrap_err().code, "SerializationException", "{body:?}");
        }
        assert_eq!(parse(b"").unwrap(), json!({}));
    }
}
