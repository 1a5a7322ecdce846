//! The answers of one hour, sorted by what they are about. Pure: bodies in, maps out.

mod container_series;
mod contradictory_facts;
mod duplicate_cadvisor_jobs;
mod load_balancer_series;
mod node_series;
mod pod_series;
mod presence_slots;
mod scrape_series;
mod small_map;
mod volume_series;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lake::tables::NodeHour;
use types::window::HOUR_SECONDS;
use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::decode::{Answer, DecodeError, Series, decode};
use crate::dialect::{Dialect, LabelColumn, label_columns};
use crate::impossible_measurements::Doubts;
use crate::machine_limits::Limits;
use crate::queries::{self, Fact, Question};
use crate::settings::Settings;
use crate::usage_source::UsageSource;

#[cfg(test)]
pub(crate) use container_series::Measure;
pub(crate) use container_series::{Amount, Beyond, Grid, Instance, InstanceKey, Resources, Uid};
pub(crate) use contradictory_facts::Between;
use duplicate_cadvisor_jobs::ByJob;
pub(crate) use load_balancer_series::{
    INGRESS_GROUP, INGRESS_SCHEME, Kind, LoadBalancers, Object, SERVICE_INTERNAL, SERVICE_SCHEME,
};
pub(crate) use node_series::{Bound, Exporter, Facts, Machine, Node};
pub(crate) use pod_series::Pod;
pub(crate) use scrape_series::Scrapes;
pub(crate) use small_map::{SmallMap, SmallSet};
pub(crate) use volume_series::{ClaimSeries, Volume};

/// Points at the edges of the slots: the start of the hour, then the end of each slot.
pub(crate) const EDGES: usize = SLOTS_PER_HOUR + 1;
/// A series on the edges.
pub(crate) type Edges = [Option<f64>; EDGES];

/// Moment of an edge of the hour's slots, in seconds: slot n starts at edge n and ends at the next.
pub(crate) fn edge_time(edge: usize, hour: Hour) -> i64 {
    hour.start_seconds().saturating_add(i64::try_from(edge).unwrap_or(i64::MAX).saturating_mul(SLOT_SECONDS))
}
/// A series on the slots.
pub(crate) type Slots = [Option<f64>; SLOTS_PER_HOUR];

/// 2014-06-06, when the first lines of Kubernetes were published.
const FIRST_MOMENT: i64 = 1_402_012_800;
/// Most seconds by which the clock of a node may be ahead of the server's.
const CLOCKS_APART_SECONDS: i64 = 60;

/// The least time by which samples may be older than others.
const LEAST_SLACK_SECONDS: i64 = 60;

/// A name, kept once however many have it.
pub(crate) type Name = Arc<str>;
/// Two names, such as kind and name of an owner.
pub(crate) type Names = (Name, Name);

