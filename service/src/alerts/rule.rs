//! Rules of alerts as the configuration writes them.

use std::path::PathBuf;

use ipnet::IpNet;
use lake::WorkloadDay;
use lake::workload_day::Part;
use serde::Deserialize;
use types::ClusterId;

use crate::access_rules::{Pattern, Scope};

/// How alerts are checked and sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// The delivery file, as `emp-cost run --deliver` takes it. Without one, alerts are shown and nobody is told.
    pub deliver_file: Option<PathBuf>,
    /// How often rules are checked, in minutes.
    pub every_minutes: u32,
    /// Hosts that messages may go to; a URL or a mail server of the delivery file with another one is refused.
    pub hosts: Vec<String>,
    /// Networks that messages may go to although they are private, such as `10.20.0.0/16`.
    #[serde(deserialize_with = "crate::config::networks")]
    pub private_networks: Vec<IpNet>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { deliver_file: None, every_minutes: 5, hosts: Vec::new(), private_networks: Vec::new() }
    }
}

/// One rule, checked on every cluster that it names.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRule {
    /// Its name, by which the bucket remembers what it found.
    pub name: String,
    /// On which clusters; on all where it is left out.
    #[serde(default = "every")]
    pub clusters: Vec<Pattern>,
    /// The cost of this namespace's workloads instead of the whole cluster's.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The cost of workloads with this label, `team=shop`, instead of the whole cluster's.
    #[serde(default)]
    pub label: Option<String>,
    /// A budget: the cost of a month of 730 hours, in the currency of the cluster.
    #[serde(default)]
    pub monthly_cost_above: Option<f64>,
    /// A saving worth looking at: what the report recommends saves in a month.
    #[serde(default)]
    pub monthly_saving_above: Option<f64>,
    /// Hours of the report's window that were collected, in percent.
    #[serde(default)]
    pub coverage_below_percent: Option<f64>,
    /// Hours since the end of the newest hour in the lake.
    #[serde(default)]
    pub hours_behind_above: Option<f64>,
    /// Who is told, by the names of the delivery file's rows; everybody where it is left out.
    #[serde(default)]
    pub to: Vec<String>,
}

fn every() -> Vec<Pattern> {
    vec!["*".into()]
}

/// When a rule fires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Condition {
    /// A month costs more than this.
    CostAbove(f64),
    /// A month could save more than this.
    SavingAbove(f64),
    /// Less than this share of the window's hours was collected, in percent.
    CoverageBelow(f64),
    /// The newest hour is older than so many hours.
    BehindAbove(f64),
}

impl Condition {
    /// The limit.
    pub fn limit(self) -> f64 {
        match self {
            Self::CostAbove(limit)
            | Self::SavingAbove(limit)
            | Self::CoverageBelow(limit)
            | Self::BehindAbove(limit) => limit,
        }
    }

    /// Whether a value crosses the limit.
    pub fn is_crossed(self, value: f64) -> bool {
        match self {
            Self::CoverageBelow(limit) => value < limit,
            _ => value > self.limit(),
        }
    }

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::CostAbove(_) => "monthly_cost_above",
            Self::SavingAbove(_) => "monthly_saving_above",
            Self::CoverageBelow(_) => "coverage_below_percent",
            Self::BehindAbove(_) => "hours_behind_above",
        }
    }
}

