//! Confidence of a recommendation, in words: levels, and the doubts behind them.

use std::collections::BTreeSet;

use types::analysis::{
    Analysis, Confidence, ConfidenceLevel, Doubt, Flip, LEAST_SAVING_FRACTION, ScenarioId, TornadoBar,
};
use types::wording::{
    AssumptionTest, WORTH_SAYING, breach, count, counted, percent_brief, scenario, sentence_case, told_apart, usd,
};

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

/// A doubt as a clause, with what is assumed where the analysis is there; amounts are in its currency, written as USD, and
/// names in it cannot turn the text around.
pub(crate) fn doubt(doubt: &Doubt, analysis: Option<&Analysis>) -> String {
    match clause(doubt, analysis) {
        (SavingHolds(true), clause) => format!("the saving holds, but {clause}"),
        (_, clause) => clause,
    }
}

/// True where the saving holds whatever becomes of a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SavingHolds(bool);

/// A doubt as a clause that leaves out whether the saving holds.
fn clause(doubt: &Doubt, analysis: Option<&Analysis>) -> (SavingHolds, String) {
    let text = match doubt {
        Doubt::FlipsWith { key, value, then } => return flips(key, value, *then, analysis),
        Doubt::ShortWindow { hours } => {
            format!("it stands on {}, which is under three whole weeks", counted(*hours, "hour"))
        }
        Doubt::EmpFactsDated => "what we know of EMP dates from early 2025".to_owned(),
        Doubt::SilentBusyHours => "usage is missing in the busiest hours of the day".to_owned(),
        Doubt::AutoscalersAddReplicas { .. } => "replicas that autoscalers add are not counted".to_owned(),
        Doubt::UsagePartlyMissing { share } => {
            format!("usage is missing for {} of the CPU or memory that pods use", percent_brief(*share))
        }
        Doubt::HoursMissing { share } => format!("{} of the hours are missing", percent_brief(*share)),
        Doubt::BackTest { share } => {
            let side = if *share < 0.0 { "below" } else { "above" };
            format!("our simulation of today’s cluster is {} {side} your bill", percent_brief(share.abs()))
        }
        Doubt::Unpriced { what } => format!("{} has no price", scenario_words::plain(what)),
        Doubt::SavingNearThreshold { share } => {
            format!("the saving, {} of today’s cost, is near the least that is worth a change", percent_brief(*share))
        }
        Doubt::NothingCompared => "there was nothing to compare".to_owned(),
    };
    (SavingHolds(false), text)
}

/// An assumption at another value, and what becomes of the recommendation there.
fn flips(key: &str, value: &str, then: Flip, analysis: Option<&Analysis>) -> (SavingHolds, String) {
    let mut assumptions = analysis.iter().flat_map(|analysis| &analysis.assumptions);
    let assumed = assumptions.find(|one| one.key == key && one.value != value);
    let changed = assumption_clause::changed(key, value, assumed.map(|one| one.value.as_str()));
    let found = analysis.and_then(|analysis| bar_at(analysis, key, value));
    let there = analysis.zip(found).and_then(|(analysis, bar)| There::new(analysis, bar));
    let text = match then {
        Flip::BreaksLimit => {
            let broken = found.and_then(|bar| bar.breaks.as_ref()).map(breach);
            let broken = broken.unwrap_or_else(|| "this change breaks a limit on risk".to_owned());
            match there {
                Some(there) if there.is_as_much() => return (SavingHolds(true), format!("{changed}, {broken}")),
                Some(there) if there.saving > 0.0 => {
                    let share = percent_brief(there.share());
                    format!("{changed}, this change still saves {share} of today’s cost, but {broken}")
                }
                _ => format!("{changed}, {broken}"),
            }
        }
        Flip::SavesTooLittle => format!("{changed}, {}", too_little(there.as_ref())),
        Flip::AnotherWins => {
            let other = analysis.zip(there).and_then(|(analysis, there)| there.other(analysis, key));
            format!("{changed}, {}", other.unwrap_or_else(|| "another option saves more".to_owned()))
        }
    };
    (SavingHolds(false), text)
}

