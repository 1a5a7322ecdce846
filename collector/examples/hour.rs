//! One closed hour, for measurements: `hour fetch URL START_SECONDS` sends its queries and drops what comes, which is the
//! floor under what collecting it can take; `hour collect URL START_SECONDS LAKE` collects it, as the collector does.
//! `scripts/bench/collect.py` runs both.
#![expect(clippy::print_stdout, reason = "a tool that prints")]

use std::error::Error;

use collector::decode::Answer;
use collector::dialect::Dialect;
use collector::queries;
use collector::server::{Server, ServerOptions};
use collector::{Bounds, Settings, collect};
use lake::{Lake, LakeUri};
use types::{ClusterId, Hour, Window};

// As in `emp-cost-collector`.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["fetch", url, start] => fetch(url, hour(start)?).await,
        ["collect", url, start, lake] => write(url, hour(start)?, lake).await,
        _ => Err("hour fetch URL START_SECONDS, or hour collect URL START_SECONDS LAKE".into()),
    }
}

fn hour(start: &str) -> Result<Hour, Box<dyn Error>> {
    Ok(Hour::starting_at(start.parse()?).ok_or("no start of an hour")?)
}

async fn fetch(url: &str, hour: Hour) -> Result<(), Box<dyn Error>> {
    let server = Server::connect(&ServerOptions::new(url), None).await?;
    let settings = Settings::default();
    // The look at the hour. What is asked by name of pods that vanished is left out: the names are not known without reading
    // the answers.
    let (mut requests, mut bytes) = (1, server.ask_after("hour", &queries::hour_probe(&settings), hour).await?.len());
    let mut asking = server.asking(hour);
    for question in queries::questions(&settings, &Dialect::default()) {
        let mut drop_it = |body: &[u8]| {
            bytes += body.len();
            Ok(Answer::default())
        };
        requests += asking.ask(&question, None, &mut drop_it).await?.requests;
    }
    println!("requests={requests} bytes={bytes}");
    Ok(())
}

async fn write(url: &str, hour: Hour, lake: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::connect(&ServerOptions::new(url), None).await?;
    let lake = Lake::new(lake.parse::<LakeUri>()?.open().await);
    let window = Window::try_new(hour.start(), hour.end())?;
    let cluster: ClusterId = "bench".parse()?;
    let mut failure = None;
    let mut each = |_: Hour, result: &collector::HourResult| failure = Some(format!("{result:?}"));
    let done = collect(&server, &lake, &cluster, window, &Settings::default(), &Bounds::default(), &mut each).await?;
    if done.written == 0 {
        return Err(failure.unwrap_or_default().into());
    }
    println!("requests={} rows={} bytes={}", done.queries, done.rows, done.bytes);
    Ok(())
}
