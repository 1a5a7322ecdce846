//! The lake's hours into rows and slots, a day at a time.

pub(crate) mod ahead;
pub(crate) mod columns;
pub(crate) mod decode;
pub(crate) mod error;
pub(crate) mod fetch;
pub(crate) mod rows;
pub(crate) mod scrapes;
pub(crate) mod slots;
pub(crate) mod trace;
pub(crate) mod usage;
