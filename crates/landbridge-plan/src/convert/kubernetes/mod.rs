//! From one ECS service to its Kubernetes objects. What has no exact form is said in [`Draft::said`]; everything else is
//! as the mapping table has it. Neither reads nor writes the report.

use std::collections::BTreeSet;

use landbridge_api::ecs::{ContainerDefinition, ServiceFields, TaskDefinition};
use serde_json::{Map, Value, json};

use super::name;
use super::path::Path;
use super::report::{Outcome, Size};
use super::usage::Usage;

mod container;
mod identity;
mod ingress;
mod network;
mod order;
mod pod;
mod probe;
mod rollout;
mod scaling;
mod secrets;
mod volume;

pub use ingress::Rule;
pub use scaling::{Scaling, resource as resource_of};

/// The label by which a workload's objects find its pods. Never made of tags: a service may have none.
pub const SELECTOR: &str = "app.kubernetes.io/name";

/// What the objects are made with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Namespace of the objects. Default: that of the ECSService, or none.
    pub namespace: Option<String>,
    /// Name of the objects. Default: that of the ECSService, the service or the family.
    pub name: Option<String>,
    /// Makes a CronJob with this schedule, in place of a Deployment.
    pub schedule: Option<String>,
    /// Hosts for which an ingress object is made where no listener rule was given.
    pub hosts: Vec<String>,
    /// The Gateway (`name` or `namespace/name`) of an HTTPRoute, in place of an Ingress.
    pub gateway: Option<String>,
    /// Name of the ClusterSecretStore for Secrets Manager.
    pub secret_store: String,
    /// Name of the ClusterSecretStore for Parameter Store.
    pub parameter_store: String,
    /// Whether pods get their role by IRSA, not by Pod Identity.
    pub irsa: bool,
    /// What the containers really use.
    pub usage: Option<Usage>,
    /// Whether the size on EKS Fargate is told.
    pub eks_fargate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: None,
            name: None,
            schedule: None,
            hosts: Vec::new(),
            gateway: None,
            secret_store: "aws-secrets-manager".to_owned(),
            parameter_store: "aws-parameter-store".to_owned(),
            irsa: false,
            usage: None,
            eks_fargate: false,
        }
    }
}

/// One ECS service, in the form of ECSService's spec, and what was found beside it.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// Name of its objects in Kubernetes.
    pub name: String,
    /// Namespace of its objects.
    pub namespace: Option<String>,
    /// The spec; fields that the form lacks are passed over.
    pub spec: Value,
    /// Scaling that was registered for the service.
    pub scaling: Scaling,
    /// Rules of listeners that lead to it.
    pub rules: Vec<Rule>,
    /// Health checks of its target groups, by ARN.
    pub target_groups: Map<String, Value>,
}

/// Something exact about fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The field, or what is above the fields.
    pub path: Path,
    /// What became of it.
    pub outcome: Outcome,
    /// Where it went, when it is not where the table says.
    pub to: Option<String>,
    /// How it differs, or why it was refused and what to do.
    pub note: String,
}

/// The objects of one service.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The objects, the workload first.
    pub objects: Vec<Value>,
    /// What differs from the mapping table.
    pub said: Vec<Said>,
    /// Sizes on Fargate.
    pub sizes: Vec<Size>,
    /// What is to be known beside the fields.
    pub notes: Vec<String>,
}

impl Draft {
    fn say(&mut self, path: &Path, outcome: Outcome, note: impl Into<String>) {
        self.said.push(Said { path: path.clone(), outcome, to: None, note: note.into() });
    }

    fn approximate(&mut self, path: &Path, note: impl Into<String>) {
        self.say(path, Outcome::Approximated, note);
    }

    fn refuse(&mut self, path: &Path, reason: impl Into<String>) {
        self.say(path, Outcome::Refused, reason);
    }
}

/// A service while its objects are made.
struct Making<'a> {
    unit: &'a Unit,
    options: &'a Options,
    task: TaskDefinition,
    service: ServiceFields,
    draft: Draft,
    /// The container that asks for the task's scratch disk.
    storage_of: String,
}

