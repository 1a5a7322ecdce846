//! Passes over the hours: what is replayed, and what the next pass needs to know of it.

use std::ops::Range;

use lake::Lake;
use replay::{Base, Buy, Ec2, Hour, Limits, Outcome, Replay, Requests, Setup, holds, judge, screen};
use types::analysis::Limit;
use types::{ClusterId, NanoUsd};

use super::selection::Selector;
use super::variants::{self, CLEARLY_CHEAPER, FINALISTS};
use super::{CHANGES, Candidate, Change, HOSTS_REPLAYED, HostTried, Lifted, Pricer, Replayed, Windows};
use crate::input::{AnalyzeError, Days, read_traces};
use crate::trace::Names;

/// Limits that a choice of variants and hosts leaves open, since warm machines and spare hosts mend them.
const MENDED: [Limit; 4] = [Limit::LateServices, Limit::LateBatch, Limit::OvertakenRuns, Limit::HostLoss];

/// Where hours are read from.
pub(super) struct Source<'l> {
    pub(super) lake: &'l Lake,
    pub(super) cluster: &'l ClusterId,
    pub(super) hours: &'l [types::Hour],
    pub(super) windows: Windows,
    /// Hours replayed of all scenarios, as a multiple of the hours present.
    pub(super) replays: f64,
}

impl Source<'_> {
    pub(super) async fn first_hour(
        &self,
        names: &mut Names,
        choices: &Selector<'_>,
    ) -> Result<Option<Hour>, AnalyzeError> {
        let mut days = Days::new(self.lake, self.cluster, self.hours);
        Ok(match days.next().await? {
            Some(day) => read_traces(&day, names, choices)?.into_iter().next(),
            None => None,
        })
    }

    /// Replays scenarios over a range of the hours; what comes from the first reported hour on is kept apart.
    pub(super) async fn pass(
        &mut self,
        setups: Vec<(Setup, Option<Candidate>)>,
        range: Range<usize>,
        base: &Base,
        names: &mut Names,
        choices: &Selector<'_>,
    ) -> Result<Vec<Replayed>, AnalyzeError> {
        if setups.is_empty() {
            return Ok(Vec::new());
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let engines: Vec<Setup> = setups.iter().map(|(setup, _)| setup.clone()).collect();
        let mut replay = Replay::right_sizing(engines, base.assumptions.right_sizing()).with_threads(threads);
        let hours = self.hours.get(range.clone()).unwrap_or_default();
        let share = |part: usize, of: usize| crate::number::ratio(count(part), count(of)).unwrap_or_default();
        self.replays += count(setups.len()) * share(hours.len(), self.hours.len());
        let mut days = Days::new(self.lake, self.cluster, hours);
        let mut at = range.start;
        let mut before = None;
        while let Some(day) = days.next().await? {
            for hour in read_traces(&day, names, choices)? {
                if at == self.windows.reported_from {
                    before = Some(replay.so_far());
                }
                replay.advance(&hour);
                at += 1;
            }
        }
        // A pass that ends before the reported hours has all of it before them.
        let before = before.unwrap_or_else(|| replay.so_far());
        let outcomes = replay.finish().into_iter().map(|(outcome, _)| outcome);
        let replayed = setups.into_iter().zip(outcomes.zip(before)).map(|((setup, host), (whole, before))| Replayed {
            reported: whole.since(&before),
            before,
            whole,
            setup,
            host,
        });
        Ok(replayed.collect())
    }

    fn all(&self) -> Range<usize> {
        0..self.hours.len()
    }
}

fn count(n: usize) -> f64 {
    crate::number::float(i128::try_from(n).unwrap_or_default())
}

/// What was chosen for each side.
#[derive(Debug, Default)]
pub(super) struct Tuned {
    /// Policy of `ec2-tuned`; `None` where nothing was tuned, or nothing beats the default clearly.
    pub(super) ec2: Option<Ec2>,
    /// The same for right-sized requests.
    pub(super) ec2_sized: Option<Ec2>,
    /// Memory and CPU ratios of `emp-tuned`.
    pub(super) ratios: Option<(f64, f64)>,
    /// The same for right-sized requests.
    pub(super) ratios_sized: Option<(f64, f64)>,
    /// Whether variants were tried at all.
    pub(super) tried: bool,
    /// `emp` at each pair of ratios tried.
    pub(super) grid: Vec<Replayed>,
}

