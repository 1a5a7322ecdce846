#!/usr/bin/env python3
"""Time pyarrow takes to write an object of `container_hour` as the lake does: write.py HOUR.parquet."""

import hashlib
import io
import sys
import time

import pyarrow.parquet as pq

from encoding import options

table = pq.read_table(sys.argv[1], partitioning=None)
best = None
for _ in range(7):
    sink = io.BytesIO()
    begun = time.perf_counter()
    pq.write_table(table, sink, **options(table))
    hashlib.sha256(sink.getbuffer()).digest()
    seconds = time.perf_counter() - begun
    best = min(best or seconds, seconds)
print(f"{table.num_rows} rows, Arrow table to bytes and digest, best of 7: {best * 1e3:.1f} ms")
