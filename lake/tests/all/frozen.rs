//! Objects that the first layout wrote, kept as they were: every later version reads them, and reads the same.
//!
//! If this fails, the reader has broken what lies in people's buckets. The objects are never written again
//! (`lake/examples/frozen.rs` wrote them); a new column needs no new ones.

use std::sync::Arc;

use lake::store::DirStore;
use lake::tables::{ContainerHour, LoadBalancerHour, NodeHour, PodHour, QualityHour, Table, VolumeHour};
use lake::{Compaction, Day, Lake, LakeError, ReadHour};
use types::{ClusterId, Hour};

const START: i64 = 1_782_864_000;

async fn frozen() -> (Lake, ReadHour) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frozen");
    let lake = Lake::new(Arc::new(DirStore::new(folder)));
    let cluster: ClusterId = "frozen".parse().unwrap();
    assert_eq!(lake.clusters().await.unwrap(), std::slice::from_ref(&cluster));
    let read = lake.manifest(&cluster, Hour::starting_at(START).unwrap()).await.unwrap();
    (lake, read)
}

async fn rows<T: Table>(lake: &Lake, read: &ReadHour, count: u64) -> Vec<T> {
    let rows = lake.rows::<T>(read).await.unwrap();
    assert_eq!(
        (rows.len(), read.manifest.object(T::NAME).unwrap().rows),
        (usize::try_from(count).unwrap(), count),
        "{}",
        T::NAME
    );
    rows
}

#[tokio::test]
async fn the_first_layout_reads_as_it_was_written() {
    let (lake, read) = frozen().await;
    assert!(read.manifest.complete && read.manifest.faults.is_empty());

    let containers: Vec<ContainerHour> = rows(&lake, &read, 6).await;
    let expect = ContainerHour {
        hour_start_seconds: START,
        pod_uid: "1efff985-baec-4c93-968d-8e68bbb778c9".into(),
        container: "aws-eks-nodeagent".into(),
        namespace: "kube-system".into(),
        pod: "aws-node-9gbc2".into(),
        node: "ip-10-0-128-22.ec2.internal".into(),
        container_kind: "app".into(),
        cpu_request_millicores: Some(25),
        running_seconds: Some(3600),
        instances: 1,
        cpu_core_milliseconds: Some(6660),
        memory_kib_seconds: Some(111_841_800),
        cpu_max_millicores: Some(3),
        memory_max_kib: Some(31_484),
        cpu_mean_millicores_by_slot: Some([3, 2, 2, 2, 2, 2, 1, 1, 2, 2, 2, 2].map(Some)),
        memory_mean_mib_by_slot: Some([31, 30, 30, 30, 30, 30, 30, 30, 31, 30, 30, 30].map(Some)),
        memory_max_mib_by_slot: Some([Some(31); 12]),
        ..ContainerHour::default()
    };
    assert_eq!(containers[0], expect);

    let pods: Vec<PodHour> = rows(&lake, &read, 4).await;
    let expect = PodHour {
        hour_start_seconds: START,
        pod_uid: "1efff985-baec-4c93-968d-8e68bbb778c9".into(),
        namespace: "kube-system".into(),
        pod: "aws-node-9gbc2".into(),
        node: "ip-10-0-128-22.ec2.internal".into(),
        workload_kind: "DaemonSet".into(),
        workload: "aws-node".into(),
        created_seconds: Some(1_778_723_723),
        scheduled_seconds: Some(1_778_723_724),
        started_seconds: Some(1_778_723_726),
        alive_seconds_by_slot: [Some(300); 12],
        qos_class: Some("Burstable".into()),
        priority_class: Some("system-node-critical".into()),
        host_network: Some(true),
        cpu_effective_request_millicores: Some(50),
        ..PodHour::default()
    };
    assert_eq!(pods[0], expect);

    let nodes: Vec<NodeHour> = rows(&lake, &read, 2).await;
    assert_eq!(nodes[0].provider_id, "aws:///us-east-1a/i-016dd914699dff989");
    assert_eq!(nodes[0].instance_type.as_deref(), Some("m5.4xlarge"));
    assert_eq!((nodes[0].emp_owned, nodes[0].up_seconds, &nodes[0].taints), (false, 3600, &Vec::new()));
    assert_eq!(nodes[0].cpu_used_millicores_by_slot.unwrap()[4], Some(1154));
    assert_eq!((nodes[0].memory_capacity_bytes, nodes[0].network_receive_bytes), (Some(63_564_677_120), None));

    let volumes: Vec<VolumeHour> = rows(&lake, &read, 2).await;
    assert_eq!((volumes[0].volume_claim.as_str(), volumes[0].iops), ("data-warehouse-0", None));
    assert_eq!(
        (volumes[0].used_max_bytes, volumes[0].pods.as_slice()),
        (Some(392_989_507_584), &["warehouse-0".to_owned()][..])
    );

    // A table of later releases: an hour without it has no row of it, and columns of later releases are null.
    assert_eq!(lake.rows::<LoadBalancerHour>(&read).await.unwrap(), []);
    assert_eq!((nodes[0].public_ipv4_addresses, volumes[0].on_outpost), (None, None));

    let quality: Vec<QualityHour> = rows(&lake, &read, 1).await;
    assert_eq!((quality[0].samples, quality[0].warnings.as_slice()), (78, &["one warning".to_owned()][..]));
}

