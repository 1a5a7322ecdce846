//! The one entry: a request and a lake in, an analysis out.

use lake::{Day, Lake, ReadHour, WorkloadDay};
use types::analysis::{Analysis, Note};
use types::{ClusterId, Hour, Window};

use crate::assumptions::Assumptions;
use crate::bill::allocation::by_day::{self, Pieces};
use crate::bill::today::Bill;
use crate::conclusion::provenance::Origins;
use crate::conclusion::rightsizing::Sizes;
use crate::conclusion::rightsizing::last_days::read_sizes;
use crate::conclusion::{Evidence, conclude};
use crate::prices::PriceBook;
use crate::read::decode::Decoder;
use crate::read::error::AnalyzeError;
use crate::read::lake_objects::{Days, SUMMED, coverage};
use crate::scenarios::emp_profile::Profile;
use crate::scenarios::model;
use crate::scenarios::vendor_estimate::Vendor;
use crate::sums::hour_facts::HourFacts;
use crate::sums::node_usage_by_owner::Ledger;
use crate::sums::window_totals::Observed;

/// Request: what to analyze, and by which assumptions and prices.
#[derive(Debug, Clone)]
pub struct Request {
    /// The cluster, as it is named in the lake.
    pub cluster: ClusterId,
    /// The hours to stand on; `None` for all there are.
    pub window: Option<Window>,
    /// Every assumption.
    pub assumptions: Assumptions,
    /// Every price.
    pub prices: PriceBook,
    /// Rule by which the bill is given out.
    pub sharing: Sharing,
    /// Which pods move; `None` for all that can.
    pub profile: Option<Profile>,
    /// `true` when to stop at today's bill, without replays.
    pub bill_only: bool,
}

/// Rule by which the bill is given out.
#[derive(Debug, Clone, Default)]
pub struct Sharing {
    /// Namespaces whose cost is shared out to the others, in proportion to what those cost.
    pub shared_namespaces: Vec<String>,
    /// Labels of pods to sum up by, as the collector was told to keep them.
    pub labels: Vec<String>,
}

/// Reads the hours of a cluster and concludes. The same lake and request give the same bytes.
///
/// `progress(done_hours, all_hours)` is called before the first hour and after each day.
///
/// # Errors
/// [`AnalyzeError`]: the cluster or its hours are not there, the lake fails, or an object is damaged.
pub async fn analyze(
    lake: &Lake,
    request: Request,
    progress: impl Fn(usize, usize) + Send + Sync,
) -> Result<Analysis, AnalyzeError> {
    Ok(concluded(lake, request, false, progress).await?.0)
}

/// The same, and what each workload costs on each day, which adds up to the analysis' bill. The hours are read once more
/// for it, a day at a time.
///
/// # Errors
/// As [`analyze`].
pub async fn analyze_with_days(
    lake: &Lake,
    request: Request,
    progress: impl Fn(usize, usize) + Send + Sync,
) -> Result<(Analysis, Vec<WorkloadDay>), AnalyzeError> {
    concluded(lake, request, true, progress).await
}

async fn concluded(
    lake: &Lake,
    request: Request,
    by_day: bool,
    progress: impl Fn(usize, usize) + Send + Sync,
) -> Result<(Analysis, Vec<WorkloadDay>), AnalyzeError> {
    let coverage = coverage(lake, &request.cluster, request.window).await?;
    let Read { origins, observed, ledger, mut vendor } = read(lake, &request, &coverage.hours, progress).await?;
    let Request { cluster, assumptions, prices, sharing, profile, bill_only, .. } = &request;
    let (book, aside) = prices.clone().in_currency_of(observed.region());
    vendor.use_prices(&book);
    let mut bill = Bill::new(&observed, &ledger, &book, assumptions);
    if aside {
        bill.notes.push(Note::warning(format!(
            "Your prices, discounts and commitments stand aside: AWS bills {} in {}, and the prices file is in another currency. Say `currency = \"{}\"` at its top where its amounts are.",
            observed.region().unwrap_or_default(),
            observed.currency(),
            observed.currency(),
        )));
    }
    let days = match by_day {
        true => {
            let window = Pieces::of(&bill, &ledger, &observed, assumptions);
            by_day::rows(cluster.as_str(), &window, &pieces_by_day(lake, &request, &coverage.hours).await?)
        }
        false => Vec::new(),
    };
    let inputs = model::Inputs {
        lake,
        cluster,
        hours: &coverage.hours,
        observed: &observed,
        bill: &bill,
        book: &book,
        assumptions,
        profile: profile.as_ref(),
    };
    let model = if *bill_only { None } else { model::replay(inputs).await? };
    let sizes = Sizes::new(assumptions.replay.right_sizing(), &coverage.hours);
    let sizes = read_sizes(lake, cluster, &coverage.hours, sizes).await?;
    let evidence = Evidence {
        cluster: cluster.clone(),
        lake: lake.location(),
        window: coverage.window,
        origins,
        observed,
        ledger,
        bill,
        model,
        sizes,
        assumptions,
        book: &book,
        shared_namespaces: &sharing.shared_namespaces,
    };
    Ok((conclude(evidence, vendor), days))
}

