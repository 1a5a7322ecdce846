//! Processes killed at random moments, and two at once: in the end the lake is as if nothing had happened.
//!
//! A real Prometheus, a real S3 server, `emp-cost collect` as people run it, and SIGKILL.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fixtures::s3::S3Server;
use fixtures::{Cluster, prometheus, services};
use lake::store::S3Store;
use lake::{DayManifest, HourOrigin, Lake, Manifest, S3Options, Store};
use types::{Hour, Window};

/// 2026-07-01T00:00:00Z.
const END_SECONDS: i64 = 1_782_864_000;
const BUCKET: &str = "bucket";
const ID: &str = "c1";

/// A program of this workspace, which `cargo test --workspace` has built beside this test.
fn program(path: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join(path);
    assert!(program.is_file(), "no `{}`; build the whole workspace: cargo test --workspace", program.display());
    program
}

async fn start_s3(test: &str) -> Option<S3Server> {
    let minio = services::program(test, "minio", "s3")?;
    let server = S3Server::start(&minio).await.unwrap();
    server.make_bucket(BUCKET).unwrap();
    Some(server)
}

fn store(server: &S3Server, prefix: &str) -> S3Store {
    let client = S3Server::client(&server.endpoint(), S3Server::SECRET_KEY);
    S3Store::with_config(&client, BUCKET, prefix, S3Options::default())
}

fn spawn(server: &S3Server, program: &PathBuf, args: &[String]) -> Child {
    let mut command = Command::new(program);
    command.args(args).envs(server.environment()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn succeed(child: Child) {
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr));
}

/// Lets the process run for a while and kills it; true when it had ended well before that.
fn kill_after(mut child: Child, wait: Duration) -> bool {
    std::thread::sleep(wait);
    let _ended_already = child.kill();
    child.wait().unwrap().success()
}

/// Every object of a lake.
async fn objects(store: &S3Store) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for key in store.list("v1/").await.unwrap() {
        let digest = lake::digest(&store.get(&key).await.unwrap());
        all.insert(key, digest);
    }
    all
}

/// The keys that the manifests of a lake name, and the manifests themselves.
async fn named(store: &S3Store) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for key in store.list("v1/manifest/").await.unwrap() {
        let text = store.get(&key).await.unwrap();
        let of_hour = serde_json::from_slice::<Manifest>(&text).map(|manifest| manifest.objects);
        let objects = of_hour.or_else(|_| serde_json::from_slice::<DayManifest>(&text).map(|day| day.objects));
        named.extend(objects.unwrap().into_iter().map(|object| object.key));
        named.insert(key);
    }
    named
}

/// The lake is, key by key and byte by byte, the one nobody disturbed; nothing lies in it that no manifest names.
///
/// That is stricter than the protocol promises in general, where an attempt that saw other data may leave objects
/// behind: here Prometheus gives every attempt the same answer, so an attempt takes up what another left.
async fn assert_undisturbed(store: &S3Store, reference: &BTreeMap<String, String>, what: &str) {
    let found = objects(store).await;
    assert_eq!(&found, reference, "{what}");
    assert_eq!(named(store).await, found.into_keys().collect(), "{what}: every object is named by a manifest");
}

