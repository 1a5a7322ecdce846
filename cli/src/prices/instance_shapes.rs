//! Instance types as they are known and described.

use ::prices::{CapacityType, MachineKind, PriceBook};

use crate::exit_codes::Failure;

/// Rejects a type that no layer of the price book knows, and suggests the nearest known one.
pub(super) fn known_type(book: &PriceBook, name: &str, region: &str) -> Result<(), Failure> {
    if book.knows_type(name) || book.rate(&MachineKind::new(name, CapacityType::OnDemand, region)).is_some() {
        return Ok(());
    }
    let nearest = book.nearest_type(name).map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
    let unknown = anyhow::anyhow!("`{name}` is no instance type that the catalog or a price list knows{nearest}");
    Err(Failure::usage(unknown))
}

/// Describes an instance type in words.
pub(super) fn shape(book: &PriceBook, name: &str) -> Option<String> {
    let kind = book.instance_type(name)?;
    let gib = kind.memory_mib / 1024;
    let metal = if kind.bare_metal { ", bare metal" } else { "" };
    Some(format!("  {} threads, {gib} GiB, {}{metal}", kind.vcpu, kind.arch))
}
