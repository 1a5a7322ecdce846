//! What containers used: counters into core-milliseconds, gauges into KiB-seconds, and the shape over time.

use lake::SlotValues;
use lake::tables::ContainerHour;
use types::{Hour, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::life::{Life, int32};
use crate::pod::whole;
use crate::snapshot::{Grid, Instance, Pod, Resources};
use crate::usage::{Rates, Usage};

/// How long before the hour an instance may have started and still be counted from zero when no sample of it lies
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
    /// Whether the counter is known to have been zero before its first sample of the hour.
    from_zero: bool,
}

/// Sums of one container in one slot.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Sums are wide: whatever a server says, adding it up does not overflow, and what fits no column is unknown.
    core_milliseconds: Option<i128>,
    kib_seconds: Option<i128>,
    memory_max_bytes: Option<f64>,
    running_seconds: i64,
    /// Seconds that `core_milliseconds` cover: more than the slot's after a gap in the samples.
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
    /// What the CPU of its instances is given in.
    pub(crate) usage: Usage,
    /// The greatest CPU of each slot, in cores, where the server records it.
    pub(crate) peaks: Option<Grid<SLOTS_PER_HOUR>>,
}

/// The row of a container whose pod lives `life` in this hour. `instances` in any order, none when none was seen.
pub(crate) fn row(identity: Identity<'_>, life: Life, mut instances: Vec<&Instance>, hour: Hour) -> ContainerHour {
    let resources = identity.resources;
    instances.sort_by_key(|instance| (instance_start(instance, hour), first_sample(instance)));
    let mut runs = runs(&instances, life, identity.pod.started_seconds, hour);
    runs.retain(|run| is_sampled(run.instance));
    let mut slots = [Slot::default(); SLOTS_PER_HOUR];
    for run in &runs {
        add_running(&mut slots, run, hour);
        match identity.usage {
            Usage::Cadvisor => add_cpu(&mut slots, run, hour),
            Usage::Recorded { cpu, .. } => {
                let recorded_on = identity.pod.completion().is_some();
                add_rates(&mut slots, (cpu, recorded_on), run, life, hour);
            }
        }
        add_memory(&mut slots, run, identity.usage, hour);
    }
    let core_milliseconds = sum(slots.iter().map(|slot| slot.core_milliseconds)).and_then(fits);
    let kib_seconds = sum(slots.iter().map(|slot| slot.kib_seconds)).and_then(fits);
    let cpu_mean = slots.map(|slot| mean(slot.core_milliseconds, slot.cpu_seconds));
    let cpu_max = peaks(cpu_mean, identity.peaks);
    let memory_mean = slots.map(|slot| mean_mib(slot.kib_seconds, slot.memory_seconds));
    let memory_max = slots.map(|slot| slot.memory_max_bytes.and_then(ceil_mib));
    let memory_max_bytes = slots.iter().filter_map(|slot| slot.memory_max_bytes).reduce(f64::max);
    ContainerHour {
        hour_start_seconds: hour.start_seconds(),
        pod_uid: identity.pod_uid.to_owned(),
        container: identity.container.to_owned(),
        namespace: identity.pod.namespace.to_string(),
        pod: identity.pod.name.to_string(),
        node: identity.pod.node.to_string(),
        container_kind: kind(resources).to_owned(),
        cpu_request_millicores: resources.cpu_request_cores.and_then(millicores),
        memory_request_bytes: resources.memory_request_bytes.and_then(whole),
        cpu_limit_millicores: resources.cpu_limit_cores.and_then(millicores),
        memory_limit_bytes: resources.memory_limit_bytes.and_then(whole),
        running_seconds: (!runs.is_empty()).then(|| int32(slots.iter().map(|slot| slot.running_seconds).sum())),
        instances: int32(i64::try_from(runs.len()).unwrap_or(i64::MAX)),
        cpu_core_milliseconds: core_milliseconds,
        memory_kib_seconds: kib_seconds,
        cpu_max_millicores: cpu_max.iter().chain(&cpu_mean).flatten().max().copied(),
        memory_max_kib: memory_max_bytes.and_then(|bytes| whole((bytes / 1024.0).ceil())),
        cpu_mean_millicores_by_slot: known(cpu_mean),
        cpu_max_millicores_by_slot: known(cpu_max),
        memory_mean_mib_by_slot: known(memory_mean),
        memory_max_mib_by_slot: known(memory_max),
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
    let at_edge = |edge: usize| hour.start_seconds() + i64::try_from(edge).unwrap_or_default() * SLOT_SECONDS;
    instance.start_seconds.unwrap_or_else(|| at_edge(first_sample(instance).saturating_sub(1)))
}

/// The first edge at which the instance has a sample.
fn first_sample(instance: &Instance) -> usize {
    let cpu = instance.cpu.iter().position(|sample| sample.is_some());
    let memory = instance.memory_mean_bytes.iter().position(|sample| sample.is_some()).map(|slot| slot + 1);
    cpu.into_iter().chain(memory).min().unwrap_or(usize::MAX)
}

/// The end of the last slot in which a scrape saw the instance; the start of the hour when none did.
fn last_seen_end(instance: &Instance, hour: Hour) -> i64 {
    let in_hour = instance.cpu.iter().skip(1).zip(instance.memory_mean_bytes.iter());
    let mut slots = in_hour.enumerate().filter(|(_, (cpu, memory))| cpu.is_some() || memory.is_some());
    let count = slots.next_back().map_or(0, |(slot, _)| i64::try_from(slot + 1).unwrap_or_default());
    hour.start_seconds() + count * SLOT_SECONDS
}

/// Whether a scrape within the hour saw it. One that ended before still shows at the hour's first edge, and one that
/// starts after it in the look-ahead.
fn is_sampled(instance: &Instance) -> bool {
    let in_hour = instance.cpu.iter().skip(1);
    in_hour.chain(instance.memory_mean_bytes.iter()).any(|sample| sample.is_some())
}

/// The instances one after another: each runs until the next starts or the container ends, and not beyond the slot in
/// which a scrape last saw it; how long it was down before the next is not known more closely.
fn runs<'a>(instances: &[&'a Instance], life: Life, pod_started: Option<i64>, hour: Hour) -> Vec<Run<'a>> {
    let mut runs: Vec<Run<'a>> = Vec::with_capacity(instances.len());
    for (n, instance) in instances.iter().enumerate() {
        let start = instance_start(instance, hour).max(life.start);
        if let Some(previous) = runs.last_mut() {
            previous.life.end = previous.life.end.min(start);
        }
        // Without a start time, the first instance started with its pod, and a later one after its predecessor.
        let known_start = instance.start_seconds.or(if n == 0 { pod_started } else { Some(start) });
        let from_zero = known_start.is_some_and(|start| start >= hour.start_seconds() - LOOK_BACK_SECONDS);
        let end = life.end.min(last_seen_end(instance, hour));
        runs.push(Run { instance, life: Life { start, end }, from_zero });
    }
    runs
}

