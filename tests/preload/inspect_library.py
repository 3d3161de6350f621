#!/usr/bin/env python3
"""Inspects a built libtidemark.so: what it would do to a program is decided by its
imports, exports, TLS and first instructions.

usage: inspect_library.py LIBRARY
"""

import re
import subprocess
import sys

# The newest version of a glibc symbol that may be needed: it must load on old systems.
NEWEST_GLIBC = (2, 17)
MAX_TLS_BYTES = 64
# libc functions that the hooks and the process's start and end may use. None of them
# allocates (on_exit and __cxa_at_quick_exit have room for the first 32) or is cancelled.
ALLOWED_IMPORTS = {
    "memcpy", "memset", "memcmp", "bcmp", "memmove", "strlen", "strcmp", "strncmp", "strchr", "strcspn",
    "__errno_location", "environ", "__environ", "getauxval", "clock_gettime", "dl_iterate_phdr",
    "on_exit", "__cxa_at_quick_exit", "__cxa_finalize",
    # References that the compiler's start-up files make, weak.
    "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__gmon_start__",
}
EXPORTS = set("""
    malloc calloc realloc reallocarray free cfree memalign posix_memalign aligned_alloc valloc
    pvalloc malloc_usable_size free_sized free_aligned_sized
    _Znwm _Znam _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t _ZnwmSt11align_val_t _ZnamSt11align_val_t
    _ZnwmSt11align_val_tRKSt9nothrow_t _ZnamSt11align_val_tRKSt9nothrow_t
    _ZdlPv _ZdaPv _ZdlPvm _ZdaPvm _ZdlPvRKSt9nothrow_t _ZdaPvRKSt9nothrow_t
    _ZdlPvSt11align_val_t _ZdaPvSt11align_val_t _ZdlPvmSt11align_val_t _ZdaPvmSt11align_val_t
    _ZdlPvSt11align_val_tRKSt9nothrow_t _ZdaPvSt11align_val_tRKSt9nothrow_t
    execve execv execvp execvpe execl execlp execle fexecve execveat posix_spawn posix_spawnp
    daemon _exit _Exit dlclose
    prctl syscall mmap mmap64 munmap mremap
""".split())
# Instructions from the entry to the jump into the next allocator, when nothing is sampled.
FAST_PATHS = {
    "malloc": 4, "calloc": 7, "realloc": 10, "free": 7, "cfree": 10, "memalign": 4,
    "posix_memalign": 4, "aligned_alloc": 4, "_ZdlPv": 10, "_ZdlPvm": 10,
    "malloc_usable_size": 1, "syscall": 6,
    "mmap": 1, "mmap64": 1, "munmap": 1, "mremap": 1,
}
# The same for those that call the next allocator and look at its answer, to their return.
CALLING_PATHS = {"_Znwm": 15, "_Znam": 15}
# What may not stand on a fast path at all: it would mean a stack frame or a call.
FRAME = re.compile(r"\b(push|call|sub\s+\$\w+,%rsp|enter|leave)\b")
# Arithmetic in floating point, nowhere: what the hooks compute must not depend on the
# rounding mode, nor set the exception flags, of the thread they run in.
FLOAT = re.compile(r"(v?(add|sub|mul|div|sqrt|cvt|min|max|u?comi|cmp|rcp|rsqrt)\w*(ss|sd|ps|pd)"
                   r"|f(ld|st|add|mul|div|sub|ild|ist|com|ucom)\w*)\b")

errors = []


def check(condition, message):
    if not condition:
        errors.append(message)


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def check_dynamic(library):
    text = run("readelf", "-dW", library)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", text)
    check(needed == ["libc.so.6"], f"needs {needed}, not libc.so.6 alone")
    check("NODELETE" in text, "may be unloaded: no NODELETE")
    check("BIND_NOW" in text or re.search(r"Flags:.*\bNOW\b", text), "binds lazily: no NOW")
    check("TEXTREL" not in text, "has text relocations")
    check("(RPATH)" not in text and "(RUNPATH)" not in text, "has a search path")


