//! Usage of containers: counters into core-milliseconds, gauges into KiB-seconds, and the shape over time.

use lake::SlotValues;
use lake::tables::ContainerHour;
use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::counter_increase::{self, Counted, Most, Sample, Step};
use crate::impossible_measurements::Doubts;
use crate::lifespan::Life;
use crate::machine_limits::Limits;
use crate::numbers::int32;
use crate::numbers::whole;
use crate::queries;
use crate::slot_usage_bounds::{self, BySlot};
use crate::snapshot::{EDGES, Grid, Instance, Pod, Resources, edge_time};
use crate::usage_source::{Rates, UsageSource};

/// Time before the hour at which an instance may have started and still be counted from zero when no sample of it lies
/// at the start of the hour. That sample would be looked for over this span, so without one nothing was counted.
const LOOK_BACK_SECONDS: i64 = SLOT_SECONDS;

/// The least span a difference of the counter is divided by: two scrapes at the usual 30 s. The samples at its ends lie
/// up to a scrape before the edges, so where an instance ran for less of a slot, the difference may cover more than
/// its seconds there, and a mean over them would exceed anything that was used.
const LEAST_MEAN_SECONDS: i64 = 60;

/// One instance with the span in which it ran.
#[derive(Debug, Clone, Copy)]
struct Run<'a> {
    instance: &'a Instance,
    life: Life,
    /// When the counter is said to have been zero, where that is not so long ago that it does not matter.
    zero: Option<i64>,
}

impl Run<'_> {
    /// Returns whether it was sampled before a slot and ran beyond it, or to the end of the hour. A container that is just
    /// made holds nothing yet, and one that ends nothing any more.
    fn is_amid(&self, slot: usize, hour: Hour) -> bool {
        let end = edge_time(slot.saturating_add(1), hour);
        first_sample(self.instance) <= slot && self.life.end >= hour.end_seconds().min(end.saturating_add(1))
    }
}

/// Sums of one container in one slot.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    core_milliseconds: Option<i64>,
    kib_seconds: Option<i64>,
    memory_max_bytes: Option<f64>,
    running_seconds: i64,
    /// Seconds that `core_milliseconds` cover.
    cpu_seconds: i64,
    /// Seconds that `kib_seconds` cover.
    memory_seconds: i64,
}

/// The identity of a container.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub(crate) pod_uid: &'a str,
    pub(crate) container: &'a str,
    pub(crate) pod: &'a Pod,
    pub(crate) resources: Resources,
    /// Source of the CPU of its instances.
    pub(crate) usage: UsageSource,
    /// The greatest CPU of each slot, in cores, where the server records it.
    pub(crate) peaks: Option<Grid<SLOTS_PER_HOUR>>,
    /// Limits of its node.
    pub(crate) limits: Limits,
    /// Greatest age of a sample at the moment it is looked at.
    pub(crate) slack_seconds: i64,
}

/// The row of a container whose pod lives `life` in this hour. `instances` in any order, none when none was seen. What
/// its node cannot have done is unknown, and told to `doubts`.
pub(crate) fn row(
    identity: Identity<'_>,
    life: Life,
    mut instances: Vec<&Instance>,
    hour: Hour,
    doubts: &mut Doubts,
) -> ContainerHour {
    let resources = identity.resources;
    one_of_twins(&mut instances);
    let mut runs = runs(&in_order(&instances, hour), life, identity.pod.started_seconds, hour);
    runs.retain(|run| is_sampled(run.instance));
    let mut slots = [Slot::default(); SLOTS_PER_HOUR];
    let (mut restarts, mut doubted) = (0, Doubted::default());
    let mut interpolated = 0;
    for run in &runs {
        add_running(&mut slots, run, hour);
        let mut gaps = Gaps::default();
        let mut used = match identity.usage {
            UsageSource::Cadvisor => {
                let counted = counted(run, &identity, hour);
                doubted.cpu += counted.implausible;
                restarts += usize::from(counted.restarted);
                gaps = gaps_of(&counted.steps, run.zero, identity.slack_seconds, hour);
                interpolated = gaps.iter().copied().fold(interpolated, i64::saturating_add);
                cpu_by_slot(&counted.steps, hour)
            }
            UsageSource::Recorded { cpu, .. } => {
                let recorded_on = identity.pod.completion().is_some();
                let (used, implausible) = rates_by_slot(&identity, (cpu, recorded_on), run, life, hour);
                doubted.cpu += implausible;
                used
            }
        };
        doubted.cpu += bounded(&mut used, run, &identity, &gaps, hour);
        add_cpu(&mut slots, run, &used, hour);
        doubted.memory += add_memory(&mut slots, run, &identity, (&used, &gaps), hour);
    }
    let object = || format!("{}/{}/{}", identity.pod.namespace, identity.pod.name, identity.container);
    doubts.add(queries::CONTAINER_CPU.name, doubted.cpu, object);
    doubts.add(queries::CONTAINER_MEMORY_MEAN.name, doubted.memory, object);
    let core_milliseconds = sum(slots.iter().map(|slot| slot.core_milliseconds));
    let kib_seconds = sum(slots.iter().map(|slot| slot.kib_seconds));
    let most_millicores = int32(identity.limits.millicores);
    let cpu_mean =
        slots.map(|slot| mean(slot.core_milliseconds, slot.cpu_seconds).map(|mean| mean.min(most_millicores)));
    let cpu_max = peaks(cpu_mean, identity.peaks, identity.limits);
    let memory_mean = slots.map(|slot| mean_mib(slot.kib_seconds, slot.memory_seconds));
    let memory_max = slots.map(|slot| slot.memory_max_bytes.and_then(ceil_mib));
    let memory_max_bytes = slots.iter().filter_map(|slot| slot.memory_max_bytes).reduce(f64::max);
    let limits = identity.limits;
    let cpu_request = resources.cpu_request_cores.filter(|cores| limits.allow_cores(*cores));
    let memory_request = resources.memory_request_bytes.filter(|bytes| limits.allow_memory(*bytes, false));
    ContainerHour {
        hour_start_seconds: hour.start_seconds(),
        pod_uid: identity.pod_uid.to_owned(),
        container: identity.container.to_owned(),
        namespace: identity.pod.namespace.to_string(),
        pod: identity.pod.name.to_string(),
        node: identity.pod.node.to_string(),
        container_kind: kind(resources).to_owned(),
        cpu_request_millicores: cpu_request.and_then(millicores),
        memory_request_bytes: memory_request.and_then(whole),
        cpu_limit_millicores: resources.cpu_limit_cores.and_then(millicores),
        memory_limit_bytes: resources.memory_limit_bytes.and_then(whole),
        running_seconds: (!runs.is_empty())
            .then(|| int32(slots.iter().map(|slot| slot.running_seconds).fold(0, i64::saturating_add))),
        instances: int32(i64::try_from(runs.len() + restarts).unwrap_or(i64::MAX)),
        cpu_core_milliseconds: core_milliseconds,
        memory_kib_seconds: kib_seconds,
        cpu_max_millicores: cpu_max.iter().chain(&cpu_mean).flatten().max().copied(),
        memory_max_kib: memory_max_bytes.and_then(|bytes| whole((bytes / 1024.0).ceil())),
        cpu_mean_millicores_by_slot: known(cpu_mean),
        cpu_max_millicores_by_slot: known(cpu_max),
        memory_mean_mib_by_slot: known(memory_mean),
        memory_max_mib_by_slot: known(memory_max),
        interpolated_seconds: core_milliseconds.map(|_| int32(interpolated)),
    }
}

