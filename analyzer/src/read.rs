//! The lake's hours into rows and slots, a day at a time.

pub(crate) mod columns;
pub(crate) mod decode;
pub(crate) mod decode_thread;
pub(crate) mod error;
pub(crate) mod lake_objects;
pub(crate) mod node_and_volume_rows;
pub(crate) mod quality_rows;
pub(crate) mod replay_input;
pub(crate) mod slot_totals;
pub(crate) mod usage_by_owner;
