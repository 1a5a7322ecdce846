//! A small EKS cluster with one of everything, and how it changes in the course of the hour.

use fixtures::kubernetes::{
    Api, BoundClaim, Container, ContainerKind, Ingress, Node, Owner, Pod, Service, Volume, controlled, labelled,
};
use serde_json::json;

use crate::world::{HOUR, World};

/// The seconds of the hour at which the cluster changes; a scrape at that moment sees what it is then.
pub(super) const STAGES: [i64; 3] = [-600, 900, 2_100];
/// When what was there before the hour was created, scheduled and started.
const BEFORE: [i64; 3] = [HOUR - 5_000, HOUR - 4_990, HOUR - 4_985];

/// Something that is there for some of the stages.
#[derive(Debug, Clone)]
pub(super) struct Planned<T> {
    /// The first stage of it.
    pub(super) from: usize,
    /// The first stage without it; none while it stays.
    pub(super) until: Option<usize>,
    pub(super) what: T,
}

impl<T> Planned<T> {
    fn always(what: T) -> Self {
        Self { from: 0, until: None, what }
    }

    fn is_there(&self, stage: usize) -> bool {
        stage >= self.from && self.until.is_none_or(|until| stage < until)
    }
}

/// Planted objects, with what they are known by.
#[derive(Debug, Clone)]
pub(super) struct Planted {
    pub(super) nodes: Vec<Planned<Node>>,
    /// With the kind and name of the workload a person knows each by.
    pub(super) pods: Vec<(Planned<Pod>, (&'static str, &'static str))>,
    pub(super) volumes: Vec<Volume>,
    pub(super) claims: Vec<BoundClaim>,
    services: Vec<Planned<Service>>,
    ingresses: Vec<Ingress>,
}

const GENERAL: &str = "ip-10-0-0-1.ec2.internal";
const KARPENTER: &str = "ip-10-0-0-2.ec2.internal";
const FARGATE: &str = "fargate-ip-10-0-1-1.ec2.internal";
const AUTO: &str = "i-0aa0000000000000a";
const HYBRID: &str = "mi-0bb0000000000000b";
const GPU: &str = "ip-10-0-0-3.ec2.internal";
const LEAVES: &str = "ip-10-0-0-4.ec2.internal";
const JOINS: &str = "ip-10-0-0-5.ec2.internal";

impl Default for Planted {
    fn default() -> Self {
        let (volumes, claims) = storage();
        Self { nodes: nodes(), pods: pods(), volumes, claims, services: services(), ingresses: ingresses() }
    }
}

impl Planted {
    /// The name of the namespace that is planted last in a stage.
    pub(super) fn marker(stage: usize) -> String {
        format!("stage-{stage}")
    }

    /// Makes of an API what it is in a stage.
    pub(super) fn plant(&self, api: &Api, stage: usize) {
        if stage == 0 {
            self.plant_what_stays(api);
        }
        for node in &self.nodes {
            match node.is_there(stage) {
                true => api.put(node.what.object()),
                false => api.delete("Node", "", &node.what.name),
            }
        }
        for (pod, _) in &self.pods {
            match pod.is_there(stage) {
                true => api.put(at_stage(&pod.what, stage).object()),
                false => api.delete("Pod", pod.what.namespace, &pod.what.name),
            }
        }
        for service in &self.services {
            match service.is_there(stage) {
                true => api.put(service.what.object()),
                false => api.delete("Service", service.what.namespace, service.what.name),
            }
        }
        if stage == 1 {
            let owner = [Owner::controller("Deployment", "web")];
            api.put(controlled("apps/v1", "ReplicaSet", "shop", "web-7f", &[], &owner));
        }
        api.put(labelled("v1", "Namespace", "", &Self::marker(stage), &[]));
    }

