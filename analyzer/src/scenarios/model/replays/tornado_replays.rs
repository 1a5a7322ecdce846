//! One assumption changed at a time, on the scenario that the answer is about.
//!
//! Bars are replayed on the last week, after a day to warm up, beside the same scenario and today's machines over the same
//! hours; where nothing is tuned, on all hours. A bar in which pods wait too long is given more headroom, at its price.

use replay::{Base, Headroom, PoolZones, RightSizing, Setup, WAITING, holds};
use types::analysis::ScenarioId;

use crate::monthly_scaling::HOURS_A_WEEK;
use crate::read::error::AnalyzeError;
use crate::scenarios::model::replays::replay_passes::{MOST_REPLAYS, Passes, Ruled, Stretch};
use crate::scenarios::model::replays::warm_machines::{checks_with_spares, levels_above};
use crate::scenarios::model::runs::pod_selection::Selector;
use crate::scenarios::model::runs::replayed_scenario::Replayed;

/// One assumption changed to one of its other values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) key: &'static str,
    pub(crate) value: String,
}

/// Hours before the week that warm it up.
const WARM_UP: usize = 24;

/// Other values at which assumptions are tried, on a pool.
const ON_POOL: [(&str, &[&str]); 9] = [
    ("emp.zones", &["one", "two"]),
    ("emp.memory_model", &["working_set", "touched"]),
    ("emp.host_threshold", &["0.7", "0.9"]),
    ("emp.spare_hosts_per_zone", &["1"]),
    ("emp.evm_consolidation", &["drain"]),
    ("scheduler.score", &["most_allocated"]),
    ("scheduler.zones", &["free"]),
    ("machine.smt_yield", &["0.625"]),
    ("emp.guest_mib", &["512", "2048"]),
];
/// The same on EC2.
const ON_EC2: [(&str, &[&str]); 7] = [
    ("scheduler.score", &["most_allocated"]),
    ("scheduler.zones", &["free"]),
    ("machine.smt_yield", &["0.625"]),
    ("ec2.boot_seconds", &["150"]),
    ("ec2.least_machines", &["3"]),
    ("ec2.largest_machine", &["1"]),
    ("risk.evictions", &["0.05"]),
];
/// The same where requests follow usage, on either side.
const SIZED: [(&str, &[&str]); 2] = [("sizing.cpu_percentile", &["90", "99"]), ("sizing.memory_margin", &["0.3"])];

/// A scenario with one assumption changed at a time.
#[derive(Debug)]
pub(crate) struct Tornado {
    /// The scenario, and today's machines, over the hours bars are replayed on.
    pub(crate) base: Replayed,
    pub(crate) today: Replayed,
    pub(crate) changed: Vec<Bar>,
}

/// One change, and what it makes of the scenario.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) change: Change,
    /// With the headroom it needs, as far as that was found.
    pub(crate) replayed: Replayed,
    /// With the headroom of the scenario, where it needs more.
    pub(crate) before: Option<Replayed>,
    /// Today's machines with the same change, where it changes them too.
    pub(crate) today: Option<Replayed>,
}

/// Assumptions on how the world is and not on what is chosen: at another value today's machines are replayed by it too.
const OF_THE_WORLD: [&str; 4] = ["machine.smt_yield", "ec2.boot_seconds", "scheduler.score", "scheduler.zones"];

impl Tornado {
    /// The scenario the bars are of.
    pub(crate) fn of(&self) -> Option<ScenarioId> {
        self.base.id()
    }
}

/// A change with the scenario it makes, and the rule of right-sizing it is replayed by.
type Changed = (Change, Setup, RightSizing);

