//! Many scenarios over the same hours, each hour read once.

use std::sync::Arc;

use crate::cluster::intake::Intake;
use crate::cluster::{Cluster, Shared, SharedHour};
use crate::decision_log::{Observer, Silent};
use crate::input_hour::Hour;
use crate::outcome::Outcome;
use crate::rightsized_requests::RightSizing;
use crate::scenario_setup::{Requests, Setup};
use crate::simulation::Simulation;

/// Scenarios under way.
///
/// Hours must come in order; hours that are missing are left out by every scenario. Memory grows with pods alive, and
/// by some hundred bytes an hour and scenario for what is billed, served and drawn.
#[derive(Debug, Clone)]
pub struct Replay<O = Silent> {
    intake: Intake,
    worlds: Vec<Simulation<O>>,
}

impl Replay<Silent> {
    /// Replays `setups` side by side.
    pub fn new(setups: Vec<Setup>) -> Self {
        Self::observed(setups.into_iter().map(|setup| (setup, Silent)).collect(), RightSizing::default())
    }

    /// The same with another rule of right-sizing.
    pub fn right_sizing(setups: Vec<Setup>, rule: RightSizing) -> Self {
        Self::observed(setups.into_iter().map(|setup| (setup, Silent)).collect(), rule)
    }
}

impl<O: Observer> Replay<O> {
    /// Replays scenarios each with its observer.
    pub fn observed(setups: Vec<(Setup, O)>, rule: RightSizing) -> Self {
        let sizes = setups.iter().any(|(setup, _)| setup.requests == Requests::RightSized);
        let worlds = setups.into_iter().map(|(setup, observer)| Simulation::new(setup, observer)).collect();
        Self { intake: Intake::new(sizes.then_some(rule)), worlds }
    }

    /// Advances every scenario by one hour, one after the other.
    pub fn advance(&mut self, hour: &Hour) {
        if hour.frozen().whole {
            self.worlds.iter_mut().for_each(|world| world.count_frozen(hour.start(), hour.frozen()));
            return;
        }
        self.intake.advance(hour);
        self.worlds.iter_mut().for_each(|world| world.advance(&self.intake.cluster));
        self.intake.end_hour();
    }

    /// Returns what the scenarios came to so far, in the order in which they were given; they go on.
    pub fn outcomes(&self) -> Vec<Outcome>
    where
        O: Clone,
    {
        self.worlds.iter().map(|world| world.clone().finish(&self.intake.cluster).0).collect()
    }

    /// Returns the same without their course ([`Outcome::without_course`]).
    pub fn so_far(&self) -> Vec<Outcome>
    where
        O: Clone,
    {
        self.outcomes().into_iter().map(Outcome::without_course).collect()
    }

    /// Returns what the scenarios came to, in the order in which they were given, with their observers.
    pub fn finish(self) -> Vec<(Outcome, O)> {
        let cluster = self.intake.cluster;
        self.worlds.into_iter().map(|world| world.finish(&cluster)).collect()
    }
}

/// One scenario under way, over hours that are taken in once for many.
#[derive(Debug, Clone)]
pub struct Scenario<O = Silent> {
    world: Simulation<O>,
    /// The last hour it advanced by.
    last: Option<Arc<Cluster>>,
}

impl Scenario<Silent> {
    /// Begins a scenario.
    pub fn new(setup: Setup) -> Self {
        Self { world: Simulation::new(setup, Silent), last: None }
    }
}

impl<O: Observer> Scenario<O> {
    /// Advances by the next hour.
    pub fn advance(&mut self, hour: &SharedHour) {
        match &hour.0 {
            Shared::Replayed(cluster) => {
                self.world.advance(cluster);
                self.last = Some(Arc::clone(cluster));
            }
            Shared::Frozen(start, frozen) => self.world.count_frozen(*start, frozen),
        }
    }

    /// Returns what it came to so far; it goes on.
    pub fn outcome(&self) -> Outcome
    where
        O: Clone,
    {
        self.clone().finish()
    }

    /// Returns what it came to.
    pub fn finish(self) -> Outcome {
        let none = Cluster::new();
        self.world.finish(self.last.as_deref().unwrap_or(&none)).0
    }
}
