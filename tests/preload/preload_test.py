#!/usr/bin/env python3
"""Programs under libtidemark.so: what they say and return must be what they say and return
alone, and the profiles must hold what they did.

usage: preload_test.py -v CASE
Environment: TIDEMARK_BUILD_DIR.
"""

import glob
import os
import re
import resource
import shutil
import signal
import socket
import stat
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import e2e  # noqa: E402
import pprof_file  # noqa: E402

MIB = 1 << 20
BIN = os.path.join(e2e.BUILD, "bin")
LIB = os.path.join(e2e.BUILD, "lib")


def program(name):
    return os.path.join(BIN, name)


class Case(e2e.Case):
    # Fine enough that most blocks of these programs are sampled.
    RATE = 16384

    def environment(self, rate, **more):
        return {**super().environment(rate), **more}

    def same(self, command, rate=RATE, plain_env=None, **more):
        """Runs the command alone and under the library; returns the latter's result."""
        plain = self.run_plain(command, plain_env)
        if b"fine" not in plain.stdout:  # these programs end by saying so
            self.assertEqual(plain.stdout, b"", "the program alone")
        result = self.run_preloaded(command, rate, **more)
        self.assert_unchanged(plain, result, " ".join(command))
        return result

    def only_profile(self, comm):
        found = self.profiles(comm)
        self.assertEqual(len(found), 1, [p.path for p in found])
        return found[0]

    def live_mib(self, profile):
        return profile.total("inuse_space") / MIB

    def assert_live(self, profile, megabytes):
        """Blocks of 1 MiB at a mean gap of 16 KiB are all sampled: the odds that one is not
        are e^-64. What else the program holds is far below 3 MiB."""
        self.assertGreater(self.live_mib(profile), megabytes - 0.01)
        self.assertLess(self.live_mib(profile), megabytes + 3)


class Programs(Case):
    def test_every_entry_point(self):
        result = self.same([program("target_c"), "family"])
        self.assertEqual(result.stdout, b"family: fine\n")
        profile = self.only_profile("target_c")
        self.check_samples(profile, "every entry point", 700)
        self.assertLess(self.live_mib(profile), 1)

    def test_every_byte_sampled(self):
        self.same([program("target_c"), "family"], 1)
        self.only_profile("target_c")

    def test_failing_allocations(self):
        self.same([program("target_c"), "failures"])
        self.assert_live(self.only_profile("target_c"), 100)

    def test_operators(self):
        self.same([program("target_operators"), "keep"])
        self.assert_live(self.only_profile("target_operators"), 64)

    def test_thread_storm_on_small_stacks(self):
        self.same([program("target_c"), "threads"], 2048)
        profile = self.only_profile("target_c")
        self.check_samples(profile, "threads", 5000)
        self.assertNotIn("threads_full", profile.losses())

    def test_blocks_of_ended_threads(self):
        self.same([program("target_c"), "remote"])
        profile = self.only_profile("target_c")
        self.assertLess(self.live_mib(profile), 1)
        self.assertIn("other thread", str([labels for _, _, labels in profile.samples]))

    def test_signal_handlers(self):
        self.same([program("target_c"), "signals"], 4096)
        self.only_profile("target_c")

    def test_plugins_in_a_c_host(self):
        plugin = os.path.join(LIB, "libpreload_plugin.so")
        self.same([program("target_host"), plugin])
        profile = self.only_profile("target_host")
        self.check_samples(profile, "C host", 300)

    def test_own_operator_new_in_the_program(self):
        self.same([program("target_own_pool")])
        self.only_profile("target_own_pool")

    def test_own_operator_new_in_a_library(self):
        # It does not go through malloc, so its blocks are counted at operator new.
        self.same([program("target_linked_pool")])
        self.assert_live(self.only_profile("target_linked_pool"), 30)

    def test_exit_codes(self):
        for how in ("exit", "_exit", "quick_exit"):
            for status in (0, 3, 255):
                self.clear_profiles()
                result = self.same([program("target_c"), how, str(status)])
                self.assertEqual(result.returncode, status)
                self.assert_live(self.only_profile("target_c"), 40)

    def test_threads_that_end_the_process_together(self):
        for _ in range(20):
            self.clear_profiles()
            result = self.same([program("target_c"), "race_to_exit"], 4096)
            self.assertEqual(result.returncode, 11)
            self.assertGreater(self.live_mib(self.only_profile("target_c")), 19.9)

    def test_death_leaves_the_state(self):
        result = self.same([program("target_c"), "abort"])
        self.assertEqual(result.returncode, -6)
        self.assertEqual(len(glob.glob(os.path.join(self.state, "*.state"))), 1)
        self.assertFalse(glob.glob(os.path.join(self.out, "*.pb.gz")))

    def test_sandboxes(self):
        for rate in (2048, "exact"):
            for what in ("sandbox", "sandbox_syscall", "busy_sandbox", "strict_sandbox"):
                result = self.same([program("target_c"), what], rate)
                self.assertEqual(result.returncode, 7 if "strict" in what else 0)
        # Files are out of reach there: the states tell instead.
        self.assertFalse(glob.glob(os.path.join(self.out, "*.pb.gz")))
        self.assertEqual(len(glob.glob(os.path.join(self.state, "*.state"))), 8)

    def test_called_through_the_loader(self):
        self.same(["/lib64/ld-linux-x86-64.so.2", program("target_c"), "exit", "0"])
        self.assert_live(self.only_profile(None), 40)


