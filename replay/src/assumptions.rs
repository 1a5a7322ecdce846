//! Assumptions of the replay, each key of `assumptions.toml` with its default, its source and what it changes.

mod keys;
mod set;

use crate::judge::Limits;
use crate::migration::Migration;
use crate::placement::Score;
use crate::predictor::Predictor;
use crate::rightsize::RightSizing;
use crate::setup::{Consolidation, MemoryModel, Pool, Setup, Zones};
pub use keys::Assumptions;
pub use set::{AssumptionSet, Field, in_force, read_assumptions};

/// One key of `assumptions.toml`.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its dotted name.
    pub name: &'static str,
    /// Unit of the value; empty for a ratio or a name.
    pub unit: &'static str,
    /// Domain, and the value when nobody says otherwise.
    pub domain: Domain,
    /// Where the default comes from.
    pub source: &'static str,
    /// Effect of the assumption.
    pub effect: &'static str,
}

/// The values a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Domain {
    /// A number from `min` to `max`.
    Number {
        /// In force unless changed.
        default: f64,
        /// The smallest accepted.
        min: f64,
        /// The largest accepted.
        max: f64,
    },
    /// One of some names, the first in force unless changed.
    Name {
        /// Every name accepted.
        allowed: &'static [&'static str],
    },
}

/// A value in force.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A name.
    Name(&'static str),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number { min, max, .. } => write!(f, "a number from {min} to {max}"),
            Self::Name { allowed } => write!(f, "one of {}", allowed.join(", ")),
        }
    }
}

impl Domain {
    /// Returns what is in force unless changed.
    pub fn default_value(self) -> Value {
        match self {
            Self::Number { default, .. } => Value::Number(default),
            Self::Name { allowed } => Value::Name(allowed.first().copied().unwrap_or_default()),
        }
    }

    fn accept(self, value: &toml::Value) -> Option<Value> {
        let number = match value {
            toml::Value::Float(number) => Some(*number),
            // By its digits, since a conversion would hide where it rounds.
            toml::Value::Integer(number) => number.to_string().parse().ok(),
            _ => None,
        };
        match self {
            Self::Number { min, max, .. } => number.filter(|n| (min..=max).contains(n)).map(Value::Number),
            Self::Name { allowed } => {
                let name = value.as_str()?;
                allowed.iter().find(|allowed| **allowed == name).map(|name| Value::Name(name))
            }
        }
    }
}

/// Why an assumptions file was rejected.
#[derive(Debug, thiserror::Error)]
pub enum AssumptionsError {
    /// The file is not TOML.
    #[error("the assumptions file is not valid TOML")]
    Toml(#[from] toml::de::Error),
    /// A key that does not exist.
    #[error("unknown assumption `{key}`; did you mean `{nearest}`?")]
    UnknownKey {
        /// The key given.
        key: String,
        /// The known key most like it.
        nearest: &'static str,
    },
    /// A value the key does not take.
    #[error("assumption `{key}` is {value}; expected {expected}")]
    Value {
        /// The key.
        key: String,
        /// The value given.
        value: String,
        /// Form that it takes.
        expected: String,
    },
}

impl Assumptions {
    /// Reads `assumptions.toml`: dotted tables, every key optional.
    ///
    /// # Errors
    /// [`AssumptionsError`] names the key, the value and what is allowed.
    pub fn from_toml(text: &str) -> Result<Self, AssumptionsError> {
        let mut assumptions = Self::default();
        read_assumptions(text, &mut [&mut assumptions])?;
        Ok(assumptions)
    }

    /// The same with one key changed; `None` where there is no such key, or it does not take the value.
    pub fn with(&self, name: &str, value: &str) -> Option<Self> {
        let value = value.parse().map_or_else(|_| toml::Value::String(value.to_owned()), toml::Value::Float);
        let key = Self::KEYS.iter().find(|key| key.name == name)?;
        let mut changed = *self;
        changed.set(name, key.accept(&value).ok()?);
        Some(changed)
    }

    /// Returns what no scenario may exceed.
    pub fn limits(&self) -> Limits {
        Limits {
            cpu_lost: self.risk_cpu_lost,
            workload_cpu_lost: self.risk_workload_cpu_lost,
            memory_over_mean: self.risk_memory_over_mean,
            memory_over_max: self.risk_memory_over_max,
            evictions: self.risk_evictions,
            single_evictions: self.risk_single_evictions,
            blast_radius: self.risk_blast_radius,
            host_loss: self.risk_host_loss,
            late_services: self.risk_late_services,
            late_batch: self.risk_late_batch,
            overtaken: self.risk_overtaken,
            today_factor: self.risk_today_factor,
        }
    }

    /// Returns how requests follow usage.
    pub fn right_sizing(&self) -> RightSizing {
        RightSizing {
            days: count(self.sizing_days),
            cpu_percent: self.sizing_cpu_percentile,
            memory_margin: self.sizing_memory_margin,
            floor: crate::hour::Ask {
                cpu_millicores: count(self.sizing_floor_millicores),
                memory_mib: count(self.sizing_floor_mib),
            },
            tolerance: self.sizing_tolerance,
        }
    }