#[tokio::test]
async fn the_first_layout_compacts() -> Result<(), LakeError> {
    let (lake, read) = frozen().await;
    // In a copy: the frozen objects stay as they are.
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn lake::Store> = Arc::new(DirStore::new(folder.path()));
    let frozen = DirStore::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frozen"));
    for key in lake::Store::list(&frozen, "v1/").await? {
        store.put_new(&key, lake::Store::get(&frozen, &key).await?).await?;
    }
    let copy = Lake::new(store);
    let cluster = &read.manifest.cluster_id;
    copy.compact_day(cluster, Day::of(read.hour), Compaction::default(), read.hour.plus(24 * 9).start()).await?;
    assert!(!copy.delete_hours(cluster, Day::of(read.hour)).await?.is_empty());
    let parts = copy.parts(cluster, Day::of(read.hour), None).await?;
    let (_, bytes) = copy.part_bytes::<NodeHour>(&parts[0]).await?.unwrap();
    let batch = &lake::read_batches(bytes, NodeHour::COLUMNS).unwrap()[0];
    let nodes = (0..batch.num_rows()).map(|row| NodeHour::from_batch(batch, row).unwrap());
    assert_eq!(nodes.collect::<Vec<_>>(), lake.rows::<NodeHour>(&read).await?);
    Ok(())
}

/// The second layout of the files, of December 2026: `element` in lists, plain uids, cluster and date as columns. The same
/// rows, and a day of one hour of each merges into one object.
#[tokio::test]
async fn the_second_layout_reads_as_the_first_and_both_make_one_day() -> Result<(), LakeError> {
    let (first, read) = frozen().await;
    let second = DirStore::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frozen-2026-12"));
    let second_lake = Lake::new(Arc::new(second.clone()));
    let cluster = read.manifest.cluster_id.clone();
    let again = second_lake.manifest(&cluster, read.hour).await?;
    check_same::<ContainerHour>(&first, &read, &second_lake, &again).await?;
    check_same::<PodHour>(&first, &read, &second_lake, &again).await?;
    check_same::<NodeHour>(&first, &read, &second_lake, &again).await?;
    check_same::<VolumeHour>(&first, &read, &second_lake, &again).await?;
    check_same::<QualityHour>(&first, &read, &second_lake, &again).await?;
    // Both layouts are sound.
    for folder in ["frozen", "frozen-2026-12"] {
        let store = DirStore::new(format!("{}/tests/{folder}", env!("CARGO_MANIFEST_DIR")));
        let store: Arc<dyn lake::Store> = Arc::new(store);
        let found = lake::verification::verify(&store, &lake::verification::Scope::default()).await?;
        assert_eq!((found.objects, found.faults), (5, vec![]), "{folder}");
    }
    // The first hour as it was, and the next with the same rows, as they are written now.
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn lake::Store> = Arc::new(DirStore::new(folder.path()));
    let frozen = DirStore::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frozen"));
    for key in lake::Store::list(&frozen, "v1/").await? {
        store.put_new(&key, lake::Store::get(&frozen, &key).await?).await?;
    }
    let lake = Lake::new(Arc::clone(&store));
    let mut pods: Vec<PodHour> = first.rows(&read).await?;
    pods.iter_mut().for_each(|pod| pod.hour_start_seconds += 3600);
    let balancer = LoadBalancerHour {
        hour_start_seconds: read.hour.next().start_seconds(),
        object: "Service/a/b".to_owned(),
        ..LoadBalancerHour::default()
    };
    let load_balancers = vec![balancer.clone()];
    let rows = lake::HourRows { pods: pods.clone(), load_balancers, ..lake::HourRows::default() };
    lake.write_hour(&cluster, read.hour.next(), rows, lake::HourOrigin::generator()).await?;
    let day = Day::of(read.hour);
    lake.compact_day(&cluster, day, Compaction::default(), read.hour.plus(24 * 9).start()).await?;
    let parts = lake.parts(&cluster, day, None).await?;
    assert_eq!(parts.len(), 1);
    let (_, bytes) = lake.part_bytes::<PodHour>(&parts[0]).await?.unwrap();
    let batches = lake::read_batches(bytes, PodHour::COLUMNS).unwrap();
    let merged = batches.iter().flat_map(|b| (0..b.num_rows()).map(|row| PodHour::from_batch(b, row).unwrap()));
    let mut expect = first.rows::<PodHour>(&read).await?;
    expect.extend(pods);
    expect.sort_by(|a, b| (&a.pod_uid, a.hour_start_seconds).cmp(&(&b.pod_uid, b.hour_start_seconds)));
    assert_eq!(merged.collect::<Vec<_>>(), expect);
    // The first hour has no table of load balancers, the next has, and so has their day.
    let (_, bytes) = lake.part_bytes::<LoadBalancerHour>(&parts[0]).await?.unwrap();
    let batches = lake::read_batches(bytes, LoadBalancerHour::COLUMNS).unwrap();
    let held = batches.iter().flat_map(|b| (0..b.num_rows()).map(|row| LoadBalancerHour::from_batch(b, row).unwrap()));
    assert_eq!(held.collect::<Vec<_>>(), [balancer]);
    let found = lake::verification::verify(&store, &lake::verification::Scope::default()).await?;
    assert_eq!(found.faults, vec![]);
    assert!(!lake.delete_hours(&cluster, day).await?.is_empty());
    let found = lake::verification::verify(&store, &lake::verification::Scope::default()).await?;
    assert_eq!((found.objects, found.faults), (6, vec![]));
    Ok(())
}

async fn check_same<T: Table + PartialEq + std::fmt::Debug>(
    first: &Lake,
    read: &ReadHour,
    second: &Lake,
    again: &ReadHour,
) -> Result<(), LakeError> {
    assert_eq!(first.rows::<T>(read).await?, second.rows::<T>(again).await?, "{}", T::NAME);
    Ok(())
}
