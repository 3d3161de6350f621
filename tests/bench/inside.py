"""What the recorder costs beside time: added instructions, memory in the target, and snapshots of
a target that goes on working."""

import concurrent.futures
import contextlib
import gzip
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time

import measure
import table
import variants

MIB = 1 << 20


class Counter:
    """Counts user-mode instructions: with perf where the machine lets it, else with valgrind,
    which is slow but counts exactly."""

    def __init__(self):
        self.perf = self._perf_counts()
        self.missing = None
        if not self.perf and not shutil.which("valgrind"):
            self.missing = "perf counts nothing here; valgrind is not installed " \
                           "(apt-get install valgrind)"

    @staticmethod
    def _perf_counts():
        if not shutil.which("perf"):
            return False
        tried = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", "true"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               check=False)
        return tried.returncode == 0 and "<not" not in tried.stderr

    @property
    def name(self):
        return "perf stat" if self.perf else "valgrind"

    def prefix(self, log):
        if self.perf:
            return ["perf", "stat", "-x,", "-e", "instructions:u", "-o", log, "--"]
        return ["valgrind", "--tool=cachegrind", "--cache-sim=no",
                "--cachegrind-out-file=/dev/null", "--log-file=" + log]

    def read(self, log):
        with open(log, encoding="utf-8") as file:
            text = file.read()
        found = re.search(r"^(\d+),,instructions" if self.perf else r"I\s+refs:\s+([\d,]+)", text,
                          re.MULTILINE)
        if not found:
            raise measure.Failed(f"{self.name} printed no count: {text[-200:]}")
        return int(found.group(1).replace(",", ""))

    def count(self, workload, variant, scale, inputs):
        log = os.path.join(inputs, "instructions of " + variant.name)
        workload.run(variant, scale, inputs, self.prefix(log))
        return self.read(log)


def instructions(chosen, by_name, inputs, scale, results, out):
    """Sampled against plain, whole programs: start and the profile at the end included. The two
    run at the same time: counts do not mind."""
    counter = Counter()
    out.section(f"instructions added by sampling (user mode, {counter.name})")
    if counter.missing:
        out.figure("instructions", counter.missing)
        return
    for workload in chosen:
        try:
            workload.command(scale * workload.counted, inputs)  # makes its input, once
            with concurrent.futures.ThreadPoolExecutor() as pool:
                plain, sampled = pool.map(
                    lambda name, w=workload: counter.count(w, by_name[name], scale * w.counted,
                                                           inputs), ("plain", "tidemark"))
        except measure.Failed as failure:
            out.figure(f"{workload.name}, added instructions", f"FAILED: {failure}")
            results.append({"workload": workload.name, "failed": str(failure)})
            continue
        added = 100 * (sampled / plain - 1)
        results.append({"workload": workload.name, "plain": plain, "tidemark": sampled})
        out.figure(f"{workload.name}, added instructions",
                   f"{added:+.2f} % of {plain / 1e9:.2f} G", added, table.INSTRUCTIONS)


class Holder:
    """A running bench_holder: live blocks, and malloc/free pairs beside them."""

    def __init__(self, process):
        self.process = process
        self.pid = process.pid

    def ask(self):
        """(pairs, longest time between two in microseconds) since the last question."""
        self.process.stdin.write(b"?\n")
        self.process.stdin.flush()
        pairs, longest = self.process.stdout.readline().split()
        return int(pairs), float(longest)

    def memory(self):
        """{what: resident bytes}: "all", and the mappings that bear the recorder's name."""
        found = {"all": 0, "state": 0, "library": 0}
        path = ""
        with open(f"/proc/{self.pid}/smaps", encoding="utf-8", errors="replace") as file:
            for line in file:
                words = line.split()
                if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                    path = " ".join(words[5:])
                elif words[0] == "Rss:":
                    size = int(words[1]) << 10
                    found["all"] += size
                    if "libtidemark.so" in path:
                        found["library"] += size
                    elif "tidemark" in path:
                        found["state"] += size
        return found


@contextlib.contextmanager
def holding(build, variant, blocks, block_size, **environment):
    program = os.path.join(build, "bin/bench_holder")
    with variant.entered(measure.clean_environment()) as (env, directory):
        with measure.start([program, str(blocks), str(block_size)], {**env, **environment},
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=directory) as process:
            try:
                if process.stdout.readline().strip() != b"ready":
                    raise measure.Failed("bench_holder: does not start")
                yield Holder(process)
                process.stdin.close()
                if process.wait(timeout=120) != 0:
                    raise measure.Failed(f"bench_holder: exit status {process.returncode}")
            finally:
                if process.poll() is None:
                    process.kill()


