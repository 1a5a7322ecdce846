//! Compacts a lake, and says how long it took and how much memory: `compact LAKE CLUSTER NOW [DELETE_HOURS_AFTER_DAYS]`.
#![expect(clippy::print_stdout, reason = "a tool that prints")]

use std::error::Error;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use lake::{Compaction, Lake, LakeUri};
use types::ClusterId;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [uri, cluster, now, rest @ ..] = args.as_slice() else { return Err("LAKE CLUSTER NOW".into()) };
    let lake = Lake::new(uri.parse::<LakeUri>()?.open().await);
    let cluster: ClusterId = cluster.parse()?;
    let now: DateTime<Utc> = now.parse()?;
    let days = rest.first().map(|days| days.parse()).transpose()?;
    let policy = Compaction { delete_hours_after: days.map(TimeDelta::days), ..Compaction::default() };
    let begun = Instant::now();
    let mut each = |day, outcome, deleted: &[String]| println!("{day} {outcome:?}, {} objects deleted", deleted.len());
    lake.compact(&cluster, policy, now, &mut each).await?;
    println!("{:.2} s, {}", begun.elapsed().as_secs_f64(), peak()?);
    Ok(())
}

/// The most memory this process had.
fn peak() -> std::io::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    Ok(status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned())
}