    fn plant_what_stays(&self, api: &Api) {
        self.volumes.iter().for_each(|volume| api.put(volume.object()));
        self.claims.iter().for_each(|claim| api.put(claim.object()));
        self.ingresses.iter().for_each(|ingress| api.put(ingress.object()));
        for (kind, namespace, name) in
            [("Deployment", "shop", "web"), ("StatefulSet", "shop", "db"), ("DaemonSet", "kube-system", "agent")]
        {
            api.put(labelled("apps/v1", kind, namespace, name, &[]));
        }
        api.put(labelled("batch/v1", "CronJob", "batch", "report", &[]));
        for (kind, name, owner) in [
            ("ReplicaSet", "web-5d", Owner::controller("Deployment", "web")),
            ("ReplicaSet", "canary-1", Owner::controller("Rollout", "canary")),
            ("Job", "report-29", Owner::controller("CronJob", "report")),
        ] {
            // Who merely tracks an object comes first, and is greater by name.
            let owners = [Owner::tracker("Zeta", "zz-tracker"), owner];
            let (api_version, namespace) = if kind == "Job" { ("batch/v1", "batch") } else { ("apps/v1", "shop") };
            api.put(controlled(api_version, kind, namespace, name, &[], &owners));
        }
        api.put(labelled("apps/v1", "ReplicaSet", "shop", "alone", &[]));
        api.put(labelled("batch/v1", "Job", "batch", "once", &[]));
        let spec = json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1, "maxReplicas": 5, "metrics": [],
        });
        api.put(labelled("autoscaling/v2", "HorizontalPodAutoscaler", "shop", "web", &[]).with("spec", spec));
    }

    /// Plants what cAdvisor measures: half a core and 100 MiB of each container that runs, from its start to its end.
    pub(super) fn measure(&self, world: &mut World) {
        for node in &self.nodes {
            let (from, to) = seconds(node);
            world.add("machine_memory_bytes", &[("instance", &node.what.name)], (from + 7, to), 30, |_| 1e9);
        }
        for (pod, _) in &self.pods {
            let (from, to) = seconds(pod);
            let started = pod.what.started - HOUR;
            let ends = pod.what.completed.map_or(to, |at| at - HOUR);
            for one in pod.what.containers.iter().filter(|one| one.kind != ContainerKind::Init) {
                if !pod.what.node.is_empty() {
                    container(world, &pod.what, one, (started, from.max(started), ends));
                }
            }
        }
    }
}

/// The seconds of the hour from which and to which something is scraped.
pub(super) fn seconds<T>(planned: &Planned<T>) -> (i64, i64) {
    let until = planned.until.map_or(super::LAST_SECOND, |stage| STAGES[stage]);
    (STAGES[planned.from].max(super::FIRST_SECOND), until)
}

fn container(world: &mut World, pod: &Pod, one: &Container, (start, from, to): (i64, i64, i64)) {
    let uid = pod.uid.replace('-', "_");
    let id = format!("/kubepods.slice/kubepods-pod{uid}.slice/cri-containerd-{}.scope", one.name);
    let (instance, name) = (pod.node.as_str(), pod.name.as_str());
    let labels = [
        ("namespace", pod.namespace),
        ("pod", name),
        ("container", one.name),
        ("image", "i"),
        ("id", &id),
        ("instance", instance),
    ];
    let first = from + 7;
    let since = move |second: i64| f64::from(i32::try_from(second - start).unwrap()) * 0.5;
    world.add("container_start_time_seconds", &labels, (first, to), 30, |_| crate::world::seconds(start));
    world.add("container_memory_working_set_bytes", &labels, (first, to), 30, |_| 104_857_600.0);
    world.add("container_cpu_usage_seconds_total", &labels, (first, to), 30, since);
}

/// A pod as it is in a stage: one is resized where it is, and what completes has not completed before.
pub(super) fn at_stage(pod: &Pod, stage: usize) -> Pod {
    let mut pod = pod.clone();
    if pod.name == "resized" && stage == 0 {
        pod.containers[0] = Container::new("app", ContainerKind::App, 250, 256);
    }
    let now = HOUR + STAGES[stage];
    pod.completed = pod.completed.filter(|at| *at <= now);
    pod
}

/// A pod as it is over the hour: one asks for 250 m and 256 MiB for a quarter of it, and for 750 m and 1 GiB from then on.
pub(super) fn on_average(pod: &Pod) -> Pod {
    let mut pod = pod.clone();
    if pod.name == "resized" {
        pod.containers[0] = Container::new("app", ContainerKind::App, 625, 832);
    }
    pod
}

