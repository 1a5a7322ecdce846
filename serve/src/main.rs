//! `emp-cost-service`: the reporting service alone, for the Deployment that serves: without what analyzes and replays,
//! which `emp-cost work` does elsewhere.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Parser;
use collector::args::LogArgs;

/// As in `emp-cost`, so that both need the same memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Reporting service: reports, costs and what-ifs for those who sign in, and a door for collectors
#[derive(Debug, Parser)]
#[command(name = "emp-cost-service", version)]
struct Cli {
    #[command(flatten)]
    serve: serve::ServeArgs,

    #[command(flatten)]
    log: LogArgs,
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn main() -> ExitCode {
    match serve::runtime() {
        Ok(runtime) => runtime.block_on(served()),
        Err(error) => {
            eprintln!("could not start: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn served() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| collector::args::without_secrets(error).exit());
    collector::logging::start(&cli.log, collector::logging::Readers::Log);
    let ready = match serve::prepared(cli.serve) {
        Ok(ready) => ready,
        Err(error) => {
            tracing::error!("{error:#}");
            return ExitCode::from(2);
        }
    };
    match serve::run(ready, now).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
