//! Rows by workload and day of the latest reports: of one cluster held as they are, of a fleet as sums.

use std::sync::Arc;

use axum::http::StatusCode;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use lake::{Day, WorkloadDay, workload_day};
use types::ClusterId;

use super::{MOST_HELD, Pointer, REPORTS, Report, Shelf, Span, TREND, damaged, is_date};
use crate::access_rules::Scope;
use crate::condensed_rows::{self, Condensed};
use crate::problem::Problem;
use crate::report_sums::ReportSums;

/// Cost of each workload of a cluster on each day of a report.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// The window.
    pub(crate) window: Span,
    /// Hours of it that were there.
    pub(crate) hours: u32,
    /// The currency of the amounts.
    pub(crate) currency: String,
    /// Every row, shown or not; where there are `sums`, a row for each of their groups, of the whole window and no day.
    pub(crate) rows: Arc<Vec<WorkloadDay>>,
    /// The sums that the rows are of; `None` where the rows are as the report has them.
    pub(crate) sums: Option<Arc<ReportSums>>,
}

/// Detail of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Sums over the window, of parts, namespaces, labels and groups of nodes, or more.
    Sums,
    /// Of each workload and day.
    Workloads,
}

impl Shelf {
    /// Returns the cost of each workload of a cluster on each day of its latest report, or of that of a date; rows that the scope does not
    /// show are the caller's to leave out by [`Scope::shows`], which [`crate::cost_sums::Summing`] does. `None` where the
    /// report has none.
    ///
    /// # Errors
    /// As [`Self::latest`], for clusters of which the scope shows nothing; for a date without a report one that names the
    /// dates there are.
    pub(crate) async fn rows(
        &self,
        scope: &Scope,
        cluster: &ClusterId,
        day: Option<Day>,
        now: DateTime<Utc>,
    ) -> Result<Option<Rows>, Problem> {
        if !scope.sees(cluster) {
            return Err(Problem::not_found());
        }
        let Some(pointer) = self.pointer_of_day(cluster, day, now).await? else { return Ok(None) };
        let known = self.rows.get(&pointer.folder, now).or_else(|| self.large.get(&pointer.folder, now));
        let rows = match known {
            Some(known) => known,
            None => {
                let rows = self.read_rows(cluster, &pointer).await?;
                match rows.as_ref().is_none_or(|rows| rows.len() <= MOST_HELD.1) {
                    true => self.rows.put(&pointer.folder, rows.clone(), now),
                    false => self.large.put(&pointer.folder, rows.clone(), now),
                }
                rows
            }
        };
        let report = self.report(cluster, &pointer, now).await?;
        Ok(rows.map(|rows| of_report(&report, rows)))
    }

