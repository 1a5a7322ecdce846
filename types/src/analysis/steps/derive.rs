//! Steps from an analysis: amounts of the recommended change from its waterfall, or where limits break, of what would hold
//! them; those beside it from today's bill, and discounts to ask for from what is left to pay.

mod ask;
mod beside;
mod limits;
mod recommended;
mod step;

pub use step::{CommitmentOffer, OfferPrices};

use super::{NextSteps, Step};
use crate::analysis::Analysis;

impl NextSteps {
    /// The steps of an analysis; none where nothing can be saved.
    pub fn of(analysis: &Analysis, prices: &OfferPrices) -> Self {
        let (mut steps, model_error_monthly_usd) = recommended::steps(analysis);
        let beside = beside::steps(analysis, prices);
        let sum = |steps: &[Step]| steps.iter().filter_map(|step| step.saving_monthly_usd).sum();
        let (recommended_monthly_usd, beside_monthly_usd) = (sum(&steps), sum(&beside));
        steps.extend(limits::steps(analysis));
        steps.extend(beside);
        steps.extend(ask::steps(analysis, beside_monthly_usd));
        Self { steps, recommended_monthly_usd, beside_monthly_usd, model_error_monthly_usd }
    }
}
