//! Traps of real clusters, made by hand and loaded into a real Prometheus: each is a few series.

mod changes;
mod clocks;
mod counters;
mod dialects;
mod duplicates;
mod gaps;
mod gauges;
mod lives;
mod load_balancers;
mod nodes;
mod pods;
mod rules;
mod sizes;
mod usage;
mod volumes;
mod worlds;
