//! Services: what they are and how the API shows them. Source: Service in the Amazon ECS API reference.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::deployment::{self, Counts, Deployment, Revision};
use super::event::Events;
use super::member::Members;
use super::rollout::Stage;
use super::service_check::runs_on_fargate;
use super::{Ecs, balancer, names};
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::Cx;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Draining,
    Inactive,
}

#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) cluster: String,
    pub(super) cluster_name: String,
    pub(super) status: Status,
    /// The request's members with AWS's defaults, also those that DescribeServices does not show.
    pub(super) fields: Map<String, Value>,
    pub(super) desired: i64,
    /// Newest, that is PRIMARY, first.
    pub(super) deployments: Vec<Deployment>,
    /// The service deployment under way, or the last one.
    pub(super) record: Option<String>,
    /// Service deployments that a newer one is replacing.
    pub(super) superseded: Vec<String>,
    pub(super) last_good: Option<Arc<Revision>>,
    /// Where a blue/green, linear or canary deployment stands.
    pub(super) stage: Option<Stage>,
    pub(super) events: Events,
    pub(super) news: balancer::News,
    /// Cloud Map services that were made for it by Service Connect.
    pub(super) connected: BTreeSet<String>,
    /// Tasks that are not STOPPED.
    pub(super) tasks: BTreeSet<String>,
    /// Tasks above the desired count that are to replace others in another Availability Zone.
    pub(super) surplus: usize,
    /// Whether it was told that they are unevenly spread.
    pub(super) uneven: bool,
    /// Whether steady state was announced since something last changed.
    pub(super) steady: bool,
    /// Whether the scheduler is already going to look.
    pub(super) step_planned: bool,
    /// When it is going to look again by itself, after a pause.
    pub(super) wake_at: Option<Timestamp>,
    pub(super) created_at: Timestamp,
    pub(super) created_by: String,
    pub(super) client_token: Option<String>,
    /// The request it was created by, to tell a replay from another request. As text, which is a fraction of the tree.
    pub(super) request: String,
}

/// Members that DescribeServices does not show: in `deployments` or in the revision only, or no property at all.
const HIDDEN: [&str; 10] = [
    "cluster",
    "tags",
    "clientToken",
    "role",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
    "monitoring",
    "forceNewDeployment",
];

/// What the circuit breaker of a service is set to (DeploymentCircuitBreaker).
pub(super) struct Breaker {
    pub(super) rollback: bool,
    resets: bool,
    kind: String,
    value: f64,
}

pub(crate) fn not_found() -> Refusal {
    Refusal::new("ServiceNotFoundException", "Service not found.")
}

pub(super) fn not_active() -> Refusal {
    Refusal::new("ServiceNotActiveException", "Service was not ACTIVE.")
}

impl Breaker {
    /// Failures that break the circuit: half the desired count, at least 3 and at most 200, unless configured.
    pub(super) fn threshold(&self, desired: i64) -> u32 {
        let share = (self.value / 100.0 * desired.max(0) as f64).ceil() as u32;
        match self.kind.as_str() {
            "COUNT" => (self.value as u32).max(1),
            "UNBOUNDED_PERCENT" => share.max(1),
            _ => share.clamp(3, 200),
        }
    }

    /// Whether a healthy task starts the count again.
    pub(super) fn resets(&self) -> bool {
        self.resets
    }
}

impl Service {
    pub(super) fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    pub(super) fn is_inactive(&self) -> bool {
        self.status == Status::Inactive
    }

    pub(super) fn controller(&self) -> &str {
        self.fields.object("deploymentController").and_then(|it| it.text("type")).unwrap_or("ECS")
    }

    pub(super) fn strategy(&self) -> &str {
        self.deployment_configuration().and_then(|it| it.text("strategy")).unwrap_or("ROLLING")
    }

    pub(super) fn deployment_configuration(&self) -> Option<&Map<String, Value>> {
        self.fields.object("deploymentConfiguration")
    }

    pub(super) fn circuit_breaker(&self) -> Option<Breaker> {
        let breaker = self.deployment_configuration()?.object("deploymentCircuitBreaker")?;
        if breaker.flag("enable") != Some(true) {
            return None;
        }
        let threshold = breaker.object("thresholdConfiguration");
        Some(Breaker {
            rollback: breaker.flag("rollback").unwrap_or(false),
            resets: breaker.flag("resetOnHealthyTask").unwrap_or(true),
            kind: threshold.and_then(|it| it.text("type")).unwrap_or("BOUNDED_PERCENT").to_owned(),
            value: threshold.and_then(|it| it.member("value")).and_then(Value::as_f64).unwrap_or(50.0),
        })
    }

