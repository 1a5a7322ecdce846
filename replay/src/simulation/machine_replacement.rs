//! Replacing machines by cheaper ones. Karpenter replaces several by one; the best EC2 there is packs the pods of any number
//! of machines anew, onto others that run and onto any number of new ones.
//!
//! Machines cost more than their pods are worth at shadow prices. Those with the largest excess are looked at first, alone
//! and together, and only while their excess could pay for a move. New machines come up together; what they replace leaves
//! at the start of the first slot in which they are ready, so that every slot is measured on one placement, and no more of
//! it in a slot than may be drained.

use std::cmp::Reverse;

use super::Simulation;
use super::state::Due;
use crate::cluster::Cluster;
use crate::decision_log::Observer;
use crate::input_hour::SLOT_SECONDS;
use crate::number::{float, id};
use crate::placement::{Item, Packer, Room};

/// Machines packed again together, in this order.
const TOGETHER: [usize; 7] = [1, 2, 3, 4, 6, 8, 12];
/// Slots over which what is replaced together may leave.
const TURNS: usize = 4;
/// Least saving of a replacement, as a share of what the machines cost it replaces: pods restart for it.
const WORTH_IT: f64 = 0.03;
/// Share of its cost by which a lot may lie over the worth of its pods without being packed again.
const CLOSE: f64 = 0.015;
/// Slots in which a replacement has to earn what its old machines cost while they wait for their turn.
const EARNED_IN_SLOTS: f64 = 36.0;
/// Items placed in trials, in one lot and slot.
const WORK: usize = 20_000;
/// Trials that looking for room on a machine that runs counts as, beside an item placed in a trial.
const GIVING: usize = 4;
/// A lot of n pods is packed again once n² of it have left, by so many: one of 60 pods, six of 600, 185 of 3,333. What a
/// single pod leaves behind is a smaller share of a larger lot.
const CHANGED: u64 = 60_000;
/// Or one machine in so many must be new.
const NEW: usize = 10;

/// A machine that may be replaced, and what it costs beyond the worth of its pods; prices as the packer counts them.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    machine: u32,
    price: f64,
    excess: f64,
}

/// Result of packing machines again.
struct Repacking {
    /// Pods that go to machines that run.
    moves: Vec<(u32, u32)>,
    /// New machines, by type, and their pods.
    bought: Vec<(u32, Vec<u32>)>,
}

impl<O: Observer> Simulation<O> {
    /// Returns how many machines of a lot may still be drained in the slot that begins at `t`.
    pub(super) fn left_of(&mut self, lot: u32, budget: usize, t: i64) -> usize {
        let turns = &mut self.lots[lot].turns;
        turns.retain(|turn| *turn >= t);
        budget.saturating_sub(turns.iter().filter(|turn| **turn == t).count())
    }

    /// Replaces machines of a lot by cheaper ones, as many of them as are worth it; `left` of the slot's `budget` may
    /// still be drained. Whether any was.
    pub(super) fn repack(
        &mut self,
        cluster: &Cluster,
        lot: u32,
        settled: &[u32],
        (mut left, budget): (usize, usize),
        t: i64,
    ) -> bool {
        if !self.has_changed(lot, settled) {
            return false;
        }
        let mut work = WORK;
        let mut candidates = self.candidates(lot, settled);
        let mut done = false;
        while left > 0 && work > 0 {
            let Some((few, repacking)) = self.worth_repacking(cluster, lot, &candidates, (left, budget), &mut work)
            else {
                break;
            };
            let old: Vec<u32> = few.filter_map(|at| candidates.get(at)).map(|candidate| candidate.machine).collect();
            candidates.retain(|candidate| !old.contains(&candidate.machine));
            left = left.saturating_sub(old.len());
            self.replace_by(cluster, lot, &old, repacking, budget, t);
            done = true;
        }
        // Where limits on evictions left nothing to try, they may allow it in the next slot.
        if work == WORK {
            return false;
        }
        let pods: usize = self.lots[lot].machines_there().map(|m| self.machines[m].pods.len()).sum();
        let pods = u64::from(id(pods));
        let newest = settled.iter().map(|m| self.machines[*m].serial).max();
        let state = &mut self.lots[lot];
        state.repacked = (state.version + (pods * pods).div_ceil(CHANGED), newest);
        done
    }

    /// Returns true when enough is different in a lot since it was packed again, or tried to be, for another try.
    fn has_changed(&self, lot: u32, settled: &[u32]) -> bool {
        let (version, newest) = self.lots[lot].repacked;
        let new = settled.iter().filter(|m| Some(self.machines[**m].serial) > newest).count();
        self.lots[lot].version >= version || new * NEW > settled.len()
    }

