//! Horizontal bars, one to a row, on an axis of money: the waterfall and the tornado.

use super::canvas::{Anchor, Canvas, ChartError, Drawing, Ink, Size, Words, paint};
use super::scale;
use crate::page_currency::Money;

/// Content of the chart. Amounts are in the currency shown, not in USD.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    /// Measure of the axis.
    pub(crate) axis: String,
    pub(crate) money: &'a Money,
    pub(crate) rows: Vec<Bar>,
    /// Values to mark across all rows, with their names.
    pub(crate) marks: Vec<(f64, String)>,
    /// `true` when the end of each bar is joined to the next: bars that add up.
    pub(crate) joined: bool,
}

/// One row.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) pieces: Vec<Piece>,
    /// Where the next bar begins.
    pub(crate) end: f64,
}

/// A stretch of a bar, with the amount at its far end.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) ink: Ink,
    pub(crate) text: String,
}

/// Sizes of a row: of the whole, of the bar, and of the label above it.
struct Layout {
    row: f64,
    bar: f64,
    label: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Layout {
    fn new(size: Size) -> Self {
        if size.is_wide() {
            Self { row: 34.0, bar: 20.0, label: 0.0, left: 300.0, right: 84.0, top: 30.0, bottom: 44.0 }
        } else {
            Self { row: 46.0, bar: 16.0, label: 19.0, left: 8.0, right: 62.0, top: 30.0, bottom: 44.0 }
        }
    }
}

/// Draws rows for one size of screen.
pub(crate) fn draw(words: &Words, rows: &Rows<'_>, size: Size) -> Result<Drawing, ChartError> {
    let layout = Layout::new(size);
    let height = layout.top + layout.row * crate::number_format::number(rows.rows.len()) + layout.bottom;
    paint(words, size.tall(height), |canvas| draw_on(canvas, rows, &layout))
}

fn draw_on(canvas: &Canvas<'_>, rows: &Rows<'_>, layout: &Layout) -> Result<(), Box<dyn std::error::Error>> {
    let ends = rows.rows.iter().flat_map(|row| &row.pieces).flat_map(|piece| [piece.from, piece.to]);
    let all: Vec<f64> = ends.chain(rows.marks.iter().map(|mark| mark.0)).filter(|value| value.is_finite()).collect();
    let least = all.iter().copied().fold(0.0, f64::min);
    let most = all.iter().copied().fold(0.0, f64::max);
    let ticks = scale::ticks(least, most, if canvas.size.is_wide() { 6.0 } else { 3.0 });
    let (first, last) = (ticks.first().copied().unwrap_or(least), ticks.last().copied().unwrap_or(most));
    // Amounts stand at the far end of a bar, so bars to the left need room at the left.
    let left = layout.left + if least < 0.0 { layout.right - 14.0 } else { 0.0 };
    let right = canvas.size.width - layout.right;
    let x = |value: f64| left + (right - left) * (value - first) / (last - first).max(f64::MIN_POSITIVE);
    let floor = canvas.size.height - layout.bottom;

    for tick in &ticks {
        canvas.line(&[(x(*tick), layout.top), (x(*tick), floor)], Ink::Grid, 1.0)?;
        canvas.text(&rows.money.axis(*tick), (x(*tick), floor + 6.0), Ink::Text, Anchor::Below)?;
    }
    canvas.text(&rows.axis, ((left + right) / 2.0, floor + 24.0), Ink::Text, Anchor::Below)?;

    marks(canvas, rows, &x, (layout.top, floor))?;
    let mut top = layout.top;
    let mut before: Option<(f64, f64)> = None;
    for row in &rows.rows {
        let (upper, lower) = bar_edges(layout, top);
        let middle = (upper + lower) / 2.0;
        if layout.label > 0.0 {
            canvas.text_on_ground(&row.label, (2.0, upper - 3.0), Anchor::AboveStart)?;
        } else {
            canvas.text(&row.label, (layout.left - 16.0, middle), Ink::Strong, Anchor::End)?;
        }
        if let Some((end, bottom)) = before.filter(|_| rows.joined) {
            canvas.line(&[(x(end), bottom), (x(end), upper)], Ink::Bracket, 1.0)?;
        }
        for piece in &row.pieces {
            let (from, to) = (x(piece.from), x(piece.to));
            // What is too thin to see is still there.
            let (low, high) = (from.min(to), from.max(to).max(from.min(to) + 1.5));
            canvas.fill((low, upper), (high, lower), piece.ink)?;
            if piece.to < piece.from && !rows.joined {
                canvas.text_on_ground(&piece.text, (low - 6.0, middle), Anchor::End)?;
            } else {
                canvas.text_on_ground(&piece.text, (high + 6.0, middle), Anchor::Start)?;
            }
        }
        before = Some((row.end, lower));
        top += layout.row;
    }
    Ok(())
}

/// Upper and lower edge of the bar of the row that begins at `top`.
fn bar_edges(layout: &Layout, top: f64) -> (f64, f64) {
    let upper = if layout.label > 0.0 { top + layout.label } else { top + (layout.row - layout.bar) / 2.0 };
    (upper, upper + layout.bar)
}

/// Names above the plot keep apart; the one that has no room stands above a line without a name.
fn marks(
    canvas: &Canvas<'_>,
    rows: &Rows<'_>,
    x: &dyn Fn(f64) -> f64,
    (ceiling, floor): (f64, f64),
) -> Result<(), Box<dyn std::error::Error>> {
    let mut taken: Option<(f64, f64)> = None;
    for (value, name) in &rows.marks {
        let at = x(*value);
        canvas.dashes((at, ceiling), (at, floor), Ink::Zero, 1.4)?;
        let half = canvas.width_of(name) / 2.0;
        let middle = at.clamp(half + 2.0, (canvas.size.width - half - 2.0).max(half + 2.0));
        let (from, to) = (middle - half, middle + half);
        if taken.is_none_or(|(before, after)| to + 6.0 < before || from - 6.0 > after) {
            canvas.text(name, (middle, ceiling - 6.0), Ink::Text, Anchor::Above)?;
            taken = Some(taken.map_or((from, to), |(before, after)| (before.min(from), after.max(to))));
        }
    }
    Ok(())
}
