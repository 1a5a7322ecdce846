//! List prices, each with its date and source.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use types::{NanoUsd, UsdPerHour};

use crate::instance_types::INSTANCE_TYPES;
use crate::{CatalogError, InstanceType, instance_types, rows};

const PRICE_LISTS: &str = include_str!("../data/price_lists.csv");
const ON_DEMAND: &str = include_str!("../data/on_demand.csv");
const ESTIMATES: &str = include_str!("../data/estimates.csv");
const SPOT_SAVINGS: &str = include_str!("../data/spot_savings.csv");
const OTHER_PRICES: &str = include_str!("../data/other_prices.csv");

/// The region whose prices estimates of other regions start from.
const BASE_REGION: &str = "us-east-1";
/// Source and date of the spot savings; `make.py` checks that the date is that of every row.
const SPOT_SOURCE: &str = "EC2 Spot Instance Advisor, typical saving off the on-demand list price";
const SPOT_DATE: &str = "2025-06-28";

/// Where a price was read, when, and how good it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// `observed`, `derived` or `estimated`.
    pub kind: String,
    /// When it was read.
    pub date: String,
    /// Where.
    pub source: String,
}

/// A price with where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<P> {
    /// The price.
    pub price: P,
    /// Where it was read.
    pub from: Arc<Provenance>,
}

/// What spot saves against on-demand, and how often it is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpotSaving {
    /// Typical saving off the on-demand list price, in percent; negative where spot is dearer.
    pub percent: i8,
    /// Share of instances taken away in a month, in percent: more than this.
    pub interrupted_more_than_percent: u8,
}

/// How a region's estimates of a family were made: the price of us-east-1 times a ratio.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Price in the region over price in us-east-1.
    pub ratio: f64,
    /// The nearest family that was observed in the region, which gave the ratio.
    pub via_family: String,
    from: Arc<Provenance>,
}

/// Prices by region, then by name.
pub type ByRegion<P> = BTreeMap<String, BTreeMap<String, P>>;

/// Everything in the files, indexed.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// By name.
    pub types: BTreeMap<String, InstanceType>,
    /// On-demand prices, the estimated ones among them.
    pub on_demand: ByRegion<Listed<UsdPerHour>>,
    /// By region, then by family: how the estimated ones were made.
    pub estimates: ByRegion<Estimate>,
    /// What spot saves against on-demand.
    pub spot: ByRegion<Listed<SpotSaving>>,
    /// By item; the price is for one of the item's units.
    pub other: ByRegion<Listed<NanoUsd>>,
}

#[derive(Deserialize)]
struct ListRow {
    list: String,
    source: String,
    price_date: String,
    kind: String,
}

#[derive(Deserialize)]
struct EstimateRow {
    region: String,
    family: String,
    ratio: f64,
    via_family: String,
    list: String,
}

#[derive(Deserialize)]
struct OtherRow {
    item: String,
    region: String,
    usd: f64,
    kind: String,
    price_date: String,
    source: String,
}

/// Lists by the letter that stands for them.
type Lists = BTreeMap<String, Arc<Provenance>>;

impl Catalog {
    /// Reads the files.
    ///
    /// # Errors
    /// [`CatalogError`] names the file.
    pub fn read() -> Result<Self, CatalogError> {
        let types = instance_types()?;
        let lists: Lists = rows::<ListRow>("price_lists.csv", PRICE_LISTS)?
            .into_iter()
            .map(|row| {
                let from = Provenance { kind: row.kind, date: row.price_date, source: row.source };
                (row.list, Arc::new(from))
            })
            .collect();
        let mut on_demand = on_demand(&lists)?;
        let estimates = estimates(&lists)?;
        add_estimates(&mut on_demand, &estimates);
        let mut other = ByRegion::new();
        for row in rows::<OtherRow>("other_prices.csv", OTHER_PRICES)? {
            // A unit price is at most a few dollars, so the bound of an hourly price serves.
            let price = UsdPerHour::try_new(row.usd)
                .map_err(|_| CatalogError::Price { file: "other_prices.csv", row: row.item.clone() })?;
            let price = price.for_seconds(3600).cost();
            let from = Provenance { kind: row.kind, date: row.price_date, source: row.source };
            let regional: &mut BTreeMap<_, _> = other.entry(row.region).or_default();
            regional.insert(row.item, Listed { price, from: Arc::new(from) });
        }
        Ok(Self { types, on_demand, estimates, spot: spot()?, other })
    }

