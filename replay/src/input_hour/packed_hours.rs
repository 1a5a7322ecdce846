//! Hours in a small form, kept to be replayed again.
//!
//! A window is replayed some forty times, and reading it from the lake costs as much as ten replays. Most of a pod's row
//! is the same in hour after hour, so every distinct row is held once; lanes are held in as many bits as they need.

use super::{Ask, ContainerRow, Hour, Lane, NONE, NodeRow, PodRow, SLOTS, UNKNOWN};
use crate::number::{id, index};
use crate::unknown_zones::FrozenSlots;

/// Hours in a small form, oldest first.
#[derive(Debug, Clone, Default)]
pub struct PackedHours {
    /// Every distinct row of a pod, with what its containers are.
    pods: Vec<PackedPod>,
    /// Class and request of containers, those of a row of a pod together.
    containers: Vec<(u32, Ask)>,
    hours: Vec<PackedHour>,
    /// Bytes of the hours, but for `pods` and `containers`.
    bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct PackedPod {
    row: PodRow,
    /// First of its containers in [`PackedHours::containers`], and their number.
    containers: (u32, u32),
}

#[derive(Debug, Clone)]
struct PackedHour {
    start: i64,
    /// Rows of pods, by uid, as places in [`PackedHours::pods`].
    pods: Box<[u32]>,
    nodes: Box<[NodeRow]>,
    frozen: FrozenSlots,
    /// Lanes of the containers, pod by pod.
    lanes: Box<[u8]>,
}

impl PackedHours {
    /// Adds an hour after those that are there.
    pub fn push(&mut self, hour: &Hour) {
        let last = self.hours.last().map_or(&[][..], |hour| &hour.pods);
        let mut last = last.iter().copied().peekable();
        let mut containers = hour.containers.chunk_by(|a, b| a.pod == b.pod).peekable();
        let mut bits = Bits::default();
        let mut pods = Vec::with_capacity(hour.pods.len());
        for (at, row) in (0_u32..).zip(&hour.pods) {
            let own = containers.next_if(|own| own.first().is_some_and(|first| first.pod == at)).unwrap_or_default();
            // Both are in the order of uids.
            let of_last = |place: &u32| self.pods.get(index(*place));
            while last.next_if(|place| of_last(place).is_some_and(|pod| pod.row.uid < row.uid)).is_some() {}
            let same = last.next_if(|place| of_last(place).is_some_and(|pod| self.is(pod, row, own)));
            pods.push(same.unwrap_or_else(|| {
                let first = id(self.containers.len());
                self.containers.extend(own.iter().map(|container| (container.class, container.ask)));
                self.pods.push(PackedPod { row: *row, containers: (first, id(own.len())) });
                id(self.pods.len() - 1)
            }));
            for container in own {
                bits.lane(&container.cpu_mean_millicores, None);
                bits.lane(&container.cpu_max_millicores, Some(&container.cpu_mean_millicores));
                bits.lane(&container.memory_mean_mib, None);
                bits.lane(&container.memory_max_mib, Some(&container.memory_mean_mib));
            }
        }
        let packed = PackedHour {
            start: hour.start,
            pods: pods.into(),
            nodes: hour.nodes.as_slice().into(),
            frozen: hour.frozen.clone(),
            lanes: bits.finish(),
        };
        self.bytes += packed.lanes.len() + size_of_val(&*packed.pods) + size_of_val(&*packed.nodes);
        self.hours.push(packed);
    }

    /// Returns true when a row of a pod that is there is this one, with these containers.
    fn is(&self, pod: &PackedPod, row: &PodRow, containers: &[ContainerRow]) -> bool {
        pod.row == *row && self.containers_of(pod).iter().copied().eq(containers.iter().map(|own| (own.class, own.ask)))
    }

    fn containers_of(&self, pod: &PackedPod) -> &[(u32, Ask)] {
        let (first, n) = pod.containers;
        self.containers.get(index(first)..index(first + n)).unwrap_or_default()
    }

    /// Number of hours.
    pub fn len(&self) -> usize {
        self.hours.len()
    }

    /// Returns true when there is none.
    pub fn is_empty(&self) -> bool {
        self.hours.is_empty()
    }

    /// Memory that is taken, in bytes; what growing vectors have beyond it aside.
    pub fn bytes(&self) -> usize {
        self.bytes + size_of_val(&*self.pods) + size_of_val(&*self.containers)
    }

    /// The hour at a place, as it was added.
    pub fn hour(&self, at: usize) -> Option<Hour> {
        let packed = self.hours.get(at)?;
        let mut bits = Reader { bytes: &packed.lanes, at: 0 };
        let mut pods = Vec::with_capacity(packed.pods.len());
        // Most pods have one container.
        let mut containers = Vec::with_capacity(packed.pods.len() * 5 / 4);
        for (place, pod) in (0_u32..).zip(packed.pods.iter().filter_map(|pod| self.pods.get(index(*pod)))) {
            pods.push(pod.row);
            for (class, ask) in self.containers_of(pod) {
                let cpu_mean_millicores = bits.lane(None);
                let cpu_max_millicores = bits.lane(Some(&cpu_mean_millicores));
                let memory_mean_mib = bits.lane(None);
                let memory_max_mib = bits.lane(Some(&memory_mean_mib));
                containers.push(ContainerRow {
                    pod: place,
                    class: *class,
                    ask: *ask,
                    cpu_mean_millicores,
                    cpu_max_millicores,
                    memory_mean_mib,
                    memory_max_mib,
                });
            }
        }
        let (nodes, frozen) = (packed.nodes.to_vec(), packed.frozen.clone());
        Some(Hour { start: packed.start, pods, containers, nodes, frozen })
    }
}

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
struct Bits {
    bytes: Vec<u8>,
    /// Bits that make no byte yet.
    rest: u64,
    /// Number of them, under eight.
    n: u32,
}

impl Bits {
    /// Adds the lowest `n` bits of a value, at most 32.
    fn push(&mut self, value: u64, n: u32) {
        self.rest |= value << self.n;
        self.n += n;
        while self.n >= 8 {
            self.bytes.extend(self.rest.to_le_bytes().first());
            self.rest >>= 8;
            self.n -= 8;
        }
    }

