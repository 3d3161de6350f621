#!/usr/bin/env python3
"""Compares `tidemark top` and `tidemark diff` with `go tool pprof`, row by row.

    compare_top.py --tidemark BIN [--base BASE] [--granularity G,...] [--quick] PROFILE...

For each profile, each of its sample types, each granularity and a set of filters that are
made from the profile's own names, every row's name, flat and cum must equal pprof's, in
pprof's order, and so must the total. With --base each PROFILE is also compared with
`pprof -diff_base`: delta_flat and delta_cum are pprof's flat and cum.

Neither side symbolizes: what is compared is what the files hold. Raw profiles (without
functions) are told apart by address only: pass --granularity addresses for those, or look
at the coarse granularities, where a module is one row.

Exit status: 0 all rows equal, 1 a row differs, 2 a tool failed.
"""

import argparse
import concurrent.futures
import dataclasses
import functools
import itertools
import json
import os
import re
import subprocess
import sys

GRANULARITIES = ["functions", "filefunctions", "files", "lines", "addresses"]
# Flat and cum, each a number and its unit, each followed by its share.
ROW = re.compile(r"\s*(-?[\d.]+)\S*\s+\S+%\s+\S+%\s+(-?[\d.]+)\S*\s+\S+%  (.*)$")
TOTAL = re.compile(r"Showing nodes accounting for .* of (-?[\d.]+)\S* total$")
INLINE = re.compile(r" \((?:partial-)?inline\)$")


class ToolError(Exception):
    """A tool did not run; nothing can be compared."""


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    flat: int
    cum: int


@dataclasses.dataclass
class Table:
    total: int
    rows: list


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=600)
    if done.returncode != 0:
        raise ToolError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def pprof_command():
    """Go's pprof itself where Go says where it is: `go tool` takes longer than pprof."""
    path = run(["go", "tool", "-n", "pprof"]).strip()
    return [path] if os.access(path, os.X_OK) else ["go", "tool", "pprof"]


@functools.lru_cache(maxsize=None)
def raw_types(pprof, profile):
    lines = run([*pprof, "-raw", "-symbolize=none", profile]).splitlines()
    head = lines[lines.index("Samples:") + 1]
    return dict(word.rsplit("/", 1) for word in head.replace("[dflt]", "").split())


def sample_types(pprof, profile):
    """Names and their units in the file's order, from pprof -raw's line below "Samples:"."""
    return raw_types(tuple(pprof), profile)


def pprof_table(pprof, profile, index, granularity, filters, base=None):
    # In the sample type's own unit nothing is rounded; what is a count has none.
    unit = sample_types(pprof, profile).get(index, "bytes")
    command = pprof + ["-top", f"-unit={unit}", "-nodefraction=0", "-nodecount=0",
                       "-symbolize=none", f"-sample_index={index}", f"-{granularity}"]
    command += [f"-{name}" if value is True else f"-{name}={value}"
                for name, value in filters.items()]
    if base:
        command.append(f"-diff_base={base}")
    table = Table(0, [])
    in_rows = False
    for line in run(command + [profile]).splitlines():
        if in_rows:
            match = ROW.match(line)
            if not match:
                raise ToolError(f"cannot read pprof's row: {line!r}")
            table.rows.append(Row(INLINE.sub("", match[3]), int(float(match[1])),
                                  int(float(match[2]))))
        elif TOTAL.match(line):
            table.total = int(float(TOTAL.match(line)[1]))
        elif line.lstrip().startswith("flat "):
            in_rows = True
    return table


def printable(row):
    """pprof's name of one of our rows."""
    parts = [f"{row['address']:016x}"] if row["address"] else []
    if row["function"]:
        parts.append(row["function"])
    if row["line"]:
        parts.append(f"{row['file'] or ''}:{row['line']}")
    elif row["file"]:
        parts.append(row["file"])
    return " ".join(parts)


def tidemark_json(binary, command, files, index, granularity, filters):
    arguments = [binary, command, "--format", "json", "--symbolize", "none", "--sample-index",
                 index, "--granularity", granularity]
    for name, value in filters.items():
        arguments += [f"--{name}"] if value is True else [f"--{name}={value}"]
    return json.loads(run(arguments + files))


def tidemark_table(binary, profile, index, granularity, filters):
    document = tidemark_json(binary, "top", [profile], index, granularity, filters)
    return Table(document["total"],
                 [Row(printable(r), r["flat"], r["cum"]) for r in document["rows"]])


def tidemark_diff(binary, base, profile, index, granularity, filters):
    document = tidemark_json(binary, "diff", [base, profile], index, granularity, filters)
    rows = []
    for r in document["rows"]:
        for part in ("flat", "cum"):
            if r[f"delta_{part}"] != r[part] - r[f"base_{part}"]:
                raise ToolError(f"delta_{part} is not {part} - base_{part}: {r}")
        if r["delta_flat"] or r["delta_cum"]:  # pprof leaves the others out
            rows.append(Row(printable(r), r["delta_flat"], r["delta_cum"]))
    return Table(document["base_total"], rows)


