//! Analysis to self-contained pages.
//!
//! Everything here is a function of its arguments: the same analysis gives the same bytes.
//! Numbers are turned to text in [`format`] and nowhere else; templates hold no arithmetic.

pub mod format;

mod assumptions;
mod bill;
mod chart;
mod costs;
mod evidence;
mod headline;
mod inventory;
mod money;
mod page;
mod replays;
mod summary;
mod table;
mod utilisation;
mod view;
mod words;

pub use money::{Money, MoneyError};
pub use page::{Options, RenderError, page};
pub use summary::summary;
