//! Names that the reports of a fleet share: each once.

use std::collections::HashSet;
use std::sync::Arc;

/// What a name takes beside its letters, in the set and on the heap.
const NAME_BYTES: usize = 56;

/// Names, and lists of names, that are held.
#[derive(Debug, Default)]
pub(super) struct Names {
    texts: HashSet<Arc<str>>,
    lists: HashSet<Arc<[Arc<str>]>>,
}

impl Names {
    /// The name that is held, or this one from now on.
    pub(super) fn text(&mut self, text: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        self.texts.insert(Arc::clone(text));
        Arc::clone(text)
    }

    /// The list that is held, or one of names that are.
    pub(super) fn list(&mut self, list: &[Arc<str>]) -> Arc<[Arc<str>]> {
        if let Some(known) = self.lists.get(list) {
            return Arc::clone(known);
        }
        let new: Arc<[Arc<str>]> = list.iter().map(|text| self.text(text)).collect();
        self.lists.insert(Arc::clone(&new));
        new
    }

    /// Bytes that they take, more or less.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.texts.iter().map(|text| NAME_BYTES + text.len());
        let lists = self.lists.iter().map(|list| NAME_BYTES + size_of_val(&**list));
        texts.chain(lists).sum()
    }

    /// Lets go of names that nothing else holds.
    pub(super) fn forget_unused(&mut self) {
        self.lists.retain(|list| Arc::strong_count(list) > 1);
        self.texts.retain(|text| Arc::strong_count(text) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_once_and_for_as_long_as_somebody_has_them() {
        let mut names = Names::default();
        let [a, again, b]: [Arc<str>; 3] = ["a", "a", "b"].map(Into::into);
        assert!(Arc::ptr_eq(&names.text(&a), &names.text(&again)));
        let list = names.list(&[Arc::clone(&again), Arc::clone(&b)]);
        assert!(Arc::ptr_eq(&list, &names.list(&["a".into(), "b".into()])) && Arc::ptr_eq(&list[0], &a));
        let bytes = names.bytes();
        drop((a, again, b));
        names.forget_unused();
        assert_eq!(names.bytes(), bytes, "the list has them");
        drop(list);
        names.forget_unused();
        assert_eq!(names.bytes(), 0);
    }
}
