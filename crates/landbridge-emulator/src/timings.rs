//! How long things take in virtual time. The defaults are of the order AWS Fargate shows; tests shorten them.

use std::time::Duration;

/// Durations of the data plane, all in virtual time.
#[derive(Debug, Clone, PartialEq)]
pub struct Timings {
    /// From a change until the service scheduler looks at it.
    pub scheduler: Duration,
    /// PROVISIONING: attaching the network interface.
    pub provisioning: Duration,
    /// PENDING: pulling images.
    pub pulling: Duration,
    /// RUNNING to HEALTHY for a container with a health check.
    pub healthy: Duration,
    /// Time a task without a health check must stay RUNNING before it counts as healthy: 40 seconds on AWS
    /// (DeploymentConfiguration.minimumHealthyPercent).
    pub settle: Duration,
    /// From StopTask (SIGTERM) to STOPPED.
    pub stopping: Duration,
    /// The longest from the warning of a Spot interruption until the task is STOPPED: two minutes on AWS. Its containers take
    /// their `stopTimeout` of it.
    pub spot_warning: Duration,
    /// How long a STOPPED task can still be described (one hour on AWS: "Amazon ECS task lifecycle").
    pub stopped_retention: Duration,
    /// How long an INACTIVE service can still be described.
    pub inactive_retention: Duration,
    /// How long each stage of a blue/green, linear or canary deployment takes on its own.
    pub stage: Duration,
    /// How long a new load balancer is `provisioning`.
    pub load_balancer: Duration,
    /// From RegisterTargets until health checks of a target begin.
    pub target_registration: Duration,
    /// How long a changed rule or default action takes to reach every node of its load balancer.
    pub rule_propagation: Duration,
    /// How long ECS makes, changes, removes, attaches or detaches a capacity provider.
    pub capacity_provider: Duration,
    /// How long an asynchronous Cloud Map operation takes.
    pub cloud_map_operation: Duration,
    /// How long EKS makes or deletes a cluster.
    pub eks_cluster: Duration,
    /// How long EKS installs or removes an add-on.
    pub eks_addon: Duration,
    /// How long a change in Route 53 is `PENDING` ("generally within 60 seconds", ChangeResourceRecordSets).
    pub dns_propagation: Duration,
    /// How long Route 53 works at a batch of changes, in which it takes no other for the same hosted zone
    /// (`PriorRequestNotComplete`). None unless asked for: callers that wait for their answer never meet it.
    pub dns_change: Duration,
    /// From something that happens to the delivery of its event by EventBridge.
    pub event_delivery: Duration,
    /// How long a secret's rotation takes.
    pub secret_rotation: Duration,
    /// How long IAM needs until another service sees a new role.
    pub iam_propagation: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            scheduler: Duration::from_millis(500),
            provisioning: Duration::from_secs(4),
            pulling: Duration::from_secs(8),
            healthy: Duration::from_secs(10),
            settle: Duration::from_secs(40),
            stopping: Duration::from_secs(5),
            spot_warning: Duration::from_mins(2),
            stopped_retention: Duration::from_hours(1),
            inactive_retention: Duration::from_hours(1),
            stage: Duration::from_secs(5),
            load_balancer: Duration::from_mins(2),
            target_registration: Duration::from_secs(5),
            rule_propagation: Duration::from_secs(5),
            capacity_provider: Duration::from_secs(10),
            cloud_map_operation: Duration::from_secs(3),
            eks_cluster: Duration::from_mins(10),
            eks_addon: Duration::from_mins(1),
            dns_propagation: Duration::from_secs(30),
            dns_change: Duration::ZERO,
            event_delivery: Duration::from_millis(500),
            secret_rotation: Duration::from_secs(5),
            iam_propagation: Duration::ZERO,
        }
    }
}

impl Timings {
    /// Everything that is only waiting takes a few milliseconds, for tests that run on a real clock.
    pub fn quick() -> Self {
        Self {
            scheduler: Duration::from_millis(2),
            provisioning: Duration::from_millis(5),
            pulling: Duration::from_millis(5),
            healthy: Duration::from_millis(10),
            settle: Duration::from_millis(20),
            stopping: Duration::from_millis(5),
            spot_warning: Duration::from_millis(20),
            stage: Duration::from_millis(10),
            load_balancer: Duration::from_millis(10),
            target_registration: Duration::from_millis(5),
            rule_propagation: Duration::from_millis(5),
            capacity_provider: Duration::from_millis(5),
            cloud_map_operation: Duration::from_millis(5),
            eks_cluster: Duration::from_millis(20),
            eks_addon: Duration::from_millis(5),
            dns_propagation: Duration::from_millis(5),
            event_delivery: Duration::from_millis(2),
            ..Self::default()
        }
    }
}
