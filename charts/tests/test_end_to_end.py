"""The command lines of the rendered containers, run for real: from Prometheus to a report in a bucket.

Entry points come from the Dockerfile; arguments, environment, files and probes from `helm template`. The programs run
with that environment and nothing else, against a real Prometheus and a real S3 server on loopback.
"""

import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import chart
from servers import BUCKET, KEY, PATIENCE, REGION, SECRET, Servers, free_port, status, until

HOURS = 3
# Content types of a report's files.
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
}
SECRETS = {"emp-cost-s3": {"access-key-id": KEY, "secret-access-key": SECRET}, "prom-headers": {"headers": "X-One: 1\nX-Two: 2"}}


class Recorder:
    """A server that keeps the first words of what it is asked, and hangs up."""

    def __init__(self, tls=None):
        self.tls, self.heard = tls, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        # Closing alone would leave `accept` waiting.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    if self.tls:
                        connection = self.tls.wrap_socket(connection, server_side=True)
                    self.heard.append(connection.recv(300).decode(errors="replace"))
                except OSError:
                    # A client that does not trust us hangs up in the middle.
                    pass
                finally:
                    connection.close()

    def url(self, scheme="http", host="127.0.0.1"):
        return f"{scheme}://{host}:{self.listener.getsockname()[1]}"

    def take(self):
        """What was heard first since the last time, or nothing."""
        heard, self.heard[:] = list(self.heard), []
        return heard[0] if heard else ""


