//! What an ECSService asks AWS for once defaults and references are filled in. Total: what AWS would refuse is found
//! by [`super::validate`], not here.

use std::collections::BTreeMap;

use landbridge_api::ecs::logging::LogConfiguration;
use landbridge_api::ecs::service::{DeploymentControllerType, LaunchType, SchedulingStrategy, ServiceFields};
use landbridge_api::ecs::task_definition::{Compatibility, NetworkMode, TaskDefinition};
use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{EcsService, Logs, ServiceDefaults};
use serde::Serialize;
use serde_json::{Value, json};

use super::EcsServiceResolved;
use super::discovery::WantedDiscovery;
use super::task_definition::WantedRevision;
use crate::account::AccountTarget;
use crate::change::{Body, Tags};
use crate::kind::Kind;
use crate::owner::Owner;
use crate::{hash, tags, token};

/// Fields of a service that start a service deployment, or need one to have an effect. What changes in place is not
/// part of the content that ECS may roll back.
pub(super) const DEPLOYED_FIELDS: &[&str] = &[
    "capacityProviderStrategy",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "gatewayConnectors",
    "launchType",
    "loadBalancers",
    "monitoring",
    "networkConfiguration",
    "platformVersion",
    "propagateTags",
    "serviceConnectConfiguration",
    "serviceRegistries",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

/// Everything that an ECSService asks for.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Name of the cluster.
    pub cluster: String,
    /// Name of the service.
    pub service: String,
    /// ARN that the service has, or will have.
    pub arn: String,
    /// Whose it is.
    pub owner: Owner,
    /// Tags of the service.
    pub tags: Tags,
    /// The task definition.
    pub revision: WantedRevision,
    /// Its typed form, when it is given inline: with roles, network mode and logs filled in.
    pub task: Option<TaskDefinition>,
    /// The service's own fields, typed and with defaults.
    pub typed: ServiceFields,
    /// The same as CreateService takes them, without tags. The ARN of a managed Cloud Map service is a token.
    pub fields: Body,
    /// Tasks, when the spec says how many.
    pub desired_count: Option<i32>,
    /// The managed Cloud Map service.
    pub discovery: Option<WantedDiscovery>,
    /// The managed log group.
    pub log_group: Option<WantedLogGroup>,
    /// Value of the annotation that asks for a restart.
    pub restart: Option<String>,
    /// Hash of all that a service deployment would bring: task definition, deployed fields, restart.
    pub content: String,
}

/// The managed log group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedLogGroup {
    /// Name.
    pub name: String,
    /// Retention in days; none means for ever.
    pub retention_in_days: Option<i32>,
    /// KMS key.
    pub kms_key_id: Option<String>,
    /// Tags.
    pub tags: Tags,
}

impl Desired {
    /// What `object` asks for.
    pub fn of(object: &EcsService, resolved: &EcsServiceResolved) -> Self {
        let spec = &object.spec;
        let defaults = &resolved.defaults;
        let owner = Owner::new(object.identity(), &resolved.account);
        let mut typed = service_fields(&spec.service, defaults, spec.task_definition.as_ref());
        let own_tags = std::mem::take(&mut typed.tags);
        let tags = merged_tags(&resolved.account, defaults, own_tags, &owner);
        let logs = logs(spec.logs.as_ref(), defaults, resolved);
        let task = spec.task_definition.as_ref().map(|t| task_definition(t, &typed, resolved, logs.as_ref()));
        if !runs_in_awsvpc(task.as_ref()) && spec.service.network_configuration.is_none() {
            typed.network_configuration = None;
        }
        let discovery = WantedDiscovery::of(object, resolved, task.as_ref(), &tags);
        let mut fields = body_of(&typed);
        if let Some(discovery) = &discovery {
            fields.insert("serviceRegistries".to_owned(), json!([discovery.registry()]));
        }
        let revision = WantedRevision::of(object, resolved, task.as_ref(), &owner);
        let restart = object.metadata.annotations.as_ref().and_then(|a| a.get(annotation::RESTARTED_AT)).cloned();
        let content = content(&revision, &fields, restart.as_deref());
        Self {
            cluster: resolved.cluster.clone(),
            service: resolved.service.clone(),
            arn: resolved.account.ecs_arn(&format!("service/{}/{}", resolved.cluster, resolved.service)),
            log_group: logs.map(|l| l.group(&tags)),
            desired_count: spec.desired_count,
            owner,
            tags,
            revision,
            task,
            typed,
            fields,
            discovery,
            restart,
            content,
        }
    }

