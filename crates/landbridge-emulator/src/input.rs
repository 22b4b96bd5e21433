//! Reads one operation's input, with the refusal that the service gives for a value of the wrong shape.
//!
//! It knows types, not meanings: what a name may contain is each service's own business. Query services carry every
//! leaf as text, so numbers and booleans are also read from text.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// The input of one operation together with the code its service uses for bad parameters.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    value: &'a Value,
    code: &'static str,
}

impl<'a> Input<'a> {
    pub(crate) fn new(value: &'a Value, code: &'static str) -> Self {
        Self { value, code }
    }

    /// Refuses with the service's own code for bad parameters.
    pub(crate) fn refuse(&self, message: impl Into<String>) -> Refusal {
        Refusal::new(self.code, message)
    }

    /// The value under `key`, where JSON `null` counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    /// All members, as they were given.
    pub(crate) fn members(&self) -> Map<String, Value> {
        self.value.as_object().cloned().unwrap_or_default()
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, Refusal> {
        let wrong = || serialization(key, "a string");
        self.get(key).map(|value| value.as_str().ok_or_else(wrong)).transpose()
    }

    pub(crate) fn required(&self, key: &str) -> Result<&'a str, Refusal> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// AWS's wording for an absent required member, as every service with generated validation gives it.
    pub(crate) fn missing(&self, key: &str) -> Refusal {
        self.refuse(format!(
            "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
            lower_first(key)
        ))
    }

    pub(crate) fn number(&self, key: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        number.map(Some).ok_or_else(|| serialization(key, "a whole number"))
    }

    /// A number with a fraction.
    pub(crate) fn float(&self, key: &str) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        number.map(Some).ok_or_else(|| serialization(key, "a number"))
    }

    /// A list of numbers.
    pub(crate) fn floats(&self, key: &str) -> Result<Vec<f64>, Refusal> {
        let number = |value: &Value| value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        self.list(key)?.iter().map(|item| number(item).ok_or_else(|| serialization(key, "a list of numbers"))).collect()
    }

    /// A time: seconds since the epoch, as the JSON protocols and CBOR have it, or the text of the query protocol.
    pub(crate) fn time(&self, key: &str) -> Result<Option<Timestamp>, Refusal> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let seconds = |seconds: f64| Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok();
        let text = |text: &str| text.parse().ok().or_else(|| text.parse().ok().and_then(seconds));
        let time = value.as_f64().and_then(seconds).or_else(|| value.as_str().and_then(text));
        time.map(Some).ok_or_else(|| serialization(key, "a time"))
    }

    /// A number within `least..=most`; outside it is the service's validation error.
    pub(crate) fn number_within(&self, key: &str, least: i64, most: i64) -> Result<Option<i64>, Refusal> {
        let number = self.number(key)?;
        match number {
            Some(n) if n < least || n > most => Err(self.refuse(format!(
                "1 validation error detected: Value '{n}' at '{}' failed to satisfy constraint: Member must have value \
                 between {least} and {most}",
                lower_first(key)
            ))),
            _ => Ok(number),
        }
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Refusal> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let flag = value.as_bool().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        flag.map(Some).ok_or_else(|| serialization(key, "a boolean"))
    }

    /// A list; absent and, as the query protocol writes an empty list, empty text are no items.
    pub(crate) fn list(&self, key: &str) -> Result<&'a [Value], Refusal> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Value::String(text)) if text.is_empty() => Ok(&[]),
            Some(value) => value.as_array().map(Vec::as_slice).ok_or_else(|| serialization(key, "a list")),
        }
    }

    pub(crate) fn texts(&self, key: &str) -> Result<Vec<&'a str>, Refusal> {
        let items = self.list(key)?.iter();
        items.map(|item| item.as_str().ok_or_else(|| serialization(key, "a list of strings"))).collect()
    }

    pub(crate) fn object(&self, key: &str) -> Result<Option<Input<'a>>, Refusal> {
        let Some(value) = self.get(key) else { return Ok(None) };
        if !value.is_object() {
            return Err(serialization(key, "an object"));
        }
        Ok(Some(Input { value, code: self.code }))
    }

    pub(crate) fn objects(&self, key: &str) -> Result<Vec<Input<'a>>, Refusal> {
        let items = self.list(key)?.iter();
        items
            .map(|value| {
                let object = value.as_object().map(|_| Input { value, code: self.code });
                object.ok_or_else(|| serialization(key, "a list of objects"))
            })
            .collect()
    }

    /// A map of strings, in the order of the keys.
    pub(crate) fn map(&self, key: &str) -> Result<Vec<(String, String)>, Refusal> {
        let empty = Map::new();
        let object = match self.get(key) {
            None => &empty,
            Some(value) => value.as_object().ok_or_else(|| serialization(key, "a map"))?,
        };
        let pair = |(name, value): (&String, &Value)| {
            let text = value.as_str().ok_or_else(|| serialization(key, "a map of strings"))?;
            Ok((name.clone(), text.to_owned()))
        };
        object.iter().map(pair).collect()
    }

    /// `[{Key, Value}]`, the way most services spell tags.
    pub(crate) fn tags(&self, key: &str) -> Result<Vec<(String, String)>, Refusal> {
        let tag = |tag: Input<'_>| Ok((tag.required("Key")?.to_owned(), tag.text("Value")?.unwrap_or("").to_owned()));
        self.objects(key)?.into_iter().map(tag).collect()
    }
}

fn serialization(key: &str, wanted: &str) -> Refusal {
    Refusal::new("SerializationException", format!("The value of '{key}' must be {wanted}"))
}

fn lower_first(key: &str) -> String {
    let mut characters = key.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_flags_are_read_from_json_and_from_form_text() {
        let value = json!({"a": 5, "b": "6", "c": true, "d": "false"});
        let input = Input::new(&value, "InvalidInput");
        assert_eq!(input.number("a").unwrap(), Some(5));
        assert_eq!(input.number("b").unwrap(), Some(6));
        assert_eq!(input.flag("c").unwrap(), Some(true));
        assert_eq!(input.flag("d").unwrap(), Some(false));
    }

    #[test]
    fn a_time_is_read_from_seconds_and_from_text() {
        let value = json!({"a": 1.5, "b": "1970-01-01T00:00:01.5Z", "c": "1.5", "d": "soon"});
        let input = Input::new(&value, "InvalidInput");
        let expected = Timestamp::from_millisecond(1500).unwrap();
        for key in ["a", "b", "c"] {
            assert_eq!(input.time(key).unwrap(), Some(expected), "{key}");
        }
        assert_eq!(input.time("d").err().unwrap().code, "SerializationException");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_a_serialization_error_that_names_the_field() {
        let value = json!({"a": [1], "b": "x", "c": {"k": 1}});
        let input = Input::new(&value, "InvalidInput");
        for refusal in [
            input.text("a").err().unwrap(),
            input.list("b").err().unwrap(),
            input.number("b").err().unwrap(),
            input.texts("a").err().unwrap(),
            input.objects("a").err().unwrap(),
            input.map("c").err().unwrap(),
        ] {
            assert_eq!(refusal.code, "SerializationException");
        }
    }

    #[test]
    fn an_absent_required_member_is_the_service_s_own_error() {
        let input = Input::new(&serde_json::Value::Null, "ValidationError");
        let refusal = input.required("RoleName").err().unwrap();
        assert_eq!(refusal.code, "ValidationError");
        assert!(refusal.message.contains("'roleName'"));
    }
}
