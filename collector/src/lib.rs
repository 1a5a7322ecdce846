//! Prometheus to lake: one closed UTC hour at a time.
//!
//! The way of an hour: [`queries`] says what is asked, `hour_fetch` sends it through [`server`], [`decode`] reads the
//! answers, `snapshot` holds them by object, `snapshot_encoding` turns them into rows, and [`collection_run`] writes those to the lake.
//! Only [`server`] touches the network; everything after it is a function of its arguments.

// What a server says is added up so that nothing it can be makes a sum wrap or stop.
#![cfg_attr(not(any(test, fuzzing)), warn(clippy::arithmetic_side_effects))]

pub mod args;
mod cadvisor_liveness;
mod cluster_probe;
pub mod collection_results;
pub mod collection_run;
mod container_rows;
mod counter_increase;
pub mod decode;
pub mod dialect;
pub mod doctor;
#[cfg(any(test, fuzzing))]
mod fuzzing;
pub mod health;
pub mod health_port;
mod hour_edge_counters;
mod hour_fetch;
mod hour_quality;
pub mod hours_to_collect;
mod impossible_measurements;
mod instance_type;
pub mod kubernetes;
mod lifespan;
mod load_balancer_rows;
pub mod logging;
mod machine_limits;
pub mod metric_catalogue;
mod node_rows;
mod node_usage_check;
mod numbers;
pub mod overrides;
mod pod_rows;
mod promql_quoting;
pub mod queries;
pub mod scheduled_collection;
pub mod server;
pub mod settings;
mod single_cluster_check;
mod slot_usage_bounds;
mod snapshot;
mod snapshot_encoding;
pub mod usage_source;
mod volume_rows;
mod workload_owner;

pub use collection_results::{CollectError, Collected, HourResult};
pub use collection_run::{Bounds, collect};
#[cfg(any(test, fuzzing))]
pub use fuzzing::fuzz_hour;
pub use overrides::{OverrideError, Overrides};
pub use settings::Settings;
