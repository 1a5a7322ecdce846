"""Measures how long one replica of the reporting service takes for the hours of many clusters, and with how much memory.

    cargo run --release -p emp-cost-lake --example fleet FLEET CLUSTERS 3000
    python3 scripts/bench/ingest.py BINARY FLEET

FLEET is a directory that the example wrote: one hour of each cluster. Each cluster gets a token on the Install page, and its
hour is pushed as a collector does: what is there is asked for, then the tables, then the manifest. Sixteen push at a time, from
the same machine, so that the processor is shared with whoever pushes. BINARY is `emp-cost` or `emp-cost-service`. The replica is
kept to 256 MiB by a cgroup, which needs root. Prints the time, what 1,000 clusters take at this rate, and the most memory.
"""

import http.client
import pathlib
import queue
import re
import sys
import tempfile
import threading
import time
import urllib.parse

import service

LIMIT = 256
PUSHERS = 16


def install(url, cookie, name):
    """The token of a cluster, from its Install page."""
    host = urllib.parse.urlsplit(url).netloc
    line = http.client.HTTPConnection(host)
    line.request("GET", "/install", headers={"cookie": cookie})
    csrf = re.search(r'name="csrf" value="([^"]+)"', line.getresponse().read().decode())[1]
    form = urllib.parse.urlencode({"csrf": csrf, "cluster": name})
    headers = {"cookie": cookie, "origin": url, "content-type": "application/x-www-form-urlencoded"}
    line.request("POST", "/install", form, headers)
    return re.search(r"empProfiler\.token=(\S+)", line.getresponse().read().decode())[1]


def hours(fleet):
    """By cluster, the keys and files of its hour, the manifest last."""
    found = {}
    for path in sorted((pathlib.Path(fleet) / "v1").rglob("*")):
        if path.is_file():
            key = path.relative_to(fleet).as_posix()
            found.setdefault(re.search(r"cluster=([^/]+)", key)[1], []).append((key, path))
    return {name: sorted(files, key=lambda file: file[0].startswith("v1/manifest")) for name, files in found.items()}


def push(host, work, times, failed):
    line = http.client.HTTPConnection(host)
    while True:
        try:
            token, files = work.get_nowait()
        except queue.Empty:
            return
        begun = time.monotonic()
        headers = {"authorization": f"Bearer {token}"}
        manifest = files[-1][0]
        asked = [("GET", f"/ingest/v1/names?prefix={manifest.rsplit('/', 1)[0]}/", None)]
        asked += [("PUT", f"/ingest/v1/objects/{key}", path.read_bytes()) for key, path in files]
        for method, path, body in asked:
            line.request(method, path, body, headers)
            answer = line.getresponse()
            answer.read()
            if answer.status not in (200, 201):
                failed.append((path, answer.status))
        times.append(time.monotonic() - begun)


def main(binary, fleet):
    clusters = hours(fleet)
    size = sum(path.stat().st_size for files in clusters.values() for _, path in files)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "lake").mkdir()
        group = service.Group(LIMIT)
        process, url, _ = service.serving(
            binary, folder / "lake", folder, preexec=group.enter, more="ingest_a_minute = 60000\n"
        )
        try:
            cookie = service.sign_in(url)
            work = queue.Queue()
            for name, files in clusters.items():
                work.put((install(url, cookie, name), files))
            times, failed, begun = [], [], time.monotonic()
            host = urllib.parse.urlsplit(url).netloc
            threads = [threading.Thread(target=push, args=(host, work, times, failed)) for _ in range(PUSHERS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            took = time.monotonic() - begun
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            most = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
        finally:
            process.terminate()
            process.wait()
            with_cache = group.end()
        manifests = len(list((folder / "lake" / "v1" / "manifest").rglob("*.json")))
    if failed or manifests != len(clusters):
        raise SystemExit(f"{len(failed)} requests failed, {manifests} of {len(clusters)} hours are there: {failed[:3]}")
    rate = len(clusters) / took
    times.sort()
    print(f"{len(clusters)} clusters, {size / len(clusters) / 1e6:.2f} MB each, in {took:.1f} s")
    print(f"an hour: median {times[len(times) // 2]:.2f} s, p99 {times[int(0.99 * len(times))]:.2f} s, slowest {times[-1]:.2f} s")
    print(f"1,000 clusters at this rate: {1000 / rate / 60:.1f} minutes")
    cache = f", {with_cache >> 20} MiB with the cache of files" if with_cache else ""
    print(f"most memory {most:.0f} MiB{cache}, of {LIMIT} MiB that its cgroup allows")


if __name__ == "__main__":
    main(*sys.argv[1:])