    /// Sets what the assumptions say about a scenario, beside its host and machines.
    pub fn apply(&self, setup: &mut Setup) {
        setup.node_boot_seconds = seconds(self.ec2_boot_seconds);
        setup.headroom.empty_seconds = seconds(self.machine_empty_seconds);
        setup.headroom.warm_machines = count(self.machine_warm);
        if setup.ec2.buy != crate::setup::Buy::AsObserved {
            setup.ec2.least_machines = count(self.ec2_least_machines);
        }
        setup.least_billed_seconds = seconds(self.machine_least_billed_seconds);
        setup.spot_interruptions = self.ec2_spot_interruptions;
        setup.smt_yield = self.machine_smt_yield;
        setup.warm_up_seconds = seconds(self.risk_warm_up_seconds);
        setup.late_after_seconds = seconds(self.wait_late_seconds);
        setup.late_share_of_batch = self.wait_batch_share;
        setup.zones = if self.scheduler_zones == "free" { Zones::Free } else { Zones::Pinned };
        setup.ec2.score = self.score();
        if matches!(setup.ec2.consolidation, Consolidation::Drain { .. }) {
            setup.ec2.consolidation = self.drain();
        }
        if let Some(pool) = &mut setup.pool {
            self.apply_pool(pool);
        }
    }

    fn score(&self) -> Score {
        if self.scheduler_score == "most_allocated" { Score::MostAllocated } else { Score::LeastAllocated }
    }

    fn drain(&self) -> Consolidation {
        Consolidation::Drain {
            budget: self.ec2_disruption_budget,
            settle_seconds: seconds(self.ec2_consolidate_after_seconds),
        }
    }

    fn apply_pool(&self, pool: &mut Pool) {
        pool.score = self.score();
        pool.memory_overcommit = self.emp_memory_overcommit;
        pool.cpu_overcommit = self.emp_cpu_overcommit;
        pool.threshold = self.emp_host_threshold;
        pool.settled = self.emp_settled_share;
        pool.consolidate_below = self.emp_consolidate_below;
        pool.consolidate_slots = count(self.emp_consolidate_slots);
        pool.reserved_threads = count(self.emp_reserved_threads);
        pool.usable_memory = self.emp_usable_memory_fraction;
        pool.reserved_mib = count(self.emp_reserved_mib);
        pool.host_base_mib = count(self.emp_host_overhead_mib);
        pool.evm_overhead_share = self.emp_evm_overhead_fraction;
        pool.evm_overhead_mib = count(self.emp_evm_overhead_mib);
        pool.evm_overhead_mib_per_vcpu = count(self.emp_evm_overhead_mib_per_vcpu);
        pool.guest_millicores = count(self.emp_guest_millicores);
        pool.guest_mib = count(self.emp_guest_mib);
        pool.mature_slots = count(self.emp_predictor_needs_slots);
        let hours = count(self.emp_predictor_hours);
        pool.predictor = match self.emp_predictor {
            "n_sigma" => Predictor::NSigma { sigmas: self.emp_predictor_sigmas, hours },
            "percentile" => Predictor::Percentile { percent: self.emp_predictor_percentile, hours },
            "larger" => Predictor::Larger,
            _ => Predictor::Max { hours },
        };
        pool.memory_model = match self.emp_memory_model {
            "working_set" => MemoryModel::WorkingSet,
            "touched" => MemoryModel::Touched,
            _ => MemoryModel::HighWater,
        };
        pool.consolidation =
            if self.emp_evm_consolidation == "drain" { self.drain() } else { Consolidation::EmptyOnly };
        pool.migration = Migration {
            bytes_per_second: self.emp_migration_bytes_per_second,
            dirty_share: self.emp_migration_dirty_share,
            rounds: count(self.emp_migration_rounds),
            longest_seconds: seconds(self.emp_migration_longest_seconds),
            cpu_millicores: count(self.emp_migration_millicores),
            pause_seconds: seconds(self.emp_migration_pause_seconds),
        };
        pool.migrations_per_host = count(self.emp_migrations_per_host);
        pool.rest_seconds = seconds(self.emp_rest_seconds);
        pool.min_hosts_per_zone = count(self.emp_min_hosts_per_zone);
        // Zero stands for no limit, since TOML has no value for "none".
        pool.max_hosts_per_zone = Some(count(self.emp_max_hosts_per_zone)).filter(|most| *most > 0);
        pool.spare_hosts_per_zone = count(self.emp_spare_hosts_per_zone);
        pool.evm_boot_seconds = seconds(self.emp_evm_boot_seconds);
        pool.host_boot_seconds = seconds(self.emp_host_boot_seconds);
    }
}

fn count(number: f64) -> u32 {
    crate::number::whole(number)
}

fn seconds(number: f64) -> i64 {
    count(number).into()
}

#[cfg(test)]
mod tests;
