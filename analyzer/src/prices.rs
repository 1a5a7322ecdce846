//! The price book: the user's prices over the catalog. A missing price is `None`, never a default.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Catalog, CatalogError, InstanceType, Listed};
use serde::Deserialize;
use types::analysis::{PriceList, PriceOrigin};
use types::money::InvalidPrice;
use types::{NanoUsd, UsdPerHour};

/// How many times below or above the list a user's price may be before it looks like another unit.
const USUAL: std::ops::RangeInclusive<f64> = 0.3..=3.0;

/// A price with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced<P> {
    /// The price.
    pub price: P,
    /// Where it comes from.
    pub origin: PriceOrigin,
}

/// How a machine is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum CapacityType {
    /// At the on-demand price.
    #[default]
    OnDemand,
    /// At the spot price, and may be taken away.
    Spot,
}

impl CapacityType {
    /// Its name in labels and in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
        }
    }
}

/// Prices of machines, volumes and services, each with its origin.
#[derive(Debug, Clone)]
pub struct PriceBook {
    catalog: Catalog,
    catalog_sha256: String,
    user: UserPrices,
    user_sha256: String,
}

/// Why a prices file was rejected.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// Not TOML, or with a field that does not exist.
    #[error("the prices file is not valid")]
    Toml(#[from] toml::de::Error),
    /// Not a price.
    #[error("the price of {what} is not usable")]
    Price {
        /// What is priced.
        what: String,
        /// Why.
        source: InvalidPrice,
    },
    /// Too far from the list price to be the same unit.
    #[error(
        "the price of {what} is {given} USD, and the list says {listed} USD{unit}; if that is meant, add `unusual = true`"
    )]
    Unusual {
        /// What is priced.
        what: String,
        /// The price given.
        given: f64,
        /// The list price.
        listed: f64,
        /// Unit of both.
        unit: &'static str,
    },
    /// The same thing priced twice.
    #[error("{what} is priced twice in the prices file")]
    Twice {
        /// What is priced.
        what: String,
    },
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserPrices {
    #[serde(default)]
    node: Vec<UserNode>,
    #[serde(default)]
    volume: Vec<UserVolume>,
    control_plane: Option<UserControlPlane>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserNode {
    instance_type: String,
    /// Absent: every region.
    region: Option<String>,
    #[serde(default)]
    capacity_type: CapacityType,
    usd_per_hour: f64,
    #[serde(default)]
    unusual: bool,
    #[serde(default)]
    date: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserVolume {
    volume_type: String,
    region: Option<String>,
    usd_per_gib_month: f64,
    #[serde(default)]
    unusual: bool,
    #[serde(default)]
    date: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserControlPlane {
    usd_per_hour: f64,
    #[serde(default)]
    unusual: bool,
    #[serde(default)]
    date: String,
}

impl PriceBook {
    /// The catalog that ships with the program.
    ///
    /// # Errors
    /// [`CatalogError`], which is a fault of the build.
    pub fn catalog() -> Result<Self, CatalogError> {
        let catalog = Catalog::read()?;
        let user = UserPrices::default();
        Ok(Self { catalog, catalog_sha256: lake::digest(Catalog::text().as_bytes()), user, user_sha256: String::new() })
    }

    /// This book with the user's prices over it.
    ///
    /// # Errors
    /// [`PricesError`] names what is priced, the price given, and the list price it was held against.
    pub fn with_user_toml(self, text: &str) -> Result<Self, PricesError> {
        let user: UserPrices = toml::from_str(text)?;
        let mut seen = BTreeSet::new();
        for node in &user.node {
            let what = describe(&format!("{} `{}`", node.capacity_type.as_str(), node.instance_type), &node.region);
            let given = checked(&what, node.usd_per_hour)?;
            let listed = self.any_region(&node.region, |book, region| {
                Some(book.node(&node.instance_type, node.capacity_type, region)?.price.usd_per_hour())
            });
            usual(&what, given, &listed, node.unusual, " per hour")?;
            first(&mut seen, what)?;
        }
        for volume in &user.volume {
            let what = describe(&format!("volume type `{}`", volume.volume_type), &volume.region);
            let given = checked(&what, volume.usd_per_gib_month)?;
            let listed = self
                .any_region(&volume.region, |book, region| Some(book.volume(&volume.volume_type, region)?.price.usd()));
            usual(&what, given, &listed, volume.unusual, " per GiB-month")?;
            first(&mut seen, what)?;
        }
        if let Some(control_plane) = &user.control_plane {
            let given = checked("the control plane", control_plane.usd_per_hour)?;
            // Extended support costs six times the standard price and is as usual.
            let listed = ["eks.control_plane", "eks.control_plane_extended"];
            let listed: Vec<_> = listed.iter().filter_map(|item| Some(self.other(item, "all")?.price.usd())).collect();
            usual("the control plane", given, &listed, control_plane.unusual, " per hour")?;
        }
        Ok(Self { user, user_sha256: lake::digest(text.as_bytes()), ..self })
    }

    /// What `lookup` gives for the region, or for every region when none is named.
    fn any_region(&self, region: &Option<String>, lookup: impl Fn(&Self, &str) -> Option<f64>) -> Vec<f64> {
        let here: Vec<_> = region.iter().filter_map(|region| lookup(self, region)).collect();
        if !here.is_empty() {
            return here;
        }
        self.catalog.on_demand.keys().filter_map(|region| lookup(self, region)).collect()
    }

    /// What an instance type is; `None` when the catalog does not know it.
    pub fn instance_type(&self, name: &str) -> Option<&InstanceType> {
        self.catalog.types.get(name)
    }

    /// Bare-metal types of a family, sorted by name.
    pub fn metal_of_family(&self, family: &str) -> impl Iterator<Item = &InstanceType> {
        self.catalog.types.values().filter(move |t| t.bare_metal && t.family() == family)
    }

    /// Price of a Linux machine, tenancy Shared, by the hour. The user's price for the region comes first, then
    /// the user's for every region, then the catalog; spot is the on-demand list price less the typical saving.
    pub fn node(&self, instance_type: &str, capacity_type: CapacityType, region: &str) -> Option<Priced<UsdPerHour>> {
        let mine = |node: &&UserNode| node.instance_type == instance_type && node.capacity_type == capacity_type;
        let here = self.user.node.iter().filter(mine).find(|node| node.region.as_deref() == Some(region));
        let anywhere = || self.user.node.iter().filter(mine).find(|node| node.region.is_none());
        if let Some(node) = here.or_else(anywhere) {
            return Some(Priced {
                price: UsdPerHour::try_new(node.usd_per_hour).ok()?,
                origin: user_origin(&node.date),
            });
        }
        let listed = self.catalog.on_demand.get(region)?.get(instance_type)?;
        match capacity_type {
            CapacityType::OnDemand => Some(priced(listed, listed.price)),
            CapacityType::Spot => {
                let saving = self.catalog.spot.get(region)?.get(instance_type)?;
                Some(priced(saving, listed.price.less(f64::from(saving.price) / 100.0)?))
            }
        }
    }

    /// Price of a volume type for a GiB-month.
    pub fn volume(&self, volume_type: &str, region: &str) -> Option<Priced<NanoUsd>> {
        let mine = |volume: &&UserVolume| volume.volume_type == volume_type;
        let here = self.user.volume.iter().filter(mine).find(|volume| volume.region.as_deref() == Some(region));
        let anywhere = || self.user.volume.iter().filter(mine).find(|volume| volume.region.is_none());
        match here.or_else(anywhere) {
            Some(volume) => user_price(volume.usd_per_gib_month, &volume.date),
            None => self.other(&format!("ebs.{volume_type}"), region),
        }
    }

    /// Price of the EKS control plane for an hour.
    pub fn control_plane(&self, region: &str) -> Option<Priced<NanoUsd>> {
        match &self.user.control_plane {
            Some(control_plane) => user_price(control_plane.usd_per_hour, &control_plane.date),
            None => self.other("eks.control_plane", region),
        }
    }

    /// Price of one unit of another item of the catalog, such as `fargate.vcpu`.
    pub fn other(&self, item: &str, region: &str) -> Option<Priced<NanoUsd>> {
        let of = |region: &str| self.catalog.other.get(region)?.get(item);
        let listed = of(region).or_else(|| of("all"))?;
        Some(priced(listed, listed.price))
    }

    /// The user's rows that stand for nothing in this cluster, in words: a typing error would look just like a price
    /// that changes nothing. `nodes` are the machines priced, hosts among them; `volumes` the volume types.
    pub(crate) fn unmatched(
        &self,
        region: Option<&str>,
        nodes: &BTreeSet<(String, CapacityType)>,
        volumes: &BTreeSet<&str>,
    ) -> Vec<String> {
        let elsewhere = |of: &Option<String>| of.is_some() && of.as_deref() != region;
        let node = |node: &&UserNode| {
            elsewhere(&node.region) || !nodes.contains(&(node.instance_type.clone(), node.capacity_type))
        };
        let volume = |v: &&UserVolume| elsewhere(&v.region) || !volumes.contains(v.volume_type.as_str());
        let nodes =
            self.user.node.iter().filter(node).map(|node| {
                describe(&format!("{} `{}`", node.capacity_type.as_str(), node.instance_type), &node.region)
            });
        let volumes = self.user.volume.iter().filter(volume);
        nodes.chain(volumes.map(|v| describe(&format!("volume type `{}`", v.volume_type), &v.region))).collect()
    }

    /// The lists behind these origins, sorted by name, each with the span of its dates.
    pub(crate) fn lists<'a>(&self, origins: impl IntoIterator<Item = &'a PriceOrigin>) -> Vec<PriceList> {
        let mut lists: BTreeMap<&str, PriceList> = BTreeMap::new();
        for origin in origins {
            let sha256 = if origin.kind == "user" { &self.user_sha256 } else { &self.catalog_sha256 };
            let list = lists.entry(&origin.source).or_insert_with(|| PriceList {
                name: origin.source.clone(),
                oldest: origin.date.clone(),
                newest: origin.date.clone(),
                sha256: sha256.clone(),
            });
            if !origin.date.is_empty() {
                let oldest = Some(&list.oldest).filter(|oldest| !oldest.is_empty()).min(Some(&origin.date));
                list.oldest = oldest.unwrap_or(&origin.date).clone();
                list.newest = list.newest.clone().max(origin.date.clone());
            }
        }
        lists.into_values().collect()
    }
}

fn priced<L, P>(listed: &Listed<L>, price: P) -> Priced<P> {
    let origin = PriceOrigin { kind: listed.kind.clone(), date: listed.date.clone(), source: listed.source.clone() };
    Priced { price, origin }
}

fn user_origin(date: &str) -> PriceOrigin {
    PriceOrigin { kind: "user".to_owned(), date: date.to_owned(), source: "prices file".to_owned() }
}

fn user_price(usd: f64, date: &str) -> Option<Priced<NanoUsd>> {
    Some(Priced { price: UsdPerHour::try_new(usd).ok()?.for_seconds(3600).cost(), origin: user_origin(date) })
}

fn describe(what: &str, region: &Option<String>) -> String {
    match region {
        Some(region) => format!("{what} in `{region}`"),
        None => what.to_owned(),
    }
}

fn checked(what: &str, usd: f64) -> Result<f64, PricesError> {
    UsdPerHour::try_new(usd).map_err(|source| PricesError::Price { what: what.to_owned(), source })?;
    Ok(usd)
}

/// Holds a price against the list prices of the same thing; without any there is nothing to hold it against.
fn usual(what: &str, given: f64, listed: &[f64], unusual: bool, unit: &'static str) -> Result<(), PricesError> {
    let fits = |list: &f64| USUAL.contains(&(given / list));
    match listed.first() {
        Some(first) if !unusual && !listed.iter().any(fits) => {
            Err(PricesError::Unusual { what: what.to_owned(), given, listed: *first, unit })
        }
        _ => Ok(()),
    }
}

fn first(seen: &mut BTreeSet<String>, what: String) -> Result<(), PricesError> {
    if seen.contains(&what) {
        return Err(PricesError::Twice { what });
    }
    seen.insert(what);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(text: &str) -> PriceBook {
        PriceBook::catalog().unwrap().with_user_toml(text).unwrap()
    }

    fn rejected(text: &str, expect: &str) {
        let error = PriceBook::catalog().unwrap().with_user_toml(text).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let message = format!("{error}: {source}");
        assert!(message.contains(expect), "{message}");
    }

    fn row(rest: &str) -> String {
        format!("[[node]]\ninstance_type = \"m5.4xlarge\"\n{rest}")
    }

    #[test]
    fn a_missing_price_is_none_and_never_a_default() {
        let book = PriceBook::catalog().unwrap();
        assert_eq!(book.node("m5.4xlarge", CapacityType::OnDemand, "mars-1"), None);
        assert_eq!(book.node("m99.large", CapacityType::OnDemand, "us-east-1"), None);
        assert_eq!(book.volume("gp9", "us-east-1"), None);
        assert_eq!(book.other("fargate.memory", "us-east-2"), None);
    }

    #[test]
    fn spot_is_the_list_price_less_the_typical_saving_and_says_estimated() {
        let book = PriceBook::catalog().unwrap();
        let list = book.node("m5.4xlarge", CapacityType::OnDemand, "us-east-1").unwrap();
        let spot = book.node("m5.4xlarge", CapacityType::Spot, "us-east-1").unwrap();
        let saving = f64::from(book.catalog.spot["us-east-1"]["m5.4xlarge"].price) / 100.0;
        assert!((spot.price.usd_per_hour() - list.price.usd_per_hour() * (1.0 - saving)).abs() < 1e-9);
        assert_eq!((list.origin.kind.as_str(), spot.origin.kind.as_str()), ("observed", "estimated"));
    }

    #[test]
    fn the_users_price_wins_and_the_one_for_the_region_first() {
        let book = book(&[row("usd_per_hour = 0.6"), row("region = \"us-east-1\"\nusd_per_hour = 0.5")].join("\n"));
        let price = |region| book.node("m5.4xlarge", CapacityType::OnDemand, region).unwrap();
        assert_eq!((price("us-east-1").price.usd_per_hour(), price("mars-1").price.usd_per_hour()), (0.5, 0.6));
        assert_eq!(price("us-east-1").origin.kind, "user");
        let spot = book.node("m5.4xlarge", CapacityType::Spot, "us-east-1").unwrap();
        assert_eq!(spot.origin.kind, "estimated");
    }

    #[test]
    fn a_price_in_another_unit_is_rejected_with_both_numbers() {
        rejected(&row("usd_per_hour = 560.0"), "is 560 USD, and the list says");
        rejected(
            &row("region = \"us-east-1\"\nusd_per_hour = 0.1"),
            "is 0.1 USD, and the list says 0.768 USD per hour",
        );
        rejected(&row("usd_per_hour = 99999.0"), "99999 USD per hour is not a price");
        rejected(&row("usd_per_hour = nan"), "is not a price");
        rejected(&row("usd_per_month = 560.0"), "usd_per_month");
        rejected(&[row("usd_per_hour = 0.6"), row("usd_per_hour = 0.7")].join("\n"), "twice");
        rejected("[control_plane]\nusd_per_hour = 73.0", "the list says 0.1 USD per hour");
        rejected("[[volume]]\nvolume_type = \"gp3\"\nusd_per_gib_month = 8.0", "per GiB-month");
        let unusual = book(&row("usd_per_hour = 0.1\nunusual = true"));
        let price = unusual.node("m5.4xlarge", CapacityType::OnDemand, "us-east-1").unwrap();
        assert_eq!(price.price.usd_per_hour(), 0.1);
        book("[control_plane]\nusd_per_hour = 0.6");
        book("[[node]]\ninstance_type = \"ours.large\"\nusd_per_hour = 7.0");
    }

    #[test]
    fn lists_are_named_with_the_span_of_their_dates() {
        let book = PriceBook::catalog().unwrap();
        let origins: Vec<_> = ["eu-west-1", "us-west-2", "us-east-1"]
            .into_iter()
            .flat_map(|region| ["m5.large", "r5.large", "c6i.large"].map(|t| (t, region)))
            .filter_map(|(t, region)| Some(book.node(t, CapacityType::OnDemand, region)?.origin))
            .collect();
        let lists = book.lists(&origins);
        assert!(lists.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(lists.iter().all(|list| list.oldest <= list.newest && list.sha256.len() == 64));
    }
}
