//! CPU and memory, summed together.

use types::SLOTS_PER_HOUR;

/// A sum of CPU, in millicore-seconds, and one of memory, in byte-seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CpuMemory {
    pub(crate) cpu: i128,
    pub(crate) memory: i128,
}

impl std::ops::AddAssign for CpuMemory {
    fn add_assign(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.memory += other.memory;
    }
}

/// Two numbers for each slot: CPU and memory.
pub(crate) type CpuMemoryBySlot = [[i64; SLOTS_PER_HOUR]; 2];