fn nodes() -> Vec<Planned<Node>> {
    let zone = ("topology.kubernetes.io/zone", "us-east-1a");
    let region = ("topology.kubernetes.io/region", "us-east-1");
    let managed = |name: &str, number: char, instance_type: &'static str, group: &'static str| Node {
        name: name.to_owned(),
        provider_id: format!("aws:///us-east-1a/i-0cc0000000000000{number}"),
        labels: vec![
            zone,
            region,
            ("node.kubernetes.io/instance-type", instance_type),
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/os", "linux"),
            ("eks.amazonaws.com/nodegroup", group),
            ("eks.amazonaws.com/capacityType", "ON_DEMAND"),
        ],
        cpu_millicores: 16_000,
        memory_mib: 65_536,
        pods: 234,
        created: BEFORE[0] - 1_000,
        os_image: "Amazon Linux 2023",
        ..Node::default()
    };
    let karpenter = Node {
        labels: vec![
            zone,
            region,
            ("node.kubernetes.io/instance-type", "c7g.2xlarge"),
            ("kubernetes.io/arch", "arm64"),
            ("kubernetes.io/os", "linux"),
            ("karpenter.sh/nodepool", "default"),
            ("karpenter.sh/capacity-type", "spot"),
        ],
        taints: vec![("team", "data", "NoSchedule"), ("flag", "", "NoExecute")],
        cpu_millicores: 8_000,
        memory_mib: 16_384,
        pods: 58,
        ..managed(KARPENTER, 'd', "", "")
    };
    let fargate = Node {
        provider_id: format!("aws:///us-east-1a/0123456789-abcdef/{FARGATE}"),
        labels: vec![
            zone,
            region,
            ("eks.amazonaws.com/compute-type", "fargate"),
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/os", "linux"),
        ],
        taints: vec![("eks.amazonaws.com/compute-type", "fargate", "NoSchedule")],
        cpu_millicores: 2_000,
        memory_mib: 3_900,
        pods: 1,
        ..managed(FARGATE, 'e', "", "")
    };
    let auto = Node {
        labels: vec![
            zone,
            region,
            ("node.kubernetes.io/instance-type", "c6a.large"),
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/os", "linux"),
            ("eks.amazonaws.com/compute-type", "auto"),
            ("karpenter.sh/nodepool", "general-purpose"),
            ("karpenter.sh/capacity-type", "on-demand"),
        ],
        cpu_millicores: 2_000,
        memory_mib: 4_096,
        pods: 27,
        os_image: "Bottlerocket (EKS Auto, Standard) 2026.6.1",
        ..managed(AUTO, 'f', "", "")
    };
    let hybrid = Node {
        provider_id: format!("eks-hybrid:///us-east-1/demo/{HYBRID}"),
        labels: vec![
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/os", "linux"),
            ("eks.amazonaws.com/compute-type", "hybrid"),
        ],
        cpu_millicores: 32_000,
        memory_mib: 131_072,
        pods: 110,
        os_image: "Ubuntu 24.04.2 LTS",
        ..managed(HYBRID, '0', "", "")
    };
    let gpu = Node {
        extended: vec![("nvidia.com/gpu", 1), ("hugepages-2Mi", 4 << 30)],
        cpu_millicores: 4_000,
        memory_mib: 16_384,
        pods: 58,
        ..managed(GPU, '1', "g5.xlarge", "gpu")
    };
    let leaves = Planned { from: 0, until: Some(1), what: managed(LEAVES, '2', "m5.4xlarge", "general") };
    let joined = Node { created: HOUR + STAGES[2] - 20, ..managed(JOINS, '3', "m5.4xlarge", "general") };
    let public = Node { external_ip: "192.0.2.1", ..managed(GENERAL, '4', "m5.4xlarge", "general") };
    let stay = [public, karpenter, fargate, auto, hybrid, gpu];
    let stay = stay.into_iter().map(Planned::always);
    stay.chain([leaves, Planned { from: 2, until: None, what: joined }]).collect()
}

pub(super) const NETWORK: &str = "k8s-shop-web-0a1b2c3d4e-0123456789abcdef.elb.us-east-1.amazonaws.com";
pub(super) const CLASSIC: &str = "a0123456789abcdef0123456789abcde-1234567890.us-east-1.elb.amazonaws.com";
pub(super) const INTERNAL: &str = "internal-a1123456789abcdef0123456789abcde-1234567891.us-east-1.elb.amazonaws.com";

/// Services with load balancers of every kind, one without an address, one that leaves, and one without a load balancer.
fn services() -> Vec<Planned<Service>> {
    let of = |name, addresses: &[&'static str], annotations: &[(&'static str, &'static str)]| Service {
        namespace: "shop",
        name,
        service_type: "LoadBalancer",
        annotations: annotations.to_vec(),
        addresses: addresses.to_vec(),
    };
    let scheme = ("service.beta.kubernetes.io/aws-load-balancer-scheme", "internet-facing");
    let unread = ("example.com/owner", "x");
    vec![
        Planned::always(of("web", &[NETWORK], &[scheme, unread])),
        Planned::always(of("web-udp", &[NETWORK], &[scheme])),
        Planned::always(of("old", &[CLASSIC], &[])),
        Planned { from: 0, until: Some(1), what: of("leaves", &[INTERNAL], &[]) },
        Planned::always(of("waits", &[], &[])),
        Planned::always(of("home", &["192.0.2.7"], &[])),
        Planned::always(Service { service_type: "ClusterIP", ..of("db", &[], &[]) }),
    ]
}

