"""Measures the pages of the reporting service over a fleet, as ratios to a static file in the same run.

    python3 scripts/bench/service.py BINARY LAKE [CLUSTERS]

BINARY is `emp-cost` or `emp-cost-service`; LAKE a directory that `emp-cost run` or `emp-cost demo --serve` wrote. The report of
its first cluster is copied under as many names as asked for (300) into a directory of its own, its rows repeated until there are
90 days, with thirteen weekly reports in the trend. The service has one processor and a memory cgroup of 128 MiB (which needs
root), and each page is asked for at 50 requests a second for some seconds, and then a file of the page's size, which the
service reads from the directory and checks. Needs pyarrow (`scripts/install.sh python`). Prints a line for each page: the first
time, median and 99th percentile in milliseconds, and both as ratios to the file's; then the memory of the process.
"""

import datetime
import hashlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

RATE, SECONDS = 50, 12
DAYS, WEEKS, MIB = 90, 13, 128
TOKEN = "a-token-of-more-than-24-characters"


class Group:
    """A memory cgroup of so many MiB, below the one that this script is in. Needs root."""

    def __init__(self, mib):
        own = {line.split(":")[1]: line.strip().split(":", 2)[2] for line in open("/proc/self/cgroup")}
        if "memory" in own:
            place, limit, most = f"/sys/fs/cgroup/memory{own['memory']}", "memory.limit_in_bytes", "memory.max_usage_in_bytes"
        else:
            place, limit, most = f"/sys/fs/cgroup{own.get('', '')}", "memory.max", "memory.peak"
        self.path = pathlib.Path(place) / f"emp-cost-bench-{os.getpid()}"
        self.most = self.path / most
        self.path.mkdir()
        try:
            # A folder of another file system has no such file, and is no cgroup.
            with open(self.path / limit, "r+") as file:
                file.write(str(mib << 20))
        except OSError:
            self.path.rmdir()
            raise

    def enter(self):
        """In the new process, before it becomes the program."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def end(self):
        most = int(self.most.read_text()) if self.most.exists() else None
        self.path.rmdir()
        return most


def of_days(rows):
    """The rows as often as it takes for them to be of 90 days."""
    import pyarrow as pa

    dates = sorted(set(rows.column("date").to_pylist()) - {None})
    first = datetime.date.fromisoformat(dates[-1])
    tables = []
    for n in range(-(-DAYS // len(dates))):
        moved = {date: str(first - datetime.timedelta(days=n * len(dates) + back)) for back, date in enumerate(reversed(dates))}
        column = pa.array([moved.get(date) for date in rows.column("date").to_pylist()], rows.schema.field("date").type)
        tables.append(rows.set_column(rows.schema.get_field_index("date"), rows.schema.field("date"), column))
    return pa.concat_tables(tables).sort_by("date")


def pointer_to(lake, name, own, dates, more):
    files = []
    for path in sorted((lake / own).iterdir()):
        content = path.read_bytes()
        files.append({"name": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)})
    for at in dates:
        place = lake / "reports" / f"cluster={name}" / at
        place.mkdir(parents=True, exist_ok=True)
        date = own.split("/")[2].removeprefix("date=")
        text = json.dumps({**more, "cluster_id": name, "date": date, "folder": own, "files": files})
        (place / "report.json").write_text(text)


def copied(lake, into, count):
    """The latest report of the lake's first cluster, under other names, and the weeks before it."""
    # Here, because what measures the ingest needs neither.
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = sorted((pathlib.Path(lake) / "reports").glob("cluster=*"))[0]
    name = source.name.removeprefix("cluster=")
    pointer = json.loads((source / "latest" / "report.json").read_text())
    folder = pathlib.Path(lake) / pointer["folder"]
    rows = of_days(pq.read_table(folder / "workload_day.parquet"))
    analysis = (folder / "analysis.json").read_text()
    last = datetime.date.fromisoformat(pointer["date"])
    for n in range(count):
        new = f"fleet-{n:03}"
        renamed = rows.set_column(0, rows.schema.field(0), pa.array([new] * rows.num_rows))
        first = None
        for week in range(WEEKS):
            date = f"date={last - datetime.timedelta(weeks=week)}"
            own = f"reports/cluster={new}/{date}/report={pointer['folder'].rstrip('/').rsplit('=', 1)[1]}/"
            target = into / own
            target.mkdir(parents=True)
            if first is None:
                pq.write_table(renamed, target / "workload_day.parquet", compression="zstd")
                (target / "analysis.json").write_text(analysis.replace(f'"cluster_id": "{name}"', f'"cluster_id": "{new}"', 1))
                shutil.copy(folder / "index.html", target / "index.html")
                first = target
            else:
                os.link(first / "analysis.json", target / "analysis.json")
            pointer_to(into, new, own, [date] + (["latest"] if week == 0 else []), pointer)
    return rows.num_rows


