//! The service over real HTTP, on a directory and on a real S3 server.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod alone;
mod attacks;
mod browser;
mod cancel;
mod harness;
mod hostile;
mod ingest;
mod install;
mod issuer;
mod openapi;
mod provider;
mod proxies;
mod rights;
mod scopes;
mod sign_in;
mod sums;
mod what_if_form;
