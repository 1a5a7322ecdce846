//! A map of few entries that takes no more room than they need: there is one of each kind for every pod, and the least
//! node of a tree holds eleven entries.

/// Entries sorted by key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SmallMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> SmallMap<K, V> {
    /// The entries, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl<K: Ord, V: Default> SmallMap<K, V> {
    /// The value of a key, which is put there if it is new.
    pub(crate) fn entry(&mut self, key: K) -> &mut V {
        let place = match self.0.binary_search_by(|(there, _)| there.cmp(&key)) {
            Ok(place) => place,
            Err(place) => {
                self.0.reserve_exact(1);
                self.0.insert(place, (key, V::default()));
                place
            }
        };
        #[expect(clippy::indexing_slicing, reason = "it was found or put there")]
        &mut self.0[place].1
    }
}

/// A set of few.
pub(crate) type SmallSet<K> = SmallMap<K, ()>;

impl<K: Ord> SmallSet<K> {
    /// Puts one in.
    pub(crate) fn insert(&mut self, key: K) {
        self.entry(key);
    }

    /// Its members, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, ())| key)
    }
}

impl<K: Ord, V: Default> FromIterator<(K, V)> for SmallMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut few = Self::default();
        for (key, value) in entries {
            *few.entry(key) = value;
        }
        few
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_small_map_holds_what_a_tree_holds(entries in proptest::collection::vec((0_u8..20, any::<u8>()), 0..40)) {
            let tree: BTreeMap<u8, u8> = entries.iter().copied().collect();
            let few: SmallMap<u8, u8> = entries.into_iter().collect();
            prop_assert!(few.iter().eq(tree.iter()));
            prop_assert_eq!(few.0.capacity(), few.0.len());
        }
    }
}
