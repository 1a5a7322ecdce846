//! Right-sized scenarios start anew once there is a day of usage to size by.
//!
//! Before that no request is sized, and machines bought for those requests would stay: elastic VMs leave only when they
//! are empty. A user who right-sizes sizes first and builds the pool for what is left. The first day is warm-up.

use std::cmp::Reverse;

use super::Simulation;
use super::state::Due;
use crate::cluster::Cluster;
use crate::decision_log::Observer;
use crate::input_hour::NONE;
use crate::number::unsigned;

impl<O: Observer> Simulation<O> {
    /// Places every pod anew at the requests of this moment, onto machines and hosts that are ready at once. Nobody is
    /// asked for twice, and nothing counts as an eviction.
    pub(super) fn rebuild(&mut self, cluster: &Cluster, t: i64) {
        let mut pods: Vec<u32> = self.places.ids().filter(|pod| self.places[*pod].machine != NONE).collect();
        pods.sort_unstable_by_key(|pod| cluster.pods[*pod].uid);
        for pod in pods.iter().copied() {
            let m = self.places[pod].machine;
            if self.machines[m].ready {
                self.uses_no_more(cluster, pod, m);
            }
            self.take_off(cluster, pod, t);
            self.places[pod].item = self.item(cluster, pod);
        }
        for m in self.machines.ids() {
            if self.machines[m].live {
                self.clear_machine(m, t);
            }
        }
        for h in self.hosts.ids() {
            if self.hosts[h].live {
                self.bill_host(h, t);
                self.hosts[h] = super::state::Host::default();
                self.free_hosts.give_back(h);
            }
        }
        // What boots or moves does so no more; late work still ends when it does.
        self.queue.retain(|Reverse((_, due))| matches!(due, Due::WorkEnds(..)));
        self.hostless.clear();
        self.stock_changed = true;
        let instant = std::mem::replace(&mut self.instant, true);
        // Zones in use keep their hosts: the first elastic VM of each asks for them again.
        let since = std::mem::take(&mut self.zones);
        self.grow(cluster, pods, t);
        self.restock(cluster, t);
        self.due(cluster, t);
        for (zone, from) in since {
            if let Ok(at) = self.zones.binary_search_by_key(&zone, |(zone, _)| *zone)
                && let Some(cell) = self.zones.get_mut(at)
            {
                cell.1 = from;
            }
        }
        self.instant = instant;
    }

    /// Takes a machine away with nothing on it; what it is billed for ends now.
    fn clear_machine(&mut self, m: u32, t: i64) {
        self.bill_machine(m, t);
        let machine = &mut self.machines[m];
        if machine.evm.is_none() && machine.requested > t - self.setup.least_billed_seconds {
            let least = self.setup.least_billed_seconds - (t - machine.requested);
            if let Some(seconds) = self.billed.nodes.get_mut(crate::number::index(machine.kind)) {
                *seconds += unsigned(least);
            }
        }
        let machine = &mut self.machines[m];
        (machine.live, machine.evm) = (false, None);
        machine.hands_over.clear();
        let lot = machine.lot;
        self.lots[lot].turns.clear();
        self.lots[lot].booting.retain(|booting| *booting != m);
        self.leave_lot(m);
        self.free_machines.give_back(m);
    }
}
