"""What the end-to-end tests share: running programs plain, preloaded and recorded, and
judging the profiles.

Environment: TIDEMARK_BUILD_DIR, the build to test (bin/tidemark, lib/libtidemark.so).
"""

import glob
import os
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

sys.path.insert(0, os.path.join(ROOT, "tests/conformance"))
sys.dont_write_bytecode = True

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
        self.entries = {}  # executable -> entry address

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
        # Stripped: _start is where the ELF header says that the file begins. It is a few
        # dozen bytes long; in ld.so _dl_start_user follows it.
        if mapping not in profile.mappings:
            return False
        mapping = profile.mappings[mapping]
        offset = address - mapping["start"] + mapping["offset"]
        entry = self._entry_offset(mapping["file"])
        return entry is not None and entry <= offset < entry + 0x60 \
            or self._is_clone(mapping["file"], offset)

    def _entry_offset(self, path):
        """File offset of the entry point, or None."""
        if path not in self.entries:
            self.entries[path] = elf_entry_offset(path) if os.path.isfile(path) else None
        return self.entries[path]

    def _is_clone(self, path, offset):
        """libc's clone and clone3 follow each other; of the two only clone is exported."""
        if "/libc.so" not in path:
            return False
        key = path + ":clone"
        if key not in self.entries:
            listed = subprocess.run(["readelf", "-W", "--dyn-syms", path], stdout=subprocess.PIPE,
                                    text=True, check=True).stdout
            values = [int(line.split()[1], 16) for line in listed.splitlines()
                      if line.split()[-1:] and line.split()[-1].startswith("clone@")]
            self.entries[key] = values[0] if values else None
        clone = self.entries[key]
        return clone is not None and clone <= offset < clone + 0x100

    def check_pprof(self, path, granularity, what):
        """go tool pprof shows the same rows as tidemark top."""
        import compare_top
        rows = compare_top.compare(path, granularity=granularity, tidemark=TIDEMARK)
        print(f"{what}: {rows} rows equal go tool pprof's at {granularity}")
        self.assertGreater(rows, 0, what)

    def check_everything(self, profile, what, granularity, at_least=1000):
        self.check_samples(profile, what, at_least)
        self.check_stacks(profile, what)
        self.check_pprof(profile.path, granularity, what)


def elf_entry_offset(path):
    with open(path, "rb") as f:
        header = f.read(64)
        if header[:5] != b"\x7fELF\x02":
            return None
        entry = int.from_bytes(header[24:32], "little")
        table = int.from_bytes(header[32:40], "little")
        size = int.from_bytes(header[54:56], "little")
        count = int.from_bytes(header[56:58], "little")
        f.seek(table)
        for _ in range(count):
            segment = f.read(size)
            kind = int.from_bytes(segment[0:4], "little")
            offset = int.from_bytes(segment[8:16], "little")
            address = int.from_bytes(segment[16:24], "little")
            length = int.from_bytes(segment[32:40], "little")
            if kind == 1 and address <= entry < address + length:
                return entry - address + offset
    return None


def main():
    unittest.main(verbosity=2)
