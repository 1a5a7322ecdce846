//! A price with its origin: the layer of the book, the list and its date.

use catalog::{Listed, Provenance};
use types::analysis::PriceOrigin;
use types::{NanoUsd, UsdPerHour};

use crate::price_book::ListPrice;

/// A price with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced<P> {
    /// The price.
    pub price: P,
    /// Origin of the price.
    pub origin: PriceOrigin,
}

pub(crate) fn priced<L, P>(listed: &Listed<L>, price: P) -> Priced<P> {
    Priced { price, origin: catalog_origin(&listed.from) }
}

pub(crate) fn catalog_origin(from: &Provenance) -> PriceOrigin {
    PriceOrigin {
        layer: "catalog".to_owned(),
        kind: from.kind.clone(),
        date: from.date.clone(),
        source: from.source.clone(),
    }
}

pub(crate) fn imported_origin(row: &ListPrice) -> PriceOrigin {
    PriceOrigin {
        layer: "imported".to_owned(),
        kind: "observed".to_owned(),
        date: row.date.clone(),
        source: row.source.clone(),
    }
}

/// The origin of a price in the user's file; `source` is `invoice` where `emp-cost invoice` measured it.
pub(crate) fn user_origin(date: &str, source: &str) -> PriceOrigin {
    let (kind, source) = match source {
        INVOICE => (INVOICE, "measured from the invoice"),
        _ => ("user", "prices file"),
    };
    PriceOrigin { layer: "user".to_owned(), kind: kind.to_owned(), date: date.to_owned(), source: source.to_owned() }
}

/// Value of `source` in a row, and the kind of its price, where the bill shows it.
pub(crate) const INVOICE: &str = "invoice";

pub(crate) fn user_price(usd: f64, date: &str, source: &str) -> Option<Priced<NanoUsd>> {
    Some(Priced { price: UsdPerHour::try_new(usd).ok()?.for_seconds(3600).cost(), origin: user_origin(date, source) })
}
