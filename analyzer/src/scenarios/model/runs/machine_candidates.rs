//! The machines of a region as the replay engine takes them: what was seen, what could be bought, and the hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use catalog::InstanceType;
use replay::{Base, Catalog, EvictionLimits, HostType, Hour, MachineType, daemons_of, zones_of};
use types::ComputeType;
use types::analysis::PriceKind;

use crate::assumptions::Assumptions;
use crate::assumptions::choices::TodayConsolidates;
use crate::bill::today::{capacity_type_of, operating_system};
use crate::monthly_scaling::HOURS_A_WEEK;
use crate::prices::{CapacityType, MachineKind, PriceBook};
use crate::read::replay_input::{NodeFacts, NodePlace, Platform};
use crate::sums::hour_facts::Spread;
use crate::sums::node_billing::{NodeKind, is_linux};
use crate::sums::window_totals::Observed;

/// The oldest generation that is bought. Karpenter's own default is 3; AWS calls those before 5 previous generations,
/// which new capacity is not planned on.
const OLDEST_GENERATION: u32 = 5;
/// The categories that are bought: Karpenter's own default.
const CATEGORIES: [&str; 3] = ["c", "m", "r"];
/// Devices of a machine that volumes of pods do not get: the root disk, and a network interface where it counts.
const ROOT_DISK: i64 = 1;
const NETWORK_INTERFACE: i64 = 1;

/// Pods that a machine of the rival takes at most: so many that losing one takes no more of the pods there are on average
/// than the judge allows, by how they are spread today; of the week that has fewest.
fn most_pods(spread: &[Spread], assumptions: &replay::Assumptions) -> u32 {
    let week = |week: &[Spread]| {
        let sum = |part: fn(&Spread) -> u32| week.iter().map(|spread| f64::from(part(spread))).sum::<f64>();
        let (pods, in_zone) = (sum(|spread| spread.pods), sum(|spread| spread.in_zone));
        let mean = pods / f64::from(crate::number::count(week.len()).max(1));
        let zone = (in_zone / pods.max(1.0)).min(1.0);
        let on_one = week.iter().map(|spread| spread.on_one).max().unwrap_or_default();
        let on_one = (f64::from(on_one) / mean.max(1.0)).min(1.0);
        // As the judge reads it: what a zone's loss takes, or leaves, is allowed too, and what a node's takes today.
        let today = zone.min(1.0 - zone).max(on_one);
        let allowed = assumptions.risk_blast_radius.max(today * assumptions.risk_today_factor);
        crate::number::floor(allowed * mean)
    };
    // Hours that are no whole week say little about one.
    let weeks = spread.rchunks_exact(HOURS_A_WEEK).map(week).min();
    let most = weeks.or_else(|| (!spread.is_empty()).then(|| week(spread)));
    most.and_then(|most| u32::try_from(most.max(1)).ok()).unwrap_or(u32::MAX)
}

/// A bare-metal type that may carry elastic VMs.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) host: HostType,
    /// The types elastic VMs may have: those of its family.
    pub(crate) family: Vec<u32>,
    pub(crate) machine: MachineKind,
}

/// Everything there is to choose from.
#[derive(Debug)]
pub(crate) struct Machines<'a> {
    pub(crate) catalog: Arc<Catalog>,
    /// Kinds by which the types of the catalog are priced, by index.
    pub(crate) kinds: Vec<MachineKind>,
    pub(crate) platforms: Vec<Platform>,
    index: BTreeMap<(String, u16), u32>,
    /// Types that may be bought.
    pub(crate) ec2_types: Vec<u32>,
    pub(crate) hosts: Vec<Candidate>,
    /// Types that nodes were seen on; they come first in the catalog.
    observed_types: usize,
    region: String,
    book: &'a PriceBook,
    assumptions: &'a Assumptions,
}

