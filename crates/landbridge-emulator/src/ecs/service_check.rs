//! What CreateService and UpdateService refuse, and the defaults they fill in.
//! Source: CreateService and UpdateService in the Amazon ECS API reference.

use serde_json::{Map, Value, json};

use super::capacity_provider::check_known;
use super::cluster::fill_strategy_item;
use super::member::{Members, invalid};
use super::task_definition::TaskDefinition;
use super::{Ecs, hook, validate};
use crate::cloud_map;
use crate::ec2;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Whether a service's fields, wholly merged, make a service that can run `definition`.
pub(super) fn service(
    world: &World,
    cx: &Cx,
    fields: &Map<String, Value>,
    definition: &TaskDefinition,
) -> Result<(), Refusal> {
    check_launch(&world.services.ecs, cx, fields, definition)?;
    check_network(world, cx, fields, definition)?;
    check_load_balancers(fields, definition)?;
    check_registries(world, fields, definition)?;
    check_service_connect(world, cx, fields, definition)?;
    check_volumes(fields, definition)?;
    if fields.list("placementConstraints").len() > 10 || fields.list("placementStrategy").len() > 5 {
        return Err(invalid("A service can have at most 10 placement constraints and 5 placement strategies."));
    }
    check_deployment(fields)
}

fn check_launch(ecs: &Ecs, cx: &Cx, fields: &Map<String, Value>, definition: &TaskDefinition) -> Result<(), Refusal> {
    let strategy = fields.list("capacityProviderStrategy");
    let launch_type = fields.text("launchType");
    if launch_type.is_some_and(|it| !matches!(it, "EC2" | "FARGATE" | "EXTERNAL" | "MANAGED_INSTANCES")) {
        return Err(invalid(format!("Invalid launch type: {}", launch_type.unwrap_or_default())));
    }
    validate::strategy(strategy)?;
    for item in strategy {
        check_known(ecs, cx, item.text("capacityProvider").unwrap_or_default())?;
    }
    let on_fargate = runs_on_fargate(fields);
    if on_fargate && !definition.is_compatible("FARGATE") {
        return Err(invalid("Task definition does not support launch_type FARGATE."));
    }
    if let Some(version) = fields.text("platformVersion") {
        if !on_fargate {
            return Err(invalid("The platform version must be null when specifying an EC2 launch type."));
        }
        if !matches!(version, "LATEST" | "1.4.0" | "1.3.0" | "1.0.0") {
            return Err(invalid("The specified platform does not exist."));
        }
    }
    if on_fargate && fields.text("schedulingStrategy") == Some("DAEMON") {
        return Err(invalid("DAEMON scheduling strategy is not supported for a launch type of FARGATE."));
    }
    Ok(())
}

/// True if tasks go to Fargate: by launch type or by a Fargate capacity provider.
pub(super) fn runs_on_fargate(fields: &Map<String, Value>) -> bool {
    fields.text("launchType") == Some("FARGATE")
        || fields
            .list("capacityProviderStrategy")
            .iter()
            .any(|item| item.text("capacityProvider").is_some_and(|provider| provider.starts_with("FARGATE")))
}

/// What ECS makes of EC2's refusal of what a network configuration names.
fn retrieving(what: &str, id: &str, refusal: &Refusal) -> Refusal {
    invalid(format!(
        "Error retrieving {what} information for [{id}]: {} (ErrorCode: {})",
        refusal.message, refusal.code
    ))
}

