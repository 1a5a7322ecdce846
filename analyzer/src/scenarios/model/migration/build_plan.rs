//! Plan of what to build, and in which steps.

use replay::{Extent, NONE, Outcome, SLOT_SECONDS};
use types::NanoUsd;
use types::analysis::{ExactLines, Plan, PoolPlan, Wave};

use crate::monthly_scaling::Month;
use crate::number::ratio;
use crate::scenarios::model::costs::scenario_cost::evm_hours;
use crate::scenarios::model::costs::spare_hosts::with_spare_hosts;
use crate::scenarios::model::judgement::limits_and_remedies::Judgement;
use crate::scenarios::model::replays::all_replays::Model;

/// Hours that old machines and new ones run side by side in a step.
const DUAL_HOURS: f64 = 336.0;

/// `today` is the replay of today's machines, on which what does not move yet stays.
pub(crate) fn plan(model: &Model<'_>, judgement: &Judgement, today: &ExactLines, month: Month) -> Option<Plan> {
    let planned = model.scenario(model.planned)?;
    let row = judgement.reported.iter().find(|row| row.id == model.planned);
    let spares = row.map_or(0, |row| row.spares);
    let warm_up = usize::try_from(planned.setup.warm_up_seconds / SLOT_SECONDS).unwrap_or_default();
    let series = &planned.whole.series;
    // A window that is all warm-up is better shown than nothing.
    let settled = series.get(warm_up..).filter(|settled| !settled.is_empty()).unwrap_or(series);
    let hosts = settled.iter().map(|point| point.hosts).min().zip(settled.iter().map(|point| point.hosts).max())?;
    let mut waves: Vec<Wave> = Vec::new();
    let (mut saved_so_far, mut hosts_so_far) = (NanoUsd::ZERO, NanoUsd::ZERO);
    for (namespaces, replayed) in &model.waves {
        let money = with_spare_hosts(&model.pricer, replayed, spares);
        let saved = today.less(&money.lines).map(|(saved, ..)| saved);
        let marginal = saved.map(|saved| saved - saved_so_far);
        let window = |usd: f64| ratio(usd, month.hours_present);
        let dual = window((money.hosts - hosts_so_far).at_least_zero().usd()).map(|hourly| hourly * DUAL_HOURS);
        let daily = marginal.and_then(|marginal| window(marginal.usd() * 24.0)).filter(|daily| *daily > 0.0);
        waves.push(Wave {
            namespaces: namespaces.clone(),
            total_usd: money.lines.total().map(NanoUsd::usd),
            saving_usd: saved.map(NanoUsd::usd),
            marginal_saving_usd: marginal.map(NanoUsd::usd),
            dual_running_usd: dual,
            payback_days: dual.zip(daily).and_then(|(dual, daily)| ratio(dual, daily)),
        });
        (saved_so_far, hosts_so_far) = (saved.unwrap_or(saved_so_far), money.hosts);
    }
    let host_type = planned.host.as_ref()?.host.name.clone();
    let pool = planned.setup.pool.as_ref();
    Some(Plan {
        scenario: Some(planned.setup.id.clone()),
        host_type,
        spare_hosts_per_zone: row.map_or(0, |row| row.judged.spare_hosts_per_zone),
        hosts,
        evm_types: evm_hours(&planned.whole, &model.pricer),
        pools: pools(model, &planned.whole),
        memory_overcommit: pool.map(|pool| pool.memory_overcommit),
        cpu_overcommit: pool.map(|pool| pool.cpu_overcommit),
        waves,
    })
}

/// Elastic VMs and hosts by zone.
fn pools(model: &Model<'_>, outcome: &Outcome) -> Vec<PoolPlan> {
    let zone_name =
        |zone: u16| model.names.zones.names().get(usize::from(zone)).filter(|name| !name.is_empty()).cloned();
    let of_zone = |rows: &[Extent]| {
        let (hosts, evms): (Vec<&Extent>, Vec<&Extent>) = rows.iter().partition(|row| row.kind == NONE);
        let evms = evms.into_iter().filter_map(|row| {
            let machine = model.pricer.kind(row.kind)?;
            Some((machine.instance_type.clone(), row.fewest, row.most))
        });
        Some(PoolPlan {
            zone: zone_name(rows.first()?.zone),
            hosts: hosts.first().map_or((0, 0), |row| (row.fewest, row.most)),
            evms: evms.collect(),
        })
    };
    let mut pools: Vec<_> = outcome.pools.chunk_by(|a, b| a.zone == b.zone).filter_map(of_zone).collect();
    pools.sort_by(|a, b| a.zone.cmp(&b.zone));
    pools
}
