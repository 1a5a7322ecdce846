//! Cells of the tables: what a field holds, and how it is written.

use chrono::{DateTime, SecondsFormat, Utc};

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
    pub(super) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn field(self) -> String {
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
    ($($value:expr),+ $(,)?) => { vec![$($crate::csv_tables::safe_cells::Cell::from($value)),+] };
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
