//! Rows of a Parquet file, a batch at a time, with the columns that are read and no others.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, MapArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use super::{Bad, Each, Row, amount_of, json_map, moment_of};
use crate::amount::Pico;
use crate::columns::{Columns, Place};
use crate::error::InvoiceError;

/// Rows held at once.
const BATCH_ROWS: usize = 4096;

/// A column in one of the forms that rows are read from.
enum Values {
    Text(StringArray),
    Float(Float64Array),
    Decimal(Decimal128Array),
    /// Seconds since the epoch.
    Moment(Int64Array),
    Map(MapArray),
    Nothing,
}

impl Values {
    fn of(array: &ArrayRef) -> Result<Self, ArrowError> {
        Ok(match array.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
                Self::Text(cast(array, &DataType::Utf8)?.as_string::<i32>().clone())
            }
            DataType::Decimal128(..) => Self::Decimal(array.as_primitive::<Decimal128Type>().clone()),
            kind if kind.is_numeric() => {
                Self::Float(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
                let seconds = cast(array, &DataType::Timestamp(TimeUnit::Second, None))?;
                Self::Moment(cast(&seconds, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            DataType::Map(..) => Self::Map(array.as_map().clone()),
            _ => Self::Nothing,
        })
    }
}

/// A row of a batch.
struct ParquetRow<'b> {
    columns: &'b [Values],
    row: usize,
}

impl ParquetRow<'_> {
    fn values(&self, place: Place) -> Option<&Values> {
        self.columns.get(place?)
    }
}

fn there<A: Array>(array: &A, row: usize) -> bool {
    row < array.len() && array.is_valid(row)
}

impl Row for ParquetRow<'_> {
    fn text(&self, place: Place) -> Cow<'_, str> {
        match self.values(place) {
            Some(Values::Text(array)) if there(array, self.row) => Cow::Borrowed(array.value(self.row)),
            Some(Values::Float(array)) if there(array, self.row) => Cow::Owned(array.value(self.row).to_string()),
            Some(Values::Moment(array)) if there(array, self.row) => {
                Cow::Owned(crate::timestamps::shown(array.value(self.row)))
            }
            _ => Cow::Borrowed(""),
        }
    }

    fn amount(&self, place: Place) -> Result<Option<Pico>, Bad> {
        let bad = |value: String| Bad { place: place.unwrap_or_default(), value, expected: "a number" };
        match self.values(place) {
            Some(Values::Float(array)) if there(array, self.row) => {
                let value = array.value(self.row);
                Pico::of_float(value).map(Some).ok_or_else(|| bad(value.to_string()))
            }
            Some(Values::Decimal(array)) if there(array, self.row) => {
                let value = array.value(self.row);
                Pico::of_decimal(value, array.scale()).map(Some).ok_or_else(|| bad(value.to_string()))
            }
            Some(Values::Text(array)) if there(array, self.row) => {
                amount_of(array.value(self.row), place.unwrap_or_default())
            }
            _ => Ok(None),
        }
    }

    fn moment(&self, place: Place) -> Result<Option<i64>, Bad> {
        match self.values(place) {
            Some(Values::Moment(array)) if there(array, self.row) => Ok(Some(array.value(self.row))),
            Some(Values::Text(array)) if there(array, self.row) => {
                moment_of(array.value(self.row), place.unwrap_or_default())
            }
            _ => Ok(None),
        }
    }

    fn map(&self, place: Place, each: &mut dyn FnMut(&str, &str)) {
        match self.values(place) {
            Some(Values::Text(array)) if there(array, self.row) => json_map(array.value(self.row), each),
            Some(Values::Map(array)) if there(array, self.row) => {
                let entries = array.value(self.row);
                let text = |n: usize| cast(entries.column(n), &DataType::Utf8).ok();
                let (Some(keys), Some(values)) = (text(0), text(1)) else { return };
                let (keys, values) = (keys.as_string::<i32>(), values.as_string::<i32>());
                keys.iter().zip(values).for_each(|(key, value)| {
                    if let (Some(key), Some(value)) = (key, value) {
                        each(key, value);
                    }
                });
            }
            _ => {}
        }
    }
}

/// Reads a file row by row.
pub(crate) fn parquet_rows(
    file: &str,
    bytes: impl ChunkReader + 'static,
    each: &mut Each<'_>,
) -> Result<(), InvoiceError> {
    let unreadable =
        |source: Box<dyn std::error::Error + Send + Sync>| InvoiceError::Read { file: file.to_owned(), source };
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| unreadable(error.into()))?;
    let names: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let (format, columns) = Columns::resolve(&names, file)?;
    let places = columns.places();
    let read: Vec<String> = places.iter().filter_map(|n| names.get(*n).cloned()).collect();
    let columns = columns.among(&places);
    let mask = ProjectionMask::roots(builder.parquet_schema(), places);
    let batches = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
    let mut row = 0_u64;
    for batch in batches.map_err(|error| unreadable(error.into()))? {
        let batch: RecordBatch = batch.map_err(|error| unreadable(error.into()))?;
        let values: Result<Vec<Values>, ArrowError> = batch.columns().iter().map(Values::of).collect();
        let values = values.map_err(|error| unreadable(error.into()))?;
        for n in 0..batch.num_rows() {
            row = row.saturating_add(1);
            let of_row = ParquetRow { columns: &values, row: n };
            each(format, &columns, &of_row, row).map_err(|stop| stop.error(file, &read))?;
        }
    }
    Ok(())
}
