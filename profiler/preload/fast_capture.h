// The stack of a thread whose stack was captured a moment ago: exact mode captures at
// every allocation, and most of a stack is as it was at the previous one.
//
// Idea: the thread remembers its previous stack, each frame with the place its return
// address was read from. A frame that has the same return address in the same place is
// unchanged, so a capture checks the remembered frames (one load and compare each, all of
// them: a caller further out may have changed while an inner slot holds a stale copy) and
// unwinds only what lies below. Frames also remember a hash of the path from the root, so
// that naming the stack costs as little as the frames that changed. Short inner ends that
// come back (a loop that allocates at several places) are remembered apart, by their leaf and
// their distance from the frames that stand, so that they fit at any depth.
//
// Why it is exact: a step of the walk depends on (pc, sp, bp), the rule of pc and the words
// it loads. Every word that the remembered walk loaded and that mattered is compared, so
// from a frame with the same registers on the walk would repeat itself. Where all it loaded
// from the stack is return addresses and addresses of the stack itself, it would also repeat
// itself further up or down, moved: that is how inner ends are compared.
//
// What it may touch: [sp, top) of the thread's own stack, each page once shown to be
// readable. Such pages stay mapped while the thread runs on them. Of any other stack (a
// coroutine's, a handler's) nothing is remembered, for it may be gone by the next capture;
// there, and where the rules of unwind_rules.h do not suffice, CaptureStack does it all. The
// hazard that remains: a thread whose stack was given by the program, without a guard page,
// and directly above coroutine stacks, for they look like its lower end: unmapping one of two
// such neighbours and then allocating on the lower one.
//
// Thread class: one object a thread; a thread that finds it in another's state starts
// afresh. Malloc-safe. Not signal-safe by itself: the recorder's `busy` mark keeps a handler
// out. Lives in private memory, all zeroes is a valid empty object; about 100 KiB, touched as
// deep as the thread's stacks are.

#ifndef TIDEMARK_PROFILER_PRELOAD_FAST_CAPTURE_H_
#define TIDEMARK_PROFILER_PRELOAD_FAST_CAPTURE_H_

#include <stdint.h>

#include "profiler/preload/path_key.h"
#include "profiler/preload/stack_capture.h"
#include "profiler/preload/unwind_rules.h"
#include "proto/state.h"

namespace tidemark::preload {

class FastCapture {
 public:
  // Captures the stack that `start` describes. The result is what CaptureStack would
  // find, frame by frame. REQUIRES: start.sp is the calling thread's, below its frames.
  void Capture(const Registers& start);

  // Of the latest capture; valid until the thread goes on.
  uint32_t depth() const { return outer_ + (memo_ != nullptr ? memo_->frames : 0u); }
  bool truncated() const { return truncated_; }
  // Names the whole stack: g_root_key extended by each frame's pc, root first. A cut
  // stack starts with state::kPcTruncated.
  PathKey key() const {
    if (memo_ != nullptr) return keys_[outer_ - 1].Extended(memo_->suffix, memo_->frames);
    return outer_ != 0 ? keys_[outer_ - 1] : no_frames_;
  }
  // Frame i from the root: its pc, its module's index, and the key of the path down to it.
  // The last two are looked up anew. REQUIRES: i < depth().
  uint64_t pc(uint32_t i) const;
  uint32_t module(uint32_t i) const;
  PathKey key(uint32_t i) const;

  // What the caller found out about a stack before, by a number of its own: a stack with
  // the same key, remembered with the same number, gives it back. 0: nothing is remembered.
  uint32_t Recalled(uint32_t number) const {
    if (memo_ == nullptr) return 0;
    const Finding& finding = memo_->finding;
    return finding.join_key == keys_[outer_ - 1].b && finding.number == number ? finding.value : 0;
  }
  void Remember(uint32_t number, uint32_t value) {
    if (memo_ != nullptr) memo_->finding = {keys_[outer_ - 1].b, number, value};
  }

  // Forgets everything: the object goes to another thread.
  void Reset() { __atomic_store_n(&thread_, uint64_t{0}, __ATOMIC_RELAXED); }

  // True when CaptureStack did the latest capture. For tests.
  bool was_imported() const { return imported_; }

 private:
  static constexpr uint32_t kFrames = state::kMaxFrames;
  static constexpr uint32_t kConditions = kFrames + 128;
  static constexpr uint32_t kLeaves = 256;
  static constexpr uint32_t kMemoSets = 128;
  static constexpr uint32_t kMemoWays = 2;
  static constexpr uint32_t kMemoWords = 14;
  // An inner end of more frames is pushed, if that was of use lately: then the next ones,
  // which often stand on some of its frames, are short.
  static constexpr uint32_t kShortEnd = 4;
  static constexpr uint32_t kWorthwhile = 10;  // captures that have its frames
  static constexpr uint32_t kMaxCredit = 8;
  static constexpr uint32_t kTryAgain = 32;  // long ends until it is tried again

  // A remembered frame: control comes back to `pc`, which is the word at `slot`, and the
  // stack pointer is then behind it.
  struct Frame {
    uint64_t slot;
    uint64_t pc;
    uint64_t sp() const { return slot + 8; }
  };

  // A frame on the way to a remembered one, leaf first.
  struct Step {
    uint64_t pc;
    uint64_t sp;
    uint64_t bp;
    UnwindRule rule;
  };

  // The word at `address` must be `value`.
  struct Word {
    uint64_t address;
    uint64_t value;
  };

  // Where the leaf's own return address is, if its rule alone tells: at sp + 8 * place. Many
  // calls come from the same few leaves; what tells them apart is who called those.
  struct Leaf {
    uint64_t pc;  // 0: empty
    uint64_t place;
  };
  static constexpr uint64_t kNoPlace = ~uint64_t{0};

