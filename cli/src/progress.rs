//! Progress of long work: a bar on a terminal, plain lines elsewhere, nothing when quiet.

use std::io::IsTerminal;
use std::time::Duration;

use collector::args::{LogArgs, LogFormat};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Shows the steps of a command.
#[derive(Debug)]
pub(crate) struct Progress {
    bars: Option<MultiProgress>,
}

/// One step under way.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    bar: Option<ProgressBar>,
    name: &'static str,
}

impl Progress {
    pub(crate) fn new(log: &LogArgs) -> Self {
        let shown = !log.quiet && log.log_format == LogFormat::Text && std::io::stderr().is_terminal();
        Self { bars: shown.then(MultiProgress::new) }
    }

    /// Steps as lines of the log, for what goes on beside a command's output.
    pub(crate) fn lines() -> Self {
        Self { bars: None }
    }

    /// Starts a step. Off a terminal, its start and end are a line each.
    pub(crate) fn step(&self, name: &'static str) -> Step {
        let Some(bars) = &self.bars else {
            tracing::info!("{name}");
            return Step { bar: None, name };
        };
        let style = ProgressStyle::with_template("{spinner} {prefix:<9} {bar:30} {percent:>3}% {msg}");
        let bar = bars.add(ProgressBar::new(0)).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name);
        bar.enable_steady_tick(Duration::from_millis(120));
        Step { bar: Some(bar), name }
    }

    /// Removes the bars, so that they do not overwrite what follows.
    pub(crate) fn clear(&self) {
        if let Some(bars) = &self.bars {
            // A terminal that went away is no reason to fail.
            let _gone = bars.clear();
        }
    }
}

impl Step {
    /// Shows progress as `done` of `all`.
    pub(crate) fn set(&self, done: usize, all: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(u64::try_from(all).unwrap_or(u64::MAX));
            bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        }
    }

    /// Ends the step and shows its result.
    pub(crate) fn finish(&self, outcome: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_style(
                    ProgressStyle::with_template("✓ {prefix:<9} {msg}")
                        .unwrap_or_else(|_| ProgressStyle::default_bar()),
                );
                bar.finish_with_message(outcome.to_owned());
            }
            None => tracing::info!("{}: {outcome}", self.name),
        }
    }
}
