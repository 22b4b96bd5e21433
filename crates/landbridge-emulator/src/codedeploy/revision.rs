//! Revisions: an AppSpec for ECS, in YAML or JSON. Source: RevisionLocation, AppSpecContent and "AppSpec file structure for
//! Amazon ECS deployments" in the AWS CodeDeploy user guide.

use serde_json::{Map, Value};

use crate::input::Input;
use crate::refusal::Refusal;

/// What an AppSpec says.
#[derive(Debug, Clone)]
pub(super) struct AppSpec {
    pub(super) definition: String,
    pub(super) container: String,
    pub(super) port: i64,
    /// `platformVersion`, `networkConfiguration` and `capacityProviderStrategy`, where it has them, as ECS writes them.
    pub(super) overrides: Map<String, Value>,
    /// (lifecycle event, Lambda function).
    pub(super) hooks: Vec<(String, String)>,
}

/// The events that a function can be hooked on.
const HOOKS: [&str; 5] =
    ["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"];

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidRevisionException", message)
}

/// The revision of a request as it was given, and what it says.
pub(super) fn read(input: Input<'_>) -> Result<(Value, AppSpec), Refusal> {
    let missing = || Refusal::new("RevisionRequiredException", "The revision ID was not specified.");
    let given = input.get("revision").filter(|it| it.is_object()).ok_or_else(missing)?;
    let content = match given["revisionType"].as_str() {
        Some("AppSpecContent") => given["appSpecContent"]["content"].as_str(),
        Some("String") => given["string"]["content"].as_str(),
        Some(other) => {
            return Err(invalid(format!(
                "Revisions of type {other} are not read by this emulator; give AppSpecContent or String."
            )));
        }
        None => return Err(invalid("The revision has no revisionType.")),
    };
    let content = content.ok_or_else(|| invalid("The revision has no content."))?;
    Ok((given.clone(), parse(content)?))
}

fn parse(content: &str) -> Result<AppSpec, Refusal> {
    let spec: Value = serde_saphyr::from_str(content)
        .map_err(|error| invalid(format!("The AppSpec file cannot be read as JSON or YAML: {error}")))?;
    let resources = spec["Resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [resource] = resources else {
        return Err(invalid("The AppSpec file must have exactly one resource in Resources."));
    };
    let target = resource.as_object().and_then(|resource| resource.values().next()).unwrap_or(&Value::Null);
    if target["Type"] != "AWS::ECS::Service" {
        return Err(invalid("The resource of an AppSpec file for ECS must be of the type AWS::ECS::Service."));
    }
    let properties = &target["Properties"];
    let text = |value: &Value, what: &str| {
        let text = value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        text.ok_or_else(|| invalid(format!("The AppSpec file has no {what}.")))
    };
    let balancer = &properties["LoadBalancerInfo"];
    let port = balancer["ContainerPort"].as_i64().or_else(|| balancer["ContainerPort"].as_str()?.parse().ok());
    Ok(AppSpec {
        definition: text(&properties["TaskDefinition"], "TaskDefinition")?,
        container: text(&balancer["ContainerName"], "LoadBalancerInfo.ContainerName")?,
        port: port.ok_or_else(|| invalid("The AppSpec file has no LoadBalancerInfo.ContainerPort."))?,
        overrides: overrides(properties),
        hooks: hooks(&spec["Hooks"])?,
    })
}

/// What the replacement task set has other than the original one.
fn overrides(properties: &Value) -> Map<String, Value> {
    let mut overrides = Map::new();
    for name in ["PlatformVersion", "NetworkConfiguration", "CapacityProviderStrategy"] {
        if let Some(value) = properties.get(name).filter(|value| !value.is_null()) {
            let Value::Object(lower) = lower_first(&Value::Object(Map::from_iter([(name.to_owned(), value.clone())])))
            else {
                continue;
            };
            overrides.extend(lower);
        }
    }
    overrides
}

/// An AppSpec writes the members of ECS with a capital letter first.
fn lower_first(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let lower = |name: &str| {
                let mut letters = name.chars();
                letters.next().map(|first| first.to_lowercase().chain(letters).collect::<String>()).unwrap_or_default()
            };
            members.iter().map(|(name, value)| (lower(name), lower_first(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(lower_first).collect(),
        other => other.clone(),
    }
}

fn hooks(hooks: &Value) -> Result<Vec<(String, String)>, Refusal> {
    let mut found = Vec::new();
    for (event, function) in hooks.as_array().into_iter().flatten().filter_map(Value::as_object).flatten() {
        if !HOOKS.contains(&event.as_str()) {
            return Err(invalid(format!("{event} is no lifecycle event that a function can be hooked on.")));
        }
        let function = function.as_str().ok_or_else(|| invalid(format!("The hook {event} names no function.")))?;
        found.push((event.clone(), function.to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const YAML: &str = r#"
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: "arn:aws:ecs:us-east-1:111222333444:task-definition/web:2"
        LoadBalancerInfo:
          ContainerName: "web"
          ContainerPort: 80
        PlatformVersion: "1.4.0"
        NetworkConfiguration:
          AwsvpcConfiguration:
            Subnets: ["subnet-a"]
            AssignPublicIp: "DISABLED"
Hooks:
  - BeforeInstall: "check"
  - AfterAllowTraffic: "smoke"
"#;

    #[test]
    fn an_appspec_is_read_from_yaml_and_from_json() {
        let spec = parse(YAML).unwrap();
        assert!(spec.definition.ends_with("web:2"));
        assert_eq!((spec.container.as_str(), spec.port), ("web", 80));
        let vpc = json!({ "subnets": ["subnet-a"], "assignPublicIp": "DISABLED" });
        assert_eq!(spec.overrides["networkConfiguration"]["awsvpcConfiguration"], vpc);
        assert_eq!(spec.overrides["platformVersion"], "1.4.0");
        assert_eq!(spec.hooks[1], ("AfterAllowTraffic".to_owned(), "smoke".to_owned()));
        let properties =
            json!({ "TaskDefinition": "web:2", "LoadBalancerInfo": { "ContainerName": "web", "ContainerPort": 80 } });
        let json = json!({ "version": 0.0, "Resources": [{ "TargetService": { "Type": "AWS::ECS::Service", "Properties": properties } }] });
        assert_eq!(parse(&json.to_string()).unwrap().definition, "web:2");
    }

    #[test]
    fn an_appspec_that_cannot_be_deployed_is_refused_with_what_is_wrong() {
        for (from, to, words) in [
            ("Resources:", "Things:", "Resources"),
            ("AWS::ECS::Service", "AWS::Lambda::Function", "AWS::ECS::Service"),
            ("ContainerName: \"web\"", "Container: web", "ContainerName"),
            ("ContainerPort: 80", "ContainerPort: http", "ContainerPort"),
            ("BeforeInstall", "Install", "Install"),
            ("version: 0.0", "version: [", "JSON or YAML"),
        ] {
            let refusal = parse(&YAML.replace(from, to)).unwrap_err();
            assert_eq!(refusal.code, "InvalidRevisionException");
            assert!(refusal.message.contains(words), "{}", refusal.message);
        }
    }
}
