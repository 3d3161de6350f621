#!/usr/bin/env python3
"""Children, kills and looking from outside."""

import os
import signal
import subprocess
import time

import e2e
import pprof_file

FORK_SCRIPT = """
import os, sys
keep = [bytes(5000) for _ in range(400)]
children = []
for n in range(3):
    pid = os.fork()
    if pid == 0:
        more = [bytes(3000 + n) for _ in range(2000)]
        del keep
        sys.exit(n)
    children.append(pid)
print(sorted(os.waitpid(pid, 0)[1] >> 8 for pid in children))
"""

GROW_SCRIPT = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
keep = []
for i in range(20000):
    keep.append(bytes(2000))
print("ready", flush=True)
while True:
    keep.append(bytes(1000))
    time.sleep(0.001)
"""


class Processes(e2e.Case):
    def python(self, text):
        return ["/usr/bin/python3", self.write("script.py", text)]

    def environment(self, rate, **more):
        return super().environment(rate, PYTHONMALLOC="malloc", **more)

    def test_fork_gives_each_child_its_own_file(self):
        command = self.python(FORK_SCRIPT)
        plain = self.run_plain(command)
        preloaded = self.run_preloaded(command, 4096)
        self.assert_unchanged(plain, preloaded, "fork")
        found = self.profiles("python3")
        self.assertEqual(len({p.comments["pid"] for p in found}), 4,
                         [p.comments for p in found])
        self.assertEqual(len({(p.comments["pid"], p.comments["process_id"]) for p in found}), 4)
        for profile in found:
            self.check_samples(profile, "fork, pid " + profile.comments["pid"], 100)
        # A child starts empty: what its parent had is not counted a second time.
        bytes_live = sorted(p.total("alloc_space") for p in found)
        self.assertGreater(bytes_live[0], 2_000_000)

    def test_exec_gives_a_file_for_each_program(self):
        command = ["/bin/bash", "-c", "x=$(seq 1 20000); echo ${#x}; exec sqlite3 :memory: "
                   "'with recursive n(i) as (select 1 union all select i+1 from n "
                   "where i < 20000) select max(hex(randomblob(40))) is not null from n'"]
        plain = self.run_plain(command)
        preloaded = self.run_preloaded(command, 4096)
        self.assert_unchanged(plain, preloaded, "exec")
        names = {os.path.basename(p.path).split(".")[0] for p in self.profiles()}
        self.assertLessEqual({"bash", "sqlite3", "seq"}, names)

    def test_vfork_child_leaves_its_parent_alone(self):
        command = self.python("import subprocess\n"
                              "keep = [bytes(3000) for _ in range(2000)]\n"
                              "for i in range(20):\n"
                              "    subprocess.run(['/bin/true'], close_fds=False)\n"
                              "more = [bytes(3000) for _ in range(2000)]\n"
                              "print(len(keep) + len(more))\n")
        plain = self.run_plain(command)
        preloaded = self.run_preloaded(command, 4096)
        self.assert_unchanged(plain, preloaded, "vfork")
        profile = self.profiles("python3")[0]
        self.assertGreater(profile.total("alloc_space"), 11_000_000)

    def test_sigkill_under_record_leaves_a_profile(self):
        command = self.python(GROW_SCRIPT)
        recorder = subprocess.Popen(
            [e2e.TIDEMARK, "record", "-o", self.out, "--rate", "4096", "--", *command],
            env=dict(os.environ, PYTHONMALLOC="malloc"), stdout=subprocess.PIPE)
        self.addCleanup(self.stop, recorder)
        self.assertEqual(recorder.stdout.readline(), b"ready\n")
        target = self.child_of(recorder.pid)
        os.kill(target, signal.SIGKILL)
        self.assertEqual(recorder.wait(timeout=60), 128 + signal.SIGKILL)
        profile = self.profiles("python3")[0]
        self.assertEqual(profile.comments["reason"], "after death")
        self.check_everything(profile, "killed under record", "functions")

    def test_sigkill_without_record_leaves_a_state(self):
        process = self.start_preloaded(self.python(GROW_SCRIPT), 4096, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.kill()
        process.wait()
        states = [os.path.join(self.state, n) for n in os.listdir(self.state)]
        self.assertEqual(len(states), 1, states)
        self.tidemark("snapshot", states[0], "-o", self.path("dead.pb.gz"))
        profile = pprof_file.Profile(self.path("dead.pb.gz"))
        self.assertEqual(profile.comments["reason"], "after death")
        self.check_everything(profile, "killed without record", "functions")

    def test_snapshot_does_not_stop_the_target(self):
        process = self.start_preloaded(self.python(GROW_SCRIPT), 1024, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        first = pprof_file.Profile(self.snapshot(process, "1.pb.gz"))
        time.sleep(1)
        second = pprof_file.Profile(self.snapshot(process, "2.pb.gz"))
        self.assertIsNone(process.poll())
        self.assertGreater(second.total("inuse_space"), first.total("inuse_space"))
        # State T (stopped) for no longer than a look at it; the kernel counts nothing here,
        # so what can be checked is that nobody is attached afterwards.
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as f:
            self.assertIn("TracerPid:\t0", f.read())

    def test_state_is_private_and_goes_at_exit(self):
        environment = self.environment(4096)
        del environment["TIDEMARK_STATE"]
        process = subprocess.Popen(self.python(GROW_SCRIPT), env=environment,
                                   stdout=subprocess.PIPE)
        self.addCleanup(self.stop, process)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        with open(f"/proc/{process.pid}/maps", encoding="utf-8") as f:
            states = {line.split()[5] for line in f if "/tidemark-" in line}
        self.assertEqual(len(states), 1, states)
        state = states.pop()
        self.assertEqual(os.path.dirname(state), f"/dev/shm/tidemark-{os.getuid()}")
        self.assertEqual(os.stat(os.path.dirname(state)).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(state).st_mode & 0o777, 0o600)
        self.assertNotIn(state, [os.readlink(f"/proc/{process.pid}/fd/{fd}")
                                 for fd in os.listdir(f"/proc/{process.pid}/fd")])
        process.terminate()  # the script leaves through exit
        process.wait(timeout=30)
        self.assertFalse(os.path.exists(state))
        self.assertEqual(self.profiles("python3")[0].comments["reason"], "exit")

    def test_a_bad_value_gives_one_line_and_the_default(self):
        result = self.run_plain(["/bin/true"], env=self.environment("many"))
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr.count(b"\n"), 1, result.stderr)
        self.assertIn(b"TIDEMARK_RATE", result.stderr)
        self.assertEqual(self.profiles("true")[0].comments["rate_bytes"], "524288")

    def child_of(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
            return int(f.read().split()[0])


if __name__ == "__main__":
    e2e.main()