    /// Machines whose replacement may be worth it, the one with most excess first; none where the whole lot costs hardly
    /// more than its pods are worth.
    fn candidates(&self, lot: u32, settled: &[u32]) -> Vec<Candidate> {
        let Some(packer) = self.packer(lot) else { return Vec::new() };
        let (mut cpu, mut memory, mut cost) = (0, 0, 0.0);
        for m in self.lots[lot].machines_there().filter(|m| !self.machines[*m].closed) {
            let taken = self.taken(m);
            (cpu, memory) = (cpu + u64::from(taken.cpu), memory + u64::from(taken.memory));
            cost += self.price(packer, m).unwrap_or_default();
        }
        let prices = packer.shadow_prices(cpu, memory);
        let worth = |cpu: u64, memory: u64| prices.0 * float(cpu) + prices.1 * float(memory);
        if cost - worth(cpu, memory) <= CLOSE * cost {
            return Vec::new();
        }
        let candidate = |machine: u32| {
            let (price, taken) = (self.price(packer, machine)?, self.taken(machine));
            Some(Candidate { machine, price, excess: price - worth(taken.cpu.into(), taken.memory.into()) })
        };
        let mut candidates: Vec<Candidate> = settled.iter().filter_map(|m| candidate(*m)).collect();
        candidates.sort_by(|a, b| b.excess.total_cmp(&a.excess));
        candidates
    }

    /// The first few candidates found whose replacement is worth it.
    fn worth_repacking(
        &self,
        cluster: &Cluster,
        lot: u32,
        candidates: &[Candidate],
        (left, budget): (usize, usize),
        work: &mut usize,
    ) -> Option<(std::ops::Range<usize>, Repacking)> {
        for together in TOGETHER.into_iter().take_while(|n| *n <= left + (TURNS - 1) * budget) {
            for at in (0..).step_by(together.div_ceil(2)) {
                let few = at..at + together;
                let Some(old) = candidates.get(few.clone()).filter(|_| *work > 0) else { break };
                let least = least_saved(old, left, budget);
                // Those after them have even less.
                if old.iter().map(|candidate| candidate.excess).sum::<f64>() < least {
                    break;
                }
                if let Some(repacking) = self.repacking(cluster, lot, old, (left, least), work) {
                    return Some((few, repacking));
                }
            }
        }
        None
    }

    /// Packs the pods of `old` again, where that saves at least so much. What leaves in this slot may go to others that run.
    fn repacking(
        &self,
        cluster: &Cluster,
        lot: u32,
        old: &[Candidate],
        (left, least_saved): (usize, f64),
        work: &mut usize,
    ) -> Option<Repacking> {
        let packer = self.packer(lot)?;
        if !self.may_evict_so_many(old.iter().map(|candidate| self.machines[candidate.machine].pods.len()).sum()) {
            return None;
        }
        let machines: Vec<u32> = old.iter().map(|candidate| candidate.machine).collect();
        let all: Vec<u32> = machines.iter().flat_map(|m| self.machines[*m].pods.iter().copied()).collect();
        if !self.may_evict(cluster, &all) {
            return None;
        }
        let (now, later) = machines.split_at_checked(left.min(machines.len()))?;
        let (mut moves, mut given) = (Vec::new(), Vec::new());
        let mut rest = self.by_size(cluster, now);
        *work = work.saturating_sub(GIVING * rest.len());
        rest.retain(|pod| {
            let to = self.give(lot, &machines, &self.places[*pod].item, &mut given);
            moves.extend(to.map(|to| (*pod, to)));
            to.is_none()
        });
        rest.extend(self.by_size(cluster, later));
        let items: Vec<Item> = rest.iter().map(|pod| self.places[*pod].item).collect();
        let staying = self.machines_in(lot) - machines.len();
        let new = self.least_machines(cluster, lot, &[]).saturating_sub(staying);
        let packing = packer.repack(&items, new, work);
        let price = |kind: u32| self.kinds[kind].price.map(|price| packer.relative(price));
        let cost = packing.machines.iter().map(|machine| price(machine.id)).sum::<Option<f64>>()?;
        let saved = old.iter().map(|candidate| candidate.price).sum::<f64>() - cost;
        if !packing.unplaced.is_empty() || packing.machines.len() < new || saved < least_saved {
            return None;
        }
        let pods = |items: Vec<u32>| items.iter().filter_map(|i| rest.get(crate::number::index(*i)).copied()).collect();
        Some(Repacking { moves, bought: packing.machines.into_iter().map(|m| (m.id, pods(m.items))).collect() })
    }

    /// Replaces machines by one cheaper that holds their pods, as Karpenter does: several first, then one.
    pub(super) fn replace(
        &mut self,
        cluster: &Cluster,
        lot: u32,
        candidates: &[u32],
        (left, budget): (usize, usize),
        t: i64,
    ) -> bool {
        let least = self.least_machines(cluster, lot, &[]);
        for n in [8, 6, 4, 3, 2, 1] {
            if n > left || self.machines_in(lot) + 1 < least + n {
                continue;
            }
            let Some(old) = candidates.get(..n) else { continue };
            let pods: Vec<u32> = old.iter().flat_map(|m| self.machines[*m].pods.iter().copied()).collect();
            if !self.may_evict(cluster, &pods) {
                continue;
            }
            let Some(kind) = self.cheaper(lot, old) else { continue };
            let repacking = Repacking { moves: Vec::new(), bought: vec![(kind, pods)] };
            self.replace_by(cluster, lot, old, repacking, budget, t);
            return true;
        }
        false
    }

