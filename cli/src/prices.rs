//! EDGE: `emp-cost prices`: explains prices, and imports AWS price lists.

mod explain;
mod external_sort;
mod instance_shapes;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use ::prices::{CapacityType, ListPrice, MachineKind, PriceBook, Priced};
use anyhow::Context;
use prices::aws_price_list::{Bulk, read_bulk_in};
use types::UsdPerHour;
use types::analysis::{PriceKind, PriceLayer};
use types::wording::counted;

use crate::analysis_inputs::prices;
use crate::exit_codes::Failure;
use crate::output::{print, write_file_by};
use external_sort::Spill;
use instance_shapes::{known_type, shape};

/// Size of the read buffer for a price list, in bytes.
const BUFFER_BYTES: usize = 1 << 20;

/// Import AWS price lists, and explain a price
#[derive(Debug, clap::Args)]
pub(crate) struct PricesArgs {
    #[command(subcommand)]
    command: PricesCommand,
}

#[derive(Debug, clap::Subcommand)]
enum PricesCommand {
    Explain(explain::ExplainArgs),
    Import(ImportArgs),
    Show(ShowArgs),
    Update(update::UpdateArgs),
}

/// Make a price list from the files AWS publishes
///
/// Reads bulk price lists, CSV or JSON, of AmazonEC2, AmazonECS, AmazonEKS, AmazonVPC, AWSELB and Savings Plans, and keeps
/// what a cluster's bill needs: instances with tenancy Shared (Linux, RHEL, SUSE and Windows, bare metal included), EBS,
/// Fargate, control plane, NAT gateways, load balancers, public IPv4 addresses and Savings Plans rates. Files are streamed,
/// so their size does not matter. A price already in the output file stays unless a list as new or newer replaces it. Use the result with
/// `analyze --price-list`.
#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// A file, or a directory of files, as downloaded from AWS
    #[arg(long, value_name = "PATH")]
    from: PathBuf,

    /// Price list to create or to add to
    #[arg(long, value_name = "FILE", default_value = "prices-imported.csv")]
    out: PathBuf,
}

/// Show the price of an instance type
///
/// Shows the price in use and its source, prices from other lists, the spot price, and the rate under each commitment.
#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// EC2 instance type, such as m5.4xlarge
    #[arg(value_name = "TYPE")]
    instance_type: String,

    /// Region, such as eu-west-1
    #[arg(long, value_name = "REGION")]
    region: String,

    /// Your own prices (TOML)
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// A price list made by `emp-cost prices import`
    #[arg(long, value_name = "FILE")]
    price_list: Option<PathBuf>,
}

pub(crate) async fn run(args: PricesArgs) -> Result<(), Failure> {
    match args.command {
        PricesCommand::Explain(args) => explain::run(args),
        PricesCommand::Import(args) => import(&args),
        PricesCommand::Show(args) => show(args),
        PricesCommand::Update(args) => update::run(args).await,
    }
}

fn import(args: &ImportArgs) -> Result<(), Failure> {
    let files = files(&args.from).map_err(Failure::usage)?;
    let alone = files.len() == 1;
    let (mut imported, mut found) = (Spill::default(), 0);
    let (mut lines, mut currencies) = (Vec::new(), BTreeSet::new());
    if args.out.exists() {
        imported.add_list(&args.out).map_err(Failure::usage)?;
    }
    for path in &files {
        let mut kinds = BTreeMap::new();
        let mut take = |prices: Vec<ListPrice>| {
            prices.iter().for_each(|price| *kinds.entry(price.kind.clone()).or_default() += 1);
            imported.add(prices)
        };
        match read(path, &mut take) {
            Ok(bulk) => {
                lines.push(describe(path, &bulk, &kinds));
                found += kinds.values().sum::<usize>();
                currencies.extend(bulk.other_currencies.into_keys());
            }
            // In a folder there are indexes and other things beside price lists.
            Err(error) if !alone => lines.push(format!("{}: skipped: {error:#}", path.display())),
            Err(error) => return Err(Failure::usage(error)),
        }
    }
    if found == 0 {
        print(&format!("{}\n", lines.join("\n")))?;
        let from = args.from.display();
        let currencies: Vec<_> = currencies.into_iter().collect();
        return Err(Failure::usage(match currencies.is_empty() {
            true => anyhow::anyhow!(
                "no price that a cluster needs in `{from}`; give a list of AmazonEC2, AmazonECS or savings plans"
            ),
            false => anyhow::anyhow!(
                "the prices in `{from}` are in {}, and AWS lists these regions in another currency: CNY in China, USD elsewhere; import AWS's own list, or give your prices in a file for --prices",
                currencies.join(" and ")
            ),
        }));
    }
    let mut rows = 0;
    write_file_by(&args.out, |file| {
        rows = imported.write(file)?;
        Ok(())
    })?;
    print(&format!("{}\n{}: {}\n", lines.join("\n"), args.out.display(), counted(rows, "price")))?;
    Ok(())
}

