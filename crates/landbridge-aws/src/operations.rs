//! Every AWS operation that Landbridge calls: the list from which the IAM policy is generated and budgets are chosen.
//!
//! The call wrapper takes an [`Operation`] and nothing else, so a call that is not in this list cannot be made.

use Access::{Read, Write};

/// Whether an operation changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// It does not.
    Read,
    /// It does: the lease is checked right before it is sent.
    Write,
}

/// One AWS operation.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// `service:Action`, as IAM writes it.
    pub name: &'static str,
    /// The request bucket that AWS counts it in, see [`crate::budget::DEFAULTS`].
    pub bucket: &'static str,
    /// Whether it changes anything.
    pub access: Access,
    /// Resource of the IAM statement, with `${Account}`, `${Region}`, `${Partition}` and `${RolePath}`; `*` where the
    /// service authorization reference knows no resource for the action.
    pub resource: &'static str,
    /// Whether a call whose answer was lost may simply be sent again.
    pub repeatable: bool,
}

/// An action that IAM asks for although Landbridge does not call it itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Implied {
    /// `service:Action`.
    pub action: &'static str,
    /// As in [`Operation::resource`].
    pub resource: &'static str,
    /// Value of the condition key `iam:PassedToService` or `iam:AWSServiceName`.
    pub service: Option<&'static str>,
    /// Which call needs it.
    pub because: &'static str,
}

const CLUSTER: &str = "arn:${Partition}:ecs:${Region}:${Account}:cluster/*";
const CAPACITY_PROVIDER: &str = "arn:${Partition}:ecs:${Region}:${Account}:capacity-provider/*";
const SERVICE: &str = "arn:${Partition}:ecs:${Region}:${Account}:service/*";
const TASK_DEFINITION: &str = "arn:${Partition}:ecs:${Region}:${Account}:task-definition/*";
const ANY_ECS: &str = "arn:${Partition}:ecs:${Region}:${Account}:*";
const NAMESPACE: &str = "arn:${Partition}:servicediscovery:${Region}:${Account}:namespace/*";
const DISCOVERY: &str = "arn:${Partition}:servicediscovery:${Region}:${Account}:service/*";
const ANY_MAP: &str = "arn:${Partition}:servicediscovery:${Region}:${Account}:*";
const LOG_GROUP: &str = "arn:${Partition}:logs:${Region}:${Account}:log-group:*";
const EKS_CLUSTER: &str = "arn:${Partition}:eks:${Region}:${Account}:cluster/*";
const EKS_ADDON: &str = "arn:${Partition}:eks:${Region}:${Account}:addon/*";
const EKS_ASSOCIATION: &str = "arn:${Partition}:eks:${Region}:${Account}:podidentityassociation/*";
const OIDC_PROVIDER: &str = "arn:${Partition}:iam::${Account}:oidc-provider/*";
const ROLE: &str = "arn:${Partition}:iam::${Account}:role${RolePath}*";
const TARGET_GROUP: &str = "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:targetgroup/*";
const LISTENER: &str = "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:listener/app/*";
const LISTENER_RULE: &str = "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:listener-rule/app/*";
const HOSTED_ZONE: &str = "arn:${Partition}:route53:::hostedzone/*";
const CHANGE: &str = "arn:${Partition}:route53:::change/*";
const SCALABLE_TARGET: &str = "arn:${Partition}:application-autoscaling:${Region}:${Account}:scalable-target/*";
const ANY: &str = "*";

macro_rules! operations {
    ($($id:ident = $name:literal, $bucket:literal, $access:ident, $resource:expr $(, $once:ident)?;)*) => {
        $(#[doc = concat!("`", $name, "`.")]
        pub const $id: &Operation = &Operation {
            name: $name, bucket: $bucket, access: $access, resource: $resource, repeatable: operations!(@ $($once)?),
        };)*
        /// All of them.
        pub const ALL: &[&Operation] = &[$($id),*];
    };
    (@) => { true };
    (@ once) => { false };
}

