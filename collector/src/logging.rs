//! Where log lines go: standard error, so that standard output is for results.

use std::error::Error;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{LogArgs, LogFormat};

/// Modules of the AWS SDK that look for a region and credentials in one place after another.
const SEARCHES: [&str; 4] = ["aws_config::imds", "aws_config::meta", "aws_config::default_provider", "aws_config::ecs"];

/// An error with its causes, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let said = deeper.to_string();
        // Some errors repeat their cause in their own text.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = deeper.source();
    }
    text
}

/// Starts logging. A second call in one process changes nothing.
pub fn start(args: &LogArgs) {
    let level = if args.quiet { LevelFilter::WARN } else { LevelFilter::INFO };
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).with_target(false);
    // Each place where the AWS SDK finds no region or no credentials would be a warning with a dump of the error; that none
    // has any is told once, with the next step.
    let said = Targets::new().with_default(level).with_targets(SEARCHES.map(|target| (target, LevelFilter::ERROR)));
    // A subscriber that is there already stays; that is not worth failing for.
    let _already_started = match args.log_format {
        LogFormat::Text => {
            let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(is_terminal).finish().with(said).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).finish().with(said).try_init(),
    };
}
