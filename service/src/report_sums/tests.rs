use super::*;
use crate::access_rules::{Limit, Role, Rule, Scope, scope};
use crate::cost_sums::{By, Filter, Summing};

/// Rows of a cluster on some days, of which every third is missing.
fn rows(cluster: &str, days: i64) -> Vec<WorkloadDay> {
    let row = |n: i64, day: i64| {
        let workload = n % 4 != 3;
        WorkloadDay {
            date: (n % 7 != 6).then(|| format!("2026-07-{day:02}").into()),
            namespace: workload.then(|| ["shop", "bank", "web"][usize::try_from(n % 3).unwrap()].into()),
            workload: workload.then(|| format!("w{n}").into()),
            labels: (workload && n % 2 == 0)
                .then(|| -> Arc<str> { format!("team=t{}", n % 3).into() })
                .into_iter()
                .collect(),
            node_group: (n % 5 != 0).then(|| format!("g{}", n % 2).into()),
            cpu_nano_usd: n * day * 1_000_003,
            other_nano_usd: -n,
            memory_used_kib_s: (n % 2 == 0).then_some(n),
            ..WorkloadDay::of(cluster, if workload { Part::Workload } else { Part::Idle })
        }
    };
    (1..=days).flat_map(|day| (0..24).filter(move |n| (n + day) % 3 != 0).map(move |n| row(n, day))).collect()
}

fn seen(namespaces: Option<&[&str]>, labels: &[(&str, &str)]) -> Scope {
    let rule = Rule {
        name: "r".to_owned(),
        groups: Vec::new(),
        role: Role::Viewer,
        clusters: vec!["*".into()],
        namespaces: namespaces.map(|names| names.iter().copied().map(Into::into).collect()),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect(),
    };
    scope(&[rule], &["r".to_owned()], Limit::default(), None)
}

#[test]
fn answers_from_sums_are_those_from_rows_whoever_asks_for_what() {
    let rows = rows("a", 9);
    // What the lake decodes has each name once, as a round trip gives it.
    let decoded = lake::workload_day::decode(lake::workload_day::encode(rows.clone()).unwrap()).unwrap();
    let scopes = [
        seen(None, &[]),
        seen(Some(&["shop", "w*"]), &[]),
        seen(None, &[("team", "t2")]),
        seen(Some(&["bank"]), &[("team", "t1")]),
        seen(Some(&["nobody"]), &[]),
    ];
    let filters = [
        Filter::default(),
        Filter { namespace: Some("shop".to_owned()), ..Filter::default() },
        Filter { label: Some(("team".to_owned(), "t2".to_owned())), ..Filter::default() },
    ];
    for rows in [&rows, &decoded] {
        let sums = ReportSums::of(rows, &Mutex::default()).unwrap();
        for scope in &scopes {
            for filter in &filters {
                for by in ["cluster", "namespace", "node_group", "part", "label:team"] {
                    let by = By::read(by).unwrap();
                    let (mut of_rows, mut of_sums) =
                        (Summing::new(scope, &by, filter), Summing::new(scope, &by, filter));
                    of_rows.add(rows.iter());
                    of_sums.add_sums(&sums);
                    assert_eq!(of_sums.finish(), of_rows.finish(), "{by:?} {filter:?} {scope:?}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_summed_up_or_is_not_small_is_not_held() {
    let of = |rows: &[WorkloadDay]| ReportSums::of(rows, &Mutex::default());
    let row = |nano_usd| WorkloadDay { cpu_nano_usd: nano_usd, ..WorkloadDay::of("a", Part::Idle) };
    assert!(of(&[]).is_none());
    assert!(of(&[row(i64::MAX), row(1)]).is_none(), "the sum is too large");
    let owner =
        |n: usize| WorkloadDay { namespace: Some(format!("n{n}").into()), date: Some("2026-07-01".into()), ..row(1) };
    assert!(of(&(0..=MOST_DAYS).map(owner).collect::<Vec<_>>()).is_none());
    let extremes =
        [i64::MIN + 1, i64::MAX, 0].map(|cost| WorkloadDay { date: Some(format!("{cost}").into()), ..row(cost) });
    for (row, (date, cost)) in extremes.iter().zip({
        let sums = of(&extremes[..1]).into_iter().chain(of(&extremes[1..2])).chain(of(&extremes[2..]));
        sums.flat_map(|sums| sums.days(|_| true).map(|(date, cost)| (date.to_owned(), cost)).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    }) {
        assert_eq!((row.date.as_deref(), row.nano_usd()), (Some(date.as_str()), cost));
    }
}

#[test]
fn a_fleet_shares_its_names_and_a_newer_report_takes_the_place_of_its_older() {
    let held = HeldSums::default();
    let id = |n: usize| -> ClusterId { format!("c-{n}").parse().unwrap() };
    let put = |n: usize, folder: &str| held.put(&id(n), folder, &rows(id(n).as_str(), 9)).unwrap();
    let first = put(0, "1");
    let names = held.names.lock().unwrap().bytes();
    (1..50).for_each(|n| drop(put(n, "1")));
    assert_eq!(held.names.lock().unwrap().bytes(), names);
    assert!(Arc::ptr_eq(&first.days, &held.get(&id(49), "1").unwrap().days));
    put(0, "2");
    assert!(held.get(&id(0), "1").is_none() && held.get(&id(0), "2").is_some());
    drop(first);
    held.keep(&[id(3)]);
    assert!(held.get(&id(0), "2").is_none() && held.get(&id(3), "1").is_some());
    held.keep(&[]);
    assert_eq!(held.names.lock().unwrap().bytes(), 0);
}

/// Bytes that 300 clusters of 44 groups and 15 owners over 90 days take: the fleet of `scripts/bench/service.py`.
#[test]
fn a_fleet_of_three_hundred_clusters_fits() {
    let row = |n: i64, day: i64| WorkloadDay {
        date: Some(format!("2026-{:02}-{:02}", 1 + day / 28, 1 + day % 28).into()),
        namespace: (n % 15 != 0).then(|| format!("namespace-{}", n % 15).into()),
        node_group: Some(format!("group-{}", n % 3 + n / 15).into()),
        cpu_nano_usd: 7_000_000_000 + n * 1_234_567_891 % (day * 98_765_432 + 1),
        memory_nano_usd: 3_000_000_000 + day * n * 1_234_567,
        cpu_request_core_ms: Some(864_000_000 * n),
        cpu_used_core_ms: Some(143_489_040 + day),
        memory_request_kib_s: Some(2_717_908_992_000),
        memory_used_kib_s: Some(1_447_658_201_280 - n),
        ..WorkloadDay::of("a", Part::Workload)
    };
    let rows: Vec<_> = (0..90).flat_map(|day| (0..44).map(move |n| row(n, day))).collect();
    let decoded = lake::workload_day::decode(lake::workload_day::encode(rows).unwrap()).unwrap();
    let names = Mutex::default();
    let sums = ReportSums::of(&decoded, &names).unwrap();
    assert_eq!((sums.groups.len(), sums.owners.len()), (44, 15));
    let all = 300 * sums.bytes() + names.lock().unwrap().bytes();
    assert!(all < MOST_BYTES, "{all} bytes");
}
