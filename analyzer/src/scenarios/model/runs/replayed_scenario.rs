//! A scenario that was replayed, and over which hours.

use replay::{Outcome, Setup};
use types::analysis::ScenarioId;

use crate::scenarios::model::runs::machine_candidates::Candidate;
use crate::scenarios::model::runs::trial_and_report_hours::Windows;

/// A scenario that was replayed.
#[derive(Debug, Clone)]
pub(crate) struct Replayed {
    pub(crate) setup: Setup,
    /// Over all the hours it was replayed on: what is billed.
    pub(crate) whole: Outcome,
    /// Before the hours that are reported: what choices are made on.
    pub(crate) before: Outcome,
    /// The hours that are reported: what is judged and compared.
    pub(crate) reported: Outcome,
    /// The host, where there is one.
    pub(crate) host: Option<Candidate>,
}

impl Replayed {
    /// The same for its bill and risk alone.
    pub(crate) fn without_course(self) -> Self {
        Self { whole: self.whole.without_course(), ..self }
    }

    /// The same on the hours that serve choices, where it was replayed on more.
    pub(crate) fn on_choosing(&self, windows: &Windows) -> Self {
        let is_longer = self.whole.hours.len() > windows.choosing().len();
        if is_longer { Self { whole: self.before.clone(), ..self.clone() } } else { self.clone() }
    }

    /// Returns true when anything ran on elastic VMs.
    pub(crate) fn has_elastic_vms(&self) -> bool {
        self.whole.hours.iter().any(|hour| !hour.evm_seconds.is_empty())
    }

    /// Its scenario; `None` for what is replayed only to compare.
    pub(crate) fn id(&self) -> Option<ScenarioId> {
        ScenarioId::parse(&self.setup.id)
    }
}
