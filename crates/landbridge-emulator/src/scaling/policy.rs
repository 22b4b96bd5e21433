//! Scaling policies, and what they do when an alarm rings (PutScalingPolicy).

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::step::Step;
use super::target::{IN, OUT, Target, capacity};
use super::tracking::Tracking;
use super::{activity, not_found, resource};
use crate::clock::later;
use crate::cloudwatch::{self, Place};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) kind: Kind,
    /// The configuration, under the member it came in.
    configuration: (&'static str, Value),
    /// Name and ARN of each alarm that target tracking keeps.
    pub(super) alarms: Vec<(String, String)>,
    last: Option<Scaled>,
    created: Timestamp,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Tracking(Tracking),
    Step(Step),
    /// Kept, and without effect.
    Predictive,
}

/// The last time a policy scaled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scaled {
    at: Timestamp,
    out: bool,
    /// Capacity before.
    from: i64,
}

const POLICIES: usize = 50;

impl Kind {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Tracking(_) => "TargetTrackingScaling",
            Self::Step(_) => "StepScaling",
            Self::Predictive => "PredictiveScaling",
        }
    }

    /// Cooldowns for scaling out and in.
    fn cooldowns(&self) -> (Duration, Duration) {
        match self {
            Self::Tracking(tracking) => tracking.cooldowns,
            Self::Step(step) => (step.cooldown, step.cooldown),
            Self::Predictive => Default::default(),
        }
    }
}

impl Policy {
    pub(super) fn show(&self, target: &Target) -> Value {
        let mut shown = super::named(&target.resource);
        shown["PolicyARN"] = json!(self.arn);
        shown["PolicyName"] = json!(self.name);
        shown["PolicyType"] = json!(self.kind.as_str());
        shown[self.configuration.0] = self.configuration.1.clone();
        shown["Alarms"] = self.show_alarms();
        shown["CreationTime"] = epoch(self.created);
        shown
    }

    fn show_alarms(&self) -> Value {
        self.alarms.iter().map(|(name, arn)| json!({ "AlarmName": name, "AlarmARN": arn })).collect()
    }

    /// Deletes the alarms that target tracking made; those that a user made stay.
    pub(super) fn forget_alarms(&self, world: &mut World, place: &Place) {
        for (name, _) in &self.alarms {
            cloudwatch::forget_alarm(world, place, name);
        }
    }

    /// The capacity that a scale-out counts from: while its cooldown lasts, that before the last one, so that only what is
    /// missing beyond it is added ("Cooldown period").
    pub(super) fn base(&self, now: Timestamp, desired: i64) -> i64 {
        let (cooldown, _) = self.kind.cooldowns();
        let last = self.last.filter(|last| last.out && later(last.at, cooldown) > now);
        last.map_or(desired, |last| last.from)
    }

    fn cools_down(&self, now: Timestamp) -> bool {
        let (_, cooldown) = self.kind.cooldowns();
        self.last.is_some_and(|last| later(last.at, cooldown) > now)
    }
}

