//! The task definition of a service: which revision holds the wanted content, and registering it when none does.
//!
//! Revisions are content-addressed. RegisterTaskDefinition has no client token, so the hash of the content is stored in
//! the status before the call and is a tag of the revision after it: a lost answer is found again, not repeated.

use landbridge_api::ecs::TaskDefinition;
use landbridge_api::names::tag;
use landbridge_api::v1alpha1::EcsService;
use serde_json::{Value, json};

use super::desire::body_of;
use super::pass::Pass;
use super::{EcsServiceResolved, RevisionFacts};
use crate::change::{Body, Change, Tags};
use crate::owner::{Owner, Ownership};
use crate::plan::Plan;
use crate::{canonical, hash, tags, token};

/// Name of the step that registers a revision.
pub(super) const STEP: &str = "task-definition";

/// The task definition that the service is to run.
#[derive(Clone, Debug, PartialEq)]
pub enum WantedRevision {
    /// One that somebody else registers, by ARN.
    Given(String),
    /// One that holds this content.
    Content(WantedContent),
}

/// Content of a task definition and where it is registered.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedContent {
    /// Family.
    pub family: String,
    /// Hash of family and content.
    pub hash: String,
    /// What RegisterTaskDefinition takes, with tags.
    pub request: Body,
}

impl WantedRevision {
    pub(super) fn of(
        object: &EcsService,
        resolved: &EcsServiceResolved,
        task: Option<&TaskDefinition>,
        owner: &Owner,
    ) -> Self {
        match (task, &object.spec.task_definition_arn) {
            (Some(task), _) => Self::Content(WantedContent::of(task, resolved, owner)),
            (None, arn) => Self::Given(arn.clone().unwrap_or_default()),
        }
    }

    /// Hash of the content, or the ARN that is given.
    pub fn content(&self) -> &str {
        match self {
            Self::Given(arn) => arn,
            Self::Content(content) => &content.hash,
        }
    }

    /// Family of an inline task definition.
    pub fn family(&self) -> Option<&str> {
        match self {
            Self::Given(_) => None,
            Self::Content(content) => Some(&content.family),
        }
    }

    /// Whether a revision holds the wanted content: it says so in its tag, or its definition is the same.
    pub fn is_held_by(&self, revision: &RevisionFacts) -> bool {
        match self {
            Self::Given(arn) => revision.arn == *arn,
            Self::Content(wanted) => {
                let by_tag = revision.content.as_deref() == Some(&wanted.hash);
                let same = || revision.definition.as_ref().is_some_and(|d| content_of(d) == wanted.hash);
                family_of(&revision.arn) == wanted.family && (by_tag || same())
            }
        }
    }
}

impl WantedContent {
    fn of(task: &TaskDefinition, resolved: &EcsServiceResolved, owner: &Owner) -> Self {
        let value = Value::Object(body_of(task));
        let family = task.family.clone().unwrap_or_default();
        let hash = content_hash(&family, &value);
        let mut all = tags::wanted(&resolved.account, &task.tags, owner);
        all.insert(tag::CONTENT.to_owned(), hash.clone());
        let mut request = match canonical::task_definition_request(&value) {
            Value::Object(body) => body,
            _ => Body::new(),
        };
        request.insert("family".to_owned(), json!(family));
        request.insert("tags".to_owned(), tags::listed(&all, "key", "value"));
        Self { family, hash, request }
    }
}

/// Hash of a definition as DescribeTaskDefinition gives it, comparable with [`WantedContent::hash`].
pub fn content_of(definition: &Body) -> String {
    let family = definition.get("family").and_then(Value::as_str).unwrap_or_default();
    content_hash(family, &Value::Object(definition.clone()))
}

fn content_hash(family: &str, definition: &Value) -> String {
    hash::short(&json!([family, canonical::content_hash(definition)]))
}

/// The family in the ARN of a revision.
pub(super) fn family_of(arn: &str) -> &str {
    short(arn).rsplit_once(':').map_or("", |(family, _)| family)
}

/// `family:revision` of an ARN.
pub(super) fn short(arn: &str) -> &str {
    token::shown(arn).rsplit('/').next().unwrap_or_default()
}

impl WantedContent {
    /// Its tags.
    pub(super) fn tags(&self) -> Tags {
        listed(&self.request)
    }
}

impl Pass<'_> {
    /// ARN of the revision that holds the wanted content, if one is known.
    pub(super) fn revision(&self) -> Option<&str> {
        let wanted = &self.desired.revision;
        if let WantedRevision::Given(arn) = wanted {
            return Some(arn);
        }
        if let Some(seen) = &self.observed.task_definition
            && seen.status != "INACTIVE"
            && wanted.is_held_by(seen)
        {
            return Some(&seen.arn);
        }
        let inactive = |arn: &str| self.observed.task_definition.iter().any(|r| r.arn == arn && r.status == "INACTIVE");
        let stored = self.stored.task_definition.as_ref().filter(|t| t.content == wanted.content());
        let noted = self.stored.revisions.iter().find(|r| r.content == wanted.content()).map(|r| r.arn.as_str());
        stored.and_then(|t| t.arn.as_deref()).or(noted).filter(|arn| !inactive(arn) && !self.is_retired(arn))
    }

    fn is_retired(&self, arn: &str) -> bool {
        self.observed.retired.iter().any(|r| r.arn == arn && r.status != "ACTIVE")
    }
}

/// Registers the content unless a revision holds it; gives the ARN or the token that stands for it.
pub(super) fn plan(pass: &Pass<'_>, plan: &mut Plan) -> String {
    if let Some(arn) = pass.revision() {
        retag(pass, plan);
        return arn.to_owned();
    }
    let WantedRevision::Content(wanted) = &pass.desired.revision else { return String::new() };
    let change = Change::RegisterTaskDefinition {
        family: wanted.family.clone(),
        content: wanted.hash.clone(),
        body: wanted.request.clone(),
    };
    let differences = pass.content_differences(wanted);
    plan.update(STEP, pass.cause(), &[super::logs::STEP], change, differences);
    token::token(STEP, "arn")
}

/// Tags are the one part of a revision that changes in place.
fn retag(pass: &Pass<'_>, plan: &mut Plan) {
    let (Some(seen), WantedRevision::Content(wanted)) = (&pass.observed.task_definition, &pass.desired.revision) else {
        return;
    };
    // Without tags it was not described: what is known of it comes from the status.
    if seen.tags.is_empty() || pass.desired.owner.reads(&seen.tags) != Ownership::Ours {
        return;
    }
    let to = wanted.tags();
    if let Some(change) = tags::change(&seen.tags, &to) {
        let differences = tags::differences("taskDefinition.tags", &seen.tags, &to);
        let change = Change::Tag {
            api: crate::change::Tagged::Ecs,
            arn: seen.arn.clone(),
            set: change.set,
            remove: change.remove,
        };
        pass.correct(plan, "task-definition-tags", &[], change, differences);
    }
}

fn listed(request: &Body) -> Tags {
    let text = |tag: &Value, member: &str| tag.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = request.get("tags").and_then(Value::as_array);
    list.into_iter().flatten().map(|tag| (text(tag, "key"), text(tag, "value"))).collect()
}
