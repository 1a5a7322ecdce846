//! When pods live, and what they reserve.

use lake::tables::PodHour;
use types::{Hour, SLOT_SECONDS};

use crate::lifespan::Life;
use crate::machine_limits::Limits;
use crate::numbers::{int32, whole};
use crate::settings::Settings;
use crate::snapshot::{Amount, Name, Pod, Resources, SmallSet, Snapshot, edge_time};
use crate::workload_owner::workload;

/// Source of the end of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndSource {
    /// All its containers completed, at this second.
    Completed,
    /// Its phase says it ended, from this slot on; it reports no completion.
    Phase,
    /// It vanished: the last scrape that saw it. It may have lived up to one scrape interval longer.
    LastSeen,
}

impl EndSource {
    fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Phase => "phase",
            Self::LastSeen => "last_seen",
        }
    }
}

/// When a pod held its requests, seen from one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PodLife {
    /// From its binding to a node to its end, or to the end of the hour.
    pub(crate) life: Life,
    /// Its end, when it ended before the hour did.
    pub(crate) ended: Option<(i64, EndSource)>,
}

/// Evidence of a pod's end beside its own series in kube-state-metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Listing {
    /// The last scrape that saw any pod: one that it did not see is gone.
    pub(crate) latest_scrape_seconds: Option<i64>,
    /// When the next pod of its name was created.
    pub(crate) replaced_seconds: Option<i64>,
    /// The end of its node, where that is not there to the end of the hour.
    pub(crate) node_end_seconds: Option<i64>,
}

/// Time a pod may be listed after its node is gone, before that says nothing of its life: one that hangs in its
/// termination is listed for ever.
const OUTLIVES_NODE_SECONDS: i64 = SLOT_SECONDS;

/// The life of a pod. `ran_until` tells until when its containers certainly ran after a moment.
pub(crate) fn life(pod: &Pod, hour: Hour, listing: Listing, ran_until: impl Fn(i64) -> Option<i64>) -> PodLife {
    let bound = pod.scheduled_seconds.or(pod.started_seconds).or(pod.created_seconds);
    let ended = ended(pod, hour, listing, ran_until).filter(|(end, _)| *end < hour.end_seconds());
    // A pod of which no moment is known was there when the hour began, as far as anyone can tell.
    let start = bound.unwrap_or_else(|| hour.start_seconds());
    let end = ended.map_or_else(|| hour.end_seconds(), |(end, _)| end);
    PodLife { life: Life { start, end }, ended }
}

fn ended(pod: &Pod, hour: Hour, listing: Listing, ran_until: impl Fn(i64) -> Option<i64>) -> Option<(i64, EndSource)> {
    if let Some(completed) = completed(pod, hour) {
        return Some((completed, EndSource::Completed));
    }
    if let Some(slot) = pod.ended_slots.iter().position(|ended| *ended) {
        return Some((edge_time(slot, hour), EndSource::Phase));
    }
    let seen = pod.last_seen_seconds.filter(|seen| Some(*seen) < listing.latest_scrape_seconds);
    let listed_until = seen.unwrap_or_else(|| hour.end_seconds());
    let node_end = listing.node_end_seconds.filter(|end| *end < listed_until.saturating_sub(OUTLIVES_NODE_SECONDS));
    let gone = node_end.or(seen).map(|gone| ran_until(gone).map_or(gone, |ran| ran.max(gone)));
    let end = gone.into_iter().chain(listing.replaced_seconds).min()?;
    Some((end, EndSource::LastSeen))
}

/// When a pod completed by the clock of the API server. The kubelet says it, by the clock of its node: where by that the
/// pod started before it was bound, the clock is behind by the difference at least. And a scrape that saw the pod ended
/// came after its end.
fn completed(pod: &Pod, hour: Hour) -> Option<i64> {
    let moments = pod.scheduled_seconds.zip(pod.started_seconds);
    let behind = moments.map_or(0, |(bound, started)| bound.saturating_sub(started).max(0));
    let completed = pod.completion()?.saturating_add(behind);
    let ended = pod.ended_slots.iter().position(|ended| *ended);
    let seen = ended.map(|slot| edge_time(slot + 1, hour));
    Some(seen.map_or(completed, |seen| seen.min(completed)))
}

