//! Outcome of a scenario: seconds billed, pods served, risk, and how it looked over time. No money yet.

mod evictions;
mod late_starts;
mod stranded_and_interrupted;

use crate::cluster::Imputed;
use crate::input_hour::SLOTS;
pub use evictions::Evictions;
pub(crate) use late_starts::Start;
pub use late_starts::{Owed, Starts, Waiting};
pub use stranded_and_interrupted::{Interruptions, Stranded};

/// Outcome of a scenario.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Its id.
    pub id: String,
    /// Billed seconds, hour by hour, so that commitments can be priced.
    pub hours: Vec<HourBilled>,
    /// Pod-seconds served and not.
    pub service: Service,
    /// Late starts of pods, by the hour in which they were scheduled as recorded, so that every window has its own
    /// worst. [`Outcome::waiting`] adds it up.
    pub waiting: Vec<Waiting>,
    /// Risk of the machines pods run on: EC2 nodes and elastic VMs.
    pub machines: Risk,
    /// Risk of the hosts under elastic VMs.
    pub hosts: Risk,
    /// Hours and zones of which too little is known to replay all of them.
    pub frozen: Vec<Frozen>,
    /// Live migrations and moved pods.
    pub motion: Motion,
    /// Every slot, in order.
    pub series: Vec<Point>,
    /// Service given, group by group, for the lower bound.
    pub groups: Vec<Group>,
    /// Amounts of use that are not measured.
    pub imputed: Imputed,
    /// Elastic VMs by zone and type, and hosts by zone, outside the warm-up; by zone, then type.
    pub pools: Vec<Extent>,
    /// Machines kept ready, by zone and type, in order.
    pub warm: Vec<(u16, u32)>,
    /// Pods restarted elsewhere by the scenario's own draining and resizing, outside the warm-up.
    pub evictions: Evictions,
    /// Pods that restart since AWS takes their machine back.
    pub interruptions: Interruptions,
    /// Seconds of today's nodes in hours in which no pod was on them, daemons aside, by type: the same in every scenario.
    pub empty_nodes: Vec<(u32, u64)>,
    /// EC2 nodes beside a pool that carry pods, by type; none without a pool.
    pub stranded: Vec<Stranded>,
    /// Pods that would move but for a volume in a zone the pool is not in, counted as they start; by workload.
    pub held_by_volumes: Vec<(u32, u64)>,
    /// Effects that the loss of one machine or host would have had, hour by hour.
    pub failures: Vec<Failures>,
    /// Core-milliseconds each workload asked for outside the warm-up, by its index.
    pub cpu_used_by_workload: Vec<u64>,
    /// Of these, what its machines and hosts did not have, by its index; shorter where the last ones lost nothing.
    pub cpu_lost_by_workload: Vec<u64>,
}

/// Seconds of an hour in which a zone is frozen, since nothing is known of the lives of most of its pods: nothing is
/// billed, asked for or measured there. The same in every scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frozen {
    /// Start of the hour, in seconds since the epoch.
    pub start: i64,
    /// The zone.
    pub zone: u16,
    /// Seconds, a whole number of slots.
    pub seconds: u32,
}

/// Effects that the loss of one machine or host would have had at the end of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// Pods that would have died with the one that carries most.
    pub blast: Blast,
    /// Pods that run in the zone that has most of them.
    pub largest_zone: u32,
    /// `true` when zones could have taken over from a lost host.
    pub host_loss: HostLoss,
}

/// Pods on the machine or host that carries most of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Blast {
    /// Pods on it.
    pub pods: u32,
    /// Pods that run.
    pub of: u32,
    /// Workloads all of whose replicas stand on it.
    pub workloads: u32,
}

/// Zones with hosts at the end of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostLoss {
    /// Zones with hosts that carry something.
    pub zones: u32,
    /// Those in which the other hosts could not carry everything once one is lost.
    pub short: u32,
    /// Those of them in which they could not with one spare host more, either.
    pub short_with_a_spare: u32,
}

