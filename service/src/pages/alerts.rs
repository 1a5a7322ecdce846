//! Alerts: what each rule found, and a message to see whether messages arrive.

use askama::Template;
use reports::number_format;

use crate::alerts::{self, AlertRule, Record, State, shown};
use crate::audit::{self, Event};
use crate::authorization::Call;
use crate::page_frame::{Frame, page};
use crate::problem::{Answer, Problem};
use crate::rate_limiter::throttle;

/// Test messages a minute.
const TESTS_A_MINUTE: u32 = 3;

#[derive(Template)]
#[template(path = "alerts.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    rules: usize,
    recipients: Vec<String>,
    admin: bool,
    tested: Vec<(String, String)>,
}

struct Row {
    rule: String,
    cluster: String,
    about: String,
    firing: bool,
    value: String,
    limit: String,
    since: String,
    unknown: String,
    told: String,
}

/// The page.
pub(crate) async fn show(call: Call) -> Answer {
    shown_with(&call, Vec::new()).await
}

/// A record with its rule, of those that the caller may see.
pub(crate) async fn visible(call: &Call) -> Result<Vec<(Record, AlertRule)>, Problem> {
    let records = alerts::all(&call.app.store).await?;
    let rules = &call.app.config.alert_rules;
    let with_rule = |record: Record| {
        let rule = rules.iter().find(|rule| rule.name == record.rule && rule.names(&record.cluster))?;
        rule.is_shown_to(&call.scope, &record.cluster).then(|| (record, rule.clone()))
    };
    let mut found: Vec<_> = records.into_iter().filter_map(with_rule).collect();
    // What fires comes first, then by name.
    found.sort_by(|(a, _), (b, _)| {
        let of = |record: &Record| (record.state != State::Firing, record.rule.clone(), record.cluster.clone());
        of(a).cmp(&of(b))
    });
    Ok(found)
}

async fn shown_with(call: &Call, tested: Vec<(String, String)>) -> Answer {
    let rows = visible(call).await?.iter().filter_map(|(record, rule)| row(record, rule)).collect();
    let admin = call.scope.administers();
    let recipients = call.app.delivery.as_ref().map(|delivery| delivery.recipients()).unwrap_or_default();
    page(&Page {
        frame: call.frame("Alerts", "/alerts"),
        rows,
        rules: call.app.config.alert_rules.len(),
        recipients: if admin { recipients } else { Vec::new() },
        admin,
        tested,
    })
}

fn row(record: &Record, rule: &AlertRule) -> Option<Row> {
    let condition = rule.condition().ok()?;
    let show = |value: f64| shown(condition, value, record.currency.as_deref());
    let told = match (&record.message, record.failed.as_slice()) {
        (Some(message), _) if message.tries == 0 => "being told".to_owned(),
        (Some(message), _) => format!("not told yet: {}", message.to.join(", ")),
        (None, []) => String::new(),
        (None, failed) => {
            let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
            format!("not told: {}", names.join(", "))
        }
    };
    Some(Row {
        rule: record.rule.clone(),
        cluster: record.cluster.to_string(),
        about: if rule.is_of_part() { rule.about() } else { String::new() },
        firing: record.state == State::Firing,
        value: record.value.map_or_else(|| number_format::UNKNOWN.to_owned(), show),
        limit: show(condition.limit()),
        since: number_format::moment(record.since),
        unknown: record.unknown.clone().unwrap_or_default(),
        told,
    })
}

/// Sends a test message to everybody who can be told.
pub(crate) async fn test(call: Call) -> Answer {
    throttle(&call.app.limiter, "alert-test", TESTS_A_MINUTE, call.now)?;
    audit::write(call.app.store.as_ref(), &Event::of(&call.who, "alert-tested", "", call.now)).await?;
    let outcomes = alerts::test_notice(&call.app, &call.who.subject, call.now).await;
    if outcomes.is_empty() {
        return Err(Problem::bad(
            "nobody can be told yet: name a delivery file as `alerts.deliver_file` in the configuration",
        ));
    }
    let said =
        |outcome: Result<(), String>| outcome.map_or_else(|why| format!("failed: {why}"), |()| "sent".to_owned());
    shown_with(&call, outcomes.into_iter().map(|(name, outcome)| (name, said(outcome))).collect()).await
}
