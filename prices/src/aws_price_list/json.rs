//! Price lists as JSON: products first, then their terms. Read key by key, without ever holding the tree. What is held are
//! the products that are kept, and prices only until the list has said when it was published, as AWS's do at their head.

use std::collections::HashMap;
use std::fmt;
use std::io::BufRead;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::content::{AT_ONCE, Bulk, BulkError};
use super::product_selection::{self, Kept, Product, source};
use crate::price_book::ListPrice;

/// Receiver of prices.
type Take<'t> = dyn FnMut(Vec<ListPrice>) -> std::io::Result<()> + 't;

/// State of a list that is being read.
struct State<'t> {
    bulk: Bulk,
    products: HashMap<String, Kept>,
    plans: HashMap<String, String>,
    is_list: bool,
    take: &'t mut Take<'t>,
    /// Why prices could not be handed on.
    refused: Option<std::io::Error>,
}

/// Reads a price list and hands its prices to `take`, some thousand at a time.
pub(super) fn read<'t>(file: impl BufRead, take: &'t mut Take<'t>) -> Result<Bulk, BulkError> {
    let mut state = State::new(take);
    let mut json = serde_json::Deserializer::from_reader(file);
    let read = json.deserialize_map(Top(&mut state)).and_then(|()| json.end());
    if let Some(error) = state.refused.take() {
        return Err(error.into());
    }
    read?;
    if !state.is_list {
        return Err(BulkError::Other("the file has no `products` and `terms`"));
    }
    state.hand_over()?;
    Ok(state.bulk)
}

/// One product as the Price List API answers it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    product: JsonProduct,
    #[serde(default)]
    service_code: String,
    #[serde(default)]
    publication_date: String,
    #[serde(default)]
    terms: AnswerTerms,
}

#[derive(Deserialize, Default)]
struct AnswerTerms {
    #[serde(rename = "OnDemand", default)]
    on_demand: HashMap<String, Term>,
}

/// Reads one product as the Price List API answers it (`GetProducts`); no price when it is not kept.
///
/// # Errors
/// [`BulkError::Json`] when it is not such an answer.
pub fn read_product(text: &str) -> Result<Bulk, BulkError> {
    let answer: Answer = serde_json::from_str(text)?;
    let mut prices = Vec::new();
    let mut take = |some: Vec<ListPrice>| {
        prices.extend(some);
        Ok(())
    };
    let mut state = State::new(&mut take);
    state.bulk.offer = answer.service_code;
    state.bulk.published = answer.publication_date;
    let sku = answer.product.sku.clone().unwrap_or_default();
    state.product(sku.clone(), &answer.product);
    state.terms(&sku, &answer.terms.on_demand);
    state.hand_over()?;
    let bulk = state.bulk;
    Ok(Bulk { prices, ..bulk })
}

/// Reads the fields of a map, or elements of a list, one by one through a closure-like seed.
macro_rules! each_entry {
    ($name:ident, $what:literal, $key:ident, $map:ident, $state:ident, $body:block) => {
        struct $name<'s, 't>(&'s mut State<'t>);

        impl<'de> DeserializeSeed<'de> for $name<'_, '_> {
            type Value = ();
            fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
                value.deserialize_any(self)
            }
        }

        impl<'de> Visitor<'de> for $name<'_, '_> {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($what)
            }
            fn visit_map<M: MapAccess<'de>>(self, mut $map: M) -> Result<(), M::Error> {
                let $state = self.0;
                while let Some($key) = $map.next_key::<String>()? $body
                Ok(())
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
                while list.next_element_seed(Element($what, &mut *self.0))?.is_some() {}
                Ok(())
            }
        }
    };
}

each_entry!(Top, "a price list", key, map, state, {
    match key.as_str() {
        "offerCode" => state.bulk.offer = map.next_value()?,
        "publicationDate" => state.bulk.published = map.next_value()?,
        "products" => {
            state.is_list = true;
            map.next_value_seed(Products(state))?;
        }
        "terms" if !state.is_list => return Err(M::Error::custom("`terms` before `products`")),
        "terms" => map.next_value_seed(Terms(state))?,
        _ => drop(map.next_value::<IgnoredAny>()?),
    }
});

