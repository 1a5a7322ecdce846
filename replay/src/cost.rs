//! Money: what an outcome costs, line by line. A line without its price is `None`, and never zero.

use types::{NanoUsd, PriceSeconds, UsdPerHour};

use crate::number::index;
use crate::outcome::Outcome;

/// Prices of one scenario. The analyzer knows where each comes from; commitments change them hour by hour, which is why
/// [`price`] takes a function of hour and machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rates {
    /// One host.
    pub host: Option<UsdPerHour>,
    /// EC2 nodes by machine type, as the customer pays for them.
    pub nodes: Vec<Option<UsdPerHour>>,
    /// What the customer would pay on EC2 for each elastic VM by machine type: the fee's "Before".
    pub before: Vec<Option<UsdPerHour>>,
    /// Root disk of an EC2 node.
    pub node_disk: Option<UsdPerHour>,
    /// Root disk of an elastic VM.
    pub evm_disk: Option<UsdPerHour>,
    /// Root and swap disk of a host.
    pub host_disk: Option<UsdPerHour>,
    /// NAT gateway of a zone with hosts.
    pub nat_gateway: Option<UsdPerHour>,
    /// The vendor's share of Before less host spend.
    pub fee_fraction: f64,
}

/// Cost of one scenario, line by line; `None` where a price is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lines {
    /// EC2 nodes.
    pub nodes: Option<NanoUsd>,
    /// Hosts, spare ones among them.
    pub hosts: Option<NanoUsd>,
    /// Root disks of EC2 nodes.
    pub node_disks: Option<NanoUsd>,
    /// Root disks of elastic VMs.
    pub evm_disks: Option<NanoUsd>,
    /// Root and swap disks of hosts.
    pub host_disks: Option<NanoUsd>,
    /// NAT gateways.
    pub nat_gateways: Option<NanoUsd>,
    /// The vendor's fee.
    pub fee: Option<NanoUsd>,
    /// The elastic VMs at EC2 prices; no line of the bill, but what the fee is taken on.
    pub before: Option<NanoUsd>,
    /// What one more spare host in each zone would cost; no line of the bill.
    pub one_spare: Option<NanoUsd>,
}

impl Lines {
    /// The sum of the lines; `None` where one is missing.
    pub fn total(&self) -> Option<NanoUsd> {
        let lines =
            [self.nodes, self.hosts, self.node_disks, self.evm_disks, self.host_disks, self.nat_gateways, self.fee];
        lines.into_iter().sum()
    }
}

/// Prices an outcome over all its hours.
pub fn price(outcome: &Outcome, rates: &Rates) -> Lines {
    let typed = |rows: &dyn Fn(&crate::outcome::HourBilled) -> &Vec<(u32, u64)>, prices: &[Option<UsdPerHour>]| {
        let mut sum = PriceSeconds::default();
        for (kind, seconds) in outcome.hours.iter().flat_map(rows) {
            sum += prices.get(index(*kind)).copied().flatten()?.for_seconds(seconds_of(*seconds));
        }
        Some(sum.cost())
    };
    let flat = |seconds: u64, price: Option<UsdPerHour>| match seconds {
        0 => Some(NanoUsd::ZERO),
        seconds => price.map(|price| price.for_seconds(seconds_of(seconds)).cost()),
    };
    let sum = |of: &dyn Fn(&crate::outcome::HourBilled) -> u64| outcome.hours.iter().map(of).sum::<u64>();
    let rows = |rows: &[(u32, u64)]| rows.iter().map(|(_, seconds)| *seconds).sum::<u64>();
    let host_seconds = sum(&|hour| hour.host_seconds + hour.spare_host_seconds);
    let hosts = flat(host_seconds, rates.host);
    let before = typed(&|hour| &hour.evm_seconds, &rates.before);
    let zones = sum(&|hour| hour.zone_seconds);
    Lines {
        nodes: typed(&|hour| &hour.node_seconds, &rates.nodes),
        hosts,
        node_disks: flat(sum(&|hour| rows(&hour.node_seconds)), rates.node_disk),
        evm_disks: flat(sum(&|hour| rows(&hour.evm_seconds)), rates.evm_disk),
        host_disks: flat(host_seconds, rates.host_disk),
        nat_gateways: flat(zones, rates.nat_gateway),
        fee: before.zip(hosts).map(|(before, hosts)| fee(before, hosts, rates.fee_fraction)),
        before,
        one_spare: flat(zones, rates.host),
    }
}

/// The vendor's fee over the window: a share of Before less host spend, and nothing where that is negative.
pub fn fee(before: NanoUsd, host_spend: NanoUsd, fraction: f64) -> NanoUsd {
    let millionths = crate::number::whole_u64(fraction * 1e6);
    (before - host_spend).at_least_zero().scaled(millionths.into(), 1_000_000)
}

fn seconds_of(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
