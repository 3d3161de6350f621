#!/usr/bin/env python3
"""The demo server: unchanged by profiling, equal tables, leaks ranked from live snapshots."""

import e2e
import demo_ranking

RATE = 65536
COMMAND = [e2e.DEMO, "--requests", "60000", "--rps", "0"]


class Demo(e2e.Case):
    def test_unchanged_and_equal_tables(self):
        plain = self.run_plain(COMMAND)
        self.assertEqual(plain.returncode, 0, plain.stderr)
        preloaded = self.run_preloaded(COMMAND, RATE)
        self.assert_unchanged(plain, preloaded, "demo, preloaded")
        self.check_everything(self.profiles("demo_server")[0], "demo, at exit", "addresses")
        self.clear_profiles()
        recorded = self.run_recorded(COMMAND, RATE)
        self.assertEqual((recorded.returncode, recorded.stdout), (0, plain.stdout))
        self.check_everything(self.profiles("demo_server")[0], "demo, recorded", "functions")

    def rank(self, stripped):
        runs = demo_ranking.measure(seeds=[1, 2, 3], stripped=stripped, parallel=3)
        self.assertEqual([run.problems for run in runs], [[], [], []])

    def test_ranking(self):
        self.rank(stripped=False)

    def test_ranking_stripped(self):
        self.rank(stripped=True)


if __name__ == "__main__":
    e2e.main()
