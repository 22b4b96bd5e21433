//! One pass over one ECSService: everything that its parts look at, and what they say of drift the same way.

use landbridge_api::v1alpha1::{EcsService, EcsServiceStatus};
use serde_json::Value;

use super::desire::Desired;
use super::task_definition::WantedContent;
use super::{EcsServiceObserved, EcsServiceResolved, ServiceFacts};
use crate::change::{Change, Tags};
use crate::kind::Kind;
use crate::owner::Ownership;
use crate::plan::{Cause, Difference, Plan};
use crate::{canonical, diff};

/// What a pass looks at.
pub(super) struct Pass<'a> {
    pub(super) object: &'a EcsService,
    pub(super) resolved: &'a EcsServiceResolved,
    pub(super) observed: &'a EcsServiceObserved,
    pub(super) stored: EcsServiceStatus,
    pub(super) desired: Desired,
    /// What is wanted was applied before, so a difference comes from outside.
    pub(super) applied: bool,
}

impl<'a> Pass<'a> {
    pub(super) fn of(
        object: &'a EcsService,
        resolved: &'a EcsServiceResolved,
        observed: &'a EcsServiceObserved,
    ) -> Self {
        Self {
            object,
            resolved,
            observed,
            stored: object.stored().cloned().unwrap_or_default(),
            desired: Desired::of(object, resolved),
            applied: object.is_applied(resolved),
        }
    }

    /// Why a difference is written.
    pub(super) fn cause(&self) -> Cause {
        if self.applied { Cause::Drift } else { Cause::Spec }
    }

    /// Adds a step that puts something right, and notes the drift if it is one.
    pub(super) fn correct(
        &self,
        plan: &mut Plan,
        id: &str,
        after: &[&str],
        change: Change,
        differences: Vec<Difference>,
    ) -> String {
        if self.applied {
            plan.drift.extend(differences.iter().cloned());
        }
        plan.update(id, self.cause(), after, change, differences)
    }

    /// The service of the wanted name if it is ours, whatever its state.
    pub(super) fn ours(&self) -> Option<&'a ServiceFacts> {
        self.observed.service.as_ref().filter(|s| self.owns(&s.tags))
    }

    /// Whether the tags say that this object owns a resource.
    pub(super) fn owns(&self, tags: &Tags) -> bool {
        self.desired.owner.reads(tags) == Ownership::Ours
    }

    /// The ARN of the managed Cloud Map service, or the token of the step that makes it.
    pub(super) fn registry_arn(&self) -> String {
        match &self.observed.discovery {
            Some(discovery) => discovery.arn.clone(),
            None => super::desire::registry_token(),
        }
    }

    /// How the content differs from the definition that was looked at, when one was.
    pub(super) fn content_differences(&self, wanted: &WantedContent) -> Vec<Difference> {
        let seen = self.observed.task_definition.as_ref().and_then(|r| r.definition.clone());
        let Some(seen) = seen else { return Vec::new() };
        let without_tags = |value: &Value| {
            let mut value = canonical::task_definition(value);
            if let Some(fields) = value.as_object_mut() {
                fields.remove("tags");
            }
            value
        };
        let to = without_tags(&Value::Object(wanted.request.clone()));
        diff::differences("taskDefinition", &without_tags(&Value::Object(seen)), &to)
    }
}
