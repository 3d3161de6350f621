// FastCapture finds what CaptureStack finds: in random call trees, in forged stacks of which a
// few words change between captures, on stacks that come and go. Real programs are
// tests/unwind's matter.

#include "profiler/preload/fast_capture.h"

#include <alloca.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "profiler/preload/modules.h"
#include "profiler/preload/stack_memory.h"

namespace tidemark::preload {
namespace {

struct Pair {
  FastCapture fast;
  CapturedStack stack;
  uint64_t captures;
  uint64_t imported;
};

struct Unmapper {
  void operator()(Pair* pair) const { munmap(pair, sizeof(*pair)); }
};

// As the recorder has it: from zeroed memory, never constructed.
std::unique_ptr<Pair, Unmapper> NewPair() {
  return std::unique_ptr<Pair, Unmapper>(static_cast<Pair*>(
      mmap(nullptr, sizeof(Pair), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
}

// What differs between the two, empty when nothing does.
std::string Difference(const FastCapture& fast, const CapturedStack& stack) {
  if (fast.depth() != stack.depth) {
    return "depth " + std::to_string(fast.depth()) + " is not " + std::to_string(stack.depth);
  }
  if (fast.truncated() != stack.truncated) return "truncated";
  PathKey key = g_root_key;
  if (stack.truncated) key = key.Extended(state::kPcTruncated);
  for (uint32_t i = 0; i < stack.depth; ++i) {
    const CapturedFrame& frame = stack.frames[stack.depth - 1 - i];
    key = key.Extended(frame.pc);
    if (fast.pc(i) != frame.pc) return "pc of frame " + std::to_string(i);
    if (fast.module(i) != frame.module) return "module of frame " + std::to_string(i);
    if (!(fast.key(i) == key)) return "key of frame " + std::to_string(i);
  }
  return fast.key() == key ? "" : "key";
}

void CaptureBoth(const Registers& start, Pair* pair) {
  pair->fast.Capture(start);
  CaptureStack(start, &pair->stack);
  ++pair->captures;
  if (pair->fast.was_imported()) ++pair->imported;
}

// As an entry point captures it: from the caller of this function on.
__attribute__((noinline)) void CaptureCaller(Pair* pair) {
  const auto* frame = static_cast<const uint64_t*>(__builtin_frame_address(0));
  CaptureBoth({frame[1], reinterpret_cast<uint64_t>(frame + 2), frame[0]}, pair);
  __asm__ volatile("" ::: "memory");
}

class FastCaptureTest : public ::testing::Test {
 protected:
  FastCaptureTest() : pair_(NewPair()) { RefreshModules(); }
  std::unique_ptr<Pair, Unmapper> pair_;
};

#define EXPECT_SAME(pair) EXPECT_EQ(Difference((pair)->fast, (pair)->stack), "")
#define ASSERT_SAME(pair) ASSERT_EQ(Difference((pair)->fast, (pair)->stack), "")

// A random tree of calls of functions whose frames are of every kind.
struct Tree {
  std::mt19937 random;
  Pair* pair;
  std::string difference;

  void Check() {
    if (!difference.empty()) return;
    CaptureCaller(pair);
    difference = Difference(pair->fast, pair->stack);
  }
};

void Grow(Tree* tree, int depth);

template <int kWords>
__attribute__((noinline)) void Fixed(Tree* tree, int depth) {
  volatile uint64_t words[kWords];
  words[0] = 1;
  Grow(tree, depth);
  __asm__ volatile("" ::"g"(&words) : "memory");
}
__attribute__((noinline)) void Alloca(Tree* tree, int depth) {
  auto* words = static_cast<char*>(alloca(tree->random() % 200));
  Grow(tree, depth);
  __asm__ volatile("" ::"g"(words) : "memory");
}
__attribute__((noinline)) void Realigned(Tree* tree, int depth) {
  alignas(64) char buffer[64];
  memset(buffer, depth, sizeof(buffer));
  auto* words = static_cast<char*>(alloca(tree->random() % 200));
  Grow(tree, depth);
  __asm__ volatile("" ::"g"(words), "g"(&buffer) : "memory");
}

__attribute__((noinline)) void Grow(Tree* tree, int depth) {
  for (uint32_t turns = tree->random() % 4; turns > 0 && depth > 0; --turns) {
    switch (tree->random() % 6) {
      case 0:
        Fixed<1>(tree, depth - 1);
        break;
      case 1:
        Fixed<7>(tree, depth - 1);
        break;
      case 2:
        Alloca(tree, depth - 1);
        break;
      case 3:
        Realigned(tree, depth - 1);
        break;
      case 4:
        tree->Check();
        break;
      default:
        tree->Check();
        tree->Check();
    }
  }
}

TEST_F(FastCaptureTest, FollowsTheCallsOfAProgram) {
  Tree tree{std::mt19937(1), pair_.get(), ""};
  for (int i = 0; i < 30000; ++i) Grow(&tree, 1 + i % 14);
  EXPECT_EQ(tree.difference, "");
  EXPECT_GT(pair_->captures, 100000u);
  EXPECT_EQ(pair_->imported, 0u);
}

__attribute__((noinline)) int Recurse(int depth, Pair* pair) {
  if (depth == 0) {
    CaptureCaller(pair);
    return 0;
  }
  const int result = Recurse(depth - 1, pair);
  if (depth % 64 == 0) {
    CaptureCaller(pair);
    EXPECT_SAME(pair);
  }
  return result + 1;
}

TEST_F(FastCaptureTest, CutsDeepStacks) {
  for (const int depth : {3, 5000, 3, 450, 700}) {
    Recurse(depth, pair_.get());
    EXPECT_SAME(pair_);
    EXPECT_EQ(pair_->fast.truncated(), false);
  }
  Recurse(5000, pair_.get());
}

// Forged stacks in an array on the thread's own stack: the remembered words change in ways
// that no compiler makes.
class Forger {
 public:
  explicit Forger(uint64_t* words) : base_(reinterpret_cast<uint64_t>(words)), words_(words) {}

  // Finds return addresses with rules of every kind; `end`: one where stacks end.
  void Collect(uint64_t end) {
    end_ = end;
    const std::vector<uint64_t> near = {reinterpret_cast<uint64_t>(&Realigned),
                                        reinterpret_cast<uint64_t>(&Alloca),
                                        reinterpret_cast<uint64_t>(&Fixed<7>)};
    for (uint64_t function : near) {
      for (uint64_t pc = function + 1; pc < function + 128; ++pc) Consider(pc);
    }
    LoadedModule module;
    ASSERT_TRUE(FindModule(near[0], &module));
    while (code_.size() < 150) {
      Consider(module.start + 1 + random_() % (module.limit - module.start));
    }
  }

  // A stack of up to `frames` frames, from somewhere low.
  void Build(uint32_t frames) {
    stack_.clear();
    const uint64_t sp = base_ + 8 * (256 + random_() % 64);
    BuildOutward({0, sp, sp + 8 * (random_() % 8)}, frames);
  }

  // Another stack that has something in common with this one.
  void Change() {
    const size_t at = random_() % stack_.size();
    switch (random_() % 6) {
      case 0: {  // other callers, with all that is inner as it was
        const Registers frame = stack_[at];
        stack_.resize(at);
        BuildOutward(frame, 2 + static_cast<uint32_t>(random_() % 20));
        break;
      }
      case 1:  // other callees
        stack_.erase(stack_.begin(), stack_.begin() + static_cast<ptrdiff_t>(at));
        for (uint64_t frames = random_() % 8; frames > 0; --frames) BuildInward();
        break;
      case 2: {  // any word
        const uint64_t values[] = {Code(), stack_[at].bp + 8 * (random_() % 8), 0, random_(),
                                   stack_[at].sp + 8 * (random_() % 16)};
        WordAt(stack_[at].sp - 8 * (1 + random_() % 4)) = values[random_() % std::size(values)];
        break;
      }
      default:
        break;
    }
  }

  // Where a capture may start: at the leaf or a few frames out.
  Registers Start() {
    Registers start = stack_[random_() % std::min<size_t>(stack_.size(), 6)];
    if (random_() % 16 == 0) start.bp += 8;
    return start;
  }

 private:
  uint64_t Code() { return code_[random_() % code_.size()]; }
  uint64_t& WordAt(uint64_t address) { return words_[(address - base_) / 8]; }

  void Consider(uint64_t pc) {
    LoadedModule module;
    if (!FindModule(pc - 1, &module)) return;
    const UnwindRule rule = FindRule(pc, module);
    switch (rule.Kind()) {
      case RuleKind::kSp:
      case RuleKind::kBp:
      case RuleKind::kDrap:
        if (rule.CfaOffset() <= 256 && rule.BpDistance() <= 128) code_.push_back(pc);
        break;
      default:
        break;
    }
  }

  UnwindRule RuleOf(uint64_t pc) {
    LoadedModule module;
    return FindModule(pc - 1, &module) ? FindRule(pc, module) : UnwindRule(0);
  }

  // Appends `at` with a new pc, and its callers.
  void BuildOutward(Registers at, uint32_t frames) {
    for (uint32_t i = 0; i < frames; ++i) {
      Registers caller;
      int tries = 0;
      do {
        at.pc = Code();
      } while (!Leave(at, &caller) && ++tries < 20);
      WordAt(at.sp - 8) = at.pc;
      stack_.push_back(at);
      if (tries == 20) return;
      at = caller;
    }
    WordAt(at.sp - 8) = at.pc = random_() % 2 == 0 ? 0 : end_;
    if (at.pc != 0) stack_.push_back(at);
  }

  // Writes what the way out of `at` needs; false when the frame pointer does not allow it.
  bool Leave(const Registers& at, Registers* caller) {
    const UnwindRule rule = RuleOf(at.pc);
    uint64_t cfa = at.sp + 8 * (2 + random_() % 8);
    uint64_t bp = at.bp;
    if (rule.Kind() == RuleKind::kSp) cfa = at.sp + rule.CfaOffset();
    if (rule.Kind() == RuleKind::kBp) cfa = at.bp + rule.CfaOffset();
    if (cfa <= at.sp || cfa - at.sp > 512 || cfa - base_ > 8 * (kWords - 128)) return false;
    const uint64_t next_bp = cfa + 8 * (random_() % 8);
    if (rule.Kind() == RuleKind::kDrap) {
      if (at.bp - rule.CfaOffset() < at.sp || at.bp - base_ > 8 * (kWords - 128)) return false;
      WordAt(at.bp) = bp = next_bp;
      WordAt(at.bp - rule.CfaOffset()) = cfa;
    }
    if (rule.BpDistance() != 0) WordAt(cfa - rule.BpDistance()) = bp = next_bp;
    *caller = {0, cfa, bp};
    return true;
  }

  // Puts a frame below the innermost one.
  void BuildInward() {
    const Registers& caller = stack_[0];
    const uint64_t pc = Code();
    const UnwindRule rule = RuleOf(pc);
    const uint64_t sp = caller.sp - rule.CfaOffset();
    if (rule.Kind() != RuleKind::kSp || sp < base_ + 8 * 32) return;
    uint64_t bp = caller.bp;
    if (rule.BpDistance() != 0) {
      WordAt(caller.sp - rule.BpDistance()) = bp;
      bp = random_();
    }
    WordAt(caller.sp - 8) = caller.pc;
    WordAt(sp - 8) = pc;
    stack_.insert(stack_.begin(), {pc, sp, bp});
  }

 public:
  static constexpr size_t kWords = 4096;

 private:
  std::mt19937_64 random_{3};
  uint64_t base_;
  uint64_t* words_;
  std::vector<uint64_t> code_;
  uint64_t end_ = 0;
  std::vector<Registers> stack_;  // leaf first
};

TEST_F(FastCaptureTest, NoticesEveryWordThatMatters) {
  uint64_t words[Forger::kWords] = {};
  Forger forger(words);
  CaptureCaller(pair_.get());
  ASSERT_NO_FATAL_FAILURE(forger.Collect(pair_->stack.frames[pair_->stack.depth - 1].pc));
  uint64_t frames = 0;
  for (uint32_t round = 0; round < 20000; ++round) {
    forger.Build(1 + round % 40);
    for (int i = 0; i < 20; ++i) {
      CaptureBoth(forger.Start(), pair_.get());
      ASSERT_SAME(pair_) << "round " << round << ", capture " << i;
      frames += pair_->stack.depth;
      forger.Change();
    }
  }
  printf("%lu captures of %.1f frames, %lu imported\n", pair_->captures,
         static_cast<double>(frames) / static_cast<double>(pair_->captures), pair_->imported);
}

TEST_F(FastCaptureTest, ForgetsWhenToldTo) {
  const PathKey before = g_root_key;
  for (int i = 0; i < 3; ++i) {
    CaptureCaller(pair_.get());
    ASSERT_SAME(pair_);
    g_root_key = g_root_key.Extended(static_cast<uint64_t>(i) + 1);
    ForgetFastCaptures();
  }
  g_root_key = before;
  ForgetFastCaptures();
  CaptureCaller(pair_.get());
  EXPECT_SAME(pair_);
}

// Captures at the bottom of a few calls, on whatever stack this is.
__attribute__((noinline)) void CaptureBelow(int depth, Pair* pair) {
  CaptureCaller(pair);
  EXPECT_SAME(pair);
  if (depth > 0) CaptureBelow(depth - 1, pair);
  CaptureCaller(pair);
  EXPECT_SAME(pair);
}

// A coroutine's stack may be gone, in part too, when the next one runs there.
ucontext_t g_caller;
ucontext_t g_coroutine;
Pair* g_pair;
void RunCoroutine(uint8_t* stack, size_t bytes, Pair* pair) {
  g_pair = pair;
  ASSERT_EQ(getcontext(&g_coroutine), 0);
  g_coroutine.uc_stack.ss_sp = stack;
  g_coroutine.uc_stack.ss_size = bytes;
  g_coroutine.uc_link = &g_caller;
  makecontext(
      &g_coroutine, +[] { CaptureBelow(5, g_pair); }, 0);
  ASSERT_EQ(swapcontext(&g_caller, &g_coroutine), 0);
}

TEST_F(FastCaptureTest, TouchesNoStackThatMayBeGone) {
  constexpr size_t kBytes = 256 << 10;
  auto* stack = static_cast<uint8_t*>(
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(stack, MAP_FAILED);
  for (size_t bytes = kBytes; bytes >= kBytes / 2; bytes -= kBytes / 8) {
    RunCoroutine(stack, bytes, pair_.get());
    CaptureBelow(5, pair_.get());
    ASSERT_EQ(munmap(stack + bytes - kBytes / 8, kBytes / 8), 0);
  }
  munmap(stack, kBytes);
  pair_->imported = 0;
  CaptureBelow(5, pair_.get());
  EXPECT_EQ(pair_->imported, 0u);
}

void* CaptureInThread(void* pair) {
  CaptureBelow(20, static_cast<Pair*>(pair));
  return nullptr;
}

void RunThread(const pthread_attr_t* attributes, Pair* pair) {
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, attributes, &CaptureInThread, pair), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
}

// Threads that do not know that the object was another one's, on a stack at the same place that
// is smaller each time.
TEST_F(FastCaptureTest, GoesFromThreadToThread) {
  constexpr size_t kBytes = 512 << 10;
  constexpr size_t kStep = kBytes / 8;
  auto* stack = static_cast<uint8_t*>(
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(stack, MAP_FAILED);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  for (size_t bytes = kBytes; bytes >= kBytes / 2; bytes -= kStep) {
    pthread_attr_setstack(&attributes, stack, bytes);
    RunThread(&attributes, pair_.get());
    CaptureBelow(5, pair_.get());
    RunThread(nullptr, pair_.get());
    ASSERT_EQ(munmap(stack + bytes - kStep, kStep), 0);
  }
  munmap(stack, kBytes);
  EXPECT_EQ(pair_->imported, 0u);
  pair_->fast.Reset();
  CaptureBelow(5, pair_.get());
  EXPECT_EQ(pair_->imported, 0u);
}

}  // namespace
}  // namespace tidemark::preload