/// What becomes of the recommended scenario at a value of an assumption.
fn bar_at<'a>(analysis: &'a Analysis, key: &str, value: &str) -> Option<&'a TornadoBar> {
    let mut bars = analysis.what_if.iter().flat_map(|what_if| &what_if.tornado);
    bars.find(|bar| bar.key == key && bar.value == value)
}

/// A saving at another value of an assumption, in USD a month.
#[derive(Debug, Clone, Copy)]
struct There {
    saving: f64,
    /// That less what is saved as assumed.
    change: f64,
    /// Today's bill.
    bill: f64,
}

/// Terms that a pool alone has: what is tried with another value of them is the best pool.
const TERMS_OF_POOLS: [&str; 2] = ["emp.fee_fraction", "host_discount"];
/// The share of a saving by which it may be less and still holds.
const AS_MUCH: f64 = 0.1;

impl There {
    fn new(analysis: &Analysis, bar: &TornadoBar) -> Option<Self> {
        let months = scenario_words::months_per_window(analysis)?;
        let bill = scenario_words::today_monthly(analysis).filter(|bill| *bill > 0.0)?;
        Some(Self { saving: bar.saving_usd? * months, change: bar.change_usd? * months, bill })
    }

    /// Share of the bill that is saved.
    fn share(&self) -> f64 {
        self.saving / self.bill
    }

    /// Returns true when about as much is saved as where the assumption holds.
    fn is_as_much(&self) -> bool {
        self.saving > 0.0 && self.change >= -AS_MUCH * (self.saving - self.change)
    }

    /// The option that saves more, and by how much; `None` where the analysis does not tell which it is.
    fn other(&self, analysis: &Analysis, key: &str) -> Option<String> {
        let verdict = &analysis.verdict;
        match verdict.recommended()? {
            ScenarioId::Ec2Today => {
                let of = match key {
                    _ if TERMS_OF_POOLS.contains(&key) => {
                        scenario(verdict.best_pool().filter(|pool| pool.holds)?.scenario)
                    }
                    // Another limit may let any scenario in.
                    key if key.starts_with("risk.") => "another option",
                    // Bars are then of what comes closest to being recommended.
                    _ => scenario(analysis.what_if.as_ref()?.tornado_of.as_deref().and_then(ScenarioId::parse)?),
                };
                let share = percent_brief(self.share());
                (self.saving >= WORTH_SAYING)
                    .then(|| format!("{} would save {} a month ({share})", of.trim_end_matches(','), usd(self.saving)))
            }
            // A pool is left for its like on EC2.
            id if id.is_emp() => {
                let pool = verdict.judged(id)?;
                let more = -(pool.saving_vs_rival_monthly_usd? + self.change);
                (more >= WORTH_SAYING).then_some(())?;
                Some(format!("{} would save {} a month more", scenario(pool.rival?), usd(more)))
            }
            // Terms of a pool are tried for the pool that would be taken instead.
            _ if TERMS_OF_POOLS.contains(&key) => {
                let pool = verdict.best_pool().filter(|pool| pool.holds && self.change >= WORTH_SAYING)?;
                Some(format!("{} would save {} a month more", scenario(pool.scenario), usd(self.change)))
            }
            _ => None,
        }
    }
}

/// Says what a change would still save that is too little to be recommended, and how much it must.
fn too_little(there: Option<&There>) -> String {
    let Some(there) = there else {
        let least = percent_brief(LEAST_SAVING_FRACTION);
        return format!("this change would save less than the {least} of today’s cost that a change must save");
    };
    match there.saving {
        saving if saving <= -WORTH_SAYING => {
            format!("this change would cost {} a month more than today", usd(-saving))
        }
        saving if saving < WORTH_SAYING => "this change would save nothing".to_owned(),
        _ if there.share() > LEAST_SAVING_FRACTION => {
            format!("this change would save {} of today’s cost, within the model’s error", percent_brief(there.share()))
        }
        _ => {
            let [share, least] = told_apart(there.share(), LEAST_SAVING_FRACTION);
            format!("this change would save {share} of today’s cost, under the {least} that a change must save")
        }
    }
}

