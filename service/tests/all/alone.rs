//! A cluster whose report cannot be read, or whose hours are of a wrong clock, fails alone: the others are shown, and it is
//! said what is wrong.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use fixtures::Cluster;
use lake::store::DirStore;
use lake::{HourOrigin, Lake, Store};
use reqwest::StatusCode;
use serde_json::Value;
use types::analysis::{
    Analysis, CostLines, Inventory, Provenance, ResourceUtilisation, Scenario, Utilisation, Verdict, WindowCoverage,
};
use types::{Hour, Window};

use super::harness::{Service, Session, folder_of, now, put_report_with};

/// The analysis of three days of a cluster that costs so much a month, without a conclusion.
pub(crate) fn analysis(cluster: &str, currency: &str, end: DateTime<Utc>, monthly_usd: f64) -> Analysis {
    let resource = || ResourceUtilisation {
        capacity_mean: 1.0,
        allocatable_mean: 1.0,
        requested_mean: 1.0,
        limit_mean: 1.0,
        used_mean: 0.5,
        used_median: 0.5,
        used_p95: 0.5,
        used_p99: 0.5,
        used_peak: 0.5,
        used_of_capacity: Some(0.5),
        used_of_requested: Some(0.5),
        requested_of_capacity: Some(1.0),
    };
    let today = Scenario {
        id: "ec2-today".to_owned(),
        label: "Today".to_owned(),
        cost_usd: CostLines::default(),
        partial: false,
        monthly_usd: Some(monthly_usd),
        compute_cost: None,
        machine_hours: Vec::new(),
        items: Vec::new(),
        unpriced: Vec::new(),
        lower_bound_usd: None,
        risk: None,
        by_hour: Vec::new(),
        variants: Vec::new(),
        notes: Vec::new(),
    };
    Analysis {
        schema: types::analysis::SCHEMA.to_owned(),
        cluster_id: cluster.to_owned(),
        region: Some("eu-west-1".to_owned()),
        currency: currency.to_owned(),
        window: WindowCoverage {
            start: end - TimeDelta::days(3),
            end,
            hours_expected: 72,
            hours_present: 72,
            hours_by_source: Vec::new(),
        },
        inventory: Inventory {
            node_groups: Vec::new(),
            nodes: 1,
            nodes_mean: 1.0,
            pods: 1,
            pods_mean: 1.0,
            containers: 1,
            workloads: 1,
            namespaces: 1,
            volume_claims: 0,
            volume_gib_mean: 0.0,
            by_namespace: Vec::new(),
            pod_hours_without_requests: 0.0,
            container_hours_without_usage: 0.0,
        },
        utilisation: Utilisation {
            cpu: resource(),
            memory: resource(),
            hourly: Vec::new(),
            steal: None,
            distributions: Vec::new(),
            coincidence: None,
        },
        allocation: None,
        evidence: None,
        scenarios: vec![today],
        savings: Vec::new(),
        verdict: Verdict::default(),
        assumptions: Vec::new(),
        notes: Vec::new(),
        model_optimism: None,
        hosts_considered: Vec::new(),
        what_if: None,
        movability: Vec::new(),
        selection: None,
        exclusions: Vec::new(),
        waterfall: None,
        realised: None,
        back_test: None,
        silence: None,
        plan: None,
        waste: None,
        next_steps: None,
        right_sizing: None,
        invoice: None,
        provenance: Provenance {
            tool_version: "0".to_owned(),
            lake: "test".to_owned(),
            manifests_sha256: String::new(),
            query_sets: Vec::new(),
            servers: Vec::new(),
            prices: Vec::new(),
            replays: None,
            agreed: None,
        },
    }
}

/// A report that ended a day ago.
pub(crate) async fn put_fresh(store: &dyn Store, cluster: &str, currency: &str, monthly_usd: f64) {
    let analysis = analysis(cluster, currency, now() - TimeDelta::days(1), monthly_usd);
    put_report_with(store, cluster, Some(&analysis)).await;
}

