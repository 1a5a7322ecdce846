//! A lot: machines that pods may choose among, one for each zone, platform and kind (EC2 or elastic VM), and for each node
//! group where today's types are bought.

use super::machine::{Kind, Machine, SCORED};
use crate::input_hour::{NONE, SLOTS};
use crate::number::{float32, index, unsigned};
use crate::outcome::{Group, Served};
use crate::placement::{Item, Score};
use crate::slab::FreePlaces;

/// Places the scan looks at together.
pub(crate) const WIDE: usize = 16;
/// Time for which pods that found no room are remembered, twice.
pub(crate) const WEEK_SECONDS: i64 = 7 * 86_400;
/// Less than any pod asks for.
pub(crate) const CLOSED: f32 = -1.0;

/// Room that the scheduler scans, of the machines at [`WIDE`] places: what is left of those that take pods, nothing of
/// others.
#[derive(Debug, Clone)]
pub(crate) struct Rooms {
    /// Millicores, MiB and volumes free; millicores and MiB are [`CLOSED`] where no pod may come.
    cpu: [f32; WIDE],
    memory: [f32; WIDE],
    volumes: [f32; WIDE],
    /// Free shares of CPU and memory together, by scored requests, less than any where no pod may come; and what a millicore
    /// and a MiB are of them.
    share: [f32; WIDE],
    per_cpu: [f32; WIDE],
    per_memory: [f32; WIDE],
    ends: Ends,
}

/// The most and the least of what open machines have at the places of [`Rooms`]: mostly they tell that none of them is
/// chosen.
#[derive(Debug, Clone, Copy)]
struct Ends {
    most_cpu: f32,
    most_memory: f32,
    most_share: f32,
    least_share: f32,
    most_per_cpu: f32,
    most_per_memory: f32,
}

impl Ends {
    const NONE: Self = Self {
        most_cpu: CLOSED,
        most_memory: CLOSED,
        most_share: f32::NEG_INFINITY,
        least_share: f32::INFINITY,
        most_per_cpu: 0.0,
        most_per_memory: 0.0,
    };
}

impl Rooms {
    const NONE: Self = Self {
        cpu: [CLOSED; WIDE],
        memory: [CLOSED; WIDE],
        volumes: [0.0; WIDE],
        share: [f32::NEG_INFINITY; WIDE],
        per_cpu: [0.0; WIDE],
        per_memory: [0.0; WIDE],
        ends: Ends::NONE,
    };

    /// Notes what the machine at a place has. The ends are looked for anew only where one of them was there.
    fn set(&mut self, place: usize, now: Seen) {
        let columns = [
            (&mut self.cpu, now.cpu),
            (&mut self.memory, now.memory),
            (&mut self.volumes, now.volumes),
            (&mut self.share, now.share),
            (&mut self.per_cpu, now.per_cpu),
            (&mut self.per_memory, now.per_memory),
        ];
        let [cpu, memory, _, share, per_cpu, per_memory] = columns.map(|(column, value)| {
            let cell = column.get_mut(place);
            cell.map_or(value, |cell| std::mem::replace(cell, value))
        });
        let ends = &mut self.ends;
        renew(&mut ends.most_cpu, cpu, now.cpu, &self.cpu);
        renew(&mut ends.most_memory, memory, now.memory, &self.memory);
        renew(&mut ends.most_share, share, now.share, &self.share);
        renew(&mut ends.most_per_cpu, per_cpu, now.per_cpu, &self.per_cpu);
        renew(&mut ends.most_per_memory, per_memory, now.per_memory, &self.per_memory);
        // Places without a machine that takes pods have no share at all, and are not the least.
        if now.share > f32::NEG_INFINITY && now.share <= ends.least_share {
            ends.least_share = now.share;
        } else if share <= ends.least_share {
            let less = self.share.map(|share| if share > f32::NEG_INFINITY { -share } else { share });
            ends.least_share = -most(&less);
        }
    }

    /// Returns true when a machine may have room for so many millicores and MiB and a score beyond `best`. Rounding keeps
    /// what is larger, so a score is never beyond that of the ends.
    fn may_hold(&self, (cpu, memory): (f32, f32), scored: (f32, f32), score: Score, best: f32) -> bool {
        let ends = &self.ends;
        let most = match score {
            Score::LeastAllocated => ends.most_share,
            Score::MostAllocated => {
                -(ends.least_share - scored.0 * ends.most_per_cpu - scored.1 * ends.most_per_memory)
            }
        };
        ends.most_cpu >= cpu && ends.most_memory >= memory && most > best
    }
}

/// What the scan sees of one machine.
#[derive(Debug, Clone, Copy)]
struct Seen {
    cpu: f32,
    memory: f32,
    volumes: f32,
    share: f32,
    per_cpu: f32,
    per_memory: f32,
}

/// Brings the most of a column up to date, one of whose values was `before` and is `now`.
fn renew(end: &mut f32, before: f32, now: f32, column: &[f32; WIDE]) {
    if now >= *end {
        *end = now;
    } else if before >= *end {
        *end = most(column);
    }
}

