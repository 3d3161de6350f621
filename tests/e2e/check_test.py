#!/usr/bin/env python3
"""`tidemark check` as a CI job uses it: two builds of a program, recorded anew each time."""

import glob
import json
import os
import shutil
import subprocess
import tempfile

import e2e
import sarif

# What main has: a cache that is filled and kept, sessions that come and go.
MAIN = """\
#include <unistd.h>

#include <map>
#include <string>
#include <unordered_map>

struct Session {
  char state[200];
};

auto& cache = *new std::unordered_map<int, std::string>;
auto& sessions = *new std::map<int, Session>;
int scale = 1;

__attribute__((noinline)) void FillCache() {
  for (int i = 0; i < 20000 * scale; ++i) cache[i] = std::string(150, 'x');
}

__attribute__((noinline)) void Serve(int request) {
  sessions[request] = Session();
  sessions.erase(request - 500);
}

int main(int argc, char**) {
  scale = argc;
  FillCache();
  for (int i = 0; i < 60000; ++i) Serve(i);
  _exit(0);
}
"""

# The change: a history that nobody trims.
LEAK = """\
// A line that
// moves the others.
struct Past : Session {
  Past* before;
};
Past* history;

__attribute__((noinline)) void Remember() {
  auto* copy = new Past();  // the leak
  copy->before = history;
  history = copy;
}

"""
CHANGE = MAIN.replace("__attribute__((noinline)) void Serve", LEAK +
                      "__attribute__((noinline)) void Serve").replace(
                          "sessions.erase", "Remember();\n  sessions.erase")
LEAK_LINE = CHANGE[:CHANGE.index("// the leak")].count("\n") + 1


def build(folder, text, *flags):
    """Each in a checkout of its own, as CI jobs are."""
    os.makedirs(os.path.join(folder, "src"))
    source = os.path.join(folder, "src/app server.cc")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    program = os.path.join(folder, "app")
    subprocess.run(["g++", "-std=c++17", "-g", "-O2", *flags, source, "-o", program], check=True)
    return program


class TwoBuilds(e2e.Case):
    # Of 4.3 MB live, one estimate is off by 1.6 % (a standard deviation), so a check without
    # growth fails at 5 % and 1 MB with odds of less than one in a million.
    RATE = 1024

    @classmethod
    def setUpClass(cls):
        cls.builds = tempfile.mkdtemp(prefix="tidemark-e2e-")
        cls.addClassCleanup(shutil.rmtree, cls.builds, ignore_errors=True)
        cls.main = build(os.path.join(cls.builds, "main"), MAIN)
        cls.change = build(os.path.join(cls.builds, "change"), CHANGE)

    def setUp(self):
        super().setUp()
        self.count = 0

    def record(self, program, *arguments, rate=None):
        """The profile of one run."""
        self.count += 1
        folder = self.path(f"profiles{self.count}")
        result = self.run_plain([e2e.TIDEMARK, "record", "-o", folder, "--rate",
                                 str(rate or self.RATE), "--", program, *arguments])
        self.assertEqual(result.returncode, 0, result.stderr)
        profiles = glob.glob(os.path.join(folder, "app.*.pb.gz"))
        self.assertEqual(len(profiles), 1, profiles)
        return profiles[0]

    def check(self, base, new, *options, status):
        result = self.run_plain([e2e.TIDEMARK, "check", *options, base, new],
                                env={"TIDEMARK_CACHE": "0"})
        self.assertEqual(result.returncode, status,
                         (options, result.stdout.decode(), result.stderr.decode()))
        return result.stdout.decode()


