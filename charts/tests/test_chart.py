"""The chart, by what Helm renders from it. Run by charts/tests/run.py."""

import json
import re
import subprocess
import tempfile
import unittest

import kubernetes_validate
import yaml

import chart
from chart import CHART, CUSTOM, KUBERNETES, NAMESPACE, RELEASE, ROOT, case, cases, env_of, find, pods, refused

HELMS = chart.helms()
HELM = next(iter(HELMS.values()))
RENDERER = chart.Renderer()


def objects(name, kubernetes=KUBERNETES[1], more=()):
    return RENDERER.objects(HELM, case(name), kubernetes, more)


def everything():
    for values in cases():
        for name, meta, spec in pods(RENDERER.objects(HELM, values)):
            yield f"{values.stem}: {name}", meta, spec


class Rendering(unittest.TestCase):
    def test_there_are_enough_cases(self):
        self.assertGreaterEqual(len(cases()), 12)
        self.assertGreaterEqual(len(refused()), 12)

    def test_every_case_passes_the_strict_linter_of_every_helm(self):
        for helm in HELMS.values():
            for values in cases():
                with self.subTest(helm=helm, case=values.stem):
                    lint = RENDERER.run(
                        helm, "lint", "--strict", RENDERER.chart, "--values", values, "--kube-version", KUBERNETES[1]
                    )
                    self.assertEqual(lint.returncode, 0, lint.stdout + lint.stderr)
                    self.assertNotIn("[WARNING]", lint.stdout)

    def test_every_helm_renders_the_same(self):
        for values in cases():
            first, *others = (RENDERER.objects(helm, values) for helm in HELMS.values())
            for other in others:
                self.assertEqual(first, other, values.stem)

    def test_every_manifest_is_valid_in_three_versions_of_kubernetes(self):
        seen = set()
        for kubernetes in KUBERNETES:
            for values in cases():
                for one in RENDERER.objects(HELM, values, kubernetes):
                    # Many cases share many objects; each is checked once.
                    key = (kubernetes, json.dumps(one, sort_keys=True))
                    if one["kind"] in CUSTOM or key in seen:
                        continue
                    seen.add(key)
                    with self.subTest(kubernetes=kubernetes, case=values.stem, kind=one["kind"]):
                        kubernetes_validate.validate(one, kubernetes, strict=True)
        self.assertGreater(len(seen), 150)

    def test_the_validator_refuses_what_is_wrong(self):
        wrong = find(objects("minimal"), "Deployment")
        wrong = json.loads(json.dumps(wrong))
        wrong["spec"]["replicaz"] = 1
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(wrong, KUBERNETES[1], strict=True)

    def test_an_older_kubernetes_is_refused(self):
        output = RENDERER.template(HELM, case("minimal"), "1.26.0")
        self.assertNotEqual(output.returncode, 0)
        self.assertIn("incompatible with Kubernetes v1.26.0", output.stderr)
        self.assertIn("Deployment", RENDERER.text(HELM, case("minimal"), "1.33.5-eks-0123abc"))

    def test_wrong_values_are_refused_and_the_message_names_them(self):
        for values in refused():
            says = values.read_text().splitlines()[0].removeprefix("# says: ")
            for helm in HELMS.values():
                with self.subTest(helm=helm, case=values.stem):
                    output = RENDERER.template(helm, values)
                    self.assertNotEqual(output.returncode, 0, "it was rendered")
                    self.assertIn(says, output.stderr)
                    self.assertNotIn("hunter2", output.stderr)

    def test_two_cases_are_what_was_read_and_accepted(self):
        for name in ("minimal", "monitoring"):
            with self.subTest(case=name):
                snapshot = chart.TESTS / "snapshots" / f"{name}.yaml"
                # Sorted, so that the order of Helm's files does not matter.
                rendered = sorted(objects(name), key=lambda one: (one["kind"], one["metadata"]["name"]))
                text = yaml.safe_dump_all(rendered, sort_keys=True, width=120)
                if chart.os.environ.get("UPDATE_SNAPSHOTS") == "1":
                    snapshot.parent.mkdir(exist_ok=True)
                    snapshot.write_text(text)
                self.assertEqual(
                    text, snapshot.read_text(),
                    "read the difference; UPDATE_SNAPSHOTS=1 accepts it",
                )

    def test_texts_arrive_as_they_were_given(self):
        rendered = objects("odd-strings")
        given = yaml.safe_load(case("odd-strings").read_text())
        env = env_of(find(rendered, "Deployment")["spec"]["template"]["spec"]["containers"][0])
        self.assertEqual(env["EMP_COST_PROMETHEUS_TENANT"]["value"], given["prometheusClient"]["tenant"])
        self.assertEqual(env["EMP_COST_PROMETHEUS_HEADERS"]["value"], given["prometheusClient"]["headers"][0])
        config = {one["metadata"]["name"]: one["data"] for one in rendered if one["kind"] == "ConfigMap"}
        self.assertEqual(config["emp-cost-agent-collector"]["overrides.toml"], given["collector"]["overrides"])
        self.assertEqual(config["emp-cost-agent-analysis"]["prices.toml"], given["analysis"]["prices"])

    def test_what_helm_says_after_an_install_names_commands_of_this_release(self):
        for name, words in {
            "minimal": ["helm test emp-cost-agent", "logs deployment/emp-cost-agent", "cronjob/emp-cost-agent-analysis-once",
                        "s3://my-bucket/emp-cost/reports/cluster=prod-1/latest/index.html", "Pod Identity"],
            "irsa": ["s3://my-bucket/emp-cost/reports/cluster=prod-1/latest/"],
            "vendor-names": ["empProfiler.token was given and is not used", "its name here is lake.url"],
        }.items():
            notes = self.notes(name)
            for text in words:
                self.assertIn(text, notes, name)
            self.assertNotIn("not-to-be-seen", notes)

    def notes(self, name):
        """The notes, rendered as a manifest would be: Helm itself renders them for a cluster only."""
        with tempfile.TemporaryDirectory() as folder:
            copy = chart.stripped(folder)
            text = (copy / "templates" / "NOTES.txt").read_text()
            wrapped = '{{- define "notes" -}}\n' + text + '{{- end }}\nnotes: {{ include "notes" . | quote }}\n'
            (copy / "templates" / "NOTES.txt").unlink()
            (copy / "templates" / "notes.yaml").write_text(wrapped)
            output = RENDERER.run(
                HELM, "template", RELEASE, copy, "--namespace", NAMESPACE, "--values", case(name),
                "--kube-version", KUBERNETES[1], "--show-only", "templates/notes.yaml",
            )
            self.assertEqual(output.returncode, 0, output.stderr)
            return yaml.safe_load(output.stdout)["notes"]

    def test_the_package_holds_the_chart_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as folder:
            output = RENDERER.run(HELM, "package", RENDERER.chart, "--destination", folder)
            self.assertEqual(output.returncode, 0, output.stderr)
            archive = next(chart.pathlib.Path(folder).glob("*.tgz"))
            listed = subprocess.run(["tar", "-tzf", archive], capture_output=True, text=True, check=True).stdout
            packed = {name.removeprefix("emp-cost-agent/") for name in listed.split()}
            here = {str(p.relative_to(CHART)) for p in CHART.rglob("*") if p.is_file()} - {"Chart.lock"}
            self.assertEqual(packed, {name for name in here if not name.startswith("charts/")})


