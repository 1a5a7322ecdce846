//! The verdict by one rule.
//!
//! Of the scenarios that hold every limit, the one that saves most is recommended, if it saves more than 3 % of the bill
//! and more than the back-test is off by. Between those that differ by less than that, the one that changes less.

use types::NanoUsd;
use types::analysis::{
    Amounts, Confidence, ConfidenceLevel, Doubt, ExactLines, LEAST_SAVING_FRACTION, Plan, Reason, Saving, Scenario,
    ScenarioId, TornadoBar, Verdict, WhatIf,
};

use super::judged::Reported;
use super::report::{Conclusion, Made};
use super::terms::is_uncertain;
use crate::scenarios::{Month, saving};

/// Largest share of core-seconds or GiB-seconds without a sample that carries a recommendation.
const SILENT: f64 = 0.05;
/// Hours below which nothing is recommended: a day to warm up, and two to judge by.
const HOURS: f64 = 72.0;
/// Hours of three whole weeks.
const THREE_WEEKS: f64 = 504.0;
/// Share of the hours that may be missing, and of today's compute that the back-test may be off by, for high confidence.
const MUCH: f64 = 0.05;
/// A back-test off by more than this leaves low confidence.
const FAR_OFF: f64 = 0.1;
/// Savings below this share of the bill are near the least that is recommended.
const NEAR: f64 = 0.05;

/// Scenarios that may be recommended.
const CANDIDATES: [ScenarioId; 6] = [
    ScenarioId::Ec2Repacked,
    ScenarioId::Ec2Tuned,
    ScenarioId::Ec2Rightsized,
    ScenarioId::Emp,
    ScenarioId::EmpTuned,
    ScenarioId::EmpRightsized,
];

/// What a verdict stands on.
pub(crate) struct Grounds<'a> {
    pub(crate) conclusion: &'a Conclusion,
    pub(crate) today: (&'a Scenario, &'a ExactLines),
    /// Over the window, and over the reported hours.
    pub(crate) window: Month,
    pub(crate) reported: Month,
    pub(crate) chosen_hours: u32,
    /// Hours of the window that are not in the lake.
    pub(crate) hours_missing: f64,
    /// Whether usage is missing in the busiest hours of the day.
    pub(crate) silent_when_busy: bool,
}

/// What was decided.
struct Decision<'a> {
    recommended: Option<ScenarioId>,
    row: Option<&'a Reported>,
    reason: Reason,
}

/// The verdict, and the savings it speaks of, those against today first.
pub(crate) fn verdict(grounds: &Grounds<'_>) -> (Verdict, Vec<Saving>) {
    let conclusion = grounds.conclusion;
    let judgement = &conclusion.judgement;
    let decision = decide(grounds);
    let amounts = decision.row.map(|row| amounts(row, grounds));
    let pools = || judgement.reported.iter().filter(|row| row.id.is_emp());
    let pool = pools().find(|row| row.judged.holds).or_else(|| pools().next());
    let window = |monthly: f64| monthly * grounds.window.hours_present / types::HOURS_PER_MONTH;
    let mut verdict = Verdict {
        text: String::new(),
        recommendation: decision.recommended.map(|id| id.as_str().to_owned()),
        saving_vs_today_usd: pool.map(|row| window(row.judged.saving_monthly_usd)),
        saving_vs_best_ec2_usd: pool.and_then(|row| row.judged.saving_vs_rival_monthly_usd).map(window),
        range_usd: pool
            .and_then(|row| range(conclusion.what_if.as_ref()?, row.judged.saving_vs_rival_monthly_usd?, grounds))
            .map(|range| range.map(window)),
        interval_usd: conclusion.interval_usd,
        reason: Some(decision.reason),
        confidence: decision.recommended.map(|_| confidence(decision.row, grounds)),
        amounts,
        judged: judgement.reported.iter().map(|row| row.judged.clone()).collect(),
        remedies: judgement.remedies.clone(),
        reported_hours: crate::number::count(
            crate::number::whole(grounds.reported.hours_present).try_into().unwrap_or(0),
        ),
        chosen_hours: grounds.chosen_hours,
    };
    verdict.text = types::show::verdict(&verdict);
    (verdict, savings(grounds))
}

/// Savings over the whole window, against today and against each pool's rival.
fn savings(grounds: &Grounds<'_>) -> Vec<Saving> {
    let find = |id: ScenarioId| grounds.conclusion.scenario(id.as_str());
    let pair = |made: &Made| saving(grounds.today, (&made.scenario, &made.lines), grounds.window);
    let mut savings: Vec<Saving> = CANDIDATES.iter().filter_map(|id| find(*id)).filter_map(pair).collect();
    let rivals = grounds.conclusion.judgement.reported.iter().filter_map(|row| Some((row.id, row.judged.rival?)));
    savings.extend(rivals.filter_map(|(id, rival)| {
        let (made, rival) = (find(id)?, find(rival)?);
        saving((&rival.scenario, &rival.lines), (&made.scenario, &made.lines), grounds.window)
    }));
    savings
}

