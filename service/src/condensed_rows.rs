//! Rows of a report by workload and day, held small, so that a question over a small fleet reads no report twice.
//!
//! A row as it is decoded takes more than 200 bytes; here it takes some forty: its names once for each group of rows, its
//! numbers in as many bytes as they need. What a large fleet is summed up from is smaller: [`crate::report_sums`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lake::WorkloadDay;
use lake::workload_day::Part;

use crate::varints::{Bytes, read, read_signed, write, write_signed};

/// Bytes that a row takes at least, more or less.
pub(crate) const LEAST_BYTES: usize = 20;
/// Size of a group beside its names.
const GROUP_BYTES: usize = 160;

type Name = Option<Arc<str>>;
/// Part, namespace, kind and name of the workload, labels, group of nodes.
type Group = (Part, Name, Name, Name, Arc<[Arc<str>]>, Name);
type Numbers = ([i64; 5], [Option<i64>; 4]);

/// The rows of a report.
#[derive(Debug)]
pub(crate) struct Condensed {
    cluster: Arc<str>,
    groups: Vec<Group>,
    days: Vec<Name>,
    /// Group, day and numbers of each row.
    cells: Vec<u8>,
}

impl Condensed {
    /// Condenses rows of one cluster; `None` where a sum is too large, or there is no row.
    pub(crate) fn of(rows: &[WorkloadDay]) -> Option<Self> {
        let cluster = Arc::clone(&rows.first()?.cluster);
        let mut made = Self { cluster, groups: Vec::new(), days: Vec::new(), cells: Vec::new() };
        let (mut groups, mut days) = (HashMap::new(), HashMap::new());
        let mut cells: BTreeMap<(usize, usize), Numbers> = BTreeMap::new();
        for row in rows {
            let names = group(row);
            let group = *groups.entry(names.clone()).or_insert_with(|| {
                made.groups.push(names);
                made.groups.len() - 1
            });
            let day = *days.entry(row.date.clone()).or_insert_with(|| {
                made.days.push(row.date.clone());
                made.days.len() - 1
            });
            add(cells.entry((group, day)).or_default(), &numbers(row))?;
        }
        for ((group, day), (money, used)) in cells {
            write(&mut made.cells, u64::try_from(group).ok()?);
            write(&mut made.cells, u64::try_from(day).ok()?);
            money.iter().for_each(|amount| write_signed(&mut made.cells, *amount));
            let there = used.iter().rev().fold(0, |mask, amount| (mask << 1) | u64::from(amount.is_some()));
            write(&mut made.cells, there);
            used.iter().flatten().for_each(|amount| write_signed(&mut made.cells, *amount));
        }
        made.cells.shrink_to_fit();
        Some(made)
    }

    /// The rows again.
    pub(crate) fn rows(&self) -> Vec<WorkloadDay> {
        let mut cells = self.cells.iter();
        let mut rows = Vec::new();
        while let Some(row) = self.next(&mut cells) {
            rows.push(row);
        }
        rows
    }

    fn next(&self, cells: &mut Bytes<'_>) -> Option<WorkloadDay> {
        let group = self.groups.get(usize::try_from(read(cells)?).ok()?)?;
        let day = self.days.get(usize::try_from(read(cells)?).ok()?)?;
        let mut money = [0; 5];
        for amount in &mut money {
            *amount = read_signed(cells)?;
        }
        let mask = read(cells)?;
        let mut used = [None; 4];
        for (_, amount) in used.iter_mut().enumerate().filter(|(bit, _)| (mask >> bit) & 1 == 1) {
            *amount = Some(read_signed(cells)?);
        }
        let (part, namespace, workload_kind, workload, labels, node_group) = group.clone();
        let [cpu_nano_usd, memory_nano_usd, volume_nano_usd, fargate_nano_usd, other_nano_usd] = money;
        let [cpu_request_core_ms, cpu_used_core_ms, memory_request_kib_s, memory_used_kib_s] = used;
        Some(WorkloadDay {
            cluster: Arc::clone(&self.cluster),
            date: day.clone(),
            part,
            namespace,
            workload_kind,
            workload,
            labels,
            node_group,
            cpu_nano_usd,
            memory_nano_usd,
            volume_nano_usd,
            fargate_nano_usd,
            other_nano_usd,
            cpu_request_core_ms,
            cpu_used_core_ms,
            memory_request_kib_s,
            memory_used_kib_s,
        })
    }

    /// Bytes it takes, more or less.
    pub(crate) fn bytes(&self) -> usize {
        let name = |name: &Name| name.as_ref().map_or(0, |name| name.len() + 16);
        let group = |(_, namespace, kind, workload, labels, node_group): &Group| {
            let labels: usize = labels.iter().map(|label| label.len() + 32).sum();
            GROUP_BYTES + name(namespace) + name(kind) + name(workload) + labels + name(node_group)
        };
        let days: usize = self.days.iter().map(|day| 16 + name(day)).sum();
        self.cells.len() + days + self.groups.iter().map(group).sum::<usize>()
    }
}

fn group(row: &WorkloadDay) -> Group {
    let (kind, workload) = (row.workload_kind.clone(), row.workload.clone());
    (row.part, row.namespace.clone(), kind, workload, Arc::clone(&row.labels), row.node_group.clone())
}

fn numbers(row: &WorkloadDay) -> Numbers {
    (
        [row.cpu_nano_usd, row.memory_nano_usd, row.volume_nano_usd, row.fargate_nano_usd, row.other_nano_usd],
        [row.cpu_request_core_ms, row.cpu_used_core_ms, row.memory_request_kib_s, row.memory_used_kib_s],
    )
}

/// Adds numbers up; `None` where a sum is too large.
fn add(sum: &mut Numbers, more: &Numbers) -> Option<()> {
    for (all, amount) in sum.0.iter_mut().zip(more.0) {
        *all = all.checked_add(amount)?;
    }
    for (all, amount) in sum.1.iter_mut().zip(more.1) {
        if let Some(amount) = amount {
            *all = Some(all.unwrap_or_default().checked_add(amount)?);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: u32, workload: &str, nano_usd: i64) -> WorkloadDay {
        WorkloadDay {
            date: (day > 0).then(|| format!("2026-07-{day:02}").into()),
            namespace: Some("shop".into()),
            workload_kind: Some("Deployment".into()),
            workload: Some(workload.into()),
            labels: ["team=red".into()].into_iter().collect(),
            cpu_nano_usd: nano_usd,
            other_nano_usd: -nano_usd / 2,
            memory_used_kib_s: (nano_usd > 5).then_some(nano_usd),
            ..WorkloadDay::of("c", Part::Workload)
        }
    }

    #[test]
    fn rows_come_back_as_they_were_and_those_of_one_workload_and_day_added_up() {
        let rows = [row(1, "a", 5), row(1, "b", -3), row(2, "a", i64::MAX), row(0, "a", i64::MIN + 1)];
        let mut back = Condensed::of(&rows).unwrap().rows();
        back.sort_by_key(|row| (row.date.is_none(), row.date.clone(), row.workload.clone()));
        assert_eq!(back, rows);
        let summed = Condensed::of(&[row(1, "a", 5), row(1, "a", 6)]).unwrap().rows();
        let [one] = summed.as_slice() else { panic!("{summed:?}") };
        assert_eq!((one.cpu_nano_usd, one.memory_used_kib_s), (11, Some(6)));
        assert!(Condensed::of(&[row(2, "a", i64::MAX), row(2, "a", 1)]).is_none(), "the sum is too large");
    }
}
