//! Which pods of which clusters take the role, as spec and status name them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use landbridge_api::v1alpha1::{IamTaskRole, PodIdentityAssociation};

use crate::kind::Kind;

/// The pods of a service account in an EKS cluster; displayed as `cluster/namespace/account`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pods {
    /// Name of the EKS cluster.
    pub cluster: String,
    /// Kubernetes namespace.
    pub namespace: String,
    /// Service account.
    pub service_account: String,
}

impl fmt::Display for Pods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cluster, self.namespace, self.service_account)
    }
}

/// The associations that the spec asks for, in its order.
pub fn wanted_pods(object: &IamTaskRole) -> Vec<(Pods, &PodIdentityAssociation)> {
    let of = |spec: &PodIdentityAssociation| Pods {
        cluster: spec.cluster_name.clone(),
        namespace: spec.namespace.clone().unwrap_or_else(|| object.object_namespace().to_owned()),
        service_account: spec.service_account.clone().unwrap_or_else(|| object.object_name().to_owned()),
    };
    object.spec.pod_identity_associations.iter().map(|spec| (of(spec), spec)).collect()
}

/// Everything that may have an association of this object: what the spec asks for, and what it asked for before.
pub fn known_pods(object: &IamTaskRole) -> BTreeSet<Pods> {
    let mut pods: BTreeSet<Pods> = wanted_pods(object).into_iter().map(|(pods, _)| pods).collect();
    let stored = object.status.iter().flat_map(|s| &s.pod_identity_associations);
    pods.extend(stored.map(|s| Pods {
        cluster: s.cluster_name.clone(),
        namespace: s.namespace.clone(),
        service_account: s.service_account.clone(),
    }));
    pods
}

/// The EKS clusters that the spec names, each with whether associations are wanted in it.
pub fn clusters(object: &IamTaskRole) -> BTreeMap<String, bool> {
    let irsa = object.spec.trust.iter().flat_map(|t| &t.irsa).filter_map(|i| i.cluster_name.clone());
    let mut clusters: BTreeMap<String, bool> = irsa.map(|cluster| (cluster, false)).collect();
    clusters.extend(wanted_pods(object).into_iter().map(|(pods, _)| (pods.cluster, true)));
    clusters
}

/// Service accounts by namespace, where namespaces that have the same ones are together: what one trust statement each can
/// say exactly.
pub(super) fn groups(pods: &[(Pods, &PodIdentityAssociation)]) -> Vec<(Vec<String>, Vec<String>)> {
    let mut by_namespace: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (pods, _) in pods {
        by_namespace.entry(&pods.namespace).or_default().insert(&pods.service_account);
    }
    let mut by_accounts: BTreeMap<BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
    for (namespace, accounts) in by_namespace {
        by_accounts.entry(accounts).or_default().push(namespace);
    }
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut groups: Vec<_> = by_accounts
        .into_iter()
        .map(|(accounts, namespaces)| (owned(namespaces), owned(accounts.into_iter().collect())))
        .collect();
    groups.sort();
    groups
}
