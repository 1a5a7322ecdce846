//! Charges summed by whose they are: those of machines and volumes that the lake saw, of clusters that tags name, and of
//! nobody known.

use std::collections::{BTreeMap, BTreeSet};

use types::Hour;
use types::window::HOUR_SECONDS;

use crate::amount::Pico;
use crate::charge::{Charge, Kind, Purchase};
use crate::commitments::{CommitmentSums, Spans};
use crate::error::InvoiceError;
use crate::export_format::Format;
use crate::lake_resources::{Seen, id_of};
use crate::line_categories::{Line, classify};
use crate::timestamps::shown;

/// The longest fee that is given to hours as it comes, in seconds: a day, one of 25 hours too. Longer ones wait until it is
/// known which hours the export covers.
const LONGEST_SECONDS: i64 = 25 * HOUR_SECONDS;
/// Resources kept apart; what comes after is summed.
const MOST_RESOURCES: usize = 20_000;

/// Owner of a charge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// Of a machine or a volume that the lake saw in that hour.
    Seen,
    /// Of a machine or a volume that the lake saw, but not in that hour.
    OtherHours,
    /// Of a cluster that tags or an ARN name.
    Cluster(String),
    /// Nothing says whose.
    Nobody,
}

/// Key of a sum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) owner: Owner,
    pub(crate) line: Line,
    pub(crate) what: String,
    pub(crate) purchase: Purchase,
    /// Service, of what has no line of its own.
    pub(crate) service: String,
}

/// One resource that is not in the lake as billed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Resource {
    pub(crate) owner: Owner,
    pub(crate) line: Line,
    pub(crate) id: String,
    pub(crate) what: String,
    /// True for a volume that was made for a claim.
    pub(crate) claim: bool,
}

/// Sums of charges alike.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    pub(crate) quantity: Pico,
    pub(crate) list: Pico,
    /// Lines of usage without a list price.
    pub(crate) listless: u64,
    pub(crate) billed: Pico,
    /// Of it, discounts called EDP; negative.
    pub(crate) edp: Pico,
}

impl Sums {
    pub(crate) fn add(&mut self, other: Self) {
        self.quantity += other.quantity;
        self.list += other.list;
        self.listless = self.listless.saturating_add(other.listless);
        self.billed += other.billed;
        self.edp += other.edp;
    }

    fn of(charge: &Charge<'_>) -> Self {
        let usage = charge.kind == Kind::Usage;
        let edp = match charge.kind {
            Kind::Edp => charge.billed,
            Kind::Usage => charge.gross.map_or(Pico::ZERO, |gross| charge.billed - gross),
            _ => Pico::ZERO,
        };
        Self {
            quantity: charge.quantity.unwrap_or_default(),
            list: charge.list.unwrap_or_default(),
            listless: u64::from(usage && charge.list.is_none() && charge.billed != Pico::ZERO),
            billed: charge.billed,
            edp,
        }
    }

    pub(crate) fn mapped(self, map: impl Fn(Pico) -> Pico) -> Self {
        Self {
            quantity: map(self.quantity),
            list: map(self.list),
            billed: map(self.billed),
            edp: map(self.edp),
            ..self
        }
    }
}

/// Sums charges, and notes which hours of what the lake saw are billed.
#[derive(Debug)]
pub struct Matcher {
    pub(crate) seen: Seen,
    currency: String,
    /// For each hour of the lake, whether the export has usage in it.
    both: Vec<bool>,
    pub(crate) sums: BTreeMap<Key, Sums>,
    long: Spans<BTreeMap<Key, Sums>>,
    /// Seconds of an instance that were given to its lines of a day or a month already, by the lines' span and its id.
    given: BTreeMap<(i64, i64, String), i64>,
    pub(crate) resources: BTreeMap<Resource, Sums>,
    pub(crate) commitments: BTreeMap<String, CommitmentSums>,
    /// Names that tags give the cluster of instances that the lake saw, with lines.
    pub(crate) tagged: BTreeMap<String, u64>,
    pub(crate) formats: BTreeSet<Format>,
    pub(crate) lines: u64,
    /// Lines in no hour of the lake.
    pub(crate) outside: u64,
    /// First and last moment of usage, of services that have a line of their own.
    pub(crate) span: Option<(i64, i64)>,
    /// The longest span of a line of that usage, in seconds.
    pub(crate) longest: i64,
}

