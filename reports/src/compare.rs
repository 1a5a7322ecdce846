//! Two analyses of one cluster side by side: what changed, and why, in amounts that add up.
//!
//! What a bill changed by is taken apart in a fixed order, each part at what the parts before it left: prices first, at
//! the machines of before; then machines, by what pods request and by how full they are packed. So the parts add up to
//! the change, whatever changed together.

mod cost_bridge;

use askama::Template;
use types::analysis::{Analysis, Assumption, ScenarioId};
use types::wording;

use crate::error::RenderError;
use crate::number_format;
use crate::page_currency::Money;
use crate::page_table::{Cell, Column, Row, Table};
use crate::{confidence_words, scenario_words};
use cost_bridge::{Bridge, bridges};

/// Why two analyses cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// They are of different clusters.
    #[error("`{before}` and `{after}` are different clusters; compare two analyses of one")]
    Clusters {
        /// The first.
        before: String,
        /// The second.
        after: String,
    },
    /// Their amounts are in different currencies.
    #[error("the amounts are in {before} and in {after}, which cannot be compared")]
    Currencies {
        /// Of the first.
        before: String,
        /// Of the second.
        after: String,
    },
    /// One has no hour, so nothing in it is an amount a month.
    #[error("the {0} analysis has no hour, so there is nothing to compare")]
    Empty(&'static str),
}

/// The page.
#[derive(Template)]
#[template(path = "compare.html")]
struct Page {
    cluster_id: String,
    before: String,
    after: String,
    lead: String,
    tables: Vec<Table>,
    usage: Table,
    namespaces: Table,
    assumptions: Table,
    caveats: Vec<String>,
}

/// Two analyses of one cluster, the older first.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    before: &'a Analysis,
    after: &'a Analysis,
}

impl<'a> Comparison<'a> {
    /// Of two analyses in the order given.
    ///
    /// # Errors
    /// [`CompareError`] when they are of different clusters or in different currencies, or one has no hour.
    pub fn try_new(before: &'a Analysis, after: &'a Analysis) -> Result<Self, CompareError> {
        if before.cluster_id != after.cluster_id {
            let [before, after] = [before, after].map(|one| scenario_words::plain(&one.cluster_id));
            return Err(CompareError::Clusters { before, after });
        }
        if before.currency != after.currency {
            let [before, after] = [before, after].map(|one| scenario_words::plain(&one.currency));
            return Err(CompareError::Currencies { before, after });
        }
        for (which, one) in [("first", before), ("second", after)] {
            if one.window.hours_present == 0 {
                return Err(CompareError::Empty(which));
            }
        }
        Ok(Self { before, after })
    }

    /// The comparison as a page: one file, no script, no request to anywhere.
    ///
    /// # Errors
    /// When the template cannot be filled, which memory aside does not happen.
    pub fn page(&self, money: &Money) -> Result<String, RenderError> {
        let bridges = bridges(self.before, self.after);
        let page = Page {
            cluster_id: scenario_words::plain(&self.after.cluster_id),
            before: scenario_words::window(self.before),
            after: scenario_words::window(self.after),
            lead: self.lead(&bridges, money),
            tables: bridges.iter().map(|bridge| table(bridge, money)).collect(),
            usage: self.usage(),
            namespaces: self.namespaces(money),
            assumptions: self.assumptions(),
            caveats: self.caveats(),
        };
        Ok(page.render()?)
    }

    /// The same as GitHub-flavoured Markdown.
    pub fn markdown(&self, money: &Money) -> String {
        let bridges = bridges(self.before, self.after);
        let mut text = format!(
            "### What changed in {}\n\n{} against {}. {}\n\n",
            crate::markdown::code(&self.after.cluster_id),
            crate::markdown::sentence(&scenario_words::window(self.after)),
            crate::markdown::sentence(&scenario_words::window(self.before)),
            crate::markdown::sentence(&self.lead(&bridges, money)),
        );
        let tables = bridges.iter().map(|bridge| table(bridge, money));
        for table in tables.chain([self.usage(), self.namespaces(money), self.assumptions()]) {
            text.push_str(&crate::markdown::table(&table, "; the page has them"));
        }
        for caveat in self.caveats() {
            text.push_str(&format!("- {}\n", crate::markdown::sentence(&caveat)));
        }
        text
    }

