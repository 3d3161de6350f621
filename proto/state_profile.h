// A state -> a pprof profile: the one implementation, used inside the target at exit and
// by `tidemark` on a copy taken from outside.
//
// Rows (pprof samples), per site = (stack, size bucket):
//   live blocks   labels bytes, allocated_at, outlives            alloc = inuse
//                        [, reallocs] [, thread: on request]
//   freed blocks  labels bytes, lifetime, outlives [, freed_by]   alloc only
//   the rest      label  bytes       peak, and what alloc the two above leave
// In exact mode there is only the last kind, with inuse too.
// Values are estimates of what the program did (weights applied), except alloc_samples and
// inuse_samples, which count the samples behind them. docs/FORMAT.md has all of it.
//
// Location.address is the return address - 1, as Go and gperftools write heap profiles:
// the byte before belongs to the call, so a reader finds the line of the call even where
// it is the last instruction of its function.
//
// Malloc-safe, signal-safe, freestanding: no allocation, no exceptions, <= 1 KiB of stack; of
// libc only memcpy, memset, memcmp and strlen. The state may be changing meanwhile: each
// counter is read once, live entries and threads are verified, and what is read first is
// what a block moves to last (freed, then threads before live entries, then sites). So a
// block that moves on meanwhile counts once, and frames that returned after its free are
// never said to be outlived.

#ifndef TIDEMARK_PROTO_STATE_PROFILE_H_
#define TIDEMARK_PROTO_STATE_PROFILE_H_

#include <cstdint>
#include <cstring>
#include <string_view>

#include "proto/buckets.h"
#include "proto/pprof_writer.h"
#include "proto/sink.h"
#include "proto/state.h"
#include "proto/state_view.h"

namespace tidemark {

// What is not in the state.
struct StateProfileInfo {
  const char* reason;               // exit, interval, on demand, growth, after death
  uint64_t duration_ns;             // from the start of recording to this profile
  uint64_t rss_bytes;               // 0: unknown, no comment
  uint64_t anonymous_bytes;         // 0: unknown, no comment
  bool threads = false;             // label live rows with the thread that allocated them
  bool paused = false;              // nothing was being recorded just then
  uint64_t memory_limit_bytes = 0;  // of the process's cgroup; 0: none or unknown, no comment
};

// Working memory, 8-byte aligned; need not be initialised.
struct Scratch {
  void* memory;
  uint64_t bytes;
};

// The scratch that WriteStateProfile needs for `view`: about 12 bytes per node, 24 per
// site, 50 per live slot. REQUIRES: counts below 2^31.
uint64_t StateProfileScratchBytes(const StateView& view);

// Writes the profile, not compressed, to `sink`. False when the sink refused or the
// scratch is too small.
bool WriteStateProfile(const StateView& view, const StateProfileInfo& info, Scratch scratch,
                       Sink sink);

namespace internal {

constexpr uint64_t HashSlots(uint64_t entries) {
  uint64_t slots = 16;
  while (slots < 2 * entries) slots *= 2;
  return slots;
}

constexpr uint64_t HashMix(uint64_t key) {
  key *= 0x9e3779b97f4a7c15u;
  return key ^ (key >> 29);
}

inline uint64_t Load(const uint64_t& field) { return __atomic_load_n(&field, __ATOMIC_RELAXED); }

// pprof's values are signed.
constexpr int64_t ToValue(uint64_t v) {
  return v > INT64_MAX ? INT64_MAX : static_cast<int64_t>(v);
}

// Text of bounded length, cut where it does not fit.
template <uint64_t kCapacity>
class FixedText {
 public:
  explicit FixedText(char* memory) : text_(memory) {}
  void Put(char c) {
    if (size_ < kCapacity) text_[size_++] = c;
  }
  void Put(std::string_view s) {
    for (char c : s) Put(c);
  }
  void Decimal(uint64_t v, int min_digits = 1) {
    char digits[20];
    int n = 0;
    for (; v != 0 || n < min_digits; v /= 10) digits[n++] = static_cast<char>('0' + v % 10);
    while (n > 0) Put(digits[--n]);
  }
  void Hex(uint64_t v, int digits) {
    for (int i = digits - 1; i >= 0; --i) Put("0123456789abcdef"[(v >> (4 * i)) & 15]);
  }
  std::string_view view() const { return {text_, static_cast<size_t>(size_)}; }

