//! Which fields of a service differ, what to send for each, and what sending it does: nothing to the tasks, a new
//! deployment, or a new deployment only when it is forced.

use landbridge_api::ecs::service::DeploymentControllerType;
use landbridge_api::ecs::task_definition::NetworkMode;
use serde_json::{Value, json};

use super::pass::Pass;
use super::{ServiceFacts, service, task_definition};
use crate::change::Body;
use crate::plan::Difference;
use crate::{canonical, diff};

/// A field that differs.
#[derive(Clone, Debug)]
pub(super) struct FieldDifference {
    /// Its name in UpdateService.
    pub(super) name: String,
    /// What to send.
    pub(super) value: Value,
    pub(super) differences: Vec<Difference>,
}

/// Fields that reach only tasks that start later, so that a deployment must be forced for them (`forceNewDeployment`
/// of UpdateService and the descriptions of the fields).
const ONLY_NEW_TASKS: &[&str] =
    &["capacityProviderStrategy", "enableExecuteCommand", "enableECSManagedTags", "propagateTags"];
/// Fields that UpdateService does not take, or that are treated elsewhere.
const NOT_UPDATED: &[&str] = &["deploymentController", "launchType", "role", "schedulingStrategy", "tags"];

impl FieldDifference {
    /// Whether it starts a service deployment, by itself or forced.
    pub(super) fn deploys(&self) -> bool {
        self.deploys_by_itself() || self.needs_force()
    }
    /// Whether ECS starts a service deployment for it.
    pub(super) fn deploys_by_itself(&self) -> bool {
        self.name == "taskDefinition" || (super::desire::DEPLOYED_FIELDS.contains(&&*self.name) && !self.needs_force())
    }
    /// Whether it has no effect on running tasks unless a deployment is forced.
    pub(super) fn needs_force(&self) -> bool {
        ONLY_NEW_TASKS.contains(&&*self.name)
    }
}

/// Everything that differs between the service and what is wanted, in UpdateService's terms.
pub(super) fn compare(pass: &Pass<'_>, facts: &ServiceFacts, revision: &str) -> Vec<FieldDifference> {
    let mut found = Vec::new();
    // With the EXTERNAL controller task definition, network and load balancers belong to its task sets.
    let external = pass.desired.controller() == DeploymentControllerType::External;
    if facts.task_definition != revision && !external {
        let (from, to) = (task_definition::short(&facts.task_definition), task_definition::short(revision));
        found.push(FieldDifference {
            name: "taskDefinition".to_owned(),
            value: json!(revision),
            differences: vec![Difference::new("taskDefinition", Some(from.into()), Some(to.into()))],
        });
    }
    if let Some(count) = pass.desired.desired_count
        && !pass.desired.is_daemon()
        && count != facts.desired_count
    {
        found.push(FieldDifference {
            name: "desiredCount".to_owned(),
            value: json!(count),
            differences: vec![Difference::new("desiredCount", Some(facts.desired_count.into()), Some(count.into()))],
        });
    }
    found.extend(fields(pass, facts).into_iter().filter(|f| !external || !f.deploys_by_itself()));
    found
}

fn fields(pass: &Pass<'_>, facts: &ServiceFacts) -> Vec<FieldDifference> {
    let wanted = service::with_registry(pass);
    let (from, to) = (comparable(&facts.fields), comparable(&wanted));
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| !NOT_UPDATED.contains(&name.as_str()) && !cannot_be_cleared(pass, &to, name))
        .filter_map(|name| {
            let null = Value::Null;
            let (old, new) = (from.get(name).unwrap_or(&null), to.get(name).unwrap_or(&null));
            let differences = diff::differences(name, old, new);
            (!differences.is_empty()).then(|| FieldDifference {
                name: name.clone(),
                value: sent(name, wanted.get(name), old, new),
                differences,
            })
        })
        .collect()
}

/// The network of a service stays in DescribeServices when its tasks no longer have one of their own.
fn cannot_be_cleared(pass: &Pass<'_>, to: &Body, name: &str) -> bool {
    let own_network = pass.desired.task.as_ref().is_none_or(|t| t.network_mode == Some(NetworkMode::Awsvpc));
    name == "networkConfiguration" && !to.contains_key(name) && !own_network
}

/// Canonical fields, where alarms that are off and name nothing are none.
fn comparable(fields: &Body) -> Body {
    let Value::Object(mut fields) = canonical::service(&Value::Object(fields.clone())) else { return Body::new() };
    if let Some(Value::Object(deployment)) = fields.get_mut("deploymentConfiguration")
        && deployment.get("alarms").is_some_and(|a| a.get("alarmNames").is_none() && a["enable"] != true)
    {
        deployment.remove("alarms");
    }
    fields
}

/// What to send for a field: what the spec says, or for a field that the spec leaves out what AWS takes absence to mean.
fn sent(name: &str, given: Option<&Value>, old: &Value, new: &Value) -> Value {
    match name {
        "deploymentConfiguration" => deployment_configuration(given, old, new),
        "serviceConnectConfiguration" if given.is_none() || new.is_null() => json!({"enabled": false}),
        _ => match (given, new) {
            (Some(given), _) => given.clone(),
            (None, Value::Null) if old.is_array() => json!([]),
            (None, Value::Null) if name == "monitoring" => json!({"metricConfigurations": []}),
            (None, new) => new.clone(),
        },
    }
}

/// What the spec says of deployments, and for every member that is set in ECS and not in the spec its default.
fn deployment_configuration(given: Option<&Value>, old: &Value, new: &Value) -> Value {
    let mut sent = given.and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, value) in old.as_object().into_iter().flatten() {
        let wanted = new.get(name).unwrap_or(&Value::Null);
        if sent.contains_key(name) || diff::same(value, wanted) {
            continue;
        }
        let cleared = match name.as_str() {
            "alarms" => json!({"alarmNames": [], "enable": false, "rollback": false}),
            "earlySuccessCriteria" => json!({"enable": false}),
            _ if value.is_array() => json!([]),
            _ => wanted.clone(),
        };
        if !cleared.is_null() {
            sent.insert(name.clone(), cleared);
        }
    }
    Value::Object(sent)
}
