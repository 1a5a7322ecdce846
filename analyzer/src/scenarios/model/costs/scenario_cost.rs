//! An outcome into money: the same prices, commitments and lines as today's bill.

use std::collections::BTreeMap;

use replay::{HourBilled, Outcome};
use types::analysis::{CostItem, ExactLines, PriceOrigin};
use types::window::HOUR_SECONDS;
use types::{Hour, NanoUsd};

use crate::assumptions::Assumptions;
use crate::bill::today::Bill;
use crate::monthly_scaling::{Month, month_seconds};
use crate::number::whole;
use crate::prices::{CapacityType, MachineKind, PriceBook, Priced};
use crate::pricing::{HourlyCost, Pricing};
use crate::read::replay_input::NodeFacts;
use crate::scenarios::model::runs::machine_candidates::{Candidate, Machines};
use crate::scenarios::model::runs::replayed_scenario::Replayed;
use crate::sums::node_billing::BilledAs;
use crate::sums::window_totals::Observed;
use crate::units::unsigned;

/// Seconds of machines that stay as they are, hour by hour.
pub(crate) type AsIs = Vec<(Hour, BTreeMap<MachineKind, i64>)>;

/// Cost of a scenario.
#[derive(Debug, Clone)]
pub(crate) struct Money {
    pub(crate) lines: ExactLines,
    /// The machines but for spare hosts, and the commitments as all of them use them.
    pub(crate) compute: HourlyCost,
    /// Cost of the hosts, spare ones among them.
    pub(crate) hosts: NanoUsd,
    /// Of that, what spare hosts add, without their disks.
    pub(crate) spare_hosts: NanoUsd,
    /// Cost of the elastic VMs as EC2 machines; `None` where one has no price.
    pub(crate) before: Option<NanoUsd>,
    /// Items of the lines that machines have a part in, beside compute.
    pub(crate) items: Vec<CostItem>,
}

/// The machines that are meant beside nodes and the hosts that carry something.
#[derive(Debug, Clone, Copy)]
struct Beside {
    /// Those that stay as they are in every scenario.
    as_is: bool,
    spare_hosts: bool,
}

/// Prices outcomes.
#[derive(Debug, Clone)]
pub(crate) struct Pricer<'a> {
    book: &'a PriceBook,
    kinds: Vec<MachineKind>,
    as_is: AsIs,
    /// Every machine as it was observed.
    as_observed: AsIs,
    lines: ExactLines,
    /// Root disks and licences of nodes that stay as they are.
    as_is_disks: NanoUsd,
    as_is_licences: NanoUsd,
    /// Root disks and licences of the other nodes, and the seconds they are for.
    disks: NanoUsd,
    licences: NanoUsd,
    seconds: i64,
    /// Root disk of an elastic VM for a month.
    evm_disk_month: Option<NanoUsd>,
    /// Disk of a host for a month.
    host_disk_month: Option<NanoUsd>,
    /// Cost that volumes have on top under a pool; `None` where a price of that is missing.
    more_for_volumes: Option<NanoUsd>,
    /// NAT gateway of a zone with hosts, for an hour.
    nat_gateway_hour: Option<Priced<NanoUsd>>,
    /// Origins of the prices of root disks and licences.
    origins: BTreeMap<&'static str, PriceOrigin>,
    fee_fraction: f64,
    /// Seconds of the nodes that move, by type.
    moving: BTreeMap<String, i64>,
    /// Seconds of which something is known, of hours in which it is not all of them, by their start.
    known: BTreeMap<i64, i64>,
}

