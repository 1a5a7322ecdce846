//! Who may see what: rules of the configuration, and the scope they give. Nobody sees anything by default.

use std::collections::BTreeMap;

use lake::WorkloadDay;
use serde::{Deserialize, Serialize};
use types::ClusterId;

/// Role of somebody, each with the rights of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Runs what-ifs, and hands links and tokens to others for what they see themselves.
    Analyst,
    /// Adds clusters, revokes, and reads the audit log.
    Admin,
}

/// A name, or names that share what stands around a `*`: `prod-*`, `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// Returns true when a name is one of those.
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|head| name.strip_prefix(head)) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        rest.ends_with(last)
    }

    /// Returns true when it is `*` and so every name.
    fn is_any(&self) -> bool {
        !self.0.is_empty() && self.0.bytes().all(|byte| byte == b'*')
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// One rule of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, by which sessions remember it: a rule that is taken out ends what it gave at the next request.
    pub name: String,
    /// Groups it holds for, as the provider names them. None means nobody.
    pub groups: Vec<String>,
    /// Role of their members.
    pub role: Role,
    /// On which clusters.
    pub clusters: Vec<Pattern>,
    /// In which namespaces; all, and what is no namespace's, where it is left out.
    #[serde(default)]
    pub namespaces: Option<Vec<Pattern>>,
    /// Of workloads whose labels have one of these values.
    #[serde(default)]
    pub labels: BTreeMap<String, Vec<String>>,
}

impl Rule {
    fn names(&self, cluster: &str) -> bool {
        self.clusters.iter().any(|pattern| pattern.matches(cluster))
    }

    /// Returns true when it holds for all of a cluster that it names.
    fn is_whole(&self) -> bool {
        let namespaces = self.namespaces.as_ref().is_none_or(|patterns| patterns.iter().any(Pattern::is_any));
        namespaces && self.labels.is_empty()
    }

    fn shows(&self, row: &WorkloadDay) -> bool {
        if !self.names(&row.cluster) {
            return false;
        }
        if self.is_whole() {
            return true;
        }
        let Some(namespace) = row.namespace.as_deref() else { return false };
        let in_namespace = |patterns: &Vec<Pattern>| patterns.iter().any(|pattern| pattern.matches(namespace));
        let has = |(name, values): (&String, &Vec<String>)| {
            row.label(name).is_some_and(|value| values.iter().any(|allowed| allowed == value))
        };
        self.namespaces.as_ref().is_none_or(in_namespace) && self.labels.iter().all(has)
    }
}

/// Limit of a link or a token, whatever its owner may see. Empty is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// To these clusters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterId>,
    /// To these namespaces, by their whole names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// To workloads with these labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Limit {
    /// Returns true when it leaves everything.
    pub fn is_none(&self) -> bool {
        self == &Self::default()
    }

    fn names(&self, cluster: &str) -> bool {
        self.clusters.is_empty() || self.clusters.iter().any(|named| named.as_str() == cluster)
    }

    fn is_whole(&self) -> bool {
        self.namespaces.is_empty() && self.labels.is_empty()
    }

    fn shows(&self, row: &WorkloadDay) -> bool {
        let named = |namespace: &str| self.namespaces.iter().any(|named| named == namespace);
        self.names(&row.cluster)
            && (self.is_whole()
                || ((self.namespaces.is_empty() || row.namespace.as_deref().is_some_and(named))
                    && row.namespace.is_some()
                    && self.labels.iter().all(|(name, value)| row.label(name) == Some(value))))
    }
}

/// Scope of one request: what it may see and do. Every query of this crate takes one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    rules: Vec<Rule>,
    limit: Limit,
    /// The most it may do, whatever its rules say: a link reads.
    most: Option<Role>,
    /// The cluster whose hours it may bring.
    ingest: Option<ClusterId>,
}

