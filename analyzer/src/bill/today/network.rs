//! The network: load balancers and public addresses that metrics show, and what assumptions count beside them.

use std::collections::BTreeMap;

use invoice::Line;
use types::NanoUsd;
use types::analysis::GradeReason;

use super::{Bill, Item, hours};
use crate::assumptions::Assumptions;
use crate::number::whole;
use crate::prices::PriceBook;
use crate::sums::load_balancers::{KnownBy, LoadBalancerKind};
use crate::sums::window_totals::Observed;

/// Types of load balancers, the item that prices an hour, what they are called, and the least zones each is in, in every
/// one of which an internet-facing one has an address. (source: AWS documentation: an Application Load Balancer needs two.)
const TYPES: [(&str, &str, &str, i128); 3] = [
    ("application", "elb.alb", "application load balancers", 2),
    ("network", "elb.nlb", "network load balancers", 1),
    ("classic", "elb.clb", "classic load balancers", 1),
];
/// Item that prices an hour of a public address.
const PUBLIC_IPV4: &str = "vpc.public_ipv4";

/// Quantity that is paid for by the hour.
struct ByTheHour {
    line: &'static str,
    item: &'static str,
    what: String,
    /// Of all of them.
    seconds: i128,
    /// Reason that it is not measured, if it is not.
    reason: Option<GradeReason>,
}

impl Bill {
    /// Adds what assumptions alone say there is of the network.
    pub(super) fn add_network(
        &mut self,
        observed: &Observed,
        book: &PriceBook,
        assumptions: &Assumptions,
    ) -> Option<NanoUsd> {
        let terms = &assumptions.terms;
        let counted = [
            (terms.network_nat_gateways, "vpc.nat_gateway", "NAT gateways", Line::NatGateways),
            (
                terms.network_interface_endpoints,
                "vpc.interface_endpoint",
                "interface endpoints, by the zone",
                Line::InterfaceEndpoints,
            ),
        ];
        let mut line = None;
        for (count, item, what, apart) in counted {
            let seconds = observed.known_seconds() * i128::from(whole(count));
            let (what, reason) = (what.to_owned(), Some(GradeReason::Counted));
            let counted = ByTheHour { line: "network", item, what, seconds, reason };
            let cost = self.add_by_the_hour(counted, observed.region(), book);
            self.apart.extend(cost.map(|cost| (apart, cost)));
            line = sum(line, cost);
        }
        line
    }

    /// The line of load balancers: zero where Services are shown and none has one, `None` where none is known or none has
    /// a price. What assumptions count is their number in all, so what metrics show is taken off it.
    pub(super) fn add_load_balancers(
        &mut self,
        observed: &Observed,
        book: &PriceBook,
        assumptions: &Assumptions,
    ) -> Option<NanoUsd> {
        let found = &observed.load_balancers;
        let mut line = None;
        let mut seen: BTreeMap<&str, i128> = BTreeMap::new();
        for (kind, seconds) in found.seconds.iter().filter(|(_, seconds)| **seconds > 0) {
            let Some((name, item, what, _)) = of_type(kind) else {
                let reason = match kind.known_by {
                    KnownBy::OtherAddress => "its address is none of AWS's, so that AWS may not bill it",
                    _ => {
                        "its DNS name may be that of an application or of a classic load balancer; count it by an assumption"
                    }
                };
                self.add_unpriced(
                    "load balancer of unknown type".to_owned(),
                    hours(*seconds),
                    "hour",
                    reason.to_owned(),
                );
                continue;
            };
            *seen.entry(name).or_default() += seconds;
            let reason = match kind.known_by {
                KnownBy::DnsName | KnownBy::OtherAddress => None,
                KnownBy::Ingress => Some(GradeReason::IngressGroups),
                KnownBy::LeastOfClass => Some(GradeReason::LeastOfClass),
            };
            let region = kind.region.as_deref().or_else(|| observed.region());
            let what = what.to_owned();
            let shown = ByTheHour { line: "load_balancers", item, what, seconds: *seconds, reason };
            line = sum(line, self.add_by_the_hour(shown, region, book));
        }
        let terms = &assumptions.terms;
        let counts = [terms.network_application_load_balancers, terms.network_network_load_balancers, 0.0];
        for ((name, item, what, _), count) in TYPES.into_iter().zip(counts) {
            let seconds =
                observed.known_seconds() * i128::from(whole(count)) - seen.get(name).copied().unwrap_or_default();
            if seconds > 0 {
                *seen.entry(name).or_default() += seconds;
                let (reason, what) = (Some(GradeReason::Counted), what.to_owned());
                let counted = ByTheHour { line: "load_balancers", item, what, seconds, reason };
                line = sum(line, self.add_by_the_hour(counted, observed.region(), book));
            }
        }
        let all: i128 = seen.values().sum();
        if all > 0 {
            let reason = "they go by connections, bytes and rules, which no metric of a cluster shows".to_owned();
            self.add_unpriced("capacity units of load balancers".to_owned(), hours(all), "load-balancer-hour", reason);
        }
        if found.perhaps_shared_seconds > 0 {
            let reason = "whether they share a load balancer is not known; let kube-state-metrics show the annotations of Ingresses (alb.ingress.kubernetes.io/group.name and scheme)".to_owned();
            let quantity = hours(found.perhaps_shared_seconds);
            self.add_unpriced("load balancers of further Ingresses".to_owned(), quantity, "Ingress-hour", reason);
        }
        if found.without_address_seconds > 0 {
            let reason = "the Service shows no address, so that it has none yet, or kube_service_status_load_balancer_ingress is not collected".to_owned();
            let quantity = hours(found.without_address_seconds);
            self.add_unpriced("load balancer without an address".to_owned(), quantity, "hour", reason);
        }
        let none = found.known_seconds > 0 && found.seconds.is_empty() && found.without_address_seconds == 0;
        line.or(none.then_some(NanoUsd::ZERO))
    }

