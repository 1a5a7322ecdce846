//! Answers over many clusters, kept for whoever asks the same again: reports never change, so an answer holds as long as the
//! reports are those it was made from. One that a cluster is missing from, since its report could not be read, is made anew.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Semaphore;
use types::ClusterId;

use crate::access_rules::Scope;
use crate::cost_sums::Answered;
use crate::problem::Problem;
use crate::read_cache::Cached;
use crate::showback::Shown;
use crate::single_flight::Turns;

/// Time for which an answer is kept.
const KEPT: TimeDelta = TimeDelta::hours(6);
/// Answers of one kind that are kept.
const MOST: usize = 24;
/// Lines of an answer up to which it is one of many that are kept; a few larger ones are kept beside, up to ten times that.
const MOST_LINES: usize = 4000;
/// Large answers of one kind that are kept.
const MOST_LARGE: usize = 2;
/// Answers that are made at a time: each holds the rows of a few clusters.
const MOST_MADE: usize = 3;

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answers {
    costs: Kept<Answered>,
    showback: Kept<Shown>,
    making: Making,
}

/// Who makes which answer: whoever asks the same waits, and then finds it.
#[derive(Debug)]
struct Making {
    turns: Turns,
    room: Semaphore,
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

    /// The answer of a name that is kept, or what `make` gives when its turn has come and it still is not. An answer without
    /// a number of lines is not kept.
    async fn or_made(
        &self,
        (making, name, now): (&Making, &str, DateTime<Utc>),
        make: impl Future<Output = Result<T, Problem>>,
        lines: impl Fn(&T) -> Option<usize>,
    ) -> Result<Arc<T>, Problem> {
        if let Some(known) = self.get(name, now) {
            return Ok(known);
        }
        let _turn = making.turns.take(name).await;
        if let Some(known) = self.get(name, now) {
            return Ok(known);
        }
        // It is never closed.
        let _room = making.room.acquire().await.ok();
        let made = Arc::new(make.await?);
        if let Some(lines) = lines(&made) {
            self.put(name, &made, lines, now);
        }
        Ok(made)
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
        let making = Making { turns: Turns::default(), room: Semaphore::new(MOST_MADE) };
        Self { costs: Kept::new(), showback: Kept::new(), making }
    }
}

/// Name of an answer: who sees what, what is asked, and the folder of each report it is made from.
pub(crate) fn name(scope: &Scope, asked: &str, reports: &[(ClusterId, String)]) -> String {
    lake::digest(format!("{scope:?}\n{asked}\n{reports:?}").as_bytes())
}

impl Answers {
    /// An answer about costs over many clusters: the one that is kept, or what `make` gives. Few are made at a time, so that
    /// rows of a few clusters are held, however many ask, and each by one of those who ask the same.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) async fn costs(
        &self,
        name: &str,
        now: DateTime<Utc>,
        make: impl Future<Output = Result<Answered, Problem>>,
    ) -> Result<Arc<Answered>, Problem> {
        let lines = |answer: &Answered| answer.looked.unread.is_empty().then_some(answer.sums.lines.len());
        self.costs.or_made((&self.making, name, now), make, lines).await
    }

    /// The same of shares.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) async fn showback(
        &self,
        name: &str,
        now: DateTime<Utc>,
        make: impl Future<Output = Result<Shown, Problem>>,
    ) -> Result<Arc<Shown>, Problem> {
        let all = |shown: &Shown| shown.lines.values().map(std::collections::BTreeMap::len).sum();
        let lines = |shown: &Shown| shown.looked.unread.is_empty().then(|| all(shown));
        self.showback.or_made((&self.making, name, now), make, lines).await
    }
}
