//! Measurement of a slot on the placement at its end: use, histories, risk.

use super::Simulation;
use super::state::{Evm, Lot, Machine, PodUse};
use crate::cluster::{Cluster, Guess, is_silent};
use crate::decision_log::Observer;
use crate::input_hour::{Lane, NONE, SLOT_SECONDS, UNKNOWN};
use crate::number::{id, index, unsigned, whole};
use crate::outcome::{Blast, Extent, Failures, HostLoss, Point, Risk, Stranded, Worst};
use crate::scenario_setup::MemoryModel;

/// Milliseconds of a slot.
const SLOT_MS: u64 = 300_000;

/// Use of the pods on a machine or host in a slot, by means: millicores and MiB.
#[derive(Debug, Clone, Copy)]
struct OfPods {
    cpu: u32,
    memory: u32,
}

/// CPU of a machine or host in a slot: asked for, and there.
#[derive(Debug, Clone, Copy)]
struct Lack {
    asked: u32,
    has: u32,
}

impl Risk {
    /// Counts one slot of a machine or a host as [`Self::count`] does; one that is silent tells nothing, and is counted
    /// as such alone.
    fn see(&mut self, silent: bool, t: i64, pods: OfPods, cpu: (u32, u32, u32), memory: (u32, u32, u32)) {
        if silent {
            self.silent += 1;
        } else {
            self.count(t, pods, cpu, memory);
        }
    }

    /// Counts one slot of a machine or a host, which began at `t`: mean and peak of CPU, largest and mean of memory, each
    /// beside what there is; all in millicores and MiB.
    fn count(
        &mut self,
        t: i64,
        pods: OfPods,
        (cpu, peak, has_cpu): (u32, u32, u32),
        (memory, mean, has_memory): (u32, u32, u32),
    ) {
        self.slots += 1;
        // Above the worst so far, without dividing: nearly none is.
        let above = self.worst.map_or(0, |worst| u64::from(worst.permille) + 1);
        let over = |uses: u32, has: u32| u64::from(uses) * 1000 >= above * u64::from(has.max(1));
        if over(cpu, has_cpu) || over(memory, has_memory) {
            let share = |uses: u32, has: u32| u64::from(uses) * 1000 / u64::from(has.max(1));
            let permille = u32::try_from(share(cpu, has_cpu).max(share(memory, has_memory))).unwrap_or(u32::MAX);
            self.worst = Some(Worst { at: t, permille });
        }
        self.over_cpu += u64::from(cpu > has_cpu);
        self.over_memory += u64::from(memory > has_memory);
        self.over_memory_mean += u64::from(mean > has_memory);
        self.used_core_ms += u64::from(pods.cpu) * SLOT_MS / 1000;
        let of_pods = u64::from(pods.memory);
        self.pods_mib += of_pods;
        self.pods_mib_over += if memory > has_memory { of_pods } else { 0 };
        self.pods_mib_over_mean += if mean > has_memory { of_pods } else { 0 };
        // A millicore is a core-millisecond a second.
        self.lost_core_ms += u64::from(cpu.saturating_sub(has_cpu)) * SLOT_MS / 1000;
        let at_peaks = u64::from(peak.saturating_sub(has_cpu)) * SLOT_MS / 1000;
        self.lost_core_ms_at_peaks = Some(self.lost_core_ms_at_peaks.unwrap_or_default() + at_peaks);
        self.over_mib_seconds += u64::from(memory.saturating_sub(has_memory)) * SLOT_MS / 1000;
    }
}

impl Machine {
    /// Uses what the pods on it use in this hour.
    pub(super) fn begin_hour(&mut self, cluster: &Cluster) {
        (self.cpu, self.peak, self.guess) = (Lane::ZERO, Lane::ZERO, Guess::NONE);
        (self.memory, self.memory_mean) = (Lane::ZERO, Lane::ZERO);
        let pods = std::mem::take(&mut self.pods);
        for pod in if self.ready { pods.as_slice() } else { &[] } {
            self.carries(PodUse { demand: &cluster.demand[*pod], guess: cluster.guess_of(*pod) });
        }
        self.pods = pods;
    }

    /// Uses what a pod uses from now on. Slots that are over change too: nothing is read of them any more, and all lanes are
    /// of one length.
    pub(super) fn carries(&mut self, pod: PodUse<'_>) {
        self.change(pod, Lane::add);
    }

    /// Takes away what [`Self::carries`] added.
    pub(super) fn carries_no_more(&mut self, pod: PodUse<'_>) {
        self.change(pod, Lane::sub);
    }