each_entry!(Products, "products", sku, map, state, {
    let product: JsonProduct = map.next_value()?;
    state.product(sku, &product);
});

each_entry!(Terms, "terms", kind, map, state, {
    match kind.as_str() {
        "OnDemand" => map.next_value_seed(OnDemand(state))?,
        "savingsPlan" => map.next_value_seed(SavingsPlans(state))?,
        _ => drop(map.next_value::<IgnoredAny>()?),
    }
});

each_entry!(OnDemand, "terms of products", sku, map, state, {
    if state.products.contains_key(&sku) {
        let terms: HashMap<String, Term> = map.next_value()?;
        state.terms(&sku, &terms);
        state.hand_over_many::<M::Error>()?;
    } else {
        state.bulk.read += 1;
        map.next_value::<IgnoredAny>()?;
    }
});

each_entry!(SavingsPlans, "savings plans", _key, map, _state, {
    map.next_value::<IgnoredAny>()?;
});

/// An element of a list of products or of savings plans.
struct Element<'s, 't>(&'static str, &'s mut State<'t>);

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        match self.0 {
            "products" => {
                let product = JsonProduct::deserialize(value)?;
                if let Some(sku) = product.sku.clone() {
                    self.1.product(sku, &product);
                }
            }
            "savings plans" => value.deserialize_map(SavingsPlanVisitor { state: self.1, sku: String::new() })?,
            _ => drop(IgnoredAny::deserialize(value)?),
        }
        Ok(())
    }
}

/// One savings plan: its `sku` comes before its `rates`, which may be tens of thousands.
struct SavingsPlanVisitor<'s, 't> {
    state: &'s mut State<'t>,
    sku: String,
}

