//! Set-up that every test here needs: a Prometheus with one small hour, runs against it, and lakes to compare.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use collector::server::{Backoff, Event, Listener, QueryError, Server, ServerOptions};
use collector::{Bounds, CollectError, Collected, HourResult, Settings, collect};
use fixtures::{prometheus, services};
use lake::Lake;
use lake::store::DirStore;
use tempfile::TempDir;
use types::Window;

pub(crate) use crate::world::load;
use crate::world::{World, hour};

/// A cluster whose pods and nodes fall into several parts.
pub(crate) fn several() -> World {
    let mut world = World::default();
    world.node("n1", -9000);
    world.node("ip-10-0-0-2.ec2.internal", 1_200);
    // Twenty containers use half a core each.
    for (labels, samples) in &mut world.series {
        if labels.iter().any(|(_, v)| v == "kube_node_status_capacity") && labels.iter().any(|(_, v)| v == "cpu") {
            samples.iter_mut().for_each(|sample| sample.value = 16.0);
        }
    }
    let suffixes = [
        "x2b4q", "7hk9z", "c5m2d", "0", "1", "wgf8t", "lls4c", "vqk97", "m8d2x", "zz4tb", "j6wqn", "5rkcp", "2", "3",
        "hhx94", "tq7vb", "bcdf2", "n9lmw", "k4g8s", "p5z6r",
    ];
    for (n, suffix) in suffixes.into_iter().enumerate() {
        let uid = format!("{n:02x}3a1b2c-1111-2222-3333-4444555566{n:02x}");
        world.pod(&format!("pod-{suffix}"), &uid, if n == 3 { 1_800 } else { 3_900 });
    }
    world
}

/// A Prometheus that holds a world; `None` where there is none, which is said.
pub(crate) async fn holding(test: &str, world: World, flags: &[&str]) -> Option<prometheus::Server> {
    let binary = services::program(test, "prometheus", "prometheus")?;
    let server = prometheus::Server::start_with(&binary, flags).await.unwrap();
    load(world, server.url()).await;
    Some(server)
}

/// Options for tests: nobody waits long.
pub(crate) fn quick(url: &str) -> ServerOptions {
    let backoff = Backoff { first: Duration::from_millis(2), most: Duration::from_millis(20), tries: 4 };
    ServerOptions { backoff, ..ServerOptions::new(url) }
}

/// Events told to the listener, in words.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    pub(crate) fn listener(&self) -> Listener {
        let told = self.clone();
        Arc::new(move |event: &Event<'_>| {
            let words = match event {
                Event::Answered { .. } => "answered".to_owned(),
                Event::Split { query, .. } => format!("split {query}"),
                Event::Retried { query, reason, .. } => format!("retried {query}: {reason}"),
                Event::Warned { query, warning } => format!("warned {query}: {warning}"),
                Event::Failed { query, reason } => format!("failed {query}: {reason}"),
                _ => "?".to_owned(),
            };
            told.0.lock().unwrap().push(words);
        })
    }

    pub(crate) fn count(&self, start: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|words| words.starts_with(start)).count()
    }
}

/// A lake in a folder, and what runs did to it.
pub(crate) struct Bench {
    folder: TempDir,
    pub(crate) lake: Lake,
}

/// Outcome of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) collected: Option<Collected>,
    /// Why the hour, or the run, failed.
    pub(crate) failure: Option<String>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::new(Arc::new(DirStore::new(folder.path())));
        Self { folder, lake }
    }

    pub(crate) async fn run(&self, server: &Server) -> Run {
        self.run_over(server, Window::try_new(hour().start(), hour().end()).unwrap()).await
    }

    /// A run over more than the hour that is there.
    pub(crate) async fn run_over(&self, server: &Server, window: Window) -> Run {
        let mut failure = None;
        let mut each = |_: types::Hour, result: &HourResult| {
            if let HourResult::Failed(error) = result {
                failure = Some(collector::logging::chain(error));
            }
        };
        let settings = Settings::default();
        let outcome: Result<Collected, CollectError> =
            collect(server, &self.lake, &"c".parse().unwrap(), window, &settings, &Bounds::default(), &mut each).await;
        match outcome {
            Ok(collected) => Run { collected: Some(collected), failure },
            Err(error) => Run { collected: None, failure: failure.or(Some(error.to_string())) },
        }
    }

    /// Connects and runs.
    pub(crate) async fn collect(&self, options: &ServerOptions) -> Run {
        match Server::connect(options, None).await {
            Ok(server) => self.run(&server).await,
            Err(error) => Run { collected: None, failure: Some(error.to_string()) },
        }
    }

    /// Every object, by key.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = BTreeMap::new();
        add(self.folder.path(), self.folder.path(), &mut objects);
        objects
    }

    /// Every object apart from those that say how the hour was asked.
    pub(crate) fn facts(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = self.objects();
        objects.retain(|key, _| !key.contains("quality_hour") && !key.contains("manifest"));
        objects
    }

    /// Checks that nothing of the hour is there.
    pub(crate) async fn check_absent(&self) {
        assert_eq!(self.lake.clusters().await.unwrap(), [], "an hour that failed may not be in the lake");
    }

    /// Checks that a run against the undisturbed server fills the hour with what a first run there would.
    pub(crate) async fn check_filled_by(&self, options: &ServerOptions) {
        let run = self.collect(options).await;
        assert_eq!(run.collected.map(|c| (c.written, c.failed)), Some((1, 0)), "{:?}", run.failure);
        assert_eq!(self.objects(), undisturbed(options).await.objects());
    }
}

fn add(root: &Path, folder: &Path, objects: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add(root, &path, objects);
        } else {
            let key = path.strip_prefix(root).unwrap().display().to_string();
            objects.insert(key, std::fs::read(&path).unwrap());
        }
    }
}

/// The lake after a run without any fault.
pub(crate) async fn undisturbed(options: &ServerOptions) -> Bench {
    let bench = Bench::new();
    let run = bench.collect(options).await;
    assert_eq!(run.collected.map(|c| (c.written, c.failed)), Some((1, 0)), "{:?}", run.failure);
    bench
}

/// The error of a connection that must fail.
pub(crate) async fn refused(options: &ServerOptions) -> QueryError {
    Server::connect(options, None).await.map(|_| ()).unwrap_err()
}