/// Everything known of one hour.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) instances: BTreeMap<InstanceKey, Box<Instance>>,
    /// Source of their numbers.
    pub(crate) usage: UsageSource,
    /// By namespace, pod and container, in cores: the greatest CPU of each slot, where the server records it.
    pub(crate) peaks: BTreeMap<(Name, Name, Name), Box<Grid<SLOTS_PER_HOUR>>>,
    /// Samples of each by job, where several scrape cAdvisor, until everything is read.
    by_job: Option<BTreeMap<InstanceKey, ByJob>>,
    /// By uid.
    pub(crate) pods: BTreeMap<Name, Box<Pod>>,
    /// By name.
    pub(crate) nodes: BTreeMap<String, Node>,
    /// By `instance` label, and by that of the node where there is one.
    pub(crate) exporters: BTreeMap<(String, String), Exporter>,
    /// By namespace and name.
    pub(crate) claims: BTreeMap<(String, String), ClaimSeries>,
    /// By name.
    pub(crate) volumes: BTreeMap<String, Volume>,
    /// Services, Ingresses and Gateways that have one.
    pub(crate) load_balancers: LoadBalancers,
    /// By namespace and name: the owner's kind and name.
    pub(crate) replicaset_owners: BTreeMap<Names, Names>,
    /// By namespace and name: the owner's kind and name.
    pub(crate) job_owners: BTreeMap<Names, Names>,
    /// By namespace and name of a pod that owns others: its owner's kind and name.
    pub(crate) pod_owners: BTreeMap<Names, Names>,
    /// Names of replica sets and jobs of which two owners were said.
    changed_owners: BTreeSet<(Between, Name)>,
    /// By uid of the pod: what Fargate provisioned for it.
    pub(crate) fargate_provisioned: BTreeMap<String, String>,
    /// Namespace, kind and name of what horizontal autoscalers drive.
    pub(crate) autoscaled: BTreeSet<(Name, Name, Name)>,
    /// Tells whether kube-state-metrics says that it looks at autoscalers, be there any or not.
    pub(crate) autoscalers_listed: bool,
    /// By exporter and target: what scrapes there were.
    pub(crate) scrapes: BTreeMap<(&'static str, String), Scrapes>,
    /// The labels in which allow-listed keys may be, in the order in which they come after those of the query.
    pub(crate) label_columns: Vec<LabelColumn>,
    /// Tells whether any pod has any of the allow-listed labels: a stock installation exposes none.
    pub(crate) labels_exposed: bool,
    /// Allow-listed keys whose value another key of the same spelling hides.
    pub(crate) label_conflicts: BTreeSet<String>,
    /// Tells whether tolerations are exposed: at all, those of every pod among them.
    pub(crate) tolerations_exposed: bool,
    /// Tells whether requests come by resource, so that those for other things than CPU and memory would show.
    pub(crate) resources_exposed: bool,
    /// Requests and limits of CPU and memory that any container shows.
    pub(crate) amounts_exposed: BTreeSet<Amount>,
    /// Other names of labels and metrics that were read, for the hour's quality.
    pub(crate) dialect: BTreeSet<&'static str>,
    /// Names in use, each once.
    names: BTreeSet<Name>,
    /// Slots in which kube-state-metrics was scraped.
    pub(crate) scraped_slots: [bool; SLOTS_PER_HOUR],
    /// Series without one of the labels that identify them, by query.
    pub(crate) without_identity: BTreeMap<&'static str, i64>,
    /// Duplicates of an identity that were not equal, by query.
    pub(crate) duplicates: BTreeMap<&'static str, i64>,
    /// Limits of each node, by name, once it is learnt; the nodes are let go of before.
    pub(crate) limits: BTreeMap<String, Limits>,
    /// Greatest age of a sample of usage at the moment it is looked at.
    pub(crate) slack_seconds: i64,
    /// Seconds until kube-state-metrics is scraped again.
    pub(crate) listing_seconds: i64,
    /// Until when in the hour each node was there, by name, once it is learnt.
    node_ends: Option<BTreeMap<String, i64>>,
    /// Namespace and name of pods that are said to run, and of which nothing is measured where others are.
    pub(crate) running_unmeasured: BTreeSet<String>,
    /// Samples that are not believed.
    pub(crate) doubts: Doubts,
}

impl Snapshot {
    /// Makes the state before anything is asked.
    pub(crate) fn new(settings: &Settings, dialect: &Dialect) -> Self {
        let by_job = dialect.cadvisor_jobs.then(BTreeMap::new);
        let label_columns = label_columns(&settings.pod_labels);
        Self { label_columns, by_job, usage: dialect.usage, ..Self::default() }
    }

    /// Takes in one answer, or one of several that together answer a query. `start_seconds` is the start of the hour.
    ///
    /// The order of series, and of answers to one query, makes no difference: where two series of one object
    /// disagree, the larger value stays, and of texts the larger by characters, unless what was said last is asked for
    /// and taken in after all others.
    pub(crate) fn read(&mut self, query: &Question, body: &[u8], start_seconds: i64) -> Result<Answer, DecodeError> {
        let take = taker(query.fact);
        let labels: Vec<&str> = query.labels.iter().map(String::as_str).collect();
        let mut own = Vec::new();
        decode(body, &labels, &mut |series| {
            own.clear();
            own.extend(series.labels.iter().cloned());
            self.rename(query, &mut own);
            let series = Series { names: series.names, labels: &own, points: series.points };
            if take(self, &series, start_seconds).is_none() {
                let series = self.without_identity.entry(query.name).or_default();
                *series = series.saturating_add(1);
            }
        })
    }

