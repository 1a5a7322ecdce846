//! Sums of the nodes' own exporters: steal, and how full the nodes were in the worst slot.

use lake::SlotValues;
use types::{ComputeType, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::fast_maps::{FastMap, hash};
use crate::sums::hour_facts::HourFacts;
use crate::sums::node_billing::NodeRow;

const MIB: i64 = 1 << 20;

/// The fullest slot: use of all nodes that report it, against their capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Worst {
    pub(crate) used: i64,
    pub(crate) capacity: i64,
}

impl Worst {
    /// Keeps the fuller of two slots; of equal ones the first.
    fn take(&mut self, used: i64, capacity: i64) {
        let fuller = i128::from(used) * i128::from(self.capacity) > i128::from(self.used) * i128::from(capacity);
        if capacity > 0 && (self.capacity == 0 || fuller) {
            *self = Self { used, capacity };
        }
    }

    /// Use over capacity; `None` when no node reported.
    pub(crate) fn fraction(self) -> Option<f64> {
        crate::number::ratio(crate::number::float(self.used.into()), crate::number::float(self.capacity.into()))
    }
}

/// Sums over the hours taken, which come oldest first.
#[derive(Debug, Default)]
pub(crate) struct Exporter {
    /// Steal and capacity of the nodes that report steal, in millicore-seconds.
    pub(crate) steal: i128,
    pub(crate) steal_capacity: i128,
    /// Seconds in which it is known, and all seconds of nodes that are machines.
    pub(crate) steal_seconds: i64,
    pub(crate) seconds: i64,
    /// The largest steal of one node in one slot, and that node's capacity.
    pub(crate) steal_peak: Worst,
    pub(crate) cpu: Worst,
    pub(crate) memory: Worst,
    pub(crate) high_water: Worst,
    pub(crate) touched: Worst,
    /// The most memory each node used so far, by hash of its name and provider id.
    most_used_mib: FastMap<u64, i32>,
}

impl Exporter {
    pub(super) fn take(&mut self, facts: &HourFacts) {
        let machines = facts.nodes.iter().filter(|node| node.kind.compute_type != ComputeType::Fargate);
        let mut sums = [[Worst::default(); SLOTS_PER_HOUR]; 4];
        for node in machines {
            self.take_node(node, &mut sums);
        }
        let [cpu, memory, high_water, touched] = sums;
        let keep = |worst: &mut Worst, slots: [Worst; SLOTS_PER_HOUR]| {
            slots.into_iter().for_each(|slot| worst.take(slot.used, slot.capacity));
        };
        keep(&mut self.cpu, cpu);
        keep(&mut self.memory, memory);
        keep(&mut self.high_water, high_water);
        keep(&mut self.touched, touched);
    }

    fn take_node(&mut self, node: &NodeRow, sums: &mut [[Worst; SLOTS_PER_HOUR]; 4]) {
        self.seconds += node.up_seconds;
        let [cpu, memory, high_water, touched] = sums;
        let add = |slots: &mut [Worst; SLOTS_PER_HOUR], values: SlotValues, capacity: i64| {
            for (slot, used) in slots.iter_mut().zip(values) {
                if let Some(used) = used {
                    slot.used += i64::from(used);
                    slot.capacity += capacity;
                }
            }
        };
        if let (Some(capacity), Some(steal)) = (node.cpu_capacity_millicores, node.seen.cpu_steal_millicores) {
            for steal in steal.into_iter().flatten().map(i64::from) {
                self.steal += i128::from(steal * SLOT_SECONDS);
                self.steal_capacity += i128::from(capacity * SLOT_SECONDS);
                self.steal_seconds += SLOT_SECONDS;
                self.steal_peak.take(steal, capacity);
            }
        }
        if let (Some(capacity), Some(used)) = (node.cpu_capacity_millicores, node.seen.cpu_used_millicores) {
            add(cpu, used, capacity);
        }
        let Some(capacity_mib) = node.memory_capacity_bytes.map(|bytes| bytes / MIB) else { return };
        if let Some(used) = node.seen.memory_used_mib {
            add(memory, used, capacity_mib);
            let most = self.most_used_mib.entry(hash(&[&node.name, &node.provider_id])).or_default();
            let highest = used.map(|used| {
                *most = used.map_or(*most, |used| used.max(*most));
                used.map(|_| *most)
            });
            add(high_water, highest, capacity_mib);
        }
        if let Some(touched_mib) = node.seen.memory_touched_mib {
            add(touched, touched_mib, capacity_mib);
        }
    }
}
