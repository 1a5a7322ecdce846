"""Sums every integer column of a lake with engines that are not ours, and prints them as JSON.

    python3 readers.py LAKE README

DuckDB finds the files as lake/README.md shows; pyarrow and polars follow the manifests in Python. For a scalar column
the result is [sum, nulls], for a list column [sum of elements, null elements, null lists].
"""

import glob
import json
import os
import re
import shutil
import sys
import tempfile

import duckdb
import polars
import pyarrow
import pyarrow.compute as pc
import pyarrow.parquet

try:
    import pyiceberg.catalog.sql
except ImportError:
    pyiceberg = None
try:
    import pyspark.sql
except ImportError:
    pyspark = None


def newest(manifests):
    """The manifest with the highest revision, of `hour=07.json`, `hour=07.r1.json`, `hour=07.r10.json`."""
    return max(manifests, key=lambda path: int((re.findall(r"\.r(\d+)\.json$", path) or [0])[0]))


def parts_by_manifest(lake):
    """For each table the hours to take from each file: the contract's rule, in Python."""
    periods = {}
    for path in glob.glob(f"{lake}/v1/manifest/cluster=*/date=*/*.json"):
        folder, name = path.rsplit("/", 1)
        periods.setdefault(folder, {}).setdefault(name.split(".")[0], []).append(path)
    parts = {}
    for of_day in periods.values():
        current = {}
        for period, manifests in of_day.items():
            path = newest(manifests)
            with open(path, encoding="utf-8") as text:
                current[period] = path[len(lake) + 1 :], json.load(text)
        _, day = current.pop("day", (None, {"hours": []}))
        held = {hour["key"] for hour in day["hours"]}
        for key, hour in current.values():
            for entry in (day if key in held else hour)["objects"]:
                hours = parts.setdefault(entry["table"], {}).setdefault(f"{lake}/{entry['key']}", set())
                hours.add(hour["hour_start_seconds"])
    return parts


def integer_columns(path):
    """Which columns hold integers, and whether in lists."""
    columns = {}
    for field in pyarrow.parquet.read_schema(path):
        is_list = pyarrow.types.is_list(field.type)
        if pyarrow.types.is_integer(field.type.value_type if is_list else field.type):
            columns[field.name] = is_list
    return columns


def by_pyarrow(files, columns):
    def read(path, hours):
        table = pyarrow.parquet.read_table(path, partitioning=None)
        return table.filter(pc.is_in(table["hour_start_seconds"], pyarrow.array(sorted(hours), pyarrow.int64())))

    return table_sums(pyarrow.concat_tables([read(path, hours) for path, hours in sorted(files.items())]), columns)


def table_sums(table, columns):
    sums = {}
    for name, is_list in columns.items():
        column = table[name]
        values = pc.list_flatten(column) if is_list else column
        sums[name] = [pc.sum(values).as_py() or 0, values.null_count] + ([column.null_count] if is_list else [])
    return sums


def by_polars(files, columns):
    def read(path, hours):
        frame = polars.read_parquet(path, hive_partitioning=False)
        return frame.filter(polars.col("hour_start_seconds").is_in(sorted(hours)))

    frame = polars.concat([read(path, hours) for path, hours in sorted(files.items())])
    sums = {}
    for name, is_list in columns.items():
        column = frame[name]
        # `explode` turns a null list into a null element, which is not one.
        values = column.drop_nulls().explode() if is_list else column
        sums[name] = [values.cast(polars.Int64).sum() or 0, values.null_count()] + ([column.null_count()] if is_list else [])
    return sums


def by_duckdb(connection, table, columns):
    sums = {}
    for name, is_list in columns.items():
        if is_list:
            what = f"sum(list_sum({name})), sum(len({name}) - list_count({name})), count(*) - count({name})"
        else:
            what = f"sum({name}), count(*) - count({name})"
        row = connection.execute(f"SELECT {what} FROM {table}").fetchone()
        sums[name] = [int(value or 0) for value in row]
    return sums


