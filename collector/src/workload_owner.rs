//! From a pod to the workload a person knows it by.

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::{Name, Names, Pod, Snapshot};

/// Kind and name of the object at the top of a pod's owner chain; `("Pod", name)` for a pod nobody owns.
pub(crate) fn workload(snapshot: &Snapshot, pod: &Pod) -> Names {
    let (kind, name) = match &pod.owner {
        Some(owner) => owner.clone(),
        // `kube_pod_owner` missing: `kube_pod_info` names the controller too.
        None if !pod.created_by.0.is_empty() => pod.created_by.clone(),
        None => return ("Pod".into(), Name::clone(&pod.name)),
    };
    let object = (Name::clone(&pod.namespace), name);
    // A pod that is owned by another, as Spark's executors are by their driver, is of the other's workload.
    let (kind, object) = match snapshot.pod_owners.get(&object).filter(|_| &*kind == "Pod") {
        Some((kind, name)) => (Name::clone(kind), (object.0, Name::clone(name))),
        None => (kind, object),
    };
    let above = match &*kind {
        "ReplicaSet" => snapshot.replicaset_owners.get(&object),
        "Job" => snapshot.job_owners.get(&object),
        _ => None,
    };
    above.cloned().unwrap_or((kind, object.1))
}

/// The owners of the pods that own others, by namespace and name.
pub(crate) fn pod_owners(snapshot: &Snapshot) -> BTreeMap<Names, Names> {
    let of_pods = |pod: &&Pod| pod.owner.as_ref().is_some_and(|(kind, _)| &**kind == "Pod");
    let owned = snapshot.pods.values().map(|pod| &**pod).filter(of_pods);
    let owners: BTreeSet<Names> =
        owned.filter_map(|pod| Some((Name::clone(&pod.namespace), Name::clone(&pod.owner.as_ref()?.1)))).collect();
    if owners.is_empty() {
        return BTreeMap::new();
    }
    let known = snapshot.pods.values().filter_map(|pod| {
        let name = (Name::clone(&pod.namespace), Name::clone(&pod.name));
        Some((owners.get(&name)?.clone(), pod.owner.clone()?))
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(owner: Option<(&str, &str)>, created_by: (&str, &str), expect: (&str, &str)) {
        let text = |(a, b): (&str, &str)| (Name::from(a), Name::from(b));
        let mut snapshot = Snapshot::default();
        snapshot.replicaset_owners.insert(text(("ns", "web-5d9")), text(("Deployment", "web")));
        snapshot.replicaset_owners.insert(text(("ns", "canary-1")), text(("Rollout", "canary")));
        snapshot.job_owners.insert(text(("ns", "report-29")), text(("CronJob", "report")));
        snapshot.pod_owners.insert(text(("ns", "pi-driver")), text(("SparkApplication", "pi")));
        snapshot.pod_owners.insert(text(("ns", "etl-driver")), text(("Job", "report-29")));
        let pod = Pod {
            namespace: "ns".into(),
            name: "p".into(),
            owner: owner.map(text),
            created_by: text(created_by),
            ..Pod::default()
        };
        assert_eq!(workload(&snapshot, &pod), text(expect));
    }

    #[test]
    fn the_owner_chain_is_followed_to_its_top() {
        check(Some(("ReplicaSet", "web-5d9")), ("", ""), ("Deployment", "web"));
        check(Some(("ReplicaSet", "canary-1")), ("", ""), ("Rollout", "canary"));
        check(Some(("ReplicaSet", "alone")), ("", ""), ("ReplicaSet", "alone"));
        check(Some(("Job", "report-29")), ("", ""), ("CronJob", "report"));
        check(Some(("Job", "once")), ("", ""), ("Job", "once"));
        check(Some(("StatefulSet", "db")), ("", ""), ("StatefulSet", "db"));
        check(Some(("Pod", "pi-driver")), ("", ""), ("SparkApplication", "pi"));
        check(Some(("Pod", "etl-driver")), ("", ""), ("CronJob", "report"));
        check(Some(("Pod", "unknown")), ("", ""), ("Pod", "unknown"));
        check(None, ("ReplicaSet", "web-5d9"), ("Deployment", "web"));
        check(None, ("", ""), ("Pod", "p"));
    }
}
