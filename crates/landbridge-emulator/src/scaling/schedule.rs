//! When something is due: `at(...)`, `rate(...)` and `cron(...)` in a time zone ("Schedule recurring scaling actions using
//! cron expressions").

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::clock::later;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Schedule {
    At(DateTime),
    Rate(Duration),
    Cron(Box<Cron>),
}

/// The six fields.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cron {
    minutes: BTreeSet<i16>,
    hours: BTreeSet<i16>,
    days: Vec<Day>,
    months: BTreeSet<i16>,
    weekdays: Vec<Day>,
    years: BTreeSet<i16>,
}

/// One way a day can be meant. Weekdays go from 1, Sunday, to 7.
#[derive(Debug, Clone, PartialEq)]
enum Day {
    Any,
    Of(BTreeSet<i16>),
    /// `L` as a day of the month.
    Last,
    /// `15W`: the weekday nearest to the 15th.
    Near(i16),
    /// `5L`: the last Thursday.
    LastWeekday(i16),
    /// `5#2`: the second Thursday.
    Nth(i16, i16),
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

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

impl Cron {
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays, years] = fields[..] else { return None };
        // One of the two says nothing.
        if (days == "?") == (weekdays == "?") && days != "?" {
            return None;
        }
        Some(Self {
            minutes: values(minutes, 0, 59, &[])?,
            hours: values(hours, 0, 23, &[])?,
            days: day_list(days, false)?,
            months: values(months, 1, 12, &MONTHS)?,
            weekdays: day_list(weekdays, true)?,
            years: values(years, 1970, 2199, &[])?,
        })
    }

    fn next(&self, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
        let mut date = after.to_zoned(zone.clone()).date();
        // A leap day on a certain weekday comes at least every 40 years.
        for _ in 0..366 * 41 {
            if self.takes(date) {
                let times = self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
                let moments = times.filter_map(|(hour, minute)| {
                    let at = date.at(hour as i8, minute as i8, 0, 0).to_zoned(zone.clone()).ok()?;
                    Some(at.timestamp())
                });
                if let Some(found) = moments.filter(|at| *at > after).min() {
                    return Some(found);
                }
            }
            date = date.checked_add(Span::new().days(1)).ok()?;
        }
        None
    }

    fn takes(&self, date: Date) -> bool {
        self.years.contains(&date.year())
            && self.months.contains(&i16::from(date.month()))
            && self.days.iter().any(|day| day.takes(date))
            && self.weekdays.iter().any(|day| day.is_weekday(date))
    }
}

/// 1 for Sunday.
fn weekday(date: Date) -> i16 {
    i16::from(date.weekday().to_sunday_one_offset())
}

impl Day {
    /// As a day of the month.
    fn takes(&self, date: Date) -> bool {
        let day = i16::from(date.day());
        match self {
            Self::Any => true,
            Self::Of(days) => days.contains(&day),
            Self::Last => date == date.last_of_month(),
            Self::Near(wanted) => near(date, *wanted) == Some(date),
            Self::LastWeekday(_) | Self::Nth(..) => false,
        }
    }

    /// As a day of the week.
    fn is_weekday(&self, date: Date) -> bool {
        let (day, of_week) = (i16::from(date.day()), weekday(date));
        match self {
            Self::Any => true,
            Self::Of(days) => days.contains(&of_week),
            Self::LastWeekday(wanted) => of_week == *wanted && day + 7 > i16::from(date.days_in_month()),
            Self::Nth(wanted, nth) => of_week == *wanted && (day - 1) / 7 + 1 == *nth,
            Self::Last | Self::Near(_) => false,
        }
    }
}

/// The weekday nearest to a day, in the same month.
fn near(date: Date, wanted: i16) -> Option<Date> {
    let day = wanted.min(i16::from(date.days_in_month())) as i8;
    let wanted = Date::new(date.year(), date.month(), day).ok()?;
    let moved = |days: i64| wanted.checked_add(Span::new().days(days)).ok();
    match wanted.weekday() {
        Weekday::Saturday if day == 1 => moved(2),
        Weekday::Saturday => moved(-1),
        Weekday::Sunday if wanted == wanted.last_of_month() => moved(-2),
        Weekday::Sunday => moved(1),
        _ => Some(wanted),
    }
}

fn day_list(text: &str, of_week: bool) -> Option<Vec<Day>> {
    let (least, most, names): (i16, i16, &[&str]) = if of_week { (1, 7, &WEEKDAYS) } else { (1, 31, &[]) };
    let one = |text: &str| number(text, names).filter(|number| (least..=most).contains(number));
    let part = |part: &str| match (part, of_week) {
        ("?" | "*", _) => Some(Day::Any),
        ("L", false) => Some(Day::Last),
        // As a day of the week alone it is Saturday.
        ("L", true) => Some(Day::Of(BTreeSet::from([7]))),
        (part, false) if part.ends_with('W') => one(part.trim_end_matches('W')).map(Day::Near),
        (part, true) if part.ends_with('L') => one(part.trim_end_matches('L')).map(Day::LastWeekday),
        (part, true) if part.contains('#') => {
            let (day, nth) = part.split_once('#')?;
            let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth))?;
            one(day).map(|day| Day::Nth(day, nth))
        }
        (part, _) => values(part, least, most, names).map(Day::Of),
    };
    text.split(',').map(part).collect()
}

fn number(text: &str, names: &[&str]) -> Option<i16> {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text)).map(|at| at as i16 + 1);
    named.or_else(|| text.parse().ok())
}

/// `*`, `5`, `1-5`, `0/15`, `MON-FRI` and lists of them.
fn values(text: &str, least: i16, most: i16, names: &[&str]) -> Option<BTreeSet<i16>> {
    let mut values = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<i16>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (least, most),
            Some((from, to)) => (number(from, names)?, number(to, names)?),
            None => {
                let from = number(range, names)?;
                (from, if step.is_some() { most } else { from })
            }
        };
        if from < least || to > most || from > to {
            return None;
        }
        values.extend((from..=to).step_by(step.unwrap_or(1) as usize));
    }
    Some(values)
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
