//! The in-cluster binary as a process: it collects what is missing, tells how it is, and ends when asked.

#![expect(clippy::disallowed_methods, reason = "the process reads the clock, so what it collects must be of now")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use chrono::Utc;
use fixtures::{Cluster, prometheus, services};
use types::{Hour, Window};

/// The longest a step may take before the test gives up: far above what it takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A collector that is running, and the lines it says.
struct Collector {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Collector {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emp-cost-collector"));
        command.args(args);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let (send, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a line that contains `words`.
    fn wait_for(&mut self, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("no `{words}` in {:#?}", self.said));
            self.said.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Asks it to stop, and waits until it has.
    fn terminate(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), begun.elapsed())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It is gone already where the test went well.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Status and body of a path.
async fn get(address: &str, path: &str) -> (u16, String) {
    let response = reqwest::get(format!("http://{address}{path}")).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Asks for a path until it answers with a status.
async fn wait_for_status(address: &str, path: &str, status: u16) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let (got, body) = get(address, path).await;
        if got == status {
            return body;
        }
        assert!(Instant::now() < end, "{path} stays {got}: {body}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A Prometheus with the last `hours` closed hours of a cluster; `None` where there is none, which is said.
async fn prometheus_of_now(test: &str, hours: i64) -> Option<prometheus::Server> {
    let binary = services::program(test, "prometheus", "prometheus")?;
    // Ten minutes ago, so that the hour before has settled whenever the test runs.
    let end = Hour::containing(Utc::now() - chrono::TimeDelta::minutes(10));
    let window = Window::try_new(end.plus(-hours).start(), end.start()).unwrap();
    let cluster = Arc::new(Cluster::generate(7, window));
    let server = prometheus::Server::start(&binary).await.unwrap();
    prometheus::load(&cluster, Cluster::scrape_span(window), server.url(), |_| {}).await.unwrap();
    Some(server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_collects_tells_the_truth_and_stops_when_asked() {
    let test = "a_collector_collects_tells_the_truth_and_stops_when_asked";
    let Some(server) = prometheus_of_now(test, 2).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    let url = server.url().to_owned();
    let args = ["--prometheus-url", &url, "--lake", lake, "--cluster-id", "c1", "--reach", "6h"];
    let schedule = ["--schedule", "* * * * * *", "--listen", "127.0.0.1:0"];
    let mut collector = Collector::start(&[&args[..], &schedule[..]].concat());
    let line = collector.wait_for("health at");
    let address = line.split("address=").nth(1).unwrap().trim().to_owned();

    wait_for_status(&address, "/readyz", 200).await;
    collector.wait_for("waiting");
    let (_, metrics) = get(&address, "/metrics").await;
    assert!(metrics.contains("emp_cost_collector_hours_total{outcome=\"written\"} 2"), "{metrics}");
    check_exposition(&metrics);
    assert!(metrics.contains("\nemp_cost_collector_last_success_timestamp_seconds "), "{metrics}");
    // Nothing under the names of kube-state-metrics, which others would count.
    let mut samples = metrics.lines().filter(|line| !line.starts_with('#'));
    assert!(samples.all(|line| line.starts_with("emp_cost_collector_")), "{metrics}");

    drop(server);
    let reason = wait_for_status(&address, "/readyz", 503).await;
    assert!(reason.contains("could not reach Prometheus"), "{reason}");
    assert_eq!(get(&address, "/livez").await.0, 200);
    collector.wait_for("could not reach Prometheus");

    let (code, took) = collector.terminate();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// Prometheus' own tool must find nothing wrong with the exposition.
fn check_exposition(metrics: &str) {
    // It reads the older text format, in which a counter's metadata carries the counter's whole name.
    let mut older = String::new();
    for line in metrics.lines().filter(|line| *line != "# EOF") {
        let counter = |name: &str| metrics.contains(&format!("# TYPE {name} counter"));
        let words: Vec<_> = line.splitn(4, ' ').collect();
        match words.as_slice() {
            ["#", what, name, rest] if counter(name) => older.push_str(&format!("# {what} {name}_total {rest}\n")),
            ["#", "TYPE", name, "info"] => older.push_str(&format!("# TYPE {name}_info gauge\n")),
            ["#", what, name, rest] if metrics.contains(&format!("# TYPE {name} info")) => {
                older.push_str(&format!("# {what} {name}_info {rest}\n"));
            }
            _ => older.push_str(&format!("{line}\n")),
        }
    }
    let Some(promtool) = services::find_program("promtool") else { return };
    let mut check = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(older.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    // An hour is what is collected, and not a unit here.
    let faults: Vec<_> =
        said.lines().filter(|line| !line.ends_with("use base unit \"seconds\" instead of \"hours\"")).collect();
    assert!(faults.iter().all(|line| line.is_empty()), "{faults:?}\n{older}");
}

/// Slow connections, by somebody who means harm or by a broken proxy, and few files to have them in.
#[tokio::test(flavor = "multi_thread")]
async fn slow_connections_neither_stop_the_collector_nor_hide_its_health() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    let script = "ulimit -n 256; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_emp-cost-collector")]);
    command.args(["--prometheus-url", "http://127.0.0.1:1", "--lake", lake, "--cluster-id", "c1"]);
    command.args(["--schedule", "* * * * * *", "--listen", "127.0.0.1:0"]);
    let mut collector = Collector::spawn(command);
    let line = collector.wait_for("health at");
    let address = line.split("address=").nth(1).unwrap().trim().to_owned();
    let mut slow = Vec::new();
    for _ in 0..600 {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        // One that was closed to make room for the others may say so here.
        let _closed = tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /livez HTTP/1.1\r\nx: ").await;
        slow.push(stream);
    }
    assert_eq!(get(&address, "/livez").await.0, 200);
    assert_eq!(get(&address, "/readyz").await.0, 503);
    collector.said.clear();
    // It goes on trying, which takes files too.
    let line = collector.wait_for("could not reach Prometheus");
    assert!(!line.contains("Too many open files"), "{line}");
}

#[test]
fn a_configuration_with_three_faults_names_all_three() {
    let output = Command::new(env!("CARGO_BIN_EXE_emp-cost-collector"))
        .args(["--prometheus-url", "http://127.0.0.1:1", "--lake", "gs://x/y", "--cluster-id", "../x"])
        .args(["--schedule", "sometimes"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for words in ["3 settings are wrong", "`gs://x/y` is not a lake", "`../x`", "`sometimes` is not a cron expression"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
}
