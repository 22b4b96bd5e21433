//! A small model of what AWS does with the changes of a plan, enough to plan again from what is then there.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use landbridge_api::v1alpha1::{EcsService, NamespaceType, ServiceDefaults};
use serde_json::{Map, Value, json};

use super::super::*;
use crate::change::{Body, Change, Tags};
use crate::plan::Plan;
use crate::policy;
use crate::token::{self, Outputs};
use crate::verdict::{self, Verdict};

/// The services, revisions, Cloud Map services and log groups of an account.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) services: BTreeMap<String, ServiceFacts>,
    pub(super) revisions: BTreeMap<String, RevisionFacts>,
    pub(super) discoveries: BTreeMap<String, DiscoveryFacts>,
    pub(super) log_groups: BTreeMap<String, LogGroupFacts>,
    pub(super) service_deployments: BTreeMap<String, ServiceDeploymentFacts>,
    pub(super) writes: Vec<Change>,
    count: u32,
}

pub(super) const ACCOUNT: &str = "111122223333";

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

pub(super) fn account() -> AccountTarget {
    AccountTarget {
        account_id: ACCOUNT.into(),
        region: "eu-central-1".into(),
        partition: "aws".into(),
        installation: "test".into(),
        ..AccountTarget::default()
    }
}

/// The ten-line service of the design.
pub(super) fn web() -> EcsService {
    let object = json!({
        "apiVersion": "landbridge.dev/v1alpha1",
        "kind": "ECSService",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u-1", "generation": 1},
        "spec": {
            "clusterRef": {"name": "prod"},
            "desiredCount": 2,
            "taskDefinition": {
                "cpu": "256",
                "memory": "512",
                "containerDefinitions": [{
                    "name": "web", "image": "nginx:1.29", "portMappings": [{"containerPort": 80, "name": "http"}],
                    "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
                }]
            }
        }
    });
    serde_json::from_value(object).unwrap()
}

pub(super) fn default_defaults() -> ServiceDefaults {
    serde_json::from_value(json!({
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"], "securityGroups": ["sg-1"]}},
        "executionRoleArn": "arn:aws:iam::111122223333:role/ecs"
    }))
    .unwrap()
}

/// References of `object`, as if every object it names were ready.
pub(super) fn resolved_for(object: &EcsService, defaults: ServiceDefaults) -> EcsServiceResolved {
    let service = object.spec.service_name.clone().unwrap_or_else(|| object.object_name().to_owned());
    let role = |r: &landbridge_api::common::LocalRef| format!("arn:aws:iam::{ACCOUNT}:role/landbridge/{}", r.name);
    let discovery = object.spec.service_discovery.as_ref().map(|d| DiscoveryTarget {
        namespace_id: format!("ns-{}", d.namespace_ref.name),
        namespace_type: if d.namespace_ref.name == "http" { NamespaceType::Http } else { NamespaceType::DnsPrivate },
        name: d.name.clone().unwrap_or_else(|| service.clone()),
    });
    EcsServiceResolved {
        account: Arc::new(account()),
        cluster: object.spec.cluster_ref.name.clone(),
        service,
        defaults,
        task_role_arn: object.spec.task_role_ref.as_ref().map(role),
        execution_role_arn: object.spec.execution_role_ref.as_ref().map(role),
        discovery,
        nothing_in_aws: false,
    }
}

pub(super) fn resolved(object: &EcsService) -> EcsServiceResolved {
    resolved_for(object, default_defaults())
}

