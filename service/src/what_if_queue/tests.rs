use lake::store::{DirStore, MemoryStore};

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::default())
}

/// The job that a worker takes that saw none before.
async fn taken(store: &Arc<dyn Store>, owner: &str, now: DateTime<Utc>) -> Option<Taken> {
    take(store, &mut Ended::default(), owner, now).await.unwrap()
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
            tokio::spawn(async move { take(&store, &mut Ended::default(), &format!("w{n}"), at(10)).await.unwrap() })
        });
        let mut taken = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            taken.extend(worker.await.unwrap().map(|taken| taken.job.id));
        }
        // A worker that lost a race goes on to the next job; of those at the end of the queue some may find none.
        let last = take(&store, &mut Ended::default(), "last", at(10)).await.unwrap();
        taken.extend(last.map(|taken| taken.job.id));
        let all = taken.len();
        taken.sort();
        taken.dedup();
        assert_eq!(taken.len(), all, "no job was taken twice");
        assert!(all >= 1);
    }
}

#[tokio::test]
async fn a_dead_workers_job_is_taken_again_and_its_late_finish_changes_nothing() {
    let shared = memory();
    let store = shared.as_ref();
    submit(store, asked("a"), at(0)).await.unwrap();
    let mut first = taken(&shared, "first", at(1)).await.unwrap();
    assert!(taken(&shared, "second", at(2)).await.is_none(), "it is taken");
    assert!(renew(store, &mut first, Some((1, 2)), at(100)).await.unwrap());
    assert!(taken(&shared, "second", at(200)).await.is_none(), "it was renewed");
    let mut second = taken(&shared, "second", at(221)).await.unwrap();
    assert_eq!(second.job.attempts, 2);
    assert!(!renew(store, &mut first, None, at(222)).await.unwrap());
    assert!(!give_back(store, &mut first.clone()).await.unwrap());
    assert!(!finish(store, &mut first, Ok("service/results/x/".to_owned()), at(7)).await.unwrap());
    assert!(finish(store, &mut second, Ok("service/results/y/".to_owned()), at(7)).await.unwrap());
    let done = get(store, &second.job.id).await.unwrap().unwrap().job;
    assert_eq!((done.state, done.result.as_deref()), (State::Done, Some("service/results/y/")));
    assert!(taken(&shared, "third", at(10_000)).await.is_none());
}

#[tokio::test]
async fn a_job_that_kills_its_workers_fails() {
    let shared = memory();
    let store = shared.as_ref();
    let id = submit(store, asked("a"), at(0)).await.unwrap().id;
    for n in 0..3 {
        assert!(taken(&shared, "w", at(1000 * n + 1)).await.is_some());
    }
    assert!(taken(&shared, "w", at(10_000)).await.is_none());
    let job = get(store, &id).await.unwrap().unwrap().job;
    assert_eq!(job.state, State::Failed);
    assert!(job.error.unwrap().contains("3 workers died"));
    for other in ["", "..", "x", "../../reports/x"] {
        assert!(get(store, other).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_job_that_is_given_back_waits_and_no_worker_died_over_it() {
    let shared = memory();
    let store = shared.as_ref();
    let id = submit(store, asked("a"), at(0)).await.unwrap().id;
    // More rollouts than workers a job may outlive, within the time of one lease.
    for n in 0..5 {
        let mut held = taken(&shared, "w", at(n)).await.unwrap();
        assert!(give_back(store, &mut held).await.unwrap());
        let job = get(store, &id).await.unwrap().unwrap().job;
        assert_eq!((job.state, job.attempts, job.lease), (State::Waiting, 0, None), "{n}");
    }
    assert_eq!(taken(&shared, "w", at(6)).await.unwrap().job.attempts, 1);
}

#[tokio::test]
async fn a_job_that_ended_is_read_once_and_the_newest_are_listed_in_their_order() {
    let (shared, mut ended) = (memory(), Ended::default());
    let store = shared.as_ref();
    for n in 0..3 {
        submit(store, asked(&format!("{n}")), at(n)).await.unwrap();
    }
    let newest: Vec<String> = newest(&shared).await.unwrap().into_iter().map(|job| job.title).collect();
    assert_eq!(newest, ["2", "1", "0"]);
    for _ in 0..3 {
        let mut one = take(&shared, &mut ended, "w", at(10)).await.unwrap().unwrap();
        assert!(finish(store, &mut one, Err("no".to_owned()), at(7)).await.unwrap());
    }
    assert!(take(&shared, &mut ended, "w", at(11)).await.unwrap().is_none());
    // Whatever lies there now is not looked at: were it read, this job would be taken.
    let id = JOBS.ids(store).await.unwrap().remove(0);
    let mut waiting = get(store, &id).await.unwrap().unwrap();
    waiting.job.state = State::Waiting;
    assert!(put(store, &mut waiting).await.unwrap());
    assert!(take(&shared, &mut ended, "w", at(12)).await.unwrap().is_none());
    assert!(taken(&shared, "w", at(12)).await.is_some(), "a worker that never saw it end takes it");
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

#[tokio::test]
async fn a_job_that_is_cancelled_is_nobodys_and_one_that_ended_stays_as_it_is() {
    let shared = memory();
    let store = shared.as_ref();
    let waiting = submit(store, asked("a"), at(0)).await.unwrap();
    assert!(cancel(store, &waiting.id, "ann", at(7)).await.unwrap());
    assert!(taken(&shared, "w", at(1)).await.is_none());
    let running = submit(store, asked("b"), at(2)).await.unwrap();
    let mut worker = taken(&shared, "w", at(3)).await.unwrap();
    assert!(cancel(store, &running.id, "ann", at(7)).await.unwrap());
    assert!(!renew(store, &mut worker, Some((1, 2)), at(4)).await.unwrap(), "its worker is told");
    assert!(!finish(store, &mut worker, Ok("service/results/x/".to_owned()), at(7)).await.unwrap());
    assert!(taken(&shared, "other", at(1000)).await.is_none());
    let found = get(store, &running.id).await.unwrap().unwrap().job;
    assert_eq!((found.state, found.cancelled_by.as_deref()), (State::Cancelled, Some("ann")));
    assert_eq!((found.lease, found.result), (None, None));
    let done = submit(store, asked("c"), at(5)).await.unwrap();
    let mut worker = taken(&shared, "w", at(6)).await.unwrap();
    assert!(finish(store, &mut worker, Ok("service/results/y/".to_owned()), at(7)).await.unwrap());
    assert!(!cancel(store, &done.id, "ann", at(7)).await.unwrap());
    assert_eq!(get(store, &done.id).await.unwrap().unwrap().job.state, State::Done);
    assert!(!cancel(store, "../x", "ann", at(7)).await.unwrap());
}