/// Seconds billed of one hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HourBilled {
    /// Start of the hour, in seconds since the epoch.
    pub start: i64,
    /// Seconds of EC2 nodes, by machine type.
    pub node_seconds: Vec<(u32, u64)>,
    /// Seconds of elastic VMs from ready to removal, by machine type: what "Before" is made of, and their root disks.
    pub evm_seconds: Vec<(u32, u64)>,
    /// Seconds of hosts, spare ones not among them.
    pub host_seconds: u64,
    /// Seconds of spare hosts.
    pub spare_host_seconds: u64,
    /// Seconds of zones with hosts in them: what NAT gateways cost by, and what one spare host a zone would.
    pub zone_seconds: u64,
}

/// Pod-seconds: asked = served + unserved, exactly.
///
/// Work that started late is done later, and may be served after its recorded end; a window that begins meanwhile
/// ([`Outcome::since`]) asks for what was still to be done of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Service {
    /// Pod-seconds asked for.
    pub asked_seconds: u64,
    /// Pod-seconds on a machine that was ready.
    pub served_seconds: u64,
    /// The same with what these pods request: what work that is owed is priced by.
    pub done: Owed,
    /// Pod-seconds owed: lost by waiting, or work not done yet.
    pub unserved_seconds: u64,
    /// Those of jobs, CronJobs and bare pods: work not done by the end.
    pub owed_batch: Owed,
    /// That part of it which may still be done: its pods wait, or run.
    pub unfinished: Owed,
    /// Pods that started later than they were scheduled as recorded, or not at all.
    pub waited: u64,
    /// Pods that fit no machine on offer.
    pub unplaceable: u64,
    /// Pod-seconds asked for by pods that were never served: they fit no machine, or waited an hour or more for theirs.
    pub never_served_seconds: u64,
    /// Elastic VMs that found no host at a time, slot by slot, the pool being at its maximum.
    pub evm_slots_without_host: u64,
}

/// Fewest and most of something at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Its zone.
    pub zone: u16,
    /// The type of elastic VM; [`crate::NONE`] stands for hosts.
    pub kind: u32,
    /// Fewest in any slot.
    pub fewest: u32,
    /// Most in any slot.
    pub most: u32,
}

/// The slot in which one machine or host was fullest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    /// When the slot began, in seconds of the hours replayed; hours that are missing have none.
    pub at: i64,
    /// The larger of its shares of CPU and of memory, in thousandths.
    pub permille: u32,
}

/// Risk outside the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Risk {
    /// Slots of all of them, but for those that are silent.
    pub slots: u64,
    /// Slots that are in no figure here, since over 5 % of the CPU or memory used in them is imputed.
    pub silent: u64,
    /// Slots whose mean CPU was over capacity.
    pub over_cpu: u64,
    /// Slots whose memory was over capacity.
    pub over_memory: u64,
    /// Slots whose mean memory was over capacity; on hosts the same as `over_memory`, since what is resident stays so.
    pub over_memory_mean: u64,
    /// Slots over the rebalancer's threshold; hosts only.
    pub over_threshold: u64,
    /// Slots over the threshold with one elastic VM alone, which nothing mends; hosts only.
    pub stuck: u64,
    /// Core-milliseconds that pods asked for; what daemons, guests and migrations do beside them is not among them.
    pub used_core_ms: u64,
    /// Core-milliseconds asked for beyond capacity, from slot means: the lower end of what was lost.
    pub lost_core_ms: u64,
    /// The same from slot peaks: the upper end. `None` where some peak is not known.
    pub lost_core_ms_at_peaks: Option<u64>,
    /// MiB-seconds beyond memory: swap on a host, memory pressure on a machine.
    pub over_mib_seconds: u64,
    /// MiB that pods used on average, slot by slot added up.
    pub pods_mib: u64,
    /// Of these, in slots whose memory was over capacity.
    pub pods_mib_over: u64,
    /// The same of slots whose mean memory was over capacity.
    pub pods_mib_over_mean: u64,
    /// The worst slot of all; the first of equals.
    pub worst: Option<Worst>,
}

