#!/usr/bin/env python3
"""Is the estimate unbiased, and are its error bars right? Programs allocate known amounts,
and every figure of the profile is compared with the truth in units of its standard error.

The recorder seeds itself from the time, so these tests draw new samples at each run. A
figure more than MAX_DEVIATION = 6 standard errors off happens once in 500 million by chance
where it is normal, and less than once in a million where the fewest samples of one size (30)
stand behind it; there are about 60 of them. A first gap that starts late, a sample weighted by
another rate than its own or a block counted twice moves these figures by 10 to 1000 standard
errors.

usage: sampling_test.py -v [CASE]
Environment: TIDEMARK_BUILD_DIR.
"""

import json
import math
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import e2e  # noqa: E402

PROGRAM = os.path.join(e2e.BUILD, "bin/target_sampling")
MAX_DEVIATION = 6
KIB, MIB = 1 << 10, 1 << 20
MIXED = (512, 1024, 2000, 5000, 20000)


def bucket_start(size):
    """SizeBucketStart(SizeBucket(size)), proto/buckets.h."""
    if size < 16:
        return size
    shift = size.bit_length() - 1 - 3
    return size >> shift << shift


def variances(sizes, blocks, rate):
    """Of the estimates of bytes and of objects: `blocks` in all, each size in turn. A block
    is sampled with p = 1 - e^(-size/rate); objects = 1/p, rounded to an integer at random."""
    of_bytes = of_objects = 0
    for size in sizes:
        p = -math.expm1(-size / rate)
        n = blocks / len(sizes)
        of_bytes += n * size * size * (1 - p) / p
        fraction = 1 / p % 1
        of_objects += n * (1 - p) / p + n * p * fraction * (1 - fraction)
    return of_bytes, of_objects


