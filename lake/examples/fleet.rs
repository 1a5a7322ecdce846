//! Writes one hour of many large clusters: `fleet LAKE CLUSTERS CONTAINERS`. The clusters differ by name alone, since what
//! takes their hours in does not look at how they resemble each other.
#![expect(clippy::print_stdout, reason = "a tool that prints")]

use std::error::Error;
use std::time::Instant;

use fixtures::Cluster;
use lake::{HourOrigin, HourRows, Lake, LakeUri};
use types::{ClusterId, Hour, Window};

const START: i64 = 1_782_864_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [uri, clusters, containers] = args.as_slice() else { return Err("LAKE CLUSTERS CONTAINERS".into()) };
    let (clusters, containers): (u32, usize) = (clusters.parse()?, containers.parse()?);
    let lake = Lake::new(uri.parse::<LakeUri>()?.open().await);
    let hour = Hour::starting_at(START).ok_or("start")?;
    let window = Window::try_new(hour.start(), hour.next().start())?;
    let mut rows = HourRows::default();
    let mut seed = 0;
    while rows.containers.len() < containers {
        let copy = Cluster::generate(seed, window).hour_rows(hour);
        let name = |name: &str| format!("{name}-{seed}");
        rows.containers.extend(copy.containers.into_iter().map(|mut row| {
            (row.pod_uid, row.node) = (name(&row.pod_uid), name(&row.node));
            row
        }));
        rows.pods.extend(copy.pods.into_iter().map(|mut row| {
            (row.pod_uid, row.node) = (name(&row.pod_uid), name(&row.node));
            row
        }));
        rows.nodes.extend(copy.nodes.into_iter().map(|mut row| {
            row.node = name(&row.node);
            row
        }));
        rows.volumes.extend(copy.volumes.into_iter().map(|mut row| {
            row.volume_claim = name(&row.volume_claim);
            row
        }));
        seed += 1;
    }
    rows.containers.truncate(containers);
    let begun = Instant::now();
    for n in 0..clusters {
        let id: ClusterId = format!("fleet-{n:04}").parse()?;
        lake.write_hour(&id, hour, rows.clone(), HourOrigin::generator()).await?;
    }
    println!("{clusters} clusters of {containers} containers in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}