    fn change(&mut self, pod: PodUse<'_>, by: impl Fn(&mut Lane, &Lane)) {
        by(&mut self.cpu, &pod.demand.cpu);
        by(&mut self.peak, &pod.demand.cpu_max);
        by(&mut self.memory, &pod.demand.memory);
        by(&mut self.memory_mean, &pod.demand.memory_mean);
        if let Some(guess) = pod.guess {
            by(&mut self.guess.cpu, &guess.cpu);
            by(&mut self.guess.memory, &guess.memory);
        }
    }
}

impl Evm {
    /// Enters the last slot into its history, at `slot` on the clock of histories. Where too much of it is imputed, the
    /// slot before it stands.
    fn record(&mut self, slot: u64, mature_slots: u32) {
        self.ripens = false;
        if !is_silent(self.guessed.0, self.last.0) && !is_silent(self.guessed.1, self.last.1) {
            self.recorded = self.last;
            self.most = (self.most.0.max(self.last.0), self.most.1.max(self.last.1));
            self.seen += 1;
            self.ripens = self.seen == mature_slots;
        }
        self.cpu.write(slot, self.recorded.0);
        self.memory.write(slot, self.recorded.1);
    }
}

impl<O: Observer> Simulation<O> {
    /// Measures the slot in work, which began at `t`.
    pub(super) fn measure(&mut self, cluster: &Cluster, t: i64) {
        let k = self.slot;
        self.sort_ended();
        let mut point = Point::default();
        let counts = !self.warming_up(t);
        for lot in self.lots.iter_mut() {
            let served = lot.end_slot(k, t + SLOT_SECONDS, self.frozen_zones.contains(&lot.zone));
            if counts && !lot.evm && self.setup.spot.contains(&lot.platform) {
                self.outcome.interruptions.pod_seconds += served;
            }
            point.pods += u32::try_from(lot.served_pods()).unwrap_or(u32::MAX);
        }
        let mut ended = 0..0;
        for m in self.machines.ids() {
            if self.machines[m].live && self.is_frozen(m) {
                self.stands_still(cluster, m);
            } else if self.machines[m].live && self.machines[m].ready {
                ended = self.ended_on(m, ended.end);
                let memory = self.memory_together(cluster, &self.machines[m], ended.clone());
                self.measure_machine(cluster, (m, memory), t, counts, &mut point);
            } else if self.machines[m].live && self.machines[m].evm.is_none() {
                point.nodes += 1;
                let kind = &self.kinds[self.machines[m].kind];
                point.cpu_capacity_millicores += u64::from(kind.vcpu) * 1000;
                point.memory_capacity_mib += u64::from(kind.memory_mib);
            }
        }
        for h in self.hosts.ids() {
            if self.hosts[h].live {
                self.measure_host(cluster, h, t, counts, &mut point);
            }
        }
        // Extents change with what comes and goes alone.
        if counts && self.setup.pool.is_some() && (self.stock_changed || self.warming_up(t - SLOT_SECONDS)) {
            self.measure_extents(t);
            self.stock_changed = false;
        }
        self.outcome.series.push(point);
        self.ended.clear();
    }

    /// Counts the elastic VMs of each type and the hosts in each zone in the slot that began at `t`.
    fn measure_extents(&mut self, t: i64) {
        let mut now: Vec<(u16, u32, u32)> = Vec::new();
        let mut see = |zone: u16, kind: u32| match now.iter_mut().find(|row| (row.0, row.1) == (zone, kind)) {
            Some(row) => row.2 += 1,
            None => now.push((zone, kind, 1)),
        };
        for machine in self.machines.iter().filter(|machine| machine.live && machine.evm.is_some()) {
            see(self.lots[machine.lot].zone, machine.kind);
        }
        for host in self.hosts.iter().filter(|host| host.live) {
            see(host.zone, NONE);
        }
        let first = self.warming_up(t - SLOT_SECONDS);
        for extent in &mut self.outcome.pools {
            if !now.iter().any(|row| (row.0, row.1) == (extent.zone, extent.kind)) {
                extent.fewest = 0;
            }
        }
        for (zone, kind, n) in now {
            let place = self.outcome.pools.binary_search_by_key(&(zone, kind), |extent| (extent.zone, extent.kind));
            match place.map(|at| self.outcome.pools.get_mut(at)) {
                Ok(Some(extent)) => (extent.fewest, extent.most) = (extent.fewest.min(n), extent.most.max(n)),
                Ok(None) => {}
                Err(at) => {
                    let fewest = if first { n } else { 0 };
                    self.outcome.pools.insert(at, Extent { zone, kind, fewest, most: n });
                }
            }
        }
    }

