//! Pods a second that are placed: first-fit onto 5,000 machines, against a plain scan; best quality onto as many.
#![expect(clippy::print_stdout, clippy::as_conversions, clippy::indexing_slicing, reason = "a bench prints figures")]

use std::hint::black_box;

use replay::placement::{FirstFit, Item, Offer, Packer, Room, first_fit_decreasing};
use types::UsdPerHour;

const ROOM: Room = Room { cpu: 15_890, memory: 57_691, pods: 234, volumes: 26 };
const MACHINES: usize = 5000;

/// Draws the size of a pod.
type Draw = fn(&mut fastrand::Rng) -> Item;

/// Time this thread has had on a CPU: what others do on the machine does not count.
fn on_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

fn draw(rng: &mut fastrand::Rng) -> Item {
    Item { cpu: rng.u32(100..4000), memory: rng.u32(128..16_384), volumes: 0 }
}

fn written(rng: &mut fastrand::Rng) -> Item {
    let cpu = [100, 250, 500, 1000, 2000, 4000][rng.usize(0..6)];
    Item { cpu, memory: cpu * [1024, 2048, 4096, 8192][rng.usize(0..4)] / 1000, volumes: 0 }
}

fn main() {
    let rate = |n: usize, seconds: f64| n as f64 / seconds;
    let loads: [(&str, Draw, usize); 4] = [
        ("uniform", draw, 33_000),
        ("as written", written, 50_000),
        ("uniform, too many", draw, 60_000),
        ("as written, too many", written, 80_000),
    ];
    for (name, draw, load) in loads {
        let mut rng = fastrand::Rng::with_seed(1);
        let items: Vec<Item> = (0..load).map(|_| draw(&mut rng)).collect();

        let start = on_cpu();
        let mut tree = FirstFit::new(vec![ROOM; MACHINES]);
        let placed = items.iter().filter(|item| tree.place(item).is_some()).count();
        let tree_rate = rate(items.len(), on_cpu() - start);

        let start = on_cpu();
        let mut plain = vec![ROOM; MACHINES];
        let scanned = items.iter().filter(|item| {
            let found = plain.iter_mut().find_map(|room| room.less(item).map(|less| *room = less));
            found.is_some()
        });
        let scanned = scanned.count();
        let scan_rate = rate(items.len(), on_cpu() - start);
        assert_eq!(placed, scanned);
        println!(
            "{name}: first-fit {:.2} M pods/s (aim 2 M), plain scan {:.3} M pods/s ({:.0} times), {placed} placed on {MACHINES} machines",
            tree_rate / 1e6,
            scan_rate / 1e6,
            tree_rate / scan_rate
        );

        let Ok(price) = UsdPerHour::try_new(0.768) else { return };
        let offers = [Offer { price, room: ROOM, id: 0 }];
        let mut rng = fastrand::Rng::with_seed(2);
        let items: Vec<Item> = (0..38_000).map(|_| draw(&mut rng)).collect();
        let packer = Packer::new(&offers);
        let start = on_cpu();
        let packing = black_box(packer.pack(black_box(&items)));
        let dot_rate = rate(items.len(), on_cpu() - start);
        let start = on_cpu();
        let decreasing = black_box(first_fit_decreasing(black_box(&items), &offers));
        let decreasing_rate = rate(items.len(), on_cpu() - start);
        let sum = |of: fn(&Item) -> u32| items.iter().map(|item| f64::from(of(item))).sum::<f64>();
        let bound = (sum(|item| item.cpu) / f64::from(ROOM.cpu)).max(sum(|item| item.memory) / f64::from(ROOM.memory));
        println!(
            "{name}: the packer {:.0} k pods/s (aim 300 k) onto {} machines, bound {:.0}; first-fit decreasing {:.0} k pods/s onto {}",
            dot_rate / 1e3,
            packing.machines.len(),
            bound.ceil(),
            decreasing_rate / 1e3,
            decreasing.machines.len()
        );
    }
}
