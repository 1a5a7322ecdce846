//! Prices of machines, volumes and services, and machine-hours turned into money by them.
//!
//! Three layers: the user's prices file over an imported AWS price list over the catalog that ships with the program. A
//! missing price is `None`, never a default. Start reading at [`PriceBook`]; [`pricing`] charges machine-seconds hour
//! by hour, commitments among them, and [`bulk`] reads the lists that AWS publishes. Everything here is a function of
//! its arguments.

mod book;
pub mod bulk;
mod machine;
mod offers;
mod origin;
pub mod pricing;

use sha2::{Digest, Sha256};

pub use book::{
    Commitment, CommitmentKind, Figure, ListFileError, ListPrice, PriceBook, PricesError, Rate, Share, read_list,
    write_list,
};
pub use catalog::{CatalogError, InstanceType, Plan, SpotSaving, Term};
pub use machine::{CapacityType, MachineKind, OperatingSystem};
pub use offers::{Offer, offers};
pub use origin::Priced;
pub use types::analysis::PriceOrigin;

/// Returns the SHA-256 of a file's bytes in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
