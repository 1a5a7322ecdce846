//! The tables of an analysis as one Excel workbook: a sheet each, typed cells, and a first sheet that lists them.
//!
//! Numbers, yes and no, and moments are cells of their kind, shown by the unit at the end of the column's name; what is not
//! known is an empty cell. Text is never a formula: cells are written as strings, and those that would become one when
//! somebody edits them carry Excel's quote prefix.

mod formats;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, Worksheet, XlsxError};
use types::analysis::Analysis;
use types::wording;

use crate::csv_tables::safe_cells::Cell;
use crate::csv_tables::{SHEETS, Sheet};
use crate::number_format;
use crate::scenario_words;
use formats::Formats;

/// Name of the first sheet.
const CONTENTS: &str = "contents";
/// Name of the last sheet.
const COLUMNS: &str = "columns";
/// What Excel takes in one cell, in UTF-16 units.
const MOST_UNITS: usize = 32_767;
/// Rows of a sheet that Excel takes, less the header.
const MOST_ROWS: u32 = 1_048_575;
/// Rows whose texts decide how wide a column is.
const MEASURED_ROWS: usize = 500;
/// The narrowest column, in characters.
const NARROWEST: usize = 9;
/// The widest column, in characters; longer texts take several lines.
const WIDEST: usize = 60;
/// Characters that the button of a filter covers.
const FILTER_BUTTON: usize = 3;

/// Why a workbook could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write the sheet `{sheet}` of the workbook")]
pub struct WorkbookError {
    /// The sheet, or `the file` for the whole.
    pub sheet: String,
    /// Why.
    #[source]
    pub source: XlsxError,
}

/// Writes every table of [`SHEETS`] into one workbook (`.xlsx`), after a sheet `contents` and before a sheet `columns`.
/// The same analysis gives the same bytes: the document is dated by the end of its window.
///
/// # Errors
/// [`WorkbookError`] when a table does not fit into a sheet, which takes more than a million rows.
pub fn workbook(analysis: &Analysis) -> Result<Vec<u8>, WorkbookError> {
    let formats = Formats::of(&analysis.currency);
    let mut book = Workbook::new();
    let of = |sheet: &str| {
        let sheet = sheet.to_owned();
        move |source| WorkbookError { sheet, source }
    };
    book.set_properties(&properties(analysis).map_err(of("the file"))?);
    let tables = SHEETS.map(|sheet| (sheet, sheet.rows_of(analysis)));
    contents(book.add_worksheet(), analysis, &tables, &formats).map_err(of(CONTENTS))?;
    for (sheet, rows) in &tables {
        let columns: Vec<&str> = sheet.columns.iter().map(|(name, _)| *name).collect();
        table(book.add_worksheet(), sheet.name, &columns, rows, &formats).map_err(of(sheet.name))?;
    }
    let described: Vec<Vec<Cell>> = SHEETS
        .iter()
        .flat_map(|sheet| sheet.columns.iter().map(|(name, about)| (sheet.name, *name, *about)))
        .map(|(sheet, name, about)| vec![sheet.into(), name.into(), about.into()])
        .collect();
    table(book.add_worksheet(), COLUMNS, &["sheet", "column", "what"], &described, &formats).map_err(of(COLUMNS))?;
    book.save_to_buffer().map_err(of("the file"))
}

fn properties(analysis: &Analysis) -> Result<DocProperties, XlsxError> {
    let made = ExcelDateTime::from_timestamp(analysis.window.end.timestamp())?;
    Ok(DocProperties::new()
        .set_title(format!("Cost of cluster {}", scenario_words::plain(&analysis.cluster_id)))
        .set_author("emp-cost")
        .set_creation_datetime(&made))
}

/// The first sheet: what the workbook is about, then a line for each sheet.
fn contents(
    sheet: &mut Worksheet,
    analysis: &Analysis,
    tables: &[(Sheet, Vec<Vec<Cell>>)],
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.set_name(CONTENTS)?;
    sheet.set_column_width(0, 24)?.set_column_width(1, 110)?.set_column_width(2, 10)?;
    let window = &analysis.window;
    let facts = [
        ("Cluster", analysis.cluster_id.clone()),
        ("Region", analysis.region.clone().unwrap_or_else(|| "not known".to_owned())),
        ("Window", scenario_words::window(analysis)),
        (
            "Hours",
            format!(
                "{} of {} are there",
                number_format::count(window.hours_present),
                number_format::count(window.hours_expected)
            ),
        ),
        ("Currency", format!("{}, in columns that end in `usd` too", scenario_words::plain(&analysis.currency))),
        ("Verdict", wording::verdict(&analysis.verdict, &analysis.currency)),
        ("Unknown", "An empty cell is not known or not modelled; 0 is zero.".to_owned()),
    ];
    let mut row = 0;
    for (name, text) in facts {
        sheet.write_string_with_format(row, 0, name, &formats.head)?;
        sheet.write_string_with_format(row, 1, clean(&text), &formats.wrapped)?;
        row += 1;
    }
    row += 1;
    for (column, name) in (0..).zip(["Sheet", "What a row is", "Rows"]) {
        sheet.write_string_with_format(row, column, name, &formats.head)?;
    }
    for (table, rows) in tables {
        row += 1;
        let link = format!("internal:'{}'!A1", table.name);
        sheet.write_url_with_text(row, 0, link.as_str(), table.name)?;
        sheet.write_string_with_format(row, 1, table.about, &formats.wrapped)?;
        sheet.write_number_with_format(row, 2, number_format::number(rows.len()), &formats.count)?;
    }
    row += 1;
    sheet.write_url_with_text(row, 0, format!("internal:'{COLUMNS}'!A1").as_str(), COLUMNS)?;
    sheet.write_string_with_format(
        row,
        1,
        "One row for each column of each sheet: what it holds.",
        &formats.wrapped,
    )?;
    sheet.set_landscape().set_print_fit_to_pages(1, 0);
    Ok(())
}