class Values(unittest.TestCase):
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())

    def test_the_schema_knows_every_value_and_no_other(self):
        def compare(values, schema, path):
            if schema.get("additionalProperties", True) is not False:
                return
            self.assertEqual(set(values), set(schema["properties"]), path)
            for key, below in schema["properties"].items():
                if below.get("type") == "object" and path + key != "resources":
                    compare(values[key], below, f"{path}{key}.")

        top = dict(self.schema)
        compare({k: v for k, v in self.values.items()}, top, "")

    def test_the_table_of_values_is_that_of_the_file(self):
        readme = (CHART / "README.md").read_text()
        start, end = "<!-- values: a test compares this table with values.yaml -->\n", "<!-- end of values -->\n"
        listed = readme.split(start)[1].split(end)[0]
        self.assertEqual(listed, values_table(), "write it with: python3 charts/tests/values_table.py")

    def test_every_value_has_a_comment(self):
        rows = values_table().splitlines()[2:]
        self.assertGreater(len(rows), 80)
        for row in rows:
            self.assertFalse(row.endswith("|  |"), row)

    def test_the_labels_asked_of_kube_state_metrics_are_those_that_doctor_asks_for(self):
        source = (ROOT / "collector/src/doctor/node_labels.rs").read_text()
        allow = re.search(r"const ALLOW: [^=]*= (?:&)?\[(.*?)\];", source, re.S)[1]
        wanted = re.findall(r'"([^"]+)"', allow)
        nodes = self.values["prometheus"]["kube-state-metrics"]["metricLabelsAllowlist"][0]
        given = re.fullmatch(r"nodes=\[(.*)\]", nodes)[1].split(",")
        self.assertEqual(sorted(wanted), sorted(given))

    def test_the_annotations_that_tell_load_balancers_apart_are_those_the_doctor_asks_for(self):
        source = (ROOT / "collector/src/doctor/node_labels.rs").read_text()
        allow = re.search(r"const ALLOW_ANNOTATIONS: .*? = \[(.*?)\n\];", source, re.S)[1]
        wanted = [
            "{}=[{}]".format(resource, ",".join(re.findall(r'"([^"]+)"', keys)))
            for resource, keys in re.findall(r'"(\w+)",\s*&\[(.*?)\]', allow, re.S)
        ]
        self.assertEqual(len(wanted), 2)
        self.assertEqual(self.values["prometheus"]["kube-state-metrics"]["metricAnnotationsAllowList"], wanted)

    def test_what_is_asked_of_kube_state_metrics_beyond_its_default_is_turned_on(self):
        flags = re.findall(r'\bflag: "(--[^"]+)"', (ROOT / "collector/src/metric_catalogue.rs").read_text())
        self.assertGreater(len(flags), 0)
        self.assertEqual(self.values["prometheus"]["kube-state-metrics"]["extraArgs"], flags)

    def test_the_dependency_is_pinned_and_switched_by_its_value(self):
        meta = yaml.safe_load((CHART / "Chart.yaml").read_text())
        (dependency,) = meta["dependencies"]
        self.assertRegex(dependency["version"], r"^\d+\.\d+\.\d+$")
        self.assertEqual(dependency["condition"], "prometheus.enabled")
        self.assertEqual(meta["version"], re.search(r'\nversion = "(.*?)"', (ROOT / "Cargo.toml").read_text())[1])
        self.assertEqual(meta["appVersion"], meta["version"])


