//! One yardstick: what every scenario may not exceed, on machines and hosts together, and how today itself stands.
//!
//! Each limit is a default or 1.1 times what the replay of today's machines comes to, whichever is more: nobody is asked
//! to be better than what runs now, and nobody may be much worse. Today is the reference and never fails; where it is over
//! a default, that is listed.

use types::analysis::Limit;

use crate::number::float;
use crate::outcome::{Outcome, Starts, Waiting};

/// The most of each measure; shares unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// CPU asked for beyond what there is, of CPU used.
    pub cpu_lost: f64,
    /// The same for each workload that uses more than a tenth of a core.
    pub workload_cpu_lost: f64,
    /// Memory of pods on machines and hosts whose mean memory is over capacity, slot by slot.
    pub memory_over_mean: f64,
    /// The same where the slot's largest memory is.
    pub memory_over_max: f64,
    /// Evictions per pod of a service and day.
    pub evictions: f64,
    /// The same for stateful sets and single replicas.
    pub single_evictions: f64,
    /// Pods on one machine or host; more where today's cluster is spread over zones ([`Outcome::zone_share`]).
    pub blast_radius: f64,
    /// Zone-hours in which a zone could not take over from a lost host.
    pub host_loss: f64,
    /// Starts of services that are late.
    pub late_services: f64,
    /// Starts of batch pods that are late.
    pub late_batch: f64,
    /// Periodic runs that started after the next was due.
    pub overtaken: f64,
    /// Factor on today's own measure that is allowed.
    pub today_factor: f64,
}

/// Check of an outcome against one limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Check {
    /// The limit.
    pub limit: Limit,
    /// The measure; `None` where it is not known.
    pub value: Option<f64>,
    /// The most allowed.
    pub allowed: f64,
    /// Today's measure; `None` where it is not known.
    pub today: Option<f64>,
    /// `true` when it holds. What is not known holds only where today's is not known either.
    pub holds: bool,
    /// The workload with most of it, as an index, where one stands out.
    pub worst: Option<u32>,
}

/// Starts below which two may be late, whatever their share.
const FEW_STARTS: u64 = 200;
/// Late starts that few starts may have.
const FEW_LATE: u64 = 2;
/// Periodic runs below which as many may be overtaken.
const FEW_RUNS: u64 = 20_000;
/// Mean use from which a workload's own loss counts, in core-milliseconds a second: a tenth of a core.
const LEAST_CORE_MS_A_SECOND: u64 = 100;

/// A measure and the workload it is worst at.
type Measure = (Option<f64>, Option<u32>);

/// A limit, its default, and how it is measured.
type Row = (Limit, f64, fn(&Outcome) -> Measure);

/// Every limit but that of what headroom costs.
fn rows(limits: &Limits) -> [Row; 12] {
    [
        (Limit::CpuLost, limits.cpu_lost, |o| (Some(o.cpu_lost_share()), None)),
        (Limit::WorkloadCpuLost, limits.workload_cpu_lost, worst_workload),
        (Limit::MemoryOverMean, limits.memory_over_mean, |o| (Some(over_mean(o)), None)),
        (Limit::MemoryOverMax, limits.memory_over_max, |o| (Some(o.memory_share(|risk| risk.pods_mib_over)), None)),
        (Limit::Evictions, limits.evictions, |o| (Some(o.evictions.per_pod_day()), None)),
        (Limit::SingleEvictions, limits.single_evictions, |o| (Some(o.evictions.per_single_pod_day()), None)),
        (Limit::BlastRadius, limits.blast_radius, |o| (Some(o.blast_share()), None)),
        (Limit::HostLoss, limits.host_loss, |o| (Some(o.host_loss_share()), None)),
        (Limit::LateServices, limits.late_services, |o| late(&o.waiting().services)),
        (Limit::LateBatch, limits.late_batch, |o| late(&o.waiting().batch)),
        (Limit::OvertakenRuns, limits.overtaken, |o| (Some(overtaken(&o.waiting())), None)),
        (Limit::Unplaceable, 0.0, |o| (Some(share(o.service.never_served_seconds, o.service.asked_seconds)), None)),
    ]
}

