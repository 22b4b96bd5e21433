//! One typed AWS write. Every write of Landbridge is a `Change`; nothing else writes.
//!
//! Requests whose shape is declared in `landbridge-api` carry their body as JSON in ECS's own names, so that what a
//! plan shows is what AWS gets. Strings may be tokens (see [`crate::token`]).

use std::collections::BTreeMap;

use landbridge_api::v1alpha1::TargetWeight;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::traffic_migration::HealthCheckFacts;

/// A request body in the service's own JSON names.
pub type Body = Map<String, Value>;
/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The tagging API that a resource belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tagged {
    /// Clusters, services, task definitions, capacity providers.
    Ecs,
    /// Namespaces and services.
    CloudMap,
    /// Log groups.
    Logs,
    /// Pod Identity associations.
    Eks,
}

/// One AWS write. What it produces for later steps is said in its documentation as «outputs».
// The fields are the operation's own parameters, so their names say what a comment would.
#[allow(missing_docs)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all_fields = "camelCase")]
pub enum Change {
    /// ecs:CreateCluster; the body holds the name. Outputs `arn`.
    CreateCluster { name: String, body: Body },
    /// ecs:UpdateCluster (settings, configuration, Service Connect defaults); the body holds `cluster`.
    UpdateCluster { name: String, body: Body },
    /// ecs:PutClusterCapacityProviders: replaces providers and default strategy; the body holds `cluster`.
    PutClusterCapacityProviders { name: String, body: Body },
    /// ecs:DeleteCluster.
    DeleteCluster { name: String },
    /// ecs:CreateCapacityProvider; the body holds the name, and `cluster` for Managed Instances. Outputs `arn`.
    CreateCapacityProvider { name: String, body: Body },
    /// ecs:UpdateCapacityProvider with only what differs, and `cluster` for Managed Instances.
    UpdateCapacityProvider { name: String, body: Body },
    /// ecs:DeleteCapacityProvider; `cluster` for Managed Instances.
    DeleteCapacityProvider { name: String, cluster: Option<String> },

    /// ecs:RegisterTaskDefinition. Outputs `arn`. The body's tags hold the content hash.
    RegisterTaskDefinition { family: String, content: String, body: Body },
    /// ecs:DeregisterTaskDefinition.
    DeregisterTaskDefinition { arn: String },
    /// ecs:CreateService. Outputs `arn`. The body holds the client token.
    CreateService { cluster: String, name: String, body: Body },
    /// ecs:UpdateService with only the fields that differ.
    UpdateService { cluster: String, name: String, body: Body },
    /// ecs:DeleteService with `force`.
    DeleteService { cluster: String, name: String },

    /// servicediscovery:CreateHttpNamespace, CreatePrivateDnsNamespace or CreatePublicDnsNamespace by `body.Type`.
    /// Outputs `operation`, and `id` and `arn` once the operation has ended.
    CreateNamespace { name: String, body: Body },
    /// servicediscovery:UpdateHttpNamespace and its two siblings by `body.Type`. Outputs `operation`.
    UpdateNamespace { id: String, name: String, body: Body },
    /// servicediscovery:DeleteNamespace. Outputs `operation`.
    DeleteNamespace { id: String, name: String },
    /// servicediscovery:CreateService. Outputs `id` and `arn`.
    CreateDiscoveryService { name: String, body: Body },
    /// servicediscovery:UpdateService. Replaces description, DNS records and health check.
    UpdateDiscoveryService { id: String, name: String, body: Body },
    /// servicediscovery:RegisterInstance: makes the instance, or replaces its attributes. Outputs `operation`.
    RegisterInstance { service_id: String, instance_id: String, attributes: Tags },
    /// servicediscovery:DeregisterInstance. Outputs `operation`.
    DeregisterInstance { service_id: String, instance_id: String },
    /// servicediscovery:DeleteService.
    DeleteDiscoveryService { id: String, name: String },

    /// logs:CreateLogGroup.
    CreateLogGroup { name: String, kms_key_id: Option<String>, tags: Tags },
    /// logs:PutRetentionPolicy, or logs:DeleteRetentionPolicy when `days` is none.
    SetRetention { name: String, days: Option<i32> },
    /// logs:DeleteLogGroup.
    DeleteLogGroup { name: String },

