//! Zones of whose pods too little is known in a slot to replay it.
//!
//! Where nothing is known of the lives of most of a zone, neither who needs machines nor who is gone, its state is frozen
//! for the slot: nothing is decided, billed, asked for or measured there. What began or ended meanwhile does so when the
//! zone goes on.

use types::{SLOT_SECONDS, SLOTS_PER_HOUR as SLOTS};

use crate::number::unsigned;

/// A slot of each zone: what pods ask for, in core-milliseconds, and what of it is not known.
pub(crate) type Known = [(u64, u64); SLOTS];

/// Slots of an hour in which zones are frozen, by zone; zones that never are have no row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FrozenSlots {
    rows: Vec<(u16, [bool; SLOTS])>,
    /// `true` when every zone is frozen in all slots, so that the hour is as if it were missing.
    pub(crate) whole: bool,
}

impl FrozenSlots {
    /// A zone is frozen where more than half of what its pods ask for is not known; rows are in the order of zones.
    pub(crate) fn of(zones: Vec<(u16, Known)>) -> Self {
        let frozen = |known: Known| known.map(|(asked, unknown)| 2 * unknown > asked);
        let rows: Vec<(u16, [bool; SLOTS])> = zones.into_iter().map(|(zone, known)| (zone, frozen(known))).collect();
        let whole = rows.iter().all(|(_, slots)| *slots == [true; SLOTS]);
        Self { rows: rows.into_iter().filter(|(_, slots)| slots.contains(&true)).collect(), whole }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The slots in which a zone is frozen; `None` where it never is.
    pub(crate) fn of_zone(&self, zone: u16) -> Option<&[bool; SLOTS]> {
        let at = self.rows.binary_search_by_key(&zone, |(zone, _)| *zone).ok()?;
        self.rows.get(at).map(|(_, slots)| slots)
    }

    /// Returns true when a zone is frozen in slot `k`.
    pub(crate) fn at(&self, zone: u16, k: usize) -> bool {
        self.of_zone(zone).is_some_and(|slots| slots.get(k).copied().unwrap_or_default())
    }

    /// Returns true when any zone is frozen in slot `k`.
    pub(crate) fn any_at(&self, k: usize) -> bool {
        self.rows.iter().any(|(_, slots)| slots.get(k).copied().unwrap_or_default())
    }

    /// The first second from `second` on at which a zone is not frozen; 3600 where it stays so to the end.
    pub(crate) fn thawed(&self, zone: u16, second: u16) -> u16 {
        let Some(slots) = self.of_zone(zone) else { return second };
        let own = usize::from(second / 300);
        if !slots.get(own).copied().unwrap_or_default() {
            return second;
        }
        let on = slots.iter().skip(own).take_while(|frozen| **frozen).count();
        u16::try_from(300 * (own + on)).unwrap_or(u16::MAX)
    }

    /// Zones and how many seconds of the hour each is frozen.
    pub(crate) fn seconds(&self) -> impl Iterator<Item = (u16, u32)> {
        self.rows.iter().map(|(zone, slots)| {
            let slots = slots.iter().filter(|frozen| **frozen).count();
            (*zone, 300 * crate::number::id(slots))
        })
    }
}

/// Slots of the hours so far in which zones were frozen, in replay seconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct FrozenPast {
    /// Starts of slots by zone, each in order.
    zones: Vec<(u16, Vec<i64>)>,
}

impl FrozenPast {
    /// Notes the slots of the hour that starts at `start`.
    pub(crate) fn note(&mut self, start: i64, hour: &FrozenSlots) {
        for (zone, slots) in &hour.rows {
            let at = self.zones.binary_search_by_key(zone, |(zone, _)| *zone).unwrap_or_else(|at| {
                self.zones.insert(at, (*zone, Vec::new()));
                at
            });
            let starts = (start..).step_by(300).zip(slots).filter(|(_, frozen)| **frozen).map(|(start, _)| start);
            if let Some((_, all)) = self.zones.get_mut(at) {
                all.extend(starts);
            }
        }
    }

    /// Seconds of `[from, to)` in which a zone was frozen.
    pub(crate) fn seconds(&self, zone: u16, from: i64, to: i64) -> u64 {
        if self.zones.is_empty() {
            return 0;
        }
        let Ok(at) = self.zones.binary_search_by_key(&zone, |(zone, _)| *zone) else { return 0 };
        let Some((_, starts)) = self.zones.get(at) else { return 0 };
        let first = starts.partition_point(|start| start + SLOT_SECONDS <= from);
        let within = starts.iter().skip(first).take_while(|start| **start < to);
        within.map(|start| unsigned((start + SLOT_SECONDS).min(to) - from.max(*start))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(frozen: &[usize]) -> FrozenSlots {
        FrozenSlots { rows: vec![(3, std::array::from_fn(|k| frozen.contains(&k)))], whole: false }
    }

    #[test]
    fn what_lies_in_frozen_slots_comes_when_the_zone_goes_on() {
        let frozen = slots(&[0, 4, 5, 11]);
        let at = |second: u16| frozen.thawed(3, second);
        assert_eq!(
            [at(0), at(299), at(300), at(1200), at(1799), at(1800), at(3300)],
            [300, 300, 300, 1800, 1800, 1800, 3600]
        );
        assert_eq!(frozen.thawed(2, 1200), 1200);
        assert_eq!(frozen.seconds().collect::<Vec<_>>(), [(3, 1200)]);
    }

    #[test]
    fn frozen_seconds_of_a_span_are_those_within_it() {
        let mut past = FrozenPast::default();
        past.note(3600, &slots(&[0, 1, 7]));
        past.note(7200, &slots(&[2]));
        let seconds = |from: i64, to: i64| past.seconds(3, from, to);
        assert_eq!(
            [seconds(0, 10_000), seconds(3700, 4000), seconds(4200, 5700), seconds(5800, 5810)],
            [1200, 300, 0, 10]
        );
        assert_eq!(past.seconds(2, 0, 10_000), 0);
    }
}