/// Moves of pods and machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Motion {
    /// Migrations started since a host was over the threshold.
    pub rebalanced: u64,
    /// Migrations started to empty a host.
    pub consolidated: u64,
    /// Seconds of all migrations.
    pub migration_seconds: u64,
    /// Migrations that stopped the elastic VM.
    pub pauses: u64,
    /// Pod-seconds of these stops.
    pub paused_pod_seconds: u64,
    /// Pods restarted elsewhere since their machine was drained or replaced.
    pub drained_pods: u64,
    /// Pods restarted elsewhere since their request grew.
    pub rolled_pods: u64,
}

/// One slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Point {
    /// EC2 nodes.
    pub nodes: u32,
    /// Elastic VMs.
    pub evms: u32,
    /// Hosts.
    pub hosts: u32,
    /// Pods on a machine.
    pub pods: u32,
    /// CPU used, in millicores.
    pub cpu_millicores: u64,
    /// CPU of nodes and hosts, in millicores: what is paid for.
    pub cpu_capacity_millicores: u64,
    /// Memory used, in MiB.
    pub memory_mib: u64,
    /// Memory of nodes and hosts, in MiB.
    pub memory_capacity_mib: u64,
    /// CPU of hosts alone: used, and there, in millicores.
    pub host_cpu_millicores: (u64, u64),
    /// Memory of hosts alone: resident, and there, in MiB.
    pub host_memory_mib: (u64, u64),
    /// Share of the hottest host, in thousandths of what it is filled by.
    pub hottest_permille: u32,
}

/// Pods that cannot mix with others, and what was served of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// `true` when they run on elastic VMs.
    pub evm: bool,
    /// Zone.
    pub zone: u16,
    /// Architecture, OS and capacity type.
    pub platform: u16,
    /// Served requests times seconds, by hour and slot.
    pub served: Vec<[Served; SLOTS]>,
}

/// Requests served in a slot, times seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Served {
    /// Millicore-seconds.
    pub cpu: u64,
    /// MiB-seconds.
    pub memory: u64,
    /// Pod-seconds.
    pub pods: u64,
}

impl Outcome {
    /// Share of pod-seconds that were served; one where nothing was asked for.
    pub fn served_share(&self) -> f64 {
        let asked = self.service.asked_seconds;
        if asked == 0 {
            return 1.0;
        }
        crate::number::float(self.service.served_seconds) / crate::number::float(asked)
    }
}

/// Sums by index, less those of an earlier time.
pub(crate) fn less(now: &[u64], earlier: &[u64]) -> Vec<u64> {
    let earlier = earlier.iter().copied().chain(std::iter::repeat(0));
    now.iter().zip(earlier).map(|(now, earlier)| now - earlier).collect()
}

/// Sums by key, less those of an earlier time.
fn left_of(now: &[(u32, u64)], earlier: &[(u32, u64)]) -> Vec<(u32, u64)> {
    let before = |key: u32| earlier.iter().find(|(of, _)| *of == key).map_or(0, |(_, sum)| *sum);
    now.iter().map(|(key, sum)| (*key, sum - before(*key))).filter(|(_, sum)| *sum > 0).collect()
}

impl Outcome {
    /// CPU that machines and hosts lacked, as a share of what pods asked for. What a guest lacks its host is not asked
    /// for, so the two add up.
    pub fn cpu_lost_share(&self) -> f64 {
        let lost = self.machines.lost_core_ms + self.hosts.lost_core_ms;
        crate::number::float(lost) / crate::number::float(self.machines.used_core_ms.max(1))
    }

    /// Memory of pods that is on machines and on hosts of some kind, as a share of all memory that pods used. Slots of many
    /// small machines, or of elastic VMs beside their hosts, weigh no more than those of few large ones.
    pub fn memory_share(&self, of: impl Fn(&Risk) -> u64) -> f64 {
        let all = self.machines.pods_mib.max(1);
        crate::number::float(of(&self.machines) + of(&self.hosts)) / crate::number::float(all)
    }

