//! What happened to alarms (DescribeAlarmHistory).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Place, invalid};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Item {
    at: Timestamp,
    alarm: String,
    /// `ConfigurationUpdate`, `StateUpdate` or `Action`.
    kind: &'static str,
    summary: String,
    data: String,
}

/// AWS keeps 30 days; here it is a number.
const KEPT: usize = 5000;

pub(super) fn add(world: &mut World, place: &Place, alarm: &str, kind: &'static str, summary: &str, data: &Value) {
    let at = world.now;
    let here = world.services.cloudwatch.places.entry(place.clone()).or_default();
    let item = Item { at, alarm: alarm.to_owned(), kind, summary: summary.to_owned(), data: data.to_string() };
    here.history.push_front(item);
    here.history.truncate(KEPT);
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (alarm, kind) = (input.text("AlarmName")?, input.text("HistoryItemType")?);
    let (from, to) = (input.time("StartDate")?, input.time("EndDate")?);
    let most = input.number_within("MaxRecords", 1, 100)?.unwrap_or(100) as usize;
    let after = input.text("NextToken")?.map_or(Ok(0), str::parse::<usize>);
    let after = after.map_err(|_| invalid("The parameter NextToken is invalid."))?;
    let oldest_first = input.text("ScanBy")? == Some("TimestampAscending");
    let wanted = |item: &&Item| {
        alarm.is_none_or(|alarm| item.alarm == alarm)
            && kind.is_none_or(|kind| item.kind == kind)
            && from.is_none_or(|from| item.at >= from)
            && to.is_none_or(|to| item.at <= to)
    };
    let mut found: Vec<&Item> = world.services.cloudwatch.here(cx).history.iter().filter(wanted).collect();
    if oldest_first {
        found.reverse();
    }
    let shown = found.iter().skip(after).take(most).map(|item| {
        json!({
            "AlarmName": item.alarm, "AlarmType": "MetricAlarm", "Timestamp": epoch(item.at), "HistoryItemType": item.kind,
            "HistorySummary": item.summary, "HistoryData": item.data,
        })
    });
    let page: Vec<Value> = shown.collect();
    let next = after + page.len();
    let mut answer = json!({ "AlarmHistoryItems": page });
    if next < found.len() {
        answer["NextToken"] = json!(next.to_string());
    }
    Ok(answer)
}
