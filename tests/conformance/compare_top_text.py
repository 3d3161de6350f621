#!/usr/bin/env python3
"""Compares what `tidemark top` prints with what `go tool pprof -top` prints, byte by byte, over
pprof's options: filters, label filters, label frames, trimming, bases, means, units.

    compare_top_text.py --tidemark BIN [--base BASE] PROFILE...

Both read the same files and symbolize nothing. Rows with equal names and values stand in any
order in pprof (they come out of a Go map); both sides' ties are sorted before they are compared.

pprof 1.19 writes times in another way, which is not compared.

Exit status: 0 all equal, 1 a text differs, 2 a tool failed.
"""

import argparse
import concurrent.futures
import itertools
import os
import re
import subprocess
import sys

import compare_top

# pprof's option names and values; True is a flag. Regexes match something in most profiles.
OPTION_SETS = [
    {},
    {"cum": True, "nodecount": 7},
    {"lines": True, "nodefraction": 0.02},
    {"files": True},
    {"filefunctions": True, "nodefraction": 0, "edgefraction": 0.1},
    {"addresses": True, "nodecount": 20},
    {"noinlines": True, "unit": "kb"},
    {"unit": "auto", "nodefraction": 0},
    {"unit": "ms"},
    {"sample_index": "0", "mean": True},
    {"mean": True, "cum": True, "lines": True},
    {"divide_by": 3.5},
    {"divide_by": 1000, "unit": "auto", "mean": True},
    {"drop_negative": True},
    {"show_from": "main|store|[a-m]"},
    {"show_from": "e", "noinlines": True, "lines": True},
    {"prune_from": "[n-z]"},
    {"prune_from": "main", "hide": "a", "lines": True},
    {"tagfocus": "bytes=64"},
    {"tagfocus": "16b:1kb"},
    # Without a focus, pprof 1.19 would leave samples without a stack out of the total.
    {"tagfocus": ":64b", "focus": ".", "relative_percentages": True},
    {"tagfocus": "bytes=64b:1mb"},
    {"tagignore": "64b:"},
    {"tagfocus": "kind=a|b,c"},
    {"tagfocus": "kind:.,a"},
    {"tagignore": "kind=[b-z]"},
    {"tagfocus": "nothing=at all"},
    {"tagroot": "bytes"},
    {"tagleaf": "kind,bytes", "lines": True},
    {"tagroot": "kind", "tagleaf": "bytes", "unit": "kb", "focus": "[a-m]"},
    {"focus": "a", "relative_percentages": True},
    {"focus": "[aeiou]", "ignore": "e.*x", "show": "[a-p]", "show_from": "[a-s]",
     "tagfocus": "1b:1mb", "prune_from": "i", "relative_percentages": True},
    {"trim_path": "/src:/proc/self/cwd/a", "lines": True},
]
BASE_SETS = [{}, {"normalize": True}, {"drop_negative": True, "nodefraction": 0},
             {"lines": True, "focus": "[a-m]"}, {"mean": True}, {"unit": "kb", "cum": True}]

# flat flat% sum% cum cum%  name
ROW = re.compile(r"\s*(\S+)\s+(\S+%)\s+\S+%\s+(\S+)\s+(\S+%)  (.*)$")
OLD_TIME = re.compile(r"^Time: [A-Z].*$", re.M)
NEW_TIME = re.compile(r"^Time: \d.*$", re.M)


def pprof_text(pprof, options, files):
    arguments = [f"-{name}" if value is True else f"-{name}={value}"
                 for name, value in options.items()]
    return compare_top.run(pprof + ["-top", "-symbolize=none"] + arguments + files)


def tidemark_text(binary, options, files):
    arguments = [binary, "top", "--symbolize", "none"]
    for name, value in options.items():
        if name in compare_top.GRANULARITIES:
            arguments += ["--granularity", name]
            continue
        name = name.replace("_", "-")
        arguments.append(f"--{name}" if value is True else f"--{name}={value}")
    return compare_top.run(arguments + files)


def normalised(text):
    """Lines, but for running sums, which follow from the rest; rows of one name in a fixed
    order."""
    head, separator, body = text.partition(" cum%\n")
    rows = []
    for line in body.splitlines():
        match = ROW.match(line)
        rows.append(match.groups() if match else (line,))
    out = head.splitlines() + [separator]
    for _, ties in itertools.groupby(rows, lambda row: compare_top.INLINE.sub("", row[-1])):
        out += sorted(ties)
    return out


def first_difference(ours, theirs):
    if OLD_TIME.search(theirs):
        ours, theirs = NEW_TIME.sub("Time:", ours), OLD_TIME.sub("Time:", theirs)
    for i, (mine, yours) in enumerate(itertools.zip_longest(normalised(ours),
                                                            normalised(theirs))):
        if mine != yours:
            return f"line {i}: {mine!r}, pprof {yours!r}"
    return None


def compare(binary, pprof, options, files):
    theirs = pprof_text(pprof, options, files)
    difference = first_difference(tidemark_text(binary, options, files), theirs)
    return f"{options} {' '.join(files)}", difference, theirs.count("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tidemark", required=True, metavar="BIN")
    parser.add_argument("--base", help="also with -base and -diff_base of this profile")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("profiles", nargs="+", metavar="PROFILE")
    args = parser.parse_args()
    os.environ["TZ"] = "UTC"
    failures = texts = lines = 0
    try:
        pprof = compare_top.pprof_command()
        work = [(options, [profile]) for profile in args.profiles for options in OPTION_SETS]
        if args.base:
            work += [({**options, kind: args.base}, [profile]) for profile in args.profiles
                     for options in BASE_SETS for kind in ("base", "diff_base")]
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for done in [pool.submit(compare, args.tidemark, pprof, *item) for item in work]:
                what, difference, size = done.result()
                texts += 1
                lines += size
                if difference:
                    failures += 1
                    print(f"DIFFERS {what}: {difference}")
    except (compare_top.ToolError, subprocess.TimeoutExpired) as error:
        print(f"compare_top_text: {error}", file=sys.stderr)
        return 2
    print(f"{texts - failures} of {texts} texts equal pprof's ({lines} lines compared)")
    return 1 if failures or lines == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