fn decide<'a>(grounds: &Grounds<'a>) -> Decision<'a> {
    let conclusion = grounds.conclusion;
    let none = |reason: Reason| Decision { recommended: None, row: None, reason };
    if conclusion.no_pods {
        return none(Reason::NoPods);
    }
    if grounds.window.hours_present < HOURS {
        return none(Reason::WindowTooShort);
    }
    if conclusion.imputed > SILENT {
        return none(Reason::UsageMissing);
    }
    if grounds.today.1.compute.is_none() {
        return none(Reason::Unpriced);
    }
    let rows: Vec<&Reported> =
        conclusion.judgement.reported.iter().filter(|row| CANDIDATES.contains(&row.id)).collect();
    if rows.is_empty() {
        return none(Reason::NotReplayed);
    }
    let least = least_saving(grounds);
    let saves = |row: &&&Reported| row.judged.saving_monthly_usd > least;
    let best = rows.iter().filter(|row| row.judged.holds).find(saves);
    let Some(best) = best else {
        let stay = |reason: Reason| Decision { recommended: Some(ScenarioId::Ec2Today), row: None, reason };
        let some = |of: &dyn Fn(&&&Reported) -> bool| rows.iter().any(|row| of(&row));
        return stay(if some(&|row| saves(row)) {
            Reason::LimitsBroken
        } else if some(&|row| row.judged.saving_monthly_usd > 0.0) {
            Reason::SavesTooLittle
        } else {
            Reason::NothingSaves
        });
    };
    let near = |row: &&&Reported| {
        row.judged.holds && saves(row) && row.judged.saving_monthly_usd >= best.judged.saving_monthly_usd - least
    };
    let chosen = rows.iter().filter(near).min_by_key(|row| row.id).unwrap_or(best);
    let reason = if chosen.id == best.id { Reason::SavesMost } else { Reason::ChangesLess };
    Decision { recommended: Some(chosen.id), row: Some(chosen), reason }
}

/// The least saving in USD a month that is worth a change: 3 % of the bill, or what the back-test is off by.
fn least_saving(grounds: &Grounds<'_>) -> f64 {
    let today = &grounds.conclusion.judgement.today;
    let bill = today.total().unwrap_or_default();
    let off = off_by(grounds) * today.compute.unwrap_or_default().usd();
    (LEAST_SAVING_FRACTION * grounds.reported.usd(bill)).max(grounds.reported.usd(nanos(off)))
}

fn nanos(usd: f64) -> NanoUsd {
    NanoUsd::new(crate::number::whole(usd * 1e9).into())
}

/// How far the replay of today's machines is from today's compute cost, as a share of it.
fn off_by(grounds: &Grounds<'_>) -> f64 {
    grounds.conclusion.optimism.map_or(0.0, |optimism| (1.0 - optimism).abs())
}

fn amounts(row: &Reported, grounds: &Grounds<'_>) -> Amounts {
    let judgement = &grounds.conclusion.judgement;
    let month = grounds.reported;
    let judged = &row.judged;
    let lines = judgement.today.less(&row.money.lines).map(|(.., lines)| lines).unwrap_or_default();
    // Without commitments both sides pay the contracted price, and nothing stands unused.
    let lifted = |lines: &ExactLines, contracted: NanoUsd| {
        contracted - lines.compute.unwrap_or_default() - lines.unused_commitments.unwrap_or_default()
    };
    let after =
        lifted(&judgement.today, judgement.today_contracted) - lifted(&row.money.lines, row.money.compute.contracted());
    let transition = row.id.is_emp().then(|| transition(grounds.conclusion.plan.as_ref())).flatten();
    let daily = judged.saving_monthly_usd * 24.0 / types::HOURS_PER_MONTH;
    Amounts {
        today_monthly_usd: judged.monthly_usd + judged.saving_monthly_usd,
        monthly_usd: judged.monthly_usd,
        saving_monthly_usd: judged.saving_monthly_usd,
        saving_fraction: judged.saving_fraction,
        stranded_monthly_usd: month.usd(row.money.lines.unused_commitments.unwrap_or_default()),
        saving_after_commitments_monthly_usd: judged.saving_monthly_usd + month.usd(after),
        transition_usd: transition,
        payback_days: transition.and_then(|usd| crate::number::ratio(usd, daily)).filter(|days| *days >= 0.0),
        range_monthly_usd: grounds
            .conclusion
            .what_if
            .as_ref()
            .filter(|_| row.id.is_emp())
            .and_then(|what_if| range(what_if, judged.saving_monthly_usd, grounds)),
        lines: lines.into_iter().map(ToOwned::to_owned).collect(),
    }
}

