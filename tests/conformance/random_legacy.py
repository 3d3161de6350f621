#!/usr/bin/env python3
"""Writes made-up profiles in every legacy format that pprof reads, with the oddities that its
readers let pass: words around a sample, comments, other line ends, memory maps in all
forms, overlapping and wrong. And pprof's own format with labels of all kinds, comments, times
and ids in no order, for the way through and back.

    random_legacy.py --seed N --count N --out DIR

The same seed gives the same bytes. A few files are malformed: pprof refuses those.
"""

import argparse
import os
import random
import struct

from random_profiles import Writer, message, number, packed

FILES = ["/usr/bin/app", "/usr/lib/libfoo.so.1", "/usr/lib/libbar.so", "[vdso]", "//anon",
         "/anon_hugepage", "/opt/x_y/app.so_3", "/memfd:jit", "libc.so.6", "app"]
JAVA_FRAMES = ["com.example.Cache.insert (Cache.java:56)", "com.example.Main.main (Main.java:-1)",
               "operator() (/usr/lib/jvm/libjvm.so)", "GC", "[generated stub/JIT]", "f  (a/b/)",
               "com.example.Cache.insert (Other.java:7)", "f(x) (y:z:3)", "g ()", "h (:5)",
               "a (b (c:4)", "Java_void (int) (native.c:12)"]
BUILD_IDS = ["abcdef0123", "12ab", "", "0123456789abcdef"]


class Program:
    """Modules somewhere in memory, and addresses in them (and some elsewhere)."""

    def __init__(self, rng):
        self.modules = []
        at = rng.choice([0x400000, 0x55d000000000, 0x10000])
        for name in rng.sample(FILES, rng.randint(1, 6)):
            size = rng.randint(1, 40) * 4096
            offset = rng.choice([0, 0, 4096, 0x2F000])
            self.modules.append([at, at + size, offset, name, rng.choice(BUILD_IDS)])
            if rng.random() < 0.3:  # the same file goes on
                self.modules.append([at + size, at + 2 * size, offset + size if offset else 0,
                                     name, ""])
                at += size
            at += size + rng.choice([0, 0, 4096, 0x200000])
        if rng.random() < 0.2:  # what lies over others
            first = rng.choice(self.modules)
            self.modules.insert(rng.randrange(len(self.modules) + 1),
                                [first[0] + 4096, first[1] + 8192, 0, "/usr/lib/over.so", ""])
        if rng.random() < 0.3:
            rng.shuffle(self.modules)
        self.addresses = [rng.choice([0, 1, 2, 0xFFFFFFFFFFFFFFFF, 0x1234])
                          for _ in range(rng.choice([0, 0, 2]))]
        for _ in range(rng.randint(2, 40)):
            start, limit, offset, _, _ = rng.choice(self.modules)
            self.addresses.append(rng.choice([
                rng.randrange(start, limit), start, limit, limit + 1, start + 1,
                max(1, start - offset), max(1, start - rng.randint(1, 9000))]))

    def stack(self, rng, least=0):
        depth = rng.choice([least, 1, 2, 2, 5, 20])
        return [rng.choice(self.addresses) for _ in range(depth)]

    def memory_map(self, rng):
        """The lines behind the heading."""
        form = rng.choice(["proc", "proc", "brief", "mixed"])
        lines = []
        substitute = rng.random() < 0.3
        if substitute:
            lines += ["build=/usr/bin", "build=/never", "buildx = wrong ", "lib=$build/../lib"]
        for start, limit, offset, name, build_id in self.modules:
            if substitute:
                name = name.replace("/usr/bin", "$build").replace("/usr/lib", "$lib")
            kind = rng.choice(["proc", "brief"]) if form == "mixed" else form
            if kind == "proc":
                line = f"{start:08x}-{limit:08x} {rng.choice(['r-xp', 'r-xp', '--xp', 'r--p'])} " \
                       f"{offset:08x} 08:01 {rng.randint(0, 9999)}"
                line += " " * rng.randint(1, 20) + name if name else ""
            else:
                zero_x = rng.choice(["0x", ""])
                line = f"{zero_x}{start:x}{rng.choice(['-', ' ', '- '])}{zero_x}{limit:x}"
                line += rng.choice(["", ":", " r-xp", " r--p"]) + f" {name}"
                line += f" (@{offset:x})" if offset or rng.random() < 0.2 else ""
                line += f" {build_id}" if build_id else ""
            if rng.random() < 0.1:
                line = f"maps.cc:{rng.randint(1, 99)}] {line}"
            lines.append(line)
        if rng.random() < 0.3:
            lines.insert(rng.randrange(len(lines) + 1), rng.choice([
                "not a mapping", "deadbeef", "ab=cd", "400000-", "12345678901234567890-2 /x",
                "7f00 08:01 12 /split", "4000-5000/glued", "4000-5000 program", "", "x.cc:] 1-2",
                "5000-6000 rw-p 00000000 00:00 0", "5000-6000 r-xp 0 0:0 0 /a b", "$=y", "=",
                "600000 - 700000 r-xp", "5000-6000 (@10) ab", "0x0x1-2", " 0x1-0x /f"]))
        return lines