class Documents(unittest.TestCase):
    def test_every_value_the_documents_set_exists_and_every_file_they_name(self):
        table = __import__("values_table")
        service = yaml.safe_load((ROOT / "charts/emp-cost-service/values.yaml").read_text())
        of_service = {key.rsplit(".", depth)[0] for key in table.leaves(service) for depth in range(key.count(".") + 1)}
        keys, shown = {row[0] for row in table.rows()} | of_service, 0
        pages = [*(ROOT / "docs").glob("*.md"), CHART / "README.md", ROOT / "README.md"]
        for page in pages:
            text = page.read_text()
            for key in re.findall(r"--set(?:-string)? ([A-Za-z.]+)=", text):
                self.assertTrue(key in keys or key.rsplit(".", 1)[0] in keys, f"{page.name}: {key}")
                shown += 1
            # Values in running text: those below a key that either chart has.
            tops = {key.split(".")[0] for key in keys if "." in key}
            for key in re.findall(r"`([a-zA-Z]+(?:\.[a-zA-Z]+)+)(?:=[^`]*)?`", text):
                if key.split(".")[0] in tops - {"collector", "prometheus"} and not key.endswith((".json", ".toml")):
                    self.assertTrue(key in keys or key.rsplit(".", 1)[0] in keys, f"{page.name}: {key}")
            for path in re.findall(r"charts/iam/[\w-]+\.json", text):
                self.assertTrue((ROOT / path).exists(), f"{page.name}: {path}")
        self.assertGreater(shown, 20)

    def test_the_release_and_namespace_of_the_documents_are_those_the_trust_names(self):
        text = (ROOT / "docs" / "install.md").read_text()
        self.assertIn(f"--namespace {NAMESPACE} --service-account {RELEASE}", text)
        account = find(objects("minimal"), "ServiceAccount")["metadata"]
        self.assertEqual((account["namespace"], account["name"]), (NAMESPACE, RELEASE))

    def test_the_install_of_the_documents_renders(self):
        """The lines a new user copies, with the names they fill in."""
        variables = {"CLUSTER": "prod-1", "BUCKET": "my-bucket", "REGION": "eu-west-1"}
        for page in (ROOT / "README.md", CHART / "README.md", ROOT / "docs/install.md", ROOT / "docs/prometheus.md"):
            text = page.read_text().replace("\\\n", " ")
            line = next(line for line in text.splitlines() if line.startswith("helm upgrade --install"))
            for name, value in {**variables, "REGISTRY": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/emp-cost"}.items():
                line = line.replace(f"${name}", value)
            words = line.split()[5:]
            words = [word for word in words if word != "--create-namespace"]
            output = RENDERER.run(HELM, "template", RELEASE, RENDERER.chart, *words, "--kube-version", KUBERNETES[1])
            self.assertEqual(output.returncode, 0, output.stderr)
            env = env_of(find(list(yaml.safe_load_all(output.stdout)), "Deployment")["spec"]["template"]["spec"]["containers"][0])
            self.assertEqual(env["EMP_COST_LAKE"]["value"], "s3://my-bucket/emp-cost")


class Workloads(unittest.TestCase):
    def test_every_pod_keeps_the_restricted_pod_security_standard(self):
        for name, _, spec in everything():
            with self.subTest(pod=name):
                self.assertEqual(restricted_faults(spec), [])
                for container in spec["containers"]:
                    self.assertIs(container["securityContext"]["readOnlyRootFilesystem"], True)
                self.assertNotEqual(spec["securityContext"]["runAsUser"], 0)

    def test_the_server_of_the_dependency_keeps_it_too(self):
        """With the values that the dependency puts into its pod word for word; it sets none of them itself."""
        values = yaml.safe_load((CHART / "values.yaml").read_text())["prometheus"]
        containers = [values["server"], values["configmapReload"]["prometheus"]]
        pod = {
            "securityContext": values["server"]["securityContext"],
            "containers": [{"securityContext": one["containerSecurityContext"]} for one in containers],
        }
        self.assertEqual(restricted_faults(pod), [])

    def test_the_rule_of_pod_security_finds_what_is_wrong(self):
        spec = json.loads(json.dumps(next(everything())[2]))
        for change, words in [
            (lambda s: s.update(hostNetwork=True), "hostNetwork"),
            (lambda s: s["securityContext"].pop("seccompProfile"), "seccomp"),
            (lambda s: s["containers"][0]["securityContext"].update(allowPrivilegeEscalation=True), "escalation"),
            (lambda s: s["containers"][0]["securityContext"].update(capabilities={"drop": ["NET_RAW"]}), "capabilities"),
            (lambda s: s["containers"][0]["securityContext"].update(runAsUser=0), "root"),
            (lambda s: s.update(volumes=[{"name": "x", "hostPath": {"path": "/"}}]), "volume"),
        ]:
            wrong = json.loads(json.dumps(spec))
            change(wrong)
            self.assertIn(words, " ".join(restricted_faults(wrong)))

    def test_nothing_may_ask_the_kubernetes_api_unless_that_is_switched_on(self):
        for values in cases():
            rendered = RENDERER.objects(HELM, values)
            roles = [one for one in rendered if one["kind"] in ("ClusterRole", "Role")]
            mounted = {name for name, _, spec in pods(rendered) if spec["automountServiceAccountToken"] is not False}
            if values.stem == "nodes-only":
                self.assertEqual([r["rules"] for r in roles], [[{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]}]])
            if values.stem in ("nodes-only", "kubernetes-api"):
                # Those that ask it, and no other.
                self.assertEqual(mounted, {"Deployment/emp-cost-agent", "Pod/emp-cost-agent-doctor"})
                self.assertLessEqual({v for r in roles for rule in r["rules"] for v in rule["verbs"]}, {"get", "list"})
            else:
                self.assertEqual((roles, mounted), ([], set()), values.stem)
            for account in (one for one in rendered if one["kind"] == "ServiceAccount"):
                self.assertIs(account["automountServiceAccountToken"], False)

    def test_secrets_come_from_secrets_and_the_token_goes_nowhere(self):
        self.assertNotIn("not-to-be-seen", RENDERER.text(HELM, case("vendor-names")))
        # The one Secret that the chart makes is of a token that was given for a reporting service.
        for values in cases():
            made = [one["metadata"]["name"] for one in RENDERER.objects(HELM, values) if one["kind"] == "Secret"]
            self.assertEqual(made, ["emp-cost-agent-ingest"] if values.stem == "service-token" else [], values.stem)
        env = env_of(find(objects("static-keys"), "Deployment")["spec"]["template"]["spec"]["containers"][0])
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            self.assertEqual(env[name]["valueFrom"]["secretKeyRef"]["name"], "emp-cost-s3")

    def test_a_token_of_a_reporting_service_is_a_file_and_no_argument(self):
        for name, secret, key, port in (
            ("service-token", "emp-cost-agent-ingest", "token", ""),
            ("service-secret", "emp-token", "secret", ""),
            ("service-port", "emp-token", "token", ":8443"),
        ):
            rendered = objects(name)
            pod = find(rendered, "Deployment")["spec"]["template"]["spec"]
            lake = env_of(pod["containers"][0])["EMP_COST_LAKE"]["value"]
            self.assertEqual(lake, f"https://cost.example{port}?token-file=/etc/emp-cost/ingest/{key}")
            volume = next(one for one in pod["volumes"] if one["name"] == "ingest")
            self.assertEqual(volume["secret"]["secretName"], secret)
            self.assertNotIn("hunter2", json.dumps([one for one in rendered if one["kind"] != "Secret"]))

    def test_every_flag_is_one_of_the_program(self):
        for name, _, spec in everything():
            container = spec["containers"][0]
            args = container.get("args", [])
            command = args[:1]
            known = chart.options_of(help_of(container, command))
            for flag in (word.split("=")[0] for word in args[1:]):
                self.assertIn(flag.removeprefix("--"), known, f"{name}: {flag}")

    def test_every_variable_is_read_by_the_program(self):
        """Ours must be in its help; those of libraries must at least be in its bytes."""
        checked = set()
        for name, _, spec in everything():
            container = spec["containers"][0]
            command = container.get("args", [])[:1]
            content = None
            for variable in env_of(container):
                if variable.startswith("EMP_COST_"):
                    self.assertIn(f"env: {variable}", help_of(container, command), f"{name}: {variable}")
                elif variable != "RUST_BACKTRACE":
                    content = content or bytes_of(container)
                    self.assertIn(variable.encode(), content, f"{name}: {variable}")
                checked.add(variable)
        self.assertLess({"AWS_ENDPOINT_URL", "SSL_CERT_FILE", "HTTPS_PROXY", "EMP_COST_PROMETHEUS_HEADERS"}, checked)

    def test_options_of_an_analysis_arrive_as_they_were_given(self):
        rendered = objects("options")
        pod = find(rendered, "CronJob", "emp-cost-agent-analysis")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        args = pod["containers"][0]["args"]
        for word in (
            "--price-list=/etc/emp-cost/price-list/price-list.csv", "--shared-namespace=kube-system", "--shared-namespace=ingress",
            "--label=team", "--label=app.kubernetes.io/name", "--currency=EUR", "--rate=0.92", "--focus-version=1.3",
            "--billing-account-id=000011112222", "--reports=s3://my-reports/emp?kms-key=alias/r&tag=team=finops",
            "--metrics-file=/var/lib/emp-cost/metrics/emp-cost.prom",
        ):
            self.assertIn(word, args)
        self.assertNotIn("--bill-only", args)
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        self.assertEqual(volumes["price-list"]["configMap"]["name"], "aws-prices")
        self.assertEqual(volumes["metrics"]["persistentVolumeClaim"], {"claimName": "textfiles"})
        mounts = {mount["name"]: mount for mount in pod["containers"][0]["volumeMounts"]}
        # The one file that it writes.
        self.assertEqual([name for name, mount in mounts.items() if not mount.get("readOnly")], ["metrics"])
        bill = find(objects("bill-only"), "CronJob", "emp-cost-agent-analysis")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        self.assertIn("--bill-only", bill["containers"][0]["args"])
        (volume,) = bill["volumes"]
        self.assertEqual(volume["persistentVolumeClaim"], {"claimName": "aws-prices", "readOnly": True})

    def test_every_file_named_lies_in_a_volume_that_has_it(self):
        checked = 0
        for name, _, spec in everything():
            container = spec["containers"][0]
            mounts = chart.mounts_of(spec, container)
            self.assertEqual(len(mounts), len(spec.get("volumes", [])), name)
            files = chart.files_named(container, mounts)
            self.assertEqual([path for path, has in files if not has], [], name)
            checked += len(files)
        self.assertGreater(checked, 15)

    def test_selectors_select(self):
        for values in cases():
            rendered = RENDERER.objects(HELM, values)
            labels = {name: meta["labels"] for name, meta, _ in pods(rendered)}
            selected = set()
            for one in rendered:
                spec = one.get("spec", {})
                if one["kind"] == "NetworkPolicy":
                    hit = {name for name, have in labels.items() if matches(spec["podSelector"], have)}
                    self.assertTrue(hit or "collector" in one["metadata"]["name"] or "analysis" in one["metadata"]["name"])
                    selected |= hit
                if one["kind"] == "Deployment":
                    self.assertTrue(matches(spec["selector"], spec["template"]["metadata"]["labels"]))
                if one["kind"] == "Service":
                    self.assertEqual([n for n, have in labels.items() if matches({"matchLabels": spec["selector"]}, have)], ["Deployment/" + one["metadata"]["name"]])
                if one["kind"] == "ServiceMonitor":
                    service = find(rendered, "Service")
                    self.assertTrue(matches(spec["selector"], service["metadata"]["labels"]))
                    self.assertEqual(spec["endpoints"][0]["port"], service["spec"]["ports"][0]["name"])
            if values.stem != "scheduling":
                self.assertEqual(selected, set(labels), f"{values.stem}: a pod is outside of every policy")

    def test_the_network_policy_lets_out_what_is_needed_and_no_more(self):
        def ports(name, policy):
            rules = find(objects(name), "NetworkPolicy", f"emp-cost-agent-{policy}")["spec"]["egress"]
            return {port["port"] for rule in rules for port in rule["ports"]}

        self.assertEqual(ports("irsa", "collector"), {53, 443, 80, 9090})
        self.assertEqual(ports("irsa", "analysis"), {53, 443})
        self.assertEqual(ports("minimal", "analysis"), {53, 443, 80})
        self.assertEqual(ports("static-keys", "analysis"), {53, 443, 9000})
        self.assertEqual(ports("basic-auth", "collector"), {53, 443, 8443, 9090, 80})
        self.assertEqual(ports("proxy-and-ca", "analysis"), {53, 443, 80, 3128})
        # Where metrics are pushed to.
        self.assertIn(9090, ports("monitoring", "analysis"))
        # Where hours are pushed to: nobody in the cluster asks S3 then.
        self.assertEqual(ports("service-port", "collector"), {53, 443, 8443, 80, 9090})
        self.assertEqual(ports("service-token", "collector"), {53, 443, 80, 9090})
        # Mail, where anybody is told.
        self.assertEqual(ports("delivery", "analysis"), {53, 443, 587, 465, 80})
        self.assertEqual(ports("options", "analysis"), {53, 443, 25, 80})
        self.assertEqual(ports("delivery", "collector"), {53, 443, 80, 9090})
        for policy in ("collector", "analysis"):
            spec = find(objects("monitoring"), "NetworkPolicy", f"emp-cost-agent-{policy}")["spec"]
            self.assertEqual(spec["policyTypes"], ["Ingress", "Egress"])
        self.assertEqual(find(objects("minimal"), "NetworkPolicy", "emp-cost-agent-analysis")["spec"]["ingress"], [])
        self.assertIn("from", find(objects("monitoring"), "NetworkPolicy", "emp-cost-agent-collector")["spec"]["ingress"][0])
        # By default, too: who may ask the collector is named, and is not everybody.
        (scrapes,) = find(objects("minimal"), "NetworkPolicy", "emp-cost-agent-collector")["spec"]["ingress"]
        self.assertEqual([peer.get("podSelector") for peer in scrapes["from"]], [{"matchLabels": {"app.kubernetes.io/name": "prometheus"}}])
        # Where no role is given, the way to credentials is open, and only for them.
        (credentials,) = [r for r in find(objects("minimal"), "NetworkPolicy", "emp-cost-agent-analysis")["spec"]["egress"] if "to" in r]
        self.assertIn("169.254.170.23/32", {peer["ipBlock"]["cidr"] for peer in credentials["to"]})

    def test_switches_switch(self):
        kinds = lambda name: [f"{o['kind']}/{o['metadata']['name']}" for o in objects(name)]
        self.assertNotIn("Deployment/emp-cost-agent", kinds("analysis-only"))
        self.assertFalse([k for k in kinds("collector-only") if k.startswith("CronJob")])
        self.assertFalse([k for k in kinds("scheduling") if k.startswith(("NetworkPolicy", "ServiceAccount"))])
        self.assertNotIn("ServiceMonitor/emp-cost-agent", kinds("minimal"))
        self.assertIn("ServiceMonitor/emp-cost-agent", kinds("monitoring"))
        account = find(objects("irsa"), "ServiceAccount")
        self.assertEqual(
            account["metadata"]["annotations"],
            {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/emp-cost-writer", "example.com/owner": "finops"},
        )

    def test_the_collector_is_one_and_has_no_volume_of_its_own(self):
        spec = find(objects("minimal"), "Deployment")["spec"]
        self.assertEqual((spec["replicas"], spec["strategy"]), (1, {"type": "Recreate"}))
        self.assertNotIn("volumes", spec["template"]["spec"])
        self.assertFalse([o for o in objects("minimal") if o["kind"] in ("PersistentVolumeClaim", "PodDisruptionBudget")])

    def test_the_template_of_a_run_by_hand_never_fires_and_is_the_scheduled_one_but_for_its_window(self):
        rendered = objects("assumptions")
        scheduled, once = (find(rendered, "CronJob", f"emp-cost-agent-analysis{end}")["spec"] for end in ("", "-once"))
        self.assertIs(once["suspend"], True)
        self.assertNotIn("suspend", scheduled)
        text = json.dumps(scheduled["jobTemplate"]).replace("--window=4w", "--window=all")
        self.assertEqual(text, json.dumps(once["jobTemplate"]))

    def test_names_fit_whatever_the_release_is_called(self):
        longest = "a" * 53
        output = RENDERER.run(
            HELM, "template", longest, RENDERER.chart, "--namespace", NAMESPACE, "--values", case("minimal"),
            "--kube-version", KUBERNETES[1],
        )
        self.assertEqual(output.returncode, 0, output.stderr)
        for one in yaml.safe_load_all(output.stdout):
            self.assertLessEqual(len(one["metadata"]["name"]), 52 if one["kind"] == "CronJob" else 63)

    def test_the_bundled_server_is_asked_by_the_name_its_chart_gives_it(self):
        url = lambda found: env_of(find(found, "Deployment")["spec"]["template"]["spec"]["containers"][0])["EMP_COST_PROMETHEUS_URL"]["value"]
        self.assertEqual(url(objects("bundled")), "http://emp-cost-agent-prometheus-server:80")
        renamed = objects("bundled", more=("--set", "prometheus.server.fullnameOverride=p"))
        self.assertEqual(url(renamed), "http://p:80")

    def test_another_content_of_the_overrides_is_another_pod(self):
        def annotation(more):
            found = objects("minimal", more=more)
            return find(found, "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/overrides"]

        self.assertNotEqual(annotation(()), annotation(("--set-string", "collector.overrides=a")))
        # Another version of the chart alone restarts nothing.
        labels = find(objects("minimal"), "Deployment")["spec"]["template"]["metadata"]["labels"]
        self.assertNotIn("helm.sh/chart", labels)

    def test_vendor_names_give_what_ours_give(self):
        lake = lambda name: env_of(find(objects(name), "Deployment")["spec"]["template"]["spec"]["containers"][0])["EMP_COST_LAKE"]["value"]
        self.assertEqual((lake("vendor-names"), lake("minimal")), ("s3://reports/emp", "s3://my-bucket/emp-cost"))


class Alerts(unittest.TestCase):
    """The rules, by promtool."""

    promtool = chart.program("promtool")

    def setUp(self):
        if not self.promtool:
            self.skipTest("no `promtool` on the PATH; it comes with the Debian package prometheus")

    def test_the_alerts_fire_when_they_should_and_only_then(self):
        spec = find(objects("monitoring"), "PrometheusRule", "emp-cost-agent")["spec"]
        with tempfile.TemporaryDirectory() as folder:
            rules = chart.pathlib.Path(folder) / "rules.yaml"
            rules.write_text(yaml.safe_dump(spec))
            checked = subprocess.run([self.promtool, "check", "rules", rules], capture_output=True, text=True)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
            tests = (chart.TESTS / "alerts.yaml").read_text()
            (rules.parent / "tests.yaml").write_text(tests)
            tested = subprocess.run([self.promtool, "test", "rules", rules.parent / "tests.yaml"], capture_output=True, text=True)
            self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)
            named = set(re.findall(r"alertname: (\w+)", tests))
            self.assertEqual(named, {rule["alert"] for rule in spec["groups"][0]["rules"]}, "each has a test")

    def test_every_metric_of_ours_exists(self):
        text = RENDERER.text(HELM, case("monitoring"))
        metrics = (ROOT / "collector/src/health/collector_metrics.rs").read_text()
        registered = set(re.findall(r'r\.register\(\s*"(\w+)"', metrics))
        for name in re.findall(r"emp_cost_collector_(\w+)\{", text):
            self.assertIn(re.sub("_(info|total)$", "", name), registered)