    /// The same of the report in a folder, as the last look found it, for whoever reads one cluster after the other: what is
    /// asked for, or more, is held small where there is room, and read once by however many ask.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub(crate) async fn rows_once(
        self: &Arc<Self>,
        scope: &Scope,
        (cluster, folder): (&ClusterId, &str),
        detail: Detail,
        now: DateTime<Utc>,
    ) -> Result<Option<Rows>, Problem> {
        if !scope.sees(cluster) {
            return Err(Problem::not_found());
        }
        if let Some(report) = self.found(cluster, folder) {
            match self.small_rows(&report, detail).await {
                // It may be gone since, and another be the latest.
                Err(problem) if problem.status == StatusCode::BAD_GATEWAY => {}
                read => return read,
            }
        }
        let Some(pointer) = self.pointer(cluster, "latest", now).await? else { return Ok(None) };
        let report = self.report(cluster, &pointer, now).await?;
        self.small_rows(&report, detail).await
    }

    /// Where the report of a date is, or the latest; `None` where there is no latest.
    async fn pointer_of_day(
        &self,
        cluster: &ClusterId,
        day: Option<Day>,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Pointer>>, Problem> {
        let Some(day) = day else { return self.pointer(cluster, "latest", now).await };
        if let Some(pointer) = self.pointer(cluster, &format!("date={day}"), now).await? {
            return Ok(Some(pointer));
        }
        let names = self.store.list_names(&format!("{REPORTS}cluster={cluster}/")).await?;
        let mut dates: Vec<&str> =
            names.iter().filter(|name| is_date(name)).filter_map(|name| name.strip_prefix("date=")).collect();
        dates.sort_unstable();
        let newest = dates.split_off(dates.len().saturating_sub(TREND));
        let there = if newest.is_empty() { "none".to_owned() } else { newest.join(", ") };
        let detail = format!("{cluster} has no report of {day}; the newest there are: {there}");
        Err(Problem::new(StatusCode::NOT_FOUND, detail))
    }

    /// Lets go of what is held of clusters that are not there any more.
    pub(super) fn keep_rows(&self, clusters: &[ClusterId]) {
        self.sums.keep(clusters);
        self.workloads.keep(clusters);
    }

    pub(super) async fn small_rows(self: &Arc<Self>, report: &Report, detail: Detail) -> Result<Option<Rows>, Problem> {
        if let Some(rows) = self.held(report, detail) {
            return Ok(Some(rows));
        }
        let turn = self.reading.take(&report.pointer.folder).await;
        if let Some(rows) = self.held(report, detail) {
            return Ok(Some(rows));
        }
        let Some(file) = self.named(&report.cluster, &report.pointer, workload_day::FILE).await? else {
            return Ok(None);
        };
        // It is never closed.
        let room = Arc::clone(&self.unpacking).acquire_owned().await.ok();
        let (shelf, report) = (Arc::clone(self), report.clone());
        let unpack = move || {
            // They are held until it ends, also where nobody waits for it any more.
            let _turn_and_room = (turn, room);
            shelf.unpacked(&report, file, detail)
        };
        let read = tokio::task::spawn_blocking(unpack).await;
        read.map_err(|error| Problem::internal("read a report", &error))?.map(Some)
    }

    fn held(&self, report: &Report, detail: Detail) -> Option<Rows> {
        let (cluster, folder) = (&report.cluster, &report.pointer.folder);
        if detail == Detail::Sums
            && let Some(sums) = self.sums.get(cluster, folder)
        {
            return Some(of_sums(report, sums));
        }
        self.workloads.get(cluster, folder).map(|rows| of_report(report, Arc::new(rows.rows())))
    }

    /// What a file says, held where there is room: both details, since whoever asks by team next asks by workload.
    fn unpacked(&self, report: &Report, file: Bytes, detail: Detail) -> Result<Rows, Problem> {
        let (cluster, folder) = (&report.cluster, report.pointer.folder.as_str());
        let rows = unpacked(cluster, file)?;
        self.workloads.forget(cluster);
        // Rows that have no room are most of a large fleet's, and are not made small in vain.
        if self.workloads.has_room(cluster, rows.len().saturating_mul(condensed_rows::LEAST_BYTES))
            && let Some(condensed) = Condensed::of(&rows)
        {
            self.workloads.put(cluster, folder, (condensed.bytes(), 0), Arc::new(condensed));
        }
        let sums = self.sums.get(cluster, folder).or_else(|| self.sums.put(cluster, folder, &rows));
        Ok(match sums.filter(|_| detail == Detail::Sums) {
            Some(sums) => of_sums(report, sums),
            None => of_report(report, Arc::new(rows)),
        })
    }

    async fn read_rows(
        &self,
        cluster: &ClusterId,
        pointer: &Pointer,
    ) -> Result<Option<Arc<Vec<WorkloadDay>>>, Problem> {
        match self.named(cluster, pointer, workload_day::FILE).await? {
            Some(file) => Ok(Some(Arc::new(decoded(cluster, file).await?))),
            None => Ok(None),
        }
    }
}

/// Rows, with what the report says of them.
fn of_report(report: &Report, rows: Arc<Vec<WorkloadDay>>) -> Rows {
    let currency = report.standing.as_ref().map_or("USD", |standing| standing.currency()).to_owned();
    Rows { window: report.pointer.window, hours: report.pointer.hours_present, currency, rows, sums: None }
}

/// The same of sums.
fn of_sums(report: &Report, sums: Arc<ReportSums>) -> Rows {
    Rows { sums: Some(Arc::clone(&sums)), ..of_report(report, Arc::new(sums.rows())) }
}

