//! What each team is to be shown as its cost: its workloads, and its share of what was paid for and is nobody's.
//!
//! Daemonsets, overhead and idle capacity of a cluster are shared in proportion to the cost of workloads on it, to the last
//! nano-dollar, so that the shares of a cluster add up to its bill. A function of its arguments.

use std::collections::{BTreeMap, BTreeSet};

use lake::WorkloadDay;
use lake::workload_day::Part;
use types::{ClusterId, HOURS_PER_MONTH, NanoUsd, split};

use crate::cost_sums::{By, Looked};

/// Shares by team or namespace and cluster, of the window and of a month.
pub(crate) type Lines = BTreeMap<Option<String>, BTreeMap<ClusterId, (Share, Option<Share>)>>;

/// The shares of some clusters.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// What a team is.
    pub(crate) by: By,
    /// Names of the labels there are.
    pub(crate) labels: BTreeSet<String>,
    /// The shares.
    pub(crate) lines: Lines,
    /// What was looked at.
    pub(crate) looked: Looked,
    /// Clusters of which a part is seen, so that what is nobody's there is in no share.
    pub(crate) parts: BTreeSet<ClusterId>,
}

impl Shown {
    /// No shares, of no cluster.
    pub(crate) fn nothing(by: By) -> Self {
        let (labels, lines) = (BTreeSet::new(), Lines::new());
        Self { by, labels, lines, looked: Looked::default(), parts: BTreeSet::new() }
    }
}

/// A team's part of one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Share {
    /// Its workloads, in nano-dollars.
    pub(crate) own: i128,
    /// Its share of what is nobody's; `None` where only a part of the cluster is seen, and that is not.
    pub(crate) shared: Option<i128>,
}

impl Share {
    /// What is shown of both.
    pub(crate) fn total(&self) -> i128 {
        self.own + self.shared.unwrap_or_default()
    }

    /// With another one added. What is not shown of the one is not in what is shown of the other.
    pub(crate) fn plus(self, other: Self) -> Self {
        let shared = match (self.shared, other.shared) {
            (Some(a), Some(b)) => Some(a + b),
            (one, None) | (None, one) => one,
        };
        Self { own: self.own + other.own, shared }
    }

    /// The same for a month of 730 hours, where it is of so many hours; nothing of no hours.
    pub(crate) fn monthly(self, hours: u32) -> Option<Self> {
        // 730 is whole.
        #[expect(clippy::as_conversions, reason = "a whole constant")]
        let month = HOURS_PER_MONTH as i128;
        let of = |amount: i128| NanoUsd::new(amount).scaled(month, i128::from(hours)).nanos();
        (hours > 0).then(|| Self { own: of(self.own), shared: self.shared.map(of) })
    }
}

/// The shares of one cluster's rows, by team; workloads of no team are one of `None`. Rows that whoever asks may not see
/// are not among them; whether what is nobody's is, says `whole`.
pub(crate) fn shares<'a>(
    rows: impl Iterator<Item = &'a WorkloadDay>,
    by: &By,
    whole: bool,
) -> BTreeMap<Option<String>, Share> {
    let mut shares: BTreeMap<Option<String>, Share> = BTreeMap::new();
    let mut nobodys = 0;
    for row in rows {
        if row.part == Part::Workload {
            let key = match by {
                By::Label(name) => row.label(name),
                _ => row.namespace.as_deref(),
            };
            shares.entry(key.map(ToOwned::to_owned)).or_default().own += row.nano_usd();
        } else if whole {
            nobodys += row.nano_usd();
        }
    }
    if !whole {
        return shares;
    }
    shares.values_mut().for_each(|share| share.shared = Some(0));
    let weights: Vec<i128> = shares.values().map(|share| share.own.max(0)).collect();
    match split(NanoUsd::new(nobodys), &weights) {
        Some(parts) => {
            for (share, part) in shares.values_mut().zip(parts) {
                share.shared = Some(part.nanos());
            }
        }
        // Nobody to share it: it is there, and of no team.
        None if nobodys != 0 => {
            let nobody = shares.entry(None).or_default();
            nobody.shared = Some(nobody.shared.unwrap_or_default() + nobodys);
        }
        None => {}
    }
    shares
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn row(part: Part, team: Option<&str>, nano_usd: i64) -> WorkloadDay {
        let label = team.map(|team| -> Arc<str> { format!("team={team}").into() });
        WorkloadDay {
            namespace: (part == Part::Workload).then(|| "n".into()),
            labels: label.into_iter().collect(),
            cpu_nano_usd: nano_usd,
            ..WorkloadDay::of("c", part)
        }
    }

    #[test]
    fn shares_add_up_to_the_bill_to_the_last_nano_dollar() {
        let team = By::Label("team".to_owned());
        for (idle, oversubscribed) in [(100, 0), (7, -3), (1, 0), (0, 0), (-5, -6), (i64::MAX / 4, 0)] {
            let rows = [
                row(Part::Workload, Some("red"), 3),
                row(Part::Workload, Some("blue"), 3),
                row(Part::Workload, None, 1),
                row(Part::Idle, None, idle),
                row(Part::Oversubscribed, None, oversubscribed),
            ];
            let shares = shares(rows.iter(), &team, true);
            let bill: i128 = rows.iter().map(WorkloadDay::nano_usd).sum();
            assert_eq!(shares.values().map(Share::total).sum::<i128>(), bill, "{idle} {oversubscribed}");
            assert_eq!(shares.len(), 3);
            let blue = shares[&Some("blue".to_owned())];
            let red = shares[&Some("red".to_owned())];
            assert!(
                (blue.shared.unwrap() - red.shared.unwrap()).abs() <= 1,
                "equal teams pay equal shares: {blue:?} {red:?}"
            );
        }
    }

    #[test]
    fn what_nobody_can_share_is_of_no_team_and_a_part_has_no_share() {
        let team = By::Label("team".to_owned());
        let idle = [row(Part::Idle, None, 10)];
        assert_eq!(shares(idle.iter(), &team, true)[&None], Share { own: 0, shared: Some(10) });
        let both = [row(Part::Workload, Some("red"), 5), row(Part::Idle, None, 10)];
        let part = shares(both.iter(), &team, false)[&Some("red".to_owned())];
        assert_eq!(part, Share { own: 5, shared: None });
        let month = Share { own: 24, shared: Some(-24) }.monthly(24);
        assert_eq!((month, Share::default().monthly(0)), (Some(Share { own: 730, shared: Some(-730) }), None));
        // Of a cluster that is seen whole the share is known, also beside one of which a part is.
        let whole = shares(both.iter(), &team, true)[&Some("red".to_owned())];
        assert_eq!(whole.plus(part), Share { own: 10, shared: Some(10) });
        assert_eq!(part.plus(whole).total(), 20);
        assert_eq!(part.plus(part), Share { own: 10, shared: None });
    }
}