/// Running old and new side by side, step by step of the plan.
fn transition(plan: Option<&Plan>) -> Option<f64> {
    let steps: Option<Vec<f64>> = plan?.waves.iter().map(|wave| wave.dual_running_usd).collect();
    steps.map(|steps| steps.into_iter().sum())
}

/// What a bar of the tornado changes, in USD a month.
fn change(bar: &TornadoBar, grounds: &Grounds<'_>) -> Option<f64> {
    Some(grounds.window.usd(nanos(bar.change_usd?)))
}

/// Least and greatest saving over the assumptions tried one at a time, around what is saved as things are.
fn range(what_if: &WhatIf, saving: f64, grounds: &Grounds<'_>) -> Option<[f64; 2]> {
    let bars = what_if.tornado.iter().filter(|bar| is_uncertain(bar));
    let mut tried = bars.filter_map(|bar| change(bar, grounds)).peekable();
    tried.peek()?;
    Some(tried.fold([saving; 2], |[least, most], change| [least.min(saving + change), most.max(saving + change)]))
}

/// How far a recommendation can be trusted, and what limits that.
fn confidence(row: Option<&Reported>, grounds: &Grounds<'_>) -> Confidence {
    let mut doubts: Vec<(ConfidenceLevel, Doubt)> = Vec::new();
    let conclusion = grounds.conclusion;
    if let Some((key, value)) = row.and_then(|row| flips(row, grounds)) {
        doubts.push((ConfidenceLevel::Low, Doubt::FlipsWith { key, value }));
    }
    let hours = grounds.window.hours_present;
    if hours < THREE_WEEKS {
        let level = if hours < 168.0 { ConfidenceLevel::Low } else { ConfidenceLevel::Medium };
        let hours = crate::number::count(usize::try_from(crate::number::whole(hours)).unwrap_or_default());
        doubts.push((level, Doubt::ShortWindow { hours }));
    }
    let off = off_by(grounds);
    if off > MUCH {
        let level = if off > FAR_OFF { ConfidenceLevel::Low } else { ConfidenceLevel::Medium };
        doubts.push((level, Doubt::BackTest { share: off }));
    }
    if let Some(share) = row.and_then(|row| row.judged.saving_fraction).filter(|share| *share < NEAR) {
        doubts.push((ConfidenceLevel::Low, Doubt::SavingNearThreshold { share }));
    }
    if grounds.silent_when_busy {
        doubts.push((ConfidenceLevel::Medium, Doubt::SilentBusyHours));
    }
    if conclusion.imputed > 0.01 {
        doubts.push((ConfidenceLevel::Medium, Doubt::UsagePartlyMissing { share: conclusion.imputed }));
    }
    if grounds.hours_missing > MUCH {
        doubts.push((ConfidenceLevel::Medium, Doubt::HoursMissing { share: grounds.hours_missing }));
    }
    if row.is_some_and(|row| row.id.is_emp()) {
        doubts.push((ConfidenceLevel::Medium, Doubt::EmpFactsDated));
    }
    doubts.extend(
        conclusion
            .unpriced_changes
            .iter()
            .map(|what| (ConfidenceLevel::Medium, Doubt::Unpriced { what: what.clone() })),
    );
    doubts.sort_by_key(|(level, _)| *level);
    Confidence {
        level: doubts.first().map_or(ConfidenceLevel::High, |(level, _)| *level),
        doubts: doubts.into_iter().map(|(_, doubt)| doubt).collect(),
    }
}

/// The first assumption whose other value turns the recommendation around: a pool that no longer beats its rival or today,
/// or a pool that would beat what is recommended on EC2.
fn flips(row: &Reported, grounds: &Grounds<'_>) -> Option<(String, String)> {
    let what_if = grounds.conclusion.what_if.as_ref()?;
    let rows = &grounds.conclusion.judgement.reported;
    let turned: Box<dyn Fn(f64) -> bool> = if row.id.is_emp() {
        let over_rival = row.judged.saving_vs_rival_monthly_usd?.min(row.judged.saving_monthly_usd);
        Box::new(move |change| over_rival + change <= 0.0)
    } else {
        let pool = rows.iter().find(|other| other.id.is_emp() && other.judged.holds)?;
        let behind = row.judged.saving_monthly_usd - pool.judged.saving_monthly_usd;
        Box::new(move |change| behind - change < 0.0)
    };
    let bars = what_if.tornado.iter().filter(|bar| is_uncertain(bar));
    let bar = bars.into_iter().find(|bar| change(bar, grounds).is_some_and(&turned))?;
    Some((bar.key.clone(), bar.value.clone()))
}
