//! Application Auto Scaling of ECS services: scalable targets, policies that follow CloudWatch alarms, and scheduled
//! actions.
//!
//! Target tracking keeps two alarms of its own in CloudWatch and follows them; nothing here looks at metrics otherwise.
//! Predictive policies are kept and forecast nothing. Source: Application Auto Scaling API reference and user guide.

mod activity;
mod policy;
mod policy_list;
mod schedule;
mod scheduled;
mod step;
mod tags;
mod target;
mod tracking;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cloudwatch::Place;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

use target::Target;

pub(crate) use policy::alarm_rang;
pub(crate) use scheduled::Due;

/// The one thing of ECS that scales.
const DIMENSION: &str = "ecs:service:DesiredCount";

/// All accounts' and regions' scalable targets, by resource (`service/CLUSTER/NAME`).
#[derive(Debug, Clone, Default)]
pub(crate) struct Scaling {
    places: BTreeMap<Place, Here>,
}

#[derive(Debug, Clone, Default)]
struct Here {
    targets: BTreeMap<String, Target>,
    activities: activity::Activities,
}

impl Scaling {
    /// ARN and tags of each resource of an account and region.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let here = self.places.get(&(cx.account.clone(), cx.region.clone()));
        let targets = here.into_iter().flat_map(|here| here.targets.values());
        targets.map(|target| (target.arn.clone(), target.tags.clone())).collect()
    }

    /// Everything remembered, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        let targets = self.places.values().flat_map(|here| here.targets.values());
        let shown = targets.map(|target| {
            let policies: Vec<Value> = target.policies.values().map(|policy| policy.show(target)).collect();
            let actions: Vec<Value> = target.actions.values().map(|action| action.show(target)).collect();
            json!({ "target": target.show(), "policies": policies, "scheduledActions": actions })
        });
        shown.collect()
    }

    fn here(&mut self, cx: &Cx) -> &mut Here {
        self.places.entry((cx.account.clone(), cx.region.clone())).or_default()
    }

    fn target(&self, place: &Place, resource: &str) -> Option<&Target> {
        self.places.get(place)?.targets.get(resource)
    }

    fn target_mut(&mut self, place: &Place, resource: &str) -> Option<&mut Target> {
        self.places.get_mut(place)?.targets.get_mut(resource)
    }
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "ValidationException");
    match op {
        "RegisterScalableTarget" => target::register(world, cx, input),
        "DescribeScalableTargets" => target::describe(world, cx, input),
        "DeregisterScalableTarget" => target::deregister(world, cx, input),
        "PutScalingPolicy" => policy::put(world, cx, input),
        "DescribeScalingPolicies" => policy_list::describe(world, cx, input),
        "DeleteScalingPolicy" => policy_list::delete(world, cx, input),
        "PutScheduledAction" => scheduled::put(world, cx, input),
        "DescribeScheduledActions" => scheduled::describe(world, cx, input),
        "DeleteScheduledAction" => scheduled::delete(world, cx, input),
        "DescribeScalingActivities" => activity::describe(world, cx, input),
        "TagResource" => tags::tag(world, cx, input),
        "UntagResource" => tags::untag(world, cx, input),
        "ListTagsForResource" => tags::list(world, cx, input),
        _ => Err(Refusal::unknown_operation()),
    }
}

/// A scheduled action is due.
pub(crate) fn happen(world: &mut World, due: &Due) {
    scheduled::happen(world, due);
}

fn not_found(what: &str, resource: &str) -> Refusal {
    let message =
        format!("No {what} found for service namespace: ecs, resource ID: {resource}, scalable dimension: {DIMENSION}");
    Refusal::new("ObjectNotFoundException", message)
}

/// `ServiceNamespace`, which must be one that this emulator scales.
fn check_namespace(input: Input<'_>) -> Result<(), Refusal> {
    const OTHERS: [&str; 13] = [
        "elasticmapreduce",
        "ec2",
        "appstream",
        "dynamodb",
        "rds",
        "sagemaker",
        "custom-resource",
        "comprehend",
        "lambda",
        "cassandra",
        "kafka",
        "elasticache",
        "neptune",
    ];
    match input.required("ServiceNamespace")? {
        "ecs" => Ok(()),
        other if OTHERS.contains(&other) => {
            Err(input.refuse(format!("This emulator scales ECS services only, and nothing of {other}.")))
        }
        other => Err(input.refuse(format!(
            "1 validation error detected: Value '{other}' at 'serviceNamespace' failed to satisfy constraint: Member must \
             satisfy enum value set"
        ))),
    }
}

/// The resource that a call names completely.
fn resource(input: Input<'_>) -> Result<&str, Refusal> {
    check_namespace(input)?;
    let (resource, dimension) = (input.required("ResourceId")?, input.required("ScalableDimension")?);
    if dimension != DIMENSION || split(resource).is_none() {
        return Err(input.refuse("Unsupported service namespace, resource type or scalable dimension"));
    }
    Ok(resource)
}

/// Cluster and service of `service/CLUSTER/NAME`.
fn split(resource: &str) -> Option<(&str, &str)> {
    resource.strip_prefix("service/")?.split_once('/').filter(|(cluster, name)| !cluster.is_empty() && !name.is_empty())
}

/// Members that every answer about a resource has.
fn named(resource: &str) -> Value {
    json!({ "ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": DIMENSION })
}

/// One page of what a Describe call asks for, under `field`; tokens are the number of items given.
fn page(input: Input<'_>, field: &str, most: i64, items: &[Value]) -> Result<Value, Refusal> {
    let most = input.number_within("MaxResults", 1, most)?.unwrap_or(most) as usize;
    let after = input.text("NextToken")?.map_or(Ok(0), str::parse::<usize>);
    let after = after.map_err(|_| Refusal::new("InvalidNextTokenException", "The next token is invalid."))?;
    let page: Vec<&Value> = items.iter().skip(after).take(most).collect();
    let next = after + page.len();
    let mut answer = json!({});
    answer[field] = json!(page);
    if next < items.len() {
        answer["NextToken"] = json!(next.to_string());
    }
    Ok(answer)
}
