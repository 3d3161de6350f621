#!/usr/bin/env python3
"""Holds the analyzer's speed by counting instructions, which no load on the machine changes.

    instructions_test.py TIDEMARK FLOOR

`tidemark top` on a made-up profile must take at most MOST times the instructions that inflating
the file and one pass over its bytes take (callgrind counts both), and at most LINEAR times as
many per sample when the profile is four times as large.
"""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = 20000
# Counted: 3.4 and 0.5 (what a profile's functions cost is spread over more samples).
MOST = 4.2
LINEAR = 0.7


def instructions(*command):
    with tempfile.NamedTemporaryFile() as out:
        done = subprocess.run(["valgrind", "--tool=callgrind",
                               f"--callgrind-out-file={out.name}", *command],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              check=True)
    return int(re.search(r"refs: +([\d,]+)", done.stderr)[1].replace(",", ""))


def main():
    tidemark, floor = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        counts = {}
        for factor in (1, 4):
            path = os.path.join(folder, f"{factor}.pb.gz")
            subprocess.run([sys.executable, os.path.join(HERE, "generate_profile.py"), path,
                            "--samples", str(factor * SAMPLES)], check=True,
                           stdout=subprocess.DEVNULL)
            counts[factor] = instructions(tidemark, "top", "--symbolize=none", path)
        least = instructions(floor, path)
    ratio = counts[4] / least
    growth = counts[4] / (4 * counts[1])
    print(f"top: {counts[4]} instructions, {ratio:.2f} times the floor (at most {MOST}); "
          f"per sample {growth:.2f} times those of a profile a quarter as large "
          f"(at most {LINEAR})")
    return 0 if ratio <= MOST and growth <= LINEAR else 1


if __name__ == "__main__":
    sys.exit(main())
