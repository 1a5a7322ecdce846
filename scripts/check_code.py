"""Checks what no compiler sees: comments that open with a word that says little, and files that know each other in a circle.

Doc comments open with a noun or a verb: fewer than 3 in 100 of the repository may open with What, How or Whether.

A file knows another when it names something that is defined there: by `use` or by a path, re-exports followed to where a
name comes from. That a module declares those below it is no knowledge, and tests do not count. A crate of WITHOUT_CIRCLES
has none; the others are printed with -v. Folders of ORDERED_FOLDERS know each other in one direction too. Run from the
root of the repository.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CRATES = sorted(path.parent.name for path in ROOT.glob("*/Cargo.toml"))
# The reason of the one circle of `collector` stands in ARCHITECTURE.md.
WITHOUT_CIRCLES = set(CRATES) - {"collector"}
# Crate and module whose folders ARCHITECTURE.md lists in order.
ORDERED_FOLDERS = [("analyzer", "scenarios::model")]
MOST_SHARE = 0.03
WORD = r"[A-Za-z_][A-Za-z0-9_]*"


def without_tests(text):
    """Drops comments, strings and what is compiled for tests alone."""
    text = re.sub(r'r#".*?"#', '""', text, flags=re.S)
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    while (at := text.find("#[cfg(test)]")) >= 0:
        end = at + len("#[cfg(test)]")
        brace, semicolon = text.find("{", end), text.find(";", end)
        if 0 <= semicolon < brace or brace < 0:
            text = text[:at] + text[semicolon + 1 :]
            continue
        depth, close = 0, brace
        for close in range(brace, len(text)):
            depth += {"{": 1, "}": -1}.get(text[close], 0)
            if depth == 0:
                break
        text = text[:at] + text[close + 1 :]
    return text


def modules(crate):
    """Text of each module of a crate by its path, `` for the root."""
    source = ROOT / crate / "src"
    found = {}
    for path in sorted(source.rglob("*.rs")):
        parts = list(path.relative_to(source).with_suffix("").parts)
        if parts[-1] in ("lib", "main", "mod"):
            parts.pop()
        if "bin" in parts or parts[-1:] == ["tests"]:
            continue
        found.setdefault("::".join(parts), "")
        found["::".join(parts)] += without_tests(path.read_text())
    return found


def leaves(tree, prefix=()):
    """Paths of a `use` tree, each with the name it is known by."""
    tree = tree.strip()
    if (brace := tree.find("{")) >= 0:
        head = [part for part in tree[:brace].strip().rstrip(":").split("::") if part]
        inner, depth, item = tree[brace + 1 : tree.rfind("}")], 0, ""
        for char in inner + ",":
            depth += {"{": 1, "}": -1}.get(char, 0)
            if char == "," and depth == 0:
                if item.strip():
                    yield from leaves(item, prefix + tuple(head))
                item = ""
            else:
                item += char
        return
    path, _, alias = tree.partition(" as ")
    parts = prefix + tuple(part.strip() for part in path.split("::") if part.strip())
    if parts and parts[-1] == "self":
        parts = parts[:-1]
    if parts:
        yield parts, (alias.strip() or parts[-1])


class Crate:
    def __init__(self, name):
        self.name = name
        self.modules = modules(name)
        self.uses = {}
        self.reexports = {}
        for module, text in self.modules.items():
            self.uses[module], self.reexports[module] = [], {}
            for public, tree in re.findall(rf"\b(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);", text):
                for parts, alias in leaves(tree):
                    self.uses[module].append(parts)
                    if public:
                        self.reexports[module][alias] = parts

    def absolute(self, module, parts):
        """The parts of a path from the root of the crate; None where it leads out of the crate."""
        here = module.split("::") if module else []
        if parts[0] == "crate":
            return list(parts[1:])
        if parts[0] in ("self", "super"):
            rest = list(parts)
            while rest and rest[0] in ("self", "super"):
                if rest.pop(0) == "super":
                    here = here[:-1]
            return here + rest
        child = "::".join(here + [parts[0]])
        return here + list(parts) if child in self.modules and len(parts) > 1 else None

    def home(self, path, seen=()):
        """The module in which what a path names is defined."""
        at, rest = "", list(path)
        while rest:
            below = "::".join(filter(None, [at, rest[0]]))
            if below not in self.modules:
                break
            at = below
            rest.pop(0)
        if not rest:
            return at
        onward = self.reexports.get(at, {})
        target = onward.get(rest[0])
        if target and (at, rest[0]) not in seen:
            absolute = self.absolute(at, target)
            return at if absolute is None else self.home(absolute + rest[1:], seen + ((at, rest[0]),))
        return at

    def edges(self):
        found = {module: set() for module in self.modules}
        for module, text in self.modules.items():
            body = re.sub(r"\b(?:pub(?:\([^)]*\))?\s+)?use\s+[^;]+;", "", text)
            body = re.sub(rf"\b(?:pub(?:\([^)]*\))?\s+)?mod\s+{WORD}\s*;", "", body)
            inline = re.findall(rf"\b((?:crate|super|self)(?:::{WORD})+)", body)
            children = [child for child in self.modules if child and child.rpartition("::")[0] == module]
            names = "|".join(re.escape(child.rpartition("::")[2]) for child in children)
            inline += re.findall(rf"(?<![:\w])((?:{names})(?:::{WORD})+)", body) if names else []
            paths = self.uses[module] + [tuple(path.split("::")) for path in inline]
            reexported = set(self.reexports[module].values())
            for parts in paths:
                # Passing a name on is no use of it.
                if parts in reexported and not self.names(body, parts[-1]):
                    continue
                absolute = self.absolute(module, parts)
                if absolute:
                    found[module].add(self.home(absolute))
        for module in found:
            found[module].discard(module)
        return found

    @staticmethod
    def names(body, name):
        return re.search(rf"\b{re.escape(name)}\b", body) is not None


def circles(edges):
    """Strongly connected components of more than one module (Tarjan)."""
    index, low, stack, on, out = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on.add(node)
        for other in sorted(edges[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = set()
            while True:
                other = stack.pop()
                on.discard(other)
                component.add(other)
                if other == node:
                    break
            if len(component) > 1:
                out.append(frozenset(component))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return out


def folders(edges, module):
    """What the folders below a module know of each other."""
    below = module + "::"
    found = {}
    for of, others in edges.items():
        if of.startswith(below):
            folder = of[len(below) :].split("::")[0]
            known = (other[len(below) :].split("::")[0] for other in others if other.startswith(below))
            found.setdefault(folder, set()).update(other for other in known if other != folder)
    return found


def comments():
    """The first line of every doc comment, with its place."""
    listed = subprocess.run(["git", "ls-files", "*.rs"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        path, before = ROOT / name, ""
        if not path.exists():
            continue
        for number, line in enumerate(path.read_text().split("\n"), 1):
            line = line.strip()
            opening = re.match(r"//[/!] ?(.*)", line)
            if opening and not re.match(r"//[/!]", before):
                yield name, number, opening[1]
            before = line


def main():
    verbose = "-v" in sys.argv
    faults = []
    found = list(comments())
    empty = [place for place in found if re.match(r"(What|How|Whether)\b", place[2])]
    share = len(empty) / max(len(found), 1)
    print(f"{len(empty)} of {len(found)} doc comments ({share:.1%}) open with What, How or Whether")
    if share >= MOST_SHARE:
        faults.append("doc comments open with a noun or a verb, and say what the name does not; see CONTRIBUTING.md")
    if verbose or share >= MOST_SHARE:
        print("\n".join(f"  {name}:{number}: {text}" for name, number, text in empty[:50]))
    for name in CRATES:
        edges = Crate(name).edges()
        for circle in circles(edges):
            line = f"{name}: {', '.join(sorted(module or 'lib' for module in circle))}"
            if name in WITHOUT_CIRCLES:
                faults.append(f"files know each other in a circle, in {line}")
            elif verbose:
                print(line)
    for name, module in ORDERED_FOLDERS:
        for circle in circles(folders(Crate(name).edges(), module)):
            faults.append(f"folders know each other in a circle, in {name} below {module}: {', '.join(sorted(circle))}")
    print("\n".join(faults) or "no new circle")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    sys.exit(main())
