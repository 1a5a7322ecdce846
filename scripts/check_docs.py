"""Checks the documents: every relative link leads somewhere, and every command that is shown exists.

    python3 scripts/check_docs.py

Commands are the lines of the `sh` blocks of the README and of docs/: `make TARGET` must be a target of the Makefile, and each
subcommand and flag after `emp-cost` must be in that command's recorded help (cli/tests/all/snapshots/).
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"```sh\n(.*?)```", re.S)


def documents():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )
    return [ROOT / name for name in listed.stdout.split()]


def anchors(document):
    headings = re.findall(r"^#+ +(.+?)\s*$", document.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def broken_links(document):
    for target in LINK.findall(document.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if not file.exists():
            yield f"{document.relative_to(ROOT)}: link to `{target}` leads nowhere"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            yield f"{document.relative_to(ROOT)}: `{target}` names no heading"


def help_of(subcommand):
    """The recorded help text of a subcommand, or None."""
    file = ROOT / "cli" / "tests" / "all" / "snapshots" / f"all__cli__help_{re.sub('[- ]', '_', subcommand)}.snap"
    return file.read_text() if file.exists() else None


def wrong_commands(readme):
    name_of = readme.relative_to(ROOT)
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))
    for block in BLOCK.findall(readme.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            words = line.split("#")[0].split()
            if words[:1] == ["make"]:
                yield from (f"{name_of}: no target `{t}`" for t in words[1:] if t not in targets)
            if words[:1] != ["emp-cost"]:
                continue
            given = words[words.index("emp-cost") + 1:]
            name = " ".join(given[:2]) if given[:1] in (["lake"], ["prices"]) else "".join(given[:1])
            text = help_of(name) if given else None
            if text is None:
                yield f"{name_of}: `{line.strip()}` is not a command whose help is recorded"
                continue
            flags = [w.split("=")[0] for w in given if w.startswith("--")]
            yield from (f"{name_of}: `{name}` has no flag `{f}`" for f in flags if f"{f} " not in text and f"{f}\n" not in text)


def main():
    faults = [fault for document in documents() for fault in broken_links(document)]
    for shown in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        faults += wrong_commands(shown)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"documents: {len(documents())} read, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
