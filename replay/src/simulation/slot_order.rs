//! One hour of a scenario: slots in order, and within a slot everything in its order.

use std::cmp::Reverse;

use super::Simulation;
use super::state::{Due, NOWHERE};
use crate::cluster::{Cluster, What};
use crate::decision_log::Observer;
use crate::input_hour::{NONE, SLOT_SECONDS, SLOTS};
use crate::number::index;
use crate::outcome::Waiting;
use crate::scenario_setup::{Consolidation, Requests};

impl<O: Observer> Simulation<O> {
    /// Advances by the hour the cluster has taken in.
    pub(crate) fn advance(&mut self, cluster: &Cluster) {
        self.hour_start = cluster.now();
        self.begin_hour(cluster);
        let mut events = cluster.events.as_slice();
        for (k, t) in (0..SLOTS).zip((self.hour_start..).step_by(300)) {
            self.slot = k;
            self.freeze(cluster);
            self.history_slot = cluster.known_slots_before(k);
            self.instant = k == 0 && cluster.resumed;
            self.due(cluster, t);
            if k == 0 && cluster.hours == 1 {
                self.seed(cluster, t);
            }
            if k == 0 && self.setup.requests == Requests::RightSized && cluster.sized_first() {
                self.rebuild(cluster, t);
            }
            self.release_empty(t);
            self.retry_hosts(cluster, t);
            let hot = self.rebalance(t);
            self.empty_hosts(&hot, t);
            if k == 0 && self.setup.requests == Requests::RightSized {
                self.roll(cluster, t);
            }
            self.consolidate(cluster, t);
            // Pods that come and go within the slot, and what comes due meanwhile, second by second.
            while let Some(event) = events.first() {
                let at = self.hour_start + i64::from(event.second);
                if at >= t + SLOT_SECONDS {
                    break;
                }
                self.due(cluster, at);
                let same = events.iter().take_while(|next| next.second == event.second).count();
                let (now, rest) = events.split_at_checked(same).unwrap_or_default();
                events = rest;
                self.instant &= event.second == 0;
                let asked = now.partition_point(|event| event.what < What::Asked);
                let (before, asked) = now.split_at_checked(asked).unwrap_or_default();
                for event in before {
                    if event.what == What::Ends {
                        self.end(cluster, event.pod, at);
                    } else {
                        self.becomes_due(cluster, event.pod, at);
                    }
                }
                let asked = asked.iter().map(|event| event.pod);
                let (thawed, others): (Vec<u32>, Vec<u32>) = if at == t && cluster.may_thaw() {
                    asked.partition(|pod| cluster.thaws(cluster.pods[*pod].zone, k))
                } else {
                    (Vec::new(), asked.collect())
                };
                // What began while its zone was frozen finds its machines: they came up meanwhile.
                if !thawed.is_empty() {
                    let instant = std::mem::replace(&mut self.instant, true);
                    self.start(cluster, &thawed, at);
                    self.due(cluster, at);
                    self.instant = instant;
                }
                if !others.is_empty() {
                    self.start(cluster, &others, at);
                }
                if self.instant {
                    self.due(cluster, at);
                    self.instant = false;
                }
            }
            self.instant = false;
            self.due(cluster, t + SLOT_SECONDS - 1);
            self.measure(cluster, t);
            self.bill_less(t);
        }
        let hours = usize::try_from(cluster.hours).unwrap_or(usize::MAX);
        for lot in self.lots.iter_mut() {
            lot.end_hour(hours);
        }
        self.measure_failures(cluster);
        self.end_hour_of_evictions(cluster);
        if self.warming_up(self.hour_start) {
            self.cpu_before.clone_from(&cluster.cpu_used);
        }
        self.bill_hour(cluster);
        self.peaks_known &= cluster.imputed.pod_slots_without_peak == 0;
    }

    /// Machines use what the pods on them use in this hour.
    fn begin_hour(&mut self, cluster: &Cluster) {
        self.places.grow(cluster.pods.len(), || NOWHERE);
        for machine in self.machines.iter_mut().filter(|machine| machine.live) {
            machine.begin_hour(cluster);
        }
        self.shift_late(cluster);
        self.outcome.waiting.push(Waiting::default());
    }

