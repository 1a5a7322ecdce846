//! The collector from outside, against real servers and small scripted ones. One program: each of its own would link the
//! same libraries again.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod accuracy;
mod accuracy_nodes;
mod catalogue;
mod daemon;
mod faults;
mod kubernetes;
mod planted;
mod readme;
mod servers;
mod traps;
mod world;
