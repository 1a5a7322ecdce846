//! Checks whether what a server holds is one cluster. Two would be added up as one, so whatever tells them apart is
//! looked for: a label that splits nodes and pods alike, and two of a thing of which one cluster has one at a time.

use std::collections::{BTreeMap, BTreeSet};

use types::SLOT_SECONDS;

use crate::decode::{DecodeError, decode};
use crate::node::labels::region_of_provider_id;
use crate::promql::{label_name, quoted};
use crate::snapshot::{Instance, Snapshot, Uid};
use crate::usage_source::UsageSource;

/// Labels of `kube_node_info` that tell one node from another, and those that tell one target or replica from another.
const OF_NODES: [&str; 22] = [
    "__name__",
    "node",
    "exported_node",
    "provider_id",
    "system_uuid",
    "kernel_version",
    "os_image",
    "container_runtime_version",
    "kubelet_version",
    "kubeproxy_version",
    "pod_cidr",
    "internal_ip",
    "role",
    "uid",
    "instance",
    "exported_instance",
    "pod",
    "container",
    "endpoint",
    "prometheus_replica",
    "__replica__",
    "replica",
];
/// Most labels that are looked at more closely.
const MOST_LABELS: usize = 8;

/// The labels of nodes that have several values, by the answer to [`crate::queries::all_nodes`], those that sound like a
/// cluster's first; and whether there is any node.
pub(crate) fn labels_that_differ(body: &[u8]) -> Result<(bool, Vec<String>), DecodeError> {
    let mut series: Vec<BTreeMap<String, String>> = Vec::new();
    decode(body, &["*"], &mut |one| {
        let lines = one.labels.first().map(|text| text.lines()).into_iter().flatten();
        let labels = lines.filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
        series.push(labels.filter(|(name, _)| !OF_NODES.contains(&name.as_str())).collect());
    })?;
    let names: BTreeSet<&String> = series.iter().flat_map(BTreeMap::keys).collect();
    let differs = |name: &&String| {
        let values: BTreeSet<Option<&String>> = series.iter().map(|labels| labels.get(*name)).collect();
        values.len() > 1
    };
    let mut names: Vec<String> = names.into_iter().filter(differs).cloned().collect();
    names.sort_by_key(|name| (!sounds_like_a_cluster(name), name.clone()));
    names.truncate(MOST_LABELS);
    Ok((!series.is_empty(), names))
}

/// Returns whether a label is called as people call what tells clusters apart.
fn sounds_like_a_cluster(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["cluster", "tenant"].iter().any(|word| name.contains(word))
}

/// The question how a label splits pods, and whether the usage of each is under the same value: counts by `found`.
pub(crate) fn split(own: &str, label: &str) -> String {
    let by = label_name(label);
    // Over all of the hour: scrapes may have ended in it.
    let info = format!("last_over_time(kube_pod_info{{{own}}}[62m])");
    let measured =
        format!("last_over_time(container_memory_working_set_bytes{{{own}container!=\"\",image!=\"\"}}[62m])");
    let parts = [
        ("values", format!("count(count by ({by}) ({info}))")),
        ("pods", format!("count(count by (uid) ({info}))")),
        ("parts", format!("count(count by (uid,{by}) ({info}))")),
        ("measured", format!("count(count by (namespace,pod,{by}) ({measured}))")),
        (
            "elsewhere",
            format!(
                "count(count by (namespace,pod,{by}) ({measured}) unless on (namespace,pod,{by}) \
                 count by (namespace,pod,{by}) ({info}))"
            ),
        ),
    ];
    let named = parts.map(|(name, count)| format!("label_replace({count},\"found\",{},\"\",\"\")", quoted(name)));
    named.join(" or ")
}

/// Returns whether a label is that of clusters, by the answer to [`split`]: every pod is under one of several values. A
/// label that has another name than people give it may be one of the target that lists them, as where
/// kube-state-metrics is sharded; it is a cluster's where the usage of pods is under the value that the pods themselves
/// are under.
pub(crate) fn is_split(label: &str, found: &[(String, f64)]) -> bool {
    let count = |what: &str| found.iter().find(|(name, _)| name == what).map_or(0.0, |(_, count)| *count);
    let each_once = count("values") > 1.0 && count("parts") <= count("pods");
    let alike = count("measured") > 1.0 && count("elsewhere") * 20.0 <= count("measured");
    each_once && (sounds_like_a_cluster(label) || alike)
}

/// The question for the values of a label.
pub(crate) fn values(own: &str, label: &str) -> String {
    format!("count by ({}) (last_over_time(kube_node_info{{{own}}}[62m]))", label_name(label))
}

/// Two of a thing that were there at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Twice {
    /// Their kind, such as `node`.
    pub(crate) what: &'static str,
    pub(crate) name: String,
    pub(crate) ids: [String; 2],
}

/// For how long two have to be there at once, before it is not a scrape that lags.
const AT_ONCE_SECONDS: i64 = 2 * SLOT_SECONDS;

/// Two machines of one name, or two pods whose containers both run, at once.
pub(crate) fn twice(snapshot: &Snapshot) -> Option<Twice> {
    two_machines(snapshot).or_else(|| two_pods(snapshot))
}

