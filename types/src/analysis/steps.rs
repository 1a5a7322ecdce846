//! Next steps, ranked by what they save: what to do on Monday, where, and how risky it is.
//!
//! Steps of the recommended change are taken from its waterfall, so that together they never come to more than it saves.
//! Steps beside it change what no scenario changes, such as volumes, so that no dollar is in both. A discount to ask for is
//! in no sum: it is a part of what is left to pay after the other steps, and nobody has agreed to it. Nor is what a limit
//! keeps from being recommended: somebody must decide on it first.

mod derive;

use serde::{Deserialize, Serialize};

pub use derive::{CommitmentOffer, OfferPrices};

/// Every step, in the order to take them. Amounts are USD a month of 730 hours.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NextSteps {
    /// Those of the recommended change first, or what would hold the limits that keep one from being recommended; then
    /// those beside it, each the largest saving first; an assumption to test and what a change needs to be safe stand before
    /// it, and waves of a move stand in their order. Discounts to ask for come last.
    pub steps: Vec<Step>,
    /// Saving of the steps of the recommended change together, net of what they need; at most its saving.
    pub recommended_monthly_usd: f64,
    /// Saving of the steps beside it, on top.
    pub beside_monthly_usd: f64,
    /// Part of the recommended saving that is in no step: what the replay of today's machines comes to below today's bill,
    /// which no step brings.
    pub model_error_monthly_usd: f64,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Step {
    /// Kind of step.
    pub kind: StepKind,
    /// Instruction, as a sentence without its full stop.
    pub what: String,
    /// Names it is about, such as workloads or volumes, the largest first; at most ten.
    pub subjects: Vec<String>,
    /// Number of names in all.
    pub subjects_count: u32,
    /// Saving; negative where it costs, `null` where that is not known.
    pub saving_monthly_usd: Option<f64>,
    /// Amount that depends on somebody's word, and so is in no sum: of the discount to ask for, or what is saved where
    /// limits are held or lifted. `null` for other steps.
    #[serde(default)]
    pub asked_monthly_usd: Option<f64>,
    /// `true` when it is a part of the recommended change.
    pub of_recommended: bool,
    /// Amount of work.
    pub effort: Amount,
    /// Risk of the step.
    pub risk: Amount,
    /// Caution: what can go wrong, or how the amount was found, as a sentence.
    pub caution: String,
    /// Where it is done, such as a file of this report or a field of an object.
    pub place: String,
}

/// Kind of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Find out whether an assumption holds that decides on the saving.
    TestAssumption,
    /// Machines kept warm, or spare hosts, that the change needs.
    KeepReady,
    /// Lower requests to what is used.
    RightSize,
    /// Let nodes be packed on cheaper machines.
    Pack,
    /// Move namespaces to an elastic machine pool.
    MoveToPool,
    /// Delete volumes that nothing mounts.
    DeleteVolumes,
    /// Change volumes from gp2 to gp3.
    Gp2ToGp3,
    /// Upgrade Kubernetes, which ends extended support.
    UpgradeKubernetes,
    /// Run jobs on spot capacity.
    SpotForJobs,
    /// Let commitments end that stand unused.
    LetCommitmentsEnd,
    /// Buy a commitment for the base load.
    BuyCommitment,
    /// Ask AWS or the pool's vendor for a discount.
    AskDiscount,
    /// Hold the limit that keeps a change from being recommended, or decide on it.
    HoldLimits,
}

/// Size of effort or risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

impl Amount {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl StepKind {
    /// Its name, as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TestAssumption => "test_assumption",
            Self::KeepReady => "keep_ready",
            Self::RightSize => "right_size",
            Self::Pack => "pack",
            Self::MoveToPool => "move_to_pool",
            Self::DeleteVolumes => "delete_volumes",
            Self::Gp2ToGp3 => "gp2_to_gp3",
            Self::UpgradeKubernetes => "upgrade_kubernetes",
            Self::SpotForJobs => "spot_for_jobs",
            Self::LetCommitmentsEnd => "let_commitments_end",
            Self::BuyCommitment => "buy_commitment",
            Self::AskDiscount => "ask_discount",
            Self::HoldLimits => "hold_limits",
        }
    }

    /// Returns true when its amount depends on somebody's word, and so is in no sum.
    pub const fn is_conditional(self) -> bool {
        matches!(self, Self::AskDiscount | Self::HoldLimits)
    }
}

impl NextSteps {
    /// Steps of the recommended change.
    pub fn of_recommended(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.of_recommended)
    }

    /// Steps that would hold the limits that keep a change from being recommended.
    pub fn of_limits(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.kind == StepKind::HoldLimits)
    }

    /// Steps beside it, without those whose amount depends on somebody's word.
    pub fn beside(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| !step.of_recommended && !step.kind.is_conditional())
    }

    /// Returns true when a step saves on top of a recommended change.
    pub fn is_on_top(&self, step: &Step) -> bool {
        self.of_recommended().next().is_some() && !step.of_recommended && !step.kind.is_conditional()
    }

    /// Discounts to ask for.
    pub fn asked(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.kind == StepKind::AskDiscount)
    }
}
