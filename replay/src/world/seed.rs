//! Machines that are there when the hours begin: today's nodes, where today's types are bought and everything stays on them.
//!
//! A cluster may run more nodes than its pods need, and pods spread over them keep each from emptying. A replay of today's
//! policy that began with as few machines as the pods need would have consolidated them in its first second, which nobody does.

use super::World;
use crate::cluster::Cluster;
use crate::observer::Observer;
use crate::setup::Buy;

impl<O: Observer> World<O> {
    /// Brings up today's nodes. Beside pods that move to a pool none are, since the nodes that those leave go.
    pub(super) fn seed(&mut self, cluster: &Cluster, t: i64) {
        if self.setup.ec2.buy != Buy::AsObserved || cluster.pods.ids().any(|pod| self.moves(cluster, pod)) {
            return;
        }
        for (zone, platform, kind) in &cluster.first_nodes {
            if *kind < self.kinds.len() && self.kinds[*kind].platform == *platform {
                let lot = self.lot(false, *zone, *platform, t);
                self.request(*kind, lot, t, false);
            }
        }
        self.due(cluster, t);
    }
}
