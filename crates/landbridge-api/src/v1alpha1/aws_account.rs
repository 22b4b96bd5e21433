//! `AWSAccount`: where the AWS calls go, as whom, and what the account asks of everything made in it.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::common::{AllowedNamespaces, CommonStatus};
use crate::ecs::Tag;

/// An AWS account and region, and how Landbridge reaches it. It owns nothing in AWS.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "landbridge.dev",
    version = "v1alpha1",
    kind = "AWSAccount",
    root = "AwsAccount",
    plural = "awsaccounts",
    shortname = "awsacct",
    category = "landbridge",
    status = "AwsAccountStatus",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Account", type_ = "string", json_path = ".status.accountId"),
    printcolumn(name = "Region", type_ = "string", json_path = ".spec.region"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct AwsAccountSpec {
    /// Twelve-digit account ID. When it is given, credentials of any other account are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9]{12}$"))]
    pub account_id: Option<String>,
    /// AWS Region, for example `eu-central-1`.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[a-z0-9-]+$"))]
    #[x_kube(validation = ("self == oldSelf", "region is immutable: make another AWSAccount for another region"))]
    pub region: String,
    /// Role to assume with the operator's own credentials. Without it the operator's own credentials are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_role: Option<AssumeRole>,
    /// Endpoint that takes every call of this account, for an emulator or a private gateway. Default: AWS's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^https?://.+$"))]
    pub endpoint_url: Option<String>,
    /// Kubernetes namespaces whose objects may name this account. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// What every IAM role made in this account must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam: Option<AccountIamRules>,
    /// Tags put on everything that Landbridge makes in this account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    pub default_tags: Vec<Tag>,
    /// Request quotas that differ from AWS's defaults, by bucket name, for example `ecs/service-modify`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quotas: BTreeMap<String, RequestQuota>,
}

/// How to assume a role.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssumeRole {
    /// ARN of the role.
    #[schemars(regex(pattern = "^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$"))]
    pub role_arn: String,
    /// External ID that the role's trust policy asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Session name that CloudTrail shows. Default: `landbridge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
}

/// Rules for IAM roles made in the account.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountIamRules {
    /// Path of every role, with a slash at both ends. Default: `/landbridge/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), regex(pattern = "^/(.*/)?$"))]
    pub path: Option<String>,
    /// ARN of the managed policy that bounds every role. An IAMTaskRole cannot take it away or name another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// ARNs of managed policies that roles may attach, `*` matches any run of characters. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_managed_policies: Vec<String>,
}

/// One request quota: a token bucket.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestQuota {
    /// Largest burst, in calls.
    #[schemars(range(min = 1, max = 100_000))]
    pub burst: i32,
    /// Refill, in calls per second.
    #[schemars(range(min = 1, max = 100_000))]
    pub per_second: i32,
}

/// What was found with the account's credentials.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsAccountStatus {
    /// Conditions and what they speak of.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Account ID that the credentials belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// ARN of the identity that makes the calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_arn: Option<String>,
}
