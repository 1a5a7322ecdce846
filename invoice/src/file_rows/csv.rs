//! Rows of a CSV file, packed or not.

use std::borrow::Cow;
use std::io::Read;

use csv::{ReaderBuilder, StringRecord};

use super::{Bad, Each, Row, amount_of, json_map, moment_of};
use crate::amount::Pico;
use crate::columns::{Columns, Place};
use crate::error::InvoiceError;

struct CsvRow<'r>(&'r StringRecord);

impl CsvRow<'_> {
    fn get(&self, place: Place) -> &str {
        place.and_then(|n| self.0.get(n)).unwrap_or_default()
    }
}

impl Row for CsvRow<'_> {
    fn text(&self, place: Place) -> Cow<'_, str> {
        Cow::Borrowed(self.get(place))
    }

    fn amount(&self, place: Place) -> Result<Option<Pico>, Bad> {
        place.map_or(Ok(None), |n| amount_of(self.get(place), n))
    }

    fn moment(&self, place: Place) -> Result<Option<i64>, Bad> {
        place.map_or(Ok(None), |n| moment_of(self.get(place), n))
    }

    fn map(&self, place: Place, each: &mut dyn FnMut(&str, &str)) {
        let text = self.get(place);
        if !text.is_empty() {
            json_map(text, each);
        }
    }
}

/// Reads a file row by row.
pub(crate) fn csv_rows(file: &str, bytes: impl Read, each: &mut Each<'_>) -> Result<(), InvoiceError> {
    let unreadable = |source: csv::Error| InvoiceError::Read { file: file.to_owned(), source: source.into() };
    let mut reader = ReaderBuilder::new().has_headers(true).flexible(true).from_reader(bytes);
    let names: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(ToOwned::to_owned).collect();
    let names: Vec<String> = names.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    let (format, columns) = Columns::resolve(&names, file)?;
    let mut record = StringRecord::new();
    let mut row = 0_u64;
    while reader.read_record(&mut record).map_err(unreadable)? {
        row = row.saturating_add(1);
        each(format, &columns, &CsvRow(&record), row).map_err(|stop| stop.error(file, &names))?;
    }
    Ok(())
}
