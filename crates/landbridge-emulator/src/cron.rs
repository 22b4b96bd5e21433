//! Cron expressions of six fields, `minutes hours day-of-month month day-of-week year`, as Application Auto Scaling and
//! EventBridge Scheduler have them. Source: "Schedule recurring scaling actions using cron expressions" and "Schedule types on
//! EventBridge Scheduler".

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The six fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: BTreeSet<i16>,
    hours: BTreeSet<i16>,
    days: Vec<Day>,
    months: BTreeSet<i16>,
    weekdays: Vec<Day>,
    years: BTreeSet<i16>,
}

/// One way a day can be meant. Weekdays go from 1, Sunday, to 7.
#[derive(Debug, Clone, PartialEq, Eq)]
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

impl Cron {
    /// What is between the parentheses of `cron(...)`; none for what is no such expression.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays, years] = fields[..] else { return None };
        // One of the two says nothing.
        if (days == "?") == (weekdays == "?") {
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

    /// The first time after `after` on the clock of `zone`; none if there is no more.
    pub(crate) fn next(&self, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
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

    #[test]
    fn the_next_time_is_the_first_after_the_last() {
        for (expression, after, expected) in [
            ("0 12 * * ? *", "2026-01-01T11:59:59Z", "2026-01-01T12:00:00Z"),
            ("0 12 * * ? *", "2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z"),
            ("*/15 * * * ? *", "2026-01-01T23:50:00Z", "2026-01-02T00:00:00Z"),
            ("15 10 ? * MON-FRI *", "2026-01-02T10:15:00Z", "2026-01-05T10:15:00Z"),
            ("0 0 L * ? *", "2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z"),
            ("0 8 1 JAN ? 2030", "2026-01-01T00:00:00Z", "2030-01-01T08:00:00Z"),
            ("5/20 8,10 ? * 1 *", "2026-01-04T08:45:00Z", "2026-01-04T10:05:00Z"),
        ] {
            let next = Cron::parse(expression).unwrap().next(&TimeZone::UTC, after.parse().unwrap());
            assert_eq!(next, Some(expected.parse().unwrap()), "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_none() {
        for text in ["", "* * * * *", "* * * * * *", "0 12 ? * ? *", "0 24 * * ? *", "0 0 W * ? *", "5-1 0 * * ? *"] {
            assert_eq!(Cron::parse(text), None, "{text}");
        }
    }
}
