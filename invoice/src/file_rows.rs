//! Rows of CSV and Parquet files, alike for those who read charges from them.

mod csv;
mod parquet;

use std::borrow::Cow;

use crate::amount::Pico;
use crate::columns::{Columns, Place};
use crate::error::InvoiceError;
use crate::export_format::Format;

pub(crate) use self::csv::csv_rows;
pub(crate) use self::parquet::parquet_rows;

/// Fault of a value: the place, what is there, and what should be.
#[derive(Debug)]
pub(crate) struct Bad {
    pub(crate) place: usize,
    pub(crate) value: String,
    pub(crate) expected: &'static str,
}

/// Reason to read no further row.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A value of this row is at fault.
    Bad(Bad, u64),
    /// Whoever takes the charges wants no more of them.
    Refused(InvoiceError),
}

impl Stop {
    /// The error that ends the reading of a file with these columns.
    fn error(self, file: &str, names: &[String]) -> InvoiceError {
        match self {
            Self::Bad(bad, row) => InvoiceError::Value {
                file: file.to_owned(),
                row,
                column: names.get(bad.place).cloned().unwrap_or_default(),
                value: bad.value,
                expected: bad.expected,
            },
            Self::Refused(error) => error,
        }
    }
}

/// Takes a row with its number, of a file of a format with these columns. An error ends the reading.
type Each<'a> = dyn FnMut(Format, &Columns, &dyn Row, u64) -> Result<(), Stop> + 'a;

/// One row.
pub(crate) trait Row {
    /// A text; empty where there is none.
    fn text(&self, place: Place) -> Cow<'_, str>;

    /// A decimal; `None` where there is none.
    fn amount(&self, place: Place) -> Result<Option<Pico>, Bad>;

    /// A moment, in seconds since the epoch; `None` where there is none.
    fn moment(&self, place: Place) -> Result<Option<i64>, Bad>;

    /// The keys and values of a map.
    fn map(&self, place: Place, each: &mut dyn FnMut(&str, &str));
}

/// The entries of a map that is written as JSON.
pub(crate) fn json_map(text: &str, each: &mut dyn FnMut(&str, &str)) {
    let parsed = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
    for (key, value) in parsed.into_iter().flatten() {
        if let Some(value) = value.as_str() {
            each(&key, value);
        }
    }
}

/// A decimal in a text.
pub(crate) fn amount_of(text: &str, place: usize) -> Result<Option<Pico>, Bad> {
    if text.is_empty() {
        return Ok(None);
    }
    let bad = || Bad { place, value: text.to_owned(), expected: "a number" };
    Pico::parse(text).map(Some).ok_or_else(bad)
}

/// A moment in a text.
pub(crate) fn moment_of(text: &str, place: usize) -> Result<Option<i64>, Bad> {
    if text.is_empty() {
        return Ok(None);
    }
    let bad = || Bad { place, value: text.to_owned(), expected: "a moment such as 2026-07-01T00:00:00Z" };
    crate::timestamps::seconds(text).map(Some).ok_or_else(bad)
}
