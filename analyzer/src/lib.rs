//! Lake to analysis: today's bill, and what each alternative would have cost.
//!
//! Start reading at [`analyze()`]. Only `read::fetch` touches the lake; the rest is a function of its arguments.

mod against_invoice;
mod analyze;
mod assumptions;
mod bill;
mod conclude;
mod fast;
mod interner;
mod month;
mod read;
mod scenarios;
mod sums;
mod units;

pub use against_invoice::{Against, AgainstError, BillToRead, against_invoice};
pub use analyze::{Request, Sharing, analyze, analyze_with_days};
pub use assumptions::{Assumptions, Terms};
pub use prices::{CapacityType, PriceBook};
pub use read::error::AnalyzeError;
pub use replay::{AssumptionsError, Domain, Key};
pub use scenarios::profile::{Profile, ProfileError};
pub use types::analysis::PriceOrigin;

pub(crate) use prices::{self, pricing};
pub(crate) use types::number;
