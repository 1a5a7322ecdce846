//! One file of a report, and why it could not be made.

use crate::csv_tables::SheetError;
use crate::error::RenderError;
use crate::focus::FocusError;
use crate::manifest_drafts::Draft;
use crate::workbook::WorkbookError;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, with `/` between folders, relative to the report.
    pub name: String,
    /// Content type that a browser is told.
    pub content_type: &'static str,
    /// Bytes of it.
    pub content: Vec<u8>,
}

impl File {
    /// A file whose content type goes by the ending of its name.
    pub fn new(name: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        let name = name.into();
        Self { content_type: content_type(&name), name, content: content.into() }
    }

    /// A draft in a folder.
    pub(super) fn draft(folder: &str, draft: Draft) -> Self {
        Self::new(format!("{folder}/{}", draft.name), draft.text)
    }
}

/// Content type of a file of a report, by the ending of its name. Manifests are text, which a browser shows.
pub fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        Some("md") => "text/markdown; charset=utf-8",
        Some("yaml" | "txt") => "text/plain; charset=utf-8",
        Some("parquet") => "application/vnd.apache.parquet",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/octet-stream",
    }
}

/// Why a file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The page.
    #[error("could not render the page")]
    Page(#[from] RenderError),
    /// A table.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The workbook.
    #[error(transparent)]
    Workbook(#[from] WorkbookError),
    /// FOCUS.
    #[error(transparent)]
    Focus(#[from] FocusError),
}
