//! Why the engine did what it did.

/// Who hears of decisions. The engine is compiled for its observer, so that [`Silent`] costs nothing.
pub trait Observer {
    /// Hears of a decision at `at`, in replay seconds: hours that are missing do not count.
    fn decided(&mut self, at: i64, decision: Decision);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    #[inline]
    fn decided(&mut self, _at: i64, _decision: Decision) {}
}

/// Keeps every decision, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log(pub Vec<(i64, Decision)>);

impl Observer for Log {
    fn decided(&mut self, at: i64, decision: Decision) {
        self.0.push((at, decision));
    }
}

/// One decision. Machines and hosts are named by serial numbers, given in the order of their requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision {
    /// A pod runs on a machine with room, the best by the scheduler's score.
    PodPlaced {
        /// Uid of the pod.
        pod: u128,
        /// Serial number of the machine.
        machine: u32,
    },
    /// A pod waits for a machine that boots.
    PodWaits {
        /// Uid of the pod.
        pod: u128,
        /// Serial number of the machine.
        machine: u32,
    },
    /// A pod that no machine on offer holds.
    PodUnplaceable {
        /// Uid of the pod.
        pod: u128,
    },
    /// A pod is moved off a machine that is to leave.
    PodMoved {
        /// Uid of the pod.
        pod: u128,
        /// Where it was.
        from: u32,
        /// Where it goes.
        to: u32,
    },
    /// A machine is requested, since pods fit nowhere or a cheaper one holds what others do.
    MachineRequested {
        /// Serial number of the machine.
        machine: u32,
        /// Its type, as an index into the catalog.
        machine_type: u32,
        /// `true` when it replaces others.
        replaces: bool,
    },
    /// A machine leaves, with nothing left on it.
    MachineReleased {
        /// Serial number of the machine.
        machine: u32,
    },
    /// An elastic VM gets a host.
    EvmAdmitted {
        /// Serial number of the elastic VM.
        machine: u32,
        /// Serial number of the host.
        host: u32,
        /// Larger of the host's two predicted shares, with it.
        share: f64,
    },
    /// An elastic VM finds no host, and the pool is at its maximum.
    EvmWaits {
        /// Serial number of the elastic VM.
        machine: u32,
    },
    /// A host is requested.
    HostRequested {
        /// Serial number of the host.
        host: u32,
        /// Why.
        reason: HostReason,
    },
    /// A host is to be emptied: everything on it fits elsewhere.
    HostEmptied {
        /// Serial number of the host.
        host: u32,
    },
    /// A host leaves.
    HostReleased {
        /// Serial number of the host.
        host: u32,
    },
    /// An elastic VM migrates.
    Migration {
        /// Serial number of the elastic VM.
        machine: u32,
        /// Where it was.
        from: u32,
        /// Where it goes.
        to: u32,
        /// Seconds it takes.
        seconds: i64,
        /// `true` when its host was over the threshold; else its host is being emptied.
        hot: bool,
    },
    /// A host over the threshold keeps its only elastic VM.
    LeftHot {
        /// Serial number of the host.
        host: u32,
    },
}

/// Why a host is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostReason {
    /// A zone in use keeps a minimum.
    Minimum,
    /// An elastic VM fits no host by caps or prediction.
    NoRoom,
    /// A host is over the threshold, and no other can take from it.
    Hot,
}
