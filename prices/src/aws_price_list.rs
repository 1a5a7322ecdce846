//! AWS's bulk price lists, read as a stream: memory grows with the prices that are kept, not with the file.
//!
//! CSV and JSON of AmazonEC2 (machines, EBS, NAT gateways), AmazonECS and AmazonEKS (Fargate, control plane), AmazonVPC
//! (public addresses) and the savings-plan lists. Of machines the rows kept are Linux, tenancy Shared, capacity in use,
//! nothing installed: bare metal among them, which AWS lists as a family of products of its own.

mod content;
mod csv;
mod json;
mod product_selection;

pub use content::{Bulk, BulkError};
pub use json::read_product;

use std::io::BufRead;

use crate::price_book::ListPrice;

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
