//! Queue of what-ifs in the bucket, from which workers take jobs by compare-and-swap.
//!
//! A job that runs twice is harmless: its result lies under the hash of its content, and the second finish changes
//! nothing. A worker that dies leaves a lease that ends, and another takes the job again.

pub(crate) mod prune;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use lake::store::get_many;
use lake::{Store, StoreError};
use serde::{Deserialize, Serialize};
use types::ClusterId;

pub use prune::prune;

use crate::sealed_values::random;
use crate::stored_records::{Records, text};

const JOBS: Records = Records { folder: "service/jobs/", digits: 28 };
const RESULTS: &str = "service/results/";
/// Time for which a worker has a job without saying that it lives.
pub const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Workers a job may outlive.
const MOST_ATTEMPTS: u32 = 3;
/// Times that a job is written which its worker writes too.
const MOST_TRIES: usize = 8;
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
    /// Somebody did not want it any more.
    Cancelled,
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
    /// Who cancelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<String>,
    /// When it ended; `None` before that, and of jobs that predate this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<DateTime<Utc>>,
    /// Whether somebody wants it kept for good.
    #[serde(default)]
    pub kept: bool,
    /// Whether it is being removed; nobody finds it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pruned: bool,
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

/// Jobs that a worker has seen done or failed, which never change again: it does not read them a second time.
#[derive(Debug, Default)]
pub struct Ended(BTreeSet<String>);

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
        cancelled_by: None,
        ended: None,
        kept: false,
        pruned: false,
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
        Ok((object, mark)) => Ok(parse(&object, id).map(|job| Taken { job, mark })),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse(object: &[u8], id: &str) -> Option<Job> {
    serde_json::from_slice::<Job>(object).ok().filter(|job| job.id == id && !job.pruned)
}

/// The newest jobs, the newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(store: &Arc<dyn Store>) -> Result<Vec<Job>, StoreError> {
    let ids: Vec<String> = JOBS.ids(store.as_ref()).await?.into_iter().rev().take(MOST_LISTED).collect();
    let mut reads = get_many(store, ids.iter().map(|id| JOBS.key(id)).collect());
    let mut jobs = Vec::new();
    for id in &ids {
        match reads.next().await {
            Some((_, Ok(object))) => jobs.extend(parse(&object, id)),
            Some((_, Err(StoreError::NotFound { .. }))) | None => {}
            Some((_, Err(error))) => return Err(error),
        }
    }
    Ok(jobs)
}

/// Takes the oldest job that waits or whose worker is gone; `None` when there is none. A job that outlived its workers
/// too often fails here. What is seen to have ended goes into `ended`, and what is in there is not read.
///
/// # Errors
/// [`StoreError`].
pub async fn take(
    store: &Arc<dyn Store>,
    ended: &mut Ended,
    owner: &str,
    now: DateTime<Utc>,
) -> Result<Option<Taken>, StoreError> {
    let all: BTreeSet<String> = JOBS.ids(store.as_ref()).await?.into_iter().collect();
    ended.0.retain(|id| all.contains(id));
    let ids: Vec<String> = all.into_iter().filter(|id| !ended.0.contains(id)).collect();
    // Many are read at once; the one that is taken is read again, with the mark that it is swapped by.
    let mut reads = get_many(store, ids.iter().map(|id| JOBS.key(id)).collect());
    for id in ids {
        let job = match reads.next().await {
            Some((_, Ok(object))) => parse(&object, &id),
            Some((_, Err(StoreError::NotFound { .. }))) | None => None,
            Some((_, Err(error))) => return Err(error),
        };
        let Some(job) = job else { continue };
        if !job.is_open() {
            ended.0.insert(id);
            continue;
        }
        if is_free(&job, now)
            && let Some(taken) = take_one(store.as_ref(), &id, owner, now).await?
        {
            return Ok(Some(taken));
        }
    }
    Ok(None)
}

