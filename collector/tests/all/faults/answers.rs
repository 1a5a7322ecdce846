//! Answers that are late, broken, refused, or not what they seem.

use std::time::Duration;

use collector::server::Server;

use super::bench::*;
use super::proxy::{Act, Proxy, Request};

/// The query the faults are about: not the first, so that some of the hour is there when it fails.
fn about_memory(request: &Request) -> bool {
    request.promql().contains("avg_over_time(container_memory_working_set_bytes")
}

/// The words of the failure of an hour whose query about memory is met with `act` each time; a later run fills it.
async fn check_fails(test: &str, act: Act) -> Option<String> {
    let real = holding(test, several(), &[]).await?;
    let proxy = Proxy::start(
        &[real.url()],
        None,
        move |request, _| if about_memory(request) { act.clone() } else { Act::Forward(0) },
    )
    .await;
    let bench = Bench::new();
    let run = bench.collect(&quick(&proxy.url)).await;
    assert_eq!(run.collected.map_or(0, |c| c.written), 0);
    bench.check_absent().await;
    bench.check_filled_by(&quick(real.url())).await;
    run.failure
}

/// An hour whose query about memory is first met with `act`: it is collected all the same, unchanged.
async fn check_recovers(test: &str, times: usize, act: Act, told: &Told) -> Option<()> {
    let real = holding(test, several(), &[]).await?;
    let faulty = move |request: &Request, before| {
        if about_memory(request) && before < times { act.clone() } else { Act::Forward(0) }
    };
    let proxy = Proxy::start(&[real.url()], None, faulty).await;
    let bench = Bench::new();
    let server = Server::connect(&quick(&proxy.url), Some(told.listener())).await.unwrap();
    let run = bench.run(&server).await;
    assert_eq!(run.collected.map(|c| c.written), Some(1), "{:?}", run.failure);
    assert_eq!(bench.objects(), undisturbed(&quick(real.url())).await.objects());
    Some(())
}

/// An hour in which answers to the queries that `is_about` picks come as a cache gives them, changed by `edit`, is refused
/// with these words.
async fn check_cached(
    test: &str,
    is_about: impl Fn(&str) -> bool + Send + Sync + 'static,
    edit: Act,
    words: &[&str],
) -> Option<()> {
    let real = holding(test, several(), &[]).await?;
    let script = move |request: &Request, _| if is_about(&request.promql()) { edit.clone() } else { Act::Forward(0) };
    let proxy = Proxy::start(&[real.url()], None, script).await;
    let bench = Bench::new();
    let run = bench.collect(&quick(&proxy.url)).await;
    assert_eq!(run.collected.map_or(0, |c| c.written), 0, "{words:?}");
    bench.check_absent().await;
    check_words(&run.failure.unwrap(), words);
    bench.check_filled_by(&quick(real.url())).await;
    Some(())
}

