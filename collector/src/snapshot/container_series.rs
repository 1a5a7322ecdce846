//! Measurements of containers by cAdvisor, and requests and limits of their specs.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};

use types::{SLOT_SECONDS, SLOTS_PER_HOUR};

use super::{EDGES, Name, Snapshot, edges, mean_of_hour, moment, slots, value};
use crate::decode::Series;
use crate::machine_limits::is_possible_amount;
use crate::metric_catalogue::InstanceValue;
use crate::numbers::whole;
use crate::queries::{CONTAINER_RESOURCES, CONTAINER_START, JOINED};

/// The start of an instance.
const START: InstanceValue = InstanceValue::named(CONTAINER_START.metric).unwrap();

/// Length of a uid, with its four dashes.
const UID_LEN: usize = 36;

/// One instance of a container: what runs between two restarts. There are many, so names are shared, and of the cgroup's
/// path, which is long, stay the uid in it and a fingerprint that tells it from every other. Sorted by pod first, so that
/// those of one lie side by side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InstanceKey {
    pub(crate) pod_uid: Option<Uid>,
    pub(crate) namespace: Name,
    pub(crate) pod: Name,
    pub(crate) container: Name,
    pub(crate) id: [u64; 2],
}

impl InstanceKey {
    /// The first in order of those of a pod.
    pub(crate) fn least_of(uid: Uid) -> Self {
        let none = Name::default;
        Self { pod_uid: Some(uid), namespace: none(), pod: none(), container: none(), id: [0; 2] }
    }
}

/// A pod's uid in sixteen bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Uid([u8; 16]);

impl std::fmt::Display for Uid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, byte) in self.0.iter().enumerate() {
            if matches!(n, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// The pod uid in a cgroup path, in the spelling of either driver: `…-pod12ab_34….slice/…` or `…/pod12ab-34…/…`. `None`
/// for a static pod, whose path has a hash that no other metric knows.
pub(crate) fn uid_of_cgroup(id: &str) -> Option<Uid> {
    let segment = id.split('/').rev().find(|segment| segment.contains("pod") && !segment.starts_with("kubepods."))?;
    let (_, uid) = segment.strip_suffix(".slice").unwrap_or(segment).rsplit_once("pod")?;
    Uid::read(uid)
}

impl Uid {
    /// The first in order.
    pub(crate) const LEAST: Self = Self([0; 16]);

    /// The uid of a pod as kube-state-metrics has it; `None` for one that no cgroup's path can be matched with.
    pub(crate) fn of_pod(uid: &str) -> Option<Self> {
        Self::read(uid).filter(|read| read.to_string() == uid)
    }

    /// Reads a uid as Kubernetes writes it, or as the systemd driver does, with `_`.
    fn read(uid: &str) -> Option<Self> {
        if uid.len() != UID_LEN {
            return None;
        }
        let mut bytes = [0; 16];
        let mut digits = uid.chars();
        for (n, byte) in bytes.iter_mut().enumerate() {
            if matches!(n, 4 | 6 | 8 | 10) && !matches!(digits.next()?, '-' | '_') {
                return None;
            }
            let (high, low) = (digits.next()?.to_digit(16)?, digits.next()?.to_digit(16)?);
            *byte = u8::try_from(high << 4 | low).ok()?;
        }
        Some(Self(bytes))
    }
}

/// A hash of a path. At 128 bits, a million paths have two alike with a chance of 10^-27.
pub(super) fn fingerprint(path: &str) -> [u64; 2] {
    [0, 1].map(|salt| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(path.as_bytes());
        hasher.finish()
    })
}

/// Values on a grid of moments, eight bytes each; where there is no sample, nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid<const N: usize>([f64; N]);

impl<const N: usize> Default for Grid<N> {
    fn default() -> Self {
        Self([f64::NAN; N])
    }
}

impl<const N: usize> PartialEq for Grid<N> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<const N: usize> From<[Option<f64>; N]> for Grid<N> {
    fn from(values: [Option<f64>; N]) -> Self {
        Self(values.map(|value| value.unwrap_or(f64::NAN)))
    }
}

impl<const N: usize> Grid<N> {
    /// The values in order. Samples are finite, so no sample is taken for a missing one.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Option<f64>> + ExactSizeIterator + Clone + '_ {
        self.0.iter().map(|value| (!value.is_nan()).then_some(*value))
    }

    /// The value in a place.
    fn at(&self, place: usize) -> Option<f64> {
        self.0.get(place).copied().filter(|value| !value.is_nan())
    }

