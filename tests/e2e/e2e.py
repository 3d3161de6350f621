"""What the end-to-end tests share: running programs plain, preloaded and recorded, and
judging the profiles.

Environment: TIDEMARK_BUILD_DIR, the build to test (bin/tidemark, lib/libtidemark.so).
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import pprof_file

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("TIDEMARK_BUILD_DIR", os.path.join(ROOT, "build/dev")))
TIDEMARK = os.path.join(BUILD, "bin/tidemark")
LIBRARY = os.path.join(BUILD, "lib/libtidemark.so")
DEMO = os.path.join(BUILD, "bin/demo_server")
DEMO_STRIPPED = os.path.join(BUILD, "bin/demo_server_stripped")

# Where a stack may end: a process's start, the loader running constructors, a thread's.
STARTS = {"_start", "_dl_start_user", "clone", "__clone", "clone3", "__clone3",
          "__start_context"}
TRUNCATED = "[truncated]"


class Case(unittest.TestCase):
    """One temporary folder per test; profiles go to self.out."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tidemark-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.out = os.path.join(self.folder, "out")
        self.state = os.path.join(self.folder, "state")
        os.mkdir(self.state, 0o700)
        self.starts = {}  # file -> where stacks may begin in it

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    # --- running

    def environment(self, rate, **more):
        return dict(os.environ, LD_PRELOAD=LIBRARY, TIDEMARK_RATE=str(rate),
                    TIDEMARK_OUT=self.out, TIDEMARK_STATE=self.state, **more)

    def run_plain(self, command, env=None, timeout=100, **options):
        return subprocess.run(command, env=dict(os.environ, **(env or {})), timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def run_preloaded(self, command, rate, env=None, timeout=100, **options):
        return subprocess.run(command, env=self.environment(rate, **(env or {})), timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def run_recorded(self, command, rate, env=None, timeout=100, **options):
        return self.run_plain([TIDEMARK, "record", "-o", self.out, "--rate", str(rate), "--",
                               *command], env, timeout, **options)

    def start_preloaded(self, command, rate, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        process = subprocess.Popen(command, env=self.environment(rate), **options)
        self.addCleanup(self.stop, process)
        return process

    def stop(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()

    def tidemark(self, *arguments):
        """stdout of a tidemark command that must succeed."""
        result = subprocess.run([TIDEMARK, *arguments], timeout=100, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 0, f"tidemark {arguments}: {result.stderr}")
        return result.stdout

    def snapshot(self, process, name):
        self.tidemark("snapshot", str(process.pid), "-o", self.path(name))
        return self.path(name)

    def wait_for(self, condition, what, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, f"waited {seconds} s for {what}")
            time.sleep(0.05)

    # --- judging

    def assert_unchanged(self, plain, profiled, what):
        self.assertEqual(profiled.returncode, plain.returncode,
                         f"{what}: exit code; stderr: {profiled.stderr[-2000:]}")
        self.assertEqual(profiled.stdout, plain.stdout, f"{what}: stdout")
        self.assertEqual(profiled.stderr, plain.stderr, f"{what}: stderr")

    def profiles(self, comm=None, folder=None):
        """Those of processes named comm, the most samples first. Empties the folder."""
        folder = folder or self.out
        found = [pprof_file.Profile(p) for p in glob.glob(os.path.join(folder, "*.pb.gz"))
                 if comm is None or os.path.basename(p).startswith(comm[:15] + ".")]
        self.assertTrue(found, f"no profile of {comm} in {os.listdir(folder)}"
                        if os.path.isdir(folder) else f"no folder {folder}")
        return sorted(found, key=lambda p: -p.raw_samples())

    def clear_profiles(self):
        shutil.rmtree(self.out, ignore_errors=True)

    def check_samples(self, profile, what, at_least=1000):
        samples, losses = profile.raw_samples(), profile.losses()
        print(f"{what}: {samples} samples at a mean gap of {profile.comments['rate_bytes']} B, "
              f"losses {losses or 'none'}")
        self.assertGreaterEqual(samples, at_least, what)
        # Every sample stands in some row, unless a loss says otherwise.
        if not any(k in losses for k in ("nodes_full", "sites_full")):
            self.assertEqual(profile.total("alloc_samples"), samples, what)

    def check_stacks(self, profile, what, most_truncated=0.02):
        """Each stack ends where its thread began or says that it was cut."""
        column = profile.types.index("alloc_samples")
        cut = total = 0
        for stack, values, _ in profile.samples:
            self.assertTrue(stack, f"{what}: a sample without a stack")
            total += values[column]
            location = profile.locations[stack[-1]]
            if location[2] == [TRUNCATED]:
                cut += values[column]
            elif not self._is_start(profile, location):
                mapping = profile.mappings.get(location[0], {})
                names = [profile.locations[i][2] or hex(profile.locations[i][1]) for i in stack]
                self.fail(f"{what}: a stack ends at {location[2]} {location[1]:#x} in "
                          f"{mapping.get('file')}: {names}")
        share = cut / max(total, 1)
        print(f"{what}: {cut} of {total} samples ({share:.2%}) have a stack marked truncated")
        self.assertLessEqual(share, most_truncated, what)

    def _is_start(self, profile, location):
        mapping, address, names = location
        if names and names[-1] in STARTS:
            return True
        if mapping not in profile.mappings:
            return False
        mapping = profile.mappings[mapping]
        if mapping["file"] not in self.starts:
            self.starts[mapping["file"]] = start_ranges(mapping["file"])
        # A return address behind a call that ends a function lies one past its end.
        offset = address - 1 - mapping["start"] + mapping["offset"]
        return any(begin <= offset < end for begin, end in self.starts[mapping["file"]])

    def check_pprof(self, path, granularity, what):
        """go tool pprof shows the same rows as tidemark top, for every sample type."""
        result = subprocess.run(
            [sys.executable, "-B", os.path.join(ROOT, "tests/conformance/compare_top.py"),
             "--tidemark", TIDEMARK, "--quick", "--granularity", granularity, path],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(f"{what}, at {granularity}: {result.stdout.strip()[-2000:]}")
        self.assertEqual(result.returncode, 0, what)

    def check_everything(self, profile, what, granularity, at_least=1000):
        self.check_samples(profile, what, at_least)
        self.check_stacks(profile, what)
        self.check_pprof(profile.path, granularity, what)


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False).stdout


def start_ranges(path):
    """File offsets [begin, end) in an ELF file of the code where stacks may begin: around
    the entry point, which is _start (some dozen bytes; in ld.so _dl_start_user follows),
    and the functions in STARTS, as far as the file or its debug file names them."""
    if not os.path.isfile(path):
        return []
    headers = readelf("-h", "-l", "-n", path)
    segments = [[int(word, 16) for word in line.split()[1:6]]
                for line in headers.splitlines() if line.startswith("  LOAD ")]

    def offset_of(address):
        return next((address - virtual + offset for offset, virtual, _, size, _ in segments
                     if virtual <= address < virtual + size), None)

    ranges = []
    entry = re.search(r"Entry point address:\s+0x([0-9a-f]+)", headers)
    if entry and offset_of(int(entry.group(1), 16)) is not None:
        begin = offset_of(int(entry.group(1), 16))
        ranges.append((begin, begin + 0x60))
    build_id = re.search(r"Build ID: ([0-9a-f]+)", headers)
    files = [path]
    if build_id:
        ident = build_id.group(1)
        files.append(f"/usr/lib/debug/.build-id/{ident[:2]}/{ident[2:]}.debug")
    for line in "".join(readelf("-s", f) for f in files if os.path.isfile(f)).splitlines():
        columns = line.split()
        if len(columns) >= 8 and columns[7].split("@")[0] in STARTS and columns[6] != "UND":
            begin = offset_of(int(columns[1], 16))
            if begin is not None:
                ranges.append((begin, begin + int(columns[2], 0)))
    return ranges


def main():
    unittest.main(verbosity=2)
