//! Sums of new reports, read before anybody asks: the first question after them waits for none.

use std::collections::BTreeSet;
use std::sync::Arc;

use lake::store::InOrder;

use super::{Detail, Report, Shelf, Standings};

/// Reports that are read at a time: few, since whoever asks something else is not to wait for them.
const AHEAD: usize = 4;

impl Shelf {
    /// Reads the sums of reports that are new in a task of its own, unless one does already; the next look finds the rest.
    pub(super) fn read_ahead(self: &Arc<Self>, all: Arc<Standings>) {
        let Some(mut ahead) = self.ahead.begin() else { return };
        let shelf = Arc::clone(self);
        tokio::spawn(async move {
            let folders: BTreeSet<String> = all.reports.iter().map(|report| report.pointer.folder.clone()).collect();
            let new = ahead.new_of(folders);
            let new: Vec<Report> =
                all.reports.iter().filter(|one| new.contains(&one.pointer.folder)).cloned().collect();
            drop(all);
            let one = |report: Report| {
                let shelf = Arc::clone(&shelf);
                async move { shelf.small_rows(&report, Detail::Sums).await.is_ok() }
            };
            let mut reading = InOrder::new(new.into_iter().map(one), AHEAD);
            // What is wrong with a report, whoever asks is told.
            while reading.next().await.is_some() {}
        });
    }
}
