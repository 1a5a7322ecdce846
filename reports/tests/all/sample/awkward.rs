//! Analyses that a page must survive, and render honestly.

use chrono::TimeDelta;
use types::HourSource;
use types::analysis::*;

use super::bill::allocation;
use super::hours::{HOURS, hour, utilisation};
use super::parts::cost;
use super::{believable, full};

/// EMP costs more than today.
pub(crate) fn losing() -> Analysis {
    let mut analysis = believable();
    if let Some(vendor) = analysis.scenarios.last_mut() {
        vendor.cost_usd = cost(17_400.0, Some(141.8), Some(0.0));
        vendor.monthly_usd = vendor.cost_usd.total.map(|total| total * 730.0 / f64::from(HOURS));
    }
    let total = |i: usize| analysis.scenarios.get(i).and_then(|scenario| scenario.cost_usd.total).unwrap_or_default();
    let (before, after) = (total(0), total(1));
    let scale = 730.0 / f64::from(HOURS);
    for saving in &mut analysis.savings {
        saving.window_usd = before - after;
        saving.monthly_usd = saving.window_usd * scale;
        saving.yearly_usd = saving.monthly_usd * 12.0;
        saving.fraction = Some(saving.window_usd / before);
    }
    analysis.verdict.text =
        "Moving to elastic VMs would have cost more than today: the cluster is too small to fill a host in each zone."
            .to_owned();
    analysis.verdict.recommendation = Some("ec2-today".to_owned());
    analysis
}

/// Nothing could be priced, and nothing was seen.
pub(crate) fn empty() -> Analysis {
    let mut analysis = believable();
    analysis.region = None;
    analysis.window.hours_present = 0;
    analysis.window.hours_by_source.clear();
    analysis.utilisation = utilisation(Vec::new());
    for scenario in &mut analysis.scenarios {
        scenario.cost_usd = CostLines::default();
        scenario.monthly_usd = None;
        scenario.machine_hours.clear();
        scenario.variants.clear();
        scenario.items.clear();
        scenario.notes.clear();
    }
    analysis.savings.clear();
    analysis.assumptions.clear();
    analysis.notes.clear();
    analysis.inventory.by_namespace.clear();
    analysis.inventory.node_groups.clear();
    analysis.provenance.prices.clear();
    analysis.provenance.query_sets.clear();
    analysis.provenance.servers.clear();
    analysis.verdict = Verdict {
        text: "It cannot be said whether an elastic machine pool pays: nothing in this window could be priced."
            .to_owned(),
        recommendation: None,
        saving_vs_today_usd: None,
        saving_vs_best_ec2_usd: None,
        range_usd: None,
        interval_usd: None,
        ..Verdict::default()
    };
    analysis
}

/// One hour, from Prometheus.
pub(crate) fn one_hour() -> Analysis {
    let mut analysis = believable();
    let first = hour(HOURS - 1);
    analysis.window = WindowCoverage {
        start: first.hour,
        end: first.hour + TimeDelta::hours(1),
        hours_expected: 1,
        hours_present: 1,
        hours_by_source: vec![SourceHours {
            source: HourSource::Prometheus,
            hours: 1,
            first: first.hour,
            last: first.hour + TimeDelta::hours(1),
        }],
    };
    analysis.utilisation = utilisation(vec![first]);
    analysis
}

/// Four days of hours are missing in the middle, and one near the end.
pub(crate) fn with_gaps() -> Analysis {
    let mut analysis = believable();
    analysis.utilisation.hourly = (0..HOURS).filter(|i| !(300..396).contains(i) && *i != 700).map(hour).collect();
    analysis.window.hours_present = HOURS - 97;
    for part in &mut analysis.window.hours_by_source {
        part.hours -= if part.source == HourSource::Generator { 96 } else { 1 };
    }
    analysis
}

/// Names that try to be markup, to reverse the text, or to burst the page.
pub(crate) const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img onerror=alert(1) x='",
    "</title></style><b>bold",
    "\u{202e}desrever\u{2066}",
    "🦀🔥 {{ 7 * 7 }} {% raw %}",
    "&lt;already&amp;escaped",
];

