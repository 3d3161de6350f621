#!/usr/bin/env python3
"""The demo server: unchanged by profiling, equal tables, leaks ranked from live snapshots."""

import json

import demo_ranking
import e2e

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

    def test_recorded_series(self):
        """record takes the snapshots itself; leaks takes the folder."""
        result = self.run_plain([e2e.TIDEMARK, "record", "-o", self.out, "--rate", str(RATE),
                                 "--interval", "2", "--", e2e.DEMO, "--seconds", "9"])
        self.assertEqual(result.returncode, 0, result.stderr)
        profiles = self.profiles("demo_server")
        reasons = [p.comments["reason"] for p in profiles]
        self.assertGreaterEqual(reasons.count("interval"), 3, reasons)
        self.assertEqual(reasons.count("exit"), 1, reasons)
        self.assertEqual(len({p.comments["process_id"] for p in profiles}), 1)
        ranking = json.loads(self.tidemark("leaks", "--format", "json", self.out))
        first_two = {demo_ranking.plain_name(f["site"]["function"])
                     for f in ranking["findings"][:2]}
        self.assertEqual(first_two, {leak["site"] for leak in demo_ranking.answers()["leaks"]})

    def rank(self, stripped):
        # No more at a time than keep their pace on two processors.
        runs = demo_ranking.measure(seeds=[1, 2, 3], stripped=stripped, parallel=2)
        self.assertEqual([run.problems for run in runs], [[], [], []])

    def test_ranking(self):
        self.rank(stripped=False)

    def test_ranking_stripped(self):
        self.rank(stripped=True)


if __name__ == "__main__":
    e2e.main()
