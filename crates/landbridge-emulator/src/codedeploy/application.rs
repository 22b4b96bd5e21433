//! Applications. Source: CreateApplication, GetApplication, BatchGetApplications, ListApplications, UpdateApplication and
//! DeleteApplication in the AWS CodeDeploy API reference.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::group::Group;
use super::{CodeDeploy, name, page, place};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Application {
    name: String,
    id: String,
    created_at: Timestamp,
    pub(super) groups: BTreeMap<String, Group>,
}

pub(super) fn not_found(name: &str) -> Refusal {
    Refusal::new("ApplicationDoesNotExistException", format!("No application found for name: {name}"))
}

impl Application {
    fn show(&self) -> Value {
        json!({
            "applicationId": self.id,
            "applicationName": self.name,
            "createTime": epoch(self.created_at),
            "linkedToGitHub": false,
            "computePlatform": "ECS",
        })
    }

    pub(super) fn dump(&self) -> Value {
        let groups: Vec<Value> = self.groups.values().map(|group| group.show(&self.name)).collect();
        json!({ "application": self.show(), "deploymentGroups": groups })
    }
}

impl CodeDeploy {
    pub(super) fn application(&self, cx: &Cx, name: &str) -> Result<&Application, Refusal> {
        self.applications.get(&(place(cx), name.to_owned())).ok_or_else(|| not_found(name))
    }

    pub(super) fn application_mut(&mut self, cx: &Cx, name: &str) -> Result<&mut Application, Refusal> {
        self.applications.get_mut(&(place(cx), name.to_owned())).ok_or_else(|| not_found(name))
    }
}

fn taken(name: &str) -> Refusal {
    Refusal::new("ApplicationAlreadyExistsException", format!("Application already exists: {name}"))
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = name(input, "applicationName", "Application")?;
    // Server, that is EC2, is what CodeDeploy takes without a platform.
    let platform = input.text("computePlatform")?.unwrap_or("Server");
    if platform != "ECS" {
        let message = format!("The compute platform {platform} is not one that this emulator knows; it knows ECS.");
        return Err(Refusal::new("InvalidComputePlatformException", message));
    }
    let key = (place(cx), name.to_owned());
    if world.services.codedeploy.applications.contains_key(&key) {
        return Err(taken(name));
    }
    let id = world.rng.uuid();
    let made = Application { name: name.to_owned(), id: id.clone(), created_at: cx.now, groups: BTreeMap::new() };
    world.services.codedeploy.applications.insert(key, made);
    Ok(json!({ "applicationId": id }))
}

pub(super) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = name(input, "applicationName", "Application")?;
    Ok(json!({ "application": world.services.codedeploy.application(cx, name)?.show() }))
}

pub(super) fn batch_get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let names = input.texts("applicationNames")?;
    if names.len() > 100 {
        return Err(Refusal::new("BatchLimitExceededException", "The maximum number of names is 100."));
    }
    let found = names.iter().filter_map(|name| world.services.codedeploy.application(cx, name).ok());
    Ok(json!({ "applicationsInfo": found.map(Application::show).collect::<Vec<_>>() }))
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let here = place(cx);
    let applications = &world.services.codedeploy.applications;
    page(input, "applications", applications.keys().filter(|(place, _)| *place == here).map(|(_, name)| name.clone()))
}

pub(super) fn update(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let old = name(input, "applicationName", "Application")?;
    let codedeploy = &mut world.services.codedeploy;
    codedeploy.application(cx, old)?;
    let Some(new) = input.text("newApplicationName")?.filter(|new| *new != old) else { return Ok(Value::Null) };
    let (from, to) = ((place(cx), old.to_owned()), (place(cx), new.to_owned()));
    if codedeploy.applications.contains_key(&to) {
        return Err(taken(new));
    }
    if let Some(mut application) = codedeploy.applications.remove(&from) {
        new.clone_into(&mut application.name);
        codedeploy.applications.insert(to, application);
    }
    Ok(Value::Null)
}

/// Deletes an application with its groups; one that is not there is deleted already.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = name(input, "applicationName", "Application")?;
    world.services.codedeploy.applications.remove(&(place(cx), name.to_owned()));
    Ok(Value::Null)
}
