//! Machines that are there when the hours begin: today's nodes, where today's types are bought.
//!
//! A cluster may run more nodes than its pods need, and pods spread over them keep each from emptying. A replay of today's
//! policy that began with as few machines as the pods need would have consolidated them in its first second, which nobody does.
//! Pods begin on the nodes they ran on: dealt out anew, the last of the large ones find no room, and the node that is bought for
//! them is never empty again.

use std::collections::BTreeSet;

use super::Simulation;
use super::state::LotOf;
use crate::cluster::Cluster;
use crate::decision_log::{Decision, Observer};
use crate::input_hour::NONE;
use crate::scenario_setup::Buy;

impl<O: Observer> Simulation<O> {
    /// Brings up today's nodes. Beside pods that move to a pool only those that keep a pod: moving leaves them as empty as
    /// they then are, and does not pack what stays.
    pub(super) fn seed(&mut self, cluster: &Cluster, t: i64) {
        if self.setup.ec2.buy != Buy::AsObserved {
            return;
        }
        let (go, stay): (Vec<u32>, Vec<u32>) = cluster.pods.ids().partition(|pod| self.moves(cluster, *pod));
        let kept: BTreeSet<u32> = stay.iter().map(|pod| cluster.pods[*pod].node).collect();
        for row in cluster.first_nodes.iter().filter(|row| go.is_empty() || kept.contains(&row.node)) {
            let kind = row.machine_type;
            if kind < self.kinds.len() && self.kinds[kind].platform == row.platform {
                let lot = self
                    .lot(LotOf { evm: false, zone: row.zone, platform: row.platform, node_group: row.node_group }, t);
                let m = self.request(kind, lot, t, false);
                if row.node != NONE {
                    self.seeded.push((row.node, m));
                }
            }
        }
        self.seeded.sort_unstable();
        self.due(cluster, t);
    }

    /// Puts a pod of the first second onto the machine that stands for its node, where it has room there.
    pub(super) fn put_as_observed(&mut self, cluster: &Cluster, pod: u32, seeded: &[(u32, u32)], t: i64) -> bool {
        let node = cluster.pods[pod].node;
        let Ok(at) = seeded.binary_search_by_key(&node, |(node, _)| *node) else { return false };
        let Some((_, m)) = seeded.get(at).copied() else { return false };
        let machine = &self.machines[m];
        if self.moves(cluster, pod) || !machine.takes_pods() || !machine.room.fits(&self.places[pod].item) {
            return false;
        }
        self.observer.decided(t, Decision::PodPlaced { pod: cluster.pods[pod].uid, machine: machine.serial });
        self.put_on(cluster, pod, m, t);
        true
    }
}
