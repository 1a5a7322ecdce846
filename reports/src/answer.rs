//! The answer at the top of the page, from the verdict's data: what to do, what it comes to, how sure it is, what next.

use types::analysis::{Judged, Reason, RemedyKind, ScenarioId};
use types::show;

use crate::format;
use crate::headline::Figure;
use crate::trust;
use crate::view::View;
use crate::words::{self, TODAY};

/// What is said below the verdict.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What the recommended change saves a year, as a phrase; empty where none is recommended.
    pub(crate) year: String,
    /// Confidence and the gravest doubt, as a sentence; empty where nothing is recommended.
    pub(crate) sure: String,
    /// What to do next, as a sentence; empty where the verdict says it.
    pub(crate) next: &'static str,
    /// The section that helps with it, without `#`; empty for none.
    pub(crate) place: &'static str,
}

impl Answer {
    /// The answer; `None` for an analysis that predates the verdict's data.
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        let reason = analysis.verdict.reason?;
        let (next, place) = next(analysis, reason);
        let place = if analysis.verdict.judged.is_empty() { "" } else { place };
        let confidence = analysis.verdict.confidence.as_ref().filter(|_| analysis.verdict.recommendation.is_some());
        Some(Self { year: year(analysis), sure: confidence.map(trust::how_sure).unwrap_or_default(), next, place })
    }
}

/// The colour of the stance and what it says: a change that saves is a gain, and staying is no loss.
pub(crate) fn stance(analysis: &View<'_>) -> (&'static str, String) {
    let verdict = &analysis.verdict;
    let gains = verdict.amounts.as_ref().is_some_and(|amounts| amounts.saving_monthly_usd > 0.0);
    (if gains { "pays" } else { "open" }, format!("{}.", show::stance(verdict)))
}

fn year(analysis: &View<'_>) -> String {
    let verdict = &analysis.verdict;
    let amounts = verdict.amounts.as_ref().filter(|_| verdict.recommended().is_some_and(ScenarioId::is_change));
    amounts.map_or_else(String::new, |amounts| {
        let yearly = amounts.saving_monthly_usd * types::MONTHS_PER_YEAR;
        let side = if yearly < 0.0 { "more" } else { "less" };
        format!("{} {side} than today", analysis.usd(yearly.abs()))
    })
}

fn next(analysis: &View<'_>, reason: Reason) -> (&'static str, &'static str) {
    let verdict = &analysis.verdict;
    match (reason, verdict.recommended()) {
        (Reason::SavesMost | Reason::ChangesLess, Some(id)) => change(analysis, id),
        (Reason::LimitsBroken, _) => {
            if verdict.remedies.iter().any(|remedy| remedy.what != RemedyKind::NoneFound) {
                ("Decide whether what would mend the limit is worth its price.", "judged")
            } else {
                ("See which limits break, and whether they suit these workloads.", "judged")
            }
        }
        (Reason::NothingSaves | Reason::SavesTooLittle, _) => {
            ("Nothing now; run the analysis again when the load or the prices have changed.", "")
        }
        _ => ("", ""),
    }
}

fn change(analysis: &View<'_>, id: ScenarioId) -> (&'static str, &'static str) {
    if id.is_emp() && analysis.plan.is_some() {
        return ("Follow the plan, one wave at a time, and shrink the node groups after each.", "plan");
    }
    let headroom = analysis.verdict.judged(id).is_some_and(|judged| judged.headroom.is_some());
    match (id.is_rightsized(), headroom) {
        (true, true) => {
            ("Keep the warm machines first; then lower requests, the largest workloads before others.", "judged")
        }
        (true, false) => ("Lower requests to what is used, the largest workloads first.", "judged"),
        (false, true) => ("Keep the warm machines first; then let nodes be packed and empty ones go.", "judged"),
        (false, false) => ("Let nodes be packed on the machine types of this scenario, and empty ones go.", "judged"),
    }
}

