#!/usr/bin/env python3
"""mmap, munmap and mremap as an option (TIDEMARK_MMAP=1): the profile holds what the program
counts itself, and nothing of it when the option is off.

usage: mappings_test.py -v
Environment: TIDEMARK_BUILD_DIR.
"""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import preload_test  # noqa: E402
from allocators_test import assert_no_own_frames  # noqa: E402
from preload_test import e2e  # noqa: E402

MIB = 1 << 20
TARGET = os.path.join(e2e.BUILD, "bin", "target_mmap")


def mapping_totals(profile):
    """(objects, bytes, live objects, live bytes) of the rows whose leaf is `mmap`."""
    sums = dict.fromkeys(("alloc_objects", "alloc_space", "inuse_objects", "inuse_space"), 0)
    for stack, values, _ in profile.samples:
        if profile.locations[stack[0]] == (0, 0, ["mmap"]):
            for name in sums:
                sums[name] += values[profile.types.index(name)]
    return tuple(sums.values())


def counted(line):
    return tuple(int(n) for n in re.findall(rb"\d+", line))


class Mappings(preload_test.Case):
    def run_target(self, rate, *arguments, env=None, target=TARGET):
        plain = self.run_plain([target, *arguments],
                               {k: v for k, v in (env or {}).items() if k == "PRELOAD"})
        result = self.run_preloaded([target, *arguments], rate,
                                    env={"TIDEMARK_MMAP": "1", **(env or {})})
        self.assert_unchanged(plain, result, f"{target} {arguments}")
        for profile in self.profiles():
            assert_no_own_frames(self, profile)
        return [counted(line) for line in result.stdout.splitlines()]

    def test_exact_totals_are_the_programs_own(self):
        want, = self.run_target("exact")
        profile, = self.profiles("target_mmap")
        self.assertEqual(mapping_totals(profile), want)
        self.assertEqual(profile.losses(), {})
        self.assertGreaterEqual(profile.total("inuse_space") - want[3], 5 * MIB)  # malloc's

    def test_sampled(self):
        # Blocks of at least half a MiB at a mean gap of 8 KiB are all sampled, and their
        # weight is their size: the odds that one is not are e^-64.
        want, = self.run_target(8192)
        profile, = self.profiles("target_mmap")
        self.assertEqual(mapping_totals(profile), want)
        self.assertEqual(profile.losses(), {})

    def test_estimate_of_small_mappings(self):
        # 1 GiB in pages at a mean gap of 64 KiB: 16384 samples expected, so the estimate's
        # standard error is 0.8 %; beyond 5 % with odds of 10^-9.
        script = ("import ctypes; libc = ctypes.CDLL(None); m = libc.mmap; "
                  "m.restype = ctypes.c_void_p; u = libc.munmap; "
                  "u.argtypes = [ctypes.c_void_p, ctypes.c_size_t]\n"
                  "for _ in range(1 << 18): u(m(None, 4096, 3, 0x22, -1, 0), 4096)")
        self.run_preloaded(["/usr/bin/python3", "-c", script], 65536,
                           env={"TIDEMARK_MMAP": "1"})
        profile, = self.profiles("python3")
        objects, size, live_objects, live = mapping_totals(profile)
        self.assertAlmostEqual(size / (1 << 30), 1, delta=0.05)
        self.assertAlmostEqual(objects / (1 << 18), 1, delta=0.05)
        self.assertLess(live_objects, 0.01 * objects)
        self.assertLess(live, 0.01 * size)

    def test_off_by_default(self):
        for rate in (8192, "exact"):
            self.clear_profiles()
            result = self.run_preloaded([TARGET], rate)
            self.assertEqual(result.returncode, 0)
            profile, = self.profiles("target_mmap")
            self.assertEqual(mapping_totals(profile), (0, 0, 0, 0))
            self.assertLess(profile.total("inuse_space"), 6 * MIB)

    def test_more_mappings_than_there_is_room_for(self):
        for rate in ("exact", 4096):
            self.clear_profiles()
            want, = self.run_target(rate, "many")
            profile, = self.profiles("target_mmap")
            self.assertGreaterEqual(profile.losses()["mappings_full"], 12000 - 8192)
            self.assertEqual(mapping_totals(profile)[2:], want[2:])

    def test_handlers_that_map(self):
        for rate in ("exact", 8192):
            self.clear_profiles()
            want, = self.run_target(rate, "storm")
            profile, = self.profiles("target_mmap")
            self.assertEqual(mapping_totals(profile)[2:], want[2:])

    def test_fork_child(self):
        for rate in ("exact", 8192):
            self.clear_profiles()
            want = self.run_target(rate, "fork")
            found = self.profiles("target_mmap")
            self.assertEqual(sorted(mapping_totals(p) for p in found), sorted(want))

    def test_an_allocators_own_mappings_are_not_the_programs(self):
        for allocator in ("libjemalloc.so.2", "libmimalloc.so.2", "libtcmalloc.so.4",
                          "libtcmalloc_minimal.so.4"):
            for rate in ("exact", 8192):
                with self.subTest(allocator=allocator, rate=rate):
                    self.clear_profiles()
                    result = self.run_preloaded(
                        [TARGET], rate,
                        env={"TIDEMARK_MMAP": "1", "LD_PRELOAD": f"{e2e.LIBRARY}:{allocator}"})
                    self.assertEqual(result.returncode, 0, result.stdout)
                    profile, = self.profiles("target_mmap")
                    self.assertEqual(mapping_totals(profile), counted(result.stdout))

    def test_a_pools_own_mapping_is_not_counted_beside_its_blocks(self):
        pool = os.path.join(e2e.BUILD, "bin", "target_linked_pool")
        self.run_preloaded([pool], 16384, env={"TIDEMARK_MMAP": "1"})
        profile, = self.profiles("target_linked_pool")
        self.assertEqual(mapping_totals(profile), (0, 0, 0, 0))

    def test_stacks_name_the_function_that_maps(self):
        result = self.run_recorded([TARGET], 8192, {"TIDEMARK_MMAP": "1"})
        self.assertEqual(result.returncode, 0, result.stderr)
        profile, = self.profiles("target_mmap")
        for stack, _, _ in profile.samples:
            names = [(profile.locations[i][2] or ["?"])[0] for i in stack]
            if names[0] == "mmap":
                self.assertIn(names[1], ("MapAt", "Remapped"))
                self.assertIn(names[-1], e2e.STARTS, names)


if __name__ == "__main__":
    unittest.main()
