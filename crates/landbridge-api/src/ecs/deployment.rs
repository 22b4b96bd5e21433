//! How a new revision of a service replaces the old one: rolling, blue/green, linear, canary.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a new revision replaces the old one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentConfiguration {
    /// How traffic moves: ROLLING, BLUE_GREEN, LINEAR or CANARY. BLUE_GREEN needs a load balancer or Service Connect;
    /// LINEAR and CANARY need an Application Load Balancer or Service Connect. Default: ROLLING.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "ROLLING"))]
    pub strategy: Option<DeploymentStrategy>,
    /// Most tasks there may be during a deployment, in per cent of the desired count, rounded down. Default: 200; 100
    /// for a DAEMON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("x-landbridge-default" = 200))]
    pub maximum_percent: Option<i32>,
    /// Fewest healthy tasks there may be during a deployment, in per cent of the desired count, rounded up. Default:
    /// 100; 0 for a DAEMON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("x-landbridge-default" = 100))]
    pub minimum_healthy_percent: Option<i32>,
    /// Gives up on a ROLLING deployment whose tasks keep failing, and may go back to the revision before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {}))]
    pub deployment_circuit_breaker: Option<DeploymentCircuitBreaker>,
    /// CloudWatch alarms that fail a deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {}))]
    pub alarms: Option<DeploymentAlarms>,
    /// Minutes that both revisions run after production traffic has moved, 0 to 1440; BLUE_GREEN must say. Default:
    /// 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1440), extend("x-landbridge-default" = 0))]
    pub bake_time_in_minutes: Option<i32>,
    /// Lambda functions and pauses at stages of a BLUE_GREEN, LINEAR or CANARY deployment, at most 10 of each. Hooks
    /// of one stage run side by side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-landbridge-order" = "set"))]
    pub lifecycle_hooks: Vec<DeploymentLifecycleHook>,
    /// Steps of a LINEAR deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linear_configuration: Option<LinearConfiguration>,
    /// Steps of a CANARY deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_configuration: Option<CanaryConfiguration>,
    /// Lets a ROLLING deployment succeed before every task is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {"enable":false}))]
    pub early_success_criteria: Option<EarlySuccessCriteria>,
}

/// How traffic moves to a new revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum DeploymentStrategy {
    /// Tasks are replaced a few at a time.
    Rolling,
    /// All traffic moves at once, then both revisions run for the bake time.
    BlueGreen,
    /// Traffic moves in equal steps.
    Linear,
    /// A small share of traffic moves first, then the rest.
    Canary,
}

/// Fails a rolling deployment whose tasks do not become healthy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentCircuitBreaker {
    /// Whether it is on. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub enable: Option<bool>,
    /// Whether ECS goes back to the last revision that worked. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub rollback: Option<bool>,
    /// Whether a healthy task sets the count of failures to 0. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = true))]
    pub reset_on_healthy_task: Option<bool>,
    /// How many failed tasks are too many. Default: half of the desired count, at least 3 and at most 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {}))]
    pub threshold_configuration: Option<ThresholdConfiguration>,
}

/// How many failed tasks break the circuit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThresholdConfiguration {
    /// What `value` counts: COUNT is tasks, BOUNDED_PERCENT and UNBOUNDED_PERCENT a share of the desired count.
    /// Default: BOUNDED_PERCENT.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "BOUNDED_PERCENT"))]
    pub type_: Option<ThresholdType>,
    /// A number of tasks, or per cent of the desired count. Default: 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("x-landbridge-default" = 50))]
    pub value: Option<i32>,
}

/// What a circuit breaker's threshold counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum ThresholdType {
    /// Per cent of the desired count, within ECS's bounds.
    BoundedPercent,
    /// Per cent of the desired count, whatever that gives.
    UnboundedPercent,
    /// Tasks.
    Count,
}