operations! {
    CREATE_CLUSTER = "ecs:CreateCluster", "ecs/cluster-modify", Write, CLUSTER;
    UPDATE_CLUSTER = "ecs:UpdateCluster", "ecs/cluster-modify", Write, CLUSTER;
    PUT_CLUSTER_CAPACITY_PROVIDERS = "ecs:PutClusterCapacityProviders", "ecs/cluster-modify", Write, CLUSTER;
    DELETE_CLUSTER = "ecs:DeleteCluster", "ecs/cluster-modify", Write, CLUSTER;
    DESCRIBE_CLUSTERS = "ecs:DescribeClusters", "ecs/cluster-read", Read, CLUSTER;
    CREATE_CAPACITY_PROVIDER = "ecs:CreateCapacityProvider", "ecs/capacity-provider-modify", Write, ANY;
    UPDATE_CAPACITY_PROVIDER = "ecs:UpdateCapacityProvider", "ecs/capacity-provider-modify", Write, CAPACITY_PROVIDER;
    DELETE_CAPACITY_PROVIDER = "ecs:DeleteCapacityProvider", "ecs/capacity-provider-modify", Write, CAPACITY_PROVIDER;
    DESCRIBE_CAPACITY_PROVIDERS = "ecs:DescribeCapacityProviders", "ecs/capacity-provider-read", Read, ANY;
    // Not idempotent and without a client token: a repeated call makes another revision.
    REGISTER_TASK_DEFINITION = "ecs:RegisterTaskDefinition", "ecs/task-definition-modify", Write, TASK_DEFINITION, once;
    DEREGISTER_TASK_DEFINITION = "ecs:DeregisterTaskDefinition", "ecs/task-definition-modify", Write, ANY;
    DESCRIBE_TASK_DEFINITION = "ecs:DescribeTaskDefinition", "ecs/task-definition-read", Read, ANY;
    CREATE_SERVICE = "ecs:CreateService", "ecs/service-modify", Write, SERVICE;
    UPDATE_SERVICE = "ecs:UpdateService", "ecs/service-modify", Write, SERVICE;
    DELETE_SERVICE = "ecs:DeleteService", "ecs/service-modify", Write, SERVICE;
    DESCRIBE_SERVICES = "ecs:DescribeServices", "ecs/service-read", Read, SERVICE;
    DESCRIBE_SERVICE_DEPLOYMENTS = "ecs:DescribeServiceDeployments", "ecs/service-deployment", Read, ANY_ECS;
    DESCRIBE_SERVICE_REVISIONS = "ecs:DescribeServiceRevisions", "ecs/service-revision", Read, ANY_ECS;
    LIST_TASKS = "ecs:ListTasks", "ecs/cluster-resource-read", Read, ANY;
    DESCRIBE_TASKS = "ecs:DescribeTasks", "ecs/cluster-resource-read", Read, ANY_ECS;
    ECS_TAG = "ecs:TagResource", "ecs/tag-modify", Write, ANY_ECS;
    ECS_UNTAG = "ecs:UntagResource", "ecs/tag-modify", Write, ANY_ECS;

    CREATE_HTTP_NAMESPACE = "servicediscovery:CreateHttpNamespace", "servicediscovery/modify", Write, ANY;
    CREATE_PRIVATE_DNS_NAMESPACE = "servicediscovery:CreatePrivateDnsNamespace", "servicediscovery/modify", Write, ANY;
    CREATE_PUBLIC_DNS_NAMESPACE = "servicediscovery:CreatePublicDnsNamespace", "servicediscovery/modify", Write, ANY;
    UPDATE_HTTP_NAMESPACE = "servicediscovery:UpdateHttpNamespace", "servicediscovery/modify", Write, NAMESPACE;
    UPDATE_PRIVATE_DNS_NAMESPACE = "servicediscovery:UpdatePrivateDnsNamespace", "servicediscovery/modify", Write, NAMESPACE;
    UPDATE_PUBLIC_DNS_NAMESPACE = "servicediscovery:UpdatePublicDnsNamespace", "servicediscovery/modify", Write, NAMESPACE;
    DELETE_NAMESPACE = "servicediscovery:DeleteNamespace", "servicediscovery/modify", Write, NAMESPACE;
    CREATE_DISCOVERY_SERVICE = "servicediscovery:CreateService", "servicediscovery/modify", Write, ANY_MAP;
    UPDATE_DISCOVERY_SERVICE = "servicediscovery:UpdateService", "servicediscovery/modify", Write, DISCOVERY;
    DELETE_DISCOVERY_SERVICE = "servicediscovery:DeleteService", "servicediscovery/modify", Write, DISCOVERY;
    REGISTER_INSTANCE = "servicediscovery:RegisterInstance", "servicediscovery/instances", Write, DISCOVERY;
    DEREGISTER_INSTANCE = "servicediscovery:DeregisterInstance", "servicediscovery/instances", Write, DISCOVERY;
    CLOUD_MAP_TAG = "servicediscovery:TagResource", "servicediscovery/modify", Write, ANY;
    CLOUD_MAP_UNTAG = "servicediscovery:UntagResource", "servicediscovery/modify", Write, ANY;
    GET_NAMESPACE = "servicediscovery:GetNamespace", "servicediscovery/read", Read, NAMESPACE;
    LIST_NAMESPACES = "servicediscovery:ListNamespaces", "servicediscovery/read", Read, ANY;
    GET_OPERATION = "servicediscovery:GetOperation", "servicediscovery/read", Read, ANY;
    GET_DISCOVERY_SERVICE = "servicediscovery:GetService", "servicediscovery/read", Read, DISCOVERY;
    LIST_DISCOVERY_SERVICES = "servicediscovery:ListServices", "servicediscovery/read", Read, ANY;
    LIST_INSTANCES = "servicediscovery:ListInstances", "servicediscovery/read", Read, DISCOVERY;
    DISCOVER_INSTANCES = "servicediscovery:DiscoverInstances", "servicediscovery/discover", Read, ANY;
    DISCOVER_INSTANCES_REVISION = "servicediscovery:DiscoverInstancesRevision", "servicediscovery/discover-revision", Read, ANY;
    CLOUD_MAP_LIST_TAGS = "servicediscovery:ListTagsForResource", "servicediscovery/read", Read, ANY;

    CREATE_LOG_GROUP = "logs:CreateLogGroup", "logs/create-log-group", Write, LOG_GROUP;
    PUT_RETENTION_POLICY = "logs:PutRetentionPolicy", "logs/put-retention-policy", Write, LOG_GROUP;
    DELETE_RETENTION_POLICY = "logs:DeleteRetentionPolicy", "logs/delete-retention-policy", Write, LOG_GROUP;
    DELETE_LOG_GROUP = "logs:DeleteLogGroup", "logs/delete-log-group", Write, LOG_GROUP;
    LOGS_TAG = "logs:TagResource", "logs/tag-resource", Write, LOG_GROUP;
    LOGS_UNTAG = "logs:UntagResource", "logs/tag-resource", Write, LOG_GROUP;
    DESCRIBE_LOG_GROUPS = "logs:DescribeLogGroups", "logs/describe-log-groups", Read, ANY;
    LOGS_LIST_TAGS = "logs:ListTagsForResource", "logs/list-tags-for-resource", Read, LOG_GROUP;

    CREATE_ROLE = "iam:CreateRole", "iam/modify", Write, ROLE;
    UPDATE_ASSUME_ROLE_POLICY = "iam:UpdateAssumeRolePolicy", "iam/modify", Write, ROLE;
    UPDATE_ROLE = "iam:UpdateRole", "iam/modify", Write, ROLE;
    PUT_ROLE_PERMISSIONS_BOUNDARY = "iam:PutRolePermissionsBoundary", "iam/modify", Write, ROLE;
    DELETE_ROLE_PERMISSIONS_BOUNDARY = "iam:DeleteRolePermissionsBoundary", "iam/modify", Write, ROLE;
    PUT_ROLE_POLICY = "iam:PutRolePolicy", "iam/modify", Write, ROLE;
    DELETE_ROLE_POLICY = "iam:DeleteRolePolicy", "iam/modify", Write, ROLE;
    ATTACH_ROLE_POLICY = "iam:AttachRolePolicy", "iam/modify", Write, ROLE;
    DETACH_ROLE_POLICY = "iam:DetachRolePolicy", "iam/modify", Write, ROLE;
    TAG_ROLE = "iam:TagRole", "iam/modify", Write, ROLE;
    UNTAG_ROLE = "iam:UntagRole", "iam/modify", Write, ROLE;
    DELETE_ROLE = "iam:DeleteRole", "iam/modify", Write, ROLE;
    GET_ROLE = "iam:GetRole", "iam/read", Read, ROLE;
    LIST_ROLE_POLICIES = "iam:ListRolePolicies", "iam/read", Read, ROLE;
    GET_ROLE_POLICY = "iam:GetRolePolicy", "iam/read", Read, ROLE;
    LIST_ATTACHED_ROLE_POLICIES = "iam:ListAttachedRolePolicies", "iam/read", Read, ROLE;
    GET_ACCOUNT_AUTHORIZATION_DETAILS = "iam:GetAccountAuthorizationDetails", "iam/read", Read, ANY;
    LIST_INSTANCE_PROFILES_FOR_ROLE = "iam:ListInstanceProfilesForRole", "iam/read", Read, ROLE;
    GET_OIDC_PROVIDER = "iam:GetOpenIDConnectProvider", "iam/read", Read, OIDC_PROVIDER;

    CREATE_ASSOCIATION = "eks:CreatePodIdentityAssociation", "eks/modify", Write, EKS_CLUSTER;
    UPDATE_ASSOCIATION = "eks:UpdatePodIdentityAssociation", "eks/modify", Write, EKS_ASSOCIATION;
    DELETE_ASSOCIATION = "eks:DeletePodIdentityAssociation", "eks/modify", Write, EKS_ASSOCIATION;
    EKS_TAG = "eks:TagResource", "eks/modify", Write, EKS_ASSOCIATION;
    EKS_UNTAG = "eks:UntagResource", "eks/modify", Write, EKS_ASSOCIATION;
    LIST_ASSOCIATIONS = "eks:ListPodIdentityAssociations", "eks/read", Read, EKS_CLUSTER;
    DESCRIBE_ASSOCIATION = "eks:DescribePodIdentityAssociation", "eks/read", Read, EKS_ASSOCIATION;
    DESCRIBE_EKS_CLUSTER = "eks:DescribeCluster", "eks/read", Read, EKS_CLUSTER;
    DESCRIBE_ADDON = "eks:DescribeAddon", "eks/read", Read, EKS_ADDON;

    CREATE_TARGET_GROUP = "elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing/modify", Write, TARGET_GROUP;
    MODIFY_TARGET_GROUP_ATTRIBUTES = "elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing/modify", Write, TARGET_GROUP;
    DELETE_TARGET_GROUP = "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing/modify", Write, TARGET_GROUP;
    REGISTER_TARGETS = "elasticloadbalancing:RegisterTargets", "elasticloadbalancing/modify", Write, TARGET_GROUP;
    DEREGISTER_TARGETS = "elasticloadbalancing:DeregisterTargets", "elasticloadbalancing/modify", Write, TARGET_GROUP;
    MODIFY_RULE = "elasticloadbalancing:ModifyRule", "elasticloadbalancing/modify", Write, LISTENER_RULE;
    MODIFY_LISTENER = "elasticloadbalancing:ModifyListener", "elasticloadbalancing/modify", Write, LISTENER;
    DESCRIBE_TARGET_GROUPS = "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing/read", Read, ANY;
    DESCRIBE_TARGET_GROUP_ATTRIBUTES = "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing/read", Read, ANY;
    DESCRIBE_TARGET_HEALTH = "elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing/read", Read, ANY;
    DESCRIBE_RULES = "elasticloadbalancing:DescribeRules", "elasticloadbalancing/read", Read, ANY;
    DESCRIBE_LISTENERS = "elasticloadbalancing:DescribeListeners", "elasticloadbalancing/read", Read, ANY;
    DESCRIBE_ELB_LIMITS = "elasticloadbalancing:DescribeAccountLimits", "elasticloadbalancing/read", Read, ANY;
    ELB_DESCRIBE_TAGS = "elasticloadbalancing:DescribeTags", "elasticloadbalancing/read", Read, ANY;

    CHANGE_RECORDS = "route53:ChangeResourceRecordSets", "route53/all", Write, HOSTED_ZONE;
    GET_HOSTED_ZONE = "route53:GetHostedZone", "route53/all", Read, HOSTED_ZONE;
    GET_CHANGE = "route53:GetChange", "route53/all", Read, CHANGE;
    LIST_RECORDS = "route53:ListResourceRecordSets", "route53/all", Read, HOSTED_ZONE;

    REGISTER_SCALABLE_TARGET = "application-autoscaling:RegisterScalableTarget", "application-autoscaling/modify", Write, SCALABLE_TARGET;
    DESCRIBE_SCALABLE_TARGETS = "application-autoscaling:DescribeScalableTargets", "application-autoscaling/read", Read, ANY;

    GET_METRIC_DATA = "cloudwatch:GetMetricData", "cloudwatch/get-metric-data", Read, ANY;
    // Composite alarms are described with `*` only (DescribeAlarms).
    DESCRIBE_ALARMS = "cloudwatch:DescribeAlarms", "cloudwatch/describe-alarms", Read, ANY;

    GET_CALLER_IDENTITY = "sts:GetCallerIdentity", "sts/all", Read, ANY;
}

