//! What goes wrong between the collector and its server: after each fault the lake holds the same bytes as after an
//! undisturbed run, or nothing of the hour, and a later run fills it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod access;
mod answers;
mod bench;
mod limits;
mod outages;
mod process;
mod proxy;
mod shards;
#[path = "../traps/world.rs"]
#[allow(dead_code, reason = "made for more than is used here")]
mod world;
