//! Drafts of the manifests that a move to elastic VMs needs, to be reviewed by who applies them.
//!
//! Kinds and fields follow the vendor's documentation as last seen in 2025-02. Every name from the cluster is quoted
//! by [`quoted`], so that no name can become anything but text.

mod node_groups;
pub(crate) mod yaml;

use types::analysis::{Analysis, Combine, Plan};

use crate::number_format;
use crate::scenario_words;
use yaml::{json_list, json_object, quoted};

/// A file to put beside the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Name of the file.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// Drafts for the plan of an analysis: a profile for each wave, a patch for workloads, the two pools, and which EC2
/// nodes go. None without a plan.
pub fn drafts(analysis: &Analysis) -> Vec<Draft> {
    let Some(plan) = &analysis.plan else { return Vec::new() };
    let head = head(analysis);
    let mut drafts: Vec<Draft> = (1..=plan.waves.len()).map(|wave| profile(analysis, plan, &head, wave)).collect();
    drafts.push(Draft { name: "workload-patch.yaml".to_owned(), text: format!("{head}{PATCH}") });
    drafts.push(Draft { name: "baremetal-pool.yaml".to_owned(), text: baremetal_pool(analysis, plan, &head) });
    drafts.push(Draft { name: "evm-pool.yaml".to_owned(), text: evm_pools(analysis, plan, &head) });
    drafts.push(Draft { name: "node-groups.md".to_owned(), text: node_groups::text(analysis, &about(analysis)) });
    drafts
}

/// From which analysis a draft is.
fn about(analysis: &Analysis) -> [String; 3] {
    [
        "DRAFT to review; nothing applies it.".to_owned(),
        format!(
            "From the analysis of cluster {}, {}, manifests {}.",
            quoted(&analysis.cluster_id),
            scenario_words::window(analysis),
            quoted(&analysis.provenance.manifests_sha256)
        ),
        "Names of kinds, fields and labels follow the vendor's documentation last seen 2025-02; check them.".to_owned(),
    ]
}

fn head(analysis: &Analysis) -> String {
    let mut head: String = about(analysis).iter().map(|line| format!("# {line}\n")).collect();
    let recommended = analysis.verdict.recommendation.as_deref().is_some_and(|id| id.starts_with("emp"));
    if !recommended {
        head.push_str("# The analysis does not recommend an elastic machine pool.\n");
    }
    head
}

/// The profile after a wave: namespaces of it and of all before it.
fn profile(analysis: &Analysis, plan: &Plan, head: &str, wave: usize) -> Draft {
    let mut namespaces: Vec<&str> =
        plan.waves.iter().take(wave).flat_map(|wave| &wave.namespaces).map(String::as_str).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let labels = analysis.selection.iter().flat_map(|selection| &selection.labels);
    let labels: Vec<(&str, &str)> = labels.map(|label| label.split_once('=').unwrap_or((label.as_str(), ""))).collect();
    let combine = match &analysis.selection {
        Some(selection) if !labels.is_empty() && selection.combine == Combine::Any => {
            "# The analysis moved pods in a named namespace or with a named label; ask the vendor how the two combine.\n"
        }
        Some(_) if !labels.is_empty() => {
            "# The analysis moved pods in a named namespace and with every named label; ask the vendor how the two combine.\n"
        }
        _ => "",
    };
    Draft {
        name: format!("emp-profile-cm-wave-{wave}.yaml"),
        text: format!(
            "{head}# Wave {wave} of {}: it names the namespaces of every wave up to it.\n{combine}\
             apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: emp-profile-cm\n  namespace: default\ndata:\n  \
             labels: {}\n  namespaces: {}\n",
            plan.waves.len(),
            quoted(&json_object(&labels)),
            quoted(&json_list(&namespaces)),
        ),
    }
}

const PATCH: &str = "\
# For a workload that the profile's webhook does not reach, such as a daemonset:
#   kubectl patch daemonset NAME --namespace NAMESPACE --patch-file workload-patch.yaml
# A patch replaces the whole list of tolerations: add those that the workload has already. A daemonset that is to run on
# EC2 nodes too needs the toleration alone.
spec:
  template:
    spec:
      tolerations:
        - key: emp.pf9.io/EMPSchedulable
          operator: Equal
          value: \"true\"
          effect: NoSchedule
      nodeSelector:
        emp.pf9.io/owned: \"true\"
";

