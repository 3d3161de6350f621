#!/usr/bin/env python3
"""Programs with known answers, run for real: how `tidemark leaks` ranks what they leak.

Each run draws new samples. There are hundreds at each leak, so that chance alone moves none
of them out of the first ranks; the share of first ranks leaves room for one in ten.
"""

import leak_targets
import e2e


class LeakTargets(e2e.Case):
    def judge(self, which, stripped, first):
        runs = leak_targets.measure(leak_targets.programs(which, stripped=stripped), stripped)
        summary = leak_targets.Summary(runs)
        self.assertGreaterEqual(summary.first_share(), first, summary.line())
        # A machine that stalls for a second moves a snapshot, and a slow leak may then be
        # called steady; it still has to be among the first.
        self.assertLessEqual(len(summary.wrong_verdicts), max(1, len(runs) // 10),
                             summary.wrong_verdicts)
        wrong = {"not among the first three": summary.not_in_three,
                 "wrong kinds": summary.wrong_kinds,
                 "no leak, but called so": summary.false_leaks}
        self.assertEqual({what: names for what, names in wrong.items() if names}, {})
        for run in runs:
            self.assertGreaterEqual(len(run.snapshots), leak_targets.SNAPSHOTS - 1, run.name)

    def test_open(self):
        self.judge("open", stripped=False, first=0.9)

    # Not looked at while the ranking is tuned.
    def test_sealed(self):
        self.judge("sealed", stripped=False, first=0.9)
        self.judge("sealed", stripped=True, first=0)

    # Without names: among the first three, and a kind that is unknown, inferred or right.
    def test_stripped(self):
        self.judge("open", stripped=True, first=0)


if __name__ == "__main__":
    e2e.main()
