//! Lifecycle policies and repository policies, as texts (PutLifecyclePolicy, SetRepositoryPolicy and their siblings).

use serde_json::{Map, Value, json};

use super::repository::Repository;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

fn no_lifecycle(repository: &Repository) -> Refusal {
    let message = format!(
        "Lifecycle policy does not exist for the repository with name '{}' in the registry with id '{}'",
        repository.name, repository.registry
    );
    Refusal::new("LifecyclePolicyNotFoundException", message)
}

fn no_policy(repository: &Repository) -> Refusal {
    let message = format!(
        "Repository policy does not exist for the repository with name '{}' in the registry with id '{}'",
        repository.name, repository.registry
    );
    Refusal::new("RepositoryPolicyNotFoundException", message)
}

/// What is wrong with a lifecycle policy: rules with different priorities, each with a selection and an action
/// ("Lifecycle policy properties in Amazon ECR").
fn fault(text: &str) -> Option<String> {
    let Ok(policy) = serde_json::from_str::<Value>(text) else { return Some("it is no JSON".to_owned()) };
    let rules = policy["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    if rules.is_empty() {
        return Some("it has no rules".to_owned());
    }
    let mut priorities = Vec::new();
    for rule in rules {
        let Some(priority) = rule["rulePriority"].as_u64().filter(|priority| *priority > 0) else {
            return Some("a rule has no positive rulePriority".to_owned());
        };
        if priorities.contains(&priority) {
            return Some(format!("two rules have the rulePriority {priority}"));
        }
        priorities.push(priority);
        let selection = &rule["selection"];
        if !["tagged", "untagged", "any"].iter().any(|status| selection["tagStatus"] == *status) {
            return Some(format!("rule {priority} has a tagStatus that is none of tagged, untagged and any"));
        }
        if !["imageCountMoreThan", "sinceImagePushed"].iter().any(|kind| selection["countType"] == *kind) {
            return Some(format!(
                "rule {priority} has a countType that is neither imageCountMoreThan nor sinceImagePushed"
            ));
        }
        if selection["countNumber"].as_u64().is_none_or(|number| number == 0) {
            return Some(format!("rule {priority} has no positive countNumber"));
        }
        if rule["action"]["type"] != "expire" {
            return Some(format!("rule {priority} has an action that is not expire"));
        }
    }
    None
}

pub(super) fn put_lifecycle(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let text = input.required("lifecyclePolicyText")?;
    let repository = world.services.ecr.named(cx, input)?;
    if let Some(fault) = fault(text) {
        return Err(input.refuse(format!(
            "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: \
             {fault}'"
        )));
    }
    repository.lifecycle = Some(text.to_owned());
    let mut answer = repository.named();
    answer["lifecyclePolicyText"] = json!(text);
    Ok(answer)
}

pub(super) fn get_lifecycle(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let repository = world.services.ecr.named(cx, input)?;
    let text = repository.lifecycle.as_ref().ok_or_else(|| no_lifecycle(repository))?;
    let mut answer = repository.named();
    answer["lifecyclePolicyText"] = json!(text);
    answer["lastEvaluatedAt"] = epoch(cx.now);
    Ok(answer)
}

pub(super) fn delete_lifecycle(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let answer = get_lifecycle(world, cx, input)?;
    world.services.ecr.named(cx, input)?.lifecycle = None;
    Ok(answer)
}

pub(super) fn set(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let text = input.required("policyText")?;
    let repository = world.services.ecr.named(cx, input)?;
    if serde_json::from_str::<Map<String, Value>>(text).is_err() {
        let message =
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'";
        return Err(input.refuse(message));
    }
    repository.policy = Some(text.to_owned());
    let mut answer = repository.named();
    answer["policyText"] = json!(text);
    Ok(answer)
}

pub(super) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let repository = world.services.ecr.named(cx, input)?;
    let text = repository.policy.as_ref().ok_or_else(|| no_policy(repository))?;
    let mut answer = repository.named();
    answer["policyText"] = json!(text);
    Ok(answer)
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let answer = get(world, cx, input)?;
    world.services.ecr.named(cx, input)?.policy = None;
    Ok(answer)
}
