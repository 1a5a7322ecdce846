//! Accuracy of the replays: the back test, missing samples, and the interval of the saving.

pub(crate) mod back_test;
pub(crate) mod missing_samples;
pub(crate) mod saving_interval;
