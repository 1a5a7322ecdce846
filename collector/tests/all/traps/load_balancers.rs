//! Load balancers, public addresses, and volumes on Outposts.

use lake::tables::{LoadBalancerHour, NodeHour, QualityHour, VolumeHour};

use crate::world::{HOUR, UID, World, collected, plain, without_honor_labels};

const NETWORK: &str = "k8s-ns-web-0a1b2c3d4e-0123456789abcdef.elb.us-east-1.amazonaws.com";

/// A Service of type `LoadBalancer` with an address.
fn service(world: &mut World, name: &str, hostname: &str) {
    let service = [("namespace", "ns"), ("service", name), ("uid", name)];
    world.fact_from("kube_service_spec_type", &[&service[..], &[("type", "LoadBalancer")]].concat(), 1.0, -593);
    let address = [&service[..], &[("hostname", hostname)]].concat();
    world.fact_from("kube_service_status_load_balancer_ingress", &address, 1.0, -593);
}

fn gateway(world: &mut World, name: &str, address: &str) {
    let labels = [("namespace", "ns"), ("name", name), ("type", "Hostname"), ("value", address)];
    world.fact_from("gatewayapi_gateway_status_address_info", &labels, 1.0, -593);
}

/// Object, type and whether it is internet-facing, of each row.
fn told(rows: &[LoadBalancerHour]) -> Vec<(&str, Option<&str>, Option<bool>)> {
    rows.iter().map(|row| (row.object.as_str(), row.load_balancer_type.as_deref(), row.internet_facing)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_is_told_whatever_the_scrape_renames() {
    let test = "a_load_balancer_is_told_whatever_the_scrape_renames";
    let mut world = plain();
    // The same load balancer under its name for both versions of IP.
    service(&mut world, "web", &format!("dualstack.{NETWORK}"));
    gateway(&mut world, "front", NETWORK);
    for world in [world.clone(), without_honor_labels(world.clone()), world.twice("scraper")] {
        let Some(hours) = collected(test, world).await else { return };
        let rows = hours.rows::<LoadBalancerHour>().await;
        let network = Some("network");
        assert_eq!(told(&rows), [("Gateway/ns/front", network, None), ("Service/ns/web", network, None)]);
        assert!(rows.iter().all(|row| row.address == NETWORK && row.present_seconds == 3_600), "{rows:?}");
        let manifest = hours.lake.manifest(&"c".parse().unwrap(), crate::world::hour()).await.unwrap().manifest;
        assert!(!manifest.faults.iter().any(|fault| fault.contains("load_balancers")), "{:?}", manifest.faults);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_show_tell_none_from_unknown() {
    let test = "services_that_show_tell_none_from_unknown";
    let series = async |world: World| {
        let hours = collected(test, world).await?;
        assert_eq!(hours.rows::<LoadBalancerHour>().await, []);
        let manifest = hours.lake.manifest(&"c".parse().unwrap(), crate::world::hour()).await.unwrap().manifest;
        assert!(manifest.object("load_balancer_hour").is_none());
        let quality = hours.rows::<QualityHour>().await;
        Some(quality.iter().find(|row| row.query == "load_balancers").unwrap().series)
    };
    assert!(series(plain()).await.is_none_or(|series| series == 0));
    let mut world = plain();
    let kubernetes = [("namespace", "default"), ("service", "kubernetes"), ("type", "ClusterIP")];
    world.fact_from("kube_service_spec_type", &kubernetes, 1.0, -593);
    // Something in the cluster serves it, which has a Service.
    let ingress = [("namespace", "ns"), ("ingress", "web"), ("ingressclass", "nginx")];
    world.fact_from("kube_ingress_info", &ingress, 1.0, -593);
    assert!(series(world).await.is_none_or(|series| series > 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn ingresses_without_annotations_do_not_say_what_they_share() {
    let test = "ingresses_without_annotations_do_not_say_what_they_share";
    let mut world = plain();
    for name in ["web", "api"] {
        let ingress = [("namespace", "ns"), ("ingress", name), ("ingressclass", "edge")];
        world.fact_from("kube_ingress_info", &ingress, 1.0, -593);
    }
    let class = [("ingressclass", "edge"), ("controller", "ingress.k8s.aws/alb")];
    world.fact_from("kube_ingressclass_info", &class, 1.0, -593);
    let Some(hours) = collected(test, world).await else { return };
    let rows = hours.rows::<LoadBalancerHour>().await;
    let application = Some("application");
    assert_eq!(told(&rows), [("Ingress/ns/api", application, None), ("Ingress/ns/web", application, None)]);
    assert!(rows.iter().all(|row| row.ingress_group.is_none() && row.load_balancer_type_source == "ingress-class"));
}

#[tokio::test(flavor = "multi_thread")]
async fn public_addresses_of_a_node_are_counted_where_its_addresses_show() {
    let test = "public_addresses_of_a_node_are_counted_where_its_addresses_show";
    let mut world = plain();
    for (name, addresses) in [
        ("n2", &[("Hostname", "n2"), ("InternalIP", "10.0.0.2")][..]),
        ("n3", &[("Hostname", "n3"), ("ExternalIP", "192.0.2.3"), ("ExternalIP", "2001:db8::3")]),
    ] {
        world.node(name, -9000);
        for (kind, address) in addresses {
            let labels = [("node", name), ("type", kind), ("address", address)];
            world.fact_from("kube_node_status_addresses", &labels, 1.0, -593);
        }
    }
    let Some(hours) = collected(test, world).await else { return };
    let counts: Vec<_> = hours.rows::<NodeHour>().await.into_iter().map(|node| node.public_ipv4_addresses).collect();
    assert_eq!(counts, [None, Some(0), Some(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_is_on_an_outpost_where_its_pods_node_is() {
    let test = "a_volume_is_on_an_outpost_where_its_pods_node_is";
    let outpost = "arn:aws:outposts:us-west-2:1:outpost/op-0abc";
    for on_outpost in [false, true] {
        let mut world = plain();
        let key = if on_outpost { "label_topology_ebs_csi_aws_com_outpost_id" } else { "label_kubernetes_io_os" };
        world.fact_from("kube_node_labels", &[("node", "n1"), (key, outpost)], 1.0, -593);
        for claim in ["mounted", "unmounted"] {
            let volume = format!("pv-{claim}");
            let labels = [("namespace", "ns"), ("persistentvolumeclaim", claim), ("volumename", volume.as_str())];
            world.fact_from("kube_persistentvolumeclaim_info", &labels, 1.0, -593);
            let labels = [("persistentvolume", volume.as_str()), ("csi_volume_handle", "vol-0abc")];
            world.fact_from("kube_persistentvolume_info", &labels, 1.0, -593);
        }
        let mount = [("namespace", "ns"), ("pod", "p1"), ("uid", UID), ("persistentvolumeclaim", "mounted")];
        world.fact_from("kube_pod_spec_volumes_persistentvolumeclaims_info", &mount, 1.0, -593);
        let Some(hours) = collected(test, world).await else { return };
        let told: Vec<_> = hours.rows::<VolumeHour>().await.into_iter().map(|volume| volume.on_outpost).collect();
        assert_eq!(told, [Some(on_outpost), None]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_is_there_while_a_part_of_kube_state_metrics_restarts() {
    let test = "a_load_balancer_is_there_while_a_part_of_kube_state_metrics_restarts";
    let gone = |mut world: World, span: std::ops::Range<i64>| {
        let parts = ["kube_service_", "kube_ingress_", "gatewayapi_"];
        for (labels, samples) in &mut world.series {
            let name = labels.iter().find(|(k, _)| k == "__name__").map(|(_, v)| v.clone()).unwrap_or_default();
            if parts.iter().any(|part| name.starts_with(part)) {
                samples.retain(|sample| !span.contains(&(sample.milliseconds.div_euclid(1000) - HOUR)));
            }
        }
        world
    };
    let mut world = plain();
    service(&mut world, "web", NETWORK);
    gateway(&mut world, "front", NETWORK);
    let waits = [("namespace", "ns"), ("service", "waits"), ("type", "LoadBalancer")];
    world.fact_from("kube_service_spec_type", &waits, 1.0, -593);
    world.fact_from("kube_ingress_info", &[("namespace", "ns"), ("ingress", "i"), ("ingressclass", "alb")], 1.0, -593);
    let all = ["Gateway/ns/front", "Ingress/ns/i", "Service/ns/waits", "Service/ns/web"];
    for (span, objects) in [
        (600..2_400, &all[..]),
        // Over an edge of the hour.
        (2_400..5_000, &all[..]),
        // For longer than an hour: what has no address of its own may have been another one.
        (-540..4_200, &["Gateway/ns/front", "Service/ns/web"]),
    ] {
        let world = gone(world.clone().going_on_to(7_200), span.clone());
        let Some(hours) = collected(test, world).await else { return };
        let rows = hours.rows::<LoadBalancerHour>().await;
        let mut seconds: Vec<_> = rows.iter().map(|row| (row.object.as_str(), row.present_seconds)).collect();
        seconds.sort_unstable();
        let expect: Vec<_> = objects.iter().map(|object| (*object, 3_600)).collect();
        assert_eq!(seconds, expect, "{span:?}");
    }

    // One that is deleted and made anew has another address, and was not there in between.
    let other = "k8s-ns-web-9f8e7d6c5b-fedcba9876543210.elb.us-east-1.amazonaws.com";
    let mut world = plain();
    let of = [("namespace", "ns"), ("service", "web"), ("type", "LoadBalancer")];
    for (address, span) in [(NETWORK, (-593, 600)), (other, (2_407, 3_900))] {
        world.add("kube_service_spec_type", &[&of[..], &[("uid", address)]].concat(), span, 60, |_| 1.0);
        let labels = [of[0], of[1], ("hostname", address)];
        world.add("kube_service_status_load_balancer_ingress", &labels, span, 60, |_| 1.0);
    }
    let hours = collected(test, world).await.unwrap();
    let mut seconds: Vec<_> =
        hours.rows::<LoadBalancerHour>().await.iter().map(|row| (row.address.clone(), row.present_seconds)).collect();
    seconds.sort_unstable();
    assert_eq!(seconds, [(NETWORK.to_owned(), 600), (other.to_owned(), 1_200)]);
}
