//! Slots of which not even lives are known: as if the lake did not have them.
#![expect(clippy::unwrap_used, reason = "a test may stop, helpers outside `#[test]` too")]

use lake::HourRows;
use lake::tables::QualityHour;
use types::analysis::Analysis;

use crate::made::{Cluster, M5_4XLARGE, Pods, analysis, hour, mixed, scenario, table};

const HOURS: i64 = 80;

/// Pods that are busier by day, each a little otherwise.
fn by_day(pod: usize, hour: i64, slot: usize) -> (i32, i32) {
    let seed = u64::try_from(pod).unwrap_or_default();
    let noise = mixed(seed, u64::try_from(hour * 12).unwrap_or_default() + u64::try_from(slot).unwrap_or_default());
    let noise = i32::try_from(noise % 300).unwrap_or_default();
    if (8..18).contains(&(hour % 24)) { (900 + noise, 3_000 + noise) } else { (300 + noise, 2_000 + noise) }
}

fn cluster(zones: usize) -> Cluster {
    Cluster {
        node: M5_4XLARGE,
        nodes: 6,
        zones,
        pods_per_node: 5,
        pods: vec![Pods { namespace: "app", pods: 30, replicas: 3, request: (3000, 11_000), used: by_day }],
    }
}

/// How kube-state-metrics was scraped in an hour.
#[derive(Clone, Copy, PartialEq)]
enum Scrapes {
    /// All of them, whatever cAdvisor's were.
    All,
    /// As few as cAdvisor's.
    AsFew,
    /// Nobody counted.
    Uncounted,
}

/// The rows of an hour without samples of the containers of these nodes in some slots.
fn silenced(mut rows: HourRows, n: i64, slots: &[usize], nodes: impl Fn(&str) -> bool, scrapes: Scrapes) -> HourRows {
    for container in rows.containers.iter_mut().filter(|container| nodes(&container.node)) {
        let kept = |values: [Option<i32>; 12]| -> [Option<i32>; 12] {
            std::array::from_fn(|slot| values.get(slot).copied().flatten().filter(|_| !slots.contains(&slot)))
        };
        let sum = |values: &[Option<i32>; 12]| {
            let known: Vec<i64> = values.iter().flatten().map(|value| i64::from(*value)).collect();
            (!known.is_empty()).then(|| known.iter().sum::<i64>() * 300)
        };
        let cpu = kept(container.cpu_mean_millicores_by_slot.unwrap());
        let memory = kept(container.memory_mean_mib_by_slot.unwrap());
        container.cpu_core_milliseconds = sum(&cpu);
        container.memory_kib_seconds = sum(&memory).map(|sum| sum * 1024);
        container.cpu_mean_millicores_by_slot = Some(cpu);
        container.memory_mean_mib_by_slot = Some(memory);
        container.memory_max_mib_by_slot = Some(memory);
    }
    let missing = if scrapes == Scrapes::AsFew { 10 * i64::try_from(slots.len()).unwrap() } else { 0 };
    if scrapes != Scrapes::Uncounted {
        rows.quality.push(QualityHour {
            hour_start_seconds: hour(n).start_seconds(),
            query: "pod_info".to_owned(),
            scrapes_expected: Some(120),
            scrapes_seen: Some(120 - missing),
            ..QualityHour::default()
        });
    }
    rows
}

/// Slots of hours.
type Gaps = &'static [(i64, &'static [usize])];

const ALL: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

async fn with_gaps(zones: usize, gaps: Gaps, nodes: impl Fn(&str) -> bool, scrapes: Scrapes) -> Analysis {
    let cluster = cluster(zones);
    let hours = (0..HOURS).map(|n| {
        let slots = gaps.iter().find(|(hour, _)| *hour == n).map_or(&[][..], |(_, slots)| slots);
        (n, silenced(cluster.rows(n), n, slots, &nodes, scrapes))
    });
    analysis(hours).await
}

fn says_unknown(analysis: &Analysis) -> bool {
    analysis.notes.iter().any(|note| note.text.contains("Which pods ran is not known for"))
}

