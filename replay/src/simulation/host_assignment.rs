//! Hosts come, carry and go; an elastic VM gets one by caps and prediction.

use std::cmp::Reverse;

use super::Simulation;
use super::state::{Due, Evm, Host};
use crate::cluster::{Cluster, NEVER};
use crate::decision_log::{Decision, HostReason, Observer};
use crate::host_usage_prediction::DAY_SLOTS;
use crate::input_hour::NONE;
use crate::number::{index, unsigned, whole};
use crate::placement::Item;
use crate::scenario_setup::Pool;

/// Use that is expected of a host, in millicores and MiB.
pub(super) type Expected = (f64, f64);

impl Pool {
    /// CPU of a host that may be filled, in millicores.
    pub(super) fn usable_cpu(&self, smt_yield: f64) -> f64 {
        f64::from(self.host.threads.saturating_sub(self.reserved_threads)) * 1000.0 * smt_yield
    }

    /// Memory of a host that may be filled, in MiB.
    pub(super) fn usable_memory(&self) -> f64 {
        f64::from(self.host.memory_mib) * self.usable_memory - f64::from(self.reserved_mib)
    }
}

impl<O: Observer> Simulation<O> {
    /// The larger of a host's two shares.
    pub(super) fn share(&self, (cpu, memory): Expected) -> f64 {
        self.setup.pool.as_ref().map_or(0.0, |pool| {
            let share = |used: f64, usable: f64| used / usable.max(1.0);
            share(cpu, pool.usable_cpu(self.setup.smt_yield)).max(share(memory, pool.usable_memory()))
        })
    }

    fn is_mature(&self, evm: &Evm) -> bool {
        self.setup.pool.as_ref().is_some_and(|pool| evm.seen >= pool.mature_slots)
    }

    /// Returns the use that is expected of a host, with one more elastic VM where `with` names one.
    pub(super) fn expected(&self, h: u32, with: u32) -> Expected {
        let Some(pool) = &self.setup.pool else { return (0.0, 0.0) };
        let (young, known, series) = self.young(pool, h, with);
        let (host, end) = (&self.hosts[h], self.history_slot);
        let cpu = pool.predictor.expect(&host.cpu, series.map(|evm| &evm.cpu), end, known);
        let memory = pool.predictor.expect(&host.memory, series.map(|evm| &evm.memory), end, known);
        (young.0 + cpu, young.1 + memory)
    }

    /// Returns true when a host with one more elastic VM stays within a share, by what is expected of it. Nearly always
    /// the most that either ever used tells, and not every slot has to be looked at.
    pub(super) fn stays_within(&self, h: u32, with: u32, limit: f64) -> bool {
        let Some(pool) = &self.setup.pool else { return true };
        let (young, known, series) = self.young(pool, h, with);
        let host = &self.hosts[h];
        if let Some(evm) = series
            && let Some(cpu) = pool.predictor.range(&host.cpu, evm.most.0, known)
            && let Some(memory) = pool.predictor.range(&host.memory, evm.most.1, known)
        {
            if self.share((young.0 + cpu.1, young.1 + memory.1)) <= limit {
                return true;
            }
            if self.share((young.0 + cpu.0, young.1 + memory.0)) > limit {
                return false;
            }
        }
        self.share(self.expected(h, with)) <= limit
    }

    /// Returns what is expected of a host's elastic VMs that have no history yet; for how many slots the others have
    /// one; and the one that comes, where it has.
    fn young(&self, pool: &Pool, h: u32, with: u32) -> (Expected, usize, Option<&Evm>) {
        let host = &self.hosts[h];
        let (mut young, mut known) = ((0.0, f64::from(pool.host_base_mib)), 0);
        let mut series: Option<&Evm> = None;
        for m in host.members.iter().copied().chain((with != NONE).then_some(with)) {
            let Some(evm) = &self.machines[m].evm else { continue };
            if self.is_mature(evm) {
                known = known.max(index(evm.seen)).min(DAY_SLOTS);
                if m == with {
                    series = Some(evm);
                }
            } else {
                young.0 += f64::from(evm.expected.0.max(evm.last.0));
                young.1 += f64::from(evm.expected.1.max(evm.last.1));
            }
        }
        (young, known, series)
    }

