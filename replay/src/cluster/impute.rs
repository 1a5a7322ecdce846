//! What pods used, and what stands in where nothing was measured.
//!
//! A container without a sample while its pod lives counts as the mean of its class in that slot, where others of the
//! pod's containers have one. A pod without any counts as its own last value for up to 15 minutes, then as the mean of
//! its workload in that slot, then as its request.

use super::{Cluster, DaemonUse, Demand, Habit, Imputed, habit, nodes, overlap};
use crate::hour::{ContainerRow, Hour, Lane, NONE, PodRow, SLOTS, UNKNOWN};
use crate::number::{index, whole};
use crate::table::Table;

/// Slots for which a pod's last value stands in.
const LAST_SLOTS: u8 = 3;

/// The last known use of a pod, while alive.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Last {
    cpu: u32,
    memory: u32,
    /// Slots for which it still stands in.
    slots: u8,
}

/// Sums and counts of the slots of an hour.
#[derive(Debug, Clone, Default)]
struct Means {
    cpu: [u64; SLOTS],
    memory: [u64; SLOTS],
    n: [u32; SLOTS],
}

impl Means {
    /// Counts one row in the slots in which it is known.
    fn add(&mut self, cpu: &Lane, memory: &Lane, known: &[bool; SLOTS]) {
        let sums = self.cpu.iter_mut().zip(&mut self.memory).zip(&mut self.n);
        for (((cpu_sum, memory_sum), n), ((cpu, memory), known)) in sums.zip(cpu.0.iter().zip(&memory.0).zip(known)) {
            let known = u32::from(*known);
            *cpu_sum += u64::from(cpu.wrapping_mul(known));
            *memory_sum += u64::from(memory.wrapping_mul(known));
            *n += known;
        }
    }

    fn get(&self, k: usize) -> Option<(u32, u32)> {
        let n = u64::from(*self.n.get(k)?);
        let mean = |sums: &[u64; SLOTS]| u32::try_from(sums.get(k)?.checked_div(n)?).ok();
        Some((mean(&self.cpu)?, mean(&self.memory)?))
    }
}

/// The pods' known use of one hour, before anything is imputed.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    /// By class; empty until a container is silent beside others.
    classes: Vec<Means>,
    workloads: Vec<Means>,
}

fn row(rows: &mut Vec<Means>, row: u32) -> Option<&mut Means> {
    let place = index(row);
    if place >= rows.len() {
        rows.resize_with(place + 1, Default::default);
    }
    rows.get_mut(place)
}

impl Scratch {
    /// Lets the hour's means enter what is known of each workload.
    pub(super) fn enter_habits(&mut self, habits: &mut Table<Habit>) {
        for (workload, means) in (0..).zip(&self.workloads) {
            for ((n, cpu), memory) in means.n.iter().zip(&means.cpu).zip(&means.memory).filter(|((n, _), _)| **n > 0) {
                let habit = habit(habits, workload);
                habit.seen_slots = habit.seen_slots.saturating_add(1);
                habit.slots += f64::from(*n);
                habit.cpu += crate::number::float(*cpu);
                habit.memory += crate::number::float(*memory);
            }
        }
    }
}

/// Containers of one pod, slot by slot.
struct Known {
    cpu: Lane,
    peak: Lane,
    memory: Lane,
    /// Containers with a sample.
    known: [u32; SLOTS],
    /// Containers that should have one and have none.
    missing: [u32; SLOTS],
    peaks_missing: [u32; SLOTS],
}

#[expect(clippy::indexing_slicing, reason = "every lane has as many slots as the loop")]
fn known(containers: &[ContainerRow]) -> Known {
    let none = [0_u32; SLOTS];
    let (mut cpu, mut peak, mut memory) = (Lane::ZERO, Lane::ZERO, Lane::ZERO);
    let (mut known, mut missing, mut peaks_missing) = (none, none, none);
    for row in containers {
        let counts = u32::from(row.class != NONE);
        let (cpus, peaks, memories) = (&row.cpu_mean_millicores.0, &row.cpu_max_millicores.0, &row.memory_max_mib.0);
        // A machine's sum stays far below 2^32 millicores or MiB.
        for k in 0..SLOTS {
            let seen = (cpus[k] != UNKNOWN) & (memories[k] != UNKNOWN);
            let (one, peak_known) = (u32::from(seen), peaks[k] != UNKNOWN);
            let most = if peak_known { peaks[k].max(cpus[k]) } else { cpus[k] };
            cpu.0[k] = cpu.0[k].wrapping_add(if seen { cpus[k] } else { 0 });
            peak.0[k] = peak.0[k].wrapping_add(if seen { most } else { 0 });
            memory.0[k] = memory.0[k].wrapping_add(if seen { memories[k] } else { 0 });
            known[k] = known[k].wrapping_add(one & counts);
            missing[k] = missing[k].wrapping_add((1 ^ one) & counts);
            peaks_missing[k] = peaks_missing[k].wrapping_add(one & u32::from(!peak_known));
        }
    }
    Known { cpu, peak, memory, known, missing, peaks_missing }
}

