//! Every source of a price, for `prices explain`, and the lists that a report names.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Catalog, Provenance, Sighting};
use types::analysis::{PriceLayer, PriceList, PriceOrigin};
use types::{CapacityType, UsdPerHour};

use super::user_prices_file::{UserNode, describe};
use super::{Commitment, PriceBook, user_prices_file};
use crate::machine_kind::MachineKind;
use crate::price_origin::{Priced, catalog_origin, imported_origin, priced};

/// One amount found for a price, with the lists that have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The amount for one unit, in the currency of the region.
    pub amount: f64,
    /// Lists that have it.
    pub origins: Vec<PriceOrigin>,
    /// Remark: how it was derived, or why it no longer applies.
    pub note: Option<String>,
}

impl PriceBook {
    /// Returns the on-demand list price of a type in a region from every layer, the one in use first.
    pub fn every_list(&self, instance_type: &str, region: &str) -> Vec<Priced<UsdPerHour>> {
        let imported = self.imported.on_demand.get(region).and_then(|of| of.get(instance_type));
        let imported = imported.map(|(price, row)| Priced { price: *price, origin: imported_origin(row) });
        let listed = self.catalog.on_demand(region, instance_type);
        imported.into_iter().chain(listed.map(|listed| priced(&listed, listed.price))).collect()
    }

    /// Returns every on-demand price of a type found in the catalog's lists, the one in use first.
    pub fn sightings(&self, instance_type: &str, region: &str) -> Vec<Sighting<UsdPerHour>> {
        self.catalog.sightings(region, instance_type)
    }

    /// Returns every price of a type or an item in all layers, the one in use first, each with its lists and a remark.
    pub fn figures(&self, name: &str, region: &str) -> Vec<Figure> {
        let machine = MachineKind::new(name, CapacityType::OnDemand, region);
        let catalog = match self.knows_item(name) {
            true => {
                self.catalog.other_sightings(region, name).iter().map(|s| figure(&s.lists, s.price.usd())).collect()
            }
            false => self.figures_of_type(name, region),
        };
        let own = match self.knows_item(name) {
            true => self.other(name, region).map(|own| (own.price.usd(), own.origin)),
            false => self.rate(&machine).map(|rate| (rate.contracted.price.usd_per_hour(), rate.contracted.origin)),
        };
        let imported = match self.knows_item(name) {
            true => self.imported_item(name, region).map(|(price, row)| (price.usd_per_hour(), imported_origin(row))),
            false => self.imported_price(&machine).map(|price| (price.price.usd_per_hour(), price.origin)),
        };
        let own = own.filter(|(_, origin)| origin.layer == PriceLayer::User);
        let above = own.into_iter().chain(imported);
        let above = above.map(|(amount, origin)| Figure { amount, origins: vec![origin], note: None });
        above.chain(catalog).collect()
    }

    fn figures_of_type(&self, name: &str, region: &str) -> Vec<Figure> {
        let sightings = self.sightings(name, region);
        let mut figures: Vec<_> = sightings.iter().map(|s| figure(&s.lists, s.price.usd_per_hour())).collect();
        if let Some(earlier) = self.catalog.earlier(region, name) {
            let day = chrono::DateTime::from_timestamp(earlier.until_seconds, 0);
            let day = day.map(|at| at.date_naive().to_string()).unwrap_or_default();
            let before = earlier.before.price.usd_per_hour();
            if let Some(figure) = figures.iter_mut().skip(1).find(|figure| figure.amount == before) {
                figure.note = Some(format!("the price until {day}, when it changed ({})", earlier.source));
            }
        }
        let family = name.split('.').next().unwrap_or(name);
        match (figures.is_empty(), self.estimate_of(family, region), self.catalog.on_demand(region, name)) {
            (true, Some(how), Some(estimated)) => {
                let mut estimate = figure(&[estimated.from], estimated.price.usd_per_hour());
                estimate.note = Some(format!("estimated as {how}; the region may not sell it"));
                vec![estimate]
            }
            _ => figures,
        }
    }

    /// Describes how an estimated price of the catalog was derived.
    pub fn estimate_of(&self, family: &str, region: &str) -> Option<String> {
        let estimate = self.catalog.estimate(region, family)?;
        Some(format!(
            "the price in us-east-1 times {}, the ratio of family {} in {region}",
            estimate.ratio, estimate.via_family
        ))
    }

    /// Lists the user's rows that match nothing in this cluster, since a typing error looks just like a price that
    /// changes nothing. `machines` are the kinds priced, EMP hosts included; `volumes` the volume types.
    pub fn unmatched(
        &self,
        region: Option<&str>,
        machines: &BTreeSet<MachineKind>,
        volumes: &BTreeSet<&str>,
    ) -> Vec<String> {
        let elsewhere = |of: &Option<String>| of.is_some() && of.as_deref() != region;
        let node = |row: &&UserNode| !machines.iter().any(|machine| row.is_of(machine));
        let volume =
            |v: &&user_prices_file::UserVolume| elsewhere(&v.region) || !volumes.contains(v.volume_type.as_str());
        let nodes = self.user.node.iter().filter(node).map(|row| format!("price of {}", row.what()));
        let volumes = self.user.volume.iter().filter(volume);
        let volumes =
            volumes.map(|v| format!("price of {}", describe(&format!("volume type `{}`", v.volume_type), &v.region)));
        let covered = |commitment: &Commitment, machine: &MachineKind| {
            self.committed_rate(commitment, machine, self.list(machine).map(|list| list.price)).is_some()
        };
        let covers = |commitment: &Commitment| machines.iter().any(|machine| covered(commitment, machine));
        let idle = self.commitments().into_iter().filter(|commitment| !covers(commitment));
        let idle: Vec<_> = idle.map(|commitment| format!("commitment `{}`", commitment.name)).collect();
        nodes.chain(volumes).chain(idle).collect()
    }

    /// Returns the lists behind these origins, sorted by name, each with the range of its dates.
    pub fn lists<'a>(&self, origins: impl IntoIterator<Item = &'a PriceOrigin>) -> Vec<PriceList> {
        let catalog_sha256 = crate::digest(Catalog::text().as_bytes());
        let mut lists: BTreeMap<&str, PriceList> = BTreeMap::new();
        for origin in origins {
            let sha256 = match origin.layer {
                PriceLayer::User => &self.user_sha256,
                PriceLayer::Imported => &self.imported_sha256,
                PriceLayer::Catalog | PriceLayer::Unknown => &catalog_sha256,
            };
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

fn figure(lists: &[std::sync::Arc<Provenance>], amount: f64) -> Figure {
    Figure { amount, origins: lists.iter().map(|list| catalog_origin(list)).collect(), note: None }
}
