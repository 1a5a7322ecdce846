"""Sums every integer column of a lake with three engines that are not ours, and prints them as JSON.

    python3 readers.py LAKE README

DuckDB finds the files as lake/README.md shows; pyarrow and polars follow the manifests in Python. For a scalar column
the result is [sum, nulls], for a list column [sum of elements, null elements, null lists].
"""

import glob
import json
import re
import sys

import duckdb
import polars
import pyarrow
import pyarrow.compute as pc
import pyarrow.parquet


def files_by_manifest(lake):
    """The files of each table, of a lake without corrections and days."""
    files = {}
    for manifest in sorted(glob.glob(f"{lake}/v1/manifest/cluster=*/date=*/hour=*.json")):
        with open(manifest, encoding="utf-8") as text:
            for entry in json.load(text)["objects"]:
                files.setdefault(entry["table"], []).append(f"{lake}/{entry['key']}")
    return files


def integer_columns(path):
    """Which columns hold integers, and whether in lists."""
    columns = {}
    for field in pyarrow.parquet.read_schema(path):
        is_list = pyarrow.types.is_list(field.type)
        if pyarrow.types.is_integer(field.type.value_type if is_list else field.type):
            columns[field.name] = is_list
    return columns


def by_pyarrow(files, columns):
    table = pyarrow.concat_tables([pyarrow.parquet.read_table(f, partitioning=None) for f in files])
    sums = {}
    for name, is_list in columns.items():
        column = table[name]
        values = pc.list_flatten(column) if is_list else column
        sums[name] = [pc.sum(values).as_py() or 0, values.null_count] + ([column.null_count] if is_list else [])
    return sums


def by_polars(files, columns):
    frame = polars.concat([polars.read_parquet(f, hive_partitioning=False) for f in files])
    sums = {}
    for name, is_list in columns.items():
        column = frame[name]
        # `explode` turns a null list into a null element, which is not one.
        values = column.drop_nulls().explode() if is_list else column
        sums[name] = [values.cast(polars.Int64).sum() or 0, values.null_count()] + ([column.null_count()] if is_list else [])
    return sums


def by_duckdb(connection, columns):
    sums = {}
    for name, is_list in columns.items():
        if is_list:
            what = f"sum(list_sum({name})), sum(len({name}) - list_count({name})), count(*) - count({name})"
        else:
            what = f"sum({name}), count(*) - count({name})"
        row = connection.execute(
            f"SELECT {what} FROM read_parquet(getvariable('files'), hive_partitioning = false, union_by_name = true)"
        ).fetchone()
        sums[name] = [int(value or 0) for value in row]
    return sums


def main():
    lake, readme = sys.argv[1], sys.argv[2]
    with open(readme, encoding="utf-8") as text:
        block = re.search(r"```sql\n(.*?)```", text.read(), re.S).group(1)
    set_lake, set_files, query = [s for s in re.sub(r"--[^\n]*", "", block).split(";") if s.strip()]
    connection = duckdb.connect()
    connection.execute(set_lake.replace("'lake'", f"'{lake}'"))
    engines = {"duckdb": {}, "pyarrow": {}, "polars": {}}
    files = files_by_manifest(lake)
    for table in sorted(files):
        connection.execute(set_files.replace("'container_hour'", f"'{table}'"))
        found = connection.execute("SELECT list_sort(getvariable('files'))").fetchone()[0]
        assert found == sorted(files[table]), f"the README's query finds {found}"
        columns = integer_columns(files[table][0])
        engines["duckdb"][table] = by_duckdb(connection, columns)
        engines["pyarrow"][table] = by_pyarrow(files[table], columns)
        engines["polars"][table] = by_polars(files[table], columns)
    connection.execute(set_files)
    shown = connection.execute(query).fetchall()
    assert shown and all(core_hours > 0 for _, core_hours in shown), shown
    print(json.dumps(engines))


if __name__ == "__main__":
    main()