/// The level and the gravest doubt: `Medium: what we know of EMP dates from early 2025.`
pub(crate) fn how_sure(confidence: &Confidence, analysis: Option<&Analysis>) -> String {
    let level = level(confidence.level);
    match confidence.doubts.first().map(|first| clause(first, analysis)) {
        Some((SavingHolds(true), why)) => {
            let (of_saving, doubt) = of_saving(confidence, analysis);
            let doubt = doubt.map(|doubt| format!(": {doubt}")).unwrap_or_default();
            format!("Saving: {}{doubt}. Service: {level}: {why}.", self::level(of_saving))
        }
        Some((_, why)) => format!("{}: {why}.", sentence_case(level)),
        None => match analysis.map_or(0, assumptions_tried) {
            0 | 1 => format!("{}: {}.", sentence_case(level), meaning(confidence.level)),
            n => format!("{}: none of the {} assumptions tried changes the answer.", sentence_case(level), count(n)),
        },
    }
}

/// The level without the doubts that leave the saving as it is, and the first of the others as a clause.
fn of_saving(confidence: &Confidence, analysis: Option<&Analysis>) -> (ConfidenceLevel, Option<String>) {
    let clauses = confidence.doubts.iter().map(|of| (of, clause(of, analysis)));
    let of_saving: Vec<_> = clauses.filter(|(_, (holds, _))| *holds != SavingHolds(true)).collect();
    let least = of_saving.iter().map(|(of, _)| of.level()).min().unwrap_or(ConfidenceLevel::High);
    (least, of_saving.into_iter().next().map(|(_, (_, clause))| clause))
}

/// Number of assumptions that were tried with another value, one at a time: limits and discounts, which are for the reader to
/// set, are none.
fn assumptions_tried(analysis: &Analysis) -> u32 {
    let bars = analysis.what_if.iter().flat_map(|what_if| &what_if.tornado).filter(|bar| bar.is_uncertain());
    let keys: BTreeSet<&str> = bars.map(|bar| bar.key.as_str()).collect();
    u32::try_from(keys.len()).unwrap_or(u32::MAX)
}

/// Says that the first doubt about the saving turns it into a loss, as a sentence; empty where it does not.
pub(crate) fn turns_into_loss(confidence: &Confidence, analysis: &Analysis) -> &'static str {
    let flip = confidence.doubts.iter().find_map(|doubt| match doubt {
        Doubt::FlipsWith { key, value, then: Flip::SavesTooLittle } => bar_at(analysis, key, value),
        _ => None,
    });
    let there = flip.and_then(|bar| There::new(analysis, bar));
    match there {
        Some(there) if there.saving <= -WORTH_SAYING => {
            if AssumptionTest::must_be_tried(&analysis.verdict) {
                "If the test fails, the pool would cost more than today."
            } else {
                "The saving turns into a loss if the assumption named under “How sure” does not hold."
            }
        }
        _ => "",
    }
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
                "if the limit on late services is 0.5\u{a0}%, this change would save less than the 3\u{a0}% of today’s cost that a \
                 change must save",
            ),
            (Doubt::ShortWindow { hours: 336 }, "it stands on 336 hours, which is under three whole weeks"),
            (Doubt::EmpFactsDated, "what we know of EMP dates from early 2025"),
            (Doubt::SilentBusyHours, "usage is missing in the busiest hours of the day"),
            (
                Doubt::UsagePartlyMissing { share: 0.031 },
                "usage is missing for 3.1\u{a0}% of the CPU or memory that pods use",
            ),
            (Doubt::HoursMissing { share: 0.13 }, "13\u{a0}% of the hours are missing"),
            (Doubt::BackTest { share: -0.023 }, "our simulation of today’s cluster is 2.3\u{a0}% below your bill"),
            (
                Doubt::Unpriced { what: "traffic\u{202e} between zones".to_owned() },
                "traffic\u{fffd} between zones has no price",
            ),
            (
                Doubt::SavingNearThreshold { share: 0.034 },
                "the saving, 3.4\u{a0}% of today’s cost, is near the least that is worth a change",
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
