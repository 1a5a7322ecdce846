//! The believable cluster with everything that replays add: an elastic machine pool pays, at tuned ratios.

use types::analysis::*;

use super::hours::{HOURS, hour, noise};
use super::parts::{assumption, machine, scenario};
use super::{believable, plan, sizes, what_if};

/// Cost of each scenario: compute, root disks, NAT of the pool, fee; and its least compute.
struct Bill {
    id: &'static str,
    label: &'static str,
    compute: f64,
    disks: f64,
    pool_network: f64,
    fee: f64,
    bound: f64,
}

const BILLS: [Bill; 7] = [
    Bill {
        id: "ec2-today-replayed",
        label: "EC2 today, replayed",
        compute: 15_890.0,
        disks: 231.0,
        pool_network: 0.0,
        fee: 0.0,
        bound: 9_240.0,
    },
    Bill {
        id: "ec2-repacked-karpenter",
        label: "EC2 repacked as Karpenter would",
        compute: 12_580.0,
        disks: 224.0,
        pool_network: 0.0,
        fee: 0.0,
        bound: 9_180.0,
    },
    Bill {
        id: "ec2-repacked",
        label: "EC2 repacked",
        compute: 11_940.0,
        disks: 219.0,
        pool_network: 0.0,
        fee: 0.0,
        bound: 9_180.0,
    },
    Bill {
        id: "ec2-rightsized",
        label: "EC2 right-sized and repacked",
        compute: 8_020.0,
        disks: 168.0,
        pool_network: 0.0,
        fee: 0.0,
        bound: 5_410.0,
    },
    Bill {
        id: "emp",
        label: "Elastic machine pool",
        compute: 9_310.0,
        disks: 301.0,
        pool_network: 97.2,
        fee: 871.0,
        bound: 7_020.0,
    },
    Bill {
        id: "emp-tuned",
        label: "Elastic machine pool, tuned",
        compute: 8_240.0,
        disks: 301.0,
        pool_network: 97.2,
        fee: 1_138.0,
        bound: 5_960.0,
    },
    Bill {
        id: "emp-rightsized",
        label: "Elastic machine pool, right-sized",
        compute: 7_330.0,
        disks: 240.0,
        pool_network: 97.2,
        fee: 212.0,
        bound: 4_690.0,
    },
];

fn is_pool(id: &str) -> bool {
    id.starts_with("emp")
}

fn lines(bill: &Bill) -> CostLines {
    let mut cost = CostLines {
        compute: Some(bill.compute),
        fargate: Some(141.8),
        root_disks: Some(bill.disks),
        volumes: Some(812.4),
        auto_mode: Some(0.0),
        control_plane: Some(72.0),
        unused_commitments: Some(0.0),
        pool_network: Some(bill.pool_network),
        spare_hosts: Some(0.0),
        work_owed: Some(0.0),
        fee: Some(bill.fee),
        ..CostLines::default()
    };
    cost.total = Some(cost.lines().iter().filter_map(|line| line.1).sum());
    cost
}

fn machines(bill: &Bill) -> Vec<MachineHours> {
    if is_pool(bill.id) {
        let hosts = (bill.compute - 2_100.0) / 4.608;
        return vec![
            machine(MachineRole::Host, "m5.metal", "on-demand", hosts, Some(4.608)),
            machine(MachineRole::Evm, "m5.4xlarge", "on-demand", 14_210.0, None),
            machine(MachineRole::Node, "c6a.2xlarge", "spot", 4_100.0, Some(0.1175)),
            machine(MachineRole::Node, "m7g.2xlarge", "on-demand", 2_810.0, Some(0.3264)),
            machine(MachineRole::Node, "r6i.2xlarge", "on-demand", 1_400.0, Some(0.504)),
        ];
    }
    vec![
        machine(MachineRole::Node, "m5a.8xlarge", "on-demand", (bill.compute - 1_400.0) / 1.376, Some(1.376)),
        machine(MachineRole::Node, "c6a.2xlarge", "spot", 4_100.0, Some(0.1175)),
        machine(MachineRole::Node, "m7g.2xlarge", "on-demand", 2_810.0, Some(0.3264)),
    ]
}

