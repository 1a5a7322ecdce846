//! The audit log, a day at a time.

use askama::Template;
use lake::Day;

use crate::audit::{self, Event};
use crate::guard::Call;
use crate::html::{Frame, page, see_other};
use crate::problem::{Answer, Problem};
use crate::revoked::Of;

/// Events on the page.
const MOST: usize = 500;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    day: String,
    rows: Vec<[String; 5]>,
    full: bool,
}

/// The page.
pub(crate) async fn show(call: Call) -> Answer {
    let day = match call.query.get("day") {
        Some(day) => day.parse::<Day>().map_err(|error| Problem::bad(error.to_string()))?,
        None => Day::containing(call.now),
    };
    let events = audit::of_day(call.app.store.as_ref(), day, MOST).await?;
    let row = |event: &Event| {
        let at = event.at.format("%H:%M:%S").to_string();
        [at, event.what.clone(), event.subject.clone(), event.how.clone(), event.about.clone()]
    };
    let rows: Vec<_> = events.iter().map(row).collect();
    let full = rows.len() == MOST;
    page(&Page { frame: call.frame("Audit", "/audit"), day: day.to_string(), rows, full })
}

/// Ends every session of somebody.
pub(crate) async fn revoke(call: Call) -> Answer {
    let form = call.form();
    let subject = form.get("subject").ok_or_else(|| Problem::bad("name somebody"))?;
    audit::write(call.app.store.as_ref(), &Event::of(&call.who, "sessions-ended", subject, call.now)).await?;
    call.app.revoked.revoke(call.app.store.as_ref(), Of::Subject(subject), call.now).await?;
    Ok(see_other("/audit"))
}
