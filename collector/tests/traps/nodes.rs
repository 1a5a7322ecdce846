//! Nodes.

use lake::tables::NodeHour;

use crate::world::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_counts_from_its_creation_and_one_born_after_the_hour_not_at_all() {
    let mut world = plain();
    world.node("n2", 3_590);
    world.node("n3", 3_610);
    let Some(hours) = collected("a_node_counts_from_its_creation", world).await else { return };
    let up: Vec<_> = hours.rows::<NodeHour>().await.into_iter().map(|n| (n.node, n.up_seconds)).collect();
    assert_eq!(up, [("n1".to_owned(), 3600), ("n2".to_owned(), 10)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_name_used_by_two_machines_makes_the_hour_incomplete() {
    let mut world = plain();
    let info = |id: &'static str| [("node", "n9"), ("provider_id", id)];
    world.add("kube_node_info", &info("aws:///us-east-1a/i-a"), (-593, 1_500), 60, |_| 1.0);
    world.add("kube_node_info", &info("aws:///us-east-1a/i-b"), (1_700, 3_900), 60, |_| 1.0);
    let created = |second: i64| seconds(if second < 1_600 { -9000 } else { 1_690 });
    world.add("kube_node_created", &[("node", "n9")], (-593, 3_900), 60, created);
    let Some(hours) = collected("a_node_name_used_by_two_machines", world).await else { return };
    let nodes = hours.rows::<NodeHour>().await;
    let later = nodes.iter().find(|node| node.node == "n9").unwrap();
    assert_eq!((later.instance_id.as_deref(), later.up_seconds), (Some("i-b"), 3600 - 1_690));
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    assert!(!manifest.complete && manifest.faults.iter().any(|f| f.contains("used by two machines")), "{manifest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_node_exporter_a_node_has_no_usage_and_that_is_null() {
    let Some(hours) = collected("without_node_exporter", plain()).await else { return };
    let node = &hours.rows::<NodeHour>().await[0];
    assert_eq!((node.cpu_used_millicores_by_slot, &node.usage_source), (None, &None));
    assert_eq!((node.instance_type.as_deref(), node.instance_type_source.as_str()), (None, "unknown"));
    assert_eq!((node.zone.as_deref(), node.region.as_deref()), (Some("us-east-1a"), Some("us-east-1")));
}
