//! The service over real HTTP, on a directory and on a real S3 server.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod browser;
mod harness;
mod hostile;
mod ingest;
mod issuer;
mod provider;
mod rights;
mod sign_in;
