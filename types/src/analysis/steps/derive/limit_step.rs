//! The step where limits keep everything cheaper from being recommended: what would hold them, or the limit to decide on.
//!
//! It is in no sum. It comes in place of staying as it is, so its amount overlaps with the steps beside it.

use super::step_amounts::{WORTH_DOING, ready_place, step};
use crate::analysis::{Analysis, Judged, LimitCheck, Step, StepKind};
use crate::wording;

/// The step; `None` where it is not limits that keep everything as it is, or what they keep is not worth it.
pub(super) fn steps(analysis: &Analysis) -> Option<Step> {
    mend(analysis).or_else(|| decide(analysis)).filter(|step| step.asked_monthly_usd >= Some(WORTH_DOING))
}

fn money(analysis: &Analysis, usd: f64) -> String {
    wording::money(usd, &analysis.currency)
}

/// Keeps what mends the scenario, at its price.
fn mend(analysis: &Analysis) -> Option<Step> {
    let mend = analysis.verdict.mend()?;
    let what: Vec<String> =
        mend.remedies.iter().map(|remedy| wording::remedy(&remedy.what, mend.judged.scenario)).collect();
    let what = format!(
        "Decide whether to pay {} a month for {}: {} then saves {} a month, net",
        money(analysis, mend.price_monthly_usd),
        what.join(" and "),
        wording::scenario(mend.judged.scenario),
        money(analysis, mend.net_monthly_usd),
    );
    Some(
        step(StepKind::HoldLimits, what, None)
            .asking(mend.net_monthly_usd)
            .about(worst(mend.judged))
            .with(format!("Without it {}. {OVERLAPS}", breaches(mend.judged)), ready_place(mend.judged.scenario)),
    )
}

/// Asks whether a limit suits the workloads, where nothing that was tried holds it at an allowed price.
fn decide(analysis: &Analysis) -> Option<Step> {
    let (judged, broken) = analysis.verdict.largest_rejected()?;
    let saves = money(analysis, judged.saving_monthly_usd);
    let scenario = wording::scenario(judged.scenario);
    let what = match judged.headroom.as_ref().filter(|_| judged.breaks_price_alone()) {
        Some(kept) => format!(
            "Decide whether {} may cost {} a month: {scenario} then saves {saves} a month, net",
            wording::headroom(kept, judged.scenario),
            money(analysis, kept.monthly_usd),
        ),
        None => format!(
            "Decide whether these workloads can live with {}: {scenario} then saves {saves} a month",
            names(&broken),
        ),
    };
    Some(step(StepKind::HoldLimits, what, None).asking(judged.saving_monthly_usd).about(worst(judged)).with(
        format!("As it is, {}. {OVERLAPS}", breaches(judged)),
        "the table of limits; they are set under `risk` in the assumptions",
    ))
}

/// Caution of every such step.
const OVERLAPS: &str = "In no sum, since nothing within the limits saves: it comes in place of staying, and takes a part of what \
                        the steps beside it save.";

/// Names that are told.
const MOST: usize = 3;

/// The limits by name, those beyond three by number.
fn names(broken: &[&LimitCheck]) -> String {
    let mut names: Vec<String> = broken.iter().take(MOST).map(|check| wording::limit(check.limit).to_owned()).collect();
    match u32::try_from(broken.len().saturating_sub(MOST)).unwrap_or(u32::MAX) {
        0 => {}
        1 => names.push("one more limit broken".to_owned()),
        more => names.push(format!("{} more limits broken", wording::count(more))),
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
}

/// Says what breaking each limit means, as clauses.
fn breaches(judged: &Judged) -> String {
    let clauses: Vec<String> = judged.broken().take(MOST).map(wording::breach).collect();
    clauses.join("; ")
}

/// The workloads where it is worst.
fn worst(judged: &Judged) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for worst in judged.broken().filter_map(|check| check.worst.as_ref()) {
        if !names.contains(worst) {
            names.push(worst.clone());
        }
    }
    names
}
