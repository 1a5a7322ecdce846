//! The hours of a lake as the replay engine takes them: rows of numbers, and the names behind the numbers.
//!
//! A second reading, because what may be bought is known only after the first: names become indexes, and an index
//! means the same in every hour.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use arrow::record_batch::RecordBatch;
use lake::Column;
use lake::tables::{container_hour, node_hour, pod_hour, volume_hour};
use replay::{Ask, ContainerRow, Hour, InvalidHour, Lane, Movable, NONE, NodeRow, PodRow, Role, SLOTS, UNKNOWN};
use types::ComputeType;

use crate::fast_maps::FastMap;
use crate::interner::Interner;
use crate::read::columns::{Flags, Misfit, Slots, TextLists, columns};
use crate::sums::hour_facts::DAEMONS;
use crate::sums::unknown_slots::{SlotBits, UnknownSlots, of_zone};
use crate::sums::volume_billing::is_ebs_id;
use crate::sums::zone_regions::placed;

/// Platform, the sharers of machines: pods of one run on machines of the same, and never on another's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Platform {
    /// CPU architecture, such as `amd64`.
    pub(crate) arch: String,
    /// Operating system, such as `linux`.
    pub(crate) os: String,
    /// `true` when on spot capacity.
    pub(crate) spot: bool,
}

impl Platform {
    /// Returns true where pods of it may run on elastic VMs, on-demand or spot.
    pub(crate) fn suits_elastic_vms(&self) -> bool {
        self.arch == "amd64" && self.os == "linux"
    }
}

/// Place of a node as the engine is told of it: its platform, and its type in the catalog of machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodePlace {
    pub(crate) platform: u16,
    pub(crate) machine_type: u32,
}

/// Facts that decide whether the engine takes a node, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct NodeFacts<'a> {
    pub(crate) instance_type: Option<&'a str>,
    pub(crate) compute_type: ComputeType,
    pub(crate) capacity_type: Option<&'a str>,
    pub(crate) os: Option<&'a str>,
    pub(crate) emp_owned: bool,
}

/// Facts that decide whether a pod may move.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PodFacts<'a> {
    pub(crate) namespace: &'a str,
    /// Its labels as `key=value`; `None` where they are not known.
    pub(crate) labels: Option<&'a [&'a str]>,
    pub(crate) on_spot: bool,
    /// `true` when it asks for more than CPU, memory and disk.
    pub(crate) wants_device: bool,
}

/// The choices the trace is made by.
pub(crate) trait Choices {
    /// Platform and type of a node; or why it stays as it is, with its pods.
    fn node(&self, node: &NodeFacts<'_>) -> Result<NodePlace, &'static str>;
    /// Returns true when a place is on spot capacity.
    fn on_spot(&self, place: NodePlace) -> bool;
    /// Returns true when a pod may move to elastic VMs, given where it ran, selection by selection; and why not under
    /// the first.
    fn moves(&self, pod: &PodFacts<'_>, place: NodePlace) -> (Movable, Option<&'static str>);
    /// Returns true when labels of pods decide.
    fn by_labels(&self) -> bool;
}

/// A workload by its names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WorkloadName {
    pub(crate) namespace: String,
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// Names behind the indexes of all hours.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) workloads: Interner<WorkloadName>,
    classes: Interner<(u32, String)>,
    pub(crate) zones: Interner<String>,
    nodes: Interner<String>,
    node_groups: Interner<String>,
    /// EBS volumes by claim: whether each stops an elastic VM that migrates.
    claims: FastMap<(String, String), Option<bool>>,
    /// Slots of which not even lives are known, by hour and zone.
    pub(crate) unknown: BTreeMap<i64, UnknownSlots>,
    /// Whether every EBS volume is taken for io2 with multi-attach, which stops no migration.
    pub(crate) io2: bool,
    /// Namespaces of pods, and keys of their labels where labels decide; told while workloads are counted.
    pub(crate) namespaces: BTreeSet<String>,
    pub(crate) label_keys: BTreeSet<String>,
    /// `true` when it is known of some pod what it asks for beside CPU and memory.
    pub(crate) knows_devices: bool,
    /// Counts of what moves and what does not, by workload; counted while this is there.
    pub(crate) counted: Option<BTreeMap<u32, Counted>>,
}