impl<'a> Pricer<'a> {
    pub(crate) fn new(
        observed: &Observed,
        bill: &Bill,
        book: &'a PriceBook,
        machines: &Machines<'_>,
        assumptions: &Assumptions,
    ) -> Self {
        let region = observed.region().unwrap_or("all");
        let gib = assumptions.replay.emp_evm_disk_gib;
        let host_gib = assumptions.terms.emp_host_disk_gib;
        let disk_type = assumptions.terms.ec2_root_disk_type.volume_type();
        let disk = disk_type.and_then(|disk_type| book.volume(disk_type, region));
        let disk_month = |gib: f64| match disk_type {
            None => Some(NanoUsd::ZERO),
            Some(_) => disk.as_ref().map(|disk| of_gib(disk, gib)),
        };
        let mut pricer = Self {
            book,
            kinds: machines.kinds.clone(),
            as_is: Vec::new(),
            as_observed: Vec::new(),
            lines: bill.lines,
            as_is_disks: NanoUsd::ZERO,
            as_is_licences: NanoUsd::ZERO,
            disks: NanoUsd::ZERO,
            licences: NanoUsd::ZERO,
            seconds: 0,
            evm_disk_month: disk_month(gib),
            host_disk_month: disk_month(host_gib),
            more_for_volumes: bill.more_for_volumes,
            nat_gateway_hour: book.other("vpc.nat_gateway", region),
            origins: [ROOT_DISKS, LICENCES]
                .into_iter()
                .filter_map(|line| Some((line, origin_of(bill, line)?)))
                .chain(book.volume("io2", region).map(|io2| (VOLUMES, io2.origin)))
                .collect(),
            fee_fraction: assumptions.replay.emp_fee_fraction,
            moving: BTreeMap::new(),
            known: observed.unknown.keys().map(|hour| (*hour, whole(observed.known_of(*hour) * 3600.0))).collect(),
        };
        let spot_moves = assumptions.terms.moves_spot();
        let placed = |kind| machines.node(&NodeFacts::from(kind));
        let mut stays = BTreeMap::new();
        let mut priced = BTreeMap::new();
        for node in &bill.nodes {
            if let Ok(price) = &node.cost {
                priced.insert(&node.billed_as, &price.machine);
            }
            match placed(&node.kind) {
                Ok(place) => {
                    pricer.disks += node.root_disks;
                    pricer.licences += node.licences;
                    pricer.seconds += node.billed_seconds;
                    let platform = machines.platforms.get(usize::from(place.platform));
                    let moves = |platform: &crate::read::replay_input::Platform| {
                        platform.suits_elastic_vms() && (spot_moves || !platform.spot)
                    };
                    if platform.is_some_and(moves)
                        && let Some(name) = &node.kind.instance_type
                    {
                        *pricer.moving.entry(name.clone()).or_default() += node.billed_seconds;
                    }
                }
                Err(_) => {
                    pricer.as_is_disks += node.root_disks;
                    pricer.as_is_licences += node.licences;
                    if let Ok(price) = &node.cost {
                        stays.insert(&node.billed_as, &price.machine);
                    }
                }
            }
        }
        let boot = whole(assumptions.replay.ec2_boot_seconds);
        for (sums, hour) in observed.hours.iter().zip(&observed.billed_by_hour) {
            let seconds_of = |machines: &BTreeMap<&BilledAs, &MachineKind>| {
                let mut used: BTreeMap<MachineKind, i64> = BTreeMap::new();
                for (billed, of_hour) in hour {
                    if let Some(machine) = machines.get(billed) {
                        *used.entry((*machine).clone()).or_default() += of_hour.up_seconds + of_hour.created * boot;
                    }
                }
                used
            };
            pricer.as_is.push((sums.hour, seconds_of(&stays)));
            pricer.as_observed.push((sums.hour, seconds_of(&priced)));
        }
        pricer
    }

    /// The host one would think of first: the cheapest of the family most of the nodes that move are of, or the cheapest
    /// of all where none of their families has bare metal.
    pub(crate) fn usual_host<'m>(&self, machines: &'m Machines<'_>) -> Option<&'m Candidate> {
        let mut families: BTreeMap<&str, i64> = BTreeMap::new();
        for (name, seconds) in &self.moving {
            *families.entry(name.split('.').next().unwrap_or(name)).or_default() += seconds;
        }
        let mut families: Vec<_> = families.into_iter().map(|(family, seconds)| (-seconds, family)).collect();
        families.sort_unstable();
        let of = |family: &str| {
            let hosts = machines.hosts.iter().filter(|host| host.machine.family() == family);
            hosts.min_by_key(|host| (host.host.price, &host.host.name))
        };
        let any = || machines.hosts.iter().min_by_key(|host| (host.host.price, &host.host.name));
        families.iter().find_map(|(_, family)| of(family)).or_else(any)
    }

