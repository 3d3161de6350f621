#!/usr/bin/env python3
"""Compares `tidemark tree`, `peek`, `graph`, `callgrind` and `topproto` with what `go tool
pprof` writes of the same files under the same options: every node, every edge, every
character of the text.

    compare_graph.py --tidemark BIN [--base BASE] [--command COMMAND] PROFILE...

Neither side symbolizes. The texts are compared byte by byte first. Where they differ, what
pprof leaves to chance (it comes out of Go maps) is taken out of both and the rest must be
equal: the order of nodes that have one name and value, and what follows from it (numbers of
nodes and names, running sums), and the order of edges and labels that weigh the same.

Chance also says which of two equals a picture leaves out: the last node that fits, when the
next one has its name and value, or the first of two redundant edges that weigh 5 and -5. Where
the pictures still differ, pprof runs again, and either some run of it must equal ours, or its
runs must differ and what they have in common must be in ours: of a call tree the names of the
nodes, of a graph nodes and edges. That may be the case for a small part of the texts only.
Tables are cut off in the same way, with less that is left to chance: there some run must be ours.

pprof 1.19 knows no columns, writes times in another way, and its -callgrind ignores -noinlines;
it finds other words in Go names without a dot, of which the fixtures have none.

Exit status: 0 all equal, 1 a text differs, 2 a tool failed.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import gzip
import hashlib
import itertools
import os
import re
import subprocess
import sys
import tempfile

import compare_top
import random_profiles

EVERYTHING = {"nodefraction": 0, "edgefraction": 0, "nodecount": 0}
# pprof's option names and values; True is a flag. Regexes match something in most profiles.
OPTIONS = {
    "tree": [
        {}, {"unit": "b", **EVERYTHING}, {"cum": True, "nodecount": 7}, {"lines": True},
        {"filefunctions": True, "nodefraction": 0.05, "edgefraction": 0.1, "unit": "b"},
        {"files": True, **EVERYTHING}, {"addresses": True, "nodecount": 12, "unit": "b"},
        {"noinlines": True, "unit": "kb", "nodefraction": 0.02},
        {"mean": True, **EVERYTHING}, {"mean": True, "sample_index": "0", "lines": True},
        {"divide_by": 3.5, "unit": "auto"}, {"divide_by": 1000, "mean": True, "cum": True},
        {"drop_negative": True, "unit": "b"}, {"call_tree": True},
        {"focus": "[aeiou]", "ignore": "e.*x", "unit": "b"}, {"hide": "a", "unit": "b"},
        {"show": "[a-m]", "noinlines": True}, {"show_from": "main|[a-m]", "nodecount": 9},
        {"prune_from": "[n-z]"}, {"focus": "a", "relative_percentages": True},
        {"tagfocus": "16b:1kb"}, {"tagignore": "kind=[b-z]"}, {"tagroot": "kind"},
        {"tagleaf": "kind,bytes", "lines": True}, {"sample_index": "0", **EVERYTHING},
        {"showcolumns": True, "lines": True, **EVERYTHING},
        {"trim_path": "/src:/proc/self/cwd/a", "lines": True}, {"focus": "matches nothing"},
    ],
    "peek": [
        {}, {"peek": "[a-m]", "unit": "b"}, {"peek": "main|Insert", "lines": True},
        {"peek": "e", "noinlines": True, "cum": True}, {"peek": "m", "addresses": True},
        {"peek": r"\[|unknown", "files": True}, {"peek": "a", "mean": True, "drop_negative": True},
        {"peek": "[A-Z]", "hide": "a", "focus": "[n-z]"}, {"peek": "matches nothing"},
    ],
    "dot": [
        {}, {"unit": "b", **EVERYTHING}, {"nodecount": 3}, {"nodecount": 10, "edgefraction": 0.05},
        {"nodefraction": 0.1}, {"nodefraction": 0.05, "edgefraction": 0.2, "nodecount": 6},
        {"lines": True, "nodecount": 15}, {"files": True}, {"filefunctions": True},
        {"addresses": True, "nodecount": 20, "unit": "b"}, {"noinlines": True, "unit": "kb"},
        {"call_tree": True}, {"call_tree": True, "nodecount": 12, "unit": "b"},
        {"call_tree": True, "nodefraction": 0.1}, {"call_tree": True, **EVERYTHING},
        {"mean": True}, {"divide_by": 7, "unit": "auto"}, {"drop_negative": True},
        {"drop_negative": True, "call_tree": True, "nodecount": 8},
        {"hide": "a", "nodecount": 8}, {"show": "[a-m]"}, {"focus": "[aeiou]", "nodecount": 5},
        {"tagshow": "kind", "nodecount": 9}, {"taghide": "kind|bytes"}, {"tagfocus": "16b:1kb"},
        {"tagroot": "kind", "tagleaf": "bytes"}, {"show_from": "e", "unit": "ms"},
        {"sample_index": "0"}, {"relative_percentages": True, "focus": "a"},
    ],
    "callgrind": [
        {}, {"noinlines": True}, {"call_tree": True}, {"mean": True}, {"unit": "b", "cum": True},
        {"divide_by": 100}, {"drop_negative": True}, {"hide": "a"}, {"focus": "[n-z]"},
        {"sample_index": "0"}, {"unit": "auto"},
    ],
    "topproto": [
        {}, {"unit": "b", **EVERYTHING}, {"lines": True, "nodecount": 9}, {"files": True},
        {"addresses": True, "unit": "b"}, {"cum": True, "nodefraction": 0.05},
        {"mean": True, "unit": "b"}, {"divide_by": 10}, {"drop_negative": True},
        {"focus": "[a-m]", "noinlines": True},
    ],
}
BASE_OPTIONS = {
    "tree": [{"unit": "b"}, {"normalize": True}, {"drop_negative": True, **EVERYTHING}],
    "peek": [{"unit": "b"}],
    "dot": [{}, {"nodecount": 9}, {"drop_negative": True}, {"call_tree": True, "nodecount": 9}],
    "callgrind": [{}, {"call_tree": True}],
    "topproto": [{"unit": "b"}],
}
MOST_CHANCE = 0.1  # of the texts

# pprof's defaults that hold where an option does not say; machine-readable output of ours is not
# trimmed by default, but these commands write pprof's formats.
COMMANDS = {"tree": "tree", "peek": "peek", "dot": "graph", "callgrind": "callgrind",
            "topproto": "topproto"}
# What a command cannot do, because the format has no use for it.
INAPPLICABLE = {"tree": {"call_tree"}}


def pprof_output(pprof, command, options, files, directory):
    arguments = [f"-{name}" if value is True else f"-{name}={value}"
                 for name, value in options.items() if name != "peek"]
    action = f"-peek={options.get('peek', '.')}" if command == "peek" else f"-{command}"
    output = os.path.join(directory, "theirs")
    done = subprocess.run(pprof + [action, "-symbolize=none", f"-output={output}"] + arguments +
                          files, capture_output=True, stdin=subprocess.DEVNULL, timeout=600,
                          check=False)
    if done.returncode != 0:
        if b"no matches found" in done.stderr:
            return None
        raise compare_top.ToolError(f"pprof {action} {options} {files}: {done.stderr.decode()}")
    return output


def tidemark_output(binary, command, options, files, directory):
    arguments = [binary, COMMANDS[command], "--symbolize", "none"]
    for name, value in options.items():
        if name in compare_top.GRANULARITIES:
            arguments += ["--granularity", name]
        elif name != "peek" and name not in INAPPLICABLE.get(command, ()):
            name = name.replace("_", "-")
            arguments.append(f"--{name}" if value is True else f"--{name}={value}")
    if command == "peek":
        arguments.append(options.get("peek", "."))
    output = os.path.join(directory, "ours")
    with open(output, "wb") as out:
        done = subprocess.run(arguments + files, stdout=out, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=600, check=False)
    if done.returncode != 0:
        if b"no function matches" in done.stderr and done.returncode == 3:
            return None
        raise compare_top.ToolError(f"{' '.join(arguments + files)}: exit {done.returncode}: "
                                    f"{done.stderr.decode()}")
    return output


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


TREE_EDGE = re.compile(r"\s*-?(\S+)\s+\S+% \|   (.*)$")
TREE_NODE = re.compile(r"\s*(\S+)\s+\S+%\s+(\S+%)\s+(\S+)\s+\S+%                \| (.*)$")


def tree_normalised(text):
    """Header lines, then blocks of (node, callers, callees), ties in a fixed order."""
    head, *blocks = re.split(r"^-+\+-+\n", text, flags=re.MULTILINE)
    out = []
    for block in blocks:
        above, node, below = [], None, []
        for line in block.splitlines():
            match = TREE_NODE.match(line)
            if match:
                # The running sum depends on the order of the ties before it.
                node = (match[4], match[1].lstrip("-"), match[1], match[3])
            elif TREE_EDGE.match(line):
                (below if node else above).append(line)
            else:
                out.append(line)
        if node:
            out.append((node, edges_normalised(above), edges_normalised(below)))
    result = []
    for _, ties in itertools.groupby(out, lambda b: b[0][:2] if isinstance(b, tuple) else b):
        result += sorted(ties, key=str)
    return [head] + result


def edges_normalised(lines):
    out = []
    for _, ties in itertools.groupby(lines, lambda line: TREE_EDGE.match(line)[1]):
        out += sorted(ties)
    return out


DOT_NODE = re.compile(r'N(\d+) \[label="(.*)" id="node\d+" (fontsize=.*)\]$')
DOT_NODELET = re.compile(r'(N+\d+(?:_\d+)+) \[label = "(.*)" id="N+\d+(?:_\d+)+" (.*)\]$')
DOT_EDGE = re.compile(r"(N+\d+(?:_\d+)*) -> (N+\d+(?:_\d+)*) \[(.*)\]$")


def dot_normalised(text):
    """The lines that are no node and no edge; and the multiset of the roots, each with all that
    hangs from it in a fixed order (a graph: each node with its edges and their ends)."""
    other, nodes, edges, boxes = [], {}, [], {}
    for line in text.splitlines():
        if match := DOT_NODE.match(line):
            nodes["N" + match[1]] = f"{match[2]} {match[3]}"
        elif match := DOT_NODELET.match(line):
            boxes[match[1]] = f"{match[2]} {match[3]}"
        elif match := DOT_EDGE.match(line):
            edges.append((match[1], match[2], match[3]))
        else:
            other.append(line)
    ends = collections.defaultdict(list)
    for source, target, attributes in edges:
        ends[source].append((target, attributes))
    has_caller = {target for _, target, _ in edges}
    name = {**nodes, **boxes}

    def box(identity):
        below = sorted((attributes, box(target)) for target, attributes in ends[identity]
                       if target in boxes)
        return boxes[identity], below

    def tree(identity):  # without recursion: call trees are deep
        order, stack, done = [], [identity], {}
        while stack:
            at = stack.pop()
            order.append(at)
            stack += [target for target, _ in ends[at] if target in nodes]
        for at in reversed(order):
            below = sorted(str((attributes, done[target] if target in nodes else
                                box(target) if target in boxes else target))
                           for target, attributes in ends[at])
            done[at] = str(hash_of((nodes[at], below)))
        return done[identity]

    callers = collections.Counter(t for _, t, _ in edges if t in nodes)
    if all(count == 1 for count in callers.values()) and not has_cycle(nodes, ends):
        roots = sorted(tree(n) for n in nodes if n not in has_caller)
    else:
        roots = sorted((nodes[n], sorted(str((a, box(t) if t in boxes else nodes.get(t, t)))
                                         for t, a in ends[n])) for n in nodes)
    parts = sorted(nodes.values()) + sorted(
        f"{name.get(s, s)} -> {name.get(t, t)}: {a}" for s, t, a in edges)
    return other, roots, parts


def has_cycle(nodes, ends):
    """Of a graph where every node has at most one caller: whether some have no root."""
    reached = set()
    targets = {t for n in nodes for t, _ in ends[n]}
    stack = [n for n in nodes if n not in targets]
    while stack:
        at = stack.pop()
        reached.add(at)
        stack += [t for t, _ in ends[at] if t in nodes]
    return len(reached) != len(nodes)


def hash_of(value):
    return hashlib.sha256(repr(value).encode("utf-8", "surrogateescape")).hexdigest()


SUFFIX = re.compile(r" \[\d+/(\d+)\]$")


def callgrind_normalised(text):
    """Header lines, and the multiset of functions' lines with names and addresses written
    out."""
    names = {"ob": {}, "fl": {}, "fn": {}}
    head, nodes = [], []
    at = {}
    previous = None
    edge = None

    def name_of(table, value):
        match = re.match(r"\((\d+)\)(?: (.*))?$", value)
        if not match:
            return value
        if match[2] is not None:
            names[table][match[1]] = match[2]
        # Which of several functions of one name is which depends on the order of the nodes.
        return SUFFIX.sub(r" [\1]", names[table][match[1]])

    def address_of(value):
        if value == "*":
            return previous
        return previous + int(value) if value[0] in "+-" else int(value, 16)

    node = None
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key in ("ob", "fl", "fn"):
            at[key] = name_of(key, value)
        elif key in ("cfl", "cfn"):
            at[key] = name_of(key[1:], value)
        elif key == "calls":
            _, where, number = value.split(" ")
            edge = (at["cfl"], at["cfn"], address_of(where), number)
        elif line.startswith("* * ") and edge:
            node[1].append((edge, line[4:]))
            edge = None
        elif re.match(r"(0x|\*|[+-])\S* -?\d+ -?\d+$", line):
            if node:
                previous = node[0][3]
            where, number, cost = line.split(" ")
            address = address_of(where) if node else int(where, 16)
            previous = previous if node else None
            node = ((at["ob"], at["fl"], at["fn"], address, number, cost), [])
            nodes.append(node)
            # Callees' addresses refer to the node before this one, as this one's does.
        elif line:
            head.append(line)
    return head, sorted((n, sorted(e)) for n, e in nodes)


RAW_SAMPLE = re.compile(r"\s*(-?\d+)\s+(-?\d+): (\d+) $")


def topproto_normalised(pprof, path):
    """pprof -raw of it, with each sample's location written out; ties in a fixed order."""
    lines = compare_top.run(pprof + ["-raw", "-symbolize=none", path]).splitlines()
    start = lines.index("Locations")
    places = dict(re.match(r"\s*(\d+): (.*)$", line).groups()
                  for line in lines[start + 1:lines.index("Mappings")])
    out = []
    for line in lines[:start]:
        match = RAW_SAMPLE.match(line)
        out.append((match[2].lstrip("-"), match[1], match[2], places[match[3]]) if match else line)
    samples = [s for s in out if isinstance(s, tuple)]
    return [s for s in out if isinstance(s, str)], sorted(samples)


