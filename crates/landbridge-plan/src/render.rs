//! Plans as text and as JSON, for the CLI, for Events and for whoever reviews a change.
//!
//! Both are deterministic and hold no secret. The JSON is an API: `apiVersion` and `kind` say its form.

use std::fmt::Write as _;

use landbridge_api::names;
use serde::Serialize;
use serde_json::{Value, json};

use crate::change::{Body, Change, Tags, Verb};
use crate::plan::{Cause, Difference, Plan, Step};
use crate::token::{self, KNOWN_AFTER_APPLY};
use crate::{redact, tags};

/// Version of the JSON form.
pub const API_VERSION: &str = "landbridge.dev/v1alpha1";
/// Longest value in the text form, in characters. The JSON form has it whole.
const LONGEST: usize = 120;

/// How many things a set of plans touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Steps that create something.
    pub create: usize,
    /// Steps that change something in place.
    pub update: usize,
    /// Steps that delete something.
    pub delete: usize,
    /// Things that are waited for.
    pub waits: usize,
    /// Refusals.
    pub blocked: usize,
}

impl Summary {
    /// Counts over all plans.
    pub fn of(plans: &[Plan]) -> Self {
        let count = |verb| plans.iter().flat_map(|p| &p.steps).filter(|s| s.change.verb() == verb).count();
        Self {
            create: count(Verb::Create),
            update: count(Verb::Update),
            delete: count(Verb::Delete),
            waits: plans.iter().map(|p| p.waits.len()).sum(),
            blocked: plans.iter().map(|p| p.blocked.len()).sum(),
        }
    }

    /// Whether there is something to write.
    pub fn changes(self) -> bool {
        self.create + self.update + self.delete > 0
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { create, update, delete, waits, blocked } = self;
        if !self.changes() && *waits == 0 && *blocked == 0 {
            return f.write_str("No changes. AWS is as the files say.");
        }
        write!(f, "Plan: {create} to create, {update} to update, {delete} to delete")?;
        if *waits > 0 {
            write!(f, ", {waits} to wait for")?;
        }
        if *blocked > 0 {
            write!(f, ", {blocked} refused")?;
        }
        f.write_str(".")
    }
}

/// The plans as text, in the order given; objects without anything to say are left out. The last line is the summary.
pub fn text(plans: &[Plan], colour: bool) -> String {
    let mut out = String::new();
    let paint = Paint { colour };
    for plan in plans.iter().filter(|p| !p.is_empty() || !p.drift.is_empty()) {
        object(&mut out, plan, paint);
        out.push('\n');
    }
    line(&mut out, 0, &Summary::of(plans).to_string());
    out
}

/// The plans as one JSON value.
pub fn json(plans: &[Plan]) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "Plan",
        "summary": Summary::of(plans),
        "objects": plans.iter().map(plan_json).collect::<Vec<_>>(),
    })
}

/// A step on one line, for an Event: `update ECS service prod/web: desiredCount: 2 -> 3`. At most five differences.
pub fn step_line(step: &Step) -> String {
    let head = format!("{} {}", &sign_and_verb(&step.change)[2..], step.change.target());
    if step.differences.is_empty() {
        return head;
    }
    let differences: Vec<String> = step.differences.iter().map(one_line).collect();
    format!("{head}: {}", crate::adoption::some_of(&differences))
}

/// A difference on one line: `image: "a" -> "b"`.
pub fn one_line(difference: &Difference) -> String {
    let side = |v: Option<&Value>| v.map_or_else(|| "(none)".to_owned(), short);
    let Difference { path, from, to } = difference;
    match (from, to) {
        (None, Some(to)) => format!("{path}: {}", short(to)),
        (from, to) => format!("{path}: {} -> {}", side(from.as_ref()), side(to.as_ref())),
    }
}

fn object(out: &mut String, plan: &Plan, paint: Paint) {
    line(out, 0, &paint.bold(&plan.object));
    for blocked in &plan.blocked {
        line(out, 1, &paint.red(&format!("! {}: {}", blocked.reason, blocked.message)));
    }
    for step in &plan.steps {
        step_text(out, step, paint);
    }
    let corrected = plan.steps.iter().any(|s| s.cause == Cause::Drift);
    if !plan.drift.is_empty() && !corrected {
        line(out, 1, &paint.yellow("changed outside and left as it is:"));
        for difference in &plan.drift {
            line(out, 3, &one_line(difference));
        }
    }
    for wait in &plan.waits {
        line(out, 1, &paint.yellow(&format!("… {}: {}", wait.reason, wait.message)));
    }
}