    /// Puts other names of labels in the place of the labels they stand in for.
    fn rename(&mut self, query: &Question, labels: &mut [Cow<'_, str>]) {
        for (alias, place) in &query.aliases {
            let renamed = labels.get(*alias).filter(|label| !label.is_empty()).cloned();
            if let (Some(renamed), Some(label)) = (renamed, labels.get_mut(*place)) {
                *label = renamed;
                self.dialect.insert(match query.labels.get(*alias).map(String::as_str) {
                    Some("exported_namespace") => "exported_namespace",
                    Some("exported_pod") => "exported_pod",
                    Some("exported_container") => "exported_container",
                    Some("exported_node") => "exported_node",
                    Some("exported_instance") => "exported_instance",
                    Some("exported_service") => "exported_service",
                    _ => "cadvisor-old-labels",
                });
            }
        }
    }

    /// Draws the conclusions that need every answer.
    ///
    /// Where the server renames `node`, a pod without a node of its own shows the node of kube-state-metrics: it is not
    /// bound to that.
    pub(crate) fn settle(&mut self) {
        self.believe_one_job();
        self.slack_seconds = scrape_series::interval(&self.scrapes, scrape_series::CADVISOR).saturating_mul(2);
        self.slack_seconds = self.slack_seconds.clamp(LEAST_SLACK_SECONDS, SLOT_SECONDS);
        self.listing_seconds = scrape_series::interval(&self.scrapes, scrape_series::KUBE_STATE_METRICS);
        self.rename_strangers();
        self.bridge_gaps();
        node_series::join_exporters(&mut self.exporters);
        if self.dialect.contains("exported_node") {
            for pod in self.pods.values_mut().filter(|pod| pod.node_of_exporter) {
                pod.node = Name::default();
            }
        }
    }

    /// Tells that volumes and load balancers were there between the slots that saw them, in the hour or around it.
    fn bridge_gaps(&mut self) {
        let scraped = self.scraped_slots;
        self.claims.values_mut().for_each(|claim| claim.bridge(&scraped));
        self.volumes.values_mut().for_each(Volume::settle);
        self.load_balancers.objects.values_mut().for_each(|object| object.bridge(&scraped));
    }

    /// Limits of a pod's node; none where nothing is known of it.
    pub(crate) fn limits_of(&self, node: &str) -> Limits {
        self.limits.get(node).copied().unwrap_or_default()
    }

    /// Learns what each node can do: the most that any machine of its name could.
    pub(crate) fn learn_limits(&mut self) {
        for (name, node) in &self.nodes {
            let machines = node.machines.values().filter_map(|machine| machine.facts.as_ref());
            let limits = machines.map(node_series::Facts::limits).fold(node.facts.limits(), Limits::max);
            self.limits.insert(name.clone(), limits);
        }
    }

    /// Learns until when nodes were there.
    pub(crate) fn learn_node_ends(&mut self, nodes: &[NodeHour]) {
        let mut ends: BTreeMap<String, i64> = BTreeMap::new();
        for node in nodes {
            let end = ends.entry(node.node.clone()).or_insert(node.last_seen_seconds);
            *end = node.last_seen_seconds.max(*end);
        }
        self.node_ends = Some(ends);
    }

    /// When a node was gone; the start of the hour for one that no scrape saw in it. `None` while it is there.
    pub(crate) fn node_end(&self, node: &str, hour: Hour) -> Option<i64> {
        let end = self.node_ends.as_ref()?.get(node).copied().unwrap_or_else(|| hour.start_seconds());
        Some(end).filter(|end| *end < hour.end_seconds())
    }

    /// Takes the uid off instances whose cgroup has one that no pod has, where a pod has their name to itself and none of
    /// its own: then they are found by that. A static pod has the uid its manifest says, and its mirror another.
    fn rename_strangers(&mut self) {
        let uids: BTreeSet<Uid> = self.pods.keys().filter_map(|uid| Uid::of_pod(uid)).collect();
        let strange = |key: &&InstanceKey| key.pod_uid.is_some_and(|uid| !uids.contains(&uid));
        let strangers: Vec<InstanceKey> = self.instances.keys().filter(strange).cloned().collect();
        if strangers.is_empty() {
            return;
        }
        let names: BTreeSet<(&str, &str)> = strangers.iter().map(|key| (&*key.namespace, &*key.pod)).collect();
        type Namesake = (Option<Uid>, bool, Option<i64>);
        let mut of_name: BTreeMap<(Name, Name), Vec<Namesake>> = BTreeMap::new();
        for (uid, pod) in self.pods.iter().filter(|(_, pod)| names.contains(&(&*pod.namespace, &*pod.name))) {
            let pods = of_name.entry((Name::clone(&pod.namespace), Name::clone(&pod.name))).or_default();
            pods.push((Uid::of_pod(uid), &*pod.created_by.0 == "Node", pod.created_seconds));
        }
        let measured: BTreeSet<Uid> = self.instances.keys().filter_map(|key| key.pod_uid).collect();
        for key in strangers {
            let Some([(uid, is_mirror, created)]) =
                of_name.get(&(Name::clone(&key.namespace), Name::clone(&key.pod))).map(Vec::as_slice)
            else {
                continue;
            };
            let has_own = uid.is_some_and(|uid| measured.contains(&uid));
            let started = self.instances.get(&key).and_then(|instance| instance.start_seconds());
            // What started before the pod was created is of the one before it.
            let is_older = !is_mirror && started.zip(*created).is_none_or(|(started, created)| started < created);
            if has_own || is_older {
                continue;
            }
            if let Some(instance) = self.instances.remove(&key) {
                self.instances.insert(InstanceKey { pod_uid: None, ..key }, instance);
            }
        }
    }

    /// The label of kube-state-metrics that has the names of nodes.
    pub(crate) fn node_label(&self) -> &'static str {
        if self.dialect.contains("exported_node") { "exported_node" } else { "node" }
    }

