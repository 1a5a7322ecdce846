//! The packer against judges written apart from it: first-fit by decreasing size with downsizing, the linear bound, and
//! the exact optimum where all pods are equal.

use crate::common::{DAEMONS, Trace, catalog, ec2};
use replay::placement::{Item, Offer, Packer, Packing, Room};
use replay::{EvictionLimits, Hour, Replay};
use types::UsdPerHour;

/// Types as AWS sells them: family, memory a vCPU in GiB, price a vCPU, and sizes in vCPU with the pods they take.
type Family = (&'static str, u32, f64, &'static [(u32, u32)]);

const SIZES: &[(u32, u32)] = &[(2, 29), (4, 58), (8, 58), (16, 234), (32, 234), (48, 234), (64, 737), (96, 737)];

const FAMILIES: [Family; 5] = [
    ("m5", 4, 0.048, SIZES),
    ("m5a", 4, 0.043, SIZES),
    ("c5", 2, 0.0425, &[(2, 29), (4, 58), (8, 58), (16, 234), (36, 234), (48, 234), (72, 737), (96, 737)]),
    ("r5", 8, 0.063, SIZES),
    // Newer, dearer, and with one size that swallows whole clusters.
    (
        "m8i",
        4,
        0.052_92,
        &[(2, 29), (4, 58), (8, 58), (16, 234), (32, 234), (48, 234), (96, 737), (192, 737), (384, 1514)],
    ),
];

/// Returns what EKS leaves of a machine, less daemons of 180 m and 400 MiB.
fn room(vcpu: u32, gib: u32, pods: u32) -> Room {
    let mib = gib * 1024;
    let kubelet = 255 + 11 * pods + 100 + mib * 75 / 1000;
    Room { cpu: vcpu * 1000 - 80 - vcpu * 5 / 2 - 180, memory: mib - kubelet - 400, pods: pods - 4, volumes: 26 }
}

fn offers() -> Vec<Offer> {
    let mut offers = Vec::new();
    for (_, gib, per_vcpu, sizes) in FAMILIES {
        for (vcpu, pods) in sizes {
            let price = UsdPerHour::try_new(f64::from(*vcpu) * per_vcpu).unwrap();
            offers.push(Offer { price, room: room(*vcpu, vcpu * gib, *pods), id: offers.len() as u32 });
        }
    }
    offers
}

fn item(cpu: u32, memory: u32) -> Item {
    Item { cpu, memory, volumes: 0 }
}