/// Two Ingresses that share a load balancer, one with its own, and two that something in the cluster serves.
fn ingresses() -> Vec<Ingress> {
    let of = |namespace, name, class, annotations: &[(&'static str, &'static str)]| Ingress {
        namespace,
        name,
        class,
        annotations: annotations.to_vec(),
    };
    let group = ("alb.ingress.kubernetes.io/group.name", "front");
    let scheme = ("alb.ingress.kubernetes.io/scheme", "internet-facing");
    vec![
        of("shop", "web", "alb", &[group, scheme]),
        of("batch", "report", "alb", &[group, scheme]),
        of("shop", "admin", "alb", &[]),
        of("shop", "inner", "nginx", &[]),
        of("shop", "plain", "", &[]),
    ]
}

/// A pod of one container that was there before the hour.
fn pod(number: u8, namespace: &'static str, name: &str, node: &str, owner: Option<(&'static str, &str)>) -> Pod {
    let owner = owner.map(|(kind, name)| Owner::controller(kind, name));
    let [created, scheduled, started] = BEFORE;
    Pod {
        namespace,
        name: name.to_owned(),
        uid: format!("{number:02x}3a1b2c-1111-2222-3333-444455556666"),
        node: node.to_owned(),
        owners: [Owner::tracker("Zeta", "zz-tracker")].into_iter().chain(owner).collect(),
        containers: vec![Container::new("app", ContainerKind::App, 500, 512)],
        created,
        scheduled,
        started,
        qos: "Burstable",
        ..Pod::default()
    }
}

type Known = (&'static str, &'static str);

fn pods() -> Vec<(Planned<Pod>, Known)> {
    [controlled_pods(), batch_pods(), special_pods()].concat()
}

fn controlled_pods() -> Vec<(Planned<Pod>, Known)> {
    let web = |number, name: &str| Pod {
        labels: vec![("team", "shop"), ("app.kubernetes.io/name", "web"), ("unlisted", "x")],
        ..pod(number, "shop", name, GENERAL, Some(("ReplicaSet", "web-5d")))
    };
    let [created, scheduled, started] = [-15, -14, -10].map(|before| HOUR + STAGES[1] + before);
    let new = Pod {
        created,
        scheduled,
        started,
        owners: vec![Owner::controller("ReplicaSet", "web-7f")],
        ..web(3, "web-7f-a")
    };
    let db = Pod {
        claims: vec!["data-db-0"],
        node_selector: vec![("eks.amazonaws.com/nodegroup", "general"), ("disk", "fast")],
        tolerations: vec![("team", Some("data"), "NoSchedule"), ("flag", None, "NoExecute")],
        ..pod(4, "shop", "db-0", GENERAL, Some(("StatefulSet", "db")))
    };
    let agent = |number, name: &str, node: &str| Pod {
        host_network: true,
        priority_class: "system-node-critical",
        ..pod(number, "kube-system", name, node, Some(("DaemonSet", "agent")))
    };
    let arrived = Pod {
        created: HOUR + STAGES[2] - 15,
        scheduled: HOUR + STAGES[2] - 15,
        started: HOUR + STAGES[2] - 10,
        ..agent(7, "agent-c", JOINS)
    };
    vec![
        (Planned::always(web(1, "web-5d-a")), ("Deployment", "web")),
        (Planned { from: 0, until: Some(1), what: web(2, "web-5d-b") }, ("Deployment", "web")),
        (Planned { from: 1, until: None, what: new }, ("Deployment", "web")),
        (Planned::always(db), ("StatefulSet", "db")),
        (Planned::always(agent(5, "agent-a", KARPENTER)), ("DaemonSet", "agent")),
        (Planned { from: 0, until: Some(1), what: agent(6, "agent-b", LEAVES) }, ("DaemonSet", "agent")),
        (Planned { from: 2, until: None, what: arrived }, ("DaemonSet", "agent")),
        (Planned::always(pod(8, "shop", "canary-1-a", AUTO, Some(("ReplicaSet", "canary-1")))), ("Rollout", "canary")),
        (Planned::always(pod(9, "shop", "alone-a", HYBRID, Some(("ReplicaSet", "alone")))), ("ReplicaSet", "alone")),
    ]
}

