//! Lake to analysis: today's bill, and what each alternative would have cost.
//!
//! Start reading at [`analyze`]. Only `input` touches the lake; the rest is a function of its arguments.

mod analyze;
mod assumptions;
mod columns;
mod conclude;
mod facts;
mod hosts;
mod input;
mod number;
mod observed;
mod prices;
mod rows;
mod scenarios;
mod slots;
mod usage;

pub use analyze::{Request, analyze};
pub use assumptions::{Assumptions, AssumptionsError, Domain, KEYS, Key};
pub use catalog::{CatalogError, InstanceType};
pub use input::AnalyzeError;
pub use prices::{CapacityType, PriceBook, Priced, PricesError};
