//! The walk of a reader who never saw the service, in a real browser: see `tests/walk/walk.mjs`.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use fixtures::services;
use serde_json::{Value, json};

use super::push::scraped;
use super::serving::{Running, emp_cost};

/// Starts the demo; its process, its address and the token to sign in with.
fn demo(out: &Path) -> (Running, String, String) {
    let mut process = emp_cost(&["demo", "--serve", "--out", out.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let process = Running(process);
    let url = said.find_map(|line| line.strip_prefix("Open ").map(|rest| rest.split(' ').next().unwrap().to_owned()));
    let token = said.map(|line| line.trim().to_owned()).find(|line| !line.is_empty());
    (process, url.unwrap(), token.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "replays a month in the background while a browser waits: run it by itself, on a quiet machine"]
async fn a_reader_signs_in_finds_what_to_move_asks_what_if_shares_it_and_installs_a_fourth_cluster() {
    let test = "a_reader_signs_in_finds_what_to_move_asks_what_if_shares_it_and_installs_a_fourth_cluster";
    let Some(chromium) = services::program(test, "chromium", "browser") else { return };
    let Some(node) = services::find_program("node") else { return services::skip(test, "no `node` on the PATH") };
    let Some((prometheus, _)) = scraped(test).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let (_demo, url, token) = demo(&folder.path().join("demo"));
    let first = begun.elapsed();
    let pictures: PathBuf = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/walk").into();
    let walk = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/walk/walk.mjs");
    let mut command = Command::new(node);
    command.arg(walk).env("CHROMIUM", chromium).env("SERVICE_URL", &url).env("SERVICE_TOKEN", token);
    command.env("PICTURES", &pictures).env("FOLDER", folder.path()).env("EMP_COST", env!("CARGO_BIN_EXE_emp-cost"));
    command.env("PROMETHEUS_URL", prometheus.url());
    let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/axe/node_modules/axe-core/axe.min.js");
    if axe.exists() {
        command.env("AXE", axe);
    } else {
        services::say("walk: without axe-core, which `scripts/install.sh browser` installs");
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(found["said"], json!([]), "the console of a page is empty");
    assert_eq!(found["wider"], json!([]), "no page is wider than its window");
    assert_eq!(found["barred"], json!([]), "no page keeps anybody out");
    let seen = std::fs::read_dir(pictures).unwrap().count();
    assert!(seen >= 4 * 18, "{seen} pictures");
    services::say(&format!(
        "walk: the first page {:.0} s after the start, then {}",
        first.as_secs_f64(),
        found["took"]
    ));
}