    /// iam:CreateRole. Outputs `arn`. The body holds `Description`, `MaxSessionDuration` and `PermissionsBoundary`, where
    /// they are wanted.
    CreateRole { name: String, path: String, trust: Value, body: Body, tags: Tags },
    /// iam:UpdateAssumeRolePolicy.
    UpdateTrust { role: String, trust: Value },
    /// iam:UpdateRole: description and longest session, both always sent.
    UpdateRole { role: String, description: String, max_session_duration: i32 },
    /// iam:PutRolePermissionsBoundary, or iam:DeleteRolePermissionsBoundary when `arn` is none.
    SetBoundary { role: String, arn: Option<String> },
    /// iam:PutRolePolicy.
    PutRolePolicy { role: String, name: String, document: Value },
    /// iam:DeleteRolePolicy.
    DeleteRolePolicy { role: String, name: String },
    /// iam:AttachRolePolicy.
    AttachRolePolicy { role: String, arn: String },
    /// iam:DetachRolePolicy.
    DetachRolePolicy { role: String, arn: String },
    /// iam:TagRole and iam:UntagRole.
    TagRole { role: String, set: Tags, remove: Vec<String> },
    /// iam:DeleteRole.
    DeleteRole { name: String },

    /// eks:CreatePodIdentityAssociation. The body holds `roleArn`, and `targetRoleArn`, `disableSessionTags` and `policy` where
    /// they are wanted. Outputs `arn`.
    CreatePodIdentityAssociation { cluster: String, namespace: String, service_account: String, body: Body, tags: Tags },
    /// eks:UpdatePodIdentityAssociation with only what differs; an empty text takes `targetRoleArn` or `policy` away.
    UpdatePodIdentityAssociation { cluster: String, namespace: String, service_account: String, id: String, body: Body },
    /// eks:DeletePodIdentityAssociation.
    DeletePodIdentityAssociation { cluster: String, namespace: String, service_account: String, id: String },

    /// Server-side apply of an object in Kubernetes: over the one of that UID, or a new one where none was seen. The body is
    /// the whole object but for `apiVersion`, `kind` and its names; its annotations say whose it is (see
    /// [`crate::kubernetes::annotations`]), and an object of that name that does not carry them is left alone.
    ApplyObject { api_version: String, kind: String, namespace: String, name: String, uid: Option<String>, body: Body },
    /// Deletion of an object in Kubernetes, if it is still the one of that UID.
    DeleteObject { api_version: String, kind: String, namespace: String, name: String, uid: String },

    /// JSON merge patch of an object in Kubernetes that somebody else governs: only what `patch` names changes, and only while
    /// the object is still at that resource version, which no other object of its name ever has.
    PatchObject { api_version: String, kind: String, namespace: String, name: String, version: String, patch: Body },

    /// elasticloadbalancing:CreateTargetGroup. Outputs `arn`.
    CreateTargetGroup { name: String, settings: TargetGroupSettings, tags: Tags },
    /// elasticloadbalancing:ModifyTargetGroupAttributes.
    SetTargetGroupAttributes { arn: String, attributes: BTreeMap<String, String> },
    /// elasticloadbalancing:DeleteTargetGroup.
    DeleteTargetGroup { arn: String },
    /// elasticloadbalancing:RegisterTargets.
    RegisterTargets { group: String, targets: Vec<Target> },
    /// elasticloadbalancing:DeregisterTargets.
    DeregisterTargets { group: String, targets: Vec<Target> },
    /// elasticloadbalancing:ModifyRule, or ModifyListener for a default action: other weights in the forward action,
    /// everything else as it is. Refused when the weights are no longer `expected`.
    ShiftWeights { point: String, is_default: bool, expected: Vec<TargetWeight>, weights: Vec<TargetWeight> },

    /// route53:ChangeResourceRecordSets: the sets of one name and type are replaced in one batch, which Route 53 refuses when
    /// they are no longer `expected`.
    ReplaceRecords { zone: String, name: String, expected: Vec<Value>, records: Vec<Value> },

    /// application-autoscaling:RegisterScalableTarget: another fewest number of tasks of an ECS service. Refused when it is no
    /// longer `expected`.
    SetMinCapacity { resource: String, expected: i32, min: i32 },

