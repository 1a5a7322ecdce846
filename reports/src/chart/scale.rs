//! Axes: round steps, dates, labels that keep apart.

use chrono::{DateTime, TimeDelta, Utc};

use crate::number_format;

pub(crate) const HOUR_SECONDS: i64 = 3600;

/// Step and end of an axis from zero that holds `largest`, with about five steps of a round size.
pub(crate) fn from_zero(largest: f64) -> (f64, f64) {
    if largest.is_nan() || largest <= 0.0 {
        return (0.5, 1.0);
    }
    let step = round_step(largest / 5.0);
    (step, (largest / step * 1.02).ceil() * step)
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below `rough`.
pub(crate) fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999_999)
        .unwrap_or(10.0 * power)
}

/// Round ticks from at most `least` to at least `most`, about `count` of them.
pub(crate) fn ticks(least: f64, most: f64, count: f64) -> Vec<f64> {
    let range = most - least;
    if !range.is_finite() || range <= 0.0 {
        return vec![least];
    }
    let step = round_step(range / count);
    let first = (least / step).floor();
    let mut ticks = Vec::new();
    let mut n = first;
    loop {
        let tick = n * step;
        ticks.push(tick);
        if tick >= most - step * 1e-9 || ticks.len() > 50 {
            return ticks;
        }
        n += 1.0;
    }
}

/// A number on an axis of physical quantities.
pub(crate) fn axis_number(value: f64, step: f64) -> String {
    let decimals = if step >= 1.0 && step.fract() == 0.0 {
        0
    } else if step >= 0.1 {
        1
    } else {
        3
    };
    number_format::grouped(value, decimals)
}

/// Round moments of the window with their names, at most `most` of them.
pub(crate) fn dates(start: DateTime<Utc>, end: DateTime<Utc>, most: i64) -> Vec<(DateTime<Utc>, String)> {
    const DAY: i64 = 24;
    let hours = ((end - start).num_seconds() / HOUR_SECONDS).max(1);
    let steps = [1, 2, 3, 6, 12, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 182 * DAY];
    let step = steps.into_iter().find(|step| hours / step < most).unwrap_or(364 * DAY) * HOUR_SECONDS;
    // Weeks begin on Monday; the epoch was a Thursday.
    let offset = if step >= 7 * DAY * HOUR_SECONDS { 4 * DAY * HOUR_SECONDS } else { 0 };
    let mut second = start.timestamp() + (offset - start.timestamp()).rem_euclid(step);
    let mut dates = Vec::new();
    while second <= end.timestamp() {
        if let Some(moment) = DateTime::from_timestamp(second, 0) {
            let midnight = second.rem_euclid(DAY * HOUR_SECONDS) == 0;
            let label = if midnight { moment.format("%-d %b") } else { moment.format("%H:%M") };
            dates.push((moment, label.to_string()));
        }
        second += step;
    }
    dates
}

/// Seconds from one moment to another, as a place on an axis.
pub(crate) fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    seconds_of(to - from)
}

fn seconds_of(delta: TimeDelta) -> f64 {
    f64::from(i32::try_from(delta.num_seconds()).unwrap_or(i32::MAX))
}

/// Moves heights apart, lowest first, and back into the plot; equal heights keep the order given.
pub(crate) fn spread<T>(labels: &mut [(f64, T)], apart: f64, ceiling: f64, floor: f64) {
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lowest = floor - apart / 4.0;
    for label in labels.iter_mut().rev() {
        label.0 = label.0.min(lowest);
        lowest = label.0 - apart;
    }
    let mut highest = ceiling;
    for label in labels.iter_mut() {
        label.0 = label.0.max(highest);
        highest = label.0 + apart;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_steps() {
        for (largest, expect) in [
            (0.0, (0.5, 1.0)),
            (320.0, (100.0, 400.0)),
            (7.0, (2.0, 8.0)),
            (2432.0, (500.0, 2500.0)),
            (0.9, (0.2, 1.0)),
        ] {
            let (step, end) = from_zero(largest);
            assert!((step - expect.0).abs() < 1e-9 && (end - expect.1).abs() < 1e-9, "{largest}: {step} {end}");
        }
        assert_eq!(ticks(-120.0, 260.0, 4.0), [-200.0, -100.0, 0.0, 100.0, 200.0, 300.0]);
        assert_eq!(ticks(3.0, 3.0, 4.0), [3.0]);
        let start = DateTime::from_timestamp(1_748_736_000, 0).unwrap();
        let labels = |hours, most| -> Vec<String> {
            dates(start, start + TimeDelta::hours(hours), most).into_iter().map(|date| date.1).collect()
        };
        assert_eq!(labels(1, 11), ["1 Jun", "01:00"]);
        assert_eq!(labels(48, 5), ["1 Jun", "12:00", "2 Jun", "12:00", "3 Jun"]);
        assert_eq!(labels(720, 11), ["2 Jun", "9 Jun", "16 Jun", "23 Jun", "30 Jun"]);
    }

    #[test]
    fn labels_never_overlap_and_stay_inside() {
        let mut labels = vec![(100.0, "a"), (101.0, "b"), (299.0, "c"), (300.0, "d")];
        spread(&mut labels, 20.0, 0.0, 300.0);
        assert!(labels.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 20.0), "{labels:?}");
        assert!(labels.iter().all(|label| (0.0..=300.0).contains(&label.0)), "{labels:?}");
    }
}
