//! List prices, each with its date and source, and what else was seen of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Deserialize;
use types::analysis::PriceKind;
use types::{NanoUsd, UsdPerHour};

use crate::eks_versions::{EKS_VERSIONS, EksVersions};
use crate::instance_types::INSTANCE_TYPES;
use crate::region_table::Matrix;
use crate::{CatalogError, InstanceType, instance_types, rows};

const PRICE_LISTS: &str = include_str!("../data/price_lists.csv");
const PRICE_CHANGES: &str = include_str!("../data/price_changes.csv");
const ON_DEMAND: &str = include_str!("../data/on_demand.csv");
const ESTIMATES: &str = include_str!("../data/estimates.csv");
const SPOT_SAVINGS: &str = include_str!("../data/spot_savings.csv");
const COMMITMENT_DISCOUNTS: &str = include_str!("../data/commitment_discounts.csv");
const OTHER_PRICES: &str = include_str!("../data/other_prices.csv");

/// The region whose prices estimates of other regions start from.
const BASE_REGION: &str = "us-east-1";
/// Column of prices that are the same in every region billed in USD.
const EVERYWHERE: &str = "all";
/// Source and date of the spot savings; every row has the same.
const SPOT_SOURCE: &str = "EC2 Spot Instance Advisor, typical saving off the on-demand list price";
const SPOT_DATE: &str = "2025-06-28";
/// Source and date of the discounts for commitments; every row has the same.
const COMMITMENT_SOURCE: &str =
    "AWS pricing pages (as copied by ec2.shop): reserved instances against on-demand, the median over a family's sizes";
const COMMITMENT_DATE: &str = "2025-04-04";

/// Provenance of a price: kind, date and source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// How it is known: observed, derived or estimated.
    pub kind: PriceKind,
    /// Date of the list; empty where the source has none.
    pub date: String,
    /// Name of the list.
    pub source: String,
}

/// A price with its provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<P> {
    /// The price.
    pub price: P,
    /// Provenance.
    pub from: Arc<Provenance>,
}

/// One figure that lists gave for a price: the first of a price is the one in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting<P> {
    /// The figure.
    pub price: P,
    /// The lists that gave it, the one it was taken from first.
    pub lists: Vec<Arc<Provenance>>,
}

/// A price before it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier<P> {
    /// Price before the change.
    pub before: Listed<P>,
    /// First second of the new price.
    pub until_seconds: i64,
    /// Source of the day of the change.
    pub source: String,
}

/// Typical spot saving and interruption rate of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpotSaving {
    /// Typical saving off the on-demand list price, in percent; negative where spot is dearer.
    pub percent: i8,
    /// Lower bound of the share of instances interrupted in a month, in percent.
    pub interrupted_more_than_percent: u8,
}

/// Savings Plan: for any machine, or for one family in one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SavingsPlan {
    /// A Compute Savings Plan, which has the rate of a convertible reserved instance.
    Compute,
    /// An EC2 Instance Savings Plan, which has the rate of a standard reserved instance.
    Ec2Instance,
}

/// Length of a commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// One year.
    OneYear,
    /// Three years.
    ThreeYears,
}

impl Term {
    /// Its length in months.
    pub const fn months(self) -> u32 {
        match self {
            Self::OneYear => 12,
            Self::ThreeYears => 36,
        }
    }
}

/// Rule for estimated prices of a family in a region: the price in us-east-1 times a ratio.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Price in the region over price in us-east-1.
    pub ratio: f64,
    /// The nearest family that was observed in the region, which gave the ratio.
    pub via_family: String,
}

/// Everything in the files. Prices are read when they are asked for.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// By name.
    pub types: BTreeMap<String, InstanceType>,
    /// Until when EKS supports which version.
    pub eks_versions: EksVersions,
    lists: Lists,
    changes: Vec<Change>,
    on_demand: Matrix,
    estimates: Matrix,
    spot: Matrix,
    commitments: Matrix,
    other: Matrix,
    estimated: Arc<Provenance>,
    spot_from: Arc<Provenance>,
    commitments_from: Arc<Provenance>,
}

#[derive(Deserialize)]
struct ListRow {
    list: String,
    source: String,
    price_date: String,
    kind: PriceKind,
}

/// The day on which prices of a family, or an item, changed.
#[derive(Debug, Clone, Deserialize)]
struct Change {
    family: String,
    region: String,
    from: NaiveDate,
    source: String,
}

/// Lists by the letter that stands for them.
type Lists = BTreeMap<char, Arc<Provenance>>;

/// The currency in which AWS lists and bills what it sells in a region.
pub fn currency_of(region: &str) -> &'static str {
    if region.starts_with("cn-") { "CNY" } else { "USD" }
}