class Check(TwoBuilds):
    def test_no_change_passes(self):
        """20 times: other processes, other addresses, other samples; and another compilation,
        in another place and with lines moved, of the same program."""
        base = self.record(self.main)
        again = build(self.path("again"), "// Moved.\n\n\n" + MAIN, "-O1")
        for turn in range(20):
            new = self.record(again if turn % 4 == 3 else self.main)
            said = self.check(base, new, status=0)
            self.assertRegex(said, r"\APASS: [^\n]+\ninuse_space: [^\n]+\n", turn)
            self.assertNotIn("taken for the same site", said)

    def test_leak_fails(self):
        base, new = self.record(self.main), self.record(self.change)
        said = self.check(base, new, status=1)
        self.assertRegex(said, r"\AFAIL: the total grew by more than 5 %; 1 site grew by more "
                         r"than 1MB; 1 new suspect\n")
        self.assertIn(f"Remember app server.cc:{LEAK_LINE}", said)
        self.assertIn("a suspect that the base does not have", said)
        # Each rule by itself, and limits that are wide enough.
        for options, status in ((["--no-new-leaks"], 1), (["--max-growth", "50%"], 1),
                                (["--max-growth", "100MiB"], 0), (["--max-site-growth=2M"], 1),
                                (["--max-site-growth", "100MiB"], 0),
                                (["--max-growth", "1000%", "--max-site-growth", "20%"], 1),
                                (["--sample-index", "inuse_objects", "--max-growth", "100%"], 1),
                                (["--sample-index=inuse_objects", "--max-growth=500000"], 0)):
            self.check(base, new, *options, status=status)
        # What shrinks is no growth.
        self.check(new, base, status=0)
        # A report does not take the place of what it is about.
        with open(base, "rb") as f:
            before = f.read()
        self.check(base, new, "-o", base, status=2)
        with open(base, "rb") as f:
            self.assertEqual(f.read(), before)

    def test_second_suspect_of_a_function(self):
        """Lines were added above and within: what leaked before is still where it was."""
        base = self.record(self.change)
        keep = "history = copy;"
        moved = build(self.path("moved"),
                      "// Moved.\n" + CHANGE.replace("auto* copy", "//\n  auto* copy"))
        self.check(base, self.record(moved), "--no-new-leaks", status=0)
        text = "// Moved.\n" + CHANGE.replace(keep, keep + "\n  leaked = new Session();").replace(
            "auto& cache", "Session* leaked;\nauto& cache")
        said = self.check(base, self.record(build(self.path("second"), text)), "--no-new-leaks",
                          status=1)
        self.assertRegex(said, r"\AFAIL: 1 new suspect\n")
        line = text[:text.index("leaked = new")].count("\n") + 1
        self.assertIn(f"no-new-leaks: Remember app server.cc:{line}\n", said)

    def test_other_programs_are_said(self):
        base = self.record(self.main)
        self.run_plain([e2e.TIDEMARK, "record", "-o", self.out, "--rate", "1K", "--", "sleep",
                        "0"])
        result = self.run_plain([e2e.TIDEMARK, "check", base, self.out])
        self.assertRegex(result.stderr.decode(), r"\Atidemark: warning: BASE is of app, FILE of "
                         r"sleep: [^\n]*\n")

    def test_exact(self):
        base = self.record(self.main, rate="exact")
        self.check(base, self.record(self.main, rate="exact"), "--max-growth=0",
                   "--max-site-growth=0", "--no-new-leaks", status=0)
        grown = self.record(self.main, "twice", rate="exact")  # fills twice the cache
        said = self.check(base, grown, "--max-site-growth=10%", status=1)
        self.assertIn("FillCache", said)
        self.assertNotIn("cannot tell", said)
        # As much as it grew is no more than that.
        total = json.loads(self.check(base, grown, "--format=json", status=1))["total"]
        self.assertEqual(total["delta_ci"], [total["delta"], total["delta"]])
        self.check(base, grown, f"--max-growth={total['delta']}", status=0)
        self.check(base, grown, f"--max-growth={total['delta'] - 1}", status=1)

    def test_stripped(self):
        """Without symbols a program is one site, whatever the addresses."""
        stripped = []
        for build_of in ("main", "change"):
            os.mkdir(self.path(build_of))
            stripped.append(self.path(f"{build_of}/app"))
            subprocess.run(["strip", "-o", stripped[-1],
                            os.path.join(self.builds, build_of, "app")], check=True)
        base = self.record(stripped[0])
        self.check(base, self.record(stripped[0]), status=0)
        self.check(base, self.record(stripped[1]), status=1)


