//! The reporting service as a program: its arguments, whom it tells of alerts, and how it ends.
//!
//! `emp-cost serve` and the small program `emp-cost-service` are both this. The messages are those of `emp-cost run` too.
//! Nothing here analyzes anything, so the small program has no polars in it.

pub mod deliver;
mod serve_command;

pub use serve_command::{Ready, ServeArgs, ended, prepared, run, runtime};
