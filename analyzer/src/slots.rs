//! Five-minute totals from the lists by slot, read flat: no list becomes a row of its own.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::record_batch::RecordBatch;
use lake::Column;
use lake::tables::{container_hour, pod_hour};
use types::{SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::columns::{Int64s, Misfit, Slots, Texts};
use crate::facts::SlotTotals;

/// The columns [`PodSlots::read`] reads.
pub(crate) const POD_COLUMNS: &[Column] = &[pod_hour::pod_uid, pod_hour::namespace, pod_hour::alive_seconds_by_slot];

/// The columns [`add_containers`] reads.
pub(crate) const CONTAINER_COLUMNS: &[Column] = &[
    container_hour::pod_uid,
    container_hour::container,
    container_hour::cpu_core_milliseconds,
    container_hour::memory_kib_seconds,
    container_hour::cpu_mean_millicores_by_slot,
    container_hour::memory_mean_mib_by_slot,
];

/// When each pod of an hour was alive.
#[derive(Debug, Default)]
pub(crate) struct PodSlots<'a> {
    /// By uid, in the order of the file, which is sorted by uid.
    by_uid: Vec<(&'a str, [i64; SLOTS_PER_HOUR])>,
    /// Seconds alive, by row of the file.
    pub(crate) alive_seconds: Vec<i64>,
    /// Hash of each uid, by namespace.
    pub(crate) ids: BTreeMap<String, Vec<u64>>,
}

impl<'a> PodSlots<'a> {
    pub(crate) fn read(batches: &'a [RecordBatch]) -> Result<Self, Misfit> {
        let mut pods = Self::default();
        for batch in batches {
            let uid = Texts::new(batch, pod_hour::pod_uid)?;
            let namespace = Texts::new(batch, pod_hour::namespace)?;
            let alive = Slots::new(batch, pod_hour::alive_seconds_by_slot)?;
            for row in 0..batch.num_rows() {
                let slots = alive.get(row)?.unwrap_or_default();
                pods.alive_seconds.push(slots.iter().sum());
                pods.by_uid.push((uid.some(row), slots));
                let id = hash(&[uid.some(row)]);
                match pods.ids.get_mut(namespace.some(row)) {
                    Some(ids) => ids.push(id),
                    None => {
                        pods.ids.insert(namespace.some(row).to_owned(), vec![id]);
                    }
                }
            }
        }
        pods.by_uid.sort_unstable();
        Ok(pods)
    }

    /// The slots of a pod, looked for first where the last one was found; a pod that is not there counts as
    /// alive all hour.
    fn alive(&self, uid: &str, near: &mut usize) -> [i64; SLOTS_PER_HOUR] {
        let at = |n: usize| self.by_uid.get(n).filter(|(found, _)| *found == uid);
        let found = at(*near).or_else(|| at(*near + 1)).or_else(|| {
            *near = self.by_uid.partition_point(|(found, _)| *found < uid);
            at(*near)
        });
        if at(*near).is_none() && found.is_some() {
            *near += 1;
        }
        found.map_or([SLOT_SECONDS; SLOTS_PER_HOUR], |(_, slots)| *slots)
    }
}

/// Adds the containers of an hour to its totals, and their ids to `ids`.
///
/// A list is the shape and the scalar the amount: a slot's share is its mean times the seconds the pod was alive
/// in it. So the slots of a container add up to its exact sum, and one that ran for a second of a slot does not
/// count for all of it.
pub(crate) fn add_containers(
    batch: &RecordBatch,
    pods: &PodSlots<'_>,
    totals: &mut SlotTotals,
    ids: &mut Vec<u64>,
) -> Result<(), Misfit> {
    let uid = Texts::new(batch, container_hour::pod_uid)?;
    let container = Texts::new(batch, container_hour::container)?;
    let cpu_sum = Int64s::new(batch, container_hour::cpu_core_milliseconds)?;
    let memory_sum = Int64s::new(batch, container_hour::memory_kib_seconds)?;
    let cpu = Slots::new(batch, container_hour::cpu_mean_millicores_by_slot)?;
    let memory = Slots::new(batch, container_hour::memory_mean_mib_by_slot)?;
    let mut near = 0;
    for row in 0..batch.num_rows() {
        ids.push(hash(&[uid.some(row), container.some(row)]));
        let alive = pods.alive(uid.some(row), &mut near);
        if let Some(sum) = cpu_sum.get(row) {
            spread(sum, cpu.get(row)?, &alive, &mut totals.cpu_core_milliseconds);
        }
        if let Some(sum) = memory_sum.get(row) {
            spread(sum, memory.get(row)?, &alive, &mut totals.memory_kib_seconds);
        }
    }
    Ok(())
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

/// A hash that is the same in every run.
pub(crate) fn hash(parts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
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