    /// TagResource and UntagResource of the service that the resource belongs to.
    Tag { api: Tagged, arn: String, set: Tags, remove: Vec<String> },
}

/// What a target group is made with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetGroupSettings {
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// `HTTP1`, `HTTP2` or `GRPC`.
    pub protocol_version: Option<String>,
    /// Port of targets that name none.
    pub port: i32,
    /// VPC of the targets.
    pub vpc_id: String,
    /// `ipv4` or `ipv6`.
    pub ip_address_type: Option<String>,
    /// How targets are checked.
    pub health_check: HealthCheckFacts,
}

/// A target of a target group: an address and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// IP address.
    pub id: String,
    /// Port.
    pub port: i32,
}

/// How a plan line starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Something that is not there is made.
    Create,
    /// Something is changed in place.
    Update,
    /// Something is taken away.
    Delete,
}

impl Change {
    /// Create, update or delete.
    pub fn verb(&self) -> Verb {
        use Change as C;
        match self {
            C::CreateCluster { .. }
            | C::CreateCapacityProvider { .. }
            | C::RegisterTaskDefinition { .. }
            | C::CreateService { .. }
            | C::CreateNamespace { .. }
            | C::CreateDiscoveryService { .. }
            | C::RegisterInstance { .. }
            | C::CreateLogGroup { .. }
            | C::CreateRole { .. }
            | C::CreatePodIdentityAssociation { .. }
            | C::ApplyObject { uid: None, .. }
            | C::CreateTargetGroup { .. }
            | C::RegisterTargets { .. } => Verb::Create,
            C::DeleteCluster { .. }
            | C::DeleteCapacityProvider { .. }
            | C::DeregisterTaskDefinition { .. }
            | C::DeleteService { .. }
            | C::DeleteNamespace { .. }
            | C::DeregisterInstance { .. }
            | C::DeleteDiscoveryService { .. }
            | C::DeleteLogGroup { .. }
            | C::DeleteRole { .. }
            | C::DeletePodIdentityAssociation { .. }
            | C::DeleteObject { .. }
            | C::DeleteTargetGroup { .. }
            | C::DeregisterTargets { .. } => Verb::Delete,
            C::UpdateCluster { .. }
            | C::PutClusterCapacityProviders { .. }
            | C::UpdateCapacityProvider { .. }
            | C::UpdateService { .. }
            | C::UpdateNamespace { .. }
            | C::UpdateDiscoveryService { .. }
            | C::SetRetention { .. }
            | C::UpdateTrust { .. }
            | C::UpdateRole { .. }
            | C::SetBoundary { .. }
            | C::PutRolePolicy { .. }
            | C::DeleteRolePolicy { .. }
            | C::AttachRolePolicy { .. }
            | C::DetachRolePolicy { .. }
            | C::TagRole { .. }
            | C::UpdatePodIdentityAssociation { .. }
            | C::ApplyObject { .. }
            | C::PatchObject { .. }
            | C::SetTargetGroupAttributes { .. }
            | C::ShiftWeights { .. }
            | C::ReplaceRecords { .. }
            | C::SetMinCapacity { .. }
            | C::Tag { .. } => Verb::Update,
        }
    }

    /// Whether something that runs or holds data goes away.
    pub fn is_destructive(&self) -> bool {
        self.verb() == Verb::Delete && !matches!(self, Change::DeregisterTaskDefinition { .. })
    }