def put_files(into, sizes):
    """A report with a file of each size, that no other page reads."""
    own = "reports/cluster=files/date=2026-01-01/report=0123456789ab/"
    (into / own).mkdir(parents=True)
    for size in sizes:
        (into / own / f"{size}.txt").write_bytes(os.urandom(size))
    window = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    pointer_to(into, "files", own, ["latest"], {"window": window})


def serving(binary, lake, folder, preexec=None, more=""):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    (folder / "key").write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
    (folder / "token").write_text(TOKEN)
    (folder / "config.toml").write_text(
        f'public_url = "{url}"\nkey_file = "{folder}/key"\n[limits]\nrequests_a_minute = 60000\n{more}'
        f'[sign_in.static]\ntoken_file = "{folder}/token"\ngroups = ["all"]\n'
        '[[rule]]\nname = "all"\ngroups = ["all"]\nrole = "admin"\nclusters = ["*"]\n'
    )
    words = [] if pathlib.Path(binary).name == "emp-cost-service" else ["serve"]
    command = [binary, "--quiet", *words, "--lake", lake, "--config", folder / "config.toml", "--listen", f"127.0.0.1:{port}"]
    begun = time.monotonic()
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.DEVNULL, preexec_fn=preexec)
    while True:
        try:
            urllib.request.urlopen(url + "/healthz")
            return process, url, time.monotonic() - begun
        except OSError:
            time.sleep(0.005)


def sign_in(url):
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *words):
            return None

    body = urllib.parse.urlencode({"token": TOKEN}).encode()
    request = urllib.request.Request(url + "/sign-in", body, {"origin": url})
    try:
        urllib.request.build_opener(Stay).open(request)
    except urllib.error.HTTPError as answer:
        return next(line.split(";")[0] for line in answer.headers.get_all("set-cookie") if line.startswith("emp-session"))
    raise SystemExit("no session")


def asked(url, path, cookie, times):
    begun = time.monotonic()
    with urllib.request.urlopen(urllib.request.Request(url + path, headers={"cookie": cookie})) as answer:
        size = len(answer.read())
    times.append((1000 * (time.monotonic() - begun), size))


def measured(url, path, cookie, seconds):
    """Requests at the rate, each in a thread of its own, so that a slow one delays no other."""
    times, threads, begun = [], [], time.monotonic()
    for n in range(RATE * seconds):
        time.sleep(max(0, begun + n / RATE - time.monotonic()))
        thread = threading.Thread(target=asked, args=(url, path, cookie, times))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    values = sorted(value for value, _ in times)
    if len(values) < RATE * seconds:
        raise SystemExit(f"{path}: {RATE * seconds - len(values)} requests failed")
    return statistics.median(values), values[int(0.99 * len(values))]


def main(binary, lake, count=300):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        into = folder / "lake"
        rows = copied(lake, into, int(count))
        print(f"{count} clusters, {rows} rows each, {DAYS} days, {WEEKS} reports each")
        group = Group(MIB)

        def alone():
            group.enter()
            os.sched_setaffinity(0, {0})

        process, url, start = serving(binary, into, folder, preexec=alone)
        os.sched_setaffinity(0, set(range(os.cpu_count())) - {0} or {0})
        try:
            cookie = sign_in(url)
            pages = ["/", "/?q=fleet-1&sort=today", "/clusters/fleet-007", "/costs?cluster=fleet-007&by=workload"]
            pages += ["/costs?cluster=fleet-007&by=day", "/costs", "/costs?by=label:team", "/showback"]
            firsts = {}
            for path in pages:
                first = []
                asked(url, path, cookie, first)
                firsts[path] = first[0]
            put_files(into, {size for _, size in firsts.values()})
            # One report more is another answer over all of them, for which that report alone is read.
            time.sleep(16)
            for path in pages:
                asked(url, path, cookie, [])
                asked(url, path, cookie, [])
            time.sleep(16)
            for path in pages:
                asked(url, path, cookie, [])
            print(f"start {1000 * start:.0f} ms")
            for path, (first, size) in firsts.items():
                median, most = measured(url, path, cookie, SECONDS)
                of_file, most_of_file = measured(url, f"/clusters/files/files/{size}.txt", cookie, SECONDS)
                print(
                    f"{path:42} {size / 1024:5.0f} KiB  first {first:7.1f} ms  median {median:6.1f} ms  p99 {most:6.1f} ms  "
                    f"of a file: {median / of_file:5.1f} and {most / most_of_file:5.1f}"
                )
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            print(*(line for line in status.splitlines() if line.startswith(("VmHWM", "VmRSS"))), sep="\n")
        finally:
            process.terminate()
            process.wait()
            print(f"most memory in its cgroup {(group.end() or 0) >> 20} MiB, with the cache of files")


if __name__ == "__main__":
    main(*sys.argv[1:])
