//! What describes ECS services in files: ECSService objects with those they refer to, and JSON as the AWS CLI prints and
//! takes it. All of it becomes units in one form, that of ECSService's spec.

use serde_json::{Map, Value, json};

use super::kubernetes::{Rule, Unit};
use super::name::label;
use super::path::{Path, Step};
use super::{Document, Mistake};

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// An ECSService.
    Manifest,
    /// An ECSCluster.
    Cluster,
    /// An IAMTaskRole.
    Role,
    /// A CloudMapNamespace or an AWSAccount.
    Platform,
    /// A task definition.
    TaskDefinition,
    /// Services.
    Services,
    /// What `describe-scalable-targets` prints.
    Targets,
    /// What `describe-scaling-policies` prints.
    Policies,
    /// What `describe-rules` prints.
    Rules,
    /// What `describe-target-groups` prints.
    TargetGroups,
    /// An object of Kubernetes.
    Kubernetes,
}

/// A part of a document that is a part of a unit.
#[derive(Clone, Debug)]
pub struct Mount {
    /// The document.
    pub document: usize,
    /// Where in it.
    pub from: Path,
    /// The unit.
    pub unit: usize,
    /// Where in its spec.
    pub to: Path,
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// What each document is.
    pub classes: Vec<Class>,
    /// The services.
    pub units: Vec<Unit>,
    /// Which part of which document is where in them.
    pub mounts: Vec<Mount>,
}

/// What a document is.
///
/// # Errors
/// It is nothing that can be converted.
pub fn class(document: &Document) -> Result<Class, Mistake> {
    let value = &document.value;
    let ours = value["apiVersion"].as_str().is_some_and(|v| v.starts_with("landbridge.dev/"));
    let has = |field: &str| value[field].is_array();
    Ok(match value["kind"].as_str() {
        Some("ECSService") if ours => Class::Manifest,
        Some("ECSCluster") if ours => Class::Cluster,
        Some("IAMTaskRole") if ours => Class::Role,
        Some(_) if ours => Class::Platform,
        Some(_) if value["apiVersion"].is_string() => Class::Kubernetes,
        _ if has("containerDefinitions") || value["taskDefinition"]["containerDefinitions"].is_array() => {
            Class::TaskDefinition
        }
        _ if has("services") || value["serviceName"].is_string() => Class::Services,
        _ if has("ScalableTargets") => Class::Targets,
        _ if has("ScalingPolicies") => Class::Policies,
        _ if has("Rules") => Class::Rules,
        _ if has("TargetGroups") => Class::TargetGroups,
        _ => {
            return Err(document.mistake(
                None,
                "is neither an ECSService nor a task definition: give an ECSService, or what aws ecs describe-task-definition, \
                 describe-services, aws application-autoscaling describe-scalable-targets, describe-scaling-policies, aws elbv2 \
                 describe-rules or describe-target-groups prints",
            ));
        }
    })
}

