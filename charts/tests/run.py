"""Runs the tests of the chart, and says what could not run.

    python3 charts/tests/run.py

What is missing is said in one line and skipped; with CI=true it fails instead. The last line counts, in the words of
`cargo test`, so that scripts/test.sh adds it up with the others.
"""

import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
TESTS = ("test_chart", "test_options", "test_grafana", "test_service_chart", "test_end_to_end", "test_service_end_to_end")


def missing():
    """What the tests need and is not there, as (tests, why)."""
    try:
        import kubernetes_validate  # noqa: F401
        import yaml  # noqa: F401
    except ImportError as error:
        no_module = f"no Python module `{error.name}`; see scripts/install.sh python"
        return [(TESTS[0], no_module), *((name, "the same") for name in TESTS[1:])]
    import chart

    found = []
    if not chart.helms():
        found += [(name, "no Helm; `scripts/install.sh helm` builds one where Go is installed") for name in TESTS]
        return found
    for binary in ("emp-cost", "emp-cost-collector", "emp-cost-service", "examples/serve"):
        if not (chart.ROOT / "target" / "debug" / binary).exists():
            found += [(name, f"target/debug/{binary} is not built; run cargo build --workspace --all-targets") for name in ("test_chart", "test_options", "test_end_to_end", "test_service_end_to_end")]
            return found
    if not chart.program("minio"):
        found.append(("test_service_end_to_end", "no `minio`; see scripts/install.sh"))
    if not chart.program("minio") or not chart.program("prometheus"):
        found.append(("test_end_to_end", "no `prometheus` or no `minio`; see scripts/install.sh"))
    if len(chart.helms()) < 2:
        print(f"chart: only {', '.join(chart.helms())}: what the other Helm renders was not compared", file=sys.stderr)
    print("chart: rendered without its dependency `prometheus`, which only a network can bring", file=sys.stderr)
    return found


def main():
    absent = dict(missing())
    for name, why in absent.items():
        print(f"skipped: {name}: {why}", file=sys.stderr)
    loader, suite = unittest.TestLoader(), unittest.TestSuite()
    # The service's chart needs no binary but for one test, which says so.
    for name in TESTS:
        if name not in absent and (len(sys.argv) < 2 or name in sys.argv[1:]):
            suite.addTests(loader.loadTestsFromName(name))
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2, buffer=False).run(suite)
    for test, why in result.skipped:
        print(f"skipped: {test}: {why}", file=sys.stderr)
    # Of a test that fails in many cases, one.
    broken = {getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors}
    failed = len(broken) + len(loader.errors)
    in_ci = os.environ.get("CI") == "true"
    if in_ci:
        failed += len(absent) + len(result.skipped)
    passed = result.testsRun - len(broken) - len(result.skipped)
    print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
