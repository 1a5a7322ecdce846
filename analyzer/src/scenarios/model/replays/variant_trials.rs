//! Variants that each side chooses from: tried on the first week, the best few on all hours that serve choices.
//!
//! The best replaces the default only where it is clearly cheaper there and holds every limit that machines kept warm
//! cannot mend. The default, and today's own policy on EC2, were replayed on these hours already, so they are weighed
//! without a replay of their own.

use replay::{Buy, Ec2, Requests, Setup};
use types::NanoUsd;

use crate::read::error::AnalyzeError;
use crate::scenarios::model::replays::replay_passes::{Passes, Setups};
use crate::scenarios::model::replays::variants::{self, CLEARLY_CHEAPER, FINALISTS, FINALISTS_SIZED, MOST, MOST_SIZED};
use crate::scenarios::model::runs::machine_candidates::Candidate;
use crate::scenarios::model::runs::pod_selection::Selector;
use crate::scenarios::model::runs::replayed_scenario::Replayed;

/// Choices of each side.
#[derive(Debug, Default)]
pub(crate) struct Tuned {
    /// Policy of `ec2-tuned`; `None` where nothing was tuned, or nothing beats the default clearly.
    pub(crate) ec2: Option<Ec2>,
    /// The same for right-sized requests.
    pub(crate) ec2_sized: Option<Ec2>,
    /// Memory and CPU ratios of `emp-tuned`.
    pub(crate) ratios: Option<(f64, f64)>,
    /// The same for right-sized requests.
    pub(crate) ratios_sized: Option<(f64, f64)>,
    /// `true` when variants were tried at all.
    pub(crate) tried: bool,
    /// `emp` at each pair of ratios tried, and today's machines over the same hours.
    pub(crate) grid: Vec<Replayed>,
    pub(crate) grid_today: Option<Replayed>,
}

/// Defaults that a choice of variants stands on.
pub(crate) struct Defaults<'r> {
    /// Scenarios on EC2, `ec2-today-replayed` first.
    pub(crate) on_ec2: &'r [Replayed],
    /// The pools at the ratios assumed, leftovers repacked: `emp` and `emp-rightsized`; empty where there is no pool.
    pub(crate) pools: &'r [Replayed],
    /// Today's machines over the first week; `None` where that is still to be replayed.
    pub(crate) today: Option<Replayed>,
}

/// One side with one kind of requests.
struct Family {
    /// Set-ups still to be tried.
    setups: Setups,
    /// Replays on the hours that serve choices, the default last.
    known: Vec<Replayed>,
}

/// A variant as it is weighed: its cost, and whether it holds what headroom cannot mend.
#[derive(Debug, Clone, Copy)]
struct Weighed {
    cost: NanoUsd,
    fits: bool,
    is_today: bool,
}

/// The cheapest of those that fit and are clearly cheaper than the default, or of all that fit where the default does not; the
/// first of equals. What runs today is no guess and needs no margin, so that the rival is never dearer than today.
fn taken(variants: &[Option<Weighed>], default: Weighed) -> Option<usize> {
    let clearly = |cost: NanoUsd| cost.usd() < CLEARLY_CHEAPER * default.cost.usd();
    let better = |one: &Weighed| !default.fits || clearly(one.cost) || one.is_today && one.cost < default.cost;
    let fitting = variants.iter().enumerate().filter_map(|(at, one)| Some((at, one.filter(|one| one.fits)?)));
    fitting.filter(|(_, one)| better(one)).min_by_key(|(at, one)| (one.cost, *at)).map(|(at, _)| at)
}

