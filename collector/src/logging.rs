//! Where log lines go: standard error, so that standard output is for results.

use std::error::Error;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
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

/// Whom a program's lines are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// The log of a program that keeps running: each line has its time and level.
    Log,
    /// Somebody who waits for a command: what went wrong begins with `error:` or `warning:`.
    Terminal,
}

/// Lines of a command: errors and warnings in the form of its last word, the rest as in a log.
#[derive(Debug)]
struct Told {
    log: Format,
}

impl<S, N> FormatEvent<S, N> for Told
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, at: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        let word = match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            _ => return self.log.format_event(at, to, event),
        };
        to.write_str(word)?;
        at.format_fields(to.by_ref(), event)?;
        to.write_char('\n')
    }
}

/// Starts logging. A second call in one process changes nothing.
pub fn start(args: &LogArgs, readers: Readers) {
    let level = if args.quiet { LevelFilter::WARN } else { LevelFilter::INFO };
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).with_target(false);
    // Each place where the AWS SDK finds no region or no credentials would be a warning with a dump of the error; that none
    // has any is told once, with the next step.
    let said = Targets::new().with_default(level).with_targets(SEARCHES.map(|target| (target, LevelFilter::ERROR)));
    // A subscriber that is there already stays; that is not worth failing for.
    let _already_started = match args.log_format {
        LogFormat::Text => {
            let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let builder = builder.with_ansi(is_terminal);
            match readers {
                Readers::Log => builder.finish().with(said).try_init(),
                Readers::Terminal => {
                    let told = Told { log: Format::default().with_target(false).with_ansi(is_terminal) };
                    builder.event_format(told).finish().with(said).try_init()
                }
            }
        }
        LogFormat::Json => builder.json().flatten_event(true).finish().with(said).try_init(),
    };
}
