//! What CloudWatch measures, and the states of its alarms.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, Metric, MetricDataQuery, MetricStat, ScanBy, StateValue, StatusCode,
};
use aws_smithy_types::DateTime;
use futures::future::join_all;
use landbridge_plan::account::AccountTarget;
use landbridge_plan::traffic_migration::{MeasuredIn, Said, Series};
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
/// What one account said, or why it did not.
type Found = Result<BTreeMap<Series, Points>, String>;

impl Aws {
    /// The values of each minute of the series of several gates, by gate. All have the same window; each account is asked
    /// once, and once for a series that two gates look at. A gate that lacks an account has nothing to compare with.
    pub(super) async fn measured(
        &self,
        gates: Vec<(String, BTreeMap<String, Series>, Window)>,
        sides: [Option<Arc<AccountTarget>>; 2],
        priority: Priority,
    ) -> Vec<(String, Said)> {
        let Some(window) = gates.first().map(|(_, _, window)| *window) else { return Vec::new() };
        let [from, to] = sides;
        let account = |series: &Series| match series.measured_in {
            MeasuredIn::Written => None,
            MeasuredIn::From => from.as_ref(),
            MeasuredIn::To => to.as_ref(),
        };
        let place = |series: &Series| account(series).map(|account| account.shard());
        let all: BTreeSet<&Series> = gates.iter().flat_map(|(_, series, _)| series.values()).collect();
        let places: BTreeMap<_, _> = all.iter().map(|series| (place(series), account(series))).collect();
        let asked = places.into_iter().map(|(here, account)| {
            let own = all.iter().filter(|series| place(series) == here).copied().cloned().collect();
            (here, account, own)
        });
        let asked = asked.map(|(place, account, series)| async move {
            let found = in_time(self.measured_in(account, series, window, priority)).await;
            let told = |why: String| match account {
                Some(elsewhere) => format!("account {} in {}: {why}", elsewhere.account_id, elsewhere.region),
                None => why,
            };
            (place, found.map_err(told))
        });
        let found: BTreeMap<Option<String>, Found> = join_all(asked).await.into_iter().collect();
        let of = |(gate, series, _): (String, BTreeMap<String, Series>, Window)| {
            let points = |(key, series): (String, Series)| match found.get(&place(&series)) {
                Some(Ok(found)) => Ok((key, found.get(&series).cloned().unwrap_or_default())),
                Some(Err(why)) => Err(why.clone()),
                None => Err("it has not been asked".to_owned()),
            };
            let said = series.into_iter().map(points).collect::<Result<_, _>>();
            (gate, said.map_or_else(Said::Nothing, Said::Measured))
        };
        gates.into_iter().map(of).collect()
    }

    /// The values of each series that one account has: this one, or that one.
    async fn measured_in(
        &self,
        account: Option<&Arc<AccountTarget>>,
        series: Vec<Series>,
        window: Window,
        priority: Priority,
    ) -> Result<BTreeMap<Series, Points>, AwsError> {
        let aws = match account {
            Some(elsewhere) => self.beside(elsewhere).await?,
            None => self.clone(),
        };
        let points = aws.metric_data(&series, window, priority).await?;
        Ok(series.into_iter().zip(points).collect())
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
                    None => Said::Nothing(
                        "there is no such alarm in the account and Region where this migration writes".into(),
                    ),
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
