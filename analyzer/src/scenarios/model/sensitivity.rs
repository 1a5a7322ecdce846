//! Sensitivity of the result to assumptions, terms and limits.

pub(crate) mod fee_and_discounts;
pub(crate) mod tornado_bars;
pub(crate) mod what_if;
