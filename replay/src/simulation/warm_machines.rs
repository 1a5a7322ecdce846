//! Machines kept ready: who takes one, and that another comes.

use super::Simulation;
use crate::cluster::Cluster;
use crate::decision_log::{Decision, Observer};
use crate::input_hour::NONE;
use crate::scenario_setup::Buy;

impl<O: Observer> Simulation<O> {
    /// Puts a pod that fits nowhere else onto a warm machine of its lot, which the scheduler sees from now on.
    pub(super) fn take_warm(&mut self, cluster: &Cluster, pod: u32, t: i64) -> bool {
        if self.setup.headroom.warm_machines == 0 {
            return false;
        }
        let item = self.places[pod].item;
        let lot = self.lot(self.lot_of(cluster, pod), t);
        // One that an earlier pod of this second took has room that the scheduler now sees.
        if self.schedule(cluster, pod, t) {
            return true;
        }
        // Those of the first second among them: each needs room again when its machine is lost.
        self.lots[lot].found_no_room(&item, t);
        let holds = |m: &u32| {
            *m != NONE && {
                let machine = &self.machines[*m];
                machine.live && machine.ready && machine.warm && machine.room.fits(&item) && self.host_takes(*m, &item)
            }
        };
        let warm = self.lots[lot].machines.iter().copied().filter(holds);
        let Some(m) = warm.min_by_key(|m| self.machines[*m].serial) else { return false };
        self.machines[m].warm = false;
        self.lots[lot].stocked = false;
        let decision = Decision::PodPlaced { pod: cluster.pods[pod].uid, machine: self.machines[m].serial };
        self.observer.decided(t, decision);
        self.put_on(cluster, pod, m, t);
        true
    }

    /// Requests warm machines where a lot in use has fewer than it keeps.
    pub(super) fn restock(&mut self, cluster: &Cluster, t: i64) {
        let wanted = self.setup.headroom.warm_machines;
        if wanted == 0 {
            return;
        }
        for lot in self.lots.ids() {
            if self.lots[lot].stocked {
                continue;
            }
            let has = self.machines_of(lot).filter(|m| self.machines[*m].warm).count();
            if let Some(kind) = self.warm_kind(lot, t) {
                for _ in crate::number::id(has)..wanted {
                    let m = self.request(kind, lot, t, false);
                    self.machines[m].warm = true;
                    self.outcome.warmed(self.lots[lot].zone, kind);
                    if self.lots[lot].evm {
                        self.find_host(cluster, m, t);
                    }
                }
            }
            self.lots[lot].stocked = true;
        }
    }

    fn machines_of(&self, lot: u32) -> impl Iterator<Item = u32> {
        self.lots[lot].machines_there()
    }

    /// The type of a lot's warm machines. Where types are chosen by price, the cheapest that holds every pod that found no
    /// room lately, and none where all did; elsewhere, and where that is the cheaper, the lot's commonest.
    fn warm_kind(&mut self, lot: u32, t: i64) -> Option<u32> {
        let commonest = self.commonest(lot)?;
        if self.lots[lot].evm || self.setup.ec2.buy == Buy::AsObserved {
            return Some(commonest);
        }
        let missed = self.lots[lot].missed(t)?;
        let cheapest =
            self.market(lot).and_then(|(offers, _)| offers.iter().filter(|offer| offer.room.fits(&missed)).min());
        let price = self.kinds[commonest].price;
        let cheaper = cheapest.filter(|offer| price.is_none_or(|price| offer.price <= price));
        Some(cheaper.map_or(commonest, |offer| offer.id))
    }

    /// The type most machines of a lot have; the cheaper, then the first of equals. A lot whose machines have all left is
    /// kept ready with the type it had.
    fn commonest(&mut self, lot: u32) -> Option<u32> {
        let mut counts: Vec<(u32, u32)> = Vec::new();
        for m in self.machines_of(lot) {
            let machine = &self.machines[m];
            if machine.warm || machine.closed {
                continue;
            }
            match counts.iter_mut().find(|(kind, _)| *kind == machine.kind) {
                Some((_, n)) => *n += 1,
                None => counts.push((machine.kind, 1)),
            }
        }
        let commonest =
            counts.into_iter().min_by_key(|(kind, n)| (std::cmp::Reverse(*n), self.kinds[*kind].price, *kind));
        let kind = commonest.map(|(kind, _)| kind).or(self.lots[lot].commonest);
        self.lots[lot].commonest = kind;
        kind
    }
}
