//! Reads SDK structures from a JSON value, strictly: a member that the structure does not have is refused with where it is,
//! and a number where AWS wants text (`cpu: 256`) is taken as that text.
//!
//! The SDK's own reader leaves out what it does not know, which for something that a person wrote is the wrong thing.

use aws_smithy_schema::Schema;
use aws_smithy_schema::serde::{SerdeError, ShapeDeserializer};
use aws_smithy_types::{BigDecimal, BigInteger, Blob, DateTime, Document};
use serde_json::Value;

/// A value and where it stands.
pub(crate) struct Reader<'a> {
    value: &'a Value,
    at: String,
}

impl<'a> Reader<'a> {
    /// Reads from the top.
    pub(crate) fn new(value: &'a Value) -> Self {
        Self { value, at: String::new() }
    }

    fn inside<'b>(&self, value: &'b Value, part: &str) -> Reader<'b> {
        let at = if self.at.is_empty() { part.to_owned() } else { format!("{}.{part}", self.at) };
        Reader { value, at }
    }

    fn wants(&self, what: &str) -> SerdeError {
        let found = match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        let at = if self.at.is_empty() { "the request" } else { &self.at };
        SerdeError::custom(format!("{at} must be {what}, not {found}"))
    }

    fn integer<T: TryFrom<i64>>(&self) -> Result<T, SerdeError> {
        let whole = self.value.as_i64().and_then(|n| T::try_from(n).ok());
        whole.ok_or_else(|| self.wants("a whole number that AWS can take"))
    }
}

impl ShapeDeserializer for Reader<'_> {
    fn read_struct(
        &mut self,
        schema: &Schema<'_>,
        state: &mut dyn FnMut(&Schema<'_>, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let members = self.value.as_object().ok_or_else(|| self.wants("an object"))?;
        for (name, value) in members.iter().filter(|(_, v)| !v.is_null()) {
            let mut inner = self.inside(value, name);
            let Some(member) = schema.member_schema(name) else {
                return Err(SerdeError::custom(format!("AWS knows no field {}", inner.at)));
            };
            state(member, &mut inner)?;
        }
        Ok(())
    }

    fn read_list(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(&mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let items = self.value.as_array().ok_or_else(|| self.wants("a list"))?;
        for (index, value) in items.iter().enumerate() {
            state(&mut Reader { value, at: format!("{}[{index}]", self.at) })?;
        }
        Ok(())
    }

    fn read_map(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(String, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let entries = self.value.as_object().ok_or_else(|| self.wants("an object"))?;
        for (key, value) in entries {
            state(key.clone(), &mut self.inside(value, key))?;
        }
        Ok(())
    }

    fn read_boolean(&mut self, _: &Schema<'_>) -> Result<bool, SerdeError> {
        self.value.as_bool().ok_or_else(|| self.wants("true or false"))
    }

    fn read_byte(&mut self, _: &Schema<'_>) -> Result<i8, SerdeError> {
        self.integer()
    }

    fn read_short(&mut self, _: &Schema<'_>) -> Result<i16, SerdeError> {
        self.integer()
    }

    fn read_integer(&mut self, _: &Schema<'_>) -> Result<i32, SerdeError> {
        self.integer()
    }

    fn read_long(&mut self, _: &Schema<'_>) -> Result<i64, SerdeError> {
        self.integer()
    }

    fn read_float(&mut self, schema: &Schema<'_>) -> Result<f32, SerdeError> {
        self.read_double(schema).map(|n| n as f32)
    }

    fn read_double(&mut self, _: &Schema<'_>) -> Result<f64, SerdeError> {
        self.value.as_f64().ok_or_else(|| self.wants("a number"))
    }

    fn read_big_integer(&mut self, _: &Schema<'_>) -> Result<BigInteger, SerdeError> {
        Err(self.wants("something else: requests have no big integers"))
    }

    fn read_big_decimal(&mut self, _: &Schema<'_>) -> Result<BigDecimal, SerdeError> {
        Err(self.wants("something else: requests have no big decimals"))
    }

    fn read_string(&mut self, _: &Schema<'_>) -> Result<String, SerdeError> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(self.wants("text")),
        }
    }

    fn read_blob(&mut self, _: &Schema<'_>) -> Result<Blob, SerdeError> {
        Err(self.wants("something else: requests have no binary data"))
    }

    fn read_timestamp(&mut self, _: &Schema<'_>) -> Result<DateTime, SerdeError> {
        Err(self.wants("something else: requests have no times"))
    }

    fn read_document(&mut self, _: &Schema<'_>) -> Result<Document, SerdeError> {
        Ok(document(self.value))
    }

    fn is_null(&self) -> bool {
        self.value.is_null()
    }

    fn container_size(&self) -> Option<usize> {
        match self.value {
            Value::Array(items) => Some(items.len()),
            Value::Object(entries) => Some(entries.len()),
            _ => None,
        }
    }
}

/// Free-form JSON, such as `hookDetails` of a lifecycle hook.
fn document(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(value) => Document::Bool(*value),
        Value::Number(n) => Document::Number(match (n.as_u64(), n.as_i64()) {
            (Some(n), _) => aws_smithy_types::Number::PosInt(n),
            (None, Some(n)) => aws_smithy_types::Number::NegInt(n),
            (None, None) => aws_smithy_types::Number::Float(n.as_f64().unwrap_or_default()),
        }),
        Value::String(text) => Document::String(text.clone()),
        Value::Array(items) => Document::Array(items.iter().map(document).collect()),
        Value::Object(entries) => Document::Object(entries.iter().map(|(k, v)| (k.clone(), document(v))).collect()),
    }
}