/// `app`, `init` or `sidecar`.
pub(crate) fn kind(resources: Resources) -> &'static str {
    match (resources.init, resources.sidecar) {
        (true, false) => "init",
        (true, true) => "sidecar",
        (false, _) => "app",
    }
}

/// When an instance started, or the earliest slot edge at which it may have: before its first sample.
pub(crate) fn instance_start(instance: &Instance, hour: Hour) -> i64 {
    let first = edge_time(first_sample(instance).saturating_sub(1), hour);
    said_start(instance, hour).unwrap_or(first)
}

/// When an instance is said to have started. One that was sampled before that did run: its cgroup was touched, or its
/// counter began anew.
fn said_start(instance: &Instance, hour: Hour) -> Option<i64> {
    instance.start_seconds().filter(|start| !was_sampled_before(instance, *start, hour))
}

/// Returns whether an instance has a sample that is older than a moment, or of it.
fn was_sampled_before(instance: &Instance, at: i64, hour: Hour) -> bool {
    let first = instance.before().map_or_else(|| edge_time(first_sample(instance), hour), |(at, _)| at);
    first <= at
}

/// Returns whether the counter of an instance fell over a moment.
fn fell_at(instance: &Instance, at: i64, hour: Hour) -> bool {
    let mut samples = instance.cpu.iter().enumerate().filter_map(|(edge, value)| Some((edge_time(edge, hour), value?)));
    let mut last = instance.before().map(|(_, value)| value);
    let newer = samples.find(|(time, value)| {
        let is_newer = *time > at;
        if !is_newer {
            last = Some(*value);
        }
        is_newer
    });
    last.zip(newer).is_some_and(|(before, (_, after))| after < before)
}

/// The first edge at which the instance has a sample.
fn first_sample(instance: &Instance) -> usize {
    if instance.before().is_some() {
        return 0;
    }
    let cpu = instance.cpu.iter().position(|sample| sample.is_some());
    let memory = instance.memory_mean_bytes.iter().position(|sample| sample.is_some()).map(|slot| slot + 1);
    cpu.into_iter().chain(memory).min().unwrap_or(EDGES)
}

/// The end of the last slot in which a scrape saw the instance, of the hour where one saw it after that; the start of the
/// hour when none did.
fn last_seen_end(instance: &Instance, hour: Hour) -> i64 {
    if instance.after().is_some() {
        return hour.end_seconds();
    }
    let in_hour = instance.cpu.iter().skip(1).zip(instance.memory_mean_bytes.iter());
    let mut slots = in_hour.enumerate().filter(|(_, (cpu, memory))| cpu.is_some() || memory.is_some());
    edge_time(slots.next_back().map_or(0, |(slot, _)| slot + 1), hour)
}

/// Returns whether a scrape within the hour saw it. One that ended before still shows at the hour's first edge, and one
/// that starts after it in the look-ahead.
fn is_sampled(instance: &Instance) -> bool {
    let in_hour = instance.cpu.iter().skip(1);
    in_hour.chain(instance.memory_mean_bytes.iter()).any(|sample| sample.is_some())
}

/// Slots in which the counters of two instances both rise before they are taken for one container shown twice. One
/// after another, they do so in the slot of the restart alone.
const TWIN_SLOTS: usize = 2;

