//! The scenarios by name, each a configuration of the one engine, and the choices among their variants.

use std::sync::Arc;

use types::NanoUsd;

use crate::assumptions::Assumptions;
use crate::catalog::{Catalog, HostType};
use crate::hour::Ask;
use crate::outcome::{Outcome, RiskTarget};
use crate::setup::{Buy, Consolidation, Pool, Requests, Setup};

/// What every scenario of a cluster is made from.
#[derive(Debug, Clone)]
pub struct Base {
    /// Machine types by index.
    pub catalog: Arc<Catalog>,
    /// EC2 types that may be bought, as indexes into the catalog.
    pub ec2_types: Vec<u32>,
    /// What daemons ask for on every machine ([`crate::daemons_of`]).
    pub daemons: Ask,
    /// Daemons on every machine.
    pub daemon_pods: u32,
    /// Whether Karpenter drains nodes of the cluster: then today's machines are consolidated as it does.
    pub karpenter: bool,
    /// What is assumed.
    pub assumptions: Assumptions,
}

impl Base {
    fn ec2(&self, id: &str, buy: Buy, requests: Requests, consolidation: Consolidation) -> Setup {
        let mut setup = Setup::new(id, Arc::clone(&self.catalog));
        setup.ec2.types.clone_from(&self.ec2_types);
        (setup.ec2.buy, setup.ec2.consolidation) = (buy, consolidation);
        (setup.requests, setup.daemons, setup.daemon_pods) = (requests, self.daemons, self.daemon_pods);
        self.assumptions.apply(&mut setup);
        setup
    }

    /// `ec2-today-replayed`: today's types and policy. Its cost over the observed one is the model's optimism.
    pub fn today_replayed(&self) -> Setup {
        let consolidation = if self.karpenter { Consolidation::KARPENTER } else { Consolidation::EmptyOnly };
        self.ec2("ec2-today-replayed", Buy::AsObserved, Requests::AsTheyAre, consolidation)
    }

    /// `ec2-repacked` as Karpenter would: first-fit by decreasing CPU.
    pub fn repacked_by_karpenter(&self) -> Setup {
        self.ec2("ec2-repacked-karpenter", Buy::FirstFitDecreasing, Requests::AsTheyAre, Consolidation::KARPENTER)
    }

    /// `ec2-repacked` at its best: by the best packer there is. What a verdict compares with.
    pub fn repacked(&self) -> Setup {
        self.ec2("ec2-repacked", Buy::DotProduct, Requests::AsTheyAre, Consolidation::KARPENTER)
    }

    /// `ec2-rightsized`: the same with requests from usage.
    pub fn ec2_rightsized(&self) -> Setup {
        self.ec2("ec2-rightsized", Buy::DotProduct, Requests::RightSized, Consolidation::KARPENTER)
    }

    fn pool(&self, id: &str, host: &HostType, family: &[u32], requests: Requests) -> Setup {
        let today = if self.karpenter { Consolidation::KARPENTER } else { Consolidation::EmptyOnly };
        let mut setup = self.ec2(id, Buy::AsObserved, requests, today);
        setup.pool = Some(Pool::new(host.clone(), &self.catalog, family));
        self.assumptions.apply(&mut setup);
        setup
    }

    /// `emp`: elastic VMs of `family` on `host`, at the ratios assumed. What does not move stays on today's types under
    /// today's policy, so that with nothing to move it equals `ec2-today-replayed`.
    pub fn emp(&self, host: &HostType, family: &[u32]) -> Setup {
        self.pool("emp", host, family, Requests::AsTheyAre)
    }

    /// `emp-rightsized`: the same with requests from usage.
    pub fn emp_rightsized(&self, host: &HostType, family: &[u32]) -> Setup {
        self.pool("emp-rightsized", host, family, Requests::RightSized)
    }

    /// The variants of `emp-tuned` on one host: every pair of ratios. [`choose`] takes one.
    pub fn tuning_grid(&self, host: &HostType, family: &[u32], memory: &[f64], cpu: &[f64]) -> Vec<Setup> {
        let mut grid = Vec::with_capacity(memory.len() * cpu.len());
        for memory in memory {
            for cpu in cpu {
                let mut setup = self.emp(host, family);
                "emp-tuned".clone_into(&mut setup.id);
                if let Some(pool) = &mut setup.pool {
                    (pool.memory_overcommit, pool.cpu_overcommit) = (*memory, *cpu);
                }
                grid.push(setup);
            }
        }
        grid
    }
}

/// The cheapest variant that holds the target, by its place; the first of equals. `None` when none does.
///
/// Choices are made on what came before ([`crate::Replay::so_far`] after two thirds of the window) and reported on what
/// came after ([`Outcome::since`]), so that no scenario is judged on the slots it was chosen by. `cost` is `None` where
/// a price is missing; such a variant is never chosen.
pub fn choose(
    so_far: &[Outcome],
    target: &RiskTarget,
    cost: impl Fn(usize, &Outcome) -> Option<NanoUsd>,
) -> Option<usize> {
    let holding = so_far.iter().enumerate().filter(|(_, outcome)| target.holds(outcome));
    holding.filter_map(|(at, outcome)| Some((cost(at, outcome)?, at))).min().map(|(_, at)| at)
}