impl Names {
    /// Slots of an hour of which not even lives are known in a zone.
    fn unknown_in(&self, hour: i64, zone: u16) -> SlotBits {
        let Some(unknown) = self.unknown.get(&hour) else { return 0 };
        of_zone(unknown, self.zones.names().get(usize::from(zone)).map(String::as_str))
    }
}

/// Pods of a workload over the hours read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Counted {
    /// Seconds of pods that may move.
    pub(crate) moves_seconds: i64,
    /// Seconds and memory that stay, by reason.
    pub(crate) stays: BTreeMap<&'static str, Stays>,
    /// A key its node selectors name that elastic VMs do not have by themselves, where it moves all the same.
    pub(crate) selector: Option<String>,
    /// `true` when a horizontal autoscaler drives it.
    pub(crate) autoscaled: bool,
    /// CPU reserved.
    pub(crate) millicore_seconds: i128,
    /// Memory reserved.
    pub(crate) mib_seconds: i128,
}

/// Pods that stay for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stays {
    pub(crate) seconds: i64,
    /// Memory reserved.
    pub(crate) mib_seconds: i128,
}

/// Why daemons do not move by themselves.
pub(crate) const DAEMON: &str = "on every node, elastic VMs too";
/// A pod on a node that no row shows.
const NO_NODE: &str = "its node is not known";

impl Counted {
    /// Seconds of all its pods.
    pub(crate) fn seconds(&self) -> i64 {
        self.moves_seconds + self.stays.values().map(|stays| stays.seconds).sum::<i64>()
    }

    /// Memory reserved by what moves.
    pub(crate) fn moving_mib_seconds(&self) -> i128 {
        self.mib_seconds - self.stays.values().map(|stays| stays.mib_seconds).sum::<i128>()
    }

    /// CPU reserved by what moves, by the share of the time that does.
    pub(crate) fn moving_millicore_seconds(&self) -> i128 {
        match i128::from(self.seconds()) {
            0 => 0,
            all => self.millicore_seconds * i128::from(self.moves_seconds) / all,
        }
    }

    fn add(&mut self, seconds: i64, ask: Ask, stays: Option<&'static str>) {
        match stays {
            None => self.moves_seconds += seconds,
            Some(why) => {
                let stays = self.stays.entry(why).or_default();
                stays.seconds += seconds;
                stays.mib_seconds += i128::from(ask.memory_mib) * i128::from(seconds);
            }
        }
        self.millicore_seconds += i128::from(ask.cpu_millicores) * i128::from(seconds);
        self.mib_seconds += i128::from(ask.memory_mib) * i128::from(seconds);
    }
}

columns! {
    /// Columns of nodes that are read.
    NODE_COLUMNS, NodeColumns of node_hour:
    hour_start_seconds: Int64s,
    node: Texts,
    instance_type: Texts,
    zone: Texts,
    capacity_type: Texts,
    compute_type: Texts,
    os: Texts,
    os_image: Texts,
    node_group: Texts,
    emp_owned: Flags,
    memory_capacity_bytes: Int64s,
    up_seconds: Int32s,
    memory_touched_mib_by_slot: Slots,
}

columns! {
    /// Columns of pods that are read.
    POD_COLUMNS, PodColumns of pod_hour:
    hour_start_seconds: Int64s,
    pod_uid: Texts,
    namespace: Texts,
    pod: Texts,
    node: Texts,
    workload_kind: Texts,
    workload: Texts,
    created_seconds: Int64s,
    scheduled_seconds: Int64s,
    ended_seconds: Int64s,
    alive_seconds_by_slot: Slots,
    cpu_effective_request_millicores: Int32s,
    memory_effective_request_bytes: Int64s,
    volume_claims: TextLists,
    extended_requests: TextLists,
}