/// The objects of a service.
///
/// # Errors
/// What in it has no ECS form, or no name in Kubernetes.
pub fn build(unit: &Unit, options: &Options) -> Result<Draft, String> {
    let task = typed::<TaskDefinition>(&unit.spec["taskDefinition"], "taskDefinition")?;
    let service = typed::<ServiceFields>(&unit.spec, "the service")?;
    if task.container_definitions.is_empty() {
        return Err("taskDefinition.containerDefinitions is empty: there is nothing to run".to_owned());
    }
    distinct(task.container_definitions.iter().map(|c| c.name.as_str()), "containers")?;
    distinct(task.volumes.iter().map(|v| v.name.as_str()), "volumes")?;
    for container in &task.container_definitions {
        let secrets: BTreeSet<&str> = container.secrets.iter().map(|s| s.name.as_str()).collect();
        if let Some(both) = container.environment.iter().find(|e| secrets.contains(e.name.as_str())) {
            let (container, variable) = (&container.name, &both.name);
            return Err(format!(
                "container {container} has {variable} in environment and in secrets, which ECS refuses: keep one"
            ));
        }
    }
    let mut making = Making { unit, options, task, service, draft: Draft::default(), storage_of: String::new() };
    let pod = pod::template(&mut making);
    let workload = rollout::workload(&mut making, pod);
    making.draft.objects.insert(0, workload);
    network::objects(&mut making);
    identity::objects(&mut making);
    if !making.is_scheduled() {
        rollout::disruption_budget(&mut making);
        scaling::autoscaler(&mut making);
    }
    ingress::objects(&mut making);
    Ok(making.draft)
}

fn typed<T: serde::de::DeserializeOwned + Default>(value: &Value, what: &str) -> Result<T, String> {
    if value.is_null() {
        return Ok(T::default());
    }
    serde_json::from_value(without_nulls(value)).map_err(|e| format!("{what} is not what ECS takes: {e}"))
}

/// ECS answers with nulls where it has nothing.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, v)| !v.is_null())
            .map(|(k, v)| (k.clone(), without_nulls(v)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Names that ECS tells apart and Kubernetes does not cannot be converted.
fn distinct<'a>(names: impl Iterator<Item = &'a str>, what: &str) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for ecs in names {
        let made = name::label(ecs);
        if !seen.insert(made.clone()) {
            return Err(format!("two {what} would be called {made} in Kubernetes, one of them is {ecs}: rename one"));
        }
    }
    Ok(())
}

impl Making<'_> {
    fn name(&self) -> String {
        self.options.name.clone().unwrap_or_else(|| self.unit.name.clone())
    }

    fn is_scheduled(&self) -> bool {
        self.options.schedule.is_some()
    }

    fn is_daemon(&self) -> bool {
        self.unit.spec["schedulingStrategy"] == "DAEMON"
    }

    /// Metadata of an object of the service.
    fn metadata(&self, name: &str) -> Map<String, Value> {
        let mut metadata = Map::new();
        metadata.insert("name".into(), json!(name));
        if let Some(namespace) = self.options.namespace.as_ref().or(self.unit.namespace.as_ref()) {
            metadata.insert("namespace".into(), json!(namespace));
        }
        metadata.insert("labels".into(), json!({ SELECTOR: self.name() }));
        metadata
    }

    /// Adds an object.
    fn add(&mut self, api_version: &str, kind: &str, metadata: Map<String, Value>, body: Vec<(&str, Value)>) {
        self.draft.objects.push(object(api_version, kind, metadata, body));
    }

    fn selector(&self) -> Value {
        json!({ SELECTOR: self.name() })
    }
}

/// The path of a container.
fn within(container: &ContainerDefinition) -> Path {
    Path::of("taskDefinition.containerDefinitions").key(&container.name)
}

/// An object of its parts.
fn object(api_version: &str, kind: &str, metadata: Map<String, Value>, body: Vec<(&str, Value)>) -> Value {
    let mut map = Map::new();
    map.insert("apiVersion".into(), json!(api_version));
    map.insert("kind".into(), json!(kind));
    map.insert("metadata".into(), Value::Object(metadata));
    map.extend(body.into_iter().map(|(k, v)| (k.to_owned(), v)));
    Value::Object(map)
}

/// Puts a member into an object unless it is empty.
fn put(map: &mut Map<String, Value>, name: &str, value: impl Into<Option<Value>>) {
    if let Some(value) = value.into().filter(|v| !super::path::is_empty(v)) {
        map.insert(name.to_owned(), value);
    }
}
