//! Prometheus to lake: one closed UTC hour at a time.
//!
//! The way of an hour: [`queries`] says what is asked, `fetch` sends it through [`server`], [`decode`] reads the
//! answers, `snapshot` holds them by object, `rows` turns them into rows, and [`run`] writes those to the lake.
//! Only [`server`] touches the network; everything after it is a function of its arguments.

// What a server says is added up so that nothing it can be makes a sum wrap or stop.
#![cfg_attr(not(any(test, fuzzing)), warn(clippy::arithmetic_side_effects))]

pub mod args;
mod busy;
mod container;
mod counter;
pub mod daemon;
pub mod decode;
pub mod dialect;
pub mod doctor;
mod doubt;
mod fetch;
#[cfg(any(test, fuzzing))]
mod fuzzing;
mod gaps;
pub mod health;
mod instance_type;
pub mod kubernetes;
mod life;
mod limits;
pub mod listen;
mod liveness;
mod load_balancer;
pub mod logging;
mod look;
pub mod metrics;
mod node;
mod node_use;
mod numbers;
pub mod outcome;
pub mod overrides;
mod owner;
mod pod;
mod promql;
mod quality;
pub mod queries;
mod rows;
pub mod run;
pub mod schedule;
pub mod server;
pub mod settings;
mod single_cluster;
mod snapshot;
pub mod usage_source;
mod volume;

#[cfg(any(test, fuzzing))]
pub use fuzzing::fuzz_hour;
pub use outcome::{CollectError, Collected, HourResult};
pub use overrides::{OverrideError, Overrides};
pub use run::{Bounds, collect};
pub use settings::Settings;
