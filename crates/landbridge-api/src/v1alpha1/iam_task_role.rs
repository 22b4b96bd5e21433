//! `IAMTaskRole`: one IAM role that ECS tasks and EKS pods can both assume.

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
    /// ECS tasks of this account and region. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecs_tasks: Option<bool>,
    /// EKS pods through Pod Identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_identity: Option<PodIdentityTrust>,
    /// Whole statements added as they are, for principals that the other parts do not cover.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), schema_with = "any_list")]
    pub statements: Vec<Value>,
}

/// Trust for EKS Pod Identity (`pods.eks.amazonaws.com`), narrowed by the session tags that EKS sets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
}