/// Reads documents.
///
/// # Errors
/// Everything that is wrong with them.
pub fn read(documents: &[Document]) -> Result<Read, Vec<Mistake>> {
    let (mut read, mut mistakes) = (Read::default(), Vec::new());
    for document in documents {
        match class(document) {
            Ok(class) => read.classes.push(class),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut tasks = tasks(documents, &read);
    services(documents, &mut read, &mut tasks, &mut mistakes);
    for task in tasks.iter().filter(|t| !t.used) {
        let unit = read.units.len();
        let family = task.value["family"].as_str().unwrap_or("task");
        read.units.push(Unit { name: label(family), spec: json!({"taskDefinition": task.value}), ..Unit::default() });
        task.mount(&mut read, unit);
    }
    beside(documents, &mut read);
    if read.units.is_empty() && mistakes.is_empty() {
        mistakes
            .push(Mistake::of_all("there is no ECSService and no task definition among the files: give one with -f"));
    }
    if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
}

/// A task definition in a file of its own.
struct Task {
    document: usize,
    at: Path,
    value: Value,
    wrapped_tags: bool,
    used: bool,
}

impl Task {
    fn mount(&self, read: &mut Read, unit: usize) {
        let to = Path::of("taskDefinition");
        read.mounts.push(Mount { document: self.document, from: self.at.clone(), unit, to: to.clone() });
        if self.wrapped_tags {
            read.mounts.push(Mount { document: self.document, from: Path::of("tags"), unit, to: to.field("tags") });
        }
    }

    /// Whether a service means this one by ARN, `family:revision` or family.
    fn is(&self, reference: &str) -> bool {
        let family = self.value["family"].as_str().unwrap_or_default();
        let short = reference.rsplit('/').next().unwrap_or(reference);
        let numbered = self.value["revision"].as_i64().map(|r| format!("{family}:{r}"));
        self.value["taskDefinitionArn"] == reference || short == family || numbered.as_deref() == Some(short)
    }
}

fn tasks(documents: &[Document], read: &Read) -> Vec<Task> {
    let all = documents.iter().enumerate().filter(|(at, _)| read.classes[*at] == Class::TaskDefinition);
    all.map(|(document, found)| {
        let wrapped = found.value["taskDefinition"].is_object();
        let (at, mut value) = if wrapped {
            (Path::of("taskDefinition"), found.value["taskDefinition"].clone())
        } else {
            (Path::default(), found.value.clone())
        };
        // DescribeTaskDefinition gives the tags beside the task definition.
        let wrapped_tags = wrapped && found.value["tags"].is_array();
        if let (true, Some(map)) = (wrapped_tags, value.as_object_mut()) {
            map.insert("tags".into(), found.value["tags"].clone());
        }
        Task { document, at, value, wrapped_tags, used: false }
    })
    .collect()
}

fn services(documents: &[Document], read: &mut Read, tasks: &mut [Task], mistakes: &mut Vec<Mistake>) {
    let alone = tasks.len() == 1;
    for (at, document) in documents.iter().enumerate() {
        match read.classes[at] {
            Class::Manifest => {
                if let Err(mistake) = manifest(document, at, documents, read, tasks) {
                    mistakes.push(mistake);
                }
            }
            Class::Services => {
                let listed = document.value["services"].as_array();
                let single = listed.map_or(1, Vec::len) == 1;
                let all: Vec<(Path, &Value)> = match listed {
                    Some(items) => items.iter().enumerate().map(|(i, s)| (Path::of("services").index(i), s)).collect(),
                    None => vec![(Path::default(), &document.value)],
                };
                for (from, service) in all {
                    if let Err(message) = service_of(at, &from, service, read, tasks, alone && single) {
                        let name = service["serviceName"].as_str().unwrap_or("without a name");
                        mistakes.push(document.mistake(Some(format!("service {name}")), message));
                    }
                }
            }
            _ => {}
        }
    }
}

/// A service as DescribeServices gives it or CreateService takes it.
fn service_of(
    document: usize,
    from: &Path,
    service: &Value,
    read: &mut Read,
    tasks: &mut [Task],
    only: bool,
) -> Result<(), String> {
    let unit = read.units.len();
    let mut spec = service.as_object().cloned().unwrap_or_default();
    let reference = spec.remove("taskDefinition").and_then(|t| t.as_str().map(str::to_owned));
    let reference = reference.ok_or("it names no task definition")?;
    let found = tasks.iter_mut().find(|t| t.is(&reference) || (only && t.value["taskDefinitionArn"].is_null()));
    let Some(task) = found else {
        return Err(format!(
            "its task definition {reference} is not among the files: add what aws ecs describe-task-definition --task-definition \
             {reference} prints"
        ));
    };
    task.used = true;
    spec.insert("taskDefinitionArn".into(), json!(reference));
    spec.insert("taskDefinition".into(), task.value.clone());
    let name = service["serviceName"].as_str().unwrap_or("service");
    read.units.push(Unit { name: label(name), spec: Value::Object(spec), ..Unit::default() });
    read.mounts.push(Mount { document, from: from.clone(), unit, to: Path::default() });
    read.mounts.push(Mount { document, from: from.field("taskDefinition"), unit, to: Path::of("taskDefinitionArn") });
    task.mount(read, unit);
    Ok(())
}

/// An ECSService, with the defaults of its cluster where it is silent.
fn manifest(
    document: &Document,
    at: usize,
    documents: &[Document],
    read: &mut Read,
    tasks: &mut [Task],
) -> Result<(), Mistake> {
    let unit = read.units.len();
    let value = &document.value;
    let name = value["metadata"]["name"].as_str().unwrap_or_default();
    let mut spec = value["spec"].as_object().cloned().unwrap_or_default();
    read.mounts.push(Mount { document: at, from: Path::of("spec"), unit, to: Path::default() });
    if let Some(arn) = spec.get("taskDefinitionArn").and_then(Value::as_str).map(str::to_owned) {
        let Some(task) = tasks.iter_mut().find(|t| t.is(&arn)) else {
            return Err(document.mistake(
                Some(format!("ECSService {name}")),
                format!("spec.taskDefinitionArn names {arn}, which is not among the files: add what aws ecs describe-task-definition --task-definition {arn} prints"),
            ));
        };
        task.used = true;
        spec.insert("taskDefinition".into(), task.value.clone());
        task.mount(read, unit);
    }
    let cluster = spec.get("clusterRef").map(|c| c["name"].clone());
    let cluster = documents
        .iter()
        .enumerate()
        .find(|(i, d)| read.classes[*i] == Class::Cluster && Some(&d.value["metadata"]["name"]) == cluster.as_ref());
    if let Some((place, cluster)) = cluster {
        defaults(&cluster.value["spec"]["serviceDefaults"], place, unit, &mut spec, read);
    }
    read.units.push(Unit {
        name: label(name),
        namespace: value["metadata"]["namespace"].as_str().map(str::to_owned),
        spec: Value::Object(spec),
        ..Unit::default()
    });
    Ok(())
}

/// What a cluster says for services that are silent.
fn defaults(given: &Value, document: usize, unit: usize, spec: &mut Map<String, Value>, read: &mut Read) {
    for (field, value) in given.as_object().into_iter().flatten() {
        let from = Path::of("spec.serviceDefaults").field(field);
        let excluded = match field.as_str() {
            "launchType" => spec.contains_key("capacityProviderStrategy"),
            "capacityProviderStrategy" => spec.contains_key("launchType"),
            _ => false,
        };
        if field == "executionRoleArn" {
            let task = spec.get_mut("taskDefinition").and_then(Value::as_object_mut);
            if let Some(task) = task.filter(|t| !t.contains_key("executionRoleArn")) {
                task.insert(field.clone(), value.clone());
                read.mounts.push(Mount { document, from, unit, to: Path::of("taskDefinition.executionRoleArn") });
            }
        } else if !spec.contains_key(field) && !excluded {
            spec.insert(field.clone(), value.clone());
            read.mounts.push(Mount { document, from, unit, to: Path(vec![Step::Field(field.clone())]) });
        }
    }
}

/// Scaling, rules and target groups, each to the services that they are of.
fn beside(documents: &[Document], read: &mut Read) {
    let of = |class: Class, list: &str| {
        let all = documents.iter().zip(&read.classes).filter(|(_, c)| **c == class);
        all.flat_map(|(d, _)| d.value[list].as_array().cloned().unwrap_or_default()).collect::<Vec<Value>>()
    };
    let (targets, policies) = (of(Class::Targets, "ScalableTargets"), of(Class::Policies, "ScalingPolicies"));
    let (rules, groups) = (of(Class::Rules, "Rules"), of(Class::TargetGroups, "TargetGroups"));
    let single = read.units.len() == 1;
    for unit in &mut read.units {
        let name = unit.spec["serviceName"].as_str().unwrap_or(&unit.name).to_owned();
        let is_its =
            |v: &&Value| single || v["ResourceId"].as_str().and_then(|r| r.rsplit('/').next()) == Some(name.as_str());
        if let Some(target) = targets.iter().find(is_its) {
            unit.scaling.min = target["MinCapacity"].as_i64();
            unit.scaling.max = target["MaxCapacity"].as_i64();
            unit.scaling.policies = policies.iter().filter(is_its).cloned().collect();
        }
        unit.rules = rules.iter().flat_map(rule).collect();
        let by_arn = groups.iter().filter_map(|g| Some((g["TargetGroupArn"].as_str()?.to_owned(), g.clone())));
        unit.target_groups = by_arn.collect();
    }
}

/// A rule of a listener, once for each target group that it forwards to.
fn rule(value: &Value) -> Vec<Rule> {
    let list = |v: &Value| v.as_array().into_iter().flatten().cloned().collect::<Vec<_>>();
    let texts = |v: &Value| list(v).iter().filter_map(|t| t.as_str().map(str::to_owned)).collect::<Vec<_>>();
    let (mut hosts, mut paths) = (Vec::new(), Vec::new());
    for condition in list(&value["Conditions"]) {
        let of = |config: &str| {
            let new = texts(&condition[config]["Values"]);
            if new.is_empty() { texts(&condition["Values"]) } else { new }
        };
        match condition["Field"].as_str() {
            Some("host-header") => hosts.extend(of("HostHeaderConfig")),
            Some("path-pattern") => paths.extend(of("PathPatternConfig")),
            _ => {}
        }
    }
    let mut groups = Vec::new();
    for action in list(&value["Actions"]) {
        groups.extend(action["TargetGroupArn"].as_str().map(str::to_owned));
        groups.extend(
            list(&action["ForwardConfig"]["TargetGroups"])
                .iter()
                .filter_map(|g| g["TargetGroupArn"].as_str().map(str::to_owned)),
        );
    }
    groups.sort();
    groups.dedup();
    let priority = value["Priority"].as_str().and_then(|p| p.parse().ok()).unwrap_or(i64::MAX);
    groups
        .into_iter()
        .map(|target_group| Rule { hosts: hosts.clone(), paths: paths.clone(), target_group, priority })
        .collect()
}
