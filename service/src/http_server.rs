//! EDGE: the port, and what is said and done about every request whatever it asks for.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::app_state::App;
use crate::authorization::{Answered, Routes};
use crate::client_address::Addresses;
use crate::connection_limits::Bounded;
use crate::problem::Problem;
use crate::{api, ingest, page_frame, pages, public_routes};

/// What a page of ours may do: nothing that is not ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port is taken, or not ours to take.
    #[error("could not listen on `{address}`; choose another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The port failed.
    #[error("could not serve")]
    Serve(#[from] std::io::Error),
}

/// The routes for those who say who they are.
pub fn guarded(app: &Arc<App>) -> Routes {
    let object_bytes = app.config.limits.object_mib.saturating_mul(1 << 20);
    let routes = api::routes(pages::routes(Routes::new(Arc::clone(app))));
    ingest::routes(routes, object_bytes)
}

/// Every route, with what is done for each.
pub fn routes(app: &Arc<App>) -> Router {
    guarded(app)
        .router()
        .merge(public_routes::router(Arc::clone(app)))
        .fallback(|| async { page_frame::problem(&Problem::not_found(), None) })
        .method_not_allowed_fallback(|| async {
            let detail = "there is nothing here to be asked in this way";
            page_frame::problem(&Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail), None)
        })
        .layer(from_fn_with_state(Arc::clone(app), around))
}

/// Serves until `end`; what is being answered then is still answered.
///
/// # Errors
/// [`ServeError`] when the port cannot be used.
pub async fn serve(
    app: Arc<App>,
    address: SocketAddr,
    end: impl Future<Output = ()> + Send + 'static,
    started: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let listener = TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
    started(listener.local_addr()?);
    // A rule needs somebody to look, whether or not anybody can be told.
    let watching = (!app.config.alert_rules.is_empty()).then(|| tokio::spawn(crate::alerts::run(Arc::clone(&app))));
    let pruning = tokio::spawn(crate::what_if_queue::prune::run(Arc::clone(&app)));
    let listener = Bounded::new(listener, app.config.limits.connections).tap_io(|_| ());
    let routes = routes(&app).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, routes).with_graceful_shutdown(end).await;
    // What is marked and still there is removed by another replica.
    pruning.abort();
    if let Some(watching) = watching {
        // A message under way is another replica's when its lease ends.
        watching.abort();
    }
    Ok(served?)
}

/// Headers, one line of the access log and the metrics.
async fn around(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let from = Addresses::read(&request, &app.config.forwarded.peers);
    request.extensions_mut().insert(from);
    let Addresses { peer, client } = from;
    let mut response = next.run(request).await;
    secure(response.headers_mut(), app.config.is_https());
    let Answered { route, who } =
        response.extensions_mut().remove::<Answered>().unwrap_or(Answered { route: "none", who: None });
    let (status, seconds) = (response.status().as_u16(), begun.elapsed().as_secs_f64());
    app.metrics.answered(route, method.as_str(), status, seconds);
    let (subject, how) = who.unwrap_or_default();
    // The route as it is written and no query: paths hold secrets of links, queries hold codes.
    tracing::info!(target: "access", %method, route, status, ms = seconds * 1000.0, %client, %peer, subject, how, "request");
    response
}

/// Headers of every answer. A handler that sends a policy of its own has a reason.
fn secure(headers: &mut HeaderMap, https: bool) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // To others nothing is said. To ourselves a browser must say where a form comes from: with `no-referrer` the
        // origin of a form is `null`, and nobody could sign in.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if https {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
