//! Sorted objects of hours into one sorted object, a batch of each at a time.
//!
//! A row is never built: the merge compares the key columns of the batches at hand, notes which row comes next, and
//! gathers the columns of some thousand rows at once.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, StringArray};
use arrow::compute::interleave;
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;

use crate::error::LakeError;
use crate::parquet_encoding::{self, DecodeError, HOUR_START, Home, TableWriter};
use crate::tables::Table;

/// Rows of one input held decoded.
const INPUT_ROWS: usize = 512;
/// Rows written at once. Part of the encoding: another number gives other pages.
const OUTPUT_ROWS: usize = 4 * 1024;

/// An object to merge.
pub(crate) struct Input {
    pub(crate) key: String,
    pub(crate) bytes: Bytes,
    /// The starts of the hours to take from it, sorted; `None` for all.
    pub(crate) hours: Option<Vec<i64>>,
}

/// Merges objects that are each sorted by key and hour; gives the encoded object and the rows of each hour.
pub(crate) fn merge<T: Table>(
    inputs: Vec<Input>,
    metadata: &[(&str, String)],
    home: Home,
) -> Result<Merged, LakeError> {
    let failed = |reason: String| LakeError::Encode { table: T::NAME, reason };
    let mut writer = TableWriter::<T>::of_day(metadata, home).map_err(|e| failed(e.to_string()))?;
    let mut rows_by_hour = std::collections::BTreeMap::new();
    let rows = each_batch::<T>(inputs, writer.schema().clone(), |batch, hours| {
        for hour in hours {
            let rows = rows_by_hour.entry(*hour).or_insert(0_u64);
            *rows = rows.saturating_add(1);
        }
        writer.write(batch).map_err(|e| failed(e.to_string()))
    })?;
    let bytes = writer.finish().map_err(|e| failed(e.to_string()))?;
    Ok(Merged { bytes, rows, rows_by_hour })
}

/// Result of a merge.
pub(crate) struct Merged {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rows: usize,
    /// Rows by start of their hour.
    pub(crate) rows_by_hour: std::collections::BTreeMap<i64, u64>,
}

/// Calls `take` with the merged rows, some thousand at a time, and the hour of each. Refuses rows out of order, and
/// the same row twice.
pub(crate) fn each_batch<T: Table>(
    inputs: Vec<Input>,
    schema: SchemaRef,
    mut take: impl FnMut(&RecordBatch, &[i64]) -> Result<(), LakeError>,
) -> Result<usize, LakeError> {
    let mut pool = Pool::default();
    let mut cursors = Vec::with_capacity(inputs.len());
    for input in inputs {
        let mut cursor = Cursor::<T>::open(input, Arc::clone(&schema))?;
        if cursor.advance(&mut pool)? {
            cursors.push(cursor);
        }
    }
    let (mut next, mut hours) = (Vec::with_capacity(OUTPUT_ROWS), Vec::with_capacity(OUTPUT_ROWS));
    let (mut rows, mut last) = (0, None);
    while let Some(least) = least(&cursors, &pool) {
        let Some(cursor) = cursors.get_mut(least) else { break };
        let at = (cursor.batch, cursor.row);
        if last.is_some_and(|last| pool.compare(last, at) != Ordering::Less) {
            let reason = "rows are not sorted, or one is there twice".to_owned();
            return Err(LakeError::Encode { table: T::NAME, reason });
        }
        last = Some(at);
        next.push(at);
        hours.push(pool.hour(at));
        rows += 1;
        if !cursor.advance(&mut pool)? {
            cursors.remove(least);
        }
        if next.len() == OUTPUT_ROWS {
            take(&pool.gather::<T>(&schema, &next)?, &hours)?;
            next.clear();
            hours.clear();
            last = pool.keep(&mut cursors, last);
        }
    }
    if !next.is_empty() || rows == 0 {
        take(&pool.gather::<T>(&schema, &next)?, &hours)?;
    }
    Ok(rows)
}

/// The cursor with the least row. A linear search: a day has two dozen inputs.
fn least<T: Table>(cursors: &[Cursor<T>], pool: &Pool) -> Option<usize> {
    let row = |cursor: &Cursor<T>| (cursor.batch, cursor.row);
    cursors.iter().enumerate().min_by(|(_, a), (_, b)| pool.compare(row(a), row(b))).map(|(n, _)| n)
}

/// A row of the pool: its batch, and its place there.
type At = (usize, usize);

/// The batches that noted rows are in, with their key columns.
#[derive(Default)]
struct Pool {
    batches: Vec<RecordBatch>,
    keys: Vec<Keys>,
}

impl Pool {
    fn compare(&self, (a, row): At, (b, other_row): At) -> Ordering {
        match (self.keys.get(a), self.keys.get(b)) {
            (Some(keys), Some(other)) => keys.compare(row, other, other_row),
            _ => Ordering::Equal,
        }
    }

