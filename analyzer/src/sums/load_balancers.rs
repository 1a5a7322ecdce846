//! Load balancers over the window: objects that share one counted once.

use std::collections::BTreeMap;

use types::window::HOUR_SECONDS;

use crate::sums::hour_facts::{HourFacts, LoadBalancerRow};

/// Kind of a load balancer: what decides its price and the number of its addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LoadBalancerKind {
    /// `application`, `network` or `classic`.
    pub(crate) load_balancer_type: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) internet_facing: Option<bool>,
    pub(crate) known_by: KnownBy,
}

/// Source of what is known of a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KnownBy {
    /// By its DNS name, which is one of AWS's.
    DnsName,
    /// By an address that is none of AWS's.
    OtherAddress,
    /// By an Ingress, with the group it is in.
    Ingress,
    /// By Ingresses of a class that show no group: there is one at least.
    LeastOfClass,
}

/// Load balancers over the window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LoadBalancers {
    /// Seconds of each kind.
    pub(crate) seconds: BTreeMap<LoadBalancerKind, i128>,
    /// Seconds of hours in which Services are collected.
    pub(crate) known_seconds: i128,
    /// Seconds in which a Service of type `LoadBalancer` shows no address.
    pub(crate) without_address_seconds: i128,
    /// Seconds of Ingresses that may share the load balancer of another of their class, or have their own.
    pub(crate) perhaps_shared_seconds: i128,
}

impl LoadBalancers {
    /// Adds an hour.
    pub(crate) fn take(&mut self, facts: &HourFacts) {
        if facts.services_show {
            self.known_seconds += i128::from(HOUR_SECONDS);
        }
        let mut by_address: BTreeMap<&str, (LoadBalancerKind, i64)> = BTreeMap::new();
        let mut of_ingresses: BTreeMap<(Option<&str>, &str), (LoadBalancerKind, i64)> = BTreeMap::new();
        for row in &facts.load_balancers {
            if !row.address.is_empty() {
                let known_by = if row.region.is_some() { KnownBy::DnsName } else { KnownBy::OtherAddress };
                add(by_address.entry(&row.address).or_insert_with(|| (kind(row, known_by), 0)), row);
            } else if row.load_balancer_type.is_none() {
                self.without_address_seconds += i128::from(row.present_seconds);
            } else {
                let class = row.ingress_class.as_deref().unwrap_or_default();
                // A group is of no class, an Ingress in none has its own, and where groups do not show a class has one.
                let (key, known_by) = match row.ingress_group.as_deref() {
                    Some("") => ((Some(""), row.object.as_str()), KnownBy::Ingress),
                    Some(group) => ((Some(group), ""), KnownBy::Ingress),
                    None => ((None, class), KnownBy::LeastOfClass),
                };
                let seconds = add(of_ingresses.entry(key).or_insert_with(|| (kind(row, known_by), 0)), row);
                if known_by == KnownBy::LeastOfClass {
                    self.perhaps_shared_seconds += i128::from(row.present_seconds.min(seconds));
                }
            }
        }
        for (kind, seconds) in by_address.into_values().chain(of_ingresses.into_values()) {
            *self.seconds.entry(kind).or_default() += i128::from(seconds);
        }
    }
}

fn kind(row: &LoadBalancerRow, known_by: KnownBy) -> LoadBalancerKind {
    LoadBalancerKind {
        load_balancer_type: row.load_balancer_type.clone(),
        region: row.region.clone(),
        internet_facing: row.internet_facing,
        known_by,
    }
}

/// Adds an object that has a load balancer others have too: the seconds of the one that had it longest, and what any of
/// them tells. Gives back the seconds before.
fn add((kind, seconds): &mut (LoadBalancerKind, i64), row: &LoadBalancerRow) -> i64 {
    let before = *seconds;
    *seconds = row.present_seconds.max(*seconds);
    kind.load_balancer_type = kind.load_balancer_type.take().or_else(|| row.load_balancer_type.clone());
    kind.internet_facing = kind.internet_facing.max(row.internet_facing);
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(address: &str, object: &str, seconds: i64) -> LoadBalancerRow {
        LoadBalancerRow {
            address: address.to_owned(),
            object: object.to_owned(),
            load_balancer_type: Some("application".to_owned()),
            present_seconds: seconds,
            ..LoadBalancerRow::default()
        }
    }

    fn taken(rows: &[LoadBalancerRow]) -> LoadBalancers {
        let mut found = LoadBalancers::default();
        let hour = types::Hour::starting_at(7200).unwrap();
        let mut facts = HourFacts { load_balancers: rows.to_vec(), services_show: true, ..HourFacts::new(hour) };
        found.take(&facts);
        // The order of objects makes no difference.
        facts.load_balancers.reverse();
        let mut turned = LoadBalancers::default();
        turned.take(&facts);
        assert_eq!(found, turned);
        found
    }

    fn seconds(found: &LoadBalancers) -> Vec<(KnownBy, i128)> {
        found.seconds.iter().map(|(kind, seconds)| (kind.known_by, *seconds)).collect()
    }

    #[test]
    fn objects_with_one_address_have_one_load_balancer() {
        let at = |object: &str, seconds| LoadBalancerRow {
            region: Some("us-east-1".to_owned()),
            ..row("a.elb.us-east-1.amazonaws.com", object, seconds)
        };
        let found = taken(&[at("Service/a/x", 3600), at("Service/a/y", 600)]);
        assert_eq!((seconds(&found), found.known_seconds), (vec![(KnownBy::DnsName, 3600)], 3600));
        assert_eq!(seconds(&taken(&[row("192.0.2.1", "Service/a/x", 60)])), [(KnownBy::OtherAddress, 60)]);
    }

    #[test]
    fn ingresses_share_by_group_and_without_groups_there_is_one_a_class_at_least() {
        let of = |object: &str, class: &str, group: Option<&str>, seconds| LoadBalancerRow {
            ingress_class: Some(class.to_owned()),
            ingress_group: group.map(ToOwned::to_owned),
            ..row("", object, seconds)
        };
        let grouped = [
            of("Ingress/a/x", "alb", Some("front"), 3600),
            of("Ingress/b/y", "alb", Some("front"), 1800),
            of("Ingress/a/z", "alb", Some(""), 600),
        ];
        assert_eq!(seconds(&taken(&grouped)), [(KnownBy::Ingress, 4200)]);
        let unknown = [of("Ingress/a/x", "alb", None, 3600), of("Ingress/b/y", "alb", None, 1800)];
        let found = taken(&unknown);
        assert_eq!((seconds(&found), found.perhaps_shared_seconds), (vec![(KnownBy::LeastOfClass, 3600)], 1800));
    }

    #[test]
    fn a_service_without_an_address_has_no_load_balancer_yet() {
        let waits = LoadBalancerRow { load_balancer_type: None, ..row("", "Service/a/x", 900) };
        let found = taken(&[waits]);
        assert_eq!((found.seconds.len(), found.without_address_seconds), (0, 900));
    }
}
