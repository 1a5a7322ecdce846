//! Pods come and go: the scheduler, and the machines requested for those that fit nowhere.

use super::Simulation;
use super::state::{LotOf, NOWHERE, Place, least, least_memory};
use crate::cluster::{Cluster, NEVER};
use crate::decision_log::{Decision, Observer};
use crate::input_hour::{NONE, Role};
use crate::number::{float, id, index};
use crate::placement::{Item, Offer, Packer, first_fit_decreasing};
use crate::scenario_setup::{Buy, Zones};

/// Seconds a pod waited as recorded from which on it was no boot that it waited for: its node group did not grow.
const NO_BOOT_SECONDS: u32 = 600;

impl<O: Observer> Simulation<O> {
    /// A pod ends as recorded; work that started late, or waits, goes on.
    pub(super) fn end(&mut self, cluster: &Cluster, pod: u32, t: i64) {
        self.places.grow(pod + 1, || NOWHERE);
        if !self.goes_on(cluster, pod) {
            self.leave(cluster, pod, t);
        }
    }

    /// A pod is over, wherever it is.
    pub(super) fn leave(&mut self, cluster: &Cluster, pod: u32, t: i64) {
        self.count(cluster, pod, t);
        if self.places[pod].machine != NONE {
            self.note_end(cluster, pod, t);
            self.take_off(cluster, pod, t);
        }
        self.late.forget(pod);
        self.runs.forget(pod);
        self.places[pod] = NOWHERE;
    }

    /// Takes a pod off its machine.
    pub(super) fn take_off(&mut self, cluster: &Cluster, pod: u32, t: i64) {
        let place = self.places[pod];
        if place.is_served() {
            self.replicas[cluster.workloads[pod]] -= 1;
        }
        let machine = &mut self.machines[place.machine];
        machine.pods.swap_remove(index(place.at));
        if let Some(moved) = machine.pods.get(index(place.at)) {
            self.places[*moved].at = place.at;
        }
        machine.room = machine.room.plus(&place.item);
        machine.scored.cpu_millicores -= least(place.item.cpu);
        machine.scored.memory_mib -= least_memory(place.item.memory);
        machine.pausing_volumes -= place.pausing;
        if machine.pods.is_empty() {
            machine.empty_since = t;
            self.idle.push(place.machine);
        }
        let (lot, ready) = (machine.lot, machine.ready);
        self.lots[lot].version += 1;
        if place.is_served() {
            self.lots[lot].serves(t, &place.item, false);
        }
        if ready {
            self.show(place.machine);
        }
        self.host_carries(place.machine, &place.item, false);
        self.places[pod].machine = NONE;
    }

    /// Puts a pod onto a machine with room for it.
    pub(super) fn put_on(&mut self, cluster: &Cluster, pod: u32, m: u32, t: i64) {
        let item = self.places[pod].item;
        let machine = &mut self.machines[m];
        if let Some(less) = machine.room.less(&item) {
            machine.room = less;
        }
        machine.scored.cpu_millicores += least(item.cpu);
        machine.scored.memory_mib += least_memory(item.memory);
        machine.pausing_volumes += self.places[pod].pausing;
        let at = id(machine.pods.len());
        machine.pods.push(pod);
        let ready = machine.ready;
        self.host_carries(m, &item, true);
        let place = &mut self.places[pod];
        (place.machine, place.at) = (m, at);
        if ready {
            self.serve(cluster, pod, m, t);
            self.show(m);
        }
    }

    /// A pod is on a machine that is ready: it uses there what it uses from this slot on, and runs once it is due.
    pub(super) fn serve(&mut self, cluster: &Cluster, pod: u32, m: u32, t: i64) {
        let place = &mut self.places[pod];
        if place.up_since == NEVER {
            place.up_since = t;
            if place.is_due {
                self.starts_late(cluster, pod, t);
            }
        }
        self.machines[m].carries(self.late.use_of(cluster, pod));
        if self.places[pod].is_due {
            self.runs(cluster, pod, t);
        }
    }

    /// A pod that is due, on a machine that is ready, counts as served.
    fn runs(&mut self, cluster: &Cluster, pod: u32, t: i64) {
        let workload = cluster.workloads[pod];
        self.replicas.grow(workload + 1, || 0);
        self.replicas[workload] += 1;
        let place = &self.places[pod];
        self.lots[self.machines[place.machine].lot].serves(t, &place.item, true);
    }

