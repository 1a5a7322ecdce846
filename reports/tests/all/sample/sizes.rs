//! Right-sized requests, and what follows from everything: waste and next steps.

use types::analysis::*;

/// Prices that steps need.
pub(super) const PRICES: OfferPrices = OfferPrices {
    gp3_over_gp2: Some(0.8),
    control_plane_usd_per_hour: Some(0.10),
    spot_saving_fraction: Some(0.62),
    commitment: None,
};

/// Puts in what follows from the rest.
pub(super) fn add_steps(analysis: &mut Analysis) {
    analysis.waste = Waste::of(analysis);
    analysis.next_steps = Some(NextSteps::of(analysis, &PRICES));
}

/// Requests of containers and their use: `(now, target, peak)` in millicores, then in MiB.
type Of = ((u32, u32, u32), (u32, u32, u32));

fn size(names: [&str; 4], pods: f64, ((cpu, cpu_to, cpu_max), (mib, mib_to, mib_max)): Of, usd: f64) -> ContainerSize {
    let [namespace, kind, workload, container] = names.map(str::to_owned);
    ContainerSize {
        namespace,
        workload_kind: kind,
        workload,
        container,
        pods_mean: pods,
        days_seen: 7,
        cpu_request_millicores: Some(cpu),
        memory_request_mib: Some(mib),
        cpu_limit_millicores: None,
        memory_limit_mib: Some(mib),
        cpu_p50_millicores: cpu_to / 2,
        cpu_p95_millicores: cpu_to,
        cpu_p99_millicores: cpu_to + 20,
        cpu_max_millicores: cpu_max,
        memory_max_mib: mib_max,
        cpu_target_millicores: cpu_to,
        memory_target_mib: mib_to,
        saving_monthly_usd: Some(usd),
        cautions: Vec::new(),
    }
}

/// Sizes of a few containers; the last should be raised.
pub(super) fn right_sizing() -> RightSizing {
    let of = size;
    let mut containers = vec![
        of(
            ["checkout", "Deployment", "checkout-api", "api"],
            38.0,
            ((1_000, 240, 610), (4_096, 1_472, 1_280)),
            2_410.0,
        ),
        of(["search", "StatefulSet", "index", "index"], 6.0, ((4_000, 1_350, 2_900), (16_384, 11_100, 9_650)), 980.0),
        of(["search", "Deployment", "search-api", "api"], 12.4, ((500, 130, 480), (2_048, 690, 600)), 412.0),
        of(["data-platform", "CronJob", "reports", "job"], 0.4, ((2_000, 1_100, 1_900), (8_192, 3_600, 3_130)), 61.0),
        of(["ci", "Rollout", "runner", "runner"], 3.0, ((250, 120, 240), (512, 300, 260)), 22.5),
        of(["checkout", "Deployment", "cart", "cart"], 4.0, ((50, 190, 410), (128, 212, 184)), -64.0),
    ];
    let cautions = [
        vec![Caution::Autoscaled],
        vec![Caution::Restarted],
        vec![Caution::CpuThrottled],
        vec![Caution::FewDays],
        Vec::new(),
        vec![Caution::MemoryNearLimit, Caution::LimitBelowTarget],
    ];
    for (container, cautions) in containers.iter_mut().zip(cautions) {
        container.cautions = cautions;
    }
    let skipped = [("fits", SkipReason::Fits), ("quiet", SkipReason::NoUsage), ("new", SkipReason::TooFewDays)];
    let skipped = skipped.map(|(name, reason)| SkippedContainer {
        namespace: "sandbox".to_owned(),
        workload_kind: "Deployment".to_owned(),
        workload: name.to_owned(),
        container: name.to_owned(),
        reason,
    });
    RightSizing {
        days: 7,
        cpu_percentile: 95.0,
        memory_margin: 0.15,
        tolerance: 0.1,
        containers,
        skipped: skipped.to_vec(),
    }
}

/// From today to right-sized requests on EC2, in steps that add up to what the verdict saves.
pub(super) fn waterfall_to_right_sized(analysis: &mut Analysis) {
    let Some(amounts) = analysis.verdict.amounts.clone() else { return };
    let Some(months) = analysis.window.months() else { return };
    let usd = |monthly: f64| monthly / months;
    let step = |what: WaterfallChange, scenario: Option<&str>, monthly: f64| WaterfallStep {
        what,
        scenario: scenario.map(str::to_owned),
        usd: usd(monthly),
    };
    let (back_test, repack, headroom) = (-373.0, -2_600.0, 125.0);
    let right_size = -amounts.saving_monthly_usd - back_test - repack - headroom;
    analysis.waterfall = Some(Waterfall {
        from: "ec2-today".to_owned(),
        to: "ec2-rightsized".to_owned(),
        from_usd: usd(amounts.today_monthly_usd),
        to_usd: usd(amounts.monthly_usd),
        steps: vec![
            step(WaterfallChange::BackTest, Some("ec2-today-replayed"), back_test),
            step(WaterfallChange::Repack, Some("ec2-tuned"), repack),
            step(WaterfallChange::RightSize, Some("ec2-rightsized"), right_size),
            step(WaterfallChange::Headroom, Some("ec2-rightsized"), headroom),
        ],
        lines: amounts.lines,
    });
}