fn step_text(out: &mut String, step: &Step, paint: Paint) {
    let note = note(step.cause).map(|n| format!("  # {n}")).unwrap_or_default();
    let head = format!("{} {}{note}", sign_and_verb(&step.change), step.change.target());
    line(
        out,
        1,
        &match step.change.verb() {
            Verb::Create => paint.green(&head),
            Verb::Update => paint.yellow(&head),
            Verb::Delete => paint.red(&head),
        },
    );
    let details = details(step);
    for (path, value) in &details {
        line(out, 3, &format!("{path}: {}", short(value)));
    }
    // Where the whole of a new thing is written out, that it was not there before is no news.
    let whole = step.change.verb() == Verb::Create && !details.is_empty();
    let told = |d: &&Difference| !whole || d.from.is_some();
    for difference in step.differences.iter().filter(told) {
        line(out, 3, &one_line(difference));
    }
}

fn sign_and_verb(change: &Change) -> &'static str {
    match change {
        // A sign, a space, a verb.
        Change::RegisterTaskDefinition { .. } | Change::RegisterInstance { .. } | Change::RegisterTargets { .. } => {
            "+ register"
        }
        Change::DeregisterTaskDefinition { .. }
        | Change::DeregisterInstance { .. }
        | Change::DeregisterTargets { .. } => "- deregister",
        Change::ShiftWeights { .. } => "~ shift",
        Change::PutRolePolicy { .. } => "~ put",
        Change::DeleteRolePolicy { .. } => "~ take away",
        Change::AttachRolePolicy { .. } => "~ attach",
        Change::DetachRolePolicy { .. } => "~ detach",
        _ => match change.verb() {
            Verb::Create => "+ create",
            Verb::Update => "~ update",
            Verb::Delete => "- delete",
        },
    }
}

fn note(cause: Cause) -> Option<&'static str> {
    match cause {
        Cause::Spec | Cause::Deletion => None,
        Cause::Drift => Some("changed outside, put back"),
        Cause::Adoption => Some("taken over"),
        Cause::Replacement => Some("replaced by its successor"),
        Cause::Retention => Some("past its retention"),
    }
}

/// What a change writes, field by field, where differences do not say it.
fn details(step: &Step) -> Vec<(String, Value)> {
    let body = match &step.change {
        // A revision that follows another is read by what differs from it.
        Change::RegisterTaskDefinition { .. } if !step.differences.is_empty() => return Vec::new(),
        Change::CreateCluster { body, .. }
        | Change::CreateCapacityProvider { body, .. }
        | Change::RegisterTaskDefinition { body, .. }
        | Change::CreateService { body, .. }
        | Change::CreateNamespace { body, .. }
        | Change::CreateDiscoveryService { body, .. }
        | Change::CreatePodIdentityAssociation { body, .. }
        | Change::ApplyObject { uid: None, body, .. } => Value::Object(body.clone()),
        Change::CreateLogGroup { kms_key_id, tags, .. } => {
            json!({ "kmsKeyId": kms_key_id, "tags": tags::listed(tags, "key", "value") })
        }
        Change::CreateRole { path, trust, body, tags, .. } => {
            let mut whole = body.clone();
            whole.extend([
                ("path".to_owned(), path.as_str().into()),
                ("trust".to_owned(), trust.clone()),
                ("tags".to_owned(), tags::listed(tags, "key", "value")),
            ]);
            Value::Object(whole)
        }
        Change::SetRetention { days, .. } if step.differences.is_empty() => json!({ "retentionInDays": days }),
        Change::PutRolePolicy { document, .. } if step.differences.is_empty() => document.clone(),
        // Differences speak of users' tags; ours are worth a line when they change.
        Change::Tag { set, .. } | Change::TagRole { set, .. } => {
            let ours: Tags =
                set.iter().filter(|(k, _)| !tags::is_users(k)).map(|(k, v)| (k.clone(), v.clone())).collect();
            return ours.into_iter().map(|(k, v)| (format!("tags[{k}]"), v.into())).collect();
        }
        _ => return Vec::new(),
    };
    let shown = shown(&redact::redacted(&body));
    let mut found = Vec::new();
    leaves("", &shown, &mut found);
    // That what we make carries our tags goes without saying.
    found.retain(|(path, _)| !path.to_ascii_lowercase().starts_with(&format!("tags[{}", names::tag::PREFIX)));
    found
}

