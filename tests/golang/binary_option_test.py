#!/usr/bin/env python3
"""The option --binary of leaks and escape, on profiles of a program that is not at its place.

usage: binary_option_test.py TIDEMARK SOURCE_DIR BINARY_DIR (where leaky-1.24 and leaky-1.26 are)
"""

import json
import os
import subprocess
import sys
import unittest


def run(*arguments, **environment):
    return subprocess.run([TIDEMARK, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, env=dict(os.environ, **environment))


def profile(name):
    return os.path.join(SOURCE, "tests/data/go", name)


def containers(result, key):
    """(function, kind, type) of every finding or site that has a container."""
    return {(one["site"]["function"].rsplit("/", 1)[-1], one["container"]["kind"],
             one["container"]["type"])
            for one in json.loads(result.stdout)[key] if one["container"]}


EXPECTED = {
    ("store.Grow", "slice", "[]int"),
    ("store.LoadHint", "map", "map[int64]int64"),
    ("store.IfaceMap", "map", "map[any]int"),
    ("store.Recs", "object", "store.Rec"),
    ("main.builder", "string", "strings.Builder"),
}


class BinaryOption(unittest.TestCase):
    def test_leaks_and_escape(self):
        program = os.path.join(BINARIES, "leaky-1.26")
        for program in (program, program + "-stripped"):
            for command, key in (("leaks", "findings"), ("escape", "sites")):
                result = run(command, "--format", "json", "--binary", program,
                             profile("leaky-1.26.2.pb.gz"))
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertLessEqual(EXPECTED, containers(result, key))

    def test_series(self):
        result = run("leaks", "--format", "json", "--binary", os.path.join(BINARIES, "leaky-1.26"),
                     profile("leaky-1.26.1.pb.gz"), profile("leaky-1.26.2.pb.gz"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertLessEqual(EXPECTED, containers(result, "findings"))

    def test_by_search_path(self):
        # As pprof looks for it: DIRECTORY/BUILD_ID/NAME.
        directory = os.path.join(BINARIES, "binaries")
        build_id = "5d41a108aad0bc6a1150a110cfafd062e2d5d795"
        os.makedirs(os.path.join(directory, build_id), exist_ok=True)
        link = os.path.join(directory, build_id, "leaky")
        if not os.path.exists(link):
            os.symlink(os.path.join(BINARIES, "leaky-1.26"), link)
        result = run("leaks", "--format", "json", profile("leaky-1.26.2.pb.gz"),
                     PPROF_BINARY_PATH=directory)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertLessEqual(EXPECTED, containers(result, "findings"))

    def test_not_there(self):
        result = run("leaks", "--binary", "/nowhere/leaky", profile("leaky-1.26.2.pb.gz"))
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertRegex(result.stderr, r"^tidemark: .*/nowhere/leaky.*\n$")

    def test_another_program(self):
        # By its build id; and without one, by its functions.
        for name, program in (("leaky-1.26.2.pb.gz", "leaky-1.24"),
                              ("leaky-1.19.2.pb.gz", "leaky-1.26")):
            result = run("leaks", "--format", "json", "--binary", os.path.join(BINARIES, program),
                         profile(name))
            self.assertEqual(result.returncode, 0)
            self.assertRegex(result.stderr, r"^tidemark: warning: .*" + program + r": [^\n]*\n$")
            self.assertFalse({kind for _, kind, _ in containers(result, "findings")} & {"map"})


if __name__ == "__main__":
    TIDEMARK, SOURCE, BINARIES = (os.path.abspath(path) for path in sys.argv[1:4])
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
