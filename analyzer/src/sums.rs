//! Integer sums over the hours read: what ran, who held what of which nodes, what was left idle.

pub(crate) mod both;
pub(crate) mod drained;
pub(crate) mod facts;
pub(crate) mod file_system;
pub(crate) mod histogram;
pub(crate) mod ledger;
pub(crate) mod load_balancers;
pub(crate) mod node;
pub(crate) mod observed;
pub(crate) mod plausible;
pub(crate) mod pod;
pub(crate) mod unknown;
pub(crate) mod volume;
pub(crate) mod zone;
