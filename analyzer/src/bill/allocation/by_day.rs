//! Cost of each workload on each day, for drill-downs.
//!
//! A bill is of its window: commitments, minimums and volumes are priced over all of it, so a day's own bill says how much
//! of the window's amount is that day's and no more. Each amount of the window is given out over the days in proportion
//! to what the days cost by themselves, so that the rows add up to the report they lie beside, to the nano-dollar.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lake::WorkloadDay;
use lake::workload_day::Part;
use types::{NanoUsd, split};

use super::costs_by_owner::{Books, OwnerCost, OwnerKey, Parts, group_name, is_daemonset};
use super::give_out;
use crate::assumptions::Assumptions;
use crate::bill::today::Bill;
use crate::sums::cpu_and_memory::CpuMemory;
use crate::sums::hour_facts::WorkloadKey;
use crate::sums::node_usage_by_owner::Ledger;
use crate::sums::window_totals::Observed;
use crate::sums::workload_usage::WorkloadSums;

/// Something that is paid for: a part of the bill, where it stands, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    part: Part,
    group: Option<String>,
    owner: Option<OwnerKey>,
}

/// Cost of a piece by line; the last is what is not divided.
type Lines = [NanoUsd; 5];

/// A bill in pieces, and what its workloads held, asked for and used.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    costs: BTreeMap<Piece, Lines>,
    held: BTreeMap<Piece, CpuMemory>,
    usage: BTreeMap<WorkloadKey, WorkloadSums>,
}

impl Piece {
    fn of(group: Option<String>, owner: OwnerKey) -> Self {
        let part = if is_daemonset(&owner.0) { Part::Daemonset } else { Part::Workload };
        Self { part, group, owner: Some(owner) }
    }
}

impl Pieces {
    /// Gives the bill of a window or a day out.
    pub(crate) fn of(bill: &Bill, ledger: &Ledger, observed: &Observed, assumptions: &Assumptions) -> Self {
        let (books, _) = give_out(bill, ledger, assumptions);
        let mut held: BTreeMap<Piece, CpuMemory> = BTreeMap::new();
        for (group, holders) in ledger.holders() {
            let Some(group) = ledger.groups.name(group) else { continue };
            for (owner, amount) in holders {
                let Some((workload, labels)) = ledger.owner_key(owner) else { continue };
                let owner = (workload.clone(), labels.clone());
                *held.entry(Piece::of(Some(group_name(group)), owner)).or_default() += amount;
            }
        }
        let costs = costs(books);
        // Pods whose node has no row hold nothing, and what they use must have a row all the same.
        let owners = costs.keys().chain(held.keys()).filter_map(|piece| Some(&piece.owner.as_ref()?.0));
        let known: BTreeSet<&WorkloadKey> = owners.collect();
        let others: Vec<_> = observed.workloads.keys().filter(|workload| !known.contains(workload)).cloned().collect();
        held.extend(others.into_iter().map(|workload| (Piece::of(None, (workload, Vec::new())), CpuMemory::default())));
        Self { costs, held, usage: observed.workloads.clone() }
    }
}

fn costs(books: Books) -> BTreeMap<Piece, Lines> {
    let (mut costs, mut daemonsets) = (BTreeMap::new(), BTreeMap::<Option<String>, NanoUsd>::new());
    for ((group, owner), cost) in books.owners_at {
        if is_daemonset(&owner.0) {
            *daemonsets.entry(group.clone()).or_default() += cost.all();
        }
        let OwnerCost { cpu, memory, volumes, fargate, on_demand: _ } = cost;
        costs.insert(Piece::of(group, owner), [cpu, memory, volumes, fargate, NanoUsd::ZERO]);
    }
    for (group, (_, parts)) in books.groups {
        let Parts { overhead, idle, oversubscribed, residual, .. } = parts;
        let of_daemonsets = daemonsets.get(&group).copied().unwrap_or_default();
        for (part, amount) in [
            (Part::Overhead, overhead - of_daemonsets),
            (Part::Idle, idle),
            (Part::Oversubscribed, -oversubscribed),
            (Part::Residual, residual),
        ] {
            let zero = NanoUsd::ZERO;
            costs.insert(Piece { part, group: group.clone(), owner: None }, [zero, zero, zero, zero, amount]);
        }
    }
    costs
}

/// Amounts of rows before they are written.
type Amounts<'a> = BTreeMap<(Option<&'a str>, &'a Piece), Lines>;