fn check_words(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_json_fails_the_hour() {
    let page = "<html><body>Sign in to continue</body></html>";
    let Some(said) = check_fails("html", Act::Answer(200, "content-type: text/html", page)).await else { return };
    check_words(&said, &["container_memory_mean", "status 200", "Sign in to continue", "check the URL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_say_success_fails_the_hour() {
    // With data beside it, which is what was taken for good.
    let error = Act::Edit(|body| body.replacen("\"success\"", "\"error\"", 1));
    let Some(said) = check_fails("status error", error).await else { return };
    check_words(&said, &["container_memory_mean", "status `error`"]);
    let unknown = Act::Edit(|body| body.replacen("\"success\"", "\"partial_success\"", 1));
    let Some(said) = check_fails("status unknown", unknown).await else { return };
    check_words(&said, &["container_memory_mean", "status `partial_success`"]);
}

/// A cache that answers with what it kept of another hour: every sample would fall beside the slots.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_about_another_time_fails_the_hour() {
    for (name, about) in [
        ("container_memory_mean", "container_memory_working_set_bytes"),
        ("container_cpu", "container_cpu_usage_seconds_total"),
    ] {
        // The look at the hour, which asks for things by name, is let through.
        let is_about = move |promql: &str| promql.contains(about) && !promql.contains("\"found\"");
        // A day before, by the first digits of the moments.
        let edit = Act::Edit(|body| body.replace("[17828", "[17827"));
        let words = [name, "2026-06-30T1", "2026-06-2", "cache"];
        let Some(()) = check_cached("another time", is_about, edit, &words).await else { return };
    }
}

/// A cache that goes by the text of a query, which is the same for every hour: what it kept of the hour before says which
/// pods there were, and says its own moment.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_about_the_hour_before_fails_the_hour() {
    for (name, about) in [("pod_info", "last_over_time(kube_pod_info"), ("hour", "last_over_time(kube_node_info")] {
        let is_about = move |promql: &str| promql.contains(about);
        // Two minutes after the end of the hour, and an hour earlier.
        let edit = Act::Edit(|body| body.replace("[1782824520,", "[1782820920,"));
        let words = [name, "2026-06-30T13:02:00Z", "2026-06-30T12:02:00Z", "cache"];
        let Some(()) = check_cached("the hour before", is_about, edit, &words).await else { return };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_ends_early_fails_the_hour() {
    // Whole by its length, and yet cut: only the decoder can tell.
    let half = Act::Edit(|body| body[..body.len() / 2].to_owned());
    let Some(said) = check_fails("truncated", half).await else { return };
    check_words(&said, &["container_memory_mean", "not what the Prometheus API sends"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_always_breaks_fails_the_hour() {
    let Some(said) = check_fails("cut off", Act::CutOff).await else { return };
    check_words(&said, &["container_memory_mean", "broke off"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_once_is_asked_again() {
    let told = Told::default();
    let Some(()) = check_recovers("breaks once", 1, Act::CutOff, &told).await else { return };
    assert_eq!((told.count("retried container_memory_mean"), told.count("split")), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_query_waits_as_long_as_the_server_asks() {
    let told = Told::default();
    let body = r#"{"status":"error","errorType":"too_many_requests","error":"too many outstanding requests"}"#;
    // An hour: the wait is capped, or this test would not end.
    let Some(()) = check_recovers("throttled", 2, Act::Answer(429, "retry-after: 3600", body), &told).await else {
        return;
    };
    assert_eq!((told.count("retried container_memory_mean"), told.count("split")), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unavailable_server_is_asked_again() {
    let told = Told::default();
    let Some(()) = check_recovers("503", 3, Act::Answer(503, "", "upstream is restarting"), &told).await else {
        return;
    };
    assert_eq!((told.count("retried container_memory_mean"), told.count("split")), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_unavailable_is_left_alone_after_a_few_tries() {
    let Some(said) = check_fails("always 503", Act::Answer(503, "", "down for maintenance")).await else { return };
    check_words(&said, &["container_memory_mean", "503", "down for maintenance"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_ask_is_told_how_it_was_asked() {
    for status in [401, 403] {
        let Some(said) = check_fails("not allowed", Act::Answer(status, "", "denied by policy")).await else { return };
        check_words(&said, &["no authentication", "denied by policy", "--prometheus-bearer-token-file"]);
        check_words(&said, &[&status.to_string()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_is_asked_for_in_parts() {
    let Some(real) = holding("slow body", several(), &[]).await else { return };
    let whole = |request: &Request, _| {
        if about_memory(request) && !request.promql().contains("pod=~") { Act::Stall } else { Act::Forward(0) }
    };
    // The half that does not match stalls too, and its halves; all that match are answered.
    let proxy = Proxy::start(&[real.url()], None, move |request, before| match whole(request, before) {
        Act::Stall if request.promql().contains("pod!~") => Act::Forward(0),
        act => act,
    })
    .await;
    let mut options = quick(&proxy.url);
    options.query_timeout = Duration::from_millis(1500);
    options.answer_grace = Duration::from_millis(500);
    let (bench, told) = (Bench::new(), Told::default());
    let server = Server::connect(&options, Some(told.listener())).await.unwrap();
    let run = bench.run(&server).await;
    assert_eq!(run.collected.map(|c| c.written), Some(1), "{:?}", run.failure);
    assert_eq!((told.count("split container_memory_mean"), told.count("split")), (1, 1));
    assert_eq!(bench.facts(), undisturbed(&quick(real.url())).await.facts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_makes_the_hour_incomplete_and_a_hint_does_not() {
    let Some(real) = holding("warnings", several(), &[]).await else { return };
    let proxy = Proxy::start(&[real.url()], None, |request, _| {
        if !about_memory(request) {
            return Act::Forward(0);
        }
        Act::Edit(|body| {
            let warnings = r#"{"warnings":["PromQL info: metric might not be a counter","store 10.0.0.1 is missing"],"#;
            body.replacen('{', warnings, 1)
        })
    })
    .await;
    let (bench, told) = (Bench::new(), Told::default());
    let server = Server::connect(&quick(&proxy.url), Some(told.listener())).await.unwrap();
    let run = bench.run(&server).await;
    assert_eq!(run.collected.map(|c| c.written), Some(1), "{:?}", run.failure);
    let manifest = bench.lake.manifest(&"c".parse().unwrap(), crate::world::hour()).await.unwrap().manifest;
    assert!(!manifest.complete);
    assert_eq!(manifest.faults, ["query `container_memory_mean`: store 10.0.0.1 is missing"]);
    assert_eq!(told.count("warned"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_calls_itself_partial_makes_the_hour_incomplete() {
    let Some(real) = holding("partial", several(), &[]).await else { return };
    // As a VictoriaMetrics cluster says it, beside its status.
    let partial =
        Act::Edit(|body| body.replacen("\"status\":\"success\"", "\"status\":\"success\",\"isPartial\":true", 1));
    let script = move |request: &Request, _| if about_memory(request) { partial.clone() } else { Act::Forward(0) };
    let proxy = Proxy::start(&[real.url()], None, script).await;
    let bench = Bench::new();
    let run = bench.collect(&quick(&proxy.url)).await;
    assert_eq!(run.collected.map(|c| c.written), Some(1), "{:?}", run.failure);
    let read = bench.lake.manifest(&"c".parse().unwrap(), crate::world::hour()).await.unwrap();
    assert!(!read.manifest.complete);
    check_words(&read.manifest.faults.join("; "), &["container_memory_mean", "partial"]);
    // The next run finds the server whole, and the hour is corrected.
    let run = bench.collect(&quick(real.url())).await;
    // It counts once: it was there, but what came of it is the correction.
    assert_eq!(run.collected.map(|c| (c.corrected, c.present, c.written)), Some((1, 0, 0)), "{:?}", run.failure);
    let run = bench.collect(&quick(real.url())).await;
    assert_eq!(run.collected.map(|c| (c.corrected, c.present, c.written)), Some((0, 1, 0)), "{:?}", run.failure);
}

/// Answer of Thanos Query to a query that a store does not answer, told to give no partial response.
const THANOS_STORE_GONE: &str = r#"{"status":"error","errorType":"execution","error":"expanding series: proxy Series(): rpc error: code = Aborted desc = fetch series for {prometheus=\"a\"} : rpc error: code = Unavailable desc = connection refused"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_thanos_without_one_of_its_stores_gives_no_hour() {
    let Some(real) = holding("thanos", several(), &[]).await else { return };
    // Without the parameter it would answer from the stores that are there.
    let script = |request: &Request, _| {
        let whole = request.form().contains(&("partial_response".to_owned(), "false".to_owned()));
        match about_memory(request) && whole {
            true => Act::Answer(500, "content-type: application/json", THANOS_STORE_GONE),
            false => Act::Forward(0),
        }
    };
    let proxy = Proxy::start(&[real.url()], None, script).await;
    let bench = Bench::new();
    let run = bench.collect(&quick(&proxy.url)).await;
    assert_eq!(run.collected.map_or(0, |c| c.written), 0);
    check_words(&run.failure.unwrap(), &["container_memory_mean", "500", "Unavailable desc = connection refused"]);
    bench.check_absent().await;
    bench.check_filled_by(&quick(real.url())).await;
}