class Policies(unittest.TestCase):
    """The IAM policies."""

    def actions(self, name):
        policy = json.loads((ROOT / "charts" / "iam" / f"{name}.json").read_text())
        found = set()
        for statement in policy["Statement"]:
            self.assertEqual(statement["Effect"], "Allow")
            actions, places = statement["Action"], statement["Resource"]
            actions = [actions] if isinstance(actions, str) else actions
            self.assertNotIn("*", [places] if isinstance(places, str) else places)
            self.assertFalse([a for a in actions if "*" in a])
            found |= set(actions)
            if "s3:ListBucket" in actions:
                self.assertIn("s3:prefix", json.dumps(statement["Condition"]))
        return found

    def test_each_grants_what_its_reader_needs_and_no_more(self):
        self.assertEqual(self.actions("writer"), {"s3:PutObject", "s3:GetObject", "s3:ListBucket"})
        self.assertEqual(self.actions("reader"), {"s3:GetObject", "s3:ListBucket"})
        self.assertEqual(self.actions("invoice"), {"s3:GetObject", "s3:ListBucket"})
        self.assertEqual(self.actions("kms"), {"kms:GenerateDataKey", "kms:Decrypt"})
        self.assertEqual(self.actions("amazon-managed-prometheus"), {"aps:QueryMetrics", "aps:GetSeries", "aps:GetLabels", "aps:GetMetricMetadata"})

    def test_the_trusts_name_this_service_account(self):
        irsa = (ROOT / "charts/iam/trust-irsa.json").read_text()
        self.assertIn(f"system:serviceaccount:{NAMESPACE}:{RELEASE}", irsa)
        self.assertIn("sts:AssumeRoleWithWebIdentity", irsa)
        identity = json.loads((ROOT / "charts/iam/trust-pod-identity.json").read_text())
        self.assertEqual(identity["Statement"][0]["Principal"], {"Service": "pods.eks.amazonaws.com"})
        self.assertEqual(set(identity["Statement"][0]["Action"]), {"sts:AssumeRole", "sts:TagSession"})


