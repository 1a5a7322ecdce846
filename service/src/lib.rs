//! The reporting service: pages, an API and a door for collectors, over the bucket that holds the lake and the reports.
//!
//! One process without a database: what it keeps lies below `service/` in the bucket, so that it can be lost at any
//! moment and run more than once. Start reading at [`authorization`], through which every request for data goes, and
//! [`access_rules`], which says what it then sees. Analyses are made elsewhere: this crate knows no polars.

pub mod access_rules;
pub mod access_tokens;
pub mod alerts;
mod answer_cache;
mod api;
pub mod app_state;
mod assets;
pub mod audit;
mod authentication;
pub mod authorization;
mod body_memory_limit;
mod client_address;
mod condensed_rows;
pub mod config;
pub mod config_files;
mod connection_limits;
mod cookie;
mod cost_query;
pub mod cost_sums;
mod csv_cells;
mod daily_chart;
mod folders_read_ahead;
mod held_reports;
pub mod http_server;
mod identity;
mod identity_signers;
mod ingest;
mod jwt;
mod metrics;
mod oidc;
mod openapi_description;
pub mod outbound_allowlist;
mod page_frame;
mod pages;
mod problem;
mod public_routes;
mod published_reports;
mod rate_limiter;
mod read_cache;
mod report_sums;
pub mod revoked_sessions;
pub mod sealed_values;
mod showback;
mod single_flight;
mod stored_records;
mod varints;
pub mod what_if_assumptions;
pub mod what_if_queue;

pub use app_state::{App, Secrets, read_new_reports};
pub use config::{Config, ConfigError};
pub use http_server::{ServeError, routes, serve};
