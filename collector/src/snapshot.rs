//! The answers of one hour, sorted by what they are about. Pure: bodies in, maps out.

mod containers;
mod nodes;
mod pods;
mod volumes;

use std::collections::BTreeMap;

use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::decode::{Answer, DecodeError, Series, decode};
use crate::queries::{Fact, Query};

pub(crate) use containers::{Instance, InstanceKey, Resources};
pub(crate) use nodes::{Bound, Exporter, Facts, Io, Machine, Node};
pub(crate) use pods::Pod;
pub(crate) use volumes::{Claim, Volume};

/// Points at the edges of the slots: the start of the hour, then the end of each slot.
pub(crate) const EDGES: usize = SLOTS_PER_HOUR + 1;
/// A series on the edges.
pub(crate) type Edges = [Option<f64>; EDGES];
/// A series on the slots.
pub(crate) type Slots = [Option<f64>; SLOTS_PER_HOUR];

/// Everything known of one hour.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) instances: BTreeMap<InstanceKey, Instance>,
    /// By uid.
    pub(crate) pods: BTreeMap<String, Pod>,
    /// By name.
    pub(crate) nodes: BTreeMap<String, Node>,
    /// By `instance` label.
    pub(crate) exporters: BTreeMap<String, Exporter>,
    /// By namespace and name.
    pub(crate) claims: BTreeMap<(String, String), Claim>,
    /// By name.
    pub(crate) volumes: BTreeMap<String, Volume>,
    /// By namespace and name: the owner's kind and name.
    pub(crate) replicaset_owners: BTreeMap<(String, String), (String, String)>,
    /// By namespace and name: the owner's kind and name.
    pub(crate) job_owners: BTreeMap<(String, String), (String, String)>,
    /// By uid of the pod: what Fargate provisioned for it.
    pub(crate) fargate_provisioned: BTreeMap<String, String>,
    /// Slots in which kube-state-metrics was scraped.
    pub(crate) scraped_slots: [bool; SLOTS_PER_HOUR],
    /// Series without one of the labels that identify them, by query.
    pub(crate) without_identity: BTreeMap<&'static str, i64>,
    /// Duplicates of an identity that were not equal, by query.
    pub(crate) duplicates: BTreeMap<&'static str, i64>,
}

impl Snapshot {
    /// Takes in one answer. `start_seconds` is the start of the hour.
    pub(crate) fn read(&mut self, query: &Query, body: &[u8], start_seconds: i64) -> Result<Answer, DecodeError> {
        let take = taker(query);
        decode(body, query.labels, &mut |series| {
            if take(self, &series, start_seconds).is_none() {
                *self.without_identity.entry(query.name).or_default() += 1;
            }
        })
    }

    /// Takes in when pods or nodes that vanished were last seen.
    pub(crate) fn read_last_seen(&mut self, what: Vanished, body: &[u8]) -> Result<Answer, DecodeError> {
        if what == Vanished::Nodes {
            return nodes::read_seen(self, body);
        }
        decode(body, &["uid"], &mut |series| {
            let (Some(uid), Some((last_ms, _))) = (text(&series, 0), series.points.last()) else { return };
            if let Some(pod) = self.pods.get_mut(uid) {
                pod.last_seen_seconds = pod.last_seen_seconds.max(Some(last_ms.div_euclid(1000)));
            }
        })
    }

    /// Pods or nodes of the hour that no scrape sees after it, and of which no other end is known.
    pub(crate) fn vanished(&self, what: Vanished, hour: Hour) -> Vec<String> {
        let gone_pod =
            |pod: &Pod| !pod.node.is_empty() && pod.completion().is_none() && pod.last_seen_seconds.is_none();
        match what {
            Vanished::Pods => self.pods.iter().filter(|(_, pod)| gone_pod(pod)).map(|(uid, _)| uid.clone()).collect(),
            Vanished::Nodes => nodes::vanished(self, hour),
        }
    }

    /// Slots in which any container has a sample.
    pub(crate) fn measured_slots(&self) -> [bool; SLOTS_PER_HOUR] {
        let mut measured = [false; SLOTS_PER_HOUR];
        for instance in self.instances.values() {
            for (slot, sample) in measured.iter_mut().zip(&instance.memory_mean_bytes) {
                *slot |= sample.is_some();
            }
        }
        measured
    }

