//! Servers that are gone, come back, or take turns.

use std::sync::Mutex;

use collector::server::Server;
use lake::tables::{ContainerHour, PodHour};

use super::bench::*;
use super::proxy::{Act, Proxy};
use crate::world::{World, hour};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_said_to_be_unreachable() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = refused(&quick(&format!("http://user:hunter2@127.0.0.1:{port}"))).await.to_string();
    assert!(error.contains("could not reach") && error.contains(&port.to_string()), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_the_middle_of_an_hour_leaves_no_hour_and_fills_it_later() {
    let Some(real) = holding("killed", several(), &[]).await else { return };
    let url = real.url().to_owned();
    let undisturbed = undisturbed(&quick(&url)).await;
    let real = std::sync::Arc::new(Mutex::new(Some(real)));
    let victim = std::sync::Arc::clone(&real);
    // The proxy kills it when a query in the middle of the hour comes; from then on nobody answers.
    let proxy = Proxy::start(&[&url], None, move |request, _| {
        if request.promql().contains("kube_pod_container_resource_limits") {
            if let Some(server) = victim.lock().unwrap().as_mut() {
                server.kill();
            }
            return Act::Close;
        }
        Act::Forward(0)
    })
    .await;
    let bench = Bench::new();
    let server = Server::connect(&quick(&proxy.url), None).await.unwrap();
    let run = bench.run(&server).await;
    assert!(run.failure.is_some());
    bench.check_absent().await;
    let mut real = real.lock().unwrap().take().unwrap();
    real.restart().await.unwrap();
    let run = bench.collect(&quick(&url)).await;
    assert_eq!(run.collected.map(|c| c.written), Some(1), "{:?}", run.failure);
    assert_eq!(bench.objects(), undisturbed.objects());
}

/// The world of another replica: the same cluster, scraped at other moments.
fn scraped_later(mut world: World, milliseconds: i64) -> World {
    for (labels, samples) in &mut world.series {
        let counter = labels.iter().any(|(_, value)| value == "container_cpu_usage_seconds_total");
        for sample in samples {
            sample.milliseconds += milliseconds;
            if counter {
                // Half a core.
                sample.value += 0.0005 * f64::from(i32::try_from(milliseconds).unwrap());
            }
        }
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_take_turns_make_no_wrong_hour() {
    let mut world = World::default();
    world.node("n1", -9000);
    world.pod("p1", crate::world::UID, 3_900);
    let Some(one) = holding("replicas", world.clone(), &[]).await else { return };
    let Some(other) = holding("replicas", scraped_later(world, 13_000), &[]).await else { return };
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let flip = move |_: &_, _| Act::Forward(turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2);
    let proxy = Proxy::start(&[one.url(), other.url()], None, flip).await;
    let flipped = Bench::new();
    let run = flipped.collect(&quick(&proxy.url)).await;
    assert_eq!(run.collected.map(|c| (c.written, c.failed)), Some((1, 0)), "{:?}", run.failure);
    let cluster = "c".parse().unwrap();
    let steady = undisturbed(&quick(one.url())).await;
    let (a, b) =
        (steady.lake.manifest(&cluster, hour()).await.unwrap(), flipped.lake.manifest(&cluster, hour()).await.unwrap());
    assert_eq!(b.manifest.faults, a.manifest.faults);
    assert_eq!(flipped.lake.rows::<PodHour>(&b).await.unwrap(), steady.lake.rows::<PodHour>(&a).await.unwrap());
    let (a, b) =
        (steady.lake.rows::<ContainerHour>(&a).await.unwrap(), flipped.lake.rows::<ContainerHour>(&b).await.unwrap());
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(&b) {
        assert_eq!((a.running_seconds, a.memory_kib_seconds), (b.running_seconds, b.memory_kib_seconds));
        // The counter of one query comes from one replica, so its difference over the hour is that of a whole hour.
        assert_eq!((a.cpu_core_milliseconds, b.cpu_core_milliseconds), (Some(1_800_000), Some(1_800_000)));
    }
}