    #[cfg(test)]
    pub(crate) fn set(&mut self, at: usize, value: f64) {
        self.0[at] = value;
    }

    /// Takes in another series of the same thing: the larger value stays.
    fn merge(&mut self, values: [Option<f64>; N]) {
        self.merge_by(values, f64::max);
    }

    /// Takes in another series of the same thing; of two values the one that `chosen` says stays.
    fn merge_by(&mut self, values: [Option<f64>; N], chosen: fn(f64, f64) -> f64) {
        for (there, value) in self.0.iter_mut().zip(values) {
            *there = value.map_or(*there, |value| chosen(*there, value));
        }
    }

    /// Takes in another value of a place: the larger stays.
    fn merge_at(&mut self, place: usize, value: f64) {
        if let Some(there) = self.0.get_mut(place) {
            *there = there.max(value);
        }
    }

    /// Keeps the values in the places that `keep` says.
    pub(crate) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        for (_, value) in self.0.iter_mut().enumerate().filter(|(at, _)| !keep(*at)) {
            *value = f64::NAN;
        }
    }

    /// Takes the values of another where it has none.
    fn fill(&mut self, other: &Self) {
        for (there, value) in self.0.iter_mut().zip(other.0) {
            if there.is_nan() {
                *there = value;
            }
        }
    }
}

/// Measurements of one instance by cAdvisor.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Instance {
    /// The counter at the edges; or, where rules stand in for it, the rate of each slot in cores, at its end.
    pub(crate) cpu: Grid<EDGES>,
    pub(crate) memory_mean_bytes: Grid<SLOTS_PER_HOUR>,
    pub(crate) memory_max_bytes: Grid<SLOTS_PER_HOUR>,
    /// The smallest of each slot in which a scrape saw nothing or less, which few containers have.
    pub(crate) memory_low_bytes: Option<Box<Grid<SLOTS_PER_HOUR>>>,
    /// Values that are asked once an hour.
    once: Grid<{ InstanceValue::COUNT }>,
    /// The counter beyond the hour, where that was asked for.
    pub(crate) beyond: Option<Box<Beyond>>,
}

/// The nearest samples of a counter before the hour and after it, with the moments at which they are looked at.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Beyond {
    pub(crate) before: Option<(i64, f64)>,
    pub(crate) after: Option<(i64, f64)>,
    /// When the sample was scraped that is seen at a moment, where that was asked for.
    pub(crate) scraped: BTreeMap<i64, i64>,
}

impl Beyond {
    /// Takes in the samples of a series before the hour, which begins at `start`, or after it.
    pub(super) fn take(&mut self, series: &Series<'_, '_>, start: i64) {
        for (ms, value) in series.points {
            let sample = (ms.div_euclid(1000), *value);
            let known = if sample.0 <= start { &mut self.before } else { &mut self.after };
            let nearer = |known: (i64, f64)| match sample.0.cmp(&known.0) {
                Ordering::Equal => sample.1 > known.1,
                later => (later == Ordering::Greater) == (sample.0 <= start),
            };
            if known.is_none_or(nearer) {
                *known = Some(sample);
            }
        }
    }
}

impl Instance {
    /// A value that is asked once an hour, where it is known.
    pub(crate) fn once(&self, value: InstanceValue) -> Option<f64> {
        self.once.at(value.place())
    }

    /// When it is said to have started.
    pub(crate) fn start_seconds(&self) -> Option<i64> {
        whole(self.once(START)?.floor())
    }

    #[cfg(test)]
    pub(crate) fn started(seconds: u32) -> Self {
        let mut instance = Self::default();
        instance.once.set(START.place(), seconds.into());
        instance
    }

    /// The counter before the hour, where it is known.
    pub(crate) fn before(&self) -> Option<(i64, f64)> {
        self.beyond.as_ref()?.before
    }

    /// The counter after the hour, where it is known.
    pub(crate) fn after(&self) -> Option<(i64, f64)> {
        self.beyond.as_ref()?.after
    }

    /// When the sample of the counter was scraped that is seen at a moment; that moment where it is not known.
    pub(crate) fn scraped(&self, at: i64) -> i64 {
        self.beyond.as_ref().and_then(|beyond| beyond.scraped.get(&at)).copied().unwrap_or(at)
    }

