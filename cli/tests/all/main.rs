//! The program and its parts from end to end: one test program, because each links everything.

mod cli;
mod deliver;
mod edges;
mod grafana;
mod invoice;
mod report;
mod run;
mod serve;
mod services;
mod structure;
mod yuan;