    /// The files, one after the other: their digest says in a report which catalog it used.
    pub fn text() -> String {
        [INSTANCE_TYPES, PRICE_LISTS, ON_DEMAND, ESTIMATES, SPOT_SAVINGS, OTHER_PRICES].concat()
    }
}

/// Calls `take` with region, instance type and text of each cell of a matrix that is not empty.
fn each_cell(
    file: &'static str,
    text: &str,
    mut take: impl FnMut(&str, &str, &str) -> Option<()>,
) -> Result<(), CatalogError> {
    let mut lines = text.lines();
    let regions: Vec<_> = lines.next().unwrap_or_default().split(',').skip(1).collect();
    for line in lines {
        let (name, cells) = line.split_once(',').unwrap_or((line, ""));
        for (region, cell) in regions.iter().zip(cells.split(',')).filter(|(_, cell)| !cell.is_empty()) {
            take(region, name, cell).ok_or_else(|| CatalogError::Price { file, row: name.to_owned() })?;
        }
    }
    Ok(())
}

/// The number of a cell and the letter after it.
fn number_and_letter(cell: &str) -> Option<(&str, &str)> {
    cell.split_at_checked(cell.len().checked_sub(1)?)
}

fn on_demand(lists: &Lists) -> Result<ByRegion<Listed<UsdPerHour>>, CatalogError> {
    let mut prices = ByRegion::new();
    each_cell("on_demand.csv", ON_DEMAND, |region, name, cell| {
        let (number, list) = number_and_letter(cell)?;
        let price = UsdPerHour::try_new(number.parse().ok()?).ok()?;
        let listed = Listed { price, from: Arc::clone(lists.get(list)?) };
        insert(&mut prices, region, name, listed);
        Some(())
    })?;
    Ok(prices)
}

fn spot() -> Result<ByRegion<Listed<SpotSaving>>, CatalogError> {
    let mut savings = ByRegion::new();
    let from = Provenance { kind: "estimated".to_owned(), date: SPOT_DATE.to_owned(), source: SPOT_SOURCE.to_owned() };
    let from = Arc::new(from);
    each_cell("spot_savings.csv", SPOT_SAVINGS, |region, name, cell| {
        let (number, band) = number_and_letter(cell)?;
        let interrupted_more_than_percent = match band {
            "a" => 0,
            "b" => 5,
            "c" => 10,
            "d" => 15,
            "e" => 20,
            _ => return None,
        };
        let price = SpotSaving { percent: number.parse().ok()?, interrupted_more_than_percent };
        insert(&mut savings, region, name, Listed { price, from: Arc::clone(&from) });
        Some(())
    })?;
    Ok(savings)
}

fn insert<P>(prices: &mut ByRegion<P>, region: &str, name: &str, price: P) {
    match prices.get_mut(region) {
        Some(regional) => {
            regional.insert(name.to_owned(), price);
        }
        None => {
            prices.insert(region.to_owned(), BTreeMap::from([(name.to_owned(), price)]));
        }
    }
}

fn estimates(lists: &Lists) -> Result<ByRegion<Estimate>, CatalogError> {
    let mut estimates = ByRegion::new();
    for row in rows::<EstimateRow>("estimates.csv", ESTIMATES)? {
        let bad = || CatalogError::Price { file: "estimates.csv", row: row.family.clone() };
        let from = Arc::clone(lists.get(&row.list).ok_or_else(bad)?);
        insert(
            &mut estimates,
            &row.region,
            &row.family,
            Estimate { ratio: row.ratio, via_family: row.via_family, from },
        );
    }
    Ok(estimates)
}

