//! Which reports were read ahead, by their folders.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Folders of reports that were read ahead: each once, also where it cannot be read or there is no room.
#[derive(Debug, Default)]
pub(crate) struct FoldersReadAhead(Arc<Mutex<BTreeSet<String>>>);

/// A reading ahead that goes on; it ends when this is dropped, whatever ended it.
#[derive(Debug)]
pub(crate) struct ReadingAhead(OwnedMutexGuard<BTreeSet<String>>);

impl FoldersReadAhead {
    /// Begins to read ahead; `None` while something is.
    pub(crate) fn begin(&self) -> Option<ReadingAhead> {
        Arc::clone(&self.0).try_lock_owned().ok().map(ReadingAhead)
    }
}

impl ReadingAhead {
    /// Returns the folders that were not read ahead, which from now on were; others are forgotten.
    pub(crate) fn new_of(&mut self, folders: BTreeSet<String>) -> BTreeSet<String> {
        let new = folders.difference(&self.0).cloned().collect();
        *self.0 = folders;
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
        let mut first = ahead.begin().unwrap();
        assert!(ahead.begin().is_none());
        assert_eq!(first.new_of(of(&["a", "b"])), of(&["a", "b"]));
        assert_eq!(first.new_of(of(&["b", "c"])), of(&["c"]));
        // A panic ends it too.
        let panics = std::thread::spawn(move || {
            let _goes_on = first;
            panic!("while it reads")
        });
        assert!(panics.join().is_err());
        // What went and came again is read again.
        assert_eq!(ahead.begin().unwrap().new_of(of(&["a", "b", "c"])), of(&["a"]));
    }
}
