//! The page of one cluster, put together from its parts.

use askama::Template;
use types::analysis::Analysis;

use crate::assumptions::Assumptions;
use crate::bill::Bill;
use crate::costs::Costs;
use crate::error::RenderError;
use crate::evidence::{Evidence, Origin};
use crate::format;
use crate::headline::Headline;
use crate::inventory::InventoryPart;
use crate::invoice::InvoicePart;
use crate::judged::JudgedPart;
use crate::money::Money;
use crate::over_time::OverTime;
use crate::plan::PlanPart;
use crate::realised::RealisedPart;
use crate::rightsizing::SizesPart;
use crate::standing::Standing;
use crate::steps::StepsPart;
use crate::sure::Sure;
use crate::table::Table;
use crate::trend::TrendPart;
use crate::view::View;
use crate::waterfall::WaterfallPart;
use crate::words;

/// The whole page, told as a story: the verdict, what to do, the money, how sure it is, where the money goes, the plan
/// where there is one to follow, and what it all stands on.
#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    cluster_id: String,
    headline: Headline,
    steps: Option<StepsPart>,
    sizes: Option<SizesPart>,
    realised: Option<RealisedPart>,
    choice: Table,
    judged: Option<JudgedPart>,
    waterfall: Option<WaterfallPart>,
    costs: Costs,
    sure: Sure,
    time: OverTime,
    bill: Option<Bill>,
    inventory: InventoryPart,
    invoice: Option<InvoicePart>,
    trend: Option<TrendPart>,
    plan: Option<PlanPart>,
    assumptions: Assumptions,
    evidence: Evidence,
    provenance: Origin,
    /// The end of the window: the page is made from the analysis alone, so it knows no clock.
    as_of: String,
}

/// Options of a page.
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
        cluster_id: words::plain(&analysis.cluster_id),
        headline: Headline::new(view),
        steps: StepsPart::new(view),
        sizes: SizesPart::new(view),
        realised: RealisedPart::new(view),
        choice: crate::choice::choice(view),
        judged: JudgedPart::new(view),
        waterfall: WaterfallPart::new(view)?,
        costs: Costs::new(view),
        sure: Sure::new(view)?,
        time: OverTime::new(view)?,
        bill: Bill::new(view),
        inventory: InventoryPart::new(view),
        invoice: analysis.invoice.as_ref().map(|invoice| InvoicePart::new(invoice, &options.money)),
        trend: TrendPart::new(&Standing::of(analysis), &options.earlier, &options.money)?,
        plan: PlanPart::new(view),
        assumptions: Assumptions::new(analysis),
        evidence: Evidence::new(view),
        provenance: Origin::new(view),
        as_of: format!("{} (UTC)", format::moment(analysis.window.end)),
    };
    Ok(page.render()?)
}