/// Two nodes with the regions they are in, by the ids the cloud gave their machines: one EKS cluster is in one region.
pub(crate) fn two_regions(snapshot: &Snapshot) -> Option<[(String, String); 2]> {
    let machines = snapshot.nodes.iter().filter(|(_, node)| node.in_hour);
    let machines = machines.flat_map(|(name, node)| node.known_machines().map(move |(id, _)| (name, id)));
    let mut placed = machines.filter_map(|(name, id)| Some((name.clone(), region_of_provider_id(id)?)));
    let first = placed.next()?;
    let other = placed.find(|(_, region)| *region != first.1)?;
    Some([first, other])
}

fn two_machines(snapshot: &Snapshot) -> Option<Twice> {
    for (name, node) in &snapshot.nodes {
        let seen = node.known_machines().filter_map(|(id, machine)| {
            Some((id, machine.first_seen_ms?.div_euclid(1000), machine.last_seen_seconds?))
        });
        let seen: Vec<_> = seen.collect();
        for (n, (id, first, last)) in seen.iter().enumerate() {
            let overlap = |from: i64, to: i64| to.min(*last).saturating_sub(from.max(*first));
            let other = seen.iter().skip(n + 1).find(|(_, from, to)| overlap(*from, *to) > AT_ONCE_SECONDS);
            if let Some((other, ..)) = other {
                return Some(Twice { what: "node", name: name.clone(), ids: [(*id).clone(), (*other).clone()] });
            }
        }
    }
    None
}

fn two_pods(snapshot: &Snapshot) -> Option<Twice> {
    if snapshot.usage != UsageSource::Cadvisor {
        return None;
    }
    let mut names: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (uid, pod) in snapshot.pods.iter().filter(|(_, pod)| !pod.node.is_empty()) {
        names.entry((&pod.namespace, &pod.name)).or_default().push(uid);
    }
    for ((namespace, name), uids) in names.into_iter().filter(|(_, uids)| uids.len() > 1) {
        let running: Vec<(&str, BTreeSet<usize>)> =
            uids.iter().filter_map(|uid| Some((*uid, rising_slots(snapshot, Uid::of_pod(uid)?)))).collect();
        for (n, (uid, slots)) in running.iter().enumerate() {
            let together =
                |other: &BTreeSet<usize>| i64::try_from(slots.intersection(other).count()).unwrap_or_default();
            let other = running
                .iter()
                .skip(n + 1)
                .find(|(_, other)| together(other).saturating_mul(SLOT_SECONDS) > AT_ONCE_SECONDS);
            if let Some((other, _)) = other {
                let ids = [(*uid).to_owned(), (*other).to_owned()];
                return Some(Twice { what: "pod", name: format!("{namespace}/{name}"), ids });
            }
        }
    }
    None
}

/// The slots in which a counter of a pod rose.
fn rising_slots(snapshot: &Snapshot, uid: Uid) -> BTreeSet<usize> {
    snapshot.instances_of(uid).flat_map(Instance::rising_slots).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(series: &[&str]) -> String {
        let one = |labels: &&str| format!("{{\"metric\":{{{labels}}},\"value\":[1,\"1\"]}}");
        let series: Vec<_> = series.iter().map(one).collect();
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#, series.join(","))
    }

    #[test]
    fn labels_that_differ_are_those_that_are_no_nodes_own() {
        let check = |series: &[&str], expect: &[&str]| {
            let (has_nodes, labels) = labels_that_differ(body(series).as_bytes()).unwrap();
            assert_eq!(
                (has_nodes, labels),
                (!series.is_empty(), expect.iter().map(|name| (*name).to_owned()).collect())
            );
        };
        check(&[], &[]);
        check(&[r#""node":"a","job":"k""#, r#""node":"b","job":"k""#], &[]);
        check(
            &[r#""node":"a","env":"x","k8s.cluster.name":"p""#, r#""node":"b","env":"y""#],
            &["k8s.cluster.name", "env"],
        );
    }

    #[test]
    fn a_label_is_a_clusters_when_it_splits_pods_and_what_they_use() {
        let check = |label: &str, counts: [f64; 5], expect: bool| {
            let names = ["values", "pods", "parts", "measured", "elsewhere"];
            let found: Vec<_> = names.iter().map(|name| (*name).to_owned()).zip(counts).collect();
            assert_eq!(is_split(label, &found), expect, "{label} {counts:?}");
        };
        check("cluster_id", [2.0, 10.0, 10.0, 0.0, 0.0], true);
        check("env", [2.0, 10.0, 10.0, 10.0, 0.0], true);
        // The same pods under both: a second scraper.
        check("cluster_id", [2.0, 10.0, 20.0, 20.0, 0.0], false);
        // Shards of kube-state-metrics, each on a node: what a pod uses is under its own.
        check("host", [2.0, 10.0, 10.0, 10.0, 5.0], false);
        check("shard", [2.0, 10.0, 10.0, 10.0, 10.0], false);
        check("env", [2.0, 10.0, 10.0, 0.0, 0.0], false);
        check("env", [1.0, 10.0, 10.0, 10.0, 0.0], false);
    }
}
