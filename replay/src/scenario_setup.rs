//! A scenario: which requests, which machines, which policies. Small values; the engine is one.

use std::sync::Arc;

use crate::host_usage_prediction::Predictor;
use crate::input_hour::Ask;
use crate::live_migration::Migration;
use crate::machine_types::{Catalog, HostType};
use crate::placement::Score;

/// Which requests pods come with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Requests {
    /// As recorded.
    #[default]
    AsTheyAre,
    /// From the usage of the days before ([`crate::RightSizing`]).
    RightSized,
}

crate::choice! {
    /// Choice of zones: whether pods stay in the zone they ran in.
    pub enum Zones {
        /// They stay.
        Pinned = "pinned",
        /// Pods without a volume may run in any zone; a new machine comes up in the pod's own.
        Free = "free",
    }
}

/// Which EC2 machines are bought for pods that fit nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buy {
    /// The type the pod ran on: what node groups and node pools did. The back-test.
    AsObserved,
    /// The cheapest that fit, first-fit by decreasing CPU: what Karpenter would give.
    FirstFitDecreasing,
    /// Whatever comes out cheapest of all the packings tried ([`crate::placement::Packer`]), and machines that run are packed
    /// again: the best honest EC2.
    Cheapest,
}

/// Rule by which machines that are not needed go away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Consolidation {
    /// Not at all: what came up stays, as where nobody scales in.
    Never,
    /// Only once nothing but daemons runs on them.
    EmptyOnly,
    /// Also by moving their pods: off the emptiest machines onto others, or onto a cheaper new one.
    Drain {
        /// Share of a pool's machines that may be drained in one slot, at least one.
        budget: f64,
        /// Seconds a machine is left alone after it came up.
        settle_seconds: i64,
    },
}

impl Consolidation {
    /// Karpenter's defaults: a tenth of the nodes at a time.
    pub const KARPENTER: Self = Self::Drain { budget: 0.1, settle_seconds: 600 };
}

/// Machines on EC2, and the rules for them.
#[derive(Debug, Clone, PartialEq)]
pub struct Ec2 {
    /// Machines to be bought, as indexes into the catalog; used by the two packers.
    pub types: Vec<u32>,
    /// Which of them are bought.
    pub buy: Buy,
    /// Score by which kube-scheduler chooses among machines with room.
    pub score: Score,
    /// Rule by which machines go away.
    pub consolidation: Consolidation,
    /// Machines a lot keeps at least while two or more of its pods belong to services, so that one node is never all there
    /// is. Bought machines only: what takes the place of today's nodes is as many as today.
    pub least_machines: u32,
    /// Pods a machine takes at most, daemons aside, beside what its type takes; on EC2 alone.
    pub most_pods: u32,
}

/// Machines kept ready before pods ask for them.
///
/// Warm machines are what over-provisioning with low-priority pause pods gives, and `minEVMs` of a pool: nobody is
/// scheduled onto them while anything else has room, and the pod that needs one finds it booted. Another is requested at
/// once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Headroom {
    /// Warm machines in each lot, of the type the lot has most of.
    pub warm_machines: u32,
    /// Seconds after which an empty machine leaves.
    pub empty_seconds: i64,
}

impl Headroom {
    /// The levels tried, each with more kept than the one before.
    pub const LEVELS: [Self; 6] = [
        Self { warm_machines: 0, empty_seconds: 600 },
        Self { warm_machines: 0, empty_seconds: 3600 },
        Self { warm_machines: 1, empty_seconds: 600 },
        Self { warm_machines: 1, empty_seconds: 7200 },
        Self { warm_machines: 2, empty_seconds: 3600 },
        Self { warm_machines: 4, empty_seconds: 7200 },
    ];
}

impl Default for Headroom {
    fn default() -> Self {
        Self { warm_machines: 0, empty_seconds: 600 }
    }
}

