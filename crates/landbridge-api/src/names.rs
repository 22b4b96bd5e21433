//! Every string Landbridge writes into someone else's system: finalizer, annotations, field managers, AWS tags.
//!
//! They are here once so that a rename is one line and a reader can tell at a glance what leaves the process.

/// API group of every kind.
pub const GROUP: &str = "landbridge.dev";

/// Finalizer stored on an object before its first AWS write and removed when AWS says the thing is gone.
pub const FINALIZER: &str = "landbridge.dev/finalizer";

/// Field manager of the operator's status writes.
pub const STATUS_MANAGER: &str = "landbridge-controller";

/// Field manager of objects that the operator makes in Kubernetes.
pub const OBJECT_MANAGER: &str = "landbridge";

/// Field manager of what the CLI applies.
pub const CLI_MANAGER: &str = "landbridge-cli";

/// Annotations that Landbridge reads.
pub mod annotation {
    /// Any new value makes the operator reconcile the object at once; it is echoed in `status.lastHandledReconcileAt`.
    pub const RECONCILE_NOW: &str = "landbridge.dev/reconcile-now";
    /// Any new value starts a new service deployment of the same content, as `kubectl rollout restart` does.
    pub const RESTARTED_AT: &str = "landbridge.dev/restarted-at";
    /// A command to a TrafficMigration: `start`, `promote`, `pause`, `resume`, `adopt-current` or `abort`, and anything after
    /// a space. Each new value is carried out once; it is echoed in `status.lastCommand`.
    pub const MIGRATE: &str = "landbridge.dev/migrate";
    /// On a workload that `landbridge convert` made of an ECS service: fields that Kubernetes has no exact form for, as a JSON
    /// object from paths of ECSService's spec to values.
    pub const ECS_FIELDS: &str = "landbridge.dev/ecs-fields";
    /// On a workload that `landbridge convert` made: the task definition that it was made of.
    pub const CONVERTED_FROM: &str = "landbridge.dev/converted-from";
    /// On a ServiceAccount: the IAMTaskRole that is its role, too.
    pub const TASK_ROLE: &str = "landbridge.dev/task-role";
    /// On a ServiceAccount: ARN or name of the role that its pods get through EKS Pod Identity.
    pub const TASK_ROLE_ARN: &str = "landbridge.dev/task-role-arn";
    /// On a Service: the whole name that the ECS service has in Cloud Map.
    pub const CLOUD_MAP_NAME: &str = "landbridge.dev/cloud-map-name";
}

/// Labels that Landbridge reads.
pub mod label {
    /// On a ServiceExport, or on a namespace for all that are in it: the CloudMapNamespace in which the Service is registered.
    pub const CLOUD_MAP_NAMESPACE: &str = "landbridge.dev/cloud-map-namespace";
}

/// AWS tags that Landbridge writes on everything it creates. They say who owns a resource: nothing that lacks
/// [`OWNER`](tag::OWNER) with the right value is ever changed or deleted, except to adopt it.
pub mod tag {
    /// `<Kind>/<namespace>/<name>`, the object that owns the AWS resource (`<Kind>/<name>` for cluster-scoped kinds).
    pub const OWNER: &str = "landbridge.dev/owner";
    /// Identity of the Landbridge installation, so that two installations in one account never share a resource.
    pub const INSTALLATION: &str = "landbridge.dev/installation";
    /// Content hash of a task definition revision; the same content is found by it and never registered twice.
    pub const CONTENT: &str = "landbridge.dev/content";
    /// Every tag that starts with this belongs to Landbridge and is not compared with the user's tags.
    pub const PREFIX: &str = "landbridge.dev/";
}
