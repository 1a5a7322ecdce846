//! Rebalancing hot hosts, emptying cold ones, and the migrations of both.

use std::cmp::Reverse;

use super::Simulation;
use super::state::Due;
use crate::decision_log::{Decision, HostReason, Observer};
use crate::host_usage_prediction::Series;
use crate::input_hour::NONE;
use crate::number::{float, unsigned};

impl<O: Observer> Simulation<O> {
    /// Hosts of a zone that are ready and stay.
    fn staying(&self, zone: u16) -> impl Iterator<Item = u32> {
        self.hosts.ids().filter(move |h| {
            let host = &self.hosts[*h];
            host.live && host.ready && !host.leaving && host.zone == zone
        })
    }

    /// Share of a host in the last slot, with what moved since.
    fn last_share(&self, h: u32) -> f64 {
        let (cpu, memory) = self.hosts[h].last;
        self.share((cpu.into(), memory.into()))
    }

    /// Share of a host were it to use so much more.
    fn share_with(&self, h: u32, more: (u32, u32)) -> f64 {
        let (cpu, memory) = self.hosts[h].last;
        self.share(((cpu + more.0).into(), (memory + more.1).into()))
    }

    /// Moves elastic VMs off hosts over the threshold, the hottest first. Gives the zones that had one.
    pub(super) fn rebalance(&mut self, t: i64) -> Vec<u16> {
        let Some((threshold, settled)) = self.setup.pool.as_ref().map(|pool| (pool.threshold, pool.settled)) else {
            return Vec::new();
        };
        let mut hot: Vec<(f64, u32)> =
            self.hosts.ids().filter(|h| self.hosts[*h].live).map(|h| (self.last_share(h), h)).collect();
        hot.retain(|(_, h)| !self.frozen_zones.contains(&self.hosts[*h].zone));
        hot.retain(|(share, _)| *share > threshold);
        hot.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut zones = Vec::new();
        for (_, h) in hot {
            let zone = self.hosts[h].zone;
            zones.push(zone);
            while self.last_share(h) > threshold {
                if self.remaining(h) < 2 {
                    self.observer.decided(t, Decision::LeftHot { host: self.hosts[h].serial });
                    break;
                }
                let Some(m) = self.to_give(h, settled, t) else { break };
                match self.target(h, m, zone, settled) {
                    Some(to) => self.migrate(m, to, true, t),
                    None => {
                        self.request_if_none_boots(zone, t);
                        break;
                    }
                }
            }
        }
        zones.sort_unstable();
        zones.dedup();
        zones
    }

    /// Elastic VMs on a host that are not on their way to another.
    fn remaining(&self, h: u32) -> usize {
        let leaves = |m: u32| self.machines[m].evm.as_ref().is_some_and(|evm| evm.host == h && evm.target != NONE);
        self.hosts[h].members.iter().filter(|m| !leaves(**m)).count()
    }

    fn request_if_none_boots(&mut self, zone: u16, t: i64) {
        let boots = self.hosts.iter().any(|host| host.live && !host.ready && host.zone == zone);
        if !boots {
            self.request_host(zone, HostReason::Hot, t);
        }
    }

    /// The elastic VM a hot host gives: the smallest whose leaving settles it, else its largest.
    fn to_give(&self, h: u32, settled: f64, t: i64) -> Option<u32> {
        let host = &self.hosts[h];
        let limit = self.setup.pool.as_ref().map_or(0, |pool| pool.migrations_per_host);
        if host.in_flight >= limit {
            return None;
        }
        let free = host.members.iter().copied().filter_map(|m| {
            let machine = &self.machines[m];
            let evm = machine.evm.as_ref()?;
            let may = machine.ready && evm.host == h && evm.target == NONE && t >= evm.rest_until;
            may.then_some((self.share((evm.last.0.into(), evm.last.1.into())), machine.serial, m, evm.last))
        });
        let mut free: Vec<_> = free.collect();
        free.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let settles = |last: (u32, u32)| {
            let left = (host.last.0.saturating_sub(last.0), host.last.1.saturating_sub(last.1));
            self.share((left.0.into(), left.1.into())) <= settled
        };
        free.iter().find(|(.., last)| settles(*last)).or(free.last()).map(|(_, _, m, _)| *m)
    }

    /// The least loaded other host of the zone that stays settled with `m`, or that is empty: an elastic VM too large to
    /// settle anywhere is best alone, and no further host would help it.
    fn target(&self, from: u32, m: u32, zone: u16, settled: f64) -> Option<u32> {
        let last = self.machines[m].evm.as_ref()?.last;
        let limit = self.setup.pool.as_ref()?.migrations_per_host;
        let fits = |h: &u32| {
            *h != from
                && self.hosts[*h].in_flight < limit
                && self.caps_let_in(*h, m)
                && (self.share_with(*h, last) <= settled || self.hosts[*h].members.is_empty())
        };
        let least = |a: &u32, b: &u32| self.last_share(*a).total_cmp(&self.last_share(*b)).then(a.cmp(b));
        self.staying(zone).filter(fits).min_by(least)
    }

