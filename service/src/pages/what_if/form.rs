//! The form of a what-if: what it asks for, and the files of `emp-cost analyze` that come of it.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::json;
use types::CommitmentKind;

use crate::authorization::Pairs;
use crate::what_if_assumptions::{self, Assumption, Domain};
use crate::what_if_queue::Changes;

/// The most characters of each text.
const MOST: usize = 16 * 1024;
/// Assumptions that the form asks for, by what they are about; others are written as TOML below them.
pub(super) const ASKED: [(&str, &[&str]); 5] = [
    ("Ratios of the pool", &["emp.memory_overcommit", "emp.cpu_overcommit", "emp.memory_model", "emp.host_threshold"]),
    (
        "Hosts and zones",
        &[
            "emp.zones",
            "emp.min_hosts_per_zone",
            "emp.max_hosts_per_zone",
            "emp.spare_hosts_per_zone",
            "emp.evm_consolidation",
        ],
    ),
    ("Fee and volumes", &["emp.fee_fraction", "emp.volumes"]),
    ("EC2 it is compared with", &["ec2.today_consolidates", "ec2.largest_machine", "scheduler.zones"]),
    (
        "Limits and headroom",
        &[
            "risk.host_loss",
            "risk.blast_radius",
            "risk.cpu_lost",
            "risk.evictions",
            "risk.headroom_cost",
            "machine.warm",
        ],
    ),
];
/// The name of the savings plan that the form adds.
const PLAN: &str = "what-if";
/// The assumption that is asked for beside namespaces and labels.
pub(super) const MOVE_SPOT: &str = "emp.move_spot";

/// A field of an assumption.
pub(super) struct Field {
    pub(super) name: &'static str,
    /// Its name for people.
    pub(super) label: String,
    pub(super) unit: &'static str,
    pub(super) effect: &'static str,
    pub(super) default: String,
    /// Value that the report was made with; `None` where that is not known.
    pub(super) in_force: Option<String>,
    pub(super) value: String,
    /// Empty for a number.
    pub(super) choices: &'static [String],
    /// From what to what; empty for a name.
    pub(super) range: String,
}

/// The field of an assumption, with what was written into it and the value that the report was made with.
pub(super) fn field(name: &str, given: &Pairs, in_force: &BTreeMap<String, String>) -> Option<Field> {
    let one = what_if_assumptions::find(name)?;
    let (choices, range) = match &one.domain {
        Domain::Number { min, max, .. } => (&[][..], format!("{min} to {max}")),
        Domain::Name { allowed } => (allowed.as_slice(), String::new()),
    };
    Some(Field {
        name: &one.name,
        label: reports::assumption_in_words(&one.name),
        unit: &one.unit,
        effect: &one.effect,
        default: one.default_value(),
        in_force: in_force.get(name).cloned(),
        value: given.get(name).unwrap_or_default().to_owned(),
        choices,
        range,
    })
}

fn asked() -> impl Iterator<Item = &'static Assumption> {
    let names = ASKED.iter().flat_map(|(_, names)| names.iter().copied()).chain([MOVE_SPOT]);
    names.filter_map(what_if_assumptions::find)
}

/// What a form asks to change.
///
/// # Errors
/// A sentence that names what makes no sense.
pub(super) fn changes(given: &Pairs) -> Result<Changes, String> {
    let labels = given.get("labels").unwrap_or_default().split([',', ' ', '\r', '\n']);
    let labels = labels.filter(|label| !label.is_empty()).map(|label| match label.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("label `{label}` has no value; write it as name=value")),
    });
    let labels: BTreeMap<String, String> = labels.collect::<Result<_, _>>()?;
    let namespaces = given.get("namespaces").unwrap_or_default().split([',', ' ', '\r', '\n']);
    let namespaces = namespaces.filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect();
    Ok(Changes { assumptions: toml_of(given)?, prices: prices(given)?, profile: profile(namespaces, &labels) })
}

/// Changes that make sense: the assumptions and the prices are read as the worker will read them. Beside the threads that
/// answer, since the catalog of prices is large.
///
/// # Errors
/// A sentence that names what makes no sense, also where nothing changes.
pub(crate) async fn checked(changes: Changes) -> Result<Changes, String> {
    let checked = tokio::task::spawn_blocking(move || check(changes)).await;
    checked.unwrap_or_else(|error| Err(error.to_string()))
}

