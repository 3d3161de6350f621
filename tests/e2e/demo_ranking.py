#!/usr/bin/env python3
"""Runs the demo server with different seeds, takes three snapshots of each run from
outside, and holds `tidemark leaks` against tests/targets/answers.json: the leaking sites
rank first and second with the right container kind, as leak or suspect, and no decoy is
called a leak.

usage: demo_ranking.py [--runs N] [--first-seed N] [--stripped] [--parallel N]
                       [--seconds S] [--rate BYTES]

With --stripped the program has no names. What can be known there is where: the site's
addresses are looked up in the unstripped twin to see which function they belong to; the
container kind is not judged, since the templates that would tell it have no names either.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import e2e
import pprof_file

# When the snapshots are taken, as parts of the run: after the warm-up, as a person would.
MOMENTS = (0.25, 0.55, 0.85)


def answers():
    with open(os.path.join(e2e.ROOT, "tests/targets/answers.json"), encoding="utf-8") as f:
        return json.load(f)


def plain_name(function):
    """shop::AuditLog::Append(unsigned long, …) -> shop::AuditLog::Append"""
    return function.split("(")[0]


class Names:
    """Functions at an address of the stripped program, innermost first, as its unstripped
    twin has them."""

    def __init__(self, snapshot, stripped, twin):
        self.twin = twin
        profile = pprof_file.Profile(snapshot)
        self.mappings = [m for m in profile.mappings.values()
                         if m["file"].endswith(os.path.basename(stripped))]

    def at(self, address):
        for mapping in self.mappings:
            if mapping["start"] <= address < mapping["limit"]:
                # The linker gives code the same offset and address in this program.
                address = address - mapping["start"] + mapping["offset"]
        listed = subprocess.run(["addr2line", "-fiC", "-e", self.twin, hex(address - 1)],
                                stdout=subprocess.PIPE, text=True, check=True).stdout
        return [plain_name(name) for name in listed.splitlines()[::2]]


class Run:
    """One run's findings and what is wrong with them."""

    def __init__(self, seed, stripped, seconds, rate):
        self.seed = seed
        self.problems = []
        self.findings = []
        self.sites = []  # for each finding, the names its site may go by
        folder = tempfile.mkdtemp(prefix="tidemark-demo-")
        try:
            snapshots = self._take_snapshots(folder, stripped, seconds, rate)
            result = subprocess.run([e2e.TIDEMARK, "leaks", "--format", "json", *snapshots],
                                    stdout=subprocess.PIPE, check=True)
            self.findings = json.loads(result.stdout)["findings"]
            self.samples = pprof_file.Profile(snapshots[-1]).raw_samples()
            names = Names(snapshots[-1], e2e.DEMO_STRIPPED, e2e.DEMO) if stripped else None
            self.sites = [self._site_names(f, names) for f in self.findings]
        finally:
            shutil.rmtree(folder)
        self._judge(stripped)

    def _take_snapshots(self, folder, stripped, seconds, rate):
        program = e2e.DEMO_STRIPPED if stripped else e2e.DEMO
        environment = dict(os.environ, LD_PRELOAD=e2e.LIBRARY, TIDEMARK_RATE=str(rate),
                           TIDEMARK_OUT=folder, TIDEMARK_STATE=folder)
        start = time.monotonic()
        process = subprocess.Popen(
            [program, "--seed", str(self.seed), "--seconds", str(seconds)], env=environment,
            stdout=subprocess.DEVNULL)
        try:
            paths = []
            for i, moment in enumerate(MOMENTS):
                time.sleep(max(0, start + moment * seconds - time.monotonic()))
                paths.append(os.path.join(folder, f"{i}.pb.gz"))
                subprocess.run([e2e.TIDEMARK, "snapshot", str(process.pid), "-o", paths[-1]],
                               check=True, stdout=subprocess.DEVNULL)
            if process.poll() is not None:
                raise RuntimeError("the demo ended before the last snapshot")
            return paths
        finally:
            process.kill()
            process.wait()

    def _site_names(self, finding, names):
        if names is None:
            return [plain_name(finding["site"]["function"] or "?")]
        found = []
        for frame in finding["stack"]:
            if "demo_server" not in (frame["module"] or ""):
                continue
            # Up to the first function of the program itself.
            found += names.at(frame["address"])
            own = [n for n in found if n.startswith("shop::")]
            if own:
                return own[:1]
        return found

    def _judge(self, stripped):
        expected = answers()
        kinds = {leak["site"]: leak["container"] for leak in expected["leaks"]}
        decoys = {s for decoy in expected["decoys"] for s in decoy["sites"]}
        first_two = {name for sites in self.sites[:2] for name in sites}
        for site, kind in kinds.items():
            if site not in first_two:
                self.problems.append(f"{site} is not among the first two")
        for finding, sites in zip(self.findings, self.sites):
            container = (finding["container"] or {}).get("kind")
            for site in sites:
                if site in decoys and finding["verdict"] == "leak":
                    self.problems.append(f"decoy {site} is called a leak: {finding['reason']}")
                if site in kinds and finding["rank"] <= 2:
                    if finding["verdict"] not in ("leak", "suspect"):
                        self.problems.append(f"{site} is called {finding['verdict']}: "
                                             f"{finding['reason']}")
                    if not stripped and container != kinds[site]:
                        self.problems.append(f"{site} is said to be a {container}")

    def lines(self):
        yield f"seed {self.seed}, {self.samples} samples: {'; '.join(self.problems) or 'right'}"
        for finding, sites in list(zip(self.findings, self.sites))[:4]:
            yield (f"    {finding['rank']}. {finding['verdict']:9} {'/'.join(sites):32} "
                   f"{(finding['container'] or {}).get('kind') or '-':6} "
                   f"{finding['live_bytes'] / 1e6:7.2f} MB  {finding['reason']}")


def measure(seeds, stripped=False, parallel=1, seconds=12, rate=65536):
    with ThreadPoolExecutor(parallel) as pool:
        runs = list(pool.map(lambda seed: Run(seed, stripped, seconds, rate), seeds))
    for run in runs:
        print("\n".join(run.lines()), flush=True)
    return runs


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--stripped", action="store_true")
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--rate", type=int, default=65536)
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.runs)
    runs = measure(seeds, options.stripped, options.parallel, options.seconds, options.rate)
    wrong = [run for run in runs if run.problems]
    verdicts = [f["verdict"] for run in runs for f in run.findings[:2]]
    print(f"{len(runs) - len(wrong)} of {len(runs)} runs right; of the {len(verdicts)} sites that "
          f"ranked first or second {verdicts.count('leak')} are called a leak, "
          f"{verdicts.count('suspect')} a suspect")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
