//! Task definitions: families of revisions. Source: RegisterTaskDefinition, DescribeTaskDefinition,
//! ListTaskDefinitions, ListTaskDefinitionFamilies, DeregisterTaskDefinition and DeleteTaskDefinitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::list::page;
use super::member::{Members, client, invalid, without_nulls};
use super::{Ecs, failure, names, tags, validate};
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

/// One family: revision numbers only grow, also after revisions are deleted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Family {
    last: u32,
    revisions: BTreeMap<u32, Arc<TaskDefinition>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Inactive,
    DeleteInProgress,
}

#[derive(Debug, Clone)]
pub(crate) struct TaskDefinition {
    pub(super) arn: String,
    pub(super) family: String,
    pub(super) revision: u32,
    pub(super) status: Status,
    /// The request with AWS's defaults filled in.
    pub(super) fields: Map<String, Value>,
    registered_at: Timestamp,
    registered_by: String,
    deregistered_at: Option<Timestamp>,
    delete_requested_at: Option<Timestamp>,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::DeleteInProgress => "DELETE_IN_PROGRESS",
        }
    }
}

impl Family {
    pub(super) fn shown(&self) -> impl Iterator<Item = Value> {
        self.revisions.values().map(|definition| definition.show())
    }

    fn has_active(&self) -> bool {
        self.revisions.values().any(|definition| definition.status == Status::Active)
    }
}

impl TaskDefinition {
    pub(super) fn containers(&self) -> &[Value] {
        self.fields.list("containerDefinitions")
    }

    pub(super) fn is_awsvpc(&self) -> bool {
        self.fields.text("networkMode") == Some("awsvpc")
    }

    /// True if the definition may be launched on this launch type (`TaskDefinition.compatibilities`).
    pub(super) fn is_compatible(&self, launch_type: &str) -> bool {
        self.fields.texts("compatibilities").contains(&launch_type)
    }

    pub(super) fn show(&self) -> Value {
        let mut shown = self.fields.clone();
        shown.insert("taskDefinitionArn".to_owned(), json!(self.arn));
        shown.insert("revision".to_owned(), json!(self.revision));
        shown.insert("status".to_owned(), json!(self.status.as_str()));
        shown.insert("registeredAt".to_owned(), epoch(self.registered_at));
        shown.insert("registeredBy".to_owned(), json!(self.registered_by));
        if let Some(at) = self.deregistered_at {
            shown.insert("deregisteredAt".to_owned(), epoch(at));
        }
        if let Some(at) = self.delete_requested_at {
            shown.insert("deleteRequestedAt".to_owned(), epoch(at));
        }
        shown.into()
    }
}

impl Ecs {
    /// The task definition of an ARN with a revision.
    pub(super) fn task_definition(&self, arn: &str) -> Option<&Arc<TaskDefinition>> {
        let (family, revision) = arn.rsplit_once(':')?;
        self.families.get(family)?.revisions.get(&revision.parse().ok()?)
    }

    /// What a request means by `family`, `family:revision` or an ARN; the family alone is its newest ACTIVE revision.
    fn find_definition(&self, cx: &Cx, name: &str) -> Option<&Arc<TaskDefinition>> {
        let arn = if name.starts_with("arn:") { name.to_owned() } else { names::arn(cx, "task-definition", name) };
        if let Some(family) = self.families.get(&arn) {
            return family.revisions.values().rev().find(|definition| definition.status == Status::Active);
        }
        self.task_definition(&arn)
    }

    /// The definition that a service or task is to run.
    pub(super) fn launchable(&self, cx: &Cx, name: &str) -> Result<&Arc<TaskDefinition>, Refusal> {
        let definition = self.find_definition(cx, name).ok_or_else(|| client("TaskDefinition not found."))?;
        if definition.status != Status::Active {
            return Err(invalid("TaskDefinition is inactive"));
        }
        Ok(definition)
    }

    fn change_definition(&mut self, arn: &str, change: impl FnOnce(&mut TaskDefinition)) -> Option<Value> {
        let (family, revision) = arn.rsplit_once(':')?;
        let definition = self.families.get_mut(family)?.revisions.get_mut(&revision.parse().ok()?)?;
        change(Arc::make_mut(definition));
        Some(definition.show())
    }
}

pub(crate) fn register(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let tags = tags::requested(input)?;
    let fields = validate::task_definition(input)?;
    let family = fields.text("family").unwrap_or_default().to_owned();
    let ecs = &mut world.services.ecs;
    let family_arn = names::arn(cx, "task-definition", &family);
    let revisions = ecs.families.entry(family_arn.clone()).or_default();
    revisions.last += 1;
    let definition = TaskDefinition {
        arn: format!("{family_arn}:{}", revisions.last),
        family,
        revision: revisions.last,
        status: Status::Active,
        fields,
        registered_at: cx.now,
        registered_by: cx.principal.clone(),
        deregistered_at: None,
        delete_requested_at: None,
    };
    let shown = definition.show();
    ecs.tags.replace(&definition.arn, tags);
    let shown_tags = ecs.tags.show(&definition.arn);
    revisions.revisions.insert(definition.revision, Arc::new(definition));
    Ok(json!({ "taskDefinition": shown, "tags": shown_tags }))
}