/// The rules that hold for members of these groups, by name.
pub fn rules_of(rules: &[Rule], groups: &[String]) -> Vec<String> {
    let holds = |rule: &&Rule| rule.groups.iter().any(|group| groups.contains(group));
    rules.iter().filter(holds).map(|rule| rule.name.clone()).collect()
}

/// Returns what these rules, by name, come to within a limit. A name that no rule has gives nothing.
pub fn scope(rules: &[Rule], names: &[String], limit: Limit, most: Option<Role>) -> Scope {
    let rules = rules.iter().filter(|rule| names.contains(&rule.name)).cloned().collect();
    Scope { rules, limit, most, ingest: None }
}

impl Scope {
    /// The scope of the service itself, which checks alerts: it reads everything, and no request has it.
    pub(crate) fn of_service() -> Self {
        let rule = Rule {
            name: String::new(),
            groups: Vec::new(),
            role: Role::Viewer,
            clusters: vec!["*".into()],
            namespaces: None,
            labels: BTreeMap::new(),
        };
        Self { rules: vec![rule], ..Self::default() }
    }

    /// The scope of a collector: it brings the hours of one cluster, and sees nothing.
    pub fn of_collector(cluster: ClusterId) -> Self {
        Self { ingest: Some(cluster), ..Self::default() }
    }

    /// The cluster whose hours it may bring.
    pub fn ingests(&self) -> Option<&ClusterId> {
        self.ingest.as_ref()
    }

    /// The most it may do on any cluster; `None` for nothing at all.
    pub fn role(&self) -> Option<Role> {
        self.capped(self.rules.iter().map(|rule| rule.role).max())
    }

    /// Returns the role on one cluster.
    pub fn role_on(&self, cluster: &ClusterId) -> Option<Role> {
        let cluster = cluster.as_str();
        let on = self.rules.iter().filter(|rule| rule.names(cluster) && self.limit.names(cluster));
        self.capped(on.map(|rule| rule.role).max())
    }

    /// Returns the role on all of one cluster, whose finished report it then may read.
    pub fn role_on_whole(&self, cluster: &ClusterId) -> Option<Role> {
        let cluster = cluster.as_str();
        if !self.limit.names(cluster) || !self.limit.is_whole() {
            return None;
        }
        let whole = self.rules.iter().filter(|rule| rule.names(cluster) && rule.is_whole());
        self.capped(whole.map(|rule| rule.role).max())
    }

    /// Returns true when it may read all of a cluster.
    pub fn sees_whole(&self, cluster: &ClusterId) -> bool {
        self.role_on_whole(cluster).is_some()
    }

    /// Returns true when it may see something of a cluster.
    pub fn sees(&self, cluster: &ClusterId) -> bool {
        self.role_on(cluster).is_some()
    }

    /// Returns true when it administers everything, new clusters among it.
    pub fn administers(&self) -> bool {
        let all =
            |rule: &Rule| rule.role == Role::Admin && rule.is_whole() && rule.clusters.iter().any(Pattern::is_any);
        self.most.is_none() && self.limit.is_none() && self.rules.iter().any(all)
    }

    /// Returns true when it may see a row.
    pub fn shows(&self, row: &WorkloadDay) -> bool {
        self.limit.shows(row) && self.rules.iter().any(|rule| rule.shows(row))
    }

    /// The names of its rules that let it hand on what it sees: a link or token is made with those alone.
    pub fn rules_to_hand_on(&self) -> Vec<String> {
        let may = |rule: &&Rule| self.capped(Some(rule.role)) >= Some(Role::Analyst);
        self.rules.iter().filter(may).map(|rule| rule.name.clone()).collect()
    }

    /// Returns the limit.
    pub fn limit(&self) -> &Limit {
        &self.limit
    }

    fn capped(&self, role: Option<Role>) -> Option<Role> {
        role.map(|role| self.most.map_or(role, |most| role.min(most)))
    }
}

#[cfg(test)]
mod tests;