impl Passes<'_, '_, '_> {
    /// Replays a scenario under every change; `largest` gives the largest machine that may be bought at a multiple of
    /// today's.
    pub(crate) async fn tornado(
        &mut self,
        of: &Replayed,
        today: &Replayed,
        selector: &Selector<'_>,
    ) -> Result<Tornado, AnalyzeError> {
        let windows = self.source.windows;
        let changes = self.changes(of, selector);
        let sizing = self.base.assumptions.right_sizing();
        let stretch = if windows.tuned {
            Stretch {
                hours: windows.hours - HOURS_A_WEEK - WARM_UP..windows.hours,
                split: windows.hours - HOURS_A_WEEK,
            }
        } else {
            Stretch { hours: 0..windows.hours, split: windows.reported_from }
        };
        let (mut base, mut beside) = (of.clone(), today.clone());
        let host = |setup: &Setup| of.host.clone().filter(|_| setup.pool.is_some());
        let ruled = |setup: &Setup, rule: RightSizing| -> Ruled { ((setup.clone(), host(setup)), rule) };
        let own = if windows.tuned { vec![&of.setup, &today.setup] } else { Vec::new() };
        let own = own.into_iter().map(|setup| ruled(setup, sizing));
        let bars = changes.iter().map(|(_, setup, rule)| ruled(setup, *rule));
        let todays: Vec<Option<Setup>> =
            changes.iter().map(|(change, ..)| self.todays(today, change, selector)).collect();
        let of_today = todays.iter().flatten().map(|setup| ruled(setup, sizing));
        let all: Vec<Ruled> = own.chain(bars).chain(of_today).collect();
        let mut replayed = self.pass_over(all, stretch.clone(), selector).await?.into_iter();
        if windows.tuned
            && let Some((own, then)) = replayed.next().zip(replayed.next())
        {
            (base, beside) = (own, then);
        }
        let of_bars: Vec<Replayed> = replayed.by_ref().take(changes.len()).collect();
        let of_today = todays.iter().map(|setup| setup.as_ref().and_then(|_| replayed.next()));
        let of_today: Vec<Option<Replayed>> = of_today.map(|today| today.map(Replayed::without_course)).collect();
        let bar = |((change, _, rule), (replayed, today)): (Changed, (Replayed, Option<Replayed>))| {
            (Bar { change, replayed: replayed.without_course(), before: None, today }, rule)
        };
        let mut bars: Vec<(Bar, RightSizing)> =
            changes.into_iter().zip(of_bars.into_iter().zip(of_today)).map(bar).collect();
        let today = beside.without_course();
        self.raise(&mut bars, &today, &stretch, selector).await?;
        let changed = bars.into_iter().map(|(bar, _)| bar).collect();
        Ok(Tornado { base: base.without_course(), today, changed })
    }

    /// Gives bars in which pods only wait too long the headroom they need, as the scenario itself was given its own: the
    /// first level up that holds, and whose next holds too.
    async fn raise(
        &mut self,
        bars: &mut [(Bar, RightSizing)],
        today: &Replayed,
        stretch: &Stretch,
        selector: &Selector<'_>,
    ) -> Result<(), AnalyzeError> {
        let limits = self.limits;
        let held = |replayed: &Replayed, bar: &Bar, open: &[_]| {
            holds(&checks_with_spares(replayed, bar.today.as_ref().unwrap_or(today), &limits), open)
        };
        let waits = |bar: &Bar| !held(&bar.replayed, bar, &[]) && held(&bar.replayed, bar, &WAITING);
        let mut climbs: Vec<Climb> = (0..)
            .zip(bars.iter())
            .filter(|(_, (bar, _))| waits(bar))
            .map(|(bar, (of, _))| Climb::of(bar, &of.replayed.setup))
            .collect();
        loop {
            let next: Vec<usize> = (0..).zip(&climbs).filter(|(_, climb)| climb.wants()).map(|(at, _)| at).collect();
            if next.is_empty() || self.source.replays_with(next.len(), &stretch.hours) > MOST_REPLAYS {
                break;
            }
            let ruled = |at: &usize| -> Option<Ruled> {
                let climb = climbs.get(*at)?;
                let (Bar { replayed, .. }, rule) = bars.get(climb.bar)?;
                let setup = Setup { headroom: climb.next()?, ..replayed.setup.clone() };
                Some(((setup, replayed.host.clone()), *rule))
            };
            let scenarios = next.iter().filter_map(ruled).collect();
            let replayed = self.pass_over(scenarios, stretch.clone(), selector).await?;
            for (at, replayed) in next.into_iter().zip(replayed) {
                let Some(climb) = climbs.get_mut(at) else { continue };
                let holds = bars.get(climb.bar).is_some_and(|(bar, _)| held(&replayed, bar, &[]));
                climb.take(replayed.without_course(), holds);
            }
        }
        for climb in climbs {
            if let (Some((bar, _)), Some(found)) = (bars.get_mut(climb.bar), climb.found) {
                bar.before = Some(std::mem::replace(&mut bar.replayed, found));
            }
        }
        Ok(())
    }

    /// The base of scenarios with one assumption changed; `None` where it may not have that value.
    fn base_with(&self, key: &str, value: &str, selector: &Selector<'_>) -> Option<Base> {
        let assumptions = self.base.assumptions.with(key, value)?;
        let largest = selector.machines.largest(assumptions.ec2_largest_machine);
        Some(Base { assumptions, largest, ..self.base.clone() })
    }

    /// Today's machines with a change, where it is one of how the world is.
    fn todays(&self, today: &Replayed, change: &Change, selector: &Selector<'_>) -> Option<Setup> {
        let base = self.base_with(change.key, &change.value, selector)?;
        let setup = changed(&today.setup, &base, change.key);
        (OF_THE_WORLD.contains(&change.key) && setup != today.setup).then_some(setup)
    }

    /// Every change that makes another scenario of this one.
    fn changes(&self, of: &Replayed, selector: &Selector<'_>) -> Vec<Changed> {
        let keys = if of.setup.pool.is_some() { &ON_POOL[..] } else { &ON_EC2 };
        let sized = of.id().filter(|id| id.is_rightsized()).map_or(&[][..], |_| &SIZED);
        let mut changes = Vec::new();
        for (key, value) in keys.iter().chain(sized).flat_map(|(key, values)| values.iter().map(|value| (*key, *value)))
        {
            let Some(base) = self.base_with(key, value, selector) else { continue };
            let setup = changed(&of.setup, &base, key);
            let rule = base.assumptions.right_sizing();
            if setup != of.setup || rule != self.base.assumptions.right_sizing() {
                changes.push((Change { key, value: value.to_owned() }, setup, rule));
            }
        }
        changes
    }
}

