#!/usr/bin/env python3
"""`tidemark record` as a user meets it: terminals, signals, daemons, snapshots by growth."""

import glob
import json
import os
import pty
import re
import resource
import select
import signal
import subprocess
import time

import e2e
import pprof_file

PYTHON = "/usr/bin/python3"

GROW = """
import sys, time
keep = []
print("ready", flush=True)
while True:
    keep.append(bytes(20000))
    time.sleep(0.005)
"""


class Record(e2e.Case):
    def setUp(self):
        super().setUp()
        self.environ = dict(os.environ, PYTHONMALLOC="malloc")

    def record(self, *arguments):
        return [e2e.TIDEMARK, "record", "-o", self.out, "--rate", "4096", *arguments]

    def python(self, text):
        return ["--", PYTHON, self.write("script.py", text)]

    def run_record(self, *arguments, **options):
        return self.run_plain(self.record(*arguments), env=self.environ, **options)

    def start(self, *arguments, **options):
        process = subprocess.Popen(self.record(*arguments), env=self.environ,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(self.stop, process)
        return process

    def reasons(self, comm="python3"):
        """Of the profiles, in the order of their making."""
        names = sorted(glob.glob(os.path.join(self.out, comm + ".*.pb.gz")))
        return [pprof_file.Profile(name).comments["reason"] for name in names]

    def in_terminal(self, *arguments):
        """(PID of the recorder, the terminal's other end): a session of its own in front."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(e2e.TIDEMARK, self.record(*arguments), self.environ)
        self.addCleanup(os.close, terminal)
        self.addCleanup(self.end, pid)
        self.screen = ""
        return pid, terminal

    def end(self, pid):
        self.kill(pid)
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass

    def kill(self, pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def read_until(self, terminal, pattern, seconds=30):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.screen):
            self.assertLess(time.monotonic(), end, f"no {pattern} in {self.screen!r}")
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    data = os.read(terminal, 4096)
                except OSError:  # all on the other end have gone
                    break
                self.screen += data.decode("utf-8", "replace")
        self.assertRegex(self.screen, pattern)

    def exit_status(self, pid, terminal, seconds=30):
        """Of the recorder; what it prints meanwhile goes to self.screen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.05)[0]:
                try:
                    self.screen += os.read(terminal, 4096).decode("utf-8", "replace")
                except OSError:
                    pass
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
        self.fail(f"still running; {self.screen!r}")

    # --- terminals and signals

    def test_control_c_gives_the_profile(self):
        pid, terminal = self.in_terminal(*self.python(GROW))
        self.read_until(terminal, "ready")
        self.read_until(terminal, r"\d+s, 1 process, about \S+ live, \d+ samples, 0 lost")
        os.write(terminal, b"\x03")
        # Python says so and ends itself by the signal.
        self.assertEqual(self.exit_status(pid, terminal), 128 + signal.SIGINT, self.screen)
        self.assertIn("KeyboardInterrupt", self.screen)
        self.assertIn("next: tidemark leaks ", self.screen)
        self.assertEqual(len(self.reasons()), 1)

    def test_control_c_twice(self):
        pid, terminal = self.in_terminal(*self.python(
            "import signal, time\nhits = []\nsignal.signal(signal.SIGINT, lambda *_: hits.append(1))\n"
            "print('ready', flush=True)\nwhile len(hits) < 2: time.sleep(0.01)\n"
            "print('hit', len(hits), flush=True)\nraise SystemExit(7)\n"))
        self.read_until(terminal, "ready")
        os.write(terminal, b"\x03")
        time.sleep(0.3)
        os.write(terminal, b"\x03")
        self.assertEqual(self.exit_status(pid, terminal), 7, self.screen)
        self.assertIn("hit 2", self.screen)  # each came once: not forwarded on top
        self.assertEqual(self.reasons(), ["exit"])

    def test_control_c_while_symbols_are_looked_up(self):
        pid, terminal = self.in_terminal("--", "clang++-14", "-g0", "-O1", "-c", self.write(
            "a.cc", "#include <map>\n#include <string>\nint main() "
            "{ return std::map<std::string, std::string>().size(); }\n"), "-o", self.path("a.o"))
        self.read_until(terminal, "looking up symbols", 100)
        os.write(terminal, b"\x03")
        self.assertEqual(self.exit_status(pid, terminal), 0, self.screen)
        self.assertRegex(self.screen, r"\d profiles? in ")
        self.assertIn("next: tidemark leaks ", self.screen)
        self.assertEqual([n for n in os.listdir(self.out) if not n.endswith(".pb.gz")], [])
        # Whether or not the interrupt came in time, the profile is whole.
        self.check_samples(self.profiles("clang++-14")[0], "interrupted", 100)

    def test_interrupt_sent_to_the_recorder_alone_is_passed_on(self):
        recorder = self.start(*self.python(GROW))
        self.assertEqual(recorder.stdout.readline(), b"ready\n")
        recorder.send_signal(signal.SIGINT)
        self.assertEqual(recorder.wait(timeout=60), 128 + signal.SIGINT)
        self.assertEqual(len(self.reasons()), 1)

    def test_a_target_in_a_session_of_its_own_gets_control_c(self):
        pid, terminal = self.in_terminal(*self.python("import os\nos.setsid()\n" + GROW))
        self.read_until(terminal, "ready")
        os.write(terminal, b"\x03")
        self.assertEqual(self.exit_status(pid, terminal), 128 + signal.SIGINT, self.screen)

    def test_stopped_and_continued(self):
        recorder = self.start("--interval", "0.2", *self.python(GROW))
        self.assertEqual(recorder.stdout.readline(), b"ready\n")
        # Not SIGTSTP, as a terminal sends it: an orphaned process group ignores that.
        recorder.send_signal(signal.SIGSTOP)
        self.wait_for(lambda: self.state_of(recorder.pid) == "T", "the stop")
        target = self.child_of(recorder.pid)
        self.assertNotEqual(self.state_of(target), "T")
        os.kill(target, signal.SIGTERM)  # collected after the continuation
        recorder.send_signal(signal.SIGCONT)
        self.assertEqual(recorder.wait(timeout=60), 128 + signal.SIGTERM)
        self.assertEqual(self.reasons()[-1], "after death")

    def test_standard_streams_are_the_targets(self):
        result = self.run_record("--", "cat", input=b"through\n")
        self.assertEqual((result.returncode, result.stdout), (0, b"through\n"))
        for line in result.stderr.decode().splitlines():
            self.assertRegex(line, "^tidemark: ")

    def state_of(self, pid):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(") ")[2][0]

    def child_of(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
            return int(f.read().split()[0])

    # --- triggers

    def test_growth(self):
        script = """
import time
keep = []
for step in range(4):
    keep.append([bytes(1000) for _ in range(3000)])  # 3 MB
    time.sleep(0.5)
keep.clear()
for step in range(10):
    keep.append([bytes(1000) for _ in range(100)])   # stays below what it was
    time.sleep(0.1)
"""
        result = self.run_record("--growth", "2M", *self.python(script))
        self.assertEqual(result.returncode, 0, result.stderr)
        reasons = self.reasons()
        self.assertEqual(reasons[-1], "exit")
        # At start and once or twice in each step; the looks are 0.1 s apart.
        self.assertGreaterEqual(reasons.count("growth"), 3, reasons)
        self.assertLessEqual(reasons.count("growth"), 8, reasons)

    def test_intervals_of_many_processes(self):
        # A server and its workers, each growing at its own pace.
        script = """
import os, time
pids = []
for n in range(5):
    pid = os.fork()
    if pid == 0:
        keep = []
        for i in range(25):
            keep.append([bytes(500) for _ in range(200 * (n + 1))])
            time.sleep(0.05)
        os._exit(n)
    pids.append(pid)
print(sorted(os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]) for p in pids))
"""
        result = self.run_record("--interval", "0.4", "--growth", "1M", *self.python(script))
        self.assertEqual((result.returncode, result.stdout), (0, b"[0, 1, 2, 3, 4]\n"),
                         result.stderr)
        by_process = {}
        for name in glob.glob(os.path.join(self.out, "python3.*.pb.gz")):
            by_process.setdefault(os.path.basename(name).split(".")[1], []).append(name)
        self.assertEqual(len(by_process), 6, by_process)
        for names in by_process.values():
            self.assertGreaterEqual(len(names), 2, names)
        # The program's own series is what is proposed.
        self.assertRegex(result.stderr.decode(), r"next: tidemark leaks \S+\*\.pb\.gz\n")

    # --- daemons

    def test_a_daemon_runs_on(self):
        socket = self.path("redis.sock")
        result = self.run_record("--", "redis-server", "--port", "0", "--unixsocket", socket,
                                 "--save", "", "--dir", self.folder, "--daemonize", "yes",
                                 "--pidfile", self.path("pid"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.wait_for(lambda: os.path.exists(socket), "redis")
        with open(self.path("pid"), encoding="utf-8") as f:
            pid = int(f.read())
        self.addCleanup(self.kill, pid)
        said = result.stderr.decode()
        self.assertIn(f"still runs and records: {pid} (redis-server)", said)
        self.assertIn(f"tidemark snapshot {pid}", said)
        rows = [r for r in json.loads(self.tidemark("ps", "--format", "json"))["rows"]
                if r["pid"] == pid]
        self.assertEqual([(r["comm"], r["state"]) for r in rows], [("redis-server", "active")])
        self.tidemark("snapshot", str(pid), "-o", self.path("daemon.pb.gz"))
        self.assertEqual(pprof_file.Profile(self.path("daemon.pb.gz")).comments["reason"],
                         "on demand")
        subprocess.run(["redis-cli", "-s", socket, "shutdown", "nosave"], check=False, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "redis to end")
        names = glob.glob(os.path.join(self.out, f"redis-server.{pid}.*.pb.gz"))
        self.assertEqual([pprof_file.Profile(n).comments["reason"] for n in names], ["exit"])

    # --- deaths

    def test_killed_children_leave_profiles(self):
        """The parent lives on; each child is killed in the middle of its work."""
        script = """
import os, signal, time
for n in range(3):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        keep = [bytes(5000) for _ in range(1000 * (n + 1))]
        os.write(write, b"x")
        time.sleep(60)
    os.read(read, 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""
        for rate in ("4096", "exact"):
            self.clear_profiles()
            result = self.run_recorded([PYTHON, self.write("script.py", script)], rate,
                                       env=self.environ)
            self.assertEqual(result.returncode, 0, result.stderr)
            profiles = self.profiles("python3")
            dead = [p for p in profiles if p.comments["reason"] == "after death"]
            self.assertEqual(len(dead), 3, [p.comments for p in profiles])
            for n, live in enumerate(sorted(p.total("inuse_space") for p in dead)):
                self.assertGreater(live, 4_500_000 * (n + 1), rate)

    # --- settings

    def test_tcmalloc_beneath(self):
        script = """
keep = [bytes(3000) for _ in range(3000)]
print([line.split()[-1].rsplit("/")[-1].split(".so")[0] for line in open("/proc/self/maps")
       if "tcmalloc" in line][:1], len(keep))
"""
        result = self.run_record("--allocator", "tcmalloc", *self.python(script))
        self.assertEqual((result.returncode, result.stdout),
                         (0, b"['libtcmalloc_minimal'] 3000\n"), result.stderr)
        profile = self.profiles("python3")[0]
        self.check_samples(profile, "tcmalloc beneath", 500)
        self.check_stacks(profile, "tcmalloc beneath")
        live = profile.total("alloc_space")
        self.assertGreater(live, 8_500_000)

    def test_children(self):
        script = "seq 1 20000 | tail -1; (echo sub); sqlite3 :memory: 'select 7'; env seq 3 | tail -1"
        for children, recorded in (("all", {"bash", "seq", "tail", "sqlite3", "env"}),
                                   ("none", {"bash"}), ("sq*", {"bash", "sqlite3"}),
                                   ("[se]*", {"bash", "seq", "sqlite3", "env"})):
            self.clear_profiles()
            result = self.run_record("--children", children, "--", "bash", "-c", script)
            self.assertEqual((result.returncode, result.stdout), (0, b"20000\nsub\n7\n3\n"),
                             result.stderr)
            names = {os.path.basename(p.path).split(".")[0] for p in self.profiles()}
            self.assertEqual(names, recorded, children)

    def test_losses_are_told(self):
        # sorted() and its key function call one another: frames of C, far more than are kept.
        script = """
import sys, threading
sys.setrecursionlimit(100000)
threading.stack_size(256 << 20)
def deep(n):
    return bytes(5000) if n == 0 else sorted([n], key=lambda _: deep(n - 1))
thread = threading.Thread(target=lambda: [deep(400) for _ in range(200)])
thread.start()
thread.join()
"""
        result = self.run_record(*self.python(script))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr.decode(), r"tidemark: lost: .*stack_truncated \d+")
        path = self.profiles("python3")[0].path
        for command in ("top", "leaks"):
            shown = self.run_plain([e2e.TIDEMARK, command, path])
            self.assertEqual(shown.returncode, 0, shown.stderr)
            self.assertRegex(shown.stderr.decode(), r"losses: .*stack_truncated=\d+")

    def test_directories_that_cannot_be_used(self):
        plain = self.write("plain", "")
        for directory, why in (("/proc/no-such", "No such file"), (plain, "Not a directory"),
                               (plain + "/below", "Not a directory")):
            result = self.run_plain([e2e.TIDEMARK, "record", "-o", directory, "--", "touch",
                                     self.path("started")])
            self.assertEqual(result.returncode, 125, result.stderr)
            self.assertRegex(result.stderr.decode(), rf"\Atidemark: [^\n]*{why}[^\n]*\n\Z")
        self.assertFalse(os.path.exists(self.path("started")))

    def test_snapshots_that_cannot_be_written(self):
        """As on a full disk: the recorder alone may write no file any more."""
        recorder = self.start("--interval", "0.2", *self.python(
            "import sys\nkeep = [bytes(2000) for _ in range(2000)]\nprint('ready', flush=True)\n"
            "sys.stdin.read()\n"), stdin=subprocess.PIPE)
        self.assertEqual(recorder.stdout.readline(), b"ready\n")
        self.wait_for(lambda: "interval" in self.reasons(), "a snapshot")
        resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, (0, 0))
        time.sleep(1.5)
        recorder.stdin.close()
        said = recorder.stderr.read().decode()
        self.assertEqual(recorder.wait(timeout=60), 0, said)
        self.assertEqual(len(re.findall("cannot write the profile: File too large", said)), 1, said)
        self.assertRegex(said, r"and \d+ more of these")
        self.assertEqual(self.reasons()[-1], "exit")  # the program wrote that one itself

    def test_usage(self):
        for arguments, word in ((["--growth", "0"], "number of bytes"),
                                (["--growth", "many"], "number of bytes"),
                                (["--children", "bin/worker"], "pattern"),
                                (["--children", ""], "pattern"),
                                (["--allocator", "jemalloc"], "tcmalloc"),
                                (["--rate", "exact", "--threads"], "--threads"),
                                (["--interval", "0"], "seconds")):
            result = self.run_plain([e2e.TIDEMARK, "record", *arguments, "--", "true"])
            self.assertEqual(result.returncode, 2, (arguments, result.stderr))
            self.assertRegex(result.stderr.decode(), rf"\Atidemark: usage: [^\n]*{word}[^\n]*\n\Z")


if __name__ == "__main__":
    e2e.main()
