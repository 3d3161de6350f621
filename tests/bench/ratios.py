"""The arithmetic of the bench: paired ratios, their medians and their intervals.

A round runs all variants back to back, so that the machine's mood is the same for each; a ratio is
taken within a round, never between medians of different rounds.
"""

import math
import statistics
from dataclasses import dataclass
from typing import Optional, Tuple

STEPS = 4000  # of the integration below; its error is far under the digits that are shown


def t_quantile(freedom, probability):
    """Student's t: the value that a fraction `probability` (0.5 to 1) of the distribution with
    `freedom` degrees (1 or more) lies below."""
    factor = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) \
        / math.sqrt(freedom * math.pi)

    def density(x):
        return factor * (1 + x * x / freedom) ** (-(freedom + 1) / 2)

    def below(x):  # Simpson's rule from 0 to x
        step = x / STEPS
        inner = sum((4 if i % 2 else 2) * density(i * step) for i in range(1, STEPS))
        return 0.5 + step / 3 * (density(0) + inner + density(x))

    low, high = 0.0, 1.0
    while below(high) < probability:
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < probability else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True)
class Ratio:
    """How many times `base` something took; `interval` holds the true factor with a
    probability of 95 % (a t interval on the logarithms), None from fewer than two rounds."""
    median: float
    low: float
    high: float
    rounds: int
    interval: Optional[Tuple[float, float]]


def paired_ratio(base, values):
    """REQUIRES: both positive, of one length, 1 or more; base[i] and values[i] are of round i."""
    if len(base) != len(values) or not base:
        raise ValueError("ratios need pairs")
    ratios = [value / b for b, value in zip(base, values)]
    interval = None
    if len(ratios) > 1:
        logs = [math.log(r) for r in ratios]
        half = t_quantile(len(logs) - 1, 0.975) * statistics.stdev(logs) / math.sqrt(len(logs))
        mean = statistics.fmean(logs)
        interval = (math.exp(mean - half), math.exp(mean + half))
    return Ratio(statistics.median(ratios), min(ratios), max(ratios), len(ratios), interval)


@dataclass(frozen=True)
class Spread:
    median: float
    low: float
    high: float


def spread(values):
    return Spread(statistics.median(values), min(values), max(values))


def order_of_round(names, round_number):
    """Every second round runs backwards: what drifts steadily falls on all alike."""
    return list(names) if round_number % 2 == 0 else list(reversed(names))
