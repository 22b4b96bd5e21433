//! Where an object's AWS calls go, and what the account asks of everything made in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use landbridge_api::common::{AllowedNamespaces, ClusterScopedRef};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{AccountIamRules, AssumeRole, AwsAccount, RequestQuota};
use serde::Serialize;

use crate::objects::Objects;
use crate::plan::Unmet;

/// Name of the AWSAccount that is meant where no `accountRef` is given.
pub const DEFAULT_ACCOUNT: &str = "default";

/// An account and region that calls can be made in.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AccountTarget {
    /// Name of the AWSAccount; none for the process's own AWS environment.
    pub name: Option<String>,
    /// Twelve-digit account ID.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// Partition: `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// Role to assume.
    #[serde(skip)]
    pub assume_role: Option<AssumeRole>,
    /// Endpoint override.
    #[serde(skip)]
    pub endpoint_url: Option<String>,
    /// Rules for IAM roles.
    pub iam: AccountIamRules,
    /// Tags put on everything, beside the object's own.
    pub default_tags: BTreeMap<String, String>,
    /// Request quotas other than AWS's defaults, by bucket.
    #[serde(skip)]
    pub quotas: BTreeMap<String, RequestQuota>,
    /// Identity of this Landbridge installation, part of the ownership tags.
    pub installation: String,
    /// Kubernetes namespaces that may use the account; none for the process's own AWS environment, which only
    /// cluster-scoped objects may use.
    #[serde(skip)]
    pub allowed_namespaces: Option<AllowedNamespaces>,
}

impl AccountTarget {
    /// The target that an AWSAccount describes. Its account ID is what the spec expects, else what was found with its
    /// credentials, else empty.
    pub fn of(account: &AwsAccount, installation: &str) -> Self {
        let spec = &account.spec;
        let found = account.status.as_ref().and_then(|s| s.account_id.clone());
        Self {
            name: account.metadata.name.clone(),
            account_id: spec.account_id.clone().or(found).unwrap_or_default(),
            region: spec.region.clone(),
            partition: Self::partition_of(&spec.region).to_owned(),
            assume_role: spec.assume_role.clone(),
            endpoint_url: spec.endpoint_url.clone(),
            iam: spec.iam.clone().unwrap_or_default(),
            default_tags: spec
                .default_tags
                .iter()
                .map(|t| (t.key.clone(), t.value.clone().unwrap_or_default()))
                .collect(),
            quotas: spec.quotas.clone(),
            installation: installation.to_owned(),
            allowed_namespaces: spec.allowed_namespaces.clone(),
        }
    }

    /// The key under which budgets, caches and leases are kept: account and region.
    pub fn shard(&self) -> String {
        format!("{}-{}", self.account_id, self.region)
    }

    /// Path of every role of the account.
    pub fn iam_path(&self) -> &str {
        self.iam.path.as_deref().unwrap_or("/landbridge/")
    }

    /// ARN of a role under the account's path.
    pub fn role_arn(&self, role: &str) -> String {
        format!("arn:{}:iam::{}:role{}{role}", self.partition, self.account_id, self.iam_path())
    }

    /// ARN of something in ECS, for example `cluster/prod`.
    pub fn ecs_arn(&self, resource: &str) -> String {
        format!("arn:{}:ecs:{}:{}:{resource}", self.partition, self.region, self.account_id)
    }

    /// The partition that a Region belongs to.
    pub fn partition_of(region: &str) -> &'static str {
        match region {
            r if r.starts_with("cn-") => "aws-cn",
            r if r.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

/// The account that `reference` names, if objects of `namespace` (none: cluster-scoped) may use it.
pub fn account_for(
    objects: &dyn Objects,
    reference: Option<&ClusterScopedRef>,
    namespace: Option<&str>,
) -> Result<Arc<AccountTarget>, Unmet> {
    let account = objects.account(reference.map(|r| r.name.as_str()))?;
    if let Some(namespace) = namespace
        && !allows(objects, account.allowed_namespaces.as_ref(), namespace)
    {
        return Err(match account.name.as_deref() {
            Some(name) => not_allowed("AWSAccount", name, namespace),
            None => Unmet::blocked(
                reason::NAMESPACE_NOT_ALLOWED,
                format!(
                    "there is no AWSAccount {DEFAULT_ACCOUNT}, and the operator's own AWS environment is only for \
                     cluster-scoped objects; create AWSAccount {DEFAULT_ACCOUNT} with {namespace} in \
                     spec.allowedNamespaces"
                ),
            ),
        });
    }
    Ok(account)
}

/// Whether `allowed` lets objects of `namespace` in. Nothing said means no.
pub fn allows(objects: &dyn Objects, allowed: Option<&AllowedNamespaces>, namespace: &str) -> bool {
    let Some(allowed) = allowed else { return false };
    allowed.names.iter().any(|n| n == "*" || n == namespace)
        || allowed.selector.as_ref().is_some_and(|s| selects(s, &objects.namespace_labels(namespace)))
}

/// The refusal for a namespace that is not allowed.
pub fn not_allowed(kind: &str, name: &str, namespace: &str) -> Unmet {
    Unmet::blocked(
        reason::NAMESPACE_NOT_ALLOWED,
        format!(
            "{kind} {name} does not allow namespace {namespace}; its owner can add it to spec.allowedNamespaces of \
             {kind} {name}"
        ),
    )
}

fn selects(
    selector: &k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector,
    labels: &BTreeMap<String, String>,
) -> bool {
    let equal = selector.match_labels.iter().flatten().all(|(k, v)| labels.get(k) == Some(v));
    let expressions = selector.match_expressions.iter().flatten().all(|e| {
        let has = labels.get(&e.key);
        let listed = |v: &String| e.values.iter().flatten().any(|x| x == v);
        match e.operator.as_str() {
            "In" => has.is_some_and(listed),
            "NotIn" => !has.is_some_and(listed),
            "Exists" => has.is_some(),
            "DoesNotExist" => has.is_none(),
            _ => false,
        }
    });
    equal && expressions
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

    #[test]
    fn a_selector_with_labels_matches_only_a_namespace_that_carries_them_all() {
        let selector = LabelSelector {
            match_labels: Some(BTreeMap::from([("team".into(), "shop".into())])),
            ..LabelSelector::default()
        };
        assert!(selects(&selector, &BTreeMap::from([("team".into(), "shop".into()), ("x".into(), "y".into())])));
        assert!(!selects(&selector, &BTreeMap::from([("team".into(), "blog".into())])));
    }

    #[test]
    fn the_partition_follows_the_region() {
        assert_eq!(AccountTarget::partition_of("cn-north-1"), "aws-cn");
        assert_eq!(AccountTarget::partition_of("eu-central-1"), "aws");
    }
}
