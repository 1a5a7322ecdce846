//! The reports in the bucket, each read once: what a pointer names never changes.

mod fleet_overview;
mod read_ahead;
mod workload_rows;

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use lake::{Store, StoreError, WorkloadDay};
use reports::Standing;
use serde::Deserialize;
use tokio::sync::Semaphore;
use types::ClusterId;
use types::analysis::Analysis;

use crate::access_rules::Scope;
use crate::condensed_rows::Condensed;
use crate::folders_read_ahead::FoldersReadAhead;
use crate::held_reports::Held;
use crate::problem::Problem;
use crate::read_cache::Cached;
use crate::report_sums::HeldSums;
use crate::single_flight::Turns;

/// Time for which the list of clusters and where their latest reports are is trusted.
const TRUSTED: TimeDelta = TimeDelta::seconds(15);
/// Time for which what never changes is kept without being asked for anew.
const KEPT: TimeDelta = TimeDelta::hours(6);
/// Reports of which the rows by workload and day are held at a time, and how many rows those may have: a few dozen MiB. Of
/// larger reports the last one is held.
const MOST_HELD: (usize, usize) = (4, 24_000);
/// Most bytes of rows by workload that are held of all clusters: small fleets, or short windows.
const MOST_BYTES_OF_WORKLOADS: usize = 2 << 20;
/// Reports of a fleet whose rows are unpacked at a time.
const UNPACKED: usize = 2;
/// Analyses that are read at a time for their few numbers: each is some megabytes.
const ANALYSES: usize = 4;
/// Reports of which the few numbers are held.
const MOST_STANDINGS: usize = 8192;
/// Reports of a cluster that its trend draws.
const TREND: usize = 26;
const REPORTS: &str = "reports/";

pub(crate) use workload_rows::{Detail, Rows};

/// What was found, and when.
type Snapshot = (DateTime<Utc>, Arc<Standings>);

/// A cluster whose latest report cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    /// The cluster.
    pub(crate) cluster: ClusterId,
    /// What is wrong with it, and the next step.
    pub(crate) problem: Problem,
}

/// The latest reports of clusters, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standings {
    /// Those that can be read.
    pub(crate) reports: Vec<Report>,
    /// Clusters whose report cannot be.
    pub(crate) unread: Vec<Unread>,
}

/// Content of `report.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Pointer {
    /// The date of the last hour of the window.
    pub date: String,
    /// Where the files lie.
    pub folder: String,
    /// The window.
    pub window: Span,
    /// Hours that were there.
    #[serde(default)]
    pub hours_present: u32,
    /// Hours of the window.
    #[serde(default)]
    pub hours_expected: u32,
    /// The files.
    #[serde(default)]
    pub files: Vec<Named>,
}

/// A window.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Span {
    /// Its start.
    pub start: DateTime<Utc>,
    /// First moment after it.
    pub end: DateTime<Utc>,
}

/// A file of a report.
#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// SHA-256 of its content.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// A cluster's report, with the few numbers of it.
#[derive(Debug, Clone)]
pub struct Report {
    /// The cluster.
    pub cluster: ClusterId,
    /// Content of `report.json`.
    pub pointer: Pointer,
    /// Its numbers; `None` where the report holds no analysis that this version reads.
    pub standing: Option<Standing>,
    /// Hours of nodes without a price, whose cost is in no total.
    pub unpriced_node_hours: Option<f64>,
}

#[derive(Debug, Clone)]
struct Numbers {
    standing: Standing,
    unpriced_node_hours: Option<f64>,
}

/// Reads reports, for somebody: nothing is handed out that the scope does not show.
#[derive(Debug)]
pub struct Shelf {
    store: Arc<dyn Store>,
    clusters: Cached<Arc<Vec<ClusterId>>>,
    pointers: Cached<Option<Arc<Pointer>>>,
    numbers: Cached<Option<Arc<Numbers>>>,
    rows: Cached<Option<Arc<Vec<WorkloadDay>>>>,
    large: Cached<Option<Arc<Vec<WorkloadDay>>>>,
    sums: HeldSums,
    workloads: Held<Condensed>,
    reading: Turns,
    unpacking: Arc<Semaphore>,
    analyses: Semaphore,
    fleet: Mutex<Option<Snapshot>>,
    /// Held while reports are looked for in a task of its own.
    renewing: Arc<tokio::sync::Mutex<()>>,
    ahead: FoldersReadAhead,
}