fn check(changes: Changes) -> Result<Changes, String> {
    if [&changes.assumptions, &changes.prices, &changes.profile].iter().all(|text| text.trim().is_empty()) {
        return Err("change something: a what-if without a change is the report".to_owned());
    }
    for (what, text) in [("assumptions", &changes.assumptions), ("prices", &changes.prices)] {
        if text.len() > MOST {
            return Err(format!("the {what} are longer than 16 KiB"));
        }
    }
    what_if_assumptions::check(&changes.assumptions)?;
    if !changes.prices.is_empty() {
        let book = prices::PriceBook::catalog().map_err(|error| error.to_string())?;
        book.with_user_toml(&changes.prices).map_err(|error| {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
            format!("{error}{}", source.unwrap_or_default())
        })?;
    }
    Ok(changes)
}

/// Which pods move, as the ConfigMap that `emp-cost analyze --profile` takes; empty where everything moves that can.
pub(crate) fn profile(namespaces: Vec<String>, labels: &BTreeMap<String, String>) -> String {
    if namespaces.is_empty() && labels.is_empty() {
        return String::new();
    }
    let mut data = serde_json::Map::new();
    if !namespaces.is_empty() {
        data.insert("namespaces".to_owned(), json!(json!(namespaces).to_string()));
    }
    if !labels.is_empty() {
        data.insert("labels".to_owned(), json!(json!(labels).to_string()));
    }
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "emp-profile-cm"}, "data": data});
    format!("{map:#}\n")
}

/// The assumptions of a form as TOML: its fields, and what was written below them.
fn toml_of(given: &Pairs) -> Result<String, String> {
    let mut toml = String::new();
    for one in asked() {
        let Some(value) = given.get(&one.name).map(str::trim).filter(|value| !value.is_empty()) else { continue };
        match &one.domain {
            Domain::Number { .. } => {
                let _ = writeln!(toml, "{} = {:?}", one.name, number(&one.name, value)?);
            }
            Domain::Name { allowed } => {
                if !allowed.iter().any(|name| name == value) {
                    return Err(format!("`{}` is none of {}", one.name, allowed.join(", ")));
                }
                let _ = writeln!(toml, "{} = {}", one.name, one.written(value));
            }
        }
    }
    toml.push_str(lines(given.get("toml")).trim());
    if !toml.is_empty() && !toml.ends_with('\n') {
        toml.push('\n');
    }
    Ok(toml)
}

fn number(name: &str, value: &str) -> Result<f64, String> {
    let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("`{name}` is {value:?}, which is no number"))
}

fn lines(text: Option<&str>) -> String {
    text.unwrap_or_default().replace("\r\n", "\n")
}

/// The savings plan that a form adds; `None` where it adds none.
fn plan(given: &Pairs) -> Result<Option<toml::Value>, String> {
    let of = |name: &str| given.get(name).map(str::trim).filter(|text| !text.is_empty());
    let (amount, discount) = match (of("commitment_usd"), of("commitment_discount")) {
        (None, None) => return Ok(None),
        (Some(amount), Some(discount)) => (amount, discount),
        _ => return Err("give a commitment both an amount per hour and a discount".to_owned()),
    };
    let plan = [
        ("name".to_owned(), toml::Value::String(PLAN.to_owned())),
        ("kind".to_owned(), toml::Value::String(CommitmentKind::ComputeSavingsPlan.as_str().to_owned())),
        ("usd_per_hour".to_owned(), toml::Value::Float(number("commitment_usd", amount)?)),
        ("discount_fraction".to_owned(), toml::Value::Float(number("commitment_discount", discount)?)),
    ];
    Ok(Some(toml::Value::Table(plan.into_iter().collect())))
}

