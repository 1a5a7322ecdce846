//! Writes the hours of a large synthetic cluster: `scale LAKE CONTAINERS DAYS [SEED]`.
//!
//! Several of the generator's clusters as one, each of a seed of its own: copies of one cluster would repeat its
//! numbers, and look smaller than any real one.
#![expect(clippy::print_stdout, reason = "a tool that prints")]

use std::error::Error;
use std::time::Instant;

use fixtures::Cluster;
use lake::{HourOrigin, HourRows, Lake, LakeUri};
use types::{Hour, Window};

const START: i64 = 1_782_864_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [uri, containers, days, rest @ ..] = args.as_slice() else { return Err("LAKE CONTAINERS DAYS [SEED]".into()) };
    let (containers, days): (usize, i64) = (containers.parse()?, days.parse()?);
    let seed = rest.first().map_or(Ok(42), |seed| seed.parse())?;
    let lake = Lake::new(uri.parse::<LakeUri>()?.open().await);
    let id = Cluster::ID.parse()?;
    let start = Hour::starting_at(START).ok_or("start")?;
    let hours = 24 * days;
    let window = Window::try_new(start.start(), start.plus(hours).start())?;
    let first = Cluster::generate(seed, window);
    let copies = containers.div_ceil(first.hour_rows(start).containers.len().max(1));
    let mut clusters = vec![first];
    for copy in (1..).take(copies.saturating_sub(1)) {
        clusters.push(Cluster::generate(seed + copy, window));
    }
    let begun = Instant::now();
    let mut rows_written = 0;
    for n in 0..hours {
        let hour = start.plus(n);
        let mut rows = HourRows::default();
        for (number, cluster) in clusters.iter().enumerate() {
            add(&mut rows, cluster.hour_rows(hour), number);
        }
        rows_written += rows.containers.len();
        lake.write_hour(&id, hour, rows, HourOrigin::generator()).await?;
    }
    println!("{rows_written} container rows in {hours} hours, {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Adds a cluster's rows under names of its own.
fn add(all: &mut HourRows, cluster: HourRows, number: usize) {
    let uid = |uid: &str| format!("{number:04x}{}", uid.get(4..).unwrap_or_default());
    let name = |name: &str| format!("{name}-{number}");
    for mut row in cluster.containers {
        (row.pod_uid, row.node) = (uid(&row.pod_uid), name(&row.node));
        all.containers.push(row);
    }
    for mut row in cluster.pods {
        (row.pod_uid, row.node) = (uid(&row.pod_uid), name(&row.node));
        all.pods.push(row);
    }
    for mut row in cluster.nodes {
        row.node = name(&row.node);
        all.nodes.push(row);
    }
    for mut row in cluster.volumes {
        row.volume_claim = name(&row.volume_claim);
        all.volumes.push(row);
    }
}
