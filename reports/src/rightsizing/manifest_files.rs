//! Right-sized requests as files: kubectl commands, a Kustomize component with one patch a workload, and VPA objects.
//!
//! Every name from the cluster is quoted for YAML or for the shell, so that no name can become anything but text.

use std::collections::BTreeMap;

use types::analysis::{Analysis, Caution, ContainerSize, RightSizing};

use crate::manifest_drafts::Draft;
use crate::manifest_drafts::yaml::quoted;
use crate::scenario_words;

/// Files to put into the folder `right-sizing`; none where nothing changes.
pub(crate) fn files(analysis: &Analysis) -> Vec<Draft> {
    let Some(sizes) = analysis.right_sizing.as_ref().filter(|sizes| !sizes.containers.is_empty()) else {
        return Vec::new();
    };
    let head = head(analysis, sizes);
    let workloads = workloads(sizes);
    let patched: Vec<(&Workload<'_>, String)> =
        workloads.iter().filter_map(|workload| Some((workload, patch(workload)?))).collect();
    let name = |n: usize| format!("patch-{:04}.yaml", n + 1);
    let list: String = (0..patched.len()).map(|n| format!("  - path: {}\n", name(n))).collect();
    let mut files = vec![
        Draft {
            name: "kubectl.sh".to_owned(),
            text: format!("#!/bin/sh\n{head}{}", commands(sizes.containers.iter())),
        },
        Draft {
            name: "kustomization.yaml".to_owned(),
            text: format!(
                "{head}# Use it from an overlay whose base has these workloads: `components: [right-sizing]`. A patch of a\n\
                 # workload that the base does not have is an error: take it off the list.\napiVersion: \
                 kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n{list}"
            ),
        },
        Draft { name: "vpa.yaml".to_owned(), text: format!("{head}{}", vpas(&workloads)) },
    ];
    let patches = patched.into_iter().enumerate();
    files.extend(patches.map(|(n, (_, text))| Draft { name: name(n), text: format!("{head}{text}") }));
    files
}

fn head(analysis: &Analysis, sizes: &RightSizing) -> String {
    format!(
        "# DRAFT to review; nothing applies it. Change the largest first, one workload at a time, and watch.\n# From the \
         analysis of cluster {}, {}: CPU at the {} percentile,\n# memory at its largest plus {} percent, of the last {} days.\n",
        quoted(&analysis.cluster_id),
        scenario_words::window(analysis),
        types::wording::ordinal(sizes.cpu_percentile),
        sizes.memory_margin * 100.0,
        sizes.days
    )
}

/// The containers of one workload.
struct Workload<'a> {
    namespace: &'a str,
    kind: &'a str,
    name: &'a str,
    containers: Vec<&'a ContainerSize>,
}

fn workloads(sizes: &RightSizing) -> Vec<Workload<'_>> {
    let mut by_name: BTreeMap<(&str, &str, &str), Vec<&ContainerSize>> = BTreeMap::new();
    for one in &sizes.containers {
        by_name.entry((&one.namespace, &one.workload_kind, &one.workload)).or_default().push(one);
    }
    let mut workloads = Vec::with_capacity(by_name.len());
    for ((namespace, kind, name), mut containers) in by_name {
        containers.sort_by(|a, b| a.container.cmp(&b.container));
        workloads.push(Workload { namespace, kind, name, containers });
    }
    workloads
}

/// The API group of a kind whose pod template kubectl and Kustomize can patch; `None` for others.
fn api_version(kind: &str) -> Option<&'static str> {
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" => Some("apps/v1"),
        "CronJob" => Some("batch/v1"),
        _ => None,
    }
}

/// A word of a shell, whatever it holds: control characters, which no name of Kubernetes has, are left out.
fn shell(word: &str) -> String {
    let word: String = scenario_words::plain(word).chars().filter(|c| *c != char::REPLACEMENT_CHARACTER).collect();
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Limits that have to rise with the requests.
fn limits(one: &ContainerSize) -> [Option<String>; 2] {
    let cpu = one.cpu_limit_millicores.filter(|limit| *limit < one.cpu_target_millicores);
    let memory = one.memory_limit_mib.filter(|limit| *limit < one.memory_target_mib);
    [cpu.map(|_| format!("{}m", one.cpu_target_millicores)), memory.map(|_| format!("{}Mi", one.memory_target_mib))]
}

/// One kubectl command for each container; a comment for those that kubectl cannot change so.
pub(crate) fn commands<'a>(containers: impl Iterator<Item = &'a ContainerSize>) -> String {
    containers.map(command).collect()
}