 private:
  char* text_;
  uint64_t size_ = 0;
};

// Fixed places in the scratch memory.
struct ProfileScratch {
  static constexpr uint64_t kTextBytes = 8192;
  static constexpr uint64_t kMaxLocations = state::kMaxFrames + 2;  // the two marks

  // What the live blocks of one row have in common.
  struct LiveKey {
    uint32_t site;
    uint32_t thread;  // slot; kNoThread: no label; kFormerThread: its thread ended
    uint8_t time_bucket;
    uint8_t outlives_bucket;
    uint8_t reallocs_bucket;  // 0: none, else 1 + Log2Bucket(reallocs)
    bool operator==(const LiveKey&) const = default;
    uint64_t Hash() const;
  };
  static constexpr uint32_t kFormerThread = state::kNoThread - 1;
  struct LiveRow {
    LiveKey key;
    uint32_t samples;
    uint64_t objects;
    uint64_t bytes;
  };
  static_assert(sizeof(LiveRow) == 32);
  struct Counted {
    uint64_t objects;
    uint64_t bytes;
    uint64_t samples;
  };

  PprofBuffers* buffers;
  char* text;
  uint32_t* stack;        // location ids of the row being written
  state::Thread* thread;  // a copy
  Counted* counted;       // [site] what live and freed rows already hold
  LiveRow* rows;          // [live slots]
  uint32_t* row_slots;    // hash: 1 + index into rows
  uint64_t row_slot_count;
  uint64_t* thread_names;    // [thread] the string of its label; 0: not written yet
  uint32_t* node_locations;  // [node] its location's id; 0: not written yet
  uint32_t* pc_slots;        // hash: node that first had this (pc, module)
  uint64_t pc_slot_count;

  // Returns the bytes used; with memory == nullptr only measures.
  uint64_t Place(const StateView& view, void* memory) {
    at_ = static_cast<char*>(memory);
    used_ = 0;
    row_slot_count = HashSlots(view.live_count);
    pc_slot_count = HashSlots(view.node_count);
    Take(buffers, 1);
    Take(text, kTextBytes);
    Take(stack, kMaxLocations);
    Take(thread, 1);
    Take(counted, view.site_count);
    Take(rows, view.live_count);
    Take(row_slots, row_slot_count);
    Take(thread_names, view.thread_count);
    Take(node_locations, view.node_count);
    Take(pc_slots, pc_slot_count);
    return used_;
  }

 private:
  template <class T>
  void Take(T*& place, uint64_t count) {
    place = at_ == nullptr ? nullptr : reinterpret_cast<T*>(at_ + used_);
    used_ += (count * sizeof(T) + 15) / 16 * 16;
  }

  char* at_;
  uint64_t used_;
};

inline uint64_t ProfileScratch::LiveKey::Hash() const {
  return HashMix((uint64_t{site} << 32 | uint64_t{time_bucket} << 16 |
                  uint64_t{outlives_bucket} << 8 | reallocs_bucket) ^
                 HashMix(thread));
}

class StateProfileWriter {
 public:
  StateProfileWriter(const StateView& view, const StateProfileInfo& info,
                     const ProfileScratch& scratch, Sink sink)
      : view_(view), info_(info), scratch_(scratch), out_(sink, scratch.buffers) {}

  bool Write() {
    Clear(scratch_.counted, view_.site_count);
    Clear(scratch_.row_slots, scratch_.row_slot_count);
    Clear(scratch_.thread_names, view_.thread_count);
    Clear(scratch_.node_locations, view_.node_count);
    Clear(scratch_.pc_slots, scratch_.pc_slot_count);
    WriteTypes();
    WriteMappings();
    WriteFreed();
    GatherLive();
    WriteLive();
    WriteSites();
    WriteComments();
    return out_.Finish();
  }

 private:
  // In the order of the sample types.
  enum Value {
    kAllocObjects,
    kAllocBytes,
    kInuseObjects,
    kInuseBytes,
    kPeakObjects,
    kPeakBytes,
    kAllocSamples,
    kInuseSamples,
    kValueCount,
  };
  static constexpr uint64_t kTruncatedFunction = 1;
  static constexpr uint64_t kMmapFunction = 2;

  template <class T>
  static void Clear(T* array, uint64_t count) {
    if (count != 0) std::memset(array, 0, count * sizeof(T));
  }

