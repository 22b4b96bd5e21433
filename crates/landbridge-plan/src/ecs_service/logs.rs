//! The managed log group: made, kept at its retention, never shared, deleted only with the object.

use super::LogGroupFacts;
use super::claim::{Found, claim, retag};
use super::desire::WantedLogGroup;
use super::pass::Pass;
use crate::change::{Change, Tagged};
use crate::plan::{Difference, Plan};

/// Name of the step that makes the group; a task that starts before its group is there fails.
pub(super) const STEP: &str = "log-group";
const ADOPT: &str = "adopt-log-group";
const RETENTION: &str = "log-retention";

/// Makes the group, or puts retention and tags right.
pub(super) fn plan(pass: &Pass<'_>, plan: &mut Plan) {
    let Some(wanted) = &pass.desired.log_group else { return };
    let Some(group) = pass.observed.log_group.as_ref().filter(|g| g.name == wanted.name) else {
        return create(pass, plan, wanted);
    };
    let found = Found {
        what: format!("log group {}", wanted.name),
        step: ADOPT,
        api: Tagged::Logs,
        arn: &group.arn,
        tags: &group.tags,
        name_field: "spec.logs.groupName",
    };
    if claim(pass, plan, &found, &differences(group, wanted)) {
        correct(pass, plan, group, wanted);
        retag(pass, plan, &found, &wanted.tags, "log-group-tags", "logs.tags");
    }
}

fn create(pass: &Pass<'_>, plan: &mut Plan, wanted: &WantedLogGroup) {
    let name = wanted.name.clone();
    let change =
        Change::CreateLogGroup { name: name.clone(), kms_key_id: wanted.kms_key_id.clone(), tags: wanted.tags.clone() };
    let missing = Difference::new("logGroup", None, Some(name.as_str().into()));
    pass.correct(plan, STEP, &[], change, vec![missing]);
    if wanted.retention_in_days.is_some() {
        let change = Change::SetRetention { name, days: wanted.retention_in_days };
        plan.step(RETENTION, pass.cause(), &[STEP], change);
    }
}

fn correct(pass: &Pass<'_>, plan: &mut Plan, group: &LogGroupFacts, wanted: &WantedLogGroup) {
    let differences = differences(group, wanted);
    if differences.iter().any(|d| d.path == "logs.kmsKeyId") {
        plan.block(
            landbridge_api::condition::reason::IMMUTABLE_FIELD,
            format!(
                "the KMS key of log group {} cannot be changed by Landbridge: put spec.logs.kmsKeyId back to {}, or set \
                 another spec.logs.groupName",
                wanted.name,
                group.kms_key_id.as_deref().unwrap_or("none"),
            ),
        );
        return;
    }
    if !differences.is_empty() {
        let change = Change::SetRetention { name: wanted.name.clone(), days: wanted.retention_in_days };
        pass.correct(plan, RETENTION, &[ADOPT], change, differences);
    }
}

fn differences(group: &LogGroupFacts, wanted: &WantedLogGroup) -> Vec<Difference> {
    let mut found = Vec::new();
    if group.retention_in_days != wanted.retention_in_days {
        found.push(Difference::new(
            "logs.retentionInDays",
            group.retention_in_days.map(Into::into),
            wanted.retention_in_days.map(Into::into),
        ));
    }
    if group.kms_key_id != wanted.kms_key_id {
        let key = |k: &Option<String>| k.as_deref().map(Into::into);
        found.push(Difference::new("logs.kmsKeyId", key(&group.kms_key_id), key(&wanted.kms_key_id)));
    }
    found
}