/// Keeps one of the instances that are one container under two cgroups at once, as cAdvisor shows it where the kubelet
/// itself runs in a container: the one with more samples, then the one that counted more, then the first.
fn one_of_twins(instances: &mut Vec<&Instance>) {
    if instances.len() < 2 {
        return;
    }
    let weight = |instance: &Instance| {
        let known = instance.cpu.iter().flatten();
        (known.clone().count(), known.fold(0.0, f64::max))
    };
    let mut kept: Vec<&Instance> = Vec::with_capacity(instances.len());
    for instance in instances.drain(..) {
        let rising = instance.rising_slots();
        let is_twin = |other: &&mut &Instance| other.rising_slots().intersection(&rising).count() >= TWIN_SLOTS;
        match kept.iter_mut().find(is_twin) {
            Some(twin) if weight(instance) > weight(twin) => *twin = instance,
            Some(_) => {}
            None => kept.push(instance),
        }
    }
    *instances = kept;
}

/// An instance with the moment at which it started.
#[derive(Debug, Clone, Copy)]
struct Started<'a> {
    instance: &'a Instance,
    at: i64,
    /// Tells whether it is said to have started while the one before it still counted: some runtimes give every
    /// container the start of its pod.
    is_misdated: bool,
}

/// The instances in the order in which they started.
fn in_order<'a>(instances: &[&'a Instance], hour: Hour) -> Vec<Started<'a>> {
    let started = |instance: &&'a Instance| {
        let first = first_sample(instance);
        let earlier = instances.iter().filter(|other| first_sample(other) < first);
        let last_counted = earlier.filter_map(|other| other.rising_slots().last().copied()).max();
        let at = instance_start(instance, hour);
        match last_counted.map(|slot| edge_time(slot, hour)).filter(|ran| at < *ran) {
            Some(ran) => Started { instance, at: ran.max(edge_time(first.saturating_sub(1), hour)), is_misdated: true },
            None => Started { instance, at, is_misdated: false },
        }
    };
    let mut started: Vec<Started<'a>> = instances.iter().map(started).collect();
    // One that shows at the first edge and does not say since when was there before any that started in the hour, or
    // shortly before it.
    let was_there = |instance: &Instance| first_sample(instance) == 0 && said_start(instance, hour).is_none();
    started.sort_by_key(|Started { instance, at, .. }| {
        (if was_there(instance) { i64::MIN } else { *at }, first_sample(instance))
    });
    started
}

/// The instances one after another: each runs until the next starts or the container ends, and not beyond the slot in
/// which a scrape last saw it; how long it was down before the next is not known more closely.
fn runs<'a>(instances: &[Started<'a>], life: Life, pod_started: Option<i64>, hour: Hour) -> Vec<Run<'a>> {
    let mut runs: Vec<Run<'a>> = Vec::with_capacity(instances.len());
    for (n, Started { instance, at, is_misdated }) in instances.iter().enumerate() {
        let start = (*at).max(life.start);
        if let Some(previous) = runs.last_mut() {
            previous.life.end = previous.life.end.min(start);
        }
        // Without a start time that can be, the first instance started with its pod, and a later one after its predecessor.
        let said = instance.start_seconds().filter(|_| !is_misdated);
        let said = said.filter(|said| !was_sampled_before(instance, *said, hour) || fell_at(instance, *said, hour));
        let with_pod = || pod_started.filter(|at| !was_sampled_before(instance, *at, hour)).unwrap_or(life.start);
        let known_start = said.or_else(|| Some(if n == 0 { with_pod() } else { start }));
        let zero = known_start.filter(|start| *start >= hour.start_seconds().saturating_sub(LOOK_BACK_SECONDS));
        let end = life.end.min(last_seen_end(instance, hour));
        runs.push(Run { instance, life: Life { start, end }, zero });
    }
    runs
}

fn add_running(slots: &mut [Slot; SLOTS_PER_HOUR], run: &Run<'_>, hour: Hour) {
    for (slot, seconds) in slots.iter_mut().zip(run.life.by_slot(hour)) {
        slot.running_seconds = slot.running_seconds.saturating_add(seconds);
    }
}

/// Reads the counter of a run. Its steps telescope: their sum is the last value seen less the value at the start of
/// the hour, whatever lies between.
fn counted(run: &Run<'_>, identity: &Identity<'_>, hour: Hour) -> Counted {
    let most = Most { per_second: identity.limits.millicores, slack_seconds: identity.slack_seconds };
    let edges = run.instance.cpu.iter().enumerate();
    let seen = edges.filter_map(|(edge, value)| Some((edge_time(edge, hour), value?)));
    let seen = run.instance.before().into_iter().chain(seen).chain(run.instance.after());
    let (mut samples, mut unreadable) = (Vec::with_capacity(EDGES), 0);
    for (at, value) in seen {
        match core_milliseconds(value) {
            Some(value) => samples.push(Sample { at, value }),
            None => unreadable += 1,
        }
    }
    let mut counted = counter_increase::count(&samples, run.zero, most);
    counted.implausible += unreadable;
    for step in counted.steps.iter_mut().filter(|step| step.is_gap() && Some(step.from) != run.zero) {
        // What it began with may be minutes old when it is looked at: then no scrape came, and the gap began there.
        let scraped =
            |at: i64| Some(run.instance.scraped(at)).filter(|scraped| at.saturating_sub(*scraped) > most.slack_seconds);
        (step.from, step.to) = (scraped(step.from).unwrap_or(step.from), scraped(step.to).unwrap_or(step.to));
    }
    for step in counted.steps.iter_mut().filter(|step| Some(step.from) == run.zero) {
        // What it used before the hour no other hour has seen.
        step.from = step.from.max(hour.start_seconds());
    }
    counted
}

