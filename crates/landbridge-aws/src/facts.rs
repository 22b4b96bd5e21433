//! From the JSON of ECS's own structures to the facts that planners read. Decides nothing.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use jiff::Timestamp;
use landbridge_api::ecs::schema::schema_of;
use landbridge_api::ecs::{ClusterFields, ServiceFields};
use landbridge_plan::change::{Body, Tags};
use landbridge_plan::ecs_cluster::{CapacityProviderFacts, ClusterFacts};
use landbridge_plan::ecs_service::{
    DeploymentFacts, EventFacts, SHOWN_IN_REVISIONS, ServiceDeploymentFacts, ServiceFacts,
};
use serde_json::Value;

use crate::recent::Facts;

/// Members of `T` by its declaration, but tags, which are read by themselves.
fn members_of<T: schemars::JsonSchema>() -> Vec<String> {
    let schema = schema_of::<T>();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, _)| name.clone()).filter(|name| name != "tags").collect()
}

static SERVICE_MEMBERS: LazyLock<Vec<String>> = LazyLock::new(members_of::<ServiceFields>);
static CLUSTER_MEMBERS: LazyLock<Vec<String>> = LazyLock::new(members_of::<ClusterFields>);

/// Members that DescribeServices shows in each deployment and not in the service (`Service` and `Deployment` in the
/// ECS API reference).
const SHOWN_IN_DEPLOYMENTS: &[&str] =
    &["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"];

/// A service from DescribeServices, CreateService, UpdateService or DeleteService. An INACTIVE one is not there.
pub(crate) fn service(json: &Value) -> Option<ServiceFacts> {
    let status = text(json, "status");
    if status == "INACTIVE" {
        return None;
    }
    let mut deployments: Vec<DeploymentFacts> = list(json, "deployments").map(deployment).collect();
    deployments.sort_by_key(|d| d.status != "PRIMARY");
    Some(ServiceFacts {
        arn: text(json, "serviceArn"),
        status,
        desired_count: int(json, "desiredCount"),
        running_count: int(json, "runningCount"),
        pending_count: int(json, "pendingCount"),
        task_definition: text(json, "taskDefinition"),
        fields: service_fields(json),
        tags: tags(json),
        deployments,
        current_service_deployment: optional(json, "currentServiceDeployment"),
        current_service_revisions: list(json, "currentServiceRevisions").map(|r| text(r, "arn")).collect(),
        events: list(json, "events").filter_map(event).collect(),
        created_at: time(json, "createdAt"),
    })
}

fn service_fields(json: &Value) -> Body {
    let mut fields = members(json, &SERVICE_MEMBERS);
    let primary = list(json, "deployments").find(|d| text(d, "status") == "PRIMARY");
    for name in SHOWN_IN_DEPLOYMENTS {
        if let Some(value) = primary.and_then(|d| d.get(*name)) {
            fields.insert((*name).to_owned(), value.clone());
        }
    }
    // CreateService takes `role`; what it made shows `roleArn`, and ECS's own linked role where none was given.
    if let Some(role) = optional(json, "roleArn").filter(|r| !r.contains("/aws-service-role/")) {
        fields.insert("role".to_owned(), Value::String(role));
    }
    fields
}

fn members(json: &Value, names: &[String]) -> Body {
    let object = json.as_object();
    let held = |name: &String| object.and_then(|o| o.get(name)).filter(|v| !v.is_null()).cloned();
    names.iter().filter_map(|name| Some((name.clone(), held(name)?))).collect()
}

fn deployment(json: &Value) -> DeploymentFacts {
    DeploymentFacts {
        id: text(json, "id"),
        status: text(json, "status"),
        task_definition: text(json, "taskDefinition"),
        rollout_state: optional(json, "rolloutState"),
        rollout_state_reason: optional(json, "rolloutStateReason"),
        desired_count: int(json, "desiredCount"),
        running_count: int(json, "runningCount"),
        pending_count: int(json, "pendingCount"),
        failed_tasks: int(json, "failedTasks"),
    }
}

fn event(json: &Value) -> Option<EventFacts> {
    Some(EventFacts { id: text(json, "id"), created_at: time(json, "createdAt")?, message: text(json, "message") })
}