/// The prices of a form as a prices file.
fn prices(given: &Pairs) -> Result<String, String> {
    let text = lines(given.get("prices"));
    let table = text.parse::<toml::Table>();
    let mut table = table.map_err(|error| format!("the prices are not valid TOML: {}", error.message()))?;
    let mut put = |name: &str, value: toml::Value| match table.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(format!("`{name}` is given twice: in a field, and below it as TOML")),
    };
    // An empty list takes away what the worker's own prices file has, and a plan is beside what it has.
    let (plan, none) = (plan(given)?, given.get("no_commitments").is_some());
    if plan.is_some() && none {
        return Err("a commitment cannot be added while those the report has are left out; choose one".to_owned());
    }
    if plan.is_some() || none {
        put("commitment", toml::Value::Array(plan.into_iter().collect()))?;
    }
    if let Some(discount) = given.get("discount").map(str::trim).filter(|discount| !discount.is_empty()) {
        let fraction = toml::Value::Float(number("discount", discount)?);
        put("discount", toml::Value::Table([("edp_fraction".to_owned(), fraction)].into_iter().collect()))?;
    }
    let mut metal = toml::Table::new();
    if let Some(discount) = given.get("metal_discount").map(str::trim).filter(|discount| !discount.is_empty()) {
        let fraction = toml::Value::Float(number("metal_discount", discount)?);
        metal.insert("discount_fraction".to_owned(), fraction);
    }
    let hosts = given.get("hosts").unwrap_or_default().split([',', ' ', '\r', '\n']).filter(|host| !host.is_empty());
    let hosts: Vec<toml::Value> = hosts.map(|host| toml::Value::String(host.to_owned())).collect();
    if !hosts.is_empty() {
        metal.insert("hosts".to_owned(), toml::Value::Array(hosts));
    }
    if !metal.is_empty() {
        put("bare_metal", toml::Value::Table(metal))?;
    }
    let mut nodes = Vec::new();
    for line in given.get("machines").unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty()) {
        let wrong = || format!("`{line}` is no machine and price; write a line such as `m5.metal 3.20`");
        let (name, price) = line.split_once([' ', '=', '\t']).ok_or_else(wrong)?;
        let price = price.trim_matches([' ', '=', '\t', '$']);
        let price = number("price of an hour", price).map_err(|_| wrong())?;
        let row = [
            ("instance_type".to_owned(), toml::Value::String(name.trim().to_owned())),
            ("usd_per_hour".to_owned(), toml::Value::Float(price)),
        ];
        nodes.push(toml::Value::Table(row.into_iter().collect()));
    }
    if !nodes.is_empty() {
        put("node", toml::Value::Array(nodes))?;
    }
    if table.is_empty() {
        return Ok(String::new());
    }
    toml::to_string(&table).map_err(|error| format!("the prices cannot be written: {error}"))
}