    /// The slots in which its counter rose.
    pub(crate) fn rising_slots(&self) -> BTreeSet<usize> {
        let pairs = self.cpu.iter().zip(self.cpu.iter().skip(1)).enumerate();
        pairs.filter(|(_, pair)| matches!(pair, (Some(a), Some(b)) if b > a)).map(|(slot, _)| slot).collect()
    }

    /// The smallest working set of each slot, where it is nothing or less.
    pub(crate) fn memory_low(&self) -> Grid<SLOTS_PER_HOUR> {
        self.memory_low_bytes.as_deref().copied().unwrap_or_default()
    }

    /// Takes what was measured from another where it has nothing.
    pub(super) fn fill(&mut self, other: &Self) {
        self.cpu.fill(&other.cpu);
        if let Some(mut low) = other.memory_low_bytes.as_deref().copied() {
            // Of a slot that it has a mean of, the other's samples are not in that.
            let own: Vec<bool> = self.memory_mean_bytes.iter().map(|mean| mean.is_some()).collect();
            low.retain(|slot| !own.get(slot).copied().unwrap_or_default());
            self.memory_low_bytes.get_or_insert_default().fill(&low);
        }
        self.memory_mean_bytes.fill(&other.memory_mean_bytes);
        self.memory_max_bytes.fill(&other.memory_max_bytes);
    }
}

/// Requests and limits of a container.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Resources {
    pub(crate) cpu_request_cores: Option<f64>,
    pub(crate) memory_request_bytes: Option<f64>,
    pub(crate) cpu_limit_cores: Option<f64>,
    pub(crate) memory_limit_bytes: Option<f64>,
    /// Declared among the init containers.
    pub(crate) init: bool,
    /// An init container that keeps running.
    pub(crate) sidecar: bool,
}

/// An amount of CPU or memory that containers ask for or are limited to, as a metric of its own shows it: some clusters drop
/// one or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount {
    /// Of init containers and sidecars.
    pub(crate) init: bool,
    /// A limit, or else a request.
    pub(crate) limit: bool,
    pub(crate) resource: Measure,
}

/// CPU or memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measure {
    Cpu,
    Memory,
}

impl Amount {
    /// The amounts that are shown of containers, or of init containers.
    pub(crate) fn all(init: bool) -> [Self; 4] {
        let amount = |limit, resource| Self { init, limit, resource };
        [(false, Measure::Cpu), (false, Measure::Memory), (true, Measure::Cpu), (true, Measure::Memory)]
            .map(|(limit, resource)| amount(limit, resource))
    }

    /// The amount of a container.
    pub(crate) fn of(self, container: &Resources) -> Option<f64> {
        match (self.limit, self.resource) {
            (false, Measure::Cpu) => container.cpu_request_cores,
            (false, Measure::Memory) => container.memory_request_bytes,
            (true, Measure::Cpu) => container.cpu_limit_cores,
            (true, Measure::Memory) => container.memory_limit_bytes,
        }
    }
}

pub(super) fn cpu(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    s.measured(series)?.cpu.merge(edges(series, start));
    Some(())
}

/// The counter of an instance of the hour before it or after it. Where two series of it show a value at one moment, the
/// larger stays, as it does within the hour.
pub(super) fn cpu_beyond(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let key = s.instance_key(series)?;
    let Some(instance) = s.instances.get_mut(&key) else { return Some(()) };
    instance.beyond.get_or_insert_default().take(series, start);
    Some(())
}

/// When the samples of an instance's counter were scraped. What is older than what is looked back, or newer than the
/// moment, is of a server whose clock says something else.
pub(super) fn cpu_scraped(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let key = s.instance_key(series)?;
    let Some(instance) = s.instances.get_mut(&key) else { return Some(()) };
    let there = &mut instance.beyond.get_or_insert_default().scraped;
    for (ms, seconds) in series.points {
        let at = ms.div_euclid(1000);
        let Some(scraped) =
            whole(seconds.floor()).filter(|scraped| (at.saturating_sub(SLOT_SECONDS)..=at).contains(scraped))
        else {
            continue;
        };
        let known = there.entry(at).or_insert(scraped);
        *known = scraped.max(*known);
    }
    Some(())
}

/// A rate at the end of each slot.
pub(super) fn rate(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    s.instance(series)?.cpu.merge(edges(series, start));
    Some(())
}

pub(super) fn cpu_peak(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let mut own = |label| series.label(label).map(|name| s.name(name));
    let container = (own("namespace")?, own("pod")?, own("container")?);
    s.peaks.entry(container).or_default().merge(slots(series, start));
    Some(())
}

