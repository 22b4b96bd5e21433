//! What CloudWatch measures, and the states of its alarms.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, Metric, MetricDataQuery, MetricStat, ScanBy, StateValue, StatusCode,
};
use aws_smithy_types::DateTime;
use landbridge_plan::traffic_migration::{Said, Series};
use tokio::time::timeout;

use crate::budget::Priority;
use crate::client::Aws;
use crate::error::AwsError;
use crate::operations as op;

/// How long CloudWatch is waited for, with everything that the call repeats.
const LONGEST: Duration = Duration::from_secs(20);
/// Seconds of a period; load balancers publish every minute.
const MINUTE: i32 = 60;
/// Pages of one answer; a day of every series that gates may have fits into fewer.
const PAGES: usize = 20;

/// Seconds since 1970.
type Window = (i64, i64);
type Points = Vec<(i64, f64)>;

impl Aws {
    /// The values of each minute of the series of several gates, by gate. All have the same window, and a series that two
    /// gates look at is asked for once.
    pub(super) async fn measured(
        &self,
        gates: Vec<(String, BTreeMap<String, Series>, Window)>,
        priority: Priority,
    ) -> Vec<(String, Said)> {
        let Some(window) = gates.first().map(|(_, _, window)| *window) else { return Vec::new() };
        let mut all: Vec<Series> = gates.iter().flat_map(|(_, series, _)| series.values().cloned()).collect();
        all.sort();
        all.dedup();
        let found = in_time(self.metric_data(&all, window, priority)).await;
        let of = |(gate, series, _): (String, BTreeMap<String, Series>, Window)| {
            let said = match &found {
                Ok(found) => {
                    let points = |series: &Series| {
                        let at = all.binary_search(series).ok();
                        at.and_then(|at| found.get(at)).cloned().unwrap_or_default()
                    };
                    Said::Measured(series.iter().map(|(key, series)| (key.clone(), points(series))).collect())
                }
                Err(why) => Said::Nothing(why.clone()),
            };
            (gate, said)
        };
        gates.into_iter().map(of).collect()
    }

    /// The values of each series, in their order.
    async fn metric_data(
        &self,
        series: &[Series],
        (start, end): Window,
        priority: Priority,
    ) -> Result<Vec<Points>, AwsError> {
        let queries: Vec<MetricDataQuery> = series.iter().enumerate().map(|(at, series)| query(at, series)).collect();
        let mut points = vec![Points::new(); series.len()];
        let mut next: Option<String> = None;
        for _ in 0..PAGES {
            let call = || {
                let call = self.watch().get_metric_data().set_metric_data_queries(Some(queries.clone()));
                let call = call.start_time(DateTime::from_secs(start)).end_time(DateTime::from_secs(end));
                call.scan_by(ScanBy::TimestampAscending).set_next_token(next.clone()).send()
            };
            let answer = self.call(op::GET_METRIC_DATA, priority, call).await?;
            keep(&answer, &mut points)?;
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(points);
            }
        }
        Err(AwsError::incomplete(op::GET_METRIC_DATA, "last page"))
    }

    /// The states of alarms by name, metric and composite ones.
    pub(super) async fn alarm_states(&self, alarms: Vec<(String, String)>, priority: Priority) -> Vec<(String, Said)> {
        if alarms.is_empty() {
            return Vec::new();
        }
        let mut names: Vec<String> = alarms.iter().map(|(_, name)| name.clone()).collect();
        names.sort();
        names.dedup();
        let asked = async {
            let call = || {
                let call = self.watch().describe_alarms().set_alarm_names(Some(names.clone())).max_records(100);
                // Without this only metric alarms are given (DescribeAlarms, `AlarmTypes`).
                call.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm).send()
            };
            let answer = self.call(op::DESCRIBE_ALARMS, priority, call).await?;
            let metric = answer.metric_alarms().iter().map(|a| (a.alarm_name(), a.state_value()));
            let composite = answer.composite_alarms().iter().map(|a| (a.alarm_name(), a.state_value()));
            let known = |(name, state): (Option<&str>, Option<&StateValue>)| {
                Some((name?.to_owned(), state?.as_str().to_owned()))
            };
            Ok(metric.chain(composite).filter_map(known).collect::<BTreeMap<_, _>>())
        };
        let found = in_time(asked).await;
        let of = |(gate, name): (String, String)| {
            let said = match &found {
                Ok(found) => match found.get(&name) {
                    Some(state) => Said::Alarm(state.clone()),
                    None => {
                        Said::Nothing("there is no such alarm in the account and Region of the load balancer".into())
                    }
                },
                Err(why) => Said::Nothing(why.clone()),
            };
            (gate, said)
        };
        alarms.into_iter().map(of).collect()
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, AwsError>>) -> Result<T, String> {
    match timeout(LONGEST, asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("CloudWatch has not answered for {} s", LONGEST.as_secs())),
    }
}

fn query(at: usize, series: &Series) -> MetricDataQuery {
    let dimension = |(name, value): (&String, &String)| Dimension::builder().name(name).value(value).build();
    let dimensions = series.dimensions.iter().map(dimension).collect();
    let metric = Metric::builder().namespace(&series.namespace).metric_name(&series.metric);
    let stat = MetricStat::builder().metric(metric.set_dimensions(Some(dimensions)).build());
    MetricDataQuery::builder()
        .id(format!("m{at}"))
        .metric_stat(stat.period(MINUTE).stat(&series.statistic).build())
        .return_data(true)
        .build()
}

/// Adds a page. A series that CloudWatch could not give (`InternalError`, `Forbidden`) is no series without values.
fn keep(answer: &GetMetricDataOutput, points: &mut [Points]) -> Result<(), AwsError> {
    for result in answer.metric_data_results() {
        let at = result.id().and_then(|id| id.strip_prefix('m')).and_then(|at| at.parse::<usize>().ok());
        let Some(kept) = at.and_then(|at| points.get_mut(at)) else { continue };
        if matches!(result.status_code(), Some(StatusCode::InternalError | StatusCode::Forbidden)) {
            return Err(AwsError::incomplete(op::GET_METRIC_DATA, "values of every metric"));
        }
        let times = result.timestamps().iter().map(DateTime::secs);
        kept.extend(times.zip(result.values().iter().copied()));
    }
    Ok(())
}
