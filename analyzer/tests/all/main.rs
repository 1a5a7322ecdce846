//! Analyses of whole lakes: one test program, because each links polars.

mod allocation;
mod analyze;
mod by_day;
mod hostile;
mod planted;
mod prices;
mod replays;
mod truth;
