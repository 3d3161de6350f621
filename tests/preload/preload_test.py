#!/usr/bin/env python3
"""Programs under libtidemark.so: what they say and return must be what they say and return
alone, and the profiles must hold what they did.

usage: preload_test.py -v CASE
Environment: TIDEMARK_BUILD_DIR.
"""

import glob
import os
import re
import resource
import stat
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import e2e  # noqa: E402
import pprof_file  # noqa: E402

MIB = 1 << 20
BIN = os.path.join(e2e.BUILD, "bin")
LIB = os.path.join(e2e.BUILD, "lib")


def program(name):
    return os.path.join(BIN, name)


class Case(e2e.Case):
    # Fine enough that most blocks of these programs are sampled.
    RATE = 16384

    def environment(self, rate, **more):
        return {**super().environment(rate), **more}

    def same(self, command, rate=RATE, plain_env=None, **more):
        """Runs the command alone and under the library; returns the latter's result."""
        plain = self.run_plain(command, plain_env)
        if b"fine" not in plain.stdout:  # these programs end by saying so
            self.assertEqual(plain.stdout, b"", "the program alone")
        result = self.run_preloaded(command, rate, **more)
        self.assert_unchanged(plain, result, " ".join(command))
        return result

    def only_profile(self, comm):
        found = self.profiles(comm)
        self.assertEqual(len(found), 1, [p.path for p in found])
        return found[0]

    def live_mib(self, profile):
        return profile.total("inuse_space") / MIB

    def assert_live(self, profile, megabytes):
        """Blocks of 1 MiB at a mean gap of 16 KiB are all sampled: the odds that one is not
        are e^-64. What else the program holds is far below 3 MiB."""
        self.assertGreater(self.live_mib(profile), megabytes - 0.01)
        self.assertLess(self.live_mib(profile), megabytes + 3)


class Programs(Case):
    def test_every_entry_point(self):
        result = self.same([program("target_c"), "family"])
        self.assertEqual(result.stdout, b"family: fine\n")
        profile = self.only_profile("target_c")
        self.check_samples(profile, "every entry point", 700)
        self.assertLess(self.live_mib(profile), 1)

    def test_every_byte_sampled(self):
        self.same([program("target_c"), "family"], 1)
        self.only_profile("target_c")

    def test_failing_allocations(self):
        self.same([program("target_c"), "failures"])
        self.assert_live(self.only_profile("target_c"), 100)

    def test_operators(self):
        self.same([program("target_operators"), "keep"])
        self.assert_live(self.only_profile("target_operators"), 64)

    def test_thread_storm_on_small_stacks(self):
        self.same([program("target_c"), "threads"], 2048)
        profile = self.only_profile("target_c")
        self.check_samples(profile, "threads", 5000)
        self.assertNotIn("threads_full", profile.losses())

    def test_blocks_of_ended_threads(self):
        self.same([program("target_c"), "remote"])
        profile = self.only_profile("target_c")
        self.assertLess(self.live_mib(profile), 1)
        self.assertIn("other thread", str([labels for _, _, labels in profile.samples]))

    def test_signal_handlers(self):
        self.same([program("target_c"), "signals"], 4096)
        self.only_profile("target_c")

    def test_plugins_in_a_c_host(self):
        plugin = os.path.join(LIB, "libpreload_plugin.so")
        self.same([program("target_host"), plugin])
        profile = self.only_profile("target_host")
        self.check_samples(profile, "C host", 300)

    def test_own_operator_new_in_the_program(self):
        self.same([program("target_own_pool")])
        self.only_profile("target_own_pool")

    def test_own_operator_new_in_a_library(self):
        # It does not go through malloc, so its blocks are counted at operator new.
        self.same([program("target_linked_pool")])
        self.assert_live(self.only_profile("target_linked_pool"), 30)

    def test_exit_codes(self):
        for how in ("exit", "_exit", "quick_exit"):
            for status in (0, 3, 255):
                self.clear_profiles()
                result = self.same([program("target_c"), how, str(status)])
                self.assertEqual(result.returncode, status)
                self.assert_live(self.only_profile("target_c"), 40)

    def test_threads_that_end_the_process_together(self):
        for _ in range(20):
            self.clear_profiles()
            result = self.same([program("target_c"), "race_to_exit"], 4096)
            self.assertEqual(result.returncode, 11)
            self.assertGreater(self.live_mib(self.only_profile("target_c")), 19.9)

    def test_death_leaves_the_state(self):
        result = self.same([program("target_c"), "abort"])
        self.assertEqual(result.returncode, -6)
        self.assertEqual(len(glob.glob(os.path.join(self.state, "*.state"))), 1)
        self.assertFalse(glob.glob(os.path.join(self.out, "*.pb.gz")))

    def test_sandboxes(self):
        for what in ("sandbox", "sandbox_syscall", "strict_sandbox"):
            result = self.same([program("target_c"), what])
            self.assertEqual(result.returncode, 7 if "strict" in what else 0)
        # Files are out of reach there: the states tell instead.
        self.assertFalse(glob.glob(os.path.join(self.out, "*.pb.gz")))
        self.assertEqual(len(glob.glob(os.path.join(self.state, "*.state"))), 3)

    def test_called_through_the_loader(self):
        self.same(["/lib64/ld-linux-x86-64.so.2", program("target_c"), "exit", "0"])
        self.assert_live(self.only_profile(None), 40)


