//! The whole way from ECS to Kubernetes: read, convert, convert back to see what is really the same, keep the rest, report.

use std::collections::BTreeMap;

use landbridge_api::names::annotation;
use serde_json::{Value, json};

use super::beside_fields::{CLUSTER, MANIFEST, OBJECT, POLICIES, RECORD, RULES, TARGET_GROUPS, TARGETS};
use super::ecs_input::{self, Class, Read};
use super::kubernetes::{Draft, Options, Said, Unit, build};
use super::path::{Path, Step, get, is_empty, leaves};
use super::report::{Entry, Outcome, Report};
use super::table::{Section, row};
use super::{Conversion, Document, KEPT, Mistake, annotate, carried, defaults, ecs, ecs_fields, secrets_in};

const UNKNOWN: &str = "nobody has said what becomes of this field: look at it by hand, and tell us";
const EMPTY: &str = "says nothing";

/// What became of a field of a unit.
#[derive(Clone, Debug)]
struct Fate {
    outcome: Outcome,
    to: String,
    note: String,
    kept: bool,
}

impl Fate {
    fn new(outcome: Outcome, to: &str, note: impl Into<String>) -> Self {
        Self { outcome, to: to.to_owned(), note: note.into(), kept: false }
    }
}

/// Converts ECS services to Kubernetes manifests.
///
/// # Errors
/// Everything that cannot be converted at all.
pub fn to_kubernetes(documents: &[Document], options: &Options) -> Result<Conversion, Vec<Mistake>> {
    let mut read = ecs_input::read(documents)?;
    let (mut conversion, mut mistakes, mut fates) = (Conversion::default(), Vec::new(), Vec::new());
    if options.name.is_some() && read.units.len() > 1 {
        return Err(vec![Mistake::of_all("--name names one service, and there are more: convert them one by one")]);
    }
    for unit in &mut read.units {
        if let Some(name) = &options.name {
            unit.name.clone_from(name);
        }
        match one(unit, options) {
            Ok((draft, found)) => {
                conversion.objects.extend(draft.objects);
                conversion.report.sizes.extend(draft.sizes);
                conversion.report.notes.extend(draft.notes);
                fates.push(found);
            }
            Err(message) => mistakes.push(Mistake::of_all(format!("{}: {message}", unit.name))),
        }
    }
    usage(&read, options, &mut mistakes);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    roles(documents, &read, &mut conversion);
    report(documents, &read, &fates, &mut conversion.report);
    Ok(conversion)
}

/// Usage of a container that is in none of the task definitions is a misspelling.
fn usage(read: &Read, options: &Options, mistakes: &mut Vec<Mistake>) {
    let Some(usage) = &options.usage else { return };
    let containers =
        |u: &Unit| u.spec["taskDefinition"]["containerDefinitions"].as_array().cloned().unwrap_or_default();
    let names: Vec<Value> = read.units.iter().flat_map(containers).map(|c| c["name"].clone()).collect();
    for name in usage.0.keys().filter(|n| !names.contains(&json!(n))) {
        mistakes.push(Mistake::of_all(format!("--usage names container {name}, which no task definition has")));
    }
}

/// The objects of a unit, and what became of each of its fields.
fn one(unit: &Unit, options: &Options) -> Result<(Draft, BTreeMap<Path, Fate>), String> {
    let mut draft = build(unit, options)?;
    let back = back(&draft.objects);
    let secrets = secrets_in(&unit.spec);
    let (mut fates, mut kept) = (BTreeMap::new(), carried::Kept::new());
    for (path, leaf) in leaves(&unit.spec) {
        let mut fate = fate(&path, leaf, unit, &draft.said, back.as_ref());
        let secret = secrets.contains(&path.to_string());
        // The task definition itself is there, and a service has one of the two.
        let is_arn = path == Path::of("taskDefinitionArn");
        let is_field = !is_empty(leaf) && !is_arn && !ecs_fields::is_record(&fate.note) && defaults::is_known(&path);
        if fate.outcome != Outcome::Mapped && is_field {
            if secret {
                fate.outcome = Outcome::Refused;
                "looks secret, and is not written into an annotation: put it into Secrets Manager"
                    .clone_into(&mut fate.note);
            } else {
                fate.kept = true;
                kept.insert(path.to_string(), leaf.clone());
            }
        }
        fates.insert(path, fate);
    }
    beside_kept(unit, back.as_ref(), &fates, &mut kept);
    for (path, leaf) in back.iter().flat_map(leaves) {
        let added = get(&unit.spec, &path).is_none() && !is_empty(leaf);
        let tells = !defaults::is_default(&path, leaf) || item(&path).is_some_and(|i| get(&unit.spec, &i).is_none());
        if added && tells && !kept.contains_key(&path.to_string()) {
            kept.insert(path.to_string(), Value::Null);
        }
    }
    if let Some(workload) = draft.objects.first_mut() {
        match carried::text(&kept) {
            Some(text) => annotate(workload, KEPT, &text),
            None if kept.is_empty() => {}
            None => {
                for fate in fates.values_mut() {
                    fate.kept = false;
                }
                draft.notes.push(
                    "what Kubernetes has no form for is too long for an annotation: the way back is not exact"
                        .to_owned(),
                );
            }
        }
        let arn = unit.spec["taskDefinition"]["taskDefinitionArn"]
            .as_str()
            .or_else(|| unit.spec["taskDefinitionArn"].as_str());
        if let Some(arn) = arn {
            annotate(workload, annotation::CONVERTED_FROM, arn);
        }
    }
    Ok((draft, fates))
}

