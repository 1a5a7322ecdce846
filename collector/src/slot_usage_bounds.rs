//! Bounds of what is used slot by slot: what a slot shows beyond the machine was used in the slot before it, or is not
//! believed.

use types::{SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::counter_increase::Most;

/// Core-milliseconds of each slot.
pub(crate) type BySlot = [Option<i64>; SLOTS_PER_HOUR];

/// Takes as unknown the slots in which more was used than a machine can do, by themselves or with those beside them, and
/// returns how many those are.
///
/// The sample at the start of a slot may be older than the slot by the slack, so that the slot shows something of the one
/// before it; of many slots in a row only the first can. Shorter rows come first, so that a slot that is wrong by itself
/// takes no other with it.
pub(crate) fn disbelieve(used: &mut BySlot, most: Most) -> usize {
    let known = |used: &BySlot| used.iter().flatten().count();
    let before = known(used);
    for length in 1..=SLOTS_PER_HOUR {
        let seconds = i64::try_from(length).unwrap_or(0).saturating_mul(SLOT_SECONDS);
        let most = most.per_second.saturating_mul(seconds.saturating_add(most.slack_seconds));
        let is_too_much =
            |row: &[Option<i64>]| row.iter().copied().sum::<Option<i64>>().is_some_and(|used| used > most);
        for start in 0..=SLOTS_PER_HOUR.saturating_sub(length) {
            let row = used.get_mut(start..start.saturating_add(length)).unwrap_or_default();
            if is_too_much(row) {
                row.fill(None);
            }
        }
    }
    before.saturating_sub(known(used))
}

/// Moves what a slot shows beyond `most` of it, in core-milliseconds, to the slot before it, where that is known; what was
/// used before the first is none of the hour's.
pub(crate) fn move_back(used: &mut BySlot, most: [i64; SLOTS_PER_HOUR]) {
    let mut beyond = 0_i64;
    for (used, most) in used.iter_mut().zip(most).rev() {
        let Some(used) = used.as_mut() else {
            beyond = 0;
            continue;
        };
        let shown = used.saturating_add(beyond);
        *used = shown.min(most);
        beyond = shown.saturating_sub(*used);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A machine of sixteen cores, in thousandths of core-seconds.
    const MOST: Most = Most { per_second: 16_000, slack_seconds: 60 };
    const FULL: i64 = 16_000 * SLOT_SECONDS;

    fn check(used: &[Option<i64>], expect: &[Option<i64>]) {
        let slots = |values: &[Option<i64>]| {
            let mut slots = BySlot::default();
            slots
                .iter_mut()
                .zip(values)
                .for_each(|(slot, percent)| *slot = percent.map(|percent| FULL / 100 * percent));
            slots
        };
        let mut got = slots(used);
        let dropped = disbelieve(&mut got, MOST);
        move_back(&mut got, [FULL; SLOTS_PER_HOUR]);
        assert_eq!(got, slots(expect), "{used:?}");
        let known = |values: &[Option<i64>]| values.iter().flatten().count();
        assert_eq!(dropped, known(used) - known(expect), "{used:?}");
    }

    #[test]
    fn the_slack_moves_seconds_to_the_slot_before_and_makes_none() {
        let some = |values: &[i64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        check(&some(&[50, 110, 40]), &some(&[60, 100, 40]));
        check(&some(&[95, 100, 110, 40]), &some(&[100, 100, 100, 40]));
        // What was used before the hour, or before anything was seen.
        check(&some(&[110, 40]), &some(&[100, 40]));
        check(&[None, Some(110), Some(40)], &[None, Some(100), Some(40)]);
        // Two cannot both have begun a minute late.
        check(&some(&[50, 115, 115, 50]), &[Some(50), None, None, Some(50)]);
        check(&some(&[112; 12]), &[None; 12]);
        check(&some(&[50, 130, 50]), &[Some(50), None, Some(50)]);
        check(&some(&[100; 12]), &some(&[100; 12]));
    }

    proptest! {
        #[test]
        fn no_slot_has_more_than_the_machine(values in prop::collection::vec(prop::option::of(0..2 * FULL), 12)) {
            let mut used: BySlot = values.try_into().unwrap();
            let before: i64 = used.iter().flatten().sum();
            disbelieve(&mut used, MOST);
            move_back(&mut used, [FULL; SLOTS_PER_HOUR]);
            prop_assert!(used.iter().flatten().all(|used| (0..=FULL).contains(used)));
            prop_assert!(used.iter().flatten().sum::<i64>() <= before);
        }
    }
}
