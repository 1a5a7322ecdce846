//! Where samples are missing, by hour of the day.

use replay::{Amounts, Imputed, Outcome};
use types::analysis::{Silence, SilentHour};
use types::window::HOUR_SECONDS;

use crate::number::ratio;
use crate::units::unsigned;

/// Multiple of the mean of the day from which an hour is one of the busiest.
const BUSY: f64 = 1.1;
/// Share of what the busiest hours use that may have no sample.
const FEW: f64 = 0.01;
const CORE_HOUR_IN_MS: f64 = 3_600_000.0;
const GIB_HOUR_IN_MIB_SECONDS: f64 = 3600.0 * 1024.0;

/// Returns what of the pods' use has no sample in the hours of an outcome.
pub(crate) fn silence(outcome: &Outcome) -> Silence {
    let mut hours = [0_u64; 24];
    for hour in &outcome.hours {
        let of_day = usize::try_from(hour.start.div_euclid(HOUR_SECONDS).rem_euclid(24)).unwrap_or_default();
        if let Some(count) = hours.get_mut(of_day) {
            *count += 1;
        }
    }
    by_hour(&outcome.imputed.at_usual_use(), &hours)
}

/// The same of sums, each hour of the day having been there so many times.
fn by_hour(imputed: &Imputed, times: &[u64; 24]) -> Silence {
    let busy = busy(imputed, times);
    let rows = (0_u32..).zip(imputed.by_hour_of_day.iter().zip(times).zip(&busy));
    let there = rows.filter(|(_, ((_, times), _))| **times > 0);
    let by_hour_of_day = there.map(|(hour, ((amounts, times), busy))| SilentHour {
        hour,
        cpu_used_cores: unsigned(amounts.core_milliseconds) / CORE_HOUR_IN_MS / unsigned(*times),
        cpu_fraction: amounts.cpu_share(),
        memory_used_gib: unsigned(amounts.mib_seconds) / GIB_HOUR_IN_MIB_SECONDS / unsigned(*times),
        memory_fraction: amounts.memory_share(),
        busy: *busy,
    });
    let all = imputed.total();
    Silence {
        cpu_fraction: all.cpu_share(),
        memory_fraction: all.memory_share(),
        in_busy_hours: in_busy_hours(imputed, &busy),
        by_hour_of_day: by_hour_of_day.collect(),
    }
}

/// The busiest hours of the day and their neighbours. What stands in for a missing sample is mostly what was used before,
/// so an hour that is silent on its way up looks less busy than it is.
fn busy(imputed: &Imputed, times: &[u64; 24]) -> [bool; 24] {
    let over = |of: fn(&Amounts) -> u64| -> [bool; 24] {
        let rows = || imputed.by_hour_of_day.iter().zip(times);
        let means: Vec<Option<f64>> =
            rows().map(|(amounts, times)| ratio(unsigned(of(amounts)), unsigned(*times))).collect();
        let known: Vec<f64> = means.iter().flatten().copied().collect();
        let day = ratio(known.iter().sum(), unsigned(known.len().try_into().unwrap_or_default()));
        let is_over =
            |hour: usize| means.get(hour).copied().flatten().zip(day).is_some_and(|(mean, day)| mean > BUSY * day);
        std::array::from_fn(|hour| [hour + 23, hour, hour + 1].into_iter().any(|hour| is_over(hour % 24)))
    };
    let (cpu, memory) = (over(|amounts| amounts.core_milliseconds), over(|amounts| amounts.mib_seconds));
    std::array::from_fn(|hour| [cpu, memory].iter().any(|busy| busy.get(hour).copied().unwrap_or_default()))
}

/// Returns true when the busiest hours lack more samples than the others, and more than a few.
fn in_busy_hours(imputed: &Imputed, busy: &[bool; 24]) -> bool {
    let shares = |of: fn(&Amounts) -> (u64, u64)| {
        let of_hours = |which: bool| {
            let rows = imputed.by_hour_of_day.iter().zip(busy).filter(|(_, busy)| **busy == which);
            let sums = rows.fold((0, 0), |(part, all), (amounts, _)| {
                let (silent, used) = of(amounts);
                (part + silent, all + used)
            });
            ratio(unsigned(sums.0), unsigned(sums.1)).unwrap_or_default()
        };
        (of_hours(true), of_hours(false))
    };
    let falls_on = |(of_busy, of_others): (f64, f64)| of_busy > FEW && of_busy > of_others;
    falls_on(shares(|amounts| (amounts.imputed_core_milliseconds, amounts.core_milliseconds)))
        || falls_on(shares(|amounts| (amounts.imputed_mib_seconds, amounts.mib_seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four hours of the day busy at twice the use of the others, and so much of each hour silent.
    fn day(silent: impl Fn(usize) -> u64) -> Silence {
        let mut imputed = Imputed::default();
        for (hour, amounts) in imputed.by_hour_of_day.iter_mut().enumerate() {
            let used = if (9..13).contains(&hour) { 2_000 } else { 1_000 } * 3_600_000;
            *amounts = Amounts {
                core_milliseconds: used,
                imputed_core_milliseconds: used * silent(hour) / 100,
                mib_seconds: 3600 * 1024,
                imputed_mib_seconds: 0,
                ..Amounts::default()
            };
        }
        by_hour(&imputed, &[1; 24])
    }

    #[test]
    fn silence_is_shown_hour_by_hour_and_known_to_fall_on_the_busiest() {
        let at_noon = day(|hour| if hour == 11 { 30 } else { 0 });
        assert!(at_noon.in_busy_hours);
        let noon = at_noon.by_hour_of_day[11];
        assert_eq!(
            (noon.hour, noon.cpu_used_cores, noon.cpu_fraction, noon.memory_used_gib),
            (11, 2000.0, Some(0.3), 1.0)
        );
        assert!((at_noon.fraction() - 600.0 / 28_000.0).abs() < 1e-12);
        let busy: Vec<u32> = at_noon.by_hour_of_day.iter().filter(|hour| hour.busy).map(|hour| hour.hour).collect();
        assert_eq!(busy, [8, 9, 10, 11, 12, 13], "the busiest and their neighbours");
        // At night, everywhere alike, and hardly at all.
        assert!(!day(|hour| if hour == 3 { 90 } else { 0 }).in_busy_hours);
        assert!(!day(|_| 4).in_busy_hours);
        assert!(!day(|hour| u64::from(hour == 11) * 2).in_busy_hours);
    }

    #[test]
    fn a_day_without_rhythm_has_no_busiest_hours_and_hours_that_are_not_there_are_left_out() {
        let mut imputed = Imputed::default();
        imputed.by_hour_of_day[5] =
            Amounts { core_milliseconds: 100, imputed_core_milliseconds: 50, ..Amounts::default() };
        let mut times = [0; 24];
        times[5] = 2;
        let silence = by_hour(&imputed, &times);
        assert_eq!(silence.by_hour_of_day.len(), 1);
        assert!(!silence.in_busy_hours && !silence.by_hour_of_day[0].busy);
        assert_eq!((silence.cpu_fraction, silence.memory_fraction), (Some(0.5), None));
    }
}
