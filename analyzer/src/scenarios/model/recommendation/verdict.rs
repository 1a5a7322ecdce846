//! The verdict as data: what was decided, its amounts, and how far it can be trusted.

use types::analysis::{Amounts, Plan, Saving, ScenarioId, TornadoBar, Verdict};

use crate::scenarios::model::costs::unused_commitments::stranded;
use crate::scenarios::model::judgement::limits_and_remedies::{Reported, best_pool};
use crate::scenarios::model::recommendation::confidence::confidence;
use crate::scenarios::model::recommendation::verdict_basis::Grounds;
use crate::scenarios::model::recommendation::verdict_basis::PricedScenario;
use crate::scenarios::saving;
use crate::units::nanos;

/// The verdict, and the savings it speaks of, those against today first.
pub(crate) fn verdict(grounds: &Grounds<'_>) -> (Verdict, Vec<Saving>) {
    let conclusion = grounds.conclusion;
    let judgement = &conclusion.judgement;
    let decision = conclusion.decision;
    let amounts = decision.row(judgement).map(|row| amounts(row, grounds));
    let pool = best_pool(judgement);
    let window = |monthly: f64| monthly * grounds.window.hours_present / types::HOURS_PER_MONTH;
    let mut verdict = Verdict {
        text: String::new(),
        recommendation: decision.recommended.map(|id| id.as_str().to_owned()),
        saving_vs_today_usd: pool.map(|row| window(row.judged.saving_monthly_usd)),
        saving_vs_best_ec2_usd: pool.and_then(|row| row.judged.saving_vs_rival_monthly_usd).map(window),
        // Bars are of the scenario the answer is about.
        range_usd: pool
            .filter(|row| Some(row.id) == conclusion.tornado_of)
            .and_then(|row| range(row.judged.saving_vs_rival_monthly_usd?, grounds))
            .map(|range| range.map(window)),
        interval_usd: conclusion.interval_usd,
        reason: Some(decision.reason),
        confidence: Some(confidence(&decision, grounds)),
        amounts,
        judged: judgement.reported.iter().map(|row| row.judged.clone()).collect(),
        remedies: judgement.remedies.clone(),
        today_breaches: judgement.today_breaches.clone(),
        reported_hours: crate::number::count(
            crate::number::whole(grounds.reported.hours_present).try_into().unwrap_or(0),
        ),
        chosen_hours: grounds.chosen_hours,
    };
    verdict.text = types::wording::verdict(&verdict, grounds.currency);
    (verdict, savings(grounds))
}

/// Savings over the whole window, against today and against each pool's rival.
fn savings(grounds: &Grounds<'_>) -> Vec<Saving> {
    let find = |id: ScenarioId| grounds.conclusion.scenario(id.as_str());
    let pair = |made: &PricedScenario| saving(grounds.today, (&made.scenario, &made.lines), grounds.window);
    let candidates = ScenarioId::ALL.into_iter().filter(|id| id.may_be_recommended());
    let mut savings: Vec<Saving> = candidates.filter_map(find).filter_map(pair).collect();
    let rivals = grounds.conclusion.judgement.reported.iter().filter_map(|row| Some((row.id, row.judged.rival?)));
    // Both treat what does not move alike: `emp` by its twin that repacks it.
    let twin = grounds.conclusion.like_for_like.as_ref();
    savings.extend(rivals.filter_map(|(id, rival)| {
        let (made, rival) = (find(id)?, find(rival)?);
        let lines = twin.filter(|_| id == ScenarioId::Emp).unwrap_or(&made.lines);
        saving((&rival.scenario, &rival.lines), (&made.scenario, lines), grounds.window)
    }));
    savings
}

fn amounts(row: &Reported, grounds: &Grounds<'_>) -> Amounts {
    let judgement = &grounds.conclusion.judgement;
    let month = grounds.reported;
    let judged = &row.judged;
    let lines = judgement.today.less(&row.money.lines).map(|(.., lines)| lines).unwrap_or_default();
    let transition = match row.id.is_emp() {
        true => by_steps(grounds.conclusion.plan.as_ref()),
        false => by_nodes(row, grounds),
    };
    let daily = judged.saving_monthly_usd * 24.0 / types::HOURS_PER_MONTH;
    Amounts {
        today_monthly_usd: judged.monthly_usd + judged.saving_monthly_usd,
        monthly_usd: judged.monthly_usd,
        saving_monthly_usd: judged.saving_monthly_usd,
        saving_fraction: judged.saving_fraction,
        stranded_monthly_usd: month.usd(row.money.lines.unused_commitments.unwrap_or_default()),
        stranded_by_month: stranded(&row.money.compute.plans, month.hours_present, grounds.end),
        saving_after_commitments_monthly_usd: grounds
            .conclusion
            .after_commitments_usd
            .unwrap_or(judged.saving_monthly_usd),
        after_expiries: grounds.conclusion.after_expiries.clone(),
        transition_usd: transition,
        payback_days: transition.and_then(|usd| crate::number::ratio(usd, daily)).filter(|days| *days >= 0.0),
        range_monthly_usd: range(judged.saving_monthly_usd, grounds),
        lines: lines.into_iter().map(ToOwned::to_owned).collect(),
    }
}

/// Replacing every node of today's on EC2: each new one runs from its request, while it boots and for a slot in which the
/// pods of an old one move to it.
fn by_nodes(row: &Reported, grounds: &Grounds<'_>) -> Option<f64> {
    let compute = row.money.lines.compute?;
    let hourly = crate::number::ratio(compute.usd(), grounds.reported.hours_present)?;
    Some(hourly * (grounds.ec2_boot_seconds + crate::number::float(types::SLOT_SECONDS.into())) / 3600.0)
}

/// Running old and new side by side, step by step of the plan.
fn by_steps(plan: Option<&Plan>) -> Option<f64> {
    let steps: Option<Vec<f64>> = plan?.waves.iter().map(|wave| wave.dual_running_usd).collect();
    steps.map(|steps| steps.into_iter().sum())
}

/// Returns what a bar of the tornado changes, in USD a month.
fn change(bar: &TornadoBar, grounds: &Grounds<'_>) -> Option<f64> {
    Some(grounds.window.usd(nanos(bar.change_usd?)))
}

/// Least and greatest saving over the assumptions tried one at a time, around what is saved as things are.
fn range(saving: f64, grounds: &Grounds<'_>) -> Option<[f64; 2]> {
    let bars = grounds.conclusion.tornado.iter().filter(|bar| bar.is_uncertain());
    let mut tried = bars.filter_map(|bar| change(bar, grounds)).peekable();
    tried.peek()?;
    Some(tried.fold([saving; 2], |[least, most], change| [least.min(saving + change), most.max(saving + change)]))
}
