//! Deployment configurations: how production traffic moves. Of the predefined ones those for ECS are known. Source: "Working with deployment configurations in CodeDeploy"
//! (deployment-configurations.html), and CreateDeploymentConfig and its like in the API reference.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CodeDeploy, name, page, place};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

/// How production traffic moves to the replacement task set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Routing {
    AllAtOnce,
    /// So many percent, and the rest after so many minutes.
    Canary(u32, u32),
    /// So many percent each so many minutes.
    Linear(u32, u32),
}

#[derive(Debug, Clone)]
pub(super) struct Config {
    id: String,
    created_at: Timestamp,
    pub(super) routing: Routing,
}

/// What a group uses that names none.
pub(super) const DEFAULT: &str = "CodeDeployDefault.ECSAllAtOnce";

const OF_ECS: [(&str, Routing); 5] = [
    (DEFAULT, Routing::AllAtOnce),
    ("CodeDeployDefault.ECSCanary10Percent15Minutes", Routing::Canary(10, 15)),
    ("CodeDeployDefault.ECSCanary10Percent5Minutes", Routing::Canary(10, 5)),
    ("CodeDeployDefault.ECSLinear10PercentEvery1Minutes", Routing::Linear(10, 1)),
    ("CodeDeployDefault.ECSLinear10PercentEvery3Minutes", Routing::Linear(10, 3)),
];

fn not_found(name: &str) -> Refusal {
    Refusal::new("DeploymentConfigDoesNotExistException", format!("No deployment configuration found for name: {name}"))
}

fn invalid(message: &str) -> Refusal {
    Refusal::new("InvalidTrafficRoutingConfigurationException", message)
}

impl Routing {
    fn show(self) -> Value {
        match self {
            Self::AllAtOnce => json!({ "type": "AllAtOnce" }),
            Self::Canary(percent, minutes) => json!({
                "type": "TimeBasedCanary",
                "timeBasedCanary": { "canaryPercentage": percent, "canaryInterval": minutes },
            }),
            Self::Linear(percent, minutes) => json!({
                "type": "TimeBasedLinear",
                "timeBasedLinear": { "linearPercentage": percent, "linearInterval": minutes },
            }),
        }
    }

    fn read(config: Input<'_>) -> Result<Self, Refusal> {
        let part = |member: &str, percent: &str, interval: &str| {
            let part =
                config.object(member)?.ok_or_else(|| invalid("The traffic routing configuration is not whole."))?;
            let number = |name: &str, most: i64| match part.number(name)? {
                Some(number) if (1..=most).contains(&number) => Ok(number as u32),
                _ => Err(invalid(&format!("{name} must be between 1 and {most}."))),
            };
            Ok((number(percent, 99)?, number(interval, 2880)?))
        };
        match config.text("type")? {
            Some("AllAtOnce") => Ok(Self::AllAtOnce),
            Some("TimeBasedCanary") => {
                part("timeBasedCanary", "canaryPercentage", "canaryInterval").map(|(p, i)| Self::Canary(p, i))
            }
            Some("TimeBasedLinear") => {
                part("timeBasedLinear", "linearPercentage", "linearInterval").map(|(p, i)| Self::Linear(p, i))
            }
            _ => Err(invalid("The type of the traffic routing must be AllAtOnce, TimeBasedCanary or TimeBasedLinear.")),
        }
    }

    /// The next share of production traffic after `percent`, and how long it is kept before the one after it.
    pub(super) fn step(self, percent: u32) -> (u32, Duration) {
        let minutes = |minutes: u32| Duration::from_secs(u64::from(minutes) * 60);
        let (next, kept) = match self {
            Self::Canary(share, interval) if percent == 0 => (share, minutes(interval)),
            Self::Linear(share, interval) => (percent + share, minutes(interval)),
            _ => (100, Duration::ZERO),
        };
        if next >= 100 { (100, Duration::ZERO) } else { (next, kept) }
    }
}

impl CodeDeploy {
    /// How traffic moves under a configuration that ECS deployments can use.
    pub(super) fn routing(&self, cx: &Cx, name: &str) -> Result<Routing, Refusal> {
        if let Some((_, routing)) = OF_ECS.iter().find(|(known, _)| *known == name) {
            return Ok(*routing);
        }
        let made = self.configs.get(&(place(cx), name.to_owned()));
        made.map(|config| config.routing).ok_or_else(|| not_found(name))
    }
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = name(input, "deploymentConfigName", "DeploymentConfig")?;
    if name.starts_with("CodeDeployDefault.") {
        let message = "A deployment configuration name must not begin with CodeDeployDefault.";
        return Err(Refusal::new("InvalidDeploymentConfigNameException", message));
    }
    if input.text("computePlatform")? != Some("ECS") {
        let message = "The compute platform is not one that this emulator knows; it knows ECS.";
        return Err(Refusal::new("InvalidComputePlatformException", message));
    }
    let routing = input.object("trafficRoutingConfig")?;
    let routing = Routing::read(routing.ok_or_else(|| invalid("A traffic routing configuration is needed."))?)?;
    let key = (place(cx), name.to_owned());
    if world.services.codedeploy.configs.contains_key(&key) {
        let message = format!("Deployment configuration already exists: {name}");
        return Err(Refusal::new("DeploymentConfigAlreadyExistsException", message));
    }
    let id = world.rng.uuid();
    let made = Config { id: id.clone(), created_at: cx.now, routing };
    world.services.codedeploy.configs.insert(key, made);
    Ok(json!({ "deploymentConfigId": id }))
}

pub(super) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = name(input, "deploymentConfigName", "DeploymentConfig")?;
    let mut shown = json!({ "deploymentConfigName": name, "computePlatform": "ECS" });
    if let Some((_, routing)) = OF_ECS.iter().find(|(known, _)| *known == name) {
        shown["trafficRoutingConfig"] = routing.show();
        shown["createTime"] = json!(0);
    } else {
        let made = world.services.codedeploy.configs.get(&(place(cx), name.to_owned()));
        let made = made.ok_or_else(|| not_found(name))?;
        shown["deploymentConfigId"] = json!(made.id);
        shown["createTime"] = epoch(made.created_at);
        shown["trafficRoutingConfig"] = made.routing.show();
    }
    Ok(json!({ "deploymentConfigInfo": shown }))
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let here = place(cx);
    let made = world.services.codedeploy.configs.keys().filter(|(place, _)| *place == here);
    let predefined = OF_ECS.iter().map(|(name, _)| (*name).to_owned());
    page(input, "deploymentConfigsList", predefined.chain(made.map(|(_, name)| name.clone())))
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = name(input, "deploymentConfigName", "DeploymentConfig")?;
    if name.starts_with("CodeDeployDefault.") {
        let message = "A predefined deployment configuration cannot be deleted.";
        return Err(Refusal::new("InvalidOperationException", message));
    }
    let codedeploy = &mut world.services.codedeploy;
    let here = place(cx);
    let mut groups = codedeploy.applications.iter().filter(|((place, _), _)| *place == here);
    if groups.any(|(_, application)| application.groups.values().any(|group| group.config_name() == name)) {
        let message = format!("The deployment configuration is still in use: {name}");
        return Err(Refusal::new("DeploymentConfigInUseException", message));
    }
    codedeploy.configs.remove(&(here, name.to_owned()));
    Ok(Value::Null)
}