class Formats(unittest.TestCase):
    def test_the_schema_and_the_values_name_every_format_of_the_program(self):
        recorded = (ROOT / "cli/tests/all/snapshots/all__cli__help_run.snap").read_text()
        listed = recorded.split("Formats to write", 1)[1].split("Possible values:", 1)[1].split("\n\n", 1)[0]
        formats = re.findall(r"- ([a-z-]+): ", listed)
        self.assertIn("html", formats)
        schema = json.loads((CHART / "values.schema.json").read_text())
        of_schema = schema["properties"]["analysis"]["properties"]["formats"]["items"]["enum"]
        self.assertEqual(sorted(of_schema), sorted(formats))
        comment = next(line for line in (CHART / "values.yaml").read_text().splitlines() if "Formats to write:" in line)
        named = comment.split("Formats to write:")[1].split(".")[0]
        self.assertEqual(sorted(name.strip() for name in named.split(",")), sorted(formats))


class Images(unittest.TestCase):
    text = (ROOT / "Dockerfile").read_text()

    def test_each_target_starts_its_program_as_nobody(self):
        programs = {"collector": "/emp-cost-collector", "service": "/emp-cost-service", "emp-cost": "/emp-cost"}
        self.assertEqual(chart.entry_points(), programs)
        for target in programs:
            stage = re.search(rf"\nFROM \S+ AS {target}\n(.*?)(?=\nFROM |\Z)", self.text, re.S)[1]
            self.assertIn("USER 65532:65532", stage)
            self.assertIn("org.opencontainers.image.revision", stage)
            self.assertNotIn("RUN ", stage, "it has no shell to run anything")

    def test_a_linter_finds_nothing_in_it(self):
        hadolint = chart.program("hadolint")
        if not hadolint:
            self.skipTest("no `hadolint`; `scripts/install.sh python` installs it")
        checked = subprocess.run([hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stdout), (0, ""))

    def test_it_builds_what_is_locked_with_the_pinned_toolchain(self):
        channel = re.search(r'channel = "(.*?)"', (ROOT / "rust-toolchain.toml").read_text())[1]
        self.assertIn(f"ARG RUST={channel}\n", self.text)
        for build in re.findall(r"cargo (?:build|auditable)[^\n]*", self.text):
            self.assertIn("--locked", build)


