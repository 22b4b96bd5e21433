//! An alarm's state changes, by evaluation or by hand, and whoever listens is told (SetAlarmState; "CloudWatch Alarm State
//! Change" in "Alarm events and EventBridge").

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::alarm::Alarm;
use super::query::What;
use super::{INVALID, Place, alarm, history};
use crate::events::{self, Occurrence};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};
use crate::{codedeploy, ecs, scaling};

const STATES: [&str; 3] = ["OK", "ALARM", "INSUFFICIENT_DATA"];

pub(super) fn set(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (name, wanted) = (input.required("AlarmName")?, input.required("StateValue")?);
    let reason = input.required("StateReason")?;
    let Some(state) = STATES.into_iter().find(|state| *state == wanted) else {
        return Err(Refusal::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '{wanted}' at 'stateValue' failed to satisfy constraint: Member must satisfy \
                 enum value set: [INSUFFICIENT_DATA, ALARM, OK]"
            ),
        ));
    };
    let data = match input.text("StateReasonData")? {
        None => None,
        Some(text) => Some(serde_json::from_str(text).map_err(|_| {
            Refusal::new("InvalidFormatFault", "StateReasonData is not well-formed JSON.").query("InvalidFormat")
        })?),
    };
    let place = (cx.account.clone(), cx.region.clone());
    if world.services.cloudwatch.alarm(&place, name).is_none() {
        return Err(Refusal::new("ResourceNotFound", format!("Alarm {name} does not exist")).status(404));
    }
    transition(world, &place, name, state, reason, data);
    Ok(Value::Null)
}

/// Enables or disables the actions of alarms; names that are not there are passed over, as AWS does.
pub(super) fn enable(world: &mut World, cx: &Cx, input: Input<'_>, enabled: bool) -> Result<Value, Refusal> {
    for name in input.texts("AlarmNames")? {
        if let Some(alarm) = world.services.cloudwatch.here(cx).alarms.get_mut(name) {
            alarm.fields.insert("ActionsEnabled".to_owned(), json!(enabled));
            alarm.configured_at = cx.now;
        }
    }
    Ok(Value::Null)
}

/// Puts an alarm into a state. Nothing is told where that is the one it has.
pub(super) fn transition(
    world: &mut World,
    place: &Place,
    name: &str,
    state: &'static str,
    reason: &str,
    data: Option<Value>,
) {
    let now = world.now;
    let Some(alarm) = world.services.cloudwatch.alarm_mut(place, name) else { return };
    let before = alarm.clone();
    reason.clone_into(&mut alarm.reason);
    alarm.reason_data = data.map(|data| data.to_string());
    if before.state == state {
        return;
    }
    alarm.state = state;
    alarm.state_at = now;
    let after = alarm.clone();
    let summary = format!("Alarm updated from {} to {state}", before.state);
    let of = |alarm: &Alarm| json!({ "stateValue": alarm.state, "stateReason": alarm.reason });
    let change = json!({ "version": "1.0", "oldState": of(&before), "newState": of(&after) });
    history::add(world, place, name, "StateUpdate", &summary, &change);
    tell(world, place, &before, &after);
    act(world, place, name, true);
    ecs::alarm_changed(world, place, name, state);
    codedeploy::alarm_changed(world, place, name, state);
}

/// Does what the alarm's state asks for: everything when it is new; while it lasts, scaling goes on ("Alarm actions").
pub(super) fn act(world: &mut World, place: &Place, name: &str, changed: bool) {
    let Some(alarm) = world.services.cloudwatch.alarm(place, name) else { return };
    if !changed && alarm.state != "ALARM" {
        return;
    }
    for action in alarm.actions() {
        if changed {
            let data = json!({ "actionState": "Succeeded", "notificationResource": action });
            history::add(world, place, name, "Action", &format!("Successfully executed action {action}"), &data);
        }
        if action.starts_with("arn:aws:autoscaling:") {
            scaling::alarm_rang(world, place, name, &action);
        }
    }
}

fn tell(world: &mut World, place: &Place, before: &Alarm, after: &Alarm) {
    let state = |alarm: &Alarm| {
        let mut state = json!({
            "value": alarm.state, "reason": alarm.reason,
            "timestamp": alarm.state_at.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string(),
        });
        if let Some(data) = &alarm.reason_data {
            state["reasonData"] = json!(data);
        }
        state
    };
    let mut configuration = json!({ "metrics": metrics(after) });
    if let Some(description) = after.fields.get("AlarmDescription") {
        configuration["description"] = description.clone();
    }
    let what = Occurrence {
        source: "aws.cloudwatch",
        detail_type: "CloudWatch Alarm State Change",
        account: &place.0,
        region: &place.1,
        resources: vec![after.arn.clone()],
        detail: json!({
            "alarmName": after.name, "state": state(after), "previousState": state(before),
            "configuration": configuration,
        }),
    };
    events::emit(world, &what);
}

fn metrics(alarm: &Alarm) -> Value {
    let shown = alarm.config.queries.iter().map(|query| match &query.what {
        What::Stat { metric, stat, period } => json!({
            "id": query.id, "returnData": query.returned,
            "metricStat": {
                "metric": { "namespace": metric.namespace, "name": metric.name, "dimensions": metric.dimensions },
                "period": period, "stat": stat,
            },
        }),
        What::Math { text, .. } => json!({ "id": query.id, "expression": text, "returnData": query.returned }),
    });
    shown.collect()
}

/// Makes an alarm for an AWS service, such as those of target tracking. The members are those of PutMetricAlarm.
pub(crate) fn put_alarm(world: &mut World, place: &Place, members: Map<String, Value>) -> Result<String, Refusal> {
    let members = Value::Object(members);
    let input = Input::new(&members, INVALID);
    alarm::put_as(world, place, input, BTreeMap::new())?;
    let name = input.required("AlarmName")?;
    let made = world.services.cloudwatch.alarm(place, name);
    Ok(made.map(|alarm| alarm.arn.clone()).unwrap_or_default())
}

/// Deletes an alarm, if it is there.
pub(crate) fn forget_alarm(world: &mut World, place: &Place, name: &str) {
    let here = world.services.cloudwatch.places.get_mut(place);
    if here.is_some_and(|here| here.alarms.remove(name).is_some()) {
        let data = json!({ "version": "1.0", "type": "Delete" });
        history::add(world, place, name, "ConfigurationUpdate", &format!("Alarm \"{name}\" deleted"), &data);
    }
}