    /// The instances whose cgroup's path has the uid of a pod.
    pub(crate) fn instances_of(&self, uid: Uid) -> impl Iterator<Item = &Instance> {
        let of_pod =
            self.instances.range(InstanceKey::least_of(uid)..).take_while(move |(key, _)| key.pod_uid == Some(uid));
        of_pod.map(|(_, instance)| &**instance)
    }

    /// Takes in when pods or nodes that vanished were last seen.
    pub(crate) fn read_last_seen(&mut self, what: Vanished, body: &[u8]) -> Result<Answer, DecodeError> {
        if what == Vanished::Nodes {
            return node_series::read_seen(self, body);
        }
        decode(body, &["uid"], &mut |series| {
            let (Some(uid), Some((last_ms, _))) = (series.label("uid"), series.points.last()) else { return };
            if let Some(pod) = self.pods.get_mut(uid) {
                pod.last_seen_seconds = pod.last_seen_seconds.max(Some(last_ms.div_euclid(1000)));
            }
        })
    }

    /// Takes in which pods were running of those that nothing was measured of.
    pub(crate) fn read_running(&mut self, body: &[u8]) -> Result<Answer, DecodeError> {
        decode(body, &["uid"], &mut |series| {
            let Some(pod) = series.label("uid").and_then(|uid| self.pods.get(uid)) else { return };
            self.running_unmeasured.insert(format!("{}/{}", pod.namespace, pod.name));
        })
    }

    /// Pods or nodes of the hour that no scrape sees after it, and of which no other end is known.
    pub(crate) fn vanished(&self, what: Vanished, hour: Hour) -> Vec<String> {
        let gone_pod =
            |pod: &Pod| !pod.node.is_empty() && pod.completion().is_none() && pod.last_seen_seconds.is_none();
        match what {
            Vanished::Pods => {
                self.pods.iter().filter(|(_, pod)| gone_pod(pod)).map(|(uid, _)| uid.to_string()).collect()
            }
            Vanished::Nodes => node_series::vanished(self, hour),
        }
    }

    /// The instances that belong to no known pod, for the hour's quality: their usage is in no row.
    pub(crate) fn instances_without_pod(&self) -> Vec<(&InstanceKey, &Instance)> {
        let uids: BTreeSet<Uid> = self.pods.keys().filter_map(|uid| Uid::of_pod(uid)).collect();
        let nameless = || self.instances.keys().filter(|key| key.pod_uid.is_none());
        let names: BTreeSet<(&str, &str)> = nameless().map(|key| (&*key.namespace, &*key.pod)).collect();
        let known: BTreeSet<(&str, &str)> =
            self.pods.values().map(|pod| (&*pod.namespace, &*pod.name)).filter(|name| names.contains(name)).collect();
        let is_strange = |key: &InstanceKey| match key.pod_uid {
            Some(uid) => !uids.contains(&uid),
            None => !known.contains(&(&*key.namespace, &*key.pod)),
        };
        let instances = self.instances.iter().map(|(key, instance)| (key, &**instance));
        instances.filter(|(key, _)| is_strange(key)).collect()
    }

