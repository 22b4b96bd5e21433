//! JSON in AWS's own names to and from SDK types, by the schemas that the SDK carries.
//!
//! No field is listed here, so none can be forgotten.

use std::fmt;

use aws_smithy_json::codec::{JsonCodec, JsonCodecSettings};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_schema::codec::Codec as _;
use aws_smithy_schema::serde::{SerdeError, SerializableStruct, ShapeDeserializer, ShapeSerializer as _};
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use landbridge_plan::change::Body;
use landbridge_plan::verdict::ErrorClass;
use serde_json::Value;

use crate::error::AwsError;
use crate::operations::Operation;
use crate::reader::Reader;

fn codec() -> JsonCodec {
    let settings = JsonCodecSettings::builder().use_json_name(false).default_timestamp_format(Format::DateTime).build();
    JsonCodec::new(settings)
}

/// The JSON of an SDK structure, in AWS's names, with times as RFC 3339 text.
pub(crate) fn to_json(operation: &Operation, value: &dyn SerializableStruct) -> Result<Value, AwsError> {
    let unreadable = |e: &dyn fmt::Display| {
        AwsError::new(operation, ErrorClass::Transient, format!("AWS's answer could not be read: {e}"))
    };
    let mut serializer = codec().create_serializer();
    serializer.write_struct(value.schema(), value).map_err(|e| unreadable(&e))?;
    serde_json::from_slice(&serializer.finish()).map_err(|e| unreadable(&e))
}

/// The input of an operation from its JSON body.
pub(crate) fn to_input<I>(
    operation: &Operation,
    body: &Body,
    read: fn(&mut dyn ShapeDeserializer) -> Result<I, SerdeError>,
) -> Result<I, AwsError> {
    let body = Value::Object(body.clone());
    read(&mut Reader::new(&body)).map_err(|error| {
        AwsError::new(operation, ErrorClass::Invalid, format!("the request does not fit: {error}; correct the spec"))
    })
}

/// Puts a whole input in place of the empty one of a fluent builder, which has no public way to take one.
pub(crate) struct Whole<I>(I);

impl<I> Whole<I> {
    pub(crate) fn new(input: I) -> Self {
        Self(input)
    }
}

// An input may hold what must not be logged.
impl<I> fmt::Debug for Whole<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Whole")
    }
}

impl<I: Clone + fmt::Debug + Send + Sync + 'static> Intercept for Whole<I> {
    fn name(&self) -> &'static str {
        "WholeInput"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let slot = context.input_mut().downcast_mut::<I>().ok_or("the input is of another operation")?;
        slot.clone_from(&self.0);
        Ok(())
    }
}

/// Sends `$body` (JSON) as the input of an operation: `send!(aws, OPERATION, priority, client, fluent_fn, Input, body)`.
macro_rules! send {
    ($aws:expr, $operation:expr, $priority:expr, $client:expr, $call:ident, $input:ty, $body:expr) => {
        async {
            let input = $crate::codec::to_input($operation, $body, |d| <$input>::deserialize(d))?;
            $aws.call($operation, $priority, || {
                $client.$call().customize().interceptor($crate::codec::Whole::new(input.clone())).send()
            })
            .await
        }
    };
}
pub(crate) use send;

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