/// Rows of a file, read off the threads that answer.
async fn decoded(cluster: &ClusterId, file: Bytes) -> Result<Vec<WorkloadDay>, Problem> {
    let cluster = cluster.clone();
    let decoded = tokio::task::spawn_blocking(move || unpacked(&cluster, file)).await;
    decoded.map_err(|error| Problem::internal("read a report", &error))?
}

/// Rows of a file; one that names another cluster is refused, since scopes are by cluster.
fn unpacked(cluster: &ClusterId, file: Bytes) -> Result<Vec<WorkloadDay>, Problem> {
    let rows =
        workload_day::decode(file).map_err(|error| damaged(cluster, &format!("`{}`: {error}", workload_day::FILE)))?;
    if rows.iter().any(|row| row.cluster.as_ref() != cluster.as_str()) {
        return Err(damaged(cluster, &format!("the rows of `{}` name another cluster", workload_day::FILE)));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use lake::Store;
    use lake::store::DirStore;
    use lake::workload_day::Part;
    use serde_json::json;

    use super::*;

    /// Puts a report of a cluster that cost so much, in a folder of its own.
    async fn put(store: &dyn Store, cluster: &str, name: &str, nano_usd: i64) {
        let row = WorkloadDay {
            date: Some("2026-07-01".into()),
            namespace: Some("shop".into()),
            workload: Some("web".into()),
            cpu_nano_usd: nano_usd,
            ..WorkloadDay::of(cluster, Part::Workload)
        };
        let file = workload_day::encode(vec![row]).unwrap();
        let folder = format!("reports/cluster={cluster}/date=2026-07-01/report={name}/");
        let named = json!([{"name": workload_day::FILE, "sha256": lake::digest(&file), "bytes": file.len()}]);
        store.replace(&format!("{folder}{}", workload_day::FILE), file, "").await.unwrap();
        let window = json!({"start": "2026-07-01T00:00:00Z", "end": "2026-07-02T00:00:00Z"});
        let pointer = json!({"date": "2026-07-01", "folder": folder, "window": window, "files": named});
        let key = format!("reports/cluster={cluster}/latest/report.json");
        store.replace(&key, pointer.to_string().into(), "application/json").await.unwrap();
    }

    /// The cost of each cluster, as a question over all of them reads it.
    async fn costs(shelf: &Arc<Shelf>, detail: Detail, now: DateTime<Utc>) -> Vec<Result<i128, StatusCode>> {
        let scope = Scope::of_service();
        let mut costs = Vec::new();
        for (cluster, folder) in shelf.folders(&scope, now).await.unwrap() {
            let read = shelf.rows_once(&scope, (&cluster, &folder), detail, now).await;
            let sum = |rows: Option<Rows>| rows.unwrap().rows.iter().map(WorkloadDay::nano_usd).sum();
            costs.push(read.map(sum).map_err(|problem| problem.status));
        }
        costs
    }

    #[tokio::test]
    async fn after_a_new_report_that_one_is_read_and_no_other_whatever_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(DirStore::new(folder.path()));
        put(store.as_ref(), "a", "1", 10).await;
        put(store.as_ref(), "b", "1", 20).await;
        let shelf = Arc::new(Shelf::new(Arc::clone(&store)));
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        assert_eq!(costs(&shelf, Detail::Sums, now).await, [Ok(10), Ok(20)]);
        // What is gone cannot be read anew.
        store.delete(&format!("reports/cluster=b/date=2026-07-01/report=1/{}", workload_day::FILE)).await.unwrap();
        put(store.as_ref(), "a", "2", 11).await;
        let later = now + TimeDelta::minutes(20);
        assert_eq!(costs(&shelf, Detail::Sums, later).await, [Ok(11), Ok(20)]);
        assert_eq!(costs(&shelf, Detail::Workloads, later).await, [Ok(11), Ok(20)]);
        let another = Arc::new(Shelf::new(store));
        assert_eq!(costs(&another, Detail::Sums, later).await, [Ok(11), Err(StatusCode::BAD_GATEWAY)]);
    }
}