class Children(Case):
    def by_live(self):
        return sorted(round(self.live_mib(p)) for p in self.profiles("target_c"))

    def test_children(self):
        self.same([program("target_c"), "children"])
        # Parent 30; fork and exit 20; fork and _exit 20; child and grandchild 10 each; a
        # vfork and a fork child that became another program 40 each, and what the latter
        # had before, 5. Those that did nothing leave nothing.
        self.assertEqual(self.by_live(), [5, 10, 10, 20, 20, 30, 40, 40])

    def test_forks_of_a_busy_program(self):
        self.same([program("target_c"), "fork_storm"], 2048)
        self.assertEqual(len(self.profiles("target_c")), 61)

    def test_children_none(self):
        self.same([program("target_c"), "children"], env={"TIDEMARK_CHILDREN": "none"})
        self.assertEqual(self.by_live(), [30])

    def test_children_none_follows_an_exec(self):
        script = f"exec {program('target_c')} grow"
        self.same(["/bin/sh", "-c", script], env={"TIDEMARK_CHILDREN": "none"})
        self.assertEqual(self.by_live(), [40])

    def test_exec_functions(self):
        self.same([program("target_c"), "execs"])
        found = self.profiles("target_c")
        # For each of eight ways: the child before its exec, and the program after it (which
        # writes 0 MiB down; the parent too).
        self.assertEqual(self.by_live().count(3), 8)
        self.assertEqual(len(found), 8 + 8 + 1)

    def test_failed_exec_goes_on_recording(self):
        self.same([program("target_c"), "failed_exec"])
        self.assert_live(self.only_profile("target_c"), 30)


