//! `ECSService`: the whole of one ECS service: task definition, service, and what hangs on them.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{ClusterScopedRef, CommonStatus, Knobs, LocalRef};
use crate::ecs::{ServiceFields, TaskDefinition};

/// Whether cpu and memory are a size that Fargate has, where the spec says that it runs on Fargate and both are plain
/// numbers; what only the cluster's defaults or units such as `2 GB` tell is checked by the planner.
const FARGATE_SIZES: &str = "!(has(self.launchType) && self.launchType == 'FARGATE' \
          || has(self.taskDefinition) && has(self.taskDefinition.requiresCompatibilities) \
              && self.taskDefinition.requiresCompatibilities.exists(x, x == 'FARGATE')) \
     || !has(self.taskDefinition) || !has(self.taskDefinition.cpu) || !has(self.taskDefinition.memory) \
     || !string(self.taskDefinition.cpu).matches('^[0-9]{1,7}$') \
     || !string(self.taskDefinition.memory).matches('^[0-9]{1,7}$') \
     || [int(string(self.taskDefinition.cpu))].all(c, [int(string(self.taskDefinition.memory))].all(m, \
        [[256, 512, 512, 512], [256, 1024, 1024, 2048], [512, 1024, 1024, 4096], [1024, 2048, 1024, 8192], \
         [2048, 4096, 1024, 16384], [4096, 8192, 1024, 30720], [8192, 16384, 4096, 61440], \
         [16384, 32768, 8192, 122880], [32768, 61440, 61440, 122880], [32768, 249856, 1024, 249856]]\
        .exists(r, c == r[0] && m >= r[1] && m <= r[3] && m % r[2] == r[1] % r[2])))";

/// An ECS service with its task definition, and optionally its role, Cloud Map service and log group.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "landbridge.dev",
    version = "v1alpha1",
    kind = "ECSService",
    root = "EcsService",
    namespaced,
    plural = "ecsservices",
    shortname = "ecssvc",
    category = "landbridge",
    status = "EcsServiceStatus",
    validation = ("has(self.spec.serviceName) || self.metadata.name.matches('^[A-Za-z0-9_-]+$')", "the object's name has characters that ECS does not take: set spec.serviceName"),
    derive = "PartialEq",
    scale(
        spec_replicas_path = ".spec.desiredCount",
        status_replicas_path = ".status.runningCount",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".status.desiredCount"),
    printcolumn(name = "Running", type_ = "integer", json_path = ".status.runningCount"),
    printcolumn(name = "TaskDef", type_ = "string", json_path = ".status.taskDefinition.revision"),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.clusterRef.name"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "ARN", type_ = "string", json_path = ".status.serviceArn", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.taskDefinition) != has(self.taskDefinitionArn)", "set exactly one of taskDefinition and taskDefinitionArn"))]
