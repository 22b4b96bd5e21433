//! The bulk reads: which ones a set of things needs, and what each shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_iam::types::{EntityType, RoleDetail};
use landbridge_plan::ecs_service::LogGroupFacts;
use landbridge_plan::iam_task_role::{Pods, RoleFacts};

use super::thing::{self, Thing};
use super::{Pace, Prints};
use crate::budget::Priority;
use crate::client::Aws;
use crate::codec::to_json;
use crate::error::AwsError;
use crate::observe::{CLOUD_MAP_PAGE, discovery_facts, document, namespace_facts};
use crate::operations::{self as op, Operation};
use crate::recent::Facts as _;

/// Clusters per DescribeClusters.
const CLUSTERS: usize = 100;
/// Capacity providers per DescribeCapacityProviders.
const CAPACITY_PROVIDERS: usize = 100;
/// Log groups per DescribeLogGroups.
const LOG_GROUPS: i32 = 50;
/// Roles per GetAccountAuthorizationDetails: AWS gives up to 1,000, which with long policies are tens of megabytes.
const ROLES: i32 = 250;

/// One bulk read, of one or more pages.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    Clusters(Vec<String>),
    CapacityProviders(Vec<String>),
    Namespaces,
    DiscoveryServices(String),
    /// Log groups whose names begin with `prefix`, up to `last`.
    LogGroups {
        prefix: String,
        last: String,
    },
    Roles,
    /// Pod Identity associations of an EKS cluster.
    Associations(String),
}

/// The bulk reads that show all of `things`, each with what it is made for.
pub(super) fn sources(things: BTreeSet<Thing>) -> Vec<(Source, Vec<Thing>)> {
    let (mut clusters, mut providers) = (Vec::new(), Vec::new());
    let mut groups: BTreeMap<String, Vec<Thing>> = BTreeMap::new();
    let mut discovery: BTreeMap<String, Vec<Thing>> = BTreeMap::new();
    let (mut namespaces, mut roles) = (Vec::new(), Vec::new());
    let mut pods: BTreeMap<String, Vec<Thing>> = BTreeMap::new();
    for thing in things {
        match &thing {
            Thing::Cluster(_) => clusters.push(thing),
            Thing::CapacityProvider(_) => providers.push(thing),
            Thing::Namespace(_) => namespaces.push(thing),
            Thing::DiscoveryService { namespace, .. } => discovery.entry(namespace.clone()).or_default().push(thing),
            Thing::LogGroup(name) => groups.entry(folder(name).to_owned()).or_default().push(thing),
            Thing::Role(_) => roles.push(thing),
            Thing::PodIdentity(of) => pods.entry(of.cluster.clone()).or_default().push(thing),
        }
    }
    let mut sources: Vec<(Source, Vec<Thing>)> = Vec::new();
    sources.extend(clusters.chunks(CLUSTERS).map(|page| (Source::Clusters(names(page)), page.to_vec())));
    let pages = providers.chunks(CAPACITY_PROVIDERS);
    sources.extend(pages.map(|page| (Source::CapacityProviders(names(page)), page.to_vec())));
    sources.extend((!namespaces.is_empty()).then_some((Source::Namespaces, namespaces)));
    sources.extend(discovery.into_iter().map(|(id, things)| (Source::DiscoveryServices(id), things)));
    for (folder, things) in groups {
        // Names are in order. A group that is alone in its folder is asked for by its whole name.
        let (prefix, last) = match (names(&things).as_slice(), things.len()) {
            ([only], _) => (only.clone(), only.clone()),
            (all, count) => (folder, all.get(count - 1).cloned().unwrap_or_default()),
        };
        sources.push((Source::LogGroups { prefix, last }, things));
    }
    sources.extend((!roles.is_empty()).then_some((Source::Roles, roles)));
    sources.extend(pods.into_iter().map(|(cluster, things)| (Source::Associations(cluster), things)));
    sources
}

fn names(things: &[Thing]) -> Vec<String> {
    let name = |thing: &Thing| match thing {
        Thing::Cluster(name) | Thing::CapacityProvider(name) | Thing::LogGroup(name) | Thing::Role(name) => {
            name.clone()
        }
        Thing::Namespace(id) | Thing::DiscoveryService { id, .. } => id.clone(),
        Thing::PodIdentity(pods) => pods.to_string(),
    };
    things.iter().map(name).collect()
}

/// `/ecs/prod/` of `/ecs/prod/orders`; a name without one is its own.
fn folder(name: &str) -> &str {
    name.rfind('/').filter(|at| *at > 0).and_then(|at| name.get(..=at)).unwrap_or(name)
}

