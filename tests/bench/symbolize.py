#!/usr/bin/env python3
"""Symbolizes addresses of big binaries beside llvm-symbolizer and addr2line -i: are the answers
the same, and how long does each take?

usage: symbolize.py BENCH_SYMBOLIZE [FILE…] [--addresses N] [--runs N]

FILE defaults to tidemark and tidemark-gui beside BENCH_SYMBOLIZE, and libc (debug information
from libc6-dbg). Addresses are a fixed choice within the functions of the symbol table, so that
each answer exists. Times are the best of the runs, all tools taking turns; "warm" is a second
run with the symbol cache. Exit status 1 when an answer differs in a way that is not accepted
below.

Names are compared demangled (c++filt), without symbol versions and the suffixes of copies that
a compiler makes (.cold, .part.0), which Tidemark leaves out of names. Accepted differences, each
a habit of the other tool:
  scopes   it prints the bare name of a function without a linkage name (in an anonymous
           namespace, local to another)
  alias    it picks another of several symbols at one address
  symbol   it does not ask the symbol table about code that the debug information leaves out
  gap      it has no line for code between two runs of a unit's line table; Tidemark has the one
           before it, as elfutils
  no file  it takes the object file's name for the source file
addr2line's are counted but not judged: it knows no function of its own for a .cold part, and
doubles directories (stdlib/stdlib).
"""

import argparse
import collections
import os
import random
import re
import subprocess
import sys
import tempfile
import time

SUFFIX = re.compile(r"(\.(cold|part|isra|constprop|lto_priv|llvm|clone)(\.\d+)*)+$")


def symbols(path):
    """The file with the symbol table, and [(name, address, size)] of its functions."""
    for file in (path, debug_file(path)):
        if file is None:
            continue
        found = []
        out = subprocess.run(["readelf", "-sW", file], capture_output=True, text=True, check=True)
        in_symtab = False
        for line in out.stdout.splitlines():
            if line.startswith("Symbol table"):
                in_symtab = "'.symtab'" in line
            fields = line.split()
            if (in_symtab and len(fields) >= 8 and fields[3] in ("FUNC", "IFUNC", "GNU_IFUNC")
                    and fields[6] != "UND"):
                found.append((fields[7].split("@")[0], int(fields[1], 16), int(fields[2], 0)))
        if found:
            return file, found
    sys.exit(f"symbolize.py: {path}: no symbol table")


def debug_file(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True).stdout
    match = re.search(r"Build ID: ([0-9a-f]+)", notes)
    if not match:
        return None
    file = f"/usr/lib/debug/.build-id/{match[1][:2]}/{match[1][2:]}.debug"
    return file if os.path.exists(file) else None


def choose(functions, count):
    chooser = random.Random(20261121)
    sized = [f for f in functions if f[2]]
    chosen = set()
    for _ in range(20 * count):
        if len(chosen) == count:
            break
        name, begin, size = chooser.choice(sized)
        chosen.add(begin + chooser.randrange(size))
    return sorted(chosen)


def normal(path):
    return os.path.normpath(path) if path not in ("??", "") else ""


def place(text):
    text = text.split(" (discriminator")[0]
    file, _, rest = text.partition(":") if not text.startswith("/") else text.rpartition(":")
    file, line = (file, rest)
    return normal(file), int(line) if line.isdigit() else 0


def read_blocks(text, with_column):
    """Blocks of "function\\nfile:line" lines that an empty line ends."""
    chains = []
    for block in text.strip("\n").split("\n\n"):
        lines = block.split("\n")
        chain = []
        for i in range(0, len(lines) - 1, 2):
            where = lines[i + 1].rpartition(":")[0] if with_column else lines[i + 1]
            chain.append((lines[i] if lines[i] != "??" else "", *place(where)))
        chains.append(chain)
    return chains


def read_addr2line(text):
    """addr2line -a: an 0x line before each chain."""
    chains, lines = [], text.splitlines()
    i = 0
    while i < len(lines):
        i += 1
        chain = []
        while i < len(lines) and not lines[i].startswith("0x0"):
            chain.append((lines[i] if lines[i] != "??" else "", *place(lines[i + 1])))
            i += 2
        chains.append(chain)
    return chains


def plain(names):
    """Each name as people write it."""
    names = sorted(names)
    stripped = [SUFFIX.sub("", name.split("@")[0]) for name in names]
    out = subprocess.run(["c++filt"], input="\n".join(stripped) + "\n", capture_output=True,
                         text=True, check=True).stdout.split("\n")
    return dict(zip(names, out))


