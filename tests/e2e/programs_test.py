#!/usr/bin/env python3
"""Programs that run to their end: python3, sqlite3, the compilers."""

import os
import sys

import e2e

PYTHON_SCRIPT = """
import json, sys
sys.path.append(".")
class Node:
    def __init__(self, i):
        self.name = "node-%d" % i
        self.children = []
nodes = [Node(i) for i in range(40000)]
for i, node in enumerate(nodes[1:], 1):
    nodes[i // 3].children.append(node)
table = {}
for node in nodes:
    table[node.name] = {"children": [c.name for c in node.children], "text": node.name * 5}
text = json.dumps(table, sort_keys=True)
back = json.loads(text)
print(len(text), len(back), back["node-77"])
print("a word on stderr", file=sys.stderr)
sys.exit(7)
"""

SQL = """
create table event(id integer primary key, name text, value real, note text);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)
  insert into event select i, 'name ' || i, i * 0.5, hex(i * 7919) from n;
commit;
create index by_note on event(note);
select count(*), sum(value), max(note) from event;
select substr(note, 1, 2) p, count(*) from event group by p order by p limit 7;
select group_concat(name) from (select name from event order by note desc limit 20);
"""

CPP = """
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>
struct A { std::map<std::string, std::vector<std::shared_ptr<A>>> children; };
int main() {
  A a;
  std::unordered_map<std::string, A> index;
  std::regex words("([a-z]+) ([0-9]+)");
  std::vector<std::pair<std::string, int>> all;
  std::sort(all.begin(), all.end());
  std::cout << index.size() << std::regex_match(std::string("abc 7"), words);
}
"""


class Programs(e2e.Case):
    def check(self, command, what, rate, comm=None, env=None, output=None):
        """Plain, preloaded and recorded runs of command; output: a file that it makes."""
        def run(runner, *arguments):
            if output and os.path.exists(output):
                os.unlink(output)
            result = runner(command, *arguments, env=env, cwd=self.folder)
            if not output:
                return result, None
            with open(output, "rb") as f:
                return result, f.read()

        plain, plain_output = run(self.run_plain)
        preloaded, preloaded_output = run(self.run_preloaded, rate)
        self.assert_unchanged(plain, preloaded, what + ", preloaded")
        self.assertEqual(preloaded_output, plain_output, what)
        self.check_everything(self.profiles(comm)[0], what + ", at exit", "addresses")
        self.clear_profiles()

        recorded, recorded_output = run(self.run_recorded, rate)
        self.assertEqual(recorded.returncode, plain.returncode, recorded.stderr)
        self.assertEqual(recorded.stdout, plain.stdout, what + ", recorded")
        self.assertEqual(recorded_output, plain_output, what)
        self.check_everything(self.profiles(comm)[0], what + ", recorded", "functions")
        return plain

    def test_python(self):
        plain = self.check(["/usr/bin/python3", self.write("tree.py", PYTHON_SCRIPT)], "python3",
                           16384, env={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"})
        self.assertEqual(plain.returncode, 7)

    def test_sqlite(self):
        self.write("events.sql", SQL)
        self.check(["sqlite3", ":memory:", ".read events.sql"], "sqlite3", 32768, "sqlite3")

    def test_gcc(self):
        """g++ itself does little: its child cc1plus is what allocates."""
        self.check(["g++", "-O1", "-g0", "-c", self.write("a.cc", CPP), "-o", self.path("a.o")],
                   "cc1plus", 65536, "cc1plus", output=self.path("a.o"))

    def test_clang(self):
        self.check(["clang++-14", "-O1", "-g0", "-c", self.write("a.cc", CPP), "-o",
                    self.path("a.o")], "clang++", 65536, "clang++-14", output=self.path("a.o"))


if __name__ == "__main__":
    e2e.main()
