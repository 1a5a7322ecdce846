//! State of a scenario: data that knows nothing of the scenario it is in.

mod host;
mod late;
mod lot;
mod machine;
mod recent;
mod runs;
mod stay;

pub(crate) use host::Host;
pub(crate) use late::{Kept, Late, Lates, PodUse};
pub(crate) use lot::{Lot, LotOf, least, least_memory};
pub(crate) use machine::{Billed, Due, Evm, Kind, Machine, NOWHERE, Place};
pub(crate) use recent::Recent;
pub(crate) use runs::Runs;
pub(crate) use stay::{Stay, most_together};