    /// Returns true when a host's caps and limits let one more elastic VM in.
    pub(super) fn caps_let_in(&self, h: u32, m: u32) -> bool {
        let Some(pool) = &self.setup.pool else { return false };
        let (host, machine) = (&self.hosts[h], &self.machines[m]);
        let kind = &self.kinds[machine.kind];
        let (attachments, ips) = self.carried(m);
        let within = |sum: u64, more: u32, has: u32, ratio: f64| {
            crate::number::float(sum + u64::from(more)) <= f64::from(has) * ratio + 1e-6
        };
        within(host.vcpu, kind.vcpu, pool.host.threads, pool.cpu_overcommit)
            && within(host.memory_mib, kind.memory_mib, pool.host.memory_mib, pool.memory_overcommit)
            && host.attachments + attachments <= pool.host.max_attachments
            && host.ips + ips <= pool.host.max_ips
    }

    /// Attachments and addresses an elastic VM takes: its root disk and its pods' volumes, itself and its pods.
    fn carried(&self, m: u32) -> (u32, u32) {
        let machine = &self.machines[m];
        let has = &self.kinds[machine.kind].room;
        (1 + has.volumes - machine.room.volumes, 1 + has.pods - machine.room.pods + self.setup.daemon_pods)
    }

    /// Returns true when an empty host lets in an elastic VM of a type that holds a pod.
    pub(super) fn empty_host_takes(&self, kind: u32, item: &Item) -> bool {
        let Some(pool) = &self.setup.pool else { return false };
        let (host, kind) = (&pool.host, &self.kinds[kind]);
        f64::from(kind.vcpu) <= f64::from(host.threads) * pool.cpu_overcommit
            && f64::from(kind.memory_mib) <= f64::from(host.memory_mib) * pool.memory_overcommit
            && item.volumes < host.max_attachments
            && 2 + self.setup.daemon_pods <= host.max_ips
    }

    /// Returns true when the host under a machine, or an empty one while it has none, has an address left for a pod,
    /// and an attachment for each of its volumes.
    pub(super) fn host_takes(&self, m: u32, item: &Item) -> bool {
        let (Some(pool), true) = (&self.setup.pool, m != NONE) else { return true };
        let Some(evm) = &self.machines[m].evm else { return true };
        let takes = |ips: u32, attachments: u32| {
            ips < pool.host.max_ips && attachments + item.volumes <= pool.host.max_attachments
        };
        if evm.host == NONE {
            let (attachments, ips) = self.carried(m);
            return takes(ips, attachments);
        }
        [evm.host, evm.target]
            .into_iter()
            .filter(|h| *h != NONE)
            .all(|h| takes(self.hosts[h].ips, self.hosts[h].attachments))
    }

    /// A pod came onto or left an elastic VM.
    pub(super) fn host_carries(&mut self, m: u32, item: &Item, comes: bool) {
        let Some(evm) = &self.machines[m].evm else { return };
        for h in [evm.host, evm.target].into_iter().filter(|h| *h != NONE) {
            let host = &mut self.hosts[h];
            if comes {
                (host.attachments, host.ips) = (host.attachments + item.volumes, host.ips + 1);
            } else {
                (host.attachments, host.ips) = (host.attachments - item.volumes, host.ips - 1);
            }
        }
    }