/// Seconds of each slot that lie between two samples further apart than a slot.
type Gaps = [i64; SLOTS_PER_HOUR];

/// Between the start of a container (`zero`) and its first sample nothing is missing: it may come a scrape after the first
/// edge, and is seen at the next.
fn gaps_of(steps: &[Step], zero: Option<i64>, slack_seconds: i64, hour: Hour) -> Gaps {
    let mut gaps = Gaps::default();
    let begun = zero.map(|zero| zero.max(hour.start_seconds()));
    let most_seconds = SLOT_SECONDS.saturating_add(slack_seconds);
    let is_first = |step: &Step| Some(step.from) == begun && step.seconds() <= most_seconds;
    for step in steps.iter().filter(|step| step.is_gap() && !is_first(step)) {
        let span = Life { start: step.from, end: step.to };
        gaps.iter_mut().zip(span.by_slot(hour)).for_each(|(gap, seconds)| *gap = gap.saturating_add(seconds));
    }
    gaps
}

fn cpu_by_slot(steps: &[Step], hour: Hour) -> BySlot {
    let mut used = BySlot::default();
    for step in steps {
        for (used, part) in used.iter_mut().zip(step.by_slot(hour)) {
            *used = part.map_or(*used, |part| Some(used.unwrap_or(0).saturating_add(part)));
        }
    }
    used
}

/// Keeps what a run used within what its node can do in the seconds it ran, and counts the slots that are not believed.
fn bounded(used: &mut BySlot, run: &Run<'_>, identity: &Identity<'_>, gaps: &Gaps, hour: Hour) -> usize {
    let is_even = gaps.iter().all(|seconds| *seconds == 0);
    // Over a gap, nobody knows how old the sample is that it begins with.
    let slack_seconds = if is_even { identity.slack_seconds } else { identity.slack_seconds.max(SLOT_SECONDS) };
    let most = Most { per_second: identity.limits.millicores, slack_seconds };
    let implausible = slot_usage_bounds::disbelieve(used, most);
    let ran = run.life.by_slot(hour).map(|seconds| seconds.clamp(LEAST_MEAN_SECONDS, SLOT_SECONDS));
    slot_usage_bounds::move_back(used, ran.map(|seconds| most.per_second.saturating_mul(seconds)));
    implausible
}

fn add_cpu(slots: &mut [Slot; SLOTS_PER_HOUR], run: &Run<'_>, used: &BySlot, hour: Hour) {
    for ((slot, used), seconds) in slots.iter_mut().zip(used).zip(run.life.by_slot(hour)) {
        let Some(used) = used else { continue };
        slot.core_milliseconds = Some(slot.core_milliseconds.unwrap_or(0).saturating_add(*used));
        slot.cpu_seconds = slot.cpu_seconds.saturating_add(seconds.max(LEAST_MEAN_SECONDS));
    }
}

/// Usage by recorded rates, and the number of them that are more than the node can do. There is no counter in them, so
/// nothing telescopes: a slot without a rate adds nothing, and what was used between the last rate and the end of the
/// container is not known.
///
/// A rate between two scrapes, as a mean over the slot, holds for the seconds the container ran in it. One of five minutes
/// is what was used in the five minutes before the end of the slot, or of the pod where it was deleted, divided by five
/// minutes, however short it ran in them; of that the slot gets the share of those seconds that lie in it. Of a pod that
/// completed and stayed the rule is recorded on (`recorded_on`), so its last five minutes are those of the slot.
fn rates_by_slot(
    identity: &Identity<'_>,
    (rates, recorded_on): (Rates, bool),
    run: &Run<'_>,
    life: Life,
    hour: Hour,
) -> (BySlot, usize) {
    let (mut used, mut implausible) = (BySlot::default(), 0);
    let mut slot_end = hour.start_seconds();
    let slots = used.iter_mut().zip(run.instance.cpu.iter().skip(1)).zip(run.life.by_slot(hour));
    // A mean over rates between two scrapes hides one of them that cannot be; the greatest of them does not.
    let peaks = identity.peaks.filter(|_| rates == Rates::TwoScrapes).unwrap_or_default();
    for (((used, rate), seconds), peak) in slots.zip(peaks.iter()) {
        slot_end = slot_end.saturating_add(SLOT_SECONDS);
        let end = slot_end.min(life.end);
        let recorded_until = if recorded_on { slot_end } else { end };
        let ran = end.saturating_sub(life.start.max(recorded_until.saturating_sub(SLOT_SECONDS)));
        let Some(rate) = rate.filter(|_| seconds > 0 && ran > 0) else { continue };
        let hides = peak.is_some_and(|peak| !identity.limits.allow_cores_between_scrapes(peak));
        if hides || !identity.limits.allow_cores(rate) {
            implausible += 1;
            continue;
        }
        #[expect(clippy::as_conversions, reason = "at most three hundred")]
        let core_seconds = match rates {
            Rates::TwoScrapes => rate * seconds as f64,
            Rates::FiveMinutes => rate * SLOT_SECONDS as f64 * (seconds as f64 / ran as f64),
        };
        *used = core_milliseconds(core_seconds);
    }
    (used, implausible)
}

/// The greatest CPU of each slot of which the mean is known too. A peak is the greatest of the moments that were recorded,
/// of which none need be as high as the mean.
fn peaks(means: SlotValues, recorded: Option<Grid<SLOTS_PER_HOUR>>, limits: Limits) -> SlotValues {
    let Some(recorded) = recorded else { return SlotValues::default() };
    let mut peaks = means;
    for (peak, cores) in peaks.iter_mut().zip(recorded.iter()) {
        let cores = cores.filter(|cores| limits.allow_cores(*cores));
        *peak = peak.and_then(|mean| Some(millicores(cores?)?.max(mean)));
    }
    peaks
}

