//! Cost of an outcome at list prices, for laws about placements. The amounts a user is told are made by the analyzer.

use replay::{HourBilled, Outcome, Setup, fee};
use types::{NanoUsd, UsdPerHour};

/// Prices of disks and of a NAT gateway, an hour each. Machines and hosts have theirs in the setup.
#[derive(Clone, Copy)]
pub struct Rates {
    pub node_disk: f64,
    pub evm_disk: f64,
    pub host_disk: f64,
    pub nat_gateway: f64,
}

pub const RATES: Rates = Rates { node_disk: 0.002, evm_disk: 0.005, host_disk: 0.03, nat_gateway: 0.045 };
pub const FREE: Rates = Rates { node_disk: 0.0, evm_disk: 0.0, host_disk: 0.0, nat_gateway: 0.0 };

/// Lines of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    pub nodes: NanoUsd,
    pub hosts: NanoUsd,
    pub node_disks: NanoUsd,
    pub evm_disks: NanoUsd,
    pub host_disks: NanoUsd,
    pub nat_gateways: NanoUsd,
    pub fee: NanoUsd,
    /// Base of the fee; no line of the bill.
    pub before: NanoUsd,
}

impl Lines {
    pub fn total(&self) -> NanoUsd {
        let lines =
            [self.nodes, self.hosts, self.node_disks, self.evm_disks, self.host_disks, self.nat_gateways, self.fee];
        lines.into_iter().sum()
    }
}

fn cost(price: Option<UsdPerHour>, seconds: u64) -> NanoUsd {
    if seconds == 0 { NanoUsd::ZERO } else { price.unwrap().for_seconds(seconds as i64).cost() }
}

/// The bill of a setup's outcome.
pub fn bill(outcome: &Outcome, setup: &Setup, rates: &Rates) -> Lines {
    let seconds = |of: &dyn Fn(&HourBilled) -> u64| outcome.hours.iter().map(of).sum::<u64>();
    let all = |rows: &[(u32, u64)]| rows.iter().map(|(_, seconds)| seconds).sum::<u64>();
    let at = |price: f64, seconds: u64| cost(super::usd(price), seconds);
    let machines = |rows: fn(&HourBilled) -> &Vec<(u32, u64)>| {
        let of_kind = |(kind, machine): (usize, &replay::MachineType)| {
            let is = |hour: &HourBilled| {
                let own = rows(hour).iter().filter(|(of, _)| *of as usize == kind);
                own.map(|(_, seconds)| seconds).sum::<u64>()
            };
            cost(machine.price, seconds(&is))
        };
        setup.catalog.machines.iter().enumerate().map(of_kind).sum::<NanoUsd>()
    };
    let on_hosts = seconds(&|hour| hour.host_seconds + hour.spare_host_seconds);
    let hosts = cost(setup.pool.as_ref().and_then(|pool| pool.host.price), on_hosts);
    let before = machines(|hour| &hour.evm_seconds);
    Lines {
        nodes: machines(|hour| &hour.node_seconds),
        hosts,
        node_disks: at(rates.node_disk, seconds(&|hour| all(&hour.node_seconds))),
        evm_disks: at(rates.evm_disk, seconds(&|hour| all(&hour.evm_seconds))),
        host_disks: at(rates.host_disk, on_hosts),
        nat_gateways: at(rates.nat_gateway, seconds(&|hour| hour.zone_seconds)),
        fee: fee(before, hosts, 0.25),
        before,
    }
}
