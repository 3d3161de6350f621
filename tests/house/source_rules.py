#!/usr/bin/env python3
"""Checks what every tracked source keeps to: no forgotten marks, no path of somebody's
machine, the formatter's layout.

usage: source_rules.py text|format SOURCE_DIR
Prints one line per violation; exit status 1 when there is one.
"""

import re
import shutil
import subprocess
import sys

import sources

# Written in pieces so that this file passes its own check.
MARKS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|ho" + "me|Use" + r"rs)/[\w.-]+")
TEXT = (".h", ".cc", ".cpp", ".py", ".md", ".txt", ".cmake", ".json", ".proto", ".map", ".sh")
# Data is what some program once wrote, with that machine's paths in it.
EXEMPT = ("tests/data/",)


def check_text(root):
    violations = []
    for name in sources.tracked(root):
        if name.startswith(EXEMPT) or not (
                name.endswith(TEXT) or name.startswith((".ci/", "scripts/"))):
            continue
        for number, line in enumerate(sources.read(root, name).splitlines(), 1):
            mark = MARKS.search(line)
            if mark:
                violations.append(f"{name}:{number}: a forgotten mark: {mark.group(0)}")
            path = MACHINE_PATH.search(line)
            if path:
                violations.append(f"{name}:{number}: a path of one machine: {path.group(0)}")
            if sources.is_code(name) and len(line) > 100:
                violations.append(f"{name}:{number}: {len(line)} columns")
            if line != line.rstrip() and not name.endswith(".md"):
                violations.append(f"{name}:{number}: white space at the end")
    return violations


def check_format(root):
    formatter = shutil.which("clang-format-14")
    if formatter is None:
        return ["clang-format-14 is not installed"]
    files = [n for n in sources.tracked(root) if sources.is_code(n)]
    if not files:
        return []
    result = subprocess.run([formatter, "--dry-run", "-Werror", *files], cwd=root,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if result.returncode == 0:
        return []
    bad = sorted({line.split(":")[0] for line in result.stderr.splitlines()
                  if "clang-format-violations" in line})
    return [f"{name}: run clang-format-14 -i {name}" for name in bad] or [result.stderr]


def main():
    checks = {"text": check_text, "format": check_format}
    if len(sys.argv) != 3 or sys.argv[1] not in checks:
        sys.exit(__doc__)
    violations = checks[sys.argv[1]](sys.argv[2])
    print("\n".join(violations) if violations else "nothing found")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
