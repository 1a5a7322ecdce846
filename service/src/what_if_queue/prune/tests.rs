use bytes::Bytes;
use lake::store::{DirStore, MemoryStore};

use super::super::{Asked, Changes, Ended, State, cancel, file, finish, get, hold, keep, submit, take};
use super::*;

const AGE: TimeDelta = TimeDelta::days(30);

fn day(n: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap() + TimeDelta::days(n)
}

async fn waiting(store: &Arc<dyn Store>, cluster: &str, at: DateTime<Utc>) -> String {
    let asked = Asked {
        cluster: cluster.parse().unwrap(),
        title: "x".to_owned(),
        changes: Changes::default(),
        base: "reports/cluster=prod/date=2026-07-01/report=0/".to_owned(),
        window: (day(-1), day(0)),
        by: "me".to_owned(),
    };
    submit(store.as_ref(), asked, at).await.unwrap().id
}

/// A job that is asked for and done on a day, with a result of this content; its id and the result's folder.
async fn done(store: &Arc<dyn Store>, content: &'static str, at: DateTime<Utc>) -> (String, String) {
    let id = waiting(store, "prod", at).await;
    let mut taken = take(store, &mut Ended::default(), "w", at).await.unwrap().unwrap();
    assert_eq!(taken.job.id, id);
    let files = vec![("analysis.json".to_owned(), Bytes::from_static(content.as_bytes()))];
    let folder = keep(store.as_ref(), files).await.unwrap();
    assert!(finish(store.as_ref(), &mut taken, Ok(folder.clone()), at).await.unwrap());
    (id, folder)
}

async fn is_there(store: &Arc<dyn Store>, id: &str) -> bool {
    get(store.as_ref(), id).await.unwrap().is_some()
}

async fn has_result(store: &Arc<dyn Store>, folder: &str) -> bool {
    file(store.as_ref(), folder, "analysis.json").await.unwrap().is_some()
}

#[tokio::test]
async fn what_ended_long_ago_goes_with_its_result_and_what_is_kept_open_or_young_stays() {
    let folder = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn Store>; 2] = [Arc::new(MemoryStore::default()), Arc::new(DirStore::new(folder.path()))];
    for store in stores {
        let (old, of_old) = done(&store, "old", day(0)).await;
        let (kept, of_kept) = done(&store, "kept", day(0)).await;
        assert!(hold(store.as_ref(), &kept, true).await.unwrap());
        let (young, of_young) = done(&store, "young", day(2)).await;
        let cancelled = waiting(&store, "prod", day(0)).await;
        assert!(cancel(store.as_ref(), &cancelled, "me", day(1)).await.unwrap());
        // Asked for long ago, and ended just now.
        let late = waiting(&store, "prod", day(0)).await;
        assert!(cancel(store.as_ref(), &late, "me", day(31)).await.unwrap());
        let open = waiting(&store, "other", day(0)).await;
        assert_eq!(prune(&store, AGE, day(30)).await.unwrap(), 0, "nothing is older than thirty days");
        assert_eq!(prune(&store, AGE, day(31) + TimeDelta::hours(1)).await.unwrap(), 2);
        assert!(!is_there(&store, &old).await && !has_result(&store, &of_old).await);
        assert!(!is_there(&store, &cancelled).await);
        for id in [&kept, &young, &late, &open] {
            assert!(is_there(&store, id).await, "{id}");
        }
        assert!(has_result(&store, &of_kept).await && has_result(&store, &of_young).await);
        assert_eq!(get(store.as_ref(), &open).await.unwrap().unwrap().job.state, State::Waiting);
        assert!(!hold(store.as_ref(), &old, true).await.unwrap(), "it is gone");
        // Once nobody keeps it, it is as old as it is.
        assert!(hold(store.as_ref(), &kept, false).await.unwrap());
        assert_eq!(prune(&store, AGE, day(31) + TimeDelta::hours(1)).await.unwrap(), 1);
        assert!(!is_there(&store, &kept).await && !has_result(&store, &of_kept).await);
    }
}

#[tokio::test]
async fn a_result_stays_for_the_last_job_that_came_to_it_and_while_one_may_come_to_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let (first, folder) = done(&store, "same", day(0)).await;
    let (second, same) = done(&store, "same", day(10)).await;
    assert_eq!(folder, same);
    assert_eq!(prune(&store, AGE, day(31)).await.unwrap(), 1);
    assert!(!is_there(&store, &first).await && is_there(&store, &second).await);
    assert!(has_result(&store, &folder).await);
    let open = waiting(&store, "prod", day(40)).await;
    assert_eq!(prune(&store, AGE, day(41)).await.unwrap(), 0, "a worker may be about to come to the same");
    assert!(!is_there(&store, &second).await, "nobody finds it any more");
    assert!(has_result(&store, &folder).await);
    assert!(cancel(store.as_ref(), &open, "me", day(41)).await.unwrap());
    assert_eq!(prune(&store, AGE, day(42)).await.unwrap(), 1, "what was left is removed by its mark");
    assert!(!has_result(&store, &folder).await);
    assert_eq!(JOBS.ids(store.as_ref()).await.unwrap(), [open]);
}

#[tokio::test]
async fn a_job_that_somebody_kept_a_moment_ago_is_not_removed() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let (id, folder) = done(&store, "x", day(0)).await;
    // Another replica read it as over, and here it is kept before that replica writes its mark.
    let mut stale = get(store.as_ref(), &id).await.unwrap().unwrap();
    assert!(hold(store.as_ref(), &id, true).await.unwrap());
    assert!(!mark(store.as_ref(), &id, day(40)).await.unwrap());
    stale.job.pruned = true;
    let swapped = store.swap(&JOBS.key(&id), Some(&stale.mark), text(&stale.job), "application/json").await.unwrap();
    assert!(!swapped && is_there(&store, &id).await && has_result(&store, &folder).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_remove_at_the_same_time_remove_each_once_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(DirStore::new(folder.path()));
    for _ in 0..8 {
        done(&store, "same", day(0)).await;
    }
    let (young, result) = done(&store, "young", day(35)).await;
    let replicas: Vec<_> = (0..4)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { prune(&store, AGE, day(40)).await.unwrap() })
        })
        .collect();
    for replica in replicas {
        replica.await.unwrap();
    }
    assert_eq!(JOBS.ids(store.as_ref()).await.unwrap(), [young]);
    assert!(has_result(&store, &result).await);
    assert_eq!(store.list("service/results/").await.unwrap().len(), 1);
}
