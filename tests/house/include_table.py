#!/usr/bin/env python3
"""Checks that includes point one way: the table below, no cycles, no forbidden library.

usage: include_table.py SOURCE_DIR
Prints one line per violation; exit status 1 when there is one.
"""

import os
import re
import sys

import sources

ANY = None

# Folder -> project folders its files may include, besides its own.
# A unit test (x_test.cc) is a leaf that nothing includes: it may include anything.
TABLE = {
    "proto": [],
    "profiler/preload": ["proto"],
    "profiler/collect": ["proto", "analyzer/base", "analyzer/golang"],
    "analyzer/base": [],
    "analyzer/golang": ["analyzer/base"],
    "analyzer/model": ["analyzer/base"],
    "analyzer/io": ["analyzer/base", "analyzer/model", "proto"],
    "analyzer/symbolize": ["analyzer/base", "analyzer/model"],
    "analyzer/classify": ["analyzer/base", "analyzer/model", "analyzer/golang"],
    "analyzer/report": ["analyzer/base", "analyzer/model"],
    "analyzer/leaks": ["analyzer/base", "analyzer/model", "analyzer/report"],
    "analyzer/escape": ["analyzer/base", "analyzer/model", "analyzer/golang", "analyzer/report"],
    "analyzer/cli": ["proto", "profiler/collect", "analyzer"],
    "gui": ["profiler/collect", "analyzer"],
    "tests": ANY,
}

# What the recorder may see of proto: the freestanding headers. profile.pb.h and the
# schema need protobuf.
PRELOAD_PROTO = {
    "proto/buckets.h", "proto/exact_sites.h", "proto/file_names.h", "proto/pprof_writer.h", "proto/sink.h",
    "proto/state.h", "proto/state_profile.h", "proto/state_view.h", "proto/stored_gzip.h",
    "proto/wire.h",
}

# What must never be included from a folder, whoever provides it.
FORBIDDEN = {
    "profiler/preload": (r"^(absl|google|protozero|unwind|libunwind|zlib|libdeflate|elfutils)\b",
                         "the recorder links libc only"),
    "gui": (r"^google/protobuf/|\.pb\.h$|^proto/|^protozero/",
            "the GUI neither parses nor knows protobuf"),
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def folder_of(path):
    """The table's folder that holds path, or None."""
    best = None
    for folder in TABLE:
        if path.startswith(folder + "/") and (best is None or len(folder) > len(best)):
            best = folder
    return best


def allowed(folder, target):
    permitted = TABLE[folder]
    return permitted is ANY or any(
        target == p or target.startswith(p + "/") for p in permitted + [folder])


def is_test(name):
    return re.search(r"_test\.(cc|cpp|h)$", name) is not None


def find_cycle(graph):
    """Some cycle of graph {node: set(node)} as a list, or None."""
    state = {}
    for start in sorted(graph):
        if start in state:
            continue
        path, stack = [], [(start, iter(sorted(graph.get(start, ()))))]
        state[start] = "open"
        path.append(start)
        while stack:
            node, successors = stack[-1]
            for successor in successors:
                if state.get(successor) == "open":
                    return path[path.index(successor):] + [successor]
                if successor not in state:
                    state[successor] = "open"
                    path.append(successor)
                    stack.append((successor, iter(sorted(graph.get(successor, ())))))
                    break
            else:
                state[node] = "done"
                path.pop()
                stack.pop()
    return None


def check(root):
    violations = []
    files = {}
    folders = {}
    for name in sources.tracked(root):
        folder = folder_of(name)
        if not sources.is_code(name):
            continue
        if folder is None:
            violations.append(f"{name}: its folder is not in the include table")
            continue
        text = sources.read(root, name)
        for match in INCLUDE.finditer(text):
            included = match.group(2)
            where = f"{name}:{text.count(chr(10), 0, match.start(2)) + 1}"
            beside = os.path.normpath(os.path.join(os.path.dirname(name), included))
            target = beside if match.group(1) == '"' and os.path.isfile(
                os.path.join(root, beside)) else included
            oracle = is_test(name) and folder == "profiler/preload"
            if folder in FORBIDDEN and not oracle and re.search(FORBIDDEN[folder][0], target):
                violations.append(f"{where}: includes {included}: {FORBIDDEN[folder][1]}")
                continue
            target_folder = folder_of(target)
            if target_folder is None:
                continue
            files.setdefault(name, set()).add(target)
            if is_test(name):
                continue
            if not allowed(folder, target_folder):
                violations.append(f"{where}: {folder} must not include {target}")
            elif folder == "profiler/preload" and target_folder == "proto" \
                    and target not in PRELOAD_PROTO:
                violations.append(f"{where}: the recorder must not include {target}")
            if target_folder != folder:
                folders.setdefault(folder, set()).add(target_folder)
    for graph, what in ((files, "files"), (folders, "folders")):
        cycle = find_cycle(graph)
        if cycle:
            violations.append(f"cycle of {what}: " + " -> ".join(cycle))
    return violations


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    violations = check(sys.argv[1])
    print("\n".join(violations) if violations else "includes point one way")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
