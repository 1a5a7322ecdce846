//! Everything that was replayed of a cluster.

use replay::Limits;
use types::analysis::ScenarioId;

use crate::assumptions::Assumptions;
use crate::number::{float, ratio};
use crate::read::replay_input::{Counted, Names};
use crate::scenarios::emp_profile::Profile;
use crate::scenarios::model::costs::scenario_cost::Pricer;
use crate::scenarios::model::replays::host_type::HostTried;
use crate::scenarios::model::replays::tornado_replays::Tornado;
use crate::scenarios::model::replays::warm_machines::Ladder;
use crate::scenarios::model::runs::replayed_scenario::Replayed;
use crate::scenarios::model::runs::trial_and_report_hours::Windows;

/// Everything that was replayed.
#[derive(Debug)]
pub(crate) struct Model<'a> {
    pub(crate) pricer: Pricer<'a>,
    pub(crate) names: Names,
    pub(crate) windows: Windows,
    pub(crate) limits: Limits,
    /// `ec2-today-replayed` first, then the rivals on EC2, each with the headroom it needs.
    pub(crate) on_ec2: Vec<Replayed>,
    /// Candidates with their bounds; those that were replayed with what came of it, the cheapest bound first.
    pub(crate) hosts: Vec<HostTried>,
    /// `emp`, and the pools whose leftovers are treated as their rivals treat them, each with the headroom it needs.
    pub(crate) on_emp: Vec<Replayed>,
    /// `emp` with leftovers repacked as `ec2-repacked` repacks them: for the difference between the two alone.
    pub(crate) like_for_like: Option<Replayed>,
    /// `emp` at each pair of ratios tried, and today's machines over the same hours.
    pub(crate) grid: Vec<Replayed>,
    pub(crate) grid_today: Option<Replayed>,
    /// The scenario the answer is about with one assumption changed; `None` where none was replayed.
    pub(crate) tornado: Option<Tornado>,
    /// Pool that the plan builds: the one recommended, else `emp`.
    pub(crate) planned: ScenarioId,
    /// Namespaces that move step by step, each with that pool of everything moved so far.
    pub(crate) waves: Vec<(Vec<String>, Replayed)>,
    /// The same pool with a choice lifted that keeps pods on EC2, by the reason it keeps them for.
    pub(crate) lifted: Vec<(&'static str, Replayed)>,
    /// Headroom tried, scenario by scenario.
    pub(crate) ladders: Vec<Ladder>,
    /// Hours replayed of all scenarios, as a multiple of the hours present.
    pub(crate) replays: f64,
    /// The profile in force.
    pub(crate) profile: Option<&'a Profile>,
    pub(crate) assumptions: &'a Assumptions,
}

impl Model<'_> {
    /// Iterates over what moves and what does not, workload by workload.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &Counted> {
        self.names.counted.iter().flatten().map(|(_, counted)| counted)
    }

    /// Share of the CPU requested that is of workloads which a horizontal autoscaler drives; `None` where there is none.
    pub(crate) fn autoscaled_share(&self) -> Option<f64> {
        let cpu = |of: &dyn Fn(&Counted) -> bool| {
            float(self.counted().filter(|counted| of(counted)).map(|counted| counted.millicore_seconds).sum())
        };
        ratio(cpu(&|counted| counted.autoscaled), cpu(&|_| true)).filter(|share| *share > 0.0)
    }

    /// A scenario that was replayed.
    pub(crate) fn scenario(&self, id: ScenarioId) -> Option<&Replayed> {
        self.on_ec2.iter().chain(&self.on_emp).find(|replayed| replayed.id() == Some(id))
    }

    /// The replay of today's machines, by which others are judged.
    pub(crate) fn today(&self) -> Option<&Replayed> {
        self.scenario(ScenarioId::Ec2TodayReplayed)
    }
}
