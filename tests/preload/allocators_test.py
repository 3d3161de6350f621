#!/usr/bin/env python3
"""Other allocators: beneath the library (preloaded or linked) everything is recorded, in
front of it or inside the executable they win, and then `tidemark record` says so.

usage: allocators_test.py -v CASE
Environment: TIDEMARK_BUILD_DIR.
"""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import preload_test  # noqa: E402
from preload_test import e2e, program  # noqa: E402

MIB = 1 << 20
ALLOCATORS = {
    "jemalloc": "libjemalloc.so.2",
    "mimalloc": "libmimalloc.so.2",
    "tcmalloc": "libtcmalloc.so.4",
    "tcmalloc_minimal": "libtcmalloc_minimal.so.4",
}
# mimalloc, built as C, aborts where operator new must throw.
THROWING = [library for name, library in ALLOCATORS.items() if name != "mimalloc"]
# Those of which Debian has an archive that can be linked into a program.
STATIC = ("jemalloc", "tcmalloc", "tcmalloc_minimal")
KINDS = ("alloc_objects", "alloc_space", "inuse_objects", "inuse_space")


def assert_no_own_frames(case, profile):
    """No location belongs to the library itself."""
    own = [i for i, m in profile.mappings.items() if "libtidemark" in m["file"]]
    case.assertTrue(own, "the library's mapping is not even listed")
    for stack, _, _ in profile.samples:
        for i in stack:
            mapping, address, names = profile.locations[i]
            case.assertNotIn(mapping, own, f"{names} {address:#x} is the library's")
            case.assertFalse(any("idemark" in n for n in names), names)


class Case(preload_test.Case):
    def check(self, command, library=None, rate=preload_test.Case.RATE, **env):
        """Runs a command plain and recorded on an allocator (None: the program's own)."""
        self.clear_profiles()
        plain = self.run_plain(command, {"LD_PRELOAD": library} if library else None)
        self.assertIn(b"fine", plain.stdout)
        preload = f"{e2e.LIBRARY}:{library}" if library else e2e.LIBRARY
        result = self.run_preloaded(command, rate, env={"LD_PRELOAD": preload, **env})
        self.assert_unchanged(plain, result, f"{command} on {library}")
        for profile in self.profiles():
            assert_no_own_frames(self, profile)
        return result

    def totals(self, command, library, rate):
        result = self.check(command, library, rate)
        profile, = self.profiles()
        self.assertEqual(profile.losses(), {}, f"{command} on {library} at {rate}")
        known = [int(n) for n in re.findall(rb"\d+", result.stdout)][:4]
        return [profile.total(kind) for kind in KINDS], known

    def check_totals(self, target, library):
        """The program counts itself what it does in so many rounds; a run without any rounds
        tells what its C library and threads allocate besides."""
        none, known = self.totals([program(target), "0"], library, "exact")
        self.assertEqual(known, [0] * 4)
        exact, known = self.totals([program(target), "2"], library, "exact")
        self.assertEqual([a - b for a, b in zip(exact, none)], known, f"{target} on {library}")
        # Sampled: the live blocks are 64 of 1 MiB, and each is sampled but for odds of e^-64.
        # Beside them some 73 KiB live that the run without rounds has too.
        sampled, known = self.totals([program(target), "2"], library, 16384)
        self.assertGreaterEqual(sampled[2], 64)
        self.assertGreaterEqual(sampled[3], known[3])
        self.assertLess(sampled[3], known[3] + MIB)
        # 1 GB in blocks of which most are far above 16 KiB: a standard error below 0.1 %.
        self.assertAlmostEqual(sampled[1] / exact[1], 1, delta=0.01)

    def mapped(self):
        return {os.path.basename(m["file"]) for m in self.profiles()[0].mappings.values()}


