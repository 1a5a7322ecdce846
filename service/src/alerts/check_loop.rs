//! EDGE: the clock, on which rules are checked for as long as the service runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use types::ClusterId;

use super::alert_state::{self, Record, State};
use super::measured_value::{clusters, measured, shown};
use super::rule::{AlertRule, Condition};
use super::{Deliver, Notice};
use crate::app_state::App;
use crate::audit::{self, Event};
use crate::problem::Problem;
use crate::sealed_values::random_name;

/// The schema of the JSON that a webhook gets.
const SCHEMA: &str = "emp-cost/alert/v1";
/// How long one server may keep a replica waiting; well below the lease of a message.
const PATIENCE: Duration = Duration::from_secs(35);

/// The name of a replica in leases.
pub(crate) fn replica() -> String {
    random_name::<9>().unwrap_or_else(|| "replica".to_owned())
}

/// Checks rules again and again.
pub(crate) async fn run(app: Arc<App>) {
    let every = Duration::from_secs(60 * u64::from(app.config.alerts.every_minutes.max(1)));
    loop {
        check_all(&app, app.now()).await;
        tokio::time::sleep(every).await;
    }
}

/// Checks every rule on every cluster that it names, once. What cannot be checked is logged and keeps no other from it.
pub async fn check_all(app: &App, now: DateTime<Utc>) {
    // Cluster by cluster, so that its rows are read once for all rules.
    let mut all_known = true;
    let mut rules: BTreeMap<ClusterId, Vec<(&AlertRule, Condition)>> = BTreeMap::new();
    for rule in &app.config.alert_rules {
        let Ok(condition) = rule.condition() else { continue };
        match clusters(app, rule, now).await {
            Ok(all) => all.into_iter().for_each(|cluster| rules.entry(cluster).or_default().push((rule, condition))),
            Err(problem) => {
                tracing::error!(rule = rule.name, "an alert could not be checked: {}", problem.detail);
                all_known = false;
            }
        }
    }
    let mut firing = 0;
    for (cluster, rules) in rules {
        for (rule, condition) in rules {
            match check(app, rule, condition, &cluster, now).await {
                Ok(state) => firing += i64::from(state == State::Firing),
                Err(problem) => {
                    tracing::error!(rule = rule.name, %cluster, "an alert could not be checked: {}", problem.detail);
                    // What it found last still stands.
                    match alert_state::read(app.store.as_ref(), &alert_state::id(&rule.name, &cluster)).await {
                        Ok((last, _)) => firing += i64::from(last.is_some_and(|last| last.state == State::Firing)),
                        Err(_) => all_known = false,
                    }
                }
            }
        }
    }
    if all_known {
        app.metrics.alerts_firing.set(firing);
    }
}

/// Checks one rule on one cluster, and sends what is this replica's to send.
async fn check(
    app: &App,
    rule: &AlertRule,
    condition: Condition,
    cluster: &ClusterId,
    now: DateTime<Utc>,
) -> Result<State, Problem> {
    let store = app.store.as_ref();
    let found = measured(app, rule, condition, cluster, now).await?;
    let (there, mark) = alert_state::read(store, &alert_state::id(&rule.name, cluster)).await?;
    let known = there.clone().unwrap_or_else(|| Record::new(&rule.name, cluster, now));
    let mut next = known.after(&found, condition, &told_by(app, rule), (&app.replica, now));
    let changed = next.state != known.state;
    // A message that nobody is sending any more is taken in the same step.
    if !changed && let Some(taken) = next.taken(&app.replica, now) {
        next = taken;
    }
    if Some(&next) == there.as_ref() {
        return Ok(next.state);
    }
    if !alert_state::write(store, &next, mark.as_deref()).await? {
        // Another replica was quicker, and the message is its own.
        return Ok(next.state);
    }
    if changed {
        let what = if next.state == State::Firing { "alert-fired" } else { "alert-resolved" };
        audit::write(store, &event(what, &next, now)).await?;
    }
    let ours = |record: &Record| {
        let lease = record.message.as_ref().and_then(|message| message.lease.as_ref());
        lease.is_some_and(|lease| lease.owner == app.replica)
    };
    if ours(&next) {
        send(app, rule, condition, &next, now).await?;
    }
    Ok(next.state)
}

fn event(what: &str, record: &Record, at: DateTime<Utc>) -> Event {
    Event {
        at,
        what: what.to_owned(),
        subject: "alerts".to_owned(),
        how: "service".to_owned(),
        id: record.id.clone(),
        about: format!("{} on {}", record.rule, record.cluster),
        from: None,
    }
}

