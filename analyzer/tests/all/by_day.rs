//! Checks that what workloads cost on each day adds up to the bill of the report it lies beside, exactly.
#![expect(clippy::unwrap_used, reason = "a test may stop, helpers outside `#[test]` too")]

use std::collections::BTreeMap;
use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing, analyze_with_days};
use fixtures::Cluster;
use lake::store::MemoryStore;
use lake::workload_day::Part;
use lake::{HourOrigin, Lake, WorkloadDay};
use types::analysis::Analysis;
use types::{Hour, Window};

/// The analysis of some hours from this one on, which begin late on one day and end on the third.
async fn analyzed() -> (Analysis, Vec<WorkloadDay>) {
    let first = Hour::starting_at(1_782_864_000 - 2 * 3600).unwrap();
    let window = Window::try_new(first.start(), first.plus(27).start()).unwrap();
    let cluster = Cluster::generate(5, window);
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let id = Cluster::ID.parse().unwrap();
    for hour in window.hours() {
        let mut rows = cluster.hour_rows(hour);
        for pod in rows.pods.iter_mut().filter(|pod| pod.namespace.len() % 2 == 0) {
            pod.labels = Some(vec![format!("team={}", pod.namespace)]);
        }
        lake.write_hour(&id, hour, rows, HourOrigin::generator()).await.unwrap();
    }
    let request = Request {
        cluster: id,
        window: None,
        assumptions: Assumptions::default(),
        prices: PriceBook::catalog().unwrap(),
        sharing: Sharing { labels: vec!["team".to_owned()], ..Sharing::default() },
        profile: None,
        bill_only: true,
    };
    analyze_with_days(&lake, request, |_, _| {}).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn days_and_workloads_add_up_to_the_report_to_the_nano_dollar() {
    let (analysis, rows) = analyzed().await;
    let bill = analysis.allocation.as_ref().unwrap();
    let nanos = |text: &str| text.parse::<i128>().unwrap();
    let sum = |parts: &[Part]| -> i128 {
        rows.iter().filter(|row| parts.contains(&row.part)).map(WorkloadDay::nano_usd).sum()
    };
    assert_eq!(sum(&Part::ALL), nanos(&bill.total.total_nano_usd));
    assert_eq!(sum(&[Part::Workload]), nanos(&bill.total.workloads_nano_usd));
    assert_eq!(sum(&[Part::Idle]), nanos(&bill.total.idle_nano_usd));
    assert_eq!(sum(&[Part::Daemonset, Part::Overhead]), nanos(&bill.total.overhead_nano_usd));
    assert_eq!(-sum(&[Part::Oversubscribed]), nanos(&bill.total.oversubscribed_nano_usd));
    let mut by_workload: BTreeMap<(String, String, String), i128> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.namespace.is_some()) {
        let text = |of: &Option<Arc<str>>| of.as_deref().unwrap().to_owned();
        let key = (text(&row.namespace), text(&row.workload_kind), text(&row.workload));
        *by_workload.entry(key).or_default() += row.nano_usd();
    }
    assert!(bill.by_workload.len() > 20, "the test sees workloads");
    for workload in &bill.by_workload {
        let key = (workload.namespace.clone(), workload.workload_kind.clone(), workload.workload.clone());
        assert_eq!(by_workload.get(&key).copied().unwrap_or_default(), nanos(&workload.workload_nano_usd), "{key:?}");
    }
    for group in &bill.by_node_group {
        let of: i128 = rows
            .iter()
            .filter(|row| row.node_group.as_deref() == group.name.as_deref())
            .map(WorkloadDay::nano_usd)
            .sum();
        assert_eq!(of, nanos(&group.shares.total_nano_usd), "{:?}", group.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_day_has_its_rows_and_what_was_used_is_all_there() {
    let (analysis, rows) = analyzed().await;
    let mut days: Vec<_> = rows.iter().filter_map(|row| row.date.as_deref()).collect();
    days.sort_unstable();
    days.dedup();
    assert_eq!(days, ["2026-06-30", "2026-07-01", "2026-07-02"]);
    assert!(rows.iter().any(|row| row.label("team").is_some()), "the labels asked for are there");
    let used: i64 = rows.iter().filter_map(|row| row.cpu_used_core_ms).sum();
    let requested: i64 = rows.iter().filter_map(|row| row.cpu_request_core_ms).sum();
    let namespaces = &analysis.allocation.as_ref().unwrap().by_namespace;
    let all = |of: fn(&types::analysis::NamespaceCost) -> f64| namespaces.iter().map(of).sum::<f64>() * 3_600_000.0;
    for (found, expect) in [(used, all(|n| n.cpu_used_core_hours)), (requested, all(|n| n.cpu_request_core_hours))] {
        #[expect(clippy::as_conversions, reason = "far below 2^53")]
        let found = found as f64;
        assert!((found - expect).abs() < 1e-6 * expect, "{found} {expect}");
    }
}
