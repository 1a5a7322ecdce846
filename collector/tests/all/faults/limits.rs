//! Limits of managed servers, in the words they use: met with less where less is within them, told where it is not.

use std::time::Duration;

use collector::server::{Auth, Server, ServerOptions};
use types::Window;

use super::bench::*;
use super::proxy::{Act, Proxy, Request};
use crate::world::hour;

fn about_memory(request: &Request) -> bool {
    request.promql().contains("avg_over_time(container_memory_working_set_bytes")
}

/// Checks that a query that is refused with 422 and `body` as long as it is whole gives the same hour in parts.
async fn check_split(test: &str, body: &'static str) {
    let Some(real) = holding(test, several(), &[]).await else { return };
    let script = move |request: &Request, _| {
        let whole = about_memory(request) && !request.promql().contains("pod=~") && !request.promql().contains("pod!~");
        if whole { Act::Answer(422, "content-type: application/json", body) } else { Act::Forward(0) }
    };
    let proxy = Proxy::start(&[real.url()], None, script).await;
    let (bench, told) = (Bench::new(), Told::default());
    let server = Server::connect(&quick(&proxy.url), Some(told.listener())).await.unwrap();
    let run = bench.run(&server).await;
    assert_eq!(run.collected.map(|c| c.written), Some(1), "{:?}", run.failure);
    assert_eq!((told.count("split container_memory_mean"), told.count("split"), told.count("retried")), (1, 1, 0));
    assert_eq!(bench.facts(), undisturbed(&quick(real.url())).await.facts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_mimir_on_series_is_met_in_parts() {
    let body = r#"{"status":"error","errorType":"execution","error":"the query exceeded the maximum number of series (limit: 100 series) (err-mimir-max-series-per-query). Consider reducing the time range and/or number of series selected by the query."}"#;
    check_split("a_limit_of_mimir_on_series_is_met_in_parts", body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_amazon_on_data_is_met_in_parts() {
    let body = r#"{"status":"error","errorType":"execution","error":"expanding series: the query hit the aggregated data size limit"}"#;
    check_split("a_limit_of_amazon_on_data_is_met_in_parts", body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_no_part_would_mend_is_told_at_once() {
    let test = "a_refusal_that_no_part_would_mend_is_told_at_once";
    let Some(real) = holding(test, several(), &[]).await else { return };
    let body = r#"{"status":"error","errorType":"execution","error":"the request has been blocked by the cluster administrator (err-mimir-query-blocked)"}"#;
    let script =
        move |request: &Request, _| if about_memory(request) { Act::Answer(422, "", body) } else { Act::Forward(0) };
    let proxy = Proxy::start(&[real.url()], None, script).await;
    let bench = Bench::new();
    let said = bench.collect(&quick(&proxy.url)).await.failure.unwrap();
    assert!(said.contains("container_memory_mean") && said.contains("blocked by the cluster administrator"), "{said}");
    assert_eq!(proxy.seen().iter().filter(|request| about_memory(request)).count(), 1);
    bench.check_absent().await;
    bench.check_filled_by(&quick(real.url())).await;
}

/// Seconds between the first and the last moment a query is evaluated at.
fn span(request: &Request) -> i64 {
    let form = request.form();
    let moment = |name: &str| form.iter().find(|(n, _)| n == name).and_then(|(_, value)| value.parse::<f64>().ok());
    let (Some(start), Some(end)) = (moment("start"), moment("end")) else { return 0 };
    Duration::from_secs_f64(end - start).as_secs().try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_the_span_of_a_query_is_met_with_shorter_ones() {
    let test = "a_limit_on_the_span_of_a_query_is_met_with_shorter_ones";
    let Some(real) = holding(test, several(), &[]).await else { return };
    let body = r#"{"status":"error","errorType":"bad_data","error":"the query time range exceeds the limit (query length: 479h0m0s, limit: 168h0m0s) (err-mimir-max-query-length)."}"#;
    const WEEK: i64 = 7 * 86_400;
    let script =
        move |request: &Request, _| if span(request) > WEEK { Act::Answer(422, "", body) } else { Act::Forward(0) };
    let proxy = Proxy::start(&[real.url()], None, script).await;
    let window = Window::try_new(hour().start() - chrono::TimeDelta::days(20), hour().end()).unwrap();
    let bench = Bench::new();
    let server = Server::connect(&quick(&proxy.url), None).await.unwrap();
    let run = bench.run_over(&server, window).await;
    let collected = run.collected.unwrap();
    assert_eq!((collected.written, collected.failed), (1, 0), "{:?}", run.failure);
    // Twenty days, two halves of ten, four quarters of five.
    let long: Vec<_> = proxy.seen().iter().map(span).filter(|span| *span > 86_400).collect();
    assert_eq!((long.iter().filter(|span| **span > WEEK).count(), long.len()), (3, 7), "{long:?}");
    assert_eq!(bench.objects(), undisturbed(&quick(real.url())).await.objects());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kube_rbac_proxy_asks_for_is_told() {
    let forbidden = "Forbidden (user=system:serviceaccount:emp-cost:collector, verb=create, resource=prometheuses, subresource=api)\n";
    let proxy = Proxy::start(&[], None, move |_, _| Act::Answer(403, "content-type: text/plain", forbidden)).await;
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "s3cret").unwrap();
    let auth = Auth::BearerFile(token.path().to_owned());
    let said = refused(&ServerOptions { auth, ..quick(&proxy.url) }).await.to_string();
    for words in
        ["403", "bearer token", "allow `system:serviceaccount:emp-cost:collector`", "`create` `prometheuses/api`"]
    {
        assert!(said.contains(words), "no {words} in: {said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
}
