//! State of a scenario: data that knows nothing of the scenario it is in.

mod cronjob_runs;
mod host;
mod machine;
mod machine_lot;
mod pod_stays;
mod recent_evictions;
mod shifted_work;

pub(crate) use cronjob_runs::Runs;
pub(crate) use host::Host;
pub(crate) use machine::{Billed, Due, Evm, Kind, Machine, NOWHERE, Place};
pub(crate) use machine_lot::{Lot, LotOf, least, least_memory};
pub(crate) use pod_stays::{Stay, most_together};
pub(crate) use recent_evictions::Recent;
pub(crate) use shifted_work::{Kept, Late, Lates, PodUse};
