//! A price with its origin: the layer of the book, the list and its date.

use catalog::{Listed, Provenance};
use types::analysis::{PriceKind, PriceLayer, PriceOrigin};
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
    PriceOrigin { layer: PriceLayer::Catalog, kind: from.kind, date: from.date.clone(), source: from.source.clone() }
}

pub(crate) fn imported_origin(row: &ListPrice) -> PriceOrigin {
    PriceOrigin {
        layer: PriceLayer::Imported,
        kind: PriceKind::Observed,
        date: row.date.clone(),
        source: row.source.clone(),
    }
}

/// The origin of a price in the user's file; `source` is `invoice` where `emp-cost invoice` measured it.
pub(crate) fn user_origin(date: &str, source: &str) -> PriceOrigin {
    let (kind, source) = match source {
        INVOICE => (PriceKind::Invoice, "measured from the invoice"),
        _ => (PriceKind::User, "prices file"),
    };
    PriceOrigin { layer: PriceLayer::User, kind, date: date.to_owned(), source: source.to_owned() }
}

/// Value of `source` in a row where the bill shows its price.
pub(crate) const INVOICE: &str = "invoice";

pub(crate) fn user_price(usd: f64, date: &str, source: &str) -> Option<Priced<NanoUsd>> {
    Some(Priced { price: UsdPerHour::try_new(usd).ok()?.for_seconds(3600).cost(), origin: user_origin(date, source) })
}
