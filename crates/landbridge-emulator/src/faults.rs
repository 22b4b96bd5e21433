//! Faults of the API itself: rules that refuse, delay knowledge of, or lose the answer to a call.
//! Faults of tasks are in `scripts`.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};

use crate::clock::later;
use crate::partial::{self, Entries, is_batch};
use crate::refusal::Refusal;
use crate::wildcard;
use crate::world::{Rng, Services};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// `ThrottlingException`, "Rate exceeded" in the spelling of the protocol; nothing happens.
    Throttle,
    /// HTTP 500 with the service's own code; nothing happens.
    ServerError,
    /// A refusal with this code and message; nothing happens.
    Error(String, String),
    /// The connection breaks before AWS saw the request; nothing happens.
    LoseAnswerBefore,
    /// AWS does what was asked, and the connection breaks before the answer.
    LoseAnswerAfter,
    /// The call is answered from what was true this long ago. Only for calls that read.
    StaleRead(#[serde(with = "friendly")] Duration),
    /// These entries of a batch fail, each as its API says it, and the others are done. Only for calls with such batches.
    Partial(Entries),
}

/// One rule. The first rule that matches a call decides.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Fault {
    action: String,
    kind: FaultKind,
    /// Matching calls that pass before the first is broken.
    skip: u64,
    times: Option<u64>,
    probability: f64,
    /// Entries of batches that it met so far.
    entries: u64,
    /// Whether a call was such as it means, broken or not.
    met: bool,
}

/// The services that answer, by the names that IAM actions begin with; CloudWatch also by the one that its requests are
/// signed with.
const SERVICES: [&str; 21] = [
    "application-autoscaling",
    "cloudwatch",
    "codedeploy",
    "ec2",
    "ecr",
    "ecs",
    "eks",
    "elasticloadbalancing",
    "events",
    "iam",
    "logs",
    "monitoring",
    "route53",
    "scheduler",
    "secretsmanager",
    "servicediscovery",
    "servicequotas",
    "sqs",
    "ssm",
    "sts",
    "tag",
];

/// The action as calls are counted by, or why no call can be it.
fn readable(action: String) -> Result<String, String> {
    let Some((service, operation)) = action.split_once(':') else {
        return if action.contains('*') {
            Ok(action)
        } else {
            Err(format!("calls: action {action} is no IAM action: write SERVICE:Operation, such as ecs:CreateService"))
        };
    };
    if !SERVICES.iter().any(|known| matches(service, known)) {
        return Err(format!(
            "calls: action {action} is of no service that is emulated; those are {}",
            SERVICES.join(", ")
        ));
    }
    Ok(if service == "cloudwatch" { format!("monitoring:{operation}") } else { action })
}

/// A rule as it is written in a file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    action: String,
    fault: FaultKind,
    #[serde(default)]
    skip: u64,
    #[serde(default)]
    times: Option<u64>,
    #[serde(default = "always", deserialize_with = "probability")]
    probability: f64,
}

impl TryFrom<Written> for Fault {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { action, fault: kind, skip, times, probability } = written;
        let action = readable(action)?;
        if matches!(kind, FaultKind::Partial(_)) {
            partial::check(&action)?;
        }
        Ok(Self { action, kind, skip, times, probability, entries: 0, met: false })
    }
}

fn always() -> f64 {
    1.0
}

pub(crate) fn probability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let probability = f64::deserialize(deserializer)?;
    let fits = (0.0..=1.0).contains(&probability);
    if fits { Ok(probability) } else { Err(D::Error::invalid_value(Unexpected::Float(probability), &"0 to 1")) }
}

impl Fault {
    /// Breaks each call whose `service:Action` matches the glob (`*` stands for any text), until told otherwise.
    pub fn on(action: impl Into<String>, kind: FaultKind) -> Self {
        Self { action: action.into(), kind, skip: 0, times: None, probability: 1.0, entries: 0, met: false }
    }

    /// Only the `nth` matching call from now, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.skip = nth.saturating_sub(1);
        self.times = Some(1);
        self
    }

    /// Only this many matching calls, then never again.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Each matching call with this probability (0 to 1), drawn from the emulator's seed.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }
}

/// The rules in force and, while a rule asks for stale reads, the past they are answered from.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Fault>,
    /// The rule that spoils entries of the call that is being answered.
    partial: Option<usize>,
    past: VecDeque<(Timestamp, Box<Services>)>,
}

/// How much of the past is kept; older moments are merged away.
const MOMENTS: usize = 256;

impl Faults {
    pub(crate) fn add(&mut self, rule: Fault) {
        self.rules.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
        self.partial = None;
        self.past.clear();
    }