/// Counts the requests of a pod that are more than its node can hold, such as one of a resize in place that the kubelet
/// cannot grant: those of containers, and of the pod where no container's alone is too much. `row` is the pod's.
pub(crate) fn impossible_requests(pod: &Pod, row: &PodHour, limits: Limits) -> usize {
    let of = |allows: fn(&Resources, Limits) -> bool| pod.containers.iter().filter(|(_, c)| !allows(c, limits)).count();
    let asks = |amount: fn(&Resources) -> bool| pod.containers.iter().any(|(_, c)| amount(c));
    let is_unknown =
        |amount: fn(&Resources) -> bool, known: bool| !known && row.pod_level_requests != Some(true) && asks(amount);
    let cpu = is_unknown(|c| c.cpu_request_cores.is_some(), row.cpu_effective_request_millicores.is_some());
    let memory = is_unknown(|c| c.memory_request_bytes.is_some(), row.memory_effective_request_bytes.is_some());
    of(allows_cpu).max(usize::from(cpu)) + of(allows_memory).max(usize::from(memory))
}

fn allows_cpu(container: &Resources, limits: Limits) -> bool {
    container.cpu_request_cores.is_none_or(|cores| limits.allow_cores(cores))
}

fn allows_memory(container: &Resources, limits: Limits) -> bool {
    container.memory_request_bytes.is_none_or(|bytes| limits.allow_memory(bytes, false))
}

