//! Rows as CSV and as Parquet, from one list of columns.

use std::error::Error;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use chrono::SecondsFormat;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::columns::{COLUMNS, Column, Kind, Row, Value};
use super::common_values::Frame;
use super::decimal::{PRECISION, SCALE};
use crate::csv_tables::safe_cells::guarded;

/// Named in every file instead of the library's version, so that an upgrade does not change bytes.
const CREATED_BY: &str = "emp-cost focus";
const UTC: &str = "UTC";

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write FOCUS rows of `{scenario}`")]
pub struct FocusError {
    scenario: String,
    source: Box<dyn Error + Send + Sync>,
}

/// The rows of one file.
#[derive(Debug)]
pub struct Table {
    /// Name of the file without its ending: the scenario, or `ec2-today-by-workload`.
    pub name: String,
    pub(super) frame: Frame,
    pub(super) rows: Vec<Row>,
}

impl Table {
    /// As CSV: UTF-8, a header, moments as `2026-06-01T00:00:00Z`, null as an empty field.
    ///
    /// # Errors
    /// [`FocusError`] when it cannot be written, which memory aside does not happen.
    pub fn csv(&self) -> Result<Vec<u8>, FocusError> {
        csv(self).map_err(|source| self.error(source))
    }

    /// As Parquet: decimals of 38 digits with 12 after the point, timestamps of milliseconds in UTC, UTF-8 strings.
    ///
    /// # Errors
    /// [`FocusError`] when it cannot be written, which memory aside does not happen.
    pub fn parquet(&self) -> Result<Vec<u8>, FocusError> {
        parquet(self).map_err(|source| self.error(source))
    }

    /// The columns of this file, in order.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> + '_ {
        COLUMNS.iter().filter(|column| column.since <= self.frame.version)
    }

    fn error(&self, source: impl Into<Box<dyn Error + Send + Sync>>) -> FocusError {
        FocusError { scenario: self.frame.scenario.clone(), source: source.into() }
    }
}

fn csv(table: &Table) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(table.columns().map(|column| column.name))?;
    for row in &table.rows {
        writer.write_record(table.columns().map(|column| field((column.value)(&table.frame, row))))?;
    }
    Ok(writer.into_inner().map_err(::csv::IntoInnerError::into_error)?)
}

fn field(value: Option<Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::Text(text)) => guarded(&text),
        Some(Value::Decimal(number)) => number.to_string(),
        Some(Value::Time(moment)) => moment.to_rfc3339_opts(SecondsFormat::Secs, true),
    }
}

fn parquet(table: &Table) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let fields: Vec<Field> =
        table.columns().map(|column| Field::new(column.name, data_type(column.kind), column.nullable)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = table.columns().map(|column| array(table, column)).collect::<Result<Vec<_>, _>>()?;
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_created_by(CREATED_BY.to_owned())
        .set_key_value_metadata(Some(vec![
            pair("focus_version", table.frame.version.to_string()),
            pair("scenario", table.frame.scenario.clone()),
        ]))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?)
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Decimal => DataType::Decimal128(PRECISION, i8::try_from(SCALE).unwrap_or(i8::MAX)),
        Kind::Time => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
    }
}

fn array(table: &Table, column: &Column) -> Result<ArrayRef, arrow::error::ArrowError> {
    let values = table.rows.iter().map(|row| (column.value)(&table.frame, row));
    Ok(match column.kind {
        Kind::Text => {
            let texts = values.map(|value| match value {
                Some(Value::Text(text)) => Some(text),
                _ => None,
            });
            Arc::new(texts.collect::<StringArray>())
        }
        Kind::Decimal => {
            let numbers = values.map(|value| match value {
                Some(Value::Decimal(number)) => Some(number.trillionths()),
                _ => None,
            });
            let numbers: Decimal128Array = numbers.collect();
            Arc::new(numbers.with_precision_and_scale(PRECISION, i8::try_from(SCALE).unwrap_or(i8::MAX))?)
        }
        Kind::Time => {
            let moments = values.map(|value| match value {
                Some(Value::Time(moment)) => Some(moment.timestamp_millis()),
                _ => None,
            });
            Arc::new(moments.collect::<TimestampMillisecondArray>().with_timezone(UTC))
        }
    })
}