/// The rows of a window, from its bill and those of its days, each with its date.
pub(crate) fn rows(cluster: &str, window: &Pieces, days: &[(String, Pieces)]) -> Vec<WorkloadDay> {
    let amounts = given_out(window, days);
    let mut usage: BTreeMap<(Option<&str>, &Piece), [i128; 4]> = BTreeMap::new();
    for (date, day) in days {
        of_day(date, day, &amounts, &mut usage);
    }
    let keys: BTreeSet<_> = amounts.keys().chain(usage.keys()).copied().collect();
    let row = |key: &(Option<&str>, &Piece)| {
        let lines = amounts.get(key).copied().unwrap_or_default();
        row(cluster, *key, lines, usage.get(key).copied())
    };
    keys.iter().map(row).collect()
}

/// Gives every amount of the window out over its days. What no day has a cost of is put on no day.
fn given_out<'a>(window: &'a Pieces, days: &'a [(String, Pieces)]) -> Amounts<'a> {
    let mut amounts: Amounts<'a> = BTreeMap::new();
    for (piece, lines) in &window.costs {
        for (n, amount) in lines.iter().enumerate().filter(|(_, amount)| **amount != NanoUsd::ZERO) {
            let on_day = |(_, day): &(String, Pieces)| {
                let lines = day.costs.get(piece)?;
                lines.get(n).map(|amount| amount.nanos().abs())
            };
            let weights: Vec<i128> = days.iter().map(|day| on_day(day).unwrap_or_default()).collect();
            let shares: Vec<(Option<&str>, NanoUsd)> = match split(*amount, &weights) {
                Some(shares) => days.iter().map(|(date, _)| Some(date.as_str())).zip(shares).collect(),
                None => vec![(None, *amount)],
            };
            for (date, share) in shares.into_iter().filter(|(_, share)| *share != NanoUsd::ZERO) {
                if let Some(line) = amounts.entry((date, piece)).or_default().get_mut(n) {
                    *line += share;
                }
            }
        }
    }
    amounts
}

/// Gives what each workload of a day asked for and used out over its rows, in proportion to what it held on each group
/// of nodes with each set of labels.
fn of_day<'a>(
    date: &'a str,
    day: &'a Pieces,
    amounts: &Amounts<'a>,
    usage: &mut BTreeMap<(Option<&'a str>, &'a Piece), [i128; 4]>,
) {
    let mut by_workload: BTreeMap<&WorkloadKey, BTreeSet<&'a Piece>> = BTreeMap::new();
    let priced = amounts.keys().filter(|(on, _)| *on == Some(date)).map(|(_, piece)| *piece);
    for piece in priced.chain(day.held.keys()).chain(day.costs.keys()) {
        if let Some((workload, _)) = &piece.owner {
            by_workload.entry(workload).or_default().insert(piece);
        }
    }
    for (workload, pieces) in by_workload {
        let Some(sums) = day.usage.get(workload) else { continue };
        let held = |piece: &&Piece| day.held.get(*piece).copied().unwrap_or_default();
        let cpu: Vec<i128> = pieces.iter().map(|piece| held(piece).cpu).collect();
        let memory: Vec<i128> = pieces.iter().map(|piece| held(piece).memory).collect();
        let shares = [
            share(sums.requested.cpu, &cpu),
            share(sums.used.cpu, &cpu),
            share(sums.requested.memory / 1024, &memory),
            share(sums.used.memory / 1024, &memory),
        ];
        for (n, piece) in pieces.into_iter().enumerate() {
            let amounts = shares.each_ref().map(|shares| shares.get(n).copied().unwrap_or_default());
            usage.insert((Some(date), piece), amounts);
        }
    }
}

/// Whole numbers in proportion to weights; all to the first where the weights say nothing, as of pods on Fargate.
fn share(total: i128, weights: &[i128]) -> Vec<i128> {
    match split(NanoUsd::new(total), weights) {
        Some(shares) => shares.into_iter().map(NanoUsd::nanos).collect(),
        None => vec![total],
    }
}

