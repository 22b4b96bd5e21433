//! The fields of what stands beside a service in the files: objects of ours, scaling, rules of listeners, target groups.

use super::table::{Section, near, none, same};

/// What stands beside a service: scaling, rules of listeners, target groups.
pub const BESIDE: &[&[Section]] = &[TARGETS, POLICIES, RULES, TARGET_GROUPS];

/// The note of what only AWS writes.
pub const RECORD: &str = "AWS's own record, no setting: Kubernetes keeps its own";

/// Rows of every object of ours.
pub const OBJECT: &[Section] = &[Section {
    title: "Every object",
    prefix: "",
    rows: &[
        same("apiVersion", "kind"),
        same("kind", "kind"),
        near("status.**", "", "the object's past, no setting"),
        near("metadata.uid", "", "the API server's own record"),
        near("metadata.resourceVersion", "", "the API server's own record"),
        near("metadata.generation", "", "the API server's own record"),
        near("metadata.creationTimestamp", "", "the API server's own record"),
        near("metadata.finalizers", "", "the operator's own record"),
        near("metadata.managedFields[].**", "", "the API server's own record"),
    ],
}];

/// Rows of an ECSService outside its spec.
pub const MANIFEST: &[Section] = &[Section {
    title: "ECSService",
    prefix: "metadata",
    rows: &[
        same("name", "metadata.name"),
        same("namespace", "metadata.namespace"),
        near("labels.*", "", "labels of the workload are the service's tags"),
        near("annotations.*", "", "annotations of the ECSService are for its own readers"),
    ],
}];

/// Rows of an ECSCluster.
pub const CLUSTER: &[Section] = &[Section {
    title: "ECSCluster",
    prefix: "",
    rows: &[near("spec.serviceDefaults.**", "", "every service says this itself")],
}];

/// Rows of what `describe-scalable-targets` prints.
pub const TARGETS: &[Section] = &[Section {
    title: "Scalable target",
    prefix: "ScalableTargets[]",
    rows: &[
        same("MinCapacity", "HorizontalPodAutoscaler minReplicas"),
        same("MaxCapacity", "HorizontalPodAutoscaler maxReplicas"),
        near("ServiceNamespace", "HorizontalPodAutoscaler", "the Deployment is what is scaled"),
        near("ResourceId", "HorizontalPodAutoscaler scaleTargetRef", "the Deployment is what is scaled"),
        near("ScalableDimension", "HorizontalPodAutoscaler", "replicas are what is scaled"),
        none("SuspendedState.*Suspended", "delete the HorizontalPodAutoscaler, or set its policies to Disabled"),
        near("RoleARN", "", RECORD),
        near("CreationTime", "", RECORD),
        near("ScalableTargetARN", "", RECORD),
    ],
}];

/// Rows of what `describe-scaling-policies` prints.
pub const POLICIES: &[Section] = &[Section {
    title: "Scaling policy",
    prefix: "ScalingPolicies[]",
    rows: &[
        near("PolicyARN", "", RECORD),
        near("PolicyName", "", RECORD),
        near("CreationTime", "", RECORD),
        near("Alarms[].**", "", RECORD),
        near("ServiceNamespace", "", RECORD),
        near("ResourceId", "", RECORD),
        near("ScalableDimension", "", RECORD),
        near("PolicyType", "HorizontalPodAutoscaler metrics", "a metric with a target"),
        near(
            "TargetTrackingScalingPolicyConfiguration.TargetValue",
            "HorizontalPodAutoscaler averageUtilization",
            "per cent of what the pods request, where ECS takes per cent of what the tasks reserve",
        ),
        near(
            "TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification.PredefinedMetricType",
            "HorizontalPodAutoscaler metrics[].resource.name",
            "an average over the pods",
        ),
        near(
            "TargetTrackingScalingPolicyConfiguration.ScaleInCooldown",
            "HorizontalPodAutoscaler behavior.scaleDown",
            "the window whose highest wish counts, not a pause",
        ),
        near(
            "TargetTrackingScalingPolicyConfiguration.ScaleOutCooldown",
            "HorizontalPodAutoscaler behavior.scaleUp",
            "the window whose lowest wish counts, not a pause",
        ),
        none(
            "TargetTrackingScalingPolicyConfiguration.DisableScaleIn",
            "set behavior.scaleDown.selectPolicy to Disabled",
        ),
    ],
}];

/// Rows of what `describe-rules` prints.
pub const RULES: &[Section] = &[Section {
    title: "Rule of a listener",
    prefix: "Rules[]",
    rows: &[
        near("RuleArn", "", RECORD),
        near("IsDefault", "", RECORD),
        near("Priority", "", "the load balancer controller numbers its own rules; the order is kept"),
        near("Conditions[].Field", "Ingress, HTTPRoute", "hosts and paths"),
        near("Conditions[].Values", "Ingress, HTTPRoute", "hosts and paths of rules that lead to a service here"),
        near(
            "Conditions[].HostHeaderConfig.Values",
            "Ingress host, HTTPRoute hostnames",
            "hosts of rules that lead to a service here",
        ),
        near(
            "Conditions[].PathPatternConfig.Values",
            "Ingress path, HTTPRoute matches",
            "/x/* is a prefix, /x is exact",
        ),
        none(
            "Conditions[].**",
            "say it in an annotation of the load balancer controller: alb.ingress.kubernetes.io/conditions.<service>",
        ),
        near("Actions[].Type", "Ingress backend, HTTPRoute backendRefs", "forwards"),
        near("Actions[].Order", "", "there is one action"),
        near(
            "Actions[].TargetGroupArn",
            "Ingress backend, HTTPRoute backendRefs",
            "the controller makes a target group of its own",
        ),
        near(
            "Actions[].ForwardConfig.TargetGroups[].TargetGroupArn",
            "Ingress backend, HTTPRoute backendRefs",
            "the controller makes a target group of its own",
        ),
        near(
            "Actions[].ForwardConfig.TargetGroups[].Weight",
            "",
            "one backend has all of it; a TrafficMigration shifts weights",
        ),
        near(
            "Actions[].ForwardConfig.TargetGroupStickinessConfig.*",
            "",
            "set target-group-attributes of the load balancer controller",
        ),
        none(
            "Actions[].**",
            "say it in an annotation of the load balancer controller: alb.ingress.kubernetes.io/actions.<service>",
        ),
    ],
}];

/// Rows of what `describe-target-groups` prints.
pub const TARGET_GROUPS: &[Section] = &[Section {
    title: "Target group",
    prefix: "TargetGroups[]",
    rows: &[
        same("HealthCheckPath", "readinessProbe.httpGet.path"),
        same("HealthCheckPort", "readinessProbe"),
        same("HealthCheckProtocol", "readinessProbe"),
        same("HealthCheckIntervalSeconds", "readinessProbe.periodSeconds"),
        same("HealthCheckTimeoutSeconds", "readinessProbe.timeoutSeconds"),
        same("HealthyThresholdCount", "readinessProbe.successThreshold"),
        same("UnhealthyThresholdCount", "readinessProbe.failureThreshold"),
        near("HealthCheckEnabled", "readinessProbe", "a probe that is there is on"),
        near("Matcher.*", "readinessProbe", "Kubernetes takes 200 to 399 as good"),
        near("**", "", "the load balancer controller makes a target group of its own"),
    ],
}];
