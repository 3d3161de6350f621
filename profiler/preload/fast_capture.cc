#include "profiler/preload/fast_capture.h"

#include <sys/auxv.h>

#include "profiler/preload/modules.h"
#include "profiler/preload/os.h"
#include "profiler/preload/stack_memory.h"

namespace tidemark::preload {
namespace {

// A stack pointer further below what is known of the stack counts as another stack's.
constexpr uint64_t kMaxExtension = 16 << 20;

uint64_t g_forgotten;
// The thread pointer of the thread that started the program (in a fork child, the parent).
uint64_t g_main_thread;

// Both parts only rise, so an equal sum means that both are equal.
uint64_t Generation() { return RuleGeneration() + __atomic_load_n(&g_forgotten, __ATOMIC_RELAXED); }

uint64_t ThreadPointer() {
  uint64_t pointer;
  __asm__("mov %%fs:0, %0" : "=r"(pointer));
  return pointer;
}

bool IsMainThread(uint64_t thread) {
  uint64_t main_thread = __atomic_load_n(&g_main_thread, __ATOMIC_RELAXED);
  if (main_thread == 0 && !InSandbox() && GetTid() == GetPid()) {
    main_thread = thread;
    __atomic_store_n(&g_main_thread, thread, __ATOMIC_RELAXED);
  }
  return main_thread == thread;
}

bool FindRuleOf(uint64_t pc, UnwindRule* rule) {
  *rule = CachedRule(pc);
  if (TM_LIKELY(rule->Kind() != RuleKind::kNone)) return true;
  LoadedModule module;
  if (!FindModule(pc - 1, &module)) return false;
  *rule = FindRule(pc, module);
  return true;
}

}  // namespace

// Where the stack ends is known without asking anyone: the kernel puts the program's random
// bytes above the main thread's stack, and the C library a thread's control block above
// its own. That what lies between is one stack, Extend finds out page by page.
void FastCapture::Bind() {
  Forget();
  thread_ = ThreadPointer();
  const uint64_t above = IsMainThread(thread_) ? getauxval(AT_RANDOM) : thread_;
  low_ = high_ = StackMemory::PageOf(above) + StackMemory::kPage;
  has_bottom_ = false;
  LoadedModule self;
  const bool is_library =
      FindModule(reinterpret_cast<uint64_t>(&ForgetFastCaptures), &self) && self.is_self != 0;
  self_code_ = is_library ? self.start : 0;
  self_bytes_ = is_library ? self.limit - self.start : 0;
}

void FastCapture::Forget() {
  generation_ = Generation();
  count_ = 0;
  condition_count_ = 0;
  for (auto& set : memo_tags_) {
    for (uint64_t& tag : set) tag = 0;
  }
}

// From the top down, so that the work is done once, and a coroutine's stack further down is
// told by the guard page between.
bool FastCapture::Extend(uint64_t address) {
  if (address >= high_ || has_bottom_ || low_ - address > kMaxExtension) return false;
  while (low_ > address) {
    if (!IsReadable(low_ - StackMemory::kPage)) {
      has_bottom_ = true;
      return false;
    }
    low_ -= StackMemory::kPage;
  }
  return true;
}

// True when all that a capture at `sp` may touch is known to be the thread's own stack.
bool FastCapture::Prepare(uint64_t sp) {
  if (TM_UNLIKELY(ThreadPointer() != __atomic_load_n(&thread_, __ATOMIC_RELAXED))) {
    Bind();
  } else if (TM_UNLIKELY(Generation() != generation_)) {
    Forget();
  }
  const uint64_t lowest = sp - 8;
  return (sp & 7) == 0 && (TM_LIKELY(lowest - low_ < high_ - low_) || Extend(lowest));
}

// Cuts the remembered frames to those that stand, root side.
void FastCapture::Verify(uint64_t sp) {
  uint32_t n = count_;
  while (n > 0 && sp_[n - 1] < sp) --n;
  const auto differs = [this](uint32_t i) { return StackMemory::Word(sp_[i] - 8) ^ pc_[i]; };
  uint32_t i = 0;
  while (i + 4 <= n && (differs(i) | differs(i + 1) | differs(i + 2) | differs(i + 3)) == 0) i += 4;
  while (i < n && differs(i) == 0) ++i;
  uint32_t c = 0;
  for (; c < condition_count_ && condition_frame_[c] < i; ++c) {
    if (StackMemory::Word(conditions_[c].address) != conditions_[c].value) i = condition_frame_[c];
  }
  Cut(i, c);
}

// (frames, conditions) = (the first `frames`, those of them among the first `conditions`)
void FastCapture::Cut(uint32_t frames, uint32_t conditions) {
  while (conditions > 0 && condition_frame_[conditions - 1] >= frames) --conditions;
  count_ = frames;
  condition_count_ = conditions;
}

// Is `frame` the remembered frame number `count` - 1?
bool FastCapture::IsAt(uint32_t count, const Registers& frame) const {
  if (count == 0) return false;
  const uint32_t i = count - 1;
  return sp_[i] == frame.sp && pc_[i] == frame.pc && (!needs_bp_[i] || bp_[i] == frame.bp);
}

void FastCapture::SetResult(uint32_t outer, const Memo* memo, const PathKey& key) {
  depth_ = outer + (memo != nullptr ? memo->frames : 0);
  outer_ = outer;
  memo_ = memo;
  key_ = key;
  truncated_ = false;
  imported_ = false;
}

// Two rounds: a program's return addresses and stack pointers are evenly spaced.
uint64_t FastCapture::MemoTag(const Registers& start) {
  uint64_t hash = (start.pc + (start.sp << 20)) * 0x9e3779b97f4a7c15u;
  hash = (hash ^ hash >> 32) * 0xd1342543de82ef95u;
  return hash | 1;
}

// The whole stack, if its inner end is known and stands on a remembered frame.
bool FastCapture::Recall(const Registers& start) {
  const uint64_t tag = MemoTag(start);
  const uint32_t set = SetOf(tag);
  for (uint32_t way = 0; way < kMemoWays; ++way) {
    if (memo_tags_[set][way] == tag && Fits(memos_[set][way], start)) {
      const Memo& memo = memos_[set][way];
      SetResult(memo.outer, &memo, memo.key);
      if (TM_UNLIKELY(!(keys_[memo.outer - 1u] == memo.join_key))) key_ = key(depth_ - 1);
      return true;
    }
  }
  return false;
}

// Would the walk from `start` find what it found then?
bool FastCapture::Fits(const Memo& memo, const Registers& start) const {
  if (memo.sp != start.sp || memo.pc != start.pc || memo.outer > count_) return false;
  const uint32_t join = memo.outer - 1u;
  uint64_t differs = (memo.join_sp ^ sp_[join]) | (memo.join_pc ^ pc_[join]);
  if (memo.needs_bp) differs |= memo.bp ^ start.bp;
  if (needs_bp_[join]) differs |= (memo.join_bp ^ bp_[join]) | (memo.join_needs_bp ? 0 : 1);
  if (differs != 0) return false;
  for (uint32_t i = 0; i < memo.word_count; ++i) {
    if (StackMemory::Word(memo.words[i].address) != memo.words[i].value) return false;
  }
  return true;
}

// Goes from `start` to a remembered frame, where it cuts the remembered ones, or to the
// stack's end. `*caller`: the frame it came to, with pc 0 behind the outermost one. False
// when CaptureStack has to do it.
bool FastCapture::Walk(const Registers& start, uint32_t* steps, Registers* caller) {
  Registers frame = start;
  uint32_t outer = count_;
  uint32_t done = 0;
  const auto has_word = [&](uint64_t address) {
    return (address & 7) == 0 && address - frame.sp < high_ - frame.sp;
  };
  while (frame.pc != 0) {
    while (outer > 0 && sp_[outer - 1] < frame.sp) --outer;
    if (IsAt(outer, frame)) break;
    UnwindRule rule(0);
    if (done == kFrames || frame.pc - 1 - self_code_ < self_bytes_ ||
        !FindRuleOf(frame.pc, &rule)) {
      return false;
    }
    steps_[done++] = {frame.pc, frame.sp, frame.bp, rule};
    uint64_t cfa;
    uint64_t bp = frame.bp;
    if (TM_LIKELY(rule.Kind() == RuleKind::kSp)) {
      cfa = frame.sp + rule.CfaOffset();
    } else if (rule.Kind() == RuleKind::kBp) {
      cfa = frame.bp + rule.CfaOffset();
    } else if (rule.Kind() == RuleKind::kDrap) {
      if (!has_word(frame.bp - rule.CfaOffset()) || !has_word(frame.bp)) return false;
      cfa = StackMemory::Word(frame.bp - rule.CfaOffset());
      bp = StackMemory::Word(frame.bp);
    } else if (rule.Kind() == RuleKind::kEnd) {
      frame.pc = 0;
      break;
    } else {
      return false;
    }
    if (!has_word(cfa - 8)) return false;
    if (rule.BpDistance() != 0) {
      if (!has_word(cfa - rule.BpDistance())) return false;
      bp = StackMemory::Word(cfa - rule.BpDistance());
    }
    frame = {StackMemory::Word(cfa - 8), cfa, bp};
  }
  Cut(frame.pc != 0 ? outer : 0, condition_count_);
  *steps = done;
  *caller = frame;
  return done != 0;
}

// Remembers the frames that were walked, for this and the next capture. False: no room.
bool FastCapture::Push(uint32_t steps, Registers caller) {
  if (steps > kFrames - count_) return false;
  bool caller_needs_bp = false;
  PathKey key = g_root_key;
  if (count_ > 0) {
    caller_needs_bp = needs_bp_[count_ - 1];
    key = keys_[count_ - 1];
  } else if (steps_[steps - 1].rule.Kind() != RuleKind::kEnd && !AddCondition(caller.sp - 8, 0)) {
    return false;  // the null return address that ends the stack
  }
  while (steps-- > 0) {
    const Step& step = steps_[steps];
    if (!AddConditions(step, caller, caller_needs_bp)) return false;
    key = key.Extended(step.pc);
    sp_[count_] = step.sp;
    pc_[count_] = step.pc;
    bp_[count_] = step.bp;
    keys_[count_] = key;
    caller_needs_bp = needs_bp_[count_];
    caller = {step.pc, step.sp, step.bp};
    ++count_;
  }
  return true;
}

// Of frame number `count_`, which is `step`: sets needs_bp_, and adds the words beside the
// return address that its way to `caller` depends on. False: no room.
bool FastCapture::AddConditions(const Step& step, const Registers& caller, bool caller_needs_bp) {
  const uint64_t distance = step.rule.BpDistance();
  bool& needs_bp = needs_bp_[count_];
  switch (step.rule.Kind()) {
    case RuleKind::kDrap:
      needs_bp = true;
      return AddCondition(step.bp - step.rule.CfaOffset(), caller.sp) &&
             (!caller_needs_bp || AddCondition(step.bp, caller.bp));
    case RuleKind::kBp:
      needs_bp = true;
      break;
    default:
      needs_bp = caller_needs_bp && distance == 0;
      break;
  }
  return distance == 0 || !caller_needs_bp || AddCondition(caller.sp - distance, caller.bp);
}

bool FastCapture::AddCondition(uint64_t address, uint64_t value) {
  if (condition_count_ == kConditions) return false;
  condition_frame_[condition_count_] = count_;
  conditions_[condition_count_++] = {address, value};
  return true;
}

// Keeps the inner end that was just pushed: `steps` frames on the first `outer`, with the
// conditions from `first_condition` on.
void FastCapture::Memorize(const Registers& start, uint32_t steps, uint32_t outer,
                           uint32_t first_condition) {
  const uint32_t conditions = condition_count_ - first_condition;
  if (outer == 0 || steps - 1 + conditions > kMemoWords) return;
  const uint32_t join = outer - 1;
  const uint64_t tag = MemoTag(start);
  const uint32_t set = SetOf(tag);
  const uint32_t way = next_way_++ % kMemoWays;
  memo_tags_[set][way] = tag;
  Memo* memo = &memos_[set][way];
  *memo = {start.pc,
           start.sp,
           start.bp,
           pc_[join],
           sp_[join],
           bp_[join],
           keys_[join],
           keys_[count_ - 1],
           static_cast<uint16_t>(outer),
           static_cast<uint8_t>(steps),
           0,
           needs_bp_[count_ - 1],
           needs_bp_[join],
           {}};
  Word* next = memo->words;
  for (uint32_t i = 1; i < steps; ++i) *next++ = {steps_[i].sp - 8, steps_[i].pc};
  for (uint32_t i = first_condition; i < condition_count_; ++i) *next++ = conditions_[i];
  memo->word_count = static_cast<uint8_t>(next - memo->words);
}

// Nothing of it is remembered.
void FastCapture::Import(const Registers& start) {
  CaptureStack(start, &stack_);
  count_ = 0;
  condition_count_ = 0;
  PathKey key = stack_.truncated ? g_root_key.Extended(state::kPcTruncated) : g_root_key;
  for (uint32_t i = 0; i < stack_.depth; ++i) {
    pc_[i] = stack_.frames[stack_.depth - 1 - i].pc;
    keys_[i] = key = key.Extended(pc_[i]);
  }
  SetResult(stack_.depth, nullptr, key);
  truncated_ = stack_.truncated;
  imported_ = true;
}

void FastCapture::Capture(const Registers& start) {
  if (TM_UNLIKELY(!Prepare(start.sp))) return Import(start);
  Verify(start.sp);
  if (IsAt(count_, start)) return SetResult(count_, nullptr, keys_[count_ - 1]);
  if (TM_LIKELY(Recall(start))) return;
  uint32_t steps;
  Registers caller;
  if (TM_UNLIKELY(!Walk(start, &steps, &caller))) return Import(start);
  const uint32_t outer = count_;
  const uint32_t first_condition = condition_count_;
  if (TM_UNLIKELY(!Push(steps, caller))) return Import(start);
  Memorize(start, steps, outer, first_condition);
  SetResult(count_, nullptr, keys_[count_ - 1]);
}

uint64_t FastCapture::pc(uint32_t i) const {
  if (i < outer_) return pc_[i];
  const uint32_t from_leaf = depth_ - 1 - i;
  return from_leaf == 0 ? memo_->pc : memo_->words[from_leaf - 1].value;
}

uint32_t FastCapture::module(uint32_t i) const {
  LoadedModule module;
  return FindModule(pc(i) - 1, &module) ? module.index : state::kNoModule;
}

PathKey FastCapture::key(uint32_t i) const {
  if (i < outer_) return keys_[i];
  PathKey key = keys_[outer_ - 1];
  for (uint32_t j = outer_; j <= i; ++j) key = key.Extended(pc(j));
  return key;
}

void ForgetFastCaptures() { __atomic_fetch_add(&g_forgotten, 1, __ATOMIC_RELEASE); }

}  // namespace tidemark::preload
