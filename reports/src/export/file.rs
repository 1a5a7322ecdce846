//! One file of a report, and why it could not be made.

use crate::drafts::Draft;
use crate::error::RenderError;
use crate::focus::FocusError;
use crate::sheets::SheetError;
use crate::workbook::WorkbookError;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, with `/` between folders, relative to the report.
    pub name: String,
    /// Content type that a browser is told.
    pub content_type: &'static str,
    /// Text in it.
    pub content: Vec<u8>,
}

impl File {
    /// A file that is a page.
    pub fn html(name: impl Into<String>, content: String) -> Self {
        Self { name: name.into(), content_type: "text/html; charset=utf-8", content: content.into_bytes() }
    }

    /// A file that is a table.
    pub fn csv(name: impl Into<String>, content: Vec<u8>) -> Self {
        Self { name: name.into(), content_type: "text/csv; charset=utf-8", content }
    }

    /// A file of plain text in a folder.
    pub(super) fn text(folder: &str, draft: Draft) -> Self {
        let name = format!("{folder}/{}", draft.name);
        Self { name, content_type: "text/plain; charset=utf-8", content: draft.text.into_bytes() }
    }

    /// A file that is Markdown.
    pub fn markdown(name: impl Into<String>, content: String) -> Self {
        Self { name: name.into(), content_type: "text/markdown; charset=utf-8", content: content.into_bytes() }
    }

    /// A file that is JSON.
    pub fn json(name: impl Into<String>, content: Vec<u8>) -> Self {
        Self { name: name.into(), content_type: "application/json", content }
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
