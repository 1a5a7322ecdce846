//! `emp-cost serve` and `emp-cost work` as processes, over what `emp-cost run` wrote.

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

const END_SECONDS: i64 = 1_782_864_000;
const TOKEN: &str = "a-token-of-more-than-24-characters";

/// The service as a process, which is ended with the test.
struct Serving {
    process: Child,
    url: String,
    http: reqwest::Client,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

fn emp_cost(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emp-cost"));
    command.args(args).env_remove("EMP_COST_LAKE").env_remove("EMP_COST_CLUSTER_ID");
    command
}

async fn lake_of(folder: &Path, id: &str) {
    let end = Hour::starting_at(END_SECONDS).unwrap();
    let window = Window::try_new(end.plus(-3).start(), end.start()).unwrap();
    let cluster = Cluster::generate(7, window);
    let lake = Lake::new(Arc::new(DirStore::new(folder)));
    let id: ClusterId = id.parse().unwrap();
    for hour in window.hours() {
        lake.write_hour(&id, hour, cluster.hour_rows(hour), HourOrigin::generator()).await.unwrap();
    }
}

fn serve(lake: &Path, folder: &Path) -> Serving {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let at = |name: &str| folder.join(name).display().to_string();
    fs::write(at("key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    fs::write(at("token"), TOKEN).unwrap();
    let config = format!(
        "public_url = \"{url}\"\nkey_file = {:?}\n[sign_in.static]\ntoken_file = {:?}\ngroups = [\"all\"]\n[[rule]]\nname = \"all\"\ngroups = [\"all\"]\nrole = \"admin\"\nclusters = [\"*\"]\n",
        at("key"),
        at("token")
    );
    fs::write(at("config.toml"), config).unwrap();
    let address = format!("127.0.0.1:{port}");
    let mut process =
        emp_cost(&["serve", "--lake", lake.to_str().unwrap(), "--config", &at("config.toml"), "--listen", &address])
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
    Serving { process, url, http }
}

impl Serving {
    async fn post(&self, path: &str, cookie: &str, form: &str) -> reqwest::Response {
        let request = self.http.post(format!("{}{path}", self.url)).header("origin", &self.url).header(COOKIE, cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        request.send().await.unwrap()
    }

    async fn page(&self, path: &str, cookie: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.url)).header(COOKIE, cookie).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_shown_and_a_what_if_is_replayed() {
    let (lake, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    lake_of(lake.path(), "prod-1").await;
    let at = lake.path().to_str().unwrap().to_owned();
    let run = emp_cost(&["run", "--lake", &at, "--window", "all"]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let serving = serve(lake.path(), folder.path());
    let answer = serving.post("/sign-in", "", &format!("token={TOKEN}")).await;
    let cookie = answer.headers().get_all(SET_COOKIE).iter().find_map(|set| {
        let pair = set.to_str().unwrap().split(';').next().unwrap();
        pair.starts_with("emp-session=").then(|| pair.to_owned())
    });
    let cookie = cookie.unwrap();
    let fleet = serving.page("/", &cookie).await;
    assert!(fleet.contains("/clusters/prod-1") && fleet.contains("a month today"), "{fleet}");
    let costs = serving.page("/costs?cluster=prod-1&by=namespace", &cookie).await;
    assert!(costs.contains("payments") && costs.contains("idle and overhead"), "{costs}");
    // The sum of the rows is the bill of the report.
    let sums = serving.page("/api/v1/costs?cluster=prod-1&by=part", &cookie).await;
    let sums: serde_json::Value = serde_json::from_str(&sums).unwrap();
    let text = serving.page("/clusters/prod-1/files/analysis.json", &cookie).await;
    let analysis: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(sums["total_nano_usd"], analysis["allocation"]["total_nano_usd"]);
    let csrf = costs.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let form = serving.page("/what-if?cluster=prod-1", &cookie).await;
    assert!(form.contains("emp.fee_fraction"), "{form}");
    let wrong =
        serving.post("/what-if", &cookie, &format!("csrf={csrf}&cluster=prod-1&title=x&emp.fee_fraction=7")).await;
    assert_eq!(wrong.status(), 422);
    assert!(wrong.text().await.unwrap().contains("expected a number from 0 to 1"));
    let asked =
        serving.post("/what-if", &cookie, &format!("csrf={csrf}&cluster=prod-1&title=no+fee&emp.fee_fraction=0")).await;
    assert_eq!(asked.status(), 303);
    let path = asked.headers()["location"].to_str().unwrap().to_owned();
    assert!(serving.page(&path, &cookie).await.contains("It waits for a worker"));
    let worked = emp_cost(&["work", "--lake", &at, "--once"]).output().unwrap();
    assert!(worked.status.success(), "{}", String::from_utf8_lossy(&worked.stderr));
    let result = serving.page(&path, &cookie).await;
    assert!(result.contains("over the same weeks") && result.contains("emp.fee_fraction = 0.0"), "{result}");
    for page in ["report", "compare"] {
        let page = serving.page(&format!("{path}/{page}"), &cookie).await;
        assert!(page.contains("</html>"), "{page}");
    }
    let pointer = fs::read_to_string(lake.path().join("reports/cluster=prod-1/latest/report.json")).unwrap();
    let pointer: serde_json::Value = serde_json::from_str(&pointer).unwrap();
    let path = format!("/clusters/prod-1/compare?from={}", pointer["date"].as_str().unwrap());
    assert!(serving.page(&path, &cookie).await.contains("</html>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_ends_when_it_is_asked_to() {
    let (lake, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut serving = serve(lake.path(), folder.path());
    assert_eq!(serving.http.get(format!("{}/healthz", serving.url)).send().await.unwrap().status(), 200);
    let ended = Command::new("kill").args(["-TERM", &serving.process.id().to_string()]).status().unwrap();
    assert!(ended.success());
    assert!(serving.process.wait().unwrap().success());
}

#[test]
fn what_makes_no_sense_is_told_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let check = |text: &str, listen: &str, expect: &str| {
        fs::write(&config, text).unwrap();
        let args = ["serve", "--lake", "/nowhere", "--config", config.to_str().unwrap(), "--listen", listen];
        let output = emp_cost(&args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expect), "{said}, not {expect}");
    };
    let (key, token) = (folder.path().join("key"), folder.path().join("token"));
    fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    let base = format!("public_url = \"http://localhost:1\"\nkey_file = {:?}\n", key.display().to_string());
    check("public_url = 1", "127.0.0.1:0", "could not read the configuration");
    check("public_url = \"https://x\"\nkey_file = \"/nowhere/key\"\n", "127.0.0.1:0", "could not read `/nowhere/key`");
    check(&base, "0.0.0.0:0", "in the clear");
    fs::write(&token, "short").unwrap();
    let short = format!("{base}[sign_in.static]\ntoken_file = {:?}\ngroups = []\n", token.display().to_string());
    check(&short, "127.0.0.1:0", "shorter than 24 characters");
}
