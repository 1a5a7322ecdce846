//! Analysis to self-contained pages.
//!
//! Everything here is a function of its arguments: the same analysis gives the same bytes.
//! Numbers are turned to text in [`format`] and nowhere else; templates hold no arithmetic.

pub mod format;

mod assumptions;
mod bill;
mod chart;
mod choice;
mod claims;
mod cost_lines;
mod costs;
mod coverage;
mod drafts;
mod evidence;
mod exclusions;
mod grades;
mod groups;
mod headline;
mod inventory;
mod money;
mod over_time;
mod page;
mod peaks;
mod plan;
mod ratios;
mod realised;
mod reduction;
mod risk;
mod spending;
mod summary;
mod sure;
mod table;
mod utilisation;
mod view;
mod waterfall;
mod words;

pub use drafts::{Draft, drafts};
pub use money::{Money, MoneyError};
pub use page::{Options, RenderError, page};
pub use summary::summary;