/// The form that these changes come of, for whoever changes them again.
pub(super) fn filled(title: &str, changes: &Changes) -> Pairs {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("title", title);
    let mut others = String::new();
    for (one, value) in what_if_assumptions::values(&changes.assumptions).unwrap_or_default() {
        let plain = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        if asked().any(|asked| asked.name == one.name) {
            form.append_pair(&one.name, &plain);
        } else {
            let _ = writeln!(others, "{} = {value}", one.name);
        }
    }
    form.append_pair("toml", &others).append_pair("prices", &changes.prices);
    let map: serde_json::Value = serde_json::from_str(&changes.profile).unwrap_or_default();
    let of = |name: &str| map.pointer(&format!("/data/{name}")).and_then(|text| text.as_str());
    let namespaces: Vec<String> = of("namespaces").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let labels: BTreeMap<String, String> =
        of("labels").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    form.append_pair("namespaces", &namespaces.join(" ")).append_pair("labels", &labels.join(" "));
    Pairs::read(form.finish().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(form: &str) -> Result<Changes, String> {
        check(changes(&Pairs::read(form.as_bytes()))?)
    }

    #[test]
    fn a_field_has_a_name_for_people_and_says_what_the_report_was_made_with() {
        let (given, report) = (Pairs::default(), BTreeMap::from([("emp.zones".to_owned(), "one".to_owned())]));
        for one in asked() {
            let field = field(&one.name, &given, &report).unwrap();
            assert_ne!(field.label, one.name, "it has words");
            assert_eq!(field.in_force.as_deref(), (one.name == "emp.zones").then_some("one"), "{}", one.name);
        }
    }

    #[test]
    fn a_form_becomes_files_and_nothing_else() {
        assert!(asked().count() > 18, "every name that is asked for is one");
        let check = |form: &str, expect: &str| {
            let wrong = of(form).unwrap_err();
            assert!(wrong.contains(expect), "{form}: {wrong}");
        };
        let changed = of("emp.fee_fraction=0.1&emp.zones=one&toml=emp.guest_mib+%3D+1").unwrap();
        assert_eq!(changed.assumptions, "emp.zones = \"one\"\nemp.fee_fraction = 0.1\nemp.guest_mib = 1\n");
        assert_eq!((changed.prices.as_str(), changed.profile.as_str()), ("", ""));
        check("", "change something");
        check("emp.fee_fraction=x", "no number");
        check("emp.fee_fraction=inf", "no number");
        check("emp.fee_fraction=7", "expected a number from 0 to 1");
        check("emp.zones=%22%0Aemp.fee_fraction%3D0", "none of all, one, two");
        check("machines=m5.metal", "write a line such as");
        check("machines=m5.metal+9000", "m5.metal");
        check("discount=2", "edp_fraction");
        check("discount=0.1&prices=%5Bdiscount%5D%0Aedp_fraction+%3D+0.2", "given twice");
        check("labels=team", "has no value");
        check("metal_discount=2", "discount_fraction");
        check("metal_discount=x", "no number");
        check("hosts=m5.large", "`m5.large` is no bare metal");
        check("hosts=m5.metal&prices=%5Bbare_metal%5D%0Adiscount_fraction+%3D+0.2", "given twice");
        check("commitment_usd=1", "give a commitment");
        check("commitment_usd=x&commitment_discount=0.3", "no number");
        check("commitment_usd=1&commitment_discount=3", "what-if");
        check("commitment_usd=1&commitment_discount=0.3&no_commitments=on", "choose one");
        check("commitment_usd=1&commitment_discount=0.3&prices=commitment+%3D+%5B%5D", "given twice");
    }

    #[test]
    fn prices_and_what_moves_are_files_that_fill_the_form_again() {
        let plan = of("commitment_usd=4&commitment_discount=0.27").unwrap().prices.parse::<toml::Table>().unwrap();
        assert_eq!(plan["commitment"][0]["kind"].as_str(), Some("compute-savings-plan"));
        assert_eq!(plan["commitment"][0]["usd_per_hour"].as_float(), Some(4.0));
        let form = "no_commitments=on&discount=0.07&metal_discount=0.2&hosts=m5.metal+c5.metal&machines=m5.metal+3.20%0D%0Am5.4xlarge+%3D+0.5&namespaces=shop,+bank&labels=team%3Dred";
        let changed = of(form).unwrap();
        let prices: toml::Table = changed.prices.parse().unwrap();
        assert_eq!(prices["commitment"].as_array().unwrap().len(), 0);
        assert_eq!(prices["discount"]["edp_fraction"].as_float(), Some(0.07));
        assert_eq!(prices["bare_metal"]["discount_fraction"].as_float(), Some(0.2));
        assert_eq!(prices["bare_metal"]["hosts"][1].as_str(), Some("c5.metal"));
        assert_eq!(prices["node"][1]["usd_per_hour"].as_float(), Some(0.5));
        let map: serde_json::Value = serde_json::from_str(&changed.profile).unwrap();
        assert_eq!(map["data"]["namespaces"], "[\"shop\",\"bank\"]");
        assert_eq!(map["data"]["labels"], "{\"team\":\"red\"}");
        let again = filled("x", &changed);
        assert_eq!((again.get("namespaces"), again.get("labels")), (Some("shop bank"), Some("team=red")));
        assert_eq!(changes(&again).unwrap(), changed);
        let asked = of("emp.fee_fraction=0.1&toml=emp.guest_mib+%3D+1").unwrap();
        let again = filled("x", &asked);
        assert_eq!((again.get("emp.fee_fraction"), again.get("toml")), (Some("0.1"), Some("emp.guest_mib = 1\n")));
        assert_eq!(changes(&again).unwrap(), asked);
    }
}
