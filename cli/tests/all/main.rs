//! The program and its parts from end to end: one test program, because each links everything.

mod cli;
mod config;
mod deliver;
mod edges;
mod mail;
mod report;
mod run;
mod serve;
mod services;
mod structure;
mod yuan;
