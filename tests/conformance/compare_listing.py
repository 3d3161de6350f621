#!/usr/bin/env python3
"""Compares `tidemark traces`, `tags`, `raw`, `comments`, `list` and `disasm` with `go tool pprof`,
byte by byte, over pprof's options.

    compare_listing.py --tidemark BIN [--base BASE] [--made-up] PROFILE...
    compare_listing.py --tidemark BIN --program SOURCE.cc

With --program the C++ program is compiled, recorded, and its `list` and `disasm` are compared:
of the latter, pprof's values must stand at the same addresses (Go's disassembler writes
instructions in its own way, and leaves out a function's last byte).

Exit status: 0 all equal, 1 a text differs, 2 a tool failed.
"""

import argparse
import concurrent.futures
import difflib
import glob
import itertools
import os
import re
import subprocess
import sys
import tempfile

import compare_top

# pprof's option names and values; True is a flag.
OPTION_SETS = [
    {},
    {"sample_index": "0"},
    {"sample_index": "1", "unit": "kb"},
    {"unit": "auto"},
    {"mean": True},
    {"divide_by": 3.5},
    {"divide_by": 1000, "mean": True},
    {"noinlines": True},
    {"tagfocus": "bytes=64"},
    {"tagfocus": "16b:1kb"},
    {"tagignore": "kind=[b-z]"},
    {"tagshow": "bytes|wait"},
    {"taghide": "bytes"},
    {"focus": "[a-m]"},
    {"ignore": "e.*x"},
    {"hide": "[n-z]"},
    {"show": "[a-p]", "noinlines": True},
    {"show_from": "main|store|[a-m]"},
    {"prune_from": "[n-z]"},
    {"focus": "[aeiou]", "hide": "Cache", "tagfocus": "1b:1mb", "relative_percentages": True},
]
COMMANDS = ["traces", "tags", "raw", "comments", "list"]
TRACES_GRANULARITIES = ["functions", "filefunctions", "files", "lines", "addresses"]


def run(command, cwd=None):
    """Standard output; None when the tool found nothing to show."""
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=300,
                          cwd=cwd, env=dict(os.environ, TZ="UTC"))
    if done.returncode != 0:
        error = done.stderr.decode(errors="replace")
        if "no matches found" in error or "no functions" in error:
            return None
        raise compare_top.ToolError(f"{' '.join(command)}: exit {done.returncode}: {error.strip()}")
    return done.stdout.decode(errors="surrogateescape")


def pprof_arguments(options):
    return [f"-{name}" if value is True else f"-{name}={value}" for name, value in options.items()]


def our_arguments(options):
    out = []
    for name, value in options.items():
        if name in compare_top.GRANULARITIES:
            out.append(f"--granularity={name}")
        else:
            name = "--" + name.replace("_", "-")
            out += [name] if value is True else [f"{name}={value}"]
    return out


def without_sourceless_lines(text):
    """Where a source is missing, ours has its lines with values nevertheless. And it says of a
    directory that it is none."""
    text = re.sub(r"^ Error: read .*: not a regular file\n(?: *\S+ +\S+ +\d+:\n)*", "", text,
                  flags=re.MULTILINE)
    out = []
    missing = False
    for line in text.splitlines(keepends=True):
        if line.startswith((" Error: ", "ROUTINE ", "No source information")):
            missing = line.startswith(" Error: ")
            out.append(line)
        elif not missing:
            out.append(line)
    return "".join(out)


def canonical_raw(text):
    """Locations and mappings in the text of what refers to them. A merged profile's are in
    another order than pprof's, and ours keeps those that nothing refers to."""
    head, _, rest = text.partition("Locations\n")
    locations_text, _, mappings_text = rest.partition("Mappings\n")
    mappings = {m[1]: m[2] for m in re.finditer(r"^(\d+): (.*)$", mappings_text, re.MULTILINE)}
    locations = {}
    for match in re.finditer(r"^ *(\d+): (.*(?:\n {13}.*)*)$", locations_text, re.MULTILINE):
        locations[match[1]] = re.sub(r" M=(\d+) ", lambda m: f" M={mappings[m[1]]} ", match[2], count=1)
    return re.sub(r"^((?: +-?\d+)+: )((?:\d+ )*)$",
                  lambda m: m[1] + "".join(locations[i] + "|" for i in m[2].split()), head,
                  flags=re.MULTILINE)


def heads(text):
    """Of a list, what is above the lines. Where functions of one name and file begin on different
    lines, as made-up ones do, how far pprof lists them follows the random order of a Go map."""
    return text and "".join(line for line in text.splitlines(keepends=True)
                            if re.search(r"^Total: |^ROUTINE |\(flat, cum\)|^No source", line))


def with_ties_sorted(text):
    """Of tags: pprof leaves values of one magnitude in the random order of a Go map."""
    def magnitude(line):
        match = re.match(r"^ +-?([\d.]+\S*) ", line)
        return match[1] if match else line
    out = []
    for _, ties in itertools.groupby(text.splitlines(keepends=True), magnitude):
        out += sorted(ties)
    return "".join(out)


