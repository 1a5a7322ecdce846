//! One UTC day.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use types::{Hour, Window};

/// Hours in a day.
pub const HOURS_PER_DAY: usize = 24;

/// One UTC day: the unit of compaction and of retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Hour);

/// Why a text is not a day.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{given}` is not a day; write it as 2026-07-31")]
pub struct InvalidDay {
    given: String,
}

impl Day {
    /// The day of an hour.
    pub fn of(hour: Hour) -> Self {
        Self(hour.plus(hour.of_day().saturating_neg()))
    }

    /// The day of a moment.
    pub fn containing(moment: DateTime<Utc>) -> Self {
        Self::of(Hour::containing(moment))
    }

    /// Its first hour.
    pub fn first_hour(self) -> Hour {
        self.0
    }

    /// Its 24 hours, oldest first.
    pub fn hours(self) -> impl DoubleEndedIterator<Item = Hour> + Clone {
        (0..24).map(move |n| self.0.plus(n))
    }

    /// The first moment after it.
    pub fn end(self) -> DateTime<Utc> {
        self.0.plus(24).start()
    }

    /// The day `n` later, or earlier when `n` is negative.
    pub fn plus(self, n: i64) -> Self {
        Self(self.0.plus(n.saturating_mul(24)))
    }

    /// The days that share an hour with `window`, oldest first.
    pub fn of_window(window: Window) -> impl Iterator<Item = Self> {
        let mut hours = window.hours();
        let (first, last) = (hours.next(), hours.next_back());
        let last = last.or(first).map(Self::of);
        std::iter::successors(first.map(Self::of), |day| Some(day.plus(1)))
            .take_while(move |day| last.is_some_and(|last| *day <= last))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.date())
    }
}

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = text.parse::<NaiveDate>().map(|date| Self::containing(date.and_time(NaiveTime::MIN).and_utc()));
        // What a date is written as is part of the keys, so only the one spelling is taken.
        // Ten characters: the years of the calendar, none of those at the end of what chrono can hold.
        day.ok()
            .filter(|day| text.len() == 10 && day.to_string() == text)
            .ok_or_else(|| InvalidDay { given: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_24_hours_and_written_one_way() {
        let day: Day = "2026-06-30".parse().unwrap();
        assert_eq!(day.to_string(), "2026-06-30");
        assert_eq!(day.hours().count(), HOURS_PER_DAY);
        assert!(day.hours().all(|hour| Day::of(hour) == day && hour.date() == "2026-06-30"));
        assert_eq!(day.end().to_rfc3339(), "2026-07-01T00:00:00+00:00");
        for bad in ["2026-6-30", "2026-06-31", "", "today", "+2026-06-30", "+262142-12-31", "-0001-01-01"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_window_touches_the_days_of_its_hours() {
        let day: Day = "2026-06-30".parse().unwrap();
        let days = |from: i64, to: i64| {
            let window = Window::try_new(day.first_hour().plus(from).start(), day.first_hour().plus(to).start());
            Day::of_window(window.unwrap()).map(|day| day.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(days(23, 25), ["2026-06-30", "2026-07-01"]);
        assert_eq!(days(0, 24), ["2026-06-30"]);
        assert_eq!(days(5, 6), ["2026-06-30"]);
    }
}
