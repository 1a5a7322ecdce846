//! The door for collectors: a lake's store over HTTPS, as far as a collector needs one and below its own cluster.
//!
//! What it puts is checked before it is kept, and a manifest only after every object it names: readers never see an hour
//! that is not what it says. Nothing that is there is ever replaced.

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use lake::ingest_admission::{
    AdmitError, Admitted, MOST_MANIFEST, admitted, check_manifest, check_object, check_over, is_own_prefix,
};
use lake::{PutOutcome, object_keys};
use serde::Serialize;
use types::ClusterId;

use crate::authorization::{Call, Need, Route, Routes};
use crate::page_frame::typed;
use crate::problem::{Answer, Problem};

/// Adds the routes; objects may have so many bytes.
pub(crate) fn routes(routes: Routes, object_bytes: usize) -> Routes {
    let get = |path| Route { path, method: Method::GET, need: Need::Ingest, body: 0 };
    let put = |path| Route { path, method: Method::PUT, need: Need::Ingest, body: object_bytes };
    routes
        .add(get("/ingest/v1/list"), list)
        .add(get("/ingest/v1/names"), names)
        .add(get("/ingest/v1/objects/{*key}"), object)
        .add(put("/ingest/v1/objects/{*key}"), put_new)
}

#[derive(Serialize)]
struct Listed {
    keys: Vec<String>,
}

#[derive(Serialize)]
struct Outcome {
    outcome: &'static str,
}

fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let text = serde_json::to_vec(value).map_err(|error| Problem::internal("write an answer", &error))?;
    Ok(typed(status, "application/json", text))
}

/// The cluster of the token. That there is one is what the routes need.
fn own(call: &Call) -> Result<ClusterId, Problem> {
    call.scope.ingests().cloned().ok_or_else(Problem::not_found)
}

fn prefix<'c>(call: &'c Call, cluster: &ClusterId) -> Result<&'c str, Problem> {
    let prefix = call.query.get("prefix").unwrap_or_default();
    if is_own_prefix(cluster, prefix) { Ok(prefix) } else { Err(foreign(cluster)) }
}

fn foreign(cluster: &ClusterId) -> Problem {
    Problem::forbidden(format!(
        "this token brings hours of cluster `{cluster}`; set the collector's cluster id to that, or make a token for its own"
    ))
}

async fn list(call: Call) -> Answer {
    let cluster = own(&call)?;
    let keys = call.app.store.list(prefix(&call, &cluster)?).await?;
    json(StatusCode::OK, &Listed { keys })
}

async fn names(call: Call) -> Answer {
    let cluster = own(&call)?;
    // Whether a lake has this cluster is asked of the folder of all.
    if call.query.get("prefix") == Some(&object_keys::manifests()) {
        let there = call.app.store.list_names(&object_keys::cluster_manifests(&cluster)).await?;
        let keys = if there.is_empty() { Vec::new() } else { vec![format!("cluster={cluster}")] };
        return json(StatusCode::OK, &Listed { keys });
    }
    let keys = call.app.store.list_names(prefix(&call, &cluster)?).await?;
    json(StatusCode::OK, &Listed { keys })
}

fn key(call: &Call, cluster: &ClusterId) -> Result<(String, Admitted), Problem> {
    let key = call.path("key").to_owned();
    let what = admitted(cluster, &key).ok_or_else(|| foreign(cluster))?;
    Ok((key, what))
}

async fn object(call: Call) -> Answer {
    let cluster = own(&call)?;
    let (key, _) = key(&call, &cluster)?;
    let object = call.app.store.get(&key).await?;
    Ok(typed(StatusCode::OK, "application/octet-stream", object.to_vec()))
}

async fn put_new(call: Call) -> Answer {
    let cluster = own(&call)?;
    let (key, what) = key(&call, &cluster)?;
    let metrics = &call.app.metrics;
    if let Err(error) = check_over(&what, call.now) {
        return Err(refused(&call, &cluster, &key, error));
    }
    let _room = match what {
        // The objects that it names are read again, one after the other.
        Admitted::Manifest { .. } => {
            let most = call.app.config.limits.object_mib.saturating_mul(1 << 20);
            // Of what names no object none is read; the check says what is wrong with it.
            let largest = largest_named(&call.body).unwrap_or_default();
            if largest > most {
                metrics.ingest_refused.inc();
                let why = format!("the manifest names an object of {largest} bytes; at most {most} are taken");
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why));
            }
            Some(call.app.room.take(largest).await?)
        }
        _ => None,
    };
    if let Err(error) = checked(&call, &cluster, what).await {
        return Err(refused(&call, &cluster, &key, error));
    }
    match call.app.store.put_new(&key, call.body.clone()).await? {
        PutOutcome::Created => {
            metrics.ingested.inc();
            metrics.ingested_bytes.inc_by(u64::try_from(call.body.len()).unwrap_or(u64::MAX));
            json(StatusCode::CREATED, &Outcome { outcome: "created" })
        }
        PutOutcome::Exists => json(StatusCode::OK, &Outcome { outcome: "exists" }),
    }
}

/// Counts what is not taken, and says why.
fn refused(call: &Call, cluster: &ClusterId, key: &str, error: AdmitError) -> Problem {
    call.app.metrics.ingest_refused.inc();
    match error {
        AdmitError::Refused(why) => {
            tracing::warn!(%cluster, key, "an object is refused: {why}");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why)
        }
        AdmitError::Store(error) => error.into(),
    }
}

/// The size of the largest object that a manifest names, as it says itself; a text that is too large for one is not read.
fn largest_named(manifest: &[u8]) -> Option<usize> {
    if manifest.len() > MOST_MANIFEST {
        return None;
    }
    #[derive(serde::Deserialize)]
    struct Named {
        objects: Vec<Size>,
    }
    #[derive(serde::Deserialize)]
    struct Size {
        bytes: u64,
    }
    let named: Named = serde_json::from_slice(manifest).ok()?;
    named.objects.iter().map(|object| usize::try_from(object.bytes).unwrap_or(usize::MAX)).max()
}

async fn checked(call: &Call, cluster: &ClusterId, what: Admitted) -> Result<(), AdmitError> {
    if let Admitted::Manifest { hour } = what {
        return check_manifest(call.app.store.as_ref(), cluster, hour, &call.body).await;
    }
    // Reading a footer is work for the processor, not for the threads that answer.
    let (cluster, body): (ClusterId, Bytes) = (cluster.clone(), call.body.clone());
    let checked = tokio::task::spawn_blocking(move || check_object(&cluster, &what, &body)).await;
    match checked {
        Ok(outcome) => outcome.map(|_| ()),
        Err(_) => Err(AdmitError::Refused("the object makes this program fail, and is not taken".to_owned())),
    }
}
