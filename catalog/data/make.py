#!/usr/bin/env python3
"""Makes the catalog files in this folder from the collected facts.

    python3 make.py SOURCE_FOLDER

Standard library only. The same source gives the same bytes. What it keeps, and why, stands in README.md.
"""
import csv
import os
import re
import sys

REGIONS = ["ap-southeast-1", "eu-central-1", "eu-west-1", "us-east-1", "us-east-2", "us-west-2"]
# General, compute, memory, burstable and storage families from the fourth generation (t2 and i3 are the
# first of their lines still common), and GPU families that clusters run beside them.
MAINSTREAM = re.compile(r"^(m[4-9]|c[4-9]|r[4-9]|t[2-9]|i[3-9]|im4gn|is4gen|g[4-9]|gr6)")

# Listed at about twice the same-shape VM, which no other of the 136 comparable metal types is: left out as wrong.
DOUBTFUL = re.compile(r"^[mr]8gb\.metal")

# (service, item, unit) of the source to the item and unit of the catalog; what is not here is not used yet.
OTHER = {
    ("EKS", "control plane standard support"): ("eks.control_plane", "cluster-hour"),
    ("EKS", "control plane extended support (total)"): ("eks.control_plane_extended", "cluster-hour"),
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
}


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


# How each source is named to a reader: what the left side begins with is called what stands on the right.
SOURCES = [
    ("karpenter-shared", "Karpenter's price table (bare metal at tenancy Shared)"),
    ("karpenter", "Karpenter's price table"),
    ("ratio-libcloud", "Karpenter's price table times a regional ratio from Apache Libcloud"),
    ("libcloud", "Apache Libcloud"),
    ("skypilot", "SkyPilot catalog"),
    ("AWS containers blog", "AWS containers blog"),
    ("indexed public file", "public copies of AWS Price List answers"),
    ("infracost", "Infracost price tests"),
    ("ligoj", "public copies of AWS Price List answers"),
    ("not looked up", "not looked up, taken as in us-east-1"),
    ("vantage.sh", "vantage.sh Fargate pricing"),
]


def readable(source):
    for begin, name in SOURCES:
        if source.startswith(begin):
            return name
    raise SystemExit(f"no name for source `{source}`; add it to SOURCES")


def main(source):
    all_types = read(source, "ec2_instance_types.csv")
    x86_metal = {t["family"] for t in all_types if t["bare_metal"] == "true" and t["arch"] == "x86_64"}
    types = {t["instance_type"]: t for t in all_types if MAINSTREAM.match(t["family"]) or t["family"] in x86_metal}
    arch = {"x86_64": "amd64", "arm64": "arm64"}
    write(
        "instance_types.csv",
        ["instance_type", "vcpu", "memory_mib", "arch", "bare_metal", "accelerators", "max_pods",
         "allocatable_cpu_millicores", "allocatable_memory_mib", "ebs_mbps"],
        [
            [name, t["vcpu"], t["memory_mib"], arch[t["arch"]], t["bare_metal"],
             max(int(t["gpu"] or 0), 1 if t["accelerator"] else 0), t["max_pods"], t["alloc_cpu_milli"],
             t["alloc_memory_mib"], t["ebs_mbps"]]
            for name, t in sorted(types.items())
        ],
    )
    prices = [p for p in read(source, "ec2_prices.csv") if p["region"] in REGIONS and p["instance_type"] in types
              and not DOUBTFUL.match(p["instance_type"])]
    lists = sorted({(p["source"], p["price_date"]) for p in prices})
    ids = {pair: f"{n}" for n, pair in enumerate(lists)}
    write("price_lists.csv", ["list", "source", "price_date"], [[ids[pair], readable(pair[0]), pair[1]] for pair in lists])
    write(
        "on_demand.csv",
        ["region", "instance_type", "usd_per_hour", "kind", "list"],
        sorted([p["region"], p["instance_type"], number(p["usd_per_hour"]), p["kind"],
                ids[(p["source"], p["price_date"])]] for p in prices),
    )
    priced = {(p["region"], p["instance_type"]) for p in prices}
    spot = [s for s in read(source, "ec2_spot_advisor.csv") if (s["region"], s["instance_type"]) in priced]
    dates = {s["source_date"] for s in spot}
    assert len(dates) == 1, dates
    write(
        "spot_savings.csv",
        ["region", "instance_type", "saving_percent", "date"],
        sorted([s["region"], s["instance_type"], s["saving_pct"], s["source_date"]] for s in spot),
    )
    other = []
    for row in read(source, "aws_other_prices.csv"):
        named = OTHER.get((row["service"], row["item"]))
        if named and (row["region"] == "all" or row["region"] in REGIONS):
            kind = "estimated" if row["confidence"] == "low" else "observed"
            other.append([*named[:1], row["region"], number(row["usd"]), named[1], kind, row["price_date"].split(" (")[0], readable(row["source"])])
    write("other_prices.csv", ["item", "region", "usd", "unit", "kind", "price_date", "source"], sorted(other))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
