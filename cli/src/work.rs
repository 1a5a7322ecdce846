//! EDGE: `emp-cost work`: takes what-ifs from the queue of the reporting service and replays them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use analyzer::{Assumptions, Domain, Key};
use anyhow::{Context, anyhow};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use lake::{Lake, LakeUri, Store};
use service::jobs::{self, Taken};
use service::{Knob, Replays};
use tokio::sync::Mutex;
use types::Window;

use crate::analyze;
use crate::failure::Failure;
use crate::formats::FormatArgs;
use crate::inputs::{InputArgs, Inputs};
use crate::stop::ended;

/// Interval at which a worker says that it lives.
const SAYS: Duration = Duration::from_secs(20);
/// Interval at which an empty queue is looked at.
const LOOKS: Duration = Duration::from_secs(5);
/// The assumptions that the form of what-ifs asks for, in its order; others are written as TOML below them.
const ASKED: [&str; 12] = [
    "emp.memory_overcommit",
    "emp.cpu_overcommit",
    "emp.memory_model",
    "emp.host_threshold",
    "emp.fee_fraction",
    "emp.spare_hosts_per_zone",
    "emp.min_hosts_per_zone",
    "emp.evm_consolidation",
    "emp.move_spot",
    "emp.volumes",
    "risk.host_loss",
    "risk.headroom_cost",
];

/// Replay the what-ifs that people ask for in the reporting service
///
/// Takes jobs from `service/jobs/` in the lake, replays the window of the report each is compared with, and writes results
/// below `service/results/`. Several workers may run; the job of one that is killed is taken by another after two minutes.
/// Give workers the prices, profile and assumptions of the scheduled reports: a job changes only what it names.
#[derive(Debug, clap::Args)]
pub(crate) struct WorkArgs {
    /// The lake: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE")]
    lake: LakeUri,

    #[command(flatten)]
    inputs: InputArgs,

    /// Name of this worker in the queue, for people [default: one of its own]
    #[arg(long, value_name = "NAME", env = "EMP_COST_WORKER")]
    name: Option<String>,

    /// Exit when the queue is empty
    #[arg(long)]
    once: bool,
}

/// Assumptions as the service needs to know them.
pub(crate) fn replays() -> Replays {
    let knob = |name: &&str| Assumptions::keys().find(|key| key.name == *name).map(knob);
    Replays { knobs: ASKED.iter().filter_map(knob).collect(), check }
}

fn knob(key: &'static Key) -> Knob {
    let (default, choices, range) = match key.domain {
        Domain::Number { default, min, max } => (default.to_string(), Vec::new(), Some((min, max))),
        Domain::Name { allowed } => (allowed.first().copied().unwrap_or_default().to_owned(), allowed.to_vec(), None),
    };
    Knob { name: key.name, unit: key.unit, effect: key.effect, default, choices, range }
}

fn check(toml: &str) -> Result<(), String> {
    Assumptions::from_toml(toml).map(|_| ()).map_err(|error| error.to_string())
}

/// A worker: what it stands on, and what it is called.
pub(crate) struct Worker {
    inputs: Inputs,
    name: String,
    once: bool,
}

impl Worker {
    /// The one beside the demo's service, with the demo's assumptions.
    pub(crate) fn of_demo<const N: usize>(labels: [&str; N]) -> Result<Self, Failure> {
        let inputs = Inputs::documented(labels.map(ToOwned::to_owned).into())?;
        Ok(Self { inputs, name: "demo".to_owned(), once: false })
    }
}

pub(crate) async fn run(args: WorkArgs, now: fn() -> DateTime<Utc>) -> Result<(), Failure> {
    let name = args.name.or_else(service::seal::random_name::<6>).context("get random numbers")?;
    let worker = Worker { inputs: args.inputs.read()?, name, once: args.once };
    let store = args.lake.open().await;
    tokio::select! {
        outcome = queue(store, &worker, now) => outcome,
        // The lease of a job at hand ends by itself.
        () = ended() => Ok(()),
    }
}

