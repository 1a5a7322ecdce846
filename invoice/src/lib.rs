//! The export of an AWS bill, line by line, against what a lake saw.
//!
//! A Cost and Usage Report or a FOCUS export is read as a stream ([`read()`]) of [`Charge`]s, whatever its columns are
//! called. Each is matched to a machine or a volume that the lake saw in the same hour ([`Seen`]), and summed
//! ([`Matcher`]); what comes of it is an [`Invoice`](types::analysis::Invoice). Memory goes by what the lake saw, not
//! by the length of the bill. Only `export_files` touches the disk and the network.

// What comes from outside is added up so that nothing it can be makes a sum wrap or stop.
#![cfg_attr(not(any(test, fuzzing)), warn(clippy::arithmetic_side_effects))]

mod amount;
mod billed_prices_file;
mod charge;
mod charges_by_owner;
mod cluster_tags;
mod columns;
mod commitments;
mod comparison;
mod cur;
mod error;
mod export_files;
mod export_format;
mod export_manifests;
mod export_reader;
mod file_rows;
mod focus;
mod lake_resources;
mod line_categories;
mod timestamps;

pub use amount::Pico;
pub use billed_prices_file::price_file;
pub use charge::{Charge, Kind, Purchase};
pub use charges_by_owner::Matcher;
pub use comparison::{Estimate, Terms, conclude};
pub use error::InvoiceError;
pub use export_files::{Export, ExportUri, InvalidExportUri};
pub use export_format::Format;
pub use export_reader::read;
pub use lake_resources::{Seen, SeenNode, SeenVolume, instance_id};
pub use line_categories::Line;
