//! Results under other assumptions.

use types::analysis::*;

pub(super) fn what_if() -> WhatIf {
    WhatIf {
        grid: grid(),
        tornado: tornado(),
        tornado_of: Some("emp-tuned".to_owned()),
        break_even: vec![
            contour("fee_fraction", "host_discount", 0.20, 0.0),
            contour("host_discount", "ec2_discount", 0.0, 0.0),
        ],
    }
}

fn grid() -> Vec<WhatIfPoint> {
    let mut grid = Vec::new();
    for memory_overcommit in [1.0, 1.25, 1.5, 2.0, 2.5] {
        for cpu_overcommit in [1.5, 2.0, 3.0, 4.0, 6.0] {
            let room = f64::min(memory_overcommit, cpu_overcommit / 1.8);
            let saving = 7_400.0 * (1.0 - 1.0 / room) - 900.0;
            let over =
                (memory_overcommit - 1.6_f64).max(0.0).powi(2) * 0.006 + (cpu_overcommit - 4.5_f64).max(0.0) * 0.01;
            grid.push(WhatIfPoint {
                memory_overcommit,
                cpu_overcommit,
                total_usd: Some(13_185.0 - saving),
                saving_usd: Some(saving),
                holds_target: over <= 0.001,
                host_slots_over_cpu: (cpu_overcommit - 4.5_f64).max(0.0) * 0.01,
                host_slots_over_memory: Some((memory_overcommit - 1.6_f64).max(0.0).powi(2) * 0.006),
                served_fraction: Some(0.999_87),
                on_frontier: false,
            });
        }
    }
    let risk = |point: &WhatIfPoint| point.host_slots_over_cpu + point.host_slots_over_memory.unwrap_or(0.0);
    let all = grid.clone();
    for point in &mut grid {
        let beaten = |other: &&WhatIfPoint| {
            other.saving_usd >= point.saving_usd
                && risk(other) <= risk(point)
                && (other.saving_usd > point.saving_usd || risk(other) < risk(point))
        };
        point.on_frontier = all.iter().find(beaten).is_none();
    }
    grid
}

fn tornado() -> Vec<TornadoBar> {
    let base = 2_382.0;
    let bar = |key: &str, value: &str, change: f64, holds_target: bool| TornadoBar {
        key: key.to_owned(),
        value: value.to_owned(),
        saving_usd: Some(base + change),
        change_usd: Some(change),
        holds_target,
        breaks: (!holds_target).then(|| LimitCheck {
            limit: Limit::LateServices,
            value: Some(0.021),
            allowed: 0.01,
            today: Some(0.002),
            holds: false,
            worst: Some("shop/web".to_owned()),
        }),
        turns_around: base + change <= 0.0,
    };
    vec![
        bar("emp.memory_model", "touched", -4_180.0, true),
        bar("host_discount", "0.2", 2_960.0, true),
        bar("ec2_discount", "0.2", -2_510.0, true),
        bar("emp.spare_hosts_per_zone", "1", -2_460.0, true),
        bar("scheduler.score", "most_allocated", 1_190.0, true),
        bar("scheduler.zones", "free", 1_020.0, true),
        bar("emp.evm_consolidation", "drain", 760.0, false),
        bar("emp.host_threshold", "0.7", -540.0, true),
        bar("emp.host_threshold", "0.9", 410.0, false),
        bar("machine.smt_yield", "0.625", -230.0, false),
        bar("emp.guest_mib", "2048", -61.0, true),
        bar("emp.guest_mib", "512", 28.0, true),
        bar("emp.memory_model", "working_set", 0.2, true),
    ]
}

fn contour(x: &str, y: &str, here_x: f64, here_y: f64) -> BreakEven {
    let xs = vec![0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5];
    let ys = vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5];
    let sign = if x == "fee_fraction" { -1.0 } else { 1.0 };
    let saving = |a: f64, b: f64| {
        let by_y = if y == "ec2_discount" { -b } else { b };
        2_382.0 + sign * (a - here_x) * 9_100.0 + (by_y - here_y) * 9_400.0
    };
    BreakEven {
        saving_usd: ys.iter().map(|b| xs.iter().map(|a| Some(saving(*a, *b))).collect()).collect(),
        x: x.to_owned(),
        y: y.to_owned(),
        xs,
        ys,
        here: [here_x, here_y],
    }
}