fn add_running(slots: &mut [Slot; SLOTS_PER_HOUR], run: &Run<'_>, hour: Hour) {
    for (slot, seconds) in slots.iter_mut().zip(run.life.by_slot(hour)) {
        slot.running_seconds += seconds;
    }
}

/// Adds the differences of the counter. They telescope: their sum is the last value seen less the value at the
/// start of the hour, whatever lies between.
fn add_cpu(slots: &mut [Slot; SLOTS_PER_HOUR], run: &Run<'_>, hour: Hour) {
    let mut ends = run.instance.cpu.iter();
    let first = ends.next().flatten();
    let mut before = first.and_then(core_milliseconds).or(run.from_zero.then_some(0));
    let mut seconds_since = 0;
    for ((slot, end), seconds) in slots.iter_mut().zip(ends).zip(run.life.by_slot(hour)) {
        seconds_since += seconds;
        let Some(now) = end.and_then(core_milliseconds) else { continue };
        if let Some(before) = before {
            // A restart is another instance, so a counter that falls is a fault of collection, such as a replica that
            // lags: nothing is known of the span, and what it shows was counted before.
            *slot.core_milliseconds.get_or_insert(0) += (i128::from(now) - i128::from(before)).max(0);
            slot.cpu_seconds += seconds_since.max(LEAST_MEAN_SECONDS);
        }
        before = Some(now);
        seconds_since = 0;
    }
}

