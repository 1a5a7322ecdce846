//! Use over the slots of one day, by workload, namespace and node: distributions, and whether peaks meet.

use std::collections::BTreeMap;

use types::{SLOTS_PER_HOUR, window::HOUR_SECONDS};

use crate::fast_maps::FastMap;
use crate::sums::cpu_and_memory::CpuMemoryBySlot;
use crate::sums::histogram::Histogram;
use crate::sums::pod_row::PodRow;

const SLOTS_PER_DAY: usize = 24 * SLOTS_PER_HOUR;
/// CPU and memory in each slot.
type Series = [Box<[i64]>; 2];

/// One part of the cluster over a day.
#[derive(Debug, Clone)]
struct PartDay {
    used: Series,
    requested: [i128; 2],
    /// Slots in which it had pods.
    present: [bool; SLOTS_PER_DAY],
}

impl Default for PartDay {
    fn default() -> Self {
        let zeros = || vec![0; SLOTS_PER_DAY].into_boxed_slice();
        Self { used: [zeros(), zeros()], requested: [0; 2], present: [false; SLOTS_PER_DAY] }
    }
}

impl PartDay {
    fn add(&mut self, first: usize, alive: &[i64; SLOTS_PER_HOUR], used: &CpuMemoryBySlot, requested: [i64; 2]) {
        for (sums, used) in self.used.iter_mut().zip(used) {
            for (sum, used) in sums.iter_mut().skip(first).zip(used) {
                // Stops at what 64 bits hold, which takes 30 PB in use at once.
                *sum = sum.saturating_add(*used);
            }
        }
        for (present, alive) in self.present.iter_mut().skip(first).zip(alive) {
            *present |= *alive > 0;
        }
        let seconds: i64 = alive.iter().sum();
        for (sum, requested) in self.requested.iter_mut().zip(requested) {
            *sum += i128::from(requested) * i128::from(seconds);
        }
    }

    fn merge(&mut self, other: &Self) {
        for (sums, other) in self.used.iter_mut().zip(&other.used) {
            sums.iter_mut().zip(other).for_each(|(sum, other)| *sum = sum.saturating_add(*other));
        }
        self.present.iter_mut().zip(other.present).for_each(|(present, other)| *present |= other);
        self.requested.iter_mut().zip(other.requested).for_each(|(sum, other)| *sum += other);
    }

    fn peaks(&self) -> [i64; 2] {
        self.used.each_ref().map(|series| series.iter().copied().max().unwrap_or_default())
    }
}

/// The day that is read.
#[derive(Debug, Default)]
pub(crate) struct Day {
    workloads: FastMap<u32, PartDay>,
    nodes: FastMap<u32, PartDay>,
    /// The group of each node.
    groups: FastMap<u32, String>,
}

impl Day {
    pub(super) fn pod(
        &mut self,
        row: &PodRow,
        alive: &[i64; SLOTS_PER_HOUR],
        used: &CpuMemoryBySlot,
        workload: u32,
        node: Option<u32>,
    ) {
        let hour = usize::try_from(row.hour.div_euclid(HOUR_SECONDS).rem_euclid(24)).unwrap_or_default();
        let requested = [row.cpu_request_millicores, row.memory_request_bytes];
        let first = hour * SLOTS_PER_HOUR;
        self.workloads.entry(workload).or_default().add(first, alive, used, requested);
        if let Some(node) = node {
            self.nodes.entry(node).or_default().add(first, alive, used, requested);
        }
    }

    pub(super) fn node(&mut self, node: u32, group: Option<&str>) {
        self.groups.entry(node).or_insert_with(|| group.unwrap_or_default().to_owned());
    }
}

/// Distributions of use, for each part of the cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spreads {
    pub(crate) used: [Histogram; 2],
    pub(crate) requested: [i128; 2],
}

impl Spreads {
    fn take(&mut self, day: &PartDay) {
        for (histogram, series) in self.used.iter_mut().zip(&day.used) {
            let there = series.iter().zip(day.present).filter(|(used, present)| *present || **used > 0);
            there.for_each(|(used, _)| histogram.add(*used));
        }
        self.requested.iter_mut().zip(day.requested).for_each(|(sum, day)| *sum += day);
    }
}

/// Peaks of one day: of the cluster, and summed over its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Peaks {
    pub(crate) of_sum: i64,
    pub(crate) workloads: i128,
    pub(crate) namespaces: i128,
    pub(crate) nodes: i128,
}

/// Distributions over all days, and the peaks of the day on which the cluster's was highest.
#[derive(Debug, Default)]
pub(crate) struct Distributions {
    pub(crate) workloads: BTreeMap<u32, Spreads>,
    pub(crate) namespaces: BTreeMap<String, Spreads>,
    pub(crate) node_groups: BTreeMap<String, Spreads>,
    pub(crate) peaks: [Peaks; 2],
}

impl Distributions {
    pub(super) fn end_day(&mut self, day: &mut Day, namespace: impl Fn(u32) -> String) {
        let mut namespaces: BTreeMap<String, PartDay> = BTreeMap::new();
        let mut groups: BTreeMap<&str, PartDay> = BTreeMap::new();
        let mut all = PartDay::default();
        for (workload, part) in &day.workloads {
            namespaces.entry(namespace(*workload)).or_default().merge(part);
            self.workloads.entry(*workload).or_default().take(part);
            all.merge(part);
        }
        for (node, part) in &day.nodes {
            groups.entry(day.groups.get(node).map_or("", String::as_str)).or_default().merge(part);
        }
        for (name, part) in &namespaces {
            self.namespaces.entry(name.clone()).or_default().take(part);
        }
        for (name, part) in groups {
            self.node_groups.entry(name.to_owned()).or_default().take(&part);
        }
        let peaks = |parts: &mut dyn Iterator<Item = [i64; 2]>| {
            let mut sums = [0_i128; 2];
            for part in parts {
                sums.iter_mut().zip(part).for_each(|(sum, peak)| *sum += i128::from(peak));
            }
            sums
        };
        let of_workloads = peaks(&mut day.workloads.values().map(PartDay::peaks));
        let of_namespaces = peaks(&mut namespaces.values().map(PartDay::peaks));
        let of_nodes = peaks(&mut day.nodes.values().map(PartDay::peaks));
        let sums = of_workloads.into_iter().zip(of_namespaces).zip(of_nodes);
        for ((best, of_sum), ((workloads, namespaces), nodes)) in self.peaks.iter_mut().zip(all.peaks()).zip(sums) {
            // Of equal days the first.
            if of_sum > best.of_sum {
                *best = Peaks { of_sum, workloads, namespaces, nodes };
            }
        }
        *day = Day::default();
    }
}
