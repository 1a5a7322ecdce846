//! Maps and sets for keys that come from the lake, by the million: hashed fast, and alike in every run.

use std::hash::{DefaultHasher, Hash, Hasher};

use foldhash::fast::FixedState;

/// A map whose hash is fast. Its order means nothing, as that of any hash map.
pub(crate) type FastMap<K, V> = std::collections::HashMap<K, V, FixedState>;
/// A set whose hash is fast.
pub(crate) type FastSet<K> = std::collections::HashSet<K, FixedState>;

/// A hash that is the same in every run.
pub(crate) fn hash(parts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}
