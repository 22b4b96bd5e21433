//! What the plan tables of IAM roles for pods have in common.

mod associations;
mod properties;
mod trust;

use std::collections::BTreeMap;

use landbridge_api::v1alpha1::IamTaskRole;
use serde_json::{Value, json};

use super::*;
use crate::objects::Snapshot;
use crate::policy_document;
use crate::testing::{self, model, now, outline};

const READ: &str = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
const ROLE: &str = "arn:aws:iam::111122223333:role/landbridge/shop-orders";
const ISSUER: &str = "oidc.eks.eu-central-1.amazonaws.com/id/ABC";

fn role(spec: &Value) -> IamTaskRole {
    let object = json!({
        "apiVersion": "landbridge.dev/v1alpha1", "kind": "IAMTaskRole",
        "metadata": {"name": "orders", "namespace": "shop"}, "spec": spec,
    });
    testing::object(&object.to_string())
}

/// Two clusters that can be used.
fn clusters() -> IamTaskRoleObserved {
    let cluster = EksClusterFacts {
        status: "ACTIVE".into(),
        issuer: Some(format!("https://{ISSUER}")),
        auto_mode: false,
        agent: Some("ACTIVE".into()),
    };
    let eks_clusters = BTreeMap::from(["a", "b"].map(|name| (name.to_owned(), cluster.clone())));
    IamTaskRoleObserved { eks_clusters, ..IamTaskRoleObserved::default() }
}

/// The shop without the service that uses the role.
fn alone() -> Snapshot {
    Snapshot { ecs_services: BTreeMap::new(), ..testing::shop() }
}

fn plan_in(objects: &Snapshot, object: &IamTaskRole, observed: &IamTaskRoleObserved) -> Plan {
    object.plan(&testing::resolved(object, objects), observed, now())
}

fn plan(object: &IamTaskRole, observed: &IamTaskRoleObserved) -> Plan {
    plan_in(&alone(), object, observed)
}

/// What AWS has after the plan of that spec.
fn after(spec: &Value) -> IamTaskRoleObserved {
    model::apply::<IamTaskRole>(&clusters(), &plan(&role(spec), &clusters()))
}

/// The object after its plan: with the status that the pass stored.
fn settled(spec: &Value, observed: &IamTaskRoleObserved) -> IamTaskRole {
    let mut object = role(spec);
    let resolved = testing::resolved(&object, &alone());
    let mut status = object.facts(&resolved, observed);
    status.common.applied_spec = Some(object.fingerprint(&resolved));
    object.status = Some(status);
    object
}

/// The same object with another spec.
fn edited(object: &IamTaskRole, spec: &Value) -> IamTaskRole {
    IamTaskRole { spec: role(spec).spec, ..object.clone() }
}

fn two() -> Value {
    json!({"podIdentityAssociations": [{"clusterName": "a"}, {"clusterName": "b", "serviceAccount": "worker"}]})
}

fn statements(observed: &IamTaskRoleObserved) -> Vec<Value> {
    policy_document::statements(&observed.role.as_ref().unwrap().trust)
}

fn sids(observed: &IamTaskRoleObserved) -> Vec<String> {
    statements(observed).iter().map(|s| s["Sid"].as_str().unwrap_or("-").to_owned()).collect()
}

fn refusals(spec: &Value) -> String {
    let plan = plan(&role(spec), &clusters());
    assert!(plan.steps.is_empty() && !plan.blocked.is_empty(), "{spec}: {:?}", outline(&plan));
    plan.blocked.iter().map(|b| b.message.as_str()).collect::<Vec<_>>().join("\n")
}
