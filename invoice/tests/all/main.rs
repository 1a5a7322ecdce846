//! Bills with planted terms, in every format, against the sums they were made with.

mod bad;
mod files;
mod hostile;
mod parquet;
mod planted;
mod spans;