impl<'de> Visitor<'de> for SavingsPlanVisitor<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a savings plan")
    }
    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "sku" => self.sku = map.next_value()?,
                "rates" => {
                    if self.sku.is_empty() {
                        return Err(M::Error::custom("`rates` before `sku`"));
                    }
                    map.next_value_seed(Rates { state: &mut *self.state, sku: &self.sku })?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The rates of one savings plan.
struct Rates<'s, 't> {
    state: &'s mut State<'t>,
    sku: &'s str,
}

impl<'de> DeserializeSeed<'de> for Rates<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rates<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rates of a savings plan")
    }
    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        let plan = self.state.plans.get(self.sku).cloned();
        while let Some(rate) = list.next_element::<JsonRate>()? {
            self.state.bulk.read += 1;
            let kept = plan.as_ref().and_then(|plan| rate.kept(plan));
            self.state.bulk.prices.extend(kept);
            self.state.hand_over_many::<S::Error>()?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonProduct {
    sku: Option<String>,
    #[serde(default)]
    product_family: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Attributes {
    instance_type: String,
    tenancy: String,
    operating_system: String,
    capacitystatus: String,
    pre_installed_sw: String,
    license_model: String,
    operation: String,
    usagetype: String,
    region_code: String,
    purchase_option: String,
    purchase_term: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    #[serde(default)]
    effective_date: String,
    #[serde(default)]
    price_dimensions: HashMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    #[serde(default)]
    begin_range: String,
    #[serde(default)]
    price_per_unit: HashMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonRate {
    #[serde(default)]
    discounted_usage_type: String,
    #[serde(default)]
    discounted_operation: String,
    #[serde(default)]
    discounted_region_code: String,
    discounted_rate: DiscountedRate,
}

#[derive(Deserialize)]
struct DiscountedRate {
    price: String,
    #[serde(default)]
    currency: String,
}

impl JsonRate {
    fn kept(&self, plan: &str) -> Option<ListPrice> {
        let (region, name) = product_selection::box_usage(&self.discounted_usage_type, &self.discounted_operation)?;
        let named = Some(self.discounted_region_code.as_str()).filter(|code| !code.is_empty());
        let region = named.or(region)?;
        if !product_selection::is_currency_of(&self.discounted_rate.currency, region) {
            return None;
        }
        Some(ListPrice {
            kind: "savings-plan".to_owned(),
            currency: catalog::currency_of(region).to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
            plan: plan.to_owned(),
            usd: product_selection::usd(&self.discounted_rate.price, 1.0)?,
            unit: "hour".to_owned(),
            date: String::new(),
            source: source("savings plans"),
            effective: String::new(),
        })
    }
}

impl<'t> State<'t> {
    fn new(take: &'t mut Take<'t>) -> Self {
        let (products, plans) = (HashMap::new(), HashMap::new());
        Self { bulk: Bulk::default(), products, plans, is_list: false, take, refused: None }
    }

    /// Hands on what was read, each price with date and source.
    fn hand_over(&mut self) -> std::io::Result<()> {
        let (date, list) = (self.bulk.published.clone(), source(&self.bulk.offer));
        let mut prices = std::mem::take(&mut self.bulk.prices);
        for price in &mut prices {
            price.date.clone_from(&date);
            if price.source.is_empty() {
                price.source.clone_from(&list);
            }
        }
        (self.take)(prices)
    }

    /// The same once there are many, if their date is known; it may stand after the prices.
    fn hand_over_many<E: serde::de::Error>(&mut self) -> Result<(), E> {
        if self.bulk.prices.len() < AT_ONCE || self.bulk.published.is_empty() || self.bulk.offer.is_empty() {
            return Ok(());
        }
        self.hand_over().map_err(|error| {
            let text = error.to_string();
            self.refused = Some(error);
            E::custom(text)
        })
    }

    fn product(&mut self, sku: String, product: &JsonProduct) {
        let of = &product.attributes;
        if let Some(plan) = product_selection::plan(&product.product_family, &of.purchase_term, &of.purchase_option) {
            self.plans.insert(sku, plan);
            return;
        }
        let kept = Product {
            family: &product.product_family,
            instance_type: &of.instance_type,
            tenancy: &of.tenancy,
            operating_system: &of.operating_system,
            capacity_status: &of.capacitystatus,
            installed: &of.pre_installed_sw,
            licence_model: &of.license_model,
            operation: &of.operation,
            usage_type: &of.usagetype,
            region: &of.region_code,
        }
        .kept();
        if let Some(kept) = kept {
            self.products.insert(sku, kept);
        }
    }

    fn terms(&mut self, sku: &str, terms: &HashMap<String, Term>) {
        // In an order of their own, so that the same file gives the same prices.
        let mut terms: Vec<_> = terms.iter().collect();
        terms.sort_by_key(|(code, term)| (&term.effective_date, *code));
        let dimensions = terms.into_iter().flat_map(|(_, term)| {
            let mut dimensions: Vec<_> = term.price_dimensions.iter().collect();
            dimensions.sort_by_key(|(code, _)| *code);
            dimensions.into_iter().map(|(_, dimension)| (term.effective_date.as_str(), dimension))
        });
        for (effective, dimension) in dimensions {
            self.bulk.read += 1;
            let first = ["0", ""].contains(&dimension.begin_range.as_str());
            let in_force = product_selection::in_force(effective, &self.bulk.published);
            let Some(kept) = self.products.get(sku).filter(|_| first && in_force) else { continue };
            let currency = catalog::currency_of(&kept.region);
            let Some(text) = dimension.price_per_unit.get(currency) else { continue };
            let Some(usd) = product_selection::usd(text, kept.per) else { continue };
            self.bulk.prices.push(ListPrice {
                kind: kept.kind.to_owned(),
                currency: currency.to_owned(),
                region: kept.region.clone(),
                name: kept.name.clone(),
                plan: String::new(),
                usd,
                unit: kept.unit.to_owned(),
                date: String::new(),
                source: String::new(),
                effective: effective.to_owned(),
            });
        }
    }
}
