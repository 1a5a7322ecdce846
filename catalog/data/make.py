#!/usr/bin/env python3
"""Makes the catalog files in this folder from the collected facts.

    python3 make.py SOURCE_FOLDER

Standard library only. The same source gives the same bytes. What it keeps, and why, stands in README.md.
"""
import csv
import os
import re
import sys

# Listed at about twice the same-shape VM, which no other of the comparable metal types is: left out as wrong.
DOUBTFUL = re.compile(r"^[mr]8gb\.metal")

# (service, item, unit) of the source to the item and unit of the catalog; what is not here is not used.
OTHER = {
    ("EKS", "control plane standard support"): ("eks.control_plane", "cluster-hour"),
    ("EKS", "control plane extended support (total)"): ("eks.control_plane_extended", "cluster-hour"),
    ("EKS", "Auto Mode management fee (share of EC2 on-demand)"): ("eks.auto_mode_share", "share of on-demand"),
    ("EBS", "gp2 storage"): ("ebs.gp2", "GiB-month"),
    ("EBS", "gp3 storage"): ("ebs.gp3", "GiB-month"),
    ("EBS", "gp3 IOPS above 3000"): ("ebs.gp3.iops_above_3000", "IOPS-month"),
    ("EBS", "gp3 throughput above 125 MB/s"): ("ebs.gp3.mib_per_second_above_125", "MiB/s-month"),
    ("EBS", "io1 storage"): ("ebs.io1", "GiB-month"),
    ("EBS", "io1 IOPS"): ("ebs.io1.iops", "IOPS-month"),
    ("EBS", "io2 storage"): ("ebs.io2", "GiB-month"),
    ("EBS", "io2 IOPS (first 32000)"): ("ebs.io2.iops_to_32000", "IOPS-month"),
    ("EBS", "st1 storage"): ("ebs.st1", "GiB-month"),
    ("EBS", "sc1 storage"): ("ebs.sc1", "GiB-month"),
    ("Fargate", "Linux x86 vCPU"): ("fargate.vcpu", "vCPU-hour"),
    ("Fargate", "Linux x86 memory"): ("fargate.memory", "GiB-hour"),
    ("Fargate", "ephemeral storage above 20 GB"): ("fargate.storage_above_20_gib", "GiB-hour"),
    ("VPC", "public IPv4 in use"): ("vpc.public_ipv4", "address-hour"),
    ("VPC", "NAT gateway"): ("vpc.nat_gateway", "hour"),
}

# How each source is named to a reader: what the left side begins with is called what stands on the right.
SOURCES = [
    ("karpenter-shared", "Karpenter's price table (bare metal at tenancy Shared)"),
    ("karpenter", "Karpenter's price table"),
    ("ratio-libcloud", "Karpenter's price table times a regional ratio from Apache Libcloud"),
    ("libcloud-lowest", "Apache Libcloud (the lowest of several)"),
    ("libcloud", "Apache Libcloud"),
    ("skypilot", "SkyPilot catalog"),
    ("kube-resource-report", "kube-resource-report"),
    ("AWS containers blog", "AWS containers blog"),
    ("indexed public file", "public copies of AWS Price List answers"),
    ("infracost", "Infracost price tests"),
    ("ligoj", "public copies of AWS Price List answers"),
    ("not looked up", "not looked up, taken as in us-east-1"),
    ("vantage.sh", "vantage.sh Fargate pricing"),
    ("factualminds.com", "factualminds.com, EKS pricing"),
]

# Processors without simultaneous multithreading, beside all of arm64: AMD's of the 7th generation and later.
ONE_THREAD_PER_CORE = re.compile(r"^([mcr][78]a|hpc.*)$")

# Volume attachments: the table of the AWS EBS CSI driver (pkg/cloud/volume_limits.go, Apache-2.0). Types of the 8th
# generation are not in it and are taken for the common Nitro limit, which is the careful reading.
NOT_NITRO = {"t2", "c3", "m3", "r3", "c4", "m4", "r4", "x1e", "x1", "p2", "p3", "g3", "d2", "h1", "c1", "m1", "m2",
             "t1", "cr1", "cc2", "hs1", "i2", "g2", "g3s", "f1", "i3p"}
OWN_LIMIT = {"m7i", "m7a", "c7i", "c7a", "r7a", "r7i", "r7iz", "u7i"}
OWN_BY_SIZE = {"metal-16xl": 31, "metal-24xl": 31, "16xlarge": 48, "24xlarge": 64, "metal-32xl": 79, "metal-48xl": 79,
               "32xlarge": 88, "48xlarge": 128}
FEW = {"d3.8xlarge": 3, "d3en.12xlarge": 3, "g5.48xlarge": 9, "inf1.xlarge": 26, "inf1.2xlarge": 26, "inf1.6xlarge": 23,
       "inf1.24xlarge": 11}


def volume_limit(name, family, size):
    """How many volumes can be attached, and whether network interfaces take from the same number."""
    if name in FEW:
        return FEW[name], False
    if family.startswith("u-"):
        return (19 if size == "metal" else 27), False
    if family in OWN_LIMIT:
        return OWN_BY_SIZE.get(size, 32), False
    if size.startswith("metal"):
        return 31, False
    return (39, False) if family in NOT_NITRO else (28, True)


def read(folder, name):
    with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(name, header, rows):
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    with open(target, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)
    print(f"{name}: {len(rows)} rows, {os.path.getsize(target)} bytes")


def number(text):
    """A decimal without trailing zeros, as the catalog writes it."""
    value = f"{float(text):.9f}".rstrip("0").rstrip(".")
    return value or "0"