impl AlertRule {
    /// When it fires.
    ///
    /// # Errors
    /// Says what is wrong with the rule.
    pub fn condition(&self) -> Result<Condition, String> {
        let given = [
            self.monthly_cost_above.map(Condition::CostAbove),
            self.monthly_saving_above.map(Condition::SavingAbove),
            self.coverage_below_percent.map(Condition::CoverageBelow),
            self.hours_behind_above.map(Condition::BehindAbove),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(condition), None) => Ok(condition),
            _ => Err(format!(
                "alert `{}` needs one limit: monthly_cost_above, monthly_saving_above, coverage_below_percent or hours_behind_above; write a rule for each",
                self.name
            )),
        }
    }

    /// Checks a rule.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let condition = self.condition()?;
        let limit = condition.limit();
        let wrong = |what: &str| Err(format!("alert `{}`: {what}", self.name));
        if !limit.is_finite() || limit < 0.0 {
            return wrong(&format!("`{}` is not a number from 0", condition.name()));
        }
        if matches!(condition, Condition::CoverageBelow(limit) if limit > 100.0) {
            return wrong("`coverage_below_percent` is more than 100");
        }
        if self.clusters.is_empty() {
            return wrong("`clusters` names none; leave it out for all");
        }
        if self.is_of_part() && !matches!(condition, Condition::CostAbove(_)) {
            return wrong("`namespace` and `label` are for `monthly_cost_above` alone");
        }
        if self.namespace.is_some() && self.label.is_some() {
            return wrong("give `namespace` or `label`, not both");
        }
        if self.label.as_ref().is_some_and(|label| !label.contains('=')) {
            return wrong("`label` has no value; write it as `team=shop`");
        }
        Ok(())
    }

    /// Whether it is checked on a cluster.
    pub fn names(&self, cluster: &ClusterId) -> bool {
        self.clusters.iter().any(|pattern| pattern.matches(cluster.as_str()))
    }

    /// Whether a row is part of what it is about.
    pub(crate) fn takes(&self, row: &WorkloadDay) -> bool {
        let label = self.label.as_deref().and_then(|label| label.split_once('='));
        row.part == Part::Workload
            && self.namespace.as_deref().is_none_or(|namespace| row.namespace.as_deref() == Some(namespace))
            && label.is_none_or(|(name, value)| row.label(name) == Some(value))
    }

    /// What it is about, in words.
    pub fn about(&self) -> String {
        match (&self.namespace, &self.label) {
            (Some(namespace), _) => format!("namespace {namespace}"),
            (None, Some(label)) => format!("label {label}"),
            (None, None) => "the cluster".to_owned(),
        }
    }

    /// Returns true when the rule is about a namespace or a label, and not about whole clusters.
    pub(crate) fn is_of_part(&self) -> bool {
        self.namespace.is_some() || self.label.is_some()
    }

    /// Whether somebody may see what it finds on a cluster: whoever sees all of it, or all of what the rule is about.
    pub(crate) fn is_shown_to(&self, scope: &Scope, cluster: &ClusterId) -> bool {
        if scope.sees_whole(cluster) {
            return true;
        }
        if !self.is_of_part() {
            return false;
        }
        // The least that the rule sums up: a row of its namespace without labels, or of its label in a namespace that no
        // pattern but `*` names.
        let row = WorkloadDay {
            namespace: Some(self.namespace.as_deref().unwrap_or_default().into()),
            labels: self.label.as_deref().map(Into::into).into_iter().collect(),
            ..WorkloadDay::of(cluster.as_str(), Part::Workload)
        };
        scope.shows(&row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_rules::{Limit, Rule, scope};

    fn rule(text: &str) -> AlertRule {
        toml::from_str(&format!("name = \"a\"\n{text}")).unwrap()
    }

    #[test]
    fn a_rule_has_one_limit_and_a_limit_that_makes_sense() {
        for good in [
            "monthly_cost_above = 10",
            "monthly_cost_above = 10\nnamespace = \"shop\"",
            "monthly_cost_above = 10\nlabel = \"team=shop\"",
            "monthly_saving_above = 0",
            "coverage_below_percent = 95",
            "hours_behind_above = 3",
        ] {
            assert_eq!(rule(good).check(), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", "needs one limit"),
            ("monthly_cost_above = 1\nhours_behind_above = 1", "needs one limit"),
            ("monthly_cost_above = -1", "not a number from 0"),
            ("monthly_cost_above = nan", "not a number from 0"),
            ("coverage_below_percent = 101", "more than 100"),
            ("clusters = []\nhours_behind_above = 1", "names none"),
            ("namespace = \"x\"\nhours_behind_above = 1", "for `monthly_cost_above` alone"),
            ("namespace = \"x\"\nlabel = \"a=b\"\nmonthly_cost_above = 1", "not both"),
            ("label = \"team\"\nmonthly_cost_above = 1", "has no value"),
        ] {
            let said = rule(bad).check().unwrap_err();
            assert!(said.contains(why), "{bad}: {said}");
        }
    }

    #[test]
    fn a_budget_is_shown_to_those_who_see_all_that_it_sums_up() {
        let of = |more: &str| {
            let text = format!("name = \"r\"\ngroups = [\"g\"]\nrole = \"viewer\"\nclusters = [\"prod-*\"]\n{more}");
            let rules: Vec<Rule> = vec![toml::from_str(&text).unwrap()];
            scope(&rules, &["r".to_owned()], Limit::default(), None)
        };
        let cluster: ClusterId = "prod-1".parse().unwrap();
        let cost = |more: &str| rule(&format!("monthly_cost_above = 1\n{more}"));
        let (whole, shop) = (of(""), of("namespaces = [\"shop-*\"]"));
        let red = of("labels = {team = [\"red\"]}");
        for (rule, to_whole, to_shop, to_red) in [
            (cost(""), true, false, false),
            (cost("namespace = \"shop-1\""), true, true, false),
            (cost("namespace = \"bank\""), true, false, false),
            (cost("label = \"team=red\""), true, false, true),
            (cost("label = \"team=blue\""), true, false, false),
            (rule("hours_behind_above = 1"), true, false, false),
        ] {
            let found = [&whole, &shop, &red].map(|scope| rule.is_shown_to(scope, &cluster));
            assert_eq!(found, [to_whole, to_shop, to_red], "{rule:?}");
        }
        assert!(!cost("").is_shown_to(&whole, &"test-1".parse().unwrap()));
    }
}
