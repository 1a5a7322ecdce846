#!/usr/bin/env python3
"""What an analysis of a large lake takes, beside DuckDB and beside itself over fewer days.

    bill.py EMP_COST SCALE COMPACT [FOLDER] [CONTAINERS] [DAYS]

EMP_COST, SCALE and COMPACT are built programs (`cargo build --release`, the two last are examples of `lake`). Makes a
lake in FOLDER unless it is there, then prints time and peak memory of `emp-cost analyze` over the last tenth, the last
third and all of the days, with all cores and with one, and what DuckDB takes for parts of the same work: the bare scan
of the columns, the roll-up of scalars by workload, the totals by slot from the lists. Needs duckdb from PyPI. Times on
a machine that others use mean little; the ratios of one run mean more.
"""

import datetime
import os
import resource
import subprocess
import sys
import time

import duckdb

START = datetime.datetime(2026, 7, 1, tzinfo=datetime.timezone.utc)
CLUSTER = "demo"


def run(command, affinity=None):
    """Seconds and peak MiB of a command."""
    before = (lambda: os.sched_setaffinity(0, affinity)) if affinity else None
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=before)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} failed")
    cpu = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - begun, cpu, usage.ru_maxrss / 1024


def analyze(program, lake, days, all_days, affinity=None, bill_only=True):
    start = START + datetime.timedelta(days=all_days - days)
    end = START + datetime.timedelta(days=all_days)
    command = [program, "analyze", "--lake", lake, "--cluster-id", CLUSTER, "--out", os.path.join(lake, ".analysis"),
               "--from", start.isoformat(), "--to", end.isoformat(), *(["--bill-only"] if bill_only else [])]
    return run(command, affinity)


def timed(db, name, query):
    begun = time.perf_counter()
    db.execute(query).fetchall()
    print(f"duckdb, {name}: {time.perf_counter() - begun:.2f} s")


def main():
    program, scale, compact, *rest = sys.argv[1:]
    lake = rest[0] if rest else "/tmp/emp-cost-bench"
    containers = int(rest[1]) if len(rest) > 1 else 10_000
    days = int(rest[2]) if len(rest) > 2 else 30
    if not os.path.isdir(os.path.join(lake, "v1")):
        os.makedirs(lake, exist_ok=True)
        subprocess.run([scale, lake, str(containers), str(days)], check=True)
        now = (START + datetime.timedelta(days=days + 60)).isoformat()
        subprocess.run([compact, lake, CLUSTER, now, "0"], check=True, stdout=subprocess.DEVNULL)
    cores = sorted(os.sched_getaffinity(0))
    analyze(program, lake, 1, days)
    for part in (days // 10, days // 3, days):
        seconds, cpu, peak = analyze(program, lake, part, days, set(cores[:2]))
        print(f"analyze, {part} days, two cores: {seconds:.2f} s ({cpu:.2f} s of CPU), {peak:.0f} MiB")
    seconds, cpu, peak = analyze(program, lake, days, days, {cores[0]})
    print(f"analyze, {days} days, one core: {seconds:.2f} s ({cpu:.2f} s of CPU), {peak:.0f} MiB")
    db = duckdb.connect()
    db.execute(f"SET threads = {min(2, len(cores))}")
    table = lambda name: f"read_parquet('{lake}/v1/{name}/cluster={CLUSTER}/date=*/day.parquet')"
    scalars = ["cpu_core_milliseconds", "memory_kib_seconds", "cpu_limit_millicores", "memory_limit_bytes"]
    timed(db, "bare scan of the scalars", "SELECT " + ", ".join(f"sum({c})" for c in scalars) + f" FROM {table('container_hour')}")
    timed(db, "roll-up of scalars by workload", f"""
        SELECT p.namespace, workload_kind, workload, sum(cpu_core_milliseconds), sum(memory_kib_seconds)
        FROM {table('container_hour')} c JOIN {table('pod_hour')} p USING (hour_start_seconds, pod_uid) GROUP BY ALL""")
    lists = ("cpu_mean_millicores_by_slot", "memory_mean_mib_by_slot")
    sums = ", ".join(f"sum({name}[{k}])" for name in lists for k in range(1, 13))
    timed(db, "totals by slot from the lists", f"SELECT hour_start_seconds, {sums} FROM {table('container_hour')} GROUP BY ALL")
    timed(db, "greater of request and use by pod and slot", f"""
        WITH used AS (SELECT hour_start_seconds, pod_uid, {", ".join(f"sum(cpu_mean_millicores_by_slot[{k}]) AS c{k}" for k in range(1, 13))}
                      FROM {table('container_hour')} GROUP BY ALL)
        SELECT p.node, p.namespace, {", ".join(f"sum(greatest(c{k}, cpu_effective_request_millicores) * alive_seconds_by_slot[{k}])" for k in range(1, 13))}
        FROM used JOIN {table('pod_hour')} p USING (hour_start_seconds, pod_uid) GROUP BY ALL""")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"duckdb, peak of all of it: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
