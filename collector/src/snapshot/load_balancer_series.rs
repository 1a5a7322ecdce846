//! Facts about Services, Ingresses and Gateways that have a load balancer.

use std::collections::BTreeMap;

use super::Snapshot;
use super::presence_slots::{Around, Gap, Seen, add};
use crate::decode::Series;

/// Kind of an object that may have a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Gateway,
    Ingress,
    Service,
}

/// Everything known of load balancers.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct LoadBalancers {
    /// By kind, namespace and name.
    pub(crate) objects: BTreeMap<(Kind, String, String), Object>,
    /// Controllers of Ingress classes, by the name of the class.
    pub(crate) controllers: BTreeMap<String, String>,
}

/// An object that may have a load balancer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Object {
    /// Slots in which it was one that has a load balancer, by its type or class; of Gateways, by its address. Known once
    /// everything is read.
    pub(crate) present: Seen,
    /// Addresses, with the slots in which it had them, once everything is read.
    pub(crate) addresses: BTreeMap<String, Seen>,
    /// Class of an Ingress, as the greatest by characters where two were said.
    pub(crate) class: String,
    /// Annotations by the name kube-state-metrics gives them.
    pub(crate) annotations: BTreeMap<&'static str, String>,
    /// What scrapes saw of it.
    pub(crate) seen: Sightings,
}

/// Sightings of an object around the hour.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sightings {
    object: Around,
    addresses: BTreeMap<String, Around>,
    /// Class and annotations that were said before the hour or after it alone.
    class: String,
    annotations: BTreeMap<&'static str, String>,
}

/// Annotations that are read, by the name of their label.
pub(crate) const SERVICE_SCHEME: &str = "annotation_service_beta_kubernetes_io_aws_load_balancer_scheme";
pub(crate) const SERVICE_INTERNAL: &str = "annotation_service_beta_kubernetes_io_aws_load_balancer_internal";
pub(crate) const INGRESS_GROUP: &str = "annotation_alb_ingress_kubernetes_io_group_name";
pub(crate) const INGRESS_SCHEME: &str = "annotation_alb_ingress_kubernetes_io_scheme";
/// All of them.
const ANNOTATIONS: [&str; 4] = [SERVICE_SCHEME, SERVICE_INTERNAL, INGRESS_GROUP, INGRESS_SCHEME];

pub(super) fn take(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let metric = series.label("__name__")?;
    let seen = Around::of(series, start);
    let there = |present: &mut Around| present.add(&seen);
    let in_hour = seen.within.contains(&true);
    match metric {
        // How many Services of other types there are: it is enough that they are shown.
        "kube_service_spec_type" if series.label("type").is_none() => {}
        "kube_service_spec_type" => there(&mut s.load_balancers.object(Kind::Service, "service", series)?.seen.object),
        "kube_service_status_load_balancer_ingress" => {
            let address = plain(series.label("hostname").or_else(|| series.label("ip"))?);
            let service = s.load_balancers.object(Kind::Service, "service", series)?;
            there(service.seen.addresses.entry(address).or_default());
        }
        "kube_service_annotations" => {
            s.load_balancers.object(Kind::Service, "service", series)?.annotate(series, in_hour)
        }
        "kube_ingress_info" => {
            let ingress = s.load_balancers.object(Kind::Ingress, "ingress", series)?;
            there(&mut ingress.seen.object);
            let class = series.label("ingressclass").unwrap_or_default();
            let known = if in_hour { &mut ingress.class } else { &mut ingress.seen.class };
            if class > known.as_str() {
                class.clone_into(known);
            }
        }
        "kube_ingress_annotations" => {
            s.load_balancers.object(Kind::Ingress, "ingress", series)?.annotate(series, in_hour)
        }
        "kube_ingressclass_info" => {
            let known = s.load_balancers.controllers.entry(series.label("ingressclass")?.to_owned()).or_default();
            *known = series.label("controller")?.to_owned().max(std::mem::take(known));
        }
        _ => {
            let address = plain(series.label("value")?);
            let gateway = s.load_balancers.object(Kind::Gateway, "name", series)?;
            there(&mut gateway.seen.object);
            there(gateway.seen.addresses.entry(address).or_default());
        }
    }
    Some(())
}

/// An address as it is compared: a load balancer of AWS has a second name for both versions of IP.
fn plain(address: &str) -> String {
    let address = address.to_ascii_lowercase();
    address.strip_prefix("dualstack.").unwrap_or(&address).trim_end_matches('.').to_owned()
}

impl LoadBalancers {
    /// The object whose name a label has.
    fn object(&mut self, kind: Kind, name: &str, series: &Series<'_, '_>) -> Option<&mut Object> {
        let key = (kind, series.label("namespace")?.to_owned(), series.label(name)?.to_owned());
        Some(self.objects.entry(key).or_default())
    }
}

impl Object {
    /// Tells in which slots it was there, and had each address. One that had another address after a gap may have been
    /// deleted and made anew: of that it is there only as long as it had one of them. No two have the same address; one
    /// without any may be another of its name, after a gap as long as an hour.
    pub(super) fn bridge(&mut self, scraped: &Seen) {
        let seen = std::mem::take(&mut self.seen);
        let in_hour = |seen: &Around| seen.within.contains(&true);
        if !in_hour(&seen.object) && !seen.addresses.values().any(in_hour) {
            (self.class, self.annotations) = (seen.class, seen.annotations);
        }
        self.present = match seen.addresses.len() {
            0 => seen.object.bridged(Gap::WithinAnHour, scraped),
            1 => seen.object.bridged(Gap::Any, scraped),
            _ => seen.object.within,
        };
        for (address, seen) in seen.addresses {
            let there = seen.bridged(Gap::Any, scraped);
            if there.contains(&true) {
                add(&mut self.present, &there);
                self.addresses.insert(address, there);
            }
        }
    }

    fn annotate(&mut self, series: &Series<'_, '_>, in_hour: bool) {
        let annotations = if in_hour { &mut self.annotations } else { &mut self.seen.annotations };
        for (name, value) in ANNOTATIONS.into_iter().filter_map(|name| Some((name, series.label(name)?))) {
            let known = annotations.entry(name).or_default();
            *known = value.to_owned().max(std::mem::take(known));
        }
    }

    /// An annotation, where it has one that is not empty.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}
