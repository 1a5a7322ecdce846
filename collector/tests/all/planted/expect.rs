//! The rows that a lake has to have of what was planted, worked out from the plants and from nothing the collector has.

use fixtures::kubernetes::{Container, ContainerKind, Node, Pod};
use lake::SlotValues;
use lake::tables::{ContainerHour, LoadBalancerHour, NodeHour, PodHour, VolumeHour};

use super::cluster::{CLASSIC, INTERNAL, NETWORK, Planned, Planted, STAGES, on_average, seconds};
use super::{LAST_SECOND, SCRAPE_SECONDS};
use crate::world::HOUR;

/// From when to when in the hour, in seconds of it, something held what it has; the end where it came before that of the hour.
struct Span {
    from: i64,
    to: i64,
    ended: Option<i64>,
}

/// From `begun` to the last scrape that saw it, where it was not there to the end.
fn span<T>(planned: &Planned<T>, begun: i64) -> Span {
    let last_seen = planned.until.map(|stage| STAGES[stage] - SCRAPE_SECONDS);
    Span { from: (begun - HOUR).max(0), to: last_seen.unwrap_or(3_600), ended: last_seen }
}

fn int(value: i64) -> i32 {
    i32::try_from(value).unwrap()
}

fn by_slot(span: &Span) -> SlotValues {
    let seconds = |slot: i64| (300 * slot..300 * (slot + 1)).filter(|second| (span.from..span.to).contains(second));
    std::array::from_fn(|slot| Some(int(i64::try_from(seconds(i64::try_from(slot).unwrap()).count()).unwrap())))
}

