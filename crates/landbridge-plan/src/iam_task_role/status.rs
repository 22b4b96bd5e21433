//! What is said of the role: facts, the message of a ready role, events, and what is remembered before associations are made.

use std::collections::BTreeSet;

use landbridge_api::common::CommonStatus;
use landbridge_api::v1alpha1::{IamTaskRole, IamTaskRoleStatus, PodIdentityAssociationStatus};

use super::irsa::Providers;
use super::{IamTaskRoleObserved, IamTaskRoleResolved, Trust, foreign, known_pods, wanted_pods};
use crate::adoption::some_of;
use crate::change::Change;
use crate::kind::{Kind, News};
use crate::owner::{Owner, Ownership};
use crate::plan::Plan;

/// The add-on that gives pods their credentials.
const AGENT: &str = "eks-pod-identity-agent";

pub(super) fn facts(
    object: &IamTaskRole,
    resolved: &IamTaskRoleResolved,
    observed: &IamTaskRoleObserved,
) -> IamTaskRoleStatus {
    let role = observed.role.as_ref();
    let trusted = role.map(|role| Providers::of(object, &resolved.account, observed).status(&role.arn));
    IamTaskRoleStatus {
        common: CommonStatus::default(),
        role_name: Some(resolved.name.clone()),
        role_arn: role.map(|r| r.arn.clone()),
        role_id: role.map(|r| r.id.clone()),
        created_at: role.and_then(|r| r.created_at.clone()),
        pod_identity_associations: associations(object, resolved, observed),
        irsa: trusted.filter(|_| !object.is_deleting()).unwrap_or_default(),
        foreign_statements: Trust::of(object, resolved, observed).foreign,
        own_statements: role.map(|role| foreign::own_fingerprints(object, role)).unwrap_or_default(),
    }
}

/// Ours that are there, and those that were about to be made and may be.
fn associations(
    object: &IamTaskRole,
    resolved: &IamTaskRoleResolved,
    observed: &IamTaskRoleObserved,
) -> Vec<PodIdentityAssociationStatus> {
    let owner = Owner::new(object.identity(), &resolved.account);
    let wanted: BTreeSet<_> = wanted_pods(object).into_iter().map(|(pods, _)| pods).collect();
    let stored = object.status.iter().flat_map(|s| &s.pod_identity_associations);
    let intended: BTreeSet<_> = stored.map(named).collect();
    let one = |pods: super::Pods| {
        let key = pods.to_string();
        let found = observed.associations.get(&key);
        let ours = found.filter(|a| owner.reads(&a.tags) == Ownership::Ours);
        if ours.is_none() && (found.is_some() || !wanted.contains(&pods) || !intended.contains(&key)) {
            return None;
        }
        Some(PodIdentityAssociationStatus {
            cluster_name: pods.cluster,
            namespace: pods.namespace,
            service_account: pods.service_account,
            association_arn: ours.map(|a| a.arn.clone()),
            external_id: ours.and_then(|a| a.external_id.clone()),
        })
    };
    known_pods(object).into_iter().filter_map(one).collect()
}

fn named(status: &PodIdentityAssociationStatus) -> String {
    format!("{}/{}/{}", status.cluster_name, status.namespace, status.service_account)
}

/// What a ready role is told with.
pub(super) fn message(object: &IamTaskRole, resolved: &IamTaskRoleResolved, observed: &IamTaskRoleObserved) -> String {
    let mut said = vec![format!("IAM role {} is as the spec says", resolved.name)];
    let pods: Vec<String> = wanted_pods(object).iter().map(|(pods, _)| pods.to_string()).collect();
    if !pods.is_empty() {
        said.push(format!("pods of {} take it, those that ran before once they are restarted", some_of(&pods)));
    }
    let foreign = Trust::of(object, resolved, observed).foreign;
    if !foreign.is_empty() {
        said.push(format!("trust statements of others are kept: {}", some_of(&foreign)));
    }
    let mut clusters: Vec<String> = wanted_pods(object).into_iter().map(|(pods, _)| pods.cluster).collect();
    clusters.sort();
    clusters.dedup();
    said.extend(clusters.iter().filter_map(|cluster| without_agent(observed, cluster)));
    said.join("; ")
}

/// What is wrong with the Pod Identity agent of a cluster, if anything is.
fn without_agent(observed: &IamTaskRoleObserved, cluster: &str) -> Option<String> {
    let facts = observed.eks_clusters.get(cluster)?;
    match facts.agent.as_deref() {
        _ if facts.auto_mode => None,
        Some("ACTIVE" | "UPDATING") => None,
        Some(status) => Some(format!(
            "add-on {AGENT} of EKS cluster {cluster} is {status}, and pods get no credentials until it is ACTIVE (aws eks \
             describe-addon says why)"
        )),
        None => Some(format!(
            "EKS cluster {cluster} has no add-on {AGENT}: unless the agent runs there in another way, pods get no credentials \
             until it is installed (aws eks create-addon --cluster-name {cluster} --addon-name {AGENT}); pods on Fargate need \
             spec.trust.irsa in place of an association"
        )),
    }
}

/// What has to be remembered before associations are made: an operator that dies must find them again, also after they have
/// left the spec.
pub(super) fn intent(object: &IamTaskRole, plan: &Plan) -> Option<IamTaskRoleStatus> {
    let mut status = object.status.clone().unwrap_or_default();
    let known: BTreeSet<String> = status.pod_identity_associations.iter().map(named).collect();
    let before = status.pod_identity_associations.len();
    for step in &plan.steps {
        let Change::CreatePodIdentityAssociation { cluster, namespace, service_account, .. } = &step.change else {
            continue;
        };
        let new = PodIdentityAssociationStatus {
            cluster_name: cluster.clone(),
            namespace: namespace.clone(),
            service_account: service_account.clone(),
            ..PodIdentityAssociationStatus::default()
        };
        if !known.contains(&named(&new)) {
            status.pod_identity_associations.push(new);
        }
    }
    (status.pod_identity_associations.len() > before).then_some(status)
}

/// Associations that were made since the stored status.
pub(super) fn news(object: &IamTaskRole, observed: &IamTaskRoleObserved) -> Vec<News> {
    let stored = object.status.iter().flat_map(|s| &s.pod_identity_associations);
    let known: BTreeSet<&str> = stored.filter_map(|s| s.association_arn.as_deref()).collect();
    let mut news = Vec::new();
    let mut clusters = BTreeSet::new();
    for (pods, _) in wanted_pods(object) {
        let Some(facts) = observed.associations.get(&pods.to_string()) else { continue };
        if known.contains(facts.arn.as_str()) {
            continue;
        }
        let message = format!("pods of {pods} take the role; restart those that were running before");
        news.push(News { warning: false, reason: "PodIdentityAssociated".to_owned(), message });
        clusters.insert(pods.cluster);
    }
    for message in clusters.iter().filter_map(|cluster| without_agent(observed, cluster)) {
        news.push(News { warning: true, reason: "PodIdentityAgentMissing".to_owned(), message });
    }
    news
}
