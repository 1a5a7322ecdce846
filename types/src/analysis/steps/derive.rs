//! Steps from an analysis: amounts of the recommended change from its waterfall, those beside it from today's bill.

mod beside;
mod recommended;

use super::{Amount, NextSteps, Step, StepKind};
use crate::analysis::{Analysis, ScenarioId};
use crate::show;

/// Prices that steps need and that no cost line of the analysis has; `None` where one is not known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OfferPrices {
    /// What storage on gp3 costs, as a share of what it costs on gp2.
    pub gp3_over_gp2: Option<f64>,
    /// The control plane under standard support, in USD an hour.
    pub control_plane_usd_per_hour: Option<f64>,
    /// What spot capacity saves against on-demand, as a share, on average over today's machines.
    pub spot_saving_fraction: Option<f64>,
}

/// Names that a step lists at most.
const MOST_SUBJECTS: usize = 10;
/// Least amount, in USD a month, that is a step of its own.
const WORTH_DOING: f64 = 1.0;

impl NextSteps {
    /// The steps of an analysis; none where nothing can be saved.
    pub fn of(analysis: &Analysis, prices: &OfferPrices) -> Self {
        let (mut steps, model_error_monthly_usd) = recommended::steps(analysis);
        let beside = beside::steps(analysis, prices);
        let sum = |steps: &[Step]| steps.iter().filter_map(|step| step.saving_monthly_usd).sum();
        let (recommended_monthly_usd, beside_monthly_usd) = (sum(&steps), sum(&beside));
        steps.extend(beside);
        Self { steps, recommended_monthly_usd, beside_monthly_usd, model_error_monthly_usd }
    }
}

/// A step without subjects, of the recommended change or not by its kind.
fn step(kind: StepKind, what: String, saving_monthly_usd: Option<f64>) -> Step {
    let (effort, risk) = sizes(kind);
    Step {
        kind,
        what,
        subjects: Vec::new(),
        subjects_count: 0,
        saving_monthly_usd,
        of_recommended: matches!(
            kind,
            StepKind::KeepReady | StepKind::RightSize | StepKind::Pack | StepKind::MoveToPool
        ),
        effort,
        risk,
        caution: String::new(),
        place: String::new(),
    }
}

/// How much work a step is, and how much can go wrong.
const fn sizes(kind: StepKind) -> (Amount, Amount) {
    match kind {
        StepKind::KeepReady | StepKind::Gp2ToGp3 | StepKind::LetCommitmentsEnd => (Amount::Low, Amount::Low),
        StepKind::RightSize | StepKind::UpgradeKubernetes | StepKind::SpotForJobs => (Amount::Medium, Amount::Medium),
        StepKind::Pack => (Amount::Medium, Amount::Low),
        StepKind::MoveToPool => (Amount::High, Amount::Medium),
        StepKind::DeleteVolumes | StepKind::BuyCommitment => (Amount::Low, Amount::Medium),
    }
}

impl Step {
    /// The same step about these, the first of which it names.
    fn about(mut self, subjects: Vec<String>) -> Self {
        self.subjects_count = u32::try_from(subjects.len()).unwrap_or(u32::MAX);
        self.subjects = subjects;
        self.subjects.truncate(MOST_SUBJECTS);
        self
    }

    /// The same step with what to be careful about, and where it is done.
    fn with(mut self, caution: impl Into<String>, place: impl Into<String>) -> Self {
        (self.caution, self.place) = (caution.into(), place.into());
        self
    }
}

/// A number and what it is of: `one volume`, `12 volumes`.
fn counted(n: usize, one: &str, many: &str) -> String {
    let n = u32::try_from(n).unwrap_or(u32::MAX);
    format!("{} {}", show::count(n), if n == 1 { one } else { many })
}

/// The scenario recommended as a change.
fn change(analysis: &Analysis) -> Option<ScenarioId> {
    analysis.verdict.recommended().filter(|id| id.is_change())
}