/// A service deployment from DescribeServiceDeployments.
pub(crate) fn service_deployment(json: &Value) -> ServiceDeploymentFacts {
    ServiceDeploymentFacts {
        arn: text(json, "serviceDeploymentArn"),
        status: text(json, "status"),
        status_reason: optional(json, "statusReason"),
        target_revision: json.get("targetServiceRevision").and_then(|r| optional(r, "arn")),
        lifecycle_stage: optional(json, "lifecycleStage"),
    }
}

/// What only a service revision shows, from DescribeServiceRevisions.
pub(crate) fn revision_fields(json: &Value) -> Body {
    let names: Vec<String> = SHOWN_IN_REVISIONS.iter().map(|n| (*n).to_owned()).collect();
    members(json, &names)
}

/// A cluster from DescribeClusters, CreateCluster or UpdateCluster. An INACTIVE one is not there.
pub(crate) fn cluster(json: &Value) -> Option<ClusterFacts> {
    let status = text(json, "status");
    if status == "INACTIVE" {
        return None;
    }
    let mut fields = members(json, &CLUSTER_MEMBERS);
    // ECS shows an absent default namespace as an empty block.
    fields.retain(|_, value| !value.as_object().is_some_and(serde_json::Map::is_empty));
    Some(ClusterFacts {
        arn: text(json, "clusterArn"),
        status,
        fields,
        tags: tags(json),
        active_services: int(json, "activeServicesCount"),
        running_tasks: int(json, "runningTasksCount"),
        service_connect_namespace: None,
        attachments_status: optional(json, "attachmentsStatus"),
    })
}

/// A capacity provider from DescribeCapacityProviders, CreateCapacityProvider, UpdateCapacityProvider or
/// DeleteCapacityProvider. An INACTIVE one is not there.
pub(crate) fn capacity_provider(json: &Value) -> Option<CapacityProviderFacts> {
    let status = text(json, "status");
    if status == "INACTIVE" {
        return None;
    }
    let kinds = ["autoScalingGroupProvider", "managedInstancesProvider"].map(str::to_owned);
    // A name or an ARN.
    let cluster = optional(json, "cluster").map(|c| c.rsplit('/').next().unwrap_or_default().to_owned());
    Some(CapacityProviderFacts {
        arn: text(json, "capacityProviderArn"),
        name: text(json, "name"),
        status,
        cluster,
        fields: members(json, &kinds),
        tags: tags(json),
        update_status: optional(json, "updateStatus"),
        update_status_reason: optional(json, "updateStatusReason"),
    })
}

/// Whether a cluster's facts have a field of that name.
pub(crate) fn is_cluster_member(name: &str) -> bool {
    CLUSTER_MEMBERS.iter().any(|m| m == name)
}

/// `tags` as ECS (`key`) and Cloud Map (`Key`) write them.
pub(crate) fn tags(json: &Value) -> Tags {
    let named = |tag: &Value, lower: &str, upper: &str| {
        tag.get(lower).or_else(|| tag.get(upper)).and_then(Value::as_str).map(str::to_owned)
    };
    let all = list(json, "tags").chain(list(json, "Tags"));
    all.filter_map(|tag| Some((named(tag, "key", "Key")?, named(tag, "value", "Value").unwrap_or_default()))).collect()
}

pub(crate) fn text(json: &Value, name: &str) -> String {
    optional(json, name).unwrap_or_default()
}

pub(crate) fn optional(json: &Value, name: &str) -> Option<String> {
    json.get(name)?.as_str().filter(|t| !t.is_empty()).map(str::to_owned)
}

fn int(json: &Value, name: &str) -> i32 {
    json.get(name).and_then(Value::as_i64).map_or(0, |n| n as i32)
}

fn time(json: &Value, name: &str) -> Option<Timestamp> {
    json.get(name)?.as_str()?.parse().ok()
}

pub(crate) fn list<'a>(json: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    json.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Hash of anything that has a JSON.
pub(crate) fn hash(value: &impl serde::Serialize) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(value).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

impl Facts for ServiceFacts {
    fn stamp(&self) -> u64 {
        let ids: Vec<_> = self.deployments.iter().map(|d| &d.id).collect();
        hash(&(&self.status, self.desired_count, &self.task_definition, &self.fields, &self.tags, ids))
    }