impl Passes<'_, '_, '_> {
    /// Tries variants of each side.
    pub(crate) async fn tune(
        &mut self,
        defaults: Defaults<'_>,
        selector: &Selector<'_>,
    ) -> Result<Tuned, AnalyzeError> {
        let windows = self.source.windows;
        let mut tuned = Tuned { tried: windows.tuned, ..Tuned::default() };
        let most = self.ec2_variants(Requests::AsTheyAre, MOST).len();
        let grid = defaults.pools.first().map(|pool| self.ratios(pool, most)).unwrap_or_default();
        if !windows.tuned {
            let grid = self.pass(grid, windows.shown(), selector).await?;
            tuned.grid = grid.into_iter().map(Replayed::without_course).collect();
            let is_all = windows.shown().len() == windows.hours;
            let of_shown = |today: &Replayed| if is_all { today.clone() } else { today.on_choosing(&windows) };
            tuned.grid_today = defaults.on_ec2.first().map(of_shown);
            return Ok(tuned);
        }
        let mut families = self.families(&defaults, grid);
        let today = self.first_round(&mut families, &mut tuned, defaults.today, selector).await?;
        let Some(today_then) = defaults.on_ec2.first().map(|today| today.on_choosing(&windows)) else {
            return Ok(tuned);
        };
        if today.is_none() {
            return Ok(tuned);
        }
        tuned.grid_today = today.map(Replayed::without_course);
        let setups: Setups = families.iter().flat_map(|family| family.setups.clone()).collect();
        let mut replayed = self.pass(setups, windows.choosing(), selector).await?.into_iter();
        let mut chosen = Vec::new();
        for family in &families {
            let tried: Vec<Replayed> = replayed.by_ref().take(family.setups.len()).collect();
            chosen.push(self.better_than_default(&tried, &family.known, &today_then));
        }
        let mut chosen = chosen.into_iter();
        let ratios = |setup: Setup| setup.pool.map(|pool| (pool.memory_overcommit, pool.cpu_overcommit));
        let mut next = || chosen.next().flatten();
        tuned.ec2 = next().map(|setup| setup.ec2);
        tuned.ec2_sized = next().map(|setup| setup.ec2);
        tuned.ratios = next().and_then(ratios);
        tuned.ratios_sized = next().and_then(ratios);
        Ok(tuned)
    }

    fn ec2_variants(&self, requests: Requests, most: usize) -> Vec<Setup> {
        let id = if requests == Requests::RightSized { "ec2-rightsized" } else { "ec2-tuned" };
        variants::ec2(&self.base, id, requests, most)
    }

    /// A pool at so many pairs of ratios, its own first.
    fn ratios(&self, pool: &Replayed, most: usize) -> Setups {
        let host: &Option<Candidate> = &pool.host;
        variants::pools(&pool.setup, most).into_iter().map(|setup| (setup, host.clone())).collect()
    }

    /// The four families: EC2 and pool, with requests as they are and right-sized. The pool's first has its default among
    /// what is tried, since the grid shows it.
    fn families(&self, defaults: &Defaults<'_>, grid: Setups) -> [Family; 4] {
        let windows = self.source.windows;
        let known = |id: &str| -> Vec<Replayed> {
            let all = defaults.on_ec2.iter().filter(|replayed| replayed.setup.id == id);
            all.map(|replayed| replayed.on_choosing(&windows)).collect()
        };
        let today = known("ec2-today-replayed");
        let ec2 = |requests: Requests, most: usize, known: Vec<Replayed>| {
            let all = self.ec2_variants(requests, most);
            let is_known = |setup: &Setup| known.iter().any(|known| self.is_replayed_as(setup, known));
            let setups = all.into_iter().filter(|setup| !is_known(setup)).map(|setup| (setup, None)).collect();
            Family { setups, known }
        };
        let pool = |at: usize| defaults.pools.get(at).map(|pool| pool.on_choosing(&windows));
        let most_sized = self.ec2_variants(Requests::RightSized, MOST_SIZED).len();
        let sized = defaults.pools.get(1).map(|pool| self.ratios(pool, most_sized)).unwrap_or_default();
        [
            ec2(Requests::AsTheyAre, MOST, today.into_iter().chain(known("ec2-repacked")).collect()),
            ec2(Requests::RightSized, MOST_SIZED, known("ec2-rightsized")),
            Family { setups: grid, known: pool(0).into_iter().collect() },
            Family { setups: sized.into_iter().skip(1).collect(), known: pool(1).into_iter().collect() },
        ]
    }

    /// Returns true when a replay is that of a setup of another name. Today's is also free of limits on evictions,
    /// which change nothing where nothing is drained.
    fn is_replayed_as(&self, setup: &Setup, replayed: &Replayed) -> bool {
        let mut same = Setup { id: setup.id.clone(), ..replayed.setup.clone() };
        if replayed.setup.ec2.buy == Buy::AsObserved && !self.base.karpenter {
            same.evictions = setup.evictions;
        }
        same == *setup
    }

    /// Tries all on the first week, and leaves the best of each family, so many that with the default there are
    /// [`FINALISTS`], or [`FINALISTS_SIZED`]. Today's machines over the same hours are given back.
    async fn first_round(
        &mut self,
        families: &mut [Family; 4],
        tuned: &mut Tuned,
        today: Option<Replayed>,
        selector: &Selector<'_>,
    ) -> Result<Option<Replayed>, AnalyzeError> {
        let mut setups: Setups = families.iter().flat_map(|family| family.setups.clone()).collect();
        if today.is_none() {
            setups.push((self.base.today_replayed(), None));
        }
        let mut replayed = self.pass(setups, self.source.windows.first_week(), selector).await?.into_iter();
        let mut tried: [Vec<Replayed>; 4] =
            families.each_ref().map(|family| replayed.by_ref().take(family.setups.len()).collect());
        let Some(today) = today.or_else(|| replayed.next()) else { return Ok(None) };
        for (n, (family, tried)) in families.iter_mut().zip(&tried).enumerate() {
            // The pool's default, which is there for the grid, stands first and is known.
            let first = usize::from(n == 2);
            let finalists = if n % 2 == 1 { FINALISTS_SIZED } else { FINALISTS };
            let kept: Vec<usize> =
                self.ranked(tried, &today).into_iter().filter(|at| *at >= first).take(finalists - 1).collect();
            let setups = std::mem::take(&mut family.setups).into_iter().enumerate();
            family.setups = setups.filter(|(at, _)| kept.contains(at)).map(|(_, setup)| setup).collect();
        }
        if let Some(grid) = tried.get_mut(2) {
            let grid: Vec<Replayed> = std::mem::take(grid);
            tuned.grid = grid.into_iter().map(Replayed::without_course).collect();
        }
        Ok(Some(today))
    }

    /// The variant that takes the place of the default, which stands last of what is known; `None` where the default stays.
    fn better_than_default(&self, tried: &[Replayed], known: &[Replayed], today: &Replayed) -> Option<Setup> {
        let (default, known) = known.split_last()?;
        let of_today = self.base.today_replayed().ec2;
        let weighed = |variant: &Replayed| -> Option<Weighed> {
            Some(Weighed {
                cost: self.cost(variant, today)?,
                fits: self.fits(variant, today),
                is_today: variant.setup.pool.is_none() && variant.setup.ec2 == of_today,
            })
        };
        let all = || tried.iter().chain(known);
        let variants: Vec<Option<Weighed>> = all().map(weighed).collect();
        all().nth(taken(&variants, weighed(default)?)?).map(|variant| variant.setup.clone())
    }

    /// The scenarios by what was chosen. Where nothing beats the default clearly, `ec2-tuned` and `emp-tuned` are the
    /// default; what was replayed already is not replayed again.
    pub(crate) async fn tuned(
        &mut self,
        tuned: &Tuned,
        on_ec2: &[Replayed],
        pools: &[Replayed],
        selector: &Selector<'_>,
    ) -> Result<Vec<Replayed>, AnalyzeError> {
        let repacked = self.base.repacked().ec2;
        let mut wanted: Setups = Vec::new();
        if tuned.tried {
            let policy = tuned.ec2.clone().unwrap_or_else(|| repacked.clone());
            wanted.push((self.base.ec2_by("ec2-tuned", policy, Requests::AsTheyAre), None));
        }
        if let Some(policy) = &tuned.ec2_sized {
            wanted.push((self.base.ec2_by("ec2-rightsized", policy.clone(), Requests::RightSized), None));
        }
        let pool = |pool: &Replayed, id: &str, policy: &Option<Ec2>, ratios: Option<(f64, f64)>| {
            let ec2 = policy.clone().unwrap_or_else(|| repacked.clone());
            let mut setup = Setup { id: id.to_owned(), ec2, ..pool.setup.clone() };
            if let (Some(pool), Some((memory, cpu))) = (&mut setup.pool, ratios) {
                (pool.memory_overcommit, pool.cpu_overcommit) = (memory, cpu);
            }
            (setup, pool.host.clone())
        };
        if let Some(default) = pools.first().filter(|_| tuned.tried) {
            wanted.push(pool(default, "emp-tuned", &tuned.ec2, tuned.ratios));
        }
        wanted
            .extend(pools.get(1).map(|default| pool(default, "emp-rightsized", &tuned.ec2_sized, tuned.ratios_sized)));
        let known = || on_ec2.iter().chain(pools);
        let replayed_as = |setup: &Setup| known().find(|known| self.is_replayed_as(setup, known));
        let found: Vec<Option<Replayed>> = wanted
            .iter()
            .map(|(setup, _)| Some(Replayed { setup: setup.clone(), ..replayed_as(setup)?.clone() }))
            .collect();
        let missing = wanted.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(setup, _)| setup.clone());
        let missing: Setups = missing.collect();
        let all = self.source.all();
        let mut replayed = self.pass(missing, all, selector).await?.into_iter();
        Ok(found.into_iter().filter_map(|found| found.or_else(|| replayed.next())).collect())
    }
}

