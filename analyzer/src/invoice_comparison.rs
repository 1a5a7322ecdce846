//! The bill of AWS held against a cluster: what the lake saw by id, and today's bill over the hours in both.

use std::collections::BTreeSet;

use invoice::{Estimate, Export, ExportUri, Matcher, Seen, SeenNode, SeenVolume, Terms, instance_id};
use lake::Lake;
use types::analysis::Invoice;
use types::{CapacityType, Hour};

use crate::analyze::{Request, read_facts};
use crate::bill::today::{Bill, node_price};
use crate::prices::PriceBook;
use crate::pricing::Pricing;
use crate::read::error::AnalyzeError;
use crate::read::lake_objects::coverage;
use crate::sums::hour_facts::HourFacts;
use crate::sums::volume_billing::is_ebs_id;

/// Error from holding a bill against a cluster.
#[derive(Debug, thiserror::Error)]
pub enum AgainstError {
    /// The lake.
    #[error(transparent)]
    Analyze(#[from] AnalyzeError),
    /// The bill.
    #[error(transparent)]
    Invoice(#[from] invoice::InvoiceError),
}

/// A bill to hold against a cluster.
#[derive(Debug, Clone)]
pub struct BillToRead {
    /// Where its export is.
    pub export: ExportUri,
    /// Name of the cluster in AWS, where its instances' tags do not say it.
    pub eks_cluster: Option<String>,
}

/// A bill beside a cluster, and the region of the cluster.
#[derive(Debug)]
pub struct Against {
    /// The bill beside what was estimated.
    pub invoice: Invoice,
    /// Region of the nodes; `None` when no node says it or they disagree.
    pub region: Option<String>,
}

/// Holds a bill against a cluster over the hours that are in both. The same lake, request and export give the same bytes.
///
/// `progress(done_hours, all_hours)` is called as by [`analyze`](crate::analyze()).
///
/// # Errors
/// [`AgainstError`]: what [`analyze`](crate::analyze()) says of the lake, or what is wrong with the export.
pub async fn against_invoice(
    lake: &Lake,
    request: &Request,
    bill: &BillToRead,
    progress: impl Fn(usize, usize) + Send + Sync,
) -> Result<Against, AgainstError> {
    // A bad export is told of before the lake is read.
    let export = Export::open(&bill.export).await?;
    let coverage = coverage(lake, &request.cluster, request.window).await?;
    let mut seeing = Seeing::new(request, &coverage.hours);
    let read = read_facts(lake, request, &coverage.hours, progress, |facts| seeing.take(facts)).await?;
    let seen = seeing.seen;
    let region = read.observed.region().map(ToOwned::to_owned);
    let (book, _) = request.prices.clone().in_currency_of(region.as_deref());
    let currency = read.observed.currency().to_owned();
    let (location, files) = (export.location.clone(), export.len());
    let matcher = Matcher::new(seen, &currency);
    let matcher = invoice::read(export, matcher, |matcher: &mut Matcher, format, charge| matcher.take(format, charge));
    let matcher = matcher.await?;
    let hours = matcher.hours_in_both(request.cluster.as_str())?;
    let estimate = match hours.len() == coverage.hours.len() {
        true => estimate(&Bill::new(&read.observed, &read.ledger, &book, &request.assumptions)),
        false => estimate_of(lake, request, &hours, &book).await?,
    };
    let terms = Terms { cluster_id: request.cluster.to_string(), currency, eks_cluster: bill.eks_cluster.clone() };
    Ok(Against { invoice: invoice::conclude(&location, files, matcher, &estimate, &terms), region })
}

async fn estimate_of(
    lake: &Lake,
    request: &Request,
    hours: &[Hour],
    book: &PriceBook,
) -> Result<Estimate, AnalyzeError> {
    let read = read_facts(lake, request, hours, |_, _| (), |_| ()).await?;
    Ok(estimate(&Bill::new(&read.observed, &read.ledger, book, &request.assumptions)))
}

fn estimate(bill: &Bill) -> Estimate {
    Estimate { lines: bill.lines, apart: bill.apart.clone() }
}

/// Machines and volumes by id, as the hours come.
struct Seeing<'a> {
    seen: Seen,
    request: &'a Request,
    pricing: Pricing<'a>,
    named: BTreeSet<String>,
}

impl<'a> Seeing<'a> {
    fn new(request: &'a Request, hours: &[Hour]) -> Self {
        let named = request.prices.named_nodes();
        Self { seen: Seen::new(hours), request, pricing: Pricing::new(&request.prices), named }
    }

    fn take(&mut self, facts: &HourFacts) {
        let Self { seen, request, pricing, named } = self;
        for node in &facts.nodes {
            let Some(id) = instance_id(&node.provider_id) else { continue };
            seen.node(facts.hour, id, node.up_seconds, || {
                let priced = node_price(&node.billed_as(named), pricing, &request.assumptions).ok();
                let label = || node.kind.capacity_type.as_deref().and_then(CapacityType::of).unwrap_or_default();
                let capacity_type = priced.as_ref().map_or_else(label, |(machine, _)| machine.capacity_type);
                SeenNode {
                    name: node.name.clone(),
                    instance_type: node.kind.instance_type.clone().unwrap_or_default(),
                    capacity_type,
                    price: priced.map(|(_, unit)| unit.price),
                }
            });
        }
        for volume in &facts.volumes {
            // File systems are other services of the bill.
            let Some(id) = volume.volume_id.as_ref().filter(|id| is_ebs_id(id)) else { continue };
            seen.volume(facts.hour, id, volume.present_seconds, || {
                let kind = volume.kind.price_name();
                let region = volume.kind.region.as_deref();
                let price = kind.zip(region).and_then(|(kind, region)| request.prices.volume(kind, region));
                SeenVolume {
                    claim: format!("{}/{}", volume.namespace, volume.claim),
                    volume_type: kind.unwrap_or_default().to_owned(),
                    bytes: volume.capacity_bytes,
                    price: price.map(|unit| unit.price),
                }
            });
        }
    }
}
