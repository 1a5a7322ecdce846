//! Many scenarios over the same hours, each hour read once.

use std::borrow::Borrow;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use crate::cluster::Cluster;
use crate::cluster::intake::Intake;
use crate::decision_log::{Observer, Silent};
use crate::input_hour::Hour;
use crate::outcome::Outcome;
use crate::rightsized_requests::RightSizing;
use crate::scenario_setup::{Requests, Setup};
use crate::simulation::Simulation;
use crate::unknown_zones::FrozenSlots;

/// Hours that are taken in before the slowest scenario has come to them.
const HOURS_AHEAD: usize = 2;

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

/// Hour as every scenario takes it.
#[derive(Debug, Clone)]
enum Turn {
    Replayed(Arc<Cluster>),
    /// Nothing is known of anybody in it: as if the hour were missing.
    Frozen(i64, FrozenSlots),
}

impl<O: Observer + Send> Replay<O> {
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

    /// Advances every scenario by hours as they come, each on a thread of its own, while the next hours are taken in; the
    /// outcome is the same.
    pub fn advance_over<H: Borrow<Hour>>(&mut self, hours: impl Iterator<Item = H>) {
        let intake = &mut self.intake;
        let mut copies: Vec<Arc<Cluster>> = Vec::new();
        std::thread::scope(|threads| {
            let mut worlds: Vec<SyncSender<Turn>> = Vec::with_capacity(self.worlds.len());
            for world in &mut self.worlds {
                let (sender, turns) = sync_channel(HOURS_AHEAD);
                threads.spawn(move || turns.iter().for_each(|turn| take(world, turn)));
                worlds.push(sender);
            }
            for hour in hours {
                let hour = hour.borrow();
                let turn = if hour.frozen().whole {
                    Turn::Frozen(hour.start(), hour.frozen().clone())
                } else {
                    intake.advance(hour);
                    Turn::Replayed(copy(&intake.cluster, &mut copies))
                };
                // Who takes none any more has panicked, and so does this thread once it has joined it.
                worlds.iter().for_each(|world| drop(world.send(turn.clone())));
                if matches!(turn, Turn::Replayed(_)) {
                    intake.end_hour();
                }
            }
        });
    }

    /// Returns some of the scenarios by their places, as far as they came, to go on without the others.
    #[must_use]
    pub fn only(&self, places: &[usize]) -> Self
    where
        O: Clone,
    {
        let worlds = places.iter().filter_map(|place| self.worlds.get(*place)).cloned().collect();
        Self { intake: self.intake.clone(), worlds }
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

/// Advances a scenario by one hour.
fn take<O: Observer>(world: &mut Simulation<O>, turn: Turn) {
    match turn {
        Turn::Replayed(cluster) => world.advance(&cluster),
        Turn::Frozen(start, frozen) => world.count_frozen(start, &frozen),
    }
}

/// Copies what scenarios share, in the place of a copy that all of them are done with where there is one.
fn copy(cluster: &Cluster, copies: &mut Vec<Arc<Cluster>>) -> Arc<Cluster> {
    let free = copies.iter_mut().find_map(|copy| {
        Arc::get_mut(copy)?.clone_from(cluster);
        Some(Arc::clone(copy))
    });
    free.unwrap_or_else(|| {
        let copy = Arc::new(cluster.clone());
        copies.push(Arc::clone(&copy));
        copy
    })
}
