//! Lake to analysis: today's bill, and what each alternative would have cost.
//!
//! Start reading at [`analyze()`]. Only `read::lake_objects` touches the lake; the rest is a function of its arguments.

mod analyze;
mod assumptions;
mod bill;
mod conclusion;
mod fast_maps;
mod interner;
mod invoice_comparison;
mod monthly_scaling;
mod read;
mod scenarios;
mod sums;
mod units;

pub use analyze::{Request, Sharing, analyze, analyze_with_days};
pub use assumptions::{Assumptions, Terms};
pub use invoice_comparison::{Against, AgainstError, BillToRead, against_invoice};
pub use prices::{CapacityType, PriceBook};
pub use read::error::AnalyzeError;
pub use replay::{AssumptionsError, Domain, Key};
pub use scenarios::emp_profile::{Profile, ProfileError};
pub use types::analysis::PriceOrigin;

pub(crate) use prices::{self, pricing};
pub(crate) use types::number;
