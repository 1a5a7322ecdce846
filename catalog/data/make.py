#!/usr/bin/env python3
"""Makes what follows from the facts in this folder, takes new facts in, and checks all of it.

    python3 make.py               # makes again what is made: derived prices, estimates, attachments; checks everything
    python3 make.py FACTS.csv...  # takes facts in first: what,region,name,price,unit,kind,date,source (README.md)

Standard library only. The same facts give the same bytes. Run twice, it changes nothing.
"""
import csv
import os
import re
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = "us-east-1"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Lists of prices that are made here: never taken in, always made again.
BY_FAMILY = "us-east-1's price times the ratio of the family's other sizes in the region"
BY_CHANGE = "price seen before prices changed, times the change"
BY_SHAPE = "price of the VM of its shape"
BY_NEAREST = "us-east-1's price times the ratio of the nearest family in the region"
MADE = {BY_FAMILY, BY_CHANGE, BY_SHAPE, BY_NEAREST}

# Classes of families of which one tells the ratio of another: hiding a family and taking the ratio of its nearest in the
# region is off by less than 5 % for 95 of 100 of them. Of d, f, g, inf, p, t and u it is not, so they get no estimate.
ALIKE = {"c", "i", "m", "r", "x"}
MOST_OFF = 0.05

# Bare metal listed at about twice the same-shape VM, which no other is: left out as wrong.
DOUBTFUL = re.compile(r"^[mr]8gb\.metal")

# Prices within this share of each other are one price, written with more or fewer digits.
SAME = 1e-4

# Processors without simultaneous multithreading, beside all of arm64: AMD's of the 7th generation and later.
ONE_THREAD_PER_CORE = re.compile(r"^([mcr][78]a|hpc.*)$")

# Volume attachments: the table of the AWS EBS CSI driver (pkg/cloud/volume_limits.go, Apache-2.0). Types of the 8th
# generation and later are not in it and are taken for the common Nitro limit, which is the careful reading.
NOT_NITRO = {"t2", "c3", "m3", "r3", "c4", "m4", "r4", "x1e", "x1", "p2", "p3", "g3", "d2", "h1", "c1", "m1", "m2",
             "t1", "cr1", "cc2", "hs1", "i2", "g2", "g3s", "f1", "i3p"}
OWN_LIMIT = {"m7i", "m7a", "c7i", "c7a", "r7a", "r7i", "r7iz", "u7i"}
OWN_BY_SIZE = {"metal-16xl": 31, "metal-24xl": 31, "16xlarge": 48, "24xlarge": 64, "metal-32xl": 79, "metal-48xl": 79,
               "32xlarge": 88, "48xlarge": 128}
FEW = {"d3.8xlarge": 3, "d3en.12xlarge": 3, "g5.48xlarge": 9, "inf1.xlarge": 26, "inf1.2xlarge": 26, "inf1.6xlarge": 23,
       "inf1.24xlarge": 11}


