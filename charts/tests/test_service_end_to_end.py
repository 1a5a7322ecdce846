"""The containers of the service's chart, run for real: what `helm template` renders, against a real S3 server on loopback.

Entry points come from the Dockerfile; arguments, environment, files and probes from the manifests. Two words differ: files
lie below a folder of the test, and the port is one that is free, on loopback alone.
"""

import base64
import contextlib
import json
import pathlib
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

import chart
import test_service_chart
from servers import BUCKET, KEY, REGION, SECRET, Servers, free_port, status, until

URL = "https://cost.example.com"
TOKEN = "a-token-of-more-than-24-characters"
# What a person puts into the bucket's and the service's Secret, as docs/service.md says.
SECRETS = {
    "s3": {"access-key-id": KEY, "secret-access-key": SECRET},
    "emp-cost-service": {"cookie.key": base64.b64encode(bytes(range(32))).decode() + "\n", "token": TOKEN},
}
CONFIG = f"""[sign_in.static]
token_file = "/etc/emp-cost/secrets/token"
groups = ["finops"]
[[rule]]
name = "finops"
groups = ["finops"]
role = "admin"
clusters = ["*"]
"""
MOUNTED = "/etc/emp-cost/"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class ServiceEndToEnd(Servers, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.folder = pathlib.Path(cls.stack.enter_context(tempfile.TemporaryDirectory()))
        cls.start_s3()
        values = test_service_chart.merged({
            "lake": f"s3://{BUCKET}/emp-cost",
            "aws": {"endpoint": f"http://127.0.0.1:{cls.s3_port}", "region": REGION, "credentialsSecret": "s3"},
            "config": {"publicUrl": URL, "toml": CONFIG},
        })
        output = test_service_chart.render(next(iter(chart.helms().values())), values)
        if output.returncode:
            raise AssertionError(output.stderr)
        cls.objects = [one for one in test_service_chart.yaml.safe_load_all(output.stdout) if one]
        cls.specs = {meta["labels"]["app.kubernetes.io/component"]: spec for _, meta, spec in chart.pods(cls.objects)}

    def container(self, component):
        """A rendered container as a command and an environment, its files laid out below a folder."""
        spec = self.specs[component]
        (container,) = spec["containers"]
        binary = chart.binary_of(container)
        if not binary.exists():
            self.skipTest(f"{binary} is not built")
        root = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}

        def here(text):
            return text.replace(MOUNTED, f"{root}{MOUNTED}")

        for mount in container.get("volumeMounts", []):
            place = root / mount["mountPath"].lstrip("/")
            place.mkdir(parents=True)
            volume = volumes[mount["name"]]
            if "secret" in volume:
                files, mode = SECRETS[volume["secret"]["secretName"]], volume["secret"]["defaultMode"]
            else:
                files, mode = chart.find(self.objects, "ConfigMap", volume["configMap"]["name"])["data"], 0o444
            for name, text in files.items():
                (place / name).write_text(here(text))
                (place / name).chmod(mode)
        env = {"HOME": "/nonexistent"}
        for entry in container["env"]:
            if "value" in entry:
                env[entry["name"]] = here(entry["value"])
                continue
            if "fieldRef" in entry["valueFrom"]:
                self.assertEqual(entry["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name")
                env[entry["name"]] = f"{component}-0"
                continue
            source = entry["valueFrom"]["secretKeyRef"]
            if (value := SECRETS[source["name"]].get(source["key"])) is None:
                self.assertTrue(source.get("optional"), entry)
            else:
                env[entry["name"]] = value
        work = root / "work"
        work.mkdir()
        return container, [binary, *container.get("command", []), *map(here, container.get("args", []))], env, work

    def started(self, component, change=lambda word: word):
        container, command, env, work = self.container(component)
        log = self.folder / f"{component}.log"
        with log.open("w") as sink:
            process = self.process(*map(change, map(str, command)), env=env, cwd=work, stdout=sink, stderr=sink)
        return container, process, work, log

    def ended(self, component, process, work, log):
        """What Kubernetes does at the end of a pod: in time, and with success."""
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(timeout=self.specs[component]["terminationGracePeriodSeconds"])
        except subprocess.TimeoutExpired:
            self.fail(f"{component} did not end: {log.read_text()}")
        self.assertEqual(code, 0, log.read_text())
        self.assertEqual(list(work.iterdir()), [], "nothing is written: the file system is read-only")
        for line in log.read_text().splitlines():
            self.assertIn("level", json.loads(line), "the log is JSON")

    def asked(self, path, form=None, **headers):
        """What the service answers to somebody outside: status, headers and text."""
        body = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, {"host": "cost.example.com", **headers})
        try:
            answer = urllib.request.build_opener(NoRedirect).open(request, timeout=20)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.headers, answer.read().decode()

    def test_what_the_chart_renders_serves_its_probes_and_signs_people_in(self):
        type(self).port = free_port()
        (rendered,) = [port["containerPort"] for port in self.specs["serve"]["containers"][0]["ports"]]
        listen = f"--listen=0.0.0.0:{rendered}"
        self.assertIn(listen, self.specs["serve"]["containers"][0]["args"], "it listens where the Service leads")
        container, process, work, log = self.started("serve", lambda word: f"--listen=127.0.0.1:{self.port}" if word == listen else word)

        def probe(name):
            return status(f"http://127.0.0.1:{self.port}{container[name]['httpGet']['path']}")[0]

        def is_ready():
            self.assertIsNone(process.poll(), log.read_text())
            return probe("readinessProbe") == 200

        until(f"ready: {log}", is_ready)
        self.assertEqual(probe("livenessProbe"), 200)
        self.assertIn("emp_cost_service_", self.asked("/metrics")[2])

        code, headers, page = self.asked("/sign-in")
        self.assertEqual(code, 200, page)
        self.assertIn('name="token"', page)
        self.assertIn("max-age", headers["strict-transport-security"], "its URL is https")
        code, _, page = self.asked("/sign-in", {"token": "wrong" * 6, "next": "/"}, origin=URL)
        self.assertEqual(code, 403)
        self.assertIn('name="token"', page, "it may be tried again")
        code, headers, _ = self.asked("/sign-in", {"token": TOKEN, "next": "/"}, origin=URL)
        self.assertEqual((code, headers["location"]), (303, "/"))
        cookies = [line.split(";")[0] for line in headers.get_all("set-cookie")]
        (session,) = [cookie for cookie in cookies if cookie.startswith("__Host-emp-session=")]
        code, _, page = self.asked("/", cookie=session)
        self.assertEqual(code, 200, page)
        self.assertIn("Clusters", page)
        code, _, me = self.asked("/api/v1/me", cookie=session)
        self.assertEqual(code, 200, me)
        # What it keeps lies in the bucket, below the prefix and below `service/`.
        written = self.s3.keys()
        self.assertTrue(written, "a sign-in is in the audit log")
        self.assertEqual([key for key in written if not key.startswith("emp-cost/service/")], [])
        self.ended("serve", process, work, log)

    def test_a_worker_as_it_is_rendered_waits_for_what_ifs_and_ends_when_it_is_told_to(self):
        _, process, work, log = self.started("work")
        with self.assertRaises(subprocess.TimeoutExpired, msg=log.read_text()):
            process.wait(timeout=5)
        self.ended("work", process, work, log)
