#!/usr/bin/env python3
"""Compares what `tidemark convert` makes of a profile with the profile, as pprof sees both.

    compare_raw.py --tidemark BIN [--jemalloc FILE]... PROFILE...

For each PROFILE (pprof's own or a legacy format; a directory stands for all files in it),
`go tool pprof -raw` of the file and of the converted file must be equal: types, period,
times, comments, every sample in its order with its values, labels and stack, every location
and mapping; and so must the drop_frames and keep_frames that `pprof -proto` hands on. What
pprof refuses, tidemark must refuse.

Accepted differences, since neither is a fact of the file:
- A numeric label that is 0 and has no unit: pprof's own encoder loses it.
- Un-sampled values by rounding of exp(), which Go computes with or without fused
  multiplications, by the machine: at most 1, or 1e-10 of the value.
- Ids of locations and mappings: what they stand for is compared.

pprof does not know jemalloc's own format: a --jemalloc FILE is rewritten as gperftools' (the
lines for all threads), and what `tidemark convert` makes of the FILE is compared with that,
its samples of one stack added up over the threads.

Exit status: 0 all equal, 1 one differs, 2 a tool failed.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import gzip
import os
import re
import subprocess
import sys
import tempfile

SAMPLED = re.compile(rb"heap(z?_v2)?/\d|--- heapz 1 ---")
MAX_DIFFERENCES = 20


class ToolError(Exception):
    """A tool did not do what it must; nothing can be compared."""


def run(command, env=None):
    done = subprocess.run(command, capture_output=True, text=True, errors="surrogateescape",
                          stdin=subprocess.DEVNULL, timeout=600, env=env)
    return done.returncode, done.stdout, done.stderr.strip()


def pprof_command():
    """Go's pprof itself where Go says where it is: `go tool` takes longer than pprof."""
    status, out, error = run(["go", "tool", "-n", "pprof"])
    if status != 0:
        raise ToolError(f"go tool -n pprof: {error}")
    path = out.strip()
    return [path] if os.access(path, os.X_OK) else ["go", "tool", "pprof"]


@dataclasses.dataclass
class Raw:
    """pprof -raw, ids replaced by what they stand for."""
    head: list
    samples: list  # (values, labels, stack)
    locations: list
    mappings: list


def parse_raw(text):
    lines = text.splitlines()
    samples_at = lines.index("Samples:")
    locations_at = lines.index("Locations", samples_at)
    mappings_at = lines.index("Mappings", locations_at)
    mappings = {}
    for line in lines[mappings_at + 1:]:
        number, _, rest = line.partition(": ")
        mappings[number] = rest
    locations = {}
    for line in lines[locations_at + 1:mappings_at]:
        match = re.match(r"\s*(\d+): (0x[0-9a-f]+) (?:M=(\d+) )?(.*)$", line)
        if match:
            last = match[1]
            module = mappings[match[3]] if match[3] else None
            locations[last] = [match[2], module, match[4]]
        else:
            locations[last].append(line.strip())  # the caller it is inlined into
    samples = []
    for line in lines[samples_at + 2:locations_at]:
        values, colon, ids = line.partition(": ")
        if colon and re.fullmatch(r"[\s\d-]+", values):
            samples.append(([int(v) for v in values.split()], [],
                            [tuple(locations[i]) for i in ids.split()]))
        else:
            samples[-1][1].append(line.strip())
    for _, labels, _ in samples:
        labels[:] = [kept for kept in (re.sub(r"(^| )\S+:\[0\]", "", label).strip()
                                       for label in labels) if kept]
    return Raw(lines[:samples_at] + lines[samples_at + 1:samples_at + 2], samples,
               list(locations.values()), list(mappings.values()))


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def frame_filters(path):
    """drop_frames and keep_frames of a pprof file."""
    with gzip.open(path) as f:
        data = f.read()
    strings, filters, at = [], {7: 0, 8: 0}, 0
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag & 7 == 2:
            if tag >> 3 == 6:
                strings.append(data[at:at + value])
            at += value
        elif tag >> 3 in filters:
            filters[tag >> 3] = value
    return [strings[index] for index in filters.values()]


def equal_values(ours, theirs, sampled):
    if ours == theirs:
        return True
    return sampled and len(ours) == len(theirs) and all(
        abs(a - b) <= max(1, abs(b) * 1e-10) for a, b in zip(ours, theirs))


def differences(ours, theirs, sampled):
    """Sentences."""
    for what in ("head", "locations", "mappings"):
        mine, yours = getattr(ours, what), getattr(theirs, what)
        if len(mine) != len(yours):
            yield f"{len(mine)} {what}, pprof {len(yours)}"
        for i, (a, b) in enumerate(zip(mine, yours)):
            if a != b:
                yield f"{what} {i}: {a}, pprof {b}"
    if len(ours.samples) != len(theirs.samples):
        yield f"{len(ours.samples)} samples, pprof {len(theirs.samples)}"
    for i, (a, b) in enumerate(zip(ours.samples, theirs.samples)):
        if not equal_values(a[0], b[0], sampled) or a[1:] != b[1:]:
            yield f"sample {i}: {a}, pprof {b}"