def readable(source):
    for begin, name in SOURCES:
        if source.startswith(begin):
            return name
    raise SystemExit(f"no name for source `{source}`; add it to SOURCES")


def check_allocatable(row):
    """The formula that the catalog uses instead of two columns; see `allocatable` in ../src/instance_types.rs."""
    cores = int(row["vcpu"])
    kept = 60 + 10 * (cores > 1) + 5 * (min(cores, 4) - 2 if cores > 2 else 0)
    kept += 2.5 * max(cores - 4, 0)
    cpu = cores * 1000 - kept
    visible = int(row["memory_mib"]) - (64 if row["arch"] == "arm64" else 0)
    memory = visible * 0.925 - 255 - 11 * int(row["max_pods"]) - 100
    return abs(cpu - int(row["alloc_cpu_milli"])) <= 1 and abs(memory - int(row["alloc_memory_mib"])) <= 1.5


def types_file(types):
    arch = {"x86_64": "amd64", "arm64": "arm64"}
    rows, unlike = [], []
    for name, t in sorted(types.items()):
        if t["max_pods"] and t["alloc_cpu_milli"] and not check_allocatable(t):
            unlike.append(name)
        threads = 1 if t["arch"] == "arm64" or ONE_THREAD_PER_CORE.match(t["family"]) or t["vcpu"] == "1" else 2
        limit, shared = volume_limit(name, t["family"], t["size"])
        rows.append([
            name, t["vcpu"], threads, t["memory_mib"], arch[t["arch"]], t["bare_metal"],
            max(int(t["gpu"] or 0), 1 if t["accelerator"] else 0), t["max_pods"], limit, str(shared).lower(),
            t["ebs_mbps"],
        ])
    assert len(unlike) < 25, unlike
    print("allocatable by formula differs for:", *unlike)
    write("instance_types.csv", ["instance_type", "vcpu", "threads_per_core", "memory_mib", "arch", "bare_metal",
                                 "accelerators", "max_pods", "attachments", "attachments_shared", "ebs_mbps"], rows)


def code(n):
    """0 is `a`, 25 `z`, 26 `A`."""
    return "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[n]


def matrix(name, cells):
    """A row for each type, a column for each region; an empty cell is not known."""
    regions = sorted({region for region, _ in cells})
    names = sorted({name for _, name in cells})
    write(name, ["instance_type", *regions], [[n, *[cells.get((r, n), "") for r in regions]] for n in names])


def estimates_file(prices, lists):
    """A region's estimates are one ratio a family: kept as that, and checked to give the same prices."""
    base = {p["instance_type"]: float(p["usd_per_hour"]) for p in prices if p["region"] == "us-east-1"}
    families = {}
    for p in prices:
        if p["kind"] == "estimated":
            families.setdefault((p["region"], p["instance_type"].split(".")[0]), []).append(p)
    listed = {(p["region"], p["instance_type"]) for p in prices}
    rows = []
    for (region, family), members in sorted(families.items()):
        dearest = max(members, key=lambda p: float(p["usd_per_hour"]))
        ratio = float(dearest["usd_per_hour"]) / base[dearest["instance_type"]]
        for p in members:
            off = base[p["instance_type"]] * ratio / float(p["usd_per_hour"]) - 1
            assert abs(off) < 1e-3 and p["via_family"] == dearest["via_family"], (region, p)
        missing = [t for t in base if t.split(".")[0] == family and (region, t) not in listed]
        assert not missing, (region, missing)
        key = (readable(dearest["source"]), dearest["price_date"], "estimated")
        rows.append([region, family, number(f"{ratio:.5f}"), dearest["via_family"], code(lists.index(key))])
    write("estimates.csv", ["region", "family", "ratio", "via_family", "list"], rows)


def main(source):
    types = {t["instance_type"]: t for t in read(source, "ec2_instance_types.csv")}
    types_file(types)
    prices = [p for p in read(source, "ec2_prices.csv") if p["instance_type"] in types
              and not DOUBTFUL.match(p["instance_type"])]
    lists = sorted({(readable(p["source"]), p["price_date"], p["kind"]) for p in prices})
    write("price_lists.csv", ["list", "source", "price_date", "kind"], [[code(n), *row] for n, row in enumerate(lists)])
    of = {row: code(n) for n, row in enumerate(lists)}
    matrix("on_demand.csv", {
        (p["region"], p["instance_type"]):
            number(p["usd_per_hour"]) + of[(readable(p["source"]), p["price_date"], p["kind"])]
        for p in prices if p["kind"] != "estimated"
    })
    estimates_file(prices, lists)
    spot = [s for s in read(source, "ec2_spot_advisor.csv") if s["instance_type"] in types]
    dates = {s["source_date"] for s in spot}
    assert dates == {"2025-06-28"}, dates
    bands = ["<5%", "5-10%", "10-15%", "15-20%", ">20%"]
    matrix("spot_savings.csv", {
        (s["region"], s["instance_type"]): s["saving_pct"] + code(bands.index(s["interruption_band"])) for s in spot
    })
    other = []
    for row in read(source, "aws_other_prices.csv"):
        named = OTHER.get((row["service"], row["item"]))
        if named:
            kind = "estimated" if row["confidence"] == "low" else "observed"
            other.append([named[0], row["region"], number(row["usd"]), named[1], kind,
                          row["price_date"].split(" (")[0], readable(row["source"])])
    write("other_prices.csv", ["item", "region", "usd", "unit", "kind", "price_date", "source"], sorted(other))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