impl Matcher {
    /// Starts with what the lake saw; amounts are to be in `currency`.
    pub fn new(seen: Seen, currency: &str) -> Self {
        Self {
            both: vec![false; seen.hours().len()],
            seen,
            currency: currency.to_owned(),
            sums: BTreeMap::new(),
            long: BTreeMap::new(),
            given: BTreeMap::new(),
            resources: BTreeMap::new(),
            commitments: BTreeMap::new(),
            tagged: BTreeMap::new(),
            formats: BTreeSet::new(),
            lines: 0,
            outside: 0,
            span: None,
            longest: 0,
        }
    }

    /// Takes a charge.
    ///
    /// # Errors
    /// [`InvoiceError::Currency`] when it is in another currency than expected.
    pub fn take(&mut self, format: Format, charge: &Charge<'_>) -> Result<(), InvoiceError> {
        self.lines = self.lines.saturating_add(1);
        self.formats.insert(format);
        if !charge.currency.is_empty() && charge.currency != self.currency.as_str() {
            let (given, expected) = (charge.currency.clone().into_owned(), self.currency.clone());
            return Err(InvoiceError::Currency { given, expected });
        }
        let places = self.seen.places(charge.start, charge.end);
        let (line, what) = classify(charge);
        // Services that others sell by the month are in an hourly export too, and say nothing of its hours.
        if charge.kind == Kind::Usage && line != Line::Other {
            let (from, to) = self.span.unwrap_or((charge.start, charge.end));
            self.span = Some((from.min(charge.start), to.max(charge.end)));
            self.longest = self.longest.max(charge.span());
            self.both.iter_mut().take(places.end).skip(places.start).for_each(|both| *both = true);
        }
        if places.is_empty() {
            self.outside = self.outside.saturating_add(1);
            return Ok(());
        }
        let (owner, seen_seconds) = self.owner(charge, line, places.clone());
        let line = if owner_is_volume(&self.seen, charge, line) { Line::Volumes } else { line };
        let mine = matches!(owner, Owner::Seen | Owner::OtherHours);
        let (of, span) = self.share_of(charge, (line, &owner), seen_seconds, places.len());
        let part = |amount: Pico| if of == span { amount } else { amount.scaled(of, span) };
        // How much of a fee falls into the hours in both is known in the end only.
        let is_long = charge.span() > LONGEST_SECONDS && (charge.kind != Kind::Usage || line == Line::Other);
        if let Some(commitment) = &charge.commitment {
            let family = if line == Line::Compute { what.split('.').next().unwrap_or_default() } else { "" };
            let sums = self.commitments.entry(commitment.id.clone().into_owned()).or_default();
            let prorated: &dyn Fn(Pico) -> Pico = &part;
            let late = is_long && charge.kind == Kind::Commitment;
            sums.take(charge, if late { None } else { Some(prorated) }, mine, family);
        }
        let service = if line == Line::Other { charge.service.as_ref() } else { "" };
        let key = Key {
            owner: owner.clone(),
            line,
            what: what.to_owned(),
            purchase: charge.purchase,
            service: service.to_owned(),
        };
        let sums = Sums::of(charge);
        if is_long {
            self.long.entry((charge.start, charge.end)).or_default().entry(key).or_default().add(sums);
            return Ok(());
        }
        let sums = sums.mapped(part);
        self.sums.entry(key).or_default().add(sums);
        self.resource(charge, owner, line, what, sums);
        Ok(())
    }

    /// Share of a charge that falls into the hours of the lake, as two numbers of seconds. An instance that the lake saw is
    /// billed by the hour, so its share of a day or a month is what the lake saw of it, given to its lines of that time in
    /// their order; anything else goes by time.
    fn share_of(&mut self, charge: &Charge<'_>, of: (Line, &Owner), seen_seconds: i64, places: usize) -> (i64, i64) {
        let span = charge.span();
        if span <= HOUR_SECONDS {
            return (span, span);
        }
        let billed = charge.quantity.filter(|_| charge.kind == Kind::Usage && of == (Line::Compute, &Owner::Seen));
        match billed.map(|hours| hours.whole_times(HOUR_SECONDS)) {
            Some(billed) if billed > 0 => {
                let given =
                    self.given.entry((charge.start, charge.end, id_of(&charge.resource).to_owned())).or_default();
                let share = seen_seconds.saturating_sub(*given).clamp(0, billed);
                *given = given.saturating_add(share);
                (share, billed)
            }
            _ => {
                let hours = i64::try_from(places).unwrap_or(i64::MAX);
                (hours.saturating_mul(HOUR_SECONDS).min(span), span)
            }
        }
    }

