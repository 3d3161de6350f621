"""What is to be reached, and the text that says what was."""

from dataclasses import dataclass
from typing import Callable

import ratios
import variants
import workloads


@dataclass(frozen=True)
class Target:
    sign: str
    limit: float
    unit: str
    holds: Callable


def at_most(limit, unit):
    return Target("<=", limit, unit, lambda value: value <= limit)


def below(limit, unit):
    return Target("<", limit, unit, lambda value: value < limit)


def at_least(limit, unit):
    return Target(">=", limit, unit, lambda value: value >= limit)


def verdict(value, target):
    text = f"{target.sign} {target.limit:g}{target.unit}: "
    if target.holds(value):
        return text + "reached"
    return text + f"MISSED by {abs(value - target.limit):.3g}{target.unit}"


# (workload, variant): what the median of the ratio to plain is to be.
MEDIANS = {
    ("pair_64", "tidemark"): at_most(1.25, "x"),
    ("churn_1", "tidemark"): at_most(1.05, "x"),
    ("churn_2", "tidemark"): at_most(1.05, "x"),
    ("churn_8", "tidemark"): at_most(1.05, "x"),
    ("churn_1", "tidemark exact"): at_most(1.6, "x"),
    ("churn_2", "tidemark exact"): at_most(1.8, "x"),
    ("python3", "tidemark exact"): at_most(2.0, "x"),
    ("sqlite3", "tidemark exact"): at_most(1.25, "x"),
    ("g++", "tidemark exact"): at_most(1.6, "x"),
}
# Where all of the interval is to lie below: real programs, sampled.
INTERVAL = below(1.03, "x")
# How many times faster than heaptrack exact mode is to be, in the same rounds.
FASTER = {"churn_1": at_least(7, "x"), "churn_2": at_least(7, "x")}
INSTRUCTIONS = at_most(1, " %")
MEMORY = at_most(16, " MiB")
SNAPSHOT = below(100, " ms")

SIZES = {variants.FULL: "full size", variants.QUARTER: "a quarter of the size",
         variants.TWENTIETH: "a twentieth of the size"}


@dataclass(frozen=True)
class Measured:
    """One workload's rounds at one size. `values` and `walls` are lists by variant name, one
    number per round; a variant that failed is in `failed` with its reason instead."""
    workload: workloads.Workload
    scale: float
    members: list
    values: dict
    walls: dict
    failed: dict

    def ratio(self, name, base):
        """None where one of them has no figures."""
        if name not in self.values or base not in self.values:
            return None
        return ratios.paired_ratio(self.values[base], self.values[name])


class Table:
    """Prints figures as they come and keeps the verdicts for the end."""

    def __init__(self, quick):
        self.quick = quick
        self.verdicts = []

    def judge(self, what, value, text, target):
        """The verdict, which is also kept. `text` is the value for readers."""
        result = verdict(value, target)
        self.verdicts.append((what, text, result))
        return result

    def workload(self, workload, groups, missing):
        """`missing`: [(variant, why)] of what cannot be run here."""
        print(f"\n{workload.name}: {workload.what}")
        for measured in groups:
            rounds = max((len(v) for v in measured.values.values()), default=0)
            size = SIZES[measured.scale] + (" of --quick" if self.quick else "")
            count = "1 round" if rounds == 1 else f"{rounds} rounds"
            print(f"  {f'{count}, {size}':40}   x plain [range]"
                  "        95 % interval   x wall")
            for variant in measured.members:
                print(self.line(measured, variant), flush=True)
        for name, why in missing:
            print(f"  {name:17} {why}")

    def line(self, measured, variant):
        name = variant.name
        if name not in measured.values:
            return f"  {name:17} FAILED: {measured.failed.get(name, 'no figures')}"
        taken = ratios.spread(measured.values[name])
        text = f"  {name:17} {taken.median:9.4g} {workloads.UNITS[measured.workload.metric]:6}"
        ratio = measured.ratio(name, "plain")
        if name == "plain" or ratio is None:
            return f"{text} {'':9} [{taken.low:.4g}, {taken.high:.4g}]"
        interval = f"{ratio.interval[0]:.3f} to {ratio.interval[1]:.3f}" if ratio.interval else ""
        walls = ratios.paired_ratio(measured.walls["plain"], measured.walls[name])
        text += (f" {ratio.median:14.3f} {f'[{ratio.low:.2f}, {ratio.high:.2f}]':16}"
                 f" {interval:>17} {walls.median:8.2f}   ")
        return (text + "; ".join(self.notes(measured, variant, ratio))).rstrip()

    def notes(self, measured, variant, ratio):
        """The verdicts, and the ratio to the rival's own allocator."""
        workload, name = measured.workload.name, variant.name
        full = measured.scale == variants.FULL
        target = MEDIANS.get((workload, name))
        if target and full:
            yield self.judge(f"{workload}, {name}", ratio.median, f"{ratio.median:.3f}x", target)
        if measured.workload.real and name == "tidemark" and ratio.interval:
            yield self.judge(f"{workload}, {name}, interval", ratio.interval[1],
                             f"up to {ratio.interval[1]:.3f}x", INTERVAL)
        own = measured.ratio(name, variant.base) if variant.base != "plain" else None
        if own:
            yield f"{own.median:.2f}x {variant.base}"
        faster = measured.ratio("heaptrack", "tidemark exact")
        if name == "heaptrack" and faster:
            text = f"{faster.median:.2f}x tidemark exact"
            if workload in FASTER:
                text += ", " + self.judge(f"{workload}, exact against heaptrack", faster.median,
                                          f"{faster.median:.2f}x faster", FASTER[workload])
            yield text

    def section(self, title):
        print(f"\n{title}", flush=True)

    def figure(self, what, text, *judged):
        """One line; `judged` is (value, target) where there is one."""
        note = self.judge(what, judged[0], text, judged[1]) if judged else ""
        print(f"  {what:52} {text:>30}   {note}".rstrip(), flush=True)

    def summary(self):
        """All verdicts again; how many were missed."""
        if not self.verdicts:
            return 0
        print("\nWhat is to be reached" + (" (--quick: too short to judge by)" if self.quick
                                           else ""))
        for what, text, result in self.verdicts:
            print(f"  {what:52} {text:>30}   {result}")
        return sum("MISSED" in result for _, _, result in self.verdicts)
