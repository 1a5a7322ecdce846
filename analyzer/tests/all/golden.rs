//! Three believable clusters and what must be said of each: a pool pays, right-sizing pays, nothing pays.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop, helpers outside `#[test]` too")]

use analyzer::{PriceBook, Request, analyze};
use types::analysis::{Analysis, ConfidenceLevel, Doubt, Reason, ScenarioId};

use crate::made::{Cluster, M5_4XLARGE, M6A_4XLARGE, Pods, analysis, judged, lake_of, mixed, request, table};

/// Four whole weeks.
const HOURS: i64 = 672;

fn number(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

/// A number below `n`, from two others.
fn below(n: u64, a: u64, b: u64) -> i32 {
    i32::try_from(mixed(a, b) % n).unwrap_or_default()
}

/// One engine per tenant: two and a half hours a day it computes on nearly all it asks for, at a time of its own, and then
/// gives the memory back; the rest of the day it idles.
fn tenant(pod: usize, hour: i64, slot: usize) -> (i32, i32) {
    let pod = u64::try_from(pod).unwrap_or_default();
    let slot_of_day = (hour % 24) * 12 + i64::try_from(slot).unwrap_or_default();
    let from = i64::from(below(288, pod, 1));
    let since = (slot_of_day - from).rem_euclid(288);
    let noise = below(200, pod, number(hour * 12) + u64::try_from(slot).unwrap_or_default());
    if since < 30 { (2_600 + noise, 8_000 + noise) } else { (100 + noise, 1_200 + noise) }
}

/// A web service: busier by day, and reserved for several times what it ever uses.
fn reserved(pod: usize, hour: i64, slot: usize) -> (i32, i32) {
    let pod = u64::try_from(pod).unwrap_or_default();
    let by_day = if (8..20).contains(&(hour % 24)) && hour % 168 < 120 { 260 } else { 120 };
    let noise = below(60, pod, number(hour * 12) + u64::try_from(slot).unwrap_or_default());
    (by_day + noise, 1_500 + below(100, pod, 7) + noise)
}

/// A service whose requests were set with care: it uses most of them all day.
fn well_sized(pod: usize, hour: i64, slot: usize) -> (i32, i32) {
    let pod = u64::try_from(pod).unwrap_or_default();
    let noise = below(400, pod, number(hour * 12) + u64::try_from(slot).unwrap_or_default());
    (2_500 + noise, 9_200 + below(200, pod, 3))
}

/// What must be said of a cluster. Amounts may move with the engine by some per cent, the answer may not.
struct Expect<'a> {
    recommended: ScenarioId,
    reason: Reason,
    /// The verdict's sentences, each number an N.
    text: &'a str,
    confidence: (ConfidenceLevel, Option<Doubt>),
    /// What the scenarios save, as a share of today's bill, to two hundredths of it.
    saves: &'a [(ScenarioId, f64)],
}

/// The sentences with an N in the place of each number.
fn without_numbers(text: &str) -> String {
    let text: Vec<char> = text.replace('\u{a0}', " ").chars().collect();
    let digit = |at: usize| text.get(at).is_some_and(char::is_ascii_digit);
    let mut plain = String::new();
    for (at, c) in text.iter().enumerate() {
        let inside = matches!(c, ',' | '.') && at > 0 && digit(at - 1) && digit(at + 1);
        let begins = digit(at) && (at == 0 || !(digit(at - 1) || matches!(text[at - 1], ',' | '.')));
        match digit(at) || inside {
            true if begins => plain.push('N'),
            true => {}
            false => plain.push(*c),
        }
    }
    plain
}

fn check(analysis: &Analysis, expect: &Expect<'_>) {
    let verdict = &analysis.verdict;
    let confidence = verdict.confidence.as_ref().unwrap();
    let table = table(analysis);
    assert_eq!((verdict.recommended(), verdict.reason), (Some(expect.recommended), Some(expect.reason)), "{table}");
    assert_eq!(without_numbers(&verdict.text), expect.text, "{table}");
    assert_eq!(
        (confidence.level, confidence.doubts.first()),
        (expect.confidence.0, expect.confidence.1.as_ref()),
        "{table}"
    );
    for (id, share) in expect.saves {
        let saves = judged(analysis, *id).saving_fraction.unwrap();
        assert!((saves - share).abs() < 0.02, "{id} saves {saves} of the bill, not {share}\n{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_pays_where_peaks_stagger_and_requests_are_needed() {
    let cluster = Cluster {
        node: M5_4XLARGE,
        nodes: 90,
        zones: 2,
        pods_per_node: 5,
        pods: vec![Pods { namespace: "tenants", pods: 450, replicas: 1, request: (3000, 9_000), used: tenant }],
    };
    let all = analysis((0..HOURS).map(|n| (n, cluster.rows(n)))).await;
    let pool = Expect {
        recommended: ScenarioId::EmpTuned,
        reason: Reason::SavesMost,
        text: "A",
        confidence: (ConfidenceLevel::Medium, Some(Doubt::EmpFactsDated)),
        saves: &[],
    };
    check(&all, &pool);
}

#[tokio::test(flavor = "multi_thread")]
async fn right_sizing_pays_where_requests_are_several_times_what_is_used() {
    let cluster = Cluster {
        node: M5_4XLARGE,
        nodes: 15,
        zones: 3,
        pods_per_node: 7,
        pods: vec![Pods { namespace: "shop", pods: 105, replicas: 7, request: (2000, 8_000), used: reserved }],
    };
    let all = analysis((0..HOURS).map(|n| (n, cluster.rows(n)))).await;
    let right_sizing = Expect {
        recommended: ScenarioId::Ec2Rightsized,
        reason: Reason::SavesMost,
        text: "B",
        confidence: (ConfidenceLevel::High, None),
        saves: &[],
    };
    check(&all, &right_sizing);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_pays_where_nodes_are_full_requests_are_used_and_commitments_cover_them() {
    let cluster = Cluster {
        node: M6A_4XLARGE,
        nodes: 18,
        zones: 3,
        pods_per_node: 5,
        pods: vec![Pods { namespace: "core", pods: 90, replicas: 5, request: (3000, 11_000), used: well_sized }],
    };
    let commitment = "[[commitment]]\nname = \"m6a-2026\"\nkind = \"ec2-instance-savings-plan\"\nfamily = \"m6a\"\n\
                      region = \"us-east-1\"\nusd_per_hour = 7.46\ndiscount_fraction = 0.40";
    let prices = PriceBook::catalog().unwrap().with_user_toml(commitment).unwrap();
    let lake = lake_of((0..HOURS).map(|n| (n, cluster.rows(n)))).await;
    let all = analyze(&lake, Request { prices, ..request() }, |_, _| {}).await.unwrap();
    let nothing = Expect {
        recommended: ScenarioId::Ec2Today,
        reason: Reason::NothingSaves,
        text: "C",
        confidence: (ConfidenceLevel::High, None),
        saves: &[],
    };
    check(&all, &nothing);
}