/// Every label of the analysis is hostile.
pub(crate) fn hostile() -> Analysis {
    let long = "x".repeat(253);
    let mut analysis = believable();
    analysis.allocation = Some(allocation(&HOSTILE[..3]));
    let mut names = HOSTILE.iter().copied().chain([long.as_str()]).cycle();
    let mut set = |text: &mut String| *text = names.next().unwrap_or_default().to_owned();
    set(&mut analysis.cluster_id);
    analysis.region = Some(HOSTILE[0].to_owned());
    for group in &mut analysis.inventory.node_groups {
        let mut compute_type = String::new();
        for text in [&mut group.instance_type_source, &mut compute_type, &mut group.movable.reason] {
            set(text);
        }
        group.compute_type = types::ComputeType::of(&compute_type);
        group.zones.iter_mut().for_each(&mut set);
        group.instance_type.iter_mut().for_each(&mut set);
        group.capacity_type.iter_mut().for_each(&mut set);
        group.arch.iter_mut().for_each(&mut set);
    }
    analysis.inventory.by_namespace.iter_mut().for_each(|usage| set(&mut usage.namespace));
    for scenario in &mut analysis.scenarios {
        set(&mut scenario.label);
        for machine in &mut scenario.machine_hours {
            set(&mut machine.instance_type);
            set(&mut machine.capacity_type);
            if let Some(price) = &mut machine.price {
                set(&mut price.date);
                set(&mut price.source);
            }
        }
        for unpriced in &mut scenario.unpriced {
            set(&mut unpriced.what);
            set(&mut unpriced.unit);
            set(&mut unpriced.reason);
        }
        scenario.variants.iter_mut().for_each(|variant| set(&mut variant.label));
        scenario.items.iter_mut().for_each(|item| set(&mut item.what));
        scenario.notes.iter_mut().for_each(|note| set(&mut note.text));
    }
    for saving in &mut analysis.savings {
        saving.lines.iter_mut().for_each(&mut set);
    }
    for assumption in &mut analysis.assumptions {
        for text in [
            &mut assumption.key,
            &mut assumption.value,
            &mut assumption.unit,
            &mut assumption.default,
            &mut assumption.source,
            &mut assumption.effect,
        ] {
            set(text);
        }
    }
    analysis.notes.iter_mut().for_each(|note| set(&mut note.text));
    set(&mut analysis.verdict.text);
    analysis.verdict.recommendation = Some(HOSTILE[1].to_owned());
    let provenance = &mut analysis.provenance;
    for text in [&mut provenance.tool_version, &mut provenance.lake, &mut provenance.manifests_sha256] {
        set(text);
    }
    provenance.query_sets.iter_mut().chain(&mut provenance.servers).for_each(&mut set);
    for list in &mut provenance.prices {
        for text in [&mut list.name, &mut list.oldest, &mut list.newest, &mut list.sha256] {
            set(text);
        }
    }
    analysis
}

/// Everything was replayed, and the pool is dearer than EC2 in every way.
pub(crate) fn full_losing() -> Analysis {
    let mut analysis = full();
    for scenario in analysis.scenarios.iter_mut().filter(|scenario| scenario.id.starts_with("emp")) {
        let compute = scenario.cost_usd.compute.unwrap_or_default() + 9_000.0;
        scenario.cost_usd.compute = Some(compute);
        scenario.cost_usd.fee = Some(0.0);
        scenario.cost_usd.total = Some(scenario.cost_usd.lines().iter().filter_map(|line| line.1).sum());
        scenario.monthly_usd = scenario.cost_usd.total.map(|total| total * 730.0 / f64::from(HOURS));
    }
    let total = |id: &str| analysis.scenarios.iter().find(|s| s.id == id).and_then(|s| s.cost_usd.total).unwrap_or(0.0);
    let (today, repacked, pool) = (total("ec2-today"), total("ec2-repacked"), total("emp"));
    for saving in &mut analysis.savings {
        let usd = total(&saving.from) - total(&saving.to);
        saving.window_usd = usd;
        saving.monthly_usd = usd * 730.0 / f64::from(HOURS);
        saving.yearly_usd = saving.monthly_usd * 12.0;
        saving.fraction = Some(usd / total(&saving.from));
    }
    analysis.verdict = Verdict {
        text: "Not worth it: EC2 repacked would cost less than any elastic machine pool.".to_owned(),
        recommendation: Some("ec2-repacked".to_owned()),
        saving_vs_today_usd: Some(today - pool),
        saving_vs_best_ec2_usd: Some(repacked - pool),
        range_usd: Some([repacked - pool - 2_000.0, repacked - pool + 900.0]),
        interval_usd: None,
        ..Verdict::default()
    };
    let shift = |usd: &mut Option<f64>| *usd = usd.map(|usd| usd - 9_000.0);
    if let Some(what_if) = &mut analysis.what_if {
        what_if.grid.iter_mut().for_each(|point| shift(&mut point.saving_usd));
        what_if.tornado.iter_mut().for_each(|bar| shift(&mut bar.saving_usd));
        what_if.break_even.iter_mut().flat_map(|terms| terms.saving_usd.iter_mut().flatten()).for_each(shift);
    }
    if let Some(waterfall) = &mut analysis.waterfall {
        for step in &mut waterfall.steps {
            match step.what {
                WaterfallChange::Overcommit => step.usd += 9_000.0,
                WaterfallChange::Fee => step.usd = 0.0,
                _ => {}
            }
        }
        waterfall.to_usd = waterfall.from_usd + waterfall.steps.iter().map(|step| step.usd).sum::<f64>();
    }
    analysis.plan = None;
    analysis
}