/// A sheet with a frozen header, a filter, and a row for each row.
fn table(
    sheet: &mut Worksheet,
    name: &str,
    columns: &[&str],
    rows: &[Vec<Cell>],
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.set_name(name)?;
    for (at, column) in (0..).zip(columns) {
        sheet.write_string_with_format(0, at, *column, &formats.head)?;
        sheet.set_column_width(at, number_format::number(width(rows, at, column)))?;
    }
    for (at, row) in (1..).zip(rows) {
        for ((place, cell), column) in (0..).zip(row).zip(columns) {
            put(sheet, (at, place), cell, column, formats)?;
        }
    }
    let last = u32::try_from(rows.len()).unwrap_or(u32::MAX).min(MOST_ROWS);
    let widest = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
    sheet.autofilter(0, 0, last, widest)?;
    // The first column stays too: it names the row.
    sheet.set_freeze_panes(1, 1)?;
    sheet.set_landscape().set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
    Ok(())
}

fn put(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    cell: &Cell,
    name: &str,
    formats: &Formats,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(text) => {
            let text = clean(text);
            let format = formats.text(&text, units(&text) > WIDEST);
            sheet.write_string_with_format(row, column, text, format)?;
        }
        Cell::Number(number) if number.is_finite() => {
            sheet.write_number_with_format(row, column, *number, formats.number(name))?;
        }
        Cell::Count(count) => {
            let count = types::number::float(i128::from(*count));
            sheet.write_number_with_format(row, column, count, &formats.count)?;
        }
        // More digits than a number of Excel holds: it stays text, so that it stays exact.
        Cell::Exact(digits) => {
            sheet.write_string_with_format(row, column, clean(digits), &formats.exact)?;
        }
        Cell::Flag(flag) => {
            sheet.write_boolean(row, column, *flag)?;
        }
        Cell::Moment(moment) => {
            let moment = ExcelDateTime::from_timestamp(moment.timestamp())?;
            sheet.write_datetime_with_format(row, column, &moment, &formats.moment)?;
        }
        Cell::Number(_) | Cell::Unknown => {}
    }
    Ok(())
}

/// Width of a column in characters.
fn width(rows: &[Vec<Cell>], column: u16, name: &str) -> usize {
    let head = name.chars().count() + FILTER_BUTTON;
    let cells = rows.iter().take(MEASURED_ROWS).filter_map(|row| row.get(usize::from(column)));
    let widest = cells.map(Cell::width).max().unwrap_or(0);
    (widest.max(head) + 1).clamp(NARROWEST, WIDEST)
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Text as a cell takes it. The library writes a text between `<r>` and `</r>` as markup, as it is, so such a text gets an
/// apostrophe in front; a text longer than a cell holds ends in `…`.
fn clean(text: &str) -> String {
    let guarded = if text.starts_with("<r>") && text.ends_with("</r>") { format!("'{text}") } else { text.to_owned() };
    if units(&guarded) <= MOST_UNITS {
        return guarded;
    }
    let mut left = MOST_UNITS - 1;
    let mut kept: String = guarded
        .chars()
        .take_while(|c| {
            let fits = c.len_utf16() <= left;
            left = left.saturating_sub(c.len_utf16());
            fits
        })
        .collect();
    kept.push('…');
    kept
}

impl Cell {
    /// Characters that it takes, about.
    fn width(&self) -> usize {
        match self {
            Self::Text(text) => text.lines().map(|line| line.chars().count()).max().unwrap_or(0),
            Self::Exact(digits) => digits.len(),
            Self::Number(number) => format!("{number:.2}").len() + 2,
            Self::Count(count) => count.to_string().len() + 2,
            Self::Flag(_) => 5,
            Self::Moment(_) => 16,
            Self::Unknown => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_the_library_takes_for_markup_is_text() {
        for (text, expect) in [("<r><t>x</t></r>", "'<r><t>x</t></r>"), ("<r>", "<r>"), ("a</r>", "a</r>"), ("", "")] {
            assert_eq!(clean(text), expect);
        }
    }

    #[test]
    fn a_text_longer_than_a_cell_ends_in_a_sign_for_more() {
        for letter in ["a", "🦀"] {
            let cut = clean(&letter.repeat(40_000));
            assert!(cut.ends_with('…') && units(&cut) <= MOST_UNITS && units(&cut) > MOST_UNITS - 3);
        }
        let whole = "b".repeat(MOST_UNITS);
        assert_eq!(clean(&whole), whole);
    }
}
