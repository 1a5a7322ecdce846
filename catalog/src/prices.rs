//! List prices, each with its date and source.

use std::collections::BTreeMap;

use serde::Deserialize;
use types::{NanoUsd, UsdPerHour};

use crate::instance_types::INSTANCE_TYPES;
use crate::{CatalogError, InstanceType, instance_types, rows};

const PRICE_LISTS: &str = include_str!("../data/price_lists.csv");
const ON_DEMAND: &str = include_str!("../data/on_demand.csv");
const SPOT_SAVINGS: &str = include_str!("../data/spot_savings.csv");
const OTHER_PRICES: &str = include_str!("../data/other_prices.csv");

/// A price with where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<P> {
    /// The price.
    pub price: P,
    /// `observed`, `derived` or `estimated`.
    pub kind: String,
    /// When it was read.
    pub date: String,
    /// Where.
    pub source: String,
}

/// Prices by region, then by name.
pub type ByRegion<P> = BTreeMap<String, BTreeMap<String, P>>;

/// Everything in the files, indexed.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// By name.
    pub types: BTreeMap<String, InstanceType>,
    /// On-demand prices.
    pub on_demand: ByRegion<Listed<UsdPerHour>>,
    /// Typical saving of spot against on-demand, in percent.
    pub spot: ByRegion<Listed<u8>>,
    /// By item; the price is for one of the item's units.
    pub other: ByRegion<Listed<NanoUsd>>,
}

#[derive(Deserialize)]
struct ListRow {
    list: String,
    source: String,
    price_date: String,
}

#[derive(Deserialize)]
struct OnDemandRow {
    region: String,
    instance_type: String,
    usd_per_hour: f64,
    kind: String,
    list: String,
}

#[derive(Deserialize)]
struct SpotRow {
    region: String,
    instance_type: String,
    saving_percent: u8,
    date: String,
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

impl Catalog {
    /// Reads the files.
    ///
    /// # Errors
    /// [`CatalogError`] names the file.
    pub fn read() -> Result<Self, CatalogError> {
        let lists = rows::<ListRow>("price_lists.csv", PRICE_LISTS)?;
        let lists: BTreeMap<_, _> = lists.into_iter().map(|row| (row.list, (row.source, row.price_date))).collect();
        let mut on_demand = ByRegion::new();
        for row in rows::<OnDemandRow>("on_demand.csv", ON_DEMAND)? {
            let bad = || CatalogError::Price { file: "on_demand.csv", row: row.instance_type.clone() };
            let price = UsdPerHour::try_new(row.usd_per_hour).map_err(|_| bad())?;
            let (source, date) = lists.get(&row.list).cloned().ok_or_else(bad)?;
            let listed = Listed { price, kind: row.kind, date, source };
            on_demand.entry(row.region).or_default().insert(row.instance_type, listed);
        }
        let mut spot = ByRegion::new();
        for row in rows::<SpotRow>("spot_savings.csv", SPOT_SAVINGS)? {
            let source = "EC2 Spot Instance Advisor, typical saving off the on-demand list price".to_owned();
            let listed = Listed { price: row.saving_percent, kind: "estimated".to_owned(), date: row.date, source };
            spot.entry(row.region).or_default().insert(row.instance_type, listed);
        }
        let mut other = ByRegion::new();
        for row in rows::<OtherRow>("other_prices.csv", OTHER_PRICES)? {
            // A unit price is at most a few dollars, so the bound of an hourly price serves.
            let price = UsdPerHour::try_new(row.usd)
                .map_err(|_| CatalogError::Price { file: "other_prices.csv", row: row.item.clone() })?;
            let price = price.for_seconds(3600).cost();
            let listed = Listed { price, kind: row.kind, date: row.price_date, source: row.source };
            other.entry(row.region).or_default().insert(row.item, listed);
        }
        Ok(Self { types: instance_types()?, on_demand, spot, other })
    }

    /// The files, one after the other: their digest says in a report which catalog it used.
    pub fn text() -> String {
        [INSTANCE_TYPES, PRICE_LISTS, ON_DEMAND, SPOT_SAVINGS, OTHER_PRICES].concat()
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
        for (text, keys) in [(INSTANCE_TYPES, 1), (ON_DEMAND, 2), (SPOT_SAVINGS, 2), (OTHER_PRICES, 2)] {
            bytes += text.len();
            let key = |line: &str| line.split(',').take(keys).map(ToOwned::to_owned).collect::<Vec<_>>();
            let lines: Vec<_> = text.lines().skip(1).map(key).collect();
            assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "{}", &text[..60]);
        }
        assert!(bytes < 1_000_000, "{bytes}");
    }

    #[test]
    fn every_price_is_positive_of_a_known_kind_and_its_type_is_known() {
        let catalog = Catalog::read().unwrap();
        let kinds = BTreeSet::from(["observed", "derived", "estimated"]);
        assert!(catalog.on_demand.len() >= 6);
        for (region, prices) in &catalog.on_demand {
            for (name, listed) in prices {
                assert!(listed.price.usd_per_hour() > 0.0, "{region} {name}");
                assert!(catalog.types.contains_key(name), "{name}");
                assert!(kinds.contains(listed.kind.as_str()) && !listed.date.is_empty() && !listed.source.is_empty());
            }
        }
        for (name, listed) in catalog.other.values().flatten() {
            assert!(listed.price > NanoUsd::ZERO && kinds.contains(listed.kind.as_str()), "{name}");
        }
        for (region, savings) in &catalog.spot {
            for (name, saving) in savings {
                assert!(saving.price < 100 && catalog.on_demand[region].contains_key(name), "{region} {name}");
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
        // Bursting types sell memory by the size; c4.8xlarge has 36 threads, g6f slices a GPU, x8i ends dearer.
        let not_linear = ["t2", "t3", "t3a", "t4g", "c4", "g6f", "x8i"];
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
        let metal = &catalog.types["m5.metal"];
        assert_eq!((metal.vcpu, metal.memory_mib, metal.bare_metal), (96, 384 * 1024, true));
        assert_eq!((metal.family(), metal.size(), metal.arch.as_str()), ("m5", "metal", "amd64"));
    }
}
