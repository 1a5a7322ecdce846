//! Content of a price list, and errors from reading one.

use std::collections::BTreeMap;

use crate::price_book::ListPrice;

/// Content of a price list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bulk {
    /// The service, such as `AmazonEC2`; empty when the file does not say.
    pub offer: String,
    /// When AWS published the list.
    pub published: String,
    /// The prices kept, in the order of the file.
    pub prices: Vec<ListPrice>,
    /// Prices read, kept or not.
    pub read: u64,
    /// Prices in other currencies than USD, which are not kept, by currency.
    pub other_currencies: BTreeMap<String, u64>,
}

/// Error from reading a price list.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// It broke off, or is not CSV.
    #[error("the file is not a whole CSV file")]
    Csv(#[from] ::csv::Error),
    /// It broke off, or is not JSON.
    #[error("the file is not a whole JSON file")]
    Json(#[from] serde_json::Error),
    /// The file could not be read.
    #[error("the file could not be read")]
    Io(#[from] std::io::Error),
    /// Something else than a price list.
    #[error(
        "{0}; expected a price list that AWS publishes for a service, such as `index.csv` or `index.json` of AmazonEC2"
    )]
    Other(&'static str),
}

/// Prices handed on at once.
pub(super) const AT_ONCE: usize = 10_000;