/// Samples of one container that are not believed.
#[derive(Debug, Clone, Copy, Default)]
struct Doubted {
    cpu: usize,
    memory: usize,
}

/// Adds the gauges, and counts those that are not believed. What shows of a slot in which the instance did not run is what
/// it had last, or, where a rule tells it by name, another's. In a gap over which its counter ran on, it went from what it
/// had before to what it had after.
fn add_memory(
    slots: &mut [Slot; SLOTS_PER_HOUR],
    run: &Run<'_>,
    identity: &Identity<'_>,
    (used, gaps): (&BySlot, &Gaps),
    hour: Hour,
) -> usize {
    let low = run.instance.memory_low();
    let gauges = run.instance.memory_mean_bytes.iter().zip(run.instance.memory_max_bytes.iter()).zip(low.iter());
    let running = run.life.by_slot(hour);
    let mut implausible = 0;
    let (mut means, mut open) = ([None; SLOTS_PER_HOUR], [false; SLOTS_PER_HOUR]);
    let places = means.iter_mut().zip(&mut open).zip(slots.iter_mut()).zip(running).enumerate();
    for ((slot_number, (((place, open), slot), seconds)), (((mean, max), low), (used, gap))) in
        places.zip(gauges.zip(used.iter().zip(gaps)))
    {
        if seconds == 0 {
            continue;
        }
        let ran = used.is_some_and(|used| used > 0);
        let told = [(mean, ran), (max, ran), (low, ran && run.is_amid(slot_number, hour))];
        let is_possible = |(bytes, running): (Option<f64>, bool)| {
            bytes.is_none_or(|bytes| identity.limits.allow_memory(bytes, running))
        };
        if !told.into_iter().all(is_possible) {
            implausible += 1;
            continue;
        }
        (*place, *open) = (mean, mean.is_none() && *gap > 0);
        slot.memory_max_bytes = [slot.memory_max_bytes, max].into_iter().flatten().reduce(f64::max);
    }
    for (slot, (bytes, seconds)) in slots.iter_mut().zip(filled(means, open).into_iter().zip(running)) {
        #[expect(clippy::as_conversions, reason = "at most three hundred")]
        let kib_seconds = bytes.and_then(|bytes| whole(bytes * seconds as f64 / 1024.0));
        if let Some(kib_seconds) = kib_seconds {
            slot.kib_seconds = Some(slot.kib_seconds.unwrap_or(0).saturating_add(kib_seconds));
            slot.memory_seconds = slot.memory_seconds.saturating_add(seconds);
        }
    }
    implausible
}

/// The values with what lies between them in the places that are open; at either end, the nearest.
fn filled(values: [Option<f64>; SLOTS_PER_HOUR], open: [bool; SLOTS_PER_HOUR]) -> [Option<f64>; SLOTS_PER_HOUR] {
    if !open.contains(&true) {
        return values;
    }
    let known: Vec<(usize, f64)> = values.iter().enumerate().filter_map(|(n, value)| Some((n, (*value)?))).collect();
    let between = |n: usize| {
        let before = known.iter().rev().find(|(k, _)| *k < n);
        let after = known.iter().find(|(k, _)| *k > n);
        #[expect(clippy::as_conversions, reason = "at most twelve")]
        match (before, after) {
            (Some((a, from)), Some((b, to))) => Some(from + (to - from) * (n - a) as f64 / (b - a) as f64),
            (one, other) => one.or(other).map(|(_, value)| *value),
        }
    };
    let mut filled = values;
    for (n, (value, open)) in filled.iter_mut().zip(open).enumerate() {
        *value = value.or_else(|| between(n).filter(|_| open));
    }
    filled
}

fn core_milliseconds(core_seconds: f64) -> Option<i64> {
    whole(core_seconds * 1000.0)
}

fn millicores(cores: f64) -> Option<i32> {
    whole(cores * 1000.0).map(int32)
}

fn sum(values: impl Iterator<Item = Option<i64>>) -> Option<i64> {
    values.flatten().fold(None, |sum, value| Some(i64::saturating_add(sum.unwrap_or(0), value)))
}

/// `total / seconds`, rounded; `None` without samples or without time.
fn mean(total: Option<i64>, seconds: i64) -> Option<i32> {
    let total = total.filter(|_| seconds > 0)?;
    total.saturating_add(seconds / 2).checked_div(seconds).map(int32)
}

fn mean_mib(kib_seconds: Option<i64>, seconds: i64) -> Option<i32> {
    mean(kib_seconds, seconds.saturating_mul(1024))
}

fn ceil_mib(bytes: f64) -> Option<i32> {
    whole((bytes / (1024.0 * 1024.0)).ceil()).map(int32)
}