/// Adds the prices that no list of the region gave, made from those of [`BASE_REGION`].
fn add_estimates(prices: &mut ByRegion<Listed<UsdPerHour>>, estimates: &ByRegion<Estimate>) {
    let base = prices.get(BASE_REGION).cloned().unwrap_or_default();
    for (region, families) in estimates {
        let regional = prices.entry(region.clone()).or_default();
        for (name, listed) in &base {
            let family = name.split('.').next().unwrap_or(name);
            let Some(estimate) = families.get(family).filter(|_| !regional.contains_key(name)) else { continue };
            if let Ok(price) = UsdPerHour::try_new(listed.price.usd_per_hour() * estimate.ratio) {
                regional.insert(name.clone(), Listed { price, from: Arc::clone(&estimate.from) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn near(a: f64, b: f64, relative: f64) -> bool {
        (a - b).abs() <= relative * a.abs().max(b.abs())
    }

    #[test]
    fn every_file_is_sorted_without_duplicates_and_small() {
        let mut bytes = 0;
        for (text, keys) in [(INSTANCE_TYPES, 1), (ON_DEMAND, 1), (ESTIMATES, 2), (SPOT_SAVINGS, 1), (OTHER_PRICES, 2)]
        {
            bytes += text.len();
            let key = |line: &str| line.split(',').take(keys).map(ToOwned::to_owned).collect::<Vec<_>>();
            let lines: Vec<_> = text.lines().skip(1).map(key).collect();
            assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "{}", &text[..60]);
        }
        assert!(bytes < 500_000, "{bytes}");
    }

    #[test]
    fn every_price_is_positive_of_a_known_kind_and_its_type_is_known() {
        let catalog = Catalog::read().unwrap();
        let kinds = BTreeSet::from(["observed", "derived", "estimated"]);
        assert!(catalog.on_demand.len() >= 30);
        for (region, prices) in &catalog.on_demand {
            for (name, listed) in prices {
                assert!(listed.price.usd_per_hour() > 0.0, "{region} {name}");
                assert!(catalog.types.contains_key(name), "{name}");
                let from = &listed.from;
                assert!(kinds.contains(from.kind.as_str()) && !from.date.is_empty() && !from.source.is_empty());
            }
        }
        for (name, listed) in catalog.other.values().flatten() {
            assert!(listed.price > NanoUsd::ZERO && kinds.contains(listed.from.kind.as_str()), "{name}");
        }
        for (region, savings) in &catalog.spot {
            for (name, saving) in savings {
                assert!((-100..100).contains(&saving.price.percent), "{region} {name}: {}", saving.price.percent);
                assert!(catalog.types.contains_key(name), "{name}");
            }
        }
    }

    #[test]
    fn metal_costs_what_the_vm_of_its_shape_costs() {
        let catalog = Catalog::read().unwrap();
        let prices = &catalog.on_demand["us-east-1"];
        let shape = |t: &InstanceType| (t.family().to_owned(), t.vcpu, t.memory_mib);
        let vms: BTreeMap<_, _> = catalog.types.values().filter(|t| !t.bare_metal).map(|t| (shape(t), t)).collect();
        let mut compared = 0;
        for metal in catalog.types.values().filter(|t| t.bare_metal) {
            let Some(vm) = vms.get(&shape(metal)) else { continue };
            let (Some(a), Some(b)) = (prices.get(&metal.name), prices.get(&vm.name)) else { continue };
            assert!(near(a.price.usd_per_hour(), b.price.usd_per_hour(), 1e-3), "{} {}", metal.name, vm.name);
            compared += 1;
        }
        assert!(compared > 100, "{compared}");
    }

    #[test]
    fn prices_of_a_family_are_linear_in_size() {
        let catalog = Catalog::read().unwrap();
        // Bursting types sell memory by the size; c4.8xlarge and d2.8xlarge have 36 threads, g6f slices a GPU, x8i
        // ends dearer, sizes of hpc7g and u-6tb1 are one machine with fewer threads on, m1 is from 2006.
        let not_linear = ["t2", "t3", "t3a", "t4g", "c4", "d2", "g6f", "x8i", "hpc7g", "u-6tb1", "m1"];
        let mut rates: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for (name, listed) in &catalog.on_demand["us-east-1"] {
            let shape = &catalog.types[name];
            if shape.accelerators == 0 && !not_linear.contains(&shape.family()) {
                let rate = listed.price.usd_per_hour() / f64::from(i32::try_from(shape.vcpu).unwrap());
                let (low, high) = rates.entry(shape.family()).or_insert((rate, rate));
                (*low, *high) = (low.min(rate), high.max(rate));
            }
        }
        assert!(rates.len() > 80, "{}", rates.len());
        for (family, (low, high)) in rates {
            assert!(near(low, high, 0.01), "{family}: {low} to {high} USD per vCPU-hour");
        }
    }

    #[test]
    fn the_figures_everyone_quotes_are_there() {
        let catalog = Catalog::read().unwrap();
        let price = |name: &str| catalog.on_demand["us-east-1"][name].price.usd_per_hour();
        assert_eq!((price("m5.4xlarge"), price("m5.metal")), (0.768, 4.608));
        let london = &catalog.on_demand["eu-west-2"]["m5.4xlarge"];
        assert_eq!((london.price.usd_per_hour(), london.from.kind.as_str()), (0.888, "observed"));
        let metal = &catalog.types["m5.metal"];
        assert_eq!((metal.vcpu, metal.memory_mib, metal.bare_metal), (96, 384 * 1024, true));
        assert_eq!((metal.family(), metal.size(), metal.arch.as_str()), ("m5", "metal", "amd64"));
    }

    #[test]
    fn an_estimate_is_the_base_price_times_the_ratio_of_its_family() {
        let catalog = Catalog::read().unwrap();
        let (base, cape) = (&catalog.on_demand[BASE_REGION], &catalog.on_demand["af-south-1"]);
        let (listed, ratio) = (&cape["c4.8xlarge"], catalog.estimates["af-south-1"]["c4"].ratio);
        assert!(near(listed.price.usd_per_hour(), base["c4.8xlarge"].price.usd_per_hour() * ratio, 1e-6));
        assert_eq!(listed.from.kind, "estimated");
        let kinds = catalog.on_demand.values().flat_map(BTreeMap::values).map(|listed| listed.from.kind.as_str());
        let estimated = kinds.filter(|kind| *kind == "estimated").count();
        assert!((20_000..30_000).contains(&estimated), "{estimated}");
    }

    #[test]
    fn what_every_cluster_pays_is_there_for_the_base_region() {
        let catalog = Catalog::read().unwrap();
        let known = |item: &str| {
            ["all", BASE_REGION].iter().any(|region| catalog.other.get(*region).is_some_and(|o| o.contains_key(item)))
        };
        for item in [
            "eks.control_plane",
            "eks.control_plane_extended",
            "eks.auto_mode_share",
            "ebs.gp2",
            "ebs.gp3",
            "ebs.gp3.iops_above_3000",
            "ebs.gp3.mib_per_second_above_125",
            "ebs.io1",
            "ebs.io1.iops",
            "ebs.io2",
            "ebs.io2.iops_to_32000",
            "ebs.st1",
            "ebs.sc1",
            "fargate.vcpu",
            "fargate.memory",
            "vpc.nat_gateway",
            "vpc.public_ipv4",
        ] {
            assert!(known(item), "{item}");
        }
    }
}
