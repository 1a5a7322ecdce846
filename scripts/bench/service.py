"""Measures the pages of the reporting service over a fleet, as ratios to a static file in the same run.

    python3 scripts/bench/service.py BINARY LAKE [CLUSTERS]

LAKE is a directory that `emp-cost run` or `emp-cost demo --serve` wrote. The report of its first cluster is copied under
as many names as asked for (300) into a directory of its own, served, and asked for at 50 requests a second for a minute.
Needs pyarrow (`scripts/install.sh python`). Prints a line for each page: median and 99th percentile in milliseconds, and
the memory of the process at the end.
"""

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

import pyarrow as pa
import pyarrow.parquet as pq

RATE, SECONDS = 50, 60
TOKEN = "a-token-of-more-than-24-characters"


def copied(lake, into, count):
    """The latest report of the lake's first cluster, under other names."""
    reports = pathlib.Path(lake) / "reports"
    source = sorted(reports.glob("cluster=*"))[0]
    name = source.name.removeprefix("cluster=")
    pointer = json.loads((source / "latest" / "report.json").read_text())
    folder = pathlib.Path(lake) / pointer["folder"]
    rows = pq.read_table(folder / "workload_day.parquet")
    analysis = (folder / "analysis.json").read_text()
    for n in range(count):
        new = f"fleet-{n:03}"
        own = pointer["folder"].replace(f"cluster={name}/", f"cluster={new}/")
        target = pathlib.Path(into) / own
        target.mkdir(parents=True)
        renamed = rows.set_column(0, rows.schema.field(0), pa.array([new] * rows.num_rows))
        pq.write_table(renamed, target / "workload_day.parquet", compression="zstd")
        (target / "analysis.json").write_text(analysis.replace(f'"cluster_id": "{name}"', f'"cluster_id": "{new}"', 1))
        shutil.copy(folder / "index.html", target / "index.html")
        files = []
        for path in sorted(target.iterdir()):
            content = path.read_bytes()
            files.append({"name": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)})
        text = json.dumps({**pointer, "cluster_id": new, "folder": own, "files": files})
        for at in ("latest", own.split("/")[2]):
            place = pathlib.Path(into) / "reports" / f"cluster={new}" / at
            place.mkdir(exist_ok=True)
            (place / "report.json").write_text(text)


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
    command = [binary, "--quiet", "serve", "--lake", lake, "--config", folder / "config.toml", "--listen", f"127.0.0.1:{port}"]
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
    return statistics.median(values), values[int(0.99 * len(values))], times[0][1]


def main(binary, lake, count=300):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        copied(lake, folder / "lake", int(count))
        process, url, start = serving(binary, folder / "lake", folder)
        try:
            cookie = sign_in(url)
            first = []
            asked(url, "/", cookie, first)
            print(f"start {1000 * start:.0f} ms, the first page of {count} clusters {first[0][0]:.0f} ms")
            pages = ["/assets/style.css", "/", "/?q=fleet-1&sort=today", "/clusters/fleet-007", "/costs?cluster=fleet-007&by=workload"]
            for path in pages:
                asked(url, path, cookie, [])
                median, most, size = measured(url, path, cookie, SECONDS // len(pages))
                print(f"{path:45} median {median:7.1f} ms  p99 {most:7.1f} ms  {size / 1024:7.0f} KiB")
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            print(*(line for line in status.splitlines() if line.startswith(("VmHWM", "VmRSS"))), sep="\n")
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