class Report(TwoBuilds):
    def test_json(self):
        base, new = self.record(self.main), self.record(self.change)
        report = json.loads(self.check(base, new, "--format", "json", status=1))
        self.assertEqual(list(report), ["schema", "verdict", "sample_type", "unit", "limits",
                                        "total", "findings", "notes"])
        self.assertEqual((report["schema"], report["verdict"], report["sample_type"],
                          report["unit"]), ("tidemark.check/1", "fail", "inuse_space", "bytes"))
        self.assertEqual(report["limits"], {"max_growth": {"share": 0.05, "amount": None},
                                            "max_site_growth": {"share": None,
                                                                "amount": 1 << 20},
                                            "no_new_leaks": True})
        total = report["total"]
        self.assertEqual(total["delta"], total["now"] - total["base"])
        self.assertLess(total["delta_ci"][0], total["delta"])
        self.assertGreater(total["delta_ci"][1], total["delta"])
        self.assertEqual([f["rule"] for f in report["findings"]],
                         ["max-growth", "max-site-growth", "no-new-leaks"])
        for finding in report["findings"]:
            self.assertEqual(list(finding), [
                "rule", "message", "site", "container", "base_bytes", "bytes", "delta_bytes",
                "delta_ci", "limit_bytes", "base_samples", "samples", "stack"])
            self.assertGreater(finding["delta_ci"][0], finding["limit_bytes"])
        self.assertIsNone(report["findings"][0]["site"])
        for finding in report["findings"][1:]:
            self.assertEqual(finding["site"]["function"], "Remember()")
            self.assertEqual(finding["site"]["line"], LEAK_LINE)
            # 60,000 blocks of 208 bytes; one in 6 was sampled.
            self.assertGreater(finding["bytes"], 10e6)
            self.assertLess(finding["bytes"], 15e6)
        passed = json.loads(self.check(base, base, "--format", "json", status=0))
        self.assertEqual((passed["verdict"], passed["findings"]), ("pass", []))

    def test_sarif(self):
        base, new = self.record(self.main), self.record(self.change)
        out = self.path("check.sarif")
        said = self.check(base, new, "--format", "sarif", "-o", out, "--source-root",
                          os.path.join(self.builds, "change"), status=1)
        self.assertRegex(said, r"\AFAIL: ")
        with open(out, encoding="utf-8") as file:
            log = json.load(file)
        self.assertEqual(sarif.problems(log), [])
        run = log["runs"][0]
        self.assertEqual(run["tool"]["driver"]["name"], "Tidemark")
        self.assertEqual(run["invocations"][0]["exitCode"], 1)
        self.assertEqual([r["ruleId"] for r in run["results"]],
                         ["max-growth", "max-site-growth", "no-new-leaks"])
        for result in run["results"]:
            place = result["locations"][0]["physicalLocation"]
            self.assertEqual(place["artifactLocation"],
                             {"uri": "src/app%20server.cc", "uriBaseId": "%SRCROOT%"})
            self.assertEqual(place["region"], {"startLine": LEAK_LINE})
            # From main down to the site.
            steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
            self.assertEqual([step["location"]["message"]["text"] for step in steps],
                             ["main", "Serve", "Remember"])
        # The same finding on moved lines, from a checkout elsewhere: the same fingerprints, and
        # the sources are found though they were compiled in another place.
        moved = build(self.path("moved"), "// And\n// again.\n" + CHANGE)
        shutil.copytree(self.path("moved/src"), self.path("checkout/src"))
        other = json.loads(self.check(base, self.record(moved), "--format=sarif",
                                      "--source-root", self.path("checkout"), status=1))
        self.assertEqual(sarif.problems(other), [])
        results = other["runs"][0]["results"]
        self.assertEqual([r["partialFingerprints"] for r in results],
                         [r["partialFingerprints"] for r in run["results"]])
        self.assertEqual({r["locations"][0]["physicalLocation"]["region"]["startLine"]
                          for r in results}, {LEAK_LINE + 2})
        # Without sources there is still a place.
        nowhere = json.loads(self.check(base, new, "--format=sarif", "--source-root",
                                        self.path("profiles1"), status=1))
        self.assertEqual(sarif.problems(nowhere), [])
        passed = json.loads(self.check(base, base, "--format=sarif", status=0))
        self.assertEqual(sarif.problems(passed), [])
        self.assertEqual(passed["runs"][0]["results"], [])
        self.assertEqual(passed["runs"][0]["invocations"][0]["exitCode"], 0)

    def test_directories(self):
        base, new = self.record(self.main), self.record(self.change)
        folder = os.path.dirname(base)
        self.check(folder, folder, status=0)
        self.check(folder, os.path.dirname(new), status=1)
        # Of several runs the newest counts.
        shutil.copy(new, folder)
        self.check(base, folder, status=1)
        self.check(folder, new, status=0)

    def test_usage_and_input(self):
        base = self.record(self.main)
        for options in (["--max-growth", "5 %"], ["--max-growth", "-1"], ["--max-growth", "%"],
                        ["--max-growth", "nan%"], ["--max-site-growth", "1XB"],
                        ["--format", "xml"], ["--sample-index", "nonsense"],
                        ["--sample-index", "inuse_objects", "--max-growth", "1MiB"]):
            self.assertEqual(self.check(base, base, *options, status=2), "")
        self.assertEqual(self.check(base, self.path("missing"), status=3), "")
        os.mkdir(self.path("empty"))
        self.assertEqual(self.check(self.path("empty"), base, status=3), "")
        self.assertEqual(self.check(base, self.write("text", "no profile\n"), status=3), "")
        self.assertEqual(self.check(base, base, "-o", "/nonexistent/out", status=4), "")


if __name__ == "__main__":
    e2e.main()
