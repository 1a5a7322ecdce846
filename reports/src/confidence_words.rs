//! Confidence of a recommendation, in words: levels, and the doubts behind them.

use types::analysis::{Analysis, Confidence, ConfidenceLevel, Doubt, Flip, TornadoBar};
use types::wording::{breach, counted, percent_brief, sentence_case};

use crate::{assumption_clause, scenario_words};

/// The name of a level.
pub(crate) fn level(level: ConfidenceLevel) -> &'static str {
    match level {
        ConfidenceLevel::Low => "low",
        ConfidenceLevel::Medium => "medium",
        ConfidenceLevel::High => "high",
    }
}

/// Explains a level.
pub(crate) fn meaning(level: ConfidenceLevel) -> &'static str {
    match level {
        ConfidenceLevel::Low => "the recommendation may change",
        ConfidenceLevel::Medium => "the direction holds, the amount may change",
        ConfidenceLevel::High => "no assumption that was tried changes the answer",
    }
}

/// A doubt as a clause, with what is assumed where the analysis is there; names in it cannot turn the text around.
pub(crate) fn doubt(doubt: &Doubt, analysis: Option<&Analysis>) -> String {
    match doubt {
        Doubt::FlipsWith { key, value, then } => {
            let mut assumptions = analysis.iter().flat_map(|analysis| &analysis.assumptions);
            let assumed = assumptions.find(|one| one.key == *key && one.value != *value);
            let changed = assumption_clause::changed(key, value, assumed.map(|one| one.value.as_str()));
            let bar = analysis.and_then(|analysis| bar_at(analysis, key, value));
            let saved = analysis.zip(bar).and_then(|(analysis, bar)| saved_by(analysis, bar)).map(percent_brief);
            let broken = bar.and_then(|bar| bar.breaks.as_ref()).map(breach);
            let then = match (then, saved) {
                (Flip::BreaksLimit, Some(saved)) => {
                    let broken = broken.unwrap_or_else(|| "breaks a limit on risk".to_owned());
                    format!("this change still saves {saved}, but {broken}")
                }
                (Flip::BreaksLimit, None) => broken.unwrap_or_else(|| "this change breaks a limit on risk".to_owned()),
                (Flip::SavesTooLittle, Some(saved)) => format!("this change saves {saved}, too little"),
                (Flip::SavesTooLittle, None) => "this change saves too little".to_owned(),
                (Flip::AnotherWins, _) => "another option saves more".to_owned(),
            };
            format!("{changed}, {then}")
        }
        Doubt::ShortWindow { hours } => {
            format!("it stands on {}, which is under three whole weeks", counted(*hours, "hour"))
        }
        Doubt::EmpFactsDated => "what we know of EMP dates from early 2025".to_owned(),
        Doubt::SilentBusyHours => "usage is missing in the busiest hours of the day".to_owned(),
        Doubt::UsagePartlyMissing { share } => {
            format!("usage is missing for {} of the pods’ time", percent_brief(*share))
        }
        Doubt::HoursMissing { share } => format!("{} of the hours are missing", percent_brief(*share)),
        Doubt::BackTest { share } => {
            let side = if *share < 0.0 { "below" } else { "above" };
            format!("our simulation of today’s cluster is {} {side} your bill", percent_brief(share.abs()))
        }
        Doubt::Unpriced { what } => format!("{} has no price", scenario_words::plain(what)),
        Doubt::SavingNearThreshold { share } => {
            format!("the saving, {} of the bill, is near the least that is worth a change", percent_brief(*share))
        }
        Doubt::NothingCompared => "there was nothing to compare".to_owned(),
    }
}

/// What becomes of the recommended scenario at a value of an assumption.
fn bar_at<'a>(analysis: &'a Analysis, key: &str, value: &str) -> Option<&'a TornadoBar> {
    let mut bars = analysis.what_if.iter().flat_map(|what_if| &what_if.tornado);
    bars.find(|bar| bar.key == key && bar.value == value)
}

/// Share of the bill that is saved there, where anything is.
fn saved_by(analysis: &Analysis, bar: &TornadoBar) -> Option<f64> {
    let saving = bar.saving_usd?;
    let bill = scenario_words::scenario(analysis, scenario_words::TODAY)?.cost_usd.total?;
    (bill > 0.0 && saving > 0.0).then_some(saving / bill)
}

/// The level and the gravest doubt: `Medium: what we know of EMP dates from early 2025.`
pub(crate) fn how_sure(confidence: &Confidence, analysis: Option<&Analysis>) -> String {
    let first = confidence.doubts.first().map(|first| doubt(first, analysis));
    let why = first.unwrap_or_else(|| meaning(confidence.level).to_owned());
    format!("{}: {why}.", sentence_case(level(confidence.level)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flips(key: &str, value: &str, then: Flip) -> Doubt {
        Doubt::FlipsWith { key: key.to_owned(), value: value.to_owned(), then }
    }

    #[test]
    fn every_doubt_is_a_clause_in_plain_words() {
        for (of, expect) in [
            (
                flips("emp.fee_fraction", "0.35", Flip::AnotherWins),
                "if the vendor’s fee is 35\u{a0}%, another option saves more",
            ),
            (
                flips("ec2.boot_seconds", "150", Flip::BreaksLimit),
                "if a node takes 150\u{a0}s to boot, this change breaks a limit on risk",
            ),
            (
                flips("risk.late_services", "0.005", Flip::SavesTooLittle),
                "if the limit on late services is 0.5\u{a0}%, this change saves too little",
            ),
            (Doubt::ShortWindow { hours: 336 }, "it stands on 336 hours, which is under three whole weeks"),
            (Doubt::EmpFactsDated, "what we know of EMP dates from early 2025"),
            (Doubt::SilentBusyHours, "usage is missing in the busiest hours of the day"),
            (Doubt::UsagePartlyMissing { share: 0.031 }, "usage is missing for 3.1\u{a0}% of the pods’ time"),
            (Doubt::HoursMissing { share: 0.13 }, "13\u{a0}% of the hours are missing"),
            (Doubt::BackTest { share: -0.023 }, "our simulation of today’s cluster is 2.3\u{a0}% below your bill"),
            (
                Doubt::Unpriced { what: "traffic\u{202e} between zones".to_owned() },
                "traffic\u{fffd} between zones has no price",
            ),
            (
                Doubt::SavingNearThreshold { share: 0.034 },
                "the saving, 3.4\u{a0}% of the bill, is near the least that is worth a change",
            ),
            (Doubt::NothingCompared, "there was nothing to compare"),
        ] {
            assert_eq!(doubt(&of, None), expect);
        }
    }

    #[test]
    fn confidence_is_a_level_and_its_first_doubt() {
        let doubts = vec![Doubt::EmpFactsDated, Doubt::SilentBusyHours];
        let medium = Confidence { level: ConfidenceLevel::Medium, doubts };
        assert_eq!(how_sure(&medium, None), "Medium: what we know of EMP dates from early 2025.");
        let high = Confidence { level: ConfidenceLevel::High, doubts: Vec::new() };
        assert_eq!(how_sure(&high, None), "High: no assumption that was tried changes the answer.");
    }
}