def memory(build, by_name, quick, results, out):
    """The same heap with and without the recorder: the difference of the resident sets is ours,
    whatever it is called."""
    blocks = 256 << 10
    block_size = 1024 if quick else 8192  # 256 MiB or 2 GiB
    heap = blocks * block_size
    out.section(f"memory in the target, {heap / MIB:.0f} MiB of live blocks")
    with holding(build, by_name["plain"], blocks, block_size) as holder:
        plain = holder.memory()
    # The last one samples more blocks than the live table holds.
    for rate in (512 << 10, 16 << 10, block_size):
        with holding(build, by_name["tidemark"], blocks, block_size,
                     TIDEMARK_RATE=str(rate)) as holder:
            taken = holder.memory()
        ours = (taken["all"] - plain["all"]) / MIB
        results.append({"rate": rate, "heap": heap, "plain": plain, "tidemark": taken})
        out.figure(f"memory added at {rate >> 10} KiB",
                   f"{ours:.1f} MiB (state file {taken['state'] / MIB:.1f})", ours, table.MEMORY)


def snapshots(build, by_name, rounds, results, out):
    """Wall and CPU time of `tidemark snapshot` of a process whose live table is full, and of one
    in exact mode; and whether the process went on meanwhile."""
    tidemark = os.path.join(build, "bin/tidemark")
    cases = (("snapshot, sampled, live table full", "tidemark", 256 << 10, 1024,
              {"TIDEMARK_RATE": "1024"}),
             ("snapshot, exact, 100,000 live blocks", "tidemark exact", 100_000, 1024, {}))
    out.section(f"tidemark snapshot of a working process, {rounds} rounds")
    for what, variant, blocks, size, environment in cases:
        with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as directory, \
                holding(build, by_name[variant], blocks, size, **environment) as holder:
            profile = os.path.join(directory, "s.pb.gz")
            command = [tidemark, "snapshot", str(holder.pid), "-o", profile]
            taken, paused, idle = [], [], []
            for _ in range(rounds):
                holder.ask()
                time.sleep(0.05)
                idle.append(holder.ask()[1])
                taken.append(measure.run(command, measure.clean_environment(), directory))
                pairs, longest = holder.ask()
                if pairs == 0:
                    raise measure.Failed("bench_holder: made nothing during a snapshot")
                paused.append(longest)
            stopped = seen_stopped(command, holder.pid, directory)
            with gzip.open(profile) as file:
                size_bytes = len(file.read())
        walls = [t.wall * 1e3 for t in taken]
        median = statistics.median(walls)
        results.append({"case": what, "wall_ms": walls, "cpu_ms": [t.cpu * 1e3 for t in taken],
                        "longest_pause_us": paused, "longest_pause_idle_us": idle,
                        "seen_stopped": stopped, "profile_bytes": size_bytes})
        out.figure(what, f"{median:.1f} ms [{min(walls):.1f}, {max(walls):.1f}]", median,
                   table.SNAPSHOT)
        out.figure("  its CPU time", f"{statistics.median(t.cpu for t in taken) * 1e3:.1f} ms")
        out.figure("  longest pause of the process, median",
                   f"{statistics.median(paused):.0f} us ({statistics.median(idle):.0f} without)")
        out.figure(what + ": seen stopped", f"{stopped} times", stopped,
                   table.at_most(0, " times"))


def seen_stopped(command, pid, directory):
    """How often the process was seen stopped or traced while the command ran. Apart from the
    timed rounds: looking takes time too."""
    seen = 0
    with open(os.path.join(directory, "watched"), "wb") as log:
        process = measure.start(command, measure.clean_environment(), stdout=log, stderr=log)
        while process.poll() is None:
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                status = file.read()
            state = re.search(r"^State:\s+(\S)", status, re.MULTILINE).group(1)
            tracer = re.search(r"^TracerPid:\s+(\d+)", status, re.MULTILINE).group(1)
            seen += state in "tT" or tracer != "0"
    if process.returncode != 0:
        raise measure.Failed(f"tidemark snapshot: exit status {process.returncode}")
    return seen
