//! What a reader must know about today's bill.

use types::analysis::Note;

use super::{Bill, NodeCost, hours};
use crate::ledger::Ledger;
use crate::prices::CapacityType;

impl Bill {
    pub(super) fn add_notes(&mut self, ledger: &Ledger) {
        let node_hours = |of: &dyn Fn(&NodeCost) -> bool| {
            hours(self.nodes.iter().filter(|node| of(node)).map(|node| node.billed_seconds).sum())
        };
        let unpriced = node_hours(&|node| node.cost.is_err());
        let all = node_hours(&|_| true);
        let emp_owned = node_hours(&|node| node.kind.emp_owned);
        let hybrid = node_hours(&|node| node.kind.compute_type == "hybrid");
        let auto = node_hours(&|node| node.kind.compute_type == "auto");
        let unlabelled = node_hours(&|node| node.kind.capacity_type.is_none() && node.cost.is_ok());
        let no_os = node_hours(&|node| node.kind.os.is_none() && node.cost.is_ok());
        let estimated = |node: &NodeCost| node.cost.as_ref().is_ok_and(|price| price.unit.origin.kind == "estimated");
        let spot = node_hours(&|node| {
            estimated(node) && node.cost.as_ref().is_ok_and(|p| p.capacity_type == CapacityType::Spot)
        });
        let estimated = node_hours(&estimated) - spot;
        let mut notes = Vec::new();
        if unpriced > 0.0 {
            notes.push(Note::warning(format!(
                "{unpriced:.1} of {all:.1} node-hours have no price and stand outside every total; the list of what is unpriced says why."
            )));
        }
        if emp_owned > 0.0 {
            notes.push(Note::warning(format!(
                "{emp_owned:.1} node-hours are of elastic VMs that are there already; their hosts are not visible, so today's bill lacks them."
            )));
        }
        if hybrid > 0.0 {
            notes.push(Note::warning(format!("{hybrid:.1} node-hours are of hybrid nodes, which EC2 does not bill.")));
        }
        if auto > 0.0 {
            notes.push(Note::info(format!(
                "{auto:.1} node-hours run under EKS Auto Mode; its fee is a share of the on-demand list price, on a line of its own."
            )));
        }
        if unlabelled > 0.0 {
            notes.push(Note::warning(format!(
                "No label says whether {unlabelled:.1} node-hours are on-demand or spot; they are priced by the assumption ec2.unlabelled_capacity_type."
            )));
        }
        if no_os > 0.0 {
            notes.push(Note::warning(format!(
                "The operating system of {no_os:.1} node-hours is not known; they are taken for Linux."
            )));
        }
        if estimated > 0.0 {
            notes.push(Note::warning(format!(
                "{estimated:.1} node-hours are priced by an estimate from another region; give the real price as [[node]] in the prices file."
            )));
        }
        let guessed: Vec<_> = self.items.iter().filter(|item| item.priced.origin.kind == "estimated").collect();
        if !guessed.is_empty() {
            let names: Vec<_> = guessed.iter().map(|item| item.what.as_str()).collect();
            notes.push(Note::warning(format!("Priced by an estimate that nobody looked up: {}.", names.join(", "))));
        }
        if spot > 0.0 {
            notes.push(Note::info(format!(
                "{spot:.1} spot node-hours are priced at the on-demand list price less the typical saving of their type and region, which is an estimate."
            )));
        }
        if !ledger.fargate.is_empty() {
            notes.push(Note::info(
                "What Fargate provisions is inferred: the pod's request and its overhead, rounded up to a size Fargate sells, per second with a minute at least. The capacity its nodes report is that of a larger machine.",
            ));
        }
        if self.compute.plans.is_empty() {
            notes.push(Note::info("Prices that are not your own are list prices of Linux at tenancy Shared. No commitments are given, so none are counted: if you have Savings Plans or reserved instances, add them to the prices file."));
        } else {
            notes.push(Note::info("Compute is at effective cost: commitments cover machine-seconds hour by hour, and what of them is not used is a line of its own."));
        }
        notes.push(Note::info("Not in the bill: data transfer, load balancers, NAT gateways and public addresses unless assumptions count them, snapshots, and time billed before a node's first or after its last sight other than its boot."));
        self.notes.extend(notes);
    }
}