def filter_sets(pprof, profile, quick):
    """Filters that match something: made from names in the profile."""
    sets = [{}]
    if quick:
        return sets
    names = [row.name for row in pprof_table(pprof, profile, "0", "functions", {}).rows]
    files = [row.name for row in pprof_table(pprof, profile, "0", "files", {}).rows]
    names = [re.escape(n) for n in names if not n.startswith(("[", "<"))]
    files = [re.escape(f) for f in files if not f.startswith(("[", "<"))]
    sets.append({"noinlines": True})
    sets.append({"cum": True})
    if names:
        third, half, late = names[len(names) // 3], names[len(names) // 2], names[-len(names) // 4]
        sets += [
            {"focus": third}, {"ignore": half}, {"hide": names[0]}, {"show": f"{third}|{late}"},
            {"focus": "[aeiou]", "ignore": late, "hide": half},
            {"show": "[a-m]", "hide": third, "noinlines": True},
        ]
    if files:
        sets += [{"focus": files[len(files) // 2]}, {"hide": files[0]}, {"show": files[-1]}]
    sets.append({"focus": "matches nothing at all"})
    return sets


def with_ties_sorted(rows, by_cum):
    """pprof leaves rows of one name and value (a file's functions, at granularity files) in
    the random order of a Go map."""
    out = []
    for _, ties in itertools.groupby(
            rows, lambda row: (row.name, abs(row.cum if by_cum else row.flat))):
        out += sorted(ties, key=lambda row: (row.flat, row.cum))
    return out


def first_difference(ours, theirs):
    """None when equal, else a sentence."""
    if ours.total != theirs.total:
        return f"total {ours.total}, pprof {theirs.total}"
    for i, (mine, yours) in enumerate(zip(ours.rows, theirs.rows)):
        if mine != yours:
            return f"row {i}: {mine}, pprof {yours}"
    if len(ours.rows) != len(theirs.rows):
        longer, who = ((ours.rows, "tidemark") if len(ours.rows) > len(theirs.rows)
                       else (theirs.rows, "pprof"))
        extra = longer[min(len(ours.rows), len(theirs.rows))]
        return f"{len(ours.rows)} rows, pprof {len(theirs.rows)}: only {who} has {extra}"
    return None


@dataclasses.dataclass
class Comparison:
    """One table of both tools."""
    what: str
    difference: str  # None: equal
    rows: int


def compare(binary, pprof, profile, index, granularity, filters, base=None):
    what = f"{'diff ' + base + ' ' if base else 'top '}{profile} {index} {granularity} {filters}"
    theirs = pprof_table(pprof, profile, index, granularity, filters, base)
    ours = (tidemark_diff(binary, base, profile, index, granularity, filters) if base
            else tidemark_table(binary, profile, index, granularity, filters))
    if base and ours.total == 0:
        theirs.total = 0  # pprof's percentages of an empty base refer to the profile instead
    for table in (ours, theirs):
        table.rows = with_ties_sorted(table.rows, "cum" in filters)
    return Comparison(what, first_difference(ours, theirs), len(theirs.rows))


def plan(pprof, profiles, base, granularities, quick):
    """All combinations for each profile; filters with the default sample type only."""
    for profile in profiles:
        types = list(sample_types(pprof, profile))
        sets = filter_sets(pprof, profile, quick)
        for granularity in granularities:
            for index in types:
                yield profile, index, granularity, {}, None
                if base:
                    yield profile, index, granularity, {}, base
            for filters in sets[1:]:
                yield profile, types[-1], granularity, filters, None
                if base:
                    yield profile, types[-1], granularity, filters, base


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tidemark", required=True, metavar="BIN")
    parser.add_argument("--base", help="also compare diffs against this profile")
    parser.add_argument("--granularity", default=",".join(GRANULARITIES))
    parser.add_argument("--quick", action="store_true", help="no filters")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("profiles", nargs="+", metavar="PROFILE")
    args = parser.parse_args()

    tables = rows = 0
    failures = []
    try:
        pprof = pprof_command()
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            work = [pool.submit(compare, args.tidemark, pprof, *item)
                    for item in plan(pprof, args.profiles, args.base,
                                     args.granularity.split(","), args.quick)]
            for done in work:
                comparison = done.result()
                tables += 1
                rows += comparison.rows
                if comparison.difference:
                    failures.append(comparison)
                    print(f"DIFFERS {comparison.what}: {comparison.difference}")
    except ToolError as error:
        print(f"compare_top: {error}", file=sys.stderr)
        return 2
    print(f"{tables - len(failures)} of {tables} tables equal pprof's ({rows} rows compared)")
    if rows == 0:
        print("compare_top: no rows: nothing was compared", file=sys.stderr)
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
