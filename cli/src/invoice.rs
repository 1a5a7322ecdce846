//! `emp-cost invoice`: the bill of AWS beside what the lake shows, and billed prices for the next analysis.

use std::path::PathBuf;

use analyzer::{AgainstError, BillToRead, Request, Sharing};
use anyhow::Context;
use chrono::{DateTime, Utc};
use invoice::ExportUri;
use lake::{Lake, LakeUri};
use types::ClusterId;
use types::analysis::{Analysis, Gravity, Invoice, Note};
use types::wording::{counted, money, percent_brief};

use crate::analysis_inputs::{assumptions, prices, there, window};
use crate::exit_codes::Failure;
use crate::output::{print, write_file};
use crate::progress::{Progress, Step};
use crate::report_formats::MoneyArgs;
use crate::time_range::RangeArgs;

/// Compare the AWS bill with the estimate: what was estimated, what was billed, and what only one of them has
///
/// EXPORT is a Cost and Usage Report with resource IDs, CUR 2.0 or a FOCUS export, as CSV (also .gz) or Parquet: a file,
/// a folder, or s3://bucket/prefix. Lines are matched to nodes and volumes by id and hour. Prints a summary; with --out it
/// writes invoice.html, invoice.md and invoice.json there. docs/invoice.md describes what is compared.
#[derive(Debug, clap::Args)]
pub(crate) struct InvoiceCommand {
    /// Where the export is
    #[arg(value_name = "EXPORT")]
    export: ExportUri,

    /// The lake: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", env = "EMP_COST_LAKE", hide_env_values = true)]
    lake: LakeUri,

    /// Cluster id, as given to the collector
    #[arg(long, value_name = "ID", env = "EMP_COST_CLUSTER_ID")]
    cluster_id: ClusterId,

    #[command(flatten)]
    range: RangeArgs,

    /// Name of the cluster in AWS [default: what the tags of its instances in the bill say]
    #[arg(long, value_name = "NAME")]
    eks_cluster: Option<String>,

    /// Assumptions of the estimate (TOML)
    #[arg(long, value_name = "FILE")]
    assumptions: Option<PathBuf>,

    /// Prices, discounts and commitments of the estimate (TOML)
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// Price list made by `emp-cost prices import`, for the estimate
    #[arg(long, value_name = "FILE")]
    price_list: Option<PathBuf>,

    /// Write billed prices to this file (TOML), for `--prices` of the next analysis
    #[arg(long, value_name = "FILE")]
    write_prices: Option<PathBuf>,

    /// Folder to write invoice.html, invoice.md and invoice.json into
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    #[command(flatten)]
    money: MoneyArgs,
}

pub(crate) async fn run(args: InvoiceCommand, now: DateTime<Utc>, progress: &Progress) -> Result<(), Failure> {
    let assumptions = assumptions(args.assumptions.clone()).map_err(Failure::usage)?;
    there(&args.export).map_err(Failure::usage)?;
    let (prices, _) = prices(args.price_list.clone(), args.prices.clone())?;
    let lake = Lake::new(args.lake.open().await);
    let window = window(&args.range, &lake, &args.cluster_id, now).await?;
    let request = Request {
        cluster: args.cluster_id.clone(),
        window,
        assumptions,
        prices,
        sharing: Sharing::default(),
        profile: None,
        bill_only: true,
    };
    let bill = BillToRead { export: args.export.clone(), eks_cluster: args.eks_cluster.clone() };
    let step = progress.step("invoice");
    let against = analyzer::against_invoice(&lake, &request, &bill, |done, all| step.set(done, all)).await;
    let against = against.map_err(|error| refused(error, &args.export))?;
    step.finish(&counted(against.invoice.hours.in_both, "hour"));
    let money = args.money.money(&against.invoice.currency)?;
    print(&reports::invoice_summary(&against.invoice, &money))?;
    if let Some(path) = &args.write_prices {
        write_file(path, invoice::price_file(&against.invoice, against.region.as_deref()).as_bytes())?;
        print(&format!("{}\n", path.display()))?;
    }
    let Some(folder) = &args.out else { return Ok(()) };
    let page = reports::invoice_page(&against.invoice, &money).context("render the page")?;
    let markdown = reports::invoice_markdown(&against.invoice, &money);
    write_file(&folder.join("invoice.json"), &json(&against.invoice)?)?;
    write_file(&folder.join("invoice.md"), markdown.as_bytes())?;
    write_file(&folder.join("invoice.html"), page.as_bytes())?;
    print(&format!("{}\n", folder.join("invoice.html").display()))?;
    Ok(())
}

/// Tells an export on the disk that cannot be read, a file named on the command line, from a lake or a bucket that fails.
fn refused(error: AgainstError, export: &ExportUri) -> Failure {
    match (&error, export) {
        (AgainstError::Invoice(_), ExportUri::Path(_)) => Failure::usage(error),
        _ => Failure::from(error),
    }
}

/// Puts the bill beside an analysis of the same request, and notes how far they are apart.
pub(crate) async fn beside(
    analysis: &mut Analysis,
    lake: &Lake,
    request: &Request,
    bill: &BillToRead,
    step: &Step,
) -> Result<(), Failure> {
    let against = analyzer::against_invoice(lake, request, bill, |done, all| step.set(done, all)).await;
    let against = against.map_err(|error| refused(error, &bill.export))?;
    let compared = against.invoice.compared.as_ref();
    if let Some((compared, deviation)) = compared.and_then(|compared| Some((compared, compared.deviation?))) {
        let text = format!(
            "Against the invoice, over {} that are in both: {} billed for this cluster, {} estimated, {} {}.",
            counted(against.invoice.hours.in_both, "hour"),
            money(compared.billed_usd, &analysis.currency),
            money(compared.estimated_usd, &analysis.currency),
            percent_brief(deviation.abs()),
            if deviation < 0.0 { "below" } else { "above" },
        );
        analysis.notes.push(Note::info(text));
    }
    let grave = against.invoice.notes.iter().filter(|note| note.gravity == Gravity::Warning);
    analysis.notes.extend(grave.cloned());
    analysis.notes.sort_by_key(|note| note.gravity);
    analysis.invoice = Some(against.invoice);
    Ok(())
}

fn json(invoice: &Invoice) -> anyhow::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(invoice).context("write the invoice as JSON")?;
    text.push(b'\n');
    Ok(text)
}
