//! Checks whether what a server holds is one cluster. Two would be added up as one, so whatever tells them apart is
//! looked for: a label that splits nodes and pods alike, and two of a thing of which one cluster has one at a time.

use std::collections::{BTreeMap, BTreeSet};

use types::SLOT_SECONDS;

use crate::decode::{DecodeError, decode};
use crate::node_rows::label_facts::region_of_provider_id;
use crate::promql_quoting::{label_name, quoted};
use crate::snapshot::{Instance, Snapshot, Uid};
use crate::usage_source::UsageSource;

/// Labels of `kube_node_info` that tell one node from another, and those that tell one target or replica from another. A
/// target's `namespace`, `pod` and the like are its own, and on series about pods those names are of the pods: they seem to
/// split both.
const OF_NODES: [&str; 30] = [
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
    "host_ip",
    "pod_ip",
    "role",
    "uid",
    "instance",
    "exported_instance",
    "namespace",
    "exported_namespace",
    "kubernetes_namespace",
    "pod",
    "exported_pod",
    "container",
    "exported_container",
    "service",
    "exported_service",
    "endpoint",
    "prometheus_replica",
    "__replica__",
    "replica",
];
/// Labels that are looked at in one question about pods. What is not looked at could be a cluster's, so there may be
/// several questions; but one is short enough for servers that limit the text of a query to 16 KiB.
pub(crate) const LABELS_AT_ONCE: usize = 8;
/// The same in a question about what pods use, which makes the server read more.
pub(crate) const USED_LABELS_AT_ONCE: usize = 4;

/// The question for the nodes of an hour by all labels that are not theirs alone, which gives a series where these are the
/// same for all of them; `own` is what selectors begin with.
pub(crate) fn nodes(own: &str) -> String {
    format!("count without ({}) (last_over_time(kube_node_info{{{own}}}[62m]))", OF_NODES.join(","))
}

/// What one look at an hour finds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Probed {
    /// Labels of nodes that have several values, those that sound like a cluster's first.
    pub(crate) labels: Vec<String>,
    /// What else was asked for by name in the label `found`, with its number.
    pub(crate) found: Vec<(String, f64)>,
}

/// Reads the answer to [`crate::queries::hour_probe`].
pub(crate) fn probed(body: &[u8]) -> Result<Probed, DecodeError> {
    let mut series: Vec<BTreeMap<String, String>> = Vec::new();
    let mut found = Vec::new();
    decode(body, &["*"], &mut |one| {
        let lines = one.labels.first().map(|text| text.lines()).into_iter().flatten();
        let labels = lines.filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
        let labels: BTreeMap<String, String> = labels.collect();
        match labels.get("found").filter(|_| labels.len() == 1) {
            Some(what) => found.push((what.clone(), one.points.last().map_or(0.0, |(_, value)| *value))),
            None => series.push(labels),
        }
    })?;
    let names: BTreeSet<&String> = series.iter().flat_map(BTreeMap::keys).collect();
    let differs = |name: &&String| {
        let values: BTreeSet<Option<&String>> = series.iter().map(|labels| labels.get(*name)).collect();
        values.len() > 1
    };
    let mut labels: Vec<String> = names.into_iter().filter(differs).cloned().collect();
    labels.sort_by_key(|name| (!sounds_like_a_cluster(name), name.clone()));
    Ok(Probed { labels, found })
}

/// Returns whether a label is called as people call what tells clusters apart. Such a one is a cluster's where it splits
/// pods. One of another name may be of the target that lists them, as where kube-state-metrics is sharded; it is a
/// cluster's where the usage of pods is under the value that the pods themselves are under.
pub(crate) fn sounds_like_a_cluster(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["cluster", "tenant"].iter().any(|word| name.contains(word))
}

/// The question how labels split pods: the number of pods, and for each label that of its values, and of the parts into
/// which pods fall by it. Numbers are by `found`, with the place of the label.
pub(crate) fn pods_by(own: &str, labels: &[String]) -> String {
    let info = pods(own);
    let mut named = vec![found(&format!("count(count by (uid) ({info}))"), "pods")];
    for (n, label) in labels.iter().enumerate() {
        let by = label_name(label);
        named.push(found(&format!("count(count by ({by}) ({info}))"), &format!("values{n}")));
        named.push(found(&format!("count(count by (uid,{by}) ({info}))"), &format!("parts{n}")));
    }
    named.join(" or ")
}