class Comparer:
    def __init__(self, tidemark, pprof, directory):
        self.tidemark, self.pprof, self.directory = tidemark, pprof, directory
        # No binary of this machine is to be found for a mapping.
        self.env = dict(os.environ, HOME=directory, PPROF_BINARY_PATH=directory, TZ="UTC")

    def raw(self, path):
        """What pprof says of a file, or None when it refuses it."""
        status, out, error = run(self.pprof + ["-raw", "-symbolize=none", path], self.env)
        if status == 0:
            return parse_raw(out)
        if "parsing profile" not in error and "malformed profile" not in error:
            raise ToolError(f"pprof {path}: exit {status}: {error}")
        return None

    def convert(self, path, name):
        """Where the converted file is; None when tidemark refuses the profile."""
        out = os.path.join(self.directory, name + ".pb")
        status, _, error = run([self.tidemark, "convert", path, "-o", out, "--symbolize", "none"])
        if status == 0:
            return out, error
        if status != 3 or not error.startswith("tidemark: ") or "(where: " not in error:
            raise ToolError(f"tidemark convert {path}: exit {status}: {error}")
        return None, error

    def filters(self, path, name):
        out = os.path.join(self.directory, name + ".pb.gz")
        status, _, error = run(self.pprof + ["-proto", "-symbolize=none", f"-output={out}", path],
                               self.env)
        if status != 0:
            raise ToolError(f"pprof -proto {path}: {error}")
        return frame_filters(out)

    def compare(self, number, path):
        """The rows that were compared, and what differs."""
        theirs = self.raw(path)
        converted, error = self.convert(path, f"{number}")
        if theirs is None or converted is None:
            if theirs is None and converted is None:
                return 1, []
            who = "tidemark" if theirs is not None else "pprof"
            return 1, [f"only {who} refuses it {error}"]
        ours = self.raw(converted)
        with open(path, "rb") as f:
            sampled = bool(SAMPLED.search(f.read(4096)))
        found = list(differences(ours, theirs, sampled))
        mine, yours = self.filters(converted, f"{number}a"), self.filters(path, f"{number}b")
        if mine != yours:
            found.append(f"drop_frames, keep_frames: {mine}, pprof {yours}")
        return len(theirs.samples) + len(theirs.locations) + len(theirs.mappings), found

    def compare_jemalloc(self, number, path):
        rewritten = os.path.join(self.directory, f"{number}.heap")
        with open(path, encoding="utf-8") as f, open(rewritten, "w", encoding="utf-8") as out:
            rewrite_jemalloc(f, out)
        theirs = self.raw(rewritten)
        converted, error = self.convert(path, f"{number}")
        if theirs is None or converted is None:
            raise ToolError(f"{path}: pprof or tidemark refuses it {error}")
        ours = self.raw(converted)
        sums = []
        for raw in (ours, theirs):
            by_stack = collections.defaultdict(lambda: None)
            for values, _, stack in raw.samples:
                key = tuple(stack)
                by_stack[key] = [a + b for a, b in zip(by_stack[key] or [0] * 4, values)]
            # Samples that are all 0 say nothing; tidemark leaves them out.
            sums.append({k: v for k, v in by_stack.items() if any(v)})
        found = [f"stack {k}: {sums[0].get(k)}, pprof {sums[1].get(k)}"
                 for k in sums[0].keys() | sums[1].keys()
                 if not equal_values(sums[0].get(k, []), sums[1].get(k, []), True)]
        if ours.mappings != theirs.mappings:
            found.append(f"mappings {ours.mappings}, pprof {theirs.mappings}")
        if not any("thread:[" in label for _, labels, _ in ours.samples for label in labels):
            found.append("no sample has its thread")
        return len(sums[1]), found


def rewrite_jemalloc(lines, out):
    """The lines for all threads as gperftools writes them."""
    rate = next(lines).strip().split("/")[1]
    stack = None
    for line in lines:
        if line.startswith("@"):
            stack = line[1:].strip()
        elif line.lstrip().startswith("t*:"):
            columns = line.split(":", 1)[1].strip()
            head = f"heap profile: {columns} @ heap_v2/{rate}" if stack is None else None
            out.write((head or f"{columns} @ {stack}") + "\n")
        elif line.startswith("MAPPED_LIBRARIES:"):
            out.write(line)
            out.writelines(lines)


def files(paths):
    for path in paths:
        if os.path.isdir(path):
            entries = sorted(os.path.join(path, name) for name in os.listdir(path))
            yield from filter(os.path.isfile, entries)
        else:
            yield path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tidemark", required=True, metavar="BIN")
    parser.add_argument("--jemalloc", action="append", default=[], metavar="FILE")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("profiles", nargs="*", metavar="PROFILE")
    args = parser.parse_args()

    total = rows = different = 0
    with tempfile.TemporaryDirectory() as directory:
        try:
            comparer = Comparer(args.tidemark, pprof_command(), directory)
            with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
                work = [(path, pool.submit(comparer.compare, i, path))
                        for i, path in enumerate(files(args.profiles))]
                work += [(path, pool.submit(comparer.compare_jemalloc, f"j{i}", path))
                         for i, path in enumerate(args.jemalloc)]
                for path, done in work:
                    compared, found = done.result()
                    total += 1
                    rows += compared
                    different += bool(found)
                    for sentence in found[:MAX_DIFFERENCES]:
                        print(f"DIFFERS {path}: {sentence}")
        except ToolError as error:
            print(f"compare_raw: {error}", file=sys.stderr)
            return 2
    print(f"{total - different} of {total} profiles equal pprof's ({rows} rows compared)")
    if rows == 0:
        print("compare_raw: nothing was compared", file=sys.stderr)
        return 1
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
