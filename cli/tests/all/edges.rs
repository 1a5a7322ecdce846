//! Awkward clusters: each gives a page that is right about what it knows and says what it does not.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop, helpers outside `#[test]` too")]

use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing, analyze};
use fixtures::Cluster;
use lake::store::MemoryStore;
use lake::{HourOrigin, HourRows, Lake};
use types::analysis::Analysis;
use types::{Hour, Window};

/// Hours of the generated cluster that are written.
const HOURS: i64 = 3;

fn first() -> Hour {
    Hour::starting_at(1_782_907_200).unwrap()
}

/// The analysis of the generated cluster after a change of each hour, of some of its hours, and its page.
async fn analyzed(hours: &[i64], change: impl Fn(&mut HourRows)) -> (Analysis, String) {
    let last = hours.iter().max().unwrap();
    let window = Window::try_new(first().start(), first().plus(last + 1).start()).unwrap();
    let cluster = Cluster::generate(5, window);
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let id = Cluster::ID.parse().unwrap();
    for n in hours {
        let mut rows = cluster.hour_rows(first().plus(*n));
        change(&mut rows);
        lake.write_hour(&id, first().plus(*n), rows, HourOrigin::generator()).await.unwrap();
    }
    let request = Request {
        cluster: id,
        window: None,
        assumptions: Assumptions::default(),
        prices: PriceBook::catalog().unwrap(),
        sharing: Sharing::default(),
        profile: None,
        bill_only: false,
    };
    let analysis = analyze(&lake, request, |_, _| {}).await.unwrap();
    let page = reports::page(&analysis, &reports::Options::default()).unwrap();
    check(&analysis);
    (analysis, page)
}

/// Checks what holds of every analysis: the identity, and that no number is made up.
fn check(analysis: &Analysis) {
    let total = &analysis.allocation.as_ref().unwrap().total;
    let nanos = |text: &str| text.parse::<i128>().unwrap();
    let parts = nanos(&total.workloads_nano_usd) + nanos(&total.overhead_nano_usd) + nanos(&total.idle_nano_usd)
        - nanos(&total.oversubscribed_nano_usd)
        + nanos(&total.residual_nano_usd);
    assert_eq!(nanos(&total.total_nano_usd), parts);
    let today = &analysis.scenarios[0];
    let priced: f64 = today.machine_hours.iter().filter_map(|machine| machine.cost_usd).sum();
    assert!((priced - today.cost_usd.compute.unwrap_or_default()).abs() < 1e-6);
    let unpriced: f64 = today
        .unpriced
        .iter()
        .filter(|line| line.unit == "node-hour" && line.what.contains("node of"))
        .map(|line| line.quantity)
        .sum();
    assert!((unpriced - analysis.evidence.as_ref().unwrap().unpriced_node_hours).abs() < 1e-6);
}

fn warned(analysis: &Analysis, of: &str) -> bool {
    analysis.notes.iter().chain(&analysis.scenarios[0].notes).any(|note| note.text.contains(of))
}

fn all_hours() -> Vec<i64> {
    (0..HOURS).collect()
}

