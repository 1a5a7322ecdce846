//! Volumes: how long they were there, how large they were, and what they are.

use collector::{Overrides, Settings};
use lake::tables::VolumeHour;

use crate::world::*;

/// A claim bound to a volume, with labels of that.
fn claim(world: &mut World, name: &str, class: &str, labels: &[(&str, &str)]) {
    let volume = format!("pv-{name}");
    let bound = [
        ("namespace", "ns"),
        ("persistentvolumeclaim", name),
        ("storageclass", class),
        ("volumename", volume.as_str()),
    ];
    world.fact_from("kube_persistentvolumeclaim_info", &bound, 1.0, -593);
    let volume = [("persistentvolume", volume.as_str())];
    world.fact_from("kube_persistentvolume_info", &[&volume[..], labels].concat(), 1.0, -593);
    world.fact_from("kube_persistentvolume_capacity_bytes", &volume, 107_374_182_400.0, -593);
}

/// The world without the samples of some metrics in a span of seconds.
fn without(mut world: World, prefix: &str, span: std::ops::Range<i64>) -> World {
    for (labels, samples) in &mut world.series {
        if labels.iter().any(|(k, v)| k == "__name__" && v.starts_with(prefix)) {
            samples.retain(|sample| !span.contains(&(sample.milliseconds.div_euclid(1000) - HOUR)));
        }
    }
    world
}

async fn volumes(hours: &Hours) -> Vec<VolumeHour> {
    assert_eq!(hours.failed, None);
    hours.rows::<VolumeHour>().await
}

