//! The replay engine: a cluster's own hours, on an elastic machine pool and on every honest rival.
//!
//! Not a ratio applied to totals: the same pods, second-exact, placed by policies that see only the past, with what
//! happened measured afterwards. Everything is a function of its arguments: no lake, no frames, no clock, no files. The
//! model is written down in `MODEL.md` beside this crate, every rule with its default and its source.
//!
//! # From hours to outcomes
//!
//! 1. The caller numbers workloads, zones, platforms and machine types, and makes an [`Hour`] of each hour's rows.
//! 2. A [`Base`] makes scenarios ([`Setup`]s): [`Base::repacked`], [`Base::emp`] and so on; [`Assumptions`] set their
//!    numbers.
//! 3. A [`Replay`] advances all of them by one hour at a time; hours that are missing are left out. Where many scenarios go
//!    over the same hours again and again, a [`HourIntake`] takes each hour in once, a [`Walk`] hands it out, and a
//!    [`Scenario`] advances by it, [`side_by_side()`] with others.
//! 4. Each gives an [`Outcome`]: seconds billed hour by hour, pod-seconds served, risk, motion, and a series over time.
//! 5. The caller makes money of it; [`lower_bound`] says what it could not have cost less than, [`judge()`] whether it may be
//!    recommended, [`screen`] which hosts are worth a replay.
//!
//! Every decision can be asked why: see [`Observer`].
//!
//! ```
//! use std::sync::Arc;
//! use replay::{Assumptions, Ask, Base, Catalog, Hour, MachineType, NONE, PodRow, Replay, Role};
//!
//! let m5_large = MachineType {
//!     name: "m5.large".to_owned(), platform: 0, vcpu: 2, memory_mib: 8192, allocatable_millicores: 1930,
//!     allocatable_mib: 7100, max_pods: 29, max_volumes: 26, price: types::UsdPerHour::try_new(0.096).ok(),
//! };
//! let base = Base {
//!     catalog: Arc::new(Catalog { machines: vec![m5_large] }), ec2_types: vec![0], daemons: Ask::default(),
//!     daemon_pods: 0, zones: vec![], spot: vec![], largest: None, evictions: replay::EvictionLimits::OPEN, karpenter: false,
//!     most_pods: u32::MAX, assumptions: Assumptions::default(),
//! };
//! let pod = PodRow {
//!     uid: 1, workload: 0, zone: 0, platform: 0, observed_type: 0, movable: replay::Movable::ALWAYS, daemon: false,
//!     role: Role::Service, ask: Ask { cpu_millicores: 500, memory_mib: 1024 }, volumes: 0, pausing_volumes: 0,
//!     alive_from: 0, alive_to: 3600, waited: 0, run: 0, unknown_slots: 0, node: NONE, node_group: 0,
//! };
//! let mut replay = Replay::new(vec![base.repacked()]);
//! replay.advance(&Hour::new(1_735_689_600, vec![pod], vec![], vec![])?);
//! let (outcome, _) = replay.finish().remove(0);
//! assert_eq!(outcome.hours[0].node_seconds, [(0, 3600)]);
//! assert_eq!(outcome.service.served_seconds, 3600);
//! # Ok::<(), replay::InvalidHour>(())
//! ```

mod assumptions;
mod choice;
mod cluster;
mod cost_lower_bound;
mod decision_log;
mod host_usage_prediction;
mod input_hour;
mod limit_checks;
mod live_migration;
mod machine_types;
mod named_scenarios;
mod number;
mod outcome;
pub mod placement;
mod replay_run;
mod rightsized_requests;
mod scenario_setup;
mod side_by_side;
mod simulation;
mod slab;
mod unknown_zones;
mod vendor_fee;

pub use assumptions::{
    AssumptionSet, Assumptions, AssumptionsError, Domain, EvmConsolidation, Key, PoolZones, PredictorChoice, Value,
    in_force, read_assumptions,
};
pub use cluster::{Amounts, HourIntake, Imputed, SharedHour, TakenHour, Walk, daemons_of, zones_of};
pub use cost_lower_bound::{Bound, Grain, compute_cost, lower_bound, screen};
pub use decision_log::{Decision, HostReason, Log, Observer, Silent};
pub use host_usage_prediction::{Predictor, Series};
pub use input_hour::{
    Ask, ContainerRow, HOUR_SECONDS, Hour, InvalidHour, Lane, Movable, NONE, NodeRow, PodRow, Role, SLOT_SECONDS,
    SLOTS, UNKNOWN,
};
pub use limit_checks::{Check, Limits, WAITING, breaches, holds, judge};
pub use live_migration::Migration;
pub use machine_types::{Catalog, HostType, MachineType};
pub use named_scenarios::Base;
pub use outcome::{
    Blast, Evictions, Extent, Failures, Frozen, Group, HostLoss, HourBilled, Interruptions, Motion, Outcome, Owed,
    Point, Risk, Served, Service, Starts, Stranded, Waiting, Worst,
};
pub use replay_run::{Replay, Scenario};
pub use rightsized_requests::RightSizing;
pub use scenario_setup::{
    Buy, Consolidation, Ec2, EvictionLimits, Headroom, MemoryModel, Pool, Requests, Setup, Zones,
};
pub use side_by_side::side_by_side;
pub use vendor_fee::fee;
