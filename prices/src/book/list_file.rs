//! An imported price list: the compact file that `emp-cost prices import` writes and `--price-list` reads.
//!
//! CSV, sorted, one price a row. Rows of savings plans hold the rate of what they cover.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::UsdPerHour;

/// One price of an AWS price list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListPrice {
    /// `ec2`, `item` or `savings-plan`.
    pub kind: String,
    /// Region, such as `eu-west-1`.
    pub region: String,
    /// Instance type, or the catalog's name of an item.
    pub name: String,
    /// Savings Plan as `kind/term/payment`, such as `compute-savings-plan/1yr/No Upfront`; empty for other rows.
    pub plan: String,
    /// The price as the list writes it, for one unit.
    pub usd: String,
    /// Unit, such as `hour`.
    pub unit: String,
    /// When the list was published.
    pub date: String,
    /// Name of the list.
    pub source: String,
    /// Currency of the price; empty in files that predate the column, whose prices are in USD.
    #[serde(default)]
    pub currency: String,
}

impl ListPrice {
    /// Key of the row: unique in a file.
    pub fn key(&self) -> (&str, &str, &str, &str) {
        (&self.kind, &self.region, &self.name, &self.plan)
    }
}

/// Error from reading a price-list file.
#[derive(Debug, thiserror::Error)]
pub enum ListFileError {
    /// Not the file that `prices import` writes.
    #[error("it is not a file that `emp-cost prices import` wrote")]
    Row(#[from] csv::Error),
    /// It holds no price.
    #[error("it holds no price; make it with `emp-cost prices import` of a list that AWS publishes, or leave it out")]
    Empty,
    /// A row is in another currency than AWS lists its region in.
    #[error(
        "the price of `{name}` in `{region}` is in {currency}, and AWS lists that region in {expected}; import the list again"
    )]
    Currency {
        /// Instance type or item.
        name: String,
        /// Where.
        region: String,
        /// Currency of the row.
        currency: String,
        /// Currency of the region.
        expected: &'static str,
    },
    /// A row holds no price.
    #[error("the price of `{name}` in `{region}` is `{usd}`, which is not a price")]
    Price {
        /// Instance type or item.
        name: String,
        /// Where.
        region: String,
        /// The text in its place.
        usd: String,
    },
}

/// The prices of a file, indexed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Imported {
    /// By region, then by name.
    pub(super) on_demand: BTreeMap<String, BTreeMap<String, (UsdPerHour, ListPrice)>>,
    pub(super) items: BTreeMap<String, BTreeMap<String, (UsdPerHour, ListPrice)>>,
    /// By plan, then by region and instance type.
    pub(super) plan_rates: BTreeMap<String, BTreeMap<(String, String), UsdPerHour>>,
}

/// Reads the rows of a price-list file.
///
/// # Errors
/// [`ListFileError`] names the row.
pub fn read_list(text: &str) -> Result<Vec<ListPrice>, ListFileError> {
    Ok(csv::Reader::from_reader(text.as_bytes()).into_deserialize().collect::<Result<_, _>>()?)
}

/// Writes rows as a price-list file: sorted, one for each key, the last given of equal keys.
///
/// # Errors
/// [`ListFileError::Row`] when a row cannot be written.
pub fn write_list(rows: impl IntoIterator<Item = ListPrice>) -> Result<Vec<u8>, ListFileError> {
    let key = |row: ListPrice| {
        let (kind, region, name, plan) = row.key();
        ([kind.to_owned(), region.to_owned(), name.to_owned(), plan.to_owned()], row)
    };
    let rows: BTreeMap<_, _> = rows.into_iter().map(key).collect();
    let mut file = csv::Writer::from_writer(Vec::new());
    for row in rows.into_values() {
        file.serialize(row)?;
    }
    file.into_inner().map_err(|error| ListFileError::Row(csv::Error::from(error.into_error())))
}

impl Imported {
    pub(super) fn read(text: &str) -> Result<Self, ListFileError> {
        let mut imported = Self::default();
        let rows = read_list(text)?;
        if rows.is_empty() {
            return Err(ListFileError::Empty);
        }
        for row in rows {
            let bad =
                || ListFileError::Price { name: row.name.clone(), region: row.region.clone(), usd: row.usd.clone() };
            let price = row.usd.parse().ok().and_then(|usd| UsdPerHour::try_new(usd).ok()).ok_or_else(bad)?;
            let currency = if row.currency.is_empty() { "USD" } else { &row.currency };
            let expected = catalog::currency_of(&row.region);
            if currency != expected {
                let currency = currency.to_owned();
                return Err(ListFileError::Currency { name: row.name, region: row.region, currency, expected });
            }
            match row.kind.as_str() {
                "ec2" => {
                    imported.on_demand.entry(row.region.clone()).or_default().insert(row.name.clone(), (price, row));
                }
                "item" => {
                    imported.items.entry(row.region.clone()).or_default().insert(row.name.clone(), (price, row));
                }
                "savings-plan" => {
                    imported.plan_rates.entry(row.plan).or_default().insert((row.region, row.name), price);
                }
                _ => return Err(bad()),
            }
        }
        Ok(imported)
    }
}
