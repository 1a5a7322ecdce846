//! Rows to Parquet bytes and back. The same rows give the same bytes.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, ParquetMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use crate::column_values::{ELEMENT, Kind};
use crate::tables::{Column, Table};

/// Rows in a row group: an hour of a hundred thousand containers is one.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Rows that are columns at once while an hour is encoded. A page's rows are a multiple of it, so that pages of lists,
/// which the library ends only where it has looked, end there too.
pub(crate) const BATCH_ROWS: usize = 1024;
/// Differences between files of hours and of days.
#[derive(Clone, Copy)]
struct Form {
    /// Rows after which a data page ends.
    page_rows: usize,
    /// The level of zstd for values that are written as they are.
    plain_level: i32,
    /// The level of zstd for what was made smaller before: places in a dictionary, and deltas.
    packed_level: i32,
    /// A list that is written as deltas.
    delta: Option<&'static str>,
}

/// Hours are written by a collector that is to stay small, and short pages bound what a merge holds of each.
const HOUR: Form = Form { page_rows: 4 * 1024, plain_level: 3, packed_level: 3, delta: None };
/// Days are written once and read for years, one at a time. Pages that are below 256 KiB when packed make zstd use
/// small tables at level 14, so that its best parser is affordable; plain ones are not, and gain nothing from 10 to 15.
const DAY: Form =
    Form { page_rows: 16 * 1024, plain_level: 9, packed_level: 14, delta: Some("memory_mean_mib_by_slot") };
/// The level of zstd for uids: a higher one takes chance likenesses of random digits for repetitions, and is longer.
const UID_LEVEL: i32 = 1;
/// The largest dictionary of a column in a row group: every name of one fits.
const DICTIONARY_BYTES: usize = 8 * 1024 * 1024;
/// The units of what is measured and hardly ever repeats. Other integers are looked up.
const MEASURED: [&str; 4] = ["core-millisecond", "KiB-second", "KiB", "MiB"];
/// Random digits, which repeat only as a whole, in the rows beside.
const UID: &str = "pod_uid";
/// A name that nearly every pod has for itself: as it is, since zstd finds it again in the rows beside.
const UNIQUE: &str = "pod";
/// The column every table has: the hour a row belongs to.
pub(crate) const HOUR_START: &str = "hour_start_seconds";
/// Named in every file instead of the library's version, so that an upgrade does not change bytes.
const CREATED_BY: &str = "emp-cost lake v1";

/// Why bytes are not a table.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not Parquet, or damaged.
    #[error("not readable as Parquet")]
    Parquet(#[from] ParquetError),
    /// The columns cannot be read as the table's.
    #[error("not readable as Arrow")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A column is missing, of another type, or null where it may not be.
    #[error("row {row} does not fit table `{table}` of layout 1")]
    Row {
        /// The table.
        table: &'static str,
        /// The first row that does not fit.
        row: usize,
    },
}

/// The Arrow schema of a table.
pub(crate) fn arrow_schema(columns: &[Column]) -> Schema {
    let field = |c: &Column| Field::new(c.name, c.kind.arrow_type(), c.nullable);
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}

/// Rows, which are sorted, as one Parquet file.
#[cfg(test)]
pub(crate) fn encode<T: Table>(rows: &[T], metadata: &[(&str, String)]) -> Result<Vec<u8>, ParquetError> {
    encode_of(rows, metadata, Home::default())
}

/// The same, of a place.
#[cfg(test)]
pub(crate) fn encode_of<T: Table>(
    rows: &[T],
    metadata: &[(&str, String)],
    home: Home,
) -> Result<Vec<u8>, ParquetError> {
    let mut writer = TableWriter::<T>::of_hour(metadata, home)?;
    for batch in rows.chunks(BATCH_ROWS) {
        writer.write_rows(batch)?;
    }
    writer.finish()
}

/// The columns after those of the table, which say in the file what its path says: catalogs that are given single files,
/// such as Iceberg's, know no paths.
pub(crate) const HOME_COLUMNS: [&str; 2] = ["cluster", "date"];

/// Where the rows of a file belong: the values of [`HOME_COLUMNS`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Home {
    pub(crate) cluster: String,
    pub(crate) date: String,
}

impl Home {
    fn fields() -> impl Iterator<Item = Field> {
        HOME_COLUMNS.into_iter().map(|name| Field::new(name, DataType::Utf8, false))
    }

    fn columns(&self, rows: usize) -> impl Iterator<Item = ArrayRef> {
        [&self.cluster, &self.date]
            .map(|value| -> ArrayRef { Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows))) })
            .into_iter()
    }
}