    fn pod(&mut self, series: &Series<'_, '_>, at: usize) -> Option<&mut Pod> {
        let uid = text(series, at)?;
        if !self.pods.contains_key(uid) {
            self.pods.insert(uid.to_owned(), Pod::default());
        }
        self.pods.get_mut(uid)
    }

    fn node(&mut self, series: &Series<'_, '_>, at: usize) -> Option<&mut Node> {
        Some(self.nodes.entry(text(series, at)?.to_owned()).or_default())
    }

    fn exporter(&mut self, series: &Series<'_, '_>, at: usize) -> Option<&mut Exporter> {
        Some(self.exporters.entry(text(series, at)?.to_owned()).or_default())
    }

    fn instance(&mut self, series: &Series<'_, '_>) -> Option<&mut Instance> {
        let key = InstanceKey {
            namespace: text(series, 0)?.to_owned(),
            pod: text(series, 1)?.to_owned(),
            container: text(series, 2)?.to_owned(),
            id: text(series, 3)?.to_owned(),
        };
        Some(self.instances.entry(key).or_default())
    }
}

/// What may vanish in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vanished {
    Pods,
    Nodes,
}

/// Takes one series in; `None` when it lacks a label that identifies it.
type Take = fn(&mut Snapshot, &Series<'_, '_>, i64) -> Option<()>;

/// What is done with the series of a query.
fn taker(query: &Query) -> Take {
    match query.fact {
        Fact::ContainerCpu => containers::cpu,
        Fact::ContainerMemoryMean => containers::memory_mean,
        Fact::ContainerMemoryMax => containers::memory_max,
        Fact::ContainerStart => containers::start,
        Fact::ContainerResources => containers::resources,
        Fact::InitContainers => containers::init_containers,
        Fact::PodInfo => pods::info,
        Fact::PodLastSeen => pods::last_seen,
        Fact::PodTimes => pods::times,
        Fact::PodEnded => pods::ended,
        Fact::PodOwner => pods::owner,
        Fact::ReplicasetOwner => pods::replicaset_owner,
        Fact::JobOwner => pods::job_owner,
        Fact::PodQos => pods::qos,
        Fact::PodOverhead => pods::overhead,
        Fact::PodClaims => pods::claims,
        Fact::NodeInfo => nodes::info,
        Fact::NodeLastSeen => nodes::last_seen,
        Fact::NodeCreated => nodes::created,
        Fact::NodeResources => nodes::resources,
        Fact::NodeLabels => nodes::labels,
        Fact::NodeCpu => nodes::cpu,
        Fact::NodeMemory => nodes::memory,
        Fact::NodeIo => nodes::io,
        Fact::NodeExporters => nodes::exporters,
        Fact::FargateProvisioned => nodes::fargate_provisioned,
        Fact::ClaimInfo => volumes::claim_info,
        Fact::VolumeInfo => volumes::info,
        Fact::VolumeUsed => volumes::used,
    }
}

/// A label; `None` when the series lacks it, or has the word older exporters wrote for "none".
fn text<'a>(series: &'a Series<'_, '_>, at: usize) -> Option<&'a str> {
    let label = series.labels.get(at)?;
    (!label.is_empty() && label != "<none>").then_some(label)
}

fn value(series: &Series<'_, '_>) -> Option<f64> {
    series.points.last().map(|(_, value)| *value)
}

/// A value that is a time.
fn value_seconds(series: &Series<'_, '_>) -> Option<i64> {
    let seconds = value(series)?.floor();
    #[expect(clippy::as_conversions, reason = "checked to lie far inside i64")]
    (seconds.abs() < 1e12).then_some(seconds as i64)
}

fn edges(series: &Series<'_, '_>, start_seconds: i64) -> Edges {
    on_grid(series, start_seconds)
}

fn slots(series: &Series<'_, '_>, start_seconds: i64) -> Slots {
    on_grid(series, start_seconds + SLOT_SECONDS)
}

/// The samples at `first`, `first + 300`, and so on.
fn on_grid<const N: usize>(series: &Series<'_, '_>, first: i64) -> [Option<f64>; N] {
    let mut grid = [None; N];
    for (time_ms, value) in series.points {
        let step = (time_ms - first * 1000).div_euclid(SLOT_SECONDS * 1000);
        if let Some(point) = usize::try_from(step).ok().and_then(|step| grid.get_mut(step)) {
            *point = Some(*value);
        }
    }
    grid
}
