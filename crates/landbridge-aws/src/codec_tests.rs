//! Every member of every input, through the SDK types and back.

use std::collections::BTreeSet;

use aws_sdk_ecs::operation::create_service::CreateServiceInput;
use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::operation::update_service::UpdateServiceInput;
use aws_smithy_schema::Schema;
use aws_smithy_types::{BigDecimal, BigInteger, Blob, DateTime, Document};
use serde_json::json;

use super::*;
use crate::operations as op;

/// Invents a value for every member of whatever is read from it, at every depth.
struct Sampler {
    members: usize,
}

impl ShapeDeserializer for Sampler {
    fn read_struct(
        &mut self,
        schema: &Schema<'_>,
        state: &mut dyn FnMut(&Schema<'_>, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        for member in schema.members() {
            self.members += 1;
            state(member, self)?;
        }
        Ok(())
    }
    fn read_list(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(&mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        state(self)
    }
    fn read_map(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(String, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        state("key".to_owned(), self)
    }
    fn read_boolean(&mut self, _: &Schema<'_>) -> Result<bool, SerdeError> {
        Ok(true)
    }
    fn read_byte(&mut self, _: &Schema<'_>) -> Result<i8, SerdeError> {
        Ok(7)
    }
    fn read_short(&mut self, _: &Schema<'_>) -> Result<i16, SerdeError> {
        Ok(7)
    }
    fn read_integer(&mut self, _: &Schema<'_>) -> Result<i32, SerdeError> {
        Ok(7)
    }
    fn read_long(&mut self, _: &Schema<'_>) -> Result<i64, SerdeError> {
        Ok(7)
    }
    fn read_float(&mut self, _: &Schema<'_>) -> Result<f32, SerdeError> {
        Ok(1.5)
    }
    fn read_double(&mut self, _: &Schema<'_>) -> Result<f64, SerdeError> {
        Ok(1.5)
    }
    fn read_big_integer(&mut self, _: &Schema<'_>) -> Result<BigInteger, SerdeError> {
        Err(SerdeError::custom("a big integer"))
    }
    fn read_big_decimal(&mut self, _: &Schema<'_>) -> Result<BigDecimal, SerdeError> {
        Err(SerdeError::custom("a big decimal"))
    }
    fn read_string(&mut self, _: &Schema<'_>) -> Result<String, SerdeError> {
        Ok("DISABLED".to_owned())
    }
    fn read_blob(&mut self, _: &Schema<'_>) -> Result<Blob, SerdeError> {
        Err(SerdeError::custom("a blob"))
    }
    fn read_timestamp(&mut self, _: &Schema<'_>) -> Result<DateTime, SerdeError> {
        Err(SerdeError::custom("a time"))
    }
    fn read_document(&mut self, _: &Schema<'_>) -> Result<Document, SerdeError> {
        Ok(Document::Object([("key".to_owned(), Document::Bool(true))].into()))
    }
    fn is_null(&self) -> bool {
        false
    }
    fn container_size(&self) -> Option<usize> {
        None
    }
}

fn round_trip<I: SerializableStruct + PartialEq + fmt::Debug>(
    operation: &Operation,
    schema: &Schema<'_>,
    read: fn(&mut dyn ShapeDeserializer) -> Result<I, SerdeError>,
) {
    let mut sampler = Sampler { members: 0 };
    let full = read(&mut sampler).unwrap();
    let body = to_json(operation, &full).unwrap();
    let named: BTreeSet<_> = body.as_object().unwrap().keys().cloned().collect();
    let all: BTreeSet<_> = schema.members().iter().filter_map(|m| m.member_name()).map(str::to_owned).collect();
    assert_eq!(named, all, "JSON leaves members of {} out", operation.name);
    assert_eq!(count(&body), sampler.members, "JSON leaves inner members of {} out", operation.name);
    assert_eq!(to_input(operation, body.as_object().unwrap(), read).unwrap(), full, "{}", operation.name);
}

/// Members of all objects but those of maps, whose only key is `key`, and of free-form documents.
fn count(value: &Value) -> usize {
    match value {
        Value::Object(members) if members.len() == 1 && members.contains_key("key") => count(&members["key"]),
        Value::Object(members) => members.len() + members.values().map(count).sum::<usize>(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

#[test]
fn every_member_of_every_input_survives_the_way_through_the_sdk_types() {
    use aws_sdk_ecs::operation as ecs;
    use aws_sdk_servicediscovery::operation as map;
    macro_rules! check {
        ($(($operation:expr, $input:ty)),* $(,)?) => {
            $(round_trip($operation, <$input>::SCHEMA, |d| <$input>::deserialize(d));)*
        };
    }
    check!(
        (op::CREATE_CLUSTER, ecs::create_cluster::CreateClusterInput),
        (op::UPDATE_CLUSTER, ecs::update_cluster::UpdateClusterInput),
        (op::PUT_CLUSTER_CAPACITY_PROVIDERS, ecs::put_cluster_capacity_providers::PutClusterCapacityProvidersInput),
        (op::REGISTER_TASK_DEFINITION, RegisterTaskDefinitionInput),
        (op::CREATE_SERVICE, CreateServiceInput),
        (op::UPDATE_SERVICE, UpdateServiceInput),
        (op::CREATE_HTTP_NAMESPACE, map::create_http_namespace::CreateHttpNamespaceInput),
        (op::CREATE_PRIVATE_DNS_NAMESPACE, map::create_private_dns_namespace::CreatePrivateDnsNamespaceInput),
        (op::CREATE_PUBLIC_DNS_NAMESPACE, map::create_public_dns_namespace::CreatePublicDnsNamespaceInput),
        (op::UPDATE_HTTP_NAMESPACE, map::update_http_namespace::UpdateHttpNamespaceInput),
        (op::UPDATE_PRIVATE_DNS_NAMESPACE, map::update_private_dns_namespace::UpdatePrivateDnsNamespaceInput),
        (op::UPDATE_PUBLIC_DNS_NAMESPACE, map::update_public_dns_namespace::UpdatePublicDnsNamespaceInput),
        (op::CREATE_DISCOVERY_SERVICE, map::create_service::CreateServiceInput),
        (op::UPDATE_DISCOVERY_SERVICE, map::update_service::UpdateServiceInput),
    );
}

fn read(body: &Value) -> Result<RegisterTaskDefinitionInput, AwsError> {
    to_input(op::REGISTER_TASK_DEFINITION, body.as_object().unwrap(), |d| RegisterTaskDefinitionInput::deserialize(d))
}

#[test]
fn a_size_that_is_a_number_becomes_text_and_a_null_is_left_out() {
    let input = read(&json!({"family": "web", "cpu": 256, "memory": "512", "pidMode": null})).unwrap();
    assert_eq!((input.cpu(), input.memory(), input.pid_mode()), (Some("256"), Some("512"), None));
    let options = json!({"family": "web", "containerDefinitions": [
        {"name": "a", "logConfiguration": {"logDriver": "awslogs", "options": {"max-buffer-size": 25}}}]});
    let input = read(&options).unwrap();
    let options = input.container_definitions()[0].log_configuration().unwrap().options().unwrap();
    assert_eq!(options["max-buffer-size"], "25");
}

#[test]
fn a_field_that_the_sdk_does_not_know_is_refused_with_where_it_is() {
    let error = read(&json!({"family": "web", "containerDefinitions": [{"name": "a", "imagee": "x"}]})).unwrap_err();
    assert_eq!(error.class, ErrorClass::Invalid);
    assert!(error.message.contains("AWS knows no field containerDefinitions[0].imagee"), "{}", error.message);
}

#[test]
fn a_value_of_the_wrong_type_is_refused_and_nothing_of_it_is_shown_in_debug_output() {
    let error = read(&json!({"family": "web", "containerDefinitions": "secret"})).unwrap_err();
    assert_eq!(error.class, ErrorClass::Invalid);
    let input = read(&json!({"family": "web"})).unwrap();
    assert_eq!(format!("{:?}", Whole::new(input)), "Whole");
}
