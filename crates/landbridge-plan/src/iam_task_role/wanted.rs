//! The role that the spec and the account ask for together.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_api::v1alpha1::IamTaskRole;
use serde_json::Value;

use super::{IamTaskRoleObserved, IamTaskRoleResolved, RoleFacts, Trust};
use crate::change::Tags;
use crate::owner::Owner;
use crate::plan::Difference;
use crate::{policy_document, tags};

/// What IAM takes a role without a longest session to have, in seconds (API reference, `CreateRole`).
const DEFAULT_SESSION: i32 = 3600;

/// The role as it should be.
pub(super) struct Wanted {
    pub(super) path: String,
    pub(super) description: String,
    pub(super) max_session_duration: i32,
    pub(super) trust: Trust,
    pub(super) policies: BTreeMap<String, Value>,
    pub(super) managed_policies: BTreeSet<String>,
    pub(super) permissions_boundary: Option<String>,
    pub(super) tags: Tags,
}

impl Wanted {
    pub(super) fn of(
        object: &IamTaskRole,
        resolved: &IamTaskRoleResolved,
        observed: &IamTaskRoleObserved,
        owner: &Owner,
    ) -> Self {
        let (spec, account) = (&object.spec, &resolved.account);
        Self {
            path: account.iam_path().to_owned(),
            description: spec.description.clone().unwrap_or_default(),
            max_session_duration: spec.max_session_duration.unwrap_or(DEFAULT_SESSION),
            trust: Trust::of(object, resolved, observed),
            policies: spec.policies.iter().map(|p| (p.name.clone(), p.document.clone())).collect(),
            managed_policies: spec.managed_policy_arns.iter().cloned().collect(),
            permissions_boundary: account
                .iam
                .permissions_boundary
                .clone()
                .or_else(|| spec.permissions_boundary.clone()),
            tags: tags::wanted(account, &spec.tags, owner),
        }
    }

    /// How the role in IAM differs in all but tags.
    pub(super) fn differences(&self, role: &RoleFacts) -> Vec<Difference> {
        let mut found = self.trust_differences(role);
        found.extend(self.head_differences(role));
        found.extend(self.boundary_difference(role));
        let names: BTreeSet<&String> = self.policies.keys().chain(role.policies.keys()).collect();
        found.extend(names.into_iter().flat_map(|n| self.policy_differences(role, n)));
        let arns: BTreeSet<&String> = self.managed_policies.symmetric_difference(&role.managed_policies).collect();
        found.extend(arns.into_iter().map(|a| self.attachment_difference(a)));
        found
    }

    pub(super) fn trust_differences(&self, role: &RoleFacts) -> Vec<Difference> {
        self.trust.differences(&role.trust)
    }

    /// Description and longest session, which IAM changes together.
    pub(super) fn head_differences(&self, role: &RoleFacts) -> Vec<Difference> {
        let mut found = Vec::new();
        if role.description != self.description {
            let text = |t: &str| (!t.is_empty()).then(|| Value::from(t));
            found.push(Difference::new("description", text(&role.description), text(&self.description)));
        }
        if role.max_session_duration != self.max_session_duration {
            found.push(Difference::new(
                "maxSessionDuration",
                Some(role.max_session_duration.into()),
                Some(self.max_session_duration.into()),
            ));
        }
        found
    }

    pub(super) fn boundary_difference(&self, role: &RoleFacts) -> Option<Difference> {
        let value = |arn: &Option<String>| arn.as_deref().map(Value::from);
        (role.permissions_boundary != self.permissions_boundary).then(|| {
            Difference::new("permissionsBoundary", value(&role.permissions_boundary), value(&self.permissions_boundary))
        })
    }

    /// How one inline policy differs.
    pub(super) fn policy_differences(&self, role: &RoleFacts, name: &str) -> Vec<Difference> {
        let path = format!("policies[{name}]");
        match (role.policies.get(name), self.policies.get(name)) {
            (Some(from), Some(to)) => policy_document::differences(&path, from, to),
            (None, None) => Vec::new(),
            (from, to) => vec![Difference::new(path, from.cloned(), to.cloned())],
        }
    }

    /// The difference that a managed policy on one side only makes.
    pub(super) fn attachment_difference(&self, arn: &str) -> Difference {
        let value = Some(Value::from(arn));
        if self.managed_policies.contains(arn) {
            Difference::new("managedPolicyArns", None, value)
        } else {
            Difference::new("managedPolicyArns", value, None)
        }
    }
}
