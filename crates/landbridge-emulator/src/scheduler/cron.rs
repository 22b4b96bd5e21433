//! Cron expressions: `cron(minutes hours day-of-month month day-of-week year)`. Source: "Schedule types" (EventBridge Scheduler
//! user guide, schedule-types.html).
//!
//! Of the wildcards that need a calendar, `L` in the day of the month is known; `W`, `#` and `L` behind a weekday are refused.

use std::collections::BTreeSet;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};

/// The last year that an expression can name.
const LAST_YEAR: i16 = 2199;
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: BTreeSet<i16>,
    hours: BTreeSet<i16>,
    days: Days,
    months: BTreeSet<i16>,
    years: BTreeSet<i16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    OfMonth(BTreeSet<i16>),
    LastOfMonth,
    /// 1 is Sunday.
    OfWeek(BTreeSet<i16>),
}

impl Cron {
    /// What is between the parentheses; none for what is no such expression.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, day, month, weekday, year] = fields[..] else { return None };
        // "You can't specify the Day-of-month and Day-of-week fields in the same cron expression": one of them is `?`.
        let days = match (day, weekday) {
            ("?", "?") => return None,
            ("L", "?") => Days::LastOfMonth,
            (day, "?") => Days::OfMonth(set(day, 1, 31, &[])?),
            ("?", weekday) => Days::OfWeek(set(weekday, 1, 7, &WEEKDAYS)?),
            _ => return None,
        };
        Some(Self {
            minutes: set(minutes, 0, 59, &[])?,
            hours: set(hours, 0, 23, &[])?,
            days,
            months: set(month, 1, 12, &MONTHS)?,
            years: set(year, 1970, LAST_YEAR, &[])?,
        })
    }

    /// The first time after `after`, on the clock of the schedule's zone; none if there is no more.
    pub(super) fn next(&self, after: DateTime) -> Option<DateTime> {
        let from = after.with().second(0).subsec_nanosecond(0).build().ok()?.checked_add(1.minute()).ok()?;
        let mut day = from.date();
        // No expression skips more than the eight years between two leap days around a century.
        for _ in 0..(9 * 366) {
            if self.has(day) {
                let first = if day == from.date() { from.time() } else { DateTime::from(day).time() };
                let times = self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
                let mut times = times.filter(|time| *time >= (i16::from(first.hour()), i16::from(first.minute())));
                if let Some((hour, minute)) = times.next() {
                    return Some(day.at(hour as i8, minute as i8, 0, 0));
                }
            }
            if day.year() > LAST_YEAR {
                return None;
            }
            day = day.tomorrow().ok()?;
        }
        self.years.range(day.year()..).next().and_then(|year| {
            let start = Date::new(*year, 1, 1).ok()?;
            (start > day).then(|| self.next(DateTime::from(start).checked_sub(1.minute()).ok()?))?
        })
    }

    fn has(&self, day: Date) -> bool {
        let of_day = match &self.days {
            Days::OfMonth(days) => days.contains(&i16::from(day.day())),
            Days::LastOfMonth => day.day() == day.days_in_month(),
            Days::OfWeek(days) => days.contains(&i16::from(day.weekday().to_sunday_one_offset())),
        };
        of_day && self.months.contains(&i16::from(day.month())) && self.years.contains(&day.year())
    }
}

/// The numbers that a field stands for: `*`, `?`, lists, ranges and steps, of numbers or names.
fn set(field: &str, least: i16, most: i16, names: &[&str]) -> Option<BTreeSet<i16>> {
    let number = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text)).map(|at| at as i16 + 1);
        let number = named.or_else(|| text.parse::<i16>().ok())?;
        (least..=most).contains(&number).then_some(number)
    };
    let mut all = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<usize>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((from, to)) => (number(from)?, number(to)?),
            // A step from one number goes on to the end.
            None => (number(range)?, if step.is_some() { most } else { number(range)? }),
        };
        if from > to {
            return None;
        }
        all.extend((from..=to).step_by(step.unwrap_or(1)));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, after: &str) -> Option<String> {
        Some(Cron::parse(expression).unwrap().next(after.parse().unwrap())?.to_string())
    }

    #[test]
    fn the_next_time_is_the_first_after_the_last() {
        for (expression, after, expected) in [
            ("0 12 * * ? *", "2026-01-01T11:59:59", "2026-01-01T12:00:00"),
            ("0 12 * * ? *", "2026-01-01T12:00:00", "2026-01-02T12:00:00"),
            ("*/15 * * * ? *", "2026-01-01T23:50:00", "2026-01-02T00:00:00"),
            ("15 10 ? * MON-FRI *", "2026-01-02T10:15:00", "2026-01-05T10:15:00"),
            ("0 0 L * ? *", "2026-02-01T00:00:00", "2026-02-28T00:00:00"),
            ("0 0 29 2 ? *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
            ("0 8 1 JAN ? 2030", "2026-01-01T00:00:00", "2030-01-01T08:00:00"),
            ("5/20 8,10 ? * 1 *", "2026-01-04T08:45:00", "2026-01-04T10:05:00"),
        ] {
            assert_eq!(next(expression, after).as_deref(), Some(expected), "{expression}");
        }
        assert_eq!(next("0 8 1 1 ? 2020", "2026-01-01T00:00:00"), None);
    }

    #[test]
    fn what_is_no_expression_is_none() {
        for text in [
            "",
            "* * * * *",
            "* * * * * *",
            "0 12 ? * ? *",
            "60 0 * * ? *",
            "0 24 * * ? *",
            "0 0 W * ? *",
            "15 10 ? * 6L *",
            "0/0 0 * * ? *",
            "5-1 0 * * ? *",
        ] {
            assert_eq!(Cron::parse(text), None, "{text}");
        }
    }
}