/// Read where labels decide.
const LABEL_COLUMNS: &[Column] = &[pod_hour::labels];

/// Read while workloads are counted.
const COUNTED_COLUMNS: &[Column] = &[pod_hour::node_selector, pod_hour::hpa_target];

/// Columns of pods that are read for these choices.
pub(crate) fn pod_columns(names: &Names, choices: &dyn Choices) -> Vec<Column> {
    let labels = if choices.by_labels() { LABEL_COLUMNS } else { &[] };
    let counted = if names.counted.is_some() { COUNTED_COLUMNS } else { &[] };
    [POD_COLUMNS, labels, counted].concat()
}

/// Keys of node selectors, in the spelling of metric labels, that elastic VMs satisfy as nodes of the cluster do.
const COMMON_SELECTORS: [&str; 8] = [
    "kubernetes_io_os",
    "kubernetes_io_arch",
    "beta_kubernetes_io_os",
    "beta_kubernetes_io_arch",
    "topology_kubernetes_io_zone",
    "topology_kubernetes_io_region",
    "failure_domain_beta_kubernetes_io_zone",
    "emp_pf9_io_owned",
];

columns! {
    /// Columns of containers that are read.
    CONTAINER_COLUMNS, ContainerColumns of container_hour:
    hour_start_seconds: Int64s,
    pod_uid: Texts,
    container: Texts,
    container_kind: Texts,
    cpu_request_millicores: Int32s,
    memory_request_bytes: Int64s,
    cpu_mean_millicores_by_slot: Slots,
    cpu_max_millicores_by_slot: Slots,
    memory_mean_mib_by_slot: Slots,
    memory_max_mib_by_slot: Slots,
}

columns! {
    /// Columns of volumes that are read.
    VOLUME_COLUMNS, VolumeColumns of volume_hour:
    namespace: Texts,
    volume_claim: Texts,
    volume_id: Texts,
    volume_type: Texts,
}

/// The rows of some hours under way.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    hours: BTreeMap<i64, HourRows>,
}

/// The rows of an hour.
#[derive(Debug, Default)]
pub(crate) struct HourRows {
    pods: Vec<PodRow>,
    /// Row of each pod, by uid.
    row_of: FastMap<u128, u32>,
    containers: Vec<ContainerRow>,
    nodes: Vec<NodeRow>,
    /// Where each node is, or why it stays as it is.
    places: FastMap<String, Result<At, &'static str>>,
}

/// A node among others: indexes of its zone, itself and its group, and its place.
#[derive(Debug, Clone, Copy)]
struct At {
    zone: u16,
    node: u32,
    node_group: u16,
    place: NodePlace,
}

impl Rows {
    /// Rows of these hours; those of others are skipped.
    pub(crate) fn of(starts: impl Iterator<Item = i64>) -> Self {
        Self { hours: starts.map(|start| (start, HourRows::default())).collect() }
    }

    /// Takes nodes; they come before pods.
    pub(crate) fn nodes(
        &mut self,
        batch: &RecordBatch,
        names: &mut Names,
        choices: &dyn Choices,
    ) -> Result<(), Misfit> {
        let of = NodeColumns::new(batch)?;
        for row in 0..batch.num_rows() {
            let Some(rows) = self.hours.get_mut(&of.hour_start_seconds.some(row)) else { continue };
            let facts = NodeFacts {
                instance_type: of.instance_type.get(row),
                compute_type: placed(ComputeType::of(of.compute_type.some(row)), of.zone.get(row)),
                capacity_type: of.capacity_type.get(row),
                os: crate::sums::node_billing::os_name(of.os.get(row), of.os_image.get(row)),
                emp_owned: of.emp_owned.get(row).unwrap_or_default(),
            };
            let short = |index: u32| u16::try_from(index).unwrap_or(u16::MAX);
            let at = choices.node(&facts).map(|place| At {
                zone: short(names.zones.index_of(of.zone.get(row).unwrap_or_default())),
                node: names.nodes.index_of(of.node.some(row)),
                node_group: short(names.node_groups.index_of(of.node_group.get(row).unwrap_or_default())),
                place,
            });
            rows.places.insert(of.node.some(row).to_owned(), at);
            let Ok(At { zone, node, node_group, place }) = at else { continue };
            rows.nodes.push(NodeRow {
                zone,
                platform: place.platform,
                machine_type: place.machine_type,
                up_seconds: small(of.up_seconds.some(row)),
                memory_mib: whole(of.memory_capacity_bytes.get(row).unwrap_or_default() >> 20),
                touched_mib: lane(&of.memory_touched_mib_by_slot, row)?,
                node,
                node_group,
            });
        }
        Ok(())
    }

