//! Prometheus to lake: one closed UTC hour at a time.
//!
//! The way of an hour: [`queries`] says what is asked, `ask` sends it through [`prometheus`], [`decode`] reads the
//! answers, `snapshot` holds them by object, `rows` turns them into rows, and [`run`] writes those to the lake.
//! Only [`prometheus`] touches the network; everything after it is a function of its arguments.

pub mod args;
mod ask;
mod container;
pub mod daemon;
pub mod decode;
pub mod dialect;
pub mod doctor;
pub mod health;
mod life;
pub mod listen;
pub mod logging;
mod node;
mod owner;
mod pod;
pub mod prometheus;
mod quality;
pub mod queries;
mod rows;
pub mod run;
pub mod schedule;
pub mod settings;
mod snapshot;
mod volume;

pub use run::{Bounds, CollectError, Collected, HourResult, collect};
pub use settings::Settings;
