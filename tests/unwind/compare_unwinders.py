#!/usr/bin/env python3
"""Runs programs beneath the unwind checker and judges what it counted.

usage: compare_unwinders.py CHECKER redis|python|sqlite|gxx|clang
       compare_unwinders.py CHECKER edges PROGRAM PLUGIN_DIRECTORY

Prints, per process: captures, the shares that are identical, longer than libgcc's, cut,
truncated, lost and different, the time per frame, and how many of FastCapture's stacks are
not CaptureStack's. Exit status 1 when the claim does not hold, 2 when a program is missing.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

PYTHON_WORK = """
import decimal, json, re, threading
rows = [{"a": i, "b": str(i) * 5, "c": [i] * 3} for i in range(8000)]
text = json.dumps(rows)
again = sorted(json.loads(text), key=lambda row: row["b"])
assert len(re.findall(r"(\\d+)(,)", text)) > 0
def work(): return sorted(str(decimal.Decimal(i) / 7) for i in range(2000))
threads = [threading.Thread(target=work) for _ in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
"""

SQL_WORK = """
create table t(a integer primary key, b text);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 60000)
  insert into t select x, hex(randomblob(20)) from c;
create index i on t(b);
select count(*) > 0 from t where b like '%AB%';
"""

CXX_WORK = """
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <vector>
int main() {
  std::map<std::string, std::vector<int>> map;
  map["a"].push_back(1);
  std::cout << map.size() << std::regex_match("aa", std::regex("a+"));
}
"""

REDIS_TESTS = "set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100"


def need(program):
    path = shutil.which(program)
    if path is None:
        print(f"{program} is not installed")
        sys.exit(2)
    return path


class Checker:
    """Runs commands beneath the checker and reads the lines that it wrote."""

    def __init__(self, library, directory):
        self.report = os.path.join(directory, "report")
        self.environment = dict(os.environ, LD_PRELOAD=library, TIDEMARK_UNWIND_SHOW="1",
                                TIDEMARK_UNWIND_REPORT=self.report)

    def start(self, command, every, **options):
        environment = dict(self.environment, TIDEMARK_UNWIND_EVERY=str(every),
                           **options.pop("extra", {}))
        return subprocess.Popen(command, env=environment, **options)

    def run(self, command, every, text=None, **options):
        process = self.start(command, every, stdin=subprocess.PIPE, text=True, **options)
        process.communicate(text or "", timeout=240)
        if process.returncode != 0:
            sys.exit(f"{command[0]} failed with status {process.returncode}")

    def take(self):
        with open(self.report) as file:
            rows = [json.loads(line) for line in file]
        os.remove(self.report)
        return rows


def run_program(name, checker, directory):
    """Returns the name of the executable that must have at least 1,000 captures."""
    if name == "python":
        checker.run([need("/usr/bin/python3"), "-c", PYTHON_WORK], 20,
                    extra={"PYTHONMALLOC": "malloc"})
        return "python3"
    if name == "sqlite":
        checker.run([need("sqlite3"), ":memory:"], 20, SQL_WORK, stdout=subprocess.DEVNULL)
        return "sqlite3"
    if name in ("gxx", "clang"):
        source = os.path.join(directory, "work.cc")
        with open(source, "w") as file:
            file.write(CXX_WORK)
        compiler = need("g++" if name == "gxx" else "clang++-14")
        checker.run([compiler, "-O2", "-c", source, "-o", source + ".o"], 50)
        return "cc1plus" if name == "gxx" else "clang"
    socket = os.path.join(directory, "socket")
    server = checker.start([need("redis-server"), "--port", "0", "--unixsocket", socket,
                            "--save", "", "--dir", directory], 20, stdout=subprocess.DEVNULL)
    client = [need("redis-cli"), "-s", socket]
    try:
        for _ in range(200):
            if os.path.exists(socket):
                break
            time.sleep(0.05)
        subprocess.run([need("redis-benchmark"), "-s", socket, "-n", "10000", "-q",
                        "-t", REDIS_TESTS], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(client + ["eval", "local t={} for i=1,3000 do t[i]=tostring(i) end "
                                 "return #t", "0"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(client + ["shutdown", "nosave"], check=True)
        server.wait(timeout=60)
    finally:
        server.kill()
    return "redis-"


def show(row):
    captures = max(row["captures"], 1)
    shares = " ".join(f"{key} {row[key]} ({100 * row[key] / captures:.3f} %)"
                      for key in ("identical", "longer", "cut", "truncated", "lost", "mismatches"))
    frames = max(row["frames"], 1)
    print(f"{os.path.basename(row['program'])}: {row['captures']} captures of "
          f"{frames / captures:.1f} frames, {shares}; {row['ns'] / frames:.0f} ns per frame, "
          f"libgcc {row['libgcc_ns'] / frames:.0f}; FastCapture: {row['fast_captures']} captures, "
          f"{100 * row['fast_imported'] / max(row['fast_captures'], 1):.3f} % left to "
          f"CaptureStack, {row['fast_wrong']} wrong")


def judge_program(name, checker, directory):
    wanted = run_program(name, checker, directory)
    rows = checker.take()
    failed = not any(wanted in row["program"] and row["captures"] >= 1000 for row in rows)
    for row in rows:
        show(row)
        wrong = row["lost"] + row["mismatches"]
        failed = failed or wrong * 1000 > 5 * row["captures"] or row["fast_wrong"] > 0
    return failed


# Case -> how many captures are longer than libgcc's, and how many are truncated; all others
# are identical. Generated code has no CFI: libgcc stops there, a frame pointer leads on.
# Three recursions are deeper than what is kept.
EDGES = {
    "frames": (0, 0), "deep": (0, 3), "noreturn": (0, 0), "longjmp": (0, 0), "signals": (0, 0),
    "coroutine": (0, 0), "threads": (0, 0), "callbacks": (0, 0), "single_step": (0, 0),
    "generated_with_frame_pointer": (1, 0), "generated_without": (0, 1), "stray_call": (2, 0),
    "reload": (0, 0), "fork": (0, 0),
}


def judge_edges(checker, program, plugins):
    failed = False
    for case, (longer, truncated) in EDGES.items():
        checker.run([program, plugins, case], 1, stdout=subprocess.DEVNULL)
        for row in checker.take():
            print(f"{case}: ", end="")
            show(row)
            cut = truncated if case == "deep" else 0
            good = (row["lost"] == 0 and row["mismatches"] == 0 and row["longer"] == longer and
                    row["truncated"] == truncated and row["cut"] == cut and
                    row["captures"] == row["identical"] + longer + cut and
                    row["captures"] >= 2 and row["fast_wrong"] == 0)
            if not good:
                print("  not as expected")
                failed = True
    return failed


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as directory:
        checker = Checker(sys.argv[1], directory)
        if sys.argv[2] == "edges":
            failed = judge_edges(checker, *sys.argv[3:])
        else:
            failed = judge_program(sys.argv[2], checker, directory)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
