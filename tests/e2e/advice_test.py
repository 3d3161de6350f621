#!/usr/bin/env python3
"""Advice on real programs: each has one flaw (tests/targets/advice), one has none."""

import concurrent.futures
import json
import os
import subprocess

import e2e

# Small, so that the samples are many. The fewest behind a number that is compared below are
# some 370 (one sigma is 5.2 %), and the closest bound is 20 %: once in 7000 runs.
RATE = 16384
SECONDS = 5
SOURCES = os.path.join(e2e.ROOT, "tests/targets/advice")
PROGRAMS = ["cache", "clean", "drained", "nodes", "queue", "rebuild", "steps"]


class Advice(e2e.Case):
    def record(self, name, command):
        """{function: {kind: advice}} and what the program printed."""
        out = self.path(name + ".out")
        if name == "keeper":  # Go: takes its snapshots itself
            os.mkdir(out)
            result = self.run_plain([*command, str(SECONDS), out])
        else:
            result = self.run_plain([e2e.TIDEMARK, "record", "-o", out, "--rate", str(RATE),
                                     "--interval", "1", "--", *command, str(SECONDS)])
        self.assertEqual(result.returncode, 0, result.stderr)
        ranking = json.loads(self.tidemark("leaks", "--format", "json", out))
        advice = {}
        for finding in ranking["findings"]:
            function = (finding["site"]["function"] or "").replace("(anonymous namespace)::", "")
            for one in finding["advice"]:
                print(f"{name}: {function}: {one['kind']} ({one['evidence']}): {one['text']}")
                site = advice.setdefault(f"{function}:{finding['site']['line']}", {})
                self.assertNotIn(one["kind"], site)
                site[one["kind"]] = one["numbers"]
        return advice, result.stdout.split(), self.tidemark("leaks", out)

    def only_site(self, advice, function):
        sites = [kinds for site, kinds in advice.items() if site.startswith(function)]
        self.assertEqual(len(sites), 1, f"{function} in {advice}")
        return sites[0]

    def assert_close(self, value, truth, share=0.2):
        self.assertLess(abs(value - truth), share * truth, f"{value} is not {truth}")

    def test_programs(self):
        commands = {name: [os.path.join(e2e.BUILD, "bin/advice_" + name)] for name in PROGRAMS}
        rust = self.path("rebuild_rs")
        subprocess.run(["rustc", "-O", "-g", "-o", rust, os.path.join(SOURCES, "rebuild.rs")],
                       check=True)
        commands["rebuild_rs"] = [rust]
        go = self.path("keeper")
        subprocess.run(["go", "build", "-o", go, os.path.join(SOURCES, "keeper.go")], check=True,
                       env=dict(os.environ, CGO_ENABLED="0", GO111MODULE="off", GOFLAGS="",
                                GOPROXY="off", GOTOOLCHAIN="local"))
        commands["keeper"] = [go]
        with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
            runs = {name: pool.submit(self.record, name, command)
                    for name, command in commands.items()}
            runs = {name: run.result() for name, run in runs.items()}
        for name, run in runs.items():
            with self.subTest(name):
                getattr(self, "check_" + name)(*run)

    def check_cache(self, advice, printed, text):
        numbers = self.only_site(advice, "Remember")["bound"]
        # The last snapshot is one second older than the end, at most two.
        self.assertLess(numbers["entries"], 1.2 * int(printed[0]))
        self.assertGreater(numbers["entries"], 0.4 * int(printed[0]))
        self.assertGreater(numbers["survival"], 0.95)
        self.assertIn("advice: ", text)
        self.assertIn(" entries now, ", text)

    def check_drained(self, advice, _, __):
        shrink = [kinds["shrink"] for kinds in advice.values()]
        self.assertEqual(len(shrink), 2, advice)
        # std::vector doubles: 100,000 strings of 32 bytes are in room for 131,072.
        self.assertTrue(any(abs(n["storage_bytes"] - 131072 * 32) < 5000 for n in shrink), shrink)
        for numbers in shrink:
            self.assertLess(numbers["elements_bytes"], 0.02 * numbers["elements_peak_bytes"])
            self.assertGreaterEqual(numbers["peak_ago_seconds"], 1)

    def check_rebuild(self, advice, _, __):
        answer = self.only_site(advice, "Answer")
        self.assertEqual(set(answer), {"reserve", "reuse"})
        # 9,000 and some elements are in room for 16,384.
        self.assert_close(answer["reserve"]["typical_elements"], 16384, 0.02)
        self.assertLess(answer["reserve"]["in_use_bytes"], 2e6)
        self.assertEqual(set(self.only_site(advice, "Format")), {"reuse"})

    def check_rebuild_rs(self, advice, _, text):
        self.assertIn("reserve", self.only_site(advice, "rebuild::answer"))
        self.assertIn("with_capacity(n)", text)

    def check_steps(self, advice, printed, _):
        numbers = self.only_site(advice, "append")["geometric_growth"]
        self.assert_close(numbers["array_bytes"], int(printed[0]), 0.25)
        # 256 bytes at a time; the number of reallocs is rounded down to a power of two.
        step = numbers["array_bytes"] / numbers["reallocs"]
        self.assertTrue(200 < step < 600, step)

    def check_queue(self, advice, _, __):
        numbers = self.only_site(advice, "Produce")["slow_consumer"]
        self.assert_close(numbers["in_bytes_per_hour"] / numbers["out_bytes_per_hour"], 1.5, 0.25)
        self.assertGreater(numbers["freed_by_other_thread_share"], 0.95)

    def check_nodes(self, advice, printed, _):
        sites = {kind: numbers for kinds in advice.values() for kind, numbers in kinds.items()}
        self.assertEqual(set(sites), {"flat", "intern"}, advice)
        self.assert_close(sites["flat"]["nodes"], int(printed[0]))
        self.assertEqual(sites["flat"]["node_bytes"], 40)
        self.assertEqual(sites["flat"]["element_bytes"], 8)
        self.assert_close(sites["intern"]["strings"], int(printed[1]))

    def check_keeper(self, advice, printed, text):
        self.assertEqual(len(advice), 3, advice)
        title = self.only_site(advice, "main.title")["copy_out"]
        self.assertEqual(round(title["bytes_per_block"] / 1024), 40)
        self.assert_close(title["blocks"], int(printed[0]))
        self.assertGreater(self.only_site(advice, "main.login")["bound"]["growth_bytes_per_hour"], 0)
        shrink = self.only_site(advice, "main.order")["shrink"]
        # 150,000 orders of 480 bytes.
        self.assert_close(shrink["elements_peak_bytes"], 150000 * 480)
        self.assertLess(shrink["elements_bytes"], 0.05 * shrink["elements_peak_bytes"])
        self.assertIn("deleting entries does not free a Go map's buckets", text)

    def check_clean(self, advice, _, text):
        self.assertEqual(advice, {})
        self.assertNotIn("advice", text)


if __name__ == "__main__":
    e2e.main()
