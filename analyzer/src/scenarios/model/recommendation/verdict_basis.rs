//! Conclusions and windows a verdict stands on.

use types::analysis::{
    AfterExpiry, BackTest, CommitmentOffer, ExactLines, Exclusion, HostConsidered, Note, Plan, PriceOrigin, Scenario,
    ScenarioId, Selection, TornadoBar, WhatIf, WorkloadMovability,
};

use crate::monthly_scaling::Month;
use crate::scenarios::model::judgement::decision::{Basis, Decision};
use crate::scenarios::model::judgement::limits_and_remedies::Judgement;

/// A replayed scenario, as it is written and exact.
#[derive(Debug)]
pub(crate) struct PricedScenario {
    pub(crate) scenario: Scenario,
    pub(crate) lines: ExactLines,
}

/// Conclusion of the replays.
#[derive(Debug)]
pub(crate) struct Conclusion {
    pub(crate) scenarios: Vec<PricedScenario>,
    /// Basis of the decision beside the judgement, and the decision.
    pub(crate) basis: Basis,
    pub(crate) decision: Decision,
    /// The scenario the answer is about under other assumptions.
    pub(crate) tornado: Vec<TornadoBar>,
    pub(crate) tornado_of: Option<ScenarioId>,
    pub(crate) hosts: Vec<HostConsidered>,
    pub(crate) what_if: Option<WhatIf>,
    pub(crate) movability: Vec<WorkloadMovability>,
    pub(crate) selection: Selection,
    pub(crate) exclusions: Vec<Exclusion>,
    pub(crate) plan: Option<Plan>,
    /// The saving of the pool that is judged against `ec2-repacked`, over weeks drawn again.
    pub(crate) interval_usd: Option<[f64; 2]>,
    pub(crate) notes: Vec<Note>,
    pub(crate) origins: Vec<PriceOrigin>,
    pub(crate) back_test: Option<BackTest>,
    /// Judgement of scenarios on the reported hours.
    pub(crate) judgement: Judgement,
    /// Changes under a pool that have no price.
    pub(crate) unpriced_changes: Vec<String>,
    /// A Savings Plan for what runs always after the change.
    pub(crate) offer: Option<CommitmentOffer>,
    /// What the recommended scenario saves once commitments have expired, date by date, and a month once all have.
    pub(crate) after_expiries: Vec<AfterExpiry>,
    pub(crate) after_commitments_usd: Option<f64>,
    /// `emp` with what does not move repacked as `ec2-repacked` repacks it, and what `emp` keeps ready.
    pub(crate) like_for_like: Option<ExactLines>,
}

impl Conclusion {
    /// The replayed scenario of an id.
    pub(crate) fn scenario(&self, id: &str) -> Option<&PricedScenario> {
        self.scenarios.iter().find(|made| made.scenario.id == id)
    }
}

/// Grounds of a verdict.
pub(crate) struct Grounds<'a> {
    pub(crate) conclusion: &'a Conclusion,
    pub(crate) today: (&'a Scenario, &'a ExactLines),
    /// Over the window, and over the reported hours.
    pub(crate) window: Month,
    pub(crate) reported: Month,
    pub(crate) chosen_hours: u32,
    /// Share of the hours of the window that are not in the lake, or of which nothing is known.
    pub(crate) hours_missing: f64,
    /// From the launch of a node to its registration.
    pub(crate) ec2_boot_seconds: f64,
    /// End of the window.
    pub(crate) end: chrono::DateTime<chrono::Utc>,
    /// Currency of every amount.
    pub(crate) currency: &'static str,
}
