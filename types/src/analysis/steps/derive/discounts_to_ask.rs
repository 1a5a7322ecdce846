//! Discounts to ask for: of AWS where prices are those of the list, and of the terms of a pool. None is in a sum.

use super::step_amounts::{WORTH_DOING, change, step};
use crate::analysis::{Analysis, Judged, MachineRole, Scenario, Step, StepKind, Verdict};
use crate::wording;

/// Share of list prices that a contracted price must be below for a discount to be there already.
const NEGOTIATED: f64 = 0.001;
/// The largest discount worth asking for: hosts at less than half their list price are no offer.
const MOST_DISCOUNT: f64 = 0.5;
/// Share of the vendor's fee that is spoken of where its pool is recommended.
const FEE_SHARE: f64 = 0.1;

/// The steps: of AWS, then of the pool. `beside_monthly_usd` is saved by the steps beside the recommended change.
pub(super) fn steps(analysis: &Analysis, beside_monthly_usd: f64) -> Vec<Step> {
    let Some(months) = analysis.window.months() else { return Vec::new() };
    // Where the evidence carries no recommendation, no amount can be relied on.
    if analysis.verdict.recommendation.is_none() {
        return Vec::new();
    }
    let of_pool = if change(analysis).is_some_and(|id| id.is_emp()) {
        fee(analysis, months)
    } else {
        break_even(analysis, months)
    };
    of_aws(analysis, months, beside_monthly_usd).into_iter().chain(of_pool).collect()
}

fn scenario<'a>(analysis: &'a Analysis, id: &str) -> Option<&'a Scenario> {
    analysis.scenarios.iter().find(|scenario| scenario.id == id)
}

/// Asks for a discount on everything, where machines are at list prices; the amount is that of one per cent.
fn of_aws(analysis: &Analysis, months: f64, beside_monthly_usd: f64) -> Option<Step> {
    let compute = scenario(analysis, "ec2-today")?.compute_cost.as_ref()?;
    let list = compute.list_usd.filter(|list| *list > 0.0)?;
    if compute.contracted_usd < list * (1.0 - NEGOTIATED) {
        return None;
    }
    let then = scenario(analysis, analysis.verdict.recommendation.as_deref()?)?;
    let fee = then.cost_usd.fee.unwrap_or_default() * months;
    let left = then.monthly_usd? - fee - beside_monthly_usd;
    let percent = left / 100.0;
    (percent >= WORTH_DOING).then(|| {
        let money = |amount| wording::money(amount, &analysis.currency);
        let what = format!(
            "Ask AWS for a private discount (EDP), or use your company’s: each 1 % saves {} a month",
            money(percent)
        );
        step(StepKind::AskDiscount, what, None).asking(percent).with(
            format!(
                "In no sum, since nobody has agreed to it: one percent of the {} a month that are left to AWS after the steps \
                 above, so it overlaps with none of them. AWS publishes no terms; such agreements are for a large spend of a \
                 whole organisation, committed to for years. Lower the bill first, then commit.",
                money(left)
            ),
            "your account team at AWS; then `edp_fraction` in the prices file",
        )
    })
}

/// Asks for a lower fee of the pool that is recommended; the amount is that of a tenth of the fee.
fn fee(analysis: &Analysis, months: f64) -> Option<Step> {
    let then = scenario(analysis, analysis.verdict.recommendation.as_deref()?)?;
    let tenth = then.cost_usd.fee? * months * FEE_SHARE;
    (tenth >= WORTH_DOING).then(|| {
        let money = wording::money(tenth, &analysis.currency);
        let what = format!("Ask the pool’s vendor for a lower fee: each tenth less saves {money} a month");
        step(StepKind::AskDiscount, what, None).asking(tenth).with(
            "In no sum, since nobody has agreed to it: the fee is in the cost of the recommended change, so it overlaps with no \
             other step.",
            "the vendor’s offer; then `emp.fee_fraction` in the assumptions",
        )
    })
}

/// Says which discount on bare-metal hosts, or off the fee, would make the best pool cost what is recommended.
fn break_even(analysis: &Analysis, months: f64) -> Option<Step> {
    let verdict = &analysis.verdict;
    let pool = best_that_holds(verdict)?;
    let then = scenario(analysis, pool.scenario.as_str())?;
    let rival = verdict.amounts.as_ref().map_or(0.0, |amounts| amounts.saving_monthly_usd);
    let gap = rival - pool.saving_monthly_usd;
    let hosts = then
        .machine_hours
        .iter()
        .filter(|row| row.kind == MachineRole::Host)
        .filter_map(|row| row.cost_usd)
        .sum::<f64>();
    let fee = then.cost_usd.fee.unwrap_or_default() * months;
    let share = |of: f64, most: f64| (of > 0.0).then(|| gap / of).filter(|share| *share > 0.0 && *share <= most);
    // Of what hosts cost less, the vendor's fee takes its share.
    let off_hosts = share(hosts * months * (1.0 - fee_fraction(analysis)), MOST_DISCOUNT);
    let off_fee = share(fee, 1.0);
    let ways = [
        off_hosts.map(|share| {
            format!("about {} off the list price of bare-metal hosts, from AWS", wording::percent_brief(share))
        }),
        off_fee.map(|share| format!("{} off the fee, from the vendor", wording::percent_brief(share))),
    ];
    let ways: Vec<String> = ways.into_iter().flatten().collect();
    (gap >= WORTH_DOING && !ways.is_empty()).then(|| {
        let money = wording::money(gap, &analysis.currency);
        let what = format!("Ask for {money} a month off an elastic machine pool: from there on it would pay");
        let against = if rival > 0.0 { "what is recommended" } else { "today" };
        step(StepKind::AskDiscount, what, None).asking(gap).with(
            format!(
                "That is {}. In no sum: it brings the pool down to the cost of {against}, in whose place it would come.",
                ways.join(", or ")
            ),
            "AWS’s account team and the pool’s vendor; then `emp.fee_fraction` in the assumptions, or `[[node]]` prices of \
             the hosts in the prices file",
        )
    })
}

/// The vendor's share of what its pool saves on machines, as the assumptions have it; zero where they do not.
fn fee_fraction(analysis: &Analysis) -> f64 {
    let assumption = analysis.assumptions.iter().find(|one| one.key == "emp.fee_fraction");
    assumption.and_then(|one| one.value.parse::<f64>().ok()).filter(|share| (0.0..1.0).contains(share)).unwrap_or(0.0)
}

/// The pool that saves most of those that hold every limit.
fn best_that_holds(verdict: &Verdict) -> Option<&Judged> {
    crate::analysis::saves_most(verdict.changes().filter(|judged| judged.scenario.is_emp() && judged.holds))
}
