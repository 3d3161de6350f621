#!/usr/bin/env python3
"""Exact mode counts what valgrind counts, to the block and the byte.

usage: exact_test.py -v
Environment: TIDEMARK_BUILD_DIR.

Both are run on programs that allocate the same in every run. Every thread's dynamic
thread vector has room for each module with TLS, so a library of ours with TLS makes it
larger; the comparison with threads allows for that and for nothing else.
"""

import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import e2e  # noqa: E402

SQL = ("create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c "
       "where x < 20000) insert into t select x, x * 7 from c; select sum(b) from t;")


def valgrind(command, environment):
    """(allocations, frees, bytes allocated, bytes live, blocks live at exit)"""
    result = subprocess.run(
        ["valgrind", "--run-libc-freeres=no", "--run-cxx-freeres=no"] + command,
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    text = result.stderr.decode().replace(",", "")
    total = re.search(r"total heap usage: (\d+) allocs (\d+) frees (\d+) bytes", text)
    live = re.search(r"in use at exit: (\d+) bytes in (\d+) blocks", text)
    return tuple(int(n) for n in total.groups() + live.groups())


class Exact(e2e.Case):
    def tidemark(self, command, comm):
        self.run_preloaded(command, "exact")
        profile, = self.profiles(comm)
        self.assertEqual(profile.losses(), {}, "an exact run lost something")
        allocations = profile.total("alloc_objects")
        live = profile.total("inuse_objects")
        return (allocations, allocations - live, profile.total("alloc_space"),
                profile.total("inuse_space"), live)

    def compare(self, command, comm):
        # LD_PRELOAD's own length must not differ: programs copy their environment.
        environment = dict(self.environment("exact"), LD_PRELOAD="")
        want = valgrind(command, environment)
        got = self.tidemark(command, comm)
        print(f"{comm}: {got[0]} allocations, {got[2]} bytes, {got[3]} live; valgrind {want}")
        return want, got

    def test_one_thread(self):
        want, got = self.compare([os.path.join(e2e.BUILD, "bin", "target_exact")], "target_exact")
        self.assertEqual(got, want)

    def test_threads_one_after_the_other(self):
        threads = 4
        want, got = self.compare(
            [os.path.join(e2e.BUILD, "bin", "target_exact"), str(threads)], "target_exact")
        self.assertEqual(got[0], want[0], "allocations")
        self.assertEqual(got[1], want[1], "frees")
        dtv = 16
        self.assertIn(got[2] - want[2], [dtv * n for n in range(threads + 1)], "bytes")

    def test_sqlite(self):
        want, got = self.compare(["sqlite3", ":memory:", SQL], "sqlite3")
        self.assertEqual(got, want)


if __name__ == "__main__":
    unittest.main()
