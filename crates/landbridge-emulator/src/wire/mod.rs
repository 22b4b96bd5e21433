//! The protocols AWS speaks: how a request is read and an answer written. Nothing here knows a service.

pub(crate) mod cbor;
pub(crate) mod json;
pub(crate) mod query;
