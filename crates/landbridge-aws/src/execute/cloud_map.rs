//! Writes to Cloud Map. Namespaces change by operations that end later; the next pass sees how they ended.

use std::collections::HashMap;

use aws_sdk_servicediscovery::operation::create_http_namespace::CreateHttpNamespaceInput;
use aws_sdk_servicediscovery::operation::create_private_dns_namespace::CreatePrivateDnsNamespaceInput;
use aws_sdk_servicediscovery::operation::create_public_dns_namespace::CreatePublicDnsNamespaceInput;
use aws_sdk_servicediscovery::operation::create_service::CreateServiceInput;
use aws_sdk_servicediscovery::operation::update_http_namespace::UpdateHttpNamespaceInput;
use aws_sdk_servicediscovery::operation::update_private_dns_namespace::UpdatePrivateDnsNamespaceInput;
use aws_sdk_servicediscovery::operation::update_public_dns_namespace::UpdatePublicDnsNamespaceInput;
use aws_sdk_servicediscovery::operation::update_service::UpdateServiceInput;
use aws_sdk_servicediscovery::types::Tag;
use landbridge_plan::change::{Body, Tags};
use landbridge_plan::hash::client_token;
use landbridge_plan::verdict::ErrorClass;
use serde_json::Value;

use super::{Produced, Writer, or_gone, with_member};
use crate::codec::{send, to_json};
use crate::error::AwsError;
use crate::in_flight::Asked;
use crate::observe::discovery_facts;
use crate::operations as op;

/// Sends the body to the operation that its `Type` chooses and gives the operation's ID.
macro_rules! by_type {
    ($self:ident, $kind:expr, $body:expr, $(($name:literal, $operation:expr, $call:ident, $input:ty)),* $(,)?) => {
        match $kind {
            $($name => send!($self.aws, $operation, $self.priority, $self.aws.map(), $call, $input, $body)
                .await
                .map(|answer| answer.operation_id().map(str::to_owned)),)*
            other => Err(AwsError::new(
                op::CREATE_HTTP_NAMESPACE,
                ErrorClass::Invalid,
                format!("{other:?} is no type of namespace; write HTTP, DNS_PRIVATE or DNS_PUBLIC"),
            )),
        }
    };
}

