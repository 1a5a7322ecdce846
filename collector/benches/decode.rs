//! Speed at which answers are read, and the memory that takes, beside `prometheus-http-query`'s own reading of the
//! same bytes over the same connection.
//!
//!     cargo bench --profile dev --workspace --bench decode
//!
//! A server on the loopback interface sends one matrix; each side fetches and reads it in turn, nine times. Memory is
//! the most that was allocated at once, less the body for our side: the peer does not let go of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::as_conversions,
    reason = "a benchmark prints, and stops where it fails"
)]

use std::hint::black_box;
use std::time::Instant;

use collector::decode::decode;
use peak_alloc::PeakAlloc;
use prometheus_http_query::Client;
use prometheus_http_query::response::{Data, PromqlResult};

#[global_allocator]
static ALLOCATIONS: PeakAlloc = PeakAlloc;

/// Containers of a large cluster.
const SERIES: usize = 20_000;
/// Points of an hour with both its edges.
const POINTS: usize = 13;
const ROUNDS: usize = 9;
const LABELS: [&str; 4] = ["namespace", "pod", "container", "id"];

/// One round of one side.
struct Round {
    seconds: f64,
    samples: usize,
    peak_bytes: usize,
}

fn body() -> String {
    let mut text = String::from(r#"{"status":"success","data":{"resultType":"matrix","result":["#);
    for n in 0..SERIES {
        let comma = if n == 0 { "" } else { "," };
        text.push_str(&format!(
            r#"{comma}{{"metric":{{"namespace":"team-{}","pod":"web-7d9f8b6c5-{n:05x}","container":"app","id":"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{n:08x}_1111_2222_3333_444455556666.slice/cri-containerd-{n:064x}.scope"}},"values":["#,
            n % 40
        ));
        for k in 0..POINTS {
            let comma = if k == 0 { "" } else { "," };
            let value = (n * 7919 + k * 104_729) as f64 / 1000.0;
            text.push_str(&format!(r#"{comma}[{},"{value}"]"#, 1_782_820_800 + 300 * k));
        }
        text.push_str("]}");
    }
    text.push_str("]}}");
    text
}

async fn ours(client: &Client) -> Round {
    ALLOCATIONS.reset_peak_usage();
    let before = ALLOCATIONS.current_usage();
    let begun = Instant::now();
    let response = client.query_range("x", 0, 3600, 300.0).post_raw().await.unwrap();
    let body = response.bytes().await.unwrap();
    ALLOCATIONS.reset_peak_usage();
    let mut samples = 0;
    let mut sum = 0.0;
    decode(&body, &LABELS, &mut |series| {
        samples += series.points.len();
        sum += series.points.iter().map(|(_, value)| value).sum::<f64>();
    })
    .unwrap();
    black_box(sum);
    let peak_bytes = ALLOCATIONS.peak_usage() - before - body.len();
    Round { seconds: begun.elapsed().as_secs_f64(), samples, peak_bytes }
}

async fn peer(client: &Client) -> Round {
    ALLOCATIONS.reset_peak_usage();
    let before = ALLOCATIONS.current_usage();
    let begun = Instant::now();
    let answer = client.query_range("x", 0, 3600, 300.0).post().await.unwrap();
    let (mut samples, mut sum) = (0, 0.0);
    if let Data::Matrix(series) = answer.data() {
        for series in series {
            samples += series.samples().len();
            sum += series.samples().iter().map(|sample| sample.value()).sum::<f64>();
        }
    }
    black_box(sum);
    let peak_bytes = ALLOCATIONS.peak_usage() - before;
    Round { seconds: begun.elapsed().as_secs_f64(), samples, peak_bytes }
}

/// The peer's envelope, which it does not show: the tag makes serde buffer a tree of everything in it.
#[derive(serde::Deserialize)]
#[serde(tag = "status")]
enum Envelope {
    #[serde(rename = "success")]
    Success { data: PromqlResult },
}

/// Samples a second of reading a body that is in memory already.
fn in_memory(body: &[u8]) -> (f64, f64) {
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let mut sum = 0.0;
        decode(body, &LABELS, &mut |series| sum += series.points.iter().map(|(_, value)| value).sum::<f64>()).unwrap();
        black_box(sum);
        ours.push((SERIES * POINTS) as f64 / begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        let Envelope::Success { data } = serde_json::from_slice(body).unwrap();
        black_box(data);
        peer.push((SERIES * POINTS) as f64 / begun.elapsed().as_secs_f64());
    }
    (median(ours), median(peer))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let text = body();
    let size = text.len();
    let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
    let body = axum::body::Bytes::from(text);
    let kept = body.clone();
    let routes = axum::Router::new().fallback(move || std::future::ready((json, body.clone())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let client: Client = format!("http://{address}").parse().unwrap();

    let (mut our_rounds, mut peer_rounds) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_rounds.push(ours(&client).await);
        peer_rounds.push(peer(&client).await);
    }
    println!("{SERIES} series, {} samples, {} MB of JSON, median of {ROUNDS}", SERIES * POINTS, size / 1_000_000);
    let mut rates = Vec::new();
    for (name, rounds) in [("emp-cost", &our_rounds), ("prometheus-http-query", &peer_rounds)] {
        let rate = median(rounds.iter().map(|round| round.samples as f64 / round.seconds).collect());
        let bytes = median(rounds.iter().map(|round| round.peak_bytes as f64 / round.samples as f64).collect());
        println!("{name:<22} {:>6.2} M samples/s  {bytes:>6.1} bytes a sample", rate / 1e6);
        rates.push(rate);
    }
    println!("ratio {:.2} with the fetching, which is the same for both", rates[0] / rates[1]);
    let (ours, peer) = in_memory(&kept);
    println!(
        "body in memory: emp-cost {:.2} M samples/s, prometheus-http-query {:.2}; ratio {:.2}",
        ours / 1e6,
        peer / 1e6,
        ours / peer
    );
}