/// Limits on evictions by a scenario's own draining; the judge allows the same ([`crate::Limits`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvictionLimits {
    /// Evictions per pod of a service and day; infinite where they are not limited.
    pub per_pod_day: f64,
    /// The same for stateful sets and for workloads with one replica.
    pub per_single_pod_day: f64,
}

impl EvictionLimits {
    /// No limit.
    pub const OPEN: Self = Self { per_pod_day: f64::INFINITY, per_single_pod_day: f64::INFINITY };
}

crate::choice! {
    /// Model of how much of an elastic VM's memory is resident on its host.
    pub enum MemoryModel {
        /// The most its pods ever used since it booted: freed pages are not returned without a balloon.
        HighWater = "high_water",
        /// Memory that its pods use in the slot.
        WorkingSet = "working_set",
        /// The larger of the most ever used and the share of memory that nodes of the cluster touch, page cache included.
        Touched = "touched",
    }
}

/// The elastic machine pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// The one host type of the pool.
    pub host: HostType,
    /// The elastic VM that takes the place of each machine type ([`HostType::mirror`]).
    pub evm_of: Vec<u32>,
    /// Types elastic VMs may have; a pod whose own has no room for it gets the smallest of these that has.
    pub evm_types: Vec<u32>,
    /// vCPU of elastic VMs on a host, as a multiple of its threads.
    pub cpu_overcommit: f64,
    /// Memory of elastic VMs on a host, as a multiple of its nominal memory.
    pub memory_overcommit: f64,
    /// Share of its usable CPU and memory that a host is filled to and rebalanced above.
    pub threshold: f64,
    /// Share that rebalancing brings it to, and that its target may reach.
    pub settled: f64,
    /// Share up to which a host's elastic VMs must fit elsewhere for it to be released.
    pub consolidate_below: f64,
    /// Slots for which they must.
    pub consolidate_slots: u32,
    /// Threads of a host that elastic VMs do not get.
    pub reserved_threads: u32,
    /// Share of a host's nominal memory that Linux sees.
    pub usable_memory: f64,
    /// Memory of a host that elastic VMs do not get, in MiB.
    pub reserved_mib: u32,
    /// Memory of its agents, in MiB.
    pub host_base_mib: u32,
    /// KubeVirt's memory for one elastic VM: a share of its own.
    pub evm_overhead_share: f64,
    /// The same: MiB whatever its size.
    pub evm_overhead_mib: u32,
    /// The same: MiB for each vCPU.
    pub evm_overhead_mib_per_vcpu: u32,
    /// CPU the guest's own system uses.
    pub guest_millicores: u32,
    /// Memory the guest's own system uses.
    pub guest_mib: u32,
    /// Predictor of a host's use.
    pub predictor: Predictor,
    /// Slots after which an elastic VM is predicted from its own history.
    pub mature_slots: u32,
    /// Which memory is resident.
    pub memory_model: MemoryModel,
    /// Migration.
    pub migration: Migration,
    /// Migrations into and out of a host at a time.
    pub migrations_per_host: u32,
    /// Seconds an elastic VM rests after a migration.
    pub rest_seconds: i64,
    /// Hosts each zone in use keeps.
    pub min_hosts_per_zone: u32,
    /// Hosts the pool may have in a zone; `None` is no limit.
    pub max_hosts_per_zone: Option<u32>,
    /// Hosts each zone in use keeps beside, empty.
    pub spare_hosts_per_zone: u32,
    /// Score by which kube-scheduler chooses among elastic VMs with room.
    pub score: Score,
    /// Zones the pool is in, the first of them those that pods of other zones go to first; none stands for all. A pod with a
    /// volume in another zone does not move.
    pub zones: Vec<u16>,
    /// Rule by which elastic VMs go away.
    pub consolidation: Consolidation,
    /// Boot of an elastic VM, once its host is there.
    pub evm_boot_seconds: i64,
    /// Boot of a host.
    pub host_boot_seconds: i64,
}

