//! Closed UTC hours and half-open windows of them.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Length of a slot of the grid, in seconds.
pub const SLOT_SECONDS: i64 = 300;
/// Slots in an hour. Slot `k` covers `(start + 300 k, start + 300 (k + 1)]` and is evaluated at its end.
pub const SLOTS_PER_HOUR: usize = 12;
/// Length of an hour, in seconds.
pub const HOUR_SECONDS: i64 = 3600;

/// One UTC hour, counted from the epoch: the unit of work of the collector and of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(i64);

impl Hour {
    /// The hour that contains `moment`.
    pub fn containing(moment: DateTime<Utc>) -> Self {
        Self(moment.timestamp().div_euclid(HOUR_SECONDS))
    }

    /// The hour that starts at `seconds` since the epoch; `None` when that is not on an hour or out of range.
    pub fn starting_at(seconds: i64) -> Option<Self> {
        let on_grid = seconds.rem_euclid(HOUR_SECONDS) == 0 && DateTime::from_timestamp(seconds, 0).is_some();
        on_grid.then(|| Self(seconds.div_euclid(HOUR_SECONDS)))
    }

    /// Seconds since the epoch at its start.
    pub fn start_seconds(self) -> i64 {
        self.0 * HOUR_SECONDS
    }

    /// Seconds since the epoch at its end, which is the next hour's start.
    pub fn end_seconds(self) -> i64 {
        self.start_seconds() + HOUR_SECONDS
    }

    /// Its start.
    pub fn start(self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.start_seconds(), 0).unwrap_or_default()
    }

    /// Its end.
    pub fn end(self) -> DateTime<Utc> {
        self.next().start()
    }

    /// The hour after.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The hour `n` later, or earlier when `n` is negative.
    pub fn plus(self, n: i64) -> Self {
        Self(self.0 + n)
    }

    /// Its date, as in an object key: `2026-07-31`.
    pub fn date(self) -> String {
        self.start().format("%Y-%m-%d").to_string()
    }

    /// Its hour of the day, `0..24`.
    pub fn of_day(self) -> i64 {
        self.0.rem_euclid(24)
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.start().format("%Y-%m-%dT%H:%MZ"))
    }
}

/// A half-open span of time, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

/// Why two moments are not a window.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the range from {start} to {end} is empty; its start must come before its end")]
pub struct EmptyWindow {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Window {
    /// The window from `start` to just before `end`.
    ///
    /// # Errors
    /// [`EmptyWindow`] unless `start < end`.
    pub fn try_new(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, EmptyWindow> {
        if start < end { Ok(Self { start, end }) } else { Err(EmptyWindow { start, end }) }
    }

    /// Its first moment.
    pub fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// The first moment after it.
    pub fn end(self) -> DateTime<Utc> {
        self.end
    }

    /// The whole hours inside it, oldest first.
    pub fn hours(self) -> impl DoubleEndedIterator<Item = Hour> + Clone {
        let first = self.start.timestamp().div_euclid(HOUR_SECONDS)
            + i64::from(
                self.start.timestamp().rem_euclid(HOUR_SECONDS) != 0 || self.start.timestamp_subsec_nanos() != 0,
            );
        let end = self.end.timestamp().div_euclid(HOUR_SECONDS);
        (first..end.max(first)).map(Hour)
    }

    /// The part of it that has ended, and settled for `settle`, at `now`; `None` when nothing has.
    pub fn closed_at(self, now: DateTime<Utc>, settle: TimeDelta) -> Option<Self> {
        Self::try_new(self.start, self.end.min(now - settle)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn only_whole_hours_belong_to_a_window() {
        let window = Window::try_new(at(3601), at(3 * 3600 + 3599)).unwrap();
        assert_eq!(window.hours().collect::<Vec<_>>(), [Hour(2)]);
        let short = Window::try_new(at(10), at(20)).unwrap();
        assert_eq!(short.hours().count(), 0);
    }

    #[test]
    fn an_hour_is_closed_only_after_it_settled() {
        let window = Window::try_new(at(0), at(2 * 3600)).unwrap();
        let settle = TimeDelta::minutes(5);
        let closed = |now| window.closed_at(at(now), settle).map(|w| w.hours().count());
        assert_eq!(closed(2 * 3600 + 299), Some(1));
        assert_eq!(closed(2 * 3600 + 300), Some(2));
        assert_eq!(closed(300), None);
    }

    #[test]
    fn an_hour_is_written_as_date_and_hour_of_day() {
        let hour = Hour::starting_at(1_782_864_000).unwrap();
        assert_eq!((hour.date().as_str(), hour.of_day()), ("2026-07-01", 0));
        assert_eq!(hour.to_string(), "2026-07-01T00:00Z");
        assert_eq!(Hour::starting_at(1_782_864_001), None);
    }

    proptest! {
        #[test]
        fn adjacent_windows_tile_their_hours(a in 0_i64..1_000_000, b in 1_i64..1_000_000, c in 1_i64..1_000_000) {
            let (start, middle, end) = (at(a), at((a + b).div_euclid(3600) * 3600 + 3600), at(a + b + c + 7200));
            let whole: Vec<_> = Window::try_new(start, end).unwrap().hours().collect();
            let mut parts: Vec<_> = Window::try_new(start, middle).unwrap().hours().collect();
            parts.extend(Window::try_new(middle, end).unwrap().hours());
            prop_assert_eq!(whole, parts);
        }
    }
}