  void WriteTypes() {
    const uint64_t count = out_.String("count");
    bytes_ = out_.String("bytes");
    seconds_ = out_.String("seconds");
    nanoseconds_ = out_.String("nanoseconds");
    frames_ = out_.String("frames");
    allocated_at_ = out_.String("allocated_at");
    lifetime_ = out_.String("lifetime");
    outlives_ = out_.String("outlives");
    freed_by_ = out_.String("freed_by");
    other_thread_ = out_.String("other thread");
    reallocs_ = out_.String("reallocs");
    count_ = count;
    if (info_.threads) {
      thread_key_ = out_.String("thread");
      former_thread_ = out_.String("(ended)");
    }
    out_.SampleType(out_.String("alloc_objects"), count);
    out_.SampleType(out_.String("alloc_space"), bytes_);
    out_.SampleType(out_.String("inuse_objects"), count);
    const uint64_t inuse_space = out_.String("inuse_space");
    out_.SampleType(inuse_space, bytes_);
    out_.SampleType(out_.String("peak_objects"), count);
    out_.SampleType(out_.String("peak_space"), bytes_);
    out_.SampleType(out_.String("alloc_samples"), count);
    out_.SampleType(out_.String("inuse_samples"), count);
    out_.DefaultSampleType(inuse_space);
    out_.PeriodType(out_.String("space"), bytes_);
    out_.Period(view_.header->mode == 1 ? 1 : ToValue(Rate()));
    out_.TimeNanos(ToValue(view_.header->start_realtime_ns + info_.duration_ns));
    out_.DurationNanos(ToValue(info_.duration_ns));
  }

  uint64_t Rate() const {
    const uint64_t rate = Load(view_.totals->rate_bytes);
    return rate != 0 ? rate : view_.header->initial_rate_bytes;
  }

  // pprof takes the first mapping for the program.
  void WriteMappings() {
    const uint64_t first = MainModule();
    if (first < view_.module_count) WriteMapping(first);
    for (uint64_t i = 0; i < view_.module_count; ++i) {
      if (i != first) WriteMapping(i);
    }
  }

  uint64_t MainModule() const {
    const char* executable = view_.header->executable;
    const std::string_view name(executable, Length(executable, sizeof(view_.header->executable)));
    for (uint64_t i = 0; i < view_.module_count; ++i) {
      if (view_.modules[i].load_bias == view_.header->main_module_base &&
          Path(view_.modules[i]) == name) {
        return i;
      }
    }
    for (uint64_t i = 0; i < view_.module_count; ++i) {
      if (view_.modules[i].load_bias == view_.header->main_module_base) return i;
    }
    return view_.module_count;
  }

  static uint64_t Length(const char* s, uint64_t capacity) {
    uint64_t n = 0;
    while (n < capacity && s[n] != 0) ++n;
    return n;
  }

  std::string_view Path(const state::Module& module) const {
    if (module.path_offset > view_.string_bytes ||
        module.path_bytes > view_.string_bytes - module.path_offset) {
      return {};
    }
    return {view_.strings + module.path_offset, module.path_bytes};
  }

  void WriteMapping(uint64_t index) {
    const state::Module& module = view_.modules[index];
    FixedText<2 * state::kBuildIdBytes> build_id(scratch_.text);
    for (uint32_t i = 0; i < module.build_id_bytes && i < state::kBuildIdBytes; ++i) {
      build_id.Hex(module.build_id[i], 2);
    }
    const uint64_t filename = out_.String(Path(module));
    out_.WriteMapping({index + 1, module.start, module.limit, module.file_offset, filename,
                       out_.String(build_id.view())});
  }