/// The row of a pod; `None` when it did not hold its requests for a second of the hour. `started` tells when a container
/// started first, as far as cAdvisor shows it. What its node cannot hold is an unknown request.
pub(crate) fn row(
    snapshot: &Snapshot,
    settings: &Settings,
    (uid, pod): (&str, &Pod),
    pod_life: PodLife,
    started: &dyn Fn(&str) -> Option<i64>,
    hour: Hour,
) -> Option<PodHour> {
    if pod_life.life.within(hour).seconds() == 0 {
        return None;
    }
    let (workload_kind, workload) = workload(snapshot, pod);
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let texts = |names: &SmallSet<Name>| names.keys().map(|name| name.to_string()).collect();
    let pod_level_requests = pod_level_requests(snapshot, pod);
    let order = InitOrder { pod, started };
    let limits = snapshot.limits_of(&pod.node);
    let (cpu, memory) = if pod_level_requests == Some(true) { (None, None) } else { effective_request(&order, limits) };
    let hpa_known = snapshot.autoscalers_listed || !snapshot.autoscaled.is_empty();
    let hpa_target = hpa_known.then(|| {
        let target = (Name::clone(&pod.namespace), Name::clone(&workload_kind), Name::clone(&workload));
        snapshot.autoscaled.contains(&target)
    });
    Some(PodHour {
        hour_start_seconds: hour.start_seconds(),
        pod_uid: uid.to_owned(),
        namespace: pod.namespace.to_string(),
        pod: pod.name.to_string(),
        node: pod.node.to_string(),
        workload_kind: workload_kind.to_string(),
        workload: workload.to_string(),
        created_seconds: pod.created_seconds,
        scheduled_seconds: pod.scheduled_seconds,
        started_seconds: pod.started_seconds,
        ended_seconds: pod_life.ended.map(|(seconds, _)| seconds),
        ended_source: pod_life.ended.map(|(_, source)| source.as_str().to_owned()),
        alive_seconds_by_slot: pod_life.life.by_slot(hour).map(|seconds| Some(int32(seconds))),
        qos_class: known(&pod.qos_class),
        priority_class: known(&pod.priority_class),
        host_network: match &*pod.host_network {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        cpu_effective_request_millicores: cpu,
        memory_effective_request_bytes: memory,
        hpa_target,
        node_selector: pod.node_selector.as_ref().map(texts),
        tolerations: snapshot.tolerations_exposed.then(|| texts(&pod.tolerations)),
        labels: labels(snapshot, settings, pod),
        volume_claims: texts(&pod.claims),
        extended_requests: snapshot.resources_exposed.then(|| extended_requests(&order)),
        pod_level_requests,
    })
}

/// Returns whether a pod asks for CPU or memory as a whole, which shows in its class: of one that is guaranteed every
/// container has requests and limits of both, and of a burstable one any has one of either. `None` where the class is
/// not known, or where what would tell is not exposed: of containers, or of init containers where the pod has one.
///
/// A burstable pod that asks as a whole beside its containers looks like any other.
fn pod_level_requests(snapshot: &Snapshot, pod: &Pod) -> Option<bool> {
    let is_exposed = |amount: &Amount| snapshot.amounts_exposed.contains(amount);
    if !Amount::all(false).iter().any(is_exposed) {
        return None;
    }
    let containers = || pod.containers.iter().map(|(_, container)| container);
    // Counts what is exposed of containers, and is of none.
    let lacks = |c: &Resources| Amount::all(c.init).iter().any(|amount| is_exposed(amount) && amount.of(c).is_none());
    let has_any = |c: &Resources| Amount::all(c.init).iter().any(|amount| amount.of(c).is_some());
    let requests_show = |init| Amount::all(init).iter().filter(|amount| !amount.limit).all(is_exposed);
    let any_init = containers().any(|c| c.init);
    match &*pod.qos_class {
        // Every container has them, so one that shows none of what others show has them from its pod.
        "Guaranteed" if !containers().any(|c| !c.init) || containers().any(lacks) => Some(true),
        "Guaranteed" => (!any_init || requests_show(true)).then_some(false),
        "Burstable" if containers().any(has_any) => Some(false),
        // What is not shown may be what makes it burstable.
        "Burstable" => (requests_show(false) && (!any_init || requests_show(true))).then_some(true),
        "BestEffort" => Some(false),
        _ => None,
    }
}

/// The allow-listed labels of a pod; `None` when none are asked for, or none are exposed of any pod or of this one.
fn labels(snapshot: &Snapshot, settings: &Settings, pod: &Pod) -> Option<Vec<String>> {
    if settings.pod_labels.is_empty() || !snapshot.labels_exposed {
        return None;
    }
    let labels = pod.labels.as_ref()?;
    Some(labels.iter().map(|(key, value)| format!("{key}={value}")).collect())
}

/// Resources the scheduler reserves beside CPU and memory, by the same rule, as `resource=amount`.
fn extended_requests(order: &InitOrder<'_>) -> Vec<String> {
    let pod = order.pod;
    let mut resources: Vec<&str> = pod.extended.iter().map(|((resource, _), _)| &**resource).collect();
    resources.dedup();
    let amount = |resource: &str| {
        let amount = effective(order, |name, _| {
            pod.extended.iter().find(|((of, container), _)| **of == *resource && **container == *name).map(|(_, n)| *n)
        });
        Some(format!("{resource}={}", whole(amount?)?))
    };
    resources.into_iter().filter_map(amount).collect()
}

/// Resources the scheduler reserves for a pod, in millicores and bytes; `None` where nothing is requested, or something
/// that its node cannot hold, by itself or together.
fn effective_request(order: &InitOrder<'_>, limits: Limits) -> (Option<i32>, Option<i64>) {
    let pod = order.pod;
    let all = |allows: fn(&Resources, Limits) -> bool| pod.containers.iter().all(|(_, c)| allows(c, limits));
    let cpu = effective(order, |_, c| c.cpu_request_cores.map(|cores| cores * 1000.0));
    let memory = effective(order, |_, c| c.memory_request_bytes);
    let cpu = plus(cpu, pod.overhead_cores.map(|cores| cores * 1000.0));
    let memory = plus(memory, pod.overhead_bytes);
    let cpu = cpu.filter(|cores| all(allows_cpu) && limits.allow_cores(*cores / 1000.0));
    let memory = memory.filter(|bytes| all(allows_memory) && limits.allow_memory(*bytes, false));
    (cpu.and_then(whole).map(int32), memory.and_then(whole))
}

/// The longest that a sidecar which comes after all init containers may have started before its pod counts as initialized,
/// in seconds: it is the last that the kubelet waits for. Both moments are whole seconds.
const LAST_STARTED_SECONDS: i64 = 1;

/// The order in which a pod's init containers and sidecars start, as far as it shows.
struct InitOrder<'a> {
    pod: &'a Pod,
    /// When a container started first.
    started: &'a dyn Fn(&str) -> Option<i64>,
}

