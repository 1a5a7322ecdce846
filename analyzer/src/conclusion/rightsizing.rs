//! Right-sized requests by container, from the last days of the window: the replay's rule, on what is there now.
//!
//! CPU is a percentile of the five-minute means of all pods of a workload together, memory the largest sample with a
//! margin, with floors under both. Percentiles are up to 1.6 % high, never low: see `histogram`.

pub(crate) mod last_days;

use std::collections::{BTreeMap, BTreeSet};

use arrow::record_batch::RecordBatch;
use lake::tables::{container_hour, pod_hour};
use types::Hour;
use types::analysis::{Allocation, Caution, ContainerSize, RightSizing, SkipReason, SkippedContainer};

use crate::fast_maps::{FastMap, FastSet};
use crate::number::{float, ratio, whole};
use crate::read::columns::{Misfit, columns};
use crate::sums::histogram::Histogram;
use crate::sums::hour_facts::WorkloadKey;
use crate::units::unsigned;

columns! {
    /// Columns of pods that are read.
    POD_COLUMNS, PodColumns of pod_hour:
    hour_start_seconds: Int64s,
    pod_uid: Texts,
    namespace: Texts,
    workload_kind: Texts,
    workload: Texts,
    hpa_target: Flags,
}

columns! {
    /// Columns of containers that are read.
    CONTAINER_COLUMNS, ContainerColumns of container_hour:
    hour_start_seconds: Int64s,
    pod_uid: Texts,
    container: Texts,
    container_kind: Texts,
    cpu_request_millicores: Int32s,
    memory_request_bytes: Int64s,
    cpu_limit_millicores: Int32s,
    memory_limit_bytes: Int64s,
    running_seconds: Int32s,
    instances: Int32s,
    cpu_mean_millicores_by_slot: Slots,
    cpu_max_millicores_by_slot: Slots,
    memory_max_mib_by_slot: Slots,
}

/// Hours in a day.
const HOURS_A_DAY: i64 = 24;
const SECONDS_AN_HOUR: i64 = 3600;
/// Share of its CPU limit from which a container counts as throttled.
const THROTTLED: f64 = 0.95;
/// Share of its memory limit from which kills may hide what a container needs.
const NEAR_LIMIT: f64 = 0.9;

/// A container of a workload, by the workload's number and its own name.
type Class = (usize, String);

/// Usage and requests of every container over the days looked at.
#[derive(Debug)]
pub(crate) struct Sizes {
    rule: replay::RightSizing,
    /// First second looked at, and the first after the window.
    span: (i64, i64),
    /// Hours between them that the lake has.
    hours: usize,
    workloads: Vec<WorkloadKey>,
    numbers: FastMap<WorkloadKey, usize>,
    autoscaled: BTreeSet<usize>,
    containers: BTreeMap<Class, Usage>,
}

/// Use and request of one container.
#[derive(Debug, Default)]
struct Usage {
    /// Means of slots, in millicores.
    cpu: Histogram,
    /// The largest CPU known: of rates between scrapes where those are kept.
    cpu_peak: i64,
    /// Largest samples of slots, in MiB.
    memory: Histogram,
    days: BTreeSet<i64>,
    /// Hours of the first and the last sample.
    first: Option<i64>,
    last: i64,
    running_seconds: i128,
    restarts: i64,
    /// Start of the newest hour, and what it asks for in it: the most of its pods.
    newest: i64,
    asks: Asks,
}

/// Requests and limits, in millicores and bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Asks {
    cpu_request: Option<i64>,
    memory_request: Option<i64>,
    cpu_limit: Option<i64>,
    memory_limit: Option<i64>,
}

impl Asks {
    fn most(self, other: Self) -> Self {
        Self {
            cpu_request: self.cpu_request.max(other.cpu_request),
            memory_request: self.memory_request.max(other.memory_request),
            cpu_limit: self.cpu_limit.max(other.cpu_limit),
            memory_limit: self.memory_limit.max(other.memory_limit),
        }
    }
}