    /// The cheapest type that holds the pods of `old` together, where that costs less than they do.
    fn cheaper(&self, lot: u32, old: &[u32]) -> Option<u32> {
        let mut wanted = Room::default();
        let mut paid = 0.0;
        for m in old {
            let taken = self.taken(*m);
            paid += self.kinds[self.machines[*m].kind].price?.usd_per_hour();
            wanted.cpu += taken.cpu;
            wanted.memory += taken.memory;
            wanted.pods += taken.pods;
            wanted.volumes += taken.volumes;
        }
        let (offers, _) = self.market(lot)?;
        let cheapest = offers.iter().filter(|offer| offer.room.holds(&wanted)).min()?;
        (cheapest.price.usd_per_hour() < paid - 1e-9).then_some(cheapest.id)
    }

    /// Requests new machines, and has their pods go to them once they are ready.
    fn replace_by(&mut self, cluster: &Cluster, lot: u32, old: &[u32], new: Repacking, budget: usize, t: i64) {
        let restarted = new.moves.iter().map(|(pod, _)| *pod);
        let restarted: Vec<u32> =
            restarted.chain(new.bought.iter().flat_map(|(_, pods)| pods.iter().copied())).collect();
        self.evict(cluster, &restarted);
        self.restart_at(cluster, &new.moves.iter().map(|(pod, _)| *pod).collect::<Vec<_>>(), t);
        self.move_all(cluster, &new.moves, t);
        let mut ready = t;
        for (kind, pods) in new.bought {
            let m = self.request(kind, lot, t, true);
            ready = ready.max(self.machines[m].ready_at);
            for pod in pods {
                let from = self.places[pod].machine;
                self.machines[from].hands_over.push((pod, m));
            }
            let hands = |from: &&u32| self.machines[**from].hands_over.iter().any(|(_, to)| *to == m);
            self.machines[m].awaits = id(old.iter().filter(hands).count());
        }
        // Slots are measured on the placement at their end, so nothing moves within one.
        let boots = (ready - t).div_euclid(SLOT_SECONDS) + i64::from((ready - t).rem_euclid(SLOT_SECONDS) > 0);
        for m in old {
            self.machines[*m].closed = true;
            self.lots[lot].stocked = false;
            self.show(*m);
            let mut turn = if self.machines[*m].pods.is_empty() { t } else { t + boots * SLOT_SECONDS };
            while self.lots[lot].turns.iter().filter(|taken| **taken == turn).count() >= budget.max(1) {
                turn += SLOT_SECONDS;
            }
            self.lots[lot].turns.push(turn);
            let hands_over: Vec<u32> = self.machines[*m].hands_over.iter().map(|(pod, _)| *pod).collect();
            self.restart_at(cluster, &hands_over, turn);
            self.queue.push(Reverse((turn, Due::HandsOver(*m))));
        }
    }

    /// A machine that is replaced gives its pods away, and leaves.
    pub(super) fn hand_over(&mut self, cluster: &Cluster, m: u32, t: i64) {
        let hands_over = std::mem::take(&mut self.machines[m].hands_over);
        // A pod may have ended meanwhile; its id is not used again on a machine that takes no more pods.
        let there: Vec<(u32, u32)> =
            hands_over.iter().copied().filter(|(pod, _)| self.places[*pod].machine == m).collect();
        self.move_all(cluster, &there, t);
        let mut new: Vec<u32> = hands_over.into_iter().map(|(_, to)| to).collect();
        new.sort_unstable();
        new.dedup();
        for to in new {
            let machine = &mut self.machines[to];
            machine.awaits -= 1;
            machine.empty_since = t;
            self.show(to);
        }
        self.release(m, t);
    }

    /// Returns what pods ask of a machine.
    fn taken(&self, m: u32) -> Room {
        let machine = &self.machines[m];
        self.kinds[machine.kind].room.without(&machine.room)
    }

    fn price(&self, packer: &Packer, m: u32) -> Option<f64> {
        self.kinds[self.machines[m].kind].price.map(|price| packer.relative(price))
    }

    fn packer(&self, lot: u32) -> Option<&Packer> {
        self.market(lot).map(|(_, packer)| packer)
    }
}

/// Returns what replacing `old` must save: a share of what they cost, and what those cost that wait for their turn.
fn least_saved(old: &[Candidate], left: usize, budget: usize) -> f64 {
    let waits = |at: usize| float(u64::from(id((at + 1).saturating_sub(left).div_ceil(budget.max(1)))));
    let costs = |(at, candidate): (usize, &Candidate)| candidate.price * (WORTH_IT + waits(at) / EARNED_IN_SLOTS);
    old.iter().enumerate().map(costs).sum()
}
