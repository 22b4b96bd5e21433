//! Finding, tagging and deleting alarms (DescribeAlarms, DescribeAlarmsForMetric, DeleteAlarms, TagResource).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::alarm::Alarm;
use super::combination;
use super::metric::Metric;
use super::set_state::forget_alarm;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (names, prefix) = (input.texts("AlarmNames")?, input.text("AlarmNamePrefix")?);
    let (state, action) = (input.text("StateValue")?, input.text("ActionPrefix")?);
    let types = input.texts("AlarmTypes")?;
    if !names.is_empty() && prefix.is_some() {
        return Err(combination("AlarmNames and AlarmNamePrefix cannot be specified together."));
    }
    let most = input.number_within("MaxRecords", 1, 100)?.unwrap_or(100) as usize;
    let after = input.text("NextToken")?.unwrap_or_default();
    let acts = |alarm: &Alarm, prefix: &str| {
        ["AlarmActions", "OKActions", "InsufficientDataActions"].iter().any(|member| {
            let actions = alarm.fields.get(*member).and_then(Value::as_array);
            actions.into_iter().flatten().any(|action| action.as_str().is_some_and(|arn| arn.starts_with(prefix)))
        })
    };
    let wanted = |alarm: &&Alarm| {
        (names.is_empty() || names.contains(&alarm.name.as_str()))
            && (types.is_empty() || types.contains(&"MetricAlarm"))
            && prefix.is_none_or(|prefix| alarm.name.starts_with(prefix))
            && state.is_none_or(|state| alarm.state == state)
            && action.is_none_or(|prefix| acts(alarm, prefix))
    };
    let alarms = world.services.cloudwatch.here(cx).alarms.values();
    let mut rest = alarms.filter(wanted).filter(|alarm| alarm.name.as_str() > after);
    let page: Vec<&Alarm> = rest.by_ref().take(most).collect();
    let shown: Vec<Value> = page.iter().map(|alarm| alarm.show()).collect();
    let mut answer = json!({ "MetricAlarms": shown, "CompositeAlarms": [] });
    if let (Some(last), true) = (page.last(), rest.next().is_some()) {
        answer["NextToken"] = json!(last.name);
    }
    Ok(answer)
}

pub(super) fn for_metric(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let metric = Metric::read(input)?;
    let alarms = world.services.cloudwatch.here(cx).alarms.values();
    let watching = alarms.filter(|alarm| alarm.config.metric().is_some_and(|(watched, _)| *watched == metric));
    Ok(json!({ "MetricAlarms": watching.map(Alarm::show).collect::<Vec<_>>() }))
}

/// Deletes all of them or, where one of several is not there, none (DeleteAlarms, "ResourceNotFound").
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let names = input.texts("AlarmNames")?;
    if names.len() > 100 {
        return Err(super::invalid("The collection AlarmNames must not have a size greater than 100."));
    }
    let alarms = &world.services.cloudwatch.here(cx).alarms;
    if let Some(unknown) = names.iter().find(|name| !alarms.contains_key(**name)).filter(|_| names.len() > 1) {
        return Err(Refusal::new("ResourceNotFound", format!("Alarm {unknown} does not exist")).status(404));
    }
    let place = (cx.account.clone(), cx.region.clone());
    for name in names {
        forget_alarm(world, &place, name);
    }
    Ok(Value::Null)
}

fn tags_of<'a>(world: &'a mut World, input: Input<'_>) -> Result<&'a mut BTreeMap<String, String>, Refusal> {
    let arn = input.required("ResourceARN")?;
    let unknown = || Refusal::new("ResourceNotFoundException", format!("Unknown resource {arn}")).status(404);
    world.services.cloudwatch.tags_mut(arn).ok_or_else(unknown)
}

pub(super) fn tag(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let added = input.tags("Tags")?;
    let tags = tags_of(world, input)?;
    let mut all = tags.clone();
    all.extend(added);
    if all.len() > 50 {
        return Err(super::invalid("A resource has at most 50 tags."));
    }
    *tags = all;
    Ok(Value::Null)
}

pub(super) fn untag(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let keys = input.texts("TagKeys")?;
    tags_of(world, input)?.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(Value::Null)
}

pub(super) fn tags(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let tags = tags_of(world, input)?.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
    Ok(json!({ "Tags": tags.collect::<Vec<_>>() }))
}
