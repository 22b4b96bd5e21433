//! A size that people write as a number or as text.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A number or a text, kept as it was typed: `256`, `"256"`, `"1 vCPU"`, `"2 GB"`.
///
/// ECS itself takes text only; `landbridge-plan`'s canonical form turns every spelling into the text of an integer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntOrString {
    /// Typed as a number.
    Int(i64),
    /// Typed as text.
    Text(String),
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl From<i64> for IntOrString {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for IntOrString {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Serialize for IntOrString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for IntOrString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Typed)
    }
}

struct Typed;

impl Visitor<'_> for Typed {
    type Value = IntOrString;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number such as 256, or a text such as \"256\", \"1 vCPU\" or \"2 GB\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<IntOrString, E> {
        Ok(IntOrString::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<IntOrString, E> {
        i64::try_from(number)
            .map(IntOrString::Int)
            .map_err(|_| E::custom(format_args!("{number} is larger than any size ECS knows")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<IntOrString, E> {
        Ok(IntOrString::Text(text.to_owned()))
    }
}

impl JsonSchema for IntOrString {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IntOrString".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-int-or-string": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_stays_as_it_was_typed() {
        for json in ["256", "\"256\"", "\"1 vCPU\""] {
            let size: IntOrString = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&size).unwrap(), json);
        }
        assert_eq!(IntOrString::from(256).to_string(), "256");
        assert_eq!(IntOrString::from("2 GB").to_string(), "2 GB");
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        for json in ["0.25", "true", "[]", "{}"] {
            let error = serde_json::from_str::<IntOrString>(json).unwrap_err().to_string();
            assert!(error.contains("expected a whole number such as 256, or a text such as"), "{error}");
        }
        let error = serde_json::from_str::<IntOrString>("18446744073709551615").unwrap_err().to_string();
        assert!(error.contains("larger than any size ECS knows"), "{error}");
    }
}
