//! CloudWatch Logs.

use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// What CloudWatch Logs remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logs {}

impl Logs {
    /// Everything remembered, for a look from outside.
    #[allow(clippy::unused_self)]
    pub(crate) fn dump(&self) -> Value {
        json!({})
    }
}

pub(crate) fn call(_world: &mut World, _cx: &Cx, _op: &str, _input: &Value) -> Result<Value, Refusal> {
    Err(Refusal::unknown_operation())
}
