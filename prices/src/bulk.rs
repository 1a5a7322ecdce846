//! AWS's bulk price lists, read as a stream: memory grows with the prices that are kept, not with the file.
//!
//! CSV and JSON of AmazonEC2 (machines, EBS, NAT gateways), AmazonECS and AmazonEKS (Fargate, control plane), AmazonVPC
//! (public addresses) and the savings-plan lists. Of machines the rows kept are Linux, tenancy Shared, capacity in use,
//! nothing installed: bare metal among them, which AWS lists as a family of products of its own.

mod csv;
mod json;
mod product;

pub use json::read_product;

use std::collections::BTreeMap;
use std::io::BufRead;

use crate::book::ListPrice;

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

/// Reads a price list, CSV or JSON by its first byte, with every price that is kept.
///
/// # Errors
/// [`BulkError`] when it is neither, or not whole.
pub fn read_bulk(file: impl BufRead) -> Result<Bulk, BulkError> {
    let mut prices = Vec::new();
    let bulk = read_bulk_in(file, &mut |some| {
        prices.extend(some);
        Ok(())
    })?;
    Ok(Bulk { prices, ..bulk })
}

/// Prices handed on at once.
const AT_ONCE: usize = 10_000;

/// The same, some thousand prices at a time, which are handed to `take` and not in what is returned: no more is ever
/// held, however many are kept, but of a JSON list the products.
///
/// # Errors
/// [`BulkError`], also of `take`.
pub fn read_bulk_in(
    mut file: impl BufRead,
    take: &mut dyn FnMut(Vec<ListPrice>) -> std::io::Result<()>,
) -> Result<Bulk, BulkError> {
    let first = loop {
        let buffer = file.fill_buf()?;
        let blank =
            buffer.iter().take_while(|byte| byte.is_ascii_whitespace() || [0xef, 0xbb, 0xbf].contains(*byte)).count();
        match buffer.get(blank) {
            Some(byte) => break *byte,
            None if blank == 0 => return Err(BulkError::Other("the file is empty")),
            None => file.consume(blank),
        }
    };
    if first == b'{' {
        return json::read(file, take);
    }
    csv::read(file, take)
}

#[cfg(test)]
mod tests;
