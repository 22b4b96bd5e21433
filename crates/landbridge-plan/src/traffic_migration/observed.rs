//! What AWS says of the rules and target groups that a migration touches.

use std::collections::BTreeMap;

use jiff::Timestamp;
use landbridge_api::v1alpha1::{SideHealth, TargetWeight, WeightedPoint};
use serde::{Deserialize, Serialize};

use super::gates::question::GateAnswer;
use super::{RegistryFacts, ZoneFacts};
use crate::change::Tags;
use crate::ecs_service::ServiceFacts;
use crate::kubernetes::ForeignObject;

/// Everything that one pass over a TrafficMigration looks at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrafficMigrationObserved {
    /// When it was looked at: the clock of the machine, so that timers need no other.
    pub at: Timestamp,
    /// The rules and default actions that are meant, in the order of their ARNs.
    pub points: Vec<PointFacts>,
    /// Rules that the spec or the status names and that are not there.
    pub missing: Vec<String>,
    /// The side that has the traffic at the beginning.
    pub from: SideFacts,
    /// The side that gets it.
    pub to: SideFacts,
    /// What was answered for the gates: metrics, alarms, queries, webhooks.
    pub answers: Vec<GateAnswer>,
    /// The hosted zone of the name that moves; looked up before the migration begins.
    pub zone: Option<ZoneFacts>,
    /// What the account may have, while that is still to be asked.
    pub limits: Option<LimitFacts>,
}

/// A side in AWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SideFacts {
    /// Its target group.
    pub group: Option<TargetGroupFacts>,
    /// Its ECS service, when it is one.
    pub service: Option<ServiceFacts>,
    /// The Cloud Map service in which callers find it, where the migration goes by that.
    pub registry: Option<RegistryFacts>,
    /// Health by its EndpointSlices, where no target group stands for it.
    pub endpoints: Option<SideHealth>,
    /// What App Auto Scaling may do to it, when it does anything.
    pub scaling: Option<ScalingFacts>,
}

/// A scalable target of App Auto Scaling: the number of a service's tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalingFacts {
    /// `service/<cluster>/<service>`.
    pub resource: String,
    /// Fewest tasks that a policy leaves.
    pub min: i32,
    /// Most tasks that a policy makes.
    pub max: i32,
    /// App Auto Scaling could not be asked, and nothing waits for it: the rest says nothing.
    pub unread: bool,
}

/// What a load balancer may have (`DescribeAccountLimits`), and what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LimitFacts {
    /// `target-groups-per-application-load-balancer`.
    pub groups_per_load_balancer: i64,
    /// Target groups that the load balancer has.
    pub groups_in_use: i64,
    /// `targets-per-target-group`.
    pub targets_per_group: i64,
    /// `targets-per-application-load-balancer`.
    pub targets_per_load_balancer: i64,
    /// Targets that the sides' target groups have there.
    pub targets_in_use: i64,
}

/// A listener rule, or the default action of a listener.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PointFacts {
    /// ARN of the rule; of the listener for its default action.
    pub id: String,
    /// ARN of the load balancer.
    pub load_balancer: String,
    /// Whether it is a listener's default action.
    pub is_default: bool,
    /// Weights of its forward action; empty when it forwards to nothing.
    pub weights: Vec<TargetWeight>,
    /// How long a cookie ties a client to one of its target groups, in seconds, when it does.
    pub sticky_seconds: Option<i32>,
    /// Tags; of a record what its TXT companions say, as `external-dns/owner`.
    pub tags: Tags,
    /// What it is when it is a name in a hosted zone.
    pub record: Option<RecordFacts>,
    /// What it is when it is a Cloud Map service in which both sides are registered.
    pub shared: Option<SharedFacts>,
    /// What it is when it is an object in Kubernetes.
    pub object: Option<ObjectFacts>,
}

/// An object in Kubernetes that holds weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectFacts {
    /// The object as it was read.
    pub whole: ForeignObject,
    /// Its parts that hold weights of the migration: `annotation` and `text`, or `rule` and `backendRefs`.
    pub parts: Vec<serde_json::Value>,
}

/// A Cloud Map service in which both sides are registered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SharedFacts {
    /// Its name.
    pub name: String,
    /// IDs of the instances that belong to neither side.
    pub strangers: Vec<String>,
}

/// The record sets of one name and type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordFacts {
    /// ID of the hosted zone.
    pub zone: String,
    /// The name, with its trailing dot.
    pub name: String,
    /// `A`, `AAAA` or `CNAME`.
    pub type_: String,
    /// The record sets with the members that Route 53 gives them, sorted.
    pub sets: Vec<serde_json::Value>,
    /// How far Route 53 has brought our last change of it.
    pub reach: Reach,
    /// Whether another program writes it: then its weights are looked at, and what else it holds is that program's business.
    pub governed: bool,
}

