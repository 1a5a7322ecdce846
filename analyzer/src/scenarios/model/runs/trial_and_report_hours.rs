//! Which hours serve choices, and which are reported: never the same.

use std::ops::Range;

use types::window::HOUR_SECONDS;

use crate::monthly_scaling::HOURS_A_WEEK;

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

    /// The hours that choices are made on: those before the reported ones, or all where none are reported apart. Then nothing
    /// is recommended, since there is a day at most.
    pub(crate) fn choosing(&self) -> Range<usize> {
        if self.reported_from > 0 { 0..self.reported_from } else { 0..self.hours }
    }

    /// The hours that ratios are shown on where nothing is chosen by them: those that choices are made on, or all where these
    /// are hardly more than the warm-up.
    pub(crate) fn shown(&self) -> Range<usize> {
        if self.reported_from > 2 * WARM_UP { 0..self.reported_from } else { 0..self.hours }
    }

    /// Seconds from the start whose risk does not count in what is chosen by, so that half of the hours at least tell.
    pub(crate) fn warm_up_of_choices(&self, seconds: i64) -> i64 {
        seconds.min(i64::try_from(self.choosing().len()).unwrap_or(i64::MAX).saturating_mul(HOUR_SECONDS) / 2)
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
            (25, 24, false),
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
            assert!(windows.choosing().end <= hours && (from == 0 || windows.choosing().end <= from));
        }
        // Under nine days the first day serves choices alone, and its second half tells risk; ratios are shown of all hours.
        for (hours, choosing, shown) in [(24, 24, 24), (25, 24, 25), (80, 24, 80), (216, 48, 216), (217, 49, 49)] {
            let windows = Windows::of(hours);
            assert_eq!((windows.choosing(), windows.shown()), (0..choosing, 0..shown), "{hours}");
        }
        let warm_up = |hours: usize| Windows::of(hours).warm_up_of_choices(86_400);
        assert_eq!([80, 216, 217, 672].map(warm_up), [43_200, 86_400, 86_400, 86_400]);
        assert_eq!(Windows::of(504).first_week(), 0..168);
    }
}