  // Frames that `entry` has surely outlived; see state::Thread. `thread` is a copy made
  // before the entry was read, or nullptr.
  static uint32_t Outlived(const state::LiveEntry& entry, const state::Thread* thread) {
    if (thread == nullptr || entry.activation > thread->event) return 0;
    const uint32_t stored =
        thread->depth < state::kThreadFrames ? thread->depth : state::kThreadFrames;
    uint32_t begin = 0;  // first frame whose number is > entry.activation: they never fall
    uint32_t end = stored;
    while (begin < end) {
      const uint32_t middle = (begin + end) / 2;
      if (thread->activation[middle] <= entry.activation) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    if (begin == stored && thread->depth > state::kThreadFrames) return 0;
    return entry.depth > begin ? entry.depth - begin : 0;
  }

  // A copy that its thread did not write to meanwhile, else nullptr. Blocks lie in the
  // live table in no order of threads, so the last copy is kept.
  const state::Thread* StableThread(uint32_t index) {
    if (index >= view_.thread_count) return nullptr;
    if (index == thread_index_) return thread_ok_ ? scratch_.thread : nullptr;
    thread_index_ = index;
    const state::Thread& shared = view_.threads[index];
    thread_ok_ = false;
    for (int attempt = 0; attempt < 100 && !thread_ok_; ++attempt) {
      const uint32_t before = __atomic_load_n(&shared.sequence, __ATOMIC_ACQUIRE);
      if (before % 2 != 0) continue;
      std::memcpy(scratch_.thread, &shared, sizeof(shared));
      __atomic_thread_fence(__ATOMIC_ACQUIRE);
      thread_ok_ = __atomic_load_n(&shared.sequence, __ATOMIC_RELAXED) == before;
    }
    return thread_ok_ ? scratch_.thread : nullptr;
  }

  void GatherLive() {
    for (uint64_t i = 0; i < view_.live_count; ++i) {
      const state::LiveEntry& shared = view_.live[i];
      if (Load(shared.address) == 0) continue;
      const uint32_t index = __atomic_load_n(&shared.thread, __ATOMIC_RELAXED);
      const state::Thread* thread = StableThread(index);
      state::LiveEntry entry;
      std::memcpy(&entry, &shared, sizeof(entry));
      if (entry.address == 0 || entry.check != state::LiveCheck(entry) ||
          entry.site >= view_.site_count) {
        continue;
      }
      if (entry.thread != index) thread = nullptr;
      ProfileScratch::LiveRow& row =
          Row({entry.site, ThreadOf(entry, thread),
               static_cast<uint8_t>(TimeBucket(entry.time_ns / 1000000000)),
               static_cast<uint8_t>(OutlivesBucket(Outlived(entry, thread))),
               static_cast<uint8_t>(entry.chain == 0 ? 0 : 1 + Log2Bucket(entry.chain))});
      row.objects += entry.weight_objects;
      row.bytes += entry.weight_bytes;
      row.samples += 1;
      live_bytes_ += entry.weight_bytes;
      ++live_samples_;
    }
  }

  // Whose block it is, for the label. A slot serves one thread after another, and what was
  // allocated before its present one claimed it is a former one's.
  uint32_t ThreadOf(const state::LiveEntry& entry, const state::Thread* thread) {
    if (!info_.threads || thread == nullptr) return state::kNoThread;
    if (entry.activation <= state::ClaimedAt(*thread)) return ProfileScratch::kFormerThread;
    if (scratch_.thread_names[entry.thread] == 0) {
      Text text(scratch_.text);
      text.Put({thread->name, Length(thread->name, sizeof(thread->name))});
      text.Put('/');
      if (thread->tid != 0) {
        text.Decimal(static_cast<uint32_t>(thread->tid));
      } else {
        text.Put("ended");
      }
      scratch_.thread_names[entry.thread] = out_.String(text.view());
    }
    return entry.thread;
  }

  ProfileScratch::LiveRow& Row(const ProfileScratch::LiveKey& key) {
    const uint64_t mask = scratch_.row_slot_count - 1;
    for (uint64_t slot = key.Hash() & mask;; slot = (slot + 1) & mask) {
      if (scratch_.row_slots[slot] == 0) {
        scratch_.rows[row_count_] = {key, 0, 0, 0};
        scratch_.row_slots[slot] = ++row_count_;
        return scratch_.rows[row_count_ - 1];
      }
      ProfileScratch::LiveRow& row = scratch_.rows[scratch_.row_slots[slot] - 1];
      if (row.key == key) return row;
    }
  }

  void WriteLive() {
    for (uint32_t i = 0; i < row_count_; ++i) {
      const ProfileScratch::LiveRow& row = scratch_.rows[i];
      const ProfileScratch::LiveKey& key = row.key;
      int64_t values[kValueCount] = {};
      values[kAllocObjects] = values[kInuseObjects] = ToValue(row.objects);
      values[kAllocBytes] = values[kInuseBytes] = ToValue(row.bytes);
      values[kAllocSamples] = values[kInuseSamples] = row.samples;
      Count(key.site, row.objects, row.bytes, row.samples);
      PprofWriter::Label labels[5] = {
          BytesLabel(key.site),
          {allocated_at_, 0, ToValue(TimeBucketStart(key.time_bucket)), seconds_},
          {outlives_, 0, OutlivesBucketStart(key.outlives_bucket), frames_}};
      uint64_t label_count = 3;
      if (key.reallocs_bucket != 0) {
        labels[label_count++] = {reallocs_, 0, int64_t{1} << (key.reallocs_bucket - 1), count_};
      }
      if (key.thread != state::kNoThread) {
        const uint64_t name = key.thread == ProfileScratch::kFormerThread
                                  ? former_thread_
                                  : scratch_.thread_names[key.thread];
        labels[label_count++] = {thread_key_, name, 0, 0};
      }
      WriteRow(key.site, values, labels, label_count);
    }
  }

  void WriteFreed() {
    for (uint64_t i = 0; i < view_.freed_count; ++i) {
      const state::Freed& freed = view_.freed[i];
      const uint32_t site = freed.site;
      const uint64_t objects = Load(freed.objects);
      const uint64_t bytes = Load(freed.bytes);
      const uint64_t samples = Load(freed.samples);
      if (site >= view_.site_count || (objects | bytes | samples) == 0) continue;
      int64_t values[kValueCount] = {};
      values[kAllocObjects] = ToValue(objects);
      values[kAllocBytes] = ToValue(bytes);
      values[kAllocSamples] = ToValue(samples);
      Count(site, objects, bytes, samples);
      const PprofWriter::Label labels[] = {
          BytesLabel(site),
          {lifetime_, 0, ToValue(Log2BucketStart(freed.lifetime_bucket & 63)), nanoseconds_},
          {outlives_, 0, OutlivesBucketStart(freed.outlives_bucket & 15), frames_},
          {freed_by_, other_thread_, 0, 0}};
      WriteRow(site, values, labels, (freed.flags & state::kFreedByOtherThread) != 0 ? 4 : 3);
    }
  }

  void WriteSites() {
    const uint64_t peak_epoch = Load(view_.totals->peak_epoch);
    for (uint64_t i = 0; i < view_.site_count; ++i) {
      const state::Site& site = view_.sites[i];
      const ProfileScratch::Counted& counted = scratch_.counted[i];
      // A free that is under way has reached one counter and not yet the other.
      const auto rest = [](uint64_t total, uint64_t part) {
        return total > part ? total - part : 0;
      };
      const uint64_t site_epoch = __atomic_load_n(&site.peak_epoch, __ATOMIC_ACQUIRE);
      const uint64_t alloc_objects = Load(site.alloc_objects);
      const uint64_t alloc_bytes = Load(site.alloc_bytes);
      int64_t values[kValueCount] = {};
      values[kAllocObjects] = ToValue(rest(alloc_objects, counted.objects));
      values[kAllocBytes] = ToValue(rest(alloc_bytes, counted.bytes));
      values[kAllocSamples] = ToValue(rest(Load(site.alloc_samples), counted.samples));
      if (view_.header->mode == 1) {  // no table of single blocks: the counters say it all
        values[kInuseObjects] = ToValue(rest(alloc_objects, Load(site.freed_objects)));
        values[kInuseBytes] = ToValue(rest(alloc_bytes, Load(site.freed_bytes)));
        values[kInuseSamples] = values[kInuseObjects];
        live_samples_ += static_cast<uint64_t>(values[kInuseObjects]);
        live_bytes_ += static_cast<uint64_t>(values[kInuseBytes]);
      }
      const bool as_now = site_epoch < peak_epoch;
      values[kPeakObjects] =
          ToValue(as_now ? rest(alloc_objects, Load(site.freed_objects)) : Load(site.peak_objects));
      values[kPeakBytes] =
          ToValue(as_now ? rest(alloc_bytes, Load(site.freed_bytes)) : Load(site.peak_bytes));
      bool any = false;
      for (int64_t value : values) any |= value != 0;
      if (!any) continue;
      const PprofWriter::Label label = BytesLabel(i);
      WriteRow(i, values, &label, 1);
    }
  }

  void Count(uint64_t site, uint64_t objects, uint64_t bytes, uint64_t samples) {
    ProfileScratch::Counted& counted = scratch_.counted[site];
    counted.objects += objects;
    counted.bytes += bytes;
    counted.samples += samples;
  }

  PprofWriter::Label BytesLabel(uint64_t site) const {
    const uint32_t bucket = view_.sites[site].size_bucket;
    // Buckets above this one start beyond 2^63.
    const uint64_t bytes = bucket < SizeBucket(INT64_MAX) ? SizeBucketStart(bucket) : INT64_MAX;
    return {bytes_, 0, ToValue(bytes), bytes_};
  }

  void WriteRow(uint64_t site, const int64_t* values, const PprofWriter::Label* labels,
                uint64_t label_count) {
    const uint64_t frames = WriteStack(view_.sites[site].stack);
    out_.WriteSample(scratch_.stack, frames, values, kValueCount, labels, label_count);
  }

  // Fills scratch_.stack and returns its length, at least 1: a stack that is not in the
  // trie is one that was cut at once. Parents come before their children, which bounds
  // the walk in a corrupt trie too.
  uint64_t WriteStack(uint32_t node) {
    uint64_t frames = 0;
    while (node != state::kRootNode && node < view_.node_count &&
           frames < ProfileScratch::kMaxLocations - 1) {
      scratch_.stack[frames++] = LocationOf(node);
      const uint32_t parent = view_.nodes[node].parent;
      if (parent >= node) break;
      node = parent;
    }
    if (frames == 0) scratch_.stack[frames++] = TruncatedLocation();
    return frames;
  }

  uint32_t LocationOf(uint32_t node) {
    if (scratch_.node_locations[node] != 0) return scratch_.node_locations[node];
    const uint64_t pc = Load(view_.nodes[node].pc) & ~state::kPcRetired;
    const uint32_t module = view_.nodes[node].module;
    if (pc == state::kPcTruncated) {
      return scratch_.node_locations[node] = TruncatedLocation();
    }
    if (pc == state::kPcMmap) return scratch_.node_locations[node] = MmapLocation();
    const uint64_t mask = scratch_.pc_slot_count - 1;
    uint64_t slot = HashMix(pc ^ uint64_t{module} << 48) & mask;
    for (; scratch_.pc_slots[slot] != 0; slot = (slot + 1) & mask) {
      const uint32_t other = scratch_.pc_slots[slot];
      if ((Load(view_.nodes[other].pc) & ~state::kPcRetired) == pc &&
          view_.nodes[other].module == module) {
        return scratch_.node_locations[node] = scratch_.node_locations[other];
      }
    }
    scratch_.pc_slots[slot] = node;
    const uint32_t id = ++location_count_;
    out_.WriteLocation(id, module < view_.module_count ? module + uint64_t{1} : 0,
                       pc == 0 ? 0 : pc - 1, 0);
    return scratch_.node_locations[node] = id;
  }

  uint32_t TruncatedLocation() {
    if (truncated_location_ == 0) {
      truncated_location_ = ++location_count_;
      out_.WriteFunction(kTruncatedFunction, out_.String("[truncated]"));
      out_.WriteLocation(truncated_location_, 0, 0, kTruncatedFunction);
    }
    return truncated_location_;
  }

  uint32_t MmapLocation() {
    if (mmap_location_ == 0) {
      mmap_location_ = ++location_count_;
      out_.WriteFunction(kMmapFunction, out_.String("mmap"));
      out_.WriteLocation(mmap_location_, 0, 0, kMmapFunction);
    }
    return mmap_location_;
  }

  using Text = FixedText<ProfileScratch::kTextBytes>;

  Text Key(std::string_view key) {
    Text text(scratch_.text);
    text.Put("tidemark.");
    text.Put(key);
    text.Put('=');
    return text;
  }
  void CommentText(std::string_view key, std::string_view value) {
    Text text = Key(key);
    text.Put(value);
    out_.Comment(text.view());
  }
  void CommentNumber(std::string_view key, uint64_t value) {
    Text text = Key(key);
    text.Decimal(value);
    out_.Comment(text.view());
  }

  void WriteComments() {
    const state::Header& header = *view_.header;
    const state::Totals& totals = *view_.totals;
    CommentText("version", {header.tidemark_version,
                            Length(header.tidemark_version, sizeof(header.tidemark_version))});
    CommentNumber("pid", static_cast<uint32_t>(header.pid));
    Text id = Key("process_id");
    id.Hex(header.process_id, 16);
    out_.Comment(id.view());
    WriteCommandLine();
    CommentText("executable",
                {header.executable, Length(header.executable, sizeof(header.executable))});
    CommentText("reason", info_.reason);
    CommentNumber("rate_bytes", Rate());
    CommentText("mode", header.mode == 1 ? "exact" : "sampled");
    if (info_.paused) CommentText("paused", "1");
    uint64_t samples = Load(totals.samples);
    for (uint64_t i = 0; header.mode == 1 && i < view_.site_count; ++i) {
      samples += view_.sites[i].alloc_samples;
    }
    CommentNumber("samples", samples);
    CommentNumber("live_samples", live_samples_);
    CommentNumber("live_bytes", live_bytes_);
    CommentNumber("truncated_samples", Load(totals.losses[state::kLossStackTruncated]));
    if (info_.rss_bytes != 0) CommentNumber("rss_bytes", info_.rss_bytes);
    if (info_.anonymous_bytes != 0) CommentNumber("anonymous_bytes", info_.anonymous_bytes);
    if (info_.memory_limit_bytes != 0) {
      CommentNumber("memory_limit_bytes", info_.memory_limit_bytes);
    }
    CommentNumber("rate_doublings", Load(totals.rate_doublings));
    const uint64_t peak_ns = Load(totals.peak_ns);
    Text peak = Key("peak_time_seconds");
    peak.Decimal(peak_ns / 1000000000);
    peak.Put('.');
    peak.Decimal(peak_ns / 1000000 % 1000, 3);
    out_.Comment(peak.view());
    for (uint32_t i = 0; i < state::kLossCount; ++i) {
      const uint64_t lost = Load(totals.losses[i]);
      if (lost != 0) CommentNumber(state::kLossCommentKeys[i], lost);
    }
  }

  // As a shell would take it, on one line. An empty argument is two NULs in a row, so the
  // last byte that is not NUL tells the end.
  void WriteCommandLine() {
    const char* line = view_.header->command_line;
    uint64_t end = sizeof(view_.header->command_line);
    while (end != 0 && line[end - 1] == 0) --end;
    Text text = Key("command_line");
    for (uint64_t at = 0; at < end;) {
      const uint64_t length = Length(line + at, end - at);
      if (at != 0) text.Put(' ');
      PutQuoted(text, {line + at, length});
      at += length + 1;
    }
    out_.Comment(text.view());
  }

  static void PutQuoted(Text& text, std::string_view argument) {
    bool plain = !argument.empty();
    for (char c : argument) {
      const bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '+' && c <= ':') || c == '_' || c == '=' || c == '@' || c == '%' ||
                        (c & 0x80) != 0;
      plain &= safe;
    }
    if (!plain) text.Put('\'');
    for (char c : argument) {
      if (c == '\'') {
        text.Put("'\\''");
      } else {
        text.Put(static_cast<uint8_t>(c) < ' ' || c == 0x7f ? '?' : c);
      }
    }
    if (!plain) text.Put('\'');
  }

