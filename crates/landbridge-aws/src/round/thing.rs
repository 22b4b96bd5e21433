//! What can be looked at in bulk, and the fingerprint of what a bulk read shows of it. Members that bulk reads leave out
//! (tags in Cloud Map and CloudWatch Logs, a role's description) are in no fingerprint.

use std::time::Duration;

use landbridge_plan::cloud_map_namespace::NamespaceFacts;
use landbridge_plan::ecs_cluster::ClusterFacts;
use landbridge_plan::ecs_service::{DiscoveryFacts, LogGroupFacts};
use landbridge_plan::iam_task_role::{Pods, RoleFacts};
use serde_json::Value;

use crate::client::Aws;
use crate::facts::hash;
use crate::recent::{Facts as _, Heard};

/// Something in AWS that can be looked at together with others of its sort.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Thing {
    /// An ECS cluster, by name.
    Cluster(String),
    /// A capacity provider, by name.
    CapacityProvider(String),
    /// A Cloud Map namespace, by ID.
    Namespace(String),
    /// A Cloud Map service.
    DiscoveryService {
        /// ID of its namespace.
        namespace: String,
        /// Its ID.
        id: String,
    },
    /// A log group, by name.
    LogGroup(String),
    /// An IAM role, by name.
    Role(String),
    /// The Pod Identity association of a service account. Its list shows that it is there and which it is, not what it says.
    PodIdentity(Pods),
}

impl Thing {
    /// Fingerprint of what passes remember of it; none when nothing is remembered.
    pub(super) fn remembered(&self, aws: &Aws) -> Option<u64> {
        let (memory, any) = (aws.memory(), Duration::MAX);
        match self {
            Self::Cluster(name) => match memory.clusters.get(name, any) {
                Heard::Of(Some(facts)) => Some(cluster(&facts)),
                Heard::Of(None) | Heard::Nothing => None,
            },
            Self::CapacityProvider(name) => match memory.providers.get(name, any) {
                Heard::Of(Some(facts)) => Some(facts.stamp()),
                Heard::Of(None) | Heard::Nothing => None,
            },
            Self::Namespace(id) => memory.namespaces.get(id.as_str(), any).as_ref().map(namespace),
            Self::DiscoveryService { id, .. } => memory.discovery.get(id.as_str(), any).as_ref().map(discovery_service),
            Self::LogGroup(name) => memory.log_groups.get(name.as_str(), any).as_ref().map(log_group),
            Self::Role(name) => memory.roles.get(name.as_str(), any)?.role.as_ref().map(role),
            Self::PodIdentity(pods) => memory.associations.get(pods, any).map(|a| hash(&a.id)),
        }
    }

    /// Lets the next pass read it anew.
    pub(super) fn forget(&self, aws: &Aws) {
        let memory = aws.memory();
        match self {
            // Passes never use what is older than two seconds.
            Self::Cluster(_) | Self::CapacityProvider(_) => {}
            Self::Namespace(id) => memory.namespaces.forget(id.as_str()),
            Self::DiscoveryService { id, .. } => memory.discovery.forget(id.as_str()),
            Self::LogGroup(name) => memory.log_groups.forget(name.as_str()),
            Self::Role(name) => memory.roles.forget(name.as_str()),
            Self::PodIdentity(pods) => memory.associations.forget(pods),
        }
    }
}

pub(super) fn cluster(facts: &ClusterFacts) -> u64 {
    facts.stamp()
}

pub(super) fn namespace(facts: &NamespaceFacts) -> u64 {
    hash(&(&facts.name, &facts.description, facts.soa_ttl))
}

pub(super) fn discovery_service(facts: &DiscoveryFacts) -> u64 {
    let mut dns = facts.dns_config.clone();
    // Deprecated, and said beside it.
    if let Some(members) = dns.as_mut().and_then(Value::as_object_mut) {
        members.remove("NamespaceId");
    }
    hash(&(&facts.name, &facts.description, dns, facts.custom_health))
}

pub(super) fn log_group(facts: &LogGroupFacts) -> u64 {
    hash(&(facts.retention_in_days, &facts.kms_key_id))
}

pub(super) fn role(facts: &RoleFacts) -> u64 {
    let policies = (&facts.trust, &facts.policies, &facts.managed_policies, &facts.permissions_boundary);
    hash(&(&facts.id, &facts.path, policies, &facts.tags))
}