#[x_kube(validation = ("!(has(self.launchType) && has(self.capacityProviderStrategy))", "set launchType or capacityProviderStrategy, not both"))]
#[x_kube(validation = ("!(has(self.schedulingStrategy) && self.schedulingStrategy == 'DAEMON' && has(self.desiredCount))", "a DAEMON service runs one task per instance: leave desiredCount out"))]
#[x_kube(validation = ("!(has(self.taskRoleRef) && has(self.taskDefinition) && has(self.taskDefinition.taskRoleArn))", "set taskRoleRef or taskDefinition.taskRoleArn, not both"))]
#[x_kube(validation = ("!(has(self.executionRoleRef) && has(self.taskDefinition) && has(self.taskDefinition.executionRoleArn))", "set executionRoleRef or taskDefinition.executionRoleArn, not both"))]
#[x_kube(validation = ("!(has(self.serviceDiscovery) && has(self.serviceRegistries))", "set serviceDiscovery or serviceRegistries, not both"))]
#[x_kube(validation = ("!has(self.deploymentConfiguration) || !has(self.deploymentConfiguration.minimumHealthyPercent) || !has(self.deploymentConfiguration.maximumPercent) || self.deploymentConfiguration.minimumHealthyPercent <= self.deploymentConfiguration.maximumPercent", "deploymentConfiguration.minimumHealthyPercent must not exceed maximumPercent"))]
#[x_kube(validation = Rule::new(FARGATE_SIZES).message("taskDefinition.cpu and memory are not a Fargate size: 256 takes 512, 1024 or 2048; 512 takes 1024 to 4096; 1024 takes 2048 to 8192; 2048 takes 4096 to 16384; 4096 takes 8192 to 30720, each in steps of 1024; 8192 takes 16384 to 61440 in steps of 4096; 16384 takes 32768 to 122880 in steps of 8192; 32768 takes 61440, 122880 or 249856"))]
#[x_kube(validation = ("!has(self.serviceConnectConfiguration) || !has(self.serviceConnectConfiguration.services) || !has(self.taskDefinition) || self.serviceConnectConfiguration.services.all(s, self.taskDefinition.containerDefinitions.exists(c, has(c.portMappings) && c.portMappings.exists(p, has(p.name) && p.name == s.portName)))", "serviceConnectConfiguration.services[].portName must be the name of a port mapping in taskDefinition"))]
#[x_kube(validation = ("(has(self.schedulingStrategy) ? self.schedulingStrategy : 'REPLICA') == (has(oldSelf.schedulingStrategy) ? oldSelf.schedulingStrategy : 'REPLICA') || self.clusterRef.name != oldSelf.clusterRef.name || (has(self.serviceName) ? self.serviceName : '') != (has(oldSelf.serviceName) ? oldSelf.serviceName : '')", "ECS cannot change schedulingStrategy of a service: change serviceName in the same edit, and the service is replaced"))]
pub struct EcsServiceSpec {
    /// The ECSCluster that the service runs in. A change moves the service: the new one is proved before the old one goes.
    pub cluster_ref: ClusterScopedRef,
    /// Name of the service in ECS. Default: the object's name. A change replaces the service without a gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = "^[A-Za-z0-9_-]+$"))]
    pub service_name: Option<String>,
    /// The task definition, in the form RegisterTaskDefinition takes. Its content decides the revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<TaskDefinition>,
    /// ARN (with revision) of a task definition that somebody else registers, instead of `taskDefinition`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:task-definition/[A-Za-z0-9_-]+:[0-9]+$"))]
    pub task_definition_arn: Option<String>,
    /// How many tasks run. Leave it out when a scaling target decides; a new service then starts with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5000))]
    pub desired_count: Option<i32>,
    /// The IAMTaskRole that the containers act as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_role_ref: Option<LocalRef>,
    /// The IAMTaskRole that ECS uses to pull images, read secrets and write logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role_ref: Option<LocalRef>,
    /// A Cloud Map service that lists the running tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_discovery: Option<ServiceDiscovery>,
    /// A CloudWatch Logs group, and awslogs for every container that has no log configuration of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<Logs>,
    /// How many older revisions of the inline task definition stay registered. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub revision_history_limit: Option<i32>,
    /// The fields of ECS's own CreateService and UpdateService.
    #[serde(flatten)]
    pub service: ServiceFields,
    /// Ownership and drift.
    #[serde(flatten)]
    pub knobs: Knobs,
}

/// A Cloud Map service made for this ECS service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceDiscovery {
    /// The CloudMapNamespace in which the service is found.
    pub namespace_ref: ClusterScopedRef,
    /// Name in the namespace. Default: the name of the ECS service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 127))]
    pub name: Option<String>,
    /// Text that Cloud Map keeps with the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// DNS records, for DNS namespaces. Default: one A record with a TTL of 10 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_config: Option<DnsConfig>,
    /// Container whose port an SRV record names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_name: Option<String>,
    /// Container port that an SRV record names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub container_port: Option<i32>,
    /// Port that an SRV record names when the network mode is awsvpc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub port: Option<i32>,
}

/// DNS records of a Cloud Map service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsConfig {
    /// `MULTIVALUE` (default: up to eight healthy answers) or `WEIGHTED` (one answer at random).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_policy: Option<RoutingPolicy>,
    /// The records. Type and routing policy cannot be changed later; the TTL can.
    #[schemars(length(min = 1, max = 2))]
    pub dns_records: Vec<DnsRecord>,
}

/// How DNS answers are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RoutingPolicy {
    /// Up to eight healthy instances in each answer.
    Multivalue,
    /// One instance in each answer, all with the same weight.
    Weighted,
}

