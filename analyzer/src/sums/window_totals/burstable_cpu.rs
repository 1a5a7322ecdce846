//! CPU of burstable machines, day by day: what they use beyond their baseline is paid for in unlimited mode.

use std::collections::BTreeMap;

use types::{Hour, SLOTS_PER_HOUR};

use crate::sums::node_billing::{BilledAs, NodeRow};

/// Seconds of a day: credits earned and credits spent are balanced over one.
const DAY_SECONDS: i64 = 86_400;
/// Families that earn CPU credits.
const FAMILIES: [&str; 5] = ["t2", "t3", "t3a", "t4g", "t8i"];

/// Use of burstable machines. Grows with these machines and days.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    /// By how they are billed, name and day.
    days: BTreeMap<(BilledAs, String, i64), Day>,
    /// Seconds of which no series tells the CPU.
    pub(crate) unknown_seconds: i64,
}

/// One machine on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Day {
    /// CPU used, in millicore-seconds.
    pub(crate) used: i128,
    /// Seconds of which it is known.
    pub(crate) seconds: i64,
}

impl Burst {
    /// Takes a machine's hour, where it is of such a family.
    pub(crate) fn take(&mut self, node: &NodeRow, billed_as: &BilledAs, hour: Hour) {
        let family = node.kind.instance_type.as_deref().and_then(|name| name.split('.').next());
        if !family.is_some_and(|family| FAMILIES.contains(&family)) {
            return;
        }
        let start = hour.start_seconds();
        let up = node.up_by_slot(start);
        let used = node.seen.cpu_used_millicores.unwrap_or([None; SLOTS_PER_HOUR]);
        let key = (billed_as.clone(), node.name.clone(), start.div_euclid(DAY_SECONDS));
        let day = self.days.entry(key).or_default();
        for (seconds, millicores) in up.into_iter().zip(used) {
            match millicores {
                Some(millicores) => {
                    day.used += i128::from(millicores) * i128::from(seconds);
                    day.seconds += seconds;
                }
                None => self.unknown_seconds += seconds,
            }
        }
    }

    /// The days of every machine.
    pub(crate) fn days(&self) -> impl Iterator<Item = (&BilledAs, Day)> {
        self.days.iter().map(|((billed_as, ..), day)| (billed_as, *day))
    }
}
