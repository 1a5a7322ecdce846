//! Draining machines whose pods fit elsewhere, and replacing machines by a cheaper one: what Karpenter calls
//! consolidation. Bounded as Karpenter is: a share of the machines at a time, and the emptiest looked at first.

use super::World;
use crate::cluster::Cluster;
use crate::hour::NONE;
use crate::observer::Observer;
use crate::placement::{Item, Room};

/// Machines looked at in one lot and slot, the emptiest.
const LOOKED_AT: usize = 8;

impl<O: Observer> World<O> {
    /// Drains or replaces up to `budget` machines of a lot.
    pub(super) fn drain(&mut self, cluster: &Cluster, lot: u32, budget: usize, settle_seconds: i64, t: i64) {
        // Without room given back since the last time, nothing fits that did not; but evictions are allowed again.
        if self.lots[lot].tried == self.lots[lot].version && self.slot > 0 {
            return;
        }
        if self.machines_in(lot) <= self.least_machines(cluster, lot, &[]) {
            return;
        }
        let may = |m: &u32| {
            *m != NONE && {
                let machine = &self.machines[*m];
                machine.ready
                    && !machine.closed
                    && !machine.pods.is_empty()
                    && t - machine.ready_at >= settle_seconds
                    && machine.evm.as_ref().is_none_or(|evm| evm.target == NONE)
                    && self.may_evict(cluster, &machine.pods)
            }
        };
        let mut candidates: Vec<(f64, u32, u32)> = self.lots[lot]
            .machines
            .iter()
            .copied()
            .filter(may)
            .map(|m| (self.allocated(m), self.machines[m].serial, m))
            .collect();
        let emptier = |a: &(f64, u32, u32), b: &(f64, u32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if candidates.len() > LOOKED_AT {
            candidates.select_nth_unstable_by(LOOKED_AT, emptier);
            candidates.truncate(LOOKED_AT);
        }
        candidates.sort_unstable_by(emptier);
        let mut left = budget;
        let mut stay = Vec::new();
        for (_, _, m) in candidates {
            if left == 0 {
                return;
            }
            if self.drain_one(cluster, lot, m, t) {
                left -= 1;
            } else {
                stay.push(m);
            }
        }
        if left == 0 || self.lots[lot].evm || !self.replace(cluster, lot, &stay, left, t) {
            self.lots[lot].tried = self.lots[lot].version;
        }
    }

    /// Moves every pod of a machine onto others that run, or none.
    fn drain_one(&mut self, cluster: &Cluster, lot: u32, m: u32, t: i64) -> bool {
        // The largest comes first and fails most often; until it has a place the others need not be sorted.
        let items = self.machines[m].pods.iter().map(|pod| self.places[*pod].item);
        if items.max().is_none_or(|largest| self.tightest(lot, m, &largest, &[]).is_none()) {
            return false;
        }
        let by_size = |pod: &u32| (std::cmp::Reverse(self.places[*pod].item), cluster.pods[*pod].uid, *pod);
        let mut pods: Vec<(std::cmp::Reverse<Item>, u128, u32)> = self.machines[m].pods.iter().map(by_size).collect();
        pods.sort_unstable();
        let mut taken: Vec<(u32, Room)> = Vec::new();
        let mut moves = Vec::new();
        for (std::cmp::Reverse(item), _, pod) in pods {
            let Some(to) = self.tightest(lot, m, &item, &taken) else { return false };
            let room = taken.iter().find(|(of, _)| *of == to).map_or(self.machines[to].room, |(_, room)| *room);
            let Some(less) = room.less(&item) else { return false };
            taken.retain(|(of, _)| *of != to);
            taken.push((to, less));
            moves.push((pod, to));
        }
        let pods: Vec<u32> = moves.iter().map(|(pod, _)| *pod).collect();
        if self.machines_in(lot) <= self.least_machines(cluster, lot, &[]) || !self.may_evict(cluster, &pods) {
            return false;
        }
        self.evict(cluster, &pods);
        self.outcome.motion.drained_pods += u64::from(crate::number::id(moves.len()));
        for (pod, to) in moves {
            self.move_to(cluster, pod, to, t);
        }
        self.release(m, t);
        true
    }

    /// Machines of a lot that carry pods or may, those kept warm aside.
    pub(super) fn machines_in(&self, lot: u32) -> usize {
        let carries = |m: &&u32| **m != NONE && !self.machines[**m].closed && !self.machines[**m].warm;
        self.lots[lot].machines.iter().filter(carries).count()
    }

    /// Machines a lot keeps: some, while two or more pods of services are on it or come to it.
    pub(super) fn least_machines(&self, cluster: &Cluster, lot: u32, coming: &[u32]) -> usize {
        let least = crate::number::index(self.setup.ec2.least_machines);
        if self.lots[lot].evm || least <= 1 {
            return 0;
        }
        let there = self.lots[lot].machines.iter().filter(|m| **m != NONE).flat_map(|m| &self.machines[*m].pods);
        let services = there.chain(coming).filter(|pod| !cluster.pods[**pod].role.shifts());
        if services.take(2).count() == 2 { least } else { 0 }
    }

    /// The running machine with the least room that holds `item` beside what was given to it.
    fn tightest(&self, lot: u32, except: u32, item: &Item, taken: &[(u32, Room)]) -> Option<u32> {
        let room_of = |m: u32| taken.iter().find(|(of, _)| *of == m).map_or(self.machines[m].room, |(_, room)| *room);
        // The scan knows nothing of this trial; ask it first, and look closer only where it answers with one given to.
        let (_, scanned) = self.choose_fullest(lot, item, except)?;
        if taken.iter().all(|(of, _)| *of != scanned) {
            return Some(scanned);
        }
        let given = taken.iter().map(|(m, _)| *m);
        let fits = |m: &u32| *m != except && room_of(*m).fits(item) && self.host_takes(*m, item);
        let others = self.lots[lot].least_room(item, |m| taken.iter().any(|(of, _)| *of == m) || !fits(&m));
        given.filter(fits).chain(others).min_by_key(|m| (room_of(*m).memory, room_of(*m).cpu, *m))
    }

    /// Replaces machines by one cheaper that holds their pods: several first, then one.
    fn replace(&mut self, cluster: &Cluster, lot: u32, candidates: &[u32], budget: usize, t: i64) -> bool {
        let least = self.least_machines(cluster, lot, &[]);
        for n in [8, 6, 4, 3, 2, 1] {
            if n > budget || self.machines_in(lot) + 1 < least + n {
                continue;
            }
            let Some(old) = candidates.get(..n) else { continue };
            let pods: Vec<u32> = old.iter().flat_map(|m| self.machines[*m].pods.iter().copied()).collect();
            if !self.may_evict(cluster, &pods) {
                continue;
            }
            let Some(kind) = self.cheaper(lot, old) else { continue };
            let old = old.to_vec();
            self.evict(cluster, &pods);
            let new = self.request(kind, lot, t, true);
            for m in &old {
                self.machines[*m].closed = true;
                self.show(*m);
            }
            self.machines[new].replaces = old;
            return true;
        }
        false
    }

    /// The cheapest type that holds the pods of `old` together, where that costs less than they do.
    fn cheaper(&self, lot: u32, old: &[u32]) -> Option<u32> {
        let platform = self.lots[lot].platform;
        let mut wanted = Room::default();
        let mut paid = 0.0;
        for m in old {
            let machine = &self.machines[*m];
            let kind = &self.kinds[machine.kind];
            paid += kind.price?.usd_per_hour();
            wanted.cpu += kind.room.cpu - machine.room.cpu;
            wanted.memory += kind.room.memory - machine.room.memory;
            wanted.pods += kind.room.pods - machine.room.pods;
            wanted.volumes += kind.room.volumes - machine.room.volumes;
        }
        let (_, offers, _) = self.packers.iter().find(|(of, ..)| *of == platform)?;
        let holds = offers.iter().filter(|offer| {
            let room = &offer.room;
            room.cpu >= wanted.cpu
                && room.memory >= wanted.memory
                && room.pods >= wanted.pods
                && room.volumes >= wanted.volumes
        });
        let cheapest = holds.min()?;
        (cheapest.price.usd_per_hour() < paid - 1e-9).then_some(cheapest.id)
    }

    /// A machine that replaces others is ready: their pods move to it, and they leave.
    pub(super) fn take_over(&mut self, cluster: &Cluster, m: u32, t: i64) {
        for old in std::mem::take(&mut self.machines[m].replaces) {
            let pods = self.machines[old].pods.clone();
            self.outcome.motion.drained_pods += u64::from(crate::number::id(pods.len()));
            for pod in pods {
                self.move_to(cluster, pod, m, t);
            }
            self.release(old, t);
        }
    }
}