    /// Takes volumes; they come before pods.
    pub(crate) fn volumes(&mut self, batch: &RecordBatch, names: &mut Names) -> Result<(), Misfit> {
        let of = VolumeColumns::new(batch)?;
        for row in 0..batch.num_rows() {
            let of_ebs = of
                .volume_id
                .get(row)
                .filter(|id| is_ebs_id(id))
                .map(|_| !names.io2 && of.volume_type.get(row) != Some("io2"));
            names.claims.insert((of.namespace.some(row).to_owned(), of.volume_claim.some(row).to_owned()), of_ebs);
        }
        Ok(())
    }

    /// Takes pods; they come after nodes and before containers. Gives the seconds of pods that stay as they are.
    pub(crate) fn pods(&mut self, batch: &RecordBatch, names: &mut Names, choices: &dyn Choices) -> Result<(), Misfit> {
        let of = PodColumns::new(batch)?;
        // Asked for where they are used, else null.
        let labels = TextLists::new(batch, pod_hour::labels)?;
        let selectors = TextLists::new(batch, pod_hour::node_selector)?;
        let autoscaled = Flags::new(batch, pod_hour::hpa_target)?;
        // Rows of a pod follow each other, hour after hour.
        let mut last: Option<(WorkloadName, u32)> = None;
        for row in 0..batch.num_rows() {
            let start = of.hour_start_seconds.some(row);
            let Some(rows) = self.hours.get_mut(&start) else { continue };
            let at = rows.places.get(of.node.some(row)).copied().unwrap_or(Err(NO_NODE));
            let seconds = of.alive_seconds_by_slot.get(row)?.unwrap_or_default().map(small);
            let offset = |at: Option<i64>| at.map(|at| at - start);
            let Some((from, to)) =
                PodRow::alive(&seconds, offset(of.scheduled_seconds.get(row)), offset(of.ended_seconds.get(row)))
            else {
                continue;
            };
            let daemon = DAEMONS.contains(&of.workload_kind.some(row));
            let own = (of.namespace.some(row), of.workload_kind.some(row), of.workload.some(row));
            if last.as_ref().is_none_or(|(name, _)| (&*name.namespace, &*name.kind, &*name.name) != own) {
                let (namespace, kind, name) = (own.0.to_owned(), own.1.to_owned(), own.2.to_owned());
                let name = WorkloadName { namespace, kind, name };
                let workload = names.workloads.index(&name);
                last = Some((name, workload));
            }
            let Some((name, workload)) = &last else { continue };
            let workload = *workload;
            let bytes = of
                .memory_effective_request_bytes
                .get(row)
                .unwrap_or_default()
                .saturating_add(huge_pages(of.extended_requests.texts(row)));
            let ask = ask(of.cpu_effective_request_millicores.get(row), Some(bytes));
            let (movable, why) = match at {
                Err(why) => (Movable::NEVER, Some(why)),
                Ok(_) if daemon => (Movable::NEVER, Some(DAEMON)),
                Ok(At { place, .. }) => {
                    let labels = labels.known(row);
                    let facts = PodFacts {
                        namespace: &name.namespace,
                        labels: labels.as_deref(),
                        on_spot: choices.on_spot(place),
                        wants_device: of
                            .extended_requests
                            .texts(row)
                            .any(|request| !request.starts_with("ephemeral_storage=")),
                    };
                    choices.moves(&facts, place)
                }
            };
            if let Some(counted) = &mut names.counted {
                if !names.namespaces.contains(&name.namespace) {
                    names.namespaces.insert(name.namespace.clone());
                }
                for key in labels.texts(row).filter_map(|label| label.split('=').next()) {
                    if !names.label_keys.contains(key) {
                        names.label_keys.insert(key.to_owned());
                    }
                }
                names.knows_devices |= of.extended_requests.is_known(row);
                let counted = counted.entry(workload).or_default();
                counted.add(i64::from(to - from), ask, why);
                counted.autoscaled |= autoscaled.get(row).unwrap_or_default();
                if why.is_none() {
                    let keys = selectors.texts(row).filter_map(|selector| selector.split('=').next());
                    let least = keys.filter(|key| !COMMON_SELECTORS.contains(key)).min();
                    // The least of all, so that it does not hang on the order of the rows.
                    if let Some(key) = least
                        && counted.selector.as_deref().is_none_or(|known| key < known)
                    {
                        counted.selector = Some(key.to_owned());
                    }
                }
            }
            let Ok(At { zone, node, node_group, place }) = at else { continue };
            let mounted: Vec<bool> = of
                .volume_claims
                .texts(row)
                // A claim nothing is known of counts as EBS, which limits, rather than as nothing.
                .filter_map(|claim| {
                    names.claims.get(&(name.namespace.clone(), claim.to_owned())).copied().unwrap_or(Some(true))
                })
                .collect();
            let number = uid_number(of.pod_uid.some(row));
            let index = u32::try_from(rows.pods.len()).unwrap_or(NONE);
            // Two rows of one pod in one hour would be one pod under two names; the first stands.
            if rows.row_of.contains_key(&number) {
                continue;
            }
            rows.row_of.insert(number, index);
            rows.pods.push(PodRow {
                uid: number,
                workload,
                zone,
                platform: place.platform,
                observed_type: place.machine_type,
                movable,
                daemon,
                role: role(of.workload_kind.some(row)),
                ask,
                volumes: u16::try_from(mounted.len()).unwrap_or(u16::MAX),
                pausing_volumes: u16::try_from(mounted.iter().filter(|pauses| **pauses).count()).unwrap_or(u16::MAX),
                alive_from: from,
                alive_to: to,
                waited: waited(start, of.created_seconds.get(row), of.scheduled_seconds.get(row)),
                run: if of.workload_kind.some(row) == "CronJob" { run(of.pod.some(row), &name.name) } else { 0 },
                unknown_slots: names.unknown_in(start, zone),
                node,
                node_group,
            });
        }
        Ok(())
    }