impl<'a> Machines<'a> {
    /// The machines for a cluster of these nodes in `region`.
    pub(crate) fn new<'k>(
        kinds: impl Iterator<Item = &'k NodeKind>,
        region: &str,
        book: &'a PriceBook,
        assumptions: &'a Assumptions,
    ) -> Self {
        let mut machines = Self {
            catalog: Arc::default(),
            kinds: Vec::new(),
            platforms: Vec::new(),
            index: BTreeMap::new(),
            ec2_types: Vec::new(),
            hosts: Vec::new(),
            observed_types: 0,
            region: region.to_owned(),
            book,
            assumptions,
        };
        let mut seen: BTreeSet<(Platform, &str)> = BTreeSet::new();
        for kind in kinds {
            if let Ok((platform, of_book)) = machines.seen_as(&NodeFacts::from(kind)) {
                seen.insert((platform, of_book.name.as_str()));
            }
        }
        // Where spot moves, it moves to elastic VMs, which are priced and judged as on-demand.
        if assumptions.terms.moves_spot() && seen.iter().any(|(platform, _)| platform.suits_elastic_vms()) {
            machines.platforms.push(Platform { arch: "amd64".to_owned(), os: "linux".to_owned(), spot: false });
        }
        let mut rows = Vec::new();
        for platform in seen.iter().map(|(platform, _)| platform).collect::<BTreeSet<_>>() {
            if !machines.platforms.contains(platform) {
                machines.platforms.push(platform.clone());
            }
        }
        for (platform, name) in &seen {
            machines.add(name, platform, &mut rows);
        }
        machines.observed_types = rows.len();
        for platform in machines.platforms.clone() {
            for kind in book.instance_types().filter(|kind| may_be_bought(kind) && kind.arch == platform.arch) {
                if machines.certain(kind) {
                    let index = machines.add(&kind.name, &platform, &mut rows);
                    machines.ec2_types.extend(index);
                }
            }
        }
        machines.add_hosts(&mut rows);
        machines.catalog = Arc::new(Catalog { machines: rows });
        machines
    }

    /// What every scenario is made from, given the first hour.
    pub(crate) fn base(&self, first: &Hour, observed: &Observed, assumptions: &Assumptions) -> Base {
        let (daemons, daemon_pods) = daemons_of(first);
        let replay = assumptions.replay;
        Base {
            catalog: Arc::clone(&self.catalog),
            ec2_types: self.ec2_types.clone(),
            daemons,
            daemon_pods,
            zones: zones_of(first),
            spot: (0..).zip(&self.platforms).filter(|(_, platform)| platform.spot).map(|(at, _)| at).collect(),
            largest: self.largest(replay.ec2_largest_machine),
            evictions: EvictionLimits {
                per_pod_day: replay.risk_evictions,
                per_single_pod_day: replay.risk_single_evictions,
            },
            most_pods: most_pods(&observed.spread, &replay),
            karpenter: match assumptions.terms.ec2_today_consolidates {
                TodayConsolidates::Seen => observed.drained.is_seen(),
                TodayConsolidates::Yes => true,
                TodayConsolidates::No => false,
            },
            assumptions: replay,
        }
    }

    /// vCPU and MiB of the largest machine that may be bought: a multiple of today's largest.
    pub(crate) fn largest(&self, multiple: f64) -> Option<(u32, u32)> {
        let today = self.catalog.machines.get(..self.observed_types).unwrap_or_default();
        let times = |size: u32| small(crate::number::whole(f64::from(size) * multiple));
        let vcpu = today.iter().map(|kind| kind.vcpu).max()?;
        let memory = today.iter().map(|kind| kind.memory_mib).max()?;
        Some((times(vcpu), times(memory)))
    }

    /// The platform a node belongs to and its type; or why it stays as it is.
    fn seen_as(&self, node: &NodeFacts<'_>) -> Result<(Platform, &'a InstanceType), &'static str> {
        match node.compute_type {
            ComputeType::Ec2 => {}
            ComputeType::Fargate => return Err("on Fargate, which has no node to share"),
            ComputeType::AutoMode => return Err("on a machine of EKS Auto Mode"),
            ComputeType::Outpost => return Err("on an Outpost, whose rack is paid for all the same"),
            _ => return Err("not on an EC2 machine"),
        }
        if node.emp_owned {
            return Err("on an elastic VM already");
        }
        let os = node.os.unwrap_or("linux");
        if !is_linux(os) {
            return Err("not on Linux");
        }
        let kind = node.instance_type.and_then(|name| self.book.instance_type(name));
        let kind = kind.ok_or("on a node whose type is not known")?;
        let capacity = capacity_type_of(node.capacity_type, self.assumptions);
        let capacity = capacity.ok_or("on a node of which nothing says on-demand or spot")?;
        let rate = self.book.rate(&self.machine(&kind.name, capacity, os));
        rate.ok_or("on a node without a price to compare with")?;
        if kind.accelerators > 0 {
            return Err("on a machine with a GPU or another accelerator");
        }
        let spot = capacity == CapacityType::Spot;
        Ok((Platform { arch: kind.arch.clone(), os: os.to_owned(), spot }, kind))
    }

    /// A machine with an operating system as it is priced.
    fn machine(&self, name: &str, capacity: CapacityType, os: &str) -> MachineKind {
        let os = operating_system(Some(os), self.assumptions).unwrap_or_default();
        MachineKind { os, ..MachineKind::new(name, capacity, &self.region) }
    }

    /// Platform and type of a node; or why it stays as it is.
    pub(crate) fn node(&self, node: &NodeFacts<'_>) -> Result<NodePlace, &'static str> {
        let (platform, kind) = self.seen_as(node)?;
        let at = self.platforms.iter().position(|known| *known == platform).and_then(|at| u16::try_from(at).ok());
        let place = at.and_then(|platform| {
            let machine_type = *self.index.get(&(kind.name.clone(), platform))?;
            Some(NodePlace { platform, machine_type })
        });
        place.ok_or("on a type whose limits are not known")
    }

    pub(crate) fn platform(&self, place: NodePlace) -> Option<&Platform> {
        self.platforms.get(usize::from(place.platform))
    }

    /// Returns true when an on-demand price of it was seen or derived; where it is only estimated, the region may not
    /// sell it.
    fn certain(&self, kind: &InstanceType) -> bool {
        let list = self.book.node(&kind.name, CapacityType::OnDemand, &self.region);
        list.is_some_and(|list| list.origin.kind != PriceKind::Estimated)
    }

    fn add(&mut self, name: &str, platform: &Platform, rows: &mut Vec<MachineType>) -> Option<u32> {
        let at = self.platforms.iter().position(|known| known == platform).and_then(|at| u16::try_from(at).ok())?;
        if let Some(index) = self.index.get(&(name.to_owned(), at)) {
            return Some(*index);
        }
        let kind = self.book.instance_type(name)?;
        let left = kind.allocatable()?;
        let machine = self.machine(name, capacity_of(platform), &platform.os);
        let price = self.book.rate(&machine).map(|rate| rate.contracted.price);
        let taken = ROOT_DISK + if kind.attachments_shared { NETWORK_INTERFACE } else { 0 };
        rows.push(MachineType {
            name: name.to_owned(),
            platform: at,
            vcpu: small(kind.vcpu),
            memory_mib: small(kind.memory_mib),
            allocatable_millicores: small(left.cpu_millicores),
            allocatable_mib: small(left.memory_mib),
            max_pods: small(kind.max_pods?),
            max_volumes: small(kind.attachments - taken),
            price,
        });
        self.kinds.push(machine);
        let index = u32::try_from(self.kinds.len() - 1).ok()?;
        self.index.insert((name.to_owned(), at), index);
        Some(index)
    }

    /// Bare metal for amd64 on-demand nodes of Linux without a subscription, where there are any.
    fn add_hosts(&mut self, rows: &mut Vec<MachineType>) {
        let movable = |platform: &&Platform| platform.suits_elastic_vms() && !platform.spot;
        let Some(platform) = self.platforms.iter().find(movable).cloned() else { return };
        let metal = |kind: &&InstanceType| {
            kind.bare_metal && kind.accelerators == 0 && kind.arch == "amd64" && !kind.family().starts_with('u')
        };
        for kind in self.book.instance_types().filter(metal) {
            if !self.certain(kind) || !self.book.is_host(&kind.name) {
                continue;
            }
            let machine = MachineKind::new(&kind.name, CapacityType::OnDemand, &self.region);
            let Some(rate) = self.book.rate(&machine) else { continue };
            let sizes = self.book.instance_types().filter(|size| size.family() == kind.family() && !size.bare_metal);
            let names: Vec<_> = sizes.map(|size| size.name.clone()).collect();
            let family: Vec<_> = names.iter().filter_map(|name| self.add(name, &platform, rows)).collect();
            let Some(ips) = kind.max_pods.filter(|_| !family.is_empty()) else { continue };
            self.hosts.push(Candidate {
                host: HostType {
                    name: kind.name.clone(),
                    threads: small(kind.vcpu),
                    memory_mib: small(kind.memory_mib),
                    max_attachments: small(kind.attachments - ROOT_DISK),
                    max_ips: small(ips),
                    price: Some(rate.contracted.price),
                },
                family,
                machine,
            });
        }
    }
}