/// One DNS record of a Cloud Map service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DnsRecord {
    /// Record type.
    #[serde(rename = "type")]
    pub type_: RecordType,
    /// Time to live in seconds.
    #[schemars(range(min = 0, max = 2_147_483_647_i64))]
    pub ttl: i64,
}

/// Record types that Cloud Map makes for tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RecordType {
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Address and port.
    Srv,
}

/// A CloudWatch Logs group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Logs {
    /// Name of the group. Default: `/ecs/<cluster>/<service>`. After a change the old group and its events stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = "^[.A-Za-z0-9_/#-]+$"))]
    pub group_name: Option<String>,
    /// Days that events are kept: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192,
    /// 2557, 2922, 3288 or 3653. Default: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]))]
    pub retention_in_days: Option<i32>,
    /// ARN of the KMS key that encrypts the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// First part of every log stream's name. Default: the name of the ECS service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_prefix: Option<String>,
}

/// What AWS says of the service.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EcsServiceStatus {
    /// Conditions and what they speak of.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// ARN of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_arn: Option<String>,
    /// The task definition that the spec asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<TaskDefinitionStatus>,
    /// The service deployment that our last write started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentStatus>,
    /// Content that ECS rolled back. It is not tried again until the spec changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<RolledBack>,
    /// Why tasks stopped on their own, most recent first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<TaskFailure>,
    /// Tasks that ECS is asked to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_count: Option<i32>,
    /// Tasks that are RUNNING.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_count: Option<i32>,
    /// Tasks that are PENDING.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_count: Option<i32>,
    /// Label selector that `/scale` publishes; no pods match it, autoscalers only ask that it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Name of the managed log group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
    /// The managed Cloud Map service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<DiscoveryStatus>,
    /// Revisions that Landbridge registered and that are still registered, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<RegisteredRevision>,
    /// Services that this object replaced and that still have to go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<String>,
    /// Cloud Map services that this object no longer uses and that still have to go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced_discovery: Vec<DiscoveryStatus>,
    /// The restart that was asked for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartStatus>,
    /// How many times in a row ECS did not show the service that should be there. Reads of ECS may be late, so one
    /// miss proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<i32>,
    /// Fields of the service that ECS shows in its service revision only and that were set when it was looked at last:
    /// one that leaves the spec has to be looked for there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown_in_revision: Vec<String>,
    /// Time of the newest ECS service event that was mirrored as a Kubernetes Event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_at: Option<String>,
    /// What `driftPolicy: Report` left different, by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
}

/// The wanted task definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskDefinitionStatus {
    /// Hash of the content. It is stored before the revision is registered, so that a lost answer is looked for.
    pub content: String,
    /// ARN of the revision that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// `family:revision`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// A service deployment that our write started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentStatus {
    /// ARN of the service deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// ARN of the service revision it brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision_arn: Option<String>,
    /// ARN of the task definition it brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition_arn: Option<String>,
    /// Hash of the desired service that it brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// ECS's word for how far it is, for example `IN_PROGRESS` or `SUCCESSFUL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// ECS's reason for that state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A restart asked for with the annotation `landbridge.dev/restarted-at`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestartStatus {
    /// Value of the annotation.
    pub value: String,
    /// ARN of the service deployment that was current before; the restart is done once another one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// Content that ECS rolled back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolledBack {
    /// Hash of the desired service (task definition content and deployment-relevant fields) that failed.
    pub content: String,
    /// Task definition that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition_arn: Option<String>,
    /// ARN of the service deployment that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_arn: Option<String>,
    /// ECS's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why tasks stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskFailure {
    /// Container that ended the task, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Its exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// ECS's reason, from the container if it has one, else from the task.
    pub reason: String,
    /// ECS's stop code, for example `EssentialContainerExited`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_code: Option<String>,
    /// How many of the stopped tasks that ECS still remembers failed like this.
    pub times: i32,
    /// When the last of them stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// ARN of the last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_arn: Option<String>,
}

/// The managed Cloud Map service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveryStatus {
    /// Cloud Map's ID of the service, `srv-…`.
    pub service_id: String,
    /// ARN of the service.
    pub service_arn: String,
}

/// A task definition revision that Landbridge registered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredRevision {
    /// ARN of the revision.
    pub arn: String,
    /// Hash of its content.
    pub content: String,
}
