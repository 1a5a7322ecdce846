//! EDGE: `emp-cost work`: takes what-ifs from the queue of the reporting service and replays them.

mod what_if_prices;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use analyzer::Profile;
use anyhow::{Context, anyhow};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use lake::{Lake, LakeUri, Store, StoreError};
use serve::ended;
use service::what_if_queue::{self, Ended, Job, Taken};
use tokio::sync::Mutex;
use types::Window;

use crate::analysis_inputs::{InputArgs, Inputs};
use crate::analyze;
use crate::exit_codes::Failure;
use crate::report_formats::FormatArgs;

/// Interval at which a worker says that it lives.
const SAYS: Duration = Duration::from_secs(5);
/// Interval at which an empty queue is looked at.
const LOOKS: Duration = Duration::from_secs(5);

/// Replay the what-ifs that people ask for in the reporting service
///
/// Takes jobs from `service/jobs/` in the lake, replays the window of the report each is compared with, and writes results
/// below `service/results/`. Several workers may run; the job of one that is killed is taken by another after two minutes,
/// and one that is asked to end (SIGTERM or Ctrl-C) gives its job back at once.
/// Give workers the prices, profile and assumptions of the scheduled reports: a job changes only what it names.
#[derive(Debug, clap::Args)]
pub(crate) struct WorkArgs {
    /// The lake: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE", hide_env_values = true)]
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

/// A worker: what it stands on, what it is called, and what it has in hand.
pub(crate) struct Worker {
    inputs: Inputs,
    name: String,
    once: bool,
    hand: Arc<Hand>,
}

impl Worker {
    /// The one beside the demo's service, with the demo's assumptions.
    pub(crate) fn of_demo<const N: usize>(labels: [&str; N]) -> Result<Self, Failure> {
        let inputs = Inputs::documented(labels.map(ToOwned::to_owned).into())?;
        Ok(Self { inputs, name: "demo".to_owned(), once: false, hand: Arc::default() })
    }
}

pub(crate) async fn run(args: WorkArgs, now: fn() -> DateTime<Utc>) -> Result<(), Failure> {
    let name = args.name.or_else(service::sealed_values::random_name::<6>).context("get random numbers")?;
    let hand = Arc::new(Hand::default());
    let worker = Worker { inputs: args.inputs.read()?, name, once: args.once, hand: Arc::clone(&hand) };
    let store = args.lake.open().await;
    let jobs = Arc::clone(&store);
    tokio::select! {
        // First, so that nothing is taken before this process listens to whoever asks it to end.
        biased;
        () = ended() => {
            hand.give_back(store.as_ref()).await;
            Ok(())
        }
        // In a task of its own, since a replay leaves its thread to nobody for minutes.
        outcome = async { tokio::spawn(async move { queue(jobs, &worker, now).await }).await } => {
            outcome.context("take what-ifs from the queue")?
        }
    }
}

/// Takes jobs, one after the other.
pub(crate) async fn queue(store: Arc<dyn Store>, worker: &Worker, now: fn() -> DateTime<Utc>) -> Result<(), Failure> {
    let lake = Lake::new(Arc::clone(&store));
    let mut over = Ended::default();
    loop {
        let Some(job) = worker.hand.take(&store, &mut over, &worker.name, now()).await? else {
            if worker.once || worker.hand.is_closed() {
                return Ok(());
            }
            tokio::time::sleep(LOOKS).await;
            continue;
        };
        let (id, cluster) = (job.id.clone(), job.cluster.clone());
        tracing::info!(%id, %cluster, title = job.title, "replaying a what-if");
        if let Err(error) = one(&store, &lake, worker, job, now).await {
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
    worker: &Worker,
    job: Job,
    now: fn() -> DateTime<Utc>,
) -> anyhow::Result<()> {
    let hand = &worker.hand;
    hand.all.store(0, Ordering::Relaxed);
    hand.done.store(0, Ordering::Relaxed);
    let mut renewing = tokio::spawn(renewed(Arc::clone(store), Arc::clone(hand), now));
    let outcome = result(lake, &worker.inputs, &job, |n, of| {
        hand.done.store(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
        hand.all.store(u64::try_from(of).unwrap_or(u64::MAX), Ordering::Relaxed);
    });
    let outcome = tokio::select! {
        outcome = outcome => outcome,
        // Somebody cancelled the job, or another worker has it: between two steps of the analysis it is left.
        _ = &mut renewing => {
            tracing::warn!(id = job.id, "the what-if is not this worker's any more, and is left");
            *hand.taken.lock().await = None;
            return Ok(());
        }
    };
    // With the job in hand, so that nothing is being said of it when the saying ends.
    let mut held = hand.taken.lock().await;
    renewing.abort();
    // Whoever gave it back meanwhile has ended this worker.
    let Some(mut taken) = held.take() else { return Ok(()) };
    let outcome = match outcome {
        Ok(files) => Ok(what_if_queue::keep(store.as_ref(), files).await?),
        Err(error) => Err(format!("{error:#}")),
    };
    if !what_if_queue::finish(store.as_ref(), &mut taken, outcome, now()).await? {
        tracing::warn!(id = job.id, "another worker has the job, and its finish counts");
    }
    Ok(())
}

/// A worker's hand: the job in it, if there is one, and how far that is.
#[derive(Default)]
struct Hand {
    taken: Mutex<Option<Taken>>,
    done: AtomicU64,
    all: AtomicU64,
    closed: AtomicBool,
}

impl Hand {
    /// Takes a job, unless the hand is closed. It is in the hand before anybody can ask for it back.
    async fn take(
        &self,
        store: &Arc<dyn Store>,
        over: &mut Ended,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Job>, StoreError> {
        let mut taken = self.taken.lock().await;
        if self.is_closed() {
            return Ok(None);
        }
        *taken = what_if_queue::take(store, over, name, now).await?;
        Ok(taken.as_ref().map(|taken| taken.job.clone()))
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes the hand, and gives back what is in it.
    async fn give_back(&self, store: &dyn Store) {
        self.closed.store(true, Ordering::Release);
        let Some(mut taken) = self.taken.lock().await.take() else { return };
        let id = taken.job.id.clone();
        match what_if_queue::give_back(store, &mut taken).await {
            Ok(true) => tracing::info!(%id, "the what-if is given back, for the next worker"),
            Ok(false) => tracing::warn!(%id, "another worker has the job"),
            // Its lease ends by itself.
            Err(error) => tracing::warn!(%id, "the what-if could not be given back: {error}"),
        }
    }
}

/// Says again and again that a worker lives, until another has its job.
async fn renewed(store: Arc<dyn Store>, hand: Arc<Hand>, now: fn() -> DateTime<Utc>) {
    loop {
        tokio::time::sleep(SAYS).await;
        let progress = (hand.done.load(Ordering::Relaxed), hand.all.load(Ordering::Relaxed));
        let mut held = hand.taken.lock().await;
        let Some(taken) = held.as_mut() else { return };
        match what_if_queue::renew(store.as_ref(), taken, Some(progress), now()).await {
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
    job: &Job,
    progress: impl Fn(usize, usize) + Send + Sync,
) -> anyhow::Result<Vec<(String, Bytes)>> {
    let window = Window::try_new(job.start, job.end).context("read the window of the job")?;
    let mut request = inputs.request(job.cluster.clone(), Some(window));
    let changes = &job.changes;
    request.assumptions = request.assumptions.changed_by(&changes.assumptions).context("read the job's assumptions")?;
    if !changes.prices.is_empty() {
        let prices = what_if_prices::merged(&inputs.own_prices, &changes.prices)?;
        request.prices = inputs.priced(&prices).context("read the job's prices")?;
    }
    if !changes.profile.is_empty() {
        let profile = Profile::from_config_map(&changes.profile, "the what-if");
        request.profile = Some(profile.context("read what the job moves")?);
    }
    request.bill_only = false;
    let analysis = analyzer::analyze(lake, request, progress).await?;
    let files = FormatArgs::page_and_analysis()
        .files(&analysis, &analyze::json(&analysis)?, Vec::new(), None)
        .map_err(|failure| anyhow!("{failure}"))?;
    Ok(files.into_iter().map(|file| (file.name, Bytes::from(file.content))).collect())
}

#[cfg(test)]
mod tests {
    use analyzer::{Assumptions, Domain};
    use service::what_if_assumptions::{self, Assumption};

    /// The table of the service, which does not know the analyzer. Where it differs, a new one is written beside it.
    #[test]
    fn the_assumptions_that_the_service_knows_are_those_of_the_analyzer() {
        let row = |key: &'static analyzer::Key| Assumption {
            name: key.name.to_owned(),
            unit: key.unit.to_owned(),
            effect: key.effect.to_owned(),
            domain: match key.domain {
                Domain::Number { default, min, max } => what_if_assumptions::Domain::Number { default, min, max },
                Domain::Name { allowed } => what_if_assumptions::Domain::Name {
                    allowed: allowed.iter().map(|name| (*name).to_owned()).collect(),
                },
            },
        };
        let expected: Vec<Assumption> = Assumptions::keys().map(row).collect();
        if what_if_assumptions::all() != expected {
            let text = serde_json::to_string_pretty(&expected).unwrap() + "\n";
            std::fs::write("../service/assets/assumptions.json.new", text).unwrap();
            panic!(
                "service/assets/assumptions.json is not what the analyzer has; the new one lies beside it, rename it"
            );
        }
        // A report lists them all, each with its value, which the form of a what-if shows by these names.
        let listed = Assumptions::default().in_force();
        let listed = listed.iter().map(|one| (one.key.clone(), one.unit.clone(), one.default.clone()));
        let known =
            what_if_assumptions::all().iter().map(|one| (one.name.clone(), one.unit.clone(), one.default_value()));
        assert_eq!(listed.collect::<Vec<_>>(), known.collect::<Vec<_>>());
        // Both refuse the same texts.
        for text in [
            "emp.fee_fraction = 0.5",
            "emp.fee_fraction = 5",
            "emp.zones = 1",
            "x = 1",
            "[emp]\nzones = \"one\"",
            "emp = [",
        ] {
            assert_eq!(what_if_assumptions::check(text).is_ok(), Assumptions::from_toml(text).is_ok(), "{text}");
        }
    }
}
