#!/usr/bin/env python3
"""How much of a thread's stack the recorder takes: threads and coroutines with stacks of a few
KiB exist. The program measures itself, at addresses that the recorder meets for the first time.

Environment: TIDEMARK_BUILD_DIR.
"""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import e2e  # noqa: E402

PROGRAM = os.path.join(e2e.BUILD, "bin/target_stack")
# Without it the dynamic linker's resolver is measured: it saves all vector registers, 3 KiB.
ENVIRONMENT = {"LD_BIND_NOW": "1"}
LIMIT_BYTES = 1024


class StackUse(e2e.Case):
    def deepest(self, output):
        found = {name: int(value) for name, value in re.findall(rb"(\w+) (\d+)", output)}
        self.assertEqual(set(found), {b"malloc", b"realloc", b"free", b"calloc"}, output)
        return found

    def test_every_event_fits_into_a_kibibyte(self):
        plain = self.deepest(self.run_plain([PROGRAM], ENVIRONMENT).stdout)
        for rate in ("1", "4096", "exact"):
            for name, used in self.deepest(
                    self.run_preloaded([PROGRAM], rate, env=ENVIRONMENT).stdout).items():
                self.assertLessEqual(used, LIMIT_BYTES, (rate, name))
                # It was the recorder that was measured.
                if name == b"malloc" and rate != "4096":
                    self.assertGreater(used, plain[name] + 200)


if __name__ == "__main__":
    unittest.main()
