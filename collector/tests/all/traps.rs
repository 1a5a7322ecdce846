//! What goes wrong on real clusters, made by hand and loaded into a real Prometheus: each trap is a few series.

mod changes;
mod duplicates;
mod nodes;
mod pods;
mod rules;
mod usage;
