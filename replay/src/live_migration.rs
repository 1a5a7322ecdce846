//! Duration of a live migration, and of the stop of the elastic VM.

use crate::number::whole;

const MIB: f64 = 1_048_576.0;

/// Pre-copy: memory is sent while it is written to, then what was written meanwhile, and so on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Migration {
    /// Bandwidth between hosts, in bytes per second.
    pub bytes_per_second: f64,
    /// Rate at which the guest dirties memory, as a share of the bandwidth.
    pub dirty_share: f64,
    /// Rounds after the first.
    pub rounds: u32,
    /// Longest migration, in seconds; then the guest is stopped and the rest sent.
    pub longest_seconds: i64,
    /// CPU it costs on the source and on the target, in millicores.
    pub cpu_millicores: u32,
    /// Seconds for which the elastic VM stands still where it holds a volume that cannot be attached twice.
    pub pause_seconds: i64,
}

impl Default for Migration {
    fn default() -> Self {
        Self {
            bytes_per_second: 1e9,
            dirty_share: 0.25,
            rounds: 3,
            longest_seconds: 1200,
            cpu_millicores: 1000,
            pause_seconds: 7,
        }
    }
}

impl Migration {
    /// Seconds it takes to move `resident_mib`: resident ÷ bandwidth × (1 − rⁿ⁺¹) ÷ (1 − r), at least one.
    pub fn seconds(&self, resident_mib: u32) -> i64 {
        let once = f64::from(resident_mib) * MIB / self.bytes_per_second;
        let r = self.dirty_share;
        let times = f64::from(self.rounds) + 1.0;
        let series = if (1.0 - r).abs() < 1e-12 { times } else { (1.0 - r.powf(times)) / (1.0 - r) };
        i64::from(whole((once * series).ceil())).clamp(1, self.longest_seconds.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_takes_the_geometric_series_of_its_rounds() {
        let check = |migration: Migration, mib: u32, expect: i64| assert_eq!(migration.seconds(mib), expect);
        let plain = Migration { dirty_share: 0.0, ..Migration::default() };
        check(plain, 0, 1);
        check(plain, 65_536, 69);
        // 68.7 s × (1 + 0.25 + 0.0625 + 0.015625).
        check(Migration::default(), 65_536, 92);
        check(Migration { dirty_share: 1.0, ..Migration::default() }, 65_536, 275);
        check(Migration { dirty_share: 2.0, rounds: 9, ..Migration::default() }, 65_536, 1200);
    }
}
