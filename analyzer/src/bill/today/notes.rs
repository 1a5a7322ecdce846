//! Notes that a reader must know about today's bill.

use std::collections::{BTreeMap, BTreeSet};

use types::ComputeType;
use types::analysis::{Note, PriceKind};
use types::wording::{brief, grouped, money, quantity, verb};

use super::{Bill, NodeCost, NodePrice, hours};
use crate::number::{float, ratio};
use crate::prices::{CapacityType, CommitmentKind, OperatingSystem, PriceBook};
use crate::sums::node_usage_by_owner::Ledger;
use crate::sums::window_totals::Observed;
use crate::units::GIB;

/// What traffic between zones can cost at most: no metric says which bytes cross.
fn cross_zone(observed: &Observed, book: &PriceBook) -> Option<Note> {
    let zones: BTreeSet<&String> = observed.nodes.values().flat_map(|sums| &sums.zones).collect();
    let gib = float(observed.network_bytes?) / GIB;
    if zones.len() < 2 || gib < 1.0 {
        return None;
    }
    let region = observed.region()?;
    let unit = book.other("data.cross_az", region)?;
    let monthly = ratio(gib * unit.price.usd() * types::HOURS_PER_MONTH * 3600.0, float(observed.seconds()))?;
    Some(Note::info(format!(
        "Nodes sent and received {} GiB. AWS bills what crosses zones at both ends, and no metric says which bytes do: it is in no total, and if all of them did it would be {} a month at most.",
        grouped(gib, 0),
        money(monthly, observed.currency())
    )))
}

/// Lists what a cluster may pay for beside its bill, as far as the lake does not show it.
fn not_in_the_bill(observed: &Observed) -> String {
    let mut lacking = vec![
        "data transfer (what crosses zones costs by the byte, and no metric says which bytes do)",
        "NAT gateways, interface endpoints and snapshots unless assumptions count them",
    ];
    if observed.load_balancers.known_seconds == 0 {
        lacking.push("load balancers unless assumptions count them (collect kube_service_spec_type and kube_service_status_load_balancer_ingress)");
    }
    if observed.public_ipv4.unknown_seconds > 0 || observed.public_ipv4.known_seconds == 0 {
        lacking.push("public addresses of nodes unless assumptions count them (collect kube_node_status_addresses)");
    }
    lacking.extend([
        "capacity units of load balancers, and load balancers of Ingresses whose class does not say that it has one",
        "a provisioned control plane",
        "capabilities of EKS and add-ons from the AWS Marketplace",
        "CloudWatch Container Insights and logs, of the control plane too",
        "Amazon Managed Prometheus",
        "images in ECR",
        "transit gateways, Route 53, WAF and Shield",
        "subscriptions of RHEL and SUSE where an older collector left out the image of the node",
        "which machines are on Outposts where no label of the EBS CSI driver says so",
        "time billed before a node's first or after its last sight other than its boot",
    ]);
    format!("Not in the bill, since no metric that is collected shows it: {}.", lacking.join("; "))
}

fn node_hours_of(hours: f64) -> String {
    quantity(hours, "node-hour")
}

/// Hours of nodes and their verb: `1 node-hour is`, `10,843 node-hours are`.
fn are(hours: f64) -> String {
    format!("{} {}", node_hours_of(hours), verb(hours, "is", "are"))
}