/// CloudWatch alarms that fail a deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentAlarms {
    /// Names of the alarms.
    #[schemars(extend("x-landbridge-order" = "set"))]
    pub alarm_names: Vec<String>,
    /// Whether they are watched. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub enable: Option<bool>,
    /// Whether ECS goes back to the last revision that worked. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = false))]
    pub rollback: Option<bool>,
}

/// Something that happens at stages of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentLifecycleHook {
    /// What happens: AWS_LAMBDA calls a function, PAUSE waits until somebody continues. Default: AWS_LAMBDA.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "AWS_LAMBDA"))]
    pub target_type: Option<HookTargetType>,
    /// ARN of the Lambda function; not for PAUSE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_target_arn: Option<String>,
    /// IAM role with which ECS calls the function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Stages at which it happens; a PAUSE cannot be at TEST_TRAFFIC_SHIFT or PRODUCTION_TRAFFIC_SHIFT.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-landbridge-order" = "set"))]
    pub lifecycle_stages: Vec<LifecycleStage>,
    /// Free JSON that the function is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub hook_details: Option<serde_json::Value>,
    /// How long ECS waits, and what it does then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = {}))]
    pub timeout_configuration: Option<HookTimeout>,
}

/// What a deployment hook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum HookTargetType {
    /// Calls a Lambda function.
    AwsLambda,
    /// Waits until somebody continues the deployment.
    Pause,
}

/// A stage of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum LifecycleStage {
    /// Before anything, when more than one revision is active.
    ReconcileService,
    /// Before the new revision starts.
    PreScaleUp,
    /// After the new revision has started.
    PostScaleUp,
    /// While test traffic moves.
    TestTrafficShift,
    /// After test traffic has moved.
    PostTestTrafficShift,
    /// Before production traffic moves, at each step.
    PreProductionTrafficShift,
    /// While production traffic moves, at each step.
    ProductionTrafficShift,
    /// After production traffic has moved.
    PostProductionTrafficShift,
}

/// How long ECS waits for a hook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookTimeout {
    /// Minutes to wait, 1 to 20160. Default: 1440.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20160), extend("x-landbridge-default" = 1440))]
    pub timeout_in_minutes: Option<i32>,
    /// What happens then: ROLLBACK or CONTINUE. Default: ROLLBACK.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-landbridge-default" = "ROLLBACK"))]
    pub action: Option<HookTimeoutAction>,
}

/// What ECS does when a hook has not answered in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum HookTimeoutAction {
    /// Goes back to the old revision.
    Rollback,
    /// Goes on to the next stage.
    Continue,
}

/// Steps of a LINEAR deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinearConfiguration {
    /// Share of production traffic that moves at each step, 3.0 to 100.0 per cent. Default: 10.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 3.0, max = 100.0), extend("x-landbridge-default" = 10.0))]
    pub step_percent: Option<f64>,
    /// Minutes between two steps, 0 to 1440. Default: 6.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1440), extend("x-landbridge-default" = 6))]
    pub step_bake_time_in_minutes: Option<i32>,
}

/// Steps of a CANARY deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CanaryConfiguration {
    /// Share of production traffic that moves first, 0.1 to 100.0 per cent. Default: 5.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.1, max = 100.0), extend("x-landbridge-default" = 5.0))]
    pub canary_percent: Option<f64>,
    /// Minutes before the rest moves, 0 to 1440. Default: 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1440), extend("x-landbridge-default" = 10))]
    pub canary_bake_time_in_minutes: Option<i32>,
}

/// When a ROLLING deployment counts as done before every old task is gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarlySuccessCriteria {
    /// Whether this is on.
    pub enable: bool,
    /// Healthy tasks of the new revision, in per cent of the desired count, that suffice; at least
    /// `minimumHealthyPercent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub healthy_percent: Option<i32>,
    /// Whether the old tasks go before the deployment counts as done (BLOCKING) or afterwards (DEFERRED).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_service_revision_cleanup: Option<RevisionCleanup>,
}

/// When the tasks of the old revision are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(description = "")]
pub enum RevisionCleanup {
    /// Before the deployment counts as done.
    Blocking,
    /// Afterwards, in the background.
    Deferred,
}