class Children(Case):
    def by_live(self):
        return sorted(round(self.live_mib(p)) for p in self.profiles("target_c"))

    def test_children(self):
        self.same([program("target_c"), "children"])
        # Parent 30; fork and exit 20; fork and _exit 20; child and grandchild 10 each; a
        # vfork and a fork child that became another program 40 each, and what the latter
        # had before, 5. Those that did nothing leave nothing.
        self.assertEqual(self.by_live(), [5, 10, 10, 20, 20, 30, 40, 40])

    def test_forks_of_a_busy_program(self):
        self.same([program("target_c"), "fork_storm"], 2048)
        self.assertEqual(len(self.profiles("target_c")), 61)

    def test_children_none(self):
        self.same([program("target_c"), "children"], env={"TIDEMARK_CHILDREN": "none"})
        self.assertEqual(self.by_live(), [30])

    def test_children_none_follows_an_exec(self):
        script = f"exec {program('target_c')} grow"
        self.same(["/bin/sh", "-c", script], env={"TIDEMARK_CHILDREN": "none"})
        self.assertEqual(self.by_live(), [40])

    def test_exec_functions(self):
        self.same([program("target_c"), "execs"])
        found = self.profiles("target_c")
        # For each of eight ways: the child before its exec, and the program after it (which
        # writes 0 MiB down; the parent too).
        self.assertEqual(self.by_live().count(3), 8)
        self.assertEqual(len(found), 8 + 8 + 1)

    def test_failed_exec_goes_on_recording(self):
        self.same([program("target_c"), "failed_exec"])
        self.assert_live(self.only_profile("target_c"), 30)

    def test_state_keeps_a_name_through_failed_execs(self):
        # In its default place: only there is it removed before an exec.
        env = self.environment(self.RATE)
        del env["TIDEMARK_STATE"]
        process = e2e.subprocess.Popen([program("target_c"), "late_execs"], env=env,
                                       stdout=e2e.subprocess.PIPE)
        self.assertEqual(process.communicate()[0], b"late execs: fine\n")
        self.assertEqual(process.returncode, -9)
        self.assertFalse(glob.glob(os.path.join(self.out, "*")))
        states = glob.glob(f"/dev/shm/tidemark-{os.geteuid()}/{process.pid}.*.state")
        self.assertEqual(len(states), 1)
        self.addCleanup(os.unlink, states[0])
        self.tidemark("snapshot", states[0], "-o", self.path("dead.pb.gz"))
        self.assert_live(pprof_file.Profile(self.path("dead.pb.gz")), 30)

    def test_ways_to_start_a_program(self):
        self.same([program("target_c"), "start", program("target_c")])
        # Eleven programs; whatever else there was (shells, children before exec) allocates
        # less than a MiB.
        self.assertEqual(self.by_live().count(40), 11)

    def test_script_without_an_interpreter_line(self):
        script = self.write("script", f"{program('target_c')} grow\n")
        os.chmod(script, 0o700)
        self.same(["/usr/bin/env", script])  # by execvp, which falls back to the shell
        self.assertEqual(self.by_live(), [40])

    def test_children_by_pattern(self):
        link = self.path("odd-name")
        os.symlink(program("target_c"), link)
        script = f"{program('target_c')} grow; {link} grow; {program('target_operators')} keep"
        # The shell is the program that was meant: it is always recorded.
        for pattern, comms in (("target_c", {"sh", "target_c", "odd-name"}),
                               ("*_oper?tors", {"sh", "target_operators"[:15]}),
                               ("odd-*", {"sh", "odd-name"}), ("nothing", {"sh"}),
                               ("none", {"sh"}), ("[!a]*", {"sh", "target_c", "odd-name",
                                                            "target_operators"[:15]})):
            self.clear_profiles()
            self.same(["/bin/sh", "-c", script], env={"TIDEMARK_CHILDREN": pattern})
            self.assertEqual({os.path.basename(p.path).split(".")[0]
                              for p in self.profiles()}, comms, pattern)

    def test_fork_children_by_pattern(self):
        self.same([program("target_c"), "fork_storm"], 4096,
                  env={"TIDEMARK_CHILDREN": "target_*"})
        self.assertEqual(len(self.profiles("target_c")), 61)
        self.clear_profiles()
        self.same([program("target_c"), "fork_storm"], 4096, env={"TIDEMARK_CHILDREN": "redis*"})
        self.assertEqual(len(self.profiles("target_c")), 1)

    def test_daemon(self):
        self.same([program("target_c"), "daemon"])
        self.wait_for(lambda: len(glob.glob(os.path.join(self.out, "*.pb.gz"))) == 2, "two")
        self.assertEqual(self.by_live(), [10, 20])

    def test_programs_that_reuse_the_place_of_their_environment(self):
        self.same([program("target_c"), "title"])
        self.assertEqual(self.by_live(), [10, 20])
        self.assertEqual(os.listdir(self.state), [f for f in os.listdir(self.state)
                                                  if f.endswith(".state")])
        self.assertEqual(len(os.listdir(self.state)), 2)

    def test_raw_clones(self):
        self.same([program("target_c"), "raw_clones"])
        # The parent has 5, and what the vfork-like child (3) and the thread (4) made in it.
        self.assertEqual(self.by_live(), [10, 12, 20])

    def test_a_tree_of_forks(self):
        self.same([program("target_c"), "tree"])
        self.assertEqual(len(self.profiles("target_c")), 32)

    def test_locked_memory(self):
        self.same([program("target_c"), "locked"])
        self.assertEqual(self.by_live(), [5, 10, 10, 20, 20, 30, 40, 40])