/// The machines among the nodes; Fargate pods bring nodes without a type.
fn machines(rows: &mut HourRows) -> impl Iterator<Item = &mut lake::tables::NodeHour> {
    rows.nodes.iter_mut().filter(|node| node.compute_type == "ec2")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_instance_type_labels_no_compute_is_invented() {
    let (analysis, page) = analyzed(&all_hours(), |rows| {
        machines(rows).for_each(|node| (node.instance_type, node.instance_type_source) = (None, "unknown".to_owned()));
    })
    .await;
    assert_eq!(analysis.scenarios[0].cost_usd.compute, None);
    assert_eq!(analysis.verdict.saving_vs_today_usd, None);
    let raise = &analysis.evidence.as_ref().unwrap().raise[0];
    assert!(raise.node_hours > 0.0 && raise.how.contains("node.kubernetes.io/instance-type"), "{raise:?}");
    assert!(page.contains("node.kubernetes.io/instance-type"));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_the_nodes_of_unknown_types_stand_outside_the_total() {
    let (whole, _) = analyzed(&all_hours(), |_| {}).await;
    let (half, page) = analyzed(&all_hours(), |rows| {
        machines(rows).step_by(2).for_each(|node| node.instance_type = Some("z99.large".to_owned()));
    })
    .await;
    let compute = |analysis: &Analysis| analysis.scenarios[0].cost_usd.compute.unwrap();
    assert!(compute(&half) > 0.0 && compute(&half) < 0.8 * compute(&whole));
    assert!(half.scenarios[0].unpriced.iter().any(|line| line.what.contains("z99.large")));
    assert!(warned(&half, "node-hours have no price"));
    assert!(page.contains("z99.large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_without_prices_is_unpriced_and_says_how_to_get_them() {
    let (analysis, page) = analyzed(&all_hours(), |rows| {
        rows.nodes.iter_mut().for_each(|node| {
            node.region = Some("mars-north-1".to_owned());
            node.zone = Some("mars-north-1a".to_owned());
        });
        rows.volumes.iter_mut().for_each(|volume| volume.zone = Some("mars-north-1a".to_owned()));
    })
    .await;
    let cost = &analysis.scenarios[0].cost_usd;
    assert_eq!((cost.compute, cost.volumes, cost.fargate, cost.root_disks), (None, None, None, None));
    assert!(cost.control_plane.unwrap() > 0.0);
    assert!(page.contains("import AWS") && page.contains("mars-north-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_pods_everything_is_idle_or_overhead() {
    let (analysis, _) = analyzed(&all_hours(), |rows| {
        rows.pods.clear();
        rows.containers.clear();
    })
    .await;
    let total = &analysis.allocation.as_ref().unwrap().total;
    assert_eq!((total.workloads_nano_usd.as_str(), total.oversubscribed_nano_usd.as_str()), ("0", "0"));
    assert!(total.idle_usd > 0.0 && total.overhead_usd > 0.0);
    assert_eq!(analysis.inventory.pods, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hour_is_analyzed_and_warned_of() {
    let (analysis, _) = analyzed(&[0], |_| {}).await;
    assert_eq!(analysis.window.hours_present, 1);
    assert!(warned(&analysis, "less than a week"));
    let control_plane = analysis.scenarios[0].cost_usd.control_plane.unwrap();
    assert!((control_plane - 0.10).abs() < 1e-12);
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_missing_in_the_middle_are_in_no_total() {
    let (whole, _) = analyzed(&[0, 1, 2, 3], |_| {}).await;
    let (gap, page) = analyzed(&[0, 3], |_| {}).await;
    assert_eq!((gap.window.hours_expected, gap.window.hours_present), (4, 2));
    assert!(warned(&gap, "2 of 4 hours"));
    let total = |analysis: &Analysis| analysis.allocation.as_ref().unwrap().total.total_usd;
    assert!((total(&gap) / total(&whole) - 0.5).abs() < 0.1, "{} of {}", total(&gap), total(&whole));
    assert!(page.contains("missing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_on_fargate_there_is_no_machine_and_no_idle_cost() {
    let (analysis, _) = analyzed(&all_hours(), |rows| {
        rows.nodes.iter_mut().for_each(|node| {
            node.compute_type = "fargate".to_owned();
            (node.instance_type, node.instance_type_source, node.capacity_type) = (None, "unknown".to_owned(), None);
        });
        rows.volumes.clear();
    })
    .await;
    let cost = &analysis.scenarios[0].cost_usd;
    assert_eq!((cost.compute, cost.root_disks), (Some(0.0), Some(0.0)));
    assert!(cost.fargate.unwrap() > 0.0);
    let total = &analysis.allocation.as_ref().unwrap().total;
    assert_eq!(total.idle_nano_usd, "0");
    assert!(analysis.evidence.as_ref().unwrap().inferred_usd > 0.0);
    assert!(analysis.verdict.text.starts_with("Nothing here could move"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_on_spot_prices_are_assumed_and_nothing_moves() {
    let (on_demand, _) = analyzed(&all_hours(), |rows| {
        machines(rows).for_each(|node| node.capacity_type = Some("on-demand".to_owned()));
    })
    .await;
    let (spot, _) = analyzed(&all_hours(), |rows| {
        machines(rows).for_each(|node| node.capacity_type = Some("spot".to_owned()));
    })
    .await;
    let compute = |analysis: &Analysis| analysis.scenarios[0].cost_usd.compute.unwrap();
    assert!(compute(&spot) < 0.7 * compute(&on_demand));
    let evidence = spot.evidence.as_ref().unwrap();
    assert!(evidence.assumed_usd >= compute(&spot) - 1e-6);
    assert!(evidence.raise.iter().any(|raise| raise.how.contains("[[spot]]")));
    assert!(spot.inventory.node_groups.iter().all(|group| !group.movable.moves));
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_mode_pays_its_fee_on_a_line_of_its_own() {
    let (analysis, _) = analyzed(&all_hours(), |rows| {
        machines(rows).for_each(|node| {
            node.compute_type = "auto".to_owned();
            node.capacity_type = Some("on-demand".to_owned());
        });
    })
    .await;
    let cost = &analysis.scenarios[0].cost_usd;
    assert!((cost.auto_mode.unwrap() / cost.compute.unwrap() - 0.12).abs() < 1e-6, "{cost:?}");
}
