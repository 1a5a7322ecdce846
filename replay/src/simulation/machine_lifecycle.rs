//! Machines come, boot and go.

use std::cmp::Reverse;

use super::Simulation;
use super::state::{Due, Evm, Machine};
use crate::cluster::{Cluster, Guess, NEVER};
use crate::decision_log::{Decision, Observer};
use crate::input_hour::{Ask, Lane, NONE};
use crate::number::{index, unsigned, whole};
use crate::scenario_setup::Consolidation;

impl<O: Observer> Simulation<O> {
    /// Requests a machine. A node boots at once; an elastic VM waits until it is given a host.
    pub(super) fn request(&mut self, kind: u32, lot: u32, t: i64, replaces: bool) -> u32 {
        let serial = self.serials.0;
        self.serials.0 += 1;
        self.observer.decided(t, Decision::MachineRequested { machine: serial, machine_type: kind, replaces });
        let evm = self.lots[lot]
            .evm
            .then(|| Box::new(Evm { overhead: self.overhead(kind), host: NONE, target: NONE, ..Evm::default() }));
        let is_node = evm.is_none();
        let machine = Machine {
            live: true,
            serial,
            kind,
            lot,
            pos: 0,
            requested: t,
            ready_at: NEVER,
            ready: false,
            closed: false,
            warm: false,
            pods: Vec::new(),
            room: self.kinds[kind].room,
            scored: Ask::default(),
            empty_since: t,
            pausing_volumes: 0,
            cpu: Lane::ZERO,
            peak: Lane::ZERO,
            memory: Lane::ZERO,
            memory_mean: Lane::ZERO,
            guess: Guess::NONE,
            hands_over: Vec::new(),
            awaits: 0,
            evm,
        };
        let m = match self.free_machines.take() {
            Some(place) => {
                self.machines[place] = machine;
                place
            }
            None => self.machines.push(machine),
        };
        self.enter_lot(m);
        self.idle.push(m);
        self.stock_changed = true;
        if is_node {
            let boot = if self.instant { 0 } else { self.setup.node_boot_seconds };
            self.boots(m, t + boot);
        }
        m
    }

    /// Returns the memory KubeVirt needs for an elastic VM of a type, in MiB.
    fn overhead(&self, kind: u32) -> u32 {
        let Some(pool) = &self.setup.pool else { return 0 };
        let kind = &self.kinds[kind];
        whole((f64::from(kind.memory_mib) * pool.evm_overhead_share).ceil())
            + pool.evm_overhead_mib
            + pool.evm_overhead_mib_per_vcpu * kind.vcpu
    }

    /// A machine will be ready at `at`.
    pub(super) fn boots(&mut self, m: u32, at: i64) {
        self.machines[m].ready_at = at;
        self.queue.push(Reverse((at, Due::MachineReady(m))));
    }

    /// A machine is ready: its pods are served from now on.
    pub(super) fn comes_up(&mut self, cluster: &Cluster, m: u32, t: i64) {
        let lot = self.machines[m].lot;
        self.lots[lot].booting.retain(|booting| *booting != m);
        let machine = &mut self.machines[m];
        machine.ready = true;
        machine.empty_since = t;
        let pods = machine.pods.clone();
        for pod in pods {
            self.serve(cluster, pod, m, t);
        }
        self.show(m);
    }

    /// A machine leaves, empty.
    pub(super) fn release(&mut self, m: u32, t: i64) {
        self.bill_machine(m, self.paid_until(self.lots[self.machines[m].lot].zone, t));
        let least = self.setup.least_billed_seconds;
        let machine = &mut self.machines[m];
        machine.live = false;
        self.observer.decided(t, Decision::MachineReleased { machine: machine.serial });
        if machine.evm.is_none()
            && let Some(seconds) = self.billed.nodes.get_mut(index(machine.kind))
        {
            *seconds += unsigned(least - (t - machine.requested));
        }
        if let Some(evm) = machine.evm.take() {
            self.leaves_host(evm.host, m, &evm);
            self.after_leaving(evm.host, t);
        }
        self.leave_lot(m);
        self.stock_changed = true;
        self.free_machines.give_back(m);
    }

    /// Machines with nothing but daemons for long enough leave.
    pub(super) fn release_empty(&mut self, t: i64) {
        let mut idle = std::mem::take(&mut self.idle);
        idle.retain(|m| self.machines[*m].live && self.machines[*m].pods.is_empty());
        idle.sort_unstable();
        idle.dedup();
        for m in idle.iter().copied() {
            let machine = &self.machines[m];
            if self.is_frozen(m) || self.consolidation(machine.lot) == Consolidation::Never {
                continue;
            }
            let migrates = machine.evm.as_ref().is_some_and(|evm| evm.target != NONE);
            if machine.takes_pods()
                && !migrates
                && machine.pods.is_empty()
                && t - machine.empty_since >= self.setup.headroom.empty_seconds
            {
                self.release(m, t);
            }
        }
        self.idle = idle;
    }
}
