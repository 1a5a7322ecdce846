//! How the result changes with what is assumed: ratios, assumptions, terms.

use types::NanoUsd;
use types::analysis::{ExactLines, ScenarioId, TornadoBar, WhatIf, WhatIfPoint};

use super::report::{fits, unsigned};
use super::terms::Deal;
use super::{Model, Replayed};
use crate::number::ratio;

pub(super) fn what_if(model: &Model<'_>, repacked: &ExactLines, emp: &ExactLines) -> WhatIf {
    let lines = |replayed: &Replayed| model.pricer.of(replayed).lines;
    let saving = |lines: &ExactLines| repacked.less(lines).map(|(saved, ..)| saved);
    let ratios =
        |replayed: &Replayed| replayed.setup.pool.as_ref().map(|pool| (pool.memory_overcommit, pool.cpu_overcommit));
    // Ratios are tried on some of the hours; what they cost beside the pair in force is scaled to all of them.
    let in_force = model.grid.iter().find(|tried| model.like_for_like.as_ref().and_then(ratios) == ratios(tried));
    let more = |replayed: &Replayed| {
        let hours = |n: usize| i128::try_from(n).ok();
        let (more, ..) = lines(replayed).less(&lines(in_force?))?;
        Some(more.scaled(hours(model.windows.hours)?, hours(replayed.whole.hours.len())?))
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
            holds_target: fits(model, replayed),
            host_slots_over_cpu: ratio(unsigned(hosts.over_cpu), unsigned(hosts.slots)).unwrap_or_default(),
            host_slots_over_memory: ratio(unsigned(hosts.over_memory), unsigned(hosts.slots)),
            served_fraction: Some(replayed.whole.served_share()),
            on_frontier: false,
        })
    };
    let base = saving(emp);
    let rival = model.scenario(ScenarioId::Ec2Repacked);
    let pool = model.like_for_like.as_ref();
    let deal = rival.zip(pool).and_then(|(rival, pool)| Some((Deal::new(model, rival, pool)?, fits(model, pool))));
    let mut tornado: Vec<_> = model
        .changed
        .iter()
        .map(|(change, replayed)| {
            let with = saving(&lines(replayed));
            TornadoBar {
                key: change.key.to_owned(),
                value: change.value.clone(),
                saving_usd: with.map(NanoUsd::usd),
                change_usd: with.zip(base).map(|(with, base)| (with - base).usd()),
                holds_target: fits(model, replayed),
            }
        })
        .collect();
    tornado.extend(deal.iter().flat_map(|(deal, holds)| deal.bars(*holds)));
    tornado.sort_by(|a, b| {
        let size = |bar: &TornadoBar| bar.change_usd.unwrap_or_default().abs();
        size(b).total_cmp(&size(a)).then_with(|| (&a.key, &a.value).cmp(&(&b.key, &b.value)))
    });
    let mut grid: Vec<_> = model.grid.iter().filter_map(point).collect();
    mark_frontier(&mut grid);
    WhatIf { grid, tornado, break_even: deal.map(|(deal, _)| deal.break_even()).unwrap_or_default() }
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
