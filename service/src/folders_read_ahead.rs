//! Which reports were read ahead, by their folders.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Folders of reports that were read ahead: each once, also where it cannot be read or there is no room.
#[derive(Debug, Default)]
pub(crate) struct FoldersReadAhead {
    /// `true` while something is.
    busy: AtomicBool,
    done: Mutex<BTreeSet<String>>,
}

impl FoldersReadAhead {
    /// Returns true when nothing is read ahead just now, and something is from now on.
    pub(crate) fn begin(&self) -> bool {
        !self.busy.swap(true, Ordering::AcqRel)
    }

    /// Ends what [`Self::begin`] began.
    pub(crate) fn end(&self) {
        self.busy.store(false, Ordering::Release);
    }

    /// Returns the folders that were not read ahead, which from now on were; others are forgotten.
    pub(crate) fn new_of(&self, folders: BTreeSet<String>) -> BTreeSet<String> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let new = folders.difference(&done).cloned().collect();
        *done = folders;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_new_once_and_one_reading_at_a_time_goes_on() {
        let of = |folders: &[&str]| folders.iter().map(|folder| (*folder).to_owned()).collect::<BTreeSet<_>>();
        let ahead = FoldersReadAhead::default();
        assert_eq!([ahead.begin(), ahead.begin()], [true, false]);
        assert_eq!(ahead.new_of(of(&["a", "b"])), of(&["a", "b"]));
        assert_eq!(ahead.new_of(of(&["b", "c"])), of(&["c"]));
        ahead.end();
        assert!(ahead.begin());
        // What went and came again is read again.
        assert_eq!(ahead.new_of(of(&["a", "b", "c"])), of(&["a"]));
    }
}
