//! Nodes: facts about them, their lives and their usage.

pub(crate) mod label_facts;
mod node_exporter_usage;

use std::collections::{BTreeMap, BTreeSet};

use catalog::InstanceType;
use lake::tables::NodeHour;
use types::Hour;

use crate::cadvisor_liveness;
use crate::impossible_measurements::Doubts;
use crate::instance_type::{self, Evidence};
use crate::lifespan::Life;
use crate::machine_limits;
use crate::metric_catalogue::DeviceCounter;
use crate::numbers::int32;
use crate::numbers::whole;
use crate::queries;
use crate::settings::Settings;
use crate::snapshot::{Bound, Facts, Machine, Node, Snapshot};
use label_facts::label;
use node_exporter_usage::{Exporters, Measured, instance_id};

/// Resources that have columns of their own; whatever else a node has is extended capacity.
const OWN_COLUMNS: [&str; 4] = ["cpu", "memory", "pods", "ephemeral_storage"];

// A name that is not in the catalogue does not compile.
const RECEIVED: DeviceCounter = DeviceCounter::named("node_network_receive_bytes_total").unwrap();
const TRANSMITTED: DeviceCounter = DeviceCounter::named("node_network_transmit_bytes_total").unwrap();
const READ: DeviceCounter = DeviceCounter::named("node_disk_read_bytes_total").unwrap();
const WRITTEN: DeviceCounter = DeviceCounter::named("node_disk_written_bytes_total").unwrap();

/// One machine under its name, with what is said of it.
struct Seen<'a> {
    name: &'a str,
    provider_id: &'a str,
    machine: &'a Machine,
    facts: &'a Facts,
    api: Option<Facts>,
    life: Life,
    measured: Option<Measured<'a>>,
    provisioned: Option<&'a str>,
    types: &'a BTreeMap<String, InstanceType>,
}

/// The rows of all machines that were there for a second of the hour, by name and provider id.
///
/// Anything a machine cannot have done is unknown, and told to `doubts`.
pub(crate) fn rows(snapshot: &Snapshot, settings: &Settings, hour: Hour, doubts: &mut Doubts) -> Vec<NodeHour> {
    let provisioned = provisioned(snapshot);
    let seen_last = snapshot.nodes.values().flat_map(Node::known_machines).filter_map(|(_, m)| m.last_seen_seconds);
    let latest_scrape = seen_last.max();
    let ran_until = cadvisor_liveness::nodes_ran_until(snapshot, hour);
    let all_lives = snapshot.nodes.iter().map(|(name, node)| {
        let lives = lives(node, (latest_scrape, ran_until.get(name).copied()), hour);
        (name.as_str(), lives)
    });
    let mut all_lives: BTreeMap<&str, _> = all_lives.collect();
    for fault in one_name_at_a_time(snapshot, &mut all_lives) {
        doubts.say(fault);
    }
    let exporters = Exporters::of(snapshot, &spans(&all_lives), doubts);
    // The catalog is part of the program and tested to be readable; without it nothing can be inferred.
    let types = catalog::instance_types().unwrap_or_default();
    let (mut rows, mut families) = (Vec::new(), Vec::new());
    for (name, node) in &snapshot.nodes {
        let machines = all_lives.remove(name.as_str()).unwrap_or_default();
        let reused = node.is_reused();
        for (provider_id, machine, life) in machines {
            let facts = machine.facts.as_ref().filter(|_| reused).unwrap_or(&node.facts);
            let seen = Seen {
                name,
                provider_id,
                machine,
                facts,
                api: settings
                    .api
                    .node_labels(name, provider_id)
                    .map(|labels| Facts { labels: labels.clone(), ..Facts::default() }),
                life,
                measured: exporters.of_machine(name, (life, reused), created(node, machine), facts.limits(), hour),
                provisioned: provisioned.get(name.as_str()).copied(),
                types: &types,
            };
            families.push(instance_type::family(facts).map(ToOwned::to_owned));
            rows.push(row(&seen, settings, hour, doubts));
        }
    }
    instance_type::infer(&mut rows, &families, &types);
    rows
}

/// From when to when there was a machine of each name.
fn spans<'a>(lives: &BTreeMap<&'a str, Vec<(&str, &Machine, Life)>>) -> BTreeMap<&'a str, Life> {
    let span = |lives: &[(&str, &Machine, Life)]| {
        let start = lives.iter().map(|(_, _, life)| life.start).min()?;
        let end = lives.iter().map(|(_, _, life)| life.end).max()?;
        Some(Life { start, end })
    };
    lives.iter().filter_map(|(name, lives)| Some((*name, span(lives)?))).collect()
}

