//! Price lists as CSV: a few lines of heading, the names of the columns, then a row a price.

use std::collections::HashMap;
use std::io::BufRead;

use ::csv::{ReaderBuilder, StringRecord};

use super::content::{AT_ONCE, Bulk, BulkError};
use super::product_selection::{self, Product, source};
use crate::price_book::ListPrice;

/// Most rows before the header row.
const MOST_HEADING_ROWS: u64 = 20;

/// Most currencies counted separately: AWS bills in a few dozen.
const MOST_CURRENCIES: usize = 40;

/// Position of each column, by name.
struct Columns(HashMap<String, usize>);

impl Columns {
    fn new(names: &StringRecord) -> Self {
        Self(names.iter().enumerate().map(|(n, name)| (name.to_ascii_lowercase(), n)).collect())
    }

    fn get<'r>(&self, row: &'r StringRecord, name: &str) -> &'r str {
        self.0.get(name).and_then(|n| row.get(*n)).unwrap_or_default()
    }
}

pub(super) fn read(
    file: impl BufRead,
    take: &mut dyn FnMut(Vec<ListPrice>) -> std::io::Result<()>,
) -> Result<Bulk, BulkError> {
    let mut rows = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
    let mut bulk = Bulk::default();
    let mut row = StringRecord::new();
    let columns = loop {
        if !rows.read_record(&mut row)? || rows.position().line() > MOST_HEADING_ROWS {
            return Err(BulkError::Other("no row of the file names the column `SKU`"));
        }
        match (row.get(0), row.get(1)) {
            (Some("SKU"), _) => break Columns::new(&row),
            (Some("Publication Date" | "PublicationDate"), Some(date)) => bulk.published = date.to_owned(),
            (Some("OfferCode"), Some(offer)) => bulk.offer = offer.to_owned(),
            _ => {}
        }
    };
    let plans = columns.0.contains_key("discountedrate");
    while rows.read_record(&mut row)? {
        bulk.read += 1;
        let kept = if plans { plan_rate(&columns, &row, &bulk) } else { price(&columns, &row, &bulk) };
        let currency = columns.get(&row, "currency");
        let is_other = kept.is_none() && !["USD", ""].contains(&currency);
        if is_other && bulk.other_currencies.len() < MOST_CURRENCIES {
            *bulk.other_currencies.entry(currency.to_owned()).or_default() += 1;
        }
        bulk.prices.extend(kept);
        if bulk.prices.len() == AT_ONCE {
            take(std::mem::take(&mut bulk.prices))?;
        }
    }
    take(std::mem::take(&mut bulk.prices))?;
    Ok(bulk)
}

fn price(columns: &Columns, row: &StringRecord, bulk: &Bulk) -> Option<ListPrice> {
    let of = |name| columns.get(row, name);
    let effective = of("effectivedate");
    if of("termtype") != "OnDemand" || !["0", ""].contains(&of("startingrange")) {
        return None;
    }
    if !product_selection::in_force(effective, &bulk.published) {
        return None;
    }
    let kept = Product {
        family: of("product family"),
        instance_type: of("instance type"),
        tenancy: of("tenancy"),
        operating_system: of("operating system"),
        capacity_status: of("capacitystatus"),
        installed: of("pre installed s/w"),
        licence_model: of("license model"),
        operation: of("operation"),
        usage_type: of("usagetype"),
        region: of("region code"),
    }
    .kept()?;
    if !product_selection::is_currency_of(of("currency"), &kept.region) {
        return None;
    }
    Some(ListPrice {
        currency: catalog::currency_of(&kept.region).to_owned(),
        usd: product_selection::usd(of("priceperunit"), kept.per)?,
        kind: kept.kind.to_owned(),
        region: kept.region,
        name: kept.name,
        plan: String::new(),
        unit: kept.unit.to_owned(),
        date: bulk.published.clone(),
        source: source(&bulk.offer),
        effective: effective.to_owned(),
    })
}

fn plan_rate(columns: &Columns, row: &StringRecord, bulk: &Bulk) -> Option<ListPrice> {
    let of = |name| columns.get(row, name);
    let (region, name) = product_selection::box_usage(of("discountedusagetype"), of("discountedoperation"))?;
    let term = format!("{}{}", of("leasecontractlength"), of("leasecontractlengthunit"));
    let family = Some(of("product family")).filter(|family| !family.is_empty()).unwrap_or(of("productfamily"));
    let term = if term.ends_with("yr") { term } else { term.replace("years", "yr").replace("year", "yr") };
    let region = Some(of("discountedregioncode")).filter(|code| !code.is_empty()).or(region)?;
    if !product_selection::is_currency_of(of("currency"), region) {
        return None;
    }
    Some(ListPrice {
        usd: product_selection::usd(of("discountedrate"), 1.0)?,
        kind: "savings-plan".to_owned(),
        currency: catalog::currency_of(region).to_owned(),
        region: region.to_owned(),
        name: name.to_owned(),
        plan: product_selection::plan(family, &term, of("purchaseoption"))?,
        unit: "hour".to_owned(),
        date: bulk.published.clone(),
        source: source("savings plans"),
        effective: String::new(),
    })
}
