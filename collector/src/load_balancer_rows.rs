//! Load balancers: what Services, Ingresses and Gateways say of theirs, and what their DNS names tell.

use lake::tables::LoadBalancerHour;
use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::numbers::int32;
use crate::snapshot::{INGRESS_GROUP, INGRESS_SCHEME, Kind, LoadBalancers, Object, SERVICE_INTERNAL, SERVICE_SCHEME};

/// Controllers of Ingress classes that make Application Load Balancers: the AWS Load Balancer Controller, and EKS Auto
/// Mode, where parameters of the class tell what annotations tell elsewhere.
const ALB_CONTROLLERS: [&str; 2] = ["ingress.k8s.aws/alb", AUTO_MODE];
const AUTO_MODE: &str = "eks.amazonaws.com/alb";
/// Class that kube-state-metrics gives an Ingress that names none.
const NO_CLASS: &str = "_default";

/// The rows of all load balancers, an object and an address each.
pub(crate) fn rows(found: &LoadBalancers, hour: Hour) -> Vec<LoadBalancerHour> {
    let shown = |kind: Kind| {
        let of_kind = found.objects.iter().filter(move |((of, _, _), _)| *of == kind);
        of_kind.flat_map(|(_, object)| object.annotations.keys())
    };
    // One annotation that is shown tells that an object without any has none.
    let (of_services, of_ingresses) = (shown(Kind::Service).next().is_some(), shown(Kind::Ingress).next().is_some());
    let mut rows = Vec::new();
    for ((kind, namespace, name), object) in &found.objects {
        let word = match kind {
            Kind::Gateway => "Gateway",
            Kind::Ingress => "Ingress",
            Kind::Service => "Service",
        };
        let row = LoadBalancerHour {
            hour_start_seconds: hour.start_seconds(),
            object: format!("{word}/{namespace}/{name}"),
            namespace: namespace.clone(),
            load_balancer_type_source: "unknown".to_owned(),
            ..LoadBalancerHour::default()
        };
        match kind {
            Kind::Ingress => rows.extend(of_ingress(row, object, found, of_ingresses)),
            _ => rows.extend(of_status(&row, *kind, object, of_services)),
        }
    }
    rows
}

/// The rows of a Service or a Gateway: one for each address, and one without for the slots in which it had none.
fn of_status(row: &LoadBalancerHour, kind: Kind, object: &Object, annotations_show: bool) -> Vec<LoadBalancerHour> {
    let mut rows = Vec::new();
    let mut without = object.present;
    for (address, slots) in &object.addresses {
        without.iter_mut().zip(slots).for_each(|(without, has)| *without &= !has);
        let dns = Dns::read(address);
        let load_balancer_type = dns.as_ref().and_then(|dns| dns.load_balancer_type(kind));
        rows.push(LoadBalancerHour {
            load_balancer_type: load_balancer_type.map(ToOwned::to_owned),
            load_balancer_type_source: load_balancer_type.map_or("unknown", |_| "hostname").to_owned(),
            region: dns.as_ref().map(|dns| dns.region.to_owned()),
            internet_facing: dns.as_ref().and_then(|dns| dns.internet_facing(kind, object, annotations_show)),
            present_seconds: seconds(slots),
            address: address.clone(),
            ..row.clone()
        });
    }
    if without.contains(&true) {
        rows.push(LoadBalancerHour { present_seconds: seconds(&without), ..row.clone() });
    }
    rows
}

/// The row of an Ingress that has an Application Load Balancer, by its class or its annotations.
fn of_ingress(
    row: LoadBalancerHour,
    object: &Object,
    found: &LoadBalancers,
    annotations_show: bool,
) -> Option<LoadBalancerHour> {
    let class = Some(object.class.as_str()).filter(|class| ![NO_CLASS, ""].contains(class));
    let controller = class.and_then(|class| found.controllers.get(class));
    let source = match (controller, class) {
        (Some(controller), _) if ALB_CONTROLLERS.contains(&controller.as_str()) => "ingress-class",
        (Some(_), _) => return None,
        (None, Some(class)) if has_word(class, "alb") => "ingress-class-name",
        (None, _) if !object.annotations.is_empty() => "annotation",
        _ => return None,
    };
    let annotations_tell = annotations_show && controller.is_none_or(|controller| controller != AUTO_MODE);
    let facing = object.annotation(INGRESS_SCHEME).map(|scheme| scheme == "internet-facing");
    let group = object.annotation(INGRESS_GROUP).unwrap_or_default();
    Some(LoadBalancerHour {
        load_balancer_type: Some("application".to_owned()),
        load_balancer_type_source: source.to_owned(),
        // The controller makes internal ones unless told otherwise.
        internet_facing: facing.or(annotations_tell.then_some(false)),
        ingress_class: class.map(ToOwned::to_owned),
        ingress_group: annotations_tell.then(|| group.to_owned()),
        present_seconds: seconds(&object.present),
        ..row
    })
    .filter(|row| row.present_seconds > 0)
}

