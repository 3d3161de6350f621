#!/usr/bin/env python3
"""Writes a large pprof heap profile for measuring readers: SAMPLES samples of 4 values,
stacks of about DEPTH frames drawn from a call tree, as big services have.

usage: generate_profile.py OUT.pb.gz [--samples N] [--depth N] [--seed N]

Measure with: /usr/bin/time -v tidemark top --symbolize=none OUT.pb.gz
"""

import argparse
import random
import zlib

FUNCTIONS = 20000
LOCATIONS = 60000


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    return varint(number << 3 | 2) + varint(len(value)) + value


def packed(number, values):
    return field(number, b"".join(map(varint, values)))


def samples(count, depth, rng):
    """A random walk in a tree: neighbouring samples share most of their stack."""
    stack = []
    for _ in range(count):
        keep = min(len(stack), int(rng.triangular(0, depth, depth * 0.6)))
        target = max(4, int(rng.gauss(depth, depth / 5)))
        stack = stack[:keep]
        while len(stack) < target:
            # Callees depend on the caller, with a few hot ones.
            caller = stack[-1] if stack else 0
            stack.append((caller * 31 + int(rng.expovariate(0.3)) * 7919) % LOCATIONS + 1)
        objects = int(rng.expovariate(0.01)) + 1
        size = 8 << int(rng.triangular(0, 14, 3))
        live = objects if rng.random() < 0.3 else 0
        label = field(3, field(1, 5) + field(3, size) + field(4, 2))
        yield (packed(1, reversed(stack)) +
               packed(2, (objects, objects * size, live, live * size)) + label)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("out")
    parser.add_argument("--samples", type=int, default=1000000)
    parser.add_argument("--depth", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)

    strings = ["", "count", "bytes", "alloc_objects", "alloc_space", "bytes", "inuse_objects",
               "inuse_space", "space", "/usr/bin/service", "0123456789abcdef"]
    first_function = len(strings)
    strings += [f"service::module{i % 97}::Handler{i}::Process(Request const&, Response*)"
                for i in range(FUNCTIONS)]
    first_file = len(strings)
    strings += [f"/build/service/module{i}/handler.cc" for i in range(97)]

    raw_bytes = 0
    with open(arguments.out, "wb") as out:
        compressor = zlib.compressobj(6, zlib.DEFLATED, 31)

        def write(data):
            nonlocal raw_bytes
            raw_bytes += len(data)
            out.write(compressor.compress(data))

        for name, unit in ((3, 1), (4, 2), (6, 1), (7, 2)):
            write(field(1, field(1, name) + field(2, unit)))
        for sample in samples(arguments.samples, arguments.depth, rng):
            write(field(2, sample))
        write(field(3, field(1, 1) + field(2, 0x400000) + field(3, 0x4000000) + field(5, 9) +
                    field(6, 10) + b"".join(field(n, 1) for n in (7, 8, 9, 10))))
        for i in range(LOCATIONS):
            line = field(1, i % FUNCTIONS + 1) + field(2, i % 400 + 1)
            write(field(4, field(1, i + 1) + field(2, 1) + field(3, 0x400000 + i * 16) +
                        field(4, line)))
        for i in range(FUNCTIONS):
            write(field(5, field(1, i + 1) + field(2, first_function + i) +
                        field(3, first_function + i) + field(4, first_file + i % 97)))
        for text in strings:
            write(field(6, text.encode()))
        write(field(11, field(1, 8) + field(2, 2)) + field(12, 524288))
        out.write(compressor.flush())
    print(f"{arguments.samples} samples, {raw_bytes / 1e6:.0f} MB raw")


if __name__ == "__main__":
    main()
