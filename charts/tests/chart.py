"""What the tests of the chart share: Helm, rendering, and the objects that come of it."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "emp-cost-agent"
TESTS = ROOT / "charts" / "tests"
TOOLS = ROOT / "target" / "tools"
# The oldest the chart supports, one in the middle, and the newest whose schemas the validator has.
KUBERNETES = ("1.27.0", "1.33.0", "1.37.0")
RELEASE, NAMESPACE = "emp-cost-agent", "emp"
# Resources of these kinds come with an operator; the schemas of Kubernetes do not have them.
CUSTOM = {"HTTPRoute", "ServiceMonitor", "PrometheusRule"}


def program(name):
    """The path of a program under target/tools/, in its Python environment or on the PATH, or None."""
    own = [path for path in (TOOLS / name, TOOLS / "venv" / "bin" / name) if path.exists()]
    return str(own[0]) if own else shutil.which(name)


def helms():
    """Every Helm there is, by name."""
    found = {name: program(name) for name in ("helm3", "helm4")}
    found = {name: path for name, path in found.items() if path}
    return found or ({"helm": program("helm")} if program("helm") else {})


def stripped(folder):
    """A copy of the chart without its dependency, which cannot be downloaded in a closed network."""
    copy = pathlib.Path(folder) / CHART.name
    if not copy.exists():
        shutil.copytree(CHART, copy, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
        meta = yaml.safe_load((copy / "Chart.yaml").read_text())
        del meta["dependencies"]
        (copy / "Chart.yaml").write_text(yaml.safe_dump(meta))
    return copy


class Renderer:
    """Renders the chart without its dependency."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.chart = stripped(self.folder.name)
        self.known = {}

    def run(self, helm, *words, **options):
        env = {"PATH": os.environ["PATH"], "HOME": self.folder.name}
        return subprocess.run([helm, *map(str, words)], capture_output=True, text=True, env=env, **options)

    def template(self, helm, values, kubernetes=KUBERNETES[1], more=()):
        return self.run(
            helm, "template", RELEASE, self.chart, "--namespace", NAMESPACE, "--values", values,
            "--kube-version", kubernetes, *more,
        )

    def text(self, helm, values, kubernetes=KUBERNETES[1], more=()):
        key = (helm, str(values), kubernetes, tuple(more))
        if key not in self.known:
            output = self.template(helm, values, kubernetes, more)
            if output.returncode:
                raise AssertionError(f"{values}: {output.stderr}")
            self.known[key] = output.stdout
        return self.known[key]

    def objects(self, helm, values, kubernetes=KUBERNETES[1], more=()):
        return [one for one in yaml.safe_load_all(self.text(helm, values, kubernetes, more)) if one]


def case(name):
    return TESTS / "cases" / f"{name}.yaml"


def cases():
    return sorted((TESTS / "cases").glob("*.yaml"))


def refused():
    return sorted((TESTS / "refused").glob("*.yaml"))


def pods(objects):
    """Every pod specification, as (name of the object, metadata of the pod, specification)."""
    for one in objects:
        name = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] == "Pod":
            yield name, one["metadata"], one["spec"]
        elif one["kind"] == "Deployment":
            yield name, one["spec"]["template"]["metadata"], one["spec"]["template"]["spec"]
        elif one["kind"] == "CronJob":
            template = one["spec"]["jobTemplate"]["spec"]["template"]
            yield name, template["metadata"], template["spec"]


def find(objects, kind, name=None):
    """The one object of a kind, and of a name where several are."""
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} objects {kind}/{name}")
    return found[0]


def env_of(container):
    return {entry["name"]: entry for entry in container.get("env", [])}


def mounts_of(spec, container):
    """The volumes that a container mounts, by the directory they are mounted at."""
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    return {mount["mountPath"]: volumes[mount["name"]] for mount in container.get("volumeMounts", [])}


def files_named(container, mounts):
    """The files under /etc/ that a container names in variables and arguments, each with True if a mount has it."""
    words = [entry.get("value", "") for entry in container["env"]]
    words += [word.split("=", 1)[-1] for word in container.get("args", [])]
    files = []
    for path in (word for word in words if word.startswith("/etc/")):
        folder, _, file = path.rpartition("/")
        items = mounts.get(folder, {}).get("configMap", {}).get("items")
        files.append((path, folder in mounts and (items is None or file in [item["path"] for item in items])))
    return files


def options_of(text):
    """Of each option in a help text, the variable that gives it too, or None."""
    found, option = {}, None
    for line in text.splitlines():
        # Deeper lines are prose, which may begin with an option.
        if match := re.match(r"(?: {6}|  -\w, )--([a-z][a-z-]*)", line):
            option = match[1]
            found[option] = None
        elif option and (match := re.match(r" +\[env: (\w+)[=\]]", line)):
            found[option] = match[1]
    return found


def given(container, options):
    """The options that a container is started with, as arguments or as variables."""
    flags = {word.removeprefix("--").split("=")[0] for word in container.get("args", []) if word.startswith("--")}
    return flags | {option for option, variable in options.items() if variable in env_of(container)}


def entry_points():
    """Of each target of the Dockerfile, the entry point and the folder-less name of its program."""
    points, target = {}, None
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if match := re.match(r"FROM\s+\S+\s+AS\s+(\S+)", line):
            target = match[1]
        if match := re.match(r'ENTRYPOINT \["([^"]+)"\]', line):
            points[target] = match[1]
    return points


# Which target of the Dockerfile an image is built from.
TARGETS = {"emp-cost-collector": "collector", "emp-cost-service": "service", "emp-cost": "emp-cost"}


def binary_of(container):
    """The built program that a container's image starts."""
    image = re.sub(r"[@:][^/]*$", "", container["image"]).rsplit("/", 1)[-1]
    return ROOT / "target" / "debug" / pathlib.Path(entry_points()[TARGETS[image]]).name