impl InitOrder<'_> {
    /// Returns whether a sidecar started after the init containers were through: then it runs beside none of them
    /// (KEP-753). No metric has the order; it shows where the pod was initialized as soon as the sidecar had started.
    /// One that restarted since does not show it.
    fn is_last(&self, sidecar: &str) -> bool {
        let since =
            self.pod.initialized_seconds.zip((self.started)(sidecar)).map(|(at, started)| at.saturating_sub(started));
        since.is_some_and(|seconds| (0..=LAST_STARTED_SECONDS).contains(&seconds))
    }
}

/// The larger of what runs together and of the largest init container, with the sidecars that run beside each.
///
/// A sidecar counts beside every init container unless it is known to start after them.
fn effective(order: &InitOrder<'_>, request: impl Fn(&str, &Resources) -> Option<f64>) -> Option<f64> {
    let (mut together, mut largest_init, mut any) = (0.0_f64, 0.0_f64, false);
    let (mut sidecars, mut early_sidecars) = (0.0, 0.0);
    for (name, container) in order.pod.containers.iter() {
        let Some(amount) = request(name, container) else { continue };
        any = true;
        match (container.init, container.sidecar) {
            (true, false) => largest_init = largest_init.max(amount),
            (true, true) => {
                sidecars += amount;
                early_sidecars += if order.is_last(name) { 0.0 } else { amount };
            }
            (false, _) => together += amount,
        }
    }
    any.then(|| (together + sidecars).max(largest_init + early_sidecars))
}

