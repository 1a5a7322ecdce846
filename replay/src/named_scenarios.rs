//! The scenarios by name, each a configuration of the one engine, and the choices among their variants.

use std::sync::Arc;

use crate::assumptions::{Assumptions, PoolZones};
use crate::input_hour::Ask;
use crate::machine_types::{Catalog, HostType};
use crate::scenario_setup::{Buy, Consolidation, Ec2, EvictionLimits, Headroom, Pool, Requests, Setup};

/// Base that every scenario of a cluster is made from.
#[derive(Debug, Clone)]
pub struct Base {
    /// Machine types by index.
    pub catalog: Arc<Catalog>,
    /// EC2 types that may be bought, as indexes into the catalog.
    pub ec2_types: Vec<u32>,
    /// Requests of daemons on every machine ([`crate::daemons_of`]).
    pub daemons: Ask,
    /// Daemons on every machine.
    pub daemon_pods: u32,
    /// vCPU and MiB of the largest machine that may be bought; `None` where size is not limited.
    pub largest: Option<(u32, u32)>,
    /// Zones, those in which pods request most first ([`crate::zones_of`]): where a pool is in fewer than all, it is in
    /// the first of them.
    pub zones: Vec<u16>,
    /// Platforms that are spot capacity.
    pub spot: Vec<u16>,
    /// Evictions that draining keeps to in every scenario but today's.
    pub evictions: EvictionLimits,
    /// Pods that a machine bought for the rival takes at most, daemons aside, so that losing one takes no more pods than the
    /// judge allows; `u32::MAX` where that is not limited.
    pub most_pods: u32,
    /// Whether Karpenter drains nodes of the cluster: then today's machines are consolidated as it does.
    pub karpenter: bool,
    /// Assumptions.
    pub assumptions: Assumptions,
}

impl Base {
    fn ec2(&self, id: &str, buy: Buy, requests: Requests, consolidation: Consolidation) -> Setup {
        let mut setup = Setup::new(id, Arc::clone(&self.catalog));
        setup.ec2.types = self.no_larger_than(1.0);
        (setup.ec2.buy, setup.ec2.consolidation) = (buy, consolidation);
        setup.ec2.most_pods = if buy == Buy::Cheapest { self.most_pods } else { u32::MAX };
        (setup.requests, setup.daemons, setup.daemon_pods) = (requests, self.daemons, self.daemon_pods);
        setup.evictions = self.evictions;
        setup.spot.clone_from(&self.spot);
        self.assumptions.apply(&mut setup);
        setup
    }

    /// `ec2-today-replayed`: today's types and policy. Its cost over the observed one is the model's optimism.
    pub fn today_replayed(&self) -> Setup {
        let consolidation = if self.karpenter { Consolidation::KARPENTER } else { Consolidation::EmptyOnly };
        let today = self.ec2("ec2-today-replayed", Buy::AsObserved, Requests::AsTheyAre, consolidation);
        Setup { evictions: EvictionLimits::OPEN, headroom: Headroom { warm_machines: 0, ..today.headroom }, ..today }
    }

    /// The EC2 types that may be bought and are no larger than a share of the largest.
    pub fn no_larger_than(&self, share: f64) -> Vec<u32> {
        let Some((vcpu, memory_mib)) = self.largest else { return self.ec2_types.clone() };
        let part = |size: u32| crate::number::whole(f64::from(size) * share);
        self.catalog.no_larger_than(&self.ec2_types, part(vcpu), part(memory_mib))
    }

    /// A scenario on EC2 alone by a policy of its own.
    pub fn ec2_by(&self, id: &str, policy: Ec2, requests: Requests) -> Setup {
        let mut setup = self.ec2(id, policy.buy, requests, policy.consolidation);
        setup.ec2 = policy;
        setup
    }

    /// `ec2-repacked` as Karpenter would: first-fit by decreasing CPU.
    pub fn repacked_by_karpenter(&self) -> Setup {
        self.ec2("ec2-repacked-karpenter", Buy::FirstFitDecreasing, Requests::AsTheyAre, Consolidation::KARPENTER)
    }

    /// `ec2-repacked` at its best: by the best packer there is. What a verdict compares with.
    pub fn repacked(&self) -> Setup {
        self.ec2("ec2-repacked", Buy::Cheapest, Requests::AsTheyAre, Consolidation::KARPENTER)
    }

    /// `ec2-rightsized`: the same with requests from usage.
    pub fn ec2_rightsized(&self) -> Setup {
        self.ec2("ec2-rightsized", Buy::Cheapest, Requests::RightSized, Consolidation::KARPENTER)
    }

    fn pool(&self, id: &str, host: &HostType, family: &[u32], requests: Requests) -> Setup {
        let today = if self.karpenter { Consolidation::KARPENTER } else { Consolidation::EmptyOnly };
        let mut setup = self.ec2(id, Buy::AsObserved, requests, today);
        let zones = match self.assumptions.emp_zones {
            PoolZones::All => None,
            PoolZones::One => self.zones.get(..1),
            PoolZones::Two => self.zones.get(..2.min(self.zones.len())),
        };
        let pool = Pool::new(host.clone(), &self.catalog, family);
        setup.pool = Some(Pool { zones: zones.unwrap_or_default().to_vec(), ..pool });
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
}