    /// The moment has come at which a pod that was asked for before was scheduled as recorded.
    pub(super) fn becomes_due(&mut self, cluster: &Cluster, pod: u32, t: i64) {
        self.places[pod].is_due = true;
        if self.places[pod].up_since < NEVER {
            self.runs(cluster, pod, t);
        } else {
            self.waits(cluster, pod);
        }
    }

    /// Moves a pod to another machine that is ready; it restarts there.
    pub(super) fn move_to(&mut self, cluster: &Cluster, pod: u32, to: u32, t: i64) {
        let from = self.places[pod].machine;
        let decision = Decision::PodMoved {
            pod: cluster.pods[pod].uid,
            from: self.machines[from].serial,
            to: self.machines[to].serial,
        };
        self.observer.decided(t, decision);
        self.uses_no_more(cluster, pod, from);
        self.take_off(cluster, pod, t);
        self.put_on(cluster, pod, to, t);
    }

    /// Returns true when a pod goes to elastic VMs.
    pub(super) fn moves(&self, cluster: &Cluster, pod: u32) -> bool {
        self.pool_zone_where_it_moves(cluster, pod).is_some()
    }

    /// The zone of the pool a pod goes to; `None` where it does not.
    pub(super) fn pool_zone_where_it_moves(&self, cluster: &Cluster, pod: u32) -> Option<u16> {
        if self.may_move(cluster, pod) { self.pool_zone(cluster, pod) } else { None }
    }

    /// Returns true when a pod would, wherever its volumes are.
    fn may_move(&self, cluster: &Cluster, pod: u32) -> bool {
        self.setup.pool.is_some() && cluster.pods[pod].movable.under(self.setup.selection)
    }

    /// The zone of the pool a pod would go to: its own where the pool is there, else one of the others, unless a volume
    /// keeps it.
    fn pool_zone(&self, cluster: &Cluster, pod: u32) -> Option<u16> {
        let (row, zones) = (&cluster.pods[pod], &self.setup.pool.as_ref()?.zones);
        if zones.is_empty() || zones.contains(&row.zone) {
            return Some(row.zone);
        }
        let n = u128::try_from(zones.len()).unwrap_or(1);
        let at = usize::try_from(row.uid % n).unwrap_or_default();
        zones.get(at).copied().filter(|_| row.volumes == 0)
    }

    /// The platform a pod is placed on: that of the elastic VMs where it moves, else that it ran on.
    pub(super) fn platform(&self, cluster: &Cluster, pod: u32) -> u16 {
        self.platform_of(cluster.pods[pod].platform, self.moves(cluster, pod))
    }

    /// The same for a pod that ran on `own`.
    pub(super) fn platform_of(&self, own: u16, moves: bool) -> u16 {
        let evms = self.setup.pool.as_ref().filter(|_| moves);
        let kind = evms.and_then(|pool| pool.evm_types.first()).filter(|kind| **kind < self.kinds.len());
        kind.map_or(own, |kind| self.kinds[*kind].platform)
    }

    /// Pods that are asked for from this second on: onto machines with room, else onto new ones.
    pub(super) fn start(&mut self, cluster: &Cluster, pods: &[u32], t: i64) {
        let mut rest = Vec::new();
        for pod in pods.iter().copied() {
            self.places.grow(pod + 1, || NOWHERE);
            let item = self.item(cluster, pod);
            let row = &cluster.pods[pod];
            self.places[pod] = Place {
                asked_since: t,
                due: row.since,
                is_due: row.since <= t,
                item,
                pausing: row.pausing_volumes.into(),
                ..NOWHERE
            };
            if self.may_move(cluster, pod) && self.pool_zone(cluster, pod).is_none() {
                self.outcome.held(row.workload);
            }
            if row.role == Role::Periodic {
                self.runs.asked(pod, row.workload, row.run, t);
            }
        }
        let seeded = std::mem::take(&mut self.seeded);
        let seeded = if self.instant { &seeded[..] } else { &[] };
        let mut elsewhere = Vec::new();
        if !seeded.is_empty() {
            elsewhere = pods.iter().copied().filter(|pod| !self.put_as_observed(cluster, *pod, seeded, t)).collect();
        }
        for pod in if seeded.is_empty() { pods } else { &elsewhere } {
            if !self.schedule(cluster, *pod, t) {
                rest.push(*pod);
            }
        }
        rest.retain(|pod| !self.take_warm(cluster, *pod, t));
        if !rest.is_empty() {
            self.grow(cluster, rest.clone(), t);
        }
        for pod in rest {
            if self.places[pod].is_due {
                self.waits(cluster, pod);
            }
        }
        self.restock(cluster, t);
    }

