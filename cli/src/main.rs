//! The command line of the EMP Cost Analyzer: its subcommands and where each is implemented.

mod analysis_file;
mod analyze;
mod collect;
mod compare;
mod demo;
mod doctor;
mod failure;
mod formats;
mod invoice;
mod lake;
mod output;
mod prices;
mod progress;
mod range;
mod report;
mod run;
mod serve;
mod shelf;
mod work;

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};
use collector::args::LogArgs;

use failure::Failure;
use progress::Progress;

/// An analysis allocates and frees tables on several threads for each day. glibc keeps freed memory per thread, and
/// needs half as much again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Shows what an Amazon EKS cluster costs, and what it would cost on an elastic machine pool.
///
/// `doctor` checks that a Prometheus has the metrics that are needed. `collect` writes closed hours from it into a lake
/// of Parquet files, `analyze` prices the cluster and its alternatives from the lake, `report` renders the analysis as
/// a page, and `compare` shows what changed between two. `invoice` holds AWS's bill against the lake. `demo` does the
/// first four on a synthetic cluster, through a real Prometheus: start there. `run` is for schedulers: it makes the
/// report of each cluster in a lake. `serve` shows reports to people who sign in, and `work` replays the what-ifs they
/// ask for. `lake` inspects and maintains a lake. `prices` explains prices and imports AWS price lists.
#[derive(Debug, Parser)]
#[command(name = "emp-cost", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Doctor(doctor::DoctorArgs),
    Collect(collect::Args),
    Analyze(analyze::AnalyzeArgs),
    Report(report::ReportArgs),
    Compare(compare::CompareArgs),
    Invoice(invoice::InvoiceCommand),
    Run(run::RunArgs),
    Serve(serve::ServeArgs),
    Work(work::WorkArgs),
    Lake(lake::LakeArgs),
    Prices(prices::PricesArgs),
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    collector::logging::start(&cli.log);
    let progress = Progress::new(&cli.log);
    let outcome = match cli.command {
        Command::Demo(args) => demo::run(args, now, &progress).await,
        Command::Doctor(args) => doctor::run(args, now()).await,
        Command::Collect(args) => collect::run(args, now, &progress).await,
        Command::Analyze(args) => analyze::run(args, now(), &progress).await,
        Command::Report(args) => report::run(args).await,
        Command::Compare(args) => compare::run(&args),
        Command::Invoice(args) => invoice::run(args, now(), &progress).await,
        Command::Run(args) => run::run(args, now(), &progress).await,
        Command::Serve(args) => serve::run(args, now).await,
        Command::Work(args) => work::run(args, now).await,
        Command::Lake(args) => lake::run(args, now(), &progress).await,
        Command::Prices(args) => prices::run(args).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure @ Failure::Told) => failure.exit_code(),
        Err(failure) => {
            progress.clear();
            tracing::error!("{failure}");
            failure.exit_code()
        }
    }
}
