//! Two jobs that scrape cAdvisor: which of them is believed of a container.

use std::collections::BTreeMap;

use super::{Instance, Name, Snapshot};
use crate::decode::Series;

/// The path of the kubelet on which cAdvisor's metrics are, as the operator of Prometheus labels it.
const CADVISOR_PATH: &str = "/metrics/cadvisor";

/// Samples of an instance by job: the one to believe first comes first.
pub(super) type ByJob = BTreeMap<Job, Box<Instance>>;

/// A job, in the order in which they are believed: on cAdvisor's own path before any other, then by name. Which one it is
/// matters less than that it is the same one from scrape to scrape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Job {
    elsewhere: bool,
    name: Name,
    path: Name,
}

impl Snapshot {
    /// Where what a job measured of an instance goes: into the instance itself, where there is one job.
    pub(super) fn measured(&mut self, series: &Series<'_, '_>) -> Option<&mut Instance> {
        if self.by_job.is_none() {
            return self.instance(series);
        }
        let key = self.instance_key(series)?;
        // Of a server that federates another, the job there.
        let own = series.label("exported_job").or_else(|| series.label("job")).unwrap_or_default();
        let [name, path] = [own, series.label("metrics_path").unwrap_or_default()].map(|text| self.name(text));
        let job = Job { elsewhere: *path != *CADVISOR_PATH, name, path };
        Some(self.by_job.as_mut()?.entry(key).or_default().entry(job).or_default())
    }

    /// Makes one instance of what the jobs say of it: the first one's samples, and where it has none the next one's. Both
    /// read one counter, so that a value of the other is still between those before and after it.
    pub(super) fn believe_one_job(&mut self) {
        for (key, jobs) in self.by_job.take().unwrap_or_default() {
            let instance = self.instances.entry(key).or_default();
            for said in jobs.values() {
                instance.fill(said);
            }
        }
    }
}
