//! The answers of one hour, sorted by what they are about. Pure: bodies in, maps out.

use std::collections::{BTreeMap, BTreeSet};

use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::decode::{Answer, DecodeError, Series, decode};
use crate::queries::{self, Fact, Query};

/// Points at the edges of the slots: the start of the hour, then the end of each slot.
pub(crate) const EDGES: usize = SLOTS_PER_HOUR + 1;
/// A series on the edges.
pub(crate) type Edges = [Option<f64>; EDGES];
/// A series on the slots.
pub(crate) type Slots = [Option<f64>; SLOTS_PER_HOUR];

/// One instance of a container: what runs between two restarts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InstanceKey {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) container: String,
    /// The cgroup.
    pub(crate) id: String,
}

/// What cAdvisor says of one instance.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Instance {
    pub(crate) cpu_core_seconds: Edges,
    pub(crate) memory_mean_bytes: Slots,
    pub(crate) memory_max_bytes: Slots,
    pub(crate) start_seconds: Option<i64>,
}

/// Requests and limits of a container.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Resources {
    pub(crate) cpu_request_cores: Option<f64>,
    pub(crate) memory_request_bytes: Option<f64>,
    pub(crate) cpu_limit_cores: Option<f64>,
    pub(crate) memory_limit_bytes: Option<f64>,
    /// Declared among the init containers.
    pub(crate) init: bool,
    /// An init container that keeps running.
    pub(crate) sidecar: bool,
}

/// What kube-state-metrics says of a pod.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Pod {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) node: String,
    pub(crate) created_by: (String, String),
    pub(crate) priority_class: String,
    pub(crate) host_network: String,
    pub(crate) created_seconds: Option<i64>,
    pub(crate) scheduled_seconds: Option<i64>,
    pub(crate) started_seconds: Option<i64>,
    pub(crate) completed_seconds: Option<i64>,
    /// Whether its phase is one of an ended pod.
    pub(crate) ended: bool,
    /// Slots in which it had ended.
    pub(crate) ended_slots: [bool; SLOTS_PER_HOUR],
    /// When a scrape last saw it.
    pub(crate) last_seen_seconds: Option<i64>,
    pub(crate) owner: Option<(String, String)>,
    pub(crate) qos_class: String,
    pub(crate) overhead_cores: Option<f64>,
    pub(crate) overhead_bytes: Option<f64>,
    pub(crate) claims: BTreeSet<String>,
    pub(crate) containers: BTreeMap<String, Resources>,
}

impl Pod {
    /// When the pod completed; `None` while it lives, whatever became of single containers.
    pub(crate) fn completion(&self) -> Option<i64> {
        self.completed_seconds.filter(|_| self.ended)
    }
}

/// What kube-state-metrics and node-exporter say of a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Node {
    /// The machines that had this name, by provider id. More than one when a name was used again within the hour.
    pub(crate) machines: BTreeMap<String, Machine>,
    /// Provider id of the machine that is there after the hour.
    pub(crate) current: Option<String>,
    /// Whether a scrape within the hour saw it.
    pub(crate) in_hour: bool,
    pub(crate) created_seconds: Option<i64>,
    pub(crate) last_seen_seconds: Option<i64>,
    /// `(capacity or allocatable, resource)` to its value.
    pub(crate) resources: BTreeMap<(Bound, String), f64>,
    pub(crate) labels: BTreeMap<&'static str, String>,
    pub(crate) taints: BTreeSet<String>,
}

/// What is known of a machine beside its name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Machine {
    pub(crate) kubelet_version: String,
    pub(crate) internal_ip: String,
}

/// Which of a node's two sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    Capacity,
    Allocatable,
}

/// What one node-exporter says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Exporter {
    pub(crate) nodename: String,
    pub(crate) product_name: String,
    /// Counters by mode.
    pub(crate) cpu_core_seconds: BTreeMap<String, Edges>,
    pub(crate) memory_total: Slots,
    pub(crate) memory_available: Slots,
    pub(crate) memory_free: Slots,
}

