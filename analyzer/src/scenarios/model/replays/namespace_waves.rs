//! The way to a pool: which namespaces move when, and what pods cost that a choice of the user keeps.

use std::collections::{BTreeMap, BTreeSet};

use replay::{Ec2, Setup};

use crate::read::error::AnalyzeError;
use crate::read::replay_input::{Counted, Names};
use crate::scenarios::model::replays::replay_passes::{Passes, Setups};
use crate::scenarios::model::runs::machine_candidates::Candidate;
use crate::scenarios::model::runs::pod_selection::{BY_CHOICE, Selection, Selector};
use crate::scenarios::model::runs::replayed_scenario::Replayed;

/// Share of the memory that may move by the end of the first step, and of the second.
const STEP_PERCENT: [i128; 2] = [10, 50];

/// A scenario for each choice lifted, by the reason it keeps pods for, and for each step but the last.
type LiftedAndSteps = (Vec<(&'static str, Replayed)>, Vec<Replayed>);

impl Passes<'_, '_, '_> {
    /// The pools at the ratios assumed: `emp`; and with what does not move repacked as rivals repack it, `emp` and
    /// `emp-rightsized`. None without a host.
    pub(crate) async fn pools(
        &mut self,
        host: Option<&Candidate>,
        selector: &Selector<'_>,
    ) -> Result<Vec<Replayed>, AnalyzeError> {
        let Some(host) = host else { return Ok(Vec::new()) };
        let repacked = self.base.repacked().ec2;
        let emp = self.base.emp(&host.host, &host.family);
        let twin = Setup { id: "emp-leftovers-repacked".to_owned(), ec2: repacked.clone(), ..emp.clone() };
        let sized = Setup { ec2: repacked, ..self.base.emp_rightsized(&host.host, &host.family) };
        let setups = [emp, twin, sized].map(|setup| (setup, Some(host.clone()))).to_vec();
        let all = self.source.all();
        self.pass(setups, all, selector).await
    }

    /// Replays a pool with each choice lifted, and step by step; what has not moved yet stays on EC2 as it is today.
    pub(crate) async fn steps(
        &mut self,
        pool: &Replayed,
        as_today: Ec2,
        choices: &Lifted<'_>,
        selector: &Selector<'_>,
    ) -> Result<LiftedAndSteps, AnalyzeError> {
        let selecting = |selection: u8| Setup { selection, ..pool.setup.clone() };
        let reasons = choices.reasons.iter().map(|(at, _)| selecting(*at));
        let steps = choices.steps.iter().map(|at| Setup { ec2: as_today.clone(), ..selecting(*at) });
        let setups: Setups = reasons.chain(steps).map(|setup| (setup, pool.host.clone())).collect();
        let all = self.source.all();
        let mut replayed = self.pass(setups, all, selector).await?.into_iter().map(Replayed::without_course);
        let lifted = choices.reasons.iter().map(|(_, why)| *why).zip(replayed.by_ref()).collect();
        Ok((lifted, replayed.collect()))
    }
}

/// Selections replayed beside the one in force: with a choice lifted, and step by step.
pub(crate) struct Lifted<'a> {
    /// The one in force first.
    pub(crate) selections: Vec<Selection<'a>>,
    /// Which of them lifts the choice behind which reason.
    reasons: Vec<(u8, &'static str)>,
    /// Which of them are steps, all but the last.
    steps: Vec<u8>,
}

impl<'a> Lifted<'a> {
    pub(crate) fn of(
        in_force: &Selection<'a>,
        counted: Option<&BTreeMap<u32, Counted>>,
        steps: &[Vec<String>],
    ) -> Self {
        let kept = |why: &str| counted.into_iter().flatten().any(|(_, counted)| counted.stays.contains_key(why));
        let mut lifted = Self { selections: vec![in_force.clone()], reasons: Vec::new(), steps: Vec::new() };
        for why in BY_CHOICE.into_iter().filter(|why| kept(why)) {
            let at = lifted.add(Selection { lifted: Some(why), ..in_force.clone() });
            lifted.reasons.push((at, why));
        }
        for n in 1..steps.len() {
            let namespaces: BTreeSet<String> = steps.iter().take(n).flatten().cloned().collect();
            let at = lifted.add(Selection { namespaces: Some(namespaces), ..in_force.clone() });
            lifted.steps.push(at);
        }
        lifted
    }

    fn add(&mut self, selection: Selection<'a>) -> u8 {
        self.selections.push(selection);
        u8::try_from(self.selections.len() - 1).unwrap_or(u8::MAX)
    }
}

/// In which order namespaces move: those that reserve least first, a tenth of the memory, then four tenths, then the
/// rest, so that the first steps risk little and teach much.
pub(crate) fn order(names: &Names, counted: Option<&BTreeMap<u32, Counted>>) -> Vec<Vec<String>> {
    let mut sizes: BTreeMap<&str, i128> = BTreeMap::new();
    for (workload, counted) in counted.into_iter().flatten().filter(|(_, counted)| counted.moves_seconds > 0) {
        let name = usize::try_from(*workload).ok().and_then(|at| names.workloads.names().get(at));
        if let Some(name) = name {
            *sizes.entry(&name.namespace).or_default() += counted.moving_mib_seconds();
        }
    }
    let all: i128 = sizes.values().sum();
    let mut sizes: Vec<_> = sizes.into_iter().map(|(namespace, size)| (size, namespace)).collect();
    sizes.sort_unstable();
    let (mut steps, mut so_far) = (vec![Vec::new()], 0);
    for (size, namespace) in sizes {
        let full = STEP_PERCENT.get(steps.len() - 1).is_some_and(|percent| 100 * (so_far + size) > all * percent);
        if full && steps.last().is_some_and(|step| !step.is_empty()) {
            steps.push(Vec::new());
        }
        so_far += size;
        if let Some(step) = steps.last_mut() {
            step.push(namespace.to_owned());
        }
    }
    steps.retain(|step| !step.is_empty());
    steps
}
