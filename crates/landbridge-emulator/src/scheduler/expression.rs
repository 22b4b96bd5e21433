//! When a schedule fires: `at(...)`, `rate(...)` and `cron(...)`. Source: "Schedule types" (EventBridge Scheduler user guide,
//! schedule-types.html).

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::clock::later;
use crate::cron::Cron;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// Once, on the clock of the schedule's zone.
    At(DateTime),
    Rate(Duration),
    Cron(Box<Cron>),
}

impl Expression {
    /// None for what is no expression.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('(')?;
        let inside = rest.strip_suffix(')')?;
        match kind {
            // `yyyy-mm-ddThh:mm:ss`, without a zone.
            "at" if inside.len() == 19 => inside.parse().ok().map(Self::At),
            "rate" => {
                let (number, unit) = inside.split_once(' ')?;
                let number: u64 = number.parse().ok().filter(|number| (1..=1_000_000).contains(number))?;
                let seconds = match unit {
                    "minute" | "minutes" => 60,
                    "hour" | "hours" => 3600,
                    "day" | "days" => 86_400,
                    _ => return None,
                };
                Some(Self::Rate(Duration::from_secs(number * seconds)))
            }
            "cron" => Cron::parse(inside).map(Box::new).map(Self::Cron),
            _ => None,
        }
    }

    /// The first time at or after `from` that is also after `last`, if it ever fires again. A rate counts from `start`.
    pub(super) fn next(
        &self,
        zone: &TimeZone,
        start: Timestamp,
        from: Timestamp,
        last: Option<Timestamp>,
    ) -> Option<Timestamp> {
        match self {
            Self::At(time) => {
                let at = zone.to_timestamp(*time).ok()?;
                (last.is_none() && at >= from).then_some(at)
            }
            Self::Rate(every) => {
                let mut at = start;
                if let Some(last) = last {
                    at = later(last, *every);
                }
                if at < from {
                    let behind = from.duration_since(at).as_secs().max(0).cast_unsigned();
                    let missed = behind.div_ceil(every.as_secs().max(1));
                    at = later(at, Duration::from_secs(missed * every.as_secs()));
                }
                Some(at)
            }
            Self::Cron(cron) => {
                let just_before = from.checked_sub(Duration::from_secs(1)).ok()?;
                let after = last.map_or(just_before, |last| last.max(just_before));
                cron.next(zone, after)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn expressions_are_read_in_their_three_forms_only() {
        assert_eq!(Expression::parse("rate(5 minutes)"), Some(Expression::Rate(Duration::from_mins(5))));
        assert!(Expression::parse("at(2026-01-01T12:00:00)").is_some());
        assert!(Expression::parse("cron(0 12 * * ? *)").is_some());
        for text in [
            "rate(0 minutes)",
            "rate(5 weeks)",
            "rate(5)",
            "at(2026-01-01)",
            "at(2026-01-01T12:00:00Z)",
            "cron(* * * * *)",
            "x",
        ] {
            assert_eq!(Expression::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_that_of_the_zone_and_comes_once() {
        let expression = Expression::parse("at(2026-06-01T12:00:00)").unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let (start, noon) = (at("2026-01-01T00:00:00Z"), at("2026-06-01T10:00:00Z"));
        assert_eq!(expression.next(&zone, start, start, None), Some(noon));
        assert_eq!(expression.next(&zone, start, noon, Some(noon)), None);
    }

    #[test]
    fn a_rate_begins_at_its_start_and_a_cron_at_its_first_time() {
        let (start, now) = (at("2026-01-01T00:00:30Z"), at("2026-01-01T00:11:00Z"));
        let rate = Expression::parse("rate(5 minutes)").unwrap();
        assert_eq!(rate.next(&TimeZone::UTC, start, start, None), Some(start));
        assert_eq!(rate.next(&TimeZone::UTC, start, now, Some(start)), Some(at("2026-01-01T00:15:30Z")));
        let cron = Expression::parse("cron(0/5 * * * ? *)").unwrap();
        assert_eq!(cron.next(&TimeZone::UTC, start, now, None), Some(at("2026-01-01T00:15:00Z")));
        assert_eq!(
            cron.next(&TimeZone::UTC, start, at("2026-01-01T00:15:00Z"), None),
            Some(at("2026-01-01T00:15:00Z"))
        );
    }
}