    fn stays(&self) -> bool {
        self.status == "ACTIVE"
    }

    fn told(&self) -> Option<Timestamp> {
        self.events.iter().map(|e| e.created_at).max()
    }

    fn complete(&mut self, before: Option<&Self>) {
        if self.tags.is_empty() {
            self.tags = before.map(|b| b.tags.clone()).unwrap_or_default();
        }
    }
}

impl Facts for ClusterFacts {
    fn stamp(&self) -> u64 {
        hash(&(&self.status, &self.fields, &self.tags))
    }

    fn stays(&self) -> bool {
        self.status == "ACTIVE" || self.status == "PROVISIONING"
    }

    fn ends(&self, answer: &Self) -> bool {
        let attaches = |facts: &Self| facts.attachments_status.as_deref() == Some("UPDATE_IN_PROGRESS");
        attaches(answer) && !attaches(self)
    }

    fn complete(&mut self, before: Option<&Self>) {
        if self.tags.is_empty() {
            self.tags = before.map(|b| b.tags.clone()).unwrap_or_default();
        }
    }
}

impl Facts for CapacityProviderFacts {
    fn stamp(&self) -> u64 {
        hash(&(&self.status, &self.update_status, &self.fields, &self.tags))
    }

    fn stays(&self) -> bool {
        !self.is_going()
    }

    fn ends(&self, answer: &Self) -> bool {
        answer.is_moving() && !self.is_moving()
    }

    fn complete(&mut self, before: Option<&Self>) {
        if self.tags.is_empty() {
            self.tags = before.map(|b| b.tags.clone()).unwrap_or_default();
        }
    }
}

/// Changes whenever there is a reason to look at the service again: also when tasks come and go or ECS says something.
pub(crate) fn pulse(facts: &ServiceFacts) -> u64 {
    let newest = facts.events.first().map(|e| &e.id);
    let counts = (facts.running_count, facts.pending_count, facts.stamp());
    hash(&(counts, &facts.deployments, newest, &facts.current_service_deployment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn web() -> Value {
        json!({
            "serviceArn": "arn:aws:ecs:r:1:service/prod/web", "serviceName": "web", "status": "ACTIVE",
            "desiredCount": 2, "runningCount": 1, "taskDefinition": "arn:td:1", "launchType": "FARGATE",
            "roleArn": "arn:aws:iam::1:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
            "enableECSManagedTags": false, "createdAt": "2026-01-01T00:00:00Z",
            "tags": [{"key": "landbridge.dev/owner", "value": "ECSService/shop/web"}],
            "deployments": [
                {"id": "old", "status": "ACTIVE", "serviceConnectConfiguration": {"enabled": false}},
                {"id": "new", "status": "PRIMARY", "serviceConnectConfiguration": {"enabled": true, "namespace": "n"}},
            ],
            "events": [{"id": "e", "createdAt": "2026-01-01T00:00:00.5Z", "message": "m"}],
        })
    }

    #[test]
    fn fields_are_those_of_create_service_with_what_only_the_primary_deployment_shows() {
        let facts = service(&web()).unwrap();
        let expected = json!({
            "launchType": "FARGATE",
            "enableECSManagedTags": false,
            "serviceConnectConfiguration": {"enabled": true, "namespace": "n"},
        });
        assert_eq!(Value::Object(facts.fields), expected);
        assert_eq!(facts.deployments[0].id, "new");
        assert_eq!(facts.tags["landbridge.dev/owner"], "ECSService/shop/web");
        assert_eq!(facts.events[0].message, "m");
    }

    #[test]
    fn an_inactive_service_is_not_there() {
        let mut json = web();
        json["status"] = "INACTIVE".into();
        assert_eq!(service(&json), None);
    }

    #[test]
    fn running_tasks_change_the_pulse_and_not_the_stamp() {
        let one = service(&web()).unwrap();
        let mut two = one.clone();
        two.running_count = 2;
        assert_eq!(one.stamp(), two.stamp());
        assert_ne!(pulse(&one), pulse(&two));
        two.desired_count = 5;
        assert_ne!(one.stamp(), two.stamp());
    }
}
