//! Processes killed at random moments, and two at once: in the end the lake is as if nothing had happened.
//!
//! A real Prometheus, a real S3 server and a directory, `emp-cost` as people run it, and SIGKILL. `COST_TEST_KILLS` says
//! how often, of collecting in either place; the others take a quarter of it each, so that 300 are a thousand and more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fixtures::s3::S3Server;
use fixtures::{Cluster, prometheus, services};
use lake::store::{DirStore, S3Store};
use lake::{Day, DayManifest, HourOrigin, Lake, Manifest, S3Options, Store};
use tempfile::TempDir;
use types::{ClusterId, Hour, Window};

/// 2026-07-01T00:00:00Z.
const END_SECONDS: i64 = 1_782_864_000;
const BUCKET: &str = "bucket";
const ID: &str = "c1";
/// Kills of every day, of collecting in either place.
const KILLS: u32 = 40;

/// A program of this workspace, which `cargo test --workspace` has built beside this test.
fn program(path: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join(path);
    assert!(program.is_file(), "no `{}`; build the whole workspace: cargo test --workspace", program.display());
    program
}

/// A place in which lakes are.
enum Place {
    Bucket(S3Server),
    Folder(TempDir),
}

impl Place {
    /// A directory, and a bucket where there is a server, which is said where there is none.
    async fn all(test: &str) -> Vec<Self> {
        let mut places = vec![Self::Folder(tempfile::tempdir().unwrap())];
        if let Some(minio) = services::program(test, "minio", "s3") {
            let server = S3Server::start(&minio).await.unwrap();
            server.make_bucket(BUCKET).unwrap();
            places.push(Self::Bucket(server));
        }
        places
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Bucket(_) => "bucket",
            Self::Folder(_) => "directory",
        }
    }

    fn uri(&self, prefix: &str) -> String {
        match self {
            Self::Bucket(_) => format!("s3://{BUCKET}/{prefix}"),
            Self::Folder(folder) => folder.path().join(prefix).to_str().unwrap().to_owned(),
        }
    }

    fn store(&self, prefix: &str) -> Arc<dyn Store> {
        match self {
            Self::Bucket(server) => {
                let client = S3Server::client(&server.endpoint(), S3Server::SECRET_KEY);
                Arc::new(S3Store::with_config(&client, BUCKET, prefix, S3Options::default()))
            }
            Self::Folder(folder) => Arc::new(DirStore::new(folder.path().join(prefix))),
        }
    }

    fn lake(&self, prefix: &str) -> Lake {
        Lake::new(self.store(prefix))
    }

    fn spawn(&self, program: &Path, args: &[&str]) -> Child {
        let mut command = Command::new(program);
        if let Self::Bucket(server) = self {
            command.envs(server.environment());
        }
        command.env_remove("EMP_COST_LAKE").env_remove("EMP_COST_CLUSTER_ID");
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }
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

/// Moments at which to kill: random, and mostly while there is work. A run that got through was quicker than was
/// thought, and later moments would hit nothing; one that was killed may be killed later.
struct Moments {
    random: fastrand::Rng,
    most: Duration,
}

impl Moments {
    fn new(seed: u64, whole: Duration) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), most: whole }
    }

    /// Kills a process at one of them; true when it had ended well before that.
    fn kill(&mut self, child: Child) -> bool {
        let ended = kill_after(child, self.most.mul_f64(self.random.f64()));
        self.most = self.most.mul_f64(if ended { 0.9 } else { 1.02 });
        ended
    }
}

/// Steps around the kills of one command.
struct Killing<R, Fresh, Between, After> {
    /// Starts the command on the lake at a prefix.
    run: R,
    /// Makes a lake, before anything is started on it.
    fresh: Fresh,
    /// Checks a lake whose command was just killed.
    between: Between,
    /// Checks a lake once the command got through.
    after: After,
}

