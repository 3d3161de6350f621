"""The programs that are measured, each at a size that a rival can bear."""

import contextlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import Callable, Dict

import measure

HERE = os.path.dirname(os.path.abspath(__file__))
WALL = "wall"
CPU = "cpu"
PRINTED = "printed"

UNITS = {WALL: "s", CPU: "s cpu", PRINTED: "ns"}


@dataclass(frozen=True)
class Workload:
    """`command(scale, inputs)` gives (argv, path for stdin); `inputs` is a directory that lives
    as long as the bench. `metric` is what the ratios are of."""
    name: str
    what: str
    metric: str
    command: Callable
    environment: Dict[str, str] = field(default_factory=dict)
    real: bool = False  # somebody else's program, not one written for the bench
    server: bool = False  # the command is a redis-server that waits for requests
    counted: float = 1.0  # the part of its size that instructions are counted of
    requires: str = ""  # a program, from the Debian package behind the colon: "sqlite3:sqlite3"

    def missing(self):
        for need in self.requires.split():
            program, _, package = need.partition(":")
            if not shutil.which(program):
                return f"{program} is not installed (apt-get install {package})"
        return None

    def value(self, taken):
        return {WALL: taken.wall, CPU: taken.cpu}.get(self.metric) or float(taken.output)

    def run(self, variant, scale, inputs, prefix=()):
        """One run under the variant, the command behind `prefix`; raises measure.Failed."""
        command, stdin = self.command(scale, inputs)
        command = [*prefix, *command]
        base = dict(measure.clean_environment(), **self.environment)
        with variant.entered(base) as (environment, directory):
            if self.server:
                return run_redis(command, environment, directory, scale)
            return measure.run(command, environment, directory, stdin)


REDIS_REQUESTS = 100_000  # of each kind
REDIS_KINDS = "set,get,incr,lpush,rpush,lpop,sadd,hset,zadd,lrange_100,mset"


def run_redis(command, environment, directory, scale, wait=30):
    """Serves a fixed number of requests. Wall time is the client's, CPU time the server's."""
    socket = os.path.join(directory, "redis.sock")
    command = [*command, "--unixsocket", socket, "--dir", directory]
    plain = measure.clean_environment()
    with open(os.path.join(directory, "log"), "wb") as log:
        server = measure.start(command, environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + wait
            while not os.path.exists(socket):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise measure.Failed("redis-server: does not start")
                time.sleep(0.01)
            begin = time.monotonic()
            # Pipelined: more of the server's time is its own work, less the kernel's.
            done = subprocess.run(
                ["redis-benchmark", "-s", socket, "-q", "-P", "16", "-c", "20", "-d", "64", "-r",
                 "100000", "-n", str(max(1000, int(REDIS_REQUESTS * scale))), "-t", REDIS_KINDS],
                env=plain, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            wall = time.monotonic() - begin
            if done.returncode != 0:
                raise measure.Failed(f"redis-benchmark: exit status {done.returncode}")
            subprocess.run(["redis-cli", "-s", socket, "shutdown", "nosave"], env=plain,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            return measure.Taken(wall, measure.finish(server, "redis-server"), "")
        finally:
            if server.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    server.kill()
                server.wait()


def pair(build, size, pairs, threads):
    program = os.path.join(build, "bin/bench_pair")
    return lambda scale, _: ([program, str(size), str(int(pairs * scale)), str(threads)],
                             os.devnull)


CHURN_REQUESTS = 145_000  # 19 million pairs


def churn(build, requests, threads):
    program = os.path.join(build, "bin/bench_churn")
    return lambda scale, _: ([program, str(int(requests * scale)), str(threads)], os.devnull)


def python(scale, _inputs):
    return ["/usr/bin/python3", "-s", "-S", os.path.join(HERE, "json_sort.py"),
            str(int(60_000 * scale))], os.devnull


def sqlite(scale, inputs):
    """Each row a statement of its own, as programs do; then an index, a join, updates."""
    rows = int(300_000 * scale)
    path = os.path.join(inputs, f"rows-{rows}.sql")
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as sql:
            sql.write("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INT);\nBEGIN;\n")
            for i in range(rows):
                sql.write(f"INSERT INTO t(name, n) VALUES('name {i * 7919 % rows}', {i % 97});\n")
            sql.write("COMMIT;\nCREATE INDEX byname ON t(name);\n"
                      "SELECT n, count(*), max(name) FROM t GROUP BY n ORDER BY 2, 1;\n"
                      "SELECT count(*) FROM t a JOIN t b ON a.name = b.name WHERE a.n = 1;\n"
                      "UPDATE t SET name = name || ' changed' WHERE n < 20;\n"
                      "DELETE FROM t WHERE n > 60;\n")
    return ["sqlite3", "-batch", ":memory:"], path


def compiler(scale, inputs):
    """cc1plus itself, so that the compiler and not its driver is profiled. Two sizes: all, and
    a fifth for every smaller scale."""
    small = scale < 1
    path = os.path.join(inputs, "small.ii" if small else "all.ii")
    if not os.path.exists(path):
        subprocess.run(["g++", "-std=c++20", "-E", "-P", *(["-DSMALL"] if small else []),
                        os.path.join(HERE, "compile_input.cc"), "-o", path], check=True)
    program = subprocess.run(["g++", "-print-prog-name=cc1plus"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.strip()
    return [program, "-quiet", "-w", "-O0", "-std=c++20", "-fpreprocessed", path, "-o",
            os.path.join(inputs, "output.s")], os.devnull


def redis(_scale, _inputs):
    return ["redis-server", "--port", "0", "--save", "", "--appendonly", "no"], os.devnull


def all_workloads(build):
    """In the order of the table."""
    result = [Workload(f"pair_{size}", f"malloc and free of {text}, 1 thread", PRINTED,
                       pair(build, size, pairs, 1))
              for size, text, pairs in ((16, "16 B", 20_000_000), (64, "64 B", 20_000_000),
                                        (1024, "1 KiB", 20_000_000),
                                        (65536, "64 KiB", 5_000_000))]
    result.append(Workload("pair_64_2", "malloc and free of 64 B, 2 threads", PRINTED,
                           pair(build, 64, 20_000_000, 2)))
    for threads, requests in ((1, CHURN_REQUESTS), (2, CHURN_REQUESTS), (8, CHURN_REQUESTS // 4)):
        result.append(Workload(
            f"churn_{threads}",
            f"maps, strings, vectors; {requests * 131 / 1e6:.1f} M pairs a thread, {threads} "
            f"thread{'s' if threads > 1 else ''}", WALL, churn(build, requests, threads)))
    result += [
        Workload("start", "true: to start and to end", WALL,
                 lambda _scale, _: (["/usr/bin/true"], os.devnull)),
        Workload("redis", f"redis-server, {REDIS_REQUESTS // 1000},000 requests of each of 11 "
                 "kinds, pipelined; the server's CPU time", CPU, redis, real=True, server=True,
                 counted=0.2, requires="redis-server:redis-server redis-benchmark:redis-tools"),
        Workload("python3", "json and sort, PYTHONMALLOC=malloc; CPU time", CPU, python,
                 {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}, real=True,
                 requires="/usr/bin/python3:python3"),
        Workload("sqlite3", ":memory:, 300,000 inserts, index, join; CPU time", CPU, sqlite,
                 real=True, requires="sqlite3:sqlite3"),
        Workload("g++", "cc1plus -O0 on 2.7 MB of preprocessed C++; CPU time", CPU, compiler,
                 real=True, requires="g++:g++"),
    ]
    return result