/// The list, unless it knows nothing.
fn known(slots: SlotValues) -> Option<SlotValues> {
    slots.iter().any(Option::is_some).then_some(slots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Beyond;

    const HOUR: i64 = 1_782_864_000;

    fn hour() -> Hour {
        Hour::starting_at(HOUR).unwrap()
    }

    fn pod() -> Pod {
        Pod { namespace: "ns".into(), name: "p".into(), node: "n".into(), ..Pod::default() }
    }

    /// A row of a container that lives from `start` to `end`, seconds of the hour.
    fn make(instances: &[Instance], start: i64, end: i64) -> ContainerHour {
        make_of(UsageSource::Cadvisor, None, instances, start, end)
    }

    fn make_of(
        usage: UsageSource,
        peaks: Option<Grid<SLOTS_PER_HOUR>>,
        instances: &[Instance],
        start: i64,
        end: i64,
    ) -> ContainerHour {
        let pod = pod();
        let identity = Identity {
            pod_uid: "u",
            container: "c",
            pod: &pod,
            resources: Resources::default(),
            usage,
            peaks,
            limits: Limits { millicores: 4_000, memory_bytes: 16e9 },
            slack_seconds: 60,
        };
        let life = Life { start: HOUR + start, end: HOUR + end };
        row(identity, life, instances.iter().collect(), hour(), &mut Doubts::default())
    }

    fn counter(start: Option<i64>, edges: &[(usize, f64)]) -> Instance {
        let started = |s: i64| Instance::started(u32::try_from(HOUR + s).unwrap());
        let mut instance = start.map(started).unwrap_or_default();
        for (edge, value) in edges {
            instance.cpu.set(*edge, *value);
        }
        instance
    }

    #[test]
    fn differences_telescope_to_the_last_value_seen() {
        let edges: Vec<_> = (0..13_u8).map(|k| (usize::from(k), 1000.0 + 30.0 * f64::from(k))).collect();
        let row = make(&[counter(Some(-9000), &edges)], -9000, 3600);
        assert_eq!(row.cpu_core_milliseconds, Some(360_000));
        assert_eq!(row.cpu_mean_millicores_by_slot, Some([Some(100); 12]));
        assert_eq!((row.running_seconds, row.instances), (Some(3600), 1));
    }

    #[test]
    fn an_instance_that_starts_in_the_hour_counts_from_zero() {
        let row = make(&[counter(Some(450), &[(2, 7.5), (3, 37.5)])], 440, 900);
        assert_eq!(row.cpu_core_milliseconds, Some(37_500));
        assert_eq!(row.cpu_mean_millicores_by_slot.unwrap()[..3], [None, Some(50), Some(100)]);
        assert_eq!(row.running_seconds, Some(450));
        assert_eq!(row.cpu_max_millicores, Some(100));
    }

    #[test]
    fn an_old_counter_without_a_first_value_is_a_baseline_and_not_usage() {
        let row = make(&[counter(Some(-9000), &[(3, 5000.0), (4, 5030.0)])], -9000, 3600);
        assert_eq!(row.cpu_core_milliseconds, Some(30_000));
        assert_eq!(make(&[counter(Some(-9000), &[(12, 5000.0)])], -9000, 3600).cpu_core_milliseconds, None);
    }

    #[test]
    fn a_gap_loses_the_shape_and_not_the_sum() {
        let mut instance = counter(Some(-9000), &[(0, 0.0), (1, 30.0), (4, 120.0), (5, 150.0)]);
        [(0, 100.0), (3, 400.0), (4, 400.0)].into_iter().for_each(|(slot, mib)| {
            instance.memory_mean_bytes.set(slot, mib * 1024.0 * 1024.0);
        });
        let row = make(&[instance], -9000, 1500);
        assert_eq!(row.memory_mean_mib_by_slot.unwrap()[..5], [100, 200, 300, 400, 400].map(Some));
        assert_eq!((row.interpolated_seconds, row.memory_max_mib_by_slot), (Some(900), None));
        let row = make(&[counter(Some(-9000), &[(0, 0.0), (1, 30.0), (4, 120.0)])], -9000, 3600);
        assert_eq!(row.cpu_core_milliseconds, Some(120_000));
        assert_eq!(row.cpu_mean_millicores_by_slot.unwrap()[..4], [Some(100); 4]);
        assert_eq!(row.interpolated_seconds, Some(900));
    }

    #[test]
    fn a_gap_over_an_edge_of_the_hour_is_shared_by_both_hours() {
        let mut first = counter(Some(-9000), &[(0, 0.0), (10, 300.0)]);
        first.beyond = Some(Box::new(Beyond { after: Some((HOUR + 4_200, 360.0)), ..Beyond::default() }));
        let row = make(&[first], -9000, 3600);
        assert_eq!(row.cpu_core_milliseconds, Some(300_000 + 30_000));
        assert_eq!((row.running_seconds, row.interpolated_seconds), (Some(3_600), Some(3_600)));
        let mut second = counter(Some(-9000), &[(2, 360.0), (3, 390.0)]);
        second.beyond = Some(Box::new(Beyond { before: Some((HOUR - 600, 300.0)), ..Beyond::default() }));
        let row = make(&[second], -9000, 3600);
        assert_eq!(row.cpu_core_milliseconds, Some(30_000 + 30_000));
        assert_eq!((row.running_seconds, row.interpolated_seconds), (Some(900), Some(600)));
    }

    #[test]
    fn a_restart_is_another_counter_from_zero() {
        let first = counter(Some(-9000), &[(0, 100.0), (1, 115.0)]);
        let second = counter(Some(300), &[(2, 30.0), (3, 60.0)]);
        let row = make(&[second, first], -9000, 900);
        assert_eq!(row.cpu_core_milliseconds, Some(75_000));
        assert_eq!((row.instances, row.running_seconds), (2, Some(900)));
        assert_eq!(row.cpu_mean_millicores_by_slot.unwrap()[..3], [Some(50), Some(100), Some(100)]);
    }

    #[test]
    fn a_container_shown_under_two_cgroups_counts_once() {
        let edges: Vec<_> = (0..13_u8).map(|k| (usize::from(k), 1000.0 + 30.0 * f64::from(k))).collect();
        let mut whole = counter(Some(-9000), &edges);
        (0..12).for_each(|slot| whole.memory_mean_bytes.set(slot, 1024.0 * 1024.0));
        let mut partly = counter(Some(-8000), &edges[3..]);
        (3..12).for_each(|slot| partly.memory_mean_bytes.set(slot, 1024.0 * 1024.0));
        let expect = make(&[whole.clone()], -9000, 3600);
        assert_eq!(make(&[whole.clone(), whole.clone()], -9000, 3600), expect);
        assert_eq!(make(&[whole.clone(), partly.clone()], -9000, 3600), expect);
        assert_eq!(make(&[partly, whole], -9000, 3600), expect);
    }

    #[test]
    fn an_instance_that_ended_before_the_hour_takes_nothing_from_the_next() {
        // Of the one before only the last sample shows, and no longer when it started.
        let dead = counter(None, &[(0, 100.0)]);
        for start in [-5, -120, 0] {
            let edges: Vec<_> = (1..13_u8).map(|k| (usize::from(k), 30.0 * f64::from(k))).collect();
            let mut alive = counter(Some(start), &edges);
            (0..12).for_each(|slot| alive.memory_mean_bytes.set(slot, 1024.0 * 1024.0));
            let row = make(&[dead.clone(), alive], -9000, 3600);
            assert_eq!((row.running_seconds, row.instances), (Some(3600), 1), "{start}");
            assert_eq!((row.cpu_core_milliseconds, row.memory_kib_seconds), (Some(360_000), Some(3600 * 1024)));
            assert_eq!(row.cpu_max_millicores, Some(100));
        }
    }

    #[test]
    fn a_start_after_the_first_sample_is_none_and_the_pods_binding_stands_in() {
        // The clock of its node is ahead: it started at 600, as its pod did.
        let row = make(&[counter(Some(900), &[(3, 150.0), (4, 300.0)])], 600, 1200);
        assert_eq!((row.cpu_core_milliseconds, row.running_seconds), (Some(300_000), Some(600)));
        // A pod that is there for long has no such beginning.
        let row = make(&[counter(Some(900), &[(3, 150.0), (4, 300.0)])], -9000, 1200);
        assert_eq!(row.cpu_core_milliseconds, Some(150_000));
    }

    #[test]
    fn an_instance_does_not_start_while_the_one_before_it_counts() {
        // Both say that they started with the pod.
        let mut first = counter(Some(-9000), &[(0, 100.0), (1, 115.0), (2, 130.0)]);
        let mut second = counter(Some(-9000), &[(3, 15.0), (4, 30.0)]);
        (0..2).for_each(|slot| first.memory_mean_bytes.set(slot, 1024.0 * 1024.0));
        (2..4).for_each(|slot| second.memory_mean_bytes.set(slot, 1024.0 * 1024.0));
        let row = make(&[second, first], -9000, 1200);
        assert_eq!((row.cpu_core_milliseconds, row.memory_kib_seconds), (Some(60_000), Some(1_200 * 1024)));
        assert_eq!((row.instances, row.running_seconds), (2, Some(1200)));
        assert_eq!(row.cpu_mean_millicores_by_slot.unwrap()[..4], [Some(50); 4]);
    }

    #[test]
    fn the_mean_of_a_short_stay_in_a_slot_is_not_inflated() {
        // Last seen by kube-state-metrics a second into the slot, by cAdvisor 54 s later: 2 cores, not 110.
        let row = make(&[counter(Some(-9000), &[(0, 0.0), (1, 600.0), (2, 710.0)])], -9000, 301);
        assert_eq!(row.cpu_mean_millicores_by_slot.unwrap()[..2], [Some(2000), Some(1833)]);
        assert_eq!(row.cpu_core_milliseconds, Some(710_000));
    }

    #[test]
    fn a_counter_that_falls_counts_nothing() {
        let row = make(&[counter(Some(-9000), &[(0, 900.0), (1, 930.0), (2, 920.0), (3, 950.0)])], -9000, 3600);
        // What it climbs again counts once.
        assert_eq!(row.cpu_core_milliseconds, Some(50_000));
    }

    #[test]
    fn a_crash_loop_does_not_run_between_its_runs() {
        let mut first = counter(Some(10), &[(1, 5.0)]);
        let mut second = counter(Some(1510), &[(6, 5.0)]);
        first.memory_mean_bytes.set(0, 1024.0 * 1024.0);
        second.memory_mean_bytes.set(5, 1024.0 * 1024.0);
        let row = make(&[first, second], 0, 3600);
        assert_eq!(row.running_seconds, Some(290 + 290));
        assert_eq!(row.memory_kib_seconds, Some(580 * 1024));
    }

    #[test]
    fn an_instance_outside_the_hour_is_not_one_of_it() {
        let dead = counter(Some(-9000), &[(0, 100.0)]);
        let alive = counter(Some(-60), &[(0, 3.0), (1, 33.0)]);
        let later = counter(Some(3650), &[]);
        let row = make(&[dead.clone(), alive, later], -9000, 3600);
        assert_eq!((row.instances, row.running_seconds, row.cpu_core_milliseconds), (1, Some(300), Some(30_000)));
        let row = make(&[dead], -9000, 3600);
        assert_eq!((row.instances, row.running_seconds, row.cpu_core_milliseconds), (0, None, None));
    }

    #[test]
    fn memory_is_weighted_by_the_seconds_each_instance_ran() {
        let mut first = counter(Some(-9000), &[]);
        let mut second = counter(Some(100), &[]);
        first.memory_mean_bytes.set(0, 300.0 * 1024.0 * 1024.0);
        first.memory_max_bytes.set(0, 310.0 * 1024.0 * 1024.0);
        second.memory_mean_bytes.set(0, 150.0 * 1024.0 * 1024.0);
        second.memory_max_bytes.set(0, 150.5 * 1024.0 * 1024.0);
        let row = make(&[first, second], -9000, 300);
        assert_eq!(row.memory_kib_seconds, Some((300 * 100 + 150 * 200) * 1024));
        assert_eq!(row.memory_mean_mib_by_slot.unwrap()[0], Some(200));
        assert_eq!(row.memory_max_mib_by_slot.unwrap()[0], Some(310));
        assert_eq!(row.memory_max_kib, Some(310 * 1024));
    }

    fn rates(cpu: Rates, edges: &[(usize, f64)], start: i64, end: i64) -> ContainerHour {
        make_of(UsageSource::Recorded { cpu, memory_rule: true }, None, &[counter(None, edges)], start, end)
    }

    #[test]
    fn a_rate_of_five_minutes_counts_what_of_it_lies_in_the_slot() {
        let whole: Vec<_> = (1..13).map(|k| (k, 0.5)).collect();
        let row = rates(Rates::FiveMinutes, &whole, -9000, 3600);
        assert_eq!((row.cpu_core_milliseconds, row.running_seconds), (Some(1_800_000), Some(3600)));
        assert_eq!(row.cpu_mean_millicores_by_slot, Some([Some(500); 12]));
        // Two cores from second 200 on: at the end of the slot the rate is a third of that, and 200 core-seconds are used.
        let row = rates(Rates::FiveMinutes, &[(1, 2.0 / 3.0), (2, 2.0)], 200, 3600);
        assert_eq!(row.cpu_mean_millicores_by_slot.unwrap()[..3], [Some(2_000), Some(2_000), None]);
        // Ends at second 400: the last rate has 200 s of the slot before in it.
        let row = rates(Rates::FiveMinutes, &[(1, 2.0), (2, 2.0)], -9000, 400);
        assert_eq!(row.cpu_core_milliseconds, Some(600_000 + 200_000));
        // Lives for a minute: all of it is in the last rate.
        let row = rates(Rates::FiveMinutes, &[(1, 0.4)], 100, 160);
        assert_eq!((row.cpu_core_milliseconds, row.running_seconds), (Some(120_000), Some(60)));
        // Lives across an edge: what the second rate has of the first slot is counted there.
        let row = rates(Rates::FiveMinutes, &[(1, 0.2), (2, 0.5)], 240, 390);
        assert_eq!(row.cpu_core_milliseconds, Some(60_000 + 90_000));
    }

    #[test]
    fn a_rate_between_scrapes_holds_for_the_seconds_it_ran() {
        let row = rates(Rates::TwoScrapes, &[(1, 0.5), (2, 1.5), (4, 1.0)], 100, 3600);
        assert_eq!(row.cpu_core_milliseconds, Some(100_000 + 450_000 + 300_000));
        assert_eq!(row.cpu_mean_millicores_by_slot.unwrap()[..4], [Some(500), Some(1_500), None, Some(1_000)]);
    }

    #[test]
    fn what_a_rule_says_of_the_name_before_the_container_lived_is_of_another() {
        let mut instance = counter(None, &[(1, 4.0), (2, 4.0), (3, 0.5)]);
        for (slot, mib) in [(0, 900.0), (1, 900.0), (2, 100.0)] {
            instance.memory_mean_bytes.set(slot, mib * 1024.0 * 1024.0);
            instance.memory_max_bytes.set(slot, mib * 1024.0 * 1024.0);
        }
        let usage = UsageSource::Recorded { cpu: Rates::FiveMinutes, memory_rule: true };
        let row = make_of(usage, None, &[instance], 600, 3600);
        assert_eq!((row.cpu_core_milliseconds, row.running_seconds), (Some(150_000), Some(300)));
        assert_eq!((row.memory_kib_seconds, row.memory_max_kib), (Some(300 * 100 * 1024), Some(100 * 1024)));
        assert_eq!(row.cpu_mean_millicores_by_slot.unwrap()[..3], [None, None, Some(500)]);
    }

    #[test]
    fn a_peak_is_at_least_the_mean_and_only_where_that_is_known() {
        let edges: Vec<_> = (0..5_u8).map(|k| (usize::from(k), 30.0 * f64::from(k))).collect();
        let mut recorded = Grid::default();
        [(0, 0.75), (1, 0.05), (7, 4.0)].into_iter().for_each(|(slot, cores)| recorded.set(slot, cores));
        let row = make_of(UsageSource::Cadvisor, Some(recorded), &[counter(Some(-9000), &edges)], -9000, 3600);
        let expect = [Some(750), Some(100), None, None, None, None, None, None, None, None, None, None];
        assert_eq!(row.cpu_max_millicores_by_slot, Some(expect));
        assert_eq!(row.cpu_max_millicores, Some(750));
    }

    #[test]
    fn a_container_never_seen_is_null_and_not_zero() {
        let row = make(&[], 0, 3600);
        assert_eq!((row.running_seconds, row.cpu_core_milliseconds, row.memory_kib_seconds), (None, None, None));
        assert_eq!((row.cpu_mean_millicores_by_slot, row.cpu_max_millicores), (None, None));
    }
}
