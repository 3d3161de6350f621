#!/usr/bin/env python3
"""How fast the analyzer reads a big profile, beside the least that any reader has to do (inflate
and one pass over the bytes), and beside go tool pprof.

    analyzer.py BUILD_DIR [--samples N] [--rounds N] [--pprof] [--large]

Writes two profiles of N samples (default a million, about 25 frames deep, 4 values), then times
one round of everything after another, N rounds; figures are medians of wall time, and ratios of
figures of the same round. --pprof also runs `go tool pprof -top` once (it takes minutes).
--large also reads a profile five times as large, which should take five times as long.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def generate(path, samples, seed):
    subprocess.run([sys.executable, os.path.join(HERE, "generate_profile.py"), path, "--samples",
                    str(samples), "--seed", str(seed)], check=True, stdout=subprocess.DEVNULL)


def run(command):
    """Wall seconds and peak MiB of one run."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"analyzer.py: {' '.join(command)}: {errors.decode()}")
    return time.monotonic() - begin, usage.ru_maxrss / 1024


def report(name, runs, floors=None):
    line = f"{name:28} {statistics.median(w for w, _ in runs):8.2f} s"
    line += f" {max(m for _, m in runs):8.0f} MiB"
    if floors:
        ratios = [wall / floor for (wall, _), (floor, _) in zip(runs, floors)]
        line += f" {statistics.median(ratios):7.2f} x floor [{min(ratios):.2f}, {max(ratios):.2f}]"
    print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--samples", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pprof", action="store_true")
    parser.add_argument("--large", action="store_true")
    args = parser.parse_args()
    binaries = os.path.join(args.build, "bin")
    tidemark = os.path.join(binaries, "tidemark")
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as folder:
        base, newer, large = (os.path.join(folder, name) for name in ("a.pb.gz", "b.pb.gz", "l.pb.gz"))
        generate(base, args.samples, 1)
        generate(newer, args.samples, 2)
        print(f"{args.samples} samples, {os.path.getsize(base) / 1e6:.0f} MB")
        commands = {
            "floor": [os.path.join(binaries, "bench_read_floor"), base],
            "tidemark top": [tidemark, "top", "--symbolize=none", base],
            "tidemark diff": [tidemark, "diff", "--symbolize=none", base, newer],
            "tidemark tree": [tidemark, "tree", "--symbolize=none", base],
        }
        if args.large:
            generate(large, 5 * args.samples, 1)
            commands["tidemark top, 5 times as much"] = [tidemark, "top", "--symbolize=none", large]
        runs = {name: [] for name in commands}
        for _ in range(args.rounds):
            for name, command in commands.items():
                runs[name].append(run(command))
        for name, taken in runs.items():
            report(name, taken, None if name == "floor" else runs["floor"])
        if args.pprof:
            report("go tool pprof -top", [run(["go", "tool", "pprof", "-top", "-symbolize=none",
                                               base])], runs["floor"][:1])


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