/// Those who are told of a rule.
fn told_by(app: &App, rule: &AlertRule) -> Vec<String> {
    let all = app.delivery.as_ref().map(|delivery| delivery.recipients()).unwrap_or_default();
    all.into_iter().filter(|name| rule.to.is_empty() || rule.to.contains(name)).collect()
}

/// Sends the message of a record that this replica has the lease of, and writes down what came of it.
async fn send(
    app: &App,
    rule: &AlertRule,
    condition: Condition,
    record: &Record,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let (Some(delivery), Some(message)) = (&app.delivery, &record.message) else { return Ok(()) };
    let notice = notice(app, rule, condition, record, message.tells);
    let mut failed = Vec::new();
    for recipient in &message.to {
        if let Err(why) = told(delivery.as_ref(), recipient, &notice).await {
            tracing::error!(rule = record.rule, cluster = %record.cluster, recipient, "a message did not arrive: {why}");
            failed.push((recipient.clone(), why));
        }
    }
    let sent = message.to.len().saturating_sub(failed.len());
    app.metrics.alert_messages.inc_by(u64::try_from(sent).unwrap_or(u64::MAX));
    app.metrics.alert_messages_failed.inc_by(u64::try_from(failed.len()).unwrap_or(u64::MAX));
    let store = app.store.as_ref();
    let (there, mark) = alert_state::read(store, &record.id).await?;
    // Whoever has the lease is the only one to write, unless it took longer than that.
    let Some(there) = there.filter(|there| there.message == record.message) else {
        tracing::warn!(rule = record.rule, cluster = %record.cluster, "another replica took the message meanwhile");
        return Ok(());
    };
    let next = there.tried(failed, now);
    alert_state::write(store, &next, mark.as_deref()).await?;
    if next.message.is_none() && !next.failed.is_empty() {
        audit::write(store, &event("alert-not-delivered", &next, now)).await?;
    }
    Ok(())
}

/// Tells one recipient; one who says nothing for long was not told.
async fn told(delivery: &dyn Deliver, recipient: &str, notice: &Notice) -> Result<(), String> {
    match tokio::time::timeout(PATIENCE, delivery.send(recipient, notice)).await {
        Ok(outcome) => outcome,
        Err(_) => Err("no answer within 35 seconds".to_owned()),
    }
}

fn notice(app: &App, rule: &AlertRule, condition: Condition, record: &Record, tells: State) -> Notice {
    let show = |value: f64| shown(condition, value, record.currency.as_deref());
    let value = record.value.map_or_else(|| reports::number_format::UNKNOWN.to_owned(), show);
    let word = if tells == State::Firing { "firing" } else { "resolved" };
    let subject = format!("{word}: {} on {}", rule.name, record.cluster);
    let about = match rule.is_of_part() {
        true => format!("{} of {}", types::wording::sentence_case(&rule.about()), record.cluster),
        false => record.cluster.to_string(),
    };
    let page = format!("{}/alerts", app.config.public_url);
    let text = format!(
        "{about}: {value}; the limit is {}.\nSince {}.\n{page}\n",
        show(record.limit),
        reports::number_format::moment(record.since)
    );
    let json = json!({
        "schema": SCHEMA,
        "state": word,
        "rule": rule.name,
        "cluster_id": record.cluster,
        "namespace": rule.namespace,
        "label": rule.label,
        "condition": condition.name(),
        "value": record.value,
        "limit": record.limit,
        "currency": record.currency,
        "since": record.since,
        "page": page,
    });
    Notice { subject: plain(&subject), text, json }
}

/// A name of a rule may hold anything; nothing in it may end a line of a header.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Sends a test message to everybody who can be told; what came of each.
pub(crate) async fn test_notice(app: &App, by: &str, now: DateTime<Utc>) -> Vec<(String, Result<(), String>)> {
    let Some(delivery) = &app.delivery else { return Vec::new() };
    let page = format!("{}/alerts", app.config.public_url);
    let notice = Notice {
        subject: "test: alerts of the EMP Cost Analyzer".to_owned(),
        text: format!("A test message that {} asked for. Alerts will arrive here.\n{page}\n", plain(by)),
        json: json!({"schema": SCHEMA, "state": "test", "since": now, "page": page}),
    };
    let mut outcomes = Vec::new();
    for recipient in delivery.recipients() {
        let outcome = told(delivery.as_ref(), &recipient, &notice).await;
        outcomes.push((recipient, outcome));
    }
    outcomes
}
