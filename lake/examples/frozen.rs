//! Writes the tiny objects of `lake/tests/frozen`: `frozen FOLDER`.
//!
//! They were written once, by the first layout, and are read by a test for ever. Write new ones for a new layout;
//! never these again.
#![expect(clippy::print_stdout, reason = "a tool that prints")]

use std::error::Error;

use fixtures::Cluster;
use lake::{HourOrigin, Lake, LakeUri};
use types::{Hour, Window};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("FOLDER")?;
    let lake = Lake::new(folder.parse::<LakeUri>()?.open().await);
    let hour = Hour::starting_at(1_782_864_000).ok_or("hour")?;
    let cluster = Cluster::generate(7, Window::try_new(hour.start(), hour.plus(1).start())?);
    let id = "frozen".parse()?;
    let mut rows = cluster.hour_rows(hour);
    rows.containers.truncate(6);
    rows.pods.truncate(4);
    rows.nodes.truncate(2);
    rows.volumes.truncate(2);
    rows.quality.push(lake::tables::QualityHour {
        hour_start_seconds: hour.start_seconds(),
        query: "container_cpu".to_owned(),
        server_version: "2.42.0".to_owned(),
        series: 6,
        samples: 78,
        warnings: vec!["one warning".to_owned()],
        ..Default::default()
    });
    let written = lake.write_hour(&id, hour, rows, HourOrigin::generator()).await?;
    println!("{written:?}");
    Ok(())
}