const EBS: [(&str, &str); 2] = [("csi_driver", "ebs.csi.aws.com"), ("csi_volume_handle", "vol-0abc")];

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_is_there_while_a_part_of_kube_state_metrics_restarts() {
    let test = "a_volume_is_there_while_a_part_of_kube_state_metrics_restarts";
    let world = || {
        let mut world = plain();
        claim(&mut world, "data", "gp3", &EBS);
        world
    };
    let used = [("namespace", "ns"), ("persistentvolumeclaim", "data")];
    for (gone, kubelet, expect) in [
        (600..2_400, false, 3_600),
        // Gone to the end: it may have been deleted, unless the kubelet shows that it is mounted.
        (2_400..3_900, false, 2_400),
        (2_400..3_900, true, 3_600),
    ] {
        let mut world = without(world(), "kube_persistentvolumeclaim_info", gone.clone());
        if kubelet {
            world.add("kubelet_volume_stats_used_bytes", &used, (-590, 3_900), 30, |_| 1e9);
        }
        let Some(hours) = collected(test, world).await else { return };
        let seconds: Vec<_> = volumes(&hours).await.iter().map(|volume| volume.present_seconds).collect();
        assert_eq!(seconds, [expect], "{gone:?} {kubelet}");
    }
    // All of kube-state-metrics is gone.
    let hours = collected(test, without(world(), "kube_", 2_400..3_900)).await.unwrap();
    assert_eq!(volumes(&hours).await[0].present_seconds, 3_600);
    // Deleted and made anew, with another volume.
    let mut world = plain();
    for (volume, span) in [("pv-a", (-593, 600)), ("pv-b", (2_407, 3_900))] {
        let bound = [("namespace", "ns"), ("persistentvolumeclaim", "data"), ("volumename", volume)];
        world.add("kube_persistentvolumeclaim_info", &bound, span, 60, |_| 1.0);
    }
    let hours = collected(test, world).await.unwrap();
    assert_eq!(volumes(&hours).await[0].present_seconds, 1_800);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_is_there_before_a_gap_and_after_it_was_there_meanwhile() {
    let test = "a_volume_that_is_there_before_a_gap_and_after_it_was_there_meanwhile";
    let world = || {
        let mut world = plain();
        claim(&mut world, "data", "gp3", &EBS);
        world.going_on_to(7_200)
    };
    for (gone, expect) in [
        // Over an edge of the hour, and over all of it; of the volume too.
        (2_400..5_000, &[3_600][..]),
        (-540..1_200, &[3_600]),
        (-540..4_200, &[3_600]),
        // Never seen again.
        (-540..9_000, &[]),
        (2_400..9_000, &[2_400]),
    ] {
        let Some(hours) = collected(test, without(world(), "kube_persistentvolume", gone.clone())).await else {
            return;
        };
        let rows = volumes(&hours).await;
        assert_eq!(rows.iter().map(|volume| volume.present_seconds).collect::<Vec<_>>(), expect, "{gone:?}");
        for row in rows {
            let told = (row.volume_id.as_deref(), row.capacity_bytes, row.storage_class.as_deref());
            assert_eq!(told, (Some("vol-0abc"), Some(100 << 30), Some("gp3")), "{gone:?}");
        }
    }
    // Made anew in the meantime, with another volume.
    let mut world = plain();
    for (volume, span) in [("pv-a", (-593, -540)), ("pv-b", (4_207, 7_200))] {
        let bound = [("namespace", "ns"), ("persistentvolumeclaim", "data"), ("volumename", volume)];
        world.add("kube_persistentvolumeclaim_info", &bound, span, 60, |_| 1.0);
    }
    let hours = collected(test, world).await.unwrap();
    assert_eq!(volumes(&hours).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_mounted_and_not_listed_is_told() {
    let test = "a_claim_that_is_mounted_and_not_listed_is_told";
    for (seconds, is_told) in [(3_900, true), (-200, false), (500, false)] {
        let mut world = plain();
        claim(&mut world, "data", "gp3", &EBS);
        for (name, end) in [("data", 3_900), ("lost", seconds)] {
            let used = [("namespace", "ns"), ("persistentvolumeclaim", name)];
            world.add("kubelet_volume_stats_used_bytes", &used, (-590, end), 30, |_| 1e9);
        }
        let Some(hours) = collected(test, world).await else { return };
        let names: Vec<_> = volumes(&hours).await.into_iter().map(|volume| volume.volume_claim).collect();
        assert_eq!(names, ["data"]);
        let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
        let told = manifest.faults.iter().any(|fault| fault.contains("not list, such as `ns/lost`"));
        assert_eq!(told, is_told, "{seconds}: {:?}", manifest.faults);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_grows_counts_by_the_time_it_had_its_size() {
    let test = "a_volume_that_grows_counts_by_the_time_it_had_its_size";
    for (change, expect) in [(3_650, 100), (1_800, 550)] {
        let mut world = plain();
        claim(&mut world, "data", "gp3", &EBS);
        for (labels, samples) in &mut world.series {
            if labels.iter().any(|(_, v)| v == "kube_persistentvolume_capacity_bytes") {
                for sample in samples.iter_mut().filter(|sample| sample.milliseconds >= (HOUR + change) * 1000) {
                    sample.value *= 10.0;
                }
            }
        }
        let Some(hours) = collected(test, world).await else { return };
        assert_eq!(volumes(&hours).await[0].capacity_bytes, Some(expect << 30), "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_driver_of_a_volume_decides_before_its_class() {
    let test = "the_driver_of_a_volume_decides_before_its_class";
    let efs = [("csi_driver", "efs.csi.aws.com"), ("csi_volume_handle", "fs-0abc::fsap-0def")];
    let world = || {
        let mut world = plain();
        // Made by hand, with the class that claims get where they name none.
        claim(&mut world, "shared", "gp2", &efs);
        claim(&mut world, "data", "gp2", &EBS);
        world
    };
    let overrides = Overrides::read("[storage_classes.gp2]\nvolume_type = \"io2\"\niops = 4000").unwrap();
    for (settings, of_ebs) in [
        (Settings::default(), (Some("gp2"), "storage-class-name", None)),
        (Settings { overrides, ..Settings::default() }, (Some("io2"), "override", Some(4_000))),
    ] {
        let Some(hours) = collected_with(test, world(), &settings).await else { return };
        let rows = volumes(&hours).await;
        let kinds: Vec<_> =
            rows.iter().map(|v| (v.volume_type.as_deref(), v.volume_type_source.as_str(), v.iops)).collect();
        assert_eq!(kinds, [of_ebs, (None, "unknown", None)]);
        let ids: Vec<_> = rows.iter().map(|volume| volume.volume_id.as_deref()).collect();
        assert_eq!(ids, [Some("vol-0abc"), Some("fs-0abc::fsap-0def")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_that_kubernetes_itself_reaches_are_what_they_are() {
    let test = "volumes_that_kubernetes_itself_reaches_are_what_they_are";
    let mut world = plain();
    for (name, labels) in [
        ("a", &[("local_path", "/mnt/disk"), ("local_fs", "ext4")][..]),
        ("b", &[("nfs_server", "10.0.0.9"), ("nfs_path", "/exports")]),
        ("c", &[("host_path", "/var/data"), ("host_path_type", "Directory")]),
        ("d", &[("ebs_volume_id", "aws://us-east-1a/vol-0abc")]),
        ("e", &[]),
    ] {
        claim(&mut world, name, "gp3", labels);
    }
    let Some(hours) = collected(test, world).await else { return };
    let rows = volumes(&hours).await;
    let told: Vec<_> = rows.iter().map(|v| (v.csi_driver.as_deref(), v.volume_type.as_deref())).collect();
    let expect = [
        (Some("kubernetes.io/local-volume"), None),
        (Some("kubernetes.io/nfs"), None),
        (Some("kubernetes.io/host-path"), None),
        (None, Some("gp3")),
        (None, Some("gp3")),
    ];
    assert_eq!(told, expect);
    assert_eq!(rows[3].volume_id.as_deref(), Some("vol-0abc"));
}
