//! Reading a request's members. Types of the top level are checked once, before an operation looks; deeper down a
//! value of the wrong type counts as absent.

use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// Members by type; the same name has the same type in every ECS operation, but for the names below.
const NUMBERS: [&str; 5] = ["desiredCount", "maxResults", "healthCheckGracePeriodSeconds", "count", "expiresInMinutes"];
const FLAGS: [&str; 9] = [
    "protectionEnabled",
    "interactive",
    "force",
    "forceNewDeployment",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "effectiveSettings",
    "enableFaultInjection",
    "managedDraining",
];
const LISTS: [&str; 26] = [
    "taskSets",
    "containerInstances",
    "services",
    "clusters",
    "tasks",
    "include",
    "tags",
    "tagKeys",
    "settings",
    "capacityProviders",
    "defaultCapacityProviderStrategy",
    "capacityProviderStrategy",
    "containerDefinitions",
    "volumes",
    "requiresCompatibilities",
    "placementConstraints",
    "placementStrategy",
    "loadBalancers",
    "serviceRegistries",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "taskDefinitions",
    "serviceDeploymentArns",
    "serviceRevisionArns",
    "gatewayConnectors",
    "inferenceAccelerators",
];
const OBJECTS: [&str; 14] = [
    "scale",
    "configuration",
    "serviceConnectDefaults",
    "networkConfiguration",
    "deploymentConfiguration",
    "deploymentController",
    "serviceConnectConfiguration",
    "runtimePlatform",
    "ephemeralStorage",
    "proxyConfiguration",
    "overrides",
    "createdAt",
    "autoScalingGroupProvider",
    "managedInstancesProvider",
];
/// `status` is text in ListTaskDefinitions and a list in ListServiceDeployments.
const ANY: [&str; 2] = ["status", "monitoring"];

/// Refuses members of the wrong type, in the words of the JSON protocol.
pub(crate) fn check_types(input: &Value) -> Result<(), Refusal> {
    let Some(members) = input.as_object() else { return Ok(()) };
    for (name, value) in members {
        let name = name.as_str();
        let right = value.is_null()
            || ANY.contains(&name)
            || if NUMBERS.contains(&name) {
                value.is_i64() || value.is_u64()
            } else if FLAGS.contains(&name) {
                value.is_boolean()
            } else if LISTS.contains(&name) {
                value.is_array()
            } else if OBJECTS.contains(&name) {
                value.is_object()
            } else {
                value.is_string() || value.is_object() || value.is_array()
            };
        if !right {
            return Err(Refusal::serialization(format!("{} can not be converted to the type of {name}", kind(value))));
        }
    }
    Ok(())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(_) => "BOOLEAN_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

/// Members of a JSON object by type; `null` and the wrong type are absence.
pub(crate) trait Members {
    fn member(&self, name: &str) -> Option<&Value>;

    fn text(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_str()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.member(name)?.as_i64()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.member(name)?.as_bool()
    }

    fn list(&self, name: &str) -> &[Value] {
        self.member(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The texts of a list.
    fn texts(&self, name: &str) -> Vec<&str> {
        self.list(name).iter().filter_map(Value::as_str).collect()
    }

    fn object(&self, name: &str) -> Option<&Map<String, Value>> {
        self.member(name)?.as_object()
    }

    /// True if the list `include` names `what`.
    fn includes(&self, what: &str) -> bool {
        self.list("include").iter().any(|item| item.as_str() == Some(what))
    }
}

impl Members for Value {
    fn member(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.is_null())
    }
}

impl Members for Map<String, Value> {
    fn member(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.is_null())
    }
}

/// `InvalidParameterException`, the refusal of most ECS operations.
pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

/// `ClientException`, the refusal of the task definition operations.
pub(crate) fn client(message: impl Into<String>) -> Refusal {
    Refusal::new("ClientException", message)
}

/// A copy without `null` members at any depth.
pub(crate) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, member)| !member.is_null())
            .map(|(name, member)| (name.clone(), without_nulls(member)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_nulls).collect::<Vec<_>>().into(),
        other => other.clone(),
    }
}
