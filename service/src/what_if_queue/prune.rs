//! EDGE: the clock, by which what-ifs that ended long ago are removed with their results.
//!
//! Every replica does it. A job is first marked, by compare-and-swap, and nobody finds it from then on: whoever wants to
//! keep it was quicker, or is told that it is gone. Its result is removed after that, and the job last, so that a replica that
//! dies between leaves a mark by which the next one goes on. A result belongs to whichever jobs came to it; it stays for the
//! last of them, and while a job of its cluster is open, which may be about to come to it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lake::store::get_many;
use lake::{Store, StoreError};

use super::{JOBS, Job, is_result};
use crate::app_state::App;
use crate::stored_records::text;

/// Time from the start of a replica to its first look.
const FIRST: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(3600);

/// Removes what-ifs again and again.
pub(crate) async fn run(app: Arc<App>) {
    let age = TimeDelta::days(i64::from(app.config.what_ifs.keep_days));
    tokio::time::sleep(FIRST).await;
    loop {
        match prune(&app.store, age, app.now()).await {
            Ok(0) => {}
            Ok(n) => tracing::info!("removed {n} what-ifs that ended {} days ago", app.config.what_ifs.keep_days),
            Err(error) => tracing::warn!("old what-ifs could not be removed: {error}"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Removes jobs that ended longer ago than `age` and that nobody keeps, with their results; how many.
///
/// # Errors
/// [`StoreError`]; what is marked by then is removed the next time.
pub async fn prune(store: &Arc<dyn Store>, age: TimeDelta, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let limit = now - age;
    // Ids begin with the time at which the job was asked for, which is before it ended.
    let newest = format!("{:012x}", limit.timestamp_millis().max(0));
    let ids = JOBS.ids(store.as_ref()).await?.into_iter().filter(|id| *id < newest).collect();
    let mut any = false;
    for job in read(store, ids).await? {
        any |= job.pruned || (is_over(&job, limit) && mark(store.as_ref(), &job.id, limit).await?);
    }
    if !any {
        return Ok(0);
    }
    // Read again: whoever refers to a result by now counts.
    let jobs = read(store, JOBS.ids(store.as_ref()).await?).await?;
    let mut removed = 0;
    for job in jobs.iter().filter(|job| job.pruned) {
        if remove(store.as_ref(), job, &jobs).await? {
            removed += 1;
        }
    }
    Ok(removed)
}

/// Returns true for a job that ended before a moment and that nobody keeps.
fn is_over(job: &Job, limit: DateTime<Utc>) -> bool {
    !job.is_open() && !job.kept && !job.pruned && job.ended.unwrap_or(job.since) < limit
}

/// Marks a job if it is still over and nobody else wrote it meanwhile; whoever did, did it for a reason.
async fn mark(store: &dyn Store, id: &str, limit: DateTime<Utc>) -> Result<bool, StoreError> {
    let Some(mut found) = super::get(store, id).await?.filter(|found| is_over(&found.job, limit)) else {
        return Ok(false);
    };
    found.job.pruned = true;
    store.swap(&JOBS.key(id), Some(&found.mark), text(&found.job), "application/json").await
}

/// Removes a marked job and, where no other has it, its result; false where that has to wait.
async fn remove(store: &dyn Store, job: &Job, all: &[Job]) -> Result<bool, StoreError> {
    let others = || all.iter().filter(|other| !other.pruned);
    if let Some(folder) = job.result.as_ref().filter(|folder| is_result(folder))
        && !others().any(|other| other.result.as_ref() == Some(folder))
    {
        if others().any(|other| other.is_open() && other.cluster == job.cluster) {
            return Ok(false);
        }
        for key in store.list(folder).await? {
            store.delete(&key).await?;
        }
    }
    store.delete(&JOBS.key(&job.id)).await?;
    Ok(true)
}

/// Jobs by their ids, those that are marked among them.
async fn read(store: &Arc<dyn Store>, ids: Vec<String>) -> Result<Vec<Job>, StoreError> {
    let mut reads = get_many(store, ids.iter().map(|id| JOBS.key(id)).collect());
    let mut jobs = Vec::new();
    for id in &ids {
        match reads.next().await {
            Some((_, Ok(object))) => {
                jobs.extend(serde_json::from_slice::<Job>(&object).ok().filter(|job| job.id == *id));
            }
            Some((_, Err(StoreError::NotFound { .. }))) | None => {}
            Some((_, Err(error))) => return Err(error),
        }
    }
    Ok(jobs)
}

#[cfg(test)]
mod tests;
