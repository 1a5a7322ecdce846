//! Links and tokens: made, listed and revoked by those who made them, or by an administrator.

use std::collections::BTreeMap;

use askama::Template;
use axum::http::header;
use chrono::TimeDelta;
use reports::number_format;
use types::ClusterId;

use crate::access_rules::{Limit, Role};
use crate::access_tokens::{Issued, Kind, Token};
use crate::audit::{self, Event};
use crate::authorization::{Call, Pairs};
use crate::cookie::{self, Cookie};
use crate::identity::How;
use crate::page_frame::{Frame, inside, page, see_other};
use crate::problem::{Answer, Problem};
use crate::revoked_sessions::Of;

/// The longest a link or token may last, in days.
const MOST_DAYS: i64 = 366;

#[derive(Template)]
#[template(path = "access.html")]
struct Page {
    frame: Frame,
    made: Option<Made>,
    rows: Vec<Row>,
    clusters: Vec<String>,
}

/// Something that was just made, shown once.
struct Made {
    what: &'static str,
    secret: String,
    until: String,
}

struct Row {
    id: String,
    kind: &'static str,
    what: String,
    note: String,
    by: String,
    until: String,
    state: &'static str,
    live: bool,
}

/// The page.
pub(crate) async fn show(call: Call) -> Answer {
    shown(&call, None).await
}

async fn shown(call: &Call, made: Option<Made>) -> Answer {
    let tokens = call.app.tokens.all(call.app.store.as_ref()).await?;
    let mine = |token: &&Token| call.scope.administers() || token.by == call.who.subject;
    let rows = tokens.iter().filter(mine).map(|token| row(token, call)).collect();
    let clusters = call.app.shelf.clusters(&call.scope, call.now).await?;
    let clusters = clusters.iter().map(ToString::to_string).collect();
    page(&Page { frame: call.frame("Links and tokens", "/access"), made, rows, clusters })
}

fn row(token: &Token, call: &Call) -> Row {
    let (kind, what) = match &token.kind {
        Kind::Ingest { cluster } => ("collector", format!("brings hours of {cluster}")),
        Kind::Api { limit, .. } => ("token", limited(limit)),
        Kind::Share { limit, .. } => ("link", limited(limit)),
    };
    let live = token.holds(call.now);
    let state = match (token.revoked.is_some(), live) {
        (true, _) => "revoked",
        (false, false) => "ended",
        (false, true) => "",
    };
    Row {
        id: token.id.clone(),
        kind,
        what,
        note: token.note.clone(),
        by: token.by.clone(),
        until: number_format::moment(token.until),
        state,
        live,
    }
}

fn limited(limit: &Limit) -> String {
    if limit.is_none() {
        return "reads what its maker may see".to_owned();
    }
    let clusters = limit.clusters.iter().map(|cluster| format!("cluster {cluster}"));
    let namespaces = limit.namespaces.iter().map(|namespace| format!("namespace {namespace}"));
    let labels = limit.labels.iter().map(|(name, value)| format!("label {name}={value}"));
    clusters.chain(namespaces).chain(labels).collect::<Vec<_>>().join(", ")
}

/// The limit a form asks for, of what the caller may see.
fn limit(call: &Call, form: &Pairs) -> Result<Limit, Problem> {
    let mut clusters: Vec<ClusterId> = Vec::new();
    for id in form.all("cluster") {
        let cluster = id.parse::<ClusterId>().map_err(|error| Problem::bad(format!("{error}")))?;
        if call.scope.role_on(&cluster) < Some(Role::Analyst) {
            return Err(Problem::not_found());
        }
        clusters.push(cluster);
    }
    let mut labels = BTreeMap::new();
    for label in form.all("label") {
        let (name, value) = label.split_once('=').ok_or_else(|| Problem::bad("a label is NAME=VALUE"))?;
        if labels.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Problem::bad(format!("label `{name}` has two values, which no workload has")));
        }
    }
    let namespaces = form.all("namespace").map(ToOwned::to_owned).collect();
    within(call.scope.limit(), Limit { clusters, namespaces, labels })
}

/// A limit within another: whoever is limited hands on no more than that.
fn within(own: &Limit, mut asked: Limit) -> Result<Limit, Problem> {
    let outside = || Problem::forbidden("that is outside of what you may see yourself");
    if asked.clusters.is_empty() {
        asked.clusters.clone_from(&own.clusters);
    } else if !own.clusters.is_empty() && asked.clusters.iter().any(|cluster| !own.clusters.contains(cluster)) {
        return Err(outside());
    }
    if asked.namespaces.is_empty() {
        asked.namespaces.clone_from(&own.namespaces);
    } else if !own.namespaces.is_empty() && asked.namespaces.iter().any(|name| !own.namespaces.contains(name)) {
        return Err(outside());
    }
    for (name, value) in &own.labels {
        if asked.labels.get(name).is_some_and(|asked| asked != value) {
            return Err(outside());
        }
        asked.labels.insert(name.clone(), value.clone());
    }
    Ok(asked)
}

fn until(call: &Call, form: &Pairs) -> Result<chrono::DateTime<chrono::Utc>, Problem> {
    let days = form.get("days").and_then(|days| days.parse::<i64>().ok());
    let days = days.filter(|days| (1..=MOST_DAYS).contains(days));
    let days = days.ok_or_else(|| Problem::bad(format!("`days` is no number from 1 to {MOST_DAYS}")))?;
    Ok(call.now + TimeDelta::days(days))
}

fn note(form: &Pairs) -> Result<String, Problem> {
    let note: String = form.get("note").unwrap_or_default().trim().chars().take(100).collect();
    if note.is_empty() { Err(Problem::bad("say what it is for")) } else { Ok(note) }
}