impl Bill {
    pub(super) fn add_notes(&mut self, observed: &Observed, ledger: &Ledger, book: &PriceBook) {
        let node_hours = |of: &dyn Fn(&NodeCost) -> bool| {
            hours(self.nodes.iter().filter(|node| of(node)).map(|node| node.billed_seconds).sum::<i64>())
        };
        let unpriced = node_hours(&|node| node.cost.is_err());
        let all = node_hours(&|_| true);
        let emp_owned = node_hours(&|node| node.kind.emp_owned);
        let hybrid = node_hours(&|node| node.kind.compute_type == ComputeType::Hybrid);
        let auto = node_hours(&|node| node.kind.compute_type == ComputeType::AutoMode);
        let unlabelled = node_hours(&|node| node.kind.capacity_type.is_none() && node.cost.is_ok());
        let no_os = node_hours(&|node| node.kind.os.is_none() && node.cost.is_ok());
        let estimated =
            |node: &NodeCost| node.cost.as_ref().is_ok_and(|price| price.unit.origin.kind == PriceKind::Estimated);
        let spot = node_hours(&|node| {
            estimated(node) && node.cost.as_ref().is_ok_and(|p| p.capacity_type == CapacityType::Spot)
        });
        let estimated = node_hours(&estimated) - spot;
        let mut notes = Vec::new();
        if unpriced > 0.0 {
            notes.push(Note::warning(format!(
                "{} of {} {} no price and {} outside every total; the list of what is unpriced says why.",
                brief(unpriced),
                node_hours_of(all),
                verb(unpriced, "has", "have"),
                verb(unpriced, "stands", "stand")
            )));
        }
        if emp_owned > 0.0 {
            notes.push(Note::warning(format!(
                "{} of elastic VMs that are there already; their hosts are not visible, so today's bill lacks them.",
                are(emp_owned)
            )));
        }
        if hybrid > 0.0 {
            notes.push(Note::warning(format!(
                "{} of hybrid nodes, your own machines: the bill holds the fee of EKS for them, by the vCPU-hour, and not what they cost.",
                are(hybrid)
            )));
        }
        if auto > 0.0 {
            notes.push(Note::info(format!(
                "{} under EKS Auto Mode; its fee is a share of the on-demand list price, on a line of its own.",
                are(auto)
            )));
        }
        if unlabelled > 0.0 {
            notes.push(Note::warning(format!(
                "No label says whether {} on-demand or spot: priced by the assumption ec2.unlabelled_capacity_type.",
                are(unlabelled)
            )));
        }
        if no_os > 0.0 {
            notes.push(Note::warning(format!(
                "The operating system of {} is not known and taken for Linux.",
                node_hours_of(no_os)
            )));
        }
        let mut outside: BTreeMap<String, i64> = BTreeMap::new();
        let is_outside =
            |node: &&NodeCost| matches!(node.kind.compute_type, ComputeType::LocalZone | ComputeType::Wavelength);
        for node in self.nodes.iter().filter(is_outside) {
            *outside.entry(node.billed_as.location().unwrap_or_default()).or_default() += node.billed_seconds;
        }
        for (place, seconds) in outside {
            notes.push(Note::info(format!(
                "{} in {place}, a Local Zone or Wavelength Zone, which has prices of its own: they come from an imported list or the prices file and never from the region, and these machines stay as they are in every scenario.",
                are(hours(seconds))
            )));
        }
        let windows =
            node_hours(&|node| node.cost.as_ref().is_ok_and(|price| price.machine.os == OperatingSystem::Windows));
        if windows > 0.0 {
            notes.push(Note::info(format!(
                "{} {} Windows: its licence is taken as a surcharge by the vCPU on the price of Linux, unless the prices file gives theirs.",
                node_hours_of(windows),
                verb(windows, "runs", "run")
            )));
        }
        let with_subscription = node_hours(&|node| node.cost.as_ref().is_ok_and(NodePrice::pays_subscription));
        if with_subscription > 0.0 {
            notes.push(Note::warning(format!(
                "{} {} RHEL, by the image that the kubelet names, priced with the subscription that AWS bills by the vCPU; if your images bring their own, set the assumption ec2.subscriptions to \"own\".",
                node_hours_of(with_subscription),
                verb(with_subscription, "runs", "run")
            )));
        }
        let outposts = node_hours(&|node| node.kind.compute_type == ComputeType::Outpost);
        if outposts > 0.0 {
            notes.push(Note::warning(format!(
                "{} on an Outpost, whose rack, disks included, is paid for by the term and not by the machine: no price unless the prices file gives one as [[node]], and no change in any scenario.",
                are(outposts)
            )));
        }
        if estimated > 0.0 {
            notes.push(Note::warning(format!(
                "{} priced by an estimate from another region; give the real price as [[node]] in the prices file.",
                are(estimated)
            )));
        }
        let guessed: Vec<_> =
            self.items.iter().filter(|item| item.priced.origin.kind == PriceKind::Estimated).collect();
        if !guessed.is_empty() {
            let names: Vec<_> = guessed.iter().map(|item| item.what.as_str()).collect();
            notes.push(Note::warning(format!("Priced by an estimate, not by a list: {}.", names.join(", "))));
        }
        if spot > 0.0 {
            notes.push(Note::info(format!(
                "{} {} priced at the on-demand list price less the typical saving of the type and region, which is an estimate.",
                quantity(spot, "spot node-hour"),
                verb(spot, "is", "are")
            )));
        }
        if !ledger.fargate.is_empty() {
            notes.push(Note::info(
                "What Fargate provisions is inferred: the pod's request and its overhead, rounded up to a size Fargate sells, per second with a minute at least. The capacity its nodes report is that of a larger machine.",
            ));
        }
        notes.extend(cross_zone(observed, book));
        let on_fargate = !ledger.fargate.is_empty();
        let plans = book.commitments();
        if on_fargate && plans.iter().any(|plan| plan.kind == CommitmentKind::ComputeSavingsPlan) {
            notes.push(Note::warning(
                "A Compute Savings Plan covers Fargate too, at rates that no list here has: it is applied to machines alone, so what Fargate uses of it counts as unused, and Fargate is at list price.",
            ));
        }
        notes.extend(self.price_changes(observed, book));
        if self.compute.plans.is_empty() {
            notes.push(Note::info("Prices that are not your own are list prices of Linux at tenancy Shared. No commitments are given, so none are counted: if you have Savings Plans or reserved instances, add them to the prices file."));
        } else {
            notes.push(Note::info("Compute is at effective cost: commitments cover machine-seconds hour by hour, and what of them is not used is a line of its own."));
        }
        notes.push(Note::info(not_in_the_bill(observed)));
        self.notes.extend(notes);
    }

    /// A note for each machine whose price changed within the window, or before which it is not known.
    fn price_changes(&self, observed: &Observed, book: &PriceBook) -> Vec<Note> {
        let day = |seconds: i64| {
            chrono::DateTime::from_timestamp(seconds, 0).map(|at| at.date_naive().to_string()).unwrap_or_default()
        };
        let mut notes = Vec::new();
        for (machine, cost) in &self.compute.machines {
            let name = &machine.instance_type;
            if let Some((before, seconds)) = &cost.before
                && let Some((until, _)) = book.rate_before(machine)
            {
                notes.push(Note::info(format!(
                    "The price of {name} changed on {}: {} of its {} {} from before and priced at {} an hour.",
                    day(until),
                    brief(hours(*seconds)),
                    quantity(hours(cost.seconds), "hour"),
                    verb(hours(*seconds), "is", "are"),
                    before.contracted.price.usd_per_hour()
                )));
            }
            let first = observed.hours.first().map(|sums| sums.hour.start_seconds());
            if let Some(changed) = book.unknown_before(machine).filter(|changed| first.is_some_and(|at| at < *changed))
            {
                notes.push(Note::warning(format!(
                    "The price of {name} changed on {}, and what it was before is not known: hours from before are priced at the present one, which is lower.",
                    day(changed)
                )));
            }
        }
        notes
    }
}
