//! The storage contract between collector and analyzer: tables, object keys, manifests, and stores.
//!
//! One object an hour and table, written once; the hour's manifest is written last, so an hour exists when
//! its manifest does. A correction is a new revision beside it; a closed day becomes one object a table, from which
//! its hours are read from then on. Start reading at [`tables`] (what is stored), [`object_keys`] (where) and [`Lake`] (how).

// What comes from outside is added up so that nothing it can be makes a sum wrap or stop.
#![cfg_attr(not(any(test, fuzzing)), warn(clippy::arithmetic_side_effects))]

mod column_values;
mod compaction;
mod day_listing;
mod digest;
mod error;
mod hour_rows;
mod hour_writes;
pub mod ingest_admission;
pub mod inventory;
mod lake_uri;
pub mod manifest;
mod manifest_ownership;
pub mod object_keys;
mod parquet_encoding;
mod retention;
pub mod schema;
mod sorted_merge;
pub mod store;
pub mod tables;
mod utc_day;
pub mod verification;
mod window_coverage;
mod window_parts;
mod worker_thread;
pub mod workload_day;

pub use column_values::{Kind, SlotValues};
pub use compaction::{CompactOutcome, Compaction};
pub use digest::digest;
pub use error::LakeError;
pub use hour_rows::{EncodedHour, HourEncoder, HourOrigin, HourRows, TableEncoder};
pub use hour_writes::{CorrectOutcome, Lake, WriteOutcome};
pub use lake_uri::{InvalidLakeUri, LakeUri};
pub use manifest::{DayManifest, Manifest};
pub use manifest_ownership::ForeignObject;
pub use parquet_encoding::{DecodeError, batches, read_batches};
pub use retention::Pruned;
pub use store::{PutOutcome, S3Options, Store, StoreError};
pub use tables::{Column, Table};
pub use utc_day::{Day, HOURS_PER_DAY, InvalidDay};
pub use window_coverage::Coverage;
pub use window_parts::{IncompleteHour, Part, ReadHour};
pub use workload_day::WorkloadDay;