/// What IAM asks for beside [`ALL`], by the service authorization reference.
pub const IMPLIED: &[Implied] = &[
    Implied {
        action: "iam:PassRole",
        resource: ROLE,
        service: Some("ecs-tasks.amazonaws.com"),
        because: "ecs:RegisterTaskDefinition with a task role or an execution role",
    },
    Implied {
        action: "iam:PassRole",
        resource: ROLE,
        service: Some("ecs.amazonaws.com"),
        because: "ecs:CreateService and UpdateService with a role for volumes or load balancers, ecs:CreateCapacityProvider \
                  and UpdateCapacityProvider with the infrastructure role of Managed Instances",
    },
    Implied {
        action: "elasticloadbalancing:AddTags",
        resource: TARGET_GROUP,
        service: None,
        because: "elasticloadbalancing:CreateTargetGroup with tags",
    },
    Implied {
        action: "iam:PassRole",
        resource: ROLE,
        service: Some("pods.eks.amazonaws.com"),
        because: "eks:CreatePodIdentityAssociation and UpdatePodIdentityAssociation",
    },
    Implied {
        action: "aps:QueryMetrics",
        resource: "arn:${Partition}:aps:${Region}:${Account}:workspace/*",
        service: None,
        because: "gates of a TrafficMigration by Amazon Managed Service for Prometheus, asked without the SDK",
    },
    Implied {
        action: "autoscaling:CreateOrUpdateTags",
        resource: "arn:${Partition}:autoscaling:${Region}:${Account}:autoScalingGroup:*:autoScalingGroupName/*",
        service: None,
        because: "ecs:CreateCapacityProvider with an Auto Scaling group, which gets the tag AmazonECSManaged",
    },
    Implied {
        action: "iam:CreateServiceLinkedRole",
        resource: "arn:${Partition}:iam::${Account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS*",
        service: Some("ecs.amazonaws.com"),
        because: "ecs:CreateCluster and ecs:CreateService in an account that never used ECS",
    },
    Implied {
        action: "route53:CreateHostedZone",
        resource: ANY,
        service: None,
        because: "servicediscovery:CreatePrivateDnsNamespace and CreatePublicDnsNamespace",
    },
    Implied {
        action: "route53:GetHostedZone",
        resource: ANY,
        service: None,
        because: "servicediscovery:CreateService and UpdateService in a DNS namespace",
    },
    Implied {
        action: "route53:ListHostedZonesByName",
        resource: ANY,
        service: None,
        because: "servicediscovery:CreatePrivateDnsNamespace and CreatePublicDnsNamespace",
    },
    Implied {
        action: "route53:ChangeResourceRecordSets",
        resource: ANY,
        service: None,
        because: "servicediscovery:UpdatePrivateDnsNamespace, UpdatePublicDnsNamespace, RegisterInstance and DeregisterInstance",
    },
    Implied {
        action: "route53:DeleteHostedZone",
        resource: ANY,
        service: None,
        because: "servicediscovery:DeleteNamespace of a DNS namespace",
    },
    Implied {
        action: "ec2:DescribeVpcs",
        resource: ANY,
        service: None,
        because: "servicediscovery:CreatePrivateDnsNamespace",
    },
];