class Sampling(e2e.Case):
    def estimate(self, arguments, sizes, rate):
        """(true bytes, true blocks, {sample type: estimate}) of a run."""
        self.clear_profiles()
        result = self.run_preloaded([PROGRAM, *map(str, arguments)], rate)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        true_bytes, true_blocks = map(int, result.stdout.split())
        buckets = {bucket_start(size) for size in sizes}
        sums = {}
        self.found = self.profiles("target_sampling")
        for profile in self.found:
            self.assertEqual({k for k in profile.losses()}, set())
            for _, values, labels in profile.samples:
                if labels["bytes"] in buckets:
                    for name, value in zip(profile.types, values):
                        sums[name] = sums.get(name, 0) + value
        return true_bytes, true_blocks, sums

    def deviations(self, run, variance, kinds=("alloc", "inuse", "peak")):
        """{sample type: (estimate - truth) in standard errors}, none of them too large."""
        true_bytes, true_blocks, sums = run
        result = {}
        for kind in kinds:
            for unit, truth, of in (("space", true_bytes, variance[0]),
                                    ("objects", true_blocks, variance[1])):
                name = f"{kind}_{unit}"
                # Weights are rounded to a byte; fixed point is right to 3e-6.
                slack = 1e-5 * truth + 1
                off = sums[name] - truth
                off = math.copysign(max(0, abs(off) - slack), off)
                if of == 0:
                    self.assertEqual(off, 0, name)
                    continue
                result[name] = off / math.sqrt(of)
                self.assertLess(abs(result[name]), MAX_DEVIATION,
                                f"{name}: {sums[name]}, truly {truth}, {result}")
        return result

    def check(self, how, total, sizes, rate, **more):
        text = ",".join(map(str, sizes))
        run = self.estimate([how, total, text], sizes, rate)
        return self.deviations(run, variances(sizes, run[1], rate), **more)

    def test_each_size(self):
        # About 20,000 samples each, so half a per cent would be seen.
        for size in (16, KIB, MIB):
            rate = 8 * KIB if size < MIB else MIB
            total = 160 * MIB if size < MIB else 8 << 30
            for how, kinds in (("keep", ("alloc", "inuse", "peak")), ("drop", ("alloc",))):
                if how == "keep" and size == MIB:
                    total = 2 << 30
                self.check(how, total, [size], rate, kinds=kinds)

    def test_blocks_above_the_rate_are_all_there(self):
        # p differs from 1 by e^-64: no sampling error is left.
        self.check("keep", 256 * MIB, [MIB], 16 * KIB)

    def test_mixed_sizes_and_their_spread(self):
        """Not only is each run near the truth; 30 of them are spread as the formula says. The
        sum of their squared deviations is chi-square with 30 degrees of freedom; it lies
        outside of [6, 82] once in a million runs."""
        squares = {}
        for _ in range(30):
            for name, off in self.check("drop", 256 * MIB, MIXED, 64 * KIB,
                                        kinds=("alloc",)).items():
                squares[name] = squares.get(name, 0) + off * off
        self.assertEqual(len(squares), 2)
        for name, total in squares.items():
            self.assertGreater(total, 6, name)
            self.assertLess(total, 82, name)

    def test_short_threads(self):
        # Each thread allocates a quarter of the mean gap: a late first sample loses most.
        rate, each, count = 64 * KIB, 16 * KIB, 4000
        run = self.estimate(["threads", each, 1000, count], [1000], rate)
        self.assertEqual(run[1], count * math.ceil(each / 1000))
        self.deviations(run, variances([1000], run[1], rate))

    def test_short_fork_children(self):
        # Less than what a thread allocates between two looks at the control page. The children
        # go on with one gap of their parent, so all their first samples may be the same: their
        # parts of up to one mean gap do not average out.
        rate, each, count = 16 * KIB, 200 * KIB, 200
        run = self.estimate(["forks", each, 1000, count], [1000], rate)
        of_bytes, of_objects = variances([1000], run[1], rate)
        shared = (count * rate) ** 2
        self.deviations(run, (of_bytes + shared, of_objects + shared / 1000 ** 2),
                        kinds=("alloc",))

    def test_rate_changes_while_running(self):
        rates = (4 * KIB, 64 * KIB, 512 * KIB, 16 * KIB)
        total, sizes = 512 * MIB, (1024, 2000, 5000)
        run = self.estimate(["rates", total, ",".join(map(str, sizes)), ",".join(map(str, rates))],
                            sizes, rates[0])
        # A change is seen within 256 KiB: that part, 0.2 %, is sampled at the rate before.
        parts = [variances(sizes, run[1] / 4, rate) for rate in rates]
        self.deviations(run, [1.002 * sum(p[i] for p in parts) for i in (0, 1)],
                        kinds=("alloc", "inuse", "peak"))

    def test_thinned_live_table(self):
        """More live samples than the table holds: the rate doubles, twice here, and what is in
        the table is thinned. The first half of the blocks was sampled at a rate of its own,
        much sparser, and is not thinned at all."""
        size, total = 200, 80 * MIB
        run = self.estimate(["rates", total, size, f"{32 * KIB},128"], [size], 32 * KIB)
        doublings = int(self.found[0].comments["rate_doublings"])
        self.assertGreaterEqual(doublings, 1)
        final = int(self.found[0].comments["rate_bytes"])
        self.assertEqual(final, 128 << doublings)
        first = variances([size], run[1] / 2, 32 * KIB)
        second = variances([size], run[1] / 2, final)
        # The objects of a sample are rounded anew each time.
        self.deviations(run, (first[0] + second[0], 1.5 * (first[1] + second[1])),
                        kinds=("alloc", "inuse"))

    def test_intervals_hold_what_they_say(self):
        """The 95 % interval of `tidemark leaks` holds the truth: of 150 runs about 7 may
        miss it; more than 23 do so less than once in a million times."""
        sizes = "64,1024,5000"
        missed = 0
        widths = []
        for _ in range(150):
            true_bytes, _, _ = self.estimate(["keep", 4 * MIB, sizes], (64, 1024, 5000), 32 * KIB)
            findings = json.loads(self.tidemark("leaks", self.found[0].path, "--format",
                                                "json"))["findings"]
            finding = max(findings, key=lambda f: f["live_bytes"])
            low, high = finding["live_ci"]
            missed += not low <= true_bytes <= high
            widths.append((high - low) / true_bytes)
        self.assertLessEqual(missed, 23)
        # 130 samples: about 2 * 1.96 / sqrt(130). Not right by being useless.
        self.assertLess(sum(widths) / len(widths), 0.5)


if __name__ == "__main__":
    unittest.main()
