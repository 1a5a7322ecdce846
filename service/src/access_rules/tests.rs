use std::sync::Arc;

use lake::workload_day::Part;

use super::*;

fn row(cluster: &str, namespace: Option<&str>, labels: &[&str]) -> WorkloadDay {
    WorkloadDay {
        namespace: namespace.map(Into::into),
        labels: labels.iter().map(|label| Arc::<str>::from(*label)).collect(),
        cpu_nano_usd: 1,
        ..WorkloadDay::of(cluster, if namespace.is_some() { Part::Workload } else { Part::Idle })
    }
}

fn rule(name: &str, role: Role, clusters: &[&str], namespaces: Option<&[&str]>, labels: &[(&str, &str)]) -> Rule {
    Rule {
        name: name.to_owned(),
        groups: vec![format!("group-{name}")],
        role,
        clusters: clusters.iter().copied().map(Into::into).collect(),
        namespaces: namespaces.map(|names| names.iter().copied().map(Into::into).collect()),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect(),
    }
}

fn rules() -> Vec<Rule> {
    vec![
        rule("all", Role::Admin, &["*"], None, &[]),
        rule("prod", Role::Viewer, &["prod-*"], None, &[]),
        rule("shop", Role::Analyst, &["*"], Some(&["shop-*"]), &[]),
        rule("blue", Role::Viewer, &["prod-1"], None, &[("team", "blue")]),
    ]
}

fn of(names: &[&str]) -> Scope {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    scope(&rules(), &names, Limit::default(), None)
}

fn id(text: &str) -> ClusterId {
    text.parse().unwrap()
}

#[test]
fn a_pattern_is_a_name_or_what_stands_around_stars() {
    for (pattern, name, matches) in [
        ("prod", "prod", true),
        ("prod", "prod-1", false),
        ("prod", "xprod", false),
        ("prod-*", "prod-1", true),
        ("*", "", true),
        ("*-eu-*", "prod-eu-1", true),
        ("*-eu", "prod-eu-1", false),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("", "", true),
        ("", "x", false),
    ] {
        assert_eq!(Pattern::from(pattern).matches(name), matches, "{pattern} {name}");
    }
}

#[test]
fn nobody_sees_anything_by_default() {
    for scope in [of(&[]), of(&["unknown"]), Scope::of_collector(id("prod-1"))] {
        assert_eq!(scope.role(), None);
        assert!(!scope.sees(&id("prod-1")) && !scope.sees_whole(&id("prod-1")) && !scope.administers());
        assert!(!scope.shows(&row("prod-1", Some("shop-a"), &["team=blue"])));
    }
    assert_eq!(rules_of(&rules(), &[]), [""; 0]);
    assert_eq!(rules_of(&rules(), &["group-shop".to_owned(), "other".to_owned()]), ["shop"]);
}

#[test]
fn rows_are_shown_by_cluster_namespace_and_label() {
    let rows = [
        row("prod-1", Some("shop-a"), &["team=blue"]),
        row("prod-1", Some("bank"), &["team=blue"]),
        row("prod-1", Some("bank"), &["team=red"]),
        row("prod-1", None, &[]),
        row("test-1", Some("shop-a"), &[]),
    ];
    let seen = |scope: &Scope| rows.iter().map(|row| scope.shows(row)).collect::<Vec<_>>();
    assert_eq!(seen(&of(&["all"])), [true; 5]);
    assert_eq!(seen(&of(&["prod"])), [true, true, true, true, false]);
    assert_eq!(seen(&of(&["shop"])), [true, false, false, false, true]);
    assert_eq!(seen(&of(&["blue"])), [true, true, false, false, false]);
    assert_eq!(seen(&of(&["blue", "shop"])), [true, true, false, false, true]);
}

#[test]
fn a_finished_report_is_for_those_who_see_the_whole_cluster() {
    let whole = |names: &[&str], cluster: &str| of(names).sees_whole(&id(cluster));
    assert!(whole(&["all"], "prod-1") && whole(&["prod"], "prod-1"));
    assert!(!whole(&["prod"], "test-1") && !whole(&["shop"], "prod-1") && !whole(&["blue"], "prod-1"));
    assert!(of(&["shop"]).sees(&id("prod-1")));
    assert_eq!(of(&["prod", "shop"]).role_on_whole(&id("prod-1")), Some(Role::Viewer));
    assert_eq!(of(&["prod", "shop"]).role_on(&id("prod-1")), Some(Role::Analyst));
}

#[test]
fn a_limit_only_takes_away() {
    let rows = [
        row("prod-1", Some("shop-a"), &["team=blue"]),
        row("prod-1", Some("bank"), &["team=red"]),
        row("prod-1", None, &[]),
        row("test-1", Some("shop-a"), &[]),
    ];
    let limits = [
        Limit { clusters: vec![id("prod-1")], ..Limit::default() },
        Limit { namespaces: vec!["shop-a".to_owned()], ..Limit::default() },
        Limit { labels: [("team".to_owned(), "red".to_owned())].into(), ..Limit::default() },
        Limit { clusters: vec![id("other")], namespaces: vec!["bank".to_owned()], ..Limit::default() },
    ];
    let all = ["all", "prod", "shop", "blue"].map(ToOwned::to_owned);
    for names in [&all[..], &all[1..2], &all[2..3], &all[3..]] {
        let free = scope(&rules(), names, Limit::default(), None);
        for limit in &limits {
            let limited = scope(&rules(), names, limit.clone(), Some(Role::Viewer));
            for row in &rows {
                assert!(!limited.shows(row) || (free.shows(row) && limit.shows(row)), "{limit:?} {row:?}");
            }
            assert!(!limited.administers() && limited.role() <= Some(Role::Viewer));
        }
    }
    let blue = scope(&rules(), &all[..1], limits[1].clone(), None);
    assert_eq!(rows.each_ref().map(|row| blue.shows(row)), [true, false, false, true]);
    assert!(!blue.sees_whole(&id("prod-1")));
}
