//! The storage contract between collector and analyzer: tables, object keys, manifests, and stores.
//!
//! One object an hour and table, written once; the hour's manifest is written last, so an hour exists when
//! its manifest does. Start reading at [`tables`] (what is stored), [`keys`] (where) and [`Lake`] (how).

mod cell;
mod encode;
mod foreign;
mod hour;
pub mod inventory;
pub mod keys;
pub mod manifest;
pub mod schema;
pub mod store;
pub mod tables;
mod uri;
pub mod verify;

pub use cell::{Kind, SlotValues};
pub use encode::{DecodeError, read_batches};
pub use foreign::ForeignObject;
pub use hour::{HourOrigin, HourRows, Lake, LakeError, ReadHour, WriteOutcome, digest};
pub use manifest::{Manifest, Source};
pub use store::{PutOutcome, Store, StoreError};
pub use tables::{Column, Table};
pub use uri::{InvalidLakeUri, LakeUri, S3Options};
