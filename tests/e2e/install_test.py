#!/usr/bin/env python3
"""What `cmake --install` gives works from where it was put."""

import os
import subprocess

import e2e


class Install(e2e.Case):
    def test_installed_tree(self):
        prefix = self.path("prefix")
        subprocess.run(["cmake", "--install", e2e.BUILD, "--prefix", prefix], check=True,
                       stdout=subprocess.DEVNULL)
        files = {os.path.relpath(os.path.join(folder, f), prefix)
                 for folder, _, names in os.walk(prefix) for f in names}
        programs = {"bin/tidemark", "lib/libtidemark.so"}
        if os.path.exists(os.path.join(e2e.BUILD, "bin/tidemark-gui")):
            programs.add("bin/tidemark-gui")
        self.assertLessEqual(programs, files)
        # Programs and documents; no headers, no archives of our own libraries.
        self.assertEqual({f for f in files - programs if not f.startswith("share/")}, set())

        tidemark = os.path.join(prefix, "bin/tidemark")
        version = subprocess.run([tidemark, "--version"], stdout=subprocess.PIPE, text=True,
                                 check=True).stdout
        self.assertRegex(version, r"\d+\.\d+\.\d+")
        # record finds the library beside the program that was installed.
        result = subprocess.run([tidemark, "record", "-o", self.out, "--rate", "4096", "--",
                                 "/usr/bin/seq", "3"], stdout=subprocess.PIPE, check=True)
        self.assertEqual(result.stdout, b"1\n2\n3\n")
        self.assertEqual(len(self.profiles("seq")), 1)


if __name__ == "__main__":
    e2e.main()