    /// The thing that is written, in words: `ECS service prod/web`.
    pub fn target(&self) -> String {
        use Change as C;
        match self {
            C::CreateCluster { name, .. }
            | C::UpdateCluster { name, .. }
            | C::PutClusterCapacityProviders { name, .. }
            | C::DeleteCluster { name } => format!("ECS cluster {name}"),
            C::CreateCapacityProvider { name, .. }
            | C::UpdateCapacityProvider { name, .. }
            | C::DeleteCapacityProvider { name, .. } => format!("capacity provider {name}"),
            C::RegisterTaskDefinition { family, .. } => format!("task definition {family}"),
            C::DeregisterTaskDefinition { arn } => format!("task definition {}", after_slash(arn)),
            C::CreateService { cluster, name, .. }
            | C::UpdateService { cluster, name, .. }
            | C::DeleteService { cluster, name } => format!("ECS service {cluster}/{name}"),
            C::CreateNamespace { name, .. } | C::UpdateNamespace { name, .. } | C::DeleteNamespace { name, .. } => {
                format!("Cloud Map namespace {name}")
            }
            C::CreateDiscoveryService { name, .. }
            | C::UpdateDiscoveryService { name, .. }
            | C::DeleteDiscoveryService { name, .. } => format!("Cloud Map service {name}"),
            C::RegisterInstance { service_id, instance_id, .. } | C::DeregisterInstance { service_id, instance_id } => {
                let service_id = crate::token::shown(service_id);
                format!("Cloud Map instance {instance_id} of {service_id}")
            }
            C::CreateLogGroup { name, .. } | C::SetRetention { name, .. } | C::DeleteLogGroup { name } => {
                format!("log group {name}")
            }
            C::CreateRole { name, .. } | C::DeleteRole { name } => format!("IAM role {name}"),
            C::UpdateTrust { role, .. } => format!("trust policy of IAM role {role}"),
            C::UpdateRole { role, .. } | C::SetBoundary { role, .. } => format!("IAM role {role}"),
            C::PutRolePolicy { role, name, .. } | C::DeleteRolePolicy { role, name } => {
                format!("policy {name} of IAM role {role}")
            }
            C::AttachRolePolicy { role, arn } | C::DetachRolePolicy { role, arn } => {
                format!("managed policy {} of IAM role {role}", after_slash(arn))
            }
            C::TagRole { role, .. } => format!("tags of IAM role {role}"),
            C::CreatePodIdentityAssociation { cluster, namespace, service_account, .. }
            | C::UpdatePodIdentityAssociation { cluster, namespace, service_account, .. }
            | C::DeletePodIdentityAssociation { cluster, namespace, service_account, .. } => {
                format!("Pod Identity association {cluster}/{namespace}/{service_account}")
            }
            C::ApplyObject { kind, namespace, name, .. }
            | C::PatchObject { kind, namespace, name, .. }
            | C::DeleteObject { kind, namespace, name, .. } => {
                format!("{kind} {namespace}/{name}")
            }
            C::CreateTargetGroup { name, .. } => format!("target group {name}"),
            C::SetTargetGroupAttributes { arn, .. } => format!("attributes of target group {}", group_name(arn)),
            C::DeleteTargetGroup { arn } => format!("target group {}", group_name(arn)),
            C::RegisterTargets { group, targets } | C::DeregisterTargets { group, targets } => {
                let named = targets.iter().map(|t| format!("{}:{}", t.id, t.port)).collect::<Vec<_>>();
                format!("targets {} of target group {}", named.join(", "), group_name(group))
            }
            C::ShiftWeights { point, is_default: true, .. } => {
                format!("default action of listener {}", after_slash(point))
            }
            C::ShiftWeights { point, .. } => format!("listener rule {}", after_slash(point)),
            C::ReplaceRecords { zone, name, .. } => format!("record {name} of zone {zone}"),
            C::SetMinCapacity { resource, .. } => format!("scaling of {resource}"),
            C::Tag { arn, .. } => format!("tags of {}", crate::token::shown(arn)),
        }
    }

    /// Whether it is written to Kubernetes rather than to AWS.
    pub fn is_kubernetes(&self) -> bool {
        matches!(self, Change::ApplyObject { .. } | Change::PatchObject { .. } | Change::DeleteObject { .. })
    }