    /// Puts a pod onto the machine the scheduler chooses among those that are ready, if there is one.
    pub(super) fn schedule(&mut self, cluster: &Cluster, pod: u32, t: i64) -> bool {
        let Some(m) = self.chosen(cluster, pod, NONE, t) else { return false };
        self.observer.decided(t, Decision::PodPlaced { pod: cluster.pods[pod].uid, machine: self.machines[m].serial });
        self.put_on(cluster, pod, m, t);
        true
    }

    /// The ready machine the scheduler chooses for a pod; never `except`.
    pub(super) fn chosen(&mut self, cluster: &Cluster, pod: u32, except: u32, t: i64) -> Option<u32> {
        let (row, item) = (&cluster.pods[pod], self.places[pod].item);
        let of = self.lot_of(cluster, pod);
        let own = self.lot(of, t);
        if self.setup.zones == Zones::Pinned || row.volumes > 0 {
            let chosen = self.choose(own, &item, except).map(|(_, m)| m);
            return chosen.or_else(|| self.chosen_outside(cluster, pod, of, except));
        }
        self.best_of(&item, except, |lot| LotOf { zone: of.zone, ..lot } == of)
    }

    /// The machine the scheduler chooses where the lot of a pod has no room, before another is bought as today's are: in
    /// another zone unless a volume keeps it, or in another node group where its own does not grow.
    fn chosen_outside(&self, cluster: &Cluster, pod: u32, of: LotOf, except: u32) -> Option<u32> {
        if of.evm || self.setup.ec2.buy != Buy::AsObserved {
            return None;
        }
        let (row, item) = (&cluster.pods[pod], self.places[pod].item);
        let of_zones = || self.best_of(&item, except, |lot| LotOf { zone: of.zone, ..lot } == of);
        let of_groups = || self.best_of(&item, except, |lot| LotOf { node_group: of.node_group, ..lot } == of);
        let elsewhere = (row.volumes == 0).then(of_zones).flatten();
        elsewhere.or_else(|| (row.waited >= NO_BOOT_SECONDS).then(of_groups).flatten())
    }

