//! Writes to IAM. What is remembered of a role is forgotten at every write to it.

use aws_sdk_iam::types::Tag;
use landbridge_plan::change::{Body, Tags};
use landbridge_plan::verdict::ErrorClass;
use serde_json::Value;

use super::{Produced, Writer, or_gone};
use crate::error::AwsError;
use crate::operations as op;

impl Writer<'_> {
    /// `body` may hold `Description`, `MaxSessionDuration` and `PermissionsBoundary`.
    pub(super) async fn create_role(
        self,
        name: &str,
        path: &str,
        trust: &Value,
        body: &Body,
        tags: &Tags,
    ) -> Result<Produced, AwsError> {
        const KNOWN: [&str; 3] = ["Description", "MaxSessionDuration", "PermissionsBoundary"];
        let operation = op::CREATE_ROLE;
        if let Some(unknown) = body.keys().find(|k| !KNOWN.contains(&k.as_str())) {
            let message = format!("AWS knows no field {unknown} of a role; correct the spec");
            return Err(AwsError::new(operation, ErrorClass::Invalid, message));
        }
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let longest = body.get("MaxSessionDuration").and_then(Value::as_i64).map(|n| n as i32);
        let tags = role_tags(operation, tags)?;
        let call = || {
            let call = self.aws.iam().create_role().role_name(name).path(path).set_tags(Some(tags.clone()));
            let call = call.assume_role_policy_document(document(trust)).set_max_session_duration(longest);
            let call = call.set_description(text("Description").filter(|d| !d.is_empty()));
            call.set_permissions_boundary(text("PermissionsBoundary")).send()
        };
        let boundary = text("PermissionsBoundary").unwrap_or_default();
        let answer = self.aws.call(operation, self.priority, call).await;
        let answer = answer.map_err(|e| of_trust(of_policy(e, &boundary)))?;
        self.aws.memory().roles.forget(name);
        let role = answer.role().ok_or_else(|| AwsError::incomplete(operation, "Role"))?;
        Ok(Produced::from([("arn", role.arn().to_owned())]))
    }

    pub(super) async fn update_trust(self, role: &str, trust: &Value) -> Result<Produced, AwsError> {
        self.aws.memory().roles.forget(role);
        let call =
            || self.aws.iam().update_assume_role_policy().role_name(role).policy_document(document(trust)).send();
        self.aws.call(op::UPDATE_ASSUME_ROLE_POLICY, self.priority, call).await.map_err(of_trust)?;
        Ok(Produced::new())
    }

    pub(super) async fn update_role(self, role: &str, description: &str, longest: i32) -> Result<Produced, AwsError> {
        self.aws.memory().roles.forget(role);
        let call = || {
            self.aws.iam().update_role().role_name(role).description(description).max_session_duration(longest).send()
        };
        self.aws.call(op::UPDATE_ROLE, self.priority, call).await?;
        Ok(Produced::new())
    }

    pub(super) async fn set_boundary(self, role: &str, arn: Option<&str>) -> Result<Produced, AwsError> {
        self.aws.memory().roles.forget(role);
        let Some(arn) = arn else {
            let call = || self.aws.iam().delete_role_permissions_boundary().role_name(role).send();
            return or_gone(self.aws.call(op::DELETE_ROLE_PERMISSIONS_BOUNDARY, self.priority, call).await.map(drop));
        };
        let call = || self.aws.iam().put_role_permissions_boundary().role_name(role).permissions_boundary(arn).send();
        let set = self.aws.call(op::PUT_ROLE_PERMISSIONS_BOUNDARY, self.priority, call).await;
        set.map_err(|e| of_policy(e, arn))?;
        Ok(Produced::new())
    }

    pub(super) async fn put_role_policy(self, role: &str, name: &str, policy: &Value) -> Result<Produced, AwsError> {
        self.aws.memory().roles.forget(role);
        let call = || {
            let call = self.aws.iam().put_role_policy().role_name(role).policy_name(name);
            call.policy_document(document(policy)).send()
        };
        self.aws.call(op::PUT_ROLE_POLICY, self.priority, call).await?;
        Ok(Produced::new())
    }

    pub(super) async fn delete_role_policy(self, role: &str, name: &str) -> Result<Produced, AwsError> {
        self.aws.memory().roles.forget(role);
        let call = || self.aws.iam().delete_role_policy().role_name(role).policy_name(name).send();
        or_gone(self.aws.call(op::DELETE_ROLE_POLICY, self.priority, call).await.map(drop))
    }

    pub(super) async fn attach_role_policy(self, role: &str, arn: &str) -> Result<Produced, AwsError> {
        self.aws.memory().roles.forget(role);
        let call = || self.aws.iam().attach_role_policy().role_name(role).policy_arn(arn).send();
        self.aws.call(op::ATTACH_ROLE_POLICY, self.priority, call).await.map_err(|e| of_policy(e, arn))?;
        Ok(Produced::new())
    }

    pub(super) async fn detach_role_policy(self, role: &str, arn: &str) -> Result<Produced, AwsError> {
        self.aws.memory().roles.forget(role);
        let call = || self.aws.iam().detach_role_policy().role_name(role).policy_arn(arn).send();
        or_gone(self.aws.call(op::DETACH_ROLE_POLICY, self.priority, call).await.map(drop))
    }

    pub(super) async fn tag_role(self, role: &str, set: &Tags, remove: &[String]) -> Result<Produced, AwsError> {
        self.aws.memory().roles.forget(role);
        if !set.is_empty() {
            let tags = role_tags(op::TAG_ROLE, set)?;
            let call = || self.aws.iam().tag_role().role_name(role).set_tags(Some(tags.clone())).send();
            self.aws.call(op::TAG_ROLE, self.priority, call).await?;
        }
        if !remove.is_empty() {
            let call = || self.aws.iam().untag_role().role_name(role).set_tag_keys(Some(remove.to_vec())).send();
            self.aws.call(op::UNTAG_ROLE, self.priority, call).await?;
        }
        Ok(Produced::new())
    }

    pub(super) async fn delete_role(self, name: &str) -> Result<Produced, AwsError> {
        self.aws.memory().roles.forget(name);
        let call = || self.aws.iam().delete_role().role_name(name).send();
        or_gone(self.aws.call(op::DELETE_ROLE, self.priority, call).await.map(drop))
    }
}

