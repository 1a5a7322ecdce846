//! Laws of a verdict, on the code that makes the money.
#![expect(clippy::unwrap_used, reason = "a test may stop, helpers outside `#[test]` too")]

use analyzer::{Request, analyze};
use lake::HourRows;
use types::Window;
use types::analysis::{Analysis, ConfidenceLevel, ScenarioId};

use crate::made::{Cluster, M5_4XLARGE, Pods, analysis, hour, judged, lake_of, mixed, request, scenario, table};

const MONTH: f64 = 730.0;

/// Pods that are busier by day, each a little otherwise.
fn by_day(pod: usize, hour: i64, slot: usize) -> (i32, i32) {
    let seed = u64::try_from(pod).unwrap_or_default();
    let noise = mixed(seed, u64::try_from(hour * 12).unwrap_or_default() + u64::try_from(slot).unwrap_or_default());
    let noise = i32::try_from(noise % 300).unwrap_or_default();
    if (8..18).contains(&(hour % 24)) { (900 + noise, 3_000 + noise) } else { (300 + noise, 2_000 + noise) }
}

fn small() -> Cluster {
    Cluster {
        node: M5_4XLARGE,
        nodes: 6,
        zones: 1,
        pods_per_node: 5,
        pods: vec![Pods { namespace: "app", pods: 30, replicas: 3, request: (3000, 11_000), used: by_day }],
    }
}

/// The same rows, each slot of each container silent with a chance of so many in ten thousand.
fn with_gaps(mut rows: HourRows, n: i64, seed: u64, of_ten_thousand: u64) -> HourRows {
    for (at, container) in (0_u64..).zip(&mut rows.containers) {
        let place = mixed(at, u64::try_from(n).unwrap_or_default());
        let silent =
            |slot: usize| mixed(place, seed * 16 + u64::try_from(slot).unwrap_or_default()) % 10_000 < of_ten_thousand;
        let kept = |slots: [Option<i32>; 12]| -> [Option<i32>; 12] {
            std::array::from_fn(|slot| slots.get(slot).copied().flatten().filter(|_| !silent(slot)))
        };
        let sum = |slots: &[Option<i32>; 12]| slots.iter().flatten().map(|value| i64::from(*value)).sum::<i64>() * 300;
        let cpu = kept(container.cpu_mean_millicores_by_slot.unwrap());
        let memory = kept(container.memory_mean_mib_by_slot.unwrap());
        container.cpu_core_milliseconds = Some(sum(&cpu));
        container.memory_kib_seconds = Some(sum(&memory) * 1024);
        container.cpu_mean_millicores_by_slot = Some(cpu);
        container.memory_mean_mib_by_slot = Some(memory);
        container.memory_max_mib_by_slot = Some(memory);
    }
    rows
}

/// The price of an hour of the dearest machine a scenario ran on.
fn dearest(analysis: &Analysis, id: &str) -> f64 {
    let machines = scenario(analysis, id).machine_hours.iter().filter_map(|machine| machine.usd_per_hour);
    machines.fold(0.0, f64::max)
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_removed_at_random_move_no_month_by_more_than_their_share_and_one_machine() {
    let cluster = small();
    let whole = analysis((0..80).map(|n| (n, cluster.rows(n)))).await;
    let today = scenario(&whole, "ec2-today").monthly_usd.unwrap();
    for seed in 0..20_u64 {
        let of_ten_thousand = 25 * (seed + 1);
        let gaps = analysis((0..80).map(|n| (n, with_gaps(cluster.rows(n), n, seed, of_ten_thousand)))).await;
        let share = gaps.silence.as_ref().unwrap().fraction();
        assert!(
            (0.5..1.5).contains(&(share * 10_000.0 / f64::from(u32::try_from(of_ten_thousand).unwrap()))),
            "{share}"
        );
        for before in &whole.scenarios {
            let after = scenario(&gaps, &before.id);
            let (a, b) = (before.monthly_usd.unwrap(), after.monthly_usd.unwrap());
            let one = dearest(&whole, &before.id).max(dearest(&gaps, &before.id)) * MONTH;
            let most = share * today + one;
            assert!((a - b).abs() <= most, "{} of seed {seed}: {a} whole, {b} with {share} silent", before.id);
        }
        if gaps.verdict.recommendation != whole.verdict.recommendation {
            let level = gaps.verdict.confidence.as_ref().unwrap().level;
            assert_eq!(level, ConfidenceLevel::Low, "seed {seed}: {}\n{}", table(&whole), table(&gaps));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_another_order_give_the_same_bytes() {
    let cluster = small();
    let text = async |turn: bool| {
        let hours = (0..80).map(|n| {
            let mut rows = cluster.rows(n);
            if turn {
                rows.pods.reverse();
                rows.nodes.rotate_left(2);
                rows.containers.sort_by_key(|container| mixed(u64::from(container.pod_uid.as_bytes()[30]), 5));
            }
            (n, rows)
        });
        serde_json::to_string(&analysis(hours).await).unwrap()
    };
    assert_eq!(text(false).await, text(true).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tuned_rival_costs_no_more_than_today_where_it_was_chosen_and_the_replays_are_counted() {
    let cluster = small();
    let lake = lake_of((0..672).map(|n| (n, cluster.rows(n)))).await;
    let all = analyze(&lake, request(), |_, _| {}).await.unwrap();
    // Half of the four weeks serve choices.
    assert_eq!((all.verdict.chosen_hours, all.verdict.reported_hours), (336, 336));
    let window = Window::try_new(hour(0).start(), hour(336).start()).unwrap();
    let then = analyze(&lake, Request { window: Some(window), ..request() }, |_, _| {}).await.unwrap();
    let today = scenario(&then, "ec2-today-replayed").monthly_usd.unwrap();
    let tuned = judged(&all, ScenarioId::Ec2Tuned).chosen_monthly_usd.unwrap();
    assert!(tuned <= today + 1e-6, "{tuned} tuned, {today} today\n{}", table(&all));
    let replays = all.provenance.replays.unwrap();
    assert!(replays <= 40.0, "{replays} replays\n{}", table(&all));
    adds_up(&all);
}

/// Checks that what is saved is what the waterfall falls by, over the lines it names.
fn adds_up(all: &Analysis) {
    let Some(amounts) = &all.verdict.amounts else { return };
    let fall = all.waterfall.as_ref().unwrap();
    assert_eq!(Some(&fall.to), all.verdict.recommendation.as_ref());
    let month = MONTH / f64::from(all.window.hours_present);
    let steps: f64 = fall.steps.iter().map(|step| step.usd).sum();
    assert!((steps * month + amounts.saving_monthly_usd).abs() < 0.01, "{amounts:?} {fall:?}");
    assert!((fall.from_usd * month - amounts.today_monthly_usd).abs() < 0.01, "{amounts:?} {fall:?}");
    assert!((fall.to_usd * month - amounts.monthly_usd).abs() < 0.01, "{amounts:?} {fall:?}");
}
