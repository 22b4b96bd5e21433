//! Deployments: what they are, how they begin, and how the API shows them. Source: DeploymentInfo, CreateDeployment,
//! GetDeployment, BatchGetDeployments and ListDeployments in the AWS CodeDeploy API reference.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::config::Routing;
use super::group_check::{self as check, Pair};
use super::revision::{self, AppSpec};
use super::{CodeDeploy, Place, name, page, place, progress};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Created,
    InProgress,
    /// Waits for ContinueDeployment before production traffic moves.
    Ready,
    Succeeded,
    Failed,
    Stopped,
}

/// One lifecycle event of the deployment's target.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    /// The function that decides it.
    pub(super) function: Option<String>,
    pub(super) status: &'static str,
    pub(super) began: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
}

/// What a deployment waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Created,
    /// The stage of this number.
    Stage(usize),
    /// Somebody who continues, before the stage of this number.
    Ready(usize),
    /// The time after which the original task set is deleted.
    Termination,
    /// The task set that is deleted.
    CleanUp,
    Over,
}

#[derive(Debug, Clone)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) place: Place,
    pub(super) application: String,
    pub(super) group: String,
    pub(super) config: String,
    pub(super) routing: Routing,
    /// The group's members when the deployment began.
    pub(super) settings: Map<String, Value>,
    pub(super) pair: Pair,
    pub(super) service: String,
    pub(super) revision: Value,
    pub(super) previous_revision: Option<Value>,
    pub(super) spec: AppSpec,
    pub(super) description: Option<String>,
    pub(super) creator: &'static str,
    pub(super) status: Status,
    pub(super) error: Option<(&'static str, String)>,
    pub(super) at: At,
    pub(super) stages: Vec<Stage>,
    /// Counts changes of course: what was planned before one no longer happens.
    pub(super) course: u64,
    /// Ids of the original task set and of its replacement.
    pub(super) blue: Option<String>,
    pub(super) green: Option<String>,
    /// Percent of production traffic that goes to the replacement.
    pub(super) weight: u32,
    /// The deployment that this one rolls back, and the one that rolls this one back.
    pub(super) rolls_back: Option<String>,
    pub(super) rolled_back_by: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) completed_at: Option<Timestamp>,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::InProgress => "InProgress",
            Self::Ready => "Ready",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
        }
    }

    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Stopped)
    }
}

pub(super) fn not_found(id: &str) -> Refusal {
    Refusal::new("DeploymentDoesNotExistException", format!("The deployment {id} could not be found"))
}

/// The stages of a deployment: those of the test listener only if there is one.
fn stages(spec: &AppSpec, tests: bool) -> Vec<Stage> {
    let all = [
        "BeforeInstall",
        "Install",
        "AfterInstall",
        "AllowTestTraffic",
        "AfterAllowTestTraffic",
        "BeforeAllowTraffic",
        "AllowTraffic",
        "AfterAllowTraffic",
    ];
    let function =
        |name: &str| spec.hooks.iter().find(|(event, _)| event == name).map(|(_, function)| function.clone());
    let named = all.into_iter().filter(|name| tests || !name.ends_with("AllowTestTraffic"));
    named.map(|name| Stage { name, function: function(name), status: "Pending", began: None, ended: None }).collect()
}

impl Deployment {
    /// A setting of the group, by its path.
    pub(super) fn setting(&self, path: &[&str]) -> &Value {
        let (first, rest) = path.split_first().map_or(("", path), |(first, rest)| (*first, rest));
        let first = self.settings.get(first).unwrap_or(&Value::Null);
        rest.iter().fold(first, |value, name| &value[*name])
    }

    /// Minutes of a setting.
    pub(super) fn wait(&self, path: &[&str]) -> std::time::Duration {
        std::time::Duration::from_secs(self.setting(path).as_u64().unwrap_or(0) * 60)
    }

