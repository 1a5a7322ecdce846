//! Faults between the collector and its server: after each the lake holds the same bytes as after an
//! undisturbed run, or nothing of the hour, and a later run fills it.

mod access;
mod answers;
mod bench;
mod limits;
mod outages;
mod process;
mod proxy;
mod secrets;
mod shards;
