//! An analysis as a page sees it: with the currency it is shown in, and the month it is scaled to.

use std::ops::Deref;

use types::analysis::Analysis;

use crate::number_format;
use crate::page_currency::Money;
use crate::page_table::Cell;
use crate::scenario_words;

/// An analysis and the currency to show it in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    analysis: &'a Analysis,
    pub(crate) money: &'a Money,
}

impl Deref for View<'_> {
    type Target = Analysis;

    fn deref(&self) -> &Analysis {
        self.analysis
    }
}

impl<'a> View<'a> {
    pub(crate) fn new(analysis: &'a Analysis, money: &'a Money) -> Self {
        Self { analysis, money }
    }

    /// USD as text.
    pub(crate) fn usd(&self, usd: f64) -> String {
        self.money.show(usd)
    }

    /// USD that are an estimate, as text of three digits.
    pub(crate) fn about(&self, usd: f64) -> String {
        self.money.about(usd)
    }

    /// USD over the window as USD a month; `None` without an hour.
    pub(crate) fn month(&self, usd: f64) -> Option<f64> {
        scenario_words::months_per_window(self.analysis).map(|months| usd * months)
    }

    /// USD over the window as text a month.
    pub(crate) fn monthly(&self, usd: f64) -> String {
        self.month(usd).map_or_else(|| number_format::UNKNOWN.to_owned(), |usd| self.usd(usd))
    }

    /// USD over the window as a cell a month.
    pub(crate) fn monthly_cell(&self, usd: Option<f64>) -> Cell {
        match usd.and_then(|usd| self.month(usd)) {
            Some(usd) => Cell::new(self.usd(usd)),
            None => Cell::absent(number_format::UNKNOWN),
        }
    }

    /// The sum of amounts, as shown by `cell`; it says so where some are not known.
    pub(crate) fn total_cell(&self, amounts: &[Option<f64>], cell: fn(&Self, f64) -> Cell) -> Cell {
        let known: Vec<f64> = amounts.iter().copied().flatten().collect();
        match known.len() {
            0 => Cell::absent(number_format::UNKNOWN),
            all if all == amounts.len() => cell(self, known.iter().sum()),
            _ => cell(self, known.iter().sum()).sub("of those known"),
        }
    }

    /// The same of amounts over the window, as USD a month.
    pub(crate) fn monthly_total(&self, amounts: &[Option<f64>]) -> Cell {
        self.total_cell(amounts, |view, usd| view.monthly_cell(Some(usd)))
    }

    /// A sentence of the analysis, its dollars converted; names in it cannot turn the page around.
    pub(crate) fn sentence(&self, text: &str) -> String {
        scenario_words::plain(&self.money.sentence(text))
    }
}
