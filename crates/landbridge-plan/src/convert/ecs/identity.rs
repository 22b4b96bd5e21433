//! The task role: that of the ServiceAccount.

use landbridge_api::names::annotation;
use serde_json::{Map, Value, json};

use super::{Taking, service};

/// The annotation by which IRSA knows the role of a ServiceAccount.
const IRSA: &str = "eks.amazonaws.com/role-arn";

/// Takes the role.
pub fn take(taking: &mut Taking<'_>) {
    if let Some(role) = &taking.options.execution_role {
        taking.service.insert("executionRoleRef".into(), json!({ "name": role }));
    }
    let account = service::around(taking, "ServiceAccount").next().map(|(_, a)| a);
    let said = |key: &str| account.and_then(|a| a["metadata"]["annotations"][key].as_str()).map(str::to_owned);
    if let Some(reference) = said(annotation::TASK_ROLE) {
        taking.service.insert("taskRoleRef".into(), json!({ "name": reference }));
        return;
    }
    let role = taking.options.task_role_arn.clone().or_else(|| said(IRSA)).or_else(|| said(annotation::TASK_ROLE_ARN));
    let Some(role) = role else {
        if account.is_some() {
            let name = taking.name().to_owned();
            taking.out.notes.push(format!(
                "no role is known of {name}: with EKS Pod Identity it is in the association (aws eks list-pod-identity-associations); \
                 give it with --task-role-arn"
            ));
        }
        return;
    };
    if !taking.options.iam_task_role {
        taking.task.insert("taskRoleArn".into(), json!(role));
        return;
    }
    let name = account.and_then(|a| a["metadata"]["name"].as_str()).unwrap_or_else(|| taking.name());
    taking.service.insert("taskRoleRef".into(), json!({ "name": name }));
    taking.out.role = Some(task_role(taking, name, &role));
}

/// An IAMTaskRole that takes the role over only if it already is as it says, and changes nothing else: its policies have
/// to be written into it first.
fn task_role(taking: &Taking<'_>, name: &str, role: &str) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".into(), json!(name));
    let namespace = taking.options.namespace.clone().map(Value::from);
    super::put(
        &mut metadata,
        "namespace",
        namespace.or_else(|| Some(taking.workload()["metadata"]["namespace"].clone())),
    );
    let role_name = role.rsplit('/').next().unwrap_or(role);
    json!({
        "apiVersion": "landbridge.dev/v1alpha1",
        "kind": "IAMTaskRole",
        "metadata": metadata,
        "spec": {
            "roleName": role_name,
            "adoptionPolicy": "IfUnchanged",
            "deletionPolicy": "Retain",
            "trust": {"ecsTasks": true, "podIdentity": {"serviceAccounts": [name]}},
        },
    })
}
