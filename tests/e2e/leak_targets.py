#!/usr/bin/env python3
"""Runs the programs of tests/targets/leaks as a user would record them, and holds what
`tidemark leaks` says of their snapshots against tests/targets/leaks/answers.json.

usage: leak_targets.py [--set open|sealed|all] [--only NAME]… [--stripped] [--parallel N]
                       [--seed N] [--findings N] [--keep FOLDER]

C, C++ and Rust programs run under `tidemark record`; Go programs write heap profiles into
a folder themselves, as a cron job would fetch them. With --stripped the C and C++ programs
that have a stripped twin run as that: the sites are looked up in the unstripped one.
Prints what each program's first findings are, and what is wrong with them.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import e2e
from demo_ranking import Names

FOLDER = os.path.join(e2e.BUILD, "bin/leaks")
SNAPSHOTS = 7  # while a program runs; C, C++ and Rust add one at their exit


def programs(which="all", only=(), stripped=False):
    """The answers, one dictionary per program."""
    with open(os.path.join(e2e.ROOT, "tests/targets/leaks/answers.json"), encoding="utf-8") as f:
        answers = json.load(f)["programs"]
    return [a for a in answers
            if (not only or a["name"] in only) and (not stripped or a.get("stripped"))
            and (which == "all" or a["sealed"] == (which == "sealed"))]


def record(answer, folder, stripped=False, seed=1):
    """Runs a program; returns its snapshots in the order of their time."""
    program = os.path.join(FOLDER, answer["name"] + ("_stripped" if stripped else ""))
    interval = str(answer["seconds"] / (SNAPSHOTS + 0.5))
    arguments = ["--seconds", str(answer["seconds"]), "--seed", str(seed)]
    if answer["language"] == "go":
        command = [program, "--profiles", folder, "--rate", str(answer["rate"]),
                   "--interval", interval, *arguments]
    else:
        command = [e2e.TIDEMARK, "record", "--rate", str(answer["rate"]), "--interval", interval,
                   "-o", folder, "--", program, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   timeout=120)
    return sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".pb.gz"))


def plain_name(function, language):
    """The qualified name without arguments, hashes and what compilers add."""
    name = function or "?"
    if language == "go":
        return re.sub(r"(\.func\d+|\.\d+|\.gowrap\d+)+$", "", name)
    if language == "rust":
        name = re.sub(r"::h[0-9a-f]{16}$", "", name)
        name = re.sub(r"(::\{\{?closure\}?\}(#\d+)?)+$", "", name)
        # <a::B>::c is how newer compilers write a::B::c.
        return re.sub(r"^<([\w:]+)>::", r"\1::", name)
    name = name.split("(")[0].replace("[abi:cxx11]", "")
    return re.sub(r"(\.(isra|part|constprop|cold|lto_priv)(\.\d+)?| \[clone .*\])+$", "", name)


class Answer:
    """What is right for one program, by the function's plain name.

    answers.json says of each program: language; seconds to run; rate, of sampling; sealed, not
    looked at while the ranking is tuned; frees_at_exit, for it is tidied up; stripped, has such a
    twin; leaks, each with its container's kind (several where people would differ, null where
    there is none; inferred: what may be inferred where there are no names) and why it is one;
    part_of_leak, what else the leak holds; decoys, what only looks like a leak, and why it is
    none.
    """

    def __init__(self, answer):
        self.name = answer["name"]
        self.language = answer["language"]
        self.leaks = {leak["function"]: leak for leak in answer["leaks"]}
        self.parts = set(answer.get("part_of_leak", ()))
        self.decoys = {f for decoy in answer["decoys"] for f in decoy["functions"]}

    def own(self, names):
        """The innermost function that the answers know, else the innermost one."""
        known = [n for n in names if n in self.leaks or n in self.parts or n in self.decoys]
        return (known or names or ["?"])[0]

    def kind_is_right(self, function, finding, stripped):
        """The container's kind; of a stripped program it may be unknown, or inferred."""
        container = finding["container"] or {}
        leak = self.leaks[function]
        right = leak["container"] if isinstance(leak["container"], list) else [leak["container"]]
        kind = container.get("kind")
        if stripped and (kind is None or kind in leak["inferred"]):
            return True
        return kind in right


