//! Lake to analysis: today's bill, and what each alternative would have cost.
//!
//! Start reading at [`analyze`]. Only `input` touches the lake; the rest is a function of its arguments.

mod allocation;
mod analyze;
mod assumptions;
pub mod bulk;
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
mod number;
mod observed;
mod plausible;
mod prices;
pub mod pricing;
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
pub use catalog::{CatalogError, InstanceType, SpotSaving};
pub use input::AnalyzeError;
pub use prices::{
    CapacityType, Commitment, CommitmentKind, Figure, ListFileError, ListPrice, MachineKind, OperatingSystem,
    PriceBook, Priced, PricesError, Rate, Share, read_list, write_list,
};
pub use profile::{Profile, ProfileError};
pub use replay::{AssumptionsError, Domain, Key};
pub use types::analysis::PriceOrigin;