TIME = re.compile(r"Time: [^\n\\]*")  # the byte by byte comparison with a newer pprof has it


def normalised(pprof, command, path):
    if command in ("tree", "peek"):
        return tree_normalised(TIME.sub("Time: ", read(path)))
    if command == "dot":
        return dot_normalised(TIME.sub("Time: ", read(path)))
    if command == "callgrind":
        return callgrind_normalised(read(path))
    return topproto_normalised(pprof, path)


def first_difference(ours, theirs, where=""):
    """None when equal, else a sentence."""
    if ours == theirs:
        return None
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        for i, (mine, yours) in enumerate(itertools.zip_longest(ours, theirs)):
            if mine != yours:
                return first_difference(mine, yours, f"{where}/{i}")
    return f"{where}: {ours!r}, pprof {theirs!r}"


@dataclasses.dataclass
class Comparison:
    """One text of both."""
    what: str
    difference: str = None  # None: equal
    exact: bool = False     # byte by byte
    chance: bool = False    # equal to a part of what pprof's runs have in common only
    size: int = 0


NODE_NAME = re.compile(r'^(?!.* -> .*: ).* tooltip="(.*) \(\S+\)" color', re.MULTILINE)
RUNS = 6        # of pprof, to find out what is chance
MANY_RUNS = 60  # where these are not enough: some chances are slim