/// Writes the batches of a table as one Parquet file.
///
/// The same rows in batches of the same lengths give the same bytes.
pub(crate) struct TableWriter<T> {
    writer: ArrowWriter<Vec<u8>>,
    /// Of the table's own columns.
    schema: SchemaRef,
    /// Of all columns of the file.
    file: SchemaRef,
    home: Home,
    table: PhantomData<T>,
}

impl<T: Table> TableWriter<T> {
    pub(crate) fn of_hour(metadata: &[(&str, String)], home: Home) -> Result<Self, ParquetError> {
        Self::new(metadata, home, HOUR)
    }

    pub(crate) fn of_day(metadata: &[(&str, String)], home: Home) -> Result<Self, ParquetError> {
        Self::new(metadata, home, DAY)
    }

    fn new(metadata: &[(&str, String)], home: Home, form: Form) -> Result<Self, ParquetError> {
        let schema = Arc::new(arrow_schema(T::COLUMNS));
        let all = schema.fields().iter().cloned().chain(Home::fields().map(Arc::new));
        let file = Arc::new(Schema::new(all.collect::<Vec<_>>()));
        let properties = properties::<T>(metadata, form)?;
        // Arrow's own schema says nothing of these columns that Parquet's does not, and is a third of a footer.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&file), options)?;
        Ok(Self { writer, schema, file, home, table: PhantomData })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Writes rows, which are sorted.
    pub(crate) fn write_rows(&mut self, rows: &[T]) -> Result<(), ParquetError> {
        self.write(&RecordBatch::try_new(Arc::clone(&self.schema), T::to_columns(rows))?)
    }

    /// Writes a batch of the table's own columns.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let columns = batch.columns().iter().cloned().chain(self.home.columns(batch.num_rows()));
        self.writer.write(&RecordBatch::try_new(Arc::clone(&self.file), columns.collect())?)
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>, ParquetError> {
        self.writer.into_inner()
    }
}

/// Writer properties of a table; `lake/ENCODING.md` says why.
fn properties<T: Table>(metadata: &[(&str, String)], form: Form) -> Result<WriterProperties, ParquetError> {
    let pairs = metadata.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone())).collect();
    let mut builder = WriterProperties::builder()
        // Data page version 1, because version 2 leaves list levels uncompressed.
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(form.page_rows)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_sorting_columns(Some(sorting::<T>()))
        .set_created_by(CREATED_BY.to_owned())
        .set_key_value_metadata(Some(pairs));
    for name in HOME_COLUMNS {
        let level = Compression::ZSTD(ZstdLevel::try_new(form.packed_level)?);
        builder = builder.set_column_compression(ColumnPath::from(name), level);
    }
    for column in T::COLUMNS {
        let (path, Encoded { dictionary, encoding, level }) = (leaf(column), encoded(column, form));
        builder = builder
            .set_column_dictionary_enabled(path.clone(), dictionary)
            .set_column_encoding(path.clone(), encoding)
            .set_column_compression(path.clone(), Compression::ZSTD(ZstdLevel::try_new(level)?));
        if column.kind == Kind::Int32BySlot {
            // The least and greatest of all lists' values would spare nobody reading them.
            builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
        }
        if T::KEY.contains(column) {
            // A page's least and greatest value, for those who look for one pod.
            builder = builder.set_column_statistics_enabled(path, EnabledStatistics::Page);
        }
    }
    Ok(builder.build())
}

/// Encoding of the values of a column.
struct Encoded {
    dictionary: bool,
    /// Without a dictionary, or where it is full.
    encoding: Encoding,
    /// The level of zstd.
    level: i32,
}

fn encoded(column: &Column, form: Form) -> Encoded {
    let (dictionary, encoding, level) = match column.name {
        // As it is: the lengths apart would save 0.2 bytes a row, and readers of Iceberg refuse that encoding.
        UID => (false, Encoding::PLAIN, UID_LEVEL),
        name if form.delta == Some(name) => (false, Encoding::DELTA_BINARY_PACKED, form.packed_level),
        name if name == UNIQUE || MEASURED.contains(&column.unit) => (false, Encoding::PLAIN, form.plain_level),
        _ => (true, Encoding::PLAIN, form.packed_level),
    };
    Encoded { dictionary, encoding, level }
}

/// The path of a column's one leaf.
fn leaf(column: &Column) -> ColumnPath {
    let parts = match column.kind {
        Kind::Int32BySlot | Kind::TextList => vec![column.name, "list", ELEMENT],
        _ => vec![column.name],
    };
    ColumnPath::new(parts.into_iter().map(ToOwned::to_owned).collect())
}

