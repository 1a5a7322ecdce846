//! What pods used, and what stands in where nothing was measured.
//!
//! A container without a sample while its pod lives counts as the mean of its class in that slot, where others of the
//! pod's containers have one. A pod without any counts as its own last value for up to 15 minutes, then as the mean of
//! its workload in that slot, then as its request.

use super::{Cluster, DaemonUse, Demand, Habit, Imputed, habit, nodes, overlap};
use crate::hour::{ContainerRow, Hour, Lane, NONE, SLOTS, UNKNOWN};
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

/// Sums and counts of one slot.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    cpu: u64,
    memory: u64,
    n: u32,
}

impl Mean {
    fn add(&mut self, cpu: u32, memory: u32) {
        self.cpu += u64::from(cpu);
        self.memory += u64::from(memory);
        self.n += 1;
    }

    fn get(&self) -> Option<(u32, u32)> {
        let mean = |sum: u64| u32::try_from(sum.checked_div(u64::from(self.n))?).ok();
        Some((mean(self.cpu)?, mean(self.memory)?))
    }
}

/// The pods' known use of one hour, before anything is imputed.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    classes: Vec<[Mean; SLOTS]>,
    workloads: Vec<[Mean; SLOTS]>,
    /// Workloads seen in the hour.
    seen: Vec<u32>,
}

fn cell(rows: &mut Vec<[Mean; SLOTS]>, row: u32) -> Option<&mut [Mean; SLOTS]> {
    let place = index(row);
    if place >= rows.len() {
        rows.resize_with(place + 1, Default::default);
    }
    rows.get_mut(place)
}

fn mean(rows: &[[Mean; SLOTS]], row: u32, k: usize) -> Option<(u32, u32)> {
    rows.get(index(row))?.get(k)?.get()
}

impl Scratch {
    fn clear(&mut self) {
        self.classes.iter_mut().for_each(|row| *row = Default::default());
        self.workloads.iter_mut().for_each(|row| *row = Default::default());
        self.seen.clear();
    }

    /// Lets the hour's means enter what is known of each workload.
    pub(super) fn enter_habits(&mut self, habits: &mut Table<Habit>) {
        self.seen.sort_unstable();
        self.seen.dedup();
        for workload in &self.seen {
            let Some(row) = self.workloads.get(index(*workload)) else { continue };
            let habit = habit(habits, *workload);
            for mean in row.iter().filter(|mean| mean.n > 0) {
                habit.seen_slots = habit.seen_slots.saturating_add(1);
                habit.slots += f64::from(mean.n);
                habit.cpu += crate::number::float(mean.cpu);
                habit.memory += crate::number::float(mean.memory);
            }
        }
    }
}

/// Containers of one pod in one slot.
struct Known {
    cpu: u32,
    peak: u32,
    memory: u32,
    /// Containers with a sample.
    known: u32,
    /// Containers that should have one and have none.
    missing: u32,
    peaks_missing: u32,
}

fn in_slot(containers: &[ContainerRow], k: usize) -> Known {
    let mut all = Known { cpu: 0, peak: 0, memory: 0, known: 0, missing: 0, peaks_missing: 0 };
    for row in containers {
        let (cpu, memory) = (row.cpu_mean_millicores.at(k), row.memory_max_mib.at(k));
        if cpu == UNKNOWN || memory == UNKNOWN {
            all.missing += u32::from(row.class != NONE);
            continue;
        }
        let peak = row.cpu_max_millicores.at(k);
        all.known += u32::from(row.class != NONE);
        all.cpu += cpu;
        all.memory += memory;
        all.peak += if peak == UNKNOWN { cpu } else { peak.max(cpu) };
        all.peaks_missing += u32::from(peak == UNKNOWN);
    }
    all
}