    /// The fault this call meets, if any; uses up the rule.
    pub(crate) fn meet(&mut self, action: &str, rng: &mut Rng) -> Option<FaultKind> {
        let mut met = None;
        self.partial = None;
        for (at, rule) in self.rules.iter_mut().enumerate() {
            let is_partial = matches!(rule.kind, FaultKind::Partial(_));
            let fits = matches(&rule.action, action) && (!is_partial || is_batch(action));
            rule.met |= fits;
            if met.is_some() || !fits || rule.times == Some(0) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            if rule.probability < 1.0 && rng.fraction() >= rule.probability {
                continue;
            }
            if let Some(times) = &mut rule.times {
                *times -= 1;
            }
            self.partial = is_partial.then_some(at);
            met = Some(rule.kind.clone());
        }
        met
    }

    /// The actions of rules that no call was meant by.
    pub(crate) fn unmet(&self) -> Vec<String> {
        self.rules.iter().filter(|rule| !rule.met).map(|rule| rule.action.clone()).collect()
    }

    /// Whether the next entry of the batch that is being answered fails.
    pub(crate) fn spoils(&mut self, entry: &str, rng: &mut Rng) -> bool {
        let Some(rule) = self.partial.and_then(|at| self.rules.get_mut(at)) else { return false };
        rule.entries += 1;
        let FaultKind::Partial(entries) = &rule.kind else { return false };
        entries.contain(entry, rule.entries, rng)
    }

    /// The call is answered: what happens by itself from now on is not spoilt.
    pub(crate) fn answered(&mut self) {
        self.partial = None;
    }

    /// True while a rule may ask for the past, so that it has to be recorded.
    pub(crate) fn needs_past(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.kind, FaultKind::StaleRead(_)) && rule.times != Some(0))
    }

    /// Remembers what was true up to `until`.
    pub(crate) fn remember(&mut self, until: Timestamp, services: &Services) {
        if self.past.len() >= MOMENTS {
            self.past.pop_front();
        }
        self.past.push_back((until, Box::new(services.clone())));
    }

    /// What was true `lag` before `now`: none if nothing has changed since.
    pub(crate) fn past(&self, now: Timestamp, lag: Duration) -> Option<Box<Services>> {
        self.past.iter().find(|(until, _)| later(*until, lag) > now).map(|(_, services)| services.clone())
    }
}

impl FaultKind {
    /// The refusal this fault is answered with, where it is one, as the JSON protocols spell it.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Throttle => Some(Refusal::throttled()),
            Self::ServerError => Some(Refusal::server_error()),
            Self::Error(code, message) => Some(Refusal::new(code.clone(), message.clone())),
            Self::LoseAnswerBefore | Self::LoseAnswerAfter | Self::StaleRead(_) | Self::Partial(_) => None,
        }
    }
}

/// `pattern` with `*` for any text, against the whole of `text`, ignoring case.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    wildcard::star(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_the_rest_must_match_wholly() {
        for (pattern, action, expected) in [
            ("ecs:CreateService", "ecs:CreateService", true),
            ("ecs:CreateService", "ecs:CreateServices", false),
            ("ecs:*Service", "ecs:CreateService", true),
            ("*", "iam:GetRole", true),
            ("ecs:De*ice*s", "ecs:DescribeServices", true),
            ("iam:*", "ecs:CreateService", false),
        ] {
            assert_eq!(matches(pattern, action), expected, "{pattern} against {action}");
        }
    }

    #[test]
    fn an_action_that_no_call_can_be_is_refused_and_cloudwatch_goes_by_both_of_its_names() {
        assert!(readable("CreateService".into()).unwrap_err().contains("such as ecs:CreateService"));
        assert!(readable("esc:CreateService".into()).unwrap_err().contains("is of no service that is emulated"));
        assert_eq!(readable("cloudwatch:PutMetricData".into()).unwrap(), "monitoring:PutMetricData");
        for fine in ["*", "*:Describe*", "ecs:*", "e*:Create*", "monitoring:*"] {
            assert_eq!(readable(fine.into()).unwrap(), fine);
        }
    }

    #[test]
    fn a_rule_that_no_call_was_meant_by_is_known_at_the_end() {
        let mut faults = Faults::default();
        faults.add(Fault::on("ecs:CreateServce", FaultKind::Throttle));
        faults.add(Fault::on("ecs:*", FaultKind::Throttle).nth(9));
        faults.meet("ecs:CreateService", &mut Rng::seeded(1));
        assert_eq!(faults.unmet(), ["ecs:CreateServce"]);
    }

    #[test]
    fn the_nth_call_is_broken_and_no_other() {
        let mut faults = Faults::default();
        faults.add(Fault::on("ecs:*", FaultKind::Throttle).nth(2));
        let mut rng = Rng::seeded(1);
        let met: Vec<bool> = (0..4).map(|_| faults.meet("ecs:ListServices", &mut rng).is_some()).collect();
        assert_eq!(met, [false, true, false, false]);
    }
}