class Allocators(Case):
    """Beneath the library."""

    def test_totals_on_glibc(self):
        self.check_totals("target_known", None)

    def test_totals_preloaded(self):
        for name, library in ALLOCATORS.items():
            with self.subTest(allocator=name):
                self.check_totals("target_known", library)
                self.assertTrue(any(n.startswith(library[:-2]) for n in self.mapped()))

    def test_totals_linked(self):
        for name, library in ALLOCATORS.items():
            with self.subTest(allocator=name):
                self.check_totals(f"target_known_{name}", None)
                self.assertTrue(any(n.startswith(library[:-2]) for n in self.mapped()))

    def test_operators_are_counted_once(self):
        for library in THROWING:
            for rate in (16384, "exact"):
                self.check([program("target_operators"), "keep"], library, rate)
                self.assert_live(self.only_profile("target_operators"), 64)

    def test_c_programs(self):
        for library in ALLOCATORS.values():
            for what in ("threads", "remote", "signals", "race_to_exit"):
                if what == "race_to_exit":
                    result = self.run_preloaded(
                        [program("target_c"), what], 4096,
                        env={"LD_PRELOAD": f"{e2e.LIBRARY}:{library}"})
                    self.assertEqual(result.returncode, 11)
                else:
                    self.check([program("target_c"), what], library)

    def test_python(self):
        script = "x = [str(i) * 20 for i in range(100000)]; print('fine', len(x))"
        for library in (None, *ALLOCATORS.values()):
            for rate in (16384, "exact"):
                self.check(["/usr/bin/python3", "-c", script], library, rate,
                           PYTHONMALLOC="malloc")
                profile, = self.profiles("python3")
                # 100,000 texts of 20 to 100 characters and 49 bytes of header.
                self.assertGreater(profile.total("alloc_space"), 10 * MIB)

    def test_every_result_and_errno(self):
        # Alone and recorded, each call of a table gives the same, on glibc at all rates.
        for rate in (1, 16384, 1 << 19, "exact"):
            self.check([program("target_errno"), "libstdc++"], None, rate)
        # jemalloc has no pvalloc (its free would get a block of glibc's). mimalloc's
        # reallocarray sets an errno that its realloc, which the library calls, does not; built
        # as C, it aborts where operator new must throw.
        skipped = {"jemalloc": ["-pvalloc"], "mimalloc": ["-reallocarray", "-new"]}
        for name, library in ALLOCATORS.items():
            for rate in (16384, "exact"):
                self.check([program("target_errno"), *skipped.get(name, [])], library, rate)

    def test_functions_beside_mallocs_family(self):
        for name, library in ALLOCATORS.items():
            for rate in (16384, "exact"):
                with self.subTest(allocator=name, rate=rate):
                    self.check([program("target_extra_api")], library, rate)
                    profile, = self.profiles()
                    # Frees by other functions show when the address comes back.
                    self.assertGreater(profile.losses().get("free_missed", 0), 0)
                    self.assertGreater(self.live_mib(profile), 7.99)


class AllocatorsThatWin(Case):
    """In front of the library, or inside the executable."""

    def test_in_front(self):
        for library in ALLOCATORS.values():
            for command in ([program("target_known"), "1"], [program("target_c"), "threads"]):
                plain = self.run_plain(command, {"LD_PRELOAD": library})
                result = self.run_preloaded(command, self.RATE,
                                            env={"LD_PRELOAD": f"{library}:{e2e.LIBRARY}"})
                self.assert_unchanged(plain, result, f"{command} behind {library}")

    def check_said(self, command, why):
        self.clear_profiles()
        plain = self.run_plain(command)
        self.assertIn(b"fine", plain.stdout)
        result = self.run_recorded(command, self.RATE)
        self.assertEqual((result.returncode, result.stdout), (plain.returncode, plain.stdout))
        said = [line for line in result.stderr.decode().splitlines() if "no samples" in line]
        self.assertEqual(said, [f"tidemark: no samples: {command[0]} {why}"])

    def test_inside_the_executable(self):
        why = "has a malloc of its own, which comes before a preloaded one"
        for name in STATIC:
            self.check_said([program(f"target_known_static_{name}"), "1"], why)
        self.check_said([program("target_own_malloc")], why)


class RecordOverAnAllocator(Case):
    """`tidemark` itself runs on the allocator here, which a sanitized one cannot."""

    def test_record_over_a_preloaded_allocator(self):
        # `record` puts the library in front of what is preloaded already.
        for library in THROWING:
            self.clear_profiles()
            result = self.run_recorded([program("target_operators"), "keep"], self.RATE,
                                       {"LD_PRELOAD": library})
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assert_live(self.only_profile("target_operators"), 64)


if __name__ == "__main__":
    unittest.main()
