//! Sums of new reports, read before anybody asks: the first question after them waits for none.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lake::store::InOrder;

use super::{Detail, Report, Shelf, Standings};
use crate::app_state::App;

/// Reports that are read at a time: few, since whoever asks something else is not to wait for them.
const AHEAD: usize = 4;
/// Time between two looks for new reports, where nobody asks.
const EVERY: Duration = Duration::from_secs(600);

/// What was read ahead.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    /// `true` while something is.
    busy: AtomicBool,
    /// The folders of reports that were: each once, also where it cannot be read or there is no room.
    done: Mutex<BTreeSet<String>>,
}

impl ReadAhead {
    /// Reports that were not read ahead, which from now on were; others are forgotten.
    fn new_of<'a>(&self, reports: &'a [Report]) -> Vec<&'a Report> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let new = reports.iter().filter(|report| !done.contains(&report.pointer.folder)).collect();
        *done = reports.iter().map(|report| report.pointer.folder.clone()).collect();
        new
    }
}

impl Shelf {
    /// Reads the sums of reports that are new in a task of its own, unless one does already; the next look finds the rest.
    pub(super) fn read_ahead(self: &Arc<Self>, all: Arc<Standings>) {
        if self.ahead.busy.swap(true, Ordering::AcqRel) {
            return;
        }
        let shelf = Arc::clone(self);
        tokio::spawn(async move {
            let new: Vec<Report> = shelf.ahead.new_of(&all.reports).into_iter().cloned().collect();
            drop(all);
            let one = |report: Report| {
                let shelf = Arc::clone(&shelf);
                async move { shelf.small_rows(&report, Detail::Sums).await.is_ok() }
            };
            let mut reading = InOrder::new(new.into_iter().map(one), AHEAD);
            // What is wrong with a report, whoever asks is told.
            while reading.next().await.is_some() {}
            shelf.ahead.busy.store(false, Ordering::Release);
        });
    }
}

/// Looks for new reports again and again, so that their sums are read before somebody asks.
pub async fn read_new_reports(app: Arc<App>) {
    loop {
        app.shelf.count_unread(app.now());
        tokio::time::sleep(EVERY).await;
    }
}
