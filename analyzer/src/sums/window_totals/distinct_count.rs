//! Number of distinct things, in memory that does not grow with the window.

use types::window::HOUR_SECONDS;

use crate::fast_maps::FastSet;

const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;

/// Counts distinct ids that come hour by hour, oldest first, keeping those of two days alone.
///
/// A pod or a container that lives on has a row on every day there is, so one that was neither seen today nor on the
/// day before that is in the lake is new. (One left out for a whole day of which other rows are there counts twice.)
#[derive(Debug, Default)]
pub(crate) struct Distinct {
    day: i64,
    today: FastSet<u64>,
    before: FastSet<u64>,
    count: usize,
}

impl Distinct {
    /// Takes an id seen in the hour that starts at `hour`; whether it is new.
    pub(crate) fn insert(&mut self, hour: i64, id: u64) -> bool {
        let day = hour.div_euclid(DAY_SECONDS);
        if day != self.day {
            self.day = day;
            std::mem::swap(&mut self.today, &mut self.before);
            self.today.clear();
        }
        let new = self.today.insert(id) && !self.before.contains(&id);
        self.count += usize::from(new);
        new
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Things that live for some days, on days of which some are missing for all of them.
        #[test]
        fn what_lives_on_is_counted_once(
            lives in prop::collection::vec((0_i64..30, 0_i64..6), 0..40),
            missing in prop::collection::hash_set(0_i64..36, 0..8),
        ) {
            let mut distinct = Distinct::default();
            let (mut seen, mut new) = (HashSet::new(), 0);
            for day in (0_i64..36).filter(|day| !missing.contains(day)) {
                for hour in [0, 23] {
                    for (id, (from, days)) in (0..).zip(&lives) {
                        if (*from..=from + days).contains(&day) {
                            new += usize::from(distinct.insert(day * DAY_SECONDS + hour * HOUR_SECONDS, id));
                            seen.insert(id);
                        }
                    }
                }
            }
            prop_assert_eq!(distinct.count(), seen.len());
            prop_assert_eq!(new, seen.len());
        }
    }

    #[test]
    fn only_two_days_are_kept() {
        let mut distinct = Distinct::default();
        for day in 0..100 {
            for id in 0..10 {
                distinct.insert(i64::try_from(day).unwrap() * DAY_SECONDS, day * 10 + id);
            }
        }
        assert_eq!(distinct.count(), 1000);
        assert_eq!(distinct.today.len() + distinct.before.len(), 20);
    }
}
