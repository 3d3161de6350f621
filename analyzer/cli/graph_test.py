#!/usr/bin/env python3
"""tree, peek, graph, callgrind and topproto as a user meets them: JSON, exit statuses, what other
programs make of the output. That the texts are pprof's is tests/conformance/compare_graph.py.

usage: graph_test.py TIDEMARK SOURCE_DIR [unittest arguments]
"""

import json
import os
import pty
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

TIDEMARK = ""
PROFILE = ""


def run(*arguments, status=0, **options):
    result = subprocess.run([TIDEMARK, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                            check=False, **options)
    if result.returncode != status:
        raise AssertionError(f"{arguments}: status {result.returncode}, expected {status}: "
                             f"{result.stderr.decode()}")
    return result


def document(*arguments):
    return json.loads(run(*arguments, "--format", "json", "--symbolize", "none", PROFILE).stdout)


class Json(unittest.TestCase):
    def test_tree_has_the_rows_of_top(self):
        tree = document("tree")
        top = document("top")
        self.assertEqual(tree["schema"], "tidemark.tree/1")
        for key in ("sample_type", "unit", "total"):
            self.assertEqual(tree[key], top[key])
        columns = ("function", "file", "line", "address", "flat", "cum")
        self.assertEqual([tuple(row[c] for c in columns) for row in tree["rows"]],
                         [tuple(row[c] for c in columns) for row in top["rows"]])

    def test_callers_and_callees_are_the_same_edges(self):
        rows = document("tree", "--granularity", "lines")["rows"]
        columns = ("function", "file", "line", "address")

        def name(row):
            return tuple(row[c] for c in columns)

        out = {(name(row), name(callee)): callee["value"]
               for row in rows for callee in row["callees"]}
        into = {(name(caller), name(row)): caller["value"]
                for row in rows for caller in row["callers"]}
        self.assertEqual(out, into)
        self.assertGreater(len(out), 10)
        for row in rows:
            self.assertEqual(row["flat"] + sum(c["value"] for c in row["callees"]), row["cum"])

    def test_peek(self):
        peek = document("peek", "^main[.]")
        self.assertEqual(peek["schema"], "tidemark.peek/1")
        self.assertTrue(peek["rows"])
        for row in peek["rows"]:
            self.assertTrue(row["function"].startswith("main."))

    def test_means_and_quotients_are_reals(self):
        whole = {row["function"]: row for row in document("tree")["rows"]}
        for row in document("tree", "--divide-by", "3")["rows"]:
            self.assertAlmostEqual(row["cum"], whole[row["function"]]["cum"] / 3)
            for callee in row["callees"]:
                self.assertIsInstance(callee["value"], float)


class Failures(unittest.TestCase):
    def check(self, status, word, *arguments, **options):
        lines = run(*arguments, status=status, **options).stderr.decode().splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith("tidemark: "), lines)
        self.assertIn(word, lines[0])

    def test_peek(self):
        self.check(3, "no function matches", "peek", "--symbolize", "none", "nothing", PROFILE)
        self.check(2, "bad regex", "peek", "--symbolize", "none", "(", PROFILE)
        self.check(2, "REGEX", "peek")

    def test_peek_without_a_regex_shows_everything(self):
        everything = run("peek", "--symbolize", "none", PROFILE).stdout
        self.assertEqual(everything, run("peek", "--symbolize", "none", ".", PROFILE).stdout)
        self.assertEqual(everything, run("peek", "--symbolize", "none", "[a-z]", PROFILE).stdout)

    def test_no_graphviz(self):
        self.check(4, "Graphviz is not installed", "graph", "--format", "svg", "--symbolize",
                   "none", PROFILE, env=dict(os.environ, PATH="/nonexistent"))

    def test_output_that_cannot_be_written(self):
        self.check(4, "No such file", "graph", "--symbolize", "none", "-o", "/nonexistent/x.dot",
                   PROFILE)

    def test_topproto_is_not_for_a_terminal(self):
        ours, theirs = pty.openpty()
        done = subprocess.run([TIDEMARK, "topproto", PROFILE], stdin=subprocess.DEVNULL,
                              stdout=theirs, stderr=subprocess.PIPE, check=False)
        os.close(theirs)
        os.close(ours)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"-o", done.stderr)


class OtherPrograms(unittest.TestCase):
    def test_svg(self):
        svg = xml.dom.minidom.parseString(
            run("graph", "--format", "svg", "--symbolize", "none", PROFILE).stdout)
        titles = [t.firstChild.data for t in svg.getElementsByTagName("title")]
        self.assertIn("N1", titles)
        self.assertTrue(any("->" in t for t in titles))

    def test_callgrind_annotate_reads_callgrind(self):
        with tempfile.TemporaryDirectory() as directory:
            for option in ([], ["--call-tree"]):
                path = os.path.join(directory, "callgrind.out")
                run("callgrind", "--symbolize", "none", "-o", path, *option, PROFILE)
                text = subprocess.run(["callgrind_annotate", "--threshold=100", path], check=True,
                                      capture_output=True, text=True).stdout
                self.assertIn("inuse_space", text)
                self.assertIn("main.go:main.main", text)

    def test_top_reads_topproto(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "top.pb.gz")
            run("topproto", "--unit", "bytes", "--nodefraction", "0", "--symbolize", "none", "-o",
                path, PROFILE)
            rows = {row["function"]: row["flat"] for row in document("top")["rows"]}
            again = json.loads(run("top", "--format", "json", "--symbolize", "none",
                                   "--sample-index", "flat", path).stdout)["rows"]
            self.assertEqual({row["function"]: row["flat"] for row in again},
                             {name: flat for name, flat in rows.items() if flat})


def main():
    global TIDEMARK, PROFILE
    TIDEMARK = os.path.abspath(sys.argv[1])
    PROFILE = os.path.join(os.path.abspath(sys.argv[2]), "tests/data/go/leaky-1.26.2.pb.gz")
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])


if __name__ == "__main__":
    main()
