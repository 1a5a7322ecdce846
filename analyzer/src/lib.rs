//! Lake to analysis: today's bill, and what each alternative would have cost.
//!
//! Start reading at [`analyze()`]. Only `input` touches the lake; the rest is a function of its arguments.

mod allocation;
mod analyze;
mod assumptions;
mod columns;
mod conclude;
mod evidence;
mod facts;
mod fast;
mod histogram;
mod hosts;
mod input;
mod ledger;
mod model;
mod next_steps;
mod observed;
mod plausible;
mod profile;
mod realised;
mod rightsizing;
mod rows;
mod scenarios;
mod slots;
mod trace;
mod usage;
mod utilisation;

pub use analyze::{Request, Sharing, analyze, analyze_with_days};
pub use assumptions::{Assumptions, Terms};
pub use input::AnalyzeError;
pub use prices::{CapacityType, PriceBook};
pub use profile::{Profile, ProfileError};
pub use replay::{AssumptionsError, Domain, Key};
pub use types::analysis::PriceOrigin;

pub(crate) use prices::{self, pricing};
pub(crate) use types::number;