def hexes(stack, rng):
    width = rng.choice([0, 8, 16])
    return " ".join(f"0x{a:0{width}x}" for a in stack)


def finish(lines, program, rng, heading=None):
    """The file's bytes: with a memory map, other line ends, or cut."""
    heading = heading or rng.choice(["--- Memory map: ---", "MAPPED_LIBRARIES:"])
    if rng.random() < 0.85:
        lines = lines + [heading] + program.memory_map(rng)
    end = "\r\n" if rng.random() < 0.1 else "\n"
    text = end.join(lines) + (end if rng.random() < 0.9 else "")
    return text.encode()


def noise(rng):
    return rng.choice([[], [], [], [""], ["# a comment 1: 2 [3: 4] @ 0x5"], ["   "], ["\t# x"]])


def heap(program, rng):
    kind = rng.choice(["heap_v2/524288", "heap_v2/1", "heap_v2/0", "heap_v2", "heapz_v2/4096",
                       "heap/1048576", "heap/2", "heapprofile", "growthz", "growth",
                       "fragmentationz", "heap_v2/1048576 more", "heap_v3/5"])
    alloc = rng.random() < 0.6
    lines = [f"heap profile: {rng.choice(['', '    '])}3:   24 [ "
             f"{rng.choice(['5:   40', '0: 0', '05: 24']) if alloc else '3:   24'}] @ {kind}"]
    for _ in range(rng.randint(0, 30)):
        lines += noise(rng)
        rows = []
        for _ in range(2):
            count = rng.choice([0, 1, 3, 1000, 77777])
            rows.append((count, count * rng.choice([8, 64, 1000, 1 << 20]) + rng.randint(0, 7)
                         if count else 0))
        (n, s), (n2, s2) = rows
        if rng.random() < 0.05:
            n, s = -n, -s
        line = f"{rng.choice(['', ' ', '   x '])}{n}: {s} [{n2}: {rng.choice(['', '  '])}{s2}] @ "
        line += hexes(program.stack(rng), rng)
        line += rng.choice(["", "", "", " ", "\t0x77", " 0X12 0x13", " zz 0x14", " 0xg"])
        lines.append(line)
    if rng.random() < 0.05:
        lines.append(rng.choice(["no sample", "0: 5 [1: 1] @ 0x1", "1: 2 [3: 4]@ 0x1",
                                 "1: 2 [3: 4] @ 0x11111222223333344", "1 2 [3: 4] @ 0x1"]))
    return finish(lines, program, rng)


def count(program, rng):
    lines = noise(rng) + [f"{rng.choice(['goroutine', 'threadcreate', 'my.own/type'])} profile: "
                          f"total {rng.randint(0, 99)}"]
    for _ in range(rng.randint(0, 20)):
        lines += noise(rng)
        stack = program.stack(rng, 1)
        lines.append(f"{rng.choice([1, 2, 300, '010'])} @ {' '.join(f'{a:#x}' for a in stack)}")
        lines.append(f"#\t{stack[0]:#x}\tmain.main+0x4\t/src/main.go:12")
    if rng.random() < 0.05:
        lines.append(rng.choice(["1 @", "1 @  0x12", "x 1 @ 0x1", "1 @ 0x1 ", "1 @ 0xAB",
                                 "08 @ 0x1", "1 @ 0x11111222223333344"]))
    return finish(lines, program, rng, "--- Memory map: ---")


