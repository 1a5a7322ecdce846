//! A table of prices as text: a row for each name, a column for each region, read cell by cell when one is asked for.
//!
//! Nothing is parsed up front but where rows begin, so starting costs the same however many prices there are.

use std::collections::BTreeMap;

/// A table of the catalog.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    /// Names of the columns after those of the row's key.
    regions: Vec<&'static str>,
    /// Rest of each row after its key, by name.
    rows: BTreeMap<&'static str, &'static str>,
}

impl Matrix {
    /// The table in `text`, whose rows have `keys` columns before the first region.
    pub(crate) fn new(text: &'static str, keys: usize) -> Self {
        let mut lines = text.lines();
        let regions = lines.next().unwrap_or_default().split(',').skip(keys).collect();
        let row = |line: &'static str| {
            let (name, rest) = line.split_once(',')?;
            let skip = |rest: &'static str, _| Some(rest.split_once(',')?.1);
            Some((name, (1..keys).try_fold(rest, skip)?))
        };
        Self { regions, rows: lines.filter_map(row).collect() }
    }

    /// The cell of a region and a name; `None` where it is empty.
    pub(crate) fn cell(&self, region: &str, name: &str) -> Option<&'static str> {
        let row = self.rows.get(name)?;
        let column = self.regions.iter().position(|known| *known == region)?;
        row.split(',').nth(column).filter(|cell| !cell.is_empty())
    }

    /// The regions, sorted.
    pub(crate) fn regions(&self) -> impl Iterator<Item = &'static str> {
        self.regions.iter().copied()
    }

    /// The names of the rows, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.rows.keys().copied()
    }

    /// Returns true when there is a row of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.rows.contains_key(name)
    }
}