fn seconds(slots: &[bool; SLOTS_PER_HOUR]) -> i32 {
    int32(slots.iter().map(|there| if *there { SLOT_SECONDS } else { 0 }).sum())
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part.eq_ignore_ascii_case(word))
}

/// Parts of the DNS name of a load balancer of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Dns<'a> {
    /// Name of the load balancer and the id after it.
    name: &'a str,
    region: &'a str,
    /// `true` of `NAME-ID.elb.REGION.amazonaws.com`, which Network Load Balancers have; the others have the region first.
    network: bool,
    /// `true` of `internal-…`, which Network Load Balancers never have.
    internal: bool,
}

impl<'a> Dns<'a> {
    /// Reads a DNS name; `None` for one that is none of a load balancer of AWS.
    fn read(address: &'a str) -> Option<Self> {
        let of_aws = address.strip_suffix(".amazonaws.com").or_else(|| address.strip_suffix(".amazonaws.com.cn"))?;
        let (name, region, network) = match of_aws.split('.').collect::<Vec<_>>().as_slice() {
            [name, "elb", region] => (*name, *region, true),
            [name, region, "elb"] => (*name, *region, false),
            _ => return None,
        };
        let rest = name.strip_prefix("internal-").filter(|_| !network);
        Some(Self { name: rest.unwrap_or(name), region, network, internal: rest.is_some() })
    }

