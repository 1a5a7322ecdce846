//! Comparison of the replay of today's machines with what was measured.

use replay::{Outcome, Starts};
use types::analysis::{BackTest, Note};
use types::wording::{brief, counted, percent_brief};

use crate::units::unsigned;

/// Long waits by which replay and measurement may differ however few there are.
const FEW: f64 = 2.0;

/// The back-test on the reported hours of the replay of today's machines.
pub(crate) fn back_test(today: &Outcome, cost_ratio: Option<f64>) -> BackTest {
    let waiting = today.waiting();
    let both = |of: fn(&Starts) -> u64| of(&waiting.services) + of(&waiting.batch);
    let (replayed, measured) = (both(|starts| starts.waited_long), both(|starts| starts.recorded_long));
    BackTest {
        cost_ratio,
        starts: waiting.all_starts(),
        replayed_wait_seconds: both(|starts| starts.waited_seconds),
        measured_wait_seconds: both(|starts| starts.recorded_seconds),
        replayed_long_waits: replayed,
        measured_long_waits: measured,
        waits_agree: agree(replayed, measured),
    }
}

/// A warning where waits disagree, since late starts are judged beside those of the replay.
pub(crate) fn note(back_test: &BackTest) -> Option<Note> {
    (back_test.waits_agree == Some(false)).then(|| {
        Note::warning(format!(
            "Late starts are simulated inexactly: {} of {} wait for over a minute in our simulation of today's machines, {} as measured, more than {} apart. What is said of late starts is as far off.",
            brief(unsigned(back_test.replayed_long_waits)),
            counted(back_test.starts, "start"),
            brief(unsigned(back_test.measured_long_waits)),
            percent_brief(BackTest::TOLERANCE)
        ))
    })
}

/// Returns true when two counts are the same to the tolerance; `None` where there is nothing to compare.
fn agree(replayed: u64, measured: u64) -> Option<bool> {
    let off = unsigned(replayed.abs_diff(measured));
    (replayed + measured > 0).then(|| off <= FEW.max(BackTest::TOLERANCE * unsigned(measured)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_agree_within_a_fifth_or_two_of_them() {
        for (replayed, measured, expect) in [
            (0, 0, None),
            (2, 0, Some(true)),
            (3, 0, Some(false)),
            (80, 100, Some(true)),
            (121, 100, Some(false)),
            (0, 40, Some(false)),
        ] {
            assert_eq!(agree(replayed, measured), expect, "{replayed} {measured}");
        }
    }
}
