//! Lanes in as many bits as they need.

use crate::input_hour::{Lane, NONE, SLOTS, UNKNOWN};
use crate::number::index;

/// How a lane is held, in two bits.
mod form {
    /// Nothing is known.
    pub(super) const UNKNOWN: u64 = 0;
    /// Every value is known, and held over the least of them.
    pub(super) const KNOWN: u64 = 1;
    /// The same of those that are known, which a bit for each slot says.
    pub(super) const SOME: u64 = 2;
    /// Every value is known, and held as what it is more than another lane's.
    pub(super) const MORE: u64 = 3;
}

/// Bits under way, the lowest first.
#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    /// Bits that make no byte yet.
    rest: u64,
    /// Number of them, under eight.
    n: u32,
}

impl Bits {
    /// Adds the lowest `n` bits of a value, at most 32.
    pub(super) fn push(&mut self, value: u64, n: u32) {
        self.rest |= value << self.n;
        self.n += n;
        while self.n >= 8 {
            self.bytes.extend(self.rest.to_le_bytes().first());
            self.rest >>= 8;
            self.n -= 8;
        }
    }

    /// Adds a number, in as many bits as it needs and seven that say how many.
    pub(super) fn number(&mut self, number: u64) {
        let n = u64::BITS - number.leading_zeros();
        self.push(n.into(), 7);
        let low = n.min(32);
        self.push(number & ((1 << low) - 1), low);
        self.push(number >> low, n - low);
    }

    /// Adds a lane; `other` is one that it is likely to be little more than.
    pub(super) fn lane(&mut self, lane: &Lane, other: Option<&Lane>) {
        let known = lane.0.iter().filter(|value| **value != UNKNOWN).count();
        match (known, other) {
            (0, _) => self.push(form::UNKNOWN, 2),
            (SLOTS, Some(other)) if other.0.iter().zip(&lane.0).all(|(less, more)| less <= more) => {
                self.push(form::MORE, 2);
                let more = lane.0.iter().zip(&other.0).map(|(more, less)| more - less);
                self.values(more);
            }
            (SLOTS, _) => {
                self.push(form::KNOWN, 2);
                self.values(lane.0.iter().copied());
            }
            _ => {
                self.push(form::SOME, 2);
                lane.0.iter().for_each(|value| self.push(u64::from(*value != UNKNOWN), 1));
                self.values(lane.0.iter().copied().filter(|value| *value != UNKNOWN));
            }
        }
    }

    /// Adds values over the least of them.
    fn values(&mut self, values: impl Iterator<Item = u32> + Clone) {
        let least = values.clone().min().unwrap_or_default();
        let most = values.clone().max().unwrap_or_default() - least;
        let (of_least, of_each) = (u32::BITS - least.leading_zeros(), u32::BITS - most.leading_zeros());
        self.push(of_least.into(), 6);
        self.push(least.into(), of_least);
        self.push(of_each.into(), 6);
        values.for_each(|value| self.push((value - least).into(), of_each));
    }

    /// The bytes, with so many beyond the last bit that a reader may take eight at any of them.
    pub(super) fn finish(mut self) -> Box<[u8]> {
        self.bytes.extend(self.rest.to_le_bytes());
        self.bytes.extend([0; 8]);
        self.bytes.into()
    }
}

/// Bits that are read.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `n` bits, at most 32.
    pub(super) fn take(&mut self, n: u32) -> u64 {
        let bits = self.eight();
        self.at += index(n);
        bits & ((1 << n) - 1)
    }

    /// The bits to come, 57 of them at least.
    fn eight(&self) -> u64 {
        let eight = self.bytes.get(self.at / 8..).and_then(|rest| rest.first_chunk());
        u64::from_le_bytes(eight.copied().unwrap_or_default()) >> (self.at % 8)
    }

    /// A number of any size.
    pub(super) fn number(&mut self) -> u64 {
        let n = self.small(7);
        let low = n.min(32);
        self.take(low) | self.take(n - low) << low
    }

    /// One that is known to have 32 bits at most.
    pub(super) fn small_number(&mut self) -> u32 {
        let n = self.small(7);
        self.small(n.min(32))
    }

    pub(super) fn byte(&mut self) -> u8 {
        u8::try_from(self.take(8)).unwrap_or_default()
    }

    /// A second of an hour, in twelve bits.
    pub(super) fn second(&mut self) -> u16 {
        u16::try_from(self.take(12)).unwrap_or_default()
    }

    fn small(&mut self, n: u32) -> u32 {
        u32::try_from(self.take(n)).unwrap_or(NONE)
    }

    pub(super) fn lane(&mut self, other: Option<&Lane>) -> Lane {
        match (self.take(2), other) {
            (form::KNOWN, _) => Lane(self.all_values()),
            (form::SOME, _) => {
                let known = std::array::from_fn(|_| self.take(1) == 1);
                Lane(self.values(known))
            }
            (form::MORE, Some(other)) => {
                let mut lane = self.all_values();
                lane.iter_mut().zip(&other.0).for_each(|(more, less)| *more += less);
                Lane(lane)
            }
            _ => Lane::UNKNOWN,
        }
    }

    fn values(&mut self, known: [bool; SLOTS]) -> [u32; SLOTS] {
        let (least, of_each) = self.least();
        known.map(|known| if known { least + self.small(of_each) } else { UNKNOWN })
    }

    /// The values of a lane of which every one is known.
    fn all_values(&mut self) -> [u32; SLOTS] {
        let (least, of_each) = self.least();
        let mut values = [least; SLOTS];
        if of_each == 0 {
            return values;
        }
        // As many at a time as eight bytes have that begin within a byte.
        let together = index(56 / of_each);
        let mask = (1 << of_each) - 1;
        for values in values.chunks_mut(together) {
            let mut bits = self.eight();
            for value in &mut *values {
                *value += u32::try_from(bits & mask).unwrap_or(NONE);
                bits >>= of_each;
            }
            self.at += index(of_each) * values.len();
        }
        values
    }

    /// The least of the values of a lane, and the bits of each of them.
    fn least(&mut self) -> (u32, u32) {
        let of_least = self.small(6);
        (self.small(of_least), self.small(6))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lane() -> impl Strategy<Value = Lane> {
        let value = prop_oneof![4 => 0_u32..300, 2 => any::<u32>(), 1 => Just(UNKNOWN), 1 => Just(UNKNOWN - 1)];
        prop_oneof![
            1 => Just(Lane::UNKNOWN),
            3 => prop::array::uniform12(1000_u32..1064).prop_map(Lane),
            3 => prop::array::uniform12(value).prop_map(Lane),
        ]
    }

    proptest! {
        #[test]
        fn lanes_come_back_as_they_were(lanes in prop::collection::vec((lane(), lane(), any::<bool>()), 0..20)) {
            let mut bits = Bits::default();
            for (one, other, flag) in &lanes {
                bits.push(u64::from(*flag), 1);
                bits.number(u64::from(one.at(3)) << 13);
                bits.lane(one, None);
                bits.lane(other, Some(one));
            }
            let bytes = bits.finish();
            let mut reader = Reader::new(&bytes);
            for (one, other, flag) in &lanes {
                prop_assert_eq!(reader.take(1) == 1, *flag);
                prop_assert_eq!(reader.number(), u64::from(one.at(3)) << 13);
                let back = reader.lane(None);
                prop_assert_eq!(&back, one);
                prop_assert_eq!(&reader.lane(Some(&back)), other);
            }
        }
    }
}