def normalized(command, ours, theirs, merged, made_up):
    if command == "list" and ours is not None:
        ours = without_sourceless_lines(ours)
    if command == "list" and made_up:
        ours, theirs = heads(ours), heads(theirs)
    if command == "tags":
        ours, theirs = with_ties_sorted(ours), with_ties_sorted(theirs)
    if command == "traces":
        # Every report of ours leaves this out of file names, as pprof's graphs do.
        theirs = theirs.replace("/proc/self/cwd/", "")
    if command == "raw":
        if not re.search(r":-?\d+:-?\d+ s=", theirs):
            ours = re.sub(r"(:-?\d+):0 s=", r"\1 s=", ours)
        if merged:
            ours, theirs = canonical_raw(ours), canonical_raw(theirs)
    return ours, theirs


# Older pprofs ---------------------------------------------------------------------------------
# Debian 12's (Go 1.19) merges equal samples of a profile, drops those without a stack or whose
# values are all 0, rounds values in another way, refers the shares of tags to the tag and knows no columns. What
# it says beyond that is compared as sums, in whole bytes.

def is_old(pprof, profile):
    """Whether this pprof is one of those: newer ones print columns."""
    return re.search(r"^ *\d+: .*:-?\d+:-?\d+ s=-?\d+", run(pprof + ["-raw", "-symbolize=none",
                     profile]), re.MULTILINE) is None


def summed(pairs):
    sums = {}
    for key, value in pairs:
        sums[key] = sums.get(key, 0) + value
    return "".join(f"{value} {key}\n" for key, value in sorted(sums.items()) if value)


def traces_summed(text):
    """Stacks without their labels."""
    pairs = []
    for block in re.split(r"^-{11}\+-+\n", text, flags=re.MULTILINE)[1:]:
        frames = [line for line in block.splitlines() if not re.match(r" *\S.*?:  ", line)]
        if frames:
            match = re.match(r" *(-?\d+)\S*   (.*)", frames[0])
            pairs.append(("\n".join([match[2]] + frames[1:]), int(match[1])))
    return summed(pairs)


def tags_summed(text):
    pairs = []
    key = None
    for line in text.splitlines():
        head = re.match(r" *(.*): Total ", line)
        row = re.match(r" *(-?\d+)\S*(?: \( *\S+%\))?: (.*)", line)
        if head:
            key = head[1]
        elif row:
            pairs.append((f"{key}={row[2]}", int(row[1])))
    return summed(pairs)


def raw_summed(text):
    """The first value of each stack."""
    pairs = []
    for block in re.findall(r"^(?: +-?\d+)+: .*(?:\n {13}(?! {3}).*)*", canonical_raw(text), re.MULTILINE):
        values, _, stack = block.partition(": ")
        if stack.strip():
            pairs.append((stack, int(values.split()[0])))
    return summed(pairs)


def comparable_to_old(command, options, made_up):
    """Options that make whole bytes of everything; None: this cannot be compared."""
    if command == "tags" and made_up:  # have samples without a stack
        return None
    if options.keys() & {"unit", "divide_by", "mean"} or (command == "raw" and "noinlines" in options):
        return None
    if command in ("traces", "tags"):
        return {**options, "unit": "b"}
    return options


OLD_SUMS = {"traces": traces_summed, "tags": tags_summed, "raw": raw_summed}


def difference(ours, theirs):
    if ours == theirs:
        return None
    if ours is None or theirs is None:
        return f"only {'pprof' if ours is None else 'tidemark'} finds something"
    lines = list(difflib.unified_diff(theirs.splitlines(), ours.splitlines(), "pprof", "tidemark",
                                      lineterm="", n=0))
    return "\n    ".join(lines[:8])


def compare(binary, pprof, old, made_up, profile, command, options, base):
    """(what, difference or None, bytes compared)"""
    if old:
        options = comparable_to_old(command, options, made_up)
        if options is None:
            return f"{command} {profile}", None, 0
    theirs_argument = ["-list=."] if command == "list" else [f"-{command}"]
    base_argument = [f"-diff_base={base}"] if base else []
    theirs = run(pprof + theirs_argument + ["-symbolize=none"] + pprof_arguments(options) +
                 base_argument + [profile])
    ours_arguments = our_arguments(options) + ([f"--diff-base={base}"] if base else [])
    if command != "comments":
        ours_arguments += ["--symbolize=none"]
    else:
        ours_arguments = []
    ours = run([binary, command] + ours_arguments + [profile])
    ours, theirs = normalized(command, ours, theirs, bool(base), made_up)
    if old and command in OLD_SUMS:
        ours, theirs = OLD_SUMS[command](ours), OLD_SUMS[command](theirs)
    return (f"{command} {profile} {options} {base or ''}", difference(ours, theirs),
            len(theirs or ""))


