//! Names as small numbers, in the order in which they come: the same hours give the same numbers.

use std::hash::Hash;

use crate::fast_maps::FastMap;

/// Names and their numbers.
#[derive(Debug, Clone)]
pub(crate) struct Interner<T> {
    index: FastMap<T, u32>,
    names: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { index: FastMap::default(), names: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// The number of a name, a new one where it is new.
    pub(crate) fn index(&mut self, name: &T) -> u32 {
        if let Some(index) = self.index.get(name) {
            return *index;
        }
        let index = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.clone());
        self.index.insert(name.clone(), index);
        index
    }

    /// The name of a number.
    pub(crate) fn name(&self, index: u32) -> Option<&T> {
        self.names.get(usize::try_from(index).ok()?)
    }

    /// The names by number.
    pub(crate) fn names(&self) -> &[T] {
        &self.names
    }
}

impl Interner<String> {
    /// The number of a name that is only borrowed.
    pub(crate) fn index_of(&mut self, name: &str) -> u32 {
        match self.index.get(name) {
            Some(index) => *index,
            None => self.index(&name.to_owned()),
        }
    }
}
