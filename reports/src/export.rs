//! The files of a report: what each format writes, under which name, and what a browser is told of it.

pub(crate) mod file;

use std::fmt;
use std::str::FromStr;

use types::analysis::Analysis;

use crate::csv_tables::SHEETS;
use crate::focus;
use crate::label_showback;
use crate::manifest_drafts::drafts;
use crate::markdown::markdown;
use crate::page::{Options, page};
use crate::rightsizing;
use crate::workbook::workbook;
pub use file::{ExportError, File, content_type};

/// A format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// The page.
    Html,
    /// The analysis as it was read.
    Json,
    /// A table each.
    Csv,
    /// The same tables in one workbook.
    Xlsx,
    /// FOCUS as Parquet.
    Focus,
    /// FOCUS as CSV.
    FocusCsv,
    /// A summary for a pull request or a chat.
    Markdown,
    /// Drafts of manifests.
    Drafts,
    /// Right-sized requests as commands, patches and objects.
    RightSizing,
    /// A page and a table for each value of a label.
    Labels,
}

impl Format {
    /// Every format, in the order in which they are told of.
    pub const ALL: [Self; 10] = [
        Self::Html,
        Self::Json,
        Self::Csv,
        Self::Xlsx,
        Self::Focus,
        Self::FocusCsv,
        Self::Markdown,
        Self::Drafts,
        Self::RightSizing,
        Self::Labels,
    ];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Focus => "focus",
            Self::FocusCsv => "focus-csv",
            Self::Markdown => "markdown",
            Self::Drafts => "drafts",
            Self::RightSizing => "right-sizing",
            Self::Labels => "labels",
        }
    }

    /// Returns what it writes.
    pub fn about(self) -> &'static str {
        match self {
            Self::Html => "index.html, the page",
            Self::Json => "analysis.json, all numbers, from which later reports read their trend",
            Self::Csv => "csv/, a table each",
            Self::Xlsx => "report.xlsx, the same tables as sheets of an Excel workbook",
            Self::Focus => "focus/, the cost of each scenario as FOCUS in Parquet",
            Self::FocusCsv => "focus/, the same as CSV",
            Self::Markdown => "summary.md, for a pull request or a chat",
            Self::Drafts => "drafts/, manifests of a move to review; nothing where no move is planned",
            Self::RightSizing => "right-sizing/, requests to set: kubectl commands, a Kustomize component, VPA objects",
            Self::Labels => "labels/, a page and a CSV table for each value of a label, such as a team",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no format's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no format of a report; use some of html, json, csv, xlsx, focus, focus-csv, markdown, drafts, right-sizing, labels"
)]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// Parts that a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The analysis.
    pub analysis: &'a Analysis,
    /// The same as it is written: fields of a later version stay in it.
    pub json: &'a [u8],
    /// Options by which the page is shown.
    pub options: &'a Options,
    /// Settings of the FOCUS files.
    pub focus: &'a focus::Settings,
}

/// Makes the files of these formats, each once, in the order of [`Format::ALL`] but the page last: who finds it finds
/// the others.
///
/// # Errors
/// When one cannot be made, which memory aside does not happen.
pub fn files(report: &Report<'_>, formats: &[Format]) -> Result<Vec<File>, ExportError> {
    let mut files = Vec::new();
    let wanted = |format: &Format| formats.contains(format) && *format != Format::Html;
    for format in Format::ALL.into_iter().filter(wanted) {
        add(&mut files, report, format)?;
    }
    if formats.contains(&Format::Html) {
        add(&mut files, report, Format::Html)?;
    }
    Ok(files)
}

fn add(files: &mut Vec<File>, report: &Report<'_>, format: Format) -> Result<(), ExportError> {
    let Report { analysis, json, options, focus } = report;
    match format {
        Format::Html => files.push(File::new("index.html", page(analysis, options)?)),
        Format::Json => files.push(File::new("analysis.json", *json)),
        Format::Csv => {
            for sheet in SHEETS {
                files.push(File::new(format!("csv/{}.csv", sheet.name), sheet.csv(analysis)?));
            }
        }
        Format::Xlsx => files.push(File::new("report.xlsx", workbook(analysis)?)),
        Format::Focus => {
            for table in focus::tables(analysis, focus) {
                files.push(File::new(format!("focus/{}.parquet", table.name), table.parquet()?));
            }
        }
        Format::FocusCsv => {
            for table in focus::tables(analysis, focus) {
                files.push(File::new(format!("focus/{}.csv", table.name), table.csv()?));
            }
        }
        Format::Markdown => files.push(File::new("summary.md", markdown(analysis, options.currency()))),
        Format::Drafts => files.extend(drafts(analysis).into_iter().map(|draft| File::draft("drafts", draft))),
        Format::Labels => files.extend(label_showback::files(analysis, options.currency())?),
        Format::RightSizing => {
            files.extend(
                rightsizing::manifest_files::files(analysis)
                    .into_iter()
                    .map(|draft| File::draft("right-sizing", draft)),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_known_by_its_name() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        let error = "pdf".parse::<Format>().unwrap_err().to_string();
        assert!(error.starts_with("`pdf` is no format"), "{error}");
        assert!(Format::ALL.iter().all(|format| error.contains(format.name())), "{error}");
    }
}
