//! Nodes that were drained: they left with pods on them, which went on elsewhere, and no other node came in their place.

use types::analysis::Note;
use types::wording::counted;
use types::{CapacityType, ComputeType, Hour};

use super::hour_facts::HourFacts;
use super::node_billing::NodeRow;

/// Seconds before a node is last seen within which its pods leave it where it is drained.
const DRAIN_SECONDS: i64 = 600;
/// Seconds around that within which a node of its group that comes up takes its place.
const REPLACED_SECONDS: i64 = 3600;
/// Drained nodes below which nothing is inferred: one or two may be anybody's work.
const LEAST: u32 = 3;

/// Nodes that left, and how.
#[derive(Debug, Default)]
pub(crate) struct Drained {
    /// On-demand nodes that left and in whose place none came.
    pub(crate) left: u32,
    /// Of these, with pods that went on elsewhere.
    pub(crate) drained: u32,
    /// Nodes of the hour before, and those that may have left in it.
    before: Option<(Hour, Vec<Came>, Vec<Leaves>)>,
}

/// A node that may have left; it has where the next hour does not show it.
#[derive(Debug)]
struct Leaves {
    name: String,
    group: Option<String>,
    at: i64,
    /// Whether pods left it and went on elsewhere.
    moved: bool,
}

/// When a node came up; `None` where its creation is not known and it was there when the hour began.
#[derive(Debug)]
struct Came {
    name: String,
    group: Option<String>,
    at: Option<i64>,
}

impl Drained {
    /// Returns true when nodes of this cluster are drained: several were, and no fewer than left empty.
    pub(crate) fn is_seen(&self) -> bool {
        self.drained >= LEAST && 2 * self.drained >= self.left
    }

    /// Note that says so; `None` where that is not seen.
    pub(crate) fn note(&self) -> Option<Note> {
        self.is_seen().then(|| {
            Note::info(format!(
                "{} of {} that left had pods that went on elsewhere, and no node came in their place: it is inferred that something drains \
                 nodes, and today's are replayed as Karpenter would drain them. `ec2.today_consolidates` says otherwise.",
                counted(self.drained, "node"),
                counted(self.left, "on-demand node")
            ))
        })
    }

    /// Adds an hour; hours come oldest first.
    pub(crate) fn take(&mut self, facts: &HourFacts) {
        let came: Vec<Came> = facts.nodes.iter().map(|node| came(node, facts.hour)).collect();
        let leave = facts.nodes.iter().filter(|node| may_leave(node, facts.hour));
        let leaves: Vec<Leaves> = leave.map(|node| leaves(node, facts)).collect();
        if let Some((hour, earlier, left)) = self.before.take()
            // Over a gap nobody knows what came and went.
            && hour.end_seconds() == facts.hour.start_seconds()
        {
            for node in left.iter().filter(|node| !came.iter().any(|other| other.name == node.name)) {
                let replaces = |other: &Came| {
                    let near = other.at.is_some_and(|at| (at - node.at).abs() <= REPLACED_SECONDS);
                    near && other.group == node.group && other.name != node.name
                };
                if !earlier.iter().chain(&came).any(replaces) {
                    self.left += 1;
                    self.drained += u32::from(node.moved);
                }
            }
        }
        self.before = Some((facts.hour, came, leaves));
    }
}

fn came(node: &NodeRow, hour: Hour) -> Came {
    let appeared = Some(node.first_seen_seconds).filter(|seen| *seen > hour.start_seconds());
    let at = node.created_seconds.or(appeared);
    Came { name: node.name.clone(), group: node.node_group.clone(), at }
}

/// Returns true for a node on-demand that was not seen to the end of the hour. What AWS takes back is nobody's policy.
fn may_leave(node: &NodeRow, hour: Hour) -> bool {
    node.kind.compute_type == ComputeType::Ec2
        && node.kind.capacity_type.as_deref() != Some(CapacityType::Spot.as_str())
        && node.last_seen_seconds < hour.end_seconds()
}

