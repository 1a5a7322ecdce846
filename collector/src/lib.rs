//! Prometheus to lake: one closed UTC hour at a time.
//!
//! The way of an hour: [`queries`] says what is asked, `ask` sends it through [`server`], [`decode`] reads the
//! answers, `snapshot` holds them by object, `rows` turns them into rows, and [`run`] writes those to the lake.
//! Only [`server`] touches the network; everything after it is a function of its arguments.

pub mod args;
mod ask;
mod container;
pub mod decode;
mod life;
pub mod logging;
mod node;
mod owner;
mod pod;
mod quality;
pub mod queries;
mod rows;
pub mod run;
pub mod server;
pub mod settings;
mod snapshot;
mod volume;

pub use run::{CollectError, Collected, HourResult, collect};
pub use settings::Settings;
