//! The schema of a shape, as the CRDs have it, with Landbridge's comparison hints still on.

use kube::core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// Schema extension: how the order of a list counts; `"set"` when it does not.
pub const ORDER: &str = "x-landbridge-order";
/// Schema extension: what AWS takes an absent field to mean.
pub const DEFAULT: &str = "x-landbridge-default";
/// Schema extension: the unit in which a size is normalised.
pub const UNITS: &str = "x-landbridge-units";

/// The schema of `T` with everything inlined, made the way `kube`'s derive makes that of a CRD.
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::openapi3()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}
