"""Dashboards and recording rules: that they are what Grafana and Prometheus read, and ask for what we expose."""

import json
import re
import subprocess
import tempfile
import unittest

import yaml

import chart
from chart import CHART, ROOT, case, find
from test_chart import objects

DASHBOARDS = sorted((CHART / "dashboards").glob("*.json"))


def exposed():
    """Every name of a metric that the programs expose, as their sources say it."""
    of_run = (ROOT / "cli/src/run/deliver/metrics.rs").read_text()
    names = set(re.findall(r'"(emp_cost_\w+)"', of_run))
    of_collector = (ROOT / "collector/src/health/collector_metrics.rs").read_text()
    prefix = re.search(r'Registry::with_prefix\("(\w+)"\)', of_collector)[1]
    counters = set(re.findall(r"(\w+): (?:Family<\w+, )?Counter", of_collector))
    histograms = set(re.findall(r"(\w+): Histogram,", of_collector))
    for name, field in re.findall(r'r\.register\(\s*"(\w+)",\s*"[^"]*",\s*(?:self\.)?(\w+)', of_collector):
        base = f"{prefix}_{name}"
        if field in counters:
            names.add(f"{base}_total")
        elif field in histograms:
            names |= {f"{base}_bucket", f"{base}_sum", f"{base}_count"}
        else:
            names.add(f"{base}_info" if field == "build" else base)
    return names


def dashboards():
    for path in DASHBOARDS:
        yield path.stem, json.loads(path.read_text())


def queries():
    """(where, expression) of every panel, variable and rule."""
    for name, dashboard in dashboards():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"]
    for rule in recording()["groups"][0]["rules"]:
        yield rule["record"], rule["expr"]


def recording():
    return find(objects("monitoring"), "PrometheusRule", "emp-cost-agent-recording")["spec"]