    /// Slots in which any container has a sample.
    pub(crate) fn measured_slots(&self) -> [bool; SLOTS_PER_HOUR] {
        let mut measured = [false; SLOTS_PER_HOUR];
        for instance in self.instances.values() {
            for (slot, sample) in measured.iter_mut().zip(instance.memory_mean_bytes.iter()) {
                *slot |= sample.is_some();
            }
        }
        measured
    }

    fn pod(&mut self, series: &Series<'_, '_>) -> Option<&mut Pod> {
        let uid = series.label("uid")?;
        if !self.pods.contains_key(uid) {
            self.pods.insert(uid.into(), Box::default());
        }
        self.pods.get_mut(uid).map(|pod| &mut **pod)
    }

    fn node(&mut self, series: &Series<'_, '_>) -> Option<&mut Node> {
        Some(self.nodes.entry(series.label("node")?.to_owned()).or_default())
    }

    fn exporter(&mut self, series: &Series<'_, '_>) -> Option<&mut Exporter> {
        let node = series.label("node").unwrap_or_default();
        let exporter = self.exporters.entry((series.label("instance")?.to_owned(), node.to_owned())).or_default();
        if !node.is_empty() && !exporter.node_labels.contains(node) {
            exporter.node_labels.insert(node.to_owned());
        }
        Some(exporter)
    }

    fn instance(&mut self, series: &Series<'_, '_>) -> Option<&mut Instance> {
        let key = self.instance_key(series)?;
        Some(self.instances.entry(key).or_default())
    }

    fn instance_key(&mut self, series: &Series<'_, '_>) -> Option<InstanceKey> {
        let id = match self.usage {
            UsageSource::Cadvisor => series.label("id")?,
            // Of a container that a rule is about, there is one.
            UsageSource::Recorded { .. } => "",
        };
        Some(InstanceKey {
            pod_uid: container_series::uid_of_cgroup(id),
            namespace: self.name(series.label("namespace")?),
            pod: self.name(series.label("pod")?),
            container: self.name(series.label("container")?),
            id: container_series::fingerprint(id),
        })
    }

    /// A name, stored once however many have it.
    fn name(&mut self, name: &str) -> Name {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let new: Name = Arc::from(name);
        self.names.insert(Arc::clone(&new));
        new
    }
}

/// Kinds of objects that may vanish in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vanished {
    Pods,
    Nodes,
}

/// Takes one series in; `None` when it lacks a label that identifies it.
type Take = fn(&mut Snapshot, &Series<'_, '_>, i64) -> Option<()>;

/// Picks the function that takes in the series of a query.
fn taker(fact: Fact) -> Take {
    match fact {
        Fact::ContainerCpu => container_series::cpu,
        Fact::ContainerCpuBeyond => container_series::cpu_beyond,
        Fact::ContainerCpuScraped => container_series::cpu_scraped,
        Fact::ContainerRate => container_series::rate,
        Fact::ContainerCpuPeak => container_series::cpu_peak,
        Fact::ContainerMemoryMean => container_series::memory_mean,
        Fact::ContainerMemoryMax => container_series::memory_max,
        Fact::ContainerStart => container_series::once,
        Fact::ContainerResources => container_series::resources,
        Fact::PodInfo => pod_series::info,
        Fact::PodLastSeen => pod_series::last_seen,
        Fact::PodFacts => pod_series::facts,
        Fact::PodEnded => pod_series::ended,
        Fact::PodSpec => pod_series::spec,
        Fact::PodNodeSelector => pod_series::node_selector,
        Fact::Owners => pod_series::owners,
        Fact::Exporters => scrape_series::scrapes,
        Fact::Duplicates => scrape_series::duplicates,
        Fact::NodeInfo => node_series::info,
        Fact::NodeLastSeen => node_series::last_seen,
        Fact::NodeCreated => node_series::created,
        Fact::NodeResources => node_series::resources,
        Fact::NodeLabels => node_series::labels,
        Fact::NodeCpu => node_series::cpu,
        Fact::NodeCpuBeyond => node_series::cpu_beyond,
        Fact::NodeMemory => node_series::memory,
        Fact::NodeIo => node_series::io,
        Fact::NodeIoBeyond => node_series::io_beyond,
        Fact::NodeExporters => node_series::exporters,
        Fact::LoadBalancers => load_balancer_series::take,
        Fact::ClaimInfo => volume_series::claim_info,
        Fact::VolumeInfo => volume_series::info,
        Fact::VolumeUsed => volume_series::used,
    }
}

