#!/usr/bin/env python3
"""What encodings cost and save: encoding.py [hour=HH.parquet] [day.parquet] ...; needs pyarrow and pandas from PyPI.

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


UID, UNIQUE = "pod_uid", "pod"
MEASURED = {"cpu_core_milliseconds", "memory_kib_seconds", "memory_max_kib", LISTS[2], LISTS[3]}
# How hours and days differ, as in lake/src/parquet_encoding.rs: rows of a page, levels of zstd, and what is written as deltas.
HOUR = dict(rows=4 * 1024, plain_level=3, packed_level=3, delta=set())
DAY = dict(rows=16 * 1024, plain_level=9, packed_level=14, delta={LISTS[2]})


def options(
    table, rows, plain_level, packed_level, delta, plain=MEASURED | {UNIQUE}, uid="DELTA_LENGTH_BYTE_ARRAY", uid_level=1, page_index=True, version="1.0", codec="zstd"
):
    """How the lake writes, as pyarrow names it, with one thing changed."""
    encodings, levels, dictionary = {}, {}, []
    for field in table.schema:
        path = f"{field.name}.list.element" if field.name in LISTS else field.name
        levels[path] = packed_level
        if field.name == UID and uid:
            encodings[path], levels[path] = uid, uid_level
        elif field.name in delta:
            encodings[path] = "DELTA_BINARY_PACKED"
        elif field.name in plain:
            encodings[path], levels[path] = "PLAIN", plain_level
        else:
            dictionary.append(path)
    return dict(
        compression=codec,
        compression_level=levels if codec == "zstd" else None,
        use_dictionary=dictionary,
        column_encoding=encodings,
        dictionary_pagesize_limit=8 << 20,
        row_group_size=128 * 1024,
        max_rows_per_page=rows,
        data_page_version=version,
        write_page_index=page_index,
        store_schema=False,
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
        form = DAY if path.rpartition("/")[2].startswith("day") else HOUR
        integers = {f.name for f in table.schema if pa.types.is_integer(f.type)} | set(LISTS)

        def changed(name, **how):
            measure(name, table, **options(table, **{**form, **how}))

        changed("the same by pyarrow")
        for level in (1, 3, 6, 9, 12, 14, 16):
            changed(f"zstd {level} for all but the uid", plain_level=level, packed_level=level)
        changed("mean memory plain", delta=set())
        changed("deltas for what is measured", delta=MEASURED)
        changed("deltas for every integer", delta=integers)
        changed("dictionaries for what is measured", delta=set(), plain={UNIQUE})
        changed("mean CPU plain", plain=MEASURED | {UNIQUE, LISTS[0]})
        changed("pod by dictionary", plain=MEASURED)
        changed("uid by dictionary", uid=None)
        changed("uid plain", uid="PLAIN")
        changed("uid at the level of the rest", uid_level=form["plain_level"])
        changed("uid DELTA_BYTE_ARRAY", uid="DELTA_BYTE_ARRAY")
        for rows in (4, 16, 32, 128):
            changed(f"{rows} Ki rows a page", rows=rows * 1024)
        changed("no page index", page_index=False)
        changed("data page version 2", version="2.0")
        changed("snappy", codec="snappy")
        measure("pyarrow's defaults", table)
        pandas_long(table)


if __name__ == "__main__":
    main()