def threads(program, rng):
    lines = noise(rng)
    if rng.random() < 0.7:
        lines += [f"--- threadz {rng.randint(1, 3)} ---", "", "words of all kinds"]
    for i in range(rng.randint(1, 12)):
        lines.append(f"--- Thread {rng.getrandbits(40):x} (name: worker/{i}/{i}) stack: ---")
        stack = program.stack(rng, 1)
        if rng.random() < 0.2:
            lines.append("   [same as previous thread]")
        elif rng.random() < 0.3:
            lines.append(f"  PC: {hexes(stack[:1], rng)} f(x)")
            lines += [f"    {a:#x}: function" for a in stack[:1] + stack]
        else:
            lines.append("  " + hexes(stack, rng))
        lines += rng.choice([[], [""]])
    if rng.random() < 0.1:
        lines.append("---- no stack trace for 5 ----")
    return finish(lines, program, rng, "--- Memory map: ---")


def contention(program, rng):
    lines = [rng.choice(["--- contentionz 1 ---", "--- mutex:", "--- contention:",
                         "--- contentionz 0"])]
    lines += rng.sample(["cycles/second=2394230000", "cycles/second = 0x10000000",
                         "sampling period = 100", "sampling period=1", "ms since reset = 16502830",
                         "discarded samples = 3", "sampling period = -2", "# resolution = x",
                         "cycles/second = 1000000000", ""], rng.randint(0, 5))
    for _ in range(rng.randint(0, 20)):
        lines += noise(rng)
        lines.append(f"{rng.choice(['', '  ', 'x 7 '])}{rng.randint(0, 10**rng.randint(1, 15))} "
                     f"{rng.randint(0, 999)} @ {hexes(program.stack(rng), rng)}"
                     f"{rng.choice(['', '', ' # x', ' 0XF'])}")
    if rng.random() < 0.1:
        lines.append(rng.choice(["1234 @ 0x55", "1 @ 0x1", "1 2 0x1", "unknown = 5", "1 2  @ 0x1"]))
    return finish(lines, program, rng, "--- Memory map: ---")


def java_lines(numbers, rng):
    lines = []
    for number in sorted(set(numbers)):
        if rng.random() < 0.9:
            lines.append(f"  0x{number:08x} {rng.choice(JAVA_FRAMES)}")
        if rng.random() < 0.05:
            lines.append(rng.choice(["", "noise", f"0x{number:x}", f"0x{number + 999:x} unused"]))
    return lines


def java(program, rng):
    del program  # frames are numbers
    heap_kind = rng.random() < 0.5
    if heap_kind:
        lines = ["--- heapz 1 ---", "format = java",
                 f"resolution = {rng.choice(['bytes', 'kilobytes'])}"]
    else:
        lines = ["--- contentionz 1 ---", "format = java", "resolution = microseconds"]
        lines += rng.sample(["sampling period = 100", "ms since reset = 6019923", "",
                             "sampling period = 0x10"], rng.randint(0, 4))
    numbers = [rng.randint(0, 40) for _ in range(20)]
    for _ in range(rng.randint(0, 20)):
        stack = [rng.choice(numbers) for _ in range(rng.randint(0, 6))]
        objects = rng.randint(1, 999)
        lines.append(f"{rng.choice(['', '   '])}{objects * rng.choice([0, 24, 4096])} {objects} @ "
                     f"{hexes(stack, rng)}{rng.choice(['', ' ', ' # x'])}")
        lines += rng.choice([[], [], [""]])
    lines.append("")
    lines += java_lines(numbers, rng)
    if rng.random() < 0.05:
        lines[rng.randrange(1, len(lines))] = rng.choice(["5 0 @ 0x1", "format = c", "x = y"])
    return "\n".join(lines).encode() + (b"\n" if rng.random() < 0.9 else b"")


