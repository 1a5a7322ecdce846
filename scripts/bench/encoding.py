#!/usr/bin/env python3
"""What encodings cost and save: encoding.py HOUR.parquet [DAY.parquet]; needs pyarrow and pandas from PyPI.

Rewrites an object of `container_hour` in the ways that were considered and prints bytes a row and seconds. The first
line is the object as the lake wrote it, the last what pandas makes of the same facts by default.
"""

import io
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq

LISTS = [
    "cpu_mean_millicores_by_slot",
    "cpu_max_millicores_by_slot",
    "memory_mean_mib_by_slot",
    "memory_max_mib_by_slot",
]


MEASURED = {"cpu_core_milliseconds", "memory_kib_seconds", "memory_max_kib", LISTS[2], LISTS[3]}
UNIQUE = {"pod_uid", "pod"}


def options(table, level=3, delta=MEASURED, plain=UNIQUE, uid=None, page_index=True, version="1.0", codec="zstd"):
    """How the lake writes, as pyarrow names it, with one thing changed."""
    encodings, dictionary = {}, []
    for field in table.schema:
        path = f"{field.name}.list.element" if field.name in LISTS else field.name
        if field.name in delta:
            encodings[path] = "DELTA_BINARY_PACKED"
        elif field.name == "pod_uid" and uid:
            encodings[path] = uid
        elif field.name not in plain:
            dictionary.append(path)
    return dict(
        compression=codec,
        compression_level=level if codec == "zstd" else None,
        use_dictionary=dictionary,
        column_encoding=encodings,
        row_group_size=128 * 1024,
        data_page_version=version,
        write_page_index=page_index,
    )


def measure(name, table, **how):
    best, size = None, 0
    for _ in range(3):
        sink = io.BytesIO()
        begun = time.perf_counter()
        pq.write_table(table, sink, **how)
        seconds = time.perf_counter() - begun
        best, size = min(best or seconds, seconds), sink.tell()
    print(f"{name:<44} {size / table.num_rows:7.2f} bytes/row {table.num_rows / best / 1e6:6.2f} M rows/s")


def columns(path):
    """Where the bytes of the lake's own object are."""
    meta = pq.ParquetFile(path).metadata
    sizes = {}
    for group in range(meta.num_row_groups):
        for leaf in range(meta.num_columns):
            chunk = meta.row_group(group).column(leaf)
            name = chunk.path_in_schema.split(".")[0]
            sizes[name] = sizes.get(name, 0) + chunk.total_compressed_size
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"    {name:<40} {size / meta.num_rows:7.2f}")


def pandas_long(table):
    """The same facts as pandas would keep them: one row a container, metric and slot; floats; snappy."""
    import pandas as pd

    frame = table.to_pandas()
    names = ["hour_start_seconds", "namespace", "pod", "container", "node", "pod_uid"]
    metrics = ["cpu_mean_millicores_by_slot", "memory_mean_mib_by_slot", "memory_max_mib_by_slot"]
    long = []
    for metric in metrics:
        one = frame[names].copy()
        one["metric"] = metric
        one["value"] = frame[metric]
        one = one.explode("value", ignore_index=True)
        one["slot"] = one.groupby(["hour_start_seconds", "pod_uid", "container"]).cumcount()
        one["value"] = one["value"].astype("float64")
        long.append(one)
    scalars = [n for n in frame.columns if n not in names and n not in LISTS and pd.api.types.is_numeric_dtype(frame[n])]
    one = frame.melt(id_vars=names, value_vars=scalars, var_name="metric", value_name="value")
    one["value"] = one["value"].astype("float64")
    long.append(one)
    sink = io.BytesIO()
    pd.concat(long, ignore_index=True).to_parquet(sink)
    wide = io.BytesIO()
    floats = frame.copy()
    for name in scalars:
        floats[name] = floats[name].astype("float64")
    floats.to_parquet(wide)
    print(f"{'pandas, long, f64, snappy':<44} {sink.tell() / table.num_rows:7.2f} bytes/row")
    print(f"{'pandas, wide, f64, snappy':<44} {wide.tell() / table.num_rows:7.2f} bytes/row")


def main():
    for path in sys.argv[1:]:
        table = pq.read_table(path, partitioning=None)
        with open(path, "rb") as file:
            size = len(file.read())
        print(f"{path}: {table.num_rows} rows")
        print(f"{'as the lake wrote it':<44} {size / table.num_rows:7.2f} bytes/row")
        columns(path)
        for level in (1, 3, 6, 9, 15):
            measure(f"zstd {level}", table, **options(table, level=level))
        integers = {f.name for f in table.schema if pa.types.is_integer(f.type)}
        measure("zstd 3, no page index", table, **options(table, page_index=False))
        measure("zstd 3, deltas for every integer", table, **options(table, delta=integers | set(LISTS)))
        measure("zstd 3, dictionaries for every integer", table, **options(table, delta=set()))
        measure("zstd 3, lists by dictionary", table, **options(table, delta=MEASURED - set(LISTS)))
        measure("zstd 3, uid and pod by dictionary", table, **options(table, plain=set()))
        measure("zstd 3, uid DELTA_BYTE_ARRAY", table, **options(table, uid="DELTA_BYTE_ARRAY"))
        measure("zstd 3, data page version 2", table, **options(table, version="2.0"))
        measure("snappy", table, **options(table, codec="snappy"))
        measure("pyarrow's defaults", table)
        pandas_long(table)


if __name__ == "__main__":
    main()
