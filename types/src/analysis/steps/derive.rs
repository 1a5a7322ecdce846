//! Steps from an analysis: amounts of the recommended change from its waterfall, or where limits break, of what would hold
//! them; those beside it from today's bill, and discounts to ask for from what is left to pay.

mod assumption_to_test;
mod discounts_to_ask;
mod limit_step;
mod other_savings;
mod recommended_change;
mod step_amounts;

pub use step_amounts::{CommitmentOffer, OfferPrices};

use super::{NextSteps, Step};
use crate::analysis::Analysis;

impl NextSteps {
    /// The steps of an analysis; none where nothing can be saved.
    pub fn of(analysis: &Analysis, prices: &OfferPrices) -> Self {
        let (mut steps, model_error_monthly_usd) = recommended_change::steps(analysis);
        let beside = other_savings::steps(analysis, prices);
        let sum = |steps: &[Step]| steps.iter().filter_map(|step| step.saving_monthly_usd).sum();
        let (recommended_monthly_usd, beside_monthly_usd) = (sum(&steps), sum(&beside));
        steps.extend(limit_step::steps(analysis));
        steps.extend(beside);
        steps.extend(discounts_to_ask::steps(analysis, beside_monthly_usd));
        Self { steps, recommended_monthly_usd, beside_monthly_usd, model_error_monthly_usd }
    }
}
