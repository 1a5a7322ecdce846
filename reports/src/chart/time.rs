//! Quantities over the window: lines on one axis, hours that were not measured shaded, hours that are missing blank.

use chrono::{DateTime, TimeDelta, Utc};

use super::canvas::{Anchor, Canvas, ChartError, Drawing, Ink, Size, Words, paint};
use super::scale::{self, HOUR_SECONDS};

/// Content of the chart.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Unit of the vertical axis.
    pub(crate) unit: String,
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
    /// In the order of their names, should these meet; later ones are drawn over earlier ones.
    pub(crate) lines: Vec<Line>,
    /// Hours to shade.
    pub(crate) bands: Vec<Band>,
    /// Stretches of hours of one source, oldest first, named above the plot.
    pub(crate) spans: Vec<Span>,
}

/// One quantity.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) ink: Ink,
    pub(crate) width: f64,
    /// `true` when the area under it is filled.
    pub(crate) area: bool,
    /// Start of each hour that is there, oldest first, and the value in it.
    pub(crate) points: Vec<(DateTime<Utc>, f64)>,
}

/// A stretch of hours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Band {
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
}

/// Hours of one source.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
    pub(crate) label: String,
}

const TOP: f64 = 34.0;
const BOTTOM: f64 = 42.0;

/// Where moments and values lie.
struct Plot {
    start: DateTime<Utc>,
    seconds: f64,
    most: f64,
    left: f64,
    right: f64,
    ceiling: f64,
    floor: f64,
}

impl Plot {
    fn x(&self, moment: DateTime<Utc>) -> f64 {
        self.left + (self.right - self.left) * scale::seconds(self.start, moment) / self.seconds
    }

    fn y(&self, value: f64) -> f64 {
        self.floor - (self.floor - self.ceiling) * value / self.most
    }
}

/// Draws lines for one size of screen.
pub(crate) fn draw(words: &Words, lines: &Lines, size: Size) -> Result<Drawing, ChartError> {
    paint(words, size, |canvas| draw_on(canvas, lines))
}

fn draw_on(canvas: &Canvas<'_>, lines: &Lines) -> Result<(), Box<dyn std::error::Error>> {
    let size = canvas.size;
    let values = lines.lines.iter().flat_map(|line| &line.points).map(|point| point.1);
    let (step, most) = scale::from_zero(values.filter(|value| value.is_finite()).fold(0.0, f64::max));
    let plot = Plot {
        start: lines.start,
        seconds: scale::seconds(lines.start, lines.end).max(3600.0),
        most,
        left: size.left,
        right: size.width - size.right,
        ceiling: TOP,
        floor: size.height - BOTTOM,
    };
    for band in &lines.bands {
        canvas.fill((plot.x(band.start), plot.ceiling), (plot.x(band.end), plot.floor), Ink::Band)?;
    }
    spans(canvas, lines, &plot)?;
    axes(canvas, lines, &plot, step)?;
    for line in &lines.lines {
        for stretch in stretches(&line.points) {
            series(canvas, line, stretch, &plot)?;
        }
    }
    missing(canvas, lines, &plot)?;
    names(canvas, lines, &plot)
}

/// A bracket with the name of each source above the plot.
fn spans(canvas: &Canvas<'_>, lines: &Lines, plot: &Plot) -> Result<(), Box<dyn std::error::Error>> {
    let y = plot.ceiling - 8.0;
    let mut label_end = plot.left - 1.0;
    for span in &lines.spans {
        let (from, to) = (plot.x(span.start), plot.x(span.end));
        let inset = 2.0f64.min((to - from) / 3.0);
        let bracket = [(from + inset, y + 4.0), (from + inset, y), (to - inset, y), (to - inset, y + 4.0)];
        canvas.line(&bracket, Ink::Bracket, 1.0)?;
        let width = canvas.width_of(&span.label);
        let is_last = span.end >= lines.end;
        let start = if is_last && from + width > plot.right { plot.right - width } else { from };
        if start > label_end && start + width <= canvas.size.width {
            canvas.text(&span.label, (start, y - 4.0), Ink::Text, Anchor::AboveStart)?;
            label_end = start + width + 8.0;
        }
    }
    Ok(())
}

/// The unit above the numbers, dates below, one thin line for each step.
fn axes(canvas: &Canvas<'_>, lines: &Lines, plot: &Plot, step: f64) -> Result<(), Box<dyn std::error::Error>> {
    let height = plot.ceiling - 12.0;
    if canvas.width_of(&lines.unit) < plot.left - 8.0 {
        canvas.text(&lines.unit, (plot.left - 8.0, height), Ink::Text, Anchor::AboveEnd)?;
    } else {
        canvas.text(&lines.unit, (1.0, height), Ink::Text, Anchor::AboveStart)?;
    }
    let mut n = 0;
    while f64::from(n) * step <= plot.most * 1.000_001 {
        let value = f64::from(n) * step;
        let y = plot.y(value);
        canvas.line(&[(plot.left, y), (plot.right, y)], Ink::Grid, 1.0)?;
        canvas.text(&scale::axis_number(value, step), (plot.left - 8.0, y), Ink::Text, Anchor::End)?;
        n += 1;
    }
    let mut label_end = f64::MIN;
    let end = lines.end.max(lines.start + TimeDelta::seconds(HOUR_SECONDS));
    for (moment, label) in scale::dates(lines.start, end, canvas.size.most_dates) {
        let x = plot.x(moment);
        canvas.line(&[(x, plot.floor), (x, plot.floor + 5.0)], Ink::Bracket, 1.0)?;
        let half = canvas.width_of(&label) / 2.0;
        if x - half > label_end {
            label_end = x + half;
            canvas.text(&label, (x, plot.floor + 7.0), Ink::Text, Anchor::Below)?;
        }
    }
    canvas.text("time (UTC)", ((plot.left + plot.right) / 2.0, plot.floor + 24.0), Ink::Text, Anchor::Below)
}