    /// Starts a migration.
    fn migrate(&mut self, m: u32, to: u32, hot: bool, t: i64) {
        let Some(migration) = self.setup.pool.as_ref().map(|pool| pool.migration) else { return };
        let pausing = self.machines[m].pausing_volumes > 0;
        let pods = u64::from(crate::number::id(self.machines[m].pods.len()));
        let serial = self.machines[m].serial;
        let Some(evm) = &mut self.machines[m].evm else { return };
        let (from, last) = (evm.host, evm.last);
        let seconds = migration.seconds(last.1.saturating_sub(evm.overhead));
        evm.target = to;
        self.joins_host(to, m);
        for h in [from, to] {
            self.hosts[h].in_flight += 1;
            self.hosts[h].motion.push((t, t + seconds));
        }
        let source = &mut self.hosts[from].last;
        *source = (source.0.saturating_sub(last.0), source.1.saturating_sub(last.1));
        let target = &mut self.hosts[to].last;
        *target = (target.0 + last.0, target.1 + last.1);
        self.queue.push(Reverse((t + seconds, Due::MigrationEnd(m))));
        let (from, to) = (self.hosts[from].serial, self.hosts[to].serial);
        self.observer.decided(t, Decision::Migration { machine: serial, from, to, seconds, hot });
        let motion = &mut self.outcome.motion;
        if hot {
            motion.rebalanced += 1;
        } else {
            motion.consolidated += 1;
        }
        motion.migration_seconds += unsigned(seconds);
        if pausing {
            motion.pauses += 1;
            motion.paused_pod_seconds += pods * unsigned(migration.pause_seconds);
        }
    }

    /// A migration ends: the elastic VM is on its new host alone.
    pub(super) fn migration_ends(&mut self, m: u32, t: i64) {
        let rest = self.setup.pool.as_ref().map_or(0, |pool| pool.rest_seconds);
        let Some(mut evm) = self.machines[m].evm.take() else { return };
        let from = evm.host;
        self.leaves_host(from, m, &evm);
        for h in [from, evm.target] {
            self.hosts[h].in_flight -= 1;
        }
        (evm.host, evm.target, evm.rest_until) = (evm.target, NONE, t + rest);
        self.machines[m].evm = Some(evm);
        self.after_leaving(from, t);
    }

    /// Empties at most one host of each zone that had no hot one.
    pub(super) fn empty_hosts(&mut self, hot: &[u16], t: i64) {
        for (zone, _) in self.zones.clone() {
            if self.frozen_zones.contains(&zone) {
                continue;
            }
            let leaving =
                self.hosts.ids().find(|h| self.hosts[*h].live && self.hosts[*h].leaving && self.hosts[*h].zone == zone);
            if let Some(h) = leaving {
                self.drive_out(h, t);
            } else if !hot.contains(&zone) {
                self.consider(zone, t);
            }
        }
    }

    /// Looks at the least loaded host of a zone: where everything on it fits elsewhere for long enough, it is emptied.
    fn consider(&mut self, zone: u16, t: i64) {
        let Some((least, slots)) =
            self.setup.pool.as_ref().map(|pool| (pool.min_hosts_per_zone.max(1), pool.consolidate_slots))
        else {
            return;
        };
        let hosts: Vec<u32> = self.staying(zone).collect();
        let boots = self.hosts.iter().any(|host| host.live && !host.ready && host.zone == zone);
        if crate::number::id(hosts.len()) <= least || boots {
            return;
        }
        let load = |h: u32| self.share(self.expected(h, NONE));
        let mut by_load: Vec<(f64, u32)> = hosts.iter().map(|h| (load(*h), *h)).collect();
        by_load.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some((_, coldest)) = by_load.first().copied() else { return };
        let fits = self.hosts[coldest].in_flight == 0 && self.all_fit(coldest, &by_load);
        for h in hosts {
            let counts = h == coldest && fits;
            self.hosts[h].fits_elsewhere = if counts { self.hosts[h].fits_elsewhere + 1 } else { 0 };
        }
        if self.hosts[coldest].fits_elsewhere >= slots {
            self.hosts[coldest].leaving = true;
            self.observer.decided(t, Decision::HostEmptied { host: self.hosts[coldest].serial });
            self.after_leaving(coldest, t);
            if self.hosts[coldest].live {
                self.drive_out(coldest, t);
            }
        }
    }

