//! `emp-cost serve` and `emp-cost work` as processes, over what `emp-cost run` wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::serving::{emp_cost, lake_of, run, serve, serve_by};

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_shown_and_a_what_if_is_replayed() {
    let (lake, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    lake_of(lake.path(), "prod-1", 3).await;
    let at = lake.path().to_str().unwrap().to_owned();
    let assumptions = folder.path().join("assumptions.toml");
    fs::write(&assumptions, "emp.fee_fraction = 0.11\n").unwrap();
    let assumptions = assumptions.to_str().unwrap();
    run(&mut emp_cost(&["run", "--lake", &at, "--window", "all", "--assumptions", assumptions]));
    let serving = serve(&at, folder.path(), "", &[]);
    let who = serving.sign_in().await;
    let fleet = serving.page("/", &who).await;
    assert!(fleet.contains("/clusters/prod-1") && fleet.contains("a month today"), "{fleet}");
    let costs = serving.page("/costs?cluster=prod-1&by=namespace", &who).await;
    assert!(costs.contains("payments") && costs.contains("idle and overhead"), "{costs}");
    // The sum of the rows is the bill of the report.
    let sums = serving.page("/api/v1/costs?cluster=prod-1&by=part", &who).await;
    let sums: serde_json::Value = serde_json::from_str(&sums).unwrap();
    let text = serving.page("/clusters/prod-1/files/analysis.json", &who).await;
    let analysis: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(sums["total_nano_usd"], analysis["allocation"]["total_nano_usd"]);
    let form = serving.page("/what-if?cluster=prod-1", &who).await;
    assert!(form.contains("<code>emp.fee_fraction</code>") && form.contains("The vendor’s fee"), "{form}");
    assert!(form.contains("0.11 in the report"), "{form}");
    let listed = analysis["assumptions"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap());
    let known = service::what_if_assumptions::all().iter().map(|one| one.name.as_str());
    let (listed, known): (BTreeSet<_>, BTreeSet<_>) = (listed.collect(), known.collect());
    assert_eq!(listed, known, "the form knows every assumption of a report, and no other");
    let wrong = serving.post("/what-if", &who, "cluster=prod-1&title=x&emp.fee_fraction=7").await;
    assert_eq!(wrong.status(), 422);
    assert!(wrong.text().await.unwrap().contains("expected a number from 0 to 1"));
    let ask = async |form: &str| {
        let asked = serving.post("/what-if", &who, &format!("cluster=prod-1&{form}")).await;
        assert_eq!(asked.status(), 303, "{form}");
        asked.headers()["location"].to_str().unwrap().to_owned()
    };
    let path = ask("title=no+fee&emp.fee_fraction=0").await;
    let discounted = ask("title=other+prices&discount=0.5&namespaces=payments&machines=m5.metal+3.00").await;
    let metal = ask("title=metal&metal_discount=0.5").await;
    let named = ask("title=hosts&hosts=m5.metal").await;
    assert!(serving.page(&path, &who).await.contains("It waits for a worker"));
    run(&mut emp_cost(&["work", "--lake", &at, "--once"]));
    let result = serving.page(&path, &who).await;
    assert!(result.contains("over the same weeks") && result.contains("emp.fee_fraction = 0.0"), "{result}");
    // Prices and what moves are replayed too: half of the list prices, and pods of one namespace.
    let of = async |path: &str| -> serde_json::Value {
        let id = path.rsplit('/').next().unwrap();
        serde_json::from_str(&serving.page(&format!("/api/v1/what-ifs/{id}"), &who).await).unwrap()
    };
    let (fee, other) = (of(&path).await, of(&discounted).await);
    assert_eq!((fee["state"].as_str(), other["state"].as_str()), (Some("done"), Some("done")), "{other}");
    let today = |one: &serde_json::Value, of: &str| one[of]["today_monthly_usd"].as_f64().unwrap();
    assert_eq!(today(&fee, "base"), today(&fee, "figures"), "a fee changes nothing of today");
    let halved = today(&other, "figures") / today(&other, "base");
    assert!((0.45..0.7).contains(&halved), "{halved}");
    // A discount on bare metal is on that side alone, and hosts are of the types that are named.
    let result_of = |path: &str| -> serde_json::Value {
        let job = lake.path().join(format!("service/jobs/{}.json", path.rsplit('/').next().unwrap()));
        let job: serde_json::Value = serde_json::from_slice(&fs::read(job).unwrap()).unwrap();
        let result = lake.path().join(job["result"].as_str().unwrap()).join("analysis.json");
        serde_json::from_slice(&fs::read(result).unwrap()).unwrap()
    };
    let hosts = |analysis: &serde_json::Value| -> Vec<(String, f64)> {
        let hosts = analysis["hosts_considered"].as_array().unwrap().iter();
        let host = |host: &serde_json::Value| {
            (host["instance_type"].as_str().unwrap().to_owned(), host["usd_per_hour"].as_f64().unwrap())
        };
        hosts.map(host).collect()
    };
    let before: BTreeMap<String, f64> = hosts(&analysis).into_iter().collect();
    let (cheap, only) = (hosts(&result_of(&metal)), hosts(&result_of(&named)));
    assert!(before.len() > 1 && !cheap.is_empty(), "{before:?} {cheap:?}");
    assert!(cheap.iter().any(|(name, _)| before.contains_key(name)), "{before:?} {cheap:?}");
    for (name, price) in cheap.into_iter().filter(|(name, _)| before.contains_key(name)) {
        let ratio = price / before[&name];
        assert!((ratio - 0.5).abs() < 0.001, "{name}: {ratio}");
    }
    assert_eq!(only.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["m5.metal"]);
    let metal = of(&metal).await;
    assert_eq!(today(&metal, "base"), today(&metal, "figures"), "today is on EC2");
    let shown = serving.page(&discounted, &who).await;
    assert!(shown.contains("edp_fraction = 0.5") && shown.contains("emp-profile-cm"), "{shown}");
    for file in ["prices.toml", "profile.yaml"] {
        serving.page(&format!("{discounted}/files/{file}"), &who).await;
    }
    let again = format!("/what-if?cluster=prod-1&from={}", discounted.rsplit('/').next().unwrap());
    let again = serving.page(&again, &who).await;
    assert!(again.contains("value=\"payments\""));
    for page in ["report", "compare"] {
        let page = serving.page(&format!("{path}/{page}"), &who).await;
        assert!(page.contains("</html>"), "{page}");
    }
    let pointer = fs::read_to_string(lake.path().join("reports/cluster=prod-1/latest/report.json")).unwrap();
    let pointer: serde_json::Value = serde_json::from_str(&pointer).unwrap();
    let path = format!("/clusters/prod-1/compare?from={}", pointer["date"].as_str().unwrap());
    assert!(serving.page(&path, &who).await.contains("</html>"));
    // Files that the run did not write are made now.
    let focus = serving.page("/clusters/prod-1/focus.csv", &who).await;
    assert!(focus.contains("BilledCost") && focus.lines().count() > 1, "{focus}");
    for path in ["/clusters/prod-1/focus.parquet", "/clusters/prod-1/report.xlsx", "/costs.parquet?cluster=prod-1"] {
        let answer =
            serving.http.get(format!("{}{path}", serving.url)).header("cookie", &who.cookie).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let begins: &[u8] = if path.ends_with("xlsx") { b"PK" } else { b"PAR1" };
        assert!(answer.bytes().await.unwrap().starts_with(begins), "{path}");
    }
}

/// The small program, which is built with the whole workspace.
#[tokio::test(flavor = "multi_thread")]
async fn the_small_program_serves_the_same_and_starts_at_once() {
    let test = "the_small_program_serves_the_same_and_starts_at_once";
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_emp-cost")).with_file_name("emp-cost-service");
    if !binary.exists() {
        return fixtures::services::skip(test, "`emp-cost-service` is not built; build the whole workspace");
    }
    let (lake, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = lake.path().to_str().unwrap();
    let mut program = Command::new(&binary);
    let serving = serve_by(&mut program, at, folder.path(), "", &[]);
    let who = serving.sign_in().await;
    assert!(serving.page("/", &who).await.contains("There is no report"), "its pages are there");
    assert!(serving.page("/what-if", &who).await.contains("There is none yet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_ends_when_it_is_asked_to() {
    let (lake, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut serving = serve(lake.path().to_str().unwrap(), folder.path(), "", &[]);
    assert_eq!(serving.http.get(format!("{}/healthz", serving.url)).send().await.unwrap().status(), 200);
    let ended = Command::new("kill").args(["-TERM", &serving.process.0.id().to_string()]).status().unwrap();
    assert!(ended.success());
    assert!(serving.process.0.wait().unwrap().success());
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