def plan(pprof, profiles, base):
    for profile in profiles:
        types = len(compare_top.sample_types(pprof, profile))
        for options in OPTION_SETS:
            if int(options.get("sample_index", 0)) >= types:
                continue
            for command in COMMANDS:
                if command == "comments" and options:
                    continue
                yield profile, command, options, None
        for granularity in TRACES_GRANULARITIES:
            yield profile, "traces", {granularity: True}, None
        if base:
            for command in COMMANDS[:3] + ["list"]:
                yield profile, command, {}, base
                yield profile, command, {"focus": "[a-m]", "noinlines": True}, base


# A C++ program ------------------------------------------------------------------------------

INSTRUCTION = re.compile(r"^ *(\S+) +(\S+) +([0-9a-f]+): ")


def instructions(text):
    """{address: (flat, cum)} in order, of all routines."""
    return {int(m[3], 16): (m[1], m[2]) for m in map(INSTRUCTION.match, text.splitlines()) if m}


def routine_heads(text):
    """The line of sums below each "ROUTINE" (names are mangled or not), in any order."""
    lines = text.splitlines()
    return sorted(lines[i + 1] for i, line in enumerate(lines) if line.startswith("ROUTINE "))


def compare_disasm(binary, pprof, profile, regex, options):
    what = f"disasm {regex} {options}"
    theirs = run(pprof + [f"-disasm={regex}"] + pprof_arguments(options) + [profile])
    ours = run([binary, "disasm"] + our_arguments(options) + [regex, profile])
    if ours is None or theirs is None:
        return what, difference(ours, theirs), 0
    if ours.splitlines()[0] != theirs.splitlines()[0]:
        return what, difference(ours, theirs), 0
    if routine_heads(ours) != routine_heads(theirs):
        return what, f"{routine_heads(ours)}, pprof {routine_heads(theirs)}", 0
    mine, yours = instructions(ours), instructions(theirs)
    for address, values in mine.items():
        # Where Go's disassembler does not know an instruction, it goes on a byte later.
        if values != yours.get(address, (".", ".")):
            return what, f"{address:x}: {values}, pprof {yours.get(address)}", 0
    for address, values in yours.items():
        if values != (".", ".") and address not in mine:
            return what, f"{address:x}: only pprof has {values}", 0
    shared = len(mine.keys() & yours.keys())
    if shared < 0.9 * len(mine):
        return what, f"of {len(mine)} addresses pprof has {shared}", 0
    return what, None, len(theirs)


def compare_program(binary, pprof, source, directory):
    program = os.path.join(directory, "program")
    # Go 1.19's pprof cannot place a position independent program.
    subprocess.run(["g++", "-O2", "-g", "-no-pie", "-o", program, source], check=True)
    subprocess.run([binary, "record", "-o", os.path.join(directory, "out"), "--rate", "4096", "--",
                    program], check=True, capture_output=True)
    (profile,) = glob.glob(os.path.join(directory, "out", "*.pb.gz"))
    results = []
    for options in [{}, {"noinlines": True}, {"sample_index": "alloc_objects"}, {"mean": True},
                    {"divide_by": 7, "unit": "kb"}, {"focus": "Fill"}]:
        for regex in ["Fill", "Store", "."]:
            theirs = run(pprof + [f"-list={regex}"] + pprof_arguments(options) + [profile])
            ours = run([binary, "list"] + our_arguments(options) + [regex, profile])
            ours, theirs = normalized("list", ours, theirs, merged=False, made_up=False)
            results.append((f"list {regex} {options}", difference(ours, theirs), len(theirs or "")))
        for regex in ["Fill", "Add"]:
            results.append(compare_disasm(binary, pprof, profile, regex, options))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tidemark", required=True, metavar="BIN")
    parser.add_argument("--base", help="also compare differences to this profile")
    parser.add_argument("--program", metavar="SOURCE", help="compile, record and compare this")
    parser.add_argument("--made-up", action="store_true",
                        help="the profiles are no real ones: of list, compare the sums only")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("profiles", nargs="*", metavar="PROFILE")
    args = parser.parse_args()

    try:
        pprof = compare_top.pprof_command()
        if args.program:
            with tempfile.TemporaryDirectory() as directory:
                results = compare_program(args.tidemark, pprof, args.program, directory)
        else:
            old = any(is_old(pprof, profile) for profile in args.profiles)
            with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
                work = [pool.submit(compare, args.tidemark, pprof, old, args.made_up, *item)
                        for item in plan(pprof, args.profiles, args.base)]
                results = [done.result() for done in work]
    except (compare_top.ToolError, subprocess.CalledProcessError) as error:
        print(f"compare_listing: {error}", file=sys.stderr)
        return 2
    failures = [(what, problem) for what, problem, _ in results if problem]
    for what, problem in failures:
        print(f"DIFFERS {what}:\n    {problem}")
    compared = sum(size for _, _, size in results)
    print(f"{len(results) - len(failures)} of {len(results)} texts equal pprof's ({compared} bytes)")
    if compared == 0:
        print("compare_listing: nothing was compared", file=sys.stderr)
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
