//! Writes the tiny objects of `lake/tests/frozen`: `frozen FOLDER`, or `frozen FOLDER FROM` to write the rows of frozen
//! objects as this version writes them.
//!
//! They were written once, by each layout, and are read by a test for ever. Write new ones for a new layout; never these
//! again.
#![expect(clippy::print_stdout, reason = "a tool that prints")]

use std::error::Error;

use fixtures::Cluster;
use lake::{HourOrigin, HourRows, Lake, LakeUri};
use types::{ClusterId, Hour, Window};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let lake = Lake::new(args.next().ok_or("FOLDER")?.parse::<LakeUri>()?.open().await);
    let hour = Hour::starting_at(1_782_864_000).ok_or("hour")?;
    let id: ClusterId = "frozen".parse()?;
    let rows = match args.next() {
        Some(from) => rows_of(&Lake::new(from.parse::<LakeUri>()?.open().await), &id, hour).await?,
        None => some_rows(hour)?,
    };
    let written = lake.write_hour(&id, hour, rows, HourOrigin::generator()).await?;
    println!("{written:?}");
    Ok(())
}

async fn rows_of(lake: &Lake, id: &ClusterId, hour: Hour) -> Result<HourRows, lake::LakeError> {
    let read = lake.manifest(id, hour).await?;
    Ok(HourRows {
        containers: lake.rows(&read).await?,
        pods: lake.rows(&read).await?,
        nodes: lake.rows(&read).await?,
        volumes: lake.rows(&read).await?,
        load_balancers: lake.rows(&read).await?,
        quality: lake.rows(&read).await?,
    })
}

fn some_rows(hour: Hour) -> Result<HourRows, Box<dyn Error>> {
    let cluster = Cluster::generate(7, Window::try_new(hour.start(), hour.plus(1).start())?);
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
    Ok(rows)
}
