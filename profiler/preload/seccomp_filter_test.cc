#include "profiler/preload/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "profiler/preload/os.h"

namespace tidemark::preload {
namespace {

constexpr uint64_t kNoArguments[6] = {};

sock_filter Statement(uint16_t code, uint32_t k) { return {code, 0, 0, k}; }
sock_filter Branch(uint16_t code, uint32_t k, uint8_t yes, uint8_t no) {
  return {code, yes, no, k};
}

sock_fprog Program(std::vector<sock_filter>& code) {
  return {static_cast<unsigned short>(code.size()), code.data()};
}

constexpr uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
constexpr uint16_t kJumpEqual = BPF_JMP | BPF_JEQ | BPF_K;
constexpr uint16_t kReturn = BPF_RET | BPF_K;

// As Chromium's and libseccomp's begin: architecture, number, a list.
std::vector<sock_filter> AllowList(const std::vector<long>& allowed, uint32_t otherwise) {
  std::vector<sock_filter> code = {
      Statement(kLoad, offsetof(seccomp_data, arch)),
      Branch(kJumpEqual, AUDIT_ARCH_X86_64, 1, 0),
      Statement(kReturn, SECCOMP_RET_KILL),
      Statement(kLoad, offsetof(seccomp_data, nr)),
  };
  for (long number : allowed) {
    code.push_back(Branch(kJumpEqual, static_cast<uint32_t>(number), 0, 1));
    code.push_back(Statement(kReturn, SECCOMP_RET_ALLOW));
  }
  code.push_back(Statement(kReturn, otherwise));
  return code;
}

TEST(SeccompFilter, AnAllowListLetsItsCallsPass) {
  for (uint32_t otherwise : {SECCOMP_RET_KILL, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO | 1u}) {
    std::vector<sock_filter> code = AllowList({SYS_futex, SYS_write}, otherwise);
    EXPECT_TRUE(FilterAllows(Program(code), SYS_futex, kNoArguments));
    EXPECT_TRUE(FilterAllows(Program(code), SYS_write, kNoArguments));
    EXPECT_FALSE(FilterAllows(Program(code), SYS_mmap, kNoArguments));
    EXPECT_EQ(CallsForbiddenBy(Program(code)), kCallMap | kCallGetPid);
  }
  std::vector<sock_filter> all = AllowList({}, SECCOMP_RET_ALLOW);
  EXPECT_EQ(CallsForbiddenBy(Program(all)), 0u);
  std::vector<sock_filter> none = AllowList({}, SECCOMP_RET_KILL);
  EXPECT_EQ(CallsForbiddenBy(Program(none)), kCallFutex | kCallMap | kCallGetPid);
}

TEST(SeccompFilter, ArgumentsAreLookedAt) {
  // madvise with any advice below 20 passes, as a filter written for an old kernel has it.
  std::vector<sock_filter> code =
      AllowList({SYS_futex, SYS_mmap, SYS_munmap, SYS_getpid}, SECCOMP_RET_KILL);
  code.pop_back();
  code.push_back(Branch(kJumpEqual, SYS_madvise, 0, 3));
  code.push_back(Statement(kLoad, offsetof(seccomp_data, args) + 2 * 8));
  code.push_back(Branch(BPF_JMP | BPF_JGE | BPF_K, 20, 1, 0));
  code.push_back(Statement(kReturn, SECCOMP_RET_ALLOW));
  code.push_back(Statement(kReturn, SECCOMP_RET_KILL));
  EXPECT_TRUE(FilterAllows(Program(code), SYS_madvise, {0, 0, 4, 0, 0, 0}));
  EXPECT_FALSE(FilterAllows(Program(code), SYS_madvise, {0, 0, kMadvPopulateWrite, 0, 0, 0}));
  EXPECT_EQ(CallsForbiddenBy(Program(code)), kCallMap);
}

TEST(SeccompFilter, WhatCannotBeUnderstoodForbidsAll) {
  std::vector<sock_filter> endless = {Statement(kLoad, 0)};
  EXPECT_EQ(CallsForbiddenBy(Program(endless)), kCallFutex | kCallMap | kCallGetPid);
  std::vector<sock_filter> wild = {Statement(kLoad, 0xfffffffc), Statement(kReturn, 0)};
  EXPECT_EQ(CallsForbiddenBy(Program(wild)), kCallFutex | kCallMap | kCallGetPid);
  std::vector<sock_filter> far = {Statement(BPF_JMP | BPF_JA, 0xffffffff)};
  EXPECT_EQ(CallsForbiddenBy(Program(far)), kCallFutex | kCallMap | kCallGetPid);
  const sock_fprog nothing = {0, nullptr};
  EXPECT_EQ(CallsForbiddenBy(nothing), kCallFutex | kCallMap | kCallGetPid);
}

// The kernel as the oracle: random programs that it takes are installed in a child, which
// makes a harmless call; the filter's answer shows in what comes back.
TEST(SeccompFilter, RandomProgramsAnswerAsInTheKernel) {
  std::mt19937 random(11);
  const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  constexpr uint16_t kAlu[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_AND, BPF_OR,
                               BPF_XOR, BPF_LSH, BPF_RSH, BPF_DIV};
  constexpr uint16_t kJumps[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
  int compared = 0;
  int allowed = 0;
  for (int round = 0; round < 300; ++round) {
    // Only the call under test is filtered, so that the child can report and leave.
    std::vector<sock_filter> code = {Statement(kLoad, offsetof(seccomp_data, nr)),
                                     Branch(kJumpEqual, SYS_getppid, 1, 0),
                                     Statement(kReturn, SECCOMP_RET_ALLOW)};
    const uint32_t body = 3 + pick(12);
    for (uint32_t i = 0; i < 4; ++i) code.push_back(Statement(BPF_ST, i));
    for (uint32_t i = 0; i < body; ++i) {
      const uint16_t source = pick(2) != 0 ? BPF_X : BPF_K;
      switch (pick(8)) {
        case 0:
          // Anything but the instruction pointer, which is the kernel's to know.
          code.push_back(Statement(kLoad, pick(3) != 0 ? 16 + 4 * pick(12) : 4 * pick(2)));
          break;
        case 1:
          code.push_back(Statement(BPF_LD | BPF_IMM, pick(64)));
          break;
        case 2:
          code.push_back(Statement(BPF_LDX | BPF_IMM, pick(31)));
          break;
        case 3:
          code.push_back(Statement(pick(2) != 0 ? BPF_ST : BPF_STX, pick(4)));
          break;
        case 4:
          code.push_back(Statement((pick(2) != 0 ? BPF_LD : BPF_LDX) | BPF_MEM, pick(4)));
          break;
        case 5:
          code.push_back(Statement(BPF_MISC | (pick(2) != 0 ? BPF_TAX : BPF_TXA), 0));
          break;
        case 6: {
          const uint16_t operation = kAlu[pick(9)];
          // A division by zero in a filter kills the thread, and only that: no answer to compare.
          const uint16_t by = operation == BPF_DIV ? BPF_K : source;
          code.push_back(Statement(static_cast<uint16_t>(BPF_ALU | operation | by), 1 + pick(30)));
          break;
        }
        default: {
          const uint32_t left = body - i - 1;
          code.push_back(Branch(static_cast<uint16_t>(BPF_JMP | kJumps[pick(4)] | source), pick(64),
                                static_cast<uint8_t>(pick(left + 1)),
                                static_cast<uint8_t>(pick(left + 1))));
        }
      }
    }
    // The answer: allowed if the low bit of the accumulator is set.
    code.push_back(Branch(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1));
    code.push_back(Statement(kReturn, SECCOMP_RET_ALLOW));
    code.push_back(Statement(kReturn, SECCOMP_RET_ERRNO | 99));

    uint64_t arguments[6];
    for (uint64_t& argument : arguments) argument = random();
    const pid_t child = fork();
    if (child == 0) {
      // Raw calls: a sanitizer's runtime may do more than the filter lets pass.
      const sock_fprog program = Program(code);
      const auto leave = [](long exit_status) { Syscall(SYS_exit_group, exit_status); };
      if (Syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1) != 0) leave(2);
      if (Syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, AsLong(&program)) != 0) leave(3);
      const auto argument = [&](int k) { return static_cast<long>(arguments[k]); };
      leave(Syscall(SYS_getppid, argument(0), argument(1), argument(2), argument(3), argument(4),
                    argument(5)) == -99
                ? 1
                : 0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 2) << round;
    if (WEXITSTATUS(status) == 3) continue;  // not a program for the kernel
    const bool allows = FilterAllows(Program(code), SYS_getppid, arguments);
    EXPECT_EQ(allows, WEXITSTATUS(status) == 0) << round;
    ++compared;
    allowed += allows ? 1 : 0;
  }
  EXPECT_GT(compared, 200);
  EXPECT_GT(allowed, 30);
  EXPECT_GT(compared - allowed, 30);
}

}  // namespace
}  // namespace tidemark::preload
