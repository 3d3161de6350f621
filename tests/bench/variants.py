"""What each workload runs under: nothing, Tidemark, and its rivals.

A rival that brings its own allocator is compared with that allocator unprofiled too, so that what
is fast or slow in the allocator is not taken for the profiler's.
"""

import contextlib
import glob
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from typing import Callable, Dict, Optional

import measure

# A rival's pace decides the size it is measured at (the plain run at the same size stands
# beside it), so that a round takes seconds and not an hour.
FULL, QUARTER, TWENTIETH = 1.0, 0.25, 0.05


def no_helper(_directory):
    return contextlib.nullcontext({})


@dataclass(frozen=True)
class Variant:
    name: str
    scale: float = FULL
    base: str = "plain"  # the variant it is compared with besides plain
    preload: str = ""
    environment: Dict[str, str] = field(default_factory=dict)  # {out} is the run's directory
    missing: Optional[str] = None  # why it cannot be measured here, and what to install
    # A context manager that runs beside the program and gives more of its environment.
    helper: Callable = no_helper

    @contextlib.contextmanager
    def entered(self, base_environment):
        """The environment of one run, and an empty directory for what it writes."""
        with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as directory:
            with self.helper(directory) as more:
                environment = dict(base_environment)
                if self.preload:
                    environment["LD_PRELOAD"] = self.preload
                for name, value in {**self.environment, **more}.items():
                    environment[name] = value.replace("{out}", directory)
                yield environment, directory


def find_library(name):
    found = [path for pattern in ("/usr/lib/*-linux-gnu/", "/usr/lib64/", "/usr/lib/",
                                  "/usr/local/lib/") for path in glob.glob(pattern + name)]
    return found[0] if found else None


@contextlib.contextmanager
def heaptrack_fifo(directory):
    """What `heaptrack --raw` does: the program writes into a pipe, a compressor reads it. The
    program is then ours to measure: neither the script nor the compressor is counted (beyond the
    processor that it takes)."""
    fifo = os.path.join(directory, "fifo")
    os.mkfifo(fifo)
    compressor = ["zstd", "-q", "-c"] if shutil.which("zstd") else ["gzip", "-c"]
    with open(os.path.join(directory, "heaptrack.raw"), "wb") as output:
        # A program that never opens the pipe must not leave the compressor waiting for ever.
        process = subprocess.Popen(["sh", "-c", 'exec "$@" <"$0"', fifo, *compressor],
                                   stdout=output)
        try:
            yield {"DUMP_HEAPTRACK_OUTPUT": fifo}
        finally:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.terminate()
                process.wait()


def jemalloc_can_profile(library):
    """Whether it was built with --enable-prof: if so it leaves a profile."""
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as directory:
        environment = dict(measure.clean_environment(), LD_PRELOAD=library,
                           MALLOC_CONF=f"prof:true,prof_final:true,prof_prefix:{directory}/p")
        # A program that allocates and ends by exit(), which not every shell does.
        subprocess.run([sys.executable, "-c", ""], env=environment, stderr=subprocess.DEVNULL,
                       check=False)
        return bool(os.listdir(directory))


def all_variants(build):
    """Every variant, in the order of a round."""
    tidemark = os.path.join(build, "lib/libtidemark.so")
    heaptrack = find_library("heaptrack/libheaptrack_preload.so")
    jemalloc = find_library("libjemalloc.so.2")
    tcmalloc = find_library("libtcmalloc.so.4")
    no_jemalloc = None if jemalloc else "not installed (apt-get install libjemalloc2)"
    no_prof = no_jemalloc
    if jemalloc and not jemalloc_can_profile(jemalloc):
        no_prof = f"{jemalloc} was built without --enable-prof"
    no_tcmalloc = None if tcmalloc else "not installed (apt-get install libgoogle-perftools4)"
    no_heaptrack = None if heaptrack else "not installed (apt-get install heaptrack)"
    jemalloc_prof = "prof:true,prof_final:true,prof_prefix:{out}/jeprof,lg_prof_sample:"
    return [
        Variant("plain"),
        Variant("tidemark", preload=tidemark, environment={"TIDEMARK_OUT": "{out}"}),
        Variant("tidemark dormant", preload=tidemark,
                environment={"TIDEMARK_OUT": "{out}", "TIDEMARK_ACTIVE": "0"}),
        Variant("tidemark exact", preload=tidemark,
                environment={"TIDEMARK_OUT": "{out}", "TIDEMARK_RATE": "exact"}),
        Variant("jemalloc", preload=jemalloc or "", missing=no_jemalloc),
        Variant("jemalloc prof", base="jemalloc", preload=jemalloc or "", missing=no_prof,
                environment={"MALLOC_CONF": jemalloc_prof + "19"}),
        Variant("tcmalloc", preload=tcmalloc or "", missing=no_tcmalloc),
        Variant("heaptrack", scale=QUARTER, preload=heaptrack or "", missing=no_heaptrack,
                helper=heaptrack_fifo),
        Variant("jemalloc prof 0", scale=TWENTIETH, base="jemalloc", preload=jemalloc or "",
                missing=no_prof, environment={"MALLOC_CONF": jemalloc_prof + "0"}),
        # The intervals keep it from writing a profile now and then: only the one at the end.
        Variant("gperftools", scale=TWENTIETH, base="tcmalloc", preload=tcmalloc or "",
                missing=no_tcmalloc,
                environment={"HEAPPROFILE": "{out}/heap",
                             "HEAP_PROFILE_ALLOCATION_INTERVAL": str(1 << 50),
                             "HEAP_PROFILE_INUSE_INTERVAL": str(1 << 50)}),
    ]


def groups(chosen, by_name):
    """[(scale, [Variant])], each to be measured in rounds of its own: the chosen variants of one
    size, what they are compared with, and in the smaller sizes Tidemark exact, which is theirs to
    beat."""
    result = []
    for scale in (FULL, QUARTER, TWENTIETH):
        own = [v for v in chosen if v.scale == scale and not v.missing]
        if not own or [v.name for v in own] == ["plain"]:
            continue
        wanted = {"plain"} | {v.name for v in own} | {v.base for v in own}
        if scale != FULL:
            wanted.add("tidemark exact")
        result.append((scale, [v for v in by_name.values() if v.name in wanted and not v.missing]))
    return result