impl Sizes {
    /// Nothing yet, for hours up to the last of `hours`, which are sorted.
    pub(crate) fn new(rule: replay::RightSizing, hours: &[Hour]) -> Self {
        let end = hours.last().map_or(0, |hour| hour.start_seconds() + SECONDS_AN_HOUR);
        let from = end - i64::from(rule.days) * HOURS_A_DAY * SECONDS_AN_HOUR;
        Self {
            rule,
            span: (from, end),
            hours: hours.iter().filter(|hour| hour.start_seconds() >= from).count(),
            workloads: Vec::new(),
            numbers: FastMap::default(),
            autoscaled: BTreeSet::new(),
            containers: BTreeMap::new(),
        }
    }

    /// Returns true when an hour is one of those looked at.
    pub(crate) fn looks_at(&self, hour: Hour) -> bool {
        (self.span.0..self.span.1).contains(&hour.start_seconds())
    }

    /// Rows of one part of a day; those of other hours are skipped.
    pub(crate) fn part(&mut self, hours: impl Iterator<Item = Hour>) -> Part<'_> {
        let hours = hours.filter(|hour| self.looks_at(*hour)).map(Hour::start_seconds).collect();
        Part { sizes: self, hours, owners: FastMap::default() }
    }

    fn number(&mut self, key: WorkloadKey) -> usize {
        match self.numbers.get(&key) {
            Some(number) => *number,
            None => {
                let number = self.workloads.len();
                self.numbers.insert(key.clone(), number);
                self.workloads.push(key);
                number
            }
        }
    }

    /// Targets of all containers; what they save comes from today's bill.
    pub(crate) fn conclude(self, allocation: &Allocation) -> RightSizing {
        let prices = Prices::of(allocation);
        let (mut containers, mut skipped) = (Vec::new(), Vec::new());
        for ((workload, container), usage) in &self.containers {
            let Some(key) = self.workloads.get(*workload) else { continue };
            let autoscaled = self.autoscaled.contains(workload);
            match self.size(key, container, usage, autoscaled, &prices) {
                Ok(size) => containers.push(size),
                Err(reason) => skipped.push(SkippedContainer {
                    namespace: key.namespace.clone(),
                    workload_kind: key.kind.clone(),
                    workload: key.name.clone(),
                    container: container.clone(),
                    reason,
                }),
            }
        }
        let name = |one: &ContainerSize| {
            (one.namespace.clone(), one.workload_kind.clone(), one.workload.clone(), one.container.clone())
        };
        let saved = |one: &ContainerSize| one.saving_monthly_usd.unwrap_or(f64::NEG_INFINITY);
        containers.sort_by(|a, b| saved(b).total_cmp(&saved(a)).then_with(|| name(a).cmp(&name(b))));
        skipped.sort_by(|a: &SkippedContainer, b| {
            (&a.namespace, &a.workload_kind, &a.workload, &a.container).cmp(&(
                &b.namespace,
                &b.workload_kind,
                &b.workload,
                &b.container,
            ))
        });
        RightSizing {
            days: self.rule.days,
            cpu_percentile: self.rule.cpu_percent,
            memory_margin: self.rule.memory_margin,
            tolerance: self.rule.tolerance,
            containers,
            skipped,
        }
    }

    fn size(
        &self,
        key: &WorkloadKey,
        container: &str,
        usage: &Usage,
        autoscaled: bool,
        prices: &Prices<'_>,
    ) -> Result<ContainerSize, SkipReason> {
        if matches!(key.kind.as_str(), "" | "Pod" | "Node") {
            return Err(SkipReason::NoOwner);
        }
        let first = usage.first.filter(|_| usage.cpu.samples > 0 && usage.memory.samples > 0);
        let first = first.ok_or(SkipReason::NoUsage)?;
        if usage.last - first + SECONDS_AN_HOUR < HOURS_A_DAY * SECONDS_AN_HOUR {
            return Err(SkipReason::TooFewDays);
        }
        let (cpu_target, memory_target) = self.targets(usage);
        let asks = usage.asks;
        let memory_request = asks.memory_request.map(mib);
        let is_off = |request: Option<i64>, target: i64| {
            let request = float(request.unwrap_or_default().into());
            (float(target.into()) - request).abs() > self.rule.tolerance * request
        };
        if !is_off(asks.cpu_request, cpu_target) && !is_off(memory_request, memory_target) {
            return Err(SkipReason::Fits);
        }
        let seconds = unsigned(u64::try_from(self.hours).unwrap_or_default()) * float(SECONDS_AN_HOUR.into());
        let pods_mean = ratio(float(usage.running_seconds), seconds).unwrap_or_default();
        Ok(ContainerSize {
            namespace: key.namespace.clone(),
            workload_kind: key.kind.clone(),
            workload: key.name.clone(),
            container: container.to_owned(),
            pods_mean,
            days_seen: crate::number::count(usage.days.len()),
            cpu_request_millicores: asks.cpu_request.map(small),
            memory_request_mib: memory_request.map(small),
            cpu_limit_millicores: asks.cpu_limit.map(small),
            memory_limit_mib: asks.memory_limit.map(mib).map(small),
            cpu_p50_millicores: small(usage.cpu.percentile(500)),
            cpu_p95_millicores: small(usage.cpu.percentile(950)),
            cpu_p99_millicores: small(usage.cpu.percentile(990)),
            cpu_max_millicores: small(usage.cpu.max),
            memory_max_mib: small(usage.memory.max),
            cpu_target_millicores: small(cpu_target),
            memory_target_mib: small(memory_target),
            saving_monthly_usd: prices.saving(key, usage, (cpu_target, memory_target), pods_mean),
            cautions: cautions(usage, (cpu_target, memory_target), autoscaled, self.rule.days),
        })
    }

    /// CPU in millicores and memory in MiB to request.
    fn targets(&self, usage: &Usage) -> (i64, i64) {
        let thousandths = u64::try_from(whole(self.rule.cpu_percent * 10.0)).unwrap_or_default();
        let request = self.rule.request(small(usage.cpu.percentile(thousandths)), small(usage.memory.max));
        (request.cpu_millicores.into(), request.memory_mib.into())
    }
}