impl Cluster {
    /// Fills in what the hour's pods use. `ids` has the pod of each row.
    pub(super) fn use_of(&mut self, hour: &Hour, ids: &[u32]) {
        self.scratch.clear();
        for row in hour.containers() {
            let daemon = ids.get(index(row.pod)).is_none_or(|pod| *pod == NONE);
            if row.class != NONE && !daemon {
                self.note_class(row);
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
            if *pod == NONE {
                add_daemon(&mut daemons, own, row.alive_from, row.alive_to);
                continue;
            }
            if self.pods[*pod].classes.is_empty() {
                let classes = own.iter().map(|row| row.class).filter(|class| *class != NONE);
                self.pods[*pod].classes = classes.collect();
                self.pods[*pod].sized = self.sized(*pod);
            }
            let mut demand = Demand::ZERO;
            for k in 0..SLOTS {
                let alive = overlap(k, row.alive_from, row.alive_to);
                if alive == 0 {
                    continue;
                }
                imputed.pod_slots += 1;
                let mut slot = in_slot(own, k);
                if slot.known == 0 {
                    imputed.imputed_pod_slots += 1;
                    imputed.pod_slots_without_peak += 1;
                    let last = &mut self.pods[*pod].last;
                    match last.slots.checked_sub(1) {
                        Some(slots) => {
                            last.slots = slots;
                            demand.set(k, alive, last.cpu, last.cpu, last.memory);
                        }
                        None => gaps.push((*pod, k, alive)),
                    }
                    continue;
                }
                if slot.missing > 0 {
                    imputed.imputed_pod_slots += 1;
                    self.fill_containers(own, k, &mut slot);
                }
                imputed.pod_slots_without_peak += u64::from(slot.peaks_missing > 0);
                self.pods[*pod].last = Last { cpu: slot.cpu, memory: slot.memory, slots: LAST_SLOTS };
                if let Some(mean) = cell(&mut self.scratch.workloads, row.workload).and_then(|row| row.get_mut(k)) {
                    mean.add(slot.cpu, slot.memory);
                }
                demand.set(k, alive, slot.cpu, slot.peak, slot.memory);
            }
            self.scratch.seen.push(row.workload);
            self.demand[*pod] = demand;
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

    fn note_class(&mut self, row: &ContainerRow) {
        let Some(means) = cell(&mut self.scratch.classes, row.class) else { return };
        let known = row.cpu_mean_millicores.0.iter().zip(&row.memory_max_mib.0);
        for (mean, (cpu, memory)) in means.iter_mut().zip(known) {
            if *cpu != UNKNOWN && *memory != UNKNOWN {
                mean.add(*cpu, *memory);
            }
        }
        if let Some(sizer) = &mut self.sizer {
            sizer.observe(row.class, &row.cpu_mean_millicores, &row.memory_max_mib);
        }
    }

    /// Containers without a sample beside others that have one: the mean of their class in the slot.
    fn fill_containers(&self, own: &[ContainerRow], k: usize, slot: &mut Known) {
        let missing = |row: &&ContainerRow| {
            row.class != NONE && (row.cpu_mean_millicores.at(k) == UNKNOWN || row.memory_max_mib.at(k) == UNKNOWN)
        };
        for row in own.iter().filter(missing) {
            let (cpu, memory) = mean(&self.scratch.classes, row.class, k).unwrap_or_default();
            slot.cpu += cpu;
            slot.peak += cpu;
            slot.memory += memory;
            slot.peaks_missing += 1;
        }
    }

    /// Pods without a sample for longer than their last value stands in.
    fn fill_pods(&mut self, gaps: &[(u32, usize, u32)]) {
        for (pod, k, alive) in gaps.iter().copied() {
            let row = &self.pods[pod];
            let asked = (row.as_is.cpu_millicores, row.as_is.memory_mib);
            let (cpu, memory) = mean(&self.scratch.workloads, row.workload, k).unwrap_or(asked);
            self.demand[pod].set(k, alive, cpu, cpu, memory);
        }
    }
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

fn add_daemon((cpu, memory): &mut (Lane, Lane), own: &[ContainerRow], from: u16, to: u16) {
    for k in 0..SLOTS {
        let alive = overlap(k, from, to);
        if alive > 0 {
            let slot = in_slot(own, k);
            let mut demand = Demand::ZERO;
            demand.set(k, alive, slot.cpu, slot.peak, slot.memory);
            cpu.add(&demand.cpu);
            memory.add(&demand.memory);
        }
    }
}
