//! Three believable clusters and what must be said of each: a pool pays, right-sizing pays, nothing pays.
#![expect(clippy::unwrap_used, reason = "a test may stop, helpers outside `#[test]` too")]

use analyzer::{PriceBook, Request, analyze};
use types::analysis::{Analysis, ConfidenceLevel, Reason, ScenarioId};

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

/// Expectation of what is said of a cluster. Amounts move with the engine by some per cent, the answer may not.
struct Expect<'a> {
    recommended: ScenarioId,
    reason: Reason,
    /// Words that the sentences begin with and must hold.
    text: &'a [&'a str],
    /// The least and the most that is saved, as a share of today's bill; `None` where nothing is to be changed.
    saves: Option<[f64; 2]>,
    /// The most that confidence may be.
    at_most: ConfidenceLevel,
}

fn check(analysis: &Analysis, expect: &Expect<'_>) {
    let verdict = &analysis.verdict;
    let table = table(analysis);
    assert_eq!((verdict.recommended(), verdict.reason), (Some(expect.recommended), Some(expect.reason)), "{table}");
    assert!(verdict.text.starts_with(types::wording::stance(verdict)), "{table}");
    for said in expect.text {
        assert!(verdict.text.replace('\u{a0}', " ").contains(said), "does not say `{said}`: {table}");
    }
    let share = verdict.amounts.as_ref().map(|amounts| amounts.saving_fraction.unwrap());
    let within = |[least, most]: [f64; 2]| share.is_some_and(|share| (least..most).contains(&share));
    assert!(expect.saves.map_or(share.is_none(), within), "{share:?}\n{table}");
    let confidence = verdict.confidence.as_ref().unwrap();
    assert!(confidence.level <= expect.at_most, "{table}");
    // Whatever is below the highest has its reason.
    assert_eq!(confidence.doubts.is_empty(), confidence.level == ConfidenceLevel::High, "{table}");
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
        text: &["elastic machine pool: saves $", "more than the best EC2 alternative"],
        // Elastic VMs at ratios 2.5 and 5 need four hosts a zone, three of which could carry all of it: no spare one.
        saves: Some([0.28, 0.4]),
        at_most: ConfidenceLevel::Medium,
    };
    check(&all, &pool);
    assert!(judged(&all, ScenarioId::EmpTuned).saving_vs_rival_monthly_usd.is_some_and(|usd| usd > 0.0));
    // What is to be built is what is recommended: its ratios, its spare hosts, and in the end its saving.
    let plan = all.plan.as_ref().unwrap();
    assert_eq!(plan.scenario.as_deref(), Some("emp-tuned"));
    assert!(plan.memory_overcommit != Some(1.5) || plan.cpu_overcommit != Some(3.0), "{plan:?}");
    assert_eq!(plan.spare_hosts_per_zone, judged(&all, ScenarioId::EmpTuned).spare_hosts_per_zone);
    let (last, tuned) = (plan.waves.last().unwrap(), all.scenarios.iter().find(|one| one.id == "emp-tuned").unwrap());
    assert_eq!(last.total_usd.map(f64::round), tuned.cost_usd.total.map(f64::round));
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
        text: &["saves $", "An elastic machine pool"],
        saves: Some([0.4, 0.95]),
        at_most: ConfidenceLevel::High,
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
        text: &["no alternative", "costs less than today"],
        saves: None,
        at_most: ConfidenceLevel::High,
    };
    check(&all, &nothing);
    assert!(judged(&all, ScenarioId::Emp).saving_monthly_usd < 0.0);
}
