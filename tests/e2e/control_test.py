#!/usr/bin/env python3
"""`tidemark control` and `tidemark ps`, and what the states of dead processes are good for."""

import glob
import json
import os
import re
import subprocess

import e2e
import pprof_file

PYTHON = "/usr/bin/python3"

# Allocates 20 MB in blocks of 2000 bytes for each line it reads, says so, and sleeps.
STEPS = """
import sys
keep = []
print("ready", flush=True)
for line in sys.stdin:
    keep.append([bytes(2000) for _ in range(10000)])
    print("done", flush=True)
"""
STEP_BYTES = 20_000_000

THREADS = """
import ctypes, os, threading
set_name = ctypes.CDLL(None).prctl
keep = {}
def work(name, again):
    keep[name] = [bytes(2000) for _ in range(3000)]
    set_name(15, name.encode())  # after its first samples
    again.wait()
gate = threading.Event()
threads = [threading.Thread(target=work, args=(name, gate)) for name in ("reader", "writer")]
for thread in threads:
    thread.start()
while len(keep) < 2 or any(open(f"/proc/self/task/{t.native_id}/comm").read().strip() not in keep
                           for t in threads):
    pass
print("ready", [t.native_id for t in threads], flush=True)
input()
gate.set()
for thread in threads:
    thread.join()
print("joined", flush=True)
os._exit(0)  # with all of it live
"""


