//! The latest report of each cluster, held small: so many bytes of all of them at most.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use types::ClusterId;

/// Folder of a report, the bytes that are held of it, and what is.
type One<T> = (String, usize, Arc<T>);

/// What is held of reports, by cluster and the folder the report lies in. A newer one takes the place of its older one; no
/// other is driven out by it, since whoever asks about all clusters would then find none of them.
#[derive(Debug)]
pub(crate) struct Held<T> {
    reports: Mutex<BTreeMap<ClusterId, One<T>>>,
    most: usize,
}

impl<T> Held<T> {
    /// Nothing yet, and so many bytes at most.
    pub(crate) fn new(most: usize) -> Self {
        Self { reports: Mutex::default(), most }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ClusterId, One<T>>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is held of the report in a folder.
    pub(crate) fn get(&self, cluster: &ClusterId, folder: &str) -> Option<Arc<T>> {
        self.lock().get(cluster).filter(|(held, _, _)| held == folder).map(|(_, _, what)| Arc::clone(what))
    }

    /// Returns true where there is room for so many bytes of a cluster, in the place of what is held of it.
    pub(crate) fn has_room(&self, cluster: &ClusterId, bytes: usize) -> bool {
        self.room(&self.lock(), cluster) >= bytes
    }

    fn room(&self, reports: &BTreeMap<ClusterId, One<T>>, cluster: &ClusterId) -> usize {
        let others = reports.iter().filter(|(other, _)| *other != cluster);
        self.most.saturating_sub(others.map(|(_, (_, bytes, _))| bytes).sum())
    }

    /// Holds a report that takes so many bytes, where there is room beside `more` bytes that belong to no report; whether
    /// there was. An older one is let go of all the same.
    pub(crate) fn put(&self, cluster: &ClusterId, folder: &str, (bytes, more): (usize, usize), what: Arc<T>) -> bool {
        let mut reports = self.lock();
        reports.remove(cluster);
        let fits = self.room(&reports, cluster) >= bytes.saturating_add(more);
        if fits {
            reports.insert(cluster.clone(), (folder.to_owned(), bytes, what));
        }
        fits
    }

    /// Lets go of what is held of a cluster.
    pub(crate) fn forget(&self, cluster: &ClusterId) {
        self.lock().remove(cluster);
    }

    /// Lets go of clusters that are not among these.
    pub(crate) fn keep(&self, clusters: &[ClusterId]) {
        self.lock().retain(|cluster, _| clusters.contains(cluster));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bytes_are_held_and_a_newer_report_takes_the_place_of_its_older() {
        let held = Held::new(20);
        let [a, b, c]: [ClusterId; 3] = ["a", "b", "c"].map(|id| id.parse().unwrap());
        let put = |cluster, folder| held.put(cluster, folder, (10, 0), Arc::new(()));
        assert_eq!([&a, &b, &c].map(|cluster| put(cluster, "1")), [true, true, false], "there is room for two");
        let there = |cluster, folder| held.get(cluster, folder).is_some();
        assert_eq!((there(&a, "1"), there(&b, "1"), there(&c, "1")), (true, true, false));
        assert_eq!((held.has_room(&c, 1), held.has_room(&a, 10), held.has_room(&a, 11)), (false, true, false));
        assert!(put(&a, "2"));
        assert_eq!((there(&a, "1"), there(&a, "2"), there(&b, "1")), (false, true, true));
        held.keep(&[b.clone(), c.clone()]);
        assert!(!held.put(&c, "1", (10, 1), Arc::new(())), "what belongs to no report counts too");
        assert!(put(&c, "1"));
        assert_eq!((there(&a, "2"), there(&b, "1"), there(&c, "1")), (false, true, true));
        held.forget(&b);
        assert!(!there(&b, "1"));
    }
}