    /// Dates after the hours present at which commitments expire, as first days without them, each with their names.
    pub(crate) fn expiries(&self) -> BTreeMap<i64, Vec<String>> {
        let end = self.as_observed.last().map_or(0, |(hour, _)| hour.end_seconds());
        let mut expiries: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for commitment in self.book.commitments() {
            if let Some(at) = commitment.expires_seconds.filter(|at| *at >= end) {
                expiries.entry(at).or_default().push(commitment.name);
            }
        }
        expiries
    }

    /// The same by another book, such as one without commitments that have expired.
    pub(crate) fn by<'b>(&self, book: &'b PriceBook) -> Pricer<'b>
    where
        'a: 'b,
    {
        let mut pricer: Pricer<'b> = self.clone();
        pricer.book = book;
        pricer
    }

    /// The book it prices by.
    pub(crate) fn book(&self) -> &'a PriceBook {
        self.book
    }

    /// The fee, as a share of what is saved.
    pub(crate) fn fee_fraction(&self) -> f64 {
        self.fee_fraction
    }

    /// What a month is scaled by, over a range of the hours present: seconds of which something is known.
    pub(crate) fn month(&self, hours: std::ops::Range<usize>) -> Month {
        let rows = self.as_observed.get(hours).unwrap_or_default();
        Month::of_seconds(self.known_seconds(rows.iter().map(|(hour, _)| hour.start_seconds())))
    }

    /// The same over the hours of an outcome.
    pub(crate) fn month_of(&self, outcome: &Outcome) -> Month {
        Month::of_seconds(self.known_seconds(outcome.hours.iter().map(|hour| hour.start)))
    }

    /// Seconds of hours of which something is known.
    fn known_seconds(&self, starts: impl Iterator<Item = i64>) -> i128 {
        starts.map(|start| i128::from(self.known.get(&start).copied().unwrap_or(HOUR_SECONDS))).sum()
    }

    /// The same of all hours present.
    fn all_seconds(&self) -> i128 {
        self.known_seconds(self.as_observed.iter().map(|(hour, _)| hour.start_seconds()))
    }

    /// What a scenario costs over the whole window.
    pub(crate) fn of(&self, replayed: &Replayed) -> Money {
        self.money(replayed, &replayed.whole)
    }

    /// Seconds of today's machines, hour by hour.
    pub(crate) fn observed(&self) -> &AsIs {
        &self.as_observed
    }

    /// Seconds of an outcome's machines, hour by hour: nodes, hosts, and those that stay as they are.
    pub(crate) fn used<'s>(
        &'s self,
        of: &'s Replayed,
        outcome: &'s Outcome,
    ) -> impl Iterator<Item = (Hour, BTreeMap<MachineKind, i64>)> + 's {
        self.seconds_of(of, outcome, Beside { as_is: true, spare_hosts: true })
    }

    fn seconds_of<'s>(
        &'s self,
        of: &'s Replayed,
        outcome: &'s Outcome,
        beside: Beside,
    ) -> impl Iterator<Item = (Hour, BTreeMap<MachineKind, i64>)> + 's {
        let mut billed = outcome.hours.iter().peekable();
        self.as_is.iter().filter_map(move |(hour, as_is)| {
            let of_hour = billed.next_if(|billed| billed.start == hour.start_seconds())?;
            let mut used = if beside.as_is { as_is.clone() } else { BTreeMap::new() };
            for (kind, seconds) in &of_hour.node_seconds {
                if let Some(machine) = self.kind(*kind) {
                    *used.entry(machine.clone()).or_default() += signed(*seconds);
                }
            }
            if let Some(host) = of.host.as_ref() {
                let seconds = if beside.spare_hosts { host_seconds(of_hour) } else { of_hour.host_seconds };
                *used.entry(host.machine.clone()).or_default() += signed(seconds);
            }
            Some((*hour, used))
        })
    }

    /// Cost of a scenario on the reported hours; `None` where something of it has no price.
    pub(crate) fn reported_cost(&self, of: &Replayed) -> Option<NanoUsd> {
        self.money(of, &of.reported).lines.total()
    }

    /// Returns the cost of an outcome of a scenario, over the hours it has.
    pub(crate) fn money(&self, of: &Replayed, outcome: &Outcome) -> Money {
        let all = self.price(of, outcome, Beside { as_is: true, spare_hosts: true });
        let host = of.host.as_ref().and_then(|host| Some((&host.machine, all.machines.get(&host.machine)?)));
        let hosts = host.map_or(NanoUsd::ZERO, |(_, machine)| machine.effective);
        let (host_type, host_origin) =
            host.map(|(kind, machine)| (kind.instance_type.clone(), machine.rate.contracted.origin.clone())).unzip();
        let spare_seconds = signed(outcome.hours.iter().map(|hour| hour.spare_host_seconds).sum());
        let effective = all.effective();
        // What spare hosts use of commitments is used, and stands in no line as unused.
        let compute = match spare_seconds {
            0 => all,
            _ => HourlyCost { plans: all.plans, ..self.price(of, outcome, Beside { as_is: true, spare_hosts: false }) },
        };
        let spare_hosts = effective - compute.effective();
        let before = self.before(outcome);
        let sum = |of: &dyn Fn(&HourBilled) -> u64| signed(outcome.hours.iter().map(of).sum());
        let typed = |rows: &[(u32, u64)]| rows.iter().map(|(_, seconds)| *seconds).sum::<u64>();
        let nodes = sum(&|hour| typed(&hour.node_seconds));
        let evms = sum(&|hour| typed(&hour.evm_seconds));
        let zones = sum(&|hour| hour.zone_seconds);
        let whole_window = self.all_seconds();
        let known = self.known_seconds(outcome.hours.iter().map(|hour| hour.start));
        // What does not depend on machines, for the hours the outcome has.
        let share = |line: Option<NanoUsd>| line.map(|line| line.scaled(known, whole_window));
        let per_node = |as_is: NanoUsd, others: NanoUsd, seconds: i64| {
            as_is.scaled(known, whole_window) + others.scaled(seconds.into(), self.seconds.into())
        };
        let on_hosts = sum(&host_seconds);
        let disks_of = |seconds: i64, month: Option<NanoUsd>| match seconds {
            0 => Some(NanoUsd::ZERO),
            _ => month.map(|month| month.scaled(seconds.into(), month_seconds())),
        };
        let disks_of_pool = disks_of(evms, self.evm_disk_month)
            .zip(disks_of(on_hosts - spare_seconds, self.host_disk_month))
            .map(|(evms, hosts)| evms + hosts);
        let more_for_volumes = if on_hosts == 0 { Some(NanoUsd::ZERO) } else { self.more_for_volumes };
        let nat = match zones {
            0 => Some(NanoUsd::ZERO),
            _ => self.nat_gateway_hour.as_ref().map(|hour| hour.price.scaled(zones.into(), HOUR_SECONDS.into())),
        };
        let lines = ExactLines {
            compute: self.lines.compute.filter(|_| compute.unpriced_seconds.is_empty()).map(|_| compute.effective()),
            fargate: share(self.lines.fargate),
            root_disks: self
                .lines
                .root_disks
                .zip(disks_of_pool)
                .map(|(_, pool)| per_node(self.as_is_disks, self.disks, nodes) + pool),
            volumes: share(self.lines.volumes).zip(share(more_for_volumes)).map(|(today, more)| today + more),
            auto_mode: share(self.lines.auto_mode),
            cpu_credits: share(self.lines.cpu_credits),
            control_plane: share(self.lines.control_plane),
            network: share(self.lines.network),
            load_balancers: share(self.lines.load_balancers),
            public_ipv4: share(self.lines.public_ipv4),
            licences: self.lines.licences.map(|_| per_node(self.as_is_licences, self.licences, nodes + evms)),
            unused_commitments: Some(compute.unused()),
            pool_network: nat,
            spare_hosts: self
                .lines
                .compute
                .filter(|_| compute.unpriced_seconds.is_empty())
                .and(disks_of(spare_seconds, self.host_disk_month))
                .map(|disks| spare_hosts + disks),
            work_owed: self.work_owed(of, outcome),
            fee: match of.setup.pool {
                Some(_) => before.map(|before| replay::fee(before, hosts, self.fee_fraction)),
                None => Some(NanoUsd::ZERO),
            },
        };
        let mut items = Vec::new();
        let mut item =
            |line: &'static str, what: &str, seconds: i64, cost: Option<NanoUsd>, origin: Option<&PriceOrigin>| {
                if let (Some(cost), Some(origin)) = (cost.filter(|cost| *cost != NanoUsd::ZERO), origin) {
                    let quantity = crate::bill::today::hours(seconds);
                    items.push(CostItem {
                        line: line.to_owned(),
                        what: what.to_owned(),
                        quantity,
                        unit: "hour".to_owned(),
                        usd_per_unit: crate::number::ratio(cost.usd(), quantity).unwrap_or_default(),
                        cost_usd: cost.usd(),
                        price: origin.clone(),
                    });
                }
            };
        let with_disks = nodes + evms + on_hosts - spare_seconds;
        item(ROOT_DISKS, "disks of machines", with_disks, lines.root_disks, self.origins.get(ROOT_DISKS));
        item(LICENCES, "licences of machines", nodes + evms, lines.licences, self.origins.get(LICENCES));
        let nat_origin = self.nat_gateway_hour.as_ref().map(|hour| &hour.origin);
        item("pool_network", "NAT gateways of the machine pool", zones, lines.pool_network, nat_origin);
        let kept = format!("{} kept empty", host_type.unwrap_or_default());
        item("spare_hosts", &kept, spare_seconds, lines.spare_hosts, host_origin.as_ref());
        let more = share(more_for_volumes).filter(|more| *more != NanoUsd::ZERO);
        if let Some((more, origin)) = more.zip(self.origins.get(VOLUMES)) {
            items.push(CostItem {
                line: VOLUMES.to_owned(),
                what: "io2 in place of other types".to_owned(),
                quantity: 1.0,
                unit: "window".to_owned(),
                usd_per_unit: more.usd(),
                cost_usd: more.usd(),
                price: origin.clone(),
            });
        }
        Money { lines, compute, hosts, spare_hosts, before, items }
    }

    fn price(&self, of: &Replayed, outcome: &Outcome, beside: Beside) -> HourlyCost {
        let mut pricing = Pricing::new(self.book);
        self.seconds_of(of, outcome, beside).for_each(|(hour, used)| pricing.hour(hour, &used));
        pricing.finish()
    }

    /// Cost of the work that is owed at the end, at what the scenario's own nodes and hosts cost for the work that was done on
    /// them, without commitments: the machines that will do it come on top of those that use them. `None` where no work was
    /// done.
    fn work_owed(&self, of: &Replayed, outcome: &Outcome) -> Option<NanoUsd> {
        let owed = &outcome.service.owed_batch;
        if owed.seconds == 0 {
            return Some(NanoUsd::ZERO);
        }
        let (part, all) = owed.largest_share(&outcome.service.done)?;
        let own = self.price(of, outcome, Beside { as_is: false, spare_hosts: false });
        Some(own.contracted().scaled(part.into(), all.into()))
    }

    /// The elastic VMs at contracted EC2 prices; `None` where one has none.
    fn before(&self, outcome: &Outcome) -> Option<NanoUsd> {
        let mut by_type: BTreeMap<u32, u64> = BTreeMap::new();
        for (kind, seconds) in outcome.hours.iter().flat_map(|hour| &hour.evm_seconds) {
            *by_type.entry(*kind).or_default() += seconds;
        }
        by_type
            .into_iter()
            .map(|(kind, seconds)| {
                let machine = MachineKind { capacity_type: CapacityType::OnDemand, ..self.kind(kind)?.clone() };
                Some(self.book.rate(&machine)?.contracted.price.for_seconds(signed(seconds)).cost())
            })
            .sum()
    }

    /// Today's lines over a range of the hours present. Lines that machines have no part in fall to hours alike.
    pub(crate) fn today(&self, hours: std::ops::Range<usize>) -> ExactLines {
        let mut pricing = Pricing::new(self.book);
        let rows = self.as_observed.get(hours).unwrap_or_default();
        // An hour of which nothing is known is none of which a commitment is paid, as in the replays.
        for (hour, used) in rows.iter().filter(|(hour, _)| self.known.get(&hour.start_seconds()) != Some(&0)) {
            pricing.hour(*hour, used);
        }
        let compute = pricing.finish();
        let seconds = |rows: &[(Hour, BTreeMap<MachineKind, i64>)]| -> i128 {
            rows.iter().flat_map(|(_, used)| used.values()).map(|seconds| i128::from(*seconds)).sum()
        };
        let (part, all) = (seconds(rows), seconds(&self.as_observed));
        let known = self.known_seconds(rows.iter().map(|(hour, _)| hour.start_seconds()));
        let by_hours = |line: Option<NanoUsd>| line.map(|line| line.scaled(known, self.all_seconds()));
        let by_nodes = |line: Option<NanoUsd>| line.map(|line| if all == 0 { line } else { line.scaled(part, all) });
        ExactLines {
            compute: self.lines.compute.map(|_| compute.effective()),
            unused_commitments: self.lines.unused_commitments.map(|_| compute.unused()),
            root_disks: by_nodes(self.lines.root_disks),
            licences: by_nodes(self.lines.licences),
            auto_mode: by_hours(self.lines.auto_mode),
            cpu_credits: by_hours(self.lines.cpu_credits),
            fargate: by_hours(self.lines.fargate),
            volumes: by_hours(self.lines.volumes),
            control_plane: by_hours(self.lines.control_plane),
            network: by_hours(self.lines.network),
            load_balancers: by_hours(self.lines.load_balancers),
            public_ipv4: by_hours(self.lines.public_ipv4),
            pool_network: by_hours(self.lines.pool_network),
            spare_hosts: by_hours(self.lines.spare_hosts),
            work_owed: by_hours(self.lines.work_owed),
            fee: by_hours(self.lines.fee),
        }
    }

    /// Returns the cost of the machines that stay as they are, without commitments.
    pub(crate) fn as_is_contracted(&self) -> NanoUsd {
        let mut seconds: BTreeMap<&MachineKind, i64> = BTreeMap::new();
        for (machine, of_hour) in self.as_is.iter().flat_map(|(_, used)| used) {
            *seconds.entry(machine).or_default() += of_hour;
        }
        let cost = |(machine, seconds)| Some(self.book.rate(machine)?.contracted.price.for_seconds(seconds).cost());
        seconds.into_iter().filter_map(cost).sum()
    }

    pub(crate) fn kind(&self, index: u32) -> Option<&MachineKind> {
        self.kinds.get(usize::try_from(index).ok()?)
    }
}

