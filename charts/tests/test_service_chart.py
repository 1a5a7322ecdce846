"""The chart of the reporting service, by what Helm renders from it. Run by charts/tests/run.py."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import tomllib
import unittest

import kubernetes_validate
import yaml

import chart
from chart import CUSTOM, KUBERNETES, ROOT, env_of, find, pods

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
    # Reports and what-ifs on the same terms, and everything that a report may be given.
    "reports": {
        "workers": {
            **WORKERS, "assumptionsConfigMap": "a", "pricesConfigMap": "prices", "priceListConfigMap": "aws", "profileConfigMap": "moves",
            "sharedNamespaces": ["kube-system", "ingress"], "labels": ["team", "app.kubernetes.io/name"],
        },
        "reports": {
            "enabled": True, "clusterIds": ["prod-1", "prod-2"], "formats": ["html", "json", "focus"],
            "currency": {"code": "EUR", "rate": 0.92}, "focus": {"version": 1.3, "billingAccountId": "000011112222"},
            "invoice": {"url": "s3://my-bills/cur", "eksCluster": "production"},
            "deliveryConfigMap": "delivery", "deliverySecret": "delivery",
            "remoteWrite": {"url": "http://prometheus.monitoring:9090/api/v1/write", "tokenSecret": {"name": "push"}},
        },
    },
    "reports-alone": {"workers": {**WORKERS, "replicas": 0, "priceListClaim": "aws"}, "reports": {"enabled": True}},
    "static-keys": {
        "aws": {"endpoint": "http://minio.storage:9000", "region": "us-east-1", "credentialsSecret": "s3"},
        "caBundle": {"configMap": "company-ca", "key": "bundle.pem"},
        "proxy": {"https": "http://proxy.example:3128", "http": "http://proxy.example:3128", "noProxy": ".svc,169.254.170.23"},
        "reports": {"enabled": True},
    },
    "alerts": {
        "config": {**BASE["config"], "toml": BASE["config"]["toml"] + '[alerts]\ndeliver_file = "/etc/emp-cost/secrets/deliver.toml"\n'},
        "networkPolicy": {"mailPorts": [2525]},
    },
    "no-workers": {"workers": {"replicas": 0}, "serviceAccount": {"create": False, "name": "own"}},
    "irsa": {"aws": {"roleArn": "arn:aws:iam::111122223333:role/x", "region": "eu-west-1"}},
    "own-s3": {"aws": {"endpoint": "https://s3.example:9000"}, "networkPolicy": {"from": [{"podSelector": {}}]}},
}
REFUSED = {
    "lake is required": {"lake": ""},
    "image is required": {"image": ""},
    "workers.image is required:": {"workers": {}},
    "workers.image is required for reports too": {"workers": {"replicas": 0}, "reports": {"enabled": True}},
    "workers.priceListConfigMap or workers.priceListClaim": {"workers": {**WORKERS, "priceListConfigMap": "a", "priceListClaim": "b"}},
    "aws.roleArn or aws.credentialsSecret": {"aws": {"roleArn": "arn:aws:iam::111122223333:role/x", "credentialsSecret": "s3"}},
    "reports.currency.code and reports.currency.rate": {"reports": {"currency": {"rate": 2}}},
    "reports.invoice.eksCluster": {"reports": {"invoice": {"eksCluster": "production"}}},
    "reports.deliverySecret": {"reports": {"deliverySecret": "delivery"}},
    "reports.remoteWrite.tokenSecret is": {"reports": {"remoteWrite": {"tokenSecret": {"name": "push"}}}},
    "reports.remoteWrite.url holds credentials": {"reports": {"remoteWrite": {"url": "http://me:hunter2@prometheus:9090"}}},
    "formats": {"reports": {"formats": ["html"]}},
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


def render(helm, values, kubernetes=KUBERNETES[1], folder=CHART):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values, file)
        file.flush()
        words = [helm, "template", "emp", folder, "--namespace", "emp", "--values", file.name, "--kube-version", kubernetes]
        return subprocess.run([*map(str, words)], capture_output=True, text=True)


def rendered(name, kubernetes=KUBERNETES[1]):
    output = render(next(iter(chart.helms().values())), merged(CASES[name]), kubernetes)
    if output.returncode:
        raise AssertionError(f"{name}: {output.stderr}")
    return [one for one in yaml.safe_load_all(output.stdout) if one]


def containers(name):
    """Of each kind of pod, by its component, the container."""
    found = {}
    for _, meta, spec in pods(rendered(name)):
        (found[meta["labels"]["app.kubernetes.io/component"]],) = spec["containers"]
    return found


class ServiceChart(unittest.TestCase):
    def objects(self, name, kubernetes=KUBERNETES[1]):
        return rendered(name, kubernetes)

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
            for _, _, pod in pods(self.objects(name)):
                seen += 1
                self.assertIs(pod["automountServiceAccountToken"], False)
                self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                self.assertEqual(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
                for host in ("hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"):
                    self.assertNotIn(host, pod)
                for volume in pod.get("volumes", []):
                    self.assertIn((set(volume) - {"name"}).pop(), {"configMap", "secret", "persistentVolumeClaim"})
                for container in pod["containers"]:
                    own = container["securityContext"]
                    self.assertEqual(own["capabilities"]["drop"], ["ALL"])
                    self.assertIs(own["allowPrivilegeEscalation"], False)
                    self.assertIs(own["readOnlyRootFilesystem"], True)
                    self.assertNotIn("privileged", own)
                    self.assertFalse([port for port in container.get("ports", []) if "hostPort" in port])
        # Two of each but for two without workers, and the reports of three.
        self.assertEqual(seen, 2 * len(CASES) - 2 + 3)

    def test_a_route_leads_from_its_gateway_to_the_service(self):
        objects = self.objects("gateway")
        route = next(one for one in objects if one["kind"] == "HTTPRoute")
        self.assertEqual(route["apiVersion"], "gateway.networking.k8s.io/v1")
        self.assertEqual(route["spec"]["hostnames"], ["cost.example.com"])
        self.assertEqual(route["spec"]["parentRefs"][0]["sectionName"], "https")
        service = next(one for one in objects if one["kind"] == "Service")
        for rule in route["spec"]["rules"]:
            (backend,) = rule["backendRefs"]
            self.assertEqual((backend["name"], backend["port"]), (service["metadata"]["name"], service["spec"]["ports"][0]["port"]))
            self.assertLessEqual(len(rule["matches"]), 8, "the most that every version of the Gateway API takes")
        self.assertNotIn("Ingress", {one["kind"] for one in objects})
        monitor = next(one for one in objects if one["kind"] == "ServiceMonitor")
        self.assertLessEqual(monitor["spec"]["selector"]["matchLabels"].items(), service["metadata"]["labels"].items())
        self.assertEqual(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][0]["name"])

    def test_the_configuration_arrives_as_it_was_given(self):
        text = next(one for one in self.objects("base") if one["kind"] == "ConfigMap")["data"]["config.toml"]
        config = tomllib.loads(text)
        self.assertEqual(config["public_url"], "https://cost.example.com")
        self.assertEqual(config["rule"][0]["name"], 'all " odd: {{ x }}')

    def test_what_is_routed_is_what_is_asked_for_from_outside_and_nothing_else(self):
        """By what the manifests say of paths, against the routes in the source of the program."""
        inside = {"/metrics", "/healthz", "/readyz"}
        source = "".join((ROOT / "service/src" / f"{name}.rs").read_text() for name in ("public_routes", "pages", "api", "ingest"))
        routes = set(re.findall(r'(?:\.route\(|\b(?:get|post|put|admin)\(|\bpath: )"(/[^"]*)"', source))
        self.assertGreater(len(routes), 45)
        self.assertLess(inside, routes)
        ingress = next(one for one in self.objects("ingress") if one["kind"] == "Ingress")
        (rule,) = ingress["spec"]["rules"]
        route = next(one for one in self.objects("gateway") if one["kind"] == "HTTPRoute")
        matches = [match["path"] for rule in route["spec"]["rules"] for match in rule["matches"]]
        for paths in (
            [(one["path"], one["pathType"] == "Prefix") for one in rule["http"]["paths"]],
            [(one["value"], one["type"] == "PathPrefix") for one in matches],
        ):
            # Both match a prefix by whole elements.
            routed = {r for r in routes for path, prefix in paths if r == path or prefix and r.startswith(path.rstrip("/") + "/")}
            self.assertEqual(routes - routed, inside)
            asked = {path for path, _ in paths if any(r == path or r.startswith(path + "/") for r in routes)}
            self.assertEqual({path for path, _ in paths}, asked, "leads to nothing")

    def ports(self, name):
        """Of each kind of pod, the ports that its policy lets out to."""
        found = {}
        for one in self.objects(name):
            if one["kind"] == "NetworkPolicy":
                component = one["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
                found[component] = {port["port"] for rule in one["spec"]["egress"] for port in rule["ports"]}
        return found

    def test_a_policy_is_for_each_pod_and_selects_it(self):
        for name in CASES:
            objects = self.objects(name)
            policies = {one["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]: one for one in objects if one["kind"] == "NetworkPolicy"}
            for _, meta, _ in pods(objects):
                labels = meta["labels"]
                wanted = policies[labels["app.kubernetes.io/component"]]["spec"]["podSelector"]["matchLabels"]
                self.assertLessEqual(wanted.items(), labels.items())
            for component, policy in policies.items():
                self.assertEqual(policy["spec"]["policyTypes"], ["Ingress", "Egress"])
                self.assertEqual(policy["spec"]["ingress"] == [], component != "serve")

    def test_policies_let_out_what_is_needed_and_no_more(self):
        self.assertEqual(self.ports("base"), {"serve": {53, 443, 80}, "work": {53, 443, 80}})
        self.assertEqual(self.ports("irsa"), {"serve": {53, 443}, "work": {53, 443}})
        self.assertEqual(self.ports("own-s3"), {"serve": {53, 443, 9000, 80}, "work": {53, 443, 9000, 80}})
        self.assertEqual(self.ports("static-keys"), dict.fromkeys(("serve", "work", "reports"), {53, 443, 9000}))
        # Metrics and messages of reports.
        self.assertEqual(self.ports("reports")["reports"], {53, 443, 9090, 587, 465, 80})
        self.assertEqual(self.ports("reports")["serve"], {53, 443, 80})
        # Mail of alerts, by the service alone.
        self.assertEqual(self.ports("alerts"), {"serve": {53, 443, 2525, 80}, "work": {53, 443, 80}})
        # Port 80 is for credentials alone.
        for one in self.objects("base"):
            if one["kind"] == "NetworkPolicy":
                (rule,) = [rule for rule in one["spec"]["egress"] if {"port": 80, "protocol": "TCP"} in rule["ports"]]
                self.assertIn({"ipBlock": {"cidr": "169.254.170.23/32"}}, rule["to"])

    def test_reports_and_what_ifs_stand_on_the_same_terms(self):
        found = containers("reports")
        own = {"work": ["work"], "reports": ["run"]}
        terms = {}
        for component, command in own.items():
            args = found[component]["args"]
            self.assertEqual(args[:1], command)
            inputs = ("--assumptions", "--prices", "--price-list", "--profile", "--shared-namespace", "--label")
            terms[component] = [word for word in args if word.split("=")[0] in inputs]
        self.assertEqual(len(terms["work"]), 8)
        self.assertEqual(terms["work"], terms["reports"])
        self.assertEqual(found["work"]["image"], found["reports"]["image"])
        self.assertIn("--label=app.kubernetes.io/name", terms["work"])

    def test_reports_are_off_unless_they_are_asked_for_and_never_two_at_a_time(self):
        self.assertNotIn("CronJob", {one["kind"] for one in self.objects("base")})
        objects = self.objects("reports-alone")
        self.assertEqual([one["metadata"]["name"] for one in objects if one["kind"] == "Deployment"], ["emp-emp-cost-service"])
        spec = find(objects, "CronJob", "emp-emp-cost-service-reports")["spec"]
        self.assertEqual((spec["concurrencyPolicy"], spec["timeZone"]), ("Forbid", "Etc/UTC"))
        self.assertGreaterEqual(spec["jobTemplate"]["spec"]["activeDeadlineSeconds"], 3600)
        # Every cluster of the lake, which also makes the ranking of them.
        env = env_of(containers("reports-alone")["reports"])
        self.assertNotIn("EMP_COST_CLUSTER_ID", env)
        self.assertEqual(env["EMP_COST_LAKE"]["value"], BASE["lake"])
        self.assertEqual(env_of(containers("reports")["reports"])["EMP_COST_CLUSTER_ID"]["value"], "prod-1,prod-2")

    def test_what_helm_says_after_an_install_says_who_makes_the_reports(self):
        self.assertIn("No reports are made here (reports.enabled=false)", self.notes("base"))
        notes = self.notes("reports-alone")
        self.assertIn('Reports of every cluster of the lake are made at "30 0 * * *" UTC', notes)
        self.assertIn("cronjob/emp-emp-cost-service-reports reports-now", notes)
        self.assertIn("keep /metrics, /healthz and /readyz from outside", notes)
        self.assertNotIn("from outside", self.notes("ingress"))

    def notes(self, name):
        """The notes, rendered as a manifest would be: Helm itself renders them for a cluster only."""
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / CHART.name
            shutil.copytree(CHART, copy)
            text = (copy / "templates" / "NOTES.txt").read_text()
            (copy / "templates" / "NOTES.txt").unlink()
            wrapped = '{{- define "notes" -}}\n' + text + '{{- end }}\nnotes: {{ include "notes" . | quote }}\n'
            (copy / "templates" / "notes.yaml").write_text(wrapped)
            output = render(next(iter(chart.helms().values())), merged(CASES[name]), folder=copy)
            self.assertEqual(output.returncode, 0, output.stderr)
            return next(one for one in yaml.safe_load_all(output.stdout) if one and "notes" in one)["notes"]

    def test_workers_end_soon_and_are_evicted_one_at_a_time(self):
        objects = self.objects("base")
        work = find(objects, "Deployment", "emp-emp-cost-service-work")["spec"]["template"]
        self.assertEqual(work["spec"]["terminationGracePeriodSeconds"], 30)
        budget = find(objects, "PodDisruptionBudget", "emp-emp-cost-service-work")["spec"]
        self.assertEqual(budget["maxUnavailable"], 1)
        self.assertLessEqual(budget["selector"]["matchLabels"].items(), work["metadata"]["labels"].items())
        self.assertEqual(len([one for one in self.objects("no-workers") if one["kind"] == "PodDisruptionBudget"]), 1)

    def test_keys_authorities_and_a_proxy_reach_every_container(self):
        found = containers("static-keys")
        self.assertEqual(set(found), {"serve", "work", "reports"})
        for container in found.values():
            env = env_of(container)
            for name, key in (("AWS_ACCESS_KEY_ID", "access-key-id"), ("AWS_SECRET_ACCESS_KEY", "secret-access-key"), ("AWS_SESSION_TOKEN", "session-token")):
                reference = env[name]["valueFrom"]["secretKeyRef"]
                self.assertEqual((reference["name"], reference["key"]), ("s3", key))
            self.assertEqual(env["SSL_CERT_FILE"]["value"], "/etc/emp-cost/ca-bundle/bundle.pem")
            self.assertEqual(env["HTTPS_PROXY"]["value"], "http://proxy.example:3128")
            self.assertEqual(env["NO_PROXY"]["value"], ".svc,169.254.170.23")

    def test_every_file_named_lies_in_a_volume_that_has_it(self):
        checked = 0
        for name in CASES:
            for _, _, pod in pods(self.objects(name)):
                (container,) = pod["containers"]
                mounts = chart.mounts_of(pod, container)
                self.assertEqual(len(mounts), len(pod.get("volumes", [])), name)
                self.assertTrue(all(mount["readOnly"] for mount in container.get("volumeMounts", [])))
                files = chart.files_named(container, mounts)
                self.assertEqual([path for path, has in files if not has], [], name)
                checked += len(files)
        self.assertGreater(checked, 20)

    def test_the_right_to_delete_is_for_what_ifs_alone_and_for_all_that_is_removed_of_them(self):
        policies = {path.stem: json.loads(path.read_text())["Statement"] for path in (ROOT / "charts/iam").glob("*.json")}
        deleting = {name: one for name, statements in policies.items() for one in statements if "Delete" in json.dumps(one["Action"] if "Action" in one else one)}
        self.assertEqual(set(deleting), {"what-ifs"})
        source = (ROOT / "service/src/what_if_queue.rs").read_text()
        folders = set(re.findall(r'(?:folder:|const RESULTS: &str =) "(service/[a-z]+/)"', source))
        self.assertEqual(len(folders), 2, folders)
        (statement,) = policies["what-ifs"]
        self.assertEqual((statement["Effect"], statement["Action"]), ("Allow", "s3:DeleteObject"))
        self.assertEqual(set(statement["Resource"]), {f"arn:aws:s3:::MY-BUCKET/emp-cost/{folder}*" for folder in folders})
        # Everything else that the service does, the writer's role may.
        writer = {action for one in policies["writer"] for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])}
        self.assertEqual(writer, {"s3:ListBucket", "s3:GetObject", "s3:PutObject"})
        for name in policies:
            self.assertIn(f"charts/iam/{name}.json", (ROOT / "docs/iam.md").read_text())

    def test_names_fit_whatever_the_release_is_called(self):
        objects = []
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(merged(CASES["reports"]), file)
            file.flush()
            helm = next(iter(chart.helms().values()))
            words = [helm, "template", "a" * 53, CHART, "--values", file.name, "--kube-version", KUBERNETES[1]]
            output = subprocess.run([*map(str, words)], capture_output=True, text=True, check=True)
            objects = [one for one in yaml.safe_load_all(output.stdout) if one]
        for one in objects:
            self.assertLessEqual(len(one["metadata"]["name"]), 52 if one["kind"] == "CronJob" else 63)

    def test_the_schema_knows_every_value_and_no_other(self):
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        schema = json.loads((CHART / "values.schema.json").read_text())

        def compare(values, schema, path):
            if schema.get("additionalProperties", True) is not False:
                return
            self.assertEqual(set(values) | {"global"}, set(schema["properties"]) | {"global"}, path)
            for key, below in schema["properties"].items():
                if below.get("type") == "object" and key != "global":
                    compare(values[key], below, f"{path}{key}.")

        compare(values, schema, "")
        agents = json.loads((chart.CHART / "values.schema.json").read_text())["properties"]["analysis"]["properties"]
        self.assertEqual(schema["properties"]["reports"]["properties"]["formats"]["items"], agents["formats"]["items"])

    def help_of(self, container):
        binary = chart.binary_of(container)
        if not binary.exists():
            self.skipTest(f"{binary} is not built")
        command = [word for word in container["args"] if not word.startswith("--")]
        return subprocess.run([binary, *command, "--help"], capture_output=True, text=True, check=True).stdout

    def test_every_flag_and_variable_is_one_of_the_program(self):
        for name in ("scaled", "reports", "static-keys"):
            for container in containers(name).values():
                text = self.help_of(container)
                for flag in (word.split("=")[0] for word in container["args"] if word.startswith("--")):
                    self.assertIn(flag.removeprefix("--"), chart.options_of(text))
                for variable in env_of(container):
                    if variable.startswith("EMP_COST_"):
                        self.assertIn(f"env: {variable}", text)
                    else:
                        self.assertIn(variable.encode(), chart.binary_of(container).read_bytes(), variable)
