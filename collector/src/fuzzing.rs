//! The way of an hour without a server, for `collector/fuzz` and for the property below.

use std::convert::Infallible;

use lake::SlotValues;
use lake::tables::{ContainerHour, NodeHour, PodHour, VolumeHour};
use types::window::HOUR_SECONDS;
use types::{Hour, SLOT_SECONDS};

use crate::dialect::{Dialect, label_spellings};
use crate::impossible_measurements::Doubts;
use crate::settings::Settings;
use crate::snapshot::{Between, Snapshot, Vanished};
use crate::{
    hour_edge_counters, hour_quality, node_rows, queries, single_cluster_check, snapshot_encoding, volume_rows,
};

/// Start of the hour the answers are taken to be of: 2026-06-30T12:00:00Z.
const HOUR: i64 = 1_782_820_800;

/// Takes answers, one a line, for those to the queries of an hour, and makes rows of them, in which no number is one that
/// cannot be.
pub fn fuzz_hour(answers: &[u8]) {
    let Some(hour) = Hour::starting_at(HOUR) else { return };
    let settings = Settings { pod_labels: vec!["a.b/c".to_owned(), "teamName".to_owned()], ..Settings::default() };
    let dialect = Dialect { old_cadvisor: true, cadvisor_jobs: true, ..Dialect::default() };
    let mut snapshot = Snapshot::new(&settings, &dialect);
    let questions = queries::questions(&settings, &dialect);
    let mut lines = answers.split(|byte| *byte == b'\n');
    for (query, body) in questions.iter().zip(lines.by_ref()) {
        // What cannot be read fails its hour; the others of it are tried all the same.
        let _unreadable = snapshot.read(query, body, HOUR);
    }
    snapshot.settle();
    for body in lines {
        let _unreadable = snapshot.read_last_seen(Vanished::Pods, body);
        let _unreadable = snapshot.read_last_seen(Vanished::Nodes, body);
        let _unreadable = snapshot.read_changed_nodes(body, hour);
        let _unreadable = snapshot.read_changed_pods(body, hour);
        for what in [Between::ReplicaSets, Between::Jobs] {
            let _unreadable = snapshot.read_changed_owners(what, body, hour);
        }
        drop(label_spellings(&String::from_utf8_lossy(body)));
    }
    snapshot.learn_limits();
    let _beyond = hour_edge_counters::of(&snapshot, hour);
    let _twice = single_cluster_check::twice(&snapshot);
    let _names = (snapshot.vanished(Vanished::Pods, hour), snapshot.vanished(Vanished::Nodes, hour));
    let _faults = hour_quality::faults(&snapshot, &[]);
    let nodes = node_rows::rows(&snapshot, &settings, hour, &mut Doubts::default());
    let volumes = volume_rows::rows(&snapshot, &nodes, &settings, hour, &mut Doubts::default());
    nodes.iter().for_each(assert_possible_node);
    volumes.iter().for_each(assert_possible_volume);
    let _load_balancers = crate::load_balancer_rows::rows(&snapshot.load_balancers, hour);
    let mut last = None;
    let Ok(_rest) = snapshot_encoding::each_pod(snapshot, &settings, hour, &mut |pod, containers| {
        assert!(containers.iter().all(|container| container.pod_uid == pod.pod_uid));
        assert!(last.as_ref() < Some(&pod.pod_uid), "pods come in the order of their uids");
        assert_possible_pod(&pod);
        containers.iter().for_each(assert_possible_container);
        last = Some(pod.pod_uid);
        Ok::<(), Infallible>(())
    });
}

/// The most of each that any machine can have, and what is counted over the ends of slots, which samples lie a little
/// before.
const MOST_MILLICORES: i64 = 1 << 25;
const MOST_BYTES: i64 = 1 << 46;
const MOST_COUNTED_BYTES: i64 = 1 << 60;

/// Fails where a number is less than nothing or more than any machine can have; one that is not known is neither.
fn assert_within<T: Into<i64>>(what: &str, most: i64, numbers: impl IntoIterator<Item = Option<T>>) {
    for number in numbers.into_iter().flatten().map(Into::into) {
        assert!((0..=most).contains(&number), "{what} is {number}");
    }
}

fn assert_possible_slots(what: &str, most: i64, slots: Option<SlotValues>) {
    assert_within(what, most, slots.into_iter().flatten());
}

