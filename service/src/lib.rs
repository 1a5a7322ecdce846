//! The reporting service: pages, an API and a door for collectors, over the bucket that holds the lake and the reports.
//!
//! One process without a database: what it keeps lies below `service/` in the bucket, so that it can be lost at any
//! moment and run more than once. Start reading at [`guard`], through which every request for data goes, and
//! [`rights`], which says what it then sees. Analyses are made elsewhere: this crate knows no polars.

mod address;
pub mod alerts;
mod answers;
mod api;
pub mod app;
mod assets;
pub mod assumptions;
pub mod audit;
mod cache;
mod chart;
mod condensed;
pub mod config;
mod connections;
mod cookie;
pub mod costs;
mod csv;
mod description;
mod door;
pub mod files;
pub mod guard;
mod html;
mod identify;
mod identity;
mod ingest;
pub mod jobs;
mod jwt;
mod limiter;
mod metrics;
mod oidc;
pub mod outbound;
mod pages;
mod problem;
mod question;
mod records;
pub mod revoked;
pub mod rights;
mod room;
pub mod seal;
pub mod serve;
mod shelf;
mod showback;
mod signers;
pub mod tokens;
mod turns;

pub use app::{App, Secrets};
pub use config::{Config, ConfigError};
pub use serve::{ServeError, routes, serve};
