//! Cost of each workload on each day: the object beside a report that drill-downs are answered from.
//!
//! Contract: readers exist. A column may be added, nullable, at the end. The object lies in a report's folder as
//! [`FILE`], and is no part of the hours that collectors write.

mod columns;
mod row;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::column_values::{Cell, Kind};
use crate::parquet_encoding::{self, DecodeError};
use crate::tables::Column;
use columns::{Columns, Texts};
pub use row::{Part, WorkloadDay};

/// The name of the object in a report's folder.
pub const FILE: &str = "workload_day.parquet";
/// Named in files instead of the library's version, so that an upgrade does not change bytes.
const CREATED_BY: &str = "emp-cost workload_day v1";
/// The most rows that are read: a hundred thousand workloads over a month are fewer than a reader can hold, and a
/// file that says more is not ours.
const MOST_ROWS: i64 = 8 << 20;
/// The most bytes the columns may come to when they are unpacked.
const MOST_UNPACKED: i64 = 1 << 30;
/// Rows that are unpacked at a time.
const BATCH_ROWS: usize = 4 * 1024;

const fn text(name: &'static str, nullable: bool, doc: &'static str) -> Column {
    Column { name, kind: Kind::Text, nullable, unit: "", doc }
}

const fn number(name: &'static str, nullable: bool, unit: &'static str, doc: &'static str) -> Column {
    Column { name, kind: Kind::Int64, nullable, unit, doc }
}

/// The columns, in the order of the file.
pub const COLUMNS: &[Column] = &[
    text("cluster", false, "The cluster."),
    text("date", true, "The UTC day, `2026-07-31`; null for what cannot be put on a day."),
    text("part", false, "What the row is of: workload, daemonset, overhead, idle, oversubscribed or residual."),
    text("namespace", true, "Namespace; null for what is no workload's."),
    text("workload_kind", true, "Kind of the workload, such as `Deployment`."),
    text("workload", true, "Name of the workload."),
    Column {
        name: "labels",
        kind: Kind::TextList,
        nullable: false,
        unit: "",
        doc: "Labels that were asked for, as `key=value`.",
    },
    text("node_group", true, "Group of nodes; null for what does not stand on nodes."),
    number("cpu_nano_usd", false, "nano-dollar", "For CPU."),
    number("memory_nano_usd", false, "nano-dollar", "For memory."),
    number("volume_nano_usd", false, "nano-dollar", "For persistent volumes."),
    number("fargate_nano_usd", false, "nano-dollar", "For Fargate."),
    number("other_nano_usd", false, "nano-dollar", "All of a row that is no workload's."),
    number("cpu_request_core_ms", true, "core-millisecond", "CPU reserved; null where it is no workload's."),
    number("cpu_used_core_ms", true, "core-millisecond", "CPU used."),
    number("memory_request_kib_s", true, "KiB-second", "Memory reserved."),
    number("memory_used_kib_s", true, "KiB-second", "Memory used (working set)."),
];

/// Rows as one Parquet file, sorted. The same rows give the same bytes.
///
/// # Errors
/// When the library refuses, for which it has no reason.
pub fn encode(mut rows: Vec<WorkloadDay>) -> Result<Bytes, DecodeError> {
    rows.sort();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(9)?))
        .set_created_by(CREATED_BY.to_owned())
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let schema = Arc::new(parquet_encoding::arrow_schema(COLUMNS));
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)?;
    for rows in rows.chunks(64 * 1024) {
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns(rows))?)?;
    }
    Ok(writer.into_inner()?.into())
}

fn columns(rows: &[WorkloadDay]) -> Vec<ArrayRef> {
    let text = |of: fn(&WorkloadDay) -> &Option<Arc<str>>| {
        let values: Vec<Option<String>> = rows.iter().map(|row| of(row).as_deref().map(ToOwned::to_owned)).collect();
        Cell::write(values.iter())
    };
    let number = |of: fn(&WorkloadDay) -> i64| {
        let values: Vec<i64> = rows.iter().map(of).collect();
        Cell::write(values.iter())
    };
    let perhaps = |of: fn(&WorkloadDay) -> Option<i64>| {
        let values: Vec<Option<i64>> = rows.iter().map(of).collect();
        Cell::write(values.iter())
    };
    let cluster: Vec<String> = rows.iter().map(|row| row.cluster.as_ref().to_owned()).collect();
    let part: Vec<String> = rows.iter().map(|row| row.part.as_str().to_owned()).collect();
    let labels: Vec<Vec<String>> =
        rows.iter().map(|row| row.labels.iter().map(|label| label.as_ref().to_owned()).collect()).collect();
    vec![
        Cell::write(cluster.iter()),
        text(|row| &row.date),
        Cell::write(part.iter()),
        text(|row| &row.namespace),
        text(|row| &row.workload_kind),
        text(|row| &row.workload),
        Cell::write(labels.iter()),
        text(|row| &row.node_group),
        number(|row| row.cpu_nano_usd),
        number(|row| row.memory_nano_usd),
        number(|row| row.volume_nano_usd),
        number(|row| row.fargate_nano_usd),
        number(|row| row.other_nano_usd),
        perhaps(|row| row.cpu_request_core_ms),
        perhaps(|row| row.cpu_used_core_ms),
        perhaps(|row| row.memory_request_kib_s),
        perhaps(|row| row.memory_used_kib_s),
    ]
}

