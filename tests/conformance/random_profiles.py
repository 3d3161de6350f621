#!/usr/bin/env python3
"""Writes made-up pprof files that hold what real ones seldom do: recursion, inlined chains,
functions without a name, locations without a mapping, paths to clean, drop_frames and
keep_frames, negative values, samples without a stack, labels of text and of numbers with and
without units, folded locations.

    random_profiles.py --seed N --count N --out DIR [--columns]

The same seed gives the same bytes. For each profile there is a second (NAME.next.pb.gz) of
the same program at other addresses, to diff; only that one has negative values, and then each
stack once (pprof 1.19 adds up equal samples of a file, and so does every pprof with a base's,
before it takes their magnitude for the total, which we do not).
"""

import argparse
import gzip
import os
import random

NAMES = ["main", "malloc", "operator new(unsigned long)", "ns::Cache::Insert(int, std::string)",
         "ns::Cache::Grow()", "(anonymous namespace)::helper(int)", "foo::operator()(char) const",
         "runtime.mallocgc", "example.com/pkg.(*Store).Put", "core::ptr::drop_in_place", "a b c",
         ".dotted", "", "std::vector<int>::push_back(int&&)", "läuft", "Insert"]
FILES = ["/src/main.cc", "/src/../src/cache.cc", "./cache.cc", "", "/proc/self/cwd/a/b.cc",
         "/usr/include/c++/12/bits/vector.tcc", "//double//slash.cc", "..", "a/./b/../c.cc"]
MODULES = ["/usr/bin/app", "/usr/lib/libfoo.so.1", "", "[vdso]", "/opt/x y/libbar.so"]


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value) if value else b""


def message(field, payload):
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def packed(field, values):
    return message(field, b"".join(varint(v) for v in values)) if values else b""


class Writer:
    """One pprof file; fields as in profile.proto."""

    def __init__(self):
        self.strings = {"": 0}
        self.out = b""

    def text(self, value):
        return self.strings.setdefault(value, len(self.strings))

    def add(self, field, *parts):
        self.out += message(field, b"".join(parts))

    def finish(self):
        table = b"".join(message(6, s.encode()) for s in self.strings)
        return gzip.compress(self.out + table, mtime=0)


def program(rng):
    """What two snapshots of one program share."""
    functions = [(rng.choice(NAMES), rng.choice(FILES), rng.choice([0, 0, 7, 90]))
                 for _ in range(rng.randint(3, 25))]
    modules = [(m, rng.randint(1, 9) * 4096, rng.choice([0, 4096]), rng.choice(["", "ab12", "cd34"]))
               for m in rng.sample(MODULES, rng.randint(1, len(MODULES)))]
    locations = []
    for _ in range(rng.randint(3, 60)):
        module = rng.choice([None] + list(range(len(modules))))
        size = modules[module][1] if module is not None else 1 << 20
        lines = [(rng.randrange(len(functions)), rng.choice([0, 1, 12, 12, 300]))
                 for _ in range(rng.choice([0, 1, 1, 1, 2, 4]))]
        locations.append((module, rng.randrange(1, size), lines, rng.random() < 0.1))
    filters = rng.choice([("", ""), ("", ""), ("malloc|operator new|runtime\\..*", ""),
                          (".*Insert|malloc", ".*Cache.*"), ("(", ""), ("main", "")])
    return functions, modules, locations, filters


def label(w, rng):
    """At most a few labels, numbers with 0 among them."""
    out = b""
    for value in rng.choice([[16], [64], [16, 4096], [rng.choice([1000, 1 << 20, 96, 100])], []]):
        out += message(3, number(1, w.text("bytes")) + number(3, value) +
                       number(4, w.text(rng.choice(["", "", "bytes"]))))
    for kind in rng.choice([[], [], ["a"], ["b"], ["a", "c"]]):
        out += message(3, number(1, w.text("kind")) + number(2, w.text(kind)))
    if rng.random() < 0.1:
        out += message(3, number(1, w.text("request")) + number(3, rng.choice([0, 5, 1 << 40])))
    if rng.random() < 0.1:
        out += message(3, number(1, w.text("wait")) + number(3, 250) + number(4, w.text("ms")))
    return out


def profile(rng, shared, sign, columns):
    functions, modules, locations, (drop, keep) = shared
    w = Writer()
    types = [("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")]
    for kind, unit in types:
        w.add(1, number(1, w.text(kind)), number(2, w.text(unit)))
    starts = [0x400000 + i * 0x1000000 + rng.randrange(4096) * 4096 for i in range(len(modules))]
    for i, (name, size, offset, build_id) in enumerate(modules):
        w.add(3, number(1, i + 1), number(2, starts[i]), number(3, starts[i] + size),
              number(4, offset), number(5, w.text(name)), number(6, w.text(build_id)))
    for i, (name, file, start_line) in enumerate(functions):
        w.add(5, number(1, i + 1), number(2, w.text(name)), number(3, w.text(name)),
              number(4, w.text(file)), number(5, start_line))
    for i, (module, offset, lines, folded) in enumerate(locations):
        at = offset + (starts[module] if module is not None else 0)
        w.add(4, number(1, i + 1), number(2, module + 1 if module is not None else 0),
              number(3, at), *[message(4, number(1, f + 1) + number(2, n) +
                                       number(3, columns and n % 7))
                               for f, n in lines], number(5, folded))
    stacks = set()
    # Round values make many ties. Of 5 and -5 pprof takes the heavier by chance, though.
    rough = sign < 0 or rng.random() < 0.3
    for _ in range(rng.randint(1, 80)):
        depth = rng.choice([0, 1, 3, 8, 20])
        values = [rng.choice([0, 1, 16, 4096, 1 << 33]) * rng.choice([1, 1, sign])
                  for _ in types]
        if rough:
            values = [v + rng.randrange(500) if v else 0 for v in values]
        stack = packed(1, [rng.randint(1, len(locations)) for _ in range(depth)])
        labels = label(w, rng)
        if sign > 0 or stack not in stacks:
            w.add(2, stack, packed(2, values), labels)
        stacks.add(stack)
    w.out += number(7, w.text(drop)) + number(8, w.text(keep))
    w.out += message(11, number(1, w.text("space")) + number(2, w.text("bytes"))) + number(12, 1)
    return w.finish()


def one_column():
    """A profile of one sample whose one line is a.c:3:5, not compressed."""
    w = Writer()
    w.add(1, number(1, w.text("space")), number(2, w.text("bytes")))
    w.add(5, number(1, 1), number(2, w.text("a")), number(4, w.text("a.c")))
    w.add(4, number(1, 1), message(4, number(1, 1) + number(2, 3) + number(3, 5)))
    w.add(2, packed(1, [1]), packed(2, [1]))
    return gzip.decompress(w.finish())


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--columns", action="store_true")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    for i in range(args.count):
        rng = random.Random(args.seed * 1000003 + i)
        shared = program(rng)
        stem = os.path.join(args.out, f"random-{args.seed}-{i}")
        if args.columns:
            stem += "-columns"
        write(stem + ".pb.gz", profile(rng, shared, 1, args.columns))
        write(stem + ".next.pb.gz", profile(rng, shared, rng.choice([1, -1]), args.columns))


if __name__ == "__main__":
    main()