pub(crate) fn describe(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let ecs = &world.services.ecs;
    let definition = ecs.find_definition(cx, input.text("taskDefinition").unwrap_or_default());
    let definition = definition.ok_or_else(|| client("Unable to describe task definition."))?;
    let mut answer = json!({ "taskDefinition": definition.show(), "tags": [] });
    if input.includes("TAGS") {
        answer["tags"] = ecs.tags.show(&definition.arn);
    }
    Ok(answer)
}

pub(crate) fn list(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let status = input.text("status").unwrap_or("ACTIVE");
    if !matches!(status, "ACTIVE" | "INACTIVE" | "DELETE_IN_PROGRESS") {
        return Err(invalid(format!("Invalid status: {status}")));
    }
    let prefix = names::arn(cx, "task-definition", "");
    let wanted = input.text("familyPrefix");
    let families = world.services.ecs.families.iter().filter(|(arn, _)| {
        // familyPrefix is the full name of a family here, unlike in ListTaskDefinitionFamilies.
        arn.strip_prefix(&prefix).is_some_and(|family| wanted.is_none_or(|wanted| wanted == family))
    });
    let definitions = families.flat_map(|(_, family)| family.revisions.values());
    let matching = definitions.filter(|definition| definition.status.as_str() == status);
    let mut arns: Vec<String> = matching.map(|definition| definition.arn.clone()).collect();
    match input.text("sort").unwrap_or("ASC") {
        "ASC" => {}
        "DESC" => arns.reverse(),
        other => return Err(invalid(format!("Invalid sort order: {other}"))),
    }
    page("taskDefinitionArns", arns, input, 100)
}

pub(crate) fn list_families(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let status = input.text("status").unwrap_or("ACTIVE");
    let prefix = names::arn(cx, "task-definition", input.text("familyPrefix").unwrap_or_default());
    let families = world.services.ecs.families.iter().filter(|(arn, family)| {
        arn.starts_with(&prefix)
            && match status {
                "ACTIVE" => family.has_active(),
                "INACTIVE" => !family.has_active(),
                _ => true,
            }
    });
    page("families", families.map(|(arn, _)| names::last_part(arn).to_owned()), input, 100)
}

pub(crate) fn deregister(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = input.text("taskDefinition").unwrap_or_default();
    let arn = exact(cx, name)?;
    let deregister = |definition: &mut TaskDefinition| {
        if definition.status == Status::Active {
            definition.status = Status::Inactive;
            definition.deregistered_at = Some(cx.now);
        }
    };
    let shown = world.services.ecs.change_definition(&arn, deregister);
    let shown = shown.ok_or_else(|| {
        client("The specified task definition does not exist. Specify a valid account, family, revision and try again.")
    })?;
    Ok(json!({ "taskDefinition": shown }))
}

pub(crate) fn delete(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let wanted = input.texts("taskDefinitions");
    if wanted.is_empty() || wanted.len() > 10 {
        return Err(invalid("taskDefinitions must have between 1 and 10 items."));
    }
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    let spoilt = world.spoilt(wanted.iter().copied());
    for (name, spoilt) in wanted.into_iter().zip(spoilt) {
        let arn = exact(cx, name)?;
        let ecs = &mut world.services.ecs;
        let status = ecs.task_definition(&arn).map(|definition| definition.status);
        let request_deletion = |definition: &mut TaskDefinition| {
            definition.status = Status::DeleteInProgress;
            definition.delete_requested_at.get_or_insert(cx.now);
        };
        match status {
            _ if spoilt => failures.push(failure::broken(&arn)),
            None => failures.push(failure::missing(&arn)),
            Some(Status::Active) => failures.push(json!({
                "arn": arn,
                "reason": "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
            })),
            Some(_) => deleted.extend(ecs.change_definition(&arn, request_deletion)),
        }
        sweep(ecs, &arn);
    }
    Ok(json!({ "taskDefinitions": deleted, "failures": failures }))
}

/// Forgets a revision whose deletion was asked for once no service or task uses it.
pub(super) fn sweep(ecs: &mut Ecs, arn: &str) {
    if ecs.task_definition(arn).is_none_or(|definition| definition.status != Status::DeleteInProgress) {
        return;
    }
    let used: BTreeSet<&str> = ecs
        .services
        .values()
        .filter(|service| !service.is_inactive())
        .flat_map(super::service::Service::definitions_in_use)
        .chain(ecs.tasks.values().filter(|task| !task.is_stopped()).map(|task| task.definition.arn.as_str()))
        .collect();
    if used.contains(arn) {
        return;
    }
    if let Some((family, revision)) = arn.rsplit_once(':')
        && let (Some(family), Ok(revision)) = (ecs.families.get_mut(family), revision.parse())
    {
        family.revisions.remove(&revision);
        ecs.tags.remove(arn);
    }
}

/// The ARN of a request that has to name a revision.
fn exact(cx: &Cx, name: &str) -> Result<String, Refusal> {
    let revision = name.rsplit_once(':').and_then(|(_, revision)| revision.parse::<u32>().ok());
    if revision.is_none() {
        return Err(client(format!("Invalid revision number. Number: {}", names::last_part(name))));
    }
    Ok(if name.starts_with("arn:") { name.to_owned() } else { names::arn(cx, "task-definition", name) })
}

/// A copy of the request without `null`, `tags` and what is not part of a definition.
pub(super) fn raw_fields(input: &Value) -> Map<String, Value> {
    let mut fields = match without_nulls(input) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.remove("tags");
    fields
}
