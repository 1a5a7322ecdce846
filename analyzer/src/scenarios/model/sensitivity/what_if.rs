//! What-if: results under other ratios, assumptions and terms.

use replay::judge;
use types::analysis::{BreakEven, ExactLines, ScenarioId, TornadoBar, WhatIf, WhatIfPoint};

use crate::number::ratio;
use crate::scenarios::model::costs::scenario_cost::Money;
use crate::scenarios::model::costs::spare_hosts::lines_with_spares;
use crate::scenarios::model::replays::all_replays::Model;
use crate::scenarios::model::replays::replay_passes::MENDED;
use crate::scenarios::model::runs::replayed_scenario::Replayed;
use crate::scenarios::model::sensitivity::fee_and_discounts::Deal;
use crate::units::unsigned;

/// `compared` is `ec2-repacked` and `emp`, which the grid compares, where there is a pool; `tornado` the bars and the scenario
/// they are of. `None` where there are neither.
pub(crate) fn what_if(
    model: &Model<'_>,
    compared: Option<(&ExactLines, &Money)>,
    (tornado, of): (&[TornadoBar], Option<ScenarioId>),
) -> Option<WhatIf> {
    let (grid, break_even) = compared.map(|compared| pools(model, compared)).unwrap_or_default();
    (compared.is_some() || !tornado.is_empty()).then(|| WhatIf {
        grid,
        tornado: tornado.to_vec(),
        tornado_of: of.map(|id| id.as_str().to_owned()),
        break_even,
    })
}

/// Pools at other ratios, and where their saving turns into a loss.
fn pools(model: &Model<'_>, (repacked, pool): (&ExactLines, &Money)) -> (Vec<WhatIfPoint>, Vec<BreakEven>) {
    let emp = &pool.lines;
    // On the hours they were tried on, each with the spare hosts that it needs there.
    let lines = |replayed: &Replayed| {
        let today = model.grid_today.as_ref()?;
        Some(lines_with_spares(&model.pricer, &model.limits, replayed, (&replayed.whole, &today.whole)))
    };
    let saving = |lines: &ExactLines| repacked.less(lines).map(|(saved, ..)| saved);
    let ratios =
        |replayed: &Replayed| replayed.setup.pool.as_ref().map(|pool| (pool.memory_overcommit, pool.cpu_overcommit));
    // Ratios are tried on some of the hours; what they cost beside the pair in force is scaled to all of them.
    let in_force = model.grid.iter().find(|tried| model.like_for_like.as_ref().and_then(ratios) == ratios(tried));
    let more = |replayed: &Replayed| {
        let hours = |n: usize| i128::try_from(n).ok();
        let (more, ..) = lines(replayed)?.less(&lines(in_force?)?)?;
        Some(more.scaled(hours(model.windows.hours)?, hours(replayed.whole.hours.len())?))
    };
    let holds = |replayed: &Replayed| {
        let today = model.grid_today.as_ref();
        today.is_some_and(|today| replay::holds(&judge(&replayed.whole, &today.whole, &model.limits), &MENDED))
    };
    let point = |replayed: &Replayed| {
        let (memory_overcommit, cpu_overcommit) = ratios(replayed)?;
        let hosts = &replayed.whole.hosts;
        let more = more(replayed);
        Some(WhatIfPoint {
            memory_overcommit,
            cpu_overcommit,
            total_usd: emp.total().zip(more).map(|(total, more)| (total + more).usd()),
            saving_usd: saving(emp).zip(more).map(|(saving, more)| (saving - more).usd()),
            holds_target: holds(replayed),
            host_slots_over_cpu: ratio(unsigned(hosts.over_cpu), unsigned(hosts.slots)).unwrap_or_default(),
            host_slots_over_memory: ratio(unsigned(hosts.over_memory), unsigned(hosts.slots)),
            served_fraction: Some(replayed.whole.served_share()),
            on_frontier: false,
        })
    };
    let deal = Deal::between(model.pricer.fee_fraction(), repacked, pool);
    let mut grid: Vec<_> = model.grid.iter().filter_map(point).collect();
    mark_frontier(&mut grid);
    (grid, deal.map(|deal| deal.break_even()).unwrap_or_default())
}

/// Marks the points that no other beats: as much saved at less risk, or more at no more.
fn mark_frontier(grid: &mut [WhatIfPoint]) {
    let measure = |point: &WhatIfPoint| {
        let risk = point.host_slots_over_cpu + point.host_slots_over_memory.unwrap_or_default();
        point.saving_usd.map(|saving| (saving, risk))
    };
    let all: Vec<_> = grid.iter().filter_map(measure).collect();
    for point in grid {
        let beaten = |(saving, risk): (f64, f64)| {
            let beats = |other: &(f64, f64)| other.0 >= saving && other.1 <= risk && *other != (saving, risk);
            all.iter().any(beats)
        };
        point.on_frontier = measure(point).is_some_and(|own| !beaten(own));
    }
}
