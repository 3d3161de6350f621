#!/usr/bin/env python3
"""The command line as a user meets it: exit statuses, error lines, help, the JSON
contract, and the text of `top` and what `convert` writes held against go tool pprof.

usage: cli_test.py TIDEMARK SOURCE_DIR [unittest arguments]
"""

import glob
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

TIDEMARK = ""
SOURCE = ""


def run(*arguments, status=0, **options):
    result = subprocess.run([TIDEMARK, *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, check=False, **options)
    if result.returncode != status:
        raise AssertionError(f"{arguments}: status {result.returncode}, expected {status}: "
                             f"{result.stderr}")
    return result


def pprof(*arguments):
    """go tool pprof without a look at this machine's files."""
    result = subprocess.run(["go", "tool", "pprof", "-symbolize=none", *arguments],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            check=True, env=dict(os.environ, TZ="UTC"))
    return result.stdout


def go_profiles():
    found = sorted(glob.glob(os.path.join(SOURCE, "tests/data/go/*.pb.gz")))
    assert len(found) >= 3, found
    return found


def all_profiles():
    legacy = sorted(glob.glob(os.path.join(SOURCE, "tests/data/legacy/*")))
    assert len(legacy) >= 3, legacy
    return go_profiles() + legacy


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


class Help(unittest.TestCase):
    def test_version(self):
        self.assertRegex(run("--version").stdout, r"^tidemark \d+\.\d+\.\d+\n$")

    def test_lists_what_exists_and_nothing_else(self):
        listed = run("--help").stdout
        commands = re.findall(r"^  ([a-z]+)  ", listed.split("Subcommands:")[1], re.M)
        self.assertEqual(sorted(set(commands) & {"top", "diff", "convert"}),
                         ["convert", "diff", "top"])
        for command in commands:
            self.assertIn(command, run(command, "--help").stdout)
        for absent in ("serve", "attach"):
            self.assertNotIn(absent, commands)
            run(absent, status=2)


class Errors(unittest.TestCase):
    def fails(self, status, *arguments, **options):
        result = run(*arguments, status=status, **options)
        self.assertEqual(result.stdout, "")
        self.assertRegex(result.stderr, r"\Atidemark: [^\n]+\n\Z")
        return result.stderr

    def test_usage(self):
        go = go_profiles()[0]
        self.fails(2)
        self.fails(2, "top")
        self.assertIn("nonsense: no such command", self.fails(2, "nonsense"))
        self.fails(2, "top", "--nonsense", go)
        self.fails(2, "diff", go)
        self.assertIn("functions", self.fails(2, "top", "--granularity", "x", go))
        self.assertIn("xml", self.fails(2, "top", "--format", "xml", go))
        self.fails(2, "top", "--nodecount", "-1", go)
        self.fails(2, "top", "--focus", "(", go)
        self.fails(2, "top", "--sample-index", "nonsense", go)
        self.fails(2, "top", "--tagfocus", "(", go)
        self.fails(2, "top", "--tagfocus", "bytes=99999999999999999999", go)
        self.fails(2, "top", "--divide-by", "0", go)
        self.fails(2, "top", "--normalize", go)
        self.fails(2, "top", "--base", go, "--diff-base", go, go)
        self.assertIn(".xyz", self.fails(2, "convert", go, "-o", "/tmp/x.xyz"))

    def test_usage_in_our_words(self):
        """What, why, and where to read on: none of CLI11's own."""
        go = go_profiles()[0]
        for arguments, words in (
                (["top"], "FILE: missing"),
                (["top", "--nonsense", go], "--nonsense: no such option"),
                (["diff", go, go, "more"], "more: not expected"),
                (["top", "--cum=x", go], '--cum: cannot be "x"'),
                (["top", "--focus"], "--focus: needs a value: REGEX"),
                (["top", "--base", go, "--diff-base", go, go], "not together with"),
                (["top", "--nodecount", "x", go], '"x" is no whole number from 0 up'),
                (["leaks", "--nodecount", "-1", go], '"-1" is no whole number from 0 up'),
                (["escape", "--nodecount", "-1", go], '"-1" is no whole number from 0 up'),
                (["leaks", "--pid", "x", go], '"x" is no whole number from 1 up'),
                (["top", "--seconds", "0", go], '"0" is no whole number from 1 to 86400'),
                (["graph", "--nodefraction", "2", go], '"2" is no number from 0 to 1'),
                (["top", "--divide-by", "x", go], '"x" is no number'),
                (["control", "x"], '"x" is no whole number from 1 to'),
                (["leaks", "--limit", "abc", go], '"abc" is no amount of memory')):
            line = self.fails(2, *arguments)
            self.assertIn(words, line)
            self.assertIn(f" (see tidemark {arguments[0]} --help)", line)

    def test_options_that_would_do_nothing(self):
        go = go_profiles()[0]
        for command in (["top"], ["leaks"], ["diff", go], ["escape"], ["check", go]):
            self.assertIn("--seconds: only a URL", self.fails(2, *command, "--seconds", "5", go))
        for option in ("--rules", "--binary"):
            for command in (["top"], ["tree"], ["diff", go], ["peek", "."]):
                self.assertIn(f"{option}: only with --containers fold",
                              self.fails(2, *command, option, go, go))
            self.fails(2, "flame", "--containers=show", option, go, go)
        # Where they are read, they are.
        self.assertIn("nonexistent", self.fails(3, "top", "--containers=fold", "--rules",
                                                "/nonexistent", go))
        self.assertIn("opening the program: ", self.fails(3, "top", "--containers=fold",
                                                          "--binary", "/nonexistent", go))

    def test_bad_input_names_path_and_offset(self):
        self.assertIn("(where: /nonexistent)", self.fails(3, "top", "/nonexistent"))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.pb.gz")
            for content in (b"", b"\x1f\x8b", b"no profile", b"\x0a\xff", gzip.compress(b"")):
                with open(path, "wb") as file:
                    file.write(content)
                self.assertIn(f"(where: {path}", self.fails(3, "top", path))
                self.fails(3, "convert", path, "-o", os.path.join(folder, "out.pb"))
                self.assertEqual(os.listdir(folder), ["x.pb.gz"])
            with open(go_profiles()[0], "rb") as file:
                whole = gzip.decompress(file.read())
            with open(path, "wb") as file:
                file.write(whole[:len(whole) - 5])
            self.assertRegex(self.fails(3, "top", path), r"byte offset \d+\)")

    def test_a_name_with_a_line_break_is_still_one_line(self):
        self.fails(3, "top", "/nonexistent\nx")

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            result = subprocess.run([TIDEMARK, "top", "--symbolize=none", go_profiles()[0]],
                                    stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(result.returncode, 4)
        self.assertRegex(result.stderr, r"\Atidemark: .*No space left.*\n\Z")
        self.fails(4, "convert", "--symbolize=none", go_profiles()[0], "-o",
                   "/nonexistent/x.pb.gz")

    def test_a_folder_of_damaged_profiles(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a.pb.gz", "b.pb.gz", "c.pb.gz"):
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(b"no profile")
            line = self.fails(3, "leaks", folder)
            self.assertIn("none of the 3 profiles can be used; the first: ", line)
            self.assertIn("a.pb.gz", line)
            # One that is whole makes them exceptions.
            with open(go_profiles()[0], "rb") as file, \
                 open(os.path.join(folder, "d.pb.gz"), "wb") as copy:
                copy.write(file.read())
            self.assertEqual(run("leaks", "--symbolize=none", folder).stderr.count("left out"), 3)

    def test_what_all_snapshots_say_is_said_once(self):
        other = go_profiles()[-1]  # has a build id, which is not this program's
        with tempfile.TemporaryDirectory() as folder:
            for name in ("1.pb.gz", "2.pb.gz"):
                with open(other, "rb") as file, \
                     open(os.path.join(folder, name), "wb") as copy:
                    copy.write(file.read())
            said = run("leaks", "--symbolize=none", "--binary", TIDEMARK, folder).stderr
            self.assertRegex(said, r"\Atidemark: warning: [^\n]*not the program of the profile"
                             r"[^\n]* \(2 files\)\n\Z")

    def test_moments_outside_the_run(self):
        one, two = go_profiles()[:2]
        self.assertIn("--since @2e9: later than --until @1e9",
                      self.fails(2, "leaks", "--since", "@2e9", "--until", "@1e9", one, two))
        for mark in ("@1", "+100d", "-0s"):
            said = run("leaks", "--symbolize=none", "--mark", mark, one, two).stderr
            self.assertRegex(said, rf"\Atidemark: warning: --mark {re.escape(mark)}: outside the "
                             r"run, which is from \d{4}-[^\n]* to \d{4}-[^\n]*\n\Z")
        self.assertEqual(run("leaks", "--symbolize=none", "--mark", "each", one, two).stderr, "")

    def test_losses_are_told_once(self):
        with open(go_profiles()[0], "rb") as file:
            raw = gzip.decompress(file.read())
        # The index of a string appended to the table is the table's size.
        count, at = 0, 0
        while at < len(raw):
            tag, at = raw[at], at + 1
            size = shift = 0
            while True:
                byte, at = raw[at], at + 1
                size |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            if tag & 7 == 2:
                at += size
                count += tag >> 3 == 6
        text = b"tidemark.loss.live_full=12"
        raw += b"\x32" + varint(len(text)) + text + b"\x68" + varint(count)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "lossy.pb")
            with open(path, "wb") as file:
                file.write(raw)
            result = run("top", "--symbolize=none", path)
            self.assertEqual(result.stderr.count("live_full=12"), 1, result.stderr)
            self.assertRegex(result.stderr, r"\Atidemark: warning: [^\n]+\n\Z")
            self.assertEqual(run("top", "--symbolize=none", go_profiles()[0]).stderr, "")


class Top(unittest.TestCase):
    def rows(self, text):
        """Header lines and rows. pprof 1.19 writes times in another way."""
        head, _, body = text.partition("  cum%\n")
        head = re.sub("^Time: .*$", "Time:", head, flags=re.M)
        return head.splitlines(), body.splitlines()

    def test_text_is_pprofs(self):
        for path in all_profiles():
            # The number of sample types differs; 0 is a count, the default is bytes.
            for index, granularity in (("", "functions"), ("", "lines"), ("0", "addresses")):
                expected = pprof("-top", f"-{granularity}",
                                 *([f"-sample_index={index}"] if index else []), path)
                got = run("top", "--symbolize=none", "--granularity", granularity,
                          *(["--sample-index", index] if index else []), path,
                          env=dict(os.environ, TZ="UTC")).stdout
                with self.subTest(path=path, index=index, granularity=granularity):
                    self.assertEqual(self.rows(got), self.rows(expected))
                    self.assertGreater(len(self.rows(got)[1]), 0)

    def test_several_files_are_merged(self):
        one, two = go_profiles()[-2:]
        expected = pprof("-top", one, two)
        got = run("top", "--symbolize=none", one, two, env=dict(os.environ, TZ="UTC")).stdout
        self.assertEqual(self.rows(got), self.rows(expected))

    def test_pprofs_spelling(self):
        path, base = go_profiles()[-1], go_profiles()[-2]
        for mine, pprofs in ((["--granularity", "lines"], ["--lines"]),
                             (["--diff-base", base], ["--diff_base", base]),
                             (["--sample-index=alloc_space"], ["--sample_index=alloc_space"]),
                             (["--sample-index=alloc_objects"], ["--alloc_objects"])):
            self.assertEqual(run("top", "--symbolize=none", *mine, path).stdout,
                             run("top", "--symbolize=none", *pprofs, path).stdout)

    def test_json_is_the_contract(self):
        path = go_profiles()[-1]
        report = json.loads(run("top", "--format", "json", path).stdout)
        self.assertEqual(list(report), ["schema", "sample_type", "unit", "total", "rows"])
        self.assertEqual(report["schema"], "tidemark.top/1")
        self.assertEqual((report["sample_type"], report["unit"]), ("inuse_space", "bytes"))
        for row in report["rows"]:
            self.assertEqual(list(row), ["function", "file", "line", "address", "flat", "cum"])
            self.assertIsNone(row["file"])
            self.assertIsInstance(row["flat"], int)
        self.assertEqual(sum(abs(row["flat"]) for row in report["rows"]), report["total"])
        lines = json.loads(run("top", "--format=json", "--granularity=lines", "--nodecount=2",
                               path).stdout)
        self.assertEqual(len(lines["rows"]), 2)
        self.assertIsInstance(lines["rows"][0]["line"], int)

    def test_reads_standard_input(self):
        path = go_profiles()[0]
        with open(path, "rb") as file:
            piped = run("top", "--symbolize=none", "-", stdin=file).stdout
        self.assertEqual(piped, run("top", "--symbolize=none", path).stdout)


class Diff(unittest.TestCase):
    def test_json_is_the_contract(self):
        base, new = go_profiles()[:2]
        report = json.loads(run("diff", "--format", "json", base, new).stdout)
        self.assertEqual(report["schema"], "tidemark.diff/1")
        for key in ("sample_type", "unit", "total", "rows"):
            self.assertIn(key, report)
        for row in report["rows"]:
            self.assertEqual(list(row)[:10],
                             ["function", "file", "line", "address", "base_flat", "flat",
                              "delta_flat", "base_cum", "cum", "delta_cum"])
            self.assertEqual(row["flat"] - row["base_flat"], row["delta_flat"])
            self.assertEqual(row["cum"] - row["base_cum"], row["delta_cum"])
            self.assertIn("delta_ci", row)

    def test_text_has_a_row_for_each_change(self):
        base, new = go_profiles()[:2]
        rows = json.loads(run("diff", "--format", "json", base, new).stdout)["rows"]
        text = run("diff", base, new).stdout
        changed = [r for r in rows if r["delta_flat"] != 0 or r["delta_cum"] != 0]
        self.assertGreater(len(changed), 0)
        listed = text.partition("cum delta\n")[2].splitlines()
        self.assertEqual([line.split()[-1] for line in listed],
                         [r["function"].split()[-1] for r in changed])


class Check(unittest.TestCase):
    def test_a_profile_has_not_grown_since_itself(self):
        heaps = 0
        for path in all_profiles():
            with self.subTest(path=path):
                top = json.loads(run("top", "--symbolize=none", "--format=json", path).stdout)
                types = run("raw", "--symbolize=none", path).stdout
                named = ["--sample-index", top["sample_type"]]
                if "inuse_space/bytes" in types:
                    heaps += 1
                    named = []
                else:
                    # Of what is not a heap it must be said what is to be compared.
                    said = run("check", "--symbolize=none", path, path, status=3).stderr
                    self.assertRegex(said, r"\Atidemark: not a heap profile: [^\n]*\n\Z")
                    self.assertIn(f"(where: {path})", said)
                for options in ((), ("--max-growth=0", "--max-site-growth=0")):
                    report = json.loads(run("check", "--symbolize=none", "--format=json", *options,
                                            *named, path, path).stdout)
                    self.assertEqual(report["schema"], "tidemark.check/1")
                    self.assertEqual((report["verdict"], report["findings"]), ("pass", []))
                    self.assertEqual(report["total"]["base"], report["total"]["now"])
        self.assertGreater(heaps, 6)

    def test_other_programs(self):
        """Said, and compared all the same: two builds of one program have one name."""
        go = go_profiles()[-1]
        legacy = os.path.join(SOURCE, "tests/data/legacy/gperftools.heap")
        self.assertEqual(run("check", "--symbolize=none", go, go).stderr, "")
        for base, new in ((go, legacy), (legacy, go)):
            result = subprocess.run([TIDEMARK, "check", "--symbolize=none", "--format=json", base,
                                     new], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True, check=False)
            self.assertRegex(result.stderr, r"\Atidemark: warning: BASE is of \S+, FILE of \S+: "
                             r"[^\n]*\n\Z")
            self.assertIn(json.loads(result.stdout)["verdict"], ("pass", "fail"))

    def test_totals_are_those_of_top(self):
        base, new = go_profiles()[-2:]
        report = json.loads(run("check", "--symbolize=none", "--format=json", base, new).stdout)
        for path, key in ((base, "base"), (new, "now")):
            top = json.loads(run("top", "--symbolize=none", "--format=json", path).stdout)
            self.assertEqual(report["total"][key], top["total"])


class Output(unittest.TestCase):
    def test_dash_is_standard_output(self):
        go = go_profiles()[0]
        with tempfile.TemporaryDirectory() as folder:
            for command in (["check", "--format=json", go], ["check", go], ["flame"], ["graph"],
                            ["callgrind"]):
                command = [command[0], "--symbolize=none", *command[1:]]
                plain = run(*command, go, cwd=folder).stdout
                self.assertNotEqual(plain, "")
                self.assertEqual(run(*command, go, "-o", "-", cwd=folder).stdout, plain, command)
            self.assertEqual(os.listdir(folder), [])


class Convert(unittest.TestCase):
    def test_pprof_keeps_everything(self):
        """But a label 0 without a unit, which the format cannot tell from no label."""
        with tempfile.TemporaryDirectory() as folder:
            for path in all_profiles():
                expected = re.sub(r"^ *bytes:\[0\]\n", "", pprof("-raw", path), flags=re.M)
                for suffix in (".pb", ".pb.gz"):
                    out = os.path.join(folder, "x" + suffix)
                    run("convert", "--symbolize=none", path, "-o", out)
                    with self.subTest(path=path, suffix=suffix):
                        self.assertEqual(pprof("-raw", out), expected)
                    with open(out, "rb") as file:
                        self.assertEqual(file.read(2) == b"\x1f\x8b", suffix == ".pb.gz")

    def test_folded_adds_up(self):
        path = go_profiles()[-1]
        total = json.loads(run("top", "--format", "json", path).stdout)["total"]
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "x.folded")
            run("convert", path, "-o", out)
            with open(out, encoding="utf-8") as file:
                lines = file.read().splitlines()
        self.assertEqual(sum(int(line.rpartition(" ")[2]) for line in lines), total)
        self.assertTrue(all(";" in line for line in lines[:3]), lines[:3])

    def test_json_rows_stand_alone(self):
        path = go_profiles()[-1]
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "x.json")
            run("convert", path, "-o", out)
            with open(out, encoding="utf-8") as file:
                report = json.load(file)
        self.assertEqual(report["schema"], "tidemark.profile/1")
        index = [t["type"] for t in report["sample_types"]].index(report["sample_type"])
        self.assertEqual(sum(abs(row["values"][index]) for row in report["rows"]),
                         report["total"])
        for row in report["rows"]:
            for frame in row["stack"]:
                self.assertEqual(list(frame), ["function", "file", "line", "module", "build_id",
                                               "address", "inlined"])


if __name__ == "__main__":
    TIDEMARK, SOURCE = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