/// The sort order as the file records it: the key, then the hour. Every column of ours has one leaf, so a column's
/// place among the columns is its place among the leaves.
fn sorting<T: Table>() -> Vec<SortingColumn> {
    let names = T::KEY.map(|column| column.name).into_iter().chain([HOUR_START]);
    let place = |name| T::COLUMNS.iter().position(|column| column.name == name);
    let places = names.filter_map(place).filter_map(|place| i32::try_from(place).ok());
    places.map(|column_idx| SortingColumn { column_idx, descending: false, nulls_first: false }).collect()
}

/// Reads the named columns of a Parquet file in batches of so many rows. Columns the file lacks are left out.
///
/// # Errors
/// [`DecodeError`] when the bytes are damaged, here or from the iterator.
pub fn batches(
    file: Bytes,
    columns: &[Column],
    rows: usize,
) -> Result<impl Iterator<Item = Result<RecordBatch, DecodeError>> + Send + use<>, DecodeError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    check_places(builder.metadata())?;
    let names = columns.iter().map(|c| c.name);
    let mask = ProjectionMask::columns(builder.parquet_schema(), names);
    let mut reader = Some(builder.with_projection(mask).with_batch_size(rows).build()?);
    Ok(std::iter::from_fn(move || {
        // Damaged levels of a page make the library panic, and its reader is not to be used after that.
        match catch_unwind(AssertUnwindSafe(|| reader.as_mut()?.next())) {
            Ok(batch) => batch.map(|batch| Ok(batch?)),
            Err(_) => {
                reader = None;
                Some(Err(ParquetError::General("a page is damaged".to_owned()).into()))
            }
        }
    }))
}

/// Refuses a footer that places a column before the start of the file, on which the library would panic.
pub(crate) fn check_places(metadata: &ParquetMetaData) -> Result<(), DecodeError> {
    let mut chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    let fits = |chunk: &ColumnChunkMetaData| {
        let dictionary = chunk.dictionary_page_offset().unwrap_or(0);
        [dictionary, chunk.data_page_offset(), chunk.compressed_size(), chunk.num_values()].iter().all(|n| *n >= 0)
    };
    match chunks.find(|chunk| !fits(chunk)) {
        None => Ok(()),
        Some(chunk) => {
            let said = format!("column {} is placed outside of the file", chunk.column_path());
            Err(ParquetError::General(said).into())
        }
    }
}

/// Reads the named columns of a Parquet file. Columns the file lacks are left out.
///
/// # Errors
/// [`DecodeError`] when the bytes are damaged.
pub fn read_batches(file: Bytes, columns: &[Column]) -> Result<Vec<RecordBatch>, DecodeError> {
    batches(file, columns, ROW_GROUP_ROWS)?.collect()
}

/// A column of the file that neither the table nor [`HOME_COLUMNS`] has, if any.
pub(crate) fn unknown_column(file: &Bytes, columns: &[Column]) -> Result<Option<String>, DecodeError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone())?;
    let unknown = |field: &&Arc<Field>| {
        columns.iter().all(|column| column.name != field.name()) && !HOME_COLUMNS.contains(&field.name().as_str())
    };
    Ok(builder.schema().fields().iter().find(unknown).map(|field| field.name().clone()))
}