    fn hour(&self, (batch, row): At) -> i64 {
        self.keys.get(batch).map_or(0, |keys| keys.hour.value(row))
    }

    fn gather<T: Table>(&self, schema: &SchemaRef, rows: &[At]) -> Result<RecordBatch, LakeError> {
        if rows.is_empty() {
            return Ok(RecordBatch::new_empty(Arc::clone(schema)));
        }
        let gathered = (0..T::COLUMNS.len()).map(|column| {
            let arrays: Vec<&dyn Array> = self.batches.iter().map(|batch| batch.column(column).as_ref()).collect();
            interleave(&arrays, rows)
        });
        let columns = gathered.collect::<Result<Vec<_>, _>>();
        columns
            .and_then(|columns| RecordBatch::try_new(Arc::clone(schema), columns))
            .map_err(|e| LakeError::Encode { table: T::NAME, reason: e.to_string() })
    }

    /// Forgets all batches but those the cursors and the last row are in; gives that row's new place.
    fn keep<T: Table>(&mut self, cursors: &mut [Cursor<T>], last: Option<At>) -> Option<At> {
        let mut kept = Self::default();
        let mut keep = |batch: usize| {
            if let (Some(found), Some(keys)) = (self.batches.get(batch), self.keys.get(batch)) {
                kept.batches.push(found.clone());
                kept.keys.push(keys.clone());
            }
            kept.batches.len().saturating_sub(1)
        };
        let last = last.map(|(batch, row)| (keep(batch), row));
        for cursor in cursors {
            cursor.batch = keep(cursor.batch);
        }
        *self = kept;
        last
    }
}

/// The key columns of a batch.
#[derive(Clone)]
struct Keys {
    a: StringArray,
    b: StringArray,
    hour: Int64Array,
}

impl Keys {
    fn of<T: Table>(batch: &RecordBatch) -> Option<Self> {
        let text = |name| batch.column_by_name(name)?.as_string_opt::<i32>().cloned();
        let [a, b] = T::KEY;
        let hour = batch.column_by_name(HOUR_START)?.as_primitive_opt::<Int64Type>()?.clone();
        Some(Self { a: text(a.name)?, b: text(b.name)?, hour })
    }

    fn compare(&self, row: usize, other: &Self, at: usize) -> Ordering {
        let first = self.a.value(row).cmp(other.a.value(at));
        let second = || self.b.value(row).cmp(other.b.value(at));
        first.then_with(second).then_with(|| self.hour.value(row).cmp(&other.hour.value(at)))
    }
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, DecodeError>>>;

/// A place in one input.
struct Cursor<T> {
    key: String,
    batches: Batches,
    schema: SchemaRef,
    hours: Option<Vec<i64>>,
    /// The batch at hand, in the pool.
    batch: usize,
    rows: usize,
    row: usize,
    table: std::marker::PhantomData<T>,
}

impl<T: Table> Cursor<T> {
    fn open(input: Input, schema: SchemaRef) -> Result<Self, LakeError> {
        let Input { key, bytes, hours } = input;
        let decode = |source| LakeError::Decode { key: key.clone(), source };
        if let Some(column) = parquet_encoding::unknown_column(&bytes, T::COLUMNS).map_err(decode)? {
            return Err(LakeError::Newer { key, column });
        }
        let batches: Batches = Box::new(parquet_encoding::batches(bytes, T::COLUMNS, INPUT_ROWS).map_err(decode)?);
        let table = std::marker::PhantomData;
        Ok(Self { key, batches, schema, hours, batch: 0, rows: 0, row: 0, table })
    }

    /// Goes to the next row of the hours to take; false at the end.
    fn advance(&mut self, pool: &mut Pool) -> Result<bool, LakeError> {
        loop {
            if self.row + 1 < self.rows {
                self.row += 1;
            } else if !self.load(pool)? {
                return Ok(false);
            }
            let hour = pool.hour((self.batch, self.row));
            if self.hours.as_ref().is_none_or(|hours| hours.binary_search(&hour).is_ok()) {
                return Ok(true);
            }
        }
    }

