//! The lake from outside, with real stores, servers and readers. One program: each of its own would link the same
//! hundred libraries again.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod crash;
mod faults;
mod frozen;
mod mutants;
mod readers;
mod sizes;
mod stores;
