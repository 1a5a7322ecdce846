//! The same samples in other servers than Prometheus 2: equal rows, or a difference that is named here.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use collector::server::{Flavor, Server, ServerOptions};
use collector::{Bounds, HourResult, Settings, collect};
use fixtures::{prometheus, services};
use lake::Lake;
use lake::store::MemoryStore;
use lake::tables::{ContainerHour, NodeHour, PodHour, QualityHour};
use tempfile::TempDir;
use types::Window;

use crate::world::{World, hour, load};

/// Pods that stay, end and come; nodes that stay and come.
fn several() -> World {
    let mut world = World::default();
    world.node("n1", -9000);
    world.node("n2", 1_200);
    for (n, end) in [(0, 3_900), (1, 1_800), (2, 3_630), (3, 3_900)] {
        world.pod(&format!("p{n}"), &format!("{n}f3a1b2c-1111-2222-3333-444455556666"), end);
    }
    world
}

/// Rows of an hour.
#[derive(Debug, PartialEq)]
struct Rows {
    containers: Vec<ContainerHour>,
    pods: Vec<PodHour>,
    nodes: Vec<NodeHour>,
    faults: Vec<String>,
}

/// The rows of the hour, and the server as the manifest and `quality_hour` name it.
async fn collected(url: &str) -> (Rows, Server, String) {
    let server = Server::connect(&ServerOptions::new(url), None).await.unwrap();
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let (cluster, window) = ("c".parse().unwrap(), Window::try_new(hour().start(), hour().end()).unwrap());
    let mut each = |_: types::Hour, result: &HourResult| {
        assert!(matches!(result, HourResult::Written { .. }), "{result:?}");
    };
    collect(&server, &lake, &cluster, window, &Settings::default(), &Bounds::default(), &mut each).await.unwrap();
    let read = lake.manifest(&cluster, hour()).await.unwrap();
    let quality = lake.rows::<QualityHour>(&read).await.unwrap();
    assert!(quality.iter().all(|row| row.server_flavor.as_deref() == Some(server.flavor().name())));
    assert!(quality.iter().all(|row| row.query_set.as_ref()
        == Some(&collector::queries::query_set(&Settings::default(), &collector::dialect::Dialect::default()))));
    let rows = Rows {
        containers: lake.rows(&read).await.unwrap(),
        pods: lake.rows(&read).await.unwrap(),
        nodes: lake.rows(&read).await.unwrap(),
        faults: read.manifest.faults.clone(),
    };
    (rows, server, read.manifest.server.clone())
}

/// The rows out of Prometheus 2; `None` where there is none.
async fn reference(test: &str) -> Option<Rows> {
    let server = prometheus::Server::start(&services::program(test, "prometheus", "prometheus")?).await.unwrap();
    load(several(), server.url()).await;
    let (rows, asked, named) = collected(server.url()).await;
    assert_eq!(asked.flavor(), Flavor::Prometheus);
    assert!(named.starts_with("prometheus 2."), "{named}");
    Some(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_3_gives_the_same_rows() {
    let test = "prometheus_3_gives_the_same_rows";
    let Some(binary) = services::program(test, "prometheus3", "prometheus3") else { return };
    let Some(reference) = reference(test).await else { return };
    let server = prometheus::Server::start(&binary).await.unwrap();
    load(several(), server.url()).await;
    let (rows, asked, named) = collected(server.url()).await;
    assert_eq!(asked.flavor(), Flavor::Prometheus);
    assert!(named.starts_with("prometheus 3."), "{named}");
    // Its windows are open at the left: a sample exactly on the grid belongs to one window instead of two. No sample
    // here, and next to none of a real scrape at millisecond times, lies on it.
    assert_eq!(rows, reference);
}

/// A VictoriaMetrics of our own, on a loopback port; it ends on drop.
struct Victoria {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Victoria {
    async fn start(binary: &Path) -> Self {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(binary)
            .arg(format!("-httpListenAddr={address}"))
            .arg(format!("-storageDataPath={}", folder.path().display()))
            .args(["-retentionPeriod=100y", "-loggerLevel=ERROR"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, url: format!("http://{address}"), _folder: folder };
        for _ in 0..400 {
            if server.get("/health").await.is_some_and(|body| body == "OK") {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("VictoriaMetrics did not become healthy");
    }

    async fn get(&self, path: &str) -> Option<String> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(format!("{}{path}", self.url)).send().await.ok()?.text().await.ok()
    }
}

impl Drop for Victoria {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn victoria_metrics_gives_the_same_rows() {
    let test = "victoria_metrics_gives_the_same_rows";
    let Some(binary) = services::program(test, "victoria-metrics", "victoria") else { return };
    let Some(reference) = reference(test).await else { return };
    let server = Victoria::start(&binary).await;
    load(several(), &server.url).await;
    // What was written is searched only once it is flushed; this asks for that.
    server.get("/internal/force_flush").await.unwrap();
    let (rows, asked, named) = collected(&server.url).await;
    assert_eq!(asked.flavor(), Flavor::VictoriaMetrics);
    assert!(named.starts_with("victoria-metrics"), "{named}");
    assert_eq!(rows, reference);
}
