//! The spec with its defaults.

use std::time::Duration;

use landbridge_api::v1alpha1::{
    AbortPolicy, Approval, FinalisePolicy, MigrationGates, MigrationStep, Span, StickySessions, TrafficMigrationSpec,
};

use super::weights::seconds;

/// What a step is watched for when the spec does not say.
const BAKE: i64 = 600;

/// A step with its defaults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WantedStep {
    /// Percent of the traffic for `to`.
    pub(super) percent: f64,
    /// Seconds.
    pub(super) bake: i64,
    /// Whether a person must agree after it.
    pub(super) manual: bool,
}

/// The spec with its defaults; times are in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) steps: Vec<WantedStep>,
    pub(super) min_healthy: i32,
    pub(super) min_healthy_per_zone: i32,
    pub(super) healthy_percent: i32,
    pub(super) min_ready: i64,
    pub(super) interval: i64,
    pub(super) automatic_abort: bool,
    pub(super) after_failures: i32,
    pub(super) progress_deadline: i64,
    /// None: what the backend takes by itself.
    pub(super) propagation: Option<i64>,
    pub(super) soak: i64,
    /// None: requests that the old side still gets are not looked at.
    pub(super) max_drain: Option<i64>,
    pub(super) manual_finalise: bool,
    pub(super) remove_old: bool,
    pub(super) sticky: StickySessions,
    pub(super) manual_start: bool,
    pub(super) manager_deadline: i64,
}

impl Settings {
    pub(super) fn of(spec: &TrafficMigrationSpec) -> Self {
        let gates = spec.gates.clone().unwrap_or_default();
        let abort = spec.abort.clone().unwrap_or_default();
        let finalise = spec.finalise.clone().unwrap_or_default();
        let balancer = spec.backend.application_load_balancer.clone().unwrap_or_default();
        let records = spec.backend.route53.as_ref();
        let cloud_map = spec.backend.cloud_map.as_ref();
        let MigrationGates { min_healthy, min_healthy_per_zone, healthy_percent, min_ready, interval, .. } = gates;
        let AbortPolicy { automatic, after_failures, progress_deadline } = abort;
        let FinalisePolicy { soak, approval, remove_old, max_drain } = finalise;
        Self {
            steps: steps(&spec.steps),
            min_healthy: min_healthy.unwrap_or(1),
            min_healthy_per_zone: min_healthy_per_zone.unwrap_or(1),
            healthy_percent: healthy_percent.unwrap_or(100),
            min_ready: or(min_ready.as_ref(), 10),
            interval: or(interval.as_ref(), 10).max(1),
            automatic_abort: automatic.unwrap_or(true),
            after_failures: after_failures.unwrap_or(3),
            progress_deadline: or(progress_deadline.as_ref(), 1800),
            propagation: balancer
                .propagation
                .as_ref()
                .or(records.and_then(|r| r.propagation.as_ref()))
                .or(cloud_map.and_then(|c| c.propagation.as_ref()))
                .or(spec.backend.http_route.as_ref().and_then(|r| r.propagation.as_ref()))
                .and_then(seconds),
            soak: or(soak.as_ref(), 3600),
            max_drain: max_drain.as_ref().and_then(seconds),
            manual_finalise: is_manual(approval),
            remove_old: remove_old.unwrap_or(true),
            sticky: balancer.sticky_sessions.unwrap_or_default(),
            manual_start: is_manual(spec.approval),
            manager_deadline: or(spec.backend.manager_deadline.as_ref(), 120),
        }
    }