/// What is replayed on the chosen host.
#[derive(Default)]
pub(super) struct OnPool {
    pub(super) scenarios: Vec<Replayed>,
    pub(super) like_for_like: Option<Replayed>,
    pub(super) changed: Vec<(Change, Replayed)>,
    pub(super) lifted: Vec<(&'static str, Replayed)>,
    pub(super) waves: Vec<Replayed>,
    pub(super) steps: Vec<(Vec<String>, Replayed)>,
}

/// What every pass shares.
pub(super) struct Passes<'p, 'l, 'a> {
    pub(super) source: &'p mut Source<'l>,
    pub(super) base: Base,
    pub(super) pricer: &'p Pricer<'a>,
    pub(super) names: &'p mut Names,
    pub(super) limits: Limits,
}

type Setups = Vec<(Setup, Option<Candidate>)>;

impl Passes<'_, '_, '_> {
    pub(super) async fn pass(
        &mut self,
        setups: Setups,
        range: Range<usize>,
        selector: &Selector<'_>,
    ) -> Result<Vec<Replayed>, AnalyzeError> {
        self.source.pass(setups, range, &self.base, self.names, selector).await
    }

    /// Today's machines, the rivals at their defaults, and last a pool on the host one would think of first.
    pub(super) async fn on_ec2(
        &mut self,
        reference: Option<&Candidate>,
        selector: &Selector<'_>,
    ) -> Result<Vec<Replayed>, AnalyzeError> {
        let all = self.source.all();
        let mut replayed = Vec::new();
        // Others may evict a tenth more than Karpenter does today, which is known only once today was replayed.
        if self.base.karpenter {
            let counted = self.names.counted.take();
            replayed = self.pass(vec![(self.base.today_replayed(), None)], all.clone(), selector).await?;
            self.names.counted = counted;
            if let Some(today) = replayed.first() {
                let of_today = |default: f64, today: f64| default.max(self.limits.today_factor * today);
                let evictions = &today.reported.evictions;
                self.base.evictions.per_pod_day = of_today(self.limits.evictions, evictions.per_pod_day());
                self.base.evictions.per_single_pod_day =
                    of_today(self.limits.single_evictions, evictions.per_single_pod_day());
            }
        }
        let base = &self.base;
        let mut setups: Setups = Vec::new();
        if replayed.is_empty() {
            setups.push((base.today_replayed(), None));
        }
        setups.push((base.repacked_by_karpenter(), None));
        setups.push((base.repacked(), None));
        setups.push((base.ec2_rightsized(), None));
        setups.extend(reference.map(|host| (base.emp(&host.host, &host.family), Some(host.clone()))));
        replayed.extend(self.pass(setups, all, selector).await?);
        Ok(replayed)
    }

    /// Every host type bounded, the best replayed on the hours that serve choices, and the cheapest chosen that holds every
    /// limit warm machines and spare hosts cannot mend; where none does, the cheapest.
    pub(super) async fn hosts(
        &mut self,
        reference: &Replayed,
        selector: &Selector<'_>,
    ) -> Result<Vec<HostTried>, AnalyzeError> {
        let machines = selector.machines;
        let setup = |candidate: &Candidate| self.base.emp(&candidate.host, &candidate.family);
        let candidates: Vec<_> = machines.hosts.iter().map(setup).collect();
        let screened = screen(&reference.whole, &candidates, candidates.len());
        let worth = screened.iter().take(HOSTS_REPLAYED).filter_map(|(at, _)| machines.hosts.get(*at));
        let mut setups: Setups = worth.map(|host| (setup(host), Some(host.clone()))).collect();
        setups.push((self.base.today_replayed(), None));
        let choosing = self.source.windows.choosing();
        let mut replayed = self.pass(setups, choosing, selector).await?;
        let Some(today) = replayed.pop() else { return Ok(Vec::new()) };
        let chosen = self.cheapest(&replayed, &today).or_else(|| {
            let costs = replayed.iter().enumerate().filter_map(|(at, tried)| Some((self.cost(tried)?, at)));
            costs.min().map(|(_, at)| at)
        });
        let broken = |tried: &Replayed| -> Vec<Limit> {
            let checks = judge(&tried.whole, &today.whole, &self.limits);
            let broken = checks.iter().filter(|check| !check.holds && !MENDED.contains(&check.limit));
            broken.map(|check| check.limit).collect()
        };
        let over: Vec<Vec<Limit>> = replayed.iter().map(broken).collect();
        let mut replayed: Vec<_> = replayed.into_iter().map(Some).collect();
        let tried = screened.into_iter().enumerate().filter_map(|(place, (at, bound))| {
            Some(HostTried {
                candidate: machines.hosts.get(at)?.clone(),
                bound: Some(bound),
                replayed: replayed.get_mut(place).and_then(Option::take),
                over: over.get(place).cloned().unwrap_or_default(),
                chosen: chosen == Some(place),
            })
        });
        Ok(tried.collect())
    }

    /// What a variant costs on the hours it was replayed on.
    fn cost(&self, tried: &Replayed) -> Option<NanoUsd> {
        self.pricer.money(tried, &tried.whole).lines.total()
    }

    /// The cheapest of variants replayed over the same hours that holds what headroom cannot mend; the first of equals.
    fn cheapest(&self, tried: &[Replayed], today: &Replayed) -> Option<usize> {
        let fits = |tried: &Replayed| holds(&judge(&tried.whole, &today.whole, &self.limits), &MENDED);
        let fitting = tried.iter().enumerate().filter(|(_, tried)| fits(tried));
        fitting.filter_map(|(at, tried)| Some((self.cost(tried)?, at))).min().map(|(_, at)| at)
    }

    /// Tries variants of each side on the first week, the best on all hours that serve choices.
    pub(super) async fn tune(
        &mut self,
        host: Option<&Candidate>,
        selector: &Selector<'_>,
    ) -> Result<Tuned, AnalyzeError> {
        // Leftovers are repacked in every variant, as the rival repacks them.
        let repacked = self.base.repacked().ec2;
        let pool = |requests: Requests| -> Setups {
            let Some(host) = host else { return Vec::new() };
            let setup = match requests {
                Requests::AsTheyAre => self.base.emp(&host.host, &host.family),
                Requests::RightSized => self.base.emp_rightsized(&host.host, &host.family),
            };
            let setup = Setup { ec2: repacked.clone(), ..setup };
            let id = setup.id.clone();
            variants::pools(&setup, &id).into_iter().map(|setup| (setup, Some(host.clone()))).collect()
        };
        let windows = self.source.windows;
        let mut tuned = Tuned { tried: windows.tuned, ..Tuned::default() };
        if !windows.tuned {
            let grid = pool(Requests::AsTheyAre);
            tuned.grid = self.pass(grid, windows.choosing(), selector).await?;
            tuned.grid = tuned.grid.into_iter().map(Replayed::without_course).collect();
            return Ok(tuned);
        }
        let ec2 = |id: &str, requests: Requests| -> Setups {
            variants::ec2(&self.base, id, requests).into_iter().map(|setup| (setup, None)).collect()
        };
        let mut families = [
            ec2("ec2-tuned", Requests::AsTheyAre),
            ec2("ec2-rightsized", Requests::RightSized),
            pool(Requests::AsTheyAre),
            pool(Requests::RightSized),
        ];
        let first = self.round(families.clone(), windows.first_week(), selector).await?;
        for ((family, tried), today) in families.iter_mut().zip(&first.families).zip(std::iter::repeat(&first.today)) {
            *family = self.finalists(std::mem::take(family), tried, today);
        }
        tuned.grid = first.families.into_iter().nth(2).unwrap_or_default();
        tuned.grid = tuned.grid.into_iter().map(Replayed::without_course).collect();
        let base = &self.base;
        let defaults: [Option<(Setup, Option<Candidate>)>; 4] = [
            Some((base.repacked(), None)),
            Some((base.ec2_rightsized(), None)),
            host.map(|host| (leftovers_repacked(base.emp(&host.host, &host.family), base), Some(host.clone()))),
            host.map(|host| {
                (leftovers_repacked(base.emp_rightsized(&host.host, &host.family), base), Some(host.clone()))
            }),
        ];
        // The default runs beside its variants, last of its family.
        for (family, default) in families.iter_mut().zip(defaults) {
            family.extend(default);
        }
        let last = self.round(families, windows.choosing(), selector).await?;
        let chosen: Vec<Option<&Setup>> =
            last.families.iter().map(|family| self.better_than_default(family, &last.today)).collect();
        let at = |family: usize| chosen.get(family).copied().flatten();
        let ratios = |setup: &Setup| setup.pool.as_ref().map(|pool| (pool.memory_overcommit, pool.cpu_overcommit));
        tuned.ec2 = at(0).map(|setup| setup.ec2.clone());
        tuned.ec2_sized = at(1).map(|setup| setup.ec2.clone());
        tuned.ratios = at(2).and_then(ratios);
        tuned.ratios_sized = at(3).and_then(ratios);
        Ok(tuned)
    }

    /// Replays families of variants side by side, and today's machines with them.
    async fn round(
        &mut self,
        families: [Setups; 4],
        range: Range<usize>,
        selector: &Selector<'_>,
    ) -> Result<Round, AnalyzeError> {
        let sizes = families.each_ref().map(Vec::len);
        let mut setups: Setups = families.into_iter().flatten().collect();
        setups.push((self.base.today_replayed(), None));
        let mut replayed = self.pass(setups, range, selector).await?.into_iter();
        let families = sizes.map(|n| replayed.by_ref().take(n).collect());
        let today = replayed.next();
        Ok(Round { families, today })
    }

    /// The cheapest few that hold what headroom cannot mend; where too few do, the cheapest of the others.
    fn finalists(&self, setups: Setups, tried: &[Replayed], today: &Option<Replayed>) -> Setups {
        let Some(today) = today else { return Vec::new() };
        let rank = |(at, (_, tried)): (usize, (&(Setup, Option<Candidate>), &Replayed))| {
            let fits = holds(&judge(&tried.whole, &today.whole, &self.limits), &MENDED);
            Some((!fits, self.cost(tried)?, at))
        };
        let mut ranked: Vec<_> = setups.iter().zip(tried).enumerate().filter_map(rank).collect();
        ranked.sort_unstable();
        let kept: Vec<usize> = ranked.into_iter().take(FINALISTS).map(|(.., at)| at).collect();
        setups.into_iter().enumerate().filter(|(at, _)| kept.contains(at)).map(|(_, setup)| setup).collect()
    }

    /// The best variant where it is clearly cheaper than the default, which stands last, or where the default breaks what
    /// headroom cannot mend.
    fn better_than_default<'r>(&self, family: &'r [Replayed], today: &Option<Replayed>) -> Option<&'r Setup> {
        let (default, tried) = family.split_last()?;
        let today = today.as_ref()?;
        let best = tried.get(self.cheapest(tried, today)?)?;
        let default_fits = holds(&judge(&default.whole, &today.whole, &self.limits), &MENDED);
        let (best_cost, default_cost) = (self.cost(best)?, self.cost(default)?);
        let clearly = best_cost.usd() < CLEARLY_CHEAPER * default_cost.usd();
        // What runs today is no guess: it needs no margin, so that the rival is never dearer than today.
        let cheaper = best_cost < default_cost && best.setup.ec2.buy == Buy::AsObserved && best.setup.pool.is_none();
        (clearly || cheaper || !default_fits).then_some(&best.setup)
    }

    /// The rivals by the policies chosen. Where tuning was tried and nothing beats the default clearly, `ec2-tuned` is the
    /// default.
    pub(super) async fn tuned_on_ec2(
        &mut self,
        tuned: &Tuned,
        defaults: &[Replayed],
        selector: &Selector<'_>,
    ) -> Result<Vec<Replayed>, AnalyzeError> {
        let by = |id: &str, policy: &Option<Ec2>, requests: Requests| {
            policy.as_ref().map(|policy| (self.base.ec2_by(id, policy.clone(), requests), None))
        };
        let mut setups: Setups = Vec::new();
        setups.extend(by("ec2-tuned", &tuned.ec2, Requests::AsTheyAre));
        setups.extend(by("ec2-rightsized", &tuned.ec2_sized, Requests::RightSized));
        let all = self.source.all();
        let mut replayed = self.pass(setups, all, selector).await?;
        let repacked = defaults.iter().find(|default| default.setup.id == "ec2-repacked");
        if let (true, None, Some(repacked)) = (tuned.tried, &tuned.ec2, repacked) {
            let mut default = repacked.clone();
            "ec2-tuned".clone_into(&mut default.setup.id);
            replayed.insert(0, default);
        }
        Ok(replayed)
    }

    /// What is replayed on the chosen host: the pools, each assumption changed, each choice lifted, and the steps.
    pub(super) async fn on_pool(
        &mut self,
        host: &Candidate,
        tuned: &Tuned,
        choices: &Lifted<'_>,
        selector: &Selector<'_>,
    ) -> Result<OnPool, AnalyzeError> {
        let base = &self.base;
        let emp = base.emp(&host.host, &host.family);
        let leftovers = |setup: Setup, policy: &Ec2| Setup { ec2: policy.clone(), ..setup };
        let with_ratios = |mut setup: Setup, ratios: Option<(f64, f64)>| {
            if let (Some(pool), Some((memory, cpu))) = (&mut setup.pool, ratios) {
                (pool.memory_overcommit, pool.cpu_overcommit) = (memory, cpu);
            }
            setup
        };
        let repacked = base.repacked().ec2;
        let mut scenarios = vec![emp.clone()];
        if tuned.tried {
            let policy = tuned.ec2.as_ref().unwrap_or(&repacked);
            let setup = Setup { id: "emp-tuned".to_owned(), ..emp.clone() };
            scenarios.push(with_ratios(leftovers(setup, policy), tuned.ratios));
        }
        let policy = tuned.ec2_sized.as_ref().unwrap_or(&repacked);
        let sized = leftovers(base.emp_rightsized(&host.host, &host.family), policy);
        scenarios.push(with_ratios(sized, tuned.ratios_sized));
        let n = scenarios.len();
        let like_for_like = Setup { id: "emp-leftovers-repacked".to_owned(), ..leftovers(emp.clone(), &repacked) };
        let mut setups = scenarios;
        setups.push(like_for_like);
        let mut changes = Vec::new();
        for (key, values) in CHANGES {
            for value in values {
                let Some(assumptions) = base.assumptions.with(key, value) else { continue };
                let changed = Base { assumptions, ..base.clone() };
                setups.push(leftovers(changed.emp(&host.host, &host.family), &changed.repacked().ec2));
                changes.push(Change { key, value: (*value).to_owned() });
            }
        }
        let selecting = |selection: u8| Setup { selection, ..emp.clone() };
        setups.extend(choices.reasons.iter().map(|(at, _)| selecting(*at)));
        setups.extend(choices.steps.iter().map(|at| selecting(*at)));
        let setups = setups.into_iter().map(|setup| (setup, Some(host.clone()))).collect();
        let all = self.source.all();
        let mut replayed = self.pass(setups, all, selector).await?.into_iter();
        let scenarios = replayed.by_ref().take(n).collect();
        let like_for_like = replayed.next();
        let mut bare = replayed.map(Replayed::without_course);
        Ok(OnPool {
            scenarios,
            like_for_like,
            changed: changes.into_iter().zip(bare.by_ref()).collect(),
            lifted: choices.reasons.iter().map(|(_, why)| *why).zip(bare.by_ref()).collect(),
            waves: bare.collect(),
            steps: Vec::new(),
        })
    }

    /// The whole outcome of a scenario judged beside today's over the reported hours.
    pub(super) fn checks(&self, reported: &Outcome, today: &Outcome) -> Vec<replay::Check> {
        judge(reported, today, &self.limits)
    }
}

fn leftovers_repacked(setup: Setup, base: &Base) -> Setup {
    Setup { ec2: base.repacked().ec2, ..setup }
}

/// Variants by family, and today's machines over the same hours.
struct Round {
    families: [Vec<Replayed>; 4],
    today: Option<Replayed>,
}