impl Catalog {
    /// Reads the files.
    ///
    /// # Errors
    /// [`CatalogError`] names the file.
    pub fn read() -> Result<Self, CatalogError> {
        let mut lists = Lists::new();
        for row in rows::<ListRow>("price_lists.csv", PRICE_LISTS)? {
            let letter = row.list.chars().next().unwrap_or_default();
            lists.insert(letter, Arc::new(Provenance { kind: row.kind, date: row.price_date, source: row.source }));
        }
        let bad = || CatalogError::Price { file: "price_lists.csv", row: "estimated".to_owned() };
        let estimated =
            lists.values().find(|list| list.kind == PriceKind::Estimated).map(Arc::clone).ok_or_else(bad)?;
        let spot_from =
            Provenance { kind: PriceKind::Estimated, date: SPOT_DATE.to_owned(), source: SPOT_SOURCE.to_owned() };
        let commitments_from = Provenance {
            kind: PriceKind::Derived,
            date: COMMITMENT_DATE.to_owned(),
            source: COMMITMENT_SOURCE.to_owned(),
        };
        Ok(Self {
            types: instance_types()?,
            eks_versions: EksVersions::read()?,
            lists,
            changes: rows("price_changes.csv", PRICE_CHANGES)?,
            on_demand: Matrix::new(ON_DEMAND, 1),
            estimates: Matrix::new(ESTIMATES, 1),
            spot: Matrix::new(SPOT_SAVINGS, 1),
            commitments: Matrix::new(COMMITMENT_DISCOUNTS, 1),
            other: Matrix::new(OTHER_PRICES, 2),
            estimated,
            spot_from: Arc::new(spot_from),
            commitments_from: Arc::new(commitments_from),
        })
    }

    /// The files, one after the other: their digest says in a report which catalog it used.
    pub fn text() -> String {
        let prices =
            [PRICE_LISTS, PRICE_CHANGES, ON_DEMAND, ESTIMATES, SPOT_SAVINGS, COMMITMENT_DISCOUNTS, OTHER_PRICES];
        [&[INSTANCE_TYPES, EKS_VERSIONS], &prices[..]].concat().concat()
    }

    /// The regions with on-demand prices, sorted.
    pub fn regions(&self) -> impl Iterator<Item = &'static str> + use<'_> {
        self.on_demand.regions()
    }

    /// Returns true when some region has a price of a type.
    pub fn has_price(&self, name: &str) -> bool {
        self.on_demand.has(name)
    }

