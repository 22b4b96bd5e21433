//! The protocols AWS speaks: how a request is read and an answer written. Nothing here knows a service.

pub(crate) mod cbor;
pub(crate) mod dialect;
pub(crate) mod ec2;
pub(crate) mod gzip;
pub(crate) mod json;
pub(crate) mod query;
pub(crate) mod rest;
mod xml;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use crate::refusal::Refusal;

/// The protocol a request came in, which is the one its answer goes out in.
#[derive(Debug, Clone)]
pub(crate) enum Wire {
    Json,
    Cbor,
    /// The `Version` the form named.
    Query(String),
    Ec2,
    /// A REST service, and the status of a success.
    Rest(&'static rest::Rest, u16),
}

impl Wire {
    pub(crate) fn answered(&self, operation: &str, output: &Value, request_id: &str) -> Response<Bytes> {
        match self {
            Self::Json => json::answered(output, request_id),
            Self::Cbor => cbor::answered(output, request_id),
            Self::Query(version) => query::answered(operation, version, output, request_id),
            Self::Ec2 => ec2::answered(operation, output, request_id),
            Self::Rest(rest, status) => rest.answered(operation, *status, output, request_id),
        }
    }

    pub(crate) fn refused(&self, refusal: &Refusal, request_id: &str) -> Response<Bytes> {
        match self {
            Self::Json => json::refused(refusal, request_id),
            Self::Cbor => cbor::refused(refusal, request_id),
            Self::Query(version) => query::refused(version, refusal, request_id),
            Self::Ec2 => ec2::refused(refusal, request_id),
            Self::Rest(rest, _) => rest.refused(refusal, request_id),
        }
    }
}