/// A disk of so many GiB for a month.
fn of_gib(disk: &Priced<NanoUsd>, gib: f64) -> NanoUsd {
    disk.price.scaled(whole(gib * 1024.0).into(), 1024)
}

const ROOT_DISKS: &str = "root_disks";
const LICENCES: &str = "licences";
const VOLUMES: &str = "volumes";

fn origin_of(bill: &Bill, line: &str) -> Option<PriceOrigin> {
    bill.cost_items().into_iter().find(|item| item.line == line).map(|item| item.price)
}

/// Seconds of hosts, spare ones among them.
pub(crate) fn host_seconds(hour: &HourBilled) -> u64 {
    hour.host_seconds + hour.spare_host_seconds
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// Hours of elastic VMs by type, most first.
pub(crate) fn evm_hours(outcome: &Outcome, pricer: &Pricer<'_>) -> Vec<(String, f64)> {
    let mut by_type = BTreeMap::new();
    for (kind, seconds) in outcome.hours.iter().flat_map(|hour| &hour.evm_seconds) {
        let name = pricer.kind(*kind).map(|machine| machine.instance_type.clone()).unwrap_or_default();
        *by_type.entry(name).or_insert(0_u64) += seconds;
    }
    let mut rows: Vec<_> = by_type.into_iter().map(|(name, seconds)| (name, unsigned(seconds) / 3600.0)).collect();
    rows.sort_by(|(a_name, a), (b_name, b)| b.total_cmp(a).then_with(|| a_name.cmp(b_name)));
    rows
}
