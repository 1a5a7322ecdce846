//! The next cluster: its name becomes a token and the command that installs its collector.

use askama::Template;
use chrono::TimeDelta;
use lake::{Day, object_keys};
use reports::number_format;
use types::{ClusterId, Hour};

use crate::access_tokens::Kind;
use crate::audit::{self, Event};
use crate::authorization::Call;
use crate::page_frame::{Frame, page};
use crate::pages::access::issued;
use crate::problem::{Answer, Problem};

/// Lifetime of a collector's token, in days.
const TOKEN_DAYS: i64 = 366;
/// Days that are looked at for hours.
const DAYS: i64 = 16;

#[derive(Template)]
#[template(path = "install.html")]
struct Page {
    frame: Frame,
    wrong: String,
    given: String,
    /// The cluster that brings hours already, for which another token is to be confirmed; empty for none.
    there: String,
    clusters: Vec<String>,
}

#[derive(Template)]
#[template(path = "installed.html")]
struct Installed {
    frame: Frame,
    cluster: String,
    command: String,
    until: String,
    registry: bool,
}

#[derive(Template)]
#[template(path = "watch.html")]
struct Watch {
    frame: Frame,
    cluster: String,
    first: Option<String>,
    newest: String,
    hours: usize,
}

/// The page that asks for a name.
pub(crate) async fn show(call: Call) -> Answer {
    ask(&call, "", "", "").await
}

async fn ask(call: &Call, given: &str, wrong: &str, there: &str) -> Answer {
    let names = call.app.store.list_names(&object_keys::manifests()).await?;
    let clusters = names.iter().filter_map(|name| name.strip_prefix("cluster=")).map(ToOwned::to_owned).collect();
    let (given, wrong, there) = (given.to_owned(), wrong.to_owned(), there.to_owned());
    page(&Page { frame: call.frame("Install", "/install"), wrong, given, there, clusters })
}

/// Makes the token of a cluster and shows the command. A cluster that brings hours already gets another token once that is
/// confirmed: the name may be a slip, and hours of two clusters under one name cannot be told apart.
pub(crate) async fn add(call: Call) -> Answer {
    let form = call.form();
    let given = form.get("cluster").unwrap_or_default().trim().to_owned();
    let cluster = match given.parse::<ClusterId>() {
        Ok(cluster) => cluster,
        Err(error) => return ask(&call, &given, &types::wording::sentence_case(&error.to_string()), "").await,
    };
    let store = call.app.store.as_ref();
    let brings_hours = !store.list_names(&object_keys::cluster_manifests(&cluster)).await?.is_empty();
    if brings_hours {
        if form.get("again") != Some(cluster.as_str()) {
            return ask(&call, &given, "", cluster.as_str()).await;
        }
        audit::write(store, &Event::of(&call.who, "install-again", cluster.to_string(), call.now)).await?;
    }
    let until = call.now + TimeDelta::days(TOKEN_DAYS);
    let note = if brings_hours { format!("another collector of {cluster}") } else { format!("collector of {cluster}") };
    let issued = issued(&call, Kind::Ingest { cluster: cluster.clone() }, &note, until).await?;
    let command = command(&call, &cluster, &issued.secret);
    page(&Installed {
        frame: call.frame(format!("Install on {cluster}"), "/install"),
        cluster: cluster.to_string(),
        command,
        until: number_format::moment(until),
        registry: call.app.config.install.registry.is_some(),
    })
}

/// The command, each value of which has only characters that a shell leaves alone.
fn command(call: &Call, cluster: &ClusterId, token: &str) -> String {
    let (install, url) = (&call.app.config.install, &call.app.config.public_url);
    format!(
        "helm upgrade --install emp-cost-agent {} \\\n  --namespace {} --create-namespace \\\n  --set clusterId={cluster} \\\n  --set empProfiler.empReportSync={url} \\\n  --set-string empProfiler.token={token} \\\n  --set analysis.enabled=false \\\n  --set image.registry={}",
        install.chart,
        install.namespace,
        install.registry.as_deref().unwrap_or("REGISTRY")
    )
}

/// Returns true when the first hour of a cluster has arrived. The page asks again by itself until it has.
pub(crate) async fn watch(call: Call) -> Answer {
    let cluster: ClusterId = call.path("cluster").parse().map_err(|_| Problem::not_found())?;
    let today = Day::containing(call.now);
    let mut found: Vec<Hour> = Vec::new();
    for back in 0..DAYS {
        let day = today.plus(-back);
        let folder = object_keys::day_manifests(&cluster, day.first_hour());
        let names = call.app.store.list_names(&folder).await?;
        let hours = names.iter().filter_map(|name| object_keys::hour_of_manifest(name));
        found.extend(hours.map(|of_day| day.first_hour().plus(of_day)));
    }
    found.sort_unstable();
    let first = found.first().map(ToString::to_string);
    let newest = found.last().map(ToString::to_string).unwrap_or_default();
    page(&Watch {
        frame: call.frame(format!("Hours of {cluster}"), "/install"),
        cluster: cluster.to_string(),
        first,
        newest,
        hours: found.len(),
    })
}
