// Whole stacks. How they compare with libgcc's on real programs is tests/unwind's matter;
// here is what only a call with chosen registers can show.

#include "profiler/preload/stack_capture.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include <memory>
#include <random>
#include <vector>

#include "profiler/preload/modules.h"
#include "profiler/preload/unwind_rules.h"

namespace tidemark::preload {
namespace {

// What libgcc's unwinder says, which is behind backtrace().
std::vector<uint64_t> LibgccStack() {
  std::vector<void*> frames(state::kMaxFrames);
  frames.resize(static_cast<size_t>(backtrace(frames.data(), static_cast<int>(frames.size()))));
  std::vector<uint64_t> stack;
  for (void* frame : frames) stack.push_back(reinterpret_cast<uint64_t>(frame));
  return stack;
}

// As an entry point captures it: from the caller of this function on.
__attribute__((noinline)) void CaptureCaller(CapturedStack* stack) {
  const auto* frame = static_cast<const uint64_t*>(__builtin_frame_address(0));
  CaptureStack({frame[1], reinterpret_cast<uint64_t>(frame + 2), frame[0]}, stack);
  __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) int Recurse(int depth, CapturedStack* stack) {
  if (depth == 0) {
    CaptureCaller(stack);
    return 0;
  }
  const int result = Recurse(depth - 1, stack);
  __asm__ volatile("" ::: "memory");
  return result + 1;
}

class StackCapture : public ::testing::Test {
 protected:
  StackCapture() : stack_(new CapturedStack) { RefreshModules(); }
  std::unique_ptr<CapturedStack> stack_;
};

TEST_F(StackCapture, EndsAtTheStartOfTheProgram) {
  CaptureCaller(stack_.get());
  EXPECT_FALSE(stack_->truncated);
  const std::vector<uint64_t> libgcc = LibgccStack();
  ASSERT_GE(stack_->depth, 5u);
  // The first frame is this function, at another call; the rest is the same.
  ASSERT_GE(libgcc.size(), stack_->depth);
  for (uint32_t i = 1; i < stack_->depth; ++i) {
    EXPECT_EQ(stack_->frames[stack_->depth - i].pc, libgcc[libgcc.size() - i]) << i;
  }
  for (uint32_t i = 1; i < stack_->depth; ++i) {
    EXPECT_GE(stack_->frames[i].cfa, stack_->frames[i - 1].cfa);
  }
}

TEST_F(StackCapture, CutsAtTheRoot) {
  Recurse(400, stack_.get());
  EXPECT_FALSE(stack_->truncated);
  EXPECT_GE(stack_->depth, 400u);
  const uint64_t leaf = stack_->frames[0].pc;
  const uint64_t body = stack_->frames[1].pc;
  Recurse(5000, stack_.get());
  EXPECT_TRUE(stack_->truncated);
  ASSERT_EQ(stack_->depth, state::kMaxFrames);
  EXPECT_EQ(stack_->frames[0].pc, leaf);
  EXPECT_EQ(stack_->frames[state::kMaxFrames - 1].pc, body);
}

TEST_F(StackCapture, StopsBeforeUnreadableMemory) {
  auto* pages = static_cast<uint8_t*>(
      mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(pages, MAP_FAILED);
  memset(pages, 0x11, 8192);
  ASSERT_EQ(mprotect(pages + 4096, 4096, PROT_NONE), 0);
  const uint64_t sp = reinterpret_cast<uint64_t>(pages) + 4096 - 16;
  // A frame of this program whose caller would be on the page that cannot be read.
  CaptureCaller(stack_.get());
  const uint64_t pc = stack_->frames[0].pc;
  for (uint64_t bp : {sp, sp + 4096, uint64_t{0}, ~uint64_t{7}, uint64_t{1} << 63}) {
    CaptureStack({pc, sp, bp}, stack_.get());
    EXPECT_TRUE(stack_->truncated);
    EXPECT_EQ(stack_->depth, 1u);
  }
  munmap(pages, 8192);
}

// A chain of frame pointers through generated code.
class GeneratedCode : public StackCapture {
 protected:
  void SetUp() override {
    code_ = static_cast<uint8_t*>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(code_, MAP_FAILED);
    memset(code_, 0x90, 4096);
    code_[100] = 0xff;  // call *%rax
    code_[101] = 0xd0;
    pc_ = reinterpret_cast<uint64_t>(code_) + 102;
  }
  void TearDown() override { munmap(code_, 4096); }
  // Frame i is at words_[4 * i].
  uint64_t Frame(uint32_t i) { return reinterpret_cast<uint64_t>(&words_[4 * i]); }

  uint8_t* code_ = nullptr;
  uint64_t pc_ = 0;
  alignas(16) uint64_t words_[64] = {};
};

TEST_F(GeneratedCode, FollowsFramePointers) {
  for (uint32_t i = 0; i < 5; ++i) {
    words_[4 * i] = Frame(i + 1);
    words_[4 * i + 1] = i < 4 ? pc_ : 0;
  }
  CaptureStack({pc_, Frame(0) - 16, Frame(0)}, stack_.get());
  ASSERT_EQ(stack_->depth, 5u);
  EXPECT_TRUE(stack_->truncated);  // no call stands before address 0
  EXPECT_EQ(stack_->frames[4].pc, pc_);
  EXPECT_EQ(stack_->frames[0].cfa, Frame(0) + 16);
  EXPECT_EQ(stack_->frames[0].module, state::kNoModule);
}

TEST_F(GeneratedCode, StopsWhereTheChainDoesNotVerify) {
  words_[0] = Frame(1);
  words_[1] = pc_;
  words_[4] = Frame(2);
  words_[5] = pc_ + 1;  // not behind a call
  CaptureStack({pc_, Frame(0) - 16, Frame(0)}, stack_.get());
  EXPECT_EQ(stack_->depth, 2u);
  EXPECT_TRUE(stack_->truncated);
  words_[5] = pc_;
  words_[4] = Frame(0);  // backwards
  CaptureStack({pc_, Frame(0) - 16, Frame(0)}, stack_.get());
  EXPECT_EQ(stack_->depth, 2u);
  CaptureStack({pc_, Frame(0) + 8, Frame(0)}, stack_.get());  // below sp
  EXPECT_EQ(stack_->depth, 1u);
}

TEST_F(GeneratedCode, KnowsEveryFormOfCall) {
  const std::vector<std::vector<uint8_t>> calls = {
      {0xe8, 1, 2, 3, 4},              // call rel32
      {0xff, 0xd1},                    // call *%rcx
      {0xff, 0x12},                    // call *(%rdx)
      {0xff, 0x53, 8},                 // call *8(%rbx)
      {0x41, 0xff, 0x14, 0x24},        // call *(%r12)
      {0xff, 0x54, 0x24, 8},           // call *8(%rsp)
      {0xff, 0x15, 1, 2, 3, 4},        // call *x(%rip)
      {0xff, 0x92, 1, 2, 3, 4},        // call *x(%rdx)
      {0xff, 0x94, 0x24, 1, 2, 3, 4},  // call *x(%rsp)
      {0xff, 0x14, 0xc5, 1, 2, 3, 4},  // call *x(,%rax,8)
  };
  for (const std::vector<uint8_t>& call : calls) {
    memset(code_, 0x90, 4096);
    memcpy(code_ + 200, call.data(), call.size());
    const uint64_t pc = reinterpret_cast<uint64_t>(code_) + 200 + call.size();
    CaptureStack({pc, Frame(0) - 16, 0}, stack_.get());
    EXPECT_EQ(stack_->depth, 1u) << int{call[1]};
  }
  CaptureStack({pc_ + 50, Frame(0) - 16, 0}, stack_.get());
  EXPECT_EQ(stack_->depth, 0u);
}

// Any registers, any words on the stack: it ends, and reads nothing that it may not. The
// words are code addresses, stack addresses and noise, so that walks go on for a while.
TEST_F(StackCapture, SurvivesForgedStacks) {
  std::mt19937_64 random(7);
  std::vector<LoadedModule> modules;
  for (uint64_t address :
       {reinterpret_cast<uint64_t>(&CaptureStack), reinterpret_cast<uint64_t>(&memcpy),
        reinterpret_cast<uint64_t>(dlsym(RTLD_DEFAULT, "_Unwind_Resume"))}) {
    LoadedModule module;
    ASSERT_TRUE(FindModule(address, &module));
    modules.push_back(module);
  }
  constexpr size_t kWords = 64 << 10;
  std::vector<uint64_t> words(kWords);
  const uint64_t base = reinterpret_cast<uint64_t>(words.data());
  const auto code = [&] {
    const LoadedModule& module = modules[random() % modules.size()];
    return module.start + random() % (module.limit - module.start);
  };
  const auto place = [&] { return base + random() % kWords * 8; };
  // Code behind calls with small frames is found by chance; that of a real stack always.
  CaptureCaller(stack_.get());
  std::vector<uint64_t> real;
  for (uint32_t i = 0; i < stack_->depth; ++i) real.push_back(stack_->frames[i].pc);
  uint64_t frames = 0;
  for (int round = 0; round < 200; ++round) {
    for (uint64_t& word : words) {
      switch (random() % 4) {
        case 0:
          word = code();
          break;
        case 1:
          word = place();
          break;
        case 2:
          word = real[random() % real.size()];
          break;
        default:
          word = random() >> (random() % 64);
      }
    }
    for (int i = 0; i < 100; ++i) {
      CaptureStack({random() % 2 == 0 ? code() : real[random() % real.size()], place(), place()},
                   stack_.get());
      ASSERT_LE(stack_->depth, state::kMaxFrames);
      frames += stack_->depth;
    }
  }
  EXPECT_GT(frames, 20000u);
}

// The thread's stack is used sparingly, for there are stacks of 16 KiB: bytes that `body`
// used of a painted stack below its caller's frame.
size_t StackUseOf(void (*body)()) {
  constexpr size_t kBytes = 64 << 10;
  static constexpr uint8_t kPaint = 0x7a;
  static void (*run)();
  static uint64_t top;
  auto* stack = static_cast<uint8_t*>(
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  // The C library starts threads with deeper calls than ours: painted by the thread itself.
  run = body;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, kBytes);
  pthread_t thread;
  pthread_create(
      &thread, &attributes,
      [](void* low) -> void* {
        top = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
        // A loop of its own: a call would have its frame in what is painted.
        auto* end = reinterpret_cast<volatile uint8_t*>(top - 256);
        for (auto* at = static_cast<volatile uint8_t*>(low); at < end; ++at) *at = kPaint;
        run();
        __asm__ volatile("");
        return nullptr;
      },
      stack);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  size_t clean = 0;
  while (stack[clean] == kPaint) ++clean;
  const size_t used = top - reinterpret_cast<uint64_t>(stack + clean);
  munmap(stack, kBytes);
  return used;
}

CapturedStack g_stack;
uint64_t g_fresh_code;

TEST_F(StackCapture, UsesLittleStack) {
  // Warm-up: the first call through the PLT may resolve the symbol on this stack.
  StackUseOf([] { CaptureCaller(&g_stack); });
  const size_t known = StackUseOf([] { CaptureCaller(&g_stack); });
  EXPECT_FALSE(g_stack.truncated);
  ForgetRules();
  const size_t parsing = StackUseOf([] { CaptureCaller(&g_stack); });
  void* handle = dlopen(UNWIND_PLUGIN_A, RTLD_NOW);
  ASSERT_NE(handle, nullptr) << dlerror();
  g_fresh_code = reinterpret_cast<uint64_t>(dlsym(handle, "Enter"));
  const size_t refreshing = StackUseOf([] {
    LoadedModule module;
    EXPECT_TRUE(FindModule(g_fresh_code, &module));
  });
  dlclose(handle);
  RefreshModules();
  printf("stack bytes: %zu with known rules, %zu when parsing, %zu at a refresh\n", known, parsing,
         refreshing);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LE(known, 512u);
  EXPECT_LE(parsing, 1024u);
  EXPECT_LE(refreshing, 1024u);
#endif
}

}  // namespace
}  // namespace tidemark::preload