impl Pool {
    /// The documented pool on `host`, each machine type replaced as [`HostType::mirror`] says.
    pub fn new(host: HostType, catalog: &Catalog, family: &[u32]) -> Self {
        Self {
            evm_of: host.mirror(catalog, family),
            evm_types: family.to_vec(),
            host,
            cpu_overcommit: 3.0,
            memory_overcommit: 1.5,
            threshold: 0.80,
            settled: 0.75,
            consolidate_below: 0.65,
            consolidate_slots: 6,
            reserved_threads: 2,
            usable_memory: 0.98,
            reserved_mib: 8192,
            host_base_mib: 360,
            evm_overhead_share: 0.002,
            evm_overhead_mib: 218,
            evm_overhead_mib_per_vcpu: 8,
            guest_millicores: 100,
            guest_mib: 1024,
            predictor: Predictor::default(),
            mature_slots: 24,
            memory_model: MemoryModel::default(),
            migration: Migration::default(),
            migrations_per_host: 2,
            rest_seconds: 1800,
            min_hosts_per_zone: 1,
            max_hosts_per_zone: None,
            spare_hosts_per_zone: 0,
            score: Score::default(),
            zones: Vec::new(),
            consolidation: Consolidation::EmptyOnly,
            evm_boot_seconds: 240,
            host_boot_seconds: 900,
        }
    }
}

/// A scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// Its id, such as `emp`.
    pub id: String,
    /// Machine types by index.
    pub catalog: Arc<Catalog>,
    /// Which requests pods come with.
    pub requests: Requests,
    /// Machines for what does not move, or for everything.
    pub ec2: Ec2,
    /// Where movable pods go; `None` keeps them on EC2.
    pub pool: Option<Pool>,
    /// Which selection of pods moves there ([`crate::Movable`]).
    pub selection: u8,
    /// `true` when pods keep to their zone.
    pub zones: Zones,
    /// Requests of daemons on every machine.
    pub daemons: Ask,
    /// Daemons on every machine.
    pub daemon_pods: u32,
    /// Boot of an EC2 node.
    pub node_boot_seconds: i64,
    /// Machines kept ready.
    pub headroom: Headroom,
    /// Evictions that draining keeps to.
    pub evictions: EvictionLimits,
    /// Platforms that are spot capacity; what runs on them is what AWS may take back.
    pub spot: Vec<u16>,
    /// Share of spot machines that AWS takes back in a month.
    pub spot_interruptions: f64,
    /// The least that is billed of a host or a node, in seconds.
    pub least_billed_seconds: i64,
    /// Yield of a thread when its sibling is busy, as a share of what it delivers alone.
    pub smt_yield: f64,
    /// Seconds from the start whose risk does not count; their cost does.
    pub warm_up_seconds: i64,
    /// Seconds beyond which a start is late.
    pub late_after_seconds: i64,
    /// Share of its length by which work may start late, where that is more.
    pub late_share_of_batch: f64,
}

impl Setup {
    /// A scenario with nothing on offer yet, every rule as documented.
    pub fn new(id: &str, catalog: Arc<Catalog>) -> Self {
        Self {
            id: id.to_owned(),
            catalog,
            requests: Requests::default(),
            ec2: Ec2 {
                types: Vec::new(),
                buy: Buy::Cheapest,
                score: Score::default(),
                consolidation: Consolidation::KARPENTER,
                least_machines: 2,
                most_pods: u32::MAX,
            },
            pool: None,
            selection: 0,
            zones: Zones::default(),
            daemons: Ask::default(),
            daemon_pods: 0,
            node_boot_seconds: 75,
            headroom: Headroom::default(),
            evictions: EvictionLimits::OPEN,
            spot: Vec::new(),
            spot_interruptions: 0.05,
            least_billed_seconds: 60,
            smt_yield: 1.0,
            warm_up_seconds: 86_400,
            late_after_seconds: 60,
            late_share_of_batch: 0.1,
        }
    }
}
