//! A vector that is indexed by the ids it gave out, with the places of removed rows used again.

use std::ops::{Index, IndexMut};

use crate::number::{id, index};

/// Rows by id. Ids are dense and small, so looking one up is one addition.
#[derive(Debug)]
pub(crate) struct Table<T>(Vec<T>);

impl<T: Clone> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }

    /// Becomes the same in the memory it has.
    fn clone_from(&mut self, other: &Self) {
        self.0.clone_from(&other.0);
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Table<T> {
    pub(crate) fn push(&mut self, row: T) -> u32 {
        let place = id(self.0.len());
        self.0.push(row);
        place
    }

    pub(crate) fn try_row(&self, row: u32) -> Option<&T> {
        self.0.get(index(row))
    }

    pub(crate) fn try_row_mut(&mut self, row: u32) -> Option<&mut T> {
        self.0.get_mut(index(row))
    }

    pub(crate) fn len(&self) -> u32 {
        id(self.0.len())
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.0.iter_mut()
    }

    /// Holds these rows instead, in the memory it has.
    pub(crate) fn fill_from(&mut self, rows: &[T])
    where
        T: Copy,
    {
        self.0.clear();
        self.0.extend_from_slice(rows);
    }

    /// The ids, in order.
    pub(crate) fn ids(&self) -> std::ops::Range<u32> {
        0..self.len()
    }

    /// Makes room for `rows` rows, filled as `row` says.
    pub(crate) fn grow(&mut self, rows: u32, row: impl FnMut() -> T) {
        if rows > self.len() {
            self.0.resize_with(index(rows), row);
        }
    }
}

impl<T> From<Vec<T>> for Table<T> {
    fn from(rows: Vec<T>) -> Self {
        Self(rows)
    }
}

impl<T> Index<u32> for Table<T> {
    type Output = T;
    #[expect(clippy::indexing_slicing, reason = "ids come from this table, whose rows never go away")]
    fn index(&self, row: u32) -> &T {
        &self.0[index(row)]
    }
}

impl<T> IndexMut<u32> for Table<T> {
    #[expect(clippy::indexing_slicing, reason = "ids come from this table, whose rows never go away")]
    fn index_mut(&mut self, row: u32) -> &mut T {
        &mut self.0[index(row)]
    }
}

/// Places of a [`Table`] that are free again; the lowest is given first, so that runs can be compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct FreePlaces(std::collections::BinaryHeap<std::cmp::Reverse<u32>>);

impl FreePlaces {
    pub(crate) fn give_back(&mut self, place: u32) {
        self.0.push(std::cmp::Reverse(place));
    }

    pub(crate) fn take(&mut self) -> Option<u32> {
        self.0.pop().map(|place| place.0)
    }
}
