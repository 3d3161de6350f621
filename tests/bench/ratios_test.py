"""Unit tests of ratios.py and of the verdicts in table.py: arithmetic only, no timings."""

import math
import random
import unittest
import unittest.mock

import ratios
import table


class TQuantile(unittest.TestCase):
    def test_tabulated_values(self):
        for freedom, expected in ((1, 12.706), (2, 4.303), (4, 2.776), (8, 2.306), (30, 2.042)):
            self.assertAlmostEqual(ratios.t_quantile(freedom, 0.975), expected, places=3)
        self.assertAlmostEqual(ratios.t_quantile(10, 0.95), 1.812, places=3)


class PairedRatio(unittest.TestCase):
    def test_is_taken_within_rounds(self):
        # The machine is ten times slower in the second round; each ratio is 2 all the same.
        ratio = ratios.paired_ratio([1.0, 10.0, 2.0], [2.0, 20.0, 4.0])
        self.assertEqual((ratio.median, ratio.low, ratio.high, ratio.rounds), (2.0, 2.0, 2.0, 3))
        self.assertAlmostEqual(ratio.interval[0], 2.0)
        self.assertAlmostEqual(ratio.interval[1], 2.0)

    def test_interval_by_hand(self):
        # Logarithms -1, 0, 1: mean 0, deviation 1, t(2) 4.3027: half width 4.3027 / sqrt(3).
        ratio = ratios.paired_ratio([1.0] * 3, [math.exp(-1), 1.0, math.exp(1)])
        self.assertAlmostEqual(math.log(ratio.interval[1]), 4.30265 / math.sqrt(3), places=4)
        self.assertAlmostEqual(math.log(ratio.interval[0]), -4.30265 / math.sqrt(3), places=4)
        self.assertEqual(ratio.median, 1.0)

    def test_one_round_has_no_interval(self):
        self.assertIsNone(ratios.paired_ratio([2.0], [3.0]).interval)

    def test_unpaired_is_refused(self):
        with self.assertRaises(ValueError):
            ratios.paired_ratio([1.0, 2.0], [1.0])
        with self.assertRaises(ValueError):
            ratios.paired_ratio([], [])

    def test_interval_covers_as_often_as_it_says(self):
        # 2,000 benchmarks of 9 rounds: the count of hits is binomial (2000, 0.95), deviation 9.7.
        # A right interval leaves 1900 +- 50 less than once in a million; the seed is fixed.
        dice = random.Random(3)
        hits = 0
        # The quantile of all 2,000 is the same one; asking once keeps the test quick.
        with unittest.mock.patch.object(ratios, "t_quantile", return_value=2.306004):
            for _ in range(2000):
                base = [math.exp(dice.gauss(0, 0.5)) for _ in range(9)]
                values = [b * math.exp(dice.gauss(math.log(1.02), 0.03)) for b in base]
                low, high = ratios.paired_ratio(base, values).interval
                hits += low <= 1.02 <= high
        self.assertLess(abs(hits - 1900), 50)


class Order(unittest.TestCase):
    def test_alternates(self):
        self.assertEqual(ratios.order_of_round("abc", 0), ["a", "b", "c"])
        self.assertEqual(ratios.order_of_round("abc", 1), ["c", "b", "a"])


class Verdict(unittest.TestCase):
    def test_at_most(self):
        self.assertEqual(table.verdict(1.25, table.at_most(1.25, "x")), "<= 1.25x: reached")
        self.assertEqual(table.verdict(1.30, table.at_most(1.25, "x")),
                         "<= 1.25x: MISSED by 0.05x")

    def test_less_than(self):
        self.assertEqual(table.verdict(1.03, table.below(1.03, "x")), "< 1.03x: MISSED by 0x")
        self.assertEqual(table.verdict(1.02, table.below(1.03, "x")), "< 1.03x: reached")

    def test_at_least(self):
        self.assertEqual(table.verdict(7.5, table.at_least(7, "x")), ">= 7x: reached")
        self.assertEqual(table.verdict(6.5, table.at_least(7, "x")), ">= 7x: MISSED by 0.5x")


if __name__ == "__main__":
    unittest.main()
