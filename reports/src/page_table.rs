//! One table of the page: the same markup, the same folding, the same alignment everywhere.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::backtick_prose::Prose;

/// Rows shown before the rest is folded away.
const SHOWN: usize = 25;
/// Rows on the page at all: a table of thousands is for `analysis.json` and the CSV made from it.
const MOST: usize = 1000;

/// A table whose cells are already text.
#[derive(Debug, Template)]
#[template(path = "page_table.html")]
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) shown: Vec<Row>,
    pub(crate) folded: Vec<Row>,
    /// Number of the folded rows, as text.
    pub(crate) folded_count: String,
    /// Number of rows that are not on the page, as a sentence; empty when all are.
    pub(crate) left_out: String,
    /// The same number.
    left_out_count: usize,
    /// `true` when a phone shows each row as a block instead of scrolling sideways: all but dense tables.
    pub(crate) stacks: bool,
    /// `true` when its cells are many and short.
    pub(crate) dense: bool,
}

impl HtmlSafe for Table {}

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) label: &'static str,
    /// Second line of the head, such as the unit.
    pub(crate) unit: &'static str,
    /// `number`, `text` or `short`.
    pub(crate) class: &'static str,
}

/// One row; the first cell is its head.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) cells: Vec<Cell>,
    /// `total`, `total part` or nothing.
    pub(crate) class: &'static str,
}

/// One cell.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    /// A second, smaller line.
    pub(crate) sub: String,
    /// A short word that marks the cell.
    pub(crate) badge: &'static str,
    /// Width of a bar behind the number, as CSS; empty for none.
    pub(crate) meter: String,
    /// Set by [`Table::new`] from the column.
    pub(crate) label: &'static str,
    /// Set by [`Table::new`] from the column.
    pub(crate) class: &'static str,
    /// `gain`, `loss`, `risky` or nothing: how an amount is to be read.
    pub(crate) tone: &'static str,
    /// Set by [`Table::new`]: whether the text may turn the direction of what stands beside it.
    pub(crate) isolate: bool,
    /// `true` when the text stands for an absent number.
    pub(crate) absent: bool,
    /// `true` when the text is a name from the cluster, shown in monospace.
    pub(crate) name: bool,
}

impl Column {
    pub(crate) fn text(label: &'static str) -> Self {
        Self { label, unit: "", class: "text" }
    }

    /// A column of short words that must not break.
    pub(crate) fn short(label: &'static str) -> Self {
        Self { label, unit: "", class: "short" }
    }

    pub(crate) fn number(label: &'static str, unit: &'static str) -> Self {
        Self { label, unit, class: "number" }
    }
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A name as the cluster or AWS spells it.
    pub(crate) fn name(text: impl Into<String>) -> Self {
        Self { text: text.into(), name: true, ..Self::default() }
    }

    /// Words where a number would stand.
    pub(crate) fn absent(text: impl Into<String>) -> Self {
        Self { text: text.into(), absent: true, ..Self::default() }
    }

    pub(crate) fn sub(mut self, sub: impl Into<String>) -> Self {
        self.sub = sub.into();
        self
    }

    /// The text as a page shows it.
    pub(crate) fn prose(&self) -> Prose<&str> {
        Prose(&self.text)
    }

    /// The second line as a page shows it.
    pub(crate) fn sub_prose(&self) -> Prose<&str> {
        Prose(&self.sub)
    }

    pub(crate) fn badge(mut self, badge: &'static str) -> Self {
        self.badge = badge;
        self
    }

    /// Marks a saving as gained or lost.
    pub(crate) fn tone(mut self, saved: f64) -> Self {
        self.tone = match saved {
            saved if saved > 0.0 => "gain",
            saved if saved < 0.0 => "loss",
            _ => "",
        };
        self
    }

    pub(crate) fn meter(mut self, width: String) -> Self {
        self.meter = width;
        self
    }
}

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Self { cells, class: "" }
    }

    pub(crate) fn total(cells: Vec<Cell>) -> Self {
        Self { cells, class: "total" }
    }

    /// The total of the rows before it, of which the table has several parts: it stays with them.
    pub(crate) fn total_of_part(cells: Vec<Cell>) -> Self {
        Self { cells, class: "total part" }
    }
}