    /// Everything that comes due up to `t`, in order.
    pub(super) fn due(&mut self, cluster: &Cluster, t: i64) {
        while let Some(Reverse((at, due))) = self.queue.peek().copied() {
            if at > t {
                return;
            }
            self.queue.pop();
            match due {
                Due::HostReady(h) => self.host_comes_up(h, at),
                Due::MachineReady(m) => self.comes_up(cluster, m, at),
                Due::MigrationEnd(m) => self.migration_ends(m, at),
                Due::HandsOver(m) => self.hand_over(cluster, m, at),
                Due::WorkEnds(_, pod) => self.work_ends(cluster, pod, at),
            }
        }
    }

    /// Running pods whose right-sized request changed: in place where there is room, else restarted elsewhere.
    fn roll(&mut self, cluster: &Cluster, t: i64) {
        for pod in cluster.resized.iter().copied() {
            let (before, m) = (self.places[pod], self.places[pod].machine);
            if m == NONE || self.is_frozen(m) || !self.machines[m].takes_pods() || !before.is_served() {
                continue;
            }
            let item = self.item(cluster, pod);
            let room = self.machines[m].room.plus(&before.item);
            if room.fits(&item) {
                self.resize_in_place(pod, m, item, t);
                continue;
            }
            self.places[pod].item = item;
            let elsewhere = self.chosen(cluster, pod, m, t);
            self.places[pod].item = before.item;
            // Nothing elsewhere, or too many restarts already: it keeps its request until the next day.
            if let Some(to) = elsewhere.filter(|_| self.may_evict(cluster, &[pod])) {
                self.evict(cluster, &[pod]);
                self.uses_no_more(cluster, pod, m);
                self.take_off(cluster, pod, t);
                self.places[pod].item = item;
                self.put_on(cluster, pod, to, t);
                self.outcome.motion.rolled_pods += 1;
            }
        }
    }

    fn resize_in_place(&mut self, pod: u32, m: u32, item: crate::placement::Item, t: i64) {
        use super::state::{least, least_memory};
        let before = self.places[pod].item;
        let machine = &mut self.machines[m];
        let Some(room) = machine.room.plus(&before).less(&item) else { return };
        machine.room = room;
        machine.scored.cpu_millicores = machine.scored.cpu_millicores + least(item.cpu) - least(before.cpu);
        machine.scored.memory_mib = machine.scored.memory_mib + least_memory(item.memory) - least_memory(before.memory);
        let lot = machine.lot;
        self.lots[lot].serves(t, &before, false);
        self.lots[lot].serves(t, &item, true);
        self.lots[lot].version += 1;
        self.places[pod].item = item;
        self.show(m);
    }

    /// Takes what a pod uses from this slot on off its machine, before it goes elsewhere.
    pub(super) fn uses_no_more(&mut self, cluster: &Cluster, pod: u32, m: u32) {
        self.machines[m].carries_no_more(self.late.use_of(cluster, pod));
    }

    /// Returns how machines of a lot go away.
    pub(super) fn consolidation(&self, lot: u32) -> Consolidation {
        match &self.setup.pool {
            Some(pool) if self.lots[lot].evm => pool.consolidation,
            _ => self.setup.ec2.consolidation,
        }
    }

    /// Consolidates the lots whose policy says so.
    fn consolidate(&mut self, cluster: &Cluster, t: i64) {
        for lot in self.lots.ids() {
            if self.frozen_zones.contains(&self.lots[lot].zone) {
                continue;
            }
            if let Consolidation::Drain { budget, settle_seconds } = self.consolidation(lot) {
                let n = crate::number::id(self.lots[lot].machines_there().count());
                let budget = crate::number::whole((f64::from(n) * budget).ceil()).max(1);
                self.drain(cluster, lot, index(budget), settle_seconds, t);
            }
        }
    }
}