fn leaves(node: &NodeRow, facts: &HourFacts) -> Leaves {
    let at = node.last_seen_seconds;
    let ends = facts.moved.get(&node.name).map_or(&[][..], Vec::as_slice);
    let moved = ends.iter().any(|end| (at - DRAIN_SECONDS..=at + DRAIN_SECONDS).contains(end));
    Leaves { name: node.name.clone(), group: node.node_group.clone(), at, moved }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sums::node_billing::{NodeKind, NodeSlots};

    const START: i64 = 1_782_691_200;

    /// A node that came up at one second of the window and was last seen at another, as an hour shows it.
    fn node(n: usize, group: &str, capacity: &str, (from, to): (i64, i64), hour: Hour) -> NodeRow {
        NodeRow {
            name: format!("node-{n}"),
            provider_id: String::new(),
            kind: NodeKind {
                instance_type: Some("m5.xlarge".to_owned()),
                instance_type_source: "label".to_owned(),
                capacity_type: Some(capacity.to_owned()),
                compute_type: ComputeType::Ec2,
                arch: None,
                os: None,
                region: None,
                emp_owned: false,
            },
            zone: None,
            cpu_capacity_millicores: None,
            memory_capacity_bytes: None,
            cpu_allocatable_millicores: None,
            memory_allocatable_bytes: None,
            created_seconds: Some(START + from),
            first_seen_seconds: hour.start_seconds().max(START + from),
            last_seen_seconds: hour.end_seconds().min(START + to),
            up_seconds: 3600,
            node_group: Some(group.to_owned()),
            kubelet: None,
            root_disk_bytes: None,
            fargate_provisioned: None,
            network_bytes: None,
            public_ipv4_addresses: None,
            seen: NodeSlots::default(),
        }
    }

    type Life<'l> = (&'l str, &'l str, (i64, i64));

    /// Five hours of nodes, a pod of each of which goes on elsewhere at one of these seconds; hours in `missing` are not there.
    fn of(lives: &[Life<'_>], moves: &[(usize, i64)], missing: &[i64]) -> Drained {
        let mut drained = Drained::default();
        for n in (0..5).filter(|n| !missing.contains(n)) {
            let hour = Hour::starting_at(START).unwrap().plus(n);
            let (start, end) = (3600 * n, 3600 * n + 3600);
            let there = lives.iter().enumerate().filter(|(_, (.., (from, to)))| *from < end && *to > start);
            let mut facts = HourFacts::new(hour);
            facts.nodes = there.map(|(at, (group, capacity, life))| node(at, group, capacity, *life, hour)).collect();
            for (at, second) in moves.iter().filter(|(_, second)| (start..end).contains(second)) {
                facts.moved.entry(format!("node-{at}")).or_default().push(START + second);
            }
            drained.take(&facts);
        }
        drained
    }

    const LONG_AGO: i64 = -100_000;

    #[test]
    fn nodes_that_leave_with_pods_and_are_not_replaced_were_drained() {
        let life = |to: i64| ("general", "on-demand", (LONG_AGO, to));
        let lives = [life(4000), life(8000), life(12_000), life(12_500), life(18_000)];
        let moves = [(0, 3900), (1, 7900), (2, 11_500), (3, 9000)];
        let seen = of(&lives, &moves, &[]);
        // The fourth was empty for an hour when it left, and the fifth is there to the end.
        assert_eq!((seen.left, seen.drained, seen.is_seen()), (4, 3, true));
        assert!(seen.note().unwrap().text.starts_with("3 nodes of 4 on-demand nodes that left had pods"));
        // Two are too few, and so are three of eight.
        let two = of(&lives, &moves[..2], &[]);
        assert!(!two.is_seen() && two.note().is_none());
        let empty: Vec<Life<'_>> = (0..4).map(|n| life(5000 + 100 * n)).collect();
        let many = of(&[&lives[..], &empty].concat(), &moves, &[]);
        assert_eq!((many.left, many.drained, many.is_seen()), (8, 3, false));
        // What came and went while hours are missing nobody knows.
        assert_eq!(of(&lives, &moves, &[2]).left, 2);
    }

    #[test]
    fn nodes_that_are_replaced_or_taken_back_were_not() {
        let life = |to: i64| ("general", "on-demand", (LONG_AGO, to));
        let moves = [(0, 3900), (1, 7900), (2, 11_900)];
        // A rollout brings a node of the group for each; one of another group is none.
        let old = [life(4000), life(8000), life(12_000)];
        let new = |group| [3800, 7800, 11_800].map(|at| (group, "on-demand", (at, 100_000)));
        assert_eq!(of(&[old, new("general")].concat(), &moves, &[]).left, 0);
        assert_eq!(of(&[old, new("memory")].concat(), &moves, &[]).drained, 3);
        let spot = [4000, 8000, 12_000].map(|to| ("general", "spot", (LONG_AGO, to)));
        assert_eq!(of(&spot, &moves, &[]).left, 0);
    }
}
