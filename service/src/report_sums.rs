//! Costs of a report without its workloads, small enough for each of hundreds of clusters to be held.
//!
//! Decoding Parquet is what a sum over a fleet waits for. Held are what each part of the bill, namespace, set of labels and
//! group of nodes cost over the whole window, and what each namespace and set of labels cost on each day: enough for every
//! question of a fleet that asks for no workload, no span of days and no day's CPU.

mod names;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lake::WorkloadDay;
use lake::workload_day::Part;
use types::ClusterId;

use crate::held_reports::Held;
use crate::varints::{folded, read, read_signed, unfolded, write, write_signed};
use names::Names;

/// Most bytes of all clusters: 300 of 40 groups and 15 owners over 90 days take less.
const MOST_BYTES: usize = 4 << 20;
/// Most days of all owners of one report, which is held no longer small beyond.
const MOST_DAYS: usize = 512 << 10;
/// What a report takes beside its groups, owners and numbers.
const REPORT_BYTES: usize = 256;

type Name = Option<Arc<str>>;
type List = Arc<[Arc<str>]>;

/// Whose cost it is: by this alone it is decided who may see it.
#[derive(Debug)]
struct Owner {
    namespace: Name,
    labels: List,
}

#[derive(Debug)]
struct Group {
    part: Part,
    owner: usize,
    node_group: Name,
}

/// Sums of a report.
#[derive(Debug)]
pub(crate) struct ReportSums {
    cluster: Arc<str>,
    days: List,
    owners: Box<[Owner]>,
    groups: Box<[Group]>,
    /// The nine sums of each group.
    sums: Box<[u8]>,
    /// The cost of each owner on each day: zero where it has no row, or one more than its difference to the last one.
    costs: Box<[u8]>,
}

impl ReportSums {
    /// Sums rows of one cluster up; `None` where a sum is too large, there is no row, or it would not be small. Rows that
    /// have the same names are in one group if the names are the same in memory too, as the lake decodes them.
    fn of(rows: &[WorkloadDay], names: &Mutex<Names>) -> Option<Self> {
        let days = days(rows);
        let mut making = Making::default();
        let (mut last, mut day) = (None, None);
        for row in rows {
            if last != Some(&row.date) {
                day = row.date.as_ref().map(|date| days.binary_search(date)).transpose().ok()?;
                last = Some(&row.date);
            }
            making.add(row, day, days.len())?;
        }
        let sums = making.sums.iter().flatten().fold(Vec::new(), |mut to, sum| {
            write_signed(&mut to, *sum);
            to
        });
        let mut costs = Vec::new();
        for owner in making.costs.chunks(days.len().max(1)) {
            let mut last = 0_i64;
            for cost in owner {
                let Some(cost) = cost else {
                    write(&mut costs, 0);
                    continue;
                };
                write(&mut costs, folded(cost.wrapping_sub(last)).checked_add(1)?);
                last = *cost;
            }
        }
        let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = |owner: Owner, names: &mut Names| Owner {
            namespace: owner.namespace.map(|name| names.text(&name)),
            labels: names.list(&owner.labels),
        };
        Some(Self {
            cluster: Arc::clone(&rows.first()?.cluster),
            days: names.list(&days),
            owners: making.owners.into_iter().map(|one| owner(one, &mut names)).collect(),
            groups: making
                .groups
                .into_iter()
                .map(|group| Group { node_group: group.node_group.map(|name| names.text(&name)), ..group })
                .collect(),
            sums: sums.into(),
            costs: costs.into(),
        })
    }

    /// A row for each group, of the whole window and of no day.
    pub(crate) fn rows(&self) -> Vec<WorkloadDay> {
        let mut numbers = self.sums.iter();
        let row = |group: &Group| {
            let owner = self.owners.get(group.owner)?;
            let mut sums = [0; 9];
            for sum in &mut sums {
                *sum = read_signed(&mut numbers)?;
            }
            let [cpu, memory, volume, fargate, other, cpu_request, cpu_used, memory_request, memory_used] = sums;
            Some(WorkloadDay {
                cluster: Arc::clone(&self.cluster),
                date: None,
                part: group.part,
                namespace: owner.namespace.clone(),
                workload_kind: None,
                workload: None,
                labels: Arc::clone(&owner.labels),
                node_group: group.node_group.clone(),
                cpu_nano_usd: cpu,
                memory_nano_usd: memory,
                volume_nano_usd: volume,
                fargate_nano_usd: fargate,
                other_nano_usd: other,
                cpu_request_core_ms: Some(cpu_request),
                cpu_used_core_ms: Some(cpu_used),
                memory_request_kib_s: Some(memory_request),
                memory_used_kib_s: Some(memory_used),
            })
        };
        self.groups.iter().map_while(row).collect()
    }

