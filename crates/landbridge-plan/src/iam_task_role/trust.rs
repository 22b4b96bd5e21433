//! The trust policy of a role: who may assume it.

use landbridge_api::v1alpha1::{IamTaskRole, PodIdentityTrust};
use serde_json::{Value, json};

use super::irsa::Providers;
use super::{IamTaskRoleObserved, IamTaskRoleResolved, foreign, groups, wanted_pods};
use crate::account::AccountTarget;
use crate::kind::Kind;
use crate::plan::Wait;
use crate::policy_document;

/// The principal of ECS tasks.
const ECS_TASKS: &str = "ecs-tasks.amazonaws.com";

/// The trust policy that is wanted, as far as it can be said yet.
#[derive(Debug, Default)]
pub struct Trust {
    /// The policy: our statements, then those of others that stay.
    pub document: Value,
    /// What has to be there before the whole of it can be said. While there is any, the policy is not written.
    pub waits: Vec<Wait>,
    /// Whether the spec itself lets anybody in.
    pub has_own: bool,
    /// The statement for ECS tasks stays, although the spec takes it away: tasks of these objects still use the role.
    pub held_for: Vec<String>,
    /// Names of the statements of others that stay.
    pub foreign: Vec<String>,
}

impl Trust {
    /// The trust policy that the spec asks for, on a role that is as observed. Statements of the object come after the
    /// composed ones, as they are.
    pub fn of(object: &IamTaskRole, resolved: &IamTaskRoleResolved, observed: &IamTaskRoleObserved) -> Self {
        let (account, spec) = (&resolved.account, object.spec.trust.clone().unwrap_or_default());
        let providers = Providers::of(object, account, observed);
        let mut own = pod_identity(object, spec.pod_identity.as_ref(), account);
        own.extend(providers.statements());
        own.extend(spec.statements);
        let wants_ecs = spec.ecs_tasks.unwrap_or(true);
        let has_own = wants_ecs || !own.is_empty() || !providers.waits.is_empty();
        let others = match &observed.role {
            Some(role) if foreign::are_kept(object) => {
                let with_ecs: Vec<Value> = own.iter().cloned().chain([ecs_tasks(account)]).collect();
                foreign::statements(object, &with_ecs, role)
            }
            _ => Vec::new(),
        };
        let lets_tasks_in = own.iter().chain(&others).any(is_for_ecs_tasks);
        let is_held = has_own && !wants_ecs && !lets_tasks_in && !resolved.users.is_empty();
        if wants_ecs || is_held {
            own.insert(0, ecs_tasks(account));
        }
        let foreign = others.iter().map(foreign::name).collect();
        own.extend(others);
        Self {
            document: json!({ "Version": "2012-10-17", "Statement": own }),
            waits: providers.waits,
            has_own,
            held_for: if is_held { resolved.users.clone() } else { Vec::new() },
            foreign,
        }
    }

    /// Whether all that it needs is there.
    pub fn is_known(&self) -> bool {
        self.waits.is_empty()
    }

    /// How the role's policy differs from it.
    pub(super) fn differences(&self, trust: &Value) -> Vec<crate::plan::Difference> {
        if self.is_known() { policy_document::differences("trust", trust, &self.document) } else { Vec::new() }
    }
}

/// Whether a statement lets ECS tasks in, whatever its conditions.
fn is_for_ecs_tasks(statement: &Value) -> bool {
    let services = &statement["Principal"]["Service"];
    statement["Effect"] == "Allow"
        && (services == ECS_TASKS || services.as_array().is_some_and(|all| all.iter().any(|s| s == ECS_TASKS)))
}

/// Tasks of this account and Region, so that nobody else's ECS can be talked into using the role (Amazon ECS Developer
/// Guide, «Amazon ECS task IAM role»; a single cluster cannot be named there).
fn ecs_tasks(account: &AccountTarget) -> Value {
    json!({
        "Sid": "EcsTasks",
        "Effect": "Allow",
        "Principal": { "Service": ECS_TASKS },
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": { "aws:SourceAccount": account.account_id },
            "ArnLike": { "aws:SourceArn": account.ecs_arn("*") },
        },
    })
}

/// Pods: those that the trust itself names, else exactly those of the associations, in any cluster of the account, so that a
/// service that changes its cluster needs no edit here.
fn pod_identity(object: &IamTaskRole, trust: Option<&PodIdentityTrust>, account: &AccountTarget) -> Vec<Value> {
    let associations = wanted_pods(object);
    let names_none = trust.is_none_or(|t| t.namespaces.is_empty() && t.service_accounts.is_empty());
    let clusters = trust.map(|t| t.cluster_arns.as_slice()).unwrap_or_default();
    match trust {
        Some(trust) if trust.require_session_tags == Some(false) => vec![pods("EksPodIdentity", None)],
        _ if names_none && !associations.is_empty() => {
            let groups = groups(&associations).into_iter().enumerate();
            let sid = |index: usize| if index == 0 { String::new() } else { (index + 1).to_string() };
            groups
                .map(|(index, (namespaces, accounts))| {
                    let condition = session_tags(&namespaces, &accounts, clusters, account);
                    pods(&format!("EksPodIdentity{}", sid(index)), Some(condition))
                })
                .collect()
        }
        Some(trust) => {
            let or_own = |names: &[String], own: &str| {
                if names.is_empty() { vec![own.to_owned()] } else { names.to_vec() }
            };
            let namespaces = or_own(&trust.namespaces, object.object_namespace());
            let accounts = or_own(&trust.service_accounts, object.object_name());
            vec![pods("EksPodIdentity", Some(session_tags(&namespaces, &accounts, clusters, account)))]
        }
        None => Vec::new(),
    }
}

/// EKS says who asks by session tags (Amazon EKS User Guide, «EKS Pod Identity role trust policy»).
fn session_tags(namespaces: &[String], accounts: &[String], clusters: &[String], account: &AccountTarget) -> Value {
    let mut condition = json!({
        "StringEquals": {
            "aws:RequestTag/kubernetes-namespace": namespaces,
            "aws:RequestTag/kubernetes-service-account": accounts,
        },
    });
    let cluster = "aws:RequestTag/eks-cluster-arn";
    if clusters.is_empty() {
        let any = format!("arn:{}:eks:*:{}:cluster/*", account.partition, account.account_id);
        condition["StringLike"] = json!({ cluster: any });
    } else {
        condition["StringEquals"][cluster] = json!(clusters);
    }
    condition
}

/// EKS Pod Identity needs both actions.
fn pods(sid: &str, condition: Option<Value>) -> Value {
    let mut statement = json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": { "Service": "pods.eks.amazonaws.com" },
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    statement
}