fn text(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

pub(super) fn nodes(planted: &Planted) -> Vec<NodeHour> {
    let mut rows: Vec<_> = planted.nodes.iter().map(node).collect();
    rows.sort_by(|a, b| (&a.node, &a.provider_id).cmp(&(&b.node, &b.provider_id)));
    rows
}

fn node(planned: &Planned<Node>) -> NodeHour {
    let node = &planned.what;
    let label = |key: &str| node.labels.iter().find(|(known, _)| *known == key).map(|(_, value)| (*value).to_owned());
    let span = span(planned, node.created);
    let compute = label("eks.amazonaws.com/compute-type");
    let instance_type = label("node.kubernetes.io/instance-type");
    let spot = label("karpenter.sh/capacity-type").or(label("eks.amazonaws.com/capacityType"));
    let instance = node.provider_id.rsplit('/').next().filter(|id| id.starts_with("i-"));
    let (cpu, memory) = node.allocatable();
    let mut extended: Vec<_> =
        node.extended.iter().map(|(name, amount)| format!("{}={amount}", name.replace(['.', '/', '-'], "_"))).collect();
    extended.sort();
    let mut taints: Vec<_> = node.taints.iter().map(|(key, value, effect)| format!("{key}={value}:{effect}")).collect();
    taints.sort();
    NodeHour {
        hour_start_seconds: HOUR,
        node: node.name.clone(),
        provider_id: node.provider_id.clone(),
        instance_id: instance.map(ToOwned::to_owned),
        instance_type_source: if instance_type.is_some() { "label" } else { "unknown" }.to_owned(),
        instance_type,
        region: label("topology.kubernetes.io/region"),
        zone: label("topology.kubernetes.io/zone"),
        capacity_type: spot.map(|word| word.to_lowercase().replace('_', "-")),
        compute_type: compute.unwrap_or_else(|| "ec2".to_owned()),
        node_group: label("eks.amazonaws.com/nodegroup").or(label("karpenter.sh/nodepool")),
        arch: label("kubernetes.io/arch"),
        os: label("kubernetes.io/os"),
        kubelet_version: Some(Node::KUBELET.to_owned()),
        cpu_capacity_millicores: Some(int(node.cpu_millicores)),
        memory_capacity_bytes: Some(node.memory_mib << 20),
        pods_capacity: Some(int(node.pods)),
        cpu_allocatable_millicores: Some(int(cpu)),
        memory_allocatable_bytes: Some(memory),
        taints,
        created_seconds: Some(node.created),
        first_seen_seconds: HOUR + span.from,
        last_seen_seconds: HOUR + span.to,
        up_seconds: int(span.to - span.from),
        root_disk_bytes: Some(83_873_772 << 10),
        extended_capacity: Some(extended),
        os_image: Some(node.os_image.to_owned()),
        public_ipv4_addresses: Some(i32::from(!node.external_ip.is_empty())),
        ..NodeHour::default()
    }
}

/// The span in which a pod held its requests, and how its end is known.
fn life(planned: &Planned<Pod>) -> (Span, Option<&'static str>) {
    let seen = span(planned, planned.what.scheduled);
    match planned.what.completed.map(|at| at - HOUR) {
        Some(at) => (Span { to: at, ended: Some(at), ..seen }, Some("completed")),
        None => {
            let source = seen.ended.map(|_| "last_seen");
            (seen, source)
        }
    }
}

pub(super) fn pods(planted: &Planted) -> Vec<PodHour> {
    let bound = planted.pods.iter().filter(|(pod, _)| !pod.what.node.is_empty());
    let mut rows: Vec<_> = bound.map(|(pod, (kind, name))| self::pod(pod, kind, name)).collect();
    rows.sort_by(|a, b| a.pod_uid.cmp(&b.pod_uid));
    rows
}

fn pod(planned: &Planned<Pod>, kind: &str, workload: &str) -> PodHour {
    let pod = &on_average(&planned.what);
    let (span, ended_source) = life(planned);
    let (overhead_cpu, overhead_memory) = pod.overhead.unwrap_or_default();
    let of_containers = |amount: fn(&Container) -> Option<i64>| pod.reserved(amount);
    let tolerations = pod.tolerations.iter().map(|(key, value, effect)| match value {
        Some(value) => format!("{key}={value}:{effect}"),
        None => format!("{key}:{effect}"),
    });
    let labels = pod.labels.iter().filter(|(key, _)| ["app.kubernetes.io/name", "team"].contains(key));
    let mut labels: Vec<_> = labels.map(|(key, value)| format!("{key}={value}")).collect();
    labels.sort();
    let sorted = |names: Vec<String>| {
        let mut names = names;
        names.sort();
        names
    };
    let extended = pod.containers.iter().flat_map(|one| &one.extended);
    let extended = extended.map(|(name, amount)| format!("{}={amount}", name.replace(['.', '/', '-'], "_")));
    let selector =
        pod.node_selector.iter().map(|(key, value)| format!("{}={value}", key.replace(['.', '/', '-'], "_")));
    PodHour {
        hour_start_seconds: HOUR,
        pod_uid: pod.uid.clone(),
        namespace: pod.namespace.to_owned(),
        pod: pod.name.clone(),
        node: pod.node.clone(),
        workload_kind: kind.to_owned(),
        workload: workload.to_owned(),
        created_seconds: Some(pod.created),
        scheduled_seconds: Some(pod.scheduled),
        started_seconds: Some(pod.started),
        ended_seconds: span.ended.map(|at| HOUR + at),
        ended_source: ended_source.map(ToOwned::to_owned),
        alive_seconds_by_slot: by_slot(&span),
        qos_class: text(pod.qos),
        priority_class: text(pod.priority_class),
        host_network: Some(pod.host_network),
        cpu_effective_request_millicores: of_containers(|one| one.cpu).map(|cpu| int(cpu + overhead_cpu)),
        memory_effective_request_bytes: of_containers(|one| one.memory).map(|mib| (mib + overhead_memory) << 20),
        hpa_target: Some((pod.namespace, kind, workload) == ("shop", "Deployment", "web")),
        node_selector: Some(sorted(selector.collect())),
        tolerations: Some(sorted(tolerations.collect())),
        labels: Some(labels),
        volume_claims: pod.claims.iter().map(|claim| (*claim).to_owned()).collect(),
        extended_requests: Some(sorted(extended.collect())),
        pod_level_requests: Some(pod.pod_level.is_some()),
    }
}

pub(super) fn containers(planted: &Planted) -> Vec<ContainerHour> {
    let bound = planted.pods.iter().filter(|(pod, _)| !pod.what.node.is_empty());
    let mut rows: Vec<_> = bound
        .flat_map(|(pod, _)| {
            let running = on_average(&pod.what).containers.into_iter().filter(|one| one.kind != ContainerKind::Init);
            running.map(|one| container(pod, &one)).collect::<Vec<_>>()
        })
        .collect();
    rows.sort_by(|a, b| (&a.pod_uid, &a.container).cmp(&(&b.pod_uid, &b.container)));
    rows
}

/// Half a core and 100 MiB while it ran: from its start, or the beginning of the hour, to the last that was seen of it.
fn container(planned: &Planned<Pod>, one: &Container) -> ContainerHour {
    let pod = &planned.what;
    let (span, _) = life(planned);
    let started = (pod.started - HOUR).max(0);
    // Scraped every 30 s from seven seconds after it was first seen on.
    let first = seconds(planned).0.max(pod.started - HOUR) + 7;
    let last =
        (planned.until.map_or(LAST_SECOND, |stage| STAGES[stage])).min(pod.completed.map_or(i64::MAX, |at| at - HOUR));
    let sample_before = |at: i64| (first..at.min(last)).step_by(30).last();
    let counted_to = sample_before(3_600).unwrap_or(first);
    let counted_from = sample_before(1).filter(|at| *at <= 0);
    // Of a slot without a scrape nobody knows what memory it held.
    let is_seen = |slot: i64| (first..last).step_by(30).any(|at| (300 * slot..=300 * (slot + 1)).contains(&at));
    let held = |slot: i64| (span.to.min(300 * (slot + 1)) - started.max(300 * slot)).max(0);
    let seen: i64 = (0..12).filter(|slot| is_seen(*slot)).map(held).sum();
    let seconds_counted = counted_to - counted_from.unwrap_or(pod.started - HOUR);
    ContainerHour {
        hour_start_seconds: HOUR,
        pod_uid: pod.uid.clone(),
        container: one.name.to_owned(),
        namespace: pod.namespace.to_owned(),
        pod: pod.name.clone(),
        node: pod.node.clone(),
        container_kind: if one.kind == ContainerKind::Sidecar { "sidecar" } else { "app" }.to_owned(),
        cpu_request_millicores: one.cpu.map(int),
        memory_request_bytes: one.memory.map(|mib| mib << 20),
        cpu_limit_millicores: one.cpu_limit.map(int),
        memory_limit_bytes: one.memory_limit.map(|mib| mib << 20),
        running_seconds: Some(int(span.to - started)),
        instances: 1,
        cpu_core_milliseconds: Some(seconds_counted * 500),
        memory_kib_seconds: Some(seen * 102_400),
        memory_max_kib: Some(102_400),
        interpolated_seconds: Some(0),
        ..ContainerHour::default()
    }
}

pub(super) fn volumes(planted: &Planted) -> Vec<VolumeHour> {
    let row = |claim: &fixtures::kubernetes::BoundClaim| {
        let volume = planted.volumes.iter().find(|volume| volume.name == claim.volume).unwrap();
        let is_ebs = volume.handle.starts_with("vol-");
        let mounts = planted.pods.iter().map(|(pod, _)| &pod.what);
        let mounts = mounts.filter(|pod| pod.namespace == claim.namespace && pod.claims.contains(&claim.name));
        VolumeHour {
            hour_start_seconds: HOUR,
            namespace: claim.namespace.to_owned(),
            volume_claim: claim.name.to_owned(),
            volume: claim.volume.to_owned(),
            zone: is_ebs.then(|| "us-east-1a".to_owned()),
            zone_source: is_ebs.then(|| "node".to_owned()),
            storage_class: text(claim.storage_class),
            volume_id: text(volume.handle),
            volume_type: is_ebs.then(|| "gp3".to_owned()),
            volume_type_source: if is_ebs { "storage-class-name" } else { "unknown" }.to_owned(),
            capacity_bytes: Some(volume.gib << 30),
            present_seconds: 3_600,
            pods: mounts.map(|pod| pod.name.clone()).collect(),
            csi_driver: text(volume.csi_driver),
            on_outpost: is_ebs.then_some(false),
            ..VolumeHour::default()
        }
    };
    planted.claims.iter().map(row).collect()
}

/// Rows that an engineer reads off the Services and Ingresses that are planted.
pub(super) fn load_balancers() -> Vec<LoadBalancerHour> {
    let row = |address: &str, object: &str, seconds: i32| LoadBalancerHour {
        hour_start_seconds: HOUR,
        address: address.to_owned(),
        object: object.to_owned(),
        namespace: object.split('/').nth(1).unwrap().to_owned(),
        load_balancer_type_source: "unknown".to_owned(),
        present_seconds: seconds,
        ..LoadBalancerHour::default()
    };
    let of_aws = |row: LoadBalancerHour, kind: &str, facing: bool| LoadBalancerHour {
        load_balancer_type: text(kind),
        load_balancer_type_source: "hostname".to_owned(),
        region: text("us-east-1"),
        internet_facing: Some(facing),
        ..row
    };
    let ingress = |object: &str, group: &str, facing: bool| LoadBalancerHour {
        load_balancer_type: text("application"),
        load_balancer_type_source: "ingress-class-name".to_owned(),
        internet_facing: Some(facing),
        ingress_class: text("alb"),
        ingress_group: Some(group.to_owned()),
        ..row("", object, 3_600)
    };
    let mut rows = vec![
        ingress("Ingress/batch/report", "front", true),
        ingress("Ingress/shop/admin", "", false),
        ingress("Ingress/shop/web", "front", true),
        row("", "Service/shop/waits", 3_600),
        row("192.0.2.7", "Service/shop/home", 3_600),
        of_aws(row(CLASSIC, "Service/shop/old", 3_600), "classic", true),
        // Scraped for the last time a minute before the next stage.
        of_aws(row(INTERNAL, "Service/shop/leaves", i32::try_from(STAGES[1]).unwrap()), "classic", false),
        of_aws(row(NETWORK, "Service/shop/web", 3_600), "network", true),
        of_aws(row(NETWORK, "Service/shop/web-udp", 3_600), "network", true),
    ];
    rows.sort_by(|a, b| (&a.address, &a.object).cmp(&(&b.address, &b.object)));
    rows
}