impl Cluster {
    /// Fills in what the hour's pods use. `ids` has the pod of each row.
    pub(super) fn use_of(&mut self, hour: &Hour, ids: &[u32]) {
        self.scratch.classes.clear();
        self.scratch.workloads.iter_mut().for_each(|row| *row = Means::default());
        if let Some(sizer) = &mut self.sizer {
            for row in of_classes(hour, ids) {
                sizer.observe(row.class, &row.cpu_mean_millicores, &row.memory_max_mib);
            }
        }
        let mut containers = hour.containers();
        let mut daemons = (Lane::ZERO, Lane::ZERO);
        let mut imputed = Imputed::default();
        let mut gaps: Vec<(u32, usize, u32)> = Vec::new();
        for (at, (row, pod)) in (0_u32..).zip(hour.pods().iter().zip(ids)) {
            let own = containers.iter().take_while(|container| container.pod == at).count();
            let (own, rest) = containers.split_at_checked(own).unwrap_or_default();
            containers = rest;
            let known = known(own);
            if *pod == NONE {
                add_daemon(&mut daemons, &known, row.alive_from, row.alive_to);
                continue;
            }
            if self.pods[*pod].classes.is_empty() {
                let classes = own.iter().map(|row| row.class).filter(|class| *class != NONE);
                self.pods[*pod].classes = classes.collect();
                self.pods[*pod].sized = self.sized(*pod);
            }
            let whole_hour = row.alive_from == 0 && i64::from(row.alive_to) == crate::hour::HOUR_SECONDS;
            if whole_hour && known.known.iter().zip(&known.missing).all(|(known, missing)| *known > 0 && *missing == 0)
            {
                self.use_as_known(*pod, row.workload, &known, &mut imputed);
            } else {
                self.use_with_gaps(hour, ids, *pod, row, own, known, &mut imputed, &mut gaps);
            }
        }
        self.fill_pods(&gaps);
        self.imputed.pod_slots += imputed.pod_slots;
        self.imputed.imputed_pod_slots += imputed.imputed_pod_slots;
        self.imputed.pod_slots_without_peak += imputed.pod_slots_without_peak;
        let nodes = u32::try_from(nodes(hour)).unwrap_or(u32::MAX);
        for lane in [&mut daemons.0, &mut daemons.1] {
            lane.0.iter_mut().for_each(|sum| *sum /= nodes);
        }
        self.daemons = DaemonUse { cpu: daemons.0, memory: daemons.1 };
    }

    /// What a pod uses that lives through the hour and is known in every slot: nearly all of them.
    fn use_as_known(&mut self, pod: u32, workload: u32, known: &Known, imputed: &mut Imputed) {
        imputed.pod_slots += u64::from(crate::number::id(SLOTS));
        let without_peak = known.peaks_missing.iter().filter(|n| **n > 0).count();
        imputed.pod_slots_without_peak += u64::from(crate::number::id(without_peak));
        self.pods[pod].last =
            Last { cpu: known.cpu.at(SLOTS - 1), memory: known.memory.at(SLOTS - 1), slots: LAST_SLOTS };
        if let Some(means) = row(&mut self.scratch.workloads, workload) {
            means.add(&known.cpu, &known.memory, &[true; SLOTS]);
        }
        self.demand[pod] = Demand { cpu: known.cpu, cpu_max: known.peak, memory: known.memory };
    }

