//! Every table and column of the lake, version 1. Contract: readers exist.
//!
//! A column may be added, nullable, at the end of its table; a column with another meaning gets another name.
//! One definition gives the row type that writers fill, the Arrow schema, and the column constants that
//! readers name columns by.

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;

use crate::column_values::{Cell, Kind, SlotValues};

/// One column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in the files.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a value may be null. Null means "not known"; the documentation says when that happens.
    pub nullable: bool,
    /// Its unit; empty for names.
    pub unit: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A row type, and with it a table.
pub trait Table: Sized {
    /// The name of the table, the first segment of its keys.
    const NAME: &'static str;
    /// What a row is.
    const DOC: &'static str;
    /// Its columns, in the order of the files.
    const COLUMNS: &'static [Column];

    /// What the rows of one hour are sorted by and unique in; those of a day, with `hour_start_seconds` after it.
    const KEY: [Column; 2];

    /// The rows as columns, in the order of [`Self::COLUMNS`].
    fn to_columns(rows: &[Self]) -> Vec<ArrayRef>;

    /// One row of a batch; `None` when a column is missing or of another type, or null where it may not be.
    fn from_batch(batch: &RecordBatch, row: usize) -> Option<Self>;

    /// The values of [`Self::KEY`].
    fn key(&self) -> (&str, &str);
}

