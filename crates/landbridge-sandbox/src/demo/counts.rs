//! What became of the requests, by leg, step and side; and whether that is what was promised. Pure.

use std::{collections::BTreeMap, time::Duration};

use super::chance::bounds;
use crate::backends::Side;

/// Failures that are told one by one.
const TOLD: usize = 10;
/// A step with fewer requests says nothing.
const FEWEST: u64 = 20;
/// The shares of a leg, in tenths of a percent: before it begins, and its steps.
const STEPS: [u32; 5] = [0, 10, 100, 500, 1000];

/// Which way the traffic goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leg {
    /// From ECS to EKS.
    #[default]
    There,
    /// From EKS to ECS.
    Back,
}

impl Leg {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::There => "ECS to EKS",
            Self::Back => "EKS to ECS",
        }
    }
}

/// What a request met.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// The load balancer or a server answered.
    Answered {
        /// HTTP status.
        status: u16,
        /// The server's side; none where the load balancer answered.
        side: Option<Side>,
        /// The weight of EKS when the request was routed, in tenths of a percent, where a target group was drawn.
        eks: Option<u32>,
    },
    /// No answer came; in words.
    Broken(String),
}

/// A request that failed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    /// Since the load began.
    at: Duration,
    leg: Leg,
    phase: String,
    what: String,
}

/// Requests of one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    ecs: u64,
    eks: u64,
    failed: u64,
}

/// Every request so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Counts {
    /// By leg, and the share of the side that gets the traffic, in tenths of a percent.
    steps: BTreeMap<(Leg, u32), Tally>,
    statuses: BTreeMap<u16, u64>,
    failures: Vec<Failure>,
    requests: u64,
    failed: u64,
}

impl Counts {
    /// Counts a request that was sent in that leg and phase and whose end came `at`.
    pub(super) fn record(&mut self, at: Duration, leg: Leg, phase: &str, outcome: &Outcome) {
        self.requests += 1;
        let what = match outcome {
            Outcome::Answered { status: 200, side: Some(_), .. } => None,
            Outcome::Answered { status, side, .. } => {
                let by = side.map_or("the load balancer", Side::name);
                Some(format!("HTTP {status} from {by}"))
            }
            Outcome::Broken(why) => Some(why.clone()),
        };
        if let Outcome::Answered { status, side, eks } = outcome {
            *self.statuses.entry(*status).or_default() += 1;
            if let Some(eks) = *eks {
                let gets = if leg == Leg::There { eks } else { 1000_u32.saturating_sub(eks) };
                let tally = self.steps.entry((leg, gets)).or_default();
                match side {
                    Some(Side::Ecs) => tally.ecs += 1,
                    Some(Side::Eks) => tally.eks += 1,
                    None => {}
                }
                tally.failed += u64::from(what.is_some());
            }
        }
        if let Some(what) = what {
            self.failed += 1;
            if self.failures.len() < TOLD {
                self.failures.push(Failure { at, leg, phase: phase.to_owned(), what });
            }
        }
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed
    }

    /// Everything that is not as promised: a request failed, a step saw too few, a side got a share that chance does not
    /// explain.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.failed > 0 {
            faults.push(format!("{} of {} requests failed", self.failed, self.requests));
        }
        for leg in [Leg::There, Leg::Back] {
            for gets in STEPS {
                let tally = self.steps.get(&(leg, gets)).copied().unwrap_or_default();
                let seen = tally.ecs + tally.eks;
                if seen < FEWEST {
                    let step = percent(gets);
                    faults.push(format!("{}: {seen} requests at {step}, too few to tell from", leg.name()));
                }
            }
        }
        let off = self.steps.iter().filter(|(step, tally)| !tally.is_by_chance(**step));
        faults.extend(off.map(|((leg, gets), tally)| {
            let (fewest, most) = bounds(tally.ecs + tally.eks, f64::from(*gets) / 1000.0);
            let (got, of) = (tally.gets(*leg), tally.ecs + tally.eks);
            let step = percent(*gets);
            format!("{}: {got} of {of} requests at {step}; chance gives {fewest} to {most}", leg.name())
        }));
        faults
    }

    /// The table of all steps, then every failure that is told.
    pub(super) fn table(&self) -> Vec<String> {
        let mut lines =
            vec!["LEG         WEIGHT   REQUESTS      ECS      EKS    SHARE  BY CHANCE        FAILED".to_owned()];
        for ((leg, gets), tally) in &self.steps {
            let seen = tally.ecs + tally.eks;
            let (fewest, most) = bounds(seen, f64::from(*gets) / 1000.0);
            let share = |count: u64| if seen == 0 { 0.0 } else { count as f64 * 100.0 / seen as f64 };
            lines.push(format!(
                "{:<10}  {:>6}  {:>9}{:>9}{:>9}  {:>6.1}%  {:>5.1}% to {:>5.1}%  {:>6}",
                leg.name(),
                percent(*gets),
                seen,
                tally.ecs,
                tally.eks,
                share(tally.gets(*leg)),
                share(fewest),
                share(most),
                tally.failed
            ));
        }
        let status = |(status, count): (&u16, &u64)| format!("{count} with HTTP {status}");
        let statuses: Vec<String> = self.statuses.iter().map(status).collect();
        lines.push(format!("{} requests: {}; failed: {}", self.requests, statuses.join(", "), self.failed));
        lines.extend(self.failures.iter().map(|failure| {
            let Failure { at, leg, phase, what } = failure;
            format!("  failed after {:.1} s, {}, {phase}: {what}", at.as_secs_f64(), leg.name())
        }));
        if self.failed as usize > self.failures.len() {
            lines.push(format!("  and {} more", self.failed as usize - self.failures.len()));
        }
        lines
    }
}

