//! Replays of small clusters: one test program, because each compiles the engine for its observers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test stops where it fails"
)]

mod behaviour;
mod common;
mod gaps;
mod headroom;
mod judging;
mod laws;
mod memory;
mod packing;
mod published;
mod waiting;
mod zones;