/// Members that a path already says, as the `web` in `containerDefinitions[web]`.
const SAID_BY_PATH: [&str; 6] = ["name", "key", "Key", "Sid", "containerPort", "capacityProvider"];
/// Members of requests that say nothing to a reader.
const NOISE: [&str; 2] = ["clientToken", "CreatorRequestId"];

/// Every leaf of a body with its path, the way differences write paths: an absent body against this one.
fn leaves(path: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    let (value, nothing) = match value {
        Value::Null => return,
        Value::Object(map) => {
            if let Some(one) = pair(map) {
                return found.push((path.to_owned(), one.clone()));
            }
            let rest = beyond_path(path, map);
            if rest.is_empty() {
                return found.push((path.to_owned(), value.clone()));
            }
            (Value::Object(rest), json!({}))
        }
        Value::Array(items) if items.iter().any(|v| v.is_object() || v.is_array()) => (value.clone(), json!([])),
        other => return found.push((path.to_owned(), other.clone())),
    };
    for difference in crate::diff::differences(path, &nothing, &value) {
        if let Some(to) = difference.to {
            leaves(&difference.path, &to, found);
        }
    }
}

/// The members of an item that its path does not say already, without noise.
fn beyond_path(path: &str, map: &Body) -> Body {
    let key = path.strip_suffix(']').and_then(|p| p.rsplit_once('[')).map(|(_, key)| key);
    let said = |name: &str, value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        SAID_BY_PATH.contains(&name) && key == Some(text.as_str())
    };
    map.iter()
        .filter(|(name, value)| !NOISE.contains(&name.as_str()) && !said(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The value of a name and value pair: its path already says the name.
fn pair(map: &Body) -> Option<&Value> {
    let value = map.get("value").or_else(|| map.get("Value"))?;
    let named = ["name", "key", "Key"].iter().any(|n| map.contains_key(*n));
    (named && map.len() == 2).then_some(value)
}

/// The value with tokens as a reader should see them.
fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            // An ARN that ends in a token is not known either.
            if text.contains('\u{1}') { KNOWN_AFTER_APPLY.into() } else { token::shown(text).into() }
        }
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), shown(v))).collect()),
        other => other.clone(),
    }
}

fn short(value: &Value) -> String {
    let value = shown(value);
    let whole = match &value {
        Value::String(text) if text == KNOWN_AFTER_APPLY || text == redact::SENSITIVE => text.clone(),
        other => other.to_string(),
    };
    if whole.chars().count() <= LONGEST {
        return whole;
    }
    let mut cut: String = whole.chars().take(LONGEST - 1).collect();
    cut.push('…');
    cut
}

fn plan_json(plan: &Plan) -> Value {
    json!({
        "object": plan.object,
        "steps": plan.steps.iter().map(step_json).collect::<Vec<_>>(),
        "waits": plan.waits.iter().map(|w| json!({ "reason": w.reason, "message": w.message })).collect::<Vec<_>>(),
        "blocked": plan.blocked,
        "drift": plan.drift.iter().map(difference_json).collect::<Vec<_>>(),
        "gone": plan.gone,
    })
}

fn step_json(step: &Step) -> Value {
    // Everything in a change is text, numbers and maps with text keys, so it always becomes JSON.
    let change = serde_json::to_value(&step.change).unwrap_or_default();
    json!({
        "id": step.id,
        "after": step.after,
        "verb": step.change.verb(),
        "target": step.change.target(),
        "operation": step.change.operation(),
        "cause": step.cause,
        "differences": step.differences.iter().map(difference_json).collect::<Vec<_>>(),
        "change": shown(&redact::redacted(&change)),
    })
}

fn difference_json(difference: &Difference) -> Value {
    json!({
        "path": difference.path,
        "from": difference.from.as_ref().map(shown),
        "to": difference.to.as_ref().map(shown),
    })
}

fn line(out: &mut String, indent: usize, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}{text}", "  ".repeat(indent));
}

/// ANSI colours, or none.
#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }
    fn green(self, text: &str) -> String {
        self.with("32", text)
    }
    fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }
    fn red(self, text: &str) -> String {
        self.with("31", text)
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
