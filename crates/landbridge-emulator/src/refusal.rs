//! A refused call: AWS's error code, message, status and extra fields, independent of the wire it is written on.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// What a service answers instead of a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) http_status: u16,
    /// Modelled members beside the message (`resourceIds`, `DuplicateOperationId`, ...).
    pub(crate) extra: Map<String, Value>,
    /// The code that the service had under the query protocol, for clients that still look for it.
    pub(crate) query_code: Option<&'static str>,
}

impl Refusal {
    /// A fault of the caller: HTTP 400, as every error of the JSON protocols unless modelled otherwise.
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), http_status: 400, extra: Map::new(), query_code: None }
    }

    pub(crate) fn status(mut self, http_status: u16) -> Self {
        self.http_status = http_status;
        self
    }

    /// Names the code of the query protocol ("awsQueryCompatible" services; header `x-amzn-query-error`).
    pub(crate) fn query(mut self, code: &'static str) -> Self {
        self.query_code = Some(code);
        self
    }

    /// Adds a modelled member to the error's body.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// The operation is not one this service has, in the words of the JSON protocols.
    pub(crate) fn unknown_operation() -> Self {
        Self::new("UnknownOperationException", "")
    }

    /// The action is not one this service has, in the words of the query protocol.
    pub(crate) fn invalid_action(action: &str, version: &str) -> Self {
        Self::new("InvalidAction", format!("Could not find operation {action} for version {version}"))
    }

    pub(crate) fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    pub(crate) fn throttled() -> Self {
        Self::new("ThrottlingException", "Rate exceeded")
    }

    pub(crate) fn server_error() -> Self {
        Self::new("ServerException", "Service Unavailable. Please try again later.").status(500)
    }
}
