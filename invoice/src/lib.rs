//! The export of an AWS bill, line by line, against what a lake saw.
//!
//! A Cost and Usage Report or a FOCUS export is read as a stream ([`read()`]) of [`Charge`]s, whatever its columns are
//! called. Each is matched to a machine or a volume that the lake saw in the same hour ([`Seen`]), and summed
//! ([`Matcher`]); what comes of it is an [`Invoice`](types::analysis::Invoice). Memory goes by what the lake saw, not
//! by the length of the bill. Only `source` touches the disk and the network.

// What comes from outside is added up so that nothing it can be makes a sum wrap or stop.
#![cfg_attr(not(any(test, fuzzing)), warn(clippy::arithmetic_side_effects))]

mod amount;
mod charge;
mod columns;
mod commitments;
mod conclude;
mod cur;
mod error;
mod focus;
mod format;
mod line;
mod manifests;
mod matcher;
mod moment;
mod price_file;
mod read;
mod rows;
mod seen;
mod source;
mod tags;

pub use amount::Pico;
pub use charge::{Charge, Kind, Purchase};
pub use conclude::{Estimate, Terms, conclude};
pub use error::InvoiceError;
pub use format::Format;
pub use line::Line;
pub use matcher::Matcher;
pub use price_file::price_file;
pub use read::read;
pub use seen::{Seen, SeenNode, SeenVolume, instance_id};
pub use source::{Export, ExportUri, InvalidExportUri};
