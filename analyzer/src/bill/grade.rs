//! How well a part of the bill is known: by its quantity or its price, whichever is known worse.

use types::NanoUsd;
use types::analysis::PriceOrigin;

/// Grade of how well something is known, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    /// Seen, and paid for at your own price.
    Measured,
    /// Seen, and priced from a public list.
    Listed,
    /// Derived from something else by a rule.
    Inferred,
    /// Assumed, or estimated from another region.
    Assumed,
}

impl Grade {
    pub(super) const ALL: [Self; 4] = [Self::Measured, Self::Listed, Self::Inferred, Self::Assumed];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Listed => "listed",
            Self::Inferred => "inferred",
            Self::Assumed => "assumed",
        }
    }
}

/// A part of the bill with its grade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Graded {
    pub(super) line: &'static str,
    pub(super) grade: Grade,
    pub(super) reason: &'static str,
    pub(super) cost: NanoUsd,
}

impl Graded {
    /// The cost of a quantity known so well, for the reason given, at a price of this origin.
    pub(crate) fn new(
        line: &'static str,
        quantity: Grade,
        reason: &'static str,
        price: &PriceOrigin,
        cost: NanoUsd,
    ) -> Self {
        let (of_price, why) = match price.kind.as_str() {
            "user" => (Grade::Measured, "quantity seen, price yours"),
            "invoice" => (Grade::Measured, "quantity seen, price measured from the invoice"),
            "observed" => (Grade::Listed, LIST),
            "derived" if price.source.contains("difference to Linux") => (Grade::Inferred, LICENCE),
            "derived" => (Grade::Inferred, DERIVED),
            _ if price.source.contains("Spot") => (Grade::Assumed, SPOT),
            _ => (Grade::Assumed, ESTIMATE),
        };
        if quantity > of_price {
            return Self { line, grade: quantity, reason, cost };
        }
        Self { line, grade: of_price, reason: why, cost }
    }

    /// A cost that is the user's own figure.
    pub(crate) fn measured(line: &'static str, cost: NanoUsd) -> Self {
        Self { line, grade: Grade::Measured, reason: "quantity seen, price yours", cost }
    }
}

pub(super) const LIST: &str = "quantity seen, price from a public list";
pub(super) const SPOT: &str = "spot priced at a typical saving off the list";
pub(super) const ESTIMATE: &str = "price estimated from another region";
pub(super) const DERIVED: &str = "price derived from another size of the family";
pub(super) const LICENCE: &str = "licence of Windows is taken as a surcharge by the vCPU";
