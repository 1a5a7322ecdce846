//! An imported price list: the compact file that `emp-cost prices import` writes and `--price-list` reads.
//!
//! CSV, sorted, one price a row. Rows of savings plans hold the rate of what they cover.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::UsdPerHour;

use crate::machine_kind::OperatingSystem;

/// One price of an AWS price list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListPrice {
    /// `ec2` for Linux, `ec2-rhel`, `ec2-suse`, `ec2-windows`, `item` or `savings-plan`.
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
    /// First day of the price where a list of AWS names it; not written, since it decides only between rows of one list.
    #[serde(skip)]
    pub effective: String,
}

impl ListPrice {
    /// Key of the row: unique in a file.
    pub fn key(&self) -> (&str, &str, &str, &str) {
        (&self.kind, &self.region, &self.name, &self.plan)
    }

    /// Returns true when this price takes the place of an earlier row with the same key: that of the newer list, in one
    /// list the one that holds from a later day, else the later row.
    pub fn supersedes(&self, other: &Self) -> bool {
        (&self.date, &self.effective) >= (&other.date, &other.effective)
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
    /// Two rows give one thing different prices.
    #[error(
        "the price of `{name}` in `{region}` is {first} in one row and {second} in another of the same date; keep the one that holds"
    )]
    Twice {
        /// Instance type or item.
        name: String,
        /// Where.
        region: String,
        /// One price.
        first: String,
        /// The other.
        second: String,
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

/// Prices by region, then by name.
type ByRegion = BTreeMap<String, BTreeMap<String, (UsdPerHour, ListPrice)>>;

/// The prices of a file, indexed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Imported {
    /// By region, then by name.
    pub(super) on_demand: ByRegion,
    /// Machines with a licence, by operating system, then as those without.
    pub(super) licensed: BTreeMap<OperatingSystem, ByRegion>,
    pub(super) items: ByRegion,
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

/// Writes rows as a price-list file: sorted, one for each key by [`ListPrice::supersedes`].
///
/// # Errors
/// [`ListFileError::Row`] when a row cannot be written.
pub fn write_list(rows: impl IntoIterator<Item = ListPrice>) -> Result<Vec<u8>, ListFileError> {
    let key = |row: &ListPrice| {
        let (kind, region, name, plan) = row.key();
        [kind, region, name, plan].map(ToOwned::to_owned)
    };
    let mut kept: BTreeMap<[String; 4], ListPrice> = BTreeMap::new();
    for row in rows {
        let key = key(&row);
        if kept.get(&key).is_none_or(|other| row.supersedes(other)) {
            kept.insert(key, row);
        }
    }
    let mut file = csv::Writer::from_writer(Vec::new());
    for row in kept.into_values() {
        file.serialize(row)?;
    }
    file.into_inner().map_err(|error| ListFileError::Row(csv::Error::from(error.into_error())))
}

/// The rows that hold, one for each key: of several the one of the newest list.
fn current(rows: Vec<ListPrice>) -> Result<Vec<ListPrice>, ListFileError> {
    let mut kept: BTreeMap<[String; 4], ListPrice> = BTreeMap::new();
    for row in rows {
        let (kind, region, name, plan) = row.key();
        let key = [kind, region, name, plan].map(ToOwned::to_owned);
        match kept.get(&key) {
            Some(other) if other.date == row.date && other.usd != row.usd => {
                let (first, second) = (other.usd.clone(), row.usd);
                return Err(ListFileError::Twice { name: row.name, region: row.region, first, second });
            }
            Some(other) if !row.supersedes(other) => {}
            _ => {
                kept.insert(key, row);
            }
        }
    }
    Ok(kept.into_values().collect())
}

impl Imported {
    pub(super) fn read(text: &str) -> Result<Self, ListFileError> {
        let mut imported = Self::default();
        let rows = read_list(text)?;
        if rows.is_empty() {
            return Err(ListFileError::Empty);
        }
        for row in current(rows)? {
            let bad =
                || ListFileError::Price { name: row.name.clone(), region: row.region.clone(), usd: row.usd.clone() };
            let price = row.usd.parse().ok().and_then(|usd| UsdPerHour::try_new(usd).ok());
            // What costs nothing is not in a list: a zero is a price that somebody left out.
            let price = price.filter(|price| price.usd_per_hour() > 0.0).ok_or_else(bad)?;
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
                "ec2-rhel" | "ec2-suse" | "ec2-windows" => {
                    let os = match row.kind.as_str() {
                        "ec2-rhel" => OperatingSystem::Rhel,
                        "ec2-suse" => OperatingSystem::Suse,
                        _ => OperatingSystem::Windows,
                    };
                    let of = imported.licensed.entry(os).or_default().entry(row.region.clone()).or_default();
                    of.insert(row.name.clone(), (price, row));
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