macro_rules! table {
    (
        $(#[doc = $table_doc:literal])*
        $table:ident, $module:ident, key ($key_a:ident, $key_b:ident);
        $( $(#[doc = $doc:literal])+ $field:ident: $type:ty, $unit:literal; )+
    ) => {
        $(#[doc = $table_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $table {
            $( $(#[doc = $doc])+ pub $field: $type, )+
        }

        #[doc = concat!("The columns of `", stringify!($module), "`, for readers.")]
        #[expect(non_upper_case_globals, reason = "a constant is called as its column is")]
        pub mod $module {
            use super::{Cell, Column, SlotValues as _SlotValues};
            #[allow(unused_imports, reason = "only some tables hold lists by slot")]
            use _SlotValues as SlotValues;
            $(
                $(#[doc = $doc])+
                pub const $field: Column = Column {
                    name: stringify!($field),
                    kind: <$type as Cell>::KIND,
                    nullable: <$type as Cell>::NULLABLE,
                    unit: $unit,
                    doc: concat!($($doc),+),
                };
            )+
        }

        impl Table for $table {
            const NAME: &'static str = stringify!($module);
            const DOC: &'static str = concat!($($table_doc),*);
            const COLUMNS: &'static [Column] = &[$($module::$field),+];
            const KEY: [Column; 2] = [$module::$key_a, $module::$key_b];

            fn to_columns(rows: &[Self]) -> Vec<ArrayRef> {
                vec![$(<$type as Cell>::write(rows.iter().map(|row| &row.$field))),+]
            }

            fn from_batch(batch: &RecordBatch, row: usize) -> Option<Self> {
                $(
                    let $field = match batch.column_by_name(stringify!($field)) {
                        Some(array) => <$type as Cell>::read(array, row)?,
                        None => Self::absent::<$type>()?,
                    };
                )+
                Some(Self { $($field),+ })
            }

            fn key(&self) -> (&str, &str) {
                (&self.$key_a, &self.$key_b)
            }
        }

        impl $table {
            /// The value of a column that an older writer did not know: null, where null is allowed.
            fn absent<C: Cell + Default>() -> Option<C> {
                C::NULLABLE.then(C::default)
            }
        }
    };
}

table! {
    /// One container of one pod in one hour; its instances (restarts) are one row.
    ContainerHour, container_hour, key (pod_uid, container);
    /// Start of the hour, in seconds since the epoch.
    hour_start_seconds: i64, "second";
    /// Uid of the pod.
    pod_uid: String, "";
    /// Name of the container.
    container: String, "";
    /// Namespace of the pod.
    namespace: String, "";
    /// Name of the pod.
    pod: String, "";
    /// Node the pod is bound to.
    node: String, "";
    /// `app`, `init`, or `sidecar` (an init container that keeps running).
    container_kind: String, "";
    /// CPU request, the mean over its time in the hour where it changed; null when the container has none.
    cpu_request_millicores: Option<i32>, "millicore";
    /// Memory request, the mean over its time in the hour where it changed; null when the container has none.
    memory_request_bytes: Option<i64>, "byte";
    /// CPU limit; null when the container has none.
    cpu_limit_millicores: Option<i32>, "millicore";
    /// Memory limit; null when the container has none.
    memory_limit_bytes: Option<i64>, "byte";
    /// Seconds of the hour in which an instance of the container ran; null when no instance was seen.
    running_seconds: Option<i32>, "second";
    /// Container instances seen in the hour; more than one means restarts. One where usage is inferred from a rule.
    instances: i32, "";
    /// CPU used, exact from the counter up to the last sample seen, or inferred from a recording rule where the manifest's
    /// `query_set` names one; null without samples.
    cpu_core_milliseconds: Option<i64>, "core-millisecond";
    /// Memory (working set) times time; null without samples.
    memory_kib_seconds: Option<i64>, "KiB-second";
    /// Largest known CPU use: of `cpu_max_millicores_by_slot` where that is known, else of the slot means.
    cpu_max_millicores: Option<i32>, "millicore";
    /// Largest memory sample.
    memory_max_kib: Option<i64>, "KiB";
    /// Mean CPU of each slot while the container ran in it; null = no sample.
    cpu_mean_millicores_by_slot: Option<SlotValues>, "millicore";
    /// Peak CPU of each slot: the greatest of the rates between two scrapes that the server recorded; null where it records
    /// none.
    cpu_max_millicores_by_slot: Option<SlotValues>, "millicore";
    /// Mean memory of each slot while the container ran in it, rounded; null = no sample.
    memory_mean_mib_by_slot: Option<SlotValues>, "MiB";
    /// Largest memory sample of each slot, rounded up; null = no sample.
    memory_max_mib_by_slot: Option<SlotValues>, "MiB";
    /// Seconds of the hour without a sample between two of a counter that ran on: what it counted is spread over them
    /// evenly, and memory is taken to have gone from the one to the other. Null where no CPU is known.
    interpolated_seconds: Option<i32>, "second";
}

table! {
    /// One pod in one hour, from when it is bound to a node until it ends.
    PodHour, pod_hour, key (pod_uid, pod);
    /// Start of the hour, in seconds since the epoch.
    hour_start_seconds: i64, "second";
    /// Uid of the pod.
    pod_uid: String, "";
    /// Namespace of the pod.
    namespace: String, "";
    /// Name of the pod.
    pod: String, "";
    /// Node the pod is bound to.
    node: String, "";
    /// Kind of the workload at the top of the owner chain, such as `Deployment`; `Pod` without an owner.
    workload_kind: String, "";
    /// Name of the workload.
    workload: String, "";
    /// When the pod was created, in seconds since the epoch.
    created_seconds: Option<i64>, "second";
    /// When it was bound to its node.
    scheduled_seconds: Option<i64>, "second";
    /// When the kubelet started it.
    started_seconds: Option<i64>, "second";
    /// When it ended: its completion, else the last scrape that saw it. Null while it lives.
    ended_seconds: Option<i64>, "second";
    /// How `ended_seconds` is known: `completed`, `phase` or `last_seen`. Null while it lives.
    ended_source: Option<String>, "";
    /// Seconds of each slot between binding and end, in which the pod holds its requests.
    alive_seconds_by_slot: SlotValues, "second";
    /// `Guaranteed`, `Burstable` or `BestEffort`.
    qos_class: Option<String>, "";
    /// Priority class.
    priority_class: Option<String>, "";
    /// Whether it uses the node's network.
    host_network: Option<bool>, "";
    /// CPU the scheduler reserves: the larger of containers and init containers, sidecars in both, plus
    /// overhead. Null when nothing in the pod requests CPU.
    cpu_effective_request_millicores: Option<i32>, "millicore";
    /// Memory the scheduler reserves, by the same rule.
    memory_effective_request_bytes: Option<i64>, "byte";
    /// Whether a horizontal autoscaler drives the workload; null when no autoscaler shows in the whole cluster, which may
    /// be because none is exposed.
    hpa_target: Option<bool>, "";
    /// Node selector, as `key=value`, keys in the spelling of label names; null when not collected.
    node_selector: Option<Vec<String>>, "";
    /// Tolerations, as `key=value:effect`, or `key:effect` where any value is tolerated, without those of nodes that are
    /// not ready or unreachable, which every pod gets; null when not collected.
    tolerations: Option<Vec<String>>, "";
    /// Allow-listed labels, as `key=value`, keys as they were allow-listed; null when none were asked for, or no pod of
    /// the cluster shows any of them.
    labels: Option<Vec<String>>, "";
    /// Persistent volume claims it mounts.
    volume_claims: Vec<String>, "";
    /// What the scheduler reserves for it beside CPU and memory, such as `nvidia_com_gpu=1`; null when not collected.
    extended_requests: Option<Vec<String>>, "";
    /// Whether its class shows that it asks for CPU or memory as a whole (`spec.resources` of a pod), which no metric has:
    /// then its effective requests are null because they are not known, and not because there are none. Null when the
    /// class is not known, or the requests of its containers or init containers are not collected.
    pod_level_requests: Option<bool>, "";
}

table! {
    /// One node in one hour.
    NodeHour, node_hour, key (node, provider_id);
    /// Start of the hour, in seconds since the epoch.
    hour_start_seconds: i64, "second";
    /// Name of the node.
    node: String, "";
    /// Provider id, such as `aws:///us-east-1a/i-0abc`; empty when not known.
    provider_id: String, "";
    /// EC2 instance id; null when the provider id has none (Fargate).
    instance_id: Option<String>, "";
    /// EC2 instance type; null when not known.
    instance_type: Option<String>, "";
    /// How the instance type is known: `override`, `label`, `dmi`, `api`, `inferred` or `unknown`.
    instance_type_source: String, "";
    /// Region.
    region: Option<String>, "";
    /// Availability zone.
    zone: Option<String>, "";
    /// `on-demand` or `spot`; null when no label says it.
    capacity_type: Option<String>, "";
    /// `ec2`, `fargate`, `auto`, `hybrid` or `outpost`.
    compute_type: String, "";
    /// Managed node group or Karpenter node pool.
    node_group: Option<String>, "";
    /// CPU architecture, such as `amd64`.
    arch: Option<String>, "";
    /// Operating system, such as `linux`.
    os: Option<String>, "";
    /// Kubelet version.
    kubelet_version: Option<String>, "";
    /// Whether the node is an elastic VM already.
    emp_owned: bool, "";
    /// CPU capacity.
    cpu_capacity_millicores: Option<i32>, "millicore";
    /// Memory capacity.
    memory_capacity_bytes: Option<i64>, "byte";
    /// Pods the kubelet accepts.
    pods_capacity: Option<i32>, "";
    /// CPU allocatable to pods.
    cpu_allocatable_millicores: Option<i32>, "millicore";
    /// Memory allocatable to pods.
    memory_allocatable_bytes: Option<i64>, "byte";
    /// Taints, as `key=value:effect`.
    taints: Vec<String>, "";
    /// When the node was created, in seconds since the epoch.
    created_seconds: Option<i64>, "second";
    /// First moment of the hour the node was there: its creation, else the start of the hour.
    first_seen_seconds: i64, "second";
    /// Last moment of the hour the node was there: the end of the hour, else the last scrape that saw it.
    last_seen_seconds: i64, "second";
    /// Seconds between the two.
    up_seconds: i32, "second";
    /// CPU used by everything on the node; null = no sample.
    cpu_used_millicores_by_slot: Option<SlotValues>, "millicore";
    /// CPU time the hypervisor gave to others; null = no sample.
    cpu_steal_millicores_by_slot: Option<SlotValues>, "millicore";
    /// Memory in use (`MemTotal` less `MemAvailable`); null = no sample.
    memory_used_mib_by_slot: Option<SlotValues>, "MiB";
    /// Memory touched, page cache included (`MemTotal` less `MemFree`); null = no sample.
    memory_touched_mib_by_slot: Option<SlotValues>, "MiB";
    /// Where the node's usage comes from: `node-exporter`; null when none was found.
    usage_source: Option<String>, "";
    /// Bytes received by the node's network interfaces, from the counters; null when not collected.
    network_receive_bytes: Option<i64>, "byte";
    /// Bytes sent by the node's network interfaces; null when not collected.
    network_transmit_bytes: Option<i64>, "byte";
    /// Size of the root disk as the kubelet reports it (ephemeral storage).
    root_disk_bytes: Option<i64>, "byte";
    /// Bytes read from the node's block devices, from the counters; null when not collected.
    disk_read_bytes: Option<i64>, "byte";
    /// Bytes written to the node's block devices; null when not collected.
    disk_written_bytes: Option<i64>, "byte";
    /// Instance types the node's size fits, when more than one does and nothing else tells; the first 32 by name; null
    /// otherwise.
    instance_type_candidates: Option<Vec<String>>, "";
    /// Capacity beside CPU, memory, pods and disk, such as `nvidia_com_gpu=4`; null when not collected.
    extended_capacity: Option<Vec<String>>, "";
    /// CPU, memory and more that a Fargate node was provisioned with, such as `0.25vCPU 0.5GB`; null elsewhere.
    fargate_provisioned: Option<String>, "";
    /// Operating system image as the kubelet names it, such as `Red Hat Enterprise Linux 9.4 (Plow)`; null when not known.
    os_image: Option<String>, "";
    /// Public IPv4 addresses among those the node shows (`ExternalIP`); null when its addresses are not collected.
    public_ipv4_addresses: Option<i32>, "";
}

table! {
    /// One persistent volume claim in one hour.
    VolumeHour, volume_hour, key (namespace, volume_claim);
    /// Start of the hour, in seconds since the epoch.
    hour_start_seconds: i64, "second";
    /// Namespace of the claim.
    namespace: String, "";
    /// Name of the claim.
    volume_claim: String, "";
    /// Persistent volume bound to it.
    volume: String, "";
    /// Zone of the volume; null when not known.
    zone: Option<String>, "";
    /// Storage class.
    storage_class: Option<String>, "";
    /// Id of what is behind it: the EBS volume (`vol-…`), or the file system of EFS or FSx with what of it is mounted
    /// (`fs-…::fsap-…`); null for other drivers.
    volume_id: Option<String>, "";
    /// EBS volume type; null when nothing names it.
    volume_type: Option<String>, "";
    /// How the volume type is known: `override`, `api`, `storage-class-name` or `unknown`.
    volume_type_source: String, "";
    /// Provisioned IOPS; null when not known.
    iops: Option<i64>, "";
    /// Provisioned throughput; null when not known.
    throughput_mib_per_second: Option<i32>, "MiB/s";
    /// Capacity; the mean over its time in the hour where it grew.
    capacity_bytes: Option<i64>, "byte";
    /// Most bytes used in the hour; null when not collected.
    used_max_bytes: Option<i64>, "byte";
    /// Seconds of the hour in which the volume existed, on the grid.
    present_seconds: i32, "second";
    /// Pods that mount it.
    pods: Vec<String>, "";
    /// How the zone is known: `label`, `volume-id`, `api`, or `node` of a pod that mounts it; null when it is not.
    zone_source: Option<String>, "";
    /// CSI driver of the volume, such as `ebs.csi.aws.com` or `efs.csi.aws.com`, or the driver that is part of Kubernetes,
    /// such as `kubernetes.io/nfs`; null where that is the one of EBS, and when not known.
    csi_driver: Option<String>, "";
    /// True for an EBS volume on an Outpost, by the nodes of the pods that mount it, since it can be attached nowhere else;
    /// null when no pod mounts it, or their nodes are not known.
    on_outpost: Option<bool>, "";
}

table! {
    /// One address of one Service, Ingress or Gateway that has a load balancer, in one hour. Objects with the same address
    /// share one load balancer. Ingresses whose class is not one of Application Load Balancers are not here: what serves
    /// them has a Service. An hour of which Services are not collected has rows of the others at most; the query
    /// `load_balancers` in `quality_hour` tells that by having no series.
    LoadBalancerHour, load_balancer_hour, key (address, object);
    /// Start of the hour, in seconds since the epoch.
    hour_start_seconds: i64, "second";
    /// DNS name, or IP address, that the status of the object has; empty where no metric shows one, as of Ingresses.
    address: String, "";
    /// Kind, namespace and name of the object, as `Service/shop/web`.
    object: String, "";
    /// Namespace of the object.
    namespace: String, "";
    /// `application`, `network` or `classic`; null when not known, as of an address that is none of AWS's.
    load_balancer_type: Option<String>, "";
    /// Source of the type: `hostname`, `ingress-class` (its controller), `ingress-class-name`, `annotation` or `unknown`.
    load_balancer_type_source: String, "";
    /// Region, which the DNS name says; null when not known.
    region: Option<String>, "";
    /// True when it can be reached from the internet, by its DNS name or its annotations; null when neither tells.
    internet_facing: Option<bool>, "";
    /// Class of an Ingress; null of other objects and where it has none.
    ingress_class: Option<String>, "";
    /// Group of Ingresses that share a load balancer; empty for one that is in none. Null of other objects, and where the
    /// annotation that tells it is not collected.
    ingress_group: Option<String>, "";
    /// Seconds of the hour in which it was there, on the grid.
    present_seconds: i32, "second";
}

table! {
    /// What one query of the hour returned, and what was wrong with it.
    QualityHour, quality_hour, key (query, server_version);
    /// Start of the hour, in seconds since the epoch.
    hour_start_seconds: i64, "second";
    /// Name of the query, such as `container_cpu`.
    query: String, "";
    /// Version of the server that answered.
    server_version: String, "";
    /// Series returned.
    series: i64, "";
    /// Samples returned.
    samples: i64, "";
    /// Series beyond one for each identity, counted just after the hour; collapsed, so that nothing counts twice.
    duplicates_dropped: i64, "";
    /// Values that are not finite numbers, dropped.
    not_finite_dropped: i64, "";
    /// Warnings of the server.
    warnings: Vec<String>, "";
    /// What kind of server answered, such as `prometheus` or `thanos`.
    server_flavor: Option<String>, "";
    /// Hash of everything asked; after it, in words, other names than today's that were read, and the replica.
    query_set: Option<String>, "";
    /// Queries the question was asked in; more than one when the server could not answer it whole.
    shards: Option<i32>, "";
    /// Series that hold only native histograms, skipped.
    histograms_only: Option<i64>, "";
    /// Series without a label that identifies them, dropped.
    without_identity: Option<i64>, "";
    /// Scrapes of the exporter expected in the hour, all targets together, by the interval seen; null when not known.
    scrapes_expected: Option<i64>, "";
    /// Scrapes of the exporter that brought samples, all targets together; null when not known.
    scrapes_seen: Option<i64>, "";
    /// Seconds since their pod was started of containers without one sample in the hour, so that they may have run and
    /// nothing is known of it; null where the query is not about usage.
    seconds_without_usage: Option<i64>, "second";
    /// The pods of those seconds, as `namespace/pod`, the longest first, at most twenty.
    pods_without_usage: Option<Vec<String>>, "";
    /// Values that are more than the machine can do, or less than was there before, taken as unknown.
    implausible_dropped: Option<i64>, "";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_unique<T: Table>() {
        let mut names: Vec<_> = T::COLUMNS.iter().map(|c| c.name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before, "{}", T::NAME);
        for column in T::COLUMNS {
            assert!(column.doc.trim().ends_with('.'), "{}.{}", T::NAME, column.name);
        }
    }

    #[test]
    fn every_column_is_named_once_and_documented() {
        check_unique::<ContainerHour>();
        check_unique::<PodHour>();
        check_unique::<NodeHour>();
        check_unique::<VolumeHour>();
        check_unique::<LoadBalancerHour>();
        check_unique::<QualityHour>();
    }

    #[test]
    fn a_column_named_for_a_unit_says_that_unit() {
        let by_suffix = [("_millicores", "millicore"), ("_bytes", "byte"), ("_mib_by_slot", "MiB"), ("_kib", "KiB")];
        for column in crate::schema::TABLES.iter().flat_map(|table| table.columns) {
            for (suffix, unit) in by_suffix {
                assert!(!column.name.ends_with(suffix) || column.unit == unit, "{}", column.name);
            }
        }
    }
}
