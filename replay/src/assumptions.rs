//! Assumptions of the replay, each key of `assumptions.toml` with its default, its source and what it changes.

mod allowed_values;
mod assumption_set;
mod choices;
mod defaults_and_ranges;

use crate::host_usage_prediction::Predictor;
use crate::limit_checks::Limits;
use crate::live_migration::Migration;
use crate::rightsized_requests::RightSizing;
use crate::scenario_setup::{Consolidation, Pool, Setup};
pub use allowed_values::{AssumptionsError, Domain, Key, Value};
pub use assumption_set::{AssumptionSet, in_force, read_assumptions};
pub use choices::{EvmConsolidation, PoolZones, PredictorChoice};
pub use defaults_and_ranges::Assumptions;

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
            floor: crate::input_hour::Ask {
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
        if setup.ec2.buy != crate::scenario_setup::Buy::AsObserved {
            setup.ec2.least_machines = count(self.ec2_least_machines);
        }
        setup.least_billed_seconds = seconds(self.machine_least_billed_seconds);
        setup.spot_interruptions = self.ec2_spot_interruptions;
        setup.smt_yield = self.machine_smt_yield;
        setup.warm_up_seconds = seconds(self.risk_warm_up_seconds);
        setup.late_after_seconds = seconds(self.wait_late_seconds);
        setup.late_share_of_batch = self.wait_batch_share;
        setup.zones = self.scheduler_zones;
        setup.ec2.score = self.scheduler_score;
        if matches!(setup.ec2.consolidation, Consolidation::Drain { .. }) {
            setup.ec2.consolidation = self.drain();
        }
        if let Some(pool) = &mut setup.pool {
            self.apply_pool(pool);
        }
    }

    fn drain(&self) -> Consolidation {
        Consolidation::Drain {
            budget: self.ec2_disruption_budget,
            settle_seconds: seconds(self.ec2_consolidate_after_seconds),
        }
    }

    fn apply_pool(&self, pool: &mut Pool) {
        pool.score = self.scheduler_score;
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
            PredictorChoice::Max => Predictor::Max { hours },
            PredictorChoice::NSigma => Predictor::NSigma { sigmas: self.emp_predictor_sigmas, hours },
            PredictorChoice::Percentile => Predictor::Percentile { percent: self.emp_predictor_percentile, hours },
            PredictorChoice::Larger => Predictor::Larger,
        };
        pool.memory_model = self.emp_memory_model;
        pool.consolidation = match self.emp_evm_consolidation {
            EvmConsolidation::EmptyOnly => Consolidation::EmptyOnly,
            EvmConsolidation::Drain => self.drain(),
        };
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