class Foreign(Case):
    """Programs that cannot load the library: a 32-bit one, and one for another C library."""

    # Writes its environment, one entry a line.
    SOURCE_32 = """
.globl _start
_start: mov %esp,%ebp
    mov (%ebp),%eax
    lea 8(%ebp,%eax,4),%esi
1:  mov (%esi),%ecx
    test %ecx,%ecx
    jz 4f
    xor %edx,%edx
2:  cmpb $0,(%ecx,%edx)
    je 3f
    inc %edx
    jmp 2b
3:  movb $10,(%ecx,%edx)
    inc %edx
    mov $1,%ebx
    mov $4,%eax
    int $0x80
    add $4,%esi
    jmp 1b
4:  mov $1,%eax
    xor %ebx,%ebx
    int $0x80
"""
    SOURCE_64 = """
.globl _start
_start: mov (%rsp),%rax
    lea 16(%rsp,%rax,8),%r12
1:  mov (%r12),%rsi
    test %rsi,%rsi
    jz 4f
    xor %edx,%edx
2:  cmpb $0,(%rsi,%rdx)
    je 3f
    inc %rdx
    jmp 2b
3:  movb $10,(%rsi,%rdx)
    inc %rdx
    mov $1,%edi
    mov $1,%eax
    syscall
    add $8,%r12
    jmp 1b
4:  mov $60,%eax
    xor %edi,%edi
    syscall
"""

    def build(self, name, source, bits, *options):
        self.write(name + ".s", source)
        for command in (["as", f"--{bits}", "-o", self.path(name + ".o"), self.path(name + ".s")],
                        ["ld", "-m", "elf_i386" if bits == 32 else "elf_x86_64", *options, "-o",
                         self.path(name), self.path(name + ".o")]):
            e2e.subprocess.run(command, check=True)
        return self.path(name)

    def check(self, started, others=""):
        """`started` runs under target_c by every way there is; it must find LD_PRELOAD without
        us, and everything else unchanged."""
        env = {"LD_PRELOAD": e2e.LIBRARY + (":" + others if others else "")}
        result = self.run_preloaded([program("target_c"), "start", started], self.RATE, env=env)
        self.assertEqual((result.returncode, result.stderr), (0, b""), result.stdout[-2000:])
        lines = result.stdout.decode().splitlines()
        self.assertEqual(lines[-1], "start: fine")
        preloads = [line for line in lines if line.startswith("LD_PRELOAD=")]
        # system and popen run a shell, which starts it.
        self.assertEqual(preloads, [f"LD_PRELOAD={others}"] * 11 if others else [])
        self.assertEqual(lines.count(f"TIDEMARK_OUT={self.out}"), 11)

    def test_static_32_bit_program(self):
        small = self.build("small", self.SOURCE_32, 32)
        self.check(small)
        self.check(small, "libc.so.6")

    def test_dynamic_32_bit_program_says_nothing(self):
        # Its dynamic linker would complain on stderr.
        small = self.build("small", self.SOURCE_32, 32, "-pie", "--dynamic-linker",
                           "/lib/ld-linux.so.2")
        plain = self.run_plain([small], {"LD_PRELOAD": e2e.LIBRARY})
        self.assertIn(b"ld.so", plain.stderr, "it does not complain, so this test shows nothing")
        self.check(small)

    def test_program_for_another_c_library(self):
        linker = self.build("ld-musl-x86_64.so.1", self.SOURCE_64, 64)
        self.check(self.build("small", self.SOURCE_64, 64, "-pie", "--dynamic-linker", linker))

    def test_scripts_are_looked_through(self):
        small = self.build("small", self.SOURCE_32, 32)
        inner = self.write("inner", f"#! {small} -x\n")
        outer = self.write("outer", f"#!{inner}\n")
        for script in (inner, outer):
            os.chmod(script, 0o700)
            self.check(script)

    def test_native_static_program_keeps_it(self):
        # It may start others that can load us.
        small = self.build("small", self.SOURCE_64, 64)
        result = self.run_preloaded([program("target_c"), "start", small], self.RATE)
        self.assertEqual(result.stdout.decode().splitlines().count(f"LD_PRELOAD={e2e.LIBRARY}"), 11)

    def test_huge_environments(self):
        small = self.build("small", self.SOURCE_32, 32)
        many = {f"VARIABLE_{i}": "x" * 20 for i in range(5000)}
        result = self.run_preloaded([program("target_c"), "start", small], self.RATE, env=many)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertNotIn(b"LD_PRELOAD", result.stdout)
        self.assertEqual(result.stdout.count(b"VARIABLE_4999="), 11)


