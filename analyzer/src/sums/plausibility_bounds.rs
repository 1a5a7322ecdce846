//! Bounds of a number of the lake. A lake holds what servers said, and one that said something impossible must cost
//! that number, not the analysis: what no machine can have is not known, is counted, and is told of in a note.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, ListArray, PrimitiveArray};
use arrow::compute::{max, min};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use lake::{Column, Kind};
use polars::prelude::{ChunkAgg, DataFrame, Int32Chunked, Int64Chunked, IntoColumn, IntoSeries, PolarsResult};
use types::SLOT_SECONDS;
use types::window::HOUR_SECONDS;

/// More memory than a machine has: 64 TiB, twice the largest of EC2.
pub(crate) const MOST_BYTES: i64 = 1 << 46;
/// More disk than a node or a claim has: 16 PiB. File systems without a limit say 8 EiB, which is no size either.
const MOST_DISK_BYTES: i64 = 1 << 54;
/// More CPU than a machine has: 16,777 cores.
const MOST_MILLICORES: i64 = 1 << 24;
/// A moment that no clock shows: the year 36,812.
const MOST_EPOCH_SECONDS: i64 = 1 << 40;

/// The greatest number a column can hold, none of which is negative; `None` where anything goes.
///
/// The sums of an analysis rest on these: a slot's memory in byte-seconds is below 2^55, so 64-bit sums of a pod hold,
/// and what is added up over pods, nodes and hours is wider.
fn most(column: &Column) -> Option<i64> {
    let hourly = |quantity: i64| Some(quantity.saturating_mul(HOUR_SECONDS));
    match (column.kind, column.unit) {
        _ if column.name == lake::tables::pod_hour::hour_start_seconds.name => None,
        (Kind::Int32BySlot, "second") => Some(SLOT_SECONDS),
        (Kind::Int32, "second") => Some(HOUR_SECONDS),
        (Kind::Int64, "second") => Some(MOST_EPOCH_SECONDS),
        (_, "millicore") => Some(MOST_MILLICORES),
        (_, "core-millisecond") => hourly(MOST_MILLICORES),
        (_, "byte") if column.name.contains("memory") => Some(MOST_BYTES),
        (_, "byte") => Some(MOST_DISK_BYTES),
        (_, "KiB") => Some(MOST_BYTES >> 10),
        (_, "KiB-second") => hourly(MOST_BYTES >> 10),
        (_, "MiB") => Some(MOST_BYTES >> 20),
        (Kind::Int32 | Kind::Int64, _) => Some(1 << 30),
        _ => None,
    }
}

/// Numbers that were taken for unknown, by column: how many, and the first object that holds one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Implausible(pub(crate) BTreeMap<&'static str, (u64, String)>);

