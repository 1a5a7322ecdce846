//! Replays over a whole lake: what they must agree on, and what they conclude of clusters whose answer is known.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop, helpers outside `#[test]` too")]

use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing, analyze};
use chrono::TimeDelta;
use fixtures::Cluster;
use lake::store::MemoryStore;
use lake::tables::{ContainerHour, NodeHour, PodHour};
use lake::{Compaction, HourOrigin, HourRows, Lake};
use types::analysis::{Analysis, MachineRole, Mobility, Scenario};
use types::{Hour, Window};

const START: i64 = 1_782_864_000;
const GIB: i64 = 1 << 30;

fn hour(n: i64) -> Hour {
    Hour::starting_at(START).unwrap().plus(n)
}

fn request() -> Request {
    Request {
        cluster: "c1".parse().unwrap(),
        window: None,
        assumptions: Assumptions::default(),
        prices: PriceBook::catalog().unwrap(),
        sharing: Sharing::default(),
        profile: None,
        bill_only: false,
    }
}

async fn lake_with(hours: impl IntoIterator<Item = (Hour, HourRows)>) -> Lake {
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    for (hour, rows) in hours {
        lake.write_hour(&"c1".parse().unwrap(), hour, rows, HourOrigin::generator()).await.unwrap();
    }
    lake
}

async fn analysis(hours: impl IntoIterator<Item = (Hour, HourRows)>) -> Analysis {
    analyze(&lake_with(hours).await, request(), |_, _| {}).await.unwrap()
}

fn scenario<'a>(analysis: &'a Analysis, id: &str) -> &'a Scenario {
    analysis.scenarios.iter().find(|scenario| scenario.id == id).unwrap_or_else(|| panic!("no `{id}`"))
}

/// Load of nodes: how full of requests they are, and how busy.
#[derive(Clone, Copy)]
struct Load {
    nodes: usize,
    pods_per_node: usize,
    request_millicores: i32,
    request_gib: i64,
    used_millicores: i32,
    used_mib: i32,
    arch: &'static str,
    instance_type: &'static str,
}

/// Requests fill the nodes, and next to nothing is used.
const RESERVED: Load = Load {
    nodes: 15,
    pods_per_node: 7,
    request_millicores: 2000,
    request_gib: 8,
    used_millicores: 120,
    used_mib: 1024,
    arch: "amd64",
    instance_type: "m5.4xlarge",
};

fn rows(load: Load, at: Hour) -> HourRows {
    let mut rows = HourRows::default();
    let zone = |n: usize| format!("us-east-1{}", ["a", "b", "c"][n % 3]);
    for n in 0..load.nodes {
        rows.nodes.push(NodeHour {
            hour_start_seconds: at.start_seconds(),
            node: format!("node-{n:02}"),
            provider_id: format!("aws:///{}/i-{n}", zone(n)),
            instance_type: Some(load.instance_type.to_owned()),
            instance_type_source: "label".to_owned(),
            region: Some("us-east-1".to_owned()),
            zone: Some(zone(n)),
            capacity_type: Some("on-demand".to_owned()),
            compute_type: "ec2".to_owned(),
            arch: Some(load.arch.to_owned()),
            os: Some("linux".to_owned()),
            cpu_capacity_millicores: Some(16_000),
            memory_capacity_bytes: Some(64 * GIB),
            cpu_allocatable_millicores: Some(15_890),
            memory_allocatable_bytes: Some(57 * GIB),
            first_seen_seconds: at.start_seconds(),
            last_seen_seconds: at.end_seconds(),
            up_seconds: 3600,
            ..NodeHour::default()
        });
        for p in 0..load.pods_per_node {
            let pod_uid = format!("{:032x}", 1 + n * 100 + p);
            rows.pods.push(PodHour {
                hour_start_seconds: at.start_seconds(),
                pod_uid: pod_uid.clone(),
                namespace: ["shop", "search", "data"][p % 3].to_owned(),
                pod: format!("pod-{n}-{p}"),
                node: format!("node-{n:02}"),
                workload_kind: "Deployment".to_owned(),
                workload: format!("app-{p}"),
                alive_seconds_by_slot: [Some(300); 12],
                cpu_effective_request_millicores: Some(load.request_millicores),
                memory_effective_request_bytes: Some(load.request_gib * GIB),
                ..PodHour::default()
            });
            rows.containers.push(ContainerHour {
                hour_start_seconds: at.start_seconds(),
                pod_uid,
                container: "app".to_owned(),
                namespace: ["shop", "search", "data"][p % 3].to_owned(),
                container_kind: "app".to_owned(),
                running_seconds: Some(3600),
                cpu_core_milliseconds: Some(i64::from(load.used_millicores) * 3600),
                memory_kib_seconds: Some(i64::from(load.used_mib) * 1024 * 3600),
                cpu_mean_millicores_by_slot: Some([Some(load.used_millicores); 12]),
                memory_mean_mib_by_slot: Some([Some(load.used_mib); 12]),
                memory_max_mib_by_slot: Some([Some(load.used_mib); 12]),
                ..ContainerHour::default()
            });
        }
    }
    rows
}