fn small(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

/// MiB of bytes, rounded up.
fn mib(bytes: i64) -> i64 {
    (bytes + (1 << 20) - 1) >> 20
}

fn cautions(usage: &Usage, (cpu_target, memory_target): (i64, i64), autoscaled: bool, days: u32) -> Vec<Caution> {
    let asks = usage.asks;
    let share = |value: i64, limit: i64| ratio(float(value.into()), float(limit.into())).unwrap_or_default();
    let memory_limit = asks.memory_limit.map(mib);
    let near = memory_limit.is_some_and(|limit| share(usage.memory.max, limit) >= NEAR_LIMIT);
    let throttled = asks.cpu_limit.is_some_and(|limit| share(usage.cpu_peak.max(usage.cpu.max), limit) >= THROTTLED);
    let below = asks.cpu_limit.is_some_and(|limit| limit < cpu_target)
        || memory_limit.is_some_and(|limit| limit < memory_target);
    [
        (near, Caution::MemoryNearLimit),
        (throttled, Caution::CpuThrottled),
        (usage.restarts > 0, Caution::Restarted),
        (autoscaled, Caution::Autoscaled),
        (crate::number::count(usage.days.len()) < days, Caution::FewDays),
        (below, Caution::LimitBelowTarget),
    ]
    .into_iter()
    .filter_map(|(is_so, caution)| is_so.then_some(caution))
    .collect()
}

/// Prices that workloads pay for a core-hour and a GiB-hour of what they hold.
struct Prices<'a> {
    by_workload: BTreeMap<(&'a str, &'a str, &'a str), [Option<f64>; 2]>,
}

impl<'a> Prices<'a> {
    fn of(allocation: &'a Allocation) -> Self {
        let row = |row: &'a types::analysis::WorkloadCost| {
            let cpu = row.cpu_request_core_hours.max(row.cpu_used_core_hours);
            let memory = row.memory_request_gib_hours.max(row.memory_used_gib_hours);
            let key = (row.namespace.as_str(), row.workload_kind.as_str(), row.workload.as_str());
            (key, [ratio(row.cpu_usd, cpu), ratio(row.memory_usd, memory)])
        };
        Self { by_workload: allocation.by_workload.iter().map(row).collect() }
    }

    /// Returns what holding the targets instead of today's requests frees, in USD a month of 730 hours.
    fn saving(&self, key: &WorkloadKey, usage: &Usage, (cpu, memory): (i64, i64), pods: f64) -> Option<f64> {
        let [of_core, of_gib] = *self.by_workload.get(&(&key.namespace, &key.kind, &key.name))?;
        let mean = |of: &Histogram| ratio(float(of.sum), float(of.samples.into())).unwrap_or_default();
        // A pod pays for the greater of what it requests and what it uses.
        let freed = |request: Option<i64>, target: i64, mean: f64| {
            float(request.unwrap_or_default().into()).max(mean) - float(target.into()).max(mean)
        };
        let cores = freed(usage.asks.cpu_request, cpu, mean(&usage.cpu)) / 1000.0;
        let gib = freed(usage.asks.memory_request.map(mib), memory, mean(&usage.memory)) / 1024.0;
        let usd = |amount: f64, price: Option<f64>| if amount == 0.0 { Some(0.0) } else { Some(amount * price?) };
        Some(types::HOURS_PER_MONTH * pods * (usd(cores, of_core)? + usd(gib, of_gib)?))
    }
}

