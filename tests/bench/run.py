#!/usr/bin/env python3
"""What profiling costs: ratios of preloaded to plain runs, measured back to back so that
the machine's mood cancels. One command; nothing here is a test.

usage: run.py [--build DIR] [--rounds N] [--only NAME,…]

Each benchmark is measured in rounds of plain, preloaded (in alternating order); its line
gives the median of each and the median and range of the rounds' ratios.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def printed_number(command, environment):
    """Measures by what the program prints, a number."""
    return float(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)


def wall_seconds(command, environment):
    start = time.monotonic()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def benchmarks(build):
    """name: (unit, how it is measured, command, environment of the preloaded run)"""
    pair = os.path.join(build, "bin/bench_pair")
    demo = os.path.join(build, "bin/demo_server")
    return {
        "pair_64": ("ns", printed_number, [pair, "64", "20000000", "1"], {}),
        "pair_1024": ("ns", printed_number, [pair, "1024", "20000000", "1"], {}),
        "pair_64_2_threads": ("ns", printed_number, [pair, "64", "20000000", "2"], {}),
        "pair_64_rate_64K": ("ns", printed_number, [pair, "64", "20000000", "1"],
                             {"TIDEMARK_RATE": "65536"}),
        "demo": ("s", wall_seconds, [demo, "--requests", "100000", "--rps", "0"], {}),
        "python": ("s", wall_seconds,
                   ["/usr/bin/python3", "-c", "x = [{str(i): [i]} for i in range(700000)]"],
                   {"PYTHONMALLOC": "malloc"}),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build/dev"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    chosen = benchmarks(os.path.abspath(options.build))
    if options.only:
        chosen = {name: chosen[name] for name in options.only.split(",")}
    library = os.path.join(os.path.abspath(options.build), "lib/libtidemark.so")
    print(f"{'benchmark':20} {'plain':>10} {'preloaded':>10}    {'ratio':>6}  [range]")
    for name, (unit, measure, command, extra) in chosen.items():
        plain, preloaded = [], []
        with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as out:
            common = dict(os.environ, **{k: v for k, v in extra.items() if k != "TIDEMARK_RATE"})
            profiled = dict(common, LD_PRELOAD=library, TIDEMARK_OUT=out, **extra)
            for round_number in range(options.rounds):
                order = [(plain, common), (preloaded, profiled)]
                for results, environment in order if round_number % 2 == 0 else order[::-1]:
                    results.append(measure(command, environment))
        ratios = [b / a for a, b in zip(plain, preloaded)]
        print(f"{name:20} {statistics.median(plain):8.2f} {unit:2}{statistics.median(preloaded):8.2f}"
              f" {unit:2} {statistics.median(ratios):7.3f}  [{min(ratios):.3f}, {max(ratios):.3f}]",
              flush=True)


if __name__ == "__main__":
    main()