def settle(pprof, command, options, files, directory, ours, theirs):
    """Whether it is a text that pprof might have written: "equal", "chance" or None."""
    def names(picture):
        return collections.Counter(NODE_NAME.findall("\n".join(picture[2])))

    varies = False
    common = set(theirs[2]) if command == "dot" else None
    for i in range(MANY_RUNS):
        run = normalised(pprof, command, pprof_output(pprof, command, options, files, directory))
        if run == ours:
            return "equal"
        if command != "dot":
            continue
        varies = varies or run != theirs
        common &= set(run[2])
        in_ours = (names(ours) == names(run) if options.get("call_tree") else
                   common <= set(ours[2]))
        if i >= RUNS and varies and in_ours:
            return "chance"
    return None


def compare(binary, pprof, command, options, files):
    done = Comparison(f"{command} {options} {' '.join(files)}")
    with tempfile.TemporaryDirectory() as directory:
        theirs = pprof_output(pprof, command, options, files, directory)
        ours = tidemark_output(binary, command, options, files, directory)
        if ours is None or theirs is None:
            done.exact = ours == theirs
            if not done.exact:
                done.difference = f"matches: {ours is not None}, pprof's: {theirs is not None}"
            return done
        done.size = os.path.getsize(theirs)
        done.exact = command != "topproto" and read(ours) == read(theirs)
        if done.exact:
            return done
        ours, theirs = (normalised(pprof, command, path) for path in (ours, theirs))
        done.difference = first_difference(ours, theirs)
        if done.difference:
            verdict = settle(pprof, command, options, files, directory, ours, theirs)
            done.chance = verdict == "chance"
            if verdict:
                done.difference = None
    return done


