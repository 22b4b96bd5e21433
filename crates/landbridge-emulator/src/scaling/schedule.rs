//! When something is due: `at(...)`, `rate(...)` and `cron(...)` in a time zone ("Schedule recurring scaling actions using
//! cron expressions").

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::clock::later;
use crate::cron::Cron;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Schedule {
    At(DateTime),
    Rate(Duration),
    Cron(Box<Cron>),
}

impl Schedule {
    /// None for what is none of the three.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('(')?;
        let inner = rest.strip_suffix(')')?.trim();
        match kind {
            "at" => inner.parse().ok().map(Self::At),
            "rate" => rate(inner).map(Self::Rate),
            "cron" => Cron::parse(inner).map(|cron| Self::Cron(Box::new(cron))),
            _ => None,
        }
    }

    /// The first time after `after`, if there is any. Rates are counted from `start`.
    pub(super) fn next(&self, zone: &TimeZone, start: Timestamp, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::At(at) => at.to_zoned(zone.clone()).ok().map(|at| at.timestamp()).filter(|at| *at > after),
            Self::Rate(every) => {
                let passed = (after.as_second() - start.as_second()).max(0) as u64;
                let times = passed / every.as_secs() + 1;
                let next = if after < start { start } else { later(start, *every * u32::try_from(times).ok()?) };
                Some(next)
            }
            Self::Cron(cron) => cron.next(zone, after),
        }
    }
}

/// `5 minutes`: a whole number of minutes, hours or days.
fn rate(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_once(' ')?;
    let number = number.parse::<u64>().ok().filter(|number| (1..=100_000).contains(number))?;
    let seconds = match unit.trim().trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(text: &str, zone: &TimeZone, after: &str) -> String {
        let after: Timestamp = after.parse().unwrap();
        let next = Schedule::parse(text).unwrap().next(zone, after, after);
        next.map(|at| at.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_cron_expression_gives_its_next_time() {
        for (text, expected) in [
            ("cron(0 10 * * ? *)", "2026-01-01T10:00:00Z"),
            ("cron(0/15 * * * ? *)", "2026-01-01T09:45:00Z"),
            ("cron(15 12 ? * MON-FRI *)", "2026-01-01T12:15:00Z"),
            ("cron(0 8 1 * ? *)", "2026-02-01T08:00:00Z"),
            ("cron(0 8 L FEB ? *)", "2026-02-28T08:00:00Z"),
            ("cron(0 8 3W JAN ? *)", "2026-01-02T08:00:00Z"),
            ("cron(0 8 ? * 2#1 *)", "2026-01-05T08:00:00Z"),
            ("cron(0 8 ? * 6L *)", "2026-01-30T08:00:00Z"),
            ("cron(0 0 29 2 ? *)", "2028-02-29T00:00:00Z"),
            ("cron(0 0 1 1 ? 2027-2030)", "2027-01-01T00:00:00Z"),
            ("cron(0 0 1 1 ? 2020)", ""),
            ("at(2026-03-01T12:00:00)", "2026-03-01T12:00:00Z"),
            ("at(2025-03-01T12:00:00)", ""),
        ] {
            assert_eq!(next(text, &TimeZone::UTC, "2026-01-01T09:30:00Z"), expected, "{text}");
        }
    }

    #[test]
    fn local_times_follow_their_zone_through_summer_time() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(next("cron(0 8 * * ? *)", &berlin, "2026-01-01T09:30:00Z"), "2026-01-02T07:00:00Z");
        assert_eq!(next("cron(0 8 * * ? *)", &berlin, "2026-07-01T09:30:00Z"), "2026-07-02T06:00:00Z");
        // There is no half past two on the last Sunday of March.
        assert_eq!(next("cron(30 2 29 3 ? *)", &berlin, "2026-03-01T00:00:00Z"), "2026-03-29T01:30:00Z");
    }

    #[test]
    fn a_rate_is_counted_from_its_start() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let rate = Schedule::parse("rate(10 minutes)").unwrap();
        let next = |after: &str| rate.next(&TimeZone::UTC, at("2026-01-01T00:05:00Z"), at(after)).unwrap();
        assert_eq!(next("2026-01-01T00:00:00Z"), at("2026-01-01T00:05:00Z"));
        assert_eq!(next("2026-01-01T00:05:00Z"), at("2026-01-01T00:15:00Z"));
        assert_eq!(next("2026-01-01T01:00:00Z"), at("2026-01-01T01:05:00Z"));
    }

    #[test]
    fn what_is_no_schedule_is_none() {
        for wrong in [
            "",
            "cron",
            "rate(0 minutes)",
            "rate(5)",
            "rate(5 weeks)",
            "at(soon)",
            "cron(0 10 * * *)",
            "cron(60 10 * * ? *)",
            "cron(0 10 1 * MON *)",
            "cron(0 10 * * * *)",
            "cron(0 10 5-1 * ? *)",
            "cron(0/0 10 * * ? *)",
            "cron(0 10 ? * 8 *)",
        ] {
            assert_eq!(Schedule::parse(wrong), None, "{wrong}");
        }
    }
}
