//! One scenario, advanced hour by hour: machines, hosts, and where pods are.
//!
//! Every decision sees the past only: what pods asked for, and what was used in slots that are over. The order of
//! things within a slot is that of `MODEL.md`, section 4.

mod consolidation;
mod eviction_budget;
mod frozen_zones;
mod host_assignment;
mod host_rebalancing;
mod initial_machines;
mod late_starts;
mod machine_lifecycle;
mod machine_lots;
mod machine_replacement;
mod pod_scheduling;
mod rightsizing_restart;
mod shifted_ends;
mod slot_measurement;
mod slot_order;
mod state;
mod successive_memory;
mod warm_machines;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem::take;

use crate::cluster::{Cluster, NEVER};
use crate::decision_log::Observer;
use crate::input_hour::HOUR_SECONDS;
use crate::number::{index, unsigned, whole};
use crate::outcome::{HourBilled, Interruptions, Outcome, Owed};
use crate::placement::{Item, Offer, Packer, Room};
use crate::scenario_setup::{Requests, Setup};
use crate::slab::{FreePlaces, Table};
use state::{Billed, Due, Host, Kind, Lates, Lot, LotOf, Machine, Place, Recent, Runs, Stay};

/// One scenario.
#[derive(Debug, Clone)]
pub(crate) struct Simulation<O> {
    setup: Setup,
    kinds: Table<Kind>,
    /// Room of the largest of them: what sizes of pods are shares of.
    typical: Room,
    lots: Table<Lot>,
    /// What each of them is a lot of.
    lots_of: Vec<LotOf>,
    machines: Table<Machine>,
    free_machines: FreePlaces,
    hosts: Table<Host>,
    free_hosts: FreePlaces,
    /// Zones with hosts, in order, and since when.
    zones: Vec<(u16, i64)>,
    places: Table<Place>,
    /// Work that is due and waits, or started late.
    late: Lates,
    /// Runs of workloads that run by the clock.
    runs: Runs,
    /// Elastic VMs without a host.
    hostless: Vec<u32>,
    queue: BinaryHeap<Reverse<(i64, Due)>>,
    packers: Vec<(u16, Vec<Offer>, Packer)>,
    serials: (u32, u32),
    /// Machines that stand for today's nodes in the first second, by node.
    seeded: Vec<(u32, u32)>,
    /// Machines and hosts come up at once: the first second, and the first after missing hours.
    instant: bool,
    /// Start of the hour and slot in work.
    hour_start: i64,
    slot: usize,
    /// The slot in work on the clock of histories, which a slot that is silent everywhere does not advance.
    history_slot: u64,
    /// Zones that are frozen in the slot in work.
    frozen_zones: Vec<u16>,
    /// Pods that ended in the slot in work.
    ended: Vec<Stay>,
    billed: Billed,
    peaks_known: bool,
    /// Machines that may be empty.
    idle: Vec<u32>,
    /// Pods that run, by workload.
    replicas: Table<u32>,
    /// `true` when machines or hosts came or went since extents were last looked at.
    stock_changed: bool,
    /// CPU used by workload in the warm-up, by whole hours.
    cpu_before: Vec<u64>,
    /// Evictions that the limits look back on.
    recent: Recent,
    outcome: Outcome,
    observer: O,
}

impl<O: Observer> Simulation<O> {
    pub(crate) fn new(setup: Setup, observer: O) -> Self {
        let most_pods = if setup.pool.is_some() { u32::MAX } else { setup.ec2.most_pods };
        let kind = |kind: &crate::machine_types::MachineType| Kind {
            room: Room {
                cpu: kind.allocatable_millicores.saturating_sub(setup.daemons.cpu_millicores),
                memory: kind.allocatable_mib.saturating_sub(setup.daemons.memory_mib),
                pods: kind.max_pods.saturating_sub(setup.daemon_pods).min(most_pods),
                volumes: kind.max_volumes,
            },
            cpu: whole(f64::from(kind.vcpu) * 1000.0 * setup.smt_yield),
            vcpu: kind.vcpu,
            memory_mib: kind.memory_mib,
            platform: kind.platform,
            price: kind.price,
        };
        let kinds: Vec<Kind> = setup.catalog.machines.iter().map(kind).collect();
        let n = kinds.len();
        let mut platforms: Vec<u16> = kinds.iter().map(|kind| kind.platform).collect();
        platforms.sort_unstable();
        platforms.dedup();
        let offers = |platform: u16| {
            let offer = |id: &u32| {
                let kind = kinds.get(index(*id))?;
                let price = kind.price.filter(|_| kind.platform == platform)?;
                Some(Offer { price, room: kind.room, id: *id })
            };
            let offers: Vec<Offer> = setup.ec2.types.iter().filter_map(offer).collect();
            let packer = Packer::new(&offers);
            (platform, offers, packer)
        };
        let packers = platforms.iter().map(|platform| offers(*platform)).collect();
        Self {
            outcome: Outcome {
                id: setup.id.clone(),
                interruptions: Interruptions { per_month: setup.spot_interruptions, ..Interruptions::default() },
                ..Outcome::default()
            },
            typical: kinds.iter().map(|kind| kind.room).max().unwrap_or_default(),
            kinds: kinds.into(),
            packers,
            setup,
            lots: Table::default(),
            lots_of: Vec::new(),
            machines: Table::default(),
            free_machines: FreePlaces::default(),
            hosts: Table::default(),
            free_hosts: FreePlaces::default(),
            zones: Vec::new(),
            places: Table::default(),
            late: Lates::default(),
            runs: Runs::default(),
            hostless: Vec::new(),
            queue: BinaryHeap::new(),
            serials: (0, 0),
            seeded: Vec::new(),
            instant: false,
            hour_start: 0,
            slot: 0,
            history_slot: 0,
            frozen_zones: Vec::new(),
            ended: Vec::new(),
            billed: Billed {
                nodes: vec![0; n],
                evms: vec![0; n],
                frozen_nodes: vec![0; n],
                frozen_evms: vec![0; n],
                ..Billed::default()
            },
            peaks_known: true,
            idle: Vec::new(),
            replicas: Table::default(),
            stock_changed: true,
            cpu_before: Vec::new(),
            recent: Recent::default(),
            observer,
        }
    }

