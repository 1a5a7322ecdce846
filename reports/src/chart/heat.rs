//! A share by day and hour of the day, as colours.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Timelike, Utc};

use super::canvas::{Anchor, Canvas, ChartError, Drawing, Ink, Size, Words, paint};
use crate::number_format;

/// The days of the window and the share in each of their hours; `None` where there is none.
#[derive(Debug, Default)]
pub(crate) struct Heat {
    pub(crate) days: BTreeMap<NaiveDate, [Option<f64>; 24]>,
}

/// Colours by the share they begin at; the last begins where the rebalancer acts.
const STEPS: [(f64, Ink, &str); 7] = [
    (0.0, Ink::Heat0, "<10 %"),
    (0.10, Ink::Heat1, "10"),
    (0.20, Ink::Heat2, "20"),
    (0.35, Ink::Heat3, "35"),
    (0.50, Ink::Heat4, "50"),
    (0.65, Ink::Heat5, "65"),
    (0.80, Ink::Heat6, "80+"),
];
const TOP: f64 = 46.0;
const BOTTOM: f64 = 42.0;

impl Heat {
    /// From hours with their share.
    pub(crate) fn new(hours: impl Iterator<Item = (DateTime<Utc>, f64)>) -> Self {
        let mut heat = Self::default();
        for (hour, share) in hours.filter(|hour| hour.1.is_finite()) {
            let of_day = heat.days.entry(hour.date_naive()).or_default();
            let at = usize::try_from(hour.hour()).unwrap_or_default();
            if let Some(cell) = of_day.get_mut(at) {
                *cell = Some(share);
            }
        }
        heat
    }

    /// Returns true when every hour has the same colour, so that a map would show nothing.
    pub(crate) fn is_of_one_colour(&self) -> bool {
        let mut colours = self.days.values().flatten().flatten().map(|share| ink(*share));
        let first = colours.next();
        colours.all(|colour| Some(colour) == first)
    }
}

/// Draws a heat map for one size of screen.
pub(crate) fn draw(words: &Words, heat: &Heat, size: Size) -> Result<Drawing, ChartError> {
    let cell = if size.is_wide() { 9.0 } else { 8.0 };
    let size = size.tall(TOP + 24.0 * cell + BOTTOM);
    paint(words, size, |canvas| draw_on(canvas, heat, cell))
}

fn draw_on(canvas: &Canvas<'_>, heat: &Heat, height: f64) -> Result<(), Box<dyn std::error::Error>> {
    let (left, right) = (canvas.size.left, canvas.size.width - 8.0);
    let width = (right - left) / number_format::number(heat.days.len()).max(1.0);
    let floor = TOP + 24.0 * height;
    legend(canvas, left)?;
    canvas.text("hour", (left - 8.0, TOP - 8.0), Ink::Text, Anchor::AboveEnd)?;
    for hour in [0, 6, 12, 18, 24] {
        let y = TOP + f64::from(hour) * height;
        canvas.text(&format!("{hour:02}"), (left - 8.0, y), Ink::Text, Anchor::End)?;
        canvas.line(&[(left - 5.0, y), (left, y)], Ink::Bracket, 1.0)?;
    }
    let mut label_end = f64::MIN;
    for (column, (day, hours)) in heat.days.iter().enumerate() {
        let from = left + width * number_format::number(column);
        // A thin line between days, where there is room for one.
        let to = from + if width > 6.0 { width - 0.7 } else { width };
        for (first, last, ink) in runs(hours) {
            let (upper, lower) =
                (TOP + height * number_format::number(first), TOP + height * number_format::number(last + 1));
            canvas.fill((from, upper), (to, lower), ink)?;
        }
        let label = day.format("%-d %b").to_string();
        let half = canvas.width_of(&label) / 2.0;
        let middle = from + width / 2.0;
        if middle - half > label_end + 14.0 && middle + half < canvas.size.width {
            canvas.text(&label, (middle, floor + 7.0), Ink::Text, Anchor::Below)?;
            label_end = middle + half;
        }
    }
    canvas.text("day (UTC)", ((left + right) / 2.0, floor + 24.0), Ink::Text, Anchor::Below)
}

fn legend(canvas: &Canvas<'_>, left: f64) -> Result<(), Box<dyn std::error::Error>> {
    let mut at = left;
    for (_, ink, name) in STEPS {
        canvas.fill((at, 6.0), (at + 12.0, 18.0), ink)?;
        canvas.text(name, (at + 16.0, 12.0), Ink::Text, Anchor::Start)?;
        at += 16.0 + canvas.width_of(name) + if canvas.size.is_wide() { 14.0 } else { 4.0 };
    }
    Ok(())
}

fn ink(share: f64) -> Ink {
    STEPS.iter().rev().find(|step| share >= step.0).map_or(Ink::Heat0, |step| step.1)
}

/// Hours that follow one another in one colour, as first and last.
fn runs(hours: &[Option<f64>; 24]) -> Vec<(usize, usize, Ink)> {
    let mut runs: Vec<(usize, usize, Ink)> = Vec::new();
    for (hour, share) in hours.iter().enumerate() {
        let Some(ink) = share.map(ink) else { continue };
        match runs.last_mut() {
            Some(run) if run.1 + 1 == hour && run.2 == ink => run.1 = hour,
            _ => runs.push((hour, hour, ink)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_that_is_missing_has_no_colour() {
        let mut hours = [Some(0.3); 24];
        hours[5] = None;
        hours[6] = Some(0.9);
        assert_eq!(runs(&hours), [(0, 4, Ink::Heat2), (6, 6, Ink::Heat6), (7, 23, Ink::Heat2)]);
    }
}
