"""The table of values for the chart's README, from the comments of values.yaml.

    python3 charts/tests/values_table.py    # writes it into the README

A comment that starts with `# --` describes the key below it, and everything below that.
"""

import json
import pathlib
import re

import yaml

CHART = pathlib.Path(__file__).resolve().parents[1] / "emp-cost-agent"
START = "<!-- values: a test compares this table with values.yaml -->\n"
END = "<!-- end of values -->\n"


def rows():
    """(key, default, description) of each value, in the order of the file."""
    text = (CHART / "values.yaml").read_text()
    values = yaml.safe_load(text)
    path, comment = [], None
    for line in text.splitlines():
        if match := re.match(r"\s*# -- (.*)", line):
            comment = match[1]
            continue
        match = re.match(r"( *)([A-Za-z][\w-]*):", line)
        if not match:
            continue
        depth = len(match[1]) // 2
        path = path[:depth] + [match[2]]
        if comment is None:
            continue
        default = values
        for key in path:
            default = default[key]
        yield ".".join(path), default, comment
        comment = None


def leaves(values, path=()):
    """Every key whose value is not a mapping with keys of its own."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield ".".join((*path, key))


def shown(default):
    return f"`{json.dumps(default, ensure_ascii=False)}`" if default not in ("",) else ""


def table():
    described = list(rows())
    keys = [key for key, _, _ in described]
    for leaf in leaves(yaml.safe_load((CHART / "values.yaml").read_text())):
        if not any(leaf == key or leaf.startswith(f"{key}.") for key in keys):
            described.append((leaf, "", ""))
    lines = ["| value | default | what |", "|---|---|---|"]
    for key, default, what in described:
        cells = (f"`{key}`", shown(default), what)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    readme = CHART / "README.md"
    before, rest = readme.read_text().split(START)
    readme.write_text(before + START + table() + END + rest.split(END)[1])
