//! The page of one cluster, put together from its parts.

use askama::Template;
use types::analysis::Analysis;

use crate::assumptions::Assumptions;
use crate::bill::Bill;
use crate::chart::ChartError;
use crate::costs::Costs;
use crate::evidence::Evidence;
use crate::headline::Headline;
use crate::inventory::InventoryPart;
use crate::replays::Replays;
use crate::utilisation::UtilisationPart;

/// Why a page could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A chart could not be drawn.
    #[error("could not draw the chart of `{name}`")]
    Chart {
        /// What the chart shows.
        name: &'static str,
        /// Why.
        source: ChartError,
    },
    /// A template could not be filled.
    #[error("could not fill the page's template")]
    Template(#[from] askama::Error),
}

/// The whole page.
#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    cluster_id: String,
    headline: Headline,
    costs: Costs,
    replays: Option<Replays>,
    bill: Option<Bill>,
    utilisation: UtilisationPart,
    inventory: InventoryPart,
    assumptions: Assumptions,
    evidence: Evidence,
}

/// Renders the page of one cluster.
///
/// The page is one file: no script, no request to anywhere. The same analysis gives the same bytes.
///
/// # Errors
/// When a chart or a template cannot be written, which memory aside does not happen.
pub fn page(analysis: &Analysis) -> Result<String, RenderError> {
    let page = Page {
        cluster_id: analysis.cluster_id.clone(),
        headline: Headline::new(analysis),
        costs: Costs::new(analysis),
        replays: Replays::new(analysis),
        bill: Bill::new(analysis),
        utilisation: UtilisationPart::new(analysis)?,
        inventory: InventoryPart::new(analysis),
        assumptions: Assumptions::new(analysis),
        evidence: Evidence::new(analysis),
    };
    Ok(page.render()?)
}
