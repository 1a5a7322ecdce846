//! Machines enter and leave lots, and the scheduler chooses among those of one.

use super::Simulation;
use super::state::{Lot, LotOf};
use crate::cluster::Cluster;
use crate::decision_log::Observer;
use crate::input_hour::NONE;
use crate::number::{float, index};
use crate::outcome::Group;
use crate::placement::{Item, Score};
use crate::scenario_setup::Buy;

impl<O: Observer> Simulation<O> {
    /// A lot; made where it is not there.
    pub(super) fn lot(&mut self, of: LotOf, now: i64) -> u32 {
        if let Some(lot) = self.lots_of.iter().position(|lot| *lot == of) {
            return crate::number::id(lot);
        }
        let LotOf { evm, zone, platform, node_group } = of;
        let group = Group { evm, zone, platform, served: Vec::new() };
        self.lots_of.push(of);
        self.lots.push(Lot { evm, zone, platform, node_group, served_since: now, group, ..Lot::default() })
    }

    /// The lot a pod goes to, in the zone that is its own.
    pub(super) fn lot_of(&self, cluster: &Cluster, pod: u32) -> LotOf {
        let row = &cluster.pods[pod];
        let zone = self.pool_zone_where_it_moves(cluster, pod);
        let evm = zone.is_some();
        // What keeps pods to their group, selectors and taints, holds as long as groups are what they are today.
        let by_group = !evm && self.setup.ec2.buy == Buy::AsObserved;
        let node_group = if by_group { row.node_group } else { 0 };
        LotOf { evm, zone: zone.unwrap_or(row.zone), platform: self.platform_of(row.platform, evm), node_group }
    }

    /// Gives a new machine a place in its lot.
    pub(super) fn enter_lot(&mut self, m: u32) {
        let lot = self.machines[m].lot;
        self.machines[m].pos = self.lots[lot].place(m);
        self.lots[lot].booting.push(m);
        self.show(m);
    }

    pub(super) fn leave_lot(&mut self, m: u32) {
        self.show(m);
        let (lot, pos) = (self.machines[m].lot, self.machines[m].pos);
        if let Some(cell) = self.lots[lot].machines.get_mut(index(pos)) {
            *cell = NONE;
        }
        self.lots[lot].free.give_back(pos);
        self.lots[lot].stocked = false;
    }

    /// Shows the scan what a machine has now.
    pub(super) fn show(&mut self, m: u32) {
        let machine = &self.machines[m];
        self.lots[machine.lot].show(machine, &self.kinds[machine.kind]);
    }

    /// The machine of `lot` the scheduler chooses for `item`, and its score; never `except`.
    pub(super) fn choose(&self, lot: u32, item: &Item, except: u32) -> Option<(f32, u32)> {
        let lot = &self.lots[lot];
        let score = match (&self.setup.pool, lot.evm) {
            (Some(pool), true) => pool.score,
            _ => self.setup.ec2.score,
        };
        let machine = |pos: u32| lot.machines.get(index(pos)).copied().unwrap_or(NONE);
        let (score, pos) = lot.best(item, score, |pos| machine(pos) == except)?;
        let chosen = machine(pos);
        if self.host_takes(chosen, item) {
            return Some((score, chosen));
        }
        // Its host has no address or attachment left: rare enough to look at every machine again.
        let barred = |pos: u32| machine(pos) == except || !self.host_takes(machine(pos), item);
        let (score, pos) = lot.best(item, crate::placement::Score::LeastAllocated, barred)?;
        Some((score, machine(pos)))
    }

    /// The fullest machine of `lot` with room for `item`; none of `except`.
    pub(super) fn choose_fullest(&self, lot: u32, item: &Item, except: &[u32]) -> Option<(f32, u32)> {
        let lot = &self.lots[lot];
        let machine = |pos: u32| lot.machines.get(index(pos)).copied().unwrap_or(NONE);
        let barred = |pos: u32| except.contains(&machine(pos)) || !self.host_takes(machine(pos), item);
        let (score, pos) = lot.best(item, Score::MostAllocated, barred)?;
        Some((score, machine(pos)))
    }

    /// Share of a machine's room that is asked for: the larger of CPU and memory.
    pub(super) fn allocated(&self, m: u32) -> f64 {
        let machine = &self.machines[m];
        let has = &self.kinds[machine.kind].room;
        let share = |has: u32, free: u32| float((has - free).into()) / f64::from(has.max(1));
        share(has.cpu, machine.room.cpu).max(share(has.memory, machine.room.memory))
    }
}