/// Half of the cluster has no price, in every scenario.
pub(crate) fn half_unpriced() -> Analysis {
    let mut analysis = full();
    for scenario in &mut analysis.scenarios {
        for machine in scenario.machine_hours.iter_mut().step_by(2) {
            machine.usd_per_hour = None;
            machine.cost_usd = None;
            machine.price = None;
        }
        scenario.cost_usd.compute = None;
        scenario.cost_usd.fee = None;
        scenario.cost_usd.total = Some(scenario.cost_usd.lines().iter().filter_map(|line| line.1).sum());
        scenario.monthly_usd = scenario.cost_usd.total.map(|total| total * 730.0 / f64::from(HOURS));
        scenario.lower_bound_usd = None;
        scenario.unpriced = vec![Unpriced {
            what: "nodes of a type on no list".to_owned(),
            quantity: 14_000.0,
            unit: "node-hours".to_owned(),
            reason: "no price in this region; give one in the prices file".to_owned(),
        }];
    }
    analysis.savings.clear();
    analysis.waterfall = None;
    analysis.verdict = Verdict {
        text: "It cannot be said whether an elastic machine pool pays: half of the nodes have no price.".to_owned(),
        recommendation: None,
        saving_vs_today_usd: None,
        saving_vs_best_ec2_usd: None,
        range_usd: None,
        interval_usd: None,
        ..Verdict::default()
    };
    let none = |usd: &mut Option<f64>| *usd = None;
    if let Some(what_if) = &mut analysis.what_if {
        what_if.grid.iter_mut().for_each(|point| none(&mut point.saving_usd));
        what_if.tornado.iter_mut().for_each(|bar| none(&mut bar.saving_usd));
        what_if.tornado.iter_mut().for_each(|bar| none(&mut bar.change_usd));
        what_if.break_even.iter_mut().flat_map(|terms| terms.saving_usd.iter_mut().flatten()).for_each(none);
    }
    analysis
}

/// The pool costs what EC2 costs, to the cent.
pub(crate) fn no_difference() -> Analysis {
    let mut analysis = full();
    let today = analysis.scenarios.first().map(|today| (today.cost_usd.clone(), today.monthly_usd));
    for scenario in &mut analysis.scenarios {
        if let Some((cost, monthly)) = &today {
            scenario.cost_usd = cost.clone();
            scenario.monthly_usd = *monthly;
        }
    }
    for saving in &mut analysis.savings {
        (saving.window_usd, saving.monthly_usd, saving.yearly_usd, saving.fraction) = (0.0, 0.0, 0.0, Some(0.0));
    }
    if let Some(waterfall) = &mut analysis.waterfall {
        waterfall.to_usd = waterfall.from_usd;
        waterfall.steps.iter_mut().for_each(|step| step.usd = 0.0);
    }
    let zero = |usd: &mut Option<f64>| *usd = Some(0.0);
    if let Some(what_if) = &mut analysis.what_if {
        what_if.grid.iter_mut().for_each(|point| zero(&mut point.saving_usd));
        what_if.tornado.iter_mut().for_each(|bar| zero(&mut bar.saving_usd));
        what_if.tornado.iter_mut().for_each(|bar| zero(&mut bar.change_usd));
        what_if.break_even.iter_mut().flat_map(|terms| terms.saving_usd.iter_mut().flatten()).for_each(zero);
    }
    analysis.verdict = Verdict {
        text: "Not worth it: nothing would be saved.".to_owned(),
        recommendation: Some("ec2-today".to_owned()),
        saving_vs_today_usd: Some(0.0),
        saving_vs_best_ec2_usd: Some(0.0),
        range_usd: Some([0.0, 0.0]),
        interval_usd: None,
        ..Verdict::default()
    };
    analysis
}

/// Every list of the full analysis is there and empty, and no hour is.
pub(crate) fn full_empty() -> Analysis {
    let mut analysis = full();
    analysis.window.hours_present = 0;
    analysis.window.hours_by_source.clear();
    analysis.utilisation.hourly.clear();
    analysis.savings.clear();
    analysis.movability.clear();
    analysis.hosts_considered.clear();
    analysis.exclusions.clear();
    for scenario in &mut analysis.scenarios {
        scenario.by_hour.clear();
        scenario.machine_hours.clear();
        scenario.monthly_usd = None;
    }
    if let Some(what_if) = &mut analysis.what_if {
        what_if.grid.clear();
        what_if.tornado.clear();
        what_if.break_even.iter_mut().for_each(|terms| {
            terms.xs.clear();
            terms.ys.clear();
            terms.saving_usd.clear();
        });
    }
    if let Some(plan) = &mut analysis.plan {
        plan.evm_types.clear();
        plan.pools.clear();
        plan.waves.clear();
    }
    if let Some(waterfall) = &mut analysis.waterfall {
        waterfall.steps.clear();
    }
    analysis
}
