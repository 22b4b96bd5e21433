//! AWS IAM.

use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// What IAM remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Iam {}

impl Iam {
    /// Everything remembered, for a look from outside.
    #[allow(clippy::unused_self)]
    pub(crate) fn dump(&self) -> Value {
        json!({})
    }
}

pub(crate) fn call(_world: &mut World, _cx: &Cx, _op: &str, _input: &Value) -> Result<Value, Refusal> {
    Err(Refusal::unknown_operation())
}

/// True if a role of this ARN exists and other services can already see it (IAM is eventually consistent).
#[allow(dead_code)]
pub(crate) fn role_is_visible(_world: &World, _role_arn: &str) -> bool {
    true
}