/// Resources that Fargate provisioned, by node: a Fargate node runs one pod.
fn provisioned(snapshot: &Snapshot) -> BTreeMap<&str, &str> {
    let mut by_node = BTreeMap::new();
    for (uid, provisioned) in &snapshot.fargate_provisioned {
        if let Some(pod) = snapshot.pods.get(uid.as_str()).filter(|pod| !pod.node.is_empty()) {
            let known = by_node.entry(&*pod.node).or_insert(provisioned.as_str());
            *known = (*known).max(provisioned);
        }
    }
    by_node
}

/// The machines that had a name, each with its part of the hour; none that has no part in it.
///
/// A machine is there from its creation to the last scrape that saw it. The API knows one object of a name at a time, so
/// where scrapes of two overlap the earlier ends when the later was created. One that is no longer listed, and on which pods
/// certainly ran (`ran_until`), was there as long.
fn lives(
    node: &Node,
    (latest_scrape, ran_until): (Option<i64>, Option<i64>),
    hour: Hour,
) -> Vec<(&str, &Machine, Life)> {
    // Seen after the hour only, and no word of its creation: nothing says that it was there.
    if !node.in_hour && node.facts.created_seconds.is_empty() {
        return Vec::new();
    }
    let mut machines: Vec<_> = node.known_machines().map(|(id, machine)| (id.as_str(), machine)).collect();
    if machines.is_empty() {
        // Known by its creation or size alone, as where `kube_node_info` is dropped.
        static UNKNOWN: Machine = Machine {
            kubelet_version: String::new(),
            os_image: String::new(),
            internal_ip: String::new(),
            first_seen_ms: None,
            last_seen_seconds: None,
            facts: None,
        };
        machines.push(("", &UNKNOWN));
    }
    machines.sort_by_key(|(id, machine)| (machine.first_seen_ms, machine.last_seen_seconds, *id));
    let start = |n: usize, machine: &Machine| match created(node, machine) {
        Some(created) => created,
        // It took a name over: it was not there before it was seen.
        None if n > 0 => machine.first_seen_ms.map_or(hour.end_seconds(), |ms| ms.div_euclid(1000)),
        None => hour.start_seconds(),
    };
    let starts: Vec<i64> = machines.iter().enumerate().map(|(n, (_, machine))| start(n, machine)).collect();
    let mut lives = Vec::new();
    for (n, (id, machine)) in machines.into_iter().enumerate() {
        let replaced = starts.get(n + 1).copied();
        let vanished = machine.last_seen_seconds.filter(|seen| Some(*seen) < latest_scrape);
        let vanished = vanished.map(|seen| ran_until.filter(|_| replaced.is_none()).map_or(seen, |ran| ran.max(seen)));
        let end = vanished.into_iter().chain(replaced).min().unwrap_or_else(|| hour.end_seconds());
        let life = Life { start: starts.get(n).copied().unwrap_or(end), end }.within(hour);
        if life.seconds() > 0 {
            lives.push((id, machine, life));
        }
    }
    // The key of the table.
    lives.sort_by_key(|(id, _, _)| *id);
    lives
}

/// Ends the life of a machine under one name where it was registered under the next, and says so: a kubelet has one name at
/// a time, and the node it was before stays listed until somebody deletes it, for its machine is still there.
fn one_name_at_a_time(snapshot: &Snapshot, lives: &mut BTreeMap<&str, Vec<(&str, &Machine, Life)>>) -> Vec<String> {
    let mut names: BTreeMap<String, Vec<(Option<i64>, String)>> = BTreeMap::new();
    for (name, lives) in lives.iter() {
        for (id, machine, _) in lives.iter().filter(|(id, ..)| instance_id(id).is_some()) {
            let created = snapshot.nodes.get(*name).and_then(|node| created(node, machine));
            names.entry((*id).to_owned()).or_default().push((created, (*name).to_owned()));
        }
    }
    let mut faults = Vec::new();
    for (id, mut names) in names.into_iter().filter(|(_, names)| names.len() > 1) {
        names.sort();
        for pair in names.windows(2) {
            let [(_, old), (since, new)] = pair else { continue };
            let Some(lives) = lives.get_mut(old.as_str()) else { continue };
            let Some((.., life)) = lives.iter_mut().find(|(of, ..)| *of == id) else { continue };
            let since = since.unwrap_or(life.start).max(life.start);
            if life.end > since {
                life.end = since;
                faults.push(format!(
                    "machine `{id}` is listed as node `{old}` and as `{new}`, which it became later and counts as; \
                     delete the node that is left over"
                ));
            }
            lives.retain(|(.., life)| life.seconds() > 0);
        }
    }
    faults
}

/// When a machine was created: the first creation under its name, since an object that was made anew for the same
/// machine does not make the machine younger.
fn created(node: &Node, machine: &Machine) -> Option<i64> {
    if !node.is_reused() {
        return node.facts.created_seconds.first().copied();
    }
    machine.facts.as_ref()?.created_seconds.first().copied()
}