    /// Returns true when everything on `h` fits the other hosts together, by caps and by prediction.
    fn all_fit(&self, h: u32, by_load: &[(f64, u32)]) -> bool {
        let Some(pool) = &self.setup.pool else { return false };
        let limit = pool.consolidate_below;
        let total = self.expected(h, NONE);
        let room: f64 = by_load.iter().filter(|(_, other)| *other != h).map(|(load, _)| (limit - load).max(0.0)).sum();
        // Less room in the larger resource than the larger share wants cannot do, whatever goes where.
        let (cpu, memory) = (self.share((total.0, 0.0)), self.share((0.0, total.1)));
        if room < cpu.min(memory) {
            return false;
        }
        let mut members: Vec<u32> = self.hosts[h].members.clone();
        members.sort_by_key(|m| {
            let machine = &self.machines[*m];
            (Reverse(machine.evm.as_ref().map(|evm| evm.last.1)), machine.serial)
        });
        let mut trial: Vec<Trial> = Vec::new();
        for m in members {
            if !self.machines[m].ready {
                return false;
            }
            let target = by_load.iter().map(|(_, other)| *other).filter(|other| *other != h).find(|other| {
                let given = trial.iter().find(|trial| trial.host == *other);
                self.trial_fits(*other, given, m, limit)
            });
            let Some(target) = target else { return false };
            let place = match trial.iter().position(|trial| trial.host == target) {
                Some(place) => place,
                None => {
                    trial.push(Trial::new(target));
                    trial.len() - 1
                }
            };
            if let (Some(given), Some(evm)) = (trial.get_mut(place), &self.machines[m].evm) {
                let kind = &self.kinds[self.machines[m].kind];
                given.vcpu += kind.vcpu;
                given.memory_mib += kind.memory_mib;
                given.cpu.add(&evm.cpu);
                given.memory.add(&evm.memory);
                given.young.0 += if evm.seen < pool.mature_slots { f64::from(evm.expected.0) } else { 0.0 };
                given.young.1 += if evm.seen < pool.mature_slots { f64::from(evm.expected.1) } else { 0.0 };
            }
        }
        true
    }

    /// Returns true when `m` fits `h` beside what a trial has given it already.
    fn trial_fits(&self, h: u32, given: Option<&Trial>, m: u32, limit: f64) -> bool {
        if !self.caps_let_in(h, m) {
            return false;
        }
        let Some(given) = given else { return self.stays_within(h, m, limit) };
        let Some(pool) = &self.setup.pool else { return false };
        let kind = &self.kinds[self.machines[m].kind];
        let with = |carried: u64, given: u32, own: u32| float(carried + u64::from(given) + u64::from(own));
        let host = &self.hosts[h];
        let caps = with(host.vcpu, given.vcpu, kind.vcpu) <= f64::from(pool.host.threads) * pool.cpu_overcommit
            && with(host.memory_mib, given.memory_mib, kind.memory_mib)
                <= f64::from(pool.host.memory_mib) * pool.memory_overcommit;
        let expected = self.expected(h, m);
        let end = self.history_slot;
        // Peaks of what was given and of the rest counted as if they fell together: careful, and quick.
        let more = |series: &Series| pool.predictor.predict(series, None, end, crate::host_usage_prediction::DAY_SLOTS);
        let with = (expected.0 + more(&given.cpu) + given.young.0, expected.1 + more(&given.memory) + given.young.1);
        caps && self.share(with) <= limit
    }

    /// Migrates what it can off a host that is being emptied; where something fits nowhere any more, the host stays.
    fn drive_out(&mut self, h: u32, t: i64) {
        let Some((settled, limit)) = self.setup.pool.as_ref().map(|pool| (pool.settled, pool.migrations_per_host))
        else {
            return;
        };
        let zone = self.hosts[h].zone;
        let mut members = self.hosts[h].members.clone();
        members.sort_by_key(|m| self.machines[*m].serial);
        for m in members {
            let Some(evm) = &self.machines[m].evm else { continue };
            if evm.target != NONE || evm.host != h || self.hosts[h].in_flight >= limit {
                continue;
            }
            match self.target_by_prediction(h, m, zone, settled) {
                Some(to) => self.migrate(m, to, false, t),
                // Targets that are busy will be free; without any there is no room.
                None if self.hosts[h].in_flight == 0 && !self.target_is_busy(zone) => {
                    self.hosts[h].leaving = false;
                    self.hosts[h].fits_elsewhere = 0;
                    return;
                }
                None => {}
            }
        }
    }

    fn target_is_busy(&self, zone: u16) -> bool {
        self.staying(zone).any(|h| self.hosts[h].in_flight > 0)
    }

    fn target_by_prediction(&self, from: u32, m: u32, zone: u16, settled: f64) -> Option<u32> {
        let limit = self.setup.pool.as_ref()?.migrations_per_host;
        let last = self.machines[m].evm.as_ref()?.last;
        let fits = |h: &u32| {
            *h != from
                && self.hosts[*h].in_flight < limit
                && self.caps_let_in(*h, m)
                && self.share_with(*h, last) <= settled
                && self.stays_within(*h, m, settled)
        };
        let least = |a: &u32, b: &u32| self.last_share(*a).total_cmp(&self.last_share(*b)).then(a.cmp(b));
        self.staying(zone).filter(fits).min_by(least)
    }
}

/// Items that a trial has given one host.
struct Trial {
    host: u32,
    vcpu: u32,
    memory_mib: u32,
    cpu: Series,
    memory: Series,
    young: (f64, f64),
}

impl Trial {
    fn new(host: u32) -> Self {
        Self { host, vcpu: 0, memory_mib: 0, cpu: Series::default(), memory: Series::default(), young: (0.0, 0.0) }
    }
}
