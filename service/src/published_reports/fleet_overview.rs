//! Where every cluster stands, as one look at the bucket found it. A cluster whose report cannot be read is named with the
//! reason, and keeps no other from being shown.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use lake::store::{InOrder, READS};
use types::ClusterId;

use super::{REPORTS, Report, Shelf, Snapshot, Standings, TRUSTED, Unread, damaged};
use crate::access_rules::Scope;
use crate::problem::Problem;

/// Time for which what was found is shown while it is read again.
const STALE: TimeDelta = TimeDelta::minutes(10);

impl Standings {
    /// Those of some clusters.
    fn of(&self, shown: impl Fn(&ClusterId) -> bool) -> Self {
        Self {
            reports: self.reports.iter().filter(|report| shown(&report.cluster)).cloned().collect(),
            unread: self.unread.iter().filter(|unread| shown(&unread.cluster)).cloned().collect(),
        }
    }
}

impl Shelf {
    /// The latest reports of all clusters that the scope shows all of.
    ///
    /// # Errors
    /// A [`Problem`] when the store fails.
    pub(crate) async fn fleet(self: &Arc<Self>, scope: &Scope, now: DateTime<Utc>) -> Result<Standings, Problem> {
        Ok(self.standing(now).await?.of(|cluster| scope.sees_whole(cluster)))
    }

    /// The clusters with a report of which the scope shows something, by name, each with the folder of its latest report;
    /// that is empty where the report cannot be read.
    ///
    /// # Errors
    /// A [`Problem`] when the store fails.
    pub(crate) async fn folders(
        self: &Arc<Self>,
        scope: &Scope,
        now: DateTime<Utc>,
    ) -> Result<Vec<(ClusterId, String)>, Problem> {
        let seen = self.standing(now).await?.of(|cluster| scope.sees(cluster));
        let read = seen.reports.into_iter().map(|report| (report.cluster, report.pointer.folder));
        let unread = seen.unread.into_iter().map(|unread| (unread.cluster, String::new()));
        let mut all: Vec<_> = read.chain(unread).collect();
        all.sort();
        Ok(all)
    }

    /// The currencies of the latest reports of clusters of which the scope shows something, as far as they say.
    ///
    /// # Errors
    /// A [`Problem`] when the store fails.
    pub(crate) async fn currencies(
        self: &Arc<Self>,
        scope: &Scope,
        now: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, Problem> {
        let all = self.standing(now).await?;
        let seen = all.reports.iter().filter(|report| scope.sees(&report.cluster));
        Ok(seen.filter_map(|report| Some(report.standing.as_ref()?.currency().to_owned())).collect())
    }

    /// How many clusters have a report that cannot be read, as the last look found it; `None` before the first. A look that
    /// is older than the time it is shown for is made anew, for the next who asks.
    pub(crate) fn count_unread(self: &Arc<Self>, now: DateTime<Utc>) -> Option<usize> {
        let found = self.snapshot();
        if found.as_ref().is_none_or(|(since, _)| now - *since >= STALE) {
            self.renew_beside(now);
        }
        found.map(|(_, all)| all.unread.len())
    }

    /// Where every cluster stands. What was read a quarter of a minute ago is still shown while it is read again, so that
    /// nobody waits for hundreds of objects.
    async fn standing(self: &Arc<Self>, now: DateTime<Utc>) -> Result<Arc<Standings>, Problem> {
        Ok(match self.snapshot() {
            Some((since, all)) if now - since < TRUSTED => all,
            Some((since, all)) if now - since < STALE => {
                self.renew_beside(now);
                all
            }
            _ => self.renew(now).await?,
        })
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The report of a cluster that lies in this folder, if the last look found it.
    pub(super) fn found(&self, cluster: &ClusterId, folder: &str) -> Option<Report> {
        let (_, all) = self.snapshot()?;
        all.reports.iter().find(|report| &report.cluster == cluster && report.pointer.folder == folder).cloned()
    }

    /// Reads it again in a task of its own, unless one does already.
    fn renew_beside(self: &Arc<Self>, now: DateTime<Utc>) {
        let Ok(turn) = Arc::clone(&self.renewing).try_lock_owned() else { return };
        let shelf = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(problem) = shelf.renew(now).await {
                tracing::warn!("the latest reports could not be read again: {}", problem.detail);
            }
            drop(turn);
        });
    }

    /// Reads where every cluster stands, many at once. It fails where the store answers for no cluster at all.
    async fn renew(self: &Arc<Self>, now: DateTime<Utc>) -> Result<Arc<Standings>, Problem> {
        let one = |cluster: ClusterId| {
            let shelf = Arc::clone(self);
            async move {
                let read = shelf.newest(&cluster, now).await;
                (cluster, read)
            }
        };
        let clusters = self.every_cluster(now).await?;
        let mut reading = InOrder::new(clusters.as_ref().clone().into_iter().map(one), READS);
        let mut all = Standings::default();
        while let Some((cluster, read)) = reading.next().await {
            match read {
                Ok(report) => all.reports.push(report),
                Err(problem) => all.unread.push(Unread { cluster, problem }),
            }
        }
        if all.reports.is_empty()
            && let Some(first) = all.unread.first()
            && all.unread.iter().all(|unread| unread.problem.status == StatusCode::SERVICE_UNAVAILABLE)
        {
            return Err(first.problem.clone());
        }
        self.keep_rows(&clusters);
        let all = Arc::new(all);
        *self.fleet.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&all)));
        self.read_ahead(Arc::clone(&all));
        Ok(all)
    }

    /// The latest report of a cluster, whoever may see it.
    async fn newest(&self, cluster: &ClusterId, now: DateTime<Utc>) -> Result<Report, Problem> {
        match self.pointer(cluster, "latest", now).await? {
            Some(pointer) => self.report(cluster, &pointer, now).await,
            None => Err(damaged(cluster, &format!("`{REPORTS}cluster={cluster}/latest/report.json` is not there"))),
        }
    }
}
