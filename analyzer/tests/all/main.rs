//! Analyses of whole lakes: one test program, because each links polars.

mod allocation;
mod analyze;
mod hostile;
mod planted;
mod prices;
mod replays;
mod rightsizing;
mod truth;