/// What the hours that were read come to.
pub(crate) struct Read<'a> {
    origins: Origins,
    pub(crate) observed: Observed,
    pub(crate) ledger: Ledger,
    vendor: Vendor<'a>,
}

async fn read<'a>(
    lake: &Lake,
    request: &'a Request,
    hours: &[Hour],
    progress: impl Fn(usize, usize) + Send + Sync,
) -> Result<Read<'a>, AnalyzeError> {
    read_facts(lake, request, hours, progress, |_| ()).await
}

/// Reads the hours, and shows the facts of each to `each` as they come.
pub(crate) async fn read_facts<'a>(
    lake: &Lake,
    request: &'a Request,
    hours: &[Hour],
    progress: impl Fn(usize, usize) + Send + Sync,
    mut each: impl FnMut(&HourFacts) + Send,
) -> Result<Read<'a>, AnalyzeError> {
    let Request { cluster, assumptions, prices, sharing, .. } = request;
    let mut origins = Origins::default();
    let named = prices.named_nodes();
    let mut observed = Observed::new(hours, named.clone());
    let mut vendor = Vendor::new(prices, assumptions);
    let mut days = Days::new(lake, cluster, hours, SUMMED);
    let mut decoder = Decoder::start(Ledger::new(named, sharing.labels.clone()));
    let mut done = 0;
    progress(done, hours.len());
    // One day is summed here while the next is decoded, and the one after it fetched.
    let mut decoding = None;
    loop {
        let day = days.next().await?;
        let last = day.is_none();
        let next = day.map(|day| {
            let mut hours: Vec<_> = day.iter().flat_map(|objects| &objects.part.hours).collect();
            hours.sort_by_key(|read| read.hour);
            hours.into_iter().for_each(|read| origins.take(read));
            decoder.decode(day)
        });
        if let Some(day) = std::mem::replace(&mut decoding, next) {
            for facts in decoder.facts(day).await? {
                each(&facts);
                observed.take(&facts);
                vendor.take(&facts);
                done += 1;
            }
            progress(done, hours.len());
        }
        if last {
            break;
        }
    }
    let ledger = decoder.finish().await?;
    observed.end(&ledger.workloads);
    Ok(Read { origins, observed, ledger, vendor })
}

/// The bills of the days by themselves, in pieces.
async fn pieces_by_day(lake: &Lake, request: &Request, hours: &[Hour]) -> Result<Vec<(String, Pieces)>, AnalyzeError> {
    let mut days = Vec::new();
    for hours in hours.chunk_by(|a, b| Day::of(*a) == Day::of(*b)) {
        let Some(first) = hours.first() else { continue };
        let Read { observed, ledger, .. } = read(lake, request, hours, |_, _| ()).await?;
        let (book, _) = request.prices.clone().in_currency_of(observed.region());
        let bill = Bill::new(&observed, &ledger, &book, &request.assumptions);
        days.push((first.date(), Pieces::of(&bill, &ledger, &observed, &request.assumptions)));
    }
    Ok(days)
}

impl Origins {
    /// Notes what the manifest of an hour says; hours come oldest first. It is the same whether the rows come from
    /// the hour's objects or from those of its day.
    fn take(&mut self, read: &ReadHour) {
        let (hour, manifest) = (read.hour, &read.manifest);
        self.sources.push((hour, manifest.source));
        self.query_sets.extend(Some(manifest.query_set.clone()).filter(|text| !text.is_empty()));
        self.servers.extend(Some(manifest.server.clone()).filter(|text| !text.is_empty()));
        self.incomplete += u32::from(!manifest.complete);
        for fault in &manifest.faults {
            *self.faults.entry(fault.clone()).or_default() += 1;
        }
        if let Some(rule) = manifest.usage_rule() {
            *self.usage_rules.entry(rule.to_owned()).or_default() += 1;
        }
        self.manifests.push_str(&format!("{hour} {}\n", read.sha256));
    }
}
