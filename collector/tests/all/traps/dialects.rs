//! Names of labels that change within an hour, or that differ between nodes.

use lake::tables::{ContainerHour, NodeHour, PodHour};

use crate::world::*;

/// The same with the names that cAdvisor had before Kubernetes 1.16.
fn with_old_names(world: World) -> World {
    world.renamed("container_", "pod", "pod_name").renamed("container_", "container", "container_name")
}

fn is_measured(labels: &Labels) -> bool {
    labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("container_"))
}

/// The world with the old names of cAdvisor until a second of the hour.
fn upgraded(world: World, at: i64) -> World {
    let (mut old, mut new) = (with_old_names(world.clone()), world);
    let moment = (HOUR + at) * 1000;
    for (_, samples) in new.series.iter_mut().filter(|(labels, _)| is_measured(labels)) {
        samples.retain(|sample| sample.milliseconds >= moment);
    }
    old.series.retain(|(labels, _)| is_measured(labels));
    old.series.iter_mut().for_each(|(_, samples)| samples.retain(|sample| sample.milliseconds < moment));
    new.series.extend(old.series);
    new
}

/// Holds everything that two worlds say of usage against each other.
async fn check_same(test: &str, world: World, expect: World) -> Option<()> {
    let expect = collected(test, expect).await?;
    let got = collected(test, world).await?;
    assert_eq!(got.failed, None);
    assert_eq!(got.rows::<ContainerHour>().await, expect.rows::<ContainerHour>().await);
    assert_eq!(got.rows::<NodeHour>().await, expect.rows::<NodeHour>().await);
    assert_eq!(got.rows::<PodHour>().await, expect.rows::<PodHour>().await);
    let mut faults = Vec::new();
    for hours in [&got, &expect] {
        faults.push(hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest.faults);
    }
    assert_eq!(faults[0], faults[1]);
    Some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubelet_that_is_upgraded_from_the_old_names_loses_nothing() {
    let test = "a_kubelet_that_is_upgraded_from_the_old_names_loses_nothing";
    // Within the hour at the edge of a slot and in the middle of one, and just around its edges.
    for at in [1_800, 1_950, 10, -60, 3_570] {
        if check_same(test, upgraded(plain(), at), plain()).await.is_none() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_old_and_new_names_are_read_side_by_side() {
    let test = "nodes_of_old_and_new_names_are_read_side_by_side";
    let mut both = plain();
    both.node("n2", -9000);
    let mut other = World::default();
    other.pod("p2", "1f3a1b2c-1111-2222-3333-444455556666", 3_900);
    for (labels, _) in &mut other.series {
        labels.iter_mut().filter(|(k, _)| k == "node").for_each(|(_, node)| "n2".clone_into(node));
    }
    let mut mixed = both.clone();
    mixed.series.extend(with_old_names(other.clone()).series);
    both.series.extend(other.series);
    if check_same(test, mixed.clone(), both).await.is_none() {
        return;
    }
    let hours = collected(test, mixed).await.unwrap();
    let used: Vec<_> = hours.rows::<ContainerHour>().await.iter().map(|row| row.cpu_core_milliseconds).collect();
    assert_eq!(used, [Some(1_800_000); 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_of_replicas_that_is_renamed_within_the_hour_loses_nothing() {
    let test = "a_label_of_replicas_that_is_renamed_within_the_hour_loses_nothing";
    let mut world = World::default();
    for name in ["a", "b"] {
        for (label, span) in [("prometheus_replica", -600..1_800), ("replica", 1_800..3_900)] {
            let mut replica = plain();
            for (labels, samples) in &mut replica.series {
                labels.push((label.to_owned(), name.to_owned()));
                labels.sort();
                samples.retain(|sample| span.contains(&(sample.milliseconds.div_euclid(1000) - HOUR)));
            }
            world.series.extend(replica.series);
        }
    }
    let Some(hours) = collected(test, world).await else { return };
    assert_eq!(hours.failed, None);
    let rows = hours.rows::<ContainerHour>().await;
    assert_eq!(rows.iter().map(|row| row.cpu_core_milliseconds).collect::<Vec<_>>(), [Some(1_800_000)]);
    assert_eq!(rows[0].memory_kib_seconds, Some(3600 * 102_400));
    assert_eq!(hours.rows::<PodHour>().await.len(), 1);
}
