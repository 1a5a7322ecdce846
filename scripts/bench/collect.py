#!/usr/bin/env python3
"""What collecting one closed hour takes, beside fetching the answers to the same queries and dropping them.

    cargo build --workspace --all-targets
    PATH=$PWD/target/tools:$PATH scripts/bench/collect.py [--copies 10] [--rounds 5] [--in-a-row 1,10,168] [--one-in 16]

A real Prometheus holds one hour of a synthetic cluster, COPIES times over. That hour is collected to a directory and to
a real S3 server; in between, the same queries are asked and
the answers dropped. Printed are medians, their ratios, and the most
memory each process ever had resident. `--in-a-row 1,10,168` adds backfills of so many hours, of one pod in `--one-in`, by
the collector and by `emp-cost collect`, whose memory is to be that of one hour, and with `--copies 0` measures that alone.
Nothing here passes or fails: it prints.
"""

import argparse
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target" / "debug"
END = 1_782_864_000
COLLECTOR = TARGET / "emp-cost-collector"
EMP_COST = TARGET / "emp-cost"
HOUR = TARGET / "examples" / "hour"
SERVE = TARGET / "examples" / "serve"


def run(args, **env):
    """Runs a program to its end: seconds, peak MiB resident, what it printed, seconds of CPU."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([str(arg) for arg in args], stdout=output, stderr=output, env=os.environ | env)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begun
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise SystemExit(f"{args[0]} ended with {process.returncode}:\n{text}")
    return seconds, usage.ru_maxrss / 1024, text, usage.ru_utime + usage.ru_stime


class Served:
    """A Prometheus with the last hours of the synthetic cluster."""

    def __init__(self, hours, copies, one_in=1):
        args = [str(SERVE), str(hours), "42", str(copies), str(END), str(one_in)]
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("`serve` ended; is `prometheus` on the PATH?")
        print(line.strip())
        self.url = line.split()[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Minio:
    """A real S3 server with one bucket."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp()
        os.mkdir(os.path.join(self.folder, "lake"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "emp-cost-test",
            "AWS_SECRET_ACCESS_KEY": "emp-cost-test-secret",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        secrets = {"MINIO_ROOT_USER": "emp-cost-test", "MINIO_ROOT_PASSWORD": "emp-cost-test-secret"}
        self.process = subprocess.Popen(
            ["minio", "server", "--quiet", "--address", f"127.0.0.1:{port}", "--console-address", "127.0.0.1:0", self.folder],
            env=os.environ | secrets | {"MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "HOME": self.folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/minio/health/live").close()
                return self
            except OSError:
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def moment(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def by_collector(url, lake, hours):
    """The collector itself, as it runs in a cluster, for the last hours of the data."""
    args = [COLLECTOR, "--once", "--prometheus-url", url, "--lake", lake, "--cluster-id", "bench", "--listen", ""]
    # One more: the last scrape still shows in the hour after the data, which is tried first and left out.
    args += ["--reach", moment(END - hours * 3600), "--hours-per-run", hours + 1]
    return run(args, MALLOC_ARENA_MAX="1")  # as in its image


def by_command(url, lake, hours):
    """`emp-cost collect` for the same hours."""
    span = ["--from", moment(END - hours * 3600), "--to", moment(END)]
    return run([EMP_COST, "collect", "--prometheus-url", url, "--lake", lake, "--cluster-id", "bench", *span])


def one_hour(url, rounds):
    fetched, to_folder, to_s3 = [], [], []
    with Minio() as minio:
        for n in range(rounds):
            fetched.append(run([HOUR, "fetch", url, END - 3600]))
            with tempfile.TemporaryDirectory() as lake:
                to_folder.append(run([HOUR, "collect", url, END - 3600, lake]))
            to_s3.append(run([HOUR, "collect", url, END - 3600, f"s3://lake/{n}"], **minio.environment))
    print(f"fetched: {fetched[0][2].strip()}; collected: {to_folder[0][2].strip()}")
    floor = statistics.median(result[0] for result in fetched)
    for name, results in [("fetch alone", fetched), ("to a directory", to_folder), ("to S3", to_s3)]:
        seconds = statistics.median(result[0] for result in results)
        peak = max(result[1] for result in results)
        cpu = statistics.median(result[3] for result in results)
        print(f"{name:<15} {seconds:7.3f} s  ratio {seconds / floor:5.2f}  {cpu:6.3f} s of CPU  peak {peak:6.1f} MiB resident")


def in_a_row(all_hours, one_in):
    with Served(max(all_hours), 1, one_in) as served, tempfile.TemporaryDirectory() as folder:
        for name, collect in [("emp-cost-collector", by_collector), ("emp-cost collect", by_command)]:
            first = None
            for hours in all_hours:
                lake = pathlib.Path(folder) / name / str(hours)
                seconds, peak, _, _ = collect(served.url, lake, hours)
                written = len(list(lake.rglob("hour=*.json")))
                first = first or peak
                print(f"{name}: {written} hours in {seconds:.1f} s, peak {peak:.1f} MiB resident, ratio {peak / first:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--copies", type=int, default=10, help="size of the cluster; 10 is near 10,000 containers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--in-a-row", default="", help="also backfill so many hours, such as 1,10,168")
    parser.add_argument("--one-in", type=int, default=16, help="of one pod in so many; 16 are near 60 pods")
    args = parser.parse_args()
    if args.copies:
        with Served(1, args.copies) as served:
            one_hour(served.url, args.rounds)
    if args.in_a_row:
        in_a_row([int(hours) for hours in args.in_a_row.split(",")], args.one_in)


if __name__ == "__main__":
    main()