impl Source {
    pub(super) fn operation(&self) -> &'static Operation {
        match self {
            Self::Clusters(_) => op::DESCRIBE_CLUSTERS,
            Self::CapacityProviders(_) => op::DESCRIBE_CAPACITY_PROVIDERS,
            Self::Namespaces => op::LIST_NAMESPACES,
            Self::DiscoveryServices(_) => op::LIST_DISCOVERY_SERVICES,
            Self::LogGroups { .. } => op::DESCRIBE_LOG_GROUPS,
            Self::Roles => op::GET_ACCOUNT_AUTHORIZATION_DETAILS,
            Self::Associations(_) => op::LIST_ASSOCIATIONS,
        }
    }

    /// Fingerprints of everything that the source shows of `wanted`; what is missing is not there.
    pub(super) async fn read(&self, aws: &Aws, wanted: &[Thing], pace: &Pace) -> Result<Prints, AwsError> {
        match self {
            Self::Clusters(names) => aws.clusters_in_bulk(names, pace).await,
            Self::CapacityProviders(names) => aws.capacity_providers_in_bulk(names, pace).await,
            Self::Namespaces => aws.namespaces_in_bulk(pace).await,
            Self::DiscoveryServices(namespace) => aws.discovery_in_bulk(namespace, pace).await,
            Self::LogGroups { prefix, last } => aws.log_groups_in_bulk(prefix, last, pace).await,
            Self::Roles => aws.roles_in_bulk(&wanted.iter().collect(), pace).await,
            Self::Associations(cluster) => aws.associations_in_bulk(cluster, pace).await,
        }
    }
}

impl Aws {
    async fn clusters_in_bulk(&self, names: &[String], pace: &Pace) -> Result<Prints, AwsError> {
        pace.next().await;
        let found = self.describe_clusters(names.to_vec(), Priority::Sweep).await?;
        let mut prints = HashMap::new();
        for (name, facts) in found {
            // An answer from before a write of ours is covered by the answer to that write.
            if let Some(facts) = self.memory().clusters.read(&name, Some(facts?)) {
                prints.insert(Thing::Cluster(name), thing::cluster(&facts));
            }
        }
        Ok(prints)
    }

    async fn capacity_providers_in_bulk(&self, names: &[String], pace: &Pace) -> Result<Prints, AwsError> {
        pace.next().await;
        let found = self.describe_capacity_providers(Some(names.to_vec()), None, Priority::Sweep).await?;
        let mut prints = HashMap::new();
        for (name, facts) in found {
            if let Some(facts) = self.memory().providers.read(&name, Some(facts?)) {
                prints.insert(Thing::CapacityProvider(name), facts.stamp());
            }
        }
        Ok(prints)
    }

    async fn namespaces_in_bulk(&self, pace: &Pace) -> Result<Prints, AwsError> {
        let (mut prints, mut token) = (HashMap::new(), None);
        loop {
            pace.next().await;
            let call = || {
                self.map().list_namespaces().max_results(CLOUD_MAP_PAGE).set_next_token(Option::clone(&token)).send()
            };
            let answer = self.call(op::LIST_NAMESPACES, Priority::Sweep, call).await?;
            for namespace in answer.namespaces() {
                let facts = namespace_facts(&to_json(op::LIST_NAMESPACES, namespace)?, BTreeMap::new());
                let print = thing::namespace(&facts);
                prints.insert(Thing::Namespace(facts.id), print);
            }
            token = answer.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(prints);
            }
        }
    }

    async fn discovery_in_bulk(&self, namespace: &str, pace: &Pace) -> Result<Prints, AwsError> {
        let (mut prints, mut token) = (HashMap::new(), None);
        loop {
            pace.next().await;
            let Some(answer) = self.discovery_page(namespace, token, Priority::Sweep).await? else { return Ok(prints) };
            for service in answer.services() {
                let facts = discovery_facts(&to_json(op::LIST_DISCOVERY_SERVICES, service)?);
                let print = thing::discovery_service(&facts);
                prints.insert(Thing::DiscoveryService { namespace: namespace.to_owned(), id: facts.id }, print);
            }
            token = answer.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(prints);
            }
        }
    }

    async fn log_groups_in_bulk(&self, prefix: &str, last: &str, pace: &Pace) -> Result<Prints, AwsError> {
        let (mut prints, mut token) = (HashMap::new(), None);
        loop {
            pace.next().await;
            let call = || {
                let call = self.logs().describe_log_groups().log_group_name_prefix(prefix).limit(LOG_GROUPS);
                call.set_next_token(Option::clone(&token)).send()
            };
            let answer = self.call(op::DESCRIBE_LOG_GROUPS, Priority::Sweep, call).await?;
            for group in answer.log_groups() {
                let facts = LogGroupFacts {
                    name: group.log_group_name().unwrap_or_default().to_owned(),
                    retention_in_days: group.retention_in_days(),
                    kms_key_id: group.kms_key_id().map(str::to_owned),
                    ..LogGroupFacts::default()
                };
                let print = thing::log_group(&facts);
                prints.insert(Thing::LogGroup(facts.name), print);
            }
            token = answer.next_token().map(str::to_owned);
            // "The results are ASCII-sorted by log group name" (DescribeLogGroups in the CloudWatch Logs API reference).
            let is_past = answer.log_groups().last().and_then(|g| g.log_group_name()).is_some_and(|name| name >= last);
            if token.is_none() || is_past {
                return Ok(prints);
            }
        }
    }

    async fn roles_in_bulk(&self, wanted: &BTreeSet<&Thing>, pace: &Pace) -> Result<Prints, AwsError> {
        let operation = op::GET_ACCOUNT_AUTHORIZATION_DETAILS;
        let (mut prints, mut marker) = (HashMap::new(), None);
        loop {
            pace.next().await;
            let call = || {
                let call = self.iam().get_account_authorization_details().filter(EntityType::Role).max_items(ROLES);
                call.set_marker(Option::clone(&marker)).send()
            };
            let answer = self.call(operation, Priority::Sweep, call).await?;
            for role in answer.role_detail_list() {
                let thing = Thing::Role(role.role_name().unwrap_or_default().to_owned());
                if wanted.contains(&thing) {
                    prints.insert(thing, thing::role(&role_facts(role)));
                }
            }
            marker = answer.marker().filter(|_| answer.is_truncated()).map(str::to_owned);
            if marker.is_none() {
                return Ok(prints);
            }
        }
    }
}