fn value(series: &Series<'_, '_>) -> Option<f64> {
    series.points.last().map(|(_, value)| *value)
}

/// The samples of a series that are of the hour, of one that is asked for beyond it too. Where the hour has none, the last
/// before it; else those after it, as of what began in its last seconds.
fn of_hour<'a>(series: &'a Series<'_, '_>, start_seconds: i64) -> &'a [(i64, f64)] {
    let (start, end) = (start_seconds, start_seconds.saturating_add(HOUR_SECONDS));
    let until = |seconds: i64| series.points.partition_point(|(ms, _)| *ms <= seconds.saturating_mul(1000));
    let (before, to) = (until(start), until(end));
    let from = if before < to { before } else { before.saturating_sub(1) };
    series.points.get(from..to).filter(|points| !points.is_empty()).unwrap_or(series.points)
}

/// The value that a series had last within the hour.
fn last_of_hour(series: &Series<'_, '_>, start_seconds: i64) -> Option<f64> {
    of_hour(series, start_seconds).last().map(|(_, value)| *value)
}

/// The mean of a value over the slots of the hour in which it was there, which weighs what it was by its time. One that is not
/// possible is the answer, wherever it was: it must not hide in a mean.
fn mean_of_hour(series: &Series<'_, '_>, start_seconds: i64, is_possible: impl Fn(f64) -> bool) -> Option<f64> {
    let values = || of_hour(series, start_seconds).iter().map(|(_, value)| *value);
    if let Some(impossible) = values().find(|value| !is_possible(*value)) {
        return Some(impossible);
    }
    // From the first on, so that a value that never changed is the value it was.
    let first = values().next()?;
    let (beyond, count) = values().fold((0.0, 0.0), |(beyond, count), value| (beyond + (value - first), count + 1.0));
    Some(first + beyond / count)
}

/// A value that is a time.
fn value_seconds(series: &Series<'_, '_>) -> Option<i64> {
    let seconds = value(series)?.floor();
    #[expect(clippy::as_conversions, reason = "checked to lie far inside i64")]
    (seconds.abs() < 1e12).then_some(seconds as i64)
}

/// A value that is a moment in the life of something in a cluster. What lies before there was Kubernetes, such as 1970 or
/// the year 1, and what lies after it was asked for, is none.
fn moment(series: &Series<'_, '_>, start_seconds: i64) -> Option<i64> {
    value_seconds(series).filter(|seconds| is_moment(*seconds, start_seconds))
}

/// Returns whether something of an hour can have happened then.
fn is_moment(seconds: i64, start_seconds: i64) -> bool {
    let latest = start_seconds.saturating_add(HOUR_SECONDS + queries::LOOK_AHEAD_SECONDS + CLOCKS_APART_SECONDS);
    (FIRST_MOMENT..=latest).contains(&seconds)
}

fn edges(series: &Series<'_, '_>, start_seconds: i64) -> Edges {
    on_grid(series, start_seconds)
}

/// The samples at the ends of the slots of an hour.
pub(crate) fn slots(series: &Series<'_, '_>, start_seconds: i64) -> Slots {
    on_grid(series, start_seconds.saturating_add(SLOT_SECONDS))
}