    /// The line of public addresses: those nodes show, and the least that internet-facing load balancers have. Zero where
    /// all of that is known and there are none. What assumptions count is their number in all.
    pub(super) fn add_public_ipv4(
        &mut self,
        observed: &Observed,
        book: &PriceBook,
        assumptions: &Assumptions,
    ) -> Option<NanoUsd> {
        let mut line = None;
        let mut seen = 0;
        for (region, seconds) in &observed.public_ipv4.address_seconds {
            let of_nodes = addresses(*seconds, "public IPv4 addresses of nodes", None);
            line = sum(line, self.add_by_the_hour(of_nodes, region.as_deref().or_else(|| observed.region()), book));
            seen += seconds;
        }
        let (mut all_known, mut not_known) = (observed.load_balancers.known_seconds > 0, 0);
        for (kind, seconds) in observed.load_balancers.seconds.iter().filter(|(_, seconds)| **seconds > 0) {
            if kind.known_by == KnownBy::OtherAddress || kind.internet_facing == Some(false) {
                continue;
            }
            let Some((.., least)) = of_type(kind).filter(|_| kind.internet_facing == Some(true)) else {
                (all_known, not_known) = (false, not_known + seconds);
                continue;
            };
            let what = "public IPv4 addresses of load balancers, at least";
            let of_type = addresses(seconds * least, what, Some(GradeReason::LeastAddresses));
            line = sum(line, self.add_by_the_hour(of_type, kind.region.as_deref().or_else(|| observed.region()), book));
            seen += seconds * least;
        }
        if not_known > 0 {
            let reason = "whether they are internet-facing is not known; let kube-state-metrics show the annotations that say it (aws-load-balancer-scheme of Services, alb.ingress.kubernetes.io/scheme of Ingresses)".to_owned();
            let what = "public IPv4 addresses of load balancers".to_owned();
            self.add_unpriced(what, hours(not_known), "load-balancer-hour", reason);
        }
        let counted =
            i128::from(whole(assumptions.terms.network_public_ipv4_addresses)) * observed.known_seconds() - seen;
        if counted > 0 {
            let counted = addresses(counted, "public IPv4 addresses", Some(GradeReason::Counted));
            line = sum(line, self.add_by_the_hour(counted, observed.region(), book));
        }
        let nodes_known = observed.public_ipv4.known_seconds > 0 && observed.public_ipv4.unknown_seconds == 0;
        let none = nodes_known && all_known && seen == 0;
        line.or(none.then_some(NanoUsd::ZERO))
    }

    /// Adds a quantity at its price of the hour; `None` for nothing, and for what has no price, which is listed.
    fn add_by_the_hour(&mut self, of: ByTheHour, region: Option<&str>, book: &PriceBook) -> Option<NanoUsd> {
        if of.seconds <= 0 {
            return None;
        }
        let Some(unit) = book.other(of.item, region.unwrap_or("all")) else {
            let reason = format!("no price of {}; give one as [[item]] in the prices file", of.item);
            self.add_unpriced(of.what, hours(of.seconds), "hour", reason);
            return None;
        };
        let item = Item {
            line: of.line,
            what: of.what,
            unit: "hour",
            quantity: hours(of.seconds),
            cost: unit.price.scaled(of.seconds, 3600),
            priced: unit,
        };
        Some(self.add_item(item, of.reason))
    }
}

/// Public addresses times time.
fn addresses(seconds: i128, what: &str, reason: Option<GradeReason>) -> ByTheHour {
    ByTheHour { line: "public_ipv4", item: PUBLIC_IPV4, what: what.to_owned(), seconds, reason }
}

/// Facts about the type of a load balancer; `None` where it is not known.
fn of_type(kind: &LoadBalancerKind) -> Option<(&'static str, &'static str, &'static str, i128)> {
    let name = kind.load_balancer_type.as_deref()?;
    TYPES.into_iter().find(|(of, ..)| *of == name)
}

/// The sum of what is there.
fn sum(line: Option<NanoUsd>, more: Option<NanoUsd>) -> Option<NanoUsd> {
    match (line, more) {
        (Some(line), Some(more)) => Some(line + more),
        (line, more) => line.or(more),
    }
}
