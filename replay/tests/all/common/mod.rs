//! A seeded cluster, hour by hour: workloads with a day's rhythm, restarts, and jobs that come and go.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    unreachable_pub,
    reason = "shared by tests and benches, each of which uses a part"
)]

pub mod bill;

use std::sync::Arc;

use replay::{
    Ask, Catalog, ContainerRow, HOUR_SECONDS, HostType, Hour, Lane, MachineType, NONE, NodeRow, PodRow, Pool, Role,
    Setup,
};
use types::UsdPerHour;

/// First hour of every trace.
pub const EPOCH: i64 = 1_735_689_600;

pub fn usd(price: f64) -> Option<UsdPerHour> {
    Some(UsdPerHour::try_new(price).unwrap())
}

fn machine(name: &str, vcpu: u32, gib: u32, allocatable: (u32, u32), max_pods: u32, price: f64) -> MachineType {
    MachineType {
        name: name.to_owned(),
        platform: 0,
        vcpu,
        memory_mib: gib * 1024,
        allocatable_millicores: allocatable.0,
        allocatable_mib: allocatable.1,
        max_pods,
        max_volumes: 26,
        price: usd(price),
    }
}

/// m5, then c5, then r5; allocatable as EKS computes it.
pub fn catalog() -> Arc<Catalog> {
    let mut machines = Vec::new();
    for (family, gib_per_vcpu, per_vcpu) in [("m5", 4, 0.048), ("c5", 2, 0.0425), ("r5", 8, 0.063)] {
        for (size, vcpu, pods) in
            [("large", 2, 29), ("xlarge", 4, 58), ("2xlarge", 8, 58), ("4xlarge", 16, 234), ("8xlarge", 32, 234)]
        {
            let mib = vcpu * gib_per_vcpu * 1024;
            let cpu = vcpu * 1000 - 80 - 2 * vcpu;
            let kubelet = 255 + 11 * pods + 100 + mib * 75 / 1000;
            let name = format!("{family}.{size}");
            machines.push(machine(
                &name,
                vcpu,
                vcpu * gib_per_vcpu,
                (cpu, mib - kubelet),
                pods,
                f64::from(vcpu) * per_vcpu,
            ));
        }
    }
    Arc::new(Catalog { machines })
}

/// Index of m5.4xlarge in [`catalog`].
pub const M5_4XLARGE: u32 = 3;

pub fn m5_metal() -> HostType {
    HostType {
        name: "m5.metal".to_owned(),
        threads: 96,
        memory_mib: 384 * 1024,
        max_attachments: 200,
        max_ips: 737,
        price: usd(4.608),
    }
}

pub const DAEMONS: Ask = Ask { cpu_millicores: 180, memory_mib: 400 };

/// A pod of a service that asks for so much: of the first workload, movable, and there through the whole hour.
pub fn service(uid: u128, ask: Ask) -> PodRow {
    PodRow {
        uid,
        workload: 0,
        zone: 0,
        platform: 0,
        observed_type: M5_4XLARGE,
        movable: true.into(),
        daemon: false,
        role: Role::Service,
        ask,
        volumes: 0,
        pausing_volumes: 0,
        alive_from: 0,
        alive_to: 3600,
        waited: 0,
        run: 0,
        unknown_slots: 0,
        node: NONE,
        node_group: 0,
    }
}

/// Every EC2 type on offer.
pub fn ec2(id: &str) -> Setup {
    let catalog = catalog();
    let mut setup = Setup::new(id, catalog.clone());
    setup.ec2.types = (0..catalog.machines.len() as u32).collect();
    setup.daemons = DAEMONS;
    setup.daemon_pods = 4;
    setup
}

/// The documented pool on m5.metal.
pub fn emp(id: &str) -> Setup {
    let mut setup = ec2(id);
    setup.pool = Some(Pool::new(m5_metal(), &catalog(), &[0, 1, 2, 3, 4]));
    setup
}

#[derive(Clone)]
struct Workload {
    ask: Ask,
    /// Use of CPU and memory, as shares of the request.
    uses: (f64, f64),
    /// Height and hour of the day's peak.
    rhythm: (f64, f64),
    volumes: u16,
    movable: bool,
}

#[derive(Clone)]
struct Live {
    uid: u128,
    workload: u32,
    role: Role,
    zone: u16,
    memory: f64,
}

/// The cluster; each call of [`Trace::hour`] is its next hour.
#[derive(Clone)]
pub struct Trace {
    rng: fastrand::Rng,
    workloads: Vec<Workload>,
    live: Vec<Live>,
    hour: i64,
    next: u128,
    zones: u16,
    /// Share of pods restarted in an hour.
    pub churn: f64,
    /// Short jobs in an hour, as a share of pods.
    pub jobs: f64,
    /// Share of pods that may move.
    pub movable: f64,
    /// Factor on use.
    pub load: f64,
    nodes: u32,
}