impl<R, Fresh, Between, After> Killing<R, Fresh, Between, After>
where
    R: Fn(&str) -> Child,
    Fresh: AsyncFn(&str),
    Between: AsyncFn(&str),
    After: AsyncFn(&str),
{
    /// Kills the command `kills` times, in a lake until a run gets through; then in the next, so that every kill hits work
    /// in progress. Returns the number of lakes.
    async fn times(&self, kills: u32, moments: &mut Moments) -> u32 {
        let (mut killed, mut lakes) = (0, 0);
        while killed < kills {
            let prefix = format!("killed-{lakes}");
            (self.fresh)(&prefix).await;
            while killed < kills && !moments.kill((self.run)(&prefix)) {
                killed += 1;
                (self.between)(&prefix).await;
            }
            succeed((self.run)(&prefix));
            (self.after)(&prefix).await;
            lakes += 1;
        }
        lakes
    }
}

/// Nothing to do or to check.
async fn nothing(_: &str) {}

/// Every object of a lake.
async fn objects(store: &dyn Store) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for key in store.list("v1/").await.unwrap() {
        let digest = lake::digest(&store.get(&key).await.unwrap());
        all.insert(key, digest);
    }
    all
}

/// The keys that the manifests of a lake name, and the manifests themselves.
async fn named(store: &dyn Store) -> BTreeSet<String> {
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
async fn assert_undisturbed(store: &dyn Store, reference: &BTreeMap<String, String>, what: &str) {
    let found = objects(store).await;
    assert_eq!(&found, reference, "{what}");
    assert_eq!(named(store).await, found.into_keys().collect(), "{what}: every object is named by a manifest");
}

/// As [`assert_undisturbed`]; the manifests of the hours go on naming objects that are gone.
async fn assert_undisturbed_day(store: &dyn Store, reference: &BTreeMap<String, String>, what: &str) {
    let found = objects(store).await;
    assert_eq!(&found, reference, "{what}");
    assert!(named(store).await.is_superset(&found.into_keys().collect()), "{what}: every object is named");
}

#[tokio::test(flavor = "multi_thread")]
async fn collect_killed_at_random_moments_and_raced_leaves_the_same_lake() {
    let test = "collect_killed_at_random_moments_and_raced_leaves_the_same_lake";
    let kills = services::times("COST_TEST_KILLS", KILLS);
    let Some(binary) = services::program(test, "prometheus", "prometheus") else { return };
    let end = Hour::starting_at(END_SECONDS).unwrap();
    let window = Window::try_new(end.plus(-2).start(), end.start()).unwrap();
    let cluster = Arc::new(Cluster::generate(3, window));
    let server = prometheus::Server::start(&binary).await.unwrap();
    prometheus::load(&cluster, Cluster::scrape_span(window), server.url(), |_| {}).await.unwrap();
    for place in Place::all(test).await {
        collect_killed_and_raced(test, &place, server.url(), kills).await;
    }
}

async fn collect_killed_and_raced(test: &str, place: &Place, url: &str, most_kills: u32) {
    let emp_cost = program("emp-cost");
    let run = |prefix: &str| {
        let lake = place.uri(prefix);
        let range = ["--from", "2026-06-30T22:00:00Z", "--to", "2026-07-01"];
        let args = ["collect", "--prometheus-url", url, "--lake", &lake, "--cluster-id", ID];
        place.spawn(&emp_cost, &[&args[..], &range].concat())
    };
    let begun = Instant::now();
    succeed(run("reference"));
    let mut moments = Moments::new(4, begun.elapsed());
    let reference = objects(&*place.store("reference")).await;
    assert_eq!(reference.len(), 2 * 6);

    let after = async |prefix: &str| assert_undisturbed(&*place.store(prefix), &reference, prefix).await;
    let killing = Killing { run, fresh: nothing, between: nothing, after };
    let lakes = killing.times(most_kills, &mut moments).await;
    let races = (most_kills / 10).clamp(1, 50);
    let mut killed = 0;
    for n in 0..races {
        let prefix = format!("raced-{n}");
        let (one, other) = (run(&prefix), run(&prefix));
        succeed(one);
        succeed(other);
        assert_undisturbed(&*place.store(&prefix), &reference, &prefix).await;
        // One of two dies.
        let prefix = format!("raced-and-killed-{n}");
        let (one, other) = (run(&prefix), run(&prefix));
        killed += u32::from(!moments.kill(one));
        succeed(other);
        succeed(run(&prefix));
        assert_undisturbed(&*place.store(&prefix), &reference, &prefix).await;
    }
    let place = place.name();
    services::say(&format!(
        "{test}: {place}: {most_kills} kills over {lakes} lakes, {} races, {killed} kills of one of two",
        2 * races
    ));
}

/// A lake with the hours of some days.
async fn fill(lake: &Lake, ids: &[&str], days: &[Day]) {
    let (first, last) = (days.first().unwrap(), days.last().unwrap());
    let cluster = Cluster::generate(5, Window::try_new(first.first_hour().start(), last.end()).unwrap());
    for (id, hour) in ids.iter().flat_map(|id| days.iter().flat_map(move |day| day.hours().map(move |hour| (id, hour))))
    {
        let id: ClusterId = id.parse().unwrap();
        let mut rows = cluster.hour_rows(hour);
        if ids.len() * days.len() > 1 {
            // What is tried is the order in which things are written, or removed.
            rows.containers.truncate(50);
            rows.pods.truncate(20);
        }
        lake.write_hour(&id, hour, rows, HourOrigin::generator()).await.unwrap();
    }
}

/// Copies the objects of a lake, which takes less than making them.
async fn copy(from: &dyn Store, to: &dyn Store) {
    for key in from.list("v1/").await.unwrap() {
        to.put_new(&key, from.get(&key).await.unwrap()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_killed_at_random_moments_leaves_the_same_lake() {
    let test = "compaction_killed_at_random_moments_leaves_the_same_lake";
    let most_kills = (services::times("COST_TEST_KILLS", KILLS) / 4).max(1);
    for place in Place::all(test).await {
        compaction_killed_and_raced(test, &place, most_kills).await;
    }
}

async fn compaction_killed_and_raced(test: &str, place: &Place, most_kills: u32) {
    let day = Day::of(Hour::starting_at(END_SECONDS).unwrap());
    let id = ID.parse().unwrap();
    let compact = program("examples/compact");
    // The objects of the hours go at once, so that kills hit that too.
    let run = |prefix: &str| place.spawn(&compact, &[&place.uri(prefix), ID, "2026-07-09T00:00:00Z", "0"]);
    fill(&place.lake("hours"), &[ID], &[day]).await;
    let hours = place.store("hours");
    copy(&*hours, &*place.store("reference")).await;
    let begun = Instant::now();
    succeed(run("reference"));
    let mut moments = Moments::new(6, begun.elapsed());
    let reference = objects(&*place.store("reference")).await;
    // 24 manifests of hours, one of the day, five objects.
    assert_eq!(reference.len(), 24 + 1 + 5);

    let fresh = async |prefix: &str| copy(&*hours, &*place.store(prefix)).await;
    // At every moment every hour can be read, whole.
    let between = async |prefix: &str| {
        let lake = place.lake(prefix);
        let parts = lake.parts(&id, day, None).await.unwrap();
        assert_eq!(parts.iter().map(|part| part.hours.len()).sum::<usize>(), 24);
        for part in &parts {
            lake.part_bytes::<lake::tables::PodHour>(part).await.unwrap();
        }
    };
    let after = async |prefix: &str| assert_undisturbed_day(&*place.store(prefix), &reference, prefix).await;
    let lakes = Killing { run, fresh, between, after }.times(most_kills, &mut moments).await;
    for n in 0..3 {
        let prefix = format!("raced-{n}");
        copy(&*hours, &*place.store(&prefix)).await;
        let (one, other) = (run(&prefix), run(&prefix));
        // One may find the hours' objects gone that it was about to read; it says so, and nothing is lost.
        let outputs = [one.wait_with_output().unwrap(), other.wait_with_output().unwrap()];
        assert!(outputs.iter().any(|output| output.status.success()));
        succeed(run(&prefix));
        assert_undisturbed_day(&*place.store(&prefix), &reference, &prefix).await;
    }
    services::say(&format!("{test}: {}: {most_kills} kills over {lakes} lakes, 3 races", place.name()));
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_killed_at_random_moments_removes_what_is_to_go_and_nothing_else() {
    let test = "pruning_killed_at_random_moments_removes_what_is_to_go_and_nothing_else";
    let most_kills = (services::times("COST_TEST_KILLS", KILLS) / 4).max(1);
    for place in Place::all(test).await {
        pruning_killed(test, &place, most_kills).await;
    }
}

async fn pruning_killed(test: &str, place: &Place, most_kills: u32) {
    let emp_cost = program("emp-cost");
    let day = Day::of(Hour::starting_at(END_SECONDS).unwrap());
    fill(&place.lake("whole"), &["gone", "kept"], &[day, day.plus(1)]).await;
    let whole = place.store("whole");
    place
        .lake("whole")
        .compact_day(&"gone".parse().unwrap(), day, lake::Compaction::default(), day.plus(9).end())
        .await
        .unwrap();
    let run = |prefix: &str| {
        place.spawn(
            &emp_cost,
            &["lake", "prune", "--lake", &place.uri(prefix), "--cluster-id", "gone", "--keep", "1d", "--yes"],
        )
    };
    let reference: BTreeMap<_, _> =
        objects(&*whole).await.into_iter().filter(|(key, _)| key.contains("/cluster=kept/")).collect();
    copy(&*whole, &*place.store("reference")).await;
    let begun = Instant::now();
    succeed(run("reference"));
    let mut moments = Moments::new(8, begun.elapsed());
    assert_undisturbed(&*place.store("reference"), &reference, "nobody disturbed it").await;

    let fresh = async |prefix: &str| copy(&*whole, &*place.store(prefix)).await;
    // What a manifest still names is still there, whole.
    let between = async |prefix: &str| {
        let lake = place.lake(prefix);
        let id: ClusterId = "gone".parse().unwrap();
        for day in lake.days(&id).await.unwrap() {
            for part in lake.parts(&id, day, None).await.unwrap() {
                lake.part_bytes::<lake::tables::PodHour>(&part).await.unwrap();
            }
        }
    };
    let after = async |prefix: &str| assert_undisturbed(&*place.store(prefix), &reference, prefix).await;
    let lakes = Killing { run, fresh, between, after }.times(most_kills, &mut moments).await;
    services::say(&format!("{test}: {}: {most_kills} kills over {lakes} lakes", place.name()));
}

/// The pointer to the latest report names files that are there and are what it says.
async fn assert_pointer_fits(store: &dyn Store, what: &str) {
    let Ok(text) = store.get(&format!("reports/cluster={ID}/latest/report.json")).await else { return };
    let pointer: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let folder = pointer["folder"].as_str().unwrap().trim_end_matches('/');
    for file in pointer["files"].as_array().unwrap() {
        let content = store.get(&format!("{folder}/{}", file["name"].as_str().unwrap())).await.unwrap();
        assert_eq!(file["sha256"], lake::digest(&content), "{what}: {file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_run_killed_at_random_moments_leaves_the_same_lake_and_a_pointer_that_fits() {
    let test = "a_scheduled_run_killed_at_random_moments_leaves_the_same_lake_and_a_pointer_that_fits";
    let most_kills = (services::times("COST_TEST_KILLS", KILLS) / 4).max(1);
    for place in Place::all(test).await {
        run_killed(test, &place, most_kills).await;
    }
}

async fn run_killed(test: &str, place: &Place, most_kills: u32) {
    let emp_cost = program("emp-cost");
    let day = Day::of(Hour::starting_at(END_SECONDS).unwrap());
    let run = |prefix: &str| {
        let lake = place.uri(prefix);
        let args = ["run", "--lake", &lake, "--window", "all", "--bill-only", "--format", "html,json"];
        place.spawn(&emp_cost, &args)
    };
    fill(&place.lake("hours"), &[ID], &[day]).await;
    let hours = place.store("hours");
    copy(&*hours, &*place.store("reference")).await;
    let begun = Instant::now();
    succeed(run("reference"));
    let mut moments = Moments::new(10, begun.elapsed());
    let reference = objects(&*place.store("reference")).await;
    assert_pointer_fits(&*place.store("reference"), "nobody disturbed it").await;

    let fresh = async |prefix: &str| copy(&*hours, &*place.store(prefix)).await;
    let between = async |prefix: &str| assert_pointer_fits(&*place.store(prefix), prefix).await;
    let after = async |prefix: &str| {
        assert_pointer_fits(&*place.store(prefix), prefix).await;
        // The first run compacts the day, the second would; the lake is the same whoever did.
        assert_undisturbed_day(&*place.store(prefix), &reference, prefix).await;
    };
    let lakes = Killing { run, fresh, between, after }.times(most_kills, &mut moments).await;
    services::say(&format!("{test}: {}: {most_kills} kills over {lakes} lakes", place.name()));
}
