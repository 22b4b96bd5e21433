//! Writes to EKS: Pod Identity associations. What is remembered of one is forgotten at every write to it.

use std::collections::HashMap;

use landbridge_plan::change::{Body, Tags};
use landbridge_plan::hash::client_token;
use landbridge_plan::iam_task_role::Pods;
use landbridge_plan::verdict::ErrorClass;
use serde_json::Value;

use super::{Produced, Writer, or_gone};
use crate::error::AwsError;
use crate::observe::association_facts;
use crate::operations as op;

impl Writer<'_> {
    pub(super) async fn create_association(self, pods: &Pods, body: &Body, tags: &Tags) -> Result<Produced, AwsError> {
        let operation = op::CREATE_ASSOCIATION;
        let sent = Members::of(operation, body)?;
        // The same association may come back one day: only attempts of this very write share a token.
        let token = client_token(&[&pods.to_string(), &jiff::Timestamp::now().to_string()]);
        let tags: HashMap<String, String> = tags.clone().into_iter().collect();
        let call = || {
            let call = self.aws.eks().create_pod_identity_association().cluster_name(&pods.cluster);
            let call = call.namespace(&pods.namespace).service_account(&pods.service_account);
            let call = call.set_role_arn(sent.role.clone()).set_target_role_arn(sent.target.clone());
            let call = call.set_disable_session_tags(sent.disabled).set_policy(sent.policy.clone());
            call.client_request_token(&token).set_tags(Some(tags.clone())).send()
        };
        let answer = match self.aws.call(operation, self.priority, call).await {
            // Somebody was quicker, or we were and the list did not show it yet: the next pass looks whose it is.
            Err(error) if error.class == ErrorClass::InUse => {
                let message = format!("{}; it is looked at before anything else is done", error.message);
                return Err(AwsError { class: ErrorClass::NotYet, message, ..error });
            }
            // The cluster went since it was observed.
            Err(error) if error.class == ErrorClass::NotFound => {
                self.aws.memory().eks_clusters.forget(pods.cluster.as_str());
                return Err(error);
            }
            other => other?,
        };
        let association = answer.association().ok_or_else(|| AwsError::incomplete(operation, "association"))?;
        let facts = association_facts(association);
        let produced = Produced::from([("arn", facts.arn.clone())]);
        self.aws.memory().associations.put(pods.clone(), facts);
        Ok(produced)
    }

    pub(super) async fn update_association(self, pods: &Pods, id: &str, body: &Body) -> Result<Produced, AwsError> {
        let operation = op::UPDATE_ASSOCIATION;
        let sent = Members::of(operation, body)?;
        let token = client_token(&[id, &jiff::Timestamp::now().to_string()]);
        self.aws.memory().associations.forget(pods);
        let call = || {
            let call = self.aws.eks().update_pod_identity_association().cluster_name(&pods.cluster).association_id(id);
            let call = call.set_role_arn(sent.role.clone()).set_target_role_arn(sent.target.clone());
            let call = call.set_disable_session_tags(sent.disabled).set_policy(sent.policy.clone());
            call.client_request_token(&token).send()
        };
        let answer = self.aws.call(operation, self.priority, call).await?;
        if let Some(association) = answer.association() {
            self.aws.memory().associations.put(pods.clone(), association_facts(association));
        }
        Ok(Produced::new())
    }

    pub(super) async fn delete_association(self, pods: &Pods, id: &str) -> Result<Produced, AwsError> {
        self.aws.memory().associations.forget(pods);
        let call =
            || self.aws.eks().delete_pod_identity_association().cluster_name(&pods.cluster).association_id(id).send();
        or_gone(self.aws.call(op::DELETE_ASSOCIATION, self.priority, call).await.map(drop))
    }

    pub(super) async fn tag_association(self, arn: &str, set: &Tags, remove: &[String]) -> Result<Produced, AwsError> {
        self.aws.memory().associations.forget_where(|facts| facts.arn == arn);
        if !set.is_empty() {
            let set: HashMap<String, String> = set.clone().into_iter().collect();
            let call = || self.aws.eks().tag_resource().resource_arn(arn).set_tags(Some(set.clone())).send();
            self.aws.call(op::EKS_TAG, self.priority, call).await?;
        }
        if !remove.is_empty() {
            let call = || self.aws.eks().untag_resource().resource_arn(arn).set_tag_keys(Some(remove.to_vec())).send();
            self.aws.call(op::EKS_UNTAG, self.priority, call).await?;
        }
        Ok(Produced::new())
    }
}

/// The members of a request's body.
struct Members {
    role: Option<String>,
    target: Option<String>,
    disabled: Option<bool>,
    policy: Option<String>,
}

impl Members {
    fn of(operation: &op::Operation, body: &Body) -> Result<Self, AwsError> {
        const KNOWN: [&str; 4] = ["roleArn", "targetRoleArn", "disableSessionTags", "policy"];
        if let Some(unknown) = body.keys().find(|k| !KNOWN.contains(&k.as_str())) {
            let message = format!("AWS knows no field {unknown} of a Pod Identity association; correct the spec");
            return Err(AwsError::new(operation, ErrorClass::Invalid, message));
        }
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            role: text("roleArn"),
            target: text("targetRoleArn"),
            disabled: body.get("disableSessionTags").and_then(Value::as_bool),
            policy: body.get("policy").map(|p| p.as_str().map_or_else(|| p.to_string(), str::to_owned)),
        })
    }
}