/// Reads a file of [`encode()`]. Texts that repeat are kept once.
///
/// # Errors
/// [`DecodeError`] when the bytes are damaged, are not such a file, or say that they unpack to more than one can be.
pub fn decode(file: Bytes) -> Result<Vec<WorkloadDay>, DecodeError> {
    check_size(&file)?;
    let (mut rows, mut texts) = (Vec::new(), Texts::default());
    for batch in parquet_encoding::batches(file, COLUMNS, BATCH_ROWS)? {
        let batch = batch?;
        let misfit = |row| DecodeError::Row { table: "workload_day", row };
        let columns = Columns::of(&batch).ok_or_else(|| misfit(0))?;
        for row in 0..batch.num_rows() {
            rows.push(columns.row(row, &mut texts).ok_or_else(|| misfit(row))?);
        }
    }
    Ok(rows)
}

/// Refuses a file by its footer, before anything of it is unpacked.
fn check_size(file: &Bytes) -> Result<(), DecodeError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone())?;
    let groups = builder.metadata().row_groups();
    let (mut rows, mut unpacked) = (0_i64, 0_i64);
    for group in groups {
        rows = rows.saturating_add(group.num_rows().max(0));
        unpacked = unpacked.saturating_add(group.total_byte_size().max(0));
    }
    if rows > MOST_ROWS || unpacked > MOST_UNPACKED {
        let said = format!("{rows} rows of {unpacked} bytes are more than a report has");
        return Err(ParquetError::General(said).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: i64) -> WorkloadDay {
        WorkloadDay {
            cluster: "a".into(),
            date: (n % 5 != 0).then(|| format!("2026-07-{:02}", 1 + n % 28).into()),
            part: Part::ALL[usize::try_from(n % 6).unwrap()],
            namespace: (n % 2 == 0).then(|| "shop".into()),
            workload_kind: Some("Deployment".into()),
            workload: Some(format!("web-{n}").into()),
            labels: (0..n % 3).map(|k| -> Arc<str> { format!("k{k}=v{n}").into() }).collect(),
            node_group: None,
            cpu_nano_usd: n * 1_000_000_007,
            memory_nano_usd: -n,
            volume_nano_usd: 0,
            fargate_nano_usd: i64::MAX,
            other_nano_usd: i64::MIN,
            cpu_request_core_ms: (n % 2 == 0).then_some(n),
            cpu_used_core_ms: Some(n),
            memory_request_kib_s: None,
            memory_used_kib_s: Some(0),
        }
    }

    #[test]
    fn rows_survive_the_round_trip_and_the_order_they_came_in_does_not_show() {
        let rows: Vec<_> = (0..200).map(row).collect();
        let file = encode(rows.clone()).unwrap();
        let mut sorted = rows.clone();
        sorted.sort();
        assert_eq!(decode(file.clone()).unwrap(), sorted);
        assert_eq!(encode(rows.into_iter().rev().collect()).unwrap(), file);
        assert_eq!(decode(encode(Vec::new()).unwrap()).unwrap(), []);
    }

    #[test]
    fn damaged_bytes_are_an_error_and_not_a_panic() {
        let file = encode((0..200).map(row).collect()).unwrap();
        for at in (0..file.len()).step_by(41) {
            let mut damaged = file.to_vec();
            damaged[at] ^= 0x55;
            let _ = decode(damaged.into());
        }
        assert!(decode(file.slice(..file.len() / 2)).is_err());
        assert!(decode(Bytes::from_static(b"PAR1")).is_err());
    }

    #[test]
    fn a_label_is_found_by_its_whole_name() {
        let row = WorkloadDay { labels: ["app=x".into(), "app.kubernetes.io/name=y=z".into()].into(), ..row(1) };
        assert_eq!(row.label("app"), Some("x"));
        assert_eq!(row.label("app.kubernetes.io/name"), Some("y=z"));
        assert_eq!(row.label("ap"), None);
    }
}