    /// Takes containers; they come after pods.
    pub(crate) fn containers(&mut self, batch: &RecordBatch, names: &mut Names) -> Result<(), Misfit> {
        let of = ContainerColumns::new(batch)?;
        // Rows of a pod follow each other, hour after hour.
        let mut last = (String::new(), 0);
        let mut last_class = (NONE, String::new(), NONE);
        for row in 0..batch.num_rows() {
            let Some(rows) = self.hours.get_mut(&of.hour_start_seconds.some(row)) else { continue };
            if last.0 != of.pod_uid.some(row) {
                last = (of.pod_uid.some(row).to_owned(), uid_number(of.pod_uid.some(row)));
            }
            let Some(pod) = rows.row_of.get(&last.1).copied() else { continue };
            let workload = rows.pods.get(usize::try_from(pod).unwrap_or(usize::MAX)).map_or(NONE, |pod| pod.workload);
            let class = match of.container_kind.some(row) {
                "init" => NONE,
                _ => {
                    let container = of.container.some(row);
                    if last_class.0 != workload || last_class.1 != container {
                        let own = (workload, container.to_owned());
                        let class = names.classes.index(&own);
                        last_class = (own.0, own.1, class);
                    }
                    last_class.2
                }
            };
            rows.containers.push(ContainerRow {
                pod,
                class,
                ask: ask(of.cpu_request_millicores.get(row), of.memory_request_bytes.get(row)),
                cpu_mean_millicores: lane(&of.cpu_mean_millicores_by_slot, row)?,
                cpu_max_millicores: lane(&of.cpu_max_millicores_by_slot, row)?,
                memory_mean_mib: lane(&of.memory_mean_mib_by_slot, row)?,
                memory_max_mib: lane(&of.memory_max_mib_by_slot, row)?,
            });
        }
        Ok(())
    }

