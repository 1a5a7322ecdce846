//! The queries of an hour: one in flight, in as many parts as the server can answer, and the next on its way while an
//! answer is read.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinHandle;
use types::{Hour, SLOT_SECONDS};

use super::http_exchange::Times;
use super::query_error::{QueryError, Remedy};
use super::query_events::{self, Event};
use super::query_split::Part;
use super::reply::{AskError, Reply};
use super::retries::Inner;
use crate::decode::{Answer, DecodeError};
use crate::queries::{Question, Shape};

/// Takes in the body of an answer, or of a part of one.
pub type Take<'a> = dyn FnMut(&[u8]) -> Result<Answer, DecodeError> + Send + 'a;

/// The queries of one hour.
pub struct Asking<'a> {
    inner: &'a Arc<Inner>,
    hour: Hour,
    ahead: Option<Ahead>,
}

/// A part that is asked for already. It is given up when nobody wants it any more.
#[derive(Debug)]
struct Ahead {
    query: &'static str,
    part: Part,
    answer: JoinHandle<Received>,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.answer.abort();
    }
}

/// Outcome of asking for a part.
#[derive(Debug)]
struct Received {
    body: Result<Vec<u8>, QueryError>,
    seconds: f64,
    requests: u64,
}

impl std::fmt::Debug for Asking<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking").field("hour", &self.hour).field("ahead", &self.ahead).finish_non_exhaustive()
    }
}

impl<'a> Asking<'a> {
    pub(super) fn new(inner: &'a Arc<Inner>, hour: Hour) -> Self {
        Self { inner, hour, ahead: None }
    }

    /// Asks a query, in as many parts as it takes, and hands each body to `take`. After an error, what `take` got is not
    /// the whole answer. Where it is known what is asked for `next`, that is sent while the last body is read, so that
    /// the server is waited for and the body read at the same time; it is the only query in flight all the same.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(
        &mut self,
        query: &Question,
        next: Option<&Question>,
        take: &mut Take<'_>,
    ) -> Result<Reply, AskError> {
        let asked = self.in_parts(query, next, take).await;
        if let Err(error) = &asked {
            self.inner.tell(&Event::Failed { query: query.name, reason: &error.to_string() });
        }
        asked
    }

    async fn in_parts(
        &mut self,
        query: &Question,
        next: Option<&Question>,
        take: &mut Take<'_>,
    ) -> Result<Reply, AskError> {
        let known = self.parts(query);
        if known.len() > 1 {
            tracing::debug!(query = query.name, parts = known.len(), "asked in parts");
        }
        let mut reply = Reply::default();
        let (mut answered, mut split) = (Vec::new(), false);
        // A stack: the next part is at its end.
        let mut waiting: Vec<Part> = known.into_iter().rev().collect();
        while let Some(part) = waiting.pop() {
            let Received { body, seconds, requests } = self.receive(query, &part).await;
            reply.requests = reply.requests.saturating_add(requests);
            match body {
                Ok(body) => {
                    let of_next = || next.and_then(|next| Some((next, self.parts(next).into_iter().next()?)));
                    if let Some((query, part)) = waiting.last().map(|part| (query, part.clone())).or_else(of_next) {
                        self.send_ahead(query, part);
                    }
                    let mut answer = take(&body)?;
                    self.inner.check_times(query.name, times(query, self.hour), &answer, 0)?;
                    answer.warnings.retain(|warning| !query_events::is_harmless(warning));
                    for warning in &answer.warnings {
                        self.inner.tell(&Event::Warned { query: query.name, warning });
                    }
                    let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
                    let (series, samples) = (answer.series, answer.samples);
                    self.inner.tell(&Event::Answered { query: query.name, seconds, bytes, series, samples });
                    answered.push((part, answer.series));
                    reply.add(answer);
                }
                Err(error) => {
                    let remedy = error.remedy();
                    let halves = match remedy {
                        Remedy::Split | Remedy::SplitLater => part.halves(),
                        Remedy::Again | Remedy::GiveUp => None,
                    };
                    let Some([one, other]) = halves else { return Err(error.into()) };
                    split = true;
                    waiting.extend([other, one]);
                    let (parts, reason) = (answered.len() + waiting.len(), error.to_string());
                    tracing::debug!(query = query.name, parts, reason, "split in two");
                    self.inner.tell(&Event::Split { query: query.name, parts, reason: &reason });
                    if remedy == Remedy::SplitLater {
                        let again = u32::from(part.depth()).saturating_add(1);
                        tokio::time::sleep(self.inner.backoff.pause(again, None, fastrand::f64())).await;
                    }
                }
            }
        }
        self.inner.sizes().answered(query.name, answered, split);
        Ok(reply)
    }

    /// The parts to ask a query in.
    fn parts(&self, query: &Question) -> Vec<Part> {
        self.inner.sizes().parts(query.name, self.inner.samples_budget)
    }

    /// Outcome of asking for a part: of what was sent ahead where it is that, else it is sent now.
    async fn receive(&mut self, query: &Question, part: &Part) -> Received {
        let sent = self.ahead.take().filter(|ahead| ahead.query == query.name && ahead.part == *part);
        if let Some(mut ahead) = sent {
            match (&mut ahead.answer).await {
                Ok(received) => return received,
                Err(error) => tracing::warn!(query = query.name, %error, "asked again: what was sent ahead broke off"),
            }
        }
        exchange(Arc::clone(self.inner), query.name, expression(query, part), times(query, self.hour)).await
    }

    fn send_ahead(&mut self, query: &Question, part: Part) {
        let exchange = exchange(Arc::clone(self.inner), query.name, expression(query, &part), times(query, self.hour));
        self.ahead = Some(Ahead { query: query.name, part, answer: tokio::spawn(exchange) });
    }
}

fn expression(query: &Question, part: &Part) -> String {
    query.expression(|label| part.matchers(label))
}

fn times(query: &Question, hour: Hour) -> Times {
    match (query.shape, query.shape.bounds(hour)) {
        (Shape::Once, (_, end)) => Times::At(end),
        (_, (start, end)) => Times::Range(start, end, SLOT_SECONDS),
    }
}

async fn exchange(inner: Arc<Inner>, query: &'static str, promql: String, times: Times) -> Received {
    let (begun, mut requests) = (Instant::now(), 0);
    let body = inner.patiently(query, &promql, times, &mut requests).await;
    Received { body, seconds: begun.elapsed().as_secs_f64(), requests }
}
