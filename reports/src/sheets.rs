//! The tables of an analysis as CSV: one file each, for spreadsheets and scripts.
//!
//! A number is a number, written so that it reads back as the same one; what is not known is an empty field, never 0. Text
//! that a spreadsheet would take for a formula gets an apostrophe in front, see [`guarded`].

mod costs;
mod model;
mod money;
mod steps;
mod usage;
mod verdict;

use chrono::{DateTime, SecondsFormat, Utc};
use types::analysis::Analysis;

/// One table of an analysis.
#[derive(Debug, Clone, Copy)]
pub struct Sheet {
    /// Its name, and the name of its file without `.csv`.
    pub name: &'static str,
    /// Meaning of a row.
    pub about: &'static str,
    /// Its columns, in order: name, with the unit at its end, and what it holds.
    pub columns: &'static [(&'static str, &'static str)],
    rows: fn(&Analysis) -> Vec<Vec<Cell>>,
}

/// Content of one field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// A name, a word or a sentence.
    Text(String),
    /// A number; one that is not finite is not known.
    Number(f64),
    /// A whole number.
    Count(u64),
    /// An exact amount, as text.
    Exact(String),
    /// Yes or no.
    Flag(bool),
    /// A moment.
    Moment(DateTime<Utc>),
    /// Not known, or not modelled.
    Unknown,
}

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write the table `{name}`")]
pub struct SheetError {
    /// The table.
    pub name: String,
    /// Why.
    #[source]
    pub source: csv::Error,
}

/// Every table, in the order of the documentation.
pub const SHEETS: [Sheet; 32] = [
    verdict::VERDICT,
    verdict::JUDGED,
    verdict::LIMITS,
    verdict::REMEDIES,
    verdict::DOUBTS,
    steps::NEXT_STEPS,
    steps::WASTE,
    steps::RIGHT_SIZING,
    steps::NOT_RIGHT_SIZED,
    money::SCENARIOS,
    money::COST_LINES,
    money::MACHINES,
    money::ITEMS,
    money::UNPRICED,
    money::SAVINGS,
    money::WATERFALL,
    costs::NAMESPACES,
    costs::WORKLOADS,
    costs::NODE_GROUPS,
    costs::ZONES,
    costs::LABELS,
    costs::VOLUME_CLAIMS,
    usage::NODE_KINDS,
    usage::HOURS,
    usage::SCENARIO_HOURS,
    model::HOSTS,
    model::WHAT_IF,
    model::TORNADO,
    model::EXCLUSIONS,
    model::WAVES,
    model::ASSUMPTIONS,
    model::NOTES,
];

impl Sheet {
    /// The rows of the table, each with a cell for each column.
    pub(crate) fn rows_of(&self, analysis: &Analysis) -> Vec<Vec<Cell>> {
        (self.rows)(analysis)
    }

    /// The table of an analysis as CSV (RFC 4180, UTF-8, a header, rows in the order of the analysis).
    ///
    /// # Errors
    /// [`SheetError`] when a row does not have the table's columns, which a test rules out.
    pub fn csv(&self, analysis: &Analysis) -> Result<Vec<u8>, SheetError> {
        write(self.columns.iter().map(|(name, _)| *name), self.rows_of(analysis))
            .map_err(|source| SheetError { name: self.name.to_owned(), source })
    }
}

/// Writes a header and rows.
pub(crate) fn write<'a>(header: impl Iterator<Item = &'a str>, rows: Vec<Vec<Cell>>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row.into_iter().map(Cell::field))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// Text as a field: an apostrophe goes before what a spreadsheet takes for a formula (`=`, `+`, `-`, `@`, a tab or a
/// line's end at its beginning) and before an apostrophe, so that taking one away always gives the text back. No name
/// that Kubernetes or AWS accepts begins so, only values of labels and words in files do.
pub(crate) fn guarded(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\'') => format!("'{text}"),
        _ => text.to_owned(),
    }
}

impl Cell {
    /// The text of a cell that is one.
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn field(self) -> String {
        match self {
            Self::Text(text) => guarded(&text),
            Self::Exact(digits) => digits,
            Self::Number(number) if number.is_finite() => number.to_string(),
            Self::Number(_) | Self::Unknown => String::new(),
            Self::Count(count) => count.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Moment(moment) => moment.to_rfc3339_opts(SecondsFormat::Secs, true),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Cell {
    fn from(count: u32) -> Self {
        Self::Count(u64::from(count))
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<DateTime<Utc>> for Cell {
    fn from(moment: DateTime<Utc>) -> Self {
        Self::Moment(moment)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Into::into)
    }
}

/// A row from values of any kind.
macro_rules! row {
    ($($value:expr),+ $(,)?) => { vec![$($crate::sheets::Cell::from($value)),+] };
}
pub(crate) use row;

/// Names in one field.
pub(crate) fn joined(names: &[String]) -> String {
    names.join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_a_spreadsheet_would_run_is_guarded_and_can_be_read_back() {
        for (text, expect) in [
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@sum", "'@sum"),
            ("\tx", "'\tx"),
            ("'quoted", "''quoted"),
            ("checkout-api", "checkout-api"),
            ("", ""),
        ] {
            let field = guarded(text);
            assert_eq!(field, expect);
            assert_eq!(field.strip_prefix('\'').unwrap_or(&field), text, "{text:?} is read back");
        }
    }

    #[test]
    fn numbers_stay_numbers_and_the_unknown_is_empty() {
        for (cell, expect) in [
            (Cell::from(-3.5), "-3.5"),
            (Cell::from(1e-7), "0.0000001"),
            (Cell::from(f64::NAN), ""),
            (Cell::from(None::<f64>), ""),
            (Cell::from(0.0), "0"),
            (Cell::from(7_u32), "7"),
            (Cell::from(true), "true"),
            (Cell::from(DateTime::<Utc>::UNIX_EPOCH), "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(cell.clone().field(), expect, "{cell:?}");
        }
    }
}
