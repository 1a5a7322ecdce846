//! The places to keep a lake, behind [one trait](Store).

mod directory;
mod https;
mod memory;
mod parallel_reads;
mod s3;
mod store_contract;

pub use directory::DirStore;
pub use https::HttpsStore;
pub use memory::MemoryStore;
pub use parallel_reads::{InOrder, READS, Read, get_many};
pub use s3::{S3Options, S3Store, provider_name};
pub use store_contract::{CONDITION_PROBE, PutOutcome, Store, StoreError};
