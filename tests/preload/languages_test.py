#!/usr/bin/env python3
"""Plugins that bind, come and go in unusual ways, and programs in C, C++, Rust and Go: what
they keep stands under the functions that allocated it, and no frame is the library's.

usage: languages_test.py -v [CASE]
Environment: TIDEMARK_BUILD_DIR.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import preload_test  # noqa: E402
from allocators_test import assert_no_own_frames  # noqa: E402
from preload_test import e2e, program  # noqa: E402

MIB = 1 << 20
SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "languages")
TICK = os.path.join(e2e.BUILD, "lib", "libpreload_keep_Tick.so")
TOCK = os.path.join(e2e.BUILD, "lib", "libpreload_keep_Tock.so")


def names_of(profile, stack):
    return [name for i in stack for name in profile.locations[i][2]]


class Case(preload_test.Case):
    RATES = (16384, "exact")

    def record(self, command, rate):
        """The profile of a program that must run as it does alone."""
        self.clear_profiles()
        plain = self.run_plain(command)
        self.assertIn(b"fine", plain.stdout)
        result = self.run_recorded(command, rate)
        self.assertEqual((result.returncode, result.stdout), (plain.returncode, plain.stdout))
        profile, = self.profiles()
        assert_no_own_frames(self, profile)
        return profile

    def live_under(self, profile, function):
        """MiB that live under a function whose name contains that."""
        column = profile.types.index("inuse_space")
        return sum(values[column] for stack, values, _ in profile.samples
                   if any(function in name for name in names_of(profile, stack))) / MIB

    def assert_near(self, got, want, what, delta=0.3):
        self.assertAlmostEqual(got, want, delta=delta, msg=what)


class Plugins(Case):
    def test_deepbind(self):
        # 8 MiB of the host's live at the end. What the plugin allocated is libc's alone;
        # what it freed is noticed when the address comes back, which need not happen for the
        # last few: at most 2 of 3 MiB each.
        for rate in self.RATES:
            profile = self.record([program("target_plugins"), "deepbind", TICK], rate)
            live = self.live_under(profile, "Deepbind")
            self.assertGreater(live, 7.99)
            self.assertGreater(profile.losses()["free_missed"], 0)

    def test_another_namespace(self):
        for rate in self.RATES:
            profile = self.record([program("target_plugins"), "namespace", TICK], rate)
            self.assert_near(self.live_under(profile, "Namespace"), 8, "namespace")

    def test_the_address_of_an_unloaded_plugin(self):
        for rate in self.RATES:
            command = [program("target_plugins"), "reuse", TICK, TOCK]
            self.assertIn(b"same place", self.run_plain(command).stdout)
            profile = self.record(command, rate)
            self.assert_near(self.live_under(profile, "KeepTick"), 7, "the first")
            self.assert_near(self.live_under(profile, "KeepTock"), 6, "the second")
            for stack, _, _ in profile.samples:
                names = names_of(profile, stack)
                self.assertFalse("KeepTick" in names and "KeepTock" in names)

    def test_exceptions_are_the_runtimes_alone(self):
        plugin = os.path.join(e2e.BUILD, "lib", "libpreload_plugin.so")
        result = self.run_preloaded([program("target_host"), plugin], 16384,
                                    env={"LD_DEBUG": "bindings"})
        lines = [line for line in result.stderr.decode().splitlines()
                 if "`_Unwind_" in line or "`__cxa_throw'" in line]
        self.assertTrue(lines)
        for line in lines:
            self.assertNotRegex(line, r" to \S*libtidemark\.so")


class Languages(Case):
    @classmethod
    def setUpClass(cls):
        cls.build_folder = tempfile.mkdtemp(prefix="tidemark-languages-")
        cls.addClassCleanup(shutil.rmtree, cls.build_folder, ignore_errors=True)

    def built(self, source, *command):
        """The program that a compiler makes of a source file."""
        target = os.path.join(self.build_folder, source.partition(".")[0])
        if not os.path.exists(target):
            env = {"HOME": self.build_folder, "GOFLAGS": "-mod=mod", "GOPROXY": "off",
                   "GO111MODULE": "off", "GOTOOLCHAIN": "local", **os.environ}
            result = subprocess.run([*command, "-o", target, os.path.join(SOURCES, source)],
                                    env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    cwd=self.build_folder, check=False)
            self.assertEqual(result.returncode, 0, result.stdout.decode())
        return target

    def test_c(self):
        for rate in self.RATES:
            profile = self.record([program("target_extra_api")], rate)
            self.assert_near(self.live_under(profile, "main"), 8, "C")

    def test_cc(self):
        for rate in self.RATES:
            profile = self.record([program("target_known"), "2"], rate)
            self.assert_near(self.live_under(profile, "Work("), 64, "C++")

    def test_rust(self):
        target = self.built("target_rust.rs", "rustc", "-O", "-g")
        for rate in self.RATES:
            profile = self.record([target], rate)
            self.assert_near(self.live_under(profile, "leak_vectors"), 8 + 3, "vectors")
            self.assert_near(self.live_under(profile, "leak_texts"), 6, "texts")
            # 2^17 buckets of 64 bytes and a byte each: hashbrown keeps 7/8 of them filled.
            self.assert_near(self.live_under(profile, "leak_map"), 65 / 8, "map")
            self.check_stacks(profile, "rust")

    def test_cgo(self):
        target = self.built("target_cgo.go", "go", "build")
        for rate in self.RATES:
            profile = self.record([target], rate)
            self.assert_near(self.live_under(profile, "keep_block"), 8, "C memory")
            self.assert_near(self.live_under(profile, "main.leakBlocks"), 8, "called from Go")
            for stack, _, _ in profile.samples:
                names = names_of(profile, stack)
                if "keep_block" in names:  # through asmcgocall to the goroutine's start
                    self.assertTrue(names[-1].startswith("runtime.goexit"), names)
            self.assertLess(profile.total("inuse_space") / MIB, 10)  # Go's 32 MiB are not ours

    def test_programs_that_do_not_use_malloc(self):
        for source, compiler, why in (
                ("target_go.go", ("go", "build"), "is a Go program"),
                ("target_rust_own.rs", ("rustc", "-O"), "brings an allocator of its own "
                                                        "(_rjem_malloc)")):
            target = self.built(source, *compiler)
            plain = self.run_plain([target])
            # The few KB that the language's runtime itself takes from malloc are sampled once
            # in 100,000 runs at this rate.
            result = self.run_recorded([target], 1 << 30)
            self.assertEqual((result.returncode, result.stdout), (0, plain.stdout))
            said = result.stderr.decode()
            self.assertIn(f"{target} {why}", said)
            self.assertRegex(said, r"tidemark: no (samples|profile): ")


if __name__ == "__main__":
    unittest.main()