/// Whoever came by a token, a JWT or a link makes no further ones, which would hold for longer: what is revoked must end
/// all that came of it.
fn in_person(call: &Call) -> Result<(), Problem> {
    if call.who.how.is_in_person() {
        return Ok(());
    }
    Err(Problem::forbidden(
        "links and tokens are for people who signed in in a browser to make, not for programs or guests",
    ))
}

/// Makes a link.
pub(crate) async fn share(call: Call) -> Answer {
    let form = call.form();
    let limit = limit(&call, &form)?;
    if limit.is_none() {
        return Err(Problem::bad("a link shows a cluster, a namespace or a label; choose one of them first"));
    }
    let view = inside(form.get("view").or(Some("/costs"))).to_owned();
    let kind = Kind::Share { rules: call.scope.rules_to_hand_on(), limit, view };
    let issued = issued(&call, kind, &note(&form)?, until(&call, &form)?).await?;
    let secret = format!("{}/s/{}", call.app.config.public_url, issued.secret);
    let made = Made { what: "link", secret, until: number_format::moment(issued.token.until) };
    shown(&call, Some(made)).await
}

/// Makes a token for a program.
pub(crate) async fn issue(call: Call) -> Answer {
    let form = call.form();
    let limit = limit(&call, &form)?;
    let most = match form.get("role") {
        None | Some("viewer") => Role::Viewer,
        Some("analyst") => Role::Analyst,
        Some(_) => return Err(Problem::bad("the role of a token is viewer or analyst")),
    };
    let kind = Kind::Api { rules: call.scope.rules_to_hand_on(), limit, most };
    let issued = issued(&call, kind, &note(&form)?, until(&call, &form)?).await?;
    let made = Made { what: "token", secret: issued.secret, until: number_format::moment(issued.token.until) };
    shown(&call, Some(made)).await
}

/// Makes a token for somebody whose sessions were not ended meanwhile, and writes down that it was made. One whose making
/// cannot be written down is revoked.
pub(crate) async fn issued(
    call: &Call,
    kind: Kind,
    note: &str,
    until: chrono::DateTime<chrono::Utc>,
) -> Result<Issued, Problem> {
    in_person(call)?;
    let store = call.app.store.as_ref();
    if call.app.revoked.includes_by_now(store, &call.who, call.now).await? {
        return Err(Problem::unauthorized());
    }
    let made = call.app.tokens.issue(store, kind, (&call.who.subject, note), (call.now, until)).await?;
    let event = Event::of(&call.who, "token-issued", made.token.id.clone(), call.now);
    if let Err(problem) = audit::write(store, &event).await {
        call.app.tokens.revoke(store, &made.token.id, call.now).await?;
        return Err(problem);
    }
    Ok(made)
}

/// Ends a link or token.
pub(crate) async fn revoke(call: Call) -> Answer {
    in_person(&call)?;
    let form = call.form();
    let id = form.get("id").ok_or_else(Problem::not_found)?;
    let store = call.app.store.as_ref();
    let token = call.app.tokens.by_id(store, id, call.now).await?.ok_or_else(Problem::not_found)?;
    if !call.scope.administers() && token.by != call.who.subject {
        return Err(Problem::not_found());
    }
    audit::write(store, &Event::of(&call.who, "token-revoked", id, call.now)).await?;
    call.app.tokens.revoke(store, id, call.now).await?;
    Ok(see_other("/access"))
}

/// Ends this session, here and wherever its cookie was copied to.
pub(crate) async fn sign_out(call: Call) -> Answer {
    if matches!(call.who.how, How::Static | How::Oidc) {
        call.app.revoked.revoke(call.app.store.as_ref(), Of::Session(&call.who.id), call.now).await?;
    }
    let mut response = match call.who.how {
        How::Proxy | How::Alb => page(&elsewhere(&call))?,
        // Whoever opened a link may be somebody without it.
        How::Share => see_other("/"),
        _ => see_other("/sign-in"),
    };
    let https = call.app.config.is_https();
    let gone = Cookie::Session.set("", Some(0), https);
    let balancer = (call.who.how == How::Alb).then(|| cookie::ended_at_balancer(https)).into_iter().flatten();
    for gone in gone.into_iter().chain(balancer) {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(response)
}

/// Page of somebody whom a proxy signed in, and whom it would sign in again.
#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOut {
    frame: Frame,
    by: &'static str,
    to: Option<String>,
}

fn elsewhere(call: &Call) -> SignOut {
    let ways = &call.app.config.sign_in;
    let to = match call.who.how {
        How::Alb => ways.alb.as_ref().and_then(|alb| alb.sign_out.clone()),
        _ => ways.proxy.as_ref().and_then(|proxy| proxy.sign_out.clone()),
    };
    SignOut { frame: Frame::open("Sign out"), by: call.who.how.in_words(), to }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_limited_hands_on_no_more() {
        let own = Limit {
            clusters: vec!["a".parse().unwrap()],
            namespaces: vec!["shop".to_owned()],
            labels: [("team".to_owned(), "red".to_owned())].into(),
        };
        assert_eq!(within(&own, Limit::default()).unwrap(), own);
        let wider = [
            Limit { clusters: vec!["b".parse().unwrap()], ..Limit::default() },
            Limit { namespaces: vec!["bank".to_owned()], ..Limit::default() },
            Limit { labels: [("team".to_owned(), "blue".to_owned())].into(), ..Limit::default() },
        ];
        for asked in wider {
            assert!(within(&own, asked.clone()).is_err(), "{asked:?}");
        }
        let narrower = Limit { labels: [("app".to_owned(), "web".to_owned())].into(), ..Limit::default() };
        assert_eq!(within(&own, narrower).unwrap().labels.len(), 2);
    }
}
