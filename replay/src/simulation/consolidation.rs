//! Draining machines whose pods fit elsewhere: what Karpenter calls consolidation. Bounded as Karpenter is: a share of
//! the machines at a time, and the emptiest looked at first. What cannot be drained may be replaced ([`super::machine_replacement`]).

use super::Simulation;
use crate::cluster::Cluster;
use crate::decision_log::Observer;
use crate::input_hour::NONE;
use crate::placement::{Item, Room};
use crate::scenario_setup::Buy;

/// Machines looked at in one lot and slot, the emptiest.
const LOOKED_AT: usize = 8;

impl<O: Observer> Simulation<O> {
    /// Drains or replaces up to `budget` machines of a lot.
    pub(super) fn drain(&mut self, cluster: &Cluster, lot: u32, budget: usize, settle_seconds: i64, t: i64) {
        let mut settled = self.settled(lot, settle_seconds, t);
        // Without room given back since the last time, or machines that may leave by now, nothing fits that did not; but
        // evictions are allowed again.
        let seen = (self.lots[lot].version, settled.iter().map(|m| self.machines[*m].serial).max());
        if self.lots[lot].tried == seen && self.slot > 0 {
            return;
        }
        let mut left = self.left_of(lot, budget, t);
        if left == 0 {
            return;
        }
        // Where the limits on evictions let not even the machine with fewest pods go, none is drained and none replaced.
        let fewest = settled.iter().map(|m| self.machines[*m].pods.len()).min();
        if fewest.is_none_or(|fewest| !self.may_evict_so_many(fewest)) {
            self.lots[lot].tried = seen;
            return;
        }
        // Shares are never negative, so their bits are in their order.
        settled.sort_by_cached_key(|m| (self.allocated(*m).to_bits(), self.machines[*m].serial));
        let movable = settled.iter().filter(|m| self.may_evict(cluster, &self.machines[**m].pods));
        let candidates: Vec<u32> = movable.take(LOOKED_AT).copied().collect();
        let mut stay = Vec::new();
        for m in candidates {
            if left == 0 {
                return;
            }
            if self.drain_one(cluster, lot, m, t) {
                left -= 1;
            } else {
                stay.push(m);
            }
        }
        if left == 0 {
            return;
        }
        settled.retain(|m| self.machines[*m].live);
        let replaced = match self.setup.ec2.buy {
            _ if self.lots[lot].evm => false,
            Buy::Cheapest => self.repack(cluster, lot, &settled, (left, budget), t),
            _ => self.replace(cluster, lot, &stay, (left, budget), t),
        };
        if !replaced {
            self.lots[lot].tried = seen;
        }
    }

    /// Machines of a lot with pods that have been up for long enough to leave.
    fn settled(&self, lot: u32, settle_seconds: i64, t: i64) -> Vec<u32> {
        let may = |m: &u32| {
            let machine = &self.machines[*m];
            machine.takes_pods()
                && !machine.pods.is_empty()
                && t - machine.ready_at >= settle_seconds
                && machine.evm.as_ref().is_none_or(|evm| evm.target == NONE)
        };
        self.lots[lot].machines_there().filter(may).collect()
    }

    /// Moves every pod of a machine onto others that run, or none.
    fn drain_one(&mut self, cluster: &Cluster, lot: u32, m: u32, t: i64) -> bool {
        if self.machines_in(lot) <= self.least_machines(cluster, lot, &[]) {
            return false;
        }
        // The largest comes first and fails most often; until it has a place the others need not be sorted.
        let items = self.machines[m].pods.iter().map(|pod| self.places[*pod].item);
        if items.max().is_none_or(|largest| self.tightest(lot, &[m], &largest, &[]).is_none()) {
            return false;
        }
        let pods = self.by_size(cluster, &[m]);
        let (mut moves, mut given) = (Vec::with_capacity(pods.len()), Vec::new());
        for pod in &pods {
            let Some(to) = self.give(lot, &[m], &self.places[*pod].item, &mut given) else { return false };
            moves.push((*pod, to));
        }
        if !self.may_evict(cluster, &pods) {
            return false;
        }
        self.evict(cluster, &pods);
        self.restart_at(cluster, &pods, t);
        self.move_all(cluster, &moves, t);
        self.release(m, t);
        true
    }

    /// The pods of machines, the largest first.
    pub(super) fn by_size(&self, cluster: &Cluster, machines: &[u32]) -> Vec<u32> {
        let pods = machines.iter().flat_map(|m| &self.machines[*m].pods);
        let mut sorted: Vec<(std::cmp::Reverse<Item>, u128, u32)> =
            pods.map(|pod| (std::cmp::Reverse(self.places[*pod].item), cluster.pods[*pod].uid, *pod)).collect();
        sorted.sort_unstable();
        sorted.into_iter().map(|(_, _, pod)| pod).collect()
    }

    /// Gives an item of machines `old` room on another that runs, beside what was given to those before.
    pub(super) fn give(&self, lot: u32, old: &[u32], item: &Item, given: &mut Vec<(u32, Room)>) -> Option<u32> {
        let to = self.tightest(lot, old, item, given)?;
        let room = given.iter().find(|(of, _)| *of == to).map_or(self.machines[to].room, |(_, room)| *room);
        let less = room.less(item)?;
        given.retain(|(of, _)| *of != to);
        given.push((to, less));
        Some(to)
    }

    /// Moves pods onto machines that run; counted as drained.
    pub(super) fn move_all(&mut self, cluster: &Cluster, moves: &[(u32, u32)], t: i64) {
        self.outcome.motion.drained_pods += u64::from(crate::number::id(moves.len()));
        for (pod, to) in moves {
            self.move_to(cluster, *pod, *to, t);
        }
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

    /// The running machine with the least room that holds `item` beside what was given to some; none of `old`.
    fn tightest(&self, lot: u32, old: &[u32], item: &Item, given: &[(u32, Room)]) -> Option<u32> {
        let room_of = |m: u32| given.iter().find(|(of, _)| *of == m).map_or(self.machines[m].room, |(_, room)| *room);
        // The scan knows nothing of this trial; ask it first, and look closer only where it answers with one given to.
        let (_, scanned) = self.choose_fullest(lot, item, old)?;
        if given.iter().all(|(of, _)| *of != scanned) {
            return Some(scanned);
        }
        let fits = |m: &u32| !old.contains(m) && room_of(*m).fits(item) && self.host_takes(*m, item);
        let others = self.lots[lot].least_room(item, |m| given.iter().any(|(of, _)| *of == m) || !fits(&m));
        given
            .iter()
            .map(|(m, _)| *m)
            .filter(fits)
            .chain(others)
            .min_by_key(|m| (room_of(*m).memory, room_of(*m).cpu, *m))
    }
}
