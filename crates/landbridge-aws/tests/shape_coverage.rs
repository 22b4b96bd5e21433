//! The declared shapes have the fields of the SDK's requests: none missing, none that the SDK does not know, each of the
//! same type, each enumeration with the same values.
//!
//! The SDK's static schemas do not say which structure a member is, but its deserializers do: each asks for its structure
//! by schema. So a deserializer that answers every question with something, and writes down what it was asked, sees the
//! whole request.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it finds something wrong")]

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::operation::create_capacity_provider::CreateCapacityProviderInput;
use aws_sdk_ecs::operation::create_cluster::CreateClusterInput;
use aws_sdk_ecs::operation::create_service::CreateServiceInput;
use aws_sdk_ecs::operation::put_cluster_capacity_providers::PutClusterCapacityProvidersInput;
use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::operation::update_capacity_provider::UpdateCapacityProviderInput;
use aws_sdk_ecs::operation::update_cluster::UpdateClusterInput;
use aws_sdk_ecs::operation::update_service::UpdateServiceInput;
use aws_smithy_schema::Schema;
use aws_smithy_schema::serde::{SerdeError, ShapeDeserializer};
use aws_smithy_types::{BigDecimal, BigInteger, Blob, DateTime, Document};
use landbridge_api::ecs::schema::schema_of;
use landbridge_api::ecs::{CapacityProvider, ClusterFields, ServiceFields, TaskDefinition};
use serde_json::Value;

type Members = BTreeMap<String, &'static str>;
type Answer<T> = Result<T, SerdeError>;

/// Answers every question of a deserializer and writes down where it was asked what.
struct Probe {
    path: Vec<String>,
    seen: Members,
}

impl Probe {
    fn note(&mut self, kind: &'static str) {
        self.seen.insert(self.path.join("."), kind);
    }

    fn inside<T>(&mut self, step: &str, look: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.to_owned());
        let found = look(self);
        self.path.pop();
        found
    }
}

