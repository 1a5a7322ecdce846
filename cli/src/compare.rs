//! `emp-cost compare`: what changed between two analyses of one cluster, and why.

use std::path::{Path, PathBuf};

use anyhow::Context;
use reports::Comparison;
use reports::export::File;

use crate::exit_codes::Failure;
use crate::output::print;
use crate::report::{Given, read, write};
use crate::report_formats::MoneyArgs;

/// Compare two analyses of one cluster: what changed, and why, in amounts that add up
///
/// Prints Markdown; with --out it writes compare.html and compare.md there. An analysis is a file that
/// `emp-cost analyze` wrote, or the folder it is in.
#[derive(Debug, clap::Args)]
pub(crate) struct CompareArgs {
    /// The earlier analysis
    #[arg(value_name = "BEFORE")]
    before: PathBuf,

    /// The later analysis
    #[arg(value_name = "AFTER")]
    after: PathBuf,

    /// Folder to write compare.html and compare.md into, instead of printing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    #[command(flatten)]
    money: MoneyArgs,
}

pub(crate) fn run(args: &CompareArgs) -> Result<(), Failure> {
    let [before, after] = [&args.before, &args.after].map(|path| read(&file(path)));
    let (Given { analysis: before, .. }, Given { analysis: after, .. }) = (before?, after?);
    let comparison = Comparison::try_new(&before, &after).map_err(Failure::usage)?;
    let money = args.money.money(&after.currency)?;
    let markdown = comparison.markdown(&money);
    let Some(folder) = &args.out else {
        print(&markdown)?;
        return Ok(());
    };
    let page = comparison.page(&money).context("render the page")?;
    let files = [File::new("compare.md", markdown), File::new("compare.html", page)];
    print(&format!("{}\n", write(folder, &files)?))?;
    Ok(())
}

/// The analysis in a folder, or the file itself.
fn file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("analysis.json") } else { path.to_owned() }
}
