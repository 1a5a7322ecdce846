//! Queue of what-ifs in the bucket, from which workers take jobs by compare-and-swap.
//!
//! A job that runs twice is harmless: its result lies under the hash of its content, and the second finish changes
//! nothing. A worker that dies leaves a lease that ends, and another takes the job again.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use lake::{Store, StoreError};
use serde::{Deserialize, Serialize};
use types::ClusterId;

use crate::records::{Records, text};
use crate::seal::random;

const JOBS: Records = Records { folder: "service/jobs/", digits: 28 };
const RESULTS: &str = "service/results/";
/// Time for which a worker has a job without saying that it lives.
pub const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Workers a job may outlive.
const MOST_ATTEMPTS: u32 = 3;
/// Jobs that are listed.
const MOST_LISTED: usize = 200;
/// Jobs that may wait at a time.
pub const MOST_OPEN: usize = 100;

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No worker has it.
    Waiting,
    /// A worker has it, or had it and died.
    Running,
    /// There is a result.
    Done,
    /// There will be none.
    Failed,
}

/// Who has a job, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The worker.
    pub owner: String,
    /// Until when; after that anybody may take it.
    pub until: DateTime<Utc>,
}

impl Lease {
    /// A lease from now on.
    pub(crate) fn of(owner: &str, now: DateTime<Utc>) -> Self {
        Self { owner: owner.to_owned(), until: now + LEASE }
    }

    /// Returns true while nobody else may take it.
    pub(crate) fn holds(&self, now: DateTime<Utc>) -> bool {
        self.until > now
    }
}

/// What a what-if changes, as the files that `emp-cost analyze` takes; an empty one changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Changes {
    /// Assumptions, as TOML.
    #[serde(default)]
    pub assumptions: String,
    /// Prices, as TOML: rows that stand before those of the worker's own prices file.
    #[serde(default)]
    pub prices: String,
    /// Which pods move, as a ConfigMap.
    #[serde(default)]
    pub profile: String,
}

/// A job as the bucket keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Names it; later jobs have greater ids.
    pub id: String,
    /// The cluster.
    pub cluster: ClusterId,
    /// Title.
    pub title: String,
    /// What is other than in the scheduled report.
    #[serde(flatten)]
    pub changes: Changes,
    /// The folder of the report it is compared with.
    pub base: String,
    /// Start of that report's window, which is the job's too.
    pub start: DateTime<Utc>,
    /// First moment after it.
    pub end: DateTime<Utc>,
    /// Who asked.
    pub by: String,
    /// When.
    pub since: DateTime<Utc>,
    /// State.
    pub state: State,
    /// Workers that took it.
    pub attempts: u32,
    /// Who has it.
    pub lease: Option<Lease>,
    /// Hours that are read, of how many.
    pub progress: Option<(u64, u64)>,
    /// The folder of the result.
    pub result: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
}

impl Job {
    /// Returns true when it waits or runs.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Waiting | State::Running)
    }
}

/// A job with the mark of what it was read as.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The job.
    pub job: Job,
    mark: String,
}

/// Request of a job.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The cluster.
    pub cluster: ClusterId,
    /// Title.
    pub title: String,
    /// What is to be other than in the report.
    pub changes: Changes,
    /// The folder of the report to compare with.
    pub base: String,
    /// Its window.
    pub window: (DateTime<Utc>, DateTime<Utc>),
    /// Who asks.
    pub by: String,
}

/// Puts a job into the queue.
///
/// # Errors
/// [`StoreError`].
pub async fn submit(store: &dyn Store, asked: Asked, now: DateTime<Utc>) -> Result<Job, StoreError> {
    let id = new_id(now).ok_or_else(|| JOBS.failed(store, "the system gives no random numbers"))?;
    let job = Job {
        id: id.clone(),
        cluster: asked.cluster,
        title: asked.title,
        changes: asked.changes,
        base: asked.base,
        start: asked.window.0,
        end: asked.window.1,
        by: asked.by,
        since: now,
        state: State::Waiting,
        attempts: 0,
        lease: None,
        progress: None,
        result: None,
        error: None,
    };
    if store.swap(&JOBS.key(&id), None, text(&job), "application/json").await? {
        return Ok(job);
    }
    Err(JOBS.failed(store, "a job of that name is there"))
}

/// Milliseconds and chance, in hexadecimal: ids sort by time.
fn new_id(now: DateTime<Utc>) -> Option<String> {
    let chance = u64::from_be_bytes(random::<8>()?);
    Some(format!("{:012x}{chance:016x}", now.timestamp_millis()))
}

