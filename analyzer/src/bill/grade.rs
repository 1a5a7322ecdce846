//! How well a part of the bill is known: by its quantity or its price, whichever is known worse.

use types::NanoUsd;
use types::analysis::{GradeReason, PriceKind, PriceOrigin};

/// A part of the bill with the reason for its grade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Graded {
    pub(super) line: &'static str,
    pub(super) reason: GradeReason,
    pub(super) cost: NanoUsd,
}

impl Graded {
    /// The cost of a quantity at a price; `quantity` is the reason that it is not measured, if it is not.
    pub(crate) fn new(line: &'static str, quantity: Option<GradeReason>, price: GradeReason, cost: NanoUsd) -> Self {
        let reason = quantity.filter(|reason| reason.grade() > price.grade()).unwrap_or(price);
        Self { line, reason, cost }
    }
}

/// Returns how well a price of this origin is known.
pub(crate) fn price_reason(price: &PriceOrigin) -> GradeReason {
    match price.kind {
        PriceKind::User => GradeReason::OwnPrice,
        PriceKind::Invoice => GradeReason::BilledPrice,
        PriceKind::Observed => GradeReason::ListPrice,
        PriceKind::Derived => GradeReason::DerivedPrice,
        PriceKind::Estimated => GradeReason::EstimatedPrice,
    }
}