    /// The machine the scheduler chooses for `item` among those of several lots.
    fn best_of(&self, item: &Item, except: u32, is_one: impl Fn(LotOf) -> bool) -> Option<u32> {
        let lots = self.lots.ids().filter(|lot| is_one(self.lots[*lot].of()));
        let all = lots.filter_map(|lot| self.choose(lot, item, except));
        all.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, m)| m)
    }

    /// Pods that fit no machine that is ready: onto machines that boot, else onto machines to be requested.
    pub(super) fn grow(&mut self, cluster: &Cluster, mut pods: Vec<u32>, t: i64) {
        let mut lots: Vec<(u32, Vec<u32>)> = Vec::new();
        pods.sort_unstable_by_key(|pod| cluster.pods[*pod].uid);
        for pod in pods {
            let lot = self.lot(self.lot_of(cluster, pod), t);
            match lots.iter_mut().find(|(of, _)| *of == lot) {
                Some((_, pods)) => pods.push(pod),
                None => lots.push((lot, vec![pod])),
            }
        }
        lots.sort_unstable_by_key(|(lot, _)| self.lots[*lot].of());
        for (lot, pods) in lots {
            self.grow_lot(cluster, lot, pods, t);
        }
    }

    fn grow_lot(&mut self, cluster: &Cluster, lot: u32, mut pods: Vec<u32>, t: i64) {
        let typical = self.typical;
        let size = |item: &Item| {
            let share = |n: u32, has: u32| float(n.into()) / f64::from(has.max(1));
            share(item.cpu, typical.cpu).max(share(item.memory, typical.memory))
        };
        pods.sort_by(|a, b| {
            let (x, y) = (&self.places[*a].item, &self.places[*b].item);
            size(y).total_cmp(&size(x)).then_with(|| cluster.pods[*a].uid.cmp(&cluster.pods[*b].uid))
        });
        let mut open = self.lots[lot].booting.clone();
        let evm = self.lots[lot].evm;
        let one_by_one = evm || self.setup.ec2.buy == Buy::AsObserved;
        let (mut opened, mut left) = (Vec::new(), Vec::new());
        for pod in pods {
            let item = self.places[pod].item;
            let fits = |m: &&u32| {
                let machine = &self.machines[**m];
                machine.live
                    && !machine.closed
                    && !machine.warm
                    && machine.awaits == 0
                    && machine.room.fits(&item)
                    && self.host_takes(**m, &item)
            };
            let found = open.iter().find(fits).copied();
            let found = match found {
                None if one_by_one => {
                    let kind = self.kind_for(cluster, pod, evm);
                    let m = kind.map(|kind| self.request(kind, lot, t, false));
                    open.extend(m);
                    opened.extend(m);
                    m
                }
                found => found,
            };
            match found {
                Some(m) => self.wait_on(cluster, pod, m, t),
                None if one_by_one => self.unplaceable(cluster, pod, t),
                None => left.push(pod),
            }
        }
        if !one_by_one {
            self.buy(cluster, lot, &left, t);
        }
        for m in opened.into_iter().filter(|_| evm) {
            self.find_host(cluster, m, t);
        }
    }

    fn wait_on(&mut self, cluster: &Cluster, pod: u32, m: u32, t: i64) {
        let decision = Decision::PodWaits { pod: cluster.pods[pod].uid, machine: self.machines[m].serial };
        self.observer.decided(t, decision);
        self.put_on(cluster, pod, m, t);
    }

    fn unplaceable(&mut self, cluster: &Cluster, pod: u32, t: i64) {
        self.outcome.service.unplaceable += 1;
        self.observer.decided(t, Decision::PodUnplaceable { pod: cluster.pods[pod].uid });
    }

    /// EC2 machines that can be bought for a lot, and what packs them.
    pub(super) fn market(&self, lot: u32) -> Option<(&[Offer], &Packer)> {
        let platform = self.lots[lot].platform;
        let (_, offers, packer) = self.packers.iter().find(|(of, ..)| *of == platform)?;
        Some((offers, packer))
    }

    /// Buys EC2 nodes for pods by the packer of the scenario.
    fn buy(&mut self, cluster: &Cluster, lot: u32, pods: &[u32], t: i64) {
        let items: Vec<Item> = pods.iter().map(|pod| self.places[*pod].item).collect();
        let Some((offers, packer)) = self.market(lot) else {
            pods.iter().for_each(|pod| self.unplaceable(cluster, *pod, t));
            return;
        };
        let packing = match self.setup.ec2.buy {
            Buy::Cheapest => {
                let least = self.least_machines(cluster, lot, pods);
                packer.pack_on_at_least(&items, least.saturating_sub(self.machines_in(lot)).max(1))
            }
            _ => first_fit_decreasing(&items, offers),
        };
        let pod = |i: &u32| pods.get(index(*i)).copied();
        for packed in packing.machines {
            let m = self.request(packed.id, lot, t, false);
            for pod in packed.items.iter().filter_map(pod) {
                self.wait_on(cluster, pod, m, t);
            }
        }
        for pod in packing.unplaced.iter().filter_map(pod) {
            self.unplaceable(cluster, pod, t);
        }
    }

    /// The type of machine requested for one pod: that which takes the place of the node it ran on, else the smallest
    /// that holds it. `None` when none does.
    fn kind_for(&self, cluster: &Cluster, pod: u32, evm: bool) -> Option<u32> {
        let (row, item) = (&cluster.pods[pod], self.places[pod].item);
        let holds = |kind: u32| {
            kind != NONE
                && kind < self.kinds.len()
                && self.kinds[kind].room.fits(&item)
                && (!evm || self.empty_host_takes(kind, &item))
        };
        let own = match &self.setup.pool {
            Some(pool) if evm => pool.evm_of.get(index(row.observed_type)).copied().unwrap_or(NONE),
            _ => row.observed_type,
        };
        if holds(own) {
            return Some(own);
        }
        let types = match &self.setup.pool {
            Some(pool) if evm => &pool.evm_types,
            _ => &self.setup.ec2.types,
        };
        let platform = self.platform(cluster, pod);
        let fitting = types.iter().copied().filter(|kind| holds(*kind) && self.kinds[*kind].platform == platform);
        fitting.min_by_key(|kind| {
            let kind = &self.kinds[*kind];
            (kind.memory_mib, kind.vcpu, kind.price)
        })
    }
}