    #[expect(clippy::too_many_arguments, reason = "the rare half of one loop")]
    fn use_with_gaps(
        &mut self,
        hour: &Hour,
        ids: &[u32],
        pod: u32,
        row_of_pod: &PodRow,
        own: &[ContainerRow],
        mut known: Known,
        imputed: &mut Imputed,
        gaps: &mut Vec<(u32, usize, u32)>,
    ) {
        let mut demand = Demand::ZERO;
        let mut counted = [false; SLOTS];
        for k in 0..SLOTS {
            let alive = overlap(k, row_of_pod.alive_from, row_of_pod.alive_to);
            if alive == 0 {
                continue;
            }
            imputed.pod_slots += 1;
            let of = |counts: &[u32; SLOTS]| counts.get(k).copied().unwrap_or_default();
            if of(&known.known) == 0 {
                imputed.imputed_pod_slots += 1;
                imputed.pod_slots_without_peak += 1;
                let last = &mut self.pods[pod].last;
                match last.slots.checked_sub(1) {
                    Some(slots) => {
                        last.slots = slots;
                        demand.set(k, alive, last.cpu, last.cpu, last.memory);
                    }
                    None => gaps.push((pod, k, alive)),
                }
                continue;
            }
            let mut peak_missing = of(&known.peaks_missing) > 0;
            if of(&known.missing) > 0 {
                imputed.imputed_pod_slots += 1;
                peak_missing = true;
                self.note_classes(hour, ids);
                self.fill_containers(own, k, &mut known);
            }
            imputed.pod_slots_without_peak += u64::from(peak_missing);
            let (cpu, memory) = (known.cpu.at(k), known.memory.at(k));
            self.pods[pod].last = Last { cpu, memory, slots: LAST_SLOTS };
            if let Some(cell) = counted.get_mut(k) {
                *cell = true;
            }
            demand.set(k, alive, cpu, known.peak.at(k), memory);
        }
        if let Some(means) = row(&mut self.scratch.workloads, row_of_pod.workload) {
            means.add(&known.cpu, &known.memory, &counted);
        }
        self.demand[pod] = demand;
    }

    /// Means by class, once in an hour, and only where some container is silent.
    fn note_classes(&mut self, hour: &Hour, ids: &[u32]) {
        if !self.scratch.classes.is_empty() {
            return;
        }
        for container in of_classes(hour, ids) {
            let (cpu, memory) = (&container.cpu_mean_millicores, &container.memory_max_mib);
            let known = std::array::from_fn(|k| cpu.at(k) != UNKNOWN && memory.at(k) != UNKNOWN);
            if let Some(means) = row(&mut self.scratch.classes, container.class) {
                means.add(cpu, memory, &known);
            }
        }
    }

    /// Containers without a sample beside others that have one: the mean of their class in the slot.
    fn fill_containers(&self, own: &[ContainerRow], k: usize, known: &mut Known) {
        let missing = |row: &&ContainerRow| {
            row.class != NONE && (row.cpu_mean_millicores.at(k) == UNKNOWN || row.memory_max_mib.at(k) == UNKNOWN)
        };
        for row in own.iter().filter(missing) {
            let means = self.scratch.classes.get(index(row.class)).and_then(|means| means.get(k));
            let (cpu, memory) = means.unwrap_or_default();
            known.cpu.set(k, known.cpu.at(k) + cpu);
            known.peak.set(k, known.peak.at(k) + cpu);
            known.memory.set(k, known.memory.at(k) + memory);
        }
    }

    /// Pods without a sample for longer than their last value stands in.
    fn fill_pods(&mut self, gaps: &[(u32, usize, u32)]) {
        for (pod, k, alive) in gaps.iter().copied() {
            let row = &self.pods[pod];
            let asked = (row.as_is.cpu_millicores, row.as_is.memory_mib);
            let means = self.scratch.workloads.get(index(row.workload));
            let (cpu, memory) = means.and_then(|means| means.get(k)).unwrap_or(asked);
            self.demand[pod].set(k, alive, cpu, cpu, memory);
        }
    }
}

/// Containers that are sized and imputed by class: of pods that are placed, init containers aside.
fn of_classes<'h>(hour: &'h Hour, ids: &'h [u32]) -> impl Iterator<Item = &'h ContainerRow> {
    let daemon = |row: &ContainerRow| ids.get(index(row.pod)).is_none_or(|pod| *pod == NONE);
    hour.containers().iter().filter(move |row| row.class != NONE && !daemon(row))
}

impl Demand {
    /// What a pod uses in slot `k`, of which it is alive for `alive` seconds.
    fn set(&mut self, k: usize, alive: u32, cpu: u32, peak: u32, memory: u32) {
        let mean = if alive >= 300 { cpu } else { whole(f64::from(cpu) * f64::from(alive) / 300.0) };
        self.cpu.set(k, mean);
        self.cpu_max.set(k, peak);
        self.memory.set(k, memory);
    }
}

fn add_daemon((cpu, memory): &mut (Lane, Lane), known: &Known, from: u16, to: u16) {
    let mut demand = Demand::ZERO;
    for k in 0..SLOTS {
        let alive = overlap(k, from, to);
        if alive > 0 {
            demand.set(k, alive, known.cpu.at(k), known.peak.at(k), known.memory.at(k));
        }
    }
    cpu.add(&demand.cpu);
    memory.add(&demand.memory);
}
