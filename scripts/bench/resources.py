"""Peak memory and time of what the chart runs, for docs/sizing.md and the resources in the chart's values.

    python3 scripts/bench/resources.py collector [COPIES]    # of the synthetic cluster, about 1,000 containers each
    python3 scripts/bench/resources.py analysis [CONTAINERS] [DAYS]

Needs `cargo build --workspace --all-targets`, a `prometheus` on the PATH, and room in the temporary folder. Memory is
the largest resident set the kernel counted; of a Prometheus in the same run it is given too, for comparison.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

DEBUG = pathlib.Path(__file__).resolve().parents[2] / "target" / "debug"


def measured(words, env=None):
    """Runs a program; (seconds, its own peak in MiB, output)."""
    begun = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([str(word) for word in words], stdout=said, stderr=subprocess.STDOUT, env=env)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if process.returncode:
        sys.exit(f"{words[0]} ended with {process.returncode}:\n{text}")
    return time.monotonic() - begun, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime, text


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def collector(copies):
    settled = int(time.time()) - 600
    end = settled - settled % 3600
    serve = subprocess.Popen(
        [DEBUG / "examples" / "serve", "3", "3", str(copies), str(end)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        line = serve.stdout.readline()
        url = re.match(r"(http://\S+) holds", line)[1]
        (server,) = children(serve.pid)
        before = resident_mib(server)
        with tempfile.TemporaryDirectory() as lake:
            seconds, mib, cpu, text = measured(
                [DEBUG / "emp-cost-collector", "--once", "--prometheus-url", url, "--lake", lake, "--cluster-id", "x", "--reach", "10d"]
            )
            files = [p for p in pathlib.Path(lake).rglob("hour=*.parquet")]
            size = sum(p.stat().st_size for p in files)
            hours = len(list(pathlib.Path(lake).rglob("hour=*.json")))
        print(line.strip())
        print("\n".join(line for line in text.splitlines() if "hour written" in line or "collected" in line))
        print(f"collector: {hours} hours, peak {mib:.0f} MiB, {seconds:.1f} s, {cpu:.1f} s of processor, {size / hours / 2**20:.1f} MiB an hour in the lake")
        print(f"Prometheus: peak {before:.0f} MiB after loading, {resident_mib(server):.0f} MiB after the queries")
    finally:
        serve.stdin.close()
        serve.wait()


def analysis(containers, days):
    with tempfile.TemporaryDirectory() as folder:
        lake = pathlib.Path(folder) / "lake"
        measured([DEBUG / "examples" / "scale", lake, containers, days])
        seconds, mib, cpu, text = measured([DEBUG / "emp-cost", "run", "--lake", lake, "--window", "all"])
        print("\n".join(line for line in text.splitlines() if "compact" in line or "analyze" in line))
        print(f"first run, which compacts: peak {mib:.0f} MiB, {seconds:.1f} s, {cpu:.1f} s of processor")
        seconds, mib, cpu, _ = measured([DEBUG / "emp-cost", "run", "--lake", lake, "--window", "all"])
        size = sum(p.stat().st_size for p in lake.rglob("day*.parquet"))
        print(f"second run: peak {mib:.0f} MiB, {seconds:.1f} s, {cpu:.1f} s of processor; days are {size / days / 2**20:.1f} MiB each")


if __name__ == "__main__":
    what, *numbers = sys.argv[1:] or ["?"]
    if what == "collector":
        collector(int(numbers[0]) if numbers else 10)
    elif what == "analysis":
        analysis(int(numbers[0]) if numbers else 10000, int(numbers[1]) if numbers[1:] else 7)
    else:
        sys.exit(__doc__)