class Run:
    """One program's findings, and what is wrong with them."""

    def __init__(self, answer, stripped=False, seed=1, keep=None):
        self.answer = Answer(answer)
        self.stripped = stripped
        self.name = answer["name"] + (" (stripped)" if stripped else "")
        folder = tempfile.mkdtemp(prefix="tidemark-leaks-")
        try:
            self.snapshots = record(answer, folder, stripped, seed)
            result = subprocess.run([e2e.TIDEMARK, "leaks", "--format", "json", folder],
                                    stdout=subprocess.PIPE, check=True)
            self.findings = json.loads(result.stdout)["findings"]
            names = self._names(answer["name"]) if stripped else None
            self.sites = [self._site(finding, names) for finding in self.findings]
            if keep:
                shutil.copytree(folder, os.path.join(keep, self.name.replace(" ", "_")))
        finally:
            shutil.rmtree(folder)
        self._judge()

    def _names(self, name):
        return Names(self.snapshots[-1], os.path.join(FOLDER, name + "_stripped"),
                     os.path.join(FOLDER, name))

    def _site(self, finding, names):
        if names is None:
            return plain_name(finding["site"]["function"], self.answer.language)
        found = [name for frame in finding["stack"]
                 if (frame["module"] or "").endswith("_stripped")
                 for name in names.at(frame["address"])]
        return self.answer.own(found)

    def _judge(self):
        answer = self.answer
        # A second finding about the same site, or about the rest of a leak, takes no rank.
        ranked = [f for f in dict.fromkeys(self.sites) if f not in answer.parts]
        self.ranks = {f: ranked.index(f) + 1 if f in ranked else None for f in answer.leaks}
        self.false_leaks, self.problems = [], []
        for finding, site in zip(self.findings, self.sites):
            if (finding["verdict"] == "leak" and site not in answer.leaks
                    and site not in answer.parts):
                self.false_leaks.append(site)
                what = "the decoy " if site in answer.decoys else ""
                self.problems.append(f"{what}{site} is called a leak: {finding['reason']}")
        self.wrong_verdicts, self.wrong_kinds = [], []
        for function, rank in self.ranks.items():
            if rank is None or rank > len(answer.leaks):
                self.problems.append(f"{function} has rank {rank}")
            if rank is not None:
                self._judge_leak(function, self.findings[self.sites.index(function)])

    def _judge_leak(self, function, finding):
        kind = (finding["container"] or {}).get("kind")
        if finding["verdict"] not in ("leak", "suspect"):
            self.wrong_verdicts.append(f"{self.name}: {function} is called {finding['verdict']}")
            self.problems.append(f"{function} is called {finding['verdict']}")
        if not self.answer.kind_is_right(function, finding, self.stripped):
            self.wrong_kinds.append(f"{self.name}: {function} is said to be a {kind}")
            self.problems.append(f"{function} is said to be a {kind}")

    def mark(self, site):
        """What a site is by the answers: a leak, a part of one, a decoy, or unknown to them."""
        answer = self.answer
        return ("LEAK" if site in answer.leaks else "part" if site in answer.parts
                else "decoy" if site in answer.decoys else "other")

    def lines(self, findings):
        yield f"{self.name}, {len(self.snapshots)} snapshots: {'; '.join(self.problems) or 'right'}"
        for finding, site in list(zip(self.findings, self.sites))[:findings]:
            kind = (finding["container"] or {}).get("kind") or "-"
            yield (f"    {finding['rank']:2}. {finding['verdict']:9} {self.mark(site):5} {site:34} "
                   f"{kind:6} {finding['live_bytes'] / 1e6:6.2f} MB  {finding['reason']}")


class Summary:
    """All runs against the claims."""

    def __init__(self, runs):
        self.ranks = [(run, f, r) for run in runs for f, r in run.ranks.items()]
        self.first = [(run, f) for run, f, r in self.ranks if r and r <= len(run.ranks)]
        self.not_in_three = [f"{run.name}: {f} has rank {r}" for run, f, r in self.ranks
                             if r is None or r > 3]
        self.false_leaks = [f"{run.name}: {site}" for run in runs for site in run.false_leaks]
        self.wrong_verdicts = [w for run in runs for w in run.wrong_verdicts]
        self.wrong_kinds = [w for run in runs for w in run.wrong_kinds]
        self.programs = len(runs)

    def first_share(self):
        return len(self.first) / max(1, len(self.ranks))

    def line(self):
        leaks = len(self.ranks)
        return (f"{self.programs} programs, {leaks} leaks: first {len(self.first)}, "
                f"among the first three {leaks - len(self.not_in_three)}; wrong verdicts "
                f"{len(self.wrong_verdicts)}, wrong kinds {len(self.wrong_kinds)}; no leaks, "
                f"but called so {len(self.false_leaks)}")


def measure(answers, stripped=False, parallel=8, seed=1, findings=4, keep=None):
    with ThreadPoolExecutor(parallel) as pool:
        runs = list(pool.map(lambda answer: Run(answer, stripped, seed, keep), answers))
    for run in runs:
        print("\n".join(run.lines(findings)), flush=True)
    print(Summary(runs).line(), flush=True)
    return runs


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=("open", "sealed", "all"), default="open")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--stripped", action="store_true")
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=int, default=4, help="how many to print")
    parser.add_argument("--keep", metavar="FOLDER", help="copy the snapshots there")
    options = parser.parse_args()
    answers = programs(options.set, options.only, options.stripped)
    if not answers:
        sys.exit("no such program")
    runs = measure(answers, options.stripped, options.parallel, options.seed, options.findings,
                   options.keep)
    sys.exit(1 if any(run.problems for run in runs) else 0)


if __name__ == "__main__":
    main()