    /// Returns the late starts of pods over all hours.
    pub fn waiting(&self) -> Waiting {
        let mut all = Waiting::default();
        self.waiting.iter().for_each(|hour| all.add(hour));
        all
    }

    /// Most pods on one machine or host in any hour, and most workloads all of whose replicas stood there.
    pub fn most_on_one(&self) -> (u32, u32) {
        let pods = self.failures.iter().map(|hour| hour.blast.pods).max();
        let workloads = self.failures.iter().map(|hour| hour.blast.workloads).max();
        (pods.unwrap_or_default(), workloads.unwrap_or_default())
    }

    /// Most pods on one machine or host in any hour, as a share of the pods that run on average: an hour in which hardly
    /// any runs says nothing about what a lost machine takes.
    pub fn blast_share(&self) -> f64 {
        let most = self.failures.iter().map(|hour| hour.blast.pods).max().unwrap_or_default();
        let (hours, pods) = self.hours_with_pods(|hour| hour.blast.of);
        if pods == 0 { 0.0 } else { (f64::from(most) * hours / crate::number::float(pods)).min(1.0) }
    }

    /// Returns the share that a cluster is laid out to lose at once: that of its pods in the largest zone, or outside
    /// it where this is less; zero where one zone has all. On average over the hours.
    pub fn zone_share(&self) -> f64 {
        let (_, in_zone) = self.hours_with_pods(|hour| hour.largest_zone);
        let (_, pods) = self.hours_with_pods(|hour| hour.blast.of);
        let largest = (crate::number::float(in_zone) / crate::number::float(pods.max(1))).min(1.0);
        largest.min(1.0 - largest)
    }

    /// Hours in which pods run, and a count of pods added up over them.
    fn hours_with_pods(&self, of: impl Fn(&Failures) -> u32) -> (f64, u64) {
        let with_pods = || self.failures.iter().filter(|hour| hour.blast.of > 0);
        let hours = u64::try_from(with_pods().count()).unwrap_or_default();
        (crate::number::float(hours), with_pods().map(|hour| u64::from(of(hour))).sum())
    }

    /// Share of zone-hours in which a zone could not take over from a lost host; zero without hosts.
    pub fn host_loss_share(&self) -> f64 {
        self.share_of_zones(|loss| loss.short)
    }

    /// The same with one more spare host in each zone.
    pub fn host_loss_share_with_a_spare(&self) -> f64 {
        self.share_of_zones(|loss| loss.short_with_a_spare)
    }

    fn share_of_zones(&self, of: impl Fn(&HostLoss) -> u32) -> f64 {
        let sum = |of: &dyn Fn(&HostLoss) -> u32| -> u64 {
            self.failures.iter().map(|hour| u64::from(of(&hour.host_loss))).sum()
        };
        crate::number::float(sum(&of)) / crate::number::float(sum(&|loss| loss.zones).max(1))
    }

    /// Notes that a pod of a workload stays for its volume.
    pub(crate) fn held(&mut self, workload: u32) {
        match self.held_by_volumes.binary_search_by_key(&workload, |(workload, _)| *workload) {
            Ok(at) => self.held_by_volumes.get_mut(at).into_iter().for_each(|(_, pods)| *pods += 1),
            Err(at) => self.held_by_volumes.insert(at, (workload, 1)),
        }
    }

    /// Notes that a machine of a type is kept ready in a zone.
    pub(crate) fn warmed(&mut self, zone: u16, kind: u32) {
        if let Err(at) = self.warm.binary_search(&(zone, kind)) {
            self.warm.insert(at, (zone, kind));
        }
    }
}