/// A bar whose headroom is raised, level by level.
struct Climb {
    bar: usize,
    /// Levels still to be tried, the next one last.
    levels: Vec<Headroom>,
    /// The lowest level that holds, of those tried last.
    holding: Option<Replayed>,
    /// What was found.
    found: Option<Replayed>,
}

impl Climb {
    fn of(bar: usize, setup: &Setup) -> Self {
        let mut levels: Vec<Headroom> = levels_above(setup.headroom).collect();
        levels.reverse();
        Self { bar, levels, holding: None, found: None }
    }

    /// The level to be tried next.
    fn next(&self) -> Option<Headroom> {
        self.levels.last().copied()
    }

    fn wants(&self) -> bool {
        self.found.is_none() && self.next().is_some()
    }

    fn take(&mut self, replayed: Replayed, holds: bool) {
        self.levels.pop();
        self.holding = match (self.holding.take(), holds) {
            (Some(lower), true) => {
                self.found = Some(lower);
                None
            }
            (None, true) if self.next().is_none() => {
                self.found = Some(replayed);
                None
            }
            (None, true) => Some(replayed),
            (_, false) => None,
        };
    }
}

/// A scenario under other assumptions, all that was chosen for it kept but what is changed.
fn changed(of: &Setup, base: &Base, key: &str) -> Setup {
    let mut setup = of.clone();
    base.assumptions.apply(&mut setup);
    setup.headroom = of.headroom;
    if key != "scheduler.score" {
        setup.ec2.score = of.ec2.score;
    }
    if let (Some(pool), Some(chosen)) = (&mut setup.pool, &of.pool) {
        (pool.memory_overcommit, pool.cpu_overcommit) = (chosen.memory_overcommit, chosen.cpu_overcommit);
    }
    match key {
        "ec2.largest_machine" => setup.ec2.types = base.no_larger_than(1.0),
        "emp.zones" => {
            if let Some(pool) = &mut setup.pool {
                pool.zones = fewer_zones(base).unwrap_or_else(|| pool.zones.clone());
            }
        }
        "risk.evictions" => setup.evictions.per_pod_day = base.assumptions.risk_evictions,
        _ => {}
    }
    setup
}

/// The zones a pool is in where the assumptions put it into fewer than there are.
fn fewer_zones(base: &Base) -> Option<Vec<u16>> {
    let n = match base.assumptions.emp_zones {
        PoolZones::One => 1,
        PoolZones::Two => 2,
        PoolZones::All => return Some(Vec::new()),
    };
    base.zones.get(..n).filter(|zones| zones.len() < base.zones.len()).map(<[u16]>::to_vec)
}