    /// Whether CodeDeploy rolls back by itself after such an event.
    pub(super) fn rolls_back_on(&self, event: &str) -> bool {
        let events = self.setting(&["autoRollbackConfiguration", "events"]).as_array();
        self.setting(&["autoRollbackConfiguration", "enabled"]) == true
            && events.is_some_and(|events| events.iter().any(|it| it == event))
    }

    pub(super) fn show(&self) -> Value {
        let mut shown = json!({
            "applicationName": self.application,
            "deploymentGroupName": self.group,
            "deploymentConfigName": self.config,
            "deploymentId": self.id,
            "revision": self.revision,
            "status": self.status.as_str(),
            "createTime": epoch(self.created_at),
            "deploymentOverview": self.overview(),
            "creator": self.creator,
            "ignoreApplicationStopFailures": false,
            "updateOutdatedInstancesOnly": false,
            "instanceTerminationWaitTimeStarted": self.at == At::Termination,
            "fileExistsBehavior": "DISALLOW",
            "deploymentStatusMessages": [],
            "computePlatform": "ECS",
        });
        for name in
            ["autoRollbackConfiguration", "deploymentStyle", "blueGreenDeploymentConfiguration", "loadBalancerInfo"]
        {
            shown[name] = self.setting(&[name]).clone();
        }
        for (name, at) in [("startTime", self.started_at), ("completeTime", self.completed_at)] {
            if let Some(at) = at {
                shown[name] = epoch(at);
            }
        }
        for (name, value) in [
            ("previousRevision", self.previous_revision.clone()),
            ("description", self.description.clone().map(Value::from)),
            (
                "errorInformation",
                self.error.as_ref().map(|(code, message)| json!({ "code": code, "message": message })),
            ),
            ("rollbackInfo", self.rollback()),
        ] {
            if let Some(value) = value {
                shown[name] = value;
            }
        }
        shown
    }

    fn rollback(&self) -> Option<Value> {
        let info = |member: &str, id: &String, message: String| json!({ member: id, "rollbackMessage": message });
        let back = self.rolled_back_by.as_ref().map(|id| {
            info("rollbackDeploymentId", id, format!("Deployment {} rolled back by deployment {id}", self.id))
        });
        back.or_else(|| {
            let id = self.rolls_back.as_ref()?;
            Some(info(
                "rollbackTriggeringDeploymentId",
                id,
                format!("Deployment {id} is rolled back by this deployment"),
            ))
        })
    }

    /// An ECS deployment has one target.
    fn overview(&self) -> Value {
        let count = |statuses: &[Status]| usize::from(statuses.contains(&self.status));
        json!({
            "Pending": count(&[Status::Created]),
            "InProgress": count(&[Status::InProgress]),
            "Succeeded": count(&[Status::Succeeded]),
            "Failed": count(&[Status::Failed, Status::Stopped]),
            "Skipped": 0,
            "Ready": count(&[Status::Ready]),
        })
    }
}

impl CodeDeploy {
    /// The deployment a request names, in the caller's account and region.
    pub(super) fn named(&self, cx: &Cx, input: Input<'_>) -> Result<&Deployment, Refusal> {
        let missing = || Refusal::new("DeploymentIdRequiredException", "The deployment ID was not specified.");
        let id = input.text("deploymentId")?.filter(|id| !id.is_empty()).ok_or_else(missing)?;
        self.here(cx, id)
    }

    fn here(&self, cx: &Cx, id: &str) -> Result<&Deployment, Refusal> {
        self.deployments.get(id).filter(|it| it.place == place(cx)).ok_or_else(|| not_found(id))
    }