/// The rows of one part of a day under way.
pub(crate) struct Part<'s> {
    sizes: &'s mut Sizes,
    hours: FastSet<i64>,
    /// Workload of each pod in each of its hours, by uid: a day's object and the hours' own give the same.
    owners: FastMap<Box<str>, Vec<(i64, usize)>>,
}

impl Part<'_> {
    /// Takes pods; they come before containers.
    pub(crate) fn pods(&mut self, batch: &RecordBatch) -> Result<(), Misfit> {
        let of = PodColumns::new(batch)?;
        for row in 0..batch.num_rows() {
            let start = of.hour_start_seconds.some(row);
            if !self.hours.contains(&start) {
                continue;
            }
            let number = self.sizes.number(WorkloadKey {
                namespace: of.namespace.some(row).to_owned(),
                kind: of.workload_kind.some(row).to_owned(),
                name: of.workload.some(row).to_owned(),
            });
            match self.owners.get_mut(of.pod_uid.some(row)) {
                Some(owners) => owners.push((start, number)),
                None => {
                    self.owners.insert(of.pod_uid.some(row).into(), vec![(start, number)]);
                }
            }
            if of.hpa_target.get(row).unwrap_or_default() {
                self.sizes.autoscaled.insert(number);
            }
        }
        Ok(())
    }

    /// Takes containers; init containers do not run beside others, so they are left out.
    pub(crate) fn containers(&mut self, batch: &RecordBatch) -> Result<(), Misfit> {
        let of = ContainerColumns::new(batch)?;
        for row in 0..batch.num_rows() {
            let start = of.hour_start_seconds.some(row);
            if !self.hours.contains(&start) || of.container_kind.some(row) == "init" {
                continue;
            }
            let of_pod = self.owners.get(of.pod_uid.some(row)).map_or(&[][..], Vec::as_slice);
            let Some((_, owner)) = of_pod.iter().copied().find(|(at, _)| *at == start) else { continue };
            let usage = self.sizes.containers.entry((owner, of.container.some(row).to_owned())).or_default();
            let (cpu, memory) = (of.cpu_mean_millicores_by_slot.sampled(row)?, of.memory_max_mib_by_slot.sampled(row)?);
            let cpu_samples = cpu.iter().flatten().flatten();
            cpu_samples.clone().for_each(|value| usage.cpu.add((*value).into()));
            let seconds = of
                .running_seconds
                .get(row)
                .unwrap_or_else(|| i64::try_from(cpu_samples.count()).unwrap_or_default() * types::SLOT_SECONDS);
            usage.running_seconds += i128::from(seconds);
            memory.iter().flatten().flatten().for_each(|value| usage.memory.add((*value).into()));
            let peak = of.cpu_max_millicores_by_slot.sampled(row)?.iter().flatten().flatten().copied().max();
            usage.cpu_peak = usage.cpu_peak.max(peak.unwrap_or_default().into());
            if cpu.is_some() || memory.is_some() {
                usage.days.insert(start.div_euclid(HOURS_A_DAY * SECONDS_AN_HOUR));
                usage.first = Some(usage.first.map_or(start, |first| first.min(start)));
                usage.last = usage.last.max(start);
            }
            usage.restarts += (of.instances.some(row) - 1).max(0);
            let asks = Asks {
                cpu_request: of.cpu_request_millicores.get(row),
                memory_request: of.memory_request_bytes.get(row),
                cpu_limit: of.cpu_limit_millicores.get(row),
                memory_limit: of.memory_limit_bytes.get(row),
            };
            if start > usage.newest {
                (usage.newest, usage.asks) = (start, asks);
            } else if start == usage.newest {
                usage.asks = usage.asks.most(asks);
            }
        }
        Ok(())
    }
}
