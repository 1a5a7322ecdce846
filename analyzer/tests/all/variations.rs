//! Clusters of other shapes than the usual one, whose answer is known all the same.

use lake::HourRows;
use types::analysis::{Limit, Reason, ScenarioId, WaterfallChange};

use crate::made::{Cluster, M5_4XLARGE, NodeType, Pods, analysis, hour, judged, mixed, scenario, table};

const HOURS: i64 = 120;

fn steady(_: usize, _: i64, _: usize) -> (i32, i32) {
    (700, 3_000)
}

/// A tenth of what the pods request.
fn hardly(pod: usize, hour: i64, slot: usize) -> (i32, i32) {
    let seed = mixed(u64::try_from(pod).unwrap_or_default(), u64::try_from(hour * 12).unwrap_or_default());
    (1_500 + i32::try_from((seed % 300 + u64::try_from(slot).unwrap_or_default()) % 300).unwrap_or_default(), 6_000)
}

fn one_zone(nodes: usize, pods: Vec<Pods>) -> Cluster {
    Cluster { node: M5_4XLARGE, nodes, zones: 1, pods_per_node: 1, pods }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_with_many_nodes_more_than_it_needs_is_replayed_as_it_is_and_told_to_repack() {
    // Twenty nodes of sixteen cores, each with one pod of one core: nobody drains them, so all twenty stay.
    let pods = vec![Pods { namespace: "app", pods: 20, replicas: 4, request: (1_000, 4_000), used: steady }];
    let cluster = one_zone(20, pods);
    let all = analysis((0..HOURS).map(|n| (n, cluster.rows(n)))).await;
    let (today, replayed) = (scenario(&all, "ec2-today"), scenario(&all, "ec2-today-replayed"));
    let off = replayed.cost_usd.compute.unwrap() / today.cost_usd.compute.unwrap();
    assert!((off - 1.0).abs() < 0.02, "{off}\n{}", table(&all));
    let amounts = all.verdict.amounts.as_ref().unwrap_or_else(|| panic!("{}", table(&all)));
    assert!(amounts.saving_fraction.unwrap() > 0.7, "{}", table(&all));
    assert!(all.verdict.recommended().is_some_and(|id| !id.is_emp()), "{}", table(&all));
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_carry_nothing_leave_the_replay_of_today_after_ten_minutes() {
    let pods = vec![Pods { namespace: "app", pods: 6, replicas: 3, request: (14_000, 50_000), used: steady }];
    let cluster = one_zone(12, pods);
    let all = analysis((0..HOURS).map(|n| (n, cluster.rows(n)))).await;
    let hours: f64 = scenario(&all, "ec2-today-replayed").machine_hours.iter().map(|machine| machine.hours).sum();
    // Six for all of the time, and six for ten minutes to a quarter of an hour.
    assert!((6.0 * 120.0 + 1.0..6.0 * 120.0 + 1.6).contains(&hours), "{hours}");
    // What goes with them is a step of its own, nearly half of the bill.
    let fall = all.waterfall.as_ref().unwrap();
    let step = |what| fall.steps.iter().find(|step| step.what == what).unwrap().usd / fall.from_usd;
    assert!(step(WaterfallChange::BackTest).abs() < 0.01 && step(WaterfallChange::EmptyNodes) < -0.4, "{fall:?}");
    assert!(all.model_optimism.is_some_and(|ratio| (ratio - 1.0).abs() < 0.02), "{:?}", all.model_optimism);
    assert!(all.next_steps.as_ref().unwrap().model_error_monthly_usd < 1.0, "{:?}", all.next_steps);
    // That half of the bill is paid for nothing is no error of the model, within which a saving would be too small.
    assert!(all.verdict.recommended().is_some_and(ScenarioId::is_change), "{}", table(&all));
    let saves = all.verdict.amounts.as_ref().and_then(|amounts| amounts.saving_fraction).unwrap();
    assert!(saves > 0.4, "{saves}\n{}", table(&all));
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_overcommit_has_filled_are_not_said_to_be_there_for_their_zones() {
    // Nine elastic VMs of m5.4xlarge fill an m5.metal at the documented ratios, whatever is used of them.
    let pods = vec![Pods { namespace: "app", pods: 27, replicas: 9, request: (12_000, 48_000), used: steady }];
    for (pods_per_zone, zones) in [(9, 3), (27, 1)] {
        let cluster = Cluster { node: M5_4XLARGE, nodes: 27, zones, pods_per_node: 1, pods: pods.clone() };
        let all = analysis((0..80).map(|n| (n, cluster.rows(n)))).await;
        let hosts = judged(&all, ScenarioId::Emp).zone_hosts;
        assert_eq!(hosts, None, "{pods_per_zone} pods in each zone\n{}", table(&all));
    }
    // One in each zone does not.
    let pods = vec![Pods { namespace: "app", pods: 3, replicas: 3, request: (12_000, 48_000), used: steady }];
    let cluster = Cluster { node: M5_4XLARGE, nodes: 3, zones: 3, pods_per_node: 1, pods };
    let all = analysis((0..80).map(|n| (n, cluster.rows(n)))).await;
    let hosts = judged(&all, ScenarioId::Emp).zone_hosts;
    assert!(hosts.is_some_and(|hosts| hosts.zones == 3 && hosts.fill_fraction < 0.5), "{}", table(&all));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_scenario_that_leaves_pods_without_a_machine_holds() {
    // Three large pods that no elastic VM of a smaller host holds.
    let large =
        NodeType { name: "m5.24xlarge", cores: 96, gib: 384, allocatable_millicores: 95_690, allocatable_mib: 353_000 };
    let pods = vec![Pods { namespace: "app", pods: 3, replicas: 3, request: (90_000, 150_000), used: giant }];
    let cluster = Cluster { node: large, nodes: 3, zones: 3, pods_per_node: 1, pods };
    let all = analysis((0..80).map(|n| (n, cluster.rows(n)))).await;
    for row in all.verdict.judged.iter().filter(|row| row.holds) {
        let served = scenario(&all, row.scenario.as_str()).risk.as_ref().unwrap().served_fraction;
        assert!(served > 0.99, "{} serves {served}\n{}", row.scenario, table(&all));
    }
    let chosen = all.hosts_considered.iter().find(|host| host.chosen).unwrap();
    assert_eq!(chosen.holds_target, Some(true), "{chosen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_all_but_empty_for_an_hour_gets_no_weaker_rival() {
    let pods = vec![Pods { namespace: "app", pods: 30, replicas: 3, request: (1_000, 4_000), used: steady }];
    let cluster = Cluster { pods_per_node: 15, ..one_zone(2, pods) };
    let rows = |n: i64| {
        let mut rows = cluster.rows(n);
        if n % 24 == 3 {
            rows.pods.truncate(1);
            rows.containers.retain(|row| row.pod_uid == rows.pods[0].pod_uid);
        }
        (n, rows)
    };
    let all = analysis((0..HOURS).map(rows)).await;
    let cost = |id: &str| scenario(&all, id).cost_usd.compute.unwrap();
    assert!(cost("ec2-repacked") <= cost("ec2-today-replayed") * 1.02, "{}", table(&all));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rival_is_built_so_that_losing_a_machine_takes_no_more_pods_than_is_allowed() {
    // Twenty pods that use a tenth of what they request would fit three machines once they are right-sized.
    let pods = vec![Pods { namespace: "app", pods: 20, replicas: 4, request: (15_000, 54_000), used: hardly }];
    let cluster = one_zone(20, pods);
    let all = analysis((0..HOURS).map(|n| (n, cluster.rows(n)))).await;
    let sized = judged(&all, ScenarioId::Ec2Rightsized);
    let blast = sized.limits.iter().find(|check| check.limit == Limit::BlastRadius).unwrap();
    assert!(blast.holds && sized.holds, "{}", table(&all));
    assert_eq!(all.verdict.recommended(), Some(ScenarioId::Ec2Rightsized), "{}", table(&all));
    assert!(sized.saving_fraction.unwrap() > 0.6, "{}", table(&all));
}

const M5_2XLARGE: NodeType =
    NodeType { name: "m5.2xlarge", cores: 8, gib: 32, allocatable_millicores: 7_910, allocatable_mib: 28_306 };

/// One pod that fills most of an m5.24xlarge beside forty small ones, two on each m5.2xlarge.
fn with_giant(n: i64) -> HourRows {
    let pods = vec![Pods { namespace: "app", pods: 40, replicas: 4, request: (3_000, 11_000), used: steady }];
    let small = Cluster { node: M5_2XLARGE, nodes: 20, zones: 1, pods_per_node: 2, pods };
    let giant = vec![Pods { namespace: "giant", pods: 1, replicas: 1, request: (90_000, 340_000), used: giant }];
    let large =
        NodeType { name: "m5.24xlarge", cores: 96, gib: 384, allocatable_millicores: 95_690, allocatable_mib: 353_000 };
    let large = Cluster { node: large, nodes: 1, zones: 1, pods_per_node: 1, pods: giant };
    let mut rows = small.rows(n);
    let mut more = large.rows(n);
    more.nodes.iter_mut().for_each(|node| (node.node, node.provider_id) = ("large".to_owned(), "large".to_owned()));
    more.pods.iter_mut().for_each(|pod| {
        (pod.node, pod.pod_uid) = ("large".to_owned(), "ffffffff-0000-4000-8000-000000000001".to_owned())
    });
    more.containers.iter_mut().for_each(|row| {
        (row.node, row.pod_uid) = ("large".to_owned(), "ffffffff-0000-4000-8000-000000000001".to_owned())
    });
    rows.nodes.extend(more.nodes);
    rows.pods.extend(more.pods);
    rows.containers.extend(more.containers);
    rows
}

fn giant(_: usize, _: i64, _: usize) -> (i32, i32) {
    (70_000, 300_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_giant_pod_does_not_make_the_rival_put_all_others_beside_it() {
    let all = analysis((0..HOURS).map(|n| (n, with_giant(n)))).await;
    let repacked = judged(&all, ScenarioId::Ec2Repacked);
    assert!(repacked.holds && repacked.saving_fraction.unwrap() > 0.1, "{}", table(&all));
    assert_eq!(all.verdict.reason, Some(Reason::SavesMost), "{}", table(&all));
    // Nothing is unplaceable, the giant neither.
    for row in &all.verdict.judged {
        let check = row.limits.iter().find(|check| check.limit == Limit::Unplaceable).unwrap();
        assert!(check.holds, "{}\n{}", row.scenario, table(&all));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_follow_each_other_on_a_machine_do_not_use_its_memory_together() {
    // On each node a job of 150 s in every 150 s, so that two lie in each slot; each uses most of what a machine of its size
    // has. The pods of a CronJob of each node carry the minute they were due in.
    let pods = vec![Pods { namespace: "app", pods: 6, replicas: 3, request: (1_000, 2_000), used: steady }];
    let cluster = one_zone(6, pods);
    let rows = |n: i64| {
        let mut rows = cluster.rows(n);
        let (pod, container) = (rows.pods[0].clone(), rows.containers[0].clone());
        for node in 0..6_usize {
            for run in 0..24_i64 {
                let start = hour(n).start_seconds() + 150 * run;
                let uid = format!("{node:08x}-0001-4000-8000-{:012x}", start / 150);
                let minute = start / 60;
                let slot = usize::try_from(run / 2).unwrap();
                let mut alive = [Some(0); 12];
                alive[slot] = Some(150);
                let only = |value: i32| std::array::from_fn(|k| (k == slot).then_some(value));
                let mut job = pod.clone();
                (job.pod_uid, job.pod) = (uid.clone(), format!("job-{node}-{minute}{}-abcde", run % 2));
                (job.workload_kind, job.workload) = ("CronJob".to_owned(), format!("job-{node}"));
                (job.node, job.alive_seconds_by_slot) = (format!("node-{node:03}"), alive);
                (job.created_seconds, job.scheduled_seconds) = (Some(start), Some(start));
                job.ended_seconds = Some(start + 150);
                job.cpu_effective_request_millicores = Some(1_000);
                job.memory_effective_request_bytes = Some(8_000 << 20);
                let mut row = container.clone();
                (row.pod_uid, row.pod, row.node) = (uid, job.pod.clone(), job.node.clone());
                row.cpu_core_milliseconds = Some(800 * 150);
                row.memory_kib_seconds = Some(7_800 * 1024 * 150);
                row.cpu_mean_millicores_by_slot = Some(only(800));
                row.memory_mean_mib_by_slot = Some(only(7_800));
                row.memory_max_mib_by_slot = Some(only(7_800));
                row.memory_request_bytes = job.memory_effective_request_bytes;
                rows.pods.push(job);
                rows.containers.push(row);
            }
        }
        rows
    };
    let all = analysis((0..HOURS).map(|n| (n, rows(n)))).await;
    for row in &all.verdict.judged {
        let of = |limit: Limit| row.limits.iter().find(|check| check.limit == limit).unwrap();
        let (mean, max) = (of(Limit::MemoryOverMean), of(Limit::MemoryOverMax));
        assert!(mean.holds && max.holds, "{}: {mean:?} {max:?}\n{}", row.scenario, table(&all));
    }
}
