//! The command line of the EMP Cost Analyzer: its subcommands and where each is implemented.

mod analysis_file;
mod analysis_inputs;
mod analyze;
mod collect;
mod compare;
mod completions;
mod config_file;
mod demo;
mod doctor;
mod exit_codes;
mod invoice;
mod lake;
mod output;
mod prices;
mod progress;
mod report;
mod report_formats;
mod report_store;
mod run;
mod time_range;
mod work;

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use collector::args::{LogArgs, LogFormat, without_secrets};
use collector::logging::Readers;

use exit_codes::Failure;
use output::eprint;
use progress::Progress;

/// An analysis allocates and frees tables on several threads for each day. glibc keeps freed memory per thread, and
/// needs half as much again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Shows what an Amazon EKS cluster costs, and what it would cost on an elastic machine pool.
///
/// `doctor` checks that a Prometheus has the metrics that are needed. `collect` writes closed hours from it into a lake
/// of Parquet files, `analyze` prices the cluster and its alternatives from the lake, `report` renders the analysis as
/// a page, and `compare` shows what changed between two. `invoice` compares AWS's bill with the estimate. `demo` does the
/// first four on a synthetic cluster, through a real Prometheus: start there. `run` is for schedulers: it makes the
/// report of each cluster in a lake. `serve` shows reports to people who sign in, and `work` replays the what-ifs they
/// ask for. `lake` inspects and maintains a lake. `prices` explains prices and imports AWS price lists. `completions` and
/// `man` describe the commands to a shell and to `man`. Options can stand in a file: --config.
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
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The commands, most of them with `--config`.
fn command() -> clap::Command {
    config_file::with_config(Cli::command())
}

/// Parses the command line, with the options of the file that it may name.
fn parsed() -> Result<Cli, ExitCode> {
    let command = command();
    let expanded =
        config_file::expanded(config_file::command_line(), &command, config_file::in_environment).map_err(|error| {
            eprint(&format!("error: {error}\n"));
            ExitCode::from(exit_codes::USAGE)
        })?;
    let matches = command.clone().try_get_matches_from(&expanded.args);
    let cli =
        matches.and_then(|matches| Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command.clone())));
    cli.map_err(|error| {
        let error = without_secrets(error);
        let _nobody_to_tell = error.print();
        if let Some(note) = expanded.note(&error.to_string()) {
            eprint(&note);
        }
        if error.use_stderr() { ExitCode::from(exit_codes::USAGE) } else { ExitCode::SUCCESS }
    })
}

async fn served(args: serve::ServeArgs) -> Result<(), Failure> {
    let ready = serve::prepared(args).map_err(Failure::usage)?;
    Ok(serve::run(ready, now).await?)
}

/// Threads for a command: few where it runs for long or hour after hour, since each that blocks keeps memory of its own.
fn runtime(command: &Command) -> std::io::Result<tokio::runtime::Runtime> {
    match command {
        Command::Serve(_) => serve::runtime(),
        // As in `emp-cost-collector`: the heavy work is one thread's.
        Command::Collect(_) => tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build(),
        // A replay leaves its thread to nobody for minutes; another must be there to say that the worker lives.
        Command::Work(_) => {
            let threads = std::thread::available_parallelism().map_or(2, |threads| threads.get().max(2));
            tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(threads).build()
        }
        _ => tokio::runtime::Runtime::new(),
    }
}

/// Whom a command's lines are for: a log where it keeps running.
fn readers(command: &Command) -> Readers {
    let keeps_running = match command {
        Command::Serve(_) | Command::Work(_) => true,
        Command::Collect(args) => args.keeps_running(),
        Command::Demo(args) => args.keeps_running(),
        _ => false,
    };
    if keeps_running { Readers::Log } else { Readers::Terminal }
}

/// Commands that begin anew where freed memory is to be given back at once: a backfill, whose weeks then take the memory of an
/// hour, and an analysis, which takes a fifth less for a twentieth more of the processor.
#[cfg(unix)]
const IN_LITTLE_MEMORY: [&str; 3] = ["collect", "analyze", "run"];

/// Begins such a command anew with an allocator that gives freed memory back at once.
/// The allocator reads its options before `main` does anything, and files on the command line may be pipes, which are read
/// once: hence before they are looked at. Where that cannot be done, it goes on as it is.
#[cfg(unix)]
fn begin_in_little_memory() {
    use std::os::unix::process::CommandExt;
    const OPTION: &str = "MIMALLOC_PURGE_DELAY";
    let line = config_file::command_line();
    let args = line.iter().skip(1);
    let is_one = |arg: &std::ffi::OsString| IN_LITTLE_MEMORY.iter().any(|command| arg == command);
    if !args.clone().any(is_one) || config_file::in_environment(OPTION) {
        return;
    }
    // A dynamic loader that was given this program, or a file that was replaced meanwhile, is not begun.
    let is_this =
        |program: &std::path::PathBuf| program.is_file() && program.file_name().is_some_and(|name| name == "emp-cost");
    if let Some(program) = std::env::current_exe().ok().filter(is_this) {
        let _it_goes_on = std::process::Command::new(program).args(args).env(OPTION, "0").exec();
    }
}

#[cfg(not(unix))]
fn begin_in_little_memory() {}

fn main() -> ExitCode {
    begin_in_little_memory();
    let cli = match parsed() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let works = matches!(cli.command, Command::Work(_));
    match runtime(&cli.command) {
        Ok(runtime) => {
            let code = runtime.block_on(execute(cli));
            if works {
                // What a worker was at is given back, and its replay is not waited for.
                runtime.shutdown_background();
            }
            code
        }
        Err(error) => {
            eprint(&format!("error: could not start; {error}\n"));
            ExitCode::FAILURE
        }
    }
}

async fn execute(cli: Cli) -> ExitCode {
    collector::logging::start(&cli.log, readers(&cli.command));
    let progress = Progress::new(&cli.log);
    let outcome = match cli.command {
        Command::Demo(args) => demo::run(args, now, &progress).await,
        Command::Doctor(args) => doctor::run(args, now()).await,
        Command::Collect(args) => collect::run(args, now, &progress).await,
        Command::Analyze(args) => analyze::run(args, now(), &progress).await,
        Command::Report(args) => report::run(args, now()).await,
        Command::Compare(args) => compare::run(&args),
        Command::Invoice(args) => invoice::run(args, now(), &progress).await,
        Command::Run(args) => run::run(args, now(), &progress).await,
        Command::Serve(args) => served(args).await,
        Command::Work(args) => work::run(args, now).await,
        Command::Lake(args) => lake::run(args, now(), &progress).await,
        Command::Prices(args) => prices::run(args).await,
        Command::Completions(args) => completions::run(&args, command()),
        Command::Man(args) => completions::man(&args, command()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure @ Failure::Told) => failure.exit_code(),
        Err(failure) => {
            progress.clear();
            // Where lines are for people, it reads as what is said of a wrong flag.
            match cli.log.log_format {
                LogFormat::Text => eprint(&format!("error: {failure}\n")),
                LogFormat::Json => tracing::error!("{failure}"),
            }
            failure.exit_code()
        }
    }
}
