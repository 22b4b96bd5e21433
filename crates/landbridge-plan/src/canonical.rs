//! The canonical form of an ECS shape: two values that mean the same to ECS have one canonical form.
//!
//! What means the same is said by the declaration in `landbridge-api` (see its `ecs` module): the order of a list marked
//! as a set, an absent field and its default, the spellings of a size. Absent, null and empty are one. A field that the
//! declaration lacks (ARNs, revision numbers and the like, which only AWS writes) is dropped. Rules that span fields are
//! named functions in [`mod@task_definition`] and [`mod@service`].
//!
//! The canonical form is for comparing and hashing. What is sent to AWS is [`Form::request`], which spells sizes as
//! ECS wants them but fills in no default, so that ECS's own defaults stay ECS's.

use std::sync::LazyLock;

use landbridge_api::ecs::schema::schema_of;
use landbridge_api::ecs::{CapacityProvider, ClusterFields, ServiceFields, TaskDefinition};
use serde_json::Value;

mod form;
pub mod service;
pub mod task_definition;

pub use form::{Form, compare};

static TASK_DEFINITION: LazyLock<Form> = LazyLock::new(|| Form::of(&schema_of::<TaskDefinition>()));
static SERVICE: LazyLock<Form> = LazyLock::new(|| Form::of(&schema_of::<ServiceFields>()));
static CLUSTER: LazyLock<Form> = LazyLock::new(|| Form::of(&schema_of::<ClusterFields>()));
static CAPACITY_PROVIDER: LazyLock<Form> = LazyLock::new(|| Form::of(&schema_of::<CapacityProvider>()));

/// The canonical form of a value under a schema with Landbridge's hints. For the shapes of ECS use the functions below,
/// which know more rules and do not read the schema each time.
pub fn canonical(schema: &Value, value: &Value) -> Value {
    Form::of(schema).canonical(value)
}

/// Canonical form of a task definition, as written or as DescribeTaskDefinition gives it.
pub fn task_definition(value: &Value) -> Value {
    TASK_DEFINITION.canonical(&task_definition::in_context(value))
}

/// Canonical form of [`ServiceFields`], as written or as DescribeServices gives them.
pub fn service(value: &Value) -> Value {
    SERVICE.canonical(&service::in_context(value))
}

/// Canonical form of [`ClusterFields`], as written or as DescribeClusters gives them.
pub fn cluster(value: &Value) -> Value {
    CLUSTER.canonical(value)
}

/// Canonical form of a capacity provider, as written or as DescribeCapacityProviders gives it.
pub fn capacity_provider(value: &Value) -> Value {
    CAPACITY_PROVIDER.canonical(value)
}

/// A hash of what a capacity provider is, without its tags. Defaults are left out, as in [`content_hash`].
pub fn capacity_provider_hash(value: &Value) -> String {
    let mut content = CAPACITY_PROVIDER.minimal(value);
    if let Some(fields) = content.as_object_mut() {
        fields.remove("tags");
    }
    crate::hash::short(&content)
}

/// A task definition as RegisterTaskDefinition takes it: as written, with sizes as text and without empty fields.
pub fn task_definition_request(value: &Value) -> Value {
    TASK_DEFINITION.request(value)
}

/// A hash of what a task definition's revision consists of, stored beside the revision to find it again.
///
/// Family and tags are not part of it: the family says where a revision is registered, and tags change in place. Defaults
/// are left out, so that a release of Landbridge that knows more fields gives the same hash.
pub fn content_hash(task_definition: &Value) -> String {
    let mut content = TASK_DEFINITION.minimal(&task_definition::in_context(task_definition));
    if let Some(fields) = content.as_object_mut() {
        fields.remove("family");
        fields.remove("tags");
    }
    crate::hash::short(&content)
}
