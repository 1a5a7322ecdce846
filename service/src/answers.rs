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
/// Lines of an answer above which it is not kept.
const MOST_LINES: usize = 4000;

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answers {
    costs: Cached<Arc<Answered>>,
    showback: Cached<Arc<Shown>>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { costs: Cached::new(MOST, KEPT), showback: Cached::new(MOST, KEPT) }
    }
}

/// Name of an answer: who sees what, what is asked, and the folder of each report it is made from.
pub(crate) fn name(scope: &Scope, asked: &str, reports: &[(ClusterId, String)]) -> String {
    lake::digest(format!("{scope:?}\n{asked}\n{reports:?}").as_bytes())
}

impl Answers {
    /// An answer about costs.
    pub(crate) fn costs(&self, name: &str, now: DateTime<Utc>) -> Option<Arc<Answered>> {
        self.costs.get(name, now)
    }

    /// Keeps one.
    pub(crate) fn keep_costs(&self, name: &str, answer: &Arc<Answered>, now: DateTime<Utc>) {
        if answer.sums.lines.len() <= MOST_LINES {
            self.costs.put(name, Arc::clone(answer), now);
        }
    }

    /// An answer about shares.
    pub(crate) fn showback(&self, name: &str, now: DateTime<Utc>) -> Option<Arc<Shown>> {
        self.showback.get(name, now)
    }

    /// Keeps one.
    pub(crate) fn keep_showback(&self, name: &str, answer: &Arc<Shown>, now: DateTime<Utc>) {
        if answer.lines.values().map(std::collections::BTreeMap::len).sum::<usize>() <= MOST_LINES {
            self.showback.put(name, Arc::clone(answer), now);
        }
    }
}
