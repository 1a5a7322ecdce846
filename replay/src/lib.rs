//! The replay engine.
mod bound;
mod catalog;
mod cluster;
mod cost;
mod hour;
mod migration;
mod number;
mod observer;
mod outcome;
pub mod placement;
mod predictor;
mod rightsize;
mod run;
mod setup;
mod table;
mod world;

pub use bound::{Bound, Grain, compute_cost, lower_bound, screen};
pub use catalog::{Catalog, HostType, MachineType};
pub use cluster::{Imputed, daemons_of};
pub use cost::{Lines, Rates, fee, price};
pub use hour::{
    Ask, ContainerRow, HOUR_SECONDS, Hour, InvalidHour, Lane, NONE, NodeRow, PodRow, SLOT_SECONDS, SLOTS, UNKNOWN,
};
pub use migration::Migration;
pub use observer::{Decision, HostReason, Log, Observer, Silent};
pub use outcome::{Group, HourBilled, Motion, Outcome, Point, Risk, RiskTarget, Served, Service};
pub use predictor::{Predictor, Series};
pub use rightsize::RightSizing;
pub use run::Replay;
pub use setup::{Buy, Consolidation, Ec2, MemoryModel, Pool, Requests, Setup, Zones};