impl ShapeDeserializer for Probe {
    fn read_struct(
        &mut self,
        schema: &Schema<'_>,
        state: &mut dyn FnMut(&Schema<'_>, &mut dyn ShapeDeserializer) -> Answer<()>,
    ) -> Answer<()> {
        self.note("object");
        // A union is read with one member only. Those of these requests have no more; if one gets more, say so.
        assert!(!schema.is_union() || schema.members().len() == 1, "{}: read each member alone", self.path.join("."));
        for member in schema.members() {
            self.inside(member.member_name().unwrap(), |probe| state(member, probe))?;
        }
        Ok(())
    }

    fn read_list(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(&mut dyn ShapeDeserializer) -> Answer<()>,
    ) -> Answer<()> {
        self.note("array");
        self.inside("[]", |probe| state(probe))
    }

    fn read_map(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(String, &mut dyn ShapeDeserializer) -> Answer<()>,
    ) -> Answer<()> {
        self.note("object");
        self.inside("{}", |probe| state("key".to_owned(), probe))
    }

    fn read_boolean(&mut self, _: &Schema<'_>) -> Answer<bool> {
        self.note("boolean");
        Ok(true)
    }

    fn read_byte(&mut self, _: &Schema<'_>) -> Answer<i8> {
        self.note("integer");
        Ok(1)
    }

    fn read_short(&mut self, _: &Schema<'_>) -> Answer<i16> {
        self.note("integer");
        Ok(1)
    }

    fn read_integer(&mut self, _: &Schema<'_>) -> Answer<i32> {
        self.note("integer");
        Ok(1)
    }

    fn read_long(&mut self, _: &Schema<'_>) -> Answer<i64> {
        self.note("integer");
        Ok(1)
    }

    fn read_float(&mut self, _: &Schema<'_>) -> Answer<f32> {
        self.note("number");
        Ok(1.0)
    }

    fn read_double(&mut self, _: &Schema<'_>) -> Answer<f64> {
        self.note("number");
        Ok(1.0)
    }

    fn read_big_integer(&mut self, _: &Schema<'_>) -> Answer<BigInteger> {
        panic!("{}: ECS takes no big integer", self.path.join("."))
    }

    fn read_big_decimal(&mut self, _: &Schema<'_>) -> Answer<BigDecimal> {
        panic!("{}: ECS takes no big decimal", self.path.join("."))
    }

    fn read_string(&mut self, _: &Schema<'_>) -> Answer<String> {
        self.note("string");
        Ok("text".to_owned())
    }

    fn read_blob(&mut self, _: &Schema<'_>) -> Answer<Blob> {
        panic!("{}: ECS takes no bytes", self.path.join("."))
    }

    fn read_timestamp(&mut self, _: &Schema<'_>) -> Answer<DateTime> {
        panic!("{}: ECS takes no time", self.path.join("."))
    }

    fn read_document(&mut self, _: &Schema<'_>) -> Answer<Document> {
        self.note("anything");
        Ok(Document::Null)
    }

    fn is_null(&self) -> bool {
        false
    }

    fn container_size(&self) -> Option<usize> {
        None
    }
}

/// Every member of an SDK input, by path.
fn sdk<T>(deserialize: fn(&mut dyn ShapeDeserializer) -> Answer<T>) -> Members {
    let mut probe = Probe { path: Vec::new(), seen: Members::new() };
    deserialize(&mut probe).unwrap();
    probe.seen.remove("");
    probe.seen
}

/// Every field of a declared shape, by path.
fn declared(schema: &Value) -> Members {
    let mut found = Members::new();
    collect(&mut Vec::new(), schema, &mut found);
    found.remove("");
    found
}

fn collect(path: &mut Vec<String>, schema: &Value, found: &mut Members) {
    let kind = match schema["type"].as_str() {
        Some("object") => "object",
        Some("array") => "array",
        Some("string") => "string",
        Some("integer") => "integer",
        Some("number") => "number",
        Some("boolean") => "boolean",
        // ECS takes text; people write both.
        _ if schema["x-kubernetes-int-or-string"] == true => "string",
        _ => "anything",
    };
    found.insert(path.join("."), kind);
    let properties = schema["properties"].as_object().into_iter().flatten().map(|(name, inner)| (name.as_str(), inner));
    let inner = properties.chain(schema.get("items").map(|items| ("[]", items)));
    for (step, inner) in inner.chain(schema.get("additionalProperties").map(|values| ("{}", values))) {
        path.push(step.to_owned());
        collect(path, inner, found);
        path.pop();
    }
}

fn under(path: &str, roots: &[&str]) -> bool {
    roots.iter().any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Compares a declaration with what some requests take, apart from members that are declared elsewhere or not at all.
fn compare(declared: &Members, sdk: &Members, elsewhere: &[&str]) {
    let sdk: Members = sdk.iter().filter(|(path, _)| !under(path, elsewhere)).map(|(p, k)| (p.clone(), *k)).collect();
    let mut wrong = Vec::new();
    for path in declared.keys().chain(sdk.keys()).collect::<BTreeSet<_>>() {
        match (declared.get(path), sdk.get(path)) {
            (Some(ours), Some(theirs)) if ours == theirs => {}
            (Some(ours), Some(theirs)) => wrong.push(format!("{path} is declared {ours}, the SDK has {theirs}")),
            (Some(_), None) => wrong.push(format!("{path} is declared, the SDK lacks it")),
            (None, _) => wrong.push(format!("{path} is in the SDK, its declaration is missing")),
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_task_definition_is_what_register_task_definition_takes() {
    let members = sdk(RegisterTaskDefinitionInput::deserialize);
    assert!(members.contains_key("containerDefinitions.[].linuxParameters.tmpfs.[].mountOptions.[]"), "{members:?}");
    compare(&declared(&schema_of::<TaskDefinition>()), &members, &[]);
}

#[test]
fn service_fields_are_what_create_service_and_update_service_take() {
    let mut members = sdk(CreateServiceInput::deserialize);
    members.extend(sdk(UpdateServiceInput::deserialize));
    let elsewhere = [
        // Identity, and what the kind itself declares.
        "cluster",
        "serviceName",
        "service",
        "taskDefinition",
        "desiredCount",
        // Of the call, not of the service.
        "clientToken",
        "forceNewDeployment",
    ];
    compare(&declared(&schema_of::<ServiceFields>()), &members, &elsewhere);
}

#[test]
fn cluster_fields_are_what_the_cluster_calls_take() {
    let mut members = sdk(CreateClusterInput::deserialize);
    members.extend(sdk(UpdateClusterInput::deserialize));
    members.extend(sdk(PutClusterCapacityProvidersInput::deserialize));
    compare(&declared(&schema_of::<ClusterFields>()), &members, &["clusterName", "cluster"]);
}

#[test]
fn a_capacity_provider_is_what_its_calls_take() {
    let mut members = sdk(CreateCapacityProviderInput::deserialize);
    members.extend(sdk(UpdateCapacityProviderInput::deserialize));
    // A Managed Instances provider belongs to the cluster whose declaration it is part of.
    compare(&declared(&schema_of::<CapacityProvider>()), &members, &["cluster"]);
}