#[cfg(test)]
mod tests {
    use types::NanoUsd;

    use super::{Weighed, taken};

    #[test]
    fn a_variant_replaces_the_default_where_it_is_clearly_cheaper_and_todays_policy_where_it_is_cheaper_at_all() {
        let of = |(cost, fits, is_today): (i128, bool, bool)| Weighed { cost: NanoUsd::new(cost), fits, is_today };
        let taken = |variants: &[(i128, bool, bool)], default: (i128, bool, bool)| {
            taken(&variants.iter().map(|one| Some(of(*one))).collect::<Vec<_>>(), of(default))
        };
        let default = (1000, true, false);
        assert_eq!(taken(&[(990, true, false), (979, true, false), (960, false, false)], default), Some(1));
        // Cheaper by less than the margin is no reason to change, and hides today's policy no more.
        assert_eq!(taken(&[(985, true, false)], default), None);
        assert_eq!(taken(&[(985, true, false), (995, true, true)], default), Some(1));
        assert_eq!(taken(&[(985, true, false), (1005, true, true)], default), None);
        assert_eq!(taken(&[(970, true, false), (995, true, true)], default), Some(0));
        // Where the default breaks a limit, the cheapest that holds all is taken, however dear.
        assert_eq!(taken(&[(1200, true, false), (1100, true, false)], (1000, false, false)), Some(1));
    }
}
