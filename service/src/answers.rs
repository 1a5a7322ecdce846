//! Answers over many clusters, kept for whoever asks the same again: reports never change, so an answer holds as long as the
//! reports are those it was made from.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use types::ClusterId;

use crate::cache::Cached;
use crate::costs::Answered;
use crate::rights::Scope;
use crate::showback::Shown;

/// Time for which an answer is kept.
const KEPT: TimeDelta = TimeDelta::hours(6);
/// Answers of one kind that are kept.
const MOST: usize = 24;
/// Lines of an answer up to which it is one of many that are kept; a few larger ones are kept beside, up to ten times that.
const MOST_LINES: usize = 4000;
/// Large answers of one kind that are kept.
const MOST_LARGE: usize = 2;

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answers {
    costs: Kept<Answered>,
    showback: Kept<Shown>,
    /// Held by whoever sums up many clusters: others wait, and then find the answer.
    turn: tokio::sync::Mutex<()>,
}

/// Answers of one kind, the large ones apart.
#[derive(Debug)]
struct Kept<T> {
    many: Cached<Arc<T>>,
    large: Cached<Arc<T>>,
}

impl<T> Kept<T> {
    fn new() -> Self {
        Self { many: Cached::new(MOST, KEPT), large: Cached::new(MOST_LARGE, KEPT) }
    }

    fn get(&self, name: &str, now: DateTime<Utc>) -> Option<Arc<T>> {
        self.many.get(name, now).or_else(|| self.large.get(name, now))
    }

    fn put(&self, name: &str, answer: &Arc<T>, lines: usize, now: DateTime<Utc>) {
        if lines <= MOST_LINES {
            self.many.put(name, Arc::clone(answer), now);
        } else if lines <= 10 * MOST_LINES {
            self.large.put(name, Arc::clone(answer), now);
        }
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self { costs: Kept::new(), showback: Kept::new(), turn: tokio::sync::Mutex::default() }
    }
}

/// Name of an answer: who sees what, what is asked, and the folder of each report it is made from.
pub(crate) fn name(scope: &Scope, asked: &str, reports: &[(ClusterId, String)]) -> String {
    lake::digest(format!("{scope:?}\n{asked}\n{reports:?}").as_bytes())
}

impl Answers {
    /// Waits until nobody else sums up many clusters: rows of a few clusters are held at a time, however many ask.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// An answer about costs.
    pub(crate) fn costs(&self, name: &str, now: DateTime<Utc>) -> Option<Arc<Answered>> {
        self.costs.get(name, now)
    }

    /// Keeps one.
    pub(crate) fn keep_costs(&self, name: &str, answer: &Arc<Answered>, now: DateTime<Utc>) {
        self.costs.put(name, answer, answer.sums.lines.len(), now);
    }

    /// An answer about shares.
    pub(crate) fn showback(&self, name: &str, now: DateTime<Utc>) -> Option<Arc<Shown>> {
        self.showback.get(name, now)
    }

    /// Keeps one.
    pub(crate) fn keep_showback(&self, name: &str, answer: &Arc<Shown>, now: DateTime<Utc>) {
        let lines = answer.lines.values().map(std::collections::BTreeMap::len).sum();
        self.showback.put(name, answer, lines, now);
    }
}
