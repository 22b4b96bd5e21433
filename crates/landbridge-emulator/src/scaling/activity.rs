//! Scaling activities: what was scaled, why, and how it went (DescribeScalingActivities).

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{check_namespace, named, page, split};
use crate::cloudwatch::Place;
use crate::ecs;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

/// Newest first. AWS keeps six weeks; here it is a number.
#[derive(Debug, Clone, Default)]
pub(super) struct Activities(VecDeque<Activity>);

#[derive(Debug, Clone)]
struct Activity {
    id: String,
    resource: String,
    count: i64,
    cause: String,
    at: Timestamp,
}

const KEPT: usize = 1000;

impl Activity {
    fn show(&self) -> Value {
        let mut shown = named(&self.resource);
        let count = self.count;
        for (name, value) in [
            ("ActivityId", json!(self.id)),
            ("Description", json!(format!("Setting desired count to {count}."))),
            ("Cause", json!(self.cause)),
            ("StartTime", epoch(self.at)),
            ("EndTime", epoch(self.at)),
            ("StatusCode", json!("Successful")),
            (
                "StatusMessage",
                json!(format!("Successfully set desired count to {count}. Change successfully fulfilled by ecs.")),
            ),
        ] {
            shown[name] = value;
        }
        shown
    }
}

/// Gives the service another desired count, and remembers why.
pub(super) fn scale(world: &mut World, place: &Place, resource: &str, count: i64, cause: &str) {
    let Some((cluster, service)) = split(resource) else { return };
    ecs::set_desired(world, place, cluster, service, count);
    let activity =
        Activity { id: world.rng.uuid(), resource: resource.to_owned(), count, cause: cause.to_owned(), at: world.now };
    let here = world.services.scaling.places.entry(place.clone()).or_default();
    here.activities.0.push_front(activity);
    here.activities.0.truncate(KEPT);
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    check_namespace(input)?;
    let resource = input.text("ResourceId")?;
    let activities = world.services.scaling.here(cx).activities.0.iter();
    let wanted = activities.filter(|activity| resource.is_none_or(|resource| activity.resource == resource));
    page(input, "ScalingActivities", 50, &wanted.map(Activity::show).collect::<Vec<_>>())
}
