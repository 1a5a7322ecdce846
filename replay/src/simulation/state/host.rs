//! A bare-metal host, and the elastic VMs it carries.

use crate::host_usage_prediction::Watched;

/// A bare-metal host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Host {
    pub(crate) live: bool,
    pub(crate) serial: u32,
    pub(crate) zone: u16,
    pub(crate) requested: i64,
    pub(crate) ready: bool,
    /// It is being emptied.
    pub(crate) leaving: bool,
    /// Elastic VMs it carries, those under way to and from it among them.
    pub(crate) members: Vec<u32>,
    pub(crate) vcpu: u64,
    pub(crate) memory_mib: u64,
    pub(crate) attachments: u32,
    pub(crate) ips: u32,
    /// Use of its members that have a history, slot by slot.
    pub(crate) cpu: Watched,
    pub(crate) memory: Watched,
    /// The last slot: CPU and memory.
    pub(crate) last: (u32, u32),
    pub(crate) in_flight: u32,
    /// Migrations of this slot, from and to.
    pub(crate) motion: Vec<(i64, i64)>,
    /// Slots for which everything on it fitted elsewhere.
    pub(crate) fits_elsewhere: u32,
}

impl Host {
    /// vCPU and MiB of the elastic VMs it carries.
    pub(crate) fn carries(&self) -> (f64, f64) {
        (crate::number::float(self.vcpu), crate::number::float(self.memory_mib))
    }
}