/// A persistent volume claim.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Claim {
    pub(crate) storage_class: String,
    pub(crate) volume: String,
    pub(crate) slots: usize,
    pub(crate) used_max_bytes: Option<f64>,
}

/// A persistent volume.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Volume {
    pub(crate) csi_handle: String,
    pub(crate) ebs_volume_id: String,
    pub(crate) capacity_bytes: Option<f64>,
}

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
        let label = [what.label()];
        decode(body, &label, &mut |series| {
            let (Some(name), Some((last_ms, _))) = (text(&series, 0), series.points.last()) else { return };
            let seen = match what {
                Vanished::Pods => self.pods.get_mut(name).map(|pod| &mut pod.last_seen_seconds),
                Vanished::Nodes => self.nodes.get_mut(name).map(|node| &mut node.last_seen_seconds),
            };
            if let Some(seen) = seen {
                *seen = (*seen).max(Some(last_ms.div_euclid(1000)));
            }
        })
    }

    /// Pods or nodes of the hour that no scrape sees after it, and of which no other end is known.
    pub(crate) fn vanished(&self, what: Vanished, hour: Hour) -> Vec<String> {
        let gone_pod =
            |pod: &Pod| !pod.node.is_empty() && pod.completion().is_none() && pod.last_seen_seconds.is_none();
        match what {
            Vanished::Pods => self.pods.iter().filter(|(_, pod)| gone_pod(pod)).map(|(uid, _)| uid.clone()).collect(),
            Vanished::Nodes => {
                // Born after the hour: no matter when it was last seen.
                let in_hour = |node: &Node| node.created_seconds.is_none_or(|created| created < hour.end_seconds());
                let gone = self.nodes.iter().filter(|(_, node)| node.last_seen_seconds.is_none() && in_hour(node));
                gone.map(|(name, _)| name.clone()).collect()
            }
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

impl Vanished {
    fn label(self) -> &'static str {
        match self {
            Self::Pods => "uid",
            Self::Nodes => "node",
        }
    }
}

/// Takes one series in; `None` when it lacks a label that identifies it.
type Take = fn(&mut Snapshot, &Series<'_, '_>, i64) -> Option<()>;

/// What is done with the series of a query.
fn taker(query: &Query) -> Take {
    match query.fact {
        Fact::ContainerCpu => |s, series, start| {
            s.instance(series)?.cpu_core_seconds = edges(series, start);
            Some(())
        },
        Fact::ContainerMemoryMean => |s, series, start| {
            s.instance(series)?.memory_mean_bytes = slots(series, start);
            Some(())
        },
        Fact::ContainerMemoryMax => |s, series, start| {
            s.instance(series)?.memory_max_bytes = slots(series, start);
            Some(())
        },
        Fact::ContainerStart => |s, series, _| {
            s.instance(series)?.start_seconds = value_seconds(series);
            Some(())
        },
        Fact::ContainerResources => container_resources,
        Fact::InitContainers => |s, series, _| {
            let container = text(series, 3)?.to_owned();
            let always = text(series, 4) == Some("Always");
            let resources = s.pod(series, 2)?.containers.entry(container).or_default();
            resources.init = true;
            resources.sidecar = always;
            Some(())
        },
        Fact::PodInfo => pod_info,
        Fact::PodLastSeen => |s, series, _| {
            s.pod(series, 0)?.last_seen_seconds = value_seconds(series);
            Some(())
        },
        Fact::PodTimes => pod_times,
        Fact::PodEnded => |s, series, start| {
            s.pod(series, 0)?.ended_slots = slots(series, start).map(|value| value.is_some());
            Some(())
        },
        Fact::PodOwner => |s, series, _| {
            let owner = (text(series, 1), text(series, 2));
            let pod = s.pod(series, 0)?;
            if let (Some(kind), Some(name)) = owner {
                pod.owner = Some((kind.to_owned(), name.to_owned()));
            }
            Some(())
        },
        Fact::ReplicasetOwner => |s, series, _| {
            let (object, owner) = owned(series)?;
            s.replicaset_owners.insert(object, owner);
            Some(())
        },
        Fact::JobOwner => |s, series, _| {
            let (object, owner) = owned(series)?;
            s.job_owners.insert(object, owner);
            Some(())
        },
        Fact::PodQos => |s, series, _| {
            s.pod(series, 0)?.qos_class = text(series, 1)?.to_owned();
            Some(())
        },
        Fact::PodOverhead => |s, series, _| {
            let metric = text(series, 0)?;
            let pod = s.pod(series, 1)?;
            match metric.ends_with("_cores") {
                true => pod.overhead_cores = value(series),
                false => pod.overhead_bytes = value(series),
            }
            Some(())
        },
        Fact::PodClaims => |s, series, _| {
            let claim = text(series, 3)?.to_owned();
            s.pod(series, 2)?.claims.insert(claim);
            Some(())
        },
        Fact::NodeInfo => |s, series, _| {
            let own = |at| text(series, at).unwrap_or_default().to_owned();
            let machine = s.node(series, 0)?.machines.entry(own(1)).or_default();
            // A node that has not registered fully shows once without, once with; in which order is the server's.
            machine.kubelet_version = own(2).max(std::mem::take(&mut machine.kubelet_version));
            machine.internal_ip = own(4).max(std::mem::take(&mut machine.internal_ip));
            Some(())
        },
        Fact::NodeLastSeen => |s, series, _| {
            let provider_id = text(series, 1).unwrap_or_default().to_owned();
            let node = s.node(series, 0)?;
            let seen = value_seconds(series);
            if node.last_seen_seconds < seen {
                node.last_seen_seconds = seen;
                node.current = Some(provider_id);
            }
            Some(())
        },
        Fact::NodeCreated => |s, series, start| {
            s.node(series, 0)?.in_hour = true;
            let seen = slots(series, start);
            s.scraped_slots.iter_mut().zip(seen).for_each(|(scraped, sample)| *scraped |= sample.is_some());
            Some(())
        },
        Fact::NodeResources => |s, series, _| {
            let bound = match text(series, 0)? {
                "kube_node_created" => {
                    s.node(series, 1)?.created_seconds = value_seconds(series);
                    return Some(());
                }
                metric if metric.ends_with("_allocatable") => Bound::Allocatable,
                _ => Bound::Capacity,
            };
            let resource = text(series, 2)?.to_owned();
            s.node(series, 1)?.resources.insert((bound, resource), value(series)?);
            Some(())
        },
        Fact::NodeLabels => |s, series, _| {
            let labels = queries::NODE_LABELS.labels.iter().enumerate().skip(1);
            let known = labels.filter_map(|(at, name)| Some((*name, text(series, at)?.to_owned())));
            let known: Vec<_> = known.collect();
            s.node(series, 0)?.labels.extend(known);
            Some(())
        },
        Fact::NodeTaints => |s, series, _| {
            let value = text(series, 2).unwrap_or_default();
            let taint = format!("{}={value}:{}", text(series, 1)?, text(series, 3)?);
            s.node(series, 0)?.taints.insert(taint);
            Some(())
        },
        Fact::NodeCpu => |s, series, start| {
            let mode = text(series, 1)?.to_owned();
            s.exporter(series, 0)?.cpu_core_seconds.insert(mode, edges(series, start));
            Some(())
        },
        Fact::NodeMemory => |s, series, start| {
            let metric = text(series, 0)?;
            let exporter = s.exporter(series, 1)?;
            let field = match metric {
                "node_memory_MemTotal_bytes" => &mut exporter.memory_total,
                "node_memory_MemAvailable_bytes" => &mut exporter.memory_available,
                _ => &mut exporter.memory_free,
            };
            *field = slots(series, start);
            Some(())
        },
        Fact::NodeUname => |s, series, _| {
            s.exporter(series, 0)?.nodename = text(series, 1)?.to_owned();
            Some(())
        },
        Fact::NodeDmi => |s, series, _| {
            s.exporter(series, 0)?.product_name = text(series, 1)?.to_owned();
            Some(())
        },
        Fact::ClaimInfo => |s, series, _| {
            let key = (text(series, 0)?.to_owned(), text(series, 1)?.to_owned());
            let claim = s.claims.entry(key).or_default();
            claim.storage_class = text(series, 2).unwrap_or_default().to_owned();
            claim.volume = text(series, 3)?.to_owned();
            claim.slots = series.points.len().min(SLOTS_PER_HOUR);
            Some(())
        },
        Fact::VolumeInfo => |s, series, _| {
            let volume = s.volumes.entry(text(series, 0)?.to_owned()).or_default();
            volume.csi_handle = text(series, 3).unwrap_or_default().to_owned();
            volume.ebs_volume_id = text(series, 4).unwrap_or_default().to_owned();
            Some(())
        },
        Fact::VolumeCapacity => |s, series, _| {
            s.volumes.entry(text(series, 0)?.to_owned()).or_default().capacity_bytes = value(series);
            Some(())
        },
        Fact::VolumeUsed => |s, series, _| {
            let key = (text(series, 0)?.to_owned(), text(series, 1)?.to_owned());
            if let Some(claim) = s.claims.get_mut(&key) {
                claim.used_max_bytes = series.points.iter().map(|(_, bytes)| *bytes).reduce(f64::max);
            }
            Some(())
        },
    }
}

fn pod_info(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let pod = s.pod(series, 2)?;
    if !pod.node.is_empty() {
        *s.duplicates.entry(queries::POD_INFO.name).or_default() += 1;
        return Some(());
    }
    let owned = |at| text(series, at).unwrap_or_default().to_owned();
    pod.namespace = owned(0);
    pod.name = owned(1);
    pod.node = owned(3);
    pod.created_by = (owned(4), owned(5));
    pod.priority_class = owned(6);
    pod.host_network = owned(7);
    Some(())
}

fn pod_times(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let metric = text(series, 0)?;
    let pod = s.pod(series, 1)?;
    let field = match metric {
        "kube_pod_created" => &mut pod.created_seconds,
        "kube_pod_status_scheduled_time" => &mut pod.scheduled_seconds,
        "kube_pod_start_time" => &mut pod.started_seconds,
        "kube_pod_status_phase" => {
            pod.ended = value(series) == Some(1.0);
            return Some(());
        }
        _ => &mut pod.completed_seconds,
    };
    *field = value_seconds(series);
    Some(())
}

fn container_resources(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let metric = text(series, 0)?;
    let container = text(series, 4)?.to_owned();
    let cpu = text(series, 5)? == "cpu";
    let resources = s.pod(series, 3)?.containers.entry(container).or_default();
    resources.init |= metric.starts_with("kube_pod_init_");
    let field = match (metric.ends_with("_limits"), cpu) {
        (false, true) => &mut resources.cpu_request_cores,
        (false, false) => &mut resources.memory_request_bytes,
        (true, true) => &mut resources.cpu_limit_cores,
        (true, false) => &mut resources.memory_limit_bytes,
    };
    *field = value(series);
    Some(())
}

/// `(namespace, name)` of an owned object, and `(kind, name)` of its owner.
type Owned = ((String, String), (String, String));

fn owned(series: &Series<'_, '_>) -> Option<Owned> {
    let own = |at| text(series, at).map(ToOwned::to_owned);
    Some(((own(0)?, own(1)?), (own(2)?, own(3)?)))
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