class Life(Case):
    """Ends, limits, memory, and the places where state and profile go."""

    def test_cancelled_threads(self):
        self.same([program("target_c"), "cancel"], 4096)
        self.assertGreater(self.live_mib(self.only_profile("target_c")), 19.9)

    def test_main_thread_that_ends_first(self):
        self.same([program("target_c"), "main_thread_ends"])
        self.assert_live(self.only_profile("target_c"), 30)

    def test_exit_from_a_signal_handler(self):
        result = self.same([program("target_c"), "exit_from_handler"])
        self.assertEqual(result.returncode, 10)
        self.assert_live(self.only_profile("target_c"), 20)

    # --- memory

    def start_waiting(self, command, rate):
        self.state = tempfile.mkdtemp(dir="/dev/shm")
        self.addCleanup(shutil.rmtree, self.state, ignore_errors=True)
        return self.start_preloaded(command, rate, stdin=e2e.subprocess.PIPE,
                                    stdout=e2e.subprocess.PIPE)

    def our_memory(self, process):
        """Bytes of memory that are the library's: its state, which is memory used or not, and
        what is resident of its file with the zeroed data (bss) behind it, and of private
        tables, which are wiped on fork."""
        states = glob.glob(os.path.join(self.state, "*.state"))
        self.assertEqual(len(states), 1)
        total, ours, behind_us = os.stat(states[0]).st_blocks * 512, False, None
        with open(f"/proc/{process.pid}/smaps", encoding="ascii") as f:
            for line in f:
                header = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \d+ *(.*)", line)
                if header:
                    name = header[3]
                    is_file = name.startswith(e2e.LIBRARY)
                    is_bss = name == "" and header[1] == behind_us
                    ours = is_file or is_bss
                    behind_us = header[2] if is_file or is_bss else None
                    rss = 0
                elif line.startswith("Rss:"):
                    rss = int(line.split()[1]) << 10
                elif line.startswith("VmFlags:") and (ours or " wf" in line):
                    total += rss
        return total

    def test_memory_in_the_target_is_bounded(self):
        process = self.start_waiting([program("target_c"), "fill_tables"], 64)
        self.assertEqual(process.stdout.readline(), b"threads: fine\n")
        self.assertEqual(process.stdout.readline(), b"full tables: fine\n")
        used = self.our_memory(process)
        process.stdin.close()
        self.assertEqual(process.wait(), 0)
        profile = self.only_profile("target_c")
        print(f"{used / MIB:.1f} MiB with {profile.comments['live_samples']} live samples, "
              f"losses {profile.losses()}")
        self.assertLess(used, 16 * MIB)
        # All of it was used, so the bound is one.
        self.assertIn("sites_full", profile.losses())
        self.assertGreater(int(profile.comments["rate_doublings"]), 0)
        self.assertGreater(used, 10 * MIB)

    def test_memory_of_a_small_program(self):
        process = self.start_waiting(["/bin/cat"], 524288)
        process.stdin.write(b"x\n")
        process.stdin.flush()
        process.stdout.readline()
        used = self.our_memory(process)
        process.stdin.close()
        print(f"{used / MIB:.2f} MiB")
        self.assertLess(used, 1 * MIB)

    # --- limits

    def limited(self, command, limit, values, plain_values=None):
        for i, value in enumerate(values):
            def set_limit(value=value):
                resource.setrlimit(limit, (value, value))
            def set_plain(value=(plain_values or values)[i]):
                resource.setrlimit(limit, (value, value))
            plain = self.run_plain(command, preexec_fn=set_plain)
            result = self.run_preloaded(command, self.RATE, preexec_fn=set_limit)
            self.assert_unchanged(plain, result, f"limit {value}")
            self.assertEqual(plain.returncode, 0, "the program alone")

    def test_address_space_limit(self):
        # 32 MiB more than the program alone needs are enough for both, and for the profile.
        for what in ("grow", "remote", "failures"):
            needs = [140 * MIB, 200 * MIB]
            self.limited([program("target_c"), what], resource.RLIMIT_AS,
                         [n + 32 * MIB for n in needs], needs)
        self.limited([program("target_c"), "grow"], resource.RLIMIT_AS, [82 * MIB], [50 * MIB])
        self.assertEqual(len(self.profiles("target_c")), 7)

    def test_no_room_for_the_state_at_all(self):
        # Enough for the program, too little for the state: the library keeps out.
        command = [program("target_c"), "family"]
        for limit in range(16, 64, 8):
            def set_limit(limit=limit):
                resource.setrlimit(resource.RLIMIT_AS, (limit * MIB, limit * MIB))
            result = self.run_preloaded(command, self.RATE, preexec_fn=set_limit)
            self.assertIn(result.returncode, (0, 1), f"{limit} MiB: {result.stderr}")
            self.assertEqual(result.stderr, b"")

    def test_open_file_limit(self):
        # The dynamic linker itself needs one more than the standard streams.
        self.limited([program("target_c"), "family"], resource.RLIMIT_NOFILE, [4, 5, 6, 7])

    def test_locked_memory_limit(self):
        command = ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups", program("target_c"),
                   "family"]
        self.limited(command, resource.RLIMIT_MEMLOCK, [0, 65536])

    def test_set_user_id_program(self):
        # Found by name in a system directory and set-user-ID itself, the library is loaded even
        # there; it must do nothing. Mounts in a namespace of the test's own.
        os.chmod(self.folder, 0o755)
        script = f"""
set -e
mount -t tmpfs -o mode=755 none {self.state}
cp {program("target_c")} {self.state}/target_c
cp {e2e.LIBRARY} {self.state}/lib
chmod 4755 {self.state}/target_c {self.state}/lib
mount --bind {self.state}/lib /lib/x86_64-linux-gnu/libanl.so.1
mkdir -m 777 {self.state}/out
setpriv --reuid=65534 --clear-groups env LD_PRELOAD=libanl.so.1 TIDEMARK_OUT={self.state}/out \\
  TIDEMARK_RATE=often TIDEMARK_LOG=1 {self.state}/target_c exit 3 && code=0 || code=$?
LD_PRELOAD=libanl.so.1 TIDEMARK_OUT={self.folder}/alone TIDEMARK_STATE={self.folder} \
  {self.state}/target_c exit 0  # not set-user-ID for root: this one is recorded
ls {self.state} {self.state}/out
exit $code
"""
        result = self.run_plain(["unshare", "-m", "sh", "-c", script])
        self.assertEqual((result.returncode, result.stderr), (3, b""))
        self.assertEqual(result.stdout.decode().split(),
                         [f"{self.state}:", "lib", "out", "target_c", f"{self.state}/out:"])
        self.assertEqual(len(glob.glob(self.path("alone/target_c.*.pb.gz"))), 1)

    # --- places

    def in_namespace(self, mounts, command, out=None, rate=Case.RATE, state=""):
        """Runs the command after the shell lines `mounts`, in a mount namespace of its own."""
        script = (f"{mounts}\nLD_PRELOAD={e2e.LIBRARY} TIDEMARK_RATE={rate} "
                  f"TIDEMARK_OUT={out or self.out} {state} exec \"$@\"")
        return self.run_plain(["unshare", "-rm", "sh", "-ec", script, "sh", *command],
                              stdin=e2e.subprocess.DEVNULL)

    def check_places(self, mounts, live=40, **options):
        command = [program("target_c"), "exit", "7"]
        result = self.in_namespace(mounts, command, **options)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (7, b"", b""), mounts)
        found = glob.glob(os.path.join(self.out, "target_c.*.pb.gz"))
        self.assertEqual(len(found), 1 if live else 0, mounts)
        if live:
            self.assert_live(self.only_profile("target_c"), live)
        self.clear_profiles()

    def test_places_for_the_state(self):
        for mounts in ("mount -t tmpfs none /dev",  # none
                       "mount -t tmpfs -o ro none /dev/shm",
                       "mount -t tmpfs -o size=4k none /dev/shm; echo > /dev/shm/full",
                       "mount -t tmpfs none /dev/shm; mkdir -m 777 /dev/shm/tidemark-0",  # not ours alone
                       "mount -t tmpfs none /proc"):
            self.check_places(mounts)

    def test_odd_states(self):
        os.mkdir(self.path("readonly"))
        for state in ("''", "/", "/nonexistent/state", "/dev/null", "/dev/full", "/proc/self/mem",
                      self.path("readonly"), "x" * 600, "/" + "x" * 600, e2e.LIBRARY):
            mounts = f"mount -t tmpfs -o ro none {self.path('readonly')}"
            result = self.in_namespace(mounts, [program("target_c"), "exit", "7"],
                                       state=f"TIDEMARK_STATE={state}")
            self.assertEqual((result.returncode, result.stdout, result.stderr), (7, b"", b""),
                             state)
            for left in glob.glob("/*.state"):
                os.unlink(left)

    def test_places_for_the_profile(self):
        for mounts in (f"mount -t tmpfs -o ro none {self.out}",
                       f"mount -t tmpfs -o size=4k none {self.out}; echo > {self.out}/full",
                       f"mount -t tmpfs none {self.folder}; mount -o remount,ro {self.folder}"):
            os.makedirs(self.out, exist_ok=True)
            # A state that could not become a profile stays: out of the way of other tests.
            self.check_places("mount -t tmpfs none /dev/shm; " + mounts, live=0)

    def test_nothing_anywhere(self):
        os.makedirs(self.out)
        mounts = (f"mount -t tmpfs -o ro none {self.out}; mount -t tmpfs none /proc; "
                  "mount -t tmpfs -o ro none /dev")
        self.check_places(mounts, live=0)

    def test_state_in_the_output_directory_or_memory_is_found(self):
        os.makedirs(self.out)
        for mounts in ("mount -t tmpfs -o ro none /dev/shm",
                       f"mount -t tmpfs -o ro none /dev/shm; mount -t tmpfs -o ro none {self.out}"):
            script = (f"{mounts}; LD_PRELOAD={e2e.LIBRARY} TIDEMARK_RATE=16384 "
                      f"TIDEMARK_OUT={self.out} {program('target_c')} wait & "
                      "pid=$!; read line; "
                      f"{e2e.TIDEMARK} snapshot $pid -o {self.path('found.pb.gz')}; kill $pid")
            process = e2e.subprocess.Popen(["unshare", "-rm", "sh", "-ec", script],
                                           stdin=e2e.subprocess.PIPE, stdout=e2e.subprocess.PIPE,
                                           stderr=e2e.subprocess.PIPE)
            self.assertEqual(process.stdout.readline(), b"waiting\n")
            _, errors = process.communicate(b"\n")
            self.assertEqual((process.returncode, errors), (0, b""))
            self.assert_live(pprof_file.Profile(self.path("found.pb.gz")), 40)
            os.unlink(self.path("found.pb.gz"))

    def test_file_system_that_fills_up_meanwhile(self):
        # Room for the start of a state and some more: losses, no SIGBUS.
        plain = self.run_plain([program("target_c"), "fill_tables"],
                               stdin=e2e.subprocess.DEVNULL)
        for size, rate in (("100k", 64), ("300k", 64), ("3m", 64), ("300k", "exact"),
                           ("3m", "exact")):
            mounts = f"mount -t tmpfs -o size={size},mode=700 none {self.state}"
            result = self.in_namespace(mounts, [program("target_c"), "fill_tables"], rate=rate,
                                       state=f"TIDEMARK_STATE={self.state}")
            self.assert_unchanged(plain, result, f"{size}, {rate}")
            losses = self.only_profile("target_c").losses()
            self.assertTrue({"live_full", "nodes_full", "sites_full"} & set(losses), losses)
            self.clear_profiles()

    # --- servers

    def test_redis_as_a_daemon(self):
        redis = [shutil.which("redis-server"), "--port", "0", "--unixsocket", self.path("socket"),
                 "--daemonize", "yes", "--save", "", "--pidfile", self.path("pid"),
                 "--dir", self.folder]
        cli = ["redis-cli", "-s", self.path("socket")]
        result = self.run_preloaded(redis, 4096)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.wait_for(lambda: e2e.subprocess.run([*cli, "ping"], capture_output=True,
                                                 check=False).stdout == b"PONG\n", "redis")
        e2e.subprocess.run([*cli, "set", "key", "value"], check=True, capture_output=True)
        e2e.subprocess.run([*cli, "shutdown"], check=False, capture_output=True)
        self.wait_for(lambda: len(glob.glob(os.path.join(self.out, "redis-server.*"))) == 2,
                      "its profiles")
        self.assertGreater(self.profiles("redis-server")[0].raw_samples(), 100)

    def nginx(self, *more):
        conf = self.write("nginx.conf", f"""
{' '.join(more)}
user root; worker_processes 2; pid {self.path("pid")}; error_log {self.path("log")};
events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {self.path("t1")};
  proxy_temp_path {self.path("t2")}; fastcgi_temp_path {self.path("t3")};
  uwsgi_temp_path {self.path("t4")}; scgi_temp_path {self.path("t5")};
  server {{ listen unix:{self.path("http")}; location / {{ return 200 "fine"; }} }} }}
""")
        return ["nginx", "-c", conf, "-e", self.path("log")]

    def fetch(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path("http"))
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while piece := s.recv(4096):
                answer += piece
        return answer.endswith(b"fine")

    def serves(self):
        try:
            return self.fetch()
        except OSError:
            return False

    def test_nginx(self):
        # In the foreground and as a daemon; each with a reload, which gives it new workers.
        for daemon in ("off", "on"):
            command = self.nginx(f"daemon {daemon};")
            server = self.start_preloaded(command, 4096)
            self.wait_for(self.serves, "nginx")
            with open(self.path("pid"), encoding="ascii") as f:
                master = int(f.read())
            def workers():
                with open(f"/proc/{master}/task/{master}/children", encoding="ascii") as f:
                    return set(f.read().split())
            self.wait_for(lambda: len(workers()) == 2, "workers")
            first = workers()
            os.kill(master, signal.SIGHUP)
            self.wait_for(lambda: len(workers()) == 2 and not workers() & first, "new workers")
            for _ in range(20):
                self.assertTrue(self.fetch())
            os.kill(master, signal.SIGQUIT if daemon == "off" else signal.SIGTERM)
            self.wait_for(lambda: not os.path.exists(self.path("pid")), "its end")
            server.wait()
            self.assertEqual(server.returncode, 0)
            # Master and four workers; as a daemon also the process that started it.
            count = 5 if daemon == "off" else 6
            self.wait_for(lambda: len(glob.glob(os.path.join(self.out, "nginx.*"))) == count,
                          f"{count} profiles")
            with open(self.path("log"), encoding="utf-8") as f:
                self.assertNotRegex(f.read(), "exited on signal|alert|emerg")
            self.clear_profiles()
            os.unlink(self.path("log"))