/// The most of some scores.
#[expect(clippy::indexing_slicing, reason = "every half has as many places as its loop")]
fn most(scores: &[f32; WIDE]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let (mut eight, mut four) = ([0.0; 8], [0.0; 4]);
    for k in 0..8 {
        eight[k] = larger(scores[k], scores[k + 8]);
    }
    for k in 0..4 {
        four[k] = larger(eight[k], eight[k + 4]);
    }
    larger(larger(four[0], four[1]), larger(four[2], four[3]))
}

/// A lot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lot {
    pub(crate) evm: bool,
    pub(crate) zone: u16,
    pub(crate) platform: u16,
    pub(crate) node_group: u16,
    /// Machine at each place; [`NONE`] at free ones.
    pub(crate) machines: Vec<u32>,
    pub(crate) free: FreePlaces,
    /// Room of the machines at all places.
    pub(crate) rooms: Vec<Rooms>,
    /// Machines that are not ready yet, in the order of their requests.
    pub(crate) booting: Vec<u32>,
    /// Requests served now, since when, and what of this slot is over.
    pub(crate) served: (u64, u64, u64),
    pub(crate) served_since: i64,
    pub(crate) slot: Served,
    pub(crate) hour: [Served; SLOTS],
    pub(crate) group: Group,
    /// The type most of its machines have, or had when there were some.
    pub(crate) commonest: Option<u32>,
    /// The most that any pod asked for which found no room, by each resource, in the last two weeks in which one did.
    pub(crate) missed: [(i64, Item); 2],
    /// `true` when it has its warm machines, or needs none, until a machine comes or goes, is taken or closed, or a pod finds
    /// no room.
    pub(crate) stocked: bool,
    /// Rises whenever room is given back; what failed at one version need not be tried again.
    pub(crate) version: u64,
    /// The version at which draining last found nothing, and the newest machine that could have left then.
    pub(crate) tried: (u64, Option<u32>),
    /// The version from which on packing again is worth a try, and the newest machine that was in the last one.
    pub(crate) repacked: (u64, Option<u32>),
    /// Slots, by their starts, in which machines that are replaced leave.
    pub(crate) turns: Vec<i64>,
}

/// The machines that a lot is of: pods go to those of one lot alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LotOf {
    pub(crate) evm: bool,
    pub(crate) zone: u16,
    pub(crate) platform: u16,
    /// Node group, where pods keep to theirs; else zero.
    pub(crate) node_group: u16,
}

impl Lot {
    pub(crate) fn of(&self) -> LotOf {
        LotOf { evm: self.evm, zone: self.zone, platform: self.platform, node_group: self.node_group }
    }

    /// Takes note of a pod that found no room.
    pub(crate) fn found_no_room(&mut self, item: &Item, t: i64) {
        let week = t.div_euclid(WEEK_SECONDS);
        let [newest, before] = &mut self.missed;
        if newest.0 != week {
            *before = std::mem::replace(newest, (week, Item::default()));
        }
        newest.1 = newest.1.larger(item);
        self.stocked = false;
    }

    /// Returns what would have held every pod that found no room in this week and the last; `None` where all found
    /// some.
    pub(crate) fn missed(&self, t: i64) -> Option<Item> {
        let week = t.div_euclid(WEEK_SECONDS);
        let recent = self.missed.iter().filter(|(of, item)| *of >= week - 1 && *item != Item::default());
        recent.map(|(_, item)| *item).reduce(|a, b| a.larger(&b))
    }

    pub(crate) fn place(&mut self, machine: u32) -> u32 {
        self.stocked = false;
        if let Some(pos) = self.free.take() {
            if let Some(cell) = self.machines.get_mut(index(pos)) {
                *cell = machine;
            }
            return pos;
        }
        self.machines.push(machine);
        self.rooms.resize(self.machines.len().div_ceil(WIDE), Rooms::NONE);
        crate::number::id(self.machines.len()) - 1
    }

    /// Shows the scan what a machine has.
    pub(crate) fn show(&mut self, machine: &Machine, kind: &Kind) {
        let open = machine.takes_pods() && machine.room.pods > 0;
        let (per_cpu, per_memory) = (1.0 / float32(kind.room.cpu.max(1)), 1.0 / float32(kind.room.memory.max(1)));
        let free = |has: u32, taken: u32, per: f32| 1.0 - float32(taken.min(has)) * per;
        let share = free(kind.room.cpu, machine.scored.cpu_millicores, per_cpu)
            + free(kind.room.memory, machine.scored.memory_mib, per_memory);
        let (chunk, within) = (index(machine.pos) / WIDE, index(machine.pos) % WIDE);
        let Some(rooms) = self.rooms.get_mut(chunk) else { return };
        rooms.set(
            within,
            Seen {
                cpu: if open { float32(machine.room.cpu) } else { CLOSED },
                memory: if open { float32(machine.room.memory) } else { CLOSED },
                volumes: float32(machine.room.volumes),
                share: if open { share } else { f32::NEG_INFINITY },
                per_cpu,
                per_memory,
            },
        );
    }

