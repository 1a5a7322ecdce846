//! EDGE: connections that cannot be held against us: few at a time, and each only as long as it takes to ask.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

/// Connections open at once: a probe, some who scrape, and room. A process may have as few as a few hundred files.
pub(super) const MOST: usize = 64;
/// Time a connection has to ask, from when it was opened or last answered.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// A listener that closes the oldest connection where there would be too many. So whoever asks at once, as a probe does,
/// gets an answer, however many others keep connections open and say nothing.
pub(super) struct Guarded {
    listener: TcpListener,
    most: usize,
    patience: Duration,
    /// Dropping one closes its connection. The oldest is at the front.
    open: VecDeque<oneshot::Sender<()>>,
}

impl Guarded {
    pub(super) fn new(listener: TcpListener, most: usize, patience: Duration) -> Self {
        Self { listener, most, patience, open: VecDeque::new() }
    }
}

impl Listener for Guarded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // Waits and tries again where the process has no file left.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        self.open.retain(|open| !open.is_closed());
        while self.open.len() >= self.most {
            self.open.pop_front();
        }
        let (open, closed) = oneshot::channel();
        self.open.push_back(open);
        let ends = Box::pin(sleep(self.patience));
        (Connection { stream, closed, ends, patience: self.patience }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when it is in the way or takes too long.
pub(super) struct Connection {
    stream: TcpStream,
    closed: oneshot::Receiver<()>,
    ends: Pin<Box<Sleep>>,
    patience: Duration,
}

impl Connection {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if Pin::new(&mut self.closed).poll(context).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        match self.ends.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        // It was answered, and may ask again.
        if let Some(ends) = Instant::now().checked_add(self.patience) {
            self.ends.as_mut().reset(ends);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A server, and its address.
    async fn serve(most: usize, patience: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/", get(|| async { "here" }));
        tokio::spawn(async move { axum::serve(Guarded::new(listener, most, patience), routes).await });
        address
    }

    /// A connection that begins to ask and does not go on.
    async fn slow(address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
        stream
    }

    async fn ask(stream: &mut TcpStream) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"here") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "{}", String::from_utf8_lossy(&answer));
        }
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn who_asks_is_answered_however_many_others_say_nothing() {
        let address = serve(4, Duration::from_secs(3600)).await;
        let mut silent = Vec::new();
        for _ in 0..40 {
            silent.push(slow(address).await);
            assert!(ask(&mut TcpStream::connect(address).await.unwrap()).await.starts_with("HTTP/1.1 200"));
        }
        // The first of them made room.
        let first = silent.first_mut().unwrap();
        assert!(first.read(&mut [0; 64]).await.is_ok_and(|read| read == 0) || first.read(&mut [0; 64]).await.is_err());
    }

    #[tokio::test]
    async fn a_connection_that_asks_nothing_ends_and_one_that_asks_may_ask_again() {
        let address = serve(4, Duration::from_millis(500)).await;
        let mut busy = TcpStream::connect(address).await.unwrap();
        for _ in 0..3 {
            ask(&mut busy).await;
        }
        let mut silent = slow(address).await;
        let begun = Instant::now();
        let mut rest = Vec::new();
        // Closed, with or without a word.
        let _reset = silent.read_to_end(&mut rest).await;
        assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    }
}