def by_iceberg(lake, parts):
    """The tables as Iceberg's own library reads them, from the files as they are: `add_files` takes no path for a column.

    It adds whole files, so only those of which every hour counts, which in a compacted day are all of them.
    """
    with tempfile.TemporaryDirectory() as warehouse:
        catalog = pyiceberg.catalog.sql.SqlCatalog("lake", uri="sqlite://", warehouse=f"file://{warehouse}")
        catalog.create_namespace("lake")
        sums = {}
        for table, files in sorted(parts.items()):
            schema = pyarrow.parquet.read_schema(next(iter(files)))
            iceberg = catalog.create_table(f"lake.{table}", schema=schema)
            iceberg.add_files([os.path.abspath(path) for path in sorted(files)])
            rows = iceberg.scan().to_arrow()
            own = pyarrow.concat_tables([pyarrow.parquet.read_table(path, partitioning=None) for path in sorted(files)])
            assert rows.num_rows == own.num_rows, (table, rows.num_rows, own.num_rows)
            sums[table] = table_sums(rows, integer_columns(next(iter(files))))
        return sums


def by_spark(parts):
    """The tables as Spark reads them, with its vectorized reader; the uids of pods are those that pyarrow finds."""
    session = pyspark.sql.SparkSession.builder.master("local[1]").appName("lake")
    session = session.config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "1").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    sums = {}
    for table, files in sorted(parts.items()):
        rows = None
        for path, hours in sorted(files.items()):
            frame = session.read.parquet(os.path.abspath(path))
            frame = frame.filter(frame.hour_start_seconds.isin(sorted(hours)))
            rows = frame if rows is None else rows.unionByName(frame)
        columns = integer_columns(next(iter(files)))
        wanted = []
        for name, is_list in columns.items():
            if is_list:
                known = f"transform(filter({name}, e -> e is not null), e -> cast(e as bigint))"
                wanted += [
                    f"sum(aggregate({known}, 0L, (a, e) -> a + e))",
                    f"sum(size(filter({name}, e -> e is null)))",
                    f"count(*) - count({name})",
                ]
            else:
                wanted += [f"sum(cast({name} as bigint))", f"count(*) - count({name})"]
        values = iter([int(value or 0) for value in rows.selectExpr(*wanted).first()])
        sums[table] = {name: [next(values) for _ in range(3 if is_list else 2)] for name, is_list in columns.items()}
        if "pod_uid" in rows.columns:
            uids = {row.pod_uid for row in rows.select("pod_uid").distinct().collect()}
            theirs = [pyarrow.parquet.read_table(path, columns=["pod_uid", "hour_start_seconds"], partitioning=None) for path in files]
            expect = set()
            for table_of_file, hours in zip(theirs, files.values()):
                own = pc.is_in(table_of_file["hour_start_seconds"], pyarrow.array(sorted(hours), pyarrow.int64()))
                expect |= set(table_of_file.filter(own)["pod_uid"].to_pylist())
            assert uids == expect, (table, len(uids), len(expect))
    session.stop()
    return sums


def main():
    lake, readme = sys.argv[1], sys.argv[2]
    with open(readme, encoding="utf-8") as text:
        block = re.search(r"```sql\n(.*?)```", text.read(), re.S).group(1)
    set_lake, make_parts, set_files, make_view, query = [
        s for s in re.sub(r"--[^\n]*", "", block).split(";") if s.strip()
    ]
    connection = duckdb.connect()
    connection.execute(set_lake.replace("'lake'", f"'{lake}'"))
    connection.execute(make_parts)
    engines = {"duckdb": {}, "pyarrow": {}, "polars": {}}
    parts = parts_by_manifest(lake)
    for table, files in sorted(parts.items()):
        for statement in (set_files, make_view):
            connection.execute(statement.replace("container_hour", table))
        columns = integer_columns(next(iter(files)))
        engines["duckdb"][table] = by_duckdb(connection, table, columns)
        engines["pyarrow"][table] = by_pyarrow(files, columns)
        engines["polars"][table] = by_polars(files, columns)
    shown = connection.execute(query).fetchall()
    assert shown and all(core_hours > 0 for _, core_hours in shown), shown
    belongs = connection.execute("SELECT DISTINCT cluster, date FROM container_hour").fetchall()
    if pyiceberg:
        engines["iceberg"] = by_iceberg(lake, parts)
    if pyspark and shutil.which("java"):
        engines["spark"] = by_spark(parts)
    print(json.dumps(engines), file=sys.stdout)
    assert len(belongs) == 1, belongs


if __name__ == "__main__":
    main()
