#!/usr/bin/env python3
"""What others say about the programs of tests/targets/leaks, as a Markdown table: at which
rank the leaking function stands, and how many decoys stand above it.

usage: leak_rivals.py [--set open|sealed|all] [--only NAME]… [--parallel N] [--seed N]

  tidemark   `tidemark leaks` over the snapshots of a run
  pprof      `go tool pprof -top -inuse_space -diff_base FIRST LAST` on the same snapshots, of
             which the one at the exit is left out: once as it is, once with -show for the
             program's own functions only, as its owner would filter. The better one counts.
  heaptrack  `heaptrack`, then `heaptrack_print --print-leaks`, of a run of its own: with
             merged backtraces, as it does by itself, and without. The better one counts.

The others are read with good will: only growth counts; a function's rank is where it is first
met when the listing is read from the top and only the program's own functions are noticed,
each once; where a backtrace has several, the innermost one counts.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import leak_targets

TOP_ROW = re.compile(r"^ *(-?[\d.]+)\w* +-?[\d.]+% +-?[\d.]+% +-?[\d.]+\w* +-?[\d.]+% +(.+)$")


def run(command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, timeout=300, **options).stdout


class Program:
    """One program's answer, and which functions are its own."""

    def __init__(self, answer):
        self.answer = leak_targets.Answer(answer)
        self.language = answer["language"]
        known = {*self.answer.leaks, *self.answer.parts, *self.answer.decoys}
        if self.language == "c":
            self.prefixes = sorted(known | {"main"})
            self.pattern = "^(" + "|".join(self.prefixes) + ")$"
        else:
            scopes = {re.split(r"::|\.", f)[0] for f in known} - {"runtime"}
            self.prefixes = [s + ("." if self.language == "go" else "::") for s in sorted(scopes)]
            self.pattern = "^<?(" + "|".join(map(re.escape, self.prefixes)) + ")"
            if self.language == "c++":  # and no template of std with a return type in front
                self.pattern += r"[\w:~]+(\(|\[|$)|^main$"

    def own(self, function):
        """The plain name when it is one of the program's own functions, else None."""
        name = leak_targets.plain_name(function.replace(" (inline)", ""), self.language)
        if self.language == "c":
            return name if name in self.prefixes else None
        is_own = name == "main" or (name.startswith(tuple(self.prefixes)) and " " not in name)
        return name if is_own else None


class Listing:
    """Functions in the order in which a tool names them, each once."""

    def __init__(self, functions, answer):
        self.answer = answer
        self.functions = [f for f in dict.fromkeys(functions) if f not in answer.parts]

    def rank(self, leak):
        return self.functions.index(leak) + 1 if leak in self.functions else None

    def decoys_above(self, leak):
        rank = self.rank(leak)
        return sum(f in self.answer.decoys for f in self.functions[:rank - 1 if rank else None])

    def decoys(self):
        return sum(f in self.answer.decoys for f in self.functions)


def pprof_top(first, last, program, *options):
    text = run(["go", "tool", "pprof", "-top", "-inuse_space", "-nodecount=10000",
                "-nodefraction=0", *options, "-diff_base", first, last])
    rows = [TOP_ROW.match(line) for line in text.splitlines()]
    functions = [row.group(2) for row in rows if row and float(row.group(1)) > 0]
    return Listing([program.own(f) or f for f in functions], program.answer)


def pprof(snapshots, program):
    """The unfiltered and the filtered listing."""
    return [pprof_top(snapshots[0], snapshots[-1], program),
            pprof_top(snapshots[0], snapshots[-1], program, "-show=" + program.pattern)]


def heaptrack(answer, program, seed):
    """The listings of leaks that heaptrack makes, merged and not; none for Go."""
    if answer["language"] == "go":
        return []
    folder = tempfile.mkdtemp(prefix="tidemark-heaptrack-")
    try:
        run(["heaptrack", "-o", os.path.join(folder, "out"),
             os.path.join(leak_targets.FOLDER, answer["name"]),
             "--seconds", str(answer["seconds"]), "--seed", str(seed)])
        command = ["heaptrack_print", "-f", os.path.join(folder, os.listdir(folder)[0]),
                   "--print-leaks", "1", "--print-peaks", "0", "--print-allocators", "0",
                   "--print-temporary", "0", "-n", "10000", "-s", "10000", "-t", "0"]
        texts = [run([*command, "--merge-backtraces", merge]) for merge in ("1", "0")]
    finally:
        shutil.rmtree(folder)
    return [Listing(innermost_own_functions(text, program), program.answer) for text in texts]