class Workflow(unittest.TestCase):
    """What runs on every change."""

    def test_the_workflow_is_valid(self):
        actionlint = chart.program("actionlint")
        if not actionlint:
            self.skipTest("no `actionlint`; `scripts/install.sh actionlint` builds one where Go is installed")
        checked = subprocess.run(
            [actionlint, "-no-color", *(ROOT / ".github" / "workflows").glob("*.yaml")], capture_output=True, text=True, cwd=ROOT
        )
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_it_runs_what_a_developer_runs(self):
        text = (ROOT / ".github/workflows/ci.yaml").read_text()
        self.assertIn("make test", text)
        self.assertIn('CI: "true"', text)
        for target in ("collector", "service", "emp-cost"):
            self.assertIn(target, text)

    def test_what_it_uses_is_pinned(self):
        text = (ROOT / ".github/workflows/ci.yaml").read_text()
        used = re.findall(r"uses: (\S+)( # v[0-9.]+)?", text)
        self.assertGreater(len(used), 10)
        for name, version in used:
            self.assertRegex(name, r"@[0-9a-f]{40}$")
            self.assertTrue(version, f"{name} says no version")
        images = re.findall(r"container: (\S+)", text) + re.findall(r"ARG \w+_IMAGE=(\S+)", (ROOT / "Dockerfile").read_text())
        self.assertEqual(len(images), 4)
        for image in images:
            self.assertRegex(image, r":[^@]+@sha256:[0-9a-f]{64}$")
        channel = re.search(r'channel = "(.*?)"', (ROOT / "rust-toolchain.toml").read_text())[1]
        rust = {image for image in images if "/rust:" in image}
        self.assertEqual(len(rust), 1, rust)
        self.assertIn(f"rust:{channel}-bookworm@", rust.pop())


