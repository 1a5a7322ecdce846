//! Saving of each pair of overcommit ratios, against the risk it runs.

use super::canvas::{Anchor, Canvas, ChartError, Drawing, Ink, Size, Words, paint};
use super::scale;
use crate::number_format;
use crate::page_currency::Money;

/// Content of the chart. Amounts are in the currency shown.
#[derive(Debug)]
pub(crate) struct Frontier<'a> {
    pub(crate) money: &'a Money,
    pub(crate) y: String,
    pub(crate) points: Vec<Dot>,
}

/// One pair of ratios.
#[derive(Debug)]
pub(crate) struct Dot {
    /// Share of host-slots over capacity.
    pub(crate) risk: f64,
    pub(crate) saving: f64,
    pub(crate) holds: bool,
    pub(crate) on_frontier: bool,
    pub(crate) label: String,
}

/// Shares that are marked on the axis of risk.
const SHARES: [f64; 10] = [0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0];
const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;

/// Draws a frontier for one size of screen.
pub(crate) fn draw(words: &Words, frontier: &Frontier<'_>, size: Size) -> Result<Drawing, ChartError> {
    let size = size.tall(if size.is_wide() { 380.0 } else { 320.0 });
    paint(words, size, |canvas| draw_on(canvas, frontier))
}

fn draw_on(canvas: &Canvas<'_>, frontier: &Frontier<'_>) -> Result<(), Box<dyn std::error::Error>> {
    let savings = frontier.points.iter().map(|dot| dot.saving);
    let (least, most) = savings.fold((0.0f64, 0.0f64), |(least, most), saving| (least.min(saving), most.max(saving)));
    let ticks = scale::ticks(least, most, 5.0);
    let (first, last) = (ticks.first().copied().unwrap_or(0.0), ticks.last().copied().unwrap_or(1.0));
    let riskiest = frontier.points.iter().map(|dot| dot.risk).fold(0.0, f64::max);
    let end = SHARES.into_iter().find(|share| *share >= riskiest && *share > 0.0).unwrap_or(1.0);
    let (left, right) = (if canvas.size.is_wide() { 72.0 } else { 58.0 }, canvas.size.width - 24.0);
    let (ceiling, floor) = (TOP, canvas.size.height - BOTTOM);
    // The root spreads the small shares, which is where targets lie.
    let x = |risk: f64| left + 10.0 + (right - left - 10.0) * (risk.max(0.0) / end).sqrt();
    let y = |saving: f64| floor - (floor - ceiling) * (saving - first) / (last - first).max(f64::MIN_POSITIVE);

    canvas.text(&frontier.y, (2.0, ceiling - 12.0), Ink::Text, Anchor::AboveStart)?;
    for tick in &ticks {
        canvas.line(&[(left, y(*tick)), (right, y(*tick))], Ink::Grid, 1.0)?;
        canvas.text(&frontier.money.axis(*tick), (left - 8.0, y(*tick)), Ink::Text, Anchor::End)?;
    }
    let mut label_end = f64::MIN;
    for share in SHARES.into_iter().filter(|share| *share <= end) {
        canvas.line(&[(x(share), floor), (x(share), floor + 5.0)], Ink::Bracket, 1.0)?;
        let label = if share == 0.0 { "0".to_owned() } else { number_format::percent_round(share) };
        let half = canvas.width_of(&label) / 2.0;
        if x(share) - half > label_end {
            canvas.text(&label, (x(share), floor + 7.0), Ink::Text, Anchor::Below)?;
            label_end = x(share) + half;
        }
    }
    let axis = "host-slots over CPU or memory, root scale";
    canvas.text(axis, ((left + right) / 2.0, floor + 25.0), Ink::Text, Anchor::Below)?;
    canvas.dashes((left, y(0.0)), (right, y(0.0)), Ink::Zero, 1.4)?;

    let mut joined: Vec<&Dot> = frontier.points.iter().filter(|dot| dot.on_frontier).collect();
    joined.sort_by(|a, b| a.risk.total_cmp(&b.risk).then(a.saving.total_cmp(&b.saving)));
    let path: Vec<(f64, f64)> = joined.iter().map(|dot| (x(dot.risk), y(dot.saving))).collect();
    if path.len() > 1 {
        canvas.line(&path, Ink::Bracket, 1.6)?;
    }
    for dot in &frontier.points {
        let ink = if dot.holds { Ink::Gain } else { Ink::Risky };
        canvas.dot((x(dot.risk), y(dot.saving)), if dot.on_frontier { 5.0 } else { 3.4 }, ink, dot.holds)?;
    }
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    for dot in joined {
        let (px, py) = (x(dot.risk), y(dot.saving));
        let width = canvas.width_of(&dot.label);
        let start = if px + 6.0 + width > canvas.size.width { px - 6.0 - width } else { px + 6.0 };
        let is_free = |(from, to, at): &(f64, f64, f64)| start > *to || start + width < *from || (py - at).abs() > 13.0;
        if taken.iter().all(is_free) {
            canvas.text(&dot.label, (start, py + 11.0), Ink::Strong, Anchor::Start)?;
            taken.push((start, start + width, py));
        }
    }
    Ok(())
}