/// How far Route 53 has brought a change of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// It cannot be asked: the change has an ID that only the process knows which made it.
    #[default]
    Unknown,
    /// Not yet to all of its servers (`PENDING`).
    Pending,
    /// To all of its servers (`INSYNC`).
    Everywhere,
}

/// Time to live of an alias to a load balancer, in seconds (Route 53 Developer Guide, «Choosing between alias and non-alias
/// records»).
pub const ALIAS_TTL: i64 = 60;

impl RecordFacts {
    /// Longest time to live of its sets, in seconds.
    pub fn ttl(&self) -> i64 {
        let of = |set: &serde_json::Value| set["TTL"].as_i64().unwrap_or(ALIAS_TTL);
        self.sets.iter().map(of).max().unwrap_or(ALIAS_TTL)
    }

    /// Whether it is one set for everybody.
    pub fn is_simple(&self) -> bool {
        self.sets.len() == 1 && self.sets[0].get("SetIdentifier").is_none()
    }
}

/// A target group with its targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetGroupFacts {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// `ip`, `instance`, `lambda` or `alb`.
    pub target_type: String,
    /// `HTTP` or `HTTPS` for an Application Load Balancer.
    pub protocol: String,
    /// `HTTP1`, `HTTP2` or `GRPC`.
    pub protocol_version: Option<String>,
    /// Port.
    pub port: i32,
    /// VPC.
    pub vpc_id: String,
    /// `ipv4` or `ipv6`.
    pub ip_address_type: Option<String>,
    /// How its targets are checked.
    pub health_check: HealthCheckFacts,
    /// Attributes by key.
    pub attributes: BTreeMap<String, String>,
    /// The load balancers that use it: none or one.
    pub load_balancers: Vec<String>,
    /// Tags.
    pub tags: Tags,
    /// Targets, in order.
    pub targets: Vec<TargetFacts>,
}

/// How a target group checks its targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheckFacts {
    /// `HTTP` or `HTTPS`.
    pub protocol: Option<String>,
    /// Port number or `traffic-port`.
    pub port: Option<String>,
    /// Path.
    pub path: Option<String>,
    /// Seconds between checks.
    pub interval: Option<i32>,
    /// Seconds until a check has failed.
    pub timeout: Option<i32>,
    /// Checks in a row until healthy.
    pub healthy_threshold: Option<i32>,
    /// Checks in a row until unhealthy.
    pub unhealthy_threshold: Option<i32>,
    /// Codes that count as healthy: `200-299`.
    pub http_codes: Option<String>,
    /// gRPC codes that count as healthy.
    pub grpc_codes: Option<String>,
}

/// A target.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetFacts {
    /// Address.
    pub id: String,
    /// Port.
    pub port: i32,
    /// Availability Zone, or `all`.
    pub zone: String,
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining` or `unavailable`.
    pub state: String,
    /// For example `Target.NotInUse`.
    pub reason: Option<String>,
}

impl PointFacts {
    /// Its weights, as they are stored.
    pub fn point(&self) -> WeightedPoint {
        let sets = |r: &RecordFacts| if r.governed { Vec::new() } else { r.sets.clone() };
        let records = self.record.as_ref().map(sets);
        let records = records.or_else(|| self.object.as_ref().map(|o| o.parts.clone())).unwrap_or_default();
        WeightedPoint { id: self.id.clone(), weights: self.weights.clone(), records }
    }

    /// In words.
    pub fn said(&self) -> String {
        match (&self.record, &self.shared) {
            (Some(record), _) => format!("record {} {}", record.name.trim_end_matches('.'), record.type_),
            (None, Some(shared)) => format!("Cloud Map service {}", shared.name),
            (None, None) if self.object.is_some() => self.id.clone(),
            (None, None) => format!("rule {}", self.id),
        }
    }

    /// The share that a target group gets, from 0 to 1.
    pub fn share(&self, target: &str) -> f64 {
        let total: i32 = self.weights.iter().map(|w| w.weight).sum();
        let own: i32 = self.weights.iter().filter(|w| w.target == target).map(|w| w.weight).sum();
        if total == 0 { 0.0 } else { f64::from(own) / f64::from(total) }
    }
}

impl TargetGroupFacts {
    /// How many targets there are, and how many of them are healthy.
    pub fn health(&self) -> SideHealth {
        let staying = self.targets.iter().filter(|t| t.state != "draining");
        let mut health = SideHealth::default();
        for target in staying {
            health.registered += 1;
            let healthy = i32::from(target.state == "healthy");
            health.healthy += healthy;
            // AWS knows no zone of an address outside the VPC's subnets.
            if !target.zone.is_empty() {
                *health.zones.entry(target.zone.clone()).or_default() += healthy;
            }
        }
        health
    }

    /// An attribute in whole seconds, or the default that AWS documents for it.
    pub fn seconds(&self, attribute: &str, default: i64) -> i64 {
        self.attributes.get(attribute).and_then(|v| v.parse().ok()).unwrap_or(default)
    }
}
