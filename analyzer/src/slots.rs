//! Five-minute totals from the lists by slot, read flat: no list becomes a row of its own.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::record_batch::RecordBatch;
use lake::Column;
use lake::tables::{container_hour, pod_hour};
use types::{SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::columns::{Int64s, Misfit, Slots, Texts};
use crate::facts::HourFacts;

/// The columns [`PodSlots::read`] reads.
pub(crate) const POD_COLUMNS: &[Column] =
    &[pod_hour::hour_start_seconds, pod_hour::pod_uid, pod_hour::namespace, pod_hour::alive_seconds_by_slot];

/// The columns [`add_containers`] reads.
pub(crate) const CONTAINER_COLUMNS: &[Column] = &[
    container_hour::hour_start_seconds,
    container_hour::pod_uid,
    container_hour::container,
    container_hour::cpu_core_milliseconds,
    container_hour::memory_kib_seconds,
    container_hour::cpu_mean_millicores_by_slot,
    container_hour::memory_mean_mib_by_slot,
];

/// When each pod was alive, of the hours of a part.
#[derive(Debug, Default)]
pub(crate) struct PodSlots {
    /// The uid of each pod once, in the order of the file, which is sorted by uid.
    uids: Vec<Box<str>>,
    /// Where the rows of each uid begin in `lives`, and after the last, where they end.
    begins: Vec<usize>,
    /// Hour and slots of each row of the file.
    lives: Vec<(i64, [i16; SLOTS_PER_HOUR])>,
    /// Hash of each uid, by hour and namespace.
    ids: BTreeMap<i64, PodIds>,
}

/// Hash of each uid, by namespace.
pub(crate) type PodIds = BTreeMap<String, Vec<u64>>;

impl PodSlots {
    /// Takes the next batch of a file.
    pub(crate) fn read(&mut self, batch: &RecordBatch) -> Result<(), Misfit> {
        let hour = Int64s::new(batch, pod_hour::hour_start_seconds)?;
        let uid = Texts::new(batch, pod_hour::pod_uid)?;
        let namespace = Texts::new(batch, pod_hour::namespace)?;
        let alive = Slots::new(batch, pod_hour::alive_seconds_by_slot)?;
        for row in 0..batch.num_rows() {
            let misfit = || Misfit { column: pod_hour::alive_seconds_by_slot.name };
            let mut slots = [0; SLOTS_PER_HOUR];
            for (slot, seconds) in slots.iter_mut().zip(alive.get(row)?.unwrap_or_default()) {
                *slot = i16::try_from(seconds).map_err(|_| misfit())?;
            }
            let name = uid.some(row);
            match self.uids.last() {
                Some(last) if **last == *name => {}
                Some(last) if **last > *name => return Err(Misfit { column: pod_hour::pod_uid.name }),
                _ => {
                    self.uids.push(name.into());
                    self.begins.push(self.lives.len());
                }
            }
            self.lives.push((hour.some(row), slots));
            let ids = self.ids.entry(hour.some(row)).or_default();
            let id = hash(&[name]);
            match ids.get_mut(namespace.some(row)) {
                Some(ids) => ids.push(id),
                None => {
                    ids.insert(namespace.some(row).to_owned(), vec![id]);
                }
            }
        }
        Ok(())
    }

    /// The slots of a pod in an hour, looked for first where the last pod was found; a pod that is not there counts
    /// as alive all hour.
    fn alive(&self, hour: i64, uid: &str, near: &mut usize) -> [i64; SLOTS_PER_HOUR] {
        let is = |n: usize| self.uids.get(n).is_some_and(|found| **found == *uid);
        if !is(*near) {
            *near = if is(*near + 1) { *near + 1 } else { self.uids.partition_point(|found| **found < *uid) };
        }
        let (from, to) = (self.begins.get(*near), self.begins.get(*near + 1).copied().unwrap_or(self.lives.len()));
        let of_pod = from.filter(|_| is(*near)).and_then(|from| self.lives.get(*from..to)).unwrap_or_default();
        let found = of_pod.iter().find(|(of, _)| *of == hour);
        found.map_or([SLOT_SECONDS; SLOTS_PER_HOUR], |(_, slots)| slots.map(i64::from))
    }

    /// Seconds alive by row of the file, and the hashes of the uids by hour.
    pub(crate) fn into_alive_and_ids(self) -> (Vec<i64>, BTreeMap<i64, PodIds>) {
        let seconds = |(_, slots): &(i64, [i16; SLOTS_PER_HOUR])| slots.iter().copied().map(i64::from).sum();
        (self.lives.iter().map(seconds).collect(), self.ids)
    }
}

/// Adds containers to the totals and ids of their hours; rows of hours that are not among `facts` are skipped.
///
/// A list is the shape and the scalar the amount: a slot's share is its mean times the seconds the pod was alive
/// in it. So the slots of a container add up to its exact sum, and one that ran for a second of a slot does not
/// count for all of it.
pub(crate) fn add_containers(
    batch: &RecordBatch,
    pods: &PodSlots,
    facts: &mut BTreeMap<i64, HourFacts>,
) -> Result<(), Misfit> {
    let hour = Int64s::new(batch, container_hour::hour_start_seconds)?;
    let uid = Texts::new(batch, container_hour::pod_uid)?;
    let container = Texts::new(batch, container_hour::container)?;
    let cpu_sum = Int64s::new(batch, container_hour::cpu_core_milliseconds)?;
    let memory_sum = Int64s::new(batch, container_hour::memory_kib_seconds)?;
    let cpu = Slots::new(batch, container_hour::cpu_mean_millicores_by_slot)?;
    let memory = Slots::new(batch, container_hour::memory_mean_mib_by_slot)?;
    let mut near = 0;
    for row in 0..batch.num_rows() {
        let Some(facts) = facts.get_mut(&hour.some(row)) else { continue };
        facts.container_ids.push(hash(&[uid.some(row), container.some(row)]));
        let alive = pods.alive(hour.some(row), uid.some(row), &mut near);
        if let Some(sum) = cpu_sum.get(row) {
            spread(sum, cpu.get(row)?, &alive, &mut facts.slots.cpu_core_milliseconds);
        }
        if let Some(sum) = memory_sum.get(row) {
            spread(sum, memory.get(row)?, &alive, &mut facts.slots.memory_kib_seconds);
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