/// Adds what recorded rates say was used. There is no counter in them, so nothing telescopes: a slot without a rate adds
/// nothing, and what was used between the last rate and the end of the container is not known.
///
/// A rate between two scrapes, as a mean over the slot, holds for the seconds the container ran in it. One of five minutes
/// is what was used in the five minutes before the end of the slot, or of the pod where it was deleted, divided by five
/// minutes, however short it ran in them; of that the slot gets the share of those seconds that lie in it. Of a pod that
/// completed and stayed the rule is recorded on (`recorded_on`), so its last five minutes are those of the slot.
fn add_rates(
    slots: &mut [Slot; SLOTS_PER_HOUR],
    (rates, recorded_on): (Rates, bool),
    run: &Run<'_>,
    life: Life,
    hour: Hour,
) {
    let mut slot_end = hour.start_seconds();
    for ((slot, rate), seconds) in slots.iter_mut().zip(run.instance.cpu.iter().skip(1)).zip(run.life.by_slot(hour)) {
        slot_end += SLOT_SECONDS;
        let end = slot_end.min(life.end);
        let recorded_until = if recorded_on { slot_end } else { end };
        let ran = end - life.start.max(recorded_until - SLOT_SECONDS);
        let Some(rate) = rate.filter(|_| seconds > 0 && ran > 0) else { continue };
        #[expect(clippy::as_conversions, reason = "at most three hundred")]
        let core_seconds = match rates {
            Rates::TwoScrapes => rate * seconds as f64,
            Rates::FiveMinutes => rate * SLOT_SECONDS as f64 * (seconds as f64 / ran as f64),
        };
        if let Some(used) = core_milliseconds(core_seconds) {
            *slot.core_milliseconds.get_or_insert(0) += i128::from(used.max(0));
            slot.cpu_seconds += seconds.max(LEAST_MEAN_SECONDS);
        }
    }
}

/// The greatest CPU of each slot of which the mean is known too. A peak is the greatest of the moments that were recorded,
/// of which none need be as high as the mean.
fn peaks(means: SlotValues, recorded: Option<Grid<SLOTS_PER_HOUR>>) -> SlotValues {
    let Some(recorded) = recorded else { return SlotValues::default() };
    let mut peaks = means;
    for (peak, cores) in peaks.iter_mut().zip(recorded.iter()) {
        *peak = peak.and_then(|mean| Some(millicores(cores?)?.max(mean)));
    }
    peaks
}

/// Adds the gauges. What a rule says comes by name, so that of slots in which this container did not run is another's.
fn add_memory(slots: &mut [Slot; SLOTS_PER_HOUR], run: &Run<'_>, usage: Usage, hour: Hour) {
    let means = run.instance.memory_mean_bytes.iter();
    let maxima = run.instance.memory_max_bytes.iter();
    for (((slot, mean), max), seconds) in slots.iter_mut().zip(means).zip(maxima).zip(run.life.by_slot(hour)) {
        if seconds == 0 && usage != Usage::Cadvisor {
            continue;
        }
        #[expect(clippy::as_conversions, reason = "at most three hundred")]
        let kib_seconds = mean.and_then(|bytes| whole(bytes * seconds as f64 / 1024.0));
        if let Some(kib_seconds) = kib_seconds {
            *slot.kib_seconds.get_or_insert(0) += i128::from(kib_seconds);
            slot.memory_seconds += seconds;
        }
        slot.memory_max_bytes = [slot.memory_max_bytes, max].into_iter().flatten().reduce(f64::max);
    }
}

fn core_milliseconds(core_seconds: f64) -> Option<i64> {
    whole(core_seconds * 1000.0)
}