#[tokio::test(flavor = "multi_thread")]
async fn collect_killed_at_a_hundred_moments_and_raced_leaves_the_same_lake() {
    const KILLS: u32 = 100;
    let test = "collect_killed_at_a_hundred_moments_and_raced_leaves_the_same_lake";
    let Some(s3) = start_s3(test).await else { return };
    let Some(binary) = services::program(test, "prometheus", "prometheus") else { return };
    let end = Hour::starting_at(END_SECONDS).unwrap();
    let window = Window::try_new(end.plus(-2).start(), end.start()).unwrap();
    let cluster = Arc::new(Cluster::generate(3, window));
    let server = prometheus::Server::start(&binary).await.unwrap();
    prometheus::load(&cluster, Cluster::scrape_span(window), server.url(), |_| {}).await.unwrap();
    let emp_cost = program("emp-cost");
    let run = |prefix: &str| {
        let (lake, url) = (format!("s3://{BUCKET}/{prefix}"), server.url());
        let range = ["--from", "2026-06-30T22:00:00Z", "--to", "2026-07-01"];
        let args = [&["collect", "--prometheus-url", url, "--lake", &lake, "--cluster-id", ID], &range[..]].concat();
        spawn(&s3, &emp_cost, &args.into_iter().map(ToOwned::to_owned).collect::<Vec<_>>())
    };

    let begun = Instant::now();
    succeed(run("reference"));
    let mut most = begun.elapsed();
    let reference = objects(&store(&s3, "reference")).await;
    assert_eq!(reference.len(), 2 * 6);

    let mut random = fastrand::Rng::with_seed(4);
    let (mut kills, mut lakes) = (0, 0);
    while kills < KILLS {
        let prefix = format!("killed-{lakes}");
        // A lake until a run gets through; then the next, so that every kill hits work in progress.
        while kills < KILLS && !kill_after(run(&prefix), most.mul_f64(random.f64())) {
            kills += 1;
            most = most.mul_f64(1.02);
        }
        succeed(run(&prefix));
        assert_undisturbed(&store(&s3, &prefix), &reference, &prefix).await;
        lakes += 1;
        // A run got through: the machine is quicker than it was, and later moments would hit nothing.
        most = most.mul_f64(0.9);
    }
    for n in 0..4 {
        let prefix = format!("raced-{n}");
        let (one, other) = (run(&prefix), run(&prefix));
        succeed(one);
        succeed(other);
        assert_undisturbed(&store(&s3, &prefix), &reference, &prefix).await;
        // One of two dies.
        let prefix = format!("raced-and-killed-{n}");
        let (one, other) = (run(&prefix), run(&prefix));
        kill_after(one, most.mul_f64(random.f64()));
        succeed(other);
        succeed(run(&prefix));
        assert_undisturbed(&store(&s3, &prefix), &reference, &prefix).await;
    }
    services::say(&format!("{test}: {kills} kills over {lakes} lakes, 8 races"));
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_killed_at_random_moments_leaves_the_same_lake() {
    const KILLS: u32 = 30;
    let test = "compaction_killed_at_random_moments_leaves_the_same_lake";
    let Some(s3) = start_s3(test).await else { return };
    let day = Hour::starting_at(END_SECONDS).unwrap();
    let cluster = Cluster::generate(5, Window::try_new(day.start(), day.plus(24).start()).unwrap());
    let id = ID.parse().unwrap();
    let fill = async |prefix: &str| {
        let lake = Lake::new(Arc::new(store(&s3, prefix)));
        for n in 0..24 {
            let rows = cluster.hour_rows(day.plus(n));
            lake.write_hour(&id, day.plus(n), rows, HourOrigin::generator()).await.unwrap();
        }
    };
    let compact = program("examples/compact");
    // The objects of the hours go at once, so that kills hit that too.
    let run = |prefix: &str| {
        let args = [&format!("s3://{BUCKET}/{prefix}"), ID, "2026-07-09T00:00:00Z", "0"];
        spawn(&s3, &compact, &args.map(ToOwned::to_owned))
    };
    fill("reference").await;
    let begun = Instant::now();
    succeed(run("reference"));
    let mut most = begun.elapsed();
    let reference = objects(&store(&s3, "reference")).await;
    // 24 manifests of hours, one of the day, five objects.
    assert_eq!(reference.len(), 24 + 1 + 5);

    let mut random = fastrand::Rng::with_seed(6);
    let (mut kills, mut lakes) = (0, 0);
    while kills < KILLS {
        let prefix = format!("killed-{lakes}");
        fill(&prefix).await;
        while kills < KILLS && !kill_after(run(&prefix), most.mul_f64(random.f64())) {
            kills += 1;
            most = most.mul_f64(1.1);
            // At every moment every hour can be read, whole.
            let lake = Lake::new(Arc::new(store(&s3, &prefix)));
            let parts = lake.parts(&id, lake::Day::of(day), None).await.unwrap();
            assert_eq!(parts.iter().map(|part| part.hours.len()).sum::<usize>(), 24);
            for part in &parts {
                lake.part_bytes::<lake::tables::PodHour>(part).await.unwrap();
            }
        }
        succeed(run(&prefix));
        assert_undisturbed_day(&store(&s3, &prefix), &reference, &prefix).await;
        lakes += 1;
        most = most.mul_f64(0.8);
    }
    for n in 0..3 {
        let prefix = format!("raced-{n}");
        fill(&prefix).await;
        let (one, other) = (run(&prefix), run(&prefix));
        // One may find the hours' objects gone that it was about to read; it says so, and nothing is lost.
        let outputs = [one.wait_with_output().unwrap(), other.wait_with_output().unwrap()];
        assert!(outputs.iter().any(|output| output.status.success()));
        succeed(run(&prefix));
        assert_undisturbed_day(&store(&s3, &prefix), &reference, &prefix).await;
    }
    services::say(&format!("{test}: {kills} kills over {lakes} lakes, 3 races"));
}

/// As [`assert_undisturbed`]; the manifests of the hours go on naming objects that are gone.
async fn assert_undisturbed_day(store: &S3Store, reference: &BTreeMap<String, String>, what: &str) {
    let found = objects(store).await;
    assert_eq!(&found, reference, "{what}");
    assert!(named(store).await.is_superset(&found.into_keys().collect()), "{what}: every object is named");
}
