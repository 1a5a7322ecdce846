//! `emp-cost serve` as a process, and what the tests that start it share.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use fixtures::Cluster;
use lake::store::DirStore;
use lake::{HourOrigin, Lake};
use reqwest::header::{COOKIE, SET_COOKIE};
use types::{ClusterId, Hour, Window};

pub(crate) const END_SECONDS: i64 = 1_782_864_000;
pub(crate) const TOKEN: &str = "a-token-of-more-than-24-characters";

/// A process that is ended with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

/// The service as a process, which is ended with the test.
pub(crate) struct Serving {
    pub(crate) process: Running,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
}

/// Somebody who is signed in.
pub(crate) struct SignedIn {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

/// What a page shows once.
pub(crate) fn secret(page: &str) -> String {
    page.split("<pre tabindex=\"0\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap().to_owned()
}

pub(crate) fn emp_cost(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emp-cost"));
    command.args(args).env_remove("EMP_COST_LAKE").env_remove("EMP_COST_CLUSTER_ID");
    command
}

/// Runs a command that must succeed; what it says on stderr.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// Writes the last hours of the fixed month of a generated cluster.
pub(crate) async fn lake_of(folder: &Path, id: &str, hours: i64) {
    let end = Hour::starting_at(END_SECONDS).unwrap();
    let window = Window::try_new(end.plus(-hours).start(), end.start()).unwrap();
    let cluster = Cluster::generate(7, window);
    let lake = Lake::new(Arc::new(DirStore::new(folder)));
    let id: ClusterId = id.parse().unwrap();
    for hour in window.hours() {
        lake.write_hour(&id, hour, cluster.hour_rows(hour), HourOrigin::generator()).await.unwrap();
    }
}

/// Serves a lake whose static token administers everything, with these further lines of configuration.
pub(crate) fn serve(lake: &str, folder: &Path, more: &str, environment: &[(&str, String)]) -> Serving {
    serve_by(&mut emp_cost(&["serve"]), lake, folder, more, environment)
}

/// The same by another program.
pub(crate) fn serve_by(
    program: &mut Command,
    lake: &str,
    folder: &Path,
    more: &str,
    environment: &[(&str, String)],
) -> Serving {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let at = |name: &str| folder.join(name).display().to_string();
    fs::write(at("key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    fs::write(at("token"), TOKEN).unwrap();
    let config = format!(
        "public_url = \"{url}\"\nkey_file = {:?}\n[sign_in.static]\ntoken_file = {:?}\ngroups = [\"all\"]\n[reports]\nstale_after_days = 36500\n[[rule]]\nname = \"all\"\ngroups = [\"all\"]\nrole = \"admin\"\nclusters = [\"*\"]\n{more}",
        at("key"),
        at("token")
    );
    let path = at(&format!("config-{port}.toml"));
    fs::write(&path, config).unwrap();
    let address = format!("127.0.0.1:{port}");
    let mut process = program
        .args(["--lake", lake, "--config", &path, "--listen", &address])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(process.stderr.take().unwrap());
    said.read_line(&mut line).unwrap();
    assert!(line.contains("serving"), "{line}");
    // What it says later is read by nobody, and must not stop it.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Serving { process: Running(process), url, http }
}

impl Serving {
    pub(crate) async fn sign_in(&self) -> SignedIn {
        let nobody = SignedIn { cookie: String::new(), csrf: String::new() };
        let answer = self.post("/sign-in", &nobody, &format!("token={TOKEN}")).await;
        let cookie = answer.headers().get_all(SET_COOKIE).iter().find_map(|set| {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            pair.starts_with("emp-session=").then(|| pair.to_owned())
        });
        let mut who = SignedIn { cookie: cookie.unwrap(), csrf: String::new() };
        let page = self.page("/costs", &who).await;
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        who.csrf = csrf.unwrap().to_owned();
        who
    }

    /// Sends a form as a page of the service does.
    pub(crate) async fn post(&self, path: &str, who: &SignedIn, form: &str) -> reqwest::Response {
        let body = format!("csrf={}&{form}", who.csrf);
        let request =
            self.http.post(format!("{}{path}", self.url)).header("origin", &self.url).header(COOKIE, &who.cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        request.send().await.unwrap()
    }

    pub(crate) async fn page(&self, path: &str, who: &SignedIn) -> String {
        let answer = self.http.get(format!("{}{path}", self.url)).header(COOKIE, &who.cookie).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    /// Names a cluster on the Install page; the token that its command holds.
    pub(crate) async fn install(&self, who: &SignedIn, cluster: &str) -> String {
        let page = self.post("/install", who, &format!("cluster={cluster}")).await.text().await.unwrap();
        let command = secret(&page);
        assert!(command.contains(&format!("--set clusterId={cluster} ")), "{command}");
        assert!(command.contains(&format!("--set empProfiler.empReportSync={} ", self.url)), "{command}");
        let token = command.split("empProfiler.token=").nth(1).and_then(|rest| rest.split([' ', '\n']).next());
        token.unwrap().to_owned()
    }
}