class Judge:
    def __init__(self, functions, chains):
        used = {frame[0] for chain in chains for frame in chain}
        self.plain = plain(used | {name for name, _, _ in functions})
        self.at = collections.defaultdict(set)
        for name, address, _ in functions:
            self.at[self.plain[name]].add(address)

    def name(self, ours, theirs):
        """The kind of difference, "" for none, None for one that is not accepted."""
        ours, theirs = self.plain[ours], self.plain[theirs]
        if ours == theirs:
            return ""
        if ours.split("(")[0].endswith("::" + theirs) or ours.endswith("::" + theirs):
            return "scopes"
        if f"::{theirs}(" in ours or f"::{theirs}<" in ours:
            return "scopes"
        if not theirs and self.at.get(ours):
            return "symbol"
        if self.at.get(ours, set()) & self.at.get(theirs, set()):
            return "alias"
        return None

    def chain(self, ours, theirs):
        if len(ours) != len(theirs):
            return None
        kinds = set()
        for (n1, f1, l1), (n2, f2, l2) in zip(ours, theirs):
            kind = self.name(n1, n2)
            if kind is None:
                return None
            kinds.add(kind)
            if (f1, l1) == (f2, l2):
                continue
            if l1 == 0 and l2 == 0:
                kinds.add("no file")
            elif l2 == 0 and (n1, f1, l1) == ours[0]:
                kinds.add("gap")
            else:
                return None
        kinds.discard("")
        return kinds


def compare(name, addresses, ours, theirs, functions, shown):
    judge = Judge(functions, ours + theirs)
    counts, bad = collections.Counter(), []
    for address, a, b in zip(addresses, ours, theirs):
        kinds = judge.chain(a, b)
        if kinds is None:
            bad.append((address, a, b))
        else:
            counts[" + ".join(sorted(kinds)) or "equal"] += 1
    if len(ours) != len(theirs):
        bad.append((0, len(ours), len(theirs)))
    print(f"  {name}: {len(addresses) - len(bad)} of {len(addresses)} agree "
          f"({', '.join(f'{n} {kind}' for kind, n in counts.most_common())})")
    for address, a, b in bad[:shown]:
        print(f"    {address:#x}\n      ours   {a}\n      theirs {b}")
    return len(bad)


def run(command, stdin, environment):
    """Seconds on the clock, seconds of the processors, output."""
    with open(stdin, encoding="ascii") as source, tempfile.TemporaryFile("w+") as out:
        begin = time.monotonic()
        process = subprocess.Popen(command, stdin=source, stdout=out, stderr=subprocess.DEVNULL,
                                   env={**os.environ, **environment})
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"symbolize.py: {command[0]}: exit status {process.returncode}")
        out.seek(0)
        return wall, usage.ru_utime + usage.ru_stime, out.read()


def measure(bench, path, arguments, scratch):
    file, functions = symbols(path)
    addresses = choose(functions, arguments.addresses)
    stdin = os.path.join(scratch, "addresses")
    with open(stdin, "w", encoding="ascii") as out:
        out.writelines(f"{a:#x}\n" for a in addresses)
    cache = {"XDG_CACHE_HOME": scratch, "TIDEMARK_CACHE": ""}
    tools = {
        "cold": ([bench, path, "mangled"], {"TIDEMARK_CACHE": "0"}),
        "warm": ([bench, path, "mangled"], cache),
        "llvm-symbolizer": (["llvm-symbolizer-14", "--inlines", "--no-demangle", f"--obj={path}"],
                            {}),
        "addr2line": (["addr2line", "-a", "-i", "-f", "-e", file], {}),
    }
    run(tools["warm"][0], stdin, cache)  # fills the cache, and the kernel's
    wall, cpu, texts = {}, {}, {}
    for _ in range(arguments.runs):
        for name, (command, environment) in tools.items():
            w, c, texts[name] = run(command, stdin, environment)
            wall[name] = min(wall.get(name, w), w)
            cpu[name] = min(cpu.get(name, c), c)
    print(f"{path}: {len(addresses)} addresses")
    ours = read_blocks(texts["cold"], with_column=False)
    bad = compare("llvm-symbolizer", addresses, ours,
                  read_blocks(texts["llvm-symbolizer"], with_column=True), functions, shown=5)
    compare("addr2line -i", addresses, ours, read_addr2line(texts["addr2line"]), functions,
            shown=arguments.verbose and 5)
    if texts["warm"] != texts["cold"]:
        print("  the cache's answers differ")
        bad += 1
    for name in ("cold", "warm"):
        print(f"  {name}: {wall[name] * 1000:.0f} ms, {cpu[name] * 1000:.0f} ms of processor; " +
              ", ".join(f"{other} takes {wall[other] / wall[name]:.1f} x as long, "
                        f"{cpu[other] / cpu[name]:.1f} x the processor"
                        for other in ("llvm-symbolizer", "addr2line")))
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--addresses", type=int, default=4000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--verbose", action="store_true", help="show addr2line's differences")
    arguments = parser.parse_args()
    files = arguments.files
    if not files:
        folder = os.path.dirname(os.path.abspath(arguments.bench))
        files = [os.path.join(folder, n) for n in ("tidemark", "tidemark-gui")]
        files = [f for f in files if os.path.exists(f)] + ["/lib/x86_64-linux-gnu/libc.so.6"]
    bad = 0
    with tempfile.TemporaryDirectory() as scratch:
        for path in files:
            bad += measure(arguments.bench, os.path.abspath(path), arguments, scratch)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