impl Implausible {
    /// Adds what was found in `object`.
    pub(crate) fn add(&mut self, found: Vec<(&'static str, u64)>, object: &str) {
        for (column, count) in found {
            let (sum, _) = self.0.entry(column).or_insert_with(|| (0, object.to_owned()));
            *sum += count;
        }
    }

    /// Adds what was found after it.
    pub(crate) fn merge(&mut self, other: Self) {
        for (column, (count, object)) in other.0 {
            let (sum, _) = self.0.entry(column).or_insert((0, object));
            *sum += count;
        }
    }
}

/// The batch with null, or zero where null is not allowed, in place of what no machine can have, and how many numbers
/// of each column that were. What is not of its column's type is left for the reader to refuse.
pub(crate) fn bounded(batch: RecordBatch, columns: &[Column]) -> (RecordBatch, Vec<(&'static str, u64)>) {
    let mut found = Vec::new();
    let mut arrays = batch.columns().to_vec();
    for column in columns {
        let Some(most) = most(column) else { continue };
        let place = batch.schema_ref().index_of(column.name).ok();
        let Some(array) = place.and_then(|place| arrays.get_mut(place)) else { continue };
        if let Some((bounded, count)) = bounded_array(array, column, most) {
            *array = bounded;
            found.push((column.name, count));
        }
    }
    if found.is_empty() {
        return (batch, found);
    }
    // Lengths and types are those of before; were they not, the reader would get what is there.
    match RecordBatch::try_new(batch.schema(), arrays) {
        Ok(bounded) => (bounded, found),
        Err(_) => (batch, Vec::new()),
    }
}

/// The array with what is out of range replaced, and how much that was; `None` where nothing is.
fn bounded_array(array: &ArrayRef, column: &Column, most: i64) -> Option<(ArrayRef, u64)> {
    match column.kind {
        Kind::Int32 => {
            let (bounded, count) = bounded_numbers(array.as_primitive_opt::<Int32Type>()?, most, column.nullable)?;
            Some((Arc::new(bounded), count))
        }
        Kind::Int64 => {
            let (bounded, count) = bounded_numbers(array.as_primitive_opt::<Int64Type>()?, most, column.nullable)?;
            Some((Arc::new(bounded), count))
        }
        Kind::Int32BySlot => {
            let lists = array.as_list_opt::<i32>()?;
            let (values, count) = bounded_numbers(lists.values().as_primitive_opt::<Int32Type>()?, most, true)?;
            let (field, offsets, _, nulls) = lists.clone().into_parts();
            Some((Arc::new(ListArray::try_new(field, offsets, Arc::new(values), nulls).ok()?), count))
        }
        Kind::Text | Kind::Bool | Kind::TextList => None,
    }
}

fn bounded_numbers<T>(numbers: &PrimitiveArray<T>, most: i64, nullable: bool) -> Option<(PrimitiveArray<T>, u64)>
where
    T: ArrowPrimitiveType,
    T::Native: Default,
    i64: From<T::Native>,
{
    let inside = |number: T::Native| (0..=most).contains(&i64::from(number));
    // Nearly always all of them are, which the least and the greatest tell, quickest where nulls count too.
    if let [first, rest @ ..] = &**numbers.values() {
        let ends = rest.iter().fold((*first, *first), |(least, greatest), number| {
            (if *number < least { *number } else { least }, if *number > greatest { *number } else { greatest })
        });
        if inside(ends.0) && inside(ends.1) {
            return None;
        }
    }
    if [min(numbers), max(numbers)].into_iter().flatten().all(inside) {
        return None;
    }
    let mut count = 0;
    let instead = (!nullable).then(T::Native::default);
    let bounded = numbers.iter().map(|number| match number {
        Some(number) if !inside(number) => {
            count += 1;
            instead
        }
        number => number,
    });
    let bounded: PrimitiveArray<T> = bounded.collect();
    Some((bounded, count))
}

/// The same for a frame of scalars.
pub(crate) fn bound_frame(frame: &mut DataFrame, columns: &[Column]) -> PolarsResult<()> {
    for column in columns {
        let Some(most) = most(column) else { continue };
        let instead = if column.nullable { None } else { Some(0) };
        let replaced = match column.kind {
            Kind::Int64 => {
                let numbers = frame.column(column.name)?.i64()?;
                let inside = |number: &i64| (0..=most).contains(number);
                if [numbers.min(), numbers.max()].iter().flatten().all(inside) {
                    continue;
                }
                let bounded = numbers.iter().map(|n| n.and_then(|n| if inside(&n) { Some(n) } else { instead }));
                bounded.collect::<Int64Chunked>().into_series()
            }
            Kind::Int32 => {
                let numbers = frame.column(column.name)?.i32()?;
                let inside = |number: &i32| (0..=most).contains(&i64::from(*number));
                if [numbers.min(), numbers.max()].iter().flatten().all(inside) {
                    continue;
                }
                let instead = instead.map(|_| 0);
                let bounded = numbers.iter().map(|n| n.and_then(|n| if inside(&n) { Some(n) } else { instead }));
                bounded.collect::<Int32Chunked>().into_series()
            }
            _ => continue,
        };
        frame.with_column(replaced.with_name(column.name.into()).into_column())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lake::Table;
    use lake::tables::{ContainerHour, NodeHour, PodHour, VolumeHour, container_hour};

    use super::*;

    #[test]
    fn every_column_with_a_unit_has_a_bound() {
        for column in [ContainerHour::COLUMNS, PodHour::COLUMNS, NodeHour::COLUMNS, VolumeHour::COLUMNS].concat() {
            let bound = most(&column).is_some();
            let starts = column.name == container_hour::hour_start_seconds.name;
            assert!(bound || starts || column.unit.is_empty(), "{}: a number of an unknown unit", column.name);
        }
    }

    #[test]
    fn what_no_machine_can_have_is_unknown_and_counted() {
        let row = |cpu, memory, slot| ContainerHour {
            cpu_core_milliseconds: cpu,
            memory_kib_seconds: memory,
            cpu_mean_millicores_by_slot: Some([slot; 12]),
            instances: -5,
            ..ContainerHour::default()
        };
        let rows =
            [row(Some(5), Some(i64::MAX), Some(7)), row(Some(-1), Some(3), Some(i32::MAX)), row(None, None, None)];
        let schema = ContainerHour::COLUMNS
            .iter()
            .map(|c| arrow::datatypes::Field::new(c.name, c.kind.arrow_type(), c.nullable));
        let schema = Arc::new(arrow::datatypes::Schema::new(schema.collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(schema, ContainerHour::to_columns(&rows)).unwrap();
        let (batch, found) = bounded(batch, ContainerHour::COLUMNS);
        let counts: BTreeMap<_, _> = found.into_iter().collect();
        let expect = [
            ("instances", 3),
            ("cpu_core_milliseconds", 1),
            ("memory_kib_seconds", 1),
            ("cpu_mean_millicores_by_slot", 12),
        ];
        assert_eq!(counts, expect.into());
        let read: Vec<_> = (0..3).map(|row| ContainerHour::from_batch(&batch, row).unwrap()).collect();
        let expect = [(Some(5), None), (None, Some(3)), (None, None)];
        assert!(read.iter().map(|row| (row.cpu_core_milliseconds, row.memory_kib_seconds)).eq(expect));
        assert_eq!(read[1].cpu_mean_millicores_by_slot, Some([None; 12]));
        assert_eq!(read[0].cpu_mean_millicores_by_slot, Some([Some(7); 12]));
        let (_, nothing) = bounded(batch, &[container_hour::cpu_core_milliseconds]);
        assert!(nothing.is_empty());
    }
}