def read(name):
    with open(os.path.join(HERE, name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(name, header, rows):
    target = os.path.join(HERE, name)
    with open(target, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)
    print(f"{name}: {len(rows)} rows, {os.path.getsize(target)} bytes")


def number(text):
    """A decimal without trailing zeros, as the catalog writes it."""
    value = f"{float(text):.9f}".rstrip("0").rstrip(".")
    return value or "0"


def family(name):
    return name.split(".")[0]


# --- a cell: sightings, the one in force first, separated by spaces; each a number and the letters of its lists ---------

def parse_cell(cell, lists):
    """[(price as text, [list, ...]), ...]"""
    sightings = []
    for part in cell.split():
        text = part.rstrip(LETTERS)
        sightings.append((text, [lists[letter] for letter in part[len(text):]]))
    return sightings


def in_force_first(sightings):
    """Merges what agrees and sorts: observed over derived, then the newest, then by list.

    A sighting is (price, lists); the figure of the best list stands for all that agree with it."""
    single = [(price, one) for price, lists in sightings for one in lists]
    order = {"observed": 0, "derived": 1, "estimated": 2}
    single.sort(key=lambda s: (order[s[1][2]], [-ord(c) for c in s[1][1].ljust(10, "\0")], s[1][0]))
    merged = []
    for price, one in single:
        same = next((m for m in merged if abs(float(m[0]) / float(price) - 1) < SAME), None)
        if same is None:
            merged.append([price, [one]])
            continue
        if one not in same[1]:
            same[1].append(one)
        # Of figures that agree, the one with the most digits.
        if len(price) > len(same[0]) and one[2] == same[1][0][2]:
            same[0] = price
    return merged


class Facts:
    """Every price seen: machines in `ec2`, other things in `item`, by (region, name)."""

    def __init__(self):
        lists = {row["list"]: (row["source"], row["price_date"], row["kind"]) for row in read("price_lists.csv")}
        self.prices = {"ec2": self.matrix("on_demand.csv", 1, lists), "item": self.matrix("other_prices.csv", 2, lists)}
        self.units = {row["item"]: row["unit"] for row in read("other_prices.csv")}

    @staticmethod
    def matrix(name, keys, lists):
        cells = {}
        for row in read(name):
            columns = list(row.items())
            for region, cell in columns[keys:]:
                sightings = [(price, [one for one in of if one[0] not in MADE]) for price, of in parse_cell(cell, lists)]
                sightings = [s for s in sightings if s[1]]
                if sightings:
                    cells[region, columns[0][1]] = sightings
        return cells

    def take(self, path):
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                name, kind = row["name"], row["kind"]
                assert kind in ("observed", "derived"), row
                if DOUBTFUL.match(name):
                    continue
                if row["what"] == "item":
                    assert self.units.setdefault(name, row["unit"]) == row["unit"], row
                cell = self.prices[row["what"]].setdefault((row["region"], name), [])
                cell.append((number(row["price"]), [(row["source"], row["date"], kind)]))

    def write(self, estimates):
        used = {one for cells in self.prices.values() for c in cells.values() for _, of in c for one in of}
        lists = sorted(used | {(BY_NEAREST, base_date(self.prices["ec2"]), "estimated")})
        letter = {one: LETTERS[n] for n, one in enumerate(lists)}
        write("price_lists.csv", ["list", "source", "price_date", "kind"], [[letter[one], *one] for one in lists])

        def written(sightings):
            # The first letter is that of the list whose figure it is; the lists after it agree.
            return " ".join(price + "".join(letter[one] for one in of) for price, of in sightings)

        for what, name, units in (("ec2", "on_demand.csv", None), ("item", "other_prices.csv", self.units)):
            cells = self.prices[what]
            regions = sorted({region for region, _ in cells})
            names = sorted({n for _, n in cells})
            rows = [[n, *([units[n]] if units else []),
                     *[written(cells.get((r, n), [])) for r in regions]] for n in names]
            write(name, [*(["item", "unit"] if units else ["instance_type"]), *regions], rows)
        regions = sorted({region for region, _ in estimates})
        rows = [[f, *["{} {}".format(*estimates[r, f]) if (r, f) in estimates else "" for r in regions]]
                for f in sorted({f for _, f in estimates})]
        write("estimates.csv", ["family", *regions], rows)


# --- what is made ---------------------------------------------------------------------------------------------------

def newest(sightings):
    return sightings[0][1][0][1] if sightings else ""


def base_date(cells):
    """The date that most prices of us-east-1 have."""
    return statistics.mode(newest(cell) for (region, _), cell in sorted(cells.items()) if region == BASE)


def carry_over_changes(cells, types):
    """Prices that were seen only before they changed, times the change; metal, by the VM of its shape."""
    def shape(name):
        return (family(name), types[name]["vcpu"], types[name]["memory_mib"]) if name in types else None

    vms = {shape(name): name for name in types if types[name]["bare_metal"] == "false"}
    for change in read("price_changes.csv"):
        if not change["factor"]:
            continue
        for (region, name), cell in list(cells.items()):
            old = change["region"] in ("all", region) and change["family"] == family(name) \
                and newest(cell) < change["from"]
            if not old:
                continue
            price, made = float(cell[0][0]) * float(change["factor"]), (BY_CHANGE, change["from"], "derived")
            vm = cells.get((region, vms.get(shape(name)))) if name in types and ".metal" in name else None
            if vm and newest(vm) >= change["from"]:
                price, made = float(vm[0][0]), (BY_SHAPE, newest(vm), "derived")
            cell.insert(0, (number(f"{price:.7g}"), [made]))


def ratios(cells):
    """Each family's price in a region over its price in us-east-1: the median over sizes seen in both."""
    found = {}
    for (region, name), cell in cells.items():
        base = cells.get((BASE, name))
        if base and region != BASE and not region.startswith("cn-"):
            found.setdefault((region, family(name)), []).append(float(cell[0][0]) / float(base[0][0]))
    return {key: statistics.median(values) for key, values in found.items()}


def other_sizes(cells, ratio):
    """Sizes of a family of which a region shows others: us-east-1's price times the family's ratio."""
    made, of = 0, (BY_FAMILY, base_date(cells), "derived")
    base = {name: float(cell[0][0]) for (region, name), cell in cells.items() if region == BASE}
    for region in sorted({region for region, _ in cells if not region.startswith("cn-")}):
        for name, price in base.items():
            if (region, name) not in cells and (region, family(name)) in ratio:
                cells[region, name] = [(number(f"{price * ratio[region, family(name)]:.6g}"), [of])]
                made += 1
    return made


FAMILY = re.compile(r"^([a-z]+?)-?(\d+)([a-z]*?)(?:-(.*))?$")


def parts(name):
    found = FAMILY.match(name)
    return (found[1], int(found[2]), found[3], found[4] or "") if found else (name, 0, "", "")


def unlike(one, other):
    """How unlike two families of a class are: processor, then what they have beside it, then generation."""
    (_, n, a, s), (_, m, b, t) = parts(one), parts(other)
    maker = [next((c for c in attributes[:1] if c in "ag"), "i") for attributes in (a, b)]
    extra = [{c for c in attributes if c not in "iag"} for attributes in (a, b)]
    return (100 * (maker[0] != maker[1]) + 10 * len(extra[0] ^ extra[1]) + 3 * abs(n - m) + (m < n) + (s != t))


def nearest(name, known):
    alike = [other for other in known if other != name and parts(other)[0] == parts(name)[0]]
    return min(alike, key=lambda other: (unlike(name, other), other), default=None)


def nearest_families(cells, ratio):
    """{(region, family): (ratio, nearest family)} for families of us-east-1 that a region does not show."""
    estimates, known = {}, {}
    for region, name in ratio:
        known.setdefault(region, set()).add(name)
    families = sorted({family(name) for region, name in cells if region == BASE})
    for region, there in sorted(known.items()):
        for name in families:
            via = nearest(name, there) if name not in there and parts(name)[0] in ALIKE else None
            if via:
                estimates[region, name] = (number(f"{ratio[region, via]:.5f}"), via)
    return estimates


def attachments(name):
    """How many volumes can be attached, and whether network interfaces take from the same number."""
    of, size = name.split(".")
    if name in FEW:
        return FEW[name], False
    if of.startswith("u-"):
        return (19 if size == "metal" else 27), False
    if of in OWN_LIMIT:
        return OWN_BY_SIZE.get(size, 32), False
    if size.startswith("metal"):
        return 31, False
    return (39, False) if of in NOT_NITRO else (28, True)


def instance_types():
    types = {row["instance_type"]: row for row in read("instance_types.csv")}
    for name, row in types.items():
        one = row["arch"] == "arm64" or ONE_THREAD_PER_CORE.match(family(name)) or row["vcpu"] == "1"
        row["threads_per_core"] = 1 if one else 2
        row["attachments"], shared = attachments(name)
        row["attachments_shared"] = str(shared).lower()
    rows = sorted(types.values(), key=lambda row: row["instance_type"])
    write("instance_types.csv", list(rows[0]), [list(row.values()) for row in rows])
    return types


# --- checks ---------------------------------------------------------------------------------------------------------

def check(cells, types, ratio):
    """Metal costs what the VM of its shape costs, and estimates are as good as README.md says."""
    vms = {(family(n), t["vcpu"], t["memory_mib"]): n for n, t in types.items() if t["bare_metal"] == "false"}
    for (region, name), cell in cells.items():
        vm = vms.get((family(name), types[name]["vcpu"], types[name]["memory_mib"])) if name in types else None
        if vm and ".metal" in name and (region, vm) in cells and not region.startswith("cn-"):
            off = float(cell[0][0]) / float(cells[region, vm][0][0]) - 1
            assert abs(off) < 1e-3, (region, name, cell, cells[region, vm])
    off = {}
    for (region, name), value in ratio.items():
        via = nearest(name, {other for r, other in ratio if r == region})
        if via:
            off.setdefault(parts(name)[0], []).append(abs(ratio[region, via] / value - 1))
    for of, errors in sorted(off.items()):
        errors.sort()
        tail = errors[int(len(errors) * 0.95)]
        print(f"  estimating {of}: {len(errors)} hidden, off by {errors[len(errors) // 2]:.2%}, 95th {tail:.1%}")
        assert of not in ALIKE or tail < MOST_OFF, of


def main(paths):
    types = instance_types()
    facts = Facts()
    for path in paths:
        facts.take(path)
    for cells in facts.prices.values():
        for key, sightings in cells.items():
            cells[key] = in_force_first(sightings)
    machines = facts.prices["ec2"]
    carry_over_changes(machines, types)
    ratio = ratios(machines)
    estimates = nearest_families(machines, ratio)
    print(f"derived from other sizes: {other_sizes(machines, ratio)}")
    check(machines, types, ratio)
    facts.write(estimates)


if __name__ == "__main__":
    main(sys.argv[1:])