/// Judges an outcome by `limits`, beside that of today's machines over the same hours.
pub fn judge(outcome: &Outcome, today: &Outcome, limits: &Limits) -> Vec<Check> {
    // A cluster that is laid out to lose a zone loses no more with a host that carries all of one.
    let of_zone = today.zone_share() * limits.today_factor;
    let check = |(limit, default, measure): Row| {
        let ((value, worst), (today, _)) = (measure(outcome), measure(today));
        let default = if limit == Limit::BlastRadius { default.max(of_zone) } else { default };
        let allowed = today.map_or(default, |today| default.max(today * limits.today_factor));
        let holds = match (value, today) {
            (Some(value), _) => value <= allowed * (1.0 + 1e-9),
            (None, today) => today.is_none(),
        };
        Check { limit, value, allowed, today, holds, worst: worst.filter(|_| !holds) }
    };
    rows(limits).into_iter().map(check).collect()
}

/// Lists the limits that today's machines are over themselves: what is allowed there is the limit as it is set, without
/// the factor on today's own measure that others may come to.
pub fn breaches(today: &Outcome, limits: &Limits) -> Vec<Check> {
    // As for the others, a cluster that is laid out to lose a zone may lose as much with one machine.
    let of_zone = today.zone_share() * limits.today_factor;
    let check = |(limit, default, measure): Row| {
        let (value, worst) = measure(today);
        let allowed = if limit == Limit::BlastRadius { default.max(of_zone) } else { default };
        let holds = value.is_none_or(|value| value <= allowed * (1.0 + 1e-9));
        Check { limit, value, allowed, today: value, holds, worst }
    };
    rows(limits).into_iter().map(check).filter(|check| !check.holds).collect()
}

/// Returns true when every check holds but those that `open` names.
pub fn holds(checks: &[Check], open: &[Limit]) -> bool {
    checks.iter().all(|check| check.holds || open.contains(&check.limit))
}

/// Limits that a machine kept warm can mend.
pub const WAITING: [Limit; 3] = [Limit::LateServices, Limit::LateBatch, Limit::OvertakenRuns];

fn share(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { float(part) / float(of) }
}

/// Share of the memory of pods that was on machines and hosts whose mean memory is over capacity. One slot alone is chance:
/// whether it is too much in a small cluster says the limit of maxima, in which it is counted too.
fn over_mean(outcome: &Outcome) -> f64 {
    let over = outcome.machines.over_memory_mean + outcome.hosts.over_memory_mean;
    if over <= 1 { 0.0 } else { outcome.memory_share(|risk| risk.pods_mib_over_mean) }
}

/// Share of starts that are late. Of few starts two may be, since one is already more than the share.
fn late(starts: &Starts) -> Measure {
    let counted = if starts.starts < FEW_STARTS && starts.late <= FEW_LATE { 0 } else { starts.late };
    (Some(share(counted, starts.starts)), starts.worst().map(|(workload, _)| workload))
}

/// Share of periodic runs that were overtaken. Of few runs two may be, as with late starts.
fn overtaken(waiting: &Waiting) -> f64 {
    let few = waiting.periodic < FEW_RUNS && waiting.overtaken <= FEW_LATE;
    if few { 0.0 } else { share(waiting.overtaken, waiting.periodic) }
}

/// The workload that loses the largest share of the CPU it asks for, of those that use more than a tenth of a core.
fn worst_workload(outcome: &Outcome) -> Measure {
    let seconds = 3600 * u64::try_from(outcome.hours.len()).unwrap_or_default();
    let rows = (0_u32..).zip(outcome.cpu_used_by_workload.iter().zip(&outcome.cpu_lost_by_workload));
    let shares = rows
        .filter(|(_, (used, lost))| **lost > 0 && **used > LEAST_CORE_MS_A_SECOND * seconds)
        .map(|(workload, (used, lost))| (share(*lost, *used), workload));
    let worst = shares.reduce(|a, b| if b.0 > a.0 { b } else { a });
    (Some(worst.map_or(0.0, |(share, _)| share)), worst.map(|(_, workload)| workload))
}