fn row(cluster: &str, (date, piece): (Option<&str>, &Piece), lines: Lines, usage: Option<[i128; 4]>) -> WorkloadDay {
    let text = |text: &str| Some(Arc::<str>::from(text));
    let [cpu, memory, volumes, fargate, other] = lines.map(|amount| whole(amount.nanos()));
    let [cpu_request, cpu_used, memory_request, memory_used] = match usage {
        Some(amounts) => amounts.map(|amount| Some(whole(amount))),
        None => [None; 4],
    };
    let workload = piece.owner.as_ref().map(|(workload, _)| workload);
    WorkloadDay {
        cluster: cluster.into(),
        date: date.and_then(text),
        part: piece.part,
        namespace: workload.and_then(|key| text(&key.namespace)),
        workload_kind: workload.and_then(|key| text(&key.kind)),
        workload: workload.and_then(|key| text(&key.name)),
        labels: piece.owner.iter().flat_map(|(_, labels)| labels).map(|label| label.as_str().into()).collect(),
        node_group: piece.group.as_deref().and_then(text),
        cpu_nano_usd: cpu,
        memory_nano_usd: memory,
        volume_nano_usd: volumes,
        fargate_nano_usd: fargate,
        other_nano_usd: other,
        cpu_request_core_ms: cpu_request,
        cpu_used_core_ms: cpu_used,
        memory_request_kib_s: memory_request,
        memory_used_kib_s: memory_used,
    }
}

/// A number as a file holds it: nine billion dollars, or three hundred thousand core-years, in one row of one day are more
/// than there is.
fn whole(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> OwnerKey {
        (WorkloadKey { namespace: "shop".into(), kind: "Deployment".into(), name: name.into() }, vec!["team=a".into()])
    }

    fn pieces(costs: &[(&str, i128)]) -> Pieces {
        let zero = NanoUsd::ZERO;
        let cost = |(name, cpu): &(&str, i128)| {
            let piece = match name.is_empty() {
                true => Piece { part: Part::Idle, group: None, owner: None },
                false => Piece::of(Some("blue".into()), owner(name)),
            };
            (piece, [NanoUsd::new(*cpu), zero, zero, zero, zero])
        };
        Pieces { costs: costs.iter().map(cost).collect(), ..Pieces::default() }
    }

    fn found(rows: &[WorkloadDay], date: Option<&str>, name: Option<&str>) -> Option<i64> {
        let row = rows.iter().find(|row| row.date.as_deref() == date && row.workload.as_deref() == name)?;
        Some(row.cpu_nano_usd)
    }

    #[test]
    fn a_window_is_given_out_by_what_its_days_cost_and_adds_up() {
        let window = pieces(&[("web", 100), ("job", 7), ("gone", 5), ("", 11)]);
        let days = [
            ("2026-07-01".to_owned(), pieces(&[("web", 30), ("", 1)])),
            ("2026-07-02".to_owned(), pieces(&[("web", 60), ("job", 3), ("", 1)])),
        ];
        let rows = rows("a", &window, &days);
        assert_eq!(found(&rows, Some("2026-07-01"), Some("web")), Some(33));
        assert_eq!(found(&rows, Some("2026-07-02"), Some("web")), Some(67));
        assert_eq!(found(&rows, Some("2026-07-02"), Some("job")), Some(7));
        assert_eq!(found(&rows, Some("2026-07-01"), Some("job")), None);
        assert_eq!(found(&rows, None, Some("gone")), Some(5), "no day has a cost of it");
        assert_eq!(found(&rows, Some("2026-07-01"), None).zip(found(&rows, Some("2026-07-02"), None)), Some((6, 5)));
        assert_eq!(rows.iter().map(WorkloadDay::nano_usd).sum::<i128>(), 123);
    }

    #[test]
    fn what_a_workload_used_goes_where_it_was_held() {
        let mut day = pieces(&[("web", 10)]);
        let blue = Piece::of(Some("blue".into()), owner("web"));
        let green = Piece::of(Some("green".into()), owner("web"));
        day.held.insert(blue, CpuMemory { cpu: 1, memory: 2 });
        day.held.insert(green, CpuMemory { cpu: 3, memory: 0 });
        let used = CpuMemory { cpu: 40, memory: 2048 };
        day.usage.insert(owner("web").0, WorkloadSums { used, ..WorkloadSums::default() });
        let rows = rows("a", &pieces(&[("web", 10)]), &[("2026-07-01".to_owned(), day)]);
        let of = |group: &str| rows.iter().find(|row| row.node_group.as_deref() == Some(group)).unwrap();
        assert_eq!((of("blue").cpu_used_core_ms, of("blue").memory_used_kib_s), (Some(10), Some(2)));
        assert_eq!((of("green").cpu_used_core_ms, of("green").memory_used_kib_s), (Some(30), Some(0)));
        assert_eq!(of("green").nano_usd(), 0, "held, and without a price");
    }
}
