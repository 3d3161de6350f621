#!/usr/bin/env python3
"""What profiling costs, for Tidemark and its rivals, side by side in one run.

usage: run.py [--build DIR] [--rounds N] [--only NAME,…] [--variants NAME,…] [--quick] [--json OUT]

A round runs all variants of a workload back to back, every second round backwards; ratios are taken
within a round. A line gives the median figure, the median and range of the ratios to plain, and
the interval that holds the true ratio with 95 % probability. Ratios are of wall time for the
programs written for the bench, of CPU time (user and system) for other people's: the less noisy
of the two where one thread does the work. "x wall" is the ratio of wall times for all.
docs/BENCHMARKS.md says more. Nothing here is a test; on a busy machine it says little.

Exit status: 0, or 1 when something of Tidemark's failed to run. A missed target is no failure.
"""

import argparse
import json
import os
import platform
import sys
import tempfile

import inside
import measure
import ratios
import table
import variants
import workloads

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECTIONS = ("instructions", "memory", "snapshot")
SLOW_ROUNDS = 3
QUICK_SCALE = 0.2
PROGRAMS = ("lib/libtidemark.so", "bin/tidemark", "bin/bench_pair", "bin/bench_churn",
            "bin/bench_holder")


def measured_group(workload, scale, members, rounds, factor, inputs):
    """Runs the rounds. A variant that fails once is left out of those that follow."""
    by_name = {v.name: v for v in members}
    values = {name: [] for name in by_name}
    walls = {name: [] for name in by_name}
    failed = {}
    for round_number in range(rounds):
        for name in ratios.order_of_round(by_name, round_number):
            if name in failed:
                continue
            try:
                taken = workload.run(by_name[name], scale * factor, inputs)
            except (measure.Failed, OSError) as failure:
                failed[name] = str(failure)
                continue
            values[name].append(workload.value(taken))
            walls[name].append(taken.wall)
    for name in failed:
        del values[name], walls[name]
    return table.Measured(workload, scale, members, values, walls, failed)


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build/dev"))
    parser.add_argument("--rounds", type=int, default=11, help="of the variants at full size")
    parser.add_argument("--only", default="", help="workloads, " + ", ".join(SECTIONS))
    parser.add_argument("--variants", default="", help="besides plain")
    parser.add_argument("--quick", action="store_true",
                        help="3 rounds at a fifth of the size: does everything run?")
    parser.add_argument("--json", metavar="OUT", help="all figures of all rounds")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    options.build = os.path.abspath(options.build)
    for program in PROGRAMS:
        if not os.path.exists(os.path.join(options.build, program)):
            parser.error(f"{options.build}: {program} is not built")
    return parser, options


def chosen_of(parser, option, text, known):
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            parser.error(f"--{option}: {name}: not one of {', '.join(known)}")
    return names or list(known)


def main():
    parser, options = parsed_arguments()
    known = variants.all_variants(options.build)
    every = {w.name: w for w in workloads.all_workloads(options.build)}
    only = chosen_of(parser, "only", options.only, [*every, *SECTIONS])
    names = chosen_of(parser, "variants", options.variants, [v.name for v in known])
    by_name = {v.name: v for v in known}
    known = [v for v in known if v.name in names or v.name == "plain"]
    factor = QUICK_SCALE if options.quick else 1.0
    rounds = 3 if options.quick else options.rounds
    out = table.Table(options.quick)
    report = {"machine": platform.platform(), "processors": os.cpu_count(), "workloads": [],
              "instructions": [], "memory": [], "snapshot": []}
    failures = 0
    print(f"{report['processors']} processors, load {os.getloadavg()[0]:.1f}, {report['machine']}")
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as inputs:
        for name in [n for n in only if n in every]:
            workload = every[name]
            if workload.missing():
                print(f"\n{name}: {workload.missing()}")
                continue
            groups = []
            for scale, members in variants.groups(known, by_name):
                groups.append(measured_group(workload, scale, members,
                                             rounds if scale == variants.FULL
                                             else min(rounds, SLOW_ROUNDS), factor, inputs))
                failures += sum("tidemark" in failed for failed in groups[-1].failed)
            out.workload(workload, groups, [(v.name, v.missing) for v in known if v.missing])
            report["workloads"] += [
                {"name": name, "metric": workload.metric, "scale": g.scale * factor,
                 "values": g.values, "walls": g.walls, "failed": g.failed} for g in groups]
        if "instructions" in only:
            real = [w for w in every.values() if w.real and not w.missing()]
            real = [w for w in real if w.name in only] or real
            inside.instructions(real, by_name, inputs, factor, report["instructions"], out)
        if "memory" in only:
            inside.memory(options.build, by_name, options.quick, report["memory"], out)
        if "snapshot" in only:
            inside.snapshots(options.build, by_name, rounds, report["snapshot"], out)
    report["missed"] = out.summary()
    report["verdicts"] = out.verdicts
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
            file.write("\n")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