def cpu(program, rng):
    form = rng.choice(["<I", ">I", "<Q", ">Q"])
    mask = (1 << (32 if form[1] == "I" else 64)) - 1
    is_java = rng.random() < 0.3
    numbers = [rng.randint(0, 40) for _ in range(20)]
    words = [0, 3, int(is_java), rng.choice([1, 10000, 4000]), 0]
    # Signal frames: the same behind the leaf in all samples, or in nearly all.
    signal = [rng.randrange(0x1000, 0x9000) for _ in range(rng.choice([0, 1, 2, 3]))]
    samples = rng.choice([0, 1, 5, 31, 32, 70])
    odd = rng.choice([0, 0, 1, 3])
    for i in range(samples):
        if is_java:
            stack = [rng.choice(numbers) for _ in range(rng.randint(0, 5))]
        else:
            stack = program.stack(rng, 0)
            if len(stack) > 1 and rng.random() < 0.3:
                stack[1] = stack[0]  # the leaf twice
            if stack and i >= odd:
                stack[1:1] = signal
        words += [rng.randint(0 if stack != [0] else 1, 50), len(stack)] + stack
    if rng.random() < 0.9:
        words += [0, 1, 0]
    data = b"".join(struct.pack(form, w & mask) for w in words)
    if words[-3:] == [0, 1, 0] and rng.random() < 0.9:
        lines = java_lines(numbers, rng) if is_java else program.memory_map(rng)
        data += "".join(line + "\n" for line in lines).encode()
    return data


def proto(program, rng):
    w = Writer()
    types = rng.sample([("inuse_space", "bytes"), ("cpu", "nanoseconds"), ("n", "count"), ("", "")],
                       rng.randint(1, 4))
    for kind, unit in types:
        w.add(1, number(1, w.text(kind)), number(2, w.text(unit)))
    mapping_ids = rng.sample(range(1, 1000), len(program.modules))
    for i, (start, limit, offset, name, build_id) in zip(mapping_ids, program.modules):
        w.add(3, number(1, i), number(2, start), number(3, limit), number(4, offset),
              number(5, w.text(name)), number(6, w.text(build_id)),
              *[number(flag, rng.choice([0, 1])) for flag in (7, 8, 9, 10)])
    function_ids = rng.sample([1, 2, 3, 7, 1 << 40, (1 << 64) - 1], 5)
    for i in function_ids:
        w.add(5, number(1, i), number(2, w.text(f"f{i}")), number(3, w.text(f"_Z{i % 3}")),
              number(4, w.text("/src/a.cc")), number(5, rng.choice([0, 5])))
    location_ids = rng.sample(range(1, 1 << 20), len(program.addresses))
    for i, address in zip(location_ids, program.addresses):
        lines = [message(4, number(1, rng.choice(function_ids)) + number(2, rng.randint(0, 99)) +
                         number(3, rng.choice([0, 8]))) for _ in range(rng.choice([0, 1, 1, 3]))]
        w.add(4, number(1, i), number(2, rng.choice(mapping_ids + [0])), number(3, address), *lines,
              number(5, rng.choice([0, 0, 1])))
    for _ in range(rng.randint(0, 30)):
        labels = []
        for _ in range(rng.choice([0, 0, 1, 2, 5])):
            key = number(1, w.text(rng.choice(["thread", "bytes", "request", "a b"])))
            labels.append(message(3, key + rng.choice([
                number(2, w.text(rng.choice(["main/1", "x y", "\u00e4"]))),
                number(3, rng.choice([0, 1, -1, 1 << 40])),
                number(3, rng.randint(0, 9)) + number(4, w.text(rng.choice(["kb", "s"])))])))
        w.add(2, packed(1, [rng.choice(location_ids) for _ in range(rng.randint(0, 9))]),
              packed(2, [rng.choice([0, 1, -5, (1 << 63) - 1]) for _ in types]), *labels)
    for comment in rng.sample(["one", "#hidden", "two words", "one"], rng.randint(0, 4)):
        w.out += packed(13, [w.text(comment)])
    w.out += number(9, rng.choice([0, 1700000000000000001]))
    w.out += number(10, rng.choice([0, 30 * 10**9]))
    w.out += message(11, number(1, w.text("space")) + number(2, w.text("bytes")))
    w.out += number(12, rng.choice([0, 524288])) + number(14, w.text(rng.choice(["", "n", "none"])))
    w.out += number(15, w.text(rng.choice(["", "https://example.com/doc"])))
    w.out += number(7, w.text(rng.choice(["", "f1|f2"])))
    w.out += number(8, w.text(rng.choice(["", "f2"])))
    return w.finish()


FORMATS = {"heap": heap, "count": count, "threads": threads, "contention": contention,
           "java": java, "cpu": cpu, "proto": proto}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True, help="of each format")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    for name, make in FORMATS.items():
        for i in range(args.count):
            rng = random.Random(f"{args.seed} {name} {i}")
            with open(os.path.join(args.out, f"{name}-{args.seed}-{i}"), "wb") as f:
                f.write(make(Program(rng), rng))


if __name__ == "__main__":
    main()