    /// The deployment of a group that is not over.
    fn active(&self, cx: &Cx, application: &str, group: &str) -> Option<&Deployment> {
        let of_group = |it: &&Deployment| it.application == application && it.group == group && it.place == place(cx);
        self.deployments.values().filter(of_group).find(|it| !it.status.is_over())
    }
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let application = name(input, "applicationName", "Application")?;
    let codedeploy = &world.services.codedeploy;
    codedeploy.application(cx, application)?;
    let group_name = name(input, "deploymentGroupName", "DeploymentGroup")?;
    let group = codedeploy.group(cx, application, group_name)?;
    let (revision, spec) = revision::read(input)?;
    let mut settings = group.fields.clone();
    if let Some(given) = input.get("autoRollbackConfiguration") {
        settings.insert("autoRollbackConfiguration".to_owned(), given.clone());
    }
    let config = input.text("deploymentConfigName")?.unwrap_or(group.config_name()).to_owned();
    let routing = codedeploy.routing(cx, &config)?;
    let pair = check::target_groups(world, cx, &settings)?;
    let service = check::service(world, cx, &settings)?;
    if let Some(active) = codedeploy.active(cx, application, group_name) {
        return Err(Refusal::new(
            "DeploymentLimitExceededException",
            format!("The Deployment Group '{group_name}' already has an active Deployment '{}'", active.id),
        ));
    }
    let previous_revision = group.revision.clone();
    let id = new_id(world);
    let deployment = Deployment {
        id: id.clone(),
        place: place(cx),
        application: application.to_owned(),
        group: group_name.to_owned(),
        config,
        routing,
        settings,
        stages: stages(&spec, pair.test.is_some()),
        pair,
        service,
        revision,
        previous_revision,
        spec,
        description: input.text("description")?.map(str::to_owned),
        creator: "user",
        status: Status::Created,
        error: None,
        at: At::Created,
        course: 0,
        blue: None,
        green: None,
        weight: 0,
        rolls_back: None,
        rolled_back_by: None,
        created_at: cx.now,
        started_at: None,
        completed_at: None,
    };
    progress::begin(world, deployment);
    Ok(json!({ "deploymentId": id }))
}

/// `d-` and nine capital letters and digits.
pub(super) fn new_id(world: &mut World) -> String {
    const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let letters: String = (0..9).map(|_| LETTERS[world.rng.below(36) as usize] as char).collect();
    format!("d-{letters}")
}

pub(super) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    Ok(json!({ "deploymentInfo": world.services.codedeploy.named(cx, input)?.show() }))
}

pub(super) fn batch_get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let ids = input.texts("deploymentIds")?;
    if ids.is_empty() {
        return Err(Refusal::new("DeploymentIdRequiredException", "The deployment ID was not specified."));
    }
    if ids.len() > 25 {
        return Err(Refusal::new("BatchLimitExceededException", "The maximum number of deployment IDs is 25."));
    }
    let found = ids.iter().filter_map(|id| world.services.codedeploy.here(cx, id).ok());
    Ok(json!({ "deploymentsInfo": found.map(Deployment::show).collect::<Vec<_>>() }))
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (application, group) = (input.text("applicationName")?, input.text("deploymentGroupName")?);
    let codedeploy = &world.services.codedeploy;
    match (application, group) {
        (Some(application), Some(group)) => drop(codedeploy.group(cx, application, group)?),
        (Some(application), None) => drop(codedeploy.application(cx, application)?),
        (None, Some(_)) => {
            return Err(Refusal::new("ApplicationNameRequiredException", "The application name was not specified."));
        }
        (None, None) => {}
    }
    let statuses = input.texts("includeOnlyStatuses")?;
    let range = input.get("createTimeRange").cloned().unwrap_or_default();
    let (from, to) = (range["start"].as_f64(), range["end"].as_f64());
    let mut found: Vec<&Deployment> = codedeploy
        .deployments
        .values()
        .filter(|it| it.place == place(cx))
        .filter(|it| application.is_none_or(|name| it.application == name) && group.is_none_or(|name| it.group == name))
        .filter(|it| statuses.is_empty() || statuses.contains(&it.status.as_str()))
        .filter(|it| {
            let at = it.created_at.as_millisecond() as f64 / 1000.0;
            from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to)
        })
        .collect();
    found.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    page(input, "deployments", found.into_iter().map(|it| it.id.clone()))
}