fn millicores(cores: f64) -> Option<i32> {
    whole(cores * 1000.0).and_then(fits)
}

fn sum(values: impl Iterator<Item = Option<i128>>) -> Option<i128> {
    values.flatten().fold(None, |sum, value| Some(sum.unwrap_or(0) + value))
}

/// A number as a column takes it; what does not fit is not known, and never the greatest number that does.
fn fits<A, B: TryFrom<A>>(number: A) -> Option<B> {
    B::try_from(number).ok()
}

/// `total / seconds`, rounded; `None` without samples or without time.
fn mean(total: Option<i128>, seconds: i64) -> Option<i32> {
    let (total, seconds) = (total.filter(|_| seconds > 0)?, i128::from(seconds));
    fits((total + seconds / 2) / seconds)
}

fn mean_mib(kib_seconds: Option<i128>, seconds: i64) -> Option<i32> {
    mean(kib_seconds, seconds * 1024)
}

fn ceil_mib(bytes: f64) -> Option<i32> {
    whole((bytes / (1024.0 * 1024.0)).ceil()).and_then(fits)
}

/// The list, unless it knows nothing.
fn known(slots: SlotValues) -> Option<SlotValues> {
    slots.iter().any(Option::is_some).then_some(slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 1_782_864_000;

    fn hour() -> Hour {
        Hour::starting_at(HOUR).unwrap()
    }

    fn pod() -> Pod {
        Pod { namespace: "ns".into(), name: "p".into(), node: "n".into(), ..Pod::default() }
    }

    /// A row of a container that lives from `start` to `end`, seconds of the hour.
    fn make(instances: &[Instance], start: i64, end: i64) -> ContainerHour {
        make_of(Usage::Cadvisor, None, instances, start, end)
    }

    fn make_of(
        usage: Usage,
        peaks: Option<Grid<SLOTS_PER_HOUR>>,
        instances: &[Instance],
        start: i64,
        end: i64,
    ) -> ContainerHour {
        let pod = pod();
        let identity =
            Identity { pod_uid: "u", container: "c", pod: &pod, resources: Resources::default(), usage, peaks };
        row(identity, Life { start: HOUR + start, end: HOUR + end }, instances.iter().collect(), hour())
    }

    fn counter(start: Option<i64>, edges: &[(usize, f64)]) -> Instance {
        let mut instance = Instance { start_seconds: start.map(|s| HOUR + s), ..Instance::default() };
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
        let row = make(&[counter(Some(-9000), &[(0, 0.0), (1, 30.0), (4, 120.0)])], -9000, 3600);
        assert_eq!(row.cpu_core_milliseconds, Some(120_000));
        assert_eq!(row.cpu_mean_millicores_by_slot.unwrap()[..4], [Some(100), None, None, Some(100)]);
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
    fn the_mean_of_a_short_stay_in_a_slot_is_not_inflated() {
        // Last seen by kube-state-metrics a second into the slot, by cAdvisor 54 s later: 2 cores, not 110.
        let row = make(&[counter(Some(-9000), &[(0, 0.0), (1, 600.0), (2, 710.0)])], -9000, 301);
        assert_eq!(row.cpu_mean_millicores_by_slot.unwrap()[..2], [Some(2000), Some(1833)]);
        assert_eq!(row.cpu_core_milliseconds, Some(710_000));
    }

    #[test]
    fn a_counter_that_falls_counts_nothing() {
        let row = make(&[counter(Some(-9000), &[(0, 900.0), (1, 930.0), (2, 920.0), (3, 950.0)])], -9000, 3600);
        assert_eq!(row.cpu_core_milliseconds, Some(60_000));
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
        make_of(Usage::Recorded { cpu, memory_rule: true }, None, &[counter(None, edges)], start, end)
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
        let usage = Usage::Recorded { cpu: Rates::FiveMinutes, memory_rule: true };
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
        let row = make_of(Usage::Cadvisor, Some(recorded), &[counter(Some(-9000), &edges)], -9000, 3600);
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
