#!/usr/bin/env python3
"""Five-minute totals of CPU and memory from day objects, by DuckDB: totals.py LAKE CLUSTER; needs duckdb from PyPI."""

import sys
import time

import duckdb

lake, cluster = sys.argv[1:3]
connection = duckdb.connect()
connection.execute("SET threads = 1" if "--one-thread" in sys.argv else "SELECT 1")
days = f"{lake}/v1/container_hour/cluster={cluster}/date=*/day.parquet"
begun = time.perf_counter()
found = connection.execute(
    f"""
    WITH slots AS (
        SELECT hour_start_seconds AS hour, unnest(range(12)) AS slot,
               unnest(cpu_mean_millicores_by_slot) AS cpu, unnest(memory_mean_mib_by_slot) AS memory
        FROM read_parquet('{days}')
    ),
    totals AS (SELECT hour, slot, sum(cpu) AS cpu, sum(memory) AS memory FROM slots GROUP BY hour, slot)
    SELECT count(*), sum(cpu), sum(memory) FROM totals
    """
).fetchone()
print(f"unnest: {found[0]} slots, cpu {found[1]} memory {found[2]}; {time.perf_counter() - begun:.2f} s")
begun = time.perf_counter()
sums = ", ".join(
    f"sum(cpu_mean_millicores_by_slot[{k}]) AS cpu{k}, sum(memory_mean_mib_by_slot[{k}]) AS memory{k}"
    for k in range(1, 13)
)
cpu = " + ".join(f"cpu{k}" for k in range(1, 13))
memory = " + ".join(f"memory{k}" for k in range(1, 13))
found = connection.execute(
    f"""
    WITH totals AS (SELECT hour_start_seconds, {sums} FROM read_parquet('{days}') GROUP BY hour_start_seconds)
    SELECT 12 * count(*), sum({cpu}), sum({memory}) FROM totals
    """
).fetchone()
print(f"by index: {found[0]} slots, cpu {found[1]} memory {found[2]}; {time.perf_counter() - begun:.2f} s")