    /// A machine of a frozen zone: the slot before stands in its history, as in a silent one.
    fn stands_still(&mut self, cluster: &Cluster, m: u32) {
        let slot = self.history_slot;
        if let Some(evm) = self.machines[m].evm.as_mut().filter(|_| !cluster.is_silent(self.slot)) {
            evm.ripens = false;
            evm.cpu.write(slot, evm.recorded.0);
            evm.memory.write(slot, evm.recorded.1);
        }
    }

    /// Measures a machine, on which pods have had so much memory together, part of which is imputed.
    fn measure_machine(
        &mut self,
        cluster: &Cluster,
        (m, (largest, guessed)): (u32, (u32, u32)),
        t: i64,
        counts: bool,
        point: &mut Point,
    ) {
        let k = self.slot;
        let machine = &mut self.machines[m];
        let kind = &self.kinds[machine.kind];
        let pods = OfPods { cpu: machine.cpu.at(k), memory: machine.memory_mean.at(k) };
        let mut cpu = pods.cpu + cluster.daemons.cpu.at(k);
        let mut peak = machine.peak.at(k) + cluster.daemons.cpu.at(k);
        let mut memory = largest + cluster.daemons.memory.at(k);
        let mut mean = pods.memory + cluster.daemons.memory.at(k);
        let guessed_cpu = machine.guess.cpu.at(k) + cluster.daemons.guess.cpu.at(k);
        let guessed_memory = (guessed + cluster.daemons.guess.memory.at(k)).min(memory);
        let silent = is_silent(guessed_cpu, cpu) || is_silent(guessed_memory, memory);
        let Some((evm, pool)) = machine.evm.as_mut().zip(self.setup.pool.as_ref()) else {
            point.nodes += 1;
            point.cpu_millicores += u64::from(cpu);
            point.memory_mib += u64::from(memory);
            point.cpu_capacity_millicores += u64::from(kind.vcpu) * 1000;
            point.memory_capacity_mib += u64::from(kind.memory_mib);
            if self.setup.pool.is_some() && !machine.pods.is_empty() {
                let half = |has: u32, left: u32| 2 * u64::from(left) > u64::from(has);
                let (has, left) = (&kind.room, &machine.room);
                let half_empty = half(has.cpu, left.cpu) && half(has.memory, left.memory);
                Stranded::count(&mut self.outcome.stranded, machine.kind, half_empty);
            }
            if counts {
                self.outcome.machines.see(silent, t, pods, (cpu, peak, kind.cpu), (memory, mean, kind.memory_mib));
                if cpu > kind.cpu && !silent {
                    let lack = Lack { asked: cpu, has: kind.cpu };
                    self.charge(cluster, &[m], lack);
                }
            }
            return;
        };
        point.evms += 1;
        cpu += pool.guest_millicores;
        peak += pool.guest_millicores;
        memory += pool.guest_mib;
        mean += pool.guest_mib;
        if counts {
            self.outcome.machines.see(silent, t, pods, (cpu, peak, kind.cpu), (memory, mean, kind.memory_mib));
        }
        let lack = (counts && cpu > kind.cpu && !silent).then_some(Lack { asked: cpu, has: kind.cpu });
        // What is known of a slot is the least that was used, so the most that is known of all is no more than the most
        // that was used.
        let working_set = memory.min(kind.memory_mib);
        let known = (memory - guessed_memory).min(kind.memory_mib);
        evm.high_water = evm.high_water.max(known);
        let touched = || match cluster.touched.at(k) {
            UNKNOWN => 0,
            share => whole(f64::from(kind.memory_mib) * f64::from(share) / 1e6),
        };
        let measured = match pool.memory_model {
            MemoryModel::WorkingSet => known,
            MemoryModel::HighWater => evm.high_water,
            MemoryModel::Touched => {
                evm.high_water = evm.high_water.max(touched());
                evm.high_water
            }
        };
        let resident = measured.max(working_set);
        evm.last = (cpu.min(kind.cpu), resident + evm.overhead);
        evm.guessed = (guessed_cpu.min(kind.cpu), resident - measured);
        evm.peak = peak.min(kind.cpu);
        if !cluster.is_silent(k) {
            evm.record(self.history_slot, pool.mature_slots);
        }
        if let Some(lack) = lack {
            self.charge(cluster, &[m], lack);
        }
    }