impl Risk {
    fn since(&self, earlier: &Self) -> Self {
        let peaks = self.lost_core_ms_at_peaks.map(|all| all - earlier.lost_core_ms_at_peaks.unwrap_or_default());
        Self {
            slots: self.slots - earlier.slots,
            silent: self.silent - earlier.silent,
            over_cpu: self.over_cpu - earlier.over_cpu,
            over_memory: self.over_memory - earlier.over_memory,
            over_memory_mean: self.over_memory_mean - earlier.over_memory_mean,
            over_threshold: self.over_threshold - earlier.over_threshold,
            stuck: self.stuck - earlier.stuck,
            used_core_ms: self.used_core_ms - earlier.used_core_ms,
            lost_core_ms: self.lost_core_ms - earlier.lost_core_ms,
            lost_core_ms_at_peaks: peaks,
            over_mib_seconds: self.over_mib_seconds - earlier.over_mib_seconds,
            pods_mib: self.pods_mib - earlier.pods_mib,
            pods_mib_over: self.pods_mib_over - earlier.pods_mib_over,
            pods_mib_over_mean: self.pods_mib_over_mean - earlier.pods_mib_over_mean,
            worst: self.worst,
        }
    }
}

impl Outcome {
    /// The same without its series and groups, which grow with time and which neither bill nor risk need.
    pub fn without_course(self) -> Self {
        Self { series: Vec::new(), groups: Vec::new(), ..self }
    }

    /// Returns what came after `earlier`, an outcome of the same scenario ([`crate::Replay::so_far`]): choices are made
    /// on the one and reported on the other. It has no course (see [`Self::without_course`]). Extents and the worst
    /// slot are those of the whole.
    pub fn since(&self, earlier: &Self) -> Self {
        let (a, b) = (&self.service, &earlier.service);
        let (m, n) = (&self.motion, &earlier.motion);
        Self {
            id: self.id.clone(),
            hours: self.hours.iter().skip(earlier.hours.len()).cloned().collect(),
            service: Service {
                asked_seconds: a.asked_seconds + b.unfinished.seconds - b.asked_seconds,
                served_seconds: a.served_seconds - b.served_seconds,
                done: a.done.less(&b.done),
                unserved_seconds: a.unserved_seconds + b.unfinished.seconds - b.unserved_seconds,
                owed_batch: a.owed_batch.since(&b.owed_batch, &b.unfinished),
                unfinished: a.unfinished,
                waited: a.waited.saturating_sub(b.waited),
                unplaceable: a.unplaceable - b.unplaceable,
                // Who waited when the earlier hours ended may have been served since.
                never_served_seconds: a.never_served_seconds.saturating_sub(b.never_served_seconds),
                evm_slots_without_host: a.evm_slots_without_host - b.evm_slots_without_host,
            },
            waiting: self.waiting.iter().skip(earlier.waiting.len()).cloned().collect(),
            frozen: self.frozen.iter().skip(earlier.frozen.len()).copied().collect(),
            machines: self.machines.since(&earlier.machines),
            hosts: self.hosts.since(&earlier.hosts),
            motion: Motion {
                rebalanced: m.rebalanced - n.rebalanced,
                consolidated: m.consolidated - n.consolidated,
                migration_seconds: m.migration_seconds - n.migration_seconds,
                pauses: m.pauses - n.pauses,
                paused_pod_seconds: m.paused_pod_seconds - n.paused_pod_seconds,
                drained_pods: m.drained_pods - n.drained_pods,
                rolled_pods: m.rolled_pods - n.rolled_pods,
            },
            series: Vec::new(),
            groups: Vec::new(),
            imputed: self.imputed.since(&earlier.imputed),
            pools: self.pools.clone(),
            warm: self.warm.clone(),
            cpu_used_by_workload: less(&self.cpu_used_by_workload, &earlier.cpu_used_by_workload),
            cpu_lost_by_workload: less(&self.cpu_lost_by_workload, &earlier.cpu_lost_by_workload),
            evictions: self.evictions.less(&earlier.evictions),
            interruptions: Interruptions {
                pod_seconds: self.interruptions.pod_seconds - earlier.interruptions.pod_seconds,
                ..self.interruptions
            },
            empty_nodes: left_of(&self.empty_nodes, &earlier.empty_nodes),
            stranded: Stranded::since(&self.stranded, &earlier.stranded),
            held_by_volumes: self.held_by_volumes.clone(),
            failures: self.failures.iter().skip(earlier.failures.len()).copied().collect(),
        }
    }
}
