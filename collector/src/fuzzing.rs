//! The way of an hour without a server, for `collector/fuzz`.

use std::convert::Infallible;

use types::Hour;

use crate::dialect::{Dialect, label_spellings};
use crate::doubt::Doubts;
use crate::settings::Settings;
use crate::snapshot::{Between, Snapshot, Vanished};
use crate::{gaps, node, quality, queries, rows, volume, worlds};

/// Start of the hour the answers are taken to be of: 2026-06-30T12:00:00Z.
const HOUR: i64 = 1_782_820_800;

/// Takes answers, one a line, for those to the queries of an hour, and makes rows of them.
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
    let _beyond = gaps::of(&snapshot, hour);
    let _twice = worlds::twice(&snapshot);
    let _names = (snapshot.vanished(Vanished::Pods, hour), snapshot.vanished(Vanished::Nodes, hour));
    let _faults = quality::faults(&snapshot, &[]);
    let nodes = node::rows(&snapshot, &settings, hour, &mut Doubts::default());
    let _volumes = volume::rows(&snapshot, &nodes, &settings, hour);
    let mut last = None;
    let Ok(_rest) = rows::each_pod(snapshot, &settings, hour, &mut |pod, containers| {
        assert!(containers.iter().all(|container| container.pod_uid == pod.pod_uid));
        assert!(last.as_ref() < Some(&pod.pod_uid), "pods come in the order of their uids");
        last = Some(pod.pod_uid);
        Ok::<(), Infallible>(())
    });
}