fn plus(request: Option<f64>, overhead: Option<f64>) -> Option<f64> {
    match (request, overhead) {
        (None, None) => None,
        (request, overhead) => Some(request.unwrap_or(0.0) + overhead.unwrap_or(0.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Measure;

    const HOUR: i64 = 1_782_864_000;

    fn hour() -> Hour {
        Hour::starting_at(HOUR).unwrap()
    }

    fn check_life(pod: &Pod, latest: Option<i64>, start: i64, end: i64, ended: Option<(i64, EndSource)>) {
        let listing = Listing { latest_scrape_seconds: latest.map(|s| HOUR + s), ..Listing::default() };
        let got = life(pod, hour(), listing, |_| None);
        let expect = PodLife {
            life: Life { start: HOUR + start, end: HOUR + end },
            ended: ended.map(|(s, source)| (HOUR + s, source)),
        };
        assert_eq!(got, expect);
    }

    #[test]
    fn a_pod_holds_its_requests_from_binding_to_end() {
        let pod = Pod {
            created_seconds: Some(HOUR + 95),
            scheduled_seconds: Some(HOUR + 100),
            started_seconds: Some(HOUR + 102),
            last_seen_seconds: Some(HOUR + 3700),
            ..Pod::default()
        };
        check_life(&pod, Some(3700), 100, 3600, None);
        let completed = Pod { completed_seconds: Some(HOUR + 200), ended: true, ..pod.clone() };
        check_life(&completed, Some(3700), 100, 200, Some((200, EndSource::Completed)));
        let later = Pod { completed_seconds: Some(HOUR + 3650), ended: true, ..pod.clone() };
        check_life(&later, Some(3700), 100, 3600, None);
    }

    #[test]
    fn a_completion_by_a_clock_that_is_wrong_is_moved_to_where_it_was() {
        // The clock of the node is four minutes behind: it started at 602 and ended at 640.
        let pod = Pod {
            scheduled_seconds: Some(HOUR + 600),
            started_seconds: Some(HOUR + 362),
            completed_seconds: Some(HOUR + 400),
            ended: true,
            ..Pod::default()
        };
        check_life(&pod, Some(3700), 600, 638, Some((638, EndSource::Completed)));
        // It is eleven minutes ahead, and a scrape saw the pod ended before.
        let mut pod = Pod {
            scheduled_seconds: Some(HOUR - 500),
            started_seconds: Some(HOUR + 160),
            completed_seconds: Some(HOUR + 1_860),
            ended: true,
            ..Pod::default()
        };
        pod.ended_slots[4..].fill(true);
        check_life(&pod, Some(3700), -500, 1_500, Some((1_500, EndSource::Completed)));
    }

    #[test]
    fn a_request_that_the_node_cannot_hold_is_unknown_by_itself_and_in_a_sum() {
        let limits = Limits { millicores: 4_000, memory_bytes: 16e9 };
        let check = |requests: &[(f64, f64)], expect: (Option<i32>, Option<i64>), impossible: usize| {
            let resources = |(cores, bytes): &(f64, f64)| Resources {
                cpu_request_cores: Some(*cores),
                memory_request_bytes: Some(*bytes),
                ..Resources::default()
            };
            let named = requests.iter().enumerate().map(|(n, c)| (Name::from(n.to_string()), resources(c)));
            let pod = Pod { containers: named.collect(), ..Pod::default() };
            let request = effective_request(&InitOrder { pod: &pod, started: &|_| None }, limits);
            let row = PodHour {
                cpu_effective_request_millicores: request.0,
                memory_effective_request_bytes: request.1,
                ..PodHour::default()
            };
            assert_eq!((request, impossible_requests(&pod, &row, limits)), (expect, impossible), "{requests:?}");
        };
        check(&[(4.0, 16e9)], (Some(4_000), Some(16_000_000_000)), 0);
        check(&[(1.0, 1e9), (4.1, 1e9)], (None, Some(2_000_000_000)), 1);
        check(&[(1.0, -1.0), (1.0, 1e9)], (Some(2_000), None), 1);
        check(&[(3.0, 1e9), (3.0, 17e9)], (None, None), 2);
    }

    #[test]
    fn one_container_that_terminated_is_not_the_end_of_its_pod() {
        let pod = Pod {
            scheduled_seconds: Some(HOUR - 500),
            completed_seconds: Some(HOUR + 600),
            last_seen_seconds: Some(HOUR + 3700),
            ..Pod::default()
        };
        check_life(&pod, Some(3700), -500, 3600, None);
        let gone = Pod { last_seen_seconds: Some(HOUR + 2000), ..pod };
        check_life(&gone, Some(3700), -500, 2000, Some((2000, EndSource::LastSeen)));
    }

    #[test]
    fn a_pod_that_vanished_ends_when_it_was_last_seen() {
        let pod = Pod { scheduled_seconds: Some(HOUR - 50), last_seen_seconds: Some(HOUR + 1000), ..Pod::default() };
        check_life(&pod, Some(3700), -50, 1000, Some((1000, EndSource::LastSeen)));
        let after = Pod { last_seen_seconds: Some(HOUR + 3640), ..pod.clone() };
        check_life(&after, Some(3700), -50, 3600, None);
        // The last scrape of all saw it: nothing says that it ended.
        check_life(&pod, Some(1000), -50, 3600, None);
        check_life(&pod, None, -50, 3600, None);
    }

    #[test]
    fn an_evicted_pod_ends_with_its_phase() {
        let mut pod = Pod { scheduled_seconds: Some(HOUR), ..Pod::default() };
        pod.ended_slots[2..].fill(true);
        check_life(&pod, Some(3700), 0, 600, Some((600, EndSource::Phase)));
    }

    #[test]
    fn a_pod_ends_no_later_than_its_node_or_its_name_and_no_earlier_than_its_containers() {
        let pod = Pod { scheduled_seconds: Some(HOUR - 50), last_seen_seconds: Some(HOUR + 3_187), ..Pod::default() };
        let check = |node_end: Option<i64>, replaced: Option<i64>, ran: Option<i64>, expect: i64| {
            let listing = Listing {
                latest_scrape_seconds: Some(HOUR + 3_700),
                replaced_seconds: replaced.map(|s| HOUR + s),
                node_end_seconds: node_end.map(|s| HOUR + s),
            };
            let got = life(&pod, hour(), listing, |_| ran.map(|s| HOUR + s));
            assert_eq!(got.life.end - HOUR, expect, "{node_end:?} {replaced:?} {ran:?}");
        };
        check(None, None, None, 3_187);
        check(None, None, Some(3_600), 3_600);
        check(Some(1_000), None, None, 1_000);
        check(Some(1_000), None, Some(1_500), 1_500);
        // Deleted a minute after its node, as it should be.
        check(Some(3_100), None, None, 3_187);
        check(None, Some(2_000), Some(3_600), 2_000);
    }

    #[test]
    fn a_class_that_no_container_explains_is_of_requests_of_the_pod() {
        let container = |cpu, memory, cpu_limit, memory_limit| Resources {
            cpu_request_cores: cpu,
            memory_request_bytes: memory,
            cpu_limit_cores: cpu_limit,
            memory_limit_bytes: memory_limit,
            ..Resources::default()
        };
        let check = |class: &str, containers: &[Resources], limits_exposed: bool, expect: Option<bool>| {
            let named = containers.iter().enumerate().map(|(n, c)| (Name::from(n.to_string()), *c));
            let pod = Pod { containers: named.collect(), qos_class: class.into(), ..Pod::default() };
            let mut snapshot = Snapshot::default();
            snapshot.amounts_exposed =
                Amount::all(false).into_iter().filter(|amount| limits_exposed || !amount.limit).collect();
            assert_eq!(pod_level_requests(&snapshot, &pod), expect, "{class} {containers:?}");
            assert_eq!(pod_level_requests(&Snapshot::default(), &pod), None);
        };
        let (none, one) = (container(None, None, None, None), Some(1.0));
        let whole = container(one, one, one, one);
        check("Guaranteed", &[], true, Some(true));
        check("Guaranteed", &[none], true, Some(true));
        check("Guaranteed", &[whole], true, Some(false));
        check("Guaranteed", &[whole, none], true, Some(true));
        check("Guaranteed", &[container(Some(0.1), None, None, None)], true, Some(true));
        check("Guaranteed", &[container(one, one, None, None)], true, Some(true));
        check("Guaranteed", &[container(one, one, None, None)], false, Some(false));
        check("Burstable", &[none], true, Some(true));
        check("Burstable", &[none, container(None, one, None, None)], true, Some(false));
        check("BestEffort", &[], true, Some(false));
        check("", &[], true, None);
    }

    #[test]
    fn requests_that_are_not_exposed_are_not_taken_for_those_of_the_pod() {
        let one = Some(1.0);
        let whole = Resources {
            cpu_request_cores: one,
            memory_request_bytes: one,
            cpu_limit_cores: one,
            memory_limit_bytes: one,
            ..Resources::default()
        };
        let init = Resources { init: true, ..Resources::default() };
        let cpu_alone = Resources { memory_request_bytes: None, memory_limit_bytes: None, ..whole };
        let check = |class: &str, containers: &[Resources], exposed: &[Amount], expect: Option<bool>| {
            let named = containers.iter().enumerate().map(|(n, c)| (Name::from(n.to_string()), *c));
            let pod = Pod { containers: named.collect(), qos_class: class.into(), ..Pod::default() };
            let mut snapshot = Snapshot::default();
            snapshot.amounts_exposed = exposed.iter().copied().collect();
            assert_eq!(pod_level_requests(&snapshot, &pod), expect, "{class} {containers:?} {exposed:?}");
        };
        let (main, all) = (Amount::all(false), [Amount::all(false), Amount::all(true)].concat());
        let cpu: Vec<_> = main.into_iter().filter(|amount| amount.resource == Measure::Cpu).collect();
        // What init containers ask for is dropped, and what they are is not.
        check("Guaranteed", &[whole, init], &main, None);
        check("Guaranteed", &[whole, init], &all, Some(true));
        check("Guaranteed", &[whole, Resources { init: true, ..whole }], &all, Some(false));
        check("Burstable", &[Resources::default(), init], &main, None);
        check("Burstable", &[Resources::default(), init], &all, Some(true));
        // Memory is dropped.
        check("Guaranteed", &[cpu_alone], &cpu, Some(false));
        check("Guaranteed", &[cpu_alone], &main, Some(true));
        check("Burstable", &[Resources::default()], &cpu, None);
    }

    fn check_effective(containers: &[(bool, bool, Option<f64>)], overhead: Option<f64>, expect: Option<i32>) {
        let resources = |(init, sidecar, cpu): &(bool, bool, Option<f64>)| Resources {
            init: *init,
            sidecar: *sidecar,
            cpu_request_cores: *cpu,
            ..Resources::default()
        };
        let named = containers.iter().enumerate().map(|(n, c)| (Name::from(n.to_string()), resources(c)));
        let pod = Pod { containers: named.collect(), overhead_cores: overhead, ..Pod::default() };
        assert_eq!(
            effective_request(&InitOrder { pod: &pod, started: &|_| None }, Limits::default()).0,
            expect,
            "{containers:?}"
        );
    }

    #[test]
    fn the_effective_request_is_what_the_scheduler_reserves() {
        check_effective(&[(false, false, Some(0.25)), (false, false, Some(0.1))], None, Some(350));
        check_effective(&[(false, false, Some(0.25)), (true, false, Some(1.0))], None, Some(1000));
        check_effective(&[(false, false, Some(0.25)), (true, true, Some(0.1))], None, Some(350));
        check_effective(
            &[(false, false, Some(0.25)), (true, true, Some(0.1)), (true, false, Some(1.0))],
            None,
            Some(1100),
        );
        check_effective(&[(false, false, Some(0.25))], Some(0.05), Some(300));
        check_effective(&[(false, false, None)], None, None);
    }

    #[test]
    fn a_sidecar_that_starts_last_runs_beside_no_init_container() {
        let check = |initialized: Option<i64>, started: Option<i64>, expect: i32| {
            let cores =
                |n: f64, init, sidecar| Resources { cpu_request_cores: Some(n), init, sidecar, ..Resources::default() };
            let containers = [
                ("app", cores(0.5, false, false)),
                ("proxy", cores(0.1, true, true)),
                ("setup", cores(1.0, true, false)),
            ];
            let containers = containers.into_iter().map(|(name, c)| (Name::from(name), c)).collect();
            let pod = Pod { containers, initialized_seconds: initialized, ..Pod::default() };
            let started = |name: &str| started.filter(|_| name == "proxy");
            let request = effective_request(&InitOrder { pod: &pod, started: &started }, Limits::default());
            assert_eq!(request.0, Some(expect), "{initialized:?} {started:?}", started = started("proxy"));
        };
        check(Some(HOUR), Some(HOUR), 1_000);
        check(Some(HOUR + 1), Some(HOUR), 1_000);
        // An init container ran after it, it restarted since, or nothing tells.
        check(Some(HOUR + 2), Some(HOUR), 1_100);
        check(Some(HOUR), Some(HOUR + 1), 1_100);
        check(None, Some(HOUR), 1_100);
        check(Some(HOUR), None, 1_100);
    }
}
