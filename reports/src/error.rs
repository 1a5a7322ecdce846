//! Why a page could not be rendered.

use crate::chart::ChartError;

/// Why a page could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A chart could not be drawn.
    #[error("could not draw the chart of `{name}`")]
    Chart {
        /// Subject of the chart.
        name: &'static str,
        /// Why.
        source: ChartError,
    },
    /// A template could not be filled.
    #[error("could not fill the page's template")]
    Template(#[from] askama::Error),
}
