//! The shared nouns of the project: units, ids, windows, and what an analysis concludes.
//!
//! This crate knows nobody: no storage, no Prometheus, no frames. Everything in it is a value.

pub mod analysis;
pub mod capacity_type;
pub mod commitment_kind;
pub mod compute_type;
pub mod hour_source;
pub mod ids;
pub mod money;
pub mod number;
pub mod secret_redaction;
pub mod time_parsing;
pub mod window;
pub mod wording;

pub use capacity_type::CapacityType;
pub use commitment_kind::CommitmentKind;
pub use compute_type::ComputeType;
pub use hour_source::HourSource;
pub use ids::ClusterId;
pub use money::{NanoUsd, PriceSeconds, UsdPerHour, split};
pub use window::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR, Window};

/// Hours in a month, the convention of AWS's own calculators; stated on every page that scales to a month.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// Months in a year.
pub const MONTHS_PER_YEAR: f64 = 12.0;