def check_symbols(library):
    exports = set()
    for line in run("readelf", "--dyn-syms", "-W", library).splitlines():
        columns = line.split()
        if len(columns) < 8 or not columns[0].rstrip(":").isdigit():
            continue
        name, _, version = columns[7].partition("@")
        if columns[6] == "UND":
            if not name:
                continue
            check(name in ALLOWED_IMPORTS, f"imports {name}")
            numbers = re.fullmatch(r"@?GLIBC_([\d.]+)", version)
            if numbers:
                check(tuple(map(int, numbers[1].split("."))) <= NEWEST_GLIBC,
                      f"{name} needs {version}")
            else:
                check(version == "", f"{name} needs {version}")
        else:
            exports.add(name)
            check(version == "", f"{name} is defined with version {version}")
    check(exports == EXPORTS, f"exports too much: {sorted(exports - EXPORTS)}, "
                              f"too little: {sorted(EXPORTS - exports)}")


def check_segments(library):
    text = run("readelf", "-lW", library)
    tls = re.search(r"^\s*TLS(?:\s+0x[0-9a-f]+){4}\s+(0x[0-9a-f]+)", text, re.M)
    size = int(tls[1], 16) if tls else 0
    check(0 < size <= MAX_TLS_BYTES, f"{size} bytes of TLS")
    stack = re.search(r"GNU_STACK.*", text)
    check(stack and "E" not in stack[0].split()[-2], "wants an executable stack")
    check("GNU_RELRO" in text, "no relro")
    relocations = run("readelf", "-rW", library)
    check("R_X86_64_DTPMOD64" not in relocations and "TLSDESC" not in relocations,
          "TLS is not initial-exec")


def disassembly(library):
    """name -> [(address, instruction text)]"""
    functions, current = {}, None
    for line in run("objdump", "-d", "--no-show-raw-insn", library).splitlines():
        header = re.match(r"[0-9a-f]+ <(.*)>:", line)
        if header:
            current = functions.setdefault(header[1], [])
            continue
        instruction = re.match(r"\s*([0-9a-f]+):\s+(.*)", line)
        if instruction and current is not None:
            current.append((int(instruction[1], 16), instruction[2].strip()))
    return functions


def fast_path(instructions):
    """The path on which no conditional jump is taken, up to its jump away. A pointer that
    is loaded for a jump through a register counts as part of the jump."""
    path = []
    for _, text in instructions:
        path.append(text)
        if re.match(r"(bnd )?jmp|ret", text):
            break
    through = re.match(r"(?:bnd )?jmp\s+\*(%\w+)$", path[-1]) if len(path) > 1 else None
    if through and re.match(rf"mov\s+0x.*\(%rip\),{through[1]}\b", path[-2]):
        path[-2:] = [path[-2] + "; " + path[-1]]
    return path


def check_code(library):
    functions = disassembly(library)
    for name, golden in FAST_PATHS.items():
        path = fast_path(functions.get(name, []))
        check(path and re.search(r"\bjmp\s+\*", path[-1]),
              f"{name} does not end in a tail jump: {path}")
        check(len(path) <= golden,
              f"{name}: {len(path)} instructions, not {golden}: {'; '.join(path)}")
        check(not any(FRAME.search(text) for text in path),
              f"{name} has a stack frame or a call: {'; '.join(path)}")
    for name, golden in CALLING_PATHS.items():
        path = fast_path(functions.get(name, []))
        check(path and path[-1].startswith("ret") and sum("call" in text for text in path) == 1,
              f"{name} does more than one call: {path}")
        check(len(path) <= golden,
              f"{name}: {len(path)} instructions, not {golden}: {'; '.join(path)}")
    for name, instructions in functions.items():
        if name.startswith("Tidemark"):
            check([text.split("#")[0].split() for _, text in instructions[:2]] ==
                  [["push", "%rbp"], ["mov", "%rsp,%rbp"]],
                  f"{name} does not start with the frame its caller is found by")
        for _, text in instructions:
            check(not FLOAT.match(text), f"{name} computes in floating point: {text}")


def main():
    library = sys.argv[1]
    check_dynamic(library)
    check_symbols(library)
    check_segments(library)
    check_code(library)
    for error in errors:
        print(f"{library}: {error}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
