//! An IAM role with its policies, and what of EKS it needs. Several calls, so what was read serves for a while; own writes end
//! that.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{try_join, try_join_all};
use landbridge_api::v1alpha1::IamTaskRole;
use landbridge_plan::iam_task_role::{IamTaskRoleObserved, IamTaskRoleResolved, RoleFacts, known_pods};
use landbridge_plan::kind::Kind as _;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{DEAR, Freshness, Observe, priority};
use crate::budget::Priority;
use crate::client::Aws;
use crate::describe::gone_is_none;
use crate::error::AwsError;
use crate::operations as op;
use crate::round::Thing;

impl Observe for IamTaskRole {
    async fn observe(
        &self,
        aws: &Aws,
        resolved: &IamTaskRoleResolved,
        freshness: Freshness,
    ) -> Result<IamTaskRoleObserved, AwsError> {
        let (name, priority) = (resolved.name.as_str(), priority(self, resolved));
        let role = aws.role_of(self, name, priority, freshness);
        let (mut observed, pods) = try_join(role, aws.pods_of(self, priority, freshness)).await?;
        observed.eks_clusters = pods.clusters;
        observed.oidc_providers = pods.oidc_providers;
        observed.associations = pods.associations;
        Ok(observed)
    }

    fn things(&self, resolved: &IamTaskRoleResolved) -> Vec<Thing> {
        let pods = known_pods(self).into_iter().map(Thing::PodIdentity);
        pods.chain([Thing::Role(resolved.name.clone())]).collect()
    }
}

impl Aws {
    /// The role, without what is in EKS.
    async fn role_of(
        &self,
        object: &IamTaskRole,
        name: &str,
        priority: Priority,
        freshness: Freshness,
    ) -> Result<IamTaskRoleObserved, AwsError> {
        if let Some(known) = freshness.at_most(DEAR).and_then(|age| self.memory().roles.get(name, age))
            && !object.is_deleting()
        {
            return Ok(known);
        }
        let mut observed = IamTaskRoleObserved { role: self.role(name, priority).await?, ..Default::default() };
        if observed.role.is_some() && object.is_deleting() {
            observed.instance_profiles = self.instance_profiles(name, priority).await?;
        }
        if observed.role.is_some() {
            self.memory().roles.put(name.to_owned(), observed.clone());
        }
        Ok(observed)
    }
    /// The role with everything on it; none when there is none of that name.
    async fn role(&self, name: &str, priority: Priority) -> Result<Option<RoleFacts>, AwsError> {
        let operation = op::GET_ROLE;
        let found = self.call(operation, priority, || self.iam().get_role().role_name(name).send()).await;
        let Some(answer) = gone_is_none(found.map(Some))? else { return Ok(None) };
        let role = answer.role().ok_or_else(|| AwsError::incomplete(operation, "Role"))?;
        let (policies, managed_policies) =
            futures::future::try_join(self.inline_policies(name, priority), self.attached(name, priority)).await?;
        Ok(Some(RoleFacts {
            arn: role.arn().to_owned(),
            id: role.role_id().to_owned(),
            name: role.role_name().to_owned(),
            path: role.path().to_owned(),
            description: role.description().unwrap_or_default().to_owned(),
            max_session_duration: role.max_session_duration().unwrap_or(3600),
            trust: document(role.assume_role_policy_document().unwrap_or_default()),
            policies,
            managed_policies,
            permissions_boundary: role
                .permissions_boundary()
                .and_then(|b| b.permissions_boundary_arn())
                .map(str::to_owned),
            tags: role.tags().iter().map(|t| (t.key().to_owned(), t.value().to_owned())).collect(),
            created_at: role.create_date().fmt(aws_smithy_types::date_time::Format::DateTime).ok(),
        }))
    }

    async fn inline_policies(&self, role: &str, priority: Priority) -> Result<BTreeMap<String, Value>, AwsError> {
        let (mut names, mut marker) = (Vec::new(), None);
        loop {
            let call = || self.iam().list_role_policies().role_name(role).set_marker(marker.clone()).send();
            let found = gone_is_none(self.call(op::LIST_ROLE_POLICIES, priority, call).await.map(Some))?;
            let Some(answer) = found else { break };
            names.extend_from_slice(answer.policy_names());
            marker = answer.marker().filter(|_| answer.is_truncated()).map(str::to_owned);
            if marker.is_none() {
                break;
            }
        }
        let documents = names.iter().map(|name| async move {
            let call = || self.iam().get_role_policy().role_name(role).policy_name(name).send();
            let found = gone_is_none(self.call(op::GET_ROLE_POLICY, priority, call).await.map(Some))?;
            Ok::<_, AwsError>(found.map(|answer| (name.clone(), document(answer.policy_document()))))
        });
        Ok(try_join_all(documents).await?.into_iter().flatten().collect())
    }

    async fn attached(&self, role: &str, priority: Priority) -> Result<BTreeSet<String>, AwsError> {
        let (mut arns, mut marker) = (BTreeSet::new(), None);
        loop {
            let call = || self.iam().list_attached_role_policies().role_name(role).set_marker(marker.clone()).send();
            let found = gone_is_none(self.call(op::LIST_ATTACHED_ROLE_POLICIES, priority, call).await.map(Some))?;
            let Some(answer) = found else { return Ok(arns) };
            arns.extend(answer.attached_policies().iter().filter_map(|p| p.policy_arn().map(str::to_owned)));
            marker = answer.marker().filter(|_| answer.is_truncated()).map(str::to_owned);
            if marker.is_none() {
                return Ok(arns);
            }
        }
    }

    async fn instance_profiles(&self, role: &str, priority: Priority) -> Result<Vec<String>, AwsError> {
        let call = || self.iam().list_instance_profiles_for_role().role_name(role).send();
        let found = self.call(op::LIST_INSTANCE_PROFILES_FOR_ROLE, priority, call).await;
        let found = gone_is_none(found.map(Some))?;
        let profiles = found.iter().flat_map(|answer| answer.instance_profiles().iter());
        Ok(profiles.map(|p| p.instance_profile_name().to_owned()).collect())
    }
}

/// A policy document as IAM answers it: JSON in percent encoding (GetRole in the IAM API reference). One that is not
/// JSON is kept as text.
pub(crate) fn document(encoded: &str) -> Value {
    let text = percent_decode_str(encoded).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_decoded_and_kept_as_text_when_it_is_not_json() {
        assert_eq!(document("%7B%22Version%22%3A%222012-10-17%22%7D"), serde_json::json!({"Version": "2012-10-17"}));
        assert_eq!(document("a%20b"), Value::String("a b".into()));
    }
}
