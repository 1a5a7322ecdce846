//! Confidence in a conclusion, and what limits it.

use types::analysis::{Confidence, ConfidenceLevel, Doubt, Flip, LEAST_SAVING_FRACTION, Reason, TornadoBar};

use crate::scenarios::model::judgement::decision::Decision;
use crate::scenarios::model::judgement::limits_and_remedies::Reported;
use crate::scenarios::model::recommendation::verdict_basis::Grounds;

/// Hours of three whole weeks.
const THREE_WEEKS: f64 = 504.0;
/// Share of the hours that may be missing, and of today's compute that the back-test may be off by, for high confidence.
const MUCH: f64 = 0.05;
/// Share of the use without a sample, or of the CPU requested that autoscalers drive, that says nothing.
const FEW: f64 = 0.01;
/// Distance, as a share of the bill, from the least that is recommended within which a saving is near it.
const NEAR: f64 = 0.02;

/// A doubt with the most that confidence can be under it.
type Limiting = (ConfidenceLevel, Doubt);

/// Returns the confidence in a conclusion, also in one that nothing can be recommended: the gravest doubt first.
pub(crate) fn confidence(decision: &Decision, grounds: &Grounds<'_>) -> Confidence {
    let row = decision.row(&grounds.conclusion.judgement);
    let mut doubts = nothing_said(decision, grounds);
    // Assumptions whose other value turns the answer around, the one with the largest change first.
    let bars = grounds.conclusion.tornado.iter().filter(|bar| bar.turns_around && bar.is_uncertain());
    doubts.extend(bars.map(|bar| {
        let flips = Doubt::FlipsWith { key: bar.key.clone(), value: bar.value.clone(), then: flip(bar, row, grounds) };
        (ConfidenceLevel::Low, flips)
    }));
    doubts.extend(
        near_threshold(decision, row, grounds)
            .map(|share| (ConfidenceLevel::Low, Doubt::SavingNearThreshold { share })),
    );
    doubts.extend(of_data(grounds));
    if row.is_some_and(|row| row.id.is_emp()) {
        doubts.push((ConfidenceLevel::Medium, Doubt::EmpFactsDated));
    }
    let autoscaled = grounds.conclusion.basis.autoscaled.filter(|share| *share > FEW);
    let autoscaled = autoscaled.filter(|_| row.is_some_and(|row| row.id.is_rightsized()));
    doubts.extend(autoscaled.map(|share| (ConfidenceLevel::Medium, Doubt::AutoscalersAddReplicas { share })));
    let unpriced = grounds.conclusion.unpriced_changes.iter();
    doubts.extend(unpriced.map(|what| (ConfidenceLevel::Medium, Doubt::Unpriced { what: what.clone() })));
    doubts.sort_by_key(|(level, _)| *level);
    Confidence {
        level: doubts.first().map_or(ConfidenceLevel::High, |(level, _)| *level),
        doubts: doubts.into_iter().map(|(_, doubt)| doubt).collect(),
    }
}

/// What becomes of what is recommended at the value of a bar.
fn flip(bar: &TornadoBar, row: Option<&Reported>, grounds: &Grounds<'_>) -> Flip {
    let Some(row) = row.filter(|row| row.id.is_change()) else { return Flip::AnotherWins };
    let conclusion = &grounds.conclusion;
    let least = conclusion.basis.window.of_window(conclusion.basis.least_saving(&conclusion.judgement));
    match bar.saving_usd {
        _ if row.judged.holds && !bar.holds_target => Flip::BreaksLimit,
        Some(usd) if usd <= least.usd() => Flip::SavesTooLittle,
        _ => Flip::AnotherWins,
    }
}

/// Confidence where no scenario was replayed at all.
pub(crate) fn nothing_compared() -> Confidence {
    Confidence { level: ConfidenceLevel::Low, doubts: vec![Doubt::NothingCompared] }
}

/// Why nothing can be recommended, as a doubt.
fn nothing_said(decision: &Decision, grounds: &Grounds<'_>) -> Vec<Limiting> {
    let doubt = match decision.reason {
        Reason::NoPods | Reason::NotReplayed => Doubt::NothingCompared,
        Reason::Unpriced => {
            let what = grounds.conclusion.unpriced_changes.first();
            Doubt::Unpriced { what: what.cloned().unwrap_or_else(|| "what the nodes cost".to_owned()) }
        }
        _ => return Vec::new(),
    };
    vec![(ConfidenceLevel::Low, doubt)]
}

/// Lists doubts that the hours and samples leave open.
fn of_data(grounds: &Grounds<'_>) -> Vec<Limiting> {
    let mut doubts = Vec::new();
    let basis = &grounds.conclusion.basis;
    let hours = basis.window.hours_present;
    if hours < THREE_WEEKS {
        let hours = crate::number::count(usize::try_from(crate::number::whole(hours)).unwrap_or_default());
        doubts.push(Doubt::ShortWindow { hours });
    }
    let silent = basis.silent();
    if silent > FEW {
        doubts.push(Doubt::UsagePartlyMissing { share: silent });
    }
    if basis.off_by() > MUCH {
        doubts.push(Doubt::BackTest { share: basis.optimism.map_or(0.0, |optimism| optimism - 1.0) });
    }
    if basis.silence.as_ref().is_some_and(|silence| silence.in_busy_hours) {
        doubts.push(Doubt::SilentBusyHours);
    }
    if grounds.hours_missing > MUCH {
        doubts.push(Doubt::HoursMissing { share: grounds.hours_missing });
    }
    doubts.into_iter().map(|doubt| (doubt.level(), doubt)).collect()
}

/// The saving as a share of the bill where it is little more than what is recommended at least, or little less.
fn near_threshold(decision: &Decision, row: Option<&Reported>, grounds: &Grounds<'_>) -> Option<f64> {
    let near = |share: &f64| (share - LEAST_SAVING_FRACTION).abs() < NEAR;
    let best = || grounds.conclusion.judgement.reported.iter().find(|row| row.judged.holds && row.id.is_change());
    match decision.reason {
        Reason::SavesMost | Reason::ChangesLess => row?.judged.saving_fraction.filter(near),
        Reason::SavesTooLittle => best()?.judged.saving_fraction.filter(near),
        _ => None,
    }
}
