use std::sync::Arc;

use lake::workload_day::Part;

use super::*;
use crate::access_rules::{Limit, Role, Rule, scope};

fn rows() -> Vec<WorkloadDay> {
    let row = |n: i64, date: &str, namespace: Option<&str>, labels: &[&str], cost: i64| WorkloadDay {
        date: Some(date.into()),
        namespace: namespace.map(Into::into),
        workload_kind: namespace.map(|_| "Deployment".into()),
        workload: namespace.map(|_| format!("w{n}").into()),
        labels: labels.iter().map(|label| Arc::<str>::from(*label)).collect(),
        node_group: (n % 2 == 0).then(|| "even".into()),
        cpu_nano_usd: cost,
        memory_nano_usd: 1,
        cpu_request_core_ms: Some(n),
        ..WorkloadDay::of("a", if namespace.is_some() { Part::Workload } else { Part::Idle })
    };
    vec![
        row(0, "2026-07-01", Some("shop"), &["team=red"], 10),
        row(0, "2026-07-02", Some("shop"), &["team=red"], 20),
        row(1, "2026-07-01", Some("bank"), &["team=blue"], 100),
        row(2, "2026-07-02", None, &[], 7),
    ]
}

fn of(namespaces: Option<&[&str]>) -> Scope {
    let rule = Rule {
        name: "r".to_owned(),
        groups: Vec::new(),
        role: Role::Viewer,
        clusters: vec!["*".into()],
        namespaces: namespaces.map(|names| names.iter().copied().map(Into::into).collect()),
        labels: BTreeMap::new(),
    };
    scope(&[rule], &["r".to_owned()], Limit::default(), None)
}

fn check(by: &str, filter: &Filter, expect: &[(&str, i128)]) {
    let rows = rows();
    let answer = answer(rows.iter(), &of(None), &By::read(by).unwrap(), filter);
    let found: Vec<_> =
        answer.lines.iter().map(|line| (line.key.as_deref().unwrap_or("-"), line.sum.nano_usd)).collect();
    assert_eq!(found, expect, "{by}");
    assert_eq!(answer.total.nano_usd, expect.iter().map(|(_, cost)| cost).sum::<i128>());
}

#[test]
fn rows_are_summed_by_what_was_asked_and_nothing_is_lost() {
    let all = Filter::default();
    check("namespace", &all, &[("bank", 101), ("shop", 32), ("-", 8)]);
    check("workload", &all, &[("Deployment/w1", 101), ("Deployment/w0", 32), ("-", 8)]);
    check("day", &all, &[("2026-07-01", 112), ("2026-07-02", 29)]);
    check("node_group", &all, &[("-", 101), ("even", 40)]);
    check("label:team", &all, &[("blue", 101), ("red", 32), ("-", 8)]);
    check("part", &all, &[("workload", 133), ("idle", 8)]);
    check("cluster", &all, &[("a", 141)]);
    check("namespace", &Filter { to: Some("2026-07-01".into()), ..all.clone() }, &[("bank", 101), ("shop", 11)]);
    check(
        "day",
        &Filter { workload: Some("Deployment/w0".into()), ..all.clone() },
        &[("2026-07-01", 11), ("2026-07-02", 21)],
    );
    check("part", &Filter { label: Some(("team".into(), "red".into())), ..all }, &[("workload", 32)]);
    assert_eq!(By::read("label:"), None);
    assert_eq!(By::read("nothing"), None);
}

#[test]
fn an_answer_holds_nothing_that_the_scope_does_not_show() {
    let rows = rows();
    let answer = answer(rows.iter(), &of(Some(&["shop"])), &By::Namespace, &Filter::default());
    assert_eq!(answer.total.nano_usd, 32);
    assert_eq!(answer.lines.len(), 1);
    assert_eq!(super::answer(rows.iter(), &Scope::default(), &By::Day, &Filter::default()), Answer::default());
}
