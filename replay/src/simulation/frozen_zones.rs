//! Zones of which nothing is known for a while: what they have stands still, and nothing of it is billed or measured.

use super::Simulation;
use crate::cluster::Cluster;
use crate::decision_log::Observer;
use crate::input_hour::SLOT_SECONDS;
use crate::number::{index, unsigned};
use crate::outcome::Frozen;
use crate::unknown_zones::FrozenSlots;

impl<O: Observer> Simulation<O> {
    /// Counts the seconds in which zones are frozen in an hour.
    pub(crate) fn count_frozen(&mut self, start: i64, frozen: &FrozenSlots) {
        self.outcome.frozen.extend(frozen.seconds().map(|(zone, seconds)| Frozen { start, zone, seconds }));
    }

    /// The moment up to which what leaves a zone at `t` is paid for.
    pub(super) fn paid_until(&self, zone: u16, t: i64) -> i64 {
        if self.frozen_zones.contains(&zone) { t.min(self.hour_start + slot_start(self.slot)) } else { t }
    }

    /// Returns true when a machine stands in a zone that is frozen in the slot in work.
    pub(super) fn is_frozen(&self, m: u32) -> bool {
        !self.frozen_zones.is_empty() && self.frozen_zones.contains(&self.lots[self.machines[m].lot].zone)
    }

    /// Notes the zones that are frozen in the slot in work.
    pub(super) fn freeze(&mut self, cluster: &Cluster) {
        self.frozen_zones.clear();
        if !cluster.frozen.is_empty() {
            let zones = cluster.frozen.seconds().map(|(zone, _)| zone);
            self.frozen_zones.extend(zones.filter(|zone| cluster.frozen.at(*zone, self.slot)));
        }
    }

    /// Takes the slot that began at `t` off the bill of zones that are frozen in it.
    pub(super) fn bill_less(&mut self, t: i64) {
        if self.frozen_zones.is_empty() {
            return;
        }
        let end = t + SLOT_SECONDS;
        for m in self.machines.ids().filter(|m| self.machines[*m].live && self.is_frozen(*m)).collect::<Vec<_>>() {
            let machine = &self.machines[m];
            let (since, rows) = match machine.evm {
                Some(_) if machine.ready => (machine.ready_at, &mut self.billed.frozen_evms),
                Some(_) => continue,
                None => (machine.requested, &mut self.billed.frozen_nodes),
            };
            if let Some(seconds) = rows.get_mut(index(machine.kind)) {
                *seconds += unsigned(end - since.max(t));
            }
        }
        let is_frozen = |zone: &u16| self.frozen_zones.contains(zone);
        let hosts = self.hosts.iter().filter(|host| host.live && is_frozen(&host.zone));
        self.billed.frozen_hosts += hosts.map(|host| unsigned(end - host.requested.max(t))).sum::<u64>();
        let zones = self.zones.iter().filter(|(zone, _)| is_frozen(zone));
        self.billed.frozen_zones += zones.map(|(_, since)| unsigned(end - since.max(&t))).sum::<u64>();
    }
}

fn slot_start(k: usize) -> i64 {
    i64::try_from(k).unwrap_or_default() * SLOT_SECONDS
}