fn assert_possible_container(row: &ContainerHour) {
    assert_within("CPU of a container", MOST_MILLICORES * HOUR_SECONDS, [row.cpu_core_milliseconds]);
    assert_within("memory of a container", (MOST_BYTES >> 10) * HOUR_SECONDS, [row.memory_kib_seconds]);
    assert_within("memory of a container", MOST_BYTES >> 10, [row.memory_max_kib]);
    assert_within("CPU of a container", MOST_MILLICORES, [row.cpu_max_millicores]);
    assert_within("a request", MOST_MILLICORES, [row.cpu_request_millicores, row.cpu_limit_millicores]);
    assert_within("a request", MOST_BYTES, [row.memory_request_bytes, row.memory_limit_bytes]);
    assert_within("seconds", HOUR_SECONDS, [row.running_seconds, row.interpolated_seconds]);
    assert_within("instances", 1 << 20, [Some(row.instances)]);
    assert_possible_slots("CPU of a slot", MOST_MILLICORES, row.cpu_mean_millicores_by_slot);
    assert_possible_slots("CPU of a slot", MOST_MILLICORES, row.cpu_max_millicores_by_slot);
    assert_possible_slots("memory of a slot", MOST_BYTES >> 20, row.memory_mean_mib_by_slot);
    assert_possible_slots("memory of a slot", MOST_BYTES >> 20, row.memory_max_mib_by_slot);
}

fn assert_possible_pod(row: &PodHour) {
    assert_within("life of a slot", SLOT_SECONDS, row.alive_seconds_by_slot);
    assert_within("a request", MOST_MILLICORES, [row.cpu_effective_request_millicores]);
    assert_within("a request", MOST_BYTES, [row.memory_effective_request_bytes]);
}

fn assert_possible_node(row: &NodeHour) {
    assert_within("life", HOUR_SECONDS, [Some(row.up_seconds)]);
    assert_within("CPU of a node", MOST_MILLICORES, [row.cpu_capacity_millicores, row.cpu_allocatable_millicores]);
    assert_within("memory of a node", MOST_BYTES, [row.memory_capacity_bytes, row.memory_allocatable_bytes]);
    assert_within("disk of a node", 1 << 50, [row.root_disk_bytes]);
    assert_within("pods of a node", 10_000, [row.pods_capacity]);
    let counted = [row.network_receive_bytes, row.network_transmit_bytes, row.disk_read_bytes, row.disk_written_bytes];
    assert_within("bytes of a node", MOST_COUNTED_BYTES, counted);
    assert_possible_slots("CPU of a slot", MOST_MILLICORES, row.cpu_used_millicores_by_slot);
    assert_possible_slots("CPU of a slot", MOST_MILLICORES, row.cpu_steal_millicores_by_slot);
    assert_possible_slots("memory of a slot", MOST_BYTES >> 19, row.memory_used_mib_by_slot);
    assert_possible_slots("memory of a slot", MOST_BYTES >> 19, row.memory_touched_mib_by_slot);
}

fn assert_possible_volume(row: &VolumeHour) {
    assert_within("life", HOUR_SECONDS, [Some(row.present_seconds)]);
    assert_within("bytes of a volume", i64::MAX, [row.capacity_bytes, row.used_max_bytes]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str = include_str!("../fuzz/corpus/hour/whole");

    /// Values that servers have been seen to send, and those at the ends of what a number can be.
    const HOSTILE: [&str; 16] = [
        "0",
        "-1",
        "1",
        "0.5",
        "1.8446744073709552e19",
        "9.2233720368547e18",
        "-9.2233720368547e18",
        "8.9e18",
        "-8.9e18",
        "9007199254740993",
        "4294967296",
        "2147483648",
        "-62135596800",
        "1e300",
        "-1e300",
        "4e-320",
    ];

    /// The answers with some values replaced, chosen by `choices`: about one value in `one_in`.
    fn with_hostile_values(choices: &[usize], one_in: usize) -> String {
        let mut text = String::with_capacity(WHOLE.len());
        let mut choices = choices.iter().copied().cycle();
        for (n, part) in WHOLE.split(",\"").enumerate() {
            let value = part.split_once("\"]").filter(|(value, _)| value.parse::<f64>().is_ok());
            let choice = choices.next().unwrap_or_default();
            if n > 0 {
                text.push_str(",\"");
            }
            match value.filter(|_| choice % one_in == 0) {
                Some((_, rest)) => {
                    text.push_str(HOSTILE[choice / one_in % HOSTILE.len()]);
                    text.push_str("\"]");
                    text.push_str(rest);
                }
                None => text.push_str(part),
            }
        }
        text
    }

    #[test]
    fn the_answers_are_an_hour_before_anything_is_replaced() {
        assert_eq!(with_hostile_values(&[1], 2), WHOLE);
        assert_ne!(with_hostile_values(&[0], 2), WHOLE);
        fuzz_hour(WHOLE.as_bytes());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_number_a_server_sends_makes_an_hour_panic_or_is_believed_where_it_cannot_be(
            choices in prop::collection::vec(0_usize..10_000, 1..400),
            one_in in 1_usize..20,
        ) {
            fuzz_hour(with_hostile_values(&choices, one_in).as_bytes());
        }
    }
}
