//! Every column: its name, its type, whether it may be null, and where its value comes from.

use chrono::{DateTime, Utc};
use types::CommitmentKind;
use types::analysis::MachineRole;

use super::common_values::Frame;
use super::decimal::Decimal;
use super::version::Version;

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// `true` when it may be null.
    pub nullable: bool,
    /// Level at which the specification wants it.
    pub level: Level,
    /// First version it is written for.
    pub since: Version,
    /// Content of the column here.
    pub about: &'static str,
    pub(super) value: fn(&Frame, &Row) -> Option<Value>,
}

/// A type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8; objects are JSON.
    Text,
    /// A decimal with twelve digits after the point.
    Decimal,
    /// A moment in UTC.
    Time,
}

/// Level at which the specification wants a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// In every file.
    Mandatory,
    /// Where a condition holds.
    Conditional,
    /// Should be there.
    Recommended,
    /// Ours.
    Custom,
}

impl Level {
    /// Its name, as the documents have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mandatory => "mandatory",
            Self::Conditional => "conditional",
            Self::Recommended => "recommended",
            Self::Custom => "ours",
        }
    }
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Decimal(Decimal),
    Time(DateTime<Utc>),
}

/// One row, as far as it differs from the others of its file.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub(super) description: String,
    pub(super) service: Service,
    pub(super) sku: String,
    pub(super) sku_price: String,
    pub(super) meter: String,
    pub(super) instance_type: Option<String>,
    /// `Standard`, `Dynamic`, `Committed` or `Other`.
    pub(super) pricing_category: &'static str,
    pub(super) quantity: Decimal,
    pub(super) unit: String,
    pub(super) list_unit_price: Decimal,
    pub(super) contracted_unit_price: Decimal,
    pub(super) list: Decimal,
    pub(super) contracted: Decimal,
    pub(super) effective: Decimal,
    pub(super) commitment: Option<Commitment>,
    pub(super) tags: Option<String>,
    pub(super) allocated: Option<Allocated>,
    pub(super) cost_line: Option<String>,
    pub(super) machine_kind: Option<MachineRole>,
    pub(super) capacity_type: Option<String>,
    pub(super) price: Option<[String; 4]>,
    pub(super) list_basis: &'static str,
    pub(super) evidence: Option<String>,
    pub(super) part: Option<String>,
    /// Name of an overhead.
    pub(super) part_name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) workload_kind: Option<String>,
    pub(super) workload: Option<String>,
}

/// A service, by FOCUS's categories.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Service {
    pub(super) category: &'static str,
    pub(super) subcategory: &'static str,
    pub(super) name: &'static str,
    /// Who sells it.
    pub(super) provider: &'static str,
}

/// A commitment of which something was not used.
#[derive(Debug, Clone)]
pub(super) struct Commitment {
    pub(super) name: String,
    pub(super) kind: CommitmentKind,
    /// `Spend` or `Usage`.
    pub(super) category: &'static str,
    pub(super) unused: Decimal,
}

/// Whom a split cost was given to (FOCUS 1.3).
#[derive(Debug, Clone)]
pub(super) struct Allocated {
    pub(super) method: &'static str,
    pub(super) details: String,
    /// `None` for what was given to nobody.
    pub(super) resource: Option<(String, String)>,
    pub(super) tags: Option<String>,
}

fn text(value: impl Into<String>) -> Option<Value> {
    Some(Value::Text(value.into()))
}

fn maybe(value: Option<&String>) -> Option<Value> {
    value.cloned().map(Value::Text)
}

fn of(part: Option<String>) -> Option<Value> {
    part.map(Value::Text)
}

fn number(value: Decimal) -> Option<Value> {
    Some(Value::Decimal(value))
}

fn time(value: DateTime<Utc>) -> Option<Value> {
    Some(Value::Time(value))
}

fn price(row: &Row, n: usize) -> Option<Value> {
    of(row.price.as_ref().and_then(|price| price.get(n).cloned()))
}