    /// Returns its outcome, with pods that still live counted to the end of the last hour.
    pub(crate) fn finish(mut self, cluster: &Cluster) -> (Outcome, O) {
        let end = cluster.hours * HOUR_SECONDS;
        for pod in self.places.ids() {
            if self.places[pod].asked_since < NEVER {
                self.count_unfinished(cluster, pod, end);
            }
        }
        self.outcome.service.asked_seconds = cluster.asked_seconds;
        self.outcome.cpu_used_by_workload = crate::outcome::less(&cluster.cpu_used, &self.cpu_before);
        self.outcome.imputed = cluster.imputed;
        self.outcome.empty_nodes = cluster.empty_nodes.iter().map(|(kind, seconds)| (*kind, *seconds)).collect();
        self.outcome.groups = self.lots.iter_mut().map(|lot| take(&mut lot.group)).collect();
        self.outcome.groups.sort_by_key(|group| (group.evm, group.zone, group.platform));
        let served = self.outcome.groups.iter().flat_map(|group| group.served.iter().flatten());
        self.outcome.service.done = served.fold(Owed::default(), |mut done, served| {
            done.add(Owed { seconds: served.pods, millicore_seconds: served.cpu, mib_seconds: served.memory });
            done
        });
        for risk in [&mut self.outcome.machines, &mut self.outcome.hosts] {
            risk.lost_core_ms_at_peaks = risk.lost_core_ms_at_peaks.filter(|_| self.peaks_known);
        }
        (self.outcome, self.observer)
    }

    /// Returns true when a moment lies in the warm-up, whose risk does not count.
    fn warming_up(&self, at: i64) -> bool {
        at < self.setup.warm_up_seconds
    }

    fn item(&self, cluster: &Cluster, pod: u32) -> Item {
        let pod = &cluster.pods[pod];
        let ask = match self.setup.requests {
            Requests::AsTheyAre => pod.as_is,
            Requests::RightSized => pod.sized,
        };
        Item { cpu: ask.cpu_millicores, memory: ask.memory_mib, volumes: pod.volumes.into() }
    }

    /// The hour's seconds of everything that is there, onto the bill.
    fn bill_hour(&mut self, cluster: &Cluster) {
        let end = self.hour_start + HOUR_SECONDS;
        for m in self.machines.ids() {
            if self.machines[m].live {
                self.bill_machine(m, end);
            }
        }
        for h in self.hosts.ids() {
            if self.hosts[h].live {
                self.bill_host(h, end);
            }
        }
        let spares = self.setup.pool.as_ref().map_or(0, |pool| pool.spare_hosts_per_zone);
        for (_, since) in &self.zones {
            let seconds = unsigned(end - since.max(&self.hour_start));
            self.billed.zones += seconds;
            self.billed.spare += seconds * u64::from(spares);
        }
        let rows = |seconds: &mut Vec<u64>, frozen: &mut Vec<u64>| {
            let billed = seconds.iter_mut().zip(frozen).map(|(seconds, less)| take(seconds) - take(less));
            (0..).zip(billed).filter(|(_, seconds)| *seconds > 0).collect()
        };
        let frozen_zones = take(&mut self.billed.frozen_zones);
        self.count_frozen(cluster.hour_start, &cluster.frozen);
        self.outcome.hours.push(HourBilled {
            start: cluster.hour_start,
            node_seconds: rows(&mut self.billed.nodes, &mut self.billed.frozen_nodes),
            evm_seconds: rows(&mut self.billed.evms, &mut self.billed.frozen_evms),
            host_seconds: take(&mut self.billed.hosts) - take(&mut self.billed.frozen_hosts),
            spare_host_seconds: take(&mut self.billed.spare) - frozen_zones * u64::from(spares),
            zone_seconds: take(&mut self.billed.zones) - frozen_zones,
        });
    }

    /// The seconds of a machine in this hour, up to `end`. Nodes from their request, elastic VMs from ready.
    fn bill_machine(&mut self, m: u32, end: i64) {
        let machine = &self.machines[m];
        let (since, rows) = match machine.evm {
            Some(_) if machine.ready => (machine.ready_at, &mut self.billed.evms),
            Some(_) => return,
            None => (machine.requested, &mut self.billed.nodes),
        };
        if let Some(seconds) = rows.get_mut(index(machine.kind)) {
            *seconds += unsigned(end - since.max(self.hour_start));
        }
    }

    fn bill_host(&mut self, h: u32, end: i64) {
        self.billed.hosts += unsigned(end - self.hosts[h].requested.max(self.hour_start));
    }
}
