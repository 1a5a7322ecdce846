#!/usr/bin/env python3
"""The lake's writer against pyarrow's, on the first hour of a lake: write.py LAKE CLUSTER [ROUNDS].

Both take turns in one run, each on one thread, and what counts is the processor's time, because what else runs on a
machine changes from moment to moment. pyarrow writes the same table with the same encodings and levels, and does not
copy what it wrote. Needs `cargo build --workspace --all-targets`, and pyarrow from PyPI.
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
    """Milliseconds to bytes, and from there to their digest; bytes."""
    begun = time.thread_time()
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options(table, **HOUR))
    buffer = sink.getvalue()
    encoded = time.thread_time()
    hashlib.sha256(buffer).digest()
    return (encoded - begun) * 1e3, (time.thread_time() - encoded) * 1e3, buffer.size


class Ours:
    """The lake's writer, which waits between what it is asked; then the kernel knows its time exactly."""

    def __init__(self, lake, cluster):
        program = [ROOT / "target" / "debug" / "examples" / "write", lake, cluster]
        self.process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def used(self):
        """Nanoseconds on a processor, once it waits again."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat")
        while stat.read_text().rpartition(")")[2].split()[0] != "S":
            time.sleep(0.0002)
        return int(pathlib.Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0])

    def ask(self, what):
        before = self.used()
        print(what, file=self.process.stdin)
        done = int(self.process.stdout.readline())
        return (self.used() - before) / 1e6, done


def show(name, times):
    print(f"{name:<52} best {min(times):6.1f} ms, median {statistics.median(times):6.1f} ms")


def main():
    lake, cluster = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    hours = pathlib.Path(lake).glob(f"v1/container_hour/cluster={cluster}/date=*/hour=00.parquet")
    table = pq.read_table(min(hours), partitioning=None).combine_chunks()
    writer = Ours(lake, cluster)
    encode, everything, to_columns, arrow, arrow_digest = [], [], [], [], []
    for n in range(rounds + 3):
        rows, _ = writer.ask("rows")
        columns, _ = writer.ask("columns")
        whole, our_bytes = writer.ask("object")
        arrow_ms, digest, their_bytes = theirs(table)
        if n < 3:  # the first rounds find memory and caches
            continue
        everything.append(whole - rows)
        to_columns.append(columns - rows)
        encode.append(whole - columns - digest)
        arrow.append(arrow_ms)
        arrow_digest.append(arrow_ms + digest)
    writer.process.stdin.close()
    writer.process.wait()
    print(f"{table.num_rows} rows, {rounds} rounds; ours {our_bytes} bytes, pyarrow {their_bytes}")
    show("ours: rows to bytes and digest", everything)
    show("    of that sorting rows, and rows to columns", to_columns)
    show("    of that columns to bytes", encode)
    show(f"pyarrow {pa.__version__}: table to bytes and digest", arrow_digest)
    show("    of that table to bytes", arrow)
    for name, ours, their in (("columns to bytes", encode, arrow), ("everything", everything, arrow_digest)):
        median = statistics.median(o / t for o, t in zip(ours, their))
        print(f"{name}: ours / pyarrow {min(ours) / min(their):.2f} by the best, {median:.2f} by the median of rounds")


if __name__ == "__main__":
    main()
