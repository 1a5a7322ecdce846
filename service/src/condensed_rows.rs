//! What the latest report of each cluster says by day, held small, so that a question over a fleet reads no report twice.
//!
//! Decoding Parquet is what a sum over hundreds of clusters waits for. A row as it is decoded takes more than 200 bytes; here
//! it takes some forty: its names once for each group of rows, its numbers in as many bytes as they need.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use lake::WorkloadDay;
use lake::workload_day::Part;
use types::ClusterId;

/// Most bytes of all clusters without their workloads. With 20 MiB the service outgrew 128 MiB over 300 clusters of 8,556 rows.
const MOST_BYTES: usize = 4 << 20;
/// Most bytes of all clusters with each workload: small fleets, or short windows.
const MOST_BYTES_WITH_WORKLOADS: usize = 2 << 20;
/// What a group takes beside its names.
const GROUP_BYTES: usize = 160;

type Name = Option<Arc<str>>;
/// Part, namespace, kind and name of the workload, labels, group of nodes.
type Group = (Part, Name, Name, Name, Arc<[Arc<str>]>, Name);
type Numbers = ([i64; 5], [Option<i64>; 4]);

/// The rows of a report, those that differ in their workload alone added up where it is without workloads.
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
    pub(crate) fn of(rows: &[WorkloadDay], workloads: bool) -> Option<Self> {
        let cluster = Arc::clone(&rows.first()?.cluster);
        let mut made = Self { cluster, groups: Vec::new(), days: Vec::new(), cells: Vec::new() };
        let (mut groups, mut days) = (HashMap::new(), HashMap::new());
        let mut cells: BTreeMap<(usize, usize), Numbers> = BTreeMap::new();
        for row in rows {
            let names = group(row, workloads);
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
            money.iter().for_each(|amount| write(&mut made.cells, zigzag(*amount)));
            let there = used.iter().rev().fold(0, |mask, amount| (mask << 1) | u64::from(amount.is_some()));
            write(&mut made.cells, there);
            used.iter().flatten().for_each(|amount| write(&mut made.cells, zigzag(*amount)));
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

    fn next(&self, cells: &mut std::slice::Iter<'_, u8>) -> Option<WorkloadDay> {
        let group = self.groups.get(usize::try_from(read(cells)?).ok()?)?;
        let day = self.days.get(usize::try_from(read(cells)?).ok()?)?;
        let mut money = [0; 5];
        for amount in &mut money {
            *amount = unzigzag(read(cells)?);
        }
        let mask = read(cells)?;
        let mut used = [None; 4];
        for (_, amount) in used.iter_mut().enumerate().filter(|(bit, _)| (mask >> bit) & 1 == 1) {
            *amount = Some(unzigzag(read(cells)?));
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
    fn bytes(&self) -> usize {
        let name = |name: &Name| name.as_ref().map_or(0, |name| name.len() + 16);
        let group = |(_, namespace, kind, workload, labels, node_group): &Group| {
            let labels: usize = labels.iter().map(|label| label.len() + 32).sum();
            GROUP_BYTES + name(namespace) + name(kind) + name(workload) + labels + name(node_group)
        };
        let days: usize = self.days.iter().map(|day| 16 + name(day)).sum();
        self.cells.len() + days + self.groups.iter().map(group).sum::<usize>()
    }
}

fn group(row: &WorkloadDay, workloads: bool) -> Group {
    let of = |name: &Name| if workloads { name.clone() } else { None };
    let (kind, workload) = (of(&row.workload_kind), of(&row.workload));
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

/// Numbers near zero, of either sign, as small ones.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Writes a number, seven bits a byte.
fn write(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    to.push(u8::try_from(number).unwrap_or_default());
}

fn read(from: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = from.next()?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

/// Folder of a report, the bytes its rows take, and the rows.
type One = (String, usize, Arc<Condensed>);

/// The latest report of each cluster, by the folder it lies in. A newer one takes the place of its older one; no other is
/// driven out by it, since whoever asks about all clusters would then find none of them.
#[derive(Debug)]
pub(crate) struct Held {
    reports: Mutex<BTreeMap<ClusterId, One>>,
    most: usize,
    workloads: bool,
}

impl Held {
    /// Nothing yet, with each workload or without.
    pub(crate) fn new(workloads: bool) -> Self {
        let most = if workloads { MOST_BYTES_WITH_WORKLOADS } else { MOST_BYTES };
        Self { reports: Mutex::default(), most, workloads }
    }

    /// The rows of the report in a folder, if they are held.
    pub(crate) fn get(&self, cluster: &ClusterId, folder: &str) -> Option<Arc<Condensed>> {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.get(cluster).filter(|(held, _, _)| held == folder).map(|(_, _, rows)| Arc::clone(rows))
    }

    /// Holds the rows of a report, where there is room.
    pub(crate) fn put(&self, cluster: &ClusterId, folder: &str, rows: &[WorkloadDay]) {
        let made = Condensed::of(rows, self.workloads);
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.remove(cluster);
        let Some(made) = made else { return };
        let (bytes, held) = (made.bytes(), reports.values().map(|(_, bytes, _)| bytes).sum::<usize>());
        if held + bytes <= self.most {
            reports.insert(cluster.clone(), (folder.to_owned(), bytes, Arc::new(made)));
        }
    }

    /// Lets go of clusters that are not among these.
    pub(crate) fn keep(&self, clusters: &[ClusterId]) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.retain(|cluster, _| clusters.contains(cluster));
    }
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
    fn rows_with_workloads_come_back_as_they_were_and_without_are_added_up() {
        let rows = [row(1, "a", 5), row(1, "b", -3), row(2, "a", i64::MAX), row(0, "a", i64::MIN + 1)];
        let mut back = Condensed::of(&rows, true).unwrap().rows();
        back.sort_by_key(|row| (row.date.is_none(), row.date.clone(), row.workload.clone()));
        assert_eq!(back, rows);
        let summed = Condensed::of(&rows, false).unwrap().rows();
        assert_eq!(summed.len(), 3);
        let first = summed.iter().find(|row| row.date.as_deref() == Some("2026-07-01")).unwrap();
        assert_eq!((first.cpu_nano_usd, first.memory_used_kib_s, first.workload.as_deref()), (2, None, None));
        assert_eq!((first.namespace.as_deref(), first.label("team")), (Some("shop"), Some("red")));
        assert!(Condensed::of(&[row(2, "a", i64::MAX), row(2, "b", 1)], false).is_none(), "the sum is too large");
        for number in [0, 1, -1, 63, -64, 64, 8192, i64::MAX, i64::MIN] {
            let mut text = Vec::new();
            write(&mut text, zigzag(number));
            assert_eq!(unzigzag(read(&mut text.iter()).unwrap()), number);
        }
    }

    #[test]
    fn so_many_bytes_are_held_and_a_newer_report_takes_the_place_of_its_older() {
        let rows: Vec<_> = (1..=28).map(|day| row(day, "a", 1_000_000_000)).collect();
        let one = Condensed::of(&rows, false).unwrap().bytes();
        let held = Held { most: 2 * one, ..Held::new(false) };
        let [a, b, c]: [ClusterId; 3] = ["a", "b", "c"].map(|id| id.parse().unwrap());
        for cluster in [&a, &b, &c] {
            held.put(cluster, "1", &rows);
        }
        let there = |cluster, folder| held.get(cluster, folder).is_some();
        assert_eq!((there(&a, "1"), there(&b, "1"), there(&c, "1")), (true, true, false), "there is room for two");
        held.put(&a, "2", &rows);
        assert_eq!((there(&a, "1"), there(&a, "2"), there(&b, "1")), (false, true, true));
        held.keep(&[b.clone(), c.clone()]);
        held.put(&c, "1", &rows);
        assert_eq!((there(&a, "2"), there(&b, "1"), there(&c, "1")), (false, true, true));
    }
}
