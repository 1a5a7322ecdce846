//! Who costs what: rows of workloads and days, summed up by what was asked. A function of its arguments.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lake::WorkloadDay;
use serde::Serialize;
use types::ClusterId;

use crate::access_rules::Scope;
use crate::config::Reports;
use crate::report_sums::ReportSums;

/// Field to sum up by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// Cluster.
    Cluster,
    /// Namespace.
    Namespace,
    /// Workload, within its namespace.
    Workload,
    /// Group of nodes.
    NodeGroup,
    /// Day.
    Day,
    /// Part of the bill.
    Part,
    /// Value of a label.
    Label(String),
}

impl By {
    /// Reads a name, `label:team` for a label.
    pub fn read(name: &str) -> Option<Self> {
        Some(match name {
            "cluster" => Self::Cluster,
            "namespace" => Self::Namespace,
            "workload" => Self::Workload,
            "node_group" => Self::NodeGroup,
            "day" => Self::Day,
            "part" => Self::Part,
            _ => Self::Label(name.strip_prefix("label:").filter(|label| !label.is_empty())?.to_owned()),
        })
    }

    /// Its name.
    pub fn name(&self) -> String {
        match self {
            Self::Cluster => "cluster".to_owned(),
            Self::Namespace => "namespace".to_owned(),
            Self::Workload => "workload".to_owned(),
            Self::NodeGroup => "node_group".to_owned(),
            Self::Day => "day".to_owned(),
            Self::Part => "part".to_owned(),
            Self::Label(label) => format!("label:{label}"),
        }
    }
}

/// Which rows count; all where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this namespace.
    pub namespace: Option<String>,
    /// Of this workload, as `Kind/name`.
    pub workload: Option<String>,
    /// On this group of nodes.
    pub node_group: Option<String>,
    /// With this label.
    pub label: Option<(String, String)>,
    /// From this day on.
    pub from: Option<String>,
    /// To this day, which counts.
    pub to: Option<String>,
}

impl Filter {
    fn takes(&self, row: &WorkloadDay) -> bool {
        let is =
            |asked: &Option<String>, found: Option<&str>| asked.as_deref().is_none_or(|asked| found == Some(asked));
        let workload = || workload_name(row);
        is(&self.namespace, row.namespace.as_deref())
            && self.workload.as_deref().is_none_or(|asked| workload().as_deref() == Some(asked))
            && is(&self.node_group, row.node_group.as_deref())
            && self.label.as_ref().is_none_or(|(name, value)| row.label(name) == Some(value.as_str()))
            && self.from.as_deref().is_none_or(|from| row.date.as_deref().is_some_and(|date| date >= from))
            && self.to.as_deref().is_none_or(|to| row.date.as_deref().is_some_and(|date| date <= to))
    }

    /// Returns true when it leaves rows out by more than their day.
    pub fn narrows(&self) -> bool {
        self.namespace.is_some() || self.workload.is_some() || self.node_group.is_some() || self.label.is_some()
    }
}

/// A sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sum {
    /// Nano-dollars.
    pub nano_usd: i128,
    /// For CPU.
    pub cpu_nano_usd: i128,
    /// For memory.
    pub memory_nano_usd: i128,
    /// For volumes.
    pub volume_nano_usd: i128,
    /// For Fargate.
    pub fargate_nano_usd: i128,
    /// CPU reserved, in core-milliseconds.
    pub cpu_request_core_ms: i128,
    /// CPU used.
    pub cpu_used_core_ms: i128,
    /// Memory reserved, in KiB-seconds.
    pub memory_request_kib_s: i128,
    /// Memory used.
    pub memory_used_kib_s: i128,
}

impl Sum {
    fn add(&mut self, row: &WorkloadDay) {
        self.nano_usd += row.nano_usd();
        self.cpu_nano_usd += i128::from(row.cpu_nano_usd);
        self.memory_nano_usd += i128::from(row.memory_nano_usd);
        self.volume_nano_usd += i128::from(row.volume_nano_usd);
        self.fargate_nano_usd += i128::from(row.fargate_nano_usd);
        self.cpu_request_core_ms += i128::from(row.cpu_request_core_ms.unwrap_or_default());
        self.cpu_used_core_ms += i128::from(row.cpu_used_core_ms.unwrap_or_default());
        self.memory_request_kib_s += i128::from(row.memory_request_kib_s.unwrap_or_default());
        self.memory_used_kib_s += i128::from(row.memory_used_kib_s.unwrap_or_default());
    }