/// `NoSuchEntity` about the policy, not the role, of a call that takes both (AttachRolePolicy, PutRolePermissionsBoundary
/// and CreateRole, "Errors"). A policy of AWS's own that does not exist is a mistake in the ARN; one of an account may be
/// made by somebody a moment later, so that is waited for.
fn of_policy(error: AwsError, arn: &str) -> AwsError {
    if error.class != ErrorClass::NotFound || error.message.to_ascii_lowercase().contains("role with name") {
        return error;
    }
    let is_aws_own = arn.split(':').nth(4) == Some("aws");
    let (class, message) = if is_aws_own {
        let told = format!(
            "AWS has no managed policy {arn}: correct the ARN in the spec (`aws iam list-policies --scope AWS`)"
        );
        (ErrorClass::Invalid, told)
    } else {
        let told = format!("there is no policy {arn}: make it, or correct the ARN in the spec; it is tried again");
        (ErrorClass::NotYet, told)
    };
    AwsError { class, message, ..error }
}

/// A trust policy that is too long for the account's quota, whose name IAM does not use.
fn of_trust(error: AwsError) -> AwsError {
    if error.class != ErrorClass::Quota || !error.message.contains("ACLSizePerRole") {
        return error;
    }
    let message = format!(
        "the trust policy is too long for the account ({}); shorten spec.trust, or have quota L-C07B4B0D (IAM, role trust policy \
         length, up to 4096) raised",
        error.message
    );
    AwsError { message, ..error }
}

/// A policy document as IAM takes it. One that was kept as text because it is not JSON stays that text.
fn document(policy: &Value) -> String {
    policy.as_str().map_or_else(|| policy.to_string(), str::to_owned)
}

fn role_tags(operation: &op::Operation, tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: Result<Vec<_>, _> = tags.iter().map(tag).collect();
    tags.map_err(|e| AwsError::new(operation, ErrorClass::Invalid, e.to_string()))
}
