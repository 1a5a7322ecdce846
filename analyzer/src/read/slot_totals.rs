//! Five-minute totals from the lists by slot, read flat: no list becomes a row of its own.

use std::collections::{BTreeMap, BTreeSet};

use arrow::record_batch::RecordBatch;
use lake::tables::{container_hour, pod_hour};
use lake::{Column, SlotValues};
use types::window::HOUR_SECONDS;
use types::{ComputeType, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::fast_maps::{FastMap, hash};
use crate::read::columns::{Misfit, TextLists, columns};
use crate::read::usage_by_owner::Owners;
use crate::sums::cpu_and_memory::CpuMemoryBySlot;
use crate::sums::hour_facts::{HourFacts, Spread, WorkloadKey};
use crate::sums::node_billing::NodeRow;
use crate::sums::node_usage_by_owner::Ledger;
use crate::sums::pod_row::PodRow;
use crate::sums::unknown_slots::{Silent, SlotBits};

columns! {
    /// The columns [`PodSlots::read`] reads.
    POD_COLUMNS, PodColumns of pod_hour:
    hour_start_seconds: Int64s,
    pod_uid: Texts,
    namespace: Texts,
    node: Texts,
    workload_kind: Texts,
    workload: Texts,
    scheduled_seconds: Int64s,
    ended_seconds: Int64s,
    cpu_effective_request_millicores: Int32s,
    memory_effective_request_bytes: Int64s,
    alive_seconds_by_slot: Slots,
    volume_claims: TextLists,
}

/// [`POD_COLUMNS`] and the labels.
pub(crate) fn pod_columns(with_labels: bool) -> Vec<Column> {
    let labels = with_labels.then_some(pod_hour::labels);
    POD_COLUMNS.iter().copied().chain(labels).collect()
}

columns! {
    /// The columns [`add_containers`] reads.
    CONTAINER_COLUMNS, ContainerColumns of container_hour:
    hour_start_seconds: Int64s,
    pod_uid: Texts,
    container: Texts,
    namespace: Texts,
    cpu_core_milliseconds: Int64s,
    memory_kib_seconds: Int64s,
    cpu_mean_millicores_by_slot: Slots,
    memory_mean_mib_by_slot: Slots,
}

/// Seconds around its end within which another pod takes the place of one that is evicted.
const GOES_ON_SECONDS: i64 = 300;

/// The pods of a part, and where the walk over its containers stands.
///
/// Both files are sorted by uid, so the containers of a pod come together, and what they use is summed for one pod at a
/// time before it goes to the ledger.
#[derive(Debug, Default)]
pub(crate) struct PodSlots {
    /// The uid of each pod once, in the order of the file, which is sorted by uid.
    uids: Vec<Box<str>>,
    /// Where the rows of each uid begin in `rows`; they end where the next begin.
    begins: Vec<usize>,
    rows: Vec<PodRow>,
    /// Hash of each uid, by hour and namespace.
    ids: BTreeMap<i64, PodIds>,
    /// The pod whose containers are read.
    near: usize,
    /// Use of its containers so far, for each of its rows.
    used: Vec<CpuMemoryBySlot>,
    /// Slots in which something was sampled of them, for each of its rows; only in hours that lack scrapes.
    sampled: Vec<SlotBits>,
    /// Whose the containers are, in the order of their file.
    containers: Owners,
    /// Hours that lack scrapes of kube-state-metrics.
    lacking: BTreeSet<i64>,
    /// Zone of each node, by hour and the number of its name; of Fargate's none.
    zones: FastMap<(i64, u32), String>,
    /// Nodes among them that no scenario replaces, so that how their pods are spread says nothing.
    apart: BTreeSet<(i64, u32)>,
    /// Pods on each of these nodes at the end of the hour, daemons aside.
    on_node: FastMap<(i64, u32), u32>,
    /// What of each zone has no sample in these hours.
    silent: BTreeMap<i64, BTreeMap<String, Silent>>,
}

/// Hash of each uid, by namespace.
pub(crate) type PodIds = BTreeMap<String, Vec<u64>>;

impl PodSlots {
    /// Nothing yet of a part with so many rows of pods and of containers.
    pub(crate) fn of(pods: usize, containers: usize) -> Self {
        Self { rows: Vec::with_capacity(pods), containers: Owners::with_capacity(containers), ..Self::default() }
    }

    /// Where the nodes are, and hours in which it is to be found out what has no sample.
    pub(crate) fn nodes(&mut self, lacking: BTreeSet<i64>, nodes: &BTreeMap<i64, Vec<NodeRow>>, ledger: &mut Ledger) {
        for (hour, nodes) in nodes {
            for node in nodes.iter().filter(|node| node.kind.compute_type != ComputeType::Fargate) {
                let zone = node.zone.clone().unwrap_or_default();
                let of_hour = (*hour, ledger.node_names.index_of(&node.name));
                self.zones.insert(of_hour, zone);
                if !node.kind.may_be_replaced() {
                    self.apart.insert(of_hour);
                }
            }
        }
        self.lacking = lacking;
    }

    /// What of each zone has no sample, hour by hour, of hours that lack scrapes.
    pub(crate) fn silent(&mut self) -> BTreeMap<i64, BTreeMap<String, Silent>> {
        std::mem::take(&mut self.silent)
    }

    /// How pods are spread at the end of each hour.
    pub(crate) fn spread(&self) -> BTreeMap<i64, Spread> {
        let mut spread: BTreeMap<i64, Spread> = BTreeMap::new();
        let mut in_zone: BTreeMap<(i64, &str), u32> = BTreeMap::new();
        for ((hour, node), pods) in &self.on_node {
            let Some(zone) = self.zones.get(&(*hour, *node)) else { continue };
            if self.apart.contains(&(*hour, *node)) {
                continue;
            }
            let of_hour = spread.entry(*hour).or_default();
            of_hour.pods += pods;
            of_hour.on_one = of_hour.on_one.max(*pods);
            *in_zone.entry((*hour, zone.as_str())).or_default() += pods;
        }
        for ((hour, _), pods) in in_zone {
            let of_hour = spread.entry(hour).or_default();
            of_hour.in_zone = of_hour.in_zone.max(pods);
        }
        spread
    }

    /// Moments at which pods of services left a node by its name, hour by hour, while another pod of the same workload was bound
    /// elsewhere. Only within an hour, so that the same comes of hours that are read together and one by one.
    pub(crate) fn moved(&self, ledger: &Ledger) -> BTreeMap<i64, BTreeMap<String, Vec<i64>>> {
        let within = |row: &PodRow, at: Option<i64>| at.filter(|at| (row.hour..row.hour + HOUR_SECONDS).contains(at));
        let mut bound: BTreeMap<(i64, u32), Vec<(i64, u32)>> = BTreeMap::new();
        for row in &self.rows {
            if let Some(at) = within(row, row.scheduled_seconds) {
                bound.entry((row.hour, row.owner)).or_default().push((at, row.node));
            }
        }
        let mut moved: BTreeMap<i64, BTreeMap<String, Vec<i64>>> = BTreeMap::new();
        for row in &self.rows {
            let Some(at) = within(row, row.ended_seconds) else { continue };
            let elsewhere = |(bound, node): &(i64, u32)| *node != row.node && (bound - at).abs() <= GOES_ON_SECONDS;
            let goes_on = bound.get(&(row.hour, row.owner)).is_some_and(|bound| bound.iter().any(elsewhere));
            let is_service = || {
                let kind = ledger.owner_key(row.owner).map(|(key, _)| key.kind.as_str());
                kind.is_some_and(|kind| ["Deployment", "ReplicaSet", "StatefulSet"].contains(&kind))
            };
            if goes_on
                && is_service()
                && let Some(node) = ledger.node_names.name(row.node)
            {
                moved.entry(row.hour).or_default().entry(node.clone()).or_default().push(at);
            }
        }
        moved
    }

    /// Takes the next batch of a file.
    pub(crate) fn read(&mut self, batch: &RecordBatch, ledger: &mut Ledger) -> Result<(), Misfit> {
        let of = PodColumns::new(batch)?;
        let labels = if ledger.labels.is_empty() { None } else { Some(TextLists::new(batch, pod_hour::labels)?) };
        let mut last: Option<(WorkloadKey, Vec<String>, u32)> = None;
        let mut id = 0;
        for row in 0..batch.num_rows() {
            let mut slots = [0; SLOTS_PER_HOUR];
            for (slot, seconds) in slots.iter_mut().zip(of.alive_seconds_by_slot.get(row)?.unwrap_or_default()) {
                *slot = i16::try_from(seconds).map_err(|_| Misfit { column: pod_hour::alive_seconds_by_slot.name })?;
            }
            let name = of.pod_uid.some(row);
            let same = match self.uids.last() {
                Some(last) if **last > *name => return Err(Misfit { column: pod_hour::pod_uid.name }),
                last => last.is_some_and(|last| **last == *name),
            };
            if !same {
                self.uids.push(name.into());
                self.begins.push(self.rows.len());
            }
            // The rows of a pod follow each other.
            if !same || row == 0 {
                id = hash(&[name]);
            }
            let labels = labels.as_ref().map(|labels| labels.get(row)).unwrap_or_default();
            let same = |(key, known, _): &&(WorkloadKey, Vec<String>, u32)| {
                key.namespace == of.namespace.some(row)
                    && key.kind == of.workload_kind.some(row)
                    && key.name == of.workload.some(row)
                    && *known == labels
            };
            let owner = match last.as_ref().filter(same) {
                Some((.., owner)) => *owner,
                None => {
                    let key = WorkloadKey {
                        namespace: of.namespace.some(row).to_owned(),
                        kind: of.workload_kind.some(row).to_owned(),
                        name: of.workload.some(row).to_owned(),
                    };
                    let owner = ledger.owner(&key, labels.clone());
                    last = Some((key, labels, owner));
                    owner
                }
            };
            for claim in of.volume_claims.get(row) {
                ledger.mount(of.hour_start_seconds.some(row), of.namespace.some(row), claim, owner);
            }
            self.rows.push(PodRow {
                hour: of.hour_start_seconds.some(row),
                alive: slots,
                cpu_request_millicores: of.cpu_effective_request_millicores.some(row),
                memory_request_bytes: of.memory_effective_request_bytes.some(row),
                scheduled_seconds: of.scheduled_seconds.get(row),
                ended_seconds: of.ended_seconds.get(row),
                node: ledger.node_names.index_of(of.node.some(row)),
                owner,
            });
            let ids = self.ids.entry(of.hour_start_seconds.some(row)).or_default();
            match ids.get_mut(of.namespace.some(row)) {
                Some(ids) => ids.push(id),
                None => {
                    ids.insert(of.namespace.some(row).to_owned(), vec![id]);
                }
            }
        }
        Ok(())
    }

    /// The rows of the pod with this number.
    fn rows_of(&self, pod: usize) -> std::ops::Range<usize> {
        let end = self.rows.len();
        self.begins.get(pod).map_or(end..end, |from| *from..self.begins.get(pod + 1).copied().unwrap_or(end))
    }

    /// Goes on to the pod with this uid, or to the first after it; the pods before go to the ledger.
    fn go_to(&mut self, uid: &str, kept: &BTreeMap<i64, HourFacts>, ledger: &mut Ledger) {
        while self.uids.get(self.near).is_some_and(|near| **near < *uid) {
            self.end_pod(kept, ledger);
        }
    }

    /// Gives the pod the walk is at to the ledger, and goes on to the next.
    fn end_pod(&mut self, kept: &BTreeMap<i64, HourFacts>, ledger: &mut Ledger) {
        let rows = self.rows_of(self.near);
        self.used.resize(rows.len(), [[0; SLOTS_PER_HOUR]; 2]);
        self.sampled.resize(rows.len(), 0);
        let rows = self.rows.get(rows).unwrap_or_default();
        for (row, (used, sampled)) in rows.iter().zip(self.used.iter().zip(&self.sampled)) {
            if kept.contains_key(&row.hour) {
                ledger.pod(row, used);
            }
            if row.alive.last().is_some_and(|seconds| *seconds > 0) && !ledger.is_daemon(row.owner) {
                *self.on_node.entry((row.hour, row.node)).or_default() += 1;
            }
            if let Some(zone) = self.zones.get(&(row.hour, row.node)).filter(|_| self.lacking.contains(&row.hour)) {
                let zones = self.silent.entry(row.hour).or_default();
                zones.entry(zone.clone()).or_default().add(row.cpu_request_millicores, &row.alive, *sampled);
            }
        }
        self.used.clear();
        self.sampled.clear();
        self.near += 1;
    }

    /// Gives the pods that are left to the ledger, after the last container.
    pub(crate) fn end(&mut self, kept: &BTreeMap<i64, HourFacts>, ledger: &mut Ledger) {
        while self.near < self.uids.len() {
            self.end_pod(kept, ledger);
        }
    }

    /// Whose the rows of pods and of containers are, and the hashes of the uids by hour.
    pub(crate) fn into_owners_and_ids(self) -> (Owners, Owners, BTreeMap<i64, PodIds>) {
        let mut pods = Owners::with_capacity(self.rows.len());
        self.rows.iter().for_each(|row| pods.push(row.owner, row.alive_seconds()));
        (pods, self.containers, self.ids)
    }
}

/// Adds containers to the totals and ids of their hours, and to their pods; rows of hours that are not among `facts`
/// are skipped. A pod that is not there counts as alive all hour.
///
/// A list is the shape and the scalar the amount: a slot's share is its mean times the seconds the pod was alive
/// in it. So the slots of a container add up to its exact sum, and one that ran for a second of a slot does not
/// count for all of it.
pub(crate) fn add_containers(
    batch: &RecordBatch,
    pods: &mut PodSlots,
    facts: &mut BTreeMap<i64, HourFacts>,
    ledger: &mut Ledger,
) -> Result<(), Misfit> {
    let of = ContainerColumns::new(batch)?;
    let mut before = "";
    let mut last = ("", "", 0);
    for row in 0..batch.num_rows() {
        if !facts.contains_key(&of.hour_start_seconds.some(row)) {
            pods.containers.push(0, 0);
            continue;
        }
        let name = of.pod_uid.some(row);
        if name < before {
            return Err(Misfit { column: container_hour::pod_uid.name });
        }
        before = name;
        pods.go_to(name, facts, ledger);
        let Some(facts) = facts.get_mut(&of.hour_start_seconds.some(row)) else { continue };
        let container = of.container.some(row);
        if (last.0, last.1) != (name, container) {
            last = (name, container, hash(&[name, container]));
        }
        facts.container_ids.push(last.2);
        let there = pods.uids.get(pods.near).is_some_and(|near| **near == *name);
        let of_pod = if there { pods.rows_of(pods.near) } else { 0..0 };
        pods.used.resize(of_pod.len(), [[0; SLOTS_PER_HOUR]; 2]);
        let rows = pods.rows.get(of_pod).unwrap_or_default();
        let at = rows.iter().position(|pod| pod.hour == of.hour_start_seconds.some(row));
        let alive = at.and_then(|at| rows.get(at)).map_or([SLOT_SECONDS; SLOTS_PER_HOUR], |of| of.alive.map(i64::from));
        match at.and_then(|at| rows.get(at)) {
            Some(of) => pods.containers.push(of.owner, of.alive_seconds()),
            None => {
                let nobody = WorkloadKey { namespace: of.namespace.some(row).to_owned(), ..WorkloadKey::default() };
                pods.containers.push(ledger.owner(&nobody, Vec::new()), 0);
            }
        }
        let mut used = [[0; SLOTS_PER_HOUR]; 2];
        let [cpu_used, memory_used] = &mut used;
        if let Some(sum) = of.cpu_core_milliseconds.get(row) {
            spread(sum, of.cpu_mean_millicores_by_slot.get(row)?, &alive, cpu_used);
        }
        if let Some(sum) = of.memory_kib_seconds.get(row) {
            spread(sum, of.memory_mean_mib_by_slot.get(row)?, &alive, memory_used);
        }
        let add = |sums: &mut [i64; SLOTS_PER_HOUR], used: &[i64; SLOTS_PER_HOUR], unit: i64| {
            // One container's fits, whatever the file says: see `plausible`. Of thousands that each use what the largest
            // machine has, the sum stays at what 64 bits hold.
            sums.iter_mut().zip(used).for_each(|(sum, used)| *sum = sum.saturating_add(used.saturating_mul(unit)));
        };
        add(&mut facts.slots.cpu_core_milliseconds, cpu_used, 1);
        add(&mut facts.slots.memory_kib_seconds, memory_used, 1);
        if let Some(at) = at.filter(|_| pods.lacking.contains(&of.hour_start_seconds.some(row))) {
            pods.sampled.resize(pods.used.len(), 0);
            if let Some(sampled) = pods.sampled.get_mut(at) {
                *sampled |=
                    bits(of.cpu_mean_millicores_by_slot.sampled(row)?) | bits(of.memory_mean_mib_by_slot.sampled(row)?);
            }
        }
        if let Some([cpu, memory]) = at.and_then(|at| pods.used.get_mut(at)) {
            add(cpu, cpu_used, 1);
            add(memory, memory_used, 1024);
        }
    }
    Ok(())
}

/// Slots with a sample.
fn bits(slots: Option<SlotValues>) -> SlotBits {
    let known = slots.into_iter().flatten().enumerate().filter(|(_, value)| value.is_some());
    known.fold(0, |bits, (k, _)| bits | 1 << k)
}

/// Spreads `sum` over the slots in proportion to `means` times `alive`, or to `alive` alone, or evenly, and adds
/// it to `totals`, exactly.
fn spread(
    sum: i64,
    means: Option<[i64; SLOTS_PER_HOUR]>,
    alive: &[i64; SLOTS_PER_HOUR],
    totals: &mut [i64; SLOTS_PER_HOUR],
) {
    let mut weights = means.unwrap_or([1; SLOTS_PER_HOUR]);
    weights.iter_mut().zip(alive).for_each(|(weight, seconds)| *weight *= *seconds);
    if weights.iter().sum::<i64>() <= 0 {
        weights = *alive;
    }
    if weights.iter().sum::<i64>() <= 0 {
        weights = [1; SLOTS_PER_HOUR];
    }
    let all: i64 = weights.iter().sum();
    // One division a row; cumulative rounding, so that the slots add up to the sum.
    let each = crate::number::float(sum.into()) / crate::number::float(all.into());
    let (mut weight_so_far, mut given) = (0, 0);
    for (total, weight) in totals.iter_mut().zip(weights) {
        weight_so_far += weight;
        let until = if weight_so_far == all {
            sum
        } else {
            crate::number::floor(crate::number::float(i128::from(weight_so_far)) * each)
        };
        *total += until - given;
        given = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_of_a_second_does_not_count_for_its_whole_slot() {
        let mut totals = [0; SLOTS_PER_HOUR];
        let means = std::array::from_fn(|k| if k == 3 { 4000 } else { 0 });
        spread(4000, Some(means), &[300; SLOTS_PER_HOUR], &mut totals);
        assert_eq!(totals, std::array::from_fn(|k| if k == 3 { 4000 } else { 0 }));
    }

    #[test]
    fn without_a_shape_the_sum_goes_where_the_pod_was_alive() {
        let mut totals = [0; SLOTS_PER_HOUR];
        spread(900, None, &std::array::from_fn(|k| if k < 3 { 300 } else { 0 }), &mut totals);
        assert_eq!(totals, std::array::from_fn(|k| if k < 3 { 300 } else { 0 }));
    }

    proptest! {
        #[test]
        fn the_slots_add_up_to_the_sum(
            sum in 0_i64..(1 << 50),
            means in prop::option::of(prop::array::uniform12(0_i64..200_000)),
            alive in prop::array::uniform12(0_i64..=300),
        ) {
            let mut totals = [7; SLOTS_PER_HOUR];
            spread(sum, means, &alive, &mut totals);
            prop_assert_eq!(totals.iter().sum::<i64>(), sum + 7 * 12);
            prop_assert!(totals.iter().all(|total| *total >= 7));
        }
    }
}