class Output(Case):
    def check_nothing_left(self, folder):
        self.assertEqual([n for n in os.listdir(folder) if n.startswith(".")], [])

    def test_names_and_modes(self):
        out = self.path("new/deep/out")
        self.same([program("target_c"), "grow"], env={"TIDEMARK_OUT": out})
        names = os.listdir(out)
        self.assertEqual(len(names), 1, names)
        self.assertRegex(names[0], r"^target_c\.\d+\.[0-9a-f]{16}\.0001\.pb\.gz$")
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(out, names[0])).st_mode), 0o600)
        for made in (out, self.path("new")):
            self.assertEqual(stat.S_IMODE(os.stat(made).st_mode), 0o700)

    def test_default_directory(self):
        env = self.environment(self.RATE)
        del env["TIDEMARK_OUT"]
        e2e.subprocess.run([program("target_c"), "grow"], env=env, cwd=self.folder, check=True)
        self.assertEqual(len(glob.glob(self.path("tidemark.out/target_c.*.pb.gz"))), 1)

    def test_state_is_removed_unless_asked_for(self):
        env = self.environment(self.RATE)
        del env["TIDEMARK_STATE"]
        process = e2e.subprocess.Popen([program("target_c"), "grow"], env=env)
        process.wait()
        self.assertEqual(process.returncode, 0)
        states = glob.glob(f"/dev/shm/tidemark-{os.geteuid()}/{process.pid}.*.state")
        self.assertEqual(states, [])

    def test_nowhere_to_write(self):
        blocker = self.write("blocker", "a file")
        self.same([program("target_c"), "exit", "5"], env={"TIDEMARK_OUT": blocker + "/out"})
        # The state tells what the profile could not.
        self.assertEqual(len(glob.glob(os.path.join(self.state, "*.state"))), 1)

    def test_file_size_limit(self):
        command = [program("target_c"), "exit", "6"]
        for limit in (0, 100, 4096):
            def limit_size(limit=limit):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            plain = self.run_plain(command, preexec_fn=limit_size)
            result = self.run_preloaded(command, self.RATE, preexec_fn=limit_size)
            self.assert_unchanged(plain, result, f"limit {limit}")
        self.assertFalse(glob.glob(os.path.join(self.out, "*")))

    def test_file_size_limit_set_by_the_program(self):
        # With room for the state but not for the profile.
        script = ("import resource; keep = [bytes(2000 + i) for i in range(20000)]; "
                  "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); print('fine')")
        self.same(["/usr/bin/python3", "-c", script], 1024, env={"PYTHONMALLOC": "malloc"})
        self.assertEqual(os.listdir(self.out), [])

    def test_full_disk(self):
        # A tmpfs of 16 KiB, in a mount namespace of the test's own.
        script = ("mount -t tmpfs -o size=16k none \"$TIDEMARK_OUT\" || exit 77; "
                  f"LD_PRELOAD=$PRELOAD {program('target_c')} exit 9; code=$?; "
                  "ls -A \"$TIDEMARK_OUT\"; exit $code")
        os.mkdir(self.out)
        os.mkdir(self.path("s"))
        env = dict(os.environ, PRELOAD=e2e.LIBRARY, TIDEMARK_OUT=self.out, TIDEMARK_RATE="64",
                   TIDEMARK_STATE=self.state)
        result = e2e.subprocess.run(["unshare", "-rm", "sh", "-c", script], env=env,
                                    stdout=e2e.subprocess.PIPE, stderr=e2e.subprocess.PIPE)
        self.assertEqual((result.returncode, result.stderr), (9, b""))
        self.assertIn(result.stdout.count(b".pb.gz"), (0, 1))
        self.assertNotIn(b".part", result.stdout)

    def test_bad_values_give_one_line_each(self):
        env = {"TIDEMARK_RATE": "often", "TIDEMARK_CHILDREN": "bin/some", "TIDEMARK_ACTIVE": "yes"}
        result = self.run_preloaded([program("target_c"), "grow"], "often", env=env)
        self.assertEqual(result.returncode, 0)
        lines = result.stderr.decode().splitlines()
        self.assertEqual(len(lines), 3, lines)
        for line, name in zip(lines, env):
            self.assertRegex(line, rf'^tidemark: {name}: ".*" is not .*; using .*$')
        profile = self.only_profile("target_c")
        self.assertEqual(profile.comments["rate_bytes"], "524288")

    def test_dormant(self):
        self.same([program("target_c"), "grow"], env={"TIDEMARK_ACTIVE": "0"})
        self.assertEqual(self.only_profile("target_c").total("alloc_space"), 0)

    def test_log(self):
        result = self.run_preloaded([program("target_c"), "grow"], self.RATE,
                                    env={"TIDEMARK_LOG": "1"})
        self.assertTrue(re.fullmatch(rb"tidemark: recording into .*\.state\n"
                                     rb"tidemark: wrote .*\.pb\.gz\n", result.stderr),
                        result.stderr)


if __name__ == "__main__":
    unittest.main()