/// A field that says nothing by itself (a default, a switch that is off) is kept when its block is: the block may need it.
fn beside_kept(unit: &Unit, back: Option<&Value>, fates: &BTreeMap<Path, Fate>, kept: &mut carried::Kept) {
    let blocks: Vec<Path> = fates.iter().filter(|(_, f)| f.kept).filter_map(|(p, _)| block(p)).collect();
    for (path, leaf) in leaves(&unit.spec) {
        let is_silent = !is_empty(leaf) && fates.get(&path).is_some_and(|f| f.outcome == Outcome::Mapped);
        let is_gone = back.is_some_and(|b| get(b, &path).is_none());
        if is_silent && is_gone && blocks.iter().any(|b| path.after(b).is_some()) {
            kept.insert(path.to_string(), leaf.clone());
        }
    }
}

/// The block that a field stands in: what is set as a whole in a container, in the task definition or in the service.
fn block(path: &Path) -> Option<Path> {
    let named = |at: usize, name: &str| path.0.get(at) == Some(&Step::Field(name.to_owned()));
    let depth = match (named(0, "taskDefinition"), named(1, "containerDefinitions")) {
        (true, true) => 4,
        (true, false) => 2,
        (false, _) => 1,
    };
    (path.0.len() > depth).then(|| Path(path.0[..depth].to_vec()))
}

/// The item of a list that a field is nearest to.
fn item(path: &Path) -> Option<Path> {
    let at = path.0.iter().rposition(|s| !matches!(s, Step::Field(_)))?;
    Some(Path(path.0[..=at].to_vec()))
}

/// What the manifests alone would be converted back to. A CronJob has no way back yet.
fn back(objects: &[Value]) -> Option<Value> {
    let all: Vec<&Value> = objects.iter().collect();
    let groups = ecs::groups(&all);
    let group = groups.first()?;
    Some(ecs::derive(&all, group, &ecs::Options::default(), ecs::Capacity::AsGiven).spec)
}

fn fate(path: &Path, leaf: &Value, unit: &Unit, said: &[Said], back: Option<&Value>) -> Fate {
    if is_empty(leaf) && path != &Path::of("taskDefinition") {
        return Fate::new(Outcome::Mapped, "", EMPTY);
    }
    let row = row(ecs_fields::SECTIONS, path);
    let exact = said.iter().filter(|s| path.after(&s.path).is_some()).max_by_key(|s| (s.path.0.len(), s.outcome));
    let mut fate = match (exact, row) {
        (Some(said), row) => {
            Fate::new(said.outcome, said.to.as_deref().or(row.map(|r| r.to)).unwrap_or_default(), said.note.clone())
        }
        (None, Some(row)) => Fate::new(row.outcome, row.to, row.note),
        (None, None) => return Fate::new(Outcome::Refused, "", UNKNOWN),
    };
    let is_default = defaults::is_default(path, leaf);
    if exact.is_none() && fate.outcome != Outcome::Mapped && is_default {
        return Fate::new(Outcome::Mapped, &fate.to, "what ECS takes anyway");
    }
    // A switch that is off asks for nothing.
    if exact.is_none() && fate.outcome != Outcome::Mapped && *leaf == json!(false) {
        return Fate::new(Outcome::Mapped, &fate.to, "off, as it is on the other side");
    }
    if fate.outcome == Outcome::Refused {
        fate.to.clear();
    }
    if fate.outcome == Outcome::Mapped {
        let found = back.map(|b| get(b, path));
        let same = match found {
            None => true,
            Some(Some(found)) => defaults::same(path, leaf, found),
            Some(None) => is_default || *leaf == json!(false) || says_nothing(path, leaf, unit),
        };
        if !same {
            fate.outcome = Outcome::Approximated;
            let note = "the manifests alone would give it back otherwise";
            fate.note = if fate.note.is_empty() { note.to_owned() } else { format!("{}; {note}", fate.note) };
        }
    }
    fate
}