    /// How often the migration is looked at.
    pub(super) fn look_every(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.interval).unwrap_or(1))
    }

    /// What is wrong with the spec that its schema does not see.
    pub(super) fn mistakes(&self, spec: &TrafficMigrationSpec) -> Vec<String> {
        let mut found = Vec::new();
        for (index, pair) in self.steps.windows(2).enumerate() {
            if pair[1].percent <= pair[0].percent {
                found.push(format!(
                    "spec.steps[{}].weight is {} after {}: each step must give `to` more than the one before",
                    index + 1,
                    pair[1].percent,
                    pair[0].percent
                ));
            }
        }
        for (index, step) in self.steps.iter().enumerate() {
            let tenths = step.percent * 10.0;
            if !(1.0..=1000.0).contains(&tenths) || (tenths - tenths.round()).abs() > 1e-6 {
                found.push(format!(
                    "spec.steps[{index}].weight is {}: it takes 0.1 to 100 in tenths of a percent",
                    step.percent
                ));
            }
        }
        if self.steps.last().is_some_and(|s| (s.percent - 100.0).abs() > f64::EPSILON) {
            found.push("the last of spec.steps must have weight 100".to_owned());
        }
        let spans = spans(spec).into_iter().filter(|(_, span)| seconds(span).is_none());
        found.extend(
            spans.map(|(at, span)| format!("{at} is \"{}\": write hours, minutes and seconds as 1h30m", span.0)),
        );
        found
    }
}

fn steps(declared: &[MigrationStep]) -> Vec<WantedStep> {
    if declared.is_empty() {
        let of = |percent| WantedStep { percent, bake: BAKE, manual: false };
        return [1.0, 10.0, 50.0, 100.0].map(of).to_vec();
    }
    let of = |s: &MigrationStep| WantedStep {
        percent: s.weight,
        bake: or(s.bake.as_ref(), BAKE),
        manual: is_manual(s.approval),
    };
    declared.iter().map(of).collect()
}

fn spans(spec: &TrafficMigrationSpec) -> Vec<(String, &Span)> {
    let (gates, abort) = (spec.gates.as_ref(), spec.abort.as_ref());
    let mut named = vec![
        ("spec.gates.minReady", gates.and_then(|g| g.min_ready.as_ref())),
        ("spec.gates.interval", gates.and_then(|g| g.interval.as_ref())),
        ("spec.gates.window", gates.and_then(|g| g.window.as_ref())),
        ("spec.abort.progressDeadline", abort.and_then(|a| a.progress_deadline.as_ref())),
        ("spec.finalise.maxDrain", spec.finalise.as_ref().and_then(|f| f.max_drain.as_ref())),
        ("spec.finalise.soak", spec.finalise.as_ref().and_then(|f| f.soak.as_ref())),
        (
            "spec.backend.applicationLoadBalancer.propagation",
            spec.backend.application_load_balancer.as_ref().and_then(|b| b.propagation.as_ref()),
        ),
        ("spec.backend.managerDeadline", spec.backend.manager_deadline.as_ref()),
        ("spec.backend.httpRoute.propagation", spec.backend.http_route.as_ref().and_then(|r| r.propagation.as_ref())),
        ("spec.backend.route53.propagation", spec.backend.route53.as_ref().and_then(|r| r.propagation.as_ref())),
        ("spec.backend.cloudMap.propagation", spec.backend.cloud_map.as_ref().and_then(|c| c.propagation.as_ref())),
    ]
    .into_iter()
    .filter_map(|(at, span)| Some((at.to_owned(), span?)))
    .collect::<Vec<_>>();
    let prometheus = gates.iter().flat_map(|g| &g.prometheus).map(|g| ("prometheus", &g.name, g.timeout.as_ref()));
    let webhooks = gates.iter().flat_map(|g| &g.webhooks).map(|g| ("webhooks", &g.name, g.timeout.as_ref()));
    let timeouts = prometheus.chain(webhooks);
    named.extend(timeouts.filter_map(|(at, name, t)| Some((format!("timeout of {name} in spec.gates.{at}"), t?))));
    let bakes = spec.steps.iter().enumerate();
    named.extend(bakes.filter_map(|(i, s)| Some((format!("spec.steps[{i}].bake"), s.bake.as_ref()?))));
    named
}

fn or(span: Option<&Span>, default: i64) -> i64 {
    span.and_then(seconds).unwrap_or(default)
}

fn is_manual(approval: Option<Approval>) -> bool {
    approval == Some(Approval::Manual)
}
