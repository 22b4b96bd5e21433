//! `IAMTaskRole`: one IAM role that ECS tasks and EKS pods can both assume.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::common::{ClusterScopedRef, CommonStatus, Knobs};
use crate::ecs::Tag;

/// An IAM role for ECS tasks and EKS pods, with its policies. Path and permissions boundary come from the account.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "landbridge.dev",
    version = "v1alpha1",
    kind = "IAMTaskRole",
    root = "IamTaskRole",
    namespaced,
    plural = "iamtaskroles",
    shortname = "iamtr",
    category = "landbridge",
    status = "IamTaskRoleStatus",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Role", type_ = "string", json_path = ".status.roleName"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "ARN", type_ = "string", json_path = ".status.roleArn", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.roleName) == has(oldSelf.roleName) && (!has(self.roleName) || self.roleName == oldSelf.roleName)", "roleName is immutable: make another IAMTaskRole"))]
#[x_kube(validation = ("has(self.accountRef) == has(oldSelf.accountRef) && (!has(self.accountRef) || self.accountRef.name == oldSelf.accountRef.name)", "accountRef is immutable: make another IAMTaskRole"))]
pub struct IamTaskRoleSpec {
    /// Name of the role in IAM. Default: `<namespace>-<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Za-z0-9+=,.@_-]+$"))]
    pub role_name: Option<String>,
    /// The AWSAccount that holds it. Default: the one named `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ref: Option<ClusterScopedRef>,
    /// Text that IAM keeps with the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub description: Option<String>,
    /// Longest session, in seconds. Default: 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 3600, max = 43_200))]
    pub max_session_duration: Option<i32>,
    /// Who may assume the role. Default: ECS tasks of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<RoleTrust>,
    /// EKS Pod Identity associations: pods of these service accounts get credentials of the role. They are made after the
    /// role and removed before it; pods that ran before one was made have to be started anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub pod_identity_associations: Vec<PodIdentityAssociation>,
    /// Inline policies. Policies of other names on the role are drift.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(validation = ("self.all(p, self.exists_one(q, q.name == p.name))", "policy names must be unique"))]
    pub policies: Vec<InlinePolicy>,
    /// ARNs of the managed policies on the role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 20, max = 2048)))]
    pub managed_policy_arns: Vec<String>,
    /// ARN of the managed policy that bounds the role. The account's own boundary, if it has one, must be the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// Tags of the role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 45))]
    pub tags: Vec<Tag>,
    /// Ownership and drift.
    #[serde(flatten)]
    pub knobs: Knobs,
}

/// Who may assume the role. Each part is one statement of the trust policy.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleTrust {
    /// ECS tasks of this account and region. Default: true. With false, the statement goes once no ECSService refers to the
    /// role any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecs_tasks: Option<bool>,
    /// EKS pods through Pod Identity. Default: exactly the service accounts of `spec.podIdentityAssociations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_identity: Option<PodIdentityTrust>,
    /// EKS pods through the OIDC provider of their cluster (IAM roles for service accounts), for pods that Pod Identity does
    /// not reach: on Fargate, on Windows, and in China Regions. One statement per provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub irsa: Vec<IrsaTrust>,
    /// Whole statements added as they are, for principals that the other parts do not cover.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), schema_with = "any_list")]
    pub statements: Vec<Value>,
    /// What becomes of statements that others put into the trust policy. Default: `Keep` where `adoptionPolicy` is
    /// `IfUnchanged` or `Always`, because the role may have been somebody's before; otherwise `Remove`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_statements: Option<ForeignStatements>,
}

/// What becomes of trust statements that this object does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ForeignStatements {
    /// They stay, and are no drift.
    Keep,
    /// They are drift, and are taken out.
    Remove,
}

