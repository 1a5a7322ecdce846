//! Machines, pods' places, and what comes due.

use crate::cluster::{Guess, NEVER};
use crate::host_usage_prediction::Series;
use crate::input_hour::{Ask, Lane, NONE};
use crate::placement::{Item, Room};

/// Request that kube-scheduler's scores count for a pod that requests nothing: 100 m and 200 MiB.
pub(crate) const SCORED: Ask = Ask { cpu_millicores: 100, memory_mib: 200 };

/// A machine type, ready to be used.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    /// Room for pods, daemons taken off.
    pub(crate) room: Room,
    /// CPU it delivers, in millicores.
    pub(crate) cpu: u32,
    pub(crate) vcpu: u32,
    pub(crate) memory_mib: u32,
    pub(crate) platform: u16,
    pub(crate) price: Option<types::UsdPerHour>,
}

/// A machine: an EC2 node or an elastic VM.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) live: bool,
    pub(crate) serial: u32,
    pub(crate) kind: u32,
    pub(crate) lot: u32,
    pub(crate) pos: u32,
    pub(crate) requested: i64,
    /// When it came up, or will; [`NEVER`] while an elastic VM has no host.
    pub(crate) ready_at: i64,
    pub(crate) ready: bool,
    /// Takes no more pods: it is being replaced.
    pub(crate) closed: bool,
    /// Kept ready: the scheduler does not see it until a pod fits nowhere else.
    pub(crate) warm: bool,
    pub(crate) pods: Vec<u32>,
    pub(crate) room: Room,
    /// Amounts that the scheduler scores by.
    pub(crate) scored: Ask,
    pub(crate) empty_since: i64,
    pub(crate) pausing_volumes: u32,
    pub(crate) cpu: Lane,
    pub(crate) peak: Lane,
    pub(crate) memory: Lane,
    pub(crate) memory_mean: Lane,
    /// Parts of CPU and memory that are imputed.
    pub(crate) guess: Guess,
    /// Where its pods go when it is replaced.
    pub(crate) hands_over: Vec<(u32, u32)>,
    /// Machines that have yet to hand pods over to it; nobody else is let onto it before.
    pub(crate) awaits: u32,
    pub(crate) evm: Option<Box<Evm>>,
}

impl Machine {
    /// Returns true when the scheduler may put pods onto it, where there is room.
    pub(crate) fn takes_pods(&self) -> bool {
        self.live && self.ready && !self.closed && !self.warm && self.awaits == 0
    }
}

/// State of an elastic VM beside that of a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evm {
    /// [`NONE`] while it has none.
    pub(crate) host: u32,
    /// Where it migrates to; [`NONE`] while it does not.
    pub(crate) target: u32,
    pub(crate) rest_until: i64,
    pub(crate) high_water: u32,
    pub(crate) cpu: Series,
    pub(crate) memory: Series,
    /// The most it ever used, CPU and memory.
    pub(crate) most: (u32, u32),
    /// Slots its history holds, silent ones aside.
    pub(crate) seen: u32,
    /// Use that was expected of it when it got its host, CPU and memory.
    pub(crate) expected: (u32, u32),
    /// The last slot: CPU, and memory with KubeVirt's share.
    pub(crate) last: (u32, u32),
    /// Parts of the last slot that are imputed.
    pub(crate) guessed: (u32, u32),
    /// Values its history last took: of a silent slot nothing is known, and the one before stands.
    pub(crate) recorded: (u32, u32),
    /// `true` when its history became long enough in the last slot.
    pub(crate) ripens: bool,
    /// The last slot's CPU at its peak.
    pub(crate) peak: u32,
    /// Memory KubeVirt needs for it.
    pub(crate) overhead: u32,
}

/// Where a pod is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// [`NONE`] while it waits for one.
    pub(crate) machine: u32,
    /// Its place in the machine's list.
    pub(crate) at: u32,
    /// Since when it is asked for; [`NEVER`] where it is not.
    pub(crate) asked_since: i64,
    /// When it was scheduled as recorded; only from then on it uses, and is served.
    pub(crate) due: i64,
    /// `true` when that has come.
    pub(crate) is_due: bool,
    /// When it first was on a machine that is ready; [`NEVER`] while it waits for one.
    pub(crate) up_since: i64,
    /// Its volumes that stop an elastic VM when it migrates.
    pub(crate) pausing: u32,
    pub(crate) item: Item,
}

impl Place {
    /// Since when it is served; [`NEVER`] while it waits.
    pub(crate) fn served_since(&self) -> i64 {
        self.up_since.max(self.due)
    }

    /// Returns true when it is served at the moment.
    pub(crate) fn is_served(&self) -> bool {
        self.is_due && self.up_since < NEVER
    }
}

pub(crate) const NOWHERE: Place = Place {
    machine: NONE,
    at: 0,
    asked_since: NEVER,
    due: NEVER,
    is_due: false,
    up_since: NEVER,
    pausing: 0,
    item: Item { cpu: 0, memory: 0, volumes: 0 },
};

/// Event that comes due at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    HostReady(u32),
    MachineReady(u32),
    MigrationEnd(u32),
    HandsOver(u32),
    /// Work that started late is done, or given up; by uid, then id.
    WorkEnds(u128, u32),
}

/// Seconds billed in the hour in work.
#[derive(Debug, Clone, Default)]
pub(crate) struct Billed {
    pub(crate) nodes: Vec<u64>,
    pub(crate) evms: Vec<u64>,
    pub(crate) hosts: u64,
    pub(crate) spare: u64,
    pub(crate) zones: u64,
    /// Of all these, what lies in slots in which its zone is frozen.
    pub(crate) frozen_nodes: Vec<u64>,
    pub(crate) frozen_evms: Vec<u64>,
    pub(crate) frozen_hosts: u64,
    pub(crate) frozen_zones: u64,
}
