//! The whole way from Kubernetes to ECS: group, convert, put back what was kept, convert forth to see what is really the
//! same, report.

use serde_json::{Map, Value, json};

use super::ecs::{Capacity, Derived, Group, Options, ScalingRequest, derive, groups, requests};
use super::kubernetes::{self, Unit};
use super::path::{Path, get, is_empty, leaves};
use super::report::{Entry, Outcome, Report};
use super::table::row;
use super::{Conversion, Document, KEPT, Mistake, carried, kubernetes_fields, quantity};

const UNKNOWN: &str = "ECS has nothing for it";
const LONELY: &str = "belongs to no Deployment or DaemonSet among the files";

/// Converts Kubernetes manifests to ECS services.
///
/// # Errors
/// Everything that cannot be converted at all.
pub fn to_ecs(documents: &[Document], options: &Options) -> Result<Conversion, Vec<Mistake>> {
    let mistakes: Vec<Mistake> = documents.iter().filter_map(mistaken).collect();
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let objects: Vec<&Value> = documents.iter().map(|d| &d.value).collect();
    let groups = groups(&objects);
    if groups.is_empty() {
        let why = documents.iter().map(|d| {
            format!("{}: {}", d.title(), kubernetes_fields::why_not(d.value["kind"].as_str().unwrap_or_default()))
        });
        let why: Vec<String> = why
            .filter(|w| ["StatefulSet", "CronJob", "Job", "Pod", "ReplicaSet"].iter().any(|k| w.starts_with(k)))
            .collect();
        let hint = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
        return Err(vec![Mistake::of_all(format!("there is no Deployment and no DaemonSet among the files{hint}"))]);
    }
    let (mut conversion, mut mistakes, mut taken) = (Conversion::default(), Vec::new(), Vec::new());
    for group in &groups {
        match one(documents, &objects, group, options) {
            Ok((made, done)) => {
                conversion.objects.extend(made);
                conversion.scaling.extend(done.requests.clone());
                conversion.report.sizes.extend(done.derived.sizes.clone());
                conversion.report.notes.extend(done.derived.notes.clone());
                taken.push((group.clone(), done));
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    report(documents, &taken, &mut conversion.report);
    Ok(conversion)
}

fn mistaken(document: &Document) -> Option<Mistake> {
    let value = &document.value;
    let kind = value["kind"].as_str().unwrap_or_default();
    if kind.is_empty() || !value["apiVersion"].is_string() {
        let message = "is not a Kubernetes object: a mapping with apiVersion, kind, metadata and spec is expected; a task definition is \
                       converted with --to kubernetes";
        return Some(document.mistake(None, message));
    }
    if kind == "ECSService" {
        return Some(document.mistake(Some(document.title()), "is ECS's already: convert it with --to kubernetes"));
    }
    let name = value["metadata"]["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        return Some(document.mistake(Some(document.title()), "metadata.name is missing"));
    }
    let is_workload = super::ecs::WORKLOADS.contains(&kind);
    let containers = value["spec"]["template"]["spec"]["containers"].as_array().map_or(0, Vec::len);
    let before = value["spec"]["template"]["spec"]["initContainers"].as_array().map_or(0, Vec::len);
    if is_workload && containers == 0 {
        return Some(document.mistake(Some(document.title()), "spec.template.spec.containers is missing or empty"));
    }
    if is_workload && containers + before > MOST_CONTAINERS {
        let message = format!(
            "has {} containers, and a task has {MOST_CONTAINERS} at most: put some into a service of their own",
            containers + before
        );
        return Some(document.mistake(Some(document.title()), message));
    }
    None
}

/// Most containers of a task ("Amazon ECS service quotas").
const MOST_CONTAINERS: usize = 10;

/// A workload that was converted.
struct Done {
    derived: Derived,
    /// What Application Auto Scaling needs.
    requests: Vec<ScalingRequest>,
    /// What the result would be converted back to.
    again: Vec<Value>,
    stale: Vec<Path>,
}

fn one(
    documents: &[Document],
    objects: &[&Value],
    group: &Group,
    options: &Options,
) -> Result<(Vec<Value>, Done), Mistake> {
    let document = &documents[group.workload];
    let workload = objects[group.workload];
    let kept = match workload["metadata"]["annotations"][KEPT].as_str() {
        Some(text) => carried::read(text).map_err(|e| {
            document.mistake(
                Some(document.title()),
                format!("annotation {KEPT} {e}: delete it, or restore it from the conversion"),
            )
        })?,
        None => Vec::new(),
    };
    let daemon = workload["kind"] == "DaemonSet";
    let capacity = options.capacity.unwrap_or(match (kept.is_empty(), daemon) {
        (false, _) => Capacity::AsGiven,
        (true, true) => Capacity::Ec2,
        (true, false) => Capacity::Fargate,
    });
    if daemon && capacity == Capacity::Fargate {
        let message = "Fargate has no instances to run one task on each: leave --capacity fargate out";
        return Err(document.mistake(Some(document.title()), message));
    }
    let name = workload["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let namespace = workload["metadata"]["namespace"].as_str().map(str::to_owned);
    let like = Unit { name: name.clone(), namespace, ..Unit::default() };
    let mut derived = derive(objects, group, options, capacity);
    let mut members: Vec<&Value> = group.around.iter().map(|at| objects[*at]).collect();
    members.push(workload);
    let (mut spec, stale) = if capacity == Capacity::AsGiven {
        carried::overlay(&derived.spec, &kept, &members, &like)
    } else {
        let fields = kept.iter().filter(|(p, _)| !of_capacity(p)).cloned().collect::<Vec<_>>();
        carried::overlay(&derived.spec, &fields, &members, &like)
    };
    finish(&mut spec, &mut derived, group);
    let unit = Unit { spec: spec.clone(), scaling: derived.scaling.clone(), ..like };
    let again = kubernetes::build(&unit, &kubernetes::Options::default()).map(|d| d.objects).unwrap_or_default();
    let mut made: Vec<Value> = derived.role.clone().into_iter().collect();
    let service = service(&name, workload, &spec, options);
    let text = |pointer: &str| service.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let cluster = text("/spec/clusterRef/name").unwrap_or_default();
    if options.cluster.is_none() && spec["clusterRef"].is_null() {
        derived.notes.push(format!("{name}: no --cluster was given, so that it refers to the ECSCluster {cluster}"));
    }
    let called = text("/spec/serviceName").unwrap_or(name);
    let requests = requests(&derived.scaling, &cluster, &called);
    made.push(service);
    Ok((made, Done { derived, requests, again, stale }))
}

/// Whether a field says where tasks run, which was decided anew.
fn of_capacity(path: &Path) -> bool {
    ["launchType", "platformVersion", "taskDefinition.requiresCompatibilities", "taskDefinition.networkMode"]
        .iter()
        .any(|p| path.after(&Path::of(p)).is_some())
        || path.after(&Path::of("capacityProviderStrategy")).is_some()
        || *path == Path::of("taskDefinition.cpu")
        || *path == Path::of("taskDefinition.memory")
}

/// What cannot stay as it is without something that nobody said.
fn finish(spec: &mut Value, derived: &mut Derived, group: &Group) {
    let roleless = |c: &Value| c["managedEBSVolume"].is_object() && c["managedEBSVolume"]["roleArn"].is_null();
    let Some(map) = spec.as_object_mut() else { return };
    if map.get("volumeConfigurations").and_then(Value::as_array).is_some_and(|all| all.iter().any(roleless)) {
        map.remove("volumeConfigurations");
        let reason = "ECS needs a role to manage EBS volumes: give it with --infrastructure-role-arn";
        derived.said.push(super::ecs::SaidOf {
            object: group.workload,
            path: Path::of("spec.template.spec.volumes"),
            outcome: Outcome::Approximated,
            to: None,
            note: reason.to_owned(),
        });
        derived.notes.push(reason.to_owned());
    }
    if map.contains_key("capacityProviderStrategy") {
        map.remove("launchType");
    }
}

/// The ECSService.
fn service(name: &str, workload: &Value, spec: &Value, options: &Options) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".into(), json!(name));
    let namespace = options.namespace.as_deref().or_else(|| workload["metadata"]["namespace"].as_str());
    if let Some(namespace) = namespace {
        metadata.insert("namespace".into(), json!(namespace));
    }
    let mut spec = spec.as_object().cloned().unwrap_or_default();
    match &options.cluster {
        Some(cluster) => {
            spec.insert("clusterRef".into(), json!({ "name": cluster }));
        }
        None if !spec.contains_key("clusterRef") => {
            spec.insert("clusterRef".into(), json!({"name": "default"}));
        }
        None => {}
    }
    json!({"apiVersion": "landbridge.dev/v1alpha1", "kind": "ECSService", "metadata": metadata, "spec": spec})
}

/// What became of a field.
struct Fate {
    outcome: Outcome,
    to: String,
    note: String,
}

fn report(documents: &[Document], taken: &[(Group, Done)], report: &mut Report) {
    for (at, document) in documents.iter().enumerate() {
        let users: Vec<&Done> =
            taken.iter().filter(|(g, _)| g.workload == at || g.around.contains(&at)).map(|(_, d)| d).collect();
        for (path, leaf) in leaves(&document.value) {
            let fate = fate(document, at, &path, leaf, &users);
            report.fields.push(Entry {
                file: document.file.clone(),
                object: document.title(),
                field: path.to_string(),
                outcome: fate.outcome,
                to: fate.to,
                note: fate.note,
                kept: false,
            });
        }
        if taken.iter().any(|(g, _)| g.workload == at) {
            for path in users.iter().flat_map(|d| &d.stale) {
                report.notes.push(format!(
                    "{}: {path} was kept from ECS and no longer fits the manifests, whose value counts",
                    document.title()
                ));
            }
        }
    }
}

fn fate(document: &Document, at: usize, path: &Path, leaf: &Value, users: &[&Done]) -> Fate {
    let refused = |note: &str| Fate { outcome: Outcome::Refused, to: String::new(), note: note.to_owned() };
    let kind = document.value["kind"].as_str().unwrap_or_default();
    let Some(sections) = kubernetes_fields::sections(kind) else { return refused(kubernetes_fields::why_not(kind)) };
    if users.is_empty() {
        return refused(LONELY);
    }
    let row = row(sections, path);
    let said = users.iter().flat_map(|d| &d.derived.said).filter(|s| s.object == at && path.after(&s.path).is_some());
    let said = said.max_by_key(|s| (s.path.0.len(), s.outcome));
    if said.is_none() && row.is_none() && is_empty(leaf) {
        return Fate { outcome: Outcome::Mapped, to: String::new(), note: "says nothing".to_owned() };
    }
    let mut fate = match (said, row) {
        (Some(said), row) => Fate {
            outcome: said.outcome,
            to: said.to.clone().or(row.map(|r| r.to.to_owned())).unwrap_or_default(),
            note: said.note.clone(),
        },
        (None, Some(row)) => Fate { outcome: row.outcome, to: row.to.to_owned(), note: row.note.to_owned() },
        (None, None) => return refused(UNKNOWN),
    };
    if fate.outcome == Outcome::Refused {
        fate.to.clear();
    }
    if fate.outcome == Outcome::Mapped && !comes_back(document, path, leaf, users) {
        fate.outcome = Outcome::Approximated;
        let note = "the ECS service alone would give it back otherwise";
        fate.note = if fate.note.is_empty() { note.to_owned() } else { format!("{}; {note}", fate.note) };
    }
    fate
}

/// Whether the result, converted forth again, has the same field. Metadata is its own proof.
fn comes_back(document: &Document, path: &Path, leaf: &Value, users: &[&Done]) -> bool {
    let object = &document.value;
    let is_own = [Path::of("apiVersion"), Path::of("kind"), Path::of("metadata.name"), Path::of("metadata.namespace")]
        .contains(path);
    let is_annotation = path.after(&Path::of("metadata.annotations")).is_some();
    if is_own || is_annotation {
        return true;
    }
    users.iter().all(|done| {
        let same_kind = done.again.iter().filter(|o| o["kind"] == object["kind"]);
        let candidates: Vec<&Value> = same_kind.collect();
        let named = candidates.iter().find(|o| o["metadata"]["name"] == object["metadata"]["name"]);
        match (named, candidates.as_slice()) {
            // A name of its own is the way back's choice.
            (Some(found), _) | (None, [found]) => matches_at(found, object, path, leaf),
            _ => false,
        }
    })
}

fn matches_at(found: &Value, given: &Value, path: &Path, leaf: &Value) -> bool {
    let value = get(found, path).or_else(|| elsewhere(found, given, path));
    let Some(value) = value else { return *leaf == json!(false) };
    if value == leaf {
        return true;
    }
    let is_quantity = path.0.iter().any(|s| matches!(s, super::path::Step::Field(n) if ["requests", "limits", "sizeLimit", "capacity"].contains(&n.as_str())));
    is_quantity && quantity::milli(value).is_some() && quantity::milli(value) == quantity::milli(leaf)
}

/// Variables of secrets are found by what they say: the way back has names of its own for what lies between.
fn elsewhere<'a>(found: &'a Value, given: &Value, path: &Path) -> Option<&'a Value> {
    if given["kind"] != "ExternalSecret" {
        return None;
    }
    let index = path.0.iter().find_map(|s| if let super::path::Step::Index(i) = s { Some(*i) } else { None })?;
    let key = &given["spec"]["data"][index]["remoteRef"];
    let field = path.0.last()?;
    let entry = found["spec"]["data"].as_array()?.iter().find(|d| d["remoteRef"] == *key)?;
    match field {
        super::path::Step::Field(name) => entry.get(name).or_else(|| entry["remoteRef"].get(name)),
        _ => None,
    }
}
