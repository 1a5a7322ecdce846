//! The audit log, a day at a time, and the end of somebody's sessions.

use askama::Template;
use lake::Day;
use reports::number_format;

use crate::access_tokens::Kind;
use crate::audit::{self, Event};
use crate::authorization::Call;
use crate::identity::{How, Identity, plain};
use crate::page_frame::{Frame, page, see_other};
use crate::problem::{Answer, Problem};
use crate::revoked_sessions::Of;

/// Events on the page.
const MOST: usize = 500;
/// Sign-ins that failed on the page.
const MOST_FAILED: usize = 100;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    day: String,
    rows: Vec<[String; 5]>,
    full: bool,
    failed: Vec<[String; 4]>,
    kept_out: Vec<(String, String)>,
}

/// The page.
pub(crate) async fn show(call: Call) -> Answer {
    let store = call.app.store.as_ref();
    let day = match call.query.get("day") {
        Some(day) => day.parse::<Day>().map_err(|error| Problem::bad(error.to_string()))?,
        None => Day::containing(call.now),
    };
    let events = audit::of_day(store, day, audit::Of::Actions, MOST).await?;
    let rows: Vec<_> = events.iter().map(row).collect();
    let failed = audit::of_day(store, day, audit::Of::Failures, MOST_FAILED).await?;
    // Whoever signs in here is not kept out, so without another way the list means nothing.
    let ways = &call.app.config.sign_in;
    let elsewhere = ways.proxy.is_some() || ways.alb.is_some() || ways.bearer.is_some();
    let kept_out = if elsewhere { call.app.revoked.kept_out(store).await? } else { Vec::new() };
    page(&Page {
        frame: call.frame("Audit", "/audit"),
        day: day.to_string(),
        full: rows.len() == MOST,
        rows,
        failed: failed.iter().map(failed_row).collect(),
        kept_out: kept_out.into_iter().map(|(who, since)| (who, number_format::moment(since))).collect(),
    })
}

fn row(event: &Event) -> [String; 5] {
    let about = match event.from {
        Some(from) if event.about.is_empty() => format!("from {from}"),
        Some(from) => format!("{}, from {from}", event.about),
        None => event.about.clone(),
    };
    [at(event), in_words(&event.what), event.subject.clone(), by(event), about]
}

fn failed_row(event: &Event) -> [String; 4] {
    let from = event.from.map(|from| from.to_string()).unwrap_or_default();
    [at(event), from, by(event), event.about.clone()]
}

fn at(event: &Event) -> String {
    event.at.format("%H:%M:%S").to_string()
}

fn by(event: &Event) -> String {
    match (How::named(&event.how), event.how.as_str()) {
        (Some(how), _) => how.in_words().to_owned(),
        (None, "service") => "the service itself".to_owned(),
        (None, other) => other.to_owned(),
    }
}

/// An action as the log names it, for people.
fn in_words(what: &str) -> String {
    match what {
        "signed-in" => "signed in",
        "link-opened" => "opened a link",
        "token-issued" => "made a link or token",
        "token-revoked" => "revoked a link or token",
        "sessions-ended" => "ended all sessions of",
        "let-in-again" => "let in again",
        "alert-tested" => "sent a test message",
        "alert-fired" => "found a limit crossed",
        "alert-resolved" => "found a limit kept again",
        "alert-not-delivered" => "could not tell of an alert",
        "what-if" => "asked for a what-if",
        "what-if-cancelled" => "cancelled a what-if",
        "what-if-kept" => "keeps a what-if",
        "what-if-not-kept" => "keeps a what-if no longer",
        other => other,
    }
    .to_owned()
}

/// The person that a form names, as events name people.
fn subject(call: &Call) -> Result<String, Problem> {
    let form = call.form();
    let subject = plain(form.get("subject").unwrap_or_default().trim());
    if subject.is_empty() {
        return Err(Problem::bad("no name is given; write it as the column Who of the audit log has it"));
    }
    Ok(subject)
}

/// Ends every session of somebody, and revokes the links and tokens for programs that they made. Tokens of collectors
/// stay, since clusters would go silent.
pub(crate) async fn revoke(call: Call) -> Answer {
    let subject = subject(&call)?;
    if subject == call.who.subject && call.who.since == Identity::UNDATED {
        return Err(Problem::forbidden("this would keep you out yourself; ask another administrator to do it"));
    }
    let store = call.app.store.as_ref();
    audit::write(store, &Event::of(&call.who, "sessions-ended", &subject, call.now)).await?;
    call.app.revoked.revoke(store, Of::Subject(&subject), call.now).await?;
    for token in call.app.tokens.all(store).await? {
        if token.by == subject && token.holds(call.now) && !matches!(token.kind, Kind::Ingest { .. }) {
            audit::write(store, &Event::of(&call.who, "token-revoked", &token.id, call.now)).await?;
            call.app.tokens.revoke(store, &token.id, call.now).await?;
        }
    }
    Ok(see_other("/audit"))
}

/// Lets somebody in again who comes through a proxy.
pub(crate) async fn let_in(call: Call) -> Answer {
    let subject = subject(&call)?;
    let store = call.app.store.as_ref();
    audit::write(store, &Event::of(&call.who, "let-in-again", &subject, call.now)).await?;
    call.app.revoked.let_in(store, &subject).await?;
    Ok(see_other("/audit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_read_as_a_person_would_say_them() {
        let now = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let who = Identity::person("local", How::Static, Vec::new(), now, 1).unwrap();
        let event = Event::of(&who, "signed-in", "everything", now).coming_from("198.51.100.1".parse().unwrap());
        let expect = ["14:13:20", "signed in", "local", "the access token", "everything, from 198.51.100.1"];
        assert_eq!(row(&event), expect.map(ToOwned::to_owned));
        let failed = Event::failed(How::Oidc, "too late", "::1".parse().unwrap(), now);
        assert_eq!(failed_row(&failed), ["14:13:20", "::1", "single sign-on", "too late"].map(ToOwned::to_owned));
        // What another version wrote is shown as it is.
        let other = Event { how: "magic".to_owned(), what: "flown".to_owned(), ..event };
        assert_eq!((by(&other).as_str(), in_words(&other.what).as_str()), ("magic", "flown"));
    }
}
