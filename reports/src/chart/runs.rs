//! Few points far apart: where something stood at the ends of windows, a dot for each, joined where both are known.

use chrono::{DateTime, Utc};

use super::canvas::{Anchor, Canvas, ChartError, Drawing, Ink, Size, Words, paint};
use super::scale;

/// Content of the chart. Values are not negative.
#[derive(Debug)]
pub(crate) struct Runs {
    /// Unit of the vertical axis.
    pub(crate) unit: String,
    pub(crate) lines: Vec<RunLine>,
}

/// One quantity, oldest first.
#[derive(Debug)]
pub(crate) struct RunLine {
    pub(crate) name: &'static str,
    pub(crate) ink: Ink,
    /// `None` where it is not known: the line has a gap there.
    pub(crate) points: Vec<(DateTime<Utc>, Option<f64>)>,
}

const TOP: f64 = 34.0;
const BOTTOM: f64 = 42.0;

/// Draws runs for one size of screen; `axis` writes a number on the vertical axis, given it and the step.
pub(crate) fn draw(
    words: &Words,
    runs: &Runs,
    size: Size,
    axis: impl Fn(f64, f64) -> String,
) -> Result<Drawing, ChartError> {
    paint(words, size, |canvas| draw_on(canvas, runs, &axis))
}

fn draw_on(
    canvas: &Canvas<'_>,
    runs: &Runs,
    axis: &dyn Fn(f64, f64) -> String,
) -> Result<(), Box<dyn std::error::Error>> {
    let size = canvas.size;
    let points = || runs.lines.iter().flat_map(|line| &line.points);
    let largest = points().filter_map(|point| point.1).filter(|value| value.is_finite()).fold(0.0, f64::max);
    let (step, most) = scale::from_zero(largest);
    let moments: std::collections::BTreeSet<DateTime<Utc>> = points().map(|point| point.0).collect();
    let (Some(start), Some(end)) = (moments.first().copied(), moments.last().copied()) else { return Ok(()) };
    // Names stand to the right of the last point, so it keeps away from the edge.
    let (left, right) = (size.left + 12.0, size.width - if size.is_wide() { 150.0 } else { 116.0 });
    let (ceiling, floor) = (TOP, size.height - BOTTOM);
    let span = scale::seconds(start, end).max(1.0);
    let x = |moment: DateTime<Utc>| left + (right - left) * scale::seconds(start, moment) / span;
    let y = |value: f64| floor - (floor - ceiling) * value / most;

    canvas.text(&runs.unit, (2.0, ceiling - 12.0), Ink::Text, Anchor::AboveStart)?;
    let mut n = 0;
    while f64::from(n) * step <= most * 1.000_001 {
        let value = f64::from(n) * step;
        canvas.line(&[(size.left, y(value)), (right + 12.0, y(value))], Ink::Grid, 1.0)?;
        canvas.text(&axis(value, step), (size.left - 8.0, y(value)), Ink::Text, Anchor::End)?;
        n += 1;
    }
    let mut label_end = f64::MIN;
    for moment in &moments {
        canvas.line(&[(x(*moment), floor), (x(*moment), floor + 5.0)], Ink::Bracket, 1.0)?;
        let label = moment.format("%-d %b").to_string();
        let half = canvas.width_of(&label) / 2.0;
        if x(*moment) - half > label_end {
            canvas.text(&label, (x(*moment), floor + 7.0), Ink::Text, Anchor::Below)?;
            label_end = x(*moment) + half + 6.0;
        }
    }
    canvas.text("end of the window (UTC)", ((left + right) / 2.0, floor + 24.0), Ink::Text, Anchor::Below)?;
    for line in &runs.lines {
        let known = |point: &(DateTime<Utc>, Option<f64>)| point.1.map(|value| (x(point.0), y(value)));
        for pair in line.points.windows(2) {
            let [before, after] = pair else { continue };
            if let (Some(from), Some(to)) = (known(before), known(after)) {
                canvas.line(&[from, to], line.ink, 2.0)?;
            }
        }
        for dot in line.points.iter().filter_map(known) {
            canvas.dot(dot, 3.2, line.ink, true)?;
        }
    }
    let ends = runs.lines.iter().filter_map(|line| {
        let (moment, value) = line.points.iter().rev().find_map(|point| Some((point.0, point.1?)))?;
        Some((y(value), (line, x(moment))))
    });
    let mut ends: Vec<(f64, (&RunLine, f64))> = ends.collect();
    scale::spread(&mut ends, size.font + 3.0, ceiling, floor);
    for (height, (line, at)) in ends {
        canvas.text(line.name, (at + 9.0, height), line.ink, Anchor::Start)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use askama::Template;
    use chrono::TimeDelta;

    use super::*;
    use crate::chart::WIDE;

    #[test]
    fn what_is_not_known_is_a_gap_and_no_zero() {
        let start = DateTime::from_timestamp(1_748_736_000, 0).unwrap();
        let drawn = |values: [Option<f64>; 3]| {
            let points = (0..).zip(values).map(|(week, value)| (start + TimeDelta::weeks(week), value)).collect();
            let line = RunLine { name: "today", ink: Ink::Capacity, points };
            let runs = Runs { unit: "USD".to_owned(), lines: vec![line] };
            let words = Words { id: "runs", title: "Cost".to_owned(), finding: "less".to_owned() };
            draw(&words, &runs, WIDE, scale::axis_number).unwrap().render().unwrap()
        };
        let whole = drawn([Some(3.0), Some(2.0), Some(1.0)]);
        let gap = drawn([Some(3.0), None, Some(1.0)]);
        assert_eq!((whole.matches("s-capacity").count(), whole.matches("<circle").count()), (2, 3));
        assert_eq!((gap.matches("s-capacity").count(), gap.matches("<circle").count()), (0, 2));
        assert_eq!(drawn([None, None, None]).matches("<circle").count(), 0);
    }
}