/// Today, what is recommended, and the elastic machine pool; or the best on EC2 where that or staying is recommended.
pub(crate) fn figures(analysis: &View<'_>) -> Vec<Figure> {
    let verdict = &analysis.verdict;
    let recommended = verdict.recommended().filter(|id| id.is_change());
    let mut figures = vec![today(analysis, verdict.recommendation.as_deref() == Some(TODAY))];
    figures.extend(recommended.and_then(|id| Some(change_figure(analysis, verdict.judged(id)?))));
    // Where nothing can be recommended, no other amount can be relied on.
    let is_decided = verdict.recommendation.is_some();
    let is_other = |judged: &&Judged| Some(judged.scenario) != recommended;
    if is_decided && recommended.is_none_or(ScenarioId::is_emp) {
        let ec2 = verdict.best_on_ec2().filter(is_other);
        figures.extend(ec2.map(|judged| other(analysis, "Best on EC2, per month", judged, ec2_sub(judged))));
    }
    if is_decided && recommended.is_none_or(|id| !id.is_emp()) {
        let sub = "elastic machine pool, net of the vendor’s fee".to_owned();
        figures.extend(verdict.best_pool().map(|judged| other(analysis, "With EMP, per month", judged, sub)));
    }
    if figures.len() == 1 {
        figures.push(Figure {
            label: "Recommended, per month",
            value: "cannot be said".to_owned(),
            sub: String::new(),
            class: "absent",
            badge: "",
        });
    }
    figures
}

fn today(analysis: &View<'_>, is_recommended: bool) -> Figure {
    let amounts = analysis.verdict.amounts.as_ref().map(|amounts| amounts.today_monthly_usd);
    let total = words::scenario(analysis, TODAY).filter(|today| today.cost_usd.compute.is_some());
    let monthly = amounts.or_else(|| total.and_then(|today| today.monthly_usd));
    Figure {
        label: if is_recommended { "Today and recommended, per month" } else { "Today, per month" },
        value: analysis.money.show_or_unknown(monthly),
        sub: if monthly.is_some() { "EC2 as it ran" } else { "its compute has no price" }.to_owned(),
        class: if monthly.is_some() { "" } else { "absent" },
        badge: "",
    }
}

fn change_figure(analysis: &View<'_>, judged: &Judged) -> Figure {
    let amounts = analysis.verdict.amounts.as_ref();
    let saving = amounts.map_or(judged.saving_monthly_usd, |amounts| amounts.saving_monthly_usd);
    let class = if saving >= 0.0 { "gain" } else { "loss" };
    let monthly = amounts.map_or(judged.monthly_usd, |amounts| amounts.monthly_usd);
    let sub = words::plain(&words::scenario_name(analysis, judged.scenario));
    Figure { label: "Recommended, per month", value: analysis.usd(monthly), sub, class, badge: "" }
}

fn other(analysis: &View<'_>, label: &'static str, judged: &Judged, sub: String) -> Figure {
    let badge = if judged.holds { "" } else { "breaks a limit" };
    Figure { label, value: analysis.usd(judged.monthly_usd), sub, class: "", badge }
}

fn ec2_sub(judged: &Judged) -> String {
    show::scenario(judged.scenario).replace(" on EC2", "")
}

/// What the figures are measured on.
pub(crate) fn basis(analysis: &View<'_>) -> String {
    let window = words::window(analysis).replacen(" to ", " and ", 1);
    let hours = match analysis.verdict.reported_hours {
        0 => format!("scaled from {}", format::hours(analysis.window.hours_present)),
        n => format!("scaled from the last {} of {}", format::count(n), format::hours(analysis.window.hours_present)),
    };
    format!("Per month of 730 hours, {hours} between {window}; {}.", words::prices(analysis))
}

/// What a reader must know of the amounts: lines compared, commitments, running old and new side by side.
pub(crate) fn caveats(analysis: &View<'_>) -> Vec<String> {
    let Some(amounts) = &analysis.verdict.amounts else { return Vec::new() };
    let mut caveats = Vec::new();
    let lines: Vec<String> = amounts.lines.iter().map(|line| words::cost_line(line)).collect();
    if !lines.is_empty() {
        caveats.push(format!("Compared are {}, the lines priced on both sides.", words::list(&lines)));
    }
    if amounts.stranded_monthly_usd > 0.0 {
        caveats.push(format!(
            "Of the recommended cost {} a month is for commitments that are paid until they expire; after that the saving is \
             {} a month.",
            analysis.usd(amounts.stranded_monthly_usd),
            analysis.usd(amounts.saving_after_commitments_monthly_usd)
        ));
    }
    if let Some(once) = amounts.transition_usd.filter(|usd| *usd > 0.0) {
        let payback = amounts.payback_days.map(|days| format!(", which the saving has paid for after {}", span(days)));
        caveats.push(format!(
            "Moving costs {} once for running old and new side by side{}.",
            analysis.usd(once),
            payback.unwrap_or_default()
        ));
    }
    caveats
}

/// Days in words: less than one is not counted in hundredths.
fn span(days: f64) -> String {
    match days {
        days if days < 1.0 => "less than a day".to_owned(),
        days => format!("{} days", format::grouped(days.ceil(), 0)),
    }
}