/// The samples at `first`, `first + 300`, and so on.
fn on_grid<const N: usize>(series: &Series<'_, '_>, first: i64) -> [Option<f64>; N] {
    let mut grid = [None; N];
    for (time_ms, value) in series.points {
        let step = time_ms.saturating_sub(first.saturating_mul(1000)).div_euclid(SLOT_SECONDS * 1000);
        if let Some(point) = usize::try_from(step).ok().and_then(|step| grid.get_mut(step)) {
            *point = Some(*value);
        }
    }
    grid
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use lake::tables::{ContainerHour, PodHour};
    use proptest::prelude::*;

    use super::*;
    use crate::snapshot_encoding;

    const HOUR: i64 = 1_782_820_800;
    const UIDS: [&str; 2] = ["0f3a1b2c-1111-2222-3333-444455556666", "1f3a1b2c-1111-2222-3333-444455556666"];

    /// Series of a query whose labels and values disagree as much as they can: few values for every label, so that
    /// objects are named again and again with other facts.
    fn series(labels: Vec<String>, shape_points: i64) -> impl Strategy<Value = String> {
        let count = labels.len();
        let values = proptest::collection::vec(0..3_usize, count);
        (values, 0..4_u8, 0..shape_points).prop_map(move |(values, value, first)| {
            let label = |(label, n): (&String, usize)| {
                let text = match label.as_str() {
                    "uid" => *UIDS.get(n).unwrap_or(&UIDS[0]),
                    "__name__" => {
                        ["kube_pod_owner", "kube_replicaset_owner", "kube_pod_created"].get(n).copied().unwrap_or("")
                    }
                    "id" => ["/kubepods/pod0f3a1b2c-1111-2222-3333-444455556666/a", "/x", "/y"][n],
                    _ => ["a", "b", ""][n],
                };
                format!("\"{}\":\"{text}\"", label.trim_end_matches('*'))
            };
            let labels: Vec<_> = labels.iter().zip(values).map(label).collect();
            let at = HOUR + first * SLOT_SECONDS;
            format!("{{\"metric\":{{{}}},\"values\":[[{at},\"{value}\"]]}}", labels.join(","))
        })
    }

    fn rows_of(answers: &[(Question, Vec<String>)]) -> Vec<(PodHour, Vec<ContainerHour>)> {
        let hour = Hour::starting_at(HOUR).unwrap();
        let settings = Settings { pod_labels: vec!["a.b/c".into()], ..Settings::default() };
        let mut snapshot = Snapshot::new(&settings, &Dialect::default());
        for (query, series) in answers {
            let list = series.join(",");
            let body = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{list}]}}}}"#);
            snapshot.read(query, body.as_bytes(), HOUR).unwrap();
        }
        snapshot.settle();
        let mut rows = Vec::new();
        snapshot_encoding::each_pod(snapshot, &settings, hour, &mut |pod, containers| {
            rows.push((pod, containers));
            Ok::<(), Infallible>(())
        })
        .unwrap();
        rows
    }

    #[test]
    fn a_node_that_one_of_two_series_names_is_the_pods_in_either_order() {
        let questions = queries::questions(&Settings::default(), &Dialect::default());
        let question = questions.into_iter().find(|question| question.fact == Fact::PodInfo).unwrap();
        let series = |labels: &str| {
            let of =
                format!(r#""uid":"{}","namespace":"m","pod":"k","exported_namespace":"a","exported_pod":"p""#, UIDS[0]);
            format!(r#"{{"metric":{{{of},{labels}}},"values":[[{HOUR},"1"]]}}"#)
        };
        let (named, unnamed) = (series(r#""node":"x","exported_node":"n""#), series(r#""node":"n""#));
        for list in [vec![named.clone(), unnamed.clone()], vec![unnamed, named]] {
            let rows = rows_of(&[(question.clone(), list)]);
            let nodes: Vec<&str> = rows.iter().map(|(pod, _)| pod.node.as_str()).collect();
            assert_eq!(nodes, ["n"]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_order_of_series_changes_no_row_of_pods(
            answers in {
                let settings = Settings { pod_labels: vec!["a.b/c".into()], ..Settings::default() };
                let of_pods = |query: &Question| {
                    ["pods", "containers"].contains(&group(query.fact))
                };
                queries::questions(&settings, &Dialect::default()).into_iter().filter(of_pods).map(|query| {
                    let list = proptest::collection::vec(series(query.labels.clone(), 13), 1..12);
                    (Just(query), list).boxed()
                }).collect::<Vec<_>>()
            },
            seed in any::<u64>(),
        ) {
            let mut turned = answers.clone();
            for (n, (_, series)) in turned.iter_mut().enumerate() {
                let by = usize::try_from(seed.rotate_left(u32::try_from(n).unwrap()) % 12).unwrap();
                series.reverse();
                let length = series.len();
                series.rotate_left(by % length);
            }
            prop_assert_eq!(rows_of(&answers), rows_of(&turned));
        }
    }

    fn group(fact: Fact) -> &'static str {
        match fact {
            Fact::ContainerCpu
            | Fact::ContainerRate
            | Fact::ContainerCpuPeak
            | Fact::ContainerMemoryMean
            | Fact::ContainerMemoryMax
            | Fact::ContainerStart
            | Fact::ContainerResources => "containers",
            Fact::PodInfo
            | Fact::PodLastSeen
            | Fact::PodFacts
            | Fact::PodEnded
            | Fact::PodSpec
            | Fact::PodNodeSelector
            | Fact::Owners => "pods",
            _ => "others",
        }
    }
}