    fn measure_host(&mut self, cluster: &Cluster, h: u32, t: i64, counts: bool, point: &mut Point) {
        let Some(pool) = &self.setup.pool else { return };
        let end = t + SLOT_SECONDS;
        let frozen = self.frozen_zones.contains(&self.hosts[h].zone);
        let mut ripe = Vec::new();
        let (mut cpu, mut peak, mut memory) = (0, 0, pool.host_base_mib);
        let mut guessed = (0, 0);
        let mut pods = OfPods { cpu: 0, memory: 0 };
        let (mut cpu_history, mut memory_history) = (0, 0);
        for m in &self.hosts[h].members {
            let machine = &self.machines[*m];
            let Some(evm) = machine.evm.as_ref().filter(|_| machine.ready) else { continue };
            // In flight it runs on its source, and its memory is on both.
            if evm.host == h {
                cpu += evm.last.0;
                peak += evm.peak;
                guessed.0 += evm.guessed.0;
                pods.cpu += machine.cpu.at(self.slot);
                pods.memory += machine.memory_mean.at(self.slot);
            }
            memory += evm.last.1;
            guessed.1 += evm.guessed.1;
            if evm.ripens {
                ripe.push(*m);
            } else if evm.seen >= pool.mature_slots {
                cpu_history += evm.recorded.0;
                memory_history += evm.recorded.1;
            }
        }
        let silent = is_silent(guessed.0, cpu) || is_silent(guessed.1, memory);
        let moving: i64 = self.hosts[h].motion.iter().map(|(from, to)| (*to.min(&end) - from.max(&t)).max(0)).sum();
        let copying = whole(crate::number::float(unsigned(moving)) / 300.0 * f64::from(pool.migration.cpu_millicores));
        let threads = whole(f64::from(pool.host.threads) * 1000.0 * self.setup.smt_yield);
        let usable = whole(f64::from(pool.host.memory_mib) * pool.usable_memory);
        let threshold = pool.threshold;
        let (cpu, peak) = (cpu + copying, peak + copying);
        let host = &mut self.hosts[h];
        host.motion.retain(|(_, to)| *to > end);
        if !frozen {
            host.last = (cpu, memory);
        }
        if !cluster.is_silent(self.slot) {
            host.cpu.write(self.history_slot, cpu_history);
            host.memory.write(self.history_slot, memory_history);
            for m in ripe {
                if let Some(evm) = &self.machines[m].evm {
                    host.cpu.add(&evm.cpu);
                    host.memory.add(&evm.memory);
                }
            }
        }
        if frozen {
            return;
        }
        point.hosts += 1;
        point.cpu_capacity_millicores += u64::from(pool.host.threads) * 1000;
        point.memory_capacity_mib += u64::from(pool.host.memory_mib);
        point.cpu_millicores += u64::from(cpu);
        point.memory_mib += u64::from(memory);
        point.host_cpu_millicores.0 += u64::from(cpu);
        point.host_cpu_millicores.1 += u64::from(pool.host.threads) * 1000;
        point.host_memory_mib.0 += u64::from(memory);
        point.host_memory_mib.1 += u64::from(pool.host.memory_mib);
        let (ready, alone) = (self.hosts[h].ready, self.hosts[h].members.len() == 1);
        let share = self.share((cpu.into(), memory.into()));
        point.hottest_permille = point.hottest_permille.max(whole(share * 1000.0));
        if counts && ready {
            let risk = &mut self.outcome.hosts;
            // What was resident once stays so, so the mean of a host's memory is what is resident.
            risk.see(silent, t, pods, (cpu, peak, threads), (memory, memory, usable));
            risk.over_threshold += u64::from(share > threshold && !silent);
            risk.stuck += u64::from(share > threshold && alone && !silent);
            if cpu > threads && !silent {
                let members = self.hosts[h].members.clone();
                let runs = |m: &u32| self.machines[*m].evm.as_ref().is_some_and(|evm| evm.host == h);
                let members: Vec<u32> = members.into_iter().filter(runs).collect();
                self.charge(cluster, &members, Lack { asked: cpu, has: threads });
            }
        }
    }

    /// Charges the CPU that machines lacked to the workloads on them, in proportion to what their pods use.
    fn charge(&mut self, cluster: &Cluster, machines: &[u32], lack: Lack) {
        let lost = u64::from(lack.asked.saturating_sub(lack.has));
        for m in machines {
            for pod in &self.machines[*m].pods {
                let workload = index(cluster.workloads[*pod]);
                let lost_ms =
                    u64::from(self.late.use_of(cluster, *pod).demand.cpu.at(self.slot)) * lost * (SLOT_MS / 1000)
                        / u64::from(lack.asked.max(1));
                let by_workload = &mut self.outcome.cpu_lost_by_workload;
                if by_workload.len() <= workload {
                    by_workload.resize(workload + 1, 0);
                }
                if let Some(sum) = by_workload.get_mut(workload) {
                    *sum += lost_ms;
                }
            }
        }
    }