def values_table():
    import values_table as module

    return module.table()


def restricted_faults(spec):
    """What keeps a pod from the restricted Pod Security Standard."""
    faults = [key for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    pod = spec.get("securityContext", {})
    allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
    faults += [f"volume {v['name']}" for v in spec.get("volumes", []) if not (set(v) - {"name"}) <= allowed]
    for container in spec.get("initContainers", []) + spec["containers"]:
        own = container.get("securityContext", {})
        if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False:
            faults.append("escalation")
        if own.get("capabilities", {}).get("drop") != ["ALL"] or set(own["capabilities"].get("add", [])) - {"NET_BIND_SERVICE"}:
            faults.append("capabilities")
        if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True or own.get("runAsUser", pod.get("runAsUser")) == 0:
            faults.append("root")
        if own.get("seccompProfile", pod.get("seccompProfile", {})).get("type") not in ("RuntimeDefault", "Localhost"):
            faults.append("seccomp")
        if any(port.get("hostPort") for port in container.get("ports", [])) or own.get("procMount", "Default") != "Default":
            faults.append("hostPort or procMount")
    return faults


def matches(selector, labels):
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(
        labels.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", []) if e["operator"] == "In"
    )


HELP, BYTES = {}, {}


def help_of(container, command):
    key = (chart.binary_of(container), *command)
    if key not in HELP:
        HELP[key] = subprocess.run([*key, "--help"], capture_output=True, text=True, check=True).stdout
    return HELP[key]


def bytes_of(container):
    path = chart.binary_of(container)
    if path not in BYTES:
        BYTES[path] = path.read_bytes()
    return BYTES[path]