/// Whether ECS would take the same without the field: the name of the service that is the object's, and a port of the host
/// that is the container's own.
fn says_nothing(path: &Path, leaf: &Value, unit: &Unit) -> bool {
    if *path == Path::of("serviceName") {
        return *leaf == json!(unit.name);
    }
    if path.0.last() != Some(&Step::Field("hostPort".to_owned())) {
        return false;
    }
    let mut own = path.clone();
    own.0.pop();
    let own = get(&unit.spec, &own.field("containerPort"));
    let shares = ["awsvpc", "host"].iter().any(|m| unit.spec["taskDefinition"]["networkMode"] == *m);
    *leaf == json!(0) || (shares && own == Some(leaf))
}

/// IAMTaskRoles that a service refers to stay as they are, and trust its pods too.
fn roles(documents: &[Document], read: &Read, conversion: &mut Conversion) {
    for (_, document) in documents.iter().enumerate().filter(|(at, _)| read.classes[*at] == Class::Role) {
        let Some(unit) = user_of(document, read) else { continue };
        let mut role = document.value.clone();
        if let Some(map) = role.as_object_mut() {
            map.remove("status");
        }
        if role["spec"]["trust"]["podIdentity"].is_null() {
            let path = Path::of("spec.trust.podIdentity.serviceAccounts");
            super::path::set(&mut role, &path, json!([unit.name]));
        }
        conversion.objects.push(role);
    }
}

/// The service whose tasks have a role.
fn user_of<'a>(role: &Document, read: &'a Read) -> Option<&'a Unit> {
    read.units.iter().find(|u| u.spec["taskRoleRef"]["name"] == role.value["metadata"]["name"])
}

fn report(documents: &[Document], read: &Read, fates: &[BTreeMap<Path, Fate>], report: &mut Report) {
    for (at, document) in documents.iter().enumerate() {
        let title = document.title();
        for (path, leaf) in leaves(&document.value) {
            let mounts = read.mounts.iter().filter(|m| m.document == at);
            let mount = mounts.filter_map(|m| Some((m, path.after(&m.from)?))).max_by_key(|(m, _)| m.from.0.len());
            let fate = match mount.map(|(m, rest)| (m, m.to.join(&rest))) {
                Some((mount, inner)) => {
                    fates[mount.unit].get(&inner).cloned().unwrap_or_else(|| beside(&path, leaf, document, read, at))
                }
                None => beside(&path, leaf, document, read, at),
            };
            report.fields.push(Entry {
                file: document.file.clone(),
                object: title.clone(),
                field: path.to_string(),
                outcome: fate.outcome,
                to: fate.to,
                note: fate.note,
                kept: fate.kept,
            });
        }
    }
}

/// What became of a field that is in no service.
fn beside(path: &Path, leaf: &Value, document: &Document, read: &Read, at: usize) -> Fate {
    if is_empty(leaf) {
        return Fate::new(Outcome::Mapped, "", EMPTY);
    }
    if let Some(row) = row(OBJECT, path) {
        return Fate::new(row.outcome, row.to, row.note);
    }
    let (sections, otherwise): (&'static [Section], &str) = match read.classes[at] {
        Class::Role if user_of(document, read).is_some() => {
            return Fate::new(Outcome::Mapped, "IAMTaskRole", "kept as it is: the role is for tasks and pods");
        }
        Class::Role => (&[], "no service among the files has this role"),
        Class::Manifest => (MANIFEST, UNKNOWN),
        Class::Cluster => (CLUSTER, "belongs to the ECS cluster: the Kubernetes cluster has settings of its own"),
        Class::Platform => (&[], "stays in AWS: nothing of it is the workload's"),
        Class::Kubernetes => (&[], "is Kubernetes' already: convert --to ecs takes it"),
        Class::Targets => (TARGETS, UNKNOWN),
        Class::Policies => return policy(path, document),
        Class::Rules => (RULES, UNKNOWN),
        Class::TargetGroups => (TARGET_GROUPS, UNKNOWN),
        Class::TaskDefinition | Class::Services => (&[], UNKNOWN),
    };
    match row(sections, path) {
        Some(row) => Fate::new(row.outcome, row.to, row.note),
        None => Fate::new(Outcome::Refused, "", otherwise),
    }
}

/// Scaling policies that a HorizontalPodAutoscaler has no metric for are refused as a whole.
fn policy(path: &Path, document: &Document) -> Fate {
    const KEDA: &str =
        "a HorizontalPodAutoscaler has no such metric: use KEDA with an external metric, or its cron scaler";
    let index = path.0.get(1).cloned().map(|step| Path(vec![path.0[0].clone(), step]));
    let known =
        index.and_then(|p| get(&document.value, &p)).is_some_and(|p| super::kubernetes::resource_of(p).is_some());
    match row(POLICIES, path) {
        Some(row) if known || row.note == RECORD => Fate::new(row.outcome, row.to, row.note),
        _ if known => Fate::new(Outcome::Refused, "", UNKNOWN),
        _ => Fate::new(Outcome::Refused, "", KEDA),
    }
}
