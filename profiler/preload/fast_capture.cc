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

// Puts the rule of `pc` into the cache; false when there is none.
[[gnu::noinline]] bool LearnRule(uint64_t pc) {
  LoadedModule module;
  return FindModule(pc - 1, &module) && FindRule(pc, module).Kind() != RuleKind::kNone;
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
  pushed_above_ = 0;
  captures_above_ = 0;
  for (auto& set : memos_) {
    for (Memo& memo : set) memo.pc = 0;
  }
  for (Leaf& leaf : leaves_) leaf.pc = 0;
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
inline bool FastCapture::Prepare(uint64_t sp) {
  if (TM_UNLIKELY(ThreadPointer() != __atomic_load_n(&thread_, __ATOMIC_RELAXED))) {
    Bind();
  } else if (TM_UNLIKELY(Generation() != generation_)) {
    Forget();
  }
  const uint64_t lowest = sp - 8;
  return (sp & 7) == 0 && (TM_LIKELY(lowest - low_ < high_ - low_) || Extend(lowest));
}

// Cuts the remembered frames to those that stand, root side.
inline void FastCapture::Verify(uint64_t sp) {
  uint32_t n = count_;
  while (n > 0 && frames_[n - 1].sp() < sp) --n;
  // All at once: mostly none of them changed.
  uint64_t differs = 0;
  const auto difference = [](const Frame* frame) {
    return StackMemory::Word(frame->slot) ^ frame->pc;
  };
  const Frame* frame = frames_;
  const Frame* const end = frames_ + n;
  for (; end - frame >= 4; frame += 4) {
    differs |=
        difference(frame) | difference(frame + 1) | difference(frame + 2) | difference(frame + 3);
  }
  for (; frame != end; ++frame) differs |= difference(frame);
  for (uint32_t c = 0; c < condition_count_ && condition_frame_[c] < n; ++c) {
    differs |= StackMemory::Word(conditions_[c].address) ^ conditions_[c].value;
  }
  if (TM_UNLIKELY(differs != 0)) {
    CutToStanding(n);
  } else if (n != count_) {
    Cut(n, condition_count_);
  }
}

// The first `frames` frames are looked at one by one.
void FastCapture::CutToStanding(uint32_t frames) {
  uint32_t i = 0;
  while (i < frames && StackMemory::Word(frames_[i].slot) == frames_[i].pc) ++i;
  uint32_t c = 0;
  for (; c < condition_count_ && condition_frame_[c] < i; ++c) {
    if (StackMemory::Word(conditions_[c].address) != conditions_[c].value) i = condition_frame_[c];
  }
  Cut(i, c);
}

// (frames, conditions) = (the first `frames`, those of them among the first `conditions`)
inline void FastCapture::Cut(uint32_t frames, uint32_t conditions) {
  while (conditions > 0 && condition_frame_[conditions - 1] >= frames) --conditions;
  count_ = frames;
  condition_count_ = conditions;
}

// Is `frame` the remembered frame number `count` - 1?
inline bool FastCapture::IsAt(uint32_t count, const Registers& frame) const {
  if (count == 0) return false;
  const uint32_t i = count - 1;
  return frames_[i].sp() == frame.sp && frames_[i].pc == frame.pc &&
         (!needs_bp_[i] || bp_[i] == frame.bp);
}

inline void FastCapture::SetResult(uint32_t outer, Memo* memo) {
  outer_ = outer;
  memo_ = memo;
  truncated_ = false;
  imported_ = false;
}

// Once its rule is known: a walk learns it, where the stack to do so is there.
void FastCapture::LearnLeaf(Leaf* leaf, uint64_t pc) {
  const UnwindRule rule = CachedRule(pc);
  leaf->place = rule.Kind() == RuleKind::kSp ? rule.CfaOffset() / 8 - 1 : kNoPlace;
  leaf->pc = rule.Kind() == RuleKind::kNone ? 0 : pc;
}

// Where an inner end may be remembered: by the leaf, its caller, and how far it is from the
// innermost frame that stands. REQUIRES: count_ > 0.
inline FastCapture::Memo* FastCapture::MemosFor(const Registers& start) {
  Leaf* leaf = &leaves_[(start.pc ^ start.pc >> 8) % kLeaves];
  if (TM_UNLIKELY(leaf->pc != start.pc)) LearnLeaf(leaf, start.pc);
  const uint64_t words = (high_ - start.sp) / 8;
  const uint64_t caller =
      TM_LIKELY(leaf->place < words) ? StackMemory::Word(start.sp + 8 * leaf->place) : 0;
  const uint64_t distance = frames_[count_ - 1].slot - start.sp;
  const uint64_t hash = (start.pc + (caller << 21) + (distance << 42)) * 0xd1342543de82ef95u;
  static_assert(kMemoSets == 128);
  return memos_[hash >> 57];
}

// Would the walk from `start` find what it found then? REQUIRES: count_ > 0.
inline bool FastCapture::Fits(const Memo& memo, const Registers& start) const {
  if (memo.pc != start.pc) return false;
  const Frame& top = frames_[count_ - 1];
  if (TM_UNLIKELY(memo.special) || TM_UNLIKELY(needs_bp_[count_ - 1])) {
    return FitsSpecial(memo, start);
  }
  if (((top.pc ^ memo.join_pc) | (top.sp() - start.sp - memo.to_join)) != 0) return false;
  return WordsFit(memo, start.sp);
}

bool FastCapture::FitsSpecial(const Memo& memo, const Registers& start) const {
  if (memo.skipped >= count_) return false;
  const uint32_t join = count_ - 1 - memo.skipped;
  uint64_t differs =
      (frames_[join].sp() - start.sp - memo.to_join) | (frames_[join].pc ^ memo.join_pc);
  if (memo.needs_bp) differs |= start.bp - start.sp - memo.bp;
  if (needs_bp_[join]) {
    differs |= (bp_[join] - frames_[join].sp() - memo.join_bp) | (memo.join_needs_bp ? 0 : 1);
  }
  return differs == 0 && WordsFit(memo, start.sp);
}

inline bool FastCapture::WordsFit(const Memo& memo, uint64_t sp) const {
  uint64_t differs = 0;
  const PackedWord* word = memo.words;
  const PackedWord* const conditions = word + (memo.frames - 1u);
  const PackedWord* const end = word + memo.word_count;
  for (; word != conditions; ++word) {
    differs |= StackMemory::Word(sp + 8 * word->place()) ^ word->value();
  }
  for (; TM_UNLIKELY(word != end); ++word) {
    differs |= StackMemory::Word(sp + 8 * word->place()) - sp - word->value();
  }
  return differs == 0;
}

// While frames of a long inner end that was pushed stand, counts the captures that had them;
// when none does, judges whether pushing it was of use.
void FastCapture::RatePush() {
  if (count_ > pushed_above_) {
    ++captures_above_;
    return;
  }
  if (captures_above_ >= kWorthwhile) {
    credit_ = credit_ + 2 < kMaxCredit ? credit_ + 2 : kMaxCredit;
  } else if (credit_ > 0) {
    --credit_;
  }
  pushed_above_ = 0;
  captures_above_ = 0;
}

// Whether to walk a known inner end again, to have its frames among the remembered ones.
inline bool FastCapture::IsWorthPushing(const Memo& memo) {
  if (TM_LIKELY(memo.frames <= kShortEnd) || pushed_above_ != 0) return false;
  if (credit_ == 0 && ++long_ends_ < kTryAgain) return false;
  long_ends_ = 0;
  pushed_above_ = count_;
  return true;
}

// Goes from `start` to a remembered frame, where it cuts the remembered ones, or to the
// stack's end. `*caller`: the frame it came to, with pc 0 behind the outermost one; at
// kNoRule, the frame whose rule is not in the cache. kCannot: CaptureStack has to do it.
FastCapture::Walked FastCapture::Walk(const Registers& start, uint32_t* steps, Registers* caller) {
  Registers frame = start;
  uint32_t outer = count_;
  uint32_t done = 0;
  const auto has_word = [&](uint64_t address) {
    return (address & 7) == 0 && address - frame.sp < high_ - frame.sp;
  };
  while (frame.pc != 0) {
    while (outer > 0 && frames_[outer - 1].sp() < frame.sp) --outer;
    if (IsAt(outer, frame)) break;
    if (done == kFrames || frame.pc - 1 - self_code_ < self_bytes_) return Walked::kCannot;
    const UnwindRule rule = CachedRule(frame.pc);
    if (TM_UNLIKELY(rule.Kind() == RuleKind::kNone)) {
      *caller = frame;
      return Walked::kNoRule;
    }
    steps_[done++] = {frame.pc, frame.sp, frame.bp, rule};
    uint64_t cfa;
    uint64_t bp = frame.bp;
    if (TM_LIKELY(rule.Kind() == RuleKind::kSp)) {
      cfa = frame.sp + rule.CfaOffset();
    } else if (rule.Kind() == RuleKind::kBp) {
      cfa = frame.bp + rule.CfaOffset();
    } else if (rule.Kind() == RuleKind::kDrap) {
      if (!has_word(frame.bp - rule.CfaOffset()) || !has_word(frame.bp)) return Walked::kCannot;
      cfa = StackMemory::Word(frame.bp - rule.CfaOffset());
      bp = StackMemory::Word(frame.bp);
    } else if (rule.Kind() == RuleKind::kEnd) {
      frame.pc = 0;
      break;
    } else {
      return Walked::kCannot;
    }
    if (!has_word(cfa - 8)) return Walked::kCannot;
    if (rule.BpDistance() != 0) {
      if (!has_word(cfa - rule.BpDistance())) return Walked::kCannot;
      bp = StackMemory::Word(cfa - rule.BpDistance());
    }
    frame = {StackMemory::Word(cfa - 8), cfa, bp};
  }
  Cut(frame.pc != 0 ? outer : 0, condition_count_);
  *steps = done;
  *caller = frame;
  return done != 0 ? Walked::kDone : Walked::kCannot;
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
    frames_[count_] = {step.sp - 8, step.pc};
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

// Keeps the inner end that was just pushed: `steps` frames on one that was the `skipped`-th of
// those that stood, with the conditions from `first_condition` on.
void FastCapture::Memorize(Memo* memo, const Registers& start, uint32_t steps, uint32_t skipped,
                           uint32_t first_condition) {
  const uint32_t conditions = condition_count_ - first_condition;
  const uint32_t join = count_ - steps - 1;
  const uint64_t to_join = frames_[join].sp() - start.sp;
  if (steps - 1 + conditions > kMemoWords || skipped > UINT16_MAX || to_join / 8 > UINT16_MAX) {
    return;
  }
  memo->pc = 0;
  memo->finding = {};
  memo->join_pc = frames_[join].pc;
  memo->suffix = {};
  memo->bp = start.bp - start.sp;
  memo->join_bp = bp_[join] - frames_[join].sp();
  memo->to_join = static_cast<uint32_t>(to_join);
  memo->skipped = static_cast<uint16_t>(skipped);
  memo->frames = steps & 15;
  memo->needs_bp = needs_bp_[count_ - 1];
  memo->join_needs_bp = needs_bp_[join];
  memo->special = memo->needs_bp || memo->join_needs_bp || skipped != 0;
  uint32_t words = 0;
  // False when the word is not between the leaf and the join: then the end may not be moved.
  const auto add = [&](uint64_t address, uint64_t value) {
    const uint64_t place = (address - start.sp) / 8;
    if (address - start.sp >= to_join || !PackedWord::Fits(place, value)) return false;
    memo->words[words++] = PackedWord::Of(place, value);
    return true;
  };
  for (uint32_t i = 1; i < steps; ++i) {
    if (!add(steps_[i].sp - 8, steps_[i].pc)) return;
  }
  for (uint32_t i = first_condition; i < condition_count_; ++i) {
    if (!add(conditions_[i].address, conditions_[i].value - start.sp)) return;
  }
  memo->word_count = static_cast<uint8_t>(words);
  for (uint32_t i = steps; i-- > 0;) memo->suffix = memo->suffix.Extended(steps_[i].pc);
  memo->pc = start.pc;
}

// Nothing of it is remembered.
void FastCapture::Import(const Registers& start) {
  CaptureStack(start, &stack_);
  TakeOver();
}

// Apart from Import, which so keeps nothing on the stack while CaptureStack walks.
void FastCapture::TakeOver() {
  count_ = 0;
  condition_count_ = 0;
  PathKey key = stack_.truncated ? g_root_key.Extended(state::kPcTruncated) : g_root_key;
  for (uint32_t i = 0; i < stack_.depth; ++i) {
    frames_[i].pc = stack_.frames[stack_.depth - 1 - i].pc;
    keys_[i] = key = key.Extended(frames_[i].pc);
  }
  SetResult(stack_.depth, nullptr);
  no_frames_ = key;
  truncated_ = stack_.truncated;
  imported_ = true;
}

// The rest of Capture: `standing` frames stand; `forget` is the memo to overwrite, if any.
void FastCapture::Discover(const Registers& start, uint32_t standing, Memo* forget) {
  uint32_t steps;
  Registers caller;
  // Learning a rule takes more of the stack than a walk leaves, so the walk starts again.
  Walked walked = Walk(start, &steps, &caller);
  for (uint32_t tries = 0; walked == Walked::kNoRule && tries < kFrames; ++tries) {
    if (!LearnRule(caller.pc)) break;
    walked = Walk(start, &steps, &caller);
  }
  if (TM_UNLIKELY(walked != Walked::kDone)) return Import(start);
  const uint32_t outer = count_;
  const uint32_t first_condition = condition_count_;
  if (TM_UNLIKELY(!Push(steps, caller))) return Import(start);
  if (outer != 0 && forget != nullptr) {
    Memorize(forget, start, steps, standing - outer, first_condition);
  }
  SetResult(count_, nullptr);
}

// Ends in calls that reuse its own stack frame: the walk needs most of what there may be.
void FastCapture::Capture(const Registers& start) {
  if (TM_UNLIKELY(!Prepare(start.sp))) return Import(start);
  Verify(start.sp);
  if (TM_UNLIKELY(pushed_above_ != 0)) RatePush();
  if (TM_UNLIKELY(count_ == 0)) return Discover(start, 0, nullptr);
  if (IsAt(count_, start)) return SetResult(count_, nullptr);
  Memo* ways = MemosFor(start);
  static_assert(kMemoWays == 2);
  Memo* memo = Fits(ways[0], start) ? &ways[0] : Fits(ways[1], start) ? &ways[1] : nullptr;
  if (TM_UNLIKELY(memo == nullptr)) {
    // The first way is looked at first.
    const uint32_t way = ways[0].pc == 0 ? 0 : ways[1].pc == 0 ? 1 : next_way_++ % kMemoWays;
    return Discover(start, count_, &ways[way]);
  }
  if (TM_UNLIKELY(IsWorthPushing(*memo))) return Discover(start, count_, nullptr);
  const uint32_t join = count_ - 1 - memo->skipped;
  SetResult(join + 1, memo);
}

uint64_t FastCapture::pc(uint32_t i) const {
  if (i < outer_) return frames_[i].pc;
  const uint32_t from_leaf = depth() - 1 - i;
  return from_leaf == 0 ? memo_->pc : memo_->words[from_leaf - 1].value();
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