/// The reports of a cluster by date.
#[derive(Debug, Default)]
pub(crate) struct Trend {
    /// Those that can be read, the oldest first.
    pub(crate) reports: Vec<Report>,
    /// Why others cannot be.
    pub(crate) unread: Vec<String>,
}

impl Shelf {
    /// The shelf in a bucket.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            clusters: Cached::new(2, TRUSTED),
            pointers: Cached::new(MOST_STANDINGS, TRUSTED),
            numbers: Cached::new(MOST_STANDINGS, KEPT),
            rows: Cached::new(MOST_HELD.0, KEPT),
            large: Cached::new(1, KEPT),
            sums: HeldSums::default(),
            workloads: Held::new(MOST_BYTES_OF_WORKLOADS),
            reading: Turns::default(),
            unpacking: Arc::new(Semaphore::new(UNPACKED)),
            analyses: Semaphore::new(ANALYSES),
            fleet: Mutex::default(),
            renewing: Arc::default(),
            ahead: FoldersReadAhead::default(),
        }
    }

    /// The clusters with reports of which the scope shows something, by name.
    ///
    /// # Errors
    /// A [`Problem`] when the store fails.
    pub async fn clusters(&self, scope: &Scope, now: DateTime<Utc>) -> Result<Vec<ClusterId>, Problem> {
        Ok(self.every_cluster(now).await?.iter().filter(|cluster| scope.sees(cluster)).cloned().collect())
    }

    /// The clusters that bring hours and have no report yet, of those the scope shows something of, by name.
    ///
    /// # Errors
    /// A [`Problem`] when the store fails.
    pub(crate) async fn without_report(&self, scope: &Scope, now: DateTime<Utc>) -> Result<Vec<ClusterId>, Problem> {
        let reported = self.every_cluster(now).await?;
        let collected = self.clusters_below(&lake::object_keys::manifests(), now).await?;
        let new = collected.iter().filter(|cluster| scope.sees(cluster) && !reported.contains(cluster));
        Ok(new.cloned().collect())
    }

    async fn every_cluster(&self, now: DateTime<Utc>) -> Result<Arc<Vec<ClusterId>>, Problem> {
        self.clusters_below(REPORTS, now).await
    }

    async fn clusters_below(&self, folder: &str, now: DateTime<Utc>) -> Result<Arc<Vec<ClusterId>>, Problem> {
        if let Some(all) = self.clusters.get(folder, now) {
            return Ok(all);
        }
        let names = self.store.list_names(folder).await?;
        let ids = names.iter().filter_map(|name| name.strip_prefix("cluster=")?.parse().ok());
        let all = Arc::new(ids.collect::<Vec<ClusterId>>());
        self.clusters.put(folder, Arc::clone(&all), now);
        Ok(all)
    }

    /// The latest report of a cluster that the scope shows all of.
    ///
    /// # Errors
    /// [`Problem::not_found`] where there is none or it is not to be seen, or another when the store fails.
    pub async fn latest(&self, scope: &Scope, cluster: &ClusterId, now: DateTime<Utc>) -> Result<Report, Problem> {
        if !scope.sees_whole(cluster) {
            return Err(Problem::not_found());
        }
        let pointer = self.pointer(cluster, "latest", now).await?.ok_or_else(Problem::not_found)?;
        self.report(cluster, &pointer, now).await
    }

    /// The reports of a cluster by date, the last half year of weekly ones at most. One that cannot be read keeps no other
    /// from being shown.
    ///
    /// # Errors
    /// As [`Self::latest`].
    pub(crate) async fn trend(&self, scope: &Scope, cluster: &ClusterId, now: DateTime<Utc>) -> Result<Trend, Problem> {
        if !scope.sees_whole(cluster) {
            return Err(Problem::not_found());
        }
        let names = self.store.list_names(&format!("{REPORTS}cluster={cluster}/")).await?;
        let mut dates: Vec<&str> = names.iter().filter(|name| is_date(name)).map(String::as_str).collect();
        dates.sort_unstable();
        let from = dates.len().saturating_sub(TREND);
        let mut trend = Trend::default();
        for date in dates.get(from..).unwrap_or_default() {
            let read = match self.pointer(cluster, date, now).await {
                Ok(Some(pointer)) => self.report(cluster, &pointer, now).await,
                Ok(None) => continue,
                Err(problem) => Err(problem),
            };
            match read {
                Ok(report) => trend.reports.push(report),
                Err(problem) if problem.status == StatusCode::BAD_GATEWAY => trend.unread.push(problem.detail),
                Err(problem) => return Err(problem),
            }
        }
        Ok(trend)
    }

    /// A file of the latest report of a cluster that the scope shows all of, checked against its SHA-256.
    ///
    /// # Errors
    /// As [`Self::latest`].
    pub async fn file(
        &self,
        scope: &Scope,
        cluster: &ClusterId,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<Bytes, Problem> {
        if !scope.sees_whole(cluster) {
            return Err(Problem::not_found());
        }
        let pointer = self.pointer(cluster, "latest", now).await?.ok_or_else(Problem::not_found)?;
        self.named(cluster, &pointer, name).await?.ok_or_else(Problem::not_found)
    }

    /// The numbers of the report in a folder, of a cluster that the scope shows all of; `None` where it is gone or of a
    /// version that is not read.
    ///
    /// # Errors
    /// As [`Self::latest`].
    pub async fn figures_of(
        &self,
        scope: &Scope,
        cluster: &ClusterId,
        folder: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<reports::Figures>, Problem> {
        if !scope.sees_whole(cluster) || !is_below(folder, &format!("{REPORTS}cluster={cluster}/")) {
            return Err(Problem::not_found());
        }
        let known = match self.numbers.get(folder, now) {
            Some(known) => known,
            None => {
                let text = match self.store.get(&format!("{folder}analysis.json")).await {
                    Ok(text) => text,
                    Err(StoreError::NotFound { .. }) => return Ok(None),
                    Err(error) => return Err(error.into()),
                };
                let read = numbers(cluster, &text).map(Arc::new);
                self.numbers.put(folder, read.clone(), now);
                read
            }
        };
        Ok(known.map(|numbers| numbers.standing.figures()))
    }

    /// The analysis of the report of one day, or of the latest without one, of a cluster that the scope shows all of.
    ///
    /// # Errors
    /// As [`Self::latest`]; also where this version does not read it.
    pub(crate) async fn analysis_of_day(
        &self,
        scope: &Scope,
        cluster: &ClusterId,
        day: Option<lake::Day>,
        now: DateTime<Utc>,
    ) -> Result<Analysis, Problem> {
        if !scope.sees_whole(cluster) {
            return Err(Problem::not_found());
        }
        let name = day.map_or_else(|| "latest".to_owned(), |day| format!("date={day}"));
        let pointer = self.pointer(cluster, &name, now).await?.ok_or_else(Problem::not_found)?;
        parsed(self.named(cluster, &pointer, "analysis.json").await?.ok_or_else(Problem::not_found)?).await
    }

    /// The analysis of the report in a folder, of a cluster that the scope shows all of.
    ///
    /// # Errors
    /// As [`Self::analysis_of_day`].
    pub(crate) async fn analysis_in(
        &self,
        scope: &Scope,
        cluster: &ClusterId,
        folder: &str,
    ) -> Result<Analysis, Problem> {
        if !scope.sees_whole(cluster) || !is_below(folder, &format!("{REPORTS}cluster={cluster}/")) {
            return Err(Problem::not_found());
        }
        parsed(self.store.get(&format!("{folder}analysis.json")).await?).await
    }

    async fn report(&self, cluster: &ClusterId, pointer: &Pointer, now: DateTime<Utc>) -> Result<Report, Problem> {
        let numbers = match self.numbers.get(&pointer.folder, now) {
            Some(known) => known,
            None => {
                // It is never closed.
                let _room = self.analyses.acquire().await.ok();
                let numbers = match self.named(cluster, pointer, "analysis.json").await? {
                    Some(text) => {
                        let cluster = cluster.clone();
                        let read = tokio::task::spawn_blocking(move || numbers(&cluster, &text)).await;
                        read.map_err(|error| Problem::internal("read a report", &error))?
                    }
                    None => None,
                };
                let numbers = numbers.map(Arc::new);
                self.numbers.put(&pointer.folder, numbers.clone(), now);
                numbers
            }
        };
        Ok(Report {
            cluster: cluster.clone(),
            pointer: pointer.clone(),
            unpriced_node_hours: numbers.as_ref().and_then(|numbers| numbers.unpriced_node_hours),
            standing: numbers.map(|numbers| numbers.standing.clone()),
        })
    }

    async fn pointer(
        &self,
        cluster: &ClusterId,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Pointer>>, Problem> {
        let folder = format!("{REPORTS}cluster={cluster}/");
        let key = format!("{folder}{name}/report.json");
        if let Some(known) = self.pointers.get(&key, now) {
            return Ok(known);
        }
        let pointer = match self.store.get(&key).await {
            Ok(text) => match serde_json::from_slice::<Pointer>(&text) {
                Ok(pointer) if is_below(&pointer.folder, &folder) => Some(pointer),
                Ok(_) => return Err(damaged(cluster, &format!("`{key}` leads to another place than its reports"))),
                Err(error) => return Err(damaged(cluster, &format!("`{key}` cannot be read: {error}"))),
            },
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let pointer = pointer.map(Arc::new);
        self.pointers.put(&key, pointer.clone(), now);
        Ok(pointer)
    }

    /// A file that a pointer names; `None` for another name. One that is gone, or not what the pointer says, is an error
    /// that names the cluster.
    async fn named(&self, cluster: &ClusterId, pointer: &Pointer, name: &str) -> Result<Option<Bytes>, Problem> {
        let Some(named) = pointer.files.iter().find(|file| file.name == name) else { return Ok(None) };
        let key = format!("{}{name}", pointer.folder);
        let file = match self.store.get(&key).await {
            Ok(file) => file,
            Err(StoreError::NotFound { .. }) => {
                return Err(damaged(cluster, &format!("`{key}` is not there any more")));
            }
            Err(error) => return Err(error.into()),
        };
        if lake::digest(&file) != named.sha256 {
            return Err(damaged(cluster, &format!("`{key}` is not what its report.json says")));
        }
        Ok(Some(file))
    }
}

/// The problem of a report that cannot be read, with the next step.
fn damaged(cluster: &ClusterId, what: &str) -> Problem {
    tracing::error!(%cluster, "a report cannot be read: {what}");
    let detail =
        format!("the report of {cluster} cannot be read: {what}; run `emp-cost run --cluster-id {cluster}` again");
    Problem::new(StatusCode::BAD_GATEWAY, detail)
}

/// Returns true when a pointer leads to where reports of its cluster lie, and nowhere else.
fn is_below(folder: &str, cluster: &str) -> bool {
    let Some(rest) = folder.strip_prefix(cluster) else { return false };
    let plain = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=-".contains(&byte))
    };
    rest.strip_suffix('/').is_some_and(|rest| rest.split('/').all(plain))
}

fn is_date(name: &str) -> bool {
    name.strip_prefix("date=").is_some_and(|date| date.parse::<lake::Day>().is_ok())
}

fn numbers(cluster: &ClusterId, text: &[u8]) -> Option<Numbers> {
    let analysis: Analysis = match serde_json::from_slice(text) {
        Ok(analysis) => analysis,
        Err(error) => {
            tracing::warn!("the analysis of `{cluster}` cannot be read by this version: {error}");
            return None;
        }
    };
    let unpriced_node_hours = analysis.evidence.as_ref().map(|evidence| evidence.unpriced_node_hours);
    Some(Numbers { standing: Standing::of(&analysis), unpriced_node_hours })
}

/// Reads an analysis off the threads that answer.
pub(crate) async fn parsed(text: Bytes) -> Result<Analysis, Problem> {
    let parsed = tokio::task::spawn_blocking(move || serde_json::from_slice(&text)).await;
    let parsed = parsed.map_err(|error| Problem::internal("read a report", &error))?;
    parsed.map_err(|error| {
        tracing::warn!("an analysis cannot be read by this version: {error}");
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the report was made by another version; make it again with `emp-cost run`, or update this service",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_below_its_own_cluster_alone() {
        for (folder, below) in [
            ("reports/cluster=a/date=2026-07-01/report=0f3c/", true),
            ("reports/cluster=b/date=2026-07-01/report=0f3c/", false),
            ("reports/cluster=a/../cluster=b/", false),
            ("reports/cluster=a//", false),
            ("reports/cluster=a/x", false),
            ("v1/pod_hour/", false),
        ] {
            assert_eq!(is_below(folder, "reports/cluster=a/"), below, "{folder}");
        }
    }
}