pub(super) fn memory_mean(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    s.measured(series)?.memory_mean_bytes.merge(slots(series, start));
    Some(())
}

pub(super) fn memory_max(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let instance = s.measured(series)?;
    match series.label("low") {
        Some(_) => instance.memory_low_bytes.get_or_insert_default().merge_by(slots(series, start), f64::min),
        None => instance.memory_max_bytes.merge(slots(series, start)),
    }
    Some(())
}

/// A value that an instance has once an hour. A start that cannot be is none.
pub(super) fn once(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let kind = InstanceValue::named(series.label(JOINED).unwrap_or(CONTAINER_START.metric))?;
    let instance = s.instance(series)?;
    let possible = value(series).filter(|_| kind != START || moment(series, start).is_some());
    if let Some(value) = possible {
        instance.once.merge_at(kind.place(), value);
    }
    Some(())
}

pub(super) fn resources(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let metric = series.label("__name__")?;
    let container = s.name(series.label("container")?);
    if metric == "kube_pod_init_container_info" {
        let always = series.label("restart_policy") == Some("Always");
        let resources = s.pod(series)?.containers.entry(container);
        resources.init = true;
        resources.sidecar |= always;
        return Some(());
    }
    // kube-state-metrics 1 has the resource in the name.
    let resource = match metric {
        _ if metric.ends_with("_cpu_cores") => "cpu",
        _ if metric.ends_with("_memory_bytes") => "memory",
        _ => series.label("resource")?,
    };
    if series.label("resource").is_none() {
        s.dialect.insert("kube-state-metrics-1");
    } else {
        s.resources_exposed = true;
    }
    let (init, limit) = (metric.starts_with("kube_pod_init_"), metric.contains("_limits"));
    let measure = match resource {
        "cpu" => Some(Measure::Cpu),
        "memory" => Some(Measure::Memory),
        _ => None,
    };
    s.amounts_exposed.extend(measure.map(|resource| Amount { init, limit, resource }));
    let amount = mean_of_hour(series, start, |amount| is_possible_amount(resource, amount))?;
    // A request of CPU or memory is held against the node when it is known which.
    let is_told_later = measure.is_some() && !limit;
    if !is_told_later && !is_possible_amount(resource, amount) {
        s.doubts.add(CONTAINER_RESOURCES.name, 1, || {
            format!("{container} of pod {}", series.label("uid").unwrap_or_default())
        });
        return Some(());
    }
    let extended = s.name(resource);
    let pod = s.pod(series)?;
    let resources = pod.containers.entry(Name::clone(&container));
    resources.init |= init;
    let field = match (limit, resource) {
        (false, "cpu") => &mut resources.cpu_request_cores,
        (false, "memory") => &mut resources.memory_request_bytes,
        (true, "cpu") => &mut resources.cpu_limit_cores,
        (true, "memory") => &mut resources.memory_limit_bytes,
        (true, _) => return Some(()),
        (false, _) => {
            let there = pod.extended.entry((extended, container));
            *there = there.max(amount);
            return Some(());
        }
    };
    *field = Some(field.map_or(amount, |there| there.max(amount)));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uid_is_read_from_the_cgroup_of_either_driver() {
        let uid = "0f3a1b2c-1111-2222-3333-444455556666";
        let read = |path: &str| uid_of_cgroup(path).map(|uid| uid.to_string());
        let systemd = format!(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice/cri-containerd-ab.scope",
            uid.replace('-', "_")
        );
        assert_eq!(read(&systemd).as_deref(), Some(uid));
        assert_eq!(read(&format!("/kubepods/burstable/pod{uid}/abcdef")).as_deref(), Some(uid));
        let guaranteed = format!("/kubepods.slice/kubepods-pod{}.slice/crio-ab.scope", uid.replace('-', "_"));
        assert_eq!(read(&guaranteed).as_deref(), Some(uid));
        assert_eq!(read("/system.slice/containerd.service"), None);
        assert_eq!(read("/kubepods/burstable/pod0123456789abcdef0123456789abcdef/abc"), None);
        assert_eq!(read("/kubepods/burstable/pod0f3a1b2c-1111-2222-3333-44445555666g/abc"), None);
    }

    #[test]
    fn an_instance_takes_little_room() {
        // 37 values of eight bytes, one for each that is asked once, and where more is that few have.
        assert_eq!(size_of::<Instance>(), (37 + InstanceValue::COUNT) * 8 + 2 * 8);
    }
}
