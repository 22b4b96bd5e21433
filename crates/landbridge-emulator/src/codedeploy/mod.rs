//! AWS CodeDeploy for Amazon ECS: applications, deployment groups and configurations, and blue/green deployments that make
//! task sets and move the weights of listeners over time.
//!
//! Other compute platforms are not modelled, nor are revisions in Amazon S3 and triggers. The Lambda functions of an AppSpec's hooks
//! are answered for by the scripts, by their names, as those of ECS lifecycle hooks are.
//! Source of operations, members and errors: the AWS CodeDeploy API reference (codedeploy/latest/APIReference).

mod alarm;
mod application;
mod config;
mod control;
mod deployment;
mod group;
mod group_check;
mod progress;
mod revision;
mod rollback;
mod target;
mod traffic;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(crate) use alarm::alarm_changed;

/// Account and region.
pub(crate) type Place = (String, String);

/// What CodeDeploy remembers in every account and region.
#[derive(Debug, Clone, Default)]
pub(crate) struct CodeDeploy {
    applications: BTreeMap<(Place, String), application::Application>,
    configs: BTreeMap<(Place, String), config::Config>,
    /// By id, which is unique everywhere.
    deployments: BTreeMap<String, deployment::Deployment>,
}

/// A deployment's next step is due, unless its course was changed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    deployment: String,
    course: u64,
}

pub(crate) fn happen(world: &mut World, event: &Event) {
    progress::due(world, &event.deployment, event.course);
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "InvalidInputException");
    match op {
        "CreateApplication" => application::create(world, cx, input),
        "GetApplication" => application::get(world, cx, input),
        "BatchGetApplications" => application::batch_get(world, cx, input),
        "ListApplications" => application::list(world, cx, input),
        "UpdateApplication" => application::update(world, cx, input),
        "DeleteApplication" => application::delete(world, cx, input),
        "CreateDeploymentGroup" => group::create(world, cx, input),
        "GetDeploymentGroup" => group::get(world, cx, input),
        "BatchGetDeploymentGroups" => group::batch_get(world, cx, input),
        "ListDeploymentGroups" => group::list(world, cx, input),
        "UpdateDeploymentGroup" => group::update(world, cx, input),
        "DeleteDeploymentGroup" => group::delete(world, cx, input),
        "CreateDeploymentConfig" => config::create(world, cx, input),
        "GetDeploymentConfig" => config::get(world, cx, input),
        "ListDeploymentConfigs" => config::list(world, cx, input),
        "DeleteDeploymentConfig" => config::delete(world, cx, input),
        "CreateDeployment" => deployment::create(world, cx, input),
        "GetDeployment" => deployment::get(world, cx, input),
        "BatchGetDeployments" => deployment::batch_get(world, cx, input),
        "ListDeployments" => deployment::list(world, cx, input),
        "StopDeployment" => control::stop(world, cx, input),
        "ContinueDeployment" => control::go_on(world, cx, input),
        "ListDeploymentTargets" => target::list(world, cx, input),
        "GetDeploymentTarget" => target::get(world, cx, input),
        "BatchGetDeploymentTargets" => target::batch_get(world, cx, input),
        _ => Err(Refusal::unknown_operation()),
    }
}

impl CodeDeploy {
    /// Everything remembered, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        let applications: Vec<Value> = self.applications.values().map(application::Application::dump).collect();
        let deployments: Vec<Value> = self.deployments.values().map(deployment::Deployment::show).collect();
        json!({ "applications": applications, "deployments": deployments })
    }
}

fn place(cx: &Cx) -> Place {
    (cx.account.clone(), cx.region.clone())
}

/// A required name of up to 100 characters, with the errors that its kind has.
fn name<'a>(input: Input<'a>, member: &str, kind: &str) -> Result<&'a str, Refusal> {
    let missing = || Refusal::new(format!("{kind}NameRequiredException"), format!("The {member} was not specified."));
    let name = input.text(member)?.filter(|name| !name.is_empty()).ok_or_else(missing)?;
    if name.len() > 100 {
        return Err(Refusal::new(
            format!("Invalid{kind}NameException"),
            format!("The {member} is longer than 100 characters."),
        ));
    }
    Ok(name)
}

/// One page of names under `member`, in their order, with the token of the next: the last name given.
fn page<T: Into<String> + AsRef<str>>(
    input: Input<'_>,
    member: &str,
    names: impl IntoIterator<Item = T>,
) -> Result<Value, Refusal> {
    const SIZE: usize = 100;
    let names: Vec<String> = names.into_iter().map(Into::into).collect();
    let from = match input.text("nextToken")? {
        None => 0,
        Some(token) => match names.iter().position(|name| name == token) {
            Some(at) => at + 1,
            None => {
                return Err(Refusal::new(
                    "InvalidNextTokenException",
                    "The next token was specified in an invalid format.",
                ));
            }
        },
    };
    let given: Vec<String> = names.iter().skip(from).take(SIZE).cloned().collect();
    let more = names.len() > from + given.len();
    let mut answer = Map::new();
    if let Some(last) = given.last().filter(|_| more) {
        answer.insert("nextToken".to_owned(), json!(last));
    }
    answer.insert(member.to_owned(), json!(given));
    Ok(answer.into())
}
