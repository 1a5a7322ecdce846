//! Queries that are too much for the server, asked in parts.

use collector::server::{Server, ServerOptions};
use lake::tables::QualityHour;

use super::bench::*;
use super::proxy::{Act, Proxy};
use crate::world::hour;

async fn shards(bench: &Bench) -> Vec<(String, Option<i32>)> {
    let read = bench.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap();
    let rows = bench.lake.rows::<QualityHour>(&read).await.unwrap();
    rows.into_iter().map(|row| (row.query, row.shards)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_with_a_small_limit_gives_the_same_hour_in_parts() {
    let Some(roomy) = holding("max-samples", several(), &[]).await else { return };
    // The CPU of twenty containers is 260 points; one series over 62 minutes, the least that can be asked, is 124.
    let Some(tight) = holding("max-samples", several(), &["--query.max-samples=150"]).await else { return };
    let whole = undisturbed(&quick(roomy.url())).await;
    let (bench, told) = (Bench::new(), Told::default());
    let server = Server::connect(&quick(tight.url()), Some(told.listener())).await.unwrap();
    let run = bench.run(&server).await;
    assert_eq!(run.collected.map(|c| c.written), Some(1), "{:?}", run.failure);
    assert!(told.count("split container_cpu") > 1, "it must have been too much");
    assert_eq!(bench.facts(), whole.facts());
    assert!(shards(&whole).await.iter().all(|(_, shards)| *shards == Some(1)));
    let cpu = shards(&bench).await.into_iter().find(|(query, _)| query == "container_cpu").unwrap();
    assert!(cpu.1 > Some(2), "{cpu:?}");

    // The next run of the same server starts with what worked: nothing fails, nothing is split.
    let (again, before) = (Bench::new(), told.count("split"));
    let run = again.run(&server).await;
    assert_eq!(run.collected.map(|c| c.written), Some(1), "{:?}", run.failure);
    assert_eq!(told.count("split"), before);
    assert_eq!(again.objects(), bench.objects());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_fails_is_never_sent_again_as_it_was() {
    let Some(tight) = holding("never again", several(), &["--query.max-samples=150"]).await else { return };
    let proxy = Proxy::start(&[tight.url()], None, |_, _| Act::Forward(0)).await;
    let run = Bench::new().collect(&quick(&proxy.url)).await;
    assert_eq!(run.collected.map(|c| c.written), Some(1), "{:?}", run.failure);
    let mut bodies: Vec<_> = proxy.seen().into_iter().map(|request| (request.path, request.body)).collect();
    let all = bodies.len();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_ahead_is_the_only_query_in_flight_and_a_failed_one_is_mended_in_its_turn() {
    let Some(tight) = holding("sent ahead", several(), &["--query.max-samples=150"]).await else { return };
    let whole = undisturbed(&quick(tight.url())).await;
    // Every query is refused once, also those that are sent while an answer is read.
    let busy = |_: &super::proxy::Request, before: usize| match before {
        0 => Act::Answer(503, "", "busy"),
        _ => Act::Forward(0),
    };
    let proxy = Proxy::start(&[tight.url()], None, busy).await;
    let bench = Bench::new();
    let run = bench.collect(&quick(&proxy.url)).await;
    assert_eq!(run.collected.as_ref().map(|c| c.written), Some(1), "{:?}", run.failure);
    assert_eq!(bench.facts(), whole.facts());
    assert_eq!(proxy.most_at_once(), 1);
}

/// Whether a query asks for counters of CPU, and not how the server names them.
fn asks_for_cpu(promql: &str) -> bool {
    promql.contains("last_over_time(container_cpu_usage") && !promql.contains("\"found\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_nothing_however_small_is_asked_a_bounded_number_of_times() {
    let Some(real) = holding("always 422", several(), &[]).await else { return };
    let too_many =
        r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples"}"#;
    let proxy = Proxy::start(&[real.url()], None, move |request, _| {
        if asks_for_cpu(&request.promql()) { Act::Answer(422, "", too_many) } else { Act::Forward(0) }
    })
    .await;
    let bench = Bench::new();
    let run = bench.collect(&quick(&proxy.url)).await;
    let said = run.failure.unwrap();
    assert!(said.contains("container_cpu") && said.contains("422") && said.contains("too many samples"), "{said}");
    bench.check_absent().await;
    let asked = proxy.seen().iter().filter(|request| asks_for_cpu(&request.promql())).count();
    assert_eq!(asked, 13, "the whole, and twelve times a half");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_the_budget_is_asked_in_parts_from_the_second_hour_on() {
    let Some(real) = holding("budget", several(), &[]).await else { return };
    let (first, second, told) = (Bench::new(), Bench::new(), Told::default());
    // Of the CPU of twenty containers, 130 samples each are expected.
    let options = ServerOptions { samples_budget: 1500, ..quick(real.url()) };
    let server = Server::connect(&options, Some(told.listener())).await.unwrap();
    first.run(&server).await;
    second.run(&server).await;
    assert_eq!(told.count("split"), 0, "nothing failed");
    assert_eq!(first.facts(), second.facts());
    let of =
        |shards: Vec<(String, Option<i32>)>| shards.into_iter().find(|(query, _)| query == "container_cpu").unwrap().1;
    assert_eq!((of(shards(&first).await), of(shards(&second).await)), (Some(1), Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_asks_for_whole_answers_in_time() {
    let Some(real) = holding("parameters", several(), &[]).await else { return };
    let proxy = Proxy::start(&[real.url()], None, |_, _| Act::Forward(0)).await;
    undisturbed(&quick(&proxy.url)).await;
    for request in proxy.seen().iter().filter(|request| request.path.contains("query")) {
        let form = request.form();
        let has = |name: &str, value: &str| form.iter().any(|(n, v)| n == name && v == value);
        assert!(has("timeout", "120000ms") && has("dedup", "true") && has("partial_response", "false"), "{form:?}");
        assert!(has("max_source_resolution", "0s") && has("deny_partial_response", "1"), "{form:?}");
    }
}