    fn lead(&self, bridges: &[Bridge], money: &Money) -> String {
        let Some(today) = bridges.first() else {
            return "Neither bill has a price, so no amount can be compared.".to_owned();
        };
        let change = today.to - today.from;
        let largest = today.steps.iter().max_by(|a, b| a.usd.abs().total_cmp(&b.usd.abs()));
        let largest = largest.filter(|step| step.usd.abs() >= 1.0).map(|step| {
            let verb = if step.usd < 0.0 { "take off" } else { "add" };
            format!(" {} {verb} most, {}.", scenario_words::sentence(step.what), money.show(step.usd.abs()))
        });
        let amount = match change {
            change if change >= 1.0 => format!("The bill went up by {} a month.", money.show(change)),
            change if change <= -1.0 => format!("The bill went down by {} a month.", money.show(-change)),
            _ => "The bill is the same.".to_owned(),
        };
        format!("{amount}{} {}{}", largest.unwrap_or_default(), self.advice(), self.confidence())
    }

    /// Says what was recommended before and is now.
    fn advice(&self) -> String {
        let name = |of: &Analysis| -> Option<String> {
            let id = of.verdict.recommendation.as_deref()?;
            Some(ScenarioId::parse(id).map_or_else(|| scenario_words::plain(id), |id| wording::action(id).to_owned()))
        };
        match (name(self.before), name(self.after)) {
            (None, None) => "Neither analysis has a recommendation.".to_owned(),
            (Some(before), None) => format!("Only the first analysis has a recommendation: “{before}”."),
            (None, Some(after)) => format!("Only the second analysis has a recommendation: “{after}”."),
            (Some(before), Some(after)) if before == after => format!("The recommendation is the same: “{after}”."),
            (Some(before), Some(after)) => format!("The recommendation changed: “{before}” before, “{after}” now."),
        }
    }

    /// Says how sure the two recommendations are, where both say it and it changed.
    fn confidence(&self) -> String {
        let level =
            |of: &Analysis| of.verdict.recommendation.as_ref().and(of.verdict.confidence.as_ref()).map(|c| c.level);
        match level(self.before).zip(level(self.after)) {
            Some((before, after)) if before != after => {
                format!(
                    " Confidence was {} and is {} now.",
                    confidence_words::level(before),
                    confidence_words::level(after)
                )
            }
            _ => String::new(),
        }
    }

