//! Rights as a law: whatever rules somebody has, no route tells of a row that they do not give, and what they give is there.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use lake::workload_day::{self, Part};
use lake::{Store, WorkloadDay};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use super::harness::{Service, bearer};
use super::issuer::Issuer;

const CLUSTERS: [&str; 4] = ["prod-1", "prod-2", "test-1", "shop-1"];
const NAMESPACES: [&str; 3] = ["shop", "shop-api", "bank"];
const TEAMS: [&str; 3] = ["red", "blue", ""];
/// Rules that people are given some of.
const RULES: usize = 24;
/// People.
const PEOPLE: usize = 40;

/// Chance from a seed, so that a failure is found again.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    fn some<'a>(&mut self, of: &[&'a str]) -> Vec<&'a str> {
        let mut some: Vec<_> = of.iter().copied().filter(|_| self.next(2) == 0).collect();
        if some.is_empty() {
            some.push(of[self.next(of.len())]);
        }
        some
    }
}

/// A rule, as it is written and as it is meant.
#[derive(Debug, Clone)]
struct Given {
    clusters: Vec<&'static str>,
    namespaces: Option<Vec<&'static str>>,
    teams: Option<Vec<&'static str>>,
}

impl Given {
    fn of_chance(chance: &mut Chance) -> Self {
        let clusters = chance.some(&["prod-*", "*", "prod-1", "test-1", "*-1", "shop-1", "none"]);
        let namespaces = (chance.next(2) == 0).then(|| chance.some(&["shop", "shop-*", "bank", "*"]));
        let teams = (chance.next(3) == 0).then(|| chance.some(&["red", "blue", "green"]));
        Self { clusters, namespaces, teams }
    }

    fn toml(&self, n: usize) -> String {
        let mut text = format!(
            "[[rule]]\nname = \"rule-{n}\"\ngroups = [\"group-{n}\"]\nrole = \"viewer\"\nclusters = {:?}\n",
            self.clusters
        );
        if let Some(namespaces) = &self.namespaces {
            text.push_str(&format!("namespaces = {namespaces:?}\n"));
        }
        if let Some(teams) = &self.teams {
            text.push_str(&format!("labels = {{team = {teams:?}}}\n"));
        }
        text
    }

    /// Whether it gives a row, longhand.
    fn gives(&self, cluster: &str, namespace: Option<&str>, team: &str) -> bool {
        let named = |patterns: &[&str], name: &str| {
            patterns.iter().any(|pattern| match pattern.split_once('*') {
                None => *pattern == name,
                Some((head, tail)) => {
                    name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail)
                }
            })
        };
        if !named(&self.clusters, cluster) {
            return false;
        }
        let all = self.namespaces.as_ref().is_none_or(|patterns| patterns.contains(&"*")) && self.teams.is_none();
        let Some(namespace) = namespace else { return all };
        self.namespaces.as_ref().is_none_or(|patterns| named(patterns, namespace))
            && self.teams.as_ref().is_none_or(|teams| teams.contains(&team))
    }
}

/// A name that stands in one row alone.
fn workload(cluster: &str, namespace: Option<&str>, team: &str) -> String {
    format!("w-{cluster}-{}-{team}-w", namespace.unwrap_or("idle"))
}