    /// Finds the owner of a charge, and how many seconds the lake saw it in the hours of the charge; the hours of instances and
    /// volumes that it bills are noted.
    fn owner(&mut self, charge: &Charge<'_>, line: Line, places: std::ops::Range<usize>) -> (Owner, i64) {
        let id = id_of(&charge.resource);
        let usage = charge.kind == Kind::Usage;
        let track = match self.seen.nodes.get_mut(id) {
            Some(node) => Some((&mut node.track, usage && line == Line::Compute)),
            None => self.seen.volumes.get_mut(id).map(|volume| (&mut volume.track, usage && line == Line::Ebs)),
        };
        let Some((track, marks)) = track else {
            return (charge.cluster.clone().map_or(Owner::Nobody, Owner::Cluster), 0);
        };
        let mut seen_seconds = 0;
        for place in places {
            let seen = if marks { track.bill(place) } else { track.saw(place) };
            seen_seconds = i64::saturating_add(seen_seconds, seen);
        }
        if let Some(name) = &charge.cluster
            && id.starts_with("i-")
        {
            let lines = self.tagged.entry(name.clone()).or_default();
            *lines = lines.saturating_add(1);
        }
        (if seen_seconds > 0 { Owner::Seen } else { Owner::OtherHours }, seen_seconds)
    }

    /// Keeps a resource apart that the lake did not see, or not then.
    fn resource(&mut self, charge: &Charge<'_>, owner: Owner, line: Line, what: &str, sums: Sums) {
        let by_id = matches!(line, Line::Compute | Line::Ebs | Line::Volumes);
        if !by_id || matches!(owner, Owner::Seen | Owner::Nobody) {
            return;
        }
        let what = charge.claim.clone().unwrap_or_else(|| what.to_owned());
        let id = id_of(&charge.resource).to_owned();
        let claim = charge.claim.is_some();
        let mut resource = Resource { owner, line, id, what, claim };
        if self.resources.len() >= MOST_RESOURCES && !self.resources.contains_key(&resource) {
            resource.id.clear();
        }
        self.resources.entry(resource).or_default().add(sums);
    }

    /// Starts of the hours that are in the lake and in the export.
    pub(crate) fn both_hours(&self) -> impl Iterator<Item = i64> {
        self.seen.hours().iter().zip(&self.both).filter(|(_, both)| **both).map(|(start, _)| *start)
    }

    /// The hours that are in the lake and in the export.
    ///
    /// # Errors
    /// [`InvoiceError::Elsewhere`] when there is none; `cluster` is named in it.
    pub fn hours_in_both(&self, cluster: &str) -> Result<Vec<Hour>, InvoiceError> {
        let hours: Vec<Hour> = self.both_hours().filter_map(Hour::starting_at).collect();
        if !hours.is_empty() {
            return Ok(hours);
        }
        let export = self
            .span
            .map_or_else(|| "no usage at all".to_owned(), |(start, end)| format!("{} to {}", shown(start), shown(end)));
        let at =
            |hour: Option<&i64>, after: i64| hour.map(|hour| shown(hour.saturating_add(after))).unwrap_or_default();
        Err(InvoiceError::Elsewhere {
            export,
            cluster: cluster.to_owned(),
            from: at(self.seen.hours().first(), 0),
            to: at(self.seen.hours().last(), HOUR_SECONDS),
        })
    }

    /// For each hour of the lake, whether the export has it too.
    pub(crate) fn both(&self) -> &[bool] {
        &self.both
    }

    /// Of an amount over a span, what falls into the hours in both.
    pub(crate) fn share(&self, start: i64, end: i64, amount: Pico) -> Pico {
        let places = self.seen.places(start, end);
        let hours = self.both.iter().take(places.end).skip(places.start).filter(|both| **both).count();
        let span = end.saturating_sub(start).max(1);
        amount.scaled(i64::try_from(hours).unwrap_or(i64::MAX).saturating_mul(HOUR_SECONDS).min(span), span)
    }

    /// Gives the lines that span more than a day to the hours in both.
    pub(crate) fn settle(&mut self) {
        for ((start, end), keys) in std::mem::take(&mut self.long) {
            for (key, sums) in keys {
                let part = sums.mapped(|amount| self.share(start, end, amount));
                self.sums.entry(key).or_default().add(part);
            }
        }
    }
}

/// Returns true for a charge of EBS for a volume that the lake saw.
fn owner_is_volume(seen: &Seen, charge: &Charge<'_>, line: Line) -> bool {
    line == Line::Ebs && seen.volumes.contains_key(id_of(&charge.resource))
}