    /// Whether the service runs one task on each instance.
    pub fn is_daemon(&self) -> bool {
        self.typed.scheduling_strategy == Some(SchedulingStrategy::Daemon)
    }

    /// Who carries out deployments.
    pub fn controller(&self) -> DeploymentControllerType {
        let controller = self.typed.deployment_controller.as_ref().and_then(|c| c.type_);
        controller.unwrap_or(DeploymentControllerType::Ecs)
    }
}

/// The service's fields with the cluster's defaults. A field that the service sets wins as a whole.
fn service_fields(own: &ServiceFields, defaults: &ServiceDefaults, task: Option<&TaskDefinition>) -> ServiceFields {
    let mut fields = own.clone();
    fields.network_configuration = fields.network_configuration.or_else(|| defaults.network_configuration.clone());
    fields.deployment_configuration =
        fields.deployment_configuration.or_else(|| defaults.deployment_configuration.clone().map(Box::new));
    fields.enable_execute_command = fields.enable_execute_command.or(defaults.enable_execute_command);
    fields.enable_ecs_managed_tags = fields.enable_ecs_managed_tags.or(defaults.enable_ecs_managed_tags);
    fields.propagate_tags = fields.propagate_tags.or(defaults.propagate_tags);
    let controller = fields.deployment_controller.as_ref().and_then(|c| c.type_);
    let placed = fields.launch_type.is_some() || !fields.capacity_provider_strategy.is_empty();
    if !placed && controller != Some(DeploymentControllerType::External) {
        let strategy = defaults.capacity_provider_strategy.clone().unwrap_or_default();
        match (defaults.launch_type, strategy.is_empty()) {
            (None, false) => fields.capacity_provider_strategy = strategy,
            (None, true) => fields.launch_type = Some(where_it_fits(task, &fields)),
            (inherited, _) => fields.launch_type = inherited,
        }
    }
    if fields.platform_version.is_none() && is_fargate(&fields, task) {
        fields.platform_version.clone_from(&defaults.platform_version);
    }
    fields
}

/// Where a service goes that says nothing of it: to Fargate, which needs nothing prepared, unless the task asks for
/// something else.
fn where_it_fits(task: Option<&TaskDefinition>, fields: &ServiceFields) -> LaunchType {
    let needs = task.map(|t| t.requires_compatibilities.as_slice()).unwrap_or_default();
    let asks = |c: Compatibility| needs.contains(&c) && !needs.contains(&Compatibility::Fargate);
    if fields.scheduling_strategy == Some(SchedulingStrategy::Daemon) || asks(Compatibility::Ec2) {
        LaunchType::Ec2
    } else if asks(Compatibility::External) {
        LaunchType::External
    } else if asks(Compatibility::ManagedInstances) {
        LaunchType::ManagedInstances
    } else {
        LaunchType::Fargate
    }
}

/// Whether the tasks run on Fargate.
pub(super) fn is_fargate(fields: &ServiceFields, task: Option<&TaskDefinition>) -> bool {
    let providers = &fields.capacity_provider_strategy;
    fields.launch_type == Some(LaunchType::Fargate)
        || (!providers.is_empty() && providers.iter().all(|p| p.capacity_provider.starts_with("FARGATE")))
        || (fields.launch_type.is_none()
            && task.is_some_and(|t| t.requires_compatibilities.contains(&Compatibility::Fargate)))
}

fn runs_in_awsvpc(task: Option<&TaskDefinition>) -> bool {
    task.is_none_or(|t| t.network_mode == Some(NetworkMode::Awsvpc))
}

