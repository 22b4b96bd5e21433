//! Trust statements that others put into the policy of the role: which they are, and whether they stay.
//!
//! A statement is ours by its Sid (those that Landbridge composes have Sids of their own), because the spec has it, or because
//! the spec had it: the status keeps fingerprints of those, so that one that leaves the spec is not taken for somebody else's.

use std::collections::BTreeSet;

use landbridge_api::common::AdoptionPolicy;
use landbridge_api::v1alpha1::{ForeignStatements, IamTaskRole};
use serde_json::Value;

use super::RoleFacts;
use crate::hash;
use crate::policy_document;

/// Whether statements of others stay. A role that was taken over may have been somebody's before, who must not lose it
/// unasked; one that Landbridge made is its own, and a statement that appears there is drift.
pub(super) fn are_kept(object: &IamTaskRole) -> bool {
    let asked = object.spec.trust.as_ref().and_then(|t| t.foreign_statements);
    match asked {
        Some(asked) => asked == ForeignStatements::Keep,
        None => object.spec.knobs.adoption() != AdoptionPolicy::Never,
    }
}

/// The statements of others on the role, as they are written there.
pub(super) fn statements(object: &IamTaskRole, own: &[Value], role: &RoleFacts) -> Vec<Value> {
    let sids: BTreeSet<&str> = own.iter().filter_map(sid).collect();
    let mut ours: BTreeSet<String> = own.iter().map(fingerprint).collect();
    ours.extend(object.status.iter().flat_map(|s| s.own_statements.iter().cloned()));
    let is_foreign = |statement: &Value| {
        !sid(statement).is_some_and(|s| sids.contains(s) || is_composed(s)) && !ours.contains(&fingerprint(statement))
    };
    policy_document::statements(&role.trust).into_iter().filter(is_foreign).collect()
}

/// Fingerprints of the statements of the spec, now and before, that are on the role.
pub(super) fn own_fingerprints(object: &IamTaskRole, role: &RoleFacts) -> Vec<String> {
    let mut ours: BTreeSet<String> = object.spec.trust.iter().flat_map(|t| &t.statements).map(fingerprint).collect();
    ours.extend(object.status.iter().flat_map(|s| s.own_statements.iter().cloned()));
    let there: BTreeSet<String> = policy_document::statements(&role.trust).iter().map(fingerprint).collect();
    ours.intersection(&there).cloned().collect()
}

/// How people name a statement.
pub(super) fn name(statement: &Value) -> String {
    sid(statement).map_or_else(|| format!("without Sid, {}", statement["Principal"]), str::to_owned)
}

fn sid(statement: &Value) -> Option<&str> {
    statement.get("Sid").and_then(Value::as_str)
}

/// Whether a statement of that Sid is composed here.
fn is_composed(sid: &str) -> bool {
    let rest = |prefix: &str| sid.strip_prefix(prefix);
    sid == "EcsTasks"
        || rest("EksPodIdentity").is_some_and(|n| n.chars().all(|c| c.is_ascii_digit()))
        || rest("EksIrsa").is_some_and(|h| h.len() == 8 && h.chars().all(|c| c.is_ascii_hexdigit()))
}

fn fingerprint(statement: &Value) -> String {
    hash::short(&policy_document::canonical_statement(statement))
}
