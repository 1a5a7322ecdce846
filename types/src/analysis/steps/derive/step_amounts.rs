//! Making of one step, and the prices that steps need.

use crate::analysis::steps::{Amount, Step, StepKind};
use crate::analysis::{Analysis, ScenarioId};
use crate::wording;

/// Prices that steps need and that no cost line of the analysis has; `None` where one is not known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OfferPrices {
    /// Cost of storage on gp3, as a share of that on gp2.
    pub gp3_over_gp2: Option<f64>,
    /// The control plane under standard support, in USD an hour.
    pub control_plane_usd_per_hour: Option<f64>,
    /// Saving of spot capacity against on-demand, as a share, on average over today's machines.
    pub spot_saving_fraction: Option<f64>,
    /// A Savings Plan for what runs always after the recommended change.
    pub commitment: Option<CommitmentOffer>,
}

/// A Compute Savings Plan for one year without upfront payment, for the base load: what runs on demand in every hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CommitmentOffer {
    /// Commitment per hour.
    pub usd_per_hour: f64,
    /// On-demand cost per hour of what it covers.
    pub base_load_usd_per_hour: f64,
    /// Saving a month.
    pub saving_monthly_usd: f64,
    /// Months of base load after which the whole year would have been cheaper than on demand.
    pub break_even_months: f64,
    /// Most that another plan saves a month, for three years or one family; `None` where none saves more.
    pub most_monthly_usd: Option<f64>,
}

/// Names that a step lists at most.
const MOST_SUBJECTS: usize = 10;
/// Least amount, in USD a month, that is a step of its own.
pub(super) const WORTH_DOING: f64 = 1.0;

/// Returns true when a saving a month is worth a contract for a year: ten dollars and half a percent of the bill.
pub(super) fn is_worth_a_contract(saving_monthly_usd: f64, bill_monthly_usd: f64) -> bool {
    saving_monthly_usd >= f64::max(10.0, 0.005 * bill_monthly_usd)
}

/// A step without subjects, of the recommended change or not by its kind.
pub(super) fn step(kind: StepKind, what: String, saving_monthly_usd: Option<f64>) -> Step {
    let (effort, risk) = sizes(kind);
    Step {
        kind,
        what,
        subjects: Vec::new(),
        subjects_count: 0,
        saving_monthly_usd,
        asked_monthly_usd: None,
        of_recommended: matches!(
            kind,
            StepKind::TestAssumption
                | StepKind::KeepReady
                | StepKind::RightSize
                | StepKind::Pack
                | StepKind::MoveToPool
        ),
        effort,
        risk,
        caution: String::new(),
        place: String::new(),
    }
}

/// Effort and risk of a kind of step.
const fn sizes(kind: StepKind) -> (Amount, Amount) {
    match kind {
        StepKind::KeepReady | StepKind::Gp2ToGp3 | StepKind::LetCommitmentsEnd | StepKind::AskDiscount => {
            (Amount::Low, Amount::Low)
        }
        StepKind::RightSize | StepKind::UpgradeKubernetes | StepKind::SpotForJobs => (Amount::Medium, Amount::Medium),
        StepKind::TestAssumption | StepKind::Pack => (Amount::Medium, Amount::Low),
        StepKind::MoveToPool => (Amount::High, Amount::Medium),
        StepKind::DeleteVolumes | StepKind::BuyCommitment | StepKind::HoldLimits => (Amount::Low, Amount::Medium),
    }
}

impl Step {
    /// The same step about these, the first of which it names.
    pub(super) fn about(mut self, subjects: Vec<String>) -> Self {
        self.subjects_count = u32::try_from(subjects.len()).unwrap_or(u32::MAX);
        self.subjects = subjects;
        self.subjects.truncate(MOST_SUBJECTS);
        self
    }

    /// The same step with an amount that depends on somebody's word.
    pub(super) fn asking(mut self, monthly_usd: f64) -> Self {
        self.asked_monthly_usd = Some(monthly_usd);
        self
    }

    /// The same step with what to be careful about, and where it is done.
    pub(super) fn with(mut self, caution: impl Into<String>, place: impl Into<String>) -> Self {
        (self.caution, self.place) = (caution.into(), place.into());
        self
    }
}

/// A number and what it is of: `one volume`, `12 volumes`.
pub(super) fn counted(n: usize, one: &str, many: &str) -> String {
    let n = u32::try_from(n).unwrap_or(u32::MAX);
    format!("{} {}", wording::count(n), if n == 1 { one } else { many })
}

/// Returns where what is kept ready for a scenario is set.
pub(super) const fn ready_place(id: ScenarioId) -> &'static str {
    if id.is_emp() {
        "the pool’s minMachines and minEVMs"
    } else {
        "a Deployment of pause pods with a low PriorityClass, or the autoscaler’s scale-down delay"
    }
}

/// The scenario recommended as a change.
pub(super) fn change(analysis: &Analysis) -> Option<ScenarioId> {
    analysis.verdict.recommended().filter(|id| id.is_change())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_saves_ten_dollars_and_half_a_percent() {
        let worth = |saving, bill| is_worth_a_contract(saving, bill);
        assert_eq!([worth(1.51, 5640.0), worth(9.9, 100.0), worth(10.0, 100.0)], [false, false, true]);
        assert_eq!([worth(28.0, 5640.0), worth(28.3, 5640.0)], [false, true]);
    }
}