/// An EKS Pod Identity association of the role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodIdentityAssociation {
    /// The EKS cluster, in the account and Region of the role.
    #[schemars(length(min = 1, max = 100), regex(pattern = "^[0-9A-Za-z][A-Za-z0-9_-]*$"))]
    pub cluster_name: String,
    /// Kubernetes namespace in that cluster. Default: the namespace of this object. The AWSAccount must allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Service account in that namespace. Default: the name of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account: Option<String>,
    /// EKS sends no session tags. The trust cannot tell pods apart then, so `trust.podIdentity.requireSessionTags: false` is
    /// needed beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disable_session_tags: Option<bool>,
    /// ARN of a role, possibly of another account, that EKS assumes with this one and whose credentials the pods get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 2048))]
    pub target_role_arn: Option<String>,
    /// Policy document that narrows what these pods may do with the role. Needs `disableSessionTags: true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_document")]
    pub policy: Option<Value>,
}

/// Service accounts of one EKS cluster that may assume the role with a web identity.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.clusterName) != has(self.oidcProviderArn)", "name either clusterName or oidcProviderArn"))]
pub struct IrsaTrust {
    /// The EKS cluster, in the account and Region of the role. Its IAM OIDC provider must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = "^[0-9A-Za-z][A-Za-z0-9_-]*$"))]
    pub cluster_name: Option<String>,
    /// ARN of the IAM OIDC provider, in the role's account, of a cluster elsewhere: in another Region or account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 2048), regex(pattern = "^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/.+$"))]
    pub oidc_provider_arn: Option<String>,
    /// Kubernetes namespace in that cluster. Default: the namespace of this object. The AWSAccount must allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Service account in that namespace. Default: the name of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account: Option<String>,
}

/// Trust for EKS Pod Identity (`pods.eks.amazonaws.com`), narrowed by the session tags that EKS sets.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(self.requireSessionTags) || self.requireSessionTags || !(has(self.namespaces) || has(self.serviceAccounts) || has(self.clusterArns))", "without session tags nothing can be narrowed: take namespaces, serviceAccounts and clusterArns away"))]
pub struct PodIdentityTrust {
    /// Kubernetes namespaces whose pods may assume the role. Default: the namespace of this object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Service accounts that may assume the role. Default: the name of this object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_accounts: Vec<String>,
    /// ARNs of the EKS clusters whose pods may assume the role. Default: any cluster of the account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_arns: Vec<String>,
    /// Whether only pods may assume the role whose session tags say where they are. Default: true. With false, any pod of
    /// the account may that somebody makes an association for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_session_tags: Option<bool>,
}

/// An inline policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InlinePolicy {
    /// Name of the policy on the role.
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z0-9+=,.@_-]+$"))]
    pub name: String,
    /// The policy document, as an object or as JSON text.
    #[schemars(schema_with = "any_document")]
    pub document: Value,
}

fn any_document(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

fn any_list(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": 20,
        "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
    })
}

/// What AWS says of the role.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IamTaskRoleStatus {
    /// Conditions and what they speak of.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Name of the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    /// ARN of the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// IAM's unique ID of the role; it changes when a role is deleted and made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_id: Option<String>,
    /// When IAM created the role; calls that use it right after that may still be refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Pod Identity associations of the role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pod_identity_associations: Vec<PodIdentityAssociationStatus>,
    /// Service accounts that the trust policy lets in through an OIDC provider, and what they need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub irsa: Vec<IrsaStatus>,
    /// Trust statements of others that are kept, by Sid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_statements: Vec<String>,
    /// Fingerprints of the statements of `spec.trust.statements` that are in the trust policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_statements: Vec<String>,
}

/// A Pod Identity association that was made, or is about to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodIdentityAssociationStatus {
    /// The EKS cluster.
    pub cluster_name: String,
    /// Kubernetes namespace.
    pub namespace: String,
    /// Service account.
    pub service_account: String,
    /// ARN of the association; absent while it is not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_arn: Option<String>,
    /// External ID that the trust policy of the target role may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// A service account that may assume the role with a web identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IrsaStatus {
    /// ARN of the IAM OIDC provider.
    pub oidc_provider_arn: String,
    /// Kubernetes namespace.
    pub namespace: String,
    /// Service account.
    pub service_account: String,
    /// Annotations that the service account must carry.
    pub annotations: BTreeMap<String, String>,
}
