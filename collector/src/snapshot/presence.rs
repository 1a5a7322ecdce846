//! Slots in which an object was there, by those in which a scrape saw it.

use types::SLOTS_PER_HOUR;

/// Slots, `true` for those in which something was seen, or was there.
pub(crate) type Seen = [bool; SLOTS_PER_HOUR];

/// The slots in which an object was there: those that saw it, and those between two that saw it. What is one and the same
/// before and after, such as a volume or an address, was there meanwhile, and the part of kube-state-metrics that lists it
/// was not.
///
/// At either end of the hour it was there as long as nothing of kube-state-metrics was `scraped`.
pub(crate) fn bridged(seen: &Seen, scraped: &Seen) -> Seen {
    let (Some(first), Some(last)) = (seen.iter().position(|seen| *seen), seen.iter().rposition(|seen| *seen)) else {
        return *seen;
    };
    let nothing_before = !scraped.iter().take(first).any(|scraped| *scraped);
    let nothing_after = !scraped.iter().skip(last + 1).any(|scraped| *scraped);
    let (from, to) = (if nothing_before { 0 } else { first }, if nothing_after { SLOTS_PER_HOUR } else { last + 1 });
    let mut there = *seen;
    there.iter_mut().take(to).skip(from).for_each(|there| *there = true);
    there
}

/// Adds the slots of one to those of another.
pub(crate) fn add(to: &mut Seen, more: &Seen) {
    to.iter_mut().zip(more).for_each(|(there, more)| *there |= more);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(of: &[usize]) -> Seen {
        let mut slots = Seen::default();
        of.iter().for_each(|slot| slots[*slot] = true);
        slots
    }

    #[test]
    fn what_was_seen_before_a_gap_and_after_it_was_there_meanwhile() {
        let check = |seen: &[usize], scraped: &[usize], expect: &[usize]| {
            assert_eq!(bridged(&slots(seen), &slots(scraped)), slots(expect), "{seen:?} {scraped:?}");
        };
        let all: Vec<usize> = (0..SLOTS_PER_HOUR).collect();
        check(&[], &all, &[]);
        check(&[0, 1, 4, 5], &all, &[0, 1, 2, 3, 4, 5]);
        // It came and went while others were seen.
        check(&[3, 4], &all, &[3, 4]);
        // Nothing was scraped after it, or before it.
        check(&[0, 1], &[0, 1], &all);
        check(&[10, 11], &[10, 11], &all);
        // It was not there when scrapes began again, or ended.
        check(&[0, 1], &[0, 1, 11], &[0, 1]);
        check(&[10, 11], &[0, 10, 11], &[10, 11]);
    }
}
