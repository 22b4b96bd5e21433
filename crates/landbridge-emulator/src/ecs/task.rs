//! Tasks: what they are and how the API shows them. Source: Task, Container and "Amazon ECS task lifecycle".

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Ecs;
use super::balancer::Target;
use super::deployment::{Counts, digest, platform_family};
use super::member::Members;
use super::names;
use super::task_definition::TaskDefinition;
use crate::wire::json::epoch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LastStatus {
    Provisioning,
    Pending,
    Running,
    /// Leaving the target groups: connections drain.
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Unknown,
    Healthy,
    Unhealthy,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(super) arn: String,
    pub(super) cluster: String,
    /// ARN of the service that started it.
    pub(super) service: Option<String>,
    /// Id of the deployment it belongs to.
    pub(super) deployment: Option<String>,
    pub(super) group: String,
    pub(super) started_by: Option<String>,
    pub(super) definition: Arc<TaskDefinition>,
    pub(super) last: LastStatus,
    /// False once it was asked to stop, or stops by itself.
    pub(super) wanted: bool,
    pub(super) health: Health,
    /// Passed its health check, or was RUNNING long enough, or is behind a load balancer that looks after it.
    pub(super) checked: bool,
    /// Counts as healthy for the scheduler, or did: checked, and all its targets were healthy.
    pub(super) settled: bool,
    pub(super) containers: Vec<ContainerState>,
    pub(super) network: Option<Interface>,
    /// Its subnet had no address for it.
    pub(super) starved: Option<Starved>,
    /// Launch type or capacity provider, platform version, flags: shown as they are.
    pub(super) fields: Map<String, Value>,
    /// Cloud Map services it is registered in.
    pub(super) registries: Vec<String>,
    /// Where load balancers reach it.
    pub(super) targets: Vec<Target>,
    pub(super) created_at: Timestamp,
    pub(super) pull_started_at: Option<Timestamp>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) stopping_at: Option<Timestamp>,
    pub(super) stopped_at: Option<Timestamp>,
    pub(super) stop_code: Option<String>,
    pub(super) stopped_reason: Option<String>,
    /// Until when scaling in and deployments do not stop it.
    pub(super) protected_until: Option<Timestamp>,
    /// Grows with each change of state.
    pub(super) version: u64,
}

#[derive(Debug, Clone)]
pub(super) struct ContainerState {
    pub(super) arn: String,
    pub(super) runtime_id: String,
    pub(super) exit_code: Option<i32>,
    pub(super) reason: Option<String>,
}

/// The network interface of an awsvpc task.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    pub(super) attachment: String,
    pub(super) id: String,
    pub(super) mac: String,
    pub(super) subnet: String,
    pub(super) groups: Vec<String>,
    pub(super) address: Ipv4Addr,
}

/// The network interface that a task could not get.
#[derive(Debug, Clone)]
pub(super) struct Starved {
    pub(super) attachment: String,
    pub(super) subnet: String,
    /// Whether it was to have a public address too.
    pub(super) public: bool,
}

impl LastStatus {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }

    fn is_pending(self) -> bool {
        self < Self::Running
    }
}

impl Health {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

impl Task {
    pub(super) fn id(&self) -> &str {
        names::last_part(&self.arn)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.last == LastStatus::Stopped
    }

    /// Neither stopped nor on its way there.
    pub(super) fn is_alive(&self) -> bool {
        self.wanted && !self.is_stopped()
    }

    pub(super) fn is_healthy(&self) -> bool {
        let reachable = self.targets.iter().all(|target| target.healthy == Some(true));
        self.settled && self.last == LastStatus::Running && self.health != Health::Unhealthy && reachable
    }

    pub(super) fn is_running(&self) -> bool {
        self.last == LastStatus::Running
    }

    pub(super) fn is_pending(&self) -> bool {
        self.last.is_pending() && self.wanted
    }

    pub(super) fn count_into(&self, counts: &mut Counts) {
        counts.alive += usize::from(self.is_alive());
        counts.healthy += usize::from(self.is_alive() && self.is_healthy());
        counts.running += usize::from(self.is_running());
        counts.pending += usize::from(self.is_pending());
        counts.stopping += usize::from(!self.wanted && !self.is_stopped());
    }

    pub(super) fn desired_status(&self) -> &'static str {
        if self.wanted { "RUNNING" } else { "STOPPED" }
    }

