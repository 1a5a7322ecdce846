//! Processes that are killed: a worker in the middle of a job, and one of two replicas while hours arrive through both.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fixtures::s3::S3Server;
use fixtures::{Cluster, services};
use lake::store::{HttpsStore, S3Store};
use lake::{HourOrigin, Lake, S3Options, Store, WriteOutcome};
use serde_json::Value;
use types::{ClusterId, Hour, Window};

use super::serving::{END_SECONDS, Running, emp_cost, lake_of, run, serve};

/// The job that lies at a path.
fn job(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn job_file(lake: &Path, page: &str) -> PathBuf {
    lake.join(format!("service/jobs/{}.json", page.rsplit('/').next().unwrap()))
}

/// Waits until a worker has the job.
fn until_running(file: &Path) {
    let begun = Instant::now();
    while job(file)["state"] != "running" {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", job(file));
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_of_a_worker_that_is_killed_is_taken_again_and_gives_the_same_bytes() {
    let (lake, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    lake_of(lake.path(), "prod-1", 12).await;
    let at = lake.path().to_str().unwrap().to_owned();
    run(&mut emp_cost(&["run", "--lake", &at, "--window", "all", "--bill-only"]));
    let serving = serve(&at, folder.path(), "", &[]);
    let who = serving.sign_in().await;
    let ask = async || {
        let answer = serving.post("/what-if", &who, "cluster=prod-1&title=no+fee&emp.fee_fraction=0").await;
        answer.headers()["location"].to_str().unwrap().to_owned()
    };
    let page = ask().await;
    let file = job_file(lake.path(), &page);

    // A worker that is asked to end gives its job back, however often that happens.
    for rollout in 0..4 {
        let worker = emp_cost(&["work", "--lake", &at, "--name", "leaving"]).stderr(Stdio::null()).spawn().unwrap();
        let mut worker = Running(worker);
        until_running(&file);
        let asked = Command::new("kill").args(["-TERM", &worker.0.id().to_string()]).status().unwrap();
        assert!(asked.success() && worker.0.wait().unwrap().success());
        let back = job(&file);
        assert_eq!(
            (back["state"].as_str(), back["attempts"].as_u64()),
            (Some("waiting"), Some(0)),
            "{rollout}: {back}"
        );
        assert!(back["lease"].is_null(), "{rollout}: {back}");
    }

    let first = emp_cost(&["work", "--lake", &at, "--name", "first"]).stderr(Stdio::null()).spawn().unwrap();
    let mut first = Running(first);
    until_running(&file);
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    let killed = job(&file);
    assert_eq!((killed["state"].as_str(), killed["attempts"].as_u64()), (Some("running"), Some(1)), "{killed}");
    assert_eq!(killed["lease"]["owner"], "first");
    assert!(serving.page(&page, &who).await.contains("It is being replayed"));
    // Its lease holds: nobody else takes the job yet.
    run(&mut emp_cost(&["work", "--lake", &at, "--name", "second", "--once"]));
    assert_eq!(job(&file), killed);
    // Two minutes pass, by the lease's own clock.
    let mut ended = killed.clone();
    ended["lease"]["until"] = ended["since"].clone();
    fs::write(&file, ended.to_string()).unwrap();
    run(&mut emp_cost(&["work", "--lake", &at, "--name", "second", "--once"]));
    let done = job(&file);
    assert_eq!((done["state"].as_str(), done["attempts"].as_u64()), (Some("done"), Some(2)), "{done}");
    assert!(serving.page(&page, &who).await.contains("over the same weeks"));

    // The same question again, undisturbed: the same result, under the same hash.
    let again = job_file(lake.path(), &ask().await);
    run(&mut emp_cost(&["work", "--lake", &at, "--once"]));
    assert_eq!(job(&again)["result"], done["result"]);
    let results: Vec<_> = fs::read_dir(lake.path().join("service/results")).unwrap().collect();
    assert_eq!(results.len(), 1);
}

/// A writer that, as behind a load balancer, goes to the next replica when one does not answer; how many hours it wrote, and
/// how often it went on.
async fn bring(mut replicas: Vec<Lake>, id: ClusterId, cluster: Arc<Cluster>, hours: Vec<Hour>) -> (usize, usize) {
    let (mut written, mut moved) = (0, 0);
    for hour in hours {
        loop {
            match replicas[0].write_hour(&id, hour, cluster.hour_rows(hour), HourOrigin::generator()).await {
                Ok(outcome) => {
                    assert_ne!(outcome, WriteOutcome::Different, "{hour}");
                    written += usize::from(outcome != WriteOutcome::Same);
                    break;
                }
                Err(error) => {
                    assert!(format!("{error:?}").contains("Http"), "{error:?}");
                    moved += 1;
                    assert!(moved < 3, "one replica is left: {error:?}");
                    replicas.rotate_left(1);
                }
            }
        }
    }
    (written, moved)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_replicas_one_is_killed_and_every_hour_is_there_once() {
    let test = "of_two_replicas_one_is_killed_and_every_hour_is_there_once";
    let Some(minio) = services::program(test, "minio", "s3") else { return };
    let s3 = S3Server::start(&minio).await.unwrap();
    s3.make_bucket("bucket").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let environment: Vec<_> = s3.environment().into_iter().collect();
    let mut first = serve("s3://bucket/p", folder.path(), "", &environment);
    let second = serve("s3://bucket/p", folder.path(), "", &environment);
    // A session and a token of one are good at the other.
    let who = first.sign_in().await;
    let mut writers = Vec::new();
    let end = Hour::starting_at(END_SECONDS).unwrap();
    let window = Window::try_new(end.plus(-10).start(), end.start()).unwrap();
    let hours: Vec<Hour> = window.hours().collect();
    for (n, name) in ["prod-1", "prod-2"].into_iter().enumerate() {
        let token = first.install(&who, name).await;
        let file = folder.path().join(format!("token-{name}"));
        fs::write(&file, token).unwrap();
        let id: ClusterId = name.parse().unwrap();
        let cluster = Arc::new(Cluster::generate(u64::try_from(n).unwrap(), window));
        // Two collectors of each cluster, as when one is slow to end: one begins at each replica.
        for order in [[&first.url, &second.url], [&second.url, &first.url]] {
            let lakes = order.map(|url| Lake::new(Arc::new(HttpsStore::new(url, file.clone())))).into();
            writers.push(tokio::spawn(bring(lakes, id.clone(), Arc::clone(&cluster), hours.clone())));
        }
    }
    // When the first hours are there, one replica goes without a word.
    let config = S3Server::client(&s3.endpoint(), S3Server::SECRET_KEY);
    let bucket: Arc<dyn Store> = Arc::new(S3Store::with_config(&config, "bucket", "p", S3Options::default()));
    let begun = Instant::now();
    while bucket.list("v1/manifest/").await.unwrap().len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.process.0.kill().unwrap();
    let (mut written, mut moved) = (0, 0);
    for writer in writers {
        let (own, away) = writer.await.unwrap();
        (written, moved) = (written + own, moved + away);
    }
    assert!(moved > 0, "the replica was killed before everything was written");

    // Nothing is lost, and nothing is there twice: every hour has its one manifest, and no object lies beside those that
    // manifests name.
    let lake = Lake::new(Arc::clone(&bucket));
    let mut named = BTreeMap::new();
    for name in ["prod-1", "prod-2"] {
        assert_eq!(lake.hours(&name.parse().unwrap(), window).await.unwrap(), hours, "{name}");
    }
    let manifests = bucket.list("v1/manifest/").await.unwrap();
    assert_eq!(manifests.len(), 2 * hours.len(), "{manifests:?}");
    for key in &manifests {
        let manifest: Value = serde_json::from_slice(&bucket.get(key).await.unwrap()).unwrap();
        for object in manifest["objects"].as_array().unwrap() {
            let entry = (object["sha256"].as_str().unwrap().to_owned(), key.clone());
            assert!(named.insert(object["key"].as_str().unwrap().to_owned(), entry).is_none());
        }
    }
    let there: BTreeSet<String> =
        bucket.list("v1/").await.unwrap().into_iter().filter(|key| key.ends_with(".parquet")).collect();
    assert_eq!(there, named.keys().cloned().collect());
    for (key, (sha256, manifest)) in &named {
        assert_eq!(lake::digest(&bucket.get(key).await.unwrap()), *sha256, "{key} of {manifest}");
    }
    // A writer whose answer was lost with the replica finds the hour there, so fewer may be told as written.
    assert!(written <= manifests.len(), "{written}");
    run(emp_cost(&["lake", "verify", "--lake", "s3://bucket/p"]).envs(s3.environment()));
    // The one that is left answers for everything.
    let who = second.sign_in().await;
    assert!(second.page("/install/prod-1", &who).await.contains("Hours of"), "its pages are there");
}
