//! Prices of machines, volumes and services, and machine-hours turned into money by them.
//!
//! Three layers: the user's prices file over an imported AWS price list over the catalog that ships with the program. A
//! missing price is `None`, never a default. Start reading at [`PriceBook`]; [`pricing`] charges machine-seconds hour
//! by hour, commitments among them, and [`aws_price_list`] reads the lists that AWS publishes. Everything here is a function of
//! its arguments.

pub mod aws_price_list;
mod machine_kind;
mod price_book;
mod price_origin;
pub mod pricing;
mod savings_plan_offers;

use sha2::{Digest, Sha256};

pub use catalog::{CatalogError, InstanceType, SavingsPlan, SpotSaving, Term};
pub use machine_kind::{MachineKind, OperatingSystem};
pub use price_book::{
    Commitment, Figure, ListFileError, ListPrice, PriceBook, PricesError, Rate, Share, read_list, write_list,
};
pub use price_origin::Priced;
pub use savings_plan_offers::{Offer, offers};
pub use types::analysis::PriceOrigin;
pub use types::{CapacityType, CommitmentKind};

/// Returns the SHA-256 of a file's bytes in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