fn row(seen: &Seen<'_>, settings: &Settings, hour: Hour, doubts: &mut Doubts) -> NodeHour {
    let Seen { name, provider_id, machine, facts, api, life, measured, .. } = seen;
    let said = api.as_ref().map_or_else(|| (*facts).clone(), |api| with_labels(facts, &api.labels));
    let instance_id = instance_id(provider_id);
    let product_name = measured.as_ref().and_then(Measured::product_name);
    let types = seen.types;
    let evidence = Evidence { node: name, provider_id, instance_id, facts, product_name, api: api.as_ref(), types };
    let emp_owned = machine.kubelet_version.contains("-emp.")
        || label(&said, &["label_emp_pf9_io_owned"]).is_some_and(|owned| owned.eq_ignore_ascii_case("true"));
    let named = instance_type::named(&evidence, &settings.overrides, emp_owned);
    if let Some(lie) = &named.contradicted {
        doubts.say(lie.fault(name));
    }
    let (instance_type, source) = named.found.unzip();
    let (zone, region) = label_facts::place(provider_id, &said);
    if let Some(wrong) = label_facts::wrong_region(provider_id, &said) {
        doubts.say(format!(
            "node `{name}` is said to be in `{wrong}` by its label, and in another region by its provider id \
             `{provider_id}`, which is believed"
        ));
    }
    let capacity_types = label_facts::capacity_types(&said);
    if let [one, other] = capacity_types.iter().copied().collect::<Vec<_>>().as_slice() {
        doubts.say(format!(
            "node `{name}` is said to be {one} by one label and {other} by another, so how it is paid for is not known"
        ));
    }
    let os_label = label(&said, &["label_kubernetes_io_os", "label_beta_kubernetes_io_os"]);
    let os_image = label_facts::os_of_image(&machine.os_image);
    if let Some(os) = os_label.filter(|os| os_image == Some("windows") && *os != "windows") {
        doubts.say(format!(
            "node `{name}` is said to run {os} by its label and `{}` by its kubelet, which is believed",
            machine.os_image
        ));
    }
    let sizes = Sizes::of(facts);
    let mut told = sizes.impossible;
    let mut within = |allocatable: Option<i64>, capacity: Option<i64>| {
        let possible = allocatable.filter(|allocatable| capacity.is_none_or(|capacity| *allocatable <= capacity));
        told += usize::from(possible.is_none() && allocatable.is_some());
        possible
    };
    let allocatable_cores = within(sizes.allocatable_millicores, sizes.millicores);
    let allocatable_memory = within(sizes.allocatable_bytes, sizes.bytes);
    doubts.add(queries::NODE_RESOURCES.name, told, || (*name).to_owned());
    let measured = measured.as_ref();
    let cpu = measured.map(|m| m.cpu(doubts)).unwrap_or_default();
    let mut bytes_of = |counter| measured.and_then(|m| m.bytes(counter, doubts));
    let [received, transmitted, read, written] = [RECEIVED, TRANSMITTED, READ, WRITTEN].map(&mut bytes_of);
    let own = |text: &str| text.to_owned();
    NodeHour {
        hour_start_seconds: hour.start_seconds(),
        node: own(name),
        provider_id: own(provider_id),
        instance_id: instance_id.map(own),
        instance_type,
        instance_type_source: source.unwrap_or("unknown").to_owned(),
        region,
        zone,
        capacity_type: capacity_types.first().filter(|_| capacity_types.len() == 1).map(ToString::to_string),
        compute_type: label_facts::compute_type(name, provider_id, &said).to_string(),
        node_group: label_facts::node_group(&said).map(own),
        arch: label(&said, &["label_kubernetes_io_arch", "label_beta_kubernetes_io_arch"]).map(own),
        // The image alone is never said of a machine that runs something else.
        os: os_label.filter(|_| os_image != Some("windows")).or(os_image).map(own),
        kubelet_version: (!machine.kubelet_version.is_empty()).then(|| machine.kubelet_version.clone()),
        emp_owned,
        cpu_capacity_millicores: sizes.millicores.and_then(|millicores| i32::try_from(millicores).ok()),
        memory_capacity_bytes: sizes.bytes,
        pods_capacity: sizes.pods.map(int32),
        cpu_allocatable_millicores: allocatable_cores.and_then(|millicores| i32::try_from(millicores).ok()),
        memory_allocatable_bytes: allocatable_memory,
        taints: facts.taints.iter().cloned().collect(),
        created_seconds: facts.created_seconds.first().copied(),
        first_seen_seconds: life.start,
        last_seen_seconds: life.end,
        up_seconds: int32(life.seconds()),
        usage_source: cpu.used.map(|_| "node-exporter".to_owned()),
        cpu_used_millicores_by_slot: cpu.used,
        cpu_steal_millicores_by_slot: cpu.stolen,
        memory_used_mib_by_slot: measured.and_then(|m| m.memory_used_mib(doubts)),
        memory_touched_mib_by_slot: measured.and_then(|m| m.memory_touched_mib(doubts)),
        network_receive_bytes: received,
        network_transmit_bytes: transmitted,
        root_disk_bytes: sizes.disk_bytes,
        disk_read_bytes: read,
        disk_written_bytes: written,
        instance_type_candidates: None,
        extended_capacity: extended_capacity(facts, doubts, name),
        fargate_provisioned: seen.provisioned.map(own),
        os_image: Some(machine.os_image.trim()).filter(|image| !image.is_empty()).map(own),
        public_ipv4_addresses: public_ipv4_addresses(facts),
    }
}