    /// Tasks of each deployment, by its id.
    pub(super) fn counts(&self, ecs: &Ecs) -> BTreeMap<&str, Counts> {
        let mut counts: BTreeMap<&str, Counts> =
            self.deployments.iter().map(|it| (&*it.id, Counts::default())).collect();
        for task in self.tasks.iter().filter_map(|arn| ecs.tasks.get(arn)) {
            if let Some(counts) = task.deployment.as_deref().and_then(|id| counts.get_mut(id)) {
                task.count_into(counts);
            }
        }
        counts
    }

    pub(super) fn definitions_in_use(&self) -> impl Iterator<Item = &str> {
        self.deployments.iter().map(|deployment| &*deployment.revision.definition.arn)
    }

    pub(super) fn show(&self, ecs: &Ecs, with_tags: bool) -> Value {
        let counts = self.counts(ecs);
        let sum = |count: fn(&Counts) -> usize| counts.values().map(count).sum::<usize>();
        let mut shown = self.fields.clone();
        shown.retain(|name, _| !HIDDEN.contains(&name.as_str()));
        let (deployments, sets) = self.show_deployments(&counts);
        for (name, value) in [
            ("serviceArn", json!(self.arn)),
            ("serviceName", json!(self.name)),
            ("clusterArn", json!(self.cluster)),
            ("status", json!(self.status_text())),
            ("desiredCount", json!(self.desired)),
            ("runningCount", json!(sum(|counts| counts.running))),
            ("pendingCount", json!(sum(|counts| counts.pending))),
            ("deployments", deployments),
            ("events", self.events.show()),
            ("createdAt", epoch(self.created_at)),
            ("createdBy", json!(self.created_by)),
            ("resourceManagementType", json!("CUSTOMER")),
        ] {
            shown.insert(name.to_owned(), value);
        }
        if let Some(sets) = sets {
            shown.insert("taskSets".to_owned(), sets);
        }
        self.show_current(&counts, &mut shown);
        if with_tags {
            shown.insert("tags".to_owned(), ecs.tags.show(&self.arn));
        }
        shown.into()
    }

    /// Members that only some services have.
    fn show_current(&self, counts: &BTreeMap<&str, Counts>, shown: &mut Map<String, Value>) {
        if runs_on_fargate(&self.fields)
            && let Some(primary) = self.primary_set().or(self.deployments.first())
        {
            let family = deployment::platform_family(&primary.revision.definition);
            shown.insert("platformFamily".to_owned(), json!(family));
        }
        if !self.fields.list("loadBalancers").is_empty() || !self.fields.list("serviceRegistries").is_empty() {
            let account = names::account_of(&self.arn);
            let role = format!("arn:aws:iam::{account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS");
            shown.insert("roleArn".to_owned(), json!(role));
        }
        if self.status == Status::Inactive || self.has_task_sets() {
            return;
        }
        if let Some(record) = &self.record {
            shown.insert("currentServiceDeployment".to_owned(), json!(record));
        }
        let revisions = self.deployments.iter().enumerate().map(|(position, deployment)| {
            let counts = counts.get(&*deployment.id).copied().unwrap_or_default();
            json!({
                "arn": deployment.revision.arn,
                "requestedTaskCount": if position == 0 { self.desired } else { counts.alive as i64 },
                "runningTaskCount": counts.running,
                "pendingTaskCount": counts.pending,
            })
        });
        shown.insert("currentServiceRevisions".to_owned(), revisions.collect());
    }

    fn status_text(&self) -> &'static str {
        match self.status {
            Status::Active => "ACTIVE",
            Status::Draining => "DRAINING",
            Status::Inactive => "INACTIVE",
        }
    }
}

impl Ecs {
    /// ARN of the service a request means, by name in its cluster or by ARN.
    pub(super) fn service_arn(&self, cx: &Cx, input: &Value, name: &str) -> Result<String, Refusal> {
        let cluster = self.cluster(cx, input)?;
        let path = format!("{}/{}", cluster.name, names::last_part(name));
        Ok(format!("{}service/{path}", names::scope_of(&cluster.arn)))
    }
}
