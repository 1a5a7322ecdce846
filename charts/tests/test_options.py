"""What the charts can pass, against the options that the programs have. Run by charts/tests/run.py.

That every flag a chart passes exists is tested beside each chart. This is the other direction: an option that is added to a
program and reached by no value would be one that users of the chart do not have.
"""

import subprocess
import unittest

import chart
import test_chart
import test_service_chart

NOBODYS = {
    "help": "it is for people at a terminal",
    "version": "it is for people at a terminal",
    "quiet": "log lines are filtered by whoever reads them",
}
FILE = {"config": "the values of the chart are that file"}
# Of each container, the options that no value gives, and why. Any other needs a value, and a case that sets it.
AGENT = {
    "collector": {
        **NOBODYS,
        "prometheus-password": "it comes from a file, which no manifest shows",
        "once": "the Deployment waits for the next hour",
    },
    "analysis": {**NOBODYS, **FILE},
}
SERVICE = {
    "serve": NOBODYS,
    "work": {
        **NOBODYS,
        **FILE,
        "bill-only": "a what-if is always replayed",
        "invoice": "a what-if is no bill that was paid",
        "eks-cluster": "it goes with the invoice",
        "once": "workers wait for the next what-if",
    },
    "reports": {
        **NOBODYS,
        **FILE,
        "bill-only": "what-ifs and the saving are what the service shows",
        "reports": "the service reads reports beside the data",
        "metrics-file": "metrics are pushed; nobody scrapes files of this pod",
    },
}


def options_of(container):
    """The options of the program that a container starts, each with the variable that gives it too."""
    command = [word for word in container.get("args", []) if not word.startswith("--")]
    words = [chart.binary_of(container), *command, "--help"]
    return chart.options_of(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


class Options(unittest.TestCase):
    def compare(self, containers, name, without):
        options = options_of(containers[0])
        self.assertGreater(len(options), 5, name)
        reached = set().union(*(chart.given(container, options) for container in containers))
        self.assertEqual(set(options) - reached, set(without), f"{name}: give each a value and a case, or a reason here")
        for reason in without.values():
            self.assertTrue(reason)

    def test_the_chart_of_the_agent_gives_every_option(self):
        for name, without in AGENT.items():
            specs = [spec["containers"][0] for _, _, spec in test_chart.everything()]
            self.compare([one for one in specs if one["name"] == name], name, without)

    def test_the_chart_of_the_service_gives_every_option(self):
        found = [test_service_chart.containers(name) for name in test_service_chart.CASES]
        for name, without in SERVICE.items():
            self.compare([one[name] for one in found if name in one], name, without)

    def test_a_help_text_is_read_as_options_and_their_variables(self):
        text = (
            "Options:\n      --lake <LAKE>\n          The lake\n\n          [env: EMP_COST_LAKE=]\n"
            "      --url <URL>\n          Its value is hidden\n\n          [env: EMP_COST_URL]\n"
            "      --rate <RATE>\n          Needs\n          --currency\n  -h, --help\n          Print help\n"
        )
        options = chart.options_of(text)
        self.assertEqual(options, {"lake": "EMP_COST_LAKE", "url": "EMP_COST_URL", "rate": None, "help": None})
        container = {"args": ["run", "--rate=2"], "env": [{"name": "EMP_COST_LAKE", "value": "x"}]}
        self.assertEqual(chart.given(container, options), {"lake", "rate"})
