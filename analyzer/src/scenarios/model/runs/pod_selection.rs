//! Which pods move: by what they run on, by the user's profile, and step by step.

use std::collections::BTreeSet;

use replay::Movable;

use crate::read::replay_input::{Choices, NodeFacts, NodePlace, PodFacts};
use crate::scenarios::emp_profile::Profile;
use crate::scenarios::model::runs::machine_candidates::Machines;

/// Elastic VMs are x86 only.
const ARCH: &str = "on arm64; elastic VMs are x86 only";
/// Images of elastic VMs are the vendor's.
const SUBSCRIPTION: &str = "on RHEL or SUSE, which elastic VMs do not run; on EC2 it keeps its subscription";
const SPOT: &str = "on spot, which stays spot unless asked otherwise";
const PROFILE: &str = "not selected by the profile";
const LABELS: &str = "its labels, by which the profile selects, were not collected";
const DEVICE: &str = "asks for an extended resource, such as a GPU or an interface, that elastic VMs do not offer";
/// The reasons behind which a choice of the user is.
pub(crate) const BY_CHOICE: [&str; 3] = [SPOT, PROFILE, LABELS];
const LATER: &str = "in a namespace that moves later";

/// One choice of the pods that move.
#[derive(Debug, Clone)]
pub(crate) struct Selection<'a> {
    /// Profile that selects them; `None` selects all.
    pub(crate) profile: Option<&'a Profile>,
    /// `true` when all of the profile must select a pod, or any part of it may.
    pub(crate) all: bool,
    /// `true` when pods seen on spot move.
    pub(crate) spot: bool,
    /// The reason that counts for nothing here: pods it would keep move.
    pub(crate) lifted: Option<&'static str>,
    /// The namespaces whose turn it is; `None` for all.
    pub(crate) namespaces: Option<BTreeSet<String>>,
}

impl Selection<'_> {
    /// The first reason that keeps a pod; that one alone decides, so that lifting it moves every pod listed under it.
    fn keeps(&self, pod: &PodFacts<'_>) -> Option<&'static str> {
        let selected = self.profile.map(|profile| profile.selects(self.all, pod.namespace, pod.labels));
        let why = match selected {
            Some(None) => Some(LABELS),
            Some(Some(false)) => Some(PROFILE),
            None | Some(Some(true)) if pod.on_spot && !self.spot => Some(SPOT),
            None | Some(Some(true)) => None,
        };
        if why.is_some() {
            return why.filter(|why| Some(*why) != self.lifted);
        }
        let turn = |namespaces: &BTreeSet<String>| namespaces.contains(pod.namespace);
        self.namespaces.as_ref().is_some_and(|namespaces| !turn(namespaces)).then_some(LATER)
    }
}

/// The choices of a cluster: what runs where, and selections side by side, the one in force first.
#[derive(Debug)]
pub(crate) struct Selector<'a> {
    pub(crate) machines: &'a Machines<'a>,
    pub(crate) selections: &'a [Selection<'a>],
}

impl Choices for Selector<'_> {
    fn node(&self, node: &NodeFacts<'_>) -> Result<NodePlace, &'static str> {
        self.machines.node(node)
    }

    fn on_spot(&self, place: NodePlace) -> bool {
        self.machines.platform(place).is_some_and(|platform| platform.spot)
    }

    fn moves(&self, pod: &PodFacts<'_>, place: NodePlace) -> (Movable, Option<&'static str>) {
        if self.machines.platform(place).is_some_and(|platform| platform.arch != "amd64") {
            return (Movable::NEVER, Some(ARCH));
        }
        if self.machines.platform(place).is_some_and(|platform| platform.os != "linux") {
            return (Movable::NEVER, Some(SUBSCRIPTION));
        }
        if pod.wants_device {
            return (Movable::NEVER, Some(DEVICE));
        }
        let (mut movable, mut why) = (Movable::NEVER, None);
        for (at, selection) in (0..Movable::MOST).zip(self.selections) {
            match selection.keeps(pod) {
                None => movable = movable.and_under(at),
                Some(reason) if at == 0 => why = Some(reason),
                Some(_) => {}
            }
        }
        (movable, why)
    }

    fn by_labels(&self) -> bool {
        self.selections.iter().filter_map(|selection| selection.profile).any(|profile| !profile.labels().is_empty())
    }
}
