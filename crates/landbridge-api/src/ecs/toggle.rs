//! On and off, as ECS spells them in many places.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum Toggle {
    /// On.
    Enabled,
    /// Off.
    Disabled,
}
