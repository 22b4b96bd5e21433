//! Every declared field reaches the SDK's request with its value, and comes back; every enumeration has the SDK's values.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it finds something wrong")]

use std::collections::BTreeSet;
use std::fmt::Debug;

use aws_sdk_ecs::operation::create_capacity_provider::CreateCapacityProviderInput;
use aws_sdk_ecs::operation::create_cluster::CreateClusterInput;
use aws_sdk_ecs::operation::create_service::CreateServiceInput;
use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::types as sdk;
use aws_smithy_json::codec::JsonCodec;
use aws_smithy_schema::codec::Codec;
use aws_smithy_schema::serde::{SerdeError, SerializableStruct, ShapeDeserializer, ShapeSerializer};
use landbridge_api::ecs::schema::schema_of;
use landbridge_api::ecs::{CapacityProvider, ClusterFields, ServiceFields, TaskDefinition};
use serde_json::{Map, Value, json};

/// A value with every field set; of each enumeration the value of that turn.
fn full(schema: &Value, turn: usize) -> Value {
    if let Some(values) = schema["enum"].as_array() {
        return values[turn % values.len()].clone();
    }
    match schema["type"].as_str() {
        Some("object") if schema.get("properties").is_some() => {
            let properties = schema["properties"].as_object().unwrap();
            properties.iter().map(|(name, inner)| (name.clone(), full(inner, turn))).collect::<Map<_, _>>().into()
        }
        Some("object") => json!({ "key": full(&schema["additionalProperties"], turn) }),
        Some("array") => json!([full(&schema["items"], turn)]),
        Some("string") => json!("text"),
        Some("integer") => json!(7),
        Some("number") => json!(2.5),
        Some("boolean") => json!(true),
        _ if schema["x-kubernetes-int-or-string"] == true => json!("256"),
        _ => json!({ "free": ["text", 1, null] }),
    }
}

/// Sends a value through the SDK's type and asserts that nothing is lost or unknown on the way.
fn through<T: SerializableStruct + Debug>(
    value: &Value,
    deserialize: fn(&mut dyn ShapeDeserializer) -> Result<T, SerdeError>,
) {
    let codec = JsonCodec::default();
    let bytes = serde_json::to_vec(value).unwrap();
    let input = deserialize(&mut codec.create_deserializer(&bytes)).unwrap();
    // Where the declaration has text on purpose, the SDK may have an enumeration; any other value must be known to it.
    let text = format!("{input:?}").replace("Unknown(UnknownVariantValue(\"text\"))", "");
    if let Some(at) = text.find("Unknown") {
        panic!("the SDK does not know a value: {}", &text[at.saturating_sub(60)..(at + 80).min(text.len())]);
    }
    let mut serializer = codec.create_serializer();
    serializer.write_struct(input.schema(), &input).unwrap();
    let back: Value = serde_json::from_slice(&serializer.finish()).unwrap();
    for (name, value) in value.as_object().unwrap() {
        assert_eq!(back.get(name), Some(value), "{name}");
    }
}

/// More turns than any enumeration has values.
const TURNS: usize = 20;

#[test]
fn a_full_task_definition_goes_through_the_sdk_and_back() {
    let schema = schema_of::<TaskDefinition>();
    for turn in 0..TURNS {
        through(&full(&schema, turn), RegisterTaskDefinitionInput::deserialize);
    }
}

#[test]
fn full_service_fields_go_through_the_sdk_and_back() {
    let schema = schema_of::<ServiceFields>();
    for turn in 0..TURNS {
        through(&full(&schema, turn), CreateServiceInput::deserialize);
    }
}

#[test]
fn full_cluster_fields_go_through_the_sdk_and_back() {
    let schema = schema_of::<ClusterFields>();
    for turn in 0..TURNS {
        through(&full(&schema, turn), CreateClusterInput::deserialize);
    }
}

#[test]
fn a_full_capacity_provider_goes_through_the_sdk_and_back() {
    let schema = schema_of::<CapacityProvider>();
    for turn in 0..TURNS {
        through(&full(&schema, turn), CreateCapacityProviderInput::deserialize);
    }
}

fn enumerations(schema: &Value, path: &str, found: &mut Vec<(String, BTreeSet<String>)>) {
    if let Some(values) = schema["enum"].as_array() {
        found.push((path.to_owned(), values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()));
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        enumerations(inner, &format!("{path}.{name}"), found);
    }
    if let Some(items) = schema.get("items") {
        enumerations(items, path, found);
    }
}

/// Together with the journeys above, which fail on a value that the SDK lacks, this finds a value that we lack.
#[test]
fn every_enumeration_has_all_values_of_the_sdks() {
    let theirs = [
        sdk::AccessType::values(),
        sdk::ApplicationProtocol::values(),
        sdk::AssignPublicIp::values(),
        sdk::BareMetal::values(),
        sdk::CapacityOptionType::values(),
        sdk::CapacityReservationPreference::values(),
        sdk::Compatibility::values(),
        sdk::ContainerCondition::values(),
        sdk::CpuArchitecture::values(),
        sdk::DeploymentControllerType::values(),
        sdk::DeploymentLifecycleHookAction::values(),
        sdk::DeploymentLifecycleHookStage::values(),
        sdk::DeploymentLifecycleHookTargetType::values(),
        sdk::DeploymentStrategy::values(),
        sdk::DeviceCgroupPermission::values(),
        sdk::ExecuteCommandLogging::values(),
        sdk::FirelensConfigurationType::values(),
        sdk::GatewayConnectorHealthCheckProtocol::values(),
        sdk::IpcMode::values(),
        sdk::LaunchType::values(),
        sdk::ManagedInstancesMonitoringOptions::values(),
        sdk::NetworkMode::values(),
        sdk::PidMode::values(),
        sdk::PlacementConstraintType::values(),
        sdk::PlacementStrategyType::values(),
        sdk::PropagateMiTags::values(),
        sdk::PropagateTags::values(),
        sdk::SchedulingStrategy::values(),
        sdk::Scope::values(),
        sdk::ServiceConnectAccessLoggingFormat::values(),
        sdk::ServiceConnectContainerLogLevel::values(),
        sdk::ServiceRevisionCleanup::values(),
        sdk::TaskDefinitionPlacementConstraintType::values(),
        sdk::ThresholdType::values(),
        sdk::TransportProtocol::values(),
        sdk::UlimitName::values(),
        sdk::VersionConsistency::values(),
    ]
    .map(|values| values.iter().map(|value| (*value).to_owned()).collect::<BTreeSet<_>>());
    let mut ours = Vec::new();
    for schema in [
        schema_of::<TaskDefinition>(),
        schema_of::<ServiceFields>(),
        schema_of::<ClusterFields>(),
        schema_of::<CapacityProvider>(),
    ] {
        enumerations(&schema, "", &mut ours);
    }
    assert!(ours.len() > theirs.len());
    for (path, values) in &ours {
        assert!(theirs.contains(values), "{path}: no enumeration of the SDK has just {values:?}");
    }
    for values in &theirs {
        assert!(ours.iter().any(|(_, ours)| ours == values), "no declaration has all of {values:?}");
    }
}
