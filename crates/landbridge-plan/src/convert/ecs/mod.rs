//! From a workload and the objects around it to one ECS service, in the form of ECSService's spec. What has no exact form
//! is said in [`Derived::said`]; everything else is as the mapping table has it.

use serde_json::{Map, Value, json};

use super::kubernetes::Scaling;
use super::path::Path;
use super::report::{Outcome, Size};

mod container;
mod environment;
mod group;
mod identity;
mod pod;
mod ports;
mod probe;
mod scaling;
mod service;
mod size;
mod volume;

pub use group::{Group, WORKLOADS, groups};
pub use scaling::{ScalingRequest, requests};

/// Where the tasks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// On Fargate, in the cheapest size that holds the pod.
    Fargate,
    /// On instances.
    Ec2,
    /// Where the task definition ran from which the manifests were made; sizes are the manifests' own.
    AsGiven,
}

/// What the service is made with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Namespace of the objects. Default: the workload's.
    pub namespace: Option<String>,
    /// The ECSCluster. Default: the one that the workload's annotation names, or `default`.
    pub cluster: Option<String>,
    /// Where the tasks run. Default: where they ran before, for what came from ECS; else Fargate.
    pub capacity: Option<Capacity>,
    /// ARN of the task role, in place of the ServiceAccount's.
    pub task_role_arn: Option<String>,
    /// Whether an IAMTaskRole is made for the role of the ServiceAccount.
    pub iam_task_role: bool,
    /// The IAMTaskRole of the execution role.
    pub execution_role: Option<String>,
    /// ARN of the role with which ECS manages EBS volumes.
    pub infrastructure_role_arn: Option<String>,
    /// The CloudMapNamespace in which the service is found.
    pub cloud_map_namespace: Option<String>,
    /// Whether the size on EKS Fargate is told too.
    pub eks_fargate: bool,
    /// Whether what Application Auto Scaling needs in place of a HorizontalPodAutoscaler is wanted.
    pub scaling: bool,
}

/// Something exact about fields of one of the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidOf {
    /// Which object, by its place in the input.
    pub object: usize,
    /// The field, or what is above the fields.
    pub path: Path,
    /// What became of it.
    pub outcome: Outcome,
    /// Where it went, when it is not where the table says.
    pub to: Option<String>,
    /// How it differs, or why it was refused and what to do.
    pub note: String,
}

/// One ECS service.
#[derive(Clone, Debug, Default)]
pub struct Derived {
    /// The spec, without cluster.
    pub spec: Value,
    /// An IAMTaskRole, when one was asked for.
    pub role: Option<Value>,
    /// What scales it.
    pub scaling: Scaling,
    /// What differs from the mapping table.
    pub said: Vec<SaidOf>,
    /// Sizes on Fargate.
    pub sizes: Vec<Size>,
    /// What is to be known beside the fields.
    pub notes: Vec<String>,
}

/// A service while it is taken from its objects.
struct Taking<'a> {
    objects: &'a [&'a Value],
    group: &'a Group,
    options: &'a Options,
    capacity: Capacity,
    out: Derived,
    /// The task definition.
    task: Map<String, Value>,
    /// The rest of the spec.
    service: Map<String, Value>,
}

/// The ECS service of a group of objects.
pub fn derive(objects: &[&Value], group: &Group, options: &Options, capacity: Capacity) -> Derived {
    let mut taking =
        Taking { objects, group, options, capacity, out: Derived::default(), task: Map::new(), service: Map::new() };
    pod::take(&mut taking);
    service::take(&mut taking);
    scaling::take(&mut taking);
    identity::take(&mut taking);
    size::take(&mut taking);
    let Taking { mut out, task, mut service, .. } = taking;
    service.insert("taskDefinition".into(), Value::Object(task));
    out.spec = Value::Object(service);
    out
}

impl<'a> Taking<'a> {
    fn workload(&self) -> &'a Value {
        self.objects[self.group.workload]
    }

    fn pod(&self) -> &'a Value {
        &self.workload()["spec"]["template"]["spec"]
    }

    fn name(&self) -> &'a str {
        self.workload()["metadata"]["name"].as_str().unwrap_or_default()
    }

    fn is_daemon(&self) -> bool {
        self.workload()["kind"] == "DaemonSet"
    }

    fn on_fargate(&self) -> bool {
        self.capacity == Capacity::Fargate
    }

    fn say(&mut self, object: usize, path: &Path, outcome: Outcome, note: impl Into<String>) {
        self.out.said.push(SaidOf { object, path: path.clone(), outcome, to: None, note: note.into() });
    }

    /// Something about the workload itself.
    fn approximate(&mut self, path: &Path, note: impl Into<String>) {
        self.say(self.group.workload, path, Outcome::Approximated, note);
    }

    /// Something about the workload itself.
    fn refuse(&mut self, path: &Path, reason: impl Into<String>) {
        self.say(self.group.workload, path, Outcome::Refused, reason);
    }
}

/// The path of the pod's spec in its workload.
fn pod_path() -> Path {
    Path::of("spec.template.spec")
}

/// Puts a member into a map unless it is empty.
fn put(map: &mut Map<String, Value>, name: &str, value: impl Into<Option<Value>>) {
    if let Some(value) = value.into().filter(|v| !super::path::is_empty(v)) {
        map.insert(name.to_owned(), value);
    }
}

/// The items of a list, or none.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn tag((key, value): (&String, &Value)) -> Value {
    json!({"key": key, "value": value.as_str().unwrap_or_default()})
}