    /// Tabulates what runs there, before and after: why machines and right-sized requests changed.
    fn usage(&self) -> Table {
        let [before, after] = [self.before, self.after].map(|one| (&one.utilisation, &one.inventory));
        let row = |what: &'static str, of: fn(&(&types::analysis::Utilisation, &types::analysis::Inventory)) -> f64| {
            let (a, b) = (of(&before), of(&after));
            Row::new(vec![
                Cell::new(what),
                Cell::new(number_format::quantity(a)),
                Cell::new(number_format::quantity(b)),
                if a > 0.0 { Cell::new(signed_percent(b / a - 1.0)) } else { Cell::absent("–") },
            ])
        };
        let rows = vec![
            row("CPU used, cores", |of| of.0.cpu.used_mean),
            row("CPU requested, cores", |of| of.0.cpu.requested_mean),
            row("Memory used, GiB", |of| of.0.memory.used_mean),
            row("Memory requested, GiB", |of| of.0.memory.requested_mean),
            row("Pods at once", |of| of.1.pods_mean),
            row("Nodes at once", |of| of.1.nodes_mean),
        ];
        let columns = vec![
            Column::text("On average"),
            Column::number("Before", ""),
            Column::number("After", ""),
            Column::number("Change", ""),
        ];
        Table::new("What runs there", columns, rows)
    }

    /// Namespaces by how much their cost changed.
    fn namespaces(&self, money: &Money) -> Table {
        /// Namespaces shown before the fold.
        const SHOWN: usize = 10;
        let of = |analysis: &Analysis| -> std::collections::BTreeMap<String, f64> {
            let months = analysis.window.months().unwrap_or_default();
            let rows = analysis.allocation.iter().flat_map(|allocation| &allocation.by_namespace);
            rows.map(|row| (row.namespace.clone(), row.workload_usd * months)).collect()
        };
        let (before, after) = (of(self.before), of(self.after));
        let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let mut rows: Vec<(f64, Row)> = names
            .into_iter()
            .map(|name| {
                let (a, b) = (before.get(name), after.get(name));
                let change = b.unwrap_or(&0.0) - a.unwrap_or(&0.0);
                let cell =
                    |usd: Option<&f64>| usd.map_or_else(|| Cell::absent("none"), |usd| Cell::new(money.show(*usd)));
                let changed = Cell::new(plus(money, change)).tone(-change);
                (change, Row::new(vec![Cell::name(name), cell(a), cell(b), changed]))
            })
            .collect();
        rows.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
        let columns = vec![
            Column::text("Namespace"),
            Column::number("Before", "a\u{a0}month"),
            Column::number("After", "a\u{a0}month"),
            Column::number("Change", "a\u{a0}month"),
        ];
        let mut rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
        if rows.len() > 1 {
            let all = |of: &std::collections::BTreeMap<String, f64>| of.values().sum::<f64>();
            let (a, b) = (all(&before), all(&after));
            rows.push(Row::total(vec![
                Cell::new("All namespaces"),
                Cell::new(money.show(a)),
                Cell::new(money.show(b)),
                Cell::new(plus(money, b - a)).tone(a - b),
            ]));
        }
        Table::new("Cost of workloads by namespace, the largest change first", columns, rows).first(SHOWN)
    }

    /// Assumptions with another value.
    fn assumptions(&self) -> Table {
        let value = |of: Option<&Assumption>| of.map_or_else(|| Cell::absent("not there"), |one| Cell::new(&one.value));
        let find = |of: &'a Analysis, key: &str| of.assumptions.iter().find(|one| one.key == key);
        let keys: std::collections::BTreeSet<&str> =
            self.before.assumptions.iter().chain(&self.after.assumptions).map(|one| one.key.as_str()).collect();
        let rows = keys.into_iter().filter_map(|key| {
            let (a, b) = (find(self.before, key), find(self.after, key));
            (a.map(|one| &one.value) != b.map(|one| &one.value))
                .then(|| Row::new(vec![Cell::name(key), value(a), value(b)]))
        });
        let columns = vec![Column::text("Assumption"), Column::text("Before"), Column::text("After")];
        Table::new("Assumptions that changed", columns, rows.collect())
    }

    fn caveats(&self) -> Vec<String> {
        let (before, after) = (&self.before.provenance, &self.after.provenance);
        let mut caveats = Vec::new();
        if before.tool_version != after.tool_version {
            caveats.push(format!(
                "The analyses were made by version {} and {}: what the model does differently is in “the model and packing”.",
                scenario_words::plain(&before.tool_version),
                scenario_words::plain(&after.tool_version)
            ));
        }
        if self.after.window.start < self.before.window.start {
            caveats.push("The second analysis is of an earlier window than the first.".to_owned());
        } else if self.after.window.start < self.before.window.end {
            caveats.push("The windows overlap, so some hours are in both.".to_owned());
        }
        if self.before.scenarios.iter().chain(&self.after.scenarios).any(|one| one.partial) {
            caveats.push("A total that leaves something out is compared without it.".to_owned());
        }
        caveats
    }
}

/// A change with its sign, a plus too.
fn plus(money: &Money, usd: f64) -> String {
    let text = money.show(usd);
    if usd > 0.0 && text != money.show(0.0) { format!("+{text}") } else { text }
}

fn signed_percent(fraction: f64) -> String {
    let text = number_format::percent(fraction);
    if fraction > 0.0005 { format!("+{text}") } else { text }
}

fn table(bridge: &Bridge, money: &Money) -> Table {
    let whole = |what: String, usd: f64, why: String| {
        Row::total(vec![Cell::new(what), Cell::new(money.show(usd)), Cell::new(why)])
    };
    let mut rows = vec![whole("Before".to_owned(), bridge.from, scenario_words::plain(&bridge.from_name))];
    rows.extend(bridge.steps.iter().map(|step| {
        let amount = Cell::new(plus(money, step.usd)).tone(if bridge.is_saving { step.usd } else { -step.usd });
        Row::new(vec![
            Cell::new(scenario_words::sentence(step.what)),
            amount,
            Cell::new(scenario_words::plain(&step.why)),
        ])
    }));
    rows.push(whole("After".to_owned(), bridge.to, scenario_words::plain(&bridge.to_name)));
    let columns = vec![Column::text("What changed"), Column::number("Amount", "a\u{a0}month"), Column::text("Why")];
    Table::new(format!("{}, per month of 730 hours", bridge.title), columns, rows).whole()
}