/// Every scenario that was judged in a line: what it saves, and the limits it breaks.
fn judged(analysis: &Analysis) -> String {
    let broken = |judged: &types::analysis::Judged| {
        let rows = judged.limits.iter().filter(|check| !check.holds);
        rows.map(|check| format!(" {:?} {:?} of {}", check.limit, check.value, check.allowed)).collect::<String>()
    };
    let verdict = &analysis.verdict;
    let rows = verdict.judged.iter().map(|row| {
        let vs = row.saving_vs_rival_monthly_usd;
        format!(
            "{} saves {:.0}, {vs:?} to its rival, spares {}:{}\n",
            row.scenario,
            row.saving_monthly_usd,
            row.spare_hosts_per_zone,
            broken(row)
        )
    });
    format!("{}\n{}", verdict.text, rows.collect::<String>())
}

async fn of(load: Load, hours: i64) -> Analysis {
    analysis((0..hours).map(|n| (hour(n), rows(load, hour(n))))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_replay_must_agree_on() {
    let window = Window::try_new(hour(0).start(), hour(80).start()).unwrap();
    let cluster = Cluster::generate(7, window);
    let lake = lake_with((0..80).map(|n| (hour(n), cluster.hour_rows(hour(n))))).await;
    let all = analyze(&lake, request(), |_, _| {}).await.unwrap();
    let today = scenario(&all, "ec2-today");
    let replayed: Vec<_> = all.scenarios.iter().filter(|scenario| scenario.risk.is_some()).collect();
    for id in
        ["ec2-today-replayed", "ec2-repacked-karpenter", "ec2-repacked", "ec2-rightsized", "emp", "emp-rightsized"]
    {
        assert!(replayed.iter().any(|scenario| scenario.id == id), "{id}");
    }
    for scenario in &replayed {
        let id = &scenario.id;
        let compute = scenario.cost_usd.compute.unwrap();
        assert!(compute >= scenario.lower_bound_usd.unwrap(), "{id} is cheaper than is possible");
        for line in ["fargate", "volumes", "control_plane", "auto_mode", "network"] {
            let of = |s: &Scenario| s.cost_usd.lines().into_iter().find(|(name, _)| *name == line).unwrap().1;
            assert_eq!(of(scenario), of(today), "{id}: {line} depends on machines");
        }
        assert_eq!(scenario.by_hour.len(), 80, "{id}");
        assert!(scenario.risk.as_ref().unwrap().served_fraction > 0.99, "{id}");
        let billed: f64 = scenario.machine_hours.iter().filter_map(|row| row.cost_usd).sum();
        assert!((billed - compute).abs() < 1e-6 * compute, "{id}: machines cost {billed}, the line says {compute}");
        if !id.starts_with("emp") {
            assert_eq!((scenario.cost_usd.fee, scenario.cost_usd.pool_network), (Some(0.0), Some(0.0)), "{id}");
        }
    }
    let chosen: Vec<_> = all.hosts_considered.iter().filter(|host| host.chosen).collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(all.hosts_considered.iter().filter(|host| host.total_usd.is_some()).count(), 10);
    assert!(all.hosts_considered.is_sorted_by_key(|host| host.lower_bound_usd.map(f64::to_bits)));
    let plan = all.plan.as_ref().unwrap();
    assert_eq!(plan.host_type, chosen[0].instance_type);
    let pays = |row: &types::analysis::Judged| row.scenario.is_emp() && row.saving_monthly_usd > 0.0;
    assert_eq!(plan.waves.is_empty(), !all.verdict.judged.iter().any(pays), "steps lead to what pays");
    let grid = &all.what_if.as_ref().unwrap().grid;
    let documented = grid.iter().find(|point| (point.memory_overcommit, point.cpu_overcommit) == (1.5, 3.0)).unwrap();
    // Ratios are tried with leftovers repacked, as the difference to `ec2-repacked` is formed.
    let planes = &all.what_if.as_ref().unwrap().break_even;
    let here = planes[0].xs.iter().position(|x| *x == planes[0].here[0]).unwrap();
    let at_list = planes[0].saving_usd[0][here].unwrap();
    assert!((documented.saving_usd.unwrap() - at_list).abs() < 1e-6, "{documented:?} {at_list}");
    assert!(all.model_optimism.is_some_and(|ratio| (0.3..1.5).contains(&ratio)), "{:?}", all.model_optimism);
    // What stays says why, and daemons are on every machine.
    let stays = |why: &str| all.movability.iter().any(|row| row.verdict == Mobility::Stays && row.reason.contains(why));
    assert!(stays("arm64") && stays("on every node"));
    // Of those that hold every limit the one that saves most is recommended, where it saves enough.
    let verdict = &all.verdict;
    assert_eq!(verdict.reported_hours, 56, "the first day is warm-up");
    let may = |row: &&types::analysis::Judged| row.scenario != types::analysis::ScenarioId::Ec2RepackedKarpenter;
    let best = verdict.judged.iter().filter(may).find(|row| row.holds && row.saving_monthly_usd > 0.0);
    match &verdict.amounts {
        Some(amounts) => assert!(amounts.saving_monthly_usd <= best.unwrap().saving_monthly_usd),
        None => assert_eq!(verdict.recommendation.as_deref(), Some("ec2-today"), "{}", judged(&all)),
    }
    // Whoever accepts every risk is told what saves most of all, or what changes less and saves nearly as much.
    let reckless = Assumptions::from_toml(
        "risk = {cpu_lost = 1, workload_cpu_lost = 1, memory_over_mean = 1, memory_over_max = 1, evictions = 1000, \
         single_evictions = 1000, blast_radius = 1, host_loss = 1, late_services = 1, late_batch = 1, overtaken = 1}",
    )
    .unwrap();
    let any = analyze(&lake, Request { assumptions: reckless, ..request() }, |_, _| {}).await.unwrap();
    let most = any.verdict.judged.iter().filter(may).map(|row| row.saving_monthly_usd).fold(f64::MIN, f64::max);
    let amounts = any.verdict.amounts.as_ref().unwrap_or_else(|| panic!("{}", judged(&any)));
    let little = 0.03 * amounts.today_monthly_usd;
    let off = (1.0 - any.model_optimism.unwrap()).abs() * amounts.today_monthly_usd;
    assert!(amounts.saving_monthly_usd >= most - little.max(off), "{}", judged(&any));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_hours_give_the_same_bytes_compacted_or_not() {
    let window = Window::try_new(hour(0).start(), hour(30).start()).unwrap();
    let cluster = Cluster::generate(3, window);
    let lake = lake_with((0..30).map(|n| (hour(n), cluster.hour_rows(hour(n))))).await;
    let text = |analysis: &Analysis| serde_json::to_string(analysis).unwrap();
    let before = text(&analyze(&lake, request(), |_, _| {}).await.unwrap());
    let now = hour(30).start() + TimeDelta::days(9);
    lake.compact(&"c1".parse().unwrap(), Compaction::default(), now, &mut |_, _, _| {}).await.unwrap();
    assert_eq!(before, text(&analyze(&lake, request(), |_, _| {}).await.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_requests_fill_the_nodes_and_use_is_low_elastic_vms_beat_repacking_and_right_sizing_beats_both() {
    // Fifty-four nodes a zone fill six hosts and pay for a spare one; five would have one host to themselves, and lose.
    let all = of(Load { nodes: 162, ..RESERVED }, 80).await;
    let pool = all.verdict.judged(types::analysis::ScenarioId::Emp).unwrap();
    assert!(pool.saving_vs_rival_monthly_usd.unwrap() > 0.0, "{}", judged(&all));
    assert_eq!(all.verdict.recommendation.as_deref(), Some("ec2-rightsized"), "{}", judged(&all));
    let emp = scenario(&all, "emp");
    let hosts = emp.by_hour.last().unwrap().hosts;
    assert!((9..40).contains(&hosts), "{hosts} hosts for 162 nodes in three zones");
    // The fee is a quarter of what the elastic VMs would cost on EC2 less what the hosts cost.
    let sum = |kind: MachineRole| emp.machine_hours.iter().filter(move |row| row.kind == kind);
    let before: f64 = sum(MachineRole::Evm).map(|row| row.hours * 0.768).sum();
    // Spare hosts are hosts too, and a line of their own.
    let spare: f64 = emp.items.iter().filter(|item| item.line == "spare_hosts").map(|item| item.quantity * 4.608).sum();
    let spent: f64 = sum(MachineRole::Host).filter_map(|row| row.cost_usd).sum::<f64>() + spare;
    assert!(
        sum(MachineRole::Evm).all(|row| row.instance_type == "m5.4xlarge") || !emp.notes[0].text.contains("m5.metal")
    );
    if emp.notes[0].text.contains("m5.metal") {
        assert!((emp.cost_usd.fee.unwrap() - 0.25 * (before - spent)).abs() < 1e-6, "{:?}", emp.cost_usd);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nodes_stand_empty_repacking_is_enough() {
    let all = of(Load { pods_per_node: 1, request_millicores: 500, request_gib: 1, ..RESERVED }, 80).await;
    let total = |id: &str| scenario(&all, id).cost_usd.total.unwrap();
    assert!(total("ec2-repacked") < 0.5 * total("ec2-today"), "{} {}", total("ec2-repacked"), total("ec2-today"));
    assert!(total("emp") > total("ec2-repacked"), "a host in each of three zones costs more than a few small nodes");
    assert!(all.verdict.saving_vs_best_ec2_usd.unwrap() < 0.0);
    assert!(all.verdict.recommendation.as_deref().is_some_and(|id| id.starts_with("ec2-")), "{}", all.verdict.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_cannot_move_get_no_machine_pool() {
    let all = of(Load { arch: "arm64", instance_type: "m6g.4xlarge", ..RESERVED }, 80).await;
    assert!(all.scenarios.iter().any(|scenario| scenario.id == "ec2-repacked"));
    assert!(!all.scenarios.iter().any(|scenario| scenario.id == "emp"));
    assert!(all.hosts_considered.is_empty() && all.plan.is_none());
    let what_if = all.what_if.as_ref().unwrap();
    assert!(what_if.grid.is_empty() && what_if.break_even.is_empty() && !what_if.tornado.is_empty(), "{what_if:?}");
    assert!(all.verdict.text.contains("No elastic machine pool could be compared"), "{}", all.verdict.text);
    assert!(all.movability.iter().all(|row| row.verdict == Mobility::Stays && row.reason.contains("arm64")));
    assert!(all.notes.iter().any(|note| note.text.contains("No elastic machine pool was replayed")));
    assert_eq!(all.verdict.saving_vs_best_ec2_usd, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_three_days_nothing_is_recommended() {
    let all = of(Load { nodes: 4, ..RESERVED }, 71).await;
    assert_eq!(all.verdict.recommendation, None);
    assert_eq!(all.verdict.reason, Some(types::analysis::Reason::WindowTooShort));
    assert!(all.verdict.text.contains("at least three days"), "{}", all.verdict.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_whole_weeks_give_an_interval_about_the_saving() {
    // Weeks differ: in every other one the pods of one of the three nodes are gone.
    let busy = |n: i64| {
        let mut rows = rows(Load { nodes: 3, pods_per_node: 2, ..RESERVED }, hour(n));
        if (n / 168) % 2 == 1 {
            rows.pods.retain(|pod| !pod.pod.starts_with("pod-2"));
            let there: Vec<String> = rows.pods.iter().map(|pod| pod.pod_uid.clone()).collect();
            rows.containers.retain(|container| there.contains(&container.pod_uid));
        }
        (hour(n), rows)
    };
    let of = async |hours: i64| analysis((0..hours).map(busy)).await.verdict;
    let verdict = of(8 * 168).await;
    let [low, high] = verdict.interval_usd.unwrap();
    // The interval is of the saving that is given beside it, whichever pool that is of.
    let saving = verdict.saving_vs_best_ec2_usd.unwrap();
    assert!(low < high && low <= saving && saving <= high, "{low} {saving} {high}");
    assert_eq!(of(8 * 168 - 1).await.interval_usd, None);
}

const PROFILE: &str = "kind: ConfigMap\ndata:\n  namespaces: '[\"shop\"]'\n";

/// The lines of a scenario that a waterfall is formed over, summed.
fn sum(scenario: &Scenario, lines: &[String]) -> f64 {
    scenario
        .cost_usd
        .lines()
        .iter()
        .filter(|(name, _)| lines.iter().any(|of| of == name))
        .filter_map(|(_, usd)| *usd)
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waterfall_and_break_even_are_the_scenarios_they_are_made_of() {
    let all = of(Load { nodes: 54, ..RESERVED }, 80).await;
    let fall = all.waterfall.as_ref().unwrap();
    assert_eq!((fall.from.as_str(), Some(fall.to.as_str())), ("ec2-today", all.verdict.recommendation.as_deref()));
    let steps: f64 = fall.steps.iter().map(|step| step.usd).sum();
    assert!((fall.from_usd + steps - fall.to_usd).abs() < 1e-6, "{fall:?}");
    assert!((fall.from_usd - sum(scenario(&all, "ec2-today"), &fall.lines)).abs() < 1e-6);
    // Of the reported hours, which leave out the first day, in which nothing is sized yet.
    let reached = all.verdict.amounts.as_ref().unwrap().monthly_usd * 80.0 / 730.0;
    assert!((fall.to_usd - reached).abs() < 1e-3, "{} {reached}", fall.to_usd);
    let what_if = all.what_if.as_ref().unwrap();
    let fee = what_if.break_even.iter().find(|plane| plane.x == "fee_fraction").unwrap();
    let here = fee.xs.iter().position(|x| *x == fee.here[0]).unwrap();
    let emp = all.savings.iter().find(|s| s.from == "ec2-repacked" && s.to == "emp").unwrap();
    assert!((fee.saving_usd[0][here].unwrap() - emp.window_usd).abs() < 1e-6, "{fee:?}");
    // Without a fee it saves what the fee costs more.
    let free = fee.saving_usd[0][0].unwrap() - emp.window_usd;
    assert!((free - scenario(&all, "emp").cost_usd.fee.unwrap()).abs() < 1e-6);
    let frontier: Vec<_> = what_if.grid.iter().filter(|point| point.on_frontier).collect();
    assert!(!frontier.is_empty() && frontier.len() < 25);
    let most = what_if.grid.iter().filter_map(|point| point.saving_usd).fold(f64::MIN, f64::max);
    assert!(frontier.iter().any(|point| point.saving_usd == Some(most)), "what saves most is on the frontier");
    // Each zone has its pool, and together they hold what the scenario ran at its most.
    let plan = all.plan.as_ref().unwrap();
    assert_eq!(
        plan.pools.iter().filter_map(|pool| pool.zone.as_deref()).collect::<Vec<_>>(),
        ["us-east-1a", "us-east-1b", "us-east-1c"]
    );
    let marginal: f64 = plan.waves.iter().filter_map(|wave| wave.marginal_saving_usd).sum();
    let last = plan.waves.last().unwrap();
    assert!((marginal - last.saving_usd.unwrap()).abs() < 1e-6, "steps add up to {marginal}");
    // Everything has moved in the last step, so it is the scenario itself, with the spare hosts that it needs in each zone.
    assert_eq!((plan.scenario.as_deref(), plan.spare_hosts_per_zone), (Some("emp"), 1));
    let host = all.hosts_considered.iter().find(|host| host.chosen).unwrap().usd_per_hour;
    let planned = scenario(&all, "emp");
    assert!(
        (last.total_usd.unwrap() - planned.cost_usd.total.unwrap()).abs() < 1e-6,
        "{last:?} {:?}",
        planned.cost_usd
    );
    let spare = planned.cost_usd.spare_hosts.unwrap();
    assert!(spare > 0.9 * host * 3.0 * 79.0 && spare < 1.1 * host * 3.0 * 80.0, "{spare} at {host} an hour");
    // One yardstick: who pays for a spare host in what is judged pays for it everywhere.
    for row in &all.verdict.judged {
        let cost = &scenario(&all, row.scenario.as_str()).cost_usd;
        assert_eq!(cost.spare_hosts.unwrap() > 0.0, row.spare_hosts_per_zone > 0, "{}", row.scenario);
        let pair = all.savings.iter().find(|pair| pair.from == "ec2-today" && pair.to == row.scenario.as_str());
        let Some(pair) = pair else { continue };
        assert!(pair.lines.iter().any(|line| line == "spare_hosts"), "{pair:?}");
        let saved = sum(scenario(&all, "ec2-today"), &pair.lines) - sum(scenario(&all, &pair.to), &pair.lines);
        assert!((saved - pair.window_usd).abs() < 1e-6, "{pair:?} {saved}");
    }
    let hosts: u32 = plan.pools.iter().map(|pool| pool.hosts.1).sum();
    assert!(hosts >= plan.hosts.1 && plan.pools.iter().all(|pool| pool.hosts.0 >= 1 && !pool.evms.is_empty()));
    let shares: f64 = all.movability.iter().filter_map(|row| row.saving_usd).sum();
    assert!((shares - emp.window_usd).abs() < 1e-6, "workloads share the saving out: {shares}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_moves_what_it_names_and_says_what_the_rest_would_save() {
    let load = Load { nodes: 54, ..RESERVED };
    let lake = lake_with((0..80).map(|n| (hour(n), rows(load, hour(n))))).await;
    let profile = analyzer::Profile::from_config_map(PROFILE, "profile.yaml").unwrap();
    let some = analyze(&lake, Request { profile: Some(profile), ..request() }, |_, _| {}).await.unwrap();
    let every = analyze(&lake, request(), |_, _| {}).await.unwrap();
    let selection = some.selection.as_ref().unwrap();
    assert_eq!(
        (selection.profile.as_deref(), &*selection.namespaces),
        (Some("profile.yaml"), &["shop".to_owned()][..])
    );
    assert!(every.exclusions.is_empty(), "{:?}", every.exclusions);
    let [exclusion] = &*some.exclusions else { panic!("{:?}", some.exclusions) };
    assert!(exclusion.by_choice && exclusion.reason == "not selected by the profile", "{exclusion:?}");
    // Four of the seven pods of a node are in other namespaces.
    assert_eq!((exclusion.workloads, exclusion.pod_hours), (4, 54.0 * 4.0 * 80.0));
    // Lifting it is what the analysis without a profile replays, on the host this one chose.
    let of = |analysis: &Analysis, id: &str| scenario(analysis, id).cost_usd.total.unwrap();
    let host = &some.plan.as_ref().unwrap().host_type;
    let of_all = every.hosts_considered.iter().find(|row| row.instance_type == *host).and_then(|row| row.total_usd);
    let of_all = of_all.unwrap_or_else(|| panic!("{host}: {:#?}", every.hosts_considered));
    // There it was replayed on the first day alone, which is like every other.
    let (costs, all) = (of(&some, "emp") - of_all, of(&some, "emp"));
    assert!((exclusion.costs_usd.unwrap() - costs).abs() < 0.05 * all, "{exclusion:?} {costs}");
    assert!(some.movability.iter().all(|row| (row.verdict == Mobility::Moves) == (row.namespace == "shop")));
    assert_eq!(of(&some, "ec2-repacked"), of(&every, "ec2-repacked"), "what stays on EC2 does not hang on the profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_by_labels_selects_by_what_was_collected_and_says_when_nothing_was() {
    let profile = |text: &str| Some(analyzer::Profile::from_config_map(text, "p").unwrap());
    let by_label = "data:\n  labels: '{\"tier\": \"web\"}'\n";
    let labelled = |n: i64, label: Option<&str>| {
        let mut rows = rows(RESERVED, hour(n));
        for (i, pod) in rows.pods.iter_mut().enumerate() {
            pod.labels = label.map(|label| if i % 7 == 0 { vec![label.to_owned()] } else { Vec::new() });
            pod.node_selector = (i % 7 == 0).then(|| vec!["karpenter_sh_nodepool=web".to_owned()]);
        }
        (hour(n), rows)
    };
    for (label, moves, why) in
        [(Some("tier=web"), 1, "not selected"), (Some("tier=db"), 0, "not selected"), (None, 0, "were not collected")]
    {
        let lake = lake_with((0..26).map(|n| labelled(n, label))).await;
        let all = analyze(&lake, Request { profile: profile(by_label), ..request() }, |_, _| {}).await.unwrap();
        let stays: Vec<_> = all.movability.iter().filter(|row| row.verdict == Mobility::Stays).collect();
        assert_eq!(stays.len(), 7 - moves, "{label:?}");
        assert!(stays.iter().all(|row| row.reason.contains(why)), "{label:?} {stays:?}");
        let unsure: Vec<_> = all.movability.iter().filter(|row| row.verdict == Mobility::Unsure).collect();
        assert_eq!(unsure.len(), moves);
        assert!(unsure.iter().all(|row| row.reason.contains("`karpenter_sh_nodepool`")), "{unsure:?}");
        let unseen = all.notes.iter().any(|note| note.text.contains("asks for the label `tier`, which no pod showed"));
        assert_eq!(unseen, label.is_none(), "{label:?}");
        let no_pool = all.notes.iter().any(|note| note.text.contains("since no pod could move"));
        assert_eq!(no_pool, moves == 0, "{label:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spot_moves_only_when_asked_and_what_that_costs_is_said() {
    let on_spot = |n: i64| {
        let mut rows = rows(RESERVED, hour(n));
        rows.nodes.iter_mut().skip(5).for_each(|node| node.capacity_type = Some("spot".to_owned()));
        (hour(n), rows)
    };
    let lake = lake_with((0..26).map(on_spot)).await;
    let stays = analyze(&lake, request(), |_, _| {}).await.unwrap();
    let spot = stays.exclusions.iter().find(|row| row.reason.contains("spot")).unwrap();
    assert!(
        spot.by_choice && spot.costs_usd.is_some_and(|usd| usd < 0.0),
        "spot is cheaper than its elastic VMs: {spot:?}"
    );
    let assumptions = Assumptions::from_toml("emp.move_spot = \"yes\"").unwrap();
    let moves = analyze(&lake, Request { assumptions, ..request() }, |_, _| {}).await.unwrap();
    assert!(moves.selection.as_ref().unwrap().moves_spot && moves.exclusions.is_empty(), "{:?}", moves.exclusions);
    let evms = |analysis: &Analysis| -> f64 {
        scenario(analysis, "emp")
            .machine_hours
            .iter()
            .filter(|row| row.kind == MachineRole::Evm)
            .map(|row| row.hours)
            .sum()
    };
    let all_spot = |n: i64| {
        let mut rows = rows(RESERVED, hour(n));
        rows.nodes.iter_mut().for_each(|node| node.capacity_type = Some("spot".to_owned()));
        (hour(n), rows)
    };
    let lake = lake_with((0..26).map(all_spot)).await;
    let assumptions = Assumptions::from_toml("emp.move_spot = \"yes\"").unwrap();
    let only = analyze(&lake, Request { assumptions, ..request() }, |_, _| {}).await.unwrap();
    assert!(evms(&only) > 0.0, "a cluster that is all spot moves too");
    assert!(evms(&moves) > 2.0 * evms(&stays), "{} {}", evms(&moves), evms(&stays));
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_have_disks_and_volumes_become_io2_under_a_pool_where_that_is_asked_for() {
    let with_volume = |n: i64| {
        let mut rows = rows(RESERVED, hour(n));
        rows.volumes.push(lake::tables::VolumeHour {
            hour_start_seconds: hour(n).start_seconds(),
            namespace: "shop".to_owned(),
            volume_claim: "data".to_owned(),
            zone: Some("us-east-1a".to_owned()),
            volume_type: Some("gp3".to_owned()),
            capacity_bytes: Some(100 * GIB),
            present_seconds: 3600,
            ..lake::tables::VolumeHour::default()
        });
        rows.nodes.iter_mut().for_each(|node| node.root_disk_bytes = Some(20 * GIB));
        (hour(n), rows)
    };
    let lake = lake_with((0..26).map(with_volume)).await;
    let of = async |text: &str| {
        let assumptions = Assumptions::from_toml(text).unwrap();
        analyze(&lake, Request { assumptions, ..request() }, |_, _| {}).await.unwrap()
    };
    let (bare, full) = (of("emp.host_disk_gib = 0").await, of("emp.volumes = \"io2\"").await);
    let line = |analysis: &Analysis, id: &str, name: &str| {
        let lines = scenario(analysis, id).cost_usd.lines();
        lines.into_iter().find(|(of, _)| *of == name).unwrap().1.unwrap()
    };
    let month = 26.0 / 730.0;
    // gp3 at 0.08 a GiB; io2 at 0.125, and 3000 IOPS at 0.065.
    let gp3 = 100.0 * 0.08 * month;
    let io2 = (100.0 * 0.125 + 3000.0 * 0.065) * month;
    for (analysis, id, expect) in
        [(&bare, "emp", gp3), (&full, "ec2-today", gp3), (&full, "ec2-repacked", gp3), (&full, "emp", io2)]
    {
        assert!((line(analysis, id, "volumes") - expect).abs() < 1e-6, "{id}: {}", line(analysis, id, "volumes"));
    }
    assert_eq!(bare.plan.as_ref().unwrap().host_type, full.plan.as_ref().unwrap().host_type);
    let hosts = scenario(&full, "emp").machine_hours.iter().filter(|row| row.kind == MachineRole::Host);
    let hours: f64 = hosts.map(|row| row.hours).sum();
    let disks = line(&full, "emp", "root_disks") - line(&bare, "emp", "root_disks");
    assert!((disks - hours * 300.0 * 0.08 / 730.0).abs() < 1e-6, "{disks}");
}