fn batch_pods() -> Vec<(Planned<Pod>, Known)> {
    let report =
        Pod { completed: Some(HOUR + 1_234), ..pod(16, "batch", "report-29-x", GENERAL, Some(("Job", "report-29"))) };
    let driver = pod(19, "batch", "pi-driver", GENERAL, Some(("SparkApplication", "pi")));
    vec![
        (Planned::always(report), ("CronJob", "report")),
        (Planned::always(pod(17, "batch", "once-x", GENERAL, Some(("Job", "once")))), ("Job", "once")),
        (Planned::always(pod(18, "batch", "etl-1", GENERAL, Some(("Workflow", "etl")))), ("Workflow", "etl")),
        (Planned::always(driver), ("SparkApplication", "pi")),
        (
            Planned::always(pod(20, "batch", "pi-exec-1", GENERAL, Some(("Pod", "pi-driver")))),
            ("SparkApplication", "pi"),
        ),
    ]
}

fn special_pods() -> Vec<(Planned<Pod>, Known)> {
    use ContainerKind::{App, Init, Sidecar};
    let of = |number, name: &'static str, node: &str| pod(number, "lab", name, node, None);
    let with = |number, name: &'static str, containers: &[(&'static str, ContainerKind, i64)]| Pod {
        containers: containers.iter().map(|(name, kind, cpu)| Container::new(name, *kind, *cpu, 64)).collect(),
        ..of(number, name, GENERAL)
    };
    let mut sidecar = with(32, "sidecar", &[("setup", Init, 300), ("proxy", Sidecar, 100), ("app", App, 500)]);
    sidecar.containers[0] = sidecar.containers[0].clone().limited();
    // The same containers in two orders: only the first order lets the sidecar run beside no init container.
    let last = with(42, "sidecar-last", &[("setup", Init, 1_000), ("proxy", Sidecar, 100), ("app", App, 500)]);
    let first = Pod {
        initialized: Some(BEFORE[2] + 30),
        ..with(43, "sidecar-first", &[("proxy", Sidecar, 100), ("setup", Init, 1_000), ("app", App, 500)])
    };
    let guaranteed = Pod {
        qos: "Guaranteed",
        containers: vec![Container::new("app", App, 1_000, 1_024).limited()],
        ..of(33, "guaranteed", GENERAL)
    };
    let kata = Pod { overhead: Some((250, 160)), ..of(34, "kata", GENERAL) };
    let as_a_whole = Pod {
        qos: "Guaranteed",
        pod_level: Some((2_000, 4_096)),
        containers: vec![Container { name: "app", ..Container::default() }],
        ..of(35, "as-a-whole", GENERAL)
    };
    let nothing = Pod {
        qos: "BestEffort",
        containers: vec![Container { name: "app", ..Container::default() }],
        ..of(36, "nothing", GENERAL)
    };
    let gpu = Pod {
        containers: vec![Container {
            extended: vec![("nvidia.com/gpu", 1), ("hugepages-2Mi", 2 << 30)],
            ..Container::new("app", App, 500, 512)
        }],
        ..of(37, "gpu", GPU)
    };
    let resized = Pod { containers: vec![Container::new("app", App, 750, 1_024)], ..of(38, "resized", GENERAL) };
    let shared = Pod { claims: vec!["shared"], ..of(39, "shared", GENERAL) };
    let small = Pod { namespace: "edge", ..of(40, "small", FARGATE) };
    let all = [sidecar, last, first, guaranteed, kata, as_a_whole, nothing, gpu, resized, shared, small];
    let known = [
        "sidecar",
        "sidecar-last",
        "sidecar-first",
        "guaranteed",
        "kata",
        "as-a-whole",
        "nothing",
        "gpu",
        "resized",
        "shared",
        "small",
    ];
    let mut pods: Vec<_> =
        all.into_iter().zip(known).map(|(pod, name)| (Planned::always(pod), ("Pod", name))).collect();
    // It waits for a node, and holds none.
    pods.push((Planned::always(Pod { node: String::new(), ..of(41, "waits", "") }), ("Pod", "waits")));
    pods
}

fn storage() -> (Vec<Volume>, Vec<BoundClaim>) {
    let ebs =
        Volume { name: "pvc-1", csi_driver: "ebs.csi.aws.com", handle: "vol-0abc", gib: 100, storage_class: "gp3" };
    let efs = Volume {
        name: "pvc-2",
        csi_driver: "efs.csi.aws.com",
        handle: "fs-0abc::fsap-1",
        gib: 5,
        storage_class: "efs",
    };
    let claims = vec![
        BoundClaim { namespace: "lab", name: "shared", volume: "pvc-2", storage_class: "efs" },
        BoundClaim { namespace: "shop", name: "data-db-0", volume: "pvc-1", storage_class: "gp3" },
    ];
    (vec![ebs, efs], claims)
}