    /// `network`, `application` or `classic`; `None` where a name that a person chose may be of either of the last two.
    ///
    /// The AWS Load Balancer Controller and EKS Auto Mode call what they make `k8s-…`, and make no Classic Load Balancer.
    /// The cloud provider of Kubernetes makes Classic ones for Services, called `a` and the uid of the Service.
    fn load_balancer_type(&self, kind: Kind) -> Option<&'static str> {
        match (self.network, kind) {
            (true, _) => Some("network"),
            _ if self.name.starts_with("k8s-") => Some("application"),
            _ if self.has_uid() => Some("classic"),
            _ => None,
        }
    }

    /// Returns whether the name is `a` and the uid of a Service, cut off at 32 characters.
    fn has_uid(&self) -> bool {
        let name = self.name.rsplit_once('-').map_or(self.name, |(name, _)| name);
        name.len() == 32 && name.strip_prefix('a').is_some_and(|uid| uid.bytes().all(|c| c.is_ascii_hexdigit()))
    }

    /// Returns whether it can be reached from the internet. The name of a Network Load Balancer does not tell, its
    /// annotations do. Without any, one that a controller of AWS made is internal, and one that the cloud provider of
    /// Kubernetes made is internet-facing.
    fn internet_facing(&self, kind: Kind, object: &Object, annotations_show: bool) -> Option<bool> {
        if !self.network {
            return Some(!self.internal);
        }
        if let Some(scheme) = object.annotation(SERVICE_SCHEME) {
            return Some(scheme == "internet-facing");
        }
        if let Some(internal) = object.annotation(SERVICE_INTERNAL) {
            return Some(internal != "true" && internal != "0.0.0.0/0");
        }
        let by_default = if self.has_uid() { Some(true) } else { self.name.starts_with("k8s-").then_some(false) };
        by_default.filter(|_| annotations_show && kind == Kind::Service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dns_name_tells_what_aws_says_in_it() {
        let check = |address: &str, kind: Kind, expect: Option<(Option<&str>, &str, Option<bool>)>| {
            let dns = Dns::read(address);
            let told = dns.as_ref().map(|dns| {
                (dns.load_balancer_type(kind), dns.region, dns.internet_facing(kind, &Object::default(), false))
            });
            assert_eq!(told, expect, "{address}");
        };
        let (service, gateway) = (Kind::Service, Kind::Gateway);
        let uid = "a0123456789abcdef0123456789abcde";
        check(
            "k8s-shop-web-0a1b2c3d4e-0123456789abcdef.elb.us-east-1.amazonaws.com",
            service,
            Some((Some("network"), "us-east-1", None)),
        );
        check(
            "k8s-shop-web-0a1b2c3d4e-1234567890.eu-west-1.elb.amazonaws.com",
            gateway,
            Some((Some("application"), "eu-west-1", Some(true))),
        );
        check(
            "internal-k8s-shop-web-0a1b2c3d4e-1234567890.eu-west-1.elb.amazonaws.com",
            gateway,
            Some((Some("application"), "eu-west-1", Some(false))),
        );
        check(
            &format!("{uid}-1234567890.us-west-2.elb.amazonaws.com"),
            service,
            Some((Some("classic"), "us-west-2", Some(true))),
        );
        check(
            &format!("internal-{uid}-1234567890.us-west-2.elb.amazonaws.com"),
            service,
            Some((Some("classic"), "us-west-2", Some(false))),
        );
        check(
            &format!("{uid}-0123456789abcdef.elb.cn-north-1.amazonaws.com.cn"),
            service,
            Some((Some("network"), "cn-north-1", None)),
        );
        // A name that a person chose.
        check("front-1234567890.us-west-2.elb.amazonaws.com", service, Some((None, "us-west-2", Some(true))));
        for other in ["shop.example.com", "10.0.0.7", "a.b.vpc-lattice-svcs.us-west-2.on.aws", "elb.amazonaws.com", ""]
        {
            check(other, service, None);
        }
    }

    #[test]
    fn what_nobody_says_of_a_network_load_balancer_is_its_makers_default() {
        let of = |name: &'static str| Dns { name, region: "us-east-1", network: true, internal: false };
        let check = |dns: Dns<'_>, annotation: Option<(&'static str, &str)>, shown: bool, expect: Option<bool>| {
            let annotations = annotation.map(|(name, value)| (name, value.to_owned())).into_iter().collect();
            let object = Object { annotations, ..Object::default() };
            assert_eq!(dns.internet_facing(Kind::Service, &object, shown), expect, "{dns:?} {annotation:?}");
        };
        let (made, built_in) =
            (of("k8s-shop-web-0a1b2c3d4e-0123456789abcdef"), of("a0123456789abcdef0123456789abcde-0123456789abcdef"));
        check(made.clone(), None, false, None);
        check(made.clone(), None, true, Some(false));
        check(made.clone(), Some((SERVICE_SCHEME, "internet-facing")), true, Some(true));
        check(built_in.clone(), None, true, Some(true));
        check(built_in, Some((SERVICE_INTERNAL, "true")), true, Some(false));
        check(of("mine-0123456789abcdef"), None, true, None);
    }

    #[test]
    fn annotations_tell_of_the_controller_that_reads_them() {
        let check = |controller: &str, expect: (Option<bool>, Option<&str>)| {
            let object = Object { present: [true; SLOTS_PER_HOUR], class: "alb".to_owned(), ..Object::default() };
            let controllers = [("alb".to_owned(), controller.to_owned())].into();
            let found = LoadBalancers { controllers, ..LoadBalancers::default() };
            let row = of_ingress(LoadBalancerHour::default(), &object, &found, true).unwrap();
            assert_eq!((row.internet_facing, row.ingress_group.as_deref()), expect, "{controller}");
        };
        check("ingress.k8s.aws/alb", (Some(false), Some("")));
        check("eks.amazonaws.com/alb", (None, None));
    }

    #[test]
    fn a_class_has_a_load_balancer_by_its_controller_before_its_name() {
        let check = |class: &str, controller: Option<&str>, expect: Option<&str>| {
            let object = Object { present: [true; SLOTS_PER_HOUR], class: class.to_owned(), ..Object::default() };
            let controllers = controller.map(|controller| (class.to_owned(), controller.to_owned()));
            let found = LoadBalancers { controllers: controllers.into_iter().collect(), ..LoadBalancers::default() };
            let row = of_ingress(LoadBalancerHour::default(), &object, &found, false);
            assert_eq!(row.as_ref().map(|row| row.load_balancer_type_source.as_str()), expect, "{class}");
            assert!(row.is_none_or(|row| row.internet_facing.is_none() && row.ingress_group.is_none()));
        };
        check("alb", None, Some("ingress-class-name"));
        check("public-alb", None, Some("ingress-class-name"));
        check("edge", Some("eks.amazonaws.com/alb"), Some("ingress-class"));
        check("alb", Some("k8s.io/ingress-nginx"), None);
        check("nginx", None, None);
        check("albany", None, None);
        check("_default", None, None);
    }
}