    /// Counts an elastic VM on a host.
    pub(super) fn joins_host(&mut self, h: u32, m: u32) {
        let (attachments, ips) = self.carried(m);
        let machine = &self.machines[m];
        let kind = &self.kinds[machine.kind];
        let host = &mut self.hosts[h];
        host.members.push(m);
        host.vcpu += u64::from(kind.vcpu);
        host.memory_mib += u64::from(kind.memory_mib);
        host.attachments += attachments;
        host.ips += ips;
        if let (Some(evm), Some(pool)) = (&machine.evm, &self.setup.pool)
            && evm.seen >= pool.mature_slots
        {
            host.cpu.add(&evm.cpu);
            host.memory.add(&evm.memory);
        }
    }

    /// Counts an elastic VM off a host.
    pub(super) fn leaves_host(&mut self, h: u32, m: u32, evm: &Evm) {
        if h == NONE {
            self.hostless.retain(|waiting| *waiting != m);
            return;
        }
        let (attachments, ips) = self.carried(m);
        let mature = self.is_mature(evm);
        let kind = &self.kinds[self.machines[m].kind];
        let host = &mut self.hosts[h];
        host.members.retain(|member| *member != m);
        host.vcpu -= u64::from(kind.vcpu);
        host.memory_mib -= u64::from(kind.memory_mib);
        host.attachments -= attachments;
        host.ips -= ips;
        if mature {
            host.cpu.sub(&evm.cpu);
            host.memory.sub(&evm.memory);
        }
    }

    /// A host that is being emptied leaves once it is empty.
    pub(super) fn after_leaving(&mut self, h: u32, t: i64) {
        if h != NONE && self.hosts[h].leaving && self.hosts[h].members.is_empty() {
            self.release_host(h, t);
        }
    }

    pub(super) fn release_host(&mut self, h: u32, t: i64) {
        self.bill_host(h, self.paid_until(self.hosts[h].zone, t));
        let host = &mut self.hosts[h];
        self.billed.hosts += unsigned(self.setup.least_billed_seconds - (t - host.requested));
        self.observer.decided(t, Decision::HostReleased { host: host.serial });
        *host = Host::default();
        self.stock_changed = true;
        self.free_hosts.give_back(h);
    }

    /// Requests a host; `None` where the pool has its maximum in the zone.
    pub(super) fn request_host(&mut self, zone: u16, reason: HostReason, t: i64) -> Option<u32> {
        let pool = self.setup.pool.as_ref()?;
        let there = crate::number::id(self.hosts.iter().filter(|host| host.live && host.zone == zone).count());
        if pool.max_hosts_per_zone.is_some_and(|most| there >= most) {
            return None;
        }
        let boot = if self.instant { 0 } else { pool.host_boot_seconds };
        let serial = self.serials.1;
        self.serials.1 += 1;
        self.stock_changed = true;
        self.observer.decided(t, Decision::HostRequested { host: serial, reason });
        let host = Host { live: true, serial, zone, requested: t, ready: boot == 0, ..Host::default() };
        let h = match self.free_hosts.take() {
            Some(place) => {
                self.hosts[place] = host;
                place
            }
            None => self.hosts.push(host),
        };
        if boot > 0 {
            self.queue.push(Reverse((t + boot, Due::HostReady(h))));
        }
        Some(h)
    }

    /// A host is ready: the elastic VMs that waited for it boot.
    pub(super) fn host_comes_up(&mut self, h: u32, t: i64) {
        let boot = self.setup.pool.as_ref().map_or(0, |pool| pool.evm_boot_seconds);
        self.hosts[h].ready = true;
        for m in self.hosts[h].members.clone() {
            if self.machines[m].ready_at == NEVER {
                self.boots(m, t + boot);
            }
        }
    }

    /// Hosts a zone in use keeps; they are requested when it comes into use.
    fn use_zone(&mut self, zone: u16, t: i64) {
        if let Err(at) = self.zones.binary_search_by_key(&zone, |(zone, _)| *zone) {
            self.zones.insert(at, (zone, t));
            let least = self.setup.pool.as_ref().map_or(0, |pool| pool.min_hosts_per_zone);
            for _ in 0..least {
                self.request_host(zone, HostReason::Minimum, t);
            }
        }
    }

