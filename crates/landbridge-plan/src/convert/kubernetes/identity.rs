//! The ServiceAccount, and the role that its pods have: the task role, and never the execution role.

use landbridge_api::names::annotation;
use serde_json::{Map, Value, json};

use super::Making;

/// The annotation by which IRSA knows the role of a ServiceAccount.
pub const IRSA: &str = "eks.amazonaws.com/role-arn";

/// Adds the ServiceAccount.
pub fn objects(making: &mut Making<'_>) {
    let name = making.name();
    let mut metadata = making.metadata(&name);
    let mut annotations = Map::new();
    let role = making.task.task_role_arn.clone();
    let reference = making.unit.spec["taskRoleRef"]["name"].as_str().map(str::to_owned);
    if let Some(arn) = &role {
        let key = if making.options.irsa { IRSA } else { annotation::TASK_ROLE_ARN };
        annotations.insert(key.into(), json!(arn));
    }
    if let Some(reference) = &reference {
        annotations.insert(annotation::TASK_ROLE.into(), json!(reference));
    }
    if !making.options.irsa
        && let Some(role) = role.or(reference)
    {
        making.draft.notes.push(format!(
            "ServiceAccount {name} gets role {role} through EKS Pod Identity: make the association (aws eks \
             create-pod-identity-association), and let the role trust it (trust.podIdentity of an IAMTaskRole); --irsa \
             writes IRSA's annotation instead"
        ));
    }
    super::put(&mut metadata, "annotations", Value::Object(annotations));
    // A task has no token of the Kubernetes API. Pod Identity and IRSA mount theirs nevertheless.
    making.add("v1", "ServiceAccount", metadata, vec![("automountServiceAccountToken", json!(false))]);
}