/// The question whether the usage of pods is under the same value of labels as they are: the number of measured pods, and
/// that of those that are elsewhere.
pub(crate) fn usage_by(own: &str, labels: &[String]) -> String {
    let info = pods(own);
    let measured =
        format!("last_over_time(container_memory_working_set_bytes{{{own}container!=\"\",image!=\"\"}}[62m])");
    let mut named = Vec::new();
    for (n, label) in labels.iter().enumerate() {
        let by = label_name(label);
        let measured = format!("count by (namespace,pod,{by}) ({measured})");
        let elsewhere = format!("{measured} unless on (namespace,pod,{by}) count by (namespace,pod,{by}) ({info})");
        named.push(found(&format!("count({measured})"), &format!("measured{n}")));
        named.push(found(&format!("count({elsewhere})"), &format!("elsewhere{n}")));
    }
    named.join(" or ")
}

/// All pods of an hour: scrapes may have ended in it.
fn pods(own: &str) -> String {
    format!("last_over_time(kube_pod_info{{{own}}}[62m])")
}

fn found(count: &str, name: &str) -> String {
    format!("label_replace({count},\"found\",{},\"\",\"\")", quoted(name))
}

fn number(found: &[(String, f64)], what: &str, n: usize) -> f64 {
    let name = format!("{what}{n}");
    found.iter().find(|(found, _)| *found == name).map_or(0.0, |(_, number)| *number)
}

/// Returns whether every pod is under one of several values of the label at a place, by the answer to [`pods_by`].
pub(crate) fn splits_pods(n: usize, found: &[(String, f64)]) -> bool {
    let pods = found.iter().find(|(name, _)| name == "pods").map_or(0.0, |(_, number)| *number);
    number(found, "values", n) > 1.0 && number(found, "parts", n) <= pods
}

/// Returns whether usage is split as pods are by the label at a place, by the answer to [`usage_by`].
pub(crate) fn splits_usage_alike(n: usize, found: &[(String, f64)]) -> bool {
    let measured = number(found, "measured", n);
    measured > 1.0 && number(found, "elsewhere", n) * 20.0 <= measured
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
    fn labels_that_differ_are_found_beside_what_was_asked_by_name() {
        let check = |series: &[&str], labels: &[&str], found: &[&str]| {
            let labels = labels.iter().map(|name| (*name).to_owned()).collect();
            let found = found.iter().map(|name| ((*name).to_owned(), 1.0)).collect();
            assert_eq!(probed(body(series).as_bytes()).unwrap(), Probed { labels, found });
        };
        check(&[], &[], &[]);
        check(&[""], &[], &[]);
        check(&[r#""job":"k""#, r#""found":"per_cpu""#], &[], &["per_cpu"]);
        check(
            &[r#""env":"x","k8s.cluster.name":"p""#, r#""env":"y""#, r#""found":"kube_systems""#],
            &["k8s.cluster.name", "env"],
            &["kube_systems"],
        );
        // However many differ, each is told.
        let [one, other] = ["x", "y"].map(|value| {
            let labels: Vec<_> = (0..20).map(|n| format!("\"a{n:02}\":\"{value}\"")).collect();
            labels.join(",")
        });
        assert_eq!(probed(body(&[one.as_str(), other.as_str()]).as_bytes()).unwrap().labels.len(), 20);
    }

    #[test]
    fn a_label_is_a_clusters_when_it_splits_pods_and_what_they_use() {
        let check = |counts: [f64; 5], expect: (bool, bool)| {
            let names = ["values1", "pods", "parts1", "measured1", "elsewhere1"];
            let found: Vec<_> = names.iter().map(|name| (*name).to_owned()).zip(counts).collect();
            assert_eq!((splits_pods(1, &found), splits_usage_alike(1, &found)), expect, "{counts:?}");
            assert_eq!((splits_pods(0, &found), splits_usage_alike(0, &found)), (false, false));
        };
        check([2.0, 10.0, 10.0, 0.0, 0.0], (true, false));
        check([2.0, 10.0, 10.0, 10.0, 0.0], (true, true));
        // The same pods under both: a second scraper.
        check([2.0, 10.0, 20.0, 20.0, 0.0], (false, true));
        // Shards of kube-state-metrics, each on a node: what a pod uses is under its own.
        check([2.0, 10.0, 10.0, 10.0, 5.0], (true, false));
        check([2.0, 10.0, 10.0, 10.0, 10.0], (true, false));
        check([1.0, 10.0, 10.0, 10.0, 0.0], (false, true));
        assert!(sounds_like_a_cluster("k8s.Cluster.name") && !sounds_like_a_cluster("env"));
    }

    #[test]
    fn a_question_about_labels_is_short_enough_for_servers_that_limit_its_text() {
        let own = format!("k8s_cluster_name=\"{}\",", "n".repeat(60));
        let labels: Vec<String> = (0..LABELS_AT_ONCE).map(|n| format!("{n}{}", "l".repeat(60))).collect();
        let used: Vec<String> = labels.iter().take(USED_LABELS_AT_ONCE).cloned().collect();
        for text in [pods_by(&own, &labels), usage_by(&own, &used)] {
            assert!(text.len() < 8 * 1024, "{}", text.len());
        }
    }
}
