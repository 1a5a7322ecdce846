//! The page of one cluster, put together from its parts.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, NaiveDate, Utc};
use types::analysis::Analysis;

use crate::assumptions::Assumptions;
use crate::build_plan::PlanPart;
use crate::cluster_summary::Standing;
use crate::confidence_section::Sure;
use crate::error::RenderError;
use crate::headline::Headline;
use crate::inventory::InventoryPart;
use crate::invoice::InvoicePart;
use crate::next_steps::StepsPart;
use crate::notes_and_sources::{Evidence, Origin};
use crate::number_format;
use crate::over_time::OverTime;
use crate::page_currency::Money;
use crate::page_table::Table;
use crate::page_view::View;
use crate::realised_saving::RealisedPart;
use crate::rightsizing::SizesPart;
use crate::scenario_costs::Costs;
use crate::scenario_limits::JudgedPart;
use crate::scenario_words;
use crate::todays_bill::Bill;
use crate::trend::TrendPart;
use crate::waterfall::WaterfallPart;

/// The whole page: the verdict, a menu, and the sections.
#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    cluster_id: String,
    headline: Headline,
    sections: Vec<Section>,
    /// The day it was made, where one is given, and the end of the window, as a sentence.
    made: String,
}

/// A section of the page.
struct Section {
    /// Id of its element.
    id: &'static str,
    /// Its name in the menu; empty where that leaves it out.
    menu: &'static str,
    markup: Markup,
}

/// Markup of a template, in which every value is quoted already.
struct Markup(String);

impl std::fmt::Display for Markup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Markup {}

/// A section by its part; `None` without one.
fn section(id: &'static str, menu: &'static str, part: Option<impl Template>) -> Result<Option<Section>, RenderError> {
    let Some(part) = part else { return Ok(None) };
    Ok(Some(Section { id, menu, markup: Markup(part.render()?) }))
}

/// The section about amounts.
#[derive(Template)]
#[template(path = "money.html")]
struct Amounts {
    realised: Option<RealisedPart>,
    judged: Option<JudgedPart>,
    waterfall: Option<WaterfallPart>,
    choice: Table,
    costs: Costs,
}

/// The section about what the numbers stand on.
#[derive(Template)]
#[template(path = "basis.html")]
struct Basis {
    assumptions: Assumptions,
    provenance: Origin,
}

/// Options of a page.
#[derive(Debug, Clone, Default)]
pub struct Options {
    money: Money,
    earlier: Vec<Standing>,
    made_on: Option<NaiveDate>,
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

    /// Says on which day, in UTC, the page was made. Without one it says what it is as of: it knows no clock.
    #[must_use]
    pub fn made_on(mut self, day: NaiveDate) -> Self {
        self.made_on = Some(day);
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
    let amounts = Amounts {
        realised: RealisedPart::new(view),
        judged: JudgedPart::new(view),
        waterfall: WaterfallPart::new(view)?,
        choice: crate::rightsizing_or_platform::choice(view),
        costs: Costs::new(view),
    };
    let invoice = analysis.invoice.as_ref().map(|invoice| InvoicePart::new(invoice, &options.money));
    let trend = TrendPart::new(&Standing::of(analysis), &options.earlier, &options.money)?;
    let basis = Basis { assumptions: Assumptions::new(analysis), provenance: Origin::new(view) };
    // A story: what to do, the money, how sure it is, where the money goes, the plan where there is one to follow, and
    // what it all stands on: the hours that were measured, earlier windows, what is missing, the data.
    let sections = [
        section("steps", "Next steps", StepsPart::new(view))?,
        section("rightsizing", "Requests", SizesPart::new(view))?,
        section("money", "Costs compared", Some(amounts))?,
        section("sure", "How sure", Some(Sure::new(view)?))?,
        section("bill", "Cost breakdown", Bill::new(view))?,
        section("invoice", "Against the invoice", invoice)?,
        section("inventory", "", Some(InventoryPart::new(view)))?,
        section("plan", "The plan", PlanPart::new(view))?,
        section("time", "Over time", Some(OverTime::new(view)?))?,
        section("trend", "Trend", trend)?,
        section("notes", "What is missing", Some(Evidence::new(view)))?,
        section("basis", "Data and assumptions", Some(basis))?,
    ];
    let page = Page {
        cluster_id: scenario_words::plain(&analysis.cluster_id),
        headline: Headline::new(view),
        sections: sections.into_iter().flatten().collect(),
        made: made(analysis.window.end, options.made_on),
    };
    Ok(page.render()?)
}

/// Says when the page was made, where that is known, and until when its hours are.
pub(crate) fn made(end: DateTime<Utc>, day: Option<NaiveDate>) -> String {
    let end = number_format::moment(end);
    match day {
        Some(day) => format!("Made on {} from hours until {end} (UTC).", number_format::date(day)),
        None => format!("As of {end} (UTC)."),
    }
}
