//! An HTTP server that passes requests on to a real Prometheus, or does what a script says instead.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A request as it came in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The parameters of its form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        let url = reqwest::Url::parse(&format!("http://x/?{}", String::from_utf8_lossy(&self.body))).unwrap();
        url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    pub(crate) fn promql(&self) -> String {
        self.form().into_iter().find(|(name, _)| name == "query").map(|(_, value)| value).unwrap_or_default()
    }
}

/// Action on a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Passed on, to the upstream of this number.
    Forward(usize),
    /// Passed on, its answer changed.
    Edit(fn(String) -> String),
    /// Answered with a status, a header line or none, and a body.
    Answer(u16, &'static str, &'static str),
    /// Answered with a status, a header line, and everything that came with the request.
    Echo(u16, &'static str),
    /// Passed on, the connection closed after half of the answer.
    CutOff,
    /// Nothing but the head of an answer is sent, until the client has enough.
    Stall,
    /// The connection is closed without an answer.
    Close,
}

type Script = dyn Fn(&Request, usize) -> Act + Send + Sync;

/// Request that came in.
#[derive(Debug, Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    /// Requests of which nothing was answered yet, now and at most.
    open: AtomicUsize,
    most_open: AtomicUsize,
}

/// A running proxy; it ends when this is dropped.
pub(crate) struct Proxy {
    pub(crate) url: String,
    seen: Arc<Seen>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Starts one. The script is told each request, and how many came before with the same promql.
    pub(crate) async fn start(
        upstreams: &[&str],
        tls: Option<TlsAcceptor>,
        script: impl Fn(&Request, usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = match tls {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let upstreams: Arc<Vec<String>> = Arc::new(upstreams.iter().map(|url| (*url).to_owned()).collect());
        let (script, seen): (Arc<Script>, _) = (Arc::new(script), Arc::<Seen>::default());
        let task = tokio::spawn(accept(listener, upstreams, tls, script, Arc::clone(&seen)));
        Self { url, seen, task }
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// The most requests that waited for an answer at one time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.seen.most_open.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    upstreams: Arc<Vec<String>>,
    tls: Option<TlsAcceptor>,
    script: Arc<Script>,
    seen: Arc<Seen>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (upstreams, tls, script, seen) =
            (Arc::clone(&upstreams), tls.clone(), Arc::clone(&script), Arc::clone(&seen));
        tokio::spawn(async move {
            match tls {
                // A client that is refused at the handshake never becomes a request.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, &upstreams, &*script, &seen).await;
                    }
                }
                None => serve::<TcpStream>(stream, &upstreams, &*script, &seen).await,
            }
        });
    }
}

/// Answers one request and closes. A client that went away is no concern of the proxy.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, upstreams: &[String], script: &Script, seen: &Seen) {
    let Some(request) = read(&mut stream).await else { return };
    let open = seen.open.fetch_add(1, Ordering::SeqCst) + 1;
    seen.most_open.fetch_max(open, Ordering::SeqCst);
    let act = {
        let mut seen = seen.requests.lock().unwrap();
        let before = seen.iter().filter(|other| other.path == request.path && other.body == request.body).count();
        seen.push(request.clone());
        script(&request, before)
    };
    let answer = answer(&mut stream, upstreams, &request, act).await;
    // Before the client has anything of it, so that its next request finds this one closed.
    seen.open.fetch_sub(1, Ordering::SeqCst);
    let Some((status, header, body)) = answer else { return };
    let separator = if header.is_empty() { "" } else { "\r\n" };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}{separator}{header}\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body).await;
    let _ = stream.shutdown().await;
}

/// Status, a header line and the body; `None` where the act has answered, or not, by itself.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    upstreams: &[String],
    request: &Request,
    act: Act,
) -> Option<(u16, String, Vec<u8>)> {
    Some(match act {
        Act::Forward(upstream) => forward(&upstreams[upstream], request).await,
        Act::Edit(edit) => {
            let (status, header, body) = forward(&upstreams[0], request).await;
            (status, header, edit(String::from_utf8(body).unwrap()).into_bytes())
        }
        Act::Answer(status, header, body) => (status, header.to_owned(), body.as_bytes().to_vec()),
        Act::Echo(status, header) => {
            let said: Vec<_> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            (status, header.to_owned(), said.join("; ").into_bytes())
        }
        Act::CutOff => {
            let (_, _, body) = forward(&upstreams[0], request).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&body[..body.len() / 2]).await;
            let _ = stream.shutdown().await;
            return None;
        }
        Act::Stall => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{").await;
            let _ = stream.flush().await;
            // Ends when the client closes.
            let _ = stream.read_u8().await;
            return None;
        }
        Act::Close => return None,
    })
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |line: &str| line.split_once(':').map(|(k, v)| (k.to_ascii_lowercase(), v.trim().to_owned()));
    let headers: Vec<_> = lines.filter_map(header).collect();
    let mut request = Request { method, path, headers, body: bytes.split_off(end + 4) };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    while request.body.len() < length {
        if stream.read_buf(&mut request.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}

async fn forward(upstream: &str, request: &Request) -> (u16, String, Vec<u8>) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{upstream}{}", request.path);
    let method = request.method.parse().unwrap();
    let kind = request.header("content-type").unwrap_or("text/plain");
    let sent = client.request(method, url).header("content-type", kind).body(request.body.clone()).send().await;
    match sent {
        Ok(answer) => (answer.status().as_u16(), String::new(), answer.bytes().await.unwrap().to_vec()),
        Err(_) => (502, String::new(), b"<html>bad gateway</html>".to_vec()),
    }
}