/// A batch with every column of the table as it is written now, from a file of any release: null where an older one lacks
/// a column.
pub(crate) fn conform<T: Table>(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, DecodeError> {
    let misfit = || DecodeError::Row { table: T::NAME, row: 0 };
    let mut columns = Vec::with_capacity(T::COLUMNS.len());
    for column in T::COLUMNS {
        columns.push(match batch.column_by_name(column.name) {
            Some(array) => column.kind.renamed(array),
            None if column.nullable => new_null_array(&column.kind.arrow_type(), batch.num_rows()),
            None => return Err(misfit()),
        });
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Reads whole rows.
///
/// # Errors
/// [`DecodeError`] when the bytes are damaged or the rows do not fit the table.
pub(crate) fn decode<T: Table>(file: Bytes) -> Result<Vec<T>, DecodeError> {
    let mut rows = Vec::new();
    for batch in read_batches(file, T::COLUMNS)? {
        for row in 0..batch.num_rows() {
            let misfit = || DecodeError::Row { table: T::NAME, row };
            rows.push(T::from_batch(&batch, row).ok_or_else(misfit)?);
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{ContainerHour, PodHour};

    fn container(n: i32) -> ContainerHour {
        ContainerHour {
            hour_start_seconds: 3600,
            pod_uid: format!("uid-{n}"),
            container: "app".to_owned(),
            cpu_request_millicores: (n % 2 == 0).then_some(250),
            cpu_core_milliseconds: Some(i64::from(n) * 1_000_000_007),
            cpu_mean_millicores_by_slot: (n % 3 != 0).then(|| std::array::from_fn(|k| (k % 5 != 0).then_some(n))),
            ..ContainerHour::default()
        }
    }

    #[test]
    fn rows_survive_the_round_trip_with_their_nulls() {
        let rows: Vec<_> = (0..100).map(container).collect();
        let file = encode(&rows, &[]).unwrap();
        assert_eq!(decode::<ContainerHour>(file.into()).unwrap(), rows);
        let pods = vec![
            PodHour {
                labels: Some(vec!["a=b".into(), "c=d".into()]),
                tolerations: Some(Vec::new()),
                volume_claims: vec!["data".into()],
                ..PodHour::default()
            },
            PodHour::default(),
        ];
        assert_eq!(decode::<PodHour>(encode(&pods, &[]).unwrap().into()).unwrap(), pods);
        assert_eq!(decode::<PodHour>(encode::<PodHour>(&[], &[]).unwrap().into()).unwrap(), []);
    }

    #[test]
    fn the_same_rows_give_the_same_bytes() {
        let rows: Vec<_> = (0..50).map(container).collect();
        let metadata = [("cluster", "a".to_owned())];
        assert_eq!(encode(&rows, &metadata).unwrap(), encode(&rows, &metadata).unwrap());
    }

    #[test]
    fn every_column_is_encoded_as_it_was_chosen() {
        let rows: Vec<_> = (0..50).map(container).collect();
        for form in [HOUR, DAY] {
            check_encodings(&rows, form);
        }
    }

    fn check_encodings(rows: &[ContainerHour], form: Form) {
        let mut writer = TableWriter::<ContainerHour>::new(&[], Home::default(), form).unwrap();
        writer.write_rows(rows).unwrap();
        let file = Bytes::from(writer.finish().unwrap());
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let group = builder.metadata().row_group(0);
        assert_eq!(group.num_columns(), ContainerHour::COLUMNS.len() + HOME_COLUMNS.len());
        let elements = group.columns().iter().filter(|chunk| chunk.column_path().string().ends_with(".list.element"));
        assert_eq!(elements.count(), 4, "the name that the format gives");
        for (column, chunk) in ContainerHour::COLUMNS.iter().zip(group.columns()) {
            assert_eq!(*chunk.column_path(), leaf(column), "a path of ours is the file's");
            let has = |encoding| chunk.encodings().any(|found| found == encoding);
            let Encoded { dictionary, encoding, .. } = encoded(column, form);
            assert_eq!(has(Encoding::RLE_DICTIONARY) || has(Encoding::PLAIN_DICTIONARY), dictionary, "{}", column.name);
            assert!(dictionary || has(encoding), "{}", column.name);
        }
        let sorted = group.sorting_columns().unwrap().iter().map(|by| by.column_idx);
        assert!(sorted.eq([1, 2, 0]));
    }

    #[test]
    fn damaged_bytes_are_an_error_and_not_a_panic() {
        let file = encode(&(0..50).map(container).collect::<Vec<_>>(), &[]).unwrap();
        for at in (0..file.len()).step_by(97) {
            let mut damaged = file.clone();
            damaged[at] ^= 0x55;
            let _ = decode::<ContainerHour>(damaged.into());
        }
        assert!(decode::<ContainerHour>(file[..file.len() / 2].to_vec().into()).is_err());
        assert!(decode::<ContainerHour>(Bytes::from_static(b"<html>")).is_err());
    }

    #[test]
    fn a_missing_nullable_column_reads_as_null_and_a_missing_key_is_an_error() {
        let rows: Vec<_> = (0..4).map(container).collect();
        let schema = arrow_schema(ContainerHour::COLUMNS);
        let batch = RecordBatch::try_new(Arc::new(schema.clone()), ContainerHour::to_columns(&rows)).unwrap();
        let without = |name: &str| {
            let keep: Vec<_> = (0..schema.fields().len()).filter(|i| schema.field(*i).name() != name).collect();
            batch.project(&keep).unwrap()
        };
        let read = ContainerHour::from_batch(&without("cpu_request_millicores"), 0).unwrap();
        assert_eq!(read.cpu_request_millicores, None);
        assert_eq!(ContainerHour::from_batch(&without("pod_uid"), 0), None);
    }
}
