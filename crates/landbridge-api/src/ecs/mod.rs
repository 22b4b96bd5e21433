//! The shapes of Amazon ECS, each declared once as a plain struct whose JSON is ECS's own.
//!
//! The same declaration gives the Kubernetes schema (`schemars`), the conversion to and from the SDK (through JSON, in
//! `landbridge-aws`) and the comparison of what is wanted with what AWS says (in `landbridge-plan`'s `canonical`). For
//! the last, fields carry hints as schema extensions, which `xtask` strips from the generated CRDs:
//!
//! - [`schema::ORDER`] = `"set"`: the order of this list means nothing;
//! - [`schema::DEFAULT`] = a value: what AWS takes an absent field to mean; `{}` for a block that counts as there when absent;
//! - [`schema::UNITS`] = `"cpu"` or `"memory"`: spellings such as `1 vCPU` and `2 GB` mean an integer.
//!
//! Where AWS adds values often (log drivers, operating systems, resource types) a field is text; where the set is closed
//! it is an enumeration, so that the API server refuses a misspelling. Nothing here talks to AWS or knows a rule that
//! spans fields.

pub mod capacity_provider;
pub mod cluster;
pub mod container;
pub mod container_runtime;
pub mod deployment;
pub mod gateway;
pub mod health_check;
pub mod instance_requirements;
pub mod int_or_string;
pub mod load_balancer;
pub mod logging;
pub mod network;
pub mod schema;
pub mod service;
pub mod service_connect;
pub mod tag;
pub mod task_definition;
pub mod toggle;
pub mod volume;
pub mod volume_configuration;

pub use capacity_provider::CapacityProvider;
pub use cluster::{CapacityProviderStrategyItem, ClusterFields};
pub use container::ContainerDefinition;
pub use deployment::{DeploymentConfiguration, DeploymentStrategy};
pub use int_or_string::IntOrString;
pub use network::{AwsvpcConfiguration, NetworkConfiguration};
pub use service::{LaunchType, SchedulingStrategy, ServiceFields};
pub use tag::Tag;
pub use task_definition::{Compatibility, NetworkMode, TaskDefinition};
pub use toggle::Toggle;
pub use volume::Volume;
