//! Tags, as ECS writes them: a list of key and value pairs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One AWS tag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Tag key, at most 128 characters; keys that begin with `aws:` belong to AWS.
    #[schemars(length(max = 128))]
    pub key: String,
    /// Tag value, at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub value: Option<String>,
}
