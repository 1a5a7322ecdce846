#!/usr/bin/env python3
"""The sums of the ledger, asked of DuckDB over the Parquet of a lake: ledger.py LAKE CLUSTER; prints JSON.

Written from the description of the ledger, not from its code: a slot's share of a container is in proportion to mean
times alive, rounded cumulatively; a pod holds the greater of request and use; what a node has more is kept or idle.
"""

import json
import sys

import duckdb

lake, cluster = sys.argv[1:3]
db = duckdb.connect()
for table in ("container_hour", "pod_hour", "node_hour"):
    files = f"{lake}/v1/{table}/cluster={cluster}/date=*/hour=*.parquet"
    db.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', hive_partitioning = false)")

# One row per pod, hour and slot.
db.execute(
    """
    CREATE TABLE pod_slot AS
    SELECT hour_start_seconds AS hour, pod_uid, namespace, workload_kind, workload, node,
           coalesce(cpu_effective_request_millicores, 0)::HUGEINT AS cpu_request,
           coalesce(memory_effective_request_bytes, 0)::HUGEINT AS memory_request,
           unnest(range(12)) AS slot, unnest(alive_seconds_by_slot)::BIGINT AS alive
    FROM pod_hour
    """
)


def spread(amount, means, result):
    """One row per container, hour and slot with its share of the amount."""
    db.execute(
        f"""
        CREATE TABLE {result} AS
        WITH slots AS (
            SELECT hour_start_seconds AS hour, pod_uid, container, {amount} AS amount,
                   unnest(range(12)) AS slot,
                   unnest(coalesce({means}, [1 FOR x IN range(12)])) AS mean
            FROM container_hour WHERE {amount} IS NOT NULL
        ),
        weighed AS (
            SELECT s.*, coalesce(p.alive, 300) AS alive, coalesce(s.mean, 0) * coalesce(p.alive, 300) AS by_mean
            FROM slots s LEFT JOIN pod_slot p USING (hour, pod_uid, slot)
        ),
        chosen AS (
            SELECT *, CASE WHEN sum(by_mean) OVER c > 0 THEN by_mean
                           WHEN sum(alive) OVER c > 0 THEN alive ELSE 1 END AS weight
            FROM weighed WINDOW c AS (PARTITION BY hour, pod_uid, container)
        ),
        running AS (
            SELECT *, sum(weight) OVER (PARTITION BY hour, pod_uid, container ORDER BY slot) AS so_far,
                   sum(weight) OVER (PARTITION BY hour, pod_uid, container) AS total
            FROM chosen
        ),
        rounded AS (
            SELECT *, CASE WHEN so_far = total THEN amount
                           ELSE floor(so_far::DOUBLE * (amount::DOUBLE / total::DOUBLE))::BIGINT END AS until
            FROM running
        )
        SELECT hour, pod_uid, slot,
               until - lag(until, 1, 0) OVER (PARTITION BY hour, pod_uid, container ORDER BY slot) AS used
        FROM rounded
        """
    )


spread("cpu_core_milliseconds", "cpu_mean_millicores_by_slot", "cpu_slot")
spread("memory_kib_seconds", "memory_mean_mib_by_slot", "memory_slot")
db.execute(
    """
    CREATE TABLE held AS
    WITH cpu AS (SELECT hour, pod_uid, slot, sum(used)::HUGEINT AS used FROM cpu_slot GROUP BY ALL),
         memory AS (SELECT hour, pod_uid, slot, sum(used)::HUGEINT * 1024 AS used FROM memory_slot GROUP BY ALL)
    SELECT p.*, greatest(cpu_request * alive, coalesce(cpu.used, 0)) AS cpu_held,
           greatest(memory_request * alive, coalesce(memory.used, 0)) AS memory_held,
           coalesce(cpu.used, 0) AS cpu_used, coalesce(memory.used, 0) AS memory_used
    FROM pod_slot p LEFT JOIN cpu USING (hour, pod_uid, slot) LEFT JOIN memory USING (hour, pod_uid, slot)
    """
)
db.execute(
    """
    CREATE TABLE node_slot AS
    WITH slots AS (SELECT *, unnest(range(12)) AS slot FROM node_hour WHERE compute_type <> 'fargate' AND up_seconds > 0)
    SELECT hour_start_seconds AS hour, node, slot, coalesce(node_group, '') AS node_group,
           greatest(least(hour_start_seconds + 300 * (slot + 1), last_seen_seconds)
                    - greatest(hour_start_seconds + 300 * slot, first_seen_seconds), 0)::HUGEINT AS up,
           cpu_capacity_millicores AS cpu, cpu_capacity_millicores - cpu_allocatable_millicores AS cpu_kept,
           memory_capacity_bytes AS memory, memory_capacity_bytes - memory_allocatable_bytes AS memory_kept
    FROM slots
    """
)


def left(resource):
    """What pods leave of the nodes: idle, kept, oversubscribed."""
    return db.execute(
        f"""
        WITH free AS (
            SELECT n.{resource} * n.up - coalesce(h.held, 0) AS free, n.{resource}_kept * n.up AS kept
            FROM node_slot n LEFT JOIN (
                SELECT hour, node, slot, sum({resource}_held) AS held FROM held GROUP BY ALL
            ) h USING (hour, node, slot)
        )
        SELECT sum(greatest(free, 0) - least(kept, greatest(free, 0)))::VARCHAR,
               sum(least(kept, greatest(free, 0)))::VARCHAR, sum(greatest(-free, 0))::VARCHAR
        FROM free
        """
    ).fetchone()


owners = db.execute(
    """
    SELECT h.namespace || '/' || h.workload_kind || '/' || h.workload,
           sum(h.cpu_held)::VARCHAR, sum(h.memory_held)::VARCHAR
    FROM held h JOIN (SELECT DISTINCT hour, node FROM node_slot) USING (hour, node) GROUP BY ALL ORDER BY ALL
    """
).fetchall()
namespaces = db.execute(
    """
    SELECT namespace, sum(cpu_request * alive)::VARCHAR, sum(memory_request * alive)::VARCHAR,
           sum(cpu_used)::VARCHAR, sum(memory_used)::VARCHAR
    FROM held GROUP BY ALL ORDER BY ALL
    """
).fetchall()
peaks = db.execute(
    "SELECT max(cpu)::VARCHAR, max(memory)::VARCHAR FROM"
    " (SELECT sum(cpu_used) AS cpu, sum(memory_used) AS memory FROM held GROUP BY hour, slot)"
).fetchone()
up = db.execute("SELECT sum(up)::VARCHAR FROM node_slot").fetchone()[0]
print(json.dumps({
    "owners": owners, "namespaces": namespaces, "cpu": left("cpu"), "memory": left("memory"), "up": up, "peaks": peaks,
}))