fn by_hour(bill: &Bill) -> Vec<ScenarioHour> {
    (0..HOURS)
        .map(|i| {
            let HourPoint { hour: start, cpu_used_cores, memory_used_gib, nodes, .. } = hour(i);
            let busy = cpu_used_cores > 72.0;
            let hosts = if is_pool(bill.id) { 3 + u32::from(busy) } else { 0 };
            let left = if is_pool(bill.id) { 11 + u32::from(busy) } else { 24 + u32::from(busy) * 3 };
            let cores = f64::from(hosts) * 96.0 + f64::from(left) * if is_pool(bill.id) { 8.0 } else { 15.0 };
            let gib = cores * 4.0;
            let fullest = 0.62 + 0.3 * (cpu_used_cores - 46.0) / 44.0 + 0.06 * noise(i + 31);
            ScenarioHour {
                start,
                nodes: if bill.id == "ec2-today-replayed" { 40 } else { left },
                evms: if is_pool(bill.id) { 19 + u32::from(nodes > 43.0) } else { 0 },
                hosts,
                cpu_used_cores: Some(cpu_used_cores * 1.04),
                cpu_capacity_cores: Some(cores),
                memory_used_gib: Some(memory_used_gib * 1.12),
                memory_capacity_gib: Some(gib),
                hottest_host_fraction: is_pool(bill.id).then_some(fullest),
            }
        })
        .collect()
}

fn risk(bill: &Bill) -> Risk {
    let on_hosts = |share: f64| is_pool(bill.id).then_some(share);
    let holds = bill.id != "emp-rightsized";
    Risk {
        holds_target: holds,
        served_fraction: if holds { 0.999_87 } else { 0.998_9 },
        machine_slots_over_cpu: 0.000_21,
        machine_slots_over_memory: 0.0,
        host_slots_over_cpu: on_hosts(if holds { 0.000_62 } else { 0.004_1 }),
        host_slots_over_memory: on_hosts(0.0),
        lost_core_hours: 3.2,
        lost_core_hours_at_peaks: if is_pool(bill.id) { Some(11.4) } else { None },
        swap_gib_hours: if holds { 0.0 } else { 14.5 },
        migrations: if is_pool(bill.id) { 212 } else { 0 },
        restarted_pods: 1_904,
        worst_slot: (bill.id != "ec2-today-replayed").then(|| WorstSlot {
            start: hour(206).hour + chrono::TimeDelta::minutes(35),
            fraction: if holds { 0.93 } else { 1.07 },
        }),
        pods_on_busiest: if is_pool(bill.id) { 171 } else { 58 },
        workloads_on_busiest: if is_pool(bill.id) { 14 } else { 1 },
    }
}

fn saving(analysis: &Analysis, from: &str, to: &str) -> Option<Saving> {
    let find = |id: &str| analysis.scenarios.iter().find(|scenario| scenario.id == id);
    let (before, after) = (find(from)?, find(to)?);
    let both = before.cost_usd.lines().into_iter().zip(after.cost_usd.lines());
    let both: Vec<_> = both.filter_map(|((name, a), (_, b))| Some((name, a? - b?, a?))).collect();
    let window_usd: f64 = both.iter().map(|line| line.1).sum();
    let of: f64 = both.iter().map(|line| line.2).sum();
    let monthly_usd = window_usd * 730.0 / f64::from(HOURS);
    Some(Saving {
        from: from.to_owned(),
        to: to.to_owned(),
        window_usd,
        monthly_usd,
        yearly_usd: monthly_usd * 12.0,
        fraction: Some(window_usd / of),
        lines: both.iter().map(|line| line.0.to_owned()).collect(),
    })
}