/// One line: from the start of the first hour, through the middle of each, to the end of the last.
fn series(
    canvas: &Canvas<'_>,
    line: &Line,
    stretch: &[(DateTime<Utc>, f64)],
    plot: &Plot,
) -> Result<(), Box<dyn std::error::Error>> {
    let half = TimeDelta::seconds(HOUR_SECONDS / 2);
    let at = |moment: DateTime<Utc>, value: f64| (plot.x(moment), plot.y(value));
    let mut path = Vec::with_capacity(stretch.len() + 4);
    path.extend(stretch.first().map(|point| at(point.0, point.1)));
    path.extend(stretch.iter().map(|point| at(point.0 + half, point.1)));
    path.extend(stretch.last().map(|point| at(point.0 + half + half, point.1)));
    if line.area
        && let (Some(first), Some(last)) = (path.first().copied(), path.last().copied())
    {
        let mut area = path.clone();
        area.extend([(last.0, plot.floor), (first.0, plot.floor)]);
        canvas.polygon(&area, Ink::Area)?;
    }
    canvas.line(&path, line.ink, line.width)
}

/// Splits the hours where one is missing.
fn stretches(points: &[(DateTime<Utc>, f64)]) -> impl Iterator<Item = &[(DateTime<Utc>, f64)]> {
    points.chunk_by(|a, b| (b.0 - a.0).num_seconds() <= HOUR_SECONDS)
}

/// Says where there is no data, if there is room to say it.
fn missing(canvas: &Canvas<'_>, lines: &Lines, plot: &Plot) -> Result<(), Box<dyn std::error::Error>> {
    let Some(line) = lines.lines.first() else { return Ok(()) };
    let stretches: Vec<_> = stretches(&line.points).collect();
    for pair in stretches.windows(2) {
        let [before, after] = pair else { continue };
        let (Some(last), Some(first)) = (before.last(), after.first()) else { continue };
        let (from, to) = (plot.x(last.0 + TimeDelta::seconds(HOUR_SECONDS)), plot.x(first.0));
        if to - from > canvas.width_of("no data") {
            let middle = ((from + to) / 2.0, (plot.floor + plot.ceiling) / 2.0);
            canvas.text("no data", middle, Ink::Text, Anchor::Middle)?;
        }
    }
    Ok(())
}

/// Names at the end of the lines.
fn names(canvas: &Canvas<'_>, lines: &Lines, plot: &Plot) -> Result<(), Box<dyn std::error::Error>> {
    let ends = lines.lines.iter().filter_map(|line| {
        let (moment, value) = line.points.last()?;
        Some((plot.y(*value), (line, plot.x(*moment + TimeDelta::seconds(HOUR_SECONDS)))))
    });
    let mut ends: Vec<(f64, (&Line, f64))> = ends.collect();
    scale::spread(&mut ends, canvas.size.font + 3.0, plot.ceiling, plot.floor);
    for (y, (line, x)) in ends {
        canvas.text(&line.name, (x + 6.0, y), line.ink, Anchor::Start)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use askama::Template;

    use super::*;
    use crate::chart::WIDE;

    fn lines(hours: &[i64]) -> Lines {
        let start = DateTime::from_timestamp(1_748_736_000, 0).unwrap();
        let line = |name: &str, ink, area| Line {
            name: name.to_owned(),
            ink,
            width: 2.0,
            area,
            points: hours.iter().map(|h| (start + TimeDelta::hours(*h), 320.0)).collect(),
        };
        Lines {
            unit: "cores".to_owned(),
            start,
            end: start + TimeDelta::hours(48),
            lines: vec![line("used", Ink::Used, true), line("capacity", Ink::Capacity, false)],
            bands: Vec::new(),
            spans: Vec::new(),
        }
    }

    #[test]
    fn a_missing_hour_is_a_gap_in_every_line() {
        let words = Words { id: "cpu", title: "CPU".to_owned(), finding: "40 of 320".to_owned() };
        let drawn = |hours: &[i64]| draw(&words, &lines(hours), WIDE).unwrap().render().unwrap();
        let (whole, gap) = (drawn(&[0, 1, 2, 3, 4]), drawn(&[0, 1, 3, 4]));
        assert_eq!(whole.matches("s-capacity").count() + 1, gap.matches("s-capacity").count());
        assert_eq!(whole.matches("f-area").count() + 1, gap.matches("f-area").count());
    }
}
