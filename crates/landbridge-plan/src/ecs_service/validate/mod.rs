//! What AWS would refuse, found before anything is written and all at once. Every violation says where it is, what is
//! wrong and what to do.
//!
//! The schema and its CEL rules refuse what one object shows at admission; here everything is checked after defaults and
//! references are filled in, also for who comes without an API server.

use super::pass::Pass;
use crate::change::Tags;
use crate::tags;

mod deployment;
mod discovery;
mod fargate;
mod network;
mod service;
mod task;
mod volumes;

pub(crate) use fargate::memory_for as fargate_memory;

/// Everything that is wrong with what the object asks for.
pub(super) fn violations(pass: &Pass<'_>) -> Vec<String> {
    let mut found = Vec::new();
    references(pass, &mut found);
    name(&mut found, "the name of the service", &pass.desired.service, "set spec.serviceName");
    tag_limits(&mut found, "spec.tags", &pass.desired.tags);
    if let Some(task) = &pass.desired.task {
        task::check(pass, task, &mut found);
        volumes::check(pass, task, &mut found);
        if super::desire::is_fargate(&pass.desired.typed, Some(task)) {
            fargate::check(task, &mut found);
        }
    }
    service::check(pass, &mut found);
    network::check(pass, &mut found);
    deployment::check(pass, &mut found);
    discovery::check(pass, &mut found);
    found
}

/// Things that are said twice or not at all.
fn references(pass: &Pass<'_>, found: &mut Vec<String>) {
    let spec = &pass.object.spec;
    match (&spec.task_definition, &spec.task_definition_arn) {
        (None, None) => found.push(
            "spec.taskDefinition is missing: write the task definition there, or name one in spec.taskDefinitionArn"
                .into(),
        ),
        (Some(_), Some(_)) => {
            found.push("spec.taskDefinition and spec.taskDefinitionArn are both set: keep one".into());
        }
        _ => {}
    }
    let own = |arn: fn(&landbridge_api::ecs::TaskDefinition) -> bool| spec.task_definition.as_ref().is_some_and(arn);
    let pairs = [
        ("taskRoleRef", "taskRoleArn", spec.task_role_ref.is_some(), own(|t| t.task_role_arn.is_some())),
        (
            "executionRoleRef",
            "executionRoleArn",
            spec.execution_role_ref.is_some(),
            own(|t| t.execution_role_arn.is_some()),
        ),
    ];
    for (reference, arn, has_reference, has_arn) in pairs {
        if has_reference && has_arn {
            found.push(format!("spec.{reference} and spec.taskDefinition.{arn} are both set: keep one"));
        }
        if has_reference && spec.task_definition.is_none() {
            found.push(format!(
                "spec.{reference} has no effect with spec.taskDefinitionArn, whose roles are its own: remove it"
            ));
        }
    }
}

/// Names that ECS takes: up to 255 letters, digits, hyphens and underscores.
fn name(found: &mut Vec<String>, what: &str, name: &str, advice: &str) {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 255 || !name.chars().all(fits) {
        found.push(format!(
            "{what} is {name:?}, and ECS takes 1 to 255 letters, digits, hyphens and underscores: {advice}"
        ));
    }
}

/// AWS's limits of tags, Landbridge's own included.
fn tag_limits(found: &mut Vec<String>, path: &str, all: &Tags) {
    if all.len() > 50 {
        let own = all.keys().filter(|k| !tags::is_users(k)).count();
        found.push(format!(
            "{path} comes to {} tags with those of the account and the cluster, and AWS takes 50, of which Landbridge needs \
             {own}: remove {}",
            all.len(),
            all.len() - 50,
        ));
    }
    for (key, value) in all {
        if key.to_ascii_lowercase().starts_with("aws:") {
            found.push(format!("{path} has the key {key:?}, and keys that begin with aws: belong to AWS: rename it"));
        }
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            found.push(format!(
                "{path} has the tag {key:?}, and AWS takes keys of 1 to 128 and values of up to 256 characters: shorten it"
            ));
        }
    }
}

/// The names of a list that occur more than once, each once.
fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    let mut twice = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            twice.insert(name);
        }
    }
    twice.into_iter().collect()
}

/// `a, b and c`, or what to say when there is none.
fn list(names: &[&str], none: &str) -> String {
    match names {
        [] => none.to_owned(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