    /// The place with room whose score is best after `item` came, and that score; the first of equals. `barred` is a
    /// place that may not be chosen.
    #[expect(clippy::indexing_slicing, reason = "every column has as many places as the loop")]
    pub(crate) fn best(&self, item: &Item, score: Score, barred: impl Fn(u32) -> bool) -> Option<(f32, u32)> {
        let (cpu, memory, volumes) = (float32(item.cpu), float32(item.memory), float32(item.volumes));
        let scored = (float32(item.cpu.max(least(item.cpu))), float32(item.memory.max(least_memory(item.memory))));
        let sign = match score {
            Score::LeastAllocated => 1.0,
            Score::MostAllocated => -1.0,
        };
        let mut best = (f32::NEG_INFINITY, None);
        for (chunk, rooms) in self.rooms.iter().enumerate() {
            if !rooms.may_hold((cpu, memory), scored, score, best.0) {
                continue;
            }
            let mut after = [f32::NEG_INFINITY; WIDE];
            for (k, after) in after.iter_mut().enumerate() {
                let worth = sign * (rooms.share[k] - scored.0 * rooms.per_cpu[k] - scored.1 * rooms.per_memory[k]);
                let fits = (rooms.cpu[k] >= cpu) & (rooms.memory[k] >= memory) & (rooms.volumes[k] >= volumes);
                *after = if fits { worth } else { f32::NEG_INFINITY };
            }
            let mut top = most(&after);
            // Rarely more than once: a place that is barred is struck off, and the chunk looked at again.
            while top > best.0 {
                let Some(within) = after.iter().position(|score| *score >= top) else { break };
                let pos = crate::number::id(chunk * WIDE + within);
                if barred(pos) {
                    if let Some(cell) = after.get_mut(within) {
                        *cell = f32::NEG_INFINITY;
                    }
                    top = most(&after);
                } else {
                    best = (top, Some(pos));
                }
            }
        }
        best.1.map(|pos| (best.0, pos))
    }

    /// The machine that takes pods and has the least memory, then CPU, of those with room; the lowest of equals.
    pub(crate) fn least_room(&self, item: &Item, barred: impl Fn(u32) -> bool) -> Option<u32> {
        let (cpu, memory, volumes) = (float32(item.cpu), float32(item.memory), float32(item.volumes));
        let mut best: Option<(f32, f32, u32)> = None;
        let rooms = self.rooms.iter().flat_map(|rooms| rooms.cpu.iter().zip(&rooms.memory).zip(&rooms.volumes));
        for (((c, m), v), machine) in rooms.zip(&self.machines) {
            if *c >= cpu && *m >= memory && *v >= volumes {
                let before = |best: &(f32, f32, u32)| (*m, *c, *machine) < *best;
                if best.as_ref().is_none_or(before) && !barred(*machine) {
                    best = Some((*m, *c, *machine));
                }
            }
        }
        best.map(|(_, _, machine)| machine)
    }

    /// Brings the sums of what is served up to `at`.
    pub(crate) fn settle(&mut self, at: i64) {
        let seconds = unsigned(at - self.served_since);
        self.slot.cpu += self.served.0 * seconds;
        self.slot.memory += self.served.1 * seconds;
        self.slot.pods += self.served.2 * seconds;
        self.served_since = at;
    }

    pub(crate) fn serves(&mut self, at: i64, item: &Item, comes: bool) {
        self.settle(at);
        let (cpu, memory) = (u64::from(item.cpu), u64::from(item.memory));
        if comes {
            self.served = (self.served.0 + cpu, self.served.1 + memory, self.served.2 + 1);
        } else {
            self.served = (self.served.0 - cpu, self.served.1 - memory, self.served.2 - 1);
        }
    }

    /// The machines that are there.
    pub(crate) fn machines_there(&self) -> impl Iterator<Item = u32> {
        self.machines.iter().copied().filter(|m| *m != NONE)
    }

    /// Ends slot `k` at `at`, and gives the pod-seconds served in it; in a frozen zone none were.
    pub(crate) fn end_slot(&mut self, k: usize, at: i64, frozen: bool) -> u64 {
        self.settle(at);
        let served = std::mem::take(&mut self.slot);
        if frozen {
            return 0;
        }
        if let Some(cell) = self.hour.get_mut(k) {
            *cell = served;
        }
        served.pods
    }

    /// Ends the hour, the `hours`-th. A lot that came late has served nothing before.
    pub(crate) fn end_hour(&mut self, hours: usize) {
        self.group.served.resize(hours - 1, Default::default());
        self.group.served.push(std::mem::take(&mut self.hour));
    }

    pub(crate) fn served_pods(&self) -> u64 {
        self.served.2
    }
}

/// Returns what the scheduler scores for a request of CPU: a default where there is none.
pub(crate) const fn least(cpu: u32) -> u32 {
    if cpu == 0 { SCORED.cpu_millicores } else { cpu }
}

/// The same for memory.
pub(crate) const fn least_memory(memory: u32) -> u32 {
    if memory == 0 { SCORED.memory_mib } else { memory }
}