/// Sizes of a machine that it can have; what it is said to have beside those is unknown, and counted.
#[derive(Debug, Clone, Copy, Default)]
struct Sizes {
    millicores: Option<i64>,
    bytes: Option<i64>,
    pods: Option<i64>,
    disk_bytes: Option<i64>,
    allocatable_millicores: Option<i64>,
    allocatable_bytes: Option<i64>,
    impossible: usize,
}

impl Sizes {
    fn of(facts: &Facts) -> Self {
        let mut impossible = 0;
        let mut size = |bound, resource: &str, possible: fn(f64) -> Option<f64>, scale: f64| {
            let told = facts.resources.get(&(bound, resource.to_owned())).copied()?;
            let size = possible(told).and_then(|size| whole(size * scale));
            impossible += usize::from(size.is_none());
            size
        };
        let millicores = size(Bound::Capacity, "cpu", machine_limits::possible_cores, 1000.0);
        let bytes = size(Bound::Capacity, "memory", machine_limits::possible_memory, 1.0);
        let pods = size(Bound::Capacity, "pods", machine_limits::possible_pods, 1.0);
        let disk_bytes = size(Bound::Capacity, "ephemeral_storage", machine_limits::possible_disk, 1.0);
        let allocatable_millicores = size(Bound::Allocatable, "cpu", machine_limits::possible_cores, 1000.0);
        let allocatable_bytes = size(Bound::Allocatable, "memory", machine_limits::possible_memory, 1.0);
        Self { millicores, bytes, pods, disk_bytes, allocatable_millicores, allocatable_bytes, impossible }
    }
}

/// Facts about a node, with the labels the Kubernetes API adds where the metrics have none.
fn with_labels(facts: &Facts, api: &BTreeMap<&'static str, String>) -> Facts {
    let mut said = facts.clone();
    for (name, value) in api {
        said.labels.entry(name).or_insert_with(|| value.clone());
    }
    said
}

/// Counts the public IPv4 addresses that a node shows; `None` where none of its addresses, of whatever kind, is shown.
fn public_ipv4_addresses(facts: &Facts) -> Option<i32> {
    let is_public =
        |(kind, address): &&(String, String)| kind == "ExternalIP" && address.parse::<std::net::Ipv4Addr>().is_ok();
    let count = facts.addresses.iter().filter(is_public).count();
    i32::try_from(count).ok().filter(|_| !facts.addresses.is_empty())
}

/// Capacity without a column of its own, as `nvidia_com_gpu=4`; `None` where no capacity is known at all. What no machine
/// can have is left out, and told to `doubts`.
fn extended_capacity(facts: &Facts, doubts: &mut Doubts, node: &str) -> Option<Vec<String>> {
    let capacity = facts.resources.iter().filter(|((bound, _), _)| *bound == Bound::Capacity);
    let capacity: Vec<(&str, f64)> = capacity.map(|((_, resource), amount)| (resource.as_str(), *amount)).collect();
    let others: Vec<_> = capacity.iter().filter(|(resource, _)| !OWN_COLUMNS.contains(resource)).collect();
    let possible = others.iter().filter(|(resource, amount)| machine_limits::is_possible_amount(resource, *amount));
    let possible: Vec<_> = possible.filter_map(|(resource, amount)| Some((*resource, whole(*amount)?))).collect();
    doubts.add(queries::NODE_RESOURCES.name, others.len() - possible.len(), || node.to_owned());
    let others: BTreeSet<(&str, i64)> = possible.into_iter().filter(|(_, amount)| *amount > 0).collect();
    (!capacity.is_empty()).then(|| others.iter().map(|(resource, amount)| format!("{resource}={amount}")).collect())
}

#[cfg(test)]
mod series_order;
#[cfg(test)]
mod tests;