    /// The names of the other items, sorted.
    pub fn items(&self) -> impl Iterator<Item = &'static str> {
        self.other.names()
    }

    /// Returns true when there is an item of this name.
    pub fn has_item(&self, item: &str) -> bool {
        self.other.has(item)
    }

    /// On-demand price of an hour of a type, in the currency of the region: the one in force of those seen, else an
    /// estimate; `None` where there is neither.
    pub fn on_demand(&self, region: &str, name: &str) -> Option<Listed<UsdPerHour>> {
        match self.on_demand.cell(region, name) {
            Some(cell) => self.first(cell, hourly),
            None => {
                let base = self.first(self.on_demand.cell(BASE_REGION, name)?, hourly)?;
                let estimate = self.estimate(region, family(name))?;
                let price = UsdPerHour::try_new(base.price.usd_per_hour() * estimate.ratio).ok()?;
                Some(Listed { price, from: Arc::clone(&self.estimated) })
            }
        }
    }

    /// Every figure that a list gave for the on-demand price of a type, the one in force first.
    pub fn sightings(&self, region: &str, name: &str) -> Vec<Sighting<UsdPerHour>> {
        self.on_demand.cell(region, name).map_or_else(Vec::new, |cell| self.all(cell, hourly))
    }

    /// On-demand price of a type before it changed; `None` where no change, or no price before it, is known.
    pub fn earlier(&self, region: &str, name: &str) -> Option<Earlier<UsdPerHour>> {
        let change = self.change(region, family(name))?;
        self.before(change, self.sightings(region, name))
    }

    /// First second of the present price of a type after a change; also where the price before is not known.
    pub fn changed(&self, region: &str, name: &str) -> Option<i64> {
        self.change(region, family(name)).map(Change::seconds)
    }

    /// Price of one unit of another item, in the currency of the region.
    pub fn other(&self, region: &str, item: &str) -> Option<Listed<NanoUsd>> {
        self.other_cell(region, item).and_then(|cell| self.first(cell, unit))
    }

    /// Every figure that a list gave for an item, the one in force first.
    pub fn other_sightings(&self, region: &str, item: &str) -> Vec<Sighting<NanoUsd>> {
        self.other_cell(region, item).map_or_else(Vec::new, |cell| self.all(cell, unit))
    }

    /// Price of an item before it changed; `None` where no change is known.
    pub fn other_earlier(&self, region: &str, item: &str) -> Option<Earlier<NanoUsd>> {
        let change = self.change(region, item)?;
        self.before(change, self.other_sightings(region, item))
    }

    /// Typical spot saving of a type; `None` where no list has it.
    pub fn spot(&self, region: &str, name: &str) -> Option<Listed<SpotSaving>> {
        let (number, band) = number_and_letters(self.spot.cell(region, name)?);
        let interrupted_more_than_percent = match band {
            "a" => 0,
            "b" => 5,
            "c" => 10,
            "d" => 15,
            "e" => 20,
            _ => return None,
        };
        let price = SpotSaving { percent: number.parse().ok()?, interrupted_more_than_percent };
        Some(Listed { price, from: Arc::clone(&self.spot_from) })
    }

    /// Discount off the on-demand list price of a family for a commitment without upfront payment, as a fraction of
    /// one; `None` where AWS offers none or no list has it.
    pub fn commitment_discount(
        &self,
        region: &str,
        family: &str,
        plan: SavingsPlan,
        term: Term,
    ) -> Option<Listed<f64>> {
        // Hundredths of a percent: compute for one and three years, then EC2 instance for one and three.
        let column = match (plan, term) {
            (SavingsPlan::Compute, Term::OneYear) => 0,
            (SavingsPlan::Compute, Term::ThreeYears) => 1,
            (SavingsPlan::Ec2Instance, Term::OneYear) => 2,
            (SavingsPlan::Ec2Instance, Term::ThreeYears) => 3,
        };
        let hundredths: f64 = self.commitments.cell(region, family)?.split(' ').nth(column)?.parse().ok()?;
        Some(Listed { price: hundredths / 10_000.0, from: Arc::clone(&self.commitments_from) })
    }

    /// Rule for estimated prices of a family in a region; `None` where there is none.
    pub fn estimate(&self, region: &str, family: &str) -> Option<Estimate> {
        let (ratio, via_family) = self.estimates.cell(region, family)?.split_once(' ')?;
        Some(Estimate { ratio: ratio.parse().ok()?, via_family: via_family.to_owned() })
    }

    /// The cell of the region, or of everywhere. What costs the same everywhere is listed in dollars; only shares,
    /// which have no currency, are the same where dollars are not paid.
    fn other_cell(&self, region: &str, item: &str) -> Option<&'static str> {
        let everywhere = || {
            let applies = currency_of(region) == "USD" || item.starts_with("eks.auto_mode_share");
            self.other.cell(EVERYWHERE, item).filter(|_| applies)
        };
        self.other.cell(region, item).or_else(everywhere)
    }

    fn change(&self, region: &str, of: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.family == of && [region, EVERYWHERE].contains(&change.region.as_str()))
    }

    fn before<P>(&self, change: &Change, sightings: Vec<Sighting<P>>) -> Option<Earlier<P>> {
        let day = change.from.to_string();
        let older = |sighting: &Sighting<P>| sighting.lists.first().is_some_and(|list| *list.date < *day);
        let mut sightings = sightings.into_iter();
        // When the price in use is older than the change, there is only one price.
        sightings.next().filter(|in_force| !older(in_force))?;
        let sighting = sightings.find(older)?;
        let from = Arc::clone(sighting.lists.first()?);
        Some(Earlier {
            before: Listed { price: sighting.price, from },
            until_seconds: change.seconds(),
            source: change.source.clone(),
        })
    }

    fn first<P>(&self, cell: &str, price: impl Fn(&str) -> Option<P>) -> Option<Listed<P>> {
        let (number, letters) = number_and_letters(cell.split(' ').next()?);
        let from = Arc::clone(self.lists.get(&letters.chars().next()?)?);
        Some(Listed { price: price(number)?, from })
    }

    fn all<P>(&self, cell: &str, price: impl Fn(&str) -> Option<P>) -> Vec<Sighting<P>> {
        let sighting = |part: &str| {
            let (number, letters) = number_and_letters(part);
            let lists = letters.chars().map(|letter| self.lists.get(&letter).map(Arc::clone)).collect::<Option<_>>()?;
            Some(Sighting { price: price(number)?, lists })
        };
        cell.split(' ').filter_map(sighting).collect()
    }
}

impl Change {
    fn seconds(&self) -> i64 {
        self.from.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
    }
}

fn family(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// The number of a cell and the letters after it.
fn number_and_letters(cell: &str) -> (&str, &str) {
    let letters = cell.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    cell.split_at(cell.len() - letters.len())
}

fn hourly(number: &str) -> Option<UsdPerHour> {
    UsdPerHour::try_new(number.parse().ok()?).ok()
}

/// A unit price is at most a few dollars, so the bound of an hourly price serves.
fn unit(number: &str) -> Option<NanoUsd> {
    Some(hourly(number)?.for_seconds(3600).cost())
}

#[cfg(test)]
mod tests;
