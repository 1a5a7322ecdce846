//! Sums over clusters: what they leave out, and what is said where there is none.

use chrono::TimeDelta;
use lake::workload_day::{self, Part};
use lake::{Store, WorkloadDay};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::alone::{analysis, api, put_fresh};
use super::harness::{Service, now, put_report_with, with_reports};

/// A cluster whose report ended so many days ago.
async fn put_old(store: &dyn Store, cluster: &str, days: i64) {
    let analysis = analysis(cluster, "USD", now() - TimeDelta::days(days), 1000.0);
    put_report_with(store, cluster, Some(&analysis)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_long_ago_is_marked_and_in_no_sum_of_today() {
    for (more, old, clusters) in
        [("", true, "1 cluster costs"), ("[reports]\nstale_after_days = 60\n", false, "2 clusters cost")]
    {
        let service = Service::with("\"admins\"", more).await;
        put_fresh(service.store.as_ref(), "prod-1", "USD", 500.0).await;
        put_old(service.store.as_ref(), "prod-2", 40).await;
        let session = service.sign_in().await;
        let (_, fleet) = session.text(&service, "/").await;
        assert!(fleet.contains(clusters) && fleet.contains("/clusters/prod-2"), "{fleet}");
        let said = "The report of 1 cluster ended more than 35 days ago, so it is in no sum.";
        assert_eq!(fleet.contains(said), old, "{fleet}");
        assert_eq!(fleet.contains("<span class=\"badge\">old</span>"), old, "{fleet}");
        // A report without a conclusion is not one that recommends nothing.
        assert!(
            fleet.contains("What to change is not known") && !fleet.contains("No change is recommended"),
            "{fleet}"
        );
        let (_, list) = api(&service, &session, "/api/v1/clusters").await;
        let marked: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["old"].clone()).collect();
        assert_eq!(marked, [json!(false), json!(old)]);
        let (_, costs) = session.text(&service, "/costs").await;
        assert_eq!(costs.contains("ended more than 35 days ago: prod-2."), old, "{costs}");
        let (_, page) = session.text(&service, "/clusters/prod-2").await;
        assert_eq!(page.contains("It ended more than 35 days ago"), old, "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sum_above_the_clusters_is_of_those_that_fit_the_filter_and_is_replaced_with_them() {
    let service = Service::start("\"admins\"").await;
    for cluster in ["prod-1", "prod-2", "test-1"] {
        put_fresh(service.store.as_ref(), cluster, "USD", 500.0).await;
    }
    let session = service.sign_in().await;
    for (path, sum) in [("/", "3 clusters cost"), ("/?q=prod", "2 clusters cost"), ("/?q=test-1", "1 cluster costs")] {
        let (_, page) = session.text(&service, path).await;
        // A browser with script puts this element in the place of the one that is there, and nothing else of the answer.
        let replaced = page.split("<div id=\"fleet\">").nth(1).unwrap();
        assert!(page.contains("hx-select=\"#fleet\"") && replaced.contains(sum), "{path}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_currencies_and_too_many_clusters_are_answered_with_the_form_and_what_to_do() {
    let service = Service::start("\"admins\"").await;
    put_fresh(service.store.as_ref(), "prod-1", "USD", 500.0).await;
    put_fresh(service.store.as_ref(), "prod-2", "CNY", 500.0).await;
    let session = service.sign_in().await;
    for (path, form) in [("/costs?by=namespace&namespace=shop", "/costs"), ("/showback", "/showback")] {
        let (status, page) = session.text(&service, path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(page.contains("billed in CNY and USD") && page.contains("choose one cluster."), "{page}");
        assert!(page.contains(&format!("<form method=\"get\" action=\"{form}\"")), "{page}");
        assert!(page.contains("<option value=\"prod-2\"") && !page.contains("<table>"), "{page}");
    }
    let (_, filtered) = session.text(&service, "/costs?by=namespace&namespace=shop").await;
    assert!(filtered.contains("name=\"namespace\" value=\"shop\""), "what was asked is kept: {filtered}");
    assert_eq!(session.text(&service, "/costs?cluster=prod-2").await.0, StatusCode::OK);
    for path in ["/api/v1/costs", "/costs.csv", "/showback.csv"] {
        assert_eq!(session.text(&service, path).await.0, StatusCode::BAD_REQUEST, "{path}");
    }

    let service = Service::start("\"admins\"").await;
    for n in 0..501 {
        let folder = format!("reports/cluster=c-{n}/date=2026-07-03/report=0/");
        let window = json!({"start": "2026-07-01T00:00:00Z", "end": "2026-07-04T00:00:00Z"});
        let pointer = json!({"date": "2026-07-03", "folder": folder, "window": window});
        let key = format!("reports/cluster=c-{n}/latest/report.json");
        service.store.replace(&key, pointer.to_string().into(), "application/json").await.unwrap();
    }
    let session = service.sign_in().await;
    for path in ["/costs", "/showback"] {
        let (status, page) = session.text(&service, path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(
            page.contains("501 clusters are too many for one sum") && page.contains("<option value=\"c-7\""),
            "{page}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_of_what_is_shown_where_one_cluster_is_seen_whole_and_another_in_part() {
    let more = "[[rule]]\nname = \"whole\"\ngroups = [\"mixed\"]\nrole = \"viewer\"\nclusters = [\"prod-*\"]\n\
                [[rule]]\nname = \"part\"\ngroups = [\"mixed\"]\nrole = \"viewer\"\nclusters = [\"test-*\"]\nnamespaces = [\"shop\"]\n";
    let service = Service::with("\"mixed\"", more).await;
    for cluster in ["prod-1", "test-1"] {
        put_fresh(service.store.as_ref(), cluster, "USD", 500.0).await;
    }
    let session = service.sign_in().await;
    let (_, csv) = session.text(&service, "/showback.csv?by=namespace").await;
    let mut whole = 0.0;
    let mut rows = 0;
    for line in csv.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').map(|field| field.trim_matches('"')).collect();
        let number = |at: usize| fields[at].parse::<f64>().unwrap();
        let shared = if fields[4].is_empty() { 0.0 } else { number(4) };
        assert!((number(3) + shared - number(5)).abs() < 1e-6, "{line}");
        assert_eq!(fields[4].is_empty(), fields[1] == "test-1", "{line}");
        whole += if fields[1] == "prod-1" { number(5) } else { 0.0 };
        rows += 1;
    }
    assert_eq!(rows, 3, "shop on both, bank on the one that is seen whole: {csv}");
    assert!((whole - 34.5).abs() < 1e-6, "the shares of a whole cluster add up to its bill: {csv}");
    let (_, page) = session.text(&service, "/showback?by=namespace").await;
    assert!(page.contains("Of test-1 you see your own workloads"), "{page}");
    assert!(page.contains("shared in proportion to the cost"), "{page}");
    let unknown = format!("<td class=\"number\">{}</td>", reports::number_format::UNKNOWN);
    assert!(!page.contains(&unknown), "every team has a share on the cluster that is seen whole: {page}");
    let (_, costs) = session.text(&service, "/costs?by=namespace").await;
    assert!(costs.contains("Of test-1 you see a part"), "{costs}");
    assert!(!costs.contains("Idle capacity and overhead are not among them"), "those of prod-1 are: {costs}");
    assert!(costs.contains("What is in no namespace is idle capacity"), "{costs}");
    let (_, sums) = api(&service, &session, "/api/v1/costs?by=cluster").await;
    let of = |cluster: &str| {
        let lines = sums["items"].as_array().unwrap();
        lines.iter().find(|line| line["key"] == cluster).map(|line| line["cost_nano_usd"].clone())
    };
    assert_eq!(of("prod-1"), Some(Value::from("34500000000")));
    assert_eq!(of("test-1"), Some(Value::from("3000000000")));
}

/// Puts a report of an earlier week beside the latest of `prod-1`.
async fn put_earlier(store: &dyn Store) {
    let row = WorkloadDay {
        date: Some("2026-06-26".into()),
        namespace: Some("old-shop".into()),
        cpu_nano_usd: 7_000_000_000,
        ..WorkloadDay::of("prod-1", Part::Workload)
    };
    let file = workload_day::encode(vec![row]).unwrap();
    let folder = "reports/cluster=prod-1/date=2026-06-26/report=0/";
    let named = json!([{"name": workload_day::FILE, "sha256": lake::digest(&file), "bytes": file.len()}]);
    store.replace(&format!("{folder}{}", workload_day::FILE), file, "").await.unwrap();
    let window = json!({"start": "2026-06-26T00:00:00Z", "end": "2026-06-27T00:00:00Z"});
    let pointer =
        json!({"date": "2026-06-26", "folder": folder, "window": window, "hours_present": 24, "files": named});
    let key = "reports/cluster=prod-1/date=2026-06-26/report.json";
    store.replace(key, pointer.to_string().into(), "application/json").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_report_is_asked_for_by_its_date_and_another_date_names_those_there_are() {
    let service = with_reports("\"admins\"").await;
    put_earlier(service.store.as_ref()).await;
    let session = service.sign_in().await;
    let of = "cluster=prod-1&report=2026-06-26";
    let (status, costs) = api(&service, &session, &format!("/api/v1/costs?{of}")).await;
    assert_eq!((status, &costs["total_nano_usd"]), (StatusCode::OK, &json!("7000000000")));
    let (_, latest) = api(&service, &session, "/api/v1/costs?cluster=prod-1").await;
    assert_eq!(latest["total_nano_usd"], "34500000000");
    let (_, rows) = api(&service, &session, "/api/v1/clusters/prod-1/workload-days?report=2026-06-26").await;
    assert_eq!(rows["items"][0]["namespace"], "old-shop");
    for path in ["/costs", "/costs.csv", "/showback", "/showback.csv"] {
        let (status, text) = session.text(&service, &format!("{path}?{of}&by=namespace")).await;
        assert!(status == StatusCode::OK && text.contains("old-shop") && !text.contains("bank"), "{path}: {text}");
        if !path.ends_with(".csv") {
            assert!(text.contains("name=\"report\" value=\"2026-06-26\""), "the form asks for the same: {text}");
        }
    }
    assert_eq!(session.text(&service, &format!("/costs.parquet?{of}")).await.0, StatusCode::OK);
    for path in ["/api/v1/costs?cluster=prod-1&", "/api/v1/clusters/prod-1/workload-days?"] {
        let (status, said) = api(&service, &session, &format!("{path}report=2026-01-31")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        let detail = said["detail"].as_str().unwrap();
        assert!(detail.contains("no report of 2026-01-31") && detail.ends_with("2026-06-26, 2026-07-03"), "{detail}");
    }
    for wrong in ["cluster=prod-1&report=latest", "cluster=prod-1&report=..", "report=2026-06-26"] {
        let (status, _) = api(&service, &session, &format!("/api/v1/costs?{wrong}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_report_shows_no_more_of_itself_than_the_latest() {
    let service = with_reports("\"shop\"").await;
    put_earlier(service.store.as_ref()).await;
    let session = service.sign_in().await;
    let path = "/api/v1/clusters/prod-1/workload-days?report=2026-06-26";
    let (status, rows) = api(&service, &session, path).await;
    assert_eq!((status, &rows["items"]), (StatusCode::OK, &json!([])), "the namespace is another one");
    let service = with_reports("\"prod-readers\"").await;
    let session = service.sign_in().await;
    let (status, said) = api(&service, &session, "/api/v1/costs?cluster=test-1&report=2026-01-31").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(!said.to_string().contains("2026-07-03"), "no date of a cluster that is not to be seen: {said}");
}