    /// Returns what a new elastic VM will use: its pods' workloads' means, or requests while those are not known.
    fn expect_of(&self, cluster: &Cluster, m: u32) -> (u32, u32) {
        let Some(pool) = &self.setup.pool else { return (0, 0) };
        let machine = &self.machines[m];
        let kind = &self.kinds[machine.kind];
        let (mut cpu, mut memory) = (f64::from(pool.guest_millicores), f64::from(pool.guest_mib));
        for pod in &machine.pods {
            let (row, item) = (&cluster.pods[*pod], &self.places[*pod].item);
            let habit = (row.workload < cluster.habits.len()).then(|| cluster.habits[row.workload].mean()).flatten();
            let (c, m) = habit.unwrap_or((f64::from(item.cpu), f64::from(item.memory)));
            (cpu, memory) = (cpu + c, memory + m);
        }
        let daemons = &self.setup.daemons;
        cpu += f64::from(daemons.cpu_millicores);
        memory += f64::from(daemons.memory_mib);
        let overhead = machine.evm.as_ref().map_or(0, |evm| evm.overhead);
        (whole(cpu).min(kind.cpu), whole(memory).min(kind.memory_mib) + overhead)
    }

    /// Gives an elastic VM the least loaded host that lets it in, else requests one.
    pub(super) fn find_host(&mut self, cluster: &Cluster, m: u32, t: i64) {
        let Some(threshold) = self.setup.pool.as_ref().map(|pool| pool.threshold) else { return };
        let zone = self.lots[self.machines[m].lot].zone;
        self.use_zone(zone, t);
        let expected = self.expect_of(cluster, m);
        if let Some(evm) = &mut self.machines[m].evm {
            evm.expected = expected;
        }
        let mut hosts: Vec<(bool, f64, u32)> = Vec::new();
        for h in self.hosts.ids() {
            let host = &self.hosts[h];
            if host.live && host.zone == zone && !host.leaving && self.caps_let_in(h, m) {
                hosts.push((!host.ready, self.share(self.expected(h, NONE)), h));
            }
        }
        hosts.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        for (_, _, h) in hosts {
            let share = self.share(self.expected(h, m));
            // An empty host takes what its caps allow: no other would do better.
            if share <= threshold || self.hosts[h].members.is_empty() {
                self.admit(h, m, share, t);
                return;
            }
        }
        match self.request_host(zone, HostReason::NoRoom, t) {
            Some(h) if self.caps_let_in(h, m) => {
                let share = self.share(self.expected(h, m));
                self.admit(h, m, share, t);
            }
            _ => {
                self.observer.decided(t, Decision::EvmWaits { machine: self.machines[m].serial });
                self.hostless.push(m);
            }
        }
    }

    fn admit(&mut self, h: u32, m: u32, share: f64, t: i64) {
        let decision = Decision::EvmAdmitted { machine: self.machines[m].serial, host: self.hosts[h].serial, share };
        self.observer.decided(t, decision);
        self.joins_host(h, m);
        if let Some(evm) = &mut self.machines[m].evm {
            evm.host = h;
        }
        let boot = self.setup.pool.as_ref().map_or(0, |pool| pool.evm_boot_seconds);
        if self.hosts[h].ready {
            self.boots(m, if self.instant { t } else { t + boot });
        }
    }

    /// Elastic VMs without a host try again.
    pub(super) fn retry_hosts(&mut self, cluster: &Cluster, t: i64) {
        for m in std::mem::take(&mut self.hostless) {
            if self.is_frozen(m) {
                self.hostless.push(m);
            } else {
                self.find_host(cluster, m, t);
            }
        }
        self.outcome.service.evm_slots_without_host += u64::from(crate::number::id(self.hostless.len()));
    }
}
