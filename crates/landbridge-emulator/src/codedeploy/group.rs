//! Deployment groups: which service is deployed, behind which listeners, and how. Requests are kept as they came.
//! Source: DeploymentGroupInfo, and CreateDeploymentGroup and its like in the AWS CodeDeploy API reference.

use serde_json::{Map, Value, json};

use super::{CodeDeploy, group_check as check, name, page};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    id: String,
    /// The request's members, with CodeDeploy's defaults.
    pub(super) fields: Map<String, Value>,
    /// (deployment, status, created, completed), as GetDeploymentGroup shows them.
    pub(super) last_attempted: Option<Value>,
    pub(super) last_successful: Option<Value>,
    /// The revision that was deployed last (`targetRevision`).
    pub(super) revision: Option<Value>,
}

fn not_found(name: &str) -> Refusal {
    Refusal::new("DeploymentGroupDoesNotExistException", format!("No Deployment Group found for name: {name}"))
}

fn taken(name: &str) -> Refusal {
    Refusal::new("DeploymentGroupAlreadyExistsException", format!("Deployment group name already exists: {name}"))
}

impl Group {
    pub(super) fn config_name(&self) -> &str {
        self.fields.get("deploymentConfigName").and_then(Value::as_str).unwrap_or(super::config::DEFAULT)
    }

    pub(super) fn show(&self, application: &str) -> Value {
        let mut shown = self.fields.clone();
        for (name, value) in [
            ("applicationName", json!(application)),
            ("deploymentGroupId", json!(self.id)),
            ("deploymentGroupName", json!(self.name)),
            ("computePlatform", json!("ECS")),
            ("outdatedInstancesStrategy", json!("UPDATE")),
            ("terminationHookEnabled", json!(false)),
        ] {
            shown.entry(name).or_insert(value);
        }
        let lasts = [
            ("lastAttemptedDeployment", &self.last_attempted),
            ("lastSuccessfulDeployment", &self.last_successful),
            ("targetRevision", &self.revision),
        ];
        for (name, last) in lasts {
            if let Some(last) = last {
                shown.insert(name.to_owned(), last.clone());
            }
        }
        shown.into()
    }

    /// Remembers how a deployment of the group stands.
    pub(super) fn note(&mut self, deployment: &super::deployment::Deployment) {
        let mut last = json!({
            "deploymentId": deployment.id,
            "status": deployment.status.as_str(),
            "createTime": epoch(deployment.created_at),
        });
        if let Some(at) = deployment.completed_at {
            last["endTime"] = epoch(at);
        }
        if deployment.status == super::deployment::Status::Succeeded {
            self.last_successful = Some(last.clone());
            self.revision = Some(deployment.revision.clone());
        }
        self.last_attempted = Some(last);
    }
}

impl CodeDeploy {
    pub(super) fn group(&self, cx: &Cx, application: &str, name: &str) -> Result<&Group, Refusal> {
        self.application(cx, application)?.groups.get(name).ok_or_else(|| not_found(name))
    }
}

fn names(input: Input<'_>) -> Result<(&str, &str), Refusal> {
    Ok((name(input, "applicationName", "Application")?, name(input, "deploymentGroupName", "DeploymentGroup")?))
}

/// Members that are no property of a group.
const NAMES: [&str; 6] = [
    "applicationName",
    "deploymentGroupName",
    "currentDeploymentGroupName",
    "newDeploymentGroupName",
    "tags",
    "nextToken",
];

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (application, name) = names(input)?;
    if world.services.codedeploy.application(cx, application)?.groups.contains_key(name) {
        return Err(taken(name));
    }
    let fields = checked(world, cx, input, Map::new())?;
    let id = world.rng.uuid();
    let group = Group {
        name: name.to_owned(),
        id: id.clone(),
        fields,
        last_attempted: None,
        last_successful: None,
        revision: None,
    };
    world.services.codedeploy.application_mut(cx, application)?.groups.insert(name.to_owned(), group);
    Ok(json!({ "deploymentGroupId": id }))
}

/// A group's members after a request: what is absent stays.
fn checked(
    world: &World,
    cx: &Cx,
    input: Input<'_>,
    mut fields: Map<String, Value>,
) -> Result<Map<String, Value>, Refusal> {
    let given = input.members().into_iter().filter(|(name, value)| !value.is_null() && !NAMES.contains(&name.as_str()));
    fields.extend(given);
    check::fill_defaults(&mut fields);
    check::group(world, cx, &fields)?;
    Ok(fields)
}

pub(super) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (application, name) = names(input)?;
    let group = world.services.codedeploy.group(cx, application, name)?;
    Ok(json!({ "deploymentGroupInfo": group.show(application) }))
}

pub(super) fn batch_get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let application = name(input, "applicationName", "Application")?;
    let wanted = input.texts("deploymentGroupNames")?;
    if wanted.len() > 100 {
        return Err(Refusal::new("BatchLimitExceededException", "The maximum number of names is 100."));
    }
    let kept = world.services.codedeploy.application(cx, application)?;
    let found: Vec<Value> =
        wanted.iter().filter_map(|name| kept.groups.get(*name)).map(|group| group.show(application)).collect();
    Ok(json!({ "deploymentGroupsInfo": found }))
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let application = name(input, "applicationName", "Application")?;
    let kept = world.services.codedeploy.application(cx, application)?;
    let mut answer = page(input, "deploymentGroups", kept.groups.keys().cloned())?;
    answer["applicationName"] = json!(application);
    Ok(answer)
}

pub(super) fn update(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let application = name(input, "applicationName", "Application")?;
    let old = name(input, "currentDeploymentGroupName", "DeploymentGroup")?;
    let new = input.text("newDeploymentGroupName")?.unwrap_or(old);
    let kept = world.services.codedeploy.group(cx, application, old)?;
    if new != old && world.services.codedeploy.group(cx, application, new).is_ok() {
        return Err(taken(new));
    }
    let fields = checked(world, cx, input, kept.fields.clone())?;
    let groups = &mut world.services.codedeploy.application_mut(cx, application)?.groups;
    if let Some(mut group) = groups.remove(old) {
        group.fields = fields;
        new.clone_into(&mut group.name);
        groups.insert(new.to_owned(), group);
    }
    Ok(json!({ "hooksNotCleanedUp": [] }))
}

/// Deletes a group; one that is not there is deleted already.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (application, name) = names(input)?;
    if let Ok(application) = world.services.codedeploy.application_mut(cx, application) {
        application.groups.remove(name);
    }
    Ok(json!({ "hooksNotCleanedUp": [] }))
}
