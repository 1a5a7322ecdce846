//! Prices of everything but machines: volumes, Fargate, the control plane, fees and licences.

use types::{NanoUsd, UsdPerHour};

use super::{ListPrice, PriceBook, user_prices_file};
use crate::machine_kind::OperatingSystem;
use crate::price_origin::{Priced, imported_origin, priced, user_origin, user_price};
use catalog::currency_of;

/// Name of the catalog item for a tier of the provisioned control plane, such as `xl`, billed on top of the control
/// plane.
pub(super) fn tier_item(tier: &str) -> String {
    format!("eks.provisioned_control_plane.{tier}")
}

/// Name of the catalog item for the EKS Auto Mode fee.
const AUTO_MODE_SHARE: &str = "eks.auto_mode_share";

/// A fee that is a share of another price, over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Share, in billionths.
    pub now: Priced<NanoUsd>,
    /// Share before it changed, with the first second of the new one.
    pub before: Option<(i64, Priced<NanoUsd>)>,
}

impl PriceBook {
    /// Price of a GiB-month of a volume type.
    pub fn volume(&self, volume_type: &str, region: &str) -> Option<Priced<NanoUsd>> {
        let mine =
            |volume: &&user_prices_file::UserVolume| volume.volume_type == volume_type && self.user_speaks_of(region);
        let here = self.user.volume.iter().filter(mine).find(|volume| volume.region.as_deref() == Some(region));
        let anywhere = || self.user.volume.iter().filter(mine).find(|volume| volume.region.is_none());
        match here.or_else(anywhere) {
            Some(volume) => user_price(volume.usd_per_gib_month, &volume.date, &volume.source),
            None if volume_type == "efs" => self.other("efs.standard", region),
            None => self.other(&format!("ebs.{volume_type}"), region),
        }
    }

    /// Price of an hour of the EKS control plane, including the tier that the user has provisioned; `None` where a part
    /// of it has no price.
    pub fn control_plane(&self, region: &str, extended: bool) -> Option<Priced<NanoUsd>> {
        let base = || self.other(if extended { "eks.control_plane_extended" } else { "eks.control_plane" }, region);
        let Some(own) = self.user.control_plane.as_ref() else { return base() };
        match (own.usd_per_hour, &own.tier) {
            (Some(usd), _) if self.user_speaks_of(region) => user_price(usd, &own.date, &own.source),
            (None, Some(tier)) => {
                let (base, tier) = (base()?, self.other(&tier_item(tier), region)?);
                Some(Priced { price: base.price + tier.price, origin: tier.origin })
            }
            _ => base(),
        }
    }

    /// Price of a vCPU-hour of surplus CPU credits of a burstable family; `None` for a family without such a price.
    pub fn surplus_credits(&self, family: &str, os: OperatingSystem, region: &str) -> Option<Priced<NanoUsd>> {
        match os {
            OperatingSystem::Windows => self.other("ec2.unlimited.windows", region),
            _ => self.other(&format!("ec2.unlimited.{family}"), region),
        }
    }

    /// Contracted price of one unit of another item of the catalog, such as `fargate.vcpu`.
    pub fn other(&self, item: &str, region: &str) -> Option<Priced<NanoUsd>> {
        let mine = |row: &&user_prices_file::UserItem| row.item == item && self.user_speaks_of(region);
        let here = self.user.item.iter().filter(mine).find(|row| row.region.as_deref() == Some(region));
        let anywhere = || self.user.item.iter().filter(mine).find(|row| row.region.is_none());
        if let Some(row) = here.or_else(anywhere) {
            return user_price(row.usd_per_unit, &row.date, &row.source);
        }
        let list = self.listed_item(item, region)?;
        self.item_contracted(item, list)
    }

    /// List price of one unit of an item.
    pub(super) fn listed_item(&self, item: &str, region: &str) -> Option<Priced<NanoUsd>> {
        if let Some((price, row)) = self.imported_item(item, region) {
            return Some(Priced { price: price.for_seconds(3600).cost(), origin: imported_origin(row) });
        }
        let listed = self.catalog.other(region, item)?;
        Some(priced(&listed, listed.price))
    }

    pub(super) fn imported_item(&self, item: &str, region: &str) -> Option<&(UsdPerHour, ListPrice)> {
        let of = |region: &str| self.imported.items.get(region)?.get(item);
        of(region).or_else(|| of("all").filter(|_| currency_of(region) == "USD"))
    }

    fn item_contracted(&self, item: &str, list: Priced<NanoUsd>) -> Option<Priced<NanoUsd>> {
        // A share of another price is not discounted again.
        let edp = if item.starts_with(AUTO_MODE_SHARE) { 0.0 } else { self.edp_fraction() };
        let price = UsdPerHour::try_new(list.price.usd()).ok()?.less(edp)?.for_seconds(3600).cost();
        Some(Priced { price, origin: list.origin })
    }

    /// Price of one unit of an item before it changed, with the first second of the new price.
    fn other_before(&self, item: &str, region: &str) -> Option<(i64, Priced<NanoUsd>)> {
        if self.user.item.iter().any(|row| row.item == item) || self.imported_item(item, region).is_some() {
            return None;
        }
        let earlier = self.catalog.other_earlier(region, item)?;
        let before = self.item_contracted(item, priced(&earlier.before, earlier.before.price))?;
        Some((earlier.until_seconds, before))
    }

    /// EKS Auto Mode fee for machines of a family, as a share of the on-demand list price.
    pub fn auto_mode_share(&self, family: &str, region: &str) -> Option<Share> {
        let class = family.split(|c: char| c.is_ascii_digit()).next().unwrap_or(family);
        let own = match class {
            "g" | "gr" => Some("eks.auto_mode_share.g"),
            "p" => Some("eks.auto_mode_share.p"),
            "trn" => Some("eks.auto_mode_share.trn"),
            _ => None,
        };
        let users = |item: &str| self.user.item.iter().any(|row| row.item == item);
        let item = match own {
            Some(own) if users(own) || !users(AUTO_MODE_SHARE) => own,
            _ => AUTO_MODE_SHARE,
        };
        Some(Share { now: self.other(item, region)?, before: self.other_before(item, region) })
    }

    pub(super) fn items(&self) -> Vec<&str> {
        self.catalog.items().collect()
    }

    /// Returns true when the catalog has an item of this name.
    pub fn knows_item(&self, item: &str) -> bool {
        self.catalog.has_item(item)
    }

    /// Returns the licences paid per node of this type and group, with name and price.
    pub fn licences(&self, instance_type: Option<&str>, node_group: Option<&str>) -> Vec<(&str, Priced<UsdPerHour>)> {
        let of_node = |row: &&user_prices_file::UserLicence| {
            row.instance_type.as_deref().is_none_or(|name| Some(name) == instance_type)
                && row.node_group.as_deref().is_none_or(|group| Some(group) == node_group)
        };
        let priced = |row: &'_ user_prices_file::UserLicence| {
            Some(Priced { price: UsdPerHour::try_new(row.usd_per_node_hour).ok()?, origin: user_origin(&row.date, "") })
        };
        self.user.licence.iter().filter(of_node).filter_map(|row| Some((row.name.as_str(), priced(row)?))).collect()
    }

    /// Returns true when the user gave any licence.
    pub fn has_licences(&self) -> bool {
        !self.user.licence.is_empty()
    }
}
