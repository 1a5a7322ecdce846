#!/usr/bin/env python3
"""Time and memory of importing a price list as large as AWS's: import.py EMP_COST [FOLDER].

Generates lists in AWS's layout (CSV and JSON, ten and a hundred times the products of a small one, with the rows that
are not kept in their real proportion: other tenancies, systems and reservations), imports them, and prints seconds,
MB/s and peak memory. Memory must not grow with the file.
"""

import os
import subprocess
import sys
import tempfile
import time

SYSTEMS = ["Linux", "Windows", "RHEL", "SUSE", "Ubuntu Pro", "Red Hat Enterprise Linux with HA"]
TENANCIES = ["Shared", "Dedicated", "Host"]
STATUSES = ["Used", "AllocatedCapacityReservation", "UnusedCapacityReservation"]
TYPES = [f"{family}{n}.{size}" for family in "mcrtix" for n in range(1, 9) for size in ("large", "xlarge", "2xlarge", "metal")]
COLUMNS = ["SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate", "StartingRange",
           "EndingRange", "Unit", "PricePerUnit", "Currency", "Product Family", "serviceCode", "Location",
           "Instance Type", "Tenancy", "Operating System", "License Model", "usageType", "operation", "CapacityStatus",
           "Region Code", "Pre Installed S/W", "Physical Processor", "Network Performance", "serviceName"]


def products():
    n = 0
    for name in TYPES:
        for system in SYSTEMS:
            for tenancy in TENANCIES:
                for status in STATUSES:
                    n += 1
                    yield f"SKU{n:09d}", name, system, tenancy, status


def csv_list(path, reserved):
    with open(path, "w", encoding="utf-8") as file:
        file.write('"FormatVersion","v1.0"\n"Publication Date","2026-07-15T20:00:00Z"\n"OfferCode","AmazonEC2"\n')
        file.write(",".join(f'"{name}"' for name in COLUMNS) + "\n")
        for sku, name, system, tenancy, status in products():
            family = "Compute Instance (bare metal)" if name.endswith("metal") else "Compute Instance"
            rest = [family, "AmazonEC2", "EU (Ireland)", name, tenancy, system, "No License required",
                    f"EU-BoxUsage:{name}", "RunInstances", status, "eu-west-1", "NA", "Intel Xeon Platinum 8175",
                    "Up to 10 Gigabit", "Amazon Elastic Compute Cloud"]
            for n in range(reserved + 1):
                term = "OnDemand" if n == 0 else "Reserved"
                row = [sku, f"T{n}", f"{sku}.T{n}", term, f"a price of {name}", "2026-07-01", "0", "Inf", "Hrs",
                       "0.2140000000", "USD", *rest]
                file.write(",".join(f'"{field}"' for field in row) + "\n")


def json_list(path, reserved):
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"offerCode":"AmazonEC2","publicationDate":"2026-07-15T20:00:00Z","products":{')
        for n, (sku, name, system, tenancy, status) in enumerate(products()):
            family = "Compute Instance (bare metal)" if name.endswith("metal") else "Compute Instance"
            file.write(("," if n else "") + f'"{sku}":{{"sku":"{sku}","productFamily":"{family}","attributes":'
                       f'{{"instanceType":"{name}","tenancy":"{tenancy}","operatingSystem":"{system}",'
                       f'"capacitystatus":"{status}","preInstalledSw":"NA","operation":"RunInstances",'
                       f'"usagetype":"EU-BoxUsage:{name}","regionCode":"eu-west-1"}}}}')
        file.write('},"terms":{')
        for kind, count in (("OnDemand", 1), ("Reserved", reserved)):
            file.write(("," if kind == "Reserved" else "") + f'"{kind}":{{')
            for n, (sku, *_) in enumerate(products()):
                terms = ",".join(
                    f'"{sku}.T{t}":{{"priceDimensions":{{"{sku}.T{t}.R":{{"unit":"Hrs","beginRange":"0",'
                    f'"pricePerUnit":{{"USD":"0.2140000000"}}}}}}}}' for t in range(count))
                file.write(("," if n else "") + f'"{sku}":{{{terms}}}')
            file.write("}")
        file.write("}}")


def measure(program, path, out):
    begun = time.perf_counter()
    process = subprocess.Popen([program, "prices", "import", "--from", path, "--out", out], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit("the import failed")
    seconds = time.perf_counter() - begun
    size = os.path.getsize(path) / 1e6
    print(f"{os.path.basename(path)}: {size:.0f} MB in {seconds:.2f} s, {size / seconds:.0f} MB/s, peak {usage.ru_maxrss / 1024:.0f} MiB")


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
        for reserved in (3, 30):
            for end, write in (("csv", csv_list), ("json", json_list)):
                path = os.path.join(folder, f"{reserved}-terms.{end}")
                write(path, reserved)
                measure(program, path, os.path.join(folder, f"out-{reserved}.{end}.csv"))


if __name__ == "__main__":
    main()