impl<'a> From<&'a NodeKind> for NodeFacts<'a> {
    fn from(kind: &'a NodeKind) -> Self {
        Self {
            instance_type: kind.instance_type.as_deref(),
            compute_type: kind.compute_type.clone(),
            capacity_type: kind.capacity_type.as_deref(),
            os: kind.os.as_deref(),
            emp_owned: kind.emp_owned,
        }
    }
}

fn capacity_of(platform: &Platform) -> CapacityType {
    if platform.spot { CapacityType::Spot } else { CapacityType::OnDemand }
}

/// Returns true when a rival on EC2 buys it: of a category and generation Karpenter takes by default, and one that
/// gives all its CPU all the time, which burstable and flex types do not.
fn may_be_bought(kind: &InstanceType) -> bool {
    let family = kind.family();
    let digit = family.find(|c: char| c.is_ascii_digit()).unwrap_or(family.len());
    let (category, rest) = family.split_at(digit);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let generation: u32 = digits.parse().unwrap_or_default();
    CATEGORIES.contains(&category)
        && generation >= OLDEST_GENERATION
        && !family.contains("flex")
        && !kind.bare_metal
        && kind.accelerators == 0
}

fn small(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Spread, most_pods};

    #[test]
    fn a_machine_takes_a_share_of_the_pods_there_are_on_average() {
        let most = |spread: &[Spread]| most_pods(spread, &replay::Assumptions::default());
        let spread = |pods, on_one, in_zone| Spread { pods, on_one, in_zone };
        // A fifth of a hundred pods in one zone, and more where today's nodes or zones carry more.
        assert_eq!(most(&[spread(100, 5, 100); 24]), 20);
        assert_eq!(most(&[spread(100, 30, 100); 24]), 33);
        assert_eq!(most(&[spread(100, 5, 40); 24]), 44);
        // One pod left at night says little of what a lost machine takes.
        let nights: Vec<Spread> =
            (0..336).map(|h| if h % 24 < 6 { spread(1, 1, 1) } else { spread(100, 5, 100) }).collect();
        assert_eq!(most(&nights), 15);
        // The week that has fewest counts, and hours that are no whole week do not.
        let weeks: Vec<Spread> = (0..346).map(|h| spread(if h < 178 { 10 } else { 100 }, 1, 5)).collect();
        assert_eq!(most(&weeks), 5);
        assert_eq!(most(&[]), u32::MAX);
        assert_eq!(most(&[spread(1, 1, 1)]), 1);
    }
}