class Control(e2e.Case):
    def start(self, rate, script=STEPS, **more):
        environment = dict(self.environment(rate, PYTHONMALLOC="malloc"), **more)
        process = subprocess.Popen([PYTHON, "-c", script], env=environment, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.stop_both, process)
        self.assertIn("ready", process.stdout.readline())
        return process

    def stop_both(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()

    def step(self, process):
        process.stdin.write("\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), "done\n")

    def control(self, process, *options):
        return self.tidemark("control", str(process.pid), *options)

    def refused(self, *arguments):
        result = self.run_plain([e2e.TIDEMARK, *arguments])
        self.assertEqual(result.returncode, 4, (arguments, result.stderr))
        self.assertEqual(result.stdout, b"")
        self.assertRegex(result.stderr.decode(), r"\Atidemark: [^\n]+\n\Z")
        return result.stderr.decode()

    def samples(self, process):
        return int(re.search(r"samples: +(\d+)", self.control(process)).group(1))

    def row(self, process):
        document = json.loads(self.tidemark("ps", "--format", "json"))
        self.assertEqual(document["schema"], "tidemark.ps/1")
        rows = [r for r in document["rows"] if r["pid"] == process.pid]
        self.assertEqual(len(rows), 1, document)
        return rows[0]

    # --- control

    def test_dormant_until_told(self):
        process = self.start(16384, TIDEMARK_ACTIVE="0")
        self.step(process)
        self.assertEqual(self.samples(process), 0)
        self.assertEqual(self.row(process)["state"], "paused")
        # Beside the estimate, which is 0, stands what the kernel counts.
        profile = pprof_file.Profile(self.snapshot(process, "dormant.pb.gz"))
        self.assertGreater(int(profile.comments["rss_bytes"]), STEP_BYTES)
        self.assertGreater(int(profile.comments["anonymous_bytes"]), STEP_BYTES)
        self.assertEqual(profile.comments["live_bytes"], "0")
        self.assertEqual(profile.comments["paused"], "1")
        shown = self.run_plain([e2e.TIDEMARK, "top", profile.path])
        self.assertIn(b"recording was paused", shown.stderr)
        self.assertRegex(self.control(process), r"memory: +[2-9]\d(\.\d+)?MB resident, ")

        # It sleeps, and need not do anything for the change to be in force when it wakes up.
        said = self.control(process, "--resume")
        self.assertIn("sampled, active", said)
        self.assertIn("256 KiB", said)
        self.step(process)
        taken = self.samples(process)
        # 1220 are expected; 6 standard deviations of a Poisson count are 210.
        self.assertGreater(taken, 1000)
        self.assertLess(taken, 1450)

        self.assertIn("sampled, paused", self.control(process, "--pause"))
        self.step(process)
        self.assertLess(self.samples(process), taken + 40, "at most 256 KiB of it is sampled")

    def test_rate_while_running(self):
        process = self.start(1 << 20)
        self.step(process)
        before = self.samples(process)
        self.assertLess(before, 60)  # 20 are expected
        self.assertRegex(self.control(process, "--rate", "16K"),
                         r"rate: +16384 bytes wanted; until now 1048576")
        self.step(process)
        taken = self.samples(process) - before
        self.assertGreater(taken, 1000)  # 1220 less what passed before the change was seen
        self.assertLess(taken, 1450)
        self.assertRegex(self.control(process), r"rate: +16384 bytes\n")
        profile = pprof_file.Profile(self.snapshot(process, "both.pb.gz"))
        self.assertEqual(profile.comments["rate_bytes"], "16384")
        # Each half is weighted by its own rate. The first rests on about 20 samples of 1 MiB:
        # its standard deviation is 4.7 MB, and 5 of these are allowed.
        self.assertAlmostEqual(profile.total("inuse_space"), 2 * STEP_BYTES, delta=25_000_000)

    def test_exact_and_sampled_stay_what_they_are(self):
        sampled, exact = self.start(65536), self.start("exact")
        self.assertIn("is sampled", self.refused("control", str(sampled.pid), "--rate", "exact"))
        self.assertIn("recorded exactly", self.refused("control", str(exact.pid), "--rate", "64K"))
        self.assertIn("exact, active", self.control(exact))
        self.assertEqual(self.row(exact)["mode"], "exact")
        self.assertIn("--threads", self.refused("snapshot", str(exact.pid), "--threads", "-o",
                                                self.path("never.pb.gz")))
        self.assertFalse(os.path.exists(self.path("never.pb.gz")))

    def test_exact_paused(self):
        process = self.start("exact")
        self.step(process)
        self.assertIn("exact, paused", self.control(process, "--pause"))
        before = pprof_file.Profile(self.snapshot(process, "1.pb.gz")).total("alloc_space")
        self.assertGreaterEqual(before, STEP_BYTES)
        self.step(process)
        after = pprof_file.Profile(self.snapshot(process, "2.pb.gz")).total("alloc_space")
        self.assertLess(after - before, STEP_BYTES / 100)
        self.control(process, "--resume")
        self.step(process)
        again = pprof_file.Profile(self.snapshot(process, "3.pb.gz")).total("alloc_space")
        self.assertGreaterEqual(again - after, STEP_BYTES)

    def test_refusals(self):
        said = self.refused("control", str(os.getpid()), "--pause")
        self.assertIn("not profiled", said)
        self.assertIn("LD_PRELOAD", said)
        self.assertIn("no such process", self.refused("control", "99999999"))
        for arguments in (["control"], ["control", "x"], ["control", "1", "--rate", "0"],
                          ["control", "1", "--pause", "--resume"]):
            result = self.run_plain([e2e.TIDEMARK, *arguments])
            self.assertEqual(result.returncode, 2, (arguments, result.stderr))

    # --- ps, and dead processes

    def test_ps_shows_what_runs(self):
        process = self.start(65536)
        self.step(process)
        row = self.row(process)
        self.assertEqual((row["comm"], row["mode"], row["state"], row["rate_bytes"]),
                         ("python3", "sampled", "active", 65536))
        self.assertGreater(row["samples"], 100)
        self.assertGreater(row["live_bytes"], STEP_BYTES / 2)
        self.assertGreater(row["rss_bytes"], STEP_BYTES)
        self.assertEqual(row["losses"], {})
        self.assertTrue(row["state_file"].startswith(self.state), row)
        text = self.tidemark("ps")
        self.assertRegex(text, rf"(?m)^ +{process.pid} python3 +64K +active +0:\d\d +\d+ +[\d.]+MB ")

    def test_killed(self):
        """The state lies in /dev/shm: ps finds it, convert makes a profile of it."""
        for rate in ("16384", "exact"):
            environment = {"TIDEMARK_STATE": ""}
            process = self.start(rate, **environment)
            self.step(process)
            process.kill()
            process.wait()
            row = self.row(process)
            self.assertEqual((row["state"], row["rss_bytes"]), ("killed", None))
            said = re.search(rf"{process.pid} \(python3\) was killed: tidemark (convert \S+ -o \S+)",
                             self.tidemark("ps"))
            self.assertTrue(said)
            command = said.group(1).split()
            self.assertEqual(command[1], row["state_file"])
            result = self.run_plain([e2e.TIDEMARK, *command], cwd=self.folder)
            self.assertEqual(result.returncode, 0, result.stderr)
            profile = pprof_file.Profile(self.path(command[-1]))
            self.assertEqual(profile.comments["reason"], "after death")
            self.assertNotIn("rss_bytes", profile.comments)
            self.check_everything(profile, f"killed, {rate}", "functions")
            live = profile.total("inuse_space")
            # Sampled: about 1220 samples, so 3 % is a standard deviation; 6 are allowed.
            self.assertAlmostEqual(live, STEP_BYTES, delta=0.25 * STEP_BYTES)
            # Not without being asked, and not what still runs.
            other = self.start(65536, **environment)
            self.assertTrue(os.path.exists(row["state_file"]))
            self.assertIn(f"removed {row['state_file']}\n", self.tidemark("ps", "--remove-dead"))
            self.assertFalse(os.path.exists(row["state_file"]))
            self.assertEqual(self.row(other)["state"], "active")
            self.stop_process_properly(other)

    def stop_process_properly(self, process):
        process.stdin.close()
        self.assertEqual(process.wait(timeout=60), 0)

    def test_recorder_starts_beside_stale_states(self):
        folder = f"/dev/shm/tidemark-{os.getuid()}"
        os.makedirs(folder, mode=0o700, exist_ok=True)
        stale = [os.path.join(folder, name) for name in ("1.e2e0.state", "2.e2e0.state")]
        for path in stale:
            with open(path, "wb") as f:
                f.write(b"TDMARKE1" + b"\xff" * 100 if "1.e2e0" in path else b"")
            self.addCleanup(os.unlink, path)
        result = self.run_recorded(["/bin/true"], 4096)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(glob.glob(os.path.join(self.out, "true.*.pb.gz"))), 1)
        self.tidemark("ps")
        self.assertTrue(all(os.path.exists(path) for path in stale))

    # --- labels

    def threads_of(self, profile):
        return {labels["thread"] for _, values, labels in profile.samples if "thread" in labels
                and values[profile.types.index("inuse_space")] > 0}

    def test_thread_labels(self):
        environment = self.environment(4096, PYTHONMALLOC="malloc", TIDEMARK_THREADS="1")
        process = subprocess.Popen([PYTHON, "-c", THREADS], env=environment, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.stop_both, process)
        tids = re.findall(r"\d+", process.stdout.readline())
        plain = pprof_file.Profile(self.snapshot(process, "plain.pb.gz"))
        self.assertEqual(self.threads_of(plain), set())
        self.tidemark("snapshot", str(process.pid), "--threads", "-o", self.path("named.pb.gz"))
        named = pprof_file.Profile(self.path("named.pb.gz"))
        # The names are those of now, two threads are told apart, and nothing else changed.
        self.assertLessEqual({f"reader/{tids[0]}", f"writer/{tids[1]}"}, self.threads_of(named))
        self.assertEqual(named.total("inuse_space"), plain.total("inuse_space"))
        process.stdin.write("\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), "joined\n")
        process.stdin.close()
        self.assertEqual(process.wait(timeout=60), 0)
        final = self.threads_of(self.profiles("python3")[0])
        self.assertTrue(any(name.endswith(f"/{process.pid}") for name in final), final)
        self.assertTrue(any(name.endswith("ended") for name in final), final)

    def test_reallocs_label(self):
        script = """
import sys
print("ready", flush=True)
grown = bytearray()
for _ in range(2000):
    grown += bytes(1000)
whole = bytearray(2_000_000)
print("done", flush=True)
sys.stdin.readline()
"""
        process = self.start(4096, script)
        self.assertEqual(process.stdout.readline(), "done\n")
        profile = pprof_file.Profile(self.snapshot(process, "grown.pb.gz"))
        column = profile.types.index("inuse_space")
        big = [labels.get("reallocs", 0) for _, values, labels in profile.samples
               if values[column] > 1_500_000]
        self.assertEqual(len(big), 2, big)
        self.assertEqual(min(big), 0)  # allocated in one piece
        self.assertGreaterEqual(max(big), 16)
        self.assertEqual(max(big) & (max(big) - 1), 0, "a power of two")
        self.check_pprof(profile.path, "functions", "grown")


if __name__ == "__main__":
    e2e.main()