impl Tally {
    /// Requests of the side that gets the traffic.
    fn gets(self, leg: Leg) -> u64 {
        if leg == Leg::There { self.eks } else { self.ecs }
    }

    fn is_by_chance(self, (leg, gets): (Leg, u32)) -> bool {
        let (fewest, most) = bounds(self.ecs + self.eks, f64::from(gets) / 1000.0);
        (fewest..=most).contains(&self.gets(leg))
    }
}

fn percent(tenths: u32) -> String {
    if tenths.is_multiple_of(10) { format!("{}%", tenths / 10) } else { format!("{}.{}%", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(counts: &mut Counts, leg: Leg, side: Side, eks: u32, times: usize) {
        for _ in 0..times {
            let outcome = Outcome::Answered { status: 200, side: Some(side), eks: Some(eks) };
            counts.record(Duration::from_secs(1), leg, "Baking", &outcome);
        }
    }

    /// A whole migration there and back, as its weights say.
    fn whole() -> Counts {
        let mut counts = Counts::default();
        for (leg, shares) in [(Leg::There, [0, 10, 100, 500, 1000]), (Leg::Back, [1000, 990, 900, 500, 0])] {
            for eks in shares {
                ok(&mut counts, leg, Side::Eks, eks, eks as usize / 5);
                ok(&mut counts, leg, Side::Ecs, eks, 200 - eks as usize / 5);
            }
        }
        counts
    }

    #[test]
    fn a_whole_migration_without_a_failed_request_has_no_fault() {
        assert_eq!(whole().faults(), [] as [String; 0]);
        let table = whole().table();
        assert_eq!(table.len(), 12, "{table:#?}");
        assert!(table[3].starts_with("ECS to EKS     10%        200      180       20    10.0%"), "{}", table[3]);
        assert_eq!(table[11], "2000 requests: 2000 with HTTP 200; failed: 0");
    }

    #[test]
    fn a_failed_request_a_wrong_share_and_a_step_that_was_left_out_are_told() {
        let mut counts = whole();
        let outcome = Outcome::Answered { status: 502, side: None, eks: Some(500) };
        counts.record(Duration::from_millis(12_340), Leg::There, "Baking", &outcome);
        counts.record(Duration::from_secs(13), Leg::Back, "Soaking", &Outcome::Broken("refused".to_owned()));
        assert_eq!(counts.faults(), ["2 of 2002 requests failed"]);
        let table = counts.table();
        assert!(
            table.contains(&"  failed after 12.3 s, ECS to EKS, Baking: HTTP 502 from the load balancer".to_owned())
        );
        assert!(table.contains(&"  failed after 13.0 s, EKS to ECS, Soaking: refused".to_owned()), "{table:#?}");

        let mut counts = whole();
        ok(&mut counts, Leg::There, Side::Eks, 0, 1);
        assert_eq!(counts.faults(), ["ECS to EKS: 1 of 201 requests at 0%; chance gives 0 to 0"]);

        let mut counts = Counts::default();
        ok(&mut counts, Leg::There, Side::Ecs, 500, 200);
        let faults = counts.faults();
        assert_eq!(faults.len(), 10, "nine steps were left out and one is off: {faults:#?}");
    }

    #[test]
    fn a_server_that_answers_badly_fails_the_request_on_its_side() {
        let mut counts = Counts::default();
        let outcome = Outcome::Answered { status: 503, side: Some(Side::Eks), eks: Some(500) };
        counts.record(Duration::ZERO, Leg::There, "Baking", &outcome);
        assert_eq!((counts.requests(), counts.failed()), (1, 1));
        assert!(counts.table().iter().any(|line| line.ends_with("HTTP 503 from eks")));
    }
}
