//! `emp-cost prices explain`: every source of a price, and why one of them is used.

use std::path::PathBuf;

use prices::{Figure, PriceBook};

use super::instance_shapes::{known_type, shape};
use crate::analysis_inputs::prices;
use crate::exit_codes::Failure;
use crate::output::print;

/// Ratios of tenancy Dedicated to Shared in price lists, with a margin for rounding.
const DEDICATED: [(f64, f64); 2] = [(1.055, 1.065), (1.095, 1.105)];

/// Show every source of a price, and how they differ
///
/// Lists each price found for an instance type, or for another item of the catalog such as ebs.gp3, with source and
/// date. The one in use comes first; for each other one, how far it is off and why it is not used.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// Region, such as eu-west-1
    #[arg(value_name = "REGION")]
    region: String,

    /// EC2 instance type, such as m5.4xlarge, or an item, such as ebs.gp3
    #[arg(value_name = "TYPE")]
    name: String,

    /// Your own prices (TOML)
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// A price list made by `emp-cost prices import`
    #[arg(long, value_name = "FILE")]
    price_list: Option<PathBuf>,
}

pub(super) fn run(args: ExplainArgs) -> Result<(), Failure> {
    let (book, _) = prices(args.price_list, args.prices)?;
    let (region, name) = (&args.region, &args.name);
    if !book.knows_item(name) {
        known_type(&book, name, region)?;
    }
    let figures = book.figures(name, region);
    print(&text(&book, name, region, &figures))?;
    Ok(())
}

fn text(book: &PriceBook, name: &str, region: &str, figures: &[Figure]) -> String {
    let currency = PriceBook::currency(region);
    let mut lines = vec![format!("{name} in {region}")];
    lines.extend(shape(book, name));
    let Some((in_force, others)) = figures.split_first() else {
        lines.push("  no price: no list of the region has it".to_owned());
        return lines.join("\n") + "\n";
    };
    lines.push(format!("  in force   {} {currency}", in_force.amount));
    lines.extend(in_force.origins.iter().map(origin));
    lines.extend(in_force.note.iter().map(|note| format!("             {note}")));
    for other in others {
        let ratio = other.amount / in_force.amount;
        let more = if ratio >= 1.0 { "more" } else { "less" };
        let percent = (ratio - 1.0).abs() * 100.0;
        lines.push(format!("  differs    {} {currency}, {percent:.1} % {more}", other.amount));
        lines.extend(other.origins.iter().map(origin));
        let why = match &other.note {
            Some(note) => note.clone(),
            None if DEDICATED.iter().any(|(low, high)| (*low..*high).contains(&ratio)) => {
                "that much is tenancy Dedicated above Shared, which the list seems to have mixed in".to_owned()
            }
            None => "the list above it is a better or a newer one".to_owned(),
        };
        lines.push(format!("             {why}"));
    }
    lines.join("\n") + "\n"
}

fn origin(origin: &prices::PriceOrigin) -> String {
    let date = if origin.date.is_empty() { "no date" } else { &origin.date };
    format!("             {}, {date}: {}, {}", origin.source, origin.layer.as_str(), origin.kind.as_str())
}