/// Lists the file, or every CSV and JSON file below a directory, sorted.
fn files(from: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !from.is_dir() {
        return Ok(vec![from.to_owned()]);
    }
    let (mut found, mut open) = (Vec::new(), vec![from.to_owned()]);
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("read folder `{}`", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("read folder `{}`", folder.display()))?.path();
            let list = path.extension().is_some_and(|end| end == "csv" || end == "json");
            if path.is_dir() {
                open.push(path);
            } else if list {
                found.push(path);
            }
        }
    }
    found.sort();
    anyhow::ensure!(!found.is_empty(), "no CSV or JSON file in `{}`", from.display());
    Ok(found)
}

fn read(path: &Path, take: &mut dyn FnMut(Vec<ListPrice>) -> std::io::Result<()>) -> anyhow::Result<Bulk> {
    let file = File::open(path).with_context(|| format!("open `{}`", path.display()))?;
    let file = BufReader::with_capacity(BUFFER_BYTES, file);
    read_bulk_in(file, take).with_context(|| format!("read `{}`", path.display()))
}

fn describe(path: &Path, bulk: &Bulk, kinds: &BTreeMap<String, usize>) -> String {
    let kinds: Vec<_> = kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let kept = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
    let others: Vec<_> = bulk.other_currencies.iter().map(|(currency, n)| format!("{n} in {currency}")).collect();
    let others = match others.is_empty() {
        true => String::new(),
        false => format!("; left out, because AWS lists these regions in another currency: {}", others.join(", ")),
    };
    format!("{}: {} of {}, kept {kept}{others}", path.display(), counted(bulk.read, "price"), bulk.published)
}

fn show(args: ShowArgs) -> Result<(), Failure> {
    let (book, _) = prices(args.price_list, args.prices)?;
    let (name, region) = (&args.instance_type, &args.region);
    if !book.regions().any(|known| known == region) {
        let known: Vec<_> = book.regions().collect();
        let list = known.join(", ");
        tracing::warn!("the catalog knows no region `{region}`; it knows {list}");
    }
    known_type(&book, name, region)?;
    print(&describe_price(&book, name, region))?;
    Ok(())
}

/// Describes a price in words.
fn describe_price(book: &PriceBook, name: &str, region: &str) -> String {
    let currency = PriceBook::currency(region);
    let described = |price: &Priced<UsdPerHour>| described(price, currency);
    let mut lines = vec![format!("{name} in {region}")];
    lines.push(shape(book, name).unwrap_or_else(|| "  not in the catalog of instance types".to_owned()));
    let machine = MachineKind::new(name, CapacityType::OnDemand, region);
    match book.rate(&machine) {
        None => lines.push(
            "  no price: a bill lists it as unpriced; give one as [[node]] in a prices file, or import AWS's list"
                .to_owned(),
        ),
        Some(rate) => {
            lines.push(format!("  on-demand  {}", described(&rate.contracted)));
            let discount = book.discount_on(name);
            if discount > 0.0 && rate.contracted.origin.layer != PriceLayer::User {
                let percent = discount * 100.0;
                lines.push(format!("             after {percent:.1} % off the list price by your discount"));
            }
            let lists = book.every_list(name, region);
            let others = lists.iter().filter(|list| list.origin != rate.contracted.origin);
            others.for_each(|other| lines.push(format!("  also       {}", described(other))));
            let family = name.split('.').next().unwrap_or(name);
            if rate.contracted.origin.kind == PriceKind::Estimated
                && let Some(how) = book.estimate_of(family, region)
            {
                lines.push(format!("             estimated as {how}; the region may not sell it"));
            }
            for commitment in book.commitments() {
                let kind = commitment.kind.as_str();
                match book.committed_rate(&commitment, &machine, rate.list) {
                    Some(price) => lines.push(format!(
                        "  committed  {} {currency} per hour, `{}` ({kind})",
                        price.usd_per_hour(),
                        commitment.name
                    )),
                    None => lines.push(format!("  committed  not covered by `{}` ({kind})", commitment.name)),
                }
            }
        }
    }
    let spot = MachineKind { capacity_type: CapacityType::Spot, ..machine };
    match book.rate(&spot) {
        Some(rate) => {
            lines.push(format!("  spot       {}", described(&rate.contracted)));
            if let Some(saving) = book.spot_saving(name, region) {
                lines.push(format!(
                    "             typically {} % off the list; more than {} % are interrupted in a month",
                    saving.percent, saving.interrupted_more_than_percent
                ));
            }
        }
        None => lines.push("  spot       no price".to_owned()),
    }
    lines.join("\n") + "\n"
}

fn described(price: &Priced<UsdPerHour>, currency: &str) -> String {
    let origin = &price.origin;
    let date = if origin.date.is_empty() { String::new() } else { format!(", {}", origin.date) };
    let amount = price.price.usd_per_hour();
    format!(
        "{amount} {currency} per hour: {}, {} ({}{date})",
        origin.layer.as_str(),
        origin.kind.as_str(),
        origin.source
    )
}