  const StateView& view_;
  const StateProfileInfo& info_;
  const ProfileScratch& scratch_;
  PprofWriter out_;
  uint64_t bytes_ = 0;
  uint64_t seconds_ = 0;
  uint64_t nanoseconds_ = 0;
  uint64_t frames_ = 0;
  uint64_t allocated_at_ = 0;
  uint64_t lifetime_ = 0;
  uint64_t outlives_ = 0;
  uint64_t freed_by_ = 0;
  uint64_t other_thread_ = 0;
  uint64_t reallocs_ = 0;
  uint64_t count_ = 0;
  uint64_t thread_key_ = 0;
  uint64_t former_thread_ = 0;
  uint64_t live_samples_ = 0;
  uint64_t live_bytes_ = 0;
  uint32_t row_count_ = 0;
  uint32_t location_count_ = 0;
  uint32_t truncated_location_ = 0;
  uint32_t mmap_location_ = 0;
  uint32_t thread_index_ = state::kNoThread;
  bool thread_ok_ = false;
};

}  // namespace internal

inline uint64_t StateProfileScratchBytes(const StateView& view) {
  return internal::ProfileScratch().Place(view, nullptr);
}

inline bool WriteStateProfile(const StateView& view, const StateProfileInfo& info, Scratch scratch,
                              Sink sink) {
  internal::ProfileScratch places;
  if (scratch.memory == nullptr || scratch.bytes < StateProfileScratchBytes(view)) return false;
  places.Place(view, scratch.memory);
  return internal::StateProfileWriter(view, info, places, sink).Write();
}

}  // namespace tidemark

#endif  // TIDEMARK_PROTO_STATE_PROFILE_H_
