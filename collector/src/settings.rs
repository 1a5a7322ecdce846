//! What a user tells the collector beside where to collect from and to.

/// How hours are collected. The default asks for what every cluster has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {}