fn command(one: &ContainerSize) -> String {
    let cautions: Vec<&str> = one.cautions.iter().map(|caution| caution.name()).collect();
    let caution = if cautions.is_empty() { String::new() } else { format!("# Caution: {}.\n", cautions.join("; ")) };
    let requests = format!("cpu={}m,memory={}Mi", one.cpu_target_millicores, one.memory_target_mib);
    if api_version(&one.workload_kind).is_none() {
        let of = format!("{} {}/{}", one.workload_kind, one.namespace, one.workload);
        return format!(
            "{caution}# {} of {}: set {requests} where its template is kept.\n",
            shell(&one.container),
            shell(&of)
        );
    }
    let [cpu, memory] = limits(one);
    let raised: Vec<String> = [("cpu", cpu), ("memory", memory)]
        .into_iter()
        .filter_map(|(of, limit)| Some(format!("{of}={}", limit?)))
        .collect();
    let raised = if raised.is_empty() { String::new() } else { format!(" --limits={}", raised.join(",")) };
    format!(
        "{caution}kubectl set resources {}/{} --namespace {} --containers {} --requests={requests}{raised}\n",
        one.workload_kind.to_lowercase(),
        shell(&one.workload),
        shell(&one.namespace),
        shell(&one.container),
    )
}

/// A strategic merge patch of a workload; `None` for kinds that have none.
fn patch(workload: &Workload<'_>) -> Option<String> {
    let api = api_version(workload.kind)?;
    let (path, deep) = if workload.kind == "CronJob" {
        ("spec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n", 12)
    } else {
        ("spec:\n  template:\n    spec:\n      containers:\n", 8)
    };
    let pad = " ".repeat(deep);
    let mut text = format!(
        "apiVersion: {api}\nkind: {}\nmetadata:\n  name: {}\n  namespace: {}\n{path}",
        workload.kind,
        quoted(workload.name),
        quoted(workload.namespace)
    );
    for one in &workload.containers {
        text.push_str(&format!(
            "{pad}- name: {}\n{pad}  resources:\n{pad}    requests:\n{pad}      cpu: {}m\n{pad}      memory: {}Mi\n",
            quoted(&one.container),
            one.cpu_target_millicores,
            one.memory_target_mib
        ));
        let [cpu, memory] = limits(one);
        if cpu.is_some() || memory.is_some() {
            text.push_str(&format!("{pad}    limits:\n"));
        }
        for (of, limit) in [("cpu", cpu), ("memory", memory)] {
            if let Some(limit) = limit {
                text.push_str(&format!("{pad}      {of}: {limit}\n"));
            }
        }
    }
    Some(text)
}

/// One VPA object for each workload, which recommends and changes nothing.
fn vpas(workloads: &[Workload<'_>]) -> String {
    let mut text = "# `updateMode: \"Off\"` recommends and changes nothing; say \"Initial\" to let new pods start with it. Where a\n\
        # horizontal autoscaler follows CPU, only memory is left to the VPA.\n"
        .to_owned();
    for (n, workload) in workloads.iter().filter(|workload| api_version(workload.kind).is_some()).enumerate() {
        let api = api_version(workload.kind).unwrap_or_default();
        if n > 0 {
            text.push_str("---\n");
        }
        text.push_str(&format!(
            "apiVersion: autoscaling.k8s.io/v1\nkind: VerticalPodAutoscaler\nmetadata:\n  name: {}\n  namespace: {}\nspec:\n  \
             targetRef:\n    apiVersion: {api}\n    kind: {}\n    name: {}\n  updatePolicy:\n    updateMode: \"Off\"\n  \
             resourcePolicy:\n    containerPolicies:\n",
            quoted(workload.name),
            quoted(workload.namespace),
            workload.kind,
            quoted(workload.name)
        ));
        for one in &workload.containers {
            let autoscaled = one.cautions.contains(&Caution::Autoscaled);
            text.push_str(&format!(
                "      - containerName: {}\n        controlledResources: [{}]\n        controlledValues: RequestsOnly\n        \
                 minAllowed:\n          cpu: {}m\n          memory: {}Mi\n",
                quoted(&one.container),
                if autoscaled { "memory" } else { "cpu, memory" },
                one.cpu_target_millicores,
                one.memory_target_mib
            ));
        }
    }
    text
}