/// The task definition with everything filled in that the service and the cluster say.
fn task_definition(
    own: &TaskDefinition,
    fields: &ServiceFields,
    resolved: &EcsServiceResolved,
    logs: Option<&LogPlace>,
) -> TaskDefinition {
    let mut task = own.clone();
    task.family = task.family.or_else(|| Some(family(&resolved.cluster, &resolved.service)));
    task.task_role_arn = task.task_role_arn.or_else(|| resolved.task_role_arn.clone());
    task.execution_role_arn = task
        .execution_role_arn
        .or_else(|| resolved.execution_role_arn.clone())
        .or_else(|| resolved.defaults.execution_role_arn.clone());
    if is_fargate(fields, Some(own)) {
        task.network_mode = task.network_mode.or(Some(NetworkMode::Awsvpc));
        if task.requires_compatibilities.is_empty() {
            task.requires_compatibilities = vec![Compatibility::Fargate];
        }
    }
    for container in &mut task.container_definitions {
        if let Some(logs) = logs {
            container.log_configuration.get_or_insert_with(|| logs.configuration(resolved));
        }
    }
    task
}

/// `<cluster>-<service>`, cut to the 255 characters of a family with a hash at the end when it is longer.
fn family(cluster: &str, service: &str) -> String {
    let name = format!("{cluster}-{service}");
    if name.len() <= 255 {
        return name;
    }
    let end = name.char_indices().take_while(|(at, c)| at + c.len_utf8() <= 234).count();
    format!("{}-{}", name.chars().take(end).collect::<String>(), hash::text(&name))
}

/// Where logs go, and how.
struct LogPlace {
    logs: Logs,
    group: String,
}

fn logs(own: Option<&Logs>, defaults: &ServiceDefaults, resolved: &EcsServiceResolved) -> Option<LogPlace> {
    let inherited = || {
        let mut logs = defaults.logs.clone()?;
        logs.group_name =
            logs.group_name.map(|prefix| format!("{}/{}", prefix.trim_end_matches('/'), resolved.service));
        Some(logs)
    };
    let logs = own.cloned().or_else(inherited)?;
    let group = logs.group_name.clone().unwrap_or_else(|| format!("/ecs/{}/{}", resolved.cluster, resolved.service));
    Some(LogPlace { logs, group })
}

impl LogPlace {
    /// The awslogs driver; it never blocks the application when CloudWatch is slow to take events.
    fn configuration(&self, resolved: &EcsServiceResolved) -> LogConfiguration {
        let prefix = self.logs.stream_prefix.as_deref().unwrap_or(&resolved.service);
        let options = [
            ("awslogs-group", self.group.as_str()),
            ("awslogs-region", resolved.account.region.as_str()),
            ("awslogs-stream-prefix", prefix),
            ("mode", "non-blocking"),
        ];
        LogConfiguration {
            log_driver: "awslogs".to_owned(),
            options: options.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect::<BTreeMap<_, _>>(),
            secret_options: Vec::new(),
        }
    }

    fn group(&self, tags: &Tags) -> WantedLogGroup {
        WantedLogGroup {
            name: self.group.clone(),
            retention_in_days: self.logs.retention_in_days,
            kms_key_id: self.logs.kms_key_id.clone(),
            tags: tags.clone(),
        }
    }
}

/// The account's tags, then the cluster's, then the service's own, then who owns it.
fn merged_tags(
    account: &AccountTarget,
    defaults: &ServiceDefaults,
    own: Vec<landbridge_api::ecs::Tag>,
    owner: &Owner,
) -> Tags {
    let all: Vec<_> = defaults.tags.iter().cloned().chain(own).collect();
    tags::wanted(account, &all, owner)
}

/// A shape as the request has it: its JSON without nulls and empty lists.
pub(super) fn body_of(shape: &impl Serialize) -> Body {
    match serde_json::to_value(shape) {
        Ok(Value::Object(body)) => body,
        _ => Body::new(),
    }
}

fn content(revision: &WantedRevision, fields: &Body, restart: Option<&str>) -> String {
    let canonical = crate::canonical::service(&Value::Object(fields.clone()));
    let deployed: Body = canonical
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| DEPLOYED_FIELDS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    hash::short(&json!([revision.content(), deployed, restart]))
}

/// The token that stands for the ARN of the managed Cloud Map service.
pub(super) fn registry_token() -> String {
    token::token(super::discovery::STEP, "arn")
}
