//! EDGE: external sort of prices, so that memory does not grow with the length of a list.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};
use std::path::Path;

use anyhow::Context;
use prices::{ListPrice, write_list};

/// Most prices in memory; beyond it they are sorted and written to a temporary file.
const MOST: usize = 50_000;

/// Key of a price: kind, region, name, plan.
type Key = [String; 4];

fn key(price: &ListPrice) -> Key {
    let (kind, region, name, plan) = price.key();
    [kind, region, name, plan].map(ToOwned::to_owned)
}

/// Prices in any order; of several with one key the one of the newest list counts.
#[derive(Default)]
pub(super) struct Spill {
    held: BTreeMap<Key, ListPrice>,
    /// Sorted temporary files, the oldest first; unnamed, so the system removes them.
    runs: Vec<File>,
}

impl Spill {
    pub(super) fn add(&mut self, prices: impl IntoIterator<Item = ListPrice>) -> std::io::Result<()> {
        for price in prices {
            let key = key(&price);
            if self.held.get(&key).is_none_or(|other| price.supersedes(other)) {
                self.held.insert(key, price);
            }
            if self.held.len() >= MOST {
                self.set_aside()?;
            }
        }
        Ok(())
    }

    /// Adds the prices of an existing list, row by row.
    pub(super) fn add_list(&mut self, path: &Path) -> anyhow::Result<()> {
        let file = File::open(path).with_context(|| format!("open `{}`", path.display()))?;
        for row in csv::Reader::from_reader(BufReader::new(file)).into_deserialize() {
            let row: ListPrice = row.with_context(|| {
                format!("add to `{}`: it is not a file that `emp-cost prices import` wrote", path.display())
            })?;
            self.add([row])?;
        }
        Ok(())
    }

    fn set_aside(&mut self) -> std::io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let mut file = tempfile::tempfile()?;
        file.write_all(&write_list(held.into_values()).map_err(std::io::Error::other)?)?;
        file.rewind()?;
        self.runs.push(file);
        Ok(())
    }

    /// Writes all prices sorted, one per key; returns their number.
    pub(super) fn write(mut self, out: &mut dyn Write) -> anyhow::Result<u64> {
        self.set_aside().context("set prices aside")?;
        let mut runs: Vec<_> = self
            .runs
            .into_iter()
            .map(|run| csv::Reader::from_reader(BufReader::new(run)).into_deserialize::<ListPrice>())
            .collect();
        let mut heads: Vec<Option<ListPrice>> = Vec::with_capacity(runs.len());
        // The least key of each run, with the run.
        let mut next = BTreeSet::new();
        for (n, run) in runs.iter_mut().enumerate() {
            let head = run.next().transpose().context("read prices back")?;
            next.extend(head.as_ref().map(|head| (key(head), n)));
            heads.push(head);
        }
        let mut out = csv::Writer::from_writer(BufWriter::new(out));
        let (mut count, mut best) = (0, None::<ListPrice>);
        while let Some((least, n)) = next.pop_first() {
            let price = heads.get_mut(n).and_then(Option::take);
            let head = runs.get_mut(n).and_then(Iterator::next).transpose().context("read prices back")?;
            next.extend(head.as_ref().map(|head| (key(head), n)));
            if let Some(place) = heads.get_mut(n) {
                *place = head;
            }
            // Runs come in the order in which they were read, so equal dates leave the later.
            let supersedes = |price: &ListPrice| best.as_ref().is_none_or(|other| price.supersedes(other));
            if let Some(price) = price.filter(supersedes) {
                best = Some(price);
            }
            let last = next.first().is_none_or(|(other, _)| *other != least);
            if let Some(price) = best.take_if(|_| last) {
                out.serialize(price).context("write a price")?;
                count += 1;
            }
        }
        out.flush().context("write the price list")?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(n: usize, usd: usize) -> ListPrice {
        ListPrice {
            kind: "ec2".into(),
            region: format!("r-{}", n % 7),
            name: format!("t-{n:07}"),
            plan: String::new(),
            usd: usd.to_string(),
            unit: "hour".into(),
            date: String::new(),
            source: String::new(),
            currency: "USD".into(),
            effective: String::new(),
        }
    }

    #[test]
    fn what_was_set_aside_comes_back_sorted_and_the_last_of_a_thing_counts() {
        let mut spill = Spill::default();
        let many = 2 * MOST + 10;
        spill.add((0..many).rev().map(|n| price(n, 1))).unwrap();
        spill.add((0..many).step_by(3).map(|n| price(n, 2))).unwrap();
        spill.add((0..many).step_by(30_000).map(|n| price(n, 3))).unwrap();
        assert!(spill.runs.len() > 1 && spill.held.len() < MOST);
        let mut file = Vec::new();
        assert_eq!(spill.write(&mut file).unwrap(), u64::try_from(many).unwrap());
        let usd = |n: usize| {
            if n.is_multiple_of(30_000) {
                3
            } else if n.is_multiple_of(3) {
                2
            } else {
                1
            }
        };
        assert_eq!(file, write_list((0..many).map(|n| price(n, usd(n)))).unwrap());
    }
}
