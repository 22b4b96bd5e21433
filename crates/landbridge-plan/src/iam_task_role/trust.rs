//! The trust policy of a role: who may assume it.

use landbridge_api::v1alpha1::{IamTaskRole, PodIdentityTrust};
use serde_json::{Value, json};

use crate::account::AccountTarget;
use crate::kind::Kind;

/// The trust policy that the spec asks for. Statements of the object come last, as they are.
pub fn trust_policy(object: &IamTaskRole, account: &AccountTarget) -> Value {
    let trust = object.spec.trust.clone().unwrap_or_default();
    let mut statements = Vec::new();
    if trust.ecs_tasks.unwrap_or(true) {
        statements.push(ecs_tasks(account));
    }
    if let Some(pods) = &trust.pod_identity {
        statements.push(pod_identity(object, pods, account));
    }
    statements.extend(trust.statements);
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Tasks of this account and Region, so that nobody else's ECS can be talked into using the role (Amazon ECS Developer
/// Guide, «Amazon ECS task IAM role»; a single cluster cannot be named there).
fn ecs_tasks(account: &AccountTarget) -> Value {
    json!({
        "Sid": "EcsTasks",
        "Effect": "Allow",
        "Principal": { "Service": "ecs-tasks.amazonaws.com" },
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": { "aws:SourceAccount": account.account_id },
            "ArnLike": { "aws:SourceArn": account.ecs_arn("*") },
        },
    })
}

/// Pods of some namespaces and service accounts; EKS says who asks by session tags (Amazon EKS User Guide, «EKS Pod
/// Identity role trust policy»).
fn pod_identity(object: &IamTaskRole, pods: &PodIdentityTrust, account: &AccountTarget) -> Value {
    let or_own = |names: &[String], own: &str| -> Value { if names.is_empty() { json!([own]) } else { json!(names) } };
    let mut condition = json!({
        "StringEquals": {
            "aws:RequestTag/kubernetes-namespace": or_own(&pods.namespaces, object.object_namespace()),
            "aws:RequestTag/kubernetes-service-account": or_own(&pods.service_accounts, object.object_name()),
        },
    });
    let cluster = "aws:RequestTag/eks-cluster-arn";
    if pods.cluster_arns.is_empty() {
        let any = format!("arn:{}:eks:*:{}:cluster/*", account.partition, account.account_id);
        condition["StringLike"] = json!({ cluster: any });
    } else {
        condition["StringEquals"][cluster] = json!(pods.cluster_arns);
    }
    json!({
        "Sid": "EksPodIdentity",
        "Effect": "Allow",
        "Principal": { "Service": "pods.eks.amazonaws.com" },
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": condition,
    })
}