    /// The rows by the start of their hour.
    pub(crate) fn by_hour(self) -> impl Iterator<Item = (i64, HourRows)> {
        self.hours.into_iter()
    }
}

impl HourRows {
    /// The hour of these rows.
    pub(crate) fn finish(self, start: i64) -> Result<Hour, InvalidHour> {
        Hour::new(start, self.pods, self.containers, self.nodes)
    }
}

/// The run of a CronJob that a pod belongs to: the number its Job is called by, which is the minute it was due in. Zero
/// where the name does not show it: a name that was cut short, or a Job that somebody made by hand from the CronJob.
///
/// Jobs are called `<cronjob>-<minute>`, and their pods `<job>-<letters>` or `<job>-<index>-<letters>`.
fn run(pod: &str, cron_job: &str) -> u64 {
    let rest = pod.strip_prefix(cron_job).and_then(|rest| rest.strip_prefix('-'));
    let number = rest.and_then(|rest| rest.split_once('-')).map(|(number, _)| number);
    number
        .filter(|number| number.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// What becomes of a pod that starts late, by the kind of its workload.
fn role(kind: &str) -> Role {
    match kind {
        "StatefulSet" => Role::Stateful,
        "CronJob" => Role::Periodic,
        // A pod that nothing owns runs once; Spark's executors are owned by the driver's pod.
        "Pod" | "SparkApplication" | "Workflow" | "PipelineRun" | "TaskRun" => Role::Batch,
        // `Job`, and what frameworks name after it: `PyTorchJob`, `MPIJob`, `RayJob`.
        kind if kind.ends_with("Job") => Role::Batch,
        _ => Role::Service,
    }
}

/// Seconds a pod that was scheduled in the hour that begins at `start` waited for it; zero where it was before, and
/// where either moment is not known.
fn waited(start: i64, created: Option<i64>, scheduled: Option<i64>) -> u32 {
    let scheduled = scheduled.filter(|scheduled| *scheduled >= start);
    created.zip(scheduled).map_or(0, |(created, scheduled)| whole(scheduled - created))
}

/// The values of a row; not known where there is no sample.
fn lane(slots: &Slots<'_>, row: usize) -> Result<Lane, Misfit> {
    let Some(values) = slots.sampled(row)? else { return Ok(Lane::UNKNOWN) };
    let mut lane = [UNKNOWN; SLOTS];
    for (cell, value) in lane.iter_mut().zip(values) {
        if let Some(value) = value {
            *cell = whole(value.into());
        }
    }
    Ok(Lane(lane))
}

/// Bytes of huge pages among the other requests of a pod: a node sets them aside of the memory that all others share.
fn huge_pages<'a>(requests: impl Iterator<Item = &'a str>) -> i64 {
    let pages = requests.filter_map(|request| request.strip_prefix("hugepages_")?.split_once('=')?.1.parse().ok());
    pages.fold(0, |sum: i64, bytes: i64| sum.saturating_add(bytes.max(0)))
}

/// Returns the request, in millicores and bytes; nothing is requested where there is none.
fn ask(millicores: Option<i64>, bytes: Option<i64>) -> Ask {
    Ask {
        cpu_millicores: whole(millicores.unwrap_or_default()),
        memory_mib: whole(bytes.unwrap_or_default().saturating_add((1 << 20) - 1) >> 20),
    }
}

/// A number that is never negative and far below 2^32.
fn whole(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(UNKNOWN - 1)
}

/// Seconds of an hour.
fn small(seconds: i64) -> u16 {
    u16::try_from(seconds.clamp(0, replay::HOUR_SECONDS)).unwrap_or_default()
}

/// A uid as a number: its hexadecimal digits where it is made of 32 of them, else a hash.
fn uid_number(uid: &str) -> u128 {
    let digits = || uid.bytes().filter(|digit| *digit != b'-');
    let value = |digit: u8| char::from(digit).to_digit(16);
    let number = digits().try_fold(0_u128, |number, digit| Some(number << 4 | u128::from(value(digit)?)));
    if let Some(number) = number.filter(|_| digits().count() == 32) {
        return number;
    }
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, uid).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_its_digits_and_anything_else_a_hash() {
        assert_eq!(uid_number("00000000-0000-0000-0000-0000000000ff"), 255);
        assert_eq!(uid_number("000000000000000000000000000000ff"), 255);
        assert_ne!(uid_number("a"), uid_number("b"));
        assert_eq!(uid_number("a"), uid_number("a"));
    }

    #[test]
    fn huge_pages_are_memory_of_the_node() {
        let check = |requests: &[&str], expect: i64| assert_eq!(huge_pages(requests.iter().copied()), expect);
        check(&["hugepages_2Mi=4294967296", "nvidia_com_gpu=1", "hugepages_1Gi=1073741824"], 5 << 30);
        check(&["nvidia_com_gpu=1", "hugepages_2Mi=x", "hugepages_2Mi"], 0);
        check(&["hugepages_2Mi=9223372036854775807", "hugepages_1Gi=1"], i64::MAX);
    }

    #[test]
    fn a_run_is_the_number_of_its_job() {
        for (pod, cron_job, expect) in [
            ("report-28934400-x7k2p", "report", 28_934_400),
            ("report-28934400-3-x7k2p", "report", 28_934_400),
            ("report-eu-28934400-x7k2p", "report-eu", 28_934_400),
            // Cut short, so that letters follow digits; made by hand; another's.
            ("report-289344x7k2p", "report", 0),
            ("report-by-hand-x7k2p", "report", 0),
            ("reports-28934400-x7k2p", "report", 0),
            ("report", "report", 0),
            ("report--x7k2p", "report", 0),
        ] {
            assert_eq!(run(pod, cron_job), expect, "{pod}");
        }
    }

    #[test]
    fn a_role_is_that_of_the_workload() {
        for (kind, expect) in [
            ("Deployment", Role::Service),
            ("ReplicaSet", Role::Service),
            ("Rollout", Role::Service),
            ("SomethingElse", Role::Service),
            ("StatefulSet", Role::Stateful),
            ("CronJob", Role::Periodic),
            ("Job", Role::Batch),
            ("PyTorchJob", Role::Batch),
            ("Pod", Role::Batch),
            ("Workflow", Role::Batch),
        ] {
            assert_eq!(role(kind), expect, "{kind}");
        }
    }

    #[test]
    fn a_wait_is_that_of_pods_scheduled_in_the_hour() {
        assert_eq!(waited(3600, Some(3500), Some(3700)), 200);
        assert_eq!(waited(3600, Some(3500), Some(3600)), 100);
        // Scheduled before; created after, by clocks that differ; not known.
        assert_eq!(waited(3600, Some(3400), Some(3500)), 0);
        assert_eq!(waited(3600, Some(3701), Some(3700)), 0);
        assert_eq!(waited(3600, None, Some(3700)), 0);
        assert_eq!(waited(3600, Some(3500), None), 0);
    }

    #[test]
    fn a_name_has_one_index() {
        let mut names = Interner::default();
        assert_eq!((names.index(&"a"), names.index(&"b"), names.index(&"a")), (0, 1, 0));
        assert_eq!(names.names(), ["a", "b"]);
    }
}
