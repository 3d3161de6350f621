"""Runs one program once and says what it took."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass

# What would change the measured program behind our back.
FOREIGN = ("LD_PRELOAD", "MALLOC_CONF", "PYTHONMALLOC", "GLIBC_TUNABLES", "HEAPPROFILE")
FOREIGN_PREFIXES = ("TIDEMARK_", "MALLOC_", "HEAP_PROFILE_", "TCMALLOC_")


class Failed(Exception):
    """The program did not do what was asked; the message says which and how."""


@dataclass(frozen=True)
class Taken:
    """One run. `cpu` is what the process used in user and system mode."""
    wall: float  # seconds
    cpu: float  # seconds
    output: str  # what it printed


def clean_environment():
    return {name: value for name, value in os.environ.items()
            if name not in FOREIGN and not name.startswith(FOREIGN_PREFIXES)}


def start(command, environment, **options):
    return subprocess.Popen(command, env=environment, **options)


def finish(process, what):
    """Waits for a process that `start` made; its CPU seconds. Raises Failed if it did not end
    well."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode < 0:
        raise Failed(f"{what}: killed by {signal.Signals(-process.returncode).name}")
    if process.returncode != 0:
        raise Failed(f"{what}: exit status {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def run(command, environment, directory, stdin=os.devnull):
    """Runs the command to its end. Its stderr is shown only if it fails."""
    out, err = os.path.join(directory, "stdout"), os.path.join(directory, "stderr")
    with open(stdin, "rb") as source, open(out, "wb") as output, open(err, "wb") as errors:
        begin = time.monotonic()
        process = start(command, environment, stdin=source, stdout=output, stderr=errors)
        try:
            cpu = finish(process, os.path.basename(command[0]))
        except Failed as failure:
            with open(err, encoding="utf-8", errors="replace") as text:
                raise Failed(f"{failure}: {text.read()[-400:]}") from None
        wall = time.monotonic() - begin
    with open(out, encoding="utf-8", errors="replace") as text:
        return Taken(wall, cpu, text.read())
