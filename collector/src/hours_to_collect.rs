//! Which hours are collected when. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use cron::Schedule;
use types::{Hour, Window};

/// Clocks of server and collector that differ by more are worth a word.
pub const SKEW: TimeDelta = TimeDelta::seconds(60);

/// The hours that are missing, in the order they are collected: the newest first, since it is what people look at and
/// what tells whether the collector works; then the others, oldest first, since the server forgets them first.
pub fn plan(window: Window, present: &BTreeSet<Hour>) -> Vec<Hour> {
    let mut missing = window.hours().filter(|hour| !present.contains(hour));
    let newest = missing.next_back();
    newest.into_iter().chain(missing).collect()
}

/// The closed hours that may be collected at `now`: from `reach` before it to the last that has settled.
///
/// `server_now` is what the server takes for now, if it said. The earlier of the two clocks decides: an hour that is
/// closed for a clock that runs ahead is not closed, and would be written half.
pub fn closed(
    from: DateTime<Utc>,
    now: DateTime<Utc>,
    server_now: Option<DateTime<Utc>>,
    settle: TimeDelta,
) -> Option<Window> {
    let earlier = server_now.map_or(now, |server| server.min(now));
    Window::try_new(from, earlier).ok()?.closed_at(earlier, settle)
}

/// Time to wait at `now` for the next moment of the schedule, at most `step`: waiting goes in steps that look at the
/// clock again, so that one that is set, or that stood still while the machine slept, does no harm. `None` when
/// `due` has come.
pub fn pause(due: DateTime<Utc>, now: DateTime<Utc>, step: TimeDelta) -> Option<TimeDelta> {
    (due > now).then(|| due.signed_duration_since(now).min(step))
}

/// The next time after `now`; `None` when there is none, as for a schedule of a year that has passed.
pub fn next(schedule: &Schedule, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    schedule.after(&now).next()
}

/// When to run next, told again after a clock that was set back: never later than the schedule says for the clock as
/// it is now.
pub fn due(schedule: &Schedule, due: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    next(schedule, now).map_or(due, |next| next.min(due))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use proptest::prelude::*;

    const START: i64 = 1_782_864_000;

    fn hour(n: i64) -> Hour {
        Hour::starting_at(START).unwrap().plus(n)
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(START + second, 0).unwrap()
    }

    fn check(hours: i64, present: &[i64], expect: &[i64]) {
        let window = Window::try_new(at(0), at(hours * 3600)).unwrap();
        let present = present.iter().map(|n| hour(*n)).collect();
        let expect: Vec<_> = expect.iter().map(|n| hour(*n)).collect();
        assert_eq!(plan(window, &present), expect);
    }

    #[test]
    fn the_newest_hour_comes_first_and_then_the_oldest() {
        check(5, &[], &[4, 0, 1, 2, 3]);
        check(5, &[4, 1], &[3, 0, 2]);
        check(5, &[0, 1, 2, 3, 4], &[]);
    }

    proptest! {
        #[test]
        fn runs_of_any_size_end_with_every_hour_once(hours in 1_i64..60, most in 1_usize..10) {
            let window = Window::try_new(at(0), at(hours * 3600)).unwrap();
            let mut present = BTreeSet::new();
            for _ in 0..hours {
                for hour in plan(window, &present).into_iter().take(most) {
                    prop_assert!(present.insert(hour));
                }
            }
            prop_assert_eq!(present.into_iter().collect::<Vec<_>>(), window.hours().collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_earlier_clock_decides_which_hours_are_closed() {
        let settle = TimeDelta::minutes(5);
        let count =
            |now, server: Option<i64>| closed(at(0), at(now), server.map(at), settle).map_or(0, |w| w.hours().count());
        assert_eq!(count(2 * 3600 + 299, None), 1);
        assert_eq!(count(2 * 3600 + 300, None), 2);
        assert_eq!(count(9 * 3600, Some(3 * 3600)), 2);
        assert_eq!(count(3 * 3600, Some(9 * 3600)), 2);
        assert_eq!(count(-3600, Some(0)), 0);
    }

    #[test]
    fn the_default_schedule_fires_once_an_hour() {
        let schedule = Schedule::from_str(crate::args::DEFAULT_SCHEDULE).unwrap();
        let first = next(&schedule, at(0)).unwrap();
        let second = next(&schedule, first).unwrap();
        assert_eq!([first, second], [at(300), at(3900)]);
    }

    #[test]
    fn a_clock_that_is_set_neither_skips_nor_stalls() {
        let schedule = Schedule::from_str(crate::args::DEFAULT_SCHEDULE).unwrap();
        let step = TimeDelta::seconds(30);
        assert_eq!(pause(at(300), at(0), step), Some(step));
        assert_eq!(pause(at(300), at(280), step), Some(TimeDelta::seconds(20)));
        // Set ahead over the due time: it runs at once.
        assert_eq!(pause(at(300), at(90_000), step), None);
        // Set back by a day: what was due a day ahead becomes the next time of the clock as it is.
        assert_eq!(due(&schedule, at(86_700), at(100)), at(300));
        assert_eq!(due(&schedule, at(300), at(100)), at(300));
    }
}
