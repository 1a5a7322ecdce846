//! A table: its name, its columns, its rows, and how it is written as CSV.

use types::analysis::Analysis;

use super::safe_cells::Cell;

/// One table of an analysis.
#[derive(Debug, Clone, Copy)]
pub struct Sheet {
    /// Its name, and the name of its file without `.csv`.
    pub name: &'static str,
    /// Meaning of a row.
    pub about: &'static str,
    /// Its columns, in order: name, with the unit at its end, and what it holds.
    pub columns: &'static [(&'static str, &'static str)],
    pub(super) rows: fn(&Analysis) -> Vec<Vec<Cell>>,
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