/// The believable cluster, replayed.
pub(crate) fn full() -> Analysis {
    let mut analysis = believable();
    for bill in &BILLS {
        let mut replayed = scenario(bill.id, bill.label, lines(bill), machines(bill));
        replayed.lower_bound_usd = Some(bill.bound);
        replayed.risk = Some(risk(bill));
        replayed.by_hour = by_hour(bill);
        if is_pool(bill.id) {
            let ratios = if bill.id == "emp-tuned" { "2 times in memory and 4" } else { "1.5 times in memory and 3" };
            replayed.notes = vec![Note::info(format!("Elastic VMs on m5.metal, overcommitted {ratios} times in CPU."))];
        }
        analysis.scenarios.push(replayed);
    }
    if let Some(today) = analysis.scenarios.first_mut() {
        // Root disks and the fee are known today too, so that lines can be compared.
        today.cost_usd.root_disks = Some(233.0);
        today.cost_usd.auto_mode = Some(0.0);
        today.cost_usd.unused_commitments = Some(0.0);
        today.cost_usd.pool_network = Some(0.0);
        (today.cost_usd.spare_hosts, today.cost_usd.work_owed) = (Some(0.0), Some(0.0));
        today.cost_usd.total = Some(today.cost_usd.lines().iter().filter_map(|line| line.1).sum());
        today.monthly_usd = today.cost_usd.total.map(|total| total * 730.0 / f64::from(HOURS));
    }
    let pairs = [
        ("ec2-today", "emp-vendor"),
        ("ec2-today", "ec2-repacked"),
        ("ec2-today", "ec2-rightsized"),
        ("ec2-today", "emp"),
        ("ec2-today", "emp-tuned"),
        ("ec2-today", "emp-rightsized"),
        ("ec2-repacked", "emp"),
        ("ec2-rightsized", "emp-rightsized"),
    ];
    analysis.savings = pairs.iter().filter_map(|(from, to)| saving(&analysis, from, to)).collect();
    let usd = |from: &str| saving(&analysis, from, "emp-tuned").map(|saving| saving.window_usd);
    let (today, ec2) = (usd("ec2-today"), usd("ec2-repacked"));
    analysis.verdict = Verdict {
        text: "An elastic machine pool at tuned ratios would save $6,806 a month against today and $2,416 against EC2 repacked, which asks for nothing new.".to_owned(),
        recommendation: Some("emp-tuned".to_owned()),
        saving_vs_today_usd: today,
        saving_vs_best_ec2_usd: ec2,
        range_usd: ec2.map(|usd| [usd - 4_180.0, usd + 1_190.0]),
        interval_usd: None,
        ..Verdict::default()
    };
    analysis.model_optimism = Some(0.977);
    analysis.back_test = Some(BackTest {
        cost_ratio: Some(0.977),
        starts: 4_120,
        replayed_wait_seconds: 5_160,
        measured_wait_seconds: 5_890,
        replayed_long_waits: 31,
        measured_long_waits: 34,
        waits_agree: Some(true),
    });
    analysis.silence = Some(silence());
    analysis.what_if = Some(what_if::what_if());
    plan::add(&mut analysis);
    analysis.right_sizing = Some(sizes::right_sizing());
    let changed = assumption(
        "emp.fee_fraction",
        "0.20",
        "",
        "0.25",
        "vendor's pricing FAQ, February 2025",
        "The vendor's share of the instance saving.",
    );
    analysis.assumptions.retain(|assumption| assumption.key != changed.key);
    analysis.assumptions.push(changed);
    for (key, value) in [("risk.over_cpu", "0.001"), ("risk.swap", "0"), ("risk.unserved", "0.0005")] {
        analysis.assumptions.push(assumption(key, value, "", value, "ours", "what a recommendation may risk"));
    }
    analysis.assumptions.push(assumption(
        "emp.evm_disk_gib",
        "50",
        "GiB",
        "50",
        "sample manifest",
        "root disk of an elastic VM",
    ));
    analysis
}

/// A day that is busy from nine to five, with some samples missing at night.
fn silence() -> Silence {
    let of_hour = |hour: u32| {
        let busy = (8..18).contains(&hour);
        let silent = if hour == 3 { 0.06 } else { 0.0 };
        SilentHour {
            hour,
            cpu_used_cores: if busy { 62.0 } else { 38.0 },
            cpu_fraction: Some(silent),
            memory_used_gib: 540.0,
            memory_fraction: Some(silent),
            busy,
        }
    };
    Silence {
        cpu_fraction: Some(0.002),
        memory_fraction: Some(0.0025),
        in_busy_hours: false,
        by_hour_of_day: (0..24).map(of_hour).collect(),
    }
}
