use proptest::prelude::*;

use super::*;
use crate::cluster::FOLLOWED_SECONDS;

/// Hours of a recorded life.
const HOURS: usize = 6;

/// Record of one slot: CPU, of which imputed, and memory, mean and of which imputed as shares of a tenth.
type Slot = (u32, u32, u32, u32, u32);

fn kept(slots: &[Slot]) -> Kept {
    let mut kept = Kept::NOTHING;
    for (k, (cpu, guessed, memory, mean, guessed_memory)) in slots.iter().copied().enumerate() {
        kept.demand.cpu.set(k, cpu);
        kept.guess.cpu.set(k, cpu * guessed / 10);
        kept.demand.cpu_max.set(k, 2 * cpu);
        kept.demand.memory.set(k, memory);
        kept.demand.memory_mean.set(k, memory * mean / 10);
        kept.guess.memory.set(k, memory * guessed_memory / 10);
    }
    kept
}

fn seconds(n: i64) -> f64 {
    crate::number::float(unsigned(n))
}

proptest! {
    #[test]
    fn shifted_use_is_what_was_used_second_by_second(
        slots in prop::collection::vec((0_u32..5000, 0_u32..=10, 0_u32..9000, 0_u32..=10, 0_u32..=10), HOURS * SLOTS),
        (since, length, by) in (0_i64..7000, 1_i64..7000, 1_i64..=FOLLOWED_SECONDS),
        given_up in prop_oneof![3 => Just(0_i64), 1 => 0_i64..3000],
    ) {
        let until = since + length;
        let recorded = |slot: i64| {
            let at = crate::number::index(u32::try_from(slot).unwrap());
            kept(&slots[at..=at]).at(0)
        };
        let mut late = Late::new(kept(&slots[..SLOTS]));
        (late.by, late.from) = (by, since + given_up);
        let mut total = 0;
        for (h, hour) in (0..).zip(slots.chunks(SLOTS)) {
            if h > 0 {
                late.next_hour(kept(hour));
            }
            let start = h * HOUR_SECONDS;
            let shifted = late.shifted(start, since, until);
            for (k, slot) in (0..SLOTS).zip((start..).step_by(300)) {
                // The recorded slots whose lived seconds come to lie in this one, and how many of them do.
                let (mut cpu, mut mean, mut most) = (0.0, 0.0, (0, 0));
                let mut sources = 0.0;
                for from in (slot - by).div_euclid(300)..=(slot - by).div_euclid(300) + 1 {
                    let lives = (since.max(300 * from), until.min(300 * (from + 1)));
                    let here = (lives.0.max(late.from).max(slot - by), lives.1.min(slot + 300 - by));
                    if here.0 >= here.1 {
                        continue;
                    }
                    let used = recorded(from);
                    cpu += f64::from(used.cpu) * seconds(here.1 - here.0) / seconds(lives.1 - lives.0);
                    mean += f64::from(used.memory_mean) * seconds(here.1 - here.0) / seconds(lives.1 - lives.0);
                    most = (most.0.max(used.cpu_max), most.1.max(used.memory));
                    sources += 1.0;
                }
                let is = shifted.at(k);
                // Where the beginning is given up, an amount is divided twice.
                prop_assert!((f64::from(is.cpu) - cpu).abs() <= 1.0 + sources, "{k}: {} {cpu}", is.cpu);
                prop_assert_eq!((is.cpu_max, is.memory), most);
                let mean = mean.min(f64::from(most.1));
                prop_assert!((f64::from(is.memory_mean) - mean).abs() <= 1.0 + sources, "{k}: {} {mean}", is.memory_mean);
                prop_assert!(is.guessed_cpu <= is.cpu && is.guessed_memory <= is.memory && is.memory_mean <= is.memory);
                total += u64::from(is.cpu);
            }
        }
        if given_up == 0 {
            let lived = since / 300..(until + 299) / 300;
            prop_assert_eq!(total, lived.map(|slot| u64::from(recorded(slot).cpu)).sum::<u64>());
        }
    }
}
