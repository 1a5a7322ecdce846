//! What goes wrong on real clusters, made by hand and loaded into a real Prometheus: each trap is a few series.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod changes;
mod duplicates;
mod nodes;
mod pods;
mod rules;
mod usage;
mod world;