fn baremetal_pool(analysis: &Analysis, plan: &Plan, head: &str) -> String {
    let zones: Vec<&str> = plan.pools.iter().filter_map(|pool| pool.zone.as_deref()).collect();
    let sum = |of: fn((u32, u32)) -> u32, whole: u32| {
        if plan.pools.is_empty() { whole } else { plan.pools.iter().map(|pool| of(pool.hosts)).sum() }
    };
    let in_zones = u32::try_from(plan.pools.len()).unwrap_or(u32::MAX).max(1);
    let spares = plan.spare_hosts_per_zone * in_zones;
    let with_spares = match plan.spare_hosts_per_zone {
        0 => String::new(),
        n => format!(", and {}", types::wording::spare_hosts(n)),
    };
    let region = analysis.region.as_ref().map_or_else(|| REPLACE.to_owned(), |region| quoted(region));
    let mut text = format!(
        "{head}apiVersion: emp.pf9.io/v1alpha1\nkind: BaremetalPool\nmetadata:\n  name: {REPLACE} # a name for the pool\n\
         spec:\n  empName: {REPLACE} # the ElasticMachinePool that the pool belongs to\n  poolTemplate:\n    \
         instanceType: {}\n    ami:\n      id: {REPLACE} # the image of hosts in your region, from the vendor\n    \
         sshKey: {REPLACE} # name of a key pair\n    region: {region}\n",
        quoted(&plan.host_type)
    );
    if zones.is_empty() {
        text.push_str(&format!("    azs:\n      - {REPLACE} # a zone; the analysis does not know the nodes' zones\n"));
    } else {
        text.push_str("    azs:\n");
        zones.iter().for_each(|zone| text.push_str(&format!("      - {}\n", quoted(zone))));
    }
    text.push_str(&format!(
        "    network:\n      vpc:\n        id: {REPLACE} # the cluster's VPC, or one that is peered with it\n      subnets:\n"
    ));
    let unknown = [REPLACE.to_owned()];
    let names: Vec<String> = zones.iter().map(|zone| quoted(zone)).collect();
    for zone in if names.is_empty() { &unknown[..] } else { &names } {
        text.push_str(&format!(
            "        - id: {REPLACE} # a private subnet, for hosts\n          isPrivate: true\n          az: {zone}\n        \
             - id: {REPLACE} # a public subnet, for a NAT gateway\n          isPrivate: false\n          az: {zone}\n"
        ));
    }
    text.push_str(&format!(
        "    # Fewest and most hosts over all zones in the replay, after its first day{with_spares}. One in each zone is the\n    \
         # least for a pool that outlives a zone; a host that is alone in its zone can neither be emptied nor patched.\n    \
         minMachines: {}\n    maxMachines: {}\n",
        sum(|hosts| hosts.0, plan.hosts.0) + spares,
        sum(|hosts| hosts.1, plan.hosts.1) + spares,
    ));
    text
}

/// Placeholder for what only the user knows.
const REPLACE: &str = "REPLACE_ME";

fn evm_pools(analysis: &Analysis, plan: &Plan, head: &str) -> String {
    let disk = analysis.assumptions.iter().find(|assumption| assumption.key == "emp.evm_disk_gib");
    let disk = disk.map_or_else(|| REPLACE.to_owned(), |disk| quoted(&format!("{}Gi", disk.value)));
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| REPLACE.to_owned(), |ratio| format!("{ratio}"));
    let mut text = head.to_owned();
    for (n, (name, hours)) in plan.evm_types.iter().enumerate() {
        let of_type = plan.pools.iter().flat_map(|pool| &pool.evms).filter(|evm| evm.0 == *name);
        let least: u32 = of_type.clone().map(|evm| evm.1).sum();
        let most: u32 = of_type.map(|evm| evm.2).sum();
        if n > 0 {
            text.push_str("---\n");
        }
        text.push_str(&format!(
            "# {} hours of this type in the replay; fewest and most over all zones: {least} and {most}.\n\
             apiVersion: emp.pf9.io/v1alpha1\nkind: EVMPool\nmetadata:\n  name: {REPLACE} # a name for the pool\nspec:\n  os:\n    \
             family: ubuntu\n  eksClusterRef: {REPLACE} # the EKSCluster resource of this cluster\n  empName: {REPLACE} # the \
             ElasticMachinePool\n  storage:\n    type: ebs\n  # Spelled like this in the vendor's samples.\n  \
             overcommitMultipler:\n    cpu: {}\n    memory: {}\n  rootDiskConfig:\n    size: {disk}\n  instanceType: {}\n  \
             sshKey: {REPLACE} # name of a key pair\n  minEVMs: {least}\n",
            number_format::quantity(*hours),
            ratio(plan.cpu_overcommit),
            ratio(plan.memory_overcommit),
            quoted(name),
        ));
    }
    text
}