    pub(super) fn show(&self, ecs: &Ecs, with_tags: bool) -> Value {
        let definition = &self.definition;
        let mut shown = self.fields.clone();
        let has_check = definition.containers().iter().any(|container| container.member("healthCheck").is_some());
        for (name, value) in [
            ("taskArn", json!(self.arn)),
            ("clusterArn", json!(self.cluster)),
            ("taskDefinitionArn", json!(definition.arn)),
            ("lastStatus", json!(self.last.as_str())),
            ("desiredStatus", json!(self.desired_status())),
            ("healthStatus", json!(if has_check { self.health.as_str() } else { "UNKNOWN" })),
            ("group", json!(self.group)),
            ("version", json!(self.version)),
            ("createdAt", epoch(self.created_at)),
            ("containers", self.show_containers()),
            ("attachments", self.show_attachments()),
            ("connectivity", json!(if self.is_running() { "CONNECTED" } else { "DISCONNECTED" })),
            ("tags", if with_tags { ecs.tags.show(&self.arn) } else { json!([]) }),
            ("attributes", json!([{ "name": "ecs.cpu-architecture", "value": "x86_64" }])),
        ] {
            shown.insert(name.to_owned(), value);
        }
        shown
            .entry("overrides")
            .or_insert_with(|| json!({ "containerOverrides": [], "inferenceAcceleratorOverrides": [] }));
        if shown.get("launchType") == Some(&json!("FARGATE")) {
            shown.entry("ephemeralStorage").or_insert_with(|| json!({ "sizeInGiB": 20 }));
        }
        for name in ["cpu", "memory"] {
            if let Some(size) = definition.fields.member(name) {
                shown.entry(name).or_insert(size.clone());
            }
        }
        if shown.contains_key("platformVersion") {
            shown.insert("platformFamily".to_owned(), json!(platform_family(definition)));
        }
        let texts =
            [("startedBy", &self.started_by), ("stopCode", &self.stop_code), ("stoppedReason", &self.stopped_reason)];
        for (name, text) in texts {
            if let Some(text) = text {
                shown.insert(name.to_owned(), json!(text));
            }
        }
        self.show_times(&mut shown);
        shown.into()
    }

    fn show_attachments(&self) -> Value {
        let stopped = self.is_stopped();
        let held = self.network.iter().map(|interface| interface.show(stopped));
        held.chain(self.starved.iter().map(|starved| starved.show(stopped))).collect()
    }

    fn show_times(&self, shown: &mut Map<String, Value>) {
        let pulled = self.started_at.filter(|_| self.pull_started_at.is_some());
        for (name, at) in [
            ("pullStartedAt", self.pull_started_at),
            ("pullStoppedAt", pulled),
            ("startedAt", self.started_at),
            ("connectivityAt", self.started_at),
            ("stoppingAt", self.stopping_at),
            ("executionStoppedAt", self.stopped_at.filter(|_| self.started_at.is_some())),
            ("stoppedAt", self.stopped_at),
        ] {
            if let Some(at) = at {
                shown.insert(name.to_owned(), epoch(at));
            }
        }
    }

    fn show_containers(&self) -> Value {
        let declared = self.definition.containers().iter().zip(&self.containers);
        let shown = declared.map(|(declared, state)| {
            let image = declared.text("image").unwrap_or_default();
            let status = match self.last {
                _ if state.exit_code.is_some() || self.is_stopped() => "STOPPED",
                LastStatus::Running | LastStatus::Deactivating | LastStatus::Stopping => "RUNNING",
                _ => "PENDING",
            };
            let checked = declared.member("healthCheck").is_some();
            let mut shown = json!({
                "containerArn": state.arn,
                "taskArn": self.arn,
                "name": declared["name"],
                "image": image,
                "lastStatus": status,
                "healthStatus": if checked { self.health.as_str() } else { "UNKNOWN" },
                "networkBindings": [],
                "networkInterfaces": self.network.iter().map(Interface::show_in_container).collect::<Vec<_>>(),
                "cpu": declared.number("cpu").unwrap_or(0).to_string(),
            });
            if self.started_at.is_some() {
                shown["runtimeId"] = json!(state.runtime_id);
                shown["imageDigest"] = json!(digest(image));
            }
            if self.fields.flag("enableExecuteCommand") == Some(true) {
                let mut agent = json!({ "name": "ExecuteCommandAgent", "lastStatus": status });
                if let Some(at) = self.started_at {
                    agent["lastStartedAt"] = epoch(at);
                }
                shown["managedAgents"] = json!([agent]);
            }
            if let Some(memory) = declared.number("memory") {
                shown["memory"] = json!(memory.to_string());
            }
            if let Some(code) = state.exit_code {
                shown["exitCode"] = json!(code);
            }
            if let Some(reason) = &state.reason {
                shown["reason"] = json!(reason);
            }
            shown
        });
        shown.collect()
    }
}

impl Starved {
    fn show(&self, stopped: bool) -> Value {
        json!({
            "id": self.attachment,
            "type": "ElasticNetworkInterface",
            "status": if stopped { "DELETED" } else { "PRECREATED" },
            "details": [{ "name": "subnetId", "value": self.subnet }],
        })
    }
}

impl Interface {
    fn show(&self, stopped: bool) -> Value {
        let details = [
            ("subnetId", self.subnet.clone()),
            ("networkInterfaceId", self.id.clone()),
            ("macAddress", self.mac.clone()),
            ("privateDnsName", format!("ip-{}.ec2.internal", self.address.to_string().replace('.', "-"))),
            ("privateIPv4Address", self.address.to_string()),
        ];
        let details: Vec<Value> = details.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        json!({
            "id": self.attachment,
            "type": "ElasticNetworkInterface",
            "status": if stopped { "DELETED" } else { "ATTACHED" },
            "details": details,
        })
    }

    fn show_in_container(&self) -> Value {
        json!({ "attachmentId": self.attachment, "privateIpv4Address": self.address.to_string() })
    }
}