/// Takes a job if it is still free and no other worker is quicker.
async fn take_one(store: &dyn Store, id: &str, owner: &str, now: DateTime<Utc>) -> Result<Option<Taken>, StoreError> {
    let Some(mut found) = get(store, id).await? else { return Ok(None) };
    if !is_free(&found.job, now) {
        return Ok(None);
    }
    if found.job.attempts >= MOST_ATTEMPTS {
        found.job.state = State::Failed;
        found.job.ended = Some(now);
        found.job.lease = None;
        let workers = format!("{MOST_ATTEMPTS} workers died over it; their logs say why, as where memory is short");
        found.job.error = Some(workers);
        put(store, &mut found).await?;
        return Ok(None);
    }
    found.job.state = State::Running;
    found.job.attempts += 1;
    found.job.progress = None;
    found.job.lease = Some(Lease::of(owner, now));
    Ok(put(store, &mut found).await?.then_some(found))
}

fn is_free(job: &Job, now: DateTime<Utc>) -> bool {
    match job.state {
        State::Waiting => true,
        State::Running => job.lease.as_ref().is_none_or(|lease| !lease.holds(now)),
        State::Done | State::Failed | State::Cancelled => false,
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

/// Gives a job back that a worker cannot go on with since it is asked to end: it waits again, for whoever comes first, and
/// this worker does not count as one that died over it. False when the job is no longer the worker's own.
///
/// # Errors
/// [`StoreError`].
pub async fn give_back(store: &dyn Store, taken: &mut Taken) -> Result<bool, StoreError> {
    let job = &mut taken.job;
    job.state = State::Waiting;
    job.attempts = job.attempts.saturating_sub(1);
    (job.lease, job.progress) = (None, None);
    put(store, taken).await
}

/// Ends a job that waits or runs, for somebody; its worker finds out when it next says that it lives. False when the job has
/// ended already, or is not there.
///
/// # Errors
/// [`StoreError`].
pub async fn cancel(store: &dyn Store, id: &str, by: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
    for _ in 0..MOST_TRIES {
        let Some(mut found) = get(store, id).await?.filter(|found| found.job.is_open()) else { return Ok(false) };
        found.job.state = State::Cancelled;
        found.job.cancelled_by = Some(by.to_owned());
        found.job.ended = Some(now);
        (found.job.lease, found.job.progress) = (None, None);
        if put(store, &mut found).await? {
            return Ok(true);
        }
    }
    Err(JOBS.failed(store, "its worker was quicker each time"))
}

/// Keeps a job for good with its result, or no longer; false when it is not there, as where it was pruned meanwhile.
///
/// # Errors
/// [`StoreError`].
pub async fn hold(store: &dyn Store, id: &str, kept: bool) -> Result<bool, StoreError> {
    for _ in 0..MOST_TRIES {
        let Some(mut found) = get(store, id).await? else { return Ok(false) };
        if found.job.kept == kept {
            return Ok(true);
        }
        found.job.kept = kept;
        if put(store, &mut found).await? {
            return Ok(true);
        }
    }
    Err(JOBS.failed(store, "somebody else was quicker each time"))
}

/// Ends a job, with the folder of its result or with a reason; false when it is no longer the worker's own.
///
/// # Errors
/// [`StoreError`].
pub async fn finish(
    store: &dyn Store,
    taken: &mut Taken,
    outcome: Result<String, String>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    taken.job.lease = None;
    taken.job.ended = Some(now);
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

/// Returns true for a folder of [`keep`]'s, so that nothing leads out of the results.
fn is_result(folder: &str) -> bool {
    let digits = folder.strip_prefix(RESULTS).and_then(|rest| rest.strip_suffix('/'));
    digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A file of a result. The folder is one of [`keep`]'s, or nothing is found.
///
/// # Errors
/// [`StoreError`].
pub async fn file(store: &dyn Store, folder: &str, name: &str) -> Result<Option<Bytes>, StoreError> {
    if !["analysis.json", "index.html"].contains(&name) || !is_result(folder) {
        return Ok(None);
    }
    match store.get(&format!("{folder}{name}")).await {
        Ok(content) => Ok(Some(content)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
