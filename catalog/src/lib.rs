//! The instance types and list prices that ship with the program; `data/README.md` says where they come from.
//!
//! Two readers with two needs: the analyzer reads everything ([`Catalog`]), the collector only what a machine of a
//! given size may be ([`instance_types()`]), and links nothing of the prices.

mod eks_versions;
mod instance_types;
mod list_prices;
mod region_table;

use serde::de::DeserializeOwned;

pub use eks_versions::{EksVersions, Minor, Support, minor};
pub use instance_types::{Allocatable, InstanceType, Size, instance_types};
pub use list_prices::{
    Catalog, Earlier, Estimate, Listed, Provenance, SavingsPlan, Sighting, SpotSaving, Term, currency_of,
};

/// Error from reading the catalog. It is part of the program, so this is a fault of the build.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A row is malformed.
    #[error("could not read `catalog/data/{file}`")]
    Row {
        /// The file.
        file: &'static str,
        /// Cause.
        source: csv::Error,
    },
    /// A number is not a price, or a list is not there.
    #[error("row `{row}` of `catalog/data/{file}` holds no usable price")]
    Price {
        /// The file.
        file: &'static str,
        /// The row.
        row: String,
    },
}

fn rows<R: DeserializeOwned>(file: &'static str, text: &str) -> Result<Vec<R>, CatalogError> {
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize().collect::<Result<_, _>>();
    rows.map_err(|source| CatalogError::Row { file, source })
}