fn check_network(
    world: &World,
    cx: &Cx,
    fields: &Map<String, Value>,
    definition: &TaskDefinition,
) -> Result<(), Refusal> {
    let network = fields.object("networkConfiguration").and_then(|network| network.object("awsvpcConfiguration"));
    let Some(network) = network else {
        if definition.is_awsvpc() {
            return Err(invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified."));
        }
        return Ok(());
    };
    if !definition.is_awsvpc() {
        return Err(invalid("Network Configuration is not valid for the given networkMode of this task definition."));
    }
    let (subnets, groups) = (network.list("subnets"), network.list("securityGroups"));
    if subnets.is_empty() {
        return Err(invalid("subnets can not be empty."));
    }
    if subnets.len() > 16 || groups.len() > 5 {
        return Err(invalid("awsvpcConfiguration can have at most 16 subnets and 5 security groups."));
    }
    if network.text("assignPublicIp").is_some_and(|value| !matches!(value, "ENABLED" | "DISABLED")) {
        return Err(invalid("assignPublicIp must be ENABLED or DISABLED."));
    }
    ec2::check_subnets(world, cx, &network.texts("subnets"), |id, refusal| retrieving("subnet", id, &refusal))?;
    let groups = network.texts("securityGroups");
    ec2::check_groups(world, cx, &groups, |id, refusal| retrieving("security group", id, &refusal))
}

fn check_load_balancers(fields: &Map<String, Value>, definition: &TaskDefinition) -> Result<(), Refusal> {
    let balancers = fields.list("loadBalancers");
    if balancers.is_empty() && fields.number("healthCheckGracePeriodSeconds").is_some_and(|seconds| seconds != 0) {
        return Err(invalid("Health check grace period is only valid for services configured to use load balancers"));
    }
    if balancers.len() > 5 {
        return Err(invalid("load balancers can have at most 5 items."));
    }
    for balancer in balancers {
        let name = balancer.text("containerName").unwrap_or_default();
        let port = balancer.number("containerPort");
        check_port(definition, name, port)?;
        if balancer.text("targetGroupArn").is_none() && balancer.text("loadBalancerName").is_none() {
            return Err(invalid("A load balancer needs a targetGroupArn or a loadBalancerName."));
        }
    }
    Ok(())
}

fn check_port(definition: &TaskDefinition, name: &str, port: Option<i64>) -> Result<(), Refusal> {
    let container = definition.containers().iter().find(|container| container.text("name") == Some(name));
    let container =
        container.ok_or_else(|| invalid(format!("The container {name} does not exist in the task definition.")))?;
    let Some(port) = port else { return Ok(()) };
    if container.list("portMappings").iter().any(|mapping| mapping.number("containerPort") == Some(port)) {
        return Ok(());
    }
    Err(invalid(format!("The container {name} did not have a container port {port} defined.")))
}

fn check_registries(world: &World, fields: &Map<String, Value>, definition: &TaskDefinition) -> Result<(), Refusal> {
    let registries = fields.list("serviceRegistries");
    if registries.len() > 1 {
        return Err(invalid("service registries can have at most 1 items."));
    }
    for registry in registries {
        let arn = registry.text("registryArn").unwrap_or_default();
        if !cloud_map::has_service(world, arn) {
            return Err(invalid(format!("The specified service registry {arn} does not exist.")));
        }
        if let Some(container) = registry.text("containerName") {
            check_port(definition, container, registry.number("containerPort"))?;
        } else if !definition.is_awsvpc() {
            return Err(invalid(
                "serviceRegistries value must include a containerName and a containerPort with this network mode.",
            ));
        }
    }
    Ok(())
}

fn check_service_connect(
    world: &World,
    cx: &Cx,
    fields: &Map<String, Value>,
    definition: &TaskDefinition,
) -> Result<(), Refusal> {
    let Some(connect) = fields.object("serviceConnectConfiguration").filter(|it| it.flag("enabled") == Some(true))
    else {
        return Ok(());
    };
    match connect.text("namespace") {
        None => {
            return Err(invalid(
                "The namespace is required for Service Connect: the cluster has no default namespace.",
            ));
        }
        Some(namespace) if cloud_map::find_namespace(world, &cx.region, &cx.account, namespace).is_none() => {
            return Err(Refusal::new("NamespaceNotFoundException", "The specified namespace wasn't found."));
        }
        Some(_) => {}
    }
    let ports = || definition.containers().iter().flat_map(|container| container.list("portMappings"));
    for service in connect.list("services") {
        let name = service.text("portName").unwrap_or_default();
        if !ports().any(|mapping| mapping.text("name") == Some(name)) {
            return Err(invalid(format!(
                "The portName {name} of the Service Connect configuration does not exist in the task definition."
            )));
        }
        if service.list("clientAliases").len() > 1 {
            return Err(invalid("A Service Connect service can have at most 1 client alias."));
        }
    }
    Ok(())
}

fn check_volumes(fields: &Map<String, Value>, definition: &TaskDefinition) -> Result<(), Refusal> {
    let at_launch: Vec<&str> = definition
        .fields
        .list("volumes")
        .iter()
        .filter(|volume| volume.flag("configuredAtLaunch") == Some(true))
        .filter_map(|volume| volume.text("name"))
        .collect();
    let given: Vec<&str> =
        fields.list("volumeConfigurations").iter().filter_map(|volume| volume.text("name")).collect();
    if let Some(unknown) = given.iter().find(|name| !at_launch.contains(name)) {
        return Err(invalid(format!("The volume {unknown} is not configured at launch in the task definition.")));
    }
    if let Some(missing) = at_launch.iter().find(|name| !given.contains(name)) {
        return Err(invalid(format!("The volume {missing} is configured at launch and needs a volumeConfiguration.")));
    }
    Ok(())
}

/// Source: DeploymentConfiguration, with the members each strategy takes.
fn check_deployment(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(deployment) = fields.object("deploymentConfiguration") else { return Ok(()) };
    let (maximum, minimum) = (deployment.number("maximumPercent"), deployment.number("minimumHealthyPercent"));
    if maximum.is_some_and(|it| it < 0) || minimum.is_some_and(|it| it < 0) {
        return Err(invalid("maximumPercent and minimumHealthyPercent must not be negative."));
    }
    if let (Some(maximum), Some(minimum)) = (maximum, minimum) {
        if maximum == 100 && minimum == 100 {
            return Err(invalid(
                "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
            ));
        }
        if minimum > maximum {
            return Err(invalid("The minimumHealthyPercent cannot be greater than the maximumPercent."));
        }
    }
    let strategy = deployment.text("strategy").unwrap_or("ROLLING");
    if !matches!(strategy, "ROLLING" | "BLUE_GREEN" | "LINEAR" | "CANARY") {
        return Err(invalid(format!("Invalid deployment strategy: {strategy}")));
    }
    for (member, only) in [("linearConfiguration", "LINEAR"), ("canaryConfiguration", "CANARY")] {
        if deployment.member(member).is_some() && strategy != only {
            return Err(invalid(format!("{member} is only valid with the {only} deployment strategy.")));
        }
    }
    hook::check(deployment)?;
    check_strategy(fields, deployment, strategy)
}

fn check_strategy(fields: &Map<String, Value>, deployment: &Map<String, Value>, strategy: &str) -> Result<(), Refusal> {
    if strategy == "ROLLING" {
        return Ok(());
    }
    let connect = fields.object("serviceConnectConfiguration").is_some_and(|it| it.flag("enabled") == Some(true));
    if fields.list("loadBalancers").is_empty() && !connect {
        return Err(invalid(format!(
            "The {strategy} deployment strategy requires a load balancer or Service Connect."
        )));
    }
    if let Some(balancer) = fields.list("loadBalancers").iter().find(|it| it.object("advancedConfiguration").is_none())
    {
        let group = balancer.text("targetGroupArn").unwrap_or_default();
        return Err(invalid(format!(
            "The {strategy} deployment strategy requires advancedConfiguration for target group {group}."
        )));
    }
    let percent = |member: &str, name: &str| {
        let number = deployment.object(member).and_then(|it| it.member(name)).and_then(Value::as_f64);
        number.is_some_and(|percent| !(0.1..=100.0).contains(&percent))
    };
    if percent("canaryConfiguration", "canaryPercent") || percent("linearConfiguration", "stepPercent") {
        return Err(invalid("The percentage of a traffic shift must be between 0.1 and 100.0."));
    }
    Ok(())
}

/// What DescribeServices shows where the request is silent (CreateService, defaults of each member).
pub(super) fn fill_defaults(fields: &mut Map<String, Value>) {
    let daemon = fields.text("schedulingStrategy") == Some("DAEMON");
    fields.entry("schedulingStrategy").or_insert(json!("REPLICA"));
    if fields.list("capacityProviderStrategy").is_empty() {
        fields.remove("capacityProviderStrategy");
        fields.entry("launchType").or_insert(json!("EC2"));
    } else {
        fields.remove("launchType");
    }
    if runs_on_fargate(fields) {
        fields.entry("platformVersion").or_insert(json!("LATEST"));
    } else {
        fields.remove("platformVersion");
    }
    for name in ["loadBalancers", "serviceRegistries", "placementConstraints", "placementStrategy"] {
        fields.entry(name).or_insert(json!([]));
    }
    for (name, default) in [
        ("healthCheckGracePeriodSeconds", json!(0)),
        ("enableECSManagedTags", json!(false)),
        ("enableExecuteCommand", json!(false)),
        ("propagateTags", json!("NONE")),
        ("deploymentController", json!({ "type": "ECS" })),
    ] {
        fields.entry(name).or_insert(default);
    }
    fill_deployment(fields, daemon);
    let rolls_over =
        fields.object("deploymentConfiguration").and_then(|it| it.number("maximumPercent")).is_some_and(|it| it > 100);
    let by_ecs = fields.object("deploymentController").and_then(|it| it.text("type")) == Some("ECS");
    let rebalancing = if rolls_over && !daemon && by_ecs { "ENABLED" } else { "DISABLED" };
    fields.entry("availabilityZoneRebalancing").or_insert(json!(rebalancing));
    fill_nested(fields);
}

fn fill_deployment(fields: &mut Map<String, Value>, daemon: bool) {
    let entry = fields.entry("deploymentConfiguration").or_insert(json!({}));
    let Some(deployment) = entry.as_object_mut() else { return };
    let (maximum, minimum) = if daemon { (100, 0) } else { (200, 100) };
    let strategy = deployment.entry("strategy").or_insert(json!("ROLLING")).as_str().unwrap_or_default().to_owned();
    for (name, default) in [
        ("maximumPercent", json!(maximum)),
        ("minimumHealthyPercent", json!(minimum)),
        ("deploymentCircuitBreaker", json!({ "enable": false, "rollback": false })),
        ("bakeTimeInMinutes", json!(0)),
    ] {
        deployment.entry(name).or_insert(default);
    }
    let step = match strategy.as_str() {
        "LINEAR" => ("linearConfiguration", json!({ "stepPercent": 10.0, "stepBakeTimeInMinutes": 6 })),
        "CANARY" => ("canaryConfiguration", json!({ "canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10 })),
        _ => return,
    };
    let given = deployment.entry(step.0).or_insert(json!({}));
    if let (Some(given), Some(defaults)) = (given.as_object_mut(), step.1.as_object()) {
        for (name, default) in defaults {
            given.entry(name.as_str()).or_insert(default.clone());
        }
    }
}

fn fill_nested(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(strategy)) = fields.get_mut("capacityProviderStrategy") {
        strategy.iter_mut().for_each(fill_strategy_item);
    }
    let network = fields.get_mut("networkConfiguration").and_then(|network| network.get_mut("awsvpcConfiguration"));
    if let Some(network) = network.and_then(Value::as_object_mut) {
        network.entry("assignPublicIp").or_insert(json!("DISABLED"));
        network.entry("securityGroups").or_insert(json!([]));
    }
    if let Some(Value::Array(strategies)) = fields.get_mut("placementStrategy") {
        for strategy in strategies {
            // `cpu` and `memory` read back in capitals, and `host` as the field it stands for (PlacementStrategy.field).
            let field = match strategy.text("field") {
                Some("cpu" | "CPU") => "CPU",
                Some("memory" | "MEMORY") => "MEMORY",
                Some("host") => "instanceId",
                _ => continue,
            };
            strategy["field"] = json!(field);
        }
    }
}