def reads_columns(pprof):
    """pprof 1.19 does not."""
    with tempfile.NamedTemporaryFile(suffix=".pb.gz") as f:
        f.write(gzip.compress(random_profiles.one_column()))
        f.flush()
        return ":3:5 " in compare_top.run(pprof + ["-raw", "-symbolize=none", f.name])


def needs_newer(item):
    """Than pprof 1.19."""
    command, options, files = item
    return ("showcolumns" in options or any("-columns" in os.path.basename(f) for f in files) or
            (command == "callgrind" and "noinlines" in options))


def plan(profiles, base):
    for profile in profiles:
        for command, sets in OPTIONS.items():
            for options in sets:
                yield command, options, [profile]
        for command, sets in BASE_OPTIONS.items() if base else ():
            for options in sets:
                for kind in ("base", "diff_base"):
                    yield command, {**options, kind: base}, [profile]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tidemark", required=True, metavar="BIN")
    parser.add_argument("--base", help="also with -base and -diff_base of this profile")
    parser.add_argument("--command", choices=sorted(OPTIONS), help="only this one")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("profiles", nargs="+", metavar="PROFILE")
    args = parser.parse_args()
    os.environ["TZ"] = "UTC"
    failures = exact = chance = texts = size = 0
    try:
        pprof = compare_top.pprof_command()
        work = [item for item in plan(args.profiles, args.base)
                if args.command in (None, item[0])]
        if not reads_columns(pprof):
            work = [item for item in work if not needs_newer(item)]
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for done in [pool.submit(compare, args.tidemark, pprof, *item) for item in work]:
                comparison = done.result()
                texts += 1
                exact += comparison.exact
                chance += comparison.chance
                size += comparison.size
                if comparison.difference:
                    failures += 1
                    print(f"DIFFERS {comparison.what}: {comparison.difference[:600]}")
    except (compare_top.ToolError, subprocess.TimeoutExpired) as error:
        print(f"compare_graph: {error}", file=sys.stderr)
        return 2
    print(f"{texts - failures} of {texts} texts equal pprof's, {exact} of them byte by byte, "
          f"{chance} as far as pprof's runs agree ({size} bytes compared)")
    return 1 if failures or (work and size == 0) or chance > texts * MOST_CHANCE else 0


if __name__ == "__main__":
    sys.exit(main())