impl Operation {
    /// `ecs`, `eks`, `elasticloadbalancing`, `iam`, `logs`, `route53`, `servicediscovery` or `sts`.
    pub fn service(&self) -> &'static str {
        self.name.split_once(':').map_or(self.name, |(service, _)| service)
    }

    /// `CreateService`.
    pub fn action(&self) -> &'static str {
        self.name.split_once(':').map_or("", |(_, action)| action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_is_listed_once_in_a_known_bucket() {
        let names: BTreeSet<_> = ALL.iter().map(|o| o.name).collect();
        assert_eq!(names.len(), ALL.len());
        for operation in ALL {
            assert!(crate::budget::default_quota(operation.bucket).is_some(), "{} has no bucket", operation.name);
            assert_eq!(operation.bucket.split('/').next(), Some(operation.service()));
        }
    }

    #[test]
    fn an_operation_reads_exactly_when_its_name_says_so() {
        for operation in ALL {
            let reads = ["Describe", "Discover", "Get", "List"].iter().any(|verb| operation.action().starts_with(verb));
            assert_eq!(reads, operation.access == Read, "{}", operation.name);
        }
    }

    #[test]
    fn only_what_cannot_be_found_again_by_name_or_token_is_not_repeatable() {
        let once: Vec<_> = ALL.iter().filter(|o| !o.repeatable).map(|o| o.name).collect();
        assert_eq!(once, ["ecs:RegisterTaskDefinition"]);
    }
}
