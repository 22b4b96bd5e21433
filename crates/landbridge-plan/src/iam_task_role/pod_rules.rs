//! What EKS and IAM would refuse of the spec's pods, or what would let nobody in.

use std::collections::BTreeSet;

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{IamTaskRole, PodIdentityTrust};

use super::{IamTaskRoleResolved, Pods, wanted_pods};
use crate::account::{AccountTarget, allows};
use crate::kind::Kind;
use crate::objects::Objects;
use crate::plan::{Plan, Unmet};
use crate::policy_document::{self, Usage};

/// Namespaces of pods are names like those of objects, so the account's rule for namespaces holds for them as well: nobody
/// gives a role to pods of a namespace that has nothing to do with the account.
pub(super) fn check_namespaces(
    object: &IamTaskRole,
    objects: &dyn Objects,
    account: &AccountTarget,
) -> Result<(), Unmet> {
    let own = object.object_namespace();
    let associations = object.spec.pod_identity_associations.iter().filter_map(|a| a.namespace.as_deref());
    let irsa = object.spec.trust.iter().flat_map(|t| &t.irsa).filter_map(|i| i.namespace.as_deref());
    let named = associations.map(|n| ("podIdentityAssociations", n)).chain(irsa.map(|n| ("trust.irsa", n)));
    for (field, namespace) in named.filter(|(_, n)| *n != own) {
        if !allows(objects, account.allowed_namespaces.as_ref(), namespace) {
            let account = account.name.as_deref().map_or("the account".to_owned(), |n| format!("AWSAccount {n}"));
            let message = format!(
                "spec.{field} names namespace {namespace}, which {account} does not allow; its owner can add it to \
                 spec.allowedNamespaces"
            );
            return Err(Unmet::blocked(reason::NAMESPACE_NOT_ALLOWED, message));
        }
    }
    Ok(())
}

/// Adds a refusal for everything about pods that could not be done.
pub(super) fn refuse(plan: &mut Plan, object: &IamTaskRole, resolved: &IamTaskRoleResolved) {
    let mut found = Vec::new();
    partition(&mut found, object, &resolved.account);
    associations(&mut found, object);
    narrowing(&mut found, object, &resolved.account);
    irsa(&mut found, object, &resolved.account);
    for message in found {
        plan.block(reason::INVALID_SPEC, message);
    }
}

fn partition(found: &mut Vec<String>, object: &IamTaskRole, account: &AccountTarget) {
    let trusts = object.spec.trust.as_ref().is_some_and(|t| t.pod_identity.is_some());
    if account.partition == "aws-cn" && (trusts || !object.spec.pod_identity_associations.is_empty()) {
        found.push(format!(
            "EKS Pod Identity is not offered in China Regions such as {}; use spec.trust.irsa in place of \
             spec.podIdentityAssociations and spec.trust.podIdentity",
            account.region
        ));
    }
}

fn associations(found: &mut Vec<String>, object: &IamTaskRole) {
    let mut seen: BTreeSet<Pods> = BTreeSet::new();
    for (index, (pods, spec)) in wanted_pods(object).into_iter().enumerate() {
        let at = format!("spec.podIdentityAssociations[{index}]");
        let key = pods.to_string();
        if !seen.insert(pods) {
            found.push(format!("{at} names {key} a second time; a service account has one association per cluster"));
        }
        if let Some(policy) = &spec.policy {
            if spec.disable_session_tags != Some(true) {
                found.push(format!("{at}.policy needs disableSessionTags: true beside it"));
            }
            if let Err(error) = policy_document::validate(policy, Usage::Permissions) {
                found.push(format!("{at}.policy: {error}"));
            }
        }
        let is_role = |arn: &String| arn.starts_with("arn:aws") && arn.contains(":iam::") && arn.contains(":role/");
        if let Some(target) = spec.target_role_arn.as_ref().filter(|arn| !is_role(arn)) {
            found.push(format!("{at}.targetRoleArn is {target}, which is not the ARN of a role"));
        }
    }
}

/// What the trust says of pods must let in those that have an association.
fn narrowing(found: &mut Vec<String>, object: &IamTaskRole, account: &AccountTarget) {
    let trust = object.spec.trust.as_ref().and_then(|t| t.pod_identity.as_ref());
    let needs_tags = trust.is_none_or(|t| t.require_session_tags.unwrap_or(true));
    if let Some(trust) = trust
        && !needs_tags
        && !(trust.namespaces.is_empty() && trust.service_accounts.is_empty() && trust.cluster_arns.is_empty())
    {
        found.push(
            "spec.trust.podIdentity has requireSessionTags: false, and without session tags nothing can be narrowed; take \
             namespaces, serviceAccounts and clusterArns away"
                .to_owned(),
        );
    }
    for (pods, spec) in wanted_pods(object) {
        if spec.disable_session_tags == Some(true) && needs_tags {
            found.push(format!(
                "association {pods} has disableSessionTags, so EKS does not say by tags who asks, and the conditions of the \
                 trust policy on aws:RequestTag would let nobody in; set spec.trust.podIdentity.requireSessionTags: false \
                 (any association of the account with this role then works), or take disableSessionTags away"
            ));
        }
        if let Some(trust) = trust.filter(|_| needs_tags)
            && let Some(missing) = shut_out(object, &pods, trust, account)
        {
            found.push(format!("association {pods} is not let in by spec.trust.podIdentity: add {missing}"));
        }
    }
}

/// What a narrowed trust lacks for these pods.
fn shut_out(object: &IamTaskRole, pods: &Pods, trust: &PodIdentityTrust, account: &AccountTarget) -> Option<String> {
    let arn =
        format!("arn:{}:eks:{}:{}:cluster/{}", account.partition, account.region, account.account_id, pods.cluster);
    let lacks = |names: &[String], name: &str| !names.is_empty() && !names.iter().any(|n| n == name);
    // Where neither is named, both follow the associations; where one is, the other is the object's own.
    let named = !(trust.namespaces.is_empty() && trust.service_accounts.is_empty());
    let lacks_or = |names: &[String], own: &str, name: &str| {
        named && if names.is_empty() { own != name } else { !names.iter().any(|n| n == name) }
    };
    if lacks(&trust.cluster_arns, &arn) {
        return Some(format!("{arn} to clusterArns"));
    }
    if lacks_or(&trust.namespaces, object.object_namespace(), &pods.namespace) {
        return Some(format!("{} to namespaces", pods.namespace));
    }
    if lacks_or(&trust.service_accounts, object.object_name(), &pods.service_account) {
        return Some(format!("{} to serviceAccounts", pods.service_account));
    }
    None
}

fn irsa(found: &mut Vec<String>, object: &IamTaskRole, account: &AccountTarget) {
    for (index, irsa) in object.spec.trust.iter().flat_map(|t| &t.irsa).enumerate() {
        let at = format!("spec.trust.irsa[{index}]");
        match (&irsa.cluster_name, &irsa.oidc_provider_arn) {
            (Some(_), Some(_)) | (None, None) => {
                found.push(format!("{at}: name either clusterName or oidcProviderArn"));
            }
            (None, Some(arn)) => {
                let prefix = format!("arn:{}:iam::{}:oidc-provider/", account.partition, account.account_id);
                if !arn.starts_with(&prefix) {
                    found.push(format!(
                        "{at}.oidcProviderArn is {arn}, and the provider has to be in the role's own account ({prefix}…); make \
                         one there for the cluster's issuer"
                    ));
                }
            }
            (Some(_), None) => {}
        }
    }
}