impl Table {
    /// A table that folds what comes after its first 25 rows.
    pub(crate) fn new(caption: impl Into<String>, columns: Vec<Column>, rows: Vec<Row>) -> Self {
        let mut shown: Vec<Row> = rows;
        let mut total = total_of(&mut shown, SHOWN);
        let left_out_count = shown.len().saturating_sub(MOST);
        let left_out = match left_out_count {
            0 => String::new(),
            n => format!(
                "{} {} not on this page{}; analysis.json has {}.",
                crate::number_format::grouped(crate::number_format::number(n), 0),
                if n == 1 { "more row is" } else { "more rows are" },
                if total.is_some() { " but in the total" } else { "" },
                if n == 1 { "it" } else { "them" }
            ),
        };
        shown.truncate(MOST);
        for row in shown.iter_mut().chain(&mut total) {
            for (cell, column) in row.cells.iter_mut().zip(&columns) {
                cell.label = column.label;
                cell.class = column.class;
                // Blocks are laid out by element, so each text needs one.
                cell.isolate = true;
            }
        }
        let folded = if shown.len() > SHOWN { shown.split_off(SHOWN) } else { Vec::new() };
        shown.extend(total);
        let folded_count = crate::number_format::count(u32::try_from(folded.len()).unwrap_or(u32::MAX));
        Self {
            caption: caption.into(),
            columns,
            shown,
            folded,
            folded_count,
            left_out,
            left_out_count,
            stacks: true,
            dense: false,
        }
    }

    /// The same table with fewer rows before the fold: for one whose first rows matter most.
    pub(crate) fn first(mut self, rows: usize) -> Self {
        if self.shown.len() > rows {
            let total = total_of(&mut self.shown, rows);
            let mut rest = self.shown.split_off(rows);
            self.shown.extend(total);
            rest.append(&mut self.folded);
            self.folded_count = crate::number_format::grouped(crate::number_format::number(rest.len()), 0);
            self.folded = rest;
        }
        self
    }

    /// The same table, its many short cells close together, on a phone too.
    pub(crate) fn dense(mut self) -> Self {
        (self.dense, self.stacks) = (true, false);
        let cells = self.shown.iter_mut().chain(&mut self.folded).flat_map(|row| &mut row.cells);
        cells.for_each(|cell| cell.isolate = may_turn(&cell.text));
        self
    }

    /// The same table with every row shown: for one that is folded away itself.
    pub(crate) fn whole(mut self) -> Self {
        let total = if self.folded.is_empty() { None } else { total_of(&mut self.shown, 0) };
        self.shown.append(&mut self.folded);
        self.shown.extend(total);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Number of rows that are not shown: folded away, or not on the page at all.
    pub(crate) fn hidden(&self) -> usize {
        self.folded.len() + self.left_out_count
    }
}

/// Makes one row of those that a page has no room for; `others` gets the place of the first of them.
pub(crate) fn cut(rows: &mut Vec<Row>, others: impl FnOnce(usize) -> Row) {
    if rows.len() > MOST {
        rows.truncate(MOST - 1);
        rows.push(others(MOST - 1));
    }
}

/// The head of the row of others: how many they are, and where they stand.
pub(crate) fn others(n: usize, what: &str) -> Cell {
    Cell::new("Others").sub(format!("{}, in analysis.json", types::wording::counted(n, what)))
}

/// Takes the total off the end of rows that are more than `most`, so that it is not folded away.
fn total_of(rows: &mut Vec<Row>, most: usize) -> Option<Row> {
    let is_folded = rows.len() > most && rows.last().is_some_and(|last| last.class == "total");
    if is_folded { rows.pop() } else { None }
}

/// Returns true when a text may have characters that are written from right to left, or that turn the direction. Signs
/// that our own numbers have do not.
fn may_turn(text: &str) -> bool {
    let harmless =
        |c: char| c < '\u{590}' || matches!(c, '\u{2010}'..='\u{2027}' | '\u{20a0}'..='\u{20bf}' | '\u{2212}');
    !text.chars().all(harmless)
}
