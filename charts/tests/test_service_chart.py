"""The chart of the reporting service, by what Helm renders from it. Run by charts/tests/run.py."""

import json
import pathlib
import subprocess
import tempfile
import tomllib
import unittest

import kubernetes_validate
import yaml

import chart
from chart import CUSTOM, KUBERNETES, ROOT

CHART = ROOT / "charts" / "emp-cost-service"
WORKERS = {"image": "registry.example/emp-cost:0.1.0"}
BASE = {
    "lake": "s3://my-bucket/emp-cost",
    "image": "registry.example/emp-cost-service:0.1.0",
    "workers": WORKERS,
    "config": {
        "publicUrl": "https://cost.example.com",
        "toml": '[[rule]]\nname = "all \\" odd: {{ x }}"\ngroups = ["a"]\nrole = "viewer"\nclusters = ["*"]\n',
    },
    "secretName": "emp-cost-service",
}
CASES = {
    "base": {},
    "ingress": {"ingress": {"enabled": True, "host": "cost.example.com", "className": "alb", "tlsSecret": "tls"}},
    "gateway": {
        "gateway": {"enabled": True, "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}]},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    },
    "scaled": {"workers": {**WORKERS, "pricesConfigMap": "prices", "assumptionsConfigMap": "a", "autoscaling": {"enabled": True}}},
    "no-workers": {"workers": {"replicas": 0}, "serviceAccount": {"create": False, "name": "own"}},
    "irsa": {"aws": {"roleArn": "arn:aws:iam::111122223333:role/x", "region": "eu-west-1"}},
    "own-s3": {"aws": {"endpoint": "https://s3.example:9000"}, "networkPolicy": {"from": [{"podSelector": {}}]}},
}
REFUSED = {
    "lake is required": {"lake": ""},
    "image is required": {"image": ""},
    "workers.image is required": {"workers": {}},
    "config.publicUrl is required": {"config": {**BASE["config"], "publicUrl": ""}},
    "secretName is required": {"secretName": ""},
    "without a rule nobody": {"config": {**BASE["config"], "toml": ""}},
    "publicUrl": {"config": {**BASE["config"], "publicUrl": "http://cost.example.com"}},
    "ingress.host": {"ingress": {"enabled": True}},
    "gateway.parentRefs": {"gateway": {"enabled": True}},
    "choose one": {
        "ingress": {"enabled": True, "host": "cost.example.com"},
        "gateway": {"enabled": True, "parentRefs": [{"name": "a"}]},
    },
    "hostnames": {"gateway": {"enabled": True, "parentRefs": [{"name": "a"}], "hostnames": ["https://x"]}},
    "replicaz": {"replicaz": 3},
    "lake": {"lake": "gs://bucket"},
}


def merged(more):
    return {**BASE, **more}


def render(helm, values, kubernetes=KUBERNETES[1]):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values, file)
        file.flush()
        words = [helm, "template", "emp", CHART, "--namespace", "emp", "--values", file.name, "--kube-version", kubernetes]
        return subprocess.run([*map(str, words)], capture_output=True, text=True)


class ServiceChart(unittest.TestCase):
    def objects(self, name, kubernetes=KUBERNETES[1]):
        output = render(next(iter(chart.helms().values())), merged(CASES[name]), kubernetes)
        self.assertEqual(output.returncode, 0, output.stderr)
        return [one for one in yaml.safe_load_all(output.stdout) if one]

    def test_every_manifest_is_valid_in_three_versions_of_kubernetes_and_every_helm_renders_the_same(self):
        for name in CASES:
            for kubernetes in KUBERNETES:
                for one in self.objects(name, kubernetes):
                    if one["kind"] in CUSTOM:
                        continue
                    with self.subTest(case=name, kubernetes=kubernetes, kind=one["kind"]):
                        kubernetes_validate.validate(one, kubernetes, strict=True)
            texts = {render(helm, merged(CASES[name])).stdout for helm in chart.helms().values()}
            self.assertEqual(len({json.dumps(list(yaml.safe_load_all(text)), sort_keys=True) for text in texts}), 1, name)

    def test_wrong_values_are_refused_and_the_message_names_them(self):
        for says, more in REFUSED.items():
            with self.subTest(says=says):
                output = render(next(iter(chart.helms().values())), merged(more))
                self.assertNotEqual(output.returncode, 0, "it was rendered")
                self.assertIn(says, output.stderr)

    def test_every_pod_keeps_the_restricted_standard_and_has_no_token(self):
        seen = 0
        for name in CASES:
            for one in self.objects(name):
                if one["kind"] != "Deployment":
                    continue
                seen += 1
                pod = one["spec"]["template"]["spec"]
                self.assertIs(pod["automountServiceAccountToken"], False)
                self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                self.assertEqual(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
                for host in ("hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"):
                    self.assertNotIn(host, pod)
                for volume in pod.get("volumes", []):
                    self.assertIn((set(volume) - {"name"}).pop(), {"configMap", "secret", "emptyDir", "projected"})
                for container in pod["containers"]:
                    own = container["securityContext"]
                    self.assertEqual(own["capabilities"]["drop"], ["ALL"])
                    self.assertIs(own["allowPrivilegeEscalation"], False)
                    self.assertIs(own["readOnlyRootFilesystem"], True)
                    self.assertNotIn("privileged", own)
                    self.assertFalse([port for port in container.get("ports", []) if "hostPort" in port])
        self.assertGreaterEqual(seen, 2 * len(CASES) - 1)

    def test_a_route_leads_from_its_gateway_to_the_service(self):
        objects = self.objects("gateway")
        route = next(one for one in objects if one["kind"] == "HTTPRoute")
        self.assertEqual(route["apiVersion"], "gateway.networking.k8s.io/v1")
        self.assertEqual(route["spec"]["hostnames"], ["cost.example.com"])
        self.assertEqual(route["spec"]["parentRefs"][0]["sectionName"], "https")
        service = next(one for one in objects if one["kind"] == "Service")
        backend = route["spec"]["rules"][0]["backendRefs"][0]
        self.assertEqual((backend["name"], backend["port"]), (service["metadata"]["name"], service["spec"]["ports"][0]["port"]))
        self.assertNotIn("Ingress", {one["kind"] for one in objects})
        monitor = next(one for one in objects if one["kind"] == "ServiceMonitor")
        self.assertLessEqual(monitor["spec"]["selector"]["matchLabels"].items(), service["metadata"]["labels"].items())
        self.assertEqual(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][0]["name"])

    def test_the_configuration_arrives_as_it_was_given(self):
        text = next(one for one in self.objects("base") if one["kind"] == "ConfigMap")["data"]["config.toml"]
        config = tomllib.loads(text)
        self.assertEqual(config["public_url"], "https://cost.example.com")
        self.assertEqual(config["rule"][0]["name"], 'all " odd: {{ x }}')

    def test_a_policy_is_for_each_pod_and_selects_it(self):
        objects = self.objects("own-s3")
        policies = {one["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]: one for one in objects if one["kind"] == "NetworkPolicy"}
        for one in objects:
            if one["kind"] == "Deployment":
                labels = one["spec"]["template"]["metadata"]["labels"]
                wanted = policies[labels["app.kubernetes.io/component"]]["spec"]["podSelector"]["matchLabels"]
                self.assertLessEqual(wanted.items(), labels.items())
        ports = {port["port"] for rule in policies["work"]["spec"]["egress"] for port in rule["ports"]}
        self.assertIn(9000, ports)
        self.assertEqual(policies["work"]["spec"]["ingress"], [])

    def test_every_flag_and_variable_is_one_of_the_program(self):
        for one in self.objects("scaled"):
            if one["kind"] != "Deployment":
                continue
            container = one["spec"]["template"]["spec"]["containers"][0]
            binary = chart.binary_of(container)
            if not binary.exists():
                self.skipTest(f"{binary} is not built")
            words, flags = ([word for word in container["args"] if dashed == word.startswith("--")] for dashed in (False, True))
            text = subprocess.run([binary, *words, "--help"], capture_output=True, text=True, check=True).stdout
            for flag in flags:
                self.assertIn(flag.split("=")[0], text)
            for variable in (env["name"] for env in container["env"] if env["name"].startswith("EMP_COST_")):
                self.assertIn(f"env: {variable}", text)
