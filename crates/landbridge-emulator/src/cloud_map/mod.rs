//! AWS Cloud Map: namespaces, services, instances, and the operations that change them in the background.
//!
//! State is per account and region. An asynchronous call checks what it can, answers an operation ID, and takes effect
//! after `Timings::cloud_map_operation`; until then nothing of it can be read (GetOperation, Cloud Map API reference).
//! A DNS namespace has a hosted zone in Route 53, with the records of its instances ([`dns`]).

mod discovery;
mod dns;
mod ecs_tasks;
mod instance;
mod listing;
mod namespace;
mod operation;
mod service;
mod service_change;
mod tags;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(crate) use dns::{records_of, soa_ttl};
pub(crate) use ecs_tasks::{
    TaskInstance, delete_service_of_ecs, deregister_task, ensure_service, find_namespace, has_service, register_task,
    set_task_health,
};
pub(crate) use instance::Instance;
pub(crate) use namespace::{Namespace, ensure_http_namespace};
pub(crate) use operation::{Event, Operation, happen};
pub(crate) use service::Service;

/// All accounts' and regions' registries.
#[derive(Debug, Clone, Default)]
pub(crate) struct CloudMap {
    registries: BTreeMap<Place, Registry>,
}

/// Account and region.
pub(crate) type Place = (String, String);

#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    pub(crate) namespaces: BTreeMap<String, Namespace>,
    pub(crate) services: BTreeMap<String, Service>,
    pub(crate) operations: BTreeMap<String, Operation>,
    /// Operations that answered a `CreatorRequestId`, by (kind of call, ID): the parameters and the operation.
    pub(crate) replays: BTreeMap<(String, String), (Value, String)>,
    /// Tags by ARN, in the order of the keys.
    pub(crate) tags: BTreeMap<String, BTreeMap<String, String>>,
    operations_begun: u64,
}

impl CloudMap {
    /// ARN and tags of each resource of an account and region.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let registry = self.registries.get(&(cx.account.clone(), cx.region.clone()));
        let tags = registry.into_iter().flat_map(|registry| &registry.tags);
        tags.map(|(arn, tags)| (arn.clone(), tags.clone())).collect()
    }

    /// Everything remembered, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        let registry = |((account, region), registry): (&Place, &Registry)| {
            let namespaces =
                registry.namespaces.values().map(|namespace| namespace.answer(registry)).collect::<Value>();
            let services = registry.services.values().map(Service::dump).collect::<Value>();
            json!({"account": account, "region": region, "namespaces": namespaces, "services": services})
        };
        self.registries.iter().map(registry).collect()
    }

    fn at(&mut self, place: &Place) -> &mut Registry {
        self.registries.entry(place.clone()).or_default()
    }
}

impl Registry {
    fn namespace(&self, id: &str) -> Result<&Namespace, Refusal> {
        self.namespaces.get(bare(id)).ok_or_else(|| not_found("Namespace", bare(id)))
    }

    fn service(&self, id: &str) -> Result<&Service, Refusal> {
        self.services.get(bare(id)).ok_or_else(|| not_found("Service", bare(id)))
    }

    fn service_mut(&mut self, id: &str) -> Result<&mut Service, Refusal> {
        self.services.get_mut(bare(id)).ok_or_else(|| not_found("Service", bare(id)))
    }
}

/// One call: where it goes, and its input with Cloud Map's code for bad parameters.
pub(crate) struct Call<'a> {
    pub(crate) cx: &'a Cx,
    pub(crate) place: Place,
    pub(crate) input: Input<'a>,
}

/// An ID, also where an ARN is given for it.
pub(crate) fn bare(id_or_arn: &str) -> &str {
    id_or_arn.rsplit('/').next().unwrap_or(id_or_arn)
}

/// `NamespaceNotFound` and its siblings.
fn not_found(kind: &str, id: &str) -> Refusal {
    let code = match kind {
        "Namespace" => "NamespaceNotFound",
        "Service" => "ServiceNotFound",
        "Operation" => "OperationNotFound",
        _ => "InstanceNotFound",
    };
    Refusal::new(code, format!("{kind} not found: {id}"))
}

fn in_use(message: impl Into<String>) -> Refusal {
    Refusal::new("ResourceInUse", message)
}

fn over_limit(message: impl Into<String>) -> Refusal {
    Refusal::new("ResourceLimitExceeded", message)
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let place = (cx.account.clone(), cx.region.clone());
    let call = Call { cx, place, input: Input::new(input, "InvalidInput") };
    match op {
        "CreateHttpNamespace" => namespace::create(world, &call, namespace::Kind::Http),
        "CreatePrivateDnsNamespace" => namespace::create(world, &call, namespace::Kind::DnsPrivate),
        "CreatePublicDnsNamespace" => namespace::create(world, &call, namespace::Kind::DnsPublic),
        "UpdateHttpNamespace" => namespace::update(world, &call, namespace::Kind::Http),
        "UpdatePrivateDnsNamespace" => namespace::update(world, &call, namespace::Kind::DnsPrivate),
        "UpdatePublicDnsNamespace" => namespace::update(world, &call, namespace::Kind::DnsPublic),
        "GetNamespace" => namespace::get(world, &call),
        "ListNamespaces" => listing::namespaces(world, &call),
        "DeleteNamespace" => namespace::delete(world, &call),
        "GetOperation" => operation::get(world, &call),
        "ListOperations" => listing::operations(world, &call),
        "CreateService" => service::create(world, &call),
        "GetService" => service::get(world, &call),
        "ListServices" => listing::services(world, &call),
        "UpdateService" => service_change::update(world, &call),
        "DeleteService" => service::delete(world, &call),
        "GetServiceAttributes" => service_change::attributes(world, &call),
        "UpdateServiceAttributes" => service_change::update_attributes(world, &call),
        "DeleteServiceAttributes" => service_change::delete_attributes(world, &call),
        "RegisterInstance" => instance::register(world, &call),
        "DeregisterInstance" => instance::deregister(world, &call),
        "GetInstance" => instance::get(world, &call),
        "ListInstances" => listing::instances(world, &call),
        "GetInstancesHealthStatus" => instance::health(world, &call),
        "UpdateInstanceCustomHealthStatus" => instance::update_health(world, &call),
        "DiscoverInstances" => discovery::discover(world, &call),
        "DiscoverInstancesRevision" => discovery::revision(world, &call),
        "TagResource" => tags::tag(world, &call),
        "UntagResource" => tags::untag(world, &call),
        "ListTagsForResource" => tags::list(world, &call),
        _ => Err(Refusal::unknown_operation()),
    }
}
