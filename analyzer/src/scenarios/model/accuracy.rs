//! Accuracy of the replays: the back test, and the interval of the saving.

pub(crate) mod back_test;
pub(crate) mod saving_interval;