    /// Adds a lane; `other` is one that it is likely to be little more than.
    fn lane(&mut self, lane: &Lane, other: Option<&Lane>) {
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
    fn finish(mut self) -> Box<[u8]> {
        self.bytes.extend(self.rest.to_le_bytes());
        self.bytes.extend([0; 8]);
        self.bytes.into()
    }
}

/// Bits that are read.
struct Reader<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    at: usize,
}

impl Reader<'_> {
    /// The next `n` bits, at most 32.
    fn take(&mut self, n: u32) -> u64 {
        let bits = self.eight();
        self.at += index(n);
        bits & ((1 << n) - 1)
    }

    /// The bits to come, 57 of them at least.
    fn eight(&self) -> u64 {
        let eight = self.bytes.get(self.at / 8..).and_then(|rest| rest.first_chunk());
        u64::from_le_bytes(eight.copied().unwrap_or_default()) >> (self.at % 8)
    }

    fn small(&mut self, n: u32) -> u32 {
        u32::try_from(self.take(n)).unwrap_or(NONE)
    }

    fn lane(&mut self, other: Option<&Lane>) -> Lane {
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
    use crate::input_hour::{Movable, Role};

    fn lane() -> impl Strategy<Value = Lane> {
        let value = prop_oneof![4 => 0_u32..300, 2 => any::<u32>(), 1 => Just(UNKNOWN), 1 => Just(UNKNOWN - 1)];
        prop_oneof![
            1 => Just(Lane::UNKNOWN),
            3 => prop::array::uniform12(1000_u32..1064).prop_map(Lane),
            3 => prop::array::uniform12(value).prop_map(Lane),
        ]
    }

    /// A container: its class, what it requests, its lanes.
    type Own = (u32, u32, [Lane; 4]);

    fn containers() -> impl Strategy<Value = Vec<Own>> {
        prop::collection::vec((0_u32..3, prop_oneof![Just(NONE), 0_u32..2], prop::array::uniform4(lane())), 0..4)
    }

    fn hour(start: i64, pods: Vec<(u8, u16, Vec<Own>)>) -> Hour {
        let (mut rows, mut containers) = (Vec::<PodRow>::new(), Vec::new());
        for (uid, from, own) in pods {
            if rows.iter().any(|row| row.uid == uid.into()) {
                continue;
            }
            for (class, asked, [cpu_mean_millicores, cpu_max_millicores, memory_mean_mib, memory_max_mib]) in own {
                containers.push(ContainerRow {
                    pod: id(rows.len()),
                    class,
                    ask: Ask { cpu_millicores: asked, memory_mib: 5 },
                    cpu_mean_millicores,
                    cpu_max_millicores,
                    memory_mean_mib,
                    memory_max_mib,
                });
            }
            rows.push(PodRow {
                uid: uid.into(),
                workload: uid.into(),
                zone: u16::from(uid % 2),
                platform: 0,
                observed_type: NONE,
                movable: Movable::ALWAYS,
                daemon: false,
                role: Role::Service,
                ask: Ask { cpu_millicores: 100, memory_mib: 200 },
                volumes: 0,
                pausing_volumes: 0,
                alive_from: from,
                alive_to: 3600,
                waited: 0,
                run: 0,
                unknown_slots: if uid == 1 { 0b101 } else { 0 },
                node: 7,
                node_group: 0,
            });
        }
        let node = NodeRow {
            zone: 0,
            platform: 0,
            machine_type: 1,
            up_seconds: 3600,
            memory_mib: 9,
            touched_mib: Lane::ZERO,
            node: 7,
            node_group: 0,
        };
        Hour::new(3600 * start, rows, containers, vec![node]).unwrap()
    }

    proptest! {
        #[test]
        fn hours_come_back_as_they_were(
            hours in prop::collection::vec(
                prop::collection::vec((0_u8..12, prop_oneof![4 => Just(0_u16), 1 => 0_u16..3000], containers()), 0..12),
                0..5,
            ),
        ) {
            let hours: Vec<Hour> = (0..).zip(hours).map(|(start, pods)| hour(start, pods)).collect();
            let mut packed = PackedHours::default();
            hours.iter().for_each(|hour| packed.push(hour));
            prop_assert_eq!(packed.len(), hours.len());
            for (at, hour) in hours.iter().enumerate() {
                let unpacked = packed.hour(at);
                prop_assert_eq!(unpacked.as_ref(), Some(hour));
            }
            prop_assert_eq!(packed.hour(hours.len()), None);
        }
    }

    #[test]
    fn a_pod_that_lives_on_is_held_once() {
        let own = || vec![(0, 1, [Lane([1000; SLOTS]), Lane::UNKNOWN, Lane([64; SLOTS]), Lane([65; SLOTS])])];
        let mut packed = PackedHours::default();
        for start in 0..100 {
            packed.push(&hour(start, vec![(3, 0, own()), (4, 0, own())]));
        }
        assert_eq!((packed.pods.len(), packed.containers.len()), (2, 2));
        // Twelve values of a lane that does not move take a few bytes.
        let lanes: usize = packed.hours.iter().map(|hour| hour.lanes.len()).sum();
        assert!(lanes <= 100 * (2 * 12 + 16), "{lanes}");
    }
}
