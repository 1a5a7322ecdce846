//! Pods that were on a machine one after the other within a slot: their memory does not add up.
//!
//! A slot's largest memory is known of each pod, and not when in the slot it was. Pods that were there together may have had
//! it together, so their largest add up; a pod that ended before another began cannot have had its memory beside the other's.

use std::ops::Range;

use super::Simulation;
use super::state::{Machine, Stay, most_together};
use crate::cluster::Cluster;
use crate::decision_log::Observer;
use crate::input_hour::SLOT_SECONDS;

impl<O: Observer> Simulation<O> {
    /// Notes that a pod ends at `t`, before it is taken off its machine.
    pub(super) fn note_end(&mut self, cluster: &Cluster, pod: u32, t: i64) {
        let place = &self.places[pod];
        if place.machine == crate::input_hour::NONE || !place.is_served() {
            return;
        }
        let start = self.slot_start();
        let stay = self.stay(cluster, pod, place.served_since().max(start), t);
        if stay.from < stay.to {
            self.ended.push(stay);
        }
    }

    fn stay(&self, cluster: &Cluster, pod: u32, from: i64, to: i64) -> Stay {
        let used = self.late.use_of(cluster, pod);
        Stay {
            machine: self.places[pod].machine,
            from,
            to,
            memory: used.demand.memory.at(self.slot),
            guessed: used.guess.map_or(0, |guess| guess.memory.at(self.slot)),
        }
    }

    /// Puts the pods that ended in the slot in the order of their machines.
    pub(super) fn sort_ended(&mut self) {
        self.ended.sort_unstable();
    }

    /// The stays that ended on a machine, from that at `first` on, which is the first that did on it or one after it.
    pub(super) fn ended_on(&self, m: u32, first: usize) -> Range<usize> {
        let left = self.ended.get(first..).unwrap_or_default();
        let before = left.iter().take_while(|stay| stay.machine < m).count();
        let own = left.iter().skip(before).take_while(|stay| stay.machine == m).count();
        first + before..first + before + own
    }

    /// Largest memory of the pods on a machine in the slot in work, and what of it is imputed: the sum, but for pods that
    /// ended in it and those that began only then. `ended` are the stays that ended on it.
    pub(super) fn memory_together(&self, cluster: &Cluster, machine: &Machine, ended: Range<usize>) -> (u32, u32) {
        let k = self.slot;
        let all = (machine.memory.at(k), machine.guess.memory.at(k));
        if ended.is_empty() {
            return all;
        }
        let mut parts: Vec<Stay> = self.ended.get(ended).unwrap_or_default().to_vec();
        let start = self.slot_start();
        let began = machine.pods.iter().filter(|pod| self.places[**pod].is_served());
        let began = began.map(|pod| (*pod, self.places[*pod].served_since())).filter(|(_, since)| *since > start);
        parts.extend(began.map(|(pod, since)| self.stay(cluster, pod, since, start + SLOT_SECONDS)));
        let (memory, guessed) = parts.iter().fold((0, 0), |(a, b), stay| (a + stay.memory, b + stay.guessed));
        let most = most_together(&parts);
        ((all.0 + most.0).saturating_sub(memory), (all.1 + most.1).saturating_sub(guessed))
    }
}
