//! Analyses of whole lakes: one test program, because each links polars.

mod allocation;
mod analyze;
mod by_day;
mod golden;
mod hostile;
mod laws;
mod made;
mod planted;
mod prices;
mod replays;
mod rightsizing;
mod truth;
mod unknown;
mod variations;
