//! Spans of seconds, and what of them falls into an hour and its slots.

use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

/// A half-open span of whole seconds since the epoch; empty when `end <= start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Life {
    /// The part of it inside an hour.
    pub(crate) fn within(self, hour: Hour) -> Self {
        Self { start: self.start.max(hour.start_seconds()), end: self.end.min(hour.end_seconds()) }
    }

    /// Its length.
    pub(crate) fn seconds(self) -> i64 {
        // Moments come from outside, and may lie anywhere.
        self.end.saturating_sub(self.start).max(0)
    }

    /// Its length inside each slot of the hour.
    pub(crate) fn by_slot(self, hour: Hour) -> [i64; SLOTS_PER_HOUR] {
        let mut slot_start = hour.start_seconds();
        [(); SLOTS_PER_HOUR].map(|()| {
            let slot =
                Self { start: self.start.max(slot_start), end: self.end.min(slot_start.saturating_add(SLOT_SECONDS)) };
            slot_start = slot_start.saturating_add(SLOT_SECONDS);
            slot.seconds()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slots_add_up_to_the_hour_and_hours_to_the_life(start in 0_i64..20_000, length in -100_i64..20_000) {
            let life = Life { start, end: start + length };
            let hours = (0..12).filter_map(|h| Hour::starting_at(h * 3600));
            let mut total = 0;
            for hour in hours {
                let by_slot = life.by_slot(hour);
                prop_assert_eq!(by_slot.iter().sum::<i64>(), life.within(hour).seconds());
                prop_assert!(by_slot.iter().all(|s| (0..=SLOT_SECONDS).contains(s)));
                total += life.within(hour).seconds();
            }
            prop_assert_eq!(total, length.max(0));
        }
    }
}