/// Takes jobs, one after the other.
pub(crate) async fn queue(store: Arc<dyn Store>, worker: &Worker, now: fn() -> DateTime<Utc>) -> Result<(), Failure> {
    let lake = Lake::new(Arc::clone(&store));
    loop {
        let Some(taken) = jobs::take(store.as_ref(), &worker.name, now()).await? else {
            if worker.once {
                return Ok(());
            }
            tokio::time::sleep(LOOKS).await;
            continue;
        };
        let (id, cluster) = (taken.job.id.clone(), taken.job.cluster.clone());
        tracing::info!(%id, %cluster, title = taken.job.title, "replaying a what-if");
        if let Err(error) = one(&store, &lake, &worker.inputs, taken, now).await {
            // The store failed: the lease ends by itself, and somebody tries again.
            tracing::error!(%id, "the job is left to others: {error:#}");
            tokio::time::sleep(LOOKS).await;
        }
    }
}

/// Replays one job, and says meanwhile that this worker lives: in a task of its own, since a replay leaves its thread to
/// nobody for minutes.
async fn one(
    store: &Arc<dyn Store>,
    lake: &Lake,
    inputs: &Inputs,
    taken: Taken,
    now: fn() -> DateTime<Utc>,
) -> anyhow::Result<()> {
    let job = taken.job.clone();
    let held = Arc::new(Held { taken: Mutex::new(taken), done: AtomicU64::new(0), all: AtomicU64::new(0) });
    let renewing = tokio::spawn(renewed(Arc::clone(store), Arc::clone(&held), now));
    let outcome = result(lake, inputs, &job, |n, of| {
        held.done.store(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
        held.all.store(u64::try_from(of).unwrap_or(u64::MAX), Ordering::Relaxed);
    });
    let outcome = outcome.await;
    // With the job in hand, so that nothing is being said of it when the saying ends.
    let mut taken = held.taken.lock().await;
    renewing.abort();
    let outcome = match outcome {
        Ok(files) => Ok(jobs::keep(store.as_ref(), files).await?),
        Err(error) => Err(format!("{error:#}")),
    };
    if !jobs::finish(store.as_ref(), &mut taken, outcome).await? {
        tracing::warn!(id = job.id, "another worker has the job, and its finish counts");
    }
    Ok(())
}

/// A job at hand, and how far it is.
struct Held {
    taken: Mutex<Taken>,
    done: AtomicU64,
    all: AtomicU64,
}

/// Says again and again that a worker lives, until another has its job.
async fn renewed(store: Arc<dyn Store>, held: Arc<Held>, now: fn() -> DateTime<Utc>) {
    loop {
        tokio::time::sleep(SAYS).await;
        let progress = (held.done.load(Ordering::Relaxed), held.all.load(Ordering::Relaxed));
        let mut taken = held.taken.lock().await;
        match jobs::renew(store.as_ref(), &mut taken, Some(progress), now()).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(id = taken.job.id, "the lease could not be renewed: {error}"),
        }
    }
}

/// The analysis of a job, and its page.
async fn result(
    lake: &Lake,
    inputs: &Inputs,
    job: &jobs::Job,
    progress: impl Fn(usize, usize) + Send + Sync,
) -> anyhow::Result<Vec<(String, Bytes)>> {
    let window = Window::try_new(job.start, job.end).context("read the window of the job")?;
    let mut request = inputs.request(job.cluster.clone(), Some(window));
    request.assumptions = request.assumptions.changed_by(&job.assumptions).context("read the job's assumptions")?;
    request.bill_only = false;
    let analysis = analyzer::analyze(lake, request, progress).await?;
    let files = FormatArgs::page_and_analysis()
        .files(&analysis, &analyze::json(&analysis)?, Vec::new())
        .map_err(|failure| anyhow!("{failure}"))?;
    Ok(files.into_iter().map(|file| (file.name, Bytes::from(file.content))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_assumption_that_is_asked_for_is_one() {
        let replays = replays();
        assert_eq!(replays.knobs.len(), ASKED.len());
        for knob in &replays.knobs {
            let toml = match knob.choices.first() {
                Some(choice) => format!("{} = \"{choice}\"", knob.name),
                None => format!("{} = {}", knob.name, knob.default),
            };
            assert_eq!((replays.check)(&toml), Ok(()), "{toml}");
        }
        assert!((replays.check)("emp.nothing = 1").is_err());
    }
}
