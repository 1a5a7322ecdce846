//! The storage contract between collector and analyzer: tables, object keys, manifests, and stores.
//!
//! One object an hour and table, written once; the hour's manifest is written last, so an hour exists when
//! its manifest does. A correction is a new revision beside it; a closed day becomes one object a table, from which
//! its hours are read from then on. Start reading at [`tables`] (what is stored), [`keys`] (where) and [`Lake`] (how).

// What comes from outside is added up so that nothing it can be makes a sum wrap or stop.
#![cfg_attr(not(any(test, fuzzing)), warn(clippy::arithmetic_side_effects))]

pub mod admit;
mod cell;
mod compact;
mod coverage;
mod day;
mod digest;
mod encode;
mod error;
mod hour;
pub mod inventory;
pub mod keys;
mod listing;
pub mod manifest;
mod merge;
mod ownership;
mod prune;
mod read;
pub mod schema;
pub mod store;
pub mod tables;
mod uri;
pub mod verify;
mod worker;
pub mod workload_day;
mod write;

pub use cell::{Kind, SlotValues};
pub use compact::{CompactOutcome, Compaction};
pub use coverage::Coverage;
pub use day::{Day, HOURS_PER_DAY, InvalidDay};
pub use digest::digest;
pub use encode::{DecodeError, batches, read_batches};
pub use error::LakeError;
pub use hour::{EncodedHour, HourEncoder, HourOrigin, HourRows, TableEncoder};
pub use manifest::{DayManifest, Manifest, Source};
pub use ownership::ForeignObject;
pub use prune::Pruned;
pub use read::{IncompleteHour, Part, ReadHour};
pub use store::{PutOutcome, S3Options, Store, StoreError};
pub use tables::{Column, Table};
pub use uri::{InvalidLakeUri, LakeUri};
pub use workload_day::WorkloadDay;
pub use write::{CorrectOutcome, Lake, WriteOutcome};