/// What the API says to somebody.
pub(crate) async fn api(service: &Service, session: &Session, path: &str) -> (StatusCode, Value) {
    let (status, text) = session.text(service, path).await;
    (status, serde_json::from_str(&text).unwrap())
}

/// A text as a browser shows it.
fn plain(page: &str) -> String {
    page.replace("&#96;", "`").replace("&#39;", "'")
}

/// A bucket with two good clusters, and three that each lack something else.
async fn damaged() -> (Arc<dyn Store>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(DirStore::new(folder.path()));
    for cluster in ["prod-1", "prod-2", "prod-3", "prod-4", "test-1"] {
        put_fresh(store.as_ref(), cluster, "USD", 1000.0).await;
    }
    store.replace(&format!("{}analysis.json", folder_of("prod-2")), "{}".into(), "").await.unwrap();
    for key in store.list(&folder_of("prod-3")).await.unwrap() {
        store.delete(&key).await.unwrap();
    }
    store.replace("reports/cluster=prod-4/latest/report.json", "{".into(), "").await.unwrap();
    (store, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_cannot_be_read_is_named_with_the_next_step_and_the_others_are_shown() {
    let (store, folder) = damaged().await;
    let service = Service::over(store, folder, "\"admins\"", "").await;
    let session = service.sign_in().await;
    let (status, fleet) = session.text(&service, "/").await;
    assert_eq!(status, StatusCode::OK, "{fleet}");
    let fleet = plain(&fleet);
    assert!(fleet.contains("2 clusters cost"), "{fleet}");
    assert!(fleet.contains("The reports of 3 clusters cannot be read, so they are in no sum."), "{fleet}");
    for (cluster, why) in [
        ("prod-2", "analysis.json` is not what its report.json says"),
        ("prod-3", "analysis.json` is not there any more"),
        ("prod-4", "latest/report.json` cannot be read"),
    ] {
        assert!(fleet.contains(why), "{cluster}: {fleet}");
        assert!(fleet.contains(&format!("run `emp-cost run --cluster-id {cluster}` again")), "{cluster}: {fleet}");
    }
    for path in ["/costs", "/costs?by=namespace", "/showback?by=namespace"] {
        let (status, page) = session.text(&service, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {page}");
        for cluster in ["prod-2", "prod-3", "prod-4"] {
            assert!(page.contains(&format!("{cluster} is in no sum here")), "{path}: {page}");
        }
    }
    let (status, costs) = api(&service, &session, "/api/v1/costs").await;
    assert_eq!(status, StatusCode::OK, "{costs}");
    assert_eq!(costs["clusters"], serde_json::json!(["prod-1", "test-1"]));
    assert_eq!(costs["total_nano_usd"], "69000000000", "the sum of the two that can be read");
    let unread = costs["clusters_unread"].as_array().unwrap();
    assert_eq!(
        unread.iter().map(|one| one["cluster"].as_str().unwrap()).collect::<Vec<_>>(),
        ["prod-2", "prod-3", "prod-4"]
    );
    assert!(unread[1]["error"].as_str().unwrap().contains("is not there any more"), "{costs}");
    for (path, line) in [
        ("/costs.csv", "\"left out: prod-2\",\"\",\"\",,,,,,,,,"),
        ("/showback.csv?by=namespace", "\"left out\",\"prod-2\",\"\",,,,"),
    ] {
        let (_, csv) = session.text(&service, path).await;
        assert!(csv.lines().any(|found| found == line), "{path}: {csv}");
        let fields = |line: &str| line.split(',').count();
        assert!(csv.lines().all(|found| fields(found) == fields(line)), "{path}: {csv}");
    }
    let (status, clusters) = api(&service, &session, "/api/v1/clusters").await;
    assert_eq!(status, StatusCode::OK);
    for item in clusters["items"].as_array().unwrap() {
        let good = ["prod-1", "test-1"].contains(&item["cluster"].as_str().unwrap());
        assert_eq!((item["error"].is_null(), item["figures"].is_null()), (good, !good), "{item}");
    }
    assert_eq!(clusters["items"].as_array().unwrap().len(), 5);
    let (status, one) = api(&service, &session, "/api/v1/clusters/prod-2").await;
    assert!(status == StatusCode::OK && one["error"].as_str().unwrap().contains("report.json says"), "{one}");
    // One that is asked for by name is an error that names it, with the form beside it.
    let (status, page) = session.text(&service, "/costs?cluster=prod-2").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(page.contains("The report of prod-2 cannot be read") && page.contains("action=\"/costs\""), "{page}");
    let metrics = service.get("/metrics").send().await.unwrap().text().await.unwrap();
    let line = metrics.lines().find(|line| line.starts_with("emp_cost_service_reports_unreadable")).unwrap();
    assert!(line.ends_with(" 3"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sees_a_part_is_told_of_the_clusters_that_are_theirs_and_of_no_other() {
    let (store, folder) = damaged().await;
    let service = Service::over(store, folder, "\"prod-readers\"", "").await;
    let session = service.sign_in().await;
    // `test-1` is none of theirs; damaged, it is not named either.
    for key in service.store.list(&folder_of("test-1")).await.unwrap() {
        service.store.delete(&key).await.unwrap();
    }
    for path in ["/", "/costs", "/showback", "/api/v1/clusters", "/api/v1/costs"] {
        let (status, text) = session.text(&service, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        assert!(text.contains("prod-3") && !text.contains("test-1"), "{path}: {text}");
    }
}

/// Waits until every rule was checked on every cluster it names.
async fn alerts(service: &Service, session: &Session, count: usize) -> Vec<Value> {
    loop {
        let (_, list) = api(service, session, "/api/v1/alerts").await;
        let items = list["items"].as_array().unwrap();
        if items.len() >= count {
            return items.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_on_what_cannot_be_read_says_so_and_an_hour_to_come_does_not_silence_one() {
    let (store, folder) = damaged().await;
    let (hour, id) = (Hour::containing(now()), "prod-1".parse().unwrap());
    let window = Window::try_new(hour.plus(-10).start(), hour.plus(6).start()).unwrap();
    let (cluster, lake) = (Cluster::generate(7, window), Lake::new(Arc::clone(&store)));
    for hour in [hour.plus(-10), hour.plus(5)] {
        lake.write_hour(&id, hour, cluster.hour_rows(hour), HourOrigin::generator()).await.unwrap();
    }
    let more = "[[alert]]\nname = \"budget\"\nmonthly_cost_above = 1\n\
                [[alert]]\nname = \"saving\"\nclusters = [\"prod-1\"]\nmonthly_saving_above = 1\n\
                [[alert]]\nname = \"silent\"\nclusters = [\"prod-1\"]\nhours_behind_above = 3\n";
    let service = Service::over(store, folder, "\"admins\"", more).await;
    let session = service.sign_in().await;
    let items = alerts(&service, &session, 7).await;
    let of = |rule: &str, cluster: &str| {
        items.iter().find(|item| item["rule"] == rule && item["cluster"] == cluster).unwrap().clone()
    };
    assert_eq!(of("budget", "prod-1")["state"], "firing");
    for cluster in ["prod-2", "prod-3", "prod-4"] {
        let item = of("budget", cluster);
        assert_eq!((&item["state"], &item["value"]), (&Value::from("ok"), &Value::Null));
        assert!(item["unknown"].as_str().unwrap().contains("cannot be read"), "{item}");
    }
    // A report without a conclusion does not say that nothing can be saved.
    let saving = of("saving", "prod-1");
    assert!(saving["value"].is_null() && saving["unknown"].as_str().unwrap().contains("--bill-only"), "{saving}");
    let silent = of("silent", "prod-1");
    assert_eq!(silent["state"], "firing", "{silent}");
    assert!(silent["value"].as_f64().unwrap() >= 9.0, "the hour ahead is not the newest: {silent}");
}
