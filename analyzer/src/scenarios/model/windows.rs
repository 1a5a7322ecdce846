//! Which hours serve choices, and which are reported: never the same.

use std::ops::Range;

use crate::month::HOURS_A_WEEK;

/// Weeks below which nothing is tuned: one to choose on, one to report, and one to see that they differ.
const LEAST_WEEKS_TO_TUNE: usize = 3;
/// Hours whose risk does not count, at the start of every replay.
const WARM_UP: usize = 24;

/// The hours present, by what they serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Windows {
    /// Hours present.
    pub(crate) hours: usize,
    /// The first of the hours that are reported, to the end.
    pub(crate) reported_from: usize,
    /// `true` when variants are tried.
    pub(crate) tuned: bool,
}

impl Windows {
    /// Splits so many hours: half of the whole weeks, rounded down, serve choices, the rest is reported. Under three
    /// weeks nothing is tuned, and whole weeks after the first day are reported, or what there is.
    pub(crate) fn of(hours: usize) -> Self {
        let weeks = hours / HOURS_A_WEEK;
        let tuned = weeks >= LEAST_WEEKS_TO_TUNE;
        let reported = if tuned {
            hours - weeks / 2 * HOURS_A_WEEK
        } else {
            let settled = hours.saturating_sub(WARM_UP);
            match settled / HOURS_A_WEEK * HOURS_A_WEEK {
                0 if settled > 0 => settled,
                0 => hours,
                whole_weeks => whole_weeks,
            }
        };
        Self { hours, reported_from: hours - reported, tuned }
    }

    /// The hours that choices are made on: those before the reported ones, or all where these are too few.
    pub(crate) fn choosing(&self) -> Range<usize> {
        if self.reported_from > 2 * WARM_UP { 0..self.reported_from } else { 0..self.hours }
    }

    /// The hours that many variants are first tried on.
    pub(crate) fn first_week(&self) -> Range<usize> {
        0..HOURS_A_WEEK.min(self.choosing().end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_made_on_whole_weeks_and_at_least_as_many_hours_are_reported() {
        for (hours, from, tuned) in [
            (0, 0, false),
            (10, 0, false),
            (80, 24, false),
            (191, 24, false),
            (192, 24, false),
            (336, 168, false),
            (503, 167, false),
            (504, 168, true),
            (672, 336, true),
            (720, 336, true),
            (840, 336, true),
            (1344, 672, true),
        ] {
            let windows = Windows::of(hours);
            assert_eq!((windows.reported_from, windows.tuned), (from, tuned), "{hours}");
            assert!(windows.choosing().end <= hours);
        }
        // A cluster seen for under three days has no hours to spare for choices.
        assert_eq!(Windows::of(80).choosing(), 0..80);
        assert_eq!(Windows::of(504).first_week(), 0..168);
    }
}