    /// Costs of the days on which any owner has a row that `shows` takes; it is asked about a row with the namespace and
    /// labels of each owner and nothing else.
    pub(crate) fn days(&self, shows: impl Fn(&WorkloadDay) -> bool) -> impl Iterator<Item = (&str, i128)> {
        let mut all: Vec<Option<i128>> = vec![None; self.days.len()];
        let mut costs = self.costs.iter();
        let mut row = WorkloadDay { cluster: Arc::clone(&self.cluster), ..WorkloadDay::of("", Part::Workload) };
        for owner in &self.owners {
            row.namespace.clone_from(&owner.namespace);
            row.labels = Arc::clone(&owner.labels);
            let is_shown = shows(&row);
            let mut last = 0_i64;
            for day in &mut all {
                let Some(cost) = read(&mut costs).and_then(|cost| cost.checked_sub(1)) else { continue };
                last = last.wrapping_add(unfolded(cost));
                if is_shown {
                    *day = Some(day.unwrap_or_default() + i128::from(last));
                }
            }
        }
        self.days.iter().zip(all).filter_map(|(date, cost)| Some((date.as_ref(), cost?)))
    }

    /// Bytes it takes beside its names, more or less.
    fn bytes(&self) -> usize {
        let (owners, groups) = (size_of_val(&*self.owners), size_of_val(&*self.groups));
        REPORT_BYTES + owners + groups + self.sums.len() + self.costs.len()
    }
}

/// The days of rows, in order.
fn days(rows: &[WorkloadDay]) -> Vec<Arc<str>> {
    let mut days: Vec<Arc<str>> = Vec::new();
    for date in rows.iter().filter_map(|row| row.date.as_ref()) {
        if days.last() != Some(date) {
            days.push(Arc::clone(date));
        }
    }
    days.sort_unstable();
    days.dedup();
    days
}

/// Place in memory of a name.
fn place(name: &Name) -> usize {
    name.as_ref().map_or(0, |name| name.as_ptr().addr())
}

/// Sums as they grow.
#[derive(Default)]
struct Making {
    by_owner: HashMap<(usize, usize), usize>,
    by_group: HashMap<(Part, usize, usize), usize>,
    owners: Vec<Owner>,
    groups: Vec<Group>,
    sums: Vec<[i64; 9]>,
    costs: Vec<Option<i64>>,
}

impl Making {
    fn add(&mut self, row: &WorkloadDay, day: Option<usize>, days: usize) -> Option<()> {
        let at = (place(&row.namespace), row.labels.as_ptr().addr());
        let owner = match self.by_owner.get(&at) {
            Some(owner) => *owner,
            None => {
                self.owners.push(Owner { namespace: row.namespace.clone(), labels: Arc::clone(&row.labels) });
                let all = self.owners.len().checked_mul(days).filter(|all| *all <= MOST_DAYS)?;
                self.costs.resize(all, None);
                self.by_owner.insert(at, self.owners.len() - 1);
                self.owners.len() - 1
            }
        };
        let group = *self.by_group.entry((row.part, owner, place(&row.node_group))).or_insert_with(|| {
            self.groups.push(Group { part: row.part, owner, node_group: row.node_group.clone() });
            self.sums.push([0; 9]);
            self.groups.len() - 1
        });
        for (sum, more) in self.sums.get_mut(group)?.iter_mut().zip(numbers(row)) {
            *sum = sum.checked_add(more)?;
        }
        if let Some(day) = day {
            let cost = self.costs.get_mut(owner * days + day)?;
            *cost = Some(cost.unwrap_or_default().checked_add(i64::try_from(row.nano_usd()).ok()?)?);
        }
        Some(())
    }
}

fn numbers(row: &WorkloadDay) -> [i64; 9] {
    [
        row.cpu_nano_usd,
        row.memory_nano_usd,
        row.volume_nano_usd,
        row.fargate_nano_usd,
        row.other_nano_usd,
        row.cpu_request_core_ms.unwrap_or_default(),
        row.cpu_used_core_ms.unwrap_or_default(),
        row.memory_request_kib_s.unwrap_or_default(),
        row.memory_used_kib_s.unwrap_or_default(),
    ]
}

/// Sums of the latest report of each cluster, with the names that they share.
#[derive(Debug)]
pub(crate) struct HeldSums {
    reports: Held<ReportSums>,
    names: Mutex<Names>,
}

impl Default for HeldSums {
    fn default() -> Self {
        Self { reports: Held::new(MOST_BYTES), names: Mutex::default() }
    }
}

impl HeldSums {
    /// The sums of the report in a folder, if they are held.
    pub(crate) fn get(&self, cluster: &ClusterId, folder: &str) -> Option<Arc<ReportSums>> {
        self.reports.get(cluster, folder)
    }

    /// Sums the rows of a report up, and holds that where there is room.
    pub(crate) fn put(&self, cluster: &ClusterId, folder: &str, rows: &[WorkloadDay]) -> Option<Arc<ReportSums>> {
        // Before names are counted: its older report, or one that had no room, may be all that has some of them.
        self.reports.forget(cluster);
        self.forget_names();
        let made = Arc::new(ReportSums::of(rows, &self.names)?);
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner).bytes();
        self.reports.put(cluster, folder, (made.bytes(), names), Arc::clone(&made));
        Some(made)
    }

    /// Lets go of clusters that are not among these.
    pub(crate) fn keep(&self, clusters: &[ClusterId]) {
        self.reports.keep(clusters);
        self.forget_names();
    }

    fn forget_names(&self) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).forget_unused();
    }
}

#[cfg(test)]
mod tests;
