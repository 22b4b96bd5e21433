//! Where a `TrafficMigration` stands: its phase, the way back, what is about to be written.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GateReading;
use crate::common::CommonStatus;

/// Where a migration stands.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficMigrationStatus {
    /// Conditions and what they speak of.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<MigrationPhase>,
    /// Since when, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_since: Option<String>,
    /// The step that is under way, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<i32>,
    /// Since when the weights of the step have been written, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_since: Option<String>,
    /// Since when Route 53 has had the weights of the step on all of its servers, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagated_since: Option<String>,
    /// `2/4`, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// The shares that AWS shows, `from` first: `90/10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    /// When the migration goes on by itself, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action_at: Option<String>,
    /// What is about to be written, stored before it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<MigrationIntent>,
    /// What the rules were before the migration began: the way back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<WeightedPoint>,
    /// What the migration wrote last, per rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<WeightedPoint>,
    /// The target groups of the sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_groups: Option<SideTargetGroups>,
    /// The program that writes the weights into AWS, when it is not Landbridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<MigrationManager>,
    /// Health of `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<SideHealth>,
    /// Health of `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<SideHealth>,
    /// Healthy targets that `from` had when the migration began; it keeps as many until it is let go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i32>,
    /// The floor of App Auto Scaling that was raised under `from`; it is put back at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<PinnedScaling>,
    /// What the sides were when the migration took them up. What somebody else changes of it stops the migration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recorded: Vec<RecordedPart>,
    /// Since when `to` has been healthy without a break, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy_since: Option<String>,
    /// The gates as they were read last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateReading>,
    /// Readings in a row in which a gate failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<i32>,
    /// When the gates were read last, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates_read_at: Option<String>,
    /// Why the migration went back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort_reason: Option<String>,
    /// Who changed what between two of our writes; nothing is written until it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<MigrationConflict>,
    /// How many pods the CloudMapExport registers, for the backend `cloudMap` in the mode `InstanceRatio`. None: all that are
    /// ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_pods: Option<i32>,
    /// The value of the annotation `landbridge.dev/migrate` that was carried out last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_command: Option<String>,
    /// Whether `landbridge migrate pause` holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// A raised minimum of App Auto Scaling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinnedScaling {
    /// `service/<cluster>/<service>`.
    pub resource: String,
    /// The minimum that it had, in tasks.
    pub before: i32,
    /// The minimum that it has for the migration, in tasks.
    pub pinned: i32,
}

/// A part of a side as it was taken up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedPart {
    /// For example `target group orders-ecs`.
    pub name: String,
    /// Its members that matter to the migration.
    pub values: std::collections::BTreeMap<String, String>,
}

/// How far a migration is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MigrationPhase {
    /// What is there is looked at; nothing is written.
    #[default]
    Preflight,
    /// The new side is attached, with weight 0.
    Preparing,
    /// The new side must be healthy before it gets a request.
    Verifying,
    /// The weights of a step are written.
    Applying,
    /// The weights are given time to reach all of the load balancer.
    Propagating,
    /// The step is watched.
    Baking,
    /// The gates decide over the step.
    Gating,
    /// The new side has everything; the old one stays at full size.
    Soaking,
    /// The old side leaves the rules.
    Finalising,
    /// What is under way on the old side ends.
    Draining,
    /// The new side has everything.
    Completed,
    /// Weights go back to what they were.
    RollingBack,
    /// Weights are what they were.
    RolledBack,
    /// Somebody else changed a rule; nothing is written.
    Conflicted,
}

/// A write that is about to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationIntent {
    /// What each rule was.
    pub before: Vec<WeightedPoint>,
    /// What each rule is to be.
    pub after: Vec<WeightedPoint>,
    /// When it was decided, RFC 3339.
    pub decided_at: String,
}

/// A program that governs the rules of a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationManager {
    /// Its name, for people.
    pub name: String,
    /// How it is told: `LBCIngress` or `LBCGateway`.
    pub kind: String,
    /// What its rules belong to, by their tags: `namespace/name` of an Ingress or Gateway, or the name of an IngressGroup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}

/// A place where weights are written, and the weights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeightedPoint {
    /// ARN of the listener rule, or of the listener for its default action; for a record zone, name and type; ARN of a Cloud
    /// Map service; for a Kubernetes object its kind, namespace and name.
    pub id: String,
    /// Weights by target group ARN, or by set identifier, in the order of the rule.
    pub weights: Vec<TargetWeight>,
    /// The record sets themselves, as Route 53 names their members; of a Kubernetes object the parts that hold the weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "any_list")]
    pub records: Vec<serde_json::Value>,
}

fn any_list(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
    })
}

/// The weight of a target group in a rule, of a record, or the number of instances of a side in a Cloud Map service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetWeight {
    /// ARN of the target group, set identifier of the record, or name of the side.
    pub target: String,
    /// Its weight: 0 to 999 for a target group, 0 to 255 for a record.
    pub weight: i32,
}

/// The target groups of the sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SideTargetGroups {
    /// ARN of that of `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// ARN of that of `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Targets of a side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SideHealth {
    /// Targets that are registered and not on their way out.
    pub registered: i32,
    /// Those of them that are healthy.
    pub healthy: i32,
    /// Healthy targets by Availability Zone.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub zones: std::collections::BTreeMap<String, i32>,
}

/// What somebody else changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationConflict {
    /// In words: what was found, what was expected, and who probably did it.
    pub message: String,
    /// The phase in which it was found; the migration goes on there.
    pub phase: MigrationPhase,
    /// What was found.
    pub found: Vec<WeightedPoint>,
}
