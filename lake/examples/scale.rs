//! Writes the hours of a large synthetic cluster: `scale LAKE CONTAINERS DAYS [SEED]`.
//!
//! The generator's cluster many times over: each copy has uids and names of its own, and hours of its own, so that
//! no two copies have the same numbers at the same time.
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
    // A copy is shifted by a whole number of hours, so the cluster must live that much longer.
    let each = Cluster::generate(seed, Window::try_new(start.start(), start.plus(1).start())?);
    let copies = containers.div_ceil(each.hour_rows(start).containers.len().max(1));
    let shifts = i64::try_from(copies)?;
    let cluster = Cluster::generate(seed, Window::try_new(start.start(), start.plus(hours + shifts).start())?);
    let begun = Instant::now();
    let mut rows_written = 0;
    for n in 0..hours {
        let hour = start.plus(n);
        let mut rows = HourRows::default();
        for copy in 0..shifts {
            add(&mut rows, cluster.hour_rows(hour.plus(copy)), hour, copy);
        }
        rows_written += rows.containers.len();
        lake.write_hour(&id, hour, rows, HourOrigin::generator()).await?;
    }
    println!("{rows_written} container rows in {hours} hours, {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Adds a copy's rows, moved to `hour`.
fn add(all: &mut HourRows, copy: HourRows, hour: Hour, number: i64) {
    let start = hour.start_seconds();
    let moved = number * types::window::HOUR_SECONDS;
    let uid = |uid: &str| format!("{number:08x}{}", uid.get(8..).unwrap_or_default());
    let name = |name: &str| format!("{name}-{number}");
    for mut row in copy.containers {
        (row.hour_start_seconds, row.pod_uid, row.node) = (start, uid(&row.pod_uid), name(&row.node));
        all.containers.push(row);
    }
    for mut row in copy.pods {
        (row.hour_start_seconds, row.pod_uid, row.node) = (start, uid(&row.pod_uid), name(&row.node));
        for second in [&mut row.created_seconds, &mut row.scheduled_seconds, &mut row.started_seconds] {
            *second = second.map(|second| second - moved);
        }
        row.ended_seconds = row.ended_seconds.map(|second| second - moved);
        all.pods.push(row);
    }
    for mut row in copy.nodes {
        (row.hour_start_seconds, row.node) = (start, name(&row.node));
        row.first_seen_seconds -= moved;
        row.last_seen_seconds -= moved;
        row.created_seconds = row.created_seconds.map(|second| second - moved);
        all.nodes.push(row);
    }
    for mut row in copy.volumes {
        (row.hour_start_seconds, row.volume_claim) = (start, name(&row.volume_claim));
        all.volumes.push(row);
    }
}