/// Returns what is on offer under a cap on size: none, that of a 24xlarge, and that of a 4xlarge.
fn capped() -> [(&'static str, Vec<Offer>); 3] {
    let up_to = |cores: u32| offers().into_iter().filter(|offer| offer.room.cpu < cores * 1000).collect();
    [("no cap", offers()), ("up to 24xlarge", up_to(96)), ("up to 4xlarge", up_to(16))]
}

/// Checks that everything is placed once and within its machine; gives what it costs.
fn check(packing: &Packing, items: &[Item], offers: &[Offer]) -> f64 {
    let mut seen = vec![0; items.len()];
    let mut usd = 0.0;
    for machine in &packing.machines {
        let offer = offers.iter().find(|offer| offer.id == machine.id).unwrap();
        usd += offer.price.usd_per_hour();
        assert!(!machine.items.is_empty());
        let mut left = offer.room;
        for i in &machine.items {
            seen[*i as usize] += 1;
            left = left.less(&items[*i as usize]).unwrap();
        }
        let cheaper = |other: &Offer| other.price < offer.price && holds(&other.room, &machine.items, items);
        assert!(!offers.iter().any(cheaper), "a cheaper machine holds what it was given");
    }
    assert!(packing.unplaced.is_empty());
    assert!(seen.iter().all(|n| *n == 1));
    usd
}

fn holds(room: &Room, which: &[u32], items: &[Item]) -> bool {
    which.iter().try_fold(*room, |left, i| left.less(&items[*i as usize])).is_some()
}

/// The judge: for every type, first-fit by decreasing CPU, memory or larger share of both onto machines of that type
/// (and the cheapest that holds it for a pod too large), each then downsized; the cheapest of all.
fn first_fit_with_downsizing(items: &[Item], offers: &[Offer]) -> f64 {
    let downsized = |taken: (u32, u32, u32)| {
        let fits =
            |offer: &&Offer| offer.room.cpu >= taken.0 && offer.room.memory >= taken.1 && offer.room.pods >= taken.2;
        offers.iter().filter(fits).map(|offer| offer.price).min().unwrap().usd_per_hour()
    };
    let mut best = f64::INFINITY;
    for kind in offers {
        let share = |item: &Item| {
            let (cpu, memory) = (f64::from(kind.room.cpu), f64::from(kind.room.memory));
            (f64::from(item.cpu) / cpu).max(f64::from(item.memory) / memory)
        };
        let sizes: [&dyn Fn(&Item) -> f64; 3] = [&|item| f64::from(item.cpu), &|item| f64::from(item.memory), &share];
        for size in sizes {
            let mut order: Vec<&Item> = items.iter().collect();
            order.sort_by(|a, b| size(b).total_cmp(&size(a)));
            let mut machines: Vec<(Room, (u32, u32, u32))> = Vec::new();
            for item in order {
                let at = machines.iter().position(|(left, _)| left.fits(item)).unwrap_or_else(|| {
                    let own = offers.iter().filter(|offer| offer.room.fits(item)).min_by_key(|offer| offer.price);
                    let new = if kind.room.fits(item) { kind.room } else { own.unwrap().room };
                    machines.push((new, (0, 0, 0)));
                    machines.len() - 1
                });
                let (left, taken) = &mut machines[at];
                *left = left.less(item).unwrap();
                *taken = (taken.0 + item.cpu, taken.1 + item.memory, taken.2 + 1);
            }
            best = best.min(machines.into_iter().map(|(_, taken)| downsized(taken)).sum());
        }
    }
    best
}

/// The optimum for `n` equal pods, by a dynamic programme over how many of them are placed.
fn optimum_of_equals(item: &Item, n: usize, offers: &[Offer]) -> f64 {
    let held = |room: &Room| {
        let by = |has: u32, takes: u32| has.checked_div(takes).unwrap_or(u32::MAX);
        by(room.cpu, item.cpu).min(by(room.memory, item.memory)).min(room.pods) as usize
    };
    let mut least = vec![0.0; n + 1];
    for k in 1..=n {
        let with = |offer: &Offer| offer.price.usd_per_hour() + least[k.saturating_sub(held(&offer.room))];
        least[k] = offers.iter().filter(|o| held(&o.room) > 0).map(with).fold(f64::INFINITY, f64::min);
    }
    least[n]
}

/// Returns what no machines that hold `items` can cost less than: the best pair of prices of CPU and memory that no
/// offer beats, from every pair of offers.
fn linear_bound(items: &[Item], offers: &[Offer]) -> f64 {
    let sum = |of: fn(&Item) -> u32| items.iter().map(|item| f64::from(of(item))).sum::<f64>();
    let (cpu, memory) = (sum(|item| item.cpu), sum(|item| item.memory));
    let row = |offer: &Offer| (f64::from(offer.room.cpu), f64::from(offer.room.memory), offer.price.usd_per_hour());
    let rows: Vec<(f64, f64, f64)> = offers.iter().map(row).chain([(1.0, 0.0, 1.0), (0.0, 1.0, 1.0)]).collect();
    let holds = |x: f64, y: f64| x >= 0.0 && y >= 0.0 && rows.iter().all(|r| r.0 * x + r.1 * y <= r.2 * (1.0 + 1e-9));
    let axes = [
        rows.iter().map(|r| (r.2 / r.0, 0.0)).fold((f64::INFINITY, 0.0), |a, b| if b.0 < a.0 { b } else { a }),
        rows.iter().map(|r| (0.0, r.2 / r.1)).fold((0.0, f64::INFINITY), |a, b| if b.1 < a.1 { b } else { a }),
    ];
    let mut best = 0.0_f64;
    for (i, a) in rows.iter().enumerate() {
        let crossed = rows[i + 1..].iter().map(|b| {
            let determinant = a.0 * b.1 - a.1 * b.0;
            ((a.2 * b.1 - a.1 * b.2) / determinant, (a.0 * b.2 - a.2 * b.0) / determinant)
        });
        for (x, y) in crossed.chain(axes).filter(|(x, y)| holds(*x, *y)) {
            best = best.max(x * cpu + y * memory);
        }
    }
    best
}

/// Returns true when a pod takes over half of the largest machine. Two of those never share one, and the linear bound,
/// which cuts them up, is out of reach: four such pods on m5a.4xlarge cost 2.752 for a bound of 2.020, and nothing is
/// cheaper.
fn any_over_half(items: &[Item], offers: &[Offer]) -> bool {
    let cpu = offers.iter().map(|offer| offer.room.cpu).max().unwrap();
    let memory = offers.iter().map(|offer| offer.room.memory).max().unwrap();
    items.iter().any(|item| 2 * item.cpu > cpu || 2 * item.memory > memory)
}

/// So few pods are packed at the optimum, which a unit test shows; it may be further from the linear bound than one
/// machine, where each of eight small pods takes half of the smallest machine.
const FEW: usize = 8;

/// The price of the type that most is spent on.
fn used_most(packing: &Packing, offers: &[Offer]) -> f64 {
    let spent = |offer: &Offer| {
        let n = packing.machines.iter().filter(|machine| machine.id == offer.id).count();
        n as f64 * offer.price.usd_per_hour()
    };
    offers.iter().max_by(|a, b| spent(a).total_cmp(&spent(b))).unwrap().price.usd_per_hour()
}

/// Sizes of pods: a draw of CPU in millicores and memory in MiB.
type Draw = fn(&mut fastrand::Rng) -> Item;

/// The distributions of MODEL.md, section 11, and three more: a few large pods among small ones, pods that nearly fill a
/// machine, and clusters of a handful of workloads.
const DRAWS: [(&str, Draw); 8] = [
    ("independent", |rng| item(rng.u32(100..4000), rng.u32(128..16_384))),
    ("as people write them", |rng| {
        let cpu = [100, 250, 500, 1000, 2000, 4000][rng.usize(0..6)];
        item(cpu, cpu * [1024, 2048, 4096, 8192][rng.usize(0..4)] / 1000)
    }),
    ("two kinds", |rng| {
        let (cpu, per_core) = if rng.bool() { (rng.u32(1000..3000), 1024) } else { (rng.u32(200..800), 16_384) };
        item(cpu, cpu * per_core / 1000)
    }),
    ("log-uniform", |rng| {
        let cpu = (50.0 * 160_f64.powf(rng.f64())) as u32;
        item(cpu, ((f64::from(cpu) * 1.024 * 12_f64.powf(rng.f64())) as u32).min(49_152))
    }),
    ("small", |rng| item(rng.u32(10..500), rng.u32(64..2048))),
    ("large", |rng| item(rng.u32(2000..7000), rng.u32(4096..25_000))),
    ("few large among small", |rng| {
        if rng.u32(0..12) == 0 { item(rng.u32(9000..15_500), rng.u32(8000..56_000)) } else { item(250, 512) }
    }),
    ("nearly a machine", |rng| {
        let vcpu = [2, 4, 8, 16, 32][rng.usize(0..5)];
        item(vcpu * rng.u32(780..930), vcpu * 1024 * rng.u32(60..340) / 100)
    }),
];

/// Excess of the packer's cost over the judge's and over the bound, for sets of one kind.
#[derive(Default)]
struct Figures {
    usd: f64,
    rival: f64,
    over_rival: f64,
    over_bound: f64,
}

fn judge(name: &str, items: &[Item], offers: &[Offer], figures: &mut Figures) {
    let packing = Packer::new(offers).pack(items);
    let usd = check(&packing, items, offers);
    let (rival, bound) = (first_fit_with_downsizing(items, offers), linear_bound(items, offers));
    assert!(usd >= bound * (1.0 - 1e-9), "{name}: {usd} under the bound {bound}");
    (figures.usd, figures.rival) = (figures.usd + usd, figures.rival + rival);
    figures.over_rival = figures.over_rival.max(usd / rival - 1.0);
    assert!(usd <= 1.02 * rival, "{name}: {usd}, first-fit with downsizing {rival}");
    if any_over_half(items, offers) {
        return;
    }
    if packing.machines.len() > 20 {
        figures.over_bound = figures.over_bound.max(usd / bound - 1.0);
        assert!(usd <= 1.1 * bound, "{name}: {usd} on {} machines, bound {bound}", packing.machines.len());
    } else if items.len() > FEW {
        let most = bound + used_most(&packing, offers) + 1e-9;
        assert!(usd <= most, "{name}: {usd} on {} machines, bound {bound}", packing.machines.len());
    }
}

#[test]
fn random_sets_are_never_beaten_by_first_fit_with_downsizing_and_are_near_the_bound() {
    for (cap, offers) in capped() {
        for (name, draw) in DRAWS {
            let mut figures = Figures::default();
            for (n, seeds) in [(3, 20), (8, 20), (20, 20), (60, 10), (200, 4), (1000, 1)] {
                for seed in 0..seeds {
                    let mut rng = fastrand::Rng::with_seed(1000 * n + seed);
                    let fits = |item: &Item| offers.iter().any(|offer| offer.room.fits(item));
                    let items: Vec<Item> = (0..n).map(|_| draw(&mut rng)).filter(fits).collect();
                    judge(&format!("{cap}, {name}, {n} pods, seed {seed}"), &items, &offers, &mut figures);
                }
            }
            println!(
                "{cap}, {name}: {:+.1} % against first-fit with downsizing, at most {:+.2} %; at most {:.2} % over the bound",
                100.0 * (figures.usd / figures.rival - 1.0),
                100.0 * figures.over_rival,
                100.0 * figures.over_bound
            );
        }
    }
}

const SHAPES: [(u32, u32); 10] = [
    (15_000, 54_000),
    (15_000, 20_000),
    (9_000, 20_000),
    (7_900, 12_000),
    (4_000, 30_000),
    (3_500, 7_000),
    (1_900, 7_000),
    (1_000, 1_024),
    (500, 2_048),
    (250, 512),
];

#[test]
fn equal_pods_cost_what_they_can_cost_at_the_least() {
    for (cap, offers) in capped() {
        let packer = Packer::new(&offers);
        for (cpu, memory) in SHAPES {
            let mut most = 0.0_f64;
            for n in 1..=60 {
                let items = vec![item(cpu, memory); n];
                let usd = check(&packer.pack(&items), &items, &offers);
                let (optimum, rival) =
                    (optimum_of_equals(&items[0], n, &offers), first_fit_with_downsizing(&items, &offers));
                most = most.max(usd / optimum - 1.0);
                assert!(usd <= 1.02 * rival, "{n} pods of {cpu} m and {memory} MiB: {usd}, first-fit {rival}");
                assert!(usd <= 1.02 * optimum, "{n} pods of {cpu} m and {memory} MiB: {usd}, optimum {optimum}");
            }
            println!("{cap}, 1 to 60 pods of {cpu} m and {memory} MiB: at most {:.2} % over the optimum", 100.0 * most);
        }
    }
}

#[test]
fn what_fits_one_huge_machine_is_not_bought_one() {
    let offers = offers();
    let packer = Packer::new(&offers);
    let smallest = offers.iter().filter(|o| o.room.fits(&item(15_000, 54_000))).map(|o| o.price).min().unwrap();
    for n in [4, 12, 20, 24, 36] {
        let items = vec![item(15_000, 54_000); n];
        let usd = check(&packer.pack(&items), &items, &offers);
        assert!(usd <= n as f64 * smallest.usd_per_hour() + 1e-9, "{n}: {usd}");
    }
}

#[test]
fn a_lot_can_ask_for_so_many_machines_and_pays_little_for_them() {
    let [_, (_, offers), _] = capped();
    let packer = Packer::new(&offers);
    for (name, draw) in DRAWS {
        for n in [1, 2, 3, 9, 40, 150] {
            let mut rng = fastrand::Rng::with_seed(n as u64);
            let items: Vec<Item> = (0..n).map(|_| draw(&mut rng)).collect();
            let free = check(&packer.pack(&items), &items, &offers);
            let mut before = 0.0;
            for machines in [1, 2, 3, 5] {
                let packing = packer.pack_on_at_least(&items, machines);
                assert!(packing.machines.len() >= machines.min(n), "{name}, {n} pods on {machines}");
                let usd = check(&packing, &items, &offers);
                // Never dearer than the whole set packed as it likes, and the cheapest machine for each one more.
                let small = offers.iter().filter(|offer| items.iter().any(|item| offer.room.fits(item)));
                let most = small.map(|offer| offer.price.usd_per_hour()).fold(f64::INFINITY, f64::min);
                assert!(usd >= before - 1e-9 || usd >= free - 1e-9);
                assert!(usd <= free + machines as f64 * most + 1e-9, "{name}, {n} pods on {machines}: {usd} {free}");
                before = usd;
            }
        }
    }
}

/// The types of a trace, daemons taken off.
fn offers_of_trace() -> Vec<Offer> {
    let offer = |(id, kind): (u32, &replay::MachineType)| Offer {
        price: kind.price.unwrap(),
        room: Room {
            cpu: kind.allocatable_millicores - DAEMONS.cpu_millicores,
            memory: kind.allocatable_mib - DAEMONS.memory_mib,
            pods: kind.max_pods - 4,
            volumes: kind.max_volumes,
        },
        id,
    };
    (0..).zip(&catalog().machines).map(offer).collect()
}

/// Cost of two days in which pods come and go, as a scenario that repacks as much as it likes, and as first-fit with
/// downsizing would make of each hour's pods from scratch.
struct TwoDays {
    usd: f64,
    rival: f64,
    worst: f64,
    moves_per_pod_day: f64,
}

fn two_days(pods: u32, seed: u64) -> TwoDays {
    let mut setup = ec2("ec2-repacked");
    (setup.node_boot_seconds, setup.evictions, setup.ec2.least_machines) = (0, EvictionLimits::OPEN, 1);
    let (offers, mut trace) = (offers_of_trace(), Trace::new(seed, pods, 1));
    let hours = trace.hours(48);
    let mut replay = Replay::new(vec![setup]);
    hours.iter().for_each(|hour| replay.advance(hour));
    let outcome = replay.finish().remove(0).0;
    let price = |kind: u32| offers[kind as usize].price.usd_per_hour();
    let asked = |hour: &Hour| -> Vec<Item> {
        let there = hour.pods().iter().filter(|row| !row.daemon && row.alive_to == 3600);
        there.map(|row| Item { volumes: 0, ..item(row.ask.cpu_millicores, row.ask.memory_mib) }).collect()
    };
    let (mut usd, mut rival, mut worst) = (0.0, 0.0, f64::NEG_INFINITY);
    for (hour, billed) in hours.iter().zip(&outcome.hours) {
        let paid: f64 = billed.node_seconds.iter().map(|(kind, seconds)| price(*kind) * *seconds as f64 / 3600.0).sum();
        let least = first_fit_with_downsizing(&asked(hour), &offers);
        (usd, rival, worst) = (usd + paid, rival + least, worst.max(paid / least - 1.0));
    }
    TwoDays { usd, rival, worst, moves_per_pod_day: outcome.motion.drained_pods as f64 / f64::from(pods) / 2.0 }
}

#[test]
fn over_two_days_first_fit_from_scratch_never_beats_the_rival_by_two_percent_in_any_hour() {
    for (pods, seeds) in [(60, 1..=6), (200, 1..=6), (300, 1..=3), (600, 1..=2)] {
        let mut all = TwoDays { usd: 0.0, rival: 0.0, worst: f64::NEG_INFINITY, moves_per_pod_day: 0.0 };
        for seed in seeds.clone() {
            let days = two_days(pods, seed);
            assert!(days.worst <= 0.02, "{pods} pods, seed {seed}: {}", days.worst);
            (all.usd, all.rival, all.worst) = (all.usd + days.usd, all.rival + days.rival, all.worst.max(days.worst));
            all.moves_per_pod_day += days.moves_per_pod_day / seeds.clone().count() as f64;
        }
        println!(
            "{pods} pods: {:+.1} % in sum, {:+.1} % in the worst hour, {:.1} moves a pod and day",
            100.0 * (all.usd / all.rival - 1.0),
            100.0 * all.worst,
            all.moves_per_pod_day
        );
        assert!(all.moves_per_pod_day <= 3.0, "{pods} pods: {}", all.moves_per_pod_day);
    }
}
