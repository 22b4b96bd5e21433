//! IAM roles for service accounts: the OIDC provider of each cluster, and the trust statement for it.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{IamTaskRole, IrsaStatus, IrsaTrust};
use serde_json::{Value, json};

use super::{EKS_LOOK_AFTER, IamTaskRoleObserved, cluster_absent};
use crate::account::AccountTarget;
use crate::hash;
use crate::kind::Kind;
use crate::plan::Wait;

/// The audience of the tokens that EKS puts into pods (Amazon EKS User Guide, «IAM roles for service accounts»).
const AUDIENCE: &str = "sts.amazonaws.com";
/// The annotation by which EKS knows the role of a service account (same page).
const ANNOTATION: &str = "eks.amazonaws.com/role-arn";

/// ARN of the IAM OIDC provider for an issuer: the URL without its scheme.
pub fn provider_arn(account: &AccountTarget, issuer: &str) -> String {
    let url = issuer.strip_prefix("https://").unwrap_or(issuer);
    format!("arn:{}:iam::{}:oidc-provider/{url}", account.partition, account.account_id)
}

/// Namespace and service account that an entry means.
pub(super) fn subject<'a>(object: &'a IamTaskRole, irsa: &'a IrsaTrust) -> (&'a str, &'a str) {
    (
        irsa.namespace.as_deref().unwrap_or_else(|| object.object_namespace()),
        irsa.service_account.as_deref().unwrap_or_else(|| object.object_name()),
    )
}

/// The providers that the spec means, with what they let in, and what stands in the way.
#[derive(Debug, Default)]
pub(super) struct Providers<'a> {
    /// Namespaces and service accounts by the ARN of their provider.
    pub(super) found: BTreeMap<String, BTreeSet<(&'a str, &'a str)>>,
    pub(super) waits: Vec<Wait>,
}

impl<'a> Providers<'a> {
    pub(super) fn of(object: &'a IamTaskRole, account: &AccountTarget, observed: &IamTaskRoleObserved) -> Self {
        let mut providers = Self::default();
        for irsa in object.spec.trust.iter().flat_map(|t| &t.irsa) {
            match resolve(irsa, account, observed) {
                Ok(arn) => {
                    providers.found.entry(arn).or_default().insert(subject(object, irsa));
                }
                Err(wait) if !providers.waits.contains(&wait) => providers.waits.push(wait),
                Err(_) => {}
            }
        }
        providers
    }

    /// One statement per provider.
    pub(super) fn statements(&self) -> Vec<Value> {
        self.found.iter().map(|(arn, subjects)| statement(arn, subjects)).collect()
    }

    pub(super) fn status(&self, role_arn: &str) -> Vec<IrsaStatus> {
        let one = |arn: &String, (namespace, account): &(&str, &str)| IrsaStatus {
            oidc_provider_arn: arn.clone(),
            namespace: (*namespace).to_owned(),
            service_account: (*account).to_owned(),
            annotations: BTreeMap::from([(ANNOTATION.to_owned(), role_arn.to_owned())]),
        };
        self.found.iter().flat_map(|(arn, subjects)| subjects.iter().map(move |s| one(arn, s))).collect()
    }
}

/// The ARN of a provider that is there and takes EKS's tokens.
fn resolve(irsa: &IrsaTrust, account: &AccountTarget, observed: &IamTaskRoleObserved) -> Result<String, Wait> {
    let wait = |reason, message| Wait::new(reason, message, EKS_LOOK_AFTER);
    let (arn, issuer) = match (&irsa.cluster_name, &irsa.oidc_provider_arn) {
        (Some(cluster), _) => {
            let Some(facts) = observed.eks_clusters.get(cluster) else {
                return Err(cluster_absent(account, cluster, "spec.trust.irsa"));
            };
            let Some(issuer) = &facts.issuer else {
                let message = format!("EKS cluster {cluster} is {}; its OIDC issuer is not known yet", facts.status);
                return Err(wait(reason::REFERENCE_NOT_READY, message));
            };
            (provider_arn(account, issuer), issuer.clone())
        }
        (None, arn) => {
            let arn = arn.clone().unwrap_or_default();
            let issuer = arn.split_once(":oidc-provider/").map_or("", |(_, url)| url);
            let issuer = format!("https://{issuer}");
            (arn, issuer)
        }
    };
    match observed.oidc_providers.get(&arn) {
        None => Err(wait(
            reason::REFERENCE_NOT_FOUND,
            format!(
                "account {} has no IAM OIDC provider for {issuer}, so no pod can take the role by IRSA; make it: aws iam \
                 create-open-id-connect-provider --url {issuer} --client-id-list {AUDIENCE}",
                account.account_id
            ),
        )),
        Some(clients) if !clients.iter().any(|c| c == AUDIENCE) => Err(wait(
            reason::REFERENCE_NOT_READY,
            format!(
                "IAM OIDC provider {arn} does not take tokens for {AUDIENCE}; add it: aws iam \
                 add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {arn} --client-id {AUDIENCE}"
            ),
        )),
        Some(_) => Ok(arn),
    }
}

fn statement(provider: &str, subjects: &BTreeSet<(&str, &str)>) -> Value {
    let issuer = provider.split_once(":oidc-provider/").map_or("", |(_, issuer)| issuer);
    let sub: Vec<String> =
        subjects.iter().map(|(ns, account)| format!("system:serviceaccount:{ns}:{account}")).collect();
    let sid = format!("EksIrsa{}", hash::text(provider).get(..8).unwrap_or_default());
    json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": { "Federated": provider },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": { format!("{issuer}:aud"): AUDIENCE, format!("{issuer}:sub"): sub } },
    })
}
