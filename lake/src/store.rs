//! The places to keep a lake, behind [one trait](Store).

mod ahead;
mod contract;
mod dir;
mod https;
mod memory;
mod s3;

pub use ahead::{InOrder, READS, Read, get_many};
pub use contract::{CONDITION_PROBE, PutOutcome, Store, StoreError};
pub use dir::DirStore;
pub use https::HttpsStore;
pub use memory::MemoryStore;
pub use s3::{S3Options, S3Store, provider_name};
