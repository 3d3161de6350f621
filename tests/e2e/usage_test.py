#!/usr/bin/env python3
"""Exit statuses and error lines: usage 2, bad input 3, refused 4, the target's own under
record; always one line, never half a report."""

import gzip
import os
import signal

import e2e


class Usage(e2e.Case):
    def check(self, arguments, status, words=""):
        result = self.run_plain([e2e.TIDEMARK, *arguments])
        self.assertEqual(result.returncode, status, (arguments, result.stderr))
        if status != 0:
            self.assertEqual(result.stdout, b"", arguments)
            self.assertRegex(result.stderr.decode(), "^tidemark: [^\n]*" + words + "[^\n]*\n$")

    def test_usage(self):
        self.check(["top"], 2)
        self.check(["no-such-command"], 2)
        self.check(["top", "--no-such-option", "x"], 2)
        self.check(["record"], 2)

    def test_bad_input(self):
        missing = self.path("missing.pb.gz")
        self.check(["top", missing], 3, "missing.pb.gz")
        self.check(["top", self.write("empty.pb", "")], 3, "empty.pb")
        self.check(["top", self.write("text", "neither profile nor anything\n")], 3, "text")
        with open(self.path("cut.pb.gz"), "wb") as f:
            f.write(gzip.compress(b"\x0a\x04\x08\x01\x10\x02" * 50)[:-20])
        for command in ("top", "leaks", "escape"):
            self.check([command, self.path("cut.pb.gz")], 3, "cut.pb.gz")
        self.check(["diff", missing, missing], 3, "missing.pb.gz")

    def test_refused(self):
        self.check(["snapshot", str(os.getpid()), "-o", self.path("a.pb.gz")], 4)
        self.check(["snapshot", "999999999", "-o", self.path("a.pb.gz")], 4)
        self.assertFalse(os.path.exists(self.path("a.pb.gz")))

    def test_record_returns_the_targets_status(self):
        record = [e2e.TIDEMARK, "record", "-o", self.out, "--"]
        for command, status in ((["/bin/true"], 0), (["/bin/false"], 1),
                                (["/bin/sh", "-c", "exit 42"], 42),
                                (["/bin/sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM)):
            self.assertEqual(self.run_plain(record + command).returncode, status, command)
        result = self.run_plain(record + [self.path("no-such-program")])
        self.assertEqual(result.returncode, 127)
        self.assertIn(b"no-such-program", result.stderr)


if __name__ == "__main__":
    e2e.main()