/// JSON merge patch (RFC 7386).
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let object = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            object.remove(name);
        } else {
            merge(object.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// The object with its spec patched.
pub(super) fn patched(object: &EcsService, patch: &Value) -> EcsService {
    let mut value = serde_json::to_value(object).unwrap();
    merge(&mut value["spec"], patch);
    let mut object: EcsService = serde_json::from_value(value).unwrap();
    object.metadata.generation = object.metadata.generation.map(|g| g + 1);
    object
}

impl World {
    /// What a pass sees of it.
    pub(super) fn observe(&self, object: &EcsService, resolved: &EcsServiceResolved) -> EcsServiceObserved {
        let desired = Desired::of(object, resolved);
        let live = |arn: &str| self.services.get(arn).filter(|s| s.status != "INACTIVE").cloned();
        let mut observed = EcsServiceObserved {
            service: live(&desired.arn),
            replaced: lookups::replaced(object, resolved).and_then(|arn| live(&arn)),
            log_group: lookups::log_group(object, resolved).and_then(|name| self.log_groups.get(&name).cloned()),
            ..EcsServiceObserved::default()
        };
        observed.task_definition = self.revision_for(&desired, observed.service.as_ref());
        let wanted = |d: &&DiscoveryFacts| desired.discovery.as_ref().is_some_and(|w| w.is(d));
        observed.discovery = self.discoveries.values().find(wanted).cloned();
        let left = lookups::left_discovery(object).and_then(|id| self.discoveries.get(&id).cloned());
        observed.left_discovery = left.filter(|d| !wanted(&d));
        observed.retired =
            lookups::retired(object, &observed).iter().filter_map(|arn| self.revisions.get(arn).cloned()).collect();
        observed.deployment = lookups::deployment(object, resolved, &observed)
            .and_then(|arn| self.service_deployments.get(&arn).cloned());
        observed
    }

    fn revision_for(&self, desired: &Desired, service: Option<&ServiceFacts>) -> Option<RevisionFacts> {
        let mut holding = self.revisions.values().filter(|r| r.status == "ACTIVE" && desired.revision.is_held_by(r));
        holding.next_back().or_else(|| self.revisions.get(&service?.task_definition)).cloned()
    }

    /// One pass as the operator makes it: plan, store the intent, execute, store the status. Gives the executed plan.
    pub(super) fn pass(&mut self, resolved: &EcsServiceResolved, object: &mut EcsService) -> Plan {
        let observed = self.observe(object, resolved);
        let plan = policy::filter(object.plan(resolved, &observed, now()), &object.spec.knobs);
        if let Some(status) = object.intent(resolved, &observed, &plan) {
            object.status = Some(status);
        }
        self.execute(&plan);
        let observed = self.observe(object, resolved);
        let executed = plan.steps.len();
        let verdict = Verdict::Done { resolved, observed: &observed, plan: &plan, failure: None, executed };
        object.status = Some(verdict::status::<EcsService>(object, &verdict, now()));
        plan
    }

    /// Passes, with deployments succeeding in between, until a pass does nothing.
    pub(super) fn converge(&mut self, resolved: &EcsServiceResolved, object: &mut EcsService) {
        for _ in 0..30 {
            let plan = self.pass(resolved, object);
            assert!(plan.blocked.is_empty(), "{:?}", plan.blocked);
            if plan.is_empty() && self.services.values().all(|s| !is_rolling(s)) {
                return;
            }
            self.settle();
        }
        panic!("no end after 30 passes: {:?}", self.pass(resolved, object));
    }

    pub(super) fn execute(&mut self, plan: &Plan) {
        let mut outputs = Outputs::new();
        let mut done: Vec<&str> = Vec::new();
        for step in &plan.steps {
            assert!(step.after.iter().all(|a| done.contains(&a.as_str())), "{} runs before {:?}", step.id, step.after);
            let change = serde_json::to_value(&step.change).unwrap();
            let change = token::resolve_value(&change, &outputs).expect("every token is known when its step runs");
            let change: Change = serde_json::from_value(change).unwrap();
            for (name, value) in self.apply(&change) {
                outputs.insert((step.id.clone(), name.to_owned()), value);
            }
            self.writes.push(change);
            done.push(&step.id);
        }
    }

    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    fn apply(&mut self, change: &Change) -> Vec<(&'static str, String)> {
        match change {
            Change::RegisterTaskDefinition { family, body, .. } => vec![("arn", self.register(family, body))],
            Change::DeregisterTaskDefinition { arn } => {
                self.revisions.get_mut(arn).unwrap().status = "INACTIVE".into();
                vec![]
            }
            Change::CreateService { cluster, name, body } => vec![("arn", self.create_service(cluster, name, body))],
            Change::UpdateService { cluster, name, body } => {
                self.update_service(&account().ecs_arn(&format!("service/{cluster}/{name}")), body);
                vec![]
            }
            Change::DeleteService { cluster, name } => {
                let arn = account().ecs_arn(&format!("service/{cluster}/{name}"));
                self.services.get_mut(&arn).unwrap().status = "DRAINING".into();
                vec![]
            }
            Change::CreateDiscoveryService { name, body } => self.create_discovery(name, body),
            Change::UpdateDiscoveryService { id, body, .. } => {
                let facts = self.discoveries.get_mut(id).unwrap();
                facts.description = body["Description"].as_str().unwrap().to_owned();
                if let Some(config) = &mut facts.dns_config {
                    config["DnsRecords"] = body["DnsConfig"]["DnsRecords"].clone();
                }
                vec![]
            }
            Change::DeregisterInstance { service_id, instance_id } => {
                self.discoveries.get_mut(service_id).unwrap().instances.retain(|i| i != instance_id);
                vec![]
            }
            Change::DeleteDiscoveryService { id, .. } => {
                assert!(self.discoveries[id].instances.is_empty(), "ResourceInUse");
                self.discoveries.remove(id);
                vec![]
            }
            Change::CreateLogGroup { name, kms_key_id, tags } => {
                let arn = format!("arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:{name}");
                let facts = LogGroupFacts {
                    name: name.clone(),
                    arn,
                    retention_in_days: None,
                    kms_key_id: kms_key_id.clone(),
                    tags: tags.clone(),
                };
                assert!(self.log_groups.insert(name.clone(), facts).is_none(), "ResourceAlreadyExists");
                vec![]
            }
            Change::SetRetention { name, days } => {
                self.log_groups.get_mut(name).unwrap().retention_in_days = *days;
                vec![]
            }
            Change::DeleteLogGroup { name } => {
                self.log_groups.remove(name).unwrap();
                vec![]
            }
            Change::Tag { arn, set, remove, .. } => {
                let tags = self.tags_of(arn);
                tags.extend(set.clone());
                tags.retain(|key, _| !remove.contains(key));
                vec![]
            }
            other => panic!("the model does not know {other:?}"),
        }
    }

    /// Tags of whatever has the ARN.
    pub(super) fn tags_of(&mut self, arn: &str) -> &mut Tags {
        let services = self.services.values_mut().map(|s| (&s.arn, &mut s.tags));
        let revisions = self.revisions.values_mut().map(|r| (&r.arn, &mut r.tags));
        let discoveries = self.discoveries.values_mut().map(|d| (&d.arn, &mut d.tags));
        let groups = self.log_groups.values_mut().map(|g| (&g.arn, &mut g.tags));
        services.chain(revisions).chain(discoveries).chain(groups).find(|(a, _)| *a == arn).unwrap().1
    }

    fn register(&mut self, family: &str, body: &Body) -> String {
        let revision = self.revisions.keys().filter(|a| a.contains(&format!("/{family}:"))).count() + 1;
        let arn = account().ecs_arn(&format!("task-definition/{family}:{revision}"));
        let tags = tags_in(body);
        let facts = RevisionFacts {
            arn: arn.clone(),
            status: "ACTIVE".into(),
            content: tags.get("landbridge.dev/content").cloned(),
            definition: Some(described_task(body)),
            tags,
        };
        self.revisions.insert(arn.clone(), facts);
        arn
    }

    fn create_service(&mut self, cluster: &str, name: &str, body: &Body) -> String {
        let arn = account().ecs_arn(&format!("service/{cluster}/{name}"));
        let there = self.services.get(&arn).is_some_and(|s| s.status != "INACTIVE");
        assert!(!there, "Creation of service was not idempotent.");
        assert!(body["clientToken"].as_str().unwrap().len() <= 36);
        let fields = described_service(body, &Body::new());
        let facts = ServiceFacts {
            arn: arn.clone(),
            status: "ACTIVE".into(),
            desired_count: body.get("desiredCount").and_then(Value::as_i64).unwrap_or(0) as i32,
            task_definition: text(body, "taskDefinition"),
            fields,
            tags: tags_in(body),
            created_at: Some(now()),
            ..ServiceFacts::default()
        };
        self.services.insert(arn.clone(), facts);
        self.deploy(&arn);
        arn
    }

    fn update_service(&mut self, arn: &str, body: &Body) {
        let service = self.services.get_mut(arn).unwrap();
        assert_eq!(service.status, "ACTIVE", "ServiceNotActiveException");
        let before = (service.task_definition.clone(), service.fields.clone());
        service.fields = described_service(body, &service.fields);
        if let Some(count) = body.get("desiredCount").and_then(Value::as_i64) {
            service.desired_count = count as i32;
        }
        if body.contains_key("taskDefinition") {
            service.task_definition = text(body, "taskDefinition");
        }
        let in_place = |name: &str| {
            ["deploymentConfiguration", "healthCheckGracePeriodSeconds", "availabilityZoneRebalancing"].contains(&name)
                || ["placementConstraints", "placementStrategy", "deploymentController"].contains(&name)
        };
        let changed = before.0 != service.task_definition
            || before.1.iter().any(|(name, value)| !in_place(name) && service.fields.get(name) != Some(value));
        if changed || body.get("forceNewDeployment") == Some(&json!(true)) {
            self.deploy(arn);
        }
    }

    /// Starts a deployment of what the service now asks for.
    pub(super) fn deploy(&mut self, arn: &str) {
        let number = self.next();
        let deployment = format!("{}/{number}", arn.replace(":service/", ":service-deployment/"));
        let service = self.services.get_mut(arn).unwrap();
        for old in &mut service.deployments {
            old.status = "ACTIVE".into();
        }
        service.deployments.insert(
            0,
            DeploymentFacts {
                id: format!("ecs-svc/{number}"),
                status: "PRIMARY".into(),
                task_definition: service.task_definition.clone(),
                rollout_state: Some("IN_PROGRESS".into()),
                desired_count: service.desired_count,
                ..DeploymentFacts::default()
            },
        );
        service.current_service_deployment = Some(deployment.clone());
        let facts =
            ServiceDeploymentFacts { arn: deployment.clone(), status: "IN_PROGRESS".into(), ..Default::default() };
        self.service_deployments.insert(deployment, facts);
    }

    /// Deployments succeed, draining services become inactive, and ECS takes its instances out of Cloud Map.
    pub(super) fn settle(&mut self) {
        for service in self.services.values_mut() {
            if service.status == "DRAINING" {
                service.status = "INACTIVE".into();
            }
            service.deployments.truncate(1);
            service.running_count = service.desired_count;
            for deployment in &mut service.deployments {
                deployment.rollout_state = Some("COMPLETED".into());
                deployment.running_count = service.desired_count;
            }
            if let Some(current) = &service.current_service_deployment {
                self.service_deployments.get_mut(current).unwrap().status = "SUCCESSFUL".into();
            }
        }
    }

    /// The circuit breaks: ECS goes back to `to` and leaves the failed deployment behind.
    pub(super) fn roll_back(&mut self, arn: &str, to: &str) {
        let service = self.services.get_mut(arn).unwrap();
        let current = service.current_service_deployment.clone().unwrap();
        self.service_deployments.get_mut(&current).unwrap().status = "ROLLBACK_SUCCESSFUL".into();
        service.deployments[0].rollout_state = Some("FAILED".into());
        service.deployments[0].rollout_state_reason =
            Some("ECS deployment circuit breaker: tasks failed to start.".into());
        service.task_definition = to.to_owned();
        self.deploy(arn);
        let service = self.services.get_mut(arn).unwrap();
        service.current_service_deployment = Some(current);
        service.deployments[0].rollout_state_reason =
            Some("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.".into());
    }

    fn create_discovery(&mut self, name: &str, body: &Body) -> Vec<(&'static str, String)> {
        let id = format!("srv-{}", self.next());
        let arn = format!("arn:aws:servicediscovery:eu-central-1:{ACCOUNT}:service/{id}");
        let namespace_id = text(body, "NamespaceId");
        let http = namespace_id == "ns-http";
        assert_eq!(http, body.get("DnsConfig").is_none(), "DnsConfig does not fit the namespace");
        let facts = DiscoveryFacts {
            id: id.clone(),
            arn: arn.clone(),
            name: name.to_owned(),
            namespace_id,
            description: text(body, "Description"),
            dns_config: body.get("DnsConfig").cloned(),
            custom_health: true,
            tags: tags_in(body),
            instances: vec![],
        };
        self.discoveries.insert(id.clone(), facts);
        vec![("id", id), ("arn", arn)]
    }
}

fn is_rolling(service: &ServiceFacts) -> bool {
    service.deployments.iter().any(|d| d.rollout_state.as_deref() == Some("IN_PROGRESS"))
}

fn text(body: &Body, name: &str) -> String {
    body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn tags_in(body: &Body) -> Tags {
    let list = body.get("tags").or_else(|| body.get("Tags")).and_then(Value::as_array).cloned().unwrap_or_default();
    let either = |t: &Value, a: &str, b: &str| t.get(a).or_else(|| t.get(b)).unwrap().as_str().unwrap().to_owned();
    list.iter().map(|t| (either(t, "key", "Key"), either(t, "value", "Value"))).collect()
}

/// DescribeTaskDefinition's view: environment in another order, zeros and empty lists filled in.
fn described_task(body: &Body) -> Body {
    let mut task = body.clone();
    task.remove("tags");
    for container in task["containerDefinitions"].as_array_mut().unwrap() {
        let container = container.as_object_mut().unwrap();
        for list in ["environment", "mountPoints", "volumesFrom", "systemControls"] {
            container.entry(list).or_insert_with(|| json!([])).as_array_mut().unwrap().reverse();
        }
        container.entry("cpu").or_insert_with(|| json!(0));
        container.entry("essential").or_insert_with(|| json!(true));
        for port in container.get_mut("portMappings").and_then(Value::as_array_mut).into_iter().flatten() {
            port["protocol"] = json!("tcp");
            if body.get("networkMode") == Some(&json!("awsvpc")) {
                port["hostPort"] = port["containerPort"].clone();
            }
        }
    }
    task
}

/// DescribeServices' view: defaults filled in, lists in another order.
fn described_service(body: &Body, before: &Body) -> Body {
    let defaults = json!({
        "schedulingStrategy": "REPLICA", "propagateTags": "NONE", "enableECSManagedTags": false,
        "enableExecuteCommand": false, "healthCheckGracePeriodSeconds": 0, "loadBalancers": [],
        "serviceRegistries": [], "placementConstraints": [], "placementStrategy": [], "platformVersion": "LATEST",
        "availabilityZoneRebalancing": "ENABLED", "deploymentController": {"type": "ECS"},
        "deploymentConfiguration": {
            "strategy": "ROLLING", "maximumPercent": 200, "minimumHealthyPercent": 100, "bakeTimeInMinutes": 0,
            "deploymentCircuitBreaker": {"enable": false, "rollback": false},
            "alarms": {"alarmNames": [], "enable": false, "rollback": false}
        }
    });
    let mut fields = Value::Object(if before.is_empty() { Map::new() } else { before.clone() });
    if before.is_empty() {
        merge(&mut fields, &defaults);
    }
    let skipped = ["cluster", "serviceName", "service", "taskDefinition", "desiredCount", "tags", "clientToken"];
    for (name, value) in body {
        if skipped.contains(&name.as_str()) || name == "forceNewDeployment" {
            continue;
        }
        if value.is_object() {
            merge(&mut fields[name], value);
        } else {
            fields[name] = value.clone();
        }
    }
    let off = fields["serviceConnectConfiguration"]["enabled"] == false;
    let object = fields.as_object_mut().unwrap();
    if off || object.get("serviceConnectConfiguration").is_none_or(Value::is_null) {
        object.remove("serviceConnectConfiguration");
    }
    if object.get("capacityProviderStrategy").is_some_and(|s| s != &json!([])) {
        object.remove("launchType");
        for item in object["capacityProviderStrategy"].as_array_mut().unwrap() {
            merge(
                item,
                &json!({"weight": item.get("weight").unwrap_or(&json!(0)), "base": item.get("base").unwrap_or(&json!(0))}),
            );
        }
    }
    if let Some(network) = object.get_mut("networkConfiguration").and_then(|n| n.get_mut("awsvpcConfiguration")) {
        network["subnets"].as_array_mut().unwrap().reverse();
        let public = network.get("assignPublicIp").cloned().unwrap_or_else(|| json!("DISABLED"));
        network["assignPublicIp"] = public;
    }
    fields.as_object().unwrap().clone()
}