async fn put_rows(store: &dyn Store, cluster: &str) {
    let mut rows = Vec::new();
    for namespace in NAMESPACES.map(Some).into_iter().chain([None]) {
        for team in TEAMS {
            let label = (!team.is_empty()).then(|| -> Arc<str> { format!("team={team}").into() });
            rows.push(WorkloadDay {
                cluster: cluster.into(),
                date: Some("2026-07-01".into()),
                part: if namespace.is_some() { Part::Workload } else { Part::Idle },
                namespace: namespace.map(Into::into),
                workload_kind: None,
                workload: Some(workload(cluster, namespace, team).into()),
                labels: label.into_iter().collect(),
                node_group: Some(format!("nodes-{}", workload(cluster, namespace, team)).into()),
                cpu_nano_usd: 1_000_000_007,
                memory_nano_usd: 0,
                volume_nano_usd: 0,
                fargate_nano_usd: 0,
                other_nano_usd: 0,
                cpu_request_core_ms: Some(1),
                cpu_used_core_ms: Some(1),
                memory_request_kib_s: Some(1),
                memory_used_kib_s: Some(1),
            });
        }
    }
    let whole: String = rows.iter().filter_map(|row| row.workload.as_deref()).collect::<Vec<_>>().join(" ");
    let folder = format!("reports/cluster={cluster}/date=2026-07-01/report=0123456789ab/");
    let files = [
        (workload_day::FILE, workload_day::encode(rows).unwrap()),
        ("index.html", Bytes::from(format!("<!DOCTYPE html><title>{cluster}</title>{whole}"))),
    ];
    let mut named = Vec::new();
    for (name, content) in files {
        named.push(json!({"name": name, "sha256": lake::digest(&content), "bytes": content.len()}));
        store.replace(&format!("{folder}{name}"), content, "").await.unwrap();
    }
    let pointer = json!({
        "date": "2026-07-01", "folder": folder, "hours_present": 24, "hours_expected": 24, "files": named,
        "window": {"start": "2026-07-01T00:00:00Z", "end": "2026-07-02T00:00:00Z"},
    });
    for at in ["latest", "date=2026-07-01"] {
        let key = format!("reports/cluster={cluster}/{at}/report.json");
        store.replace(&key, pointer.to_string().into(), "application/json").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_tells_of_a_row_that_no_rule_gives_whatever_the_rules() {
    let mut chance = Chance(20);
    let rules: Vec<Given> = (0..RULES).map(|_| Given::of_chance(&mut chance)).collect();
    let text: String = rules.iter().enumerate().map(|(n, rule)| rule.toml(n)).collect();
    let issuer = Issuer::start().await;
    let more = format!(
        "[limits]\nrequests_a_minute = 60000\n{}\
         [[alert]]\nname = \"cost\"\nmonthly_cost_above = 1\n[[alert]]\nname = \"shop\"\nnamespace = \"shop\"\nmonthly_cost_above = 1\n{text}",
        bearer(&issuer.url)
    );
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(lake::store::DirStore::new(folder.path()));
    for cluster in CLUSTERS {
        put_rows(store.as_ref(), cluster).await;
    }
    let service = Service::over(store, folder, "\"none\"", &more).await;
    // Rules are checked at the start: what they found lies there before anybody asks.
    while service.store.list("service/alerts/").await.unwrap().len() < 2 * CLUSTERS.len() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let gets: Vec<&str> =
        service.routes.iter().filter(|route| route.method == Method::GET).map(|route| route.path).collect();
    let queries = ["", "?by=workload", "?by=namespace&namespace=bank", "?by=label:team", "?by=node_group", "?by=part"];
    let (mut asked, mut unpacked) = (0, 0);
    for person in 0..PEOPLE {
        let own: Vec<usize> = (0..1 + chance.next(3)).map(|_| chance.next(RULES)).collect();
        let gives = |cluster: &str, namespace: Option<&str>, team: &str| {
            own.iter().any(|n| rules[*n].gives(cluster, namespace, team))
        };
        let groups: Vec<String> = own.iter().map(|n| format!("group-{n}")).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let bearer = format!("Bearer {}", issuer.sign(&issuer.claims("emp-cost", &groups)));
        let (mut theirs, mut others) = (BTreeSet::new(), BTreeSet::new());
        for cluster in CLUSTERS {
            for namespace in NAMESPACES.map(Some).into_iter().chain([None]) {
                for team in TEAMS {
                    let name = workload(cluster, namespace, team);
                    if gives(cluster, namespace, team) {
                        theirs.insert(name)
                    } else {
                        others.insert(name)
                    };
                }
            }
        }
        // A cluster of which a person sees nothing is not named either.
        let sees = |cluster: &&str| own.iter().any(|n| rules[*n].gives_something(cluster));
        let unseen: Vec<&str> = CLUSTERS.iter().copied().filter(|cluster| !sees(cluster)).collect();
        let what = format!("person {person} with {:?}", own.iter().map(|n| &rules[*n]).collect::<Vec<_>>());
        let cluster = CLUSTERS[person % CLUSTERS.len()];
        for path in &gets {
            let path = path
                .replace("{cluster}", cluster)
                .replace("{*name}", "index.html")
                .replace("{id}", "0123456789abcdef0123456789ab")
                .replace("{*key}", "v1/manifest/cluster=prod-1/date=2026-07-01/hour=00.json");
            let with_query = path.contains("costs") || path.contains("showback") || path.contains("days");
            let of_cluster = format!("?cluster={cluster}&by=workload");
            let queries = queries.into_iter().chain([of_cluster.as_str()]);
            for query in queries.take(if with_query { usize::MAX } else { 1 }) {
                let asking = service.get(&format!("{path}{query}")).header(AUTHORIZATION, &bearer);
                let answer = asking.send().await.unwrap();
                let kind = answer.headers().get(CONTENT_TYPE);
                let packed = kind.is_some_and(|kind| kind.to_str().unwrap().ends_with("parquet"));
                let body = answer.bytes().await.unwrap();
                let text = match packed {
                    true => format!("{:?}", workload_day::decode(body).unwrap()),
                    false => String::from_utf8_lossy(&body).into_owned(),
                };
                unpacked += usize::from(packed);
                asked += 1;
                for name in &others {
                    assert!(!text.contains(name.as_str()), "{what} reads {name} at {path}{query}");
                }
                for name in unseen.iter().filter(|name| **name != cluster) {
                    assert!(!text.contains(*name), "{what} reads of {name} at {path}{query}");
                }
            }
        }
        // What is theirs is there, all of it.
        let costs = service.get("/api/v1/costs?by=workload&limit=1000").header(AUTHORIZATION, &bearer);
        let costs: Value = serde_json::from_str(&costs.send().await.unwrap().text().await.unwrap()).unwrap();
        let found: BTreeSet<String> =
            costs["items"].as_array().unwrap().iter().map(|line| line["key"].as_str().unwrap().to_owned()).collect();
        assert_eq!(found, theirs, "{what}");
        let total = 1_000_000_007 * i64::try_from(theirs.len()).unwrap();
        assert_eq!(costs["total_nano_usd"], total.to_string(), "{what}");
    }
    assert!(asked > 1000 && unpacked > 10, "{asked} {unpacked}");
}

impl Given {
    fn gives_something(&self, cluster: &str) -> bool {
        Self { namespaces: None, teams: None, ..self.clone() }.gives(cluster, None, "")
    }
}
