//! Many scenarios over the same hours, each hour read once.

use std::sync::{Mutex, PoisonError};

use crate::cluster::Cluster;
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
    cluster: Cluster,
    worlds: Vec<Simulation<O>>,
    threads: usize,
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

impl<O: Observer + Send> Replay<O> {
    /// Replays scenarios each with its observer.
    pub fn observed(setups: Vec<(Setup, O)>, rule: RightSizing) -> Self {
        let sizes = setups.iter().any(|(setup, _)| setup.requests == Requests::RightSized);
        let worlds = setups.into_iter().map(|(setup, observer)| Simulation::new(setup, observer)).collect();
        Self { cluster: Cluster::new(sizes.then_some(rule)), worlds, threads: 1 }
    }

    /// Advances scenarios on so many threads; the outcome does not depend on it.
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }

    /// Advances every scenario by one hour.
    pub fn advance(&mut self, hour: &Hour) {
        if hour.frozen().whole {
            // Of nobody anything is known: as if the hour were missing.
            self.worlds.iter_mut().for_each(|world| world.count_frozen(hour.start(), hour.frozen()));
            return;
        }
        self.cluster.advance(hour);
        let cluster = &self.cluster;
        if self.threads == 1 || self.worlds.len() < 2 {
            for world in &mut self.worlds {
                world.advance(cluster);
            }
        } else {
            // Scenarios take different times, so each thread takes the next that is left.
            let left = Mutex::new(self.worlds.iter_mut());
            let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let work = || {
                while let Some(world) = next() {
                    world.advance(cluster);
                }
            };
            std::thread::scope(|scope| {
                for _ in 1..self.threads {
                    scope.spawn(work);
                }
                work();
            });
        }
        self.cluster.end_hour();
    }

    /// Returns some of the scenarios by their places, as far as they came, to go on without the others.
    #[must_use]
    pub fn only(&self, places: &[usize]) -> Self
    where
        O: Clone,
    {
        let worlds = places.iter().filter_map(|place| self.worlds.get(*place)).cloned().collect();
        Self { cluster: self.cluster.clone(), worlds, threads: self.threads }
    }

    /// Returns what the scenarios came to so far, in the order in which they were given; they go on.
    pub fn outcomes(&self) -> Vec<Outcome>
    where
        O: Clone,
    {
        self.worlds.iter().map(|world| world.clone().finish(&self.cluster).0).collect()
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
        let cluster = self.cluster;
        self.worlds.into_iter().map(|world| world.finish(&cluster)).collect()
    }
}