/// Null where nothing was consumed: of commitments that were not used.
fn consumes(row: &Row) -> bool {
    row.commitment.is_none()
}

fn commitment(row: &Row, field: fn(&Commitment) -> String) -> Option<Value> {
    of(row.commitment.as_ref().map(field))
}

fn allocated(row: &Row, field: fn(&Allocated) -> Option<String>) -> Option<Value> {
    of(row.allocated.as_ref().and_then(field))
}

macro_rules! columns {
    ($($name:ident $kind:ident $null:ident $level:ident $since:ident $about:literal $value:expr;)+) => {
        /// Every column, those of the specification in the order of the alphabet, then ours.
        pub const COLUMNS: &[Column] = &[$(Column {
            name: stringify!($name),
            kind: Kind::$kind,
            nullable: columns!(@$null),
            level: Level::$level,
            since: Version::$since,
            about: $about,
            value: $value,
        }),+];
    };
    (@null) => { true };
    (@full) => { false };
}

columns! {
    AllocatedMethodDetails Text null Recommended V1_3 "the row's share of the cluster's cost, as JSON" |_, r| allocated(r, |a| Some(a.details.clone()));
    AllocatedMethodId Text null Conditional V1_3 "`emp-cost/max-request-usage`: by the greater of request and use, slot by slot" |_, r| allocated(r, |a| Some(a.method.to_owned()));
    AllocatedResourceId Text null Conditional V1_3 "`namespace/kind/name`; null for what was given to nobody" |_, r| allocated(r, |a| a.resource.as_ref().map(|r| r.0.clone()));
    AllocatedResourceName Text null Conditional V1_3 "the workload's name" |_, r| allocated(r, |a| a.resource.as_ref().map(|r| r.1.clone()));
    AllocatedTags Text null Conditional V1_3 "namespace, kind and name of the workload, as JSON" |_, r| allocated(r, |a| a.tags.clone());
    BilledCost Decimal full Mandatory V1_2 "0: none of it was invoiced" |_, _| number(Decimal::ZERO);
    BillingAccountId Text full Mandatory V1_2 "as given; else `cluster/` and the cluster's name" |f, _| text(&f.billing_account_id);
    BillingAccountName Text null Mandatory V1_2 "null: no metric says it" |_, _| None;
    BillingCurrency Text full Mandatory V1_2 "that AWS bills the region in, `USD` or `CNY`, whatever currency the page shows" |f, _| text(&f.currency);
    BillingPeriodEnd Time full Mandatory V1_2 "start of the month after the window's last hour" |f, _| time(f.billing_end);
    BillingPeriodStart Time full Mandatory V1_2 "start of the month of the window's first hour" |f, _| time(f.billing_start);
    ChargeCategory Text full Mandatory V1_2 "`Usage`: the vendor's fee too, which follows from what runs" |_, _| text("Usage");
    ChargeClass Text null Mandatory V1_2 "null: nothing is a correction" |_, _| None;
    ChargeDescription Text null Mandatory V1_2 "what it is, in words" |_, r| text(&r.description);
    ChargeFrequency Text full Recommended V1_2 "`Usage-Based`" |_, _| text("Usage-Based");
    ChargePeriodEnd Time full Mandatory V1_2 "first moment after the window" |f, _| time(f.end);
    ChargePeriodStart Time full Mandatory V1_2 "first moment of the window; hours that are missing are not in the cost, see `x_HoursPresent`" |f, _| time(f.start);
    CommitmentDiscountCategory Text null Conditional V1_2 "of an unused commitment: `Spend`, or `Usage` for reserved instances" |_, r| commitment(r, |c| c.category.to_owned());
    CommitmentDiscountId Text null Conditional V1_2 "its name in the prices file" |_, r| commitment(r, |c| c.name.clone());
    CommitmentDiscountName Text null Conditional V1_2 "the same" |_, r| commitment(r, |c| c.name.clone());
    CommitmentDiscountQuantity Decimal null Conditional V1_2 "dollars of it that were not used" |_, r| r.commitment.as_ref().map(|c| Value::Decimal(c.unused));
    CommitmentDiscountStatus Text null Conditional V1_2 "`Unused`" |_, r| commitment(r, |_| "Unused".to_owned());
    CommitmentDiscountType Text null Conditional V1_2 "its kind in the prices file" |_, r| commitment(r, |c| c.kind.as_str().to_owned());
    CommitmentDiscountUnit Text null Conditional V1_2 "`BillingCurrency`: commitments are counted in money here" |f, r| r.commitment.as_ref().map(|_| Value::Text(f.currency.clone()));
    ConsumedQuantity Decimal null Conditional V1_2 "as `PricingQuantity`; null for what was committed to and not used" |_, r| consumes(r).then_some(Value::Decimal(r.quantity));
    ConsumedUnit Text null Conditional V1_2 "unit of `ConsumedQuantity`" |_, r| consumes(r).then(|| Value::Text(r.unit.clone()));
    ContractedCost Decimal full Mandatory V1_2 "at contracted prices, before commitments" |_, r| number(r.contracted);
    ContractedUnitPrice Decimal null Conditional V1_2 "contracted price of one unit" |_, r| number(r.contracted_unit_price);
    EffectiveCost Decimal full Mandatory V1_2 "after commitments; adds up to the scenario's total" |_, r| number(r.effective);
    HostProviderName Text full Mandatory V1_3 "`AWS`" |_, _| text("AWS");
    InvoiceId Text null Recommended V1_2 "null: there is no invoice" |_, _| None;
    InvoiceIssuerName Text full Mandatory V1_2 "who would send the invoice" |_, r| text(r.service.provider);
    ListCost Decimal full Mandatory V1_2 "at list prices as far as known, see `x_ListCostBasis`" |_, r| number(r.list);
    ListUnitPrice Decimal null Conditional V1_2 "list price of one unit" |_, r| number(r.list_unit_price);
    PricingCategory Text null Conditional V1_2 "`Standard`; `Dynamic` for spot; `Committed` for what was not used; `Other` where commitments cover a part" |_, r| text(r.pricing_category);
    PricingCurrency Text full Conditional V1_2 "`USD`, as the price lists" |f, _| text(&f.currency);
    PricingCurrencyContractedUnitPrice Decimal null Conditional V1_2 "as `ContractedUnitPrice`" |_, r| number(r.contracted_unit_price);
    PricingCurrencyEffectiveCost Decimal full Conditional V1_2 "as `EffectiveCost`" |_, r| number(r.effective);
    PricingCurrencyListUnitPrice Decimal null Conditional V1_2 "as `ListUnitPrice`" |_, r| number(r.list_unit_price);
    PricingQuantity Decimal null Mandatory V1_2 "how much; by workload, dollars of the cluster's cost at one dollar each" |_, r| number(r.quantity);
    PricingUnit Text null Mandatory V1_2 "unit of `PricingQuantity`" |_, r| text(&r.unit);
    ProviderName Text full Mandatory V1_2 "`AWS`, or the pool's vendor" |_, r| text(r.service.provider);
    PublisherName Text full Mandatory V1_2 "the same" |_, r| text(r.service.provider);
    RegionId Text null Conditional V1_2 "AWS region; null where the nodes do not say it or disagree" |f, _| maybe(f.region.as_ref());
    RegionName Text null Conditional V1_2 "the same" |f, _| maybe(f.region.as_ref());
    ResourceId Text null Conditional V1_2 "the cluster: rows are of kinds of machines, not of single ones" |f, _| text(&f.cluster_id);
    ResourceName Text null Conditional V1_2 "null: the id is the name" |_, _| None;
    ResourceType Text null Conditional V1_2 "`Kubernetes cluster`" |_, _| text("Kubernetes cluster");
    ServiceCategory Text full Mandatory V1_2 "of the service, as the specification lists it" |_, r| text(r.service.category);
    ServiceName Text full Mandatory V1_2 "the service" |_, r| text(r.service.name);
    ServiceProviderName Text full Mandatory V1_3 "as `ProviderName`" |_, r| text(r.service.provider);
    ServiceSubcategory Text full Recommended V1_2 "of the service, as the specification lists it" |_, r| text(r.service.subcategory);
    SkuId Text null Conditional V1_2 "what is priced, in this tool's own words: AWS's codes are not in its price tables" |_, r| text(&r.sku);
    SkuMeter Text null Conditional V1_2 "what is counted" |_, r| text(&r.meter);
    SkuPriceDetails Text null Conditional V1_2 "the instance type, as JSON" |_, r| of(r.instance_type.as_ref().map(|t| serde_json::json!({"InstanceType": t}).to_string()));
    SkuPriceId Text null Conditional V1_2 "`SkuId` with how it is bought" |_, r| text(&r.sku_price);
    Tags Text null Conditional V1_2 "by workload in 1.2: namespace, kind and name, as JSON" |_, r| of(r.tags.clone());
    x_CapacityType Text null Custom V1_2 "`on-demand` or `spot`" |_, r| of(r.capacity_type.clone());
    x_CostLine Text null Custom V1_2 "cost line of the analysis; null by workload" |_, r| of(r.cost_line.clone());
    x_Evidence Text null Custom V1_2 "how well it is known: `measured`, `listed`, `inferred`, `assumed`; `modelled` in replayed scenarios" |_, r| of(r.evidence.clone());
    x_HoursExpected Decimal full Custom V1_2 "whole hours in the window" |f, _| number(Decimal::of(f64::from(f.hours_expected)).unwrap_or_default());
    x_HoursPresent Decimal full Custom V1_2 "hours of them the cost is of" |f, _| number(Decimal::of(f64::from(f.hours_present)).unwrap_or_default());
    x_InstanceType Text null Custom V1_2 "EC2 instance type" |_, r| of(r.instance_type.clone());
    x_ListCostBasis Text full Custom V1_2 "`list` (known), `shared` (the list total of all machines, in proportion to contracted cost) or `contracted` (no list price is known, so the contracted one stands there)" |_, r| text(r.list_basis);
    x_MachineKind Text null Custom V1_2 "`node` or `host`" |_, r| r.machine_kind.and_then(|kind| text(kind.as_str()));
    x_ManifestsSha256 Text full Custom V1_2 "hash of the data read" |f, _| text(&f.manifests_sha256);
    x_Namespace Text null Custom V1_2 "namespace of the workload" |_, r| of(r.namespace.clone());
    x_Part Text null Custom V1_2 "by workload: `workload`, `daemonset`, `overhead`, `idle`, `oversubscribed` (negative) or `residual`" |_, r| of(r.part.clone());
    x_PartName Text null Custom V1_2 "what an overhead is, such as `control plane`" |_, r| of(r.part_name.clone());
    x_Partial Text full Custom V1_2 "`true` where the scenario's total leaves something out" |f, _| text(if f.partial { "true" } else { "false" });
    x_PriceDate Text null Custom V1_2 "date of the price" |_, r| price(r, 2);
    x_PriceKind Text null Custom V1_2 "`user`, `observed`, `derived`, `estimated` or `invoice`" |_, r| price(r, 1);
    x_PriceLayer Text null Custom V1_2 "`user`, `imported` or `catalog`" |_, r| price(r, 0);
    x_PriceSource Text null Custom V1_2 "list or file of the price" |_, r| price(r, 3);
    x_Scenario Text full Custom V1_2 "id of the scenario" |f, _| text(&f.scenario);
    x_ScenarioName Text full Custom V1_2 "its name for people" |f, _| text(&f.scenario_label);
    x_ToolVersion Text full Custom V1_2 "version of this program" |f, _| text(&f.tool_version);
    x_View Text full Custom V1_2 "`charges` or `workloads`: two views of one total, not to be added up" |f, _| text(f.view);
    x_Workload Text null Custom V1_2 "name of the workload" |_, r| of(r.workload.clone());
    x_WorkloadKind Text null Custom V1_2 "its kind" |_, r| of(r.workload_kind.clone());
}