class Dashboards(unittest.TestCase):
    def test_the_chart_makes_them_only_when_asked_and_as_they_lie_here(self):
        made = [o for o in objects("minimal") if "dashboard" in o["metadata"]["name"] or o["metadata"]["name"].endswith("recording")]
        self.assertEqual(made, [])
        for name, dashboard in dashboards():
            made = find(objects("grafana"), "ConfigMap", f"emp-cost-agent-dashboard-{name}")
            self.assertEqual(made["metadata"]["labels"]["grafana_dashboard"], "1")
            self.assertEqual(made["metadata"]["annotations"], {"grafana_folder": "FinOps"})
            (text,) = made["data"].values()
            self.assertEqual(json.loads(text), dashboard)

    def test_panels_lie_beside_each_other_and_say_what_they_show(self):
        self.assertEqual(len(DASHBOARDS), 2)
        for name, dashboard in dashboards():
            taken, ids = set(), set()
            for panel in dashboard["panels"]:
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
                cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
                self.assertFalse(cells & taken, f"{name}: {panel['title']} lies over another")
                taken |= cells
                ids.add(panel["id"])
                self.assertTrue(panel["title"] and panel["description"], panel["title"])
                for one in (panel, *panel["targets"]):
                    self.assertEqual(one["datasource"], {"type": "prometheus", "uid": "${datasource}"})
            self.assertEqual(len(ids), len(dashboard["panels"]))
            self.assertEqual([v["name"] for v in dashboard["templating"]["list"]], ["datasource", "cluster"])

    def test_they_are_what_grafanas_own_types_read(self):
        checker = chart.program("grafana-schema")
        if not checker:
            self.skipTest("no `grafana-schema`; `scripts/install.sh grafana` builds one where Go is installed")
        checked = subprocess.run([checker, *DASHBOARDS], capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        # The checker finds what is wrong.
        for change in (
            lambda d: d.update(nope=1),
            lambda d: d["panels"][0].update(nope=1),
            lambda d: d["panels"][0]["options"].update(nope=1),
            lambda d: d["panels"][0]["targets"][0].update(expr=3),
            lambda d: d["panels"][0]["options"].pop("textMode"),
        ):
            wrong = json.loads(DASHBOARDS[0].read_text())
            change(wrong)
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                json.dump(wrong, file)
                file.flush()
                checked = subprocess.run([checker, file.name], capture_output=True, text=True)
                self.assertEqual(checked.returncode, 1, checked.stderr)

    def test_every_metric_that_is_asked_for_is_exposed(self):
        known, seen = exposed(), set()
        self.assertGreater(len(known), 25)
        for where, expression in queries():
            asked = set(re.findall(r"\bemp_cost_\w+", expression))
            self.assertTrue(asked, where)
            self.assertLessEqual(asked, known, where)
            seen |= asked
        # What the analysis exposes is on a dashboard, or nobody would see it; `idle` is a part of waste.
        of_run = {name for name in known if not name.startswith("emp_cost_collector_")}
        self.assertEqual(of_run - seen, {"emp_cost_idle_monthly"})

    def test_the_documents_list_every_metric_of_the_analysis(self):
        text = (ROOT / "docs/grafana.md").read_text()
        listed = set(re.findall(r"^\| `(emp_cost_\w+)`", text, re.M))
        self.assertEqual(listed, {name for name in exposed() if not name.startswith("emp_cost_collector_")})


class Newest(unittest.TestCase):
    """What the newest report no longer has is neither on a dashboard nor in a recording, although samples are looked back for."""

    # A report at 0:00 that recommends a move, and one a day later that recommends to stay and has a namespace less.
    once, again, later = "200 _x80", "90 _x23 100 _x56", "_x24 0 _x56"
    series = {
        'emp_cost_window_end_timestamp_seconds{cluster="a"}': again,
        'emp_cost_scenario_monthly{cluster="a",currency="USD",scenario="ec2-today"}': again,
        'emp_cost_recommended_saving_monthly{cluster="a",currency="USD",scenario="emp"}': once,
        'emp_cost_recommended_saving_monthly{cluster="a",currency="USD",scenario="ec2-today"}': later,
        'emp_cost_namespace_monthly{cluster="a",currency="USD",namespace="shop"}': again,
        'emp_cost_namespace_monthly{cluster="a",currency="USD",namespace="gone"}': once,
        'emp_cost_waste_monthly{cluster="a",currency="USD",kind="idle_nodes"}': once,
        'emp_cost_confidence_level{cluster="a"}': once,
        # The only report of another cluster is older, and the newest of its own.
        'emp_cost_window_end_timestamp_seconds{cluster="b"}': once,
        'emp_cost_recommended_saving_monthly{cluster="b",currency="USD",scenario="emp"}': once,
    }
    # What is found an hour after the first report, and two hours after the second.
    expected = {
        "cluster:emp_cost_recommended_saving_monthly:last3d": (
            [('{cluster="a",currency="USD"}', 200), ('{cluster="b",currency="USD"}', 200)],
            [('{cluster="a",currency="USD"}', 0), ('{cluster="b",currency="USD"}', 200)],
        ),
        "cluster:emp_cost_waste_monthly:last3d": ([('{cluster="a",currency="USD"}', 200)], []),
        "cluster:emp_cost_today_monthly:last3d": ([('{cluster="a",currency="USD"}', 90)], [('{cluster="a",currency="USD"}', 100)]),
        "cluster_namespace:emp_cost_monthly:last3d": (
            [('{cluster="a",currency="USD",namespace="gone"}', 200), ('{cluster="a",currency="USD",namespace="shop"}', 90)],
            [('{cluster="a",currency="USD",namespace="shop"}', 100)],
        ),
        "savings: Saving of what is recommended": (
            [('{cluster="a",currency="USD",scenario="emp"}', 200), ('{cluster="b",currency="USD",scenario="emp"}', 200)],
            [('{cluster="a",currency="USD",scenario="ec2-today"}', 0), ('{cluster="b",currency="USD",scenario="emp"}', 200)],
        ),
        "savings: Confidence": ([('{cluster="a"}', 200)], []),
        "namespaces: Waste": ([('{cluster="a",currency="USD"}', 200)], []),
        "namespaces: Cost by namespace": (
            [('{cluster="a",currency="USD",namespace="gone"}', 200), ('{cluster="a",currency="USD",namespace="shop"}', 90)],
            [('{cluster="a",currency="USD",namespace="shop"}', 100)],
        ),
    }

    def test_an_older_report_leaves_nothing_behind(self):
        promtool = chart.program("promtool")
        if not promtool:
            self.skipTest("no `promtool` on the PATH; it comes with the Debian package prometheus")
        asked = dict(queries())
        tests = []
        for where, moments in self.expected.items():
            # With what Grafana puts in for the cluster.
            expression = asked[where].replace("$cluster", ".*")
            for moment, samples in zip(("1h", "26h"), moments):
                found = [{"labels": labels, "value": value} for labels, value in samples]
                tests.append({"expr": expression, "eval_time": moment, "exp_samples": found})
        series = [{"series": name, "values": values} for name, values in self.series.items()]
        with tempfile.TemporaryDirectory() as folder:
            file = chart.pathlib.Path(folder) / "tests.yaml"
            file.write_text(yaml.safe_dump({"tests": [{"interval": "1h", "input_series": series, "promql_expr_test": tests}]}))
            checked = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_every_query_that_looks_back_leaves_out_what_is_older(self):
        age = "emp_cost_window_end_timestamp_seconds"
        looked = 0
        for where, expression in queries():
            for metric in re.findall(r"last_over_time\((emp_cost_\w+)", expression):
                if metric != age:
                    self.assertIn(f"unless max_over_time(timestamp({metric}", expression, where)
                    looked += 1
        self.assertGreater(looked, 15)


class Rules(unittest.TestCase):
    def test_promtool_finds_nothing_in_the_recording_rules(self):
        promtool = chart.program("promtool")
        if not promtool:
            self.skipTest("no `promtool` on the PATH; it comes with the Debian package prometheus")
        with tempfile.TemporaryDirectory() as folder:
            rules = chart.pathlib.Path(folder) / "rules.yaml"
            rules.write_text(yaml.safe_dump(recording()))
            tests = {
                "rule_files": ["rules.yaml"],
                "evaluation_interval": "5m",
                "tests": [{
                    "name": "a report of two days ago is still there, and one of four days ago is not",
                    "interval": "1h",
                    "input_series": [
                        {"series": 'emp_cost_scenario_monthly{cluster="a",currency="USD",scenario="ec2-today"}', "values": "100 _x200"},
                        {"series": 'emp_cost_scenario_monthly{cluster="a",currency="USD",scenario="emp"}', "values": "70 _x200"},
                        {"series": 'emp_cost_waste_monthly{cluster="a",currency="USD",kind="idle_nodes"}', "values": "30 _x200"},
                        {"series": 'emp_cost_waste_monthly{cluster="a",currency="USD",kind="reserved_unused"}', "values": "12 _x200"},
                        {"series": 'emp_cost_namespace_monthly{cluster="a",currency="USD",namespace="shop"}', "values": "60 _x200"},
                        {"series": 'emp_cost_window_end_timestamp_seconds{cluster="a"}', "values": "0 _x200"},
                    ],
                    "promql_expr_test": [
                        {"expr": "cluster:emp_cost_today_monthly:last3d", "eval_time": "48h",
                         "exp_samples": [{"labels": 'cluster:emp_cost_today_monthly:last3d{cluster="a",currency="USD"}', "value": 100}]},
                        {"expr": "cluster:emp_cost_waste_monthly:last3d", "eval_time": "48h",
                         "exp_samples": [{"labels": 'cluster:emp_cost_waste_monthly:last3d{cluster="a",currency="USD"}', "value": 42}]},
                        {"expr": "cluster_namespace:emp_cost_monthly:last3d", "eval_time": "48h",
                         "exp_samples": [{"labels": 'cluster_namespace:emp_cost_monthly:last3d{cluster="a",currency="USD",namespace="shop"}', "value": 60}]},
                        {"expr": "cluster:emp_cost_report_age_seconds:last3d", "eval_time": "48h",
                         "exp_samples": [{"labels": 'cluster:emp_cost_report_age_seconds:last3d{cluster="a"}', "value": 172800}]},
                        {"expr": "cluster:emp_cost_today_monthly:last3d", "eval_time": "96h", "exp_samples": []},
                    ],
                }],
            }
            (rules.parent / "tests.yaml").write_text(yaml.safe_dump(tests))
            for words in (["check", "rules", rules], ["test", "rules", rules.parent / "tests.yaml"]):
                checked = subprocess.run([promtool, *words], capture_output=True, text=True)
                self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
