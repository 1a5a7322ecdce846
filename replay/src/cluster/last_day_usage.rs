//! Use of containers in the last day, kept for those that fall silent.
//!
//! Rows of an hour are written one after the other and looked up only where there is a gap, so that a day of history
//! costs next to nothing while everything is known. A day is kept, however long the window is.

use std::collections::VecDeque;

use crate::input_hour::{HOUR_SECONDS, Hour, Lane, NONE, UNKNOWN};
use crate::number::index;

/// Hours kept.
const HOURS: usize = 24;
/// Known slots whose mean or largest stands in, and slots of a gap for which they do.
pub(super) const RECENT: usize = 12;

/// The containers of the last hours that were there, init containers aside.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    hours: VecDeque<PastHour>,
}

/// The containers of an hour, by uid of their pod and by class.
#[derive(Debug, Clone, Default)]
struct PastHour {
    start: i64,
    uids: Vec<u128>,
    classes: Vec<u32>,
    cpu: Vec<Lane>,
    memory: Vec<Lane>,
}

impl PastHour {
    fn clear(&mut self) {
        self.uids.clear();
        self.classes.clear();
        self.cpu.clear();
        self.memory.clear();
    }

    /// CPU and memory of a container; `None` where its pod was not there, or this container of it.
    fn get(&self, uid: u128, class: u32) -> Option<(&Lane, &Lane)> {
        let from = self.uids.partition_point(|other| *other < uid);
        let of_pod = self.uids.iter().zip(&self.classes).skip(from).take_while(|(other, _)| **other == uid);
        let at = from + of_pod.map(|(_, class)| class).position(|other| *other == class)?;
        Some((self.cpu.get(at)?, self.memory.get(at)?))
    }
}

impl Past {
    /// Keeps an hour that is over.
    pub(super) fn keep(&mut self, hour: &Hour) {
        // The oldest makes room, and its vectors are filled again.
        let oldest = (self.hours.len() == HOURS).then(|| self.hours.pop_front()).flatten();
        let mut kept = oldest.unwrap_or_default();
        kept.clear();
        kept.start = hour.start();
        for row in hour.containers().iter().filter(|row| row.class != NONE) {
            let Some(pod) = hour.pods().get(index(row.pod)) else { continue };
            kept.uids.push(pod.uid);
            kept.classes.push(row.class);
            kept.cpu.push(row.cpu_mean_millicores);
            kept.memory.push(row.memory_max_mib);
        }
        self.hours.push_back(kept);
    }

    /// The last known CPU and memory of a container before the hour in work.
    pub(super) fn recent(&self, uid: u128, class: u32) -> (Recent, Recent) {
        let hours = || self.hours.iter().rev().map_while(|hour| hour.get(uid, class));
        (Recent::of(hours().map(|(cpu, _)| cpu)), Recent::of(hours().map(|(_, memory)| memory)))
    }

    /// CPU and memory of a container in the hour that began 24 hours before `start`; unknown where that is not there.
    pub(super) fn day_before(&self, start: i64, uid: u128, class: u32) -> (Lane, Lane) {
        let then = start - 24 * HOUR_SECONDS;
        let hour = self.hours.iter().find(|hour| hour.start == then);
        hour.and_then(|hour| hour.get(uid, class))
            .map_or((Lane::UNKNOWN, Lane::UNKNOWN), |(cpu, memory)| (*cpu, *memory))
    }
}

/// The last known slots of one quantity, and how long it has been silent since.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recent {
    /// A ring: the oldest is at `next` once it is full.
    values: [u32; RECENT],
    known: usize,
    next: usize,
    silent: usize,
}

impl Recent {
    /// From the lanes of hours, the newest first.
    fn of<'l>(lanes: impl Iterator<Item = &'l Lane>) -> Self {
        let mut recent = Self::default();
        for value in lanes.flat_map(|lane| lane.0.iter().rev()) {
            if *value == UNKNOWN {
                recent.silent += usize::from(recent.known == 0);
                continue;
            }
            if let Some(cell) = recent.values.get_mut(recent.known) {
                *cell = *value;
                recent.known += 1;
            }
            if recent.known == RECENT {
                break;
            }
        }
        if let Some(known) = recent.values.get_mut(..recent.known) {
            known.reverse();
        }
        recent.next = recent.known % RECENT;
        recent
    }

    /// Takes a slot that is known.
    pub(super) fn see(&mut self, value: u32) {
        if let Some(cell) = self.values.get_mut(self.next) {
            *cell = value;
        }
        self.next = (self.next + 1) % RECENT;
        self.known = (self.known + 1).min(RECENT);
        self.silent = 0;
    }

    /// Takes a slot that is silent. Gives whether the gap is still no longer than what is kept.
    pub(super) fn falls_silent(&mut self) -> bool {
        self.silent += 1;
        self.silent <= RECENT
    }

    /// The last known values, in no order; empty where none is known.
    pub(super) fn known(&self) -> &[u32] {
        self.values.get(..self.known).unwrap_or_default()
    }
}

/// The mean of known values, to the nearest; `None` of none.
pub(super) fn mean(values: &[u32]) -> Option<u32> {
    let sum: u64 = values.iter().copied().map(u64::from).sum();
    let n = u64::from(crate::number::id(values.len()));
    u32::try_from((sum + n / 2).checked_div(n)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::input_hour::SLOTS;

    proptest! {
        #[test]
        fn the_last_known_slots_are_found_however_they_lie_over_the_hours(
            slots in prop::collection::vec(prop::option::weighted(0.6, 0_u32..1000), SLOTS..6 * SLOTS),
        ) {
            let whole = slots.len() / SLOTS * SLOTS;
            let (before, now) = slots[..whole].split_at(whole - SLOTS);
            let lane = |chunk: &[Option<u32>]| Lane(std::array::from_fn(|k| chunk[k].unwrap_or(UNKNOWN)));
            let lanes: Vec<Lane> = before.chunks(SLOTS).map(lane).collect();
            let mut recent = Recent::of(lanes.iter().rev());
            for (k, slot) in now.iter().enumerate() {
                let so_far: Vec<Option<u32>> = before.iter().chain(&now[..k]).copied().collect();
                let gap = so_far.iter().rev().take_while(|value| value.is_none()).count();
                let mut last: Vec<u32> = so_far.iter().rev().flatten().take(RECENT).copied().collect();
                match slot {
                    Some(value) => recent.see(*value),
                    None => {
                        let fresh = recent.falls_silent();
                        let mut got = recent.known().to_vec();
                        got.sort_unstable();
                        last.sort_unstable();
                        prop_assert_eq!((got, fresh), (last, gap < RECENT));
                    }
                }
            }
        }
    }

    #[test]
    fn a_mean_is_rounded_to_the_nearest() {
        assert_eq!((mean(&[1, 2]), mean(&[1, 1, 2]), mean(&[7]), mean(&[])), (Some(2), Some(1), Some(7), None));
    }
}