def innermost_own_functions(text, program):
    """Of each backtrace in a listing of heaptrack's, in its order. An entry begins with the
    frames that its backtraces share; each goes on, indented."""
    functions = []
    shared = found = None
    for line in text.partition("MEMORY LEAKS")[2].splitlines():
        if re.match(r"\S+ leaked over \d+ calls from:?$", line):
            # With a colon: one of the entry's backtraces. It begins where the shared ones end.
            found = shared if line.endswith(":") else None
            shared = found
            if found:
                functions.append(found)
        elif found is None and not re.match(r" *(at|in) ", line):
            found = program.own(line.strip())
            if found:
                functions.append(found)
                if not line.startswith(" "):
                    shared = found
    return functions


class Row:
    """What the three say about one program."""

    def __init__(self, answer, seed):
        self.answer = answer
        self.program = Program(answer)
        folder = tempfile.mkdtemp(prefix="tidemark-rivals-")
        try:
            self.ours = leak_targets.Run(answer, seed=seed, keep=folder)
            kept = os.path.join(folder, answer["name"])
            # As a user would take them: while the program runs.
            snapshots = [os.path.join(kept, f) for f in sorted(os.listdir(kept))]
            self.pprof = pprof(snapshots[:leak_targets.SNAPSHOTS], self.program)
        finally:
            shutil.rmtree(folder)
        self.heaptrack = heaptrack(answer, self.program, seed)

    def listings(self, leak):
        """Tool -> its best listing for that leak, None where there is none."""
        def best(listings):
            return min(listings, default=None,
                       key=lambda listing: listing.rank(leak) or sys.maxsize)
        return {"tidemark": Listing(self.ours.sites, self.program.answer),
                "pprof": best(self.pprof), "heaptrack": best(self.heaptrack)}


def decoys(count):
    return f"{count} decoy" if count == 1 else f"{count} decoys"


def place(listing, leak, frees_at_exit):
    if listing is None:
        return "-"
    rank = listing.rank(leak)
    if rank is None:
        return "none: freed at exit" if frees_at_exit else "not listed"
    above = listing.decoys_above(leak)
    return str(rank) + (f" ({decoys(above)} above)" if above else "")


def no_leaks_line(row):
    ours = row.ours.false_leaks
    cells = [f"{len(ours)} called a leak"]
    for listings in (row.pprof, row.heaptrack):  # the second of each is the clearer one
        cells.append(f"lists {decoys(listings[1].decoys())}" if listings else "-")
    return "| " + " | ".join([row.answer["name"], row.answer["language"], "no leak", *cells]) + " |"


class Table:
    TOOLS = ("tidemark", "pprof", "heaptrack")

    def __init__(self, rows):
        self.rows = rows
        self.ranks = {tool: [] for tool in self.TOOLS}  # (rank, best possible, decoys above)
        self.lines = ["| program | language | leaking function | tidemark leaks | pprof -diff_base "
                      "| heaptrack |", "|---|---|---|---|---|---|"]
        for row in rows:
            for leak in row.program.answer.leaks:
                self._add(row, leak)
        self.lines += [no_leaks_line(row) for row in rows if not row.program.answer.leaks]

    def _add(self, row, leak):
        cells = []
        frees = row.answer.get("frees_at_exit", False)
        for tool, listing in row.listings(leak).items():
            cells.append(place(listing, leak, frees and tool == "heaptrack"))
            if listing is not None:
                self.ranks[tool].append((listing.rank(leak), len(row.program.answer.leaks),
                                         listing.decoys_above(leak)))
        self.lines.append(f"| {row.answer['name']} | {row.answer['language']} | `{leak}` | "
                          + " | ".join(cells) + " |")

    def summary(self):
        yield "| | " + " | ".join(self.TOOLS) + " |"
        yield "|---|" + "---|" * len(self.TOOLS)
        for title, cell in (("first", self._first), ("among the first three", self._three),
                            ("decoys above, on average", self._decoys)):
            yield f"| {title} | " + " | ".join(cell(self.ranks[t]) for t in self.TOOLS) + " |"

    @staticmethod
    def _share(count, ranks):
        return f"{count} of {len(ranks)} ({count / max(1, len(ranks)):.0%})"

    def _first(self, ranks):
        # Of two leaks in one program one is second.
        return self._share(sum(bool(r) and r <= leaks for r, leaks, _ in ranks), ranks)

    def _three(self, ranks):
        return self._share(sum(bool(r) and r <= 3 for r, _, _ in ranks), ranks)

    @staticmethod
    def _decoys(ranks):
        found = [above for rank, _, above in ranks if rank]
        return f"{sum(found) / max(1, len(found)):.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=("open", "sealed", "all"), default="open")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--parallel", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    answers = leak_targets.programs(options.set, options.only)
    if not answers:
        sys.exit("no such program")
    with ThreadPoolExecutor(options.parallel) as pool:
        table = Table(list(pool.map(lambda answer: Row(answer, options.seed), answers)))
    print("\n".join([*table.lines, "", *table.summary()]))


if __name__ == "__main__":
    main()
