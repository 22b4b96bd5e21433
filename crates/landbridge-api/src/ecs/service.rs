//! What CreateService and UpdateService take that is ECS's own.
//! Identity (cluster, name), task definition and desired count belong to the kind that holds these fields.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cluster::CapacityProviderStrategyItem;
use super::deployment::DeploymentConfiguration;
use super::gateway::GatewayConnector;
use super::load_balancer::{LoadBalancer, ServiceRegistry, VpcLatticeConfiguration};
use super::network::NetworkConfiguration;
use super::service_connect::ServiceConnectConfiguration;
use super::tag::Tag;
use super::toggle::Toggle;
use super::volume_configuration::ServiceVolumeConfiguration;

/// The fields of an ECS service that ECS defines, besides cluster, name, task definition and desired count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceFields {
    /// Capacity to run on: EC2, FARGATE, EXTERNAL or MANAGED_INSTANCES. Excludes `capacityProviderStrategy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_type: Option<LaunchType>,
    /// Capacity providers to spread tasks over, at most 20; at least one needs a weight. Excludes `launchType`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["capacityProvider"], "x-landbridge-order" = "set"))]
    pub capacity_provider_strategy: Vec<CapacityProviderStrategyItem>,
    /// Fargate platform version. Default: `LATEST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "LATEST"))]
    pub platform_version: Option<String>,
    /// IAM role for a Classic Load Balancer; leave it out, ECS has a service-linked role for everything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Subnets and security groups of tasks in `awsvpc` mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_configuration: Option<NetworkConfiguration>,
    /// Target groups that the tasks are registered in, at most 5 unless AWS raised it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-landbridge-order" = "set"))]
    pub load_balancers: Vec<LoadBalancer>,
    /// The Cloud Map service that the tasks are registered in, by ARN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1), extend("x-landbridge-order" = "set"))]
    pub service_registries: Vec<ServiceRegistry>,
    /// Service Connect: names, ports and the proxy of this service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_connect_configuration: Option<Box<ServiceConnectConfiguration>>,
    /// The EBS volume for the task definition's `configuredAtLaunch` volume.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"], "x-landbridge-order" = "set"))]
    pub volume_configurations: Vec<ServiceVolumeConfiguration>,
    /// VPC Lattice target groups that the tasks are registered in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-landbridge-order" = "set"))]
    pub vpc_lattice_configurations: Vec<VpcLatticeConfiguration>,
    /// The connection to an ECS gateway (shared ingress), at most one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1), extend("x-landbridge-order" = "set"))]
    pub gateway_connectors: Vec<GatewayConnector>,
    /// How a new revision replaces the old one; read at the next deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {}))]
    pub deployment_configuration: Option<Box<DeploymentConfiguration>>,
    /// Who carries out deployments: ECS, CODE_DEPLOY or EXTERNAL. Default: ECS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {"type":"ECS"}))]
    pub deployment_controller: Option<DeploymentController>,
    /// Whether there are as many tasks as wanted, or one on each container instance. Default: REPLICA. ECS cannot
    /// change it later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "REPLICA"))]
    pub scheduling_strategy: Option<SchedulingStrategy>,
    /// Which container instances may run tasks, at most 10 rules with those of the task definition; not on Fargate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-landbridge-order" = "set"))]
    pub placement_constraints: Vec<PlacementConstraint>,
    /// How tasks are spread over container instances, at most 5 rules in order; not on Fargate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub placement_strategy: Vec<PlacementStrategy>,
    /// Seconds after a task's start in which failed health checks do not count. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("x-landbridge-default" = 0))]
    pub health_check_grace_period_seconds: Option<i32>,
    /// Whether ECS moves tasks so that availability zones stay even, ENABLED or DISABLED. Default: ENABLED.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "ENABLED"))]
    pub availability_zone_rebalancing: Option<Toggle>,
    /// Lets `aws ecs execute-command` open sessions in new tasks. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub enable_execute_command: Option<bool>,
    /// Whether new tasks carry the tags of cluster and service that AWS manages. Default: false.
    #[serde(rename = "enableECSManagedTags", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub enable_ecs_managed_tags: Option<bool>,
    /// Whose tags new tasks carry: SERVICE, TASK_DEFINITION or NONE. Default: NONE.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "NONE"))]
    pub propagate_tags: Option<PropagateTags>,
    /// How often CloudWatch gets CPU and memory figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<MonitoringConfiguration>,
    /// Tags of the service, at most 50; Landbridge adds its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["key"], "x-landbridge-order" = "set"))]
    pub tags: Vec<Tag>,
}

/// Capacity that tasks run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum LaunchType {
    /// Container instances of the account.
    Ec2,
    /// Fargate.
    Fargate,
    /// Registered machines outside AWS (ECS Anywhere).
    External,
    /// EC2 instances that ECS runs.
    ManagedInstances,
}

/// How many tasks a service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum SchedulingStrategy {
    /// As many as wanted.
    Replica,
    /// One on each container instance; not on Fargate.
    Daemon,
}

/// Whose tags the tasks of a service carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum PropagateTags {
    /// Nobody's.
    None,
    /// The service's.
    Service,
    /// The task definition's.
    TaskDefinition,
}

/// Who carries out the deployments of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentController {
    /// The controller. Default: ECS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "ECS"))]
    pub type_: Option<DeploymentControllerType>,
}

/// What carries out deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum DeploymentControllerType {
    /// ECS itself, with every strategy of `deploymentConfiguration`.
    Ecs,
    /// CodeDeploy.
    CodeDeploy,
    /// A third party, through task sets.
    External,
}

/// A rule for where the tasks of a service may be placed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacementConstraint {
    /// Kind of rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type_: Option<PlacementConstraintType>,
    /// Expression in the ECS cluster query language; for `memberOf` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub expression: Option<String>,
}

/// Kind of placement rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum PlacementConstraintType {
    /// Each task on another instance.
    DistinctInstance,
    /// Only instances for which the expression holds.
    MemberOf,
}

/// A rule for how tasks are spread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacementStrategy {
    /// Kind of rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type_: Option<PlacementStrategyType>,
    /// What to spread over (`instanceId`, `attribute:ecs.availability-zone`) or to pack by (`cpu`, `memory`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// How tasks are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(description = "")]
pub enum PlacementStrategyType {
    /// Anywhere.
    Random,
    /// Evenly over the field.
    Spread,
    /// On as few instances as will do.
    Binpack,
}

/// How often CloudWatch gets figures of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonitoringConfiguration {
    /// Metrics and how often each is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-landbridge-order" = "set"))]
    pub metric_configurations: Vec<MetricConfiguration>,
}

/// How often some metrics are sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricConfiguration {
    /// `CPUUtilization` and `MemoryUtilization`.
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub metric_names: Vec<String>,
    /// Seconds between two figures: 20 or 60.
    #[schemars(range(min = 1))]
    pub resolution_seconds: i32,
}