pub(super) fn put(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (name, resource) = (input.required("PolicyName")?, resource(input)?);
    if name.is_empty() || name.len() > 256 {
        return Err(input.refuse("A policy's name has 1 to 256 characters."));
    }
    let place = (cx.account.clone(), cx.region.clone());
    let Some(target) = world.services.scaling.target(&place, resource) else {
        return Err(not_found("scalable target", resource));
    };
    let before = target.policies.get(name).cloned();
    if before.is_none() && target.policies.len() >= POLICIES {
        let message = format!("A scalable target has at most {POLICIES} scaling policies.");
        return Err(Refusal::new("LimitExceededException", message));
    }
    let kind =
        input.text("PolicyType")?.or(before.as_ref().map(|policy| policy.kind.as_str())).unwrap_or("StepScaling");
    if before.as_ref().is_some_and(|before| before.kind.as_str() != kind) {
        return Err(input.refuse("The type of a scaling policy cannot be changed: delete it and make it anew."));
    }
    let (member, kind) = configured(input, kind)?;
    let configuration = input.get(member).cloned().unwrap_or_default();
    let uuid = world.rng.uuid();
    let mut policy = before.unwrap_or_else(|| Policy {
        name: name.to_owned(),
        arn: format!(
            "arn:aws:autoscaling:{}:{}:scalingPolicy:{uuid}:resource/ecs/{resource}:policyName/{name}",
            cx.region, cx.account
        ),
        kind: kind.clone(),
        configuration: (member, Value::Null),
        alarms: Vec::new(),
        last: None,
        created: cx.now,
    });
    policy.kind = kind;
    policy.configuration = (member, configuration);
    if let Kind::Tracking(tracking) = policy.kind.clone() {
        tracking.keep_alarms(world, &place, resource, &mut policy)?;
    }
    let answer = json!({ "PolicyARN": policy.arn, "Alarms": policy.show_alarms() });
    if let Some(target) = world.services.scaling.target_mut(&place, resource) {
        target.policies.insert(name.to_owned(), policy);
    }
    Ok(answer)
}

/// The member that configures a policy of this type, and what it says.
fn configured(input: Input<'_>, kind: &str) -> Result<(&'static str, Kind), Refusal> {
    let member = match kind {
        "TargetTrackingScaling" => "TargetTrackingScalingPolicyConfiguration",
        "StepScaling" => "StepScalingPolicyConfiguration",
        "PredictiveScaling" => "PredictiveScalingPolicyConfiguration",
        other => {
            return Err(input.refuse(format!(
                "1 validation error detected: Value '{other}' at 'policyType' failed to satisfy constraint: Member must satisfy \
                 enum value set: [StepScaling, TargetTrackingScaling, PredictiveScaling]"
            )));
        }
    };
    let given = input
        .object(member)?
        .ok_or_else(|| input.refuse(format!("{kind} scaling policy type requires {member} to be specified.")))?;
    let kind = match kind {
        "TargetTrackingScaling" => Kind::Tracking(Tracking::read(given)?),
        "StepScaling" => Kind::Step(Step::read(given)?),
        _ if given.list("MetricSpecifications")?.is_empty() => return Err(given.missing("MetricSpecifications")),
        _ => Kind::Predictive,
    };
    Ok((member, kind))
}

/// An alarm that names a policy rings, or goes on ringing.
pub(crate) fn alarm_rang(world: &mut World, place: &Place, alarm: &str, policy_arn: &str) {
    let targets = world.services.scaling.places.get(place).into_iter().flat_map(|here| here.targets.values());
    let found = targets.clone().find_map(|target| {
        let policy = target.policies.values().find(|policy| policy.arn == policy_arn)?;
        Some((target.clone(), policy.clone()))
    });
    let Some((target, policy)) = found else { return };
    let Some(present) = capacity(world, place, &target.resource) else { return };
    let wanted = match &policy.kind {
        Kind::Tracking(tracking) => tracking.wanted(world, place, &target, &policy, alarm, present.desired),
        Kind::Step(step) => step.wanted(world, place, &policy, alarm, present.desired),
        Kind::Predictive => None,
    };
    let Some(wanted) = wanted.map(|wanted| wanted.clamp(target.minimum, target.maximum)) else { return };
    let out = wanted > present.desired;
    let held = if out {
        target.is_suspended(OUT)
    } else {
        // Nothing is scaled in while ECS deploys ("Automatically scale your Amazon ECS service").
        target.is_suspended(IN) || present.deploying || policy.cools_down(world.now)
    };
    if wanted == present.desired || held {
        return;
    }
    let scaled = Scaled { at: world.now, out, from: policy.base(world.now, present.desired) };
    let cause = format!("monitor alarm {alarm} in state ALARM triggered policy {}", policy.name);
    activity::scale(world, place, &target.resource, wanted, &cause);
    let target = world.services.scaling.target_mut(place, &target.resource);
    if let Some(policy) = target.and_then(|target| target.policies.get_mut(&policy.name)) {
        policy.last = Some(scaled);
    }
}
