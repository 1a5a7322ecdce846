//! The program and its parts from end to end: one test program, because each links everything.

mod alerts;
mod cli;
mod config;
mod deliver;
mod edges;
mod families;
mod grafana;
mod invoice;
mod mail;
mod notebook;
mod push;
mod replicas;
mod report;
mod run;
mod serve;
mod services;
mod serving;
mod structure;
mod walk;
mod yuan;