    fn plus(&mut self, more: &Self) {
        let Self { nano_usd, cpu_nano_usd, memory_nano_usd, volume_nano_usd, fargate_nano_usd, .. } = *more;
        let Self { cpu_request_core_ms, cpu_used_core_ms, memory_request_kib_s, memory_used_kib_s, .. } = *more;
        self.nano_usd += nano_usd;
        self.cpu_nano_usd += cpu_nano_usd;
        self.memory_nano_usd += memory_nano_usd;
        self.volume_nano_usd += volume_nano_usd;
        self.fargate_nano_usd += fargate_nano_usd;
        self.cpu_request_core_ms += cpu_request_core_ms;
        self.cpu_used_core_ms += cpu_used_core_ms;
        self.memory_request_kib_s += memory_request_kib_s;
        self.memory_used_kib_s += memory_used_kib_s;
    }
}

/// One line of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Key of the line; `None` for what has no such thing, such as idle capacity by namespace.
    pub key: Option<String>,
    /// The namespace, of a workload.
    pub namespace: Option<String>,
    /// The sum.
    pub sum: Sum,
}

/// Answer to a question of costs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The lines, dearest first; days in their order.
    pub lines: Vec<Line>,
    /// The sum of all lines.
    pub total: Sum,
    /// The cost of each day, in order.
    pub days: Vec<(String, i128)>,
    /// Names of the labels there are, of all rows that are shown.
    pub labels: Vec<String>,
}

/// An answer, with what it is of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answered {
    /// The sums.
    pub(crate) sums: Answer,
    /// What was looked at.
    pub(crate) looked: Looked,
}

/// The clusters that an answer is of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looked {
    /// The currency of the amounts.
    pub(crate) currency: String,
    /// Clusters whose rows were looked at.
    pub(crate) clusters: Vec<ClusterId>,
    /// Clusters whose latest report has no rows by workload and day.
    pub(crate) without: Vec<ClusterId>,
    /// Clusters whose latest report cannot be read, and why: they are in no sum.
    pub(crate) unread: Vec<(ClusterId, String)>,
    /// End of the window of each report that was looked at.
    pub(crate) ends: BTreeMap<ClusterId, DateTime<Utc>>,
    /// `true` when the windows of the reports differ.
    pub(crate) windows_differ: bool,
}

impl Looked {
    /// Clusters whose latest report is too old to say what they cost today.
    pub(crate) fn old(&self, reports: &Reports, now: DateTime<Utc>) -> Vec<&ClusterId> {
        let old = self.ends.iter().filter(|(_, end)| reports.is_stale(**end, now));
        old.map(|(cluster, _)| cluster).collect()
    }
}

/// Adds the names of the labels of a row that are not there yet.
pub(crate) fn add_labels(labels: &mut BTreeSet<String>, row: &WorkloadDay) {
    for label in row.labels.iter() {
        let name = label.split('=').next().unwrap_or_default();
        if !labels.contains(name) {
            labels.insert(name.to_owned());
        }
    }
}

/// Namespace and key of a line.
type Key = (Option<Arc<str>>, Option<Arc<str>>);

/// Sums as rows come, those of one cluster after another, so that no more than one cluster's rows are held.
#[derive(Debug)]
pub struct Summing<'q> {
    scope: &'q Scope,
    by: &'q By,
    filter: &'q Filter,
    lines: BTreeMap<Key, Sum>,
    total: Sum,
    days: BTreeMap<String, i128>,
    labels: BTreeSet<String>,
}

impl<'q> Summing<'q> {
    /// Nothing yet.
    pub fn new(scope: &'q Scope, by: &'q By, filter: &'q Filter) -> Self {
        let (lines, total) = (BTreeMap::new(), Sum::default());
        Self { scope, by, filter, lines, total, days: BTreeMap::new(), labels: BTreeSet::new() }
    }