    /// The AWS operation, as IAM names it: `ecs:CreateService`.
    pub fn operation(&self) -> &'static str {
        use Change as C;
        match self {
            C::CreateCluster { .. } => "ecs:CreateCluster",
            C::UpdateCluster { .. } => "ecs:UpdateCluster",
            C::PutClusterCapacityProviders { .. } => "ecs:PutClusterCapacityProviders",
            C::DeleteCluster { .. } => "ecs:DeleteCluster",
            C::CreateCapacityProvider { .. } => "ecs:CreateCapacityProvider",
            C::UpdateCapacityProvider { .. } => "ecs:UpdateCapacityProvider",
            C::DeleteCapacityProvider { .. } => "ecs:DeleteCapacityProvider",
            C::RegisterTaskDefinition { .. } => "ecs:RegisterTaskDefinition",
            C::DeregisterTaskDefinition { .. } => "ecs:DeregisterTaskDefinition",
            C::CreateService { .. } => "ecs:CreateService",
            C::UpdateService { .. } => "ecs:UpdateService",
            C::DeleteService { .. } => "ecs:DeleteService",
            C::CreateNamespace { .. } => "servicediscovery:CreateNamespace",
            C::UpdateNamespace { .. } => "servicediscovery:UpdateNamespace",
            C::DeleteNamespace { .. } => "servicediscovery:DeleteNamespace",
            C::CreateDiscoveryService { .. } => "servicediscovery:CreateService",
            C::UpdateDiscoveryService { .. } => "servicediscovery:UpdateService",
            C::RegisterInstance { .. } => "servicediscovery:RegisterInstance",
            C::DeregisterInstance { .. } => "servicediscovery:DeregisterInstance",
            C::DeleteDiscoveryService { .. } => "servicediscovery:DeleteService",
            C::CreateLogGroup { .. } => "logs:CreateLogGroup",
            C::SetRetention { days: Some(_), .. } => "logs:PutRetentionPolicy",
            C::SetRetention { days: None, .. } => "logs:DeleteRetentionPolicy",
            C::DeleteLogGroup { .. } => "logs:DeleteLogGroup",
            C::CreateRole { .. } => "iam:CreateRole",
            C::UpdateTrust { .. } => "iam:UpdateAssumeRolePolicy",
            C::UpdateRole { .. } => "iam:UpdateRole",
            C::SetBoundary { arn: Some(_), .. } => "iam:PutRolePermissionsBoundary",
            C::SetBoundary { arn: None, .. } => "iam:DeleteRolePermissionsBoundary",
            C::PutRolePolicy { .. } => "iam:PutRolePolicy",
            C::DeleteRolePolicy { .. } => "iam:DeleteRolePolicy",
            C::AttachRolePolicy { .. } => "iam:AttachRolePolicy",
            C::DetachRolePolicy { .. } => "iam:DetachRolePolicy",
            C::TagRole { .. } => "iam:TagRole",
            C::DeleteRole { .. } => "iam:DeleteRole",
            C::CreatePodIdentityAssociation { .. } => "eks:CreatePodIdentityAssociation",
            C::UpdatePodIdentityAssociation { .. } => "eks:UpdatePodIdentityAssociation",
            C::DeletePodIdentityAssociation { .. } => "eks:DeletePodIdentityAssociation",
            C::ApplyObject { .. } => "kubernetes:Apply",
            C::PatchObject { .. } => "kubernetes:Patch",
            C::DeleteObject { .. } => "kubernetes:Delete",
            C::CreateTargetGroup { .. } => "elasticloadbalancing:CreateTargetGroup",
            C::SetTargetGroupAttributes { .. } => "elasticloadbalancing:ModifyTargetGroupAttributes",
            C::DeleteTargetGroup { .. } => "elasticloadbalancing:DeleteTargetGroup",
            C::RegisterTargets { .. } => "elasticloadbalancing:RegisterTargets",
            C::DeregisterTargets { .. } => "elasticloadbalancing:DeregisterTargets",
            C::ShiftWeights { is_default: false, .. } => "elasticloadbalancing:ModifyRule",
            C::ShiftWeights { is_default: true, .. } => "elasticloadbalancing:ModifyListener",
            C::ReplaceRecords { .. } => "route53:ChangeResourceRecordSets",
            C::SetMinCapacity { .. } => "application-autoscaling:RegisterScalableTarget",
            C::Tag { api: Tagged::Ecs, .. } => "ecs:TagResource",
            C::Tag { api: Tagged::CloudMap, .. } => "servicediscovery:TagResource",
            C::Tag { api: Tagged::Logs, .. } => "logs:TagResource",
            C::Tag { api: Tagged::Eks, .. } => "eks:TagResource",
        }
    }
}

fn after_slash(arn: &str) -> &str {
    crate::token::shown(arn).rsplit('/').next().unwrap_or(arn)
}

/// The name in the ARN of a target group: `…:targetgroup/<name>/<id>`.
fn group_name(arn: &str) -> &str {
    crate::token::shown(arn).split('/').nth(1).unwrap_or(arn)
}