impl Writer<'_> {
    pub(super) async fn create_namespace(self, name: &str, body: &Body) -> Result<Produced, AwsError> {
        let (kind, body) = split(&with_member(body, "Name", name));
        let result = by_type!(
            self,
            kind.as_str(),
            &body,
            ("HTTP", op::CREATE_HTTP_NAMESPACE, create_http_namespace, CreateHttpNamespaceInput),
            (
                "DNS_PRIVATE",
                op::CREATE_PRIVATE_DNS_NAMESPACE,
                create_private_dns_namespace,
                CreatePrivateDnsNamespaceInput
            ),
            ("DNS_PUBLIC", op::CREATE_PUBLIC_DNS_NAMESPACE, create_public_dns_namespace, CreatePublicDnsNamespaceInput),
        );
        self.operation_started(name, result)
    }

    pub(super) async fn update_namespace(self, id: &str, name: &str, body: &Body) -> Result<Produced, AwsError> {
        let (kind, body) = split(&with_member(body, "Id", id));
        self.aws.memory().namespaces.forget(id);
        let result = by_type!(
            self,
            kind.as_str(),
            &body,
            ("HTTP", op::UPDATE_HTTP_NAMESPACE, update_http_namespace, UpdateHttpNamespaceInput),
            (
                "DNS_PRIVATE",
                op::UPDATE_PRIVATE_DNS_NAMESPACE,
                update_private_dns_namespace,
                UpdatePrivateDnsNamespaceInput
            ),
            ("DNS_PUBLIC", op::UPDATE_PUBLIC_DNS_NAMESPACE, update_public_dns_namespace, UpdatePublicDnsNamespaceInput),
        );
        self.operation_started(name, result)
    }

    pub(super) async fn delete_namespace(self, id: &str, name: &str) -> Result<Produced, AwsError> {
        self.aws.memory().namespaces.forget(id);
        let call = || self.aws.map().delete_namespace().id(id).send();
        let result = self.aws.call(op::DELETE_NAMESPACE, self.priority, call).await;
        match result.map(|answer| answer.operation_id().map(str::to_owned)) {
            Err(error) if error.class == ErrorClass::NotFound => Ok(Produced::new()),
            result => self.operation_started(name, result),
        }
    }

    /// Remembers the operation. One of the same kind that is in flight already is the one to wait for.
    fn operation_started(self, name: &str, result: Result<Option<String>, AwsError>) -> Result<Produced, AwsError> {
        let operation = match result {
            Ok(id) => id,
            Err(error) => match error.details.get("DuplicateOperationId") {
                Some(id) => Some(id.clone()),
                None => return Err(error),
            },
        };
        let Some(id) = operation else { return Ok(Produced::new()) };
        self.aws.memory().operations.put(name.to_owned(), id.clone());
        Ok(Produced::from([("operation", id)]))
    }

    pub(super) async fn create_discovery_service(self, name: &str, body: &Body) -> Result<Produced, AwsError> {
        let body = with_member(body, "Name", name);
        let operation = op::CREATE_DISCOVERY_SERVICE;
        let call = send!(self.aws, operation, self.priority, self.aws.map(), create_service, CreateServiceInput, &body);
        let namespace = body.get("NamespaceId").and_then(Value::as_str).unwrap_or_default();
        self.aws.memory().discovery_ids.forget(namespace);
        let answer = match call.await {
            Err(error) if made_by_us(&error, &body) => return Ok(existing(&error)),
            other => other?,
        };
        let service = answer.service().ok_or_else(|| AwsError::incomplete(operation, "Service"))?;
        let mut facts = discovery_facts(&to_json(operation, service)?);
        namespace.clone_into(&mut facts.namespace_id);
        facts.tags = crate::facts::tags(&Value::Object(body.clone()));
        let produced = Produced::from([("id", facts.id.clone()), ("arn", facts.arn.clone())]);
        let name = (namespace.to_owned(), name.to_owned());
        self.aws.memory().discovery_made.put(name, facts.id.clone());
        self.aws.memory().discovery.put(facts.id.clone(), facts);
        Ok(produced)
    }

    pub(super) async fn update_discovery_service(self, id: &str, body: &Body) -> Result<Produced, AwsError> {
        // What is to be replaced is in a block of its own (ServiceChange in the Cloud Map API reference).
        let change = Body::from_iter([("Service".to_owned(), body.clone().into())]);
        let body = with_member(&change, "Id", id);
        let operation = op::UPDATE_DISCOVERY_SERVICE;
        self.aws.memory().discovery.forget(id);
        let call = send!(self.aws, operation, self.priority, self.aws.map(), update_service, UpdateServiceInput, &body);
        let answer = call.await?;
        Ok(answer.operation_id().map(|id| ("operation", id.to_owned())).into_iter().collect())
    }

    pub(super) async fn register_instance(
        self,
        service: &str,
        instance: &str,
        attributes: &Tags,
    ) -> Result<Produced, AwsError> {
        // The same instance may come back one day, and Cloud Map does nothing for a request that it has seen.
        let request = client_token(&[service, instance, &jiff::Timestamp::now().to_string()]);
        let all: HashMap<String, String> = attributes.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let call = || {
            let call = self.aws.map().register_instance().service_id(service).instance_id(instance);
            call.creator_request_id(&request).set_attributes(Some(all.clone())).send()
        };
        let answer = self.aws.call(op::REGISTER_INSTANCE, self.priority, call).await;
        let answer = answer.map(|answer| answer.operation_id().map(str::to_owned));
        self.instance_changes(service, instance, answer, Asked::Register(attributes.clone()))
    }

    pub(super) async fn deregister_instance(self, service: &str, instance: &str) -> Result<Produced, AwsError> {
        let call = || self.aws.map().deregister_instance().service_id(service).instance_id(instance).send();
        let answer = self.aws.call(op::DEREGISTER_INSTANCE, self.priority, call).await;
        match answer.map(|answer| answer.operation_id().map(str::to_owned)) {
            Err(error) if error.class == ErrorClass::NotFound => {
                self.aws.memory().instances.forget(service);
                Ok(Produced::new())
            }
            answer => self.instance_changes(service, instance, answer, Asked::Deregister),
        }
    }

    /// Remembers the operation on an instance. If another is under way, that one has to end first.
    fn instance_changes(
        self,
        service: &str,
        instance: &str,
        answer: Result<Option<String>, AwsError>,
        asked: Asked,
    ) -> Result<Produced, AwsError> {
        let memory = self.aws.memory();
        memory.instances.forget(service);
        let (id, asked) = match answer {
            Ok(Some(id)) => (id, asked),
            Ok(None) => return Ok(Produced::new()),
            Err(error) => match error.details.get("DuplicateOperationId") {
                Some(id) => (id.clone(), Asked::Unknown),
                None => return Err(error),
            },
        };
        memory.in_flight.begun(service, instance, id.clone(), asked);
        Ok(Produced::from([("operation", id)]))
    }

    pub(super) async fn delete_discovery_service(self, id: &str) -> Result<Produced, AwsError> {
        let known = self.aws.memory().discovery.get(id, std::time::Duration::MAX);
        let call = || self.aws.map().delete_service().id(id).send();
        let done = or_gone(self.aws.call(op::DELETE_DISCOVERY_SERVICE, self.priority, call).await.map(drop))?;
        self.aws.memory().discovery.forget(id);
        if let Some(facts) = known {
            self.aws.memory().discovery_ids.forget(&facts.namespace_id);
            self.aws.memory().discovery_made.forget(&(facts.namespace_id, facts.name));
        }
        Ok(done)
    }

    pub(super) async fn tag_cloud_map(self, arn: &str, set: &Tags, remove: &[String]) -> Result<Produced, AwsError> {
        if !set.is_empty() {
            let mut tags = Vec::new();
            for (key, value) in set {
                let tag = Tag::builder().key(key).value(value).build();
                tags.push(tag.map_err(|e| AwsError::new(op::CLOUD_MAP_TAG, ErrorClass::Invalid, e.to_string()))?);
            }
            let call = || self.aws.map().tag_resource().resource_arn(arn).set_tags(Some(tags.clone())).send();
            self.aws.call(op::CLOUD_MAP_TAG, self.priority, call).await?;
        }
        if !remove.is_empty() {
            let call = || self.aws.map().untag_resource().resource_arn(arn).set_tag_keys(Some(remove.to_vec())).send();
            self.aws.call(op::CLOUD_MAP_UNTAG, self.priority, call).await?;
        }
        if let Some(id) = arn.rsplit('/').next() {
            self.aws.memory().namespaces.forget(id);
            self.aws.memory().discovery.forget(id);
        }
        Ok(Produced::new())
    }
}

/// `Type`, and the body without it.
fn split(body: &Body) -> (String, Body) {
    let mut body = body.clone();
    let kind = body.remove("Type").and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    (kind, body)
}

/// Whether what exists came of this very request: Cloud Map says by which request ID it was made.
fn made_by_us(error: &AwsError, body: &Body) -> bool {
    let ours = body.get("CreatorRequestId").and_then(Value::as_str);
    error.class == ErrorClass::AlreadyExists
        && ours.is_some()
        && error.details.get("CreatorRequestId").map(String::as_str) == ours
        && error.details.contains_key("ServiceId")
}

fn existing(error: &AwsError) -> Produced {
    let named = [("id", "ServiceId"), ("arn", "ServiceArn")];
    named.into_iter().filter_map(|(output, name)| Some((output, error.details.get(name)?.clone()))).collect()
}