    /// Takes rows, of which those that the scope does not show count for nothing. Beside
    /// this, [`shown`] and the showback filter by the scope; nothing else of this crate hands rows out.
    pub fn add<'a>(&mut self, rows: impl Iterator<Item = &'a WorkloadDay>) {
        // Rows are sorted, so most go where the one before went.
        let mut line: Option<(Key, Sum)> = None;
        let mut day: Option<(&'a str, i128)> = None;
        for row in rows.filter(|row| self.scope.shows(row)) {
            add_labels(&mut self.labels, row);
            if !self.filter.takes(row) {
                continue;
            }
            let key = key(row, self.by);
            match &mut line {
                Some((last, sum)) if *last == key => sum.add(row),
                _ => {
                    let mut sum = Sum::default();
                    sum.add(row);
                    self.on_line(line.replace((key, sum)));
                }
            }
            match (&mut day, row.date.as_deref()) {
                (_, None) => {}
                (Some((last, cost)), Some(date)) if *last == date => *cost += row.nano_usd(),
                (_, Some(date)) => self.on_day(day.replace((date, row.nano_usd()))),
            }
        }
        self.on_line(line);
        self.on_day(day);
    }

    /// Takes what is held of a report, for a question that needs no workload, no day but in its chart, and no group of nodes
    /// but in its lines.
    pub(crate) fn add_sums(&mut self, sums: &ReportSums) {
        self.add(sums.rows().iter());
        let (scope, filter) = (self.scope, self.filter);
        for (date, cost) in sums.days(|row| scope.shows(row) && filter.takes(row)) {
            self.on_day(Some((date, cost)));
        }
    }

    fn on_line(&mut self, more: Option<(Key, Sum)>) {
        let Some((key, more)) = more else { return };
        self.total.plus(&more);
        self.lines.entry(key).or_default().plus(&more);
    }

    fn on_day(&mut self, more: Option<(&str, i128)>) {
        let Some((date, nano_usd)) = more else { return };
        match self.days.get_mut(date) {
            Some(cost) => *cost += nano_usd,
            None => {
                self.days.insert(date.to_owned(), nano_usd);
            }
        }
    }

    /// Answer to a question of costs.
    pub fn finish(self) -> Answer {
        let text = |text: Option<Arc<str>>| text.map(|text| text.as_ref().to_owned());
        let line = |((namespace, key), sum): (Key, Sum)| Line { key: text(key), namespace: text(namespace), sum };
        let mut lines: Vec<Line> = self.lines.into_iter().map(line).collect();
        match self.by {
            By::Day => lines.sort_by(|a, b| (a.key.is_none(), &a.key).cmp(&(b.key.is_none(), &b.key))),
            _ => lines.sort_by(|a, b| {
                let of = |line: &Line| (Reverse(line.sum.nano_usd), line.namespace.clone(), line.key.clone());
                of(a).cmp(&of(b))
            }),
        }
        let (days, labels) = (self.days.into_iter().collect(), self.labels.into_iter().collect());
        Answer { lines, total: self.total, days, labels }
    }
}

/// Sums the rows up that the scope shows.
#[cfg(test)]
fn answer<'a>(rows: impl Iterator<Item = &'a WorkloadDay>, scope: &Scope, by: &By, filter: &Filter) -> Answer {
    let mut summing = Summing::new(scope, by, filter);
    summing.add(rows);
    summing.finish()
}

/// The rows that the scope shows and the filter takes, in the order they come.
pub fn shown<'a>(
    rows: impl Iterator<Item = &'a WorkloadDay>,
    scope: &Scope,
    filter: &Filter,
) -> impl Iterator<Item = &'a WorkloadDay> {
    rows.filter(move |row| scope.shows(row) && filter.takes(row))
}

fn workload_name(row: &WorkloadDay) -> Option<String> {
    let name = row.workload.as_deref()?;
    Some(match row.workload_kind.as_deref() {
        Some(kind) if !kind.is_empty() => format!("{kind}/{name}"),
        _ => name.to_owned(),
    })
}

fn key(row: &WorkloadDay, by: &By) -> Key {
    match by {
        By::Cluster => (None, Some(Arc::clone(&row.cluster))),
        By::Namespace => (None, row.namespace.clone()),
        By::Workload => (row.namespace.clone(), workload_name(row).map(Into::into)),
        By::NodeGroup => (None, row.node_group.clone()),
        By::Day => (None, row.date.clone()),
        By::Part => (None, Some(row.part.as_str().into())),
        By::Label(name) => (None, row.label(name).map(Into::into)),
    }
}

#[cfg(test)]
mod tests;
