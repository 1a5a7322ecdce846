#!/usr/bin/env python3
"""The lake's writer against pyarrow's, on the first hour of a lake: write.py LAKE CLUSTER [ROUNDS].

Both take turns in one run, because what else runs on a machine changes from second to second. pyarrow writes the same
table with the same encodings and levels, on one thread, without copying what it wrote. Needs
`cargo build --workspace --all-targets`, and pyarrow from PyPI.
"""

import hashlib
import pathlib
import statistics
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq

from encoding import HOUR, options

ROOT = pathlib.Path(__file__).resolve().parents[2]


def theirs(table):
    """Milliseconds to bytes, and to their digest; bytes."""
    begun = time.perf_counter()
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options(table, **HOUR))
    buffer = sink.getvalue()
    encoded = time.perf_counter()
    hashlib.sha256(buffer).digest()
    return (encoded - begun) * 1e3, (time.perf_counter() - encoded) * 1e3, buffer.size


def show(name, times):
    print(f"{name:<52} best {min(times):6.1f} ms, median {statistics.median(times):6.1f} ms")


def main():
    lake, cluster = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    hours = pathlib.Path(lake).glob(f"v1/container_hour/cluster={cluster}/date=*/hour=00.parquet")
    table = pq.read_table(min(hours), partitioning=None).combine_chunks()
    program = [ROOT / "target" / "debug" / "examples" / "write", lake, cluster]
    writer = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    encode, everything, columns, digest, arrow, arrow_digest = [], [], [], [], [], []
    for n in range(rounds + 3):
        print(file=writer.stdin)
        *micros, ours_bytes = map(int, writer.stdout.readline().split())
        all_ms, columns_ms, digest_ms = (value / 1e3 for value in micros)
        arrow_ms, arrow_digest_ms, their_bytes = theirs(table)
        if n < 3:  # the first rounds find memory and caches
            continue
        everything.append(all_ms)
        columns.append(columns_ms)
        digest.append(digest_ms)
        encode.append(all_ms - columns_ms - digest_ms)
        arrow.append(arrow_ms)
        arrow_digest.append(arrow_digest_ms)
    writer.stdin.close()
    writer.wait()
    print(f"{table.num_rows} rows, {rounds} rounds; ours {ours_bytes} bytes, pyarrow {their_bytes}")
    show("ours: rows to bytes and digest", everything)
    show("    of that sorting rows, and rows to columns", columns)
    show("    of that the digest", digest)
    show("    the rest: columns to bytes", encode)
    show(f"pyarrow {pa.__version__}: Arrow table to bytes", arrow)
    show("    and its digest, more", arrow_digest)
    for name, ours, their in (
        ("columns to bytes", encode, arrow),
        ("everything, pyarrow from its table", everything, [a + b for a, b in zip(arrow, arrow_digest)]),
    ):
        median = statistics.median(o / t for o, t in zip(ours, their))
        print(f"{name}: ours / pyarrow {min(ours) / min(their):.2f} by the best, {median:.2f} by the median of rounds")


if __name__ == "__main__":
    main()
