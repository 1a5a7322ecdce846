//! Columns of a batch, found and checked once, and the rows in them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;

use super::row::{Part, WorkloadDay};

/// Texts that are kept once.
#[derive(Default)]
pub(super) struct Texts {
    texts: HashSet<Arc<str>>,
    lists: HashMap<Vec<usize>, Arc<[Arc<str>]>>,
    /// The text that each column had last: rows are sorted, and most have that of the row before.
    last: [Option<Arc<str>>; 6],
    /// Where the texts of a list are, to look it up by.
    places: Vec<usize>,
}

impl Texts {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }

    /// The text of a column.
    fn of_column(&mut self, column: usize, text: &str) -> Option<Arc<str>> {
        if let Some(last) = self.last.get(column)?.as_ref().filter(|last| last.as_ref() == text) {
            return Some(Arc::clone(last));
        }
        let text = self.text(text);
        *self.last.get_mut(column)? = Some(Arc::clone(&text));
        Some(text)
    }

    fn list<'a>(&mut self, list: impl Iterator<Item = &'a str> + Clone) -> Arc<[Arc<str>]> {
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        // A text that is kept once stays where it is.
        places.extend(list.clone().map(|text| self.text(text).as_ptr().addr()));
        let known = self.lists.get(&places).map(Arc::clone);
        let found = known.unwrap_or_else(|| {
            let new: Arc<[Arc<str>]> = list.map(|text| self.text(text)).collect();
            self.lists.insert(places.clone(), Arc::clone(&new));
            new
        });
        self.places = places;
        found
    }
}

/// Columns of a batch.
pub(super) struct Columns<'a> {
    cluster: &'a StringArray,
    date: &'a StringArray,
    part: &'a StringArray,
    namespace: &'a StringArray,
    workload_kind: &'a StringArray,
    workload: &'a StringArray,
    node_group: &'a StringArray,
    labels: &'a ListArray,
    label: &'a StringArray,
    money: [&'a Int64Array; 5],
    used: [&'a Int64Array; 4],
}

impl<'a> Columns<'a> {
    /// The columns; `None` where one is missing or of another type.
    pub(super) fn of(batch: &'a RecordBatch) -> Option<Self> {
        let text = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>();
        let number = |name: &str| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
        let labels = batch.column_by_name("labels")?.as_list_opt::<i32>()?;
        Some(Self {
            cluster: text("cluster")?,
            date: text("date")?,
            part: text("part")?,
            namespace: text("namespace")?,
            workload_kind: text("workload_kind")?,
            workload: text("workload")?,
            node_group: text("node_group")?,
            labels,
            label: labels.values().as_string_opt::<i32>()?,
            money: [
                number("cpu_nano_usd")?,
                number("memory_nano_usd")?,
                number("volume_nano_usd")?,
                number("fargate_nano_usd")?,
                number("other_nano_usd")?,
            ],
            used: [
                number("cpu_request_core_ms")?,
                number("cpu_used_core_ms")?,
                number("memory_request_kib_s")?,
                number("memory_used_kib_s")?,
            ],
        })
    }

    /// A row; `None` where it has null for what is never null, or a part that nobody knows.
    pub(super) fn row(&self, row: usize, texts: &mut Texts) -> Option<WorkloadDay> {
        let mut text = |column: usize, of: &StringArray| match of.is_valid(row) {
            true => texts.of_column(column, of.value(row)).map(Some),
            false => Some(None),
        };
        let perhaps = |of: &Int64Array| of.is_valid(row).then(|| of.value(row));
        let [cpu_nano_usd, memory_nano_usd, volume_nano_usd, fargate_nano_usd, other_nano_usd] =
            self.money.map(perhaps);
        let [cpu_request_core_ms, cpu_used_core_ms, memory_request_kib_s, memory_used_kib_s] = self.used.map(perhaps);
        let part = self.part.is_valid(row).then(|| self.part.value(row))?;
        Some(WorkloadDay {
            cluster: text(0, self.cluster)??,
            date: text(1, self.date)?,
            part: Part::ALL.into_iter().find(|known| known.as_str() == part)?,
            namespace: text(2, self.namespace)?,
            workload_kind: text(3, self.workload_kind)?,
            workload: text(4, self.workload)?,
            node_group: text(5, self.node_group)?,
            labels: self.labels(row, texts)?,
            cpu_nano_usd: cpu_nano_usd?,
            memory_nano_usd: memory_nano_usd?,
            volume_nano_usd: volume_nano_usd?,
            fargate_nano_usd: fargate_nano_usd?,
            other_nano_usd: other_nano_usd?,
            cpu_request_core_ms,
            cpu_used_core_ms,
            memory_request_kib_s,
            memory_used_kib_s,
        })
    }

    fn labels(&self, row: usize, texts: &mut Texts) -> Option<Arc<[Arc<str>]>> {
        if self.labels.is_null(row) {
            return None;
        }
        let offsets = self.labels.value_offsets();
        let (from, to) = (*offsets.get(row)?, *offsets.get(row + 1)?);
        let places = usize::try_from(from).ok()?..usize::try_from(to).ok()?;
        let label = self.label;
        Some(texts.list(places.filter(|at| label.is_valid(*at)).map(|at| label.value(at))))
    }
}