    /// Decodes the next batch that has rows, and stands on its first.
    fn load(&mut self, pool: &mut Pool) -> Result<bool, LakeError> {
        let decode = |key: &str, source| LakeError::Decode { key: key.to_owned(), source };
        for batch in self.batches.by_ref() {
            let batch = batch.and_then(|batch| parquet_encoding::conform::<T>(&batch, &self.schema));
            let batch = batch.map_err(|source| decode(&self.key, source))?;
            if batch.num_rows() == 0 {
                continue;
            }
            let keys = Keys::of::<T>(&batch);
            let misfit = || decode(&self.key, DecodeError::Row { table: T::NAME, row: 0 });
            pool.keys.push(keys.ok_or_else(misfit)?);
            (self.batch, self.rows, self.row) = (pool.batches.len(), batch.num_rows(), 0);
            pool.batches.push(batch);
            return Ok(true);
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int32Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::tables::{NodeHour, PodHour};

    fn pods(hour: i64, uids: &[&str]) -> Vec<PodHour> {
        let pod = |uid: &&str| PodHour {
            hour_start_seconds: hour,
            pod_uid: (*uid).to_owned(),
            host_network: Some(true),
            ..PodHour::default()
        };
        uids.iter().map(pod).collect()
    }

    /// An object of another version of the table: without `missing`, and with `extra`.
    fn of_another_version(rows: &[PodHour], missing: &str, extra: Option<&str>) -> Bytes {
        let schema = parquet_encoding::arrow_schema(PodHour::COLUMNS);
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        for (field, array) in schema.fields().iter().zip(PodHour::to_columns(rows)) {
            if field.name() != missing {
                fields.push(Arc::clone(field));
                arrays.push(array);
            }
        }
        if let Some(extra) = extra {
            fields.push(Arc::new(Field::new(extra, DataType::Int32, true)));
            arrays.push(Arc::new(Int32Array::from(vec![7; rows.len()])));
        }
        let schema = Arc::new(Schema::new(fields));
        let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), None).unwrap();
        writer.write(&RecordBatch::try_new(schema, arrays).unwrap()).unwrap();
        writer.into_inner().unwrap().into()
    }

    fn input(bytes: Bytes) -> Input {
        Input { key: "some/key".to_owned(), bytes, hours: None }
    }

    #[test]
    fn an_older_object_without_a_column_merges_as_null() {
        let older = of_another_version(&pods(0, &["a", "c"]), "host_network", None);
        let newer = parquet_encoding::encode(&pods(3600, &["a", "b"]), &[]).unwrap();
        let merged = merge::<PodHour>(vec![input(newer.into()), input(older)], &[], Home::default()).unwrap();
        assert_eq!(merged.rows_by_hour, [(0, 2), (3600, 2)].into());
        let rows: Vec<PodHour> = parquet_encoding::decode(merged.bytes.into()).unwrap();
        let found: Vec<_> =
            rows.iter().map(|row| (row.pod_uid.as_str(), row.hour_start_seconds, row.host_network)).collect();
        assert_eq!(found, [("a", 0, None), ("a", 3600, Some(true)), ("b", 3600, Some(true)), ("c", 0, None)]);
    }

    #[test]
    fn a_column_of_a_later_version_is_skipped_by_a_reader_and_not_lost_by_a_merge() {
        let later = of_another_version(&pods(0, &["a"]), "", Some("of_2031"));
        assert_eq!(parquet_encoding::decode::<PodHour>(later.clone()).unwrap(), pods(0, &["a"]));
        let refused = merge::<PodHour>(vec![input(later)], &[], Home::default()).err().unwrap();
        assert!(matches!(&refused, LakeError::Newer { column, .. } if column == "of_2031"), "{refused}");
    }

    #[test]
    fn an_object_without_a_column_every_version_has_is_an_error() {
        let broken = of_another_version(&pods(0, &["a"]), "namespace", None);
        assert!(matches!(
            merge::<PodHour>(vec![input(broken.clone())], &[], Home::default()),
            Err(LakeError::Decode { .. })
        ));
        assert!(parquet_encoding::decode::<PodHour>(broken).is_err());
        let of_pods = parquet_encoding::encode(&pods(0, &["a"]), &[]).unwrap();
        assert!(merge::<NodeHour>(vec![input(of_pods.into())], &[], Home::default()).is_err());
    }

    #[test]
    fn rows_out_of_order_are_refused() {
        let unsorted = parquet_encoding::encode(&pods(0, &["b", "a"]), &[]).unwrap();
        assert!(merge::<PodHour>(vec![input(unsorted.into())], &[], Home::default()).is_err());
    }

    #[test]
    fn a_merge_of_more_rows_than_a_batch_keeps_every_one() {
        let uids: Vec<_> = (0..20_000).map(|n| format!("uid-{n:06}")).collect();
        let half = |odd: usize| uids.iter().skip(odd).step_by(2).map(String::as_str).collect::<Vec<_>>();
        let objects = [half(0), half(1)].map(|uids| parquet_encoding::encode(&pods(0, &uids), &[]).unwrap());
        let later = parquet_encoding::encode(&pods(3600, &half(1)), &[]).unwrap();
        let inputs = objects.into_iter().chain([later]).map(|bytes| input(bytes.into())).collect();
        let merged = merge::<PodHour>(inputs, &[], Home::default()).unwrap();
        let rows: Vec<PodHour> = parquet_encoding::decode(merged.bytes.into()).unwrap();
        let expect = uids.iter().enumerate().flat_map(|(n, uid)| {
            [Some((uid.as_str(), 0)), (n % 2 == 1).then_some((uid.as_str(), 3600))].into_iter().flatten()
        });
        let found = rows.iter().map(|row| (row.pod_uid.as_str(), row.hour_start_seconds));
        assert!(found.eq(expect));
    }
}
