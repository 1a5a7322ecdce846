//! Interval of the saving over which weeks were seen: whole weeks drawn again and again.

use replay::{HourBilled, Outcome};
use types::analysis::ScenarioId;

use crate::monthly_scaling::HOURS_A_WEEK;
use crate::scenarios::model::costs::spare_hosts::spared;
use crate::scenarios::model::judgement::limits_and_remedies::{Judgement, best_pool};
use crate::scenarios::model::replays::all_replays::Model;
use crate::scenarios::model::runs::replayed_scenario::Replayed;

const WEEK_SECONDS: i64 = 7 * 24 * 3600;
/// Weeks below which an interval promises more than it holds: of four, one meant to hold nine times in ten held three
/// times in four.
const LEAST_WEEKS: usize = 8;
const DRAWS: usize = 2000;
/// Of the draws, outside each end of the interval.
const OUTSIDE: usize = DRAWS / 20;

/// The middle nine tenths of what the pool that is spoken of saves against its rival, leftovers treated alike, over the window,
/// around what it saves on the reported hours; `None` under eight whole weeks.
pub(crate) fn interval(model: &Model<'_>, judgement: &Judgement) -> Option<[f64; 2]> {
    let row = best_pool(judgement)?;
    let rival = model.scenario(row.judged.rival?)?;
    let twin = model.like_for_like.as_ref().filter(|_| row.id == ScenarioId::Emp);
    let pool = twin.or_else(|| model.scenario(row.id))?;
    let weekly = |replayed: &Replayed| -> Vec<_> {
        let weeks = weeks(&replayed.whole.hours).into_iter();
        let of_week = |hours| spared(&Outcome { hours, ..Outcome::default() }, row.spares);
        weeks.map(|hours| model.pricer.money(replayed, &of_week(hours)).lines).collect()
    };
    let saved: Option<Vec<f64>> = weekly(rival)
        .iter()
        .zip(weekly(pool))
        .map(|(rival, pool)| rival.less(&pool).map(|(saved, ..)| saved.usd()))
        .collect();
    let (saved, hours) = (saved?, count(rival.whole.hours.len()));
    let weeks = crate::number::ratio(hours, count(HOURS_A_WEEK))?;
    let mean = crate::number::ratio(saved.iter().sum(), count(saved.len()))? * weeks;
    let reported = row.judged.saving_vs_rival_monthly_usd? * hours / types::HOURS_PER_MONTH;
    Some(drawn_again(&saved, weeks)?.map(|end| reported + end - mean))
}

/// The hours of each week of which none is missing, weeks counted from the first hour.
fn weeks(hours: &[HourBilled]) -> Vec<Vec<HourBilled>> {
    let first = hours.first().map_or(0, |hour| hour.start);
    let week = |hour: &HourBilled| (hour.start - first) / WEEK_SECONDS;
    let whole = hours.chunk_by(|a, b| week(a) == week(b)).filter(|hours| hours.len() == HOURS_A_WEEK);
    whole.map(<[HourBilled]>::to_vec).collect()
}

/// The middle nine tenths of `weeks` times the mean of what is drawn with replacement; the same draws every time.
fn drawn_again(saved: &[f64], weeks: f64) -> Option<[f64; 2]> {
    if saved.len() < LEAST_WEEKS {
        return None;
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        // xorshift64*: three shifts and a product are random enough to pick a week.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let high = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        let n = u64::try_from(saved.len()).unwrap_or(1);
        saved.get(usize::try_from(high % n).unwrap_or_default()).copied().unwrap_or_default()
    };
    let n = count(saved.len());
    let mut means: Vec<f64> = (0..DRAWS).map(|_| saved.iter().map(|_| draw()).sum::<f64>() / n * weeks).collect();
    means.sort_by(f64::total_cmp);
    Some([*means.get(OUTSIDE)?, *means.get(DRAWS - 1 - OUTSIDE)?])
}

fn count(n: usize) -> f64 {
    crate::number::float(i128::try_from(n).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(starts: impl Iterator<Item = i64>) -> Vec<HourBilled> {
        starts.map(|n| HourBilled { start: 1_782_864_000 + n * 3600, ..HourBilled::default() }).collect()
    }

    #[test]
    fn only_whole_weeks_count() {
        assert_eq!(weeks(&hours(0..1344)).len(), 8);
        assert_eq!(weeks(&hours(0..1343)).len(), 7);
        // An hour missing in the second week.
        assert_eq!(weeks(&hours((0..1344).filter(|n| *n != 200))).len(), 7);
    }

    #[test]
    fn an_interval_holds_the_mean_is_as_wide_as_weeks_differ_and_needs_eight_of_them() {
        let alike = drawn_again(&[10.0; 8], 8.0).unwrap();
        assert_eq!(alike, [80.0, 80.0]);
        let apart = [2.0, 18.0, 6.0, 14.0, 10.0, 10.0, 4.0, 16.0];
        let [low, high] = drawn_again(&apart, 8.0).unwrap();
        // The mean of eight draws has a deviation of 5.29 / sqrt(8) = 1.87: nine tenths lie within 1.64 of these.
        assert!((low - 80.0 + 24.6).abs() < 2.0 && (high - 80.0 - 24.6).abs() < 2.0, "{low} {high}");
        assert_eq!(drawn_again(&apart, 8.0), Some([low, high]));
        assert_eq!(drawn_again(&apart[..7], 7.0), None);
    }
}