/// A job by its id; `None` where there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn get(store: &dyn Store, id: &str) -> Result<Option<Taken>, StoreError> {
    if !JOBS.is_id(id) {
        return Ok(None);
    }
    match store.get_marked(&JOBS.key(id)).await {
        Ok((object, mark)) => {
            let job = serde_json::from_slice::<Job>(&object).ok().filter(|job| job.id == id);
            Ok(job.map(|job| Taken { job, mark }))
        }
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The newest jobs, the newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(store: &dyn Store) -> Result<Vec<Job>, StoreError> {
    let mut jobs = Vec::new();
    for id in JOBS.ids(store).await?.into_iter().rev().take(MOST_LISTED) {
        jobs.extend(get(store, &id).await?.map(|taken| taken.job));
    }
    Ok(jobs)
}

/// Takes the oldest job that waits or whose worker is gone; `None` when there is none. A job that outlived its workers
/// too often fails here.
///
/// # Errors
/// [`StoreError`].
pub async fn take(store: &dyn Store, owner: &str, now: DateTime<Utc>) -> Result<Option<Taken>, StoreError> {
    for id in JOBS.ids(store).await? {
        let Some(mut found) = get(store, &id).await? else { continue };
        if !is_free(&found.job, now) {
            continue;
        }
        if found.job.attempts >= MOST_ATTEMPTS {
            found.job.state = State::Failed;
            found.job.lease = None;
            let workers = format!("{MOST_ATTEMPTS} workers died over it; their logs say why, as where memory is short");
            found.job.error = Some(workers);
            put(store, &mut found).await?;
            continue;
        }
        found.job.state = State::Running;
        found.job.attempts += 1;
        found.job.progress = None;
        found.job.lease = Some(Lease::of(owner, now));
        if put(store, &mut found).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn is_free(job: &Job, now: DateTime<Utc>) -> bool {
    match job.state {
        State::Waiting => true,
        State::Running => job.lease.as_ref().is_none_or(|lease| !lease.holds(now)),
        State::Done | State::Failed => false,
    }
}

/// Says that the worker lives and how far it is; false when the job is no longer its own, and then it should stop.
///
/// # Errors
/// [`StoreError`].
pub async fn renew(
    store: &dyn Store,
    taken: &mut Taken,
    progress: Option<(u64, u64)>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    if let Some(lease) = &mut taken.job.lease {
        lease.until = now + LEASE;
    }
    taken.job.progress = progress;
    put(store, taken).await
}

/// Ends a job, with the folder of its result or with a reason; false when it is no longer the worker's own.
///
/// # Errors
/// [`StoreError`].
pub async fn finish(store: &dyn Store, taken: &mut Taken, outcome: Result<String, String>) -> Result<bool, StoreError> {
    taken.job.lease = None;
    match outcome {
        Ok(folder) => {
            taken.job.state = State::Done;
            taken.job.result = Some(folder);
        }
        Err(reason) => {
            taken.job.state = State::Failed;
            taken.job.error = Some(reason.chars().take(2000).collect());
        }
    }
    put(store, taken).await
}

/// Writes a job if nobody else did since it was read.
async fn put(store: &dyn Store, taken: &mut Taken) -> Result<bool, StoreError> {
    let text = text(&taken.job);
    if !store.swap(&JOBS.key(&taken.job.id), Some(&taken.mark), text, "application/json").await? {
        return Ok(false);
    }
    // The mark of what was just written is the store's to tell.
    match store.get_marked(&JOBS.key(&taken.job.id)).await {
        Ok((object, mark)) => {
            let ours = serde_json::from_slice::<Job>(&object).is_ok_and(|there| there == taken.job);
            taken.mark = mark;
            Ok(ours)
        }
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Keeps the files of a result under the hash of what `analysis.json` holds; returns their folder. The same analysis lies
/// at the same place, whoever made it, and nothing there is ever changed.
///
/// # Errors
/// [`StoreError`].
pub async fn keep(store: &dyn Store, files: Vec<(String, Bytes)>) -> Result<String, StoreError> {
    let content = files.iter().find(|(name, _)| name == "analysis.json").map(|(_, content)| lake::digest(content));
    let folder = format!("{RESULTS}{}/", content.unwrap_or_default());
    for (name, content) in files {
        store.put_new(&format!("{folder}{name}"), content).await?;
    }
    Ok(folder)
}

/// A file of a result. The folder is one of [`keep`]'s, or nothing is found.
///
/// # Errors
/// [`StoreError`].
pub async fn file(store: &dyn Store, folder: &str, name: &str) -> Result<Option<Bytes>, StoreError> {
    let digits = folder.strip_prefix(RESULTS).and_then(|rest| rest.strip_suffix('/'));
    let known = ["analysis.json", "index.html"].contains(&name);
    if !known || !digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Ok(None);
    }
    match store.get(&format!("{folder}{name}")).await {
        Ok(content) => Ok(Some(content)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lake::store::{DirStore, MemoryStore};

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
    }

    fn asked(title: &str) -> Asked {
        Asked {
            cluster: "prod".parse().unwrap(),
            title: title.to_owned(),
            changes: Changes::default(),
            base: "reports/cluster=prod/date=2026-07-01/report=0/".to_owned(),
            window: (at(-3600), at(0)),
            by: "me".to_owned(),
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_many_workers_each_job_has_one() {
        let folder = tempfile::tempdir().unwrap();
        let stores: [Arc<dyn Store>; 2] = [Arc::new(MemoryStore::default()), Arc::new(DirStore::new(folder.path()))];
        for store in stores {
            for n in 0..6 {
                submit(store.as_ref(), asked(&format!("{n}")), at(n)).await.unwrap();
            }
            let workers = (0..12).map(|n| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { take(store.as_ref(), &format!("w{n}"), at(10)).await.unwrap() })
            });
            let mut taken = Vec::new();
            for worker in workers.collect::<Vec<_>>() {
                taken.extend(worker.await.unwrap().map(|taken| taken.job.id));
            }
            // A worker that lost a race goes on to the next job; of those at the end of the queue some may find none.
            taken.extend(take(store.as_ref(), "last", at(10)).await.unwrap().map(|taken| taken.job.id));
            let all = taken.len();
            taken.sort();
            taken.dedup();
            assert_eq!(taken.len(), all, "no job was taken twice");
            assert!(all >= 1);
        }
    }

    #[tokio::test]
    async fn a_dead_workers_job_is_taken_again_and_its_late_finish_changes_nothing() {
        let store = MemoryStore::default();
        submit(&store, asked("a"), at(0)).await.unwrap();
        let mut first = take(&store, "first", at(1)).await.unwrap().unwrap();
        assert!(take(&store, "second", at(2)).await.unwrap().is_none(), "it is taken");
        assert!(renew(&store, &mut first, Some((1, 2)), at(100)).await.unwrap());
        assert!(take(&store, "second", at(200)).await.unwrap().is_none(), "it was renewed");
        let mut second = take(&store, "second", at(221)).await.unwrap().unwrap();
        assert_eq!(second.job.attempts, 2);
        assert!(!renew(&store, &mut first, None, at(222)).await.unwrap());
        assert!(!finish(&store, &mut first, Ok("service/results/x/".to_owned())).await.unwrap());
        assert!(finish(&store, &mut second, Ok("service/results/y/".to_owned())).await.unwrap());
        let done = get(&store, &second.job.id).await.unwrap().unwrap().job;
        assert_eq!((done.state, done.result.as_deref()), (State::Done, Some("service/results/y/")));
        assert!(take(&store, "third", at(10_000)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_job_that_kills_its_workers_fails() {
        let store = MemoryStore::default();
        let id = submit(&store, asked("a"), at(0)).await.unwrap().id;
        for n in 0..3 {
            assert!(take(&store, "w", at(1000 * n + 1)).await.unwrap().is_some());
        }
        assert!(take(&store, "w", at(10_000)).await.unwrap().is_none());
        let job = get(&store, &id).await.unwrap().unwrap().job;
        assert_eq!(job.state, State::Failed);
        assert!(job.error.unwrap().contains("3 workers died"));
        for other in ["", "..", "x", "../../reports/x"] {
            assert!(get(&store, other).await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn the_same_analysis_lies_at_the_same_place() {
        let store = MemoryStore::default();
        let files = || vec![("analysis.json".to_owned(), Bytes::from_static(b"{}"))];
        let folder = keep(&store, files()).await.unwrap();
        assert_eq!(keep(&store, files()).await.unwrap(), folder);
        assert_eq!(file(&store, &folder, "analysis.json").await.unwrap().unwrap(), "{}");
        assert_eq!(file(&store, &folder, "../jobs/x.json").await.unwrap(), None);
        assert_eq!(file(&store, "reports/", "analysis.json").await.unwrap(), None);
    }
}