impl Trace {
    pub fn new(seed: u64, pods: u32, zones: u16) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let n = (pods / 8).max(2);
        let workload = |_| {
            let cpu = [100, 250, 250, 500, 500, 1000, 2000][rng.usize(0..7)];
            let memory = cpu * [1024, 2048, 4096, 6144][rng.usize(0..4)] / 1000;
            Workload {
                ask: Ask { cpu_millicores: cpu, memory_mib: memory },
                uses: (0.05 + 0.35 * rng.f64(), 0.2 + 0.5 * rng.f64()),
                rhythm: (1.5 * rng.f64(), [14.0, 14.0, 16.0, 2.0][rng.usize(0..4)]),
                volumes: u16::from(rng.u32(0..10) == 0),
                movable: true,
            }
        };
        let workloads: Vec<Workload> = (0..n).map(workload).collect();
        let mut trace = Self {
            rng,
            workloads,
            live: Vec::new(),
            hour: 0,
            next: 1,
            zones,
            churn: 0.01,
            jobs: 0.01,
            movable: 1.0,
            load: 1.0,
            nodes: 0,
        };
        for i in 0..pods {
            let live = trace.pod(i % n);
            trace.live.push(live);
        }
        let cpu: u64 =
            trace.live.iter().map(|pod| u64::from(trace.workloads[pod.workload as usize].ask.cpu_millicores)).sum();
        trace.nodes = u32::try_from(cpu / 11_000 + 1).unwrap();
        trace
    }

    fn pod(&mut self, workload: u32) -> Live {
        self.next += 1;
        // Uids in no order, as they are.
        let uid = self.next.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        Live {
            uid,
            workload,
            role: Role::Service,
            zone: self.rng.u16(0..self.zones),
            memory: 0.9 + 0.2 * self.rng.f64(),
        }
    }

    fn rows(&mut self, pod: &Live, from: u16, to: u16, pods: &mut Vec<PodRow>, containers: &mut Vec<ContainerRow>) {
        let workload = self.workloads[pod.workload as usize].clone();
        let clock = (self.hour % 24) as f64;
        let mut lanes = [Lane::UNKNOWN, Lane::UNKNOWN, Lane::UNKNOWN];
        let phase = std::f64::consts::TAU * (clock - workload.rhythm.1) / 24.0;
        let day = 1.0 + workload.rhythm.0 * phase.cos().max(0.0);
        for k in 0..12 {
            let start = k as u16 * 300;
            if from < start + 300 && to > start {
                let noise = 0.7 + 0.6 * self.rng.f64();
                let cpu = f64::from(workload.ask.cpu_millicores) * workload.uses.0 * self.load * day * noise;
                let memory =
                    f64::from(workload.ask.memory_mib) * workload.uses.1 * self.load * pod.memory * (0.9 + 0.1 * day);
                lanes[0].0[k] = cpu as u32;
                lanes[1].0[k] = (cpu * 1.4) as u32;
                lanes[2].0[k] = memory as u32;
            }
        }
        let row = pods.len() as u32;
        let movable = workload.movable && (pod.workload as f64) < self.movable * self.workloads.len() as f64;
        pods.push(PodRow {
            uid: pod.uid,
            workload: pod.workload,
            zone: pod.zone,
            platform: 0,
            observed_type: M5_4XLARGE,
            movable: movable.into(),
            daemon: false,
            role: pod.role,
            ask: workload.ask,
            volumes: workload.volumes,
            pausing_volumes: workload.volumes,
            alive_from: from,
            alive_to: to,
            waited: 0,
            run: 0,
            unknown_slots: 0,
            node: NONE,
            node_group: 0,
        });
        containers.push(ContainerRow {
            pod: row,
            class: pod.workload,
            ask: workload.ask,
            cpu_mean_millicores: lanes[0],
            cpu_max_millicores: lanes[1],
            memory_mean_mib: Lane::UNKNOWN,
            memory_max_mib: lanes[2],
        });
    }

    /// The next hour.
    pub fn hour(&mut self) -> Hour {
        let (mut pods, mut containers) = (Vec::new(), Vec::new());
        let mut live = std::mem::take(&mut self.live);
        for pod in &mut live {
            if self.rng.f64() < self.churn {
                let end = self.rng.u16(1..3500);
                self.rows(&pod.clone(), 0, end, &mut pods, &mut containers);
                *pod = self.pod(pod.workload);
                self.rows(&pod.clone(), end + 5, 3600, &mut pods, &mut containers);
            } else {
                self.rows(&pod.clone(), 0, 3600, &mut pods, &mut containers);
            }
        }
        let jobs = (live.len() as f64 * self.jobs) as u32;
        for _ in 0..jobs {
            let workload = self.rng.u32(0..self.workloads.len() as u32);
            let job = Live { role: Role::Batch, ..self.pod(workload) };
            let from = self.rng.u16(0..3000);
            let to = from + self.rng.u16(20..600);
            self.rows(&job, from, to, &mut pods, &mut containers);
        }
        self.live = live;
        let mut nodes = Vec::new();
        for n in 0..self.nodes {
            let zone = (n % u32::from(self.zones)) as u16;
            let uid = u128::MAX - u128::from(n);
            let row = pods.len() as u32;
            pods.push(PodRow {
                uid,
                workload: 0,
                zone,
                platform: 0,
                observed_type: M5_4XLARGE,
                movable: false.into(),
                daemon: true,
                role: Role::Service,
                ask: DAEMONS,
                volumes: 0,
                pausing_volumes: 0,
                alive_from: 0,
                alive_to: 3600,
                waited: 0,
                run: 0,
                unknown_slots: 0,
                node: NONE,
                node_group: 0,
            });
            containers.push(ContainerRow {
                pod: row,
                class: self.workloads.len() as u32,
                ask: DAEMONS,
                cpu_mean_millicores: Lane([60; 12]),
                cpu_max_millicores: Lane([80; 12]),
                memory_mean_mib: Lane::UNKNOWN,
                memory_max_mib: Lane([300; 12]),
            });
            nodes.push(NodeRow {
                zone,
                platform: 0,
                machine_type: M5_4XLARGE,
                up_seconds: 3600,
                memory_mib: 65_536,
                touched_mib: Lane([30_000; 12]),
                node: NONE,
                node_group: 0,
            });
        }
        let start = EPOCH + self.hour * HOUR_SECONDS;
        self.hour += 1;
        Hour::new(start, pods, containers, nodes).unwrap()
    }

    pub fn hours(&mut self, n: usize) -> Vec<Hour> {
        (0..n).map(|_| self.hour()).collect()
    }
}