/// Whether each scenario's month, today's among them, is the same within a share of it.
fn alike(a: &Analysis, b: &Analysis, share: f64, what: &str) {
    for before in &a.scenarios {
        let after = scenario(b, &before.id);
        let (x, y) = (before.monthly_usd.unwrap(), after.monthly_usd.unwrap());
        assert!((x - y).abs() <= share * x, "{what}: {} {x} and {y}\n{}\n{}", before.id, table(a), table(b));
    }
    assert_eq!(a.verdict.recommendation, b.verdict.recommendation, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_of_which_nothing_is_known_are_as_if_the_lake_did_not_have_them() {
    let cluster = cluster(2);
    // In the night, over a whole morning, the first and the last hours, and several.
    let positions: [Gaps; 5] = [
        &[(30, ALL)],
        &[(31, ALL), (32, ALL), (33, ALL), (34, ALL)],
        &[(0, ALL)],
        &[(78, ALL), (79, ALL)],
        &[(26, ALL), (44, ALL), (45, ALL), (70, ALL)],
    ];
    for gaps in positions {
        let frozen = with_gaps(2, gaps, |_| true, Scrapes::AsFew).await;
        let there = (0..HOURS).filter(|n| gaps.iter().all(|(hour, _)| hour != n));
        let without = analysis(there.map(|n| (n, cluster.rows(n)))).await;
        assert!(says_unknown(&frozen) && !says_unknown(&without));
        alike(&without, &frozen, 1e-9, &format!("{gaps:?}"));
        // Nothing is imputed, since nothing is replayed there.
        assert_eq!(frozen.silence.as_ref().map(|silence| silence.fraction()), Some(0.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_of_which_nothing_is_known_are_billed_nowhere_and_a_month_stays_what_it_was() {
    let whole = with_gaps(1, &[], |_| true, Scrapes::AsFew).await;
    let positions: [(Gaps, f64); 4] = [
        (&[(30, &[3, 4, 5, 6, 7, 8])], 0.5),
        (&[(40, &[9, 10, 11]), (41, ALL), (42, &[0])], 16.0 / 12.0),
        (&[(0, &[0, 1, 2])], 0.25),
        (&[(79, &[10, 11]), (50, &[0])], 0.25),
    ];
    for (gaps, hours) in positions {
        let frozen = with_gaps(1, gaps, |_| true, Scrapes::AsFew).await;
        assert!(says_unknown(&frozen));
        // Sizes are learned from what there is, so a gap moves them a little.
        alike(&whole, &frozen, 0.006, &format!("{gaps:?}"));
        // Six nodes throughout: today's bill is for all of the time but this.
        let total = |analysis: &Analysis| scenario(analysis, "ec2-today").cost_usd.total.unwrap();
        let known = 1.0 - hours / 80.0;
        assert!((total(&frozen) / total(&whole) - known).abs() < 1e-9, "{gaps:?}");
        let month = |analysis: &Analysis| scenario(analysis, "ec2-today").monthly_usd.unwrap();
        assert!((month(&frozen) / month(&whole) - 1.0).abs() < 1e-9, "{gaps:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_lives_are_known_or_nobody_counted_all_is_billed_as_usual() {
    let whole = with_gaps(1, &[], |_| true, Scrapes::All).await;
    let gaps: Gaps = &[(30, &[3, 4, 5, 6, 7, 8]), (60, &[0])];
    for scrapes in [Scrapes::All, Scrapes::Uncounted] {
        let silent = with_gaps(1, gaps, |_| true, scrapes).await;
        assert!(!says_unknown(&silent));
        alike(&whole, &silent, 0.001, "lives known");
        let total = |analysis: &Analysis| scenario(analysis, "ec2-today").cost_usd.total.unwrap();
        assert!((total(&whole) - total(&silent)).abs() < 1e-9);
        assert!(silent.silence.as_ref().is_some_and(|silence| silence.fraction() > 0.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_zone_of_which_nothing_is_known_leaves_the_others_as_they_are() {
    let whole = with_gaps(2, &[], |_| true, Scrapes::AsFew).await;
    let gaps: Gaps = &[(30, &[3, 4, 5, 6, 7, 8])];
    // Every other node is in the second zone.
    let frozen = with_gaps(2, gaps, |node| node.ends_with(['1', '3', '5']), Scrapes::AsFew).await;
    assert!(says_unknown(&frozen));
    alike(&whole, &frozen, 0.003, "one zone");
    let compute = |analysis: &Analysis| scenario(analysis, "ec2-today").cost_usd.compute.unwrap();
    assert!((compute(&frozen) / compute(&whole) - (1.0 - 0.25 / 80.0)).abs() < 1e-9);
}
