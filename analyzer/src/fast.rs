//! Maps and sets for keys that come from the lake, by the million: hashed fast, and alike in every run.

use foldhash::fast::FixedState;

/// A map whose hash is fast. Its order means nothing, as that of any hash map.
pub(crate) type FastMap<K, V> = std::collections::HashMap<K, V, FixedState>;
/// A set whose hash is fast.
pub(crate) type FastSet<K> = std::collections::HashSet<K, FixedState>;