class Output(Case):
    def check_nothing_left(self, folder):
        self.assertEqual([n for n in os.listdir(folder) if n.startswith(".")], [])

    def test_names_and_modes(self):
        out = self.path("new/deep/out")
        self.same([program("target_c"), "grow"], env={"TIDEMARK_OUT": out})
        names = os.listdir(out)
        self.assertEqual(len(names), 1, names)
        self.assertRegex(names[0], r"^target_c\.\d+\.[0-9a-f]{16}\.0001\.pb\.gz$")
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(out, names[0])).st_mode), 0o600)
        for made in (out, self.path("new")):
            self.assertEqual(stat.S_IMODE(os.stat(made).st_mode), 0o700)

    def test_default_directory(self):
        env = self.environment(self.RATE)
        del env["TIDEMARK_OUT"]
        e2e.subprocess.run([program("target_c"), "grow"], env=env, cwd=self.folder, check=True)
        self.assertEqual(len(glob.glob(self.path("tidemark.out/target_c.*.pb.gz"))), 1)

    def test_state_is_removed_unless_asked_for(self):
        env = self.environment(self.RATE)
        del env["TIDEMARK_STATE"]
        process = e2e.subprocess.Popen([program("target_c"), "grow"], env=env)
        process.wait()
        self.assertEqual(process.returncode, 0)
        states = glob.glob(f"/dev/shm/tidemark-{os.geteuid()}/{process.pid}.*.state")
        self.assertEqual(states, [])

    def test_nowhere_to_write(self):
        blocker = self.write("blocker", "a file")
        self.same([program("target_c"), "exit", "5"], env={"TIDEMARK_OUT": blocker + "/out"})
        # The state tells what the profile could not.
        self.assertEqual(len(glob.glob(os.path.join(self.state, "*.state"))), 1)

    def test_file_size_limit(self):
        command = [program("target_c"), "exit", "6"]
        for limit in (0, 100, 4096):
            def limit_size(limit=limit):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            plain = self.run_plain(command, preexec_fn=limit_size)
            result = self.run_preloaded(command, self.RATE, preexec_fn=limit_size)
            self.assert_unchanged(plain, result, f"limit {limit}")
        self.assertFalse(glob.glob(os.path.join(self.out, "*")))

    def test_file_size_limit_set_by_the_program(self):
        # With room for the state but not for the profile.
        script = ("import resource; keep = [bytes(2000 + i) for i in range(20000)]; "
                  "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); print('fine')")
        self.same(["/usr/bin/python3", "-c", script], 1024, env={"PYTHONMALLOC": "malloc"})
        self.assertEqual(os.listdir(self.out), [])

    def test_full_disk(self):
        # A tmpfs of 16 KiB, in a mount namespace of the test's own.
        script = ("mount -t tmpfs -o size=16k none \"$TIDEMARK_OUT\" || exit 77; "
                  f"LD_PRELOAD=$PRELOAD {program('target_c')} exit 9; code=$?; "
                  "ls -A \"$TIDEMARK_OUT\"; exit $code")
        os.mkdir(self.out)
        os.mkdir(self.path("s"))
        env = dict(os.environ, PRELOAD=e2e.LIBRARY, TIDEMARK_OUT=self.out, TIDEMARK_RATE="64",
                   TIDEMARK_STATE=self.state)
        result = e2e.subprocess.run(["unshare", "-rm", "sh", "-c", script], env=env,
                                    stdout=e2e.subprocess.PIPE, stderr=e2e.subprocess.PIPE)
        self.assertEqual((result.returncode, result.stderr), (9, b""))
        self.assertIn(result.stdout.count(b".pb.gz"), (0, 1))
        self.assertNotIn(b".part", result.stdout)

    def test_bad_values_give_one_line_each(self):
        env = {"TIDEMARK_RATE": "often", "TIDEMARK_CHILDREN": "bin/some", "TIDEMARK_ACTIVE": "yes"}
        result = self.run_preloaded([program("target_c"), "grow"], "often", env=env)
        self.assertEqual(result.returncode, 0)
        lines = result.stderr.decode().splitlines()
        self.assertEqual(len(lines), 3, lines)
        for line, name in zip(lines, env):
            self.assertRegex(line, rf'^tidemark: {name}: ".*" is not .*; using .*$')
        profile = self.only_profile("target_c")
        self.assertEqual(profile.comments["rate_bytes"], "524288")

    def test_dormant(self):
        self.same([program("target_c"), "grow"], env={"TIDEMARK_ACTIVE": "0"})
        self.assertEqual(self.only_profile("target_c").total("alloc_space"), 0)

    def test_log(self):
        result = self.run_preloaded([program("target_c"), "grow"], self.RATE,
                                    env={"TIDEMARK_LOG": "1"})
        self.assertTrue(re.fullmatch(rb"tidemark: recording into .*\.state\n"
                                     rb"tidemark: wrote .*\.pb\.gz\n", result.stderr),
                        result.stderr)


if __name__ == "__main__":
    unittest.main()
