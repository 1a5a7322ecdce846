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
use crate::money::Money;
use crate::replays::Replays;
use crate::standing::Standing;
use crate::trend::TrendPart;
use crate::utilisation::UtilisationPart;
use crate::view::View;

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
    trend: Option<TrendPart>,
    assumptions: Assumptions,
    evidence: Evidence,
}

/// How a page is shown.
#[derive(Debug, Clone, Default)]
pub struct Options {
    money: Money,
    earlier: Vec<Standing>,
}

impl Options {
    /// Shows amounts in another currency.
    #[must_use]
    pub fn money(mut self, money: Money) -> Self {
        self.money = money;
        self
    }

    /// Draws where the cluster stood at the ends of earlier windows; those of other clusters are left out.
    #[must_use]
    pub fn earlier(mut self, earlier: Vec<Standing>) -> Self {
        self.earlier = earlier;
        self
    }

    /// The currency amounts are shown in.
    pub fn currency(&self) -> &Money {
        &self.money
    }
}

/// Renders the page of one cluster.
///
/// The page is one file: no script, no request to anywhere. The same analysis and options give the same bytes.
///
/// # Errors
/// When a chart or a template cannot be written, which memory aside does not happen.
pub fn page(analysis: &Analysis, options: &Options) -> Result<String, RenderError> {
    let view = &View::new(analysis, &options.money);
    let page = Page {
        cluster_id: analysis.cluster_id.clone(),
        headline: Headline::new(view),
        costs: Costs::new(view),
        replays: Replays::new(view),
        bill: Bill::new(view),
        utilisation: UtilisationPart::new(analysis)?,
        inventory: InventoryPart::new(view),
        trend: TrendPart::new(&Standing::of(analysis), &options.earlier, &options.money),
        assumptions: Assumptions::new(analysis),
        evidence: Evidence::new(view),
    };
    Ok(page.render()?)
}