class EndToEnd(Servers, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.folder = pathlib.Path(cls.stack.enter_context(tempfile.TemporaryDirectory()))
        cls.renderer = chart.Renderer()
        cls.helm = next(iter(chart.helms().values()))
        cls.start_prometheus()
        cls.start_s3()

    @classmethod
    def start_prometheus(cls):
        # The newest hour that has settled: collectors leave out what is younger than five minutes.
        settled = int(time.time()) - 600
        cls.end = end = settled - settled % 3600
        serve = chart.ROOT / "target/debug/examples/serve"
        cls.prometheus = cls.process(
            serve, HOURS, 3, 1, end, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"]},
        )
        line = cls.prometheus.stdout.readline()
        cls.url = re.match(r"(http://\S+) holds", line)[1]

    def values(self, **more):
        """Values as a person would write them, with the addresses of the two servers."""
        values = {
            "clusterId": "prod-1",
            "lake": {"url": f"s3://{BUCKET}/emp-cost?tag=team=platform", "endpoint": f"http://127.0.0.1:{self.s3_port}"},
            "aws": {"region": REGION, "credentialsSecret": "emp-cost-s3"},
            "image": {"registry": "registry.example/emp-cost"},
            "prometheus": {"enabled": False, "url": self.url},
            "prometheusClient": {"headersSecret": {"name": "prom-headers"}, "flavor": "prometheus"},
            "collector": {
                "listenAddress": "127.0.0.1", "port": free_port(), "hoursPerRun": 400, "reach": "10d",
                "podLabels": ["team", "app.kubernetes.io/name"],
                "overrides": '[instance_types.nodes]\n"no-such-node" = "m5.large"\n[storage_classes.no-such-class]\nvolume_type = "gp3"\n',
            },
            "analysis": {
                "assumptions": "[emp]\nmemory_overcommit = 1.25\n",
                "prices": "[control_plane]\nusd_per_hour = 0.0987\n",
                "profile": "kind: ConfigMap\ndata:\n  namespaces: '[\"storefront\"]'\n",
                "formats": ["html", "json", "csv", "focus"],
            },
        }
        for key, value in more.items():
            values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
        path = self.folder / f"values-{len(list(self.folder.iterdir()))}.yaml"
        path.write_text(json.dumps(values))
        return path

    def container(self, objects, spec):
        """A rendered container as a command and an environment, its files laid out below a folder."""
        (container,) = spec["containers"]
        root = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            place = root / mount["mountPath"].lstrip("/")
            place.mkdir(parents=True)
            name = volumes[mount["name"]]["configMap"]["name"]
            # Those that exist already, as a user would have made them, and those of the chart.
            data = self.config_maps.get(name) or chart.find(objects, "ConfigMap", name)["data"]
            for name, text in data.items():
                (place / name).write_text(text)

        def here(text):
            return re.sub(r"/etc/emp-cost/", f"{root}/etc/emp-cost/", text)

        env = {"HOME": "/nonexistent"}
        for entry in container["env"]:
            if "value" in entry:
                env[entry["name"]] = here(entry["value"])
                continue
            source = entry["valueFrom"]["secretKeyRef"]
            if (value := SECRETS[source["name"]].get(source["key"])) is None:
                self.assertTrue(source.get("optional"), entry)
            else:
                env[entry["name"]] = value
        command = [chart.binary_of(container), *container.get("command", []), *map(here, container.get("args", []))]
        work = root / "work"
        work.mkdir()
        return container, command, env, work

    # ConfigMaps that are not of the chart.
    config_maps = {}

    def finish(self, objects, spec):
        """Runs a container to its end."""
        _, command, env, work = self.container(objects, spec)
        output = subprocess.run(command, env=env, cwd=work, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(list(work.iterdir()), [], "nothing is written beside the lake: the file system is read-only")
        return output

    def probe(self, container, name):
        probe = container[name]["httpGet"]
        (port,) = [port["containerPort"] for port in container["ports"] if port["name"] == probe["port"]]
        return f"http://127.0.0.1:{port}{probe['path']}"

    def test_what_the_chart_renders_makes_a_report_in_the_bucket(self):
        objects = self.renderer.objects(self.helm, self.values())
        specs = {name: spec for name, _, spec in chart.pods(objects)}

        # helm test: the server has what is needed.
        # The samples end with the last hour, so the doctor is told to look at that time: the one word that is ours.
        spec = specs["Pod/emp-cost-agent-doctor"]
        at = datetime.datetime.fromtimestamp(self.end + 60, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        spec["containers"][0]["args"] = [*spec["containers"][0]["args"], f"--at={at}"]
        doctor = self.finish(objects, spec)
        self.assertEqual(doctor.returncode, 0, doctor.stdout + doctor.stderr)
        self.assertIn("ready: a report can be made", doctor.stdout)

        # The Deployment: until it is ready and has what there is; its probes and metrics as rendered.
        container, command, env, work = self.container(objects, specs["Deployment/emp-cost-agent"])
        log = self.folder / "collector.log"
        with log.open("w") as sink:
            collector = self.process(*command, env=env, cwd=work, stdout=sink, stderr=sink)
        ready, live = self.probe(container, "readinessProbe"), self.probe(container, "livenessProbe")

        def is_ready():
            self.assertIsNone(collector.poll(), log.read_text())
            return status(ready)[0] == 200

        until(f"ready; {log}", is_ready)
        self.assertEqual(status(live)[0], 200)
        annotations = objects_annotations(objects)
        scraped = f"http://127.0.0.1:{annotations['prometheus.io/port']}{annotations['prometheus.io/path']}"
        written = f'emp_cost_collector_hours_total{{outcome="written"}} {HOURS}\n'
        until(f"{HOURS} hours written; {log}", lambda: written in status(scraped)[1])
        metrics = status(scraped)[1]
        self.assertIn('cluster="prod-1"', metrics)
        for line in log.read_text().splitlines():
            self.assertIn("level", json.loads(line), "the log is JSON, as the values say")
        # What Kubernetes does at the end of a pod: in time, and with success.
        collector.send_signal(signal.SIGTERM)
        grace = specs["Deployment/emp-cost-agent"]["terminationGracePeriodSeconds"]
        self.assertEqual(collector.wait(timeout=grace), 0, log.read_text())
        self.assertEqual(list(work.iterdir()), [])
        hours = [key for key in self.s3.keys() if re.search(r"/manifest/cluster=prod-1/date=[\d-]+/hour=\d\d\.json$", key)]
        self.assertEqual(len(hours), HOURS, self.s3.keys())

        # The CronJob, and the one that is started by hand.
        for name, window in (("", "4w"), ("-once", "all")):
            spec = specs[f"CronJob/emp-cost-agent-analysis{name}"]
            self.assertIn(f"--window={window}", spec["containers"][0]["args"])
            output = self.finish(objects, spec)
            self.assertEqual(output.returncode, 0, output.stdout + output.stderr)
        self.check_report("prod-1")

    def check_report(self, cluster):
        latest = f"emp-cost/reports/cluster={cluster}/latest/"
        code, headers, body = self.s3.get(f"{latest}report.json")
        self.assertEqual((code, headers["Content-Type"]), (200, "application/json"), self.s3.keys())
        pointer = json.loads(body)
        self.assertEqual((pointer["schema"], pointer["hours_present"]), ("emp-cost/report/v1", HOURS))
        for file in pointer["files"]:
            kind = KINDS[pathlib.PurePosixPath(file["name"]).suffix]
            for folder in (latest, f"emp-cost/{pointer['folder']}"):
                code, headers, body = self.s3.get(folder + file["name"])
                self.assertEqual((code, headers["Content-Type"]), (200, kind), folder)
                self.assertEqual(hashlib.sha256(body).hexdigest(), file["sha256"])
        _, _, analysis = self.s3.get(f"{latest}analysis.json")
        analysis = json.loads(analysis)
        changed = {a["key"]: a["value"] for a in analysis["assumptions"] if a["changed"]}
        self.assertEqual({k: float(v) for k, v in changed.items()}, {"emp.memory_overcommit": 1.25}, "the assumptions of the ConfigMap hold")
        (plane,) = [item for item in analysis["scenarios"][0]["items"] if item["line"] == "control_plane"]
        self.assertEqual(plane["usd_per_unit"], 0.0987, "the prices of the ConfigMap hold")
        self.assertEqual(analysis["selection"]["profile"], "profile.yaml", "the profile of the ConfigMap holds")
        self.assertEqual({pathlib.PurePosixPath(file["name"]).suffix for file in pointer["files"]}, set(KINDS))
        _, _, page = self.s3.get(f"{latest}index.html")
        self.assertIn(f"s3://{BUCKET}/emp-cost", page.decode())

    def test_the_proxy_of_the_values_is_used_and_what_it_leaves_out_is_not(self):
        with Recorder() as proxy:
            values = {
                "prometheus": {"url": "http://prometheus.invalid:9090"},
                "lake": {"url": "s3://bucket-of-a-test/p", "endpoint": ""},
                "proxy": {"http": proxy.url(), "https": proxy.url(), "noProxy": ""},
            }
            objects = self.renderer.objects(self.helm, self.values(**values))
            specs = {name: spec for name, _, spec in chart.pods(objects)}
            self.assertNotEqual(self.finish(objects, specs["CronJob/emp-cost-agent-analysis"]).returncode, 0)
            self.assertRegex(proxy.take(), r"^CONNECT (bucket-of-a-test\.)?s3\.us-east-1\.amazonaws\.com:443 ")
            self.assertNotEqual(self.finish(objects, specs["Pod/emp-cost-agent-doctor"]).returncode, 0)
            self.assertRegex(proxy.take(), r"^POST http://prometheus\.invalid:9090/api/v1/")
            values["proxy"]["noProxy"] = ".invalid"
            objects = self.renderer.objects(self.helm, self.values(**values))
            specs = {name: spec for name, _, spec in chart.pods(objects)}
            self.assertNotEqual(self.finish(objects, specs["Pod/emp-cost-agent-doctor"]).returncode, 0)
            self.assertEqual(proxy.take(), "")

    def test_the_authorities_of_the_values_are_those_trusted(self):
        authority, certificate, key = (self.folder / name for name in ("ca.crt", "tls.crt", "tls.key"))
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        by = ["-CA", authority, "-CAkey", self.folder / "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
        for words in (
            ["-subj", "/CN=company", "-keyout", self.folder / "ca.key", "-out", authority],
            ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", *by, "-keyout", key, "-out", certificate],
        ):
            subprocess.run([*new, *words], check=True, capture_output=True)
        type(self).config_maps = {"company-ca": {"bundle.pem": authority.read_text()}}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with Recorder(context) as server:
            url = server.url("https", "localhost")
            values = {"prometheus": {"url": url}, "lake": {"url": f"s3://{BUCKET}/p", "endpoint": url}}
            for trusted in (False, True):
                bundle = {"caBundle": {"configMap": "company-ca", "key": "bundle.pem"}} if trusted else {}
                objects = self.renderer.objects(self.helm, self.values(**values, **bundle))
                specs = {name: spec for name, _, spec in chart.pods(objects)}
                for name, request in (("Pod/emp-cost-agent-doctor", "POST /api/v1/"), ("CronJob/emp-cost-agent-analysis", f"GET /{BUCKET}/")):
                    output = self.finish(objects, specs[name])
                    self.assertNotEqual(output.returncode, 0)
                    said = server.take()
                    self.assertEqual(said[: len(request)], request if trusted else "", f"{name}: {output.stderr}")

    def test_a_file_that_makes_no_sense_ends_the_container_with_its_name(self):
        values = self.values(collector={"overrides": "[no_such_table]\n", "listenAddress": "127.0.0.1"})
        objects = self.renderer.objects(self.helm, values)
        specs = {name: spec for name, _, spec in chart.pods(objects)}
        output = self.finish(objects, specs["Deployment/emp-cost-agent"])
        self.assertEqual(output.returncode, 2, output.stderr)
        self.assertIn("overrides.toml", output.stderr)

    def test_keys_that_are_refused_end_the_analysis_with_what_is_missing(self):
        objects = self.renderer.objects(self.helm, self.values(lake={"url": "s3://another/emp-cost", "endpoint": f"http://127.0.0.1:{self.s3_port}"}))
        specs = {name: spec for name, _, spec in chart.pods(objects)}
        output = self.finish(objects, specs["CronJob/emp-cost-agent-analysis"])
        self.assertEqual(output.returncode, 1, output.stderr)
        self.assertIn("s3://another/emp-cost", output.stderr)


def objects_annotations(objects):
    return chart.find(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]