impl Aws {
    /// A cluster that is not there has none.
    async fn associations_in_bulk(&self, cluster: &str, pace: &Pace) -> Result<Prints, AwsError> {
        let (mut prints, mut token) = (HashMap::new(), None);
        loop {
            pace.next().await;
            let Some(answer) = self.association_page(cluster, None, token, Priority::Sweep).await? else {
                return Ok(prints);
            };
            for found in answer.associations() {
                let pods = Pods {
                    cluster: cluster.to_owned(),
                    namespace: found.namespace().unwrap_or_default().to_owned(),
                    service_account: found.service_account().unwrap_or_default().to_owned(),
                };
                let id = found.association_id().unwrap_or_default().to_owned();
                prints.insert(Thing::PodIdentity(pods), crate::facts::hash(&id));
            }
            token = answer.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(prints);
            }
        }
    }
}

/// A role as far as a RoleDetail shows it.
fn role_facts(role: &RoleDetail) -> RoleFacts {
    let inline = role.role_policy_list().iter();
    let attached = role.attached_managed_policies().iter();
    let boundary = role.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
    RoleFacts {
        id: role.role_id().unwrap_or_default().to_owned(),
        path: role.path().unwrap_or_default().to_owned(),
        trust: document(role.assume_role_policy_document().unwrap_or_default()),
        policies: inline
            .filter_map(|p| Some((p.policy_name()?.to_owned(), document(p.policy_document().unwrap_or_default()))))
            .collect(),
        managed_policies: attached.filter_map(|p| p.policy_arn().map(str::to_owned)).collect(),
        permissions_boundary: boundary.map(str::to_owned),
        tags: role.tags().iter().map(|t| (t.key().to_owned(), t.value().to_owned())).collect(),
        ..RoleFacts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_groups_are_asked_for_by_folder_and_a_lone_one_by_its_name() {
        let group = |name: &str| Thing::LogGroup(name.to_owned());
        let things = ["/ecs/prod/b", "/ecs/prod/a", "/ecs/test/web", "plain", "/top"].map(group);
        let made: Vec<Source> = sources(things.into()).into_iter().map(|(source, _)| source).collect();
        let by = |prefix: &str, last: &str| Source::LogGroups { prefix: prefix.into(), last: last.into() };
        let expected = [
            by("/ecs/prod/", "/ecs/prod/b"),
            by("/ecs/test/web", "/ecs/test/web"),
            by("/top", "/top"),
            by("plain", "plain"),
        ];
        assert_eq!(made, expected);
    }

    #[test]
    fn a_hundred_clusters_share_a_call_and_each_namespace_has_its_own() {
        let clusters = (0..101).map(|n| Thing::Cluster(format!("c-{n:03}")));
        let in_namespace =
            |namespace: &str, id: &str| Thing::DiscoveryService { namespace: namespace.into(), id: id.into() };
        let found = [in_namespace("ns-1", "srv-1"), in_namespace("ns-2", "srv-2"), in_namespace("ns-1", "srv-3")];
        let providers = [Thing::CapacityProvider("a".into()), Thing::CapacityProvider("b".into())];
        let made = sources(clusters.chain(providers).chain(found).collect());
        let counts: Vec<(&str, usize)> =
            made.iter().map(|(s, things)| (s.operation().action(), things.len())).collect();
        let expected = [
            ("DescribeClusters", 100),
            ("DescribeClusters", 1),
            ("DescribeCapacityProviders", 2),
            ("ListServices", 2),
            ("ListServices", 1),
        ];
        assert_eq!(counts, expected);
    }
}