    /// Measures what would have died with the machine or host that carries most pods, and whether a zone could take
    /// over from a lost host; once an hour.
    pub(super) fn measure_failures(&mut self, cluster: &Cluster) {
        let blast = self.blast(cluster);
        let host_loss = self.host_loss();
        self.outcome.failures.push(Failures { blast, largest_zone: self.largest_zone(), host_loss });
    }

    /// Pods that run in the zone with most of them.
    fn largest_zone(&self) -> u32 {
        let mut zones: Vec<(u16, u64)> = Vec::new();
        for lot in self.lots.iter() {
            match zones.iter_mut().find(|(zone, _)| *zone == lot.zone) {
                Some((_, pods)) => *pods += lot.served_pods(),
                None => zones.push((lot.zone, lot.served_pods())),
            }
        }
        let most = zones.into_iter().map(|(_, pods)| pods).max().unwrap_or_default();
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    /// Pods and workloads on the host, or the node outside the pool, that carries most pods.
    fn blast(&self, cluster: &Cluster) -> Blast {
        let on = |m: u32| {
            let machine = &self.machines[m];
            if machine.ready { machine.pods.as_slice() } else { &[] }
        };
        let own = |h: u32, m: &u32| self.machines[*m].evm.as_ref().is_some_and(|evm| evm.host == h);
        let on_host =
            |h: u32| -> usize { self.hosts[h].members.iter().filter(|m| own(h, m)).map(|m| on(*m).len()).sum() };
        let hosts = self.hosts.ids().filter(|h| self.hosts[*h].live);
        let nodes = self.machines.ids().filter(|m| self.machines[*m].live && self.machines[*m].evm.is_none());
        let host = hosts.max_by_key(|h| (on_host(*h), std::cmp::Reverse(*h)));
        let node = nodes.max_by_key(|m| (on(*m).len(), std::cmp::Reverse(*m)));
        let of_host = host.map_or(0, on_host);
        let of_node = node.map_or(0, |m| on(m).len());
        let worst: Vec<u32> = match (host, node) {
            (Some(h), _) if of_host >= of_node => {
                self.hosts[h].members.iter().filter(|m| own(h, m)).flat_map(|m| on(*m)).copied().collect()
            }
            (_, Some(m)) => on(m).to_vec(),
            _ => Vec::new(),
        };
        let mut lost: Vec<u32> = worst.iter().map(|pod| cluster.workloads[*pod]).collect();
        lost.sort_unstable();
        let all = |group: &[u32]| {
            group.first().is_some_and(|workload| crate::number::index(self.replicas[*workload]) == group.len())
        };
        let workloads = id(lost.chunk_by(|a, b| a == b).filter(|group| all(group)).count());
        let running: u64 = self.lots.iter().map(Lot::served_pods).sum();
        Blast { pods: id(worst.len()), of: u32::try_from(running).unwrap_or(u32::MAX), workloads }
    }

    /// Zones with hosts, and those of them in which the others could not carry what the zone's hosts carry once one of
    /// them is lost: by their caps, or by what is used and resident.
    fn host_loss(&self) -> HostLoss {
        let Some(pool) = &self.setup.pool else { return HostLoss::default() };
        let mut loss = HostLoss::default();
        for (zone, _) in &self.zones {
            let hosts = self.hosts.iter().filter(|host| host.live && host.zone == *zone);
            let (mut n, mut vcpu, mut size, mut cpu, mut memory) = (0_u32, 0.0, 0.0, 0.0, 0.0);
            for host in hosts {
                n += 1;
                let (has_vcpu, has_memory) = host.carries();
                (vcpu, size) = (vcpu + has_vcpu, size + has_memory);
                cpu += f64::from(host.last.0);
                memory += f64::from(host.last.1.saturating_sub(pool.host_base_mib));
            }
            if n == 0 || vcpu == 0.0 {
                continue;
            }
            loss.zones += 1;
            let holds = |spares: u32| {
                let left = f64::from(n - 1 + spares);
                vcpu <= left * f64::from(pool.host.threads) * pool.cpu_overcommit + 1e-6
                    && size <= left * f64::from(pool.host.memory_mib) * pool.memory_overcommit + 1e-6
                    && cpu <= left * pool.usable_cpu(self.setup.smt_yield)
                    && memory <= left * pool.usable_memory()
            };
            loss.short += u32::from(!holds(pool.spare_hosts_per_zone));
            loss.short_with_a_spare += u32::from(!holds(pool.spare_hosts_per_zone + 1));
        }
        loss
    }
}
