//! Pods that were on a machine together for a part of a slot.

/// A pod that was on a machine for a part of the slot in work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stay {
    pub(crate) machine: u32,
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Its largest memory in the slot, and what of it is imputed.
    pub(crate) memory: u32,
    pub(crate) guessed: u32,
}

/// The most memory of stays that were there together, and what of it is imputed.
pub(crate) fn most_together(stays: &[Stay]) -> (u32, u32) {
    let at = |moment: i64| {
        let there = stays.iter().filter(|stay| stay.from <= moment && moment < stay.to);
        there.fold((0, 0), |(memory, guessed), stay| (memory + stay.memory, guessed + stay.guessed))
    };
    stays.iter().map(|stay| at(stay.from)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_adds_up_of_those_that_were_there_together() {
        let stay = |from: i64, to: i64, memory: u32| Stay { machine: 0, from, to, memory, guessed: memory / 10 };
        for (stays, expect) in [
            (&[][..], 0),
            (&[(0, 100, 70), (100, 300, 50)], 70),
            (&[(0, 101, 70), (100, 300, 50)], 120),
            (&[(0, 50, 10), (20, 80, 20), (60, 90, 40), (85, 300, 30)], 70),
        ] {
            let stays: Vec<Stay> = stays.iter().map(|(from, to, memory)| stay(*from, *to, *memory)).collect();
            assert_eq!(most_together(&stays), (expect, expect / 10), "{stays:?}");
        }
    }
}