  // A word of the stack: its place, in words from sp, above 48 bits of what was there.
  struct PackedWord {
    uint64_t bits;

    static bool Fits(uint64_t place, uint64_t value) {
      return place <= UINT16_MAX && static_cast<uint64_t>(Signed(value)) == value;
    }
    static PackedWord Of(uint64_t place, uint64_t value) {
      return {place << 48 | value << 16 >> 16};
    }
    uint64_t place() const { return bits >> 48; }
    uint64_t value() const { return static_cast<uint64_t>(Signed(bits)); }

   private:
    static int64_t Signed(uint64_t low_48) { return static_cast<int64_t>(low_48 << 16) >> 16; }
  };

  // What Remember was told last of a stack with this inner end, on frames of this key.
  struct Finding {
    uint64_t join_key;
    uint32_t number;
    uint32_t value;
  };

  // The inner end of an earlier stack. The walk from (pc, sp, bp) came after `frames` frames to
  // a remembered one, (join_pc, join_sp, join_bp), the `skipped`-th from the innermost. What it
  // loaded: the first frames - 1 words are return addresses; the others held sp + value.
  // Mostly one cache line is looked at.
  struct alignas(64) Memo {
    uint64_t pc;  // 0: empty
    uint64_t join_pc;
    uint32_t to_join;  // join_sp - sp
    uint16_t skipped;
    uint8_t word_count;
    uint8_t frames : 4;      // inner ones, the leaf among them
    bool needs_bp : 1;       // the walk depends on bp
    bool join_needs_bp : 1;  // the join's way out depends on join_bp
    bool special : 1;        // one of these two, or skipped != 0
    Finding finding;
    PathSuffix suffix;  // by which the inner frames extend the path down to the join
    PackedWord words[kMemoWords];
    uint64_t bp;       // minus sp
    uint64_t join_bp;  // minus join_sp
  };
  static_assert(sizeof(Memo) == 192 && kMemoWords + 1 <= PathSuffix::kMaxFrames);

  bool Prepare(uint64_t sp);
  void Bind();
  void Forget();
  bool Extend(uint64_t address);
  void Verify(uint64_t sp);
  void Cut(uint32_t frames, uint32_t conditions);
  [[gnu::noinline]] void CutToStanding(uint32_t frames);
  bool IsAt(uint32_t count, const Registers& frame) const;
  void SetResult(uint32_t outer, Memo* memo);
  [[gnu::noinline]] void LearnLeaf(Leaf* leaf, uint64_t pc);
  Memo* MemosFor(const Registers& start);
  bool Fits(const Memo& memo, const Registers& start) const;
  [[gnu::noinline]] bool FitsSpecial(const Memo& memo, const Registers& start) const;
  bool WordsFit(const Memo& memo, uint64_t sp) const;
  [[gnu::noinline]] void RatePush();
  bool IsWorthPushing(const Memo& memo);
  enum class Walked { kDone, kNoRule, kCannot };
  [[gnu::noinline]] Walked Walk(const Registers& start, uint32_t* steps, Registers* caller);
  [[gnu::noinline]] bool Push(uint32_t steps, Registers caller);
  bool AddConditions(const Step& step, const Registers& caller, bool caller_needs_bp);
  bool AddCondition(uint64_t address, uint64_t value);
  [[gnu::noinline]] void Memorize(Memo* memo, const Registers& start, uint32_t steps,
                                  uint32_t skipped, uint32_t first_condition);
  [[gnu::noinline]] void Discover(const Registers& start, uint32_t standing, Memo* forget);
  [[gnu::noinline]] void Import(const Registers& start);
  [[gnu::noinline]] void TakeOver();

  // The thread pointer of the thread that [low_, high_) is the stack of; 0: none yet.
  uint64_t thread_;
  uint64_t generation_;  // Generation() when all this was remembered
  uint64_t low_;         // every page of [low_, high_) is the thread's own stack and readable
  uint64_t high_;
  bool has_bottom_;     // the page below low_ is not the stack's
  uint64_t self_code_;  // this library's code, whose frames are left out; 0: in an executable
  uint64_t self_bytes_;

  // The latest result: the outermost outer_ frames are below, the others in *memo_.
  uint32_t outer_;
  Memo* memo_;
  PathKey no_frames_;  // the key of a stack without frames, where the latest one has none
  bool truncated_;
  bool imported_;

  // The remembered frames, root first; their slots fall. Control comes back to frame i with
  // bp_[i]; only if needs_bp_[i], what lies outside of it depends on that.
  uint32_t count_;
  uint32_t condition_count_;
  Frame frames_[kFrames];
  uint64_t bp_[kFrames];
  PathKey keys_[kFrames];  // of the path down to frame i
  bool needs_bp_[kFrames];
  // Words beside the return addresses that frame condition_frame_[i]'s way out depends on;
  // the frames rise.
  uint32_t condition_frame_[kConditions];
  Word conditions_[kConditions];

  Leaf leaves_[kLeaves];
  Memo memos_[kMemoSets][kMemoWays];
  uint32_t next_way_;        // that is overwritten
  uint32_t pushed_above_;    // frames that stood before a long inner end was pushed; 0: none was
  uint32_t captures_above_;  // that had frames of it
  uint32_t credit_;          // how often that was of use lately
  uint32_t long_ends_;       // recalled, and not pushed, since it was tried last
  union {
    Step steps_[kFrames];
    CapturedStack stack_;
  };
};

// Files were unloaded: every thread's remembered stack is forgotten at its next capture.
void ForgetFastCaptures();

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_FAST_CAPTURE_H_
