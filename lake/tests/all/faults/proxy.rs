//! A proxy between a store and a real S3 server that does the next thing on its list to each request.
//!
//! The `Host` header goes through unchanged, so the server checks signatures made for the proxy's address.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Fault done to one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It goes through.
    Pass,
    /// It is answered with this status, S3 error code and message, with headers, and never reaches the server.
    Answer(u16, &'static str, &'static str, &'static str),
    /// The connection ends after half of its bytes went to the server.
    CutRequest,
    /// It reaches the server, whose answer is lost.
    LoseAnswer,
    /// Half of the answer comes back before the connection ends.
    CutAnswer,
    /// The last byte of the answer is changed.
    DamageAnswer,
    /// The last byte of the request is changed.
    DamageRequest,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Plan {
    next: VecDeque<Fault>,
    always: Option<Fault>,
    seen: usize,
}

impl Proxy {
    pub(crate) async fn start(server: &str) -> Self {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let shared = Arc::clone(&plan);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, plan) = (server.clone(), Arc::clone(&shared));
                // A client that hangs up is not our concern.
                tokio::spawn(async move { serve(client, &server, &plan).await.ok() });
            }
        });
        Self { address, plan, task }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next requests meet these, one each; those after them pass.
    pub(crate) fn then(&self, faults: &[Fault]) {
        *self.plan.lock().unwrap() = Plan { next: faults.iter().cloned().collect(), always: None, seen: 0 };
    }

    /// Every request from now on meets this.
    pub(crate) fn always(&self, fault: Fault) {
        *self.plan.lock().unwrap() = Plan { next: VecDeque::new(), always: Some(fault), seen: 0 };
    }

    /// Requests since the plan was made.
    pub(crate) fn seen(&self) -> usize {
        self.plan.lock().unwrap().seen
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request and its answer; then the connection ends, so that each request comes on its own.
async fn serve(mut client: TcpStream, server: &str, plan: &Mutex<Plan>) -> std::io::Result<()> {
    let mut request = read_head(&mut client).await?;
    if header(&request, "expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    read_body(&mut client, &mut request).await?;
    let fault = {
        let mut plan = plan.lock().unwrap();
        plan.seen += 1;
        plan.next.pop_front().or_else(|| plan.always.clone()).unwrap_or(Fault::Pass)
    };
    if let Fault::Answer(status, code, message, headers) = fault {
        let body = if code.is_empty() {
            String::new()
        } else {
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>")
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} X\r\n{headers}Content-Type: application/xml\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        return client.write_all(answer.as_bytes()).await;
    }
    let mut upstream = TcpStream::connect(server).await?;
    if let Fault::CutRequest = fault {
        upstream.write_all(&request[..request.len() / 2]).await?;
        return Ok(());
    }
    if let Fault::DamageRequest = fault {
        *request.last_mut().unwrap() ^= 1;
    }
    upstream.write_all(&request).await?;
    let mut answer = read_head(&mut upstream).await?;
    if !request.starts_with(b"HEAD ") {
        read_body(&mut upstream, &mut answer).await?;
    }
    match fault {
        Fault::LoseAnswer => return Ok(()),
        Fault::CutAnswer => answer.truncate(answer.len() - body_length(&answer) / 2),
        Fault::DamageAnswer => *answer.last_mut().unwrap() ^= 1,
        _ => {}
    }
    client.write_all(&answer).await?;
    client.shutdown().await
}

/// Reads up to the end of the headers, and whatever came with them.
pub(crate) async fn read_head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while head_length(&bytes).is_none() {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(bytes)
}

/// Reads the rest of a message, by its length or, when chunked, to its last chunk.
pub(crate) async fn read_body(stream: &mut TcpStream, message: &mut Vec<u8>) -> std::io::Result<()> {
    let head = head_length(message).unwrap();
    let length: Option<usize> = header(message, "content-length").map(|text| text.parse().unwrap());
    let chunked = header(message, "transfer-encoding").is_some();
    let complete = |message: &[u8]| match length {
        Some(length) => message.len() >= head + length,
        None => !chunked || message.ends_with(b"0\r\n\r\n"),
    };
    while !complete(message) {
        if stream.read_buf(message).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

pub(crate) fn head_length(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

pub(crate) fn body_length(message: &[u8]) -> usize {
    message.len() - head_length(message).unwrap()
}

fn header(message: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(&message[..head_length(message)?]).into_owned();
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}
