//! Charts as SVG, drawn by plotters.
//!
//! plotters draws in placeholder colours; [`canvas`] turns each into a class, so that the style sheet decides how a
//! chart looks on light, on dark and on paper. Every chart is drawn twice, for screens and for phones, so that its
//! labels stay readable. Drawn at three times its size, because plotters rounds to whole pixels.

pub(crate) mod canvas;
pub(crate) mod frontier;
pub(crate) mod heat;
pub(crate) mod matrix;
pub(crate) mod rows;
pub(crate) mod runs;
pub(crate) mod scale;
pub(crate) mod time;

pub(crate) use canvas::ChartError;
pub(crate) use canvas::{Drawing, Ink, NARROW, Size, WIDE, Words};
pub(crate) use time::{Band, Line, Lines, Span, draw};

use askama::Template;
use askama::filters::HtmlSafe;

use crate::error::RenderError;
use crate::page_table::Table;

/// A chart in both sizes, with its finding and the same numbers in a table.
#[derive(Debug, Template)]
#[template(path = "figure.html")]
pub(crate) struct Figure {
    pub(crate) title: String,
    pub(crate) caption: String,
    pub(crate) wide: Drawing,
    pub(crate) narrow: Drawing,
    /// The same numbers; `None` where they stand in a table beside the chart.
    pub(crate) table: Option<Table>,
    /// Name of the fold that holds the table.
    pub(crate) fold: &'static str,
    /// `true` when the table is printed too: one of hundreds of numbers is not.
    pub(crate) is_printed: bool,
}

impl HtmlSafe for Figure {}

impl Figure {
    /// A chart drawn in both sizes by `draw`.
    pub(crate) fn new(
        words: Words,
        draw: impl Fn(&Words, Size) -> Result<Drawing, ChartError>,
    ) -> Result<Self, RenderError> {
        let size = |size| draw(&words, size).map_err(|source| RenderError::Chart { name: words.id, source });
        let (wide, narrow) = (size(WIDE)?, size(NARROW)?);
        Ok(Self { title: words.title, caption: words.finding, wide, narrow, table: None, fold: "", is_printed: true })
    }

    /// The same figure, its table left out on paper.
    pub(crate) fn not_printed(mut self) -> Self {
        self.is_printed = false;
        self
    }

    /// The same numbers, folded away.
    pub(crate) fn folded(mut self, fold: &'static str, table: Table) -> Self {
        self.fold = fold;
        self.table = Some(table);
        self
    }
}
