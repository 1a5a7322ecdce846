//! EDGE: the port on which the collector tells of its health.

mod connection_limits;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;

use crate::health::{Health, Probe};
use connection_limits::{Guarded, MOST, PATIENCE};

/// The type of what `/metrics` sends.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// State that the routes answer from.
#[derive(Clone)]
struct Shared {
    health: Arc<Health>,
    now: fn() -> DateTime<Utc>,
}

/// A port that is bound; requests wait until [`Listener::serve`] runs.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
}

/// Why the port cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on `{address}`; choose another with --listen")]
pub struct ListenError {
    address: SocketAddr,
    source: std::io::Error,
}

impl Listener {
    /// Binds the port.
    ///
    /// # Errors
    /// [`ListenError`] when it is taken, or not ours to take.
    pub async fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let listener = TcpListener::bind(address).await.map_err(|source| ListenError { address, source })?;
        Ok(Self { listener })
    }

    /// Where it listens: tells the port where any was asked for.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Answers requests for as long as it is polled.
    pub async fn serve(self, health: Arc<Health>, now: fn() -> DateTime<Utc>) {
        let routes = Router::new()
            .route("/livez", get(|State(s): State<Shared>| async move { probe(s.health.live()) }))
            .route("/readyz", get(|State(s): State<Shared>| async move { probe(s.health.ready()) }))
            .route("/metrics", get(metrics))
            .with_state(Shared { health, now });
        if let Err(error) = axum::serve(Guarded::new(self.listener, MOST, PATIENCE), routes).await {
            tracing::error!("health is no longer served: {error}");
        }
    }
}

fn probe(probe: Probe) -> impl IntoResponse {
    let status = if probe.good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, format!("{}\n", probe.reason))
}

async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OPENMETRICS)], shared.health.exposition((shared.now)()))
}
