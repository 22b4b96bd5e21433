//! Services: what they are, creating, deleting, describing and listing them.
//! Source: CreateService, DeleteService, DescribeServices, ListServices and ListServicesByNamespace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::deployment::{self, Counts, Deployment, Revision};
use super::event::Events;
use super::list::page;
use super::member::{Members, invalid, without_nulls};
use super::rollout::Stage;
use super::service_check::{fill_defaults, runs_on_fargate, service as check};
use super::task_definition::sweep;
use super::{Ecs, Event, cluster, names, scheduler, tags};
use crate::cloud_map;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

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
    /// Tasks that are not STOPPED.
    pub(super) tasks: BTreeSet<String>,
    /// Whether steady state was announced since something last changed.
    pub(super) steady: bool,
    /// Whether the scheduler is already going to look.
    pub(super) step_planned: bool,
    /// When it is going to look again by itself, after a pause.
    pub(super) wake_at: Option<Timestamp>,
    created_at: Timestamp,
    created_by: String,
    client_token: Option<String>,
    /// The request it was created by, to tell a replay from another request. As text, which is a fraction of the tree.
    request: String,
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
        let deployments = self.deployments.iter().enumerate().map(|(position, deployment)| {
            let counts = counts.get(&*deployment.id).copied().unwrap_or_default();
            let desired = if position == 0 { self.desired } else { counts.alive as i64 };
            deployment.show(position, desired, counts)
        });
        for (name, value) in [
            ("serviceArn", json!(self.arn)),
            ("serviceName", json!(self.name)),
            ("clusterArn", json!(self.cluster)),
            ("status", json!(self.status_text())),
            ("desiredCount", json!(self.desired)),
            ("runningCount", json!(sum(|counts| counts.running))),
            ("pendingCount", json!(sum(|counts| counts.pending))),
            ("deployments", deployments.collect()),
            ("events", self.events.show()),
            ("createdAt", epoch(self.created_at)),
            ("createdBy", json!(self.created_by)),
            ("resourceManagementType", json!("CUSTOMER")),
        ] {
            shown.insert(name.to_owned(), value);
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
            && let Some(primary) = self.deployments.first()
        {
            let family = deployment::platform_family(&primary.revision.definition);
            shown.insert("platformFamily".to_owned(), json!(family));
        }
        if !self.fields.list("loadBalancers").is_empty() || !self.fields.list("serviceRegistries").is_empty() {
            let account = names::account_of(&self.arn);
            let role = format!("arn:aws:iam::{account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS");
            shown.insert("roleArn".to_owned(), json!(role));
        }
        if self.status == Status::Inactive {
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

pub(crate) fn create(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = input.text("serviceName").ok_or_else(|| invalid("Service name can not be null or empty."))?;
    if !names::is_name(name) {
        return Err(invalid("Service name can only contain up to 255 letters, numbers, underscores and hyphens."));
    }
    if input.text("clientToken").is_some_and(|token| token.is_empty() || token.len() > 36) {
        return Err(invalid("Client token must have between 1 and 36 characters."));
    }
    let ecs = &world.services.ecs;
    let arn = ecs.service_arn(cx, input, name)?;
    let request = without_nulls(input);
    if let Some(existing) = ecs.services.get(&arn).filter(|service| !service.is_inactive()) {
        return replay(ecs, existing, &request);
    }
    let cluster = ecs.cluster(cx, input)?;
    let (cluster_arn, cluster_name) = (cluster.arn.clone(), cluster.name.clone());
    let mut fields = raw_fields(&request);
    inherit(cluster, &mut fields);
    let controller = fields.object("deploymentController").and_then(|it| it.text("type")).unwrap_or("ECS").to_owned();
    if !matches!(controller.as_str(), "ECS" | "CODE_DEPLOY" | "EXTERNAL") {
        return Err(invalid(format!("Invalid deployment controller type: {controller}")));
    }
    let definition = match fields.text("taskDefinition") {
        Some(name) => Some(Arc::clone(ecs.launchable(cx, name)?)),
        None if controller == "EXTERNAL" => None,
        None => return Err(invalid("TaskDefinition can not be blank.")),
    };
    if fields.text("launchType").is_some() && !fields.list("capacityProviderStrategy").is_empty() {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    let desired = desired_count(&request)?;
    fill_defaults(&mut fields);
    if let Some(definition) = &definition {
        check(world, cx, &fields, definition)?;
        fields.insert("taskDefinition".to_owned(), json!(definition.arn));
    }
    let tags = tags::requested(input)?;
    let service = Service {
        arn: arn.clone(),
        name: name.to_owned(),
        cluster: cluster_arn,
        cluster_name,
        status: Status::Active,
        fields,
        desired,
        deployments: Vec::new(),
        record: None,
        superseded: Vec::new(),
        last_good: None,
        stage: None,
        events: Events::default(),
        tasks: BTreeSet::new(),
        steady: false,
        step_planned: false,
        wake_at: None,
        created_at: cx.now,
        created_by: cx.principal.clone(),
        client_token: request.text("clientToken").map(str::to_owned),
        request: request.to_string(),
    };
    Ok(insert(world, service, tags, definition.as_ref()))
}

/// Remembers a new service, starts its first deployment, and shows it.
fn insert(
    world: &mut World,
    service: Service,
    tags: BTreeMap<String, String>,
    definition: Option<&Arc<super::task_definition::TaskDefinition>>,
) -> Value {
    let arn = service.arn.clone();
    let deploys = service.controller() != "EXTERNAL";
    let ecs = &mut world.services.ecs;
    if let Some(cluster) = ecs.clusters.get_mut(&service.cluster) {
        cluster.services.insert(arn.clone());
        cluster.active_services += 1;
    }
    ecs.tags.replace(&arn, tags);
    ecs.services.insert(arn.clone(), service);
    if let Some(definition) = definition.filter(|_| deploys) {
        deployment::begin(world, &arn, definition);
        scheduler::soon(world, &arn);
    }
    let ecs = &world.services.ecs;
    json!({ "service": ecs.services.get(&arn).map(|service| service.show(ecs, true)) })
}

/// A service of this name exists: the same request again is answered with it, any other is refused.
fn replay(ecs: &Ecs, existing: &Service, request: &Value) -> Result<Value, Refusal> {
    if existing.status == Status::Draining {
        return Err(invalid("Unable to Start a service that is still Draining."));
    }
    let token = request.text("clientToken");
    let same_token = token.is_some() && token == existing.client_token.as_deref();
    // Both sides go through text, so that numbers are rounded alike.
    let tree = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    if !same_token && tree(&existing.request) != tree(&request.to_string()) {
        return Err(invalid("Creation of service was not idempotent."));
    }
    Ok(json!({ "service": existing.show(ecs, true) }))
}

fn raw_fields(request: &Value) -> Map<String, Value> {
    let mut fields = request.as_object().cloned().unwrap_or_default();
    fields.retain(|name, _| {
        !matches!(name.as_str(), "cluster" | "tags" | "clientToken" | "serviceName" | "desiredCount")
    });
    fields
}

/// What a new service takes over from its cluster: the default capacity provider strategy and namespace.
fn inherit(cluster: &cluster::Cluster, fields: &mut Map<String, Value>) {
    let strategy = cluster.fields.list("defaultCapacityProviderStrategy");
    if fields.text("launchType").is_none()
        && fields.member("capacityProviderStrategy").is_none()
        && !strategy.is_empty()
    {
        fields.insert("capacityProviderStrategy".to_owned(), strategy.into());
    }
    let defaults = cluster.fields.object("serviceConnectDefaults").and_then(|it| it.text("namespace"));
    connect_namespace(defaults, fields);
}

/// Service Connect without a namespace uses the cluster's default one.
pub(super) fn connect_namespace(default: Option<&str>, fields: &mut Map<String, Value>) {
    if let (Some(namespace), Some(Value::Object(connect))) = (default, fields.get_mut("serviceConnectConfiguration"))
        && connect.flag("enabled") == Some(true)
    {
        connect.entry("namespace").or_insert(json!(namespace));
    }
}

fn desired_count(request: &Value) -> Result<i64, Refusal> {
    if request.text("schedulingStrategy") == Some("DAEMON") {
        // One task for each container instance, of which there are none here.
        return match request.member("desiredCount") {
            None => Ok(0),
            Some(_) => Err(invalid("The daemon scheduling strategy does not support a desired count for services.")),
        };
    }
    match request.number("desiredCount") {
        Some(count @ 0..=5000) => Ok(count),
        Some(count) => Err(invalid(format!("desiredCount must be between 0 and 5000, and is {count}."))),
        // "Required if schedulingStrategy is REPLICA or isn't specified" (CreateService, desiredCount).
        None => Err(invalid("Desired count can not be null for a service with the REPLICA scheduling strategy.")),
    }
}

pub(crate) fn delete(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = input.text("service").unwrap_or_default();
    let ecs = &mut world.services.ecs;
    let arn = ecs.service_arn(cx, input, name)?;
    let service = ecs.services.get_mut(&arn).ok_or_else(not_found)?;
    match service.status {
        Status::Inactive => return Err(not_active()),
        Status::Draining => {}
        Status::Active => {
            let force = input.flag("force").unwrap_or(false);
            let replica = service.fields.text("schedulingStrategy") != Some("DAEMON");
            if replica && service.desired > 0 && !force {
                return Err(invalid("The service cannot be stopped while it is scaled above 0."));
            }
            service.status = Status::Draining;
            service.desired = 0;
            if let Some(cluster) = ecs.clusters.get_mut(&service.cluster) {
                cluster.active_services = cluster.active_services.saturating_sub(1);
            }
            scheduler::soon(world, &arn);
        }
    }
    let ecs = &world.services.ecs;
    Ok(json!({ "service": ecs.services.get(&arn).map(|service| service.show(ecs, true)) }))
}

/// A DRAINING service has no task left.
pub(super) fn deactivate(world: &mut World, arn: &str) {
    let ecs = &mut world.services.ecs;
    let Some(service) = ecs.services.get_mut(arn) else { return };
    service.status = Status::Inactive;
    let definitions: Vec<String> = service.definitions_in_use().map(str::to_owned).collect();
    service.deployments.clear();
    service.last_good = None;
    service.stage = None;
    let created_at = service.created_at;
    if let Some(cluster) = ecs.clusters.get_mut(&service.cluster) {
        cluster.services.remove(arn);
    }
    ecs.tags.remove(arn);
    // The history of deployments and revisions goes with the service (ListServiceDeployments).
    let prefix = |kind: &str| format!("{}/", arn.replacen(":service/", &format!(":{kind}/"), 1));
    let (records, revisions) = (prefix("service-deployment"), prefix("service-revision"));
    remove_under(&mut ecs.service_deployments, &records);
    remove_under(&mut ecs.service_revisions, &revisions);
    for definition in definitions {
        sweep(ecs, &definition);
    }
    let retention = world.timings.inactive_retention;
    world.after(retention, crate::world::Event::Ecs(Event::ForgetService(arn.to_owned(), created_at)));
}

/// Removes what begins with `prefix`, without a look at the rest.
fn remove_under<T>(entries: &mut BTreeMap<String, T>, prefix: &str) {
    let under = entries.range(prefix.to_owned()..).map(|(arn, _)| arn).take_while(|arn| arn.starts_with(prefix));
    for arn in under.cloned().collect::<Vec<_>>() {
        entries.remove(&arn);
    }
}

/// An INACTIVE service can be described for a while; then it is MISSING.
pub(super) fn forget(world: &mut World, arn: &str, created_at: Timestamp) {
    let services = &mut world.services.ecs.services;
    if services.get(arn).is_some_and(|service| service.is_inactive() && service.created_at == created_at) {
        services.remove(arn);
    }
}

pub(crate) fn describe(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let wanted = input.texts("services");
    if wanted.is_empty() || wanted.len() > 10 {
        return Err(invalid("services must have between 1 and 10 items."));
    }
    let ecs = &world.services.ecs;
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for name in wanted {
        let arn = ecs.service_arn(cx, input, name)?;
        match ecs.services.get(&arn) {
            Some(service) => services.push(service.show(ecs, input.includes("TAGS"))),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

pub(crate) fn list(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let ecs = &world.services.ecs;
    let cluster = ecs.cluster(cx, input)?;
    let (launch_type, scheduling) = (input.text("launchType"), input.text("schedulingStrategy"));
    let services = cluster.services.iter().filter_map(|arn| ecs.services.get(arn)).filter(|service| {
        service.is_active()
            && launch_type.is_none_or(|it| service.fields.text("launchType") == Some(it))
            && scheduling.is_none_or(|it| service.fields.text("schedulingStrategy") == Some(it))
    });
    page("serviceArns", services.map(|service| service.arn.clone()), input, 10)
}

pub(crate) fn list_by_namespace(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let wanted = input.text("namespace").ok_or_else(|| invalid("Namespace can not be null or empty."))?;
    let resolve = |name: &str| cloud_map::find_namespace(world, &cx.region, &cx.account, name);
    let Some(wanted) = resolve(wanted) else {
        return Err(Refusal::new("NamespaceNotFoundException", "The specified namespace wasn't found."));
    };
    let prefix = names::arn(cx, "service", "");
    let services = world.services.ecs.services.values().filter(|service| {
        service.is_active() && service.arn.starts_with(&prefix) && {
            let connect = service.fields.object("serviceConnectConfiguration");
            let namespace = connect.filter(|it| it.flag("enabled") == Some(true)).and_then(|it| it.text("namespace"));
            namespace.and_then(resolve).is_some_and(|namespace| namespace == wanted)
        }
    });
    page("serviceArns", services.map(|service| service.arn.clone()), input, 10)
}
