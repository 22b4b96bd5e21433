//! AWS STS.

use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// What STS remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sts {}

impl Sts {
    /// Everything remembered, for a look from outside.
    #[allow(clippy::unused_self)]
    pub(crate) fn dump(&self) -> Value {
        json!({})
    }
}

pub(crate) fn call(_world: &mut World, _cx: &Cx, _op: &str, _input: &Value) -> Result<Value, Refusal> {
    Err(Refusal::unknown_operation())
}

/// Who a set of temporary credentials belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) arn: String,
}

/// Who calls with this access key: none if it is not one that was issued here.
/// Errors: credentials issued here that are expired or revoked.
pub(crate) fn caller(_world: &World, _access_key: &str) -> Result<Option<Caller>, Refusal> {
    Ok(None)
}
